//! `talia-voice export leads`: read back by readers that are not ours.

use super::{Place, named};
use crate::harness::{Keeper, Said, call_sid, program};
use futures::future::join_all;
use jiff::SignedDuration;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::slice::from_ref;
use std::time::Duration;
use talia_voice::store::{HeardField, HeardIn, LeadField, LeadFields, LeadWindow, NewCall};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

on_both! {
    what_callers_dictate_is_text_for_every_reader
    a_thousand_leads_come_once_each_whole_and_by_person
    of_a_person_the_newest_word_of_each_field_is_given
}

/// What somebody may say to harm whoever opens the export, or to break it.
const NASTY: [&str; 26] = [
    "=1+1",
    "=HYPERLINK(\"http://mal.example\",\"clic\")",
    "=cmd|'/c calc'!A0",
    "+525512345678; =1+1",
    "-2+3",
    "@SUM(A1:A9)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "  =1+1",
    "＝1+1",
    "\u{feff}\u{b}=1+1",
    "hola,=1+1",
    "hola;=1+1;",
    "hola;\"=1+1\"",
    "hola\t@A1",
    "a \"cita\", con comas",
    "\"",
    "\"\"",
    ",",
    "línea una\r\nlínea dos\n",
    "'; DROP TABLE leads; --",
    "</script><script>alert(1)</script>",
    "{\"json\": [1, null]} \\ \u{7f}\u{1f}",
    "🦀 áéñ \u{202e}derecha",
    " ",
];

/// Runs it on this place's database.
async fn exports(place: &Place, arguments: &[&str]) -> Said {
    let environment = [("TALIA_DATABASE_URL", place.url.as_str())];
    let arguments = [&["export", "leads"], arguments].concat();
    program(place.folder.path(), &arguments, &environment, "").await
}

async fn as_json(place: &Place, arguments: &[&str]) -> Vec<Value> {
    let said = exports(place, &[&["--format", "json"], arguments].concat()).await;
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    serde_json::from_str(&said.out).expect("an array")
}

/// Lines of cells, read by Python's own reader in its strict mode.
async fn read_by_python(text: &str) -> Vec<Vec<String>> {
    let script = "import csv, io, json, sys
text = sys.stdin.buffer.read().decode('utf-8')
print(json.dumps(list(csv.reader(io.StringIO(text, newline=''), strict=True))))";
    let mut child = Command::new("python3")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("python3");
    let mut stdin = child.stdin.take().expect("a pipe");
    let writing = async {
        stdin.write_all(text.as_bytes()).await.expect("it reads");
        drop(stdin);
    };
    let (output, ()) = tokio::join!(child.wait_with_output(), writing);
    let output = output.expect("an end");
    assert!(output.status.success(), "{text}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Lines of cells as RFC 4180 has them, and nothing else: CRLF, quotes doubled within quotes, none outside.
fn read_by_the_rfc(text: &str) -> Vec<Vec<String>> {
    let (mut lines, mut cells) = (Vec::new(), Vec::new());
    let mut rest = text;
    while !rest.is_empty() {
        let mut cell = String::new();
        if let Some(mut quoted) = rest.strip_prefix('"') {
            loop {
                let (before, after) = quoted.split_once('"').expect("the quote ends");
                cell.push_str(before);
                quoted = after;
                match after.strip_prefix('"') {
                    Some(more) => {
                        cell.push('"');
                        quoted = more;
                    }
                    None => break,
                }
            }
            rest = quoted;
        } else {
            let end = rest.find([',', '\r', '\n', '"']).expect("a line ends");
            cell.push_str(&rest[..end]);
            rest = &rest[end..];
        }
        cells.push(cell);
        if let Some(more) = rest.strip_prefix(',') {
            rest = more;
        } else {
            rest = rest.strip_prefix("\r\n").expect("a line ends with CRLF");
            lines.push(std::mem::take(&mut cells));
        }
    }
    lines
}

/// Whether a spreadsheet, whatever it parts cells by, would take any of this text for a formula.
fn has_formula(text: &str) -> bool {
    text.split([',', ';', '\t', '\r', '\n']).any(|part| {
        let part = part.trim_start_matches(|letter: char| {
            letter.is_whitespace() || letter.is_control() || "\"\u{200b}\u{feff}".contains(letter)
        });
        part.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
    })
}

async fn what_callers_dictate_is_text_for_every_reader(keeper: Keeper) {
    let place = Place::new(keeper).await;
    let phone = "+525512345678";
    let columns = ["name", "email", "company", "notes", "purpose", "phone"];
    let mut wanted = BTreeMap::new();
    for (number, said) in (0x400..).zip(NASTY) {
        // One lead has it in every field, also where nobody should be able to get it.
        let text = Some(said.to_owned());
        let fields = LeadFields {
            name: text.clone(),
            email: text.clone(),
            company: text.clone(),
            notes: text.clone(),
            purpose: text.clone(),
            phone: text.clone(),
            ..LeadFields::default()
        };
        let row = place.leaves(number, phone, fields).await;
        wanted.insert(row.id, said);
    }
    let good = LeadFields {
        phone: Some(phone.to_owned()),
        ..named("Ana")
    };
    let good = place.leaves(0x43f, "anonymous", good).await;

    // Byte for byte.
    let leads = as_json(&place, &[]).await;
    assert_eq!(leads.len(), NASTY.len() + 1);
    for lead in &leads {
        let Some(text) = wanted.get(lead["id"].as_str().expect("text")) else {
            continue;
        };
        for column in columns {
            assert_eq!(lead[column].as_str(), Some(*text), "{column}");
        }
    }

    let csv = exports(&place, &["--format", "csv"]).await;
    assert_eq!((csv.code, csv.err.as_str()), (0, ""));
    let lines = read_by_python(&csv.out).await;
    assert_eq!(lines, read_by_the_rfc(&csv.out));
    let (header, lines) = lines.split_first().expect("a header");
    assert_eq!(lines.len(), NASTY.len() + 1);
    assert!(lines.iter().all(|line| line.len() == header.len()), "{lines:?}");
    let place_of = |column: &str| header.iter().position(|name| name == column).expect("a column");
    for line in lines {
        let Some(text) = wanted.get(&line[place_of("id")]) else {
            // A telephone is a telephone.
            assert_eq!(line[place_of("id")], good.id);
            assert_eq!(
                (line[place_of("phone")].as_str(), line[place_of("person")].as_str()),
                (phone, "")
            );
            continue;
        };
        assert_eq!(line[place_of("person")], phone);
        for column in columns {
            let cell = &line[place_of(column)];
            assert!(!has_formula(cell) && !cell.starts_with(['\t', '\r', '\n']), "{cell:?}");
            // Nothing but apostrophes was added.
            assert_eq!(cell.replace('\'', ""), text.replace('\'', ""));
        }
    }
    // With another separator neither: no cell of a line that is torn apart there begins a formula. (The good telephones do
    // begin with a plus.)
    let torn = csv.out.replace(phone, "");
    let formulas: Vec<&str> = torn
        .split([';', '\t', '\n', '\r'])
        .filter(|cell| has_formula(cell))
        .collect();
    assert_eq!(formulas, [""; 0]);
}

async fn a_thousand_leads_come_once_each_whole_and_by_person(keeper: Keeper) {
    const LEADS: u32 = 1_203;
    let place = Place::new(keeper).await;
    let line = |number: u32| match number % 9 {
        0 => "anonymous".to_owned(),
        rest => format!("+5255000000{:02}", (number / 9) % 50 + rest),
    };
    let calls = (0..LEADS).map(|number| {
        let call = NewCall {
            from: line(number),
            ..crate::store::new_call(&call_sid(0x10_0000 + number), &place.clock)
        };
        place.store.call_started(call)
    });
    assert!(join_all(calls).await.iter().all(Result::is_ok));
    let sids: Vec<String> = (0..LEADS).map(|number| call_sid(0x10_0000 + number)).collect();
    let saved = sids.iter().map(|sid| {
        let heard = HeardField {
            field: LeadField::Name,
            origin: HeardIn::Words,
            segment_id: Some("0192f0a0-0000-7000-8000-000000000001".to_owned()),
            heard_ms: Some(1_234),
            read_back: false,
            confirmed: false,
        };
        let fields = LeadFields {
            heard: vec![heard],
            ..named("Ana")
        };
        place.store.save_lead(sid, fields)
    });
    assert!(join_all(saved).await.iter().all(Result::is_ok));

    let all = as_json(&place, &[]).await;
    let seen: BTreeSet<&str> = all
        .iter()
        .map(|lead| lead["call_sid"].as_str().expect("text"))
        .collect();
    assert_eq!((all.len(), seen.len()), (LEADS as usize, LEADS as usize));
    let people: BTreeSet<String> = (0..LEADS).map(line).filter(|line| line.starts_with('+')).collect();
    let nobody = (0..LEADS).filter(|number| number % 9 == 0).count();
    let unique = as_json(&place, &["--unique"]).await;
    assert_eq!(unique.len(), people.len() + nobody);
    let persons = unique.iter().filter_map(|lead| lead["person"].as_str());
    assert!(persons.eq(people.iter().map(String::as_str)), "each once, in order");
    for lead in all.iter().chain(&unique) {
        assert_eq!(lead["fields"]["name"]["heard_ms"], 1_234, "{lead}");
    }
    assert!(unique.iter().all(|lead| lead["first_lead_id"].is_null()));
    // No page holds them all.
    let mut pages = place.store.lead_pages(LeadWindow::default(), false);
    let mut longest = 0;
    while let Some(page) = pages.next().await.expect("a read") {
        longest = longest.max(page.len());
    }
    assert!(longest <= 500, "{longest}");
}

async fn of_a_person_the_newest_word_of_each_field_is_given(keeper: Keeper) {
    let place = Place::new(keeper).await;
    let (ana, eva) = ("+525512345678", "+525587654321");
    let first = LeadFields {
        email: Some("ana@ejemplo.mx".to_owned()),
        email_confirmed: true,
        company: Some("Ejemplo".to_owned()),
        heard: vec![heard_at(LeadField::Name, 1), heard_at(LeadField::Email, 2)],
        ..named("Ana")
    };
    let day = || place.clock.advance(Duration::from_hours(24));
    let first = place.leaves(0x500, ana, first).await;
    day();
    let other = place.leaves(0x501, eva, named("Eva")).await;
    day();
    let second = LeadFields {
        purpose: Some("Paneles".to_owned()),
        heard: vec![heard_at(LeadField::Name, 3)],
        ..named("Ana Pérez")
    };
    let second = place.leaves(0x502, ana, second).await;

    let unique = as_json(&place, &["--unique"]).await;
    assert_eq!(unique.len(), 2);
    let lead = &unique[0];
    for (name, value) in [
        ("id", first.id.as_str()),
        ("call_sid", second.call_sid.as_str()),
        ("name", "Ana Pérez"),
        ("email", "ana@ejemplo.mx"),
        ("company", "Ejemplo"),
        ("purpose", "Paneles"),
        ("created_at", first.created_at.as_str()),
        ("updated_at", second.updated_at.as_str()),
    ] {
        assert_eq!(lead[name], value, "{name}");
    }
    assert_eq!(lead["email_confirmed"], true);
    // Where each word was heard, in whichever call.
    assert_eq!(lead["fields"]["name"]["lead_id"], second.id.as_str());
    assert_eq!(lead["fields"]["email"]["lead_id"], first.id.as_str());
    assert_eq!(unique[1]["id"], other.id.as_str());

    // By their days, the last one whole; of a person who called then, everything is given.
    let ids = async |arguments: &[&str]| -> Vec<String> {
        let leads = as_json(&place, arguments).await;
        leads
            .iter()
            .map(|lead| lead["id"].as_str().expect("text").to_owned())
            .collect()
    };
    let (one, two, three) = (first.id.clone(), other.id.clone(), second.id.clone());
    assert_eq!(ids(&["--since", "2026-11-25"]).await, [two.clone(), three.clone()]);
    assert_eq!(ids(&["--until", "2026-11-25"]).await, [one.clone(), two.clone()]);
    assert_eq!(
        ids(&["--since", "2026-11-25", "--until", "2026-11-25"]).await,
        from_ref(&two)
    );
    assert_eq!(ids(&["--since", &second.created_at]).await, [three]);
    let before = second.created_at.parse::<jiff::Timestamp>().expect("a time") - SignedDuration::from_millis(1);
    assert_eq!(
        ids(&["--until", &before.to_string(), "--since", "2026-11-25"]).await,
        from_ref(&two)
    );
    assert_eq!(ids(&["--unique", "--since", "2026-11-26"]).await, from_ref(&one));
    assert_eq!(ids(&["--unique", "--until", "2026-11-25T00:00:00Z"]).await, [one]);
    assert_eq!(ids(&["--unique", "--since", "2026-12-01"]).await, [""; 0]);
}

fn heard_at(field: LeadField, heard_ms: i64) -> HeardField {
    HeardField {
        field,
        origin: HeardIn::Keys,
        segment_id: None,
        heard_ms: Some(heard_ms),
        read_back: false,
        confirmed: false,
    }
}

#[tokio::test]
async fn a_file_is_its_owner_s_alone_and_never_overwritten() {
    let place = Place::new(Keeper::Sqlite).await;
    place.leaves(0x510, "anonymous", named("Ana")).await;
    let path = place.folder.path().join("leads.csv");
    let said = exports(&place, &["-o", "leads.csv"]).await;
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, "leads.csv: 1 lead(s)\n"),
        "{said:?}"
    );
    let mode = std::fs::metadata(&path).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = std::fs::read(&path).expect("a file");
    let said = exports(&place, &["--format", "json", "-o", "leads.csv"]).await;
    assert_eq!(said.code, 1);
    assert!(said.err.contains("leads.csv: ya existe"), "{said:?}");
    assert_eq!(std::fs::read(&path).expect("a file"), before);
    let said = exports(&place, &["-o", "no/leads.csv"]).await;
    assert!(said.code == 1 && said.err.contains("no/leads.csv"), "{said:?}");
}

#[tokio::test]
async fn nothing_is_an_empty_list_and_a_bad_date_is_told() {
    let place = Place::new(Keeper::Sqlite).await;
    assert_eq!(as_json(&place, &[]).await, Vec::<Value>::new());
    let csv = exports(&place, &[]).await;
    assert_eq!(read_by_the_rfc(&csv.out).len(), 1, "{csv:?}");
    for wrong in ["ayer", "2026-13-01", "2026-11-24T18:00", "24/11/2026", ""] {
        let said = exports(&place, &["--since", wrong]).await;
        assert!(
            said.code == 2 && said.err.contains("no es una fecha"),
            "{wrong}: {said:?}"
        );
    }
    let said = exports(&place, &["--since", "2026-11-25", "--until", "2026-11-24"]).await;
    assert!(
        said.code == 1 && said.err.contains("--since está después de --until"),
        "{said:?}"
    );
    let said = exports(&place, &["--format", "xml"]).await;
    assert_eq!(said.code, 2, "{said:?}");
}

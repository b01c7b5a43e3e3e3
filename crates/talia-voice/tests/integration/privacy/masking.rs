//! What must not be kept is nowhere: a card's number, whole and in pieces, said by whom it may be, and what a pattern names.

use super::rig::{files_with, tables_with};
use crate::harness::{Backend, CallServer, Keeper, eventually};
use crate::transfers::{PERSON, person, with_a_person};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use talia_dialogue::{Entry, Speaker};
use talia_simulator::providers::models::{ChatCompletions, Part};
use talia_voice::call::live::LiveEvent;
use talia_voice::config::{MaskPattern, Privacy};
use talia_voice::privacy::{CallMask, Mask};
use talia_voice::telemetry::Metrics;
use talia_voice::telemetry::labels::Masked;
use tempfile::TempDir;

const KEY: &str = "sk-test";
const CURP: &str = "[[privacy.patterns]]\nname = \"curp\"\nregex = '[A-Z]{4}\\d{6}[HM][A-Z]{5}[A-Z0-9]\\d'\n";
/// What is looked for, as it was said or written.
const SECRET: [&str; 5] = ["4111 1111", "4111111111111111", "once, once", "5555 4444", "VECJ880326"];

/// These lines, each when the last was answered, then the end.
fn script(lines: &[&str], patience_ms: u32) -> String {
    let mut script = format!("silence_ms = 700\npatience_ms = {patience_ms}\n");
    for line in lines {
        script.extend([
            "[[step]]\ndo = \"wait_for_answer_end\"\n[[step]]\ndo = \"say\"\ntext = \"",
            line,
            "\"\n",
        ]);
    }
    script + "[[step]]\ndo = \"expect_hang_up\"\nwithin_ms = 40000\n"
}

/// What must be where it was, and what nowhere.
async fn nothing_is_left(keeper: Keeper, (database, home): (&str, &TempDir), marked: &[(&str, &[&str])]) {
    assert_eq!(tables_with(database, &SECRET).await, Vec::<String>::new());
    if keeper == Keeper::Sqlite {
        assert_eq!(files_with(home.path(), &SECRET), Vec::<String>::new());
    }
    for (mark, tables) in marked {
        let found = tables_with(database, &[mark]).await;
        for table in *tables {
            assert!(found.iter().any(|found| found == table), "{mark} in {table}: {found:?}");
        }
    }
}

/// With a model that says again what it hears.
async fn a_card_that_is_said_and_repeated_is_nowhere(keeper: Keeper) {
    let (home, backend) = (TempDir::new().expect("a folder"), Backend::start().await);
    let database = keeper.new_database(&home);
    let model = ChatCompletions::start(KEY).await.expect("a port");
    for (when, says) in [
        ("anotas", "✓ Anoté la 4111 1111 1111 1111. ¿Qué más?"),
        ("otra", "✓ Sí, dime."),
        ("sigue", "✓ Listo. ¿Qué más?"),
        ("clave", "✓ Tu CURP es VECJ880326HDFRRL09. ¿Qué más?"),
    ] {
        model.mind.answer(when, vec![Part::say(says)]);
    }
    let goodbye = vec![Part::say("✓ Hasta luego."), Part::call("end_call", &json!({}))];
    model.mind.answer("adiós", goodbye);
    let brain = format!(
        "[brain]\nchain = \"uno, script\"\n[accounts.uno]\nurl = \"{}\"\nkey = \"{KEY}\"\n\
         [providers.uno]\nkind = \"openai-chat\"\naccount = \"uno\"\nmodel = \"uno\"\n",
        model.url(),
    );
    let file = format!("{}{brain}{CURP}", backend.settings(""));
    let settings = [("TALIA_DATABASE_URL", database.as_str()), ("talia.toml", &file)];
    let calls = CallServer::start_with(&settings).await;
    let app = calls.server.app.clone();
    let mut live = app.live_feed.subscribe();
    let lines = [
        "Mi tarjeta es 4111 1111 1111 1111, ¿la anotas?",
        "Tengo otra, empieza con 5555 5555.",
        "Y sigue 5555 4444.",
        "Mi clave es VECJ880326HDFRRL09.",
        "Muchas gracias, adiós.",
    ];
    let outcome = calls.ring(&script(&lines, 20_000)).await;
    outcome.assert_script_done();
    calls.nothing_lives().await;
    let sid = outcome.call_sid.as_str();
    let kept = app.store.transcript(sid).await.expect("a read");
    let texts: Vec<&str> = kept.iter().map(|line| line.text.as_str()).collect();
    for said in [
        "Mi tarjeta es [tarjeta ···1111], ¿la anotas?",
        "Anoté la [tarjeta ···1111].",
        "Tengo otra, empieza con 5555 5555.",
        "Y sigue [tarjeta ···4444].",
        "Mi clave es [oculto: curp].",
        "Tu CURP es [oculto: curp].",
    ] {
        assert!(texts.contains(&said), "{said}: {texts:#?}");
    }
    // The model heard it all.
    let asked = format!("{:?}", model.mind.journal().requests);
    assert!(asked.contains("4111 1111 1111 1111") && asked.contains("VECJ880326HDFRRL09"));
    eventually("its end was told", async || {
        let taken = backend.taken();
        taken.last().is_some_and(|last| last.text.contains("call_completed"))
    })
    .await;
    let told: String = backend.taken().iter().map(|event| event.text.as_str()).collect();
    for secret in SECRET {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
    assert!(
        told.contains("[tarjeta ···1111]") && told.contains("[oculto: curp]"),
        "{told}"
    );
    let everywhere: &[&str] = &["voice_transcripts", "outbox", "conversations"];
    let marked = [
        ("[tarjeta ···1111]", everywhere),
        ("[tarjeta ···4444]", everywhere),
        ("[oculto: curp]", everywhere),
    ];
    nothing_is_left(keeper, (&database, &home), &marked).await;
    // What came before its end is where it was written, and nowhere else.
    let of_first_piece = tables_with(&database, &["5555 5555"]).await;
    assert!(
        !of_first_piece.contains(&"conversations".to_owned()),
        "{of_first_piece:?}"
    );
    let mut watched = 0;
    while let Ok(item) = live.try_recv() {
        let (text, is_line) = match item.event {
            LiveEvent::Line(entry) => (entry.text, true),
            LiveEvent::Partial { text } | LiveEvent::Says { text } => (text, false),
            _ => continue,
        };
        watched += 1;
        let whole = SECRET.iter().filter(|secret| is_line || **secret != "5555 4444");
        for secret in whole {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
    assert!(watched > 10);
    let count = |kind| app.metrics.masked_count(kind);
    assert_eq!((count(Masked::Card), count(Masked::Pattern)), (3, 2));
    let metrics = calls.server.get("/metrics", &[]).await.body;
    assert!(metrics.contains("masked_total{kind=\"Card\"} 3\n"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_that_is_said_and_repeated_is_nowhere_on_sqlite() {
    Box::pin(a_card_that_is_said_and_repeated_is_nowhere(Keeper::Sqlite)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_that_is_said_and_repeated_is_nowhere_on_postgres() {
    Box::pin(a_card_that_is_said_and_repeated_is_nowhere(Keeper::Postgres)).await;
}

/// What a caller needs is a field of the lead, and told to whoever takes the call over.
async fn a_card_in_what_a_caller_needs_is_in_no_lead_and_no_transfer(keeper: Keeper) {
    let home = TempDir::new().expect("a folder");
    let database = keeper.new_database(&home);
    let file = format!("{}{CURP}", with_a_person());
    let settings = [("TALIA_DATABASE_URL", database.as_str()), ("talia.toml", &file)];
    let calls = CallServer::start_with(&settings).await;
    let (carrier, _api) = calls.carrier_with(|_| {});
    carrier.put_person(PERSON, person(1_000).await);
    let lines = [
        "Quiero pagar mi recibo con la cuarenta y uno, once, once, once, once, once, once, once, CURP VECJ880326HDFRRL09.",
        "Prefiero hablar con una persona, por favor.",
    ];
    let outcome = calls.ring_through(&carrier, &script(&lines, 30_000), |_| {}).await;
    outcome.assert_script_done();
    calls.nothing_lives().await;
    let (app, sid) = (&calls.server.app, outcome.call_sid.as_str());
    let transfers = app.store.transfers(sid).await.expect("a read");
    let summary = &transfers[0].summary;
    assert!(
        summary.contains("[tarjeta ···1111]") && summary.contains("[oculto: curp]"),
        "{summary}"
    );
    let lead = app.store.lead(sid).await.expect("a read").expect("a lead");
    let purpose = lead.purpose.expect("a purpose");
    assert!(
        purpose.contains("[tarjeta ···1111]") && purpose.contains("[oculto: curp]"),
        "{purpose}"
    );
    let tables: &[&str] = &["voice_transcripts", "outbox", "conversations", "leads", "transfers"];
    let marked = [("[tarjeta ···1111]", tables), ("[oculto: curp]", tables)];
    nothing_is_left(keeper, (&database, &home), &marked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_in_what_a_caller_needs_is_in_no_lead_and_no_transfer_on_sqlite() {
    Box::pin(a_card_in_what_a_caller_needs_is_in_no_lead_and_no_transfer(
        Keeper::Sqlite,
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_in_what_a_caller_needs_is_in_no_lead_and_no_transfer_on_postgres() {
    Box::pin(a_card_in_what_a_caller_needs_is_in_no_lead_and_no_transfer(
        Keeper::Postgres,
    ))
    .await;
}

fn masking(mask_cards: bool, patterns: &[(&str, &str)]) -> (CallMask, Arc<Metrics>) {
    let pattern = |(name, regex): &(&str, &str)| MaskPattern {
        name: (*name).to_owned(),
        regex: regex::Regex::new(regex).expect("a regex"),
    };
    let privacy = Privacy {
        mask_cards,
        patterns: patterns.iter().map(pattern).collect(),
    };
    let metrics = Arc::new(Metrics::default());
    let mask = Arc::new(Mask::new(&privacy, metrics.clone()));
    (CallMask::new(mask), metrics)
}

fn entry(speaker: Speaker, text: &str, unheard: Option<&str>) -> Entry {
    Entry {
        speaker,
        text: text.to_owned(),
        unheard: unheard.map(str::to_owned),
        began: Duration::ZERO,
        ended: Duration::ZERO,
        kind: None,
        by_timer: false,
        own_voice: false,
    }
}

#[test]
fn a_number_that_was_cut_is_masked_on_both_sides_of_the_cut() {
    let (mut mask, metrics) = masking(true, &[]);
    let line = entry(Speaker::Assistant, "Es la 4111 1111", Some("1111 1111, ¿sí?"));
    let kept = mask.line(&line);
    assert_eq!(kept.text, "Es la [tarjeta ···1111]");
    assert_eq!(kept.unheard.as_deref(), Some("[tarjeta ···1111], ¿sí?"));
    assert_eq!(metrics.masked_count(Masked::Card), 1);
    let whole = entry(Speaker::Assistant, "Sí", Some(""));
    assert_eq!(mask.line(&whole), whole);
}

#[test]
fn each_speaker_has_numbers_of_their_own() {
    let (mut mask, metrics) = masking(true, &[]);
    for (speaker, text, kept) in [
        (Speaker::Caller, "4111 1111", "4111 1111"),
        (Speaker::Assistant, "1111", "1111"),
        (Speaker::Assistant, "¿Y qué sigue?", "¿Y qué sigue?"),
        (Speaker::Caller, "1111 1111", "[tarjeta ···1111]"),
        (Speaker::Caller, "el CVV es 123", "el CVV es [código oculto]"),
    ] {
        assert_eq!(mask.line(&entry(speaker, text, None)).text, kept);
    }
    let count = |kind| metrics.masked_count(kind);
    assert_eq!((count(Masked::Card), count(Masked::SecurityCode)), (1, 1));
    // Another stream of the call, which knows what was said before.
    let (mut mask, _) = masking(true, &[]);
    mask.recall("4111 1111");
    let kept = mask.line(&entry(Speaker::Caller, "1111 1111", None));
    assert_eq!(kept.text, "[tarjeta ···1111]");
}

#[test]
fn what_is_remembered_is_masked_but_for_ids_and_the_ways_to_reach_somebody() {
    let (mut mask, _) = masking(true, &[("numero", r"\d{10}")]);
    for text in ["Es 4111 1111", "1111 1111"] {
        mask.line(&entry(Speaker::Caller, text, None));
    }
    let remembered = |words: [&str; 3]| {
        json!({
            "brain": {
                "lead": {"email": "a4111111111111111@ejemplo.com", "phone": "+524111111111", "notes": words[0]},
                "events": [{"Caller": words[1]}, {"Said": [{"text": words[2], "fate": {"Cut": words[0]}}]}, 3, null],
            },
            "sources": {
                "said": [{"segment_id": "41111111-1111-7111-8111-111111111111", "heard_ms": 4_111_111_111_111_111_i64}],
                "fields": {"phone": {"value": "+524111111111"}},
            },
        })
    };
    let said = [
        "la 4111 1111 1111 1111",
        "Es 4111 1111",
        "5512345678, folio 14111 11112",
    ];
    let kept = [
        "la [tarjeta ···1111]",
        "Es [tarjeta ···1111]",
        "[oculto: numero], folio 14111 11112",
    ];
    let mut memory = remembered(said);
    mask.memory(&mut memory);
    assert_eq!(memory, remembered(kept));
    // It is masked once.
    mask.memory(&mut memory);
    assert_eq!(memory, remembered(kept));
}

#[test]
fn without_the_switch_only_patterns_are_masked() {
    let (mut mask, _) = masking(false, &[("folio", "F-[0-9]+")]);
    let text = "4111 1111 1111 1111, CVV 123, F-99";
    let kept = "4111 1111 1111 1111, CVV 123, [oculto: folio]";
    assert_eq!(mask.line(&entry(Speaker::Caller, text, None)).text, kept);
    assert_eq!(mask.text(text), kept);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Marks hide what they stand for, and whatever is said, nothing but that changes.
    #[test]
    fn a_line_without_anything_to_hide_stays_as_it_is(text in "[a-zñ ¿?.,]{0,60}", unheard in prop::option::of("\\PC{0,30}")) {
        let (mut mask, _) = masking(true, &[("folio", "F-[0-9]{4}")]);
        let number = "F-1234 4111-1111-1111-1111";
        let marks = "[oculto: folio] [tarjeta ···1111]";
        let hidden = mask.line(&entry(Speaker::Caller, &format!("{text} {number}"), None));
        prop_assert_eq!(hidden.text, format!("{text} {marks}"));
        let (mut mask, _) = masking(true, &[]);
        let line = entry(Speaker::Assistant, &text, unheard.as_deref().filter(|text| !text.contains(char::is_numeric)));
        prop_assert_eq!(mask.line(&line), line);
        let mut memory = Value::String(text.clone());
        mask.memory(&mut memory);
        prop_assert_eq!(memory, Value::String(text));
    }
}

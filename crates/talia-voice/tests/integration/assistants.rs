//! Which assistant answers: the one whose file names the number called, or the one that names none.

use crate::harness::{ACCOUNT, TestServer, call_sid, eventually, inbound_form};
use std::path::Path;
use talia_voice::brain::script::Assistants;
use talia_voice::clock::Clock;
use tempfile::TempDir;

const SOLARA: &str = include_str!("../../../../assistants/solara.toml");
const ENGLISH_NUMBER: &str = "+15550100200";

/// The example conversation under another name and for these numbers.
fn assistant(id: &str, answers: &str) -> String {
    let renamed = SOLARA.replace("id = \"solara\"", &format!("id = \"{id}\""));
    let renamed = renamed.replace("answers = []", &format!("answers = [{answers}]"));
    assert!(renamed.contains(&format!("id = \"{id}\"")) && renamed.contains(&format!("answers = [{answers}]")));
    renamed
}

/// A folder of these assistants.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for (id, answers) in files {
        std::fs::write(folder.path().join(format!("{id}.toml")), assistant(id, answers)).expect("a file");
    }
    folder
}

fn error_of(files: &[(&str, &str)]) -> String {
    let folder = folder(files);
    let error = Assistants::load(folder.path()).expect_err("a bad folder").to_string();
    error.replace(&folder.path().display().to_string(), "assistants")
}

/// Who answers a call to `to`, by the document and by the row.
async fn answering(server: &TestServer, number: u32, to: &str) -> (String, Option<String>) {
    let sid = call_sid(number);
    let mut form = inbound_form(&sid);
    form[3].1 = to;
    assert_eq!(form[1], ("AccountSid", ACCOUNT));
    let document = server.post("/api/voice/inbound", &form).await.body;
    let (_, rest) = document
        .split_once("<Parameter name=\"assistant\" value=\"")
        .expect("a parameter");
    let named = rest.split('"').next().expect("an end").to_owned();
    // On a busy machine the webhook may be answered before its row is there.
    let mut row = None;
    eventually("the call is kept", async || {
        row = server.app.store.call(&sid).await.expect("a read");
        row.is_some()
    })
    .await;
    (named, row.expect("kept").assistant)
}

#[tokio::test]
async fn the_number_called_chooses_the_assistant_of_a_folder() {
    let folder = folder(&[("ventas", "\"+525500000001\", \"+525500000002\""), ("recepcion", "")]);
    let path = folder.path().display().to_string();
    let server = TestServer::start_with(&[("TALIA_ASSISTANTS", &path)], Clock::real()).await;
    for (number, (to, id)) in [
        ("+525500000001", "ventas"),
        ("+525500000002", "ventas"),
        ("+525500000003", "recepcion"),
    ]
    .into_iter()
    .enumerate()
    {
        let (named, kept) = answering(&server, 0x80 + number as u32, to).await;
        assert_eq!((named.as_str(), kept.as_deref()), (id, Some(id)), "{to}");
    }
}

#[tokio::test]
async fn without_a_folder_the_compiled_in_ones_answer() {
    let server = TestServer::start().await;
    assert_eq!(answering(&server, 0x90, ENGLISH_NUMBER).await.0, "solara-en");
    assert_eq!(answering(&server, 0x91, "+525500000001").await.0, "solara");
}

#[test]
fn two_that_want_the_same_number_are_an_error() {
    let error = error_of(&[("a", "\"+521\""), ("b", "\"+521\"")]);
    assert_eq!(error, "assistants/b.toml: +521 is answered by another assistant too");
    let error = error_of(&[("a", ""), ("b", "")]);
    assert_eq!(
        error,
        "assistants/b.toml: every other number is answered by another assistant too"
    );
}

#[test]
fn a_folder_without_assistants_and_one_that_is_not_there_are_errors() {
    let error = error_of(&[]);
    assert_eq!(error, "assistants: no assistant (*.toml) in this folder");
    let error = Assistants::load(Path::new("/nowhere/assistants"))
        .expect_err("no folder")
        .to_string();
    assert!(error.starts_with("/nowhere/assistants: "), "{error}");
}

#[test]
fn a_phrase_with_a_gap_that_nothing_fills_is_an_error() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("a.toml");
    let broken = assistant("a", "").replace(
        "name_noted = \"Mucho gusto, {name}.\"",
        "name_noted = \"Hola, {nombre}.\"",
    );
    std::fs::write(&file, broken).expect("a file");
    let error = Assistants::load(folder.path()).expect_err("a bad gap").to_string();
    assert!(
        error.contains("«{nombre}» is not a gap") && error.lines().count() == 1,
        "{error}"
    );
}

#[test]
fn the_disclosure_can_be_reworded_but_not_left_out() {
    let folder = TempDir::new().expect("a folder");
    let with = |text: &str| assistant("a", "").replace("# disclosure = \"…\"", &format!("disclosure = \"{text}\""));
    std::fs::write(
        folder.path().join("a.toml"),
        with("Le atiende una inteligencia artificial."),
    )
    .expect("a file");
    let assistants = Assistants::load(folder.path()).expect("good");
    assert_eq!(
        assistants.for_number("").disclosure_text(),
        "Le atiende una inteligencia artificial."
    );
    std::fs::write(folder.path().join("a.toml"), with(" ")).expect("a file");
    let error = Assistants::load(folder.path()).expect_err("no disclosure").to_string();
    assert!(error.contains("it can be reworded, not left out"), "{error}");
}

#[test]
fn the_greeting_of_a_call_out_has_only_gaps_that_somebody_fills() {
    let load = |greeting: &str| {
        let folder = TempDir::new().expect("a folder");
        let (before, rest) = SOLARA.split_once("[outbound]").expect("the example calls out");
        let (_, after) = rest.split_once("\n[[questions]]").expect("questions behind it");
        let text =
            format!("{before}[outbound]\ngreeting = \"{greeting}\"\nvariables = [\"cliente\"]\n\n[[questions]]{after}");
        std::fs::write(folder.path().join("a.toml"), text).expect("a file");
        Assistants::load(folder.path()).map_err(|error| error.to_string())
    };
    let good = load("{cliente}, soy {assistant}: te llamo por {purpose}.").expect("good");
    let outbound = good.by_id("solara").expect("it").outbound.clone().expect("calls out");
    assert!(outbound.needs_purpose());
    let wrong = load("{cliente}, {email}").expect_err("nobody fills an e-mail");
    assert!(wrong.contains("email"), "{wrong}");
    assert!(
        Assistants::built_in()
            .expect("good")
            .by_id("solara")
            .expect("it")
            .outbound
            .is_some()
    );
}

//! A server that would record without telling, or for nobody's ears, doesn't start.

use super::rig::Operator;
use crate::harness::{TOKEN, TestServer, program};
use age::secrecy::ExposeSecret;
use talia_voice::clock::Clock;

/// Starts the program with these settings in the place of the good ones; answers its one line.
pub(super) async fn refused(operator: &Operator, change: &[(&str, &str)]) -> String {
    let mut settings = operator.settings();
    for (name, value) in change {
        settings.retain(|(known, _)| known != name);
        if !value.is_empty() {
            settings.push((Box::leak((*name).to_owned().into_boxed_str()), (*value).to_owned()));
        }
    }
    let mut environment: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    environment.extend([
        ("TALIA_TWILIO_AUTH_TOKEN", TOKEN),
        ("TALIA_SPEECH__ENGINES", "fixed-delay"),
        ("TALIA_BIND", "127.0.0.1:0"),
    ]);
    let said = program(operator.home.path(), &["serve"], &environment, "").await;
    assert_eq!((said.code, said.err.lines().count()), (64, 1), "{said:?}");
    said.err
}

#[tokio::test]
async fn a_recipient_that_is_none_is_refused_and_never_shown() {
    let operator = Operator::new();
    let secret = operator.identity.to_string();
    let own = operator.identity.to_public().to_string();
    for wrong in [
        "age1",
        "ssh-ed25519 AAAA",
        secret.expose_secret(),
        &own[..own.len() - 1],
    ] {
        let line = refused(&operator, &[("TALIA_RECORDINGS_RECIPIENT", wrong)]).await;
        assert!(
            line.starts_with("talia-voice: recordings.recipient: is not a public key of age"),
            "{line}"
        );
        assert!(!line.contains(&secret.expose_secret()[20..40]), "{line}");
    }
    let line = refused(&operator, &[("TALIA_RECORDINGS_RECIPIENT", "")]).await;
    assert!(
        line.starts_with("talia-voice: recordings.recipient: is missing"),
        "{line}"
    );
}

#[tokio::test]
async fn other_settings_that_make_no_sense_are_named() {
    let operator = Operator::new();
    for (name, value, line) in [
        (
            "TALIA_RECORDINGS_MODE",
            "always",
            "recordings.mode: must be never, after_notice or only_after_yes",
        ),
        (
            "TALIA_RECORDINGS__NOTICE",
            "fr=On enregistre.",
            "recordings.notice: `fr` is not a language",
        ),
        (
            "TALIA_RECORDINGS__QUESTION",
            "fr=On enregistre ?",
            "recordings.question: `fr` is not a language",
        ),
        (
            "TALIA_RECORDINGS__CONDITIONAL_NOTICE",
            "fr=On enregistre.",
            "recordings.conditional_notice: `fr` is not a language",
        ),
        (
            "TALIA_RECORDINGS__SILENT_DURING",
            "digits, card",
            "recordings.silent_during: `card` is not a kind",
        ),
        ("TALIA_RECORDINGS_FOLDER", " ", "recordings.folder: is missing"),
    ] {
        let said = refused(&operator, &[(name, value)]).await;
        assert!(said.starts_with(&format!("talia-voice: {line}")), "{said}");
    }
}

#[tokio::test]
async fn a_disclosure_that_doesnt_tell_keeps_the_server_from_starting() {
    let operator = Operator::new();
    // The example's own disclosure says that the call is transcribed, not that it is recorded.
    let line = refused(&operator, &[("TALIA_RECORDINGS__NOTICE", "es=")]).await;
    assert!(line.starts_with("talia-voice: assistant solara:"), "{line}");
    let line = refused(&operator, &[("TALIA_RECORDINGS__NOTICE", "en=")]).await;
    assert!(line.starts_with("talia-voice: assistant solara-en:"), "{line}");
    // A notice that tells of no recording is none.
    let untold = "es=La llamada no se graba.,en=This call is recorded.";
    let line = refused(&operator, &[("TALIA_RECORDINGS__NOTICE", untold)]).await;
    assert!(line.starts_with("talia-voice: assistant solara:"), "{line}");
}

#[tokio::test]
async fn who_asks_first_says_so_and_has_something_to_ask() {
    let operator = Operator::new();
    let asks = ("TALIA_RECORDINGS_MODE", "only_after_yes");
    for (question, language) in [
        ("es=", "es"),
        ("en=", "en"),
        ("es=¿Me permite un momento?", "es"),
        ("es=Puedo grabar esta llamada.", "es"),
    ] {
        let line = refused(&operator, &[asks, ("TALIA_RECORDINGS__QUESTION", question)]).await;
        let expected = format!("talia-voice: recordings.question: asks nobody who speaks {language} whether");
        assert!(line.starts_with(&expected), "{line}");
    }
    // What is said must not be more than what is done, nor less.
    let line = refused(
        &operator,
        &[
            asks,
            ("TALIA_RECORDINGS__CONDITIONAL_NOTICE", "es=La llamada se graba."),
        ],
    )
    .await;
    assert!(
        line.starts_with("talia-voice: assistant solara:") && line.contains("only after a yes"),
        "{line}"
    );
    let line = refused(&operator, &[asks, ("TALIA_RECORDINGS__CONDITIONAL_NOTICE", "es=")]).await;
    assert!(line.starts_with("talia-voice: assistant solara:"), "{line}");
}

#[tokio::test]
async fn what_keys_new_shows_is_all_that_a_server_needs() {
    let operator = Operator::new();
    let said = program(operator.home.path(), &["keys", "new"], &[], "").await;
    assert_eq!(said.code, 0, "{said:?}");
    let folder = operator.home.path().join("recordings").display().to_string();
    let settings = [("talia.toml", said.out.as_str()), ("TALIA_RECORDINGS_FOLDER", &folder)];
    let server = TestServer::start_with(&settings, Clock::real()).await;
    for assistant in server.app.assistants.all() {
        let told = assistant.disclosure_text();
        assert!(told.contains("se graba") || told.contains("is recorded"), "{told}");
    }
}

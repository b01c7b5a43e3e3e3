//! `talia-voice twilio connect` against the simulator's account.

use crate::harness::{Office, Said, TOKEN, program};
use talia_simulator::account::VoiceHooks;
use talia_simulator::rest::{Operation, RestFault};
use talia_simulator::webhook::Method;
use tempfile::TempDir;

const NUMBER: &str = "+525587654321";
const VOICE: &str = "https://voz.example.com/api/voice/inbound";
const STATUS: &str = "https://voz.example.com/api/voice/status";
const OUTBOUND: &str = "https://voz.example.com/api/voice/outbound";

/// Runs the command with this token, and more in its environment.
async fn connect(office: &Office, arguments: &[&str], more: &[(&str, &str)], input: &str) -> Said {
    let folder = TempDir::new().expect("a folder");
    let own = office.environment();
    let environment: Vec<_> = own.iter().copied().chain(more.iter().copied()).collect();
    let arguments: Vec<_> = ["twilio", "connect"]
        .into_iter()
        .chain(arguments.iter().copied())
        .collect();
    program(folder.path(), &arguments, &environment, input).await
}

/// How often something was changed or made.
fn changes(office: &Office) -> usize {
    let requests = office.api.journal().requests();
    requests.iter().filter(|request| request.method == "POST").count()
}

#[tokio::test]
async fn a_fresh_number_is_connected_and_a_second_run_finds_nothing_to_do() {
    let office = Office::open().await;
    office.account().add_number(NUMBER);
    let said = connect(&office, &["--number", NUMBER, "--yes"], &[], "").await;
    assert_eq!(said.code, 0, "{said:?}");
    let number = office.account().numbers().remove(0);
    assert_eq!(
        (number.hooks.voice_url.as_str(), number.hooks.voice_method),
        (VOICE, Method::Post)
    );
    assert_eq!(
        (number.hooks.status_callback.as_str(), number.hooks.status_method),
        (STATUS, Method::Post)
    );
    assert_eq!(number.hooks.fallback_url, "");
    let app = office.account().applications().remove(0);
    assert_eq!(
        (app.hooks.voice_url.as_str(), app.hooks.status_callback.as_str()),
        (OUTBOUND, STATUS)
    );
    // Before and after, and the identifier to note down.
    for shown in [
        "antes",
        "después",
        VOICE,
        STATUS,
        OUTBOUND,
        &format!("TALIA_TWIML_APP_SID={}", app.sid),
    ] {
        assert!(said.out.contains(shown), "{shown} is not in {}", said.out);
    }
    assert!(!said.out.contains(TOKEN) && !said.err.contains(TOKEN));
    assert_eq!(changes(&office), 2);

    let again = connect(&office, &["--yes"], &[("TALIA_TWIML_APP_SID", &app.sid)], "").await;
    assert!(
        again.code == 0 && again.out.contains("no hay nada que cambiar"),
        "{again:?}"
    );
    // Whoever forgot to note the identifier gets the same app, not another one.
    let forgetful = connect(&office, &["--yes"], &[], "").await;
    assert!(forgetful.code == 0 && forgetful.out.contains(&app.sid), "{forgetful:?}");
    assert_eq!((changes(&office), office.account().applications().len()), (2, 1));
}

#[tokio::test]
async fn nothing_is_changed_before_the_operator_agrees() {
    let office = Office::open().await;
    office.account().add_number(NUMBER);
    for answer in ["", "n\n", "no\n", "\n", "claro que no\n"] {
        let said = connect(&office, &[], &[], answer).await;
        assert!(
            said.code == 1 && said.err.contains("no se cambió nada"),
            "{answer:?}: {said:?}"
        );
        assert!(said.out.contains(VOICE), "what would change was shown: {}", said.out);
    }
    assert_eq!(changes(&office), 0);
    for answer in ["sí\n", "S\n"] {
        let said = connect(&office, &[], &[], answer).await;
        assert_eq!(said.code, 0, "{said:?}");
    }
    assert_eq!(changes(&office), 2, "the second time there was nothing to do");
}

#[tokio::test]
async fn whatever_stands_in_the_way_of_a_call_is_put_right() {
    let office = Office::open().await;
    let foreign = VoiceHooks {
        voice_url: VOICE.to_owned(),
        voice_method: Method::Get,
        status_callback: "https://elsewhere.example.com/status".to_owned(),
        ..VoiceHooks::default()
    };
    let app = office.account().add_application("Otra", foreign.clone());
    let mut number = office.account().add_number(NUMBER);
    number.hooks = foreign;
    number.application_sid.clone_from(&app.sid);
    office.account().put_number(number);
    let fallback = "https://elsewhere.example.com/fallback.xml";
    let more = [
        ("TALIA_TWIML_APP_SID", app.sid.as_str()),
        ("TALIA_TWILIO__FALLBACK_URL", fallback),
    ];
    let said = connect(&office, &["--yes"], &more, "").await;
    assert_eq!(said.code, 0, "{said:?}");
    let number = office.account().numbers().remove(0);
    assert_eq!(number.application_sid, "", "an app would hide the number's own URLs");
    for hooks in [&number.hooks, &office.account().applications()[0].hooks] {
        assert_eq!((hooks.voice_method, hooks.status_method), (Method::Post, Method::Post));
        assert_eq!(hooks.status_callback, STATUS);
        assert_eq!(
            (hooks.fallback_url.as_str(), hooks.fallback_method),
            (fallback, Method::Get)
        );
    }
    assert_eq!(number.hooks.voice_url, VOICE);
    assert_eq!(office.account().applications()[0].hooks.voice_url, OUTBOUND);
    for shown in [
        "VoiceApplicationSid",
        "VoiceFallbackUrl",
        "GET https://voz.example.com",
        "elsewhere.example.com/status",
    ] {
        assert!(said.out.contains(shown), "{shown} is not in {}", said.out);
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_said_and_nothing_is_changed() {
    let office = Office::open().await;
    let none = connect(&office, &["--yes"], &[], "").await;
    assert!(none.code == 1 && none.err.contains("no tiene números"), "{none:?}");
    office.account().add_number(NUMBER);
    let other = connect(&office, &["--number", "+525500000000", "--yes"], &[], "").await;
    assert!(
        other
            .err
            .contains("no tiene el número +525500000000; tiene: +525587654321"),
        "{other:?}"
    );
    // A part of a number is none.
    let part = connect(&office, &["--number", "+5255876", "--yes"], &[], "").await;
    assert_eq!(part.code, 1, "{part:?}");
    office.account().add_number("+525511112222");
    let which = connect(&office, &["--yes"], &[], "").await;
    assert!(
        which.err.contains("--number") && which.err.contains("+525511112222"),
        "{which:?}"
    );
    let yes = ["--number", NUMBER, "--yes"];
    let token = connect(&office, &yes, &[("TALIA_TWILIO_AUTH_TOKEN", "another")], "").await;
    assert!(token.code == 1 && token.err.contains("(20003)"), "{token:?}");
    let app = format!("AP{}", "0".repeat(32));
    let gone = connect(&office, &yes, &[("TALIA_TWIML_APP_SID", &app)], "").await;
    assert!(gone.code == 1 && gone.err.contains(&app), "{gone:?}");
    let account = connect(&office, &yes, &[("TALIA_TWILIO_ACCOUNT_SID", "")], "").await;
    assert!(account.err.contains("TALIA_TWILIO_ACCOUNT_SID"), "{account:?}");
    office.account().suspend(true);
    let suspended = connect(&office, &yes, &[], "").await;
    assert!(suspended.err.contains("no está activa"), "{suspended:?}");
    assert_eq!(changes(&office), 0);
    office.account().suspend(false);
    office
        .api
        .faults()
        .always(Operation::UpdateNumber, RestFault::Broken { status: 500 });
    let broken = connect(&office, &yes, &[("TALIA_TWILIO__API_TIMEOUT_S", "2")], "").await;
    assert_eq!(broken.code, 1, "{broken:?}");
    assert_eq!(office.account().numbers()[0].hooks.voice_url, "");
}

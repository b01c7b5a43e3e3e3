//! TwiML as Twilio runs it: order, actions, redirects, fallbacks, refusals and their error codes.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use axum::{
    http::{StatusCode, header},
    response::IntoResponse as _,
};
use talia_simulator::{
    carrier::Carrier,
    events::{EndedBy, Purpose, What},
    settings::{CarrierSettings, FallThrough},
    twiml::{self as document, Verb},
};
use talia_twilio::CallStatus;

use crate::{
    bot::Bot,
    calls::{BOT, bots},
    server::{Server, no_sockets, plan, twiml},
};

const WAIT: &str = "[[step]]\ndo = \"expect_hang_up\"\nwithin_ms = 60000";
/// Says one thing, is answered and left.
const ONE_TURN: &str = "silence_ms = 500\n[[step]]\ndo = \"wait_for_answer_end\"\n[[step]]\ndo = \"say\"\ntext = \"hola\"\n\
                        [[step]]\ndo = \"wait_for_answer_end\"\n[[step]]\ndo = \"silence\"\nms = 3000";
const BRIEF: Bot = Bot { answers: 1, ..BOT };

fn connect(attributes: &str, path: &str) -> String {
    format!("<Connect{attributes}><Stream url=\"wss://voice.example.com{path}\"/></Connect>")
}

#[tokio::test(start_paused = true)]
async fn verbs_run_in_order_and_the_end_of_the_document_ends_the_call() {
    let server = Server::start(
        |_| twiml("<Say>Hola</Say><Pause length=\"2\"/><Say>Adiós</Say>"),
        no_sockets,
    )
    .await;
    let call = server.call(server.settings(), WAIT).await;
    call.assert_ended_by_server();
    call.assert_no_warnings();
    assert_eq!(call.verbs(), ["Say", "Pause", "Say"]);
    // 4 and 5 characters of 60 ms, and two seconds.
    assert!((2_540..2_700).contains(&call.duration_ms), "{}", call.duration_ms);
}

#[tokio::test(start_paused = true)]
async fn behind_a_stream_comes_the_next_verb() {
    let (mut saw, sockets) = bots(BRIEF);
    let server = Server::start(
        |path| match path {
            "/voice" => twiml(&format!(
                "{}<Redirect>/resume?step=2</Redirect>",
                connect("", "/media/1")
            )),
            "/resume?step=2" => twiml(&format!("{}<Hangup/><Say>never</Say>", connect("", "/media/2"))),
            _ => StatusCode::NOT_FOUND.into_response(),
        },
        sockets,
    )
    .await;
    let call = server.call(server.settings(), ONE_TURN).await;
    assert_eq!(server.paths(), ["/voice", "/media/1", "/resume?step=2", "/media/2"]);
    assert!(server.seen().iter().all(|seen| seen.signed));
    assert_eq!(call.streams(), 2);
    assert_eq!(saw.recv().await.unwrap().call_sid, call.call_sid.as_str());
    assert_eq!(saw.recv().await.unwrap().call_sid, call.call_sid.as_str());
    assert_eq!(call.ended_by, EndedBy::Caller);
}

#[tokio::test(start_paused = true)]
async fn an_action_governs_what_follows() {
    let (_, sockets) = bots(BRIEF);
    let server = Server::start(
        |path| match path {
            "/voice" => twiml(&format!(
                "{}<Say>never</Say>",
                connect(" action=\"/after\"", "/media/1")
            )),
            "/after" => twiml("<Say>Adiós</Say>"),
            _ => StatusCode::NOT_FOUND.into_response(),
        },
        sockets,
    )
    .await;
    let call = server.call(server.settings(), ONE_TURN).await;
    assert_eq!(call.verbs(), ["Connect", "Say"]);
    assert_eq!(call.ended_by, EndedBy::Document);
    assert_eq!(server.seen()[2].field("CallStatus"), "in-progress");
}

#[tokio::test(start_paused = true)]
async fn a_failed_stream_falls_through_as_the_account_does() {
    for (fall_through, expected) in [(FallThrough::Action, "action"), (FallThrough::NextVerb, "next")] {
        let server = Server::start(
            |path| match path {
                "/voice" => twiml(&format!(
                    "{}<Redirect>/next</Redirect>",
                    connect(" action=\"/action\"", "/refused")
                )),
                _ => twiml("<Hangup/>"),
            },
            no_sockets,
        )
        .await;
        let settings = CarrierSettings {
            fall_through,
            ..server.settings()
        };
        let call = server.call(settings, WAIT).await;
        assert_eq!(call.warnings_of(31_920), 1, "{:?}", call.warnings);
        assert_eq!(server.paths()[2], format!("/{expected}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_document_is_refused_with_twilios_code_and_the_fallback_is_asked() {
    let xml = |body: &'static str| ([(header::CONTENT_TYPE, "text/xml")], body).into_response();
    for (code, answer) in [
        (
            12_300,
            (|| "<?xml version=\"1.0\"?><Response/>".into_response()) as fn() -> axum::response::Response,
        ),
        (12_100, || {
            (
                [(header::CONTENT_TYPE, "text/xml")],
                " <?xml version=\"1.0\"?><Response/>",
            )
                .into_response()
        }),
        (12_100, || {
            (
                [(header::CONTENT_TYPE, "text/xml")],
                "<?xml version=\"1.0\"?><Response>",
            )
                .into_response()
        }),
        (12_100, || {
            (
                [(header::CONTENT_TYPE, "application/xml")],
                "<?xml version=\"1.0\"?><Reply/>",
            )
                .into_response()
        }),
        (11_217, || StatusCode::SERVICE_UNAVAILABLE.into_response()),
    ] {
        let server = Server::start(
            move |path| {
                if path == "/voice" {
                    answer()
                } else {
                    xml("<?xml version=\"1.0\"?><Response><Hangup/></Response>")
                }
            },
            no_sockets,
        )
        .await;
        let alone = server.call(server.settings(), WAIT).await;
        assert_eq!(alone.ended_by, EndedBy::ApplicationError(code));
        let settings = CarrierSettings {
            fallback_url: Some("https://voice.example.com/fallback".into()),
            ..server.settings()
        };
        let caught = server.call(settings, WAIT).await;
        assert_eq!(caught.ended_by, EndedBy::Document);
        assert_eq!(caught.warnings_of(code), 1);
        let fallback = server.seen().pop().unwrap();
        assert_eq!(fallback.path, "/fallback");
        assert_eq!(fallback.field("ErrorCode"), code.to_string());
        assert_eq!(fallback.field("ErrorUrl"), "https://voice.example.com/voice");
        assert!(fallback.signed);
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_tried_twice() {
    let server = Server::start(|_| twiml(""), no_sockets).await;
    let settings = CarrierSettings {
        dial_origin: Some("http://127.0.0.1:9".into()),
        ..server.settings()
    };
    let call = server.call(settings, WAIT).await;
    assert_eq!(call.ended_by, EndedBy::ApplicationError(11_205));
}

#[tokio::test(start_paused = true)]
async fn retries_are_made_only_as_the_url_asks_and_carry_one_token() {
    let failures = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&failures);
    let server = Server::start(
        move |_| {
            if counted.fetch_add(1, Ordering::Relaxed) < 2 {
                return StatusCode::BAD_GATEWAY.into_response();
            }
            twiml("<Hangup/>")
        },
        no_sockets,
    )
    .await;
    let mut settings = server.settings();
    settings.voice_url.push_str("#rc=3&rp=5xx");
    let call = server.call(settings, WAIT).await;
    assert_eq!(call.ended_by, EndedBy::Document);
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    assert!(
        seen.iter()
            .all(|one| one.signed && one.idempotency == seen[0].idempotency && one.path == "/voice")
    );
}

#[tokio::test(start_paused = true)]
async fn a_redirect_by_http_and_a_document_by_get_are_signed_anew() {
    let server = Server::start(
        |path| match path {
            "/voice" => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/moved")]).into_response(),
            "/moved" => twiml("<Redirect method=\"GET\">/by-get?x=1</Redirect>"),
            _ => twiml("<Hangup/>"),
        },
        no_sockets,
    )
    .await;
    let call = server.call(server.settings(), WAIT).await;
    assert_eq!(call.ended_by, EndedBy::Document);
    let seen = server.seen();
    assert!(seen.iter().all(|seen| seen.signed));
    assert_eq!(seen[1].path, "/moved");
    assert_eq!(seen[1].field("CallSid"), call.call_sid.as_str());
    assert!(seen[2].path.starts_with("/by-get?x=1&AccountSid="), "{}", seen[2].path);
}

#[tokio::test(start_paused = true)]
async fn a_circle_of_redirects_ends() {
    let server = Server::start(|_| twiml("<Redirect>/voice</Redirect>"), no_sockets).await;
    let call = server.call(server.settings(), WAIT).await;
    assert_eq!(call.ended_by, EndedBy::ApplicationError(11_215));
}

#[tokio::test(start_paused = true)]
async fn a_refused_call_never_was_in_progress() {
    for (verb, status) in [
        ("<Reject reason=\"busy\"/>", CallStatus::Busy),
        ("<Reject/>", CallStatus::NoAnswer),
    ] {
        let server = Server::start(move |_| twiml(verb), no_sockets).await;
        let settings = CarrierSettings {
            status_url: Some("https://voice.example.com/status".into()),
            ..server.settings()
        };
        let call = server.call(settings, WAIT).await;
        assert_eq!((call.ended_by, call.status), (EndedBy::Rejected, status));
        assert_eq!(server.seen()[1].field("CallStatus"), status.as_str());
        assert_eq!(server.seen().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_query_of_a_stream_is_stripped_and_other_schemes_are_refused() {
    let (_, sockets) = bots(BOT);
    let server = Server::start(
        |path| match path {
            "/voice" => {
                twiml("<Connect><Stream url=\"/media/relative?secret=1\"/></Connect><Redirect>/second</Redirect>")
            }
            _ => twiml("<Connect><Stream url=\"https://voice.example.com/media\"/></Connect>"),
        },
        sockets,
    )
    .await;
    let script =
        "[[step]]\ndo = \"silence\"\nms = 200\n[[step]]\ndo = \"drop_socket\"\n[[step]]\ndo = \"silence\"\nms = 9000";
    let call = server.call(server.settings(), script).await;
    assert_eq!(server.paths(), ["/voice", "/media/relative", "/second"]);
    assert_eq!(call.warnings_of(31_920), 1);
    assert_eq!(call.warnings_of(31_922), 1);
    assert!(server.seen().iter().all(|seen| seen.signed));
}

#[tokio::test(start_paused = true)]
async fn a_voice_webhook_may_come_several_times() {
    let server = Server::start(|_| twiml("<Hangup/>"), no_sockets).await;
    let carrier = Carrier::new(server.settings()).unwrap();
    let mut plan = plan(WAIT).await;
    plan.voice_copies = 2;
    plan.extra_fields = vec![("StirVerstat".into(), "TN-Validation-Passed-A".into())];
    let call = carrier.dial(plan).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[0].field("CallSid"), seen[1].field("CallSid"));
    // The first copy is a retry, the second a request of its own.
    assert_eq!(seen[0].idempotency, seen[1].idempotency);
    assert_ne!(seen[0].idempotency, seen[2].idempotency);
    assert!(
        seen.iter()
            .all(|seen| seen.signed && seen.field("StirVerstat") == "TN-Validation-Passed-A")
    );
    let voice = |what: &What| {
        matches!(
            what,
            What::Webhook {
                purpose: Purpose::Voice,
                ..
            }
        )
    };
    assert_eq!(call.count(voice), 3);
}

#[tokio::test(start_paused = true)]
async fn streams_tell_their_status() {
    let (_, sockets) = bots(BRIEF);
    let server = Server::start(
        |path| match path {
            "/voice" => twiml(
                "<Connect><Stream name=\"line\" url=\"wss://voice.example.com/media\" \
                 statusCallback=\"https://voice.example.com/stream-status\"/></Connect>",
            ),
            _ => StatusCode::NO_CONTENT.into_response(),
        },
        sockets,
    )
    .await;
    let call = server.call(server.settings(), ONE_TURN).await;
    call.assert_no_warnings();
    let told: Vec<_> = server
        .seen()
        .into_iter()
        .filter(|seen| seen.path == "/stream-status")
        .collect();
    let events: Vec<_> = told.iter().map(|seen| seen.field("StreamEvent").to_owned()).collect();
    assert_eq!(events, ["stream-started", "stream-stopped"]);
    assert_eq!(told[0].field("StreamName"), "line");
    assert_eq!(told[0].field("StreamSid"), told[1].field("StreamSid"));
}

#[test]
fn unknown_verbs_are_warned_of_and_skipped() {
    let body = b"<?xml version=\"1.0\"?><Response><Dance/><Say>a <emphasis>b</emphasis></Say><Connect/></Response>";
    let read = document::parse(body, "https://voice.example.com/voice").unwrap();
    let say = Verb::Say {
        text: "a b".into(),
        voice: None,
        times: 1,
    };
    assert_eq!(read.verbs, [say]);
    assert_eq!(read.warnings.len(), 2);
}

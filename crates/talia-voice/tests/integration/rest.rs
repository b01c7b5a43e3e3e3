//! Twilio's REST API from the server's side: what is sent, what is sent again, what an answer means.

use crate::harness::{ACCOUNT, CallServer, Reply, TOKEN, TwilioApi, call_sid, config, noon};
use std::sync::Arc;
use std::time::Duration;
use talia_simulator::events::EndedBy;
use talia_simulator::rest::{ApiKey, RestApi};
use talia_simulator::settings::Secret;
use talia_twilio::CallSid;
use talia_twilio::rest::{CallUpdate, Fault, Instructions, NewCall};
use talia_voice::clock::Clock;
use talia_voice::dialing::Permit;
use talia_voice::line::{RestError, TwilioRest};
use talia_voice::telemetry::Metrics;
use talia_voice::telemetry::labels::{RestOperation, RestOutcome};
use tempfile::TempDir;

const KEY: &str = "SK00000000000000000000000000000001";

struct Desk {
    rest: TwilioRest,
    metrics: Arc<Metrics>,
}

fn desk(url: &str, more: &[(&str, &str)]) -> Desk {
    let directory = TempDir::new().expect("a folder");
    let mut settings = vec![("TALIA_TWILIO__API_URL", url), ("TALIA_TWILIO__API_TIMEOUT_S", "2")];
    settings.extend(more);
    let metrics = Arc::new(Metrics::default());
    let rest = TwilioRest::new(&config(&directory, &settings), Clock::real(), metrics.clone())
        .expect("a client")
        .expect("an account");
    Desk { rest, metrics }
}

fn sid(number: u32) -> CallSid {
    CallSid::new(call_sid(number)).expect("an identifier")
}

fn resource(number: u32, status: &str) -> Reply {
    Reply::Answer(200, format!(r#"{{"sid":"{}","status":"{status}"}}"#, call_sid(number)))
}

fn refusal(status: u16, code: u16) -> Reply {
    Reply::Answer(status, format!(r#"{{"code":{code},"message":"m","status":{status}}}"#))
}

fn permit() -> Permit {
    let directory = TempDir::new().expect("a folder");
    let settings = [
        ("TALIA_DIALING__COUNTRIES", "MX"),
        ("TALIA_DIALING__HOURS_FROM", "00:00"),
        ("TALIA_DIALING__HOURS_UNTIL", "23:59"),
    ];
    let policy = config(&directory, &settings).dialing.policy;
    policy.judge("+525512345678", noon()).expect("a permit")
}

fn new_call() -> NewCall {
    NewCall {
        from: "+525587654321".to_owned(),
        instructions: Instructions::Url("https://voz.example.com/x".to_owned()),
        status_callback: None,
        timeout_s: None,
        time_limit_s: None,
        machine_detection: None,
    }
}

#[tokio::test]
async fn without_an_account_there_is_no_api() {
    let directory = TempDir::new().expect("a folder");
    let config = config(&directory, &[("TALIA_TWILIO_ACCOUNT_SID", "")]);
    let rest = TwilioRest::new(&config, Clock::real(), Arc::default()).expect("no fault");
    assert!(rest.is_none());
}

#[tokio::test]
async fn the_api_key_is_preferred_to_the_accounts_token() {
    let api = TwilioApi::start([resource(1, "in-progress"), resource(1, "in-progress")]).await;
    let with_key = [
        ("TALIA_TWILIO_API_KEY_SID", KEY),
        ("TALIA_TWILIO_API_KEY_SECRET", "s3cret"),
    ];
    for more in [&with_key[..], &[]] {
        let call = desk(&api.url, more).rest.fetch_call(&sid(1)).await.expect("a call");
        assert_eq!(call.sid, sid(1));
    }
    let asked = api.journal();
    let basic = |user: &str, password: &str| {
        use base64::Engine as _;
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        format!("Basic {pair}")
    };
    assert_eq!(asked[0].authorization, basic(KEY, "s3cret"));
    assert_eq!(asked[1].authorization, basic(ACCOUNT, TOKEN));
    assert_eq!(
        asked[0].what,
        format!("GET /2010-04-01/Accounts/{ACCOUNT}/Calls/{}.json", call_sid(1))
    );
}

#[tokio::test]
async fn a_limited_request_is_sent_again_and_only_that() {
    let api = TwilioApi::start([Reply::TooMany(None), Reply::TooMany(None), resource(1, "queued")]).await;
    let desk = desk(&api.url, &[]);
    desk.rest.create_call(&permit(), &new_call()).await.expect("a call");
    assert_eq!(api.journal().len(), 3);
    assert_eq!(desk.metrics.rest_count(RestOperation::CreateCall, RestOutcome::Done), 1);
    assert_eq!(desk.metrics.rest_retries_count(RestOperation::CreateCall), 2);
}

#[tokio::test]
async fn a_wait_beyond_the_deadline_is_not_waited() {
    let api = TwilioApi::start([Reply::TooMany(Some(60))]).await;
    let desk = desk(&api.url, &[]);
    let error = desk
        .rest
        .create_call(&permit(), &new_call())
        .await
        .expect_err("too many");
    assert_eq!(error.fault(), Fault::RateLimited);
    assert!(!error.unknown_outcome());
    assert_eq!(api.journal().len(), 1);
}

#[tokio::test]
async fn a_call_whose_answer_is_lost_or_garbled_is_never_made_twice() {
    let lost = [
        Reply::Lost,
        refusal(500, 20_500),
        Reply::Answer(502, "<html>".to_owned()),
        Reply::Answer(201, "{}".to_owned()),
    ];
    for reply in lost {
        let api = TwilioApi::start([reply.clone(), resource(1, "queued")]).await;
        let desk = desk(&api.url, &[]);
        let error = desk
            .rest
            .create_call(&permit(), &new_call())
            .await
            .expect_err("nobody knows");
        assert!(error.unknown_outcome(), "{reply:?}: {error}");
        assert_eq!(api.journal().len(), 1, "{reply:?}");
        // What it holds of the number is for nobody's log.
        assert!(!format!("{error} {error:?}").contains("5512345678"));
    }
}

#[tokio::test]
async fn reading_is_repeated_after_a_fault_of_the_server() {
    let api = TwilioApi::start([refusal(503, 20_503), resource(1, "ringing")]).await;
    let desk = desk(&api.url, &[]);
    desk.rest.fetch_call(&sid(1)).await.expect("a call");
    assert_eq!(api.journal().len(), 2);
}

#[tokio::test]
async fn ending_a_call_that_is_over_is_a_success() {
    let api = TwilioApi::start([refusal(400, 21_220), refusal(404, 20_404), refusal(401, 20_003)]).await;
    let desk = desk(&api.url, &[]);
    desk.rest.end_call(&sid(1)).await.expect("it is over");
    desk.rest.end_call(&sid(1)).await.expect("it is forgotten");
    let error = desk.rest.end_call(&sid(1)).await.expect_err("the credentials are bad");
    assert_eq!(error.fault(), Fault::Unauthorised);
    assert!(api.journal().iter().all(|asked| asked.body == "Status=completed"));
}

#[tokio::test]
async fn nobody_there_is_not_an_unknown_outcome() {
    let api = TwilioApi::start([]).await;
    let url = api.url.clone();
    drop(api);
    // The port is free again once its listener is gone.
    tokio::time::timeout(Duration::from_secs(10), async {
        while tokio::net::TcpStream::connect(url.trim_start_matches("http://"))
            .await
            .is_ok()
        {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the listener goes");
    let desk = desk(&url, &[]);
    let error = desk
        .rest
        .create_call(&permit(), &new_call())
        .await
        .expect_err("nobody is there");
    assert!(matches!(error, RestError::Unreachable));
    assert!(!error.unknown_outcome());
    assert_eq!(
        desk.metrics
            .rest_count(RestOperation::CreateCall, RestOutcome::Unreachable),
        1
    );
}

#[tokio::test]
async fn a_list_is_cut_at_its_time() {
    let made = |number: u32, time: &str| {
        let sid = call_sid(number);
        format!(r#"{{"sid":"{sid}","status":"queued","to":"+52","date_created":"{time}"}}"#)
    };
    let page = format!(
        r#"{{"calls":[{},{},{},{}]}}"#,
        made(3, "Tue, 24 Nov 2026 10:00:05 +0000"),
        made(4, "Tue, 24 Nov 2026 10:00:06 +0000"),
        made(2, "Tue, 24 Nov 2026 10:00:04 +0000"),
        made(1, "Tue, 24 Nov 2026 10:00:03 +0000")
    );
    let api = TwilioApi::start([Reply::Answer(200, page)]).await;
    let since = "2026-11-24T10:00:04.9Z".parse().expect("a time");
    let until = "2026-11-24T10:00:05.0Z".parse().expect("a time");
    let calls = desk(&api.url, &[])
        .rest
        .calls_to("+525512345678", since..=until)
        .await
        .expect("a list");
    let sids: Vec<_> = calls.iter().map(|call| call.sid.clone()).collect();
    assert_eq!(sids, [sid(3), sid(2)]);
    assert!(
        api.journal()[0]
            .what
            .ends_with("/Calls.json?To=%2B525512345678&PageSize=50")
    );
}

#[tokio::test]
async fn a_live_simulated_call_is_ended_by_rest() {
    let calls = CallServer::start().await;
    let carrier = calls.carrier();
    let key = ApiKey {
        sid: KEY.to_owned(),
        secret: Secret::new("s3cret"),
    };
    let api = RestApi::start(carrier.clone(), vec![key], "127.0.0.1:0".parse().expect("an address"))
        .await
        .expect("a port");
    let with_key = [
        ("TALIA_TWILIO_API_KEY_SID", KEY),
        ("TALIA_TWILIO_API_KEY_SECRET", "s3cret"),
    ];
    let desk = desk(&api.base_url(), &with_key);
    let ending = async {
        let mut pulse = tokio::time::interval(Duration::from_millis(10));
        while calls.server.app.live.count() == 0 {
            pulse.tick().await;
        }
        let live = carrier.live_calls().remove(0);
        desk.rest.end_call(&live).await.expect("it ends");
        live
    };
    let silent = "[[step]]\ndo = \"silence\"\nms = 60000";
    let (outcome, live) = tokio::join!(calls.ring_through(&carrier, silent, |_| {}), ending);
    assert_eq!(outcome.ended_by, EndedBy::Rest);
    calls.nothing_lives().await;
    desk.rest.end_call(&live).await.expect("an ended call is a success");
    let error = desk
        .rest
        .update_call(&live, &CallUpdate::Twiml("<Response/>".to_owned()))
        .await
        .expect_err("over");
    assert_eq!(error.fault(), Fault::CallOver);
    let wrong = desk_with_wrong_key(&api.base_url());
    let error = wrong.rest.end_call(&live).await.expect_err("a wrong secret");
    assert_eq!(error.fault(), Fault::Unauthorised);
}

fn desk_with_wrong_key(url: &str) -> Desk {
    desk(
        url,
        &[
            ("TALIA_TWILIO_API_KEY_SID", KEY),
            ("TALIA_TWILIO_API_KEY_SECRET", "other"),
        ],
    )
}

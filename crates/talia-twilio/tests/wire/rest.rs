//! REST requests as they travel, and the API's answers.

use crate::ids::{ACCOUNT, CALL};
use secrecy::ExposeSecret;
use talia_twilio::rest::{
    AnswerError, ApplicationChange, CallList, CallUpdate, Credentials, Fault, Instructions, MachineDetection, NewCall,
    NumberChange, Rejection, RequestError, Verb, create_application, create_call, fetch_account, fetch_call,
    list_applications, list_calls, list_numbers, read_account, read_application, read_applications, read_call,
    read_calls, read_numbers, update_call, update_number,
};
use talia_twilio::{AccountSid, CallSid, CallStatus};

const TO: &str = "+525512345678";

fn account() -> AccountSid {
    AccountSid::new(ACCOUNT).unwrap()
}

fn call() -> CallSid {
    CallSid::new(CALL).unwrap()
}

fn new_call() -> NewCall {
    NewCall {
        from: "+525587654321".into(),
        instructions: Instructions::Url("https://voz.example.com/answer/7?x=1".into()),
        status_callback: Some("https://voz.example.com/status".into()),
        timeout_s: Some(30),
        time_limit_s: Some(1_200),
        machine_detection: Some(MachineDetection {
            message_end: true,
            callback: "https://voz.example.com/amd".into(),
            timeout_s: None,
        }),
    }
}

#[test]
fn a_new_call_travels_with_everything_that_was_asked() {
    let request = create_call(&account(), TO, &new_call()).unwrap();
    assert_eq!(request.verb, Verb::Post);
    assert_eq!(request.path, format!("/2010-04-01/Accounts/{ACCOUNT}/Calls.json"));
    assert_eq!(
        request.encoded(),
        "To=%2B525512345678&From=%2B525587654321&Url=https%3A%2F%2Fvoz.example.com%2Fanswer%2F7%3Fx%3D1&Method=POST\
         &StatusCallback=https%3A%2F%2Fvoz.example.com%2Fstatus&StatusCallbackMethod=POST\
         &StatusCallbackEvent=initiated&StatusCallbackEvent=ringing&StatusCallbackEvent=answered\
         &StatusCallbackEvent=completed&Timeout=30&TimeLimit=1200&MachineDetection=DetectMessageEnd&AsyncAmd=true\
         &AsyncAmdStatusCallback=https%3A%2F%2Fvoz.example.com%2Famd&AsyncAmdStatusCallbackMethod=POST"
    );
}

#[test]
fn what_twilio_would_refuse_is_not_sent() {
    let refused = |change: fn(&mut NewCall)| {
        let mut call = new_call();
        change(&mut call);
        create_call(&account(), TO, &call).unwrap_err()
    };
    assert_eq!(create_call(&account(), "", &new_call()), Err(RequestError::Empty("To")));
    assert_eq!(refused(|call| call.from.clear()), RequestError::Empty("From"));
    assert_eq!(
        refused(|call| call.timeout_s = Some(601)),
        RequestError::Range("Timeout")
    );
    assert_eq!(
        refused(|call| call.time_limit_s = Some(0)),
        RequestError::Range("TimeLimit")
    );
    assert_eq!(
        refused(|call| call.machine_detection.as_mut().unwrap().callback.clear()),
        RequestError::Empty("AsyncAmdStatusCallback")
    );
    assert_eq!(
        refused(|call| call.machine_detection.as_mut().unwrap().timeout_s = Some(60)),
        RequestError::Range("MachineDetectionTimeout")
    );
    assert_eq!(
        refused(|call| call.instructions = Instructions::Twiml("ñ".repeat(4_001))),
        RequestError::TwimlTooLong(4_001)
    );
}

#[test]
fn an_update_has_exactly_one_meaning() {
    let sent = |update| update_call(&account(), &call(), &update).map(|request| request.encoded());
    assert_eq!(sent(CallUpdate::Complete).unwrap(), "Status=completed");
    assert_eq!(sent(CallUpdate::Cancel).unwrap(), "Status=canceled");
    assert_eq!(
        sent(CallUpdate::Url("https://voz.example.com/b".into())).unwrap(),
        "Url=https%3A%2F%2Fvoz.example.com%2Fb&Method=POST"
    );
    // The limit counts characters, not bytes.
    assert!(sent(CallUpdate::Twiml("ñ".repeat(4_000))).is_ok());
    assert_eq!(
        sent(CallUpdate::Twiml("x".repeat(4_001))),
        Err(RequestError::TwimlTooLong(4_001))
    );
    assert_eq!(
        sent(CallUpdate::Twiml(String::new())),
        Err(RequestError::Empty("Twiml"))
    );
    assert_eq!(sent(CallUpdate::Url(String::new())), Err(RequestError::Empty("Url")));
}

#[test]
fn reads_and_changes_of_the_set_up_travel_as_documented() {
    let list = CallList {
        to: Some("+525512345678".into()),
        parent: Some(call()),
        started_from: Some("2026-11-24".into()),
        page_size: Some(20),
    };
    let request = list_calls(&account(), &list);
    assert_eq!(
        (request.verb, request.encoded().as_str()),
        (
            Verb::Get,
            format!("To=%2B525512345678&ParentCallSid={CALL}&StartTime%3E=2026-11-24&PageSize=20").as_str()
        )
    );
    assert!(
        fetch_call(&account(), &call())
            .path
            .ends_with(&format!("/Calls/{CALL}.json"))
    );
    assert_eq!(
        fetch_account(&account()).path,
        format!("/2010-04-01/Accounts/{ACCOUNT}.json")
    );
    assert_eq!(list_numbers(&account(), Some("+52")).encoded(), "PhoneNumber=%2B52");
    let apps = list_applications(&account(), "TalIA Voz");
    assert_eq!(apps.encoded(), "FriendlyName=TalIA+Voz");
    assert!(apps.verb == Verb::Get && apps.path.ends_with("/Applications.json"));
    let change = NumberChange {
        voice_url: Some("https://a".into()),
        voice_application_sid: Some(String::new()),
        ..NumberChange::default()
    };
    let request = update_number(&account(), "PN1", &change);
    assert!(request.path.ends_with("/IncomingPhoneNumbers/PN1.json"));
    assert_eq!(
        request.encoded(),
        "VoiceUrl=https%3A%2F%2Fa&VoiceMethod=POST&VoiceApplicationSid="
    );
    let change = ApplicationChange {
        friendly_name: Some("TalIA".into()),
        fallback_url: Some("https://f".into()),
        status_callback: Some("https://s".into()),
        ..ApplicationChange::default()
    };
    assert_eq!(
        create_application(&account(), &change).encoded(),
        "FriendlyName=TalIA&VoiceFallbackUrl=https%3A%2F%2Ff&VoiceFallbackMethod=GET\
         &StatusCallback=https%3A%2F%2Fs&StatusCallbackMethod=POST"
    );
}

#[test]
fn answers_are_read_and_what_is_missing_is_an_error() {
    let body = format!(
        r#"{{"sid":"{CALL}","status":"completed","from":"+1","to":"+2","direction":"outbound-api","duration":"42",
            "queue_time":1000,"date_created":"Tue, 24 Nov 2026 10:00:00 +0000","start_time":null,
            "parent_call_sid":null,"answered_by":"human","price":"-0.01","new_field":{{}}}}"#
    );
    let read = read_call(body.as_bytes()).unwrap();
    assert_eq!(read.status, CallStatus::Completed);
    assert_eq!((read.duration_s, read.queue_time_ms), (Some(42), Some(1_000)));
    assert_eq!(read.answered_by.as_deref(), Some("human"));
    let page = format!(r#"{{"calls":[{body}],"next_page_uri":null}}"#);
    assert_eq!(read_calls(page.as_bytes()).unwrap(), [read]);
    assert_eq!(read_call(b"<html>"), Err(AnswerError::Json));
    assert_eq!(
        read_call(body.replace("completed", "over").as_bytes()),
        Err(AnswerError::Field("status"))
    );
    assert_eq!(
        read_call(body.replace(CALL, "CA1").as_bytes()),
        Err(AnswerError::Field("sid"))
    );

    let numbers = br#"{"incoming_phone_numbers":[{"sid":"PN1","phone_number":"+52","friendly_name":null,
        "voice_url":"https://a","voice_fallback_url":null,"status_callback":"","voice_application_sid":""}]}"#;
    let numbers = read_numbers(numbers).unwrap();
    assert_eq!(
        (numbers[0].phone_number.as_str(), numbers[0].urls.voice_url.as_str()),
        ("+52", "https://a")
    );
    let app = read_application(br#"{"sid":"AP1","friendly_name":"TalIA","voice_url":"https://a"}"#).unwrap();
    assert_eq!((app.sid.as_str(), app.urls.fallback_url.as_str()), ("AP1", ""));
    assert_eq!(app.urls.voice_method, "POST", "Twilio's default");
    let apps = br#"{"applications":[{"sid":"AP1","friendly_name":"TalIA","voice_url":"https://a","voice_method":"GET",
        "voice_fallback_method":"GET","status_callback_method":"POST"}]}"#;
    let urls = &read_applications(apps).unwrap()[0].urls;
    let methods = (&*urls.voice_method, &*urls.fallback_method, &*urls.status_method);
    assert_eq!(methods, ("GET", "GET", "POST"));
    let body = format!(r#"{{"sid":"{ACCOUNT}","status":"active","type":"Trial"}}"#);
    assert_eq!(read_account(body.as_bytes()).unwrap().kind, "Trial");
}

#[test]
fn a_refusal_says_what_may_be_done() {
    let fault = |status, body: &str| Rejection::read(status, body.as_bytes()).fault();
    assert_eq!(fault(429, ""), Fault::RateLimited);
    assert_eq!(fault(503, r#"{"code":20429}"#), Fault::RateLimited);
    assert_eq!(fault(400, r#"{"code":21220,"message":"m"}"#), Fault::CallOver);
    assert_eq!(fault(404, r#"{"code":20404}"#), Fault::NotFound);
    assert_eq!(fault(404, "not JSON"), Fault::NotFound);
    assert_eq!(fault(401, r#"{"code":20003}"#), Fault::Unauthorised);
    assert_eq!(fault(400, r#"{"code":21211}"#), Fault::Refused);
    assert_eq!(fault(500, r#"{"code":20500}"#), Fault::UnknownOutcome);
    assert_eq!(fault(502, "<html>"), Fault::UnknownOutcome);
    let problem = Rejection::read(400, br#"{"type":"t","title":"Bad","detail":"number bad","code":1}"#);
    assert_eq!(problem.message, "number bad");
}

#[test]
fn nothing_that_is_printed_holds_a_number_or_a_secret() {
    let number = TO;
    let request = create_call(&account(), TO, &new_call()).unwrap();
    let body = format!(r#"{{"code":21211,"message":"The number {number} is bad"}}"#);
    let rejection = Rejection::read(400, body.as_bytes());
    let credentials = Credentials::new("SK1", "secret".to_owned().into());
    let printed = format!("{request:?} {:?} {rejection:?} {rejection} {credentials:?}", new_call());
    assert!(
        !printed.contains("5512345678") && !printed.contains("secret"),
        "{printed}"
    );
    assert!(printed.contains("21211"));
    assert_eq!(credentials.authorization().expose_secret(), "Basic U0sxOnNlY3JldA==");
}

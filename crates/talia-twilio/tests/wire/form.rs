//! Webhook forms: limits, order, and the views on them.

use proptest::prelude::*;
use talia_twilio::{
    CallStatus,
    form::{Form, FormError, MAX_BODY, MAX_FIELDS},
    webhook::{Direction, StatusCallback, StreamEvent, StreamStatus, VoiceRequest},
};

use crate::ids::{ACCOUNT, CALL, STREAM};

fn inbound() -> Vec<(&'static str, &'static str)> {
    vec![
        ("CallSid", CALL),
        ("AccountSid", ACCOUNT),
        ("From", "+525512345678"),
        ("To", "+525587654321"),
        ("CallStatus", "ringing"),
        ("Direction", "inbound"),
        ("ApiVersion", "2010-04-01"),
        ("FromCity", ""),
        ("StirVerstat", "TN-Validation-Passed-A"),
    ]
}

#[test]
fn bodies_are_decoded_in_order() {
    let form = Form::parse(b"b=1&a=%2B52+55&b=2&empty=&lone&=nameless&e=a=b&bad=%zz&&ma%C3%B1ana=s%C3%AD").unwrap();
    let wanted = [
        ("b", "1"),
        ("a", "+52 55"),
        ("b", "2"),
        ("empty", ""),
        ("lone", ""),
        ("", "nameless"),
        ("e", "a=b"),
        ("bad", "%zz"),
        ("mañana", "sí"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(form.fields(), wanted);
    assert_eq!(form.get("b"), Some("1"));
    assert_eq!(form.get("B"), None);
}

#[test]
fn forms_are_limited() {
    let body = |size: usize| [b"a=".as_slice(), &vec![b'x'; size - 2]].concat();
    assert!(Form::parse(&body(MAX_BODY - 1)).is_ok());
    assert!(Form::parse(&body(MAX_BODY)).is_ok());
    assert_eq!(Form::parse(&body(MAX_BODY + 1)), Err(FormError::TooLarge(MAX_BODY + 1)));
    let fields = |count: usize| vec!["a=1"; count].join("&");
    assert_eq!(
        Form::parse(fields(MAX_FIELDS).as_bytes()).unwrap().fields().len(),
        MAX_FIELDS
    );
    assert_eq!(
        Form::parse(fields(MAX_FIELDS + 1).as_bytes()),
        Err(FormError::TooManyFields)
    );
    assert_eq!(Form::parse(b"a=%F1"), Err(FormError::NotUtf8));
    assert_eq!(Form::parse(b"\xff=1"), Err(FormError::NotUtf8));
}

#[test]
fn a_voice_request_is_read() {
    let request = VoiceRequest::read(&inbound().into_iter().collect()).unwrap();
    assert_eq!(request.call_sid.as_str(), CALL);
    assert_eq!(request.call_status, CallStatus::Ringing);
    assert_eq!(request.direction, Direction::Inbound);
    assert_eq!(request.from, "+525512345678");
    assert_eq!(request.forwarded_from, None);
    assert_eq!(request.stir_verstat.as_deref(), Some("TN-Validation-Passed-A"));
    assert!(!format!("{request:?}").contains("+52"));
}

#[test]
fn callers_are_not_always_numbers() {
    for from in ["anonymous", "client:ana", "sip:ana@example.com", "restricted"] {
        let form: Form = inbound()
            .into_iter()
            .map(|(name, value)| (name, if name == "From" { from } else { value }))
            .collect();
        assert_eq!(VoiceRequest::read(&form).unwrap().from, from);
    }
}

#[test]
fn missing_and_wrong_fields_are_named() {
    for field in ["CallSid", "AccountSid", "From", "To", "CallStatus", "Direction"] {
        let without = |keep_empty: bool| -> Form {
            inbound()
                .into_iter()
                .filter(|(name, _)| keep_empty || *name != field)
                .map(|(name, value)| (name, if name == field { "" } else { value }))
                .collect()
        };
        for form in [without(true), without(false)] {
            assert_eq!(VoiceRequest::read(&form), Err(FormError::MissingField(field)));
        }
    }
    let short = &CALL[..33];
    let long = format!("{CALL}0");
    let foreign = CALL.replace('f', "g");
    for (field, value) in [
        ("CallSid", short),
        ("CallSid", &long),
        ("CallSid", &foreign),
        ("CallSid", ACCOUNT),
        ("AccountSid", CALL),
        ("CallStatus", "answered"),
    ] {
        let form: Form = inbound()
            .into_iter()
            .map(|(name, old)| (name, if name == field { value } else { old }))
            .collect();
        assert_eq!(VoiceRequest::read(&form), Err(FormError::BadField(field)), "{value}");
    }
}

#[test]
fn a_status_callback_is_read_in_both_forms() {
    let legacy: Form = [
        ("CallSid", CALL),
        ("AccountSid", ACCOUNT),
        ("CallStatus", "completed"),
        ("CallDuration", "42"),
    ]
    .into_iter()
    .collect();
    let callback = StatusCallback::read(&legacy).unwrap();
    assert_eq!((callback.sequence_number, callback.call_duration_s), (None, Some(42)));

    let progress: Form = [
        ("CallSid", CALL),
        ("AccountSid", ACCOUNT),
        ("CallStatus", "failed"),
        ("SequenceNumber", "3"),
        ("SipResponseCode", "487"),
        ("Timestamp", "Tue, 24 Nov 2026 08:00:00 +0000"),
    ]
    .into_iter()
    .collect();
    let callback = StatusCallback::read(&progress).unwrap();
    assert_eq!(callback.call_status, CallStatus::Failed);
    assert_eq!(
        (callback.sequence_number, callback.sip_response_code),
        (Some(3), Some(487))
    );

    let bad: Form = progress
        .fields()
        .iter()
        .map(|(name, value)| (name.clone(), if name == "SequenceNumber" { "-1" } else { value }))
        .collect();
    assert_eq!(StatusCallback::read(&bad), Err(FormError::BadField("SequenceNumber")));
}

#[test]
fn a_streams_status_is_read() {
    let form: Form = [
        ("CallSid", CALL),
        ("AccountSid", ACCOUNT),
        ("StreamSid", STREAM),
        ("StreamEvent", "stream-error"),
        ("StreamError", "broken pipe"),
    ]
    .into_iter()
    .collect();
    let status = StreamStatus::read(&form).unwrap();
    assert_eq!(status.event, StreamEvent::Error);
    assert_eq!(status.error.as_deref(), Some("broken pipe"));
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(pairs in proptest::collection::vec((any::<String>(), any::<String>()), 0..20)) {
        // A pair without name and value leaves no trace but an ampersand or an equals sign.
        let form: Form = pairs.into_iter().collect();
        prop_assert_eq!(Form::parse(form.encode().as_bytes()), Ok(form));
    }

    #[test]
    fn no_bytes_are_too_strange(body in any::<Vec<u8>>()) {
        if let Ok(form) = Form::parse(&body) {
            let _ = VoiceRequest::read(&form);
            let _ = StatusCallback::read(&form);
            let _ = StreamStatus::read(&form);
        }
    }
}

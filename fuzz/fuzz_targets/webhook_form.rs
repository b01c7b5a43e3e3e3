//! Any bytes as the body of a webhook.
#![no_main]

use libfuzzer_sys::fuzz_target;
use talia_twilio::{
    form::Form,
    webhook::{StatusCallback, StreamStatus, VoiceRequest},
};

fuzz_target!(|data: &[u8]| {
    let Ok(form) = Form::parse(data) else { return };
    assert_eq!(Form::parse(form.encode().as_bytes()).as_ref(), Ok(&form));
    if let Ok(request) = VoiceRequest::read(&form) {
        assert!(request.call_sid.as_str().starts_with("CA"));
    }
    let _ = StatusCallback::read(&form);
    let _ = StreamStatus::read(&form);
});

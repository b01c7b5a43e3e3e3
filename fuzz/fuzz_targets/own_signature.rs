//! Strangers at the second kind of signature: whatever they send is refused, what is truly signed is believed once.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use talia_twilio::standard_webhooks::{self, Headers, Remembered, SeenIds, SigningSecret, Verifier};

const NOW: i64 = 1_795_000_000;

static SECRET: LazyLock<SigningSecret> =
    LazyLock::new(|| SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a good secret"));
static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| Verifier::new(SECRET.clone()));

// Three lines, then the body: id, moment, signatures.
fuzz_target!(|data: &[u8]| {
    let mut lines = data.splitn(4, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (id, timestamp, signature, body) = (line(), line(), line(), line());
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let forged = Headers {
        id: text(id),
        timestamp: text(timestamp),
        signature: text(signature),
    };
    assert!(VERIFIER.verify(forged, body, NOW).is_err());

    let Some(id) = text(id).filter(|id| !id.is_empty() && id.len() <= standard_webhooks::MAX_ID) else {
        return;
    };
    let honest = standard_webhooks::sign(&SECRET, id, NOW, body);
    let now = NOW.to_string();
    let headers = Headers {
        id: Some(id),
        timestamp: Some(&now),
        signature: Some(&honest),
    };
    let message = VERIFIER.verify(headers, body, NOW).expect("it is truly signed");
    let mut seen = SeenIds::new(1);
    assert_eq!(seen.remember(message, NOW), Remembered::New);
    assert_eq!(seen.remember(message, NOW), Remembered::Replay);

    // Whatever a configuration holds is a secret or an error.
    if let Some(text) = text(body) {
        let _ = SigningSecret::parse(text);
    }
});

//! Strangers who don't know the secret: whatever they send is refused, and what is truly signed is believed.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use talia_twilio::{
    form::Form,
    signature::{self, Algorithm, AuthTokens, ClassicSignatures, SharedKey, SignatureHeaders, Validator},
};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const ORIGIN: &str = "https://voice.example.com";

static CLASSIC: LazyLock<Validator> =
    LazyLock::new(|| Validator::new(AuthTokens::new(TOKEN).expect("a token that isn't empty")));
static SHARED: LazyLock<Validator> = LazyLock::new(|| {
    let key = SharedKey::new("webhooks_sharedkey_1", TOKEN).expect("a secret that isn't empty");
    CLASSIC.clone().with_shared_key(key, ClassicSignatures::Refused)
});

// Four lines: target, signature, settings, form.
fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.splitn(4, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (target, header, settings, body) = (line(), line(), line(), line());
    let Ok(form) = Form::parse(body.as_bytes()) else { return };
    let url = format!("{ORIGIN}/{target}");

    let forged = SignatureHeaders {
        signature: Some(header),
        settings: Some(settings),
    };
    for validator in [&*CLASSIC, &*SHARED] {
        assert!(validator.validate_form(&url, form.fields(), forged).is_err());
        assert!(validator.validate_body(&url, body.as_bytes(), forged).is_err());
        assert!(validator.validate_websocket(&url, forged).is_err());
    }

    let honest = signature::sign(TOKEN, Algorithm::HmacSha1, &url, form.fields());
    assert!(
        CLASSIC
            .validate_form(&url, form.fields(), Some(honest.as_str()))
            .is_ok()
    );
    assert!(
        SHARED
            .validate_form(&url, form.fields(), Some(honest.as_str()))
            .is_err()
    );
});

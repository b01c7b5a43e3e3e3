//! Access tokens, against one that Python's own hmac, base64 and json made.

use crate::ids::ACCOUNT;
use talia_twilio::AccountSid;
use talia_twilio::access_token::{TokenError, VoiceToken};

const EXPECTED: &str = "eyJhbGciOiJIUzI1NiIsImN0eSI6InR3aWxpby1mcGE7dj0xIiwidHlwIjoiSldUIn0.eyJleHAiOjE3MDAwMDA2MDAsImdyYW50cyI6eyJpZGVudGl0eSI6ImFuYSIsInZvaWNlIjp7ImluY29taW5nIjp7ImFsbG93Ijp0cnVlfSwib3V0Z29pbmciOnsiYXBwbGljYXRpb25fc2lkIjoiQVAxIn19fSwiaWF0IjoxNzAwMDAwMDAwLCJpc3MiOiJTSzEiLCJqdGkiOiJTSzEtMTcwMDAwMDAwMCIsInN1YiI6IkFDMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYifQ.iEujMN50kQtecRcHg-Ak4_3RLDXyh7B49Q70RdbcaYg";

#[test]
fn a_token_is_the_one_that_others_make() {
    let account = AccountSid::new(ACCOUNT).unwrap();
    let token = VoiceToken {
        account: &account,
        key_sid: "SK1",
        identity: "ana",
        application_sid: Some("AP1"),
        incoming: true,
        ttl_s: 600,
    };
    let secret = "secret".to_owned().into();
    assert_eq!(token.sign(1_700_000_000, &secret).unwrap(), EXPECTED);
    for identity in ["", "a b", "ñ", "a/b", &"x".repeat(122)] {
        let wrong = VoiceToken {
            identity,
            ..token.clone()
        };
        assert_eq!(wrong.sign(0, &secret), Err(TokenError::Identity), "{identity}");
    }
    for ttl_s in [0, 86_401] {
        let wrong = VoiceToken { ttl_s, ..token.clone() };
        assert_eq!(wrong.sign(0, &secret), Err(TokenError::Ttl));
    }
}

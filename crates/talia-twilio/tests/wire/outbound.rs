//! A server's messages: exactly Twilio's shapes, and nothing that is nearly so.

use proptest::prelude::*;
use talia_twilio::{
    error_codes::StreamCode,
    media::{self, Outbound, OutboundError, read_outbound},
};

use crate::ids::STREAM;

#[test]
fn shapes_are_exact() {
    let mut out = "what was there before".to_owned();
    media::write_media(&mut out, STREAM, &[0xff, 0x7f, 0x00, 0x80]);
    insta::assert_snapshot!(out, @r#"{"event":"media","streamSid":"MZ0123456789abcdef0123456789abcdef","media":{"payload":"/38AgA=="}}"#);
    media::write_mark(&mut out, STREAM, "g3-\"ñ\"\\\n\u{1}");
    insta::assert_snapshot!(out, @r#"{"event":"mark","streamSid":"MZ0123456789abcdef0123456789abcdef","mark":{"name":"g3-\"ñ\"\\\n\u0001"}}"#);
    media::write_clear(&mut out, STREAM);
    insta::assert_snapshot!(out, @r#"{"event":"clear","streamSid":"MZ0123456789abcdef0123456789abcdef"}"#);
}

#[test]
fn what_twilio_would_drop_is_refused_with_its_reason() {
    let cases = [
        ("", OutboundError::NotJson),
        ("[]", OutboundError::NotJson),
        (
            r#"{"event":"clear","streamSid":"S","streamSid":"S"}"#,
            OutboundError::NotJson,
        ),
        (r#"{"streamSid":"S"}"#, OutboundError::MissingField("event")),
        (r#"{"event":1,"streamSid":"S"}"#, OutboundError::WrongType("event")),
        (r#"{"event":"clear"}"#, OutboundError::MissingField("streamSid")),
        (
            r#"{"event":"clear","stream_sid":"S"}"#,
            OutboundError::MissingField("streamSid"),
        ),
        (
            r#"{"event":"clear","streamSid":null}"#,
            OutboundError::WrongType("streamSid"),
        ),
        (r#"{"event":"clear","streamSid":"T"}"#, OutboundError::WrongStreamSid),
        (
            r#"{"event":"stop","streamSid":"S"}"#,
            OutboundError::UnknownEvent("stop".into()),
        ),
        (
            r#"{"event":"clear","streamSid":"S","media":null}"#,
            OutboundError::ExtraField("media".into()),
        ),
        (
            r#"{"event":"clear","streamSid":"S","mark":{"name":"x"}}"#,
            OutboundError::ExtraField("mark".into()),
        ),
        (
            r#"{"event":"media","streamSid":"S","sequenceNumber":"1","media":{"payload":""}}"#,
            OutboundError::ExtraField("sequenceNumber".into()),
        ),
        (
            r#"{"event":"media","streamSid":"S","media":{"payload":"","track":"outbound"}}"#,
            OutboundError::ExtraField("media.track".into()),
        ),
        (
            r#"{"event":"media","streamSid":"S"}"#,
            OutboundError::MissingField("media"),
        ),
        (
            r#"{"event":"media","streamSid":"S","media":null}"#,
            OutboundError::WrongType("media"),
        ),
        (
            r#"{"event":"media","streamSid":"S","media":{}}"#,
            OutboundError::MissingField("media.payload"),
        ),
        (
            r#"{"event":"media","streamSid":"S","media":{"payload":[1]}}"#,
            OutboundError::WrongType("media.payload"),
        ),
        (
            r#"{"event":"media","streamSid":"S","media":{"payload":"A"}}"#,
            OutboundError::BadPayload,
        ),
        (
            r#"{"event":"mark","streamSid":"S","mark":{"name":5}}"#,
            OutboundError::WrongType("mark.name"),
        ),
        (
            r#"{"event":"mark","streamSid":"S","mark":{}}"#,
            OutboundError::MissingField("mark.name"),
        ),
    ];
    for (text, wanted) in cases {
        let error = read_outbound(text, "S").unwrap_err();
        assert_eq!(error, wanted, "{text}");
        assert_eq!(error.code(), StreamCode::InvalidMessage);
    }
    assert_eq!(StreamCode::InvalidMessage.code(), 31951);
}

proptest! {
    #[test]
    fn what_is_written_is_read(stream in ".{0,40}", name in any::<String>(), audio in any::<Vec<u8>>()) {
        let mut out = String::new();
        media::write_mark(&mut out, &stream, &name);
        prop_assert_eq!(read_outbound(&out, &stream), Ok(Outbound::Mark(name.into())));
        media::write_media(&mut out, &stream, &audio);
        prop_assert_eq!(read_outbound(&out, &stream), Ok(Outbound::Media(audio)));
        media::write_clear(&mut out, &stream);
        prop_assert_eq!(read_outbound(&out, &stream), Ok(Outbound::Clear));
    }

    #[test]
    fn no_text_is_too_strange(text in ".{0,300}") {
        let _ = read_outbound(&text, "S");
    }
}

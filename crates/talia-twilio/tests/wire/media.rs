//! Twilio's messages: every event, every missing field, every limit.

use std::borrow::Cow;

use proptest::prelude::*;
use talia_twilio::media::{self, Inbound, MAX_DEPTH, MAX_MESSAGE, MAX_PAYLOAD, MediaError, Track, parse};

use crate::ids::{ACCOUNT, CALL, STREAM};

pub(crate) fn examples() -> Vec<String> {
    vec![
        r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#.to_owned(),
        format!(
            r#"{{"event":"start","sequenceNumber":"1","streamSid":"{STREAM}","start":{{"streamSid":"{STREAM}","accountSid":"{ACCOUNT}","callSid":"{CALL}","tracks":["inbound"],"customParameters":{{"lengua":"español"}},"mediaFormat":{{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}}}}"#
        ),
        format!(
            r#"{{"event":"media","sequenceNumber":"3","streamSid":"{STREAM}","media":{{"track":"inbound","chunk":"1","timestamp":"73","payload":"//9+fn4="}}}}"#
        ),
        format!(
            r##"{{"event":"dtmf","sequenceNumber":"5","streamSid":"{STREAM}","dtmf":{{"track":"inbound_track","digit":"#"}}}}"##
        ),
        format!(r#"{{"event":"mark","sequenceNumber":"4","streamSid":"{STREAM}","mark":{{"name":"g1-0001"}}}}"#),
        format!(
            r#"{{"event":"stop","sequenceNumber":"9","streamSid":"{STREAM}","stop":{{"accountSid":"{ACCOUNT}","callSid":"{CALL}"}}}}"#
        ),
    ]
}

#[test]
fn documented_messages_are_read_and_written_to_the_byte() {
    let mut written = String::new();
    for example in examples() {
        let message = parse(&example).unwrap();
        media::write_inbound(&mut written, &message);
        assert_eq!(written, example);
    }
}

#[test]
fn start_gives_ids_parameters_and_format() {
    let example = &examples()[1];
    let Ok(Inbound::Start(start)) = parse(example) else {
        panic!("no start");
    };
    assert_eq!(start.call_sid.as_str(), CALL);
    assert_eq!(start.account_sid.as_str(), ACCOUNT);
    assert_eq!(start.stream_sid.as_str(), STREAM);
    assert_eq!(start.tracks, [Track::Inbound]);
    assert_eq!(start.custom_parameters["lengua"], "español");
    assert!(start.media_format.is_mulaw_8k());
}

#[test]
fn another_codec_is_read_and_told_apart() {
    for (from, to) in [
        ("audio/x-mulaw", "audio/x-l16"),
        (":8000", ":16000"),
        ("\"channels\":1", "\"channels\":2"),
    ] {
        let text = examples()[1].replace(from, to);
        let Ok(Inbound::Start(start)) = parse(&text) else {
            panic!("no start")
        };
        assert!(!start.media_format.is_mulaw_8k(), "{to}");
    }
}

#[test]
fn a_media_frame_is_borrowed() {
    let example = &examples()[2];
    let Ok(Inbound::Media(frame)) = parse(example) else {
        panic!("no media")
    };
    assert!(matches!(frame.payload, Cow::Borrowed("//9+fn4=")));
    assert!(matches!(frame.stream_sid, Cow::Borrowed(STREAM)));
    assert_eq!(
        (frame.sequence_number, frame.chunk, frame.timestamp_ms, frame.track),
        (3, 1, 73, Track::Inbound)
    );
}

#[test]
fn an_escaped_payload_is_read_too() {
    let text = examples()[2].replace('/', "\\/");
    let Ok(Inbound::Media(frame)) = parse(&text) else {
        panic!("no media")
    };
    assert_eq!(frame.payload, "//9+fn4=");
}

/// The paths of all fields of an object.
fn paths(value: &serde_json::Value, prefix: &str, found: &mut Vec<String>) {
    if let Some(map) = value.as_object() {
        for (key, inner) in map {
            let path = format!("{prefix}/{key}");
            paths(inner, &path, found);
            found.push(path);
        }
    }
}

#[test]
fn every_missing_or_null_field_is_named() {
    let optional = ["/start/customParameters", "/start/customParameters/lengua"];
    let mut tried = 0;
    for example in examples() {
        let whole: serde_json::Value = serde_json::from_str(&example).unwrap();
        let mut found = Vec::new();
        paths(&whole, "", &mut found);
        for path in found.iter().filter(|path| !optional.contains(&path.as_str())) {
            let (parent, key) = path.rsplit_once('/').unwrap();
            let wanted = path.trim_start_matches('/').replace('/', ".");
            for null in [false, true] {
                let mut value = whole.clone();
                let map = value.pointer_mut(parent).unwrap().as_object_mut().unwrap();
                if null {
                    map.insert(key.to_owned(), serde_json::Value::Null);
                } else {
                    map.remove(key);
                }
                match parse(&value.to_string()) {
                    Err(MediaError::MissingField(field)) => assert_eq!(field, wanted),
                    other => panic!("{path}: {other:?}"),
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 60, "{tried}");
}

#[test]
fn unknown_events_and_fields_are_tolerated() {
    assert_eq!(
        parse(r#"{"event":"telemetry"}"#),
        Ok(Inbound::Unknown("telemetry".into()))
    );
    // A known field of another type in a new event.
    assert_eq!(
        parse(r#"{"event":"new","media":7,"start":[1]}"#),
        Ok(Inbound::Unknown("new".into()))
    );
    let text = examples()[2].replacen('{', r#"{"added":{"x":[1]},"#, 1);
    assert!(matches!(parse(&text), Ok(Inbound::Media(_))));
}

#[test]
fn counters_may_be_plain_numbers_but_nothing_else() {
    let read = |chunk: &str| match parse(&examples()[2].replace(r#""chunk":"1""#, &format!(r#""chunk":{chunk}"#))) {
        Ok(Inbound::Media(frame)) => Ok(frame.chunk),
        Ok(_) => panic!("no media"),
        Err(error) => Err(error),
    };
    assert_eq!(read("7"), Ok(7));
    assert_eq!(read("\"18446744073709551615\""), Ok(u64::MAX));
    for bad in [
        "-1",
        "1.5",
        "\"\"",
        "\"+1\"",
        "\" 1\"",
        "\"1e3\"",
        "\"18446744073709551616\"",
        "\"０\"",
    ] {
        assert_eq!(read(bad), Err(MediaError::BadNumber("media.chunk")), "{bad}");
    }
    for bad in ["true", "[1]", "{}"] {
        assert!(matches!(read(bad), Err(MediaError::Malformed { .. })), "{bad}");
    }
}

#[test]
fn wrong_values_have_their_own_errors() {
    let cases = [
        (2, "\"inbound\"", "\"sideways\"", MediaError::UnknownTrack),
        (3, "\"digit\":\"#\"", "\"digit\":\"12\"", MediaError::BadDigit),
        (3, "\"digit\":\"#\"", "\"digit\":\"x\"", MediaError::BadDigit),
        (1, ACCOUNT, "AC1", MediaError::BadSid("start.accountSid")),
        (1, CALL, "CAxyz", MediaError::BadSid("start.callSid")),
        (5, CALL, ACCOUNT, MediaError::BadSid("stop.callSid")),
    ];
    for (index, from, to, error) in cases {
        assert_eq!(parse(&examples()[index].replace(from, to)), Err(error));
    }
    // A start whose two stream identifiers differ.
    let text = examples()[1].replacen(STREAM, &STREAM.replace('0', "1"), 1);
    assert_eq!(parse(&text), Err(MediaError::BadSid("streamSid")));
}

#[test]
fn what_is_no_object_is_malformed() {
    for text in [
        "",
        "null",
        "[]",
        "7",
        "{",
        r#"{"event":"media""#,
        r#"{"event":7}"#,
        "\u{feff}{}",
        "not json",
    ] {
        assert!(matches!(parse(text), Err(MediaError::Malformed { .. })), "{text}");
    }
    assert_eq!(parse("{}"), Err(MediaError::MissingField("event")));
}

#[test]
fn messages_are_limited_in_size() {
    let padded = |size: usize| {
        let frame = r#"{"event":"x","pad":""}"#;
        frame.replace(r#""""#, &format!("\"{}\"", "a".repeat(size - frame.len())))
    };
    assert!(parse(&padded(MAX_MESSAGE - 1)).is_ok());
    assert!(parse(&padded(MAX_MESSAGE)).is_ok());
    assert_eq!(
        parse(&padded(MAX_MESSAGE + 1)),
        Err(MediaError::TooLarge(MAX_MESSAGE + 1))
    );
}

#[test]
fn messages_are_limited_in_depth() {
    let nested = |depth: usize| {
        format!(
            r#"{{"event":"x","deep":{}1{}}}"#,
            "[".repeat(depth - 1),
            "]".repeat(depth - 1)
        )
    };
    assert!(parse(&nested(MAX_DEPTH - 1)).is_ok());
    assert!(parse(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(parse(&nested(MAX_DEPTH + 1)), Err(MediaError::TooDeep));
    assert_eq!(parse(&"[".repeat(16_000)), Err(MediaError::TooDeep));
    assert_eq!(parse(&"[".repeat(100_000)), Err(MediaError::TooLarge(100_000)));
    // Many openers that aren't deep, and openers inside a string.
    assert!(parse(&format!(r#"{{"event":"x","flat":[{}1]}}"#, "[],".repeat(200))).is_ok());
    assert!(parse(&format!(r#"{{"event":"x","text":"\"{}"}}"#, "[".repeat(200))).is_ok());
}

#[test]
fn payloads_are_limited_and_canonical() {
    let mut audio = vec![7];
    let mut slice = [0_u8; 8];
    for (size, fits) in [(MAX_PAYLOAD - 1, true), (MAX_PAYLOAD, true), (MAX_PAYLOAD + 1, false)] {
        let mut payload = String::new();
        media::encode_payload(&vec![0x7f; size], &mut payload);
        let result = media::decode_payload(&payload, &mut audio);
        if fits {
            assert_eq!((result, audio.len()), (Ok(()), size));
        } else {
            assert_eq!((result, audio.len()), (Err(MediaError::PayloadTooLarge), 0));
        }
    }
    for bad in [
        "A", "AA", "AA=", "AB==", "AA==A", "AA ==", "AA==\n", "_-8=", "=AA=", "Aé==",
    ] {
        assert_eq!(
            media::decode_payload(bad, &mut audio),
            Err(MediaError::PayloadNotBase64),
            "{bad}"
        );
        assert!(audio.is_empty());
        assert!(media::decode_payload_slice(bad, &mut slice).is_err(), "{bad}");
    }
    assert_eq!(media::decode_payload_slice("//9+fn4=", &mut slice), Ok(5));
    assert_eq!(slice[..5], [0xff, 0xff, 0x7e, 0x7e, 0x7e]);
    assert_eq!(
        media::decode_payload_slice("//9+fn4=", &mut slice[..4]),
        Err(MediaError::PayloadTooLarge)
    );
}

proptest! {
    #[test]
    fn no_text_is_too_strange(text in ".{0,400}") {
        let _ = parse(&text);
    }

    #[test]
    fn a_damaged_message_is_never_misread_as_audio_of_another_length(
        cut in 0_usize..180,
        insert in proptest::option::of(any::<char>()),
    ) {
        let mut text = examples().swap_remove(2);
        if cut < text.len() {
            text.remove(cut);
            if let Some(character) = insert {
                text.insert(cut, character);
            }
            // Whatever it became, reading it and writing it again must agree.
            if let Ok(message) = parse(&text) && !matches!(message, Inbound::Unknown(_)) {
                let mut written = String::new();
                media::write_inbound(&mut written, &message);
                prop_assert_eq!(parse(&written), Ok(message));
            }
        }
    }

    #[test]
    fn audio_survives_the_wire(audio in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let mut payload = String::new();
        media::encode_payload(&audio, &mut payload);
        let mut read = Vec::new();
        media::decode_payload(&payload, &mut read).unwrap();
        prop_assert_eq!(read, audio);
    }
}

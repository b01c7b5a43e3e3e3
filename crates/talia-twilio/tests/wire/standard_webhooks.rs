//! The front door's own signature: known answers, what must be refused, and what is remembered.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;
use talia_twilio::standard_webhooks::{
    Headers, MAX_ID, Message, Refusal, Remembered, SecretError, SeenIds, SigningSecret, Verifier, WINDOW_S, sign,
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const BODY: &[u8] = b"CallSid=CA0123456789abcdef0123456789abcdef";
const NOW: i64 = 1_795_000_000;

#[derive(Deserialize)]
struct Vector {
    name: String,
    secret: String,
    id: String,
    timestamp: i64,
    body: String,
    expected: String,
}

fn secret(text: &str) -> SigningSecret {
    SigningSecret::parse(text).unwrap()
}

fn verifier(text: &str) -> Verifier {
    Verifier::new(secret(text))
}

/// Checks a message of [`BODY`] with these headers at [`NOW`].
fn check(id: &str, timestamp: &str, signature: &str) -> Result<(), Refusal> {
    let headers = Headers {
        id: Some(id),
        timestamp: Some(timestamp),
        signature: Some(signature),
    };
    verifier(SECRET).verify(headers, BODY, NOW).map(drop)
}

#[test]
fn all_vectors_are_signed_and_believed() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("../data/standard_webhooks_vectors.json")).unwrap();
    assert_eq!(vectors.len(), 4);
    for vector in vectors {
        let body = vector.body.as_bytes();
        let signature = sign(&secret(&vector.secret), &vector.id, vector.timestamp, body);
        assert_eq!(signature, vector.expected, "{}", vector.name);
        let timestamp = vector.timestamp.to_string();
        let headers = Headers {
            id: Some(&vector.id),
            timestamp: Some(&timestamp),
            signature: Some(&vector.expected),
        };
        let message = Message {
            id: &vector.id,
            timestamp_s: vector.timestamp,
        };
        let checked = verifier(&vector.secret).verify(headers, body, vector.timestamp);
        assert_eq!(checked, Ok(message), "{}", vector.name);
    }
}

#[test]
fn a_secret_needs_sixteen_bytes_and_whole_base64() {
    assert!(SigningSecret::parse("0123456789abcdef").is_ok());
    assert_eq!(SigningSecret::parse("0123456789abcde").unwrap_err(), SecretError::Short);
    assert_eq!(SigningSecret::parse("").unwrap_err(), SecretError::Short);
    assert_eq!(SigningSecret::parse("whsec_").unwrap_err(), SecretError::Short);
    assert_eq!(SigningSecret::parse("whsec_AAAA").unwrap_err(), SecretError::Short);
    assert_eq!(SigningSecret::parse("whsec_?").unwrap_err(), SecretError::NotBase64);
    // A plain text that happens to be base64 is taken as it is.
    let bare = SECRET.strip_prefix("whsec_").unwrap();
    assert_ne!(
        sign(&secret(bare), "a", NOW, BODY),
        sign(&secret(SECRET), "a", NOW, BODY)
    );
    assert_eq!(format!("{:?}", secret(SECRET)), "SigningSecret(…)");
}

#[test]
fn every_part_is_needed() {
    let timestamp = NOW.to_string();
    let signature = sign(&secret(SECRET), "msg_1", NOW, BODY);
    let whole = [Some("msg_1"), Some(timestamp.as_str()), Some(signature.as_str())];
    for missing in 0..3 {
        for instead in [None, Some("")] {
            let mut parts = whole;
            parts[missing] = instead;
            let [id, timestamp, signature] = parts;
            let headers = Headers {
                id,
                timestamp,
                signature,
            };
            assert!(headers.any());
            assert_eq!(verifier(SECRET).verify(headers, BODY, NOW), Err(Refusal::Incomplete));
        }
    }
    assert!(!Headers::default().any());
    assert_eq!(check("msg_1", &timestamp, &signature), Ok(()));
}

#[test]
fn only_known_versions_with_whole_base64_are_signatures() {
    let timestamp = NOW.to_string();
    let good = sign(&secret(SECRET), "msg_1", NOW, BODY);
    let bare = good.strip_prefix("v1,").unwrap();
    let wrong = sign(&secret(OTHER), "msg_1", NOW, BODY);
    for believed in [
        good.clone(),
        format!("{wrong} {good}"),
        format!("v1a,ed25519 {good}"),
        format!("v1,? {good} "),
    ] {
        assert_eq!(check("msg_1", &timestamp, &believed), Ok(()), "{believed}");
    }
    for unread in [
        bare.to_owned(),
        format!("v2,{bare}"),
        "v1,?".to_owned(),
        "v1".to_owned(),
        " ".to_owned(),
    ] {
        assert_eq!(check("msg_1", &timestamp, &unread), Err(Refusal::Malformed), "{unread}");
    }
    // A whole digest is needed, not the beginning of one.
    for short in ["v1,", "v1,g0hM"] {
        assert_eq!(check("msg_1", &timestamp, short), Err(Refusal::Mismatch), "{short}");
    }
    assert_eq!(check("msg_1", &timestamp, &wrong), Err(Refusal::Mismatch));
    let crowd = format!("{}{good}", format!("{wrong} ").repeat(8));
    assert_eq!(
        check("msg_1", &timestamp, &crowd),
        Err(Refusal::Mismatch),
        "eight are looked at"
    );
}

#[test]
fn ids_and_moments_out_of_shape_are_malformed() {
    let long = "m".repeat(MAX_ID + 1);
    let signature = sign(&secret(SECRET), &long, NOW, BODY);
    assert_eq!(check(&long, &NOW.to_string(), &signature), Err(Refusal::Malformed));
    for timestamp in [
        "now",
        "-1",
        "+1795000000",
        "1795000000.5",
        " 1795000000",
        "99999999999999999999",
    ] {
        let signature = sign(&secret(SECRET), "msg_1", NOW, BODY);
        assert_eq!(
            check("msg_1", timestamp, &signature),
            Err(Refusal::Malformed),
            "{timestamp}"
        );
    }
}

#[test]
fn the_window_is_five_minutes_to_both_sides() {
    for (age, expected) in [
        (0, Ok(())),
        (WINDOW_S, Ok(())),
        (-WINDOW_S, Ok(())),
        (WINDOW_S + 1, Err(Refusal::Stale)),
        (-WINDOW_S - 1, Err(Refusal::Stale)),
    ] {
        let at = NOW - age;
        let signature = sign(&secret(SECRET), "msg_1", at, BODY);
        assert_eq!(check("msg_1", &at.to_string(), &signature), expected, "{age} s");
    }
    let signature = sign(&secret(SECRET), "msg_1", i64::MAX, BODY);
    assert_eq!(check("msg_1", &i64::MAX.to_string(), &signature), Err(Refusal::Stale));
    // Without the secret, age is never spoken of.
    let forged = sign(&secret(OTHER), "msg_1", 0, BODY);
    assert_eq!(check("msg_1", "0", &forged), Err(Refusal::Mismatch));
}

#[test]
fn both_secrets_of_a_rotation_are_believed() {
    let timestamp = NOW.to_string();
    let rotating = verifier(SECRET).with_next(secret(OTHER));
    for (signer, expected) in [
        (SECRET, Ok(())),
        (OTHER, Ok(())),
        ("a third and plain secret", Err(Refusal::Mismatch)),
    ] {
        let signature = sign(&secret(signer), "msg_1", NOW, BODY);
        let headers = Headers {
            id: Some("msg_1"),
            timestamp: Some(&timestamp),
            signature: Some(&signature),
        };
        assert_eq!(rotating.verify(headers, BODY, NOW).map(drop), expected, "{signer}");
    }
}

#[test]
fn an_id_is_remembered_as_long_as_its_signature_is_good() {
    let mut seen = SeenIds::new(2);
    let message = |id, timestamp_s| Message { id, timestamp_s };
    assert_eq!(seen.remember(message("a", NOW), NOW), Remembered::New);
    assert_eq!(seen.remember(message("a", NOW), NOW), Remembered::Replay);
    // The same id under a fresh moment is still the same message.
    assert_eq!(seen.remember(message("a", NOW + 200), NOW + 200), Remembered::Replay);
    assert_eq!(seen.remember(message("b", NOW + WINDOW_S), NOW), Remembered::New);
    assert_eq!(seen.remember(message("c", NOW), NOW), Remembered::Full);
    assert_eq!(seen.remember(message("a", NOW), NOW + WINDOW_S), Remembered::Replay);
    assert_eq!(seen.remember(message("c", NOW), NOW + WINDOW_S + 1), Remembered::New);
    assert_eq!(seen.len(), 2);
    assert_eq!(
        seen.remember(message("b", NOW + WINDOW_S), NOW + 2 * WINDOW_S),
        Remembered::Replay
    );
    assert!(!seen.is_empty());
}

proptest! {
    /// What is signed is believed in the window; any change of a byte of it is not.
    #[test]
    fn a_change_anywhere_is_refused(
        key in "[ -~]{16,40}",
        id in "[a-zA-Z0-9_]{1,40}",
        body in proptest::collection::vec(any::<u8>(), 0..200),
        age in -WINDOW_S..=WINDOW_S,
        place in any::<prop::sample::Index>(),
        bit in 0_u8..8,
    ) {
        prop_assume!(!key.starts_with("whsec_"));
        let verifier = verifier(&key);
        let at = NOW - age;
        let timestamp = at.to_string();
        let signature = sign(&secret(&key), &id, at, &body);
        let headers = Headers { id: Some(&id), timestamp: Some(&timestamp), signature: Some(&signature) };
        prop_assert_eq!(verifier.verify(headers, &body, NOW), Ok(Message { id: &id, timestamp_s: at }));

        let mut changed = body.clone();
        if changed.is_empty() {
            changed.push(bit);
        } else {
            let at = place.index(changed.len());
            changed[at] ^= 1 << bit;
        }
        prop_assert_eq!(verifier.verify(headers, &changed, NOW), Err(Refusal::Mismatch));
        let longer = format!("{id}0");
        let other_id = Headers { id: Some(&longer), ..headers };
        prop_assert_eq!(verifier.verify(other_id, &body, NOW), Err(Refusal::Mismatch));
        let later = (at + 1).to_string();
        let other_time = Headers { timestamp: Some(&later), ..headers };
        prop_assert_eq!(verifier.verify(other_time, &body, NOW), Err(Refusal::Mismatch));
        let mut code = signature.clone().into_bytes();
        let at = 3 + place.index(43);
        code[at] = if code[at] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(code).unwrap();
        let other_code = Headers { signature: Some(&forged), ..headers };
        prop_assert!(verifier.verify(other_code, &body, NOW).is_err());
    }

    /// Purged, refused and full exactly when a list that is searched from end to end says so.
    #[test]
    fn the_memory_does_as_a_plain_list_would(
        steps in proptest::collection::vec((0_u8..12, -WINDOW_S..=WINDOW_S, 0_i64..120), 1..200),
        capacity in 1_usize..8,
    ) {
        let mut seen = SeenIds::new(capacity);
        let mut list: BTreeMap<String, i64> = BTreeMap::new();
        let mut now = NOW;
        for (id, skew, passed) in steps {
            now += passed;
            let (id, timestamp_s) = (format!("msg_{id}"), now + skew);
            list.retain(|_, until| *until >= now);
            let expected = if list.contains_key(&id) {
                Remembered::Replay
            } else if list.len() >= capacity {
                Remembered::Full
            } else {
                list.insert(id.clone(), timestamp_s + WINDOW_S);
                Remembered::New
            };
            prop_assert_eq!(seen.remember(Message { id: &id, timestamp_s }, now), expected);
            prop_assert_eq!(seen.len(), list.len());
            prop_assert!(seen.len() <= capacity);
        }
    }
}

//! Signatures: the 25 known vectors, what must be refused, and any single change.

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;
use talia_twilio::signature::{
    self, Algorithm, AuthTokens, ClassicSignatures, Diagnosis, Refusal, SharedKey, SignatureHeaders, TargetDifference,
    Validator,
};

const URL: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";
const BODY: &[u8] = br#"{"property": "value", "boolean": true}"#;
const KEY_ID: &str = "webhooks_sharedkey_1";

#[derive(Deserialize)]
struct Vector {
    name: String,
    token: String,
    algorithm: String,
    url: String,
    params: serde_json::Map<String, Value>,
    expected: String,
}

impl Vector {
    fn params(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let mut params = Vec::new();
        for (name, value) in &self.params {
            match value {
                Value::Array(values) => params.extend(values.iter().map(|value| (name.clone(), text(value)))),
                value => params.push((name.clone(), text(value))),
            }
        }
        params
    }

    fn algorithm(&self) -> Algorithm {
        [Algorithm::HmacSha1, Algorithm::HmacSha256]
            .into_iter()
            .find(|algorithm| algorithm.as_str() == self.algorithm)
            .unwrap()
    }

    /// Checks as a server that sees `url`.
    fn check(&self, url: &str) -> Result<(), Refusal> {
        let settings = signature::settings_header(KEY_ID, self.algorithm());
        let shared = self.algorithm() == Algorithm::HmacSha256;
        let headers = SignatureHeaders {
            signature: Some(&self.expected),
            settings: shared.then_some(settings.as_str()),
        };
        let validator = validator(&self.token);
        if self.url.starts_with("wss:") {
            validator.validate_websocket(url, headers)
        } else {
            validator.validate_form(url, &self.params(), headers)
        }
    }
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../data/signature_vectors.json")).unwrap()
}

fn vector(name: &str) -> Vector {
    vectors().into_iter().find(|vector| vector.name == name).unwrap()
}

fn tokens(current: &str) -> AuthTokens {
    AuthTokens::new(current).unwrap()
}

fn validator(secret: &str) -> Validator {
    let key = SharedKey::new(KEY_ID, secret).unwrap();
    Validator::new(tokens(secret)).with_shared_key(key, ClassicSignatures::Accepted)
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn all_vectors_are_signed_and_believed() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 25);
    for vector in vectors {
        let mut params = vector.params();
        let sign =
            |params: &[(String, String)]| signature::sign(&vector.token, vector.algorithm(), &vector.url, params);
        assert_eq!(sign(&params), vector.expected, "{}", vector.name);
        params.reverse();
        assert_eq!(sign(&params), vector.expected, "{} in another order", vector.name);
        assert_eq!(vector.check(&vector.url), Ok(()), "{}", vector.name);
        assert_eq!(vector.check(&format!("{}#rc=2", vector.url)), Ok(()), "{}", vector.name);
    }
}

#[test]
fn ports_may_differ_where_twilio_drops_or_adds_them() {
    let accepted = [
        ("post-443", URL),
        ("post-basic", "https://mycompany.com:443/myapp.php?foo=1&bar=2"),
        ("post-basic", "https://mycompany.com:1234/myapp.php?foo=1&bar=2"),
        (
            "post-basic",
            "https://user:secret@mycompany.com:1234/myapp.php?foo=1&bar=2",
        ),
        ("post-http-80", "http://mycompany.com/myapp.php?foo=1&bar=2"),
        ("double-slash-443", "https://mycompany.com//myapp.php?foo=1&bar=2"),
        ("ws", "https://voice.example.com/media"),
        ("ws", "http://voice.example.com/media"),
        ("ws", "ws://voice.example.com/media"),
        ("ws", "wss://voice.example.com:443/media"),
        ("ws-slash", "wss://voice.example.com/media"),
        ("ws-443", "wss://voice.example.com/media"),
    ];
    for (name, url) in accepted {
        assert_eq!(vector(name).check(url), Ok(()), "{name} at {url}");
    }
    let refused = [
        ("post-http-1234", "http://mycompany.com/myapp.php?foo=1&bar=2"),
        ("post-http-80", URL),
        ("post-443", "https://mycompany.com//myapp.php?foo=1&bar=2"),
        ("ws-slash", "wss://voice.example.com/"),
        ("ws", "wss://voice.example.com/media/"),
    ];
    for (name, url) in refused {
        assert_eq!(vector(name).check(url), Err(Refusal::Mismatch), "{name} at {url}");
    }
}

#[test]
fn a_handshake_signed_as_https_is_refused() {
    let signed = vector("ws-https-scheme");
    for url in ["wss://voice.example.com/media", "https://voice.example.com/media"] {
        assert_eq!(
            validator("12345").validate_websocket(url, Some(signed.expected.as_str())),
            Err(Refusal::Mismatch)
        );
    }
}

#[test]
fn an_ipv6_origin_keeps_its_brackets() {
    let signed = signature::sign("12345", Algorithm::HmacSha1, "http://[::1]:8080/a", &[]);
    let check = |url: &str| validator("12345").validate_get(url, Some(signed.as_str()));
    assert_eq!(check("http://[::1]:8080/a"), Ok(()));
    assert_eq!(check("http://[::1]/a"), Err(Refusal::Mismatch));
}

#[test]
fn no_or_unreadable_headers_are_refused() {
    let good = vector("post-basic");
    let params = good.params();
    let check = |header: Option<&str>| validator("12345").validate_form(URL, &params, header);
    assert_eq!(check(Some(&good.expected)), Ok(()));
    assert_eq!(check(None), Err(Refusal::MissingHeader));
    assert_eq!(check(Some("")), Err(Refusal::MissingHeader));
    for bad in [
        " RSOYDt4T1cUTdK1PDd93/VVr8B8=",
        "RSOYDt4T1cUTdK1PDd93/VVr8B8",
        "RSOYDt4T1cUTdK1PDd93/VVr8B9=",
        "RSOYDt4T1cUTdK1PDd93_VVr8B8=",
        "ñ",
    ] {
        assert_eq!(check(Some(bad)), Err(Refusal::Malformed), "{bad}");
    }
    for wrong in [
        "AAAA",
        "RSOYDt4T1cUTdK1PDd93/VVr",
        "033hgUJA9M/hXIZsYjwkerEP/DBm35nEri5FhCYjA5s=",
    ] {
        assert_eq!(check(Some(wrong)), Err(Refusal::Mismatch), "{wrong}");
    }
    assert_eq!(
        validator("12345").validate_get("mycompany.com/x", Some(good.expected.as_str())),
        Err(Refusal::Malformed)
    );
}

#[test]
fn one_field_less_or_more_is_refused() {
    let good = vector("post-basic");
    let params = good.params();
    for index in 0..params.len() {
        let mut fewer = params.clone();
        fewer.remove(index);
        let header = Some(good.expected.as_str());
        assert_eq!(
            validator("12345").validate_form(URL, &fewer, header),
            Err(Refusal::Mismatch)
        );
    }
    let more = [params, owned(&[("Extra", "")])].concat();
    assert_eq!(
        validator("12345").validate_form(URL, &more, Some(good.expected.as_str())),
        Err(Refusal::Mismatch)
    );
}

#[test]
fn bodies_are_believed_by_url_and_digest() {
    let check = |name: &str, url: &str, body: &[u8]| {
        validator("12345").validate_body(url, body, Some(vector(name).expected.as_str()))
    };
    for name in ["json-body", "json-body-only"] {
        let url = vector(name).url;
        assert_eq!(check(name, &url, BODY), Ok(()));
        assert_eq!(check(name, &url, b"{}"), Err(Refusal::BodyDigest));
        assert_eq!(check(name, &url.replace("0a1f", "0A1F"), BODY), Err(Refusal::Mismatch));
    }
    assert_eq!(signature::url_with_digest(URL, BODY), vector("json-body").url);
    // Truly signed, but without the digest or with two of them.
    assert_eq!(check("no-params", URL, BODY), Err(Refusal::BodyDigest));
    let twice = signature::url_with_digest(&signature::url_with_digest(URL, BODY), BODY);
    let signed = signature::sign("12345", Algorithm::HmacSha1, &twice, &[]);
    assert_eq!(
        validator("12345").validate_body(&twice, BODY, Some(signed.as_str())),
        Err(Refusal::BodyDigest)
    );
}

#[test]
fn tokens_rotate() {
    let signed = |token: &str| signature::sign(token, Algorithm::HmacSha1, URL, &[]);
    let check = |validator: &Validator, token: &str| validator.validate_get(URL, Some(signed(token).as_str()));
    let during = Validator::new(tokens("old").with_next("new").unwrap());
    assert_eq!((check(&during, "old"), check(&during, "new")), (Ok(()), Ok(())));
    assert_eq!(check(&during, "other"), Err(Refusal::Mismatch));
    let after = Validator::new(tokens("new"));
    assert_eq!(check(&after, "old"), Err(Refusal::Mismatch));
    assert!(AuthTokens::new("").is_err());
    assert!(tokens("old").with_next("").is_err());
    assert!(SharedKey::new(KEY_ID, "").is_err());
    assert!(!format!("{during:?}").contains("old"));
}

#[test]
fn shared_keys_fail_closed() {
    use Algorithm::{HmacSha1, HmacSha256};
    let key = || SharedKey::new(KEY_ID, "shared").unwrap();
    let both = Validator::new(tokens("token")).with_shared_key(key(), ClassicSignatures::Accepted);
    let only = Validator::new(tokens("token")).with_shared_key(key(), ClassicSignatures::Refused);
    let none = Validator::new(tokens("token"));
    let check = |validator: &Validator, secret: &str, algorithm: Algorithm, settings: &str| {
        let signed = signature::sign(secret, algorithm, URL, &[]);
        let headers = SignatureHeaders {
            signature: Some(&signed),
            settings: Some(settings),
        };
        validator.validate_get(URL, headers)
    };
    let named = |algorithm: Algorithm| signature::settings_header(KEY_ID, algorithm);
    for validator in [&both, &only] {
        for algorithm in [HmacSha1, HmacSha256] {
            assert_eq!(check(validator, "shared", algorithm, &named(algorithm)), Ok(()));
            // The auth token never stands in for the key, nor one algorithm for the other.
            assert_eq!(
                check(validator, "token", algorithm, &named(algorithm)),
                Err(Refusal::Mismatch)
            );
        }
        assert_eq!(
            check(validator, "shared", HmacSha1, &named(HmacSha256)),
            Err(Refusal::Mismatch)
        );
        let spaced = format!(" algorithm = HMAC_SHA256 , key={KEY_ID}, later=1");
        assert_eq!(check(validator, "shared", HmacSha256, &spaced), Ok(()));
        let cases = [
            ("key=other,algorithm=HMAC_SHA256".to_owned(), Refusal::UnknownKey),
            ("algorithm=HMAC_SHA256".to_owned(), Refusal::UnknownKey),
            (format!("key={KEY_ID}"), Refusal::UnknownAlgorithm),
            (format!("key={KEY_ID},algorithm=HMAC_MD5"), Refusal::UnknownAlgorithm),
            (format!("key={KEY_ID},algorithm=none"), Refusal::UnknownAlgorithm),
            (format!("key={KEY_ID},algorithm="), Refusal::UnknownAlgorithm),
            (format!("key=a,key={KEY_ID},algorithm=HMAC_SHA1"), Refusal::Malformed),
            ("nonsense".to_owned(), Refusal::Malformed),
        ];
        for (settings, refusal) in cases {
            assert_eq!(
                check(validator, "shared", HmacSha256, &settings),
                Err(refusal),
                "{settings}"
            );
        }
    }
    assert_eq!(check(&both, "token", HmacSha1, ""), Ok(()));
    assert_eq!(check(&only, "token", HmacSha1, ""), Err(Refusal::UnknownKey));
    assert_eq!(
        check(&none, "token", HmacSha1, &named(HmacSha1)),
        Err(Refusal::UnknownKey)
    );
    assert_eq!(check(&none, "token", HmacSha256, ""), Err(Refusal::Mismatch));
}

#[test]
fn of_several_shared_keys_only_the_named_one_is_tried() {
    let key = |id: &str, secret: &str| SharedKey::new(id, secret).unwrap();
    let validator = Validator::new(tokens("token"))
        .with_shared_key(key("one", "first"), ClassicSignatures::Accepted)
        .with_shared_key(key("two", "second"), ClassicSignatures::Accepted);
    for (id, secret, expected) in [
        ("one", "first", Ok(())),
        ("two", "second", Ok(())),
        ("one", "second", Err(Refusal::Mismatch)),
        ("two", "token", Err(Refusal::Mismatch)),
        ("three", "first", Err(Refusal::UnknownKey)),
    ] {
        let signed = signature::sign(secret, Algorithm::HmacSha256, URL, &[]);
        let settings = signature::settings_header(id, Algorithm::HmacSha256);
        let headers = SignatureHeaders {
            signature: Some(&signed),
            settings: Some(&settings),
        };
        assert_eq!(validator.validate_get(URL, headers), expected, "{id} {secret}");
    }
}

#[test]
fn a_refusal_can_be_explained() {
    let params = owned(&[("CallSid", "CA1")]);
    let configured = "https://voice.example.com/api/voice/stream/one-time-token";
    let explain = |signed_url: &str, signed: &[(String, String)], seen: &[&str]| {
        let header = signature::sign("12345", Algorithm::HmacSha1, signed_url, signed);
        let found = validator("12345").diagnose(configured, &params, Some(header.as_str()), seen);
        found.unwrap().map(|diagnosis| {
            let text = diagnosis.to_string();
            assert!(!text.contains("one-time-token") && !text.contains("12345"), "{text}");
            (diagnosis, text)
        })
    };
    let (found, text) = explain(
        "http://voice.example.com:8080/api/voice/stream/one-time-token/",
        &params,
        &["http://voice.example.com:8080/api/voice/stream/one-time-token"],
    )
    .unwrap();
    assert_eq!(
        found,
        Diagnosis {
            scheme: Some("http".to_owned()),
            port: Some(Some("8080".to_owned())),
            target: Some(TargetDifference::SlashAdded),
            ..Diagnosis::default()
        }
    );
    insta::assert_snapshot!(text, @"the URL was signed with scheme http, with port 8080, with a slash at the end of its path");
    let (_, text) = explain(
        "https://tunnel.example.net/api/voice/stream/one-time-token",
        &[],
        &["https://tunnel.example.net/api/voice/stream/one-time-token"],
    )
    .unwrap();
    insta::assert_snapshot!(text, @"the URL was signed with host tunnel.example.net, without the form's fields");
    assert!(explain("https://elsewhere.example.net/", &params, &[]).is_none());
}

#[test]
fn ten_thousand_forgeries_fail() {
    let validator = validator("12345");
    let params = vector("post-basic").params();
    for guess in 0_u32..10_000 {
        let forged = signature::sign(
            &guess.wrapping_mul(2_654_435_761).to_string(),
            Algorithm::HmacSha1,
            URL,
            &params,
        );
        assert!(validator.validate_form(URL, &params, Some(forged.as_str())).is_err());
    }
}

/// One character replaced, removed or inserted.
fn change(text: &str, index: usize, with: char, kind: u8) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let index = index % (characters.len() + 1);
    match kind {
        0 if index < characters.len() => characters[index] = with,
        1 if index < characters.len() => {
            characters.remove(index);
        }
        _ => characters.insert(index, with),
    }
    characters.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_single_change_is_refused(
        place in 0_u8..4,
        field in 0_usize..5,
        index in any::<usize>(),
        with in prop_oneof![proptest::char::range('!', '~'), any::<char>()],
        kind in 0_u8..3,
    ) {
        let good = vector("post-basic");
        let (mut url, mut params, mut header) = (URL.to_owned(), good.params(), good.expected.clone());
        let changed = match place {
            0 => &mut header,
            1 => &mut params[field].0,
            2 => &mut params[field].1,
            // Scheme, host and port have their own rules; the rest of the URL is signed to the byte.
            _ => &mut url,
        };
        let (fixed, free) = if place == 3 { changed.split_at("https://mycompany.com/".len()) } else { ("", changed.as_str()) };
        let after = format!("{fixed}{}", change(free, index, with, kind));
        // A fragment is never signed.
        prop_assume!(after != *changed && !(place == 3 && with == '#'));
        *changed = after;
        let result = validator("12345").validate_form(&url, &params, Some(header.as_str()));
        prop_assert!(result.is_err(), "{} {:?} {}", url, params, header);
    }

    #[test]
    fn what_is_signed_is_believed(
        secret in ".{1,40}",
        path in "[a-zA-Z0-9/%.]{0,30}",
        pairs in proptest::collection::vec((".{0,8}", ".{0,8}"), 0..12),
    ) {
        let url = format!("https://voice.example.com/{path}");
        let header = signature::sign(&secret, Algorithm::HmacSha1, &url, &pairs);
        let validator = Validator::new(tokens(&secret));
        let mut shuffled = pairs.clone();
        shuffled.reverse();
        shuffled.extend(pairs.first().cloned());
        prop_assert_eq!(validator.validate_form(&url, &shuffled, Some(header.as_str())), Ok(()));
    }

    #[test]
    fn no_url_or_header_is_too_strange(url in ".{0,60}", header in ".{0,60}", settings in ".{0,60}") {
        let headers = SignatureHeaders { signature: Some(&header), settings: Some(&settings) };
        prop_assert!(validator("12345").validate_websocket(&url, headers).is_err());
        prop_assert!(validator("12345").validate_body(&url, b"", headers).is_err());
    }
}

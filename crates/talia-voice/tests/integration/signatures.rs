//! Who is believed, and who is not.

use crate::harness::{ACCOUNT, ORIGIN, Stream, TOKEN, TestServer, call_sid, inbound_form, signature};
use talia_twilio::signature::{Algorithm, sign, url_with_digest};
use talia_voice::clock::Clock;
use talia_voice::telemetry::labels::Refusal;

const INBOUND: &str = "/api/voice/inbound";

#[tokio::test]
async fn every_route_of_twilio_refuses_what_is_not_signed() {
    let server = TestServer::start().await;
    let sid = call_sid(1);
    let paths = [
        INBOUND,
        "/api/voice/after",
        "/api/voice/status",
        "/api/voice/stream-status",
    ];
    for path in paths {
        assert_eq!(
            server.post_with(path, &inbound_form(&sid), &[]).await.status,
            403,
            "{path}"
        );
        let empty = [("X-Twilio-Signature", "")];
        assert_eq!(
            server.post_with(path, &inbound_form(&sid), &empty).await.status,
            403,
            "{path}"
        );
        let wrong = [("X-Twilio-Signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8=")];
        assert_eq!(
            server.post_with(path, &inbound_form(&sid), &wrong).await.status,
            403,
            "{path}"
        );
    }
    let refused = |reason| server.app.metrics.refused_count(reason);
    assert_eq!(refused(Refusal::SignatureMissing), 8);
    assert_eq!(refused(Refusal::SignatureWrong), 4);
    // Nothing was written for any of them.
    assert_eq!(server.app.store.call(&sid).await.expect("a read"), None);
}

#[tokio::test]
async fn any_change_of_url_field_value_or_signature_is_refused() {
    let server = TestServer::start().await;
    let sid = call_sid(2);
    let form = inbound_form(&sid);
    let good = signature(INBOUND, &form);

    let mut changed_value = form;
    changed_value[2].1 = "+525512345679";
    let mut changed_name = form;
    changed_name[2].0 = "FROM";
    let without_empty = &form[..7];
    let more: Vec<_> = form.iter().copied().chain([("Extra", "1")]).collect();
    let header = [("X-Twilio-Signature", good.as_str())];
    for tampered in [&changed_value[..], &changed_name[..], without_empty, &more[..]] {
        assert_eq!(server.post_with(INBOUND, tampered, &header).await.status, 403);
    }
    for (place, byte) in good.bytes().enumerate().take(27) {
        let mut other = good.clone().into_bytes();
        other[place] = if byte == b'A' { b'B' } else { b'A' };
        let other = String::from_utf8(other).expect("text");
        let status = server
            .post_with(INBOUND, &form, &[("X-Twilio-Signature", &other)])
            .await
            .status;
        assert_eq!(status, 403, "byte {place}");
    }
    for target in ["/api/voice/inbound?", "/api/voice/inbound?a=b", "/api/voice/status"] {
        assert_eq!(server.post_with(target, &form, &header).await.status, 403, "{target}");
    }
    assert_eq!(server.post_with(INBOUND, &form, &header).await.status, 200);
}

#[tokio::test]
async fn neither_host_nor_forwarded_headers_decide_what_was_signed() {
    let server = TestServer::start().await;
    let sid = call_sid(3);
    let form = inbound_form(&sid);
    let good = signature(INBOUND, &form);
    let spoofed = [
        ("X-Twilio-Signature", good.as_str()),
        ("X-Forwarded-Host", "evil.example.net"),
        ("X-Forwarded-Proto", "http"),
    ];
    assert_eq!(server.post_with(INBOUND, &form, &spoofed).await.status, 200);
    let fields: Vec<_> = form
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let of_evil = sign(
        TOKEN,
        Algorithm::HmacSha1,
        "https://evil.example.net/api/voice/inbound",
        &fields,
    );
    let spoofed = [
        ("X-Twilio-Signature", of_evil.as_str()),
        ("X-Forwarded-Host", "evil.example.net"),
    ];
    assert_eq!(server.post_with(INBOUND, &form, &spoofed).await.status, 403);
}

#[tokio::test]
async fn both_port_forms_and_both_tokens_of_a_rotation_are_believed() {
    let server = TestServer::start_with(&[("TALIA_TWILIO_AUTH_TOKEN_NEXT", "next")], Clock::real()).await;
    let sid = call_sid(4);
    let form = inbound_form(&sid);
    let fields: Vec<_> = form
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    for (token, origin, status) in [
        (TOKEN, ORIGIN, 200),
        (TOKEN, "https://voz.example.com:443", 200),
        ("next", ORIGIN, 200),
        ("other", ORIGIN, 403),
        (TOKEN, "https://voz.example.com:8443", 403),
        (TOKEN, "http://voz.example.com", 403),
    ] {
        let signature = sign(token, Algorithm::HmacSha1, &format!("{origin}{INBOUND}"), &fields);
        let answer = server
            .post_with(INBOUND, &form, &[("X-Twilio-Signature", &signature)])
            .await;
        assert_eq!(answer.status, status, "{token} {origin}");
    }
}

#[tokio::test]
async fn another_account_with_a_good_signature_is_refused() {
    let server = TestServer::start().await;
    let sid = call_sid(5);
    let mut form = inbound_form(&sid);
    form[1].1 = "AC00000000000000000000000000000002";
    assert_ne!(form[1].1, ACCOUNT);
    assert_eq!(server.post(INBOUND, &form).await.status, 403);
    assert_eq!(server.app.metrics.refused_count(Refusal::AccountForeign), 1);
}

#[tokio::test]
async fn a_socket_needs_its_own_signature_before_its_token_is_looked_at() {
    let server = TestServer::start().await;
    let path = server.ring_for_stream(&call_sid(6)).await;
    assert_eq!(Stream::open_with(server.address, &path, &[]).await.err(), Some(403));
    let of_https = sign(TOKEN, Algorithm::HmacSha1, &format!("{ORIGIN}{path}"), &[]);
    let headers = [("x-twilio-signature", of_https.as_str())];
    assert_eq!(
        Stream::open_with(server.address, &path, &headers).await.err(),
        Some(403)
    );
    // The token was not used up by any of that.
    assert!(Stream::open(server.address, &path).await.is_ok());
}

/// A body of JSON with the fields of a form, the target that carries its digest, and the signature of both.
fn as_json(path: &str, form: &[(&str, &str)]) -> (String, String, String) {
    let body = serde_json::Value::from(
        form.iter()
            .map(|(name, value)| ((*name).to_owned(), serde_json::Value::from(*value)))
            .collect::<serde_json::Map<_, _>>(),
    )
    .to_string();
    let url = url_with_digest(&format!("{ORIGIN}{path}"), body.as_bytes());
    let signature = sign(TOKEN, Algorithm::HmacSha1, &url, &[]);
    (body, url[ORIGIN.len()..].to_owned(), signature)
}

#[tokio::test]
async fn a_signed_body_of_json_is_read_like_a_form() {
    let server = TestServer::start().await;
    let sid = call_sid(0xB0);
    let (body, target, signature) = as_json(INBOUND, &inbound_form(&sid));
    let answer = server.post_json(&target, &body, &signature).await;
    assert!(answer.status == 200 && answer.body.contains("<Stream"), "{answer:?}");
    let (body, target, signature) = as_json("/api/voice/status", &crate::harness::status_form(&sid, "completed"));
    assert_eq!(server.post_json(&target, &body, &signature).await.status, 204);
    let row = server.app.store.call(&sid).await.expect("a read").expect("a row");
    assert_eq!(
        (row.from_number.as_str(), row.status.as_str()),
        ("+525512345678", "completed")
    );
    assert_eq!(row.duration_s, Some(42));
}

#[tokio::test]
async fn a_body_of_json_that_is_not_the_signed_one_is_refused() {
    let server = TestServer::start().await;
    let sid = call_sid(0xB1);
    let (body, target, signature) = as_json(INBOUND, &inbound_form(&sid));
    let other = body.replace("+525512345678", "+525512345679");
    let (_, other_target, _) = as_json(INBOUND, &inbound_form(&call_sid(0xB2)));
    let unsigned_url = sign(TOKEN, Algorithm::HmacSha1, &format!("{ORIGIN}{INBOUND}"), &[]);
    let cases = [
        (target.as_str(), other.as_str(), signature.as_str()),
        (other_target.as_str(), body.as_str(), signature.as_str()),
        // Signed, but without a digest: any body would do.
        (INBOUND, body.as_str(), unsigned_url.as_str()),
    ];
    for (target, body, signature) in cases {
        assert_eq!(
            server.post_json(target, body, signature).await.status,
            403,
            "{target} {body}"
        );
    }
    assert_eq!(server.post_json(&target, &body, "").await.status, 403);
    let refused = |reason| server.app.metrics.refused_count(reason);
    assert_eq!(
        (refused(Refusal::SignatureWrong), refused(Refusal::SignatureMissing)),
        (3, 1)
    );
    assert_eq!(server.app.store.call(&sid).await.expect("a read"), None);
}

#[tokio::test]
async fn signed_json_that_is_no_webhook_is_refused_and_counted() {
    let server = TestServer::start().await;
    let crowd = format!(
        "{{{}}}",
        (0..300).map(|n| format!("\"a{n}\":\"\"")).collect::<Vec<_>>().join(",")
    );
    let bodies = [
        "",
        "[]",
        "\"CallSid\"",
        "{\"CallSid\":",
        "{}",
        "{\"CallSid\":{\"a\":1}}",
        &crowd,
    ];
    for body in bodies {
        let url = url_with_digest(&format!("{ORIGIN}{INBOUND}"), body.as_bytes());
        let signature = sign(TOKEN, Algorithm::HmacSha1, &url, &[]);
        assert_eq!(
            server.post_json(&url[ORIGIN.len()..], body, &signature).await.status,
            400,
            "{body}"
        );
    }
    assert_eq!(server.app.metrics.refused_count(Refusal::FormBad), bodies.len() as u64);
}

//! Liveness, and a proof of which server it is: whoever knows our secret can tell that it has reached us.

use axum::http::{HeaderMap, HeaderValue};
use talia_twilio::signature::{Algorithm, sign};

/// What whoever asks wants to see answered.
pub const CHALLENGE_HEADER: &str = "x-talia-challenge";
/// The answer.
pub const PROOF_HEADER: &str = "x-talia-proof";
/// Longest challenge, bytes.
const LONGEST_CHALLENGE: usize = 64;

/// The answer to a challenge: HMAC-SHA256 with the auth token, base64. What is signed begins as no URL does, so that it
/// can't pass for a webhook's signature.
pub fn proof(auth_token: &str, challenge: &str) -> String {
    sign(
        auth_token,
        Algorithm::HmacSha256,
        &format!("talia-voice health {challenge}"),
        &[],
    )
}

/// The proof that a request asks for; none when it asks for none, or in a way that can't be answered.
pub(super) fn answer(headers: &HeaderMap, auth_token: &str) -> Option<HeaderValue> {
    let challenge = headers.get(CHALLENGE_HEADER)?.to_str().ok()?;
    if challenge.is_empty() || challenge.len() > LONGEST_CHALLENGE || challenge.contains('#') {
        return None;
    }
    HeaderValue::from_str(&proof(auth_token, challenge)).ok()
}

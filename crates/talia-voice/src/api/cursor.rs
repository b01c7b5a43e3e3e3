//! Cursors: where a list goes on. To programs they are opaque; we read only what we wrote, for the question we wrote it for.

use crate::app::App;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret;
use talia_twilio::signature::{Algorithm, sign};

/// Characters of a signature that are kept: 96 bits.
const SIGNED: usize = 16;

/// Why a cursor is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bad {
    /// We didn't write it.
    MadeUp,
    /// We wrote it for another question.
    Foreign,
}

/// The cursor of a place in the answer to a question. The question may hold a number: what stands for it is signed, so that
/// nobody finds the number by trying all.
pub(super) fn write(app: &App, question: &str, place: &str) -> String {
    let question = signed(app, "question", question);
    let content = format!("{question} {place}");
    let signature = signed(app, "cursor", &content);
    URL_SAFE_NO_PAD.encode(format!("{signature} {content}"))
}

/// The place that a cursor of this question names.
pub(super) fn read(app: &App, question: &str, cursor: &str) -> Result<String, Bad> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| Bad::MadeUp)?;
    let text = String::from_utf8(bytes).map_err(|_| Bad::MadeUp)?;
    let (signature, content) = text.split_once(' ').ok_or(Bad::MadeUp)?;
    if signature != signed(app, "cursor", content) {
        return Err(Bad::MadeUp);
    }
    let (of, place) = content.split_once(' ').ok_or(Bad::MadeUp)?;
    if of != signed(app, "question", question) {
        return Err(Bad::Foreign);
    }
    Ok(place.to_owned())
}

/// A signature of ours, the same on all nodes. What stands behind a `#` would not be signed, so there is none.
fn signed(app: &App, kind: &str, text: &str) -> String {
    let text = text.replace('%', "%25").replace('#', "%23");
    let mut signature = sign(
        app.config.twilio.auth_token.expose_secret(),
        Algorithm::HmacSha256,
        &format!("talia-voice {kind} {text}"),
        &[],
    );
    signature.truncate(SIGNED);
    signature
}

//! `POST /api/voice/token`: a Twilio access token, with which a browser calls and is called.

use super::body;
use super::problem::Problem;
use crate::app::App;
use crate::telemetry::labels::Refusal;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use talia_twilio::AccountSid;
use talia_twilio::access_token::{TokenError, VoiceToken};

/// Seconds that a token lives: usually, at least, and at most. A stolen one is good for as long.
const USUAL_TTL_S: u32 = 900;
const SHORTEST_TTL_S: u32 = 60;
const LONGEST_TTL_S: u32 = 3_600;

/// Who the browser is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    identity: String,
    ttl_s: Option<u32>,
}

#[derive(Serialize)]
struct Made {
    token: String,
    identity: String,
    ttl_s: u32,
}

/// Makes a token.
pub(super) async fn token(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Response {
    match make(&app, &headers, body).await {
        Ok(made) => (StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(made)).into_response(),
        Err(problem) => problem.into_response(),
    }
}

async fn make(app: &App, headers: &HeaderMap, body: Body) -> Result<Made, Problem> {
    let wanted: Wanted = body::read(app, headers, body).await?;
    let twilio = &app.config.twilio;
    let account = twilio.account_sid.as_deref().and_then(|sid| AccountSid::new(sid).ok());
    let (Some(account), Some((key_sid, secret)), Some(application)) = (account, &twilio.api_key, &twilio.twiml_app_sid)
    else {
        app.metrics.refused(Refusal::DialingNotConfigured);
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-configured")
            .with("twilio.account_sid, twilio.api_key_sid with its secret, and twilio.twiml_app_sid are needed"));
    };
    let ttl_s = wanted.ttl_s.unwrap_or(USUAL_TTL_S);
    let refuse = |error: TokenError| {
        app.metrics.refused(Refusal::ApiBody);
        let word = match error {
            TokenError::Identity => "identity",
            TokenError::Ttl => "ttl",
        };
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, word)
    };
    if !(SHORTEST_TTL_S..=LONGEST_TTL_S).contains(&ttl_s) {
        return Err(refuse(TokenError::Ttl).with(format!("ttl_s must be between {SHORTEST_TTL_S} and {LONGEST_TTL_S}")));
    }
    let token = VoiceToken {
        account: &account,
        key_sid,
        identity: &wanted.identity,
        application_sid: Some(application),
        incoming: true,
        ttl_s,
    };
    let token = token
        .sign(app.clock.wall().as_second(), secret)
        .map_err(|error| refuse(error).with(error.to_string()))?;
    Ok(Made {
        token,
        identity: wanted.identity,
        ttl_s,
    })
}

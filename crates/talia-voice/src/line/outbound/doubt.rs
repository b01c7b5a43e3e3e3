//! Calls out of which nobody knows whether they were dialled: a lost answer, or a crash between the row and the dial.
//!
//! Twilio's list says. Nothing is dialled here, ever: what Twilio doesn't know was not dialled and has failed.

use super::begun;
use crate::app::App;
use crate::store::{DialChange, OutboundRow, StoreError};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use talia_twilio::rest::CallResource;
use tokio::time::{MissedTickBehavior, interval};

/// How often it is looked.
const PULSE: Duration = Duration::from_secs(10);
/// How far Twilio's clock may be behind ours.
const SKEW: SignedDuration = SignedDuration::from_secs(5);
/// When Twilio's list must show a call that was asked for.
const LISTED: SignedDuration = SignedDuration::from_secs(60);

/// Looks once; answers how many calls are in doubt no more.
pub async fn resolve(app: &App) -> Result<usize, StoreError> {
    let Some(rest) = &app.rest else { return Ok(0) };
    let now = app.clock.wall();
    // One that is being dialled this moment is in nobody's doubt.
    let before = now
        .saturating_sub(app.config.twilio.api_timeout * 2)
        .unwrap_or(Timestamp::MIN);
    let mut resolved = 0;
    for row in app.store.outbound_in_doubt(before).await? {
        let Ok(asked) = row.created_at.parse::<Timestamp>() else {
            continue;
        };
        // Twilio took it while we waited for its answer, or never.
        let since = asked.saturating_sub(SKEW).unwrap_or(Timestamp::MIN);
        let until = asked
            .saturating_add(app.config.twilio.api_timeout)
            .and_then(|late| late.saturating_add(SKEW))
            .unwrap_or(Timestamp::MAX);
        let Ok(calls) = rest.calls_to(&row.to_number, since..=until).await else {
            // Counted by the client; the next look finds the same row.
            continue;
        };
        let change = match the_one(app, &row, calls).await? {
            Some(call_sid) => {
                begun(app, &row, &call_sid).await;
                DialChange::Dialled(call_sid)
            }
            None if asked.saturating_add(LISTED).is_ok_and(|late| late < now) => DialChange::Failed {
                reason: "never-dialled",
                code: None,
                passes: true,
            },
            None => continue,
        };
        tracing::info!(outbound.id = row.id, outbound.found = ?matches!(change, DialChange::Dialled(_)), "a doubt is resolved");
        resolved += usize::from(app.store.dial_changed(&row.id, change).await?);
    }
    Ok(resolved)
}

/// The oldest call of ours to that number that belongs to no other row.
async fn the_one(app: &App, row: &OutboundRow, calls: Vec<CallResource>) -> Result<Option<String>, StoreError> {
    // Twilio lists the newest first.
    for call in calls.iter().rev() {
        let ours = call.direction == "outbound-api" && call.from == row.from_number;
        if ours && app.store.outbound_of_call(call.sid.as_str()).await?.is_none() {
            return Ok(Some(call.sid.as_str().to_owned()));
        }
    }
    Ok(None)
}

/// Looks for as long as it is not dropped.
pub(crate) async fn keep_resolving(app: Arc<App>) {
    let mut pulse = interval(PULSE);
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pulse.tick().await;
        if let Err(error) = resolve(&app).await {
            tracing::debug!(%error, "calls in doubt can't be looked for");
        }
    }
}

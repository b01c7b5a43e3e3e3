//! Whether this machine's clock is right, by the `Date` of Twilio's API.

use super::Patient;
use super::finding::{CLOCK, Finding, text};

/// More than this is worth a warning, seconds.
const NOTICEABLE_S: i64 = 5;
/// Signatures of the front door and tokens fail beyond this, seconds.
const HARMFUL_S: i64 = 60;

pub(super) async fn look(patient: &Patient) -> Finding {
    let asked = patient.client.head(&patient.config.twilio.api_url).send().await;
    let unknown = |es: &str, en: &str| CLOCK.skipped(text(es, en));
    let Ok(answer) = asked else {
        return unknown(
            "no se alcanza la API de Twilio para comparar",
            "Twilio's API can't be reached to compare",
        );
    };
    let now = patient.clock.wall();
    let date = answer
        .headers()
        .get(reqwest::header::DATE)
        .and_then(|date| date.to_str().ok());
    let Some(theirs) = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()) else {
        return unknown("la respuesta de Twilio no trae fecha", "Twilio's answer has no date");
    };
    judge(now.as_second() - theirs.timestamp().as_second())
}

/// `skew_s`: how far this clock is ahead, seconds.
fn judge(skew_s: i64) -> Finding {
    let said = text(
        format!("a {skew_s:+} s de la hora de Twilio"),
        format!("{skew_s:+} s from Twilio's time"),
    );
    let way_out = text(
        "sincronice el reloj: timedatectl set-ntp true",
        "synchronise the clock: timedatectl set-ntp true",
    );
    match skew_s.abs() {
        0..=NOTICEABLE_S => CLOCK.ok(said),
        ..=HARMFUL_S => CLOCK.warning(said, way_out),
        _ => CLOCK.failure(said, way_out),
    }
}

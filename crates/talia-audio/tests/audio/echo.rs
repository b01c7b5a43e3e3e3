//! A call with an echo path, and a caller.

use std::time::Duration;

use talia_audio::echo::{EchoGuard, EchoSettings, Similarity, envelope, envelope_similarity};
use talia_audio::frame::FRAME;

use crate::signal::{syllables, tone_i16};

/// Our voice goes out; it comes back `delay` frames later and `loss` dB quieter, over noise at −65 dBFS.
///
/// Also tells how many of the frames after the first two seconds were called echo.
fn call(frames: usize, delay: usize, loss: f32) -> (EchoGuard, usize) {
    let ours = syllables(1, frames);
    let mut guard = EchoGuard::new(EchoSettings::default());
    let mut called_echo = 0;
    for n in 0..frames {
        let now = FRAME * n as u32;
        guard.sent(ours[n], now);
        let echo = n
            .checked_sub(delay)
            .map_or(-65.0, |then| (ours[then] - loss).max(-65.0));
        guard.heard(echo, false, now);
        called_echo += usize::from(n >= 100 && guard.is_probably_echo(echo, now));
    }
    (guard, called_echo)
}

#[test]
fn the_return_loss_is_learned_from_one_greeting() {
    for (delay, loss) in [(2, 12.0), (8, 20.0), (12, 30.0)] {
        let (guard, _) = call(200, delay, loss);
        let learned = guard.return_loss_db();
        assert!((learned - loss).abs() < 1.0, "{learned} instead of {loss}");
    }
}

#[test]
fn the_echo_is_called_echo_and_the_caller_is_not() {
    for (delay, loss) in [(2, 12.0), (8, 20.0), (12, 30.0)] {
        let (_, echo) = call(600, delay, loss);
        assert!(echo >= 495, "{echo} of 500 at a loss of {loss} dB");
    }
    let (guard, _) = call(300, 8, 20.0);
    let now = FRAME * 299;
    assert!(!guard.is_probably_echo(-22.0, now), "a caller at the usual level");
    assert!(guard.expected_echo_dbfs(now).expect("we speak") < -35.0);
}

#[test]
fn when_we_are_silent_nothing_is_echo() {
    let (mut guard, _) = call(200, 8, 20.0);
    let silent = FRAME * 199 + Duration::from_millis(720);
    assert!(!guard.is_probably_echo(-70.0, silent));
    assert_eq!(guard.expected_echo_dbfs(silent), None);

    // Audio that was sent ahead and then cleared was never played.
    let mut fresh = EchoGuard::new(EchoSettings::default());
    for n in 10..20 {
        fresh.sent(-15.0, FRAME * n);
        guard.sent(-15.0, FRAME * n);
    }
    assert!(fresh.is_probably_echo(-40.0, FRAME * 20));
    fresh.cleared(FRAME * 5);
    assert!(!fresh.is_probably_echo(-40.0, FRAME * 20));
}

#[test]
fn a_caller_teaches_nothing() {
    let (mut guard, _) = call(200, 8, 25.0);
    let before = guard.return_loss_db();
    let ours = syllables(2, 200);
    for (n, &level) in ours.iter().enumerate() {
        let now = FRAME * (200 + n) as u32;
        guard.sent(level, now);
        // Too loud to be echo half of the time, and known to be a caller for the rest.
        guard.heard(if n < 100 { -15.0 } else { -80.0 }, n >= 100, now);
    }
    assert!((guard.return_loss_db() - before).abs() < 0.01);
}

#[test]
fn the_envelope_tells_our_voice_from_another() {
    let (guard, _) = call(300, 8, 20.0);
    let found = guard.similarity(FRAME * 299);
    assert!(found.value > 0.95, "{found:?}");
    assert_eq!(found.lag, 8);

    let (mut guard, _) = call(300, 8, 20.0);
    let other = syllables(77, 40);
    for (n, &level) in other.iter().enumerate() {
        guard.heard(level, true, FRAME * (260 + n) as u32);
    }
    let stranger = guard.similarity(FRAME * 299).value;
    assert!(stranger < 0.8, "{stranger}");
}

#[test]
fn nothing_to_compare_is_not_alike() {
    assert_eq!(envelope_similarity(&[], &[]), Similarity::default());
    assert_eq!(envelope_similarity(&[-20.0], &[-20.0, -30.0]), Similarity::default());
    assert_eq!(envelope_similarity(&[-20.0; 50], &[-20.0; 30]), Similarity::default());
    let mut levels = Vec::new();
    envelope(&tone_i16(400.0, 8_000, 0.1, 330), &mut levels);
    assert_eq!(levels.len(), 2);
    assert!(levels.iter().all(|level| (level + 23.0).abs() < 0.1));
}

#[test]
fn a_caller_who_talks_over_us_is_heard() {
    // Learn alone for four seconds, then the caller joins at her own level on top of the echo.
    let (mut guard, _) = call(200, 8, 20.0);
    let (ours, theirs) = (syllables(3, 200), syllables(8, 200));
    let (mut loud, mut missed) = (0, 0);
    for n in 0..200 {
        let now = FRAME * (200 + n) as u32;
        guard.sent(ours[n], now);
        let level = theirs[n];
        guard.heard(level, false, now);
        // The middle of her syllables; their ends are as quiet as an echo and may pass for one.
        if level > -26.0 {
            loud += 1;
            missed += usize::from(guard.is_probably_echo(level, now));
        }
    }
    assert!(loud > 80, "{loud}");
    assert!(missed * 20 < loud, "{missed} of {loud}");
    assert!(
        (guard.return_loss_db() - 20.0).abs() < 2.0,
        "{}",
        guard.return_loss_db()
    );
}

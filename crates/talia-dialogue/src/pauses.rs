//! Learns how long this caller pauses inside a turn, so that slow speakers are not cut off.

use crate::Patience;
use std::time::Duration;

/// Weight of a new pause in the moving average.
const NEW: f32 = 0.3;
/// How far beyond the average pause we wait before we believe that a pause is the end.
const MARGIN: f32 = 1.3;
/// What each time that we cut the caller off adds, in milliseconds.
const CUT_OFF: f32 = 250.0;
/// How fast that is forgotten, a turn.
const FORGET: f32 = 0.85;
/// A quick speaker shortens the doubtful wait to no less than this part of it.
const FLOOR: f32 = 0.75;
/// Longer gaps say nothing about a manner of speaking.
const LONGEST: Duration = Duration::from_secs(3);

/// The pauses of one caller.
#[derive(Debug, Default)]
pub(crate) struct Pauses {
    average: Option<f32>,
    cut_off: f32,
}

impl Pauses {
    /// The caller paused this long and went on in the same turn.
    pub(crate) fn observe(&mut self, pause: Duration) {
        let millis = pause.min(LONGEST).as_secs_f32() * 1_000.0;
        self.average = Some(
            self.average
                .map_or(millis, |average| average + NEW * (millis - average)),
        );
    }

    /// We took a pause for the end, and the caller went on.
    pub(crate) fn cut_off(&mut self, pause: Duration) {
        self.observe(pause);
        self.cut_off += CUT_OFF;
    }

    /// A turn ended and was answered without the caller going on.
    pub(crate) fn good_end(&mut self) {
        self.cut_off *= FORGET;
    }

    /// The patience for this caller: between a floor and the wait for unfinished words.
    pub(crate) fn adapt(&self, patience: Patience) -> Patience {
        let millis = |duration: Duration| duration.as_secs_f32() * 1_000.0;
        let ceiling = millis(patience.unfinished.max(patience.doubtful));
        let doubtful = self.average.map_or(millis(patience.doubtful), |average| {
            (average * MARGIN).max(millis(patience.doubtful) * FLOOR)
        }) + self.cut_off;
        let finished = millis(patience.finished) + self.cut_off;
        let duration = |value: f32| Duration::from_secs_f32(value.clamp(0.0, ceiling) / 1_000.0);
        Patience {
            finished: duration(finished),
            doubtful: duration(doubtful.max(finished)),
            unfinished: patience.unfinished.max(patience.doubtful),
        }
    }
}

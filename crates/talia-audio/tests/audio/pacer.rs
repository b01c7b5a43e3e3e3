//! The pacer against a model of the listener's buffer.

use std::time::Duration;

use proptest::prelude::*;
use talia_audio::frame::FRAME;
use talia_audio::pacer::Pacer;

const LEAD: Duration = Duration::from_millis(140);

/// Plays 20 ms frames in real time as Twilio does, and counts how often it ran dry.
struct Listener {
    now: Duration,
    buffered: Duration,
    dry: Duration,
}

impl Listener {
    fn advance(&mut self, now: Duration) {
        let elapsed = now.checked_sub(self.now).expect("time doesn't go back");
        self.dry += elapsed.saturating_sub(self.buffered);
        self.buffered = self.buffered.saturating_sub(elapsed);
        self.now = now;
    }
}

#[test]
fn hours_of_polling_on_time_neither_drift_nor_run_dry() {
    let start = Duration::from_millis(1_234);
    let mut pacer = Pacer::new(start, LEAD);
    let mut listener = Listener {
        now: start,
        buffered: Duration::ZERO,
        dry: Duration::ZERO,
    };
    let mut now = start;
    let mut frames = 0_u64;
    while now < start + Duration::from_hours(3) {
        listener.advance(now);
        let due = pacer.due(now);
        assert!(due > 0, "the deadline is a promise");
        pacer.sent(due);
        frames += due as u64;
        listener.buffered += FRAME * due as u32;
        assert!(listener.buffered <= LEAD + FRAME);
        assert_eq!(listener.buffered, pacer.buffered(now));
        now = pacer.next_deadline();
    }
    assert_eq!(listener.dry, Duration::ZERO);
    let ideal = (now + LEAD).saturating_sub(start).as_millis() / FRAME.as_millis();
    assert_eq!(u128::from(frames), ideal);
}

#[test]
fn a_late_wake_up_is_made_up_for_and_a_stall_is_not() {
    let mut pacer = Pacer::new(Duration::ZERO, LEAD);
    assert_eq!(pacer.due(Duration::ZERO), 8, "the lead and one frame");
    pacer.sent(8);
    assert_eq!(pacer.due(Duration::from_millis(19)), 0);
    assert_eq!(pacer.due(Duration::from_millis(100)), 5, "late, but nothing was lost");
    pacer.sent(5);
    assert_eq!(pacer.next_deadline(), Duration::from_millis(120));

    let late = Duration::from_mins(1);
    assert!(pacer.ran_dry(late));
    assert_eq!(pacer.due(late), 8, "a minute's frames would be a burst");
    assert!(!pacer.ran_dry(late));
}

#[test]
fn after_clear_the_lead_is_due_again() {
    let mut pacer = Pacer::new(Duration::ZERO, LEAD);
    pacer.sent(8);
    let now = Duration::from_millis(30);
    assert_eq!(pacer.played_out_at(), Duration::from_millis(160));
    pacer.cleared(now);
    assert_eq!(pacer.buffered(now), Duration::ZERO);
    assert_eq!(pacer.due(now), 8);
}

proptest! {
    #[test]
    fn never_more_than_the_lead_and_a_frame_ahead(
        lead_millis in 0..400_u64,
        steps in prop::collection::vec((0..700_u64, 0..20_usize, prop::bool::weighted(0.1)), 1..200),
    ) {
        let lead = Duration::from_millis(lead_millis);
        let mut pacer = Pacer::new(Duration::ZERO, lead);
        let mut listener = Listener { now: Duration::ZERO, buffered: Duration::ZERO, dry: Duration::ZERO };
        let mut now = Duration::ZERO;
        for (pause, available, clear) in steps {
            now += Duration::from_millis(pause);
            listener.advance(now);
            if clear {
                pacer.cleared(now);
                listener.buffered = Duration::ZERO;
            }
            let due = pacer.due(now);
            // Nothing is due before its deadline; once it is due, sending it fills the buffer to the lead.
            prop_assert_eq!(due > 0, pacer.next_deadline() <= now);
            let frames = due.min(available);
            pacer.sent(frames);
            listener.buffered += FRAME * frames as u32;
            prop_assert!(listener.buffered <= lead + FRAME);
            if frames == due {
                prop_assert!(listener.buffered + FRAME > lead);
            }
            prop_assert_eq!(pacer.buffered(now), listener.buffered);
        }
    }
}

//! Play-out: whole frames on absolute deadlines, marks between them, and what the marks confirm.

use crate::sentence::Sentence;
use crate::{CueId, MarkId, Moment, Output, SegmentId, Settings, SpeechKind};
use std::collections::VecDeque;
use std::time::Duration;
use talia_audio::frame::{FRAME, FRAME_SAMPLES, MulawFrame, samples_in};

/// Once a mark was missed, how long after its time the next ones count as heard without coming back.
const GRACE_WITHOUT_MARKS: Duration = Duration::from_millis(500);

/// Which sentences may be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    /// All.
    All,
    /// Only those that the caller can't cut: the caller is speaking over one.
    Uninterruptible,
    /// Only the disclosure: nothing may come before it.
    Disclosure,
    /// None: the caller has the floor.
    Nothing,
}

impl Permission {
    fn allows(self, sentence: &Sentence) -> bool {
        match self {
            Self::All => true,
            Self::Uninterruptible => sentence.uninterruptible(),
            Self::Disclosure => sentence.kind == SpeechKind::Disclosure,
            Self::Nothing => false,
        }
    }
}

#[derive(Debug)]
struct PendingMark {
    mark: MarkId,
    /// When the line will have played up to it.
    expected: Moment,
}

/// The sentences on their way to the line, and the line's clock.
#[derive(Debug)]
pub(crate) struct PlayOut {
    lead: Duration,
    stall: Duration,
    mark_interval: u32,
    queue: VecDeque<Sentence>,
    generation: u32,
    /// When the line has played all that was sent.
    line_end: Moment,
    /// When the present stretch of our speech began.
    pub(crate) run_began: Option<Moment>,
    marks: VecDeque<PendingMark>,
    marks_are_lost: bool,
    /// Which sentence is being sent, and since when.
    head: Option<(SegmentId, Moment)>,
}

impl PlayOut {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            lead: settings.play_out_lead.max(FRAME),
            stall: settings.stall,
            mark_interval: samples_in(settings.mark_interval.max(FRAME)).min(u64::from(u32::MAX)) as u32,
            queue: VecDeque::new(),
            generation: 0,
            line_end: Moment::ZERO,
            run_began: None,
            marks: VecDeque::new(),
            marks_are_lost: false,
            head: None,
        }
    }

    pub(crate) fn sentences(&self) -> impl Iterator<Item = &Sentence> {
        self.queue.iter()
    }

    pub(crate) fn find(&mut self, id: SegmentId) -> Option<&mut Sentence> {
        self.queue.iter_mut().find(|sentence| sentence.id == id)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Queues a sentence, at the end or before everything that has not begun and is not of its kind.
    pub(crate) fn push(&mut self, sentence: Sentence, ahead: bool) {
        let begins = |other: &Sentence| other.sent == 0 && other.heard == 0 && other.kind != sentence.kind;
        let place = if ahead {
            self.queue.iter().position(begins)
        } else {
            None
        };
        self.queue.insert(place.unwrap_or(self.queue.len()), sentence);
    }

    /// Whether something was sent that is not confirmed as heard.
    pub(crate) fn unacknowledged(&self) -> bool {
        self.queue.iter().any(Sentence::unacknowledged)
    }

    /// Whether the caller hears us at `now`, or did within `after`.
    pub(crate) fn audible(&self, now: Moment, after: Duration) -> bool {
        self.unacknowledged() || now < self.line_end + after
    }

    /// Whether something that can't be cut is on the line.
    pub(crate) fn uninterruptible_on_line(&self) -> bool {
        self.queue
            .iter()
            .any(|sentence| sentence.uninterruptible() && sentence.sent > 0)
    }

    /// How much is queued and not heard, as far as it is made.
    pub(crate) fn remaining(&self) -> u32 {
        self.queue
            .iter()
            .map(|sentence| sentence.total() - sentence.heard)
            .sum()
    }

    /// Heard samples of the queued sentences of a cue.
    pub(crate) fn heard_of(&self, cue: CueId) -> u32 {
        self.queue
            .iter()
            .filter(|sentence| sentence.cue == cue)
            .map(|sentence| sentence.heard)
            .sum()
    }

    fn head_index(&self) -> Option<usize> {
        self.queue.iter().position(|sentence| !sentence.fully_sent())
    }

    /// The sentence whose frame goes next.
    pub(crate) fn next_sentence(&self) -> Option<&Sentence> {
        self.queue.get(self.head_index()?)
    }

    /// Sends what is due; `sent` sees each frame and when it will be played.
    pub(crate) fn pump(
        &mut self,
        now: Moment,
        permission: Permission,
        out: &mut VecDeque<Output>,
        mut sent: impl FnMut(Moment, &MulawFrame),
    ) {
        while let Some(index) = self.head_index() {
            let starts = self.line_end.max(now);
            let generation = self.generation;
            let sentence = &mut self.queue[index];
            if self.head.is_none_or(|(id, _)| id != sentence.id) {
                self.head = Some((sentence.id, now));
            }
            if !permission.allows(sentence) || !sentence.frame_ready() || starts + FRAME > now + self.lead {
                break;
            }
            if sentence.sent == 0 {
                sentence.began = starts;
            }
            if !sentence.unacknowledged() {
                sentence.resumed = starts;
            }
            sentence.first_frame.get_or_insert(now);
            self.run_began.get_or_insert(now);
            let frame = sentence.take_frame();
            sent(starts, &frame);
            out.push_back(Output::Frame(frame));
            self.line_end = starts + FRAME;
            let next = sentence.sent - sentence.marked + FRAME_SAMPLES as u32;
            if sentence.fully_sent() || next > self.mark_interval {
                out.push_back(Output::Mark(Self::mark(
                    sentence,
                    generation,
                    &mut self.marks,
                    self.line_end,
                )));
            }
        }
    }

    fn mark(sentence: &mut Sentence, generation: u32, marks: &mut VecDeque<PendingMark>, expected: Moment) -> MarkId {
        sentence.marked = sentence.sent;
        let mark = MarkId {
            generation,
            segment: sentence.id,
            samples: sentence.sent,
        };
        marks.push_back(PendingMark { mark, expected });
        mark
    }

    /// A sentence's audio is complete, or as complete as it will be (`failed`). Answers whether it is known.
    pub(crate) fn complete(&mut self, id: SegmentId, failed: bool, out: &mut VecDeque<Output>) -> bool {
        let generation = self.generation;
        let Some(sentence) = self
            .queue
            .iter_mut()
            .find(|sentence| sentence.id == id && !sentence.complete)
        else {
            return false;
        };
        sentence.complete = true;
        sentence.failed = failed;
        if sentence.sent == sentence.total() && sentence.marked < sentence.sent {
            out.push_back(Output::Mark(Self::mark(
                sentence,
                generation,
                &mut self.marks,
                self.line_end,
            )));
        }
        true
    }

    /// When the next frame is due.
    pub(crate) fn next_frame_at(&self, permission: Permission) -> Option<Moment> {
        let sentence = self.next_sentence()?;
        (permission.allows(sentence) && sentence.frame_ready())
            .then(|| (self.line_end + FRAME).saturating_sub(self.lead))
    }

    /// Takes an echoed mark in. `false`: it is stale, foreign, or was counted before.
    pub(crate) fn acknowledge(&mut self, mark: MarkId, now: Moment) -> bool {
        let Some(place) = self.marks.iter().position(|pending| pending.mark == mark) else {
            return false;
        };
        self.marks_are_lost = false;
        for _ in 0..=place {
            self.confirm_first(now, false);
        }
        true
    }

    fn confirm_first(&mut self, at: Moment, by_timer: bool) {
        if let Some(PendingMark { mark, .. }) = self.marks.pop_front()
            && let Some(sentence) = self.find(mark.segment)
        {
            sentence.by_timer |= by_timer;
            sentence.confirm(mark.samples, at);
        }
    }

    /// When the first mark that is out counts as heard although it did not come back.
    pub(crate) fn mark_overdue_at(&self) -> Option<Moment> {
        let grace = if self.marks_are_lost {
            GRACE_WITHOUT_MARKS
        } else {
            self.stall
        };
        self.marks.front().map(|pending| pending.expected + grace)
    }

    /// Counts overdue marks as heard.
    pub(crate) fn confirm_overdue(&mut self, now: Moment) {
        while self.mark_overdue_at().is_some_and(|at| at <= now) {
            self.marks_are_lost = true;
            let expected = self.marks.front().map_or(now, |pending| pending.expected);
            self.confirm_first(expected, true);
        }
    }

    /// When the sentence to be sent has waited too long for its audio, and which.
    pub(crate) fn starved_at(&self) -> Option<(SegmentId, Moment)> {
        let sentence = self.next_sentence().filter(|sentence| !sentence.frame_ready())?;
        let since = self
            .head
            .filter(|(id, _)| *id == sentence.id)
            .map_or(sentence.last_audio, |(_, since)| since);
        Some((sentence.id, since.max(sentence.last_audio) + self.stall))
    }

    /// Takes the first sentence out if all of it was heard.
    pub(crate) fn pop_heard(&mut self) -> Option<Sentence> {
        if self.queue.front()?.fully_heard() {
            self.queue.pop_front()
        } else {
            None
        }
    }

    /// Throws away what the line holds; what was not heard will be sent again, unless it is dropped.
    /// Answers whether there was anything.
    pub(crate) fn clear(&mut self, now: Moment, out: &mut VecDeque<Output>) -> bool {
        if !self.unacknowledged() {
            return false;
        }
        out.push_back(Output::Clear);
        self.generation += 1;
        self.marks.clear();
        for sentence in &mut self.queue {
            sentence.rewind(now);
        }
        self.line_end = now;
        self.run_began = None;
        true
    }

    /// Our present stretch of speech is over.
    pub(crate) fn end_run(&mut self) {
        self.run_began = None;
    }

    /// Takes out the sentences that `unwanted` names. None of them may be on the line.
    pub(crate) fn remove(&mut self, unwanted: impl Fn(&Sentence) -> bool) -> Vec<Sentence> {
        let (removed, kept): (VecDeque<_>, VecDeque<_>) = self.queue.drain(..).partition(|sentence| unwanted(sentence));
        self.queue = kept;
        removed.into()
    }
}

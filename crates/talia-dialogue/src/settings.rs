//! The figures of turn-taking. The defaults start from what open agents found to work; each has its reason.

use std::time::Duration;
use talia_spanish::{Expectation, Language};

/// All figures of one conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The language of the conversation.
    pub language: Language,
    /// Speech probability above which the caller is taken to speak while we are silent.
    pub speech_threshold: f32,
    /// The same while our own audio is playing: our echo comes back weaker than a voice.
    pub speech_threshold_while_speaking: f32,
    /// How long speech must last before it counts.
    pub speech_onset: Duration,
    /// Silence after which a pause is noted, and the words so far are asked for before it is known whether it is the end.
    pub pause: Duration,
    /// The same for the words of an answer that is simply said, where asking in vain costs nobody but this machine: sooner
    /// than a pause is one. At least 40 ms, at most [`Self::pause`].
    pub early_words: Duration,
    /// End-of-turn probability from which the predictor's yes is believed.
    pub end_of_turn_threshold: f32,
    /// How long a pause must be before the turn is over, by what was asked.
    pub patience: PatienceTable,
    /// How long a sound over our speech may last before the verdict.
    pub barge_in_verdict: Duration,
    /// Words that an interruption needs.
    pub barge_in_words: usize,
    /// How long our audio runs ahead of the line's clock.
    pub play_out_lead: Duration,
    /// The longest distance between marks.
    pub mark_interval: Duration,
    /// How long the brain may think before a filler is due.
    pub filler_after: Duration,
    /// How long the rest of a turn is waited for that the brain takes for unfinished, and how long when the caller thinks.
    pub rest_of_turn: Duration,
    pub rest_of_thought: Duration,
    /// Silence of the caller before each nudge.
    pub nudge_after: Duration,
    /// How many nudges before the call is ended.
    pub nudges: u8,
    /// The longest turn of a caller before we take it as it is.
    pub longest_turn: Duration,
    /// The longest call.
    pub longest_call: Duration,
    /// How long we wait for audio, marks or the brain before the wait is given up.
    pub stall: Duration,
}

/// How long a pause ends a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// When the words and the predictor agree that the caller has finished.
    pub finished: Duration,
    /// When the predictor alone doubts.
    pub doubtful: Duration,
    /// When the words are visibly unfinished.
    pub unfinished: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            language: Language::Spanish,
            speech_threshold: 0.5,
            speech_threshold_while_speaking: 0.8,
            speech_onset: Duration::from_millis(60),
            pause: Duration::from_millis(140),
            early_words: Duration::from_millis(140),
            end_of_turn_threshold: 0.5,
            patience: PatienceTable::default(),
            barge_in_verdict: Duration::from_millis(500),
            barge_in_words: 2,
            play_out_lead: Duration::from_millis(140),
            mark_interval: Duration::from_millis(200),
            filler_after: Duration::from_millis(1_200),
            rest_of_turn: Duration::from_millis(1_500),
            rest_of_thought: Duration::from_secs(3),
            nudge_after: Duration::from_secs(8),
            nudges: 2,
            longest_turn: Duration::from_secs(45),
            longest_call: Duration::from_mins(20),
            stall: Duration::from_secs(5),
        }
    }
}

impl Settings {
    /// Silence after which the words of an answer of this kind are asked for. What is dictated is full of gaps, and its end is
    /// waited for longer than a recogniser takes.
    pub(crate) fn words_after(&self, expectation: Expectation) -> Duration {
        if PatienceTable::is_dictated(expectation) {
            self.pause
        } else {
            self.early_words
        }
    }

    /// The same with every figure inside what the machine can work with, so that no configuration can stop its clock:
    /// waits between a tenth of a second and a day.
    #[must_use]
    pub(crate) fn bounded(mut self) -> Self {
        const SHORTEST: Duration = Duration::from_millis(100);
        const LONGEST: Duration = Duration::from_hours(24);
        // A single step of a detector is no silence.
        const EARLIEST: Duration = Duration::from_millis(40);
        for wait in [
            &mut self.pause,
            &mut self.barge_in_verdict,
            &mut self.filler_after,
            &mut self.rest_of_turn,
            &mut self.rest_of_thought,
            &mut self.nudge_after,
            &mut self.longest_turn,
            &mut self.longest_call,
            &mut self.stall,
        ] {
            *wait = (*wait).clamp(SHORTEST, LONGEST);
        }
        self.speech_onset = self.speech_onset.min(LONGEST);
        self.early_words = self.early_words.clamp(EARLIEST, self.pause);
        self.play_out_lead = self.play_out_lead.min(LONGEST);
        self.mark_interval = self.mark_interval.min(LONGEST);
        let table = &mut self.patience;
        for patience in [&mut table.yes_no, &mut table.open, &mut table.dictated] {
            patience.finished = patience.finished.min(LONGEST);
            patience.doubtful = patience.doubtful.min(LONGEST);
            patience.unfinished = patience.unfinished.min(LONGEST);
        }
        self
    }
}

/// How long a pause ends a turn, by what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatienceTable {
    /// After a question that is answered by yes or no.
    pub yes_no: Patience,
    /// Everything else that is simply said.
    pub open: Patience,
    /// What is dictated piece by piece: e-mails, spelled names, telephone numbers, digits.
    pub dictated: Patience,
}

impl PatienceTable {
    /// The patience for an answer of the expected kind.
    pub fn of(&self, expectation: Expectation) -> Patience {
        if expectation.is_yes_no() {
            self.yes_no
        } else if Self::is_dictated(expectation) {
            self.dictated
        } else {
            self.open
        }
    }

    /// Whether an answer of this kind comes piece by piece.
    fn is_dictated(expectation: Expectation) -> bool {
        match expectation {
            Expectation::Email | Expectation::Spelled | Expectation::Phone | Expectation::Digits => true,
            Expectation::YesNo
            | Expectation::ConfirmEmail
            | Expectation::ConfirmPhone
            | Expectation::Open
            | Expectation::Name
            | Expectation::Company
            | Expectation::Date => false,
        }
    }
}

impl Default for PatienceTable {
    fn default() -> Self {
        let millis = |finished, doubtful, unfinished| Patience {
            finished: Duration::from_millis(finished),
            doubtful: Duration::from_millis(doubtful),
            unfinished: Duration::from_millis(unfinished),
        };
        Self {
            yes_no: millis(200, 500, 900),
            open: millis(250, 800, 1_500),
            dictated: millis(600, 1_300, 2_500),
        }
    }
}

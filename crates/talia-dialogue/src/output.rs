//! What is to be done.

use crate::{CueId, JobId, MarkId, Moment, Resumption, SegmentId, SpeechKind, TurnId, UtteranceId};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use talia_audio::frame::MulawFrame;
use talia_spanish::Expectation;

/// One thing to do, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Send this frame to the line now.
    Frame(MulawFrame),
    /// Send this mark to the line now.
    Mark(MarkId),
    /// Send `clear` to the line now.
    Clear,
    /// The caller began to speak: keep the audio of this turn, from half a second before.
    TurnStarted { turn: TurnId },
    /// Nothing more will be asked about this turn's audio. With `words_due` somebody has understood it who has not written
    /// it down: its line in the transcript waits for [`crate::Input::Words`].
    TurnClosed { turn: TurnId, words_due: bool },
    /// Write down the turn's audio so far.
    Transcribe {
        job: JobId,
        turn: TurnId,
        expectation: Expectation,
        purpose: TranscriptionPurpose,
    },
    /// Say how likely the caller has finished, from the turn's audio so far.
    PredictEndOfTurn { job: JobId, turn: TurnId },
    /// Ask the brain.
    Think { cue: CueId, about: Cue },
    /// These words may be all of the caller's turn, which is not over: a slow brain may begin to think. `revises` as in
    /// [`Cue::Turn`].
    Prepare {
        turn: TurnId,
        text: String,
        revises: Option<CueId>,
    },
    /// Nothing more of the answer to this cue is wanted: cancel it.
    Forget { cue: CueId },
    /// Make audio of a sentence.
    Synthesize {
        segment: SegmentId,
        cue: CueId,
        text: String,
        kind: SpeechKind,
    },
    /// What the brain says with its own voice is taken: its text and audio go under this name.
    Speak { segment: SegmentId, utterance: UtteranceId },
    /// What the brain said with its own voice was cut. The caller has heard this much of its audio: up to the last mark
    /// that came back, and what has been played since, as far as it was sent.
    Cut { utterance: UtteranceId, heard: Duration },
    /// The sentence's remaining audio is not wanted.
    CancelSynthesis { segment: SegmentId },
    /// A line of the transcript is final: what was said and, for the assistant, heard.
    Transcript(Entry),
    /// The last word of the disclosure was heard (its mark came back).
    DisclosureHeard,
    /// The caller spoke over us: for metrics and the live view.
    BargeIn(BargeIn),
    /// The stages of one turn, once the first audio of its answer was heard.
    Measured(TurnTiming),
    /// End the call: nothing is said after this.
    HangUp(EndReason),
}

/// What the brain is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cue {
    /// The call begins: disclose and greet.
    Opening,
    /// The call goes on after a break: apologise in a word, then answer the caller's last `words`, or go on where the
    /// caller stopped hearing when there are none.
    Resumed { words: String, why: Resumption },
    /// The caller said something. `revises` names an earlier cue whose words are contained in this text and whose
    /// answer the caller did not hear: the brain goes back to what it knew before that cue.
    Turn {
        turn: TurnId,
        text: String,
        revises: Option<CueId>,
    },
    /// The caller pressed keys (all since the last cue, in order).
    Digits(String),
    /// The caller made sounds that no recogniser could write down.
    NotUnderstood,
    /// The caller has been silent since our last words; `nudge` counts from 1.
    Silence { nudge: u8 },
    /// The brain is slow: say a few words that bridge the wait.
    Filler,
    /// The call has to end now: say goodbye.
    Closing(EndReason),
}

/// Why a recording of speech is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TranscriptionPurpose {
    /// The caller spoke over us: are these words?
    Judge,
    /// The caller paused: perhaps the turn is over.
    Pause,
}

/// Who spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Speaker {
    /// The person on the telephone.
    Caller,
    /// TalIA.
    Assistant,
}

/// One line of the transcript.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Who spoke.
    pub speaker: Speaker,
    /// What was said; for the assistant, only the words that the caller heard: empty when all of it was dropped.
    pub text: String,
    /// For the assistant, where it was cut: what was left unheard, further sentences of the same answer included. Empty
    /// where all words that had come were heard and a brain with a voice of its own had more to say.
    pub unheard: Option<String>,
    /// When it began to be heard.
    pub began: Moment,
    /// When it ended.
    pub ended: Moment,
    /// The assistant's kind of sentence.
    pub kind: Option<SpeechKind>,
    /// Its end counts as heard by the clock alone: the marks did not come back.
    pub by_timer: bool,
    /// The assistant's brain said it with a voice of its own.
    pub own_voice: bool,
}

/// What became of a sound that the caller made while we spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BargeIn {
    /// We stopped to listen; from the caller's first sound to the `clear`.
    Paused { reaction: Moment },
    /// It was nothing (a cough, "ajá", our own echo): we went on from the last word heard.
    Resumed,
    /// It was an interruption: the rest of what we were saying is dropped.
    Yielded,
}

/// The stages of one turn, as moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnTiming {
    /// The turn.
    pub turn: TurnId,
    /// The caller's last sound.
    pub speech_ended: Moment,
    /// The words were there.
    pub transcribed: Moment,
    /// The turn was judged to be over, and the brain asked.
    pub decided: Moment,
    /// The brain's first sentence.
    pub first_text: Moment,
    /// The first audio of that sentence.
    pub first_audio: Moment,
    /// Its first frame sent to the line.
    pub first_frame: Moment,
    /// The first mark of it that came back.
    pub first_heard: Moment,
}

/// Why a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// The conversation came to its end.
    Finished,
    /// The caller is handed to a person.
    Transferred,
    /// The caller hung up.
    CallerHungUp,
    /// The caller stayed silent.
    Silence,
    /// The longest allowed duration.
    TimeLimit,
    /// The operator ended it.
    Operator,
    /// The server is stopping.
    Draining,
    /// Our own speech can't be made.
    Failure,
}

//! What the machine is told.

use crate::{CueId, EndReason, JobId, SegmentId, TurnId, UtteranceId};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use talia_spanish::Expectation;

/// One thing that happened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Input<'a> {
    /// The media stream is open: the brain may be asked for its opening.
    Opened,
    /// The media stream is open again, of a conversation that was broken off. With `disclosed` the caller has heard the
    /// disclosure, and it isn't said again; `words` are the caller's last ones that nobody answered, or empty.
    Resumed {
        disclosed: bool,
        words: &'a str,
        why: Resumption,
    },
    /// One step of the voice activity detector over the caller's audio.
    Voice(VoiceStep),
    /// A streaming recogniser's running text of the turn (it replaces the earlier one).
    Partial { turn: TurnId, text: &'a str },
    /// The answer to [`crate::Output::Transcribe`]: the words of the turn's audio as it was when asked.
    Transcribed { job: JobId, text: &'a str },
    /// The other answer to [`crate::Output::Transcribe`], of somebody who understands without writing down: the turn's
    /// audio so far was taken in. Its words come with [`Self::Words`] when the turn is closed, or never.
    Listened { job: JobId },
    /// The words of a closed turn that were due ([`crate::Output::TurnClosed`]).
    Words { turn: TurnId, text: &'a str },
    /// A transcription that failed or was refused because the engine is overloaded.
    TranscriptionFailed { job: JobId },
    /// The answer to [`crate::Output::PredictEndOfTurn`]: how likely the caller has finished, 0 to 1.
    EndOfTurn { job: JobId, probability: f32 },
    /// A key pressed on the telephone.
    Digit(char),
    /// The brain says one sentence.
    Say(Speech<'a>),
    /// The brain says something with a voice of its own: nothing has to be synthesised, text and audio come as they are
    /// made. It is an [`SpeechKind::Answer`].
    Speak { cue: CueId, utterance: UtteranceId },
    /// More text of what is said that way: it is put behind what came before.
    Text { segment: SegmentId, text: &'a str },
    /// The kind of answer that the brain expects to what it is saying for `cue`.
    Expect { cue: CueId, expectation: Expectation },
    /// The brain takes the caller's words for unfinished, or the caller for `thinking`: it says nothing, and wants the rest.
    NotYet { cue: CueId, thinking: bool },
    /// The brain has said all it has to say for this cue.
    Answered { cue: CueId },
    /// The brain wants the call to end once the caller has heard what was said for this cue.
    EndCall { cue: CueId },
    /// The brain wants the caller handed to a person once all that was said for this cue has been heard.
    Transfer { cue: CueId },
    /// Audio of a sentence, in order, any number of μ-law bytes.
    Audio { segment: SegmentId, mulaw: &'a [u8] },
    /// The sentence's audio is complete.
    AudioEnd { segment: SegmentId },
    /// The sentence's audio can't be made (any more).
    AudioFailed { segment: SegmentId },
    /// Twilio echoed a mark.
    Mark(&'a str),
    /// The caller hung up or the stream is gone.
    HungUp,
    /// Somebody else says this to the caller through us, as it stands, once nobody has the floor. Until then it waits, behind
    /// those before it; see [`crate::Dialogue::takes_announcements`].
    Announce { text: &'a str },
    /// The operator, a limit or a stopping server ends the call: the brain says goodbye first where there is time.
    Finish(EndReason),
    /// The call ends at once, without a word.
    End(EndReason),
    /// A deadline has come.
    Tick,
}

/// Why a conversation goes on after a break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resumption {
    /// The stream was lost: a dropped socket, a dead node, a restart.
    StreamLost,
    /// The caller was to be handed to a person, and nobody answered.
    NobodyAnswered,
}

/// One step of the voice activity detector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VoiceStep {
    /// How likely the step is speech, 0 to 1.
    pub probability: f32,
    /// Level of the caller's audio over the step, dBFS (−96 for silence).
    pub level_dbfs: f32,
    /// How much audio the step covers; it ends now.
    pub duration: Duration,
}

/// One sentence that the brain says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Speech<'a> {
    /// The cue that it answers.
    pub cue: CueId,
    /// The sentence as it is written in the transcript (not as phonemes).
    pub text: &'a str,
    /// What kind of sentence it is.
    pub kind: SpeechKind,
}

/// What kind of sentence is said: decides whether it can be interrupted and what its being heard proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SpeechKind {
    /// The notice that an AI is speaking: before anything else, never interrupted.
    Disclosure,
    /// Ordinary speech.
    Answer,
    /// Bridges a wait; dropped if the real answer is there first.
    Filler,
    /// Asks a silent caller whether they are there.
    Nudge,
    /// The last words: not interrupted.
    Goodbye,
}

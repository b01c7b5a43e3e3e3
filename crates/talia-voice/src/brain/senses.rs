//! What a brain can do beside thinking: hear the caller and speak to them by itself.
//!
//! The dialogue stays the only judge of whose turn it is. Such a brain is told what it decided, takes the caller's audio as
//! it comes, and hands out what it heard and says through [`Senses::poll`]; the call carries both ways.

use super::Thought;
use super::realtime::Wake;
use std::time::Duration;
use talia_dialogue::{CueId, JobId, TranscriptionPurpose, TurnId, UtteranceId};

/// One thing that such a brain heard, says or wants.
#[derive(Debug, Clone, PartialEq)]
pub enum Sensed {
    /// A thought, as other brains have them.
    Thought(CueId, Thought),
    /// Something begins to be said with the brain's own voice.
    Speak { cue: CueId, utterance: UtteranceId },
    /// More of its text.
    Text { utterance: UtteranceId, text: String },
    /// More of its audio, μ-law.
    Audio { utterance: UtteranceId, mulaw: Vec<u8> },
    /// It is complete, or it broke off.
    End { utterance: UtteranceId, failed: bool },
    /// Words for a job of the dialogue.
    Transcribed { job: JobId, text: String },
    /// The job's audio was understood; its words come later.
    Listened { job: JobId },
    /// The job's words can't be had.
    Failed { job: JobId },
    /// The service says how likely the caller has finished.
    EndOfTurn { job: JobId, probability: f32 },
    /// The words of a turn that is closed; empty when there are none.
    Words { turn: TurnId, text: String },
    /// Nobody has written this μ-law audio down: the call's own ears are asked to. The answer is [`Wake::Dictated`].
    Dictate(Vec<u8>),
}

/// The ears and the mouth of a brain. Nothing here waits.
pub trait Senses: Send {
    /// Whether it hears the caller now; once it can't, the call's own ears do for the rest of the call.
    fn hears(&self) -> bool;
    /// One frame of the caller's audio, μ-law.
    fn hear(&mut self, mulaw: &[u8]);
    /// The caller began to speak.
    fn turn_started(&mut self, turn: TurnId);
    /// Nothing more is asked about this turn. With `words_due` its words are wanted.
    fn turn_closed(&mut self, turn: TurnId, words_due: bool);
    /// Takes a transcription on; `false` leaves it to the call's own ears.
    fn transcribe(&mut self, job: JobId, turn: TurnId, purpose: TranscriptionPurpose) -> bool;
    /// The dialogue would like to know whether the caller has finished. The call's own ears are asked as well.
    fn predict_end_of_turn(&mut self, job: JobId);
    /// What was being said was cut; so much of its audio has sounded at the caller's.
    fn cut(&mut self, utterance: UtteranceId, heard: Duration);
    /// Something that the brain waited for.
    fn woken(&mut self, wake: Wake);
    /// When [`Self::tick`] is due, on the server's monotonic clock.
    fn next_deadline(&self) -> Option<Duration>;
    /// Time has passed.
    fn tick(&mut self);
    /// The next thing, in order.
    fn poll(&mut self) -> Option<Sensed>;
}

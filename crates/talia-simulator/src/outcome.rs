//! What is left of a call: its log, its sound, its figures, and the questions tests ask of it.

use talia_twilio::{CallSid, CallStatus};

use crate::{
    caller::ScriptFault,
    events::{CallEvent, EndedBy, Side, What},
    measure::Measurements,
    recording::Recording,
    silence::Silences,
};

/// Something that Twilio's debugger would show. Twilio reports bad messages (31950, 31951) once a stream; here each is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Twilio's error code.
    pub code: u16,
    /// What was wrong.
    pub detail: String,
}

/// A status callback that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentStatus {
    /// The status it told.
    pub status: CallStatus,
    /// The server's HTTP status; none when there was no answer.
    pub answer: Option<u16>,
}

/// The call of somebody whom the server dialled with `<Dial>`. Times are those of the call that dialled.
#[derive(Debug, Clone)]
pub struct DialledLeg {
    /// That call.
    pub call_sid: CallSid,
    /// Who was rung.
    pub to: String,
    /// How it ended.
    pub status: CallStatus,
    /// From its answer on: left what the person said, right what the person heard (the whisper, then the caller).
    pub recording: Recording,
    /// What the person's listener understood.
    pub heard: Vec<String>,
    /// Its status callbacks, in the order in which they were sent.
    pub statuses: Vec<SentStatus>,
    /// When it was answered, in milliseconds.
    pub answered_ms: Option<u64>,
    /// When the caller was joined.
    pub joined_ms: Option<u64>,
    /// From its answer to its end, in milliseconds.
    pub duration_ms: u64,
    /// Why the person's script failed, if it did.
    pub script_fault: Option<ScriptFault>,
    /// Why the person's listener failed, each time it did.
    pub listener_faults: Vec<String>,
}

/// A call that is over.
#[derive(Debug, Clone)]
pub struct CallOutcome {
    /// The call.
    pub call_sid: CallSid,
    /// Everything that happened, in the order in which it became known.
    pub log: Vec<CallEvent>,
    /// Both sides (left the caller, right all that the caller heard: the server, Twilio's voice, ringing, the person who
    /// was joined); empty when the carrier keeps no audio.
    pub recording: Recording,
    /// Whom the server dialled.
    pub dialled: Vec<DialledLeg>,
    /// The status callbacks, in the order in which they were sent.
    pub statuses: Vec<SentStatus>,
    /// The figures.
    pub measurements: Measurements,
    /// What Twilio would have complained of.
    pub warnings: Vec<Warning>,
    /// Who ended it.
    pub ended_by: EndedBy,
    /// The final status.
    pub status: CallStatus,
    /// From the voice webhook to the end, in milliseconds.
    pub duration_ms: u64,
    /// Why the script failed, if it did.
    pub script_fault: Option<ScriptFault>,
    /// Why the caller's listener failed, each time it did.
    pub listener_faults: Vec<String>,
    /// Messages that the server was too slow to read.
    pub unsent_messages: u64,
    /// Events that the observer was too slow to take.
    pub missed_events: u64,
}

impl CallOutcome {
    /// What the caller's listener understood of the assistant, in order.
    pub fn heard(&self) -> Vec<&str> {
        let words = self.log.iter().filter_map(|event| match &event.what {
            What::Heard { text } => Some(text.as_str()),
            _ => None,
        });
        words.collect()
    }

    /// The names of the verbs that were executed.
    pub fn verbs(&self) -> Vec<&str> {
        let names = self.log.iter().filter_map(|event| match &event.what {
            What::Verb { name, .. } => Some(name.as_str()),
            _ => None,
        });
        names.collect()
    }

    /// How many streams were opened.
    pub fn streams(&self) -> usize {
        self.count(|what| matches!(what, What::StreamStart { .. }))
    }

    /// How many utterances of one side began.
    pub fn utterances(&self, wanted: Side) -> usize {
        self.count(|what| matches!(what, What::SpeechBegin { side, .. } if *side == wanted))
    }

    /// How many events are such.
    pub fn count(&self, such: impl Fn(&What) -> bool) -> usize {
        self.log.iter().filter(|event| such(&event.what)).count()
    }

    /// How long the caller was left in silence at most.
    pub fn silences(&self) -> Silences {
        Silences::of(&self.log, self.duration_ms)
    }

    /// Fails a test if the caller waited in silence for longer than `longest_ms` when it was the server's turn.
    #[track_caller]
    pub fn assert_never_left_in_silence(&self, longest_ms: u64) {
        let awaited_ms = self.silences().awaited_ms;
        assert!(
            awaited_ms <= longest_ms,
            "the caller was left in silence for {awaited_ms} ms"
        );
    }

    /// How many warnings have a code.
    pub fn warnings_of(&self, code: u16) -> usize {
        self.warnings.iter().filter(|warning| warning.code == code).count()
    }

    /// Fails a test unless Twilio's debugger would have stayed empty. A close by the server (31921) is none of it:
    /// Twilio reports that even when it was intended.
    #[track_caller]
    pub fn assert_no_warnings(&self) {
        let real: Vec<_> = self.warnings.iter().filter(|warning| warning.code != 31_921).collect();
        assert!(real.is_empty(), "Twilio would warn of {real:?}");
    }

    /// Fails a test unless the script ran to its end.
    #[track_caller]
    pub fn assert_script_done(&self) {
        assert_eq!(self.script_fault, None, "the script failed");
        assert!(
            self.listener_faults.is_empty(),
            "the listener failed: {:?}",
            self.listener_faults
        );
    }

    /// Fails a test unless the server ended the call: by its document, or by REST.
    #[track_caller]
    pub fn assert_ended_by_server(&self) {
        let server = matches!(self.ended_by, EndedBy::Document | EndedBy::Rest);
        assert!(server, "the call was ended by {:?}", self.ended_by);
    }

    /// Fails a test unless the caller ended the call.
    #[track_caller]
    pub fn assert_ended_by_caller(&self) {
        assert_eq!(self.ended_by, EndedBy::Caller);
    }

    /// Fails a test if the queue ran dry inside speech for longer than `longest_ms`.
    #[track_caller]
    pub fn assert_no_gap_longer_than(&self, longest_ms: u64) {
        let long: Vec<_> = (self.measurements.underruns.iter())
            .filter(|underrun| underrun.gap_ms > longest_ms)
            .collect();
        assert!(long.is_empty(), "gaps inside speech: {long:?}");
    }

    /// Fails a test unless every answer was heard within `longest_ms` of the end of the caller's speech.
    #[track_caller]
    pub fn assert_answers_within(&self, longest_ms: f64) {
        let slow: Vec<_> = (self.measurements.answers.iter())
            .filter(|answer| answer.played_ms > longest_ms)
            .collect();
        assert!(slow.is_empty(), "slow answers: {slow:?}");
    }
}

//! What happens in a call, for its log and for whoever watches it live.

use serde::Serialize;
use tokio::sync::mpsc;

use crate::caller::{ScriptFault, SpeechKind};

/// One side of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Who rings.
    Caller,
    /// The server under test.
    Assistant,
    /// Whom the server dialled.
    Person,
}

/// Why a webhook was requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The number's Voice URL.
    Voice,
    /// The Fallback URL.
    Fallback,
    /// A verb's action.
    Action,
    /// A redirect, or a URL given by REST.
    Document,
    /// What a dialled person hears alone.
    Whisper,
    /// The number's status callback.
    Status,
    /// A stream's status callback.
    StreamStatus,
}

/// Who ended the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// The caller hung up.
    Caller,
    /// The document ended, or said `<Hangup>`.
    Document,
    /// The server's document refused the call.
    Rejected,
    /// A REST update.
    Rest,
    /// A document couldn't be had; the caller heard Twilio's apology.
    ApplicationError(u16),
    /// The plan's longest duration.
    TimeLimit,
    /// Nobody answered a call that the server made: the status says why.
    Unanswered,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// A signed request was answered, or not.
    Webhook {
        /// Why it was sent.
        purpose: Purpose,
        /// HTTP status; none when there was no answer.
        status: Option<u16>,
        /// Until the answer was read, in milliseconds.
        took_ms: f64,
    },
    /// A document was understood.
    Twiml {
        /// Its verbs.
        verbs: Vec<String>,
    },
    /// A verb is executed.
    Verb {
        /// Its name.
        name: String,
        /// The words of a `<Say>`.
        text: Option<String>,
    },
    /// A dialled person's call reached a status.
    Dialled {
        /// That call.
        call_sid: String,
        /// Twilio's word.
        status: &'static str,
    },
    /// A verb is executed to a dialled person alone.
    Whisper {
        /// Its name.
        name: String,
        /// The words of a `<Say>`.
        text: Option<String>,
    },
    /// The caller and a dialled person hear each other.
    Joined {
        /// The person's call.
        call_sid: String,
    },
    /// `start` was sent.
    StreamStart {
        /// The socket's identifier.
        stream_sid: String,
        /// From the connection's beginning to its upgrade, in milliseconds.
        handshake_ms: f64,
    },
    /// The socket is over.
    StreamEnd {
        /// Close code, where there was one.
        code: Option<u16>,
        /// How it ended.
        how: &'static str,
    },
    /// A side begins to speak.
    SpeechBegin {
        /// Which.
        side: Side,
        /// The caller's reason.
        kind: Option<SpeechKind>,
        /// The caller's words.
        text: Option<String>,
    },
    /// A side has spoken.
    SpeechEnd {
        /// Which.
        side: Side,
        /// When it began, in milliseconds of the call.
        from_ms: u64,
        /// When its last audible frame ended.
        to_ms: u64,
    },
    /// The caller's listener understood the assistant.
    Heard {
        /// The words.
        text: String,
    },
    /// The server sent a mark.
    Mark {
        /// Its name.
        name: String,
    },
    /// A mark was echoed.
    MarkEchoed {
        /// Its name.
        name: String,
        /// False: flushed out by a `clear`.
        played: bool,
    },
    /// The server dropped the queue.
    Clear {
        /// Audio that was never heard.
        dropped_ms: u64,
    },
    /// The queue ran dry inside speech.
    Underrun {
        /// For how long.
        gap_ms: u64,
    },
    /// The caller pressed a key.
    Key {
        /// Which.
        digit: char,
    },
    /// The first sound of an answer was heard.
    Answered {
        /// From the caller's last voiced frame to the first audible frame received.
        received_ms: f64,
        /// To the first audible frame played.
        played_ms: f64,
    },
    /// What the answering-machine detection will find.
    Detection {
        /// Twilio's word.
        answered_by: String,
        /// When, in milliseconds after the answer.
        after_ms: u64,
    },
    /// The server reacted to an interruption.
    Yielded {
        /// From the caller's first voiced frame to `clear`, or to silence where none was sent.
        after_ms: f64,
        /// Whether it was a `clear`.
        cleared: bool,
    },
    /// Twilio's debugger would show this.
    Warning {
        /// Twilio's error code.
        code: u16,
        /// What was wrong.
        detail: String,
    },
    /// The script failed.
    Script(ScriptFault),
    /// A REST update changed the call.
    RestUpdate,
    /// Behind a broken socket nothing follows: the caller is in silence.
    Hangs,
    /// The call is over.
    End {
        /// By whom.
        by: EndedBy,
    },
}

/// Something that happened, and when.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallEvent {
    /// Milliseconds since the voice webhook was sent.
    pub at_ms: u64,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// Writes the log and tells the observer, who may be slow: what doesn't fit into its channel is counted.
#[derive(Debug, Default)]
pub struct Journal {
    events: Vec<CallEvent>,
    observer: Option<mpsc::Sender<CallEvent>>,
    missed: u64,
}

impl Journal {
    /// An empty log.
    pub fn new(observer: Option<mpsc::Sender<CallEvent>>) -> Self {
        Self {
            events: Vec::new(),
            observer,
            missed: 0,
        }
    }

    /// Writes one event.
    pub fn write(&mut self, at_ms: u64, what: What) {
        let event = CallEvent { at_ms, what };
        if let Some(observer) = &self.observer
            && observer.try_send(event.clone()).is_err()
        {
            self.missed += 1;
        }
        self.events.push(event);
    }

    /// All events so far.
    pub fn events(&self) -> &[CallEvent] {
        &self.events
    }

    /// The log, and how many events the observer missed.
    pub fn finish(self) -> (Vec<CallEvent>, u64) {
        (self.events, self.missed)
    }
}

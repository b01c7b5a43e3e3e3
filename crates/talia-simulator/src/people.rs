//! Who is reached at the numbers that the server rings: persons and machines, by number.

use std::{collections::HashMap, sync::Arc};

use tokio::sync::mpsc;

use crate::{cut::Cut, events::CallEvent, lines::PreparedScript, listener::Listener};

/// From a request to the network's first sound of ringing, in milliseconds.
pub(crate) const RING_SETUP_MS: u64 = 200;
/// Who waits at the other end says nothing for this long, in milliseconds, before it hangs up.
const SILENT_MS: u64 = 60_000;
/// A machine records for this long, in milliseconds, before it hangs up.
const RECORDS_MS: u64 = 60_000;
/// Defaults of Twilio's detection: the silence that ends a short greeting, the length of speech that only a machine
/// speaks, the silence that ends a machine's greeting without beep. In milliseconds. Source: the Call resource's
/// `MachineDetectionSpeechEndThreshold`, `MachineDetectionSpeechThreshold`, `MachineDetectionSilenceTimeout`.
const SPEECH_END_MS: u64 = 1_200;
const LONG_SPEECH_MS: u64 = 2_400;
const MACHINE_SILENCE_MS: u64 = 5_000;
/// How long a person's "¿Bueno?" is taken to be.
const HELLO_MS: u64 = 600;

/// What happens when a number is rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pickup {
    /// A person answers.
    Answers {
        /// After ringing for so long, in milliseconds.
        after_ms: u64,
    },
    /// The line is busy.
    Busy,
    /// It rings until the call's timeout.
    NoAnswer,
    /// The number can't be reached.
    Failed {
        /// The SIP answer (404: no such number).
        sip: u16,
    },
    /// An answering machine answers, speaks its greeting and records.
    Machine {
        /// After ringing for so long, in milliseconds.
        after_ms: u64,
        /// How long its greeting is, in milliseconds.
        greeting_ms: u64,
        /// Whether it beeps behind the greeting.
        beep: bool,
    },
}

/// What the answering-machine detection finds, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Twilio's word: `human`, `machine_start`, `machine_end_beep`, `machine_end_silence`, `fax`, `unknown`, …
    pub answered_by: String,
    /// After the answer, in milliseconds.
    pub after_ms: u64,
}

/// Who is reached at a number.
#[derive(Clone)]
pub struct PersonPlan {
    /// Whether and when the call is answered.
    pub pickup: Pickup,
    /// What the person does from the answer on.
    pub script: Arc<PreparedScript>,
    /// How the person understands who rings.
    pub listener: Option<Arc<dyn Listener>>,
    /// Who watches the person's call.
    pub observer: Option<mpsc::Sender<CallEvent>>,
    /// When the media socket of the person's call is cut; for calls that the REST API makes.
    pub cuts: Vec<Cut>,
    /// What the detection finds, right or wrong; none: the truth, as fast as Twilio's defaults find it.
    pub verdict: Option<Verdict>,
}

impl PersonPlan {
    /// Somebody who answers and follows a script.
    pub fn answers(after_ms: u64, script: Arc<PreparedScript>) -> Self {
        Self {
            pickup: Pickup::Answers { after_ms },
            script,
            listener: None,
            observer: None,
            cuts: Vec::new(),
            verdict: None,
        }
    }

    /// Somebody who answers, and listens without a word until the other side hangs up (a minute at most).
    pub fn silent(after_ms: u64) -> Self {
        Self::answers(after_ms, Arc::new(PreparedScript::silence(SILENT_MS)))
    }

    /// A machine: greeting, beep, a minute of recording.
    pub fn machine(after_ms: u64, greeting_ms: u64, beep: bool) -> Self {
        let script = PreparedScript::machine(greeting_ms, beep, RECORDS_MS);
        Self {
            pickup: Pickup::Machine {
                after_ms,
                greeting_ms,
                beep,
            },
            ..Self::answers(after_ms, Arc::new(script))
        }
    }

    /// The line is busy.
    pub fn busy() -> Self {
        Self {
            pickup: Pickup::Busy,
            ..Self::silent(0)
        }
    }

    /// Nobody answers.
    pub fn no_answer() -> Self {
        Self {
            pickup: Pickup::NoAnswer,
            ..Self::silent(0)
        }
    }

    /// The number can't be reached (SIP 404).
    pub fn failed() -> Self {
        Self {
            pickup: Pickup::Failed { sip: 404 },
            ..Self::silent(0)
        }
    }

    /// What the detection finds; `to_end` waits for the end of a machine's greeting (`DetectMessageEnd`).
    pub(crate) fn detect(&self, to_end: bool) -> Verdict {
        if let Some(verdict) = &self.verdict {
            return verdict.clone();
        }
        let (answered_by, after_ms) = match self.pickup {
            Pickup::Machine {
                greeting_ms,
                beep: true,
                ..
            } if to_end => ("machine_end_beep", greeting_ms + crate::lines::BEEP_MS),
            Pickup::Machine { greeting_ms, .. } if to_end => ("machine_end_silence", greeting_ms + MACHINE_SILENCE_MS),
            // A greeting that is shorter than that sounds like a person's.
            Pickup::Machine { greeting_ms, .. } if greeting_ms < LONG_SPEECH_MS => {
                ("human", greeting_ms + SPEECH_END_MS)
            }
            Pickup::Machine { .. } => ("machine_start", LONG_SPEECH_MS),
            _ => ("human", HELLO_MS + SPEECH_END_MS),
        };
        Verdict {
            answered_by: answered_by.to_owned(),
            after_ms,
        }
    }
}

/// Who is reached where.
#[derive(Default)]
pub(crate) struct PhoneBook {
    people: HashMap<String, PersonPlan>,
    default: Option<PersonPlan>,
}

impl PhoneBook {
    /// Says who is reached at a number; none: at every number that isn't in the book.
    pub(crate) fn put(&mut self, number: Option<&str>, person: PersonPlan) {
        match number {
            Some(number) => {
                self.people.insert(number.to_owned(), person);
            }
            None => self.default = Some(person),
        }
    }

    /// Who is reached: without a plan somebody who answers after two seconds and says nothing.
    pub(crate) fn find(&self, number: &str) -> PersonPlan {
        let planned = self.people.get(number).or(self.default.as_ref());
        planned.cloned().unwrap_or_else(|| PersonPlan::silent(2_000))
    }
}

/// E.164: a plus sign and up to fifteen digits, the first of which isn't zero.
pub(crate) fn is_number(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|digit| digit.is_ascii_digit())
    })
}

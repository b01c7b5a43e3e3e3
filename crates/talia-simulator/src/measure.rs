//! What a call felt like: answer latencies, reactions to interruptions, steadiness of the audio. Pure: takes the time.

use serde::Serialize;

use crate::{caller::SpeechKind, play_out::Arrival};

/// Without a `clear`, a server has yielded once it has been silent for this long, in milliseconds.
const YIELD_SILENCE_MS: f64 = 200.0;

/// One answer's delay, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AnswerLatency {
    /// When the caller's last voiced frame was sent, on the call's clock.
    pub speech_end_ms: f64,
    /// From there to the arrival of the first audible audio.
    pub received_ms: f64,
    /// From there to the moment when the caller heard it.
    pub played_ms: f64,
}

/// All figures of a call; times in milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Measurements {
    /// Until the voice webhook was answered.
    pub webhook_ms: Option<f64>,
    /// Until the media socket was upgraded, by stream.
    pub handshake_ms: Vec<f64>,
    /// Of every turn of the caller that was answered.
    pub answers: Vec<AnswerLatency>,
    /// Turns of the caller that ended while the assistant was speaking, so that no latency exists.
    pub overlapped_turns: u64,
    /// From the caller's first voiced frame over the assistant to `clear`.
    pub barge_in_to_clear_ms: Vec<f64>,
    /// From the caller's first voiced frame over the assistant to silence, where no `clear` came.
    pub barge_in_to_silence_ms: Vec<f64>,
    /// Audio queued when each media message arrived.
    pub outbound_lead_ms: Vec<f64>,
    /// How much later than the steadiest schedule each media message arrived.
    pub outbound_lateness_ms: Vec<f64>,
    /// Change of that lateness from message to message.
    pub outbound_jitter_ms: Vec<f64>,
    /// Times the queue ran dry inside speech.
    pub underruns: Vec<crate::play_out::Underrun>,
    /// Audio received, in milliseconds, and media messages.
    pub outbound_audio_ms: u64,
    /// Media messages received.
    pub outbound_messages: u64,
    /// Media messages sent.
    pub inbound_messages: u64,
    /// How late the simulator's own ticks were: large values make the run invalid.
    pub own_lateness_ms: Vec<f64>,
}

/// The shape of many figures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Distribution {
    /// How many.
    pub count: usize,
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Largest.
    pub max: f64,
}

impl Distribution {
    /// Of the given values, by the nearest rank; all zero for none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let rank = |percent: f64| {
            let index = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
            sorted.get(index.saturating_sub(1)).copied().unwrap_or_default()
        };
        Self {
            count: sorted.len(),
            p50: rank(50.0),
            p95: rank(95.0),
            p99: rank(99.0),
            max: sorted.last().copied().unwrap_or_default(),
        }
    }
}

impl std::fmt::Display for Distribution {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            out,
            "p50 {:.1}  p95 {:.1}  p99 {:.1}  max {:.1}  (n={})",
            self.p50, self.p95, self.p99, self.max, self.count
        )
    }
}

/// The server's reaction to an interruption.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Yielded {
    /// After the caller's first voiced frame, in milliseconds.
    pub after_ms: f64,
    /// By `clear`, or by falling silent.
    pub cleared: bool,
}

#[derive(Debug, Clone, Copy)]
struct Awaited {
    speech_end_ms: f64,
    received_ms: Option<f64>,
}

/// Takes the times of a call; all methods take them on the call's clock, in milliseconds.
#[derive(Debug, Default)]
pub struct Stopwatch {
    /// The figures so far.
    pub figures: Measurements,
    awaited: Option<Awaited>,
    barge_in_ms: Option<f64>,
    last_audible_ms: f64,
}

impl Stopwatch {
    /// The caller's first frame of a line is sent.
    pub fn caller_began(&mut self, now_ms: f64, kind: SpeechKind, over_assistant: bool) {
        if matches!(kind, SpeechKind::Say | SpeechKind::Interrupt) {
            self.awaited = None;
            self.barge_in_ms = over_assistant.then_some(now_ms);
        }
    }

    /// The caller's last frame of a line was sent at `end_ms`.
    pub fn caller_ended(&mut self, end_ms: f64, kind: SpeechKind, over_assistant: bool) {
        if !matches!(kind, SpeechKind::Say | SpeechKind::Interrupt) {
            return;
        }
        if over_assistant {
            self.figures.overlapped_turns += 1;
        } else {
            self.awaited = Some(Awaited {
                speech_end_ms: end_ms,
                received_ms: None,
            });
        }
    }

    /// A media message arrived.
    pub fn received(&mut self, now_ms: f64, audible: bool, arrival: Arrival) {
        self.figures.outbound_messages += 1;
        self.figures.outbound_lead_ms.push(arrival.lead_ms);
        self.figures.outbound_lateness_ms.push(arrival.lateness_ms);
        self.figures.outbound_jitter_ms.extend(arrival.jitter_ms);
        self.figures.underruns.extend(arrival.underrun);
        if let Some(awaited) = &mut self.awaited
            && audible
        {
            awaited.received_ms.get_or_insert(now_ms);
        }
    }

    /// A frame was played that began at `began_ms`. Returns the latency when it is the first of an answer.
    pub fn played(&mut self, began_ms: f64, audible: bool) -> Option<AnswerLatency> {
        if !audible {
            return None;
        }
        self.last_audible_ms = began_ms + 20.0;
        let Awaited {
            speech_end_ms,
            received_ms: Some(received_ms),
        } = self.awaited?
        else {
            return None;
        };
        self.awaited = None;
        let latency = AnswerLatency {
            speech_end_ms,
            received_ms: received_ms - speech_end_ms,
            // A frame is played on the tick's grid: it can't be heard before it came.
            played_ms: began_ms.max(received_ms) - speech_end_ms,
        };
        self.figures.answers.push(latency);
        Some(latency)
    }

    /// A `clear` arrived.
    pub fn cleared(&mut self, now_ms: f64) -> Option<Yielded> {
        let after_ms = now_ms - self.barge_in_ms.take()?;
        self.figures.barge_in_to_clear_ms.push(after_ms);
        Some(Yielded {
            after_ms,
            cleared: true,
        })
    }

    /// Time passes: finds that the server fell silent without a `clear`.
    pub fn tick(&mut self, now_ms: f64) -> Option<Yielded> {
        let began_ms = self.barge_in_ms?;
        let silent_since = self.last_audible_ms.max(began_ms);
        if now_ms - silent_since < YIELD_SILENCE_MS {
            return None;
        }
        self.barge_in_ms = None;
        let after_ms = silent_since - began_ms;
        self.figures.barge_in_to_silence_ms.push(after_ms);
        Some(Yielded {
            after_ms,
            cleared: false,
        })
    }
}

//! Time outside of streams: the call's 20 ms frames while a verb plays, waits or asks for a document.

use std::future::Future;

use talia_audio::{
    frame::{FRAME, FRAME_SAMPLES, MulawFrame},
    level::mulaw_rms_dbfs,
    mulaw,
};
use talia_twilio::CallStatus;
use tokio::time::{Duration, Instant, sleep_until};

use crate::{
    assistant_ear::{AUDIBLE_DBFS, Edge},
    call::{Call, Control, Flow},
    caller::{Act, SpeechKind},
    events::{EndedBy, Side, What},
};

/// A frame of silence.
pub(crate) const SILENCE: MulawFrame = [mulaw::SILENCE; FRAME_SAMPLES];

/// What a caller hears, as far as it matters to who listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// Nothing, or tones of the network, which nobody takes for speech.
    Network,
    /// The server's document.
    Document,
    /// A person who is joined; what that person says is written down at that end.
    Person,
}

/// Frames from now on.
pub(crate) struct Grid {
    began: Instant,
    frames: u32,
    until: Option<Instant>,
    /// Whether updates, limits and the caller's leaving are left for later.
    deaf: bool,
}

impl Grid {
    /// Frames for so many milliseconds; none: without end.
    pub(crate) fn new(ms: Option<u64>) -> Self {
        let began = Instant::now();
        Self {
            began,
            frames: 0,
            until: ms.map(|ms| began + Duration::from_millis(ms)),
            deaf: false,
        }
    }

    /// How many frames have passed.
    pub(crate) fn frames(&self) -> usize {
        self.frames as usize
    }
}

/// What comes next in a grid.
pub(crate) enum Tick {
    /// A frame that ends at this time of the call, in milliseconds.
    Frame(u64),
    /// The grid's time is over.
    Over,
    /// Something else governs the call.
    End(Flow),
}

/// What the caller did in a frame.
pub(crate) struct Frame {
    pub(crate) voice: MulawFrame,
    pub(crate) left: bool,
}

impl Call {
    /// Waits for the next frame.
    pub(crate) async fn tick(&mut self, grid: &mut Grid) -> Tick {
        loop {
            let next = grid.began + FRAME * (grid.frames + 1);
            let limit = self.at(self.limit_at_ms);
            let leaves = self.hang_up_at_ms.map(|ms| self.at(ms));
            let mut wake = next.min(grid.until.unwrap_or(next));
            if !grid.deaf {
                wake = wake.min(limit).min(leaves.unwrap_or(limit));
            }
            let deaf = grid.deaf;
            tokio::select! {
                biased;
                Some(control) = self.control.recv(), if !deaf => match control {
                    // There is no socket to cut.
                    Control::CutSocket { .. } => continue,
                    other => return Tick::End(self.controlled(other)),
                },
                heard = self.phone.news() => {
                    if let Some(text) = heard {
                        self.log(What::Heard { text });
                    }
                    continue;
                }
                () = sleep_until(wake) => {}
            }
            if !deaf && leaves.is_some_and(|leaves| leaves <= wake) {
                return Tick::End(Flow::End(EndedBy::Caller));
            }
            if !deaf && limit <= wake {
                return Tick::End(Flow::End(EndedBy::TimeLimit));
            }
            if wake < next {
                return Tick::Over;
            }
            grid.frames += 1;
            return Tick::Frame((next - self.origin).as_millis() as u64);
        }
    }

    /// Lives one frame: the caller hears something, and does what the script says once the call is answered.
    pub(crate) fn frame(&mut self, call_ms: u64, heard: &MulawFrame, source: Source) -> Frame {
        if self.status != CallStatus::InProgress || self.hung_up {
            return Frame {
                voice: SILENCE,
                left: self.hung_up,
            };
        }
        match source {
            Source::Network => {
                self.hear(&SILENCE, call_ms);
            }
            Source::Document => self.hear(heard, call_ms),
            Source::Person => {
                self.phone.hear(heard, call_ms);
            }
        }
        let (voice, acts) = self.phone.speak(heard, call_ms);
        if self.settings.keep_audio {
            self.recording.push(call_ms, &voice, heard);
        }
        let audible = source != Source::Network && mulaw_rms_dbfs(heard) >= AUDIBLE_DBFS;
        for act in acts {
            match act {
                Act::Press(digit) => {
                    self.journal.write(call_ms, What::Key { digit });
                    self.keys.push_back(digit);
                }
                // There is no socket that could fail.
                Act::DropSocket { .. } => {}
                Act::HangUp => self.hung_up = true,
                other => self.speech(other, call_ms, (call_ms as f64, audible)),
            }
        }
        Frame {
            voice,
            left: self.hung_up,
        }
    }

    /// Writes down what the caller says; `audible`: over somebody's voice.
    pub(crate) fn speech(&mut self, act: Act, call_ms: u64, (exact_ms, audible): (f64, bool)) {
        match act {
            Act::Began { kind, text } => {
                self.stopwatch.caller_began(exact_ms, kind, audible);
                self.phone.speaks_since_ms = Some(call_ms);
                let what = What::SpeechBegin {
                    side: Side::Caller,
                    kind: Some(kind),
                    text: Some(text),
                };
                self.journal.write(call_ms, what);
            }
            Act::Ended { kind } => {
                self.stopwatch.caller_ended(exact_ms - 20.0, kind, audible);
                if matches!(kind, SpeechKind::Say | SpeechKind::Interrupt) {
                    self.phone.new_turn();
                }
                let what = What::SpeechEnd {
                    side: Side::Caller,
                    from_ms: self.phone.speaks_since_ms.take().unwrap_or(call_ms),
                    to_ms: call_ms.saturating_sub(20),
                };
                self.journal.write(call_ms, what);
            }
            Act::Listen { request } => self.phone.listen(request),
            Act::Fault(fault) => {
                self.journal.write(call_ms, What::Script(fault.clone()));
                self.phone.failed(fault);
            }
            Act::Press(_) | Act::HangUp | Act::DropSocket { .. } => {}
        }
    }

    /// Takes the frame that the caller has just heard of the server or its documents.
    pub(crate) fn hear(&mut self, heard: &[u8], call_ms: u64) {
        let (edge, audible) = self.phone.hear(heard, call_ms);
        match edge {
            Some(Edge::Began { at_ms }) => self.journal.write(
                at_ms,
                What::SpeechBegin {
                    side: Side::Assistant,
                    kind: None,
                    text: None,
                },
            ),
            Some(Edge::Ended { from_ms, to_ms }) => self.journal.write(
                call_ms,
                What::SpeechEnd {
                    side: Side::Assistant,
                    from_ms,
                    to_ms,
                },
            ),
            None => {}
        }
        if let Some(latency) = self.stopwatch.played(call_ms as f64 - 20.0, audible) {
            let what = What::Answered {
                received_ms: latency.received_ms,
                played_ms: latency.played_ms,
            };
            self.journal.write(call_ms, what);
        }
        if let Some(yielded) = self.stopwatch.tick(call_ms as f64) {
            let what = What::Yielded {
                after_ms: yielded.after_ms,
                cleared: yielded.cleared,
            };
            self.journal.write(call_ms, what);
        }
    }

    /// Lets time pass in silence, unless an update, the time limit or the caller comes first.
    pub(crate) async fn pass(&mut self, ms: u64) -> Flow {
        self.play(&[], ms, Source::Network).await
    }

    /// The same while samples are heard.
    pub(crate) async fn play(&mut self, samples: &[i16], ms: u64, source: Source) -> Flow {
        let mut grid = Grid::new(Some(ms));
        loop {
            match self.tick(&mut grid).await {
                Tick::Over => return Flow::Next,
                Tick::End(flow) => return flow,
                Tick::Frame(call_ms) => {
                    let heard = frame_of(samples, grid.frames() - 1);
                    if self.frame(call_ms, &heard, source).left {
                        return Flow::End(EndedBy::Caller);
                    }
                }
            }
        }
    }

    /// Does something beside the call, whose caller waits in silence; whatever happens meanwhile counts afterwards.
    pub(crate) async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> T {
        if self.status != CallStatus::InProgress {
            return work.await;
        }
        tokio::pin!(work);
        let mut grid = Grid::new(None);
        grid.deaf = true;
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                tick = self.tick(&mut grid) => if let Tick::Frame(call_ms) = tick {
                    self.frame(call_ms, &SILENCE, Source::Network);
                },
            }
        }
    }

    fn at(&self, ms: u64) -> Instant {
        self.origin + Duration::from_millis(ms)
    }
}

/// A frame of samples, counted from 0; silence behind their end.
pub(crate) fn frame_of(samples: &[i16], index: usize) -> MulawFrame {
    let mut frame = SILENCE;
    let rest = samples.get(index * FRAME_SAMPLES..).unwrap_or_default();
    for (byte, sample) in frame.iter_mut().zip(rest) {
        *byte = mulaw::encode(*sample);
    }
    frame
}

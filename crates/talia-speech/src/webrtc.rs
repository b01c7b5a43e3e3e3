//! The WebRTC voice detector (mode 3): no model, a microsecond a step, coarser than Silero.
//!
//! Its binding can't be moved between threads, so one thread owns the detectors of all streams.

use crate::error::EngineError;
use crate::vad::{VoiceDetector, VoiceProbability};
use std::collections::HashMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;
use webrtc_vad::{SampleRate, Vad, VadMode};

const ENGINE: &str = "WebRTC VAD";
/// Samples a step: 20 ms.
pub const STEP: usize = 160;
/// Requests that may wait; every stream has at most one under way and then waits itself.
const QUEUE: usize = 64;

enum Request {
    Open { stream: u64, answers: SyncSender<bool> },
    Step { stream: u64, samples: Box<[i16; STEP]> },
    Reset { stream: u64 },
    Close { stream: u64 },
}

/// The thread of detectors, shared by all streams; it ends with the last of them.
#[derive(Debug, Clone)]
pub struct WebRtcVad {
    requests: SyncSender<Request>,
    next: std::sync::Arc<std::sync::atomic::AtomicU64>,
}

impl WebRtcVad {
    /// Starts the thread.
    pub fn start() -> Result<Self, EngineError> {
        let (requests, queue) = sync_channel(QUEUE);
        thread::Builder::new()
            .name("webrtc-vad".to_owned())
            .spawn(move || serve(&queue))
            .map_err(|error| EngineError::load(ENGINE)(error.to_string()))?;
        Ok(Self {
            requests,
            next: std::sync::Arc::default(),
        })
    }

    /// A detector for one call.
    pub fn stream(&self) -> Result<WebRtcStream, EngineError> {
        let stream = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let (sender, answers) = sync_channel(1);
        let opened = WebRtcStream {
            requests: self.requests.clone(),
            answers,
            stream,
            step: [0; STEP],
            filled: 0,
            end: 0,
        };
        opened.send(Request::Open {
            stream,
            answers: sender,
        })?;
        Ok(opened)
    }
}

fn serve(queue: &Receiver<Request>) {
    let mut streams: HashMap<u64, (Vad, SyncSender<bool>)> = HashMap::new();
    for request in queue {
        match request {
            Request::Open { stream, answers } => {
                let vad = Vad::new_with_rate_and_mode(SampleRate::Rate8kHz, VadMode::VeryAggressive);
                streams.insert(stream, (vad, answers));
            }
            Request::Step { stream, samples } => {
                if let Some((vad, answers)) = streams.get_mut(&stream) {
                    // 160 samples at 8 kHz are a length the detector takes, so this can't fail.
                    let voiced = vad.is_voice_segment(&samples[..]).unwrap_or(false);
                    // One request at a time: the channel of one always has room; a stream that is gone closes next.
                    let _ = answers.try_send(voiced);
                }
            }
            Request::Reset { stream } => {
                if let Some((vad, _)) = streams.get_mut(&stream) {
                    *vad = Vad::new_with_rate_and_mode(SampleRate::Rate8kHz, VadMode::VeryAggressive);
                }
            }
            Request::Close { stream } => {
                streams.remove(&stream);
            }
        }
    }
}

/// One call's detector.
#[derive(Debug)]
pub struct WebRtcStream {
    requests: SyncSender<Request>,
    answers: Receiver<bool>,
    stream: u64,
    step: [i16; STEP],
    filled: usize,
    end: u64,
}

impl WebRtcStream {
    fn send(&self, request: Request) -> Result<(), EngineError> {
        self.requests
            .send(request)
            .map_err(|_| EngineError::run(ENGINE)("su hilo terminó".to_owned()))
    }
}

impl VoiceDetector for WebRtcStream {
    fn step(&self) -> Duration {
        Duration::from_millis(20)
    }

    fn push(&mut self, samples: &[i16], verdicts: &mut Vec<VoiceProbability>) -> Result<(), EngineError> {
        for sample in samples {
            self.step[self.filled] = *sample;
            self.filled += 1;
            if self.filled < STEP {
                continue;
            }
            self.filled = 0;
            self.end += STEP as u64;
            self.send(Request::Step {
                stream: self.stream,
                samples: Box::new(self.step),
            })?;
            let voiced = self
                .answers
                .recv()
                .map_err(|_| EngineError::run(ENGINE)("su hilo terminó".to_owned()))?;
            verdicts.push(VoiceProbability {
                probability: if voiced { 1.0 } else { 0.0 },
                end: self.end,
            });
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.filled = 0;
        self.end = 0;
        // A thread that is gone shows at the next step.
        let _ = self.send(Request::Reset { stream: self.stream });
    }
}

impl Drop for WebRtcStream {
    fn drop(&mut self) {
        let _ = self.send(Request::Close { stream: self.stream });
    }
}

//! One media stream of a call: 20 ms ticks on absolute deadlines between the caller, the line and the server.

use std::{borrow::Cow, collections::VecDeque, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use talia_audio::{
    frame::{FRAME, FRAME_SAMPLES},
    level::mulaw_rms_dbfs,
};
use talia_twilio::{
    StreamSid,
    error_codes::StreamCode,
    media::{self, Inbound, Track},
};
use tokio::time::{Instant, sleep_until};

use crate::{
    assistant_ear::AUDIBLE_DBFS,
    call::{Call, Control},
    caller::{Act, SpeechKind},
    events::What,
    line::{Fate, PacketPath},
    media_socket::MediaSocket,
    play_out::{PlayOut, PlayOutSettings},
    twiml::StreamNoun,
};

/// The assistant is still being heard if its last audible frame ended this long ago, in milliseconds.
const AUDIBLE_NOW_MS: u64 = 100;

/// How a stream ended.
#[derive(Debug)]
pub(crate) enum StreamEnd {
    /// The server closed the socket, or it broke.
    Server(StreamCode, Option<u16>),
    /// The plan made the socket fail.
    Dropped,
    /// The caller hung up.
    CallerHungUp,
    /// A REST update.
    Rest(Control),
    /// The call has lasted too long.
    TimeLimit,
}

/// A frame of the caller's line on its way.
pub(crate) struct Packet {
    pub(crate) due_ms: u64,
    pub(crate) chunk: u64,
    pub(crate) timestamp_ms: u64,
    pub(crate) payload: String,
    pub(crate) fate: Fate,
}

/// The carrier's end of an open stream.
pub(crate) struct Stream<'a> {
    pub(crate) call: &'a mut Call,
    pub(crate) socket: MediaSocket,
    pub(crate) sid: StreamSid,
    origin: Instant,
    /// The stream's beginning on the call's clock, in milliseconds.
    pub(crate) offset_ms: u64,
    ticks: u64,
    pub(crate) sequence: u64,
    pub(crate) play_out: PlayOut,
    packet_path: PacketPath,
    packets: VecDeque<Packet>,
    pub(crate) overtaken: Option<String>,
    /// The reused frame of what was heard.
    heard: Vec<u8>,
}

impl<'a> Stream<'a> {
    /// Says `connected` and `start` on a socket that was just opened.
    pub(crate) fn start(call: &'a mut Call, socket: MediaSocket, sid: StreamSid, noun: &StreamNoun) -> Self {
        let origin = Instant::now();
        let offset_ms = call.now_ms();
        let packet_path = PacketPath::new(&call.conditions);
        call.streams += 1;
        let mut stream = Self {
            call,
            socket,
            sid,
            origin,
            offset_ms,
            ticks: 0,
            sequence: 0,
            play_out: PlayOut::new(PlayOutSettings::default()),
            packet_path,
            packets: VecDeque::new(),
            overtaken: None,
            heard: Vec::with_capacity(FRAME_SAMPLES),
        };
        stream.send(&Inbound::Connected {
            protocol: "Call".into(),
            version: "1.0.0".into(),
        });
        stream.announce(noun);
        stream
    }

    /// Runs until one side ends it.
    pub(crate) async fn run(mut self) -> StreamEnd {
        loop {
            let tick_at = self.origin + FRAME * (self.ticks as u32 + 1);
            let step = tokio::select! {
                biased;
                () = sleep_until(tick_at) => self.tick(tick_at),
                control = self.call.control.recv() => match control {
                    Some(Control::CutSocket { abrupt }) => Some(self.cut(abrupt)),
                    control => control.map(StreamEnd::Rest),
                },
                arrived = self.socket.next() => self.arrived(arrived),
                heard = self.call.phone.news() => {
                    if let Some(text) = heard {
                        self.call.log(What::Heard { text });
                    }
                    None
                }
            };
            if let Some(end) = step {
                return self.finish(end).await;
            }
        }
    }

    /// One frame of 20 ms.
    fn tick(&mut self, tick_at: Instant) -> Option<StreamEnd> {
        self.ticks += 1;
        let now_ms = self.ticks * 20;
        let call_ms = self.offset_ms + now_ms;
        let actual_ms = self.since_origin(Instant::now());
        let lateness = Instant::now().saturating_duration_since(tick_at);
        self.call.stopwatch.figures.own_lateness_ms.push(milliseconds(lateness));
        if call_ms >= self.call.limit_at_ms {
            return Some(StreamEnd::TimeLimit);
        }
        if self.call.hang_up_at_ms.is_some_and(|at_ms| call_ms >= at_ms) {
            return Some(StreamEnd::CallerHungUp);
        }
        let mut heard = std::mem::take(&mut self.heard);
        heard.clear();
        for echo in self.play_out.advance(now_ms, &mut heard) {
            self.echo(echo);
        }
        self.call.hear(&heard, call_ms);
        let (frame, acts) = self.call.phone.speak(&heard, call_ms);
        if self.call.settings.keep_audio {
            self.call.recording.push(call_ms, &frame, &heard);
        }
        self.heard = heard;
        let mut end = None;
        for act in acts {
            end = end.or(self.act(act, call_ms, self.offset_ms as f64 + actual_ms));
        }
        if end.is_none()
            && let Some(abrupt) = self.due_cut(now_ms, call_ms)
        {
            end = Some(self.cut(abrupt));
        }
        let (due_ms, fate) = self.packet_path.decide(now_ms);
        self.packets.push_back(Packet {
            due_ms,
            chunk: self.ticks,
            timestamp_ms: now_ms - 20,
            payload: STANDARD.encode(frame),
            fate,
        });
        while self.packets.front().is_some_and(|packet| packet.due_ms <= now_ms) {
            if let Some(packet) = self.packets.pop_front() {
                self.release(&packet);
            }
        }
        end
    }

    fn act(&mut self, act: Act, call_ms: u64, exact_ms: f64) -> Option<StreamEnd> {
        match act {
            Act::Began { kind, .. } => {
                let scene = self.call.phone.scene(call_ms);
                // A turn taken in the assistant's silence interrupts nothing, however short the silence.
                let audible = scene
                    .last_audible_ms
                    .is_some_and(|audible| call_ms - audible <= AUDIBLE_NOW_MS);
                let over = audible || (kind == SpeechKind::Interrupt && scene.speaking) || self.play_out.holds_speech();
                self.call.speech(act, call_ms, (exact_ms, over));
            }
            Act::Ended { .. } => {
                let heard_now = mulaw_rms_dbfs(&self.heard) >= AUDIBLE_DBFS;
                let over = heard_now || self.play_out.holds_speech();
                self.call.speech(act, call_ms, (exact_ms, over));
            }
            Act::Press(digit) => {
                self.call.journal.write(call_ms, What::Key { digit });
                let sequence_number = self.next_sequence();
                let stream_sid = self.sid.clone();
                self.send(&Inbound::Dtmf(media::Dtmf {
                    sequence_number,
                    stream_sid: Cow::Borrowed(stream_sid.as_str()),
                    track: Track::Inbound,
                    digit,
                }));
            }
            Act::HangUp => {
                self.call.hung_up = true;
                return Some(StreamEnd::CallerHungUp);
            }
            Act::DropSocket { abrupt } => return Some(self.cut(abrupt)),
            Act::Listen { .. } | Act::Fault(_) => self.call.speech(act, call_ms, (exact_ms, false)),
        }
        None
    }

    pub(crate) fn since_origin(&self, at: Instant) -> f64 {
        milliseconds(at.saturating_duration_since(self.origin))
    }

    async fn finish(mut self, end: StreamEnd) -> StreamEnd {
        if self.call.settings.log_marks && self.play_out.pending_marks() > 0 {
            tracing::debug!(
                marks = self.play_out.pending_marks(),
                "the stream ended before its marks"
            );
        }
        let stop = matches!(end, StreamEnd::CallerHungUp | StreamEnd::Rest(_) | StreamEnd::TimeLimit);
        if stop {
            let sequence_number = self.next_sequence();
            let sid = self.sid.clone();
            let message = Inbound::Stop(media::Stop {
                sequence_number,
                stream_sid: Cow::Borrowed(sid.as_str()),
                account_sid: self.call.settings.account_sid.clone(),
                call_sid: self.call.sid.clone(),
            });
            self.send(&message);
        }
        let abrupt = self.call.drop_abruptly;
        let (code, how) = match &end {
            StreamEnd::Server(_, code) => (*code, "closed by the server"),
            StreamEnd::Dropped if self.call.settings.breaks_unseen => {
                self.call.left_open.push(self.socket);
                (None, "lost by the network, unseen by the server")
            }
            StreamEnd::Dropped if abrupt => {
                self.socket.abort().await;
                (None, "reset by the network")
            }
            StreamEnd::Dropped => (self.socket.close().await, "closed by the network"),
            StreamEnd::CallerHungUp => (self.socket.close().await, "the caller hung up"),
            StreamEnd::Rest(_) => (self.socket.close().await, "a REST update"),
            StreamEnd::TimeLimit => (self.socket.close().await, "the time limit"),
        };
        self.call.log(What::StreamEnd { code, how });
        end
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

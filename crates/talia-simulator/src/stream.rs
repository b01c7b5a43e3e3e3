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
    media::{self, Inbound, Media, MediaFormat, Outbound, Track},
};
use tokio::time::{Instant, sleep_until};

use crate::{
    assistant_ear::{AUDIBLE_DBFS, Edge},
    call::{Call, Control},
    caller::{Act, SpeechKind},
    events::{Side, What},
    line::{Fate, PacketPath},
    media_socket::{Arrived, MediaSocket},
    play_out::{Echo, PlayOut, PlayOutSettings},
    twiml::StreamNoun,
};

/// Twilio's buffer is full (reported for more than ten minutes of audio).
const BUFFER_OVERFLOW: u16 = 31_931;

/// How a stream ended.
#[derive(Debug)]
pub(crate) enum StreamEnd {
    /// The server closed the socket, or it broke.
    Server(StreamCode, Option<u16>),
    /// The script made the socket fail.
    Dropped,
    /// The caller hung up.
    CallerHungUp,
    /// A REST update.
    Rest(Control),
    /// The call has lasted too long.
    TimeLimit,
}

struct Packet {
    due_ms: u64,
    chunk: u64,
    timestamp_ms: u64,
    payload: String,
    fate: Fate,
}

/// The carrier's end of an open stream.
pub(crate) struct Stream<'a> {
    call: &'a mut Call,
    socket: MediaSocket,
    sid: StreamSid,
    origin: Instant,
    /// The stream's beginning on the call's clock, in milliseconds.
    offset_ms: u64,
    ticks: u64,
    sequence: u64,
    play_out: PlayOut,
    packet_path: PacketPath,
    packets: VecDeque<Packet>,
    overtaken: Option<String>,
    /// The reused frame of what was heard.
    heard: Vec<u8>,
}

impl<'a> Stream<'a> {
    /// Says `connected` and `start` on a socket that was just opened.
    pub(crate) fn start(call: &'a mut Call, socket: MediaSocket, sid: StreamSid, noun: &StreamNoun) -> Self {
        let origin = Instant::now();
        let offset_ms = call.now_ms();
        let packet_path = PacketPath::new(&call.conditions);
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
        let sequence_number = stream.next_sequence();
        let start = media::Start {
            sequence_number,
            stream_sid: stream.sid.clone(),
            account_sid: stream.call.settings.account_sid.clone(),
            call_sid: stream.call.sid.clone(),
            tracks: vec![Track::Inbound],
            custom_parameters: noun.parameters.iter().cloned().collect(),
            media_format: MediaFormat::mulaw_8k(),
        };
        stream.send(&Inbound::Start(Box::new(start)));
        stream
    }

    /// Runs until one side ends it.
    pub(crate) async fn run(mut self) -> StreamEnd {
        loop {
            let tick_at = self.origin + FRAME * (self.ticks as u32 + 1);
            let step = tokio::select! {
                biased;
                () = sleep_until(tick_at) => self.tick(tick_at),
                control = self.call.control.recv() => control.map(StreamEnd::Rest),
                arrived = self.socket.next() => self.arrived(arrived),
                heard = self.call.understood.recv() => {
                    self.understood(heard);
                    None
                }
                live = next_live(&mut self.call.live) => {
                    self.call.caller.live(live);
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
        if call_ms >= self.call.settings.max_call_ms {
            return Some(StreamEnd::TimeLimit);
        }
        let mut heard = std::mem::take(&mut self.heard);
        heard.clear();
        for echo in self.play_out.advance(now_ms, &mut heard) {
            self.echo(echo);
        }
        self.hear(&heard, call_ms);
        let mut voice = [0; FRAME_SAMPLES];
        let scene = self.call.ear.scene(call_ms);
        let acts = self.call.caller.tick(call_ms, scene, &mut voice);
        self.call.voice_path.played(&heard);
        let frame = self.call.voice_path.carry(&voice);
        if self.call.settings.keep_audio {
            self.call.recording.push(call_ms, &frame, &heard);
        }
        self.heard = heard;
        let mut end = None;
        for act in acts {
            end = end.or(self.act(act, call_ms, self.offset_ms as f64 + actual_ms));
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
                self.release(packet);
            }
        }
        end
    }

    /// Takes the frame that the caller has just heard.
    fn hear(&mut self, heard: &[u8], call_ms: u64) {
        let (edge, audible) = self.call.ear.hear(heard, call_ms);
        match edge {
            Some(Edge::Began { at_ms }) => self.call.journal.write(
                at_ms,
                What::SpeechBegin {
                    side: Side::Assistant,
                    kind: None,
                    text: None,
                },
            ),
            Some(Edge::Ended { from_ms, to_ms }) => self.call.journal.write(
                call_ms,
                What::SpeechEnd {
                    side: Side::Assistant,
                    from_ms,
                    to_ms,
                },
            ),
            None => {}
        }
        if let Some(latency) = self.call.stopwatch.played(call_ms as f64 - 20.0, audible) {
            let what = What::Answered {
                received_ms: latency.received_ms,
                played_ms: latency.played_ms,
            };
            self.call.journal.write(call_ms, what);
        }
        if let Some(yielded) = self.call.stopwatch.tick(call_ms as f64) {
            let what = What::Yielded {
                after_ms: yielded.after_ms,
                cleared: yielded.cleared,
            };
            self.call.journal.write(call_ms, what);
        }
    }

    fn act(&mut self, act: Act, call_ms: u64, exact_ms: f64) -> Option<StreamEnd> {
        match act {
            Act::Began { kind, text } => {
                let over = self.call.ear.scene(call_ms).speaking || self.play_out.holds_speech();
                self.call.stopwatch.caller_began(exact_ms, kind, over);
                self.call.speech_began_ms = call_ms;
                let what = What::SpeechBegin {
                    side: Side::Caller,
                    kind: Some(kind),
                    text: Some(text),
                };
                self.call.journal.write(call_ms, what);
            }
            Act::Ended { kind } => {
                let heard_now = mulaw_rms_dbfs(&self.heard) >= AUDIBLE_DBFS;
                let over = heard_now || self.play_out.holds_speech();
                self.call.stopwatch.caller_ended(exact_ms - 20.0, kind, over);
                if matches!(kind, SpeechKind::Say | SpeechKind::Interrupt) {
                    self.call.ear.new_turn();
                }
                let what = What::SpeechEnd {
                    side: Side::Caller,
                    from_ms: self.call.speech_began_ms,
                    to_ms: call_ms.saturating_sub(20),
                };
                self.call.journal.write(call_ms, what);
            }
            Act::Listen { request } => self.call.listen(request),
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
            Act::HangUp => return Some(StreamEnd::CallerHungUp),
            Act::DropSocket { abrupt } => {
                self.call.drop_abruptly = abrupt;
                return Some(StreamEnd::Dropped);
            }
            Act::Fault(fault) => {
                self.call.journal.write(call_ms, What::Script(fault.clone()));
                self.call.script_fault.get_or_insert(fault);
            }
        }
        None
    }

    fn understood(&mut self, heard: Option<(u64, Result<String, crate::listener::ListenerFault>)>) {
        let Some((request, result)) = heard else { return };
        let text = match result {
            Ok(text) => text,
            Err(fault) => {
                // Understood as nothing, so that the script goes on to its "otherwise".
                self.call.listener_faults.push(fault.0);
                String::new()
            }
        };
        self.call.log(What::Heard { text: text.clone() });
        self.call.caller.understood(request, text);
    }

    fn arrived(&mut self, arrived: Arrived) -> Option<StreamEnd> {
        match arrived {
            Arrived::Text(at, text) => self.message(at, &text),
            Arrived::Binary(_) => self.warn(StreamCode::BinaryMessage.code(), "a binary message"),
            Arrived::Over(closure) => return Some(StreamEnd::Server(closure.code, closure.close_code)),
        }
        None
    }

    fn message(&mut self, at: Instant, text: &str) {
        let now_ms = self.since_origin(at);
        match media::read_outbound(text, self.sid.as_str()) {
            Ok(Outbound::Media(audio)) => {
                let audible = mulaw_rms_dbfs(&audio) >= AUDIBLE_DBFS;
                let audio_ms = audio.len() as u64 / 8;
                match self.play_out.media(audio, now_ms) {
                    Ok(mut arrival) => {
                        if let Some(underrun) = &mut arrival.underrun {
                            underrun.at_ms += self.offset_ms;
                            let what = What::Underrun {
                                gap_ms: underrun.gap_ms,
                            };
                            self.call.journal.write(underrun.at_ms, what);
                        }
                        self.call.stopwatch.figures.outbound_audio_ms += audio_ms;
                        self.call
                            .stopwatch
                            .received(self.offset_ms as f64 + now_ms, audible, arrival);
                    }
                    Err(overfull) => self.warn(BUFFER_OVERFLOW, &overfull.to_string()),
                }
            }
            Ok(Outbound::Mark(name)) => {
                if self.call.settings.log_marks {
                    self.call.log(What::Mark {
                        name: name.clone().into_owned(),
                    });
                }
                if let Some(echo) = self.play_out.mark(name.into_owned()) {
                    self.echo(echo);
                }
            }
            Ok(Outbound::Clear) => {
                let (dropped_ms, echoes) = self.play_out.clear();
                self.call.log(What::Clear { dropped_ms });
                if let Some(yielded) = self.call.stopwatch.cleared(self.offset_ms as f64 + now_ms) {
                    self.call.log(What::Yielded {
                        after_ms: yielded.after_ms,
                        cleared: yielded.cleared,
                    });
                }
                for echo in echoes {
                    self.echo(echo);
                }
            }
            Err(error) => self.warn(error.code().code(), &error.to_string()),
        }
    }

    fn echo(&mut self, echo: Echo) {
        let sequence_number = self.next_sequence();
        let sid = self.sid.clone();
        self.send(&Inbound::Mark(media::Mark {
            sequence_number,
            stream_sid: Cow::Borrowed(sid.as_str()),
            name: Cow::Borrowed(&echo.name),
        }));
        if self.call.settings.log_marks {
            self.call.log(What::MarkEchoed {
                name: echo.name,
                played: echo.played,
            });
        }
    }

    fn release(&mut self, packet: Packet) {
        let sequence_number = self.next_sequence();
        if packet.fate == Fate::Lost {
            return;
        }
        let mut text = String::with_capacity(FRAME_SAMPLES * 3);
        let message = Inbound::Media(Media {
            sequence_number,
            stream_sid: Cow::Borrowed(self.sid.as_str()),
            track: Track::Inbound,
            chunk: packet.chunk,
            timestamp_ms: packet.timestamp_ms,
            payload: Cow::Borrowed(&packet.payload),
        });
        media::write_inbound(&mut text, &message);
        self.call.stopwatch.figures.inbound_messages += 1;
        match packet.fate {
            Fate::Overtaken => {
                if let Some(earlier) = self.overtaken.replace(text) {
                    self.send_text(earlier);
                }
                return;
            }
            Fate::Doubled => self.send_text(text.clone()),
            Fate::Arrives | Fate::Lost => {}
        }
        self.send_text(text);
        if let Some(earlier) = self.overtaken.take() {
            self.send_text(earlier);
        }
    }

    fn send(&mut self, message: &Inbound<'_>) {
        let mut text = String::new();
        media::write_inbound(&mut text, message);
        self.send_text(text);
    }

    fn send_text(&mut self, text: String) {
        // A full queue means that the server has stopped reading: the socket's task ends the stream for it (31903).
        if !self.socket.send(text) {
            self.call.unsent_messages += 1;
        }
    }

    fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    fn warn(&mut self, code: u16, detail: &str) {
        self.call.warn(code, detail);
    }

    fn since_origin(&self, at: Instant) -> f64 {
        milliseconds(at.saturating_duration_since(self.origin))
    }

    async fn finish(mut self, end: StreamEnd) -> StreamEnd {
        if self.call.settings.log_marks && self.play_out.pending_marks() > 0 {
            tracing::debug!(marks = self.play_out.pending_marks(), "the stream ended before its marks");
        }
        let stop = matches!(
            end,
            StreamEnd::CallerHungUp | StreamEnd::Rest(_) | StreamEnd::TimeLimit
        );
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

/// A call without live input, or behind its end, waits for ever here.
async fn next_live(live: &mut Option<tokio::sync::mpsc::Receiver<crate::caller::LiveInput>>) -> Option<crate::caller::LiveInput> {
    match live {
        Some(receiver) => {
            let input = receiver.recv().await;
            if input.is_none() {
                *live = None;
            }
            input
        }
        None => std::future::pending().await,
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

//! What Twilio sends on a stream, in its exact shapes: `start`, the line's packets, echoes of marks.

use std::borrow::Cow;

use talia_audio::frame::FRAME_SAMPLES;
use talia_twilio::{
    CallSid,
    media::{self, Inbound, Media, MediaFormat, Track},
};

use crate::{
    events::What,
    line::Fate,
    play_out::Echo,
    stream::{Packet, Stream},
    tamper::Tamper,
    twiml::StreamNoun,
};

impl Stream<'_> {
    /// Says `start`, as honestly as the plan asks.
    pub(crate) fn announce(&mut self, noun: &StreamNoun) {
        let tampers = std::mem::take(&mut self.call.tampers);
        let times = if tampers.contains(&Tamper::NoStart) {
            0
        } else {
            1 + usize::from(tampers.contains(&Tamper::SecondStart))
        };
        for _ in 0..times {
            let mut start = media::Start {
                sequence_number: self.next_sequence(),
                stream_sid: self.sid.clone(),
                account_sid: self.call.settings.account_sid.clone(),
                call_sid: self.call.sid.clone(),
                tracks: vec![Track::Inbound],
                custom_parameters: noun.parameters.iter().cloned().collect(),
                media_format: MediaFormat::mulaw_8k(),
            };
            if tampers.contains(&Tamper::WrongCodec) {
                "audio/l16".clone_into(&mut start.media_format.encoding);
                start.media_format.sample_rate = 16_000;
            }
            if tampers.contains(&Tamper::ForeignCall) {
                start.call_sid = CallSid::from_bits(crate::carrier::random_bits());
            }
            self.send(&Inbound::Start(Box::new(start)));
        }
        for tamper in &tampers {
            match tamper {
                Tamper::Text(text) => self.send_text(text.clone()),
                Tamper::Binary(bytes) => {
                    self.call.unsent_messages += u64::from(!self.socket.send_binary(bytes.clone()));
                }
                _ => {}
            }
        }
        // The next stream of this call is no more honest.
        self.call.tampers = tampers;
    }

    pub(crate) fn echo(&mut self, echo: Echo) {
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

    pub(crate) fn release(&mut self, packet: &Packet) {
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

    pub(crate) fn send(&mut self, message: &Inbound<'_>) {
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

    pub(crate) fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }
}

//! From Twilio's messages to the call's events: frames of 20 ms, gaps filled, repetitions dropped. Pure.

use super::LineEvent;
use crate::telemetry::labels::BadFrame;
use std::collections::VecDeque;
use talia_audio::frame::{FRAME_SAMPLES, MulawFrame};
use talia_audio::mulaw;
use talia_twilio::media::{self, Inbound, Media, MediaError, Track};
use talia_twilio::sequence::{Arrival, FRAME_MS, Order, Position, Tracker};

/// Silence put in for one gap: a second. What is missing beyond that is not worth transcribing as a pause.
const LONGEST_FILL: u32 = 50;
/// Our own marks are far shorter.
const LONGEST_MARK: usize = 64;
/// Samples in a millisecond.
const SAMPLES_PER_MS: usize = 8;

/// Reads one stream.
pub(super) struct Uplink {
    stream_sid: String,
    tracker: Tracker,
    audio: Vec<u8>,
    /// Samples that don't fill a frame yet, should Twilio ever send other sizes than 160.
    rest: Vec<u8>,
    /// How many frames of silence the last message put in.
    filled: u32,
}

impl Uplink {
    /// Reads on behind a `start` with this sequence number.
    pub(super) fn new(stream_sid: String, start_sequence: u64) -> Self {
        Self {
            stream_sid,
            tracker: Tracker::new(start_sequence, LONGEST_FILL),
            audio: Vec::with_capacity(FRAME_SAMPLES),
            rest: Vec::with_capacity(FRAME_SAMPLES),
            filled: 0,
        }
    }

    /// Frames of silence that the last message put in.
    pub(super) fn filled(&self) -> u32 {
        self.filled
    }

    /// Takes one message and appends what it means; `Err` names why it was skipped.
    pub(super) fn take(&mut self, text: &str, events: &mut VecDeque<LineEvent>) -> Result<(), BadFrame> {
        self.filled = 0;
        match media::parse(text).map_err(reason)? {
            Inbound::Media(media) => self.media(&media, events),
            Inbound::Mark(mark) => {
                self.place(&mark.stream_sid, mark.sequence_number)?;
                if mark.name.len() > LONGEST_MARK {
                    return Err(BadFrame::Value);
                }
                events.push_back(LineEvent::Mark(mark.name.into_owned()));
                Ok(())
            }
            Inbound::Dtmf(dtmf) => {
                self.place(&dtmf.stream_sid, dtmf.sequence_number)?;
                events.push_back(LineEvent::Digit(dtmf.digit));
                Ok(())
            }
            Inbound::Stop(stop) => {
                self.place(&stop.stream_sid, stop.sequence_number)?;
                events.push_back(LineEvent::Stopped);
                Ok(())
            }
            Inbound::Start(_) => Err(BadFrame::SecondStart),
            Inbound::Connected { .. } => Err(BadFrame::Repeated),
            Inbound::Unknown(_) => Err(BadFrame::UnknownEvent),
        }
    }

    fn place(&mut self, stream_sid: &str, sequence_number: u64) -> Result<(), BadFrame> {
        if stream_sid != self.stream_sid {
            return Err(BadFrame::Stream);
        }
        match self.tracker.message(sequence_number) {
            Order::Next | Order::Gap { .. } => Ok(()),
            Order::Duplicate | Order::Late | Order::Implausible => Err(BadFrame::Repeated),
        }
    }

    fn media(&mut self, media: &Media<'_>, events: &mut VecDeque<LineEvent>) -> Result<(), BadFrame> {
        if media.stream_sid != self.stream_sid {
            return Err(BadFrame::Stream);
        }
        if media.track != Track::Inbound {
            return Err(BadFrame::Track);
        }
        media::decode_payload(&media.payload, &mut self.audio).map_err(reason)?;
        let arrival = self.tracker.media(Position {
            sequence_number: media.sequence_number,
            chunk: media.chunk,
            timestamp_ms: media.timestamp_ms,
            duration_ms: (self.audio.len() / SAMPLES_PER_MS) as u64,
        });
        match arrival {
            Arrival::Next | Arrival::ClockBack { .. } => {}
            Arrival::AfterGap { silence_frames, .. } => self.fill(silence_frames, media.timestamp_ms, events),
            Arrival::Duplicate | Arrival::Late | Arrival::Implausible => return Err(BadFrame::Repeated),
        }
        self.frames(media.timestamp_ms, events);
        Ok(())
    }

    fn fill(&mut self, frames: u32, until_ms: u64, events: &mut VecDeque<LineEvent>) {
        self.filled = frames;
        for before in (1..=u64::from(frames)).rev() {
            events.push_back(LineEvent::Media {
                payload: [mulaw::SILENCE; FRAME_SAMPLES],
                timestamp_ms: until_ms.saturating_sub(before * FRAME_MS),
            });
        }
    }

    fn frames(&mut self, timestamp_ms: u64, events: &mut VecDeque<LineEvent>) {
        if self.rest.is_empty()
            && let Ok(payload) = MulawFrame::try_from(self.audio.as_slice())
        {
            events.push_back(LineEvent::Media { payload, timestamp_ms });
            return;
        }
        let mut begins_ms = timestamp_ms.saturating_sub((self.rest.len() / SAMPLES_PER_MS) as u64);
        self.rest.extend_from_slice(&self.audio);
        let (frames, _) = self.rest.as_chunks::<FRAME_SAMPLES>();
        let whole = frames.len() * FRAME_SAMPLES;
        for frame in frames {
            events.push_back(LineEvent::Media {
                payload: *frame,
                timestamp_ms: begins_ms,
            });
            begins_ms += FRAME_MS;
        }
        self.rest.drain(..whole);
    }
}

fn reason(error: MediaError) -> BadFrame {
    match error {
        MediaError::PayloadNotBase64 | MediaError::PayloadTooLarge => BadFrame::Base64,
        MediaError::UnknownTrack => BadFrame::Track,
        MediaError::BadDigit => BadFrame::Value,
        _ => BadFrame::Json,
    }
}

#[cfg(test)]
mod tests;

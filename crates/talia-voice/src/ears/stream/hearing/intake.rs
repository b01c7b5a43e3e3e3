//! What the engine says: its words become places in the caller's audio and go to the transcript.

use super::super::Position;
use super::super::open_stream::Stream;
use super::super::protocol::{Heard, Piece};
use super::super::transcript::{Settled, Word};
use super::link::Link;
use super::{Hearing, Order};
use crate::ears::EarEvent;
use crate::providers::{Fault, Received};
use std::ops::Range;
use std::time::Duration;

/// Messages of one stream that can't be read, before it is given up.
const MALFORMED: u32 = 8;

impl Hearing {
    /// A message of the stream to this engine.
    pub fn message(&mut self, now: Duration, engine: usize, message: &Received) {
        let Link::Open(stream) = &mut self.link else { return };
        if stream.engine != engine {
            return;
        }
        match message {
            Received::Text(text) => stream.protocol.receive(text, &mut self.heard),
            Received::Binary(_) => self.heard.push(Heard::Unknown),
            Received::Closed(code) => {
                let fault = stream.protocol.closed(*code);
                self.disconnected(now, engine, fault);
                return;
            }
        }
        self.take_in(now);
        self.answer(now);
    }

    pub(super) fn take_in(&mut self, now: Duration) {
        let heard = std::mem::take(&mut self.heard);
        for heard in heard {
            let Link::Open(stream) = &mut self.link else { return };
            let engine = stream.engine;
            if matches!(heard, Heard::Running(_) | Heard::Final(_))
                && let Some(from) = stream.resumed_at.take()
            {
                // What an earlier stream was still unsure about is heard again.
                self.transcript.run(from, Vec::new());
            }
            match heard {
                Heard::Ready => stream.ready(now),
                Heard::Running(piece) => {
                    let (span, words) = placed(stream, piece);
                    stream.heard_to = stream.heard_to.max(span.end);
                    self.transcript.run(span.start, words);
                    self.report_partial();
                }
                Heard::Final(piece) => {
                    let (span, words) = placed(stream, piece);
                    stream.heard_to = stream.heard_to.max(span.end);
                    self.roster.succeeded();
                    if !std::mem::replace(&mut stream.has_worked, true) {
                        self.orders.push_back(Order::Worked(engine));
                    }
                    if self.transcript.settle(span, words) == Settled::New {
                        self.report_partial();
                    }
                }
                Heard::Finalized { to } => {
                    let to = stream.map.call_end(to);
                    stream.finalized_to = stream.finalized_to.max(to);
                }
                Heard::TurnEnded { to, confidence } => {
                    stream.turn_end = Some((stream.map.call_end(to), confidence));
                    self.answer_ends();
                }
                Heard::Failed(fault) => self.give_up(now, fault),
                Heard::Nothing => {}
                Heard::Unknown => self.orders.push_back(Order::Unknown(engine)),
                Heard::Malformed => {
                    stream.malformed += 1;
                    if stream.malformed > MALFORMED {
                        self.give_up(now, Fault::malformed("the engine says what can't be read"));
                    } else {
                        self.orders.push_back(Order::Unknown(engine));
                    }
                }
            }
        }
    }

    fn report_partial(&mut self) {
        let Some(turn) = &mut self.turn else { return };
        let text = self.transcript.text(&(turn.from..Position::MAX));
        if !text.is_empty() && text != turn.partial {
            turn.partial.clone_from(&text);
            let turn = turn.id;
            self.report(EarEvent::Partial { turn, text });
        }
    }
}

/// A piece of a stream as a piece of the caller's audio.
fn placed(stream: &Stream, piece: Piece) -> (Range<Position>, Vec<Word>) {
    let map = &stream.map;
    let words = piece.words.into_iter().map(|word| Word {
        from: map.call(word.from),
        to: map.call_end(word.to),
        text: word.text,
    });
    let words = words.collect();
    (map.call(piece.span.start)..map.call_end(piece.span.end), words)
}

//! Where in the caller's audio a place of a stream lies: streams begin late, skip silence and are replayed.

use super::Position;
use std::collections::VecDeque;

/// Runs that are remembered; results never reach further back.
const RUNS: usize = 64;

#[derive(Debug, Clone, Copy)]
struct Run {
    /// Where it begins in the stream.
    stream: u64,
    /// Where it begins in the caller's audio.
    call: Position,
}

/// What was sent on one stream, in order.
#[derive(Debug, Default)]
pub struct AudioMap {
    runs: VecDeque<Run>,
    end: u64,
}

impl AudioMap {
    /// Notes that `bytes` of the caller's audio from `call` on were sent.
    pub fn push(&mut self, call: Position, bytes: u64) {
        if self.runs.is_empty() || self.call_end(self.end) != call {
            if self.runs.len() == RUNS {
                self.runs.pop_front();
            }
            self.runs.push_back(Run { stream: self.end, call });
        }
        self.end += bytes;
    }

    /// Bytes sent so far.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Where the byte at `stream` comes from. What lies outside of what was sent counts as its nearest end.
    pub fn call(&self, stream: u64) -> Position {
        let stream = stream.min(self.end);
        let run = self.runs.iter().rev().find(|run| run.stream <= stream);
        match run.or(self.runs.front()) {
            Some(run) => run.call + stream.saturating_sub(run.stream),
            None => 0,
        }
    }

    /// Where something ends that ends before the byte at `stream`: at the seam of two runs, with the first one.
    pub fn call_end(&self, stream: u64) -> Position {
        // An engine may name a place before it was sent anything.
        match stream.min(self.end) {
            0 => self.call(0),
            stream => self.call(stream - 1) + 1,
        }
    }
}

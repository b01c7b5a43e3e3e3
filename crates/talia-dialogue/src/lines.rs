//! The order of the transcript: a line whose words are still being written down holds up those behind it.

use crate::{Entry, Moment, Output, TurnId, ledger};
use std::collections::VecDeque;
use std::time::Duration;

/// Lines behind one that waits; more than any wait can bring, so that nothing grows without end.
const MOST: usize = 64;

#[derive(Debug)]
enum Line {
    Ready(Entry),
    /// The caller spoke, and somebody has understood it; its words come later.
    Due {
        turn: TurnId,
        since: Moment,
        began: Moment,
        ended: Moment,
    },
}

/// The lines that are not handed out yet, in order.
#[derive(Debug, Default)]
pub(crate) struct Lines(VecDeque<Line>);

impl Lines {
    /// The next line.
    pub(crate) fn push(&mut self, entry: Entry) {
        self.0.push_back(Line::Ready(entry));
        if self.0.len() > MOST {
            // The words of the first are given up; what waited behind it goes out.
            self.0.pop_front();
        }
    }

    /// The next line is the caller's, from `span.0` to `span.1`; its words are still to come.
    pub(crate) fn owe(&mut self, turn: TurnId, since: Moment, span: (Moment, Moment)) {
        let (began, ended) = span;
        self.0.push_back(Line::Due {
            turn,
            since,
            began,
            ended,
        });
    }

    /// The words of a turn came, perhaps none; `false` when nobody waits for them.
    pub(crate) fn written(&mut self, of: TurnId, text: &str) -> bool {
        let due = |line: &Line| matches!(line, Line::Due { turn, .. } if *turn == of);
        let Some(place) = self.0.iter().position(due) else {
            return false;
        };
        let Line::Due { began, ended, .. } = self.0[place] else {
            return false;
        };
        if text.trim().is_empty() {
            self.0.remove(place);
        } else {
            self.0[place] = Line::Ready(ledger::caller(text, began, ended));
        }
        true
    }

    /// Hands out every line that nothing holds up.
    pub(crate) fn flush(&mut self, out: &mut VecDeque<Output>) {
        while let Some(line) = self.0.pop_front() {
            match line {
                Line::Ready(entry) => out.push_back(Output::Transcript(entry)),
                due @ Line::Due { .. } => {
                    self.0.push_front(due);
                    return;
                }
            }
        }
    }

    /// The same at the end of the call: nothing is waited for.
    pub(crate) fn finish(&mut self, out: &mut VecDeque<Output>) {
        self.0.retain(|line| matches!(line, Line::Ready(_)));
        self.flush(out);
    }

    /// Drops lines whose words have not come for `patience`.
    pub(crate) fn give_up(&mut self, now: Moment, patience: Duration) {
        self.0
            .retain(|line| !matches!(line, Line::Due { since, .. } if *since + patience <= now));
    }

    /// When the first line is given up.
    pub(crate) fn due_at(&self, patience: Duration) -> Option<Moment> {
        let since = |line: &Line| match line {
            Line::Due { since, .. } => Some(*since),
            Line::Ready(_) => None,
        };
        self.0.iter().filter_map(since).min().map(|since| since + patience)
    }

    /// Whether no words are waited for.
    pub(crate) fn none_due(&self) -> bool {
        !self.0.iter().any(|line| matches!(line, Line::Due { .. }))
    }
}

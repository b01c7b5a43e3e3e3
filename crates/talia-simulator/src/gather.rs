//! `<Gather>`: what is said while keys are awaited, the keys, and the action that is told of them.

use crate::{
    call::{Call, Flow},
    events::{EndedBy, Purpose},
    fields,
    passing::{Grid, Source, Tick, frame_of},
    twiml::{Gather, Target},
    webhook::Method,
};

/// Keys that were taken so far.
pub(crate) struct Keys<'a> {
    gather: &'a Gather,
    digits: String,
    finished: Option<char>,
}

impl<'a> Keys<'a> {
    pub(crate) fn new(gather: &'a Gather) -> Self {
        Self {
            gather,
            digits: String::new(),
            finished: None,
        }
    }

    /// Takes a key; true when it was the last.
    pub(crate) fn take(&mut self, key: char) -> bool {
        if self.gather.finish_on_key == Some(key) {
            self.finished = Some(key);
            return true;
        }
        self.digits.push(key);
        self.complete()
    }

    pub(crate) fn any(&self) -> bool {
        !self.digits.is_empty() || self.finished.is_some()
    }

    /// Whether there will be no more.
    fn complete(&self) -> bool {
        self.finished.is_some() || self.gather.num_digits.is_some_and(|wanted| self.digits.len() >= wanted)
    }

    /// What the action is told; none: it isn't asked, and the next verb runs.
    pub(crate) fn told(self) -> Option<fields::Fields> {
        if self.digits.is_empty() && !self.gather.action_on_empty {
            return None;
        }
        let mut told = fields::pairs([("Digits", self.digits.as_str()), ("msg", "Gather End")]);
        if let Some(key) = self.finished {
            told.push(("FinishedOnKey".to_owned(), key.to_string()));
        }
        Some(told)
    }
}

impl Gather {
    /// Where the digits go.
    pub(crate) fn target(&self, base: &str) -> Target {
        self.action.as_ref().map_or_else(
            || Target {
                url: base.to_owned(),
                method: Method::Post,
            },
            |action| action.from(base),
        )
    }
}

impl Call {
    pub(crate) async fn gather(&mut self, gather: &Gather, base: &str) -> Flow {
        let mut keys = Keys::new(gather);
        // Keys that were pressed before it aren't meant for it.
        self.keys.clear();
        for verb in &gather.verbs {
            let (samples, ms, times) = self.sound(verb, base).await;
            for _ in 0..times {
                if keys.any() || ms == 0 {
                    break;
                }
                match self.gather_while(&mut keys, &samples, ms).await {
                    Flow::Next => {}
                    other => return other,
                }
            }
        }
        let timeout_ms = gather.timeout_s * 1_000;
        let mut more = !keys.complete();
        while more {
            let before = keys.digits.len();
            match self.gather_while(&mut keys, &[], timeout_ms).await {
                Flow::Next => {}
                other => return other,
            }
            // A key begins the wait anew.
            more = keys.digits.len() > before && !keys.complete();
        }
        match keys.told() {
            Some(told) => Flow::Fetch(Purpose::Action, gather.target(base), told),
            None => Flow::Next,
        }
    }

    /// Plays until a key comes or the time is over.
    async fn gather_while(&mut self, keys: &mut Keys<'_>, samples: &[i16], ms: u64) -> Flow {
        let mut grid = Grid::new(Some(ms));
        let source = if samples.is_empty() {
            Source::Network
        } else {
            Source::Document
        };
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
            let mut pressed = false;
            while let Some(key) = self.keys.pop_front() {
                if keys.gather.keys {
                    pressed = true;
                    if keys.take(key) {
                        return Flow::Next;
                    }
                }
            }
            if pressed {
                return Flow::Next;
            }
        }
    }
}

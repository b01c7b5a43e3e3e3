//! The requests of a turn: sent as the race orders, ended, paid for, and what they report.

use super::generation::Generation;
use super::mind::{LlmBrain, Sent};
use super::model::{Asked, News, Report};
use super::race::{AttemptId, Order};
use super::request::{Delta, Request, Tokens};
use crate::brain::{Thought, Usage};
use crate::providers::Fault;
use std::sync::Arc;
use talia_dialogue::CueId;

/// What became of a generation.
enum Fate {
    Stalled(usize),
    Lost,
}

impl LlmBrain {
    fn start(&mut self, attempt: AttemptId, link: usize, request: &Arc<Request>) {
        let Some(model) = self.models.get(link).cloned() else {
            return;
        };
        let threads = self.threads.entry(link).or_default();
        let fits = |thread: &super::responses::Thread| thread.missing(&request.items).is_some();
        // It comes back with the whole answer, or the service and we no longer agree.
        let thread = threads.current.take().filter(fits).or_else(|| threads.spare.take());
        let asked = Asked {
            attempt,
            request: request.clone(),
            thread,
        };
        let (reporter, closed) = (self.reporter.clone(), self.reporter.clone());
        let task = self.tasks.spawn(async move {
            tokio::select! {
                () = closed.closed() => {}
                () = model.answer(asked, reporter) => {}
            }
        });
        let sent = Sent {
            link,
            cue: self.turn.as_ref().map_or(CueId(0), |turn| turn.cue),
            at: self.clock.elapsed(),
            useful: false,
            input: request.estimated_tokens(),
            task: task.abort_handle(),
        };
        self.sent.insert(attempt, sent);
    }

    /// Ends a request. What it has read costs money all the same.
    pub(super) fn cancel(&mut self, attempt: AttemptId) {
        let Some(sent) = self.sent.remove(&attempt) else { return };
        sent.task.abort();
        let tokens = Tokens {
            input: sent.input,
            ..Tokens::default()
        };
        self.used(&sent, tokens, true);
        if !sent.useful
            && self.clock.elapsed().saturating_sub(sent.at) >= self.pace.hedge
            && let Some(model) = self.models.get(sent.link)
        {
            model.failed(&Fault::transient("no useful answer in time"));
        }
    }

    fn used(&self, sent: &Sent, tokens: Tokens, estimated: bool) {
        let Some(model) = self.models.get(sent.link) else {
            return;
        };
        let usage = Usage {
            provider: model.name().to_owned(),
            input_tokens: tokens.input,
            cached_tokens: tokens.cached,
            output_tokens: tokens.output,
            estimated,
        };
        self.send(sent.cue, Thought::Used(usage));
    }

    /// Does what the race orders.
    fn execute(&mut self, orders: Vec<Order>, request: &Arc<Request>) -> Option<Fate> {
        let mut fate = None;
        for order in orders {
            match order {
                Order::Start { attempt, link } => self.start(attempt, link, request),
                Order::Cancel(attempt) => self.cancel(attempt),
                Order::Stalled { link } => fate = Some(Fate::Stalled(link)),
                Order::Lost => fate = Some(Fate::Lost),
            }
        }
        fate
    }

    pub(super) fn follow(&mut self, orders: Vec<Order>) {
        let Some(request) = self.generating().map(|generation| generation.request.clone()) else {
            return;
        };
        match self.execute(orders, &request) {
            None => {}
            Some(Fate::Stalled(link)) => self.go_on_without(link),
            Some(Fate::Lost) => self.give_up(),
        }
    }

    pub(super) fn follow_ahead(&mut self, orders: Vec<Order>) {
        let Some(request) = self.ahead.as_ref().map(|ahead| ahead.generation.request.clone()) else {
            return;
        };
        // Nobody waits for it: what fails ahead is asked again when the turn is over.
        if self.execute(orders, &request).is_some() {
            self.ahead = None;
        }
    }

    pub(super) fn generating(&mut self) -> Option<&mut Generation> {
        self.turn.as_mut()?.generation.as_mut()
    }

    pub(super) fn on_report(&mut self, report: Report) {
        let attempt = report.attempt;
        match report.news {
            News::Opened { link, thread } => self.opened(link, thread),
            News::Threaded(thread) => {
                if let Some(sent) = self.sent.get(&attempt) {
                    self.threads.entry(sent.link).or_default().current = Some(thread);
                }
            }
            News::Estimated(tokens) => {
                if let Some(sent) = self.sent.get(&attempt) {
                    self.used(sent, tokens, true);
                }
            }
            News::Delta(Delta::Used(tokens)) => {
                if let Some(sent) = self.sent.get(&attempt) {
                    self.used(sent, tokens, false);
                }
            }
            News::Over => {
                self.sent.remove(&attempt);
            }
            News::Delta(delta) => self.on_news(attempt, delta),
            News::Failed(fault) => self.on_failed(attempt, &fault),
        }
    }

    fn on_news(&mut self, attempt: AttemptId, delta: Delta) {
        let now = self.clock.elapsed();
        let useful = matches!(delta, Delta::Text(_) | Delta::Call(_) | Delta::End);
        if let Some(sent) = self.sent.get_mut(&attempt) {
            sent.useful |= useful;
        }
        if let Some(ahead) = self.ahead.as_mut().filter(|ahead| ahead.generation.race.runs(attempt)) {
            let race = &mut ahead.generation.race;
            let orders = if useful {
                race.useful(now, attempt)
            } else {
                race.lively(now, attempt);
                Vec::new()
            };
            ahead.deltas.push(delta);
            self.follow_ahead(orders);
        } else if let Some(generation) = self.generating().filter(|generation| generation.race.runs(attempt)) {
            if useful {
                let orders = generation.race.useful(now, attempt);
                self.follow(orders);
                self.on_delta(delta);
            } else {
                generation.race.lively(now, attempt);
            }
        }
    }

    fn on_failed(&mut self, attempt: AttemptId, fault: &Fault) {
        let Some(sent) = self.sent.remove(&attempt) else { return };
        if let Some(model) = self.models.get(sent.link) {
            model.failed(fault);
        }
        let now = self.clock.elapsed();
        let again = fault.is_worth_a_retry();
        if let Some(ahead) = self.ahead.as_mut().filter(|ahead| ahead.generation.race.runs(attempt)) {
            let orders = ahead.generation.race.failed(now, attempt, again, &mut self.attempts);
            self.follow_ahead(orders);
        } else if let Some(turn) = &mut self.turn
            && let Some(generation) = &mut turn.generation
        {
            let orders = generation.race.failed(now, attempt, again, &mut self.attempts);
            self.follow(orders);
        }
    }
}

//! Who answers: the first model that says something useful, before a deadline. Pure: time is passed in.
//!
//! One model is asked. When it is slow the next one is asked as well; when it fails the next one is asked at once. The first
//! useful token wins, and everybody else is cancelled: never do two generations reach the caller. A winner that falls
//! silent is cancelled too; whoever goes on is a race of its own.

use std::time::Duration;

/// How long anything may take.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Without a useful token by then, the next model is asked as well.
    pub hedge: Duration,
    /// Without a useful token of anybody by then, the race is lost.
    pub first: Duration,
    /// Between two signs of life of the winner.
    pub between: Duration,
    /// Of one answer, however lively.
    pub whole: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            hedge: Duration::from_secs(2),
            first: Duration::from_secs(4),
            between: Duration::from_millis(1_500),
            whole: Duration::from_secs(25),
        }
    }
}

/// The wait before a model that failed twice is asked again; doubles each time.
const BACK_OFF: Duration = Duration::from_millis(250);

/// One request that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttemptId(pub u32);

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Ask this model, by its place in the chain.
    Start {
        /// The request's name from now on.
        attempt: AttemptId,
        /// Whom.
        link: usize,
    },
    /// Nothing more of this request is wanted.
    Cancel(AttemptId),
    /// The winner has fallen silent, or broken off.
    Stalled {
        /// Who it was.
        link: usize,
    },
    /// Nobody answers.
    Lost,
}

#[derive(Debug)]
struct Running {
    attempt: AttemptId,
    link: usize,
}

/// One race.
#[derive(Debug)]
pub struct Race {
    pace: Pace,
    /// Whom to ask, in this order.
    links: Vec<usize>,
    /// How many of them were asked.
    asked: usize,
    /// Times each of them has failed.
    failures: Vec<u32>,
    began: Duration,
    hedged: bool,
    running: Vec<Running>,
    winner: Option<usize>,
    alive: Duration,
    retry: Option<(Duration, usize)>,
    /// Nobody waits for it yet: no second model is asked, and no deadline runs.
    ahead: bool,
    over: bool,
}

impl Race {
    /// A race between these models at `now`; `ahead` of a turn that may be over.
    pub fn new(pace: Pace, links: Vec<usize>, now: Duration, ahead: bool) -> Self {
        Self {
            pace,
            failures: vec![0; links.len()],
            links,
            asked: 0,
            began: now,
            hedged: false,
            running: Vec::with_capacity(2),
            winner: None,
            alive: now,
            retry: None,
            ahead,
            over: false,
        }
    }

    /// Asks the first one. `next` gives requests their names.
    pub fn begin(&mut self, next: &mut u32) -> Vec<Order> {
        let mut orders = Vec::new();
        self.ask_next(next, &mut orders);
        orders
    }

    /// The turn is over: now somebody waits.
    pub fn is_wanted(&mut self, now: Duration) {
        self.ahead = false;
        // The caller has waited for nobody yet: a model that was slow until now is not the last one asked.
        self.alive = now;
        self.began = self.began.max(now.saturating_sub(self.pace.hedge));
    }

    /// The place in the chain of whoever won.
    pub fn winner(&self) -> Option<usize> {
        self.winner
    }

    /// Whether a request still counts.
    pub fn runs(&self, attempt: AttemptId) -> bool {
        self.running.iter().any(|running| running.attempt == attempt)
    }

    /// The place in the chain of whom a request was sent to.
    pub fn link(&self, attempt: AttemptId) -> Option<usize> {
        let running = self.running.iter().find(|running| running.attempt == attempt);
        running.map(|running| running.link)
    }

    /// A request brought something useful: text, or a whole request for a tool. Whoever brings it first wins.
    pub fn useful(&mut self, now: Duration, attempt: AttemptId) -> Vec<Order> {
        let Some(link) = self.link(attempt) else {
            return Vec::new();
        };
        self.alive = now;
        if self.winner.is_some() {
            return Vec::new();
        }
        self.winner = Some(link);
        self.retry = None;
        let mut orders = Vec::new();
        self.running.retain(|running| {
            let won = running.attempt == attempt;
            if !won {
                orders.push(Order::Cancel(running.attempt));
            }
            won
        });
        orders
    }

    /// The winner is at work on something that can't be used yet.
    pub fn lively(&mut self, now: Duration, attempt: AttemptId) {
        if self.winner.is_some() && self.runs(attempt) {
            self.alive = now;
        }
    }

    /// A request failed; `again`: a second attempt at once has a chance.
    pub fn failed(&mut self, now: Duration, attempt: AttemptId, again: bool, next: &mut u32) -> Vec<Order> {
        let Some(link) = self.link(attempt) else {
            return Vec::new();
        };
        self.running.retain(|running| running.attempt != attempt);
        let mut orders = Vec::new();
        if self.winner.is_some() {
            self.over = true;
            orders.push(Order::Stalled { link });
            return orders;
        }
        let place = self.links.iter().position(|other| *other == link).unwrap_or(0);
        self.failures[place] += 1;
        if self.asked < self.links.len() {
            self.ask_next(next, &mut orders);
        } else if again {
            match self.failures[place] {
                1 => self.ask(link, next, &mut orders),
                times => self.retry = Some((now + BACK_OFF * 2u32.saturating_pow(times - 2).min(16), link)),
            }
        }
        if self.running.is_empty() && self.retry.is_none() {
            self.lose(&mut orders);
        }
        orders
    }

    /// The winner's answer is complete, enough of it is there, or nobody wants it any more.
    /// Answers which requests still run.
    pub fn ended(&mut self) -> Vec<AttemptId> {
        self.over = true;
        self.retry = None;
        self.running.drain(..).map(|running| running.attempt).collect()
    }

    /// What is due at `now`.
    pub fn due(&mut self, now: Duration, next: &mut u32) -> Vec<Order> {
        let mut orders = Vec::new();
        if self.over || self.next_deadline().is_none_or(|at| at > now) {
            return orders;
        }
        if let Some((at, link)) = self.retry
            && at <= now
        {
            self.retry = None;
            self.ask(link, next, &mut orders);
        }
        if self.ahead {
            return orders;
        }
        if let Some(link) = self.winner {
            if now >= self.silent_at() {
                self.over = true;
                orders.extend(self.running.drain(..).map(|running| Order::Cancel(running.attempt)));
                orders.push(Order::Stalled { link });
            }
        } else if now >= self.began + self.pace.first {
            self.lose(&mut orders);
        } else if !self.hedged && now >= self.began + self.pace.hedge {
            self.hedged = true;
            if self.running.len() < 2 && self.asked < self.links.len() {
                self.ask_next(next, &mut orders);
            }
        }
        orders
    }

    /// When [`Self::due`] has to be asked next.
    pub fn next_deadline(&self) -> Option<Duration> {
        if self.over {
            return None;
        }
        let retry = self.retry.map(|(at, _)| at);
        if self.ahead {
            return retry;
        }
        let silence = if self.winner.is_some() {
            self.silent_at()
        } else if self.hedged {
            self.began + self.pace.first
        } else {
            self.began + self.pace.hedge.min(self.pace.first)
        };
        Some(retry.map_or(silence, |at| at.min(silence)))
    }

    fn silent_at(&self) -> Duration {
        (self.alive + self.pace.between).min(self.began + self.pace.whole)
    }

    fn ask_next(&mut self, next: &mut u32, orders: &mut Vec<Order>) {
        let Some(link) = self.links.get(self.asked).copied() else {
            self.lose(orders);
            return;
        };
        self.asked += 1;
        self.ask(link, next, orders);
    }

    fn ask(&mut self, link: usize, next: &mut u32, orders: &mut Vec<Order>) {
        *next += 1;
        let attempt = AttemptId(*next);
        self.running.push(Running { attempt, link });
        orders.push(Order::Start { attempt, link });
    }

    fn lose(&mut self, orders: &mut Vec<Order>) {
        self.over = true;
        self.retry = None;
        orders.extend(self.running.drain(..).map(|running| Order::Cancel(running.attempt)));
        orders.push(Order::Lost);
    }
}

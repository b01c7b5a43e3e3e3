//! What a call takes of each provider, and what that costs: counted as it happens, kept turn by turn.

use crate::brain::Usage;
use crate::config::{Amounts, Prices};
use crate::providers::{Given, Work};
use crate::store::NewUsage;
use crate::telemetry::Metrics;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The name that Twilio's minutes have in the price table.
const LINE: &str = "twilio";

/// Counts for one stream of a call.
#[derive(Debug)]
pub(super) struct Meter {
    call_sid: String,
    stream: i64,
    prices: Prices,
    metrics: Arc<Metrics>,
    by_provider: BTreeMap<String, Taken>,
    /// Wishes of models to use a tool, in all streams of the call: the tools' own count.
    wished: Arc<AtomicU32>,
    /// What ears and mouths were given, as it happens.
    work: Work,
    /// Tokens that count against the call's limit.
    tokens: u64,
}

/// What one provider did so far.
#[derive(Debug, Default)]
struct Taken {
    amounts: Amounts,
    requests: u64,
    /// Audio listened to: the sum of pieces that are no whole milliseconds.
    heard: Duration,
    estimated: bool,
    cost: Option<i64>,
    /// It isn't kept yet.
    fresh: bool,
}

impl Meter {
    /// `wished` is where the call's tools count, `work` where its ears and its mouth do.
    pub(super) fn new(
        (call_sid, stream): (String, i64),
        (prices, metrics): (Prices, Arc<Metrics>),
        (wished, work): (Arc<AtomicU32>, Work),
    ) -> Self {
        Self {
            call_sid,
            stream,
            prices,
            metrics,
            by_provider: BTreeMap::new(),
            wished,
            work,
            tokens: 0,
        }
    }

    /// A model was asked. Answers how many tokens the call has taken, those from caches left out.
    pub(super) fn thought(&mut self, usage: &Usage) -> u64 {
        self.add(&usage.provider, |taken| {
            taken.requests += 1;
            taken.estimated |= usage.estimated;
            taken.amounts.input_tokens += usage.input_tokens;
            taken.amounts.cached_tokens += usage.cached_tokens;
            taken.amounts.output_tokens += usage.output_tokens;
        });
        let tokens = [usage.input_tokens, usage.cached_tokens, usage.output_tokens];
        self.metrics.tokens(&usage.provider, tokens);
        self.tokens += usage.input_tokens.saturating_sub(usage.cached_tokens) + usage.output_tokens;
        self.tokens
    }

    /// Tokens that count against the call's limit.
    pub(super) fn tokens(&self) -> u64 {
        self.tokens
    }

    /// A mouth or ears were given something.
    fn gave(&mut self, provider: &str, given: Given) {
        self.add(provider, |taken| {
            taken.requests += given.texts;
            taken.amounts.characters += given.characters;
            taken.heard += given.audio;
            taken.amounts.heard_ms = taken.heard.as_millis() as u64;
        });
        if given.texts > 0 {
            self.metrics.spoken(provider, given.characters);
        }
        if !given.audio.is_zero() {
            self.metrics.heard(provider, given.audio);
        }
    }

    /// The line was open for so long.
    pub(super) fn line(&mut self, open: Duration) {
        if self.prices.of(LINE).is_some() {
            let given = Given {
                audio: open,
                ..Given::default()
            };
            self.gave(LINE, given);
        }
    }

    fn add(&mut self, provider: &str, add: impl FnOnce(&mut Taken)) {
        let taken = self.by_provider.entry(provider.to_owned()).or_default();
        add(taken);
        taken.fresh = true;
        if let Some(price) = self.prices.of(provider) {
            let cost = price.of(&taken.amounts);
            let more = cost - taken.cost.unwrap_or(0);
            taken.cost = Some(cost);
            self.metrics.cost(provider, more);
        }
    }

    /// What has changed since it was last kept.
    pub(super) fn fresh(&mut self) -> Vec<NewUsage> {
        for (provider, given) in self.work.take() {
            self.gave(&provider, given);
        }
        let tool_calls = i64::from(self.wished.load(Ordering::Relaxed));
        let mut rows = Vec::new();
        for (provider, taken) in &mut self.by_provider {
            if !std::mem::take(&mut taken.fresh) {
                continue;
            }
            rows.push(NewUsage {
                call_sid: self.call_sid.clone(),
                stream: self.stream,
                provider: provider.clone(),
                requests: taken.requests as i64,
                input_tokens: taken.amounts.input_tokens as i64,
                cached_tokens: taken.amounts.cached_tokens as i64,
                output_tokens: taken.amounts.output_tokens as i64,
                characters: taken.amounts.characters as i64,
                heard_ms: taken.amounts.heard_ms as i64,
                estimated: taken.estimated,
                cost_micros: taken.cost,
                tool_calls,
            });
        }
        rows
    }
}

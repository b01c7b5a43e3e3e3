//! From a question to its heard answer: the pieces that are said, the tools, and what is due when.

use super::generation::{Ahead, Generation, Leaving, Turn, same_words};
use super::mind::LlmBrain;
use super::race::{Order, Race};
use super::request::{Delta, Item, Request};
use super::speech::{Piece, Speech};
use crate::brain::prompt::{self, Moment};
use crate::brain::tools::{ToolCall, ToolOutcome};
use crate::brain::{EXCUSE_AFTER, Thought, expect, said_in};
use crate::providers::Fault;
use futures::FutureExt as _;
use futures::stream::FuturesUnordered;
use std::sync::Arc;
use std::time::Duration;
use talia_dialogue::{CueId, SpeechKind, TurnId};

/// How long an answer may be, in tokens: a minute of speech is far more than a turn should have.
const LONGEST_ANSWER: u32 = 500;
/// Generations of one turn whose tools are used: a model that only ever asks for tools is stopped.
const MOST_ROUNDS: u8 = 5;
/// Generations that go on where another one broke off.
const MOST_CONTINUED: u8 = 2;

impl LlmBrain {
    /// Lets the models answer; the caller's words are in the history already.
    pub(super) fn begin_turn(&mut self, cue: CueId, words: &str, note: Option<&'static str>) {
        self.drop_ahead();
        self.enter_turn(cue, words, note);
        // Tools of an answer that nobody wants any more are still at work: what they do decides what is answered.
        if self.late.is_empty() {
            self.generate(None);
        }
    }

    fn enter_turn(&mut self, cue: CueId, words: &str, note: Option<&'static str>) {
        if std::mem::take(&mut self.scripted_turns) {
            self.toolbox.adopt(self.script_lead());
        }
        self.turn = Some(Turn {
            cue,
            words: words.to_owned(),
            note,
            may_wait: note.is_none(),
            generation: None,
            rounds: 0,
            continued: 0,
            silent: Vec::new(),
            said: Vec::new(),
            tools: FuturesUnordered::new(),
            over: false,
            leaves: None,
            expects: None,
            speaks_until: self.clock.elapsed(),
        });
    }

    fn request(&self, items: Vec<Item>, note: Option<&str>) -> Arc<Request> {
        let lead = self.toolbox.lead();
        let moment = Moment {
            now: self.clock.wall(),
            zone: &self.zone,
            lead: &lead,
            caller_number: self.caller_number.as_deref(),
            usted: self.script.is_formal(),
            note,
        };
        Arc::new(Request {
            instructions: self.instructions.clone(),
            items,
            context: prompt::context(&moment, self.assistant.language),
            tools: self.tools.clone(),
            longest: LONGEST_ANSWER,
        })
    }

    fn generation(&self, links: Vec<usize>, request: Arc<Request>, ahead: bool) -> Generation {
        Generation {
            race: Race::new(self.pace, links, self.clock.elapsed(), ahead),
            request,
            speech: Speech::new(self.assistant.language),
            calls: Vec::new(),
            spoke: false,
        }
    }

    /// Asks the models. Without `links`, all that are well.
    fn generate(&mut self, links: Option<Vec<usize>>) {
        let links = links.unwrap_or_else(|| self.models.available());
        let notes = prompt::notes(self.assistant.language);
        let items = self.history.items(notes.cut);
        let Some(turn) = &self.turn else { return };
        let goes_on = turn.continued > 0 && !turn.said.is_empty();
        let note = if goes_on { Some(notes.go_on) } else { turn.note };
        let request = self.request(items, note);
        let mut generation = self.generation(links, request, false);
        let orders = generation.race.begin(&mut self.attempts);
        if let Some(turn) = &mut self.turn {
            turn.generation = Some(generation);
        }
        self.follow(orders);
    }

    /// Begins an answer to words that may be all of a turn.
    pub(super) fn think_ahead(&mut self, turn: TurnId, items: Vec<Item>) {
        let links = self.models.available();
        if links.is_empty() {
            return;
        }
        let request = self.request(items, None);
        let mut generation = self.generation(links, request, true);
        let orders = generation.race.begin(&mut self.attempts);
        self.ahead = Some(Ahead {
            turn,
            generation,
            deltas: Vec::new(),
        });
        self.follow_ahead(orders);
    }

    /// Takes the answer that was made ahead, if it is one to this very question.
    pub(super) fn adopt_ahead(&mut self, cue: CueId, text: &str, note: Option<&'static str>) -> bool {
        let Some(ahead) = self.ahead.take() else { return false };
        let items = self.history.items(prompt::notes(self.assistant.language).cut);
        if note.is_some() || !ahead.fits(&items) {
            self.ahead = Some(ahead);
            return false;
        }
        let Ahead {
            mut generation, deltas, ..
        } = ahead;
        generation.race.is_wanted(self.clock.elapsed());
        for sent in self.sent.values_mut() {
            sent.cue = cue;
        }
        self.enter_turn(cue, text, None);
        if let Some(turn) = &mut self.turn {
            turn.generation = Some(generation);
        }
        for delta in deltas {
            self.on_delta(delta);
        }
        true
    }

    pub(super) fn drop_ahead(&mut self) {
        if let Some(mut ahead) = self.ahead.take() {
            for attempt in ahead.generation.race.ended() {
                self.cancel(attempt);
            }
        }
    }

    /// Nothing more of the present answer is wanted. Tools go on: what they have done has to be known.
    pub(super) fn abandon_turn(&mut self) {
        let Some(turn) = self.turn.take() else { return };
        if let Some(mut generation) = turn.generation {
            for attempt in generation.race.ended() {
                self.cancel(attempt);
            }
        }
        self.late.extend(turn.tools);
    }

    /// A piece of the winner's answer.
    pub(super) fn on_delta(&mut self, delta: Delta) {
        let Some(generation) = self.generating() else { return };
        match delta {
            Delta::Text(text) => {
                let pieces = generation.speech.push(&text);
                self.utter(pieces);
            }
            Delta::Call(call) => generation.calls.push(call),
            Delta::End => {
                let pieces = generation.speech.finish();
                self.utter(pieces);
                self.end_generation();
            }
            Delta::Working | Delta::Used(_) => {}
        }
    }

    fn utter(&mut self, pieces: Vec<Piece>) {
        for piece in pieces {
            match piece {
                Piece::Say(text) => self.utter_one(text),
                Piece::NotYet { thinking } => self.not_yet(thinking),
                Piece::Enough => {
                    if let Some(generation) = self.generating() {
                        for attempt in generation.race.ended() {
                            self.cancel(attempt);
                        }
                        self.end_generation();
                    }
                }
            }
        }
    }

    fn utter_one(&mut self, text: String) {
        let now = self.clock.elapsed();
        let Some(turn) = &mut self.turn else { return };
        // Whoever goes on where another one broke off may begin again.
        if turn.continued > 0 && turn.said.iter().any(|said| same_words(said, &text)) {
            return;
        }
        if let Some(generation) = &mut turn.generation {
            generation.spoke = true;
        }
        turn.said.push(text.clone());
        turn.speaks_until = turn.speaks_until.max(now) + said_in(&text);
        let kind = if turn.leaves == Some(Leaving::Goodbye) {
            SpeechKind::Goodbye
        } else {
            SpeechKind::Answer
        };
        let cue = turn.cue;
        self.history.say(&text);
        self.send(cue, Thought::Say { text, kind });
    }

    /// The model takes the caller's words for unfinished.
    fn not_yet(&mut self, thinking: bool) {
        let Some(turn) = &mut self.turn else { return };
        let first = turn.may_wait && turn.rounds == 0 && turn.said.is_empty();
        let attempts = turn.generation.as_mut().map(|generation| generation.race.ended());
        let cue = turn.cue;
        for attempt in attempts.into_iter().flatten() {
            self.cancel(attempt);
        }
        if first {
            self.turn = None;
            self.waited = Some(cue);
            self.send(cue, Thought::NotYet { thinking });
        } else {
            self.give_up();
        }
    }

    /// The answer is complete.
    fn end_generation(&mut self) {
        let Some(turn) = &mut self.turn else { return };
        let Some(mut generation) = turn.generation.take() else {
            return;
        };
        let winner = generation.race.winner();
        // The task goes on to read what it took.
        generation.race.ended();
        let calls = std::mem::take(&mut generation.calls);
        if calls.is_empty() && turn.said.is_empty() && turn.leaves.is_none() {
            self.answered_nothing(winner);
            return;
        }
        if let Some(model) = winner.and_then(|link| self.models.get(link)) {
            model.succeeded();
        }
        if calls.is_empty() || turn.rounds == MOST_ROUNDS {
            self.end_turn();
        } else {
            turn.rounds += 1;
            self.use_tools(calls);
        }
    }

    fn use_tools(&mut self, calls: Vec<ToolCall>) {
        for call in &calls {
            self.history.call(call);
        }
        for call in calls {
            let id = call.id.clone();
            let outcome = self.toolbox.begin(call).map(|outcome| (id, outcome));
            if let Some(turn) = &self.turn {
                turn.tools.push(outcome.boxed());
            }
        }
    }

    pub(super) fn on_outcome(&mut self, id: String, outcome: ToolOutcome) {
        self.history.output(id, outcome.output);
        for thought in outcome.thoughts {
            self.on_tool_thought(thought);
        }
        let Some(turn) = &mut self.turn else { return };
        turn.over |= outcome.ends_turn;
        if turn.tools.is_empty() {
            self.after_tools();
        }
    }

    fn on_tool_thought(&mut self, thought: Thought) {
        let Some(turn) = &mut self.turn else { return };
        let cue = turn.cue;
        match &thought {
            Thought::Say { text, .. } => {
                turn.said.push(text.clone());
                self.history.say(text);
            }
            Thought::Expect(expectation) => {
                turn.expects = Some(*expectation);
                return;
            }
            Thought::EndCall => turn.leaves = Some(Leaving::Goodbye),
            Thought::Transfer(_) => turn.leaves = Some(Leaving::Transfer),
            _ => {}
        }
        self.send(cue, thought);
    }

    /// All tools of the round are done.
    fn after_tools(&mut self) {
        let Some(turn) = &self.turn else { return };
        if turn.over || turn.leaves.is_some() {
            self.end_turn();
        } else {
            self.generate(None);
        }
    }

    pub(super) fn on_late_outcome(&mut self, id: String, outcome: ToolOutcome) {
        self.history.output(id, outcome.output);
        for thought in outcome.thoughts {
            // The caller has gone on: nothing is said about it, and nobody is hung up on.
            if let Thought::Lead(lead) = thought {
                self.send(CueId(0), Thought::Lead(lead));
            }
        }
        let waits = self
            .turn
            .as_ref()
            .is_some_and(|turn| turn.generation.is_none() && turn.tools.is_empty());
        if self.late.is_empty() && waits {
            self.generate(None);
        }
    }

    /// Everything of this turn is said.
    fn end_turn(&mut self) {
        let Some(turn) = &self.turn else { return };
        let cue = turn.cue;
        // Nobody is left without a word.
        let parting = match turn.leaves {
            Some(Leaving::Goodbye) if turn.said.is_empty() => self
                .script
                .phrase(|lines| Some(&lines.goodbye))
                .map(|text| (text, SpeechKind::Goodbye)),
            Some(Leaving::Transfer) if turn.said.is_empty() => self
                .script
                .phrase(|lines| lines.transfer.as_ref())
                .map(|text| (text, SpeechKind::Answer)),
            _ => None,
        };
        if let Some((text, kind)) = parting {
            self.say_phrase(cue, &text, kind);
        }
        let Some(turn) = self.turn.take() else { return };
        let asked = expect::expected(&turn.said.join(" "), &self.toolbox.lead());
        self.expected = turn.expects.unwrap_or(asked);
        self.scripted = false;
        self.apologised = false;
        self.finish(cue, self.expected);
        self.open_threads();
    }

    /// A model ended without a word or a wish: the next one may know better.
    fn answered_nothing(&mut self, winner: Option<usize>) {
        if let Some(link) = winner {
            if let Some(model) = self.models.get(link) {
                model.failed(&Fault::malformed("an empty answer"));
            }
            self.go_on_without(link);
        } else {
            self.give_up();
        }
    }

    /// Goes on with somebody else where a model broke off.
    pub(super) fn go_on_without(&mut self, link: usize) {
        let Some(turn) = &mut self.turn else { return };
        let broken = turn
            .generation
            .take()
            .map(|mut generation| generation.speech.break_off());
        self.utter(broken.unwrap_or_default());
        let Some(turn) = &mut self.turn else { return };
        turn.silent.push(link);
        turn.continued += 1;
        let others: Vec<usize> = self.models.available();
        let others: Vec<usize> = others
            .into_iter()
            .filter(|other| !turn.silent.contains(other))
            .collect();
        if others.is_empty() || turn.continued > MOST_CONTINUED {
            self.give_up();
        } else {
            self.generate(Some(others));
        }
    }

    /// When something is due.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let ahead = self
            .ahead
            .as_ref()
            .and_then(|ahead| ahead.generation.race.next_deadline());
        let race = self
            .turn
            .as_ref()
            .and_then(|turn| turn.generation.as_ref()?.race.next_deadline());
        [ahead, race, self.excuse_at()].into_iter().flatten().min()
    }

    /// When a tool has to be excused that takes long.
    fn excuse_at(&self) -> Option<Duration> {
        let turn = self
            .turn
            .as_ref()
            .filter(|turn| !turn.tools.is_empty() || !self.late.is_empty())?;
        Some(turn.speaks_until + EXCUSE_AFTER)
    }

    pub(super) fn on_time(&mut self) {
        let now = self.clock.elapsed();
        if let Some(ahead) = &mut self.ahead {
            let orders = ahead.generation.race.due(now, &mut self.attempts);
            self.follow_ahead(orders);
        }
        if let Some(generation) = self.turn.as_mut().and_then(|turn| turn.generation.as_mut()) {
            let orders = generation.race.due(now, &mut self.attempts);
            let stalled = orders.iter().find_map(|order| match order {
                Order::Stalled { link } => Some(*link),
                _ => None,
            });
            if let Some(model) = stalled.and_then(|link| self.models.get(link)) {
                model.failed(&Fault::transient("it fell silent"));
            }
            self.follow(orders);
        }
        if self.excuse_at().is_some_and(|at| at <= now) {
            self.excuse(now);
        }
    }

    fn excuse(&mut self, now: Duration) {
        let phrase = self.script.phrase(|lines| lines.checking.as_ref());
        let Some(turn) = &mut self.turn else { return };
        let text = phrase.unwrap_or_default();
        turn.speaks_until = now + said_in(&text);
        let cue = turn.cue;
        self.say_phrase(cue, &text, SpeechKind::Answer);
    }
}

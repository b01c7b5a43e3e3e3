//! The service's answers: from the question to what is said, what tools do about it, and what was heard of it.

use super::events::{Delta, Item, Response};
use super::{RealtimeBrain, Wake, messages};
use crate::brain::tools::{ToolCall, ToolOutcome};
use crate::brain::{Sensed, Thought, Usage, expect};
use crate::providers::Fault;
use std::time::Duration;
use talia_audio::frame::duration_of;
use talia_dialogue::{Cue, CueId, UtteranceId};

/// The first useful sign of an answer must be there by now: audio, or a tool.
pub(super) const FIRST_SIGN: Duration = Duration::from_secs(2);
/// The same with a session that has to be opened first.
pub(super) const FIRST_SIGN_AGAIN: Duration = Duration::from_millis(2_500);
/// How long more audio may take after what there is has been played.
const GAP: Duration = Duration::from_secs(1);
/// How long a tool waits for the words of the turn.
const HOLD: Duration = Duration::from_millis(1_500);
/// How often one turn may go through tools.
const ROUNDS: u8 = 5;
/// What was said lately, and may still be cut.
const SPOKEN: usize = 16;
/// Events whose repetition is noticed.
const SEEN: usize = 32;

/// A question that is not answered yet.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) cue: CueId,
    pub(super) about: Cue,
    /// Sessions that were begun again for it.
    pub(super) attempts: u8,
    /// When the first sign of the answer must be there; none while tools run, or after it came.
    pub(super) due: Option<Duration>,
    rounds: u8,
    /// What the answer says so far.
    pub(super) text: String,
    /// When what was said of the answer will have been heard.
    pub(super) speaks_until: Duration,
}

impl Asked {
    pub(super) fn new(cue: CueId, about: Cue, now: Duration) -> Self {
        Self {
            cue,
            about,
            attempts: 0,
            due: Some(now + FIRST_SIGN),
            rounds: 0,
            text: String::new(),
            speaks_until: now,
        }
    }
}

/// The response that the service is busy with.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Known once the service says so.
    id: Option<String>,
    /// Its question; `None` once nobody wants it.
    cue: Option<CueId>,
    cancelled: bool,
    /// Something of it was said, or a tool named.
    useful: bool,
    /// When what there is of its audio will have been played.
    plays_until: Option<Duration>,
}

impl Answer {
    /// Whether it answers this question, and somebody wants it.
    pub(super) fn is_for(&self, cue: CueId) -> bool {
        self.cue == Some(cue)
    }
}

/// A tool that the model named.
#[derive(Debug)]
pub(super) struct Call {
    cue: CueId,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: String,
    /// What it answered.
    output: Option<String>,
    /// The session that knows of it.
    connection: u32,
}

/// A tool that was named before the words of the turn were written down.
#[derive(Debug)]
pub(super) struct Held {
    cue: CueId,
    call: ToolCall,
    /// It is not held for longer.
    pub(super) until: Duration,
}

/// Something said with the model's voice.
#[derive(Debug)]
pub(super) struct Spoken {
    pub(super) utterance: UtteranceId,
    item: String,
    pub(super) connection: u32,
    /// μ-law bytes that came: eight a millisecond.
    bytes: u64,
    pub(super) text: String,
    /// No more of it comes.
    pub(super) ended: bool,
    /// The caller has heard it, or will not: its line in the transcript is known.
    pub(super) concluded: bool,
    /// A later session was told of it in words.
    pub(super) told: bool,
}

impl RealtimeBrain {
    /// Asks the service for an answer to what is asked.
    pub(super) fn request(&mut self) {
        if self.answer.is_some() {
            // Only one at a time: the new one follows the end of the old one.
            self.cancel();
            self.create_next = true;
            return;
        }
        let Some(cue) = self.asked.as_ref().map(|asked| asked.cue) else {
            return;
        };
        self.create_next = false;
        self.answer = Some(Answer {
            cue: Some(cue),
            ..Answer::default()
        });
        self.send(&messages::answer());
    }

    /// Nothing more of the response under way is wanted.
    pub(super) fn cancel(&mut self) {
        let Some(answer) = &mut self.answer else { return };
        answer.cue = None;
        if !std::mem::replace(&mut answer.cancelled, true) {
            self.send(&messages::cancel());
        }
    }

    pub(super) fn response_created(&mut self, response: &Response) {
        if let Some(answer) = self.answer.as_mut().filter(|answer| answer.id.is_none()) {
            answer.id = Some(response.id.clone());
        }
    }

    /// The question that a response answers, while it is wanted.
    fn wanted(&self, response: &str) -> Option<CueId> {
        let answer = self.answer.as_ref()?;
        let same = answer.id.as_deref() == Some(response);
        answer.cue.filter(|_| same)
    }

    /// The response has shown a useful sign.
    fn useful(&mut self) {
        if let Some(asked) = &mut self.asked {
            asked.due = None;
        }
        if let Some(answer) = &mut self.answer
            && !std::mem::replace(&mut answer.useful, true)
        {
            self.watch.succeeded();
            self.retries = 0;
        }
    }

    /// Whether this event came before.
    fn is_repeated(&mut self, event_id: &str) -> bool {
        if event_id.is_empty() {
            return false;
        }
        if self.seen.iter().any(|seen| seen == event_id) {
            return true;
        }
        if self.seen.len() == SEEN {
            self.seen.pop_front();
        }
        self.seen.push_back(event_id.to_owned());
        false
    }

    /// The utterance of an item, begun if it is new.
    fn spoken(&mut self, cue: CueId, item: &str) -> usize {
        let connection = self.connection;
        let same = |spoken: &Spoken| spoken.item == item && spoken.connection == connection;
        if let Some(place) = self.spoken.iter().position(same) {
            return place;
        }
        if self.spoken.len() == SPOKEN {
            self.spoken.pop_front();
        }
        self.utterances += 1;
        let utterance = UtteranceId(self.utterances);
        self.spoken.push_back(Spoken {
            utterance,
            item: item.to_owned(),
            connection,
            bytes: 0,
            text: String::new(),
            ended: false,
            concluded: false,
            told: false,
        });
        self.sensed.push_back(Sensed::Speak { cue, utterance });
        self.spoken.len() - 1
    }

    pub(super) fn audio_came(&mut self, delta: &Delta) {
        if self.is_repeated(&delta.event_id) {
            return;
        }
        let Some(cue) = self.wanted(&delta.response_id) else {
            return;
        };
        let Some(mulaw) = messages::audio_of(&delta.more) else {
            self.metrics.provider_unknown_event(self.watch.name());
            return;
        };
        if mulaw.is_empty() {
            return;
        }
        self.useful();
        let now = self.clock.elapsed();
        if let Some(answer) = &mut self.answer {
            let plays_from = answer.plays_until.unwrap_or(now).max(now);
            answer.plays_until = Some(plays_from + duration_of(mulaw.len() as u64));
        }
        if let Some(asked) = &mut self.asked {
            asked.speaks_until = asked.speaks_until.max(now) + duration_of(mulaw.len() as u64);
        }
        let place = self.spoken(cue, &delta.item_id);
        let spoken = &mut self.spoken[place];
        spoken.bytes += mulaw.len() as u64;
        let utterance = spoken.utterance;
        self.sensed.push_back(Sensed::Audio { utterance, mulaw });
    }

    pub(super) fn text_came(&mut self, delta: Delta) {
        if self.is_repeated(&delta.event_id) {
            return;
        }
        let Some(cue) = self.wanted(&delta.response_id) else {
            return;
        };
        let text = delta.more;
        let place = self.spoken(cue, &delta.item_id);
        let spoken = &mut self.spoken[place];
        spoken.text.push_str(&text);
        let utterance = spoken.utterance;
        if let Some(asked) = &mut self.asked {
            asked.text.push_str(&text);
        }
        self.sensed.push_back(Sensed::Text { utterance, text });
    }

    pub(super) fn item_done(&mut self, response: &str, item: Item) {
        let Some(cue) = self.wanted(response) else {
            if item.kind == "function_call" && !item.id.is_empty() {
                // Nobody will answer it.
                self.send(&messages::delete(&item.id));
            }
            return;
        };
        match (item.kind.as_str(), item.call_id, item.name) {
            ("message", _, _) => self.end_spoken(|spoken| spoken.item == item.id, false),
            ("function_call", Some(id), Some(name)) => {
                self.useful();
                let arguments = item.arguments.unwrap_or_default();
                self.begin_call(cue, ToolCall { id, name, arguments });
            }
            _ => {}
        }
    }

    fn begin_call(&mut self, cue: CueId, call: ToolCall) {
        self.calls.push(Call {
            cue,
            id: call.id.clone(),
            name: call.name.clone(),
            arguments: call.arguments.clone(),
            output: None,
            connection: self.connection,
        });
        let until = self.clock.elapsed() + HOLD;
        self.held.push(Held { cue, call, until });
    }

    /// Begins the tools that need not wait any more.
    pub(super) fn begin_held(&mut self) {
        let written = self.hearing.is_written();
        let now = self.clock.elapsed();
        let free = self.held.extract_if(.., |held| written || held.until <= now);
        for Held { cue, call, .. } in free.collect::<Vec<_>>() {
            let id = call.id.clone();
            let doing = self.tools.begin(call);
            let wakes = self.wakes.clone();
            self.tasks.spawn(async move {
                let outcome = doing.await;
                // The call may be over: then nobody listens.
                let _ = wakes.send(Wake::Tool { cue, id, outcome }).await;
            });
        }
    }

    /// Tools that have not begun never will: nobody wants what they would do.
    pub(super) fn drop_held(&mut self) {
        let dropped: Vec<_> = self.held.drain(..).map(|held| held.call.id).collect();
        self.calls.retain(|call| !dropped.contains(&call.id));
    }

    /// No more of these comes.
    pub(super) fn end_spoken(&mut self, which: impl Fn(&Spoken) -> bool, failed: bool) {
        let connection = self.connection;
        let open = |spoken: &&mut Spoken| !spoken.ended && spoken.connection == connection;
        for spoken in self.spoken.iter_mut().filter(open).filter(|spoken| which(spoken)) {
            spoken.ended = true;
            self.sensed.push_back(Sensed::End {
                utterance: spoken.utterance,
                failed,
            });
        }
    }

    pub(super) fn response_done(&mut self, response: Response) {
        let of_ours = self
            .answer
            .as_ref()
            .is_some_and(|answer| answer.id.as_deref().is_none_or(|id| id == response.id));
        let answer = if of_ours { self.answer.take() } else { None };
        let cue = answer.as_ref().and_then(|answer| answer.cue);
        if let Some(usage) = response.usage {
            let used = Usage {
                provider: self.watch.name().to_owned(),
                input_tokens: usage.input_tokens,
                cached_tokens: usage.input_token_details.cached_tokens,
                output_tokens: usage.output_tokens,
                estimated: false,
            };
            let of = cue.or(self.asked.as_ref().map(|asked| asked.cue)).unwrap_or(CueId(0));
            self.sensed.push_back(Sensed::Thought(of, Thought::Used(used)));
        }
        let Some(answer) = answer else { return };
        self.end_spoken(|_| true, false);
        if cue.is_some() {
            if response.status.as_deref() == Some("failed") {
                self.broken(&Fault::transient("the service failed to answer"));
            } else if self.has_calls() {
                self.follow_calls();
            } else if answer.useful {
                self.answered();
            } else {
                self.broken(&Fault::malformed("the service answered nothing"));
            }
        }
        if self.create_next {
            self.request();
        }
    }

    /// All of the answer is there.
    fn answered(&mut self) {
        let Some(asked) = self.asked.take() else { return };
        let expectation = expect::expected(&asked.text, &self.tools.lead());
        self.expected = expectation;
        let cue = asked.cue;
        self.sensed
            .push_back(Sensed::Thought(cue, Thought::Expect(expectation)));
        self.sensed.push_back(Sensed::Thought(cue, Thought::Done));
    }

    pub(super) fn tool_done(&mut self, cue: CueId, id: &str, outcome: ToolOutcome) {
        let ToolOutcome {
            output,
            thoughts,
            ends_turn,
        } = outcome;
        for thought in thoughts {
            self.sensed.push_back(Sensed::Thought(cue, thought));
        }
        if let Some(call) = self.calls.iter_mut().find(|call| call.id == id) {
            call.output = Some(output);
        }
        self.ends_turn |= ends_turn && self.asked.as_ref().is_some_and(|asked| asked.cue == cue);
        if self.answer.is_none() {
            self.follow_calls();
        }
    }

    /// Tells the model what its tools answered, once all of them have, and lets it go on.
    pub(super) fn follow_calls(&mut self) {
        if self.calls.is_empty() || self.calls.iter().any(|call| call.output.is_none()) {
            return;
        }
        let answers = self.has_calls();
        for call in std::mem::take(&mut self.calls) {
            if call.connection != self.connection {
                self.send(&messages::called(&call.id, &call.name, &call.arguments));
            }
            let output = call.output.unwrap_or_default();
            self.send(&messages::output(&call.id, &output));
            self.remember_call((call.id, call.name, call.arguments), output);
        }
        let ends = std::mem::take(&mut self.ends_turn);
        let now = self.clock.elapsed();
        let Some(asked) = self.asked.as_mut().filter(|_| answers && !self.given_up) else {
            return;
        };
        asked.rounds += 1;
        if ends || asked.rounds > ROUNDS {
            let cue = asked.cue;
            self.asked = None;
            self.sensed.push_back(Sensed::Thought(cue, Thought::Done));
        } else {
            asked.due = Some(now + FIRST_SIGN);
            self.request();
        }
    }

    /// Whether tools work for what is asked.
    pub(super) fn has_calls(&self) -> bool {
        let cue = self.asked.as_ref().map(|asked| asked.cue);
        self.calls.iter().any(|call| Some(call.cue) == cue)
    }

    /// What was being said was cut: the service forgets what the caller has not heard.
    pub(super) fn was_cut(&mut self, utterance: UtteranceId, heard: Duration) {
        let connection = self.connection;
        let Some(place) = self.spoken.iter().position(|spoken| spoken.utterance == utterance) else {
            return;
        };
        let spoken = &mut self.spoken[place];
        spoken.concluded = true;
        let generating = !std::mem::replace(&mut spoken.ended, true);
        if spoken.connection != connection {
            return;
        }
        let (item, bytes) = (spoken.item.clone(), spoken.bytes);
        if generating {
            self.cancel();
        }
        let generated = bytes / 8;
        let heard = (heard.as_millis() as u64).min(generated);
        if heard == 0 {
            self.send(&messages::delete(&item));
        } else if generating || heard < generated {
            self.send(&messages::truncate(&item, heard));
        }
    }

    /// When audio that was begun is taken for stuck.
    pub(super) fn stuck_at(&self) -> Option<Duration> {
        let answer = self.answer.as_ref()?;
        answer.cue?;
        answer.plays_until.map(|until| until + GAP)
    }
}

//! The tools of one call: judges each wish of a model, then does it, once.

use super::act_log::{Act, ActLog, ActState, Begun};
use super::catalogue::Catalogue;
use super::consent::{Consent, Reading};
use super::lead::{self, Lead, Taken};
use super::mission::{Mission, text};
use super::own::{self, OwnTool};
use super::schema::{BadArguments, wish};
use super::{ToolCall, ToolOutcome, ToolSpec, Toolbox, questions};
use crate::brain::{Handover, LeadDraft, Thought, introduction};
use crate::clock::Clock;
use crate::config::Destinations;
use crate::telemetry::{Metrics, labels::ToolVerdict};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared, ready};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::Arc;
use talia_dialogue::{Entry, SpeechKind};
use talia_spanish::Expectation;
use tokio_util::sync::{CancellationToken, DropGuard};

/// An id of fewer characters may come again in the next answer.
const UNIQUE_ID: usize = 12;

/// A thing that is being done, or was.
type Doing = Shared<BoxFuture<'static, ToolOutcome>>;

/// The call that tools are used in. None of it comes from a model.
#[derive(Clone)]
pub struct ToolSession {
    /// The number that is calling, E.164, where it is known.
    pub caller_number: Option<String>,
    /// The company's name.
    pub business: String,
    /// What the caller's words are read in.
    pub language: talia_spanish::Language,
    /// Whose telephone numbers are meant when no country code is said.
    pub country: talia_spanish::ear::Country,
    /// Where people can be reached, by id.
    pub destinations: Arc<Destinations>,
    /// Wishes of one call altogether, refused ones included.
    pub most_wishes: u32,
    /// Tells whether somebody is there now.
    pub clock: Clock,
    /// Where acts are written down.
    pub log: Arc<dyn ActLog>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// The tools of one call.
pub struct CallTools {
    catalogue: Arc<Catalogue>,
    session: ToolSession,
    state: State,
    /// Wishes by what they say and the provider's id, and those of this turn by what they say.
    by_id: HashMap<String, Doing>,
    in_turn: HashMap<String, Doing>,
    /// The turn that `in_turn` belongs to.
    turn: u32,
    /// Ends what still runs when the call is over.
    _running: DropGuard,
    over: CancellationToken,
}

/// All that changes, and goes on in another process.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct State {
    consent: Consent,
    lead: Lead,
    wishes: u32,
    done: HashMap<String, u32>,
}

/// What is to be done about a wish.
enum Judged {
    /// Nothing, or it is done already.
    Settled(ToolVerdict, ToolOutcome),
    /// Written down first; then the outcome holds, if it may.
    Act(Act, ToolOutcome),
    /// A tool of the company's own.
    Run(Arc<OwnTool>, Map<String, Value>),
}

impl CallTools {
    /// Tools for the call of this session.
    pub fn new(catalogue: Arc<Catalogue>, session: ToolSession) -> Self {
        let over = CancellationToken::new();
        Self {
            catalogue,
            session,
            state: State::default(),
            by_id: HashMap::new(),
            in_turn: HashMap::new(),
            turn: 0,
            _running: over.clone().drop_guard(),
            over,
        }
    }

    fn reading(&self) -> Reading {
        Reading {
            language: self.session.language,
            country: self.session.country,
        }
    }

    fn judge(&mut self, call: &ToolCall) -> Judged {
        let catalogue = self.catalogue.clone();
        let mission = catalogue.mission(&call.name);
        let own = catalogue.own(&call.name);
        let schema = match (&mission, &own) {
            (Some((_, schema)), _) => schema,
            (None, Some(own)) => &own.schema,
            (None, None) => return refused(ToolVerdict::UnknownTool, "There is no such tool."),
        };
        let arguments = match schema.read(&call.arguments) {
            Ok(arguments) => arguments,
            Err(BadArguments::TooLong) => return refused(ToolVerdict::ArgumentsTooLong, "The arguments are too long."),
            Err(BadArguments::NotJson) => {
                return refused(ToolVerdict::ArgumentsNotJson, "The arguments are not a JSON object.");
            }
            Err(BadArguments::Unfit(why)) => {
                return refused(ToolVerdict::ArgumentsUnfit, &format!("The arguments don't fit: {why}"));
            }
        };
        let limit = mission.as_ref().map_or(0, |(mission, _)| mission.per_call());
        let limit = own.as_ref().map_or(limit, |own| own.manner.per_call);
        if self.state.done.get(&call.name).copied().unwrap_or(0) >= limit {
            return refused(
                ToolVerdict::ToolQuota,
                "This tool was used too often in this call. Go on without it.",
            );
        }
        let mission = mission.map(|(mission, _)| mission);
        let judged = match (mission, own) {
            (Some(mission), _) => self.judge_mission(mission, &arguments),
            (None, Some(own)) => self.judge_own(own, arguments),
            (None, None) => refused(ToolVerdict::UnknownTool, "There is no such tool."),
        };
        let is_done = matches!(
            judged,
            Judged::Act(..) | Judged::Run(..) | Judged::Settled(ToolVerdict::Done, _)
        );
        if is_done {
            *self.state.done.entry(call.name.clone()).or_default() += 1;
        }
        judged
    }

    fn judge_mission(&mut self, mission: Mission, arguments: &Map<String, Value>) -> Judged {
        let reading = self.reading();
        let lead = &mut self.state.lead;
        let noted = match mission {
            Mission::SetFullName => lead.set_name(text(arguments, "full_name")).map(|name| (name, None)),
            Mission::SetCompanyName => lead
                .set_company(text(arguments, "company_name"))
                .map(|company| (company, None)),
            Mission::SetEmail => lead
                .set_email(text(arguments, "email"), reading)
                .map(|(email, taken)| (email, Some(taken))),
            Mission::SetPhoneNumber => lead
                .set_phone(text(arguments, "phone_number"), reading)
                .map(|(phone, taken)| (phone, Some(taken))),
            Mission::CloseLead => return self.close_lead(arguments),
            Mission::TransferToPerson => return self.transfer(arguments),
            Mission::EndCall => return self.end_call(),
            Mission::SearchKnowledge => {
                let found = self.catalogue.search(text(arguments, "query"));
                return settled(
                    found.as_deref().unwrap_or("Nothing is written down about that."),
                    vec![],
                );
            }
        };
        match noted {
            Err(unfit) => refused(ToolVerdict::ValueUnfit, &unfit.to_string()),
            Ok((value, taken)) => {
                let then = match taken {
                    Some(Taken::Waits) => " Not confirmed yet: read it back in full and ask if it is right.",
                    Some(Taken::Confirmed) => " The caller has confirmed it.",
                    None => "",
                };
                let draft = Thought::Lead(self.state.lead.draft.clone());
                settled(&format!("Noted: {value}.{then}"), vec![draft])
            }
        }
    }

    fn close_lead(&mut self, arguments: &Map<String, Value>) -> Judged {
        if !self.state.lead.is_confirmed() {
            return refused(
                ToolVerdict::Unconfirmed,
                "Not yet: it takes a name or a company, and an e-mail or a telephone that was read back to the caller \
                 and answered with yes. If the caller won't give any, just say goodbye: what is known is kept.",
            );
        }
        self.state
            .lead
            .close(text(arguments, "purpose"), text(arguments, "notes"));
        let draft = Thought::Lead(self.state.lead.draft.clone());
        let outcome = ToolOutcome {
            output: "Done: a sales person has it.".to_owned(),
            thoughts: vec![draft],
            ends_turn: false,
        };
        Judged::Act(self.act(Mission::CloseLead, arguments, false), outcome)
    }

    fn transfer(&mut self, arguments: &Map<String, Value>) -> Judged {
        let id = text(arguments, "destination");
        // The schema names them too; this is the wall that holds if it should not.
        let allowed = self.catalogue.people().iter().any(|person| person == id);
        let Some(destination) = self.session.destinations.get(id).filter(|_| allowed) else {
            return refused(ToolVerdict::DestinationUnknown, "There is no such destination.");
        };
        if !destination.is_open(self.session.clock.wall()) {
            self.state.consent.person_was_answered();
            return refused(
                ToolVerdict::Closed,
                "Nobody is there at this hour. Say so, and offer that they call back: take name and telephone.",
            );
        }
        let act = self.act(Mission::TransferToPerson, arguments, true);
        let wish = Mission::TransferToPerson.name();
        if !self.state.consent.wants_person() && !self.state.consent.has_granted(wish) {
            return self.ask(
                wish,
                questions::transfer(self.session.language, self.state.consent.usted),
            );
        }
        self.state.consent.person_was_answered();
        self.state.consent.spend();
        let reason = lead::one_line(text(arguments, "reason"));
        let mut draft = self.state.lead.draft.clone();
        draft.purpose = draft.purpose.or((!reason.is_empty()).then_some(reason));
        let handover = Handover {
            destination: id.to_owned(),
            summary: introduction::of(&draft, &self.session.business, self.session.language),
        };
        let outcome = ToolOutcome {
            output: "The caller is handed over.".to_owned(),
            thoughts: vec![Thought::Transfer(handover)],
            ends_turn: true,
        };
        Judged::Act(act, outcome)
    }

    fn end_call(&mut self) -> Judged {
        let wish = Mission::EndCall.name();
        let consent = &mut self.state.consent;
        if !consent.says_goodbye() && !consent.has_granted(wish) {
            let question = questions::end(self.session.language, consent.usted);
            return self.ask(wish, question);
        }
        consent.spend();
        let outcome = ToolOutcome {
            output: "The call ends when the caller has heard you.".to_owned(),
            thoughts: vec![Thought::EndCall],
            ends_turn: true,
        };
        Judged::Act(self.act(Mission::EndCall, &Map::new(), false), outcome)
    }

    fn judge_own(&mut self, tool: Arc<OwnTool>, arguments: Map<String, Value>) -> Judged {
        if let Some(template) = &tool.manner.confirm {
            let wish = wish(&tool.spec.name, &arguments);
            if !self.state.consent.has_granted(&wish) {
                return self.ask(&wish, own::question(template, &arguments));
            }
            self.state.consent.spend();
        }
        Judged::Run(tool, arguments)
    }

    /// Asks the caller, in our own words, before an act that can't be taken back.
    fn ask(&mut self, wish: &str, question: String) -> Judged {
        self.state.consent.arm(wish, &question);
        let output = format!(
            "Not yet: the caller is asked «{question}» now. Say nothing more. If they say yes, use this tool again with \
             the same arguments; if not, don't."
        );
        let thoughts = vec![
            Thought::Say {
                text: question,
                kind: SpeechKind::Answer,
            },
            Thought::Expect(Expectation::YesNo),
        ];
        let outcome = ToolOutcome {
            output,
            thoughts,
            ends_turn: true,
        };
        Judged::Settled(ToolVerdict::Asked, outcome)
    }

    /// An act of this turn: what a caller wishes again later is another one.
    fn act(&self, mission: Mission, arguments: &Map<String, Value>, durably: bool) -> Act {
        let wish = wish(mission.name(), arguments);
        Act {
            tool: mission.name().to_owned(),
            key: format!("{wish}:{}", self.state.consent.turn),
            durably,
        }
    }

    /// Does what was judged; what takes time runs beside the call, and ends with it.
    fn start(&self, judged: Judged) -> Doing {
        let metrics = self.session.metrics.clone();
        match judged {
            Judged::Settled(verdict, outcome) => {
                metrics.tool_used(verdict);
                ready(outcome).boxed().shared()
            }
            Judged::Act(act, outcome) => {
                let log = self.session.log.clone();
                let task = tokio::spawn(async move {
                    let key = act.key.clone();
                    let (verdict, outcome) = match log.begin(act).await {
                        Begun::Written => {
                            log.end(&key, ActState::Done);
                            (ToolVerdict::Done, outcome)
                        }
                        Begun::Before(_) => (ToolVerdict::Repeated, said("That was done already.")),
                        Begun::Unwritable => (
                            ToolVerdict::Unwritten,
                            said("That can't be done right now. Go on with the conversation."),
                        ),
                    };
                    metrics.tool_used(verdict);
                    outcome
                });
                joined(task)
            }
            Judged::Run(tool, arguments) => {
                let (log, over) = (self.session.log.clone(), self.over.clone());
                joined(tokio::spawn(run(tool, arguments, (log, metrics, over))))
            }
        }
    }
}

/// Runs a tool of the company's own. One with side effects is written down before, runs once, and is not tried again
/// when nobody knows whether it happened.
async fn run(
    tool: Arc<OwnTool>,
    arguments: Map<String, Value>,
    (log, metrics, over): (Arc<dyn ActLog>, Arc<Metrics>, CancellationToken),
) -> ToolOutcome {
    let key = wish(&tool.spec.name, &arguments);
    let acts = tool.manner.side_effects;
    if acts {
        let act = Act {
            tool: tool.spec.name.clone(),
            key: key.clone(),
            durably: true,
        };
        let before = match log.begin(act).await {
            Begun::Written => None,
            Begun::Before(ActState::Done) => Some((ToolVerdict::Repeated, "That was done already in this call.")),
            Begun::Before(_) => Some((ToolVerdict::Repeated, DOUBT)),
            Begun::Unwritable => Some((ToolVerdict::Unwritten, "That can't be done right now.")),
        };
        if let Some((verdict, why)) = before {
            metrics.tool_used(verdict);
            return said(why);
        }
    }
    let ended = tokio::select! {
        ended = tool.runs.run(arguments, key.clone()) => Some(ended),
        () = over.cancelled() => None,
    };
    let (verdict, state, output) = match ended {
        Some(Ok(answer)) => (ToolVerdict::Done, ActState::Done, answer),
        Some(Err(fault)) => {
            tracing::warn!(tool = tool.spec.name, %fault, "a tool brought no answer");
            let output = if acts && fault.state() == ActState::Unknown {
                DOUBT.to_owned()
            } else {
                format!("It did not work: {fault}. Tell the caller, and offer another way.")
            };
            (fault.verdict(), fault.state(), output)
        }
        None => (ToolVerdict::CallOver, ActState::Unknown, String::new()),
    };
    if acts {
        log.end(&key, state);
    }
    metrics.tool_used(verdict);
    said(&output)
}

/// To the model, of an act that may have happened.
const DOUBT: &str =
    "It is not known whether that happened. Don't do it again. Tell the caller that a person will confirm it.";

fn joined(task: tokio::task::JoinHandle<ToolOutcome>) -> Doing {
    task.map(|ended| ended.unwrap_or_else(|_| said("It did not work.")))
        .boxed()
        .shared()
}

fn said(output: &str) -> ToolOutcome {
    ToolOutcome {
        output: output.to_owned(),
        ..ToolOutcome::default()
    }
}

fn settled(output: &str, thoughts: Vec<Thought>) -> Judged {
    let outcome = ToolOutcome {
        thoughts,
        ..said(output)
    };
    Judged::Settled(ToolVerdict::Done, outcome)
}

fn refused(verdict: ToolVerdict, why: &str) -> Judged {
    Judged::Settled(verdict, said(why))
}

impl Toolbox for CallTools {
    fn specs(&self) -> &[ToolSpec] {
        self.catalogue.specs()
    }

    fn facts(&self) -> &str {
        self.catalogue.facts()
    }

    fn begin(&mut self, call: ToolCall) -> BoxFuture<'static, ToolOutcome> {
        if self.turn != self.state.consent.turn {
            self.turn = self.state.consent.turn;
            self.in_turn.clear();
        }
        let says = format!("{} {}", call.name, call.arguments.trim());
        // Some servers count their ids anew in each answer: only a long one names a wish for good.
        let id = (call.id.len() >= UNIQUE_ID).then(|| format!("{} {says}", call.id));
        let earlier = id.as_ref().and_then(|id| self.by_id.get(id));
        let earlier = earlier.or_else(|| self.in_turn.get(&says));
        if let Some(earlier) = earlier.cloned() {
            self.session.metrics.tool_used(ToolVerdict::Repeated);
            // Its effects are the call's already.
            return earlier.map(|outcome| said(&outcome.output)).boxed();
        }
        self.state.wishes += 1;
        self.session.log.wished(self.state.wishes);
        if self.state.wishes > self.session.most_wishes {
            self.session.metrics.tool_used(ToolVerdict::CallQuota);
            let outcome = ToolOutcome {
                thoughts: vec![Thought::OverLimit],
                ends_turn: true,
                ..said("No more tools in this call.")
            };
            return ready(outcome).boxed();
        }
        let judged = self.judge(&call);
        let doing = self.start(judged);
        if let Some(id) = id {
            self.by_id.insert(id, doing.clone());
        }
        self.in_turn.insert(says, doing.clone());
        doing.boxed()
    }

    fn heard(&mut self, entry: &Entry) {
        let reading = self.reading();
        if let Some(answer) = self.state.consent.heard(entry, reading) {
            let own = self.session.caller_number.as_deref();
            self.state.lead.answered(&answer, reading, own);
        }
    }

    fn pressed(&mut self, digits: &str) {
        let reading = self.reading();
        if let Some(answer) = self.state.consent.pressed(digits, reading) {
            let own = self.session.caller_number.as_deref();
            self.state.lead.answered(&answer, reading, own);
        }
    }

    fn lead(&self) -> LeadDraft {
        self.state.lead.draft.clone()
    }

    fn adopt(&mut self, lead: LeadDraft) {
        self.state.lead.draft = lead;
    }

    fn memory(&self) -> Result<Value, serde_json::Error> {
        serde_json::to_value(&self.state)
    }

    fn recall(&mut self, memory: Value) -> Result<(), serde_json::Error> {
        self.state = serde_json::from_value(memory)?;
        Ok(())
    }
}

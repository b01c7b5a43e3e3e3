//! The conversation itself: takes a cue, updates what is known, says what comes next.

use super::{
    agenda::{self, Pending},
    assistant::{Assistant, Field},
    fields::{Fields, TRIES},
    knowledge::Knowledge,
    phrase::{Phrase, fill},
};
use crate::brain::{Brain, LeadDraft, Thought};
use std::{collections::HashMap, sync::Arc};
use talia_dialogue::{Cue, CueId, EndReason, Entry, Speaker, SpeechKind};
use talia_spanish::{
    Expectation,
    ear::{self, Agreement, Heard},
    tongue,
};
use tokio::sync::mpsc;

/// Where a brain's thoughts go.
type Thoughts = mpsc::Sender<(CueId, Thought)>;

/// How many cues can be taken back when the caller goes on talking.
const REMEMBERED_CUES: usize = 4;

/// The scripted brain of one call.
pub struct ScriptBrain {
    assistant: Arc<Assistant>,
    knowledge: Knowledge,
    caller_number: Option<String>,
    thoughts: Thoughts,
    state: State,
    before: Vec<(CueId, State)>,
}

/// All that changes in a conversation; kept before each cue so that the cue can be taken back.
#[derive(Debug, Clone, Default)]
struct State {
    fields: Fields,
    pending: Pending,
    /// The last question as it was said, and whether the caller heard it to its end.
    question: Option<String>,
    question_heard: bool,
    asked: HashMap<Pending, usize>,
    usted: bool,
    benefit_said: bool,
    person_wanted: bool,
    /// The name was taken down in the last turn.
    name_is_fresh: bool,
    lost: usize,
    fillers: usize,
    /// The caller needs nothing more.
    done: bool,
    /// Goodbye was said.
    closing: bool,
}

/// One answer while it is put together.
#[derive(Default)]
struct Reply {
    said: Vec<(String, SpeechKind)>,
    end: bool,
}

impl Reply {
    fn say(&mut self, text: impl Into<String>) {
        self.said.push((text.into(), SpeechKind::Answer));
    }
}

impl ScriptBrain {
    /// A conversation of `assistant` with the person calling from `caller_number` (E.164, where it is known).
    pub fn new(assistant: Arc<Assistant>, caller_number: Option<String>, thoughts: Thoughts) -> Self {
        let knowledge = Knowledge::new(&assistant.faq, assistant.language);
        Self { assistant, knowledge, caller_number, thoughts, state: State::default(), before: Vec::new() }
    }

    fn line(&self, phrase: &Phrase) -> Option<String> {
        let draft = &self.state.fields.draft;
        let given = draft.name.as_deref().and_then(|name| name.split_whitespace().next());
        fill(phrase.text(self.state.usted), |gap| match gap {
            "name" => given,
            "full_name" => draft.name.as_deref(),
            "email" => draft.email.as_deref(),
            "phone" => draft.phone.as_deref(),
            "company" => draft.company.as_deref(),
            "need" => draft.purpose.as_deref(),
            own => self.assistant.own(own),
        })
    }

    fn say(&self, reply: &mut Reply, phrase: &Phrase) {
        if let Some(text) = self.line(phrase) {
            reply.say(text);
        }
    }

    fn answer(&mut self, about: &Cue) -> Reply {
        let assistant = self.assistant.clone();
        let lines = &assistant.lines;
        let mut reply = Reply::default();
        match about {
            Cue::Opening => {
                reply.said.push((assistant.disclosure_text(), SpeechKind::Disclosure));
                self.say(&mut reply, &assistant.greeting);
                self.ask_as(Pending::Field(Field::Need), self.line(&assistant.greeting));
            }
            Cue::Turn { text, .. } => self.turn(&mut reply, text),
            Cue::Digits(digits) => self.digits(&mut reply, digits),
            Cue::NotUnderstood => self.not_understood(&mut reply),
            Cue::Silence { nudge } => {
                let which = (usize::from(*nudge).saturating_sub(1)) % lines.still_there.len();
                if let Some(text) = self.line(&lines.still_there[which]) {
                    reply.said.push((text, SpeechKind::Nudge));
                }
                if let Some(question) = self.state.question.clone() {
                    reply.said.push((question, SpeechKind::Nudge));
                }
            }
            Cue::Filler => {
                let which = self.state.fillers % lines.filler.len();
                self.state.fillers += 1;
                if let Some(text) = self.line(&lines.filler[which]) {
                    reply.said.push((text, SpeechKind::Filler));
                }
            }
            Cue::Closing(reason) => {
                let phrase = match reason {
                    EndReason::Silence => &lines.goodbye_silence,
                    EndReason::Failure => &lines.apology,
                    _ => &lines.goodbye_limit,
                };
                self.goodbye(&mut reply, phrase);
            }
        }
        reply
    }

    fn turn(&mut self, reply: &mut Reply, text: &str) {
        let assistant = self.assistant.clone();
        let lines = &assistant.lines;
        if self.state.closing {
            // "Gracias, adiós" over our own goodbye: nothing more is to be said.
            reply.end = true;
            return;
        }
        // A question that was cut before its end has not been asked: its answer can't be what was said.
        let pending = if self.state.question_heard { self.state.pending } else { Pending::Nothing };
        if !self.state.question_heard
            && let Some(asked) = self.state.asked.get_mut(&self.state.pending)
        {
            *asked = asked.saturating_sub(1);
        }
        let is_question = self.knowledge.is_question(text);
        let context = ear::Context {
            // A question is no answer: "¿cuánto cuesta?" is nobody's name.
            expectation: if is_question { Expectation::Open } else { self.state.pending.expectation() },
            language: assistant.language,
            country: ear::Country::from_iso(&assistant.country).unwrap_or_default(),
        };
        let heard = ear::read_in(text, context);
        self.state.usted |= heard.usted;

        if heard.asks_repeat {
            if let Some(question) = self.state.question.clone() {
                self.say(reply, &lines.repeat);
                reply.say(question);
            } else {
                self.ask_next(reply);
            }
            return;
        }
        if heard.thinks && !has_field(&heard) && heard.agreement.is_none() {
            self.say(reply, &lines.take_your_time);
            return;
        }
        let mut understood = false;
        if heard.asks_if_machine {
            understood = true;
            self.say(reply, &lines.machine);
        }
        if heard.wants_person && !self.state.person_wanted {
            understood = true;
            self.state.person_wanted = true;
            self.note("Pidió hablar con una persona.");
            self.say(reply, &lines.person);
        }
        let known_answer = if is_question { self.knowledge.answer(text).cloned() } else { None };
        let before = reply.said.len();
        understood |= self.absorb(reply, text, &heard, pending, is_question);
        if let Some(answer) = &known_answer {
            understood = true;
            self.say(reply, answer);
        } else if is_question && !has_field(&heard) && !heard.asks_if_machine && !heard.wants_person {
            if pending == Pending::Field(Field::Need) || before == reply.said.len() {
                understood = true;
                self.note(&format!("Preguntó: {}", text.trim()));
                self.say(reply, &lines.unknown_answer);
            }
        }
        // A conversation that turns in a circle: what was said is noted, and a person takes it from there.
        let enough = pending == Pending::AnythingElse && !is_question && self.tries(pending) > TRIES + 2;
        if self.state.done || enough || (heard.says_goodbye && !has_field(&heard) && known_answer.is_none()) {
            self.goodbye(reply, &lines.goodbye);
            return;
        }
        if understood {
            self.state.lost = 0;
        } else {
            self.not_understood(reply);
            return;
        }
        self.benefit(reply);
        self.ask_next(reply);
    }

    /// Takes from the caller's words what they hold. `true` when anything was understood.
    fn absorb(&mut self, reply: &mut Reply, text: &str, heard: &Heard, pending: Pending, is_question: bool) -> bool {
        let assistant = self.assistant.clone();
        let lines = &assistant.lines;
        let mut understood = false;
        // Only right after the name was repeated: later corrections are about later things.
        let name_is_fresh = std::mem::take(&mut self.state.name_is_fresh);

        if let Some(name) = &heard.name {
            let is_news = self.state.fields.draft.name.as_deref() != Some(name.full.as_str());
            let is_correction = self.state.fields.draft.name.is_some();
            if is_news {
                self.state.fields.draft.name = Some(name.full.clone());
                let phrase = if is_correction { &lines.corrected } else { &lines.name_noted };
                self.say(reply, phrase);
                self.state.name_is_fresh = true;
            }
            understood = true;
        }
        if let (None, Some(_), Some(name), true) =
            (&heard.name, &heard.correction, self.state.fields.draft.name.clone(), name_is_fresh)
        {
            let surname = name.split_whitespace().last().unwrap_or_default().to_lowercase();
            if let Some(amended) = ear::correction::amend_name(&name, text, assistant.language) {
                self.state.fields.draft.name = Some(amended.full);
                self.say(reply, &lines.corrected);
                understood = true;
            } else if text.to_lowercase().contains(&surname) {
                // "Herrera, con doble erre": it is written so already.
                self.say(reply, &lines.name_noted);
                understood = true;
            }
        }
        understood |= self.absorb_email(reply, text, heard, pending);
        understood |= self.absorb_phone(reply, text, heard, pending);
        if let Some(company) = &heard.company {
            if self.state.fields.draft.company.as_deref() != Some(company.as_str()) {
                self.state.fields.draft.company = Some(company.clone());
                if pending == Pending::Field(Field::Company) {
                    self.say(reply, &lines.company_noted);
                }
            }
            understood = true;
        } else if pending == Pending::Field(Field::Company) && (heard.agreement == Some(Agreement::No) || heard.declines) {
            self.state.fields.without_company = true;
            self.say(reply, &lines.company_none);
            understood = true;
        }
        match pending {
            Pending::Field(Field::Need) if !is_greeting(text) => {
                let plain = !heard.wants_person && !heard.asks_if_machine && !heard.says_goodbye;
                if plain && self.state.fields.draft.purpose.is_none() && ear::listening::word_count(text) >= 2 {
                    self.state.fields.draft.purpose = Some(without_greeting(text).to_owned());
                    if !is_question && reply.said.is_empty() {
                        self.say(reply, &lines.need_noted);
                    }
                    understood = true;
                }
            }
            Pending::Field(Field::Need) => understood = true,
            Pending::AnythingElse if heard.agreement == Some(Agreement::No) => {
                self.state.done = true;
                understood = true;
            }
            Pending::AnythingElse if !is_question && !has_field(heard) => match heard.agreement {
                Some(Agreement::Yes) => {
                    // "Sí" alone invites the caller to go on; "sí, está bien, gracias" closes.
                    understood = true;
                    self.state.done = heard.says_goodbye;
                    if !self.state.done {
                        self.say(reply, &assistant.greeting);
                        self.ask_as(Pending::AnythingElse, self.line(&assistant.greeting));
                    }
                }
                _ if ear::listening::word_count(text) >= 3 && !heard.says_goodbye => {
                    self.note(text.trim());
                    self.say(reply, &lines.unknown_answer);
                    understood = true;
                }
                _ => {}
            },
            _ => {}
        }
        understood
    }

    fn absorb_email(&mut self, reply: &mut Reply, text: &str, heard: &Heard, pending: Pending) -> bool {
        let assistant = self.assistant.clone();
        let lines = &assistant.lines;
        let current = self.state.fields.draft.email.clone();
        let said_no = heard.agreement == Some(Agreement::No) || heard.declines;
        if let Some(candidates) = &heard.email {
            let emails: Vec<String> = candidates.iter().map(|candidate| candidate.value.to_string()).collect();
            let repeated = current.as_ref().is_some_and(|current| emails.first() == Some(current));
            if repeated && !said_no {
                // The caller said it again, letter for letter: that is a yes.
                self.state.fields.draft.email_confirmed = true;
                self.say(reply, &lines.email_noted);
                return true;
            }
            if let Some(current) = &current
                && emails.first() != Some(current)
            {
                self.state.fields.refused_emails.push(current.clone());
                self.say(reply, &lines.corrected);
            }
            return self.state.fields.offer_emails(emails);
        }
        let about_email = pending == Pending::ConfirmEmail || (current.is_some() && heard.correction.is_some());
        if let (true, Some(current)) = (about_email, &current) {
            if heard.agreement == Some(Agreement::Yes) && heard.correction.is_none() && pending == Pending::ConfirmEmail {
                self.state.fields.draft.email_confirmed = true;
                self.say(reply, &lines.email_noted);
                return true;
            }
            if let Some(amended) = ear::correction::amend_email(current, text, assistant.language)
                && amended != *current
            {
                self.state.fields.refused_emails.push(current.clone());
                self.say(reply, &lines.corrected);
                return self.state.fields.offer_emails([amended]);
            }
            if said_no && pending == Pending::ConfirmEmail {
                self.state.fields.refuse_email();
                if self.tries(Pending::Field(Field::Email)) + self.state.fields.refused_emails.len() > TRIES + 2 {
                    self.state.fields.without_email = true;
                    self.state.fields.draft.email = None;
                    self.say(reply, &lines.email_given_up);
                }
                return true;
            }
        }
        if pending == Pending::Field(Field::Email) && said_no {
            self.state.fields.without_email = true;
            self.say(reply, &lines.email_given_up);
            return true;
        }
        false
    }

    fn absorb_phone(&mut self, reply: &mut Reply, text: &str, heard: &Heard, pending: Pending) -> bool {
        let assistant = self.assistant.clone();
        let lines = &assistant.lines;
        let said_no = heard.agreement == Some(Agreement::No) || heard.declines;
        if let Some(phone) = &heard.phone {
            let repeated = self.state.fields.draft.phone.as_deref() == Some(phone.e164.as_str());
            if repeated && !said_no {
                self.state.fields.draft.phone_confirmed = true;
                self.say(reply, &lines.phone_noted);
                return true;
            }
            if self.state.fields.draft.phone.is_some() {
                self.state.fields.refuse_phone();
                self.say(reply, &lines.corrected);
            }
            return self.state.fields.offer_phone(phone.e164.clone());
        }
        if let (Pending::ConfirmPhone, Some(_), Some(number)) =
            (pending, &heard.correction, self.state.fields.draft.phone.clone())
        {
            let country = ear::Country::from_iso(&assistant.country).unwrap_or_default();
            let current = ear::phone::read(&number, assistant.language, country);
            let amended =
                current.and_then(|current| ear::correction::amend_phone(&current, text, assistant.language));
            if let Some(amended) = amended {
                self.state.fields.refuse_phone();
                self.say(reply, &lines.corrected);
                return self.state.fields.offer_phone(amended.e164);
            }
        }
        match (pending, heard.agreement) {
            (Pending::OfferPhone, Some(Agreement::Yes)) => {
                if let Some(number) = self.caller_number.clone() {
                    self.state.fields.offer_phone(number);
                    self.state.fields.draft.phone_confirmed = true;
                    self.say(reply, &lines.phone_noted);
                }
                true
            }
            (Pending::OfferPhone, Some(Agreement::No)) => {
                if let Some(number) = self.caller_number.clone() {
                    self.state.fields.refused_phones.push(number);
                }
                true
            }
            (Pending::ConfirmPhone, Some(Agreement::Yes)) => {
                self.state.fields.draft.phone_confirmed = true;
                self.say(reply, &lines.phone_noted);
                true
            }
            (Pending::ConfirmPhone, Some(Agreement::No)) => {
                self.state.fields.refuse_phone();
                if self.state.fields.refused_phones.len() >= TRIES {
                    self.state.fields.without_phone = true;
                    self.say(reply, &lines.phone_given_up);
                }
                true
            }
            (Pending::Field(Field::Phone), _) if said_no => {
                self.state.fields.without_phone = true;
                self.say(reply, &lines.phone_given_up);
                true
            }
            _ => false,
        }
    }

    fn digits(&mut self, reply: &mut Reply, digits: &str) {
        let confirming = matches!(self.state.pending, Pending::ConfirmEmail | Pending::ConfirmPhone | Pending::OfferPhone);
        let as_words = match digits.trim_end_matches('#') {
            "1" if confirming => "sí".to_owned(),
            "2" if confirming => "no".to_owned(),
            "0" => {
                self.state.person_wanted = true;
                self.note("Pidió hablar con una persona.");
                let person = self.assistant.lines.person.clone();
                self.say(reply, &person);
                self.ask_next(reply);
                return;
            }
            number => number.to_owned(),
        };
        self.turn(reply, &as_words);
    }

    fn not_understood(&mut self, reply: &mut Reply) {
        let assistant = self.assistant.clone();
        let lines = &assistant.lines;
        self.state.lost += 1;
        let lost = self.state.lost;
        self.say(reply, &lines.lost[(lost - 1) % lines.lost.len()]);
        // After three misses the question is let go, so that nobody is held at one field.
        if lost > TRIES {
            self.state.lost = 0;
            match self.state.pending {
                Pending::Field(Field::Email) | Pending::ConfirmEmail => {
                    self.state.fields.without_email = true;
                    self.state.fields.draft.email = None;
                    self.say(reply, &lines.email_given_up);
                }
                Pending::Field(Field::Phone) | Pending::ConfirmPhone | Pending::OfferPhone => {
                    self.state.fields.without_phone = true;
                    self.state.fields.draft.phone = None;
                    self.say(reply, &lines.phone_given_up);
                }
                Pending::Field(Field::Company) => self.state.fields.without_company = true,
                Pending::Field(Field::Name | Field::Need) | Pending::AnythingElse | Pending::Nothing => {
                    self.state.person_wanted = true;
                    self.say(reply, &lines.person);
                    if self.state.asked.values().sum::<usize>() > 12 {
                        self.goodbye(reply, &lines.goodbye);
                        return;
                    }
                }
            }
        }
        self.ask_next(reply);
    }

    /// One concrete reason to go on, once, when the need is known.
    fn benefit(&mut self, reply: &mut Reply) {
        let Some(need) = self.state.fields.draft.purpose.as_ref().filter(|_| !self.state.benefit_said) else { return };
        if self.state.person_wanted {
            return;
        }
        let need = need.to_lowercase();
        let words: Vec<&str> = need.split(|c: char| !c.is_alphanumeric()).collect();
        let assistant = self.assistant.clone();
        let fits = assistant
            .benefits
            .iter()
            .find(|benefit| benefit.when.iter().any(|word| words.contains(&word.as_str())))
            .or_else(|| assistant.benefits.iter().find(|benefit| benefit.when.is_empty()));
        if let Some(benefit) = fits {
            self.state.benefit_said = true;
            self.say(reply, &benefit.say);
        }
    }

    fn ask_next(&mut self, reply: &mut Reply) {
        let assistant = self.assistant.clone();
        let lines = &assistant.lines;
        let mut next =
            agenda::next(&assistant, &self.state.fields, self.caller_number.is_some(), self.state.person_wanted);
        // Read back again and again without a yes or a no: a person asks once more.
        if self.tries(next) > 2 * TRIES && self.let_go(next) {
            next = agenda::next(&assistant, &self.state.fields, self.caller_number.is_some(), self.state.person_wanted);
        }
        if let Pending::Field(field) = next
            && self.tries(next) >= TRIES + 1
        {
            match field {
                Field::Need => self.state.fields.draft.purpose = Some(String::new()),
                Field::Name => self.state.fields.draft.name = None,
                Field::Email => self.state.fields.without_email = true,
                Field::Company => self.state.fields.without_company = true,
                Field::Phone => self.state.fields.without_phone = true,
            }
            next = if field == Field::Name { Pending::AnythingElse } else {
                agenda::next(&assistant, &self.state.fields, self.caller_number.is_some(), self.state.person_wanted)
            };
        }
        let text = match next {
            Pending::Field(field) => {
                let question = assistant.questions.iter().find(|question| question.field == field);
                question.and_then(|question| {
                    let which = self.tries(next).min(question.ask.len() - 1);
                    self.line(&question.ask[which])
                })
            }
            Pending::ConfirmEmail => self.line(&lines.email_confirm),
            Pending::OfferPhone => self.phone_offer(),
            Pending::ConfirmPhone => self.line(&lines.phone_confirm),
            Pending::AnythingElse => {
                if self.tries(next) == 0 {
                    let summary = self.line(&lines.summary).filter(|_| !self.state.person_wanted);
                    if let Some(summary) = summary.or_else(|| self.line(&lines.summary_short)) {
                        reply.say(summary);
                    }
                }
                self.line(&lines.anything_else)
            }
            Pending::Nothing => None,
        };
        if let Some(text) = &text {
            reply.say(text.clone());
        }
        self.ask_as(next, text);
    }

    /// Gives up the confirmation that is asked for; what was nearly known stays as a note. `true` if it was one.
    fn let_go(&mut self, confirmation: Pending) -> bool {
        let fields = &mut self.state.fields;
        let unsure = match confirmation {
            Pending::ConfirmEmail => {
                fields.without_email = true;
                fields.draft.email.take().map(|email| format!("Correo sin confirmar: {email}."))
            }
            Pending::ConfirmPhone => {
                fields.without_phone = true;
                fields.draft.phone.take().map(|phone| format!("Teléfono sin confirmar: {phone}."))
            }
            Pending::OfferPhone => {
                fields.without_phone = true;
                None
            }
            Pending::Nothing | Pending::Field(_) | Pending::AnythingElse => return false,
        };
        if let Some(note) = unsure {
            self.note(&note);
        }
        true
    }

    fn ask_as(&mut self, pending: Pending, question: Option<String>) {
        *self.state.asked.entry(pending).or_default() += 1;
        self.state.pending = pending;
        self.state.question_heard = false;
        self.state.question = question;
    }

    fn tries(&self, pending: Pending) -> usize {
        self.state.asked.get(&pending).copied().unwrap_or(0)
    }

    /// Sentences with this caller's own data that will be said unless something changes.
    fn foreseen(&self) -> Vec<String> {
        let assistant = self.assistant.clone();
        let lines = &assistant.lines;
        let draft = &self.state.fields.draft;
        let mut texts = Vec::new();
        if self.tries(Pending::OfferPhone) == 0 && draft.phone.is_none() {
            texts.extend(self.phone_offer());
        }
        if self.tries(Pending::AnythingElse) == 0 && draft.name.is_some() && draft.email_confirmed {
            texts.extend(self.line(&lines.summary));
        }
        texts.iter().flat_map(|text| tongue::sentences(text)).map(|sentence| sentence.trim().to_owned()).collect()
    }

    fn phone_offer(&self) -> Option<String> {
        let number = self.caller_number.as_deref()?;
        fill(self.assistant.lines.phone_offer.text(self.state.usted), |gap| match gap {
            "phone" => Some(number),
            own => self.assistant.own(own),
        })
    }

    fn goodbye(&mut self, reply: &mut Reply, phrase: &Phrase) {
        if let Some(text) = self.line(phrase) {
            reply.said.push((text, SpeechKind::Goodbye));
        }
        self.state.closing = true;
        reply.end = true;
    }

    fn note(&mut self, text: &str) {
        let notes = self.state.fields.draft.notes.get_or_insert_default();
        if !notes.is_empty() {
            notes.push(' ');
        }
        notes.push_str(text);
    }

    fn send(&self, cue: CueId, thought: Thought) {
        // The channel holds many answers; a full one means that nobody listens any more.
        if self.thoughts.try_send((cue, thought)).is_err() {
            tracing::debug!("a thought had no listener");
        }
    }
}

impl Brain for ScriptBrain {
    fn think(&mut self, cue: CueId, about: Cue) {
        if let Cue::Turn { revises: Some(revised), .. } = &about
            && let Some(index) = self.before.iter().position(|(earlier, _)| earlier == revised)
        {
            let question_heard = self.state.question_heard;
            self.state = self.before[index].1.clone();
            self.before.truncate(index);
            // What was heard in between stays heard.
            self.state.question_heard |= question_heard;
        }
        if self.before.len() == REMEMBERED_CUES {
            self.before.remove(0);
        }
        self.before.push((cue, self.state.clone()));
        let draft_before = self.state.fields.draft.clone();
        let reply = self.answer(&about);
        for (text, kind) in reply.said {
            for sentence in tongue::sentences(&text) {
                self.send(cue, Thought::Say { text: sentence.trim().to_owned(), kind });
            }
        }
        if self.state.fields.draft != draft_before {
            self.send(cue, Thought::Lead(self.state.fields.draft.clone()));
        }
        if !matches!(about, Cue::Filler) {
            self.send(cue, Thought::Expect(self.expectation()));
        }
        for sentence in self.foreseen() {
            self.send(cue, Thought::Foresee(sentence));
        }
        if reply.end {
            self.send(cue, Thought::EndCall);
        }
        self.send(cue, Thought::Done);
    }

    fn forget(&mut self, _cue: CueId) {}

    fn heard(&mut self, entry: &Entry) {
        let Some(question) = self.state.question.as_deref().filter(|_| entry.speaker == Speaker::Assistant) else {
            return;
        };
        let text = entry.text.trim();
        // Who interrupts the second half of a question has understood it.
        let heard = if entry.unheard.is_none() {
            !text.is_empty() && question.ends_with(text)
        } else {
            question.starts_with(text) && text.len() * 2 >= question.len()
        };
        self.state.question_heard |= heard;
    }

    fn lead(&self) -> LeadDraft {
        self.state.fields.draft.clone()
    }
}

impl ScriptBrain {
    /// What kind of answer the open question asks for.
    pub fn expectation(&self) -> Expectation {
        self.state.pending.expectation()
    }
}

fn has_field(heard: &Heard) -> bool {
    heard.name.is_some() || heard.email.is_some() || heard.phone.is_some() || heard.company.is_some()
}

/// "Hola, buenas tardes" says nothing about what is needed.
fn is_greeting(text: &str) -> bool {
    let lower = text.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.all(|word| GREETINGS.contains(&word))
}

/// What is left of a text when the sentences that only greet are taken from its beginning.
fn without_greeting(text: &str) -> &str {
    let mut rest = text.trim();
    while let Some(end) = rest.find(['.', ',', '!', ';']) {
        let (first, behind) = (&rest[..end], rest[end + 1..].trim());
        if behind.is_empty() || !is_greeting(first) {
            break;
        }
        rest = behind;
    }
    rest
}

const GREETINGS: [&str; 20] = [
    "hola", "buenas", "buenos", "buen", "tardes", "días", "dias", "noches", "día", "qué", "que", "tal", "bueno", "sí", "mira",
    "hello", "hi", "good", "morning", "afternoon",
];

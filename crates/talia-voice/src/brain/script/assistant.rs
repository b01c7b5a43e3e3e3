//! Assistants as a company writes them: `assistants/*.toml`, checked when they are read.

use super::assistant_error::AssistantError;
use super::knowledge::Knowledge;
use super::later_lines;
use super::phrase::{GAPS, Phrase, fill, gaps};
use super::recording_notice;
use super::recording_talk::RecordingTalk;
use crate::brain::knowledge::{KnowledgeError, Library};
use crate::config::{Consent, Recordings, sha256_hex};
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    path::{Component, Path},
    sync::{Arc, OnceLock},
};
use talia_spanish::{Language, tongue};

/// The gap for what a call is about.
const PURPOSE: &str = "purpose";
/// Gaps that are the same in every call.
const OWN_GAPS: [&str; 3] = ["assistant", "business", "notice"];
/// The longest value of a variable, in characters.
pub const MAX_VALUE: usize = 200;
const DISCLOSURES: &str = include_str!("../../../../../assistants/disclosures.toml");

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// What the caller needs.
    Need,
    /// Full name.
    Name,
    /// E-mail address.
    Email,
    /// Telephone number.
    Phone,
    /// Company.
    Company,
}

/// One question of the conversation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// What it fills.
    pub field: Field,
    /// How it is asked: first, and when it must be asked again.
    pub ask: Vec<Phrase>,
}

/// One reason to go on, by what the caller needs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Benefit {
    /// Words of the need that it fits; none = fits when nothing else does.
    pub when: Vec<String>,
    /// The reason.
    pub say: Phrase,
}

/// One frequent question.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Faq {
    /// Ways to ask it.
    pub questions: Vec<String>,
    /// The answer.
    pub answer: Phrase,
}

/// The other things an assistant says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lines {
    pub need_noted: Phrase,
    pub name_noted: Phrase,
    pub email_confirm: Phrase,
    pub email_noted: Phrase,
    pub email_given_up: Phrase,
    pub company_noted: Phrase,
    pub company_none: Phrase,
    pub phone_offer: Phrase,
    pub phone_confirm: Phrase,
    pub phone_noted: Phrase,
    pub phone_given_up: Phrase,
    pub corrected: Phrase,
    pub summary: Phrase,
    pub summary_short: Phrase,
    pub anything_else: Phrase,
    pub goodbye: Phrase,
    pub goodbye_silence: Phrase,
    pub goodbye_limit: Phrase,
    pub machine: Phrase,
    pub person: Phrase,
    pub take_your_time: Phrase,
    pub repeat: Phrase,
    pub lost: Vec<Phrase>,
    pub unknown_answer: Phrase,
    pub still_there: Vec<Phrase>,
    pub filler: Vec<Phrase>,
    pub apology: Phrase,
    /// After a break of the line; as the following, the language's own where a file has none.
    pub resumed: Option<Phrase>,
    /// Before the caller is handed to a person.
    pub transfer: Option<Phrase>,
    /// When no person answered.
    pub transfer_failed: Option<Phrase>,
    /// Offers keys for yes and no to whom we don't understand.
    pub keys_yes_no: Option<Phrase>,
    /// Offers keys for a telephone number.
    pub keys_phone: Option<Phrase>,
    /// Confirms that the number is not called any more, and takes leave.
    pub do_not_call: Option<Phrase>,
    /// When the model is gone and the script goes on.
    pub took_over: Option<Phrase>,
    /// Bridges the wait while something is looked up.
    pub checking: Option<Phrase>,
    /// Bridges the wait after something was dictated.
    pub noting: Option<Phrase>,
}

/// How a call that we make begins.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outbound {
    /// Behind the disclosure. Its gaps: `assistant`, `business`, `notice`, `purpose`, and the variables.
    pub greeting: Phrase,
    /// Names of the values that whoever orders the call must give.
    #[serde(default)]
    pub variables: Vec<String>,
}

impl Outbound {
    /// Whether the greeting says what the call is about.
    pub fn needs_purpose(&self) -> bool {
        let texts = self.greeting.variants();
        texts.into_iter().any(|text| gaps(text).contains(&PURPOSE))
    }

    fn has_gap(&self, gap: &str) -> bool {
        gap == PURPOSE || OWN_GAPS.contains(&gap) || self.variables.iter().any(|name| name == gap)
    }
}

/// One assistant.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assistant {
    /// Its name in the database and in logs.
    pub id: String,
    /// Twilio numbers (E.164) that it answers; none = all that no other assistant answers.
    #[serde(default)]
    pub answers: Vec<String>,
    #[serde(deserialize_with = "language")]
    pub language: Language,
    /// ISO 3166 country whose disclosure and telephone habits apply.
    pub country: String,
    /// How it calls itself.
    pub name: String,
    /// The company it answers for.
    pub business: String,
    /// Where the privacy notice is, as it is said.
    pub notice: String,
    /// Voice of the local mouth.
    pub voice: String,
    #[serde(default = "one")]
    pub speed: f32,
    /// Who takes a caller that wants a person: an id of the configuration's `[[destinations]]`; none = a message is
    /// taken.
    pub person: Option<String>,
    /// More of those ids, among whom a model may choose.
    #[serde(default)]
    pub people: Vec<String>,
    /// What a model may use: ids of the configuration's `[[tools]]` and `[[mcp]]`.
    #[serde(default)]
    pub tools: Vec<String>,
    /// The folder of Markdown with what the company has written down, beside this file; without it, `<id>/knowledge` if
    /// there is one.
    #[serde(rename = "knowledge")]
    pub knowledge_folder: Option<String>,
    /// The notice that an AI speaks, if the country's text is to be reworded.
    pub disclosure: Option<Phrase>,
    pub greeting: Phrase,
    /// How it begins the calls that it makes; without it, with the greeting above.
    pub outbound: Option<Outbound>,
    pub questions: Vec<Question>,
    #[serde(default)]
    pub benefits: Vec<Benefit>,
    #[serde(default)]
    pub faq: Vec<Faq>,
    pub lines: Lines,
    /// SHA-256 of the text that it was read from, in hexadecimal.
    #[serde(skip)]
    pub source_sha256: String,
    /// The answers' index: made once, shared by all calls.
    #[serde(skip)]
    knowledge: OnceLock<Arc<Knowledge>>,
    /// What the company has written down.
    #[serde(skip)]
    library: Option<Arc<Library>>,
    /// What is said about recording; none: calls aren't recorded.
    #[serde(skip)]
    recording_talk: Option<RecordingTalk>,
}

fn one() -> f32 {
    1.0
}

fn language<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Language, D::Error> {
    match String::deserialize(from)?.as_str() {
        "es" => Ok(Language::Spanish),
        "en" => Ok(Language::English),
        other => Err(serde::de::Error::custom(format!("language «{other}»: use es or en"))),
    }
}

impl Assistant {
    /// Reads one assistant. `path` only names it in errors.
    pub fn parse(text: &str, path: &Path) -> Result<Self, AssistantError> {
        let parse = |message: String| AssistantError::Parse {
            path: path.to_owned(),
            message,
        };
        let mut assistant: Self = toml::from_str(text).map_err(|error| parse(error.to_string().replace('\n', " ")))?;
        assistant.source_sha256 = sha256_hex(text);
        if assistant.disclosure.is_none() {
            let texts: HashMap<String, HashMap<String, String>> =
                toml::from_str(DISCLOSURES).map_err(|error| parse(error.to_string()))?;
            let code = assistant.language.code();
            let of_language = texts
                .get(code)
                .ok_or_else(|| parse(format!("no disclosure for {code}")))?;
            let text = of_language
                .get(&assistant.country)
                .or_else(|| of_language.get("default"));
            assistant.disclosure = text.cloned().map(Phrase::Plain);
        }
        later_lines::complete(&mut assistant.lines, assistant.language);
        for phrase in assistant.phrases() {
            for text in phrase.variants() {
                if let Some(gap) = gaps(text).into_iter().find(|gap| !GAPS.contains(gap)) {
                    return Err(AssistantError::UnknownGap {
                        path: path.to_owned(),
                        gap: gap.to_owned(),
                    });
                }
            }
        }
        if let Some(outbound) = &assistant.outbound {
            for text in outbound.greeting.variants() {
                if let Some(gap) = gaps(text).into_iter().find(|gap| !outbound.has_gap(gap)) {
                    return Err(AssistantError::UnknownGap {
                        path: path.to_owned(),
                        gap: gap.to_owned(),
                    });
                }
            }
        }
        if assistant.disclosure_text().trim().is_empty() {
            return Err(parse("disclosure: it can be reworded, not left out".into()));
        }
        if assistant.questions.iter().any(|question| question.ask.is_empty())
            || assistant.lines.lost.is_empty()
            || assistant.lines.still_there.is_empty()
            || assistant.lines.filler.is_empty()
        {
            return Err(parse(
                "a question's `ask`, `lost`, `still_there` and `filler` need at least one phrase".into(),
            ));
        }
        Ok(assistant)
    }

    /// Reads what the company has written down, from a folder in `beside`.
    pub(super) fn load_library(&mut self, beside: &Path) -> Result<(), AssistantError> {
        let folder = if let Some(folder) = &self.knowledge_folder {
            let inside = Path::new(folder)
                .components()
                .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
            if !inside {
                return Err(KnowledgeError::Outside(folder.into()).into());
            }
            beside.join(folder)
        } else {
            let usual = beside.join(&self.id).join("knowledge");
            if !usual.is_dir() {
                return Ok(());
            }
            usual
        };
        self.library = Some(Arc::new(Library::load(&folder, self.language)?));
        Ok(())
    }

    /// What the company has written down.
    pub fn library(&self) -> Option<Arc<Library>> {
        self.library.clone()
    }

    /// Everybody whom its callers may be handed to, by id.
    pub fn reachable(&self) -> Vec<String> {
        let mut all: Vec<String> = self.person.iter().chain(&self.people).cloned().collect();
        all.sort();
        all.dedup();
        all
    }

    pub(super) fn knowledge(&self) -> Arc<Knowledge> {
        let make = || Arc::new(Knowledge::new(&self.faq, &self.business, self.language));
        self.knowledge.get_or_init(make).clone()
    }

    /// The disclosure with its gaps filled.
    pub fn disclosure_text(&self) -> String {
        let text = self.disclosure.as_ref().map_or("", |phrase| phrase.text(false));
        fill(text, |gap| self.own(gap)).unwrap_or_default()
    }

    /// Makes sure that the disclosure tells of the recording, with a notice behind it where it doesn't by itself, and that
    /// there is something to ask with where only a yes lets it begin.
    pub(super) fn tell_of_recording(&mut self, recordings: &Recordings) -> Result<(), AssistantError> {
        let language = self.language;
        let asks = recordings.consent == Some(Consent::OnlyAfterYes);
        let question = recordings.question.text(language).filter(|_| asks);
        if asks && !question.is_some_and(|text| RecordingTalk::is_question(text, language)) {
            return Err(AssistantError::RecordingUnasked {
                language: language.code(),
                question: question.unwrap_or_default().to_owned(),
            });
        }
        self.recording_talk = Some(RecordingTalk::new(question.map(str::to_owned), language));
        let notices = if asks {
            &recordings.conditional_notice
        } else {
            &recordings.notice
        };
        let notice = notices.text(language);
        if !recording_notice::tells(&self.disclosure_text(), self.language)
            && let Some(notice) = notice
        {
            let text = self.disclosure.as_ref().map_or("", |phrase| phrase.text(false));
            self.disclosure = Some(Phrase::Plain(format!("{} {notice}", text.trim_end())));
        }
        let disclosure = self.disclosure_text();
        if recording_notice::tells(&disclosure, language) {
            if asks && !recording_notice::is_conditional(&disclosure) {
                return Err(AssistantError::RecordingOverstated {
                    id: self.id.clone(),
                    country: self.country.clone(),
                    disclosure,
                });
            }
            return Ok(());
        }
        Err(AssistantError::RecordingUntold {
            id: self.id.clone(),
            country: self.country.clone(),
            disclosure,
        })
    }

    /// What is said about recording its calls; none where they aren't.
    pub fn recording_talk(&self) -> Option<&RecordingTalk> {
        self.recording_talk.as_ref()
    }

    /// A phrase with its gaps filled, as every call begins: with *tú*. None where it has other gaps.
    pub fn filled(&self, phrase: &Phrase) -> Option<String> {
        fill(phrase.text(false), |gap| self.own(gap))
    }

    /// A gap that is the same in every call.
    pub fn own(&self, gap: &str) -> Option<&str> {
        match gap {
            "assistant" => Some(&self.name),
            "business" => Some(&self.business),
            "notice" => Some(&self.notice),
            _ => None,
        }
    }

    fn phrases(&self) -> Vec<&Phrase> {
        let lines = &self.lines;
        let mut all = vec![
            &self.greeting,
            &lines.need_noted,
            &lines.name_noted,
            &lines.email_confirm,
            &lines.email_noted,
            &lines.email_given_up,
            &lines.company_noted,
            &lines.company_none,
            &lines.phone_offer,
            &lines.phone_confirm,
            &lines.phone_noted,
            &lines.phone_given_up,
            &lines.corrected,
            &lines.summary,
            &lines.summary_short,
            &lines.anything_else,
            &lines.goodbye,
            &lines.goodbye_silence,
            &lines.goodbye_limit,
            &lines.machine,
            &lines.person,
            &lines.take_your_time,
            &lines.repeat,
            &lines.unknown_answer,
            &lines.apology,
        ];
        all.extend(&self.disclosure);
        all.extend(&lines.resumed);
        all.extend(&lines.transfer);
        all.extend(&lines.transfer_failed);
        all.extend(&lines.keys_yes_no);
        all.extend(&lines.keys_phone);
        all.extend(&lines.do_not_call);
        all.extend(&lines.took_over);
        all.extend(&lines.checking);
        all.extend(&lines.noting);
        all.extend(&lines.lost);
        all.extend(&lines.still_there);
        all.extend(&lines.filler);
        all.extend(self.questions.iter().flat_map(|question| &question.ask));
        all.extend(self.benefits.iter().map(|benefit| &benefit.say));
        all.extend(self.faq.iter().map(|faq| &faq.answer));
        all
    }

    /// Every sentence that is the same in every call, and every such beginning of a sentence, most needed first:
    /// synthesised once and kept.
    pub fn fixed_sentences(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        let asked = self.recording_talk.iter().flat_map(RecordingTalk::texts);
        let opening = std::iter::once(self.disclosure_text()).chain(asked.map(str::to_owned));
        let phrases = self.phrases();
        // Every call begins with *tú*.
        let texts = phrases
            .iter()
            .map(|phrase| phrase.text(false))
            .chain(phrases.iter().map(|phrase| phrase.text(true)));
        let filled = texts.filter_map(|text| fill(text, |gap| self.own(gap)));
        for text in opening.chain(filled) {
            for sentence in tongue::sentences(&text) {
                let sentence = sentence.trim().to_owned();
                if !sentence.is_empty() && !sentences.contains(&sentence) {
                    sentences.push(sentence);
                }
            }
        }
        // "Mucho gusto, {name}.": what stands before the gap is the same in every call, and it is heard first.
        let texts = phrases
            .iter()
            .map(|phrase| phrase.text(false))
            .chain(phrases.iter().map(|phrase| phrase.text(true)));
        for text in texts {
            let Some((before, _)) = text.split_once('{') else {
                continue;
            };
            let last = tongue::sentences(before).last().map_or("", |sentence| sentence.trim());
            if last.ends_with([',', ':', ';']) && !sentences.iter().any(|known| known == last) {
                sentences.push(last.to_owned());
            }
        }
        sentences
    }
}

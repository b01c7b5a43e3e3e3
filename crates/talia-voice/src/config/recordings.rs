//! `[recordings]`: whether calls are recorded, when that begins, and for whose eyes.

use super::bucket::{self, Bucket};
use super::{ConfigError, set};
use age::x25519::Recipient;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use talia_spanish::{Expectation, Language};

/// The words for kinds of answers.
const ANSWERS: [(&str, Expectation); 11] = [
    ("open", Expectation::Open),
    ("name", Expectation::Name),
    ("spelled", Expectation::Spelled),
    ("email", Expectation::Email),
    ("phone", Expectation::Phone),
    ("yes_no", Expectation::YesNo),
    ("confirm_email", Expectation::ConfirmEmail),
    ("confirm_phone", Expectation::ConfirmPhone),
    ("digits", Expectation::Digits),
    ("date", Expectation::Date),
    ("company", Expectation::Company),
];

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    mode: String,
    notice: BTreeMap<String, String>,
    conditional_notice: BTreeMap<String, String>,
    question: BTreeMap<String, String>,
    recipient: String,
    folder: String,
    silent_during: String,
    bucket: bucket::Raw,
}

/// How calls are recorded.
#[derive(Debug, Clone)]
pub struct Recordings {
    /// When a recording begins; none: nothing is recorded.
    pub consent: Option<Consent>,
    /// Said behind a disclosure that doesn't tell of the recording, as a part of it.
    pub notice: InLanguages,
    /// The same where only a yes lets it begin.
    pub conditional_notice: InLanguages,
    /// Asks for that yes.
    pub question: InLanguages,
    /// Whose private key opens recordings; there is one wherever `consent` is.
    pub recipient: Option<Recipient>,
    /// Where they are written, and kept where there is no bucket.
    pub folder: PathBuf,
    /// Where finished ones go.
    pub bucket: Option<Arc<Bucket>>,
    /// While such an answer is expected, both sides are silence.
    pub silent_during: Vec<Expectation>,
}

/// What lets a recording begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// The caller has heard the disclosure, which tells of it, to its last mark.
    AfterNotice,
    /// The caller was asked, and said yes.
    OnlyAfterYes,
}

impl Consent {
    /// Its word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AfterNotice => "after_notice",
            Self::OnlyAfterYes => "only_after_yes",
        }
    }

    /// On what ground a recording is made then, as it is kept.
    pub fn ground(self) -> &'static str {
        match self {
            Self::AfterNotice => "after_notice",
            Self::OnlyAfterYes => "given",
        }
    }
}

/// A text for callers, in each language.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InLanguages([Option<String>; 2]);

impl InLanguages {
    /// The text for callers of this language, where there is one.
    pub fn text(&self, language: Language) -> Option<&str> {
        let [spanish, english] = &self.0;
        match language {
            Language::Spanish => spanish.as_deref(),
            Language::English => english.as_deref(),
        }
    }

    fn read(mut texts: BTreeMap<String, String>, name: &'static str) -> Result<Self, ConfigError> {
        let mut said = |language: &str| texts.remove(language).and_then(|text| set(&text));
        let read = Self([said("es"), said("en")]);
        match texts.keys().next() {
            Some(other) => Err(ConfigError::value(
                name,
                format!("`{other}` is not a language: use es and en"),
            )),
            None => Ok(read),
        }
    }
}

impl Raw {
    pub(super) fn check(self, environment: &HashMap<String, String>) -> Result<Recordings, ConfigError> {
        let consent = match self.mode.trim() {
            "never" => None,
            "after_notice" => Some(Consent::AfterNotice),
            "only_after_yes" => Some(Consent::OnlyAfterYes),
            _ => {
                return Err(ConfigError::value(
                    "recordings.mode",
                    "must be never, after_notice or only_after_yes",
                ));
            }
        };
        let recipient = set(&self.recipient).map(|text| recipient(&text)).transpose()?;
        if consent.is_some() && recipient.is_none() {
            return Err(ConfigError::value(
                "recordings.recipient",
                "is missing: `talia-voice keys new` makes a pair, and its public half (age1…) goes here",
            ));
        }
        let folder = set(&self.folder).ok_or_else(|| ConfigError::value("recordings.folder", "is missing"))?;
        Ok(Recordings {
            consent,
            notice: InLanguages::read(self.notice, "recordings.notice")?,
            conditional_notice: InLanguages::read(self.conditional_notice, "recordings.conditional_notice")?,
            question: InLanguages::read(self.question, "recordings.question")?,
            recipient,
            folder: folder.into(),
            bucket: self.bucket.check(environment)?.map(Arc::new),
            silent_during: answers(&self.silent_during)?,
        })
    }
}

/// A public key of age, as people write it.
pub(crate) fn recipient(text: &str) -> Result<Recipient, ConfigError> {
    // Never shown: somebody may have put the private half there.
    text.parse().map_err(|_| {
        ConfigError::value(
            "recordings.recipient",
            "is not a public key of age: `age1` and 58 letters and digits, as `talia-voice keys new` shows it",
        )
    })
}

fn answers(text: &str) -> Result<Vec<Expectation>, ConfigError> {
    let word = |word: &str| {
        let known = ANSWERS.iter().find(|(name, _)| *name == word);
        known.map(|(_, expectation)| *expectation).ok_or_else(|| {
            let known: Vec<_> = ANSWERS.iter().map(|(name, _)| *name).collect();
            let reason = format!("`{word}` is not a kind of answer: use {}", known.join(", "));
            ConfigError::value("recordings.silent_during", reason)
        })
    };
    let words = text.split(',').map(str::trim).filter(|text| !text.is_empty());
    words.map(word).collect()
}

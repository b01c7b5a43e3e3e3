//! The dictated cases of `cases/`: what callers say, what recognisers write of it, and the field that must come out.
//!
//! Their keys are explained in `cases/README.md`.

use crate::ear::{Agreement, Context, Country, PersonName, correction, phone, read_in};
use crate::{Expectation, Language};
use serde::Deserialize;

/// The files, by name without ending.
#[rustfmt::skip]
const FILES: &[(&str, &str)] = &[
    ("agreement", include_str!("../cases/agreement.toml")),
    ("callers", include_str!("../cases/callers.toml")),
    ("companies", include_str!("../cases/companies.toml")),
    ("companies_open", include_str!("../cases/companies_open.toml")),
    ("corrections_email", include_str!("../cases/corrections_email.toml")),
    ("corrections_name", include_str!("../cases/corrections_name.toml")),
    ("corrections_phone", include_str!("../cases/corrections_phone.toml")),
    ("digits", include_str!("../cases/digits.toml")),
    ("emails", include_str!("../cases/emails.toml")),
    ("emails_open", include_str!("../cases/emails_open.toml")),
    ("english", include_str!("../cases/english.toml")),
    ("held_out", include_str!("../cases/held_out.toml")),
    ("names", include_str!("../cases/names.toml")),
    ("names_open", include_str!("../cases/names_open.toml")),
    ("phones_ar", include_str!("../cases/phones_ar.toml")),
    ("phones_es", include_str!("../cases/phones_es.toml")),
    ("phones_mx", include_str!("../cases/phones_mx.toml")),
    ("phones_us", include_str!("../cases/phones_us.toml")),
    ("recognised", include_str!("../cases/recognised.toml")),
    ("spelled", include_str!("../cases/spelled.toml")),
];

/// One case with its file's defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The file it stands in, without ending.
    pub file: &'static str,
    /// What is compared: `email`, `phone`, `name`, …
    pub field: String,
    /// How its texts are to be read.
    pub context: Context,
    /// What the caller says aloud, in words.
    pub say: String,
    /// What recognisers write of it, besides `say`.
    pub heard: Vec<String>,
    /// The exact field; empty where nothing may be read.
    pub value: String,
    /// Known to be beyond the rules in some variant.
    pub hard: bool,
    /// What was understood before; only corrections have it.
    pub before: Option<String>,
    /// It can be given to a voice as it stands.
    pub spoken: bool,
}

/// The names of all files, in alphabetical order.
pub fn files() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

/// The cases of one file, or what is wrong with it.
pub fn load(file: &str) -> Result<Vec<Case>, String> {
    let (name, text) = FILES
        .iter()
        .find(|(name, _)| *name == file)
        .ok_or_else(|| format!("there are no dictated cases named {file}"))?;
    let file: File = toml::from_str(text).map_err(|error| format!("{name}: {error}"))?;
    file.case
        .into_iter()
        .map(|case| {
            let say = case.say.clone();
            case.whole(name, &file.defaults)
                .ok_or_else(|| format!("{name}: «{say}» lacks a field, or names a kind or a country that is not known"))
        })
        .collect()
}

/// The case's field as this text gives it, in the form of [`Case::value`].
#[must_use]
pub fn read(case: &Case, text: &str) -> String {
    let language = case.context.language;
    let before = case.before.as_deref().unwrap_or_default();
    match case.field.as_str() {
        "amended_email" => return correction::amend_email(before, text, language).unwrap_or_default(),
        "amended_phone" => {
            return phone::from_digits(before, case.context.country)
                .and_then(|current| correction::amend_phone(&current, text, language))
                .map(|phone| phone.e164)
                .unwrap_or_default();
        }
        "amended_name" => return named(correction::amend_name(before, text, language)),
        _ => {}
    }
    let heard = read_in(text, case.context);
    match case.field.as_str() {
        "email" => heard.email.map(|found| found.best().value.to_string()),
        "phone" => heard.phone.map(|phone| phone.e164),
        "name" => Some(named(heard.name)),
        "spelled" => heard.spelled,
        "company" => heard.company,
        "digits" => heard.digits,
        "agreement" => heard.agreement.map(|agreement| {
            match agreement {
                Agreement::Yes => "yes",
                Agreement::No => "no",
                Agreement::Unsure => "unsure",
            }
            .to_owned()
        }),
        _ => None,
    }
    .unwrap_or_default()
}

fn named(name: Option<PersonName>) -> String {
    name.map(|name| format!("{}|{}", name.given, name.surname.unwrap_or_default()))
        .unwrap_or_default()
}

#[derive(Deserialize)]
struct File {
    #[serde(flatten)]
    defaults: Keys,
    case: Vec<Written>,
}

#[derive(Deserialize)]
struct Written {
    #[serde(flatten)]
    keys: Keys,
    say: String,
    value: String,
    #[serde(default)]
    heard: Vec<String>,
    #[serde(default)]
    hard: bool,
    before: Option<String>,
}

/// What a file states for all of its cases, and a case may override.
#[derive(Deserialize)]
struct Keys {
    field: Option<String>,
    expect: Option<String>,
    language: Option<String>,
    country: Option<String>,
    spoken: Option<bool>,
}

impl Written {
    fn whole(self, file: &'static str, defaults: &Keys) -> Option<Case> {
        let keys = self.keys;
        let or = |own: Option<String>, default: &Option<String>| own.or_else(|| default.clone());
        let language = match or(keys.language, &defaults.language).as_deref() {
            None | Some("es") => Language::Spanish,
            Some("en") => Language::English,
            Some(_) => return None,
        };
        let field = or(keys.field, &defaults.field)?;
        // A correction without what it corrects can't be read.
        (self.before.is_some() || !field.starts_with("amended_")).then_some(())?;
        Some(Case {
            file,
            field,
            context: Context {
                expectation: expectation(&or(keys.expect, &defaults.expect)?)?,
                language,
                country: Country::from_iso(&or(keys.country, &defaults.country).unwrap_or_else(|| "MX".to_owned()))?,
            },
            say: self.say,
            heard: self.heard,
            value: self.value,
            hard: self.hard,
            before: self.before,
            spoken: keys.spoken.or(defaults.spoken).unwrap_or(false),
        })
    }
}

fn expectation(name: &str) -> Option<Expectation> {
    Some(match name {
        "open" => Expectation::Open,
        "name" => Expectation::Name,
        "spelled" => Expectation::Spelled,
        "email" => Expectation::Email,
        "phone" => Expectation::Phone,
        "yes_no" => Expectation::YesNo,
        "confirm_email" => Expectation::ConfirmEmail,
        "confirm_phone" => Expectation::ConfirmPhone,
        "digits" => Expectation::Digits,
        "company" => Expectation::Company,
        _ => return None,
    })
}

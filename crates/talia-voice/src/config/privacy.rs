//! `[privacy]`: what is masked before anything is kept.

use super::{ConfigError, set};
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

const KEY: &str = "privacy.patterns";
/// So many patterns are looked for in every line.
const MOST: usize = 32;
/// A pattern's text has at most so many characters…
const LONGEST: usize = 1_000;
/// … and, made ready, at most so many bytes.
const LARGEST: usize = 1 << 20;
/// Of what an operator may want to mask, something stands here; a pattern that finds nothing in it finds it everywhere.
const SAMPLES: [&str; 3] = ["", "a", "1 a-á."];

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    mask_cards: bool,
    patterns: Vec<RawPattern>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawPattern {
    name: String,
    regex: String,
}

/// What is masked.
#[derive(Debug, Clone, Default)]
pub struct Privacy {
    /// Numbers of payment cards, and their security codes.
    pub mask_cards: bool,
    /// What else.
    pub patterns: Vec<MaskPattern>,
}

/// Something else that is masked.
#[derive(Debug, Clone)]
pub struct MaskPattern {
    /// Stands in its place: `[oculto: NAME]`.
    pub name: String,
    /// Never matches an empty text by itself.
    pub regex: Regex,
}

impl Raw {
    pub(super) fn check(self) -> Result<Privacy, ConfigError> {
        if self.patterns.len() > MOST {
            return Err(ConfigError::value(KEY, format!("must be at most {MOST}")));
        }
        let mut names = BTreeSet::new();
        let patterns = self.patterns.into_iter().map(|pattern| pattern.check(&mut names));
        Ok(Privacy {
            mask_cards: self.mask_cards,
            patterns: patterns.collect::<Result<_, _>>()?,
        })
    }
}

impl RawPattern {
    fn check(self, names: &mut BTreeSet<String>) -> Result<MaskPattern, ConfigError> {
        let is_plain = |name: &str| {
            let mut signs = name.chars();
            name.len() <= 32 && signs.all(|sign| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_'))
        };
        let name = set(&self.name)
            .filter(|name| is_plain(name))
            .ok_or_else(|| ConfigError::value(KEY, "name must be 1 to 32 letters, digits, - or _"))?;
        let wrong = |what: &str| ConfigError::value(KEY, format!("«{name}»: {what}"));
        if !names.insert(name.clone()) {
            return Err(wrong("is there twice"));
        }
        let text = set(&self.regex).ok_or_else(|| wrong("a regex is missing"))?;
        if text.chars().count() > LONGEST {
            return Err(wrong("regex must have at most 1000 characters"));
        }
        let regex = RegexBuilder::new(&text)
            .size_limit(LARGEST)
            .dfa_size_limit(LARGEST)
            .build();
        let regex = regex.map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => {
                wrong("regex is too large: repeat less, or use fewer classes of Unicode")
            }
            // The text of several lines draws an arrow; its last line says what is wrong.
            other => wrong(&format!(
                "regex can't be read: {}",
                other
                    .to_string()
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .trim_start_matches("error: ")
            )),
        })?;
        let finds_nothing = |sample: &&str| regex.find_iter(sample).any(|found| found.is_empty());
        if SAMPLES.iter().any(finds_nothing) {
            return Err(wrong("regex must not match an empty text"));
        }
        Ok(MaskPattern { name, regex })
    }
}

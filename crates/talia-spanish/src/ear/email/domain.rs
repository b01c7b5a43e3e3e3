//! Reads what is said behind "arroba": a known provider or the words of an own domain, then its endings.

use super::symbols::{self, Sign};
use super::{ending, providers};
use crate::Language;
use crate::ear::numbers;
use crate::ear::spelling;
use crate::ear::token::Token;

/// A domain read, how surely, and how many tokens were used.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Domain {
    pub(crate) name: String,
    pub(crate) confidence: f32,
    pub(crate) used: usize,
}

/// Words that no domain goes on with when no dot follows.
#[rustfmt::skip]
const STOPS: &[&str] = &[
    "y", "gracias", "mi", "es", "todo", "ok", "si", "por", "para", "correcto", "no", "pero", "ese", "the", "and",
    "my", "thanks", "con", "punto", "nada", "bueno", "entonces", "tambien",
];

/// The most words of one label.
const LABEL: usize = 14;

/// Reads a domain at the beginning of the tokens, best first; empty if none is there.
pub(crate) fn read(row: &[Token], language: Language) -> Vec<Domain> {
    let mut labels: Vec<String> = Vec::new();
    let mut at = 0;
    loop {
        let (label, used) = label(&row[at..], language, !labels.is_empty());
        if label.is_empty() {
            break;
        }
        let end = at + used;
        let Some(dotted) = dot(&row[end..], language) else {
            return without_ending(&labels, &row[at..end], at, language);
        };
        labels.push(label);
        at = end + dotted;
        if let Some((mut name, mut used)) = ending::take(&row[at..]).map(|(name, used)| (name.to_owned(), used)) {
            at += used;
            // "punto com punto mx", "punto com mx".
            loop {
                let dotted = dot(&row[at..], language).unwrap_or(0);
                match ending::take(&row[at + dotted..]) {
                    Some((next, more))
                        if ending::may_follow(name.rsplit('.').next().unwrap_or(""), next)
                            && (dotted > 0 || row[at].is_any(&["mx", "ar", "eme", "m"])) =>
                    {
                        name = format!("{name}.{next}");
                        used = dotted + more;
                        at += used;
                    }
                    _ => break,
                }
            }
            if let Some(more) = dot(&row[at..], language).filter(|more| is_label(&row[at + more..], language)) {
                labels.push(name);
                at += more;
                continue;
            }
            return finished(&labels, &name, at);
        }
        if at >= row.len() {
            break;
        }
    }
    Vec::new()
}

fn is_label(row: &[Token], language: Language) -> bool {
    let (label, used) = label(row, language, true);
    !label.is_empty() && used < row.len() && dot(&row[used..], language).is_some() && used <= 4
}

fn dot(row: &[Token], language: Language) -> Option<usize> {
    let mut at = 0;
    while let Some((sign, used)) = row.get(at..).and_then(|rest| symbols::take(rest, language)) {
        match sign {
            Sign::Dot => return Some(at + used),
            Sign::Remark => at += used,
            _ => return None,
        }
    }
    None
}

/// The words up to the next dot, joined.
fn label(row: &[Token], language: Language, behind_dot: bool) -> (String, usize) {
    let mut label = String::new();
    let mut at = 0;
    let mut letters = false;
    while at < row.len() && at < LABEL {
        let rest = &row[at..];
        let lettered = spelling::take(rest, language).filter(|found| found.sure || found.used > 1);
        if lettered.is_none()
            && let Some((sign, used)) = symbols::take(rest, language)
        {
            match sign {
                Sign::Dot | Sign::At => break,
                Sign::Hyphen(_) | Sign::Under if !label.is_empty() => label.push('-'),
                _ => {}
            }
            at += used;
            continue;
        }
        let first_words = at > 0 || behind_dot;
        if first_words && rest[0].is_any(STOPS) && !letters && !dot_within(rest, language) {
            break;
        }
        if let Some(found) = lettered {
            label.push_str(&found.text);
            letters = true;
            at += found.used;
        } else if at > 0 && rest[0].is("y") && language == Language::Spanish && dot(&rest[1..], language).is_some() {
            // "un y punto edu": no domain ends in "y" said apart.
            label.push('i');
            at += 1;
        } else if rest[0].is("0") && rest.get(1).is_some_and(|next| next.glued && next.is_word()) {
            // "0inox": a word, not a digit.
            label.push_str("cero");
            at += 1;
        } else if let Some(group) = numbers::take(rest, language) {
            label.push_str(&group.digits);
            at += group.used;
        } else if let Some(found) = spelling::take(rest, language).filter(|_| letters) {
            label.push_str(&found.text);
            at += found.used;
        } else {
            letters = false;
            label.extend(
                rest[0]
                    .key
                    .replace('ñ', "n")
                    .chars()
                    .filter(char::is_ascii_alphanumeric),
            );
            at += 1;
        }
    }
    (label.trim_matches('-').to_owned(), at)
}

fn dot_within(row: &[Token], language: Language) -> bool {
    (1..row.len().min(6)).any(|at| dot(&row[at..], language).is_some())
}

/// "arroba gmail", "hotmail com": the ending was not said, or its dot.
fn without_ending(labels: &[String], words: &[Token], before: usize, language: Language) -> Vec<Domain> {
    if !labels.is_empty() {
        // An unknown ending behind a dot: kept as said when it could be one.
        let (last, used) = label(words, language, true);
        let plausible = (2..=6).contains(&last.len()) && last.bytes().all(|b| b.is_ascii_lowercase());
        return if plausible {
            finished_as(labels, &last, before + used, 0.45)
        } else {
            Vec::new()
        };
    }
    let split = (1..words.len()).rev().find_map(|at| {
        let (name, used) = ending::take(&words[at..])?;
        (matches!(name, "com" | "mx" | "es" | "net" | "org") && at + used == words.len()).then_some((at, name))
    });
    if let Some((at, name)) = split {
        let (host, _) = label(&words[..at], language, false);
        let known = providers::recognise(&host).is_some();
        if !host.is_empty() && (known || name == "com") {
            return finished_as(&[host], name, before + words.len(), if known { 0.85 } else { 0.5 });
        }
    }
    let mut host = String::new();
    let mut best: Option<Domain> = None;
    for (at, word) in words.iter().enumerate().take(4) {
        host.push_str(&label(std::slice::from_ref(word), language, false).0);
        let stem = host.strip_suffix("com").filter(|stem| !stem.is_empty());
        let (found, glued) = match stem.and_then(providers::recognise) {
            Some(found) => (Some(found), true),
            None => (providers::recognise(&host), false),
        };
        if let Some((provider, alike)) = found {
            // "arroba gmail" may still go on with "punto com": not sure enough to be whole.
            let confidence = alike * if glued { 0.8 } else { 0.45 };
            if best.as_ref().is_none_or(|kept| kept.confidence < confidence) {
                best = Some(Domain {
                    name: format!("{}.{}", provider.name, provider.endings[0]),
                    confidence,
                    used: before + at + 1,
                });
            }
        }
    }
    best.into_iter().collect()
}

fn finished(labels: &[String], ending: &str, used: usize) -> Vec<Domain> {
    finished_as(labels, ending, used, 1.0)
}

/// The domain as said, and the known provider that it sounds like.
fn finished_as(labels: &[String], ending: &str, used: usize, confidence: f32) -> Vec<Domain> {
    let said = labels.join(".");
    let mut found = Vec::new();
    if let [host] = labels
        && let Some((provider, alike)) = providers::recognise(host)
    {
        let usual = provider.endings.contains(&ending);
        let name = format!("{}.{ending}", provider.name);
        if alike >= 1.0 || usual {
            found.push(Domain {
                name,
                confidence: confidence * alike * if usual { 1.0 } else { 0.9 },
                used,
            });
        }
        if alike >= 1.0 {
            return found;
        }
    }
    let doubt = if found.is_empty() { 0.9 } else { 0.35 };
    found.push(Domain {
        name: format!("{said}.{ending}"),
        confidence: confidence * doubt,
        used,
    });
    found
}

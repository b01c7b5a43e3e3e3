//! Applies a spoken correction to an e-mail address.

use super::{Correction, read};
use crate::ear::email::{self, local, providers};
use crate::ear::heard::Email;
use crate::ear::sound::likeness;
use crate::ear::spelling;
use crate::ear::token::tokens;
use crate::{Expectation, Language};

/// The address with the correction applied; nothing if the text corrects nothing in it or the result is no address.
pub fn amend_email(current: &str, text: &str, language: Language) -> Option<String> {
    let (local, domain) = current.rsplit_once('@')?;
    let correction = read(text, language);
    let changed = correction
        .and_then(|correction| apply(local, domain, &correction, language))
        .or_else(|| whole(text, language))?;
    let email = Email::new(&changed)?;
    (email.as_str() != current).then(|| email.as_str().to_owned())
}

/// The address dictated anew.
fn whole(text: &str, language: Language) -> Option<String> {
    let found = email::read(text, Expectation::Email, language)?;
    (found.best().confidence >= 0.4).then(|| found.best().value.as_str().to_owned())
}

fn apply(local: &str, domain: &str, correction: &Correction, language: Language) -> Option<String> {
    let address = format!("{local}@{domain}");
    match correction {
        Correction::Replace { wrong, right } => {
            if let Some(address) = whole(right, language) {
                return Some(address);
            }
            if let (Some(_), Some(letter)) = (letter(wrong, language), letter(right, language)) {
                return respell(local, domain, &letter, None);
            }
            replace(local, domain, &written(wrong, language), &written(right, language))
        }
        Correction::Letter { letter, of } => respell(local, domain, letter, of.as_deref()),
        Correction::Without(what) => {
            let what = letter(what, language)
                .unwrap_or_else(|| written(what, language))
                .replace('ñ', "n");
            let shorter = remove_last(local, &what)?;
            Some(format!("{shorter}@{domain}"))
        }
        Correction::Nth { place, letter } => nth(local, *place, letter).map(|local| format!("{local}@{domain}")),
        Correction::Ends(end) => ends(local, domain, &written(end, language)),
        Correction::Starts(start) => {
            let start = written(start, language);
            let rest: String = local.chars().skip(start.chars().count()).collect();
            Some(format!("{start}{rest}@{domain}"))
        }
        Correction::Append(what) => {
            let what = letter(what, language).unwrap_or_else(|| written(what, language));
            (!what.is_empty()).then(|| format!("{local}{what}@{domain}"))
        }
        Correction::Restate(text) => whole(text, language).or_else(|| {
            let part = written(text, language);
            restate(local, domain, &part).filter(|changed| *changed != address)
        }),
    }
}

/// The letter that a text names and nothing else.
fn letter(text: &str, language: Language) -> Option<String> {
    let row = tokens(text);
    spelling::take(&row, language)
        .filter(|found| found.used == row.len())
        .map(|found| found.letters)
}

/// A heard fragment as it is written in an address.
fn written(text: &str, language: Language) -> String {
    let row = tokens(text);
    let (row, _) = email::symbols::unglue(&row, language);
    local::fragment(&row, language)
}

fn replace(local: &str, domain: &str, wrong: &str, right: &str) -> Option<String> {
    if wrong.is_empty() || right.is_empty() {
        return None;
    }
    if let Some(changed) = new_domain(domain, right) {
        let of_domain = domain.contains(wrong) || providers::recognise(wrong).is_some() || wrong.starts_with('.');
        if of_domain {
            return Some(format!("{local}@{changed}"));
        }
    }
    let in_local = local
        .rfind(wrong)
        .map(|at| format!("{}{right}{}@{domain}", &local[..at], &local[at + wrong.len()..]));
    let in_domain = || {
        domain
            .rfind(wrong)
            .map(|at| format!("{local}@{}{right}{}", &domain[..at], &domain[at + wrong.len()..]))
    };
    in_local
        .or_else(in_domain)
        .or_else(|| nearest(local, domain, right, Some(wrong)))
}

/// "punto mx", "gmail", "outlook.com" as a change of the domain.
fn new_domain(domain: &str, part: &str) -> Option<String> {
    let host = domain.split('.').next().unwrap_or(domain);
    if let Some(ending) = part.strip_prefix('.') {
        let known = ending
            .split('.')
            .all(|label| (2..=6).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_lowercase()));
        return known.then(|| format!("{host}.{}", ending.replace("con", "com")));
    }
    let (name, ending) = part
        .split_once('.')
        .map_or((part, None), |(name, ending)| (name, Some(ending)));
    let (provider, alike) = providers::recognise(name)?;
    (alike > 0.6).then(|| format!("{}.{}", provider.name, ending.unwrap_or(provider.endings[0])))
}

fn restate(local: &str, domain: &str, part: &str) -> Option<String> {
    if part.is_empty() {
        return None;
    }
    if let Some(domain) = new_domain(domain, part) {
        return Some(format!("{local}@{domain}"));
    }
    if matches!(part, "_" | "-" | ".") {
        // "no, guion bajo": the only other sign is what was misheard.
        let signs: Vec<usize> = local
            .char_indices()
            .filter(|(_, c)| matches!(c, '_' | '-' | '.'))
            .map(|(at, _)| at)
            .collect();
        if let [at] = signs[..] {
            return Some(format!("{}{part}{}@{domain}", &local[..at], &local[at + 1..]));
        }
        return match domain.find(['-', '_']) {
            Some(at) if part == "-" => Some(format!("{local}@{}-{}", &domain[..at], &domain[at + 1..])),
            _ => None,
        };
    }
    if part.bytes().all(|b| b.is_ascii_digit()) {
        return ends(local, domain, part);
    }
    nearest(local, domain, part, None)
}

/// Puts a word in the place of the part of the address that sounds most like it.
fn nearest(local: &str, domain: &str, right: &str, wrong: Option<&str>) -> Option<String> {
    let probe = wrong.unwrap_or(right);
    let mut best: Option<(f64, String)> = None;
    let mut consider = |alike: f64, address: String| {
        if alike >= 0.6 && best.as_ref().is_none_or(|(kept, _)| alike > *kept) {
            best = Some((alike, address));
        }
    };
    for (start, end) in spans(local) {
        consider(
            likeness(&local[start..end], probe),
            format!("{}{right}{}@{domain}", &local[..start], &local[end..]),
        );
    }
    let host = domain.split('.').next().unwrap_or(domain);
    for (start, end) in spans(host) {
        consider(
            likeness(&host[start..end], probe),
            format!("{local}@{}{right}{}", &domain[..start], &domain[end..]),
        );
    }
    best.map(|(_, address)| address)
}

/// All stretches of a text of reasonable length, by byte.
fn spans(text: &str) -> Vec<(usize, usize)> {
    let cuts: Vec<usize> = text
        .char_indices()
        .map(|(at, _)| at)
        .chain([text.len()])
        .take(64)
        .collect();
    let mut spans = Vec::new();
    for (index, start) in cuts.iter().enumerate() {
        spans.extend(
            cuts[index + 1..]
                .iter()
                .filter(|end| **end - start >= 2)
                .map(|end| (*start, *end)),
        );
    }
    spans
}

fn respell(local: &str, domain: &str, letter: &str, of: Option<&str>) -> Option<String> {
    let letter = letter.replace('ñ', "n");
    let key = of.map(crate::ear::sound::fold);
    if let Some(word) = key {
        let within = |text: &str| {
            spans(text)
                .into_iter()
                .map(|(start, end)| (likeness(&text[start..end], &word), start, end))
                .max_by(|a, b| a.0.total_cmp(&b.0))
                .filter(|(alike, ..)| *alike >= 0.8)
        };
        // "luz con zeta": the recogniser already wrote the word as it should be.
        let right = word.contains(letter.as_str()) && word.is_ascii();
        if let Some((_, start, end)) = within(local)
            && let Some(changed) = if right {
                Some(word.clone())
            } else {
                spelling::with_letter(&local[start..end], &letter)
            }
        {
            return Some(format!("{}{changed}{}@{domain}", &local[..start], &local[end..]));
        }
        let host = domain.split('.').next().unwrap_or(domain);
        if let Some((_, start, end)) = within(host)
            && let Some(changed) = if right {
                Some(word.clone())
            } else {
                spelling::with_letter(&host[start..end], &letter)
            }
        {
            return Some(format!("{local}@{}{changed}{}", &domain[..start], &domain[end..]));
        }
    }
    spelling::with_letter(local, &letter)
        .map(|local| format!("{local}@{domain}"))
        .or_else(|| {
            let (host, ending) = domain.split_once('.')?;
            providers::recognise(host)
                .is_none()
                .then(|| spelling::with_letter(host, &letter))
                .flatten()
                .map(|host| format!("{local}@{host}.{ending}"))
        })
}

fn remove_last(local: &str, what: &str) -> Option<String> {
    if what.is_empty() {
        return None;
    }
    let at = local.rfind(what)?;
    Some(format!("{}{}", &local[..at], &local[at + what.len()..]))
}

fn nth(local: &str, place: i32, letter: &str) -> Option<String> {
    let mut chars: Vec<char> = local.chars().collect();
    let at = if place < 0 {
        chars.len().checked_sub(place.unsigned_abs() as usize)?
    } else {
        place as usize
    };
    let new = letter.replace('ñ', "n").chars().next()?;
    *chars.get_mut(at)? = new;
    Some(chars.into_iter().collect())
}

fn ends(local: &str, domain: &str, end: &str) -> Option<String> {
    if let Some(changed) = new_domain(domain, end) {
        return Some(format!("{local}@{changed}"));
    }
    if end.is_empty() {
        return None;
    }
    let digits = local.len() - local.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    if end.bytes().all(|b| b.is_ascii_digit()) {
        let stem = &local[..local.len() - digits];
        // "termina en 88" of "1978" changes the last two digits; of "ana" it adds them.
        let kept = &local[stem.len()..][..digits.saturating_sub(end.len())];
        return Some(format!("{stem}{kept}{end}@{domain}"));
    }
    let keep = local.chars().count().saturating_sub(end.chars().count());
    let stem: String = local.chars().take(keep).collect();
    Some(format!("{stem}{end}@{domain}"))
}

//! Reads letters said by their names: "be de burro", "ve chica", "doble u", "M-E-N-D-E-Z".

use super::sound::sounds;
use super::token::{Token, begins, begins_any, tokens};
use crate::Language;

/// One or more letters read from the beginning of a row of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Letters {
    /// Lower case.
    pub(crate) text: String,
    /// Tokens read.
    pub(crate) used: usize,
    /// Nothing else than a letter can be meant (an example was given, or the name is no word).
    pub(crate) sure: bool,
}

/// Names as Spanish says them and as recognisers write them. The flag: can't be taken for a word.
const NAMES: &[(&str, char, bool)] = &[
    ("a", 'a', false),
    ("be", 'b', true),
    ("ce", 'c', true),
    ("de", 'd', false),
    ("e", 'e', false),
    ("efe", 'f', true),
    ("ge", 'g', true),
    ("hache", 'h', true),
    ("ache", 'h', true),
    ("i", 'i', false),
    ("jota", 'j', true),
    ("hota", 'j', true),
    ("ka", 'k', true),
    ("ele", 'l', true),
    ("eme", 'm', true),
    ("ene", 'n', true),
    ("eñe", 'ñ', true),
    ("enie", 'ñ', true),
    ("enye", 'ñ', true),
    ("o", 'o', false),
    ("pe", 'p', true),
    ("cu", 'q', true),
    ("ku", 'q', true),
    ("qu", 'q', true),
    ("ere", 'r', true),
    ("erre", 'r', true),
    ("ese", 's', false),
    ("te", 't', false),
    ("u", 'u', false),
    ("uve", 'v', true),
    ("ube", 'v', true),
    ("ve", 'v', false),
    ("equis", 'x', true),
    ("ekis", 'x', true),
    ("ye", 'y', false),
    ("zeta", 'z', true),
    ("ceta", 'z', true),
    ("seta", 'z', true),
];

/// Names of several words, longest first where one begins another.
const PHRASES: &[(&str, &str)] = &[
    ("doble uve", "w"),
    ("uve doble", "w"),
    ("doble ve", "w"),
    ("doble be", "w"),
    ("doble u", "w"),
    ("doble w", "w"),
    ("ve doble", "w"),
    ("be doble", "w"),
    ("u doble", "w"),
    ("i griega", "y"),
    ("y griega", "y"),
    ("igriega", "y"),
    ("i latina", "i"),
    ("y latina", "i"),
    ("ve chica", "v"),
    ("ve corta", "v"),
    ("ve baja", "v"),
    ("ve pequeña", "v"),
    ("ve chiquita", "v"),
    ("be chica", "v"),
    ("be corta", "v"),
    ("be baja", "v"),
    ("b chica", "v"),
    ("b corta", "v"),
    ("b baja", "v"),
    ("v chica", "v"),
    ("v corta", "v"),
    ("v baja", "v"),
    ("be grande", "b"),
    ("be larga", "b"),
    ("be alta", "b"),
    ("b grande", "b"),
    ("b larga", "b"),
    ("b alta", "b"),
    ("v grande", "b"),
    ("ve grande", "b"),
    ("ve larga", "b"),
    ("ve alta", "b"),
    ("ce hache", "ch"),
    ("elle", "ll"),
];

/// Parts words that are two names of letters written as one ("errete") where they stand beside another letter.
pub(crate) fn parted(row: &[Token], language: Language) -> Vec<Token> {
    let is_letter = |at: Option<usize>| {
        at.and_then(|at| row.get(at)).is_some_and(|token| {
            token.key.chars().count() == 1 || take(std::slice::from_ref(token), language).is_some()
        })
    };
    let mut parted = Vec::with_capacity(row.len());
    for (at, token) in row.iter().enumerate() {
        let beside = is_letter(at.checked_sub(1)) || is_letter(Some(at + 1));
        let cut = two_letters(&token.key).filter(|_| beside && language == Language::Spanish);
        match cut.and_then(|cut| token.key.split_at_checked(cut)) {
            Some((first, second)) => {
                let part = |key: &str, glued, pause| Token {
                    text: key.to_owned(),
                    key: key.to_owned(),
                    glued,
                    pause,
                    stop: false,
                };
                parted.push(part(first, token.glued, false));
                parted.push(part(second, true, token.pause));
            }
            None => parted.push(token.clone()),
        }
    }
    parted
}

/// Where a word of two long names of letters is cut.
fn two_letters(key: &str) -> Option<usize> {
    let names = || NAMES.iter().map(|(name, _, _)| *name).filter(|name| name.len() >= 2);
    names().filter(|first| first.len() >= 3).find_map(|first| {
        let rest = key.strip_prefix(first)?;
        names().any(|second| second == rest).then_some(first.len())
    })
}

/// Reads the letter (or doubled letter) that the tokens begin with.
pub(crate) fn take(row: &[Token], language: Language) -> Option<Letters> {
    if language == Language::Spanish {
        for (phrase, letters) in PHRASES {
            if let Some(used) = begins_any(row, &[phrase]) {
                return Some(Letters {
                    text: (*letters).to_owned(),
                    used,
                    sure: true,
                });
            }
        }
    }
    if let Some(times) = repeats(row, language)
        && let Some(one) = single(&row[1..], language)
        && one.text.chars().count() == 1
        && (one.sure || row[1].key.len() == 1 || times == 3)
    {
        return Some(Letters {
            text: one.text.repeat(times),
            used: one.used + 1,
            sure: true,
        });
    }
    single(row, language)
}

fn repeats(row: &[Token], language: Language) -> Option<usize> {
    match (row.first()?.key.as_str(), language) {
        ("doble", Language::Spanish) | ("double", Language::English) => Some(2),
        ("triple", _) => Some(3),
        _ => None,
    }
}

fn single(row: &[Token], language: Language) -> Option<Letters> {
    let first = row.first()?;
    let mut chars = first.key.chars();
    let (letter, sure) = match (chars.next(), chars.next()) {
        (Some(c), None) if c.is_alphabetic() => (c, first.capitalised() && c != 'a' && c != 'y'),
        _ if language == Language::Spanish => {
            let (_, letter, sure) = NAMES.iter().find(|(name, _, _)| first.key == *name)?;
            (*letter, *sure)
        }
        _ => return None,
    };
    if let Some((letter, used)) = example(row, letter, language) {
        return Some(Letters {
            text: letter.to_string(),
            used,
            sure: true,
        });
    }
    Some(Letters {
        text: letter.to_string(),
        used: 1,
        sure,
    })
}

/// "be de burro", "eme como María", "b as in boy": the example settles b and v.
fn example(row: &[Token], letter: char, language: Language) -> Option<(char, usize)> {
    let rest = row.get(1..)?;
    let link = match language {
        Language::Spanish if begins(rest, &["como", "en"]) || begins(rest, &["como", "de"]) => 2,
        Language::Spanish if begins(rest, &["de"]) || begins(rest, &["como"]) => 1,
        Language::English if begins(rest, &["as", "in"]) || begins(rest, &["like", "in"]) => 2,
        Language::English if begins(rest, &["for"]) => 1,
        _ => return None,
    };
    let word = rest.get(link)?;
    if word.key.chars().count() < 3 {
        return None;
    }
    let initial = word.key.chars().next()?;
    let alike = match (letter, initial) {
        (a, b) if a == b => true,
        ('b' | 'v', 'b' | 'v')
        | ('s' | 'c' | 'z', 's' | 'c' | 'z')
        | ('g' | 'j', 'g' | 'j')
        | ('i' | 'y', 'i' | 'y') => true,
        _ => false,
    };
    let inside = matches!(letter, 'ñ' | 'x' | 'r' | 'k' | 'w' | 'y') && word.key.contains(letter);
    if alike {
        Some((initial, link + 2))
    } else {
        inside.then_some((letter, link + 2))
    }
}

/// Reads a run of at least two letters ("erre, u, i, zeta"); hyphens and full stops between them are the recogniser's.
pub(crate) fn run(row: &[Token], language: Language) -> Option<Letters> {
    let mut letters = String::new();
    let mut at = 0;
    let mut read = 0;
    let mut end = 0;
    let mut sure = 0;
    while at < row.len() {
        let skip = row[at].is_any(&["-", ".", "/", "luego", "despues", "acento", "tilde"]) && read > 0;
        if skip || begins(&row[at..], &["con", "acento"]) {
            at += 1;
            continue;
        }
        let Some(next) = take(&row[at..], language) else { break };
        let spoken_i = next.text == "y" && next.used == 1 && !row[at].glued && !row[at].capitalised();
        letters.push_str(if spoken_i && language == Language::Spanish && row[at].is("y") {
            "i"
        } else {
            &next.text
        });
        sure += usize::from(next.sure);
        at += next.used;
        read += 1;
        end = at;
    }
    (read >= 2).then_some(Letters {
        text: letters,
        used: end,
        sure: sure * 2 >= read,
    })
}

/// Reads the longest spelled word in a text: "se escribe be, a, erre, o" gives "baro".
pub fn read(text: &str, language: Language) -> Option<String> {
    longest(&tokens(text), language).map(|(_, letters)| letters.text)
}

/// The longest run of letters and where it begins.
pub(crate) fn longest(row: &[Token], language: Language) -> Option<(usize, Letters)> {
    let mut best: Option<(usize, Letters)> = None;
    let mut at = 0;
    while at < row.len() {
        match run(&row[at..], language) {
            Some(found) => {
                let next = at + found.used.max(1);
                if best
                    .as_ref()
                    .is_none_or(|(_, kept)| found.text.chars().count() > kept.text.chars().count())
                {
                    best = Some((at, found));
                }
                at = next;
            }
            None => at += 1,
        }
    }
    best
}

/// Letters that are said alike: a speaker names one to choose it over the others.
#[rustfmt::skip]
const MATES: &[&str] = &[
    "bv", "scz", "gj", "yil", "ckq", "mn", "td", "xj", "xgs", "wu", "nñ", "pb", "fs", "rl",
];

/// Respells a word by a remark on one letter ("Vélez con be" gives "Bélez"); nothing if the letter fits nowhere.
pub fn with_letter(word: &str, letter: &str) -> Option<String> {
    let chars: Vec<char> = word.chars().collect();
    let mut named = letter.chars();
    let wanted = named.next()?;
    if let Some(second) = named.next() {
        return doubled(&chars, wanted, second);
    }
    if wanted == 'h' {
        return with_h(&chars);
    }
    let lower = |at: usize| {
        super::sound::fold(&chars[at].to_string())
            .chars()
            .next()
            .unwrap_or(chars[at])
    };
    let soft = |at: usize| at + 1 < chars.len() && matches!(lower(at + 1), 'e' | 'i');
    let fits_group = |group: &str, at: usize| {
        let c = lower(at);
        // c and g sound as their mates do only before some vowels.
        let sounding = match (c, group) {
            ('c', "scz") | ('g', "gj") => soft(at),
            ('c', "ckq") => !soft(at),
            _ => true,
        };
        c != wanted && sounding && group.contains(wanted) && group.contains(c)
    };
    let preferred = MATES.iter().find_map(|group| {
        let mut places = (0..chars.len()).filter(|&at| fits_group(group, at));
        // "con zeta" is most often said of the last sibilant (Gómez, Chávez), other letters of the first.
        if *group == "scz" {
            places.next_back()
        } else {
            places.next()
        }
    });
    let at = preferred?;
    let mut changed = chars;
    changed[at] = if changed[at].is_uppercase() {
        wanted.to_ascii_uppercase()
    } else {
        wanted
    };
    Some(changed.into_iter().collect())
}

fn doubled(chars: &[char], wanted: char, second: char) -> Option<String> {
    if wanted != second {
        return None;
    }
    let single = |c: char| c.to_ascii_lowercase() == wanted || (wanted == 'l' && matches!(c.to_ascii_lowercase(), 'y'));
    let at = (0..chars.len()).find(|&at| single(chars[at]))?;
    if chars.get(at + 1).is_some_and(|c| *c == second) {
        return None;
    }
    let first = if chars[at].is_uppercase() {
        wanted.to_ascii_uppercase()
    } else {
        wanted
    };
    let mut changed: String = chars[..at].iter().collect();
    changed.push(first);
    changed.push(second);
    changed.extend(&chars[at + 1..]);
    Some(changed)
}

fn with_h(chars: &[char]) -> Option<String> {
    let first = *chars.first()?;
    if sounds(&chars.iter().collect::<String>().to_lowercase()).is_empty() || first.eq_ignore_ascii_case(&'h') {
        return None;
    }
    let mut rest: String = chars.iter().collect();
    if !"aeiouáéíóú".contains(first.to_lowercase().next()?) {
        return None;
    }
    if first.is_uppercase() {
        rest = format!("H{}{}", first.to_lowercase(), chars[1..].iter().collect::<String>());
    } else {
        rest.insert(0, 'h');
    }
    Some(rest)
}

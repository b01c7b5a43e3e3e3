//! Written text to the words that a Mexican would say.

use super::cardinals::{Agreement, cardinal, digits_one_by_one, ordinal, roman};
use super::chunks::{Chunk, Dot, Reading, chunks};
use super::figures::{Figure, say_digits};
use super::letters::{letters_one_by_one, pronounceable};
use super::telephone::telephone;
use super::{calendar, english, internet, lexicon, money};
use crate::Language;

/// Writes text as it is spoken: figures, sums, dates, times, telephone numbers, addresses, abbreviations.
///
/// What comes out holds letters, blanks and the punctuation `, . ; : ? ! … ¿ ¡` only. Total: characters that nobody
/// says (emoji, markup) are left out. Blanks become single, a line that ends without a full stop gets one.
pub fn verbalize(text: &str, language: Language) -> String {
    let all = chunks(text);
    let mut spoken = String::with_capacity(text.len() * 2);
    let mut at = 0;
    while at < all.len() {
        let rest = &all[at..];
        let reading = match language {
            Language::Spanish => read(&all, at),
            Language::English => telephone(rest, language)
                .or_else(|| internet::address(rest, language))
                .unwrap_or_else(|| Reading::new(english::word(rest[0].core), 1)),
        };
        // One o'clock is singular, however the writer began: "a las 13:00".
        if reading.words.starts_with("una") && rest[0].core.contains(':') && spoken.ends_with(" las") {
            spoken.pop();
        }
        append(&mut spoken, &reading, rest);
        at += reading.used;
    }
    spoken
}

fn append(spoken: &mut String, reading: &Reading, rest: &[Chunk<'_>]) {
    let (first, last, next) = (&rest[0], &rest[reading.used - 1], rest.get(reading.used));
    let words = reading.words.trim();
    let mut pause = last.pause();
    if pause == Some('.') && !last.ends_line {
        let stops = next.is_none_or(|next| match reading.dot {
            Dot::Stop => true,
            Dot::Abbreviation => false,
            Dot::Either => next.opens_sentence(),
        });
        pause = pause.filter(|_| stops);
    }
    if last.ends_line && next.is_some() && pause.is_none() {
        pause = Some('.');
    }
    if words.is_empty() {
        // A dash that stands alone is a pause; other marks belong to the word before them.
        let bare = first.lead.contains(['—', '–']).then_some(',');
        if let Some(mark) = pause.or(bare).filter(|_| spoken.ends_with(char::is_alphanumeric)) {
            spoken.push(mark);
        }
        return;
    }
    if !spoken.is_empty() {
        if first.lead.contains(['(', '[', '—', '–']) && spoken.ends_with(char::is_alphanumeric) {
            spoken.push(',');
        }
        spoken.push(' ');
    }
    spoken.extend(first.lead.chars().find(|mark| matches!(mark, '¿' | '¡')));
    spoken.push_str(words);
    spoken.extend(pause);
}

fn read(all: &[Chunk<'_>], at: usize) -> Reading {
    let rest = &all[at..];
    let before = at
        .checked_sub(1)
        .map(|before| &all[before])
        .filter(|before| before.tail.is_empty());
    abbreviation(rest)
        .or_else(|| internet::address(rest, Language::Spanish))
        .or_else(|| postal_code(rest, before))
        .or_else(|| telephone(rest, Language::Spanish))
        .or_else(|| money::money(rest))
        .or_else(|| money::percentage(rest))
        .or_else(|| calendar::date(rest))
        .or_else(|| calendar::time(rest))
        .or_else(|| money::measure(rest))
        .or_else(|| ordinal_sign(rest))
        .or_else(|| century(rest, before))
        .or_else(|| number(rest))
        .unwrap_or_else(|| Reading::new(word(rest[0].core), 1))
}

fn abbreviation(rest: &[Chunk<'_>]) -> Option<Reading> {
    let first = rest.first()?;
    for (cores, words) in lexicon::SEVERAL {
        let fits = rest.len() >= cores.len() && cores.iter().zip(rest).all(|(core, chunk)| *core == chunk.core);
        if fits && (cores.len() > 2 || first.tail == ".") {
            return Some(Reading::new(words, cores.len()).with_dot(Dot::Either));
        }
    }
    let next_is_figure = || {
        rest.get(1)
            .is_some_and(|next| next.core.starts_with(|c: char| c.is_ascii_digit()))
    };
    if let Some(words) = lexicon::undotted(first.core) {
        // "No" is a number only before one.
        if first.core != "No" || (first.tail == "." && next_is_figure()) {
            let dot = if first.core.len() <= 3 && first.core != "IA" {
                Dot::Abbreviation
            } else {
                Dot::Either
            };
            return Some(Reading::new(words, 1).with_dot(dot));
        }
    }
    if !first.tail.starts_with('.') {
        return None;
    }
    let small = first.core.to_lowercase();
    // Words that are also plain words need company to count as abbreviations.
    let doubtful = matches!(
        small.as_str(),
        "sep" | "cap" | "max" | "ma" | "col" | "int" | "ext" | "art" | "cel" | "ave" | "tel"
    );
    let ends = rest.len() == 1 || first.ends_line;
    let words = lexicon::dotted(&small).filter(|_| !(doubtful && ends))?;
    let dot = if matches!(small.as_str(), "etc" | "cía" | "hnos") {
        Dot::Either
    } else {
        Dot::Abbreviation
    };
    let is_name = matches!(small.as_str(), "ma" | "fco" | "gpe");
    Some(Reading::new(if is_name { capital(words) } else { words.to_owned() }, 1).with_dot(dot))
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn postal_code(rest: &[Chunk<'_>], before: Option<&Chunk<'_>>) -> Option<Reading> {
    let first = rest
        .first()
        .filter(|chunk| chunk.is_digits() && chunk.core.len() == 5)?;
    before.filter(|before| matches!(before.core, "postal" | "CP" | "código"))?;
    Some(Reading::new(digits_one_by_one(first.core), 1))
}

fn ordinal_sign(rest: &[Chunk<'_>]) -> Option<Reading> {
    let core = rest.first()?.core;
    let end = core.find(|c: char| !c.is_ascii_digit())?;
    let value: u64 = core[..end].parse().ok().filter(|value| (1..=99).contains(value))?;
    let agreement = match core[end..].trim_start_matches('.') {
        "º" | "°" | "o" | "ro" | "do" | "to" | "mo" | "vo" | "no" => Agreement::Alone,
        "er" => Agreement::Masculine,
        "ª" | "a" | "ra" | "da" | "ta" | "ma" | "va" | "na" => Agreement::Feminine,
        _ => return None,
    };
    // "El 1º piso" loses its last vowel before the noun.
    let agreement = match agreement {
        Agreement::Alone if matches!(value, 1 | 3) && following_noun(rest).is_some() => Agreement::Masculine,
        other => other,
    };
    Some(Reading::new(ordinal(value, agreement), 1))
}

fn century(rest: &[Chunk<'_>], before: Option<&Chunk<'_>>) -> Option<Reading> {
    let value = roman(rest.first()?.core)?;
    let agreement = match before?.core.to_lowercase().as_str() {
        "siglo" | "siglos" | "capítulo" | "tomo" | "tipo" | "fase" | "artículo" | "título" | "nivel" => {
            return Some(Reading::new(cardinal(value, Agreement::Alone), 1));
        }
        "papa" | "rey" | "carlos" | "felipe" | "juan" | "pablo" | "luis" => Agreement::Alone,
        "reina" | "isabel" => Agreement::Feminine,
        _ => return None,
    };
    let words = if value <= 10 {
        ordinal(value, agreement)
    } else {
        cardinal(value, Agreement::Alone)
    };
    Some(Reading::new(words, 1))
}

/// The gender of the noun that a number counts, guessed from its ending; nothing when no noun follows.
fn following_noun(rest: &[Chunk<'_>]) -> Option<Agreement> {
    const NO_NOUN: &[&str] = &[
        "a", "al", "con", "cuando", "de", "del", "desde", "e", "el", "en", "entre", "es", "está", "fue", "hasta", "la",
        "las", "lo", "los", "me", "ni", "no", "o", "para", "pero", "por", "porque", "que", "se", "sin", "sobre", "son",
        "te", "u", "y", "ya", "más", "menos", "como", "si", "también", "punto", "coma", "mil", "le",
    ];
    const MASCULINE_IN_A: &[&str] = &[
        "día",
        "problema",
        "programa",
        "sistema",
        "mapa",
        "idioma",
        "tema",
        "clima",
        "planeta",
        "poeta",
        "esquema",
        "diagrama",
        "kilogramo",
        "pijama",
        "cura",
        "turista",
        "dentista",
        "agenda electrónica",
    ];
    let noun = rest
        .first()
        .filter(|first| first.runs_on())
        .and_then(|_| rest.get(1))?
        .core;
    if !noun.starts_with(char::is_lowercase) || !noun.chars().all(char::is_alphabetic) || NO_NOUN.contains(&noun) {
        return None;
    }
    let single = noun.strip_suffix('s').unwrap_or(noun);
    let feminine = (single.ends_with('a') && !MASCULINE_IN_A.contains(&single))
        || [
            "ción",
            "cione",
            "sión",
            "sione",
            "dad",
            "dade",
            "tud",
            "tude",
            "noche",
            "clase",
            "calle",
            "llave",
            "tarde",
            "sucursal",
            "imagen",
            "vez",
            "vece",
            "mano",
            "sede",
            "parte",
            "base",
            "fase",
            "orden",
            "ordene",
            "red",
            "rede",
            "imágene",
            "sucursale",
            "mujer",
            "mujere",
            "señale",
            "señal",
        ]
        .iter()
        .any(|ending| single.ends_with(ending));
    Some(if feminine {
        Agreement::Feminine
    } else {
        Agreement::Masculine
    })
}

fn number(rest: &[Chunk<'_>]) -> Option<Reading> {
    let core = rest.first()?.core;
    if let Some(numbered) = core.strip_prefix('#').and_then(Figure::parse) {
        return Some(Reading::new(format!("número {}", numbered.say(Agreement::Alone)), 1));
    }
    if let Some(figure) = core.strip_prefix('+').and_then(Figure::parse) {
        return Some(Reading::new(format!("más {}", figure.say(Agreement::Alone)), 1));
    }
    if let Some(figure) = Figure::parse(core) {
        return Some(Reading::new(
            figure.say(following_noun(rest).unwrap_or(Agreement::Alone)),
            1,
        ));
    }
    if core == "24/7" {
        return Some(Reading::new("veinticuatro siete", 1));
    }
    let fraction = match core {
        "1/2" | "½" => Some("un medio"),
        "1/3" | "⅓" => Some("un tercio"),
        "2/3" | "⅔" => Some("dos tercios"),
        "1/4" | "¼" => Some("un cuarto"),
        "3/4" | "¾" => Some("tres cuartos"),
        _ => None,
    };
    if let Some(words) = fraction {
        return Some(Reading::new(words, 1));
    }
    let (from, to) = core
        .split_once(['-', '–', '/', 'x', '×'])
        .filter(|(from, _)| !from.is_empty())?;
    let (from, to) = (Figure::parse(from)?, Figure::parse(to)?);
    let between = match core {
        _ if core.contains(['x', '×']) => "por",
        _ if core.contains('/') => "diagonal",
        _ => "a",
    };
    Some(Reading::new(
        format!("{} {between} {}", from.say(Agreement::Alone), to.say(Agreement::Alone)),
        1,
    ))
}

/// Any other chunk: cut at its signs and between letters and digits.
fn word(core: &str) -> String {
    if let Some(brand) = lexicon::respelled(&core.to_lowercase()) {
        return brand.to_owned();
    }
    let mut words: Vec<String> = Vec::new();
    let mut rest = core;
    while let Some(first) = rest.chars().next() {
        let end = if first.is_alphabetic() {
            let end = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
            words.push(letters(&rest[..end]));
            end
        } else if first.is_ascii_digit() {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            // Digits among letters are a code, not an amount.
            let digits = &rest[..end];
            words.push(if digits.len() > 3 {
                internet::say_run(digits)
            } else {
                say_digits(digits)
            });
            end
        } else {
            words.extend(sign(first).map(str::to_owned));
            first.len_utf8()
        };
        rest = &rest[end..];
    }
    words.join(" ")
}

fn sign(sign: char) -> Option<&'static str> {
    Some(match sign {
        '&' => "y",
        '+' => "más",
        '%' => "por ciento",
        '#' => "gato",
        '@' => "arroba",
        '/' => "diagonal",
        '=' => "igual a",
        '<' => "menor que",
        '>' => "mayor que",
        '×' => "por",
        '÷' => "entre",
        '°' | 'º' => "grados",
        '€' => "euros",
        '$' => "pesos",
        '²' => "cuadrado",
        _ => return None,
    })
}

/// A run of letters: a brand, initials, a shouted word, or just a word.
fn letters(run: &str) -> String {
    let small = run.to_lowercase();
    if let Some(brand) = lexicon::respelled(&small) {
        return brand.to_owned();
    }
    if let Some(words) = lexicon::undotted(run).filter(|_| run != "No") {
        return words.to_owned();
    }
    let count = run.chars().count();
    let shouted = count > 1 && run.chars().all(char::is_uppercase);
    const SHORT_WORDS: &[&str] = &[
        "a", "al", "da", "de", "di", "el", "en", "es", "fe", "ha", "he", "la", "le", "lo", "me", "mi", "no", "ni",
        "os", "se", "sé", "si", "sí", "su", "te", "tu", "tú", "un", "va", "ve", "ya", "yo", "ir", "más",
    ];
    if shouted {
        // Two letters are initials unless they are a word; longer runs are words when they can be said.
        let said = SHORT_WORDS.contains(&small.as_str()) || (count > 2 && pronounceable(&small));
        return if said { small } else { letters_one_by_one(&small) };
    }
    // Nobody can say "kjhg"; a single consonant is a letter: "plan B", "inciso c".
    let vowelless = !small.chars().any(|c| super::letters::is_vowel(c) || c == 'y');
    if vowelless && small.chars().all(|c| super::letters::letter_name(c).is_some()) {
        return letters_one_by_one(&small);
    }
    run.to_owned()
}

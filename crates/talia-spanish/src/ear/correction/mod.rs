//! Reads corrections ("no, con be", "no es hotmail, es gmail", "termina en 88") and applies them to what was understood.

mod amend_email;
mod amend_name;
mod amend_phone;

pub use amend_email::amend_email;
pub use amend_name::amend_name;
pub use amend_phone::amend_phone;

use super::numbers;
use super::spelling;
use super::token::{Token, begins_any, find_any, phrase, tokens};
use crate::Language;

/// What a caller wants changed. Texts are as heard; the `amend_*` functions read them as what they correct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Correction {
    /// "no es A, es B", "es B, no A", "B en vez de A".
    Replace {
        /// What was understood wrongly.
        wrong: String,
        /// What it should be.
        right: String,
    },
    /// "con be de burro", "Vélez con ve chica".
    Letter {
        /// One letter, or two alike, in lower case.
        letter: String,
        /// The word it belongs to, when said.
        of: Option<String>,
    },
    /// "sin la ese", "sin punto".
    Without(String),
    /// "la segunda letra es una eme".
    Nth {
        /// Counted from 0; from the end when negative (-1 is the last).
        place: i32,
        /// Lower case.
        letter: String,
    },
    /// "termina en 88": the new ending.
    Ends(String),
    /// "empieza con 33": the new beginning.
    Starts(String),
    /// "le falta un dos al final": what is added behind.
    Append(String),
    /// "perdón, quise decir …", "no, es punto mx": said anew, in whole or in part.
    Restate(String),
}

#[rustfmt::skip]
const OPENERS: &[&str] = &[
    "no", "no no", "perdon", "perdona", "perdone", "disculpa", "disculpe", "espera", "espere", "si pero", "si", "ah",
    "eh", "este", "bueno", "mire", "mira", "casi", "a ver", "incorrecto", "esta mal", "no esta mal", "no es correcto",
    "no es asi", "hay un error", "falta", "oiga", "oye", "momento", "un momento", "sorry", "wait", "pero", "ay",
    "solo que", "nada mas que", "correcto pero", "esta bien pero", "esa no", "asi no", "ahi no",
];

/// Reads the correction in a text; nothing if it corrects nothing.
pub fn read(text: &str, language: Language) -> Option<Correction> {
    let row = tokens(text);
    let (rest, opened) = opened(&row);
    if rest.is_empty() {
        return None;
    }
    replaced(&row)
        .or_else(|| appended(&row))
        .or_else(|| place(rest, language))
        .or_else(|| edges(rest))
        .or_else(|| without(rest))
        .or_else(|| lettered(rest, language))
        .or_else(|| restated(&row, rest, opened))
}

/// Drops "no, perdón, espere"; tells whether something was dropped that announces a correction.
fn opened(row: &[Token]) -> (&[Token], bool) {
    let mut rest = row;
    let mut announced = false;
    while let Some(length) = begins_any(rest, OPENERS) {
        // "no es X": the sentence itself denies.
        if rest[0].is("no")
            && length == 1
            && !rest[0].pause
            && rest
                .get(1)
                .is_some_and(|next| next.is_any(&["es", "termina", "lleva", "empieza"]))
        {
            break;
        }
        announced |= rest[..length].iter().any(|token| {
            token.is_any(&[
                "no",
                "perdon",
                "perdona",
                "perdone",
                "disculpa",
                "disculpe",
                "pero",
                "mal",
                "incorrecto",
                "error",
                "espera",
                "espere",
                "sorry",
                "wait",
                "casi",
            ])
        });
        rest = &rest[length..];
    }
    (rest, announced)
}

/// Cuts "es", "con", "va con", "lleva" from the beginning of a part of a correction.
fn bare(row: &[Token]) -> &[Token] {
    const NOUNS: &[&str] = &[
        "dominio",
        "correo",
        "final",
        "terminacion",
        "nombre",
        "numero",
        "telefono",
        "principio",
        "email",
        "mail",
    ];
    let mut rest = row;
    // "el dominio es punto mx".
    if let Some(verb) = rest.iter().take(4).position(|token| token.is_any(&["es", "is", "va"]))
        && rest[..verb].iter().any(|token| token.is_any(NOUNS))
        && verb + 1 < rest.len()
    {
        rest = &rest[verb + 1..];
    }
    while let Some(length) = begins_any(
        rest,
        &[
            "es",
            "es con",
            "con",
            "va con",
            "lleva",
            "sino",
            "era",
            "va",
            "es el",
            "es la",
            "sino que es",
            "que es",
            "seria",
            "it's",
            "is",
            "y",
            "mi",
            "correo",
            "dice",
            "with",
        ],
    ) {
        if length >= rest.len() {
            break;
        }
        rest = &rest[length..];
    }
    rest
}

fn replaced(row: &[Token]) -> Option<Correction> {
    if let Some((start, end)) = find_any(row, &["en vez de", "en lugar de", "instead of"]) {
        let (head, _) = opened(&row[..start]);
        return pair(&row[end..], head);
    }
    // "no, es A" affirms; "no es A" denies.
    let denial = find_any(
        row,
        &[
            "no es",
            "no era",
            "no va con",
            "no lleva",
            "no termina en",
            "it's not",
            "not",
        ],
    )
    .filter(|(start, _)| !row[*start].pause);
    if let Some((_, end)) = denial {
        let rest = &row[end..];
        // "no es punto mx, no punto com": the comma behind the first "no" was lost.
        if let Some(second) = (1..rest.len()).find(|&at| rest[at].is("no") && at + 1 < rest.len()) {
            return pair(&rest[second + 1..], &rest[..second]);
        }
        let turn = (1..rest.len()).find(|&at| {
            begins_any(&rest[at..], &["es", "sino", "era", "va con", "lleva", "it's", "but"]).is_some()
                || (rest[at - 1].pause && at < rest.len())
        });
        if let Some(turn) = turn {
            return pair(&rest[..turn], &rest[turn..]);
        }
    }
    // "no, es yahoo, es hotmail": the first is what was denied.
    if row[0].is("no") && row[0].pause && row.get(1).is_some_and(|next| next.is("es")) {
        let second = (3..row.len().saturating_sub(1)).find(|&at| row[at].is("es") && row[at - 1].pause);
        if let Some(second) = second {
            return pair(&row[2..second], &row[second + 1..]);
        }
    }
    // "es gmail, no hotmail": a second "no" behind what is right.
    let (rest, _) = opened(row);
    let denied = (1..rest.len().saturating_sub(1)).find(|&at| rest[at].is_any(&["no", "not"]))?;
    if rest[denied + 1].is_any(&["se", "tengo", "quiero"]) {
        return None;
    }
    let (right, wrong) = (&rest[..denied], &rest[denied + 1..]);
    let short = right.len() <= 10 && wrong.len() <= 8;
    if short { pair(wrong, right) } else { None }
}

fn pair(wrong: &[Token], right: &[Token]) -> Option<Correction> {
    let (wrong, right) = (bare(wrong), bare(right));
    (!wrong.is_empty() && !right.is_empty()).then(|| Correction::Replace {
        wrong: phrase(wrong),
        right: phrase(right),
    })
}

const ORDINALS: &[(&str, i32)] = &[
    ("primera", 0),
    ("primer", 0),
    ("segunda", 1),
    ("tercera", 2),
    ("cuarta", 3),
    ("quinta", 4),
    ("sexta", 5),
    ("septima", 6),
    ("ultima", -1),
    ("penultima", -2),
    ("antepenultima", -3),
    ("first", 0),
    ("second", 1),
    ("third", 2),
    ("fourth", 3),
    ("last", -1),
    ("primero", 0),
    ("segundo", 1),
    ("tercero", 2),
    ("ultimo", -1),
    ("penultimo", -2),
    ("cuarto", 3),
    ("quinto", 4),
    ("sexto", 5),
];

/// "la segunda letra es eme", "el último número es ocho".
fn place(row: &[Token], language: Language) -> Option<Correction> {
    let (index, place) = row.iter().enumerate().take(4).find_map(|(index, token)| {
        ORDINALS
            .iter()
            .find(|(name, _)| token.is(name))
            .map(|(_, place)| (index, *place))
    })?;
    let (_, end) = find_any(
        &row[index..],
        &[
            "es una", "es un", "es la", "es el", "es", "is a", "is an", "is", "va con", "seria",
        ],
    )?;
    let rest = row.get(index + end..)?;
    let letter = match numbers::take(rest, language).filter(|group| group.digits.len() == 1) {
        Some(group) => group.digits,
        None => spelling::take(rest, language)?.letters,
    };
    Some(Correction::Nth { place, letter })
}

/// "le faltó un dos al final", "le falta la ese".
fn appended(row: &[Token]) -> Option<Correction> {
    let (_, end) = find_any(
        row,
        &[
            "le falta",
            "le falto",
            "falta",
            "falto",
            "te falto",
            "te falta",
            "faltaba",
            "it's missing",
            "missing",
        ],
    )?;
    let rest = row.get(end..)?;
    let skip = usize::from(
        rest.first()
            .is_some_and(|first| first.is_any(&["un", "una", "el", "la", "a", "an", "the"])),
    );
    let rest = &rest[skip..];
    let stop = find_any(rest, &["al final", "al ultimo", "at the end"]).map_or(rest.len(), |(start, _)| start);
    (stop > 0 && stop <= 5).then(|| Correction::Append(phrase(&rest[..stop])))
}

fn edges(row: &[Token]) -> Option<Correction> {
    const ENDS: &[&str] = &[
        "termina en",
        "termina con",
        "acaba en",
        "acaba con",
        "terminacion",
        "al final es",
        "al final va",
        "los ultimos son",
        "los ultimos dos son",
        "los ultimos cuatro son",
        "los ultimos tres son",
        "los dos ultimos son",
        "ultimos digitos son",
        "ends in",
        "ends with",
        "el final es",
        "al ultimo es",
        "al final son",
        "las ultimas son",
        "termina",
    ];
    const STARTS: &[&str] = &[
        "empieza con",
        "empieza en",
        "empieza por",
        "comienza con",
        "comienza en",
        "inicia con",
        "inicia en",
        "los primeros son",
        "los primeros dos son",
        "los primeros tres son",
        "al principio es",
        "starts with",
        "el principio es",
        "la lada es",
        "lada es",
        "empieza",
    ];
    let behind = |end: usize| row.get(end..).filter(|rest| !rest.is_empty()).map(phrase);
    if let Some((_, end)) = find_any(row, ENDS) {
        return behind(end).map(Correction::Ends);
    }
    let (_, end) = find_any(row, STARTS)?;
    behind(end).map(Correction::Starts)
}

fn without(row: &[Token]) -> Option<Correction> {
    let (_, end) = find_any(
        row,
        &[
            "sin la",
            "sin el",
            "sin",
            "quite la",
            "quita la",
            "quite el",
            "quita el",
            "sobra la",
            "sobra el",
            "sobra",
            "no lleva",
            "without the",
            "without",
            "no tiene",
            "no va la",
            "no va el",
        ],
    )?;
    let rest = row.get(end..).filter(|rest| !rest.is_empty() && rest.len() <= 4)?;
    let rest = if rest[0].is_any(&["el", "la", "letra", "los"]) && rest.len() > 1 {
        &rest[1..]
    } else {
        rest
    };
    Some(Correction::Without(phrase(rest)))
}

/// "con be", "Vélez con ve chica", "lleva hache", "es con zeta", "se escribe con jota".
fn lettered(row: &[Token], language: Language) -> Option<Correction> {
    let cues = [
        "es con",
        "va con",
        "se escribe con",
        "con",
        "lleva",
        "with",
        "with a",
        "with an",
        "es de",
        "lleva una",
        "con una",
        "con la",
    ];
    let (start, end) = find_any(row, &cues)?;
    let rest = row.get(end..)?;
    let letter = spelling::take(rest, language)?;
    let word = row[..start].iter().rev().find(|token| {
        token.is_word()
            && token.key.chars().count() > 2
            && !token.is_any(&["escribe", "perdon", "apellido", "nombre", "correo", "letra"])
    });
    let leftover = rest.len() - letter.used;
    if letter.letters.is_empty() || (leftover > 4 && !letter.sure) {
        return None;
    }
    Some(Correction::Letter {
        letter: letter.letters,
        of: word.map(|word| word.text.clone()),
    })
}

fn restated(row: &[Token], rest: &[Token], opened: bool) -> Option<Correction> {
    if let Some((_, end)) = find_any(
        row,
        &[
            "quise decir",
            "quiero decir",
            "mejor dicho",
            "corrijo",
            "digo",
            "i meant",
            "i mean",
            "perdon es",
            "me equivoque es",
            "me equivoque",
        ],
    ) {
        return row
            .get(end..)
            .map(bare)
            .filter(|rest| !rest.is_empty())
            .map(|rest| Correction::Restate(phrase(rest)));
    }
    let rest = bare(rest);
    (opened && !rest.is_empty()).then(|| Correction::Restate(phrase(rest)))
}

//! Reads yes, no and unsure, as they are said in Mexico, Spain and Argentina.

use super::heard::Agreement;
use super::sound::{fold, sounds};
use super::token::{Token, begins_any, tokens};
use crate::Language;
use std::sync::LazyLock;

#[rustfmt::skip]
const UNSURE: &[&str] = &[
    "no se", "no estoy seguro", "no estoy segura", "tal vez", "quiza", "quizas", "a lo mejor", "puede ser", "depende",
    "no recuerdo", "no me acuerdo", "mas o menos", "no sabria decirle", "no sabria decir", "no lo se", "ni idea",
    "quien sabe", "i don't know", "not sure", "maybe", "perhaps", "i'm not sure",
];

#[rustfmt::skip]
const NO: &[&str] = &[
    "te equivocaste", "se equivoco", "te equivocas", "se equivoca", "hay un error", "me entendiste mal",
    "me entendio mal", "no coincide", "no", "nop", "nope", "nel", "no no", "claro que no", "por supuesto que no",
    "desde luego que no", "para nada", "negativo", "incorrecto", "es incorrecto", "esta mal", "esta incorrecto",
    "equivocado", "esta equivocado", "creo que no", "yo creo que no", "tampoco", "todavia no", "aun no", "nunca",
    "de ninguna manera", "ni hablar", "en absoluto", "que va", "nones", "pues no", "mejor no", "ahora no",
    "por ahora no", "wrong", "that's wrong", "incorrect", "not really", "nah",
];

#[rustfmt::skip]
const YES: &[&str] = &[
    "si", "sip", "sii", "claro", "claro que si", "por supuesto", "por supuesto que si", "correcto", "es correcto",
    "esta correcto", "exacto", "exactamente", "exactly", "asi es", "asi mero", "eso es", "ese es", "ese mero",
    "esa es", "esta bien", "de acuerdo", "perfecto", "ok", "okey", "okay", "vale", "dale", "sale", "va", "afirmativo",
    "efectivamente", "en efecto", "andale", "orale", "simon", "como no", "con gusto", "adelante", "desde luego",
    "me parece bien", "todo bien", "todo correcto", "aja", "mhm", "creo que si", "yo creo que si", "pues si",
    "cierto", "es cierto", "obvio", "obviamente", "sin problema", "no hay problema", "seguro", "venga", "tal cual",
    "listo", "bien", "muy bien", "hecho", "yes", "yeah", "yep", "yup", "correct", "that's right", "right", "sure",
    "of course", "absolutely", "that's correct", "it is", "i do", "you got it", "de una", "bueno si", "esta perfecto",
    "quedo bien", "asi esta bien",
];

/// Sounds before the answer that say nothing: "eh, pues, mire, sí".
#[rustfmt::skip]
const OPENERS: &[&str] = &[
    "eh", "este", "mm", "mmm", "ah", "oh", "pues", "bueno", "mire", "mira", "a ver", "well", "um", "uh", "hum", "uy",
    "ay", "oiga", "y", "senorita", "joven", "hola", "gracias",
];

/// Answers of fewer sounds than this are like too many other words.
const SOUNDS_AT_LEAST: usize = 5;
/// Answers of so many sounds may have one of them wrong…
const SOUNDS_FOR_ONE: usize = 6;
/// …and a no or a doubt of so many two: a yes may let something happen.
const SOUNDS_FOR_TWO: usize = 8;
/// Longer texts say more than an answer.
const WORDS_AT_MOST: usize = 4;

/// Reads the answer to a yes-or-no question, wherever it stands in the text.
pub fn read(text: &str, language: Language) -> Option<Agreement> {
    let row = tokens(text);
    opening(&row, language)
        .or_else(|| (1..row.len()).find_map(|at| at_start(&row[at..]).map(|(answer, _)| answer)))
        .or_else(|| by_sound(&row))
}

/// Reads a text that is written otherwise than any answer and sounds like one as a whole: "Estabian.", "Todavíano".
fn by_sound(row: &[Token]) -> Option<Agreement> {
    static ANSWERS: LazyLock<Vec<(String, Agreement)>> = LazyLock::new(|| {
        let all = [(YES, Agreement::Yes), (NO, Agreement::No), (UNSURE, Agreement::Unsure)];
        let keys = all
            .into_iter()
            .flat_map(|(phrases, answer)| phrases.iter().map(move |phrase| (sounds(&fold(phrase)), answer)));
        keys.filter(|(key, _)| key.len() >= SOUNDS_AT_LEAST).collect()
    });
    if row.len() > WORDS_AT_MOST || !row.iter().all(Token::is_word) {
        return None;
    }
    let said: String = row.iter().map(|token| token.key.as_str()).collect();
    let said = sounds(&said);
    let likes = ANSWERS.iter().map(|(key, answer)| {
        let allowed = match (key.len(), answer) {
            (SOUNDS_FOR_TWO.., Agreement::No | Agreement::Unsure) => 2,
            (SOUNDS_FOR_ONE.., _) => 1,
            _ => 0,
        };
        (strsim::damerau_levenshtein(key, &said), allowed, *answer)
    });
    let likes: Vec<_> = likes.collect();
    let (wrong, _, answer) = *likes
        .iter()
        .filter(|(wrong, allowed, _)| wrong <= allowed)
        .min_by_key(|(wrong, ..)| *wrong)?;
    // "Y correctos" is as far from "correcto" as from "incorrecto": neither was said.
    let doubtful = likes
        .iter()
        .any(|(other, _, meant)| *meant != answer && *other <= wrong);
    (!doubtful).then_some(answer)
}

/// Reads an answer only at the beginning of the text: what counts when nothing was asked.
pub(crate) fn opening(row: &[Token], _language: Language) -> Option<Agreement> {
    answered(row).map(|(answer, _)| answer)
}

/// The same with where the answer ends.
pub(crate) fn answered(row: &[Token]) -> Option<(Agreement, usize)> {
    let mut at = 0;
    loop {
        let rest = row.get(at..)?;
        if let Some((answer, length)) = at_start(rest) {
            return Some((answer, at + length));
        }
        at += begins_any(rest, OPENERS)?;
    }
}

/// Whether the whole row is one answer and nothing else: "así es" ends in a word that leads on elsewhere.
pub(crate) fn is_all(row: &[Token]) -> bool {
    let mut rest = row;
    while let Some(length) = begins_any(rest, NO)
        .max(begins_any(rest, YES))
        .max(begins_any(rest, UNSURE))
    {
        rest = &rest[length..];
        if rest.is_empty() {
            return true;
        }
    }
    false
}

fn at_start(row: &[Token]) -> Option<(Agreement, usize)> {
    let unsure = begins_any(row, UNSURE).map(|length| (length, Agreement::Unsure));
    let no = begins_any(row, NO).map(|length| (length, Agreement::No));
    let yes = begins_any(row, YES).map(|length| (length, Agreement::Yes));
    let (length, answer) = [unsure, no, yes]
        .into_iter()
        .flatten()
        .max_by_key(|(length, _)| *length)?;
    let conditional = row[0].text == "si" && row.len() > 1 && !row[0].pause && length == 1;
    let word_of_sentence = row[0].is_any(&[
        "bien", "va", "seguro", "listo", "right", "sure", "sale", "cierto", "vale", "nunca", "wrong",
    ]) && length == 1
        && row.len() > 1
        && !row[0].pause;
    if conditional || word_of_sentence {
        return None;
    }
    // "No, sí, está bien": the second word is what is meant.
    let rest = &row[length..];
    if answer == Agreement::No && length == 1 && rest.first().is_some_and(|next| next.text.to_lowercase() == "sí") {
        return Some((Agreement::Yes, length + 1));
    }
    Some((answer, length))
}

//! Reads what somebody says when they are asked whether their call may be recorded, and that they want it no more.
//!
//! Stricter than [`super::agreement`]: a yes with a but, a question behind it or in the middle of something else is none, as what
//! follows from it can't be taken back.

use super::heard::Agreement;
use super::listening::{is_hallucination, word_count};
use super::token::{Token, begins_any, has_any, placed, tokens};
use super::{agreement, manner, refusal};
use std::ops::Range;

/// Of more words than these an answer must stand first.
const FEW: usize = 4;

/// What an answer to "May I record this call?" means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// A plain yes.
    Given,
    /// A no.
    Refused,
    /// Neither: nothing that can be made out, a question back, a yes with a but.
    Unclear,
    /// Something else: the caller has gone on to what they called for.
    Else,
}

/// An answer and what else was in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer<'t> {
    /// What it means.
    pub permission: Permission,
    /// What the caller said beside the answer, which somebody has to answer.
    pub rest: Option<&'t str>,
}

/// Ways to permit something, beside an ordinary yes.
#[rustfmt::skip]
const PERMITS: &[&str] = &[
    "si puede", "si puedes", "si se puede", "puede grabar", "puedes grabar", "puede grabarla", "puedes grabarla",
    "puede grabarme", "puedes grabarme", "puede hacerlo", "puedes hacerlo", "grabe", "grabela", "grabala", "grabeme",
    "si grabe", "si grabela", "acepto", "si acepto", "autorizo", "si autorizo", "lo autorizo", "la autorizo",
    "permitido", "se lo permito", "te lo permito", "lo permito", "le permito", "no me importa", "no me molesta",
    "no tengo inconveniente", "no hay inconveniente", "ningun inconveniente", "no tengo problema", "ningun problema",
    "no problem", "you can", "you may", "yes you can", "yes you may", "go ahead", "that's fine", "that is fine",
    "it's fine", "it's ok", "it's okay", "i agree", "i accept", "i don't mind", "i do not mind", "fine with me",
    "ok with me", "okay with me",
];

/// The same where nothing follows: "puedes llamarme mañana" permits no recording.
const PERMITS_ALONE: &[&str] = &["puede", "puedes", "fine"];

/// What forbids it, wherever it stands.
#[rustfmt::skip]
const FORBIDS: &[&str] = &[
    "no grabe", "no graben", "no grabes", "no me grabe", "no me graben", "no me grabes", "no la grabe", "no la graben",
    "no la grabes", "no lo grabe", "ya no grabe", "ya no graben", "sin grabar", "sin grabacion", "no autorizo",
    "no acepto", "no lo permito", "no permito", "no doy permiso", "no quiero que me grabe", "no quiero que me graben",
    "no quiero que me grabes", "no quiero que grabe", "no quiero que graben", "no quiero que grabes",
    "no quiero que se grabe", "no quiero que la grabe", "no quiero que la graben", "no quiero ser grabado",
    "no quiero ser grabada", "no quiero grabacion", "no quiero grabaciones", "prefiero que no", "prefiero no",
    "preferiria que no", "preferiria no", "don't record", "do not record", "not record", "not be recorded",
    "don't want to be recorded", "without recording", "no recording", "rather not", "please don't", "please do not",
    "i don't want", "i do not want", "don't agree", "do not agree", "i do mind", "i would mind", "i'd mind",
];

/// To stop what is going on.
#[rustfmt::skip]
const STOPS: &[&str] = &[
    "deje de grabar", "deja de grabar", "dejen de grabar", "deje de grabarme", "deja de grabarme", "dejen de grabarme",
    "pare de grabar", "para de grabar", "paren de grabar", "pare la grabacion", "paren la grabacion",
    "detenga la grabacion", "detengan la grabacion", "deten la grabacion", "corte la grabacion", "corta la grabacion",
    "apague la grabacion", "apaga la grabacion", "apaguen la grabacion", "quite la grabacion", "quita la grabacion",
    "termine la grabacion", "stop recording", "stop the recording", "turn off the recording",
    "turn the recording off", "end the recording", "quit recording",
];

/// Of [`FORBIDS`], what says by itself that recording is meant.
const ABOUT_RECORDING: &[&str] = &["grab", "record"];

/// What turns a yes into none.
const BUTS: &[&str] = &[
    "pero", "aunque", "siempre", "mientras", "excepto", "but", "unless", "except", "only", "not",
];

/// What may stand behind an answer and says nothing more.
#[rustfmt::skip]
const POLITE: &[&str] = &[
    "gracias", "muchas gracias", "por favor", "si", "claro", "senorita", "senor", "joven", "puede", "puedes",
    "adelante", "ok", "okay", "please", "thanks", "thank you", "sure", "yes", "yeah", "you can", "you may", "go ahead",
    "that's fine", "fine", "esta bien", "no hay problema", "sin problema", "con gusto", "de acuerdo", "se puede",
];

/// Reads the answer to the question whether the call may be recorded.
pub fn read(text: &str) -> Answer<'_> {
    let said = |permission, rest| Answer { permission, rest };
    let (row, places) = placed(text);
    if row.is_empty() || is_hallucination(text) || manner::asks_repeat(&row, text) {
        return said(Permission::Unclear, None);
    }
    if forbids(&row) {
        return said(Permission::Refused, None);
    }
    if refusal::refuses_calls(&row) {
        return said(Permission::Else, Some(text.trim()));
    }
    let opening = agreement::answered(&row).map(|(answer, _)| answer);
    if opening == Some(Agreement::Unsure) {
        return said(Permission::Unclear, None);
    }
    let whole = Some(text.trim());
    let behind = |from: usize| behind(text, (&row, &places), from);
    if let Some(ends) = permitted(&row) {
        let after = &row[ends..];
        let takes_back =
            after.len() <= FEW && begins_any(after, POLITE).is_none() && after.iter().any(|word| word.is("no"));
        if text.contains('?') || takes_back || has_any(after, BUTS) || manner::thinks(&row) {
            return said(Permission::Unclear, whole.filter(|_| row.len() > ends));
        }
        return said(Permission::Given, behind(ends));
    }
    if let Some(ends) = refused(&row) {
        return said(Permission::Refused, behind(ends));
    }
    let both = opening == Some(Agreement::Yes) && row[0].is("no");
    if both || manner::thinks(&row) || is_small(&row) {
        return said(Permission::Unclear, None);
    }
    if word_count(text) <= 2 && !manner::wants_person(&row) && !manner::says_goodbye(&row) {
        return said(Permission::Unclear, whole);
    }
    said(Permission::Else, whole)
}

/// Whether somebody wants a recording to end, or wants none: "deje de grabar", "no me grabe", "stop recording".
pub fn withdraws(text: &str) -> bool {
    let row = tokens(text);
    let about = |row: &[Token]| row.iter().any(is_about_recording);
    has_any(&row, STOPS) || (forbids(&row) && about(&row))
}

fn is_about_recording(token: &Token) -> bool {
    ABOUT_RECORDING.iter().any(|stem| token.key.starts_with(stem))
}

fn forbids(row: &[Token]) -> bool {
    has_any(row, FORBIDS) || has_any(row, STOPS)
}

/// Greetings, openers and signs of listening that are no yes.
fn is_small(row: &[Token]) -> bool {
    const SMALL: &[&str] = &[
        "hola",
        "bueno",
        "buenas",
        "buenos dias",
        "buenas tardes",
        "buenas noches",
        "eh",
        "este",
        "mm",
        "mmm",
        "mhm",
        "ah",
        "oh",
        "pues",
        "mire",
        "mira",
        "oiga",
        "oye",
        "hello",
        "hi",
        "um",
        "uh",
        "huh",
        "hm",
        "hmm",
        "well",
        "diga",
        "gracias",
    ];
    let mut rest = row;
    while let Some(length) = begins_any(rest, SMALL) {
        rest = &rest[length..];
    }
    rest.is_empty()
}

/// Where a yes ends, if the row holds one: at its beginning, or anywhere in a few words.
fn permitted(row: &[Token]) -> Option<usize> {
    let starts = if row.len() <= FEW { row.len() } else { 1 };
    (0..starts).find_map(|at| {
        let (before, rest) = row.split_at(at);
        let negated = before.iter().any(|word| word.is_any(&["no", "not", "ni", "don't"]));
        // A sound of assent proves nothing, and "no, sí, está bien" is nobody's clear word.
        if negated || rest[0].is("mhm") {
            return None;
        }
        let permits = begins_any(rest, PERMITS);
        let alone = begins_any(rest, PERMITS_ALONE).filter(|length| rest.len() == *length || rest[length - 1].pause);
        let yes = agreement::answered(rest).filter(|(answer, _)| *answer == Agreement::Yes);
        let yes = yes.filter(|_| !rest[0].is("no") || permits.is_some() || begins_any(rest, POLITE).is_some());
        // "Si quieren, me llaman" is a condition, whatever its first letter.
        let conditional = rest[0].text.to_lowercase() == "si" && !rest[0].pause && rest.len() > 1;
        let yes = yes.filter(|_| !conditional || begins_any(&rest[1..], POLITE).is_some());
        let ends = permits.max(alone).max(yes.map(|(_, length)| length))?;
        Some(at + ends)
    })
}

/// Where a no ends. "No me llega la luz" is no answer.
fn refused(row: &[Token]) -> Option<usize> {
    if let Some((Agreement::No, length)) = agreement::answered(row) {
        let ends = row[length - 1].pause;
        return (ends || row.len() <= FEW || row.iter().any(is_about_recording)).then_some(length);
    }
    let no = |at: usize| matches!(agreement::answered(&row[at..]), Some((Agreement::No, _)));
    (row.len() <= FEW && (1..row.len()).any(no)).then_some(row.len())
}

/// What follows the answer, politeness and talk about recording aside.
fn behind<'t>(text: &'t str, (row, places): (&[Token], &[Range<usize>]), from: usize) -> Option<&'t str> {
    /// So few words about recording belong to the answer: "sí, está bien que graben la llamada".
    const ABOUT: usize = 6;
    let mut at = from;
    while let Some(length) = row.get(at..).and_then(|rest| begins_any(rest, POLITE)) {
        at += length;
    }
    let rest = row
        .get(at..)
        .filter(|rest| rest.len() >= 2 || manner::says_goodbye(rest))?;
    if rest.len() <= ABOUT && rest.iter().any(is_about_recording) {
        return None;
    }
    Some(text[places[at].start..].trim())
}

//! Judgements that turn-taking needs about a piece of recognised speech.

use super::correction::{self, Correction};
use super::heard::Agreement;
use super::manner;
use super::phone::{self, Country};
use super::token::{Token, begins_any, has_any, tokens};
use super::{agreement, email, name, numbers};
use crate::{Expectation, Language};

#[rustfmt::skip]
const BACKCHANNELS: &[&str] = &[
    "aja", "aha", "ujum", "mm", "mmm", "mhm", "mju", "hm", "hmm", "uhum", "ah", "oh", "eh", "si", "sii", "ok", "okey",
    "okay", "claro", "ya", "exacto", "vale", "dale", "sale", "orale", "andale", "va", "bueno", "bien", "muy bien",
    "entiendo", "entendido", "perfecto", "ya veo", "que bien", "que bueno", "listo", "eso", "de acuerdo", "esta bien",
    "esta bueno", "buenisimo", "joya", "barbaro", "genial", "venga", "cierto", "asi es", "correcto", "super",
    "excelente", "claro que si", "por supuesto", "aja si", "ah ya", "mira", "que padre", "uh huh", "yeah", "yes",
    "right", "i see", "sure", "got it", "great", "fine", "uh", "huh",
];

/// Whether the text is only a sign of listening ("ajá", "mm", "ok, sí") that asks for no turn.
pub fn is_backchannel(text: &str, _language: Language) -> bool {
    let row = tokens(text);
    if row.is_empty() || row.len() > 6 || text.contains('?') {
        return false;
    }
    let mut at = 0;
    while at < row.len() {
        match begins_any(&row[at..], BACKCHANNELS) {
            Some(length) => at += length,
            None => return false,
        }
    }
    true
}

#[rustfmt::skip]
const INTERRUPTIONS: &[&str] = &[
    "espera", "espere", "espereme", "esperame", "esperate", "esperese", "perdon", "perdone", "perdona", "disculpe",
    "disculpa", "oiga", "oye", "oigame", "un momento", "un momentito", "un segundo", "un segundito", "alto", "pare",
    "parele", "permitame", "permiteme", "aguanta", "aguante", "aguarda", "aguarde", "basta", "callate", "callese",
    "silencio", "mande", "una pregunta", "tengo una duda", "quiero hablar", "quisiera hablar", "no es", "no no",
    "stop", "wait", "hold on", "excuse me", "sorry", "one moment", "hang on", "una persona", "un humano",
    "no gracias", "no entiendo", "no entendi", "dejame hablar", "dejeme hablar",
];

/// Whether the text holds a word that always interrupts ("espera", "perdón", "oiga", "no").
pub fn is_interruption(text: &str, _language: Language) -> bool {
    let row = tokens(text);
    let starts = row.first().is_some_and(|first| {
        first.is_any(&["no", "para", "alto"]) && (first.is("no") || row.len() == 1 || first.pause)
    });
    starts || has_any(&row, INTERRUPTIONS) || (text.contains('?') && manner::asks_repeat(&row, text))
}

/// Words after which a Spanish or English sentence goes on.
#[rustfmt::skip]
const LEADS_ON: &[&str] = &[
    "y", "e", "o", "u", "ni", "de", "del", "la", "el", "los", "las", "un", "una", "unos", "unas", "en", "con", "por",
    "para", "que", "a", "al", "mi", "mis", "su", "sus", "es", "se", "pero", "porque", "como", "entonces", "este",
    "eh", "mm", "mmm", "pues", "soy", "llamo", "seria", "son", "sin", "sobre", "desde", "hasta", "muy", "mas", "tan",
    "cada", "cuando", "donde", "si no", "o sea", "aunque", "tambien", "entre", "hacia", "lo", "le", "me", "nos",
    "estoy", "quiero", "quisiera", "necesito", "punto", "arroba", "guion", "guion bajo", "guion medio", "doble",
    "triple", "lada", "and", "or", "but", "the", "an", "of", "to", "for", "with", "my", "is", "at", "dot",
    "underscore", "dash", "because", "so", "um", "uh", "i'm", "im", "your", "in", "on", "double",
];

/// Whether the speaker has visibly not finished: a trailing connective, or a dictation that lacks its end.
pub fn looks_unfinished(text: &str, expectation: Expectation, language: Language) -> bool {
    let row = tokens(text);
    if row.is_empty() {
        return false;
    }
    let trimmed = text.trim_end();
    if trimmed.ends_with("...") || trimmed.ends_with('…') || trimmed.ends_with('-') || trimmed.ends_with(',') {
        return true;
    }
    let says_other = manner::wants_person(&row)
        || manner::declines(&row)
        || manner::says_goodbye(&row)
        || manner::asks_repeat(&row, text);
    if manner::thinks(&row) && !says_other && row.len() <= 6 {
        return true;
    }
    let letters = expectation == Expectation::Spelled || expectation.takes_email();
    let trails = (1..=2.min(row.len())).any(|words| begins_any(&row[row.len() - words..], LEADS_ON) == Some(words));
    let last = &row[row.len() - 1];
    let letter = letters && (last.key.chars().count() == 1 || last.is_any(&["de", "ese", "te"]));
    let question = trimmed.ends_with('?');
    match expectation {
        _ if says_other => false,
        _ if expectation.takes_agreement() && agreement::is_all(&row) => false,
        Expectation::Email => {
            let whole = email::read(text, expectation, language).is_some_and(|found| found.best().confidence >= WHOLE);
            let answered = agreement::opening(&row, language).is_some() && row.len() <= 3;
            !whole && !answered && !question
        }
        Expectation::Phone => {
            let digits = numbers::digits(text, language).len();
            (digits > 0 && phone::read(text, language, Country::Mexico).is_none() && digits < 10)
                || (trails && !question)
        }
        Expectation::ConfirmEmail => {
            let dictates =
                email::dictates(&row, language) && correction::read(text, language).as_ref().is_none_or(restates);
            let whole = email::read(text, expectation, language).is_some_and(|found| found.best().confidence >= WHOLE);
            !whole && !question && (dictates || trails)
        }
        Expectation::ConfirmPhone => {
            let digits = numbers::digits(text, language).len();
            let begun = (4..10).contains(&digits) && correction::read(text, language).as_ref().is_none_or(restates);
            let whole = phone::read(text, language, Country::Mexico).is_some();
            !whole && !question && (begun || trails)
        }
        Expectation::Spelled => trails && !letter,
        Expectation::YesNo
        | Expectation::Digits
        | Expectation::Name
        | Expectation::Company
        | Expectation::Date
        | Expectation::Open => trails && !letter && !question,
    }
}

/// A correction that only says something anew may be the beginning of a dictation.
fn restates(correction: &Correction) -> bool {
    matches!(correction, Correction::Restate(_))
}

/// The confidence from which an address was said to its end.
const WHOLE: f32 = 0.5;

/// Whether the text is a complete answer of the expected kind (a plain yes, a full telephone number, a whole e-mail).
pub fn looks_complete(text: &str, expectation: Expectation, language: Language) -> bool {
    if looks_unfinished(text, expectation, language) {
        return false;
    }
    let row = tokens(text);
    // A no to a read-back is often followed by what is right.
    let answered = || {
        let answer = agreement::read(text, language);
        row.len() <= 5
            && match expectation {
                Expectation::YesNo => answer.is_some(),
                _ => answer == Some(Agreement::Yes),
            }
    };
    let dictated = || email::read(text, expectation, language).is_some_and(|found| found.best().confidence >= WHOLE);
    let dialled = || phone::read(text, language, Country::Mexico).is_some();
    match expectation {
        Expectation::YesNo => answered(),
        Expectation::Email => dictated(),
        Expectation::ConfirmEmail => answered() || dictated(),
        Expectation::Phone => dialled(),
        Expectation::ConfirmPhone => answered() || dialled(),
        Expectation::Name => name::read(text, expectation, language).is_some_and(|found| found.surname.is_some()),
        Expectation::Spelled | Expectation::Digits | Expectation::Company | Expectation::Date | Expectation::Open => {
            false
        }
    }
}

/// What Whisper and its kin write over noise and silence in Spanish and English.
#[rustfmt::skip]
const MADE_UP: &[&str] = &[
    "suscribete", "suscribanse", "suscribirte al canal", "gracias por ver", "gracias por mirar",
    "gracias por su atencion", "amara org", "amara . org", "subtitulos", "subtitulado por", "thanks for watching",
    "thank you for watching", "subscribe to", "subtitles by", "no olvides suscribirte", "dale like",
    "activa la campanita", "nos vemos en el proximo video", "hasta el proximo video", "en el proximo video",
    "transcripcion por", "dale me gusta", "comunidad de amara", "www", "musica de fondo", "aplausos",
];

#[rustfmt::skip]
const LONE: &[&str] = &[
    "y", "e", "a", "o", "u", "de", "que", "la", "el", "en", "i", "you", "the", "musica", "music", "los", "las", "se",
    "un",
];

/// Whether a recogniser made the text up out of noise ("Suscríbete al canal", "…", a lone "y", one phrase in a loop).
pub fn is_hallucination(text: &str) -> bool {
    let row = tokens(text);
    if row.iter().all(Token::is_symbol) {
        return true;
    }
    let trimmed = text.trim();
    let bracketed =
        (trimmed.starts_with('[') && trimmed.ends_with(']')) || (trimmed.starts_with('(') && trimmed.ends_with(')'));
    let words = row.iter().any(Token::is_digits);
    text.contains(['♪', '♫', '♬'])
        || (bracketed && !words)
        || (row.len() == 1 && row[0].is_any(LONE))
        || has_any(&row, MADE_UP)
        || loops(&row)
}

/// The same phrase over and over: three times two words or more, or one word six times. Digits and short answers may repeat.
pub(crate) fn loops(row: &[Token]) -> bool {
    let keys: Vec<&str> = row.iter().map(|token| token.key.as_str()).collect();
    (1..=12.min(keys.len() / 3)).any(|period| {
        let needed = if period == 1 { 6 } else { 3 };
        let phrase = |at: usize| &keys[at..at + period];
        let spoken_number =
            (0..period).all(|at| row[at].is_digits() || numbers::take(&row[at..=at], Language::Spanish).is_some());
        if spoken_number || keys.len() < period * needed {
            return false;
        }
        let repeats = (0..keys.len() / period)
            .take_while(|turn| phrase(turn * period) == phrase(0))
            .count();
        repeats >= needed && repeats * period * 10 >= keys.len() * 7
    })
}

/// How many words the text has, punctuation aside.
pub fn word_count(text: &str) -> usize {
    text.split_whitespace()
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .count()
}

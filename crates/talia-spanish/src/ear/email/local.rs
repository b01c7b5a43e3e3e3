//! Reads what is said before "arroba": words, letters, digits and signs of the local part.

use super::symbols::{self, Sign};
use crate::Language;
use crate::ear::given_names::{is_usual, two_names, usual, usual_spelling};
use crate::ear::numbers;
use crate::ear::sound::{fold, likeness};
use crate::ear::spelling::{self, Letters};
use crate::ear::token::{Token, begins_any};

/// One piece with its readings, the likeliest first.
#[derive(Debug, Clone, PartialEq)]
struct Piece {
    readings: Vec<(String, f32)>,
    letter: bool,
    sign: bool,
}

impl Piece {
    fn plain(text: impl Into<String>) -> Self {
        Self {
            readings: vec![(text.into(), 1.0)],
            letter: false,
            sign: false,
        }
    }

    fn either(first: impl Into<String>, second: impl Into<String>, second_weight: f32) -> Self {
        Self {
            readings: vec![(first.into(), 1.0), (second.into(), second_weight)],
            letter: false,
            sign: false,
        }
    }

    fn sign(self) -> Self {
        Self { sign: true, ..self }
    }

    fn letter(self) -> Self {
        Self { letter: true, ..self }
    }

    fn best(&self) -> &str {
        &self.readings[0].0
    }
}

/// Reads a local part, best first; empty if nothing readable was said.
pub(crate) fn read(row: &[Token], language: Language) -> Vec<(String, f32)> {
    let row = after_preamble(row);
    let pieces = usual_names(&spelled_again(&pieces(row, language)));
    combine(&pieces)
}

/// Reads a fragment of an address ("guion bajo", "punto ríos", "88") as it would be written: for corrections.
pub(crate) fn fragment(row: &[Token], language: Language) -> String {
    pieces(row, language).iter().map(Piece::best).collect()
}

fn pieces(row: &[Token], language: Language) -> Vec<Piece> {
    let row = &spelling::parted(row, language)[..];
    let mut pieces: Vec<Piece> = Vec::new();
    let mut at = 0;
    while at < row.len() {
        let rest = &row[at..];
        if language == Language::Spanish && rest[0].is("con") && respell(rest, &mut pieces, language, &mut at) {
            continue;
        }
        if let Some(letters) = spelling::take(rest, language)
            && (letters.sure || letters.used > 1)
        {
            let lone = letters.used == 1
                && rest[0].key.chars().count() == 2
                && !pieces.last().is_some_and(|piece| piece.letter);
            at += letters.used;
            // "eu, ge" may be the syllables of a name.
            pieces.push(if lone {
                Piece::either(letters.text, written(&rest[0].key), 0.4).letter()
            } else {
                Piece::plain(letters.text).letter()
            });
            continue;
        }
        if let Some((sign, used)) = symbols::take(rest, language) {
            let spelled_out = matches!(sign, Sign::Hyphen(_)) && rest[0].is("-") && between_letters(row, at);
            at += used;
            match sign {
                Sign::At | Sign::Remark => {}
                Sign::Dot => pieces.push(Piece::plain(".").sign()),
                Sign::Under => pieces.push(Piece::plain("_").sign()),
                Sign::Hyphen(_) if spelled_out => {}
                // "3-3": recognisers part digits so; a hyphen that is said they write as a word.
                Sign::Hyphen(_) if between_digits(row, at - used) => pieces.push(Piece::either("", "-", 0.5).sign()),
                Sign::Hyphen(true) => pieces.push(Piece::plain("-").sign()),
                Sign::Hyphen(false) => pieces.push(Piece::either("-", "_", 0.55).sign()),
                Sign::Plus => pieces.push(Piece::plain("+").sign()),
            }
            continue;
        }
        if let Some(group) = numbers::take(rest, language) {
            at += group.used;
            pieces.push(Piece::plain(group.digits));
            continue;
        }
        let inside = at > 0 && at + 1 < row.len();
        if inside && rest[0].is("bajo") {
            pieces.push(Piece::either("_", "bajo", 0.5).sign());
            at += 1;
            continue;
        }
        if let Some(letter) = spelling::take(rest, language) {
            pieces.push(unsure(&letter, rest, pieces.last(), language));
            at += letter.used;
        } else {
            pieces.push(Piece::plain(written(&rest[0].key)));
            at += 1;
        }
        // "andrea. guzmán": no sentence begins with a small letter, so the stop may have been a "punto".
        let small = row
            .get(at)
            .is_some_and(|next| next.is_word() && !next.capitalised() && symbols::take(&row[at..], language).is_none());
        if rest[0].stop && small {
            pieces.push(Piece::either(".", "", 0.6).sign());
        }
    }
    pieces
}

/// "M-E-N-D-E-Z": the hyphens are the recogniser's, not the caller's.
fn between_letters(row: &[Token], at: usize) -> bool {
    let single = |token: Option<&Token>| token.is_some_and(|token| token.is_word() && token.key.chars().count() == 1);
    at > 0 && row[at].glued && single(row.get(at - 1)) && single(row.get(at + 1))
}

/// "3-3", written by the recogniser.
fn between_digits(row: &[Token], at: usize) -> bool {
    let digit = |token: Option<&Token>| token.is_some_and(|token| token.is_digits() && token.key.len() == 1);
    at > 0 && row[at].is("-") && row[at].glued && digit(row.get(at - 1)) && digit(row.get(at + 1))
}

/// A letter's name that may as well be a word ("de", "te", "ese"): its neighbours decide.
fn unsure(letter: &Letters, rest: &[Token], before: Option<&Piece>, language: Language) -> Piece {
    let word = written(&rest[0].key);
    let next = spelling::take(&rest[letter.used..], language);
    let article = rest.get(1).is_some_and(|next| next.is_any(&["la", "los", "el", "las"]));
    let after_letter = before.is_some_and(|piece| piece.letter);
    let at_edge = before.is_none_or(|piece| piece.sign);
    let last = rest.len() == letter.used || symbols::take(&rest[letter.used..], language).is_some();
    let as_letter = !article && ((next.is_some() && (after_letter || at_edge)) || (after_letter && last));
    if letter.text == word {
        // A lone "y" among spelled letters is more often "i": the letter y is called "ye" or "i griega".
        return if word == "y" && as_letter && !rest[0].glued {
            Piece::either("i", "y", 0.6).letter()
        } else {
            Piece {
                letter: as_letter || after_letter,
                ..Piece::plain(word)
            }
        };
    }
    if as_letter {
        Piece::either(letter.text.clone(), word, 0.4).letter()
    } else {
        Piece::either(word, letter.text.clone(), 0.4)
    }
}

/// "vélez con ve chica": the remark respells the word before it.
fn respell(rest: &[Token], pieces: &mut [Piece], language: Language, at: &mut usize) -> bool {
    let Some(letter) = spelling::take(&rest[1..], language) else {
        return false;
    };
    let followed_by_word = !letter.sure && letter.used == 1;
    if followed_by_word {
        return false;
    }
    let Some(word) = pieces.iter_mut().rev().find(|piece| !piece.sign) else {
        return false;
    };
    if let Some(changed) = spelling::with_letter(word.best(), &letter.text) {
        let before = word.best().to_owned();
        word.readings = vec![(written(&changed), 1.0), (before, 0.3)];
    }
    *at += 1 + letter.used;
    true
}

/// Folded text with only what a mailbox may hold; ñ is written n.
fn written(key: &str) -> String {
    fold(key)
        .replace('ñ', "n")
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect()
}

/// "ana ríos, a ene a erre i o ese": a word said and then spelled is meant once.
fn spelled_again(pieces: &[Piece]) -> Vec<Piece> {
    let mut kept: Vec<Piece> = Vec::new();
    let mut at = 0;
    while at < pieces.len() {
        let run = pieces[at..].iter().take_while(|piece| piece.letter).count();
        if run >= 3 {
            let spelled: String = pieces[at..at + run].iter().map(Piece::best).collect();
            let words = kept
                .iter()
                .rev()
                .take_while(|piece| !piece.sign && !piece.letter)
                .count();
            let twice = (1..=words).find(|count| {
                let said: String = kept[kept.len() - count..].iter().map(Piece::best).collect();
                likeness(&said, &spelled) >= 0.7
            });
            if let Some(count) = twice {
                kept.truncate(kept.len() - count);
            }
        }
        let taken = run.max(1);
        kept.extend_from_slice(&pieces[at..at + taken]);
        at += taken;
    }
    kept
}

/// "ector", "y van", "la ura": words that sound exactly like a usual name are most likely it.
fn usual_names(pieces: &[Piece]) -> Vec<Piece> {
    let is_word = |piece: &Piece| {
        !piece.sign && piece.readings.len() == 1 && piece.best().bytes().all(|b| b.is_ascii_alphabetic())
    };
    let mut named = Vec::with_capacity(pieces.len());
    let mut at = 0;
    while at < pieces.len() {
        let found = [2, 1].into_iter().find_map(|count| {
            let parts = pieces.get(at..at + count)?;
            let said: String = parts.iter().map(Piece::best).collect();
            let whole = parts.iter().all(is_word)
                && parts.iter().any(|part| part.best().len() >= 3 && !part.letter)
                && (count == 1 || !parts.iter().any(|part| is_usual(part.best())));
            let name = if count == 1 {
                usual_spelling(&said)
            } else {
                usual(&said)
            };
            let name = name.filter(|_| whole && said.len() >= 3)?;
            Some((count, Piece::either(written(&name.to_lowercase()), said, 0.5)))
        });
        let found = found.or_else(|| {
            let said = pieces[at].best();
            let (first, second) = two_names(said).filter(|_| is_word(&pieces[at]))?;
            let names = written(&format!("{first}{second}").to_lowercase());
            (names != said).then(|| (1, Piece::either(names, said, 0.5)))
        });
        let (count, piece) = found.unwrap_or_else(|| (1, pieces[at].clone()));
        named.push(piece);
        at += count;
    }
    named
}

/// The likeliest text, then those that differ from it in one piece.
fn combine(pieces: &[Piece]) -> Vec<(String, f32)> {
    let text = |changed: Option<(usize, usize)>| -> String {
        pieces
            .iter()
            .enumerate()
            .map(|(index, piece)| match changed {
                Some((at, reading)) if at == index => piece.readings[reading].0.as_str(),
                _ => piece.best(),
            })
            .collect()
    };
    let mut found = vec![(tidy(&text(None)), 1.0)];
    for (at, piece) in pieces.iter().enumerate() {
        for (reading, (_, weight)) in piece.readings.iter().enumerate().skip(1) {
            found.push((tidy(&text(Some((at, reading)))), *weight));
        }
    }
    found.retain(|(local, _)| !local.is_empty());
    found
}

/// Dots can't stand at the edges nor two together.
fn tidy(local: &str) -> String {
    let mut tidy = String::with_capacity(local.len());
    for c in local.chars() {
        if c != '.' || !tidy.ends_with('.') {
            tidy.push(c);
        }
    }
    tidy.trim_matches(|c: char| c == '.' || c == '-').to_owned()
}

/// Phrases behind which the address begins.
#[rustfmt::skip]
const CUES: &[&str] = &[
    "correo electronico es", "correo es", "email es", "mail es", "direccion es", "correo seria", "correo seria el",
    "es el", "seria el", "puede ser", "seria", "es la", "mi correo", "mi correo electronico", "mi email", "mi mail",
    "correo electronico", "al correo", "apunte", "a punte", "apunta", "anote", "anota", "anotelo", "escriba", "escribe",
    "pongame", "es", "mandelo a", "envielo a", "enviamelo a", "mandamelo a", "mandemelo a", "escribame a",
    "escribeme a", "perdon", "digo", "mejor dicho", "corrijo", "quise decir", "tome nota", "toma nota", "te la dicto",
    "se la dicto", "te lo dicto", "se lo dicto", "te dicto", "le dicto", "escribir a", "escribirme a", "escriban a",
    "mandar a", "enviar a", "mandarlo a", "enviarlo a", "ponga", "ponle", "ahi le va", "ahi va", "ahi te va",
    "email is", "mail is", "address is", "it's", "it is", "is", "el mail", "el correo", "el email", "use", "usa",
    "anotame",
];

#[rustfmt::skip]
const OPENERS: &[&str] = &[
    "por favor", "con mucho gusto", "porfa", "porfavor", "si", "claro", "claro que si", "bueno", "pues", "mire",
    "mira", "ok", "okey", "eh", "este", "mm", "a ver", "con gusto", "por supuesto", "va", "dale", "vale", "hola",
    "gracias", "buenas tardes", "buenos dias", "buenas noches", "senorita", "perfecto", "sale", "sure", "yes", "well",
    "okay", "yeah", "correcto", "muy bien", "ya", "aja", "ah",
];

/// How many words a local part has at most when nothing says where it begins.
const WORDS: usize = 24;

fn after_preamble(row: &[Token]) -> &[Token] {
    let mut start = 0;
    let mut at = 0;
    while at < row.len() {
        match begins_any(&row[at..], CUES) {
            Some(length) if at + length < row.len() && !symbols_follow(&row[at + length..]) => {
                start = at + length;
                at += length;
            }
            _ => at += 1,
        }
    }
    let mut rest = behind_sentence(&row[start..]);
    while let Some(length) = begins_any(rest, OPENERS) {
        if length >= rest.len() || symbols_follow(&rest[length..]) {
            break;
        }
        rest = &rest[length..];
    }
    if rest.len() > 1 && rest[0].is("no") && rest[0].pause {
        rest = &rest[1..];
    }
    let tail = &rest[rest.len().saturating_sub(WORDS)..];
    if tail.len() == rest.len() {
        return rest;
    }
    let pause = tail.iter().position(|token| token.pause).map_or(0, |place| place + 1);
    tail.get(pause..).unwrap_or(tail)
}

/// Words that no address is likely to hold: what stands before the next pause is another sentence.
#[rustfmt::skip]
const SENTENCE: &[&str] = &[
    "soy", "llamo", "habla", "trabajo", "pero", "porque", "que", "para", "importa", "juntos", "nombre", "apellido",
    "quiero", "quisiera", "tengo", "puede", "pueden", "necesito", "favor", "seria", "esta", "estoy", "gusta", "my",
    "name", "this", "want", "need", "please", "tambien", "aunque", "cuando", "donde", "dejeme", "dejame", "creo",
    "fijese", "usted", "ustedes",
];

/// Drops sentences in front: "Soy Ana Ríos de Clínica Luz, ana arroba…".
fn behind_sentence(row: &[Token]) -> &[Token] {
    let Some(verb) = row.iter().rposition(|token| token.is_any(SENTENCE)) else {
        return row;
    };
    match row[verb..].iter().position(|token| token.pause) {
        Some(pause) if verb + pause + 1 < row.len() => &row[verb + pause + 1..],
        _ => row,
    }
}

/// A sign directly behind a cue makes the cue a part of the address: "correo arroba empresa", "es punto ana".
fn symbols_follow(rest: &[Token]) -> bool {
    rest.first().is_some_and(|token| token.glued && token.is_symbol())
        || matches!(
            symbols::take(rest, Language::Spanish),
            Some((Sign::Dot | Sign::Under | Sign::Hyphen(_), _))
        )
}

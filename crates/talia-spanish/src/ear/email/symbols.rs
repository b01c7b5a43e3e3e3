//! Finds the signs of an address in speech: arroba, punto, guion bajo, guion medio, also as recognisers mishear them.

use crate::Language;
use crate::ear::given_names::{is_usual, usual};
use crate::ear::sound::sounds;
use crate::ear::token::{Token, begins_any};

/// A sign of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    At,
    Dot,
    Under,
    /// The flag: said as "guion medio", so that no underscore can be meant.
    Hyphen(bool),
    Plus,
    /// "todo junto", "en minúsculas": says how, adds nothing.
    Remark,
}

#[rustfmt::skip]
const REMARKS: &[&str] = &[
    "todo junto", "todo pegado", "todo seguido", "todo en minusculas", "todo en minuscula", "todo con minusculas",
    "todo minusculas", "en minusculas", "en minuscula", "con minusculas", "con minuscula", "minusculas", "minuscula",
    "en mayusculas", "con mayuscula", "con mayusculas", "mayuscula", "mayusculas", "sin espacios", "sin espacio",
    "sin acento", "sin acentos", "sin tilde", "con acento", "con tilde", "todo junto en minusculas", "junto",
    "pegado", "seguido", "la palabra", "las letras", "la letra", "el numero", "el signo", "signo", "signo de",
    "numero", "letra", "en numero", "en numeros", "con numero", "con numeros", "con letra", "con letras",
    "las iniciales", "eh", "mm", "mmm", "este", "o sea", "todo lowercase", "all lowercase", "lowercase",
    "all one word", "one word", "luego", "y luego", "despues", "y despues", "seguido de", "el simbolo de",
    "simbolo de", "simbolo", "then", "todo en minusculas y junto",
];

const BELOW: &[&str] = &[
    "bajo", "baja", "abajo", "vajo", "vaja", "bago", "debajo", "vaho", "bajos", "avajo", "bajó",
];
const MIDDLE: &[&str] = &[
    "medio", "media", "medios", "merio", "normal", "corto", "mediano", "simple", "comun", "enmedio",
];

/// "guion" as recognisers write it; words that are nothing else.
#[rustfmt::skip]
const GUION: &[&str] = &[
    "guion", "gion", "guyon", "guiyon", "guian", "geon", "jion", "yion", "hion", "quion", "kion", "guillon",
    "guioncito", "gyon", "guiom", "guinon", "guiam", "giom", "kiom", "guio",
];

/// Whether a word is "guion"; `certain` asks for words that are nothing else.
fn guion(key: &str, certain: bool) -> bool {
    let surely = GUION.contains(&key);
    surely
        || (!certain
            && matches!(
                key,
                "john"
                    | "jon"
                    | "yon"
                    | "llon"
                    | "ion"
                    | "lion"
                    | "union"
                    | "avion"
                    | "gijon"
                    | "giron"
                    | "guia"
                    | "sion"
                    | "john's"
                    | "quien"
                    | "dion"
                    | "leon"
                    | "vion"
            ))
}

/// The sign that the tokens begin with, and how many tokens say it.
pub(crate) fn take(row: &[Token], language: Language) -> Option<(Sign, usize)> {
    let first = row.first()?;
    let single = match first.key.as_str() {
        "@" => Some(Sign::At),
        "." => Some(Sign::Dot),
        "_" => Some(Sign::Under),
        "-" => Some(Sign::Hyphen(true)),
        "+" => Some(Sign::Plus),
        "/" => Some(Sign::Remark),
        _ => None,
    };
    if let Some(sign) = single {
        // "guion - bajo": the recogniser wrote the sign and the word.
        if let Sign::Hyphen(_) = sign
            && let Some(sign_and_word) = row.get(1).and_then(below_or_middle)
        {
            return Some((sign_and_word, 2));
        }
        return Some((sign, 1));
    }
    let hesitates = language == Language::English && first.is_any(&["uh", "um", "ah"]);
    if hesitates {
        return Some((Sign::Remark, 1));
    }
    if let Some(used) = begins_any(row, REMARKS) {
        return Some((Sign::Remark, used));
    }
    if language == Language::English {
        return english(row);
    }
    spanish(row)
}

fn below_or_middle(token: &Token) -> Option<Sign> {
    if token.is_any(BELOW) {
        Some(Sign::Under)
    } else {
        token.is_any(MIDDLE).then_some(Sign::Hyphen(true))
    }
}

fn english(row: &[Token]) -> Option<(Sign, usize)> {
    match row[0].key.as_str() {
        "at" | "arroba" => Some((Sign::At, 1)),
        "dot" | "period" | "point" => Some((Sign::Dot, 1)),
        "underscore" => Some((Sign::Under, 1)),
        "under" if row.get(1).is_some_and(|next| next.is("score")) => Some((Sign::Under, 2)),
        "dash" | "hyphen" | "minus" => Some((Sign::Hyphen(true), 1)),
        "plus" => Some((Sign::Plus, 1)),
        _ => None,
    }
}

fn spanish(row: &[Token]) -> Option<(Sign, usize)> {
    let first = &row[0];
    #[rustfmt::skip]
    const UNDER: &[&str] = &[
        "sub guion", "subguion", "raya baja", "barra baja", "linea baja", "raya al piso", "raya abajo",
        "raya de abajo", "guion de abajo", "guion al piso", "linea abajo", "barra abajo", "under score", "underscore",
        "guionbajo", "gionbajo", "guion piso", "guion de bajo", "guion en bajo", "guion a bajo", "guion va bajo",
    ];
    #[rustfmt::skip]
    const HYPHEN: &[&str] = &[
        "guion del medio", "guion de en medio", "guion en medio", "guion de medio", "guionmedio", "raya en medio",
        "raya media", "signo menos", "signo de menos", "linea media", "guion a medio",
    ];
    if let Some(used) = begins_any(row, UNDER) {
        return Some((Sign::Under, used));
    }
    if let Some(used) = begins_any(row, HYPHEN) {
        return Some((Sign::Hyphen(true), used));
    }
    if let Some(used) = begins_any(row, &["signo mas", "simbolo mas"]) {
        return Some((Sign::Plus, used));
    }
    if guion(&first.key, false) {
        let kind = row.get(1).and_then(below_or_middle);
        if let Some(sign) = kind {
            return Some((sign, 2));
        }
        return guion(&first.key, true).then_some((Sign::Hyphen(false), 1));
    }
    match first.key.as_str() {
        "menos" | "raya" => return Some((Sign::Hyphen(false), 1)),
        "dot" => return Some((Sign::Dot, 1)),
        _ => {}
    }
    matches!(
        sounds(&first.key).as_str(),
        "punto" | "puntos" | "puntu" | "ponto" | "pumto" | "pundo" | "bunto" | "punto." | "punta"
    )
    .then_some((Sign::Dot, 1))
}

/// How surely a word is "arroba".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Certainty {
    Weak,
    Strong,
}

/// Splits words that recognisers glued ("puntocom", "arrobajemael", "uragión bajo") and turns every "arroba" into `@`.
///
/// Gives the new row and, for each `@` in it, its place and certainty.
pub(crate) fn unglue(row: &[Token], language: Language) -> (Vec<Token>, Vec<(usize, Certainty)>) {
    let mut out: Vec<Token> = Vec::with_capacity(row.len());
    let mut ats = Vec::new();
    let mut at = 0;
    while at < row.len() {
        if let Some((used, certainty)) = arroba(&row[at..], language) {
            let pause = row[at + used - 1].pause;
            if used == 1 && certainty == Certainty::Weak {
                give_back(&mut out);
            }
            ats.push((out.len(), certainty));
            out.push(piece("@", false, pause));
            at += used;
            continue;
        }
        if language == Language::Spanish
            && let Some(edge) = with_edge(&row[at].key)
        {
            if let Some(last) = out.last_mut().filter(|last| last.is_word()) {
                last.key.push_str(edge);
                last.text.push_str(edge);
            }
            ats.push((out.len(), Certainty::Strong));
            out.push(piece("@", false, row[at].pause));
            at += 1;
            continue;
        }
        let next = row.get(at + 1);
        split(&row[at], next, language, &mut out, &mut ats);
        at += 1;
    }
    (out, ats)
}

/// "pere sarroba": gives the last letter of the word before; "arrobag gmail": gives nothing, its letter is said again.
fn with_edge(key: &str) -> Option<&str> {
    ["arroba", "arrova", "aroba", "orroba", "erroba", "urroba"]
        .iter()
        .find_map(|sign| {
            let (before, after) = key.split_once(sign)?;
            let mut letters = before.chars().chain(after.chars());
            let (edge, rest) = (letters.next()?, letters.next());
            let consonant = edge.is_alphabetic() && !"aeiou".contains(edge);
            (rest.is_none() && consonant).then_some(before)
        })
}

/// "ruiza roba", "peñar roba": what belongs to the "arroba" goes back from a name that is then a usual one.
fn give_back(out: &mut Vec<Token>) {
    let letters_before = out.len() >= 2 && out[out.len() - 2].key.chars().count() == 1;
    let Some(last) = out.last_mut().filter(|last| last.is_word()) else {
        return;
    };
    if last.is("a") {
        if !letters_before && out.len() > 1 {
            out.pop();
        }
        return;
    }
    let shorter = last.key.strip_suffix(['a', 'r']).map(str::to_owned);
    if let Some(shorter) = shorter.filter(|shorter| is_usual(shorter) && !is_usual(&last.key)) {
        last.text.clone_from(&shorter);
        last.key = shorter;
    }
}

fn piece(text: &str, glued: bool, pause: bool) -> Token {
    Token {
        text: text.to_owned(),
        key: text.to_owned(),
        glued,
        pause,
        stop: false,
    }
}

fn arroba(row: &[Token], language: Language) -> Option<(usize, Certainty)> {
    let first = &row[0];
    if first.is("@") {
        return Some((1, Certainty::Strong));
    }
    if language == Language::English {
        return first.is_any(&["at", "arroba"]).then_some((1, Certainty::Strong));
    }
    let second = row.get(1).map(|next| sounds(&next.key));
    if first.is_any(&["a", "ha", "la", "al", "ah"])
        && matches!(second.as_deref(), Some("roba" | "robar" | "robas" | "roban" | "rob"))
    {
        let certainty = if first.is_any(&["a", "ha", "ah"]) {
            Certainty::Strong
        } else {
            Certainty::Weak
        };
        // "la roba": the article may belong to the name before ("Paola roba").
        return Some((2, certainty));
    }
    if begins_any(row, &["arro ba", "a rro ba", "arrow ba", "arro va", "aro ba"]).is_some() {
        return Some((2, Certainty::Strong));
    }
    match sounds(&first.key).as_str() {
        "aroba" | "eroba" | "oroba" | "arobas" | "arobar" | "aroban" | "arobo" | "arobe" | "aroga" | "araba" => {
            Some((1, Certainty::Strong))
        }
        "roba" | "robar" | "robas" | "ropa" | "aropa" | "aruba" | "ariba" | "aroma" | "roban" | "robo" | "at" => {
            Some((1, Certainty::Weak))
        }
        _ => None,
    }
}

/// Signs that recognisers glue to a neighbour, with the sign they stand for.
const GLUED: &[(&str, &str)] = &[
    ("arroba", "@"),
    ("arrova", "@"),
    ("aroba", "@"),
    ("arova", "@"),
    ("punto", "."),
];

fn split(
    token: &Token,
    next: Option<&Token>,
    language: Language,
    out: &mut Vec<Token>,
    ats: &mut Vec<(usize, Certainty)>,
) {
    if language == Language::English || !token.is_word() {
        out.push(token.clone());
        return;
    }
    let hyphenated = next.is_some_and(|next| below_or_middle(next).is_some());
    if hyphenated {
        for ending in ["guion", "gion", "guyon"] {
            if let Some(stem) = token.key.strip_suffix(ending).filter(|stem| !stem.is_empty()) {
                out.push(piece(stem, token.glued, false));
                out.push(piece("guion", true, token.pause));
                return;
            }
        }
    }
    // "escarlos": "es" and a name.
    if let Some(name) = token
        .key
        .strip_prefix("es")
        .filter(|name| is_usual(name) && usual(&token.key).is_none())
    {
        out.push(piece("es", token.glued, false));
        out.push(piece(name, true, token.pause));
        return;
    }
    if let Some((before, mark, after)) = glued_sign(&token.key) {
        let (before, after) = (before.to_owned(), after.to_owned());
        if !before.is_empty() {
            split(&piece(&before, token.glued, false), None, language, out, ats);
        }
        if mark == "@" {
            ats.push((out.len(), Certainty::Strong));
        }
        out.push(piece(mark, true, after.is_empty() && token.pause));
        if !after.is_empty() {
            split(&piece(&after, true, token.pause), next, language, out, ats);
        }
        return;
    }
    let provider = ["roba", "rova"].iter().find_map(|sign| {
        let rest = token.key.strip_prefix(sign)?;
        // "robagime el": the provider's name may go on in the next word.
        let longer = next.map(|next| format!("{rest}{}", next.key));
        // "a robaplásticos": with the "a" before it, whatever the domain.
        let whole = rest.len() >= 4 && out.last().is_some_and(|last| last.is("a"));
        let known = |name: &str| name.len() >= 4 && super::providers::recognise(name).is_some();
        (whole || known(rest) || (rest.len() >= 3 && longer.is_some_and(|name| known(&name)))).then_some(rest)
    });
    match provider {
        Some(rest) => {
            give_back(out);
            ats.push((out.len(), Certainty::Weak));
            out.push(piece("@", token.glued, false));
            out.push(piece(rest, true, token.pause));
        }
        None => out.push(token.clone()),
    }
}

/// The first sign inside a word, what stands before it and behind it.
fn glued_sign(key: &str) -> Option<(&str, &'static str, &str)> {
    let whole = |sign: &str| key.len() <= sign.len() + 1 || key == "puntos";
    let plain = GLUED
        .iter()
        .filter(|(sign, _)| !whole(sign))
        .filter_map(|(sign, mark)| key.find(sign).map(|at| (at, sign.len(), *mark)));
    let kinds: &[(&[&str], &'static str)] = &[(BELOW, "_"), (MIDDLE, "-")];
    let lines = kinds.iter().flat_map(|(kinds, mark)| {
        kinds.iter().filter_map(|kind| {
            let kind_at = key.find(kind)?;
            let guion = GUION
                .iter()
                .filter(|guion| key[..kind_at].ends_with(**guion))
                .max_by_key(|guion| guion.len())?;
            Some((kind_at - guion.len(), guion.len() + kind.len(), *mark))
        })
    });
    let (at, length, mark) = plain
        .chain(lines)
        .min_by_key(|(at, length, _)| (*at, usize::MAX - length))?;
    Some((&key[..at], mark, &key[at + length..]))
}

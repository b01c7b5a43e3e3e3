//! Reads a person's name: introduced ("me llamo", "habla"), bare when asked for, with its spelling, without titles.

use super::given_names::{accented, is_given, is_usual, two_names, usual, usual_spelling};
use super::heard::PersonName;
use super::sound::{fold, likeness};
use super::spelling;
use super::token::{Token, begins_any, find_any, tokens};
use crate::{Expectation, Language};

/// Introductions behind which only a name stands.
const PLAIN_CUES: &[&str] = &[
    "me llamo",
    "mi nombre completo es",
    "mi nombre es",
    "nombre es",
    "nombre completo es",
    "a nombre de",
    "my name is",
    "my full name is",
    "the name is",
    "name's",
    "mi nombre",
    "el nombre es",
];

/// Introductions that may introduce something else: the word behind must look like a name.
const LOOSE_CUES: &[&str] = &["soy", "habla", "le habla", "te habla", "i'm", "i am", "this is", "aqui"];

#[rustfmt::skip]
const TITLES: &[&str] = &[
    "senor", "senora", "senorita", "señor", "señora", "señorita", "sr", "sra", "srta", "don", "doña", "licenciado",
    "licenciada", "lic", "ingeniero", "ingeniera", "ing", "doctor", "doctora", "dr", "dra", "profesor", "profesora",
    "profe", "maestro", "maestra", "arquitecto", "arquitecta", "arq", "contador", "contadora", "mister", "mr", "mrs",
    "ms", "miss", "psicologa", "psicologo", "enfermera", "capitan",
];

#[rustfmt::skip]
const PARTICLES: &[&str] = &[
    "de", "del", "la", "las", "los", "y", "san", "santa", "da", "di", "von", "van", "der", "dos", "e", "i",
];

/// Words that no name holds: where one stands the name is over, or there was none.
#[rustfmt::skip]
const NOT_NAMES: &[&str] = &[
    "mi", "mis", "mucho", "para", "a", "con", "en", "que", "le", "te", "gracias", "por", "es", "se", "quiero",
    "quisiera", "tengo", "llamo", "hablo", "estoy", "pero", "correo", "telefono", "numero", "el", "buenas", "buenos",
    "buen", "hola", "bueno", "claro", "servirle", "servidor", "servidora", "ordenes", "empresa", "entonces", "ya",
    "soy", "me", "como", "no", "si", "yo", "usted", "ustedes", "cliente", "clienta", "dueño", "dueña", "encargado",
    "encargada", "gerente", "una", "un", "muy", "mexicano", "mexicana", "español", "española", "argentino",
    "argentina", "nuevo", "nueva", "proveedor", "particular", "estudiante", "medico", "abogado", "abogada", "quien",
    "cual", "donde", "cuando", "digame", "oiga", "oye", "perdon", "espere", "espera", "momento", "robot", "maquina",
    "persona", "alguien", "nadie", "nada", "todo", "esto", "eso", "este", "esta", "ese", "sobre", "porque",
    "necesito", "busco", "interesado", "interesada", "amigo", "amiga", "hijo", "hija", "esposo", "esposa", "papa",
    "mama", "asistente", "secretaria", "secretario", "director", "directora", "responsable", "independiente", "your",
    "the", "and", "calling", "from", "with", "here", "looking", "interested", "not", "sorry", "just", "tu", "su",
    "lo", "nos", "trabajo", "vivo", "desde", "ahorita", "correcto", "exacto", "ok", "vale", "dale", "perfecto",
    "apellido", "nombre", "apellidos", "llama", "escribe", "igual", "otra", "otro", "vez", "hablando", "favor",
    "saludos", "tardes", "dias", "noches", "eh", "mm", "at", "arroba", "punto", "cero", "estamos", "somos", "tampoco",
    "ninguna", "yes", "yeah", "is", "it", "my", "email", "phone", "number", "you", "are", "i", "a", "an", "doy",
    "dejame", "dejeme", "prefiero", "puedo", "puede", "ver", "ahora", "mejor", "primero", "aja", "adelante", "claro",
    "cuanto", "cuanta", "cuantos", "cuantas", "cuales", "quienes", "cuesta", "precio", "what", "who", "how", "when",
    "where", "why", "which",
    "eres", "muchas", "muchisimas", "adios", "hasta", "chao", "bye", "goodbye", "thanks", "thank",
];

/// Reads the caller's name. Under [`Expectation::Name`] a bare name counts; otherwise only an introduced one.
pub fn read(text: &str, expectation: Expectation, language: Language) -> Option<PersonName> {
    read_tokens(&tokens(text), expectation, language)
}

pub(crate) fn read_tokens(row: &[Token], expectation: Expectation, language: Language) -> Option<PersonName> {
    let row = &parted(row)[..];
    let asked = expectation == Expectation::Name;
    if let Some((start, end)) = last_cue(row, PLAIN_CUES) {
        let negated = start > 0 && row[start - 1].is("no");
        if !negated && let Some(name) = collect(&row[end..], language, true) {
            return Some(name);
        }
    }
    if let Some((start, end)) = last_cue(row, LOOSE_CUES) {
        let negated = start > 0 && row[start - 1].is("no");
        if !negated && let Some(name) = collect(&row[end..], language, asked) {
            return Some(name);
        }
    }
    if !asked {
        return None;
    }
    let mut rest = row;
    while let Some(length) = begins_any(rest, OPENERS).filter(|length| *length < rest.len()) {
        rest = &rest[length..];
    }
    if let Some(letters) =
        spelling::run(rest, language).filter(|letters| letters.sure && letters.text.chars().count() >= 3)
        && letters.used == rest.len()
    {
        return build(&[capitalised(&letters.text)]);
    }
    collect(rest, language, true)
}

#[rustfmt::skip]
const OPENERS: &[&str] = &[
    "con mucho gusto", "mucho gusto", "con", "buenas", "de parte de", "habla con", "esta hablando con",
    "estas hablando con", "por favor", "encantado", "encantada", "buen dia", "si", "claro", "claro que si", "bueno",
    "pues", "mire", "mira", "ok", "okey", "eh", "este", "mm", "a ver", "con gusto", "por supuesto", "hola", "gracias",
    "buenas tardes", "buenos dias", "buenas noches", "es", "va", "dale", "vale", "sure", "yes", "it's", "well",
    "perdon", "no", "dije", "perfecto", "ah", "correcto",
];

/// Parts what recognisers write as one word: "ablajerardo" is "habla Gerardo", "guzmantores" is "Guzmán Torres".
fn parted(row: &[Token]) -> Vec<Token> {
    let mut parted = Vec::with_capacity(row.len());
    for token in row {
        let called = ["habla", "abla"].iter().find_map(|cue| {
            let name = token.key.strip_prefix(cue)?;
            name.is_empty().then_some("").or_else(|| usual(name))
        });
        let two = match called {
            Some(name) => Some(("habla", name)),
            None => two_names(&token.key),
        };
        let Some((first, second)) = two else {
            parted.push(token.clone());
            continue;
        };
        let part = |text: &str, glued, pause| Token {
            text: text.to_owned(),
            key: fold(text),
            glued,
            pause,
            stop: pause && token.stop,
        };
        parted.push(part(first, token.glued, token.pause && second.is_empty()));
        if !second.is_empty() {
            parted.push(part(second, false, token.pause));
        }
    }
    parted
}

/// A word of a name as it is usually written: "Ruís" is "Ruiz", "Ector" is "Héctor".
fn heard(word: &str) -> String {
    capitalised(usual_spelling(&fold(word)).unwrap_or(word))
}

fn last_cue(row: &[Token], cues: &[&str]) -> Option<(usize, usize)> {
    let mut found = None;
    let mut from = 0;
    while let Some((start, end)) = find_any(&row[from..], cues) {
        found = Some((from + start, from + end));
        from += end;
    }
    found
}

fn collect(row: &[Token], language: Language, sure: bool) -> Option<PersonName> {
    let mut row = row;
    loop {
        let article = usize::from(row.first().is_some_and(|first| first.is_any(&["el", "la", "su"])));
        match row.get(article..).and_then(|rest| begins_any(rest, TITLES)) {
            Some(length) if article + length < row.len() => row = &row[article + length..],
            _ => break,
        }
    }
    // "Pilar, Pilar Sanz": said again, in full.
    if row.len() > 2 && row[0].pause && row[0].key == row[1].key {
        row = &row[1..];
    }
    let mut words: Vec<String> = Vec::new();
    let mut at = 0;
    while at < row.len() {
        let token = &row[at];
        if let Some(used) = respelled(&row[at..], &mut words, language) {
            at += used;
            continue;
        }
        // "Fernando Ruiz, R. U. I. Zeta": its spelling begins.
        let spells = spelling::run(&row[at..], language).is_some_and(|run| run.sure && run.text.chars().count() >= 3);
        if spells && !words.is_empty() {
            break;
        }
        if token.is("-") && token.glued && at > 0 {
            if let (Some(last), Some(next)) = (words.last_mut(), row.get(at + 1)) {
                last.push('-');
                last.push_str(&capitalised(&next.text));
            }
            at += 2;
            continue;
        }
        let particle = !words.is_empty() && token.is_any(PARTICLES);
        if particle && (token.pause || !particle_goes_on(&row[at..], &words)) {
            break;
        }
        if !particle && (!token.is_word() || token.is_any(NOT_NAMES)) {
            break;
        }
        if words.is_empty() && !sure && !token.capitalised() && !is_given(&token.key) {
            return None;
        }
        if token.glued && at > 0 && row[at - 1].is_word() && !words.is_empty() {
            // "McDonald" was cut at its hump.
            if let Some(last) = words.last_mut() {
                last.push_str(&token.text);
            }
        } else {
            let lower = particle && !token.is_any(&["san", "santa"]);
            words.push(if lower { token.key.clone() } else { heard(&token.text) });
        }
        at += 1;
        let abbreviated = token.key == "ma" || token.key == "mª";
        // "María de los Ángeles, Ruiz Peña": the recogniser's comma, when a surname follows.
        let surname_follows = sure
            && !token.stop
            && row.get(at).is_some_and(|next| {
                next.capitalised()
                    && is_usual(&next.key)
                    && !is_given(&next.key)
                    && spelling::run(&row[at..], language).is_none()
            });
        if token.pause && !abbreviated && !surname_follows {
            break;
        }
        if words.len() > 8 {
            break;
        }
    }
    while words.last().is_some_and(|word| PARTICLES.contains(&word.as_str())) {
        words.pop();
    }
    respell_from(row.get(at..).unwrap_or(&[]), &mut words, language);
    build(&words)
}

/// Whether "de", "la", "y" continue the name: "de la Cruz", not "de la empresa" nor, behind a surname, "de Clínica Luz".
fn particle_goes_on(row: &[Token], words: &[String]) -> bool {
    let articles = row[1..]
        .iter()
        .take_while(|token| token.is_any(&["la", "las", "los", "el"]))
        .count();
    let Some(next) = row.get(articles + 1) else {
        return false;
    };
    if row[0].is("y") {
        return next.capitalised() && words.len() >= 2 && !next.is_any(NOT_NAMES) && !is_given(&next.key);
    }
    if next.is_any(NOT_NAMES) || super::company::is_kind(&next.key) || !next.is_word() {
        return false;
    }
    if row[0].is("de") && articles == 0 {
        let surnames = words.iter().skip(1).any(|word| !is_given(&fold(word)));
        let usual = next.is_any(&[
            "leon", "anda", "alba", "jesus", "dios", "luna", "oca", "hoyos", "gortari", "lara",
        ]);
        return next.capitalised()
            && (usual || (!surnames && words.len() <= 2 && row.len() <= 3 && !super::company::is_place(&next.key)));
    }
    true
}

/// "Vélez con ve chica", inside the name.
fn respelled(row: &[Token], words: &mut [String], language: Language) -> Option<usize> {
    if language != Language::Spanish || !row[0].is_any(&["con", "y"]) || words.is_empty() {
        return None;
    }
    let link = if row.get(1).is_some_and(|token| token.is("con")) {
        2
    } else {
        1
    };
    let letter = spelling::take(row.get(link..)?, language)?;
    let plausible = letter.sure
        || row
            .get(link + letter.used)
            .is_none_or(|_| row[link + letter.used - 1].pause);
    if !plausible || (row[0].is("y") && link == 1 && !letter.sure) {
        return None;
    }
    if let Some(changed) = words.last().and_then(|last| spelling::with_letter(last, &letter.text)) {
        *words.last_mut()? = capitalised(&changed);
    }
    Some(link + letter.used)
}

/// Remarks and spelling behind the name: "…, con zeta", "…, se escribe erre, u, i, zeta".
fn respell_from(rest: &[Token], words: &mut [String], language: Language) {
    if words.is_empty() {
        return;
    }
    if let Some((_, spelled)) = spelling::longest(rest, language).filter(|(_, run)| run.text.chars().count() >= 3) {
        let nearest = words
            .iter_mut()
            .map(|word| (likeness(&fold(word), &spelled.text), word))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((alike, word)) = nearest
            && alike >= 0.45
        {
            // A spelling rarely says the accents: the word as written keeps them.
            if fold(word) != fold(&spelled.text) {
                *word = capitalised(&spelled.text);
            }
            return;
        }
    }
    let mut at = 0;
    while at < rest.len() {
        let used = respelled(&rest[at..], words, language);
        at += used.unwrap_or(1);
    }
}

fn capitalised(word: &str) -> String {
    let key = fold(word);
    if matches!(key.as_str(), "ma" | "mª") {
        return "María".to_owned();
    }
    if key == word.to_lowercase()
        && let Some(proper) = accented(&key)
    {
        return proper.to_owned();
    }
    let shouted = word.chars().count() > 1 && word.chars().all(|c| !c.is_lowercase());
    let mut chars = word.chars();
    let first: String = chars.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    let rest = chars.as_str();
    first + &if shouted { rest.to_lowercase() } else { rest.to_owned() }
}

/// Parts a full name into given names and surnames; nothing if there is no word.
pub fn build(words: &[String]) -> Option<PersonName> {
    let units = units(words);
    let key = |unit: &String| fold(unit.rsplit(' ').next().unwrap_or(unit));
    let count = units.len();
    if count == 0 || units.iter().all(|unit| unit.chars().count() < 2) {
        return None;
    }
    let mut given = 1;
    while given < count {
        let unit = &units[given];
        let devotion = fold(&units[given - 1]).starts_with("maria") && unit.starts_with("de");
        let plain = !unit.contains(' ') && is_given(&key(unit));
        let last = given + 1 == count;
        let both_given = count == 2 && plain && is_given(&key(&units[0]));
        if (devotion && is_devotion(&key(unit))) || (plain && !last) || both_given {
            given += 1;
        } else {
            break;
        }
    }
    // Four plain words: two given names and two surnames is the custom.
    if count >= 4 && given == 1 {
        given = count - 2;
    }
    let surname = units[given..].join(" ");
    Some(PersonName {
        full: units.join(" "),
        given: units[..given].join(" "),
        surname: (!surname.is_empty()).then_some(surname),
    })
}

fn is_devotion(key: &str) -> bool {
    matches!(
        key,
        "angeles"
            | "carmen"
            | "luz"
            | "jesus"
            | "rosario"
            | "pilar"
            | "socorro"
            | "consuelo"
            | "refugio"
            | "mar"
            | "lourdes"
            | "guadalupe"
            | "rocio"
            | "dolores"
            | "rosa"
            | "remedios"
            | "milagros"
            | "sol"
            | "paz"
            | "valle"
    )
}

/// A particle belongs to the word behind it: "de la Cruz" is one unit.
fn units(words: &[String]) -> Vec<String> {
    let mut units = Vec::new();
    let mut open = String::new();
    for word in words {
        if !open.is_empty() {
            open.push(' ');
        }
        open.push_str(word);
        if !PARTICLES.contains(&word.as_str()) && !matches!(word.as_str(), "San" | "Santa") {
            units.push(std::mem::take(&mut open));
        }
    }
    units
}

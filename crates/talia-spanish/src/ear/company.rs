//! Reads the company a caller speaks for. A legal form at its end ("S.A. de C.V.") is left out.

use super::given_names::{is_usual, usual, usual_spelling};
use super::sound::fold;
use super::token::{Token, begins_any, find_any, phrase, tokens};
use crate::{Expectation, Language};

/// Introductions behind which a company's name stands, however it is written.
#[rustfmt::skip]
const PLAIN_CUES: &[&str] = &[
    "la empresa se llama", "mi empresa se llama", "empresa se llama", "empresa es", "compañia se llama",
    "compañia es", "negocio se llama", "negocio es", "de la empresa", "de la compañia", "en la empresa",
    "para la empresa", "de parte de", "en nombre de", "represento a", "llamo de", "llamando de", "hablo de",
    "le hablo de", "les hablo de", "le llamo de", "se llama", "razon social es", "i'm calling from", "calling from",
    "i work for", "i work at", "company is", "company is called", "despacho se llama", "tienda se llama",
    "clinica se llama", "trabajo en", "trabajo para", "trabajo con", "laboro en", "llamo por parte de", "jamo de", "yamo de", "ablo de",
    "vengo de parte de", "llamo desde", "the company is", "on behalf of",
];

/// What kinds of firms are called in front of their name: never a surname.
#[rustfmt::skip]
const KINDS: &[&str] = &[
    "empresa", "compañia", "clinica", "grupo", "tienda", "fabrica", "oficina", "agencia", "escuela", "colegio",
    "hotel", "restaurante", "taller", "farmacia", "ferreteria", "constructora", "inmobiliaria", "hospital", "banco",
    "transportes", "servicios", "distribuidora", "comercializadora", "consultorio", "despacho", "asesoria",
    "asesores", "consultores", "universidad", "instituto", "papeleria", "panaderia", "muebles", "refacciones",
    "industrias", "laboratorios", "laboratorio", "productos", "autopartes", "grupos", "corporativo", "seguros",
    "bufete", "notaria", "gimnasio", "estudio", "editorial", "imprenta", "viajes", "soluciones", "tecnologias",
    "sistemas", "club", "casa",
];

#[rustfmt::skip]
const PLACES: &[&str] = &[
    "mexico", "monterrey", "guadalajara", "puebla", "tijuana", "leon", "queretaro", "merida", "cancun", "toluca",
    "veracruz", "oaxaca", "chihuahua", "saltillo", "hermosillo", "culiacan", "morelia", "madrid", "barcelona",
    "sevilla", "valencia", "bilbao", "malaga", "zaragoza", "cordoba", "rosario", "mendoza", "ciudad", "buenos",
    "españa", "argentina", "colombia", "chile", "peru", "aqui", "alla", "acuerdo", "nuevo", "provincia", "jalisco",
    "sonora", "yucatan", "cdmx", "estados", "acapulco", "aguascalientes", "durango", "tampico", "torreon",
    "zacatecas", "parte", "la", "las", "los",
];

#[rustfmt::skip]
const STOPS: &[&str] = &[
    "mi", "quiero", "quisiera", "llamo", "llamaba", "para", "estoy", "tengo", "necesito", "me", "le", "te", "gracias",
    "hablo", "por", "con", "que", "pero", "somos", "estamos", "buscamos", "soy", "is", "my", "and", "necesitamos",
    "queremos", "su", "porque", "como", "quería", "queria", "nos", "se", "ando", "and", "thank", "i", "i'm", "en",
    "a", "o", "si", "no", "esta", "es",
];

/// Reads the company. Under [`Expectation::Company`] a bare name counts; otherwise only an introduced one.
pub fn read(text: &str, expectation: Expectation, language: Language) -> Option<String> {
    read_tokens(&tokens(text), expectation, language)
}

pub(crate) fn read_tokens(row: &[Token], expectation: Expectation, _language: Language) -> Option<String> {
    let row = &mended(row)[..];
    let asked = expectation == Expectation::Company;
    if super::manner::declines(row) {
        return None;
    }
    let cues: &[&str] = PLAIN_CUES;
    if let Some((start, end)) = find_any(row, cues) {
        // "mi esposo se llama Juan" names no company.
        let other = row[start].is("se") && !asked && !said_company(row);
        let loose = other || (!asked && !row.get(end).is_some_and(Token::capitalised) && !said_company(row));
        if !loose && let Some(found) = collect(&row[end..]) {
            return Some(found);
        }
        // "trabajo en una escuela" introduces a company and doesn't name it.
        if asked {
            return None;
        }
    }
    if let Some(found) = behind_name(row, asked) {
        return Some(found);
    }
    if !asked {
        return None;
    }
    let mut rest = row;
    while let Some(length) = begins_any(rest, OPENERS).filter(|length| *length < rest.len()) {
        rest = &rest[length..];
    }
    collect(rest)
}

#[rustfmt::skip]
const OPENERS: &[&str] = &[
    "si", "claro", "bueno", "pues", "mire", "ok", "eh", "este", "mm", "a ver", "con gusto", "es", "somos", "de",
    "la empresa", "empresa", "la compañia", "en", "soy de", "hola", "se llama", "yes", "it's", "sure", "seria",
    "de la", "ah", "no", "perdon", "perdon es", "el nombre es", "nos llamamos", "trabajamos como",
    "una empresa que se llama", "que se llama", "claro que si", "por supuesto", "vengo de", "llamo de", "we are",
    "we're", "from", "the company is",
];

fn said_company(row: &[Token]) -> bool {
    row.iter()
        .any(|token| token.is_any(&["empresa", "compañia", "negocio", "company", "razon", "despacho"]))
}

/// "Soy Ana Ríos de Clínica Luz", "habla Juan, de Grupo Norte", "somos Muebles Sol".
fn behind_name(row: &[Token], asked: bool) -> Option<String> {
    let (_, cue) = find_any(
        row,
        &[
            "soy",
            "habla",
            "me llamo",
            "mi nombre es",
            "somos",
            "this is",
            "i'm",
            "my name is",
        ],
    )?;
    let rest = &row[cue..];
    if row[cue - 1].is("somos") {
        return rest
            .first()
            .filter(|first| first.capitalised() || asked)
            .and_then(|_| collect(rest));
    }
    let from = (0..rest.len().min(10)).find(|&at| {
        let links = rest[at].is_any(&["de", "del", "from"]);
        let next = rest.get(at + 1);
        let article = next.is_some_and(|next| next.is_any(&["la", "el", "los", "las"]));
        let head = if article || rest[at].is("del") {
            rest.get(at + if article { 2 } else { 1 })
        } else {
            next
        };
        let kind = head.is_some_and(|head| is_kind(&head.key));
        let named = !article
            && rest[at].is_any(&["de", "from"])
            && next.is_some_and(|next| next.capitalised() && !is_place(&next.key));
        // "Juan de León" is a person: behind one word only a kind of firm counts.
        links && (kind || (named && (at >= 2 || at == 0 || rest[at - 1].pause || rest[at].is("from"))))
    })?;
    let skip = usize::from(
        rest.get(from + 1)
            .is_some_and(|next| next.is_any(&["la", "el", "los", "las"])),
    );
    collect(&rest[from + 1 + skip..])
}

/// Whether a folded word says what kind of firm it is.
pub(crate) fn is_kind(key: &str) -> bool {
    KINDS.contains(&key)
}

/// Whether a folded word is a place that callers say they are from.
pub(crate) fn is_place(key: &str) -> bool {
    PLACES.contains(&key)
}

fn collect(row: &[Token]) -> Option<String> {
    let mut row = row;
    // "un despacho, Prado y Asociados": what it is, then its name.
    if row.len() > 2 && row[0].is_any(&["un", "una"]) && is_kind(&row[1].key) && row[1].pause {
        row = &row[2..];
    }
    // "una clínica dental" says what it is, not how it is called.
    let lower_article = |keys: &[&str]| {
        row.first()
            .is_some_and(|first| first.is_any(keys) && !first.capitalised())
    };
    if row.len() > 1
        && row[1].is_word()
        && !row[1].capitalised()
        && lower_article(&["un", "una", "nuestra", "nuestro"])
        && !row[1..].iter().any(Token::capitalised)
        && begins_any(
            row,
            &[
                "una empresa que se llama",
                "una empresa llamada",
                "un negocio que se llama",
            ],
        )
        .is_none()
    {
        return None;
    }
    if let Some(length) = begins_any(
        row,
        &[
            "la empresa",
            "una empresa que se llama",
            "empresa",
            "que se llama",
            "la compañia",
            "una empresa llamada",
            "un negocio que se llama",
        ],
    ) && length < row.len()
    {
        row = &row[length..];
    }
    let mut end = 0;
    while end < row.len() {
        let token = &row[end];
        if end > 0 && begins_any(&row[end..], LEGAL).is_some() {
            break;
        }
        let conjunction = token.is_any(&["y", "e"]);
        if conjunction
            && (end == 0
                || !row.get(end + 1).is_some_and(|next| {
                    next.capitalised() || next.is_any(&["asociados", "hijos", "hermanos", "compañia", "cia"])
                }))
        {
            break;
        }
        if token.is_any(STOPS) && !(token.capitalised() && end > 0) {
            break;
        }
        end += 1;
        // "Ferretería, La Estrella": only what it is stands before the comma.
        let kind_alone = end == 1 && is_kind(&token.key) && row.len() > 1 && !token.stop;
        if (token.pause && !kind_alone) || end >= 8 {
            break;
        }
    }
    while end > 0 && row[end - 1].is_any(&["de", "del", "la", "el", "y", "los", "-", "."]) {
        end -= 1;
    }
    let name = &row[..end];
    if name.is_empty()
        || !name.iter().any(Token::is_word)
        || (name.len() == 1 && (is_place(&name[0].key) || is_kind(&name[0].key) || name[0].is_any(NOTHING)))
    {
        return None;
    }
    Some(titled(name))
}

/// Kinds that are written with an accent.
#[rustfmt::skip]
const ACCENTED: &[(&str, &str)] = &[
    ("clinica", "Clínica"), ("fabrica", "Fábrica"), ("ferreteria", "Ferretería"), ("asesoria", "Asesoría"),
    ("papeleria", "Papelería"), ("panaderia", "Panadería"), ("notaria", "Notaría"), ("tecnologias", "Tecnologías"),
];

/// Kinds from this length are known with one letter wrong.
const LONG: usize = 8;

/// Mends the words of a name as recognisers write them: "ferretaría", "distribuidor a", "clinica", "Ruís", "Los Sano".
fn mended(row: &[Token]) -> Vec<Token> {
    let mut mended: Vec<Token> = Vec::with_capacity(row.len());
    let mut at = 0;
    while at < row.len() {
        let mut token = row[at].clone();
        at += 1;
        if let Some(next) = row.get(at).filter(|_| token.is_word() && !token.pause) {
            let joined = format!("{}{}", token.key, next.key);
            let name = usual(&joined).filter(|_| next.key.len() >= 3 && next.capitalised());
            let kind = next.is_any(&["a", "as"]) && is_kind(&joined);
            let name = name.filter(|_| !is_usual(&token.key) && !is_usual(&next.key));
            if kind || name.is_some() {
                token.text = name.map_or_else(|| format!("{}{}", token.text, next.text), str::to_owned);
                token.key = joined;
                token.pause = next.pause;
                token.stop = next.stop;
                at += 1;
            }
        }
        // "Ferretería a la Estrella": the vowel between two words, heard twice.
        let doubled = token.key.ends_with('a') && is_kind(&token.key) && row.get(at).is_some_and(|next| next.is("a"));
        if doubled
            && row
                .get(at + 1)
                .is_some_and(|next| next.is_any(&["la", "el", "las", "los"]))
        {
            at += 1;
        }
        let near = KINDS.iter().find(|kind| {
            kind.len() >= LONG
                && token.key.len() >= LONG - 1
                && !is_kind(&token.key)
                && strsim::damerau_levenshtein(kind, &token.key) == 1
                && !KINDS.contains(&token.key.strip_suffix('s').unwrap_or(""))
        });
        if let Some(kind) = near {
            token = Token {
                text: if token.capitalised() {
                    capitalised(kind)
                } else {
                    (*kind).to_owned()
                },
                key: (*kind).to_owned(),
                ..token
            };
        }
        if let Some((_, accented)) = ACCENTED.iter().find(|(kind, _)| token.is(kind)) {
            let lower = !token.capitalised();
            token.text = if lower {
                accented.to_lowercase()
            } else {
                (*accented).to_owned()
            };
        } else if token.capitalised()
            && !is_kind(&token.key)
            && let Some(usual) = usual_spelling(&token.key)
        {
            usual.clone_into(&mut token.text);
            token.key = fold(usual);
        }
        mended.push(token);
    }
    mended
}

fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    let first: String = chars.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    first + chars.as_str()
}

#[rustfmt::skip]
const NOTHING: &[&str] = &[
    "mia", "mio", "propia", "propio", "nuestra", "familiar", "pequeña", "chica", "nueva", "gracias", "nada",
    "ninguna", "particular", "ventas", "casa", "hola", "perdon", "personal", "independiente", "eso", "bien",
    "correcto", "claro", "momento",
];

#[rustfmt::skip]
const LEGAL: &[&str] = &[
    "s . a", "s a", "sa de cv", "s a de c v", "sociedad anonima", "s de rl", "s . de r . l", "srl", "s r l",
    "s . r . l", "ese a de ce ve", "s . l", "s . c", "sapi", "s . a . s", "sas", "inc", "llc", "sociedad limitada",
    "sa", "ese a",
];

/// Written with capitals when the recogniser wrote none, or where it took the name behind its kind for plain words.
fn titled(row: &[Token]) -> String {
    let behind_kind = row.len() > 1 && is_kind(&row[0].key);
    if !behind_kind && row.iter().any(Token::capitalised) {
        return phrase(row);
    }
    let mut titled: Vec<Token> = row.to_vec();
    for (at, token) in titled.iter_mut().enumerate() {
        let leads = at == 1 && is_kind(&row[0].key) && token.is_any(&["la", "el", "los", "las"]);
        if leads || !token.is_any(&["de", "del", "la", "los", "las", "el", "y", "e", "en"]) {
            token.text = capitalised(&token.text);
        }
    }
    phrase(&titled)
}

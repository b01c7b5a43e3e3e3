//! Reads what stands behind the last dots of a domain: com, com.mx, es, org and their mishearings.

use crate::ear::token::{Token, begins_any};

/// Heard words and the ending they mean; several words parted by spaces.
const ENDINGS: &[(&str, &[&str])] = &[
    (
        "com",
        &[
            "com", "con", "kom", "come", "como", "cum", "comp", "comb", "komm", "comm", "ce o eme", "c o m", "cong",
            "gom", "qom", "coma", "comun", "com.", "kon", "col", "con.",
        ],
    ),
    (
        "mx",
        &[
            "mx",
            "eme equis",
            "emequis",
            "eme x",
            "m x",
            "m equis",
            "mequis",
            "emeequis",
            "emex",
            "eme ekis",
            "mex",
            "mexico",
            "em equis",
            "emekis",
            "mxi",
            "en equis",
            "ene equis",
            "meequis",
            "eme que es",
            "eme quis",
        ],
    ),
    ("es", &["es", "e ese", "e s", "eese", "ese", "españa"]),
    (
        "ar",
        &["ar", "a erre", "a r", "aerre", "are", "a ere", "argentina", "har"],
    ),
    ("net", &["net", "ned", "nett", "red", "neto", "ene e te"]),
    (
        "org",
        &[
            "org",
            "orj",
            "orc",
            "o erre ge",
            "ore",
            "orge",
            "orje",
            "o r g",
            "orgue",
            "horg",
            "orgs",
            "oerrege",
        ],
    ),
    ("edu", &["edu", "e de u", "edú", "edo", "edur"]),
    ("gob", &["gob", "gov", "gobierno", "gop", "gof", "job"]),
    ("io", &["io", "i o", "yo", "ai o"]),
    ("co", &["co", "ce o", "c o", "ko"]),
    ("me", &["me", "eme e", "m e", "mi"]),
    ("ai", &["ai", "a i", "ay", "hay"]),
    ("cl", &["cl", "ce ele", "c l", "chile"]),
    ("pe", &["pe", "pe e"]),
    ("us", &["us", "u ese", "u s"]),
    ("eu", &["eu", "e u"]),
    ("cat", &["cat"]),
    ("info", &["info"]),
    ("biz", &["biz", "bis"]),
    ("app", &["app", "ap"]),
    ("dev", &["dev"]),
    ("lat", &["lat"]),
    ("tech", &["tech", "tec", "tek"]),
    ("store", &["store", "stor"]),
    ("online", &["online", "onlain"]),
    ("shop", &["shop"]),
    ("site", &["site"]),
    ("digital", &["digital"]),
    ("cloud", &["cloud", "claud"]),
    ("studio", &["studio", "estudio"]),
    ("uk", &["uk", "u k", "u ka"]),
    ("uy", &["uy", "u y", "u ye", "u i griega"]),
    ("coop", &["coop"]),
    ("law", &["law"]),
    ("pro", &["pro"]),
];

/// Endings of which a country's may follow: "com.mx", "org.ar".
const TAKES_COUNTRY: &[&str] = &["com", "org", "net", "edu", "gob", "co"];
const COUNTRIES: &[&str] = &["mx", "es", "ar", "co", "cl", "pe", "uy", "uk"];

/// The ending that the tokens begin with, and how many say it.
pub(crate) fn take(row: &[Token]) -> Option<(&'static str, usize)> {
    ENDINGS
        .iter()
        .filter_map(|(ending, heard)| begins_any(row, heard).map(|used| (*ending, used)))
        .max_by_key(|(_, used)| *used)
}

/// Whether the second ending can stand behind the first.
pub(crate) fn may_follow(first: &str, second: &str) -> bool {
    TAKES_COUNTRY.contains(&first) && COUNTRIES.contains(&second) && first != second
}

//! What is spoken by a simple speaker is read back exactly, and nothing that is heard makes the ear fail.

use proptest::collection::vec;
use proptest::prelude::*;
use talia_spanish::ear::{Context, Country, correction, listening, numbers, phone, prompt, read, read_in, spelling};
use talia_spanish::{Expectation, Language};

const UNITS: [&str; 30] = [
    "cero",
    "uno",
    "dos",
    "tres",
    "cuatro",
    "cinco",
    "seis",
    "siete",
    "ocho",
    "nueve",
    "diez",
    "once",
    "doce",
    "trece",
    "catorce",
    "quince",
    "dieciséis",
    "diecisiete",
    "dieciocho",
    "diecinueve",
    "veinte",
    "veintiuno",
    "veintidós",
    "veintitrés",
    "veinticuatro",
    "veinticinco",
    "veintiséis",
    "veintisiete",
    "veintiocho",
    "veintinueve",
];
const TENS: [&str; 10] = [
    "",
    "",
    "",
    "treinta",
    "cuarenta",
    "cincuenta",
    "sesenta",
    "setenta",
    "ochenta",
    "noventa",
];
const HUNDREDS: [&str; 10] = [
    "",
    "ciento",
    "doscientos",
    "trescientos",
    "cuatrocientos",
    "quinientos",
    "seiscientos",
    "setecientos",
    "ochocientos",
    "novecientos",
];

fn cardinal(value: usize) -> String {
    match value {
        0..30 => UNITS[value].to_owned(),
        30..100 if value % 10 == 0 => TENS[value / 10].to_owned(),
        30..100 => format!("{} y {}", TENS[value / 10], UNITS[value % 10]),
        100 => "cien".to_owned(),
        101..1000 if value % 100 == 0 => HUNDREDS[value / 100].to_owned(),
        101..1000 => format!("{} {}", HUNDREDS[value / 100], cardinal(value % 100)),
        1000 => "mil".to_owned(),
        1001..2000 => format!("mil {}", cardinal(value % 1000)),
        _ if value % 1000 == 0 => format!("{} mil", cardinal(value / 1000)),
        _ => format!("{} mil {}", cardinal(value / 1000), cardinal(value % 1000)),
    }
}

/// Says a row of digits in groups of the given sizes, as a Spanish speaker does.
fn say_digits(digits: &str, sizes: &[usize]) -> String {
    let mut said = Vec::new();
    let mut rest = digits;
    let mut sizes = sizes.iter().cycle();
    while !rest.is_empty() {
        let size = (*sizes.next().unwrap()).min(rest.len());
        let (group, tail) = rest.split_at(size);
        rest = tail;
        said.push(match group {
            "00" => "doble cero".to_owned(),
            _ if group.starts_with('0') => group
                .bytes()
                .map(|digit| UNITS[usize::from(digit - b'0')])
                .collect::<Vec<_>>()
                .join(" "),
            _ => cardinal(group.parse().unwrap()),
        });
    }
    said.join(", ")
}

fn say_address(address: &str) -> String {
    let mut said = String::new();
    let mut number = String::new();
    for c in address.chars().chain(['\0']) {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        if !number.is_empty() {
            said.push_str(&format!(" {} ", say_digits(&number, &[1])));
            number.clear();
        }
        match c {
            '@' => said.push_str(" arroba "),
            '.' => said.push_str(" punto "),
            '_' => said.push_str(" guion bajo "),
            '-' => said.push_str(" guion medio "),
            '\0' => {}
            other => said.push(other),
        }
    }
    said
}

/// Pronounceable words that mean nothing to the reader.
fn word() -> impl Strategy<Value = String> {
    vec(
        prop::sample::select(vec!["ba", "me", "lo", "ri", "su", "fa", "ne", "to", "gi", "pu"]),
        2..4,
    )
    .prop_map(|syllables| format!("{}n", syllables.concat()))
    .prop_filter("a word of its own", |word| {
        numbers::digits(word, Language::Spanish).is_empty()
    })
}

fn local() -> impl Strategy<Value = String> {
    (
        word(),
        prop::sample::select(vec![".", "_", "-", ""]),
        prop_oneof![word(), "[1-9][0-9]{0,3}"],
    )
        .prop_map(|(first, sign, second)| format!("{first}{sign}{second}"))
}

fn domain() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "gmail.com",
        "hotmail.com",
        "outlook.es",
        "yahoo.com.mx",
        "icloud.com",
        "live.com",
        "hotmail.com.ar",
    ])
    .prop_map(str::to_owned);
    let own = (
        word(),
        word(),
        prop::sample::select(vec!["com", "mx", "com.mx", "es", "com.ar", "org"]),
    )
        .prop_map(|(a, b, end)| format!("{a}-{b}.{end}"));
    prop_oneof![known, own]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_spoken_address_is_read_back(local in local(), domain in domain()) {
        let address = format!("{local}@{domain}");
        let heard = read(&say_address(&address), Expectation::Email, Language::Spanish);
        let email = heard.email.map(|found| found.best().value.to_string());
        prop_assert_eq!(email.as_deref(), Some(address.as_str()), "{}", say_address(&address));
    }

    #[test]
    fn digits_in_any_grouping_are_read_back(digits in "[0-9]{1,12}", sizes in vec(1_usize..=3, 1..5)) {
        let said = say_digits(&digits, &sizes);
        prop_assert_eq!(numbers::digits(&said, Language::Spanish), digits, "{}", said);
    }

    #[test]
    fn any_cardinal_is_read_back(value in 0_usize..1_000_000) {
        prop_assert_eq!(numbers::digits(&cardinal(value), Language::Spanish), value.to_string());
    }

    #[test]
    fn a_spoken_mexican_number_is_read_back(number in "(55|33|81)[1-9][0-9]{7}", sizes in vec(1_usize..=3, 1..4)) {
        let said = say_digits(&number, &sizes);
        if let Some(valid) = phone::from_digits(&number, Country::Mexico) {
            prop_assert_eq!(phone::read(&said, Language::Spanish, Country::Mexico), Some(valid), "{}", said);
        }
    }

    #[test]
    fn a_spelled_word_is_read_back(word in "[bcdfghjklmnpqrstvxz][aeiou][bcdfghjklmnpqrstvxz][aeiou][bcdfghjklmnpqrstvxz]") {
        let said = word.chars().map(|c| c.to_uppercase().to_string()).collect::<Vec<_>>().join(", ");
        prop_assert_eq!(spelling::read(&said, Language::Spanish), Some(word));
    }

    #[test]
    fn any_text_is_read_without_failing(text in any::<String>(), pick in 0_usize..9, english in any::<bool>()) {
        total(&text, pick, english);
    }

    #[test]
    fn any_row_of_the_ears_own_words_is_read_without_failing(
        words in vec(prop::sample::select(vec![
            "arroba", "punto", "guion", "bajo", "medio", "com", "mx", "de", "be", "doble", "triple", "mil", "y", "con", "no", "es", "a", "roba", "gmail", "uno", "55", "@", ".", "-", "_",
            "sin", "la", "ese", "soy", "habla", "termina", "en", "más", "+52", "Mª", "ñ", "uragión", "puntocom", "arrobajemael", "última", "letra", "veces", "quise", "decir", ",", "?", "\u{301}",
        ]), 0..30),
        pick in 0_usize..9,
        english in any::<bool>(),
    ) {
        total(&words.join(" "), pick, english);
    }
}

const EXPECTATIONS: [Expectation; 9] = [
    Expectation::Open,
    Expectation::Name,
    Expectation::Spelled,
    Expectation::Email,
    Expectation::Phone,
    Expectation::YesNo,
    Expectation::Digits,
    Expectation::Date,
    Expectation::Company,
];

/// Calls everything; checks what must hold of any reading.
fn total(text: &str, pick: usize, english: bool) {
    let expectation = EXPECTATIONS[pick];
    let language = if english { Language::English } else { Language::Spanish };
    let countries = [
        Country::Mexico,
        Country::Spain,
        Country::Argentina,
        Country::UnitedStates,
        Country::Other(49),
    ];
    for country in [countries[pick % 5], countries[(pick + 2) % 5]] {
        let heard = read_in(
            text,
            Context {
                expectation,
                language,
                country,
            },
        );
        for candidate in heard.email.iter().flatten() {
            assert!(
                email_address::EmailAddress::is_valid(candidate.value.as_str()),
                "{text:?}"
            );
            assert!((0.0..=1.0).contains(&candidate.confidence), "{text:?}");
        }
        if let Some(phone) = &heard.phone {
            assert!(
                phone.e164.starts_with('+') && phone.e164[1..].bytes().all(|b| b.is_ascii_digit()),
                "{text:?}"
            );
            if let Some(amended) = correction::amend_phone(phone, text, language) {
                assert_ne!(&amended, phone);
            }
        }
        if let Some(name) = &heard.name {
            assert!(!name.full.is_empty() && name.full.starts_with(&name.given), "{text:?}");
        }
    }
    for current in [
        "ana.rios_78@clinica-luz.com.mx",
        "ñandú@gmail.com",
        "@",
        "",
        "sin arroba",
    ] {
        if let Some(amended) = correction::amend_email(current, text, language) {
            assert!(email_address::EmailAddress::is_valid(&amended), "{text:?}");
            assert_ne!(amended, current);
        }
        correction::amend_name(current, text, language);
    }
    let unfinished = listening::looks_unfinished(text, expectation, language);
    assert!(
        !(unfinished && listening::looks_complete(text, expectation, language)),
        "{text:?}"
    );
    listening::is_backchannel(text, language);
    listening::is_interruption(text, language);
    listening::is_hallucination(text);
    prompt::leaks_prompt(text, expectation, language);
}

#[test]
fn long_texts_are_cut_and_read_quickly() {
    for seed in [
        "arroba ",
        "a",
        "punto com ",
        "mi teléfono es 654 ",
        "be de burro ",
        "no es ",
        "cincuenta y ",
        "@.",
        "\u{301}é",
        "de la ",
    ] {
        total(&seed.repeat(20_000 / seed.len()), 3, false);
        total(&seed.repeat(20_000 / seed.len()), 4, false);
    }
}

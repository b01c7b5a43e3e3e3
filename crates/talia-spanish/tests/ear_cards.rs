//! Numbers of payment cards are found however they are said, and other numbers are left alone.

use proptest::collection::vec;
use proptest::prelude::*;
use talia_spanish::ear::card::{self, CardPart, CardWords, Dictation};

const CORPUS: &str = include_str!("data/cards.txt");

/// The text with what was found in brackets, as the corpus has it.
fn bracketed(text: &str, found: &[CardWords]) -> String {
    let mut shown = String::new();
    let mut at = 0;
    for words in found {
        let [open, close] = match words.part {
            CardPart::Number { .. } => ['⟦', '⟧'],
            CardPart::SecurityCode => ['⟨', '⟩'],
        };
        shown.push_str(&text[at..words.range.start]);
        shown.push(open);
        shown.push_str(&text[words.range.clone()]);
        shown.push(close);
        at = words.range.end;
    }
    shown + &text[at..]
}

#[test]
fn the_corpus_is_read_as_it_is_marked() {
    let cases: Vec<_> = CORPUS
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    assert!(cases.len() >= 60, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let mut dictation = Dictation::default();
        let read: Vec<_> = case
            .split(" | ")
            .map(|line| {
                let text = line.replace(['⟦', '⟧', '⟨', '⟩'], "");
                bracketed(&text, &dictation.line(&text).words)
            })
            .collect();
        let read = read.join(" | ");
        if read != case {
            wrong.push(format!("{case}\n    read: {read}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_last_four_digits_and_the_pieces_are_told() {
    let found = card::find("la cuarenta y dos, 42, 42 42 4242 4242");
    let last_four = "4242".to_owned();
    assert_eq!(found[0].part, CardPart::Number { last_four });
    let mut dictation = Dictation::default();
    for line in ["Es 4111", "ajá, once once,", "1111"] {
        assert_eq!(dictation.line(line), card::Heard::default());
    }
    let heard = dictation.line("1111");
    assert_eq!(heard.pieces, ["4111", "once once", "1111", "1111"]);
}

fn with_check_digit(digits: &str) -> String {
    let all = (0..10).map(|check| format!("{digits}{check}"));
    let doubled = |digits: &str| -> u32 {
        let places = digits.bytes().rev().enumerate();
        let value = |(place, digit): (usize, u8)| {
            let digit = u32::from(digit - b'0') * if place % 2 == 1 { 2 } else { 1 };
            digit / 10 + digit % 10
        };
        places.map(value).sum()
    };
    all.into_iter()
        .find(|number| doubled(number).is_multiple_of(10))
        .expect("a check digit")
}

/// Beginning and length of what issuers give out.
const ISSUERS: [(&str, usize); 22] = [
    ("4", 16),
    ("4", 19),
    ("4", 13),
    ("51", 16),
    ("55", 16),
    ("2221", 16),
    ("2720", 16),
    ("2869", 16),
    ("34", 15),
    ("37", 15),
    ("300", 14),
    ("36", 14),
    ("38", 14),
    ("3528", 16),
    ("3589", 16),
    ("6011", 16),
    ("65", 16),
    ("62", 19),
    ("6221", 16),
    ("5018", 13),
    ("5895", 16),
    ("5062", 16),
];

fn number() -> impl Strategy<Value = String> {
    (prop::sample::select(ISSUERS.to_vec()), "[0-9]{19}").prop_map(|((begins, length), digits)| {
        with_check_digit(&format!("{begins}{}", &digits[..length - 1 - begins.len()]))
    })
}

/// Whether no part of these digits is a card's number too, as one in ten parts would be by chance.
fn has_no_other(digits: &str) -> bool {
    let parts = (0..digits.len()).flat_map(|start| (start + 13..=digits.len()).map(move |end| start..end));
    parts
        .filter(|part| part.len() < digits.len())
        .all(|part| !card::is_number(&digits[part]))
}

const UNITS: [[&str; 10]; 2] = [
    [
        "cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve",
    ],
    [
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    ],
];
const TEENS: [&str; 20] = [
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
const TENS: [&str; 7] = [
    "treinta",
    "cuarenta",
    "cincuenta",
    "sesenta",
    "setenta",
    "ochenta",
    "noventa",
];
const HUNDREDS: [&str; 9] = [
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

fn below_hundred(value: usize) -> String {
    match value {
        0..10 => UNITS[0][value].to_owned(),
        10..30 => TEENS[value - 10].to_owned(),
        _ if value.is_multiple_of(10) => TENS[value / 10 - 3].to_owned(),
        _ => format!("{} y {}", TENS[value / 10 - 3], UNITS[0][value % 10]),
    }
}

fn cardinal(value: usize) -> String {
    match value {
        0..100 => below_hundred(value),
        100 => "cien".to_owned(),
        101..1000 if value.is_multiple_of(100) => HUNDREDS[value / 100 - 1].to_owned(),
        101..1000 => format!("{} {}", HUNDREDS[value / 100 - 1], below_hundred(value % 100)),
        1000..2000 if value == 1000 => "mil".to_owned(),
        1000..2000 => format!("mil {}", cardinal(value % 1000)),
        _ if value.is_multiple_of(1000) => format!("{} mil", cardinal(value / 1000)),
        _ => format!("{} mil {}", cardinal(value / 1000), cardinal(value % 1000)),
    }
}

/// How one group of digits is given.
#[derive(Debug, Clone, Copy)]
enum Way {
    Figures,
    Cardinal,
    Single,
}

fn way() -> impl Strategy<Value = Way> {
    prop::sample::select(vec![Way::Figures, Way::Cardinal, Way::Single])
}

/// Digits in groups, each given in its way, with this between them; in Spanish, but for groups that are English throughout.
fn said(digits: &str, groups: &[(usize, Way)], between: &[&str], english: bool) -> Vec<String> {
    let mut rest = digits;
    let mut said = Vec::new();
    for (number, (size, way)) in groups.iter().cycle().enumerate() {
        if rest.is_empty() {
            break;
        }
        let (group, tail) = rest.split_at((*size).min(rest.len()));
        rest = tail;
        let single = |digit: u8| UNITS[usize::from(english)][usize::from(digit - b'0')];
        let text = match way {
            Way::Figures => group.to_owned(),
            Way::Cardinal if !english && !group.starts_with('0') => cardinal(group.parse().expect("digits")),
            _ => group.bytes().map(single).collect::<Vec<_>>().join(" "),
        };
        said.push(
            text + if rest.is_empty() {
                ""
            } else {
                between[number % between.len()]
            },
        );
    }
    said
}

fn groups() -> impl Strategy<Value = Vec<(usize, Way)>> {
    vec((1_usize..=4, way()), 1..8)
}

fn between() -> impl Strategy<Value = Vec<&'static str>> {
    vec(
        prop::sample::select(vec![", ", ", y luego ", ", eh, ", ". ", ", este, ", ";  "]),
        1..4,
    )
}

const AROUND: [(&str, &str); 6] = [
    ("", ""),
    ("Mi tarjeta es la ", ", gracias."),
    ("¿Anotas? ", " ¿Ya?"),
    ("ñ – ", " – €"),
    ("Te la doy: ", ", vence en agosto"),
    ("(", ")"),
];

/// What was found is all of the number, and nothing beside it.
fn is_all(text: &str, (before, after): (&str, &str)) -> Result<(), TestCaseError> {
    let found = card::find(text);
    prop_assert_eq!(found.len(), 1, "{}: {:?}", text, found);
    let range = &found[0].range;
    prop_assert_eq!((&text[..range.start], &text[range.end..]), (before, after), "{}", text);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1_000, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_card_is_found_however_it_is_said(
        number in number(),
        groups in groups(),
        between in between(),
        english in any::<bool>(),
        around in prop::sample::select(AROUND.to_vec()),
    ) {
        let number_said = said(&number, &groups, &between, english).concat();
        is_all(&format!("{}{number_said}{}", around.0, around.1), around)?;
    }

    #[test]
    fn a_card_is_found_however_it_is_written(
        number in number(),
        sizes in vec(1_usize..=19, 1..6),
        sign in prop::sample::select(vec![" ", "-", ".", ",", "/", "  ", " - ", "\u{a0}", "\n"]),
        around in prop::sample::select(AROUND.to_vec()),
    ) {
        let groups: Vec<_> = sizes.into_iter().map(|size| (size, Way::Figures)).collect();
        let written = said(&number, &groups, &[sign], false).concat();
        is_all(&format!("{}{written}{}", around.0, around.1), around)?;
    }

    /// In lines of their own, with something said between: the last line's digits are found.
    #[test]
    fn a_card_in_pieces_is_found_with_its_last_line(
        number in number().prop_filter("by chance", |number| has_no_other(number)),
        sizes in vec(1_usize..=8, 1..6),
        way in way(),
        heard in prop::sample::select(vec![None, Some("ajá"), Some("sí, sigo"), Some("¿me oyes?")]),
    ) {
        let mut rest = number.as_str();
        let mut pieces = Vec::new();
        for size in sizes.iter().cycle() {
            let (piece, tail) = rest.split_at((*size).min(rest.len()));
            pieces.push(piece);
            rest = tail;
            if rest.is_empty() {
                break;
            }
        }
        prop_assume!(pieces.len() > 1);
        let mut dictation = Dictation::default();
        for (place, piece) in pieces.iter().enumerate() {
            let text = said(piece, &[(3, way)], &[", "], false).concat();
            let found = dictation.line(&text);
            if place + 1 < pieces.len() {
                prop_assert!(found.words.is_empty(), "{:?}", pieces);
                if let Some(heard) = heard {
                    prop_assert!(dictation.line(heard).words.is_empty());
                }
            } else {
                prop_assert_eq!(found.words.len(), 1, "{:?}", pieces);
                prop_assert_eq!(&text[found.words[0].range.clone()], &text);
                let told = pieces.iter().filter(|piece| piece.len() > 2).count();
                prop_assert_eq!(found.pieces.len(), told);
            }
        }
    }

    /// Numbers of telephones as they are given where our callers live, one or two in a breath.
    #[test]
    fn a_telephone_is_no_card(
        begins in prop::sample::select(vec!["", "52 ", "+52 ", "+52 1 ", "0052 ", "01 ", "044 ", "+34 ", "+54 9 ", "+1 ", "+49 ", "+44 "]),
        digits in "[2-9][0-9]{9}",
        groups in groups(),
        between in between(),
    ) {
        let text = format!("Es el {begins}{}.", said(&digits, &groups, &between, false).concat());
        prop_assert!(card::find(&text).is_empty(), "{}", text);
        let dashed = format!("{begins}{}-{}-{}", &digits[..3], &digits[3..6], &digits[6..]);
        prop_assert!(card::find(&dashed).is_empty(), "{}", dashed);
    }

    /// What is a card but for its check digit is none. Not in groups of two: "cincuenta, seis" may be 56, which is tried too.
    #[test]
    fn a_wrong_check_digit_is_no_card(number in number(), wrong in 1_u8..10, sizes in vec(3_usize..=4, 1..6), between in between()) {
        let (rest, check) = number.split_at(number.len() - 1);
        let digits = format!("{rest}{}", (check.as_bytes()[0] - b'0' + wrong) % 10);
        prop_assume!(has_no_other(&digits));
        for way in [Way::Figures, Way::Single] {
            let groups: Vec<_> = sizes.iter().map(|size| (*size, way)).collect();
            let text = said(&digits, &groups, &between, false).concat();
            prop_assert!(card::find(&text).is_empty(), "{}", text);
        }
    }

    #[test]
    fn whatever_the_text_ranges_are_in_order_and_between_characters(
        parts in vec(prop_oneof![
            "\\PC{0,12}",
            "[0-9 .,/-]{0,24}",
            number(),
            prop::sample::select(vec!["cuarenta y", " mil ", "doble", " cvv ", "+", "'", "’", "código de seguridad ", "veces", "\u{301}", "four ", "ocho "])
                .prop_map(str::to_owned),
        ], 0..12),
        lines in 1_usize..4,
    ) {
        let text = parts.concat();
        let mut dictation = Dictation::default();
        for _ in 0..lines {
            let mut end = 0;
            for words in dictation.line(&text).words {
                prop_assert!(words.range.start >= end && words.range.end > words.range.start);
                prop_assert!(text.get(words.range.clone()).is_some(), "{:?} of {:?}", words, text);
                end = words.range.end;
            }
        }
    }
}

/// Beyond what an ear otherwise reads, and as fast as it is long.
#[test]
fn a_long_text_is_read_to_its_end() {
    let text = format!("{} mi tarjeta es 4111 1111 1111 1111", "eh, bueno 55 ".repeat(20_000));
    let found = card::find(&text);
    assert_eq!(found.len(), 1);
    assert_eq!(&text[found[0].range.clone()], "4111 1111 1111 1111");
    assert!(card::find(&"4".repeat(200_000)).is_empty());
    assert!(card::find(&"4 ".repeat(100_000)).len() < 100_000);
}

//! Spanish cardinal and ordinal numbers, and Roman numerals.

/// Which shape a number takes: it agrees with what it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Agreement {
    /// Counting, or alone: "uno", "veintiuno", "doscientos".
    Alone,
    /// Before a masculine noun: "un", "veintiún", "doscientos".
    Masculine,
    /// Before a feminine noun: "una", "veintiuna", "doscientas".
    Feminine,
}

const BELOW_THIRTY: [&str; 30] = [
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
    "doscient",
    "trescient",
    "cuatrocient",
    "quinient",
    "seiscient",
    "setecient",
    "ochocient",
    "novecient",
];

/// The words of a number. Long scale, as in Mexico: 10⁹ is "mil millones", 10¹² "un billón".
pub(super) fn cardinal(number: u64, agreement: Agreement) -> String {
    if number == 0 {
        return BELOW_THIRTY[0].to_owned();
    }
    const MILLION: u64 = 1_000_000;
    let mut words = Vec::new();
    for (scale, one, many) in [
        (MILLION * MILLION * MILLION, "trillón", "trillones"),
        (MILLION * MILLION, "billón", "billones"),
        (MILLION, "millón", "millones"),
    ] {
        let count = number / scale % MILLION;
        if count > 0 {
            words.push(below_million(count, Agreement::Masculine));
            words.push(if count == 1 { one } else { many }.to_owned());
        }
    }
    if !number.is_multiple_of(MILLION) {
        words.push(below_million(number % MILLION, agreement));
    }
    words.join(" ")
}

/// Whether a number ends in whole millions, so that its noun takes "de": "un millón de pesos".
pub(super) fn ends_in_millions(number: u64) -> bool {
    number >= 1_000_000 && number.is_multiple_of(1_000_000)
}

fn below_million(number: u64, agreement: Agreement) -> String {
    let (thousands, rest) = (number / 1000, number % 1000);
    // "Mil" is invariable, what counts it is not: "veintiún mil", "doscientas mil casas".
    let counting = if agreement == Agreement::Alone {
        Agreement::Masculine
    } else {
        agreement
    };
    let mut words = match thousands {
        0 => Vec::new(),
        1 => vec!["mil".to_owned()],
        _ => vec![below_thousand(thousands, counting), "mil".to_owned()],
    };
    if rest > 0 {
        words.push(below_thousand(rest, agreement));
    }
    words.join(" ")
}

fn below_thousand(number: u64, agreement: Agreement) -> String {
    let (hundreds, rest) = ((number / 100) as usize, number % 100);
    if number == 100 {
        return "cien".to_owned();
    }
    let mut words = match hundreds {
        0 => Vec::new(),
        1 => vec![HUNDREDS[0].to_owned()],
        _ => vec![format!(
            "{}{}",
            HUNDREDS[hundreds - 1],
            if agreement == Agreement::Feminine { "as" } else { "os" }
        )],
    };
    if rest > 0 {
        words.push(below_hundred(rest, agreement));
    }
    words.join(" ")
}

fn below_hundred(number: u64, agreement: Agreement) -> String {
    let one = match agreement {
        Agreement::Alone => "uno",
        Agreement::Masculine => "un",
        Agreement::Feminine => "una",
    };
    match number {
        1 => one.to_owned(),
        21 if agreement == Agreement::Masculine => "veintiún".to_owned(),
        21 => format!("veinti{one}"),
        0..30 => BELOW_THIRTY[number as usize].to_owned(),
        _ => {
            let ten = TENS[(number / 10 - 3) as usize];
            match number % 10 {
                0 => ten.to_owned(),
                1 => format!("{ten} y {one}"),
                unit => format!("{ten} y {}", BELOW_THIRTY[unit as usize]),
            }
        }
    }
}

/// A digit's name, or nothing when the character is no ASCII digit.
pub(super) fn digit_name(digit: char) -> Option<&'static str> {
    digit.to_digit(10).map(|value| BELOW_THIRTY[value as usize])
}

/// Every digit by its name, so that no zero is lost: "007" is "cero cero siete".
pub(super) fn digits_one_by_one(digits: &str) -> String {
    digits.chars().filter_map(digit_name).collect::<Vec<_>>().join(" ")
}

const ORDINAL_UNITS: [&str; 9] = [
    "primer", "segund", "tercer", "cuart", "quint", "sext", "séptim", "octav", "noven",
];
const ORDINAL_TENS: [&str; 9] = [
    "décim",
    "vigésim",
    "trigésim",
    "cuadragésim",
    "quincuagésim",
    "sexagésim",
    "septuagésim",
    "octogésim",
    "nonagésim",
];

/// The ordinal of a number from 1 to 99. Larger ones are said as cardinals, as everybody does.
pub(super) fn ordinal(number: u64, agreement: Agreement) -> String {
    let ending = if agreement == Agreement::Feminine { "a" } else { "o" };
    let unit = |unit: u64| format!("{}{ending}", ORDINAL_UNITS[unit as usize - 1]);
    match number {
        1 | 3 if agreement == Agreement::Masculine => ORDINAL_UNITS[number as usize - 1].to_owned(),
        1..=9 => unit(number),
        11 => format!("undécim{ending}"),
        12 => format!("duodécim{ending}"),
        10..=99 => {
            let ten = format!("{}{ending}", ORDINAL_TENS[number as usize / 10 - 1]);
            if number.is_multiple_of(10) {
                ten
            } else {
                format!("{ten} {}", unit(number % 10))
            }
        }
        _ => cardinal(number, agreement),
    }
}

/// The value of a well-formed Roman numeral in capitals, up to 3999.
pub(super) fn roman(text: &str) -> Option<u64> {
    const STEPS: [(&str, u64); 13] = [
        ("M", 1000),
        ("CM", 900),
        ("D", 500),
        ("CD", 400),
        ("C", 100),
        ("XC", 90),
        ("L", 50),
        ("XL", 40),
        ("X", 10),
        ("IX", 9),
        ("V", 5),
        ("IV", 4),
        ("I", 1),
    ];
    let (mut rest, mut value) = (text, 0);
    for (digits, worth) in STEPS {
        let most = if digits.len() == 2 || matches!(worth, 5 | 50 | 500) {
            1
        } else {
            3
        };
        for _ in 0..most {
            if let Some(shorter) = rest.strip_prefix(digits) {
                rest = shorter;
                value += worth;
            }
        }
    }
    // Written back it must be the same, else "IXI" would pass.
    let mut back = String::new();
    let mut left = value;
    for (digits, worth) in STEPS {
        while left >= worth {
            back.push_str(digits);
            left -= worth;
        }
    }
    (value > 0 && rest.is_empty() && back == text).then_some(value)
}

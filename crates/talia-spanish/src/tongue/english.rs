//! English, read simply: numbers, addresses, telephone digits.

use super::figures::Figure;

const BELOW_TWENTY: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 8] = [
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
];

/// The words of a number, short scale: 10⁹ is "one billion".
pub(super) fn cardinal(number: u64) -> String {
    const SCALES: [(u64, &str); 6] = [
        (1_000_000_000_000_000_000, "quintillion"),
        (1_000_000_000_000_000, "quadrillion"),
        (1_000_000_000_000, "trillion"),
        (1_000_000_000, "billion"),
        (1_000_000, "million"),
        (1000, "thousand"),
    ];
    let mut words = Vec::new();
    let mut rest = number;
    for (scale, name) in SCALES {
        if rest >= scale {
            words.push(format!("{} {name}", below_thousand(rest / scale)));
            rest %= scale;
        }
    }
    if rest > 0 || words.is_empty() {
        words.push(below_thousand(rest));
    }
    words.join(" ")
}

fn below_thousand(number: u64) -> String {
    let (hundreds, rest) = (number / 100, number % 100);
    let small = match rest {
        0..20 => BELOW_TWENTY[rest as usize].to_owned(),
        _ if rest.is_multiple_of(10) => TENS[rest as usize / 10 - 2].to_owned(),
        _ => format!("{} {}", TENS[rest as usize / 10 - 2], BELOW_TWENTY[rest as usize % 10]),
    };
    match (hundreds, rest) {
        (0, _) => small,
        (_, 0) => format!("{} hundred", BELOW_TWENTY[hundreds as usize]),
        _ => format!("{} hundred {small}", BELOW_TWENTY[hundreds as usize]),
    }
}

/// Digits one by one.
pub(super) fn digits(text: &str) -> String {
    text.chars()
        .filter_map(|digit| digit.to_digit(10))
        .map(|digit| BELOW_TWENTY[digit as usize])
        .collect::<Vec<_>>()
        .join(" ")
}

pub(super) fn figure(figure: &Figure) -> String {
    let mut words = figure.value().map_or_else(|| digits(&figure.whole), cardinal);
    if let Some((part, _)) = &figure.decimals {
        words = format!("{words} point {}", digits(part));
    }
    if figure.negative {
        format!("minus {words}")
    } else {
        words
    }
}

/// A run of letters in an address: spelled when it has no vowel or is a country's domain.
pub(super) fn address_word(letters: &str, last: bool) -> String {
    let country = last && letters.chars().count() == 2;
    if country || !letters.contains(['a', 'e', 'i', 'o', 'u', 'y']) {
        return spelled(letters);
    }
    match letters {
        "gmail" => "g mail".to_owned(),
        "hotmail" => "hot mail".to_owned(),
        "icloud" => "i cloud".to_owned(),
        _ => letters.to_owned(),
    }
}

/// Letters apart from each other: an English voice names them itself.
pub(super) fn spelled(letters: &str) -> String {
    letters.chars().map(String::from).collect::<Vec<_>>().join(" ")
}

/// One word of English prose: money, percentages, figures, initials, signs.
pub(super) fn word(core: &str) -> String {
    let sum = |body: &str, one: &str, many: &str| {
        let amount = Figure::parse(body)?;
        let whole = Figure {
            decimals: None,
            ..amount.clone()
        };
        let name = if whole.value() == Some(1) { one } else { many };
        let cents = match &amount.decimals {
            Some((cents, _)) if cents.len() == 2 => cents.parse::<u64>().ok().filter(|cents| *cents > 0),
            Some(_) => return Some(format!("{} {many}", figure(&amount))),
            None => None,
        };
        let words = format!("{} {name}", figure(&whole));
        Some(cents.map_or(words.clone(), |cents| format!("{words} and {} cents", cardinal(cents))))
    };
    if let Some(words) = core.strip_prefix('$').and_then(|body| sum(body, "dollar", "dollars")) {
        return words;
    }
    if let Some(words) = core.strip_prefix('€').and_then(|body| sum(body, "euro", "euros")) {
        return words;
    }
    if let Some(amount) = core.strip_suffix('%').and_then(Figure::parse) {
        return format!("{} percent", figure(&amount));
    }
    if let Some(amount) = Figure::parse(core) {
        return figure(&amount);
    }
    if let Some((hour, minute)) = core.split_once(':').filter(|(_, minute)| minute.len() == 2)
        && let (Ok(hour @ 0..24), Ok(minute @ 0..60)) = (hour.parse::<u64>(), minute.parse::<u64>())
    {
        return match minute {
            0 => cardinal(hour),
            1..10 => format!("{} oh {}", cardinal(hour), cardinal(minute)),
            _ => format!("{} {}", cardinal(hour), cardinal(minute)),
        };
    }
    match core {
        "&" => return "and".to_owned(),
        "+" => return "plus".to_owned(),
        "@" => return "at".to_owned(),
        "%" => return "percent".to_owned(),
        "#" => return "number".to_owned(),
        "AI" => return "A I".to_owned(),
        "TalIA" => return "Talia".to_owned(),
        "Mr" => return "mister".to_owned(),
        "Mrs" => return "misses".to_owned(),
        "Dr" => return "doctor".to_owned(),
        "pm" | "PM" => return "P M".to_owned(),
        "am" | "AM" => return "A M".to_owned(),
        _ => {}
    }
    let mut words: Vec<String> = Vec::new();
    let mut rest = core;
    while let Some(first) = rest.chars().next() {
        let is_letter = |c: char| c.is_alphabetic() || c == '\'' || c == '’';
        let end = if is_letter(first) {
            let end = rest.find(|c| !is_letter(c)).unwrap_or(rest.len());
            let letters = &rest[..end];
            let initials = (2..=4).contains(&letters.len()) && letters.bytes().all(|byte| byte.is_ascii_uppercase());
            words.push(if initials { spelled(letters) } else { letters.to_owned() });
            end
        } else if first.is_ascii_digit() {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            words.push(Figure::parse(&rest[..end]).as_ref().map_or_else(String::new, figure));
            end
        } else {
            first.len_utf8()
        };
        rest = &rest[end..];
    }
    words.join(" ")
}

//! Sums of money, percentages and measures, as words.

use super::cardinals::{Agreement, cardinal, ends_in_millions};
use super::chunks::{Chunk, Dot, Reading};
use super::figures::Figure;

struct Currency {
    one: &'static str,
    many: &'static str,
    cent: &'static str,
    cents: &'static str,
    agreement: Agreement,
}

const fn masculine(one: &'static str, many: &'static str, cent: &'static str, cents: &'static str) -> Currency {
    Currency {
        one,
        many,
        cent,
        cents,
        agreement: Agreement::Masculine,
    }
}

const PESO: Currency = masculine("peso", "pesos", "centavo", "centavos");
const DOLLAR: Currency = masculine("dólar", "dólares", "centavo", "centavos");
const EURO: Currency = masculine("euro", "euros", "céntimo", "céntimos");
const POUND: Currency = Currency {
    one: "libra",
    many: "libras",
    cent: "penique",
    cents: "peniques",
    agreement: Agreement::Feminine,
};

/// Signs that stand before or behind a sum; the longest first.
const SIGNS: [(&str, &Currency); 7] = [
    ("US$", &DOLLAR),
    ("USD$", &DOLLAR),
    ("MX$", &PESO),
    ("MXN$", &PESO),
    ("€", &EURO),
    ("£", &POUND),
    ("$", &PESO),
];

fn code(word: &str) -> Option<&'static Currency> {
    match word {
        "MXN" | "M.N" | "MN" | "mxn" | "pesos" | "peso" => Some(&PESO),
        "USD" | "usd" | "dólares" | "dólar" | "dolares" => Some(&DOLLAR),
        "EUR" | "eur" | "euros" | "euro" => Some(&EURO),
        "GBP" | "gbp" | "libras" => Some(&POUND),
        _ => None,
    }
}

fn period(word: &str) -> Option<&'static str> {
    Some(match word {
        "mes" => "al mes",
        "año" => "al año",
        "día" | "dia" => "al día",
        "semana" => "a la semana",
        "hora" | "h" => "por hora",
        "persona" => "por persona",
        "usuario" => "por usuario",
        _ => return None,
    })
}

fn say(figure: &Figure, currency: &Currency, scale: Option<&str>) -> String {
    if let Some(scale) = scale {
        return format!("{} {scale} de {}", figure.say(Agreement::Masculine), currency.many);
    }
    let Some(whole) = figure.value() else {
        return format!("{} {}", figure.say(Agreement::Alone), currency.many);
    };
    let cents = figure.decimals.as_ref().map(|(digits, _)| digits.as_str());
    let cents = match cents {
        None => 0,
        Some(tenths) if tenths.len() == 1 => tenths.parse::<u64>().unwrap_or(0) * 10,
        Some(digits) if digits.len() == 2 => digits.parse().unwrap_or(0),
        // Rates have more than two decimals: "$17.4523".
        Some(_) => return format!("{} {}", figure.say(Agreement::Alone), currency.many),
    };
    let minus = if figure.negative { "menos " } else { "" };
    let cent_words = match cents {
        0 => String::new(),
        1 => format!("un {}", currency.cent),
        _ => format!("{} {}", cardinal(cents, Agreement::Masculine), currency.cents),
    };
    if whole == 0 && cents > 0 {
        return format!("{minus}{cent_words}");
    }
    let of = if ends_in_millions(whole) { " de" } else { "" };
    let unit = if whole == 1 { currency.one } else { currency.many };
    let sum = format!("{minus}{}{of} {unit}", cardinal(whole, currency.agreement));
    if cents == 0 {
        sum
    } else {
        format!("{sum} con {cent_words}")
    }
}

/// "$1,250.50 MXN", "US$20", "20 €", "$99/mes", "$1.5 millones", "500 USD", "MXN 500".
pub(super) fn money(chunks: &[Chunk<'_>]) -> Option<Reading> {
    let first = chunks.first()?;
    if let Some((low, high)) = first
        .core
        .split_once(['-', '–'])
        .filter(|(low, _)| low.starts_with('$'))
    {
        let only = |core| money(&[Chunk { core, ..*first }]).map(|reading| reading.words);
        return Some(Reading::new(format!("{} a {}", only(low)?, only(high)?), 1));
    }
    let (core, per) = match first.core.split_once('/') {
        Some((core, per)) => (core, Some(period(per)?)),
        None => (first.core, None),
    };
    let (mut body, mut currency, mut used) = (core, None, 1);
    for (sign, meant) in SIGNS {
        if let Some(rest) = core.strip_prefix(sign).or_else(|| core.strip_suffix(sign)) {
            (body, currency) = (rest, Some(meant));
            break;
        }
    }
    // The sign may stand alone: "$ 500", "MXN 500".
    if currency.is_none() && code(core).is_some() && core.bytes().all(|byte| byte.is_ascii_uppercase()) {
        (body, currency) = ("", code(core));
    }
    if body.is_empty() {
        let next = chunks.get(1).filter(|_| first.runs_on())?;
        (body, used) = (next.core, 2);
    }
    let figure = Figure::parse(body)?;
    let goes_on = |used: usize| chunks[used - 1].runs_on();
    let mut scale = None;
    if per.is_none()
        && goes_on(used)
        && let Some(word @ ("millones" | "millón" | "mil")) = chunks.get(used).map(|chunk| chunk.core)
        && currency.is_some()
        && word != "mil"
    {
        scale = Some(word);
        used += 1;
        // "de pesos" is ours to say.
        if goes_on(used) && chunks.get(used).is_some_and(|chunk| chunk.core == "de") {
            if chunks.get(used + 1).is_some_and(|chunk| code(chunk.core).is_some()) {
                used += 1;
            } else {
                return Some(Reading::new(say(&figure, currency?, scale), used));
            }
        }
    }
    if per.is_none() && goes_on(used) {
        if let Some(named) = chunks.get(used).and_then(|chunk| code(chunk.core)) {
            currency = Some(named);
            used += 1;
        } else if currency.is_some()
            && let Some((named, per)) = chunks
                .get(used)
                .and_then(|chunk| chunk.core.split_once('/'))
                .and_then(|(a, b)| Some((code(a)?, period(b)?)))
        {
            return Some(Reading::new(format!("{} {per}", say(&figure, named, scale)), used + 1));
        }
    }
    let words = say(&figure, currency?, scale);
    let words = per.map_or(words.clone(), |per| format!("{words} {per}"));
    let dot = if chunks[used - 1].core == "M.N" {
        Dot::Either
    } else {
        Dot::Stop
    };
    Some(Reading::new(words, used).with_dot(dot))
}

/// "15%", "16 %", "10-15%".
pub(super) fn percentage(chunks: &[Chunk<'_>]) -> Option<Reading> {
    let first = chunks.first()?;
    let (body, used) = match first.core.strip_suffix('%') {
        Some(body) => (body, 1),
        None if first.runs_on() && chunks.get(1)?.core == "%" => (first.core, 2),
        None => return None,
    };
    if let Some(figure) = Figure::parse(body) {
        return Some(Reading::new(
            format!("{} por ciento", figure.say(Agreement::Alone)),
            used,
        ));
    }
    let (low, high) = body.split_once(['-', '–'])?;
    let (low, high) = (Figure::parse(low)?, Figure::parse(high)?);
    Some(Reading::new(
        format!(
            "{} a {} por ciento",
            low.say(Agreement::Alone),
            high.say(Agreement::Alone)
        ),
        used,
    ))
}

fn unit(sign: &str) -> Option<(&'static str, &'static str, Agreement)> {
    let (one, many) = match sign {
        "kg" | "kgs" | "Kg" | "KG" => ("kilo", "kilos"),
        "g" | "gr" | "grs" => ("gramo", "gramos"),
        "mg" => ("miligramo", "miligramos"),
        "km" | "kms" | "Km" | "KM" => ("kilómetro", "kilómetros"),
        "m" | "mts" => ("metro", "metros"),
        "cm" | "cms" => ("centímetro", "centímetros"),
        "mm" => ("milímetro", "milímetros"),
        "m²" | "m2" => ("metro cuadrado", "metros cuadrados"),
        "m³" | "m3" => ("metro cúbico", "metros cúbicos"),
        "km/h" => ("kilómetro por hora", "kilómetros por hora"),
        "l" | "L" | "lt" | "lts" => ("litro", "litros"),
        "ml" | "mL" => ("mililitro", "mililitros"),
        "min" | "mins" => ("minuto", "minutos"),
        "seg" | "s" => ("segundo", "segundos"),
        "ms" => ("milisegundo", "milisegundos"),
        "°C" | "ºC" => ("grado centígrado", "grados centígrados"),
        "°" | "°F" => ("grado", "grados"),
        "KB" => ("kilobyte", "kilobytes"),
        "MB" => ("mega", "megas"),
        "GB" => ("giga", "gigas"),
        "TB" => ("tera", "teras"),
        "Mbps" => ("mega por segundo", "megas por segundo"),
        "kW" => ("kilowatt", "kilowatts"),
        "h" | "hr" | "hrs" => return Some(("hora", "horas", Agreement::Feminine)),
        "ha" => return Some(("hectárea", "hectáreas", Agreement::Feminine)),
        "lb" | "lbs" => return Some(("libra", "libras", Agreement::Feminine)),
        "oz" => return Some(("onza", "onzas", Agreement::Feminine)),
        _ => return None,
    };
    Some((one, many, Agreement::Masculine))
}

/// "5 kg", "1kg", "120 km/h", "2.5 m²".
pub(super) fn measure(chunks: &[Chunk<'_>]) -> Option<Reading> {
    let first = chunks.first()?;
    let split = first.core.rfind(|c: char| c.is_ascii_digit())? + 1;
    let (number, glued) = first.core.split_at(split);
    let (sign, used) = match glued {
        "" if first.runs_on() => (chunks.get(1)?.core, 2),
        sign => (sign, 1),
    };
    let (one, many, agreement) = unit(sign)?;
    let figure = Figure::parse(number)?;
    let name = if figure.value() == Some(1) && figure.decimals.is_none() {
        one
    } else {
        many
    };
    Some(Reading::new(format!("{} {name}", figure.say(agreement)), used).with_dot(Dot::Either))
}

//! Telephone numbers in the groups in which Mexicans say them.

use super::cardinals::{Agreement, cardinal, digits_one_by_one};
use super::chunks::{Chunk, Reading};
use crate::Language;
use crate::tongue::english;

/// Area codes of two digits (Plan Nacional de Numeración): Mexico City, Guadalajara, Monterrey.
const SHORT_AREA_CODES: [&str; 4] = ["55", "56", "33", "81"];

/// One group's words: pairs as numbers, with their zero ("cero cinco"); anything else digit by digit.
///
/// "Doble cero" is avoided on purpose: heard after "veinte" it could be 2000 or 200.
fn say_group(group: &str, language: Language) -> String {
    if language == Language::English {
        return english::digits(group);
    }
    match group.parse::<u64>() {
        Ok(value) if group.len() == 2 && value >= 10 => cardinal(value, Agreement::Alone),
        Ok(value) if group.len() == 3 && matches!(value, 800 | 900) => cardinal(value, Agreement::Alone),
        _ => digits_one_by_one(group),
    }
}

fn pairs(digits: &str) -> Vec<&str> {
    let mut groups = Vec::new();
    let mut rest = digits;
    // An odd count begins with three, so that no digit stands alone at the end.
    if rest.len() % 2 == 1 && rest.len() >= 3 {
        groups.push(&rest[..3]);
        rest = &rest[3..];
    }
    while rest.len() > 2 {
        groups.push(&rest[..2]);
        rest = &rest[2..];
    }
    if !rest.is_empty() {
        groups.push(rest);
    }
    groups
}

fn groups(national: &str, country: &str, language: Language) -> Vec<String> {
    let cut: Vec<&str> = match (country, national.len(), language) {
        ("52", 10, Language::Spanish) if SHORT_AREA_CODES.contains(&&national[..2]) => pairs(national),
        ("52", 10, Language::Spanish) => {
            let mut cut = vec![&national[..3], &national[3..6]];
            cut.extend(pairs(&national[6..]));
            cut
        }
        ("1", 10, _) | (_, 10, Language::English) => vec![&national[..3], &national[3..6], &national[6..]],
        _ => pairs(national),
    };
    let split_four = |group: &&str| group.len() == 4 && language == Language::Spanish;
    cut.iter()
        .flat_map(|group| if split_four(group) { pairs(group) } else { vec![*group] })
        .map(|group| say_group(group, language))
        .collect()
}

/// The country's calling code at the front of international digits, Mexico's own first.
fn country_code(digits: &str) -> usize {
    const TWO: [&str; 44] = [
        "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48", "49",
        "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81", "82", "84",
        "86", "90", "91", "92", "93", "94", "95", "98",
    ];
    if digits.starts_with(['1', '7']) {
        1
    } else if digits.get(..2).is_some_and(|two| TWO.contains(&two)) {
        2
    } else {
        3.min(digits.len())
    }
}

/// A number's digits, international when they came with a `+`.
pub(super) fn say_number(digits: &str, international: bool, with_country: bool, language: Language) -> String {
    let (country, national) = if international {
        digits.split_at(country_code(digits))
    } else {
        ("52", digits)
    };
    let mut said = Vec::new();
    if international && with_country {
        said.push(match language {
            Language::Spanish => format!(
                "más {}",
                if country.len() == 2 {
                    say_group(country, language)
                } else {
                    digits_one_by_one(country)
                }
            ),
            Language::English => format!("plus {}", english::digits(country)),
        });
    }
    // Mobile numbers of Mexico were long written +52 1.
    let national = match (country, national.len()) {
        ("52", 11) if national.starts_with('1') => &national[1..],
        _ => national,
    };
    said.extend(groups(national, country, language));
    said.join(", ")
}

/// "+52 55 1234 5678", "5512345678", "55-1234-5678", "(55) 1234 5678", "222 123 4567".
pub(super) fn telephone(chunks: &[Chunk<'_>], language: Language) -> Option<Reading> {
    let first = chunks.first()?;
    let international = first.core.starts_with('+');
    let mut digits = String::new();
    let mut sizes = Vec::new();
    let mut best = None;
    for (index, chunk) in chunks.iter().take(8).enumerate() {
        let core = if index == 0 {
            chunk.core.trim_start_matches('+')
        } else {
            chunk.core
        };
        let plain = |c: char| c.is_ascii_digit() || matches!(c, '-' | '.' | '(' | ')');
        if core.is_empty() || !core.chars().all(plain) || !core.starts_with(|c: char| c.is_ascii_digit() || c == '(') {
            break;
        }
        if index > 0 && !chunk.lead.trim_matches('(').is_empty() {
            break;
        }
        for group in core
            .split(|c: char| !c.is_ascii_digit())
            .filter(|group| !group.is_empty())
        {
            digits.push_str(group);
            sizes.push(group.len());
        }
        if is_complete(&digits, &sizes, international) {
            best = Some((index + 1, digits.clone()));
        }
        if !(chunk.runs_on() || chunk.tail == ")") || digits.len() > 15 {
            break;
        }
    }
    let (used, digits) = best?;
    Some(Reading::new(say_number(&digits, international, true, language), used))
}

fn is_complete(digits: &str, sizes: &[usize], international: bool) -> bool {
    if international {
        return (8..=15).contains(&digits.len());
    }
    matches!(
        sizes,
        [10] | [2, 4, 4] | [2, 8] | [3, 7] | [3, 3, 4] | [3, 3, 2, 2] | [2, 2, 2, 2, 2] | [3, 2, 2, 3]
    ) && digits.len() == 10
}

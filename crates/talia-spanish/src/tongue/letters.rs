//! Names of letters, spelling, and whether a run of letters can be said as a word.

use super::cardinals::digit_name;

/// The name by which a Mexican calls a letter (small or capital, with or without accent).
pub(super) fn letter_name(letter: char) -> Option<&'static str> {
    Some(match letter.to_lowercase().next()? {
        'a' | 'á' | 'à' | 'â' => "a",
        'b' => "be",
        'c' | 'ç' => "ce",
        'd' => "de",
        'e' | 'é' | 'è' | 'ê' => "e",
        'f' => "efe",
        'g' => "ge",
        'h' => "hache",
        'i' | 'í' => "i",
        'j' => "jota",
        'k' => "ka",
        'l' => "ele",
        'm' => "eme",
        'n' => "ene",
        'ñ' => "eñe",
        'o' | 'ó' => "o",
        'p' => "pe",
        'q' => "cu",
        'r' => "erre",
        's' => "ese",
        't' => "te",
        'u' | 'ú' | 'ü' => "u",
        'v' => "ve",
        'w' => "doble u",
        'x' => "equis",
        'y' => "i griega",
        'z' => "zeta",
        _ => return None,
    })
}

/// The name of a letter said so that nobody on a telephone takes it for another one: in Mexico *b* and *v* sound alike.
pub(super) fn clear_letter_name(letter: char) -> Option<&'static str> {
    Some(match letter.to_lowercase().next()? {
        'b' => "be de burro",
        'v' => "ve chica",
        'i' | 'í' => "i latina",
        'm' => "eme de mamá",
        'n' => "ene de nube",
        _ => return letter_name(letter),
    })
}

/// A word letter by letter, doubtful letters made clear, with a pause after each: "be de burro, a, ce, a".
///
/// Digits get their names; anything else is left out.
pub fn spell(word: &str) -> String {
    word.chars()
        .filter_map(|letter| clear_letter_name(letter).or_else(|| digit_name(letter)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Letters by their bare names, without pauses: "PDF" is "pe de efe".
pub(super) fn letters_one_by_one(word: &str) -> String {
    word.chars()
        .filter_map(|letter| letter_name(letter).or_else(|| digit_name(letter)))
        .collect::<Vec<_>>()
        .join(" ")
}

pub(super) fn is_vowel(letter: char) -> bool {
    matches!(letter, 'a' | 'e' | 'i' | 'o' | 'u' | 'á' | 'é' | 'í' | 'ó' | 'ú' | 'ü')
}

/// Whether a Spanish mouth can say these small letters as a word: "luz" yes, "jhlpz" no.
pub(super) fn pronounceable(word: &str) -> bool {
    let mut letters: Vec<char> = word.chars().collect();
    // "Prodigy": a final y is a vowel.
    if let Some(last @ 'y') = letters.last_mut() {
        *last = 'i';
    }
    if letters.len() < 2 || !letters.iter().copied().any(is_vowel) {
        return false;
    }
    let mut runs = letters.split(|letter| is_vowel(*letter));
    let (Some(first), Some(last)) = (runs.next(), runs.next_back()) else {
        return false;
    };
    begins_syllable(first)
        && ends_word(last)
        && letters.split(|letter| is_vowel(*letter)).all(within_word)
        && !letters
            .windows(3)
            .any(|three| three[0] == three[1] && three[1] == three[2])
}

fn begins_syllable(run: &[char]) -> bool {
    match run {
        [] | [_] => true,
        [a, b] => is_pair(*a, *b) || matches!((a, b), ('p' | 't', 's') | ('s', 'h') | ('t', 'l')),
        _ => false,
    }
}

/// Two consonants that open a syllable together.
pub(super) fn is_pair(first: char, second: char) -> bool {
    match second {
        'r' => matches!(first, 'b' | 'c' | 'd' | 'f' | 'g' | 'k' | 'p' | 't'),
        'l' => matches!(first, 'b' | 'c' | 'f' | 'g' | 'k' | 'p' | 'l'),
        'h' => matches!(first, 'c' | 's' | 'p' | 't'),
        'u' => first == 'q',
        _ => false,
    }
}

fn ends_word(run: &[char]) -> bool {
    match run {
        [] => true,
        [one] => !matches!(one, 'h' | 'q' | 'ñ'),
        [a, b] => matches!(
            (a, b),
            ('n' | 'r' | 'l' | 'p' | 'c' | 't', 's') | ('c' | 's', 'h') | ('n', 't' | 'd' | 'k')
        ),
        _ => false,
    }
}

fn within_word(run: &[char]) -> bool {
    match run {
        [] | [_] | [_, _] => !run
            .windows(2)
            .any(|two| matches!((two[0], two[1]), ('q' | 'j' | 'h', _))),
        [_, b, c] => is_pair(*b, *c),
        [a, b, c, d] => is_pair(*c, *d) && matches!(b, 's') && matches!(a, 'n' | 'b' | 'r' | 'd'),
        _ => false,
    }
}

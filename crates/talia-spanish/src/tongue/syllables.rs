//! Spanish spelling to sounds and syllable nuclei, before stress and neighbouring words are known.

use super::letters::is_vowel;

/// One sound of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sound {
    /// A consonant or glide by its symbol. `b`, `d`, `ɡ` are the stops that may soften.
    Consonant(char),
    /// A syllable's nucleus.
    Nucleus(Nucleus),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Nucleus {
    pub(super) vowel: char,
    /// Written with an accent.
    pub(super) accented: bool,
    /// The second half of a falling diphthong: ɪ, ʊ, or plain i, u behind an accented vowel.
    pub(super) offglide: Option<char>,
    /// A full vowel where the spelling has a diphthong (the *i* of "cliente"): no syllable when stress is placed.
    pub(super) hiatus: bool,
}

/// Spelling whose sound no rule gives: the Nahuatl *x*, and loans.
fn respell(word: &str) -> Option<String> {
    // Where x is said as j. "México" and "Oaxaca" kept their old spelling, "Xalapa" is also written "Jalapa".
    const AS_J: [&str; 9] = [
        "méxic", "mexic", "mexiq", "oaxac", "oaxaq", "xalap", "texas", "texan", "mexica",
    ];
    if let Some(stem) = AS_J.iter().find(|stem| word.starts_with(**stem)) {
        return Some(format!("{}{}", stem.replace('x', "j"), &word[stem.len()..]));
    }
    if matches!(word, "ximena" | "xavier" | "ximénez") {
        return Some(word.replacen('x', "j", 1));
    }
    None
}

/// The sounds of one word in small letters. Characters without a sound are left out.
pub(super) fn sounds(word: &str) -> Vec<Sound> {
    let respelled = respell(word);
    let letters: Vec<char> = respelled.as_deref().unwrap_or(word).chars().map(plain).collect();
    let mut found = Vec::with_capacity(letters.len() + 2);
    let mut at = 0;
    while at < letters.len() {
        at += if is_vowel(letters[at]) || vowel_y(&letters, at) {
            vowels(&letters, at, &mut found)
        } else {
            consonant(&letters, at, &mut found)
        };
    }
    found
}

fn plain(letter: char) -> char {
    match letter {
        'à' | 'â' | 'ä' | 'ã' | 'å' => 'a',
        'è' | 'ê' | 'ë' => 'e',
        'ì' | 'î' | 'ï' => 'i',
        'ò' | 'ô' | 'ö' | 'õ' => 'o',
        'ù' | 'û' => 'u',
        'ç' => 's',
        other => other,
    }
}

/// *Y* is a vowel at the end of a word and before a consonant.
fn vowel_y(letters: &[char], at: usize) -> bool {
    letters[at] == 'y' && letters.get(at + 1).is_none_or(|next| !is_vowel(*next))
}

fn weak(letters: &[char], at: usize) -> Option<char> {
    match letters.get(at)? {
        'i' => Some('i'),
        'u' => Some('u'),
        'y' if vowel_y(letters, at) => Some('i'),
        _ => None,
    }
}

fn strong(letter: char) -> Option<(char, bool)> {
    Some(match letter {
        'a' | 'e' | 'o' => (letter, false),
        'á' => ('a', true),
        'é' => ('e', true),
        'í' => ('i', true),
        'ó' => ('o', true),
        'ú' => ('u', true),
        'ü' => ('u', false),
        _ => return None,
    })
}

/// A vowel with the glides that lean on it; returns how many letters it took.
fn vowels(letters: &[char], at: usize, found: &mut Vec<Sound>) -> usize {
    let push = |found: &mut Vec<Sound>, vowel, accented, offglide, hiatus| {
        found.push(Sound::Nucleus(Nucleus {
            vowel,
            accented,
            offglide,
            hiatus,
        }));
    };
    let next = letters.get(at + 1).copied();
    if let Some(first) = weak(letters, at) {
        let leans = next.is_some_and(|next| strong(next).is_some() && next != 'ü')
            || weak(letters, at + 1).is_some_and(|second| second != first);
        if leans {
            // "Muy": the only falling diphthong with two weak vowels.
            if first == 'u' && letters.get(at + 1) == Some(&'y') {
                push(found, 'u', false, Some('j'), false);
                return 2;
            }
            if after_cluster(letters, at) {
                push(found, first, false, None, true);
            } else {
                found.push(Sound::Consonant(if first == 'i' { 'j' } else { 'w' }));
            }
            return 1;
        }
        push(found, first, false, None, false);
        return 1;
    }
    let Some((vowel, accented)) = strong(letters[at]) else {
        return 1;
    };
    let falls = !(matches!(letters[at], 'í' | 'ú' | 'ü'));
    // A weak vowel leans back only when it doesn't open the next syllable.
    let offglide = weak(letters, at + 1)
        .filter(|_| {
            falls
                && !letters
                    .get(at + 2)
                    .is_some_and(|after| is_vowel(*after) && letters[at + 1] != 'y')
        })
        .map(|second| match (second, accented, vowel) {
            (second, true, _) => second,
            ('i', ..) => 'ɪ',
            (_, _, 'o') => 'w',
            _ => 'ʊ',
        });
    push(found, vowel, accented, offglide, false);
    if offglide.is_some() { 2 } else { 1 }
}

/// Behind two consonants, and behind *r* or *l* at the start, a weak vowel keeps its own syllable: "cli-en-te", "ru-i-do".
fn after_cluster(letters: &[char], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).map(|index| letters[index]);
    match (before(1), before(2)) {
        (Some('r' | 'l'), None) | (Some('r'), Some('r')) => true,
        (Some('r'), Some(first)) => matches!(first, 'b' | 'c' | 'd' | 'f' | 'g' | 'k' | 'p' | 't'),
        (Some('l'), Some(first)) => matches!(first, 'b' | 'c' | 'f' | 'g' | 'k' | 'p'),
        _ => false,
    }
}

/// A consonant letter or digraph; returns how many letters it took.
fn consonant(letters: &[char], at: usize, found: &mut Vec<Sound>) -> usize {
    let letter = letters[at];
    let next = letters.get(at + 1).copied();
    let after = letters.get(at + 2).copied();
    let before = at.checked_sub(1).map(|index| letters[index]);
    let front = |letter: Option<char>| matches!(letter, Some('e' | 'i' | 'é' | 'í' | 'y'));
    let mut push = |symbol: char| found.push(Sound::Consonant(symbol));
    match letter {
        'c' => match next {
            Some('h') => {
                push('ʧ');
                return 2;
            }
            Some('k') => {
                push('k');
                return 2;
            }
            next if front(next) => {
                // "Escena", "piscina": one sound.
                if before != Some('s') && before != Some('x') {
                    push('s');
                } else if before == Some('x') {
                    // "Excelente" is said with one s, which the x brought.
                }
            }
            _ => push('k'),
        },
        'q' => {
            push('k');
            if next == Some('u') && front(after) {
                return 2;
            }
        }
        'g' => match (next, after) {
            (Some('u'), after) if front(after) => {
                push('ɡ');
                return 2;
            }
            (next, _) if front(next) => push('x'),
            (Some('n'), _) if before.is_none() => {}
            _ => push('ɡ'),
        },
        'j' => push('x'),
        'l' => {
            if next == Some('l') {
                match before {
                    Some(before) if is_vowel(before) && after.is_some_and(is_vowel) => {
                        push('j');
                        push('j');
                    }
                    Some(before) if is_vowel(before) => push('l'),
                    _ => push('ʝ'),
                }
                return 2;
            }
            push('l');
        }
        'y' => push('ʝ'),
        'ñ' => push('ɲ'),
        'n' => {
            // "Inyección", "cónyuge": one palatal sound.
            if next == Some('y') && after.is_some_and(is_vowel) {
                push('ɲ');
                return 2;
            }
            push(match next {
                Some('b' | 'v' | 'p' | 'f') => 'm',
                Some('g' | 'j' | 'k') => 'ŋ',
                _ => 'n',
            });
        }
        'p' => match next {
            Some('h') => {
                push('f');
                return 2;
            }
            Some('s' | 'n' | 't') if before.is_none() => {}
            Some('t') => {
                push('p');
                push('ː');
            }
            _ => push('p'),
        },
        'm' if before.is_none() && next == Some('n') => {}
        'r' => {
            if next == Some('r') {
                push('r');
                return 2;
            }
            push(match before {
                None | Some('n' | 'l' | 's') => 'r',
                _ => 'ɾ',
            });
        }
        's' => {
            if next == Some('h') && !matches!(before, Some('e')) {
                push('ʃ');
                return 2;
            }
            push('s');
        }
        'v' => push('b'),
        'w' => push('w'),
        'x' => {
            if before.is_some() {
                push('k');
            }
            push('s');
        }
        'z' => {
            if next == Some('z') {
                push('t');
                push('s');
                return 2;
            }
            push('s');
        }
        'b' | 'd' | 'f' | 'k' | 'm' | 't' => {
            // Doubled in foreign names: said once.
            if next == Some(letter) {
                push(letter);
                return 2;
            }
            push(letter);
        }
        // H is mute; what is no Spanish letter has no sound.
        _ => {}
    }
    1
}

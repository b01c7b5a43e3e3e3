//! Spanish words to phonemes: stress, softened stops, and what neighbouring words do to each other.
//!
//! The notation is that of espeak-ng for `es-419`, on which the Kokoro voice was trained.

use super::letters::{is_vowel, letters_one_by_one};
use super::syllables::{Nucleus, Sound, sounds};

/// Words without any stress inside a phrase.
const UNSTRESSED: &[&str] = &[
    "a", "al", "con", "de", "del", "e", "el", "en", "la", "las", "le", "les", "lo", "los", "me", "mi", "mis", "nos",
    "o", "os", "por", "que", "quien", "se", "si", "sin", "su", "sus", "te", "tras", "tu", "tus", "u", "y",
];

/// Words that keep a secondary stress inside a phrase.
const HALF_STRESSED: &[&str] = &[
    "adonde", "ante", "aunque", "bajo", "como", "cuando", "cuanto", "desde", "donde", "entre", "hacia", "hasta",
    "mientras", "nuestra", "nuestras", "nuestro", "nuestros", "para", "pero", "porque", "quienes", "sobre", "vuestra",
    "vuestras", "vuestro", "vuestros",
];

/// Verbs and nouns in "-mente" that are no adverbs.
const NO_ADVERBS: &[&str] = &[
    "alimente",
    "argumente",
    "aumente",
    "clemente",
    "comente",
    "complemente",
    "documente",
    "experimente",
    "fomente",
    "fundamente",
    "implemente",
    "incremente",
    "lamente",
    "reglamente",
    "vehemente",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stress {
    Primary,
    Secondary,
    None,
}

/// A word on its way to phonemes.
struct Word {
    sounds: Vec<Sound>,
    /// One entry a nucleus.
    stress: Vec<Stress>,
    /// The adverb's "-mente" begins at this nucleus: its *e* stays closed.
    adverb_from: usize,
    begins_with_k: bool,
}

impl Word {
    fn new(letters: &str, last: bool) -> Self {
        let begins_with_k = letters.starts_with('k');
        if let Some(stem) = adverb_stem(letters) {
            let mut front = Self::simple(stem, Stress::Primary);
            let back = Self::simple("mente", Stress::Primary);
            front.adverb_from = front.stress.len();
            front.sounds.extend(back.sounds);
            front.stress.extend(back.stress);
            return front;
        }
        let strongest = if last {
            Stress::Primary
        } else if UNSTRESSED.contains(&letters) {
            Stress::None
        } else if HALF_STRESSED.contains(&letters) {
            Stress::Secondary
        } else {
            Stress::Primary
        };
        Self {
            begins_with_k,
            ..Self::simple(letters, strongest)
        }
    }

    fn simple(letters: &str, strongest: Stress) -> Self {
        let sounds = sounds(letters);
        let stress = place_stress(letters, &sounds, strongest);
        Self {
            sounds,
            stress,
            adverb_from: usize::MAX,
            begins_with_k: false,
        }
    }
}

fn adverb_stem(letters: &str) -> Option<&str> {
    let stem = letters
        .strip_suffix("mente")
        .filter(|_| !NO_ADVERBS.contains(&letters))?;
    (stem.chars().filter(|letter| is_vowel(*letter)).count() >= 2).then_some(stem)
}

fn place_stress(letters: &str, sounds: &[Sound], strongest: Stress) -> Vec<Stress> {
    let nuclei: Vec<Nucleus> = sounds
        .iter()
        .filter_map(|sound| match sound {
            Sound::Nucleus(nucleus) => Some(*nucleus),
            Sound::Consonant(_) => None,
        })
        .collect();
    let mut stress = vec![Stress::None; nuclei.len()];
    // "Industria" counts "-tria" as one syllable when its stress is placed, as two when it is said.
    let syllables: Vec<usize> = (0..nuclei.len()).filter(|index| !nuclei[*index].hiatus).collect();
    let Some(last) = syllables.last().copied() else {
        return stress;
    };
    let penult = syllables.len().checked_sub(2).map_or(last, |index| syllables[index]);
    let stressed = nuclei.iter().position(|nucleus| nucleus.accented).unwrap_or_else(|| {
        let mut ending = letters.chars().rev();
        match (ending.next(), ending.next()) {
            (Some(end), _) if is_vowel(end) => penult,
            (Some('n' | 's'), Some(before)) if is_vowel(before) => penult,
            (Some('y'), Some(before)) if !is_vowel(before) => penult,
            _ => last,
        }
    });
    if strongest == Stress::None {
        return stress;
    }
    for before in (0..stressed.saturating_sub(1)).step_by(2) {
        stress[before] = Stress::Secondary;
    }
    for after in (stressed + 2..nuclei.len().saturating_sub(1)).step_by(2) {
        stress[after] = Stress::Secondary;
    }
    stress[stressed] = strongest;
    stress
}

/// The phonemes of one phrase (no pause inside), its words in order.
pub(super) fn phrase(words: &[String]) -> String {
    let words: Vec<String> = words
        .iter()
        .flat_map(|word| {
            // What has no vowel is said by its letters.
            if word.chars().any(|letter| is_vowel(letter) || letter == 'y') || !word.chars().all(char::is_alphabetic) {
                vec![word.clone()]
            } else {
                letters_one_by_one(word).split(' ').map(str::to_owned).collect()
            }
        })
        .collect();
    let count = words.len();
    let built: Vec<Word> = words
        .iter()
        .enumerate()
        .map(|(index, word)| Word::new(word, index + 1 == count))
        .collect();
    let mut said = String::new();
    let mut previous: Option<char> = None;
    for (index, word) in built.iter().enumerate() {
        let next = built.get(index + 1);
        let spoken = say_word(word, next, &mut previous);
        if !spoken.is_empty() {
            if !said.is_empty() {
                said.push(' ');
            }
            said.push_str(&spoken);
        }
    }
    said
}

fn first_symbol(sound: Option<&Sound>) -> Option<char> {
    sound.map(|sound| match sound {
        Sound::Consonant(symbol) => *symbol,
        Sound::Nucleus(nucleus) => nucleus.vowel,
    })
}

fn say_word(word: &Word, next_word: Option<&Word>, previous: &mut Option<char>) -> String {
    let mut said = String::new();
    let mut nucleus_index = 0;
    for (index, sound) in word.sounds.iter().enumerate() {
        let following = first_symbol(word.sounds.get(index + 1));
        // A stop that ends its word softens before the next one's vowel: "usted es".
        let linked =
            following.or_else(|| first_symbol(next_word?.sounds.first()).filter(|next| "aeiou".contains(*next)));
        let after_that = word.sounds.get(index + 2);
        match sound {
            Sound::Consonant(symbol) => {
                let symbol = match symbol {
                    'b' | 'd' | 'ɡ' if softens(*symbol, *previous, linked) => soft(*symbol),
                    'ʝ' if *previous == Some('n') => 'ʤ',
                    'n' if following.is_none() => final_nasal(next_word),
                    other => *other,
                };
                said.push(symbol);
                *previous = Some(symbol);
            }
            Sound::Nucleus(nucleus) => {
                let stress = word.stress.get(nucleus_index).copied().unwrap_or(Stress::None);
                match stress {
                    Stress::Primary => said.push('ˈ'),
                    Stress::Secondary => said.push('ˌ'),
                    Stress::None => {}
                }
                // Stressed e opens before n and another consonant: "venta", not "tiempo".
                let opens = nucleus.vowel == 'e'
                    && nucleus.offglide.is_none()
                    && stress == Stress::Primary
                    && nucleus_index < word.adverb_from
                    && matches!(following, Some('n' | 'ŋ'))
                    && matches!(after_that, Some(Sound::Consonant(glide)) if !matches!(glide, 'j' | 'w'));
                said.push(if opens { 'ɛ' } else { nucleus.vowel });
                said.extend(nucleus.offglide);
                *previous = Some(nucleus.offglide.unwrap_or(nucleus.vowel));
                nucleus_index += 1;
            }
        }
    }
    said
}

/// A final n takes the place of the next word's first sound: "un beso" has an m.
fn final_nasal(next_word: Option<&Word>) -> char {
    match next_word.and_then(|word| Some((word, first_symbol(word.sounds.first())?))) {
        Some((_, 'b' | 'p' | 'f')) => 'm',
        Some((_, 'ɡ' | 'x')) => 'ŋ',
        Some((word, 'k')) if word.begins_with_k => 'ŋ',
        _ => 'n',
    }
}

fn softens(stop: char, previous: Option<char>, following: Option<char>) -> bool {
    if matches!(previous, None | Some('m' | 'n' | 'ŋ' | 'ɲ')) {
        return false;
    }
    match following {
        Some('a' | 'e' | 'i' | 'o' | 'u' | 'j' | 'w' | 'ɾ' | 'r' | 's') => true,
        Some('l') => stop != 'd',
        Some('x') => stop != 'ɡ',
        Some('ʝ') => stop == 'b',
        Some('b') => stop == 'd',
        Some(_) | None => false,
    }
}

fn soft(stop: char) -> char {
    match stop {
        'b' => 'β',
        'd' => 'ð',
        'ɡ' => 'ɣ',
        other => other,
    }
}

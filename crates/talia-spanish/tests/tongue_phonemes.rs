//! The tongue's phonemes against espeak-ng's own, kept in `data/tongue_espeak.tsv`.

use std::process::Command;

use proptest::prelude::*;
use talia_spanish::Language;
use talia_spanish::tongue::{ALPHABET, phonemes, speech};

const REFERENCE: &str = include_str!("data/tongue_espeak.tsv");

/// Words that Mexicans say otherwise than espeak-ng does: the Nahuatl x of "Xalapa" and "Oaxaca" is a j.
const OURS_ON_PURPOSE: [&str; 3] = ["Oaxaca", "Xalapa", "Ximena"];

fn reference() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    REFERENCE.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut fields = line.split('\t');
        (fields.next().unwrap(), fields.next().unwrap(), fields.next().unwrap())
    })
}

/// Levenshtein distance.
fn distance<T: PartialEq>(a: &[T], b: &[T]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// Share of symbols and of whole words that agree.
fn agreement(kind: &str) -> (f64, f64) {
    let (mut symbols, mut wrong_symbols, mut words, mut wrong_words) = (0, 0, 0, 0);
    for (_, text, expected) in reference().filter(|(row, ..)| *row == kind) {
        if OURS_ON_PURPOSE.contains(&text) {
            continue;
        }
        let said = phonemes(text, Language::Spanish);
        let (a, b): (Vec<char>, Vec<char>) = (said.chars().collect(), expected.chars().collect());
        let (ours, theirs): (Vec<&str>, Vec<&str>) = (said.split(' ').collect(), expected.split(' ').collect());
        symbols += b.len();
        wrong_symbols += distance(&a, &b);
        words += theirs.len();
        wrong_words += distance(&ours, &theirs);
        if said != expected {
            println!("{text}: ours {said}, espeak-ng {expected}");
        }
    }
    let share = |wrong: usize, all: usize| 1.0 - wrong as f64 / all as f64;
    let (by_symbol, by_word) = (share(wrong_symbols, symbols), share(wrong_words, words));
    println!("{kind}: {words} words, {symbols} symbols: {by_symbol:.4} of symbols, {by_word:.4} of words as espeak-ng");
    (by_symbol, by_word)
}

#[test]
fn single_words_sound_as_espeak_says_them() {
    let (symbols, words) = agreement("word");
    assert!(symbols >= 0.97, "{symbols}");
    assert!(words >= 0.90, "{words}");
}

#[test]
fn sentences_sound_as_espeak_says_them() {
    let (symbols, words) = agreement("sentence");
    assert!(symbols >= 0.97, "{symbols}");
    assert!(words >= 0.90, "{words}");
}

#[test]
fn the_nahuatl_x_is_a_j() {
    for (word, sound) in [
        ("México", "mˈexiko"),
        ("mexicana", "mˌexikˈana"),
        ("Oaxaca", "ˌoaxˈaka"),
        ("Xalapa", "xalˈapa"),
        ("Xochimilco", "sˌoʧimˈilko"),
        ("taxi", "tˈaksi"),
        ("Texas", "tˈexas"),
    ] {
        // espeak-ng opens the e of "México" alone; either is right.
        assert_eq!(phonemes(word, Language::Spanish).replace('ɛ', "e"), sound, "{word}");
    }
}

#[test]
fn sounds_lean_on_their_neighbours() {
    for (text, sound) in [
        ("un beso", "ˈum bˈeso"),
        ("el gato", "el ɣˈato"),
        ("un gato", "ˈuŋ ɡˈato"),
        ("un yate", "ˈun ʤˈate"),
        ("el dedo, dos dedos", "el ðˈeðo, dˈos ðˈeðos"),
        ("¿Dónde? ¡Bueno!", "dˈonde? bwˈeno!"),
        ("automáticamente", "ˌaʊtomˈatikamˈente"),
    ] {
        assert_eq!(phonemes(text, Language::Spanish), sound);
    }
}

#[test]
fn figures_are_never_lost() {
    assert_eq!(
        phonemes("55", Language::Spanish),
        phonemes("cincuenta y cinco", Language::Spanish)
    );
    assert_eq!(speech("IA", Language::Spanish), "ˈi ˈa");
}

#[test]
fn the_alphabet_is_the_models() {
    let mut symbols: Vec<char> = ALPHABET.chars().collect();
    symbols.sort_unstable();
    symbols.dedup();
    assert_eq!(symbols.len(), 114, "entries of vocab.json");
    assert_eq!(symbols.len(), ALPHABET.chars().count(), "none twice");
}

#[test]
fn english_is_said_too() {
    assert_eq!(
        phonemes("Hello, this is Talia.", Language::English),
        "həlˈO, ðɪs ɪz tɑlˈiə."
    );
    assert_eq!(phonemes("eight five", Language::English), "ˈAt fˈIv");
    assert!(!phonemes("unusual vocabulary words", Language::English).is_empty());
}

/// Asks the espeak-ng of this machine again, so that the kept answers can't drift from the truth.
#[test]
fn the_kept_answers_are_espeaks() {
    let ask = |phrase: &str| {
        Command::new("espeak-ng")
            .args(["-v", "es-419", "-q", "--ipa", phrase])
            .output()
            .expect("espeak-ng is installed")
    };
    let mark = |c: char| matches!(c, ',' | '.' | ';' | ':' | '!' | '?' | '…' | '—');
    for (_, text, expected) in reference() {
        let mut said = String::new();
        for piece in text.split_inclusive(mark) {
            let phrase = piece.trim_end_matches(mark);
            let answer = ask(phrase.trim());
            let words = String::from_utf8(answer.stdout).unwrap();
            let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
            if !said.is_empty() && !words.is_empty() {
                said.push(' ');
            }
            said.push_str(&words);
            said.push_str(&piece[phrase.len()..]);
        }
        assert_eq!(said.replace("tʃ", "ʧ").replace("dʒ", "ʤ"), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_gives_symbols_that_the_voice_knows(text in any::<String>()) {
        for language in [Language::Spanish, Language::English] {
            for said in [phonemes(&text, language), speech(&text, language)] {
                prop_assert!(said.chars().all(|symbol| ALPHABET.contains(symbol)), "{}", said);
            }
        }
    }

    #[test]
    fn any_spelling_gives_known_symbols(text in "[a-záéíóúüñç'’ ,.¿?¡!-]{0,60}") {
        for language in [Language::Spanish, Language::English] {
            prop_assert!(phonemes(&text, language).chars().all(|symbol| ALPHABET.contains(symbol)));
        }
    }
}

//! Speech that can be read back: every letter is a tone of its own, so that a recording shows which words were really said.
//!
//! A letter lasts as long as it does in quick natural speech, so that texts have the length that a voice would give
//! them. Accents, capitals and punctuation are not spoken: [`folded`] is what can be read back of a text.

use std::f64::consts::TAU;

/// How long a letter lasts with the silence behind it, in milliseconds.
pub const LETTER_MS: u32 = 60;
/// The silence that a blank adds between two words, in milliseconds.
pub const BLANK_MS: u32 = 45;
/// The silence at the end of a letter, in milliseconds.
const PAUSE_MS: u32 = 15;
const AMPLITUDE: f64 = 5_000.0;
/// The tone of the first letter and the distance to the next one, in hertz.
const LOWEST_HZ: f64 = 400.0;
const STEP_HZ: f64 = 70.0;
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzñ0123456789";
/// The reader looks at pieces of this many milliseconds.
const PIECE_MS: usize = 5;

/// What a text is when it is read back: small letters without accents, words with one blank between them.
pub fn folded(text: &str) -> String {
    let letters: String = text
        .chars()
        .filter_map(|c| c.is_whitespace().then_some(' ').or(letter(c)))
        .collect();
    letters.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The letter that is spoken for a character, if one is.
fn letter(character: char) -> Option<char> {
    let small = character.to_lowercase().next()?;
    let plain = match small {
        'á' => 'a',
        'é' => 'e',
        'í' => 'i',
        'ó' => 'o',
        'ú' | 'ü' => 'u',
        other => other,
    };
    LETTERS.contains(plain).then_some(plain)
}

/// Each character of a text with the milliseconds that it lasts.
pub fn timings(text: &str) -> Vec<(char, u32)> {
    let mut timings = Vec::with_capacity(text.len());
    let mut after_blank = true;
    for character in text.chars() {
        let lasts = if letter(character).is_some() {
            after_blank = false;
            LETTER_MS
        } else if character.is_whitespace() && !after_blank {
            after_blank = true;
            BLANK_MS
        } else {
            0
        };
        timings.push((character, lasts));
    }
    timings
}

/// Speaks a text, in samples of the given rate.
pub fn speak(text: &str, rate: u32) -> Vec<i16> {
    let of = |ms: u32| (u64::from(ms) * u64::from(rate) / 1_000) as usize;
    let mut samples = Vec::new();
    for (character, lasts) in timings(text) {
        let tone = letter(character).and_then(|letter| LETTERS.chars().position(|known| known == letter));
        let from = samples.len();
        samples.resize(from + of(lasts), 0);
        let Some(tone) = tone else { continue };
        let hertz = LOWEST_HZ + STEP_HZ * tone as f64;
        let (sounds, edge) = (of(LETTER_MS - PAUSE_MS), of(3) as f64);
        for (index, sample) in samples[from..from + sounds].iter_mut().enumerate() {
            let inside = (index.min(sounds - index) as f64 / edge).min(1.0);
            *sample = (AMPLITUDE * inside * (TAU * hertz * index as f64 / f64::from(rate)).sin()) as i16;
        }
    }
    samples
}

/// Reads what was said in samples of 8 kHz: `?` stands for a sound that is no letter; a letter of which less than half
/// sounds is not read. A letter that a gap of the line cuts in two is read once.
pub fn read(samples: &[i16]) -> String {
    const PIECE: usize = PIECE_MS * 8;
    let mut text = String::new();
    let mut run: Option<(usize, usize)> = None;
    // The sound before: its letter and its length.
    let mut last: Option<(char, usize)> = None;
    let mut silence = 0;
    let pieces = samples.chunks(PIECE).map(|piece| {
        let peak = piece.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
        f64::from(peak) > AMPLITUDE / 4.0
    });
    for (index, loud) in pieces.chain([false; 2]).enumerate() {
        if loud {
            silence = 0;
            let (_, end) = run.get_or_insert((index, index));
            *end = index + 1;
            continue;
        }
        silence += PIECE_MS;
        if let Some((start, end)) = run.take() {
            let sound = &samples[start * PIECE..(end * PIECE).min(samples.len())];
            let letter = sounding(sound);
            last = match (last, letter) {
                (Some((before, length)), Some(letter)) if before == letter && length + sound.len() <= LONGEST => {
                    Some((letter, length + sound.len()))
                }
                (before, letter) => {
                    text.extend(
                        before
                            .filter(|(_, length)| *length >= SHORTEST)
                            .map(|(letter, _)| letter),
                    );
                    letter.map(|letter| (letter, sound.len()))
                }
            };
        }
        if silence == (PAUSE_MS + BLANK_MS / 2) as usize / PIECE_MS * PIECE_MS {
            text.extend(
                last.take()
                    .filter(|(_, length)| *length >= SHORTEST)
                    .map(|(letter, _)| letter),
            );
            text.push(' ');
        }
    }
    text.extend(last.filter(|(_, length)| *length >= SHORTEST).map(|(letter, _)| letter));
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A sound of less than half a letter is none; one that is much longer is no letter.
const SHORTEST: usize = (LETTER_MS as usize - PAUSE_MS as usize) * 8 / 2;
const LONGEST: usize = LETTER_MS as usize * 8;

/// The letter of one sound.
fn sounding(sound: &[i16]) -> Option<char> {
    if sound.len() < SHORTEST / 2 {
        return None;
    }
    if sound.len() > LONGEST {
        return Some('?');
    }
    let energy: f64 = sound.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    let (letter, strongest) = LETTERS
        .chars()
        .enumerate()
        .map(|(tone, letter)| (letter, power(sound, LOWEST_HZ + STEP_HZ * tone as f64)))
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    // A pure tone puts half of energy × length into its bin.
    let pure = strongest > 0.3 * energy * sound.len() as f64 / 2.0;
    Some(if pure { letter } else { '?' })
}

/// The power of one frequency in 8 kHz samples.
fn power(samples: &[i16], hertz: f64) -> f64 {
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (index, &sample) in samples.iter().enumerate() {
        let angle = TAU * hertz * index as f64 / 8_000.0;
        real += f64::from(sample) * angle.cos();
        imaginary += f64::from(sample) * angle.sin();
    }
    real * real + imaginary * imaginary
}

#[cfg(test)]
mod tests {
    use super::{folded, read, speak, timings};
    use talia_audio::{mulaw, resample::resample_all};

    const TEXT: &str = "¿Te llamo al 55, Carlos Núñez? Los paneles de llanta corren.";

    #[test]
    fn what_is_said_can_be_read() {
        assert_eq!(folded(TEXT), "te llamo al 55 carlos nuñez los paneles de llanta corren");
        let spoken = speak(TEXT, 8_000);
        assert_eq!(read(&spoken), folded(TEXT));
        let coded: Vec<i16> = spoken
            .iter()
            .map(|&sample| mulaw::decode(mulaw::encode(sample)))
            .collect();
        assert_eq!(read(&coded), folded(TEXT));
        let lasts: u32 = timings(TEXT).iter().map(|(_, lasts)| lasts).sum();
        assert_eq!(spoken.len(), lasts as usize * 8);
    }

    #[test]
    fn it_can_be_read_after_a_change_of_rate() {
        let fine = speak(TEXT, 24_000);
        let line = resample_all(&fine, 24_000, 8_000).expect("rates");
        assert_eq!(read(&line), folded(TEXT));
    }

    #[test]
    fn what_is_cut_or_no_speech_is_not_read_as_words() {
        let spoken = speak("hola mundo", 8_000);
        // In the middle of the third letter: a quarter of it is no letter.
        assert_eq!(read(&spoken[..(2 * 60 + 12) * 8]), "ho");
        assert_eq!(read(&spoken[6 * 60 * 8..]).chars().last(), Some('o'));
        let hum: Vec<i16> = (0..4_000)
            .map(|n| if n / 20 % 2 == 0 { 4_000 } else { -4_000 })
            .collect();
        assert_eq!(read(&hum), "?");
        assert_eq!(read(&[0; 4_000]), "");
    }
}

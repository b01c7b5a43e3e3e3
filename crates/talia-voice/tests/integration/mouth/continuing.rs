//! A voice breaks off in the middle: another one says the rest, no word is lost and none is said twice.

use super::stage::{ALL, Cast, Speaking};
use futures::future::join_all;
use proptest::prelude::*;
use std::time::Duration;
use talia_audio::mulaw;
use talia_simulator::providers::spelled_speech::{folded, timings};
use talia_simulator::providers::voices::{Manner, VoiceFault};
use talia_voice::mouth::pcm::PcmToMulaw;
use talia_voice::mouth::resume::{Alignment, rest_begins};

const TEXT: &str = "Los paneles bajan el recibo de un negocio más de la mitad.";

/// Every word once and in order; what may stand between two of them is the beginning of the one that broke off.
fn assert_every_word_once(said: &str, context: &str) {
    let mut wanted = TEXT.split(' ').map(folded).peekable();
    let mut fragments = 0;
    for word in said.split(' ') {
        let Some(next) = wanted.peek() else {
            panic!("{context}: {said}: more than was to be said")
        };
        if word == next {
            wanted.next();
        } else {
            assert!(next.starts_with(word), "{context}: {said}: {word} instead of {next}");
            fragments += 1;
        }
    }
    assert_eq!(wanted.next(), None, "{context}: {said}: not to the end");
    assert!(fragments <= 1, "{context}: {said}");
}

#[tokio::test]
async fn a_voice_that_dies_anywhere_is_followed_by_one_that_says_the_rest() {
    for name in ["elevenlabs", "cartesia"] {
        let cuts = (1..30).map(|step| step * 110);
        join_all(cuts.map(|after_ms| async move {
            let cast = Cast::new().await;
            cast.voice(name).set_fault(VoiceFault::Dies { after_ms });
            let mut speaking = Speaking::new(&cast, &format!("{name}, aura"));
            let said = speaking.say(TEXT).await;
            assert!(said.complete, "{name} {after_ms}");
            assert_every_word_once(&said.words, &format!("{name} {after_ms}"));
        }))
        .await;
    }
}

#[tokio::test]
async fn a_voice_that_stalls_is_overtaken_before_its_silence_is_heard() {
    join_all(ALL.map(async |name| {
        let cast = Cast::new().await;
        cast.voice(name).set(Manner {
            fault: VoiceFault::Stalls { after_ms: 1_500 },
            pace: 0.0,
            ..Manner::default()
        });
        let second = if name == "aura" { "cartesia" } else { "aura" };
        let mut speaking = Speaking::new(&cast, &format!("{name}, {second}"));
        let said = speaking.say(TEXT).await;
        assert!(said.complete, "{name}");
        // 1.5 s are heard; then the reserve of 300 ms, 80 ms of the other one's, and what a slow machine adds.
        assert!(said.took < Duration::from_millis(3_500), "{name}: {:?}", said.took);
        if matches!(name, "elevenlabs" | "cartesia") {
            assert_every_word_once(&said.words, name);
        } else {
            // Without an alignment the place is known by the time that was heard: a word's difference at most.
            assert!(
                said.words.ends_with(&folded("negocio más de la mitad.")),
                "{name}: {}",
                said.words
            );
        }
    }))
    .await;
}

proptest! {
    /// The same μ-law comes out, wherever the bytes are cut.
    #[test]
    fn samples_cut_anywhere_sound_the_same(
        samples in prop::collection::vec(any::<i16>(), 0..6_000),
        cuts in prop::collection::vec(1_usize..700, 1..40),
        odd in any::<bool>(),
        rate in prop::sample::select(vec![8_000_u32, 16_000, 24_000, 44_100]),
    ) {
        let mut bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let mut whole = Vec::new();
        let mut converter = PcmToMulaw::new(rate).expect("rates");
        converter.push(&bytes, &mut whole);
        converter.finish(&mut whole);
        if odd {
            // Half a sample at the end is none.
            bytes.push(0x5a);
        }
        let mut cut = Vec::new();
        let mut converter = PcmToMulaw::new(rate).expect("rates");
        let mut rest = bytes.as_slice();
        for length in cuts.into_iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, more) = rest.split_at(length.min(rest.len()));
            converter.push(piece, &mut cut);
            rest = more;
        }
        converter.finish(&mut cut);
        prop_assert_eq!(&cut, &whole);
        if rate == 8_000 {
            let plain: Vec<u8> = samples.iter().copied().map(mulaw::encode).collect();
            prop_assert_eq!(whole, plain);
        }
    }

    /// The rest begins at a word, and never behind one that was not heard to its end.
    #[test]
    fn the_rest_begins_at_a_word_that_was_not_said(heard_ms in 0_u64..6_000, words in "([a-zñáé]{1,9}[,.]? ){1,12}[a-z]{2,6}\\.") {
        let mut alignment = Alignment::default();
        let mut at = 0;
        for (letter, lasts) in timings(&words) {
            at += u64::from(lasts);
            alignment.add(&words, &letter.to_string(), Duration::from_millis(at));
        }
        let heard = Duration::from_millis(heard_ms);
        let begins = rest_begins(&words, &alignment, heard, Duration::from_millis(at));
        let (before, rest) = words.split_at(begins);
        prop_assert!(rest.is_empty() || before.is_empty() || before.ends_with(' '), "{before:?} | {rest:?}");
        let said: u64 = timings(before.trim_end()).iter().map(|(_, lasts)| u64::from(*lasts)).sum();
        prop_assert!(said <= heard_ms + 35, "{before:?} lasts {said} ms, heard {heard_ms}");
        // The word after it was not said to its end.
        if let Some(next) = rest.split_inclusive(' ').next() {
            let through: u64 = timings(&format!("{before}{}", next.trim_end())).iter().map(|(_, lasts)| u64::from(*lasts)).sum();
            prop_assert!(through + 35 >= heard_ms, "{next:?} was said");
        }
    }
}

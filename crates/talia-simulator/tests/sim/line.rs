//! The line: noise, echo, lost, doubled and overtaken packets.

use proptest::prelude::*;
use talia_audio::{level::rms_dbfs, mulaw};
use talia_simulator::{
    line::{Fate, PacketPath, VoicePath},
    script::{EchoPath, LineConditions},
};

use crate::{
    calls::{BOT, bots},
    server::{Server, twiml},
};

fn decoded(frame: &[u8]) -> Vec<i16> {
    frame.iter().map(|&byte| mulaw::decode(byte)).collect()
}

#[test]
fn noise_stands_as_far_below_speech_as_asked() {
    let conditions = LineConditions {
        noise_snr_db: Some(15.0),
        band_pass: false,
        ..LineConditions::default()
    };
    let mut line = VoicePath::new(&conditions, -20.0);
    let heard: Vec<i16> = (0..50).flat_map(|_| decoded(&line.carry(&[0; 160]))).collect();
    let level = rms_dbfs(&heard);
    assert!((-36.0..=-34.0).contains(&level), "{level}");
}

#[test]
fn a_quiet_line_is_silent() {
    let mut line = VoicePath::new(&LineConditions::default(), -20.0);
    assert!(line.carry(&[0; 160]).iter().all(|byte| mulaw::decode(*byte).abs() <= 8));
}

#[test]
fn the_assistants_voice_comes_back_late_and_quiet() {
    let conditions = LineConditions {
        band_pass: false,
        echo: Some(EchoPath {
            attenuation_db: 20.0,
            delay_ms: 60,
        }),
        ..LineConditions::default()
    };
    let mut line = VoicePath::new(&conditions, -20.0);
    let loud = [mulaw::encode(10_000); 160];
    let mut levels = Vec::new();
    for tick in 0..6 {
        line.played(if tick == 0 { &loud } else { &[mulaw::SILENCE; 160] });
        levels.push(i32::from(decoded(&line.carry(&[0; 160]))[80]));
    }
    assert_eq!(levels.iter().filter(|level| level.abs() > 100).count(), 1, "{levels:?}");
    assert!((900..1_100).contains(&levels[3]), "{levels:?}");
}

proptest! {
    #[test]
    fn packets_are_late_by_the_jitter_at_most_and_stay_in_order(seed: u64, jitter_ms in 0_u64..80) {
        let conditions = LineConditions { jitter_ms, seed, ..LineConditions::default() };
        let mut path = PacketPath::new(&conditions);
        let mut last = 0;
        for tick in 1..200 {
            let (due, fate) = path.decide(tick * 20);
            prop_assert_eq!(fate, Fate::Arrives);
            prop_assert!(due >= last && due >= tick * 20 && due <= tick * 20 + jitter_ms);
            last = due;
        }
    }

    #[test]
    fn fates_come_as_often_as_asked_and_the_same_seed_decides_the_same(seed: u64) {
        let conditions = LineConditions {
            loss_percent: 10.0, reorder_percent: 5.0, duplicate_percent: 5.0, seed, ..LineConditions::default()
        };
        let decide = || {
            let mut path = PacketPath::new(&conditions);
            (0..2_000).map(|tick| path.decide(tick * 20).1).collect::<Vec<_>>()
        };
        let fates = decide();
        prop_assert_eq!(&fates, &decide());
        let share = |fate| fates.iter().filter(|one| **one == fate).count();
        prop_assert!((120..=290).contains(&share(Fate::Lost)));
        prop_assert!((45..=165).contains(&share(Fate::Overtaken)));
        prop_assert!((45..=165).contains(&share(Fate::Doubled)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_line_reaches_the_server_as_gaps_and_repeats() {
    let (mut saw, sockets) = bots(BOT);
    let stream = "<Connect><Stream url=\"wss://voice.example.com/media\"/></Connect>";
    let server = Server::start(move |_| twiml(stream), sockets).await;
    let script = "[line]\nloss_percent = 10.0\nreorder_percent = 10.0\nduplicate_percent = 10.0\njitter_ms = 40\nseed = 5\n\
                  [[step]]\ndo = \"silence\"\nms = 10000";
    let call = server.call(server.settings(), script).await;
    call.assert_no_warnings();
    let saw = saw.recv().await.unwrap();
    let repeats = saw.chunks.windows(2).filter(|pair| pair[0] == pair[1]).count();
    let overtaken = saw.chunks.windows(2).filter(|pair| pair[0] > pair[1]).count();
    let mut distinct = saw.chunks.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert!((20..90).contains(&repeats), "{repeats}");
    assert!((20..90).contains(&overtaken), "{overtaken}");
    assert!((400..480).contains(&distinct.len()), "{}", distinct.len());
    assert!(saw.sequence_gaps > 40);
}

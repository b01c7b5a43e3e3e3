//! What a caller hears of documents: Twilio's voice, recordings, and a script that goes on meanwhile.

use std::sync::Arc;

use axum::{http::header, response::IntoResponse as _};
use talia_audio::level::rms_dbfs;
use talia_simulator::{
    carrier::Carrier,
    events::{EndedBy, Side},
    speaker::ToneSpeaker,
};

use crate::server::{Server, no_sockets, plan, twiml};

const PATIENT: &str = "[[step]]\ndo = \"expect_hang_up\"\nwithin_ms = 60000";

fn wave() -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
    for index in 0..16_000 {
        writer
            .write_sample(if index % 40 < 20 { 6_000_i16 } else { -6_000 })
            .unwrap();
    }
    writer.finalize().unwrap();
    file.into_inner()
}

async fn serving(verbs: &'static str) -> Server {
    Server::start(
        move |path| match path {
            "/voice" => twiml(verbs),
            "/a.wav" => ([(header::CONTENT_TYPE, "audio/wav")], wave()).into_response(),
            "/b.mp3" => ([(header::CONTENT_TYPE, "audio/mpeg")], "…").into_response(),
            _ => "no recording".into_response(),
        },
        no_sockets,
    )
    .await
}

#[tokio::test(start_paused = true)]
async fn twilios_voice_and_recordings_are_in_the_callers_ear() {
    let server = serving(
        "<Say>Un momento por favor</Say><Pause/><Play>/a.wav</Play><Pause/><Play loop=\"2\">/b.mp3</Play>\
         <Play>/nothing</Play><Play digits=\"1w2\"/>",
    )
    .await;
    let call = server.call(server.settings(), PATIENT).await;
    let heard = &call.recording.assistant;
    let loud = |from_ms: usize, to_ms: usize| rms_dbfs(&heard[from_ms * 8..to_ms * 8]) > -40.0;
    // 20 letters of 60 ms, a second, a second of recording, a second, twice two seconds, 0.9 s of keys.
    assert!(loud(0, 900) && !loud(1_300, 2_100) && loud(2_300, 3_100) && !loud(3_300, 4_100) && loud(4_300, 7_900));
    assert!((9_100..9_300).contains(&call.duration_ms), "{}", call.duration_ms);
    assert_eq!(call.warnings_of(11_200), 1);
    assert_eq!(call.warnings.len(), 1);
    assert!(call.utterances(Side::Assistant) >= 3);
}

#[tokio::test(start_paused = true)]
async fn a_voice_may_be_plugged_in() {
    let server = serving("<Say>hola a ti</Say>").await;
    let carrier = Carrier::new(server.settings())
        .unwrap()
        .with_speaker(Arc::new(ToneSpeaker));
    let call = carrier.dial(plan(PATIENT).await).await.unwrap();
    // Three words of 240 ms each, in the place of nine letters of 60 ms.
    assert!((720..780).contains(&call.duration_ms), "{}", call.duration_ms);
}

#[tokio::test(start_paused = true)]
async fn a_caller_talks_and_leaves_while_twilio_speaks() {
    let server = serving("<Say loop=\"0\">Todos nuestros agentes están ocupados</Say>").await;
    let script = "[[step]]\ndo = \"interrupt\"\nafter_ms = 500\ntext = \"hola\"\n[[step]]\ndo = \"silence\"\nms = 4000";
    let call = server.call(server.settings(), script).await;
    call.assert_script_done();
    assert_eq!(call.ended_by, EndedBy::Caller);
    assert_eq!(call.utterances(Side::Caller), 1);
    assert!(rms_dbfs(&call.recording.caller) > -60.0);
    assert!((4_600..4_900).contains(&call.duration_ms), "{}", call.duration_ms);
}

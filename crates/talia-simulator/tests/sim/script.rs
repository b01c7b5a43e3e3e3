//! Scripts: the format, and the caller's decisions stepped by hand.

use std::sync::Arc;

use talia_simulator::{
    assistant_ear::Scene,
    caller::{Act, Caller, ScriptFault, SpeechKind},
    keywords::last_position,
    lines::PreparedScript,
    script::{Script, Step},
    speaker::ToneSpeaker,
};

const WHOLE: &str = r#"
name = "everything"
voice = "alba"
silence_ms = 700
patience_ms = 5000
[line]
noise_snr_db = 20.0
jitter_ms = 30
loss_percent = 1.0
echo = { attenuation_db = 25.0, delay_ms = 120 }
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "say"
text = "Hola, busco información."
[[step]]
do = "interrupt"
after_ms = 800
at_word = "demostración"
text = "Perdone."
[[step]]
do = "backchannel"
text = "ajá"
[[step]]
do = "noise_burst"
duration_ms = 300
level_dbfs = -20.0
[[step]]
do = "silence"
ms = 1500
[[step]]
do = "digits"
digits = "12#"
[[step]]
do = "converse"
until = ["hasta luego"]
[[step]]
do = "drop_socket"
abrupt = true
[[step]]
do = "expect_hang_up"
within_ms = 4000
[[step]]
do = "hang_up"
[[answer]]
when = ["correo", "mail"]
say = "ana arroba ejemplo punto com"
"#;

#[test]
fn a_script_with_every_step_is_read_and_written_back() {
    let script = Script::parse(WHOLE).unwrap();
    assert_eq!(script.steps.len(), 11);
    assert!(script.needs_listener());
    let again = Script::parse(&toml::to_string(&script).unwrap()).unwrap();
    assert_eq!(again.steps, script.steps);
    assert_eq!(again.answers, script.answers);
    assert_eq!(again.line, script.line);
}

#[test]
fn what_makes_no_sense_is_refused_with_its_place() {
    for (text, expected) in [
        ("[[step]]\ndo = \"say\"\ntext = \" \"", "step 1: a line without words"),
        ("[[step]]\ndo = \"hang_up\"\n[[step]]\ndo = \"digits\"\ndigits = \"12x\"", "step 2: keys are 0-9, * and #"),
    ] {
        assert_eq!(Script::parse(text).unwrap_err().to_string(), expected);
    }
    for text in [
        "[[step]]\ndo = \"dance\"",
        "[[step]]\ndo = \"say\"\ntext = \"hola\"\nloud = true",
        "colour = 1",
        "[[step]]\ndo = \"silence\"",
    ] {
        assert!(Script::parse(text).is_err(), "{text}");
    }
}

#[test]
fn keywords_ignore_case_accents_and_endings() {
    assert_eq!(last_position("¿A qué CORREO te la mando?", "correo"), Some(2));
    assert_eq!(last_position("dime tus teléfonos, por favor", "telefono"), Some(2));
    assert_eq!(last_position("correo y otra vez correo", "correo"), Some(4));
    assert_eq!(last_position("hasta luego, Ana", "hasta luego"), Some(0));
    assert_eq!(last_position("luego hasta", "hasta luego"), None);
    assert_eq!(last_position("nada", ""), None);
}

/// Steps a caller for a while in a scene that a function makes of the time; returns what it did, and when.
async fn live(script: &str, until_ms: u64, scene: impl Fn(u64) -> Scene) -> Vec<(u64, Act)> {
    let prepared = PreparedScript::new(Script::parse(script).unwrap(), &ToneSpeaker).await.unwrap();
    let mut caller = Caller::new(Arc::new(prepared));
    let mut voice = [0; 160];
    let mut acts = Vec::new();
    for now in (20..=until_ms).step_by(20) {
        acts.extend(caller.tick(now, scene(now), &mut voice).into_iter().map(|act| (now, act)));
    }
    acts
}

/// An assistant that speaks from one time to another.
fn speech(now: u64, from: u64, to: u64) -> Scene {
    Scene {
        speaking: (from..to + 400).contains(&now),
        speech_ms: now.saturating_sub(from),
        last_audible_ms: (now > from).then_some(now.min(to)),
    }
}

#[tokio::test]
async fn a_turn_is_taken_after_the_silence_and_not_before() {
    let script = "silence_ms = 700\n[[step]]\ndo = \"wait_for_answer_end\"\n[[step]]\ndo = \"say\"\ntext = \"uno\"";
    let acts = live(script, 5_000, |now| speech(now, 1_000, 3_000)).await;
    let kinds: Vec<_> = acts.iter().map(|(_, act)| act.clone()).collect();
    let say = SpeechKind::Say;
    let expected = [
        Act::Began { kind: say, text: "uno".into() },
        Act::Ended { kind: say },
        Act::HangUp,
    ];
    assert_eq!(kinds, expected);
    assert_eq!(acts[0].0, 3_700);
}

#[tokio::test]
async fn an_interruption_waits_for_the_assistant_to_speak() {
    let script = "[[step]]\ndo = \"interrupt\"\nafter_ms = 500\ntext = \"espera\"";
    let acts = live(script, 3_000, |now| speech(now, 1_000, 2_900)).await;
    assert_eq!(acts[0].0, 1_500);
    assert!(matches!(&acts[0].1, Act::Began { kind: SpeechKind::Interrupt, .. }));
}

#[tokio::test]
async fn a_backchannel_takes_no_turn() {
    let script = "silence_ms = 500\n[[step]]\ndo = \"backchannel\"\nafter_ms = 300\ntext = \"ajá\"\n\
                  [[step]]\ndo = \"wait_for_answer_end\"\n[[step]]\ndo = \"hang_up\"";
    // The assistant stops just when the assent ends: its turn counts all the same.
    let acts = live(script, 3_000, |now| speech(now, 0, 420)).await;
    assert!(matches!(acts.last(), Some((at, Act::HangUp)) if *at <= 1_000), "{acts:?}");
}

#[tokio::test]
async fn patience_ends_and_is_told() {
    let script = "patience_ms = 2000\n[[step]]\ndo = \"wait_for_answer_end\"";
    let acts = live(script, 4_000, |_| Scene::default()).await;
    assert_eq!(acts[0].1, Act::Fault(ScriptFault::WaitedInVain { step: 1 }));
    assert_eq!(acts[1].1, Act::HangUp);
    assert_eq!(acts.len(), 2);
    assert!((2_000..2_100).contains(&acts[0].0));
}

#[tokio::test]
async fn keys_are_pressed_at_their_pace() {
    let acts = live("[[step]]\ndo = \"digits\"\ndigits = \"1#\"", 1_000, |_| Scene::default()).await;
    assert_eq!(acts, [(20, Act::Press('1')), (220, Act::Press('#')), (220, Act::HangUp)]);
}

#[tokio::test]
async fn a_wav_of_another_rate_is_played_at_eight_kilohertz() {
    let folder = tempfile::tempdir().unwrap();
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(folder.path().join("a.wav"), spec).unwrap();
    for index in 0..16_000_u32 {
        let sample = (f64::from(index) * 0.2).sin() * 8_000.0;
        writer.write_sample(sample as i16).unwrap();
        writer.write_sample(0_i16).unwrap();
    }
    writer.finalize().unwrap();
    std::fs::write(folder.path().join("call.toml"), "[[step]]\ndo = \"play\"\nfile = \"a.wav\"").unwrap();
    let script = Script::load(&folder.path().join("call.toml")).unwrap();
    assert!(matches!(&script.steps[0], Step::Play { file } if file.is_absolute()));
    let prepared = PreparedScript::new(script, &ToneSpeaker).await.unwrap();
    let mut caller = Caller::new(Arc::new(prepared));
    let mut voiced = 0;
    let mut voice = [0; 160];
    for now in 1..=80 {
        caller.tick(now * 20, Scene::default(), &mut voice);
        voiced += u32::from(voice.iter().any(|sample| *sample != 0));
    }
    assert!((49..=51).contains(&voiced), "{voiced} frames for one second");
}

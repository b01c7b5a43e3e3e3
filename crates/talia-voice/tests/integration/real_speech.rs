//! One whole call with real local speech: the caller of `make demo` rings the server in real time. Takes some minutes
//! and both cores; the models must be here.

use crate::harness::{ACCOUNT, ORIGIN, TOKEN, TestServer};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use talia_audio::mulaw;
use talia_dialogue::EndReason;
use talia_simulator::carrier::{CallPlan, Carrier};
use talia_simulator::events::What;
use talia_simulator::lines::PreparedScript;
use talia_simulator::listener::{Listener, ListenerFault};
use talia_simulator::outcome::CallOutcome;
use talia_simulator::script::Script;
use talia_simulator::settings::{CarrierSettings, Secret};
use talia_simulator::speaker::{Speaker, SpeakerFault};
use talia_spanish::{Expectation, Language};
use talia_speech::{Installed, ModelsDir};
use talia_twilio::AccountSid;
use talia_voice::app::App;
use talia_voice::call::live::{LiveEvent, LiveItem};
use talia_voice::clock::Clock;
use talia_voice::ears::stt::{Recording, Stt};
use talia_voice::line::paths;
use talia_voice::mouth::tts::{Tts, Voice};
use talia_voice::store::SegmentRow;
use tokio::sync::broadcast;

const CALLER: &str = include_str!("../../../../callers/demo.toml");
const FROM: &str = "+525512345678";
const TO: &str = "+525550001000";
/// The whole call, with everything that goes wrong in it.
const LONGEST: Duration = Duration::from_mins(5);

/// The caller's voice.
pub(crate) struct KokoroCaller(pub(crate) Arc<dyn Tts>);

impl Speaker for KokoroCaller {
    fn speak<'a>(
        &'a self,
        text: &'a str,
        voice: Option<&'a str>,
    ) -> futures::future::BoxFuture<'a, Result<Vec<i16>, SpeakerFault>> {
        let (tts, text) = (self.0.clone(), text.to_owned());
        let voice = Voice {
            // Twilio's own voices have names of their own.
            name: voice
                .map_or(
                    "em_alex",
                    |name| if name.starts_with("Polly") { "ef_dora" } else { name },
                )
                .to_owned(),
            speed: 1.0,
            language: Language::Spanish,
        };
        Box::pin(async move {
            let spoken = tokio::task::spawn_blocking(move || tts.speak(&text, &voice)).await;
            let spoken = spoken.map_err(|error| SpeakerFault(error.to_string()))?;
            let bytes = spoken.map_err(|error| SpeakerFault(error.to_string()))?;
            Ok(bytes.iter().map(|byte| mulaw::decode(*byte)).collect())
        })
    }
}

/// The caller's ear.
struct WhisperCaller(Arc<dyn Stt>);

pub(crate) fn write_down(stt: &dyn Stt, samples: Vec<i16>) -> Result<String, String> {
    let recording = Recording {
        samples,
        expectation: Expectation::Open,
        language: Language::Spanish,
        alone: false,
    };
    let never = Arc::new(AtomicBool::new(false));
    stt.transcribe(&recording, &never).map_err(|error| error.to_string())
}

impl Listener for WhisperCaller {
    fn transcribe(&self, samples: Vec<i16>) -> futures::future::BoxFuture<'_, Result<String, ListenerFault>> {
        let stt = self.0.clone();
        Box::pin(async move {
            let heard = tokio::task::spawn_blocking(move || write_down(stt.as_ref(), samples)).await;
            heard
                .map_err(|error| ListenerFault(error.to_string()))?
                .map_err(ListenerFault)
        })
    }
}

/// What of the live feed is judged.
#[derive(Debug, Default)]
struct Seen {
    yielded: usize,
    paused: usize,
    ended: Option<EndReason>,
}

/// Everything that happens is shown when the test fails.
async fn watch(mut feed: broadcast::Receiver<LiveItem>, clock: Clock) -> Seen {
    let mut seen = Seen::default();
    loop {
        let received = feed.recv().await;
        if let Ok(item) = &received {
            eprintln!("{:>9.2} s {:?}", clock.elapsed().as_secs_f64(), item.event);
        }
        match received {
            Ok(item) => match item.event {
                LiveEvent::Paused { .. } => seen.paused += 1,
                LiveEvent::Yielded => seen.yielded += 1,
                LiveEvent::Ended { reason } => {
                    seen.ended = Some(reason);
                    return seen;
                }
                _ => {}
            },
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return seen,
        }
    }
}

async fn ring(server: &TestServer) -> CallOutcome {
    let app: &App = &server.app;
    let script = Script::parse(CALLER).expect("the demo's caller");
    let speaker = KokoroCaller(app.engines.mouth.tts.clone());
    let script = PreparedScript::new(script, &speaker).await.expect("the caller's lines");
    let account = AccountSid::new(ACCOUNT).expect("an account");
    let mut settings = CarrierSettings::new(account, Secret::new(TOKEN), ORIGIN, paths::INBOUND);
    settings.dial_origin = Some(format!("http://{}", server.address));
    settings.status_url = Some(format!("{ORIGIN}{}", paths::STATUS));
    let mut plan = CallPlan::new(FROM, TO, Arc::new(script));
    plan.listener = Some(Arc::new(WhisperCaller(app.engines.ears.stt.clone())));
    let carrier = Carrier::new(settings).expect("a carrier");
    tokio::time::timeout(LONGEST, carrier.dial(plan))
        .await
        .expect("the call ends")
        .expect("a call")
}

/// Words as they are compared: lower case, no accents, no punctuation.
pub(crate) fn words(text: &str) -> Vec<String> {
    let plain: String = text
        .to_lowercase()
        .chars()
        .map(|letter| match letter {
            'á' => 'a',
            'é' => 'e',
            'í' => 'i',
            'ó' => 'o',
            'ú' | 'ü' => 'u',
            other if other.is_alphanumeric() => other,
            _ => ' ',
        })
        .collect();
    plain.split_whitespace().map(str::to_owned).collect()
}

/// Substitutions, insertions and deletions that make one of the other.
fn edits(truth: &[String], heard: &[String]) -> usize {
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (index, word) in truth.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in heard.iter().enumerate() {
            let next = (row[column + 1] + 1)
                .min(row[column] + 1)
                .min(diagonal + usize::from(word != other));
            diagonal = std::mem::replace(&mut row[column + 1], next);
        }
    }
    row[heard.len()]
}

/// Where the assistant's side begins and ends to speak: rows of sentences that follow each other within this pause are
/// written down in one piece.
const PAUSE_MS: i64 = 700;
const RATE_PER_MS: usize = 8;

/// What the recogniser understands of the assistant's channel, against what the transcript says was heard.
fn word_errors(stt: &dyn Stt, lines: &[SegmentRow], outcome: &CallOutcome, stream_began_ms: u64) -> (usize, usize) {
    let ours: Vec<_> = lines.iter().filter(|line| line.speaker == "assistant").collect();
    let mut pieces: Vec<(i64, i64, String)> = Vec::new();
    for line in ours {
        match pieces.last_mut() {
            Some((began, ended, text)) if line.began_ms - *ended < PAUSE_MS && line.ended_ms - *began < 25_000 => {
                *ended = line.ended_ms;
                text.push(' ');
                text.push_str(&line.text);
            }
            _ => pieces.push((line.began_ms, line.ended_ms, line.text.clone())),
        }
    }
    let (mut wrong, mut total) = (0, 0);
    let offset = i64::try_from(stream_began_ms).unwrap_or(0);
    for (began, ended, text) in pieces {
        let at = |ms: i64| usize::try_from((ms + offset).max(0)).unwrap_or(0) * RATE_PER_MS;
        let channel = &outcome.recording.assistant;
        let from = at(began - 200).min(channel.len());
        let to = at(ended + 300).min(channel.len());
        let heard = write_down(stt, channel[from..to].to_vec()).expect("words");
        // Written numbers, addresses and sums are spoken as words: the truth is what was spoken.
        let spoken = talia_spanish::tongue::verbalize(&text, Language::Spanish);
        let heard = talia_spanish::tongue::verbalize(&heard, Language::Spanish);
        let (truth, heard) = (words(&spoken), words(&heard));
        let wrong_here = edits(&truth, &heard);
        if wrong_here > 0 {
            eprintln!("{wrong_here} of {}: {truth:?}\n  heard {heard:?}", truth.len());
        }
        wrong += wrong_here;
        total += truth.len();
    }
    (wrong, total)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_interrupts_twice_and_corrects_the_email_becomes_an_exact_lead() {
    let models = ModelsDir::from_env();
    if let Err(error) = Installed::open(&models) {
        panic!("{error}\nThis test speaks and listens for real: run `talia-voice models fetch` first.");
    }
    let server = TestServer::start_with(&[("TALIA_SPEECH__ENGINES", "local")], Clock::real()).await;
    let app = server.app.clone();
    let assistant = app.assistants.for_number(TO).clone();
    app.engines
        .prepare(&[assistant], |_, _| {})
        .await
        .expect("the fixed phrases");
    let watching = tokio::spawn(watch(app.live_feed.subscribe(), app.clock.clone()));
    let outcome = ring(&server).await;
    let seen = tokio::time::timeout(Duration::from_secs(5), watching)
        .await
        .expect("the call's end")
        .expect("no panic");
    let sid = outcome.call_sid.as_str();
    let lines = app.store.transcript(sid).await.expect("a read");
    for line in &lines {
        eprintln!(
            "{:>7} {:<9} {} {}",
            line.began_ms,
            line.speaker,
            line.text,
            line.unheard.as_deref().unwrap_or("")
        );
    }
    eprintln!("{seen:?}, heard {:#?}", outcome.heard());
    for event in &outcome.log {
        if !matches!(event.what, What::Mark { .. } | What::MarkEchoed { .. }) {
            eprintln!("{:>9.2} s {:?}", event.at_ms as f64 / 1_000.0, event.what);
        }
    }

    // The line.
    outcome.assert_script_done();
    outcome.assert_ended_by_server();
    outcome.assert_no_warnings();
    outcome.assert_no_gap_longer_than(300);
    assert_eq!(outcome.streams(), 1);

    // The conversation.
    let call = app.store.call(sid).await.expect("a read").expect("a row");
    assert_eq!(
        (call.status.as_str(), call.ended_reason.as_deref()),
        ("completed", Some("finished"))
    );
    assert_eq!(seen.ended, Some(EndReason::Finished));
    assert!(call.disclosure_heard_at.is_some());
    let disclosure = lines
        .iter()
        .position(|line| line.kind.as_deref() != Some("disclosure"))
        .unwrap_or(0);
    assert!(
        disclosure >= 1 && lines[..disclosure].iter().all(|line| line.unheard.is_none()),
        "{lines:#?}"
    );
    let interruptions =
        outcome.measurements.barge_in_to_clear_ms.len() + outcome.measurements.barge_in_to_silence_ms.len();
    assert!(
        seen.paused >= 1 && seen.yielded >= 1,
        "{seen:?}, {interruptions} by the caller's count"
    );

    // The lead.
    let lead = app.store.lead(sid).await.expect("a read").expect("a lead");
    assert_eq!(lead.name.as_deref(), Some("Carlos Herrera"), "{lead:?}");
    assert_eq!(
        (lead.email.as_deref(), lead.email_confirmed),
        (Some("carlos_herrera@gmail.com"), true),
        "{lead:?}"
    );
    assert_eq!(
        (lead.phone.as_deref(), lead.phone_confirmed),
        (Some(FROM), true),
        "{lead:?}"
    );
    let company = words(lead.company.as_deref().unwrap_or_default()).join(" ");
    assert!(company.contains("estrella"), "{lead:?}");
    assert!(
        lead.purpose.as_deref().is_some_and(|purpose| words(purpose).len() >= 2),
        "{lead:?}"
    );

    // What stands in the transcript is what was played.
    let loudest = outcome
        .recording
        .assistant
        .iter()
        .map(|sample| sample.unsigned_abs())
        .max()
        .unwrap_or(0);
    assert!((2_000..32_000).contains(&loudest), "the loudest sample is {loudest}");
    let stream_began_ms = outcome.log.iter().find_map(|event| match &event.what {
        What::StreamStart { .. } => Some(event.at_ms),
        _ => None,
    });
    let stt = app.engines.ears.stt.clone();
    let judging =
        tokio::task::spawn_blocking(move || word_errors(stt.as_ref(), &lines, &outcome, stream_began_ms.unwrap_or(0)));
    let (wrong, total) = judging.await.expect("no panic");
    eprintln!("{wrong} of {total} words differ");
    assert!(total > 50 && wrong * 4 <= total, "{wrong} of {total} words differ");
}

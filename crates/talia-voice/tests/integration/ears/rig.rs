//! Ears of one call before fake recognisers, and a caller who speaks in tones.

use crate::harness::PATIENCE;
use secrecy::SecretString;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use talia_audio::mulaw;
use talia_dialogue::{JobId, TurnId};
use talia_simulator::providers::stt::{FakeStt, SttKind, SttSettings};
use talia_simulator::providers::tone_words::Vocabulary;
use talia_simulator::settings::Secret;
use talia_spanish::{Expectation, Language};
use talia_voice::clock::Clock;
use talia_voice::config::{Account, Link, Provider, ProviderKind, TurnDetection};
use talia_voice::ears::EarEvent;
use talia_voice::ears::pool::Pool;
use talia_voice::ears::stream::session::{Chain, Command, Session, Writer};
use talia_voice::ears::stt::{Recording, Stt, SttError};
use talia_voice::providers::{Health, Work};
use talia_voice::telemetry::Metrics;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

/// What the caller says in most tests.
pub(crate) const SAYS: &str = "Hola, me llamo Ana Pérez y mi correo es ana arroba ejemplo punto com";
/// All that anybody can say.
const MORE: &str = "Quiero bajar mi recibo de luz. sí no gracias el cinco uno dos";
pub(crate) const KEY: &str = "key-of-the-fakes";

pub(crate) const KINDS: [SttKind; 4] = [SttKind::Deepgram, SttKind::Flux, SttKind::OpenAi, SttKind::Scribe];

pub(crate) fn vocabulary() -> Arc<Vocabulary> {
    Arc::new(Vocabulary::of(&[SAYS, MORE]))
}

/// A text as tones, μ-law.
pub(crate) fn tones(text: &str) -> Vec<u8> {
    let samples = vocabulary().say(text).expect("known words");
    samples.into_iter().map(mulaw::encode).collect()
}

pub(crate) fn silence(ms: usize) -> Vec<u8> {
    vec![mulaw::encode(0); ms * 8]
}

pub(crate) async fn fake(kind: SttKind) -> FakeStt {
    fake_with(kind, Duration::from_secs(10)).await
}

pub(crate) async fn fake_with(kind: SttKind, idle: Duration) -> FakeStt {
    let settings = SttSettings {
        key: Secret::new(KEY),
        vocabulary: vocabulary(),
        idle,
    };
    FakeStt::start(kind, settings).await.expect("a port")
}

pub(crate) fn name(kind: SttKind) -> &'static str {
    match kind {
        SttKind::Deepgram => "deepgram",
        SttKind::Flux => "flux",
        SttKind::OpenAi => "transcription",
        SttKind::Scribe => "scribe",
    }
}

pub(crate) fn provider(kind: SttKind, url: &str) -> Provider {
    let (protocol, model) = match kind {
        SttKind::Deepgram => (ProviderKind::Deepgram, "nova-3"),
        SttKind::Flux => (ProviderKind::DeepgramFlux, "flux-general-multi"),
        SttKind::OpenAi => (ProviderKind::OpenAiTranscription, "gpt-live-transcribe"),
        SttKind::Scribe => (ProviderKind::ElevenLabsScribe, "scribe_v2_realtime"),
    };
    Provider {
        name: name(kind).to_owned(),
        kind: protocol,
        account: Account {
            url: url.to_owned(),
            key: Some(SecretString::from(KEY)),
        },
        model: Some(model.to_owned()),
        voice: None,
        prompt: None,
        prompt_version: None,
        turn_detection: TurnDetection::Own,
    }
}

/// The local recogniser of these tests: hears tones too.
pub(crate) struct ToneStt {
    pub(crate) recordings: Arc<Mutex<Vec<usize>>>,
}

impl Stt for ToneStt {
    fn transcribe(&self, recording: &Recording, _cancel: &Arc<AtomicBool>) -> Result<String, SttError> {
        self.recordings.lock().expect("no panic").push(recording.samples.len());
        let mut ear = talia_simulator::providers::tone_words::ToneEar::new(vocabulary());
        let bytes: Vec<_> = recording.samples.iter().map(|sample| mulaw::encode(*sample)).collect();
        ear.push(&bytes);
        ear.end_word();
        let words: Vec<_> = ear.words().iter().map(|word| word.text.as_str()).collect();
        Ok(words.join(" "))
    }

    fn name(&self) -> &'static str {
        "tones"
    }
}

/// The ears of one call.
pub(crate) struct Rig {
    pub(crate) session: Option<Session>,
    pub(crate) events: mpsc::Receiver<EarEvent>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) health: Arc<Health>,
    /// What each recogniser was sent.
    pub(crate) work: Work,
    pub(crate) tasks: TaskTracker,
    /// Lengths of what the local recogniser was given.
    pub(crate) recordings: Arc<Mutex<Vec<usize>>>,
    pub(crate) clock: Clock,
    turn: u32,
    job: u32,
}

impl Rig {
    /// Before these fakes, in order; with the local recogniser at its place among them if `local` says where.
    pub(crate) fn new(fakes: &[(SttKind, &FakeStt)], local: Option<usize>) -> Self {
        let mut links: Vec<_> = fakes
            .iter()
            .map(|(kind, fake)| Link::Provider(provider(*kind, &fake.url())))
            .collect();
        if let Some(place) = local {
            links.insert(place, Link::Local);
        }
        let (clock, metrics) = (Clock::real(), Arc::new(Metrics::default()));
        let health = Health::new(clock.clone(), metrics.clone());
        let chain = Chain::of(&links, &health, &clock, &metrics).expect("streams");
        let (sender, events) = mpsc::channel(256);
        let recordings = Arc::default();
        let writer = Writer {
            stt: Arc::new(ToneStt {
                recordings: Arc::clone(&recordings),
            }),
            pool: Pool::new(1, 4),
        };
        let (work, tasks) = (Work::default(), TaskTracker::new());
        let session = Session::start(chain, writer, Language::Spanish, sender, &work, &tasks);
        Self {
            session: Some(session),
            events,
            metrics,
            health,
            work,
            tasks,
            recordings,
            clock,
            turn: 0,
            job: 0,
        }
    }

    pub(crate) fn tell(&self, command: Command) {
        assert!(
            self.session.as_ref().expect("a session").tell(command),
            "the ears take it"
        );
    }

    /// The caller's line, as fast as it is taken.
    pub(crate) async fn audio(&self, mulaw: &[u8]) {
        for frame in mulaw.chunks(160) {
            self.tell(Command::Audio(frame.to_vec()));
            tokio::task::yield_now().await;
        }
    }

    /// The caller says this, with the detector's delay at the beginning and a pause at the end, but nothing is asked.
    pub(crate) async fn say(&mut self, text: &str) -> TurnId {
        let speech = tones(text);
        self.audio(&silence(600)).await;
        let (noticed, rest) = speech.split_at(480);
        self.audio(noticed).await;
        self.turn += 1;
        let turn = TurnId(self.turn);
        self.tell(Command::TurnStarted(turn));
        self.audio(rest).await;
        self.audio(&silence(140)).await;
        turn
    }

    pub(crate) fn ask(&mut self, turn: TurnId) -> JobId {
        self.job += 1;
        let job = JobId(self.job);
        self.tell(Command::Ask {
            job,
            turn,
            expectation: Expectation::Open,
        });
        job
    }

    /// The answer to this question.
    pub(crate) async fn answer(&mut self, wanted: JobId) -> Option<String> {
        let answered = async {
            loop {
                match self.events.recv().await.expect("the ears live") {
                    EarEvent::Transcribed { job, text } if job == wanted => return Some(text),
                    EarEvent::Failed { job } if job == wanted => return None,
                    _ => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, answered)
            .await
            .expect("an answer in time")
    }

    /// Says it, and gives what was understood. A caller goes on sending silence while the ears think.
    pub(crate) async fn understood(&mut self, text: &str) -> Option<String> {
        let turn = self.say(text).await;
        let job = self.ask(turn);
        self.answer_while_silent(job).await
    }

    pub(crate) async fn answer_while_silent(&mut self, job: JobId) -> Option<String> {
        let commands = self.session.take().expect("a session");
        let mut frames = tokio::time::interval(Duration::from_millis(20));
        let answer = {
            let answer = self.answer(job);
            tokio::pin!(answer);
            loop {
                tokio::select! {
                    answer = &mut answer => break answer,
                    _ = frames.tick() => assert!(commands.tell(Command::Audio(silence(20))), "the ears take it"),
                }
            }
        };
        self.session = Some(commands);
        answer
    }

    pub(crate) fn close(&self, turn: TurnId) {
        self.tell(Command::TurnClosed(turn));
    }

    /// The call is over: everything of it has to be gone within two seconds.
    pub(crate) async fn hang_up(mut self) {
        drop(self.session.take());
        self.tasks.close();
        let gone = tokio::time::timeout(Duration::from_secs(2), self.tasks.wait()).await;
        assert!(gone.is_ok(), "a task of the ears outlives its call");
    }
}

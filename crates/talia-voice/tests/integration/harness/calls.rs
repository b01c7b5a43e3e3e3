//! Whole simulated calls against the server, with a recogniser that hears exactly what the simulated caller says.

use super::{ACCOUNT, Mortal, ORIGIN, PATIENCE, TOKEN, TestServer};
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use talia_dialogue::MarkId;
use talia_simulator::carrier::{CallPlan, Carrier};
use talia_simulator::events::{Side, What};
use talia_simulator::lines::PreparedScript;
use talia_simulator::outcome::CallOutcome;
use talia_simulator::rest::RestApi;
use talia_simulator::script::Script;
use talia_simulator::settings::{CarrierSettings, Secret};
use talia_simulator::speaker::{Speaker, ToneSpeaker};
use talia_twilio::AccountSid;
use talia_voice::app::App;
use talia_voice::clock::Clock;
use talia_voice::ears::stt::{Recording, Stt, SttError};
use talia_voice::line::paths;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, mpsc};

/// A conversation of few words.
pub(crate) const BRIEF: &str = include_str!("../fixtures/breve.toml");
/// Samples of the fixed-delay mouth's hum that a letter is worth.
pub(crate) const SAMPLES_A_LETTER: usize = 533;
const FROM: &str = "+525512345678";
const TO: &str = "+525587654321";

/// Hears the words that the caller of the simulation is saying.
pub(super) struct PerfectEar(pub(super) Arc<Mutex<String>>);

impl Stt for PerfectEar {
    fn transcribe(&self, _recording: &Recording, _cancel: &Arc<AtomicBool>) -> Result<String, SttError> {
        Ok(self.0.lock().expect("no panic").clone())
    }

    fn name(&self) -> &'static str {
        "perfect"
    }
}

/// A server with the brief assistant, the fixed-delay mouth, and ears that miss nothing.
pub(crate) struct CallServer {
    pub(crate) server: TestServer,
    said: Arc<Mutex<String>>,
    assistants: Arc<TempDir>,
    /// Stays open when a server that may die does.
    door: Option<std::net::TcpListener>,
    /// What happens in the simulation, for whoever wants to see it.
    pub(crate) seen: broadcast::Sender<What>,
    /// Where the carrier's REST API listens, for servers that were told of it.
    api: Mutex<Option<TcpListener>>,
}

impl CallServer {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With more settings.
    pub(crate) async fn start_with(more: &[(&str, &str)]) -> Self {
        Self::start_edited(more, |_| {}).await
    }

    /// The same; `edit` sees the server before it serves.
    pub(crate) async fn start_edited(more: &[(&str, &str)], more_edits: impl FnOnce(&mut App)) -> Self {
        let assistants = TempDir::new().expect("a folder");
        std::fs::write(assistants.path().join("breve.toml"), BRIEF).expect("a file");
        let folder = assistants.path().display().to_string();
        let mut settings = vec![
            ("TALIA_ASSISTANTS", folder.as_str()),
            ("TALIA_SPEECH__FIXED_SYNTHESIS_MS", "30"),
        ];
        settings.extend(more);
        let said = Arc::new(Mutex::new(String::new()));
        let ear = PerfectEar(said.clone());
        let edit = |app: &mut App| {
            app.engines.ears.stt = Arc::new(ear);
            more_edits(app);
        };
        let server = TestServer::start_edited(&settings, Clock::real(), edit).await;
        Self {
            server,
            said,
            assistants: Arc::new(assistants),
            api: Mutex::default(),
            seen: broadcast::channel(1_024).0,
            door: None,
        }
    }

    /// On a runtime of its own, which can be killed; with Twilio's REST API where its address is named.
    pub(crate) async fn start_mortal(more: &[(&str, &str)]) -> (Self, Mortal) {
        let assistants = TempDir::new().expect("a folder");
        std::fs::write(assistants.path().join("breve.toml"), BRIEF).expect("a file");
        let door = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        door.set_nonblocking(true).expect("a listener that doesn't block");
        Self::mortal(door, (Arc::new(assistants), Arc::default()), more).await
    }

    /// Another process behind the same door, with the same database and spool, after this one's death.
    pub(crate) async fn again(&self, more: &[(&str, &str)]) -> (Self, Mortal) {
        let database = &self.server.app.config.database;
        let spool = database.spool.as_ref().map(|(folder, _)| folder.display().to_string());
        let mut settings = vec![
            ("TALIA_DATABASE_URL", database.url.as_str()),
            ("TALIA_DATABASE__SPOOL", spool.as_deref().unwrap_or_default()),
        ];
        settings.extend(more);
        let same = (self.assistants.clone(), self.said.clone());
        let door = self.door.as_ref().expect("a server that may die");
        let door = door.try_clone().expect("another handle");
        Self::mortal(door, same, &settings).await
    }

    async fn mortal(
        door: std::net::TcpListener,
        (assistants, said): (Arc<TempDir>, Arc<Mutex<String>>),
        more: &[(&str, &str)],
    ) -> (Self, Mortal) {
        let folder = assistants.path().display().to_string();
        let mut settings = vec![
            ("TALIA_ASSISTANTS", folder.as_str()),
            ("TALIA_SPEECH__FIXED_SYNTHESIS_MS", "30"),
        ];
        settings.extend(more);
        let directory = TempDir::new().expect("a folder");
        let config = super::config(&directory, &settings);
        let ear = PerfectEar(said.clone());
        let edit = |app: &mut App| app.engines.ears.stt = Arc::new(ear);
        let (server, mortal) =
            Mortal::start(door.try_clone().expect("another handle"), (directory, config), edit).await;
        let calls = Self {
            server,
            said,
            assistants,
            api: Mutex::default(),
            seen: broadcast::channel(1_024).0,
            door: Some(door),
        };
        (calls, mortal)
    }

    /// Where Twilio's REST API listens for these servers.
    pub(crate) fn with_api(self, listener: TcpListener) -> Self {
        *self.api.lock().expect("no panic") = Some(listener);
        self
    }

    /// With Twilio's REST API.
    pub(crate) async fn start_with_rest(more: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let mut settings = vec![("TALIA_TWILIO__API_URL", url.as_str())];
        settings.extend(more);
        let calls = Self::start_with(&settings).await;
        *calls.api.lock().expect("no panic") = Some(listener);
        calls
    }

    /// A carrier whose number is this server's.
    pub(crate) fn carrier(&self) -> Carrier {
        self.carrier_with(|_| {}).0
    }

    /// The same; `change` sees its settings. With REST, its API serves until the answer is dropped.
    pub(crate) fn carrier_with(&self, change: impl FnOnce(&mut CarrierSettings)) -> (Carrier, Option<RestApi>) {
        let account = AccountSid::new(ACCOUNT).expect("an account");
        let mut settings = CarrierSettings::new(account, Secret::new(TOKEN), ORIGIN, paths::INBOUND);
        settings.dial_origin = Some(format!("http://{}", self.server.address));
        settings.status_url = Some(format!("{ORIGIN}{}", paths::STATUS));
        change(&mut settings);
        let carrier = Carrier::new(settings).expect("a carrier");
        let api = self.api.lock().expect("no panic").take();
        let api = api.map(|listener| RestApi::serve(carrier.clone(), Vec::new(), listener).expect("an API"));
        (carrier, api)
    }

    /// Rings, and stays until the call is over.
    pub(crate) async fn ring(&self, script: &str) -> CallOutcome {
        self.ring_with(script, |_| {}).await
    }

    /// The same with a changed plan.
    pub(crate) async fn ring_with(&self, script: &str, change: impl FnOnce(&mut CallPlan)) -> CallOutcome {
        let (carrier, _api) = self.carrier_with(|_| {});
        self.ring_through(&carrier, script, change).await
    }

    /// The same through this carrier.
    pub(crate) async fn ring_through(
        &self,
        carrier: &Carrier,
        script: &str,
        change: impl FnOnce(&mut CallPlan),
    ) -> CallOutcome {
        self.ring_speaking(carrier, script, &ToneSpeaker, change).await
    }

    /// The same by a caller with another voice.
    pub(crate) async fn ring_speaking(
        &self,
        carrier: &Carrier,
        script: &str,
        speaker: &dyn Speaker,
        change: impl FnOnce(&mut CallPlan),
    ) -> CallOutcome {
        let script = Script::parse(script).expect("a script");
        let script = PreparedScript::new(script, speaker).await.expect("tones");
        let mut plan = CallPlan::new(FROM, TO, Arc::new(script));
        let (observer, mut events) = mpsc::channel(1_024);
        plan.observer = Some(observer);
        change(&mut plan);
        let (said, seen) = (self.said.clone(), self.seen.clone());
        let listening = tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                // Mostly nobody looks.
                let _ = seen.send(event.what.clone());
                if let What::SpeechBegin {
                    side: Side::Caller,
                    text: Some(text),
                    ..
                } = event.what
                {
                    *said.lock().expect("no panic") = text;
                }
            }
        });
        let outcome = tokio::time::timeout(4 * PATIENCE, Box::pin(carrier.dial(plan)))
            .await
            .expect("the call ends")
            .expect("a call");
        listening.await.expect("no panic");
        outcome
    }

    /// Waits until nothing of any call lives, as long as an ended call may take.
    pub(crate) async fn nothing_lives(&self) {
        let gone = async {
            let mut pulse = tokio::time::interval(Duration::from_millis(5));
            while !self.server.app.calls.is_empty() {
                pulse.tick().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(2), gone)
            .await
            .expect("every task of a call is gone two seconds after its end");
        assert_eq!(self.server.app.live.count(), 0);
    }
}

/// Samples of each sentence, in the order of speech, that were played to the caller: from the marks that came back
/// because their audio had been heard.
pub(crate) fn played_samples(outcome: &CallOutcome) -> Vec<usize> {
    let mut played = BTreeMap::new();
    for event in &outcome.log {
        if let What::MarkEchoed { name, played: true } = &event.what {
            let mark = MarkId::parse(name).expect("a mark of ours");
            let samples = played.entry(mark.segment.0).or_insert(0);
            *samples = mark.samples.max(*samples);
        }
    }
    let heard = played.into_values().filter(|samples| *samples > 0);
    heard.map(|samples| samples as usize).collect()
}

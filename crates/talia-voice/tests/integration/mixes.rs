//! The same caller through every mix of ears, brain and mouth ends in the same lead.

use crate::conversation::HAPPY;
use crate::harness::CallServer;
use crate::mouth::stage::{Cast, KEY};
use crate::realtime::stage;
use futures::{StreamExt as _, stream};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use talia_simulator::outcome::CallOutcome;
use talia_simulator::providers::models::{ChatCompletions, Mind, Part, Responses};
use talia_simulator::providers::openai_realtime::RealtimeFake;
use talia_simulator::providers::stt::{FakeStt, SttKind, SttSettings};
use talia_simulator::providers::tone_words::{ToneWordSpeaker, Vocabulary};
use talia_simulator::settings::Secret;

/// What the caller of the happy conversation says.
pub(crate) const SAYS: [&str; 4] = [
    "Quiero bajar mi recibo de luz.",
    "Me llamo Carlos Herrera.",
    "Sí, a ese número.",
    "No, es todo, gracias.",
];
pub(crate) const NUMBER: &str = "+525512345678";
const EARS: [&str; 5] = ["deepgram", "flux", "transcription", "scribe", "local"];
const BRAINS: [&str; 4] = ["chat", "responses", "realtime", "script"];
const MOUTHS: [&str; 5] = ["elevenlabs", "aura", "cartesia", "openai_speech", "local"];
/// Calls at once: the machine of the tests is small.
const AT_ONCE: usize = 15;

/// All services, each with a hundred callers at most.
struct Stage {
    ears: Vec<(&'static str, FakeStt)>,
    chat: ChatCompletions,
    responses: Responses,
    realtime: RealtimeFake,
    mouths: Cast,
}

pub(crate) fn vocabulary() -> Arc<Vocabulary> {
    Arc::new(Vocabulary::of(&SAYS))
}

/// A model that does what a good one would.
pub(crate) fn teach(mind: &Mind) {
    let name = json!({"full_name": "Carlos Herrera"});
    let phone = json!({"phone_number": NUMBER});
    let purpose = json!({"purpose": SAYS[0]});
    mind.take_time(Duration::from_millis(250), Duration::from_millis(15));
    for (when, parts) in [
        (
            "recibo",
            vec![Part::say(
                "✓ Claro, con paneles baja más de la mitad. ¿Con quién hablo?",
            )],
        ),
        ("carlos", vec![Part::call("set_full_name", &name)]),
        ("tool:set_full_name", vec![Part::call("set_phone_number", &phone)]),
        (
            "tool:set_phone_number",
            vec![Part::say("Mucho gusto, Carlos. ¿Te marcamos al +52 55 1234 5678?")],
        ),
        ("número", vec![Part::call("close_lead", &purpose)]),
        (
            "tool:close_lead",
            vec![Part::say("Perfecto, un asesor te llama. ¿Algo más?")],
        ),
        (
            "gracias",
            vec![Part::say("✓ Gracias a ti, adiós."), Part::call("end_call", &json!({}))],
        ),
    ] {
        mind.answer(when, parts);
    }
}

impl Stage {
    async fn new() -> Self {
        let mut ears = Vec::new();
        for (name, kind) in EARS
            .into_iter()
            .zip([SttKind::Deepgram, SttKind::Flux, SttKind::OpenAi, SttKind::Scribe])
        {
            let settings = SttSettings {
                key: Secret::new(KEY),
                vocabulary: vocabulary(),
                idle: Duration::from_secs(10),
            };
            ears.push((name, FakeStt::start(kind, settings).await.expect("a port")));
        }
        let (chat, responses) = (
            ChatCompletions::start(KEY).await.expect("a port"),
            Responses::start(KEY).await.expect("a port"),
        );
        teach(&chat.mind);
        teach(&responses.mind);
        Self {
            ears,
            chat,
            responses,
            realtime: stage::service(|_| {}).await,
            mouths: Cast::new().await,
        }
    }

    /// The configuration of one mix.
    fn file(&self, [ears, brain, mouth]: [&str; 3]) -> String {
        // The voices' file describes their accounts, and ends with `[providers.…]`.
        let mut file = self
            .mouths
            .file(mouth)
            .replacen("[speech]\n", &format!("[speech]\nears = \"{ears}\"\n"), 1);
        let chain = if brain == "script" {
            "script".to_owned()
        } else {
            format!("{brain}, script")
        };
        file.extend([format!("[brain]\nchain = \"{chain}\"\n")]);
        for (name, fake) in &self.ears {
            file.extend([format!(
                "[accounts.at_{name}]\nurl = \"{}\"\nkey = \"{KEY}\"\n[providers.{name}]\naccount = \"at_{name}\"\n",
                fake.url()
            )]);
        }
        for (name, url, model) in [
            ("chat", self.chat.url(), "kind = \"openai-chat\"\nmodel = \"m\""),
            (
                "responses",
                self.responses.url(),
                "kind = \"openai-responses\"\nprompt = \"pmpt_solara\"\nprompt_version = \"3\"",
            ),
            (
                "realtime",
                &self.realtime.url(),
                "kind = \"openai-realtime\"\nmodel = \"m\"\nvoice = \"marin\"",
            ),
        ] {
            file.extend([format!(
                "[accounts.at_{name}]\nurl = \"{url}\"\nkey = \"{KEY}\"\n[providers.{name}]\naccount = \"at_{name}\"\n{model}\n"
            )]);
        }
        file
    }

    fn refusals(&self) -> Vec<String> {
        let mut refusals = self.chat.mind.journal().refusals;
        refusals.extend(self.responses.mind.journal().refusals);
        refusals.extend(self.realtime.refused().iter().map(|note| format!("{note:?}")));
        for name in &MOUTHS[..4] {
            refusals.extend(self.mouths.voice(name).refusals());
        }
        for (name, fake) in &self.ears {
            let violations = fake.journal().into_iter().filter_map(|connection| connection.violation);
            refusals.extend(violations.map(|violation| format!("{name}: {violation:?}")));
        }
        refusals
    }
}

/// The happy conversation of a caller who sends nothing before an answer of several sentences is over.
pub(crate) fn patient() -> String {
    HAPPY.replace("silence_ms = 500", "silence_ms = 900")
}

/// What a call left behind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) said: Vec<String>,
    pub(crate) name: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) phone_confirmed: bool,
    pub(crate) purpose: Option<String>,
}

pub(crate) fn expected() -> Left {
    let text = |text: &str| Some(text.to_owned());
    Left {
        said: SAYS.map(str::to_owned).to_vec(),
        name: text("Carlos Herrera"),
        phone: text(NUMBER),
        phone_confirmed: true,
        purpose: text(SAYS[0]),
    }
}

pub(crate) async fn left(calls: &CallServer, outcome: &CallOutcome) -> Left {
    let (sid, store) = (outcome.call_sid.as_str(), &calls.server.app.store);
    let lines = store.transcript(sid).await.expect("a read");
    let lead = store
        .lead(sid)
        .await
        .expect("a read")
        .unwrap_or_else(|| panic!("no lead: {lines:#?}"));
    let caller = lines.into_iter().filter(|line| line.speaker == "caller");
    Left {
        said: caller.map(|line| line.text).collect(),
        name: lead.name,
        phone: lead.phone,
        phone_confirmed: lead.phone_confirmed,
        purpose: lead.purpose,
    }
}

/// One call; the longest silence in which the caller awaited us, in milliseconds.
async fn call(file: &str, how: &str) -> u64 {
    let calls = CallServer::start_with(&[("talia.toml", file)]).await;
    let (carrier, _api) = calls.carrier_with(|_| {});
    let voice = ToneWordSpeaker(vocabulary());
    let outcome = calls.ring_speaking(&carrier, &patient(), &voice, |_| {}).await;
    calls.nothing_lives().await;
    let lines = calls
        .server
        .app
        .store
        .transcript(outcome.call_sid.as_str())
        .await
        .expect("a read");
    let said: Vec<String> = lines
        .iter()
        .map(|line| format!("{}: {}", line.speaker, line.text))
        .collect();
    assert_eq!(outcome.script_fault, None, "{how}: {said:#?}");
    outcome.assert_ended_by_server();
    outcome.assert_no_warnings();
    outcome.assert_never_left_in_silence(6_000);
    assert_eq!(left(&calls, &outcome).await, expected(), "{how}: {said:#?}");
    outcome.silences().awaited_ms
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mix_of_ears_brain_and_mouth_brings_the_same_lead() {
    let stage = Stage::new().await;
    let mut mixes = Vec::new();
    for ears in EARS {
        for brain in BRAINS {
            for mouth in MOUTHS {
                mixes.push([ears, brain, mouth]);
            }
        }
    }
    let calls = mixes.into_iter().map(|mix| {
        let file = stage.file(mix);
        async move { (mix, call(&file, &mix.join(" + ")).await) }
    });
    let mut silences: Vec<_> = stream::iter(calls).buffer_unordered(AT_ONCE).collect().await;
    assert_eq!(silences.len(), 100);
    assert_eq!(stage.refusals(), Vec::<String>::new());
    silences.sort_by_key(|(_, silence)| *silence);
    let (mix, longest) = silences[silences.len() - 1];
    println!(
        "100 mixes: longest silence, median {} ms, most {longest} ms ({})",
        silences[silences.len() / 2].1,
        mix.join(" + ")
    );
}

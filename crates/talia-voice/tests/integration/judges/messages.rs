//! Everything that our engines send, as the fakes received it on real sockets, before the SDKs' own types.

use super::court::{Case, judged};
use crate::ears::rig::{self, Rig, SAYS, fake, provider};
use crate::harness::eventually;
use crate::mind::talk::{self, Talk, said};
use crate::mouth::stage::{Cast, Speaking};
use futures::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use talia_dialogue::{JobId, SpeechKind};
use talia_simulator::providers::models::{ChatCompletions, Mind, Part, Responses};
use talia_simulator::providers::stt::SttKind;
use talia_simulator::providers::voices::{Asked, Manner};
use talia_spanish::{Expectation, Language};
use talia_voice::brain::Brain as _;
use talia_voice::brain::realtime::messages as realtime;
use talia_voice::brain::tools::Toolbox as _;
use talia_voice::config::{Account, Provider, ProviderKind, TurnDetection};
use talia_voice::ears::EarEvent;
use talia_voice::ears::stream::protocol::Wire;
use talia_voice::ears::stream::session::Command;
use talia_voice::ears::stt;
use talia_voice::mouth::MouthEvent;
use talia_voice::mouth::tts::elevenlabs::Contexts;
use talia_voice::mouth::tts::socket_session::Protocol as _;

/// The judges find nothing wrong, and these kinds of messages were before them.
async fn assert_right(cases: &[Case], kinds: &[&str]) {
    let known: BTreeSet<_> = cases.iter().map(Case::kind).collect();
    let wanted: BTreeSet<_> = kinds.iter().map(ToString::to_string).collect();
    assert_eq!(
        known, wanted,
        "not every kind of message was sent, or a new one is not listed here"
    );
    let wrong = wrong_among(cases).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn wrong_among(cases: &[Case]) -> Vec<String> {
    let found = judged(cases).await.into_iter();
    found
        .map(|(place, errors)| format!("{:?}: {errors:#?}", cases[place]))
        .collect()
}

fn service(kind: SttKind) -> &'static str {
    match kind {
        SttKind::Deepgram => "deepgram_listen",
        SttKind::Flux => "deepgram_flux",
        SttKind::OpenAi => "openai_transcription",
        SttKind::Scribe => "elevenlabs_scribe",
    }
}

/// What this recogniser is sent in a call with two turns, one of which nobody asks about.
async fn heard_by(kind: SttKind) -> Vec<Case> {
    let fake = fake(kind).await;
    let mut rig = Rig::new(&[(kind, &fake)], None);
    let turn = rig.say(SAYS).await;
    let job = JobId(1_000);
    rig.tell(Command::Ask {
        job,
        turn,
        expectation: Expectation::Email,
    });
    assert_eq!(rig.answer_while_silent(job).await.as_deref(), Some(SAYS));
    rig.close(turn);
    let turn = rig.say(SAYS).await;
    let understood = async {
        loop {
            match rig.events.recv().await.expect("the ears live") {
                EarEvent::Partial { turn: of, .. } if of == turn => return,
                _ => {}
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), understood)
        .await
        .expect("words in time");
    rig.close(turn);
    let texts = |fake: &talia_simulator::providers::stt::FakeStt| fake.journal()[0].texts.len();
    let enough = match kind {
        SttKind::Deepgram | SttKind::Scribe => 1,
        SttKind::Flux => 2,
        SttKind::OpenAi => 4,
    };
    eventually("the end of the turn was told", async || texts(&fake) >= enough).await;
    rig.hang_up().await;
    let connection = fake.journal().remove(0);
    assert_eq!((connection.refused, connection.violation), (None, None));
    let mut texts = connection.texts;
    texts.extend(connection.audio_text);
    // What is only sent after seconds of silence.
    let engine = stt::streaming(&provider(kind, "http://127.0.0.1:1")).expect("ears");
    let mut wires = Vec::new();
    engine.protocol(Language::Spanish).keep_alive(&mut wires);
    texts.extend(wires.into_iter().filter_map(|wire| match wire {
        Wire::Text(text) => Some(text),
        Wire::Binary(_) => None,
    }));
    let mut cases: Vec<_> = texts.iter().map(|text| Case::message(service(kind), text)).collect();
    cases.push(Case::query(service(kind), &connection.query));
    cases
}

#[tokio::test]
async fn recognisers_are_sent_what_their_sdks_send() {
    let cases = join_all(rig::KINDS.map(heard_by)).await.concat();
    assert_right(
        &cases,
        &[
            "query",
            "KeepAlive",
            "Finalize",
            "Configure",
            "ForceEndTurn",
            "session.update",
            "input_audio_buffer.append",
            "input_audio_buffer.commit",
            "input_audio_buffer.clear",
            "audio_base_64 commit message_type sample_rate",
        ],
    )
    .await;
}

#[tokio::test]
async fn transcription_sessions_of_every_kind_of_model_are_what_the_sdk_knows() {
    let mut cases = Vec::new();
    for model in [
        "gpt-live-transcribe",
        "gpt-transcribe",
        "gpt-4o-transcribe",
        "gpt-realtime-whisper",
    ] {
        let mut provider = provider(SttKind::OpenAi, "http://127.0.0.1:1");
        provider.model = Some(model.to_owned());
        for language in [Language::Spanish, Language::English] {
            let mut protocol = stt::streaming(&provider).expect("ears").protocol(language);
            let (mut wires, mut heard) = (Vec::new(), Vec::new());
            protocol.begin(&mut wires, &mut heard);
            protocol.expect(Expectation::Phone, &mut wires);
            for wire in wires {
                let Wire::Text(text) = wire else {
                    panic!("no text: {wire:?}")
                };
                cases.push(Case::message("openai_transcription", &text));
            }
        }
    }
    assert_right(&cases, &["session.update"]).await;
}

const VOICES: [(&str, &str); 4] = [
    ("elevenlabs", "elevenlabs"),
    ("aura", "deepgram_speak"),
    ("cartesia", "cartesia"),
    ("openai_speech", "openai_speech"),
];

/// What this voice is sent when one sentence is said to its end and another one is broken off.
async fn said_by(cast: &Cast, name: &str, service: &'static str) -> Vec<Case> {
    let voice = cast.voice(name);
    let mut speaking = Speaking::new(cast, name);
    let said = speaking.say("¿Te llamo mañana, Ana?").await;
    assert!(said.complete, "{name}: {said:?}");
    voice.set(Manner {
        pace: 1.0,
        ..Manner::default()
    });
    let broken_off = speaking.begin("Los paneles bajan el recibo de un negocio más de la mitad.");
    let event = speaking.events.recv().await.expect("audio");
    assert!(matches!(event, MouthEvent::Audio { .. }), "{name}: {event:?}");
    speaking.mouth.cancel(broken_off);
    if matches!(name, "aura" | "cartesia") {
        eventually("it is told", async || voice.count(&Asked::Cancelled) == 1).await;
    }
    assert_eq!(voice.refusals(), Vec::<String>::new(), "{name}");
    let messages = voice.messages();
    let mut cases: Vec<_> = messages.iter().map(|text| Case::message(service, text)).collect();
    if name == "aura" {
        cases.extend(voice.queries().iter().map(|query| Case::query(service, query)));
    }
    cases
}

#[tokio::test]
async fn voices_are_sent_what_their_sdks_send() {
    let cast = Cast::new().await;
    let said = VOICES.map(|(name, service)| said_by(&cast, name, service));
    let mut cases = join_all(said).await.concat();
    // What is only sent after seconds of silence.
    let mut provider = provider(SttKind::Scribe, "http://127.0.0.1:1");
    provider.kind = ProviderKind::ElevenLabs;
    provider.turn_detection = TurnDetection::Own;
    let mut contexts = Contexts::new(&provider, &crate::mouth::stage::voice());
    contexts.opened();
    cases.extend(
        contexts
            .keep_alive()
            .iter()
            .map(|text| Case::message("elevenlabs", text)),
    );
    assert_right(
        &cases,
        &[
            "query",
            "Speak",
            "Flush",
            "Clear",
            "context_id text voice_settings",
            "context_id flush text",
            "close_context context_id",
            "context_id text",
            "add_timestamps context_id continue generation_config language max_buffer_delay_ms model_id output_format transcript voice",
            "cancel context_id",
            "input model response_format speed voice",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_model_that_hears_and_speaks_is_sent_what_the_sdk_knows() {
    let call = crate::tools::Call::new("", "");
    let session = |turn_detection| {
        realtime::session(&realtime::Setup {
            voice: "marin",
            instructions: "Contesta.",
            turn_detection,
            language: Language::Spanish,
            tools: call.tools.specs(),
        })
    };
    let messages = [
        session(TurnDetection::Own),
        session(TurnDetection::Server),
        session(TurnDetection::Semantic),
        realtime::append(&[0xff; 160]),
        realtime::commit("e1"),
        realtime::clear(),
        realtime::said("assistant", "Hola."),
        realtime::said("user", "Hola."),
        realtime::said("system", "La línea se cortó."),
        realtime::called("call_1", "set_email", r#"{"email":"ana@ejemplo.com"}"#),
        realtime::output("call_1", r#"{"ok":true}"#),
        realtime::answer(),
        realtime::cancel(),
        realtime::truncate("item_1", 1_200),
        realtime::delete("item_1"),
    ];
    assert!(call.tools.specs().len() > 4, "tools to be judged");
    let mut cases: Vec<_> = messages
        .iter()
        .map(|message| Case::message("openai_realtime", &message.to_string()))
        .collect();
    let address = [("model".to_owned(), "gpt-realtime-2.1".to_owned())];
    cases.push(Case::query("openai_realtime", &address));
    assert_right(
        &cases,
        &[
            "query",
            "session.update",
            "input_audio_buffer.append",
            "input_audio_buffer.commit",
            "input_audio_buffer.clear",
            "conversation.item.create",
            "conversation.item.truncate",
            "conversation.item.delete",
            "response.create",
            "response.cancel",
        ],
    )
    .await;
}

/// A conversation with a tool in it and an answer that is cut, by whatever thinks.
async fn thought_by(mind: &Mind, model: Provider) {
    let name = json!({"full_name": "Carlos Herrera"});
    mind.answer(
        "carlos",
        vec![Part::say("✓ Un momento."), Part::call("set_full_name", &name)],
    );
    mind.answer("duran", vec![Part::say("✓ Duran 25 años. ¿Es para tu casa?")]);
    mind.answer("tool:set_full_name", vec![Part::say("Mucho gusto, Carlos.")]);
    let mut talk = Talk::with(&[model]);
    let answer = talk.say("Soy Carlos Herrera.").await;
    assert_eq!(answer.text(), "Un momento. Mucho gusto, Carlos.");
    talk.only_say("¿Cuánto duran?").await;
    talk.brain
        .heard(&said("Duran", Some("25 años. ¿Es para tu casa?"), SpeechKind::Answer));
    talk.say("Espera.").await;
    talk.end().await;
    assert_eq!(mind.journal().refusals, Vec::<String>::new());
}

#[tokio::test]
async fn models_are_sent_what_the_sdk_sends() {
    let case = |service| move |body: &Value| Case::message(service, &body.to_string());
    let mut cases = Vec::new();
    let service = ChatCompletions::start(talk::KEY).await.expect("a port");
    thought_by(&service.mind, talk::chat("chat", service.url())).await;
    let asked = service.mind.journal().requests;
    assert!(asked.len() >= 4, "{asked:?}");
    cases.extend(asked.iter().map(case("openai_chat")));
    let mut own_prompt = talk::hosted("");
    (own_prompt.prompt, own_prompt.prompt_version) = (None, None);
    own_prompt.model = Some("gpt-5-mini".to_owned());
    for provider in [talk::hosted(""), own_prompt] {
        let service = Responses::start(talk::KEY).await.expect("a port");
        let account = Account {
            url: service.url().to_owned(),
            ..provider.account.clone()
        };
        thought_by(&service.mind, Provider { account, ..provider }).await;
        let journal = service.mind.journal();
        assert!(
            journal.requests.len() >= 4 && journal.conversations.len() >= 2,
            "{journal:?}"
        );
        cases.extend(journal.requests.iter().map(case("openai_responses")));
        cases.extend(journal.conversations.iter().map(case("openai_conversations")));
    }
    let wrong = wrong_among(&cases).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_wrong_message_is_found() {
    let query = |service, name: &str, value: &str| {
        Case::query(
            service,
            &[
                ("model".to_owned(), "nova-3".to_owned()),
                (name.to_owned(), value.to_owned()),
            ],
        )
    };
    #[rustfmt::skip]
    let wrong = [
        (Case::message("openai_realtime", r#"{"type":"response.canceled"}"#), "type"),
        (Case::message("openai_realtime", r#"{"type":"response.create","response":{"modalities":["audio"]}}"#), "modalities"),
        (Case::message("openai_realtime", r#"{"type":"conversation.item.truncate","item_id":"a","content_index":0}"#), "audio_end_ms"),
        (Case::message("openai_realtime", r#"{"type":"session.update","session":{"type":"realtime","audio":{"input":{"format":{"type":"audio/pcmu","rate":8000}}}}}"#), "rate"),
        (Case::message("openai_realtime", r#"{"type":"session.update","session":{"type":"realtime","tools":[{"type":"function","name":"a","strict":true}]}}"#), "strict"),
        (Case::message("openai_transcription", r#"{"type":"session.update","session":{"type":"transcription","voice":"marin"}}"#), "voice"),
        (Case::message("openai_speech", r#"{"model":"m","voice":"marin","input":"x","response_format":"pcmu"}"#), "response_format"),
        (Case::message("openai_chat", r#"{"model":"m","messages":[{"role":"user","content":"x"}],"stream":true,"prompt":"y"}"#), "prompt"),
        (Case::message("openai_responses", r#"{"model":"m","input":"x","stream":true,"max_completion_tokens":9}"#), "max_completion_tokens"),
        (Case::message("openai_conversations", r#"{"items":[{"type":"message","role":"caller","content":"x"}]}"#), "role"),
        (Case::message("deepgram_listen", r#"{"type":"Finalise"}"#), "type"),
        (Case::message("deepgram_flux", r#"{"type":"Configure","keyterm":["x"]}"#), "keyterm"),
        (Case::message("deepgram_speak", r#"{"type":"Speak","text":7}"#), "text"),
        (Case::message("elevenlabs", r#"{"text":"a ","contextId":"c1"}"#), "contextId"),
        (Case::message("elevenlabs_scribe", r#"{"message_type":"input_audio_chunk","audio_base_64":"","commit":"yes","sample_rate":8000}"#), "commit"),
        (Case::message("cartesia", r#"{"context_id":"a","cancel":false}"#), "cancel"),
        (query("deepgram_listen", "codec", "mulaw"), "codec"),
        (query("deepgram_listen", "encoding", "ulaw"), "encoding"),
        (query("deepgram_flux", "encoding", "mulaw"), "model"),
        (query("deepgram_speak", "container", "none"), "container"),
        (query("elevenlabs_scribe", "audio_format", "ulaw_8000"), "model_id"),
    ];
    let (cases, about): (Vec<_>, Vec<_>) = wrong.into_iter().unzip();
    let found = judged(&cases).await;
    let places: Vec<_> = found.iter().map(|(place, _)| *place).collect();
    assert_eq!(places, (0..cases.len()).collect::<Vec<_>>());
    for (place, errors) in found {
        let names = errors.iter().any(|error| error.contains(about[place]));
        assert!(names, "{:?}: {errors:?}", cases[place]);
    }
}

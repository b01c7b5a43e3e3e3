//! The official SDKs' own clients hold a session with each of our fakes: what the fakes say is what the SDKs' types know.
//!
//! Cartesia's, Deepgram's and OpenAI's clients and ElevenLabs' one for Scribe are pointed at the fake. ElevenLabs' client for speech isn't:
//! it always asks for `wss://`, and for another socket than the one with several contexts, which the SDK has only the types of; these make
//! the messages and judge the answers there.

use super::court::session;
use crate::ears::rig::{self, SAYS, fake, tones};
use crate::mouth::stage::{self, Cast};
use serde_json::{Value, json};
use talia_simulator::providers::models::{ChatCompletions, Mind, Part, Responses};
use talia_simulator::providers::openai_realtime::{RealtimeFake, RealtimeScript, Reply};
use talia_simulator::providers::stt::SttKind;
use talia_simulator::providers::tone_words::Vocabulary;

/// The SDK knows all that was said, and these were among it.
fn assert_known(came: &Value, events: &[&str]) {
    assert_eq!(came["errors"], json!([]), "{came:#}");
    let said = came["events"].as_array().expect("events");
    for event in events {
        assert!(said.contains(&json!(event)), "no {event}: {came:#}");
    }
}

async fn heard_by_sdk(kind: SttKind, service: &str, events: &[&str]) {
    let fake = fake(kind).await;
    let came = session(service, &fake.url(), rig::KEY, &tones(SAYS)).await;
    assert_known(&came, events);
    assert_eq!(came["words"], SAYS);
    let connection = &fake.journal()[0];
    assert_eq!((connection.refused, &connection.violation), (None, &None));
}

#[tokio::test]
async fn deepgrams_sdk_hears_by_our_fake_of_nova() {
    heard_by_sdk(SttKind::Deepgram, "deepgram_listen", &["Results"]).await;
}

#[tokio::test]
async fn deepgrams_sdk_hears_by_our_fake_of_flux() {
    let events = ["Connected", "ConfigureSuccess", "TurnInfo"];
    heard_by_sdk(SttKind::Flux, "deepgram_flux", &events).await;
}

#[tokio::test]
async fn openais_sdk_hears_by_our_fake_of_its_transcription() {
    let events = [
        "session.created",
        "session.updated",
        "input_audio_buffer.committed",
        "input_audio_buffer.cleared",
        "conversation.item.added",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
    ];
    heard_by_sdk(SttKind::OpenAi, "openai_transcription", &events).await;
}

#[tokio::test]
async fn elevenlabs_sdk_hears_by_our_fake_of_scribe() {
    let events = ["session_started", "partial_transcript", "committed_transcript"];
    heard_by_sdk(SttKind::Scribe, "elevenlabs_scribe", &events).await;
}

async fn spoken_to_sdk(name: &str, service: &str, events: &[&str]) {
    let cast = Cast::new().await;
    let voice = cast.voice(name);
    let came = session(service, &voice.url(), stage::KEY, &[]).await;
    assert_known(&came, events);
    assert!(came["audio_bytes"].as_u64() > Some(1_000), "{came:#}");
    assert_eq!(voice.refusals(), Vec::<String>::new());
    assert_eq!(voice.texts(), ["Hola, Ana."]);
}

#[tokio::test]
async fn deepgrams_sdk_is_spoken_to_by_our_fake_of_aura() {
    spoken_to_sdk("aura", "deepgram_speak", &["Metadata", "Flushed", "Cleared"]).await;
}

#[tokio::test]
async fn cartesias_sdk_is_spoken_to_by_our_fake() {
    spoken_to_sdk("cartesia", "cartesia", &["chunk", "timestamps", "done"]).await;
}

#[tokio::test]
async fn elevenlabs_types_are_what_our_fake_of_its_voices_says() {
    spoken_to_sdk("elevenlabs", "elevenlabs", &["message"]).await;
}

#[tokio::test]
async fn openais_sdk_is_spoken_to_by_our_fake_of_its_speech() {
    spoken_to_sdk("openai_speech", "openai_speech", &[]).await;
}

/// A model that greets, and that calls a tool at a goodbye.
fn prepare(mind: &Mind) {
    mind.answer("hola", vec![Part::say("Hola, Ana.")]);
    mind.answer("adiós", vec![Part::call("end_call", &json!({}))]);
    mind.answer("tool:end_call", vec![Part::say(" Adiós.")]);
}

#[tokio::test]
async fn openais_sdk_thinks_with_our_fake_of_chat_completions() {
    let service = ChatCompletions::start("sk-test").await.expect("a port");
    prepare(&service.mind);
    let came = session("openai_chat", service.url(), "sk-test", &[]).await;
    assert_known(&came, &["chat.completion.chunk"]);
    assert_eq!(came["words"], "Hola, Ana.   Adiós.");
    assert_eq!(service.mind.journal().refusals, Vec::<String>::new());
}

#[tokio::test]
async fn openais_sdk_thinks_with_our_fake_of_responses() {
    let service = Responses::start("sk-test").await.expect("a port");
    prepare(&service.mind);
    let came = session("openai_responses", service.url(), "sk-test", &[]).await;
    assert_known(
        &came,
        &[
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.function_call_arguments.delta",
            "response.output_item.done",
            "response.completed",
        ],
    );
    assert_eq!(came["words"], "Hola, Ana. Adiós.");
    assert_eq!(service.mind.journal().refusals, Vec::<String>::new());
}

#[tokio::test]
async fn openais_sdk_talks_with_our_fake_of_realtime() {
    let replies = vec![
        Reply::say("adiós", "Gracias, adiós.").calling("end_call", json!({})),
        Reply::say("llamo", "Mucho gusto, Ana."),
    ];
    let script = RealtimeScript::new(Vocabulary::of(&[SAYS]), replies);
    let fake = RealtimeFake::start(script).await.expect("a port");
    let came = session("openai_realtime", &fake.url(), "sk-test", &tones(SAYS)).await;
    assert_known(
        &came,
        &[
            "session.created",
            "session.updated",
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "input_audio_buffer.cleared",
            "conversation.item.added",
            "conversation.item.done",
            "conversation.item.input_audio_transcription.completed",
            "conversation.item.truncated",
            "conversation.item.deleted",
            "response.created",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_audio.delta",
            "response.output_audio_transcript.delta",
            "response.output_audio.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.function_call_arguments.done",
            "response.done",
            "rate_limits.updated",
        ],
    );
    assert_eq!(came["words"], SAYS);
    assert_eq!(fake.refused(), []);
}

//! Callers that go by words: answers by keyword, an interruption at a word, lines typed from outside.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use futures::future::BoxFuture;
use talia_simulator::{
    caller::LiveInput,
    carrier::{Carrier, DialError},
    events::{EndedBy, Side, What},
    lines::Line,
    listener::{Listener, ListenerFault},
    speaker::tones,
};

use crate::{
    bot::Bot,
    calls::{BOT, bots},
    server::{Server, plan, twiml},
};

const STREAM: &str = "<Connect><Stream url=\"wss://voice.example.com/media\"/></Connect>";

/// Understands one given text after the other, and keeps how much it was given to hear.
#[derive(Default)]
struct Understands {
    texts: Vec<Result<&'static str, &'static str>>,
    next: AtomicUsize,
    lengths: Mutex<Vec<usize>>,
}

impl Listener for Understands {
    fn transcribe(&self, samples: Vec<i16>) -> BoxFuture<'_, Result<String, ListenerFault>> {
        self.lengths.lock().unwrap().push(samples.len());
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        let text = self.texts.get(index).copied().unwrap_or(Ok(""));
        Box::pin(async move { text.map(str::to_owned).map_err(|fault| ListenerFault(fault.to_owned())) })
    }
}

const INTERVIEW: &str = r#"
silence_ms = 600
patience_ms = 4000
[[step]]
do = "converse"
until = ["hasta luego"]
otherwise = "¿Cómo dice?"
[[answer]]
when = ["nombre"]
say = "Ana Torres"
[[answer]]
when = ["correo", "mail"]
say = "ana arroba ejemplo punto com"
[[answer]]
when = ["gracias"]
say = "de nada"
repeat = true
"#;

fn said(call: &talia_simulator::outcome::CallOutcome) -> Vec<&str> {
    let lines = call.log.iter().filter_map(|event| match &event.what {
        What::SpeechBegin {
            side: Side::Caller,
            text: Some(text),
            ..
        } => Some(text.as_str()),
        _ => None,
    });
    lines.collect()
}

#[tokio::test(start_paused = true)]
async fn answers_are_chosen_by_the_last_keyword_and_used_once() {
    let (_, sockets) = bots(BOT);
    let server = Server::start(|_| twiml(STREAM), sockets).await;
    let listener = Arc::new(Understands {
        texts: vec![
            Ok("Hola, ¿cuál es tu nombre?"),
            Ok("Gracias por tu nombre, Ana. ¿A qué CORREO te la mando?"),
            Ok("Gracias."),
            Ok("¿Y cuál es tu nombre?"),
            Ok("Gracias, gracias."),
            Ok("Hasta luego, Ana."),
        ],
        ..Understands::default()
    });
    let carrier = Carrier::new(server.settings()).unwrap();
    let mut plan = plan(INTERVIEW).await;
    plan.listener = Some(Arc::clone(&listener) as _);
    let call = carrier.dial(plan).await.unwrap();
    call.assert_no_warnings();
    call.assert_script_done();
    let expected = [
        "Ana Torres",
        "ana arroba ejemplo punto com",
        "de nada",
        "¿Cómo dice?",
        "de nada",
    ];
    assert_eq!(said(&call), expected);
    assert_eq!(call.heard().len(), 6);
    assert_eq!(call.ended_by, EndedBy::Caller);
    // Each turn is heard alone: three words of 240 ms and the silence that ended the turn, never the turns before.
    let lengths = listener.lengths.lock().unwrap().clone();
    assert!(
        lengths[1..].iter().all(|samples| (9_000..14_000).contains(samples)),
        "{lengths:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_deaf_moment_is_counted_and_asked_about() {
    let (_, sockets) = bots(BOT);
    let server = Server::start(|_| twiml(STREAM), sockets).await;
    let carrier = Carrier::new(server.settings()).unwrap();
    let mut plan = plan(INTERVIEW).await;
    plan.listener = Some(Arc::new(Understands {
        texts: vec![Err("no model"), Ok("hasta luego")],
        ..Understands::default()
    }));
    let call = carrier.dial(plan).await.unwrap();
    assert_eq!(said(&call), ["¿Cómo dice?"]);
    assert_eq!(call.listener_faults, ["no model"]);
}

#[tokio::test(start_paused = true)]
async fn an_interruption_comes_at_the_word() {
    let (_, sockets) = bots(Bot { greeting: 30, ..BOT });
    let server = Server::start(|_| twiml(STREAM), sockets).await;
    let carrier = Carrier::new(server.settings()).unwrap();
    let script = "[[step]]\ndo = \"interrupt\"\nat_word = \"demostración\"\ntext = \"sí, eso\"";
    let mut plan = plan(script).await;
    plan.listener = Some(Arc::new(Understands {
        texts: vec![
            Ok("hola"),
            Ok("hola, te ofrezco"),
            Ok("hola, te ofrezco una demostracion"),
        ],
        ..Understands::default()
    }));
    let call = carrier.dial(plan).await.unwrap();
    assert_eq!(call.heard().len(), 3);
    assert_eq!(said(&call), ["sí, eso"]);
    let began = call
        .log
        .iter()
        .find(|event| matches!(&event.what, What::SpeechBegin { side: Side::Caller, .. }));
    // The third look at what was heard comes 800 ms after the first.
    assert!((800..1_000).contains(&began.unwrap().at_ms), "{began:?}");
    assert_eq!(call.measurements.barge_in_to_clear_ms.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_script_of_words_needs_somebody_who_listens() {
    let server = Server::start(|_| twiml(STREAM), crate::server::no_sockets).await;
    let carrier = Carrier::new(server.settings()).unwrap();
    assert_eq!(
        carrier.dial(plan(INTERVIEW).await).await.unwrap_err(),
        DialError::NeedsListener
    );
    assert!(server.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn typed_lines_are_said_until_they_end() {
    let (mut saw, sockets) = bots(BOT);
    let server = Server::start(|_| twiml(STREAM), sockets).await;
    let carrier = Carrier::new(server.settings()).unwrap();
    let mut plan = plan("[[step]]\ndo = \"live\"\n[[step]]\ndo = \"silence\"\nms = 1000").await;
    let (sender, receiver) = tokio::sync::mpsc::channel(8);
    plan.live = Some(receiver);
    for input in [
        LiveInput::Say(Line::new("hola", &tones("hola"))),
        LiveInput::Press('7'),
        LiveInput::Say(Line::new("adiós", &tones("adiós"))),
    ] {
        sender.send(input).await.unwrap();
    }
    drop(sender);
    let call = carrier.dial(plan).await.unwrap();
    call.assert_script_done();
    assert_eq!(said(&call), ["hola", "adiós"]);
    assert_eq!(saw.recv().await.unwrap().digits, "7");
}

//! Keys: `<Gather>` with what it says, its ends and its action.

use talia_simulator::{events::What, outcome::CallOutcome};

use crate::{
    calls::{BOT, bots},
    server::{Server, no_sockets, twiml},
};

async fn gathered(gather: &'static str, script: &str) -> (Option<(String, String)>, CallOutcome) {
    let server = Server::start(
        move |path| match path {
            "/voice" => twiml(&format!("{gather}<Say>nada</Say>")),
            _ => twiml("<Hangup/>"),
        },
        no_sockets,
    )
    .await;
    let call = server.call(server.settings(), script).await;
    let told = server.seen().into_iter().find(|seen| seen.path == "/keys");
    let told = told.map(|seen| (seen.field("Digits").to_owned(), seen.field("FinishedOnKey").to_owned()));
    (told, call)
}

fn pressing(after_ms: u64, digits: &str) -> String {
    format!(
        "[[step]]\ndo = \"silence\"\nms = {after_ms}\n[[step]]\ndo = \"digits\"\ndigits = \"{digits}\"\n\
         [[step]]\ndo = \"silence\"\nms = 60000"
    )
}

#[tokio::test(start_paused = true)]
async fn digits_end_by_their_number_a_key_or_time() {
    let gather = "<Gather action=\"/keys\" numDigits=\"4\"><Say>marca tu código</Say></Gather>";
    let (told, call) = gathered(gather, &pressing(500, "1234")).await;
    assert_eq!(told, Some(("1234".into(), "(absent)".into())));
    // The first key cut what was said short.
    assert!((1_100..1_200).contains(&call.duration_ms), "{}", call.duration_ms);

    let (told, _) = gathered(gather, &pressing(500, "12#")).await;
    assert_eq!(told, Some(("12".into(), "#".into())));

    let (told, call) = gathered(gather, &pressing(500, "12")).await;
    assert_eq!(told, Some(("12".into(), "(absent)".into())));
    assert!((5_600..5_800).contains(&call.duration_ms), "{}", call.duration_ms);

    let other = "<Gather action=\"/keys\" finishOnKey=\"*\" timeout=\"2\"/>";
    let (told, _) = gathered(other, &pressing(100, "5#*")).await;
    assert_eq!(told, Some(("5#".into(), "*".into())));
}

#[tokio::test(start_paused = true)]
async fn keys_travel_on_the_stream_as_fast_as_they_are_pressed() {
    let (mut saw, sockets) = bots(BOT);
    let stream = "<Connect><Stream url=\"wss://voice.example.com/media\"/></Connect>";
    let server = Server::start(move |_| twiml(stream), sockets).await;
    let script = "[[step]]\ndo = \"press\"\ndigits = \"5512#\"\npause_ms = 1000";
    let call = server.call(server.settings(), script).await;
    let keys: Vec<_> = (call.log.iter())
        .filter(|event| matches!(event.what, What::Key { .. }))
        .map(|event| event.at_ms)
        .collect();
    assert_eq!(keys.len(), 5);
    assert!(keys.windows(2).all(|pair| pair[1] - pair[0] == 1_000), "{keys:?}");
    assert_eq!(saw.recv().await.unwrap().digits, "5512#");
}

#[tokio::test(start_paused = true)]
async fn without_digits_the_next_verb_runs() {
    let gather = "<Gather action=\"/keys\"><Say>marca</Say></Gather>";
    let (told, call) = gathered(gather, &pressing(50_000, "1")).await;
    assert_eq!((told, call.verbs()), (None, vec!["Gather", "Say"]));
    // Five letters, five seconds, four letters.
    assert!((5_540..5_700).contains(&call.duration_ms), "{}", call.duration_ms);
    let speech = "<Gather input=\"speech\" action=\"/keys\" timeout=\"3\"/>";
    assert_eq!(gathered(speech, &pressing(100, "1")).await.0, None);
    let asks_anyway = "<Gather action=\"/keys\" actionOnEmptyResult=\"true\" timeout=\"1\"/>";
    assert_eq!(
        gathered(asks_anyway, &pressing(9_000, "1")).await.0,
        Some((String::new(), "(absent)".into()))
    );
}

//! Calls that are recorded only after a yes: whoever thinks, whoever called whom, whatever is answered.

use super::rig::{Operator, Wave, row_of};
use crate::conversation::HAPPY;
use crate::harness::{BRIEF, CALLEE, CallServer, CallsOut, eventually, wish};
use crate::mixes::{self, SAYS};
use crate::mouth::stage::KEY;
use crate::realtime::stage;
use serde_json::{Value, json};
use std::sync::Arc;
use talia_simulator::cut::{Cut, CutAt};
use talia_simulator::events::{Side, What};
use talia_simulator::outcome::CallOutcome;
use talia_simulator::providers::models::ChatCompletions;
use talia_simulator::providers::openai_realtime::Note;
use talia_simulator::providers::tone_words::{ToneWordSpeaker, Vocabulary};
use talia_voice::recordings::asking::Answer;
use talia_voice::store::{CallRow, SegmentRow, Store};

const QUESTION: &str = "¿Puedo grabar esta llamada?";
const NOTICE: &str = "La llamada solo se graba si se autoriza.";
const GIVEN: &str = "Gracias.";
const REFUSED: &str = "De acuerdo, no se graba.";
const AGAIN: &str = "No entendí bien.";
const STOPPED: &str = "Entendido, ya no se graba.";
const GREETING: &str = "¿En qué te ayudo?";

/// A server that records for this operator after a yes.
async fn asking(operator: &Operator, more: &[(&str, &str)]) -> CallServer {
    CallServer::start_with(&settings(operator, more)).await
}

fn settings<'t>(operator: &Operator, more: &[(&'t str, &'t str)]) -> Vec<(&'t str, &'t str)> {
    let mut settings: Vec<(&str, &str)> = vec![("TALIA_RECORDINGS_MODE", "only_after_yes")];
    for (name, value) in operator.settings() {
        if !settings.iter().any(|(known, _)| *known == name) {
            settings.push((name, Box::leak(value.into_boxed_str())));
        }
    }
    settings.extend(more);
    settings
}

/// A caller who says these things, each when she has finished, and is said goodbye to.
fn script(said: &[&str]) -> String {
    let steps = said
        .iter()
        .map(|text| format!("[[step]]\ndo = \"wait_for_answer_end\"\n[[step]]\ndo = \"say\"\ntext = \"{text}\"\n"));
    let steps: String = steps.collect();
    format!("silence_ms = 900\n{steps}[[step]]\ndo = \"expect_hang_up\"\nwithin_ms = 15000\n")
}

/// The happy conversation behind this answer.
fn happy(answer: &str) -> String {
    script(&[&[answer], &SAYS[..]].concat())
}

/// What a call left behind.
struct Left {
    row: CallRow,
    lines: Vec<SegmentRow>,
    /// The trail's rows of what was answered, oldest first.
    answers: Vec<Value>,
    recordings: usize,
}

impl Left {
    async fn of(store: &Store, sid: &str) -> Self {
        let trail = store.audit_of_call(sid).await.expect("a read");
        let answers = trail.iter().filter(|row| row.kind == "recording_consent");
        let answers = answers.map(|row| serde_json::from_str(&row.detail).expect("JSON"));
        let left = Self {
            row: store.call(sid).await.expect("a read").expect("a row"),
            lines: store.transcript(sid).await.expect("a read"),
            answers: answers.collect(),
            recordings: store.recordings(sid).await.expect("a read").len(),
        };
        // No word of a caller's is in the trail.
        for line in left.lines.iter().filter(|line| line.speaker == "caller") {
            assert!(
                trail.iter().all(|row| !row.detail.contains(line.text.as_str())),
                "{trail:?}"
            );
        }
        assert_eq!(store.verify_audit(None).await.expect("a read").faults, vec![]);
        left
    }

    async fn after(calls: &CallServer, outcome: &CallOutcome) -> Self {
        calls.nothing_lives().await;
        let left = Self::of(&calls.server.app.store, outcome.call_sid.as_str()).await;
        assert_eq!(outcome.script_fault, None, "{:#?}", left.said());
        outcome.assert_never_left_in_silence(6_000);
        left
    }

    fn said(&self) -> Vec<&str> {
        self.lines.iter().map(|line| line.text.as_str()).collect()
    }

    fn consent(&self) -> Option<&str> {
        self.row.recording_consent.as_deref()
    }

    #[track_caller]
    fn begins(&self, lines: &[&str]) {
        let said = self.said();
        assert_eq!(said.get(..lines.len()), Some(lines), "{said:#?}");
    }

    fn times(&self, text: &str) -> usize {
        self.said().iter().filter(|line| **line == text).count()
    }

    /// The line of the transcript that the last answer points to.
    fn answered_in(&self) -> Option<&str> {
        let id = self.answers.last()?["segment"].as_str()?;
        let line = self.lines.iter().find(|line| line.id == id)?;
        Some(&line.text)
    }
}

const OPENING: [&str; 3] = ["Soy Ana, una inteligencia artificial de Luz.", NOTICE, QUESTION];

#[tokio::test]
async fn after_a_yes_it_is_recorded_from_there_on() {
    let operator = Operator::new();
    let calls = asking(&operator, &[]).await;
    let outcome = calls.ring(&happy("Sí, claro.")).await;
    let left = Left::after(&calls, &outcome).await;
    left.begins(&[&OPENING[..], &["Sí, claro.", GIVEN, GREETING, SAYS[0]]].concat());
    assert_eq!(left.times(QUESTION), 1);
    assert_eq!((left.consent(), left.recordings), (Some("given"), 1));
    let expected = json!({
        "mode": "only_after_yes", "question": QUESTION, "answer": "yes", "by": "words", "asked": 1, "language": "es",
        "consent": "given", "segment": left.answers[0]["segment"],
    });
    assert_eq!(left.answers, [expected]);
    assert_eq!(left.answered_in(), Some("Sí, claro."));
    let app = &calls.server.app;
    let sid = outcome.call_sid.as_str();
    assert_eq!(app.metrics.recording_answer_count(Answer::Yes), 1);
    let lead = app.store.lead(sid).await.expect("a read").expect("a lead");
    assert_eq!(
        (lead.name.as_deref(), lead.purpose.as_deref()),
        (Some("Carlos Herrera"), Some(SAYS[0]))
    );
    // The trail has the ground beside the recording, and the answer before it.
    let trail = app.store.audit_of_call(sid).await.expect("a read");
    let kinds: Vec<_> = trail.iter().map(|row| row.kind.as_str()).collect();
    assert_eq!(kinds, ["disclosure", "recording_consent", "recording"]);

    eventually("it is written down", async || {
        row_of(&app.store, sid).await.state == "stored"
    })
    .await;
    let (bytes, said) = operator.opens(&app.config.database.url, sid).await;
    assert_eq!(said.code, 0, "{said:?}");
    let wave = Wave::read(&bytes.expect("a file"), false);
    // What is in it begins behind the caller's yes: neither that nor anything before it.
    let begins = wave.begins_in(&outcome);
    let ended = outcome
        .log
        .iter()
        .find(|event| matches!(event.what, What::SpeechEnd { side: Side::Caller, .. }));
    let yes_ended = ended.expect("a yes").at_ms as usize * 8;
    assert!(begins >= yes_ended, "{begins} is before {yes_ended}");
    assert!(
        begins - yes_ended < 3 * super::rig::SECOND,
        "{begins} is long after {yes_ended}"
    );
    assert!(outcome.recording.assistant[..begins].iter().any(|sample| *sample != 0));
    assert!(!Wave::stretches(&wave.assistant).is_empty());
}

#[tokio::test]
async fn without_a_yes_nothing_is_kept_and_the_call_goes_on() {
    let operator = Operator::new();
    let calls = asking(&operator, &[]).await;
    let no = happy("No, gracias.");
    let unclear = script(&[&["¿Cómo?", "¿Mande?"], &SAYS[..]].concat());
    let other = script(&SAYS);
    let silent = happy("Sí, claro.").replacen(
        "[[step]]\ndo = \"say\"\ntext = \"Sí, claro.\"\n",
        "[[step]]\ndo = \"silence\"\nms = 9000\n",
        1,
    );
    // One after the other: the ears hear whoever spoke last.
    for (script, consent, answer, asked, said) in [
        (
            no,
            "refused",
            Answer::No,
            1,
            vec!["No, gracias.", REFUSED, GREETING, SAYS[0]],
        ),
        (
            unclear,
            "not_given",
            Answer::Unclear,
            2,
            vec![
                "¿Cómo?",
                AGAIN,
                "Si prefieres, marca 1 para sí, o 2 para no.",
                QUESTION,
                "¿Mande?",
                REFUSED,
                GREETING,
            ],
        ),
        // Who comes to their business at once isn't asked what they need.
        (other, "not_given", Answer::Other, 1, vec![SAYS[0], REFUSED, "Claro."]),
        (
            silent,
            "not_given",
            Answer::Silence,
            1,
            vec![REFUSED, GREETING, SAYS[0]],
        ),
    ] {
        let outcome = calls.ring(&script).await;
        let left = Left::after(&calls, &outcome).await;
        left.begins(&[&OPENING[..], &said].concat());
        assert_eq!((left.consent(), left.recordings), (Some(consent), 0), "{answer:?}");
        let [detail] = &left.answers[..] else {
            panic!("{:?}", left.answers);
        };
        assert_eq!(
            (&detail["answer"], &detail["asked"]),
            (&json!(answer.word()), &json!(asked))
        );
        assert_eq!(detail["question"], QUESTION);
        assert_eq!(calls.server.app.metrics.recording_answer_count(answer), 1);
        let spoken = matches!(answer, Answer::No | Answer::Unclear | Answer::Other);
        assert_eq!(left.answered_in().is_some(), spoken, "{detail}");
        let lead = calls.server.app.store.lead(outcome.call_sid.as_str()).await;
        let lead = lead.expect("a read").expect("a lead");
        assert_eq!(
            (lead.name.as_deref(), lead.purpose.as_deref()),
            (Some("Carlos Herrera"), Some(SAYS[0])),
            "{answer:?}"
        );
    }
    assert_eq!(std::fs::read_dir(operator.folder()).expect("a folder").count(), 0);
}

#[tokio::test]
async fn what_was_said_over_the_disclosure_waits_for_the_answer() {
    let script = format!(
        "silence_ms = 900\n[[step]]\ndo = \"interrupt\"\nafter_ms = 1500\ntext = \"{}\"\n{}",
        SAYS[0],
        script(&[&["Sí, adelante."], &SAYS[1..]].concat()).trim_start_matches("silence_ms = 900\n"),
    );
    let operator = Operator::new();
    let calls = asking(&operator, &[]).await;
    let outcome = calls.ring(&script).await;
    let left = Left::after(&calls, &outcome).await;
    assert_eq!(
        (left.consent(), left.recordings),
        (Some("given"), 1),
        "{:#?}",
        left.said()
    );
    assert_eq!(left.answered_in(), Some("Sí, adelante."));
    assert_eq!(left.times(GREETING), 0, "{:#?}", left.said());
    let lead = calls.server.app.store.lead(outcome.call_sid.as_str()).await;
    assert_eq!(lead.expect("a read").expect("a lead").purpose.as_deref(), Some(SAYS[0]));
}

#[tokio::test]
async fn keys_answer_too() {
    let keys = |key: &str| {
        happy("Sí.").replacen(
            "[[step]]\ndo = \"say\"\ntext = \"Sí.\"\n",
            &format!("[[step]]\ndo = \"press\"\ndigits = \"{key}\"\n[[step]]\ndo = \"silence\"\nms = 3500\n"),
            1,
        )
    };
    let operator = Operator::new();
    let calls = asking(&operator, &[]).await;
    for (key, consent, recordings) in [("1", "given", 1), ("2", "refused", 0)] {
        let outcome = calls.ring(&keys(key)).await;
        let left = Left::after(&calls, &outcome).await;
        assert_eq!((left.consent(), left.recordings), (Some(consent), recordings));
        assert_eq!(
            (&left.answers[0]["by"], &left.answers[0]["segment"]),
            (&json!("keys"), &Value::Null)
        );
    }
}

#[tokio::test]
async fn callers_who_speak_english_are_asked_in_english() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let brief = BRIEF.replace("language = \"es\"", "language = \"en\"");
    std::fs::write(folder.path().join("brief.toml"), brief).expect("a file");
    let operator = Operator::new();
    let folder = folder.path().display().to_string();
    let calls = asking(&operator, &[("TALIA_ASSISTANTS", &folder)]).await;
    let outcome = calls.ring(&script(&["Yes, go ahead.", "That's all, goodbye."])).await;
    let left = Left::after(&calls, &outcome).await;
    left.begins(&[
        OPENING[0],
        "This call is recorded only if you agree.",
        "May I record this call?",
        "Yes, go ahead.",
        "Thank you.",
        GREETING,
    ]);
    assert_eq!((left.consent(), left.recordings), (Some("given"), 1));
    assert_eq!(left.answers[0]["language"], "en");
}

#[tokio::test]
async fn nobody_who_has_answered_is_asked_again_after_a_break() {
    let operator = Operator::new();
    let calls = asking(&operator, &[]).await;
    let cut = |ms| Cut {
        stream: Some(1),
        at: CutAt::Ms(ms),
        abrupt: true,
    };
    let patient = |answer: &str| happy(answer).replace("silence_ms = 900", "silence_ms = 1200");
    for (answer, consent, streams) in [("Sí, claro.", "given", vec![1, 2]), ("No, gracias.", "refused", vec![])] {
        let outcome = calls
            .ring_with(&patient(answer), |plan| plan.cuts = vec![cut(15_500)])
            .await;
        assert_eq!(outcome.streams(), 2);
        let left = Left::after(&calls, &outcome).await;
        assert_eq!(
            (left.consent(), left.times(QUESTION)),
            (Some(consent), 1),
            "{:#?}",
            left.said()
        );
        assert_eq!(left.answers.len(), 1);
        let app = &calls.server.app;
        eventually("what is recorded is stored", async || {
            let rows = app.store.recordings(outcome.call_sid.as_str()).await.expect("a read");
            let stored = rows.iter().filter(|row| row.state == "stored");
            stored.map(|row| row.stream).eq(streams.iter().copied())
        })
        .await;
    }
    // Within the question: it is asked when the line is there again.
    let outcome = calls
        .ring_with(&patient("Sí, claro."), |plan| plan.cuts = vec![cut(6_600)])
        .await;
    assert_eq!(outcome.streams(), 2);
    let left = Left::after(&calls, &outcome).await;
    assert_eq!(
        (left.consent(), left.recordings),
        (Some("given"), 1),
        "{:#?}",
        left.said()
    );
    assert_eq!(left.times(QUESTION), 1, "{:#?}", left.said());
    let row = row_of(&calls.server.app.store, outcome.call_sid.as_str()).await;
    assert_eq!(row.stream, 2);
}

#[tokio::test]
async fn another_process_goes_on_recording_whom_this_one_asked() {
    let operator = Operator::new();
    let more = [("TALIA_LIMITS__RESUME_AFTER_S", "1")];
    let settings = settings(&operator, &more);
    let (first, mortal) = CallServer::start_mortal(&settings).await;
    let (carrier, _api) = first.carrier_with(|_| {});
    let app = first.server.app.clone();
    let dying = async {
        eventually("the caller has said what they need", async || {
            let newest = app.store.recent_calls(1).await.expect("a read");
            let Some(call) = newest.first() else { return false };
            let said = app.store.transcript(&call.call_sid).await.expect("a read");
            said.iter().any(|line| line.text == SAYS[0])
        })
        .await;
        mortal.kill();
        first.again(&settings).await
    };
    let script = happy("Sí, claro.").replace("silence_ms = 900", "patience_ms = 60000\nsilence_ms = 1200");
    let ringing = first.ring_through(&carrier, &script, |_| {});
    let (outcome, (second, _mortal)) = tokio::join!(ringing, dying);
    assert_eq!(outcome.streams(), 2);
    let left = Left::after(&second, &outcome).await;
    assert_eq!(
        (left.consent(), left.times(QUESTION)),
        (Some("given"), 1),
        "{:#?}",
        left.said()
    );
    assert_eq!(left.answers.len(), 1);
    assert_eq!(left.recordings, 2);
}

#[tokio::test]
async fn who_wants_it_no_more_is_recorded_no_more_in_either_mode() {
    let stop = "Deje de grabar, por favor.";
    let operator = Operator::new();
    let first = asking(&operator, &[]).await;
    let second = operator.server(&[]).await;
    let told = script(&[&[SAYS[0], stop], &SAYS[1..]].concat());
    let asked = script(&[&["Sí.", SAYS[0], stop], &SAYS[1..]].concat());
    for (calls, script, mode) in [(&first, asked, "only_after_yes"), (&second, told, "after_notice")] {
        let outcome = calls.ring(&script).await;
        let left = Left::after(calls, &outcome).await;
        assert_eq!((left.consent(), left.recordings), (Some("withdrawn"), 1), "{mode}");
        let last = left.answers.last().expect("an answer");
        assert_eq!(
            (&last["mode"], &last["answer"], &last["question"]),
            (&json!(mode), &json!("stop"), &Value::Null)
        );
        assert_eq!(left.answered_in(), Some(stop));
        // It is said back, and the open question stands.
        let said = left.said();
        let at = said.iter().position(|line| *line == stop).expect("its line");
        assert_eq!(
            said[at + 1..at + 4],
            [STOPPED, "¿Con quién hablo?", SAYS[1]],
            "{said:#?}"
        );
        let app = &calls.server.app;
        let sid = outcome.call_sid.as_str();
        eventually("it is written down", async || {
            row_of(&app.store, sid).await.state == "stored"
        })
        .await;
        let (bytes, opened) = operator.opens(&app.config.database.url, sid).await;
        assert_eq!(opened.code, 0, "{opened:?}");
        let wave = Wave::read(&bytes.expect("a file"), false);
        let ends = wave.begins_in(&outcome) + wave.caller.len();
        let whole = outcome.recording.caller.len();
        assert!(whole - ends > 5 * super::rig::SECOND, "{ends} of {whole} are recorded");
        let lead = app.store.lead(sid).await.expect("a read").expect("a lead");
        assert_eq!(lead.name.as_deref(), Some("Carlos Herrera"), "{mode}");
    }
}

#[tokio::test]
async fn somebody_whom_we_call_is_asked_like_everybody() {
    let operator = Operator::new();
    let calls = CallsOut::start(&settings(&operator, &[])).await;
    calls.put_person(&happy("Sí, claro.")).await;
    let answer = calls.ask("uno", &wish(CALLEE)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let body: Value = serde_json::from_str(&answer.body).expect("JSON");
    let sid = body["call_sid"].as_str().expect("a SID");
    let outcome = calls.outcome(sid).await;
    assert_eq!(outcome.script_fault, None);
    let left = Left::of(&calls.server.app.store, sid).await;
    left.begins(
        &[
            &OPENING[..],
            &["Sí, claro.", GIVEN, "Hola Carlos, te llamo por tu recibo de luz."],
        ]
        .concat(),
    );
    assert_eq!((left.consent(), left.recordings), (Some("given"), 1));
}

#[tokio::test]
async fn a_model_is_not_asked_about_it_and_knows_what_was_answered() {
    let chat = ChatCompletions::start(KEY).await.expect("a port");
    mixes::teach(&chat.mind);
    let file = format!(
        "[brain]\nchain = \"chat, script\"\n[accounts.uno]\nurl = \"{}\"\nkey = \"{KEY}\"\n\
         [providers.chat]\naccount = \"uno\"\nkind = \"openai-chat\"\nmodel = \"m\"\n",
        chat.url()
    );
    let operator = Operator::new();
    let calls = asking(&operator, &[("talia.toml", &file)]).await;
    let outcome = calls.ring(&happy("Sí, claro.")).await;
    let left = Left::after(&calls, &outcome).await;
    left.begins(&[&OPENING[..], &["Sí, claro.", GIVEN, GREETING, SAYS[0]]].concat());
    assert_eq!((left.consent(), left.recordings), (Some("given"), 1));
    let asked = chat.mind.journal().requests;
    // The first one is about what the caller needs; the answer to our question stands in it.
    let first = asked.first().expect("a request").to_string();
    assert!(
        first.contains(SAYS[0]) && first.contains(QUESTION) && first.contains("Sí, claro."),
        "{first}"
    );
    let lead = calls.server.app.store.lead(outcome.call_sid.as_str()).await;
    assert_eq!(lead.expect("a read").expect("a lead").purpose.as_deref(), Some(SAYS[0]));
}

#[tokio::test]
async fn a_voice_of_its_own_answers_no_permission() {
    for (answer, consent, recordings) in [("Sí, claro.", "given", 1), ("No, gracias.", "refused", 0)] {
        let all = [&["Sí, claro.", "No, gracias."][..], &SAYS[..]].concat();
        let vocabulary = Arc::new(Vocabulary::of(&all));
        let fake = stage::service(|script| script.vocabulary = vocabulary.clone()).await;
        let operator = Operator::new();
        let calls = asking(&operator, &[("talia.toml", &stage::file(&fake, "script", ""))]).await;
        let (carrier, _api) = calls.carrier_with(|_| {});
        let voice = ToneWordSpeaker(vocabulary);
        let outcome = calls.ring_speaking(&carrier, &happy(answer), &voice, |_| {}).await;
        let left = Left::after(&calls, &outcome).await;
        let said = if consent == "given" { GIVEN } else { REFUSED };
        left.begins(&[&OPENING[..], &[answer, said, GREETING, SAYS[0]]].concat());
        assert_eq!((left.consent(), left.recordings), (Some(consent), recordings));
        assert_eq!(left.answered_in(), Some(answer));
        let notes = fake.notes();
        let heard = notes.iter().position(|note| *note == Note::Heard(answer.to_owned()));
        let asked = notes
            .iter()
            .position(|note| *note == Note::Asked)
            .expect("its own turns");
        // It has heard the answer, was told what we said to it, and was asked for its own only behind the next turn.
        assert!(heard.is_some_and(|heard| heard < asked), "{notes:#?}");
        let needs = notes
            .iter()
            .position(|note| *note == Note::Heard(SAYS[0].to_owned()))
            .expect("a need");
        assert!(needs < asked, "{notes:#?}");
        for told in [QUESTION, said, GREETING] {
            let known = |note: &Note| matches!(note, Note::Told { role, text } if role == "assistant" && text == told);
            assert_eq!(notes.iter().filter(|note| known(note)).count(), 1, "{told}: {notes:#?}");
        }
        assert_eq!(mixes::left(&calls, &outcome).await.purpose.as_deref(), Some(SAYS[0]));
        assert_eq!(fake.refused(), []);
    }
}

/// The words come when the model answers already: the recording ends with them, and she says so when nobody has the floor.
#[tokio::test]
async fn who_wants_it_no_more_is_heard_by_a_voice_of_its_own_too() {
    let stop = "Deje de grabar.";
    let said = [&["Sí, claro.", SAYS[0], stop][..], &SAYS[1..]].concat();
    let vocabulary = Arc::new(Vocabulary::of(&said));
    let fake = stage::service(|script| script.vocabulary = vocabulary.clone()).await;
    let operator = Operator::new();
    let calls = asking(&operator, &[("talia.toml", &stage::file(&fake, "script", ""))]).await;
    let (carrier, _api) = calls.carrier_with(|_| {});
    let voice = ToneWordSpeaker(vocabulary);
    // Long enough for the announcement behind the model's own answer.
    let script = script(&said).replace("silence_ms = 900", "silence_ms = 1500");
    let outcome = calls.ring_speaking(&carrier, &script, &voice, |_| {}).await;
    let left = Left::after(&calls, &outcome).await;
    assert_eq!(
        (left.consent(), left.recordings),
        (Some("withdrawn"), 1),
        "{:#?}",
        left.said()
    );
    assert_eq!((left.times(STOPPED), left.answers.len()), (1, 2), "{:#?}", left.said());
    assert_eq!(left.answered_in(), Some(stop));
    let app = &calls.server.app;
    let sid = outcome.call_sid.as_str();
    eventually("it is written down", async || {
        row_of(&app.store, sid).await.state == "stored"
    })
    .await;
    let recorded = row_of(&app.store, sid).await.duration_ms.expect("a number");
    let whole = outcome.recording.caller.len() as i64 / 8;
    assert!(whole - recorded > 10_000, "{recorded} of {whole} ms");
}

#[tokio::test]
async fn where_nobody_records_nobody_is_asked() {
    let calls = CallServer::start().await;
    let outcome = calls.ring(HAPPY).await;
    let left = Left::after(&calls, &outcome).await;
    assert_eq!((left.consent(), left.answers.len(), left.times(QUESTION)), (None, 0, 0));
    left.begins(&[OPENING[0], GREETING]);
}

//! What is heard in a recording is what was heard in the call: compared with the simulator's own of both sides.

use super::rig::{Operator, SECOND, Wave, age_opens, row_of};
use crate::conversation::HAPPY;
use crate::harness::{CallServer, eventually};
use crate::sinks::rig::fits_the_schema;
use talia_simulator::cut::{Cut, CutAt};
use talia_simulator::events::What;
use talia_simulator::outcome::CallOutcome;
use talia_voice::store::{CloudEvent, EventType};

/// How far from where it was heard a sample may be: 40 ms.
const NEAR: usize = 320;

async fn opened(operator: &Operator, calls: &CallServer, outcome: &CallOutcome) -> Wave {
    let database = &calls.server.app.config.database.url;
    let (wave, said) = operator.opens(database, outcome.call_sid.as_str()).await;
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    Wave::read(&wave.expect("a file"), false)
}

/// Each stretch of ours is in the call, where it was heard; answers how many samples of the call's that sounded are not there.
fn assert_heard(wave: &Wave, outcome: &CallOutcome) -> usize {
    let begins = wave.begins_in(outcome);
    let whole = &outcome.recording.assistant;
    let at = |place: usize| whole.get(place).copied().unwrap_or(0);
    for (first, last) in Wave::stretches(&wave.assistant) {
        let ours = &wave.assistant[first..=last];
        let shifts = begins + first - NEAR..=begins + first + NEAR;
        let same = |place: &usize| {
            ours.iter()
                .enumerate()
                .all(|(offset, sample)| at(place + offset) == *sample)
        };
        // Where it begins in the call, too: a hum is like itself a period later.
        let edge = |place: &usize| first == 0 || at(place - 1) == 0;
        let found = shifts
            .clone()
            .find(|place| same(place) && edge(place))
            .or(shifts.clone().find(same));
        assert!(
            found.is_some(),
            "what is in the recording from {first} to {last} was not heard within 40 ms of {begins} + {first}"
        );
    }
    let loud = |side: &[i16]| side.iter().filter(|sample| **sample != 0).count();
    loud(&whole[begins.min(whole.len())..]).saturating_sub(loud(&wave.assistant))
}

#[tokio::test]
async fn a_call_is_recorded_from_the_notice_on_as_both_sides_heard_it() {
    let operator = Operator::new();
    let calls = operator.server(&[]).await;
    let outcome = calls.ring(HAPPY).await;
    outcome.assert_script_done();
    outcome.assert_no_warnings();
    calls.nothing_lives().await;
    let app = &calls.server.app;
    let sid = outcome.call_sid.as_str();
    eventually("it is written down", async || {
        row_of(&app.store, sid).await.state == "stored"
    })
    .await;
    // The notice is a part of the disclosure.
    let lines = app.store.transcript(sid).await.expect("a read");
    let told: Vec<_> = lines
        .iter()
        .filter(|line| line.kind.as_deref() == Some("disclosure"))
        .collect();
    assert_eq!(told.last().expect("a notice").text, "La llamada se graba.");

    let wave = opened(&operator, &calls, &outcome).await;
    let missing = assert_heard(&wave, &outcome);
    assert!(missing <= SECOND / 25, "{missing} samples that were heard are missing");
    // It begins behind the disclosure, which can be heard before it, and lasts until the end.
    let begins = wave.begins_in(&outcome);
    let disclosure = Wave::stretches(&outcome.recording.assistant[..begins]);
    assert!(!disclosure.is_empty());
    let length = outcome.recording.caller.len() - begins;
    assert!(
        length - wave.caller.len() <= SECOND / 2,
        "{} of {length} samples",
        wave.caller.len()
    );

    let row = row_of(&app.store, sid).await;
    assert_eq!((row.stream, row.missing_ms, row.silenced_ms), (1, Some(0), Some(0)));
    assert_eq!(row.duration_ms, Some(wave.caller.len() as i64 / 8));
    let file = operator.folder().join(&row.place);
    assert_eq!(row.bytes, Some(std::fs::metadata(&file).expect("a file").len() as i64));
    assert_eq!(app.metrics.recording_stored.get(), 1);
    let events = app.store.events_after(0, 1_000).await.expect("a read");
    let stored: Vec<_> = events
        .iter()
        .filter(|row| row.kind == EventType::RecordingStored)
        .collect();
    assert_eq!(stored.len(), 1);
    fits_the_schema(&serde_json::from_str(&stored[0].event).expect("JSON"));
    let event: CloudEvent = serde_json::from_str(&stored[0].event).expect("an event");
    assert_eq!(event.subject, sid);
    assert_eq!(event.data["duration_ms"].as_i64(), row.duration_ms);
    assert_eq!(event.data["place"], row.place);

    // The ordinary tool opens it with the recording's own key…
    let said = operator
        .runs(
            &app.config.database.url,
            &["recording", "key", sid, "--identity", "operator.key"],
        )
        .await;
    assert_eq!(said.code, 0, "{said:?}");
    let key = operator.home.path().join("call.key");
    std::fs::write(&key, &said.out).expect("a file");
    let (bytes, content) = age_opens(&file, &key).await;
    assert!(content);
    let plain = Wave::read(&bytes, true);
    assert!(plain.caller == wave.caller && plain.assistant == wave.assistant);
    // … which it gets out of the row by itself, too.
    let sealed = operator.home.path().join("sealed.age");
    std::fs::write(&sealed, row.sealed_key.expect("a key")).expect("a file");
    let (own, content) = age_opens(&sealed, &operator.key()).await;
    assert!(content && said.out.contains(&String::from_utf8(own).expect("text")));
    // Nobody else's key does, and nothing of the call can be read in the file.
    assert!(!age_opens(&file, &operator.key()).await.1);
    assert!(
        !std::fs::read(&file)
            .expect("a file")
            .windows(4)
            .any(|bytes| bytes == b"RIFF")
    );
}

#[tokio::test]
async fn what_was_cleared_away_is_in_no_recording() {
    let script = r#"
        silence_ms = 500
        [[step]]
        do = "wait_for_answer_end"
        [[step]]
        do = "say"
        text = "Quiero bajar mi recibo de luz."
        [[step]]
        do = "interrupt"
        after_ms = 2500
        text = "Perdón, me llamo Carlos Herrera."
        [[step]]
        do = "wait_for_answer_end"
        [[step]]
        do = "say"
        text = "Muchas gracias, adiós."
        [[step]]
        do = "expect_hang_up"
        within_ms = 10000
    "#;
    let operator = Operator::new();
    let calls = operator.server(&[]).await;
    let outcome = calls.ring(script).await;
    outcome.assert_script_done();
    let clears = outcome.count(|what| matches!(what, What::Clear { .. }));
    assert!(clears >= 1);
    calls.nothing_lives().await;
    let wave = opened(&operator, &calls, &outcome).await;
    // Before a clear, what the way to the line and back takes may be missing.
    let missing = assert_heard(&wave, &outcome);
    assert!(
        missing <= clears * SECOND / 5,
        "{missing} samples that were heard are missing"
    );
}

#[tokio::test]
async fn keys_and_what_was_said_around_them_are_silence() {
    let script = r#"
        silence_ms = 500
        [[step]]
        do = "wait_for_answer_end"
        [[step]]
        do = "say"
        text = "Quiero bajar mi recibo de luz, y mi clave es esta."
        [[step]]
        do = "press"
        digits = "4152"
        [[step]]
        do = "silence"
        ms = 3500
        [[step]]
        do = "say"
        text = "Muchas gracias, adiós."
        [[step]]
        do = "expect_hang_up"
        within_ms = 20000
    "#;
    let operator = Operator::new();
    let calls = operator.server(&[]).await;
    let outcome = calls.ring(script).await;
    outcome.assert_script_done();
    calls.nothing_lives().await;
    let database = &calls.server.app.config.database.url;
    let (bytes, said) = operator.opens(database, outcome.call_sid.as_str()).await;
    assert_eq!(said.code, 0, "{said:?}");
    let wave = Wave::read(&bytes.expect("a file"), false);
    let keys: Vec<_> = outcome
        .log
        .iter()
        .filter(|event| matches!(event.what, What::Key { .. }))
        .map(|event| event.at_ms as usize * 8)
        .collect();
    assert_eq!(keys.len(), 4);
    let (first, last) = (keys[0] - SECOND, keys[3] + 2 * SECOND);
    // The caller's side isn't the call's where it is silenced, so its end says where it lies.
    let whole = &outcome.recording.caller;
    let begins = whole.len() - wave.caller.len();
    let spoken = |side: &[i16]| side.iter().filter(|sample| **sample != 0).count();
    assert!(spoken(&whole[first..last]) > SECOND / 4, "somebody spoke");
    // Frames of the caller are 20 ms, and so exact is the place of a key.
    let slack = 480;
    let silent = &wave.caller[first + slack - begins..last - slack - begins];
    assert_eq!(spoken(silent), 0);
    assert!(spoken(&wave.caller[..first - begins]) > 0);
    let row = row_of(&calls.server.app.store, outcome.call_sid.as_str()).await;
    let silenced = row.silenced_ms.expect("a number");
    assert!((3_500..=3_900).contains(&silenced), "{silenced}");
}

#[tokio::test]
async fn a_call_whose_line_broke_has_one_recording_a_stream() {
    let operator = Operator::new();
    let calls = operator.server(&[]).await;
    let cut = Cut {
        stream: Some(1),
        at: CutAt::Ms(9_000),
        abrupt: true,
    };
    let outcome = calls
        .ring_with(&crate::resume::patient(), |plan| plan.cuts = vec![cut])
        .await;
    outcome.assert_script_done();
    calls.nothing_lives().await;
    let sid = outcome.call_sid.as_str();
    let app = &calls.server.app;
    // The last row is on its way to the disk when the call's tasks are gone.
    eventually("both are stored", async || {
        let rows = app.store.recordings(sid).await.expect("a read");
        let states = rows.iter().map(|row| (row.stream, row.state.as_str()));
        states.eq([(1, "stored"), (2, "stored")])
    })
    .await;
    let (first, said) = operator.opens(&app.config.database.url, sid).await;
    assert_eq!(said.code, 0, "{said:?}");
    let second = std::fs::read(operator.home.path().join("out-2.wav")).expect("a file");
    // Between the two is the break, and the second begins with its stream: she apologises.
    let second = Wave::read(&second, false);
    Wave::read(&first.expect("a file"), false);
    assert!(!Wave::stretches(&second.assistant).is_empty());
}

/// The disclosure that this caller has heard was another process's, which recorded nothing.
#[tokio::test]
async fn a_process_that_records_takes_over_no_call_whose_caller_was_not_told() {
    let operator = Operator::new();
    let (first, mortal) = CallServer::start_mortal(&[("TALIA_LIMITS__RESUME_AFTER_S", "1")]).await;
    let (carrier, _api) = first.carrier_with(|_| {});
    let app = first.server.app.clone();
    let settings = operator.settings();
    let mut settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    settings.push(("TALIA_LIMITS__RESUME_AFTER_S", "1"));
    let dying = async {
        eventually("the caller has spoken", async || {
            let newest = app.store.recent_calls(1).await.expect("a read");
            let Some(call) = newest.first() else { return false };
            let said = app.store.transcript(&call.call_sid).await.expect("a read");
            said.iter().any(|line| line.speaker == "caller")
        })
        .await;
        mortal.kill();
        first.again(&settings).await
    };
    let script = format!("patience_ms = 60000\n{}", crate::resume::patient());
    let ringing = first.ring_through(&carrier, &script, |_| {});
    let (outcome, (second, _mortal)) = tokio::join!(ringing, dying);
    outcome.assert_script_done();
    assert_eq!(outcome.streams(), 2);
    let rows = second.server.app.store.recordings(outcome.call_sid.as_str()).await;
    assert_eq!(rows, Ok(Vec::new()));
    // The next caller is told.
    let outcome = second.ring(HAPPY).await;
    let rows = second.server.app.store.recordings(outcome.call_sid.as_str()).await;
    assert_eq!(rows.expect("a read").len(), 1);
}

#[tokio::test]
async fn nothing_is_recorded_without_the_operators_word_or_before_the_callers_ears() {
    let calls = CallServer::start().await;
    let outcome = calls.ring(HAPPY).await;
    let rows = calls.server.app.store.recordings(outcome.call_sid.as_str()).await;
    assert_eq!(rows, Ok(Vec::new()));

    // Who hangs up within the disclosure leaves no recording.
    let operator = Operator::new();
    let calls = operator.server(&[]).await;
    let script = "[[step]]\ndo = \"silence\"\nms = 900\n[[step]]\ndo = \"hang_up\"\n";
    let outcome = calls.ring(script).await;
    calls.nothing_lives().await;
    let rows = calls.server.app.store.recordings(outcome.call_sid.as_str()).await;
    assert_eq!(rows, Ok(Vec::new()));
    assert_eq!(std::fs::read_dir(operator.folder()).expect("a folder").count(), 0);
}

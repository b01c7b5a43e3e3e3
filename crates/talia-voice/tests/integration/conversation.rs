//! Whole calls: a simulated caller on real sockets against the whole server, with engines of fixed delay.

use crate::harness::{CallServer, PATIENCE, SAMPLES_A_LETTER, call_sid, played_samples};
use std::collections::HashMap;
use talia_simulator::events::{Side, What};
use talia_simulator::outcome::CallOutcome;
use talia_voice::store::{CallRow, EventType, SegmentRow};
use tokio::sync::oneshot;

/// The whole conversation of the brief assistant.
pub(crate) const HAPPY: &str = r#"
silence_ms = 500
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "say"
text = "Quiero bajar mi recibo de luz."
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "say"
text = "Me llamo Carlos Herrera."
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "say"
text = "Sí, a ese número."
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "say"
text = "No, es todo, gracias."
[[step]]
do = "expect_hang_up"
within_ms = 10000
"#;

const SAYS_GOODBYE: &str = r#"
silence_ms = 500
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "say"
text = "Muchas gracias, adiós."
[[step]]
do = "expect_hang_up"
within_ms = 10000
"#;

const ONLY_LISTENS: &str = "[[step]]\ndo = \"expect_hang_up\"\nwithin_ms = 55000\n";

struct Kept {
    call: CallRow,
    lines: Vec<SegmentRow>,
}

async fn kept(calls: &CallServer, outcome: &CallOutcome) -> Kept {
    let sid = outcome.call_sid.as_str();
    let store = &calls.server.app.store;
    Kept {
        call: store.call(sid).await.expect("a read").expect("a row"),
        lines: store.transcript(sid).await.expect("a read"),
    }
}

/// What was written of us is what was played: no line of a sentence that the caller didn't hear, none with more words
/// than were heard, none missing.
fn assert_transcript_is_what_was_heard(kept: &Kept, outcome: &CallOutcome) {
    let played = played_samples(outcome);
    let ours: Vec<_> = kept.lines.iter().filter(|line| line.speaker == "assistant").collect();
    assert_eq!(ours.len(), played.len(), "{ours:#?}\n{played:?}");
    for (line, samples) in ours.iter().zip(played) {
        let words = line.text.chars().count() * SAMPLES_A_LETTER;
        match &line.unheard {
            None => assert!(
                samples >= words * 9 / 10,
                "{line:?}: only {samples} of {words} samples were heard"
            ),
            Some(_) => assert!(
                words <= samples + SAMPLES_A_LETTER,
                "{line:?}: {words} samples of words, {samples} heard"
            ),
        }
    }
}

/// What was counted is what stands in the outbox, and the outbox has a row for everything that was kept.
async fn assert_events_match(calls: &CallServer, kept: &Kept) {
    let app = &calls.server.app;
    let mut counts: HashMap<EventType, u64> = HashMap::new();
    for row in app.store.events_after(0, 1_000).await.expect("a read") {
        *counts.entry(row.kind.known().expect("a kind of ours")).or_default() += 1;
    }
    let of = |kind| counts.get(&kind).copied().unwrap_or(0);
    assert_eq!(of(EventType::CallStarted), app.metrics.call_started.get());
    assert_eq!(of(EventType::CallCompleted), app.metrics.call_completed.get());
    assert_eq!(of(EventType::TranscriptSegment), app.metrics.transcript_segment.get());
    assert_eq!(of(EventType::LeadCreated), app.metrics.lead_created.get());
    assert_eq!(of(EventType::LeadUpdated), app.metrics.lead_updated.get());
    assert_eq!((of(EventType::CallStarted), of(EventType::CallCompleted)), (1, 1));
    assert_eq!(of(EventType::TranscriptSegment), kept.lines.len() as u64);
    let lead = app.store.lead(&kept.call.call_sid).await.expect("a read");
    assert_eq!(of(EventType::LeadCreated), u64::from(lead.is_some()));
}

fn texts<'a>(kept: &'a Kept, speaker: &str) -> Vec<&'a str> {
    let lines = kept.lines.iter().filter(|line| line.speaker == speaker);
    lines.map(|line| line.text.as_str()).collect()
}

#[tokio::test]
async fn a_call_goes_from_the_disclosure_to_a_lead_and_a_goodbye() {
    let calls = CallServer::start().await;
    let outcome = calls.ring(HAPPY).await;
    outcome.assert_script_done();
    outcome.assert_ended_by_server();
    outcome.assert_no_warnings();
    outcome.assert_no_gap_longer_than(300);
    calls.nothing_lives().await;

    let kept = kept(&calls, &outcome).await;
    let call = &kept.call;
    assert_eq!((call.status.as_str(), call.streams), ("completed", 1));
    assert_eq!(call.ended_reason.as_deref(), Some("finished"));
    let heard_at = call.disclosure_heard_at.as_deref().expect("the disclosure was heard");
    assert!(heard_at > call.started_at.as_str() && Some(heard_at) < call.ended_at.as_deref());
    let first = &kept.lines[0];
    assert_eq!(first.kind.as_deref(), Some("disclosure"));
    assert_eq!(
        (first.text.as_str(), &first.unheard),
        ("Soy Ana, una inteligencia artificial de Luz.", &None)
    );
    assert_eq!(kept.lines[1].text, "¿En qué te ayudo?");
    assert_eq!(
        kept.lines.last().map(|line| line.text.as_str()),
        Some("Gracias, adiós.")
    );
    assert_eq!(
        texts(&kept, "caller"),
        [
            "Quiero bajar mi recibo de luz.",
            "Me llamo Carlos Herrera.",
            "Sí, a ese número.",
            "No, es todo, gracias."
        ]
    );
    assert_transcript_is_what_was_heard(&kept, &outcome);

    let lead = calls
        .server
        .app
        .store
        .lead(&call.call_sid)
        .await
        .expect("a read")
        .expect("a lead");
    assert_eq!(lead.name.as_deref(), Some("Carlos Herrera"));
    assert_eq!(
        (lead.phone.as_deref(), lead.phone_confirmed),
        (Some("+525512345678"), true)
    );
    assert_eq!(lead.purpose.as_deref(), Some("Quiero bajar mi recibo de luz."));
    assert_events_match(&calls, &kept).await;
}

#[tokio::test]
async fn a_caller_who_hangs_up_during_the_disclosure_has_not_heard_it() {
    let calls = CallServer::start().await;
    let outcome = calls
        .ring_with(ONLY_LISTENS, |plan| plan.hang_up_at_ms = Some(1_500))
        .await;
    outcome.assert_ended_by_caller();
    outcome.assert_no_warnings();
    calls.nothing_lives().await;
    let kept = kept(&calls, &outcome).await;
    assert_eq!(kept.call.status, "completed");
    assert_eq!(kept.call.ended_reason.as_deref(), Some("caller-hung-up"));
    assert!(kept.call.ended_at.is_some());
    assert_eq!(kept.call.disclosure_heard_at, None);
    let [only] = &kept.lines[..] else {
        panic!("{:?}", kept.lines)
    };
    assert!(
        "Soy Ana, una inteligencia artificial de Luz.".starts_with(&only.text) && only.unheard.is_some(),
        "{only:?}"
    );
    assert_transcript_is_what_was_heard(&kept, &outcome);
    assert_events_match(&calls, &kept).await;
}

#[tokio::test]
async fn a_caller_who_hangs_up_during_an_answer_leaves_what_was_heard_of_it() {
    let script = r#"
        silence_ms = 500
        [[step]]
        do = "wait_for_answer_end"
        [[step]]
        do = "say"
        text = "Quiero bajar mi recibo de luz."
        [[step]]
        do = "silence"
        ms = 3500
        [[step]]
        do = "hang_up"
    "#;
    let calls = CallServer::start().await;
    let outcome = calls.ring(script).await;
    outcome.assert_ended_by_caller();
    outcome.assert_no_warnings();
    calls.nothing_lives().await;
    let kept = kept(&calls, &outcome).await;
    assert_eq!(kept.call.ended_reason.as_deref(), Some("caller-hung-up"));
    assert!(kept.call.disclosure_heard_at.is_some());
    let last = kept.lines.last().expect("lines");
    assert!(last.speaker == "assistant" && last.unheard.is_some(), "{last:?}");
    assert_transcript_is_what_was_heard(&kept, &outcome);
    // What was told is kept, although the conversation broke off.
    let lead = calls
        .server
        .app
        .store
        .lead(outcome.call_sid.as_str())
        .await
        .expect("a read")
        .expect("a lead");
    assert_eq!(lead.purpose.as_deref(), Some("Quiero bajar mi recibo de luz."));
    assert_events_match(&calls, &kept).await;
}

#[tokio::test]
async fn a_caller_who_hangs_up_while_speaking_leaves_a_finished_row() {
    let script = r#"
        silence_ms = 500
        [[step]]
        do = "wait_for_answer_end"
        [[step]]
        do = "say"
        text = "Quiero bajar mi recibo de luz porque cada bimestre me llega más caro y ya no sé qué hacer con él"
    "#;
    let calls = CallServer::start().await;
    // The line begins about five seconds after the ring and lasts nearly five.
    let outcome = calls.ring_with(script, |plan| plan.hang_up_at_ms = Some(7_000)).await;
    outcome.assert_ended_by_caller();
    assert_eq!(outcome.utterances(Side::Caller), 1);
    calls.nothing_lives().await;
    let kept = kept(&calls, &outcome).await;
    assert_eq!(
        (kept.call.status.as_str(), kept.call.ended_reason.as_deref()),
        ("completed", Some("caller-hung-up"))
    );
    assert_transcript_is_what_was_heard(&kept, &outcome);
    assert_events_match(&calls, &kept).await;
}

#[tokio::test]
async fn a_caller_who_never_speaks_is_asked_twice_and_let_go() {
    let calls = CallServer::start().await;
    let outcome = calls.ring(ONLY_LISTENS).await;
    outcome.assert_script_done();
    outcome.assert_ended_by_server();
    outcome.assert_no_warnings();
    calls.nothing_lives().await;
    let kept = kept(&calls, &outcome).await;
    assert_eq!(kept.call.ended_reason.as_deref(), Some("silence"));
    assert_eq!(
        texts(&kept, "assistant"),
        [
            "Soy Ana, una inteligencia artificial de Luz.",
            "¿En qué te ayudo?",
            "¿Sigues ahí?",
            "¿En qué te ayudo?",
            "¿Bueno?",
            "¿En qué te ayudo?",
            "Te dejo, adiós."
        ]
    );
    assert_transcript_is_what_was_heard(&kept, &outcome);
    assert_events_match(&calls, &kept).await;
}

#[tokio::test]
async fn an_interruption_clears_the_line_and_cuts_the_sentence_where_it_was_heard() {
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
    let calls = CallServer::start().await;
    let outcome = calls.ring(script).await;
    outcome.assert_script_done();
    outcome.assert_ended_by_server();
    outcome.assert_no_warnings();
    assert!(outcome.count(|what| matches!(what, What::Clear { .. })) >= 1);
    assert_eq!(outcome.measurements.barge_in_to_clear_ms.len(), 1);
    // Marks that come back because of the `clear` are none that were heard.
    assert!(outcome.count(|what| matches!(what, What::MarkEchoed { played: false, .. })) >= 1);
    calls.nothing_lives().await;
    let kept = kept(&calls, &outcome).await;
    let cut = kept
        .lines
        .iter()
        .find(|line| line.unheard.is_some())
        .expect("a sentence that was cut");
    let unheard = cut.unheard.as_deref().unwrap_or_default();
    let whole =
        "Los paneles bajan el recibo de un negocio más de la mitad desde el primer bimestre y duran muchos años.";
    assert!(
        !cut.text.is_empty() && format!("{} {unheard}", cut.text).starts_with(whole),
        "{cut:?}"
    );
    assert_transcript_is_what_was_heard(&kept, &outcome);
    let lead = calls
        .server
        .app
        .store
        .lead(outcome.call_sid.as_str())
        .await
        .expect("a read")
        .expect("a lead");
    assert_eq!(lead.name.as_deref(), Some("Carlos Herrera"));
    assert_events_match(&calls, &kept).await;
}

#[tokio::test]
async fn an_ajá_over_our_words_stops_nothing() {
    let script = r#"
        silence_ms = 500
        [[step]]
        do = "wait_for_answer_end"
        [[step]]
        do = "say"
        text = "Quiero bajar mi recibo de luz."
        [[step]]
        do = "backchannel"
        after_ms = 2500
        text = "Ajá."
        [[step]]
        do = "wait_for_answer_end"
        [[step]]
        do = "say"
        text = "Muchas gracias, adiós."
        [[step]]
        do = "expect_hang_up"
        within_ms = 10000
    "#;
    let calls = CallServer::start().await;
    let outcome = calls.ring(script).await;
    outcome.assert_script_done();
    outcome.assert_ended_by_server();
    calls.nothing_lives().await;
    let kept = kept(&calls, &outcome).await;
    assert!(
        kept.lines.iter().all(|line| line.unheard.is_none()),
        "{:#?}",
        kept.lines
    );
    assert_transcript_is_what_was_heard(&kept, &outcome);
}

#[tokio::test]
async fn a_socket_that_breaks_is_followed_by_another_and_the_call_ends_as_one() {
    let script = r#"
        silence_ms = 500
        [[step]]
        do = "wait_for_answer_end"
        [[step]]
        do = "drop_socket"
        abrupt = true
        [[step]]
        do = "wait_for_answer_end"
        [[step]]
        do = "say"
        text = "Muchas gracias, adiós."
        [[step]]
        do = "expect_hang_up"
        within_ms = 10000
    "#;
    let calls = CallServer::start().await;
    let outcome = calls.ring(script).await;
    outcome.assert_script_done();
    outcome.assert_ended_by_server();
    assert_eq!(outcome.streams(), 2);
    calls.nothing_lives().await;
    let kept = kept(&calls, &outcome).await;
    assert_eq!(calls.server.app.store.recent_calls(10).await.expect("a read").len(), 1);
    assert_eq!((kept.call.status.as_str(), kept.call.streams), ("completed", 2));
    assert_eq!(kept.call.ended_reason.as_deref(), Some("finished"));
    assert!(kept.call.disclosure_heard_at.is_some());
    assert_events_match(&calls, &kept).await;
}

#[tokio::test]
async fn a_stopping_server_lets_a_conversation_come_to_its_end() {
    let calls = CallServer::start().await;
    let (answered, is_answered) = oneshot::channel();
    let app = calls.server.app.clone();
    let mut live = app.live_feed.subscribe();
    let watching = tokio::spawn(async move {
        // The first thing that happens is that the line is open.
        let _ = live.recv().await;
        let _ = answered.send(());
    });
    let stopping = async {
        is_answered.await.expect("the call is live");
        calls.server.begin_stop();
        crate::harness::eventually("no new calls", async || {
            let answer = calls.server.ring(&call_sid(0xC0)).await;
            answer.body.contains("<Say") && answer.body.contains("<Hangup/>")
        })
        .await;
    };
    let (outcome, ()) = tokio::join!(calls.ring(SAYS_GOODBYE), stopping);
    watching.await.expect("no panic");
    outcome.assert_script_done();
    outcome.assert_ended_by_server();
    calls.nothing_lives().await;
    let served = tokio::time::timeout(PATIENCE, calls.server.stopped())
        .await
        .expect("in time");
    assert_eq!(served.cut_off, 0);
    assert_eq!(app.metrics.call_completed.get(), 1);
}

#[tokio::test]
async fn a_caller_who_only_says_goodbye_is_no_lead() {
    let calls = CallServer::start().await;
    let outcome = calls.ring(SAYS_GOODBYE).await;
    outcome.assert_script_done();
    outcome.assert_ended_by_server();
    let kept = kept(&calls, &outcome).await;
    assert_eq!(kept.call.ended_reason.as_deref(), Some("finished"));
    assert_eq!(
        calls
            .server
            .app
            .store
            .lead(outcome.call_sid.as_str())
            .await
            .expect("a read"),
        None
    );
    assert_events_match(&calls, &kept).await;
}

/// Who calls us and hangs up with it is believed too.
#[tokio::test]
async fn a_caller_who_wants_no_calls_and_hangs_up_is_on_the_list() {
    let calls = CallServer::start().await;
    let script = "silence_ms = 500\n[[step]]\ndo = \"wait_for_answer_end\"\n[[step]]\ndo = \"say\"\n\
                  text = \"Quítenme de su lista.\"\n[[step]]\ndo = \"silence\"\nms = 1500\n[[step]]\ndo = \"hang_up\"\n";
    let outcome = calls.ring(script).await;
    outcome.assert_script_done();
    calls.nothing_lives().await;
    let store = &calls.server.app.store;
    let listed = store.do_not_call(10).await.expect("a read");
    let numbers: Vec<&str> = listed.iter().map(|row| row.number.as_str()).collect();
    assert_eq!(numbers, ["+525512345678"]);
}

//! Calls whose socket is cut come back and end as one: nothing lost, nothing doubled, nothing asked twice.

use crate::conversation::HAPPY;
use crate::harness::{CallServer, eventually};
use crate::store::disclosed;
use futures::future::join_all;
use talia_simulator::cut::{Cut, CutAt};
use talia_simulator::events::{Side, What};
use talia_simulator::outcome::CallOutcome;
use talia_simulator::settings::AfterBreak;
use talia_voice::store::{EventType, LeadRow, SegmentRow};

/// What the caller of the happy conversation says.
pub(crate) const SAID: [&str; 4] = [
    "Quiero bajar mi recibo de luz.",
    "Me llamo Carlos Herrera.",
    "Sí, a ese número.",
    "No, es todo, gracias.",
];

/// The happy conversation of a caller who waits long enough that a slow machine's pause between two sentences isn't
/// taken for the end of an answer.
pub(crate) fn patient() -> String {
    HAPPY.replace("silence_ms = 500", "silence_ms = 1200")
}

/// Reads what is kept of a call.
async fn kept(calls: &CallServer, outcome: &CallOutcome) -> (Vec<SegmentRow>, LeadRow) {
    let (sid, store) = (outcome.call_sid.as_str(), &calls.server.app.store);
    let lines = store.transcript(sid).await.expect("a read");
    let Some(lead) = store.lead(sid).await.expect("a read") else {
        panic!("no lead: {lines:#?}\n{:#?}", outcome.log);
    };
    (lines, lead)
}

pub(crate) fn at(outcome: &CallOutcome, such: impl Fn(&What) -> bool) -> Vec<u64> {
    let events = outcome.log.iter().filter(|event| such(&event.what));
    events.map(|event| event.at_ms).collect()
}

/// Whether the caller was speaking when the first stream ended: then the second hears the rest of the line, which ears
/// that miss nothing hear as the whole.
fn cut_in_the_callers_line(outcome: &CallOutcome) -> bool {
    let cut = at(outcome, |what| matches!(what, What::StreamEnd { .. }))[0];
    let began = at(outcome, |what| {
        matches!(what, What::SpeechBegin { side: Side::Caller, .. })
    });
    let ended = at(outcome, |what| {
        matches!(what, What::SpeechEnd { side: Side::Caller, .. })
    });
    began
        .iter()
        .zip(&ended)
        .any(|(from, to)| (*from..*to + 100).contains(&cut))
}

/// The call was broken once, and ended as one.
pub(crate) async fn check(calls: &CallServer, outcome: &CallOutcome, how: &str) {
    check_of_streams(calls, outcome, (2, how)).await;
}

/// The same of a call that needed so many streams.
pub(crate) async fn check_of_streams(calls: &CallServer, outcome: &CallOutcome, (streams, how): (i64, &str)) {
    outcome.assert_script_done();
    calls.nothing_lives().await;
    let store = &calls.server.app.store;
    let (lines, lead) = kept(calls, outcome).await;
    let row = store
        .call(outcome.call_sid.as_str())
        .await
        .expect("a read")
        .expect("a row");
    assert_eq!(
        (row.status.as_str(), row.streams, row.ended_reason.as_deref()),
        ("completed", streams, Some("finished")),
        "{how}"
    );
    // Everything that the caller said is there once, in order.
    let mut caller: Vec<&str> = lines
        .iter()
        .filter(|line| line.speaker == "caller")
        .map(|line| line.text.as_str())
        .collect();
    if cut_in_the_callers_line(outcome) {
        caller.dedup();
    }
    assert_eq!(caller, SAID, "{how}: {lines:#?}");
    // The disclosure is heard to its end once, however often it had to be begun.
    let disclosures = lines.iter().filter(|line| line.kind.as_deref() == Some("disclosure"));
    assert_eq!(
        disclosures.filter(|line| line.unheard.is_none()).count(),
        1,
        "{how}: {lines:#?}"
    );
    // The transcript's times run on from the first stream.
    assert!(
        lines.windows(2).all(|pair| pair[0].began_ms <= pair[1].ended_ms),
        "{how}: {lines:#?}"
    );
    assert_eq!(
        (
            lead.name.as_deref(),
            lead.phone.as_deref(),
            lead.phone_confirmed,
            lead.purpose.as_deref()
        ),
        (
            Some("Carlos Herrera"),
            Some("+525512345678"),
            true,
            Some("Quiero bajar mi recibo de luz.")
        ),
        "{how}"
    );
    let events = store.events_after(0, 1_000).await.expect("a read");
    let of = |kind| events.iter().filter(|event| event.kind == kind).count();
    assert_eq!(
        (
            of(EventType::CallStarted),
            of(EventType::CallCompleted),
            of(EventType::LeadCreated)
        ),
        (1, 1, 1),
        "{how}"
    );
    assert_eq!(of(EventType::TranscriptSegment), lines.len(), "{how}");
}

async fn cut(at: CutAt, abrupt: bool) {
    let calls = CallServer::start().await;
    let cut = Cut {
        stream: Some(1),
        at,
        abrupt,
    };
    let outcome = calls.ring_with(&patient(), |plan| plan.cuts = vec![cut]).await;
    check(&calls, &outcome, &format!("{at:?}")).await;
}

/// The conversation lasts about 29 seconds: it is cut in its disclosure, its greeting, in each of the caller's
/// lines, in the waits for words, in each answer, in its goodbye.
#[tokio::test]
async fn a_socket_that_is_cut_at_any_moment_comes_back_and_the_call_ends_as_one() {
    let moments = (400..26_500).step_by(1_200);
    join_all(moments.map(|ms| cut(CutAt::Ms(ms), ms % 200 == 0))).await;
}

#[tokio::test]
async fn a_socket_that_is_cut_while_somebody_speaks_comes_back_too() {
    let while_speaking = [200, 900, 1_600].into_iter().flat_map(|after_ms| {
        [
            CutAt::AssistantSpeaks { after_ms },
            CutAt::CallerSpeaks { after_ms: after_ms / 2 },
        ]
    });
    join_all(while_speaking.map(|at| cut(at, true))).await;
}

/// Twilio's pages don't say what follows a broken socket. Where nothing does, the surviving server tells Twilio by REST.
#[tokio::test]
async fn a_carrier_that_hangs_behind_a_broken_socket_is_told_to_come_back() {
    let calls = CallServer::start_with_rest(&[("TALIA_LIMITS__RESUME_AFTER_S", "1")]).await;
    let (carrier, api) = calls.carrier_with(|settings| {
        settings.after_break = AfterBreak::Hangs { at_most_ms: 20_000 };
    });
    let cut = Cut {
        stream: Some(1),
        at: CutAt::Ms(9_000),
        abrupt: true,
    };
    let outcome = calls
        .ring_through(&carrier, &patient(), |plan| plan.cuts = vec![cut])
        .await;
    assert_eq!(at(&outcome, |what| matches!(what, What::Hangs)).len(), 1);
    check(&calls, &outcome, "hangs").await;
    // It was recalled once, and ended by REST once.
    let requests = api.expect("an API").journal().requests();
    let updates: Vec<&str> = requests
        .iter()
        .flat_map(|request| [request.form.get("Url"), request.form.get("Status")])
        .flatten()
        .collect();
    assert!(
        matches!(updates[..], [url, "completed"] if url.ends_with("/api/voice/after")),
        "{updates:?}"
    );
}

/// A stream that only looks alive from here: nothing but Twilio's `stream-error` says that it is broken. The server gives
/// it up, and, as Twilio waits for a word, says it.
#[tokio::test]
async fn a_stream_that_twilio_says_is_broken_is_given_up_and_the_call_comes_back() {
    let calls = CallServer::start_with_rest(&[("TALIA_LIMITS__RESUME_AFTER_S", "1")]).await;
    let (carrier, api) = calls.carrier_with(|settings| {
        settings.after_break = AfterBreak::Hangs { at_most_ms: 20_000 };
        settings.breaks_unseen = true;
    });
    let cut = Cut {
        stream: Some(1),
        at: CutAt::Ms(9_000),
        abrupt: true,
    };
    let outcome = calls
        .ring_through(&carrier, &patient(), |plan| plan.cuts = vec![cut])
        .await;
    let ends = outcome.log.iter().filter_map(|event| match event.what {
        What::StreamEnd { how, .. } => Some(how),
        _ => None,
    });
    assert_eq!(
        ends.take(1).collect::<Vec<_>>(),
        ["lost by the network, unseen by the server"]
    );
    check(&calls, &outcome, "unseen").await;
    let requests = api.expect("an API").journal().requests();
    let recalls = requests.iter().filter_map(|request| request.form.get("Url"));
    assert_eq!(recalls.count(), 1, "{requests:?}");
}

#[tokio::test]
async fn the_first_words_after_a_break_are_an_apology_and_no_second_disclosure() {
    let calls = CallServer::start().await;
    let cut = Cut {
        stream: Some(1),
        at: CutAt::Ms(9_000),
        abrupt: true,
    };
    let outcome = calls.ring_with(&patient(), |plan| plan.cuts = vec![cut]).await;
    let (lines, _) = kept(&calls, &outcome).await;
    let again = lines
        .iter()
        .find(|line| line.text.starts_with("Perdona, se cortó"))
        .expect("an apology");
    let behind = lines.iter().skip_while(|line| line.id != again.id);
    assert!(behind.clone().all(|line| line.kind.as_deref() != Some("disclosure")));
}

/// A second stream for a live call takes over only with a token of its own, which only a signed webhook gives.
#[tokio::test]
async fn a_second_stream_takes_over_with_a_fresh_token_only() {
    use crate::harness::{Stream, call_sid, inbound_form, start, stream_path};
    let calls = CallServer::start().await;
    let server = &calls.server;
    let sid = call_sid(0x77);
    let path = server.ring_for_stream(&sid).await;
    let mut first = Stream::open(server.address, &path).await.expect("a socket");
    first.send(crate::harness::CONNECTED).await;
    first.send(&start(&sid)).await;
    eventually("the call is live", async || server.app.live.count() == 1).await;
    assert!(
        Stream::open(server.address, &path).await.is_err(),
        "the token is used up"
    );
    let answer = server.post("/api/voice/after", &inbound_form(&sid)).await;
    let path = stream_path(&answer.body);
    let mut second = Stream::open(server.address, &path).await.expect("a socket");
    second.send(crate::harness::CONNECTED).await;
    second.send(&start(&sid)).await;
    first.closed().await;
    let conversation = server
        .app
        .store
        .conversation(&sid)
        .await
        .expect("a read")
        .expect("a row");
    assert_eq!(conversation.fence, 2);
    eventually("one stream is left", async || server.app.live.count() == 1).await;
}

/// The stream's node is gone; another process on the same database, or the same server started anew, goes on.
#[tokio::test]
async fn another_node_goes_on_with_the_conversation() {
    use crate::harness::{CONNECTED, PATIENCE, Stream, TestServer, call_sid, inbound_form, start, stream_path};
    use talia_voice::call::live::LiveEvent;
    use talia_voice::clock::Clock;
    let first = TestServer::start().await;
    let database = first.app.config.database.url.clone();
    let same = [("TALIA_DATABASE_URL", database.as_str())];
    let second = TestServer::start_with(&same, Clock::real()).await;
    let sid = call_sid(0x78);
    let stream = first.ring_and_stream(&sid).await;
    let store = &second.app.store;
    eventually("there is something to remember", async || {
        let kept = store.conversation(&sid).await.expect("a read");
        kept.is_some_and(|kept| kept.memory.is_some())
    })
    .await;
    let disclosed = disclosed(&sid, &first.app.clock);
    first.app.store.disclosure_heard(disclosed).await.expect("a write");
    drop(stream);

    let mut live = second.app.live_feed.subscribe();
    let answer = second.post("/api/voice/after", &inbound_form(&sid)).await;
    let path = stream_path(&answer.body);
    let mut stream = Stream::open(second.address, &path).await.expect("a socket");
    stream.send(CONNECTED).await;
    stream.send(&start(&sid)).await;
    let first_words = async {
        loop {
            if let LiveEvent::Says { text } = live.recv().await.expect("an event").event {
                return text;
            }
        }
    };
    let said = tokio::time::timeout(PATIENCE, first_words).await.expect("a word");
    assert_eq!(said, "Perdona, se cortó un momento.");
    let conversation = store.conversation(&sid).await.expect("a read").expect("a row");
    assert_eq!(conversation.fence, 2);
}

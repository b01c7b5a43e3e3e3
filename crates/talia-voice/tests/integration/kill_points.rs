//! The process dies at each step of a call, and another one goes on: nothing that was acknowledged is lost, nothing is
//! doubled, and the caller's conversation ends as one.

use crate::harness::{CallServer, Keeper, NatsServer, eventually};
use crate::resume::{SAID, check_of_streams, patient};
use crate::sinks::rig::{all_once_and_in_order, in_the_end, outbox};
use futures::future::join_all;
use talia_dialogue::Speaker;
use talia_simulator::events::{Purpose, Side, What};
use talia_voice::call::live::LiveEvent;
use talia_voice::store::EventType;
use tempfile::TempDir;

/// Where the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The webhook's connection stands; nobody has answered it.
    WebhookReceived,
    /// The call's row is in the database.
    RowWritten,
    /// Twilio has its TwiML.
    TwimlSent,
    /// The call is among the live ones: its socket was accepted and `start` was understood.
    SocketAccepted,
    /// Twilio hears TalIA's first sound.
    FirstAudio,
    /// The caller has heard the disclosure, and the row says so.
    DisclosureHeard,
    /// The caller's words are final and on their way to the database.
    FinalTranscript,
    /// They are in the database, in one transaction with their event and what the conversation remembers.
    SegmentCommitted,
    /// NATS has acknowledged their event, and the database may not know that.
    NatsAcknowledged,
    /// The lead is in the database with its event.
    LeadCommitted,
}

const STEPS: [Step; 10] = [
    Step::WebhookReceived,
    Step::RowWritten,
    Step::TwimlSent,
    Step::SocketAccepted,
    Step::FirstAudio,
    Step::DisclosureHeard,
    Step::FinalTranscript,
    Step::SegmentCommitted,
    Step::NatsAcknowledged,
    Step::LeadCommitted,
];

impl Step {
    /// Waits until the call has come so far.
    async fn is_reached(self, calls: &CallServer) {
        let app = &calls.server.app;
        let events = async |kind: EventType| {
            let events = app.store.events_after(0, 1_000).await.expect("a read");
            events.iter().filter(|event| event.kind == kind).count()
        };
        match self {
            Self::TwimlSent | Self::FirstAudio => {
                let mut seen = calls.seen.subscribe();
                let is_it = |what: &What| match what {
                    What::Webhook { purpose, status, .. } => {
                        self == Self::TwimlSent && *purpose == Purpose::Voice && *status == Some(200)
                    }
                    What::SpeechBegin { side, .. } => self == Self::FirstAudio && *side == Side::Assistant,
                    _ => false,
                };
                while !is_it(&seen.recv().await.expect("the call goes on")) {}
            }
            Self::FinalTranscript => {
                let mut live = app.live_feed.subscribe();
                loop {
                    let item = live.recv().await.expect("the call goes on");
                    if matches!(&item.event, LiveEvent::Line(entry) if entry.speaker == Speaker::Caller) {
                        return;
                    }
                }
            }
            Self::WebhookReceived => {
                eventually("a connection", async || app.metrics.connections.get() > 0).await;
            }
            Self::RowWritten => eventually("a row", async || events(EventType::CallStarted).await > 0).await,
            Self::SocketAccepted => eventually("a live call", async || app.live.count() > 0).await,
            Self::DisclosureHeard => {
                eventually("the disclosure was heard", async || {
                    let newest = app.store.recent_calls(1).await.expect("a read");
                    newest.iter().any(|call| call.disclosure_heard_at.is_some())
                })
                .await;
            }
            Self::SegmentCommitted => {
                eventually("the caller's first line", async || {
                    !caller_lines(calls).await.is_empty()
                })
                .await;
            }
            Self::NatsAcknowledged => {
                // Behind the caller's first line.
                eventually("its event was taken", async || {
                    !caller_lines(calls).await.is_empty()
                        && app.metrics.event_delivered_count("nats") as usize
                            > events(EventType::TranscriptSegment).await
                })
                .await;
            }
            Self::LeadCommitted => in_the_end("a lead", async || events(EventType::LeadCreated).await > 0).await,
        }
    }
}

async fn caller_lines(calls: &CallServer) -> Vec<String> {
    let store = &calls.server.app.store;
    let newest = store.recent_calls(1).await.expect("a read");
    let Some(call) = newest.first() else { return Vec::new() };
    let lines = store.transcript(&call.call_sid).await.expect("a read");
    let said = lines.into_iter().filter(|line| line.speaker == "caller");
    said.map(|line| line.text).collect()
}

/// A call through the death at this step; answers what the table says of it.
async fn through(keeper: Keeper, step: Step) -> String {
    let nats = NatsServer::start();
    let url = keeper.new_database(&TempDir::new().expect("a folder"));
    let nats_url = nats.url();
    let mut settings = vec![("TALIA_NATS_URL", nats_url.as_str())];
    if keeper == Keeper::Postgres {
        settings.push(("TALIA_DATABASE_URL", url.as_str()));
    }
    let (first, mortal) = CallServer::start_mortal(&settings).await;
    let (carrier, _api) = first.carrier_with(|settings| {
        // As `talia-voice twilio connect` sets the number up.
        settings.voice_url += "#rc=5&rp=all";
    });
    let dying = async {
        step.is_reached(&first).await;
        let acknowledged = caller_lines(&first).await;
        mortal.kill();
        (first.again(&settings[..1]).await, acknowledged)
    };
    let script = format!("patience_ms = 60000\n{}", patient());
    let ringing = first.ring_through(&carrier, &script, |_| {});
    let (outcome, ((second, _mortal), acknowledged)) = tokio::join!(ringing, dying);
    let how = format!("{keeper:?} {step:?}");
    let store = &second.server.app.store;
    let row = store
        .call(outcome.call_sid.as_str())
        .await
        .expect("a read")
        .expect("a row");
    if step == Step::FinalTranscript {
        // These words may be gone: nobody was told that they are kept. The caller is asked again and says the rest.
        second.nothing_lives().await;
    } else {
        check_of_streams(&second, &outcome, (row.streams, &how)).await;
    }
    let said = caller_lines(&second).await;
    assert!(
        acknowledged.iter().all(|line| said.contains(line)),
        "{how}: {acknowledged:?} {said:?}"
    );
    for line in SAID {
        assert!(said.iter().filter(|said| *said == line).count() <= 2, "{how}: {said:?}");
    }
    let lines = store.transcript(outcome.call_sid.as_str()).await.expect("a read");
    let events = outbox(&second.server).await;
    let of = |kind| events.iter().filter(|event| event.kind == kind).count();
    assert_eq!(of(EventType::TranscriptSegment), lines.len(), "{how}");
    assert_eq!(of(EventType::CallStarted), 1, "{how}");
    assert!(of(EventType::LeadCreated) <= 1, "{how}");
    let report = store.verify_audit(None).await.expect("a read");
    assert!(report.faults.is_empty(), "{how}: {:?}", report.faults);
    // Whatever the outbox holds is in the stream once, in each call's order, also what was acknowledged to a dead process.
    let jetstream = nats.jetstream(None).await;
    in_the_end("everything is in the stream", async || {
        let lag = store.sink_lag("nats").await.expect("a read");
        lag.expect("a sink").events == 0
    })
    .await;
    let events = outbox(&second.server).await;
    all_once_and_in_order(&events, &nats.published(&jetstream).await);
    format!(
        "{keeper:?} {step:?}: {} streams, {} lines acknowledged before, {} lines, {} events, all once",
        row.streams,
        acknowledged.len(),
        lines.len(),
        events.len()
    )
}

/// The process that took the call over dies as well, as soon as the caller hears it; a third one ends the call.
async fn twice(keeper: Keeper) {
    let url = keeper.new_database(&TempDir::new().expect("a folder"));
    let settings = match keeper {
        Keeper::Sqlite => Vec::new(),
        Keeper::Postgres => vec![("TALIA_DATABASE_URL", url.as_str())],
    };
    let (first, mortal) = CallServer::start_mortal(&settings).await;
    let (carrier, _api) = first.carrier_with(|settings| {
        settings.voice_url += "#rc=5&rp=all";
    });
    let dying = async {
        Step::SegmentCommitted.is_reached(&first).await;
        mortal.kill();
        let (second, mortal) = first.again(&[]).await;
        // The simulation is watched where it was begun.
        let mut seen = first.seen.subscribe();
        Step::SocketAccepted.is_reached(&second).await;
        let begins = |what: &What| matches!(what, What::SpeechBegin { side, .. } if *side == Side::Assistant);
        while !begins(&seen.recv().await.expect("the call goes on")) {}
        mortal.kill();
        second.again(&[]).await
    };
    let script = format!("patience_ms = 60000\n{}", patient());
    let ringing = first.ring_through(&carrier, &script, |_| {});
    let (outcome, (third, _mortal)) = tokio::join!(ringing, dying);
    let how = format!("{keeper:?}, twice");
    check_of_streams(&third, &outcome, (3, &how)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_death_during_the_recovery_from_a_death_is_survived_too() {
    Box::pin(async { tokio::join!(twice(Keeper::Sqlite), twice(Keeper::Postgres)) }).await;
}

async fn every_step(keeper: Keeper) {
    for line in join_all(STEPS.map(|step| through(keeper, step))).await {
        println!("{line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_death_at_any_step_loses_and_doubles_nothing_on_sqlite() {
    every_step(Keeper::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_death_at_any_step_loses_and_doubles_nothing_on_postgres() {
    every_step(Keeper::Postgres).await;
}

//! What the tests of sinks have in common: calls that are written down, and what must have come of them.

use crate::harness::{PATIENCE, Published, TestServer};
use crate::store::{new_call, segment};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use talia_dialogue::EndReason;
use talia_voice::clock::Clock;
use talia_voice::store::{LeadFields, OutboxRow, Record, Store};

/// Events of one call of [`write_call`] with so many lines.
pub(crate) const fn events_of(lines: usize) -> usize {
    lines + 3
}

/// Writes down a whole call.
pub(crate) async fn write_call(store: &Store, clock: &Clock, sid: &str, lines: usize) {
    store.call_started(new_call(sid, clock)).await.expect("a write");
    for line in 0..lines {
        let line = Record::Segment(segment(sid, format!("línea {line}"), clock));
        store.keep(line).await.expect("a write");
    }
    let fields = LeadFields {
        name: Some("Ana Pérez".to_owned()),
        ..LeadFields::default()
    };
    store.save_lead(sid, fields).await.expect("a write");
    store.call_ended(sid, EndReason::Finished).await.expect("a write");
    let over = talia_voice::store::StatusReport {
        call_sid: sid.to_owned(),
        status: talia_twilio::CallStatus::Completed,
        sequence: Some(3),
        duration_s: Some(31),
        at: clock.wall(),
    };
    store.advance_status(over).await.expect("a write");
}

/// The whole outbox.
pub(crate) async fn outbox(server: &TestServer) -> Vec<OutboxRow> {
    server.app.store.events_after(0, 1_000_000).await.expect("a read")
}

/// Everything of the outbox is there once, under its id, and each call's events are in their order.
pub(crate) fn all_once_and_in_order(outbox: &[OutboxRow], published: &[Published]) {
    let ids = |ids: &mut dyn Iterator<Item = (String, String)>| {
        let mut by_call: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (call, id) in ids {
            by_call.entry(call).or_default().push(id);
        }
        by_call
    };
    let wanted = ids(&mut outbox.iter().map(|row| (row.call_sid.clone(), row.id.clone())));
    let came = ids(&mut published.iter().map(|message| {
        let event = message.event();
        let text = |name: &str| event[name].as_str().expect("text").to_owned();
        assert_eq!(text("id"), message.id);
        (text("subject"), text("id"))
    }));
    assert_eq!(came, wanted);
}

/// Judges an event by the schema that is published for consumers.
pub(crate) fn fits_the_schema(event: &Value) {
    let schema = include_str!("../../../../../docs/events.schema.json");
    let schema: Value = serde_json::from_str(schema).expect("JSON");
    let options = jsonschema::options().should_validate_formats(true);
    let judge = options.build(&schema).expect("a schema");
    let faults: Vec<String> = judge.iter_errors(event).map(|error| error.to_string()).collect();
    assert!(faults.is_empty(), "{faults:?} in {event}");
}

/// Waits longer than for other things: a closed door is tried again after up to ten seconds.
pub(crate) async fn in_the_end(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let mut pulse = tokio::time::interval(Duration::from_millis(20));
    let waiting = async {
        while !so().await {
            pulse.tick().await;
        }
    };
    tokio::time::timeout(3 * PATIENCE, waiting)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}

//! Leads: where each field was heard, what is told of changes, which are of one person, on both engines.

/// Each of these on both engines.
macro_rules! on_both {
    ($($name:ident)+) => {
        mod on_sqlite {
            $(#[tokio::test] async fn $name() { super::$name(super::Keeper::Sqlite).await; })+
        }

        mod on_postgres {
            $(#[tokio::test] async fn $name() { super::$name(super::Keeper::Postgres).await; })+
        }
    };
}

mod before;
mod calls;
mod export;

use crate::harness::{Keeper, TestServer, call_sid, noon};
use crate::sinks::rig::fits_the_schema;
use crate::store::new_call;
use futures::future::join_all;
use serde_json::{Value, json};
use std::sync::Arc;
use talia_voice::clock::Clock;
use talia_voice::store::{HeardField, HeardIn, LeadField, LeadFields, LeadRow, NewCall, Record, Store, StoreSettings};
use talia_voice::telemetry::Metrics;
use tempfile::TempDir;

on_both! {
    each_change_of_a_kept_lead_is_told_once_and_nothing_else_is
    an_older_word_fills_gaps_and_replaces_nothing
    a_field_that_changes_forgets_where_its_old_value_was_heard
    leads_of_one_person_point_to_the_first
    two_calls_of_a_person_at_once_have_one_first_lead
}

/// A store of this engine, and the folder that it may live in.
pub(crate) struct Place {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) url: String,
    pub(crate) folder: TempDir,
    metrics: Arc<Metrics>,
}

impl Place {
    pub(crate) async fn new(keeper: Keeper) -> Self {
        let folder = TempDir::new().expect("a folder");
        let url = keeper.new_database(&folder);
        let (clock, metrics) = (Clock::manual(noon()), Arc::new(Metrics::default()));
        let store = Store::open(StoreSettings::new(&url), clock.clone(), metrics.clone())
            .await
            .expect("a store");
        Self {
            store,
            clock,
            url,
            folder,
            metrics,
        }
    }

    /// A call of this number's.
    pub(crate) async fn rings(&self, sid: &str, from: &str) {
        let call = NewCall {
            from: from.to_owned(),
            ..new_call(sid, &self.clock)
        };
        self.store.call_started(call).await.expect("a write");
    }

    /// A call of this number's that leaves this lead.
    pub(crate) async fn leaves(&self, number: u32, from: &str, fields: LeadFields) -> LeadRow {
        let sid = call_sid(number);
        self.rings(&sid, from).await;
        self.clock.advance(std::time::Duration::from_mins(1));
        self.store.save_lead(&sid, fields).await.expect("a write");
        self.lead(&sid).await
    }

    pub(crate) async fn lead(&self, sid: &str) -> LeadRow {
        self.store.lead(sid).await.expect("a read").expect("a lead")
    }

    /// What was told of leads: the kind, and the names of the changed fields.
    async fn told(&self, sid: &str) -> Vec<Value> {
        told(&self.store, sid).await
    }
}

/// What was told of a call's leads, judged by the schema: the kind, and the names of the changed fields.
pub(crate) async fn told(store: &Store, sid: &str) -> Vec<Value> {
    let events = store.events_after(0, 1_000).await.expect("a read");
    let mut told = Vec::new();
    for row in events.iter().filter(|row| row.call_sid == sid) {
        if row.kind.as_str().starts_with("lead_") {
            let event: Value = serde_json::from_str(&row.event).expect("JSON");
            fits_the_schema(&event);
            told.push(json!([event["type"], event["data"]["changed"]]));
        }
    }
    told
}

pub(crate) fn named(name: &str) -> LeadFields {
    LeadFields {
        name: Some(name.to_owned()),
        ..LeadFields::default()
    }
}

fn phoned(phone: &str, confirmed: bool) -> LeadFields {
    LeadFields {
        phone: Some(phone.to_owned()),
        phone_confirmed: confirmed,
        ..named("Ana")
    }
}

async fn each_change_of_a_kept_lead_is_told_once_and_nothing_else_is(keeper: Keeper) {
    let place = Place::new(keeper).await;
    let sid = call_sid(0x300);
    let email = LeadFields {
        email: Some("ana@ejemplo.mx".to_owned()),
        ..named("Ana")
    };
    let first = place.leaves(0x300, "anonymous", email.clone()).await;
    let mut writes = vec![email.clone()];
    // Filled, and again; confirmed, and again.
    let company = LeadFields {
        company: Some("Ejemplo".to_owned()),
        ..LeadFields::default()
    };
    writes.extend([company.clone(), company]);
    let confirmed = LeadFields {
        email_confirmed: true,
        ..email
    };
    writes.extend([confirmed.clone(), confirmed.clone()]);
    // Two corrections at once.
    writes.push(LeadFields {
        name: Some("Ana Pérez".to_owned()),
        email: Some("ana.perez@ejemplo.mx".to_owned()),
        ..LeadFields::default()
    });
    let mut times = vec![first.updated_at.clone()];
    for fields in writes {
        place.clock.advance(std::time::Duration::from_secs(1));
        place.store.save_lead(&sid, fields).await.expect("a write");
        times.push(place.lead(&sid).await.updated_at);
    }
    assert_eq!(
        place.told(&sid).await,
        [
            json!(["lead_created", null]),
            json!(["lead_updated", ["company"]]),
            json!(["lead_updated", ["email"]]),
            json!(["lead_updated", ["name", "email"]]),
        ]
    );
    // The row moves when it is changed, and only then.
    let moved: Vec<bool> = times.windows(2).map(|pair| pair[0] != pair[1]).collect();
    assert_eq!(moved, [false, true, false, true, false, true]);
    assert_eq!(
        (place.metrics.lead_created.get(), place.metrics.lead_updated.get()),
        (1, 3)
    );
    let row = place.lead(&sid).await;
    assert_eq!(
        (row.id, row.name.as_deref(), row.email_confirmed, row.company.as_deref()),
        (first.id, Some("Ana Pérez"), false, Some("Ejemplo"))
    );
}

async fn an_older_word_fills_gaps_and_replaces_nothing(keeper: Keeper) {
    let place = Place::new(keeper).await;
    let sid = call_sid(0x301);
    place.rings(&sid, "anonymous").await;
    let say = async |stream: i64, fields: LeadFields| {
        let record = Record::Lead {
            call_sid: sid.clone(),
            stream,
            fields,
            at: place.clock.wall(),
        };
        place.store.keep(record).await.expect("a write");
    };
    say(2, phoned("+525511110000", true)).await;
    let older = LeadFields {
        company: Some("Ejemplo".to_owned()),
        heard: [(LeadField::Phone, 7), (LeadField::Company, 9)]
            .map(|(field, ms)| heard(field, ms))
            .into(),
        ..phoned("+525522220000", false)
    };
    // A node that lost the call writes down what it knew.
    say(1, older.clone()).await;
    say(1, older).await;
    let row = place.lead(&sid).await;
    assert_eq!(
        (row.phone.as_deref(), row.phone_confirmed, row.company.as_deref()),
        (Some("+525511110000"), true, Some("Ejemplo"))
    );
    assert_eq!(
        place.told(&sid).await,
        [json!(["lead_created", null]), json!(["lead_updated", ["company"]])]
    );
    // The newer stream goes on.
    say(2, phoned("+525533330000", false)).await;
    let row = place.lead(&sid).await;
    assert_eq!(
        (row.phone.as_deref(), row.phone_confirmed),
        (Some("+525533330000"), false)
    );
}

fn heard(field: LeadField, heard_ms: i64) -> HeardField {
    HeardField {
        field,
        origin: HeardIn::Words,
        segment_id: Some(format!("0192f0a0-0000-7000-8000-{heard_ms:012}")),
        heard_ms: Some(heard_ms),
        read_back: true,
        confirmed: false,
    }
}

async fn a_field_that_changes_forgets_where_its_old_value_was_heard(keeper: Keeper) {
    let place = Place::new(keeper).await;
    let sid = call_sid(0x302);
    let fields = LeadFields {
        heard: vec![heard(LeadField::Name, 5), heard(LeadField::Phone, 6)],
        ..phoned("+525511110000", false)
    };
    let lead = place.leaves(0x302, "anonymous", fields).await;
    let known = async || {
        let rows = place.store.lead_fields(&lead.id).await.expect("a read");
        let rows = rows
            .into_iter()
            .map(|row| (row.field, row.origin, row.heard_ms, row.segment_id));
        rows.collect::<Vec<_>>()
    };
    let of = |field: LeadField, ms: i64| {
        let heard = heard(field, ms);
        (
            field.as_str().to_owned(),
            "words".to_owned(),
            heard.heard_ms,
            heard.segment_id,
        )
    };
    assert_eq!(known().await, [of(LeadField::Name, 5), of(LeadField::Phone, 6)]);
    // Another value, and nobody says where it was heard.
    place.store.save_lead(&sid, named("Eva")).await.expect("a write");
    assert_eq!(known().await, [of(LeadField::Phone, 6)]);
    let found = LeadFields {
        heard: vec![heard(LeadField::Name, 8)],
        ..named("Eva")
    };
    let before = place.told(&sid).await;
    place.store.save_lead(&sid, found).await.expect("a write");
    assert_eq!(known().await, [of(LeadField::Name, 8), of(LeadField::Phone, 6)]);
    // The row is as it was.
    assert_eq!(place.told(&sid).await, before);
}

async fn leads_of_one_person_point_to_the_first(keeper: Keeper) {
    let place = Place::new(keeper).await;
    let (ana, eva) = ("+525512345678", "+525587654321");
    let first = place.leaves(0x310, ana, named("Ana")).await;
    assert_eq!((first.person.as_deref(), &first.first_lead_id), (Some(ana), &None));
    let again = place.leaves(0x311, ana, named("Ana")).await;
    assert_eq!(again.first_lead_id.as_ref(), Some(&first.id));
    // From another line, by the telephone that she confirmed.
    let elsewhere = place.leaves(0x312, eva, phoned(ana, true)).await;
    assert_eq!(
        (elsewhere.person.as_deref(), elsewhere.first_lead_id.as_ref()),
        (Some(ana), Some(&first.id))
    );
    // A telephone that nobody agreed to may be misheard.
    let misheard = place.leaves(0x313, eva, phoned(ana, false)).await;
    assert_eq!(
        (misheard.person.as_deref(), &misheard.first_lead_id),
        (Some(eva), &None)
    );
    // Whoever can't be known by a number is nobody's second.
    for (number, line) in (0x314..).zip(["anonymous", "client:eva", "sip:eva@ejemplo.mx", "+266696687", "", "+52"]) {
        for number in [number, number + 0x10] {
            let unknown = place.leaves(number, line, named("Eva")).await;
            assert_eq!((unknown.person, unknown.first_lead_id), (None, None), "{line}");
        }
    }
    // The first turns out to be another's: the next one is the first of those who are left.
    let sid = call_sid(0x310);
    place.store.save_lead(&sid, phoned(eva, true)).await.expect("a write");
    let first = place.lead(&sid).await;
    let [again, elsewhere, misheard] = [
        place.lead(&call_sid(0x311)).await,
        place.lead(&call_sid(0x312)).await,
        place.lead(&call_sid(0x313)).await,
    ];
    assert_eq!(
        (&again.first_lead_id, elsewhere.first_lead_id.as_ref()),
        (&None, Some(&again.id))
    );
    assert_eq!(
        (&first.first_lead_id, misheard.first_lead_id.as_ref()),
        (&None, Some(&first.id))
    );
    // None of the others was told anew.
    assert_eq!(place.told(&call_sid(0x312)).await, [json!(["lead_created", null])]);
}

async fn two_calls_of_a_person_at_once_have_one_first_lead(keeper: Keeper) {
    let place = Place::new(keeper).await;
    let sids: Vec<String> = (0x340..0x360).map(call_sid).collect();
    for sid in &sids {
        place.rings(sid, "+525512345678").await;
    }
    let results = join_all(sids.iter().map(|sid| place.store.save_lead(sid, named("Ana")))).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let mut firsts = Vec::new();
    let mut others = Vec::new();
    for sid in &sids {
        let lead = place.lead(sid).await;
        match lead.first_lead_id {
            None => firsts.push(lead.id),
            Some(first) => others.push(first),
        }
    }
    assert_eq!((firsts.len(), others.len()), (1, sids.len() - 1));
    assert!(others.iter().all(|first| *first == firsts[0]), "{others:?}");
}

/// What is shown of a call has where its lead was heard, and no lead is no fault.
#[tokio::test]
async fn a_call_without_lead_shows_none() {
    let server = TestServer::start_with(&[], Clock::real()).await;
    let sid = call_sid(0x361);
    server.ring_and_keep(&sid).await;
    let answer = server.get(&format!("/api/voice/calls/{sid}"), &[]).await;
    let whole: Value = serde_json::from_str(&answer.body).expect("JSON");
    assert!(whole["lead"].is_null() && whole["call"].is_object(), "{whole}");
}

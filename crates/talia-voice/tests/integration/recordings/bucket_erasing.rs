//! An erased recording leaves nothing in the bucket, whenever it was erased and whoever died meanwhile.

use super::bucket_troubles::{PATIENT, Shop};
use super::rig::{Operator, SEALED, row_of};
use crate::conversation::HAPPY;
use crate::harness::{Keeper, Mood, S3, eventually, noon};
use std::time::Duration;
use talia_voice::clock::Clock;
use talia_voice::privacy::{EraseError, Eraser};
use talia_voice::recordings::{Bell, Folder};
use talia_voice::store::{Erased, Erasure};
use talia_voice::telemetry::labels::{BucketFault, BucketOperation};

fn asked(call_sid: &str) -> Erasure {
    Erasure {
        call_sid: call_sid.to_owned(),
        reason: "request",
        by: "test".to_owned(),
    }
}

fn eraser(shop: &Shop, bell: &Bell) -> Eraser {
    let eraser = Eraser::new(shop.lone.store.clone(), Folder::new(shop.folder()), &shop.lone.url);
    eraser.with_bucket(Some(shop.bucket(&[])), bell.clone())
}

async fn nothing_is_left(shop: &Shop, sid: &str) {
    eventually("no object, no file, no row that wants one removed", async || {
        let row = shop.row(sid).await;
        shop.s3.holds() == (0, 0) && row.object.is_none() && !shop.folder().join(row.place).exists()
    })
    .await;
    let row = shop.row(sid).await;
    assert_eq!((row.state.as_str(), row.sealed_key), ("erased", None));
}

async fn erased_before_it_is_uploaded_it_never_is(keeper: Keeper) {
    let mut shop = Shop::open(keeper, Clock::real()).await;
    let (sid, _) = shop.finished(1, SEALED).await;
    shop.s3.close().await;
    let node = shop.node(shop.folder(), &[]);
    eventually("it was tried", async || {
        let fault = BucketFault::Unreachable;
        node.metrics.bucket_fault_count(BucketOperation::Upload, fault) > 0
    })
    .await;
    // Where it may be is written down before anything is sent: that has to be looked at, and can't be now.
    let error = eraser(&shop, &node.bell)
        .call(asked(&sid))
        .await
        .expect_err("no bucket");
    assert!(
        matches!(&error, EraseError::Bucket { trouble, .. } if trouble.fault == BucketFault::Unreachable),
        "{error}"
    );
    let row = shop.row(&sid).await;
    assert_eq!(
        (row.state.as_str(), row.sealed_key),
        ("erased", None),
        "the key went first"
    );
    assert!(!shop.folder().join(row.place).exists());
    shop.s3.open().await;
    nothing_is_left(&shop, &sid).await;
    assert!(
        !shop.s3.seen().iter().any(|word| word.starts_with("PUT")),
        "{:?}",
        shop.s3.seen()
    );
}

async fn erased_while_it_is_uploaded_it_is_taken_back(keeper: Keeper) {
    let shop = Shop::open(keeper, Clock::real()).await;
    let (sid, _) = shop.finished(1, SEALED).await;
    shop.s3.is_to("PUT", Mood::Waits);
    let node = shop.node(shop.folder(), &PATIENT);
    eventually("it is being sent", async || !shop.s3.seen().is_empty()).await;
    let done = eraser(&shop, &node.bell).call(asked(&sid)).await;
    assert!(matches!(done, Ok(Erased::Done { .. })), "{done:?}");
    assert!(
        shop.row(&sid).await.object.is_some(),
        "somebody is sending: it has to be looked at again"
    );
    // Now it arrives, after it was removed.
    shop.s3.is(Mood::Well);
    nothing_is_left(&shop, &sid).await;
    assert_eq!(node.metrics.recordings_uploaded.get(), 0);
}

/// Whoever was sending is dead, and what he sent arrives after his death: it is looked for until it can't come any more.
async fn what_a_dead_uploader_sent_is_found_and_removed(keeper: Keeper) {
    let shop = Shop::open(keeper, Clock::manual(noon())).await;
    let (sid, _) = shop.finished(1, SEALED).await;
    shop.s3.is_to("PUT", Mood::Waits);
    let dead = shop.node(shop.folder(), &PATIENT);
    eventually("it is being sent", async || !shop.s3.seen().is_empty()).await;
    dead.kill();
    let bell = Bell::default();
    let done = eraser(&shop, &bell).call(asked(&sid)).await;
    assert!(matches!(done, Ok(Erased::Done { .. })), "{done:?}");
    let heir = shop.node(shop.folder(), &[]);
    eventually("it is looked for", async || {
        heir.metrics.recordings_to_remove.get() == 1
    })
    .await;
    shop.s3.is(Mood::Well);
    eventually("it arrives all the same", async || shop.s3.holds() == (1, 0)).await;
    heir.bell.ring();
    eventually("it is removed again", async || shop.s3.holds() == (0, 0)).await;
    assert!(shop.row(&sid).await.object.is_some(), "more may come");
    shop.lone.clock.advance(Duration::from_secs(91));
    heir.bell.ring();
    nothing_is_left(&shop, &sid).await;
    eventually("nothing is left to remove", async || {
        heir.metrics.recordings_to_remove.get() == 0
    })
    .await;
}

/// The bucket is away at the erasure, and the server that was told of it dies: the next one does what was left.
async fn erased_while_the_bucket_is_away_it_goes_when_that_is_back(keeper: Keeper) {
    let shop = Shop::open(keeper, Clock::real()).await;
    let recording = shop.finished(1, SEALED).await;
    let node = shop.node(shop.folder(), &[]);
    shop.arrives(&recording).await;
    let sid = recording.0.as_str();
    shop.s3.is(Mood::Says(503, "SlowDown"));
    let error = eraser(&shop, &node.bell)
        .call(asked(sid))
        .await
        .expect_err("it is left");
    assert!(matches!(error, EraseError::Bucket { .. }), "{error}");
    eventually("the server tries, too", async || {
        let fault = BucketFault::TooMany;
        node.metrics.bucket_fault_count(BucketOperation::Remove, fault) > 0
    })
    .await;
    node.kill();
    assert_eq!(shop.s3.holds(), (1, 0));
    let heir = shop.node(shop.folder(), &[]);
    eventually("it knows what is left", async || {
        heir.metrics.recordings_to_remove.get() == 1
    })
    .await;
    shop.s3.is(Mood::Well);
    nothing_is_left(&shop, sid).await;
    // Asked again, it is as it was.
    let again = eraser(&shop, &heir.bell).call(asked(sid)).await;
    assert!(matches!(again, Ok(Erased::Before { .. })), "{again:?}");
    // Of recordings that nobody erased nothing was touched.
    let other = shop.finished(2, SEALED).await;
    heir.bell.ring();
    shop.arrives(&other).await;
}

macro_rules! on_both {
    ($($name:ident)+) => {
        mod on_sqlite {
            $(#[tokio::test] async fn $name() { Box::pin(super::$name(super::Keeper::Sqlite)).await; })+
        }

        mod on_postgres {
            $(#[tokio::test] async fn $name() { Box::pin(super::$name(super::Keeper::Postgres)).await; })+
        }
    };
}

on_both! {
    erased_before_it_is_uploaded_it_never_is
    erased_while_it_is_uploaded_it_is_taken_back
    what_a_dead_uploader_sent_is_found_and_removed
    erased_while_the_bucket_is_away_it_goes_when_that_is_back
}

/// By the program and by the API, of a real call.
#[tokio::test]
async fn the_program_and_the_api_say_what_is_left_in_the_bucket() {
    let (operator, s3) = (Operator::new(), S3::start().await);
    let bucket = s3.settings();
    let bucket: Vec<_> = bucket.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let calls = operator.server(&bucket).await;
    let (app, mut sids) = (&calls.server.app, Vec::new());
    for _ in 0..2 {
        let outcome = calls.ring(HAPPY).await;
        sids.push(outcome.call_sid.as_str().to_owned());
    }
    calls.nothing_lives().await;
    eventually("both are there", async || {
        app.metrics.recordings_uploaded.get() == 2 && s3.holds() == (2, 0)
    })
    .await;
    s3.is_to("DELETE", Mood::Says(403, "AccessDenied"));
    let database = app.config.database.url.as_str();
    let erase = ["recording", "erase", sids[0].as_str()];
    let said = operator.runs_with(database, &erase, &bucket).await;
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.out.contains("1 grabación(es) sin clave"), "{said:?}");
    assert!(
        said.err
            .contains("la clave no tiene permiso en el bucket (AccessDenied)"),
        "{said:?}"
    );
    let said = operator
        .runs_with(database, &["erase", "--call", &sids[1]], &bucket)
        .await;
    assert!(said.code == 3 && said.err.contains("queda un objeto"), "{said:?}");
    let path = format!("/api/voice/calls/{}", sids[1]);
    let answer = calls.server.request(("DELETE", &path), "", &[]).await;
    assert!(
        answer.status == 503 && answer.body.contains("\"reason\":\"bucket\""),
        "{answer:?}"
    );
    s3.is(Mood::Well);
    let answer = calls.server.request(("DELETE", &path), "", &[]).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    let said = operator.runs_with(database, &erase, &bucket).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(s3.holds(), (0, 0));
    for sid in &sids {
        let row = row_of(&app.store, sid).await;
        assert_eq!((row.state.as_str(), row.object), ("erased", None));
    }
}

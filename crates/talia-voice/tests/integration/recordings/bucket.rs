//! Recordings of real calls go to a bucket and are found there: by the program, by other nodes, after a death.

use super::configuration::refused;
use super::rig::{Operator, Wave, age_opens, file_of, own_key, row_of};
use crate::conversation::HAPPY;
use crate::harness::{BUCKET, CallServer, Keeper, Mood, Office, S3, TestServer, eventually, program};
use crate::sinks::rig::in_the_end;
use serde_json::Value;
use talia_voice::clock::Clock;
use talia_voice::telemetry::labels::{BucketFault, BucketOperation};

/// The settings of a bucket, for whoever borrows texts.
fn lent<'a>(settings: &'a [(&'static str, String)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let settings = settings.iter().map(|(name, value)| (*name, value.as_str()));
    settings.chain(more.iter().copied()).collect()
}

async fn a_recording_goes_to_the_bucket_and_is_opened_from_there(keeper: Keeper) {
    let (operator, s3) = (Operator::new(), S3::start().await);
    let database = keeper.new_database(&operator.home);
    let bucket = s3.settings();
    s3.is(Mood::Says(503, "SlowDown"));
    let calls = operator
        .server(&lent(&bucket, &[("TALIA_DATABASE_URL", &database)]))
        .await;
    let outcome = calls.ring(HAPPY).await;
    outcome.assert_script_done();
    calls.nothing_lives().await;
    let (app, sid) = (&calls.server.app, outcome.call_sid.as_str());

    // The bucket wants to be left in peace: the file waits.
    let slow = || {
        app.metrics
            .bucket_fault_count(BucketOperation::Upload, BucketFault::TooMany)
    };
    eventually("it was asked twice", async || slow() >= 2).await;
    let file = file_of(&operator.folder(), 10_000).await;
    let sealed = std::fs::read(&file).expect("a file");
    eventually("it waits", async || app.metrics.recordings_waiting.get() == 1).await;
    let row = row_of(&app.store, sid).await;
    assert_eq!((row.state.as_str(), row.uploaded_at), ("stored", None));
    assert_eq!(s3.holds(), (0, 0));

    s3.is(Mood::Well);
    eventually("it is in the bucket alone", async || {
        let row = row_of(&app.store, sid).await;
        row.uploaded_at.is_some() && !file.exists()
    })
    .await;
    let row = row_of(&app.store, sid).await;
    let object = s3.object(&row.place).expect("an object");
    assert!(object == sealed, "{} bytes of {}", object.len(), sealed.len());
    assert_eq!(
        row.object,
        Some(format!("s3://{BUCKET}/voz/2026/{}", row.place)),
        "the row says where"
    );
    assert_eq!(app.metrics.recordings_uploaded.get(), 1);
    eventually("nothing waits", async || app.metrics.recordings_waiting.get() == 0).await;

    // The operator opens it, by our command and by the ordinary tool.
    let open = ["recording", "open", sid, "--identity", "operator.key", "-o", "out.wav"];
    let said = operator.runs_with(&database, &open, &lent(&bucket, &[])).await;
    assert_eq!(said.code, 0, "{said:?}");
    let wave = std::fs::read(operator.home.path().join("out.wav")).expect("a WAV");
    assert!(!Wave::stretches(&Wave::read(&wave, false).assistant).is_empty());
    let own = own_key(&operator, &database, sid).await;
    let copy = operator.home.path().join("copy.age");
    std::fs::write(&copy, &object).expect("a file");
    let (by_age, content) = age_opens(&copy, &own).await;
    assert!(content && by_age[58..] == wave[58..]);
    // Another operator doesn't, and whoever isn't told of the bucket is told where it is.
    let stranger = Operator::new();
    let key = stranger.key().display().to_string();
    let said = operator
        .runs_with(
            &database,
            &["recording", "open", sid, "--identity", &key, "-o", "no.wav"],
            &lent(&bucket, &[]),
        )
        .await;
    assert!(
        said.code == 1 && said.err.contains("no es la clave privada"),
        "{said:?}"
    );
    let said = operator.runs(&database, &open).await;
    assert!(
        said.code == 1 && said.err.contains(&format!("s3://{BUCKET}/voz/2026/{sid}")),
        "{said:?}"
    );

    // Any node with the bucket gives it out, also one that never had the file.
    let elsewhere = operator.home.path().join("elsewhere").display().to_string();
    let settings = [
        ("TALIA_DATABASE_URL", database.as_str()),
        ("TALIA_RECORDINGS_FOLDER", elsewhere.as_str()),
    ];
    let other = TestServer::start_with(&lent(&bucket, &settings), Clock::real()).await;
    let target = format!("/api/voice/recordings/{}/file", row.id);
    let answer = other.get(&target, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.head);
    assert!(answer.head.contains(&format!("content-length: {}", sealed.len())));
    assert!(answer.body == String::from_utf8_lossy(&sealed), "another file");
    let listed = other.get(&format!("/api/voice/recordings?call_sid={sid}"), &[]).await;
    let listed: Value = serde_json::from_str(&listed.body).expect("JSON");
    assert_eq!(listed["items"][0]["object"], row.object.clone().expect("an object"));
    // The bucket's trouble is said to be the bucket's.
    s3.is(Mood::Says(403, "AccessDenied"));
    let answer = other.get(&target, &[]).await;
    assert!(
        answer.status == 503 && answer.body.contains("\"reason\":\"bucket\""),
        "{answer:?}"
    );
    let refused = BucketFault::Forbidden;
    assert_eq!(other.app.metrics.bucket_fault_count(BucketOperation::Read, refused), 1);
}

#[tokio::test]
async fn on_sqlite_a_recording_goes_to_the_bucket_and_is_opened_from_there() {
    Box::pin(a_recording_goes_to_the_bucket_and_is_opened_from_there(Keeper::Sqlite)).await;
}

#[tokio::test]
async fn on_postgres_a_recording_goes_to_the_bucket_and_is_opened_from_there() {
    Box::pin(a_recording_goes_to_the_bucket_and_is_opened_from_there(
        Keeper::Postgres,
    ))
    .await;
}

/// The bucket is gone, the server dies, another one starts: calls go on all the while, and every recording arrives.
#[tokio::test]
async fn a_bucket_that_is_away_and_a_server_that_dies_lose_nothing() {
    let (operator, mut s3) = (Operator::new(), S3::start().await);
    let (own, bucket) = (operator.settings(), s3.settings());
    let own: Vec<_> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let settings = lent(&bucket, &own);
    s3.close().await;
    let (calls, mortal) = CallServer::start_mortal(&settings).await;
    let first = calls.ring(HAPPY).await;
    first.assert_script_done();
    let unreachable = BucketFault::Unreachable;
    let app = calls.server.app.clone();
    eventually("nobody is there", async || {
        app.metrics.bucket_fault_count(BucketOperation::Upload, unreachable) > 0
    })
    .await;
    let row = row_of(&app.store, first.call_sid.as_str()).await;
    assert_eq!((row.state.as_str(), row.uploaded_at), ("stored", None));
    mortal.kill();

    let (calls, _mortal) = calls.again(&settings).await;
    let second = calls.ring(HAPPY).await;
    second.assert_script_done();
    let app = calls.server.app.clone();
    eventually("both wait", async || app.metrics.recordings_waiting.get() == 2).await;
    s3.open().await;
    in_the_end("both are there", async || s3.holds() == (2, 0)).await;
    for outcome in [&first, &second] {
        let sid = outcome.call_sid.as_str();
        eventually("the row says so, and the file is gone", async || {
            let row = row_of(&app.store, sid).await;
            row.uploaded_at.is_some() && !operator.folder().join(row.place).exists()
        })
        .await;
        let row = row_of(&app.store, sid).await;
        let object = s3.object(&row.place).expect("an object");
        assert_eq!(row.bytes, Some(object.len() as i64));
    }
}

#[tokio::test]
async fn a_bucket_that_cannot_be_right_keeps_the_server_from_starting() {
    let operator = Operator::new();
    let nonsense = operator.home.path().join("credentials.json");
    std::fs::write(&nonsense, "{\"private_key\": \"5ecr3t\"}").expect("a file");
    let nonsense = nonsense.display().to_string();
    let url = |url: &'static str| ("TALIA_RECORDINGS_BUCKET", url);
    let good = url("s3://grabaciones/voz");
    for (settings, line) in [
        (vec![url("grabaciones")], "url: must begin with s3://, gs:// or az://"),
        (
            vec![url("https://grabaciones")],
            "url: must begin with s3://, gs:// or az://",
        ),
        (vec![url("s3://AKIA:5ecr3t@grabaciones")], "url: names no bucket"),
        (vec![url("s3://grabaciones:9000/voz")], "url: names no bucket"),
        (vec![url("gs://g")], "url: names no bucket"),
        (vec![url("s3://grabaciones//voz")], "url: has a prefix that is none"),
        (vec![url("s3://grabaciones/../voz")], "url: has a prefix that is none"),
        (
            vec![url("az://grabaciones")],
            "url: az:// needs the account's name in AZURE_STORAGE_ACCOUNT",
        ),
        (
            vec![good, ("AWS_SECRET_ACCESS_KEY", "5ecr3t")],
            "url: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together",
        ),
        (
            vec![
                url("gs://grabaciones"),
                ("GOOGLE_APPLICATION_CREDENTIALS", nonsense.as_str()),
            ],
            "url: what the environment says of its keys can't be used: GOOGLE_…",
        ),
        (
            vec![good, ("TALIA_RECORDINGS_BUCKET_ENDPOINT", "http://192.0.2.7:9000")],
            "endpoint: must begin with https://",
        ),
        (
            vec![
                good,
                ("TALIA_RECORDINGS_BUCKET_ENDPOINT", "https://a:5ecr3t@example.com"),
            ],
            "endpoint: must be scheme, host, port and path only",
        ),
        (
            vec![good, ("TALIA_RECORDINGS__BUCKET__AUTHORITY", "nowhere.pem")],
            "authority: nowhere.pem: ",
        ),
        (
            vec![good, ("TALIA_RECORDINGS__BUCKET__TIMEOUT_S", "0")],
            "timeout_s: must be between 0.05 and 600",
        ),
        (
            vec![good, ("TALIA_RECORDINGS__BUCKET__LONGEST_RETRY_S", "1")],
            "longest_retry_s: must not be shorter than retry_s",
        ),
    ] {
        let said = refused(&operator, &settings).await;
        let line = format!("talia-voice: recordings.bucket.{line}");
        assert!(said.starts_with(&line) && !said.contains("5ecr3t"), "{said}");
    }
}

#[tokio::test]
async fn the_doctor_tries_the_bucket_out() {
    let (office, s3, home) = (
        Office::open().await,
        S3::start().await,
        tempfile::TempDir::new().expect("a folder"),
    );
    let (bucket, of_office) = (s3.settings(), office.environment());
    let of_office: Vec<_> = of_office.iter().map(|(name, value)| (&**name, &**value)).collect();
    let looks = async |more: &[(&str, &str)]| {
        let mut environment = lent(&bucket, &of_office);
        environment.push(("TALIA_SPEECH__ENGINES", "fixed-delay"));
        environment.extend(more);
        let said = program(home.path(), &["doctor", "--json"], &environment, "").await;
        let found: Value = serde_json::from_str(&said.out).expect("JSON");
        let checks = found["checks"].as_array().expect("checks").clone();
        checks
            .into_iter()
            .find(|check| check["check"] == "bucket")
            .expect("it was looked at")
    };
    let found = looks(&[]).await;
    assert_eq!(found["state"], "ok", "{found}");
    // Nothing of it stays.
    assert_eq!((s3.holds(), s3.seen().len()), ((0, 0), 3));
    let found = looks(&[("AWS_SECRET_ACCESS_KEY", "another")]).await;
    assert_eq!(found["state"], "failure", "{found}");
    let said = found["said"]["es"].as_str().expect("a sentence");
    assert!(
        said.ends_with("el bucket no acepta la clave (SignatureDoesNotMatch)"),
        "{said}"
    );
    s3.is_to("GET", Mood::Says(403, "AccessDenied"));
    let found = looks(&[]).await;
    let said = found["said"]["en"].as_str().expect("a sentence");
    assert!(said.contains("reading: the key has no right in the bucket"), "{said}");
    assert_eq!(s3.holds(), (0, 0));
    s3.has_bucket(false);
    let found = looks(&[]).await;
    let said = found["said"]["es"].as_str().expect("a sentence");
    assert!(said.contains("el bucket no existe (NoSuchBucket)"), "{said}");
}

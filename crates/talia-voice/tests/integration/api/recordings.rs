//! A recording's file, as it lies on the disk.

use super::rig::{ask, call, json, reason, recorded, recording, write};
use crate::harness::{TestServer, call_sid};
use talia_voice::clock::Clock;
use tempfile::TempDir;

#[tokio::test]
async fn a_recording_s_file_is_given_as_it_is() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().display().to_string();
    let server = TestServer::start_with(&[("TALIA_RECORDINGS_FOLDER", &path)], Clock::real()).await;
    let store = &server.app.store;
    write(store, call(1, 0)).await;
    let id = recording(store, 1, 1).await;
    recorded(store, 1, &id, None).await;
    let row = ask(&server, &format!("/api/voice/recordings/{id}")).await;
    let place = row["place"].as_str().expect("a name");
    let target = format!("/api/voice/recordings/{id}/file");

    let answer = server.get(&target, &[]).await;
    assert_eq!((answer.status, reason(&answer).as_str()), (404, "no-file"));
    assert!(!answer.body.contains(&path), "{answer:?}");
    // Longer than what is in memory at once, and no whole number of pieces.
    let content: String = (0..300_001_u32)
        .map(|number| char::from(b'a' + (number % 23) as u8))
        .collect();
    std::fs::write(folder.path().join(place), &content).expect("a file");
    let answer = server.get(&target, &[]).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body == content, "{} bytes", answer.body.len());
    for line in [
        "content-type: application/octet-stream".to_owned(),
        format!("content-length: {}", content.len()),
        format!("content-disposition: attachment; filename=\"{}\"", place.to_lowercase()),
        "cache-control: no-store".to_owned(),
    ] {
        assert!(answer.head.contains(&line), "{line} in {}", answer.head);
    }
    store.erase_recordings(&call_sid(1)).await.expect("a write");
    let answer = server.get(&target, &[]).await;
    assert_eq!((answer.status, reason(&answer).as_str()), (410, "erased"));
    assert_eq!(json(&answer)["title"], "Gone");
    assert_eq!(server.get("/api/voice/recordings/nobody/file", &[]).await.status, 404);
}

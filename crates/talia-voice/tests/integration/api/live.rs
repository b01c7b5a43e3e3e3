//! Calls that are under way, here and on another node.

use super::rig::{ask, call, end, server_on, write};
use crate::harness::{Cluster, Keeper, TestServer, call_sid, eventually};
use serde_json::Value;
use talia_twilio::CallStatus;
use talia_voice::clock::Clock;

on_both! {
    a_call_is_live_while_its_stream_is_open
}

async fn live(server: &TestServer) -> Vec<Value> {
    let page = ask(server, "/api/voice/calls/live").await;
    assert_eq!(page["next"], Value::Null);
    page["items"].as_array().expect("items").clone()
}

async fn a_call_is_live_while_its_stream_is_open(keeper: Keeper) {
    let server = server_on(keeper, &[]).await;
    // One that rings, and one that is over, are not.
    write(&server.app.store, call(1, 1)).await;
    write(&server.app.store, call(2, 2)).await;
    end(&server.app.store, 2, CallStatus::Completed, 3).await;
    assert!(live(&server).await.is_empty());
    let sid = call_sid(0x510);
    let mut stream = server.ring_and_stream(&sid).await;
    eventually("she has begun to speak", async || {
        let calls = live(&server).await;
        calls.len() == 1 && calls[0]["last_spoke"] == "assistant"
    })
    .await;
    let calls = live(&server).await;
    assert_eq!(
        (&calls[0]["call_sid"], &calls[0]["here"]),
        (&sid.clone().into(), &true.into())
    );
    assert_eq!(
        (&calls[0]["direction"], &calls[0]["streams"]),
        (&"inbound".into(), &1.into())
    );
    let row = ask(&server, &format!("/api/voice/calls/{sid}")).await;
    assert_eq!(calls[0]["started_at"], row["call"]["started_at"]);
    stream.stop(2, &sid).await;
    eventually("nobody is on the line", async || live(&server).await.is_empty()).await;
}

#[tokio::test]
async fn another_node_s_calls_are_known_by_the_database() {
    let url = Cluster::shared().new_database();
    let settings = [("TALIA_DATABASE_URL", url.as_str())];
    let one = TestServer::start_with(&settings, Clock::real()).await;
    let other = TestServer::start_with(&settings, Clock::real()).await;
    let sid = call_sid(0x511);
    let mut stream = one.ring_and_stream(&sid).await;
    eventually("the call is live", async || one.app.live.has(&sid)).await;
    eventually("the other node knows", async || {
        let calls = live(&other).await;
        calls.len() == 1 && calls[0]["here"] == false && calls[0]["call_sid"] == sid
    })
    .await;
    assert_eq!(live(&other).await[0]["last_spoke"], Value::Null);
    assert_eq!(live(&one).await[0]["here"], true);
    stream.stop(2, &sid).await;
    eventually("nobody is on the line", async || live(&other).await.is_empty()).await;
}

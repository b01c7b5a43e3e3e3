//! Updates of live calls by REST, and which are refused.

use std::sync::Arc;

use talia_simulator::events::EndedBy;

use crate::{
    calls::{BOT, bots},
    desk::Desk,
    server::{Server, TOKEN, plan, twiml},
};

const STREAM: &str = "<Connect><Stream url=\"wss://voice.example.com/media\"/></Connect>";

impl Desk {
    async fn change(&self, call: &str, who: (&str, &str), fields: &[(&str, &str)]) -> (u16, u64) {
        let (status, body) = self.post_as(&format!("/Calls/{call}.json"), who, fields).await;
        (status, body["code"].as_u64().unwrap_or(0))
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_tears_the_stream_down_and_runs_the_new_document() {
    let (mut saw, sockets) = bots(BOT);
    let server = Server::start(
        |path| twiml(if path == "/voice" { STREAM } else { "<Say>fin</Say>" }),
        sockets,
    )
    .await;
    let desk = Arc::new(Desk::open(&server).await);
    let caller = tokio::spawn({
        let (carrier, plan) = (
            desk.carrier.clone(),
            plan("[[step]]\ndo = \"silence\"\nms = 60000").await,
        );
        async move { carrier.dial(plan).await.unwrap() }
    });
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let live = desk.carrier.live_calls().remove(0);
    let own = (desk.carrier.settings().account_sid.as_str(), TOKEN);

    assert_eq!(
        desk.change(live.as_str(), (own.0, "wrong"), &[("Status", "completed")])
            .await,
        (401, 20_003)
    );
    assert_eq!(
        desk.change("CA00000000000000000000000000000000", own, &[("Status", "completed")])
            .await,
        (404, 20_404)
    );
    assert_eq!(
        desk.change(live.as_str(), own, &[("Status", "completed"), ("Twiml", "x")])
            .await,
        (400, 21_218)
    );
    let transfer = [(
        "Twiml",
        "<Response><Pause length=\"5\"/><Redirect>/next</Redirect></Response>",
    )];
    assert_eq!(desk.change(live.as_str(), ("SK1", "secret"), &transfer).await, (200, 0));

    let call = caller.await.unwrap();
    assert_eq!(call.verbs(), ["Connect", "Pause", "Redirect", "Say"]);
    assert_eq!(call.ended_by, EndedBy::Document);
    assert!(call.duration_ms >= 7_000);
    assert!(saw.recv().await.unwrap().stopped);
    assert_eq!(
        desk.change(call.call_sid.as_str(), own, &[("Status", "completed")])
            .await,
        (400, 21_220)
    );
    assert!(desk.carrier.live_calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_completed_call_is_over_at_once() {
    let (_, sockets) = bots(BOT);
    let server = Server::start(|_| twiml(STREAM), sockets).await;
    let desk = Desk::open(&server).await;
    let caller = tokio::spawn({
        let (carrier, plan) = (
            desk.carrier.clone(),
            plan("[[step]]\ndo = \"silence\"\nms = 60000").await,
        );
        async move { carrier.dial(plan).await.unwrap() }
    });
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let live = desk.carrier.live_calls().remove(0);
    let own = (desk.carrier.settings().account_sid.as_str(), TOKEN);
    assert_eq!(
        desk.change(live.as_str(), own, &[("Status", "completed")]).await,
        (200, 0)
    );
    let call = caller.await.unwrap();
    assert_eq!(call.ended_by, EndedBy::Rest);
    call.assert_ended_by_server();
    call.assert_no_warnings();
    assert!(call.duration_ms < 3_000);
}

//! The REST fake: updates of live calls, and what it refuses.

use std::sync::Arc;

use talia_simulator::{
    carrier::Carrier,
    events::EndedBy,
    rest::{ApiKey, RestApi},
    settings::Secret,
};

use crate::{
    calls::{BOT, bots},
    server::{Server, TOKEN, plan, twiml},
};

const STREAM: &str = "<Connect><Stream url=\"wss://voice.example.com/media\"/></Connect>";

struct Desk {
    api: RestApi,
    carrier: Carrier,
    client: reqwest::Client,
}

impl Desk {
    async fn open(server: &Server) -> Self {
        let carrier = Carrier::new(server.settings()).unwrap();
        let key = ApiKey {
            sid: "SK1".into(),
            secret: Secret::new("secret"),
        };
        let api = RestApi::start(carrier.clone(), vec![key], "127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        let client = reqwest::Client::builder().build().unwrap();
        Self { api, carrier, client }
    }

    async fn post(&self, call: &str, (user, password): (&str, &str), body: &'static str) -> (u16, u64) {
        let account = self.carrier.settings().account_sid.as_str();
        let url = format!(
            "{}/2010-04-01/Accounts/{account}/Calls/{call}.json",
            self.api.base_url()
        );
        let answer = self
            .client
            .post(url)
            .basic_auth(user, Some(password))
            .body(body)
            .send()
            .await
            .unwrap();
        let status = answer.status().as_u16();
        let json: serde_json::Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        (status, json["code"].as_u64().unwrap_or(0))
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
        desk.post(live.as_str(), (own.0, "wrong"), "Status=completed").await,
        (401, 20_003)
    );
    assert_eq!(
        desk.post("CA00000000000000000000000000000000", own, "Status=completed")
            .await,
        (404, 20_404)
    );
    assert_eq!(
        desk.post(live.as_str(), own, "Status=completed&Twiml=x").await,
        (400, 21_218)
    );
    let transfer =
        "Twiml=%3CResponse%3E%3CPause+length%3D%225%22%2F%3E%3CRedirect%3E%2Fnext%3C%2FRedirect%3E%3C%2FResponse%3E";
    assert_eq!(desk.post(live.as_str(), ("SK1", "secret"), transfer).await, (200, 0));

    let call = caller.await.unwrap();
    assert_eq!(call.verbs(), ["Connect", "Pause", "Redirect", "Say"]);
    assert_eq!(call.ended_by, EndedBy::Document);
    assert!(call.duration_ms >= 7_000);
    assert!(saw.recv().await.unwrap().stopped);
    assert_eq!(
        desk.post(call.call_sid.as_str(), own, "Status=completed").await,
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
    assert_eq!(desk.post(live.as_str(), own, "Status=completed").await, (200, 0));
    let call = caller.await.unwrap();
    assert_eq!(call.ended_by, EndedBy::Rest);
    call.assert_ended_by_server();
    call.assert_no_warnings();
    assert!(call.duration_ms < 3_000);
}

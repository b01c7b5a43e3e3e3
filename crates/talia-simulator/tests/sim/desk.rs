//! A server's side of the REST API: a client with the account's credentials.

use std::sync::Arc;

use serde_json::Value;
use talia_simulator::{
    carrier::Carrier,
    outcome::CallOutcome,
    rest::{ApiKey, RestApi},
    settings::{CarrierSettings, Secret},
};

use crate::server::{Server, TOKEN};

pub(crate) const CALLEE: &str = "+525511112222";

pub(crate) struct Desk {
    pub api: RestApi,
    pub carrier: Carrier,
    client: reqwest::Client,
}

impl Desk {
    pub(crate) async fn open(server: &Server) -> Self {
        Self::with(server.settings()).await
    }

    pub(crate) async fn with(settings: CarrierSettings) -> Self {
        let carrier = Carrier::new(settings).unwrap();
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

    /// Path behind the account, with its slash.
    fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let account = self.carrier.settings().account_sid.as_str();
        let url = format!("{}/2010-04-01/Accounts/{account}{path}", self.api.base_url());
        self.client.request(method, url)
    }

    pub(crate) async fn post_as(
        &self,
        path: &str,
        (user, password): (&str, &str),
        fields: &[(&str, &str)],
    ) -> (u16, Value) {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let request = self
            .request(reqwest::Method::POST, path)
            .basic_auth(user, Some(password));
        read(request.body(body)).await
    }

    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> (u16, Value) {
        self.post_as(path, ("SK1", "secret"), fields).await
    }

    /// The same, for requests that get no answer that could be read.
    pub(crate) async fn try_post(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        patience_ms: u64,
    ) -> Result<Value, reqwest::Error> {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let request = self
            .request(reqwest::Method::POST, path)
            .basic_auth("SK1", Some("secret"));
        let answer = request
            .body(body)
            .timeout(std::time::Duration::from_millis(patience_ms))
            .send()
            .await?;
        Ok(serde_json::from_slice(&answer.bytes().await?).unwrap_or_default())
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let own = self.carrier.settings().account_sid.as_str();
        read(self.request(reqwest::Method::GET, path).basic_auth(own, Some(TOKEN))).await
    }

    /// Makes a call and returns its identifier.
    pub(crate) async fn make(&self, fields: &[(&str, &str)]) -> String {
        let mut all = vec![("To", CALLEE), ("From", "+525500000000")];
        all.extend_from_slice(fields);
        let (status, call) = self.post("/Calls.json", &all).await;
        assert_eq!((status, call["status"].as_str()), (201, Some("queued")), "{call}");
        call["sid"].as_str().unwrap().to_owned()
    }

    /// Makes a call and waits for its end.
    pub(crate) async fn made(&self, fields: &[(&str, &str)]) -> Arc<CallOutcome> {
        let sid = self.make(fields).await;
        self.carrier.outcome(&sid).await.unwrap()
    }
}

async fn read(request: reqwest::RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let json = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default();
    (status, json)
}

//! A collector of traces on a real socket: takes what it is sent, or doesn't.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What it does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    Take,
    /// Answers with this status.
    Refuse(u16),
    /// Never answers.
    Hang,
}

#[derive(Debug)]
struct Inner {
    does: Mutex<Does>,
    /// Bodies and headers, as they came.
    came: Mutex<Vec<(Bytes, HeaderMap)>>,
}

/// It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Collector {
    pub(crate) url: String,
    inner: Arc<Inner>,
    serving: JoinHandle<()>,
}

impl Collector {
    pub(crate) async fn start(does: Does) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let inner = Arc::new(Inner {
            does: Mutex::new(does),
            came: Mutex::default(),
        });
        let routes = Router::new().route("/v1/traces", post(take)).with_state(inner.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.expect("it serves") });
        Self { url, inner, serving }
    }

    /// What it does from now on.
    pub(crate) fn does(&self, does: Does) {
        *self.inner.does.lock().expect("no panic") = does;
    }

    /// Every request's body and headers, also of those that were not taken.
    pub(crate) fn came(&self) -> Vec<(Bytes, HeaderMap)> {
        self.inner.came.lock().expect("no panic").clone()
    }

    /// Every span that came.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let requests = self.came().into_iter().map(|(body, headers)| {
            assert_eq!(headers["content-type"], "application/x-protobuf");
            ExportTraceServiceRequest::decode(body).expect("OTLP")
        });
        let resources = requests.flat_map(|request| request.resource_spans);
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn take(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let does = *inner.does.lock().expect("no panic");
    inner.came.lock().expect("no panic").push((body, headers));
    match does {
        Does::Take => StatusCode::OK,
        Does::Refuse(status) => StatusCode::from_u16(status).expect("a status"),
        Does::Hang => std::future::pending().await,
    }
}

/// A span's attributes by name, as text.
pub(crate) fn attributes(span: &Span) -> BTreeMap<String, String> {
    let shown = |attribute: &KeyValue| match attribute.value.as_ref().and_then(|value| value.value.clone()) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(truth)) => truth.to_string(),
        other => panic!("{other:?}"),
    };
    let attributes = span.attributes.iter();
    attributes
        .map(|attribute| (attribute.key.clone(), shown(attribute)))
        .collect()
}

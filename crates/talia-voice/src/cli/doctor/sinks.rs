//! The places outside that are told of events: NATS, and the company's own backends.

use super::Patient;
use super::finding::{Finding, NATS, WEBHOOKS, text};
use crate::events::sinks::{Nats, NatsTrouble, StreamState, Webhook};
use crate::telemetry::labels::SinkFault;

pub(super) async fn look(patient: &Patient) -> Vec<Finding> {
    let (nats, webhooks) = tokio::join!(nats(patient), webhooks(patient));
    nats.into_iter().chain(webhooks).collect()
}

/// One line where NATS is configured, none else.
async fn nats(patient: &Patient) -> Option<Finding> {
    let config = patient.config.events.nats.clone()?;
    let (url, stream) = (config.to_string(), config.stream.clone());
    let nats = match Nats::new(config) {
        Ok(nats) => nats,
        Err(error) => {
            return Some(NATS.failure(
                text(error.to_string(), error.to_string()),
                text("corrija [events.nats]", "correct [events.nats]"),
            ));
        }
    };
    let seen = match nats.look().await {
        // Where no stream listens, nobody would answer.
        Ok(StreamState::Missing) => Ok(text(
            format!("contesta en {url}; el stream {stream} se creará"),
            format!("answers at {url}; the stream {stream} will be made"),
        )),
        Ok(StreamState::Ready) => nats.may_publish().await.map(|()| {
            text(
                format!("contesta en {url}; se puede publicar en {stream}"),
                format!("answers at {url}; {stream} can be published to"),
            )
        }),
        Err(trouble) => Err(trouble),
    };
    Some(match seen {
        Ok(said) => NATS.ok(said),
        // Calls go on: events wait in the database.
        Err(NatsTrouble { fault, said }) => NATS.failure(text(said.clone(), said), way_out(fault)),
    })
}

fn way_out(fault: SinkFault) -> super::finding::Text {
    match fault {
        SinkFault::Unauthorised => text(
            "corrija usuario y contraseña (TALIA_NATS_USER, TALIA_NATS_PASSWORD) o TALIA_NATS_TOKEN",
            "correct user and password (TALIA_NATS_USER, TALIA_NATS_PASSWORD) or TALIA_NATS_TOKEN",
        ),
        SinkFault::Forbidden => text(
            "permita a ese usuario publicar en $JS.API.STREAM.> y en los temas de events.nats.subjects",
            "let that user publish to $JS.API.STREAM.> and to the subjects of events.nats.subjects",
        ),
        SinkFault::Stream => text(
            "ponga otro events.nats.stream, o cambie los temas de ese stream",
            "name another events.nats.stream, or change that stream's subjects",
        ),
        _ => text(
            "arranque NATS con JetStream o corrija TALIA_NATS_URL",
            "start NATS with JetStream or correct TALIA_NATS_URL",
        ),
    }
}

/// One line each.
async fn webhooks(patient: &Patient) -> Vec<Finding> {
    let config = &patient.config;
    let looks = config.events.webhooks.iter().map(async |webhook| {
        let id = webhook.id.clone();
        let sink = match Webhook::new(webhook.clone(), &config.tool_network, patient.clock.clone()) {
            Ok(sink) => sink,
            Err(error) => {
                return WEBHOOKS.failure(
                    text(error.to_string(), error.to_string()),
                    text("corrija [tool_network] o la url", "correct [tool_network] or the url"),
                );
            }
        };
        match sink.look().await {
            Ok(status) => WEBHOOKS.ok(text(
                format!("{id} contesta ({status})"),
                format!("{id} answers ({status})"),
            )),
            Err(fault) => WEBHOOKS.warning(
                text(
                    format!("{id} no contesta: {}", fault.as_str()),
                    format!("{id} doesn't answer: {}", fault.as_str()),
                ),
                text(
                    "los eventos esperan en la base de datos; revise la url de [[events.webhooks]]",
                    "events wait in the database; look at the url of [[events.webhooks]]",
                ),
            ),
        }
    });
    futures::future::join_all(looks).await
}

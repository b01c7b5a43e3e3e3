//! What is on this machine: the database, the events and the recordings.

use super::Patient;
use super::finding::{DATABASE, EVENTS, Finding, RECORDINGS, text};
use crate::config::{Certificates, Consent, Recordings};
use crate::recordings::Folder;
use crate::store::{self, StoreError};
use secrecy::ExposeSecret;

pub(super) async fn look(patient: &Patient) -> Vec<Finding> {
    let (database, events) = tokio::join!(database(patient), events(patient));
    vec![database, events, recordings(&patient.config.recordings)]
}

fn recordings(config: &Recordings) -> Finding {
    if config.consent.is_none() {
        return RECORDINGS.ok(text("apagadas", "off"));
    }
    let folder = Folder::new(&config.folder);
    let shown = config.folder.display();
    let (si, yes) = match config.consent {
        Some(Consent::OnlyAfterYes) => ("; solo tras un sí", "; only after a yes"),
        _ => ("", ""),
    };
    match folder.try_to_write() {
        Ok(()) => RECORDINGS.ok(text(
            format!("se puede escribir en {shown}{si}"),
            format!("{shown} can be written{yes}"),
        )),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !config.folder.exists() => RECORDINGS.ok(text(
            format!("{shown} se creará al arrancar"),
            format!("{shown} will be made at the start"),
        )),
        Err(error) => RECORDINGS.failure(
            text(format!("{shown}: {error}"), format!("{shown}: {error}")),
            text(
                "corrija recordings.folder, o dé permiso y espacio a quien corre el servidor",
                "correct recordings.folder, or give the server's user space and the right to write",
            ),
        ),
    }
}

async fn database(patient: &Patient) -> Finding {
    let config = &patient.config.database;
    let probe = match store::probe(&config.url).await {
        Ok(probe) => probe,
        Err(error) => {
            let way_out = match &error {
                StoreError::Locked => text(
                    "otro programa la tiene tomada: ciérrelo",
                    "another program holds it: end that one",
                ),
                StoreError::ReadOnly => text(
                    "dé permiso de escritura a quien corre el servidor",
                    "let the server's user write it",
                ),
                StoreError::Full => text("libere espacio en el disco", "free some space on the disk"),
                _ => text(
                    "corrija TALIA_DATABASE_URL: sqlite: y la ruta de un archivo en una carpeta que exista, o postgres:// y un servidor que conteste",
                    "correct TALIA_DATABASE_URL: sqlite: and the path of a file in a folder that exists, or postgres:// and a server that answers",
                ),
            };
            return DATABASE.failure(text(error.to_string(), error.to_string()), way_out);
        }
    };
    let Some(bytes) = probe.bytes else {
        return DATABASE.ok(text("se creará al arrancar", "will be made at the start"));
    };
    let mib = bytes as f64 / f64::from(1 << 20);
    let said = text(
        format!("se puede escribir; {mib:.1} MiB"),
        format!("can be written; {mib:.1} MiB"),
    );
    match config.max_size_mib {
        Some(most) if mib > f64::from(most) * 0.9 => DATABASE.warning(
            said,
            text(
                format!("está casi en su límite de {most} MiB (database.max_size_mib): súbalo"),
                format!("it is nearly at its limit of {most} MiB (database.max_size_mib): raise it"),
            ),
        ),
        _ => DATABASE.ok(said),
    }
}

async fn events(patient: &Patient) -> Finding {
    if patient.config.server.api_key.is_none() && patient.config.tls.certificates != Certificates::None {
        return EVENTS.skipped(text(
            "el flujo en vivo solo se puede ver con server.api_key",
            "the live feed can only be seen with server.api_key",
        ));
    }
    match feed(patient).await {
        Ok(()) => EVENTS.ok(text("el flujo en vivo contesta", "the live feed answers")),
        Err(why) => EVENTS.warning(
            text(
                format!("el flujo en vivo no contesta aquí: {why}"),
                format!("the live feed doesn't answer here: {why}"),
            ),
            text(
                "arranque talia-voice serve con esta misma configuración",
                "start talia-voice serve with this same configuration",
            ),
        ),
    }
}

/// The feed as an operator asks for it: with the key through the public URL, without one from this machine.
async fn feed(patient: &Patient) -> Result<(), String> {
    let server = &patient.config.server;
    let target = "/api/voice/events";
    let asking = if let Some(key) = &server.api_key {
        let url = server.public_url.http(target);
        patient.client.get(url).bearer_auth(key.expose_secret())
    } else {
        let mut bind = server.bind;
        if bind.ip().is_unspecified() {
            bind.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        patient.client.get(format!("http://{bind}{target}"))
    };
    // The answer's head is enough: a feed has no end.
    match asking.send().await {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(answer.status().to_string()),
        Err(error) => Err(error.without_url().to_string()),
    }
}

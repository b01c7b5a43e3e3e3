//! The public URL from outside in: name, connection, certificate, and then whatever answers there.

use super::finding::{ADDRESS, CERTIFICATE, Finding, SERVER, SIGNATURE, SOCKET, Text, text};
use super::{PATIENCE, Patient, proxy, tls};
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio::time::timeout;

pub(super) async fn look(patient: &Patient) -> Vec<Finding> {
    let mut findings = Vec::new();
    let address = match connect(patient).await {
        Ok((address, finding)) => {
            findings.push(finding);
            address
        }
        Err(finding) => {
            findings.push(finding);
            let unseen = [CERTIFICATE, SERVER, SOCKET, SIGNATURE].map(|check| check.skipped(unseen()));
            findings.extend(unseen);
            return findings;
        }
    };
    match tls::look(patient, address).await {
        Ok(finding) => findings.push(finding),
        Err(finding) => {
            findings.push(finding);
            findings.extend([SERVER, SOCKET, SIGNATURE].map(|check| check.skipped(unseen())));
            return findings;
        }
    }
    findings.extend(proxy::look(patient, address).await);
    findings
}

/// Why something behind a fault wasn't looked at.
pub(super) fn unseen() -> Text {
    text(
        "no se puede ver hasta que lo anterior funcione",
        "can't be seen before the above works",
    )
}

async fn connect(patient: &Patient) -> Result<(SocketAddr, Finding), Finding> {
    let url = &patient.config.server.public_url;
    let (host, port) = (url.host(), url.port());
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let named = timeout(PATIENCE, tokio::net::lookup_host((bare, port))).await;
    let addresses: Vec<SocketAddr> = match named {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(_)) | Err(_) => Vec::new(),
    };
    if addresses.is_empty() {
        return Err(ADDRESS.failure(
            text(
                format!("{host} no existe en el DNS"),
                format!("{host} isn't in the DNS"),
            ),
            text(
                "cree el registro A o AAAA del nombre hacia este servidor, o corrija TALIA_PUBLIC_URL",
                "make the name's A or AAAA record for this server, or correct TALIA_PUBLIC_URL",
            ),
        ));
    }
    for address in &addresses {
        if let Ok(Ok(_)) = timeout(PATIENCE, TcpStream::connect(address)).await {
            let said = format!("{host} → {address}");
            return Ok((*address, ADDRESS.ok(text(said.clone(), said))));
        }
    }
    Err(ADDRESS.failure(
        text(
            format!("nadie contesta en {host}:{port}"),
            format!("nobody answers at {host}:{port}"),
        ),
        text(
            format!(
                "abra el puerto {port} en el cortafuegos y el router, y arranque el proxy (o el servidor con [tls])"
            ),
            format!("open port {port} in firewall and router, and start the proxy (or the server with [tls])"),
        ),
    ))
}

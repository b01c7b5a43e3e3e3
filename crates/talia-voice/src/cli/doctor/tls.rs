//! The certificate of the public URL, judged as Twilio judges it.

use super::finding::{CERTIFICATE, Finding, text};
use super::{PATIENCE, Patient};
use crate::outgoing;
use rustls::CertificateError;
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_parser::parse_x509_certificate;

/// A certificate that ends within this is worth a warning: renewals come earlier. Seconds.
const SOON_S: i64 = 10 * 86_400;

/// The greeting of the public URL, as far as it goes.
pub(super) async fn greet(patient: &Patient, address: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
    let failed = |error: &dyn std::fmt::Display| std::io::Error::other(error.to_string());
    let config = outgoing::tls(&patient.trusted).map_err(|error| failed(&error))?;
    let host = patient.config.server.public_url.host();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(bare.to_owned()).map_err(|error| failed(&error))?;
    let greeting = async {
        let stream = TcpStream::connect(address).await?;
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    };
    timeout(PATIENCE, greeting)
        .await
        .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
}

/// An error is a fault behind which nothing can be seen.
pub(super) async fn look(patient: &Patient, address: SocketAddr) -> Result<Finding, Finding> {
    if !patient.config.server.public_url.is_secure() {
        return Ok(CERTIFICATE.skipped(text(
            "sin https: solo sirve para un Twilio simulado",
            "no https: good for a simulated Twilio only",
        )));
    }
    match greet(patient, address).await {
        Ok(stream) => Ok(valid(patient, &stream)),
        Err(error) => Err(refused(&error)),
    }
}

fn valid(patient: &Patient, stream: &TlsStream<TcpStream>) -> Finding {
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let not_after = chain.first().and_then(|leaf| {
        let (_, parsed) = parse_x509_certificate(leaf).ok()?;
        Some(parsed.validity().not_after.timestamp())
    });
    let left_s = not_after.map_or(0, |end| end - patient.clock.wall().as_second());
    let days = left_s / 86_400;
    let said = text(format!("válido {days} días más"), format!("valid for {days} more days"));
    if left_s < SOON_S {
        return CERTIFICATE.warning(
            said,
            text(
                "renuévelo: la renovación automática debió hacerlo ya",
                "renew it: an automatic renewal should have done so",
            ),
        );
    }
    CERTIFICATE.ok(said)
}

/// Whether nobody whom Twilio trusts has signed it: an unknown authority, or an authority's own certificate in use.
fn is_its_own(error: &CertificateError) -> bool {
    // The library has no variant of its own for the second.
    *error == CertificateError::UnknownIssuer || format!("{error:?}").contains("CaUsedAsEndEntity")
}

fn refused(error: &std::io::Error) -> Finding {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(certificate)) = inner else {
        return CERTIFICATE.failure(
            text(
                format!("no habla TLS: {error}"),
                format!("it doesn't speak TLS: {error}"),
            ),
            text(
                "ponga un proxy con TLS delante (deploy/Caddyfile, deploy/nginx.conf) o configure [tls]",
                "put a proxy with TLS in front (deploy/Caddyfile, deploy/nginx.conf) or configure [tls]",
            ),
        );
    };
    match certificate {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => CERTIFICATE.failure(
            text("el certificado venció", "the certificate has expired"),
            text("renuévelo", "renew it"),
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => CERTIFICATE.failure(
            text("el certificado aún no vale", "the certificate isn't valid yet"),
            text(
                "revise el reloj de quien lo emitió y el de esta máquina",
                "check the clocks",
            ),
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => CERTIFICATE.failure(
            text(
                "el certificado es de otro nombre",
                "the certificate is for another name",
            ),
            text(
                "emítalo para el nombre de TALIA_PUBLIC_URL",
                "have it issued for the name in TALIA_PUBLIC_URL",
            ),
        ),
        issuer if is_its_own(issuer) => CERTIFICATE.failure(
            text(
                "no lo firmó una autoridad pública, o falta la cadena intermedia",
                "no public authority has signed it, or the intermediate chain is missing",
            ),
            text(
                "Twilio no acepta certificados propios: use uno de Let's Encrypt, con su cadena completa",
                "Twilio takes no self-signed ones: use one of Let's Encrypt, with its full chain",
            ),
        ),
        other => CERTIFICATE.failure(
            text(format!("no vale: {other:?}"), format!("not valid: {other:?}")),
            text("emita otro", "have another issued"),
        ),
    }
}

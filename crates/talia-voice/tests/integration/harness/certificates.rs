//! A certificate authority of one test, and clients that trust it.

use super::PATIENCE;
use rcgen::{BasicConstraints, CertificateParams, CertificateSigningRequestParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring::default_provider};
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The authority.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate that it has given out.
pub(crate) struct Issued {
    pub(crate) chain_pem: String,
    pub(crate) key_pem: String,
    pub(crate) leaf: CertificateDer<'static>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    /// The authority's own certificate.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn issue(&self, name: &str) -> Issued {
        self.issue_with(name, |_| {})
    }

    /// With something of the certificate changed.
    pub(crate) fn issue_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Issued {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let leaf = params.signed_by(&key, &self.0).expect("a certificate");
        Issued {
            chain_pem: leaf.pem() + &self.pem(),
            key_pem: key.serialize_pem(),
            leaf: leaf.der().clone(),
        }
    }

    /// The chain for a request, as PEM.
    pub(crate) fn sign(&self, request: &[u8]) -> String {
        let request = CertificateSigningRequestDer::from(request.to_vec());
        let params = CertificateSigningRequestParams::from_der(&request).expect("a request");
        params.signed_by(&self.0).expect("a certificate").pem() + &self.pem()
    }

    /// A client that trusts this authority and nobody else.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).expect("a root");
        builder().with_root_certificates(roots).with_no_client_auth()
    }
}

impl Issued {
    /// Writes both files, the certificate first, as renewals do.
    pub(crate) fn write(&self, certificate: &Path, key: &Path) {
        std::fs::write(certificate, &self.chain_pem).expect("a file");
        std::fs::write(key, &self.key_pem).expect("a file");
    }
}

fn builder() -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
}

/// A client that takes any certificate, and speaks this protocol.
pub(crate) fn credulous(protocol: &[u8]) -> ClientConfig {
    let anything = Arc::new(Anything(default_provider()));
    let mut config = builder()
        .dangerous()
        .with_custom_certificate_verifier(anything)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    config
}

/// Connects and greets.
pub(crate) async fn greet(
    address: SocketAddr,
    name: &str,
    config: ClientConfig,
) -> std::io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let greeting = async {
        let stream = TcpStream::connect(address).await?;
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    };
    tokio::time::timeout(PATIENCE, greeting).await.expect("in time")
}

/// The server's certificate on a connection.
pub(crate) fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    let chain = stream.get_ref().1.peer_certificates().expect("a chain");
    chain[0].clone().into_owned()
}

#[derive(Debug)]
struct Anything(CryptoProvider);

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    // A proof for ACME has a critical extension with which the library reads no certificate, so nothing is checked here.
    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

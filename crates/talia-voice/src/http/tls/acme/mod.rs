//! A certificate by ACME (RFC 8555): ordered, proved by TLS-ALPN-01 (RFC 8737) on the very port it is for, stored.

mod directory;
mod folder;

use super::TlsError;
use super::current::{Certificate, Current};
use super::files;
use crate::config::AcmeOrder;
use directory::Directory;
use folder::Folder;
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Identifier, NewAccount, NewOrder, Order,
    OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use std::sync::Arc;
use std::time::Duration;

/// How long the directory may take to look at the proof, and to sign.
const PATIENCE: Duration = Duration::from_secs(90);

/// Orders certificates for one domain.
pub(super) struct Acme {
    order: AcmeOrder,
    domain: String,
    client: reqwest::Client,
    folder: Folder,
}

impl Acme {
    pub(super) fn new(order: AcmeOrder, domain: String, client: reqwest::Client) -> Self {
        let folder = Folder::new(&order.folder, &order.directory, &domain);
        Self {
            order,
            domain,
            client,
            folder,
        }
    }

    /// The certificate of an earlier order.
    pub(super) fn stored(&self) -> Result<Option<Certificate>, TlsError> {
        let path = self.folder.certificate();
        path.exists().then(|| files::pair(&path, &path)).transpose()
    }

    /// Orders a certificate; `current` shows the proof meanwhile.
    pub(super) async fn order(&self, current: &Current) -> Result<Certificate, TlsError> {
        let account = self.account().await?;
        let identifiers = [Identifier::Dns(self.domain.clone())];
        let mut order = account.new_order(&NewOrder::new(&identifiers)).await.map_err(failed)?;
        let proved = self.prove(&mut order, current).await;
        current.prove(None);
        proved?;
        let key = order.finalize().await.map_err(failed)?;
        let chain = order.poll_certificate(&patience()).await.map_err(failed)?;
        let path = self.folder.certificate();
        self.folder.write(&path, format!("{key}{chain}").as_bytes())?;
        files::pair(&path, &path)
    }

    async fn prove(&self, order: &mut Order, current: &Current) -> Result<(), TlsError> {
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization.map_err(failed)?;
            match authorization.status {
                AuthorizationStatus::Pending => {}
                AuthorizationStatus::Valid => continue,
                other => return Err(TlsError::Acme(format!("the authorization is {other:?}"))),
            }
            let mut challenge = authorization
                .challenge(ChallengeType::TlsAlpn01)
                .ok_or_else(|| TlsError::Acme("the directory offers no tls-alpn-01".to_owned()))?;
            let proof = proof_of(&self.domain, challenge.key_authorization().digest().as_ref())?;
            current.prove(Some((self.domain.clone(), proof)));
            challenge.set_ready().await.map_err(failed)?;
        }
        match order.poll_ready(&patience()).await.map_err(failed)? {
            OrderStatus::Ready | OrderStatus::Valid => Ok(()),
            other => Err(TlsError::Acme(format!("the order is {other:?}"))),
        }
    }

    /// The account of before, or a new one.
    async fn account(&self) -> Result<Account, TlsError> {
        let builder = || Account::builder_with_http(Box::new(Directory(self.client.clone())));
        let path = self.folder.account();
        if let Some(text) = Folder::read(&path)? {
            let credentials: AccountCredentials = serde_json::from_slice(&text).map_err(|_| TlsError::File {
                path: path.display().to_string(),
                reason: "is no ACME account: delete it to make another".to_owned(),
            })?;
            return builder().from_credentials(credentials).await.map_err(failed);
        }
        let contact = self.order.contact.as_deref().map(|address| format!("mailto:{address}"));
        let new = NewAccount {
            contact: &contact.as_deref().into_iter().collect::<Vec<_>>(),
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let made = builder().create(&new, self.order.directory.clone(), None).await;
        let (account, credentials) = made.map_err(failed)?;
        let text = serde_json::to_vec(&credentials).map_err(|error| TlsError::Acme(error.to_string()))?;
        self.folder.write(&path, &text)?;
        Ok(account)
    }
}

/// A certificate that nobody trusts, with the directory's digest in it. It has a critical extension that no ordinary
/// check of a certificate knows, so it is put together without one.
fn proof_of(domain: &str, digest: &[u8]) -> Result<Arc<CertifiedKey>, TlsError> {
    let made = |error: rcgen::Error| TlsError::Acme(error.to_string());
    let mut params = CertificateParams::new(vec![domain.to_owned()]).map_err(made)?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate().map_err(made)?;
    let certificate = params.self_signed(&key).map_err(made)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = any_supported_type(&key)?;
    Ok(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], key)))
}

fn patience() -> RetryPolicy {
    RetryPolicy::new().timeout(PATIENCE)
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn failed(error: instant_acme::Error) -> TlsError {
    TlsError::Acme(error.to_string())
}

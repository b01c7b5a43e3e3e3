//! The bucket that finished recordings go to: puts them there, reads them back, takes them away.

use super::trouble::BucketTrouble;
use crate::config::{self, BucketKind};
use crate::outgoing::{ClientError, ObjectStoreConnector, certificates};
use crate::telemetry::labels::{BucketFault as Fault, BucketOperation as Operation};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, MultipartUpload, ObjectStore, ObjectStoreExt, RetryConfig};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// What is sent at once: the smallest part that S3 takes, five minutes of a call.
const PART: usize = 5 * 1_024 * 1_024;
/// What is read of a file at once: nobody else's task waits long for its hash.
const PIECE: usize = 64 * 1_024;
/// How long a bucket that gave trouble may take to forget what it has of a recording.
const ABORTING: Duration = Duration::from_secs(5);

/// Why a bucket can't be used as configured.
#[derive(Debug, Error)]
pub enum BucketError {
    /// An authority's file.
    #[error("recordings.bucket.authority: {0}")]
    Authority(String),
    /// What the environment says of keys. Not shown: it may be one.
    #[error("recordings.bucket.url: what the environment says of its keys can't be used: {0}")]
    Credentials(&'static str),
    /// The client for requests of ours.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// What is in an object, piece by piece.
pub type Pieces = BoxStream<'static, Result<Bytes, BucketTrouble>>;

/// A bucket. Nothing is asked of it before it is used.
#[derive(Clone)]
pub struct Bucket {
    store: Arc<dyn ObjectStore>,
    config: Arc<config::Bucket>,
}

/// Its address: the library's store knows keys.
impl fmt::Debug for Bucket {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Bucket").field(&self.config.to_string()).finish()
    }
}

/// What was sent, or read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) bytes: u64,
    sha256: [u8; 32],
}

/// Why something is not there.
pub(super) enum NotSent {
    /// It was to be given up.
    GivenUp,
    Trouble(BucketTrouble),
}

impl From<BucketTrouble> for NotSent {
    fn from(trouble: BucketTrouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl Bucket {
    /// The bucket of this configuration.
    pub fn open(config: &Arc<config::Bucket>) -> Result<Self, BucketError> {
        let authorities = match &config.authority {
            None => Vec::new(),
            Some(path) => {
                certificates(path).map_err(|reason| BucketError::Authority(format!("{}: {reason}", path.display())))?
            }
        };
        let connector = ObjectStoreConnector::new(&authorities, config.timeout)?;
        let variables = match config.kind {
            BucketKind::S3 => "AWS_…",
            BucketKind::Google => "GOOGLE_…",
            BucketKind::Azure => "AZURE_…",
        };
        let store = built(config, connector).map_err(|_| BucketError::Credentials(variables))?;
        Ok(Self {
            store,
            config: config.clone(),
        })
    }

    /// How it is reached.
    pub fn config(&self) -> &config::Bucket {
        &self.config
    }

    /// Where the recording of this name goes.
    pub fn address_of(&self, name: &str) -> String {
        format!("{}/{name}", self.config)
    }

    /// The path of an object that a row names, which may be from a time of another prefix, but not of another bucket.
    fn path(&self, object: &str) -> Result<Path, BucketTrouble> {
        let whole = config::Bucket {
            prefix: String::new(),
            ..(*self.config).clone()
        };
        let path = object.strip_prefix(&whole.to_string());
        let path = path.and_then(|path| path.strip_prefix('/'));
        let path = path.ok_or(BucketTrouble::from(Fault::Elsewhere))?;
        Path::parse(path).map_err(|_| Fault::Elsewhere.into())
    }

    /// Sends a file, whole or in parts; answers what was sent.
    pub(super) async fn put(&self, object: &str, file: &mut File, give_up: &CancellationToken) -> Result<Sum, NotSent> {
        let path = self.path(object)?;
        let mut sum = Summing::default();
        let first = part(file, &mut sum).await?;
        if first.len() < PART {
            until(give_up, self.store.put(&path, first.into())).await?;
            return Ok(sum.done());
        }
        let mut sending = until(give_up, self.store.put_multipart(&path)).await?;
        let sent = in_parts(sending.as_mut(), (first, file), &mut sum, give_up).await;
        if sent.is_err() {
            // What is left of it costs money until the bucket's own rules remove it.
            let _ = timeout(ABORTING, sending.abort()).await;
        }
        sent.map(|()| sum.done())
    }

    /// Reads an object to its end; answers what it was.
    pub(super) async fn sum(&self, object: &str) -> Result<Sum, BucketTrouble> {
        let (_, mut pieces) = self.get(object).await?;
        let mut sum = Summing::default();
        while let Some(piece) = pieces.next().await {
            sum.add(&piece?);
        }
        Ok(sum.done())
    }

    /// An object: its size in bytes, and what is in it.
    pub async fn get(&self, object: &str) -> Result<(u64, Pieces), BucketTrouble> {
        let path = self.path(object)?;
        let found = self.store.get(&path).await.map_err(|error| BucketTrouble::of(&error))?;
        let size = found.meta.size;
        let pieces = found.into_stream();
        let pieces = pieces.map(|piece| piece.map_err(|error| BucketTrouble::of(&error)));
        Ok((size, pieces.boxed()))
    }

    /// Takes an object away; one that isn't there is away.
    pub async fn remove(&self, object: &str) -> Result<(), BucketTrouble> {
        let path = self.path(object)?;
        let mut removed = self.removed(&path).await;
        // The library doesn't repeat it where the store is asked by a POST (Azure), and a connection that was kept may be dead.
        if removed
            .as_ref()
            .is_err_and(|trouble| trouble.fault == Fault::Unreachable)
        {
            removed = self.removed(&path).await;
        }
        match removed {
            Err(trouble) if trouble.fault == Fault::NoObject => Ok(()),
            removed => removed,
        }
    }

    async fn removed(&self, path: &Path) -> Result<(), BucketTrouble> {
        let removed = self.store.delete(path).await;
        removed.map_err(|error| BucketTrouble::of(&error))
    }

    /// Writes, reads and removes an object of this name beside the recordings: all that the server will need.
    pub async fn try_out(&self, name: &str) -> Result<(), (Operation, BucketTrouble)> {
        let object = self.address_of(name);
        let path = self.path(&object).map_err(|trouble| (Operation::Upload, trouble))?;
        let content = Bytes::from_static(b"talia-voice doctor");
        let put = self.store.put(&path, content.clone().into()).await;
        put.map_err(|error| (Operation::Upload, nowhere(BucketTrouble::of(&error))))?;
        let mut sent = Summing::default();
        sent.add(&content);
        let read = self.sum(&object).await;
        // Whatever it was, it doesn't stay.
        let removed = self.remove(&object).await;
        let read = read.map_err(|trouble| (Operation::Read, trouble))?;
        if read != sent.done() {
            return Err((Operation::Read, Fault::Differs.into()));
        }
        removed.map_err(|trouble| (Operation::Remove, trouble))
    }
}

/// What is not found where something was to be put is the bucket.
fn nowhere(trouble: BucketTrouble) -> BucketTrouble {
    match trouble.fault {
        Fault::NoObject => BucketTrouble {
            fault: Fault::Missing,
            ..trouble
        },
        _ => trouble,
    }
}

/// One request, unless it is given up before its answer.
async fn until<T>(
    give_up: &CancellationToken,
    request: impl Future<Output = object_store::Result<T>>,
) -> Result<T, NotSent> {
    tokio::select! {
        answer = request => Ok(answer.map_err(|error| nowhere(BucketTrouble::of(&error)))?),
        () = give_up.cancelled() => Err(NotSent::GivenUp),
    }
}

/// One part after the other, so that no more than one is in memory.
async fn in_parts(
    sending: &mut dyn MultipartUpload,
    (first, file): (Bytes, &mut File),
    sum: &mut Summing,
    give_up: &CancellationToken,
) -> Result<(), NotSent> {
    let mut next = first;
    while !next.is_empty() {
        until(give_up, sending.put_part(next.into())).await?;
        next = part(file, sum).await?;
    }
    until(give_up, sending.complete()).await.map(drop)
}

/// The next part of a file; empty: there is none.
async fn part(file: &mut File, sum: &mut Summing) -> Result<Bytes, BucketTrouble> {
    let mut part = Vec::new();
    while part.len() < PART {
        let before = part.len();
        let left = PIECE.min(PART - before) as u64;
        let read = (&mut *file).take(left).read_to_end(&mut part).await;
        read.map_err(|error: io::Error| {
            tracing::warn!(%error, "a recording's file can't be read");
            BucketTrouble::from(Fault::File)
        })?;
        if part.len() == before {
            break;
        }
        sum.add(&part[before..]);
    }
    Ok(part.into())
}

#[derive(Default)]
struct Summing {
    bytes: u64,
    hasher: Sha256,
}

impl Summing {
    fn add(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        self.hasher.update(piece);
    }

    fn done(self) -> Sum {
        Sum {
            bytes: self.bytes,
            sha256: self.hasher.finalize().into(),
        }
    }
}

/// The library's store. What is tried again here is one request, within seconds; the rest is for whoever asked.
fn built(config: &config::Bucket, connector: ObjectStoreConnector) -> object_store::Result<Arc<dyn ObjectStore>> {
    let retries = RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(200),
            max_backoff: Duration::from_secs(2),
            base: 2.0,
        },
        max_retries: 2,
        retry_timeout: Duration::from_secs(30),
    };
    let options = ClientOptions::new().with_allow_http(config.is_plain);
    let endpoint = config.endpoint.as_ref().map(|url| url.as_str().trim_end_matches('/'));
    let credentials = config.credentials.iter();
    let credentials = credentials.map(|(name, value)| (*name, value.expose_secret()));
    Ok(match config.kind {
        BucketKind::S3 => {
            // Every server that speaks S3 knows how to remove one object; some know no other way.
            let mut builder = AmazonS3Builder::new().with_disable_bulk_delete(true);
            for (name, value) in credentials {
                builder = builder.with_config(name.parse()?, value);
            }
            if let Some(endpoint) = endpoint {
                builder = builder.with_endpoint(endpoint);
            }
            Arc::new(
                builder
                    .with_bucket_name(&config.name)
                    .with_client_options(options)
                    .with_http_connector(connector)
                    .with_retry(retries)
                    .build()?,
            )
        }
        BucketKind::Google => {
            let mut builder = GoogleCloudStorageBuilder::new();
            for (name, value) in credentials {
                builder = builder.with_config(name.parse()?, value);
            }
            if let Some(endpoint) = endpoint {
                builder = builder.with_base_url(endpoint);
            }
            Arc::new(
                builder
                    .with_bucket_name(&config.name)
                    .with_client_options(options)
                    .with_http_connector(connector)
                    .with_retry(retries)
                    .build()?,
            )
        }
        BucketKind::Azure => {
            let mut builder = MicrosoftAzureBuilder::new();
            for (name, value) in credentials {
                builder = builder.with_config(name.parse()?, value);
            }
            if let Some(endpoint) = endpoint {
                builder = builder.with_endpoint(endpoint.to_owned());
            }
            Arc::new(
                builder
                    .with_container_name(&config.name)
                    .with_client_options(options)
                    .with_http_connector(connector)
                    .with_retry(retries)
                    .build()?,
            )
        }
    })
}

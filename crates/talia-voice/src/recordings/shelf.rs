//! Finds a recording wherever it is: in this machine's folder, or in the bucket.

use super::bucket::Pieces;
use super::{Bucket, BucketTrouble, Folder};
use crate::store::{RecordingRow, Store, StoreError};
use crate::telemetry::labels::BucketFault;
use futures::StreamExt;
use std::io::{self, Seek};
use thiserror::Error;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

/// Where recordings are.
#[derive(Debug, Clone)]
pub struct Shelf {
    folder: Folder,
    bucket: Option<Bucket>,
}

/// A recording as it is kept, encrypted; its size in bytes.
pub enum OnShelf {
    File(File, u64),
    Object(Pieces, u64),
}

/// A recording that can't be had.
#[derive(Debug, Error)]
pub enum ShelfError {
    /// It is in no place that can be seen from here.
    #[error("{0}: no está en esta máquina")]
    NotHere(String),
    /// Its file can't be read, or what came from the bucket can't be written.
    #[error("{0}: {1}")]
    File(String, io::Error),
    /// The bucket didn't give it.
    #[error("{0}: {1}")]
    Bucket(String, BucketTrouble),
}

impl Shelf {
    /// This folder, and this bucket if there is one.
    pub fn new(folder: Folder, bucket: Option<Bucket>) -> Self {
        Self { folder, bucket }
    }

    /// This machine's folder.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// A recording, from the folder if it is there.
    pub async fn find(&self, row: &RecordingRow) -> Result<OnShelf, ShelfError> {
        let path = self.folder.file(&row.place);
        let opened = async {
            let file = File::open(&path).await?;
            let length = file.metadata().await?.len();
            Ok::<_, io::Error>(OnShelf::File(file, length))
        };
        let error = match opened.await {
            Ok(found) => return Ok(found),
            Err(error) => error,
        };
        let Some(object) = row.object.as_ref().filter(|_| error.kind() == io::ErrorKind::NotFound) else {
            return Err(if error.kind() == io::ErrorKind::NotFound {
                ShelfError::NotHere(path.display().to_string())
            } else {
                ShelfError::File(path.display().to_string(), error)
            });
        };
        let Some(bucket) = &self.bucket else {
            return Err(ShelfError::Bucket(object.clone(), BucketFault::Elsewhere.into()));
        };
        match bucket.get(object).await {
            Ok((length, pieces)) => Ok(OnShelf::Object(pieces, length)),
            // Somebody has begun to upload it, elsewhere.
            Err(trouble) if trouble.fault == BucketFault::NoObject && row.uploaded_at.is_none() => {
                Err(ShelfError::NotHere(path.display().to_string()))
            }
            Err(trouble) => Err(ShelfError::Bucket(object.clone(), trouble)),
        }
    }

    /// The same as a file, which is a nameless one if it comes from the bucket; and where it was.
    pub async fn fetch(&self, row: &RecordingRow) -> Result<(std::fs::File, String), ShelfError> {
        let object = row.object.clone().unwrap_or_default();
        let (mut pieces, length) = match self.find(row).await? {
            OnShelf::File(file, _) => {
                let path = self.folder.file(&row.place);
                return Ok((file.into_std().await, path.display().to_string()));
            }
            OnShelf::Object(pieces, length) => (pieces, length),
        };
        let failed = |error: io::Error| ShelfError::File(object.clone(), error);
        let mut file = File::from_std(tempfile::tempfile().map_err(failed)?);
        let mut written = 0;
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|trouble| ShelfError::Bucket(object.clone(), trouble))?;
            file.write_all(&piece).await.map_err(failed)?;
            written += piece.len() as u64;
        }
        if written != length {
            return Err(ShelfError::Bucket(object, BucketFault::Differs.into()));
        }
        file.flush().await.map_err(failed)?;
        let mut file = file.into_std().await;
        file.rewind().map_err(failed)?;
        Ok((file, object))
    }

    /// Takes the copies of a call's erased recordings out of the bucket. Their rows say what is left to do, until it is done.
    pub async fn remove_objects(&self, store: &Store, call_sid: &str) -> Result<(), RemovalError> {
        let mut first = None;
        for row in store.recordings(call_sid).await? {
            let Some(object) = row.object.filter(|_| row.state == "erased") else {
                continue;
            };
            let removed = match &self.bucket {
                Some(bucket) => bucket.remove(&object).await,
                None => Err(BucketFault::Elsewhere.into()),
            };
            match removed {
                Ok(()) => {
                    store.object_removed(&row.id, &object).await?;
                }
                Err(trouble) => {
                    first.get_or_insert(RemovalError::Bucket(object, trouble));
                }
            }
        }
        first.map_or(Ok(()), Err)
    }
}

/// What is left of an erased recording.
#[derive(Debug, Error)]
pub enum RemovalError {
    /// The rows can't be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An object is still there, which nobody can open.
    #[error("{0}: {1}")]
    Bucket(String, BucketTrouble),
}

//! Erases calls: their rows in the store, and their recordings' files and objects.

use crate::recordings::{Bell, Bucket, BucketTrouble, Folder, RemovalError, Shelf};
use crate::store::{self, Erased, Erasure, Store, StoreError};
use std::io;
use thiserror::Error;

/// Why an erasure is not, or not wholly, done.
#[derive(Debug, Error)]
pub enum EraseError {
    /// The rows are as they were.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rows are gone, and with them the keys; a file of a recording, which nobody can open any more, is still there.
    #[error("{file}: {error}")]
    File { file: String, error: io::Error },
    /// The same of an object in the bucket. Its row says that it is to be removed, and any server with that bucket goes on trying.
    #[error("{object}: {trouble}")]
    Bucket { object: String, trouble: BucketTrouble },
}

impl From<RemovalError> for EraseError {
    fn from(error: RemovalError) -> Self {
        match error {
            RemovalError::Store(error) => Self::Store(error),
            RemovalError::Bucket(object, trouble) => Self::Bucket { object, trouble },
        }
    }
}

/// What became of a person's calls.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct PersonErased {
    /// CallSids.
    pub erased: Vec<String>,
    /// Calls that aren't over: they have to be erased afterwards.
    pub alive: Vec<String>,
    /// Rows about dialling the number that belong to no call.
    pub wishes: u64,
    /// The number stays on the do-not-call list: without it, it could be called again.
    pub on_do_not_call_list: bool,
}

/// Erases what the store, this machine's folder of recordings and their bucket hold.
#[derive(Debug, Clone)]
pub struct Eraser {
    store: Store,
    shelf: Shelf,
    bell: Bell,
    /// The database's address.
    database: String,
}

impl Eraser {
    /// For this store, which is at this address.
    pub fn new(store: Store, folder: Folder, database: impl Into<String>) -> Self {
        Self {
            store,
            shelf: Shelf::new(folder, None),
            bell: Bell::default(),
            database: database.into(),
        }
    }

    /// With a bucket, whose uploader is told of what is left to remove.
    #[must_use]
    pub fn with_bucket(mut self, bucket: Option<Bucket>, bell: Bell) -> Self {
        self.shelf = Shelf::new(self.shelf.folder().clone(), bucket);
        self.bell = bell;
        self
    }

    /// Erases one call and empties the database's log, also where only that, or an object in the bucket, was left to do.
    pub async fn call(&self, erasure: Erasure) -> Result<Erased, EraseError> {
        let call_sid = erasure.call_sid.clone();
        let erased = self.rows_and_files(erasure).await?;
        if matches!(erased, Erased::Done { .. } | Erased::Before { .. }) {
            // What is slow and far away comes last: nobody can open it any more.
            self.empty_log().await?;
            self.objects(&call_sid).await?;
        }
        Ok(erased)
    }

    /// Erases all calls of a number (E.164), and the number from what was dialled.
    pub async fn person(&self, number: &str, by: &str) -> Result<PersonErased, EraseError> {
        let mut done = PersonErased::default();
        let mut before = Vec::new();
        for call_sid in self.store.calls_of_number(number).await? {
            let erasure = Erasure {
                call_sid: call_sid.clone(),
                reason: "request",
                by: by.to_owned(),
            };
            match self.rows_and_files(erasure).await? {
                Erased::Done { .. } => done.erased.push(call_sid),
                Erased::Alive => done.alive.push(call_sid),
                Erased::Before { .. } => before.push(call_sid),
                Erased::Unknown => {}
            }
        }
        done.wishes = self.store.forget_number(number).await?;
        done.on_do_not_call_list = self.store.is_on_do_not_call_list(number).await?;
        self.empty_log().await?;
        let mut left = Ok(());
        for call_sid in done.erased.iter().chain(&before) {
            left = left.and(self.objects(call_sid).await);
        }
        left.map(|()| done)
    }

    /// Takes the copies in the bucket away.
    async fn objects(&self, call_sid: &str) -> Result<(), EraseError> {
        let removed = self.shelf.remove_objects(&self.store, call_sid).await;
        if removed.is_err() {
            self.bell.ring();
        }
        Ok(removed?)
    }

    /// Without emptying the log, and without the bucket, which is the uploader's: for many at once.
    pub(super) async fn rows_and_files(&self, erasure: Erasure) -> Result<Erased, EraseError> {
        let erased = self.store.erase_call(erasure).await?;
        if let Erased::Done { files } | Erased::Before { files } = &erased {
            self.remove(files)?;
        }
        Ok(erased)
    }

    /// Takes the files away; one that isn't here is elsewhere, and can't be opened there either.
    pub(super) fn remove(&self, files: &[String]) -> Result<(), EraseError> {
        for name in files {
            let file = self.shelf.folder().file(name);
            match std::fs::remove_file(&file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    let file = file.display().to_string();
                    return Err(EraseError::File { file, error });
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) async fn empty_log(&self) -> Result<(), EraseError> {
        Ok(store::empty_log(&self.database).await?)
    }
}

//! Erases calls: their rows in the store, and the files of their recordings.

use crate::recordings::Folder;
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

/// Erases what the store and this machine's folder of recordings hold.
#[derive(Debug, Clone)]
pub struct Eraser {
    store: Store,
    folder: Folder,
    /// The database's address.
    database: String,
}

impl Eraser {
    /// For this store, which is at this address.
    pub fn new(store: Store, folder: Folder, database: impl Into<String>) -> Self {
        Self {
            store,
            folder,
            database: database.into(),
        }
    }

    /// Erases one call and empties the database's log, also where only that was left to do.
    pub async fn call(&self, erasure: Erasure) -> Result<Erased, EraseError> {
        let erased = self.rows_and_files(erasure).await?;
        if matches!(erased, Erased::Done { .. } | Erased::Before { .. }) {
            self.empty_log().await?;
        }
        Ok(erased)
    }

    /// Erases all calls of a number (E.164), and the number from what was dialled.
    pub async fn person(&self, number: &str, by: &str) -> Result<PersonErased, EraseError> {
        let mut done = PersonErased::default();
        for call_sid in self.store.calls_of_number(number).await? {
            let erasure = Erasure {
                call_sid: call_sid.clone(),
                reason: "request",
                by: by.to_owned(),
            };
            match self.rows_and_files(erasure).await? {
                Erased::Done { .. } => done.erased.push(call_sid),
                Erased::Alive => done.alive.push(call_sid),
                Erased::Before { .. } | Erased::Unknown => {}
            }
        }
        done.wishes = self.store.forget_number(number).await?;
        done.on_do_not_call_list = self.store.is_on_do_not_call_list(number).await?;
        self.empty_log().await?;
        Ok(done)
    }

    /// Without emptying the log: for many at once.
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
            let file = self.folder.file(name);
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

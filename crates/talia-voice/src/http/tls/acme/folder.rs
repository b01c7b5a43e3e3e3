//! Where the ACME account and the certificate are kept: files that their owner alone can read.

use crate::http::tls::TlsError;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A folder for one domain at one directory: an account or certificate of another is never taken for this one's.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    domain: String,
    directory: String,
}

impl Folder {
    pub(super) fn new(path: &Path, directory: &str, domain: &str) -> Self {
        let digest = Sha256::digest(directory.as_bytes());
        let directory = digest.iter().take(6).fold(String::new(), |mut text, byte| {
            // Writing to a string can't fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
        Self {
            path: path.to_owned(),
            domain: domain.to_owned(),
            directory,
        }
    }

    pub(super) fn account(&self) -> PathBuf {
        self.path.join(format!("account-{}.json", self.directory))
    }

    /// Key and chain in one file, so that they are always a pair.
    pub(super) fn certificate(&self) -> PathBuf {
        self.path.join(format!("{}-{}.pem", self.domain, self.directory))
    }

    /// None when there is no such file.
    pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, TlsError> {
        match fs::read(path) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(path, &error)),
        }
    }

    /// Writes a file whole or not at all.
    pub(super) fn write(&self, path: &Path, content: &[u8]) -> Result<(), TlsError> {
        let write = || {
            DirBuilder::new().recursive(true).mode(0o700).create(&self.path)?;
            let unfinished = path.with_extension("unfinished");
            // Left over by a process that died: its mode may be another's.
            if let Err(error) = fs::remove_file(&unfinished)
                && error.kind() != io::ErrorKind::NotFound
            {
                return Err(error);
            }
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&unfinished)?;
            file.write_all(content)?;
            file.sync_all()?;
            fs::rename(&unfinished, path)
        };
        write().map_err(|error| failed(path, &error))
    }
}

fn failed(path: &Path, error: &io::Error) -> TlsError {
    TlsError::File {
        path: path.display().to_string(),
        reason: error.to_string(),
    }
}

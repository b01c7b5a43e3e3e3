//! The proof that every model is present and whole: engines load from nothing else.

use super::catalogue::{FILES, ModelFile};
use super::error::ModelError;
use super::folder::ModelsDir;
use super::hash::sha256_file;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

const STAMPS: &str = "verified.json";

/// What a file looked like when its hash was last right; hashing 220 MB at every start would take a second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    sha256: String,
    bytes: u64,
    modified_nanos: u64,
}

impl Stamp {
    fn new(model: &ModelFile, metadata: &Metadata) -> Self {
        let modified = metadata
            .modified()
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
            .unwrap_or_default();
        Self {
            sha256: model.sha256.to_owned(),
            bytes: metadata.len(),
            modified_nanos: modified.as_nanos() as u64,
        }
    }
}

/// A models folder whose files were all found whole.
#[derive(Debug, Clone)]
pub struct Installed {
    dir: ModelsDir,
}

impl Installed {
    /// Checks that every model is there and is the right one.
    ///
    /// A file whose size and time are those of its last verification isn't hashed again; [`verify`] always hashes.
    pub fn open(dir: &ModelsDir) -> Result<Self, ModelError> {
        platform()?;
        let known = read_stamps(dir);
        let mut stamps = BTreeMap::new();
        for model in FILES {
            let stamp = check(dir, model, known.get(model.name))?;
            stamps.insert(model.name.to_owned(), stamp);
        }
        if stamps != known {
            // A read-only folder only costs the hashing again.
            if let Err(error) = write_stamps(dir, &stamps) {
                tracing::debug!(%error, "model stamps not written");
            }
        }
        Ok(Self { dir: dir.clone() })
    }

    /// The folder they are in.
    pub fn dir(&self) -> &ModelsDir {
        &self.dir
    }

    /// Path of one file of the catalogue.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.file(name)
    }
}

/// Hashes one file; for a list that names everything that is wrong.
pub fn verify(dir: &ModelsDir, model: &ModelFile) -> Result<(), ModelError> {
    check(dir, model, None).map(drop)
}

/// Whether a file is in place, without hashing it where its stamp still fits.
pub fn is_whole(dir: &ModelsDir, model: &ModelFile) -> bool {
    check(dir, model, read_stamps(dir).get(model.name)).is_ok()
}

/// Refuses processors that the catalogue has no runtime for.
pub(super) fn platform() -> Result<(), ModelError> {
    if cfg!(all(
        target_os = "linux",
        any(target_arch = "x86_64", target_arch = "aarch64")
    )) {
        Ok(())
    } else {
        Err(ModelError::Platform(std::env::consts::ARCH))
    }
}

fn check(dir: &ModelsDir, model: &ModelFile, known: Option<&Stamp>) -> Result<Stamp, ModelError> {
    let path = dir.file(model.name);
    let metadata = match fs::metadata(&path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(ModelError::Missing(path)),
        Err(source) => return Err(ModelError::Io { path, source }),
    };
    if metadata.len() != model.bytes {
        return Err(ModelError::Corrupt {
            path,
            expected: format!("{} bytes", model.bytes),
            found: format!("{} bytes", metadata.len()),
        });
    }
    let stamp = Stamp::new(model, &metadata);
    if known == Some(&stamp) {
        return Ok(stamp);
    }
    let found = sha256_file(&path).map_err(|source| ModelError::Io {
        path: path.clone(),
        source,
    })?;
    if found == model.sha256 {
        Ok(stamp)
    } else {
        Err(ModelError::Corrupt {
            path,
            expected: format!("sha256 {}", model.sha256),
            found,
        })
    }
}

/// Temporary files are private; the models may be shared by the users of a machine.
pub(super) fn readable_by_all(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
}

fn read_stamps(dir: &ModelsDir) -> BTreeMap<String, Stamp> {
    fs::read(dir.file(STAMPS))
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}

fn write_stamps(dir: &ModelsDir, stamps: &BTreeMap<String, Stamp>) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(dir.path())?;
    serde_json::to_writer_pretty(&mut file, stamps)?;
    readable_by_all(file.path())?;
    file.persist(dir.file(STAMPS))?;
    Ok(())
}

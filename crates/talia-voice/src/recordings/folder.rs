//! A folder of recordings that its owner alone can read.

use std::io;
use std::path::{Path, PathBuf};

/// What a recording's file is called at its end.
const RECORDING: &str = ".wav.age";

/// Where recordings are kept.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder of this path, which need not be there yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Makes it where it is missing, and finds out whether it can be written.
    pub fn prepare(&self) -> io::Result<()> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.0)?;
        self.try_to_write()
    }

    /// Makes a file in it and takes it away again.
    pub fn try_to_write(&self) -> io::Result<()> {
        let probe = self.0.join(format!(".{}.probe", std::process::id()));
        // Whoever was killed in the middle of it left one, perhaps under the number that is ours now.
        std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&probe)?;
        std::fs::remove_file(&probe)
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The names of all recordings in it, finished or not; none where it can't be read.
    pub async fn names(&self) -> Vec<String> {
        let path = self.0.clone();
        let names = tokio::task::spawn_blocking(move || {
            let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
            let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
            names.filter(|name| name.ends_with(RECORDING)).collect()
        });
        names.await.unwrap_or_default()
    }

    /// Where the recording of this name is, or would be.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

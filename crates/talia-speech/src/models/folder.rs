//! Where models, packages and synthesised phrases are kept on disk.

use std::env;
use std::path::{Path, PathBuf};

/// The folder of model files, with the cache folders beside it.
///
/// Outside the clone, so that a second clone needs no download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelsDir {
    models: PathBuf,
    cache: PathBuf,
}

impl ModelsDir {
    /// The folder this user's environment asks for: `$TALIA_MODELS_DIR`, else `$XDG_CACHE_HOME/talia-voice/models`,
    /// else `~/.cache/talia-voice/models`.
    pub fn from_env() -> Self {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self::resolve(set("TALIA_MODELS_DIR"), set("XDG_CACHE_HOME"), set("HOME"))
    }

    /// As [`ModelsDir::from_env`], from the three values it reads.
    pub fn resolve(models: Option<PathBuf>, xdg_cache: Option<PathBuf>, home: Option<PathBuf>) -> Self {
        if let Some(models) = models {
            return Self::at(models);
        }
        // The XDG specification: a relative path there is to be ignored.
        let cache = xdg_cache
            .filter(|path| path.is_absolute())
            .unwrap_or_else(|| home.unwrap_or_else(|| PathBuf::from(".")).join(".cache"))
            .join("talia-voice");
        Self {
            models: cache.join("models"),
            cache,
        }
    }

    /// A folder of one's own; packages and phrases are kept inside it.
    pub fn at(models: impl Into<PathBuf>) -> Self {
        let models = models.into();
        Self {
            cache: models.clone(),
            models,
        }
    }

    /// The folder of the model files.
    pub fn path(&self) -> &Path {
        &self.models
    }

    /// Path of one model file.
    pub fn file(&self, name: &str) -> PathBuf {
        self.models.join(name)
    }

    /// Where downloaded packages wait until all their files are made.
    pub fn packages(&self) -> PathBuf {
        self.cache.join("packages")
    }

    /// Where synthesised phrases are kept.
    pub fn phrases(&self) -> PathBuf {
        self.cache.join("phrases")
    }
}

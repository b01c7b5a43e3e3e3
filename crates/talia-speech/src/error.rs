//! Why an engine can't load or didn't answer.

use crate::models::ModelError;

/// A failure of a local engine. No variant carries words of a caller.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error("{engine} no se puede cargar: {reason}")]
    Load { engine: &'static str, reason: String },
    #[error("{engine} falló: {reason}")]
    Run { engine: &'static str, reason: String },
    /// The job's cancel flag was set; nothing is wrong.
    #[error("trabajo cancelado")]
    Cancelled,
    /// The text has nothing that can be pronounced.
    #[error("el texto no tiene nada que se pueda decir")]
    Unspeakable,
    /// The fallback program isn't installed.
    #[error("el programa {0} no está instalado")]
    NoProgram(&'static str),
}

impl EngineError {
    pub(crate) fn load(engine: &'static str) -> impl FnOnce(String) -> Self {
        move |reason| Self::Load { engine, reason }
    }

    pub(crate) fn run(engine: &'static str) -> impl FnOnce(String) -> Self {
        move |reason| Self::Run { engine, reason }
    }
}

//! ONNX Runtime: the library loaded once from the models folder, and single-threaded sessions on it.

use crate::error::EngineError;
use crate::models::{Installed, catalogue};
use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use std::sync::{Mutex, PoisonError};

/// The runtime allows one environment a process, so it is kept for the process's life.
static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);

fn environment(installed: &Installed) -> Result<Environment, EngineError> {
    let mut environment = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = &*environment {
        return Ok(environment.clone());
    }
    let failed = EngineError::load("ONNX Runtime");
    let made = ort::init_from(installed.path(catalogue::RUNTIME))
        .map_err(|error| error.to_string())
        .and_then(|builder| builder.with_telemetry(false).build().map_err(|error| error.to_string()))
        .map_err(failed)?;
    made.set_log_level(LogLevel::Error);
    *environment = Some(made.clone());
    Ok(made)
}

/// `count` sessions of one model file, each running on its caller's thread alone.
pub(crate) fn sessions(
    installed: &Installed,
    engine: &'static str,
    file: &str,
    count: usize,
) -> Result<Vec<Session>, EngineError> {
    let environment = environment(installed)?;
    let path = installed.path(file);
    let session = || -> ort::Result<Session> {
        Session::builder(&environment)?
            .with_intra_threads(1)?
            .with_inter_threads(1)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .commit_from_file(&path)
    };
    // A session takes half a second to load, nearly all of it on one processor.
    let loaded = std::thread::scope(|scope| {
        let loading: Vec<_> = (0..count.max(1)).map(|_| scope.spawn(session)).collect();
        let panicked = |_| Err(ort::Error::new("the loading thread panicked"));
        loading
            .into_iter()
            .map(|one| one.join().unwrap_or_else(panicked))
            .collect::<ort::Result<_>>()
    });
    loaded.map_err(|error| EngineError::load(engine)(error.to_string()))
}

/// How many jobs this machine can compute at once.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

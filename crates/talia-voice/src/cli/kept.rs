//! What is kept, rows and files, for subcommands that need nothing else of the configuration.

use super::Options;
use crate::clock::Clock;
use crate::config::{Config, Sources};
use crate::recordings::{Bucket, Folder};
use crate::store::{Store, StoreSettings};
use crate::telemetry::Metrics;
use anyhow::Result;
use std::sync::Arc;

/// Rows and files.
pub(super) struct Kept {
    /// The database's address.
    pub(super) database: String,
    pub(super) store: Store,
    pub(super) folder: Folder,
    /// Where finished recordings are, if not in the folder.
    pub(super) bucket: Option<Bucket>,
    pub(super) clock: Clock,
}

/// Opens them as the configuration says.
pub(super) async fn open(options: &Options) -> Result<Kept> {
    let (database, recordings) = Config::kept(&Sources::of_process(options.config.clone()))?;
    let bucket = recordings.bucket.as_ref().map(Bucket::open).transpose()?;
    let clock = Clock::real();
    let settings = StoreSettings {
        max_size_mib: database.max_size_mib,
        ..StoreSettings::new(&database.url)
    };
    let store = Store::open(settings, clock.clone(), Arc::new(Metrics::default())).await?;
    Ok(Kept {
        database: database.url,
        store,
        folder: Folder::new(recordings.folder),
        bucket,
        clock,
    })
}

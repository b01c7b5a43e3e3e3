//! `talia-voice models`: the speech models on this machine.

use super::Options;
use crate::{
    config::{Config, Sources},
    engines::models_dir,
};
use anyhow::{Result, bail};
use clap::Subcommand;
use talia_speech::{
    ModelsDir,
    models::{self, catalogue::FILES, progress::Terminal},
};

/// What to do with the models.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(super) enum Models {
    /// What there is, how large, under which licence, and whether it is here.
    List,
    /// Fetches what is missing or damaged.
    Fetch,
    /// Reads every file and compares its hash.
    Verify,
}

impl Models {
    pub(super) async fn run(self, options: &Options) -> Result<()> {
        let config = Config::models(&Sources::of_process(options.config.clone()))?;
        let folder = models_dir(config.directory.as_ref());
        tokio::task::spawn_blocking(move || match self {
            Self::List => {
                list(&folder);
                Ok(())
            }
            Self::Fetch => fetch_missing(&folder),
            Self::Verify => verify(&folder),
        })
        .await?
    }
}

fn list(folder: &ModelsDir) {
    println!("Modelos de voz en {}", folder.path().display());
    for file in FILES {
        let here = if models::is_whole(folder, file) { "✓" } else { "–" };
        println!(
            "  {here} {:<28} {:>7.1} MB  {:<13} {}",
            file.name,
            megabytes(file.bytes),
            file.licence,
            file.purpose
        );
    }
}

fn fetch_missing(folder: &ModelsDir) -> Result<()> {
    let size = models::download_size(folder);
    if size > 0 {
        println!(
            "Faltan modelos de voz: {:.0} MB por descargar a {}",
            megabytes(size),
            folder.path().display()
        );
    }
    let made = models::fetch(folder, &mut Terminal::default())?;
    if made > 0 {
        println!("Modelos de voz listos ({made} archivos).");
    }
    Ok(())
}

fn verify(folder: &ModelsDir) -> Result<()> {
    let mut wrong = 0;
    for file in FILES {
        match models::verify(folder, file) {
            Ok(()) => println!("  ✓ {}", file.name),
            Err(error) => {
                wrong += 1;
                println!("  ✗ {error}");
            }
        }
    }
    if wrong > 0 {
        bail!("{wrong} modelo(s) mal: ejecute `talia-voice models fetch`");
    }
    Ok(())
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

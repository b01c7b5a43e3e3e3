//! `talia-voice export`: gives out what is kept, and writes down that it did.

use super::{Options, kept};
use crate::privacy::given_out;
use anyhow::{Context, Result};
use clap::Args;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct Export {
    /// Un número, como +525512345678: todo lo que se guarda de esa persona, en JSON.
    #[arg(long)]
    phone: String,
    /// Dónde queda; sin esto, en la pantalla. Un archivo que ya está no se toca.
    #[arg(long, short)]
    output: Option<PathBuf>,
}

impl Export {
    pub(super) async fn run(self, options: &Options) -> Result<()> {
        let kept = kept::open(options).await?;
        // Before it is written down that something was given out: a file that is there already is no place for it.
        let mut out = destination(self.output.as_deref())?;
        let person = given_out(&kept.store, self.phone.trim(), ("cli", kept.clock.wall())).await;
        kept.store.close().await;
        let person = match (person, &self.output) {
            (Ok(person), _) => person,
            (Err(error), None) => return Err(error.into()),
            (Err(error), Some(path)) => {
                // Nothing came into it.
                let _ = std::fs::remove_file(path);
                return Err(error.into());
            }
        };
        serde_json::to_writer_pretty(&mut out, &person)?;
        writeln!(out)?;
        out.flush()?;
        if person.is_empty() {
            eprintln!("No se guarda nada de este número.");
        } else {
            eprintln!(
                "{} llamada(s). El sonido de las grabaciones se abre con `talia-voice recording open`.",
                person.calls()
            );
        }
        Ok(())
    }
}

/// A new file that its owner alone can read, or the screen.
fn destination(path: Option<&Path>) -> Result<Box<dyn Write>> {
    let Some(path) = path else {
        return Ok(Box::new(io::stdout().lock()));
    };
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).with_context(|| path.display().to_string())?;
    Ok(Box::new(io::BufWriter::new(file)))
}

//! `talia-voice export`: what is kept, for other programs and for whom it is about. The audit trail says that it was given out.

mod csv;
mod leads;
mod person;

use super::Options;
use super::kept;
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Export {
    #[command(flatten)]
    person: Option<person::Person>,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Entrega los leads, uno por llamada o uno por persona, en CSV o JSON.
    Leads(leads::Leads),
}

impl Export {
    pub(super) async fn run(self, options: &Options) -> Result<()> {
        if self.what.is_none() && self.person.is_none() {
            bail!("hace falta --phone, o leads: talia-voice export --help");
        }
        let kept = kept::open(options).await?;
        let done = match (self.what, self.person) {
            (Some(What::Leads(wanted)), _) => Box::pin(wanted.run(&kept)).await,
            (None, Some(wanted)) => Box::pin(wanted.run(&kept)).await,
            (None, None) => Ok(()),
        };
        kept.store.close().await;
        done
    }
}

/// Where an export goes: a new file that only its owner reads, or the standard output.
enum Out {
    File(BufWriter<File>, PathBuf),
    Standard(BufWriter<io::Stdout>),
}

impl Out {
    /// A file that is there already is left alone.
    fn new(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else {
            return Ok(Self::Standard(BufWriter::new(io::stdout())));
        };
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => anyhow::anyhow!("{}: ya existe, y no se sobrescribe", path.display()),
            _ => anyhow::Error::new(error).context(path.display().to_string()),
        })?;
        Ok(Self::File(BufWriter::new(file), path.to_owned()))
    }

    /// All of it is there.
    fn finish(mut self) -> Result<()> {
        self.flush()?;
        if let Self::File(file, path) = &self {
            file.get_ref().sync_all().with_context(|| path.display().to_string())?;
        }
        Ok(())
    }

    /// A part of an export is none.
    fn discard(self) {
        if let Self::File(_, path) = &self {
            // What failed before is what is told.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file, _) => file.write(bytes),
            Self::Standard(standard) => standard.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file, _) => file.flush(),
            Self::Standard(standard) => standard.flush(),
        }
    }
}

/// Whoever read it wanted no more (`… | head`).
fn reader_is_gone(error: &anyhow::Error) -> bool {
    let broken = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    error
        .chain()
        .any(|cause| cause.downcast_ref::<io::Error>().is_some_and(broken))
}

//! `talia-voice erase`: a call, or everything of a person, for ever.

use super::{Options, kept};
use crate::privacy::{EraseError, Eraser, is_number};
use crate::recordings::Bell;
use crate::store::{Erased, Erasure, StoreError};
use anyhow::{Result, bail};
use clap::Args;
use thiserror::Error;

/// The exit code when calls that aren't over had to be left.
pub(super) const LEFT: u8 = 3;

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Erase {
    /// El CallSid de una llamada.
    #[arg(long)]
    call: Option<String>,
    /// Un número, como +525512345678: todas las llamadas de esa persona, y el número.
    #[arg(long)]
    phone: Option<String>,
}

/// Something is still there, and can be erased later.
#[derive(Debug, Error)]
#[error("{0}")]
pub(super) struct Left(String);

impl Erase {
    pub(super) async fn run(self, options: &Options) -> Result<()> {
        let kept = kept::open(options).await?;
        let eraser = Eraser::new(kept.store.clone(), kept.folder, kept.database);
        let eraser = eraser.with_bucket(kept.bucket, Bell::default());
        let done = match (self.call, self.phone) {
            (Some(call_sid), _) => call(&eraser, call_sid).await,
            (None, Some(number)) => person(&eraser, number.trim()).await,
            (None, None) => Ok(()),
        };
        kept.store.close().await;
        done.map_err(explained)
    }
}

async fn call(eraser: &Eraser, call_sid: String) -> Result<()> {
    let erasure = Erasure {
        call_sid: call_sid.clone(),
        reason: "request",
        by: "cli".to_owned(),
    };
    match eraser.call(erasure).await? {
        Erased::Done { files } => println!(
            "{call_sid}: se borró todo; {} grabación(es), que ya no se pueden abrir tampoco en copias",
            files.len()
        ),
        Erased::Before { .. } => println!("{call_sid}: ya estaba borrada"),
        Erased::Alive => return Err(Left(format!("{call_sid}: la llamada no ha terminado; bórrela después")).into()),
        Erased::Unknown => bail!("{call_sid}: no hay ninguna llamada con este CallSid"),
    }
    Ok(())
}

async fn person(eraser: &Eraser, number: &str) -> Result<()> {
    if !is_number(number) {
        bail!("hace falta un número como +525512345678");
    }
    let done = eraser.person(number, "cli").await?;
    for call_sid in &done.erased {
        println!("{call_sid}: se borró todo");
    }
    println!(
        "{} llamada(s) y {} renglón(es) de marcados",
        done.erased.len(),
        done.wishes
    );
    if done.on_do_not_call_list {
        println!("El número sigue en la lista de no llamar: sin él se le podría volver a llamar.");
    }
    if done.alive.is_empty() {
        return Ok(());
    }
    Err(Left(format!("no han terminado, bórrelas después: {}", done.alive.join(", "))).into())
}

/// A log that can't be emptied is said in words that help.
fn explained(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<EraseError>() {
        Some(EraseError::Store(StoreError::Locked)) => Left(
            "los renglones se borraron, pero el registro de SQLite (-wal) está en uso y puede tener restos: repita el comando"
                .to_owned(),
        )
        .into(),
        Some(EraseError::Bucket { object, trouble }) => Left(format!(
            "se borraron los renglones y las claves; queda un objeto que ya nadie puede abrir, {object}: {trouble}. Lo borrará el servidor que \
             tenga ese bucket, o repita el comando"
        ))
        .into(),
        _ => error,
    }
}

//! `talia-voice export --phone`.

use super::Out;
use crate::cli::kept::Kept;
use crate::privacy::given_out;
use anyhow::Result;
use clap::Args;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct Person {
    /// Un número, como +525512345678: todo lo que se guarda de esa persona, en JSON.
    #[arg(long)]
    phone: String,
    /// El archivo, que no debe existir; sin esto, la salida estándar.
    #[arg(long, short, value_name = "ARCHIVO")]
    output: Option<PathBuf>,
}

impl Person {
    pub(super) async fn run(&self, kept: &Kept) -> Result<()> {
        // Before it is written down that something was given out: a file that is there already is no place for it.
        let mut out = Out::new(self.output.as_deref())?;
        let person = match given_out(&kept.store, self.phone.trim(), ("cli", kept.clock.wall())).await {
            Ok(person) => person,
            Err(error) => {
                out.discard();
                return Err(error.into());
            }
        };
        serde_json::to_writer_pretty(&mut out, &person)?;
        writeln!(out)?;
        out.finish()?;
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

//! `talia-voice audit`: reads the trail of what has to be proven, and finds out whether anybody changed it.

use super::{Options, kept};
use crate::store::{AuditFault, AuditHead, Store};
use anyhow::Result;
use clap::{Args, Subcommand};
use thiserror::Error;

/// Rows that are read at once.
const PAGE: u32 = 1_000;

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Comprueba toda la cadena y nombra cada renglón que falta o que se cambió. Termina con 1 si hay alguno.
    Verify(Verify),
    /// Muestra los renglones, uno por línea, en JSON.
    List(List),
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// La cabeza que se anotó antes en otro lugar, como la muestra este comando: descubre también una cadena hecha de nuevo.
    #[arg(long, value_parser = head)]
    head: Option<AuditHead>,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Solo los de una llamada.
    #[arg(long)]
    call: Option<String>,
    /// Los que vienen después de este número.
    #[arg(long, default_value_t = 0, conflicts_with = "call")]
    after: i64,
}

/// The trail is not what it was.
#[derive(Debug, Error)]
#[error("{0} falla(s) en la cadena")]
pub(super) struct Broken(usize);

impl Audit {
    pub(super) async fn run(self, options: &Options) -> Result<()> {
        let kept = kept::open(options).await?;
        let done = match self {
            Self::Verify(wanted) => wanted.run(&kept.store).await,
            Self::List(wanted) => wanted.run(&kept.store).await,
        };
        kept.store.close().await;
        done
    }
}

impl Verify {
    async fn run(self, store: &Store) -> Result<()> {
        let report = store.verify_audit(self.head.as_ref()).await?;
        for fault in &report.faults {
            match fault {
                AuditFault::Missing { from, to } if from == to => println!("falta el renglón {from}"),
                AuditFault::Missing { from, to } => println!("faltan los renglones {from} a {to}"),
                AuditFault::Changed { seq } => println!("se cambió el renglón {seq}"),
                AuditFault::OtherHead { seq } => {
                    println!(
                        "el renglón {seq} no es el que se anotó: la cadena se hizo de nuevo, o se le cortó el final"
                    );
                }
            }
        }
        println!("{} renglón(es)", report.rows);
        if let Some(head) = report.head {
            println!("cabeza {head}");
        }
        match report.faults.len() {
            0 => Ok(()),
            count => Err(Broken(count).into()),
        }
    }
}

impl List {
    async fn run(self, store: &Store) -> Result<()> {
        if let Some(call_sid) = &self.call {
            for row in store.audit_of_call(call_sid).await? {
                println!("{}", serde_json::to_string(&row)?);
            }
            return Ok(());
        }
        let mut after = self.after;
        loop {
            let rows = store.audit_rows(after, PAGE).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.seq;
            for row in &rows {
                println!("{}", serde_json::to_string(row)?);
            }
        }
    }
}

fn head(text: &str) -> Result<AuditHead, String> {
    text.parse()
        .map_err(|()| "hace falta una cabeza como 17:… con 64 dígitos hexadecimales".to_owned())
}

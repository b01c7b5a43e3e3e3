//! `talia-voice keys`: makes keys for programs, and the operator's pair for recordings.

use super::{Options, kept};
use crate::config::{recipient, sha256_hex};
use crate::recordings::keys::{self, KeyError};
use crate::store::NewSeal;
use age::x25519::Identity;
use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// 256 bits: nobody guesses one.
const KEY_BYTES: usize = 32;
/// Recordings that are looked at at once.
const PAGE: u32 = 500;

#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Hace una clave de la API y muestra lo que va en la configuración. La clave se ve una sola vez.
    NewApi(NewApi),
    /// Hace el par de claves de las grabaciones: guarda la privada en un archivo y muestra la pública.
    New(New),
    /// Pasa las claves de todas las grabaciones a otro par. Los archivos de las grabaciones no cambian.
    Rotate(Rotate),
}

#[derive(Debug, Args)]
pub(super) struct NewApi {
    /// Nombre de la clave en la auditoría.
    #[arg(long, default_value = "programa")]
    id: String,
    /// Para qué sirve: dial, token, do_not_call, read, command, erase.
    #[arg(long = "scope", value_parser = ["dial", "token", "do_not_call", "read", "command", "erase"], default_value = "dial")]
    scopes: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct New {
    /// Dónde queda la clave privada. Guárdela en otra máquina que el servidor: quien la tiene escucha todas las grabaciones.
    #[arg(long, short, default_value = "talia-recordings.key")]
    output: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Rotate {
    /// El archivo con la clave privada de antes.
    #[arg(long)]
    identity: PathBuf,
    /// La clave pública nueva, `age1…`.
    #[arg(long)]
    to: String,
}

impl Keys {
    pub(super) async fn run(self, options: &Options) -> Result<()> {
        match self {
            Self::NewApi(wanted) => wanted.run(),
            Self::New(wanted) => wanted.run(),
            Self::Rotate(wanted) => wanted.run(options).await,
        }
    }
}

impl New {
    fn run(&self) -> Result<()> {
        let identity = Identity::generate();
        let remark = "TalIA Voz: quien tiene esta clave escucha las grabaciones";
        keys::write_new(&self.output, &identity, remark).with_context(|| self.output.display().to_string())?;
        println!(
            "# La clave privada quedó en {}. Llévesela a otra máquina.",
            self.output.display()
        );
        println!("# Para talia.toml:");
        println!("[recordings]");
        println!("mode = \"after_notice\"");
        println!("recipient = \"{}\"", identity.to_public());
        Ok(())
    }
}

impl Rotate {
    async fn run(&self, options: &Options) -> Result<()> {
        let operator = keys::identities(&self.identity)?;
        let to = recipient(self.to.trim()).context("--to")?;
        let kept = kept::open(options).await?;
        let (mut after, mut moved, mut others) = (None, 0, 0);
        loop {
            let rows = kept.store.sealed_recordings(after.as_deref(), PAGE).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.id.clone());
            for row in rows {
                let Some(before) = row.sealed_key.filter(|_| row.recipient != to.to_string()) else {
                    continue;
                };
                let key = match keys::unseal(&before, &operator) {
                    Ok(key) => key,
                    Err(KeyError::Wrong) => {
                        others += 1;
                        continue;
                    }
                    Err(error) => return Err(error).context(row.place),
                };
                let seal = NewSeal {
                    id: row.id,
                    before,
                    sealed_key: keys::seal(&key, &to)?,
                    recipient: to.to_string(),
                };
                moved += u32::from(kept.store.seal_recording(seal).await?);
            }
        }
        kept.store.close().await;
        println!("{moved} clave(s) pasaron a {to}");
        if others > 0 {
            bail!("{others} clave(s) son de otra clave privada y no cambiaron");
        }
        Ok(())
    }
}

impl NewApi {
    fn run(self) -> Result<()> {
        let wanted = self;
        let mut bytes = [0; KEY_BYTES];
        getrandom::fill(&mut bytes).context("no hay números aleatorios")?;
        let key = format!("talia_{}", URL_SAFE_NO_PAD.encode(bytes));
        let sha256 = sha256_hex(&key);
        let scopes: Vec<_> = wanted.scopes.iter().map(|scope| format!("\"{scope}\"")).collect();
        println!("# La clave, para el programa (no se guarda en ningún lado):");
        println!("{key}");
        println!();
        println!("# Para talia.toml:");
        println!("[[api.keys]]");
        println!("id = {:?}", wanted.id);
        println!("sha256 = \"{sha256}\"");
        println!("scopes = [{}]", scopes.join(", "));
        Ok(())
    }
}

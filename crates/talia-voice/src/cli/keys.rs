//! `talia-voice keys`: makes keys for programs.

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, Subcommand};
use sha2::{Digest, Sha256};

/// 256 bits: nobody guesses one.
const KEY_BYTES: usize = 32;

#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Hace una clave de la API y muestra lo que va en la configuración. La clave se ve una sola vez.
    NewApi(NewApi),
}

#[derive(Debug, Args)]
pub(super) struct NewApi {
    /// Nombre de la clave en la auditoría.
    #[arg(long, default_value = "programa")]
    id: String,
    /// Para qué sirve: dial, token, do_not_call.
    #[arg(long = "scope", value_parser = ["dial", "token", "do_not_call"], default_value = "dial")]
    scopes: Vec<String>,
}

impl Keys {
    pub(super) fn run(self) -> Result<()> {
        let Self::NewApi(wanted) = self;
        let mut bytes = [0; KEY_BYTES];
        getrandom::fill(&mut bytes).context("no hay números aleatorios")?;
        let key = format!("talia_{}", URL_SAFE_NO_PAD.encode(bytes));
        let sha256 = Sha256::digest(&key)
            .iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
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

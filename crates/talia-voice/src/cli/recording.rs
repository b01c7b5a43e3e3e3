//! `talia-voice recording`: opens what was recorded, shows its keys, forgets them.

use super::Options;
use super::kept::{self, Kept};
use crate::recordings::opening::{self, Whole};
use crate::recordings::{RemovalError, Shelf, keys, wave};
use crate::store::{self, RecordingRow};
use age::secrecy::ExposeSecret;
use age::x25519::Identity;
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use std::fs::File;
use std::io::{BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Exit code for a recording of which only a part could be given.
pub(super) const INCOMPLETE: u8 = 3;

#[derive(Debug, Subcommand)]
pub(super) enum Recording {
    /// Descifra la grabación de una llamada en un WAV (izquierda quien llama, derecha TalIA). Lo que está entero se entrega,
    /// aunque el archivo esté cortado o dañado: entonces termina con 3.
    Open(Open),
    /// Muestra la clave privada de cada grabación de una llamada, para la herramienta `age`.
    Key(Key),
    /// Borra para siempre las claves de las grabaciones de una llamada: ninguna copia se podrá abrir. Y sus archivos, aquí y en el bucket;
    /// si el bucket no lo hace, termina con 3 y lo hará el servidor.
    Erase(Erase),
}

#[derive(Debug, Args)]
pub(super) struct Open {
    /// La llamada, `CA…`.
    call_sid: String,
    /// El archivo con la clave privada del operador.
    #[arg(long)]
    identity: PathBuf,
    /// Dónde queda; sin esto, `CALLSID.wav`. Una llamada cuya línea se cortó tiene varias grabaciones: las demás son `…-2.wav`.
    #[arg(long, short)]
    output: Option<PathBuf>,
    /// Una copia de la grabación en otro lugar que la carpeta o el bucket de la configuración (de una llamada que sólo tiene una).
    #[arg(long)]
    file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Key {
    /// La llamada, `CA…`.
    call_sid: String,
    /// El archivo con la clave privada del operador.
    #[arg(long)]
    identity: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Erase {
    /// La llamada, `CA…`.
    call_sid: String,
}

/// What was given isn't all that there was.
#[derive(Debug, Error)]
#[error("{0}")]
pub(super) struct Incomplete(String);

impl Recording {
    pub(super) async fn run(self, options: &Options) -> Result<()> {
        let kept = kept::open(options).await?;
        let done = match self {
            Self::Open(wanted) => wanted.run(&kept).await,
            Self::Key(wanted) => wanted.run(&kept).await,
            Self::Erase(wanted) => wanted.run(&kept).await,
        };
        kept.store.close().await;
        done
    }
}

impl Open {
    async fn run(&self, kept: &Kept) -> Result<()> {
        let operator = keys::identities(&self.identity)?;
        let rows = recordings(kept, &self.call_sid).await?;
        if self.file.is_some() && rows.len() > 1 {
            bail!("la llamada tiene {} grabaciones: --file sirve para una", rows.len());
        }
        let first = match &self.output {
            Some(path) => path.clone(),
            None => PathBuf::from(format!("{}.wav", self.call_sid)),
        };
        let mut worst = None;
        for (number, row) in (1..).zip(&rows) {
            let to = if number == 1 {
                first.clone()
            } else {
                numbered(&first, number)
            };
            let key = key_of(row, &operator)?;
            let from = match &self.file {
                Some(path) => {
                    let shown = path.display().to_string();
                    (File::open(path).with_context(|| shown.clone())?, shown)
                }
                None => shelf(kept).fetch(row).await?,
            };
            if let Some(fault) = give(row, from, &key, &to)? {
                worst.get_or_insert(fault);
            }
        }
        worst.map_or(Ok(()), |fault| Err(fault.into()))
    }
}

impl Key {
    async fn run(&self, kept: &Kept) -> Result<()> {
        let operator = keys::identities(&self.identity)?;
        for row in recordings(kept, &self.call_sid).await? {
            let key = key_of(&row, &operator)?;
            println!("# {}", row.place);
            println!("{}", key.to_string().expose_secret());
        }
        Ok(())
    }
}

impl Erase {
    async fn run(&self, kept: &Kept) -> Result<()> {
        let rows = recordings(kept, &self.call_sid).await?;
        kept.store.erase_recordings(&self.call_sid).await?;
        store::empty_log(&kept.database).await?;
        for row in &rows {
            let file = kept.folder.file(&row.place);
            match std::fs::remove_file(&file) {
                Ok(()) => {}
                // A copy elsewhere can't be opened any more, either.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error).with_context(|| file.display().to_string()),
            }
        }
        let removed = shelf(kept).remove_objects(&kept.store, &self.call_sid).await;
        println!(
            "{} grabación(es) sin clave: ya no se pueden abrir, tampoco sus copias",
            rows.len()
        );
        match removed {
            Err(RemovalError::Bucket(object, trouble)) => Err(Incomplete(format!(
                "queda un objeto que ya nadie puede abrir, {object}: {trouble}. Lo borrará el servidor que tenga ese bucket, o repita el comando"
            ))
            .into()),
            removed => Ok(removed?),
        }
    }
}

fn shelf(kept: &Kept) -> Shelf {
    Shelf::new(kept.folder.clone(), kept.bucket.clone())
}

/// A call's recordings; none is an error.
async fn recordings(kept: &Kept, call_sid: &str) -> Result<Vec<RecordingRow>> {
    let rows = kept.store.recordings(call_sid).await?;
    if rows.is_empty() {
        bail!("{call_sid}: no hay ninguna grabación de esta llamada");
    }
    Ok(rows)
}

fn key_of(row: &RecordingRow, operator: &[Identity]) -> Result<Identity> {
    let Some(sealed) = &row.sealed_key else {
        bail!("{}: su clave se borró; ya no se puede abrir", row.place);
    };
    keys::unseal(sealed, operator).with_context(|| format!("{} (cifrada para {})", row.place, row.recipient))
}

/// Writes what is whole of a recording, and says what isn't.
fn give(row: &RecordingRow, (file, from): (File, String), key: &Identity, to: &Path) -> Result<Option<Incomplete>> {
    let bytes = file.metadata()?.len();
    let mut out = BufWriter::new(File::create(to).with_context(|| to.display().to_string())?);
    let whole = opening::open(BufReader::new(file), key, &mut out).with_context(|| from.clone());
    let whole = match whole {
        Ok(whole) => whole,
        Err(error) => {
            // Nothing came out of it.
            let _ = std::fs::remove_file(to);
            return Err(error);
        }
    };
    // Its length is known now.
    let samples = out.stream_position()?.saturating_sub(wave::HEADER as u64) / 2;
    out.seek(SeekFrom::Start(0))?;
    out.write_all(&wave::header(Some(samples)))?;
    out.flush()?;
    let seconds = samples as f64 / 8_000.0;
    println!("{}: {seconds:.1} s", to.display());
    let had_all = row.state == "stored" && row.bytes.is_some_and(|all| all.unsigned_abs() == bytes);
    let what = match whole {
        Whole::Yes => return Ok(missing(row)),
        Whole::Cut if !had_all => "está cortada",
        Whole::Cut | Whole::Damaged => "está dañada: alguien cambió sus bytes",
    };
    Ok(Some(Incomplete(format!(
        "{from}: {what}; se entregaron los {seconds:.1} s que están enteros"
    ))))
}

/// A recording that is whole may lack what its disk was too slow for.
fn missing(row: &RecordingRow) -> Option<Incomplete> {
    let ms = row.missing_ms.filter(|ms| *ms > 0)?;
    let seconds = ms as f64 / 1_000.0;
    Some(Incomplete(format!(
        "{}: le faltan {seconds:.1} s que el disco no alcanzó a tomar; son silencio",
        row.place
    )))
}

/// `call.wav` becomes `call-2.wav`.
fn numbered(path: &Path, number: u32) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}-{number}.wav"))
}

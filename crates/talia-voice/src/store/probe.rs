//! A look at the database from outside a server: can it be opened and written, and how large is it.

use super::StoreError;
use sqlx::ConnectOptions;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnectOptions;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

/// A server's own group commit takes milliseconds; who holds the file longer than this holds up calls.
const BUSY: Duration = Duration::from_secs(3);

/// What was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// The file's size; none when it isn't there yet and can be made.
    pub bytes: Option<u64>,
}

/// Opens the database, takes the right to write, and gives it back: nothing is changed or made.
pub async fn probe(url: &str) -> Result<Probe, StoreError> {
    let failed = |reason: String| StoreError::Open {
        url: url.to_owned(),
        reason,
    };
    let options = SqliteConnectOptions::from_str(url)
        .map_err(|error| failed(error.to_string()))?
        .create_if_missing(false)
        .busy_timeout(BUSY)
        .disable_statement_logging();
    let path = options.get_filename().to_owned();
    if !path.exists() {
        can_be_made(&path).map_err(|error| failed(error.to_string()))?;
        return Ok(Probe { bytes: None });
    }
    let mut connection = options.connect().await.map_err(|error| failed(error.to_string()))?;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await?;
    let tables = sqlx::query("SELECT count(*) FROM sqlite_master")
        .execute(&mut connection)
        .await;
    sqlx::query("ROLLBACK").execute(&mut connection).await?;
    tables?;
    connection.close().await?;
    let bytes = std::fs::metadata(&path)
        .map_err(|error| failed(error.to_string()))?
        .len();
    Ok(Probe { bytes: Some(bytes) })
}

/// Makes a file beside the one that is wanted, and takes it away again.
fn can_be_made(path: &Path) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.probe", std::process::id()));
    std::fs::OpenOptions::new().write(true).create_new(true).open(&beside)?;
    std::fs::remove_file(&beside)
}

//! A look at the database from outside a server: can it be opened and written, and how large is it.

use super::StoreError;
use super::engine::{self, Connection, Engine};
use super::sql::sql;
use std::path::Path;

/// What was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// The database's size; none when it isn't there yet and can be made.
    pub bytes: Option<u64>,
}

/// Opens the database, takes the right to write, and gives it back: nothing is changed or made.
pub async fn probe(url: &str) -> Result<Probe, StoreError> {
    let failed = |reason: String| StoreError::Open {
        url: engine::shown(url),
        reason,
    };
    let engine = Engine::of_existing(url).map_err(|error| failed(error.to_string()))?;
    let path = engine.file().map(Path::to_owned);
    if let Some(path) = &path
        && !path.exists()
    {
        can_be_made(path).map_err(|error| failed(error.to_string()))?;
        return Ok(Probe { bytes: None });
    }
    let mut connection = engine.connect().await.map_err(|error| failed(error.to_string()))?;
    connection.begin().await?;
    let seen = look(&mut connection).await;
    connection.roll_back().await?;
    match path {
        None => seen,
        Some(path) => {
            seen?;
            let file = std::fs::metadata(&path).map_err(|error| failed(error.to_string()))?;
            Ok(Probe {
                bytes: Some(file.len()),
            })
        }
    }
}

async fn look(connection: &mut Connection) -> Result<Probe, StoreError> {
    if let Connection::Sqlite(_) = connection {
        let _: (i64,) = sql("SELECT count(*) FROM sqlite_master").one(connection).await?;
        return Ok(Probe { bytes: None });
    }
    let (made, writable, bytes): (bool, bool, i64) = sql("SELECT to_regclass('voice_calls') IS NOT NULL,
             current_setting('transaction_read_only') = 'off'
                 AND COALESCE(has_table_privilege(to_regclass('voice_calls'), 'INSERT'),
                              has_schema_privilege(current_schema(), 'CREATE'), false),
             pg_database_size(current_database())")
    .one(connection)
    .await?;
    if !writable {
        return Err(StoreError::ReadOnly);
    }
    Ok(Probe {
        bytes: made.then_some(bytes.unsigned_abs()),
    })
}

/// Makes a file beside the one that is wanted, and takes it away again.
fn can_be_made(path: &Path) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.probe", std::process::id()));
    std::fs::OpenOptions::new().write(true).create_new(true).open(&beside)?;
    std::fs::remove_file(&beside)
}

//! `[database]`: where calls, words and leads are kept.

use super::ConfigError;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use url::Url;

/// What may follow the address of a PostgreSQL server. A password doesn't: it would be shown where addresses are.
const PARAMETERS: [&str; 7] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "port",
    "application_name",
];
/// PostgreSQL's own words for how much of TLS is wanted.
const SSL_MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    url: String,
    max_size_mib: u32,
    spool: PathBuf,
    spool_max_mib: u32,
    backlog: usize,
}

/// Where calls, words and leads are kept.
#[derive(Clone)]
pub struct Database {
    /// `sqlite:` and a path, or `postgres://` and a server; it may hold a password.
    pub url: String,
    /// The size at which SQLite's file counts as full, in MiB.
    pub max_size_mib: Option<u32>,
    /// The folder in which writes wait on disk while the database can't be written, and how many bytes of them; none: they wait
    /// in memory.
    pub spool: Option<(PathBuf, u64)>,
    /// How many writes wait in memory while neither database nor spool can be written.
    pub backlog: usize,
}

/// Without the address, which may hold a password.
impl std::fmt::Debug for Database {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Database")
            .field("max_size_mib", &self.max_size_mib)
            .field("spool", &self.spool)
            .field("backlog", &self.backlog)
            .finish_non_exhaustive()
    }
}

impl Raw {
    pub(super) fn check(self) -> Result<Database, ConfigError> {
        let url = self.url.trim().to_owned();
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.trim_start_matches("//");
            if path.is_empty() || path.contains(":memory:") {
                return Err(wrong("sqlite: must be followed by the path of a file"));
            }
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            check_postgres(&url)?;
            if self.max_size_mib > 0 {
                let only = "is for SQLite only: set it to 0";
                return Err(ConfigError::value("database.max_size_mib", only));
            }
        } else {
            return Err(wrong(
                "must be sqlite: and the path of a file, or postgres://USER:PASSWORD@HOST/DATABASE",
            ));
        }
        if self.backlog == 0 {
            return Err(ConfigError::value("database.backlog", "must be 1 or more"));
        }
        let spool = if self.spool.as_os_str().is_empty() {
            beside(&url).join("spool")
        } else {
            self.spool
        };
        Ok(Database {
            url,
            max_size_mib: (self.max_size_mib > 0).then_some(self.max_size_mib),
            spool: (self.spool_max_mib > 0).then_some((spool, u64::from(self.spool_max_mib) << 20)),
            backlog: self.backlog,
        })
    }
}

/// The folder of SQLite's file; ours, where the database is on a server.
fn beside(url: &str) -> PathBuf {
    let file = url.strip_prefix("sqlite:").unwrap_or_default();
    let file = file.trim_start_matches("//").split('?').next().unwrap_or_default();
    Path::new(file).parent().unwrap_or(Path::new("")).to_owned()
}

fn wrong(reason: impl Into<String>) -> ConfigError {
    ConfigError::value("database.url", reason)
}

/// Says what is wrong without repeating the address.
fn check_postgres(text: &str) -> Result<(), ConfigError> {
    let url = Url::parse(text).map_err(|error| wrong(format!("is no address of a server: {error}")))?;
    if !only_whole_escapes(text) {
        return Err(wrong(
            "has a % that isn't followed by the two hexadecimal digits of a character: write %25",
        ));
    }
    if url.path().trim_start_matches('/').is_empty() {
        return Err(wrong("names no database: postgres://USER:PASSWORD@HOST/DATABASE"));
    }
    if url.path().trim_start_matches('/').contains('/') {
        return Err(wrong("names more than one database"));
    }
    if url.fragment().is_some() {
        return Err(wrong("has a #, which must be written %23 in a password"));
    }
    let mut host = url.host_str().is_some_and(|host| !host.is_empty());
    for (name, value) in url.query_pairs() {
        if !PARAMETERS.contains(&&*name) {
            return Err(wrong(format!(
                "has a parameter that isn't one of {}",
                PARAMETERS.join(", ")
            )));
        }
        if value.is_empty() {
            return Err(wrong(format!("has an empty {name}")));
        }
        match &*name {
            "host" => host = true,
            "port" if value.parse::<u16>().is_err() => return Err(wrong("has a port that is no number up to 65535")),
            "sslmode" if !SSL_MODES.contains(&&*value) => {
                return Err(wrong(format!(
                    "has an sslmode that isn't one of {}",
                    SSL_MODES.join(", ")
                )));
            }
            _ => {}
        }
    }
    if !host {
        return Err(wrong("names no server: postgres://USER:PASSWORD@HOST/DATABASE"));
    }
    Ok(())
}

/// Whether every `%` begins a byte, and the bytes are UTF-8.
fn only_whole_escapes(text: &str) -> bool {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let (Some(high), Some(low)) = (digit(bytes.next()), digit(bytes.next())) else {
            return false;
        };
        decoded.push((high * 16 + low) as u8);
    }
    std::str::from_utf8(&decoded).is_ok()
}

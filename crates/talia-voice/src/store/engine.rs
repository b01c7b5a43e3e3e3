//! The two engines: SQLite's file, and PostgreSQL's server. What differs between them beyond types is here.

use super::open::StoreSettings;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, PgConnection, PgPool, SqliteConnection, SqlitePool};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("./migrations/sqlite");

/// How long another process may hold SQLite's file before that counts as a failure.
const BUSY: Duration = Duration::from_secs(1);
/// The same for who only looks: a server's own group commit takes milliseconds; who holds the file longer than this holds up
/// calls.
const LOOK: Duration = Duration::from_secs(3);
/// Reads at once.
const READERS: u32 = 4;
/// Pages of SQLite's default size in a MiB.
const PAGES_PER_MIB: u32 = 256;
/// How long PostgreSQL may take to let us in.
const CONNECT: Duration = Duration::from_secs(2);
/// How long a statement may take before the server counts as hung: more than the server's own limit below.
const STATEMENT: Duration = Duration::from_secs(4);
/// A session's own limits: a statement, the wait for the right to write, and how long that right outlives a writer of
/// which nothing is heard any more. And where the server doesn't wait for its disk by itself, it does for us.
const SESSION: &str = "SET statement_timeout = '3s'; SET lock_timeout = '1s';
    SET idle_in_transaction_session_timeout = '5s';
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";
/// Of all nodes, one writes at a time, as in SQLite: so events count up in the order of their commits, no cap is exceeded
/// by two who count at once, and whoever has the right to write knows what became of every write before. The key is
/// "TalIA" in ASCII; such locks belong to one database.
pub(super) const WRITE_RIGHT: &str = "SELECT pg_advisory_xact_lock(362411739457)";

/// How the database is reached.
#[derive(Clone)]
pub(super) enum Engine {
    Sqlite(SqliteConnectOptions),
    Postgres(PgConnectOptions),
}

/// One connection.
pub(super) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Connections that read.
#[derive(Debug, Clone)]
pub(super) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Whether it is the address of a PostgreSQL server.
pub(super) fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// The address as it may be shown: without password and parameters.
pub(super) fn shown(url: &str) -> String {
    if !is_postgres(url) {
        return url.to_owned();
    }
    let Ok(mut parsed) = url::Url::parse(url) else {
        return "postgres://…".to_owned();
    };
    parsed.set_query(None);
    parsed.set_fragment(None);
    if parsed.set_password(None).is_err() {
        return "postgres://…".to_owned();
    }
    parsed.to_string()
}

/// What PostgreSQL answers within the limit of a statement; more counts as a broken connection.
pub(super) async fn within<T>(asked: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    limited(STATEMENT, asked).await
}

async fn limited<T>(limit: Duration, asked: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    tokio::time::timeout(limit, asked)
        .await
        .unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))
}

impl Engine {
    /// Reads the address.
    pub(super) fn of(url: &str) -> Result<Self, sqlx::Error> {
        if is_postgres(url) {
            let options = PgConnectOptions::from_str(url)?.disable_statement_logging();
            let options = match options.get_application_name() {
                None => options.application_name("talia-voice"),
                Some(_) => options,
            };
            return Ok(Self::Postgres(options));
        }
        let options = SqliteConnectOptions::from_str(url)?
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            // A recording's key that is erased leaves no trace in the file's free space.
            .pragma("secure_delete", "on")
            .disable_statement_logging();
        Ok(Self::Sqlite(options))
    }

    /// The same of a database that is looked at: it is never made, nor changed by being opened.
    pub(super) fn of_existing(url: &str) -> Result<Self, sqlx::Error> {
        if is_postgres(url) {
            return Self::of(url);
        }
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(false)
            .busy_timeout(LOOK)
            .disable_statement_logging();
        Ok(Self::Sqlite(options))
    }

    /// Makes what isn't there, and brings the tables up to date. Answers how writers and readers connect.
    pub(super) async fn prepare(self, settings: &StoreSettings) -> Result<(Self, Pool), String> {
        match self {
            Self::Sqlite(options) => {
                keep_private(options.get_filename()).map_err(|error| error.to_string())?;
                let mut connection = options.connect().await.map_err(|error| error.to_string())?;
                SQLITE_MIGRATIONS
                    .run(&mut connection)
                    .await
                    .map_err(|error| error.to_string())?;
                let readers = SqlitePoolOptions::new()
                    .max_connections(READERS)
                    .acquire_timeout(Duration::from_secs(2))
                    .connect_lazy_with(options.clone().read_only(true));
                // A page limit belongs to a connection, and only the writer's can grow the file.
                let options = match settings.max_size_mib {
                    Some(mib) => options.pragma("max_page_count", mib.saturating_mul(PAGES_PER_MIB).to_string()),
                    None => options,
                };
                Ok((Self::Sqlite(options), Pool::Sqlite(readers)))
            }
            Self::Postgres(options) => {
                // Without a session's limits: a migration may take its time, and waits for another node's.
                let mut connection = limited(CONNECT, options.connect())
                    .await
                    .map_err(|error| error.to_string())?;
                let mut migrations = sqlx::migrate!("./migrations/postgres");
                // Where a newer node has been, an older one may start all the same: migrations only add what it can do
                // without, until no such node is left.
                migrations.set_ignore_missing(true);
                migrations
                    .run(&mut connection)
                    .await
                    .map_err(|error| error.to_string())?;
                // Open from the start, and for good: a webhook doesn't wait for a new one.
                let readers = PgPoolOptions::new()
                    .min_connections(READERS)
                    .max_connections(READERS)
                    .idle_timeout(None)
                    .max_lifetime(None)
                    .acquire_timeout(CONNECT)
                    .after_connect(|connection, _| {
                        Box::pin(async move { sqlx::raw_sql(SESSION).execute(connection).await.map(drop) })
                    })
                    .connect_with(options.clone())
                    .await
                    .map_err(|error| error.to_string())?;
                Ok((Self::Postgres(options), Pool::Postgres(readers)))
            }
        }
    }

    /// Which database it is, whoever asks and from wherever: a server that was moved to another machine is the same.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Sqlite(options) => {
                let file = options.get_filename();
                let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
                format!("sqlite:{}", file.display())
            }
            Self::Postgres(options) => format!("postgres:{}", options.get_database().unwrap_or_default()),
        }
    }

    /// SQLite's file.
    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(options) => Some(options.get_filename()),
            Self::Postgres(_) => None,
        }
    }

    /// A connection that does nothing for as long as it likes.
    pub(super) async fn connect_to_hold(&self) -> Result<Connection, sqlx::Error> {
        let mut connection = self.connect().await?;
        if let Connection::Postgres(connection) = &mut connection {
            let forever = sqlx::raw_sql("SET idle_in_transaction_session_timeout = 0");
            within(forever.execute(connection)).await?;
        }
        Ok(connection)
    }

    /// A connection that writes.
    pub(super) async fn connect(&self) -> Result<Connection, sqlx::Error> {
        match self {
            Self::Sqlite(options) => options.connect().await.map(Connection::Sqlite),
            Self::Postgres(options) => {
                let connecting = async {
                    let mut connection = options.connect().await?;
                    sqlx::raw_sql(SESSION).execute(&mut connection).await?;
                    Ok(Connection::Postgres(connection))
                };
                limited(CONNECT, connecting).await
            }
        }
    }
}

impl Connection {
    /// Takes the right to write away from everybody else, for as long as the transaction lasts.
    pub(super) async fn hold(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => sqlx::query("BEGIN EXCLUSIVE").execute(connection).await.map(drop),
            Self::Postgres(_) => self.begin().await,
        }
    }

    /// Begins a transaction with the right to write.
    pub(super) async fn begin(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => sqlx::query("BEGIN IMMEDIATE").execute(connection).await.map(drop),
            Self::Postgres(connection) => {
                let begin = async {
                    sqlx::raw_sql("BEGIN").execute(&mut *connection).await?;
                    sqlx::raw_sql(WRITE_RIGHT).execute(connection).await.map(drop)
                };
                within(begin).await
            }
        }
    }

    /// Ends it; what it wrote is on disk then.
    pub(super) async fn commit(&mut self) -> Result<(), sqlx::Error> {
        self.say("COMMIT").await
    }

    /// Takes it back.
    pub(super) async fn roll_back(&mut self) -> Result<(), sqlx::Error> {
        self.say("ROLLBACK").await
    }

    /// Whether a commit that failed may have happened all the same: a server may have done it and its answer been lost.
    pub(super) fn leaves_doubt(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    async fn say(&mut self, word: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => sqlx::query(word).execute(connection).await.map(drop),
            Self::Postgres(connection) => within(sqlx::raw_sql(word).execute(connection)).await.map(drop),
        }
    }
}

impl Pool {
    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            // A server that hangs doesn't hang our end.
            Self::Postgres(pool) => {
                let _ = tokio::time::timeout(CONNECT, pool.close()).await;
            }
        }
    }
}

/// Makes the file readable by its owner only, before the database makes it readable by all. SQLite gives its
/// companions (`-wal`, `-shm`) the same permissions.
fn keep_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        let file = options.mode(0o600).open(path)?;
        file.set_permissions(std::fs::Permissions::from_mode(0o600))
    }
    #[cfg(not(unix))]
    options.open(path).map(drop)
}

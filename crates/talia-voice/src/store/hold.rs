//! Holding a database as another process would, to see what its users do meanwhile.

use super::StoreError;
use super::engine::{Connection, Engine};

/// A database that nobody else can write until it is let go.
pub struct Hold(Connection);

impl std::fmt::Debug for Hold {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Hold")
    }
}

/// How often it is tried to take it from whoever is writing; each time waits a second or more.
const TRIES: u32 = 3;

impl Hold {
    /// Takes the database at `url`, which must exist. SQLite's file can't be read meanwhile by who opens it anew;
    /// PostgreSQL's tables can be read.
    pub async fn take(url: &str) -> Result<Self, StoreError> {
        let engine = Engine::of_existing(url)?;
        let mut connection = engine.connect_to_hold().await?;
        let mut tried = 1;
        loop {
            match connection.hold().await.map_err(StoreError::from) {
                Ok(()) => return Ok(Self(connection)),
                Err(StoreError::Locked) if tried < TRIES => tried += 1,
                Err(error) => return Err(error),
            }
            connection.roll_back().await.ok();
        }
    }

    /// Lets it go.
    pub async fn release(mut self) -> Result<(), StoreError> {
        Ok(self.0.roll_back().await?)
    }
}

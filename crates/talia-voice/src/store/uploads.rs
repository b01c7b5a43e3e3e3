//! How recordings get into a bucket and out of it again: who is uploading, what is there, and what is left to remove.

use super::engine::Connection;
use super::ids::BEFORE_ALL;
use super::recordings::RecordingRow;
use super::sql::{Sql, sql};
use super::write::{Write, Written};
use super::{Store, StoreError, many};
use jiff::{SignedDuration, Timestamp};

/// What an uploader sent last may arrive so long after his time.
const LATE: SignedDuration = SignedDuration::from_mins(1);

/// One who uploads a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploading {
    /// The recording's id.
    pub id: String,
    /// Where the copy goes, `s3://bucket/name`.
    pub object: String,
    /// His own name for this one attempt.
    pub by: String,
}

/// What changes of a recording's copy in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Upload {
    /// Somebody begins, unless another one is at it, now; it holds until then.
    Begins(Uploading, Timestamp, Timestamp),
    /// He is still at it.
    GoesOn(Uploading, Timestamp),
    /// The copy is whole, so large.
    Done(Uploading, u64, Timestamp),
    /// He gives it up.
    GivenUp(Uploading),
    /// The copy of an erased recording was removed: id, object, now.
    Removed(String, String, Timestamp),
}

/// Answers whether it was so: not where the recording was erased meanwhile, or is another's.
pub(super) async fn apply(connection: &mut Connection, change: &Upload) -> Result<bool, sqlx::Error> {
    let statement = match change {
        Upload::Begins(upload, now, until) => sql(
            "UPDATE voice_recordings SET object = $2, upload_by = $3, upload_until = $5
             WHERE id = $1 AND state IN ('stored', 'failed') AND uploaded_at IS NULL
                 AND (upload_until IS NULL OR upload_until < $4)",
        )
        .id(&upload.id)
        .bind(&upload.object)
        .bind(&upload.by)
        .bind(*now)
        .bind(*until),
        Upload::GoesOn(upload, until) => sql("UPDATE voice_recordings SET upload_until = $3
             WHERE id = $1 AND upload_by = $2 AND state IN ('stored', 'failed')")
        .id(&upload.id)
        .bind(&upload.by)
        .bind(*until),
        // Of one whose process died, another node said how large it is without seeing the file.
        Upload::Done(upload, bytes, at) => sql(
            "UPDATE voice_recordings SET uploaded_at = $4, upload_by = NULL, upload_until = NULL,
                 bytes = CASE WHEN state = 'failed' THEN $5 ELSE bytes END
             WHERE id = $1 AND upload_by = $2 AND object = $3 AND state IN ('stored', 'failed')",
        )
        .id(&upload.id)
        .bind(&upload.by)
        .bind(&upload.object)
        .bind(*at)
        .bind(*bytes as i64),
        Upload::GivenUp(upload) => {
            sql("UPDATE voice_recordings SET upload_by = NULL, upload_until = NULL WHERE id = $1 AND upload_by = $2")
                .id(&upload.id)
                .bind(&upload.by)
        }
        // While somebody may still be sending, it can be there again in a moment.
        Upload::Removed(id, object, now) => sql(
            "UPDATE voice_recordings SET object = NULL, uploaded_at = NULL, upload_by = NULL, upload_until = NULL
             WHERE id = $1 AND object = $2 AND state = 'erased' AND (upload_until IS NULL OR upload_until < $3)",
        )
        .id(id)
        .bind(object)
        .bind(now.saturating_sub(LATE).unwrap_or(Timestamp::MIN)),
    };
    Ok(statement.run(connection).await? > 0)
}

impl Store {
    /// The recordings whose files have these names.
    pub async fn recordings_named(&self, places: &[String]) -> Result<Vec<RecordingRow>, StoreError> {
        let mut found = Vec::new();
        for some in many::padded(places) {
            let text = format!(
                "SELECT * FROM voice_recordings WHERE place IN {} ORDER BY id",
                many::places(1, some.len())
            );
            let statement = some.iter().fold(sql(sqlx::AssertSqlSafe(text)), Sql::bind);
            let rows: Result<Vec<RecordingRow>, _> = statement.all(self.readers()).await;
            found.extend(self.read(rows)?);
        }
        Ok(found)
    }

    /// Erased recordings of which something may still be in a bucket, after the one of this id.
    pub async fn objects_to_remove(&self, after: Option<&str>, limit: u32) -> Result<Vec<RecordingRow>, StoreError> {
        let after = after.unwrap_or(BEFORE_ALL);
        let rows = sql(
            "SELECT * FROM voice_recordings WHERE id > $1 AND state = 'erased' AND object IS NOT NULL ORDER BY id LIMIT $2",
        )
        .id(after)
        .bind(limit)
        .all(self.readers())
        .await;
        self.read(rows)
    }

    /// Somebody begins to upload, and has until then; false: another one is at it, or it is done, or erased.
    pub async fn upload_begins(&self, upload: &Uploading, until: Timestamp) -> Result<bool, StoreError> {
        self.upload(Upload::Begins(upload.clone(), self.now(), until)).await
    }

    /// He has until then; false: it was erased meanwhile, or is another's.
    pub async fn upload_goes_on(&self, upload: &Uploading, until: Timestamp) -> Result<bool, StoreError> {
        self.upload(Upload::GoesOn(upload.clone(), until)).await
    }

    /// The copy is whole and so many bytes large; false: the recording was erased meanwhile, or is another's.
    pub async fn upload_done(&self, upload: &Uploading, bytes: u64) -> Result<bool, StoreError> {
        self.upload(Upload::Done(upload.clone(), bytes, self.now())).await
    }

    /// He gives it up: anybody may begin.
    pub async fn upload_given_up(&self, upload: &Uploading) -> Result<bool, StoreError> {
        self.upload(Upload::GivenUp(upload.clone())).await
    }

    /// The copy of an erased recording was removed; false: somebody may still be sending it, and it has to be removed again.
    pub async fn object_removed(&self, id: &str, object: &str) -> Result<bool, StoreError> {
        self.upload(Upload::Removed(id.to_owned(), object.to_owned(), self.now()))
            .await
    }

    async fn upload(&self, change: Upload) -> Result<bool, StoreError> {
        match self.write(Write::Upload(change)).await? {
            Written::Changed(changed) => Ok(changed),
            _ => Err(StoreError::Closed),
        }
    }
}

//! Table `audit_trail`: what has to be proven later, each row chained to the one before by its hash.
//!
//! A row is written in the transaction of what it tells of. Rows count 1, 2, 3… without a gap, because whoever writes
//! has the one right to write. Whoever can write to the database can also make a whole new chain: what shows that is a head
//! (a row's number and hash) that was noted elsewhere.

use super::columns::Time;
use super::engine::Connection;
use super::sql::sql;
use super::write::{Write, Written};
use super::{Store, StoreError, times};
use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// Rows that are looked at at once.
const PAGE: u32 = 1_000;

/// What a row tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditKind {
    /// A caller has heard to the last word that an AI is speaking.
    Disclosure,
    /// A recording began.
    Recording,
    /// What a caller said to being recorded.
    RecordingConsent,
    /// A wish to dial, and what was said to it.
    Dial,
    /// A caller was handed to a person, or that failed.
    Transfer,
    /// Somebody was given what is kept.
    Export,
    /// Somebody told a live call to do something, or that was not done.
    Command,
    /// Something was erased.
    Erasure,
    /// A server began with another configuration than the one before.
    Configuration,
}

impl AuditKind {
    /// Its word in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disclosure => "disclosure",
            Self::Recording => "recording",
            Self::RecordingConsent => "recording_consent",
            Self::Dial => "dial",
            Self::Transfer => "transfer",
            Self::Export => "export",
            Self::Command => "command",
            Self::Erasure => "erasure",
            Self::Configuration => "configuration",
        }
    }
}

/// A row that is written for itself alone.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAudit {
    pub kind: AuditKind,
    pub call_sid: Option<String>,
    /// Without words, numbers or names of callers.
    pub detail: serde_json::Value,
    pub at: Timestamp,
}

/// A row of the trail as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct AuditRow {
    pub seq: i64,
    #[sqlx(try_from = "Time")]
    pub at: String,
    pub kind: String,
    pub call_sid: Option<String>,
    /// JSON.
    pub detail: String,
    #[serde(serialize_with = "as_hex")]
    pub sha256: Vec<u8>,
}

/// A row's number and hash: the chain up to here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditHead {
    pub seq: i64,
    pub sha256: Vec<u8>,
}

/// `17:` and 64 hexadecimal digits.
impl fmt::Display for AuditHead {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.seq, hex(&self.sha256))
    }
}

impl FromStr for AuditHead {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (seq, digits) = text.trim().split_once(':').ok_or(())?;
        if digits.len() != 64 || !digits.is_ascii() {
            return Err(());
        }
        let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| ());
        Ok(Self {
            seq: seq.parse().map_err(|_| ())?,
            sha256: (0..64).step_by(2).map(byte).collect::<Result<_, _>>()?,
        })
    }
}

/// What is wrong with the trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditFault {
    /// These rows are not there.
    Missing { from: i64, to: i64 },
    /// What this row says is not what its hash was made of.
    Changed { seq: i64 },
    /// The row of the head that was noted elsewhere is not there, or is another one: the chain was made anew, or its end was cut off.
    OtherHead { seq: i64 },
}

/// What was found when the trail was read from its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReport {
    pub rows: u64,
    /// The newest row.
    pub head: Option<AuditHead>,
    /// In the order of the rows.
    pub faults: Vec<AuditFault>,
}

/// Adds a row.
pub(super) async fn add(connection: &mut Connection, new: &NewAudit) -> Result<(), sqlx::Error> {
    let last: Option<(i64, Vec<u8>)> = sql("SELECT seq, sha256 FROM audit_trail ORDER BY seq DESC LIMIT 1")
        .optional(&mut *connection)
        .await?;
    let (last, before) = last.unwrap_or_default();
    let (seq, detail, kind) = (last + 1, new.detail.to_string(), new.kind.as_str());
    let sha256 = chained(
        &before,
        (seq, &times::text(new.at), kind),
        (new.call_sid.as_deref(), &detail),
    );
    sql("INSERT INTO audit_trail (seq, at, kind, call_sid, detail, sha256) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(seq)
        .bind(new.at)
        .bind(kind)
        .bind(&new.call_sid)
        .bind(detail)
        .bind(sha256.as_slice())
        .run(connection)
        .await?;
    Ok(())
}

/// The hash of a row behind another. Each text goes in with its length, so that no two rows read the same.
fn chained(before: &[u8], (seq, at, kind): (i64, &str, &str), (call_sid, detail): (Option<&str>, &str)) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(before);
    hash.update(seq.to_be_bytes());
    for text in [Some(at), Some(kind), call_sid, Some(detail)] {
        match text {
            Some(text) => {
                hash.update((text.len() as u64 + 1).to_be_bytes());
                hash.update(text);
            }
            None => hash.update(0_u64.to_be_bytes()),
        }
    }
    hash.finalize().into()
}

/// Reads rows in their order and notes what is wrong.
#[derive(Default)]
struct Reader {
    rows: u64,
    last: i64,
    before: Vec<u8>,
    faults: Vec<AuditFault>,
}

impl Reader {
    fn read(&mut self, row: AuditRow, expected: Option<&AuditHead>) {
        let next = self.last + 1;
        if row.seq > next {
            self.faults.push(AuditFault::Missing {
                from: next,
                to: row.seq - 1,
            });
        }
        let of = (row.call_sid.as_deref(), row.detail.as_str());
        // Behind a gap nobody knows which hash stood before: the row itself can't be judged.
        let judged = row.seq == next;
        if judged && chained(&self.before, (row.seq, &row.at, &row.kind), of).as_slice() != row.sha256 {
            self.faults.push(AuditFault::Changed { seq: row.seq });
        }
        if let Some(head) = expected
            && head.seq == row.seq
            && head.sha256 != row.sha256
        {
            self.faults.push(AuditFault::OtherHead { seq: row.seq });
        }
        self.rows += 1;
        self.last = row.seq;
        self.before = row.sha256;
    }

    fn finish(mut self, expected: Option<&AuditHead>) -> AuditReport {
        if let Some(head) = expected
            && head.seq > self.last
        {
            self.faults.push(AuditFault::OtherHead { seq: head.seq });
        }
        AuditReport {
            rows: self.rows,
            head: (self.rows > 0).then_some(AuditHead {
                seq: self.last,
                sha256: self.before,
            }),
            faults: self.faults,
        }
    }
}

impl Store {
    /// Adds a row that tells of nothing else in the database.
    pub async fn audit(&self, new: NewAudit) -> Result<(), StoreError> {
        self.write(Write::Audit(new)).await.map(drop)
    }

    /// Notes the parts of the configuration that a server begins with, each with its hash, where any differs from what
    /// was noted last; answers whether one did.
    pub async fn audit_configuration(&self, parts: Vec<(String, String)>) -> Result<bool, StoreError> {
        match self.write(Write::Configuration(parts, self.now())).await? {
            Written::Changed(changed) => Ok(changed),
            _ => Err(StoreError::Closed),
        }
    }

    /// Rows after this one, in their order.
    pub async fn audit_rows(&self, after: i64, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        let rows = sql("SELECT * FROM audit_trail WHERE seq > $1 ORDER BY seq LIMIT $2")
            .bind(after)
            .bind(limit)
            .all(self.readers())
            .await;
        self.read(rows)
    }

    /// A call's rows in their order.
    pub async fn audit_of_call(&self, call_sid: &str) -> Result<Vec<AuditRow>, StoreError> {
        let rows = sql("SELECT * FROM audit_trail WHERE call_sid = $1 ORDER BY seq")
            .bind(call_sid)
            .all(self.readers())
            .await;
        self.read(rows)
    }

    /// Reads the whole trail and names every row that is missing or was changed. `expected` is a head that was noted earlier.
    pub async fn verify_audit(&self, expected: Option<&AuditHead>) -> Result<AuditReport, StoreError> {
        let mut reader = Reader::default();
        loop {
            let rows = self.audit_rows(reader.last, PAGE).await?;
            if rows.is_empty() {
                return Ok(reader.finish(expected));
            }
            for row in rows {
                reader.read(row, expected);
            }
        }
    }
}

/// Writes the configuration down where it differs from what was written last.
pub(super) async fn configuration(
    connection: &mut Connection,
    parts: &[(String, String)],
    at: Timestamp,
) -> Result<bool, sqlx::Error> {
    let last: Option<(String,)> = sql("SELECT detail FROM audit_trail WHERE kind = $1 ORDER BY seq DESC LIMIT 1")
        .bind(AuditKind::Configuration.as_str())
        .optional(&mut *connection)
        .await?;
    let last: serde_json::Value = last
        .and_then(|(detail,)| serde_json::from_str(&detail).ok())
        .unwrap_or_default();
    let before = |part: &str| last["parts"][part].as_str();
    let changed: Vec<&str> = parts
        .iter()
        .filter(|(part, hash)| before(part) != Some(hash))
        .map(|(part, _)| part.as_str())
        .collect();
    if changed.is_empty() {
        return Ok(false);
    }
    let all: serde_json::Map<_, _> = parts
        .iter()
        .map(|(part, hash)| (part.clone(), hash.as_str().into()))
        .collect();
    let new = NewAudit {
        kind: AuditKind::Configuration,
        call_sid: None,
        detail: serde_json::json!({ "changed": changed, "parts": all, "version": env!("CARGO_PKG_VERSION") }),
        at,
    };
    add(connection, &new).await.map(|()| true)
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn as_hex<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chain(count: i64) -> Vec<AuditRow> {
        let mut before = Vec::new();
        let row = |seq| {
            let (at, kind) = ("2026-11-29T10:00:00.000Z".to_owned(), "dial".to_owned());
            let (call_sid, detail) = (
                (seq % 3 != 0).then(|| format!("CA{seq}")),
                format!(r#"{{"verdict":"{seq}"}}"#),
            );
            let sha256 = chained(&before, (seq, &at, &kind), (call_sid.as_deref(), &detail)).to_vec();
            before.clone_from(&sha256);
            AuditRow {
                seq,
                at,
                kind,
                call_sid,
                detail,
                sha256,
            }
        };
        (1..=count).map(row).collect()
    }

    fn read(rows: Vec<AuditRow>, expected: Option<&AuditHead>) -> AuditReport {
        let mut reader = Reader::default();
        for row in rows {
            reader.read(row, expected);
        }
        reader.finish(expected)
    }

    fn head_of(row: &AuditRow) -> AuditHead {
        AuditHead {
            seq: row.seq,
            sha256: row.sha256.clone(),
        }
    }

    #[test]
    fn a_head_is_read_as_it_is_shown() {
        let head = head_of(&chain(3)[2]);
        assert_eq!(head.to_string().parse(), Ok(head));
        for wrong in ["", "3", "3:", "x:00", "3:é", &format!("3:{}", "g".repeat(64))] {
            assert_eq!(wrong.parse::<AuditHead>(), Err(()), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_changed_or_taken_out_is_named(count in 2_i64..40, at in 0_usize..40, how in 0_u8..6) {
            let (mut rows, at) = (chain(count), at % count as usize);
            let noted = head_of(&rows[count as usize - 1]);
            prop_assert_eq!(read(rows.clone(), Some(&noted)).faults, vec![]);
            let seq = rows[at].seq;
            match how {
                0 => rows[at].detail.push(' '),
                1 => rows[at].at.replace_range(0..4, "2025"),
                2 => rows[at].kind = "transfer".to_owned(),
                3 => rows[at].call_sid = Some("CA0".to_owned()),
                4 => drop(rows.remove(at)),
                // The text moves from one field into its neighbour.
                _ => {
                    let detail = rows[at].detail.split_off(1);
                    let kind = rows[at].kind.clone();
                    rows[at].kind = kind + &rows[at].detail;
                    rows[at].detail = detail;
                }
            }
            let faults = read(rows, Some(&noted)).faults;
            let fault = match how {
                4 if seq == count => AuditFault::OtherHead { seq },
                4 => AuditFault::Missing { from: seq, to: seq },
                _ => AuditFault::Changed { seq },
            };
            prop_assert_eq!(faults, vec![fault]);
        }

        #[test]
        fn a_chain_that_was_made_anew_is_known_by_a_head_that_was_noted(count in 2_i64..20, at in 0_usize..20) {
            let (old, at) = (chain(count), at % count as usize);
            let noted = head_of(&old[count as usize - 1]);
            let mut before = Vec::new();
            let rows = old.into_iter().enumerate().map(|(index, mut row)| {
                if index == at {
                    row.detail = "{}".to_owned();
                }
                let of = (row.call_sid.as_deref(), row.detail.as_str());
                row.sha256 = chained(&before, (row.seq, &row.at, &row.kind), of).to_vec();
                before.clone_from(&row.sha256);
                row
            });
            let faults = read(rows.collect(), Some(&noted)).faults;
            prop_assert_eq!(faults, vec![AuditFault::OtherHead { seq: count }]);
        }
    }
}

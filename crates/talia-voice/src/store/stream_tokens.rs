//! Table `stream_tokens`: the one-time keys of media sockets, kept as hashes only.

use super::columns::MaybeTime;
use super::conversations;
use super::engine::Connection;
use super::sql::sql;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// SHA-256 of a token.
pub type TokenHash = [u8; 32];

/// What a token is good for: one stream of one call of one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamClaim {
    pub call_sid: String,
    pub account_sid: String,
}

/// What became of a token that was shown to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Burnt {
    /// It was good and is now used up.
    Good(StreamClaim),
    /// It was used before.
    Used,
    /// It came too late, or its call is over.
    Expired,
    /// It was never given out.
    Unknown,
}

/// A token that is given out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NewToken {
    pub(super) hash: TokenHash,
    pub(super) claim: StreamClaim,
    pub(super) at: Timestamp,
    pub(super) expires_at: Timestamp,
}

/// When a token was used, if it was.
#[derive(sqlx::FromRow)]
struct Burn {
    #[sqlx(try_from = "MaybeTime")]
    burnt_at: Option<String>,
}

/// Gives out a token; an unused one of the same call is worth nothing from now on.
pub(super) async fn issue(connection: &mut Connection, token: &NewToken) -> Result<(), sqlx::Error> {
    // Used and expired tokens stay for an hour, so that showing one is told apart from inventing one.
    let forgotten = token.at - jiff::SignedDuration::from_hours(1);
    sql(
        "DELETE FROM stream_tokens WHERE (call_sid = $1 AND burnt_at IS NULL AND token_sha256 <> $2) OR expires_at < $3",
    )
    .bind(&token.claim.call_sid)
    .bind(token.hash.as_slice())
    .bind(forgotten)
    .run(connection)
    .await?;
    sql(
        "INSERT INTO stream_tokens (token_sha256, call_sid, account_sid, expires_at) VALUES ($1, $2, $3, $4)
                 ON CONFLICT DO NOTHING",
    )
    .bind(token.hash.as_slice())
    .bind(&token.claim.call_sid)
    .bind(&token.claim.account_sid)
    .bind(token.expires_at)
    .run(connection)
    .await?;
    Ok(())
}

/// Uses up a token: of all that show the same one, exactly one is told that it was good. Its `node` owns the call's
/// conversation from then on.
pub(super) async fn burn(
    connection: &mut Connection,
    (hash, node): (&TokenHash, &str),
    at: Timestamp,
) -> Result<Burnt, sqlx::Error> {
    let good: Option<(String, String)> = sql("UPDATE stream_tokens SET burnt_at = $2
         WHERE token_sha256 = $1 AND burnt_at IS NULL AND expires_at > $2
           AND EXISTS (SELECT 1 FROM voice_calls
                       WHERE voice_calls.call_sid = stream_tokens.call_sid AND ended_at IS NULL)
         RETURNING call_sid, account_sid")
    .bind(hash.as_slice())
    .bind(at)
    .optional(&mut *connection)
    .await?;
    if let Some((call_sid, account_sid)) = good {
        let (fence,): (i64,) =
            sql("UPDATE voice_calls SET streams = streams + 1 WHERE call_sid = $1 RETURNING streams")
                .bind(&call_sid)
                .one(&mut *connection)
                .await?;
        conversations::take_over(connection, (&call_sid, node), fence, at).await?;
        return Ok(Burnt::Good(StreamClaim { call_sid, account_sid }));
    }
    let burnt: Option<Burn> = sql("SELECT burnt_at FROM stream_tokens WHERE token_sha256 = $1")
        .bind(hash.as_slice())
        .optional(&mut *connection)
        .await?;
    Ok(match burnt.map(|row| row.burnt_at) {
        None => Burnt::Unknown,
        Some(Some(_)) => Burnt::Used,
        Some(None) => Burnt::Expired,
    })
}

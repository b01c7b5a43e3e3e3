//! One-time tokens of media sockets: random, short-lived, bound to a call, kept as hashes.

use crate::clock::Clock;
use crate::store::{NewCall, Record, Store, StoreError, StreamClaim, TokenHash};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// 256 bits: nobody guesses one.
const TOKEN_BYTES: usize = 32;
/// Base64 of that.
const TOKEN_CHARS: usize = 43;

/// Remembers the tokens of the last minute in clear, so that a webhook that Twilio repeats gets the same answer and
/// the call no second usable token. The database knows only hashes.
#[derive(Debug)]
pub struct StreamTokens {
    clock: Clock,
    ttl: Duration,
    recent: Mutex<HashMap<(String, i64), Recent>>,
    /// Calls whose stream is awaited here, by the hash of its token: should the database not be there to ask.
    unkept: Mutex<HashMap<TokenHash, (Unkept, Instant)>>,
}

/// What is known here of a token.
#[derive(Debug, Clone)]
pub enum Unkept {
    /// Nothing: only the database knows.
    Unknown,
    /// It is good, for the next stream of this call.
    Good(Box<Awaited>),
    /// It was used here.
    Used,
}

/// A call whose next stream is awaited.
#[derive(Debug, Clone)]
pub struct Awaited {
    pub call: NewCall,
    /// How many streams it has had; none where nobody could be asked.
    pub streams: Option<i64>,
    /// The database knows the token.
    pub kept: bool,
}

#[derive(Debug)]
struct Recent {
    token: Arc<OnceCell<String>>,
    forget_at: Instant,
    /// How often Twilio came back without the stream having opened.
    returned: u32,
}

impl StreamTokens {
    /// Tokens that are good for `ttl`.
    pub fn new(clock: Clock, ttl: Duration) -> Self {
        Self {
            clock,
            ttl,
            recent: Mutex::default(),
            unkept: Mutex::default(),
        }
    }

    /// The token for a call's next stream, `streams` being how many it has had: made once, however often it is asked.
    /// Should the database be gone when the stream opens, it is good here, once.
    pub async fn for_stream(&self, store: &Store, call: &NewCall, streams: i64) -> Result<String, StoreError> {
        let cell = self.cell(&call.call_sid, streams);
        let token = cell
            .get_or_try_init(|| async {
                let token = random_token()?;
                store.issue_token(hash(&token), claim_of(call), self.ttl).await?;
                let (call, streams) = (call.clone(), Some(streams));
                let kept = true;
                self.awaits(hash(&token), Awaited { call, streams, kept });
                Ok::<_, StoreError>(token)
            })
            .await?;
        Ok(token.clone())
    }

    /// The token that was given out for a stream within the last minute.
    pub fn recent(&self, call_sid: &str, streams: i64) -> Option<String> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let known = recent.get(&(call_sid.to_owned(), streams))?;
        (known.forget_at > self.clock.now()).then(|| known.token.get().cloned())?
    }

    /// The token of the next stream of a call that is answered although the database doesn't: it is good here, once,
    /// and in the database as soon as that takes it.
    pub fn unkept(&self, store: &Store, awaited: Awaited) -> Result<String, StoreError> {
        let call = &awaited.call;
        let cell = self.cell(&call.call_sid, awaited.streams.unwrap_or(0));
        let token = match cell.get() {
            Some(token) => token.clone(),
            None => random_token()?,
        };
        // Whoever was first has made it.
        let token = if cell.set(token.clone()).is_ok() {
            token
        } else {
            cell.get().cloned().unwrap_or(token)
        };
        let (hash, claim) = (hash(&token), claim_of(call));
        store.record(Record::Started(call.clone()))?;
        store.record(Record::Token {
            hash,
            claim,
            ttl: self.ttl,
        })?;
        self.awaits(hash, awaited);
        Ok(token)
    }

    fn awaits(&self, hash: TokenHash, awaited: Awaited) {
        let now = self.clock.now();
        let mut unkept = self.unkept.lock().unwrap_or_else(PoisonError::into_inner);
        unkept.retain(|_, (_, forget_at)| *forget_at > now);
        // A repeated webhook names the same token, which may be used up by now.
        unkept
            .entry(hash)
            .or_insert_with(|| (Unkept::Good(Box::new(awaited)), now + self.ttl));
    }

    /// Uses up a token that was given out here: of all that show it, one is told that it was good.
    pub fn take_unkept(&self, hash: &TokenHash) -> Unkept {
        let now = self.clock.now();
        let mut unkept = self.unkept.lock().unwrap_or_else(PoisonError::into_inner);
        match unkept.get_mut(hash) {
            Some((known, forget_at)) if *forget_at > now => std::mem::replace(known, Unkept::Used),
            _ => Unkept::Unknown,
        }
    }

    /// Notes that Twilio has come back for a call with so many streams, and answers how often it did within the last
    /// minute: a stream that never opens (a proxy without WebSockets) would go round in a circle.
    pub fn returned(&self, call_sid: &str, streams: i64) -> u32 {
        self.cell(call_sid, streams);
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.get_mut(&(call_sid.to_owned(), streams)).map_or(0, |known| {
            known.returned += 1;
            known.returned
        })
    }

    fn cell(&self, call_sid: &str, streams: i64) -> Arc<OnceCell<String>> {
        let now = self.clock.now();
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        // Bounded by the calls that begin within a minute, as only signed webhooks come here.
        recent.retain(|_, known| known.forget_at > now);
        let known = recent.entry((call_sid.to_owned(), streams)).or_insert_with(|| Recent {
            token: Arc::default(),
            forget_at: now + self.ttl,
            returned: 0,
        });
        known.token.clone()
    }
}

fn claim_of(call: &NewCall) -> StreamClaim {
    StreamClaim {
        call_sid: call.call_sid.clone(),
        account_sid: call.account_sid.clone(),
    }
}

fn random_token() -> Result<String, StoreError> {
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| StoreError::Other(error.to_string()))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// What the database knows of a token; `None` when it can't be one of ours.
pub(super) fn hash_of(token: &str) -> Option<TokenHash> {
    (token.len() == TOKEN_CHARS).then(|| hash(token))
}

fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}

-- Calls out: written before the dial, so that a crash between the two leaves something to look for.
CREATE TABLE outbound_calls (
    id              TEXT PRIMARY KEY NOT NULL,
    door            TEXT NOT NULL CHECK (door IN ('api', 'browser', 'transfer')),
    -- The id of an API key, or the identity of a browser's client.
    asked_by        TEXT NOT NULL,
    idempotency_key TEXT,
    request_sha256  BLOB NOT NULL,
    to_number       TEXT NOT NULL,
    from_number     TEXT NOT NULL,
    -- `+` and the first digits, for the cap of numbers that begin alike.
    prefix          TEXT NOT NULL,
    assistant       TEXT,
    purpose         TEXT,
    -- JSON: name and value.
    variables       TEXT NOT NULL DEFAULT '{}',
    -- JSON: who agreed, when, how. Required of calls by the assistant.
    consent         TEXT,
    -- Millionths of the operator's currency: a minute, and the whole call at most.
    price_micros    INTEGER NOT NULL,
    reserved_micros INTEGER NOT NULL,
    -- dialling: written, not answered yet. unconfirmed: Twilio's answer was lost. failed: surely not dialled.
    state           TEXT NOT NULL CHECK (state IN ('dialling', 'unconfirmed', 'dialled', 'failed')),
    failure         TEXT,
    call_sid        TEXT,
    answered_by     TEXT,
    -- Seconds; of calls that have no row in voice_calls.
    duration_s      INTEGER,
    created_at      TEXT NOT NULL,
    updated_at      TEXT NOT NULL
) STRICT;

-- A call may hand its caller to several people; it is itself made once.
CREATE UNIQUE INDEX outbound_calls_by_call ON outbound_calls (call_sid) WHERE door <> 'transfer';
CREATE UNIQUE INDEX outbound_calls_by_key ON outbound_calls (door, asked_by, idempotency_key);
CREATE INDEX outbound_calls_by_time ON outbound_calls (created_at);
CREATE INDEX outbound_calls_open ON outbound_calls (id) WHERE state IN ('dialling', 'unconfirmed');

-- Every wish to dial and what was said to it; never changed.
CREATE TABLE dial_audit (
    id          TEXT PRIMARY KEY NOT NULL,
    at          TEXT NOT NULL,
    door        TEXT NOT NULL,
    asked_by    TEXT NOT NULL,
    to_number   TEXT NOT NULL,
    verdict     TEXT NOT NULL,
    outbound_id TEXT REFERENCES outbound_calls (id)
) STRICT;

CREATE TABLE do_not_call (
    number   TEXT PRIMARY KEY NOT NULL,
    reason   TEXT NOT NULL,
    added_by TEXT NOT NULL,
    added_at TEXT NOT NULL
) STRICT;

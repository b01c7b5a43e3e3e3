-- Times are ISO-8601 in UTC with milliseconds, so that they sort as text; ids are UUIDs of version 7.

CREATE TABLE voice_calls (
    call_sid            TEXT PRIMARY KEY NOT NULL,
    account_sid         TEXT NOT NULL,
    direction           TEXT NOT NULL,
    assistant           TEXT,
    from_number         TEXT NOT NULL,
    to_number           TEXT NOT NULL,
    status              TEXT NOT NULL,
    started_at          TEXT NOT NULL,
    ended_at            TEXT,
    ended_reason        TEXT,
    disclosure_heard_at TEXT,
    -- Seconds as Twilio bills them, from its last status callback.
    duration_s          INTEGER,
    -- How many media streams were opened for the call: more than one when a socket broke.
    streams             INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX voice_calls_by_start ON voice_calls (started_at);

CREATE TABLE voice_transcripts (
    id        TEXT PRIMARY KEY NOT NULL,
    call_sid  TEXT NOT NULL REFERENCES voice_calls (call_sid),
    speaker   TEXT NOT NULL CHECK (speaker IN ('caller', 'assistant')),
    text      TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    -- Milliseconds since the conversation began.
    began_ms  INTEGER NOT NULL,
    ended_ms  INTEGER NOT NULL,
    -- What the assistant meant to say and the caller, having interrupted, didn't hear.
    unheard   TEXT,
    kind      TEXT
) STRICT;

CREATE INDEX voice_transcripts_by_call ON voice_transcripts (call_sid, id);

CREATE TABLE leads (
    id              TEXT PRIMARY KEY NOT NULL,
    call_sid        TEXT NOT NULL UNIQUE REFERENCES voice_calls (call_sid),
    name            TEXT,
    email           TEXT,
    phone           TEXT,
    company         TEXT,
    notes           TEXT,
    purpose         TEXT,
    source          TEXT NOT NULL DEFAULT 'voice',
    name_confirmed  INTEGER NOT NULL DEFAULT 0,
    email_confirmed INTEGER NOT NULL DEFAULT 0,
    phone_confirmed INTEGER NOT NULL DEFAULT 0,
    created_at      TEXT NOT NULL,
    updated_at      TEXT NOT NULL
) STRICT;

CREATE TABLE outbox (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    -- Names what happened, so that it becomes one event however often it is reported.
    once     TEXT NOT NULL UNIQUE,
    type     TEXT NOT NULL,
    call_sid TEXT NOT NULL,
    time     TEXT NOT NULL,
    event    TEXT NOT NULL
) STRICT;

CREATE INDEX outbox_by_call ON outbox (call_sid);

CREATE TABLE stream_tokens (
    token_sha256 BLOB PRIMARY KEY NOT NULL,
    call_sid     TEXT NOT NULL REFERENCES voice_calls (call_sid),
    account_sid  TEXT NOT NULL,
    expires_at   TEXT NOT NULL,
    burnt_at     TEXT
) STRICT;

CREATE INDEX stream_tokens_by_call ON stream_tokens (call_sid);
CREATE INDEX stream_tokens_by_expiry ON stream_tokens (expires_at);

-- What Twilio reported of a call, each report once. The row of the call is derived from them, so that their order of
-- arrival doesn't matter. A report without a sequence number has -1.
CREATE TABLE call_reports (
    call_sid   TEXT NOT NULL REFERENCES voice_calls (call_sid),
    status     TEXT NOT NULL,
    sequence   INTEGER NOT NULL,
    -- When it happened as Twilio says; where it doesn't say, when it arrived.
    at         TEXT NOT NULL,
    duration_s INTEGER,
    PRIMARY KEY (call_sid, status, sequence)
) STRICT;

-- What a conversation needs to go on after its stream was lost, on any node.
CREATE TABLE conversations (
    call_sid   TEXT PRIMARY KEY NOT NULL REFERENCES voice_calls (call_sid),
    -- Counts the streams: only the newest one's node may write here.
    fence      INTEGER NOT NULL,
    -- The node that holds the stream.
    node       TEXT NOT NULL,
    -- When the first stream began; the transcript's milliseconds count from here.
    began_at   TEXT NOT NULL,
    -- JSON: what the brain remembers, and what nobody answered yet. It holds the caller's words.
    memory     TEXT,
    updated_at TEXT NOT NULL
) STRICT;

-- Nodes and until when they count as alive.
CREATE TABLE nodes (
    node        TEXT PRIMARY KEY NOT NULL,
    alive_until TEXT NOT NULL
) STRICT;

-- Callers handed to a person; the row is written before anybody is dialled.
CREATE TABLE transfers (
    id          TEXT PRIMARY KEY NOT NULL,
    call_sid    TEXT NOT NULL REFERENCES voice_calls (call_sid),
    -- An id of the configuration, never digits.
    destination TEXT NOT NULL,
    -- `asked`, `answered`, `unanswered`.
    state       TEXT NOT NULL CHECK (state IN ('asked', 'answered', 'unanswered')),
    -- What the person hears before the caller is joined; it holds the caller's words.
    summary     TEXT NOT NULL,
    -- Twilio's DialCallStatus.
    outcome     TEXT,
    asked_at    TEXT NOT NULL,
    ended_at    TEXT
) STRICT;

CREATE INDEX transfers_by_call ON transfers (call_sid, id);

-- Recordings of calls: one row a media stream, written when the recording begins, with what its end adds.
CREATE TABLE voice_recordings (
    id          TEXT PRIMARY KEY NOT NULL,
    call_sid    TEXT NOT NULL REFERENCES voice_calls (call_sid),
    -- Which of the call's media streams.
    stream      INTEGER NOT NULL,
    -- recording: it is being written, or whoever wrote it died. erased: its key is gone.
    state       TEXT NOT NULL CHECK (state IN ('recording', 'stored', 'failed', 'erased')),
    -- Why it failed: what came before is kept all the same.
    fault       TEXT,
    -- The file's name.
    place       TEXT NOT NULL,
    -- Whom the key is encrypted to.
    recipient   TEXT NOT NULL,
    -- The file's private key, encrypted with age: without it no copy of the file can be opened.
    sealed_key  TEXT,
    started_at  TEXT NOT NULL,
    ended_at    TEXT,
    bytes       INTEGER,
    duration_ms INTEGER,
    -- Silence in the place of what the disk was too slow for.
    missing_ms  INTEGER,
    -- Silence on purpose: keys, and answers that must not be recorded.
    silenced_ms INTEGER
) STRICT;

CREATE INDEX voice_recordings_by_call ON voice_recordings (call_sid, stream, id);

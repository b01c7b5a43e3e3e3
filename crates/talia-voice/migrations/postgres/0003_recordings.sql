-- Recordings of calls: one row a media stream, written when the recording begins, with what its end adds.
CREATE TABLE voice_recordings (
    id          uuid PRIMARY KEY,
    call_sid    text COLLATE "C" NOT NULL REFERENCES voice_calls (call_sid),
    -- Which of the call's media streams.
    stream      bigint NOT NULL,
    -- recording: it is being written, or whoever wrote it died. erased: its key is gone.
    state       text NOT NULL CHECK (state IN ('recording', 'stored', 'failed', 'erased')),
    -- Why it failed: what came before is kept all the same.
    fault       text,
    -- The file's name.
    place       text NOT NULL,
    -- Whom the key is encrypted to.
    recipient   text NOT NULL,
    -- The file's private key, encrypted with age: without it no copy of the file can be opened.
    sealed_key  text,
    started_at  timestamptz NOT NULL,
    ended_at    timestamptz,
    bytes       bigint,
    duration_ms bigint,
    -- Silence in the place of what the disk was too slow for.
    missing_ms  bigint,
    -- Silence on purpose: keys, and answers that must not be recorded.
    silenced_ms bigint
);

CREATE INDEX voice_recordings_by_call ON voice_recordings (call_sid, stream, id);

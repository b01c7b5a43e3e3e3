-- What models' tools did: the row is written before the act.
CREATE TABLE tool_acts (
    call_sid TEXT NOT NULL REFERENCES voice_calls (call_sid),
    -- Names the act within its call: what was wished and, where a later wish is another act, in which turn.
    key      TEXT NOT NULL,
    tool     TEXT NOT NULL,
    -- unknown: it was sent, and no answer came.
    state    TEXT NOT NULL CHECK (state IN ('begun', 'done', 'failed', 'unknown')),
    begun_at TEXT NOT NULL,
    ended_at TEXT,
    PRIMARY KEY (call_sid, key)
) STRICT;

-- How fast each turn was: milliseconds since the conversation began.
CREATE TABLE voice_turns (
    id              TEXT PRIMARY KEY NOT NULL,
    call_sid        TEXT NOT NULL REFERENCES voice_calls (call_sid),
    speech_ended_ms INTEGER NOT NULL,
    transcribed_ms  INTEGER NOT NULL,
    decided_ms      INTEGER NOT NULL,
    first_text_ms   INTEGER NOT NULL,
    first_audio_ms  INTEGER NOT NULL,
    first_frame_ms  INTEGER NOT NULL,
    first_heard_ms  INTEGER NOT NULL
) STRICT;

CREATE INDEX voice_turns_by_call ON voice_turns (call_sid, id);

-- What each provider did for a call, and what that costs by the configuration's prices.
CREATE TABLE call_usage (
    call_sid      TEXT NOT NULL REFERENCES voice_calls (call_sid),
    -- Which of the call's media streams: each counts on its own.
    stream        INTEGER NOT NULL,
    provider      TEXT NOT NULL,
    requests      INTEGER NOT NULL,
    -- Cached tokens are among the input tokens.
    input_tokens  INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    -- Characters spoken.
    characters    INTEGER NOT NULL,
    -- Audio listened to.
    heard_ms      INTEGER NOT NULL,
    -- Some of the tokens were not told by the provider, but counted by the length of texts.
    estimated     INTEGER NOT NULL,
    -- Millionths of the operator's currency; none where the configuration has no price.
    cost_micros   INTEGER,
    PRIMARY KEY (call_sid, stream, provider)
) STRICT;

ALTER TABLE voice_calls ADD COLUMN tool_calls INTEGER;
ALTER TABLE voice_calls ADD COLUMN cost_micros INTEGER;

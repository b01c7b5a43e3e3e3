-- The tables of migrations/sqlite up to its 0005, with PostgreSQL's own types. Texts that rows are sorted by compare
-- byte by byte, as SQLite compares them.

CREATE TABLE voice_calls (
    call_sid            text COLLATE "C" PRIMARY KEY,
    account_sid         text NOT NULL,
    direction           text NOT NULL,
    assistant           text,
    from_number         text NOT NULL,
    to_number           text NOT NULL,
    status              text NOT NULL,
    started_at          timestamptz NOT NULL,
    ended_at            timestamptz,
    ended_reason        text,
    disclosure_heard_at timestamptz,
    -- Seconds as Twilio bills them, from its last status callback.
    duration_s          bigint,
    -- How many media streams were opened for the call: more than one when a socket broke.
    streams             bigint NOT NULL DEFAULT 0,
    tool_calls          bigint,
    cost_micros         bigint
);

CREATE INDEX voice_calls_by_start ON voice_calls (started_at, call_sid);
-- Calls that have not ended are looked for all the time, and are few among all that ever were.
CREATE INDEX voice_calls_open ON voice_calls (call_sid) WHERE ended_at IS NULL;

CREATE TABLE voice_transcripts (
    id        uuid PRIMARY KEY,
    call_sid  text COLLATE "C" NOT NULL REFERENCES voice_calls (call_sid),
    speaker   text NOT NULL CHECK (speaker IN ('caller', 'assistant')),
    text      text NOT NULL,
    timestamp timestamptz NOT NULL,
    -- Milliseconds since the conversation began.
    began_ms  bigint NOT NULL,
    ended_ms  bigint NOT NULL,
    -- What the assistant meant to say and the caller, having interrupted, didn't hear.
    unheard   text,
    kind      text
);

CREATE INDEX voice_transcripts_by_call ON voice_transcripts (call_sid, id);

CREATE TABLE leads (
    id              uuid PRIMARY KEY,
    call_sid        text COLLATE "C" NOT NULL UNIQUE REFERENCES voice_calls (call_sid),
    name            text,
    email           text,
    phone           text,
    company         text,
    notes           text,
    purpose         text,
    source          text NOT NULL DEFAULT 'voice',
    name_confirmed  boolean NOT NULL DEFAULT false,
    email_confirmed boolean NOT NULL DEFAULT false,
    phone_confirmed boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL
);

CREATE TABLE outbox (
    -- In the order of commits, because whoever writes holds the one right to write; a failed commit leaves a gap.
    seq      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id       uuid NOT NULL UNIQUE,
    -- Names what happened, so that it becomes one event however often it is reported.
    once     text NOT NULL UNIQUE,
    type     text NOT NULL,
    call_sid text COLLATE "C" NOT NULL,
    time     timestamptz NOT NULL,
    event    jsonb NOT NULL
);

CREATE INDEX outbox_by_call ON outbox (call_sid);

CREATE TABLE stream_tokens (
    token_sha256 bytea PRIMARY KEY,
    call_sid     text COLLATE "C" NOT NULL REFERENCES voice_calls (call_sid),
    account_sid  text NOT NULL,
    expires_at   timestamptz NOT NULL,
    burnt_at     timestamptz
);

CREATE INDEX stream_tokens_by_call ON stream_tokens (call_sid);
CREATE INDEX stream_tokens_by_expiry ON stream_tokens (expires_at);

-- Calls out: written before the dial, so that a crash between the two leaves something to look for.
CREATE TABLE outbound_calls (
    id              uuid PRIMARY KEY,
    door            text NOT NULL CHECK (door IN ('api', 'browser', 'transfer')),
    -- The id of an API key, or the identity of a browser's client.
    asked_by        text NOT NULL,
    idempotency_key text,
    request_sha256  bytea NOT NULL,
    to_number       text NOT NULL,
    from_number     text NOT NULL,
    -- `+` and the first digits, for the cap of numbers that begin alike.
    prefix          text NOT NULL,
    assistant       text,
    purpose         text,
    -- Name and value.
    variables       jsonb NOT NULL DEFAULT '{}',
    -- Who agreed, when, how. Required of calls by the assistant.
    consent         jsonb,
    -- Millionths of the operator's currency: a minute, and the whole call at most.
    price_micros    bigint NOT NULL,
    reserved_micros bigint NOT NULL,
    -- dialling: written, not answered yet. unconfirmed: Twilio's answer was lost. failed: surely not dialled.
    state           text NOT NULL CHECK (state IN ('dialling', 'unconfirmed', 'dialled', 'failed')),
    failure         text,
    call_sid        text COLLATE "C",
    answered_by     text,
    -- Seconds; of calls that have no row in voice_calls.
    duration_s      bigint,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL
);

-- A call may hand its caller to several people; it is itself made once.
CREATE UNIQUE INDEX outbound_calls_by_call ON outbound_calls (call_sid) WHERE door <> 'transfer';
CREATE UNIQUE INDEX outbound_calls_by_key ON outbound_calls (door, asked_by, idempotency_key);
CREATE INDEX outbound_calls_by_time ON outbound_calls (created_at);
CREATE INDEX outbound_calls_open ON outbound_calls (id) WHERE state IN ('dialling', 'unconfirmed');

-- Every wish to dial and what was said to it; never changed.
CREATE TABLE dial_audit (
    id          uuid PRIMARY KEY,
    at          timestamptz NOT NULL,
    door        text NOT NULL,
    asked_by    text NOT NULL,
    to_number   text NOT NULL,
    verdict     text NOT NULL,
    outbound_id uuid REFERENCES outbound_calls (id)
);

CREATE TABLE do_not_call (
    number   text COLLATE "C" PRIMARY KEY,
    reason   text NOT NULL,
    added_by text NOT NULL,
    added_at timestamptz NOT NULL
);

-- What Twilio reported of a call, each report once. The row of the call is derived from them, so that their order of
-- arrival doesn't matter. A report without a sequence number has -1.
CREATE TABLE call_reports (
    -- The order of arrival, named as SQLite names its own.
    rowid      bigint GENERATED ALWAYS AS IDENTITY,
    call_sid   text COLLATE "C" NOT NULL REFERENCES voice_calls (call_sid),
    status     text NOT NULL,
    sequence   bigint NOT NULL,
    -- When it happened as Twilio says; where it doesn't say, when it arrived.
    at         timestamptz NOT NULL,
    duration_s bigint,
    PRIMARY KEY (call_sid, status, sequence)
);

-- What a conversation needs to go on after its stream was lost, on any node.
CREATE TABLE conversations (
    call_sid   text COLLATE "C" PRIMARY KEY REFERENCES voice_calls (call_sid),
    -- Counts the streams: only the newest one's node may write here.
    fence      bigint NOT NULL,
    -- The node that holds the stream.
    node       uuid NOT NULL,
    -- When the first stream began; the transcript's milliseconds count from here.
    began_at   timestamptz NOT NULL,
    -- What the brain remembers, and what nobody answered yet. It holds the caller's words.
    memory     jsonb,
    updated_at timestamptz NOT NULL
);

-- Nodes and until when they count as alive.
CREATE TABLE nodes (
    node        uuid PRIMARY KEY,
    alive_until timestamptz NOT NULL
);

-- Callers handed to a person; the row is written before anybody is dialled.
CREATE TABLE transfers (
    id          uuid PRIMARY KEY,
    call_sid    text COLLATE "C" NOT NULL REFERENCES voice_calls (call_sid),
    -- An id of the configuration, never digits.
    destination text NOT NULL,
    -- `asked`, `answered`, `unanswered`.
    state       text NOT NULL CHECK (state IN ('asked', 'answered', 'unanswered')),
    -- What the person hears before the caller is joined; it holds the caller's words.
    summary     text NOT NULL,
    -- Twilio's DialCallStatus.
    outcome     text,
    asked_at    timestamptz NOT NULL,
    ended_at    timestamptz
);

CREATE INDEX transfers_by_call ON transfers (call_sid, id);

-- What models' tools did: the row is written before the act.
CREATE TABLE tool_acts (
    call_sid text COLLATE "C" NOT NULL REFERENCES voice_calls (call_sid),
    -- Names the act within its call: what was wished and, where a later wish is another act, in which turn.
    key      text COLLATE "C" NOT NULL,
    tool     text NOT NULL,
    -- unknown: it was sent, and no answer came.
    state    text NOT NULL CHECK (state IN ('begun', 'done', 'failed', 'unknown')),
    begun_at timestamptz NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (call_sid, key)
);

-- How fast each turn was: milliseconds since the conversation began.
CREATE TABLE voice_turns (
    id              uuid PRIMARY KEY,
    call_sid        text COLLATE "C" NOT NULL REFERENCES voice_calls (call_sid),
    speech_ended_ms bigint NOT NULL,
    transcribed_ms  bigint NOT NULL,
    decided_ms      bigint NOT NULL,
    first_text_ms   bigint NOT NULL,
    first_audio_ms  bigint NOT NULL,
    first_frame_ms  bigint NOT NULL,
    first_heard_ms  bigint NOT NULL
);

CREATE INDEX voice_turns_by_call ON voice_turns (call_sid, id);

-- What each provider did for a call, and what that costs by the configuration's prices.
CREATE TABLE call_usage (
    call_sid      text COLLATE "C" NOT NULL REFERENCES voice_calls (call_sid),
    -- Which of the call's media streams: each counts on its own.
    stream        bigint NOT NULL,
    provider      text COLLATE "C" NOT NULL,
    requests      bigint NOT NULL,
    -- Cached tokens are among the input tokens.
    input_tokens  bigint NOT NULL,
    cached_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    -- Characters spoken.
    characters    bigint NOT NULL,
    -- Audio listened to.
    heard_ms      bigint NOT NULL,
    -- Some of the tokens were not told by the provider, but counted by the length of texts.
    estimated     boolean NOT NULL,
    -- Millionths of the operator's currency; none where the configuration has no price.
    cost_micros   bigint,
    PRIMARY KEY (call_sid, stream, provider)
);

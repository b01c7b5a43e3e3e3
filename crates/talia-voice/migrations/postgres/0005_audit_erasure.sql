-- Which words told the caller that an AI speaks, in which language (es, en), and on what ground the call was recorded then.
ALTER TABLE voice_calls ADD COLUMN disclosure_text text;
ALTER TABLE voice_calls ADD COLUMN disclosure_language text;
ALTER TABLE voice_calls ADD COLUMN recording_consent text;
-- From then on nothing of the call but this row is kept, and what comes late is refused.
ALTER TABLE voice_calls ADD COLUMN erased_at timestamptz;

-- What may be asked of a person: by number. Calls and leads have theirs for the API's pages.
CREATE INDEX outbound_calls_by_number ON outbound_calls (to_number);
CREATE INDEX dial_audit_by_number ON dial_audit (to_number);

-- What has to be proven later. Each row's hash holds the one before, so that none can be changed or taken out unseen.
-- No word, number or name of a caller is in it: it outlives erasures.
CREATE TABLE audit_trail (
    -- 1, 2, 3… without a gap.
    seq      bigint PRIMARY KEY,
    at       timestamptz NOT NULL,
    kind     text NOT NULL,
    call_sid text COLLATE "C",
    -- JSON as it was hashed, byte for byte: jsonb would write it anew.
    detail   text NOT NULL,
    sha256   bytea NOT NULL
);

CREATE INDEX audit_trail_by_call ON audit_trail (call_sid, seq);

-- What is forgotten by its age, each kind for itself; an index has what still waits for that.
ALTER TABLE voice_calls ADD COLUMN words_erased_at timestamptz;
ALTER TABLE voice_calls ADD COLUMN lead_erased_at timestamptz;
CREATE INDEX voice_calls_kept ON voice_calls (ended_at) WHERE erased_at IS NULL;
CREATE INDEX voice_calls_with_words ON voice_calls (ended_at) WHERE words_erased_at IS NULL AND erased_at IS NULL;
CREATE INDEX voice_calls_with_lead ON voice_calls (ended_at) WHERE lead_erased_at IS NULL AND erased_at IS NULL;
CREATE INDEX voice_recordings_open ON voice_recordings (started_at) WHERE sealed_key IS NOT NULL;
CREATE INDEX voice_recordings_by_place ON voice_recordings (place);
CREATE INDEX outbox_by_time ON outbox (time);

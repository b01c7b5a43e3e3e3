-- Calls that have not ended are looked for all the time, and are few among all that ever were.
CREATE INDEX voice_calls_open ON voice_calls (call_sid) WHERE ended_at IS NULL;

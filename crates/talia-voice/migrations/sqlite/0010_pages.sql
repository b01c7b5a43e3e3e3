-- Pages of the API: each filter with the order of its page behind it, so that none is sorted, and each page is found where
-- the one before ended. Filters that are often together and may have nothing in common have an index together; columns at the
-- end of one judge other filters without looking at the row.
CREATE INDEX voice_calls_newest ON voice_calls (started_at, call_sid);
CREATE INDEX voice_calls_newest_open ON voice_calls (started_at, call_sid) WHERE ended_at IS NULL;
CREATE INDEX voice_calls_newest_by_status ON voice_calls (status, started_at, call_sid);
CREATE INDEX voice_calls_newest_by_direction ON voice_calls (direction, started_at, call_sid, assistant);
CREATE INDEX voice_calls_newest_by_assistant ON voice_calls (assistant, started_at, call_sid, direction);
CREATE INDEX voice_calls_newest_by_status_and_direction ON voice_calls (status, direction, started_at, call_sid, assistant);
CREATE INDEX voice_calls_newest_by_status_and_assistant ON voice_calls (status, assistant, started_at, call_sid);
CREATE INDEX voice_calls_newest_from ON voice_calls (from_number, started_at, call_sid, status, assistant);
CREATE INDEX voice_calls_newest_from_and_direction ON voice_calls (from_number, direction, started_at, call_sid);
CREATE INDEX voice_calls_newest_to ON voice_calls (to_number, started_at, call_sid, status, assistant);
CREATE INDEX voice_calls_newest_to_and_direction ON voice_calls (to_number, direction, started_at, call_sid);

CREATE INDEX leads_newest ON leads (created_at, id);
CREATE INDEX leads_newest_by_phone ON leads (phone, created_at, id);
CREATE INDEX leads_newest_by_email ON leads (email, created_at, id);

CREATE INDEX voice_recordings_newest ON voice_recordings (started_at, id);
CREATE INDEX voice_recordings_newest_by_state ON voice_recordings (state, started_at, id);

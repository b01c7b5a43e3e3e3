-- Recordings that nobody has closed are looked for every few minutes.
CREATE INDEX voice_recordings_unfinished ON voice_recordings (id) WHERE state = 'recording';

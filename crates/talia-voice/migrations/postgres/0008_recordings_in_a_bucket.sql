-- Where a recording's copy in a bucket is, or may be: written before the first byte goes there, and taken away again when
-- whoever erased the recording has removed the copy. So a row that is erased and still has it is what is left to remove.
ALTER TABLE voice_recordings ADD COLUMN object text;
-- When the copy was read back whole. From then on the file in the folder may go.
ALTER TABLE voice_recordings ADD COLUMN uploaded_at timestamptz;
-- Who is uploading it, and until when that holds: then he is dead, and nothing of his comes any more.
ALTER TABLE voice_recordings ADD COLUMN upload_by text;
ALTER TABLE voice_recordings ADD COLUMN upload_until timestamptz;

CREATE INDEX voice_recordings_to_remove ON voice_recordings (id) WHERE state = 'erased' AND object IS NOT NULL;

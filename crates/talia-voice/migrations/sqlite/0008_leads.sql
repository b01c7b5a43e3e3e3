-- Where each field of a lead was heard, and which leads are of one person.

CREATE TABLE lead_fields (
    lead_id    TEXT NOT NULL REFERENCES leads (id) ON DELETE CASCADE,
    field      TEXT NOT NULL CHECK (field IN ('name', 'email', 'phone', 'company', 'notes', 'purpose')),
    -- words: the caller said it. keys: they typed it. calling_number: they agreed to the number that they call from.
    origin     TEXT NOT NULL CHECK (origin IN ('words', 'keys', 'calling_number')),
    -- The caller's line in voice_transcripts. Not a reference: a lead is not lost with a line.
    segment_id TEXT,
    -- Milliseconds since the conversation began.
    heard_ms   INTEGER,
    -- The caller heard it read back, or was offered the number that they call from.
    read_back  INTEGER NOT NULL,
    confirmed  INTEGER NOT NULL,
    PRIMARY KEY (lead_id, field)
) STRICT;

-- The number by which a person is known: the telephone that they confirmed, else the one that they call from.
ALTER TABLE leads ADD COLUMN person TEXT;
-- The person's earliest lead; none in that lead itself.
ALTER TABLE leads ADD COLUMN first_lead_id TEXT REFERENCES leads (id) ON DELETE SET NULL;
-- The newest write: of which of the call's media streams, and its own id. An older one that comes again changes nothing.
ALTER TABLE leads ADD COLUMN written_stream INTEGER NOT NULL DEFAULT 0;
ALTER TABLE leads ADD COLUMN written_id TEXT;

CREATE INDEX leads_by_person ON leads (person, created_at, id);
CREATE INDEX leads_by_first ON leads (first_lead_id);

-- Leads of before. The numbers that are left out stand at Twilio for callers who withhold theirs.
UPDATE leads SET person = COALESCE(
    CASE WHEN phone_confirmed AND phone LIKE '+%' THEN phone END,
    (SELECT number FROM (
         SELECT CASE WHEN direction LIKE 'outbound%' THEN to_number ELSE from_number END AS number
         FROM voice_calls WHERE voice_calls.call_sid = leads.call_sid) AS line
     WHERE number LIKE '+%'
       AND number NOT IN ('+266696687', '+7378742833', '+2562533', '+8656696', '+86282452253')));
UPDATE leads SET first_lead_id = (
    SELECT first.id FROM leads AS first
    WHERE first.person = leads.person
      AND (first.created_at < leads.created_at OR (first.created_at = leads.created_at AND first.id < leads.id))
    ORDER BY first.created_at, first.id LIMIT 1);

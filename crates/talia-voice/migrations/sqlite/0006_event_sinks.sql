-- Places outside that are told of events, how far each has been told, and which node tells it.
CREATE TABLE event_sinks (
    sink        TEXT PRIMARY KEY NOT NULL,
    -- A seq of the outbox: everything up to it was delivered, or stands in event_deliveries.
    cursor      INTEGER NOT NULL,
    -- Who delivers now, and until when nobody else may.
    node        TEXT,
    lease_until TEXT,
    -- Counts how often an operator moved the cursor or revived events: who delivered before begins anew.
    epoch       INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Events up to a sink's cursor that it has not taken.
CREATE TABLE event_deliveries (
    sink       TEXT NOT NULL REFERENCES event_sinks (sink),
    seq        INTEGER NOT NULL,
    call_sid   TEXT NOT NULL,
    -- dead: given up.
    state      TEXT NOT NULL CHECK (state IN ('waiting', 'dead')),
    tries      INTEGER NOT NULL,
    -- None: it waits behind an earlier event of its call.
    next_at    TEXT,
    -- Why the last try failed.
    reason     TEXT,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (sink, seq)
) STRICT;

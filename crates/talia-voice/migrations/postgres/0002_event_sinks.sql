-- Places outside that are told of events, how far each has been told, and which node tells it.
CREATE TABLE event_sinks (
    sink        text COLLATE "C" PRIMARY KEY,
    -- A seq of the outbox: everything up to it was delivered, or stands in event_deliveries.
    cursor      bigint NOT NULL,
    -- Who delivers now, and until when nobody else may.
    node        uuid,
    lease_until timestamptz,
    -- Counts how often an operator moved the cursor or revived events: who delivered before begins anew.
    epoch       bigint NOT NULL DEFAULT 0
);

-- Events up to a sink's cursor that it has not taken.
CREATE TABLE event_deliveries (
    sink       text COLLATE "C" NOT NULL REFERENCES event_sinks (sink),
    seq        bigint NOT NULL,
    call_sid   text COLLATE "C" NOT NULL,
    -- dead: given up.
    state      text NOT NULL CHECK (state IN ('waiting', 'dead')),
    tries      bigint NOT NULL,
    -- None: it waits behind an earlier event of its call.
    next_at    timestamptz,
    -- Why the last try failed.
    reason     text,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (sink, seq)
);

-- The ground under all other migrations: which of them are applied, and the sequence that orders
-- changes of searchable rows (one row, not a SEQUENCE: its lock is held to the commit, so that
-- commit order is sequence order; see db_next_change).

-- up
CREATE TABLE schema_migrations (
    number BIGINT PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE change_sequence (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    value BIGINT NOT NULL
) WITH (fillfactor = 10); -- updated all the time: room for HOT updates on its one page
INSERT INTO change_sequence (id, value) VALUES (1, 0);

-- down
DROP TABLE change_sequence;
DROP TABLE schema_migrations;

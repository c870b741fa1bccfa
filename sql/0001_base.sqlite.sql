-- The ground under all other migrations: which of them are applied, and the sequence that orders
-- changes of searchable rows (one row; see db_next_change).

-- up
CREATE TABLE schema_migrations (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT;

CREATE TABLE change_sequence (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    value INTEGER NOT NULL
) STRICT;
INSERT INTO change_sequence (id, value) VALUES (1, 0);

-- down
DROP TABLE change_sequence;
DROP TABLE schema_migrations;

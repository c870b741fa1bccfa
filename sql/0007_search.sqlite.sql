-- One node writes to a search index that nodes share (Meilisearch). With SQLite there is one node: the
-- table is here so that both engines have the same.
-- up

CREATE TABLE search_leases (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until INTEGER NOT NULL
) STRICT;

-- down
DROP TABLE search_leases;

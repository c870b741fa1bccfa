-- One node writes to a search index that nodes share (Meilisearch).
-- up

-- name: of the index. holder: of the node, until then by this server's clock.
CREATE TABLE search_leases (
    name text PRIMARY KEY,
    holder text NOT NULL,
    until timestamptz NOT NULL
);

-- down
DROP TABLE search_leases;

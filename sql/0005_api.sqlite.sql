-- Answers kept for callers who send the same request again. Times are µs UTC.
-- up

-- One row a key of a caller. While status is null the request is under way, or was cut off by a crash:
-- then whoever comes after lease_until may take it over, with a claim of his own. body null beside a
-- status: it was done, but its answer could not be kept.
CREATE TABLE idempotency_keys (
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    claim TEXT NOT NULL,
    lease_until INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    status INTEGER,
    content_type TEXT,
    headers TEXT,
    etag TEXT,
    body TEXT,
    PRIMARY KEY (owner, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);

-- down
DROP TABLE idempotency_keys;

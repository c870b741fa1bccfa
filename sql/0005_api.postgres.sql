-- Answers kept for callers who send the same request again.
-- up

-- One row a key of a caller. While status is null the request is under way, or was cut off by a crash:
-- then whoever comes after lease_until may take it over, with a claim of his own. body null beside a
-- status: it was done, but its answer could not be kept.
CREATE TABLE idempotency_keys (
    owner text NOT NULL,
    key text NOT NULL,
    fingerprint text NOT NULL,
    claim text NOT NULL,
    lease_until timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    status bigint,
    content_type text,
    headers text,
    etag text,
    body text,
    PRIMARY KEY (owner, key)
);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);

-- down
DROP TABLE idempotency_keys;

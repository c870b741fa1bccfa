-- name: idempotency_claim
-- $1 owner, $2 key, $3 fingerprint, $4 claim, $5 lease until, $6 expires, $7 now. Changes a row when the
-- key is the caller's now: it was free, has expired, or its holder's lease has run out.
INSERT INTO idempotency_keys (owner, key, fingerprint, claim, lease_until, expires_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (owner, key) DO UPDATE SET
    fingerprint = excluded.fingerprint, claim = excluded.claim, lease_until = excluded.lease_until,
    expires_at = excluded.expires_at, status = NULL, content_type = NULL, headers = NULL, etag = NULL,
    body = NULL
WHERE idempotency_keys.expires_at <= $7
   OR (idempotency_keys.status IS NULL AND idempotency_keys.lease_until <= $7
       AND idempotency_keys.fingerprint = excluded.fingerprint);

-- name: idempotency_load
-- $1 owner, $2 key.
SELECT fingerprint, lease_until, status, content_type, headers, etag, body
FROM idempotency_keys WHERE owner = $1 AND key = $2;

-- name: idempotency_settle
-- $1 owner, $2 key, $3 claim, $4 status, $5 content type, $6 headers, $7 ETag, $8 body.
UPDATE idempotency_keys
SET status = $4, content_type = $5, headers = $6, etag = $7, body = $8
WHERE owner = $1 AND key = $2 AND claim = $3 AND status IS NULL;

-- name: idempotency_release
-- $1 owner, $2 key, $3 claim.
DELETE FROM idempotency_keys WHERE owner = $1 AND key = $2 AND claim = $3 AND status IS NULL;

-- name: idempotency_forget
-- $1 owners, as a pattern, $2 what stands in the answer, as a pattern, or null.
DELETE FROM idempotency_keys WHERE owner LIKE $1 AND (CAST($2 AS text) IS NULL OR body LIKE $2);

-- name: idempotency_clean
-- $1 now.
DELETE FROM idempotency_keys WHERE expires_at <= $1;

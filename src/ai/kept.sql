-- Statements over ai_kept. Keys are hex SHA-256; $n of time are instants.

-- name: kept_claim
-- $1 key, $2 kind, $3 holder, $4 until, $5 now. Changes a row: the holder is to ask, because nobody
-- did, or whoever did is dead.
INSERT INTO ai_kept (key, kind, state, holder, until, created_at, used_at)
VALUES ($1, $2, 'busy', $3, $4, $5, $5)
ON CONFLICT (key) DO UPDATE SET holder = excluded.holder, until = excluded.until
WHERE ai_kept.state = 'busy' AND ai_kept.until < $5;

-- name: kept_read
-- $1 key. Columns of kept_row.
SELECT key, state, value, used_at FROM ai_kept WHERE key = $1;

-- name: kept_renew
-- $1 key, $2 holder, $3 until.
UPDATE ai_kept SET until = $3 WHERE key = $1 AND holder = $2 AND state = 'busy';

-- name: kept_store
-- $1 key, $2 holder, $3 value, $4 now. No row: another has taken over, and keeps his.
UPDATE ai_kept SET state = 'kept', holder = NULL, until = NULL, value = $3, created_at = $4,
used_at = $4 WHERE key = $1 AND holder = $2 AND state = 'busy';

-- name: kept_of
-- $1 key, $2 user: it is his. No row: there is no such user any more.
INSERT INTO ai_kept_of (key, user_id)
SELECT k.key, u.id FROM ai_kept k JOIN users u ON u.id = $2 WHERE k.key = $1
ON CONFLICT (key) DO NOTHING;

-- name: kept_forget
-- $1 user.
DELETE FROM ai_kept WHERE key IN (SELECT key FROM ai_kept_of WHERE user_id = $1);

-- name: kept_leave
-- $1 key, $2 holder: nothing came of it, others may ask.
DELETE FROM ai_kept WHERE key = $1 AND holder = $2 AND state = 'busy';

-- name: kept_use
-- $1 key, $2 now.
UPDATE ai_kept SET used_at = $2 WHERE key = $1 AND state = 'kept';

-- name: kept_put
-- $1 key, $2 kind, $3 value, $4 now: made without a claim; whoever holds one finds it done.
INSERT INTO ai_kept (key, kind, state, value, created_at, used_at)
VALUES ($1, $2, 'kept', $3, $4, $4)
ON CONFLICT (key) DO UPDATE SET state = 'kept', holder = NULL, until = NULL,
value = excluded.value, used_at = excluded.used_at;

-- name: kept_read_many_sqlite
-- $1 JSON list of keys. Columns of kept_row.
SELECT key, state, value, used_at FROM ai_kept
WHERE state = 'kept' AND key IN (SELECT value FROM json_each($1));

-- name: kept_read_many_postgres
SELECT key, state, value, used_at FROM ai_kept
WHERE state = 'kept' AND key IN (SELECT jsonb_array_elements_text($1::jsonb));

-- name: kept_use_many_sqlite
-- $1 JSON list of keys, $2 now.
UPDATE ai_kept SET used_at = $2
WHERE state = 'kept' AND key IN (SELECT value FROM json_each($1));

-- name: kept_use_many_postgres
UPDATE ai_kept SET used_at = $2
WHERE state = 'kept' AND key IN (SELECT jsonb_array_elements_text($1::jsonb));

-- name: kept_purge_old
-- $1 used before, $2 at most; a claim that nobody came back for goes too, when $3 is past.
DELETE FROM ai_kept WHERE key IN (
  SELECT key FROM ai_kept WHERE (state = 'kept' AND used_at < $1) OR (state = 'busy' AND until < $3)
  ORDER BY used_at LIMIT $2);

-- name: kept_totals
-- Columns of totals_row.
SELECT count(*) AS rows, CAST(coalesce(sum(length(value)), 0) AS bigint) AS bytes FROM ai_kept
WHERE state = 'kept';

-- name: kept_purge_some
-- $1 how many: those unused for longest.
DELETE FROM ai_kept WHERE key IN (
  SELECT key FROM ai_kept WHERE state = 'kept' ORDER BY used_at LIMIT $1);

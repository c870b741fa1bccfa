-- Narrators' videos. $1 is the person's user_id everywhere.

-- name: narration_under_way
-- $2 script, $3 photo, $4 seconds: the same, asked for before.
SELECT id FROM narrations
 WHERE user_id = $1 AND script = $2 AND photo_n = $3 AND seconds = $4 AND state = 'processing' ORDER BY n LIMIT 1

-- name: narration_add
-- $2 id, $3 script, $4 photo, $5 seconds, $6 provider, $7 model, $8 now.
INSERT INTO narrations (user_id, id, state, script, photo_n, seconds, provider, model, created_at)
VALUES ($1, $2, 'processing', $3, $4, $5, $6, $7, $8)

-- name: narration_begun
-- $2 id, $3 operation, $4 provider, $5 model.
UPDATE narrations SET operation = $3, provider = $4, model = $5 WHERE user_id = $1 AND id = $2 AND state = 'processing'

-- name: narration_complete
-- $2 id, $3 media, $4 now.
UPDATE narrations SET state = 'complete', media_n = $3, finished_at = $4
 WHERE user_id = $1 AND id = $2 AND state = 'processing'

-- name: narration_error
-- $2 id, $3 why: a sentence, $4 now.
UPDATE narrations SET state = 'error', error = $3, finished_at = $4
 WHERE user_id = $1 AND id = $2 AND state = 'processing'

-- name: narration_by_id
-- $2 id; the video's id beside it, null while there is none.
SELECT n.id, n.state, n.operation, n.error, n.created_at, n.seconds, n.provider, n.model, m.id AS media_id
  FROM narrations n LEFT JOIN media m ON m.n = n.media_n AND m.user_id = n.user_id
 WHERE n.user_id = $1 AND n.id = $2

-- What goes with an account or a space beside their rows. $1 is the person's user_id everywhere but in system_….

-- name: erase_stories
-- $2 space, null: all, $3 now. Waits for chapters that are being committed; none comes after.
UPDATE stories SET state = 'cancelled', finished_at = $3
 WHERE user_id = $1 AND (CAST($2 AS bigint) IS NULL OR space_n = $2) AND state IN ('waiting', 'running')
RETURNING id, coalesce(job_id, 0) AS job_id

-- name: erase_events
-- $2 space, null: all. Chapters as they were told.
DELETE FROM events WHERE channel IN
    (SELECT 'story:' || t.id FROM stories t WHERE t.user_id = $1 AND (CAST($2 AS bigint) IS NULL OR t.space_n = $2))

-- name: erase_blobs
-- Bytes of all that the person has.
SELECT m.sha256 FROM media m WHERE m.user_id = $1 UNION SELECT b.sha256 FROM books b WHERE b.user_id = $1

-- name: system_erase_heard
-- $1 user, $2 his owner in the ledger: what his recordings say, those too that he had heard and did not keep,
-- unless another has the same recording. Across persons, because transcriptions are known by content.
DELETE FROM transcriptions
 WHERE sha256 IN (SELECT m.sha256 FROM media m WHERE m.user_id = $1
                  UNION SELECT substr(l.key, 15, 64) FROM ledger_lines l
                         WHERE l.owner = $2 AND l.unit = 'lifetales.transcriptions' AND l.key LIKE 'transcription:%')
   AND NOT EXISTS (SELECT 1 FROM media o WHERE o.sha256 = transcriptions.sha256 AND o.user_id <> $1)

-- name: system_erase_drawn
-- $1 user: pictures that were made for him, unless another has the same. Across persons, because they are known
-- by what they were made from.
DELETE FROM illustrations
 WHERE sha256 IN (SELECT m.sha256 FROM media m WHERE m.user_id = $1)
   AND NOT EXISTS (SELECT 1 FROM media o WHERE o.sha256 = illustrations.sha256 AND o.user_id <> $1)

-- name: system_erase_served
-- $1 user: of those, the ones that a CDN serves. Across persons, as they are.
SELECT DISTINCT i.sha256 FROM illustrations i
 WHERE i.url IS NOT NULL AND i.sha256 IN (SELECT m.sha256 FROM media m WHERE m.user_id = $1)
   AND NOT EXISTS (SELECT 1 FROM media o WHERE o.sha256 = i.sha256 AND o.user_id <> $1)

-- name: system_erase_served_of
-- $1 sha256: does a CDN serve this picture, which nobody has any more?
SELECT DISTINCT i.sha256 FROM illustrations i
 WHERE i.sha256 = $1 AND i.url IS NOT NULL AND NOT EXISTS (SELECT 1 FROM media m WHERE m.sha256 = $1)

-- name: system_erase_served_old
-- $1 made before then: those that a CDN serves, and that nobody has any more.
SELECT DISTINCT i.sha256 FROM illustrations i
 WHERE i.created_at < $1 AND i.url IS NOT NULL AND NOT EXISTS (SELECT 1 FROM media m WHERE m.sha256 = i.sha256)

-- name: system_erase_shown
-- $1 sha256: pictures that a CDN is to serve, made anew meanwhile.
SELECT count(*) FROM illustrations WHERE sha256 = $1 AND url IS NOT NULL

-- name: system_erase_heard_of
-- $1 sha256: nobody has this recording any more.
DELETE FROM transcriptions WHERE sha256 = $1 AND NOT EXISTS (SELECT 1 FROM media m WHERE m.sha256 = $1)

-- name: system_erase_drawn_of
-- $1 sha256: nobody has this picture any more.
DELETE FROM illustrations WHERE sha256 = $1 AND NOT EXISTS (SELECT 1 FROM media m WHERE m.sha256 = $1)

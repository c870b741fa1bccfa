-- Links to a space's story. $1 is the person's user_id everywhere but in system_….

-- name: share_add
-- $2 id, $3 space, $4 hash of the token, $5 expires, $6 now.
INSERT INTO shares (user_id, id, space_n, token_sha256, expires_at, created_at) VALUES ($1, $2, $3, $4, $5, $6)

-- name: share_lock
-- $2 space. Whoever makes a link to it at the same time waits here, and counts mine.
UPDATE spaces SET scratch = scratch WHERE user_id = $1 AND n = $2

-- name: shares_count
-- $2 space, $3 now: those that are good.
SELECT count(*) FROM shares WHERE user_id = $1 AND space_n = $2 AND revoked_at IS NULL AND expires_at > $3

-- name: shares_list
-- $2 space. The newest first.
SELECT id, expires_at, revoked_at, views, created_at FROM shares
 WHERE user_id = $1 AND space_n = $2 ORDER BY n DESC LIMIT 1000

-- name: shares_revoke
-- $2 space, $3 id, null: all; $4 now.
UPDATE shares SET revoked_at = $4
 WHERE user_id = $1 AND space_n = $2 AND (CAST($3 AS text) IS NULL OR id = $3) AND revoked_at IS NULL

-- name: share_known
-- $2 space, $3 id.
SELECT count(*) FROM shares WHERE user_id = $1 AND space_n = $2 AND id = $3

-- name: system_share_by_token
-- $1 hash of the token: whose it ever is.
SELECT n, user_id, space_n, id, expires_at, revoked_at, views, created_at FROM shares WHERE token_sha256 = $1

-- name: share_viewed
-- $2 n.
UPDATE shares SET views = views + 1 WHERE user_id = $1 AND n = $2

-- name: share_media_sqlite
-- $2 space, $3 id of the media: when the story shows it.
SELECT m.n, m.user_id, m.id, m.sha256, m.mime_type, m.kind, m.made, m.size, m.created_at FROM media m
 WHERE m.user_id = $1 AND m.id = $3
   AND (m.n IN (SELECT h.illustration_n FROM chapters h WHERE h.user_id = $1 AND h.space_n = $2)
     OR m.n IN (SELECT p.media_n FROM chapters h JOIN chapter_pictures p ON p.chapter_n = h.n
                 WHERE h.user_id = $1 AND h.space_n = $2)
     OR m.n IN (SELECT l.media_n FROM chapters h JOIN chapter_notes b ON b.chapter_n = h.n
                  JOIN note_media l ON l.note_n = b.note_n WHERE h.user_id = $1 AND h.space_n = $2)
     OR EXISTS (SELECT 1 FROM chapters h, json_each(h.user_image_ids) j
                 WHERE h.user_id = $1 AND h.space_n = $2 AND j.value = $3)
     OR EXISTS (SELECT 1 FROM spaces s WHERE s.user_id = $1 AND s.n = $2 AND s.cover_image = $3))

-- name: share_media_postgres
SELECT m.n, m.user_id, m.id, m.sha256, m.mime_type, m.kind, m.made, m.size, m.created_at FROM media m
 WHERE m.user_id = $1 AND m.id = $3
   AND (m.n IN (SELECT h.illustration_n FROM chapters h WHERE h.user_id = $1 AND h.space_n = $2)
     OR m.n IN (SELECT p.media_n FROM chapters h JOIN chapter_pictures p ON p.chapter_n = h.n
                 WHERE h.user_id = $1 AND h.space_n = $2)
     OR m.n IN (SELECT l.media_n FROM chapters h JOIN chapter_notes b ON b.chapter_n = h.n
                  JOIN note_media l ON l.note_n = b.note_n WHERE h.user_id = $1 AND h.space_n = $2)
     OR EXISTS (SELECT 1 FROM chapters h WHERE h.user_id = $1 AND h.space_n = $2
                   AND h.user_image_ids ? CAST($3 AS text))
     OR EXISTS (SELECT 1 FROM spaces s WHERE s.user_id = $1 AND s.n = $2 AND s.cover_image = $3))

-- name: share_chapters
-- $2 space. What a reader sees of them; date: of their first note.
SELECT h.id, h.title, h.content, h.sentences, h.illustration_prompt, h.position, h.user_image_ids,
       m.id AS illustration_url,
       (SELECT min(x.timestamp) FROM chapter_notes b JOIN notes x ON x.n = b.note_n
         WHERE b.chapter_n = h.n AND x.user_id = h.user_id) AS date
  FROM chapters h LEFT JOIN media m ON m.n = h.illustration_n AND m.user_id = h.user_id
 WHERE h.user_id = $1 AND h.space_n = $2 ORDER BY h.position, h.n

-- name: share_pictures
-- $2 space. The pictures that were made for its chapters.
SELECT h.id AS chapter_id, 0 AS position, h.illustration_prompt AS prompt, m.id AS url
  FROM chapters h JOIN media m ON m.n = h.illustration_n AND m.user_id = h.user_id
 WHERE h.user_id = $1 AND h.space_n = $2
 UNION ALL
SELECT h.id AS chapter_id, p.position, p.prompt, m.id AS url
  FROM chapters h JOIN chapter_pictures p ON p.chapter_n = h.n AND p.user_id = h.user_id
  JOIN media m ON m.n = p.media_n AND m.user_id = h.user_id
 WHERE h.user_id = $1 AND h.space_n = $2 ORDER BY chapter_id, position

-- name: share_voices
-- $2 space. The recordings of the notes that each chapter rests on.
SELECT h.id AS chapter_id, x.id AS note_id, m.id, m.mime_type, m.duration_ms
  FROM chapters h JOIN chapter_notes b ON b.chapter_n = h.n
  JOIN notes x ON x.n = b.note_n AND x.user_id = h.user_id JOIN note_media l ON l.note_n = x.n
  JOIN media m ON m.n = l.media_n AND m.user_id = h.user_id
 WHERE h.user_id = $1 AND h.space_n = $2 AND m.kind = 'audio' ORDER BY h.position, b.position, l.position

-- SPDX-License-Identifier: Apache-2.0
-- Books and the links of voices in them. $1 is the person's user_id everywhere but in system_….

-- name: book_load
-- $2 space, $3 format.
SELECT key, sha256, size, created_at FROM books WHERE user_id = $1 AND space_n = $2 AND format = $3

-- name: book_put
-- $2 space, $3 format, $4 key, $5 sha256, $6 size, $7 now. Nothing where the space is another's.
INSERT INTO books (space_n, format, user_id, key, sha256, size, created_at)
SELECT s.n, $3, $1, $4, $5, CAST($6 AS bigint), $7 FROM spaces s WHERE s.user_id = $1 AND s.n = $2
ON CONFLICT (space_n, format) DO UPDATE SET key = $4, sha256 = $5, size = CAST($6 AS bigint), created_at = $7

-- name: book_voices
-- $2 space. The recordings of each chapter's notes, in their order; token null: it has no link that is good;
-- known: it had one.
SELECT h.id AS chapter_id, x.title, x.timestamp, m.n AS media_n, m.id AS media_id, v.token,
       EXISTS (SELECT 1 FROM voice_links o WHERE o.user_id = $1 AND o.media_n = m.n) AS known
  FROM chapters h JOIN chapter_notes b ON b.chapter_n = h.n
  JOIN notes x ON x.n = b.note_n AND x.user_id = h.user_id JOIN note_media l ON l.note_n = x.n
  JOIN media m ON m.n = l.media_n AND m.user_id = h.user_id
  LEFT JOIN voice_links v ON v.media_n = m.n AND v.user_id = m.user_id AND v.revoked_at IS NULL
 WHERE h.user_id = $1 AND h.space_n = $2 AND m.kind = 'audio' ORDER BY h.position, h.n, b.position, l.position

-- name: voice_link_add
-- $2 media, $3 token, $4 now. Nothing where it has one, or is another's.
INSERT INTO voice_links (user_id, media_n, token, created_at)
SELECT m.user_id, m.n, $3, $4 FROM media m WHERE m.user_id = $1 AND m.n = $2
ON CONFLICT (media_n) WHERE revoked_at IS NULL DO NOTHING

-- name: voice_link_of
-- $2 media.
SELECT m.id AS media_id, v.token, v.heard, v.created_at, v.revoked_at
  FROM voice_links v JOIN media m ON m.n = v.media_n AND m.user_id = v.user_id
 WHERE v.user_id = $1 AND v.media_n = $2 AND v.revoked_at IS NULL

-- name: voice_links_list
-- $2 space. Those of its notes' recordings, the newest first.
SELECT m.id AS media_id, v.token, v.heard, v.created_at, v.revoked_at
  FROM voice_links v JOIN media m ON m.n = v.media_n AND m.user_id = v.user_id
 WHERE v.user_id = $1 AND m.n IN (SELECT l.media_n FROM notes x JOIN note_media l ON l.note_n = x.n
                                   WHERE x.user_id = $1 AND x.space_n = $2)
 ORDER BY v.n DESC LIMIT 1000

-- name: voice_link_revoke
-- $2 media, $3 now.
UPDATE voice_links SET revoked_at = $3 WHERE user_id = $1 AND media_n = $2 AND revoked_at IS NULL

-- name: voice_link_heard
-- $2 token.
UPDATE voice_links SET heard = heard + 1 WHERE user_id = $1 AND token = $2

-- name: system_voice_by_token
-- $1 token: whose it ever is.
SELECT v.user_id, v.media_n, v.revoked_at, s.language AS language
  FROM voice_links v JOIN media m ON m.n = v.media_n
  LEFT JOIN spaces s ON s.n = (SELECT min(x.space_n) FROM note_media l JOIN notes x ON x.n = l.note_n
                                WHERE l.media_n = m.n)
 WHERE v.token = $1

-- Media: whose the bytes are. $1 is the person's user_id everywhere but in system_….

-- name: media_add
-- $2 id, $3 sha256, $4 type, $5 kind, $6 made, $7 name, $8 size, $9 width, $10 height, $11 duration, $12 now.
INSERT INTO media (user_id, id, sha256, mime_type, kind, made, name, size, width, height, duration_ms, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (user_id, sha256) DO NOTHING

-- name: media_of_content
-- $2 sha256.
SELECT n, user_id, id, sha256, mime_type, kind, made, name, size, width, height, duration_ms, transcription,
       transcription_status, transcription_language, transcription_error, transcription_confidence, created_at
  FROM media WHERE user_id = $1 AND sha256 = $2

-- name: media_by_id
-- $2 id.
SELECT n, user_id, id, sha256, mime_type, kind, made, name, size, width, height, duration_ms, transcription,
       transcription_status, transcription_language, transcription_error, transcription_confidence, created_at
  FROM media WHERE user_id = $1 AND id = $2

-- name: media_by_n
-- $2 n.
SELECT n, user_id, id, sha256, mime_type, kind, made, name, size, width, height, duration_ms, transcription,
       transcription_status, transcription_language, transcription_error, transcription_confidence, created_at
  FROM media WHERE user_id = $1 AND n = $2

-- name: media_remove
-- $2 n.
DELETE FROM media WHERE user_id = $1 AND n = $2

-- name: media_shown_sqlite
-- $2 n of the media, $3 its id: 1 where a note, a chapter or a space's cover shows it.
SELECT EXISTS (SELECT 1 FROM notes x JOIN note_media l ON l.note_n = x.n
                WHERE x.user_id = $1 AND l.media_n = $2)
    OR EXISTS (SELECT 1 FROM chapters h WHERE h.user_id = $1 AND h.illustration_n = $2)
    OR EXISTS (SELECT 1 FROM chapter_pictures p WHERE p.user_id = $1 AND p.media_n = $2)
    OR EXISTS (SELECT 1 FROM chapters h, json_each(h.user_image_ids) j WHERE h.user_id = $1 AND j.value = $3)
    OR EXISTS (SELECT 1 FROM spaces s WHERE s.user_id = $1 AND s.cover_image = $3)

-- name: media_shown_postgres
SELECT CAST(EXISTS (SELECT 1 FROM notes x JOIN note_media l ON l.note_n = x.n
                WHERE x.user_id = $1 AND l.media_n = $2)
    OR EXISTS (SELECT 1 FROM chapters h WHERE h.user_id = $1 AND h.illustration_n = $2)
    OR EXISTS (SELECT 1 FROM chapter_pictures p WHERE p.user_id = $1 AND p.media_n = $2)
    OR EXISTS (SELECT 1 FROM chapters h WHERE h.user_id = $1 AND h.user_image_ids ? CAST($3 AS text))
    OR EXISTS (SELECT 1 FROM spaces s WHERE s.user_id = $1 AND s.cover_image = $3) AS int)

-- name: system_media_signed
-- $1 id: for who has its signed address, whose it ever is.
SELECT n, user_id, id, sha256, mime_type, kind, made, name, size, width, height, duration_ms, created_at
  FROM media WHERE id = $1

-- name: system_blob_named
-- $1 hash: 1 when anybody's row names it.
SELECT EXISTS (SELECT 1 FROM media WHERE sha256 = $1) OR EXISTS (SELECT 1 FROM illustrations WHERE sha256 = $1)
    OR EXISTS (SELECT 1 FROM books WHERE sha256 = $1) AS used

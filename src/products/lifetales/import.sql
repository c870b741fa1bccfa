-- What an import makes. $1 is the person's user_id everywhere but in system_….

-- name: system_import_space_owner
-- $1 id: whose it is, because an id that is another's cannot be kept.
SELECT user_id, n FROM spaces WHERE id = $1

-- name: system_import_note_owner
-- $1 id: whose it is, and in which space, because an id that is taken cannot be kept.
SELECT user_id, space_n AS n FROM notes WHERE id = $1

-- name: system_import_chapter_owner
-- $1 id: whose it is, and in which space, because an id that is taken cannot be kept.
SELECT user_id, space_n AS n FROM chapters WHERE id = $1

-- name: system_import_media_owner
-- $1 id: whose it is, because an id that is another's cannot be kept.
SELECT user_id, n FROM media WHERE id = $1

-- name: import_space_add
-- $2 id, $3 title, $4 description, $5 cover, $6 start, $7 zone, $8 language, $9 characters, $10 made, $11 now.
INSERT INTO spaces (user_id, id, title, description, cover_image, start_date, time_zone, language, characters,
                    created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING n

-- name: import_note_made
-- $2 n, $3 when it was made.
UPDATE notes SET created_at = $3 WHERE user_id = $1 AND n = $2

-- name: import_media_add
-- $2 id, $3 sha256, $4 type, $5 kind, $6 made, $7 name, $8 size, $9 width, $10 height, $11 duration, $12 when.
INSERT INTO media (user_id, id, sha256, mime_type, kind, made, name, size, width, height, duration_ms, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (user_id, sha256) DO NOTHING

-- name: import_voice_link_add
-- $2 media, $3 token, $4 heard, $5 made, $6 taken back. Nothing where the token is somebody's.
INSERT INTO voice_links (user_id, media_n, token, heard, created_at, revoked_at)
SELECT m.user_id, m.n, $3, CAST($4 AS bigint), $5, $6 FROM media m WHERE m.user_id = $1 AND m.n = $2
ON CONFLICT DO NOTHING

-- name: import_stories
-- $2 space: was a story of it written here?
SELECT count(*) FROM stories WHERE user_id = $1 AND space_n = $2

-- name: import_chapter_add
-- $2 id, $3 space, $4 position, $5 title, $6 content, $7 sentences, $8 key, $9 notes_key, $10 edited, $11 provider,
-- $12 model, $13 illustration_prompt, $14 its key, $15 style, $16 media, $17 status, $18 pictures, $19 made, $20 now.
INSERT INTO chapters (user_id, id, space_n, position, title, content, sentences, key, notes_key, edited, provider,
       model, illustration_prompt, illustration_key, illustration_style, illustration_n, illustration_status,
       user_image_ids, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) RETURNING n

-- name: import_chapter_source
-- $2 chapter, $3 note's UUID, $4 position.
INSERT INTO chapter_notes (chapter_n, note_n, position)
SELECT h.n, x.n, CAST($4 AS bigint) FROM chapters h JOIN notes x ON x.user_id = h.user_id AND x.space_n = h.space_n
 WHERE h.user_id = $1 AND h.n = $2 AND x.id = $3
ON CONFLICT DO NOTHING

-- name: import_chapter_picture
-- $2 chapter, $3 position, $4 media, $5 key, $6 style, $7 prompt, $8 when.
INSERT INTO chapter_pictures (user_id, chapter_n, position, media_n, key, style, prompt, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING

-- name: import_settings
-- Has he said how he wants his stories?
SELECT count(*) FROM user_settings WHERE user_id = $1

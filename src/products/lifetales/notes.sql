-- Notes and what hangs on them. $1 is the person's user_id everywhere.

-- name: note_insert
-- $2 id, $3 space, $4 type, $5 title, $6 description, $7 content, $8 text, $9 transcription, $10 own,
-- $11 location, $12 timestamp, $13 now.
INSERT INTO notes (user_id, id, space_n, type, title, description, content, text_content, transcription,
                   transcription_own, location, timestamp, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13) RETURNING n

-- name: note_change
-- $2 n, $3 type, $4 title, $5 description, $6 content, $7 text, $8 transcription, $9 own, $10 location,
-- $11 timestamp, $12 now.
UPDATE notes SET type = $3, title = $4, description = $5, content = $6, text_content = $7, transcription = $8,
       transcription_own = $9, location = $10, timestamp = $11, updated_at = $12
 WHERE user_id = $1 AND n = $2

-- name: notes_count
-- $2 space.
SELECT count(*) FROM notes WHERE user_id = $1 AND space_n = $2

-- name: notes_of_space
-- $2 space, $3 a note's id, null: all.
SELECT n, space_n, user_id, id, type, title, description, content, text_content, transcription, transcription_own,
       location, timestamp, created_at, updated_at
  FROM notes WHERE user_id = $1 AND space_n = $2 AND (CAST($3 AS text) IS NULL OR id = $3)
 ORDER BY timestamp, n

-- name: note_space
-- $2 id of a note: its space.
SELECT space_n FROM notes WHERE user_id = $1 AND id = $2

-- name: note_media_of_space
-- $2 space, $3 a note's id, null: all.
SELECT l.note_n, m.n, m.user_id, m.id, m.sha256, m.mime_type, m.kind, m.made, m.name, m.size, m.width, m.height,
       m.duration_ms, m.transcription, m.transcription_status, m.transcription_language, m.transcription_error,
       m.transcription_confidence, m.created_at
  FROM notes x JOIN note_media l ON l.note_n = x.n JOIN media m ON m.n = l.media_n AND m.user_id = x.user_id
 WHERE x.user_id = $1 AND x.space_n = $2 AND (CAST($3 AS text) IS NULL OR x.id = $3)
 ORDER BY l.note_n, l.position, m.n

-- name: note_media_add
-- $2 note, $3 media, $4 position. Nothing where either is another's.
INSERT INTO note_media (note_n, media_n, position)
SELECT x.n, m.n, CAST($4 AS bigint) FROM notes x JOIN media m ON m.user_id = x.user_id
 WHERE x.user_id = $1 AND x.n = $2 AND m.n = $3
ON CONFLICT (note_n, media_n) DO NOTHING

-- name: note_media_clear
-- $2 note.
DELETE FROM note_media WHERE note_n = (SELECT x.n FROM notes x WHERE x.user_id = $1 AND x.n = $2)

-- name: note_remove
-- $2 n.
DELETE FROM notes WHERE user_id = $1 AND n = $2

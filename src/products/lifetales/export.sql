-- All that a person has, for the export. $1 is the person's user_id everywhere.

-- name: export_media
-- $2 the last n that was taken, $3 how many.
SELECT n, user_id, id, sha256, mime_type, kind, made, name, size, width, height, duration_ms, transcription,
       transcription_status, transcription_language, transcription_error, transcription_confidence, created_at
  FROM media WHERE user_id = $1 AND n > $2 ORDER BY n LIMIT $3

-- name: export_voice_links
-- $2 media.
SELECT token, heard, created_at, revoked_at FROM voice_links WHERE user_id = $1 AND media_n = $2 ORDER BY n

-- name: export_spaces
-- $2 the last n that was taken.
SELECT n, user_id, id, title, description, cover_image, start_date, time_zone, language, characters, scratch,
       created_at, updated_at
  FROM spaces WHERE user_id = $1 AND n > $2 ORDER BY n LIMIT 1

-- name: export_shares
-- $2 space.
SELECT id, expires_at, revoked_at, views, created_at FROM shares WHERE user_id = $1 AND space_n = $2 ORDER BY n

-- name: export_notes
-- $2 space: their ids, in order.
SELECT id FROM notes WHERE user_id = $1 AND space_n = $2 ORDER BY timestamp, n

-- name: export_chapters
-- $2 space: their ids, in order.
SELECT id FROM chapters WHERE user_id = $1 AND space_n = $2 ORDER BY position, n

-- name: export_chapter
-- $2 id.
SELECT h.n, h.id, h.position, h.title, h.content, h.sentences, h.key, h.notes_key, h.edited, h.provider, h.model,
       h.illustration_prompt, h.illustration_key, h.illustration_style, h.illustration_status, h.user_image_ids,
       h.created_at, h.updated_at, m.id AS illustration_id
  FROM chapters h LEFT JOIN media m ON m.n = h.illustration_n AND m.user_id = $1
 WHERE h.user_id = $1 AND h.id = $2

-- name: export_chapter_sources
-- $2 chapter: its notes, in order.
SELECT x.id FROM chapters h JOIN chapter_notes b ON b.chapter_n = h.n JOIN notes x ON x.n = b.note_n
 WHERE h.user_id = $1 AND x.user_id = $1 AND h.n = $2 ORDER BY b.position

-- name: export_chapter_pictures
-- $2 chapter: its pictures behind the first.
SELECT p.position, p.key, p.style, p.prompt, m.id AS media_id, p.created_at
  FROM chapter_pictures p JOIN media m ON m.n = p.media_n AND m.user_id = $1
 WHERE p.user_id = $1 AND p.chapter_n = $2 ORDER BY p.position

-- name: export_stories
-- $2 space: how each story was written.
SELECT id, state, settings, figures, planned, written, kept, error, created_at, started_at, finished_at
  FROM stories WHERE user_id = $1 AND space_n = $2 ORDER BY n

-- name: export_books
-- $2 space: as they were last made.
SELECT format, sha256, size, created_at FROM books WHERE user_id = $1 AND space_n = $2 ORDER BY format

-- name: export_narrations
SELECT r.id, r.state, r.script, r.seconds, r.provider, r.model, r.error, r.created_at, r.finished_at,
       p.id AS photo_id, m.id AS video_id
  FROM narrations r LEFT JOIN media p ON p.n = r.photo_n AND p.user_id = $1
       LEFT JOIN media m ON m.n = r.media_n AND m.user_id = $1
 WHERE r.user_id = $1 ORDER BY r.n

-- name: export_person
SELECT id, email, name, created_at FROM users WHERE id = $1

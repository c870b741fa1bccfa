-- SPDX-License-Identifier: Apache-2.0
-- Stories and chapters. $1 is the person's user_id everywhere.

-- -- stories -----------------------------------------------------------------------------------

-- name: story_add
-- $2 id, $3 space, $4 settings, $5 now. No row: one of the space is under way.
INSERT INTO stories (user_id, id, space_n, state, settings, created_at) VALUES ($1, $2, $3, 'waiting', $4, $5)
    ON CONFLICT (space_n) WHERE state IN ('waiting', 'running') DO NOTHING RETURNING n

-- name: story_job
-- $2 n, $3 job.
UPDATE stories SET job_id = $3 WHERE user_id = $1 AND n = $2

-- name: story_by_id
-- $2 UUID.
SELECT t.n, t.space_n, t.user_id, t.id, t.state, t.settings, t.plan, t.figures, t.planned, t.written, t.kept,
       t.job_id, t.error_code, t.error, t.created_at, t.started_at, t.finished_at, s.id AS space_id
  FROM stories t JOIN spaces s ON s.n = t.space_n WHERE t.user_id = $1 AND s.user_id = $1 AND t.id = $2

-- name: story_by_n
-- $2 n.
SELECT t.n, t.space_n, t.user_id, t.id, t.state, t.settings, t.plan, t.figures, t.planned, t.written, t.kept,
       t.job_id, t.error_code, t.error, t.created_at, t.started_at, t.finished_at, s.id AS space_id
  FROM stories t JOIN spaces s ON s.n = t.space_n WHERE t.user_id = $1 AND s.user_id = $1 AND t.n = $2

-- name: story_of_space_open
-- $2 space; the one under way.
SELECT t.n, t.space_n, t.user_id, t.id, t.state, t.settings, t.plan, t.figures, t.planned, t.written, t.kept,
       t.job_id, t.error_code, t.error, t.created_at, t.started_at, t.finished_at, s.id AS space_id
  FROM stories t JOIN spaces s ON s.n = t.space_n
 WHERE t.user_id = $1 AND s.user_id = $1 AND t.space_n = $2 AND t.state IN ('waiting', 'running')

-- name: story_takes_up
-- $2 n, $3 now.
UPDATE stories SET state = 'running', started_at = coalesce(started_at, $3), error_code = NULL, error = NULL
 WHERE user_id = $1 AND n = $2 AND state IN ('waiting', 'running')

-- name: story_plan_put
-- $2 n, $3 plan, $4 planned, $5 kept.
UPDATE stories SET plan = $3, planned = $4, kept = $5 WHERE user_id = $1 AND n = $2 AND state = 'running'

-- name: story_step
-- $2 n, $3 figures. Holds its row until the commit: who changes chapters for it comes one after the other.
UPDATE stories SET figures = $3 WHERE user_id = $1 AND n = $2 AND state = 'running'

-- name: story_wrote
-- $2 n.
UPDATE stories SET written = written + 1 WHERE user_id = $1 AND n = $2

-- name: story_waits
-- $2 n, $3 figures, $4 error_code, $5 error, $6 job.
UPDATE stories SET state = 'waiting', figures = $3, error_code = $4, error = $5, job_id = $6
 WHERE user_id = $1 AND n = $2 AND state = 'running'

-- name: story_ends
-- $2 n, $3 state, $4 figures, $5 error_code, $6 error, $7 now.
UPDATE stories SET state = $3, figures = $4, error_code = $5, error = $6, finished_at = $7
 WHERE user_id = $1 AND n = $2 AND state IN ('waiting', 'running')

-- name: story_cancels
-- $2 id, $3 now.
UPDATE stories SET state = 'cancelled', finished_at = $3
 WHERE user_id = $1 AND id = $2 AND state IN ('waiting', 'running')

-- name: story_channel_of_event
-- $1 message_id.
SELECT channel FROM events WHERE id = $1

-- -- chapters ------------------------------------------------------------------------------------

-- name: chapters_of_space
-- $2 space.
SELECT h.n, h.space_n, h.user_id, h.story_n, h.id, h.position, h.title, h.content, h.sentences, h.key,
       h.notes_key, h.edited, h.provider, h.model, h.illustration_prompt, h.illustration_key,
       h.illustration_style, h.illustration_n, h.illustration_status, h.user_image_ids, h.created_at,
       h.updated_at, m.id AS illustration_id, i.url AS illustration_cdn
  FROM chapters h LEFT JOIN media m ON m.n = h.illustration_n AND m.user_id = $1
       LEFT JOIN illustrations i ON i.key = h.illustration_key
 WHERE h.user_id = $1 AND h.space_n = $2 ORDER BY h.position, h.n

-- name: chapter_of_space
-- $2 space, $3 UUID.
SELECT h.n, h.space_n, h.user_id, h.story_n, h.id, h.position, h.title, h.content, h.sentences, h.key,
       h.notes_key, h.edited, h.provider, h.model, h.illustration_prompt, h.illustration_key,
       h.illustration_style, h.illustration_n, h.illustration_status, h.user_image_ids, h.created_at,
       h.updated_at, m.id AS illustration_id, i.url AS illustration_cdn
  FROM chapters h LEFT JOIN media m ON m.n = h.illustration_n AND m.user_id = $1
       LEFT JOIN illustrations i ON i.key = h.illustration_key
 WHERE h.user_id = $1 AND h.space_n = $2 AND h.id = $3

-- name: chapter_sources
-- $2 space.
SELECT cn.chapter_n, t.id AS note_id
  FROM chapters h JOIN chapter_notes cn ON cn.chapter_n = h.n JOIN notes t ON t.n = cn.note_n
 WHERE h.user_id = $1 AND t.user_id = $1 AND h.space_n = $2 ORDER BY cn.chapter_n, cn.position

-- name: chapter_pictures_of_space
-- $2 space, $3 a chapter's n, null: all.
SELECT p.chapter_n, p.media_n, p.position, p.prompt, p.style, m.id AS media_id, i.url AS cdn
  FROM chapters h JOIN chapter_pictures p ON p.chapter_n = h.n AND p.user_id = $1
       JOIN media m ON m.n = p.media_n AND m.user_id = $1 LEFT JOIN illustrations i ON i.key = p.key
 WHERE h.user_id = $1 AND h.space_n = $2 AND (CAST($3 AS bigint) IS NULL OR h.n = $3)
 ORDER BY p.chapter_n, p.position

-- name: chapter_pictures_from
-- $2 chapter, $3 position.
SELECT media_n, position FROM chapter_pictures WHERE user_id = $1 AND chapter_n = $2 AND position >= $3

-- name: chapter_pictures_drop
-- $2 chapter, $3 position.
DELETE FROM chapter_pictures WHERE user_id = $1 AND chapter_n = $2 AND position >= $3

-- name: chapter_picture_put
-- $2 chapter, $3 position, $4 media, $5 key, $6 style, $7 prompt, $8 now, $9 the chapter's own prompt, null:
-- any; nothing where it is another by now.
INSERT INTO chapter_pictures (chapter_n, user_id, position, media_n, key, style, prompt, created_at)
SELECT h.n, h.user_id, CAST($3 AS bigint), CAST($4 AS bigint), CAST($5 AS text), CAST($6 AS text), CAST($7 AS text), $8
  FROM chapters h WHERE h.user_id = $1 AND h.n = $2 AND (CAST($9 AS text) IS NULL OR h.illustration_prompt = $9)
    ON CONFLICT (chapter_n, position) DO UPDATE SET media_n = excluded.media_n, key = excluded.key,
       style = excluded.style, prompt = excluded.prompt, created_at = excluded.created_at

-- name: chapter_touch
-- $2 n, $3 now.
UPDATE chapters SET updated_at = $3 WHERE user_id = $1 AND n = $2

-- name: chapter_picture
-- $2 n.
SELECT n, illustration_n, edited, user_image_ids FROM chapters WHERE user_id = $1 AND n = $2

-- name: chapter_at
-- $2 n: is it there?
SELECT n FROM chapters WHERE user_id = $1 AND n = $2

-- name: chapter_by_key
-- $2 space, $3 key.
SELECT n, id FROM chapters WHERE user_id = $1 AND space_n = $2 AND key = $3 ORDER BY n

-- name: chapter_add
-- $2 id, $3 space, $4 story, $5 position, $6 title, $7 content, $8 sentences, $9 key, $10 notes_key,
-- $11 provider, $12 model, $13 illustration_prompt, $14 illustration_status, $15 user_image_ids, $16 now.
INSERT INTO chapters (user_id, id, space_n, story_n, position, title, content, sentences, key, notes_key,
       provider, model, illustration_prompt, illustration_status, user_image_ids, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16) RETURNING n

-- name: chapter_rewrite
-- $2 n, $3 story, $4 title, $5 content, $6 sentences, $7 key, $8 notes_key, $9 provider, $10 model,
-- $11 illustration_prompt, $12 illustration_status, $13 user_image_ids, $14 now, $15 also an edited one.
UPDATE chapters SET story_n = $3, title = $4, content = $5, sentences = $6, key = $7, notes_key = $8,
       provider = $9, model = $10, illustration_prompt = $11, illustration_status = $12,
       illustration_key = NULL, illustration_style = NULL, illustration_n = NULL, user_image_ids = $13,
       updated_at = $14, edited = false
 WHERE user_id = $1 AND n = $2 AND (NOT edited OR $15)

-- name: chapter_sources_clear
-- $2 chapter.
DELETE FROM chapter_notes WHERE chapter_n IN (SELECT n FROM chapters WHERE user_id = $1 AND n = $2)

-- name: chapter_source_add
-- $2 chapter, $3 note's UUID, $4 position, $5 space. A note that is gone meanwhile is left out.
INSERT INTO chapter_notes (chapter_n, note_n, position)
SELECT $2, n, $4 FROM notes WHERE user_id = $1 AND id = $3 AND space_n = $5 ON CONFLICT DO NOTHING

-- name: chapter_drop
-- $2 n, $3 also an edited one.
DELETE FROM chapters WHERE user_id = $1 AND n = $2 AND (NOT edited OR $3)

-- name: chapter_place
-- $2 n, $3 position.
UPDATE chapters SET position = $3 WHERE user_id = $1 AND n = $2 AND position <> $3

-- name: chapter_edit
-- $2 n, $3 title, $4 content, $5 sentences, $6 illustration_prompt, $7 user_image_ids, $8 now, $9 edited.
UPDATE chapters SET title = $3, content = $4, sentences = $5, illustration_prompt = $6, user_image_ids = $7,
       updated_at = $8, edited = $9
 WHERE user_id = $1 AND n = $2

-- name: chapter_hold
-- $2 n. What keeps two changes of one chapter apart: nothing is changed.
UPDATE chapters SET updated_at = updated_at WHERE user_id = $1 AND n = $2

-- name: chapter_own_pictures
-- $2 n, $3 ids, $4 now.
UPDATE chapters SET user_image_ids = $3, updated_at = $4 WHERE user_id = $1 AND n = $2

-- name: chapter_drawn
-- $2 n, $3 media, $4 key, $5 style, $6 status, $7 now, $8 prompt that it was made of.
UPDATE chapters SET illustration_n = $3, illustration_key = $4, illustration_style = $5,
       illustration_status = $6, updated_at = $7
 WHERE user_id = $1 AND n = $2 AND illustration_prompt = $8

-- name: chapter_space_people
-- $2 space.
SELECT characters FROM spaces WHERE user_id = $1 AND n = $2

-- name: chapter_space_people_put
-- $2 space, $3 characters.
UPDATE spaces SET characters = $3 WHERE user_id = $1 AND n = $2

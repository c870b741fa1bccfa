-- Pictures by what they were made from: nobody's, so the statements over them name no user (system_…). $1 is
-- the person's user_id in the others.

-- name: system_illustration
-- $1 key. Columns of illustration_record.
SELECT key, sha256, mime_type, width, height, provider, model, url FROM illustrations WHERE key = $1

-- name: system_illustration_add
-- $1 key, $2 sha256, $3 type, $4 width, $5 height, $6 provider, $7 model, $8 url, $9 now. Another may have been
-- first, on another node: his stays, unless its bytes are gone.
INSERT INTO illustrations (key, sha256, mime_type, width, height, provider, model, url, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (key) DO NOTHING

-- name: system_illustration_forget
-- $1 key, $2 sha256: its bytes are gone.
DELETE FROM illustrations WHERE key = $1 AND sha256 = $2

-- name: illustration_chapter
-- $2 the chapter's UUID, $3 position of the picture. Columns of chapter_to_draw_record.
SELECT h.n, h.id, h.title, h.illustration_prompt, h.illustration_n, s.id AS space_id, s.characters,
       p.prompt AS own_prompt, t.id AS story_id
  FROM chapters h JOIN spaces s ON s.n = h.space_n AND s.user_id = $1
       LEFT JOIN chapter_pictures p ON p.chapter_n = h.n AND p.user_id = $1 AND p.position = $3
       LEFT JOIN stories t ON t.n = h.story_n AND t.user_id = $1
 WHERE h.user_id = $1 AND h.id = $2

-- name: illustration_of_chapter
-- $2 n, $3 media, $4 key, $5 style, $6 prompt, $7 now.
UPDATE chapters SET illustration_n = $3, illustration_key = $4, illustration_style = $5, illustration_prompt = $6,
       illustration_status = 'done', updated_at = $7
 WHERE user_id = $1 AND n = $2

-- name: system_illustrations_sweep
-- $1 before when they were made: those that nobody has any more.
DELETE FROM illustrations
 WHERE created_at < $1 AND NOT EXISTS (SELECT 1 FROM media m WHERE m.sha256 = illustrations.sha256)

-- Spaces. $1 is the person's user_id everywhere but in system_….

-- name: space_add
-- $2 id, $3 title, $4 description, $5 cover, $6 start, $7 zone, $8 language, $9 scratch, $10 now.
INSERT INTO spaces (user_id, id, title, description, cover_image, start_date, time_zone, language, scratch,
                    created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) RETURNING n

-- name: space_load
-- $2 id.
SELECT n, user_id, id, title, description, cover_image, start_date, time_zone, language, characters, scratch,
       created_at, updated_at,
       EXISTS (SELECT 1 FROM stories g WHERE g.user_id = s.user_id AND g.space_n = s.n
                  AND g.state IN ('waiting', 'running')) AS is_generating,
       (SELECT g.id FROM stories g WHERE g.user_id = s.user_id AND g.space_n = s.n
           AND g.state IN ('waiting', 'running')) AS generating_story_id
  FROM spaces s WHERE s.user_id = $1 AND s.id = $2

-- name: space_load_n
-- $2 n.
SELECT n, user_id, id, title, description, cover_image, start_date, time_zone, language, characters, scratch,
       created_at, updated_at,
       EXISTS (SELECT 1 FROM stories g WHERE g.user_id = s.user_id AND g.space_n = s.n
                  AND g.state IN ('waiting', 'running')) AS is_generating,
       (SELECT g.id FROM stories g WHERE g.user_id = s.user_id AND g.space_n = s.n
           AND g.state IN ('waiting', 'running')) AS generating_story_id
  FROM spaces s WHERE s.user_id = $1 AND s.n = $2

-- name: spaces_list
-- $2 limit, $3 offset. The newest first.
SELECT n, user_id, id, title, description, cover_image, start_date, time_zone, language, characters, scratch,
       created_at, updated_at,
       EXISTS (SELECT 1 FROM stories g WHERE g.user_id = s.user_id AND g.space_n = s.n
                  AND g.state IN ('waiting', 'running')) AS is_generating,
       (SELECT g.id FROM stories g WHERE g.user_id = s.user_id AND g.space_n = s.n
           AND g.state IN ('waiting', 'running')) AS generating_story_id
  FROM spaces s WHERE s.user_id = $1 AND NOT s.scratch ORDER BY s.n DESC LIMIT $2 OFFSET $3

-- name: spaces_count
SELECT count(*) FROM spaces WHERE user_id = $1 AND NOT scratch

-- name: space_change
-- $2 n, $3 title, $4 description, $5 cover, $6 start, $7 zone, $8 language, $9 now.
UPDATE spaces SET title = $3, description = $4, cover_image = $5, start_date = $6, time_zone = $7, language = $8,
       updated_at = $9
 WHERE user_id = $1 AND n = $2

-- name: space_touch
-- $2 n, $3 now. Also what keeps two changes of one space apart.
UPDATE spaces SET updated_at = $3 WHERE user_id = $1 AND n = $2

-- name: space_remove
-- $2 n.
DELETE FROM spaces WHERE user_id = $1 AND n = $2

-- name: space_media
-- $2 n. What is in the space, to see what is left alone when it goes.
SELECT m.n, m.id, m.sha256 FROM media m
 WHERE m.user_id = $1
   AND (m.n IN (SELECT l.media_n FROM notes x JOIN note_media l ON l.note_n = x.n
                 WHERE x.user_id = $1 AND x.space_n = $2)
     OR m.n IN (SELECT h.illustration_n FROM chapters h WHERE h.user_id = $1 AND h.space_n = $2)
     OR m.n IN (SELECT p.media_n FROM chapters h JOIN chapter_pictures p ON p.chapter_n = h.n
                 WHERE h.user_id = $1 AND h.space_n = $2))

-- name: space_books
-- $2 n.
SELECT sha256 FROM books WHERE user_id = $1 AND space_n = $2

-- name: media_alone_sqlite
-- $2 n of the media, $3 its id: 1 unless something of the person's still shows it.
SELECT NOT EXISTS (SELECT 1 FROM notes x JOIN note_media l ON l.note_n = x.n
                    WHERE x.user_id = $1 AND l.media_n = $2)
   AND NOT EXISTS (SELECT 1 FROM chapters h WHERE h.user_id = $1 AND h.illustration_n = $2)
   AND NOT EXISTS (SELECT 1 FROM chapter_pictures p WHERE p.user_id = $1 AND p.media_n = $2)
   AND NOT EXISTS (SELECT 1 FROM chapters h, json_each(h.user_image_ids) j WHERE h.user_id = $1 AND j.value = $3)
   AND NOT EXISTS (SELECT 1 FROM spaces s WHERE s.user_id = $1 AND s.cover_image = $3)
   AND NOT EXISTS (SELECT 1 FROM narrations r WHERE r.user_id = $1 AND (r.photo_n = $2 OR r.media_n = $2))

-- name: media_alone_postgres
SELECT CAST(NOT EXISTS (SELECT 1 FROM notes x JOIN note_media l ON l.note_n = x.n
                    WHERE x.user_id = $1 AND l.media_n = $2)
   AND NOT EXISTS (SELECT 1 FROM chapters h WHERE h.user_id = $1 AND h.illustration_n = $2)
   AND NOT EXISTS (SELECT 1 FROM chapter_pictures p WHERE p.user_id = $1 AND p.media_n = $2)
   AND NOT EXISTS (SELECT 1 FROM chapters h WHERE h.user_id = $1 AND h.user_image_ids ? CAST($3 AS text))
   AND NOT EXISTS (SELECT 1 FROM spaces s WHERE s.user_id = $1 AND s.cover_image = $3)
   AND NOT EXISTS (SELECT 1 FROM narrations r WHERE r.user_id = $1 AND (r.photo_n = $2 OR r.media_n = $2)) AS int)

-- name: system_scratch_old
-- $1 before when, $2 how many: spaces made for one story, of anybody.
SELECT n, user_id FROM spaces WHERE scratch AND created_at < $1 ORDER BY created_at LIMIT $2

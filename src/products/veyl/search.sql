-- Statements of veyl's search: what the index follows, saved searches, signals.

-- name: search_newest
SELECT value FROM change_sequence WHERE id = 1

-- name: search_oldest
-- Deletions up to this change number may be forgotten.
SELECT coalesce(max(change_seq), 0) FROM search_marks WHERE name = 'posts_forgotten'

-- name: search_posts
-- $1 < change_seq <= $2, in order, at most $3.
SELECT p.n, p.change_seq, p.caption, p.author, p.hashtags, p.mentions, pl.name AS platform,
       p.language, p.media_type, p.posted_at, p.likes, p.comments, p.shares, p.views, p.score,
       p.sentiment
  FROM posts p CROSS JOIN platforms pl
 WHERE p.change_seq > $1 AND p.change_seq <= $2 AND pl.id = p.platform_id
 ORDER BY p.change_seq LIMIT $3

-- name: search_gone
-- $1 < change_seq <= $2, in order, at most $3.
SELECT change_seq, n FROM posts_deleted
 WHERE change_seq > $1 AND change_seq <= $2 ORDER BY change_seq LIMIT $3

-- name: search_load_sqlite
-- Posts by n, a JSON list.
SELECT r.* FROM json_each($1) j CROSS JOIN post_rows r ON r.n = j.value

-- name: search_load_postgres
SELECT * FROM post_rows WHERE n IN (SELECT jsonb_array_elements_text($1::jsonb)::bigint)

-- name: search_key
SELECT n FROM posts WHERE id = $1

-- name: saved_list
-- $1 project.
SELECT * FROM saved_searches WHERE project_id = $1 ORDER BY id

-- name: saved_get
-- $1 project, $2 id.
SELECT * FROM saved_searches WHERE project_id = $1 AND id = $2

-- name: saved_count
SELECT count(*) FROM saved_searches WHERE project_id = $1

-- name: saved_add
-- $1 project, $2 name, $3 q, $4 filter, $5 enabled, $6 now. News are posts made from now on.
INSERT INTO saved_searches (project_id, name, q, filter, enabled, since, created_at, updated_at)
SELECT $1, $2, $3, $4, $5, value, $6, $6 FROM change_sequence WHERE id = 1
RETURNING *

-- name: saved_change
-- $1 id, $2 name, $3 q, $4 filter, $5 enabled, $6 now.
UPDATE saved_searches SET name = $2, q = $3, filter = $4, enabled = $5, updated_at = $6,
       since = (SELECT value FROM change_sequence WHERE id = 1)
 WHERE id = $1
RETURNING *

-- name: saved_remove
-- $1 project, $2 id.
DELETE FROM saved_searches WHERE project_id = $1 AND id = $2

-- name: saved_version_raise
UPDATE search_marks SET change_seq = change_seq + 1 WHERE name = 'searches_version'

-- name: saved_version
-- Also of projects: an archived one has no more signals.
SELECT m.change_seq + (SELECT count(*) FROM saved_searches s JOIN projects p ON p.id = s.project_id
                        WHERE s.enabled AND p.status <> 'archived') * 1000000000000
  FROM search_marks m WHERE m.name = 'searches_version'

-- name: saved_all
SELECT s.* FROM saved_searches s JOIN projects p ON p.id = s.project_id
 WHERE s.enabled AND p.status <> 'archived' ORDER BY s.id

-- name: mark_get
SELECT coalesce(max(change_seq), 0) FROM search_marks WHERE name = $1

-- name: mark_raise
-- $1 name, $2 change number; never lowered.
INSERT INTO search_marks (name, change_seq) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET change_seq = excluded.change_seq
 WHERE search_marks.change_seq < excluded.change_seq

-- name: signal_add
-- $1 saved search, $2 post's n, $3 now. Once for each post, and only while both are there.
INSERT INTO signals (project_id, saved_search_id, kind, title, post_id, created_at)
SELECT s.project_id, s.id, 'saved_search', s.name, p.id, $3
  FROM saved_searches s CROSS JOIN posts p WHERE s.id = $1 AND p.n = $2
ON CONFLICT DO NOTHING
RETURNING *

-- name: signal_count_saved
UPDATE saved_searches SET signals_count = signals_count + 1, last_signal_at = $2 WHERE id = $1

-- name: signal_count_project
UPDATE projects SET signals_count = signals_count + 1, last_signal_at = $2 WHERE id = $1

-- name: signals_list
-- $1 project, $2 older than this id, $3 limit.
SELECT * FROM signals WHERE project_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3

-- name: signals_purge
DELETE FROM signals WHERE created_at < $1

-- name: tombstones_forget
-- Before those of before $1 go: whoever follows from further back must begin anew.
INSERT INTO search_marks (name, change_seq)
SELECT 'posts_forgotten', coalesce(max(change_seq), 0) FROM posts_deleted WHERE deleted_at < $1
ON CONFLICT (name) DO UPDATE SET change_seq = excluded.change_seq
 WHERE search_marks.change_seq < excluded.change_seq

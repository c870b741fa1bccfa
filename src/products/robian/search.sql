-- Statements of robian's search: what the index follows, and what it shows.

-- name: search_newest
SELECT value FROM change_sequence WHERE id = 1

-- name: search_oldest
-- Deletions up to this change number may be forgotten.
SELECT coalesce(max(change_seq), 0) FROM search_marks WHERE name = 'debates_forgotten'

-- name: search_debates
-- $1 < change_seq <= $2, in order, at most $3.
SELECT d.n, d.change_seq, d.id, d.title, d.description, d.type, d.date, d.commission, d.speakers,
       d.ministers, d.tags, d.keywords, d.has_audio,
       (SELECT count(*) FROM speeches s WHERE s.debate_n = d.n) AS speeches
  FROM debates d WHERE d.change_seq > $1 AND d.change_seq <= $2
 ORDER BY d.change_seq LIMIT $3

-- name: search_speeches
-- Speeches of the debates with $1 < change_seq <= $2.
SELECT s.n, s.speaker_id, s.speaker, s.role, s.text, s.start_ms, d.id, d.title, d.type, d.date,
       d.commission, d.has_audio
  FROM debates d JOIN speeches s ON s.debate_n = d.n
 WHERE d.change_seq > $1 AND d.change_seq <= $2
 ORDER BY d.change_seq, s.position

-- name: search_speeches_of
-- $1 debate, from position $2 on, at most $3.
SELECT s.n, s.position, s.speaker_id, s.speaker, s.role, s.text, s.start_ms, d.id, d.title,
       d.type, d.date, d.commission, d.has_audio
  FROM debates d JOIN speeches s ON s.debate_n = d.n
 WHERE d.n = $1 AND s.position >= $2 ORDER BY s.position LIMIT $3

-- name: search_gone_upto
-- Up to which change number at most about $3 deletions of $1 < change_seq <= $2 are told: those of one
-- number together.
SELECT coalesce((SELECT change_seq FROM debates_deleted
                  WHERE change_seq > $1 AND change_seq <= $2
                  ORDER BY change_seq LIMIT 1 OFFSET $3), $2)

-- name: search_gone
-- $1 < change_seq <= $2.
SELECT n FROM debates_deleted WHERE change_seq > $1 AND change_seq <= $2 ORDER BY change_seq, n

-- name: search_load_sqlite
-- Documents by key, a JSON list: of debates and of speeches.
SELECT j.value AS n, 'debate' AS kind, d.id AS debate_id, -1 AS position, d.title, d.type, d.date,
       d.commission, d.has_audio, d.description, d.speakers, d.tags, null AS text, null AS speaker,
       null AS speaker_id, null AS role, null AS start_ms, null AS end_ms,
       null AS time_source
  FROM json_each($1) j CROSS JOIN debates d ON d.n = j.value
UNION ALL
SELECT j.value, 'speech', d.id, s.position, d.title, d.type, d.date,
       d.commission, d.has_audio, null, '[]', '[]', s.text, s.speaker,
       s.speaker_id, s.role, s.start_ms, s.end_ms, s.time_source
  FROM json_each($1) j CROSS JOIN speeches s ON s.n = j.value CROSS JOIN debates d ON d.n = s.debate_n

-- name: search_load_postgres
SELECT d.n, 'debate' AS kind, d.id AS debate_id, -1::bigint AS position, d.title, d.type, d.date,
       d.commission, d.has_audio, d.description, d.speakers, d.tags, null::text AS text,
       null::text AS speaker, null::text AS speaker_id, null::text AS role,
       null::bigint AS start_ms, null::bigint AS end_ms, null::text AS time_source
  FROM debates d WHERE d.n IN (SELECT jsonb_array_elements_text($1::jsonb)::bigint)
UNION ALL
SELECT s.n, 'speech', d.id, s.position, d.title, d.type, d.date,
       d.commission, d.has_audio, null, '[]'::jsonb, '[]'::jsonb, s.text, s.speaker,
       s.speaker_id, s.role, s.start_ms, s.end_ms, s.time_source
  FROM speeches s JOIN debates d ON d.n = s.debate_n
 WHERE s.n IN (SELECT jsonb_array_elements_text($1::jsonb)::bigint)

-- name: search_key
-- $1 id of a debate.
SELECT n FROM debates WHERE id = $1

-- name: search_speech_key
-- $1 id of a debate, $2 position.
SELECT s.n FROM speeches s JOIN debates d ON d.n = s.debate_n WHERE d.id = $1 AND s.position = $2

-- name: search_groups_sqlite
-- $1 keys of debates and speeches: n of each key's debate.
SELECT j.value AS key, coalesce(d.n, s.debate_n) AS n FROM json_each($1) j
  LEFT JOIN debates d ON d.n = j.value LEFT JOIN speeches s ON s.n = j.value
 WHERE d.n IS NOT NULL OR s.n IS NOT NULL

-- name: search_groups_postgres
SELECT n AS key, n FROM debates
 WHERE n IN (SELECT jsonb_array_elements_text($1::jsonb)::bigint)
UNION ALL
SELECT n AS key, debate_n AS n FROM speeches
 WHERE n IN (SELECT jsonb_array_elements_text($1::jsonb)::bigint)

-- name: debates_forgotten
-- Before tombstones of before $1 go: whoever follows from further back must begin anew.
INSERT INTO search_marks (name, change_seq)
SELECT 'debates_forgotten', coalesce(max(change_seq), 0) FROM debates_deleted WHERE deleted_at < $1
ON CONFLICT (name) DO UPDATE SET change_seq = excluded.change_seq
 WHERE search_marks.change_seq < excluded.change_seq

-- name: debates_tombstones_purge
DELETE FROM debates_deleted WHERE deleted_at < $1

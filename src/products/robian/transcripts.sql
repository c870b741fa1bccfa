-- SPDX-License-Identifier: Apache-2.0
-- Transcripts, their speeches, chapters and timelines; votes on their minute; who spoke. ..._ms:
-- milliseconds from the beginning of the audio.

-- name: transcript_known
-- $1 content hash.
SELECT count(*) FROM transcripts WHERE content_hash = $1

-- name: transcript_of_debate
SELECT uid, session_uid, legislature, session, version, state, aligned FROM transcripts
 WHERE debate_n = $1

-- name: transcript_newer
-- Is there one of the uid $1 that was made later than $2?
SELECT count(*) FROM transcripts WHERE uid = $1 AND generated_at > $2

-- name: transcript_debate
-- Whose transcript is it? The one it was imported for, that says so, of the same sitting, that has its
-- page for a source. $1 uid, $2 réunion, $3 address of its page.
SELECT n FROM (
    SELECT debate_n AS n, 1 AS place FROM transcripts WHERE uid = $1
    UNION ALL SELECT n, 2 FROM debates WHERE transcript_uid = $1
    UNION ALL SELECT n, 3 FROM debates WHERE session_uid = $2
    UNION ALL SELECT n, 4 FROM debates WHERE source_url = $3) found
 ORDER BY place LIMIT 1

-- name: transcript_put
-- $1 debate, $2 uid, $3 réunion, $4 legislature, $5 session, $6 version, $7 state, $8 speeches,
-- $9 figures, $10 hash, $11 now, $12 change number, $13 when the file was made.
INSERT INTO transcripts (debate_n, uid, session_uid, legislature, session, version, state, speeches,
       aligned, content_hash, imported_at, change_seq, generated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (debate_n) DO UPDATE
   SET uid = excluded.uid, session_uid = excluded.session_uid, legislature = excluded.legislature,
       session = excluded.session, version = excluded.version, state = excluded.state,
       speeches = excluded.speeches, aligned = excluded.aligned,
       content_hash = excluded.content_hash, imported_at = excluded.imported_at,
       change_seq = excluded.change_seq, generated_at = excluded.generated_at

-- name: transcript_aligned
-- $1 debate, $2 figures.
UPDATE transcripts SET aligned = $2 WHERE debate_n = $1

-- name: session_taken
-- Does another debate than $2 have this réunion?
SELECT count(*) FROM debates WHERE session_uid = $1 AND n <> $2

-- name: video_taken
-- Does another debate than $2 have this video?
SELECT count(*) FROM debates WHERE video_id = $1 AND n <> $2

-- name: speeches_of_debate
SELECT * FROM speeches WHERE debate_n = $1 ORDER BY position

-- name: speeches_remove
DELETE FROM speeches WHERE debate_n = $1

-- name: speech_put
-- $1 n, $2 debate, $3 position, $4 paragraph, $5 kind, $6 code, $7 point, $8 speaker_id, $9 speaker,
-- $10 role, $11 presiding, $12 text, $13 given_ms, $14 start_ms, $15 end_ms, $16 time_source.
INSERT INTO speeches (n, debate_n, position, paragraph, kind, code, point, speaker_id, speaker, role,
       presiding, text, given_ms, start_ms, end_ms, time_source)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)

-- name: speech_time
-- $1 n, $2 start_ms, $3 end_ms, $4 time_source.
UPDATE speeches SET start_ms = $2, end_ms = $3, time_source = $4 WHERE n = $1

-- name: speech_gone
-- $1 n, $2 change number, $3 now.
INSERT INTO debates_deleted (n, change_seq, deleted_at) VALUES ($1, $2, $3)

-- name: chapters_of_debate
-- $1 debate, $2 source.
SELECT * FROM debate_chapters WHERE debate_n = $1 AND source = $2 ORDER BY position

-- name: chapters_remove
-- $1 debate, $2 source.
DELETE FROM debate_chapters WHERE debate_n = $1 AND source = $2

-- name: chapter_put
-- $1 debate, $2 source, $3 position, $4 parent, $5 level, $6 title, $7 type, $8 speaker_id, $9 speaker,
-- $10 start_ms, $11 end_ms.
INSERT INTO debate_chapters (debate_n, source, position, parent, level, title, type, speaker_id,
       speaker, start_ms, end_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)

-- name: chapter_time
-- $1 debate, $2 source, $3 position, $4 start_ms, $5 end_ms.
UPDATE debate_chapters SET start_ms = $4, end_ms = $5
 WHERE debate_n = $1 AND source = $2 AND position = $3

-- name: audio_length
-- Of the debate's audio; 0 when there is none.
SELECT coalesce(max(duration_ms), 0) FROM audio_files
 WHERE debate_n = $1 AND extraction_status = 'completed'

-- name: timeline_hash
-- $1 video, $2 part.
SELECT count(*) FROM timeline_files WHERE video = $1 AND part = $2 AND content_hash = $3

-- name: timeline_there
-- $1 video, $2 part.
SELECT count(*) FROM timeline_files WHERE video = $1 AND part = $2

-- name: timeline_put
-- $1 video, $2 part, $3 réunion, $4 content, $5 hash, $6 now.
INSERT INTO timeline_files (video, part, meeting_uid, content, content_hash, imported_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (video, part) DO UPDATE
   SET meeting_uid = excluded.meeting_uid, content = excluded.content,
       content_hash = excluded.content_hash, imported_at = excluded.imported_at

-- name: timeline_parts
-- Both halves of a video; of two with times the final one.
SELECT part, content FROM timeline_files WHERE video = $1 ORDER BY part

-- name: timeline_of_meeting
-- The video of a réunion that was read last.
SELECT video FROM timeline_files WHERE meeting_uid = $1 AND part = 'data'
 ORDER BY imported_at DESC, video LIMIT 1

-- name: timeline_debate
-- $1 réunion, $2 video.
SELECT n FROM (SELECT n, 1 AS place FROM debates WHERE session_uid = $1
     UNION ALL SELECT n, 2 FROM debates WHERE video_id = $2) found ORDER BY place LIMIT 1

-- name: chapters_count
-- $1 debate, $2 source.
SELECT count(*) FROM debate_chapters WHERE debate_n = $1 AND source = $2

-- name: votes_take
-- Votes of the debate's sitting are its.
UPDATE votes SET debate_n = $1
 WHERE debate_n IS NULL AND session_uid = (SELECT session_uid FROM debates WHERE n = $1)

-- name: votes_of_debate
SELECT * FROM votes WHERE debate_n = $1 ORDER BY number, uid

-- name: vote_time
-- $1 uid, $2 start_ms, $3 time_source, $4 speech.
UPDATE votes SET start_ms = $2, time_source = $3, speech_n = $4 WHERE uid = $1

-- name: speaker_ids
-- Everybody of that name_key; those of the open data first.
SELECT id FROM speakers WHERE name_key = $1 ORDER BY id LIKE 'PA%' DESC, id LIMIT 3

-- name: speaker_note
-- Somebody a transcript names. What the open data said of them stays; an office makes room for a name.
-- $1 id, $2 name, $3 name_key, $4 role, $5 now, $6 is it a name?, $7 civility.
INSERT INTO speakers (id, name, name_key, role, updated_at, civility)
VALUES ($1, $2, $3, $4, $5, $7)
ON CONFLICT (id) DO UPDATE
   SET name = excluded.name, name_key = excluded.name_key, civility = excluded.civility,
       updated_at = excluded.updated_at
 WHERE speakers.content_hash = '' AND speakers.name <> excluded.name AND $6

-- name: speaker_by_id
SELECT * FROM speakers WHERE id = $1

-- name: speaker_figures
-- What somebody said: speeches (interruptions counted apart), in how many debates, for how long.
SELECT count(CASE WHEN kind = 'speech' THEN 1 END) AS speeches,
       count(CASE WHEN kind = 'interruption' THEN 1 END) AS interruptions,
       count(DISTINCT debate_n) AS debates,
       CAST(coalesce(sum(CASE WHEN kind = 'speech' THEN end_ms - start_ms END), 0) AS bigint) AS spoken_ms
  FROM speeches WHERE speaker_id = $1

-- name: speakers_page
-- By the beginning of any word of the name. $1 LIKE pattern from the name's beginning, $2 from another
-- word's, $3 limit, $4 offset.
SELECT * FROM speakers WHERE name_key LIKE $1 ESCAPE '!' OR name_key LIKE $2 ESCAPE '!'
 ORDER BY CASE WHEN name_key LIKE $1 ESCAPE '!' THEN 0 ELSE 1 END, name_key, id LIMIT $3 OFFSET $4

-- name: speakers_count
SELECT count(*) FROM speakers WHERE name_key LIKE $1 ESCAPE '!' OR name_key LIKE $2 ESCAPE '!'

-- name: speaker_keys
SELECT DISTINCT name_key FROM speakers ORDER BY name_key LIMIT 50000

-- name: speakers_likely_sqlite
-- Those of the name keys $1, a JSON list, in its order; $2 null, $3 limit, $4 offset.
SELECT s.* FROM json_each($1) j CROSS JOIN speakers s ON s.name_key = j.value
 WHERE $2 IS NULL ORDER BY j.key, s.id LIMIT $3 OFFSET $4

-- name: speakers_likely_postgres
SELECT s.* FROM jsonb_array_elements_text($1) WITH ORDINALITY j (value, place)
  JOIN speakers s ON s.name_key = j.value COLLATE "C"
 WHERE CAST($2 AS text) IS NULL ORDER BY j.place, s.id LIMIT $3 OFFSET $4

-- name: speakers_likely_count_sqlite
SELECT count(*) FROM json_each($1) j CROSS JOIN speakers s ON s.name_key = j.value WHERE $2 IS NULL

-- name: speakers_likely_count_postgres
SELECT count(*) FROM jsonb_array_elements_text($1) j (value)
  JOIN speakers s ON s.name_key = j.value COLLATE "C" WHERE CAST($2 AS text) IS NULL

-- name: speaker_speeches
-- The latest debate first, in it in order. $1 speaker, $2 limit, $3 offset, $4 kind or null.
SELECT s.n, s.position, s.kind, s.point, s.speaker, s.role, s.text, s.start_ms, s.end_ms,
       s.time_source, d.id AS debate_id, d.title AS debate_title, d.date AS debate_date
  FROM speeches s JOIN debates d ON d.n = s.debate_n
 WHERE s.speaker_id = $1 AND (CAST($4 AS text) IS NULL OR s.kind = $4)
 ORDER BY d.date DESC, d.n DESC, s.position LIMIT $2 OFFSET $3

-- name: speaker_speeches_count
-- $1 speaker, $2 kind or null.
SELECT count(*) FROM speeches WHERE speaker_id = $1 AND (CAST($2 AS text) IS NULL OR kind = $2)

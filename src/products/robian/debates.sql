-- SPDX-License-Identifier: Apache-2.0
-- Debates: their rows, figures and tombstones. n is a debate's short key.

-- name: debate_by_id
SELECT * FROM debates WHERE id = $1

-- name: debate_by_n
SELECT * FROM debates WHERE n = $1

-- name: debate_locked_sqlite
-- As debate_by_n; nobody else changes the row until the end of the transaction.
SELECT * FROM debates WHERE n = $1

-- name: debate_locked_postgres
SELECT * FROM debates WHERE n = $1 FOR UPDATE

-- name: debate_n_by_id
SELECT n FROM debates WHERE id = $1

-- name: debate_change
-- All columns that anybody may write, in the order of debate_change's arguments.
UPDATE debates
   SET title = $2, description = $3, type = $4, date = $5, source_url = $6, start_time = $7,
       end_time = $8, duration_minutes = $9, video_url = $10, thumbnail_url = $11,
       commission = $12, salle = $13, speakers = $14, ministers = $15, tags = $16, keywords = $17,
       metadata = $18, status = $19, is_live = $20, has_audio = $21, session_uid = $22,
       transcript_uid = $23, video_id = $24, updated_at = $25, change_seq = $26
 WHERE n = $1

-- name: debate_stamp
-- $1 n, $2 change number, $3 now.
UPDATE debates SET change_seq = $2, updated_at = $3 WHERE n = $1

-- name: debate_speech_count
SELECT count(*) FROM speeches WHERE debate_n = $1

-- name: debate_tombstone
-- $1 n, $2 change number, $3 now.
INSERT INTO debates_deleted (n, change_seq, deleted_at) VALUES ($1, $2, $3)

-- name: debate_speech_tombstones
-- Of the debate $1, each with a number of its own behind $2; $3 now.
INSERT INTO debates_deleted (n, change_seq, deleted_at)
SELECT n, CAST($2 AS bigint) + row_number() OVER (ORDER BY n), $3
  FROM speeches WHERE debate_n = $1

-- name: debate_remove
DELETE FROM debates WHERE n = $1

-- name: debate_count
-- $1 n, $2 views, $3 streams, $4 downloads more.
UPDATE debates SET view_count = view_count + $2, stream_count = stream_count + $3,
       download_count = download_count + $4
 WHERE n = $1 RETURNING id, view_count, stream_count, download_count

-- name: debate_count_day
-- $1 day, $2 n, $3 views, $4 streams, $5 downloads more.
INSERT INTO debate_days (day, debate_n, views, streams, downloads) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (day, debate_n) DO UPDATE
   SET views = debate_days.views + excluded.views,
       streams = debate_days.streams + excluded.streams,
       downloads = debate_days.downloads + excluded.downloads

-- name: debates_audio_sqlite
-- Of the debates $1, a JSON list of n; of each the newest first. Without hls_playlist, which is long.
SELECT a.n, a.id, a.debate_n, a.filename, a.format, a.quality, a.file_size, a.duration_ms, a.blob,
       a.extraction_status, a.extraction_started_at, a.extraction_completed_at, a.extraction_error,
       a.download_count, a.stream_count, a.metadata, a.created_at, a.updated_at
  FROM json_each($1) j CROSS JOIN audio_files a WHERE a.debate_n = j.value
 ORDER BY a.debate_n, a.n DESC

-- name: debates_audio_postgres
SELECT n, id, debate_n, filename, format, quality, file_size, duration_ms, blob,
       extraction_status, extraction_started_at, extraction_completed_at, extraction_error,
       download_count, stream_count, metadata, created_at, updated_at
  FROM audio_files
 WHERE debate_n IN (SELECT CAST(jsonb_array_elements_text($1) AS bigint))
 ORDER BY debate_n, n DESC

-- name: debates_commissions
SELECT DISTINCT commission AS name FROM debates WHERE commission IS NOT NULL

-- name: debates_version
-- Another pair of numbers after every write of debates: both only rise, but for changed when the
-- newest goes, and then removed rises.
SELECT coalesce((SELECT max(change_seq) FROM debates), 0) AS changed,
       coalesce((SELECT max(change_seq) FROM debates_deleted), 0) AS removed

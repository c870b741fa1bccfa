-- SPDX-License-Identifier: Apache-2.0
-- Extractions: what was asked for and became of it. job_state is null once the job is forgotten. A
-- stale one says that it waits or runs while its job does neither.

-- name: extraction_at
-- $1 n.
SELECT e.n, e.id, e.debate_n, e.audio_n, e.job_id, e.priority, e.status, e.progress, e.message, e.error,
       e.created_at, e.started_at, e.ended_at, d.id AS debate_id, d.duration_minutes, j.state AS job_state
  FROM extractions e JOIN debates d ON d.n = e.debate_n LEFT JOIN jobs j ON j.id = e.job_id
 WHERE e.n = $1

-- name: extraction_by_id
-- $1 id.
SELECT e.n, e.id, e.debate_n, e.audio_n, e.job_id, e.priority, e.status, e.progress, e.message, e.error,
       e.created_at, e.started_at, e.ended_at, d.id AS debate_id, d.duration_minutes, j.state AS job_state
  FROM extractions e JOIN debates d ON d.n = e.debate_n LEFT JOIN jobs j ON j.id = e.job_id
 WHERE e.id = $1

-- name: extraction_latest
-- $1 debate.
SELECT e.n, e.id, e.debate_n, e.audio_n, e.job_id, e.priority, e.status, e.progress, e.message, e.error,
       e.created_at, e.started_at, e.ended_at, d.id AS debate_id, d.duration_minutes, j.state AS job_state
  FROM extractions e JOIN debates d ON d.n = e.debate_n LEFT JOIN jobs j ON j.id = e.job_id
 WHERE e.debate_n = $1 ORDER BY e.n DESC LIMIT 1

-- name: extraction_of_audio
-- $1 audio. The latest.
SELECT e.n, e.id, e.debate_n, e.audio_n, e.job_id, e.priority, e.status, e.progress, e.message, e.error,
       e.created_at, e.started_at, e.ended_at, d.id AS debate_id, d.duration_minutes, j.state AS job_state
  FROM extractions e JOIN debates d ON d.n = e.debate_n LEFT JOIN jobs j ON j.id = e.job_id
 WHERE e.audio_n = $1 ORDER BY e.n DESC LIMIT 1

-- name: extraction_running
-- $1 debate. All that wait or run, the latest first.
SELECT e.n, e.id, e.debate_n, e.audio_n, e.job_id, e.priority, e.status, e.progress, e.message, e.error,
       e.created_at, e.started_at, e.ended_at, d.id AS debate_id, d.duration_minutes, j.state AS job_state
  FROM extractions e JOIN debates d ON d.n = e.debate_n LEFT JOIN jobs j ON j.id = e.job_id
 WHERE e.debate_n = $1 AND e.status IN ('pending', 'extracting') ORDER BY e.n DESC

-- name: extraction_stale
-- $1 debate or null for all, $2 limit.
SELECT e.n, e.id, e.debate_n, e.audio_n, e.job_id, e.priority, e.status, e.progress, e.message, e.error,
       e.created_at, e.started_at, e.ended_at, d.id AS debate_id, d.duration_minutes, j.state AS job_state
  FROM extractions e JOIN debates d ON d.n = e.debate_n LEFT JOIN jobs j ON j.id = e.job_id
 WHERE (CAST($1 AS bigint) IS NULL OR e.debate_n = $1) AND e.status IN ('pending', 'extracting')
   AND (j.id IS NULL OR j.state NOT IN ('waiting', 'running')) ORDER BY e.n LIMIT $2

-- name: extraction_add
-- $1 id, $2 debate, $3 audio, $4 priority, $5 message, $6 now.
INSERT INTO extractions (id, debate_n, audio_n, priority, message, created_at)
VALUES ($1, $2, $3, $4, $5, $6) RETURNING n

-- name: extraction_job
-- $1 n, $2 job.
UPDATE extractions SET job_id = $2 WHERE n = $1

-- name: extraction_write
-- $1 n, $2 status, $3 progress, $4 message, $5 error, $6 started, $7 ended. Not once it has ended.
UPDATE extractions
   SET status = $2, progress = $3, message = $4, error = $5,
       started_at = coalesce(started_at, $6), ended_at = $7
 WHERE n = $1 AND status IN ('pending', 'extracting')

-- name: extraction_reopen
-- $1 n. Its job was asked to try again.
UPDATE extractions SET status = 'pending', ended_at = NULL
 WHERE n = $1 AND status IN ('error', 'cancelled')

-- name: extraction_job_is_ours
-- $1 job, $2 lease; 1 while this worker has it.
SELECT CASE WHEN EXISTS (SELECT 1 FROM jobs WHERE id = $1 AND lease = $2 AND state = 'running')
            THEN 1 ELSE 0 END

-- name: extraction_audio_any
-- $1 debate, $2 format or null, $3 quality or null. What is completed before what is not.
SELECT n, id, debate_n, filename, format, quality, file_size, duration_ms, blob, hls_blob,
       extraction_status, extraction_started_at, extraction_completed_at, extraction_error,
       download_count, stream_count, metadata, created_at, updated_at
  FROM audio_files
 WHERE debate_n = $1 AND (CAST($2 AS text) IS NULL OR format = $2)
   AND (CAST($3 AS text) IS NULL OR quality = $3)
 ORDER BY CASE extraction_status WHEN 'completed' THEN 0 WHEN 'extracting' THEN 1
                                 WHEN 'pending' THEN 2 ELSE 3 END, n LIMIT 1

-- name: extraction_audio_at
-- $1 n.
SELECT n, id, debate_n, filename, format, quality, file_size, duration_ms, blob, hls_blob,
       extraction_status, extraction_started_at, extraction_completed_at, extraction_error,
       download_count, stream_count, metadata, created_at, updated_at
  FROM audio_files WHERE n = $1

-- name: extraction_audio_ask
-- $1 id, $2 debate, $3 file name, $4 format, $5 quality, $6 now. One that failed begins anew.
INSERT INTO audio_files (id, debate_n, filename, format, quality, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $6)
ON CONFLICT (debate_n, format, quality) DO UPDATE
   SET extraction_status = 'pending', extraction_error = NULL, extraction_started_at = NULL,
       filename = excluded.filename, updated_at = excluded.updated_at
RETURNING n

-- name: extraction_audio_write
-- $1 n, $2 status, $3 error, $4 started, $5 now. Not once it is completed.
UPDATE audio_files
   SET extraction_status = $2, extraction_error = $3,
       extraction_started_at = coalesce($4, extraction_started_at), updated_at = $5
 WHERE n = $1 AND extraction_status <> 'completed'

-- name: extraction_audio_lost
-- $1 n, $2 the blob that is gone, $3 error, $4 now. Only while the row still names that one.
UPDATE audio_files SET extraction_status = 'error', extraction_error = $3, updated_at = $4
 WHERE n = $1 AND blob = $2 AND extraction_status = 'completed'

-- name: extraction_audio_complete
-- $1 n, $2 blob, $3 bytes, $4 ms, $5 metadata, $6 file name, $7 now.
UPDATE audio_files
   SET extraction_status = 'completed', extraction_error = NULL, blob = $2, file_size = $3,
       duration_ms = $4, metadata = $5, filename = $6, extraction_completed_at = $7, updated_at = $7
 WHERE n = $1

-- name: extraction_left
-- $1 debate. 2: some audio of it is completed; 1: one is on its way; 0: neither.
SELECT CASE WHEN EXISTS (SELECT 1 FROM audio_files
                          WHERE debate_n = $1 AND extraction_status = 'completed') THEN 2
            WHEN EXISTS (SELECT 1 FROM extractions
                          WHERE debate_n = $1 AND status IN ('pending', 'extracting')) THEN 1
            ELSE 0 END

-- name: extraction_chapters
-- $1 debate. Those of the video's timeline, or else of the transcript.
SELECT title, start_ms, level FROM debate_chapters
 WHERE debate_n = $1 AND start_ms IS NOT NULL
   AND source = CASE WHEN EXISTS (SELECT 1 FROM debate_chapters
                                   WHERE debate_n = $1 AND source = 'nvs' AND start_ms IS NOT NULL)
                     THEN 'nvs' ELSE 'transcript' END
 ORDER BY start_ms, level, position LIMIT 2000

-- name: extraction_debate_by_source
-- $1 URL.
SELECT id FROM debates WHERE source_url = $1

-- SPDX-License-Identifier: Apache-2.0
-- Audio files: what there is to be heard. hls_playlist is read only where it is shown: it is long.

-- name: audio_of_debate
-- $1 debate.
SELECT n, id, debate_n, filename, format, quality, file_size, duration_ms, blob, hls_blob,
       extraction_status, extraction_started_at, extraction_completed_at, extraction_error,
       download_count, stream_count, metadata, created_at, updated_at
  FROM audio_files WHERE debate_n = $1 ORDER BY n DESC

-- name: audio_ready
-- $1 debate, $2 format or null. The first that was completed.
SELECT n, id, debate_n, filename, format, quality, file_size, duration_ms, blob, hls_blob,
       extraction_status, extraction_started_at, extraction_completed_at, extraction_error,
       download_count, stream_count, metadata, created_at, updated_at
  FROM audio_files
 WHERE debate_n = $1 AND extraction_status = 'completed' AND blob IS NOT NULL
   AND (CAST($2 AS text) IS NULL OR format = $2)
 ORDER BY extraction_completed_at, n LIMIT 1

-- name: audio_blob_used
-- $1 hash; 1 when any audio still has it.
SELECT CASE WHEN EXISTS (SELECT 1 FROM audio_files WHERE blob = $1)
              OR EXISTS (SELECT 1 FROM audio_files WHERE hls_blob = $1) THEN 1 ELSE 0 END

-- name: audio_blobs_latest
-- $1 how many. Those that should be there.
SELECT blob AS hash FROM audio_files
 WHERE extraction_status = 'completed' AND blob IS NOT NULL ORDER BY n DESC LIMIT $1

-- name: audio_blobs_of_debate
-- $1 debate. Every blob that its audio has.
SELECT blob AS hash FROM audio_files WHERE debate_n = $1 AND blob IS NOT NULL
 UNION
SELECT hls_blob AS hash FROM audio_files WHERE debate_n = $1 AND hls_blob IS NOT NULL

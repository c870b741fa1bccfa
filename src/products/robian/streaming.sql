-- SPDX-License-Identifier: Apache-2.0
-- What is played, and who played it.

-- name: playable
-- The audio of a debate that is to be heard: $1 debate's id, $2 format or null, $3 quality or null.
-- The first that was completed.
SELECT d.n AS debate_n, d.title, d.date, a.n, a.id, a.format, a.quality, a.blob,
       a.extraction_completed_at
  FROM debates d JOIN audio_files a ON a.debate_n = d.n
 WHERE d.id = $1 AND a.extraction_status = 'completed' AND a.blob IS NOT NULL
   AND (CAST($2 AS text) IS NULL OR a.format = $2)
   AND (CAST($3 AS text) IS NULL OR a.quality = $3)
 ORDER BY a.extraction_completed_at, a.n LIMIT 1

-- name: playable_in_segments
-- The same of what HLS can carry: everything but wav.
SELECT d.n AS debate_n, d.title, d.date, a.n, a.id, a.format, a.quality, a.blob,
       a.extraction_completed_at
  FROM debates d JOIN audio_files a ON a.debate_n = d.n
 WHERE d.id = $1 AND a.extraction_status = 'completed' AND a.blob IS NOT NULL
   AND a.format <> 'wav'
   AND (CAST($2 AS text) IS NULL OR a.format = $2)
   AND (CAST($3 AS text) IS NULL OR a.quality = $3)
 ORDER BY a.extraction_completed_at, a.n LIMIT 1

-- name: playable_formats
-- $1 debate. What of it is there to be heard, by name.
SELECT DISTINCT format FROM audio_files
 WHERE debate_n = $1 AND extraction_status = 'completed' AND blob IS NOT NULL ORDER BY format

-- name: info_version
-- $1 debate's id. Raised by whatever changes the debate or its audio.
SELECT n, change_seq FROM debates WHERE id = $1

-- name: audio_count
-- $1 audio, $2 streams, $3 downloads more.
UPDATE audio_files SET stream_count = stream_count + $2, download_count = download_count + $3
 WHERE n = $1

-- name: segments_of
-- $1 audio, $2 the blob that they were made of.
SELECT hls_blob, hls_playlist FROM audio_files WHERE n = $1 AND blob = $2

-- name: segments_announce
-- $1 audio, $2 its blob, $3 the blob that its segments will be. No row when it has another blob.
UPDATE audio_files SET hls_blob = $3, hls_playlist = NULL WHERE n = $1 AND blob = $2
RETURNING n

-- name: segments_settle
-- $1 audio, $2 its blob, $3 that of the segments, $4 playlist.
UPDATE audio_files SET hls_playlist = $4 WHERE n = $1 AND blob = $2 AND hls_blob = $3

-- name: segments_blob
-- $1 debate's id, $2 blob of segments; 1 when that debate has them.
SELECT CASE WHEN EXISTS (SELECT 1 FROM audio_files a JOIN debates d ON d.n = a.debate_n
                          WHERE d.id = $1 AND a.hls_blob = $2) THEN 1 ELSE 0 END

-- What recordings say. $1 is the person's user_id.

-- name: transcription_wait
-- $2 media.
UPDATE media SET transcription_status = 'waiting' WHERE user_id = $1 AND n = $2 AND transcription_status = 'none'

-- What recordings say. $1 is the person's user_id, but in those known by content and in system_….

-- name: transcription_known
-- $1 sha256.
SELECT text, confidence, language FROM transcriptions WHERE sha256 = $1

-- name: transcription_keep
-- $1 user who had it heard, $2 sha256, $3 text, $4 confidence, $5 language, $6 provider, $7 model, $8 now. Not
-- for one whose account was erased meanwhile.
INSERT INTO transcriptions (sha256, text, confidence, language, provider, model, created_at)
SELECT $2, $3, CAST($4 AS double precision), $5, $6, $7, $8 FROM users WHERE id = $1
ON CONFLICT (sha256) DO NOTHING

-- name: transcription_wait
-- $2 media: asked for the first time, or again.
UPDATE media SET transcription_status = 'waiting', transcription_error = NULL
 WHERE user_id = $1 AND n = $2 AND transcription_status IN ('none', 'failed')

-- name: transcription_begin
-- $2 media.
UPDATE media SET transcription_status = 'running'
 WHERE user_id = $1 AND n = $2 AND transcription_status IN ('waiting', 'running')

-- name: transcription_back
-- $2 media: its turn comes again.
UPDATE media SET transcription_status = 'waiting'
 WHERE user_id = $1 AND n = $2 AND transcription_status = 'running'

-- name: transcription_put
-- $2 sha256, $3 text, $4 confidence, $5 language: in whichever way it was asked for.
UPDATE media SET transcription = $3, transcription_confidence = $4, transcription_language = $5,
       transcription_status = 'done', transcription_error = NULL
 WHERE user_id = $1 AND sha256 = $2 AND kind = 'audio' AND transcription_status <> 'done'

-- name: transcription_fail
-- $2 media, $3 why: a sentence.
UPDATE media SET transcription_status = 'failed', transcription_error = $3
 WHERE user_id = $1 AND n = $2 AND transcription_status IN ('waiting', 'running')

-- name: system_transcriptions_waiting
-- $1 the last n seen, $2 at most.
SELECT n, user_id FROM media
 WHERE transcription_status IN ('waiting', 'running') AND n > $1 ORDER BY n LIMIT $2

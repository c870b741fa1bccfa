-- SPDX-License-Identifier: Apache-2.0
-- What the Assembly's open data writes: agenda, bodies, people, votes, and what was fetched. Lists of
-- uids are JSON lists.

-- name: sessions_known_sqlite
-- $1 uids; what is there of them already.
SELECT uid, content_hash FROM scheduled_sessions WHERE uid IN (SELECT value FROM json_each($1))

-- name: sessions_known_postgres
SELECT uid, content_hash FROM scheduled_sessions
 WHERE uid IN (SELECT jsonb_array_elements_text(CAST($1 AS jsonb)))

-- name: session_put
-- $1 uid, $2 type, $3 title, $4 starts_at, $5 ends_at, $6 day, $7 time, $8 state, $9 body_id,
-- $10 salle, $11 session, $12 transcript_uid, $13 filmed, $14 press, $15 points, $16 content_hash,
-- $17 now. A sitting of the whole Assembly has no commission.
INSERT INTO scheduled_sessions (uid, type, title, starts_at, ends_at, day, time, state, body_id, salle,
       session, transcript_uid, filmed, press, points, content_hash, updated_at, commission)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
       CASE WHEN $2 NOT IN ('seance_publique', 'question_gouvernement')
            THEN (SELECT name FROM bodies WHERE id = $9) END)
ON CONFLICT (uid) DO UPDATE
   SET type = excluded.type, title = excluded.title, starts_at = excluded.starts_at,
       ends_at = excluded.ends_at, day = excluded.day, time = excluded.time,
       state = excluded.state, body_id = excluded.body_id, salle = excluded.salle,
       session = excluded.session, transcript_uid = excluded.transcript_uid,
       filmed = excluded.filmed, press = excluded.press, points = excluded.points,
       content_hash = excluded.content_hash, updated_at = excluded.updated_at,
       commission = excluded.commission
 WHERE scheduled_sessions.content_hash <> excluded.content_hash

-- name: sessions_debates_sqlite
-- Debates of the réunions $1, with what the agenda says of them now.
SELECT d.n, s.state, s.salle, s.commission
  FROM debates d JOIN scheduled_sessions s ON s.uid = d.session_uid
 WHERE d.session_uid IN (SELECT value FROM json_each($1)) ORDER BY d.n

-- name: sessions_debates_postgres
SELECT d.n, s.state, s.salle, s.commission
  FROM debates d JOIN scheduled_sessions s ON s.uid = d.session_uid
 WHERE d.session_uid IN (SELECT jsonb_array_elements_text(CAST($1 AS jsonb))) ORDER BY d.n

-- name: commissions_fill
-- Committees of the agenda whose names have become known, or are others now. $1 now.
UPDATE scheduled_sessions
   SET commission = (SELECT b.name FROM bodies b WHERE b.id = scheduled_sessions.body_id),
       updated_at = $1
 WHERE type NOT IN ('seance_publique', 'question_gouvernement')
   AND EXISTS (SELECT 1 FROM bodies b WHERE b.id = scheduled_sessions.body_id
                  AND b.name <> coalesce(scheduled_sessions.commission, ''))
RETURNING uid

-- name: bodies_known_sqlite
SELECT id AS uid, content_hash FROM bodies WHERE id IN (SELECT value FROM json_each($1))

-- name: bodies_known_postgres
SELECT id AS uid, content_hash FROM bodies
 WHERE id IN (SELECT jsonb_array_elements_text(CAST($1 AS jsonb)))

-- name: body_put
-- $1 id, $2 name, $3 abbreviation, $4 type, $5 starts_on, $6 ends_on, $7 content_hash.
INSERT INTO bodies (id, name, abbreviation, type, starts_on, ends_on, content_hash)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (id) DO UPDATE
   SET name = excluded.name, abbreviation = excluded.abbreviation, type = excluded.type,
       starts_on = excluded.starts_on, ends_on = excluded.ends_on,
       content_hash = excluded.content_hash

-- name: people_known_sqlite
SELECT id AS uid, content_hash FROM speakers WHERE id IN (SELECT value FROM json_each($1))

-- name: people_known_postgres
SELECT id AS uid, content_hash FROM speakers
 WHERE id IN (SELECT jsonb_array_elements_text(CAST($1 AS jsonb)))

-- name: person_put
-- $1 id, $2 name, $3 name_key, $4 civility, $5 first_name, $6 last_name, $7 role, $8 profession,
-- $9 group_id, $10 department, $11 constituency, $12 birth_date, $13 url, $14 content_hash, $15 now.
INSERT INTO speakers (id, name, name_key, civility, first_name, last_name, role, profession, group_id,
       department, constituency, birth_date, url, content_hash, updated_at, group_name)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
       (SELECT name FROM bodies WHERE id = $9))
ON CONFLICT (id) DO UPDATE
   SET name = excluded.name, name_key = excluded.name_key, civility = excluded.civility,
       first_name = excluded.first_name, last_name = excluded.last_name, role = excluded.role,
       profession = excluded.profession, group_id = excluded.group_id,
       department = excluded.department, constituency = excluded.constituency,
       birth_date = excluded.birth_date, url = excluded.url, content_hash = excluded.content_hash,
       updated_at = excluded.updated_at, group_name = excluded.group_name

-- name: people_groups_fill
-- Groups of people whose names have become known, or are others now. $1 now.
UPDATE speakers
   SET group_name = (SELECT b.name FROM bodies b WHERE b.id = speakers.group_id), updated_at = $1
 WHERE EXISTS (SELECT 1 FROM bodies b WHERE b.id = speakers.group_id
                  AND b.name <> coalesce(speakers.group_name, ''))

-- name: votes_known_sqlite
SELECT uid, content_hash FROM votes WHERE uid IN (SELECT value FROM json_each($1))

-- name: votes_known_postgres
SELECT uid, content_hash FROM votes
 WHERE uid IN (SELECT jsonb_array_elements_text(CAST($1 AS jsonb)))

-- name: vote_put
-- $1 uid, $2 session_uid, $3 number, $4 legislature, $5 date, $6 title, $7 type, $8 result,
-- $9 asked_by, $10 voters, $11 votes_cast, $12 required, $13 votes_for, $14 votes_against,
-- $15 abstentions, $16 not_voting, $17 content_hash. Its second in the audio stays as it is.
INSERT INTO votes (uid, session_uid, number, legislature, date, title, type, result, asked_by, voters,
       votes_cast, required, votes_for, votes_against, abstentions, not_voting, content_hash,
       debate_n)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
       (SELECT n FROM debates WHERE session_uid = $2))
ON CONFLICT (uid) DO UPDATE
   SET session_uid = excluded.session_uid, number = excluded.number,
       legislature = excluded.legislature, date = excluded.date, title = excluded.title,
       type = excluded.type, result = excluded.result, asked_by = excluded.asked_by,
       voters = excluded.voters, votes_cast = excluded.votes_cast, required = excluded.required,
       votes_for = excluded.votes_for, votes_against = excluded.votes_against,
       abstentions = excluded.abstentions, not_voting = excluded.not_voting,
       content_hash = excluded.content_hash, debate_n = excluded.debate_n

-- name: votes_debates_sqlite
-- The debates in which the votes $1 were held.
SELECT DISTINCT debate_n AS n FROM votes
 WHERE debate_n IS NOT NULL AND uid IN (SELECT value FROM json_each($1)) ORDER BY n

-- name: votes_debates_postgres
SELECT DISTINCT debate_n AS n FROM votes
 WHERE debate_n IS NOT NULL AND uid IN (SELECT jsonb_array_elements_text(CAST($1 AS jsonb))) ORDER BY n

-- name: source_get
SELECT * FROM open_data_sources WHERE name = $1

-- name: source_list
SELECT * FROM open_data_sources ORDER BY name

-- name: source_put
-- $1 name, $2 url, $3 etag, $4 last_modified, $5 content_hash, $6 now, $7 error.
INSERT INTO open_data_sources (name, url, etag, last_modified, content_hash, fetched_at, error)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (name) DO UPDATE
   SET url = excluded.url, etag = excluded.etag, last_modified = excluded.last_modified,
       content_hash = excluded.content_hash, fetched_at = excluded.fetched_at,
       error = excluded.error

-- name: source_failed
-- What was known of it stays. $1 name, $2 url, $3 error.
INSERT INTO open_data_sources (name, url, error) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET error = excluded.error

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

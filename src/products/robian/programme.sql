-- SPDX-License-Identifier: Apache-2.0
-- The programme: meetings of the agenda by the day. $1 first day, $2 last day, as the Assembly's clocks
-- show them.

-- name: programme_version_sqlite
-- Another pair of numbers whenever what programme_days says of these days is another.
SELECT count(*) AS rows, coalesce(sum(s.updated_at % 10000000000000), 0)
                       + coalesce(sum(d.change_seq), 0) AS stamps
  FROM scheduled_sessions s LEFT JOIN debates d ON d.session_uid = s.uid
 WHERE s.day BETWEEN $1 AND $2

-- name: programme_version_postgres
SELECT count(*) AS rows,
       CAST(coalesce(sum(CAST(extract(epoch FROM s.updated_at) * 1000000 AS bigint)
                         % 10000000000000), 0)
          + coalesce(sum(d.change_seq), 0) AS bigint) AS stamps
  FROM scheduled_sessions s LEFT JOIN debates d ON d.session_uid = s.uid
 WHERE s.day BETWEEN $1 AND $2

-- name: programme_days
-- url: of the meeting, else where its debate's video is.
SELECT s.day AS date, s.time AS heure, s.title AS titre, s.type, s.commission, s.salle,
       coalesce(s.url, d.source_url) AS url, s.state AS etat
  FROM scheduled_sessions s LEFT JOIN debates d ON d.session_uid = s.uid
 WHERE s.day BETWEEN $1 AND $2
 ORDER BY s.day, s.time, s.uid

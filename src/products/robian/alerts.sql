-- SPDX-License-Identifier: Apache-2.0
-- Alerts and their matches. What followers keep is in search_marks: `robian_alerts`, up to where
-- transcripts were looked at; `robian_alerts_version`, raised whenever an alert changes.

-- name: alerts_of
-- $1 owner.
SELECT * FROM alerts WHERE owner = $1 ORDER BY n

-- name: alert_of
-- $1 owner, $2 id.
SELECT * FROM alerts WHERE owner = $1 AND id = $2

-- name: alert_by_n
SELECT * FROM alerts WHERE n = $1 AND enabled

-- name: alert_count
SELECT count(*) FROM alerts WHERE owner = $1

-- name: alert_add
-- $1 id, $2 owner, $3 user_id, $4 q, $5 filters, $6 deliver, $7 url, $8 sealed secret, $9 token,
-- $10 enabled, $11 now. News are transcripts from now on.
INSERT INTO alerts (id, owner, user_id, q, filters, deliver, webhook_url, webhook_secret, token,
                    enabled, since, created_at, updated_at)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, value, $11, $11 FROM change_sequence WHERE id = 1
RETURNING *

-- name: alert_enable
-- $1 owner, $2 id, $3 enabled, $4 now. What came while it slept is no news.
UPDATE alerts SET enabled = $3, updated_at = $4,
       since = CASE WHEN enabled = $3 THEN since
                    ELSE (SELECT value FROM change_sequence WHERE id = 1) END
 WHERE owner = $1 AND id = $2
RETURNING *

-- name: alert_remove
DELETE FROM alerts WHERE owner = $1 AND id = $2

-- name: alerts_version_raise
INSERT INTO search_marks (name, change_seq) VALUES ('robian_alerts_version', 1)
ON CONFLICT (name) DO UPDATE SET change_seq = search_marks.change_seq + 1

-- name: alerts_version
SELECT coalesce(max(change_seq), 0) FROM search_marks WHERE name = 'robian_alerts_version'

-- name: alerts_enabled
SELECT * FROM alerts WHERE enabled ORDER BY n

-- name: alerts_mark
SELECT coalesce(max(change_seq), 0) FROM search_marks WHERE name = 'robian_alerts'

-- name: alerts_mark_raise
-- Never lowered.
INSERT INTO search_marks (name, change_seq) VALUES ('robian_alerts', $1)
ON CONFLICT (name) DO UPDATE SET change_seq = excluded.change_seq
 WHERE search_marks.change_seq < excluded.change_seq

-- name: alerts_newest
SELECT value FROM change_sequence WHERE id = 1

-- name: alerts_transcripts
-- $1 < change_seq <= $2, in order, at most $3.
SELECT debate_n, change_seq FROM transcripts
 WHERE change_seq > $1 AND change_seq <= $2 ORDER BY change_seq LIMIT $3

-- name: alert_match_add
-- $1 alert, $2 debate, $3 payload, $4 now. Once for each debate, and only while both are there.
INSERT INTO alert_matches (alert_n, debate_n, payload, delivery, created_at)
SELECT a.n, d.n, $3, CASE WHEN a.deliver = 'webhook' THEN 'pending' ELSE 'none' END, $4
  FROM alerts a CROSS JOIN debates d WHERE a.n = $1 AND a.enabled AND d.n = $2
ON CONFLICT DO NOTHING
RETURNING n

-- name: alert_matched
-- $1 alert, $2 now.
UPDATE alerts SET match_count = match_count + 1, last_match_at = $2 WHERE n = $1

-- name: alert_matches_of
-- $1 alert, $2 older than this one, $3 limit.
SELECT m.*, d.id AS debate_id FROM alert_matches m JOIN debates d ON d.n = m.debate_n
 WHERE m.alert_n = $1 AND m.n < $2 ORDER BY m.n DESC LIMIT $3

-- name: alert_delivery
-- A match and whom it is to be told.
SELECT m.n, m.payload, m.delivery, m.attempts, m.created_at, a.id AS alert_id, a.webhook_url,
       a.webhook_secret
  FROM alert_matches m JOIN alerts a ON a.n = m.alert_n WHERE m.n = $1

-- name: alert_delivered
-- $1 match, $2 delivery, $3 error, $4 delivered at.
UPDATE alert_matches SET delivery = $2, error = $3, delivered_at = $4, attempts = attempts + 1
 WHERE n = $1 AND delivery <> 'sent'

-- name: alert_token
SELECT count(*) FROM alerts WHERE token = $1 AND deliver = 'websocket'

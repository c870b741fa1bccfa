-- What a tenant's dashboard shows. $1 is the tenant everywhere; times are instants.

-- name: dashboard_messages
-- $2 since. By channel.
SELECT k.id, k.name, k.type, m.direction, count(*) AS count
  FROM messages m JOIN channels k ON k.n = m.channel_n
 WHERE m.tenant_n = $1 AND m.created_at >= $2
 GROUP BY k.id, k.name, k.type, m.direction ORDER BY k.id;

-- name: dashboard_turns
-- $2 since. By assistant and how they ended.
SELECT a.id, a.name, t.state, count(*) AS count,
       CAST(coalesce(sum(t.tokens_in), 0) + coalesce(sum(t.tokens_out), 0) AS bigint) AS tokens,
       CAST(coalesce(sum(t.cost_micros), 0) AS bigint) AS cost_micros
  FROM turns t LEFT JOIN assistants a ON a.n = t.assistant_n
 WHERE t.tenant_n = $1 AND t.started_at >= $2
 GROUP BY a.id, a.name, t.state ORDER BY a.id;

-- name: dashboard_failures
-- $2 since, $3 at most: why turns came to nothing, and messages did not leave.
SELECT 'turn' AS subject, t.state, coalesce(t.reason, t.state) AS reason, count(*) AS count
  FROM turns t
 WHERE t.tenant_n = $1 AND t.started_at >= $2
   AND t.state IN ('failed', 'over_quota', 'unknown', 'refused')
 GROUP BY t.state, coalesce(t.reason, t.state)
UNION ALL
SELECT 'message' AS subject, m.status AS state, coalesce(m.reason, m.status) AS reason,
       count(*) AS count
  FROM messages m
 WHERE m.tenant_n = $1 AND m.created_at >= $2 AND m.direction = 'outbound'
   AND m.status IN ('failed', 'unknown')
 GROUP BY m.status, coalesce(m.reason, m.status)
 ORDER BY 4 DESC, 1, 2, 3 LIMIT $3;

-- name: dashboard_latencies
-- $2 since, $3 at most, the latest: when answers were begun and done.
SELECT t.started_at, t.finished_at FROM turns t
 WHERE t.tenant_n = $1 AND t.started_at >= $2 AND t.state = 'answered' AND t.finished_at IS NOT NULL
 ORDER BY t.started_at DESC LIMIT $3;

-- name: dashboard_conversations
-- $2 since, $3 its recency: those that somebody wrote in, by how they stand.
SELECT v.status AS state, count(*) AS count FROM conversations v
 WHERE v.tenant_n = $1 AND v.recency >= $3 AND v.last_message_at >= $2 GROUP BY v.status ORDER BY v.status;

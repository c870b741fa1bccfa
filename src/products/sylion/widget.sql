-- SPDX-License-Identifier: Apache-2.0
-- Visitors of websites: their sessions, and what they see of their conversations. $1 is the tenant
-- everywhere.

-- name: widget_session_add
-- $2 channel, $3 contact, $4 id, $5 hash of the token, $6 origin or null, $7 now, $8 expires_at.
INSERT INTO widget_sessions (tenant_n, channel_n, contact_n, id, token_hash, origin, created_at,
       expires_at, last_seen_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $7) RETURNING n

-- name: widget_session_by_token
-- $2 channel, $3 hash of the token, $4 now.
SELECT s.n, s.id, s.contact_n, s.expires_at, k.id AS contact_id, k.user_key
  FROM widget_sessions s JOIN contacts k ON k.n = s.contact_n
 WHERE s.tenant_n = $1 AND k.tenant_n = $1 AND s.channel_n = $2 AND s.token_hash = $3
   AND s.expires_at > $4

-- name: widget_session_extend
-- $2 n, $3 expires_at, $4 now.
UPDATE widget_sessions SET expires_at = $3, last_seen_at = $4 WHERE +tenant_n = $1 AND n = $2

-- name: widget_contact_language
-- $2 contact, $3 language, $4 now. What the page is written in, until the visitor has written.
UPDATE contacts SET language = coalesce(language, $3), updated_at = $4
 WHERE +tenant_n = $1 AND n = $2

-- name: widget_answers
-- $2 conversation; is the assistant to answer there?
SELECT CASE WHEN status = 'active' THEN 1 ELSE 0 END FROM conversations WHERE +tenant_n = $1 AND n = $2

-- name: widget_history
-- $2 channel, $3 contact, $4 n before which, $5 limit: the latest of what the visitor sees, oldest first.
SELECT x.n, x.id, x.conversation_n, x.external_id, x.type, x.direction, x.author, x.content, x.metadata,
       x.status, x.created_at
  FROM (SELECT m.* FROM messages m JOIN conversations v ON v.n = m.conversation_n
         WHERE +m.tenant_n = $1 AND +v.tenant_n = $1 AND v.channel_n = $2 AND v.contact_n = $3
           AND m.n < $4 AND (m.direction = 'inbound' OR m.status IN ('sent', 'delivered', 'read'))
         ORDER BY m.n DESC LIMIT $5) x
 ORDER BY x.n

-- name: widget_news
-- $2 channel, $3 contact, $4 n behind which, $5 limit. Also what was sent before that and has reached
-- nobody yet: an answer that somebody sent again.
SELECT m.n, m.id, m.conversation_n, m.external_id, m.type, m.direction, m.author, m.content, m.metadata,
       m.status, m.created_at
  FROM messages m JOIN conversations v ON v.n = m.conversation_n
 WHERE +m.tenant_n = $1 AND +v.tenant_n = $1 AND v.channel_n = $2 AND v.contact_n = $3
   AND (m.n > $4 OR (m.direction = 'outbound' AND m.status = 'sent'))
 ORDER BY m.n LIMIT $5

-- name: widget_message_n
-- $2 channel, $3 contact, $4 UUID of a message.
SELECT m.n FROM messages m JOIN conversations v ON v.n = m.conversation_n
 WHERE +m.tenant_n = $1 AND +v.tenant_n = $1 AND v.channel_n = $2 AND v.contact_n = $3 AND m.id = $4

-- name: widget_behind
-- $2 channel, $3 contact, $4 how many: n behind which the latest so many are.
SELECT coalesce(min(x.n), 1) - 1
  FROM (SELECT m.n FROM messages m JOIN conversations v ON v.n = m.conversation_n
         WHERE +m.tenant_n = $1 AND +v.tenant_n = $1 AND v.channel_n = $2 AND v.contact_n = $3
         ORDER BY m.n DESC LIMIT $4) x

-- name: widget_reached
-- $2 n of a message: is it still what was sent?
SELECT count(*) FROM messages WHERE +tenant_n = $1 AND n = $2 AND status = 'sent'

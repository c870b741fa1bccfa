-- SPDX-License-Identifier: Apache-2.0
-- Conversations and messages as clients list and change them. $1 is the tenant everywhere.

-- name: conversations_page
-- $2 pattern or null, $3 status or null, $4 channel UUID or null, $5 assistant UUID or null, $6 limit,
-- $7 offset.
SELECT v.n, v.tenant_n, v.channel_n, v.contact_n, v.assistant_n, v.id, v.user_identifier, v.user_name,
       v.user_metadata, v.status, v.title, v.context, v.language, v.handoff_reason, v.message_count,
       v.unread_count, v.last_message, v.last_message_at, v.last_inbound_at, v.created_at, v.updated_at,
       v.ended_at, h.id AS channel_id, a.id AS assistant_id
  FROM conversations v JOIN channels h ON h.n = v.channel_n LEFT JOIN assistants a ON a.n = v.assistant_n
 WHERE v.tenant_n = $1
   AND (CAST($2 AS text) IS NULL OR lower(v.user_identifier) LIKE $2 ESCAPE '!'
        OR lower(v.user_name) LIKE $2 ESCAPE '!' OR lower(v.title) LIKE $2 ESCAPE '!'
        OR lower(v.last_message) LIKE $2 ESCAPE '!')
   AND (CAST($3 AS text) IS NULL OR v.status = $3) AND (CAST($4 AS text) IS NULL OR h.id = $4)
   AND (CAST($5 AS text) IS NULL OR a.id = $5)
 ORDER BY v.recency DESC, v.last_message_at DESC, v.n DESC LIMIT $6 OFFSET $7

-- name: conversations_count
-- As conversations_page.
SELECT count(*)
  FROM conversations v JOIN channels h ON h.n = v.channel_n LEFT JOIN assistants a ON a.n = v.assistant_n
 WHERE v.tenant_n = $1
   AND (CAST($2 AS text) IS NULL OR lower(v.user_identifier) LIKE $2 ESCAPE '!'
        OR lower(v.user_name) LIKE $2 ESCAPE '!' OR lower(v.title) LIKE $2 ESCAPE '!'
        OR lower(v.last_message) LIKE $2 ESCAPE '!')
   AND (CAST($3 AS text) IS NULL OR v.status = $3) AND (CAST($4 AS text) IS NULL OR h.id = $4)
   AND (CAST($5 AS text) IS NULL OR a.id = $5)

-- name: conversation_change
-- $2 n, $3 assistant or null, $4 user_name, $5 user_metadata, $6 title, $7 context, $8 unread_count, $9 now.
UPDATE conversations SET assistant_n = $3, user_name = $4, user_metadata = $5, title = $6, context = $7,
       unread_count = $8, updated_at = $9
 WHERE +tenant_n = $1 AND n = $2

-- name: conversation_read
-- $2 n.
UPDATE conversations SET unread_count = 0 WHERE +tenant_n = $1 AND n = $2

-- name: messages_page
-- $2 direction, $3 status, $4 type, $5 pattern, each or null; then ORDER BY.
SELECT m.n, m.tenant_n, m.channel_n, m.conversation_n, m.turn_n, m.author_id, m.id, m.type, m.direction,
       m.author, m.content, m.metadata, m.media, m.external_id, m.reply_to, m.status, m.reason,
       m.provider_at, m.created_at, m.updated_at, v.id AS conversation_id, t.id AS turn_id
  FROM messages m JOIN conversations v ON v.n = m.conversation_n LEFT JOIN turns t ON t.n = m.turn_n
 WHERE m.tenant_n = $1
   AND (CAST($2 AS text) IS NULL OR m.direction = $2) AND (CAST($3 AS text) IS NULL OR m.status = $3)
   AND (CAST($4 AS text) IS NULL OR m.type = $4)
   AND (CAST($5 AS text) IS NULL OR lower(m.content) LIKE $5 ESCAPE '!')

-- name: messages_count
-- As messages_page.
SELECT count(*) FROM messages m
 WHERE m.tenant_n = $1
   AND (CAST($2 AS text) IS NULL OR m.direction = $2) AND (CAST($3 AS text) IS NULL OR m.status = $3)
   AND (CAST($4 AS text) IS NULL OR m.type = $4)
   AND (CAST($5 AS text) IS NULL OR lower(m.content) LIKE $5 ESCAPE '!')

-- name: messages_of_page
-- As messages_page; $6 the conversation's UUID. Why `+tenant_n`: turn.sql.
SELECT m.n, m.tenant_n, m.channel_n, m.conversation_n, m.turn_n, m.author_id, m.id, m.type, m.direction,
       m.author, m.content, m.metadata, m.media, m.external_id, m.reply_to, m.status, m.reason,
       m.provider_at, m.created_at, m.updated_at, v.id AS conversation_id, t.id AS turn_id
  FROM messages m JOIN conversations v ON v.n = m.conversation_n LEFT JOIN turns t ON t.n = m.turn_n
 WHERE +m.tenant_n = $1
   AND m.conversation_n = (SELECT o.n FROM conversations o WHERE o.tenant_n = $1 AND o.id = $6)
   AND (CAST($2 AS text) IS NULL OR m.direction = $2) AND (CAST($3 AS text) IS NULL OR m.status = $3)
   AND (CAST($4 AS text) IS NULL OR m.type = $4)
   AND (CAST($5 AS text) IS NULL OR lower(m.content) LIKE $5 ESCAPE '!')

-- name: messages_of_count
-- As messages_of_page.
SELECT count(*) FROM messages m
 WHERE +m.tenant_n = $1
   AND m.conversation_n = (SELECT o.n FROM conversations o WHERE o.tenant_n = $1 AND o.id = $6)
   AND (CAST($2 AS text) IS NULL OR m.direction = $2) AND (CAST($3 AS text) IS NULL OR m.status = $3)
   AND (CAST($4 AS text) IS NULL OR m.type = $4)
   AND (CAST($5 AS text) IS NULL OR lower(m.content) LIKE $5 ESCAPE '!')

-- name: message_annotate
-- $2 n, $3 metadata, $4 now.
UPDATE messages SET metadata = $3, updated_at = $4 WHERE +tenant_n = $1 AND n = $2

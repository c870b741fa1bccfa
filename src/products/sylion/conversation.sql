-- SPDX-License-Identifier: Apache-2.0
-- Conversations and their messages as they are written. $1 is the tenant everywhere. Whoever writes
-- into a conversation has its row locked: conversation.h. Why some say `+tenant_n`: turn.sql.

-- -- what comes in -------------------------------------------------------------------------------

-- name: thread_by_user
-- $2 channel, $3 user_key; the contact and its open conversation.
SELECT k.n AS contact_n, k.name, v.n AS conversation_n, v.id AS conversation_id, v.status, v.recency
  FROM contacts k JOIN conversations v ON +v.channel_n = k.channel_n AND v.contact_n = k.n
 WHERE +k.tenant_n = $1 AND k.channel_n = $2 AND k.user_key = $3 AND v.status <> 'ended'

-- name: thread_by_both
-- $2 channel, $3 user_key, $4 phone.
SELECT k.n AS contact_n, k.name, v.n AS conversation_n, v.id AS conversation_id, v.status, v.recency
  FROM contacts k JOIN conversations v ON +v.channel_n = k.channel_n AND v.contact_n = k.n
 WHERE +k.tenant_n = $1 AND k.channel_n = $2 AND k.user_key = $3 AND k.phone = $4
   AND v.status <> 'ended'

-- name: thread_by_phone
-- $2 channel, $3 phone.
SELECT k.n AS contact_n, k.name, v.n AS conversation_n, v.id AS conversation_id, v.status, v.recency
  FROM contacts k JOIN conversations v ON +v.channel_n = k.channel_n AND v.contact_n = k.n
 WHERE +k.tenant_n = $1 AND k.channel_n = $2 AND k.phone = $3 AND v.status <> 'ended'

-- name: thread_open
-- $2 channel, $3 contact.
SELECT v.contact_n, v.n AS conversation_n, v.id AS conversation_id, v.status, v.recency
  FROM conversations v
 WHERE +v.tenant_n = $1 AND v.channel_n = $2 AND v.contact_n = $3 AND v.status <> 'ended'

-- name: thread_add
-- $2 channel, $3 contact, $4 id, $5 user_identifier, $6 user_name or null, $7 now, $8 recency. The 24
-- hours in which messages are free go on from the conversation before.
INSERT INTO conversations (tenant_n, channel_n, contact_n, id, user_identifier, user_name,
       last_inbound_at, last_message_at, created_at, updated_at, recency)
SELECT $1, $2, k.n, $4, $5, coalesce($6, k.name), k.last_inbound_at, $7, $7, $7, $8
  FROM contacts k WHERE +k.tenant_n = $1 AND k.n = $3
RETURNING n

-- name: thread_touch
-- $2 n, $3 messages more, $4 unread more, $5 last message or null, $6 now, $7 when the contact wrote,
-- $8 name or null. Its recency is that of now already: else thread_touch_recency.
UPDATE conversations SET message_count = message_count + $3, unread_count = unread_count + $4,
       last_message = coalesce($5, last_message), last_message_at = $6, updated_at = $6,
       user_name = coalesce($8, user_name),
       last_inbound_at = CASE WHEN last_inbound_at IS NULL OR last_inbound_at < $7 THEN $7
                              ELSE last_inbound_at END
 WHERE +tenant_n = $1 AND n = $2

-- name: thread_touch_recency
-- As thread_touch; $9 recency.
UPDATE conversations SET message_count = message_count + $3, unread_count = unread_count + $4,
       last_message = coalesce($5, last_message), last_message_at = $6, updated_at = $6,
       user_name = coalesce($8, user_name), recency = $9,
       last_inbound_at = CASE WHEN last_inbound_at IS NULL OR last_inbound_at < $7 THEN $7
                              ELSE last_inbound_at END
 WHERE +tenant_n = $1 AND n = $2

-- name: message_add_inbound_sqlite
-- Without RETURNING, which makes SQLite gather the rows in a table of its own; see message_added.
-- $2 channel, $3 conversation, $4 id, $5 type, $6 content, $7 metadata, $8 media, $9 raw,
-- $10 external_id, $11 reply_to, $12 status, $13 provider_at, $14 now, $15 n, or null. Nothing changed: it is
-- there.
INSERT INTO messages (tenant_n, channel_n, conversation_n, id, type, direction, author, content,
       metadata, media, raw, external_id, reply_to, status, provider_at, created_at, updated_at, n)
VALUES ($1, $2, $3, $4, $5, 'inbound', 'contact', $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, $15)
ON CONFLICT (channel_n, external_id) DO NOTHING

-- name: message_add_inbound_postgres
-- As for SQLite, to $14.
INSERT INTO messages (tenant_n, channel_n, conversation_n, id, type, direction, author, content,
       metadata, media, raw, external_id, reply_to, status, provider_at, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, 'inbound', 'contact', $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)
ON CONFLICT (channel_n, external_id) DO NOTHING RETURNING n

-- name: message_added_sqlite
SELECT n FROM messages WHERE tenant_n = $1 AND n = last_insert_rowid()

-- name: message_known
-- $2 channel, $3 external_id.
SELECT m.n, m.id, m.conversation_n FROM messages m
 WHERE +m.tenant_n = $1 AND m.channel_n = $2 AND m.external_id = $3

-- -- what goes out -------------------------------------------------------------------------------

-- name: conversation_speak
-- $2 n, $3 last message, $4 now, $5 recency. The one that speaks first in a transaction waits for the others.
UPDATE conversations SET message_count = message_count + 1, last_message = $3, last_message_at = $4,
       updated_at = $4, recency = $5
 WHERE +tenant_n = $1 AND n = $2 AND status <> 'ended' RETURNING n, id, channel_n

-- name: message_add_outbound
-- $2 channel, $3 conversation, $4 turn, $5 id, $6 type, $7 author, $8 author_id, $9 content,
-- $10 metadata, $11 media, $12 reply_to, $13 now.
INSERT INTO messages (tenant_n, channel_n, conversation_n, turn_n, id, type, direction, author,
       author_id, content, metadata, media, reply_to, status, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, 'outbound', $7, $8, $9, $10, $11, $12, 'pending', $13, $13)
RETURNING n

-- -- conversations -------------------------------------------------------------------------------

-- name: conversation_by_n
-- $2 n.
SELECT v.n, v.tenant_n, v.channel_n, v.contact_n, v.assistant_n, v.id, v.user_identifier, v.user_name,
       v.user_metadata, v.status, v.title, v.context, v.language, v.handoff_reason, v.message_count,
       v.unread_count, v.last_message, v.last_message_at, v.last_inbound_at, v.created_at, v.updated_at,
       v.ended_at, h.id AS channel_id, a.id AS assistant_id
  FROM conversations v JOIN channels h ON h.n = v.channel_n LEFT JOIN assistants a ON a.n = v.assistant_n
 WHERE +v.tenant_n = $1 AND v.n = $2

-- name: conversation_hold_postgres
-- $2 n. Its contact first, as for what comes in (inbound.c).
SELECT v.n, v.tenant_n, v.channel_n, v.contact_n, v.assistant_n, v.id, v.user_identifier, v.user_name,
       v.user_metadata, v.status, v.title, v.context, v.language, v.handoff_reason, v.message_count,
       v.unread_count, v.last_message, v.last_message_at, v.last_inbound_at, v.created_at, v.updated_at,
       v.ended_at, h.id AS channel_id, a.id AS assistant_id
  FROM conversations v JOIN contacts k ON k.n = v.contact_n
  JOIN channels h ON h.n = v.channel_n LEFT JOIN assistants a ON a.n = v.assistant_n
 WHERE +v.tenant_n = $1 AND v.n = $2
   FOR UPDATE OF k, v

-- name: conversation_by_id
-- $2 UUID.
SELECT v.n, v.tenant_n, v.channel_n, v.contact_n, v.assistant_n, v.id, v.user_identifier, v.user_name,
       v.user_metadata, v.status, v.title, v.context, v.language, v.handoff_reason, v.message_count,
       v.unread_count, v.last_message, v.last_message_at, v.last_inbound_at, v.created_at, v.updated_at,
       v.ended_at, h.id AS channel_id, a.id AS assistant_id
  FROM conversations v JOIN channels h ON h.n = v.channel_n LEFT JOIN assistants a ON a.n = v.assistant_n
 WHERE v.tenant_n = $1 AND v.id = $2

-- name: conversation_state
-- $2 n, $3 status, $4 handoff_reason, $5 ended_at, $6 now.
UPDATE conversations SET status = $3, handoff_reason = $4, ended_at = $5, updated_at = $6
 WHERE +tenant_n = $1 AND n = $2 AND status <> 'ended'

-- name: messages_let_be
-- $2 conversation, $3 why, $4 now. What has come in and no turn has will not be answered by the assistant.
UPDATE messages SET status = 'processed', reason = $3, updated_at = $4
 WHERE +tenant_n = $1 AND conversation_n = $2 AND direction = 'inbound'
   AND status IN ('pending', 'sending') AND status = 'pending' AND turn_n IS NULL

-- -- messages ------------------------------------------------------------------------------------

-- name: message_state
-- $2 n, $3 status or null, $4 reason or null, $5 now.
UPDATE messages SET status = coalesce($3, status), reason = coalesce($4, reason), updated_at = $5
 WHERE +tenant_n = $1 AND n = $2

-- name: message_state_named_sqlite
-- As message_state; $6 external_id. (An index of what is set is written even where it stays the same.)
UPDATE messages SET status = coalesce($3, status), reason = coalesce($4, reason), updated_at = $5,
       external_id = $6
 WHERE +tenant_n = $1 AND n = $2

-- name: message_state_named_postgres
-- As for SQLite. From here to the commit nobody stores a status for this external_id, so that none is
-- stored unseen between this and reading them (statuses_of).
UPDATE messages SET status = coalesce($3, status), reason = coalesce($4, reason), updated_at = $5,
       external_id = $6
  FROM (SELECT pg_advisory_xact_lock(hashtextextended('sylion.status.' || $6, 0))) AS taken
 WHERE +tenant_n = $1 AND n = $2

-- name: message_by_n
-- $2 n.
SELECT m.n, m.tenant_n, m.channel_n, m.conversation_n, m.turn_n, m.author_id, m.id, m.type, m.direction,
       m.author, m.content, m.metadata, m.media, m.raw, m.external_id, m.reply_to, m.status, m.reason,
       m.provider_at, m.created_at, m.updated_at, v.id AS conversation_id, t.id AS turn_id
  FROM messages m JOIN conversations v ON v.n = m.conversation_n LEFT JOIN turns t ON t.n = m.turn_n
 WHERE +m.tenant_n = $1 AND m.n = $2

-- name: message_by_id
-- $2 UUID.
SELECT m.n, m.tenant_n, m.channel_n, m.conversation_n, m.turn_n, m.author_id, m.id, m.type, m.direction,
       m.author, m.content, m.metadata, m.media, m.raw, m.external_id, m.reply_to, m.status, m.reason,
       m.provider_at, m.created_at, m.updated_at, v.id AS conversation_id, t.id AS turn_id
  FROM messages m JOIN conversations v ON v.n = m.conversation_n LEFT JOIN turns t ON t.n = m.turn_n
 WHERE m.tenant_n = $1 AND m.id = $2

-- name: messages_up_to
-- $2 conversation, $3 n of the last one, $4 how many; the latest first.
SELECT m.n, m.tenant_n, m.channel_n, m.conversation_n, m.turn_n, m.author_id, m.id, m.type, m.direction,
       m.author, m.content, m.metadata, m.media, m.external_id, m.reply_to, m.status, m.reason,
       m.provider_at, m.created_at, m.updated_at, v.id AS conversation_id, t.id AS turn_id
  FROM messages m JOIN conversations v ON v.n = m.conversation_n LEFT JOIN turns t ON t.n = m.turn_n
 WHERE +m.tenant_n = $1 AND m.conversation_n = $2 AND m.n <= $3 ORDER BY m.n DESC LIMIT $4

-- -- statuses ------------------------------------------------------------------------------------

-- name: status_add_sqlite
-- $2 channel, $3 external_id, $4 status, $5 errors, $6 at, $7 now.
INSERT INTO message_statuses (tenant_n, channel_n, external_id, status, errors, at, received_at)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (channel_n, external_id, status) DO NOTHING

-- name: status_add_postgres
-- As for SQLite; see message_state_named_postgres.
INSERT INTO message_statuses (tenant_n, channel_n, external_id, status, errors, at, received_at)
SELECT $1, $2, $3, $4, CAST($5 AS jsonb), $6, $7
  FROM (SELECT pg_advisory_xact_lock(hashtextextended('sylion.status.' || $3, 0))) AS taken
ON CONFLICT (channel_n, external_id, status) DO NOTHING

-- name: statuses_of
-- $2 channel, $3 external_id.
SELECT status, errors FROM message_statuses
 WHERE tenant_n = $1 AND channel_n = $2 AND external_id = $3

-- name: message_told
-- $2 channel, $3 external_id, $4 status, $5 its rank, $6 reason or null, $7 now. Only forward, in the order
-- pending and sending, sent, failed, delivered, read: whatever comes first, the end is the same.
UPDATE messages SET status = $4, reason = $6, updated_at = $7
 WHERE tenant_n = $1 AND channel_n = $2 AND external_id = $3 AND direction = 'outbound'
   AND CASE status WHEN 'sent' THEN 1 WHEN 'failed' THEN 2 WHEN 'delivered' THEN 3 WHEN 'read' THEN 4
                   ELSE 0 END < $5
RETURNING n

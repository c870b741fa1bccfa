-- SPDX-License-Identifier: Apache-2.0
-- Turns, and what the conversation's job reads and writes besides. $1 is the tenant everywhere. Who
-- writes here has the conversation's row locked: turn.h.
--
-- `+tenant_n` is no key to search by: SQLite, which knows nothing of how rows are spread, would take the
-- index of a tenant's messages for one of a conversation's; PostgreSQL knows nothing of a table that has
-- grown since it was last analyzed, and took that index even for one message by its number. It finds messages_pending only where its
-- condition stands word by word.

-- -- turns ---------------------------------------------------------------------------------------

-- name: turn_open
-- $2 conversation; the one that has not ended.
SELECT t.n, t.tenant_n, t.conversation_n, t.assistant_n, t.id, t.state, t.step, t.reason, t.attempts,
       t.question, t.sources, t.used, t.provider, t.model, t.tokens_in, t.tokens_out, t.cost_micros,
       t.started_at, t.updated_at, t.finished_at, v.id AS conversation_id, a.id AS assistant_id
  FROM turns t JOIN conversations v ON v.n = t.conversation_n LEFT JOIN assistants a ON a.n = t.assistant_n
 WHERE t.tenant_n = $1 AND t.conversation_n = $2 AND t.finished_at IS NULL

-- name: turn_at
-- $2 n.
SELECT t.n, t.tenant_n, t.conversation_n, t.assistant_n, t.id, t.state, t.step, t.reason, t.attempts,
       t.question, t.sources, t.used, t.provider, t.model, t.tokens_in, t.tokens_out, t.cost_micros,
       t.started_at, t.updated_at, t.finished_at, v.id AS conversation_id, a.id AS assistant_id
  FROM turns t JOIN conversations v ON v.n = t.conversation_n LEFT JOIN assistants a ON a.n = t.assistant_n
 WHERE +t.tenant_n = $1 AND t.n = $2

-- name: turn_by_id
-- $2 UUID.
SELECT t.n, t.tenant_n, t.conversation_n, t.assistant_n, t.id, t.state, t.step, t.reason, t.attempts,
       t.question, t.sources, t.used, t.provider, t.model, t.tokens_in, t.tokens_out, t.cost_micros,
       t.started_at, t.updated_at, t.finished_at, v.id AS conversation_id, a.id AS assistant_id
  FROM turns t JOIN conversations v ON v.n = t.conversation_n LEFT JOIN assistants a ON a.n = t.assistant_n
 WHERE t.tenant_n = $1 AND t.id = $2

-- name: turns_of_conversation
-- $2 conversation, $3 limit, $4 offset; the latest first.
SELECT t.n, t.tenant_n, t.conversation_n, t.assistant_n, t.id, t.state, t.step, t.reason, t.attempts,
       t.question, t.sources, t.used, t.provider, t.model, t.tokens_in, t.tokens_out, t.cost_micros,
       t.started_at, t.updated_at, t.finished_at, v.id AS conversation_id, a.id AS assistant_id
  FROM turns t JOIN conversations v ON v.n = t.conversation_n LEFT JOIN assistants a ON a.n = t.assistant_n
 WHERE t.tenant_n = $1 AND t.conversation_n = $2 ORDER BY t.n DESC LIMIT $3 OFFSET $4

-- name: turns_count
-- $2 conversation.
SELECT count(*) FROM turns WHERE +tenant_n = $1 AND conversation_n = $2

-- name: turns_ended
-- $2 state, $3 ended since, $4 n behind which, $5 limit; the oldest first.
SELECT t.n, t.tenant_n, t.conversation_n, t.assistant_n, t.id, t.state, t.step, t.reason, t.attempts,
       t.question, t.sources, t.used, t.provider, t.model, t.tokens_in, t.tokens_out, t.cost_micros,
       t.started_at, t.updated_at, t.finished_at, v.id AS conversation_id, a.id AS assistant_id
  FROM turns t JOIN conversations v ON v.n = t.conversation_n LEFT JOIN assistants a ON a.n = t.assistant_n
 WHERE t.tenant_n = $1 AND t.state = $2 AND t.finished_at >= $3 AND t.n > $4 ORDER BY t.n LIMIT $5

-- name: turn_add
-- $2 id, $3 conversation, $4 assistant, $5 state, $6 step, $7 question, $8 used, $9 now.
INSERT INTO turns (tenant_n, id, conversation_n, assistant_n, state, step, question, used, started_at,
       updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) RETURNING n

-- name: turn_write
-- $2 n, $3 assistant, $4 state, $5 step, $6 reason, $7 attempts, $8 question, $9 sources, $10 used,
-- $11 provider, $12 model, $13 tokens_in, $14 tokens_out, $15 cost_micros, $16 now, $17 finished_at.
UPDATE turns SET assistant_n = $3, state = $4, step = $5, reason = $6, attempts = $7, question = $8,
       sources = $9, used = $10, provider = $11, model = $12, tokens_in = $13, tokens_out = $14,
       cost_micros = $15, updated_at = $16, finished_at = $17
 WHERE +tenant_n = $1 AND n = $2

-- -- its messages --------------------------------------------------------------------------------

-- name: turn_unasked
-- $2 conversation, $3 limit. What has come in and no turn has, oldest first.
SELECT m.n, m.tenant_n, m.channel_n, m.conversation_n, m.turn_n, m.author_id, m.id, m.type, m.direction,
       m.author, m.content, m.metadata, m.media, m.external_id, m.reply_to, m.status, m.reason,
       m.provider_at, m.created_at, m.updated_at, v.id AS conversation_id, t.id AS turn_id
  FROM messages m JOIN conversations v ON v.n = m.conversation_n LEFT JOIN turns t ON t.n = m.turn_n
 WHERE +m.tenant_n = $1 AND m.conversation_n = $2 AND m.status IN ('pending', 'sending')
   AND m.status = 'pending' AND m.direction = 'inbound' AND m.turn_n IS NULL ORDER BY m.n LIMIT $3

-- name: turn_person_spoke
-- $2 conversation, $3 n. The last message of a person behind that one; 0: none.
SELECT coalesce(max(n), 0) FROM messages
 WHERE +tenant_n = $1 AND conversation_n = $2 AND author = 'person' AND n > $3

-- name: turn_take
-- $2 conversation, $3 n of the last one, $4 turn. They are this turn's.
UPDATE messages SET turn_n = $4
 WHERE +tenant_n = $1 AND conversation_n = $2 AND status IN ('pending', 'sending')
   AND status = 'pending' AND direction = 'inbound' AND turn_n IS NULL AND n <= $3

-- name: turn_asked
-- $2 turn; the contact's messages that it answers.
SELECT m.n, m.tenant_n, m.channel_n, m.conversation_n, m.turn_n, m.author_id, m.id, m.type, m.direction,
       m.author, m.content, m.metadata, m.media, m.external_id, m.reply_to, m.status, m.reason,
       m.provider_at, m.created_at, m.updated_at, v.id AS conversation_id, t.id AS turn_id
  FROM messages m JOIN conversations v ON v.n = m.conversation_n LEFT JOIN turns t ON t.n = m.turn_n
 WHERE +m.tenant_n = $1 AND m.turn_n = $2 AND m.direction = 'inbound' ORDER BY m.n

-- name: turn_answer
-- $2 turn; the message that answers.
SELECT m.n, m.tenant_n, m.channel_n, m.conversation_n, m.turn_n, m.author_id, m.id, m.type, m.direction,
       m.author, m.content, m.metadata, m.media, m.external_id, m.reply_to, m.status, m.reason,
       m.provider_at, m.created_at, m.updated_at, v.id AS conversation_id, t.id AS turn_id
  FROM messages m JOIN conversations v ON v.n = m.conversation_n LEFT JOIN turns t ON t.n = m.turn_n
 WHERE +m.tenant_n = $1 AND m.turn_n = $2 AND m.direction = 'outbound' ORDER BY m.n DESC LIMIT 1

-- name: turn_outgoing
-- $2 conversation. The first that is to go out, or was going out when somebody stopped.
SELECT m.n, m.tenant_n, m.channel_n, m.conversation_n, m.turn_n, m.author_id, m.id, m.type, m.direction,
       m.author, m.content, m.metadata, m.media, m.external_id, m.reply_to, m.status, m.reason,
       m.provider_at, m.created_at, m.updated_at, v.id AS conversation_id, t.id AS turn_id
  FROM messages m JOIN conversations v ON v.n = m.conversation_n LEFT JOIN turns t ON t.n = m.turn_n
 WHERE +m.tenant_n = $1 AND m.conversation_n = $2 AND m.status IN ('pending', 'sending')
   AND m.direction = 'outbound' ORDER BY m.n LIMIT 1

-- name: turn_message
-- $2 n.
SELECT m.n, m.tenant_n, m.channel_n, m.conversation_n, m.turn_n, m.author_id, m.id, m.type, m.direction,
       m.author, m.content, m.metadata, m.media, m.external_id, m.reply_to, m.status, m.reason,
       m.provider_at, m.created_at, m.updated_at, v.id AS conversation_id, t.id AS turn_id
  FROM messages m JOIN conversations v ON v.n = m.conversation_n LEFT JOIN turns t ON t.n = m.turn_n
 WHERE +m.tenant_n = $1 AND m.n = $2

-- name: turn_message_by_id
-- $2 UUID.
SELECT m.n, m.tenant_n, m.channel_n, m.conversation_n, m.turn_n, m.author_id, m.id, m.type, m.direction,
       m.author, m.content, m.metadata, m.media, m.external_id, m.reply_to, m.status, m.reason,
       m.provider_at, m.created_at, m.updated_at, v.id AS conversation_id, t.id AS turn_id
  FROM messages m JOIN conversations v ON v.n = m.conversation_n LEFT JOIN turns t ON t.n = m.turn_n
 WHERE m.tenant_n = $1 AND m.id = $2

-- name: turn_message_media
-- $2 n, $3 media, $4 content.
UPDATE messages SET media = $3, content = $4 WHERE +tenant_n = $1 AND n = $2

-- name: turn_message_again
-- $2 n, $3 status, $4 metadata, $5 now. As if nothing had been tried.
UPDATE messages SET status = $3, reason = NULL, metadata = $4, updated_at = $5
 WHERE +tenant_n = $1 AND n = $2

-- name: turn_message_metadata
-- $2 n, $3 metadata.
UPDATE messages SET metadata = $3 WHERE +tenant_n = $1 AND n = $2

-- name: turn_work_left
-- $2 conversation. What the job would find if it looked again.
SELECT (SELECT count(*) FROM turns WHERE +tenant_n = $1 AND conversation_n = $2
           AND finished_at IS NULL) AS open_turns,
       coalesce(sum(CASE direction WHEN 'outbound' THEN 1 ELSE 0 END), 0) AS outgoing,
       coalesce(sum(CASE WHEN asks THEN 1 ELSE 0 END), 0) AS unasked,
       min(CASE WHEN asks THEN created_at END) AS first_at,
       max(CASE WHEN asks THEN created_at END) AS last_at
  FROM (SELECT direction, created_at,
               status = 'pending' AND direction = 'inbound' AND turn_n IS NULL AS asks
          FROM messages WHERE +tenant_n = $1 AND conversation_n = $2
           AND status IN ('pending', 'sending')) AS waiting

-- -- around it -----------------------------------------------------------------------------------

-- name: turn_conversation
-- $2 n.
SELECT v.n, v.tenant_n, v.channel_n, v.contact_n, v.assistant_n, v.id, v.user_identifier, v.user_name,
       v.status, v.title, v.language, v.message_count, v.last_inbound_at, v.created_at, v.updated_at
  FROM conversations v WHERE +v.tenant_n = $1 AND v.n = $2

-- name: turn_contact
-- $2 n.
SELECT k.n, k.tenant_n, k.channel_n, k.id, k.phone, k.user_key, k.name, k.language, k.metadata,
       k.last_inbound_at, k.created_at, k.updated_at
  FROM contacts k WHERE +k.tenant_n = $1 AND k.n = $2

-- name: turn_contact_language
-- $2 contact, $3 language.
UPDATE contacts SET language = $3 WHERE +tenant_n = $1 AND n = $2

-- name: turn_conversation_language
-- $2 conversation, $3 language.
UPDATE conversations SET language = $3 WHERE +tenant_n = $1 AND n = $2

-- name: turn_conversation_by_id
-- $2 UUID.
SELECT v.n, v.tenant_n, v.channel_n, v.contact_n, v.assistant_n, v.id, v.user_identifier, v.user_name,
       v.status, v.title, v.language, v.message_count, v.created_at, v.updated_at,
       h.id AS channel_id, a.id AS assistant_id
  FROM conversations v JOIN channels h ON h.n = v.channel_n LEFT JOIN assistants a ON a.n = v.assistant_n
 WHERE v.tenant_n = $1 AND v.id = $2

-- name: turn_conversations
-- $2 n behind which, $3 limit.
SELECT v.n, v.tenant_n, v.channel_n, v.contact_n, v.assistant_n, v.id, v.user_identifier, v.user_name,
       v.status, v.title, v.language, v.message_count, v.created_at, v.updated_at,
       h.id AS channel_id, a.id AS assistant_id
  FROM conversations v JOIN channels h ON h.n = v.channel_n LEFT JOIN assistants a ON a.n = v.assistant_n
 WHERE v.tenant_n = $1 AND v.n > $2 ORDER BY v.n LIMIT $3

-- name: turn_assistant
-- $2 n.
SELECT a.n, a.tenant_n, a.id, a.name, a.description, a.provider, a.model, a.system_prompt, a.is_default,
       a.is_active, a.enable_rag, a.temperature, a.max_tokens, a.rag_max_results, a.rag_threshold,
       a.knowledge_base_ids, a.handoff, a.created_at, a.updated_at, a.deleted_at
  FROM assistants a
 WHERE +a.tenant_n = $1 AND a.n = $2 AND a.deleted_at IS NULL

-- name: turn_assistant_default
-- The tenant's.
SELECT a.n, a.tenant_n, a.id, a.name, a.description, a.provider, a.model, a.system_prompt, a.is_default,
       a.is_active, a.enable_rag, a.temperature, a.max_tokens, a.rag_max_results, a.rag_threshold,
       a.knowledge_base_ids, a.handoff, a.created_at, a.updated_at, a.deleted_at
  FROM assistants a
 WHERE a.tenant_n = $1 AND a.is_default AND a.is_active AND a.deleted_at IS NULL

-- name: turn_assistant_by_id
-- $2 UUID.
SELECT a.n, a.tenant_n, a.id, a.name, a.description, a.provider, a.model, a.system_prompt, a.is_default,
       a.is_active, a.enable_rag, a.temperature, a.max_tokens, a.rag_max_results, a.rag_threshold,
       a.knowledge_base_ids, a.handoff, a.created_at, a.updated_at, a.deleted_at
  FROM assistants a
 WHERE a.tenant_n = $1 AND a.id = $2 AND a.deleted_at IS NULL

-- name: turn_export
-- $2 conversation; every message of it, oldest first.
SELECT m.n, m.tenant_n, m.channel_n, m.conversation_n, m.turn_n, m.author_id, m.id, m.type, m.direction,
       m.author, m.content, m.metadata, m.media, m.external_id, m.reply_to, m.status, m.reason,
       m.provider_at, m.created_at, m.updated_at, v.id AS conversation_id, t.id AS turn_id
  FROM messages m JOIN conversations v ON v.n = m.conversation_n LEFT JOIN turns t ON t.n = m.turn_n
 WHERE +m.tenant_n = $1 AND m.conversation_n = $2 ORDER BY m.n

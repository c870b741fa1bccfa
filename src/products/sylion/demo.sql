-- SPDX-License-Identifier: Apache-2.0
-- What the demo looks for. $1 is the tenant everywhere.

-- name: demo_channel
-- $2 phone.
SELECT n, tenant_n, id, name, type, provider, is_active, config, whatsapp_phone_number, phone_number_id,
       whatsapp_api_key, whatsapp_verify_token, app_secret, webhook_secret, created_at, updated_at
  FROM channels WHERE tenant_n = $1 AND whatsapp_phone_number = $2 AND deleted_at IS NULL

-- name: demo_unread
-- Documents that jobs are about.
SELECT count(*) FROM knowledge_documents WHERE tenant_n = $1 AND status NOT IN ('indexed', 'failed')

-- name: demo_unanswered
-- Messages that jobs are about, and turns.
SELECT (SELECT count(*) FROM turns t WHERE t.tenant_n = $1 AND t.finished_at IS NULL)
     + (SELECT count(*) FROM messages m JOIN conversations v ON v.n = m.conversation_n
         WHERE m.tenant_n = $1 AND (m.status = 'sending'
               OR (m.status = 'pending' AND (m.direction = 'outbound' OR v.status = 'active'))))

-- name: demo_conversation
-- $2 channel, $3 phone; the contact's latest, while no person has said anything in it.
SELECT v.n FROM conversations v
 WHERE v.tenant_n = $1 AND v.channel_n = $2 AND v.user_identifier = $3 AND v.status <> 'ended'
   AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.tenant_n = $1 AND m.conversation_n = v.n
                   AND m.author = 'person')
 ORDER BY v.n DESC LIMIT 1

-- name: demo_sent
-- $2 channel, $3 phone.
SELECT m.n, m.external_id FROM messages m JOIN conversations v ON v.n = m.conversation_n
 WHERE m.tenant_n = $1 AND m.channel_n = $2 AND v.user_identifier = $3 AND m.status = 'sent'
   AND m.external_id IS NOT NULL ORDER BY m.n

-- SPDX-License-Identifier: Apache-2.0
-- Who writes. $1 is the tenant everywhere.

-- name: contacts_find
-- $2 channel, $3 phone or null, $4 user_key or null; the rows of one person, or of two.
SELECT n, phone, user_key, name, language FROM contacts
WHERE tenant_n = $1 AND channel_n = $2 AND (phone = $3 OR user_key = $4) ORDER BY n

-- name: contact_add
-- $2 channel, $3 id, $4 phone, $5 user_key, $6 name, $7 metadata, $8 now. No row: somebody was faster.
INSERT INTO contacts (tenant_n, channel_n, id, phone, user_key, name, metadata, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) ON CONFLICT DO NOTHING RETURNING n

-- name: contact_identify
-- $2 n, $3 phone, $4 user_key, $5 now.
UPDATE contacts SET phone = $3, user_key = $4, updated_at = $5 WHERE +tenant_n = $1 AND n = $2

-- name: contact_rename
-- $2 n, $3 name, $4 now.
UPDATE contacts SET name = $3, updated_at = $4 WHERE +tenant_n = $1 AND n = $2

-- name: contact_wrote
-- $2 n, $3 when, $4 now. While a conversation is open that is its last_inbound_at alone.
UPDATE contacts SET updated_at = $4,
       last_inbound_at = CASE WHEN last_inbound_at IS NULL OR last_inbound_at < $3 THEN $3
                              ELSE last_inbound_at END
 WHERE +tenant_n = $1 AND n = $2

-- name: contact_inherit
-- $2 n, $3 the contact that it takes over, $4 now.
UPDATE contacts SET
       name = coalesce(name, (SELECT o.name FROM contacts o WHERE o.n = $3 AND o.tenant_n = $1)),
       language = coalesce(language, (SELECT o.language FROM contacts o WHERE o.n = $3 AND o.tenant_n = $1)),
       last_inbound_at = coalesce((SELECT o.last_inbound_at FROM contacts o WHERE o.n = $3
          AND o.tenant_n = $1 AND (contacts.last_inbound_at IS NULL OR o.last_inbound_at > contacts.last_inbound_at)),
          last_inbound_at),
       updated_at = $4
 WHERE +tenant_n = $1 AND n = $2

-- name: contact_remove
-- $2 n.
DELETE FROM contacts WHERE +tenant_n = $1 AND n = $2

-- name: contact_of
-- $2 n.
SELECT k.n, k.tenant_n, k.channel_n, k.id, k.phone, k.user_key, k.name, k.language, k.metadata,
       k.created_at, k.updated_at,
       coalesce((SELECT v.last_inbound_at FROM conversations v WHERE v.tenant_n = $1
                    AND v.channel_n = k.channel_n AND v.contact_n = k.n AND v.status <> 'ended'),
                k.last_inbound_at) AS last_inbound_at
  FROM contacts k WHERE +k.tenant_n = $1 AND k.n = $2

-- name: contact_conversations_move
-- $2 from, $3 to.
UPDATE conversations SET contact_n = $3 WHERE tenant_n = $1 AND contact_n = $2

-- name: contact_called
-- $2 contact, $3 what its open conversation is called by.
UPDATE conversations SET user_identifier = $3
 WHERE tenant_n = $1 AND contact_n = $2 AND status <> 'ended'

-- name: messages_pending_move
-- $2 from, $3 to, both conversations. What was to be answered is so in the other; its turn finds the
-- conversation ended.
UPDATE messages SET conversation_n = $3,
       turn_n = CASE WHEN direction = 'inbound' THEN NULL ELSE turn_n END
 WHERE +tenant_n = $1 AND conversation_n = $2 AND status IN ('pending', 'sending')
   AND status = 'pending'

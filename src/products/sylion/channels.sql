-- SPDX-License-Identifier: Apache-2.0
-- Channels and which assistant answers on them. $1 is the tenant everywhere.

-- name: channel_of
-- $2 UUID.
SELECT n, tenant_n, id, name, type, provider, is_active, config, whatsapp_phone_number, phone_number_id,
       whatsapp_api_key, whatsapp_verify_token, app_secret, webhook_secret, created_at, updated_at
  FROM channels WHERE tenant_n = $1 AND id = $2 AND deleted_at IS NULL

-- name: channel_of_n
-- $2 n.
SELECT n, tenant_n, id, name, type, provider, is_active, config, whatsapp_phone_number, phone_number_id,
       whatsapp_api_key, whatsapp_verify_token, app_secret, webhook_secret, created_at, updated_at
  FROM channels WHERE tenant_n = $1 AND n = $2 AND deleted_at IS NULL

-- name: channels_page
-- $2 pattern or null, $3 type or null, $4 provider or null, $5 is_active or null, $6 limit, $7 offset.
SELECT n, tenant_n, id, name, type, provider, is_active, config, whatsapp_phone_number, phone_number_id,
       whatsapp_api_key, whatsapp_verify_token, app_secret, webhook_secret, created_at, updated_at
  FROM channels
 WHERE tenant_n = $1 AND deleted_at IS NULL
   AND (CAST($2 AS text) IS NULL OR lower(name) LIKE $2 ESCAPE '!' OR whatsapp_phone_number LIKE $2 ESCAPE '!')
   AND (CAST($3 AS text) IS NULL OR type = $3) AND (CAST($4 AS text) IS NULL OR provider = $4)
   AND (CAST($5 AS boolean) IS NULL OR is_active = $5)
 ORDER BY n DESC LIMIT $6 OFFSET $7

-- name: channels_count
-- As channels_page.
SELECT count(*) FROM channels
 WHERE tenant_n = $1 AND deleted_at IS NULL
   AND (CAST($2 AS text) IS NULL OR lower(name) LIKE $2 ESCAPE '!' OR whatsapp_phone_number LIKE $2 ESCAPE '!')
   AND (CAST($3 AS text) IS NULL OR type = $3) AND (CAST($4 AS text) IS NULL OR provider = $4)
   AND (CAST($5 AS boolean) IS NULL OR is_active = $5)

-- name: channel_add
-- $2 id, $3 name, $4 type, $5 provider, $6 is_active, $7 config, $8 phone, $9 phone_number_id,
-- $10 api key, $11 verify token, $12 app secret, $13 webhook secret, $14 now.
INSERT INTO channels (tenant_n, id, name, type, provider, is_active, config, whatsapp_phone_number,
       phone_number_id, whatsapp_api_key, whatsapp_verify_token, app_secret, webhook_secret, created_at,
       updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14) RETURNING n

-- name: channel_change
-- $2 n, then as channel_add without type: $3 name, $4 provider …
UPDATE channels SET name = $3, provider = $4, is_active = $5, config = $6, whatsapp_phone_number = $7,
       phone_number_id = $8, whatsapp_api_key = $9, whatsapp_verify_token = $10, app_secret = $11,
       webhook_secret = $12, updated_at = $13
 WHERE tenant_n = $1 AND n = $2 AND deleted_at IS NULL

-- name: channel_delete
-- $2 UUID, $3 now. Its numbers are free again, its secrets forgotten.
UPDATE channels SET deleted_at = $3, updated_at = $3, whatsapp_api_key = NULL, whatsapp_verify_token = NULL,
       app_secret = NULL, webhook_secret = NULL
 WHERE tenant_n = $1 AND id = $2 AND deleted_at IS NULL RETURNING n

-- name: channel_bindings_delete
-- $2 channel.
DELETE FROM channel_bindings WHERE tenant_n = $1 AND channel_n = $2

-- -- bindings ------------------------------------------------------------------------------------

-- name: binding_add
-- $2 id, $3 channel, $4 assistant, $5 languages, $6 hours, $7 priority, $8 now.
INSERT INTO channel_bindings (tenant_n, id, channel_n, assistant_n, languages, hours, priority, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING n

-- name: bindings_page
-- $2 channel UUID or null, $3 assistant UUID or null, $4 limit, $5 offset.
SELECT b.n, b.id, b.languages, b.hours, b.priority, b.created_at, h.id AS channel_id, a.id AS assistant_id
  FROM channel_bindings b
  JOIN channels h ON h.n = b.channel_n JOIN assistants a ON a.n = b.assistant_n
 WHERE b.tenant_n = $1 AND (CAST($2 AS text) IS NULL OR h.id = $2)
   AND (CAST($3 AS text) IS NULL OR a.id = $3)
 ORDER BY b.priority DESC, b.n LIMIT $4 OFFSET $5

-- name: bindings_count
-- As bindings_page.
SELECT count(*) FROM channel_bindings b
  JOIN channels h ON h.n = b.channel_n JOIN assistants a ON a.n = b.assistant_n
 WHERE b.tenant_n = $1 AND (CAST($2 AS text) IS NULL OR h.id = $2)
   AND (CAST($3 AS text) IS NULL OR a.id = $3)

-- name: binding_of
-- $2 UUID.
SELECT b.n, b.id, b.languages, b.hours, b.priority, b.created_at, h.id AS channel_id, a.id AS assistant_id
  FROM channel_bindings b
  JOIN channels h ON h.n = b.channel_n JOIN assistants a ON a.n = b.assistant_n
 WHERE b.tenant_n = $1 AND b.id = $2

-- name: binding_delete
-- $2 UUID.
DELETE FROM channel_bindings WHERE tenant_n = $1 AND id = $2 RETURNING n

-- name: bindings_of_channel
-- $2 channel; those whose assistant can answer, the first one first.
SELECT b.assistant_n, b.languages, b.hours
  FROM channel_bindings b JOIN assistants a ON a.n = b.assistant_n
 WHERE b.tenant_n = $1 AND b.channel_n = $2 AND a.is_active = $3 AND a.deleted_at IS NULL
 ORDER BY b.priority DESC, b.n LIMIT 100

-- SPDX-License-Identifier: Apache-2.0
-- What a tenant may know of its WhatsApp channels. $1 is the tenant everywhere.

-- name: whatsapp_channels
-- $2 how many. Reads all conversations of the tenant: off the loop.
SELECT h.n, h.tenant_n, h.id, h.name, h.provider, h.is_active, h.whatsapp_phone_number,
       h.phone_number_id, h.whatsapp_api_key, h.whatsapp_verify_token, h.app_secret, h.webhook_secret,
       (SELECT max(v.last_inbound_at) FROM conversations v
         WHERE v.tenant_n = $1 AND v.channel_n = h.n) AS last_inbound_at
  FROM channels h
 WHERE h.tenant_n = $1 AND h.type = 'whatsapp' AND h.deleted_at IS NULL
 ORDER BY h.n LIMIT $2

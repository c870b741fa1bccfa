-- Tenants. Statements over the tenant's own row say `n = $1`. What lists or finds tenants stands in
-- system.sql. Times are instants.

-- name: tenant_load
SELECT * FROM tenants WHERE n = $1 AND deleted_at IS NULL;

-- name: tenant_lock_sqlite
-- SQLite has one writer: the transaction is lock enough.
SELECT * FROM tenants WHERE n = $1 AND deleted_at IS NULL;

-- name: tenant_lock_postgres
-- Changes of one tenant wait for each other.
SELECT * FROM tenants WHERE n = $1 AND deleted_at IS NULL FOR UPDATE;

-- name: tenant_change
-- $2 name, $3 slug, $4 plan, $5 e-mail, $6 phone, $7 billing address, $8 webhook URL, $9 settings, $10
-- time zone, $11 now.
UPDATE tenants SET name = $2, slug = $3, plan = $4, contact_email = $5, contact_phone = $6,
    billing_address = $7, webhook_url = $8, settings = $9, time_zone = $10, webhook_sealed = $11,
    updated_at = $12
WHERE n = $1 AND deleted_at IS NULL RETURNING *;

-- name: tenant_set_quotas
-- $2 messages, $3 AI requests, $4 tokens, $5 storage, $6 channels, $7 assistants, $8 now. Null: the plan's.
UPDATE tenants SET quota_messages = $2, quota_ai_requests = $3, quota_tokens = $4,
    quota_storage_mb = $5, quota_channels = $6, quota_assistants = $7, updated_at = $8
WHERE n = $1 AND deleted_at IS NULL RETURNING *;

-- name: tenant_set_status
-- $2 active, $3 now.
UPDATE tenants SET is_active = $2, updated_at = $3 WHERE n = $1 AND deleted_at IS NULL RETURNING *;

-- name: tenant_delete
-- $2 now.
UPDATE tenants SET deleted_at = $2, is_active = false, updated_at = $2
WHERE n = $1 AND deleted_at IS NULL;

-- name: tenant_channels_delete
-- $2 now. A number must be free for another tenant.
UPDATE channels SET deleted_at = $2, is_active = false, updated_at = $2
WHERE tenant_n = $1 AND deleted_at IS NULL;

-- What looks across tenants: few, each with its reason. Run by the system_… calls only; every name
-- begins with `system_`.

-- name: system_tenant
-- $1 n. A row of a job or webhook says which tenant it is; its Scope is made of this.
SELECT n, id, organisation_id, plan, time_zone, is_active
FROM tenants WHERE n = $1 AND deleted_at IS NULL;

-- name: system_tenant_by_id
-- $1 UUID. The platform's admins may act in any tenant.
SELECT n, id, organisation_id, plan, time_zone, is_active
FROM tenants WHERE id = $1 AND deleted_at IS NULL;

-- name: system_tenant_of_organisation
-- $1 organisation. An organisation's key says no tenant: it has the one that is its organisation.
SELECT n, id, organisation_id, plan, time_zone, is_active
FROM tenants WHERE organisation_id = $1 AND deleted_at IS NULL;

-- name: system_tenants_of_user
-- $1 user. Before a person's tenant is known there is only the person. Two rows are enough to know
-- that he must say which.
SELECT t.n, t.id, t.organisation_id, t.plan, t.time_zone, t.is_active, m.role
FROM organisation_members m JOIN tenants t ON t.organisation_id = m.organisation_id
WHERE m.user_id = $1 AND t.deleted_at IS NULL ORDER BY t.n LIMIT 2;

-- name: system_tenant_of_user
-- $1 user, $2 UUID of the tenant that he names.
SELECT t.n, t.id, t.organisation_id, t.plan, t.time_zone, t.is_active, m.role
FROM organisation_members m JOIN tenants t ON t.organisation_id = m.organisation_id
WHERE m.user_id = $1 AND t.id = $2 AND t.deleted_at IS NULL;

-- name: system_tenant_add
-- $1 UUID, $2 organisation, $3 name, $4 slug, $5 plan, $6 e-mail, $7 phone, $8 billing address, $9
-- webhook URL, $10 settings, $11 time zone, $12 sealed secret, $13 now. There is no tenant yet to be in.
INSERT INTO tenants (id, organisation_id, name, slug, plan, contact_email, contact_phone,
    billing_address, webhook_url, settings, time_zone, webhook_sealed, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)
RETURNING *;

-- name: system_tenant_slug
-- $1 slug. Whether the caller may know of it is asked afterwards, with the id.
SELECT id FROM tenants WHERE slug = $1 AND deleted_at IS NULL;

-- name: system_tenants_found
-- $1 pattern of name, slug or e-mail, $2 plan, $3 active; null: any. $4 user, $5 organisation: only
-- his; null: the platform's admin sees all. The order is added.
SELECT t.* FROM tenants t WHERE t.deleted_at IS NULL
  AND (CAST($1 AS text) IS NULL OR lower(t.name) LIKE $1 ESCAPE '!' OR t.slug LIKE $1 ESCAPE '!'
       OR lower(t.contact_email) LIKE $1 ESCAPE '!')
  AND (CAST($2 AS text) IS NULL OR t.plan = $2)
  AND (CAST($3 AS boolean) IS NULL OR t.is_active = $3)
  AND (CAST($4 AS bigint) IS NULL OR EXISTS (SELECT 1 FROM organisation_members m
       WHERE m.organisation_id = t.organisation_id AND m.user_id = $4))
  AND (CAST($5 AS bigint) IS NULL OR t.organisation_id = $5);

-- name: system_tenants_count
-- As system_tenants_found.
SELECT count(*) FROM tenants t WHERE t.deleted_at IS NULL
  AND (CAST($1 AS text) IS NULL OR lower(t.name) LIKE $1 ESCAPE '!' OR t.slug LIKE $1 ESCAPE '!'
       OR lower(t.contact_email) LIKE $1 ESCAPE '!')
  AND (CAST($2 AS text) IS NULL OR t.plan = $2)
  AND (CAST($3 AS boolean) IS NULL OR t.is_active = $3)
  AND (CAST($4 AS bigint) IS NULL OR EXISTS (SELECT 1 FROM organisation_members m
       WHERE m.organisation_id = t.organisation_id AND m.user_id = $4))
  AND (CAST($5 AS bigint) IS NULL OR t.organisation_id = $5);

-- name: system_usage_sqlite
-- $1 list of n, $2 now: sums of the windows that hold now. The list of tenants shows all of a page.
SELECT u.tenant_n, u.kind, u.period_start, u.used FROM quota_usage u
WHERE u.tenant_n IN (SELECT value FROM json_each($1)) AND u.period_start <= $2 AND u.period_end > $2;

-- name: system_usage_postgres
SELECT u.tenant_n, u.kind, u.period_start, u.used FROM quota_usage u
WHERE u.tenant_n IN (SELECT CAST(jsonb_array_elements_text($1) AS bigint))
  AND u.period_start <= $2 AND u.period_end > $2;

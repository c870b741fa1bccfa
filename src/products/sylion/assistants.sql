-- SPDX-License-Identifier: Apache-2.0
-- Assistants. $1 is the tenant everywhere.

-- name: assistant_of
-- $2 UUID.
SELECT n, tenant_n, id, name, description, is_default, is_active, provider, model, system_prompt,
       temperature, max_tokens, enable_rag, rag_threshold, rag_max_results, knowledge_base_ids, handoff,
       created_at, updated_at
  FROM assistants WHERE tenant_n = $1 AND id = $2 AND deleted_at IS NULL

-- name: assistant_of_n
-- $2 n.
SELECT n, tenant_n, id, name, description, is_default, is_active, provider, model, system_prompt,
       temperature, max_tokens, enable_rag, rag_threshold, rag_max_results, knowledge_base_ids, handoff,
       created_at, updated_at
  FROM assistants WHERE tenant_n = $1 AND n = $2 AND deleted_at IS NULL

-- name: assistants_page
-- $2 pattern or null, $3 is_active or null, $4 limit, $5 offset.
SELECT n, tenant_n, id, name, description, is_default, is_active, provider, model, system_prompt,
       temperature, max_tokens, enable_rag, rag_threshold, rag_max_results, knowledge_base_ids, handoff,
       created_at, updated_at
  FROM assistants
 WHERE tenant_n = $1 AND deleted_at IS NULL
   AND (CAST($2 AS text) IS NULL OR lower(name) LIKE $2 ESCAPE '!' OR lower(description) LIKE $2 ESCAPE '!')
   AND (CAST($3 AS boolean) IS NULL OR is_active = $3)
 ORDER BY n DESC LIMIT $4 OFFSET $5

-- name: assistants_count
-- As assistants_page.
SELECT count(*) FROM assistants
 WHERE tenant_n = $1 AND deleted_at IS NULL
   AND (CAST($2 AS text) IS NULL OR lower(name) LIKE $2 ESCAPE '!' OR lower(description) LIKE $2 ESCAPE '!')
   AND (CAST($3 AS boolean) IS NULL OR is_active = $3)

-- name: assistants_hold
-- Whoever changes which one is the default waits here for the others (PostgreSQL: FOR UPDATE).
SELECT n FROM tenants WHERE n = $1

-- name: assistant_default_clear
-- $2 now, $3 true.
UPDATE assistants SET is_default = NOT $3, updated_at = $2
 WHERE tenant_n = $1 AND is_default = $3 AND deleted_at IS NULL

-- name: assistant_add
-- $2 id, $3 name, $4 description, $5 is_default, $6 is_active, $7 provider, $8 model, $9 system_prompt,
-- $10 temperature, $11 max_tokens, $12 enable_rag, $13 rag_threshold, $14 rag_max_results,
-- $15 knowledge_base_ids, $16 handoff, $17 now.
INSERT INTO assistants (tenant_n, id, name, description, is_default, is_active, provider, model,
       system_prompt, temperature, max_tokens, enable_rag, rag_threshold, rag_max_results,
       knowledge_base_ids, handoff, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17) RETURNING n

-- name: assistant_change
-- As assistant_add, but for $2 n and $17 updated_at.
UPDATE assistants SET name = $3, description = $4, is_default = $5, is_active = $6, provider = $7,
       model = $8, system_prompt = $9, temperature = $10, max_tokens = $11, enable_rag = $12,
       rag_threshold = $13, rag_max_results = $14, knowledge_base_ids = $15, handoff = $16,
       updated_at = $17
 WHERE tenant_n = $1 AND n = $2 AND deleted_at IS NULL

-- name: assistant_delete
-- $2 n, $3 now, $4 true.
UPDATE assistants SET deleted_at = $3, updated_at = $3, is_default = NOT $4
 WHERE tenant_n = $1 AND n = $2 AND deleted_at IS NULL

-- name: assistant_bindings_delete
-- $2 n.
DELETE FROM channel_bindings WHERE tenant_n = $1 AND assistant_n = $2

-- name: assistant_bases_sqlite
-- $2 UUIDs as a JSON list; those of the tenant's.
SELECT id FROM knowledge_bases
 WHERE tenant_n = $1 AND deleted_at IS NULL AND id IN (SELECT value FROM json_each($2))

-- name: assistant_bases_postgres
-- As for SQLite.
SELECT id FROM knowledge_bases
 WHERE tenant_n = $1 AND deleted_at IS NULL
   AND id IN (SELECT jsonb_array_elements_text(CAST($2 AS jsonb)))

-- Knowledge bases, and what a search shows of them. $1 is the tenant's n everywhere.

-- name: knowledge_base_add
-- $2 id, $3 name, $4 description, $5 now.
INSERT INTO knowledge_bases (tenant_n, id, name, description, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $5) RETURNING n

-- name: knowledge_base_find
-- $2 id.
SELECT b.*, (SELECT count(*) FROM knowledge_documents d
              WHERE d.tenant_n = $1 AND d.knowledge_base_n = b.n) AS document_count,
       (SELECT CAST(coalesce(sum(d.chunk_count), 0) AS bigint) FROM knowledge_documents d
         WHERE d.tenant_n = $1 AND d.knowledge_base_n = b.n) AS chunk_count,
       (SELECT CAST(coalesce(sum(d.size_bytes), 0) AS bigint) FROM knowledge_documents d
         WHERE d.tenant_n = $1 AND d.knowledge_base_n = b.n) AS size_bytes
  FROM knowledge_bases b WHERE b.tenant_n = $1 AND b.id = $2 AND b.deleted_at IS NULL

-- name: knowledge_bases_page
-- $2 pattern of the name (null: any), $3 limit, $4 offset.
SELECT b.*, (SELECT count(*) FROM knowledge_documents d
              WHERE d.tenant_n = $1 AND d.knowledge_base_n = b.n) AS document_count,
       (SELECT CAST(coalesce(sum(d.chunk_count), 0) AS bigint) FROM knowledge_documents d
         WHERE d.tenant_n = $1 AND d.knowledge_base_n = b.n) AS chunk_count,
       (SELECT CAST(coalesce(sum(d.size_bytes), 0) AS bigint) FROM knowledge_documents d
         WHERE d.tenant_n = $1 AND d.knowledge_base_n = b.n) AS size_bytes
  FROM knowledge_bases b
 WHERE b.tenant_n = $1 AND b.deleted_at IS NULL
   AND (CAST($2 AS text) IS NULL OR lower(b.name) LIKE $2 ESCAPE '!')
 ORDER BY b.n DESC LIMIT $3 OFFSET $4

-- name: knowledge_bases_count
-- $2 pattern of the name (null: any).
SELECT count(*) FROM knowledge_bases
 WHERE tenant_n = $1 AND deleted_at IS NULL
   AND (CAST($2 AS text) IS NULL OR lower(name) LIKE $2 ESCAPE '!')

-- name: knowledge_base_change
-- $2 id, $3 name, $4 description, $5 now.
UPDATE knowledge_bases SET name = $3, description = $4, updated_at = $5
 WHERE tenant_n = $1 AND id = $2 AND deleted_at IS NULL

-- name: knowledge_base_lock
-- $2 id, $3 now. What comes into a base, and its end, wait for each other at its row.
UPDATE knowledge_bases SET updated_at = $3
 WHERE tenant_n = $1 AND id = $2 AND deleted_at IS NULL RETURNING n

-- name: knowledge_base_delete
-- $2 id, $3 now.
UPDATE knowledge_bases SET deleted_at = $3, updated_at = $3
 WHERE tenant_n = $1 AND id = $2 AND deleted_at IS NULL RETURNING n

-- name: knowledge_passages_sqlite
-- Passages by the keys of chunks, a JSON list $2.
SELECT k.n, k.id AS chunk_id, d.id AS document_id, d.name AS document_name,
       b.id AS knowledge_base_id, k.heading, k.text, k.page, k.position, k.tokens
  FROM json_each($2) j CROSS JOIN knowledge_chunks k ON k.n = j.value
  CROSS JOIN knowledge_documents d ON d.n = k.document_n
  CROSS JOIN knowledge_bases b ON b.n = k.knowledge_base_n
 WHERE k.tenant_n = $1 AND k.change_seq > 0 AND b.deleted_at IS NULL

-- name: knowledge_passages_postgres
SELECT k.n, k.id AS chunk_id, d.id AS document_id, d.name AS document_name,
       b.id AS knowledge_base_id, k.heading, k.text, k.page, k.position, k.tokens
  FROM knowledge_chunks k JOIN knowledge_documents d ON d.n = k.document_n
  JOIN knowledge_bases b ON b.n = k.knowledge_base_n
 WHERE k.tenant_n = $1 AND k.change_seq > 0 AND b.deleted_at IS NULL
   AND k.n IN (SELECT CAST(jsonb_array_elements_text($2) AS bigint))

-- name: knowledge_chunk_key
-- $2 id of a chunk.
SELECT n FROM knowledge_chunks WHERE tenant_n = $1 AND id = $2 AND change_seq > 0

-- Files that a tenant has put here to send, and whose bytes are whose. $1 is the tenant's n everywhere.

-- name: media_add
-- $2 hash, $3 id, $4 name, $5 type, $6 bytes, $7 now. Changes nothing when it has them.
INSERT INTO media_files (tenant_n, sha256, id, name, mime_type, size_bytes, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant_n, sha256) DO NOTHING

-- name: media_load
-- $2 hash.
SELECT id, sha256 AS blob, name, mime_type, size_bytes, created_at FROM media_files
 WHERE tenant_n = $1 AND sha256 = $2

-- name: media_remove
-- $2 hash.
DELETE FROM media_files WHERE tenant_n = $1 AND sha256 = $2

-- name: media_sent_sqlite
-- $2 hash: 1 when a message has it.
SELECT count(*) FROM (SELECT 1 FROM messages WHERE tenant_n = $1 AND media IS NOT NULL
                         AND json_extract(media, '$.blob') = $2 LIMIT 1)

-- name: media_sent_postgres
SELECT count(*) FROM (SELECT 1 FROM messages WHERE tenant_n = $1 AND media IS NOT NULL
                         AND media->>'blob' = $2 LIMIT 1) m

-- name: media_own_sqlite
-- $2 hash: what the tenant knows these bytes as; no row: they are not its own.
SELECT name, mime_type FROM media_files WHERE tenant_n = $1 AND sha256 = $2
 UNION ALL
SELECT name, mime_type FROM knowledge_documents WHERE tenant_n = $1 AND sha256 = $2
 UNION ALL
SELECT json_extract(media, '$.filename') AS name, json_extract(media, '$.mimeType') AS mime_type
  FROM messages WHERE tenant_n = $1 AND media IS NOT NULL AND json_extract(media, '$.blob') = $2
 LIMIT 1

-- name: media_own_postgres
SELECT name, mime_type FROM media_files WHERE tenant_n = $1 AND sha256 = $2
 UNION ALL
SELECT name, mime_type FROM knowledge_documents WHERE tenant_n = $1 AND sha256 = $2
 UNION ALL
SELECT media->>'filename' AS name, media->>'mimeType' AS mime_type
  FROM messages WHERE tenant_n = $1 AND media IS NOT NULL AND media->>'blob' = $2
 LIMIT 1

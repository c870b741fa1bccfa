-- Documents of knowledge bases, and their chunks. $1 is the tenant's n everywhere. Whoever changes a
-- document or its chunks changes the document's row first: that lock is what an index job, a
-- deletion and a retry wait for each other at.

-- name: document_add
-- $2 id, $3 base, $4 name, $5 source, $6 URL, $7 type, $8 hash, $9 bytes, $10 now.
INSERT INTO knowledge_documents (tenant_n, id, knowledge_base_n, name, source, url, mime_type, sha256,
                                 size_bytes, status, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'uploaded', $10, $10) RETURNING n

-- name: document_find
-- $2 id.
SELECT d.*, b.id AS knowledge_base_id
  FROM knowledge_documents d JOIN knowledge_bases b ON b.n = d.knowledge_base_n
 WHERE d.tenant_n = $1 AND d.id = $2 AND b.deleted_at IS NULL

-- name: document_by_n
-- $2 n.
SELECT d.*, b.id AS knowledge_base_id
  FROM knowledge_documents d JOIN knowledge_bases b ON b.n = d.knowledge_base_n
 WHERE +d.tenant_n = $1 AND d.n = $2 AND b.deleted_at IS NULL

-- name: document_of_content
-- $2 base, $3 hash.
SELECT d.*, b.id AS knowledge_base_id
  FROM knowledge_documents d JOIN knowledge_bases b ON b.n = d.knowledge_base_n
 WHERE d.tenant_n = $1 AND d.knowledge_base_n = $2 AND d.sha256 = $3

-- name: documents_page
-- $2 base, $3 status (null: any), $4 limit, $5 offset.
SELECT d.*, b.id AS knowledge_base_id
  FROM knowledge_documents d JOIN knowledge_bases b ON b.n = d.knowledge_base_n
 WHERE d.tenant_n = $1 AND d.knowledge_base_n = $2
   AND (CAST($3 AS text) IS NULL OR d.status = $3)
 ORDER BY d.n DESC LIMIT $4 OFFSET $5

-- name: documents_count
-- $2 base, $3 status (null: any).
SELECT count(*) FROM knowledge_documents
 WHERE tenant_n = $1 AND knowledge_base_n = $2 AND (CAST($3 AS text) IS NULL OR status = $3)

-- name: documents_of_base
-- $2 base: what goes with it.
SELECT n, id, sha256, size_bytes FROM knowledge_documents
 WHERE tenant_n = $1 AND knowledge_base_n = $2 ORDER BY n

-- name: document_lock
-- $2 n, $3 revision. Changes one row, or the document is gone or another revision's.
UPDATE knowledge_documents SET revision = revision
 WHERE +tenant_n = $1 AND n = $2 AND revision = $3

-- name: document_touch
-- $2 n. For who does not mind the revision.
UPDATE knowledge_documents SET revision = revision WHERE +tenant_n = $1 AND n = $2

-- name: document_state
-- $2 n, $3 revision, $4 status, $5 reason, $6 now.
UPDATE knowledge_documents SET status = $4, reason = $5, updated_at = $6
 WHERE +tenant_n = $1 AND n = $2 AND revision = $3

-- name: document_read
-- $2 n, $3 revision, $4 type, $5 pages, $6 language, $7 note, $8 now: what extraction found.
UPDATE knowledge_documents SET mime_type = $4, page_count = $5, language = $6, status = 'indexing',
       reason = $7, updated_at = $8
 WHERE +tenant_n = $1 AND n = $2 AND revision = $3

-- name: document_indexed
-- $2 n, $3 revision, $4 chunks, $5 tokens, $6 embedding model, $7 note, $8 now.
UPDATE knowledge_documents SET status = 'indexed', chunk_count = $4, token_count = $5,
       embedding_model = $6, reason = $7, updated_at = $8, indexed_at = $8
 WHERE +tenant_n = $1 AND n = $2 AND revision = $3

-- name: document_again
-- $2 n, $3 revision that it had, $4 status, $5 reason, $6 now.
UPDATE knowledge_documents SET revision = revision + 1, status = $4, reason = $5, updated_at = $6
 WHERE +tenant_n = $1 AND n = $2 AND revision = $3

-- name: document_remove
-- $2 n.
DELETE FROM knowledge_documents WHERE +tenant_n = $1 AND n = $2

-- name: chunk_add
-- $2 n, $3 id, $4 base, $5 document, $6 revision, $7 position, $8 heading, $9 page, $10 text,
-- $11 tokens, $12 language, $13 now. With change number 0 nobody sees it yet.
INSERT INTO knowledge_chunks (tenant_n, n, id, knowledge_base_n, document_n, revision, position,
                              heading, page, text, tokens, language, change_seq, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, $13)

-- name: chunk_vector_add
-- $2 chunk, $3 model, $4 vector.
INSERT INTO chunk_vectors (tenant_n, chunk_n, model, vector) VALUES ($1, $2, $3, $4)

-- name: chunks_unstage
-- $2 document: what an index job that did not end left.
DELETE FROM knowledge_chunks WHERE tenant_n = $1 AND document_n = $2 AND change_seq = 0

-- name: chunks_publish
-- $2 document, $3 revision, $4 first of as many change numbers as there are chunks.
UPDATE knowledge_chunks SET change_seq = $4 + position
 WHERE tenant_n = $1 AND document_n = $2 AND revision = $3 AND change_seq = 0

-- name: chunks_forget
-- $2 document, $3 revision, $4 change number, $5 now: tombstones of what was seen of others.
INSERT INTO knowledge_deleted (n, change_seq, deleted_at)
SELECT n, $4, $5 FROM knowledge_chunks
 WHERE tenant_n = $1 AND document_n = $2 AND revision <> $3 AND change_seq > 0

-- name: chunks_remove
-- $2 document, $3 revision that stays.
DELETE FROM knowledge_chunks WHERE tenant_n = $1 AND document_n = $2 AND revision <> $3

-- name: document_chunks_page
-- $2 document, $3 limit, $4 offset: those that searches find.
SELECT id, position, heading, page, text, tokens, language, created_at FROM knowledge_chunks
 WHERE tenant_n = $1 AND document_n = $2 AND change_seq > 0
 ORDER BY position LIMIT $3 OFFSET $4

-- name: document_chunks_count
-- $2 document.
SELECT count(*) FROM knowledge_chunks WHERE tenant_n = $1 AND document_n = $2 AND change_seq > 0

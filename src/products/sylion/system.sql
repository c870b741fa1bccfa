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

-- name: system_conversation_jobs
-- $1 unique key of a conversation's job: how many wait or run. Jobs belong to no tenant.
SELECT count(*) FROM jobs
 WHERE kind = 'sylion.conversation' AND unique_key = $1 AND state IN ('waiting', 'running');

-- name: system_conversations_lost
-- $1 untouched since, $2 limit. Conversations in which something is to be done and for which no job waits
-- or runs, of whatever tenant: the sweep is the program's.
SELECT v.tenant_n, v.n AS conversation_n
  FROM (SELECT m.conversation_n AS n FROM messages m JOIN conversations o ON o.n = m.conversation_n
         WHERE m.status IN ('pending', 'sending') AND m.updated_at < $1
           AND (m.direction = 'outbound' OR o.status = 'active')
         UNION SELECT t.conversation_n FROM turns t WHERE t.finished_at IS NULL AND t.updated_at < $1) w
  JOIN conversations v ON v.n = w.n JOIN tenants e ON e.n = v.tenant_n
 WHERE e.deleted_at IS NULL
   AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.kind = 'sylion.conversation'
                      AND j.unique_key = CAST(v.n AS text) AND j.state IN ('waiting', 'running'))
 ORDER BY v.n LIMIT $2;

-- name: system_blob_used_sqlite
-- $1 hash. Bytes are stored once for all tenants: they may go when nobody's document, file or message
-- has them.
SELECT CASE WHEN EXISTS (SELECT 1 FROM knowledge_documents WHERE sha256 = $1)
              OR EXISTS (SELECT 1 FROM media_files WHERE sha256 = $1)
              OR EXISTS (SELECT 1 FROM messages
                          WHERE media IS NOT NULL AND json_extract(media, '$.blob') = $1)
            THEN 1 ELSE 0 END

-- name: system_blob_used_postgres
SELECT CASE WHEN EXISTS (SELECT 1 FROM knowledge_documents WHERE sha256 = $1)
              OR EXISTS (SELECT 1 FROM media_files WHERE sha256 = $1)
              OR EXISTS (SELECT 1 FROM messages WHERE media IS NOT NULL AND media->>'blob' = $1)
            THEN 1 ELSE 0 END

-- name: system_chunks
-- $1 < change_seq <= $2, in order, at most $3; $4 embedding model. The search index follows all tenants;
-- every search names one.
SELECT k.n, k.change_seq, k.heading, k.text, k.page, k.language, d.id AS document_id,
       d.name AS document_name, b.id AS knowledge_base_id, t.id AS tenant_id, v.vector
  FROM knowledge_chunks k JOIN knowledge_documents d ON d.n = k.document_n
  JOIN knowledge_bases b ON b.n = k.knowledge_base_n JOIN tenants t ON t.n = k.tenant_n
  LEFT JOIN chunk_vectors v ON v.chunk_n = k.n AND v.model = $4
 WHERE k.change_seq > $1 AND k.change_seq <= $2 ORDER BY k.change_seq LIMIT $3

-- name: system_changes_newest
-- The change sequence is one for all rows that are searched.
SELECT value FROM change_sequence WHERE id = 1

-- name: system_chunks_forgotten
-- Deletions up to this change number may be forgotten.
SELECT coalesce(max(change_seq), 0) FROM search_marks WHERE name = 'chunks_forgotten'

-- name: system_chunks_gone_upto
-- Up to which change number at most about $3 deletions of $1 < change_seq <= $2 are told: those of one
-- number together.
SELECT coalesce((SELECT change_seq FROM knowledge_deleted
                  WHERE change_seq > $1 AND change_seq <= $2
                  ORDER BY change_seq LIMIT 1 OFFSET $3), $2)

-- name: system_chunks_gone
-- $1 < change_seq <= $2.
SELECT n FROM knowledge_deleted WHERE change_seq > $1 AND change_seq <= $2 ORDER BY change_seq, n

-- name: system_chunks_forget
-- Before tombstones of before $1 go: whoever follows from further back must begin anew.
INSERT INTO search_marks (name, change_seq)
SELECT 'chunks_forgotten', coalesce(max(change_seq), 0) FROM knowledge_deleted WHERE deleted_at < $1
ON CONFLICT (name) DO UPDATE SET change_seq = excluded.change_seq
 WHERE search_marks.change_seq < excluded.change_seq

-- name: system_chunks_purge
-- $1 as above. Tombstones are keys, without a tenant.
DELETE FROM knowledge_deleted WHERE deleted_at < $1

-- name: system_stale_documents
-- $1 embedding model, $2 from which n on, $3 at most. After a change of the setting the documents of
-- all tenants are indexed anew.
SELECT d.n, d.tenant_n, d.revision FROM knowledge_documents d
  JOIN knowledge_bases b ON b.n = d.knowledge_base_n JOIN tenants t ON t.n = d.tenant_n
 WHERE d.status = 'indexed' AND d.embedding_model <> $1 AND d.n > $2
   AND b.deleted_at IS NULL AND t.deleted_at IS NULL ORDER BY d.n LIMIT $3

-- name: system_channel_by_id
-- $1 UUID. A webhook's address says a channel and no tenant. Also one that is gone, so that what still
-- comes for it can be told.
SELECT h.*, t.id AS tenant_id, (h.deleted_at IS NOT NULL OR t.deleted_at IS NOT NULL) AS gone
FROM channels h JOIN tenants t ON t.n = h.tenant_n WHERE h.id = $1 AND h.type = 'whatsapp';

-- name: system_channel_by_phone_id
-- $1 phone_number_id. A webhook's payload says the number and no tenant.
SELECT h.*, t.id AS tenant_id, t.deleted_at IS NOT NULL AS gone
FROM channels h JOIN tenants t ON t.n = h.tenant_n
WHERE h.phone_number_id = $1 AND h.deleted_at IS NULL AND h.type = 'whatsapp';

-- name: system_channel_by_phone
-- $1 E.164.
SELECT h.*, t.id AS tenant_id, t.deleted_at IS NOT NULL AS gone
FROM channels h JOIN tenants t ON t.n = h.tenant_n
WHERE h.whatsapp_phone_number = $1 AND h.deleted_at IS NULL AND h.type = 'whatsapp';

-- name: system_channel_gone
-- $1 phone_number_id, $2 E.164; either may be null. The last one that had the number.
SELECT h.*, t.id AS tenant_id, TRUE AS gone
FROM channels h JOIN tenants t ON t.n = h.tenant_n
WHERE (h.phone_number_id = $1 OR h.whatsapp_phone_number = $2) AND h.deleted_at IS NOT NULL
  AND h.type = 'whatsapp'
ORDER BY h.n DESC LIMIT 1;

-- name: system_stray_add
-- $1 source, $2 number, $3 reason, $4 detail, $5 payload, $6 now. What is a stray has no tenant.
INSERT INTO webhook_strays (source, number, reason, detail, payload, count, first_at, last_at)
VALUES ($1, $2, $3, $4, $5, 1, $6, $6)
ON CONFLICT (source, number, reason) DO UPDATE SET detail = excluded.detail,
    payload = excluded.payload, count = webhook_strays.count + 1, last_at = excluded.last_at
RETURNING count;

-- name: system_strays_trim
-- $1 how many rows there may be, but for what was deleted between.
DELETE FROM webhook_strays WHERE n <= (SELECT max(n) FROM webhook_strays) - $1;

-- name: system_strays
-- $1 limit, $2 offset.
SELECT n AS id, source, number, reason, detail, payload, count, first_at, last_at
FROM webhook_strays ORDER BY last_at DESC, n DESC LIMIT $1 OFFSET $2;

-- name: system_strays_count
SELECT count(*) FROM webhook_strays;

-- name: system_stray_remove
-- $1 n.
DELETE FROM webhook_strays WHERE n = $1;

-- name: system_strays_clear
DELETE FROM webhook_strays;

-- name: system_figures
-- How much there is in all, for the platform's admins.
SELECT (SELECT count(*) FROM tenants WHERE deleted_at IS NULL) AS tenants,
       (SELECT count(*) FROM tenants WHERE deleted_at IS NULL AND is_active) AS active_tenants,
       (SELECT count(*) FROM channels WHERE deleted_at IS NULL) AS channels,
       (SELECT count(*) FROM assistants WHERE deleted_at IS NULL) AS assistants,
       (SELECT count(*) FROM conversations) AS conversations,
       (SELECT count(*) FROM turns WHERE finished_at IS NULL) AS open_turns,
       (SELECT count(*) FROM knowledge_documents) AS documents,
       (SELECT count(*) FROM webhook_strays) AS strays;

-- name: system_tenants_after
-- $1 n after, $2 at most. For the command line.
SELECT * FROM tenants WHERE n > $1 AND deleted_at IS NULL ORDER BY n LIMIT $2;

-- name: system_stuck_documents
-- $1 at most: documents under way, of all tenants, that no job is about.
SELECT d.n, d.tenant_n, d.revision FROM knowledge_documents d
  JOIN knowledge_bases b ON b.n = d.knowledge_base_n JOIN tenants t ON t.n = d.tenant_n
 WHERE d.status IN ('uploaded', 'extracting', 'indexing')
   AND b.deleted_at IS NULL AND t.deleted_at IS NULL
   AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.kind = 'sylion.index'
                      AND j.unique_key = CAST(d.n AS text) || ':' || CAST(d.revision AS text)
                      AND j.state IN ('waiting', 'running'))
 ORDER BY d.n LIMIT $1;

-- name: system_visited_channel
-- $1 UUID. A visitor's page names a channel and no tenant.
SELECT h.*, t.id AS tenant_id FROM channels h JOIN tenants t ON t.n = h.tenant_n
WHERE h.id = $1 AND h.type IN ('web', 'voice') AND h.is_active AND h.deleted_at IS NULL
  AND t.is_active AND t.deleted_at IS NULL;

-- name: system_widget_expired
-- $1 now, $2 at most: sessions of all tenants that have expired.
SELECT n, contact_n FROM widget_sessions WHERE expires_at <= $1 ORDER BY n LIMIT $2;

-- name: system_widget_session_remove
-- $1 n.
DELETE FROM widget_sessions WHERE n = $1;

-- name: system_widget_contact_remove
-- $1 n of a contact: a visitor who never wrote leaves nothing behind.
DELETE FROM contacts WHERE n = $1
  AND NOT EXISTS (SELECT 1 FROM conversations v WHERE v.contact_n = $1)
  AND NOT EXISTS (SELECT 1 FROM widget_sessions w WHERE w.contact_n = $1);

-- name: system_demo_channel
-- $1 slug of a tenant: the channel that the widget's demo page shows.
SELECT h.id FROM channels h JOIN tenants t ON t.n = h.tenant_n
WHERE t.slug = $1 AND t.is_active AND t.deleted_at IS NULL
  AND h.type = 'web' AND h.is_active AND h.deleted_at IS NULL ORDER BY h.n LIMIT 1

/* SPDX-License-Identifier: Apache-2.0
 * Documents: storing one, giving it back, and their routes. How one comes in is document_in.c's; how it
 * is read and indexed index_run.c's. */
#include "products/sylion/document_in.h"

#include "api/blob_use.h"
#include "products/sylion/documents_sql.h"
#include "products/sylion/knowledge.h"
#include "products/sylion/knowledge_sql.h"
#include "products/sylion/quota.h"
#include "products/sylion/routes.h"
#include "products/sylion/system_sql.h"
#include "products/sylion/sylion.h"

#define DOCUMENT_FIELDS                                                                     \
    FIELD(Document, id, .format = "uuid"), FIELD(Document, tenant_id, .format = "uuid"),    \
        FIELD(Document, knowledge_base_id, .format = "uuid"), FIELD(Document, name),        \
        FIELD(Document, source, .doc = "upload, url, text"),                                \
        FIELD(Document, url, .flags = F_NULLABLE), FIELD(Document, mime_type),              \
        FIELD(Document, sha256), FIELD(Document, size_bytes),                               \
        FIELD(Document, status, .doc = "uploaded, extracting, indexing, indexed, failed"),  \
        FIELD(Document, reason, .flags = F_NULLABLE,                                        \
              .doc = "Why it failed, what it waits for, or what is odd about it"),          \
        FIELD(Document, language, .flags = F_NULLABLE), FIELD(Document, page_count),        \
        FIELD(Document, chunk_count), FIELD(Document, token_count),                         \
        FIELD(Document, embedding_model, .flags = F_NULLABLE), FIELD(Document, created_at), \
        FIELD(Document, updated_at), FIELD(Document, indexed_at, .flags = F_NULLABLE)
static const Field document_fields[] = {DOCUMENT_FIELDS};
const Record document_record = RECORD_AS("KnowledgeDocument", Document, document_fields,
                                         .camel = true, .doc = "A document of a knowledge base");
static const Field document_row_fields[] = {
    DOCUMENT_FIELDS, FIELD(Document, n), FIELD(Document, tenant_n),
    FIELD(Document, knowledge_base_n), FIELD(Document, revision)};
const Record document_row_record = RECORD_AS("KnowledgeDocumentRow", Document, document_row_fields);

Err *document_load(Ctx *c, const Scope *s, Str id, Document *out) {
    TRY(tenant_found(c, s, SQL(SQL_DOCUMENT_FIND), ARGS(V(str_lower(c->arena, id))),
                     &document_row_record, "DOCUMENT_NOT_FOUND", out));
    out->tenant_id = s->tenant_id;
    return NULL;
}

/* -- Storing --------------------------------------------------------------------------------------- */

static Err *index_ask(Ctx *c, const Scope *s, const Document *d) {
    Str payload = strf(c->arena, "{\"tenant\":%lld,\"document\":%lld,\"revision\":%lld}",
                       (long long)s->tenant.value, (long long)d->n.value, (long long)d->revision);
    Str key = strf(c->arena, "%lld:%lld", (long long)d->n.value, (long long)d->revision);
    return job_add(c, INDEX_JOB, payload,
                   (JobOptions){.unique_key = key, .max_attempts = INDEX_TRIES}, NULL);
}

static Err *document_insert(Ctx *c, const Scope *s, const DocumentIn *in, Id base, Document *d) {
    *d = (Document){
        .tenant_n = s->tenant,
        .tenant_id = s->tenant_id,
        .knowledge_base_n = base,
        .id = uuid_v7(c->arena),
        .knowledge_base_id = in->knowledge_base_id,
        .name = in->name,
        .source = in->source,
        .url = in->url,
        .mime_type = in->mime_type,
        .sha256 = in->sha256,
        .status = S("uploaded"),
        .size_bytes = in->size_bytes,
        .revision = 1,
        .created_at = time_now(),
        .indexed_at = TIME_NULL,
    };
    d->updated_at = d->created_at;
    TRY(tenant_int(c, s, SQL(SQL_DOCUMENT_ADD),
                   ARGS(V(d->id), V(base), V(d->name), V(d->source), V(d->url), V(d->mime_type),
                        V(d->sha256), V(d->size_bytes), V(d->created_at)),
                   &d->n.value));
    TRY(quota_use(c, s, QUOTA_STORAGE, strf(c->arena, "document:%.*s", S_ARG(d->id)),
                  &(Use){.amount = d->size_bytes}));
    return index_ask(c, s, d);
}

Err *document_add(Ctx *c, const Scope *s, const DocumentIn *in, Document *out, bool *added) {
    Id base;
    bool found;
    assert(in->sha256.len == 64 && in->size_bytes > 0);
    Err *err = tenant_int(c, s, SQL(SQL_KNOWLEDGE_BASE_LOCK),
                          ARGS(V(in->knowledge_base_id), V(time_now())), &base.value);
    if (err && err->kind == ERR_NOT_FOUND)
        return sylion_err(c, ERR_NOT_FOUND, "KNOWLEDGE_BASE_NOT_FOUND", "Knowledge base not found");
    TRY(err);
    TRY(tenant_maybe(c, s, SQL(SQL_DOCUMENT_OF_CONTENT), ARGS(V(base), V(in->sha256)),
                     &document_row_record, out, &found));
    *added = !found;
    if (!found) return document_insert(c, s, in, base, out);
    out->tenant_id = s->tenant_id;
    /* Given again after a failure: what was wrong may have passed. */
    return str_eq(out->status, S("failed")) ? document_retry(c, s, out->id, out) : NULL;
}

Err *document_remove(Ctx *c, const Scope *s, const Document *d) {
    int64_t seq;
    ptrdiff_t touched;
    TRY(tenant_exec(c, s, SQL(SQL_DOCUMENT_TOUCH), ARGS(V(d->n)), &touched));
    if (touched == 0) return NULL;
    TRY(quota_use(c, s, QUOTA_STORAGE, strf(c->arena, "document:%.*s:removed", S_ARG(d->id)),
                  &(Use){.amount = -d->size_bytes}));
    TRY(document_blob_drop(c, d->sha256));
    TRY(db_next_change(c, 1, &seq));
    TRY(tenant_exec(c, s, SQL(SQL_CHUNKS_FORGET),
                    ARGS(V(d->n), V((int64_t)0), V(seq), V(time_now())), NULL));
    TRY(tenant_exec(c, s, SQL(SQL_CHUNKS_REMOVE), ARGS(V(d->n), V((int64_t)0)), NULL));
    return tenant_exec(c, s, SQL(SQL_DOCUMENT_REMOVE), ARGS(V(d->n)), NULL);
}

Err *document_retry(Ctx *c, const Scope *s, Str id, Document *out) {
    ptrdiff_t changed;
    TRY(document_load(c, s, id, out));
    out->updated_at = time_now();
    TRY(tenant_exec(
        c, s, SQL(SQL_DOCUMENT_AGAIN),
        ARGS(V(out->n), V(out->revision), V(S("uploaded")), V((Str){0}), V(out->updated_at)),
        &changed));
    if (changed == 0)
        return sylion_err(c, ERR_CONFLICT, "DOCUMENT_IN_PROGRESS",
                          "Somebody else has asked for the same just now.");
    out->status = S("uploaded");
    out->reason = (Str){0};
    out->revision++;
    return index_ask(c, s, out);
}

/* -- Bytes ----------------------------------------------------------------------------------------- */

Err *document_blob_drop(Ctx *c, Str sha256) {
    Str payload = strf(c->arena, "{\"blob\":\"%.*s\"}", S_ARG(sha256));
    return job_add(c, DOCUMENT_BLOB_JOB, payload,
                   (JobOptions){.delay_ms = BLOB_UNUSED_WAIT_MS}, NULL);
}

Err *document_blob_run(Ctx *c, Job *job) {
    json_t *payload;
    TRY(json_parse(c, job->payload.text, &payload));
    Str blob = json_str(json_at(payload, "blob"));
    if (blob.len != 64) FAIL(c, INVALID, "A job without the blob that it is to remove.");
    return blob_unused_remove(c, blob);
}

Err *sylion_has_blob(Ctx *c, Str hash, bool *yes) {
    int64_t used;
    TRY(system_int(c, SQL2(SQL_SYSTEM_BLOB_USED_SQLITE, SQL_SYSTEM_BLOB_USED_POSTGRES),
                   ARGS(V(hash)), &used));
    *yes = used != 0;
    return NULL;
}

/* -- Routes ---------------------------------------------------------------------------------------- */

static const char *const statuses[] = {"uploaded", "extracting", "indexing",
                                       "indexed",  "failed",     NULL};
typedef struct DocumentsQuery {
    int64_t page, limit;
    Str status;
} DocumentsQuery;
static const Field documents_query_fields[] = {
    PAGE_FIELDS(DocumentsQuery),
    FIELD(DocumentsQuery, status, .flags = F_NULLABLE, .values = statuses),
};
static const Record documents_query_record =
    RECORD(DocumentsQuery, documents_query_fields, .open = true, .camel = true);

typedef struct DocumentWrite {
    Call *k;
    Scope s;
    DocumentIn in;
    Document *out;
    Str id;
} DocumentWrite;

static Err *document_store(Ctx *c, void *arg) {
    DocumentWrite *w = arg;
    bool added;
    TRY(document_add(c, &w->s, &w->in, w->out, &added));
    w->k->r->status = added ? 201 : 200;
    TRY(call_settle(c, w->k));
    return added ? tenant_tell(c, &w->s, "document.updated", &document_record, w->out) : NULL;
}

static Err *document_create(Ctx *c, Call *k) {
    DocumentWrite w = {.k = k, .out = call_out(k)};
    KnowledgeBase base;
    TRY(scope_of(c, k, (Str){0}, &w.s));
    TRY(knowledge_base_load(c, &w.s, k->params[0], &base));
    w.in.knowledge_base_id = base.id;
    TRY(document_take(c, &w.s, k->q, &w.in));
    Err *err = db_transaction(c, document_store, &w);
    if (err) {
        Err *left = document_blob_drop(c, w.in.sha256);
        (void)left; /* bytes that nobody has; what was wrong is said */
    }
    return err;
}

static Err *documents_list(Ctx *c, Call *k) {
    const DocumentsQuery *q = k->query;
    KnowledgeBase base;
    Scope s;
    Rows rows;
    int64_t total;
    TRY(scope_of(c, k, (Str){0}, &s));
    TRY(knowledge_base_load(c, &s, k->params[0], &base));
    TRY(tenant_query(c, &s, SQL(SQL_DOCUMENTS_PAGE),
                     ARGS(V(base.n), V(q->status), V(q->limit), V((q->page - 1) * q->limit)),
                     &document_row_record, &rows));
    TRY(tenant_int(c, &s, SQL(SQL_DOCUMENTS_COUNT), ARGS(V(base.n), V(q->status)), &total));
    for (ptrdiff_t i = 0; i < rows.count; i++) ((Document *)rows.items)[i].tenant_id = s.tenant_id;
    call_list(c, k, rows, total, (Str){0});
    return NULL;
}

static Err *document_get(Ctx *c, Call *k) {
    Scope s;
    TRY(scope_of(c, k, (Str){0}, &s));
    return document_load(c, &s, k->params[0], call_out(k));
}

static Err *document_erase(Ctx *c, void *arg) {
    DocumentWrite *w = arg;
    Document d;
    TRY(document_load(c, &w->s, w->id, &d));
    TRY(document_remove(c, &w->s, &d));
    TRY(call_settle(c, w->k));
    d.status = S("deleted");
    return tenant_tell(c, &w->s, "document.updated", &document_record, &d);
}

static Err *document_delete(Ctx *c, Call *k) {
    DocumentWrite w = {.k = k, .id = str_lower(c->arena, k->params[0])};
    Deleted *out = call_out(k);
    TRY(scope_of(c, k, (Str){0}, &w.s));
    out->id = w.id;
    out->deleted = true;
    return db_transaction(c, document_erase, &w);
}

static Err *document_again(Ctx *c, void *arg) {
    DocumentWrite *w = arg;
    TRY(document_retry(c, &w->s, w->id, w->out));
    TRY(call_settle(c, w->k));
    return tenant_tell(c, &w->s, "document.updated", &document_record, w->out);
}

static Err *document_retried(Ctx *c, Call *k) {
    DocumentWrite w = {.k = k, .out = call_out(k), .id = k->params[0]};
    TRY(scope_of(c, k, (Str){0}, &w.s));
    return db_transaction(c, document_again, &w);
}

/* -- Chunks ---------------------------------------------------------------------------------------- */

typedef struct ChunkRow {
    Str id, heading, text, language;
    int64_t position, tokens;
    OptInt page;
    Time created_at;
} ChunkRow;
static const Field chunk_fields[] = {
    FIELD(ChunkRow, id, .format = "uuid"),
    FIELD(ChunkRow, position),
    FIELD(ChunkRow, heading, .flags = F_NULLABLE),
    FIELD(ChunkRow, page),
    FIELD(ChunkRow, text),
    FIELD(ChunkRow, tokens),
    FIELD(ChunkRow, language, .flags = F_NULLABLE),
    FIELD(ChunkRow, created_at),
};
static const Record chunk_record = RECORD_AS("KnowledgeChunk", ChunkRow, chunk_fields,
                                             .camel = true, .doc = "A passage as searches find it");
typedef struct ChunksQuery {
    int64_t page, limit;
} ChunksQuery;
static const Field chunks_query_fields[] = {PAGE_FIELDS(ChunksQuery)};
static const Record chunks_query_record = RECORD_AS(
    "KnowledgeChunksQuery", ChunksQuery, chunks_query_fields, .open = true, .camel = true);

static Err *document_chunks(Ctx *c, Call *k) {
    const ChunksQuery *q = k->query;
    Document d;
    Scope s;
    Rows rows;
    int64_t total;
    TRY(scope_of(c, k, (Str){0}, &s));
    TRY(document_load(c, &s, k->params[0], &d));
    TRY(tenant_query(c, &s, SQL(SQL_DOCUMENT_CHUNKS_PAGE),
                     ARGS(V(d.n), V(q->limit), V((q->page - 1) * q->limit)), &chunk_record, &rows));
    TRY(tenant_int(c, &s, SQL(SQL_DOCUMENT_CHUNKS_COUNT), ARGS(V(d.n)), &total));
    call_list(c, k, rows, total, (Str){0});
    return NULL;
}

const Route document_routes[] = {
    {POST, "/api/v1/knowledge-bases/{id}/documents", document_create, WRITES, .in_raw = true,
     .in_type = "multipart/form-data, application/json", .out = &document_record,
     .timeout_ms = 10 * 60 * 1000, .idempotent = true, .errors = "400 403 404 409 413 415 429 507",
     .doc =
         "Add a document: a file (multipart `file`), {url} or {text, name}. 201; 200 with the one "
         "that has the same content. It is read and indexed afterwards: see its status"},
    {GET, "/api/v1/knowledge-bases/{id}/documents", documents_list, READS,
     .query = &documents_query_record, .out = &document_record, .out_list = true,
     .errors = "400 404", .doc = "Its documents, the newest first"},
    {GET, "/api/v1/documents/{id}", document_get, READS, .out = &document_record,
     .errors = "400 404", .doc = "A document and how far it is"},
    {DELETE, "/api/v1/documents/{id}", document_delete, WRITES, .out = &deleted_record,
     .errors = "400 403 404", .doc = "Delete it: searches do not find it any more"},
    {POST, "/api/v1/documents/{id}/retry", document_retried, WRITES, .out = &document_record,
     .status = 202, .idempotent = true, .errors = "400 403 404 409",
     .doc = "Read and index it anew, after a failure or to have it read by a newer version"},
    {GET, "/api/v1/documents/{id}/chunks", document_chunks, READS, .query = &chunks_query_record,
     .out = &chunk_record, .out_list = true, .errors = "400 404",
     .doc = "The passages that searches find, in their order"},
    {0},
};

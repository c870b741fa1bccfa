/* SPDX-License-Identifier: Apache-2.0
 * The search index `chunks`: every passage of every tenant's knowledge, its words and its vector. No
 * search is possible without naming the tenant (partition_field), and what it finds is read from
 * the database in the tenant's scope once more.
 *
 * Only vectors of the present embedding model are in it: the model is part of its version, so that
 * another one builds it anew, and passages not yet embedded by it are found by their words. */
#include <string.h>

#include "ai/embed.h"
#include "core/map.h"
#include "data/db.h"
#include "products/sylion/knowledge.h"
#include "products/sylion/knowledge_sql.h"
#include "products/sylion/support.h"
#include "products/sylion/system_sql.h"

enum { FEED_MAX = 1000, FORMAT = 1 };

static const SearchField fields[CHUNK_FIELDS] = {
    [CHUNK_HEADING] = {"heading", SEARCH_TEXT, SEARCH_FOR},
    [CHUNK_TEXT] = {"text", SEARCH_TEXT, SEARCH_FOR},
    [CHUNK_NAME] = {"name", SEARCH_TEXT, SEARCH_FOR},
    [CHUNK_TENANT] = {"tenant", SEARCH_KEYWORD, SEARCH_FILTER},
    [CHUNK_BASE] = {"knowledge_base", SEARCH_KEYWORD, SEARCH_FILTER},
    [CHUNK_DOCUMENT] = {"document", SEARCH_KEYWORD, SEARCH_FILTER},
    [CHUNK_LANGUAGE] = {"language", SEARCH_KEYWORD, SEARCH_FILTER},
    [CHUNK_PAGE] = {"page", SEARCH_INT, SEARCH_FILTER},
    [CHUNK_VECTOR] = {"vector", SEARCH_VECTOR, 0},
};

/* -- Rows ------------------------------------------------------------------------------------------ */

typedef struct ChunkChange {
    int64_t n, change_seq;
    Str heading, text, language, document_id, document_name, knowledge_base_id, tenant_id, vector;
    OptInt page;
} ChunkChange;
static const Field change_fields[] = {
    FIELD(ChunkChange, n),
    FIELD(ChunkChange, change_seq),
    FIELD(ChunkChange, heading, .flags = F_NULLABLE),
    FIELD(ChunkChange, text),
    FIELD(ChunkChange, language, .flags = F_NULLABLE),
    FIELD(ChunkChange, document_id),
    FIELD(ChunkChange, document_name),
    FIELD(ChunkChange, knowledge_base_id),
    FIELD(ChunkChange, tenant_id),
    FIELD(ChunkChange, vector, .flags = F_NULLABLE),
    FIELD(ChunkChange, page),
};
static const Record change_record = RECORD(ChunkChange, change_fields);

typedef struct Gone {
    int64_t n;
} Gone;
static const Field gone_fields[] = {FIELD(Gone, n)};
static const Record gone_record = RECORD(Gone, gone_fields);

static SearchDef chunks_index;

static void chunk_describe(SearchDocs *d, const ChunkChange *row) {
    search_doc(d, row->n);
    search_doc_text(d, CHUNK_HEADING, row->heading);
    search_doc_text(d, CHUNK_TEXT, row->text);
    search_doc_text(d, CHUNK_NAME, row->document_name);
    search_doc_text(d, CHUNK_TENANT, row->tenant_id);
    search_doc_text(d, CHUNK_BASE, row->knowledge_base_id);
    search_doc_text(d, CHUNK_DOCUMENT, row->document_id);
    search_doc_text(d, CHUNK_LANGUAGE, row->language);
    if (row->page.set) search_doc_int(d, CHUNK_PAGE, row->page.value);
    float vector[EMBED_DIMENSIONS_MAX];
    ptrdiff_t wanted = chunks_index.dims * (ptrdiff_t)sizeof *vector;
    if (row->vector.len != wanted) return;
    memcpy(vector, row->vector.data, (size_t)wanted);
    search_doc_vector(d, vector);
}

/* -- The feed -------------------------------------------------------------------------------------- */

static Err *newest(Ctx *c, int64_t *seq) {
    return system_int(c, SQL(SQL_SYSTEM_CHANGES_NEWEST), NO_ARGS, seq);
}

static Err *oldest(Ctx *c, int64_t *seq) {
    return system_int(c, SQL(SQL_SYSTEM_CHUNKS_FORGOTTEN), NO_ARGS, seq);
}

static Err *changes(Ctx *c, int64_t after, int64_t upto, int64_t limit, SearchDocs *out,
                    int64_t *covered) {
    Rows chunks, gone;
    limit = min_i64(limit, FEED_MAX);
    TRY(system_query(c, SQL(SQL_SYSTEM_CHUNKS),
                     ARGS(V(after), V(upto), V(limit), V(embed_model(c->arena))), &change_record,
                     &chunks));
    TRY(system_int(c, SQL(SQL_SYSTEM_CHUNKS_GONE_UPTO), ARGS(V(after), V(upto), V(limit)),
                   covered));
    const ChunkChange *row = chunks.items;
    if (chunks.count == limit) *covered = min_i64(*covered, row[limit - 1].change_seq);
    TRY(system_query(c, SQL(SQL_SYSTEM_CHUNKS_GONE), ARGS(V(after), V(*covered)), &gone_record,
                     &gone));
    for (ptrdiff_t i = 0; i < chunks.count && row[i].change_seq <= *covered; i++)
        chunk_describe(out, &row[i]);
    for (ptrdiff_t i = 0; i < gone.count; i++) search_doc_gone(out, ((Gone *)gone.items)[i].n);
    return NULL;
}

/* Change numbers are given out in order of commit, so all up to the newest are there to be read. */
static Err *feed(Ctx *c, int64_t after, int64_t limit, SearchDocs *out, int64_t *covered) {
    int64_t upto;
    TRY(newest(c, &upto));
    if (upto > after) return changes(c, after, upto, limit, out, covered);
    *covered = after;
    return NULL;
}

static SearchDef chunks_index = {
    .name = "chunks",
    .fields = fields,
    .field_count = CHUNK_FIELDS,
    .order_field = -1,
    .partition_field = CHUNK_TENANT,
    .tuning = {.stem = true, .stop_words = question_stop_words},
    .version = FORMAT,
    .feed = feed,
    .newest = newest,
    .oldest = oldest,
};

Err *chunk_index_prepare(Ctx *c) {
    uint64_t model = str_hash(embed_model(c->arena));
    chunks_index.dims = embed_dimensions();
    chunks_index.version = (int)((model & 0x0FFFFFFF) * 4 + FORMAT);
    jobs_queue_limit(INDEX_QUEUE, INDEX_AT_ONCE);
    return NULL;
}

Err *knowledge_start(Ctx *c) {
    if (!app_serves(c->app)) return NULL;
    return job_add(c, STALE_JOB, (Str){0}, (JobOptions){.unique_key = S("stale")}, NULL);
}

/* -- The collection -------------------------------------------------------------------------------- */

static const Field document_fields[] = {
    {.name = "id", .kind = KIND_STR, .offset = offsetof(ChunkDocument, chunk_id)},
    FIELD(ChunkDocument, document_id),
    FIELD(ChunkDocument, document_name),
    FIELD(ChunkDocument, knowledge_base_id),
    FIELD(ChunkDocument, heading, .flags = F_NULLABLE),
    FIELD(ChunkDocument, text),
    FIELD(ChunkDocument, page),
    FIELD(ChunkDocument, position),
};
static const Record document_shown = RECORD_AS("ChunkDocument", ChunkDocument, document_fields);
static const Field chunk_row_fields[] = {
    FIELD(ChunkDocument, n),
    FIELD(ChunkDocument, chunk_id),
    FIELD(ChunkDocument, document_id),
    FIELD(ChunkDocument, document_name),
    FIELD(ChunkDocument, knowledge_base_id),
    FIELD(ChunkDocument, heading, .flags = F_NULLABLE),
    FIELD(ChunkDocument, text),
    FIELD(ChunkDocument, page),
    FIELD(ChunkDocument, position),
    FIELD(ChunkDocument, tokens),
};
static const Record chunk_row_record =
    RECORD_AS("ChunkDocumentRow", ChunkDocument, chunk_row_fields);

Err *chunks_load(Ctx *c, const Scope *s, const int64_t *keys, ptrdiff_t count, Rows *out) {
    Buf b = buf_new(c->arena, 16 * count + 2);
    for (ptrdiff_t i = 0; i < count; i++) buf_f(&b, "%c%lld", i ? ',' : '[', (long long)keys[i]);
    buf_add(&b, count ? S("]") : S("[]"));
    return tenant_query(c, s, SQL2(SQL_KNOWLEDGE_PASSAGES_SQLITE, SQL_KNOWLEDGE_PASSAGES_POSTGRES),
                        ARGS(V((JsonText){buf_str(&b)})), &chunk_row_record, out);
}

typedef struct TenantRow {
    Id n;
    Str id;
} TenantRow;
static const Field tenant_row_fields[] = {FIELD(TenantRow, n), FIELD(TenantRow, id)};
static const Record tenant_row_record = RECORD_AS("TenantKey", TenantRow, tenant_row_fields);

/* The tenant of who searches by Meilisearch's routes, where no tenant can be named: his key's, or the
 * only one that he belongs to. */
static Err *tenant_of_account(Ctx *c, TenantRow *out) {
    Rows rows;
    if (!id_is_none(c->account.organisation))
        TRY(system_query(c, SQL(SQL_SYSTEM_TENANT_OF_ORGANISATION),
                         ARGS(V(c->account.organisation)), &tenant_row_record, &rows));
    else
        TRY(system_query(c, SQL(SQL_SYSTEM_TENANTS_OF_USER), ARGS(V(c->account.user)),
                         &tenant_row_record, &rows));
    if (rows.count != 1)
        FAIL(c, FORBIDDEN, "This index is searched by a tenant's members and keys.");
    *out = *(TenantRow *)rows.items;
    return NULL;
}

static Err *partition(Ctx *c, Str *out) {
    TenantRow tenant;
    TRY(tenant_of_account(c, &tenant));
    *out = tenant.id;
    return NULL;
}

static Err *documents_load(Ctx *c, const int64_t *keys, ptrdiff_t count, void *documents,
                           bool *found) {
    ChunkDocument *out = documents;
    TenantRow tenant;
    Scope s;
    Rows rows;
    TRY(tenant_of_account(c, &tenant));
    TRY(scope_of_tenant(c, tenant.n, &s));
    TRY(chunks_load(c, &s, keys, count, &rows));
    ChunkDocument *row = rows.items;
    Map by_key = {.arena = c->arena};
    for (ptrdiff_t i = 0; i < rows.count; i++)
        map_set(&by_key, str_of((const char *)&row[i].n, sizeof row[i].n), &row[i]);
    for (ptrdiff_t i = 0; i < count; i++) {
        const ChunkDocument *one = map_get(&by_key, str_of((const char *)&keys[i], sizeof keys[i]));
        found[i] = one != NULL;
        if (one) out[i] = *one;
    }
    return NULL;
}

static Err *document_key(Ctx *c, Str id, int64_t *key) {
    TenantRow tenant;
    Scope s;
    TRY(tenant_of_account(c, &tenant));
    TRY(scope_of_tenant(c, tenant.n, &s));
    return tenant_int(c, &s, SQL(SQL_KNOWLEDGE_CHUNK_KEY), ARGS(V(id)), key);
}

const Collection chunks_collection = {
    .def = &chunks_index,
    .primary_key = "id",
    .record = &document_shown,
    .load = documents_load,
    .key = document_key,
    .partition = partition,
};

/* -- Clean-up -------------------------------------------------------------------------------------- */

static Err *tombstones_purge(Ctx *c, void *arg) {
    const Time *before = arg;
    TRY(system_exec(c, SQL(SQL_SYSTEM_CHUNKS_FORGET), ARGS(V(*before)), NULL));
    return system_exec(c, SQL(SQL_SYSTEM_CHUNKS_PURGE), ARGS(V(*before)), NULL);
}

Err *knowledge_purge_run(Ctx *c, Job *job) {
    Time before = time_add(time_now(), -KNOWLEDGE_TOMBSTONE_DAYS * US_PER_DAY);
    (void)job;
    return db_transaction(c, tombstones_purge, &before);
}

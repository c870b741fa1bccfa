/* SPDX-License-Identifier: Apache-2.0
 * Knowledge bases: their routes, and what a search in one answers. A deleted base takes its documents
 * with it at once; its row stays for the ledger's sake. */
#include "products/sylion/knowledge.h"

#include "products/sylion/documents_sql.h"
#include "products/sylion/knowledge_sql.h"
#include "products/sylion/quota.h"
#include "products/sylion/retrieve.h"
#include "products/sylion/routes.h"
#include "products/sylion/tenants.h"

#define BASE_FIELDS                                                                                \
    FIELD(KnowledgeBase, id, .format = "uuid"), FIELD(KnowledgeBase, tenant_id, .format = "uuid"), \
        FIELD(KnowledgeBase, name), FIELD(KnowledgeBase, description, .flags = F_NULLABLE),        \
        FIELD(KnowledgeBase, document_count), FIELD(KnowledgeBase, chunk_count),                   \
        FIELD(KnowledgeBase, size_bytes), FIELD(KnowledgeBase, created_at),                        \
        FIELD(KnowledgeBase, updated_at)
static const Field base_fields[] = {BASE_FIELDS};
const Record knowledge_base_record =
    RECORD(KnowledgeBase, base_fields, .camel = true, .doc = "What an assistant may answer from");
static const Field base_row_fields[] = {BASE_FIELDS, FIELD(KnowledgeBase, n),
                                        FIELD(KnowledgeBase, tenant_n)};
const Record knowledge_base_row_record =
    RECORD_AS("KnowledgeBaseRow", KnowledgeBase, base_row_fields);

typedef struct BaseIn {
    Str name, description, tenant_id;
} BaseIn;
static const Field base_in_fields[] = {
    FIELD(BaseIn, name, .flags = F_REQUIRED | F_TRIM, .min = 1, .max = 255),
    FIELD(BaseIn, description, .flags = F_NULLABLE, .max = 2000),
    FIELD(BaseIn, tenant_id, .flags = F_NULLABLE, .format = "uuid"),
};
static const Record base_in_record =
    RECORD_AS("KnowledgeBaseIn", BaseIn, base_in_fields, .camel = true);

typedef struct BasesQuery {
    int64_t page, limit;
    Str search;
} BasesQuery;
static const Field bases_query_fields[] = {
    PAGE_FIELDS(BasesQuery),
    FIELD(BasesQuery, search, .flags = F_NULLABLE, .max = 255, .doc = "In its name"),
};
static const Record bases_query_record =
    RECORD_AS("KnowledgeBasesQuery", BasesQuery, bases_query_fields, .open = true, .camel = true);

Err *knowledge_base_load(Ctx *c, const Scope *s, Str id, KnowledgeBase *out) {
    TRY(tenant_found(c, s, SQL(SQL_KNOWLEDGE_BASE_FIND), ARGS(V(str_lower(c->arena, id))),
                     &knowledge_base_row_record, "KNOWLEDGE_BASE_NOT_FOUND", out));
    out->tenant_id = s->tenant_id;
    return NULL;
}

/* -- Routes ---------------------------------------------------------------------------------------- */

typedef struct BaseWrite {
    Call *k;
    Scope s;
    KnowledgeBase *base;
} BaseWrite;

static Err *base_insert(Ctx *c, void *arg) {
    BaseWrite *w = arg;
    KnowledgeBase *b = w->base;
    TRY(tenant_int(c, &w->s, SQL(SQL_KNOWLEDGE_BASE_ADD),
                   ARGS(V(b->id), V(b->name), V(b->description), V(b->created_at)), &b->n.value));
    return call_settle(c, w->k);
}

static Err *base_create(Ctx *c, Call *k) {
    const BaseIn *in = k->in;
    BaseWrite w = {.k = k, .base = call_out(k)};
    KnowledgeBase *b = w.base;
    TRY(scope_of(c, k, in->tenant_id, &w.s));
    b->id = uuid_v7(c->arena);
    b->tenant_id = w.s.tenant_id;
    b->name = in->name;
    b->description = in->description;
    b->created_at = b->updated_at = time_now();
    return db_transaction(c, base_insert, &w);
}

static Err *bases_list(Ctx *c, Call *k) {
    const BasesQuery *q = k->query;
    Scope s;
    Rows rows;
    int64_t total;
    TRY(scope_of(c, k, (Str){0}, &s));
    Value pattern = V(like_pattern(c->arena, q->search));
    TRY(tenant_query(c, &s, SQL(SQL_KNOWLEDGE_BASES_PAGE),
                     ARGS(pattern, V(q->limit), V((q->page - 1) * q->limit)),
                     &knowledge_base_row_record, &rows));
    TRY(tenant_int(c, &s, SQL(SQL_KNOWLEDGE_BASES_COUNT), ARGS(pattern), &total));
    for (ptrdiff_t i = 0; i < rows.count; i++)
        ((KnowledgeBase *)rows.items)[i].tenant_id = s.tenant_id;
    call_list(c, k, rows, total, (Str){0});
    return NULL;
}

static Err *base_get(Ctx *c, Call *k) {
    Scope s;
    TRY(scope_of(c, k, (Str){0}, &s));
    return knowledge_base_load(c, &s, k->params[0], call_out(k));
}

static Err *base_change(Ctx *c, Call *k) {
    const BaseIn *in = k->in;
    KnowledgeBase *b = call_out(k);
    Scope s;
    ptrdiff_t changed;
    TRY(scope_of(c, k, in->tenant_id, &s));
    TRY(knowledge_base_load(c, &s, k->params[0], b));
    if (in->name.data) b->name = in->name;
    if (k->present & record_bit(&base_in_record, "description")) b->description = in->description;
    b->updated_at = time_now();
    TRY(tenant_exec(c, &s, SQL(SQL_KNOWLEDGE_BASE_CHANGE),
                    ARGS(V(b->id), V(b->name), V(b->description), V(b->updated_at)), &changed));
    /* Deleted since it was read: then it is not there for the next one either. */
    return changed ? NULL : knowledge_base_load(c, &s, b->id, b);
}

static Err *base_erase(Ctx *c, void *arg) {
    BaseWrite *w = arg;
    Rows rows;
    int64_t n;
    Err *err = tenant_int(c, &w->s, SQL(SQL_KNOWLEDGE_BASE_DELETE),
                          ARGS(V(w->base->id), V(time_now())), &n);
    if (err && err->kind == ERR_NOT_FOUND)
        return sylion_err(c, ERR_NOT_FOUND, "KNOWLEDGE_BASE_NOT_FOUND", "Knowledge base not found");
    TRY(err);
    TRY(tenant_query(c, &w->s, SQL(SQL_DOCUMENTS_OF_BASE), ARGS(V(n)), &document_row_record,
                     &rows));
    Document *d = rows.items;
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        d[i].knowledge_base_id = w->base->id;
        d[i].tenant_id = w->s.tenant_id;
        TRY(document_remove(c, &w->s, &d[i]));
    }
    return call_settle(c, w->k);
}

static Err *base_delete(Ctx *c, Call *k) {
    BaseWrite w = {.k = k, .base = arena_new_of(c->arena, KnowledgeBase)};
    Deleted *out = call_out(k);
    TRY(scope_of(c, k, (Str){0}, &w.s));
    TRY(scope_require(c, &w.s, MEMBER_ADMIN));
    w.base->id = out->id = str_lower(c->arena, k->params[0]);
    out->deleted = true;
    return db_transaction(c, base_erase, &w);
}

/* -- Searching ------------------------------------------------------------------------------------- */

typedef struct SearchIn {
    Str query, mode, tenant_id;
    double threshold;
    int64_t max_results, max_tokens;
} SearchIn;
static const char *const modes[] = {"hybrid", "vector", "keyword", NULL};
static const Field search_in_fields[] = {
    FIELD(SearchIn, query, .flags = F_REQUIRED | F_TRIM, .min = 1, .max = 2000),
    FIELD(SearchIn, mode, .values = modes, .fallback = "\"hybrid\""),
    FIELD(SearchIn, threshold, .max = 1, .fallback = "0",
          .doc = "Passages whose support is below are left out"),
    FIELD(SearchIn, max_results, .min = 1, .max = 20, .fallback = "5"),
    FIELD(SearchIn, max_tokens, .min = 1, .max = 100000, .fallback = "3000",
          .doc = "Of all passages together"),
    FIELD(SearchIn, tenant_id, .flags = F_NULLABLE, .format = "uuid"),
};
static const Record search_in_record =
    RECORD_AS("KnowledgeSearchIn", SearchIn, search_in_fields, .camel = true);
typedef struct SearchOut {
    Str query, mode;
    bool degraded;
    RecordList results;
} SearchOut;
static const Field search_out_fields[] = {
    FIELD(SearchOut, query),
    FIELD(SearchOut, mode),
    FIELD(SearchOut, degraded, .doc = RETRIEVE_DEGRADED_DOC),
    FIELD_LIST(SearchOut, results, &knowledge_passage_record),
};
static const Record search_out_record =
    RECORD_AS("KnowledgeSearch", SearchOut, search_out_fields, .camel = true);

static Err *base_search(Ctx *c, Call *k) {
    const SearchIn *in = k->in;
    SearchOut *out = call_out(k);
    KnowledgeBase base;
    Scope s;
    Rows rows;
    TRY(scope_of(c, k, in->tenant_id, &s));
    TRY(knowledge_base_load(c, &s, k->params[0], &base));
    RetrieveAsk ask = {
        .question = in->query,
        .knowledge_base_ids = {&base.id, 1},
        .mode = str_eq(in->mode, S("vector"))    ? RETRIEVE_VECTOR
                : str_eq(in->mode, S("keyword")) ? RETRIEVE_KEYWORD
                                                 : RETRIEVE_HYBRID,
        .threshold = in->threshold,
        .max_results = in->max_results,
        .budget_tokens = in->max_tokens,
        .payer = {s.owner, strf(c->arena, "search:%.*s", S_ARG(c->request_id))},
    };
    out->query = in->query;
    out->mode = in->mode;
    TRY(retrieve(c, &s, &ask, &rows, &out->degraded));
    out->results = (RecordList){rows.items, rows.count};
    return NULL;
}

const Route knowledge_routes[] = {
    {POST, "/api/v1/knowledge-bases", base_create, WRITES, .in = &base_in_record,
     .out = &knowledge_base_record, .status = 201, .idempotent = true, .errors = "400 403 404",
     .doc = "Make a knowledge base"},
    {GET, "/api/v1/knowledge-bases", bases_list, READS, .query = &bases_query_record,
     .out = &knowledge_base_record, .out_list = true, .errors = "400 404",
     .doc = "The tenant's knowledge bases, the newest first"},
    {GET, "/api/v1/knowledge-bases/{id}", base_get, READS, .out = &knowledge_base_record,
     .errors = "400 404", .doc = "One with its figures"},
    {PUT, "/api/v1/knowledge-bases/{id}", base_change, WRITES, .in = &base_in_record,
     .in_change = true, .out = &knowledge_base_record, .errors = "400 403 404",
     .doc = "Change what is given"},
    {DELETE, "/api/v1/knowledge-bases/{id}", base_delete, WRITES, .out = &deleted_record,
     .errors = "400 403 404", .doc = "Delete it with its documents"},
    {POST, "/api/v1/knowledge-bases/{id}/search", base_search, READS, .in = &search_in_record,
     .out = &search_out_record, .rate = RATE_SEARCH, .errors = "400 404 503",
     .doc = "The passages that bear on a question, best first"},
    {0},
};

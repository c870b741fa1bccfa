/* SPDX-License-Identifier: Apache-2.0
 * Routes of assistants. One of a tenant's is the default, at most: who makes another one so takes it
 * from the former in the same transaction. */
#include "products/sylion/assistants.h"

#include "core/json.h"
#include "products/sylion/assistants_sql.h"
#include "products/sylion/quota.h"
#include "products/sylion/routes.h"
#include "products/sylion/tenants.h"

static const char *const providers[] = {"openai", "anthropic", "mistral", "gemini",
                                        "vertex", "local",     NULL};

static const Field assistant_fields[] = {
    FIELD(Assistant, n, .flags = F_SECRET),
    FIELD(Assistant, tenant_n, .flags = F_SECRET),
    FIELD(Assistant, id, .format = "uuid"),
    FIELD(Assistant, tenant_id, .format = "uuid"),
    FIELD(Assistant, name),
    FIELD(Assistant, description, .flags = F_NULLABLE),
    FIELD(Assistant, is_default, .doc = "Answers where no binding says who does; one per tenant"),
    FIELD(Assistant, is_active),
    FIELD(Assistant, provider, .flags = F_NULLABLE, .doc = "null: the server's"),
    FIELD(Assistant, model, .flags = F_NULLABLE, .doc = "null: the provider's usual one"),
    FIELD(Assistant, system_prompt, .flags = F_NULLABLE),
    FIELD(Assistant, temperature),
    FIELD(Assistant, max_tokens),
    FIELD(Assistant, enable_rag, .doc = "Answers rest on the knowledge bases"),
    FIELD(Assistant, rag_threshold, .doc = "Passages whose support is below are left out"),
    FIELD(Assistant, rag_max_results),
    FIELD(Assistant, knowledge_base_ids, .doc = "None: all of the tenant's"),
    FIELD(Assistant, handoff, .doc = "What it says and does where it has no answer"),
    FIELD(Assistant, created_at),
    FIELD(Assistant, updated_at),
    FIELD(Assistant, deleted_at, .flags = F_SECRET | F_NULLABLE),
};
const Record assistant_record =
    RECORD(Assistant, assistant_fields, .camel = true, .doc = "Answers a tenant's contacts");

/* -- what comes in -------------------------------------------------------------------------------- */

typedef struct AssistantIn {
    Str tenant_id, name, description, provider, model, system_prompt;
    bool is_default, is_active, enable_rag;
    OptFloat temperature;
    int64_t max_tokens, rag_max_results;
    double rag_threshold;
    StrList knowledge_base_ids;
    JsonText handoff;
} AssistantIn;

static void assistant_in_check(const void *value, Str path, Problems *p) {
    const AssistantIn *in = value;
    (void)path;
    for (ptrdiff_t i = 0; i < in->knowledge_base_ids.count; i++)
        if (!uuid_valid(in->knowledge_base_ids.items[i]))
            problem_add(p, strf(p->arena, "knowledgeBaseIds[%td]", i), S("format"), "is not a UUID");
}

#define ASSISTANT_IN_FIELDS                                                                       \
    FIELD(AssistantIn, description, .flags = F_NULLABLE | F_TRIM, .max = 2000),                   \
        FIELD(AssistantIn, is_default, .fallback = "false"),                                      \
        FIELD(AssistantIn, is_active, .fallback = "true"),                                        \
        FIELD(AssistantIn, provider, .flags = F_NULLABLE, .values = providers),                   \
        FIELD(AssistantIn, model, .flags = F_NULLABLE | F_TRIM, .min = 1, .max = 200),            \
        FIELD(AssistantIn, system_prompt, .flags = F_NULLABLE, .max = 32000),                     \
        FIELD(AssistantIn, temperature, .min = 0, .max = 2),                                      \
        FIELD(AssistantIn, max_tokens, .min = 1, .max = 8192, .fallback = "1024"),                \
        FIELD(AssistantIn, enable_rag, .fallback = "true"),                                       \
        FIELD(AssistantIn, rag_threshold, .min = 0, .max = 1, .fallback = "0.7"),                 \
        FIELD(AssistantIn, rag_max_results, .min = 1, .max = 20, .fallback = "5"),                \
        FIELD(AssistantIn, knowledge_base_ids, .max = 50, .fallback = "[]"),                      \
        FIELD(AssistantIn, handoff, .flags = F_NULLABLE, .fallback = "{}"),                       \
        FIELD(AssistantIn, tenant_id, .flags = F_NULLABLE, .format = "uuid")

static const Field create_fields[] = {
    FIELD(AssistantIn, name, .flags = F_REQUIRED | F_TRIM, .min = 1, .max = 255),
    ASSISTANT_IN_FIELDS,
};
static const Record create_record = RECORD_AS("AssistantCreate", AssistantIn, create_fields,
                                              .camel = true, .check = assistant_in_check);
static const Field change_fields[] = {
    FIELD(AssistantIn, name, .flags = F_TRIM, .min = 1, .max = 255),
    ASSISTANT_IN_FIELDS,
};
static const Record change_record = RECORD_AS("AssistantChange", AssistantIn, change_fields,
                                              .camel = true, .check = assistant_in_check);

/* -- handoff -------------------------------------------------------------------------------------- */

enum { PHRASES_MAX = 50, PHRASE_BYTES_MAX = 200, SAID_BYTES_MAX = 4096 };

static void switch_check(const json_t *json, const char *name, Problems *p) {
    const json_t *value = json_at(json, name);
    if (value && !json_is_boolean(value))
        problem_add(p, strf(p->arena, "handoff.%s", name), S("type"), "must be true or false");
}

static void choice_check(const json_t *json, const char *name, const char *usual, Problems *p) {
    const json_t *value = json_at(json, name);
    Str text = json_str(value);
    if (value && !str_eq(text, str_c(usual)) && !str_eq(text, S("handoff")))
        problem_add(p, strf(p->arena, "handoff.%s", name), S("value"), "must be %s or handoff",
                    usual);
}

static void phrases_check(const json_t *phrases, Problems *p) {
    if (!phrases) return;
    bool good = json_is_array(phrases) && json_array_size(phrases) <= PHRASES_MAX;
    for (size_t i = 0; good && i < json_array_size(phrases); i++) {
        Str one = json_str(json_array_get(phrases, i));
        good = str_trim(one).len > 0 && one.len <= PHRASE_BYTES_MAX;
    }
    if (!good)
        problem_add(p, S("handoff.phrases"), S("type"),
                    "must be a list of at most 50 texts of at most 200 bytes");
}

static bool said_good(const json_t *text) {
    Str one = json_str(text);
    return one.len > 0 && one.len <= SAID_BYTES_MAX;
}

static void messages_check(const json_t *messages, Problems *p) {
    static const char *const known[] = {"unsupported", "handoff", "media", "greeting", "refused"};
    const char *name, *language;
    json_t *one, *text;
    if (!messages) return;
    if (!json_is_object(messages)) {
        problem_add(p, S("handoff.messages"), S("type"), "must be an object");
        return;
    }
    json_object_foreach((json_t *)(uintptr_t)messages, name, one) {
        Str field = strf(p->arena, "handoff.messages.%s", name);
        bool is_known = false;
        for (ptrdiff_t i = 0; i < COUNT(known); i++) is_known |= strcmp(known[i], name) == 0;
        if (!is_known) problem_add(p, field, S("unknown"), "is not known");
        bool good = said_good(one) || (json_is_object(one) && json_object_size(one) > 0);
        json_object_foreach(one, language, text) {
            good &= said_good(text);
            good &= !strcmp(language, "fr") || !strcmp(language, "en") || !strcmp(language, "ar");
        }
        if (!good)
            problem_add(p, field, S("type"),
                        "must be a text of at most 4096 bytes, or one for each of fr, en, ar");
    }
}

Err *handoff_check(Ctx *c, JsonText handoff) {
    static const char *const known[] = {"enabled",   "phrases", "onUnsupported", "onMedia",
                                        "onFailure", "messages"};
    const char *name;
    json_t *json, *one;
    Problems p = {.arena = c->arena};
    if (!handoff.text.data) return NULL;
    TRY(json_parse(c, handoff.text, &json));
    if (!json_is_object(json)) {
        problem_add(&p, S("handoff"), S("type"), "must be an object");
        return problems_err(c, &p);
    }
    json_object_foreach(json, name, one) {
        bool is_known = false;
        for (ptrdiff_t i = 0; i < COUNT(known); i++) is_known |= strcmp(known[i], name) == 0;
        if (!is_known)
            problem_add(&p, strf(c->arena, "handoff.%s", name), S("unknown"), "is not known");
    }
    switch_check(json, "enabled", &p);
    choice_check(json, "onUnsupported", "say", &p);
    choice_check(json, "onMedia", "say", &p);
    choice_check(json, "onFailure", "none", &p);
    phrases_check(json_at(json, "phrases"), &p);
    messages_check(json_at(json, "messages"), &p);
    return problems_err(c, &p);
}

/* -- writing -------------------------------------------------------------------------------------- */

typedef struct AssistantWrite {
    Call *k;
    Scope s;
    Assistant a;
} AssistantWrite;

static bool given(const Call *k, const char *name) {
    return k->present & record_bit(k->route->in, name);
}

JsonText texts_json(Ctx *c, StrList names) {
    Buf b = buf_new(c->arena, 64);
    buf_byte(&b, '[');
    for (ptrdiff_t i = 0; i < names.count; i++) {
        if (i) buf_byte(&b, ',');
        buf_json(&b, names.items[i]);
    }
    buf_byte(&b, ']');
    return (JsonText){buf_str(&b)};
}

static void assistant_merge(Ctx *c, const Call *k, Assistant *a, bool all) {
    const AssistantIn *in = k->in;
    if (all || given(k, "name")) a->name = in->name;
    if (all || given(k, "description")) a->description = in->description;
    if (all || given(k, "is_default")) a->is_default = in->is_default;
    if (all || given(k, "is_active")) a->is_active = in->is_active;
    if (all || given(k, "provider")) a->provider = in->provider;
    if (all || given(k, "model")) a->model = in->model;
    if (all || given(k, "system_prompt")) a->system_prompt = in->system_prompt;
    if (all || given(k, "temperature")) a->temperature = in->temperature;
    if (all || given(k, "max_tokens")) a->max_tokens = in->max_tokens;
    if (all || given(k, "enable_rag")) a->enable_rag = in->enable_rag;
    if (all || given(k, "rag_threshold")) a->rag_threshold = in->rag_threshold;
    if (all || given(k, "rag_max_results")) a->rag_max_results = in->rag_max_results;
    if (all || given(k, "handoff"))
        a->handoff = in->handoff.text.data ? in->handoff : (JsonText){S("{}")};
    if (!all && !given(k, "knowledge_base_ids")) return;
    StrList ids = {arena_array(c->arena, Str, in->knowledge_base_ids.count), 0};
    for (ptrdiff_t i = 0; i < in->knowledge_base_ids.count; i++)
        ids.items[ids.count++] = str_lower(c->arena, in->knowledge_base_ids.items[i]);
    a->knowledge_base_ids = ids;
}

static bool among(const Rows *rows, Str id) {
    const Assistant *all = rows->items;
    for (ptrdiff_t i = 0; i < rows->count; i++)
        if (str_eq(all[i].id, id)) return true;
    return false;
}

/* Another tenant's knowledge base is one that is not there. */
static Err *bases_check(Ctx *c, const Scope *s, StrList ids) {
    Rows rows;
    Problems p = {.arena = c->arena};
    if (ids.count == 0) return NULL;
    TRY(tenant_query(c, s, SQL2(SQL_ASSISTANT_BASES_SQLITE, SQL_ASSISTANT_BASES_POSTGRES),
                     ARGS(V(texts_json(c, ids))), &assistant_record, &rows));
    for (ptrdiff_t i = 0; i < ids.count; i++)
        if (!among(&rows, ids.items[i]))
            problem_add(&p, strf(c->arena, "knowledgeBaseIds[%td]", i), S("value"),
                        "is no knowledge base of this tenant");
    return problems_err(c, &p);
}

static Err *default_take(Ctx *c, const Scope *s) {
    int64_t n;
    TRY(tenant_int(c, s, SQL2(SQL_ASSISTANTS_HOLD, SQL_ASSISTANTS_HOLD " FOR UPDATE"), NO_ARGS,
                   &n));
    return tenant_exec(c, s, SQL(SQL_ASSISTANT_DEFAULT_CLEAR),
                       ARGS(V(time_now()), value_bool(true)), NULL);
}

static Err *assistant_answer(Ctx *c, AssistantWrite *w) {
    w->a.tenant_id = w->s.tenant_id;
    *(Assistant *)call_out(w->k) = w->a;
    return call_settle(c, w->k);
}

static Err *assistant_insert(Ctx *c, void *arg) {
    AssistantWrite *w = arg;
    Assistant *a = &w->a;
    TRY(bases_check(c, &w->s, a->knowledge_base_ids));
    TRY(quota_use(c, &w->s, QUOTA_ASSISTANTS, strf(c->arena, "assistant:%.*s", S_ARG(a->id)),
                  &(Use){.amount = 1}));
    if (a->is_default) TRY(default_take(c, &w->s));
    TRY(tenant_int(c, &w->s, SQL(SQL_ASSISTANT_ADD),
                   ARGS(V(a->id), V(a->name), V(a->description), V(a->is_default), V(a->is_active),
                        V(a->provider), V(a->model), V(a->system_prompt), V(a->temperature),
                        V(a->max_tokens), V(a->enable_rag), V(a->rag_threshold),
                        V(a->rag_max_results), V(texts_json(c, a->knowledge_base_ids)),
                        V(a->handoff), V(a->created_at)),
                   &a->n.value));
    return assistant_answer(c, w);
}

static Err *assistant_create(Ctx *c, Call *k) {
    const AssistantIn *in = k->in;
    AssistantWrite w = {.k = k};
    TRY(scope_of(c, k, in->tenant_id, &w.s));
    TRY(scope_require(c, &w.s, MEMBER_ADMIN));
    TRY(handoff_check(c, in->handoff));
    assistant_merge(c, k, &w.a, true);
    w.a.id = uuid_v7(c->arena);
    w.a.created_at = w.a.updated_at = time_now();
    TRY(db_transaction(c, assistant_insert, &w));
    reply_header(k->r, S("Location"), strf(c->arena, "/api/v1/assistants/%.*s", S_ARG(w.a.id)));
    return NULL;
}

static Err *assistant_hold(Ctx *c, const Scope *s, Str id, Assistant *out) {
    *out = (Assistant){0};
    return tenant_found(c, s, SQL2(SQL_ASSISTANT_OF, SQL_ASSISTANT_OF " FOR UPDATE"),
                        ARGS(V(str_lower(c->arena, id))), &assistant_record, "ASSISTANT_NOT_FOUND",
                        out);
}

static Err *assistant_update(Ctx *c, void *arg) {
    AssistantWrite *w = arg;
    Assistant *a = &w->a;
    const AssistantIn *in = w->k->in;
    /* The tenant before its assistants, so that two who change the default wait and do not meet. */
    if (given(w->k, "is_default") && in->is_default) TRY(default_take(c, &w->s));
    TRY(assistant_hold(c, &w->s, w->k->params[0], a));
    assistant_merge(c, w->k, a, false);
    if (given(w->k, "knowledge_base_ids")) TRY(bases_check(c, &w->s, a->knowledge_base_ids));
    a->updated_at = time_now();
    TRY(tenant_exec(c, &w->s, SQL(SQL_ASSISTANT_CHANGE),
                    ARGS(V(a->n), V(a->name), V(a->description), V(a->is_default), V(a->is_active),
                         V(a->provider), V(a->model), V(a->system_prompt), V(a->temperature),
                         V(a->max_tokens), V(a->enable_rag), V(a->rag_threshold),
                         V(a->rag_max_results), V(texts_json(c, a->knowledge_base_ids)),
                         V(a->handoff), V(a->updated_at)),
                    NULL));
    return assistant_answer(c, w);
}

static Err *assistant_put(Ctx *c, Call *k) {
    const AssistantIn *in = k->in;
    AssistantWrite w = {.k = k};
    TRY(scope_of(c, k, in->tenant_id, &w.s));
    TRY(scope_require(c, &w.s, MEMBER_ADMIN));
    if (given(k, "handoff")) TRY(handoff_check(c, in->handoff));
    return db_transaction(c, assistant_update, &w);
}

static Err *assistant_erase(Ctx *c, void *arg) {
    AssistantWrite *w = arg;
    TRY(assistant_hold(c, &w->s, w->k->params[0], &w->a));
    TRY(tenant_exec(c, &w->s, SQL(SQL_ASSISTANT_DELETE),
                    ARGS(V(w->a.n), V(time_now()), value_bool(true)), NULL));
    TRY(tenant_exec(c, &w->s, SQL(SQL_ASSISTANT_BINDINGS_DELETE), ARGS(V(w->a.n)), NULL));
    *(Deleted *)call_out(w->k) = (Deleted){w->a.id, true};
    return quota_use(c, &w->s, QUOTA_ASSISTANTS,
                     strf(c->arena, "assistant:%.*s:deleted", S_ARG(w->a.id)),
                     &(Use){.amount = -1});
}

static Err *assistant_delete(Ctx *c, Call *k) {
    AssistantWrite w = {.k = k};
    TRY(scope_of(c, k, (Str){0}, &w.s));
    TRY(scope_require(c, &w.s, MEMBER_ADMIN));
    return db_transaction(c, assistant_erase, &w);
}

/* -- reading -------------------------------------------------------------------------------------- */

Err *assistant_load(Ctx *c, const Scope *s, Str id, Assistant *out) {
    *out = (Assistant){0};
    TRY(tenant_found(c, s, SQL(SQL_ASSISTANT_OF), ARGS(V(str_lower(c->arena, id))),
                     &assistant_record, "ASSISTANT_NOT_FOUND", out));
    out->tenant_id = s->tenant_id;
    return NULL;
}

Err *assistant_load_by_n(Ctx *c, const Scope *s, Id n, Assistant *out) {
    *out = (Assistant){0};
    TRY(tenant_found(c, s, SQL(SQL_ASSISTANT_OF_N), ARGS(V(n)), &assistant_record,
                     "ASSISTANT_NOT_FOUND", out));
    out->tenant_id = s->tenant_id;
    return NULL;
}

static Err *assistant_get(Ctx *c, Call *k) {
    Scope s;
    TRY(scope_of(c, k, (Str){0}, &s));
    return assistant_load(c, &s, k->params[0], call_out(k));
}

typedef struct AssistantsQuery {
    int64_t page, limit;
    Str search;
    OptBool is_active;
} AssistantsQuery;
static const Field query_fields[] = {
    PAGE_FIELDS(AssistantsQuery),
    FIELD(AssistantsQuery, search, .flags = F_TRIM, .max = 100, .doc = "In name and description"),
    FIELD(AssistantsQuery, is_active),
};
static const Record query_record = RECORD(AssistantsQuery, query_fields, .camel = true);

static Err *assistants_answer(Ctx *c, Call *k, Str tenant) {
    const AssistantsQuery *q = k->query;
    Scope s;
    Rows rows;
    int64_t total;
    TRY(scope_of(c, k, tenant, &s));
    Value pattern = V(like_pattern(c->arena, q->search)), active = V(q->is_active);
    TRY(tenant_query(c, &s, SQL(SQL_ASSISTANTS_PAGE),
                     ARGS(pattern, active, V(q->limit), V((q->page - 1) * q->limit)),
                     &assistant_record, &rows));
    TRY(tenant_int(c, &s, SQL(SQL_ASSISTANTS_COUNT), ARGS(pattern, active), &total));
    for (ptrdiff_t i = 0; i < rows.count; i++) ((Assistant *)rows.items)[i].tenant_id = s.tenant_id;
    call_list(c, k, rows, total, (Str){0});
    return NULL;
}

static Err *assistants_list(Ctx *c, Call *k) { return assistants_answer(c, k, (Str){0}); }
static Err *assistants_of_tenant(Ctx *c, Call *k) { return assistants_answer(c, k, k->params[0]); }

const Route assistant_routes[] = {
    {POST, "/api/v1/assistants", assistant_create, WRITES, .in = &create_record,
     .out = &assistant_record, .status = 201, .idempotent = true, .errors = "400 403 404",
     .doc = "A new assistant"},
    {GET, "/api/v1/assistants", assistants_list, READS, .query = &query_record,
     .out = &assistant_record, .out_list = true, .errors = "400 404",
     .doc = "The tenant's assistants, the latest first"},
    {GET, "/api/v1/assistants/tenant/{tenantId}", assistants_of_tenant, READS,
     .query = &query_record, .out = &assistant_record, .out_list = true, .errors = "400 404",
     .doc = "The same, by its id"},
    {GET, "/api/v1/assistants/{id}", assistant_get, READS, .out = &assistant_record,
     .errors = "400 404", .doc = "An assistant"},
    {PUT, "/api/v1/assistants/{id}", assistant_put, WRITES, .in = &change_record,
     .in_change = true, .out = &assistant_record, .errors = "400 403 404",
     .doc = "Change an assistant: what is given"},
    {DELETE, "/api/v1/assistants/{id}", assistant_delete, WRITES, .out = &deleted_record,
     .errors = "400 403 404", .doc = "Delete an assistant and its bindings"},
    {.path = NULL},
};

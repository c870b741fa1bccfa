/* SPDX-License-Identifier: Apache-2.0
 * The module of Meilisearch's routes, and its errors: {message, code, type, link}, with the codes
 * and statuses of Meilisearch where it has one for what went wrong. Parameters that records refuse
 * become its invalid_… codes by their names. `GET /health` is the base's own. */
#include "api/meili_room.h"
#include "api/router_room.h"

/* -- Making errors ------------------------------------------------------------------------------- */

Err *meili_err(Ctx *c, ErrKind kind, Str code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    Str detail = strvf(c->arena, format, args);
    va_end(args);
    Err *err = err_new(c, kind, __func__, "%.*s", S_ARG(detail));
    err->code = code;
    return err;
}

/* -- Bad parameters ------------------------------------------------------------------------------ */

/* Names whose code is not made by the rule. */
static const struct {
    const char *name, *code, *missing;
} codes[] = {
    {"indexUid", "invalid_index_uid", "missing_index_uid"},
    {"facetName", "invalid_facet_search_facet_name", "missing_facet_search_facet_name"},
    {"facetQuery", "invalid_facet_search_query", NULL},
    {"exhaustiveFacetCount", "invalid_facet_search_exhaustive_facet_count", NULL},
    {"hybridEmbedder", "invalid_search_embedder", NULL},
    {"hybridSemanticRatio", "invalid_search_semantic_ratio", NULL},
    {"weight", "invalid_multi_search_weight", NULL},
    {"remote", "invalid_multi_search_remote", NULL},
    {"queryPosition", "invalid_multi_search_query_position", NULL},
    {"facetsByIndex", "invalid_multi_search_facets_by_index", NULL},
    {"mergeFacets", "invalid_multi_search_merge_facets", NULL},
    {"maxValuesPerFacet", "invalid_multi_search_max_values_per_facet", NULL},
    {"federationOptions", "invalid_multi_search_federation_options", NULL},
    {"hybrid", "invalid_search_hybrid_query", NULL},
    {"queries", "bad_request", "bad_request"},
    {"federation", "bad_request", NULL},
    {"", "bad_request", "missing_payload"},
};

static bool is_number(Str s) {
    int64_t n;
    return str_to_i64(s, &n);
}

/* queries.0.sort.1 → *name sort, path .queries[0].sort[1] */
static Str path_shown(Arena *arena, Str field, Str *name) {
    Buf b = buf_new(arena, field.len + 8);
    *name = S("");
    for (Str rest = field, one; rest.data;) {
        rest = str_cut(rest, '.', &one);
        if (one.len == 0) continue;
        if (is_number(one)) {
            buf_f(&b, "[%.*s]", S_ARG(one));
        } else {
            buf_f(&b, ".%.*s", S_ARG(one));
            *name = one;
        }
    }
    return buf_str(&b);
}

static Str snake(Arena *arena, Str prefix, Str name) {
    Buf b = buf_new(arena, prefix.len + name.len + 8);
    buf_add(&b, prefix);
    for (ptrdiff_t i = 0; i < name.len; i++) {
        char byte = name.data[i];
        bool upper = byte >= 'A' && byte <= 'Z';
        if (upper) buf_byte(&b, '_');
        buf_byte(&b, upper ? (char)(byte + 32) : byte);
    }
    return buf_str(&b);
}

static Str parameter_code(Ctx *c, const FieldError *e, Str name) {
    if (str_eq(e->code, S("unknown"))) return S("bad_request");
    bool missing = str_eq(e->code, S("required"));
    for (ptrdiff_t i = 0; i < COUNT(codes); i++)
        if (str_eq(name, str_c(codes[i].name)))
            return str_c(missing && codes[i].missing ? codes[i].missing : codes[i].code);
    bool documents = str_find(c->route, S("/documents")) >= 0;
    bool search = str_find(c->route, S("search")) >= 0;
    return snake(c->arena,
                 documents ? S("invalid_document_")
                 : search  ? S("invalid_search_")
                           : S("invalid_index_"),
                 name);
}

static Str parameter_message(Ctx *c, const Req *q, const FieldError *e, Str name, Str path) {
    Arena *arena = c->arena;
    const Entry *entry = q->route;
    Str within = str_slice(path, 0, path.len - name.len - 1);
    bool below = within.len > 0 && str_ends(path, name);
    if (str_eq(e->code, S("required")) && path.len == 0) return S("A json payload is missing.");
    if (str_eq(e->code, S("required")) || str_eq(e->code, S("unknown"))) {
        const char *what = str_eq(e->code, S("unknown")) ? "Unknown" : "Missing";
        return below
                   ? strf(arena, "%s field `%.*s` inside `%.*s`", what, S_ARG(name), S_ARG(within))
                   : strf(arena, "%s field `%.*s`", what, S_ARG(name));
    }
    if (entry && entry->route->query)
        return strf(arena, "Invalid value in parameter `%.*s`: %.*s", S_ARG(name),
                    S_ARG(e->message));
    if (path.len == 0) return strf(arena, "Invalid value type: %.*s", S_ARG(e->message));
    return strf(arena, "Invalid value at `%.*s`: %.*s", S_ARG(path), S_ARG(e->message));
}

/* -- As Meilisearch tells them ------------------------------------------------------------------- */

typedef struct Refusal {
    int status;
    Str code, message;
} Refusal;

static const char *const types[] = {"invalid_request", "auth", "internal", "system", NULL};

typedef struct Told {
    Str message, code, type, link;
} Told;
static const Field told_fields[] = {
    FIELD(Told, message),
    FIELD(Told, code, .doc = "One of Meilisearch's, where it has one for this"),
    FIELD(Told, type, .values = types),
    FIELD(Told, link),
};
static const Record told_record = RECORD_AS("MeiliError", Told, told_fields);

static Refusal refusal_invalid(Ctx *c, const Req *q, const Err *err, Str detail) {
    if (err->code.data || err->field_count == 0)
        return (Refusal){400, err->code.data ? err->code : S("bad_request"), detail};
    Str name, path = path_shown(c->arena, err->fields[0].field, &name);
    return (Refusal){400, parameter_code(c, &err->fields[0], name),
                     parameter_message(c, q, &err->fields[0], name, path)};
}

static Refusal refusal_body(Ctx *c, const Req *q, const Err *err, Str detail) {
    const Entry *entry = q->route;
    bool of_body = entry && entry->route->in && req_query_valid(q);
    if (err->kind == ERR_BAD_REQUEST)
        return of_body ? (Refusal){400, S("malformed_payload"),
                                   strf(c->arena, "The json payload provided is malformed. `%.*s`.",
                                        S_ARG(detail))}
                       : (Refusal){400, S("bad_request"), detail};
    if (err->kind == ERR_TOO_LARGE) return (Refusal){413, S("payload_too_large"), detail};
    Str type = req_header(q, S("Content-Type"));
    if (type.data)
        return (Refusal){415, S("invalid_content_type"),
                         strf(c->arena,
                              "The Content-Type `%.*s` is invalid. Accepted values for the "
                              "Content-Type header are: `application/json`",
                              S_ARG(str_utf8_cut(type, 60)))};
    return (Refusal){415, S("missing_content_type"),
                     S("A Content-Type header is missing. Accepted values for the Content-Type "
                       "header are: `application/json`")};
}

static Refusal refusal_of(Ctx *c, const Req *q, const Err *err, Str detail) {
    switch (err->kind) {
    case ERR_UNAUTHENTICATED:
        if (req_header(q, S("Authorization")).data)
            return (Refusal){403, S("invalid_api_key"), S("The provided API key is invalid.")};
        return (Refusal){401, S("missing_authorization_header"),
                         S("The Authorization header is missing. It must use the bearer "
                           "authorization method.")};
    case ERR_FORBIDDEN: return (Refusal){403, S("invalid_api_key"), detail};
    case ERR_INVALID: return refusal_invalid(c, q, err, detail);
    case ERR_BAD_REQUEST:
        if (err->code.data) return (Refusal){400, err->code, detail};
        return refusal_body(c, q, err, detail);
    case ERR_TOO_LARGE:
    case ERR_MEDIA_TYPE: return refusal_body(c, q, err, detail);
    case ERR_METHOD_NOT_ALLOWED:
        return (Refusal){405, err_code(err),
                         strf(c->arena,
                              "%.*s An index follows the database: it is changed by the product's "
                              "own routes, and cannot be changed here.",
                              S_ARG(detail))};
    case ERR_RATE_LIMITED: return (Refusal){429, S("too_many_search_requests"), detail};
    default: return (Refusal){err_status(err->kind), err_code(err), detail};
    }
}

static Str type_of(int status) {
    if (status == 401 || status == 403) return S("auth");
    if (status == 500) return S("internal");
    return status >= 500 || status == 429 ? S("system") : S("invalid_request");
}

static void refuse(Ctx *c, const Req *q, Reply *r, const Err *err, Str detail) {
    Refusal refusal = refusal_of(c, q, err, detail);
    Told told = {
        .message = refusal.message,
        .code = refusal.code,
        .type = type_of(refusal.status),
        .link = strf(c->arena, "https://docs.meilisearch.com/errors#%.*s", S_ARG(refusal.code)),
    };
    Buf b = buf_new(c->arena, 512);
    record_write(&b, &told_record, &told);
    reply_json(r, refusal.status, buf_str(&b));
}

Err *meili_err_inside(Ctx *c, const Err *err, ptrdiff_t query) {
    int status = err_status(err->kind);
    Err *inside = err_copy(c->arena, err);
    if (status >= 500) return inside;
    inside->detail = strf(c->arena, "Inside `.queries[%td]`: %.*s", query, S_ARG(err->detail));
    if (status == 404) inside->kind = ERR_BAD_REQUEST;
    return inside;
}

/* -- The module ---------------------------------------------------------------------------------- */

#define READS .access = ACCESS_USER, .scope = "search", .rate = RATE_SEARCH, .tag = "meilisearch"

static const Route routes[] = {
    {GET, "/indexes/{uid}/search", meili_search, READS, .errors = "404 503",
     .query = &meili_get_record, .out = &meili_found_record, .doc = "Search, by query string"},
    {POST, "/indexes/{uid}/search", meili_search, READS, .errors = "404 503",
     .in = &meili_search_record, .out = &meili_found_record, .doc = "Search"},
    {POST, "/multi-search", meili_multi, READS, .errors = "503", .in = &meili_multi_record,
     .out = &meili_results_record, .out_other = &meili_found_record,
     .doc = "Several searches: an answer each or, with `federation`, one list of hits"},
    {POST, "/indexes/{uid}/facet-search", meili_facet_search, READS, .errors = "404 503",
     .in = &meili_values_record, .out = &meili_values_found_record,
     .doc = "Search among a facet's values"},
    {GET, "/indexes/{uid}/documents", meili_documents_list, READS, .errors = "404 503",
     .query = &meili_list_query_record, .out = &meili_list_record, .doc = "Documents"},
    {POST, "/indexes/{uid}/documents/fetch", meili_documents_fetch, READS, .errors = "404 503",
     .in = &meili_fetch_record, .out = &meili_list_record, .doc = "Documents, by a body"},
    {GET, "/indexes/{uid}/documents/{id}", meili_document, READS, .errors = "404 503",
     .query = &meili_document_query_record, .out_type = "application/json",
     .doc = "One document, as its collection has it"},
    {GET, "/indexes", meili_indexes, READS, .query = &meili_page_record,
     .out = &meili_indexes_record, .doc = "All indexes"},
    {GET, "/indexes/{uid}", meili_index, READS, .errors = "404 503", .out = &meili_index_record,
     .doc = "One index"},
    {GET, "/indexes/{uid}/stats", meili_index_stats, READS, .errors = "404 503",
     .out = &meili_index_stats_record, .doc = "How much is in an index"},
    {GET, "/indexes/{uid}/settings", meili_settings_all, READS, .errors = "404 503",
     .out = &meili_settings_record,
     .doc = "How an index reads, ranks and filters; not to be changed here"},
    {GET, "/indexes/{uid}/settings/{name}", meili_setting, READS, .errors = "404 503",
     .out_type = "application/json", .doc = "One setting: ranking-rules, typo-tolerance …"},
    {GET, "/stats", meili_stats, READS, .errors = "503", .out = &meili_stats_record,
     .doc = "How much is in all indexes"},
    {GET, "/version", meili_version, READS, .out = &meili_version_record,
     .doc = "Which Meilisearch's routes these are like"},
    {GET, "/tasks", meili_tasks, READS, .out = &meili_tasks_record,
     .doc = "No tasks: indexes follow the database by themselves"},
    {GET, "/tasks/{id}", meili_task, READS, .errors = "404", .out_type = "application/json",
     .doc = "No such task"},
};

static const Envelope envelope = {.refuse = refuse, .refusal = &told_record};

const Module meili_module = {
    .name = "meilisearch",
    .doc = "Searching, for Meilisearch's clients",
    .routes = routes,
    .route_count = COUNT(routes),
    .envelope = &envelope,
};

/* SPDX-License-Identifier: Apache-2.0
 * The OpenAPI 3.1 document, made of the route table: what a route's row says is what the router
 * does, so the document cannot say anything else. */
#include "api/router_room.h"
#include "core/map.h"

typedef struct Doc {
    Arena *arena;
    JsonOut o;
} Doc;

static void put(Doc *d, const char *name, const char *text) {
    json_key(&d->o, str_c(name));
    json_put_str(&d->o, str_c(text));
}

static void open_at(Doc *d, const char *name, char bracket) {
    json_key(&d->o, str_c(name));
    json_begin(&d->o, bracket);
}

static void put_flag(Doc *d, const char *name, bool value) {
    json_key(&d->o, str_c(name));
    json_put_bool(&d->o, value);
}

static void put_ref(Doc *d, Str ref) {
    json_begin(&d->o, '{');
    json_key(&d->o, S("$ref"));
    json_put_str(&d->o, ref);
    json_end(&d->o, '}');
}

/* -- Parameters -------------------------------------------------------------------------------- */

static void path_parameters(Doc *d, const Entry *entry) {
    for (int i = 0; i < entry->param_count; i++) {
        const PathParam *p = &entry->params[i];
        json_begin(&d->o, '{');
        json_key(&d->o, S("name"));
        json_put_str(&d->o, p->name);
        put(d, "in", "path");
        put_flag(d, "required", true);
        json_key(&d->o, S("schema"));
        json_put_raw(&d->o, p->integer ? S("{\"type\":\"integer\",\"format\":\"int64\"}")
                                       : S("{\"type\":\"string\"}"));
        if (p->rest) put(d, "description", "All that is left of the path, slashes included");
        json_end(&d->o, '}');
    }
}

/* A query parameter is given or not; null is nothing one could write there. */
static Field as_parameter(const Field *field) {
    Field f = *field;
    if (f.kind == KIND_OPT_INT) f.kind = KIND_INT;
    if (f.kind == KIND_OPT_FLOAT) f.kind = KIND_FLOAT;
    if (f.kind == KIND_OPT_BOOL) f.kind = KIND_BOOL;
    if (f.fallback && strcmp(f.fallback, "null") == 0) f.fallback = NULL;
    f.flags &= ~(unsigned)(F_NULLABLE | F_READONLY);
    f.doc = NULL;
    return f;
}

static void query_parameters(Doc *d, const Record *record) {
    for (ptrdiff_t i = 0; record && i < record->field_count; i++) {
        const Field *f = &record->fields[i];
        Field shown = as_parameter(f);
        Buf b = buf_new(d->arena, 128);
        json_begin(&d->o, '{');
        char room[FIELD_NAME_MAX];
        json_key(&d->o, S("name"));
        json_put_str(&d->o, field_wire(record, f, room));
        put(d, "in", "query");
        if (f->flags & F_REQUIRED) put_flag(d, "required", true);
        if (f->doc) put(d, "description", f->doc);
        if (f->kind == KIND_STR_LIST) {
            put(d, "style", "form");
            put_flag(d, "explode", false);
        }
        field_schema(&b, &shown, SCHEMA_CREATE);
        json_key(&d->o, S("schema"));
        json_put_raw(&d->o, buf_str(&b));
        json_end(&d->o, '}');
    }
}

static bool names_status(const Route *route, Str status) {
    for (Str rest = str_c(route->errors), one; rest.data;) {
        rest = str_cut(rest, ' ', &one);
        if (str_eq(one, status)) return true;
    }
    return false;
}

static void parameters(Doc *d, const Entry *entry) {
    const Route *route = entry->route;
    bool conditional = names_status(route, S("412"));
    if (entry->param_count == 0 && !route->query && !route->idempotent && !conditional) return;
    open_at(d, "parameters", '[');
    path_parameters(d, entry);
    query_parameters(d, route->query);
    if (route->idempotent) put_ref(d, S("#/components/parameters/IdempotencyKey"));
    if (conditional) put_ref(d, S("#/components/parameters/IfMatch"));
    json_end(&d->o, ']');
}

/* -- Bodies ------------------------------------------------------------------------------------ */

static void content_one(Doc *d, Str type, Str schema) {
    json_key(&d->o, type);
    json_begin(&d->o, '{');
    json_key(&d->o, S("schema"));
    json_put_raw(&d->o, schema);
    json_end(&d->o, '}');
}

/* Every type of a comma-separated list: the schema is of what is JSON. */
static void content_each(Doc *d, Str types, Str schema) {
    while (types.data) {
        Str one;
        types = str_cut(types, ',', &one);
        one = str_trim(one);
        content_one(d, one, str_ends(one, S("json")) ? schema : S("{}"));
    }
}

static void content(Doc *d, Str types, Str schema) {
    open_at(d, "content", '{');
    content_each(d, types, schema);
    json_end(&d->o, '}');
}

static Str types_of(const Route *route) {
    return route->out_type ? str_c(route->out_type) : S("application/json");
}

static bool body_required(const Route *route) {
    if (route->in_change) return false;
    for (ptrdiff_t i = 0; route->in && i < route->in->field_count; i++)
        if (route->in->fields[i].flags & F_REQUIRED) return true;
    return route->in_raw;
}

static void request_body(Doc *d, const Route *route) {
    if (!route->in && !route->in_raw) return;
    Str types = route->in_type  ? str_c(route->in_type)
                : route->in_raw ? S("*/*")
                                : S("application/json");
    SchemaMode mode = route->in_change ? SCHEMA_CHANGE : SCHEMA_CREATE;
    Str schema = route->in ? strf(d->arena, "{\"$ref\":\"%.*s\"}",
                                  S_ARG(schema_ref(d->arena, route->in, mode)))
                           : S("{}");
    open_at(d, "requestBody", '{');
    put_flag(d, "required", body_required(route));
    content(d, types, schema);
    json_end(&d->o, '}');
}

static Str answer_schema(Doc *d, const Entry *entry) {
    const Route *route = entry->route;
    const Envelope *envelope = entry->module->envelope;
    if (!route->out) return S("{}");
    Str ref = schema_ref(d->arena, route->out, SCHEMA_OUT);
    Str schema =
        route->out_list
            ? strf(d->arena, "{\"type\":\"array\",\"items\":{\"$ref\":\"%.*s\"}}", S_ARG(ref))
            : strf(d->arena, "{\"$ref\":\"%.*s\"}", S_ARG(ref));
    if (route->out_other)
        schema = strf(d->arena, "{\"oneOf\":[%.*s,{\"$ref\":\"%.*s\"}]}", S_ARG(schema),
                      S_ARG(schema_ref(d->arena, route->out_other, SCHEMA_OUT)));
    if (!envelope || !envelope->schema_open) return schema;
    return strf(d->arena, "%s%.*s%s", envelope->schema_open, S_ARG(schema), envelope->schema_close);
}

static void answer_headers(Doc *d, const Route *route, int status) {
    if (!route->out_list && status != 201) return;
    open_at(d, "headers", '{');
    if (route->out_list) {
        json_key(&d->o, S("X-Total-Count"));
        json_put_raw(
            &d->o,
            S("{\"description\":\"How many there are in all\",\"schema\":{\"type\":\"integer\"}}"));
        json_key(&d->o, S("Link"));
        json_put_raw(&d->o, S("{\"description\":\"The next page, with "
                              "rel=next\",\"schema\":{\"type\":\"string\"}}"));
    } else {
        json_key(&d->o, S("Location"));
        json_put_raw(
            &d->o,
            S("{\"description\":\"Where the new one is\",\"schema\":{\"type\":\"string\"}}"));
    }
    json_end(&d->o, '}');
}

static int success_status(const Route *route) {
    if (route->status) return route->status;
    return route->out || route->out_type ? 200 : 204;
}

static void answer(Doc *d, const Entry *entry) {
    const Route *route = entry->route;
    int status = success_status(route);
    json_key(&d->o, strf(d->arena, "%d", status));
    json_begin(&d->o, '{');
    put(d, "description",
        status == 201   ? "Created"
        : status == 202 ? "Accepted"
        : status == 204 ? "Done"
        : status >= 300 ? "Elsewhere"
                        : "Good");
    answer_headers(d, route, status);
    if (status != 204 && (route->out || route->out_type))
        content(d, types_of(route), answer_schema(d, entry));
    json_end(&d->o, '}');
}

/* Each status once: the first kind that has it names it. In rising order, as the kinds are not. */
static ErrKind kind_of_status(int status) {
    ErrKind kind = 0;
    while (kind < ERR_KIND_COUNT && err_status(kind) != status) kind++;
    return kind;
}

/* The body of success with a status that says otherwise. */
static void answer_also(Doc *d, const Entry *entry) {
    json_key(&d->o, strf(d->arena, "%d", entry->route->status_also));
    json_begin(&d->o, '{');
    json_key(&d->o, S("description"));
    json_put_str(&d->o, err_title(kind_of_status(entry->route->status_also)));
    open_at(d, "content", '{');
    content_each(d, types_of(entry->route), answer_schema(d, entry));
    content_one(d, S("application/problem+json"), S("{\"$ref\":\"#/components/schemas/Problem\"}"));
    json_end(&d->o, '}');
    json_end(&d->o, '}');
}

/* -- Errors ------------------------------------------------------------------------------------ */

enum { STATUS_FIRST = 400, STATUS_LAST = 599 };

/* What the router itself answers for such a route. */
static bool router_answers(const Entry *entry, int status) {
    const Route *route = entry->route;
    bool has_body = route->in || (route->in_raw && route->in_type);
    bool integers = false;
    for (int i = 0; i < entry->param_count; i++) integers |= entry->params[i].integer;
    switch (status) {
    case 400:
        return route->in || route->query || route->idempotent || (integers && route->not_integer);
    case 401:
    case 403: return route->access != ACCESS_OPEN;
    case 404: return integers && !route->not_integer;
    case 406: return route->out || route->out_type;
    case 409: return route->idempotent;
    case 413: return route->in || route->in_raw;
    case 415: return has_body;
    case 422: return route->in || route->query || route->idempotent;
    case 429: return route->rate != RATE_NONE;
    default: return false;
    }
}

static bool may_answer(Doc *d, const Entry *entry, int status) {
    return router_answers(entry, status) ||
           names_status(entry->route, strf(d->arena, "%d", status));
}

/* Of a module with errors of its own. */
static void refusals(Doc *d, const Entry *entry, const Record *refusal) {
    Str schema =
        strf(d->arena, "{\"$ref\":\"%.*s\"}", S_ARG(schema_ref(d->arena, refusal, SCHEMA_OUT)));
    for (int status = STATUS_FIRST; status <= STATUS_LAST + 1; status++) {
        bool invalid = status == 400 && may_answer(d, entry, 422);
        bool rest = status > STATUS_LAST;
        if (status == 422 || (!rest && !invalid && !may_answer(d, entry, status))) continue;
        json_key(&d->o, rest ? S("default") : strf(d->arena, "%d", status));
        json_begin(&d->o, '{');
        json_key(&d->o, S("description"));
        json_put_str(&d->o,
                     rest ? S("Anything else that went wrong") : err_title(kind_of_status(status)));
        content(d, S("application/json"), schema);
        json_end(&d->o, '}');
    }
}

/* By which status the module's clients know it. */
static int status_told(Doc *d, const Envelope *envelope, int status) {
    if (!envelope || !envelope->restate) return status;
    Ctx c = {.arena = d->arena};
    Err err = {.kind = kind_of_status(status)};
    return err_status(envelope->restate(&c, &err)->kind);
}

static void responses(Doc *d, const Entry *entry) {
    const Envelope *envelope = entry->module->envelope;
    open_at(d, "responses", '{');
    answer(d, entry);
    if (envelope && envelope->refusal) {
        refusals(d, entry, envelope->refusal);
        json_end(&d->o, '}');
        return;
    }
    bool told[STATUS_LAST + 1] = {false};
    for (int status = STATUS_FIRST; status <= STATUS_LAST; status++)
        if (kind_of_status(status) != ERR_KIND_COUNT && may_answer(d, entry, status))
            told[status_told(d, envelope, status)] = true;
    for (int status = STATUS_FIRST; status <= STATUS_LAST; status++) {
        if (status == entry->route->status_also) answer_also(d, entry);
        if (!told[status]) continue;
        json_key(&d->o, strf(d->arena, "%d", status));
        put_ref(d, strf(d->arena, "#/components/responses/Problem%d", status));
    }
    json_key(&d->o, S("default"));
    put_ref(d, S("#/components/responses/Problem"));
    json_end(&d->o, '}');
}

static void problem_response(Doc *d, Str name, Str description) {
    json_key(&d->o, name);
    json_begin(&d->o, '{');
    json_key(&d->o, S("description"));
    json_put_str(&d->o, description);
    content(d, S("application/problem+json"), S("{\"$ref\":\"#/components/schemas/Problem\"}"));
    json_end(&d->o, '}');
}

static const char problem_schema[] =
    "{\"type\":\"object\",\"description\":\"RFC 9457\","
    "\"required\":[\"type\",\"title\",\"status\",\"detail\",\"instance\",\"code\",\"request_id\"],"
    "\"properties\":{"
    "\"type\":{\"type\":\"string\",\"format\":\"uri\"},\"title\":{\"type\":\"string\"},"
    "\"status\":{\"type\":\"integer\",\"minimum\":400,\"maximum\":599},"
    "\"detail\":{\"type\":\"string\",\"description\":\"A sentence for "
    "people\"},\"instance\":{\"type\":\"string\"},"
    "\"code\":{\"type\":\"string\",\"description\":\"For "
    "programs\"},\"request_id\":{\"type\":\"string\"},"
    "\"errors\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"field\","
    "\"code\",\"message\"],"
    "\"properties\":{\"field\":{\"type\":\"string\",\"description\":\"Its path in the body\"},"
    "\"code\":{\"type\":\"string\"},\"message\":{\"type\":\"string\"}}}}}}";

/* -- Operations -------------------------------------------------------------------------------- */

/* getApiV1PostsById: made of the whole path, so it is as unique as the path is. */
static Str operation_id(Doc *d, const Entry *entry) {
    Buf b = buf_new(d->arena, 64);
    Str method = str_lower(d->arena, str_c(method_name(entry->route->method)));
    buf_add(&b, method);
    if (entry->pattern.len == 1) buf_add(&b, S("Root"));
    bool upper = true;
    for (ptrdiff_t i = 0; i < entry->pattern.len; i++) {
        char ch = entry->pattern.data[i];
        bool letter =
            (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9');
        if (ch == '{') buf_add(&b, S("By"));
        if (letter)
            buf_byte(&b, upper && ch >= 'a' && ch <= 'z' ? (char)(ch - 32) : ch);
        else if (ch == '.' || ch == '-' || ch == '_')
            buf_byte(&b, '_');
        upper = !letter;
    }
    return buf_str(&b);
}

static void security(Doc *d, const Route *route) {
    open_at(d, "security", '[');
    if (route->access != ACCESS_OPEN) {
        json_put_raw(&d->o, S("{\"bearer\":[]}"));
        json_put_raw(&d->o,
                     strf(d->arena, "{\"apiKey\":[\"%s\"]}", route->scope ? route->scope : "*"));
    }
    json_end(&d->o, ']');
}

static Str tag_of(const Entry *entry) {
    return str_c(entry->route->tag ? entry->route->tag : entry->module->name);
}

static void operation(Doc *d, const Entry *entry) {
    const Route *route = entry->route;
    json_key(&d->o, str_lower(d->arena, str_c(method_name(route->method))));
    json_begin(&d->o, '{');
    json_key(&d->o, S("operationId"));
    json_put_str(&d->o, operation_id(d, entry));
    put(d, "summary", route->doc ? route->doc : route->path);
    open_at(d, "tags", '[');
    json_put_str(&d->o, tag_of(entry));
    json_end(&d->o, ']');
    security(d, route);
    parameters(d, entry);
    request_body(d, route);
    responses(d, entry);
    json_end(&d->o, '}');
}

static void paths(Doc *d, const Router *router) {
    open_at(d, "paths", '{');
    for (ptrdiff_t i = 0; i < router->count; i++) {
        const Entry *entry = router->ordered[i];
        bool first = i == 0 || !str_eq(router->ordered[i - 1]->pattern, entry->pattern);
        bool last =
            i + 1 == router->count || !str_eq(router->ordered[i + 1]->pattern, entry->pattern);
        if (first) {
            json_key(&d->o, entry->pattern);
            json_begin(&d->o, '{');
        }
        operation(d, entry);
        if (last) json_end(&d->o, '}');
    }
    json_end(&d->o, '}');
}

static void tags(Doc *d, const Router *router) {
    Map seen = {.arena = d->arena};
    open_at(d, "tags", '[');
    for (ptrdiff_t i = 0; i < router->count; i++) {
        Str tag = tag_of(router->ordered[i]);
        if (map_set(&seen, tag, (void *)(uintptr_t)1)) continue;
        json_begin(&d->o, '{');
        json_key(&d->o, S("name"));
        json_put_str(&d->o, tag);
        json_end(&d->o, '}');
    }
    json_end(&d->o, ']');
}

/* -- The document ------------------------------------------------------------------------------ */

static const char info[] =
    "{\"title\":\"socle\",\"version\":\"" SOCLE_VERSION
    "\",\"description\":\"The back end of veyl, robian, sylion and "
    "lifetales. A path answers with and without a slash at its end. Errors are "
    "application/problem+json "
    "(RFC 9457). Times are RFC 3339 in UTC.\",\"license\":{\"name\":\"Apache-2.0\","
    "\"url\":\"https://www.apache.org/licenses/LICENSE-2.0\"}}";
static const char security_schemes[] =
    "{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\",\"bearerFormat\":\"JWT\","
    "\"description\":\"The access token of a log-in\"},"
    "\"apiKey\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":\"An API key, sk_…, for "
    "servers; what it may do "
    "are its scopes\"}}";
static const char common_parameters[] =
    "{\"IdempotencyKey\":{\"name\":\"Idempotency-Key\",\"in\":\"header\",\"description\":\"The "
    "same request with the same "
    "key is carried out once; its answer is kept for 24 "
    "hours\",\"schema\":{\"type\":\"string\",\"minLength\":1,"
    "\"maxLength\":255}},"
    "\"IfMatch\":{\"name\":\"If-Match\",\"in\":\"header\",\"description\":\"Only if its ETag is "
    "still this one\","
    "\"schema\":{\"type\":\"string\"}}}";

static void components(Doc *d, const Router *router) {
    open_at(d, "components", '{');
    json_key(&d->o, S("securitySchemes"));
    json_put_raw(&d->o, str_c(security_schemes));
    json_key(&d->o, S("parameters"));
    json_put_raw(&d->o, str_c(common_parameters));
    open_at(d, "responses", '{');
    problem_response(d, S("Problem"), S("Anything else that went wrong"));
    for (int status = STATUS_FIRST; status <= STATUS_LAST; status++) {
        ErrKind kind = kind_of_status(status);
        bool used = false;
        for (ptrdiff_t k = 0; kind < ERR_KIND_COUNT && k < router->count && !used; k++)
            used = may_answer(d, router->ordered[k], status);
        if (used) problem_response(d, strf(d->arena, "Problem%d", status), err_title(kind));
    }
    json_end(&d->o, '}');
    open_at(d, "schemas", '{');
    json_key(&d->o, S("Problem"));
    json_put_raw(&d->o, str_c(problem_schema));
    schemas_write(&d->o, schemas_collect(d->arena, router));
    json_end(&d->o, '}');
    json_end(&d->o, '}');
}

Str openapi_document(Ctx *c, const Router *router, Str server_url) {
    Buf b = buf_new(c->arena, 64 * 1024);
    Doc d = {.arena = c->arena, .o = json_out(&b)};
    json_begin(&d.o, '{');
    put(&d, "openapi", "3.1.0");
    json_key(&d.o, S("info"));
    json_put_raw(&d.o, str_c(info));
    open_at(&d, "servers", '[');
    json_begin(&d.o, '{');
    json_key(&d.o, S("url"));
    json_put_str(&d.o, server_url);
    json_end(&d.o, '}');
    json_end(&d.o, ']');
    tags(&d, router);
    paths(&d, router);
    components(&d, router);
    json_end(&d.o, '}');
    return buf_str(&b);
}

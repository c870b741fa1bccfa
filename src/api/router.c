/* SPDX-License-Identifier: Apache-2.0
 * What happens around a handler, in this order: path → rate by address → sign-in → access → rate by
 * account → Accept → query → body → Idempotency-Key → handler → answer. Whatever fails becomes a
 * problem+json here, and is logged here, once, if it is our fault.
 *
 * Everything a handler took from the arena is given back when it goes over its budget, so that
 * there is room to say so and the connection lives on. */
#include <setjmp.h>

#include "api/auth.h"
#include "api/router_room.h"
#include "core/json.h"
#include "core/log.h"

/* -- Building ---------------------------------------------------------------------------------- */

/* Statuses that some kind of error has, blank-separated. */
static bool errors_known(const char *errors) {
    for (Str rest = str_c(errors), one; rest.data;) {
        int64_t status;
        bool known = false;
        rest = str_cut(rest, ' ', &one);
        if (!str_to_i64(one, &status)) return false;
        for (ErrKind kind = 0; kind < ERR_KIND_COUNT; kind++) known |= err_status(kind) == status;
        if (!known) return false;
    }
    return true;
}

static void route_verify(const Route *route) {
    assert(route->path && route->handler && route->access >= ACCESS_OPEN &&
           route->access <= ACCESS_ADMIN);
    assert(__builtin_popcount((unsigned)route->method) == 1);
    assert(route->rate < RATE_CLASS_COUNT);
    assert(!route->kept || (route->method == METHOD_GET && route->out));
    assert(route->status == 0 || (route->status >= 200 && route->status < 400));
    assert(!(route->in && route->in_raw));
    assert(!route->in || !(route->method & (METHOD_GET | METHOD_DELETE)));
    assert(!route->out_list || route->out);
    assert(!route->idempotent || route->method == METHOD_POST);
    assert(!route->secret_out || route->out);
    assert(!route->key_suffices || (route->scope && route->access > ACCESS_USER));
    assert(errors_known(route->errors));
    assert(!route->status_also || route->out || route->out_type);
    if (route->query) record_verify(route->query);
    if (route->in) record_verify(route->in);
    if (route->out) record_verify(route->out);
}

static void entry_add(Router *router, const Module *module, const Route *route) {
    route_verify(route);
    assert(router->count < router->cap);
    Entry *entry = &router->entries[router->count];
    *entry = (Entry){.route = route, .module = module};
    tree_add(router->arena, &router->root, entry);
    router->count++;
}

static int entry_order(const void *a, const void *b) {
    const Entry *left = *(const Entry *const *)a, *right = *(const Entry *const *)b;
    int order = str_cmp(left->pattern, right->pattern);
    return order ? order : (int)left->route->method - (int)right->route->method;
}

static void routes_order(Router *router) {
    router->ordered = arena_array(router->arena, const Entry *, router->count + 1);
    router->routes = arena_array(router->arena, const Route *, router->count + 1);
    for (ptrdiff_t i = 0; i < router->count; i++) router->ordered[i] = &router->entries[i];
    qsort(router->ordered, (size_t)router->count, sizeof(Entry *), entry_order);
    for (ptrdiff_t i = 0; i < router->count; i++) router->routes[i] = router->ordered[i]->route;
}

static ptrdiff_t module_routes(const Module *module) {
    ptrdiff_t count = module->route_count;
    for (ptrdiff_t t = 0; module->tables && module->tables[t]; t++)
        for (const Route *r = module->tables[t]; r->path; r++) count++;
    return count;
}

Router *router_new(const Module *const *modules, ptrdiff_t count) {
    enum { ROUTER_BYTES = 256 * 1024 * 1024 };
    Arena *arena = arena_new(ROUTER_BYTES);
    Router *router = arena_new_of(arena, Router);
    router->arena = arena;
    router->modules = arena_array(arena, const Module *, count + 1);
    router->module_count = count;
    for (ptrdiff_t i = 0; i < count; i++) router->modules[i] = modules[i];
    for (ptrdiff_t i = 0; i < count; i++)
        router->cap += module_routes(modules[i]) + 5 * modules[i]->resource_count;
    router->entries = arena_array(arena, Entry, router->cap + 1);
    for (ptrdiff_t i = 0; i < count; i++) {
        const Module *module = modules[i];
        for (ptrdiff_t k = 0; k < module->route_count; k++)
            entry_add(router, module, &module->routes[k]);
        for (ptrdiff_t t = 0; module->tables && module->tables[t]; t++)
            for (const Route *r = module->tables[t]; r->path; r++) entry_add(router, module, r);
        for (ptrdiff_t k = 0; k < module->resource_count; k++) {
            ptrdiff_t made = 0;
            const Route *const *routes = resource_routes(arena, &module->resources[k], &made);
            for (ptrdiff_t j = 0; j < made; j++) entry_add(router, module, routes[j]);
        }
    }
    routes_order(router);
    schemas_collect(arena, router);
    return router;
}

void router_free(Router *router) {
    if (router) arena_free(router->arena);
}

const Route *const *router_routes(const Router *router, ptrdiff_t *count) {
    *count = router->count;
    return router->routes;
}

/* -- Access ------------------------------------------------------------------------------------ */

/* Open routes take no offence at a token that is no good (clients send an old one when they ask for
 * a new one), and they answer though the database is away. */
static Err *sign_in(Ctx *c, const Call *k) {
    if (k->route->access != ACCESS_OPEN) return auth_sign_in(c, k->q);
    if (k->route->rate == RATE_NONE || !req_header(k->q, S("Authorization")).data) return NULL;
    if (auth_sign_in(c, k->q)) c->account = (Account){0};
    return NULL;
}

Role route_role(const Route *route) {
    return route->access == ACCESS_ADMIN     ? ROLE_ADMIN
           : route->access == ACCESS_ANALYST ? ROLE_ANALYST
                                             : ROLE_USER;
}

static Err *access_check(Ctx *c, const Call *k) {
    const Route *route = k->route;
    if (route->access == ACCESS_OPEN) return NULL;
    if (id_is_none(c->account.user)) FAIL(c, UNAUTHENTICATED, "Token manquant");
    Role least = route_role(route);
    bool by_key = route->key_suffices && account_holds(&c->account, str_c(route->scope));
    if (c->account.role < least && !by_key)
        FAIL(c, FORBIDDEN, "This needs the role %s.", least == ROLE_ADMIN ? "admin" : "analyst");
    if (account_may(&c->account, str_c(route->scope))) return NULL;
    if (route->scope) FAIL(c, FORBIDDEN, "This API key lacks the scope %s.", route->scope);
    FAIL(c, FORBIDDEN, "This needs a signed-in user, or an API key with the scope *.");
}

/* -- Running ----------------------------------------------------------------------------------- */

static void times_to_null(const Record *record, void *value) {
    for (ptrdiff_t i = 0; i < record->field_count; i++) {
        const Field *f = &record->fields[i];
        if (f->kind == KIND_TIME)
            *(Time *)field_at(f, value) = TIME_NULL;
        else if (f->kind == KIND_RECORD && f->record != record)
            times_to_null(f->record, field_at(f, value));
    }
}

/* The handler, or the jump out of an arena that is over its budget (false). In a function of its
 * own, so that no variable lives across the jump. */
static MUST_USE bool handle_within_budget(Ctx *c, Call *k, Err **err) {
    jmp_buf full;
    jmp_buf *former = arena_on_full(c->arena, &full);
    bool within = setjmp(full) == 0;
    if (within) {
        *err = k->route->handler(c, k);
        if (!*err) call_encode(c, k);
    }
    arena_on_full(c->arena, former);
    return within;
}

static Err *handle(Ctx *c, Call *k) {
    if (k->route->out && !k->route->out_list) {
        k->out = arena_alloc(c->arena, k->route->out->size, 1);
        times_to_null(k->route->out, k->out);
    }
    Err *err = NULL;
    Reply before = *k->r;
    ArenaMark mark = arena_mark(c->arena);
    Defer *defers = c->defers;
    k->head_len = k->r->headers.len;
    if (handle_within_budget(c, k, &err)) return err;
    if (k->r->begun) { /* what is out cannot be taken back */
        k->r->cut = true;
        return NULL;
    }
    ctx_undo(c, defers);
    c->tx = NULL;
    *k->r = before;
    arena_release(c->arena, mark);
    FAIL(c, BUDGET, "the handler went over its memory budget");
}

static Err *handle_or_kept(Ctx *c, Call *k) {
    KeptKey key = {0};
    if (k->route->kept && kept_find(c, k, &key)) return NULL;
    TRY(handle(c, k));
    if (key.text.data) kept_add(c, k, &key);
    return NULL;
}

/* A body that the route lets through must not fail for want of room: its text, and what is read
 * from it. */
static void budget_settle(Ctx *c, const Call *k) {
    ptrdiff_t budget = http_options(k->q)->budget_bytes;
    ptrdiff_t most = k->route->in ? call_text_max(k, k->route->in) : 0;
    int64_t body = k->q->body_length < 0 ? most : min_i64(k->q->body_length, most); /* < 0: chunked */
    arena_budget_set(c->arena, budget + 4 * (ptrdiff_t)body);
}

static Err *prepare(Ctx *c, Call *k, const Match *m) {
    if (k->route->timeout_ms) c->deadline_us = k->q->started_us + k->route->timeout_ms * US_PER_MS;
    if (k->route->body_limit) k->q->body_limit = k->route->body_limit;
    budget_settle(c, k);
    TRY(rate_check_address(c, k));
    TRY(sign_in(c, k));
    TRY(access_check(c, k));
    TRY(rate_check_account(c, k));
    TRY(call_params(c, k, m));
    TRY(call_negotiate(c, k));
    TRY(call_query(c, k));
    return call_body(c, k);
}

static void log_failure(Ctx *c, const Req *q, const Err *err) {
    int status = err_status(err->kind);
    if (status < 500 || status == 501) return;
    Buf b = buf_new(c->arena, 256);
    JsonOut o = json_out(&b);
    json_key(&o, S("route"));
    json_put_str(&o, c->route.data ? c->route : q->path);
    json_key(&o, S("status"));
    json_put_i64(&o, status);
    json_key(&o, S("error"));
    json_put_str(&o, err_chain(c->arena, err));
    log_fields(c, LOG_ERROR, S("a request failed"), buf_str(&b));
}

/* Make the reply of an error. After the first byte is out, the end of the connection says it. */
static void answer_err(Ctx *c, const Req *q, Reply *r, ptrdiff_t head_len, const Err *err) {
    log_failure(c, q, err);
    if (r->begun) {
        r->cut = true;
        return;
    }
    r->headers.len = head_len;
    reply_problem(c, q, r, err);
}

/* -- Dispatch ---------------------------------------------------------------------------------- */

static void serve(Ctx *c, Req *q, Reply *r, const Match *m) {
    Call k = {.q = q, .r = r, .route = m->entry->route, .entry = m->entry, .total = -1};
    q->route = m->entry;
    c->route = m->entry->pattern;
    Err *err = prepare(c, &k, m);
    bool replayed = false;
    k.head_len = r->headers.len;
    if (!err && k.route->idempotent) err = claim_take(c, &k, &replayed);
    if (!err && !replayed) err = handle_or_kept(c, &k);
    if (err) answer_err(c, q, r, k.head_len, err);
    if (k.claim) claim_end(c, &k, err);
}

static void answer_options(const Req *q, Reply *r, Str allow, bool may_read) {
    if (may_read && cors_is_preflight(q)) cors_preflight(r, allow);
    reply_header(r, S("Allow"), allow);
    r->status = 204;
    r->body = S("");
}

/* No route for this path and method. */
static void serve_none(Ctx *c, Req *q, Reply *r, const Match *m, bool may_read) {
    bool everything = str_eq(q->target, S("*"));
    unsigned allowed = everything
                           ? METHOD_GET | METHOD_POST | METHOD_PUT | METHOD_PATCH | METHOD_DELETE
                           : m->allowed;
    q->route = m->other;
    c->route = m->other ? m->other->pattern : (Str){0};
    Err *err;
    if (allowed) {
        Str allow = methods_text(c->arena, allowed);
        if (q->method == METHOD_OPTIONS) {
            answer_options(q, r, allow, may_read);
            return;
        }
        reply_header(r, S("Allow"), allow);
        err = err_new(c, ERR_METHOD_NOT_ALLOWED, __func__, "%.*s is not allowed here; %.*s are.",
                      S_ARG(q->method_text), S_ARG(allow));
    } else {
        err = err_new(c, ERR_NOT_FOUND, __func__, "There is nothing at this address.");
    }
    reply_problem(c, q, r, err);
}

void router_handle(Ctx *c, Req *q, Reply *r) {
    const Router *router = app_router(c);
    Match m;
    c->account = (Account){0};
    c->client_ip = q->client_ip;
    c->request_id = c->route = (Str){0};
    q->route = NULL;
    tree_match(&router->root, q->path, q->method, &m);
    bool may_read = headers_begin(c, q, r, &m);
    bool answered = https_insist(c, q, r, &m);
    if (!answered && m.entry)
        serve(c, q, r, &m);
    else if (!answered)
        serve_none(c, q, r, &m, may_read);
    if (!r->begun) headers_settle(q, r);
}

void router_refuse(Ctx *c, Req *q, Reply *r, Err *err) {
    headers_begin(c, q, r, NULL);
    log_failure(c, q, err);
    reply_problem(c, q, r, err);
}

Err *router_call(Ctx *c, Method method, Str path, Str query, Str body, Str *out) {
    Match m;
    tree_match(&app_router(c)->root, path, method, &m);
    if (!m.entry) FAIL(c, NOT_FOUND, "There is nothing at this address.");
    assert(!m.entry->route->in_raw && !m.entry->route->out_type);
    /* body_length 0: what is to be read is in k.body. */
    Req q = {.method = method, .method_text = str_c(method_name(method)), .target = path, .path = path,
             .query = query, .started_us = mono_us()};
    Reply r = {.status = 200, .headers = buf_new(c->arena, 64), .last_modified = TIME_NULL};
    Call k = {.q = &q, .r = &r, .route = m.entry->route, .entry = m.entry, .total = -1, .body = body};
    TRY(call_params(c, &k, &m));
    TRY(call_query(c, &k));
    TRY(call_body(c, &k));
    TRY(handle(c, &k));
    *out = r.body.len > 0 ? r.body : (Str){0};
    return NULL;
}

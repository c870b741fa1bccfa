/* SPDX-License-Identifier: Apache-2.0
 * A whole API for a test: a database of its own (either engine), a router over the modules given, a
 * server on loopback, users who sign in for real, and a client. */
#ifndef SOCLE_TEST_API_WORLD_H
#define SOCLE_TEST_API_WORLD_H

#include "api/router.h"
#include "data/redis.h"

#define WORLD_HAS_APP
struct App {
    Db *db;
    Router *router;
    HttpServer *server;
};
#include <sodium.h>

#include "api/auth.h"
#include "api/base_settings.h"
#include "api/ratelimit.h"
#include "core/json.h"
#include "core/map.h"
#include "data/migrate.h"
#define WORLD_MIGRATED
#include "unit/data/world.h"

Router *app_router(Ctx *c) { return c->app->router; }
Redis *app_redis(Ctx *c) {
    (void)c;
    return NULL;
}

enum { SERVERS_MAX = 256, PATIENCE_MS = 20000 };
static HttpServer *servers[SERVERS_MAX]; /* they live as long as the process */
static int server_count;

static inline void settings_usual(void) {
    settings = (BaseSettings){
        .environment = S("development"),
        .secret_key = S("a secret key of forty characters, at least"),
        .secret_key_previous = S(""),
        .access_token_minutes = 30,
        .refresh_token_days = 30,
        .rate_default = 1000000,
        .rate_auth = 1000000,
        .rate_write = 1000000,
        .rate_bulk = 1000000,
        .rate_search = 1000000,
        .rate_limits = true,
        .cors_origins = S("https://app.example,http://localhost:*"),
    };
    rate_reset();
}

/* Without a database: for routes that need none. */
static inline bool api_serve(Ctx *c, const Module *const *modules, ptrdiff_t count) {
    settings_usual();
    world.app.router = router_new(modules, count);
    HttpOptions options = {.address = S("127.0.0.1:0"),
                           .app = &world.app,
                           .handle = router_handle,
                           .refuse = router_refuse,
                           .budget_bytes = 8 * MIB};
    if (!good(http_start(c, options, &world.app.server), "http_start", __FILE__, __LINE__))
        return false;
    servers[server_count++] = world.app.server;
    for (ptrdiff_t i = 0; i < count; i++)
        if (modules[i]->start && !good(modules[i]->start(c), modules[i]->name, __FILE__, __LINE__))
            return false;
    return true;
}

static inline bool api_begin(Ctx *c, const Module *const *modules, ptrdiff_t count) {
    int64_t applied;
    if (sodium_init() < 0 || !good(migrate_up(c, &applied), "migrate_up", __FILE__, __LINE__))
        return false;
    return api_serve(c, modules, count);
}

static inline void api_end(Ctx *c) {
    http_stop(world.app.server);
    for (int i = 0; i < 2000 && http_connections(world.app.server) > 0; i++)
        if (sleep_ms(c, 5)) break;
    router_free(world.app.router);
    world.app.router = NULL;
}

/* -- the client -------------------------------------------------------------------------------- */

typedef struct Answer {
    int status;
    Str head, body;
    json_t *json; /* NULL unless the body is JSON */
} Answer;

static inline Str header_of(Ctx *c, Answer a, const char *name) {
    Str start = strf(c->arena, "\r\n%s: ", name);
    ptrdiff_t at = str_find(a.head, start);
    if (at < 0) return (Str){0};
    Str rest = str_slice(a.head, at + start.len, a.head.len);
    return str_slice(rest, 0, str_find(rest, S("\r\n")));
}

static inline Answer answer_of(Ctx *c, Str text) {
    Answer a = {0};
    int64_t status = 0;
    ptrdiff_t end = str_find(text, S("\r\n\r\n"));
    if (end < 0 || !str_to_i64(str_slice(text, 9, 12), &status)) return a;
    a.status = (int)status;
    a.head = str_slice(text, 0, end + 2);
    a.body = str_slice(text, end + 4, text.len);
    Str type = header_of(c, a, "Content-Type");
    if (str_find(type, S("json")) >= 0 && a.body.len > 0 && json_parse(c, a.body, &a.json) != NULL)
        a.json = NULL;
    return a;
}

/* One request on a connection of its own: `lines` are further header lines, each with CRLF. */
static inline Answer ask(Ctx *c, const char *method, const char *target, const char *lines,
                         Str body) {
    Buf b = buf_new(c->arena, 1024 + body.len);
    buf_f(&b, "%s %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s", method, target,
          lines ? lines : "");
    if (body.data) buf_f(&b, "Content-Length: %td\r\n", body.len);
    buf_add(&b, S("\r\n"));
    buf_add(&b, body);
    Stream *s = NULL;
    int64_t former = ctx_deadline_within(c, PATIENCE_MS);
    Str text = buf_str(&b);
    Buf heard = buf_new(c->arena, 4096);
    if (good(stream_connect(c, S("127.0.0.1"), http_port(world.app.server), &s), "connect",
             __FILE__, __LINE__)) {
        Err *err = stream_write(c, s, &text, 1);
        for (ptrdiff_t n = 1; n > 0;) { /* refused early, it still has something to say */
            char *to = buf_reserve(&heard, 64 * KIB);
            err = stream_read(c, s, to, 64 * KIB, &n);
            if (err) break;
            heard.len += n;
        }
        stream_close(s);
    }
    c->deadline_us = former;
    return answer_of(c, buf_str(&heard));
}

static inline Answer get(Ctx *c, const char *target) {
    return ask(c, "GET", target, NULL, (Str){0});
}

static inline Answer send_json(Ctx *c, const char *method, const char *target, const char *lines,
                               const char *json) {
    const char *all = str_cstr(
        c->arena, strf(c->arena, "Content-Type: application/json\r\n%s", lines ? lines : ""));
    return ask(c, method, target, all, str_c(json));
}

/* A header line that signs in somebody new with that role. */
static inline const char *signed_in(Ctx *c, const char *email, const char *role, User *out) {
    User user = {0};
    TokenPair pair = {0};
    bool done = good(user_create(c, str_c(email), S("Somebody"), (Str){0}, str_c(role), &user),
                     "user", __FILE__, __LINE__) &&
                good(auth_tokens_issue(c, &user, &pair), "tokens", __FILE__, __LINE__);
    if (out) *out = user;
    return done ? str_cstr(c->arena, strf(c->arena, "Authorization: Bearer %.*s\r\n",
                                          S_ARG(pair.access_token)))
                : "";
}

static inline const char *with_key(Ctx *c, Id user, const char *scopes) {
    Str key = {0};
    Id id;
    good(api_key_create(c, user, S("key"), str_c(scopes), TIME_NULL, &key, &id), "key", __FILE__,
         __LINE__);
    return str_cstr(c->arena, strf(c->arena, "Authorization: Bearer %.*s\r\n", S_ARG(key)));
}

#define CHECK_HEADER(answer, name, want) CHECK_STR(header_of(c, (answer), (name)), (want))
#define CHECK_DETAIL(answer, wanted_status, want)                   \
    do {                                                            \
        Answer answer_ = (answer);                                  \
        CHECK_INT(answer_.status, (wanted_status));                 \
        CHECK_STR(json_str(json_at(answer_.json, "detail")), want); \
    } while (0)

#endif

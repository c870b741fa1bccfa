/* SPDX-License-Identifier: Apache-2.0
 * On several nodes without Redis nobody tells the caches what to forget but the events: every write of
 * a debate emits one (debate.c), and every node hears it within moments. What this node writes itself
 * it forgets at once, before the writer has its answer.
 *
 * Should listening end, for being too slow say, everything is forgotten and it begins again. */
#include "products/robian/follow.h"

#include "core/json.h"
#include "core/log.h"
#include "data/cache.h"
#include "data/db.h"
#include "data/redis.h"
#include "products/robian/debate.h"
#include "work/events.h"

enum { AGAIN_MS = 1000 };

static void forget(Ctx *c, Str prefix) {
    Err *err = cache_remove_prefix(c, app_cache(c), prefix);
    assert(!err); /* see cache.h */
}

static void forget_debate(Ctx *c, Str event) {
    json_t *json;
    if (json_parse(c, event, &json)) return;
    Str id = json_str(json_path(json, "data.debate_id"));
    forget(c, S(ROBIAN_CACHE_LISTS));
    if (id.data) forget(c, strf(c->arena, ROBIAN_CACHE_DEBATE "%.*s/", S_ARG(id)));
}

static void news_ready(void *arg) { wait_wake_all(arg); }
static void subscriber_end(void *arg) { subscriber_free(arg); }

/* Until the subscriber is ended by others. */
static Err *events_hear(Ctx *c) {
    WaitList ready = {0};
    Str channel = S("debates");
    Subscriber *s = subscriber_new(0, news_ready, &ready);
    defer(c, subscriber_end, s);
    subscriber_add(s, &channel, 1, -1);
    forget(c, S(ROBIAN_CACHE_LISTS));
    forget(c, S(ROBIAN_CACHE_DEBATE));
    while (str_is_null(subscriber_ended(s))) {
        EventMessage *m;
        ArenaMark mark = arena_mark(c->arena);
        Defer *undo = c->defers;
        TRY(subscriber_next(c, s, &m));
        if (m) forget_debate(c, m->json);
        if (m) subscriber_done(m);
        ctx_undo(c, undo);
        arena_release(c->arena, mark);
        if (!m && str_is_null(subscriber_ended(s))) TRY(wait_on(c, &ready));
    }
    return NULL;
}

static void follow_run(Ctx *c, void *arg) {
    (void)arg;
    while (!c->cancelled) {
        ArenaMark mark = arena_mark(c->arena);
        Err *err = events_hear(c);
        ctx_undo(c, NULL);
        if (err && err->kind != ERR_CANCELLED)
            log_msg(c, LOG_WARN, "caches of debates cannot follow: %.*s",
                    S_ARG(err_chain(c->arena, err)));
        arena_release(c->arena, mark);
        if (c->cancelled || sleep_ms(c, AGAIN_MS)) return;
    }
}

Err *caches_follow(Ctx *c) {
    if (db_engine(c) != ENGINE_POSTGRES || app_redis(c)) return NULL;
    coro_spawn((CoroOptions){.name = "robian caches", .app = c->app, .service = true}, follow_run,
               NULL);
    return NULL;
}

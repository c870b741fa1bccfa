/* SPDX-License-Identifier: Apache-2.0
 * LISTEN, on a connection of its own, kept by one coroutine on the loop that opened the database.
 * Whenever the connection has been made, every listener gets a null payload: something may have
 * been missed. Behind a transaction pooler LISTEN does not work: then a null payload once a second.
 */
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "core/rand.h"
#include "data/pg_pool.h"

enum {
    POLL_MS = 1000,
    BACKOFF_MIN_MS = 100,
    BACKOFF_MAX_MS = 5000,
    ANSWER_MS = 10000,
};

typedef struct Hearing {
    Postgres *pg;
    PGconn *session;
    FdWatch *watch;
    ptrdiff_t listening; /* so many channels of the list */
} Hearing;

static bool ending(Ctx *c, const Postgres *pg) { return pg->closing || c->cancelled; }

static void on_readable(void *arg, int events) {
    Postgres *pg = arg;
    (void)events;
    pg->listen_news = true;
    if (pg->listener) coro_wake(pg->listener);
}

/* Wait until something has arrived, a channel was added, or it is time to end. */
static Err *news_wait(Ctx *c, Hearing *h) {
    Postgres *pg = h->pg;
    Wake wake = WAKE_DONE;
    while (!pg->listen_news && !ending(c, pg) && wake == WAKE_DONE) wake = coro_wait(c);
    pg->listen_news = false;
    TRY(wake_err(c, wake, __func__));
    if (ending(c, pg)) FAIL(c, CANCELLED, "The database is closing.");
    if (!PQconsumeInput(h->session)) FAIL(c, UNAVAILABLE, "%s", PQerrorMessage(h->session));
    return NULL;
}

static void notices_deliver(Hearing *h) {
    PGnotify *n;
    while ((n = PQnotifies(h->session))) {
        listeners_tell(h->pg->db->listeners, str_c(n->relname), str_c(n->extra));
        PQfreemem(n);
    }
}

/* Send one command and wait for its answer. */
static Err *command(Ctx *c, Hearing *h, const char *sql) {
    if (!PQsendQuery(h->session, sql)) FAIL(c, UNAVAILABLE, "%s", PQerrorMessage(h->session));
    int64_t former = ctx_deadline_within(c, ANSWER_MS);
    Err *err = NULL;
    PQflush(h->session); /* a line of text: the socket takes it */
    while (!err && PQisBusy(h->session)) err = news_wait(c, h);
    c->deadline_us = former;
    if (err) return err;
    for (PGresult *result; (result = PQgetResult(h->session)); PQclear(result))
        if (!err && PQresultStatus(result) != PGRES_COMMAND_OK) err = pg_err(c, result, sql);
    return err;
}

/* LISTEN to the channels that were added. */
static Err *channels_listen(Ctx *c, Hearing *h) {
    Str channel;
    while ((channel = listeners_channel(h->pg->db->listeners, h->listening)).data) {
        char *quoted = PQescapeIdentifier(h->session, channel.data, (size_t)channel.len);
        Str sql = strf(c->arena, "LISTEN %s", quoted);
        PQfreemem(quoted);
        TRY(command(c, h, str_cstr(c->arena, sql)));
        h->listening++;
        listeners_tell(h->pg->db->listeners, channel, (Str){NULL, 0});
    }
    return NULL;
}

static Err *hear(Ctx *c, Hearing *h) {
    while (!ending(c, h->pg)) {
        ArenaMark mark = arena_mark(c->arena);
        TRY(channels_listen(c, h));
        notices_deliver(h);
        TRY(news_wait(c, h));
        arena_release(c->arena, mark);
        notices_deliver(h);
    }
    return NULL;
}

static Err *session_hear(Ctx *c, Postgres *pg, int64_t *backoff_ms) {
    Hearing h = {.pg = pg};
    int fd;
    TRY(pg_session(c, &pg->target, &h.session, &fd));
    *backoff_ms = BACKOFF_MIN_MS;
    h.watch = fd_watch_new(fd);
    fd_watch_start(h.watch, UV_READABLE, on_readable, pg);
    Err *err = hear(c, &h);
    fd_watch_free(h.watch);
    close(fd);
    PQfinish(h.session);
    return err;
}

static void poll(Ctx *c, Postgres *pg) {
    while (!ending(c, pg)) {
        listeners_tell(pg->db->listeners, (Str){NULL, 0}, (Str){NULL, 0});
        if (sleep_ms(c, POLL_MS) != NULL) return;
    }
}

static void listener_main(Ctx *c, void *arg) {
    Postgres *pg = arg;
    int64_t backoff_ms = BACKOFF_MIN_MS;
    pg->listener = c->coro;
    if (!pg->target.prepared) poll(c, pg);
    while (!ending(c, pg)) {
        ArenaMark mark = arena_mark(c->arena);
        Err *err = session_hear(c, pg, &backoff_ms);
        if (err && !ending(c, pg)) {
            log_msg(c, LOG_WARN, "notices of PostgreSQL stopped: %.*s",
                    S_ARG(str_trim(err->detail)));
            Err *cut = sleep_ms(c, backoff_ms + rand_below(rand_thread(), backoff_ms));
            backoff_ms = cut ? backoff_ms : min_i64(backoff_ms * 2, BACKOFF_MAX_MS);
        }
        arena_release(c->arena, mark);
    }
    pg->listener = NULL;
    postgres_release(pg);
}

/* On the listener's loop. */
static void channel_added(void *arg) {
    Postgres *pg = arg;
    pg->listen_news = true;
    if (pg->listener) coro_wake(pg->listener);
    postgres_release(pg);
}

void postgres_listen(Ctx *c, Db *db) {
    Postgres *pg = db->postgres;
    atomic_fetch_add(&pg->users, 1);
    if (atomic_exchange(&pg->listening, true)) {
        loop_post(pg->listen_loop, channel_added, pg);
        return;
    }
    CoroOptions options = {.name = "listen", .app = c->app, .service = true, .budget_bytes = MIB};
    coro_spawn_on(pg->listen_loop, options, listener_main, pg);
}

void postgres_listen_close(Postgres *pg) {
    pg->listen_news = true;
    if (pg->listener) coro_wake(pg->listener);
}

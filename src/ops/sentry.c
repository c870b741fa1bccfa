/* SPDX-License-Identifier: Apache-2.0
 * The queue and the service that empties it. The log calls sentry_take on whatever thread
 * failed; it copies the line and tries the queue, no more. */
#include "ops/sentry.h"

#include <stdlib.h>

#include "core/id.h"
#include "core/log.h"
#include "rt/channel.h"

enum {
    CALL_MS = 5000,
    CONNECT_MS = 2000,
    STOP_MS = 2000,
    ANSWER_MAX = 64 * 1024,
    COMPLAIN_EVERY_S = 60
};

typedef struct Line {
    ptrdiff_t len;
    char text[];
} Line;

static struct {
    SentryOptions options;
    SentryTarget target;
    Arena *arena; /* of the texts above */
    Channel *queue;
    Loop *loop;
    WaitList ended;
    bool running;
    int64_t limited_until_us, complained_us;
} sentry;

enum { SENT, LIMITED, QUEUE_FULL, FAILED };
static const char *const results[] = {"sent", "limited", "queue_full", "failed", NULL};
static MetricCells event_cells;
static const Metric metrics[] = {
    {"socle_sentry_events", METRIC_COUNTER, "Error events for Sentry, by what became of them.",
     .labels = "result", .values = results, .cells = &event_cells},
};
const MetricTable sentry_metrics = {metrics, COUNT(metrics), NULL};

static void counted(int result) { metric_add(&metrics[0], result, 1); }

static void sentry_take(Str text) {
    text = str_utf8_cut(text, SENTRY_LINE_MAX);
    Line *line = malloc(sizeof *line + (size_t)text.len);
    if (!line) abort();
    line->len = text.len;
    memcpy(line->text, text.data, (size_t)text.len);
    if (channel_try_send(sentry.queue, line)) return;
    free(line);
    counted(QUEUE_FULL);
}

/* Not as an error: that would come round again. */
static void complain(Ctx *c, const char *what, int status) {
    int64_t now = mono_us();
    if (sentry.complained_us && now - sentry.complained_us < COMPLAIN_EVERY_S * US_PER_SECOND)
        return;
    sentry.complained_us = now;
    log_msg(c, LOG_WARN, "Sentry does not take events: %s (status %d)", what, status);
}

static Str event_id_new(Arena *arena) {
    Str uuid = uuid_v4(arena);
    Buf b = buf_new(arena, 32);
    for (ptrdiff_t i = 0; i < uuid.len; i++)
        if (uuid.data[i] != '-') buf_byte(&b, uuid.data[i]);
    return buf_str(&b);
}

static void event_send(Ctx *c, Str line) {
    if (mono_us() < sentry.limited_until_us) {
        counted(LIMITED);
        return;
    }
    const Header headers[] = {{S("Content-Type"), S("application/x-sentry-envelope")},
                              {S("X-Sentry-Auth"), sentry.target.auth}};
    HttpCall call = {
        .method = "POST",
        .url = sentry.target.url,
        .headers = headers,
        .header_count = COUNT(headers),
        .body = sentry_envelope(c, &sentry.options, &sentry.target, line, event_id_new(c->arena),
                                time_now()),
        .connect_timeout_ms = CONNECT_MS,
        .timeout_ms = CALL_MS,
        .max_bytes = ANSWER_MAX,
    };
    HttpAnswer answer = {0};
    Err *err = http_call(c, &call, &answer);
    if (err) {
        counted(FAILED);
        complain(c, "it cannot be reached", 0);
        return;
    }
    int64_t limit_s = sentry_limit_s(&answer);
    if (limit_s > 0) sentry.limited_until_us = mono_us() + limit_s * US_PER_SECOND;
    bool good = answer.status >= 200 && answer.status < 300;
    counted(good ? SENT : answer.status == 429 ? LIMITED : FAILED);
    if (!good && answer.status != 429) complain(c, "it refused one", answer.status);
}

static void sentry_service(Ctx *c, void *unused) {
    (void)unused;
    ArenaMark mark = arena_mark(c->arena);
    void *item;
    while (!channel_receive(c, sentry.queue, &item) && item) {
        Line *line = item;
        event_send(c, str_of(line->text, line->len));
        free(line);
        ctx_undo(c, NULL);
        arena_release(c->arena, mark);
    }
    while (channel_try_receive(sentry.queue, &item) && item) free(item);
    sentry.running = false;
    wait_wake_all(&sentry.ended);
}

Err *sentry_start(Ctx *c, SentryOptions options) {
    assert(!sentry.running);
    if (str_is_empty(options.dsn)) return NULL;
    SentryTarget target;
    TRY(sentry_target(c, options.dsn, &target));
    arena_free(sentry.arena);
    if (sentry.queue) channel_free(sentry.queue);
    Arena *arena = arena_new(64 * KIB);
    sentry.arena = arena;
    sentry.options = (SentryOptions){.environment = str_copy(arena, options.environment),
                                     .release = str_copy(arena, options.release),
                                     .server_name = str_copy(arena, options.server_name)};
    sentry.target = (SentryTarget){.url = str_copy(arena, target.url),
                                   .auth = str_copy(arena, target.auth),
                                   .public_dsn = str_copy(arena, target.public_dsn)};
    sentry.queue = channel_new(SENTRY_QUEUE);
    sentry.loop = loop_here();
    sentry.ended = (WaitList){0};
    sentry.limited_until_us = sentry.complained_us = 0;
    sentry.running = true;
    coro_spawn((CoroOptions){.name = "sentry", .app = c->app, .service = true}, sentry_service,
               NULL);
    log_on_error(sentry_take);
    return NULL;
}

void sentry_stop(Ctx *c) {
    if (!sentry.running) return;
    assert(loop_here() == sentry.loop);
    channel_close(sentry.queue);
    int64_t former = ctx_deadline_within(c, STOP_MS);
    while (sentry.running)
        if (wait_on(c, &sentry.ended)) break;
    c->deadline_us = former;
}

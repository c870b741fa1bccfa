/* SPDX-License-Identifier: Apache-2.0
 * The table of events, its rules, and the tail: the one coroutine of a process that reads what is
 * new and hands it to the hubs of all loops.
 *
 * Ids are given in commit order (see sql/0003_work), so "everything after the last id I read"
 * misses nothing: no smaller id can appear later. */
#include "work/events.h"

#include "core/log.h"
#include "core/time.h"
#include "data/redis.h"
#include "net/websocket.h"
#include "work/event_room.h"

enum {
    POLL_MS = 1000,
    PURGE_MS = 60 * 1000,
    PURGE_BATCH = 1000,
    STATEMENT_MS = 20 * 1000,
    BATCH = 128,
    BATCHES_AHEAD = 8, /* given to the loops and not yet delivered by all */
    STOP_LOOK_MS = 10
};

static struct {
    Signal signal;
    atomic_bool stopping, alive;
    Coro *coro;
    _Atomic int64_t emitted_count;
    atomic_bool emitted; /* by this process, and other nodes not yet told through Redis */
    atomic_int ahead;
    atomic_bool held_up; /* the tail waits for the loops */
    int64_t last_id, poll_at_us, purge_at_us, keep_ms;
    const ChannelRule *rules[64];
    ptrdiff_t counts[64], tables;
} events;

static const Field event_fields[] = {
    FIELD(Event, id),   FIELD(Event, channel),    FIELD(Event, type),
    FIELD(Event, data), FIELD(Event, created_at),
};
const Record event_record = RECORD(Event, event_fields, .table = "events");

/* Line ends in JSON text can only be white space between its parts; SSE would take them for ends
 * of the event. */
static void buf_one_line(Buf *b, Str json) {
    char *to = buf_reserve(b, json.len);
    for (ptrdiff_t i = 0; i < json.len; i++)
        to[i] = json.data[i] == '\n' || json.data[i] == '\r' ? ' ' : json.data[i];
    b->len += json.len;
}

void event_json(Buf *b, Str type, Str channel, Str data, Time at, int64_t message_id) {
    buf_add(b, S("{\"type\":"));
    buf_json(b, type);
    buf_add(b, S(",\"channel\":"));
    buf_json(b, channel);
    buf_add(b, S(",\"data\":"));
    buf_one_line(b, str_is_null(data) ? S("null") : data);
    buf_add(b, S(",\"timestamp\":\""));
    buf_time(b, at);
    buf_add(b, S("\",\"message_id\":"));
    if (message_id)
        buf_i64(b, message_id);
    else
        buf_add(b, S("null"));
    buf_byte(b, '}');
}

/* -- emitting --------------------------------------------------------------------------------- */

/* Whoever does not ask for the id spares SQLite the table in which it gathers what RETURNING gives. */
#define EMIT_SQLITE "INSERT INTO events (channel, type, data, created_at) VALUES ($1, $2, $3, $4)"
#define EMIT_POSTGRES                                                                            \
    "WITH next AS (UPDATE event_log SET last_id = last_id + 1 WHERE one = 1 RETURNING last_id) " \
    "INSERT INTO events (id, channel, type, data, created_at) "                                  \
    "SELECT last_id, $1, $2, $3, $4 FROM next"

typedef struct Emission {
    Str channel, type, data;
    Time at;
    Id *id; /* NULL: nobody asks */
} Emission;

static void emit_committed(Ctx *c, void *arg) {
    (void)c;
    (void)arg;
    atomic_fetch_add_explicit(&events.emitted_count, 1, memory_order_relaxed);
    atomic_store(&events.emitted, true);
    signal_give(&events.signal);
}

static Err *emit_in(Ctx *c, void *arg) {
    Emission *e = arg;
    Args args = ARGS(V(e->channel), V(e->type), V((JsonText){e->data}), V(e->at));
    TRY(e->id ? db_int(c, SQL2(EMIT_SQLITE " RETURNING id", EMIT_POSTGRES " RETURNING id"), args,
                       &e->id->value)
              : db_exec_later(c, SQL2(EMIT_SQLITE, EMIT_POSTGRES), args));
    db_after_commit(c, emit_committed, NULL);
    /* Where Redis carries the news the tail tells it, once for many; a command has no tail. */
    bool redis = app_redis(c) && atomic_load(&events.alive);
    return db_engine(c) == ENGINE_SQLITE || redis ? NULL : db_notify(c, "events", S(""));
}

/* Those who emit wait for each other until their commit: a transaction that took other locks behind
 * would be a deadlock with whoever holds those and emits. So it is the last that a transaction does,
 * whenever it was asked for; whoever wants the id cannot wait so long. */
static Err *emit_late(Ctx *c, const Emission *e) {
    Emission *kept = arena_new_of(c->arena, Emission);
    *kept = *e;
    kept->channel = str_copy(c->arena, e->channel);
    kept->type = str_copy(c->arena, e->type);
    kept->data = str_copy(c->arena, e->data);
    return db_before_commit(c, emit_in, kept);
}

Err *event_emit_id(Ctx *c, Str channel, Str type, Str data, Id *id) {
    if (channel.len == 0 || channel.len > EVENT_CHANNEL_MAX)
        FAIL(c, INVALID, "An event's channel has 1 to %d bytes.", EVENT_CHANNEL_MAX);
    if (type.len == 0 || type.len > EVENT_TYPE_MAX)
        FAIL(c, INVALID, "An event's type has 1 to %d bytes.", EVENT_TYPE_MAX);
    if (data.len > EVENT_DATA_MAX)
        FAIL(c, TOO_LARGE, "An event's data has at most %d bytes.", EVENT_DATA_MAX);
    Emission e = {channel, type, str_is_null(data) ? S("null") : data, time_now(), id};
    if (!c->tx) return db_transaction(c, emit_in, &e);
    return id || db_engine(c) == ENGINE_SQLITE ? emit_in(c, &e) : emit_late(c, &e);
}

Err *event_emit(Ctx *c, Str channel, Str type, Str data) {
    return event_emit_id(c, channel, type, data, NULL);
}

/* -- who may read ----------------------------------------------------------------------------- */

void event_rules_set(const ChannelRule *const *tables, const ptrdiff_t *counts, ptrdiff_t n) {
    assert(n >= 0 && n <= COUNT(events.rules));
    for (ptrdiff_t t = 0; t < n; t++) {
        events.rules[t] = tables[t];
        events.counts[t] = counts[t];
        for (ptrdiff_t i = 0; i < counts[t]; i++)
            assert(tables[t][i].prefix && tables[t][i].may_read);
    }
    events.tables = n;
}

static bool prefix_fits(Str prefix, Str channel) {
    if (!str_ends(prefix, S(":"))) return str_eq(prefix, channel);
    return str_starts(channel, prefix) && channel.len > prefix.len;
}

static const ChannelRule *rule_find(Str channel) {
    for (ptrdiff_t t = 0; t < events.tables; t++) {
        for (ptrdiff_t i = 0; i < events.counts[t]; i++) {
            const ChannelRule *rule = &events.rules[t][i];
            if (prefix_fits(str_c(rule->prefix), channel)) return rule;
        }
    }
    return NULL;
}

/* Is the channel this prefix with this very number? */
static bool is_of(Str channel, Str prefix, Id id) {
    int64_t number;
    return str_starts(channel, prefix) &&
           str_to_i64(str_slice(channel, prefix.len, channel.len), &number) && number == id.value &&
           !id_is_none(id);
}

Err *event_may_read(Ctx *c, Str channel, bool *yes) {
    *yes = false;
    if (channel.len == 0 || channel.len > EVENT_CHANNEL_MAX || !str_utf8_valid(channel))
        return NULL;
    const ChannelRule *rule = rule_find(channel);
    if (rule) {
        Str prefix = str_c(rule->prefix);
        return rule->may_read(c, str_slice(channel, prefix.len, channel.len), yes);
    }
    *yes = str_eq(channel, S("system")) || c->account.role == ROLE_ADMIN ||
           is_of(channel, S("user:"), c->account.user) ||
           is_of(channel, S("org:"), c->account.organisation);
    return NULL;
}

int64_t event_recall(Str channel) {
    const ChannelRule *rule = rule_find(channel);
    return rule ? rule->recall : 0;
}

Str event_channels_json(Arena *arena) {
    Buf b = buf_new(arena, 128);
    buf_byte(&b, '[');
    for (ptrdiff_t t = 0; t < events.tables; t++) {
        for (ptrdiff_t i = 0; i < events.counts[t]; i++) {
            if (!events.rules[t][i].listed) continue;
            buf_json(&b, str_c(events.rules[t][i].prefix));
            buf_byte(&b, ',');
        }
    }
    buf_add(&b, S("\"system\",\"user\"]"));
    return buf_str(&b);
}

/* -- reading ---------------------------------------------------------------------------------- */

static const char tail_sql[] =
    "SELECT id, channel, type, data, created_at FROM events WHERE id > $1 ORDER BY id LIMIT $2";
static const char replay_sqlite[] =
    "SELECT id, channel, type, data, created_at FROM events WHERE id > $1 AND channel IN "
    "(SELECT value FROM json_each($3)) ORDER BY id LIMIT $2";
static const char replay_postgres[] =
    "SELECT id, channel, type, data, created_at FROM events WHERE id > $1 AND channel = ANY (ARRAY "
    "(SELECT jsonb_array_elements_text(CAST($3 AS jsonb)))) ORDER BY id LIMIT $2";
static const char log_sqlite[] = "SELECT purged_id, coalesce((SELECT seq FROM sqlite_sequence "
                                 "WHERE name = 'events'), 0) AS last_id "
                                 "FROM event_log WHERE one = 1";
static const char log_postgres[] = "SELECT purged_id, last_id FROM event_log WHERE one = 1";

typedef struct LogState {
    int64_t purged_id, last_id;
} LogState;
static const Field log_state_fields[] = {FIELD(LogState, purged_id), FIELD(LogState, last_id)};
static const Record log_state_record = RECORD(LogState, log_state_fields);

Err *events_read(Ctx *c, const Str *channels, ptrdiff_t count, int64_t since, int64_t limit,
                 Rows *rows, int64_t *purged, int64_t *last) {
    Buf names = buf_new(c->arena, 256);
    for (ptrdiff_t i = 0; i < count; i++) {
        buf_byte(&names, i ? ',' : '[');
        buf_json(&names, channels[i]);
    }
    buf_byte(&names, ']');
    TRY(db_query(c, SQL2(replay_sqlite, replay_postgres),
                 ARGS(V(since), V(limit), V(buf_str(&names))), &event_record, rows));
    LogState state;
    TRY(db_one(c, SQL2(log_sqlite, log_postgres), NO_ARGS, &log_state_record, &state));
    *purged = state.purged_id;
    *last = state.last_id;
    return NULL;
}

Err *event_since_latest(Ctx *c, Str channel, int64_t n, int64_t *since_id) {
    assert(n > 0);
    static const char sql[] =
        "SELECT coalesce(min(id), 0) FROM (SELECT id FROM events WHERE channel = $1 "
        "ORDER BY id DESC LIMIT $2) AS latest";
    int64_t oldest;
    TRY(db_int(c, SQL(sql), ARGS(V(channel), V(n)), &oldest));
    *since_id = oldest - 1; /* -1 when there are none: from now on */
    return NULL;
}

/* -- messages --------------------------------------------------------------------------------- */

EventBytes *event_bytes_new(Arena *scratch, const Event *e) {
    Buf json = buf_new(scratch, 256 + e->data.text.len);
    event_json(&json, e->type, e->channel, e->data.text, e->created_at, e->id.value);
    Str parts[] = {buf_str(&json), ws_frame_text(scratch, buf_str(&json)), e->channel, e->type};
    ptrdiff_t size = 0;
    for (int i = 0; i < COUNT(parts); i++) size += parts[i].len;
    EventBytes *m = malloc(sizeof *m + (size_t)size);
    if (!m) abort();
    *m = (EventBytes){.id = e->id.value};
    atomic_init(&m->refs, 1);
    Str *to[] = {&m->json, &m->frame, &m->channel, &m->type};
    char *at = m->text;
    for (int i = 0; i < COUNT(parts); i++) {
        memcpy(at, parts[i].data, (size_t)parts[i].len);
        *to[i] = str_of(at, parts[i].len);
        at += parts[i].len;
    }
    return m;
}

void event_bytes_done(EventBytes *bytes) {
    if (atomic_fetch_sub(&bytes->refs, 1) == 1) free(bytes);
}

void batch_done(EventBatch *batch) {
    if (atomic_fetch_sub(&batch->refs, 1) != 1) return;
    for (ptrdiff_t i = 0; i < batch->count; i++) event_bytes_done(batch->items[i]);
    free(batch);
    atomic_fetch_sub(&events.ahead, 1);
    if (atomic_exchange(&events.held_up, false)) signal_give(&events.signal);
}

static void deliver_here(void *arg) { hub_deliver(arg); }

static void batch_send(Ctx *c, const Event *rows, ptrdiff_t count) {
    EventBatch *batch = malloc(sizeof *batch + (size_t)count * sizeof(EventBytes *));
    if (!batch) abort();
    *batch = (EventBatch){.count = count};
    atomic_init(&batch->refs, loop_count());
    for (ptrdiff_t i = 0; i < count; i++) {
        ArenaMark mark = arena_mark(c->arena);
        batch->items[i] = event_bytes_new(c->arena, &rows[i]);
        arena_release(c->arena, mark);
    }
    atomic_fetch_add(&events.ahead, 1);
    for (int i = 0; i < loop_count(); i++) loop_post(loop_at(i), deliver_here, batch);
}

/* -- the tail --------------------------------------------------------------------------------- */

/* One batch; *more: there is or may be another. */
static Err *tail_read(Ctx *c, bool *more) {
    Rows rows;
    *more = false;
    if (atomic_load(&events.ahead) >= BATCHES_AHEAD) {
        atomic_store(&events.held_up, true); /* batch_done wakes us, unless it was just before */
        if (atomic_load(&events.ahead) >= BATCHES_AHEAD) return NULL;
    }
    TRY(db_query(c, SQL(tail_sql), ARGS(V(events.last_id), V((int64_t)BATCH)), &event_record,
                 &rows));
    if (rows.count == 0) return NULL;
    const Event *items = rows.items;
    events.last_id = items[rows.count - 1].id.value;
    batch_send(c, items, rows.count);
    *more = rows.count == BATCH;
    return NULL;
}

static void tell_nodes(Ctx *c) {
    Redis *redis = app_redis(c);
    if (!redis || !atomic_exchange(&events.emitted, false)) return;
    Err *err = redis_publish(c, redis, S("socle:events"),
                             strf(c->arena, "%lld", (long long)events.last_id));
    (void)err; /* the others look by themselves within a second */
}

typedef struct Purge {
    Time before;
    ptrdiff_t changed;
} Purge;

static Err *purge_in(Ctx *c, void *arg) {
    static const char find_sql[] =
        "SELECT coalesce(max(id), 0) FROM (SELECT id, created_at FROM events ORDER BY id LIMIT $2) "
        "AS oldest WHERE created_at < $1";
    Purge *p = arg;
    int64_t upto;
    p->changed = 0;
    TRY(db_int(c, SQL(find_sql), ARGS(V(p->before), V((int64_t)PURGE_BATCH)), &upto));
    if (upto == 0) return NULL;
    TRY(db_exec(c, SQL("UPDATE event_log SET purged_id = $1 WHERE one = 1 AND purged_id < $1"),
                ARGS(V(upto)), NULL));
    return db_exec(c, SQL("DELETE FROM events WHERE id <= $1"), ARGS(V(upto)), &p->changed);
}

static Err *purge(Ctx *c) {
    Purge p = {.before = time_add(time_now(), -events.keep_ms * US_PER_MS)};
    do TRY(db_transaction(c, purge_in, &p));
    while (p.changed >= PURGE_BATCH && !atomic_load(&events.stopping));
    return NULL;
}

static Err *tail_once(Ctx *c, bool *more) {
    TRY(tail_read(c, more));
    if (!*more) tell_nodes(c);
    if (mono_us() < events.purge_at_us) return NULL;
    events.purge_at_us = mono_us() + PURGE_MS * US_PER_MS;
    return purge(c);
}

static void tail_run(Ctx *c, void *arg) {
    (void)arg;
    while (!atomic_load(&events.stopping) && !c->cancelled) {
        ArenaMark mark = arena_mark(c->arena);
        Defer *undo = c->defers;
        bool more = false;
        int64_t former = ctx_deadline_within(c, STATEMENT_MS);
        Err *err = tail_once(c, &more);
        c->deadline_us = former;
        if (err && err->kind != ERR_CANCELLED)
            log_msg(c, LOG_WARN, "events cannot be read: %.*s", S_ARG(err_text(c, err)));
        ctx_undo(c, undo);
        arena_release(c->arena, mark);
        if (err) signal_wait(c, &events.signal, POLL_MS);
        if (!more || err) signal_wait(c, &events.signal, POLL_MS);
    }
    atomic_store(&events.alive, false);
}

static void on_news(void *arg, Str payload) {
    (void)arg;
    (void)payload;
    signal_give(&events.signal);
}

void events_tune(int64_t keep_ms) { events.keep_ms = keep_ms; }

EventStats event_stats(void) {
    EventStats stats = hub_stats();
    stats.emitted = atomic_load(&events.emitted_count);
    return stats;
}

Err *events_start(Ctx *c) {
    assert(!atomic_load(&events.alive));
    LogState state;
    TRY(db_one(c, SQL2(log_sqlite, log_postgres), NO_ARGS, &log_state_record, &state));
    if (events.keep_ms == 0) events.keep_ms = US_PER_DAY / US_PER_MS;
    events.last_id = state.last_id;
    events.purge_at_us = 0;
    if (!events.signal.loop) signal_init(&events.signal, loop_here());
    hub_init();
    atomic_store(&events.stopping, false);
    atomic_store(&events.emitted, false);
    atomic_store(&events.ahead, 0);
    atomic_store(&events.alive, true);
    db_listen(c, "events", on_news, NULL);
    Redis *redis = app_redis(c);
    if (redis) redis_subscribe(redis, S("socle:events"), on_news, NULL);
    events.coro = coro_spawn(
        (CoroOptions){
            .name = "event tail", .budget_bytes = 32 * MIB, .app = c->app, .service = true},
        tail_run, NULL);
    return NULL;
}

static void close_here(void *arg) {
    (void)arg;
    hub_close_all();
}

void events_stop(Ctx *c) {
    if (!events.signal.loop) return;
    atomic_store(&events.stopping, true);
    signal_give(&events.signal);
    for (int i = 0; i < loop_count(); i++) loop_post(loop_at(i), close_here, NULL);
    service_end(c, &events.alive, events.coro);
}

/* SPDX-License-Identifier: Apache-2.0
 * The promises of events.h, on both engines. */
#include "work/events.h"

#include "core/json.h"
#include "core/rand.h"
#include "work_world.h"

/* A subscriber and what wakes its coroutine. */
typedef struct Ear {
    Subscriber *s;
    WaitList ready;
} Ear;

static void ear_ready(void *arg) { wait_wake_all(&((Ear *)arg)->ready); }

static void ear_open(Ear *e, ptrdiff_t max_queued) {
    *e = (Ear){0};
    e->s = subscriber_new(max_queued, ear_ready, e);
}

static void ear_add(Ear *e, const char *channel, int64_t since) {
    Str name = str_c(channel);
    subscriber_add(e->s, &name, 1, since);
}

/* The next message, NULL after ms of silence or when the subscriber has ended. */
static EventMessage *ear_next(Ctx *c, Ear *e, int64_t ms) {
    EventMessage *m = NULL;
    int64_t former = ctx_deadline_within(c, ms);
    for (Err *err = NULL; !m && !err;) {
        if (!GOOD(subscriber_next(c, e->s, &m)) || m || !str_is_null(subscriber_ended(e->s))) break;
        err = wait_on(c, &e->ready);
    }
    c->deadline_us = former;
    return m;
}

static int64_t ear_id(Ctx *c, Ear *e) {
    EventMessage *m = ear_next(c, e, 5000);
    if (!m) return -1;
    int64_t id = m->id;
    subscriber_done(m);
    return id;
}

static bool ear_silent(Ctx *c, Ear *e) {
    EventMessage *m = ear_next(c, e, 100);
    if (m) subscriber_done(m);
    return !m;
}

static int64_t emit(Ctx *c, const char *channel, const char *data) {
    Id id = {0};
    GOOD(event_emit_id(c, str_c(channel), S("test"), str_c(data), &id));
    return id.value;
}

WORK(an_event_reaches_who_subscribed_and_nobody_else) {
    MUST(events_start(c));
    Ear a, b;
    ear_open(&a, 0);
    ear_open(&b, 0);
    ear_add(&a, "room:1", -1);
    ear_add(&b, "room:2", -1);
    int64_t id = emit(c, "room:1", "{\"x\":\"é\"}");
    EventMessage *m = ear_next(c, &a, 5000);
    REQUIRE(m != NULL);
    CHECK_INT(m->id, id);
    json_t *json;
    if (GOOD(json_parse(c, m->json, &json))) {
        CHECK_STR(json_str(json_at(json, "type")), S("test"));
        CHECK_STR(json_str(json_at(json, "channel")), S("room:1"));
        CHECK_STR(json_str(json_path(json, "data.x")), S("é"));
        int64_t number = 0;
        CHECK(json_i64(json_at(json, "message_id"), &number) && number == id);
        Time at;
        CHECK(time_parse(json_str(json_at(json, "timestamp")), &at));
    }
    CHECK_INT(m->ws_frame.len, m->json.len + (m->json.len < 126 ? 2 : 4));
    CHECK(str_ends(m->ws_frame, m->json));
    subscriber_done(m);
    CHECK(ear_silent(c, &b));
    subscriber_remove(a.s, S("room:1"));
    emit(c, "room:1", "1");
    CHECK(ear_silent(c, &a));
    subscriber_free(a.s);
    subscriber_free(b.s);
    events_stop(c);
}

static Err *emit_and_fail(Ctx *c, void *arg) {
    (void)arg;
    TRY(event_emit(c, S("room:1"), S("lost"), S("1")));
    FAIL(c, CONFLICT, "no");
}

WORK(an_event_of_a_failed_transaction_is_never_seen) {
    MUST(events_start(c));
    Ear a;
    ear_open(&a, 0);
    ear_add(&a, "room:1", 0);
    FAILS(db_transaction(c, emit_and_fail, NULL), CONFLICT);
    int64_t id = emit(c, "room:1", "1");
    CHECK_INT(ear_id(c, &a), id);
    CHECK(ear_silent(c, &a));
    subscriber_free(a.s);
    events_stop(c);
}

static int64_t kept_of(Ctx *c, const char *channel) {
    int64_t n = -1;
    GOOD(db_int(c, SQL("SELECT count(*) FROM events WHERE channel = $1"), ARGS(V(str_c(channel))), &n));
    return n;
}

static Err *emit_inside(Ctx *c, void *arg) {
    TRY(event_emit(c, S("room:late"), S("test"), S("1")));
    return arg ? err_new(c, ERR_CONFLICT, __func__, "undone") : NULL;
}

static Err *emit_then_look(Ctx *c, void *arg) {
    TRY(event_emit(c, S("room:late"), S("test"), S("0")));
    FAILS(db_transaction(c, emit_inside, arg), CONFLICT);
    TRY(db_transaction(c, emit_inside, NULL));
    *(int64_t *)arg = kept_of(c, "room:late");
    return NULL;
}

/* On PostgreSQL who emits holds a row that all others who emit want: nothing may be waited for behind. */
WORK(an_event_is_the_last_that_its_transaction_writes) {
    int64_t seen = -1;
    GOOD(db_transaction(c, emit_then_look, &seen));
    CHECK_INT(seen, db_engine(c) == ENGINE_POSTGRES ? 0 : 2);
    CHECK_INT(kept_of(c, "room:late"), 2);
}

WORK(replay_gives_what_followed_in_order_then_live) {
    enum { MANY = 300 };
    int64_t ids[MANY];
    for (int i = 0; i < MANY; i++) ids[i] = emit(c, i % 3 ? "a" : "b", "1");
    MUST(events_start(c));
    Ear e;
    ear_open(&e, 0);
    Str both[] = {S("a"), S("b")};
    subscriber_add(e.s, both, 2, ids[9]);
    for (int i = 10; i < MANY; i++) CHECK_INT(ear_id(c, &e), ids[i]);
    int64_t live = emit(c, "a", "1");
    CHECK_INT(ear_id(c, &e), live);
    CHECK(ear_silent(c, &e));
    subscriber_free(e.s);
    int64_t since;
    GOOD(event_since_latest(c, S("b"), 3, &since));
    CHECK_INT(since, ids[MANY - 9] - 1);
    GOOD(event_since_latest(c, S("never"), 3, &since));
    CHECK_INT(since, -1);
    events_stop(c);
}

WORK(asking_for_what_is_no_longer_kept_says_so) {
    int64_t first = emit(c, "a", "1"), second = emit(c, "a", "1");
    MUST(db_exec(c, SQL("DELETE FROM events WHERE id = $1"), ARGS(V(first)), NULL));
    MUST(db_exec(c, SQL("UPDATE event_log SET purged_id = $1"), ARGS(V(first)), NULL));
    MUST(events_start(c));
    Ear e;
    for (int i = 0; i < 2; i++) { /* too old, then from the future (another database's) */
        ear_open(&e, 0);
        ear_add(&e, "a", i ? second + 1000 : first - 1);
        EventMessage *m = ear_next(c, &e, 5000);
        REQUIRE(m != NULL);
        CHECK_STR(m->type, S("reset"));
        CHECK_INT(m->id, 0);
        subscriber_done(m);
        int64_t next = i ? emit(c, "a", "1") : second;
        CHECK_INT(ear_id(c, &e), next);
        subscriber_free(e.s);
    }
    ear_open(&e, 0);
    ear_add(&e, "a", first); /* nothing after it is gone */
    CHECK_INT(ear_id(c, &e), second);
    subscriber_free(e.s);
    events_stop(c);
}

WORK(old_events_are_deleted_and_the_log_remembers_it) {
    int64_t old = emit(c, "a", "1"), new = emit(c, "a", "1");
    MUST(db_exec(c, SQL("UPDATE events SET created_at = $1 WHERE id = $2"),
                 ARGS(V(time_add(time_now(), -2 * US_PER_DAY)), V(old)), NULL));
    MUST(events_start(c));
    int64_t left = 2;
    for (int64_t until = mono_us() + 5 * US_PER_SECOND; left > 1 && mono_us() < until;) {
        left = count_rows(c, "SELECT count(*) FROM events");
        GOOD(sleep_ms(c, 5));
    }
    CHECK_INT(left, 1);
    CHECK_INT(count_rows(c, "SELECT min(id) FROM events"), new);
    CHECK_INT(count_rows(c, "SELECT purged_id FROM event_log"), old);
    events_stop(c);
}

WORK(a_slow_consumer_is_dropped_and_the_others_are_not) {
    MUST(events_start(c));
    Ear slow, quick;
    ear_open(&slow, 5);
    ear_open(&quick, 0);
    ear_add(&slow, "a", -1);
    ear_add(&quick, "a", -1);
    int64_t last = 0;
    for (int i = 0; i < 20; i++) last = emit(c, "a", "1");
    int64_t got = 0;
    while (got != last && got != -1) got = ear_id(c, &quick);
    CHECK_INT(got, last);
    CHECK_STR(subscriber_ended(slow.s), S("slow_consumer"));
    EventMessage *m;
    GOOD(subscriber_next(c, slow.s, &m));
    CHECK(m == NULL);
    CHECK_INT(subscriber_channels(slow.s), 0);
    CHECK_INT(event_stats().dropped, 1);
    CHECK_STR(subscriber_ended(quick.s), (Str){0});
    subscriber_free(slow.s);
    subscriber_free(quick.s);
    events_stop(c);
}

WORK(large_messages_count_by_their_bytes) {
    MUST(events_start(c));
    Ear slow;
    ear_open(&slow, 0);
    ear_add(&slow, "a", -1);
    char *data = arena_bytes(c->arena, EVENT_DATA_MAX + 1);
    memset(data, 'x', EVENT_DATA_MAX + 1);
    data[0] = data[EVENT_DATA_MAX - 1] = '"';
    Str text = str_of(data, EVENT_DATA_MAX);
    for (int i = 0; i < 140; i++) GOOD(event_emit(c, S("a"), S("big"), text));
    for (int64_t until = mono_us() + STILL_S * US_PER_SECOND;
         str_is_null(subscriber_ended(slow.s)) && mono_us() < until;)
        GOOD(sleep_ms(c, 5));
    CHECK_STR(subscriber_ended(slow.s), S("slow_consumer"));
    subscriber_free(slow.s);
    FAILS(event_emit(c, S("a"), S("big"), str_of(data, EVENT_DATA_MAX + 1)), TOO_LARGE);
    FAILS(event_emit(c, S(""), S("t"), S("1")), INVALID);
    FAILS(event_emit(c, S("a"), S(""), S("1")), INVALID);
    events_stop(c);
}

WORK(stopping_tells_every_subscriber) {
    MUST(events_start(c));
    Ear e;
    ear_open(&e, 0);
    ear_add(&e, "a", -1);
    events_stop(c);
    CHECK(ear_next(c, &e, 5000) == NULL);
    CHECK_STR(subscriber_ended(e.s), S("going_away"));
    subscriber_free(e.s);
    ear_open(&e, 0);
    CHECK_STR(subscriber_ended(e.s), S("going_away"));
    subscriber_free(e.s);
}

/* -- emitting and subscribing at the same time, on both loops --------------------------------- */

enum { EMITTERS = 6, EACH = 150, EARS = 24 };

static struct {
    atomic_int emitted, ended; /* ended: emitters and ears */
    _Atomic int64_t seen_most; /* an id that has been committed */
    atomic_int wrong;
} race;

static void race_emit(Ctx *c, void *arg) {
    (void)arg;
    for (int i = 0; i < EACH; i++) {
        Id id;
        if (!GOOD(event_emit_id(c, i % 4 ? S("race") : S("other"), S("t"), S("1"), &id))) break;
        int64_t most = atomic_load(&race.seen_most);
        while (id.value > most && !atomic_compare_exchange_weak(&race.seen_most, &most, id.value))
            continue;
        atomic_fetch_add(&race.emitted, 1);
        if (i % 7 == 0) coro_yield(c);
    }
    atomic_fetch_add(&race.ended, 1);
}

/* Subscribe from a place of the past, read to the end: exactly the table's rows, each once, in
 * order. */
static void race_listen(Ctx *c, void *arg) {
    int number = (int)(intptr_t)arg;
    Ear e;
    Err *err = sleep_ms(c, rand_below(rand_thread(), 60));
    int64_t most = atomic_load(&race.seen_most);
    int64_t since = number % 3 == 0   ? 0
                    : number % 3 == 1 ? most
                                      : rand_below(rand_thread(), most + 1);
    ear_open(&e, 0);
    ear_add(&e, "race", since);
    int64_t last = since, count = 0;
    while (!err) {
        EventMessage *m = ear_next(c, &e, 20000);
        if (!m) break;
        bool end = str_eq(m->type, S("end"));
        if (m->id <= last) atomic_fetch_add(&race.wrong, 1);
        last = m->id;
        count += !end;
        subscriber_done(m);
        if (end) break;
    }
    int64_t want = -1;
    GOOD(db_int(
        c, SQL("SELECT count(*) FROM events WHERE channel = 'race' AND type = 't' AND id > $1"),
        ARGS(V(since)), &want));
    if (want != count) {
        printf("  since %lld: got %lld of %lld\n", (long long)since, (long long)count,
               (long long)want);
        atomic_fetch_add(&race.wrong, 1);
    }
    subscriber_free(e.s);
    atomic_fetch_add(&race.ended, 1);
}

WORK(who_subscribes_while_others_emit_misses_nothing_and_gets_nothing_twice) {
    memset(&race, 0, sizeof race);
    MUST(events_start(c));
    for (int i = 0; i < EMITTERS; i++)
        coro_spawn_on(loop_at(i % 2), (CoroOptions){.name = "emitter", .app = c->app}, race_emit,
                      NULL);
    for (int i = 0; i < EARS; i++)
        coro_spawn_on(loop_at(i % 2), (CoroOptions){.name = "ear", .app = c->app}, race_listen,
                      (void *)(intptr_t)i);
    CHECK(reaches(c, &race.emitted, EMITTERS * EACH));
    GOOD(sleep_ms(c, 80)); /* all ears are open */
    GOOD(event_emit(c, S("race"), S("end"), S("1")));
    CHECK(reaches(c, &race.ended, EMITTERS + EARS));
    CHECK_INT(atomic_load(&race.wrong), 0);
    events_stop(c);
}

/* -- who may read ----------------------------------------------------------------------------- */

static Err *rule_room(Ctx *c, Str rest, bool *yes) {
    (void)c;
    *yes = str_eq(rest, S("open"));
    return NULL;
}

static bool may(Ctx *c, const char *channel) {
    bool yes = false;
    GOOD(event_may_read(c, str_c(channel), &yes));
    return yes;
}

WORK(only_who_may_reads_a_channel) {
    static const ChannelRule rules[] = {
        {.prefix = "room:", .may_read = rule_room, .recall = 10},
        {.prefix = "news", .may_read = rule_room, .listed = true},
    };
    const ChannelRule *tables[] = {rules};
    ptrdiff_t two = 2;
    event_rules_set(tables, &two, 1);
    CHECK(may(c, "system") && !may(c, "user:7") && !may(c, "jobs") && !may(c, "user:0") &&
          !may(c, ""));
    CHECK(may(c, "room:open") && !may(c, "room:closed") && !may(c, "room:") && !may(c, "news:x"));
    c->account.user = (Id){7};
    c->account.role = ROLE_USER;
    c->account.organisation = (Id){3};
    CHECK(may(c, "user:7") && !may(c, "user:8") && !may(c, "user:77") && !may(c, "user:") &&
          !may(c, "jobs"));
    CHECK(may(c, "org:3") && !may(c, "org:4") && !may(c, "user:7 ") && !may(c, "user:+7x"));
    c->account.role = ROLE_ADMIN;
    CHECK(may(c, "jobs") && may(c, "user:8") && !may(c, "room:closed"));
    CHECK_INT(event_recall(S("room:1")), 10);
    CHECK_INT(event_recall(S("jobs")), 0);
    CHECK_STR(event_channels_json(c->arena), S("[\"news\",\"system\",\"user\"]"));
    event_rules_set(NULL, NULL, 0);
}

T_MAIN(BOTH_ROWS(an_event_reaches_who_subscribed_and_nobody_else),
       BOTH_ROWS(an_event_of_a_failed_transaction_is_never_seen),
       BOTH_ROWS(an_event_is_the_last_that_its_transaction_writes),
       BOTH_ROWS(replay_gives_what_followed_in_order_then_live),
       BOTH_ROWS(asking_for_what_is_no_longer_kept_says_so),
       BOTH_ROWS(old_events_are_deleted_and_the_log_remembers_it),
       BOTH_ROWS(a_slow_consumer_is_dropped_and_the_others_are_not),
       BOTH_ROWS(large_messages_count_by_their_bytes), BOTH_ROWS(stopping_tells_every_subscriber),
       BOTH_ROWS(who_subscribes_while_others_emit_misses_nothing_and_gets_nothing_twice),
       BOTH_ROWS(only_who_may_reads_a_channel))

/* SPDX-License-Identifier: Apache-2.0
 * What only PostgreSQL does: going away and coming back, losing a COMMIT's answer, deadlocks, its
 * types, notices over a broken connection, life behind a transaction pooler. */
#include "crowd.h"
#include "proxy_world.h"

/* -- away and back ----------------------------------------------------------------------------- */

static atomic_int refusals, acknowledged;

/* Until `each` rows of its own are in; what was refused is not sent again under the same name. */
static Err *insist(Ctx *c, int64_t who, int64_t round) {
    for (int64_t attempt = 0;; attempt++) {
        Str name =
            strf(c->arena, "%lld-%lld-%lld", (long long)who, (long long)round, (long long)attempt);
        Err *err = db_exec(c, ADD_NAME, ARGS(V(name), V(1)), NULL);
        if (!err) {
            acknowledged++;
            return db_exec(c, SQL("UPDATE names SET n = 2 WHERE name = $1"), ARGS(V(name)), NULL)
                       ? insist(c, who, round + 1000)
                       : NULL;
        }
        if (err->kind != ERR_UNAVAILABLE || err->retry_after_s <= 0) return err;
        refusals++;
        TRY(sleep_ms(c, 20));
    }
}

static void trouble(Ctx *c, void *arg) {
    (void)arg;
    for (int i = 0; i < 3; i++) {
        if (sleep_ms(c, 150)) return;
        proxy.away = true;
        if (sleep_ms(c, 150)) return;
        proxy.away = false;
    }
    char sql[300];
    snprintf(sql, sizeof sql,
             "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%s'",
             strrchr(world.url, '/') + 1);
    pg_admin(sql);
}

static Err *insist_and_rest(Ctx *c, int64_t who, int64_t round) {
    TRY(insist(c, who, round));
    return sleep_ms(c, 10);
}

ON_POSTGRES(a_server_that_goes_and_comes_back_loses_nothing_acknowledged) {
    if (!names_make(c) || !enter(c, true)) return;
    refusals = acknowledged = 0;
    coro_spawn((CoroOptions){.name = "trouble", .app = c->app}, trouble, NULL);
    Crowd crowd = {.each = 100, .one = insist_and_rest};
    crowd_run(c, &crowd, 32);
    CHECK_INT(crowd.good, 3200);
    CHECK(refusals > 0);
    leave();
    int64_t rows = count_of(c, "SELECT count(*) FROM names");
    CHECK(rows >= acknowledged); /* some were in though their answer was lost */
    CHECK(rows <= acknowledged + refusals);
}

ON_POSTGRES(while_it_is_away_calls_fail_at_once_and_then_work_again) {
    if (!enter(c, true)) return;
    int64_t n;
    CHECK_INT(count_of(c, "SELECT 1"), 1);
    proxy.away = true;
    Err *err = NULL;
    while (!err) err = db_int(c, SQL("SELECT 1"), NO_ARGS, &n);
    CHECK(FAILS(err, UNAVAILABLE));
    int64_t began = mono_us();
    for (int i = 0; i < 200; i++)
        CHECK(FAILS(db_int(c, SQL("SELECT 1"), NO_ARGS, &n), UNAVAILABLE));
    CHECK(mono_us() - began < 5 * US_PER_SECOND);
    proxy.away = false;
    began = mono_us();
    while (db_int(c, SQL("SELECT 1"), NO_ARGS, &n) && mono_us() - began < 15 * US_PER_SECOND)
        if (sleep_ms(c, 20)) break;
    CHECK_INT(count_of(c, "SELECT 1"), 1);
    leave();
}

static int body_runs;
static Err *add_one_in(Ctx *c, void *arg) {
    body_runs++;
    return db_exec(c, ADD_NAME, ARGS(V(str_c(arg)), V(1)), NULL);
}

ON_POSTGRES(a_lost_commit_is_reported_unknown_and_not_repeated) {
    if (!names_make(c) || !enter(c, true)) return;
    body_runs = 0;
    proxy.cut_at = "COMMIT";
    Err *err = db_transaction(c, add_one_in, (void *)(uintptr_t) "once");
    CHECK(FAILS(err, UNAVAILABLE));
    if (err) CHECK(str_find(err->detail, S("unknown")) >= 0);
    CHECK_INT(proxy.cuts, 1);
    CHECK_INT(body_runs, 1);
    proxy.cut_at = "INSERT INTO names";
    err = db_exec(c, ADD_NAME, ARGS(V(S("single")), V(1)), NULL);
    CHECK(FAILS(err, UNAVAILABLE));
    if (err) CHECK(str_find(err->detail, S("unknown")) >= 0);
    CHECK_INT(proxy.cuts, 2);
    leave();
    int64_t done = 0; /* both had been asked for: the server does them, though nobody hears of it */
    for (int turns = 0; turns < 4000 && done < 2; turns++) {
        done = count_of(c, "SELECT count(*) FROM names");
        if (done < 2) MUST(sleep_ms(c, 5));
    }
    CHECK_INT(done, 2);
}

ON_POSTGRES(a_transaction_cut_before_its_commit_has_done_nothing) {
    if (!names_make(c) || !enter(c, true)) return;
    proxy.cut_at = "INSERT INTO names";
    Err *err = db_transaction(c, add_one_in, (void *)(uintptr_t) "never");
    CHECK(FAILS(err, UNAVAILABLE));
    if (err) CHECK(str_find(err->detail, S("unknown")) < 0);
    leave();
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 0);
}

/* -- notices over a connection that breaks ----------------------------------------------------- */

typedef struct Heard {
    Coro *co;
    int count, nulls;
} Heard;

static void hear(void *arg, Str payload) {
    Heard *h = arg;
    if (str_is_null(payload))
        h->nulls++;
    else
        h->count++;
    coro_wake(h->co);
}

static void notified_until(Ctx *c, Heard *h, int count, int nulls) {
    ctx_deadline_within(c, 15000);
    Wake wake = WAKE_DONE;
    while ((h->count < count || h->nulls < nulls) && wake == WAKE_DONE) wake = coro_wait(c);
    c->deadline_us = 0;
    CHECK(h->count >= count && h->nulls >= nulls);
}

ON_POSTGRES(listening_goes_on_after_a_break) {
    if (!enter(c, true)) return;
    Heard *h = arena_new_of(c->arena, Heard);
    h->co = c->coro;
    db_listen(c, "news", hear, h);
    notified_until(c, h, 0, 1);
    CHECK(GOOD(db_notify(c, "news", S("one"))));
    notified_until(c, h, 1, 1);
    proxy.away = true;
    while (!proxy.gone) MUST(sleep_ms(c, 5));
    proxy.away = false;
    notified_until(c, h, 1, 2); /* look yourself: something may have been missed */
    Db *proxied = world.app.db;
    world.app.db = direct;
    CHECK(GOOD(db_notify(c, "news", S("two"))));
    world.app.db = proxied;
    notified_until(c, h, 2, 2);
    leave();
}

ON_POSTGRES(behind_a_pooler_nothing_is_prepared_and_listeners_look_themselves) {
    if (!names_make(c) || !enter(c, false)) return;
    CHECK(GOOD(db_exec(c, ADD_NAME, ARGS(V(S("a")), V(((OptInt){0, false}))), NULL)));
    CHECK(GOOD(db_transaction(c, add_one_in, (void *)(uintptr_t) "b")));
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 2);
    CHECK_INT(count_of(c, "SELECT count(*) FROM pg_prepared_statements"), 0);
    Heard *h = arena_new_of(c->arena, Heard);
    h->co = c->coro;
    db_listen(c, "news", hear, h);
    notified_until(c, h, 0, 2);
    leave();
}

/* -- running again ----------------------------------------------------------------------------- */

static atomic_int order_runs;

static Err *two_in_order(Ctx *c, void *arg) {
    const int64_t *ids = arg;
    order_runs++;
    TRY(db_exec(c, SQL("SET LOCAL deadlock_timeout = '20ms'"), NO_ARGS, NULL));
    TRY(db_exec(c, SQL("UPDATE names SET n = n + 1 WHERE id = $1"), ARGS(V(ids[0])), NULL));
    TRY(both_hold(c));
    return db_exec(c, SQL("UPDATE names SET n = n + 1 WHERE id = $1"), ARGS(V(ids[1])), NULL);
}

static Err *crosswise(Ctx *c, int64_t who, int64_t round) {
    (void)round;
    int64_t ids[] = {1 + who % 2, 2 - who % 2};
    return db_transaction(c, two_in_order, ids);
}

ON_POSTGRES(a_deadlock_is_run_again) {
    if (!names_make(c)) return;
    MUST(db_exec(c, SQL("INSERT INTO names (name, n) VALUES ('a', 0), ('b', 0)"), NO_ARGS, NULL));
    order_runs = holders = 0;
    Crowd crowd = {.each = 6, .one = crosswise};
    crowd_run(c, &crowd, 2);
    CHECK_INT(crowd.good, 12);
    CHECK(order_runs > 12); /* they did meet */
    CHECK_INT(count_of(c, "SELECT sum(n) FROM names"), 24);
}

/* What was prepared must not outlive the schema it was prepared for. */
static Err *read_all_in(Ctx *c, void *arg) {
    int64_t *n = arg;
    return db_int(c, SQL("SELECT * FROM t"), NO_ARGS, n);
}

ON_POSTGRES(a_changed_schema_does_not_break_prepared_statements) {
    int64_t n = 0;
    MUST(db_exec(c, SQL("CREATE TABLE t (a INT)"), NO_ARGS, NULL));
    MUST(db_exec(c, SQL("INSERT INTO t VALUES (7)"), NO_ARGS, NULL));
    for (int i = 0; i < 4; i++) MUST(db_transaction(c, read_all_in, &n));
    for (int i = 0; i < 4; i++) MUST(db_int(c, SQL("SELECT * FROM t"), NO_ARGS, &n));
    MUST(db_exec(c, SQL("ALTER TABLE t ALTER a TYPE BIGINT, ADD b TEXT"), NO_ARGS, NULL));
    CHECK(GOOD(db_int(c, SQL("SELECT * FROM t"), NO_ARGS, &n)));
    CHECK(GOOD(db_transaction(c, read_all_in, &n)));
    CHECK_INT(n, 7);
}

static Err *endless_in(Ctx *c, void *arg) {
    (void)arg;
    TRY(db_exec(c, ADD_NAME, ARGS(V(S("undone")), V(1)), NULL));
    return db_exec(c, SQL("SELECT pg_sleep(60)"), NO_ARGS, NULL);
}

ON_POSTGRES(a_late_statement_is_stopped_on_the_server) {
    if (!names_make(c)) return;
    int64_t began = mono_us();
    ctx_deadline_within(c, 150);
    CHECK(FAILS(db_transaction(c, endless_in, NULL), TIMEOUT));
    c->deadline_us = 0;
    CHECK(mono_us() - began < 5 * US_PER_SECOND);
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 0);
    CHECK_INT(count_of(c, "SELECT count(*) FROM pg_stat_activity WHERE state <> 'idle' AND query "
                          "LIKE '%pg_sleep%' "
                          "AND datname = current_database() AND pid <> pg_backend_pid()"),
              0);
}

/* One of many on the same connection is late: those behind it come to their turn. */
static Err *late_or_quick(Ctx *c, int64_t who, int64_t round) {
    (void)round;
    int64_t n;
    if (who % 16) return db_int(c, SQL("SELECT 1"), NO_ARGS, &n);
    ctx_deadline_within(c, 100);
    Err *err = db_exec(c, SQL("SELECT pg_sleep(15)"), NO_ARGS, NULL);
    c->deadline_us = 0;
    return err && err->kind == ERR_TIMEOUT ? NULL
                                           : err_new(c, ERR_GONE, __func__, "it was not late");
}

ON_POSTGRES(a_late_neighbour_is_not_waited_for) {
    int64_t began = mono_us();
    Crowd crowd = {.each = 4, .one = late_or_quick};
    crowd_run(c, &crowd, 128);
    CHECK_INT(crowd.good, 512);
    CHECK(mono_us() - began < 8 * US_PER_SECOND);
}

/* -- types ------------------------------------------------------------------------------------- */

typedef struct Odd {
    int64_t small, middle, whole_numeric, oid, boolish;
    double single, numeric, huge;
    Str uuid, name, fixed, number_text;
    Time day, stamp, end;
    StrList list, none;
    JsonText json;
    OptFloat negative;
} Odd;

static const Field odd_fields[] = {
    FIELD(Odd, small),   FIELD(Odd, middle), FIELD(Odd, whole_numeric), FIELD(Odd, oid),
    FIELD(Odd, boolish), FIELD(Odd, single), FIELD(Odd, numeric),       FIELD(Odd, huge),
    FIELD(Odd, uuid),    FIELD(Odd, name),   FIELD(Odd, fixed),         FIELD(Odd, number_text),
    FIELD(Odd, day),     FIELD(Odd, stamp),  FIELD(Odd, end),           FIELD(Odd, list),
    FIELD(Odd, none),    FIELD(Odd, json),   FIELD(Odd, negative),
};
static const Record odd_record = RECORD(Odd, odd_fields);

ON_POSTGRES(its_types_are_read) {
    Odd o = {0};
    MUST(db_one(
        c,
        SQL("SELECT (-7)::int2 AS small, (-70000)::int4 AS middle, 123456789012::numeric AS "
            "whole_numeric, "
            "26::oid AS oid, true AS boolish, 1.5::float4 AS single, 12345.678::numeric AS "
            "numeric, "
            "1e30::numeric AS huge, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid AS uuid, "
            "'x'::name AS name, "
            "'ab'::char(4) AS fixed, 42 AS number_text, '2026-11-21'::date AS day, "
            "'2026-11-21 10:00:00.000001'::timestamp AS stamp, 'infinity'::timestamptz AS end, "
            "ARRAY['a', '\"b\" é', NULL]::text[] AS list, ARRAY[]::text[] AS none, "
            "'{\"a\":1}'::json AS json, (-0.00012)::numeric AS negative"),
        NO_ARGS, &odd_record, &o));
    CHECK_INT(o.small, -7);
    CHECK_INT(o.middle, -70000);
    CHECK_INT(o.whole_numeric, 123456789012);
    CHECK_INT(o.oid, 26);
    CHECK_INT(o.boolish, 1);
    CHECK(o.single == 1.5 && o.numeric == 12345.678 && o.huge == 1e30);
    CHECK_STR(o.uuid, S("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"));
    CHECK_STR(o.name, S("x"));
    CHECK_STR(o.fixed, S("ab  "));
    CHECK_STR(o.number_text, S("42"));
    CHECK_STR(time_str(c->arena, o.day), S("2026-11-21T00:00:00Z"));
    CHECK_STR(time_str(c->arena, o.stamp), S("2026-11-21T10:00:00.000001Z"));
    CHECK_INT(o.end.us, INT64_MAX);
    CHECK_INT(o.list.count, 3);
    CHECK_STR(o.list.items[1], S("\"b\" é"));
    CHECK_INT(o.none.count, 0);
    CHECK_STR(o.json.text, S("{\"a\":1}"));
    CHECK(o.negative.set && o.negative.value == -0.00012);
    Err *err = db_one(c, SQL("SELECT '1 day'::interval AS name"), NO_ARGS, &odd_record, &o);
    CHECK(FAILS(err, INTERNAL));
    int64_t n;
    CHECK(FAILS(db_int(c, SQL("SELECT $1::text::bigint"), ARGS(V(S("seven"))), &n), INVALID));
    CHECK(
        FAILS(db_int(c, SQL("SELECT $1::bigint * 9223372036854775807"), ARGS(V(2)), &n), INVALID));
}

T_MAIN(T_ROW(a_server_that_goes_and_comes_back_loses_nothing_acknowledged_postgres),
       T_ROW(while_it_is_away_calls_fail_at_once_and_then_work_again_postgres),
       T_ROW(a_lost_commit_is_reported_unknown_and_not_repeated_postgres),
       T_ROW(a_transaction_cut_before_its_commit_has_done_nothing_postgres),
       T_ROW(listening_goes_on_after_a_break_postgres),
       T_ROW(behind_a_pooler_nothing_is_prepared_and_listeners_look_themselves_postgres),
       T_ROW(a_deadlock_is_run_again_postgres),
       T_ROW(a_changed_schema_does_not_break_prepared_statements_postgres),
       T_ROW(a_late_statement_is_stopped_on_the_server_postgres),
       T_ROW(a_late_neighbour_is_not_waited_for_postgres), T_ROW(its_types_are_read_postgres))

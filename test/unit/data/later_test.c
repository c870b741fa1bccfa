/* SPDX-License-Identifier: Apache-2.0
 * db_exec_later: what is sent with the next statement is as if it had been waited for. On SQLite it
 * is; what holds there holds on PostgreSQL. */
#include "core/rand.h"
#include "crowd.h"
#include "proxy_world.h"

static Err *later_name(Ctx *c, const char *name, int64_t n) {
    return db_exec_later(c, ADD_NAME, ARGS(V(str_c(name)), V(n)));
}

static Err *rows_now(Ctx *c, int64_t *n) {
    return db_int(c, SQL("SELECT count(*) FROM names"), NO_ARGS, n);
}

/* -- order and keeping --------------------------------------------------------------------------- */

static Err *two_and_look(Ctx *c, void *arg) {
    TRY(later_name(c, "a", 1));
    TRY(later_name(c, "b", 2));
    TRY(rows_now(c, arg));
    return db_exec_later(c, SQL("UPDATE names SET n = n + 10 WHERE name = $1"), ARGS(V(S("a"))));
}

BOTH(the_next_statement_sees_what_was_sent_later) {
    int64_t seen = 0;
    if (!names_make(c)) return;
    MUST(db_transaction(c, two_and_look, &seen));
    CHECK_INT(seen, 2);
    CHECK_INT(count_of(c, "SELECT sum(n) FROM names"), 13);
}

static Err *nothing_else(Ctx *c, void *arg) { return later_name(c, arg, 1); }

BOTH(a_transaction_of_nothing_else_is_kept) {
    if (!names_make(c)) return;
    MUST(db_transaction(c, nothing_else, (void *)(uintptr_t) "only"));
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 1);
}

/* More, and longer, than are gathered; from a place that is used again at once. */
static Err *many_long(Ctx *c, void *arg) {
    char *text = arg;
    for (int i = 0; i < 200; i++) {
        ptrdiff_t len = i % 50 == 49 ? MIB : 10 + i;
        memset(text, 'a' + i % 26, (size_t)len);
        char number[16];
        snprintf(number, sizeof number, "%07d", i);
        memcpy(text, number, 7);
        TRY(db_exec_later(c, ADD_NAME, ARGS(V(str_of(text, len)), V(i))));
    }
    memset(text, '!', 32);
    return NULL;
}

BOTH(they_may_be_many_and_long_and_are_copied) {
    MUST(db_exec(c, SQL2("CREATE TABLE names (name TEXT, n INTEGER)",
                         "CREATE TABLE names (name TEXT, n BIGINT)"),
                 NO_ARGS, NULL));
    MUST(db_transaction(c, many_long, arena_bytes(c->arena, MIB)));
    CHECK_INT(count_of(c, "SELECT count(*) FROM names WHERE n = CAST(substr(name, 1, 7) AS bigint)"),
              200);
    CHECK_INT(count_of(c, "SELECT sum(length(name)) FROM names"),
              4 * MIB + 196 * 10 + 199 * 100 - 49 - 99 - 149 - 199);
}

typedef struct NameRow {
    Str name;
} NameRow;
static const Field row_fields[] = {FIELD(NameRow, name)};
static const Record row_record = RECORD(NameRow, row_fields);

static Err *row_count(Ctx *c, void *row, void *arg) {
    (void)c, (void)row;
    ++*(int *)arg;
    return NULL;
}

static Err *before_many(Ctx *c, void *arg) {
    Args rows[] = {ARGS(V(S("b")), V(2)), ARGS(V(S("c")), V(3))};
    TRY(later_name(c, "a", 1));
    TRY(db_exec_many(c, ADD_NAME, rows, COUNT(rows)));
    TRY(later_name(c, "d", 4));
    return db_each(c, SQL("SELECT name FROM names"), NO_ARGS, &row_record, row_count, arg);
}

BOTH(they_come_before_many_rows_and_before_a_cursor) {
    int seen = 0;
    if (!names_make(c)) return;
    MUST(db_transaction(c, before_many, &seen));
    CHECK_INT(seen, 4);
    CHECK_INT(count_of(c, "SELECT count(*) FROM names WHERE id = n"), 4); /* in that order */
}

/* -- failures ------------------------------------------------------------------------------------ */

typedef struct Failing {
    bool look; /* wait for something behind it */
    int64_t seen;
} Failing;

static Err *taken_later(Ctx *c, void *arg) {
    Failing *f = arg;
    TRY(later_name(c, "new", 1));
    TRY(later_name(c, "taken", 1));
    TRY(later_name(c, "newer", 1));
    return f->look ? rows_now(c, &f->seen) : NULL;
}

BOTH(one_that_fails_fails_the_transaction_with_its_own_error) {
    if (!names_make(c)) return;
    MUST(db_exec(c, ADD_NAME, ARGS(V(S("taken")), V(1)), NULL));
    for (int look = 0; look < 2; look++) {
        Failing f = {.look = look};
        Err *err = db_transaction(c, taken_later, &f);
        CHECK(FAILS(err, CONFLICT));
        if (err) CHECK_STR(err->code, S("names.name"));
        CHECK_INT(f.seen, 0);
        CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 1);
    }
}

static Err *nowhere_later(Ctx *c, void *arg) {
    int64_t *n = arg;
    TRY(db_exec_later(c, SQL("INSERT INTO nowhere (a) VALUES ($1)"), ARGS(V(1))));
    return n ? rows_now(c, n) : NULL;
}

BOTH(its_error_names_it_and_what_was_prepared_with_it_is_of_use_again) {
    int64_t n;
    if (!names_make(c)) return;
    for (int i = 0; i < 4; i++) {
        Err *err = db_transaction(c, nowhere_later, i % 2 ? &n : NULL);
        CHECK(FAILS(err, INTERNAL));
        if (err) CHECK(str_find(err_chain(c->arena, err), S("nowhere")) >= 0);
    }
    MUST(db_transaction(c, two_and_look, &n));
    CHECK_INT(n, 2);
}

/* A tree of transactions in each other at random: what is kept is what a simple account of it says. */
typedef struct Tree {
    Rand rand;
    int64_t next, keep, kept; /* names given; of this level as yet; in the table by our account */
    bool failed;
} Tree;

static Err *level(Ctx *c, void *arg);

static Err *level_inside(Ctx *c, Tree *t) {
    int64_t before = t->keep;
    bool failed = t->failed;
    t->failed = false;
    t->keep = 0;
    Err *err = db_transaction(c, level, t);
    t->keep = before + (err ? 0 : t->keep);
    /* When we have failed already, unnoticed as yet, it says so too, and all goes. */
    if (!failed && (err != NULL) != t->failed) FAIL(c, INTERNAL, "err %d", err != NULL);
    t->failed = failed;
    return failed ? err : NULL;
}

static Err *level(Ctx *c, void *arg) {
    Tree *t = arg;
    int64_t ops = rand_below(&t->rand, 5), n;
    for (int64_t i = 0; i < ops; i++) {
        Str name = strf(c->arena, "n%lld", (long long)++t->next);
        int64_t op = rand_below(&t->rand, 12);
        bool taken = op == 0 || op == 1;
        if (op >= 9) {
            TRY(level_inside(c, t));
            continue;
        }
        t->failed |= taken;
        t->keep += !taken;
        Args args = ARGS(V(taken ? S("taken") : name), V(1));
        TRY(op % 2 || op > 6 ? db_exec_later(c, ADD_NAME, args) : db_exec(c, ADD_NAME, args, NULL));
        if (op == 8) TRY(db_int(c, SQL("SELECT 1"), NO_ARGS, &n));
    }
    if (rand_below(&t->rand, 6) > 0) return NULL;
    t->failed = true;
    FAIL(c, GONE, "of its own");
}

BOTH(transactions_in_each_other_keep_what_they_should) {
    if (!names_make(c)) return;
    MUST(db_exec(c, ADD_NAME, ARGS(V(S("taken")), V(1)), NULL));
    Tree t = {.rand = {7}, .kept = 1};
    for (int i = 0; i < 400; i++) {
        ArenaMark mark = arena_mark(c->arena);
        t.keep = 0;
        t.failed = false;
        Err *err = db_transaction(c, level, &t);
        if (err) CHECK(err->kind == ERR_CONFLICT || err->kind == ERR_GONE);
        CHECK((err != NULL) == t.failed);
        t.kept += err ? 0 : t.keep;
        if (!CHECK_INT(count_of(c, "SELECT count(*) FROM names"), t.kept)) return;
        arena_release(c->arena, mark);
    }
    CHECK(t.kept > 100);
}

/* -- PostgreSQL's own ---------------------------------------------------------------------------- */

static atomic_int order_runs;

static Err *two_in_order_later(Ctx *c, void *arg) {
    const int64_t *ids = arg;
    order_runs++;
    Sql add = SQL("UPDATE names SET n = n + 1 WHERE id = $1");
    TRY(db_exec_later(c, SQL("SET LOCAL deadlock_timeout = '20ms'"), NO_ARGS));
    TRY(db_exec_later(c, add, ARGS(V(ids[0]))));
    TRY(db_exec(c, SQL("SELECT 1"), NO_ARGS, NULL));
    TRY(both_hold(c));
    return db_exec_later(c, add, ARGS(V(ids[1])));
}

static Err *crosswise_later(Ctx *c, int64_t who, int64_t round) {
    (void)round;
    int64_t ids[] = {1 + who % 2, 2 - who % 2};
    return db_transaction(c, two_in_order_later, ids);
}

ON_POSTGRES(a_deadlock_met_on_the_way_to_the_commit_is_run_again) {
    if (!names_make(c)) return;
    MUST(db_exec(c, SQL("INSERT INTO names (name, n) VALUES ('a', 0), ('b', 0)"), NO_ARGS, NULL));
    order_runs = holders = 0;
    Crowd crowd = {.each = 6, .one = crosswise_later};
    crowd_run(c, &crowd, 2);
    CHECK_INT(crowd.good, 12);
    CHECK(order_runs > 12);
    CHECK_INT(count_of(c, "SELECT sum(n) FROM names"), 24);
}

static Err *endless_later(Ctx *c, void *arg) {
    (void)arg;
    TRY(later_name(c, "undone", 1));
    return db_exec_later(c, SQL("SELECT pg_sleep(60)"), NO_ARGS);
}

ON_POSTGRES(what_waits_before_the_commit_is_stopped_in_time) {
    if (!names_make(c)) return;
    ctx_deadline_within(c, 150);
    CHECK(FAILS(db_transaction(c, endless_later, NULL), TIMEOUT));
    c->deadline_us = 0;
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 0);
    CHECK_INT(count_of(c, "SELECT count(*) FROM pg_stat_activity WHERE state <> 'idle' AND datname = "
                          "current_database() AND pid <> pg_backend_pid()"),
              0);
    MUST(db_transaction(c, nothing_else, (void *)(uintptr_t) "after"));
}

ON_POSTGRES(a_connection_lost_with_the_commit_is_of_unknown_outcome_and_nothing_is_repeated) {
    if (!names_make(c) || !enter(c, true)) return;
    proxy.cut_at = "COMMIT";
    Err *err = db_transaction(c, nothing_else, (void *)(uintptr_t) "once");
    CHECK(FAILS(err, UNAVAILABLE));
    if (err) CHECK(str_find(err->detail, S("unknown")) >= 0);
    CHECK_INT(proxy.cuts, 1);
    leave();
    CHECK(count_of(c, "SELECT count(*) FROM names") <= 1);
}

ON_POSTGRES(behind_a_pooler_they_go_unprepared) {
    int64_t seen = 0;
    if (!names_make(c) || !enter(c, false)) return;
    MUST(db_transaction(c, two_and_look, &seen));
    CHECK_INT(seen, 2);
    CHECK_INT(count_of(c, "SELECT sum(n) FROM names"), 13);
    CHECK_INT(count_of(c, "SELECT count(*) FROM pg_prepared_statements"), 0);
    leave();
}

T_MAIN(BOTH_ROWS(the_next_statement_sees_what_was_sent_later),
       BOTH_ROWS(a_transaction_of_nothing_else_is_kept),
       BOTH_ROWS(they_may_be_many_and_long_and_are_copied),
       BOTH_ROWS(they_come_before_many_rows_and_before_a_cursor),
       BOTH_ROWS(one_that_fails_fails_the_transaction_with_its_own_error),
       BOTH_ROWS(its_error_names_it_and_what_was_prepared_with_it_is_of_use_again),
       BOTH_ROWS(transactions_in_each_other_keep_what_they_should),
       T_ROW(a_deadlock_met_on_the_way_to_the_commit_is_run_again_postgres),
       T_ROW(what_waits_before_the_commit_is_stopped_in_time_postgres),
       T_ROW(a_connection_lost_with_the_commit_is_of_unknown_outcome_and_nothing_is_repeated_postgres),
       T_ROW(behind_a_pooler_they_go_unprepared_postgres))

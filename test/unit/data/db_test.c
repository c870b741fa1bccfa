/* SPDX-License-Identifier: Apache-2.0
 * db.h keeps the same promises on both engines. */
#include <stdatomic.h>

#include "crowd.h"
#include "world.h"

typedef struct Thing {
    Id id;
    bool yes;
    int64_t whole;
    double real;
    Str text;
    Time at;
    OptInt opt_int;
    OptFloat opt_float;
    OptBool opt_bool;
    JsonText json;
    StrList tags;
    Id other;
    Str absent; /* no such column */
} Thing;

static const Field thing_fields[] = {
    FIELD(Thing, id, .flags = F_READONLY),
    FIELD(Thing, yes),
    FIELD(Thing, whole),
    FIELD(Thing, real),
    FIELD(Thing, text),
    FIELD(Thing, at),
    FIELD(Thing, opt_int),
    FIELD(Thing, opt_float),
    FIELD(Thing, opt_bool),
    FIELD(Thing, json),
    FIELD(Thing, tags),
    FIELD(Thing, other),
    FIELD(Thing, absent, .flags = F_NO_COLUMN),
};
static const Record thing_record = RECORD(Thing, thing_fields, .table = "things");

static bool things_make(Ctx *c) {
    return GOOD(db_exec(c,
                        SQL2("CREATE TABLE things (id INTEGER PRIMARY KEY, yes INTEGER, whole "
                             "INTEGER, real REAL, text TEXT, "
                             "at INTEGER, opt_int INTEGER, opt_float REAL, opt_bool INTEGER, json "
                             "TEXT, tags TEXT, other INTEGER) STRICT",
                             "CREATE TABLE things (id BIGSERIAL PRIMARY KEY, yes BOOLEAN, whole "
                             "BIGINT, real DOUBLE PRECISION, "
                             "text TEXT, at TIMESTAMPTZ, opt_int BIGINT, opt_float DOUBLE "
                             "PRECISION, opt_bool BOOLEAN, json JSONB, "
                             "tags JSONB, other BIGINT)"),
                        NO_ARGS, NULL));
}

/* -- values ------------------------------------------------------------------------------------ */

BOTH(every_kind_comes_back_as_it_went) {
    if (!things_make(c)) return;
    Str tags[] = {S_INIT("a"), S_INIT("\"quoted\" \\ é \n 🦉"), S_INIT("")};
    Thing t = {.yes = true,
               .whole = INT64_MIN + 1,
               .real = 0.1,
               .text = S("Crème brûlée 🍮 \\ ' \" $1"),
               .at = {1763716800123456},
               .opt_int = {INT64_MAX, true},
               .opt_float = {-1e300, true},
               .opt_bool = {true, true},
               .json = {S("{\"a\": [1, null, \"é\"]}")},
               .tags = {tags, 3},
               .other = {42}};
    MUST(db_insert(c, &thing_record, &t));
    CHECK(t.id.value > 0);
    Thing back = {0};
    MUST(db_one(c, SQL("SELECT * FROM things WHERE id = $1"), ARGS(V(t.id)), &thing_record, &back));
    CHECK(back.yes);
    CHECK_INT(back.whole, INT64_MIN + 1);
    CHECK(back.real == 0.1);
    CHECK_STR(back.text, S("Crème brûlée 🍮 \\ ' \" $1"));
    CHECK_INT(back.at.us, 1763716800123456);
    CHECK(back.opt_int.set && back.opt_float.set && back.opt_bool.set);
    CHECK_INT(back.opt_int.value, INT64_MAX);
    CHECK(back.opt_float.value == -1e300);
    CHECK(back.opt_bool.value);
    CHECK_STR(back.json.text, S("{\"a\": [1, null, \"é\"]}"));
    CHECK_INT(back.other.value, 42);
    CHECK_INT(back.tags.count, 3);
    for (ptrdiff_t i = 0; i < back.tags.count && i < 3; i++) CHECK_STR(back.tags.items[i], tags[i]);
}

BOTH(nothing_comes_back_as_null) {
    if (!things_make(c)) return;
    Thing t = {.at = TIME_NULL};
    MUST(db_insert(c, &thing_record, &t));
    Thing back = {.whole = 7, .text = S("x"), .opt_int = {5, true}};
    MUST(db_one(c, SQL("SELECT * FROM things"), NO_ARGS, &thing_record, &back));
    CHECK_INT(back.whole, 0);
    CHECK(str_is_null(back.text));
    CHECK(time_is_null(back.at));
    CHECK(!back.opt_int.set && !back.opt_float.set && !back.opt_bool.set);
    CHECK(str_is_null(back.json.text));
    CHECK_INT(back.tags.count, 0);
    CHECK(id_is_none(back.other));
    MUST(db_exec(c, SQL("UPDATE things SET text = $1"), ARGS(V(S(""))), NULL));
    MUST(db_one(c, SQL("SELECT text FROM things"), NO_ARGS, &thing_record, &back));
    CHECK(!str_is_null(back.text) && back.text.len == 0);
}

/* The same statement with and without null in the same place. */
BOTH(null_and_value_take_turns_in_one_statement) {
    if (!things_make(c)) return;
    for (int i = 0; i < 6; i++) {
        OptInt n = {i, i % 2 == 0};
        Str s = i % 3 == 0 ? S("x") : (Str){NULL, 0};
        MUST(db_exec(c, SQL("INSERT INTO things (opt_int, text, at) VALUES ($1, $2, $3)"),
                     ARGS(V(n), V(s), V(i % 2 ? time_now() : TIME_NULL)), NULL));
    }
    CHECK_INT(count_of(c, "SELECT count(opt_int) FROM things"), 3);
    CHECK_INT(count_of(c, "SELECT sum(opt_int) FROM things"), 6);
    CHECK_INT(count_of(c, "SELECT count(text) FROM things"), 2);
    CHECK_INT(count_of(c, "SELECT count(at) FROM things"), 3);
}

BOTH(a_megabyte_of_text_comes_back) {
    if (!things_make(c)) return;
    ptrdiff_t len = MIB + 17;
    char *text = arena_bytes(c->arena, len);
    for (ptrdiff_t i = 0; i < len; i++) text[i] = (char)('a' + i * 7 % 26);
    int64_t got = 0;
    MUST(
        db_exec(c, SQL("INSERT INTO things (text) VALUES ($1)"), ARGS(V(str_of(text, len))), NULL));
    MUST(db_int(c, SQL("SELECT length(text) FROM things WHERE text = $1"),
                ARGS(V(str_of(text, len))), &got));
    CHECK_INT(got, len);
    Thing back = {0};
    MUST(db_one(c, SQL("SELECT text FROM things"), NO_ARGS, &thing_record, &back));
    CHECK(str_eq(back.text, str_of(text, len)));
}

BOTH(bytes_come_back) {
    MUST(db_exec(
        c,
        SQL2("CREATE TABLE b (text BLOB NOT NULL) STRICT", "CREATE TABLE b (text BYTEA NOT NULL)"),
        NO_ARGS, NULL));
    Str bytes = {"\0\xff\x80 x", 5}, none = {"", 0};
    MUST(db_exec(c, SQL("INSERT INTO b (text) VALUES ($1)"), ARGS(value_blob(bytes)), NULL));
    MUST(db_exec(c, SQL("INSERT INTO b (text) VALUES ($1)"), ARGS(value_blob(none)), NULL));
    Rows rows;
    MUST(db_query(c, SQL("SELECT text FROM b ORDER BY length(text) DESC"), NO_ARGS, &thing_record,
                  &rows));
    REQUIRE(rows.count == 2);
    const Thing *t = rows.items;
    CHECK(str_eq(t[0].text, bytes));
    CHECK(!str_is_null(t[1].text) && t[1].text.len == 0);
}

BOTH(text_that_is_not_utf8_is_refused) {
    if (!names_make(c)) return;
    CHECK(FAILS(db_exec(c, ADD_NAME, ARGS(V(S("caf\xe9")), V(1)), NULL), INVALID));
    CHECK(FAILS(db_exec(c, ADD_NAME, ARGS(V(((Str){"nul\0byte", 8})), V(1)), NULL), INVALID));
    CHECK(FAILS(db_exec(c, ADD_NAME, ARGS(V(S("longer than a word \xc3")), V(1)), NULL), INVALID));
    CHECK(GOOD(db_exec(c, ADD_NAME, ARGS(V(S("longer than a word é")), V(1)), NULL)));
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 1);
}

BOTH(a_column_of_the_wrong_type_is_an_error_that_names_it) {
    if (!things_make(c)) return;
    MUST(db_exec(c, SQL("INSERT INTO things (text) VALUES ('seven')"), NO_ARGS, NULL));
    Thing t = {0};
    Err *err = db_one(c, SQL("SELECT text AS whole FROM things"), NO_ARGS, &thing_record, &t);
    CHECK(FAILS(err, INTERNAL));
    if (err) CHECK(str_find(err->detail, S("whole")) >= 0);
}

/* -- statements -------------------------------------------------------------------------------- */

BOTH(the_calls_answer_what_they_promise) {
    if (!names_make(c)) return;
    ptrdiff_t changed = -1;
    MUST(db_exec(c, SQL("INSERT INTO names (name, n) VALUES ('a', 1), ('b', 2), ('c', NULL)"),
                 NO_ARGS, &changed));
    CHECK_INT(changed, 3);
    MUST(db_exec(c, SQL("UPDATE names SET n = 9 WHERE n > $1"), ARGS(V(100)), &changed));
    CHECK_INT(changed, 0);
    int64_t n = 0;
    CHECK(
        FAILS(db_int(c, SQL("SELECT n FROM names WHERE name = 'nobody'"), NO_ARGS, &n), NOT_FOUND));
    MUST(db_int(c, SQL("SELECT n FROM names WHERE name = 'c'"), NO_ARGS, &n));
    CHECK_INT(n, 0);
    MUST(db_int(c, SQL("UPDATE names SET n = n + 1 WHERE name = $1 RETURNING n"), ARGS(V(S("b"))),
                &n));
    CHECK_INT(n, 3);
    MUST(db_int(c,
                SQL("WITH more AS (SELECT 40 AS k) INSERT INTO names (name, n) SELECT 'd', k FROM "
                    "more RETURNING n"),
                NO_ARGS, &n));
    CHECK_INT(n, 40);
    Thing t = {0};
    bool found = true;
    CHECK(FAILS(db_one(c, SQL("SELECT id FROM names WHERE id = -1"), NO_ARGS, &thing_record, &t),
                NOT_FOUND));
    MUST(
        db_maybe(c, SQL("SELECT id FROM names WHERE id = -1"), NO_ARGS, &thing_record, &t, &found));
    CHECK(!found);
    Rows rows;
    MUST(db_query(c, SQL("SELECT id, name AS text FROM names ORDER BY name"), NO_ARGS,
                  &thing_record, &rows));
    CHECK_INT(rows.count, 4);
    CHECK_STR(((Thing *)rows.items)[3].text, S("d"));
    MUST(db_query(c, SQL("DELETE FROM names WHERE n > 2 RETURNING id, name AS text"), NO_ARGS,
                  &thing_record, &rows));
    CHECK_INT(rows.count, 2);
}

BOTH(a_wrong_statement_is_an_internal_error_and_the_next_one_works) {
    int64_t n = 0;
    CHECK(FAILS(db_int(c, SQL("SELEKT 1"), NO_ARGS, &n), INTERNAL));
    CHECK(FAILS(db_int(c, SQL("SELECT 1 FROM no_such_table"), NO_ARGS, &n), INTERNAL));
    CHECK(FAILS(db_int(c, SQL("SELECT 1; SELECT 2"), NO_ARGS, &n), INTERNAL));
    CHECK(FAILS(db_int(c, SQL("SELECT 1 + $1"), NO_ARGS, &n), INTERNAL));
    CHECK(FAILS(db_check(c, SQL("SELECT no_such_column FROM no_such_table")), INTERNAL));
    CHECK(GOOD(db_check(c, SQL("SELECT 1 + $1"))));
    CHECK_INT(count_of(c, "SELECT 5"), 5);
}

BOTH(a_text_built_at_run_time_is_never_taken_for_another) {
    char sql[32];
    for (int i = 0; i < 700; i++) { /* more than are kept prepared, at one address */
        snprintf(sql, sizeof sql, "SELECT %d", i);
        int64_t n = -1;
        MUST(db_int(c, SQL(sql), NO_ARGS, &n));
        if (n != i) CHECK_INT(n, i);
    }
}

BOTH(a_column_added_meanwhile_is_seen) {
    Thing t = {0};
    for (int i = 0; i < 2; i++) {
        MUST(db_exec(c,
                     i == 0 ? SQL("CREATE TABLE grown (whole INTEGER)")
                            : SQL("ALTER TABLE grown ADD text TEXT DEFAULT 'new'"),
                     NO_ARGS, NULL));
        if (i == 0) MUST(db_exec(c, SQL("INSERT INTO grown (whole) VALUES (7)"), NO_ARGS, NULL));
        for (int k = 0; k < 8; k++)
            MUST(db_one(c, SQL("SELECT * FROM grown"), NO_ARGS, &thing_record, &t));
        CHECK_INT(t.whole, 7);
        CHECK(i == 0 ? str_is_null(t.text) : str_eq(t.text, S("new")));
    }
}

BOTH(constraints_are_told_apart) {
    if (!names_make(c)) return;
    MUST(db_exec(c,
                 SQL2("CREATE TABLE kids (parent INTEGER NOT NULL REFERENCES names(id)) STRICT",
                      "CREATE TABLE kids (parent BIGINT NOT NULL REFERENCES names(id))"),
                 NO_ARGS, NULL));
    MUST(db_exec(c, ADD_NAME, ARGS(V(S("a")), V(1)), NULL));
    Err *err = db_exec(c, ADD_NAME, ARGS(V(S("a")), V(1)), NULL);
    CHECK(FAILS(err, CONFLICT));
    if (err) CHECK_STR(err->code, S("names.name"));
    CHECK(FAILS(db_exec(c, ADD_NAME, ARGS(V(S("b")), V(-1)), NULL), INVALID));
    err = db_exec(c, ADD_NAME, ARGS(value_null(), V(1)), NULL);
    CHECK(FAILS(err, INVALID));
    if (err) CHECK_STR(err->code, S("names.name"));
    CHECK(FAILS(db_exec(c, SQL("INSERT INTO kids (parent) VALUES ($1)"), ARGS(V(99)), NULL),
                INVALID));
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 1);
}

BOTH(a_long_statement_ends_at_its_deadline_and_the_next_one_works) {
    int64_t began = mono_us(), n;
    Sql endless = SQL(
        "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT count(*) FROM r");
    ctx_deadline_within(c, 100);
    CHECK(FAILS(db_int(c, endless, NO_ARGS, &n), TIMEOUT));
    c->deadline_us = 0;
    CHECK(mono_us() - began < 5 * US_PER_SECOND);
    CHECK_INT(count_of(c, "SELECT 5"), 5);
}

BOTH(an_answer_over_the_budget_is_refused_and_the_next_one_works) {
    if (!names_make(c)) return;
    MUST(db_exec(c,
                 SQL("INSERT INTO names (name) WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i "
                     "+ 1 FROM r "
                     "WHERE i < 20000) SELECT 'name number ' || i FROM r"),
                 NO_ARGS, NULL));
    Ctx small = *c;
    small.arena = arena_new(256 * KIB);
    Rows rows;
    CHECK(FAILS(
        db_query(&small, SQL("SELECT name AS text FROM names"), NO_ARGS, &thing_record, &rows),
        BUDGET));
    CHECK(
        FAILS(db_scan(&small, SQL("SELECT name AS text FROM names"), NO_ARGS, &thing_record, &rows),
              BUDGET));
    CHECK(FAILS(db_query(&small, SQL("UPDATE names SET n = 1 RETURNING name AS text"), NO_ARGS,
                         &thing_record, &rows),
                BUDGET));
    CHECK_INT(count_of(&small, "SELECT count(*) FROM names"), 20000);
    MUST(db_scan(c, SQL("SELECT name AS text FROM names"), NO_ARGS, &thing_record, &rows));
    CHECK_INT(rows.count, 20000);
    arena_free(small.arena);
}

/* -- many rows --------------------------------------------------------------------------------- */

typedef struct Many {
    int64_t from, count, seen;
    ptrdiff_t bad; /* this row repeats the first one's name; -1: none */
} Many;

static Err *many_add(Ctx *c, void *arg) {
    Many *m = arg;
    Args *rows = arena_array(c->arena, Args, m->count);
    for (ptrdiff_t i = 0; i < m->count; i++) {
        Value *v = arena_array(c->arena, Value, 2);
        v[0] = V(strf(c->arena, "name %lld", (long long)(m->from + (i == m->bad ? 0 : i))));
        v[1] = V((int64_t)i);
        rows[i] = (Args){v, 2};
    }
    return db_exec_many(c, ADD_NAME, rows, m->count);
}

BOTH(many_rows_go_in_at_once_or_not_at_all) {
    if (!names_make(c)) return;
    Many bad = {.count = 1000, .bad = 700}, fine = {.count = 1000, .bad = -1},
         none = {.count = 0, .bad = -1};
    Err *err = db_transaction(c, many_add, &bad);
    CHECK(FAILS(err, CONFLICT));
    if (err) CHECK(str_starts(err->detail, S("Row 701: ")));
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 0);
    MUST(db_transaction(c, many_add, &fine));
    MUST(db_transaction(c, many_add, &none));
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 1000);
}

static Err *see_row(Ctx *c, void *row, void *arg) {
    Many *m = arg;
    const Thing *t = row;
    if (t->whole != m->seen)
        FAIL(c, INTERNAL, "row %lld came as %lld", (long long)t->whole, (long long)m->seen);
    m->seen++;
    if (m->seen == m->count) FAIL(c, GONE, "enough");
    return NULL;
}

/* fn may use the database while the rows come. */
static Err *see_row_and_ask(Ctx *c, void *row, void *arg) {
    const Thing *t = row;
    int64_t n = 0;
    if (t->whole % 500 == 0)
        TRY(db_int(c, SQL("SELECT n FROM names WHERE name = $1"), ARGS(V(t->text)), &n));
    return see_row(c, row, arg);
}

static Err *each_in_transaction(Ctx *c, void *arg) {
    TRY(db_exec(c, SQL("UPDATE names SET n = n WHERE n = 1"), NO_ARGS, NULL));
    return db_each(c, SQL("SELECT name AS text, n AS whole FROM names ORDER BY n"), NO_ARGS,
                   &thing_record, see_row_and_ask, arg);
}

BOTH(each_gives_every_row_once_in_order) {
    if (!names_make(c)) return;
    Many m = {.count = 5000, .bad = -1};
    MUST(db_transaction(c, many_add, &m));
    Sql sql = SQL("SELECT name AS text, n AS whole FROM names WHERE n >= $1 ORDER BY n");
    Many all = {.count = -1}, some = {.count = 700}, inside = {.count = -1};
    MUST(db_each(c, sql, ARGS(V(0)), &thing_record, see_row_and_ask, &all));
    CHECK_INT(all.seen, 5000);
    CHECK(FAILS(db_each(c, sql, ARGS(V(0)), &thing_record, see_row, &some), GONE));
    CHECK_INT(some.seen, 700);
    MUST(db_transaction(c, each_in_transaction, &inside));
    CHECK_INT(inside.seen, 5000);
    MUST(db_each(c, sql, ARGS(V(99999)), &thing_record, see_row, &all));
    Rows rows;
    MUST(db_scan(c, sql, ARGS(V(4000)), &thing_record, &rows));
    CHECK_INT(rows.count, 1000);
}

/* -- transactions ------------------------------------------------------------------------------ */

static Err *add_two_and_fail(Ctx *c, void *arg) {
    (void)arg;
    TRY(db_exec(c, ADD_NAME, ARGS(V(S("one")), V(1)), NULL));
    TRY(db_exec(c, ADD_NAME, ARGS(V(S("two")), V(2)), NULL));
    int64_t n = 0;
    TRY(db_int(c, SQL("SELECT count(*) FROM names"), NO_ARGS, &n));
    CHECK_INT(n, 2); /* own writes are seen inside */
    FAIL(c, PRECONDITION, "changed my mind");
}

BOTH(a_failed_transaction_leaves_nothing) {
    if (!names_make(c)) return;
    CHECK(FAILS(db_transaction(c, add_two_and_fail, NULL), PRECONDITION));
    CHECK(c->tx == NULL && c->coro != NULL);
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 0);
}

/* On PostgreSQL nothing more is accepted after a failed statement; SQLite must not teach otherwise.
 */
static Err *swallow_a_failure(Ctx *c, void *arg) {
    (void)arg;
    TRY(db_exec(c, ADD_NAME, ARGS(V(S("one")), V(1)), NULL));
    CHECK(FAILS(db_exec(c, ADD_NAME, ARGS(V(S("one")), V(1)), NULL), CONFLICT));
    CHECK(FAILS(db_exec(c, ADD_NAME, ARGS(V(S("three")), V(1)), NULL), CONFLICT));
    return NULL;
}

BOTH(a_swallowed_failure_fails_the_transaction) {
    if (!names_make(c)) return;
    CHECK(FAILS(db_transaction(c, swallow_a_failure, NULL), CONFLICT));
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 0);
}

static int called[8], calls;
static void note_call(Ctx *c, void *arg) {
    CHECK(c->coro != NULL && c->tx == NULL);
    if (calls < 8) called[calls] = (int)(intptr_t)arg;
    calls++;
}

static Err *inner_good(Ctx *c, void *arg) {
    (void)arg;
    db_after_commit(c, note_call, (void *)2);
    return db_exec(c, ADD_NAME, ARGS(V(S("inner")), V(1)), NULL);
}

static Err *inner_bad(Ctx *c, void *arg) {
    (void)arg;
    db_after_commit(c, note_call, (void *)99);
    TRY(db_exec(c, ADD_NAME, ARGS(V(S("lost")), V(1)), NULL));
    return db_exec(c, ADD_NAME, ARGS(V(S("inner")), V(1)), NULL);
}

static Err *outer(Ctx *c, void *arg) {
    db_after_commit(c, note_call, (void *)1);
    TRY(db_transaction(c, inner_good, NULL));
    CHECK(FAILS(db_transaction(c, inner_bad, NULL), CONFLICT)); /* undone alone */
    db_after_commit(c, note_call, (void *)3);
    TRY(db_exec(c, ADD_NAME, ARGS(V(S("outer")), V(1)), NULL));
    if (arg) FAIL(c, GONE, "at the end");
    return NULL;
}

BOTH(nested_transactions_join_and_after_commit_keeps_order) {
    if (!names_make(c)) return;
    calls = 0;
    CHECK(FAILS(db_transaction(c, outer, c), GONE));
    CHECK_INT(calls, 0);
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 0);
    MUST(db_transaction(c, outer, NULL));
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 2);
    CHECK_INT(calls, 3);
    for (int i = 0; i < 3; i++) CHECK_INT(called[i], i + 1);
    db_after_commit(c, note_call, (void *)4);
    CHECK_INT(calls, 4);
}

static Err *overflow_at_row(Ctx *c, void *row, void *arg) {
    (void)row;
    defer(c, free, malloc(1)); /* must run before its place is given back */
    arena_bytes(c->arena, *(ptrdiff_t *)arg);
    return NULL;
}

static Err *overflow(Ctx *c, void *arg) {
    TRY(db_exec(c, ADD_NAME, ARGS(V(S("big")), V(1)), NULL));
    return db_each(c, SQL("SELECT name AS text FROM names"), NO_ARGS, &thing_record,
                   overflow_at_row, arg);
}

/* -- concurrency ------------------------------------------------------------------------------- */

static Err *same_name_now_and_then(Ctx *c, int64_t who, int64_t round) {
    Str name =
        who % 8 == 0 ? S("taken") : strf(c->arena, "%lld-%lld", (long long)who, (long long)round);
    return db_exec(c, ADD_NAME, ARGS(V(name), V(who)), NULL);
}

static Err *same_name_in(Ctx *c, void *arg) {
    int64_t *who = arg;
    TRY(db_exec(
        c, ADD_NAME,
        ARGS(V(strf(c->arena, "first of %lld-%lld", (long long)who[0], (long long)who[1])), V(1)),
        NULL));
    return same_name_now_and_then(c, who[0], who[1]);
}

static Err *same_name_in_transaction(Ctx *c, int64_t who, int64_t round) {
    int64_t args[] = {who, round};
    return db_transaction(c, same_name_in, args);
}

BOTH(of_concurrent_transactions_only_the_conflicting_fail) {
    if (!names_make(c)) return;
    MUST(db_exec(c, ADD_NAME, ARGS(V(S("taken")), V(1)), NULL));
    Crowd singles = {.each = 10, .one = same_name_now_and_then};
    crowd_run(c, &singles, 64);
    CHECK_INT(singles.good, 560);
    CHECK_INT(singles.conflicts, 80);
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 561);
    MUST(db_exec(c, SQL("DELETE FROM names WHERE name <> 'taken'"), NO_ARGS, NULL));
    Crowd pairs = {.each = 10, .one = same_name_in_transaction};
    crowd_run(c, &pairs, 64);
    CHECK_INT(pairs.good, 560);
    CHECK_INT(pairs.conflicts, 80);
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 1121);
}

static Err *count_up(Ctx *c, void *arg) {
    (void)arg;
    int64_t n;
    TRY(db_int(c,
               SQL2("SELECT n FROM names WHERE name = 'sum'",
                    "SELECT n FROM names WHERE name = 'sum' FOR UPDATE"),
               NO_ARGS, &n));
    return db_exec(c, SQL("UPDATE names SET n = $1 WHERE name = 'sum'"), ARGS(V(n + 1)), NULL);
}

static Err *count_up_and_read(Ctx *c, int64_t who, int64_t round) {
    (void)round;
    int64_t n;
    if (who % 4) return db_int(c, SQL("SELECT n FROM names WHERE name = 'sum'"), NO_ARGS, &n);
    return db_transaction(c, count_up, NULL);
}

BOTH(a_thousand_coroutines_on_all_loops_lose_no_update) {
    if (!names_make(c)) return;
    MUST(db_exec(c, ADD_NAME, ARGS(V(S("sum")), V(0)), NULL));
    Crowd crowd = {.each = 4, .one = count_up_and_read};
    crowd_run(c, &crowd, 1000);
    CHECK_INT(crowd.good, 4000);
    CHECK_INT(count_of(c, "SELECT n FROM names"), 1000);
}

static Err *stamp(Ctx *c, void *arg) {
    int64_t first;
    (void)arg;
    TRY(db_next_change(c, 3, &first));
    return db_exec(c, SQL("INSERT INTO stamps (first) VALUES ($1)"), ARGS(V(first)), NULL);
}

static Err *stamp_one(Ctx *c, int64_t who, int64_t round) {
    (void)who, (void)round;
    return db_transaction(c, stamp, NULL);
}

/* With serial keys given at insertion, commit order equal to sequence order means both grow
 * together. */
BOTH(the_change_sequence_has_no_gaps_and_no_doubles) {
    MUST(db_exec(
        c,
        SQL2("CREATE TABLE change_sequence (id INTEGER PRIMARY KEY, value INTEGER NOT NULL) STRICT",
             "CREATE TABLE change_sequence (id BIGINT PRIMARY KEY, value BIGINT NOT NULL)"),
        NO_ARGS, NULL));
    MUST(db_exec(c, SQL("INSERT INTO change_sequence VALUES (1, 0)"), NO_ARGS, NULL));
    MUST(db_exec(c,
                 SQL2("CREATE TABLE stamps (id INTEGER PRIMARY KEY, first INTEGER UNIQUE) STRICT",
                      "CREATE TABLE stamps (id BIGSERIAL PRIMARY KEY, first BIGINT UNIQUE)"),
                 NO_ARGS, NULL));
    Crowd crowd = {.each = 10, .one = stamp_one};
    crowd_run(c, &crowd, 40);
    CHECK_INT(crowd.good, 400);
    CHECK_INT(count_of(c, "SELECT value FROM change_sequence"), 1200);
    CHECK_INT(count_of(c, "SELECT min(first) FROM stamps"), 1);
    CHECK_INT(count_of(c, "SELECT max(first) FROM stamps"), 1198);
    CHECK_INT(count_of(c, "SELECT count(*) FROM stamps a JOIN stamps b ON b.id = a.id + 1 WHERE "
                          "b.first <> a.first + 3"),
              0);
}

/* An arena that overflows inside fn ends that transaction only, with BUDGET, on whatever thread. */
ON_SQLITE(a_transaction_over_its_budget_fails_alone) {
    if (!names_make(c)) return;
    Ctx small = *c;
    small.arena = arena_new(64 * KIB);
    ptrdiff_t big = MIB, little = KIB;
    CHECK(FAILS(db_transaction(&small, overflow, &big), BUDGET));
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 0);
    CHECK(small.defers == c->defers);
    CHECK(GOOD(db_transaction(&small, overflow, &little)));
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 1);
    ctx_undo(&small, c->defers);
    arena_free(small.arena);
}

typedef struct Rumour {
    atomic_bool wanted, there;
} Rumour;

static void writes_when_wanted(Ctx *c, void *arg) {
    Rumour *r = arg;
    while (!r->wanted)
        if (sleep_ms(c, 1)) return;
    GOOD(db_exec(c, ADD_NAME, ARGS(V(S("new")), V(1)), NULL));
    r->there = true;
}

/* However one came to know: here by shared memory, in one turn of the loop, without any waiting. */
BOTH(what_is_acknowledged_on_one_loop_is_seen_on_another_at_once) {
    if (!names_make(c)) return;
    static Rumour r;
    r.wanted = r.there = false;
    coro_spawn_on(loop_at(1), (CoroOptions){.name = "writer", .app = c->app}, writes_when_wanted,
                  &r);
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 0);
    r.wanted = true;
    int64_t until = mono_us() + 5 * US_PER_SECOND;
    while (!r.there && mono_us() < until) continue;
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 1);
}

/* -- cancelling ----------------------------------------------------------------------------------- */

typedef struct Cancelled {
    Coro *co, *waiting;
    atomic_bool held, release, released;
    bool done;
    ErrKind kind;
} Cancelled;

static Err *hold_the_row(Ctx *c, void *arg) {
    Cancelled *x = arg;
    TRY(db_exec(c, SQL("UPDATE names SET n = 5 WHERE name = 'a'"), NO_ARGS, NULL));
    x->held = true;
    int64_t n, until = mono_us() + 20 * US_PER_SECOND;
    while (!x->release && mono_us() < until)
        TRY(db_int(c, SQL("SELECT count(*) FROM names"), NO_ARGS, &n));
    return NULL;
}

static void holder(Ctx *c, void *arg) {
    Cancelled *x = arg;
    GOOD(db_transaction(c, hold_the_row, x));
    x->released = true;
}

static void to_be_cancelled(Ctx *c, void *arg) {
    Cancelled *x = arg;
    x->co = c->coro;
    Err *err = db_exec(c, SQL("UPDATE names SET n = 9 WHERE name = 'a'"), NO_ARGS, NULL);
    x->kind = err ? err->kind : ERR_KIND_COUNT;
    x->done = true;
    coro_wake(x->waiting);
}

/* PostgreSQL is asked to stop it while its caller hears already that it was given up. */
static bool is_stopped(Ctx *c) {
    return db_engine(c) == ENGINE_SQLITE ||
           count_of(c, "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND datname = "
                       "current_database() AND query LIKE 'UPDATE names SET n = 9%'") == 0;
}

/* A write that waits for its turn is given up, and nothing of it happens later. */
BOTH(a_cancelled_write_does_not_happen) {
    if (!names_make(c)) return;
    MUST(db_exec(c, ADD_NAME, ARGS(V(S("a")), V(1)), NULL));
    Cancelled x = {.waiting = c->coro};
    coro_spawn((CoroOptions){.name = "holder", .app = c->app}, holder, &x);
    while (!x.held) MUST(sleep_ms(c, 1));
    coro_spawn((CoroOptions){.name = "victim", .app = c->app}, to_be_cancelled, &x);
    MUST(sleep_ms(c, 30));
    CHECK(!x.done);
    coro_cancel(x.co);
    while (!x.done) coro_wait_surely(c);
    CHECK_INT(x.kind, ERR_CANCELLED);
    for (int turns = 0; turns < 2000 && !is_stopped(c); turns++) MUST(sleep_ms(c, 5));
    x.release = true;
    while (!x.released) MUST(sleep_ms(c, 1));
    MUST(sleep_ms(c, 50));
    CHECK_INT(count_of(c, "SELECT n FROM names"), 5);
}

BOTH(a_ping_answers) {
    int64_t us = -1;
    MUST(db_ping(c, &us));
    CHECK(us >= 0 && us < 5 * US_PER_SECOND);
}

/* -- notices ----------------------------------------------------------------------------------- */

typedef struct Heard {
    Coro *co;
    int count, nulls;
    Str last;
    Arena *arena;
} Heard;

static void hear(void *arg, Str payload) {
    Heard *h = arg;
    if (str_is_null(payload)) {
        h->nulls++;
    } else {
        h->count++;
        h->last = str_copy(h->arena, payload);
    }
    coro_wake(h->co);
}

static Err *notify_and_fail(Ctx *c, void *arg) {
    (void)arg;
    TRY(db_notify(c, "news", S("never")));
    FAIL(c, GONE, "no");
}

BOTH(a_notice_is_heard_after_its_commit) {
    Heard *h = arena_new_of(c->arena, Heard);
    *h = (Heard){.co = c->coro, .arena = c->arena};
    db_listen(c, "news", hear, h);
    if (world.engine == ENGINE_POSTGRES) /* LISTEN has begun when the null notice comes */
        while (h->nulls == 0) coro_wait_surely(c);
    CHECK(FAILS(db_transaction(c, notify_and_fail, NULL), GONE));
    MUST(db_notify(c, "other", S("not ours")));
    MUST(db_notify(c, "news", S("it's $1 — é")));
    while (h->count < 1) coro_wait_surely(c);
    CHECK_STR(h->last, S("it's $1 — é"));
    CHECK_INT(h->count, 1);
    char *big = arena_bytes(c->arena, 8000);
    memset(big, 'x', 8000);
    CHECK(FAILS(db_notify(c, "news", str_of(big, 8000)), INVALID));
}

/* -- states ------------------------------------------------------------------------------------ */

static Err *state_inside(Ctx *c, void *arg) {
    int64_t state;
    *(bool *)arg = db_state(c, &state);
    return NULL;
}

BOTH(a_state_lasts_until_a_commit_and_never_comes_back) {
    if (!things_make(c)) return;
    int64_t state, again, last = 0;
    bool inside = true;
    if (db_engine(c) == ENGINE_POSTGRES) {
        CHECK(!db_state(c, &state));
        return;
    }
    for (int64_t i = 0; i < 50; i++) {
        REQUIRE(db_state(c, &state));
        CHECK(state > last);
        last = state;
        CHECK_INT(count_of(c, "SELECT count(*) FROM things"), i);
        CHECK(db_state(c, &again) && again == state);
        coro_yield(c); /* another turn of the loop, another read transaction */
        CHECK(db_state(c, &again) && again == state);
        MUST(db_exec(c, SQL("INSERT INTO things (whole) VALUES (1)"), NO_ARGS, NULL));
    }
    MUST(db_transaction(c, state_inside, &inside));
    CHECK(!inside);
}

T_MAIN(BOTH_ROWS(a_state_lasts_until_a_commit_and_never_comes_back),
       BOTH_ROWS(every_kind_comes_back_as_it_went), BOTH_ROWS(nothing_comes_back_as_null),
       BOTH_ROWS(null_and_value_take_turns_in_one_statement),
       BOTH_ROWS(a_megabyte_of_text_comes_back), BOTH_ROWS(bytes_come_back),
       BOTH_ROWS(text_that_is_not_utf8_is_refused),
       BOTH_ROWS(a_column_of_the_wrong_type_is_an_error_that_names_it),
       BOTH_ROWS(the_calls_answer_what_they_promise),
       BOTH_ROWS(a_wrong_statement_is_an_internal_error_and_the_next_one_works),
       BOTH_ROWS(a_text_built_at_run_time_is_never_taken_for_another),
       BOTH_ROWS(a_column_added_meanwhile_is_seen), BOTH_ROWS(constraints_are_told_apart),
       BOTH_ROWS(a_long_statement_ends_at_its_deadline_and_the_next_one_works),
       BOTH_ROWS(an_answer_over_the_budget_is_refused_and_the_next_one_works),
       BOTH_ROWS(many_rows_go_in_at_once_or_not_at_all),
       BOTH_ROWS(each_gives_every_row_once_in_order),
       BOTH_ROWS(a_failed_transaction_leaves_nothing),
       BOTH_ROWS(a_swallowed_failure_fails_the_transaction),
       BOTH_ROWS(nested_transactions_join_and_after_commit_keeps_order),
       BOTH_ROWS(of_concurrent_transactions_only_the_conflicting_fail),
       BOTH_ROWS(a_thousand_coroutines_on_all_loops_lose_no_update),
       BOTH_ROWS(the_change_sequence_has_no_gaps_and_no_doubles),
       T_ROW(a_transaction_over_its_budget_fails_alone_sqlite),
       BOTH_ROWS(what_is_acknowledged_on_one_loop_is_seen_on_another_at_once),
       BOTH_ROWS(a_cancelled_write_does_not_happen), BOTH_ROWS(a_ping_answers),
       BOTH_ROWS(a_notice_is_heard_after_its_commit))

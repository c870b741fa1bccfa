/* SPDX-License-Identifier: Apache-2.0
 * Joint transactions: many done as one, and each told the truth about itself whatever becomes of
 * the others. */
#include <stdatomic.h>

#include "crowd.h"
#include "vfs.h"

typedef enum Part { PLAIN, DOUBLE, POISON, HUGE_ONE, ORPHAN } Part;

/* What one asks for; `round` is the number of the transaction that did it. */
typedef struct Wish {
    Str name;
    Part part;
    int64_t round;
} Wish;

static atomic_int rounds, most, told_up_to;

static Err *wish_write(Ctx *c, Joint *joint) {
    Wish *wish = joint->arg;
    if (wish->part == HUGE_ONE) arena_bytes(joint->c->arena, 64 * MIB);
    if (wish->part == ORPHAN)
        return db_exec(c, SQL("INSERT INTO kids (parent) VALUES (1000000000)"), NO_ARGS, NULL);
    int64_t there = 0;
    TRY(db_int(joint->c, SQL("SELECT count(*) FROM names WHERE name = $1"), ARGS(V(wish->name)),
               &there));
    if (there) {
        joint->err = err_new(joint->c, ERR_CONFLICT, __func__, "there already");
        return NULL;
    }
    return db_exec(c, ADD_NAME, ARGS(V(wish->name), V(wish->part == POISON ? -1 : 1)), NULL);
}

static Err *wishes_write(Ctx *c, Joint *joints, ptrdiff_t count) {
    int64_t round = ++rounds;
    if (count > most) most = (int)count;
    CHECK(joints[0].c == c);
    for (ptrdiff_t i = 0; i < count; i++) {
        ((Wish *)joints[i].arg)->round = round;
        joints[i].err = NULL;
        TRY(wish_write(c, &joints[i]));
    }
    return NULL;
}

static Part part_of(int64_t who) {
    static const Part parts[] = {DOUBLE, POISON, HUGE_ONE, ORPHAN};
    return who % 8 < COUNT(parts) ? parts[who % 8] : PLAIN;
}

static Err *wish_of(Ctx *c, int64_t who, int64_t round, Part part) {
    Wish wish = {.part = part};
    wish.name =
        part == DOUBLE ? S("taken") : strf(c->arena, "%lld-%lld", (long long)who, (long long)round);
    return db_transaction_joint(c, wishes_write, &wish);
}

static bool tables_make(Ctx *c) {
    rounds = most = told_up_to = 0;
    return names_make(c) &&
           GOOD(db_exec(c,
                        SQL("CREATE TABLE kids (parent INTEGER REFERENCES names(id) "
                            "DEFERRABLE INITIALLY DEFERRED)"),
                        NO_ARGS, NULL));
}

static Err *plain_or_double(Ctx *c, int64_t who, int64_t round) {
    return wish_of(c, who, round, who % 8 ? PLAIN : DOUBLE);
}

BOTH(of_those_done_as_one_only_the_refused_fail) {
    if (!tables_make(c)) return;
    Crowd crowd = {.each = 10, .one = plain_or_double};
    MUST(db_exec(c, ADD_NAME, ARGS(V(S("taken")), V(1)), NULL));
    crowd_run(c, &crowd, 64);
    CHECK_INT(crowd.good, 560);
    CHECK_INT(crowd.conflicts, 80);
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 561);
    CHECK(db_engine(c) == ENGINE_POSTGRES ? most == 1 : most > 1);
    CHECK(db_engine(c) == ENGINE_POSTGRES || rounds < 640);
}

static Err *all_kinds(Ctx *c, int64_t who, int64_t round) {
    Part part = part_of(who);
    Err *err = wish_of(c, who, round, part);
    bool right = part == PLAIN      ? !err
                 : part == DOUBLE   ? err && err->kind == ERR_CONFLICT
                 : part == HUGE_ONE ? err && err->kind == ERR_BUDGET
                                    : err && err->kind == ERR_INVALID;
    if (!right && err) GOOD(err);
    return right ? NULL : err_new(c, ERR_GONE, __func__, "part %d", part);
}

/* A failing statement, an overflowing arena, a broken deferred constraint: each his own. */
ON_SQLITE(who_fails_does_not_take_along_those_done_with_him) {
    if (!tables_make(c)) return;
    MUST(db_exec(c, ADD_NAME, ARGS(V(S("taken")), V(1)), NULL));
    Crowd crowd = {.each = 6, .one = all_kinds};
    crowd_run(c, &crowd, 64);
    CHECK_INT(crowd.good, 384);
    CHECK(most > 1);
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 1 + 32 * 6);
    CHECK_INT(count_of(c, "SELECT count(*) FROM kids"), 0);
}

static Err *told_the_truth(Ctx *c, int64_t who, int64_t round) {
    Str name = strf(c->arena, "%lld-%lld", (long long)who, (long long)round);
    Err *err = wish_of(c, who, round, PLAIN);
    int64_t n = 0;
    TRY(db_int(c, SQL("SELECT count(*) FROM names WHERE name = $1"), ARGS(V(name)), &n));
    CHECK_INT(n, err == NULL);
    if (err) CHECK(err->kind == ERR_UNAVAILABLE || err->kind == ERR_STORAGE_FULL);
    return NULL;
}

ON_SQLITE(a_failing_sync_fails_none_of_them_falsely) {
    if (!tables_make(c)) return;
    for (int nth = 1; nth <= 12; nth++) {
        disk.fail_with = nth % 2 ? SQLITE_IOERR_FSYNC : SQLITE_FULL;
        disk.fail_at = disk.syncs + nth;
        Crowd crowd = {.each = 4, .one = told_the_truth};
        crowd_run(c, &crowd, 32);
        CHECK_INT(crowd.good, 128);
        MUST(db_exec(c, SQL("DELETE FROM names"), NO_ARGS, NULL));
    }
    disk.fail_at = 0;
    CHECK(most > 1);
}

/* What the first does after the commit takes a while. */
static void tell(Ctx *c, void *arg) {
    int64_t *round = arg;
    for (int i = 0; i < 3; i++) coro_yield(c);
    int up_to = told_up_to;
    while (up_to < *round && !atomic_compare_exchange_weak(&told_up_to, &up_to, (int)*round))
        continue;
    if (*round % 7 == 0) arena_bytes(c->arena, 64 * MIB); /* and may end badly */
}

static Err *written_and_told(Ctx *c, Joint *joints, ptrdiff_t count) {
    TRY(wishes_write(c, joints, count));
    int64_t *round = arena_new_of(c->arena, int64_t);
    *round = ((Wish *)joints[0].arg)->round;
    db_after_commit(c, tell, round);
    return NULL;
}

static MUST_USE bool within_budget(Ctx *c, Wish *wish, Err **err) {
    jmp_buf full, *former = arena_on_full(c->arena, &full);
    ArenaMark mark = arena_mark(c->arena);
    Defer *defers = c->defers;
    bool within = setjmp(full) == 0;
    if (within) *err = db_transaction_joint(c, written_and_told, wish);
    if (!within) {
        ctx_undo(c, defers);
        arena_release(c->arena, mark);
    }
    arena_on_full(c->arena, former);
    return within;
}

static Err *goes_on_when_told(Ctx *c, int64_t who, int64_t round) {
    char name[40];
    snprintf(name, sizeof name, "%lld-%lld", (long long)who, (long long)round);
    Wish wish = {.name = who % 8 ? str_c(name) : S("taken")};
    Err *err = NULL;
    if (!within_budget(c, &wish, &err)) return NULL;
    if (!err) CHECK(told_up_to >= wish.round);
    return err;
}

BOTH(none_goes_on_before_what_comes_after_the_commit_is_done) {
    if (!tables_make(c)) return;
    MUST(db_exec(c, ADD_NAME, ARGS(V(S("taken")), V(1)), NULL));
    Crowd crowd = {.each = 8, .one = goes_on_when_told};
    crowd_run(c, &crowd, 64);
    CHECK_INT(crowd.good, 448);
    CHECK_INT(crowd.conflicts, 64);
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 449);
    CHECK(db_engine(c) == ENGINE_POSTGRES || most > 1);
}

static Err *inner(Ctx *c, void *arg) {
    TRY(db_transaction_joint(c, wishes_write, arg));
    FAIL(c, GONE, "after all");
}

BOTH(inside_another_transaction_it_is_part_of_that) {
    if (!tables_make(c)) return;
    Wish wish = {.name = S("inner")};
    CHECK(FAILS(db_transaction(c, inner, &wish), GONE));
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 0);
    MUST(db_transaction_joint(c, wishes_write, &wish));
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 1);
    CHECK(FAILS(db_transaction_joint(c, wishes_write, &wish), CONFLICT));
    CHECK_INT(most, 1);
}

int main(int argc, char **argv) {
    disk_install();
    static const T rows[] = {
        BOTH_ROWS(of_those_done_as_one_only_the_refused_fail),
        T_ROW(who_fails_does_not_take_along_those_done_with_him_sqlite),
        T_ROW(a_failing_sync_fails_none_of_them_falsely_sqlite),
        BOTH_ROWS(none_goes_on_before_what_comes_after_the_commit_is_done),
        BOTH_ROWS(inside_another_transaction_it_is_part_of_that),
    };
    return t_main(argc, argv, rows, (int)COUNT(rows));
}

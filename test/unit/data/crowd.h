/* SPDX-License-Identifier: Apache-2.0
 * Many coroutines over all loops doing the same at once, and how it went for them; and the table
 * that most of them work on. */
#ifndef SOCLE_TEST_DATA_CROWD_H
#define SOCLE_TEST_DATA_CROWD_H

#include <stdatomic.h>

#include "world.h"

/* A table of unique names. */
static inline bool names_make(Ctx *c) {
    return GOOD(db_exec(c,
                        SQL2("CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT NOT NULL "
                             "UNIQUE, n INTEGER CHECK (n >= 0)) STRICT",
                             "CREATE TABLE names (id BIGSERIAL PRIMARY KEY, name TEXT NOT NULL "
                             "UNIQUE, n BIGINT CHECK (n >= 0))"),
                        NO_ARGS, NULL));
}

static inline int64_t count_of(Ctx *c, const char *sql) {
    int64_t n = -1;
    GOOD(db_int(c, SQL(sql), NO_ARGS, &n));
    return n;
}

#define ADD_NAME SQL("INSERT INTO names (name, n) VALUES ($1, $2)")

typedef struct Crowd {
    _Atomic int left, good, conflicts, others;
    int each;
    Err *(*one)(Ctx *c, int64_t who, int64_t round);
    Coro *waiting;
} Crowd;
typedef struct Member {
    Crowd *crowd;
    int64_t who;
} Member;

static inline void member_main(Ctx *c, void *arg) {
    Member *m = arg;
    Crowd *crowd = m->crowd;
    for (int i = 0; i < crowd->each; i++) {
        ArenaMark mark = arena_mark(c->arena);
        Err *err = crowd->one(c, m->who, i);
        if (!err)
            crowd->good++;
        else if (err->kind == ERR_CONFLICT)
            crowd->conflicts++;
        else if (crowd->others++ == 0)
            GOOD(err);
        arena_release(c->arena, mark);
    }
    if (--crowd->left == 0) coro_wake_posted(crowd->waiting);
}

/* Many coroutines over all loops, each doing `one` `each` times. */
static inline void crowd_run(Ctx *c, Crowd *crowd, int members) {
    Member *all = arena_array(c->arena, Member, members);
    crowd->left = members;
    crowd->waiting = c->coro;
    for (int i = 0; i < members; i++) {
        all[i] = (Member){crowd, i};
        coro_spawn_on(loop_at(i % loop_count()), (CoroOptions){.name = "member", .app = c->app},
                      member_main, &all[i]);
    }
    while (crowd->left > 0) coro_wait_surely(c);
}

/* Of two that are to meet in a deadlock: each has its first row, and from here on so has the
 * other, for which a connection may have to be opened yet. `holders` is 0 before. */
static atomic_int holders;
static inline Err *both_hold(Ctx *c) {
    holders++;
    for (int turns = 0; turns < 10000 && holders < 2; turns++) TRY(sleep_ms(c, 2));
    return NULL;
}

#endif

/* SPDX-License-Identifier: Apache-2.0
 * For tests of what waits: all tests of a program run in one coroutine of the first loop, whose Ctx is
 * `c`. T_LOOP_MAIN(loops, before, after, rows…) instead of T_MAIN; before and after may be NULL. */
#ifndef SOCLE_TEST_T_LOOP_H
#define SOCLE_TEST_T_LOOP_H

#include "core/err.h"
#include "core/time.h"
#include "rt/coro.h"
#include "t.h"

static Ctx *c;

/* The call gives no error; an error of that kind. */
#define GOOD(call) t_good((call), #call, __FILE__, __LINE__)
#define FAILS(call, kind) t_fails((call), ERR_##kind, #call, __FILE__, __LINE__)

static inline bool t_good(Err *err, const char *what, const char *file, int line) {
    if (err) printf("  %.*s\n", S_ARG(err_chain(c->arena, err)));
    return t_check(err == NULL, what, file, line);
}

static inline bool t_fails(Err *err, ErrKind kind, const char *what, const char *file, int line) {
    if (err && err->kind == kind) return true;
    printf("  got  %.*s\n", S_ARG(err ? err_chain(c->arena, err) : S("no error")));
    return t_check(false, what, file, line);
}

static inline void pause_ms(Ctx *own, int64_t ms) {
    if (sleep_ms(own, ms)) return; /* cancelled: the next wait says so too */
}

/* Another coroutine makes it true, in 10 s at the most. */
#define SOON(condition)                                                               \
    do {                                                                              \
        for (int turns_ = 0; turns_ < 2000 && !(condition); turns_++) pause_ms(c, 5); \
        CHECK(condition);                                                             \
    } while (0)

static inline int64_t ms_since(int64_t start_us) { return (mono_us() - start_us) / 1000; }

typedef struct TLoop {
    int argc, count, result;
    char **argv;
    const T *rows;
    void (*before)(void), (*after)(void);
} TLoop;

static inline void t_loop_run(Ctx *own, void *arg) {
    TLoop *t = arg;
    c = own;
    if (t->before) t->before();
    t->result = t_main(t->argc, t->argv, t->rows, t->count);
    if (t->after) t->after();
    rt_stop(0);
}

static inline int t_loop_main(int loops, TLoop t) {
    rt_init(loops);
    coro_spawn((CoroOptions){.name = "tests", .budget_bytes = 1024 * MIB}, t_loop_run, &t);
    rt_run();
    rt_close();
    return t.result;
}

#define T_LOOP_MAIN(loops, before, after, ...)                                                  \
    int main(int argc, char **argv) {                                                           \
        static const T rows[] = {__VA_ARGS__};                                                  \
        return t_loop_main((loops), (TLoop){argc, (int)(sizeof rows / sizeof rows[0]), 1, argv, \
                                            rows, (before), (after)});                          \
    }

#endif

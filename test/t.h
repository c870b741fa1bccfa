/* SPDX-License-Identifier: Apache-2.0
 * The test harness: checks that print got and want, tests whose names are sentences, and a closing line
 * `N passed, N failed`. Usage:
 *
 *   TEST(rejects_a_name_over_120_chars) { CHECK_INT(status, 422); }
 *   int main(int argc, char **argv) { return t_main(argc, argv, (T[]){T_ROW(rejects_a_name…)}, 1); }
 *
 * A word on the command line runs only the tests whose name contains it. */
#ifndef SOCLE_TEST_T_H
#define SOCLE_TEST_T_H

#include <stdio.h>
#include <string.h>

#include "core/str.h"

typedef struct T {
    const char *name;
    void (*run)(void);
} T;

static int t_failures, t_skipped;

#define TEST(name) static void name(void)
#define T_ROW(name) {#name, name}
#define T_MAIN(...)                                                            \
    int main(int argc, char **argv) {                                          \
        static const T rows[] = {__VA_ARGS__};                                 \
        return t_main(argc, argv, rows, (int)(sizeof rows / sizeof rows[0]));  \
    }

#define CHECK(condition) t_check((condition), #condition, __FILE__, __LINE__)
#define CHECK_INT(got, want) t_check_int((int64_t)(got), (int64_t)(want), #got, __FILE__, __LINE__)
#define CHECK_F64(got, want) t_check_f64((got), (want), #got, __FILE__, __LINE__)
#define CHECK_STR(got, want) t_check_str((got), (want), #got, __FILE__, __LINE__)
/* The rest of the test makes no sense without this: leave it. */
#define REQUIRE(condition)                \
    do {                                  \
        if (!CHECK(condition)) return;    \
    } while (0)
#define SKIP(why)                              \
    do {                                       \
        t_skipped++;                           \
        printf("  skipped: %s\n", (why));      \
        return;                                \
    } while (0)

static inline bool t_check(bool good, const char *what, const char *file, int line) {
    if (good) return true;
    t_failures++;
    printf("  %s:%d: failed: %s\n", file, line, what);
    return false;
}

static inline bool t_check_int(int64_t got, int64_t want, const char *what, const char *file, int line) {
    if (got == want) return true;
    t_failures++;
    printf("  %s:%d: %s\n    got  %lld\n    want %lld\n", file, line, what, (long long)got, (long long)want);
    return false;
}

static inline bool t_check_f64(double got, double want, const char *what, const char *file, int line) {
    double difference = got - want, scale = want < 0 ? -want : want;
    if (difference < 0) difference = -difference;
    if (difference <= 1e-9 * (1 + scale)) return true;
    t_failures++;
    printf("  %s:%d: %s\n    got  %.17g\n    want %.17g\n", file, line, what, got, want);
    return false;
}

static inline bool t_check_str(Str got, Str want, const char *what, const char *file, int line) {
    if (str_eq(got, want) && str_is_null(got) == str_is_null(want)) return true;
    t_failures++;
    printf("  %s:%d: %s\n    got  %s%.*s\n    want %s%.*s\n", file, line, what, str_is_null(got) ? "(null)" : "",
           S_ARG(got), str_is_null(want) ? "(null)" : "", S_ARG(want));
    return false;
}

static inline int t_main(int argc, char **argv, const T *rows, int count) {
    int passed = 0, failed = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < count; i++) {
        if (argc > 1 && !strstr(rows[i].name, argv[1])) continue;
        int before = t_failures, skipped_before = t_skipped;
        rows[i].run();
        bool bad = t_failures > before, skipped = t_skipped > skipped_before;
        failed += bad;
        passed += !bad && !skipped;
        if (bad) printf("FAILED %s\n", rows[i].name);
    }
    printf("%d passed, %d failed", passed, failed);
    if (t_skipped) printf(", %d skipped", t_skipped);
    printf("\n");
    return failed || passed + t_skipped == 0;
}

#endif

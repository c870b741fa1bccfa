/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/metrics.h"

#include <math.h>
#include <pthread.h>

#include "core/arena.h"
#include "t.h"

typedef struct Found {
    int64_t age_us, missing;
} Found;

static bool room_away;

static const void *prepare(Ctx *c) {
    if (room_away) return NULL;
    Found *found = arena_new_of(c->arena, Found);
    *found = (Found){1500000, -1};
    return found;
}

static void odd_collect(Ctx *c, const void *prepared, MetricOut *out) {
    (void)c, (void)prepared;
    metric_sample(out, (Str[]){S("a\\b\"c\nd"), S("é")}, NAN);
    metric_sample(out, (Str[]){S("up"), S("")}, INFINITY);
    metric_sample(out, (Str[]){S("down"), S("")}, -INFINITY);
    metric_sample(out, (Str[]){S("small"), S("")}, 1e-7);
}

static void nothing_collect(Ctx *c, const void *prepared, MetricOut *out) {
    (void)c, (void)prepared, (void)out;
}

static MetricCells sent_cells, took_cells, plain_cells, later_cells;
static const char *const results[] = {"good", "bad", NULL};
static const int64_t bounds[] = {500, 1000000, 2500000};
static const Metric families[] = {
    {"t_sent", METRIC_COUNTER, "Sent, by result.", .labels = "result", .values = results,
     .cells = &sent_cells},
    {"t_took_seconds", METRIC_HISTOGRAM, "How long it took.", .cells = &took_cells,
     .bounds = bounds, .bound_count = COUNT(bounds), .per_unit = 1000000},
    {"t_open", METRIC_GAUGE, "Open now.", .cells = &plain_cells},
    {"t_age_seconds", METRIC_GAUGE, "Age.", .figure = FIGURE(Found, age_us), .per_unit = 1000000},
    {"t_missing", METRIC_GAUGE, "Nobody knows.", .figure = FIGURE(Found, missing)},
    {"t_odd", METRIC_GAUGE, "Odd ones.", .labels = "text other", .collect = odd_collect},
    {"t_nothing", METRIC_GAUGE, "Never there.", .collect = nothing_collect},
};
static const MetricTable table = {families, COUNT(families), prepare};
static const Metric later_rows[] = {
    {"t_later", METRIC_COUNTER, "Declared late.", .cells = &later_cells},
};
static const MetricTable later_table = {later_rows, COUNT(later_rows), NULL};

enum { GOOD, BAD };

static Str text_now(Arena *arena, bool openmetrics) {
    Ctx c = {.arena = arena};
    Buf b = buf_new(arena, 1024);
    metrics_text(&c, &b, openmetrics);
    return buf_str(&b);
}

static bool has(Str text, const char *part) {
    bool there = str_find(text, str_c(part)) >= 0;
    if (!there) printf("  not in the text: %s\n%.*s\n", part, S_ARG(text));
    return there;
}

TEST(counts_nothing_before_the_table_is_declared) {
    metric_add(&later_rows[0], 0, 7);
    CHECK_INT(metric_sum(&later_rows[0], 0), 0);
    metrics_declare(&later_table);
    CHECK_INT(metric_sum(&later_rows[0], 0), 0);
    metric_add(&later_rows[0], 0, 2);
    CHECK_INT(metric_sum(&later_rows[0], 0), 2);
}

TEST(writes_prometheus_text_exactly) {
    static const char want[] =
        "# HELP t_later_total Declared late.\n# TYPE t_later_total counter\nt_later_total 2\n"
        "# HELP t_sent_total Sent, by result.\n# TYPE t_sent_total counter\n"
        "t_sent_total{result=\"good\"} 3\nt_sent_total{result=\"bad\"} 0\n"
        "# HELP t_took_seconds How long it took.\n# TYPE t_took_seconds histogram\n"
        "t_took_seconds_bucket{le=\"0.0005\"} 2\nt_took_seconds_bucket{le=\"1.0\"} 3\n"
        "t_took_seconds_bucket{le=\"2.5\"} 3\nt_took_seconds_bucket{le=\"+Inf\"} 4\n"
        "t_took_seconds_sum 4.0009\nt_took_seconds_count 4\n"
        "# HELP t_open Open now.\n# TYPE t_open gauge\nt_open -1\n"
        "# HELP t_age_seconds Age.\n# TYPE t_age_seconds gauge\nt_age_seconds 1.5\n"
        "# HELP t_odd Odd ones.\n# TYPE t_odd gauge\n"
        "t_odd{text=\"a\\\\b\\\"c\\nd\",other=\"é\"} NaN\nt_odd{text=\"up\",other=\"\"} +Inf\n"
        "t_odd{text=\"down\",other=\"\"} -Inf\nt_odd{text=\"small\",other=\"\"} 1e-07\n";
    Arena *arena = arena_new(MIB);
    metrics_declare(&table);
    metrics_declare(&table); /* again is nothing new */
    metric_add(&families[0], GOOD, 3);
    metric_observe(&families[1], 0, 400);
    metric_observe(&families[1], 0, 500); /* a bound is inclusive */
    metric_observe(&families[1], 0, 1000000);
    metric_observe(&families[1], 0, 3000000);
    metric_add(&families[2], 0, 1);
    metric_add(&families[2], 0, -2);
    CHECK_STR(text_now(arena, false), str_c(want));
    arena_free(arena);
}

TEST(writes_openmetrics_heads_without_total_and_an_end) {
    Arena *arena = arena_new(MIB);
    Str text = text_now(arena, true);
    CHECK(has(text, "# HELP t_sent Sent, by result.\n# TYPE t_sent "
                    "counter\nt_sent_total{result=\"good\"} 3\n"));
    CHECK(has(text, "t_took_seconds_bucket{le=\"1.0\"} 3\n"));
    CHECK(str_ends(text, S("\n# EOF\n")));
    CHECK(str_find(text, S("\n\n")) < 0);
    CHECK(str_find(text_now(arena, false), S("# EOF")) < 0);
    arena_free(arena);
}

TEST(leaves_out_what_could_not_be_read_and_keeps_the_rest) {
    Arena *arena = arena_new(MIB);
    room_away = true;
    Str text = text_now(arena, false);
    room_away = false;
    CHECK(str_find(text, S("t_age_seconds")) < 0);
    CHECK(str_find(text, S("t_odd")) < 0);
    CHECK(has(text, "t_sent_total{result=\"good\"} 3\n"));
    arena_free(arena);
}

enum { THREADS = 4, EACH = 100000 };
static void *count_much(void *unused) {
    (void)unused;
    for (int i = 0; i < EACH; i++) metric_add(&families[0], BAD, 1);
    return NULL;
}

TEST(loses_no_count_of_any_thread_while_others_read) {
    pthread_t threads[THREADS];
    int64_t before = metric_sum(&families[0], BAD), last = before;
    for (int i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, count_much, NULL) == 0);
    for (int i = 0; i < 1000; i++) {
        int64_t now = metric_sum(&families[0], BAD);
        CHECK(now >= last);
        last = now;
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    CHECK_INT(metric_sum(&families[0], BAD) - before,
              THREADS * EACH); /* their threads are gone, their counts not */
}

TEST(prints_every_family_as_a_row_of_the_page) {
    Arena *arena = arena_new(MIB);
    Buf b = buf_new(arena, 1024);
    metrics_print(&b);
    CHECK(has(buf_str(&b), "| `t_sent_total` | counter | result | Sent, by result. |\n"));
    CHECK(has(buf_str(&b), "| `t_took_seconds` | histogram |  | How long it took. |\n"));
    CHECK(has(buf_str(&b), "| `t_nothing` | gauge |"));
    arena_free(arena);
}

T_MAIN(T_ROW(counts_nothing_before_the_table_is_declared), T_ROW(writes_prometheus_text_exactly),
       T_ROW(writes_openmetrics_heads_without_total_and_an_end),
       T_ROW(leaves_out_what_could_not_be_read_and_keeps_the_rest),
       T_ROW(loses_no_count_of_any_thread_while_others_read),
       T_ROW(prints_every_family_as_a_row_of_the_page))

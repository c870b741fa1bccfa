/* SPDX-License-Identifier: Apache-2.0
 * Counting: every thread has a shard, which only it writes, with plain loads and stores that the
 * compiler keeps whole (relaxed atomics). A scrape adds the shards up. Shards are never freed: a
 * thread's counts outlive it. Declaring happens before there is a second thread that counts. */
#include "ops/metrics.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "ops/metrics_room.h"

enum { CELLS_MAX = 1024 };

typedef struct Shard {
    struct Shard *next;
    _Atomic int64_t cells[CELLS_MAX];
} Shard;

static _Atomic(Shard *) shards;
static _Thread_local Shard *shard_mine;
static const MetricTable *tables[METRIC_TABLES_MAX];
static ptrdiff_t table_count;
static int32_t cells_used = 1; /* cell 0 is "not declared" */

static Shard *shard_here(void) {
    if (shard_mine) return shard_mine;
    Shard *shard = calloc(1, sizeof *shard);
    if (!shard) abort();
    shard->next = atomic_load(&shards);
    while (!atomic_compare_exchange_weak(&shards, &shard->next, shard)) continue;
    return shard_mine = shard;
}

static void cell_add(Shard *shard, int32_t cell, int64_t n) {
    _Atomic int64_t *at = &shard->cells[cell];
    atomic_store_explicit(at, atomic_load_explicit(at, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

int64_t metric_cell_sum(int32_t cell) {
    int64_t sum = 0;
    for (Shard *shard = atomic_load(&shards); shard; shard = shard->next)
        sum += atomic_load_explicit(&shard->cells[cell], memory_order_relaxed);
    return sum;
}

int32_t metric_values_count(const Metric *m) {
    int32_t n = 0;
    while (m->values && m->values[n]) n++;
    return m->values ? n : 1;
}

int32_t metric_cells_each(const Metric *m) {
    return m->kind == METRIC_HISTOGRAM ? m->bound_count + 2 : 1;
}

/* -- Declaring --------------------------------------------------------------------------------- */

static ptrdiff_t words_count(const char *text) {
    ptrdiff_t n = text && *text ? 1 : 0;
    for (; text && *text; text++) n += *text == ' ';
    return n;
}

static void metric_verify(const Metric *m) {
    assert(m->name && m->doc && !str_ends(str_c(m->name), S("_total")));
    assert(!strpbrk(m->doc, "\"\\\n|"));
    assert(words_count(m->labels) <= METRIC_LABELS_MAX);
    assert(m->bound_count <= METRIC_BOUNDS_MAX);
    assert((m->kind == METRIC_HISTOGRAM) == (m->bound_count > 0));
    for (int32_t i = 1; i < m->bound_count; i++) assert(m->bounds[i - 1] < m->bounds[i]);
    assert((m->cells != NULL) + (m->figure != 0) + (m->collect != NULL) == 1);
    assert(!m->figure || (!m->labels && m->kind != METRIC_HISTOGRAM));
    if (!m->cells) return;
    assert(words_count(m->labels) == (m->values ? 1 : 0));
}

void metrics_declare(const MetricTable *table) {
    for (ptrdiff_t i = 0; i < table_count; i++)
        if (tables[i] == table) return;
    assert(table_count < METRIC_TABLES_MAX);
    for (ptrdiff_t i = 0; i < table->count; i++) {
        const Metric *m = &table->metrics[i];
        metric_verify(m);
        if (!m->cells) continue;
        int32_t need = metric_values_count(m) * metric_cells_each(m);
        assert(cells_used + need <= CELLS_MAX);
        m->cells->first = cells_used;
        cells_used += need;
    }
    tables[table_count++] = table;
}

const MetricTable *metric_table(ptrdiff_t i) { return i < table_count ? tables[i] : NULL; }

/* -- Counting ---------------------------------------------------------------------------------- */

int32_t metric_cell(const Metric *m, ptrdiff_t value) {
    assert(value >= 0 && value < metric_values_count(m));
    return m->cells->first + (int32_t)value * metric_cells_each(m);
}

void metric_add(const Metric *m, ptrdiff_t value, int64_t n) {
    assert(m->kind != METRIC_HISTOGRAM && m->cells);
    if (m->cells->first > 0) cell_add(shard_here(), metric_cell(m, value), n);
}

/* Cells of a histogram: one a bucket, the last above all bounds; then the sum. */
void metric_observe(const Metric *m, ptrdiff_t value, int64_t observed) {
    assert(m->kind == METRIC_HISTOGRAM && m->cells);
    if (m->cells->first == 0) return;
    Shard *shard = shard_here();
    int32_t first = metric_cell(m, value), bucket = 0;
    while (bucket < m->bound_count && observed > m->bounds[bucket]) bucket++;
    cell_add(shard, first + bucket, 1);
    cell_add(shard, first + m->bound_count + 1, observed);
}

int64_t metric_sum(const Metric *m, ptrdiff_t value) {
    assert(m->kind != METRIC_HISTOGRAM && m->cells);
    return m->cells->first > 0 ? metric_cell_sum(metric_cell(m, value)) : 0;
}

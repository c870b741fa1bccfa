/* SPDX-License-Identifier: Apache-2.0
 * What search does, by index. */
#include "app.h"
#include "ops/base_metrics.h"
#include "search/search.h"

typedef struct Index {
    Str name;
    SearchStats stats;
} Index;

typedef struct Indexes {
    Index *items;
    ptrdiff_t count;
} Indexes;

static const void *prepare(Ctx *c) {
    if (!c->app || !c->app->search) return NULL;
    Indexes *all = arena_new_of(c->arena, Indexes);
    while (search_at(c->app, all->count)) all->count++;
    all->items = arena_array(c->arena, Index, all->count);
    for (ptrdiff_t i = 0; i < all->count; i++) {
        SearchIndex *x = search_at(c->app, i);
        all->items[i].name = str_c(search_def(x)->name);
        search_stats(x, c, &all->items[i].stats);
    }
    return all;
}

/* A family with one sample an index: EXPR over its `s`. */
#define BY_INDEX(collect, expr)                                         \
    static void collect(Ctx *c, const void *prepared, MetricOut *out) { \
        const Indexes *all = prepared;                                  \
        (void)c;                                                        \
        for (ptrdiff_t i = 0; i < all->count; i++) {                    \
            const SearchStats *s = &all->items[i].stats;                \
            metric_sample(out, &all->items[i].name, (double)(expr));    \
        }                                                               \
    }

#define SECOND 1e6
BY_INDEX(documents_collect, s->documents)
BY_INDEX(segments_collect, s->segments)
BY_INDEX(memory_collect, s->memory_bytes)
BY_INDEX(disk_collect, s->disk_bytes)
BY_INDEX(covered_collect, s->covered)
BY_INDEX(queries_collect, s->queries)
BY_INDEX(query_errors_collect, s->queries_failed)
BY_INDEX(offloaded_collect, s->queries_offloaded)
BY_INDEX(query_seconds_collect, (double)s->query_us / SECOND)
BY_INDEX(syncs_collect, s->syncs)
BY_INDEX(sync_waits_collect, s->sync_waits)
BY_INDEX(batches_collect, s->batches)
BY_INDEX(apply_seconds_collect, (double)s->apply_us / SECOND)
BY_INDEX(failures_collect, s->failures)
BY_INDEX(away_collect, !str_is_null(s->failure))
BY_INDEX(rebuilds_collect, s->rebuilds)
BY_INDEX(rebuilding_collect, !s->rebuilding || s->rebuild_total <= 0
                                 ? (s->rebuilding ? 0.0 : 1.0)
                                 : (double)s->rebuilt / (double)s->rebuild_total)
BY_INDEX(merges_collect, s->merges)
BY_INDEX(flushes_collect, s->flushes)
BY_INDEX(keep_failures_collect, s->keep_failures)
BY_INDEX(store_vectors_collect, s->store_vectors)
BY_INDEX(store_failures_collect, s->store_failures)
BY_INDEX(store_away_collect, !str_is_null(s->store_failure))

static void changes_collect(Ctx *c, const void *prepared, MetricOut *out) {
    const Indexes *all = prepared;
    (void)c;
    for (ptrdiff_t i = 0; i < all->count; i++) {
        const SearchStats *s = &all->items[i].stats;
        metric_sample(out, (Str[]){all->items[i].name, S("changed")}, (double)s->changed);
        metric_sample(out, (Str[]){all->items[i].name, S("gone")}, (double)s->gone);
    }
}

#define BY .labels = "index"
static const Metric rows[] = {
    {"socle_search_documents", METRIC_GAUGE, "Documents that can be found.", BY,
     .collect = documents_collect},
    {"socle_search_segments", METRIC_GAUGE, "Segments that a query looks into.", BY,
     .collect = segments_collect},
    {"socle_search_memory_bytes", METRIC_GAUGE, "Of segments that are in memory only.", BY,
     .collect = memory_collect},
    {"socle_search_disk_bytes", METRIC_GAUGE, "Of the snapshot's files.", BY,
     .collect = disk_collect},
    {"socle_search_covered", METRIC_GAUGE, "Change number up to which changes are found.", BY,
     .collect = covered_collect},
    {"socle_search_queries", METRIC_COUNTER, "Queries.", BY, .collect = queries_collect},
    {"socle_search_query_errors", METRIC_COUNTER, "Of them those answered with an error.", BY,
     .collect = query_errors_collect},
    {"socle_search_offloaded_queries", METRIC_COUNTER, "Of them those that ran on the pool.", BY,
     .collect = offloaded_collect},
    {"socle_search_query_seconds", METRIC_COUNTER, "Time that queries took, together.", BY,
     .collect = query_seconds_collect},
    {"socle_search_syncs", METRIC_COUNTER, "Searches that wanted everything committed before.", BY,
     .collect = syncs_collect},
    {"socle_search_sync_waits", METRIC_COUNTER, "Of them those that had to wait for it.", BY,
     .collect = sync_waits_collect},
    {"socle_search_changes", METRIC_COUNTER, "Documents read from the database, by what became.",
     .labels = "index change", .collect = changes_collect},
    {"socle_search_batches", METRIC_COUNTER, "Batches in which they were applied.", BY,
     .collect = batches_collect},
    {"socle_search_apply_seconds", METRIC_COUNTER, "Time that applying them took.", BY,
     .collect = apply_seconds_collect},
    {"socle_search_failures", METRIC_COUNTER, "Attempts to follow or to rebuild that failed.", BY,
     .collect = failures_collect},
    {"socle_search_behind", METRIC_GAUGE, "1 while changes cannot be followed.", BY,
     .collect = away_collect},
    {"socle_search_rebuilds", METRIC_COUNTER, "Rebuilds that ended well.", BY,
     .collect = rebuilds_collect},
    {"socle_search_rebuild_ratio", METRIC_GAUGE, "How far a rebuild is; 1 when there is none.", BY,
     .collect = rebuilding_collect},
    {"socle_search_merges", METRIC_COUNTER, "Merges of larger segments.", BY,
     .collect = merges_collect},
    {"socle_search_flushes", METRIC_COUNTER, "Snapshots written.", BY, .collect = flushes_collect},
    {"socle_search_keep_failures", METRIC_COUNTER,
     "Merges and snapshots that failed (no room, say); they are tried again.", BY,
     .collect = keep_failures_collect},
    {"socle_search_store_vectors", METRIC_GAUGE,
     "Vectors in the store outside, as last counted; 0 where there is none.", BY,
     .collect = store_vectors_collect},
    {"socle_search_store_failures", METRIC_COUNTER,
     "Attempts to follow or to rebuild there that failed.", BY, .collect = store_failures_collect},
    {"socle_search_store_behind", METRIC_GAUGE, "1 while it cannot follow changes.", BY,
     .collect = store_away_collect},
};
const MetricTable search_metrics = {rows, COUNT(rows), prepare};

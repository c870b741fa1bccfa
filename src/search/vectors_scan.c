/* SPDX-License-Identifier: Apache-2.0
 * The scan for the nearest vectors (see vectors.h for why it is exact). Documents are taken in chunks by
 * whoever scans: the caller, and, of a large scan, one more thread that had nothing to do. Each has a
 * bar, the least of its best lower bounds, and candidates whose upper bounds reached it; the higher bar
 * holds for both. The caller then reckons the candidates' true similarities.
 *
 * Only the caller looks at the clock and at cancelling; the other one is told by `ended`. What grows
 * meanwhile is on the heap, so that nothing can jump away from it. */
#include "search/vectors.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "rt/offload.h"
#include "search/rank.h"

enum {
    CHUNK = 4096, /* documents: whole words of bitmaps, so that no two threads write to one */
    BATCH = 256
};

typedef struct Candidate {
    double most; /* what its similarity can be */
    uint32_t row, doc;
    int32_t segment;
} Candidate;

typedef struct Scan {
    Rank *rank;
    const NearAsk *ask;
    const VectorSimd *simd;
    uint32_t *chunk_ends; /* of each segment, counted over all */
    uint32_t chunks;
    atomic_uint_least32_t next;
    _Atomic double bar;
    atomic_bool ended;
    pthread_mutex_t lock;
    pthread_cond_t left;
    bool helping; /* lock */
} Scan;

typedef struct Scanner {
    Scan *scan;
    double *lows; /* a heap of the best lower bounds, the least on top */
    uint64_t low_count, low_cap;
    Candidate *items;
    uint64_t count, cap;
    uint32_t docs[BATCH], rows[BATCH];
    int32_t sums[BATCH];
} Scanner;

/* -- The bar --------------------------------------------------------------------------------------- */

static void lows_sink(double *lows, uint64_t count, uint64_t at) {
    double low = lows[at];
    for (;;) {
        uint64_t next = 2 * at + 1;
        if (next >= count) break;
        if (next + 1 < count && lows[next + 1] < lows[next]) next++;
        if (low <= lows[next]) break;
        lows[at] = lows[next];
        at = next;
    }
    lows[at] = low;
}

static void bar_raise(Scan *s, double bar) {
    double now = atomic_load_explicit(&s->bar, memory_order_relaxed);
    while (bar > now && !atomic_compare_exchange_weak_explicit(
                            &s->bar, &now, bar, memory_order_relaxed, memory_order_relaxed))
        continue;
}

static void *grown(void *items, uint64_t *cap, uint64_t need, size_t size) {
    if (need <= *cap) return items;
    *cap = need > 2 * *cap ? need : 2 * *cap;
    if (*cap < 64) *cap = 64;
    items = realloc(items, *cap * size);
    if (!items) abort();
    return items;
}

/* There is a document at least so near. */
static void low_put(Scanner *w, double low) {
    uint64_t want = w->scan->ask->want;
    if (w->low_count == want) {
        if (low <= w->lows[0]) return;
        w->lows[0] = low;
        lows_sink(w->lows, want, 0);
    } else {
        w->lows = grown(w->lows, &w->low_cap, w->low_count + 1, sizeof *w->lows);
        w->lows[w->low_count++] = low;
        if (w->low_count < want) return;
        for (uint64_t i = want / 2; i-- > 0;) lows_sink(w->lows, want, i);
    }
    bar_raise(w->scan, w->lows[0]);
}

/* -- Looking at codes ------------------------------------------------------------------------------ */

/* A document that may reach the threshold, and may be among the best. */
static void row_look(Scanner *w, int segment, uint32_t doc, uint32_t row, double bar) {
    Scan *s = w->scan;
    const NearAsk *ask = s->ask;
    const VectorQuery *q = ask->query;
    const VectorRows *v = segment_vectors(s->rank->view->items[segment].segment);
    double scale = (double)v->fits[row].scale * q->scale;
    int64_t sum = s->simd->fine(q, vector_high_at(v, row), vector_low_at(v, row));
    double guess = scale * ((double)sum - 127.5 * (double)(256 * q->high_sum + q->low_sum));
    double rest = q->fine_norm * (double)v->fits[row].fine + q->fine_rest;
    if (guess + rest < ask->threshold) return;
    bool surely = guess - rest >= ask->threshold;
    if (ask->reach) {
        if (!surely) {
            surely = vector_cosine(q->unit, vector_unit_at(v, row), q->dims) >= ask->threshold;
            if (!surely) return;
        }
        docset_put(&ask->reach[segment], doc);
    }
    if (ask->want == 0 || guess + rest < bar) return;
    if (surely) low_put(w, guess - rest);
    w->items = grown(w->items, &w->cap, w->count + 1, sizeof *w->items);
    w->items[w->count++] = (Candidate){guess + rest, row, doc, segment};
}

static void rows_look(Scanner *w, int segment, const VectorRows *v, int count) {
    Scan *s = w->scan;
    const VectorQuery *q = s->ask->query;
    double scale = 2048 * q->scale, rest = q->coarse_rest; /* 8 for the halves, 256 for the query */
    int32_t middle = (int32_t)(15 * q->high_sum);
    s->simd->coarse(q, v, w->rows, count, w->sums);
    for (int i = 0; i < count; i++) {
        double bar = atomic_load_explicit(&s->bar, memory_order_relaxed);
        VectorFit fit = v->fits[w->rows[i]];
        double most = scale * (double)fit.scale * (double)(2 * w->sums[i] - middle) +
                      q->coarse_norm * (double)fit.coarse + rest;
        if (most >= (s->ask->reach ? s->ask->threshold : bar))
            row_look(w, segment, w->docs[i], w->rows[i], bar);
    }
}

/* Rows of ascending documents; *from: where the last one was found. */
static void rows_find(const VectorRows *v, const uint32_t *docs, uint32_t count, uint32_t *from,
                      uint32_t *rows) {
    if (!v->docs) {
        memcpy(rows, docs, count * sizeof *rows);
        return;
    }
    uint32_t row = *from;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t step = 1;
        while (row + step < v->count && v->docs[row + step] <= docs[i]) {
            row += step;
            step *= 2;
        }
        for (; step; step /= 2)
            if (row + step < v->count && v->docs[row + step] <= docs[i]) row += step;
        assert(v->docs[row] == docs[i]);
        rows[i] = row;
    }
    *from = row;
}

static void chunk_look(Scanner *w, uint32_t chunk) {
    const Scan *s = w->scan;
    int segment = 0;
    while (s->chunk_ends[segment] <= chunk) segment++;
    uint32_t first = (chunk - (segment ? s->chunk_ends[segment - 1] : 0)) * CHUNK, row = 0;
    const VectorRows *v = segment_vectors(s->rank->view->items[segment].segment);
    DocsetWalk walk = docset_walk(s->ask->docs[segment], first);
    for (;;) {
        uint32_t count = docset_next_many(&walk, w->docs, BATCH), within = count;
        while (within && w->docs[within - 1] - first >= CHUNK) within--;
        rows_find(v, w->docs, within, &row, w->rows);
        rows_look(w, segment, v, (int)within);
        if (within < BATCH) return;
    }
}

/* -- Two at it ------------------------------------------------------------------------------------- */

static void scan_go_on(Scanner *w, bool caller) {
    Scan *s = w->scan;
    while (!atomic_load_explicit(&s->ended, memory_order_relaxed)) {
        uint32_t chunk = atomic_fetch_add_explicit(&s->next, 1, memory_order_relaxed);
        if (chunk >= s->chunks) return;
        chunk_look(w, chunk);
        if (caller && rank_look_ended(s->rank)) atomic_store(&s->ended, true);
    }
}

static void scan_help(void *arg) {
    Scanner *w = arg;
    Scan *s = w->scan;
    scan_go_on(w, false);
    pthread_mutex_lock(&s->lock);
    s->helping = false;
    pthread_cond_signal(&s->left);
    pthread_mutex_unlock(&s->lock);
}

static void scan_both(Scan *s, Scanner workers[2], int64_t bytes) {
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->left, NULL);
    s->helping = true; /* before he can have ended */
    if (bytes < NEAR_SPLIT_BYTES || !offload_beside(LANE_SHORT, scan_help, &workers[1]))
        s->helping = false;
    scan_go_on(&workers[0], true);
    pthread_mutex_lock(&s->lock);
    while (s->helping) pthread_cond_wait(&s->left, &s->lock);
    pthread_mutex_unlock(&s->lock);
    pthread_cond_destroy(&s->left);
    pthread_mutex_destroy(&s->lock);
}

/* -- The best of the candidates -------------------------------------------------------------------- */

static int most_first(const void *x, const void *y) {
    double a = ((const Candidate *)x)->most, b = ((const Candidate *)y)->most;
    return (a < b) - (a > b);
}

static int nearer_first(const void *x, const void *y) {
    const NearHit *a = x, *b = y;
    if (a->similarity != b->similarity) return a->similarity > b->similarity ? -1 : 1;
    return (a->key > b->key) - (a->key < b->key);
}

static void hits_sink(NearHit *hits, uint64_t count, uint64_t at) {
    NearHit hit = hits[at];
    for (;;) {
        uint64_t next = 2 * at + 1;
        if (next >= count) break;
        if (next + 1 < count && nearer_first(&hits[next + 1], &hits[next]) > 0) next++;
        if (nearer_first(&hit, &hits[next]) >= 0) break;
        hits[at] = hits[next];
        at = next;
    }
    hits[at] = hit;
}

static NearHit hit_of(const Scan *s, const Candidate *c) {
    const Segment *segment = s->rank->view->items[c->segment].segment;
    const VectorQuery *q = s->ask->query;
    const float *unit = vector_unit_at(segment_vectors(segment), c->row);
    return (NearHit){vector_cosine(q->unit, unit, q->dims), segment_keys(segment)[c->doc],
                     c->segment, c->doc};
}

/* The worst one so far on top of the heap, once it is full. */
static uint64_t candidates_best(Scan *s, Candidate *items, uint64_t count, NearHit *hits) {
    uint64_t want = s->ask->want, n = 0;
    if (count > 1) qsort(items, count, sizeof *items, most_first);
    for (uint64_t i = 0; i < count && !rank_ended(s->rank); i++) {
        if (n == want && items[i].most < hits[0].similarity) break;
        NearHit hit = hit_of(s, &items[i]);
        if (hit.similarity < s->ask->threshold) continue;
        if (n < want) {
            hits[n++] = hit;
            if (n == want)
                for (uint64_t k = n / 2; k-- > 0;) hits_sink(hits, n, k);
        } else if (nearer_first(&hit, &hits[0]) < 0) {
            hits[0] = hit;
            hits_sink(hits, n, 0);
        }
    }
    if (n > 1) qsort(hits, n, sizeof *hits, nearer_first);
    return n;
}

/* Those of both that still reach the bar, as one. */
static uint64_t candidates_join(const Scan *s, Scanner *to, const Scanner *from) {
    double bar = atomic_load(&s->bar);
    uint64_t n = 0;
    to->items = grown(to->items, &to->cap, to->count + from->count, sizeof *to->items);
    for (uint64_t i = 0; i < to->count; i++)
        if (to->items[i].most >= bar) to->items[n++] = to->items[i];
    for (uint64_t i = 0; i < from->count; i++)
        if (from->items[i].most >= bar) to->items[n++] = from->items[i];
    return n;
}

NearHit *near_scan(Rank *r, const NearAsk *ask, uint64_t *count) {
    Arena *a = r->c->arena;
    int segments = r->view->count, simds;
    Scan s = {.rank = r, .ask = ask, .simd = ask->simd ? ask->simd : vector_simds(&simds)[0]};
    s.chunk_ends = arena_array(a, uint32_t, segments + 1);
    int64_t docs = 0;
    for (int i = 0; i < segments; i++) {
        uint32_t universe = ask->docs[i].universe;
        s.chunks += ask->docs[i].count ? universe / CHUNK + (universe % CHUNK != 0) : 0;
        s.chunk_ends[i] = s.chunks;
        docs += ask->docs[i].count;
    }
    atomic_init(&s.next, 0);
    atomic_init(&s.ended, false);
    atomic_init(&s.bar, ask->threshold);
    uint64_t most = ask->want < (uint64_t)docs ? ask->want : (uint64_t)docs;
    Scanner *workers = arena_array(a, Scanner, 2);
    NearHit *hits = arena_array(a, NearHit, (ptrdiff_t)most + 1);
    workers[0].scan = workers[1].scan = &s;
    scan_both(&s, workers, docs * ask->query->width);
    uint64_t left = candidates_join(&s, &workers[0], &workers[1]);
    free(workers[0].lows);
    free(workers[1].lows);
    free(workers[1].items);
    *count = candidates_best(&s, workers[0].items, left, hits);
    free(workers[0].items);
    return hits;
}

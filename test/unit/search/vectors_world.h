/* SPDX-License-Identifier: Apache-2.0
 * For tests of vectors: documents that follow from the number of their change, so that the state after
 * any number of changes can be made again, and what is near reckoned by looking at every one. */
#ifndef SOCLE_TEST_VECTORS_WORLD_H
#define SOCLE_TEST_VECTORS_WORLD_H

#include <dirent.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/rand.h"
#include "core/time.h"
#include "search/engine.h"
#include "search/vectors.h"
#include "t.h"

enum { V_TEXT, V_MEANING, V_GROUP, V_AT, V_OWNER, V_FIELDS };
enum { V_KEYS = 500, V_GROUPS = 5, V_OWNERS = 3 };

static const SearchField v_fields[V_FIELDS] = {
    [V_TEXT] = {"text", SEARCH_TEXT, SEARCH_FOR},
    [V_MEANING] = {"meaning", SEARCH_VECTOR, 0},
    [V_GROUP] = {"group", SEARCH_KEYWORD, SEARCH_FILTER},
    [V_AT] = {"at", SEARCH_TIME, SEARCH_FILTER | SEARCH_SORT},
    [V_OWNER] = {"owner", SEARCH_KEYWORD, SEARCH_FILTER},
};
static inline SearchDef v_def_of(int dims, bool partitioned) {
    return (SearchDef){.name = "meant",
                       .fields = v_fields,
                       .field_count = V_FIELDS,
                       .order_field = V_AT,
                       .partition_field = partitioned ? V_OWNER : -1,
                       .dims = dims,
                       .version = 1};
}

static inline uint64_t v_mixed(int64_t n, uint64_t salt) {
    Rand r = {(uint64_t)n * 0x9e3779b97f4a7c15u + salt};
    return rand_next(&r);
}
static inline int64_t v_key(int64_t n) { return (int64_t)(v_mixed(n, 1) % V_KEYS) - 100; }
static inline bool v_gone(int64_t n) { return v_mixed(n, 2) % 7 == 0; }
static inline bool v_has(int64_t n) { return v_mixed(n, 3) % 5 != 0; }
static inline int v_group(int64_t n) { return (int)(v_mixed(n, 4) % V_GROUPS); }
static inline int v_owner(int64_t n) { return (int)(v_mixed(n, 5) % V_OWNERS); }
static inline int64_t v_at(int64_t n) { return (int64_t)(v_mixed(n, 6) % 997); }

static inline double v_normal(Rand *r) {
    double u = rand_unit(r) + 1e-300;
    return sqrt(-2 * log(u)) * cos(2 * M_PI * rand_unit(r));
}

/* Clouds, lone ones, exact copies, single spikes, the very long and the very short. */
static inline void v_vector(int64_t n, int dims, float *out) {
    Rand r = {v_mixed(n, 7)};
    int64_t kind = rand_below(&r, 10);
    Rand centre = {(uint64_t)rand_below(&r, kind < 2 ? 3 : 8) + 99};
    double spread = kind < 2 ? 0 : kind < 5 ? 0.02 : kind < 7 ? 0.5 : 50;
    double length = kind == 8 ? 1e37 : kind == 9 ? 1e-38 : (double)kind + 0.5;
    double most = 1e-9;
    for (int i = 0; i < dims; i++) {
        double x = v_normal(&centre) + spread * v_normal(&r);
        out[i] = (float)x;
        most = fmax(most, fabs(x));
    }
    for (int i = 0; i < dims; i++) out[i] = (float)((double)out[i] / most * length);
    if (kind == 7) out[rand_below(&r, dims)] = 1e6f;
    if (kind == 9) out[0] = 1e-38f;
}

static inline void v_text(int64_t n, char text[64]) {
    snprintf(text, 64, "word%d even%d sea", (int)(v_mixed(n, 8) % 9), (int)(v_mixed(n, 9) % 4));
}

static inline void v_describe(SearchDocs *d, int dims, int64_t n) {
    float vector[VECTOR_DIMS_MAX];
    char text[64];
    search_doc(d, v_key(n));
    v_text(n, text);
    search_doc_text(d, V_TEXT, str_c(text));
    snprintf(text, sizeof text, "g%d", v_group(n));
    search_doc_text(d, V_GROUP, str_c(text));
    snprintf(text, sizeof text, "o%d", v_owner(n));
    search_doc_text(d, V_OWNER, str_c(text));
    search_doc_int(d, V_AT, v_at(n));
    if (v_has(n)) {
        v_vector(n, dims, vector);
        search_doc_vector(d, vector);
    } else if (v_mixed(n, 10) % 2) { /* what is no direction is left out */
        v_vector(n, dims, vector);
        vector[dims - 1] = v_mixed(n, 11) % 2 ? NAN : -INFINITY;
        search_doc_vector(d, vector);
        memset(vector, 0, sizeof vector);
        search_doc_vector(d, vector);
    }
}

static inline SearchDocs *v_docs(Arena *a, const SearchDef *def, int64_t after, int64_t upto) {
    SearchDocs *d = search_docs_new(a, def);
    for (int64_t n = after + 1; n <= upto; n++)
        if (v_gone(n))
            search_doc_gone(d, v_key(n));
        else
            v_describe(d, def->dims, n);
    return d;
}

/* The change that each key is of; 0: it is gone. */
static inline void v_state(int64_t covered, int64_t of[V_KEYS]) {
    memset(of, 0, V_KEYS * sizeof *of);
    for (int64_t n = 1; n <= covered; n++) of[v_key(n) + 100] = v_gone(n) ? 0 : n;
}

/* -- The slow way ---------------------------------------------------------------------------------- */

/* One component after the other, of floats of unit length. */
static inline double v_cosine(const float *x, const float *y, int dims) {
    float u[VECTOR_DIMS_MAX], v[VECTOR_DIMS_MAX];
    double sum = 0;
    CHECK(vector_unit(x, dims, u) && vector_unit(y, dims, v));
    for (int i = 0; i < dims; i++) sum += (double)u[i] * (double)v[i];
    return fmax(-1, fmin(1, sum));
}

typedef struct VFound {
    int64_t key, n;
    double cosine;
} VFound;

typedef struct VAsk {
    int64_t covered;
    const float *vector;
    int dims, owner, group; /* -1: any */
    int64_t at_below;       /* INT64_MAX: any */
    double threshold;
} VAsk;

static inline bool v_let_through(const VAsk *ask, int64_t n) {
    return n && (ask->owner < 0 || v_owner(n) == ask->owner) &&
           (ask->group < 0 || v_group(n) == ask->group) && v_at(n) < ask->at_below;
}

static inline int v_nearer(const void *x, const void *y) {
    const VFound *a = x, *b = y;
    if (a->cosine != b->cosine) return a->cosine > b->cosine ? -1 : 1;
    return a->key < b->key ? -1 : 1;
}

static inline ptrdiff_t v_all(const VAsk *ask, VFound out[V_KEYS]) {
    int64_t of[V_KEYS];
    float vector[VECTOR_DIMS_MAX];
    ptrdiff_t count = 0;
    v_state(ask->covered, of);
    for (int k = 0; k < V_KEYS; k++) {
        if (!v_let_through(ask, of[k]) || !v_has(of[k])) continue;
        v_vector(of[k], ask->dims, vector);
        double cosine = v_cosine(ask->vector, vector, ask->dims);
        if (ask->threshold > -1 && cosine < ask->threshold) continue;
        out[count++] = (VFound){k - 100, of[k], cosine};
    }
    if (count) qsort(out, (size_t)count, sizeof *out, v_nearer);
    return count;
}

/* The room adds up in another order: what is equal but for that may stand either way round, while
 * copies of one vector are equal in both, and go by key. */
#define V_EQUAL 1e-12

static inline bool v_same(const SearchResult *r, int64_t offset, int64_t limit, const VFound *all,
                          ptrdiff_t count) {
    int64_t want = min_i64(limit, max_i64(0, count - offset));
    if (!CHECK_INT(r->total, count) || !CHECK_INT(r->count, want)) return false;
    for (int64_t i = 0; i < want; i++) {
        const SearchHit *hit = &r->hits[i];
        ptrdiff_t at = 0;
        while (at < count && all[at].key != hit->key) at++;
        if (!CHECK(at < count) || !CHECK(fabs(hit->similarity - all[at].cosine) < V_EQUAL) ||
            !CHECK(fabs(all[at].cosine - all[offset + i].cosine) < V_EQUAL) ||
            !CHECK_INT(hit->vector_rank, offset + i + 1))
            return false;
        bool tied = i > 0 && hit->similarity == r->hits[i - 1].similarity;
        if (tied && !CHECK(hit->key > r->hits[i - 1].key)) return false;
    }
    return true;
}

static inline SearchFilter *v_filter(Arena *a, const VAsk *ask) {
    char text[16];
    SearchFilter *f = NULL;
    snprintf(text, sizeof text, "g%d", ask->group);
    if (ask->group >= 0) f = search_filter_is(a, V_GROUP, str_c(text));
    if (ask->at_below == INT64_MAX) return f;
    return search_filter_and(a, f, search_filter_range(a, V_AT, INT64_MIN, ask->at_below));
}

#endif

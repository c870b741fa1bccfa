/* What bench/vectors runs: made-up vectors go into one index, then are searched exactly, beside a plain
 * scan of all of them in floats by the same thread.
 *
 *   vectors_bench DOCS DIMS KIND QUERIES
 *
 * KIND: clouds (as embeddings of texts lie: many around few subjects) or noise (each in a direction of its
 * own, the worst case for bounds). Figures come as one JSON object a line.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/rand.h"
#include "core/time.h"
#include "rt/internal.h"
#include "search/engine.h"
#include "search/vectors.h"

enum { TEXT, MEANING, OWNER, FIELDS };
enum { BATCH = 1000, SUBJECTS = 400, HITS = 10 };

static const SearchField fields[FIELDS] = {
    [TEXT] = {"text", SEARCH_TEXT, SEARCH_FOR},
    [MEANING] = {"meaning", SEARCH_VECTOR, 0},
    [OWNER] = {"owner", SEARCH_KEYWORD, SEARCH_FILTER},
};
static SearchDef def = {.name = "vectors",
                        .fields = fields,
                        .field_count = FIELDS,
                        .order_field = -1,
                        .partition_field = OWNER,
                        .version = 1};
static bool clouds;
static Ctx ctx;
static Ctx *c = &ctx;

static void good(Err *err) {
    if (!err) return;
    fprintf(stderr, "%.*s\n", S_ARG(err_chain(c->arena, err)));
    exit(1);
}

static int64_t cpu_us(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- vectors */

/* Near enough to normal: the sum of four. */
static float normal(Rand *r) {
    uint64_t x = rand_next(r);
    int sum = 0;
    for (int i = 0; i < 4; i++, x >>= 16) sum += (int)(x & 0xffff) - 0x8000;
    return (float)sum / 37837.0f;
}

static void vector_make(int64_t n, float *out) {
    Rand own = {(uint64_t)n * 0x9e3779b97f4a7c15u};
    Rand common = {7}, subject = {1000 + rand_next(&own) % SUBJECTS};
    for (int i = 0; i < def.dims; i++) {
        float all = normal(&common), of_subject = normal(&subject), x = normal(&own);
        out[i] = clouds ? 0.6f * all + 0.7f * of_subject + x : x;
    }
}

/* ---- building */

static int64_t folder_bytes;
static int folder_add(const char *path, const struct stat *s, int kind, struct FTW *at) {
    (void)path, (void)at;
    if (kind == FTW_F) folder_bytes += (int64_t)s->st_blocks * 512;
    return 0;
}
static int entry_remove(const char *path, const struct stat *s, int kind, struct FTW *at) {
    (void)s, (void)kind, (void)at;
    return remove(path);
}

static SearchEngine *build(const char *folder, int64_t docs) {
    SearchEngine *e;
    Str healed;
    good(engine_open(c, &def, str_c(folder), &e, &healed));
    int64_t took = 0, cpu = 0;
    EngineBuild *b = engine_build_new(e);
    float *x = calloc((size_t)def.dims, sizeof *x);
    for (int64_t n = 0; n < docs; n += BATCH) {
        Arena *a = arena_new(256 * MIB);
        SearchDocs *d = search_docs_new(a, &def);
        for (int64_t key = n; key < docs && key < n + BATCH; key++) {
            search_doc(d, key);
            search_doc_text(d, OWNER, S("one"));
            vector_make(key, x);
            search_doc_vector(d, x);
        }
        int64_t from = mono_us(), from_cpu = cpu_us(CLOCK_PROCESS_CPUTIME_ID);
        good(engine_build_add(c, b, d));
        took += mono_us() - from;
        cpu += cpu_us(CLOCK_PROCESS_CPUTIME_ID) - from_cpu;
        arena_free(a);
    }
    free(x);
    int64_t from = mono_us(), from_cpu = cpu_us(CLOCK_PROCESS_CPUTIME_ID);
    good(engine_build_finish(c, b, docs));
    good(engine_flush(c, e));
    took += mono_us() - from;
    cpu += cpu_us(CLOCK_PROCESS_CPUTIME_ID) - from_cpu;
    engine_build_free(b);
    nftw(folder, folder_add, 16, FTW_PHYS);
    printf("{\"what\": \"build\", \"rate\": %.0f, \"cpu_us\": %.2f, \"bytes\": %.0f}\n",
           (double)docs * 1e6 / (double)took, (double)cpu / (double)docs,
           (double)folder_bytes / (double)docs);
    return e;
}

/* ---- asking */

static int by_number(const void *x, const void *y) {
    const int64_t *a = x, *b = y;
    return (*a > *b) - (*a < *b);
}

static void print_times(const char *what, int64_t *wall, int64_t *cpu, int count) {
    int64_t sum = 0;
    for (int i = 0; i < count; i++) sum += cpu[i];
    qsort(wall, (size_t)count, sizeof *wall, by_number);
    qsort(cpu, (size_t)count, sizeof *cpu, by_number);
    printf("{\"what\": \"%s\", \"p50_us\": %lld, \"p99_us\": %lld, \"cpu_mean_us\": %.0f, "
           "\"cpu_p99_us\": %lld}\n",
           what, (long long)wall[count / 2], (long long)wall[count * 99 / 100], (double)sum / count,
           (long long)cpu[count * 99 / 100]);
}

typedef struct Hit {
    float similarity;
    int64_t key;
} Hit;

/* What one would write first: all floats, by eights, the best kept by insertion. */
__attribute__((target_clones("avx512f", "avx2", "default"),
               optimize("O3", "fast-math"))) static float
dot(const float *x, const float *y, int dims) {
    float sum = 0;
    for (int i = 0; i < dims; i++) sum += x[i] * y[i];
    return sum;
}

static void scan_plain(const View *v, const float *unit, Hit best[HITS]) {
    int count = 0;
    for (int s = 0; s < v->count; s++) {
        const VectorRows *rows = segment_vectors(v->items[s].segment);
        for (uint32_t row = 0; row < rows->count; row++) {
            float near = dot(unit, vector_unit_at(rows, row), def.dims);
            if (count == HITS && near <= best[HITS - 1].similarity) continue;
            int at = count < HITS ? count++ : HITS - 1;
            for (; at > 0 && best[at - 1].similarity < near; at--) best[at] = best[at - 1];
            best[at] = (Hit){near, segment_keys(v->items[s].segment)[row]};
        }
    }
}

static int shared(const SearchResult *r, const Hit best[HITS]) {
    int count = 0;
    for (ptrdiff_t i = 0; i < r->count; i++)
        for (int k = 0; k < HITS; k++) count += r->hits[i].key == best[k].key;
    return count;
}

static void ask(SearchEngine *e, const char *what, int64_t queries, bool plain) {
    int64_t *wall = calloc((size_t)queries * 4, sizeof *wall), *cpu = wall + queries;
    int64_t *plain_wall = cpu + queries, *plain_cpu = plain_wall + queries, found = 0;
    float *x = calloc((size_t)vector_floats(def.dims), sizeof *x);
    float *unit = calloc((size_t)vector_floats(def.dims), sizeof *unit);
    View *v = engine_view(e);
    for (int64_t i = 0; i < queries; i++) {
        ArenaMark mark = arena_mark(c->arena);
        vector_make(-1 - i, x);
        SearchNear near = {.vector = x, .threshold = -1};
        SearchRequest q = SEARCH_REQUEST;
        SearchResult result;
        q.near = &near;
        q.partition = S("one");
        q.limit = HITS;
        int64_t from = mono_us(), from_cpu = cpu_us(CLOCK_PROCESS_CPUTIME_ID);
        good(engine_search(c, &def, v, &q, &result));
        wall[i] = mono_us() - from;
        cpu[i] = cpu_us(CLOCK_PROCESS_CPUTIME_ID) - from_cpu;
        if (plain) {
            Hit best[HITS];
            vector_unit(x, def.dims, unit);
            from = mono_us(), from_cpu = cpu_us(CLOCK_PROCESS_CPUTIME_ID);
            scan_plain(v, unit, best);
            plain_wall[i] = mono_us() - from;
            plain_cpu[i] = cpu_us(CLOCK_PROCESS_CPUTIME_ID) - from_cpu;
            found += shared(&result, best);
        }
        arena_release(c->arena, mark);
    }
    view_release(v);
    print_times(what, wall, cpu, (int)queries);
    if (plain) print_times("plain", plain_wall, plain_cpu, (int)queries);
    if (plain)
        printf("{\"what\": \"recall\", \"share\": %.4f}\n",
               (double)found / (double)(queries * HITS));
    free(wall);
    free(x);
    free(unit);
}

int main(int argc, char **argv) {
    int64_t docs, dims, queries;
    char folder[] = ".vectors-XXXXXX";
    if (argc != 5 || !str_to_i64(str_c(argv[1]), &docs) || !str_to_i64(str_c(argv[2]), &dims) ||
        !str_to_i64(str_c(argv[4]), &queries) || dims < 1 || dims > VECTOR_DIMS_MAX || docs < 1 ||
        queries < 1) {
        fprintf(stderr, "usage: vectors_bench DOCS DIMS clouds|noise QUERIES\n");
        return 2;
    }
    clouds = !strcmp(argv[3], "clouds");
    def.dims = (int)dims;
    ctx.arena = arena_new(1024 * MIB);
    if (!mkdtemp(folder)) return 1;
    SearchEngine *e = build(folder, docs);
    ask(e, "alone", queries, true);
    offload_start();
    usleep(10000); /* until its threads are idle */
    ask(e, "helped", queries, false);
    offload_stop();
    engine_close(e);
    nftw(folder, entry_remove, 16, FTW_PHYS | FTW_DEPTH);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 * Requests with `near` where a store outside has the vectors: it is asked for the nearest, and our
 * engine does the rest with its order (engine.h, VectorAnswer). Where the store does not know all of a
 * filter, or words are excluded, too few may be let through: then it is asked for more.
 *
 * Without the store, words go on being found: the result is degraded. Where only meanings were asked
 * for, nothing can be answered. */
#include <math.h>

#include "core/log.h"
#include "core/time.h"
#include "search/rank.h"
#include "search/store.h"
#include "search/vectors.h"

enum { DEPTH = 100, AWAY_MS = 1000, AWAY_RETRY_S = 2 };

typedef struct Asking {
    Ctx *c;
    SearchIndex *x;
    const SearchRequest *request;
    StoreAsk ask;
    bool excludes; /* words may exclude what the store lets through */
} Asking;

static bool store_ready(SearchIndex *vectors) {
    return atomic_load(&vectors->begun) && atomic_load(&vectors->covered) != NOTHING_COVERED &&
           mono_us() >= atomic_load(&((Store *)vectors->backing)->away_until_us);
}

/* Is who asked still there? Then it is the store that is not. */
static bool is_over(Ctx *c, const Err *err) {
    return err->kind == ERR_CANCELLED || (c->deadline_us && mono_us() >= c->deadline_us);
}

static Err *nearest(const Asking *a, StoreAnswer *out) {
    Ctx *c = a->c;
    SearchIndex *vectors = a->x->vectors;
    int64_t former = ctx_deadline_within(c, STORE_ASK_MS);
    Err *err = store_nearest(c, vectors, &a->ask, out);
    c->deadline_us = former;
    if (!err || is_over(c, err)) return err;
    Store *s = vectors->backing;
    if (mono_us() > atomic_load(&s->away_until_us) + AWAY_MS * US_PER_MS)
        log_msg(c, LOG_WARN, "the vectors of %s cannot be asked: %.*s", s->index,
                S_ARG(err_chain(c->arena, err)));
    atomic_store(&s->away_until_us, mono_us() + AWAY_MS * US_PER_MS);
    return err;
}

static Err *engine_run(const Asking *a, const StoreAnswer *answer, VectorTold *told,
                       SearchResult *out) {
    bool all = answer->all;
    VectorAnswer given = {.keys = answer->keys,
                          .similarities = answer->similarities,
                          .count = answer->count,
                          .total = all || a->request->distinct_field >= 0 ? -1 : answer->total,
                          .told = told};
    TRY(search_engine_run_given(a->c, a->x, a->request, &given, out));
    bool counted = given.total >= 0 && !answer->loose && !a->excludes;
    if (told->alone && !all && !counted) out->total_estimated = true;
    return NULL;
}

/* -- Without it ------------------------------------------------------------------------------------ */

static Err *words_alone(const Asking *a, SearchResult *out) {
    Ctx *c = a->c;
    VectorTold told = {0};
    TRY(engine_run(a, &(StoreAnswer){.all = true}, &told, out));
    out->degraded = true;
    if (!told.alone) return NULL;
    Err *err = err_new(c, ERR_UNAVAILABLE, __func__,
                       "The store of vectors cannot be asked now; words go on being found");
    err->retry_after_s = AWAY_RETRY_S;
    return err;
}

/* -- With it --------------------------------------------------------------------------------------- */

/* The cosines of those hits that only their words brought. */
static void similarities_fill(Asking *a, SearchResult *out) {
    int64_t *keys = arena_array(a->c->arena, int64_t, out->count + 1);
    ptrdiff_t count = 0;
    StoreAnswer answer;
    for (ptrdiff_t i = 0; i < out->count; i++)
        if (isnan(out->hits[i].similarity)) keys[count++] = out->hits[i].key;
    if (count == 0) return;
    a->ask = (StoreAsk){.unit = a->ask.unit,
                        .partition = a->ask.partition,
                        .threshold = -INFINITY,
                        .want = count,
                        .only = keys,
                        .only_count = count};
    Err *err = nearest(a, &answer);
    out->degraded |= err != NULL;
    for (ptrdiff_t i = 0; !err && i < out->count; i++)
        for (ptrdiff_t k = 0; k < answer.count; k++)
            if (answer.keys[k] == out->hits[i].key)
                out->hits[i].similarity = answer.similarities[k];
}

static Err *ask_both(Asking *a, SearchResult *out) {
    Ctx *c = a->c;
    for (;;) {
        StoreAnswer answer;
        VectorTold told = {0};
        CtxMark mark = ctx_mark(c);
        Err *err = nearest(a, &answer);
        if (err && is_over(c, err)) return err;
        if (err) return words_alone(a, out);
        TRY(engine_run(a, &answer, &told, out));
        if (!told.lacking || answer.all || a->ask.want >= STORE_DEEP) break;
        ctx_release(c, mark);
        a->ask.want = min_i64(4 * a->ask.want, STORE_DEEP);
    }
    similarities_fill(a, out);
    out->degraded |= index_is_failing(a->x->vectors);
    return NULL;
}

static Err *asking_make(Asking *a, float *unit) {
    Ctx *c = a->c;
    const SearchRequest *q = a->request;
    const SearchDef *def = a->x->def;
    TRY(near_check(c, def, q->near));
    if ((def->partition_field >= 0) != (q->partition.len > 0))
        FAIL(c, INVALID, "A search of `%s` names its partition exactly where it has one",
             def->name);
    bool good = vector_unit(q->near->vector, def->dims, unit);
    assert(good); /* near_check has looked */
    double threshold = q->near->threshold <= -1 ? -INFINITY : q->near->threshold;
    bool words = q->q.len > 0;
    if (!words && q->score_threshold > 0) threshold = fmax(threshold, 2 * q->score_threshold - 1);
    int64_t depth = q->near->depth ? q->near->depth : DEPTH;
    int64_t page =
        min_i64(max_i64(q->offset, 0), STORE_DEEP) + min_i64(max_i64(q->limit, 0), STORE_DEEP);
    bool broad = q->facet_count > 0 || q->distinct_field >= 0;
    a->excludes = words;
    a->ask = (StoreAsk){
        .unit = unit,
        .partition = q->partition,
        .filter = q->filter,
        .threshold = threshold,
        .want = min_i64(broad && !words ? STORE_DEEP : max_i64(depth, page + 1), STORE_DEEP),
        .total = !words};
    return (void)good, NULL;
}

Err *store_run(Ctx *c, SearchIndex *x, const SearchRequest *request, SearchResult *out) {
    Asking a = {.c = c, .x = x, .request = request};
    float *unit = arena_array(c->arena, float, vector_floats(x->def->dims));
    TRY(asking_make(&a, unit));
    return store_ready(x->vectors) ? ask_both(&a, out) : words_alone(&a, out);
}

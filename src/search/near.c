/* SPDX-License-Identifier: Apache-2.0
 * Requests with `near`: the order of vectors alone where no word is asked for, else blended with the
 * order of words by reciprocal rank fusion. From here on a matcher's universe is what total and facets
 * count: those that reach the threshold, or those in either order. */
#include <math.h>
#include <stdlib.h>

#include "search/rank.h"
#include "search/vectors.h"

enum { DEPTH_USUAL = 100, DEPTH_MOST = 1000, FUSION = 60 };

#define FAIL_NEAR(c, ...)                                                 \
    do {                                                                  \
        Err *err_near = err_new((c), ERR_INVALID, __func__, __VA_ARGS__); \
        err_near->code = S("invalid_search_vector");                      \
        return err_near;                                                  \
    } while (0)

Err *near_check(Ctx *c, const SearchDef *def, const SearchNear *near) {
    bool any = false;
    if (vector_field(def) < 0) FAIL_NEAR(c, "The documents of this index have no vectors");
    if (!near->vector) FAIL_NEAR(c, "The vector is missing");
    for (int i = 0; i < def->dims; i++) {
        if (!isfinite(near->vector[i]))
            FAIL_NEAR(c, "Component %d of the vector is not a finite number", i);
        any |= near->vector[i] != 0;
    }
    if (!any) FAIL_NEAR(c, "The vector is zero: it has no direction");
    if (isnan(near->threshold)) FAIL_NEAR(c, "The threshold is not a number");
    if (near->depth < 0 || near->depth > DEPTH_MOST)
        FAIL_NEAR(c, "The depth is 1 to %d", DEPTH_MOST);
    return NULL;
}

/* -- The order of vectors -------------------------------------------------------------------------- */

typedef struct Near {
    Rank *rank;
    const SearchNear *asked;
    const VectorQuery *query;
    const VectorAnswer *given;
    Docset *docs; /* of each segment: those that have a vector, of which the best are wanted */
    int64_t count;
    double threshold; /* -INFINITY: any */
} Near;

static Near near_open(Rank *r, const VectorAnswer *given, bool alone) {
    Arena *a = r->c->arena;
    Near n = {.rank = r, .asked = r->request->near, .given = given};
    n.query = vector_query(a, n.asked->vector, r->def->dims);
    assert(n.query); /* near_check has looked */
    n.threshold = n.asked->threshold <= -1 ? -INFINITY : n.asked->threshold;
    n.docs = arena_array(a, Docset, r->view->count);
    for (int i = 0; i < r->view->count; i++) {
        const Matcher *m = &r->matchers[i];
        Docset asked = alone ? m->universe : m->base;
        n.docs[i] = given
                        ? asked
                        : docset_and(a, asked, segment_having(m->segment, a, vector_field(r->def)));
        n.count += n.docs[i].count;
    }
    return n;
}

/* Somebody else's order: his documents where the view has them, and they were asked for. */
static NearHit *given_place(Near *n, uint64_t want, uint64_t *count) {
    const VectorAnswer *g = n->given;
    NearHit *hits = arena_array(n->rank->c->arena, NearHit, g->count);
    *count = 0;
    for (ptrdiff_t i = 0; i < g->count && *count < want; i++) {
        if (!(g->similarities[i] >= n->threshold)) continue;
        for (int s = 0; s < n->rank->view->count; s++) {
            uint32_t doc = segment_find(n->rank->view->items[s].segment, g->keys[i]);
            if (doc == UINT32_MAX || !docset_has(n->docs[s], doc)) continue;
            hits[(*count)++] = (NearHit){g->similarities[i], g->keys[i], s, doc};
            break;
        }
    }
    return hits;
}

static void given_told(const Near *n, bool alone, bool lacking) {
    if (n->given && n->given->told) *n->given->told = (VectorTold){alone, lacking};
}

/* The nearest `want`. reach: see NearAsk. */
static NearHit *near_order(Near *n, uint64_t want, DocsetMaker *reach, uint64_t *count) {
    *count = 0;
    if (n->given) return given_place(n, want, count);
    if (want > (uint64_t)n->count) want = (uint64_t)n->count;
    if (want == 0 && !reach) return NULL;
    NearAsk ask = {.query = n->query,
                   .docs = n->docs,
                   .want = want,
                   .threshold = n->threshold,
                   .reach = reach};
    return near_scan(n->rank, &ask, count);
}

static double similarity_of(const Near *n, int segment, uint32_t doc) {
    const VectorRows *v = segment_vectors(n->rank->matchers[segment].segment);
    uint32_t row = n->given || v->count == 0 ? UINT32_MAX : vector_row(v, doc);
    if (row == UINT32_MAX) return NAN;
    return vector_cosine(n->query->unit, vector_unit_at(v, row), n->query->dims);
}

/* -- The page -------------------------------------------------------------------------------------- */

static uint64_t page_end(const SearchRequest *q) {
    return (uint64_t)q->offset + (uint64_t)q->limit;
}

/* Of all hits in order those asked for. */
static void page_cut(const SearchRequest *q, SearchHit *hits, uint64_t count, SearchResult *out) {
    uint64_t offset = (uint64_t)q->offset, end = page_end(q);
    if (end > count) end = count;
    out->hits = end > offset ? hits + offset : NULL;
    out->count = end > offset ? (ptrdiff_t)(end - offset) : 0;
}

static int64_t universes_count(const Rank *r) {
    int64_t sum = 0;
    for (int i = 0; i < r->view->count; i++) sum += r->matchers[i].universe.count;
    return sum;
}

static DocsetMaker *makers_new(const Rank *r) {
    DocsetMaker *makers = arena_array(r->c->arena, DocsetMaker, r->view->count);
    for (int i = 0; i < r->view->count; i++)
        makers[i] = docset_maker(r->c->arena, r->matchers[i].base.universe);
    return makers;
}

static void universes_set(Rank *r, DocsetMaker *makers) {
    for (int i = 0; i < r->view->count; i++)
        r->matchers[i].universe = docset_made(r->c->arena, &makers[i]);
}

/* -- Alone ----------------------------------------------------------------------------------------- */

static uint64_t alone_hits(Rank *r, const NearHit *items, uint64_t count, SearchHit *hits) {
    Map seen = {.arena = r->c->arena};
    uint64_t n = 0;
    for (uint64_t i = 0; i < count; i++) {
        const NearHit *item = &items[i];
        if (r->request->distinct_field >= 0 && !distinct_new(r, &seen, item->segment, item->doc))
            continue;
        hits[n++] = (SearchHit){.key = item->key,
                                .score = (1 + item->similarity) / 2,
                                .similarity = item->similarity,
                                .vector_rank = (int)i + 1};
    }
    return n;
}

static void alone_universe(Near *n, const NearHit *items, uint64_t count, DocsetMaker *reach) {
    Rank *r = n->rank;
    if (n->given && !reach) reach = makers_new(r);
    for (uint64_t i = 0; n->given && i < count; i++)
        docset_put(&reach[items[i].segment], items[i].doc);
    if (reach)
        universes_set(r, reach);
    else
        for (int i = 0; i < r->view->count; i++) r->matchers[i].universe = n->docs[i];
}

/* Hits that are not distinct make room for others behind them: then more are looked for. */
static void answer_alone(Near *n, SearchResult *out) {
    Rank *r = n->rank;
    const SearchRequest *q = r->request;
    if (q->score_threshold > 0) n->threshold = fmax(n->threshold, 2 * q->score_threshold - 1);
    uint64_t all = (uint64_t)n->count, want = page_end(q) < all ? page_end(q) : all, count, found;
    if (n->given) want = all; /* for total and facets */
    DocsetMaker *reach = isfinite(n->threshold) ? makers_new(r) : NULL;
    NearHit *items = near_order(n, want, reach, &count);
    alone_universe(n, items, count, reach);
    SearchHit *hits;
    for (;;) {
        hits = arena_array(r->c->arena, SearchHit, (ptrdiff_t)count);
        found = alone_hits(r, items, count, hits);
        if (found >= page_end(q) || count < want || want == all || r->ended) break;
        want = want > all / 4 ? all : 4 * want;
        items = near_order(n, want, NULL, &count);
    }
    page_cut(q, hits, found, out);
    given_told(n, true, found < page_end(q) && found < all);
    out->total = q->distinct_field >= 0 ? distinct_total(r) : universes_count(r);
    if (n->given && n->given->total >= 0) out->total = n->given->total;
}

/* -- Blended --------------------------------------------------------------------------------------- */

typedef struct Blend {
    const Ranked *ranked; /* in the order of words, or NULL */
    NearHit near;
    int keyword_rank, vector_rank;
    double score;
} Blend;

static int by_document(const void *x, const void *y) {
    const Blend *a = x, *b = y;
    if (a->near.segment != b->near.segment) return a->near.segment < b->near.segment ? -1 : 1;
    return (a->near.doc > b->near.doc) - (a->near.doc < b->near.doc);
}

static int by_score(const void *x, const void *y) {
    const Blend *a = x, *b = y;
    if (a->score != b->score) return a->score > b->score ? -1 : 1;
    return (a->near.key > b->near.key) - (a->near.key < b->near.key);
}

/* Both orders, one behind the other. */
static Blend *blends_of(Near *n, uint64_t *count) {
    Rank *r = n->rank;
    uint64_t depth = n->asked->depth ? (uint64_t)n->asked->depth : DEPTH_USUAL;
    uint64_t all = (uint64_t)universes_count(r), words = 0, vectors = 0;
    Ranked *ranked = all ? rank_run(r, 0, all < depth ? all : depth, &words) : NULL;
    NearHit *near = near_order(n, depth, NULL, &vectors);
    given_told(n, false, vectors < depth && vectors < (uint64_t)n->count);
    Blend *blends = arena_array(r->c->arena, Blend, (ptrdiff_t)(words + vectors));
    for (uint64_t i = 0; i < words; i++) {
        const Ranked *item = &ranked[i];
        int64_t key = segment_keys(r->matchers[item->segment].segment)[item->doc];
        double cosine = similarity_of(n, item->segment, item->doc);
        blends[i] = (Blend){.ranked = item,
                            .near = {cosine, key, item->segment, item->doc},
                            .keyword_rank = (int)i + 1};
    }
    for (uint64_t i = 0; i < vectors; i++)
        blends[words + i] = (Blend){.near = near[i], .vector_rank = (int)i + 1};
    *count = words + vectors;
    return blends;
}

static double fusion_of(int rank) { return rank > 0 ? 1.0 / (FUSION + rank) : 0; }

/* A document in both becomes one. */
static uint64_t blends_join(Blend *b, uint64_t count) {
    uint64_t n = 0;
    if (count > 1) qsort(b, count, sizeof *b, by_document);
    for (uint64_t i = 0; i < count; i++) {
        if (n == 0 || by_document(&b[n - 1], &b[i]) != 0) {
            b[n++] = b[i];
            continue;
        }
        Blend *into = &b[n - 1];
        if (b[i].ranked) into->ranked = b[i].ranked;
        if (b[i].vector_rank) into->near.similarity = b[i].near.similarity;
        into->keyword_rank += b[i].keyword_rank;
        into->vector_rank += b[i].vector_rank;
    }
    for (uint64_t i = 0; i < n; i++)
        b[i].score = fusion_of(b[i].keyword_rank) + fusion_of(b[i].vector_rank);
    if (n > 1) qsort(b, n, sizeof *b, by_score);
    return n;
}

static SearchHit blend_hit(Rank *r, const Blend *b) {
    SearchHit hit = {.key = b->near.key};
    if (b->ranked) hit = ranked_hit(r, b->ranked);
    hit.score = b->score;
    hit.similarity = b->near.similarity;
    hit.keyword_rank = b->keyword_rank;
    hit.vector_rank = b->vector_rank;
    return hit;
}

static void answer_blended(Near *n, SearchResult *out) {
    Rank *r = n->rank;
    const SearchRequest *q = r->request;
    uint64_t count, found = 0;
    Blend *blends = blends_of(n, &count);
    if (r->ended) return;
    count = blends_join(blends, count);
    SearchHit *hits = arena_array(r->c->arena, SearchHit, (ptrdiff_t)count);
    DocsetMaker *either = makers_new(r);
    Map seen = {.arena = r->c->arena};
    for (uint64_t i = 0; i < count; i++) {
        const NearHit *at = &blends[i].near;
        if (q->score_threshold > 0 && blends[i].score < q->score_threshold) continue;
        docset_put(&either[at->segment], at->doc);
        if (q->distinct_field >= 0 && !distinct_new(r, &seen, at->segment, at->doc)) continue;
        hits[found++] = blend_hit(r, &blends[i]);
    }
    universes_set(r, either);
    page_cut(q, hits, found, out);
    out->total = (int64_t)found;
}

Err *near_answer(Rank *r, const VectorAnswer *given, SearchResult *out) {
    Ctx *c = r->c;
    bool alone = r->whole.count == 0;
    if (alone && r->request->sort_count > 0) {
        Err *err = err_new(c, ERR_INVALID, __func__, "What is near comes in order of nearness");
        err->code = S("invalid_search_sort");
        return err;
    }
    Near n = near_open(r, given, alone);
    if (alone)
        answer_alone(&n, out);
    else
        answer_blended(&n, out);
    return NULL;
}

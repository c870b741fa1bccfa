/* SPDX-License-Identifier: Apache-2.0
 * The answer to a request: buckets of documents, best first, of which only those that the page
 * needs are ranked within. See rank.h for the order that results.
 *
 * Buckets come from sets alone: the levels (words), then the number of typing errors. Within one,
 * what still differs is read from forward texts, in document order, into a heap of as many as the
 * page reaches; it ends early where nothing behind can be better. */
#include "search/rank.h"

#include <stdlib.h>

enum { BUCKET_SMALL = 512, TYPO_BUCKETS = 4 };

/* -- Best ---------------------------------------------------------------------------------------- */

static void best_sink(Best *b, uint64_t at) {
    Ranked item = b->items[at];
    for (;;) {
        uint64_t next = 2 * at + 1;
        if (next >= b->count) break;
        if (next + 1 < b->count && ranked_cmp(b->rank, &b->items[next], &b->items[next + 1]) < 0)
            next++;
        if (ranked_cmp(b->rank, &item, &b->items[next]) >= 0) break;
        b->items[at] = b->items[next];
        at = next;
    }
    b->items[at] = item;
}

bool best_put(Best *b, Ranked item) {
    if (b->count < b->most) {
        b->items[b->count++] = item;
        if (b->count == b->most)
            for (uint64_t i = b->count / 2; i-- > 0;) best_sink(b, i);
        return true;
    }
    if (ranked_cmp(b->rank, &item, &b->items[0]) >= 0) return false;
    b->items[0] = item;
    best_sink(b, 0);
    return true;
}

static int by_rank(const void *x, const void *y, void *rank) { return ranked_cmp(rank, x, y); }

/* -- Pages --------------------------------------------------------------------------------------- */

typedef struct Page {
    Rank *rank;
    uint64_t skip, want;
    Ranked *items;
    uint64_t count;
} Page;

/* The documents from `skip` on of one set in document order. */
static void page_in_order(Page *p, const Bucket *b) {
    uint32_t low = 0, high = b->docs.universe; /* the greatest `from` with <= skip before it */
    while (low < high) {
        uint32_t middle = high - (high - low) / 2;
        if (docset_range_count(b->docs, 0, middle) <= p->skip)
            low = middle;
        else
            high = middle - 1;
    }
    p->skip = 0;
    for (DocsetWalk w = docset_walk(b->docs, low); p->want > 0 && docset_next(&w); p->want--)
        p->items[p->count++] = (Ranked){
            .key = key_known(p->rank, b), .doc = w.doc, .segment = b->segment, .level = b->level};
}

/* The next buckets, which are ranked among each other. */
static void page_add(Page *p, const Bucket *buckets, int count) {
    Rank *r = p->rank;
    uint64_t docs = 0;
    const Bucket *only = NULL;
    int filled = 0;
    for (int i = 0; i < count; i++) {
        docs += buckets[i].docs.count;
        if (buckets[i].docs.count == 0) continue;
        only = &buckets[i];
        filled++;
    }
    if (p->want == 0 || docs <= p->skip) {
        p->skip -= p->want ? docs : 0;
        return;
    }
    if (filled == 1 && !r->plan.sorted && r->whole.count == 0) {
        page_in_order(p, only);
        return;
    }
    Best best = {.rank = r, .most = p->want < docs - p->skip ? p->skip + p->want : docs};
    best.items = arena_bytes(r->c->arena, (ptrdiff_t)(best.most * sizeof *best.items));
    for (int i = 0; i < count; i++)
        if (buckets[i].docs.count > 0) bucket_refine(&best, &buckets[i]);
    qsort_r(best.items, best.count, sizeof *best.items, by_rank, r);
    if (r->ended || best.count < p->skip) return;
    uint64_t taken = best.count - p->skip;
    memcpy(p->items + p->count, best.items + p->skip, taken * sizeof *best.items);
    p->count += taken;
    p->want -= taken;
    p->skip = 0;
}

/* Split each segment's documents of a level by their typing errors. */
static void page_level(Page *p, Bucket *level, int count) {
    Rank *r = p->rank;
    Bucket *buckets = arena_array(r->c->arena, Bucket, count);
    for (int t = 0; t < TYPO_BUCKETS && p->want > 0 && !rank_look_ended(r); t++) {
        uint64_t left = 0;
        for (int i = 0; i < count; i++) left += level[i].docs.count;
        if (left <= (level[0].level->count > 1 ? BUCKET_SMALL : 0)) break; /* rather read */
        for (int i = 0; i < count; i++) {
            Matcher *m = &r->matchers[level[i].segment];
            buckets[i] = level[i];
            buckets[i].typos = t;
            buckets[i].docs = level_docs(r, m, level[i].level, level[i].docs, t);
        }
        page_add(p, buckets, count);
        for (int i = 0; i < count && p->want > 0; i++)
            level[i].docs = docset_minus(r->matchers[level[i].segment].arena, level[i].docs,
                                         buckets[i].docs);
    }
    if (p->want > 0) page_add(p, level, count);
}

/* Buckets of one level, each segment's. */
static void level_buckets(Rank *r, const Level *level, Docset *taken, Bucket *buckets) {
    for (int i = 0; i < r->view->count; i++) {
        Matcher *m = &r->matchers[i];
        Docset docs = r->tree_any ? tree_level_docs(r, m, level) : m->levels[level - r->levels];
        docs = docset_minus(m->arena, docs, taken[i]);
        buckets[i] = (Bucket){.segment = i, .level = level, .docs = docs, .typos = -1};
        taken[i] = docset_or(m->arena, taken[i], docs);
    }
}

static void page_levels(Page *p) {
    Rank *r = p->rank;
    Docset *taken = arena_array(r->c->arena, Docset, r->view->count);
    Bucket *all = arena_array(r->c->arena, Bucket, (ptrdiff_t)r->view->count * r->level_count);
    int count = 0;
    for (int i = 0; i < r->view->count; i++)
        taken[i] = docset_none(r->matchers[i].universe.universe);
    for (int l = 0; l < r->level_count && p->want > 0 && !rank_look_ended(r); l++) {
        level_buckets(r, &r->levels[l], taken, all + count);
        count += r->view->count;
        bool last = l + 1 == r->level_count;
        bool equal = !last && r->levels[l + 1].words == r->levels[l].words; /* of trees */
        if (!last && (equal || !r->plan.words_first)) continue;
        if (r->plan.words_first && r->plan.typo_next)
            page_level(p, all, count);
        else
            page_add(p, all, count);
        count = 0;
    }
}

Ranked *rank_run(Rank *r, uint64_t skip, uint64_t want, uint64_t *count) {
    Page p = {.rank = r, .skip = skip, .want = want};
    p.items = arena_bytes(r->c->arena, (ptrdiff_t)(want * sizeof *p.items));
    if (r->level_count > 0) {
        page_levels(&p);
        *count = p.count;
        return p.items;
    }
    Bucket *buckets = arena_array(r->c->arena, Bucket, r->view->count);
    for (int i = 0; i < r->view->count; i++)
        buckets[i] = (Bucket){.segment = i,
                              .level = r->tree_any ? NULL : &r->whole,
                              .docs = r->matchers[i].universe,
                              .typos = -1};
    if (r->plan.typo_next && !r->tree_any && r->whole.count > 0)
        page_level(&p, buckets, r->view->count);
    else
        page_add(&p, buckets, r->view->count);
    *count = p.count;
    return p.items;
}

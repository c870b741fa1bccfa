/* SPDX-License-Identifier: Apache-2.0
 * engine_search: what was ranked as hits, with scores and details where asked for; distinct hits
 * and those above a score, for which ranking goes on until the page is full. */
#include "core/time.h"
#include "search/facets.h"
#include "search/rank.h"

SearchHit ranked_hit(Rank *r, const Ranked *item) {
    Matcher *m = &r->matchers[item->segment];
    SearchHit hit = {.key = segment_keys(m->segment)[item->doc], .score = 1};
    const SearchRequest *q = r->request;
    bool text = r->whole.count > 0;
    if (!q->scores && !q->details && q->score_threshold <= 0) return hit;
    uint64_t key = text ? score_doc(scorer_of(m), item->doc, item->level) : 0;
    key_details(r, key, item->level, &hit.details);
    if (text) hit.score = details_score(r, &hit.details);
    return hit;
}

/* What a document shares with others that are not distinct from it; null: nothing. */
static Str distinct_value(const Rank *r, int segment, uint32_t doc) {
    const Segment *s = r->matchers[segment].segment;
    int field = r->request->distinct_field;
    if (r->def->fields[field].kind == SEARCH_KEYWORD) {
        uint32_t n;
        const uint32_t *values = segment_doc_values(s, field, doc, &n);
        return n > 0 ? segment_value_folded(s, field, values[0]) : (Str){0};
    }
    const int64_t *numbers = segment_numbers(s, field);
    if (!numbers || numbers[doc] == NO_NUMBER) return (Str){0};
    return str_of((const char *)&numbers[doc], sizeof *numbers);
}

/* false: it was seen before. */
bool distinct_new(const Rank *r, Map *seen, int segment, uint32_t doc) {
    static char mark;
    Str value = distinct_value(r, segment, doc);
    return str_is_null(value) || !map_set(seen, value, &mark);
}

int64_t distinct_total(Rank *r) {
    Map seen = {.arena = r->c->arena};
    int64_t total = 0;
    for (int i = 0; i < r->view->count; i++)
        for (DocsetWalk w = docset_walk(r->matchers[i].universe, 0);
             docset_next(&w) && !rank_ended(r);)
            total += distinct_new(r, &seen, i, w.doc);
    return total;
}

/* Of all that was found one document of each value, for facets that count so; NULL: none does. */
static Docset *distinct_docs(Rank *r) {
    const SearchRequest *q = r->request;
    bool asked = false;
    for (ptrdiff_t i = 0; i < q->facet_count; i++) asked |= q->facets[i].distinct;
    if (!asked || q->distinct_field < 0) return NULL;
    Map seen = {.arena = r->c->arena};
    Docset *docs = arena_array(r->c->arena, Docset, r->view->count);
    for (int i = 0; i < r->view->count; i++) {
        DocsetMaker m = docset_maker(r->c->arena, r->matchers[i].universe.universe);
        for (DocsetWalk w = docset_walk(r->matchers[i].universe, 0); docset_next(&w);)
            if (distinct_new(r, &seen, i, w.doc)) docset_put(&m, w.doc);
        docs[i] = docset_made(r->c->arena, &m);
    }
    return docs;
}

/* Of `count` ranked ones those that count, in *out; how many. */
static uint64_t hits_filter(Rank *r, const Ranked *items, uint64_t count, SearchHit *out) {
    const SearchRequest *q = r->request;
    Map seen = {.arena = r->c->arena};
    uint64_t n = 0;
    for (uint64_t i = 0; i < count; i++) {
        SearchHit hit = ranked_hit(r, &items[i]);
        if (q->score_threshold > 0 && hit.score < q->score_threshold) continue;
        if (q->distinct_field >= 0 && !distinct_new(r, &seen, items[i].segment, items[i].doc))
            continue;
        out[n++] = hit;
    }
    return n;
}

/* Not every ranked document is a hit: rank more until the page is full. A threshold is compared
 * with all of them, or the total would not be known. */
static void hits_some(Rank *r, uint64_t all, SearchResult *out) {
    const SearchRequest *q = r->request;
    bool whole = q->score_threshold > 0;
    uint64_t offset = (uint64_t)q->offset, end = offset + (uint64_t)q->limit, n;
    uint64_t want = whole || end > all ? all : end;
    SearchHit *hits;
    for (;;) {
        uint64_t count;
        Ranked *items = rank_run(r, 0, want, &count);
        hits = arena_array(r->c->arena, SearchHit, (ptrdiff_t)count);
        n = hits_filter(r, items, count, hits);
        if (n >= end || want == all || r->ended) break;
        want = want > all / 4 ? all : 4 * want;
        for (int i = 0; i < r->view->count; i++) r->matchers[i].scans_left = SCAN_BUDGET;
    }
    out->total = whole ? (int64_t)n : distinct_total(r);
    if (whole && !r->fully) r->estimated = true;
    if (n > end) n = end;
    out->hits = n > offset ? hits + offset : NULL;
    out->count = n > offset ? (ptrdiff_t)(n - offset) : 0;
}

static void hits_page(Rank *r, uint64_t all, SearchResult *out) {
    const SearchRequest *q = r->request;
    uint64_t offset = (uint64_t)q->offset, want = (uint64_t)q->limit, count = 0;
    out->total = (int64_t)all;
    if (offset >= all || want == 0) return;
    Ranked *items = rank_run(r, offset, want < all - offset ? want : all - offset, &count);
    out->hits = arena_array(r->c->arena, SearchHit, (ptrdiff_t)count);
    out->count = (ptrdiff_t)count;
    for (uint64_t i = 0; i < count; i++) out->hits[i] = ranked_hit(r, &items[i]);
}

static Err *search_answer(Rank *r, const VectorAnswer *given, SearchResult *out) {
    Ctx *c = r->c;
    const View *view = r->view;
    const SearchRequest *request = r->request;
    uint64_t all = 0;
    for (int i = 0; i < view->count; i++) all += r->matchers[i].universe.count;
    if (request->near)
        TRY(near_answer(r, given, out));
    else if (request->distinct_field >= 0 || request->score_threshold > 0)
        hits_some(r, all, out);
    else
        hits_page(r, all, out);
    if (request->facet_count > 0 && !rank_look_ended(r)) {
        Docset *docs = arena_array(c->arena, Docset, view->count);
        for (int i = 0; i < view->count; i++) docs[i] = r->matchers[i].universe;
        TRY(facets_answer(c, r->def, view, docs, distinct_docs(r), request, out));
    }
    out->query = r->query;
    out->total_estimated = r->estimated;
    out->ranked_fully = r->fully;
    return rank_err(r);
}

Err *engine_search_given(Ctx *c, const SearchDef *def, const View *view,
                         const SearchRequest *request, const VectorAnswer *given,
                         SearchResult *out) {
    assert(def && view && request && out);
    int64_t start = mono_us();
    Defer *undo = c->defers;
    Rank *r;
    *out = (SearchResult){0};
    Err *err = rank_open(c, def, view, request, &r);
    if (!err) err = search_answer(r, given, out);
    ctx_undo(c, undo);
    out->took_us = mono_us() - start;
    return err;
}

Err *engine_search(Ctx *c, const SearchDef *def, const View *view, const SearchRequest *request,
                   SearchResult *out) {
    return engine_search_given(c, def, view, request, NULL, out);
}

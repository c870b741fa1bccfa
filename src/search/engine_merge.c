/* SPDX-License-Identifier: Apache-2.0
 * Which segments are merged, and how the result takes their place.
 *
 * Segments fall into tiers by their living documents (64, 512, 4096 …). More than TIER_SEGMENTS in
 * one tier become one segment; where that would make the tier it comes to too full, that tier's
 * join at once. So every document is written about once a tier. A segment with more than
 * DEAD_PERCENT dead is written anew.
 *
 * Small merges are part of engine_apply. Large ones run beside it: deaths that come meanwhile in
 * the segments being merged are found again, by key, in the result. */
#include <stdlib.h>

#include "search/engine_room.h"
#include "search/vectors.h"

static int tier_of(int64_t docs) {
    int tier = 0;
    for (int64_t top = TIER_FIRST; docs > top; top *= TIER_STEP) tier++;
    return tier;
}

bool engine_is_merging(const SearchEngine *e, const Segment *s) {
    for (int i = 0; e->merging && i < e->merging->count; i++)
        if (e->merged_of[i] && e->merging->items[i].segment == s) return true;
    return false;
}

/* -- Choosing ---------------------------------------------------------------------------------- */

typedef struct Choice {
    const ViewSegment *items;
    int count;
    bool *picked;
    int picks;
    int64_t docs; /* alive in those picked */
} Choice;

static void pick(Choice *p, int i) {
    p->picked[i] = true;
    p->picks++;
    p->docs += p->items[i].live;
}

static int tier_count(const SearchEngine *e, const Choice *p, int tier) {
    int n = 0;
    for (int i = 0; i < p->count; i++)
        n += !p->picked[i] && tier_of(p->items[i].live) == tier &&
             !engine_is_merging(e, p->items[i].segment);
    return n;
}

/* Smallest first, while they stay within `most`. `items` need not be in order. */
static void pick_tier(const SearchEngine *e, Choice *p, int tier, int64_t most) {
    for (;;) {
        int best = -1;
        for (int i = 0; i < p->count; i++) {
            if (p->picked[i] || tier_of(p->items[i].live) != tier) continue;
            if (engine_is_merging(e, p->items[i].segment)) continue;
            if (best < 0 || p->items[i].live < p->items[best].live) best = i;
        }
        if (best < 0 || p->docs + p->items[best].live > most) return;
        pick(p, best);
    }
}

static void choice_clear(Choice *p) {
    memset(p->picked, 0, (size_t)p->count * sizeof *p->picked);
    p->picks = 0;
    p->docs = 0;
}

static bool is_spent(const ViewSegment *v) {
    uint32_t docs = segment_docs(v->segment);
    return (uint64_t)(docs - v->live) * 100 > (uint64_t)docs * DEAD_PERCENT;
}

/* Segments whose merge is due, of at most `most` documents: more than `allowed` in a tier are; one
 * that is spent is, unless this is about keeping the View small only. */
static bool choose(const SearchEngine *e, Choice *p, int allowed, int64_t most) {
    choice_clear(p);
    for (int tier = 0; tier <= tier_of(most); tier++) {
        if (tier_count(e, p, tier) <= allowed) continue;
        pick_tier(e, p, tier, most);
        for (int next = tier + 1; next <= tier_of(p->docs); next++)
            if (tier_count(e, p, next) >= TIER_SEGMENTS) pick_tier(e, p, next, most);
        if (p->picks > 1) return true;
        choice_clear(p);
    }
    for (int i = 0; i < p->count && allowed == TIER_SEGMENTS; i++) {
        if (!is_spent(&p->items[i]) || p->items[i].live > most) continue;
        if (engine_is_merging(e, p->items[i].segment)) continue;
        pick(p, i);
        return true;
    }
    return false;
}

/* -- Merging ----------------------------------------------------------------------------------- */

static Err *items_merge(Ctx *c, const SearchEngine *e, const Choice *p, Str path, Segment **out) {
    SegmentWriter *w = segment_writer_new(e->def);
    for (int i = 0; i < p->count; i++)
        if (p->picked[i] && p->items[i].live)
            segment_writer_merge(w, p->items[i].segment, p->items[i].dead);
    Err *err = segment_writer_finish(c, w, path, out);
    segment_writer_free(w);
    return err;
}

Err *segments_merge(Ctx *c, const SearchEngine *e, const View *of, const bool *picked, Str path,
                    Segment **out) {
    Choice p = {.items = of->items, .count = of->count, .picked = (bool *)(uintptr_t)picked};
    return items_merge(c, e, &p, path, out);
}

/* True when something was merged. */
static bool merge_inline(Ctx *c, const SearchEngine *e, Draft *d, int allowed, int64_t most) {
    bool *picked = calloc((size_t)d->count + 1, sizeof *picked);
    if (!picked) abort();
    Choice p = {.items = d->items, .count = d->count, .picked = picked};
    Segment *made = NULL;
    bool due = choose(e, &p, allowed, most);
    if (due) {
        Err *err = items_merge(c, e, &p, (Str){0}, &made);
        assert(!err); /* on the heap there is nothing that can fail */
        for (int i = d->count; i-- > 0;)
            if (picked[i]) draft_remove(d, i);
        if (made) draft_add(d, made, NULL);
    }
    free(picked);
    return due;
}

void merge_small(Ctx *c, const SearchEngine *e, Draft *d) {
    while (merge_inline(c, e, d, TIER_SEGMENTS, INLINE_DOCS)) continue;
    while (merge_inline(c, e, d, TIER_SEGMENTS_LATE, INLINE_DOCS_LATE)) continue;
    while (merge_inline(c, e, d, TIER_SEGMENTS_MOST, INLINE_DOCS_MOST)) continue;
}

/* -- Beside engine_apply ----------------------------------------------------------------------- */

static bool all_there(const View *now, const View *of, const bool *picked) {
    for (int i = 0; i < of->count; i++) {
        bool found = !picked[i];
        for (int k = 0; k < now->count && !found; k++)
            found = now->items[k].segment == of->items[i].segment;
        if (!found) return false;
    }
    return true;
}

/* Deaths in one of the merged segments since `of` was seen. */
static void carry_deaths(Draft *d, const ViewSegment *then, const uint64_t *dead, int made) {
    if (!dead || dead == then->dead) return;
    const int64_t *keys = segment_keys(then->segment);
    for (ptrdiff_t i = 0; i < dead_words(segment_docs(then->segment)); i++) {
        uint64_t fresh = dead[i] & ~(then->dead ? then->dead[i] : 0);
        for (; fresh; fresh &= fresh - 1) {
            int64_t key = keys[i * 64 + __builtin_ctzll(fresh)];
            uint32_t doc = segment_find(d->items[made].segment, key);
            assert(doc != UINT32_MAX);
            draft_kill(d, made, doc);
        }
    }
}

bool merge_publish(SearchEngine *e, const View *of, const bool *picked, Segment *made) {
    const View *now = e->view; /* changed by holders of `write` only */
    if (!all_there(now, of, picked)) {
        segment_release(made);
        return false;
    }
    Draft d = draft_of(now);
    if (made) {
        draft_add(&d, made, NULL);
        int place = d.count - 1;
        for (int i = 0; i < of->count; i++)
            if (picked[i])
                carry_deaths(&d, &of->items[i], d.items[draft_place(&d, of->items[i].segment)].dead,
                             place);
    }
    for (int i = 0; i < of->count; i++)
        if (picked[i]) draft_remove(&d, draft_place(&d, of->items[i].segment));
    engine_publish(e, &d);
    return true;
}

static bool is_large(const SearchDef *def, int64_t docs) {
    int64_t vector = vector_field(def) < 0 ? 0 : def->dims * (int64_t)sizeof(float);
    return docs > FILE_DOCS || docs * vector > FILE_VECTOR_BYTES;
}

/* To a file when it is large, unless there is no room: then on the heap. */
static Err *merge_out(Ctx *c, SearchEngine *e, const View *of, const bool *picked, int64_t docs,
                      uint64_t *number, Segment **out) {
    *number = 0;
    if (e->folder && is_large(e->def, docs) && !atomic_load(&e->disk_full)) {
        *number = atomic_fetch_add(&e->next_file, 1);
        Err *err = segments_merge(c, e, of, picked, file_path(c->arena, e, *number, "seg"), out);
        if (!err || err->kind != ERR_STORAGE_FULL) return err;
        atomic_store(&e->disk_full, true);
        *number = 0;
    }
    return segments_merge(c, e, of, picked, (Str){0}, out);
}

Err *engine_merge(Ctx *c, SearchEngine *e, bool *merged) {
    *merged = false;
    pthread_mutex_lock(&e->write);
    assert(!e->merging); /* one caller at a time */
    View *of = view_hold(e->view);
    bool *picked = calloc((size_t)of->count + 1, sizeof *picked);
    if (!picked) abort();
    Choice p = {.items = of->items, .count = of->count, .picked = picked};
    bool due = choose(e, &p, TIER_SEGMENTS, SEGMENT_DOCS_TOP);
    if (due) {
        e->merging = of;
        e->merged_of = picked;
    }
    pthread_mutex_unlock(&e->write);
    Err *err = NULL;
    if (due) {
        Segment *made = NULL;
        uint64_t number;
        err = merge_out(c, e, of, picked, p.docs, &number, &made);
        pthread_mutex_lock(&e->write);
        e->merging = NULL;
        if (!err) {
            if (made && number) file_register(e, made, number, false);
            *merged = merge_publish(e, of, picked, made);
            files_sweep(e);
        }
        pthread_mutex_unlock(&e->write);
    }
    view_release(of);
    free(picked);
    return err;
}

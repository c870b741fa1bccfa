/* SPDX-License-Identifier: Apache-2.0
 * Views, and drafts of the next one. */
#include <stdlib.h>

#include "search/engine_room.h"

/* -- Dead documents ---------------------------------------------------------------------------- */

Dead *dead_new(uint32_t docs) {
    Dead *d = calloc(1, sizeof *d + (size_t)dead_words(docs) * sizeof(uint64_t));
    if (!d) abort();
    atomic_init(&d->references, 1);
    d->docs = docs;
    return d;
}

static Dead *dead_of(const uint64_t *bits) {
    return (Dead *)(void *)((char *)(uintptr_t)bits - offsetof(Dead, bits));
}

const uint64_t *dead_hold(const uint64_t *bits) {
    if (bits) atomic_fetch_add_explicit(&dead_of(bits)->references, 1, memory_order_relaxed);
    return bits;
}

void dead_release(const uint64_t *bits) {
    if (!bits) return;
    Dead *d = dead_of(bits);
    if (atomic_fetch_sub_explicit(&d->references, 1, memory_order_acq_rel) == 1) free(d);
}

/* -- Views ------------------------------------------------------------------------------------- */

View *view_hold(View *v) {
    atomic_fetch_add_explicit(&v->references, 1, memory_order_relaxed);
    return v;
}

void view_release(View *v) {
    if (!v || atomic_fetch_sub_explicit(&v->references, 1, memory_order_acq_rel) > 1) return;
    for (int i = 0; i < v->count; i++) {
        segment_release(v->items[i].segment);
        dead_release(v->items[i].dead);
    }
    free(v);
}

int64_t view_documents(const View *v) {
    int64_t sum = 0;
    for (int i = 0; i < v->count; i++) sum += v->items[i].live;
    return sum;
}

View *engine_view(SearchEngine *e) {
    pthread_mutex_lock(&e->look);
    View *v = view_hold(e->view);
    pthread_mutex_unlock(&e->look);
    return v;
}

/* -- Drafts ------------------------------------------------------------------------------------ */

static void draft_room(Draft *d, int count) {
    if (count <= d->cap) return;
    d->cap = count + 8;
    d->items = realloc(d->items, (size_t)d->cap * sizeof *d->items);
    if (!d->items) abort();
}

Draft draft_of(const View *view) {
    Draft d = {.covered = view->covered};
    draft_room(&d, view->count + 1);
    for (int i = 0; i < view->count; i++) {
        d.items[i] = view->items[i];
        segment_hold(d.items[i].segment);
        dead_hold(d.items[i].dead);
    }
    d.count = view->count;
    return d;
}

void draft_add(Draft *d, Segment *s, const uint64_t *dead) {
    draft_room(d, d->count + 1);
    uint32_t live = segment_docs(s);
    for (ptrdiff_t i = 0; dead && i < dead_words(segment_docs(s)); i++)
        live -= (uint32_t)__builtin_popcountll(dead[i]);
    d->items[d->count++] = (ViewSegment){s, dead, live};
}

int draft_place(const Draft *d, const Segment *s) {
    for (int i = 0; i < d->count; i++)
        if (d->items[i].segment == s) return i;
    return -1;
}

void draft_remove(Draft *d, int place) {
    assert(place >= 0 && place < d->count);
    segment_release(d->items[place].segment);
    dead_release(d->items[place].dead);
    d->items[place] = d->items[--d->count];
}

/* The bitmap is the draft's own when nobody else holds it: then it may be written. */
void draft_kill(Draft *d, int place, uint32_t doc) {
    ViewSegment *item = &d->items[place];
    uint32_t docs = segment_docs(item->segment);
    assert(doc < docs);
    if (dead_has(item->dead, doc)) return;
    if (!item->dead ||
        atomic_load_explicit(&dead_of(item->dead)->references, memory_order_acquire) > 1) {
        Dead *own = dead_new(docs);
        if (item->dead) memcpy(own->bits, item->dead, (size_t)dead_words(docs) * sizeof *own->bits);
        dead_release(item->dead);
        item->dead = own->bits;
    }
    dead_of(item->dead)->bits[doc >> 6] |= (uint64_t)1 << (doc & 63);
    item->live--;
}

void draft_drop(Draft *d) {
    while (d->count) draft_remove(d, d->count - 1);
    free(d->items);
    *d = (Draft){0};
}

static int by_size(const void *x, const void *y) {
    const ViewSegment *p = x, *q = y;
    return p->live == q->live ? 0 : p->live > q->live ? -1 : 1;
}

void engine_publish(SearchEngine *e, Draft *d) {
    for (int i = d->count; i-- > 0;)
        if (d->items[i].live == 0 && !engine_is_merging(e, d->items[i].segment)) draft_remove(d, i);
    if (d->count) qsort(d->items, (size_t)d->count, sizeof *d->items, by_size);
    View *next = calloc(1, sizeof *next + (size_t)d->count * sizeof *next->items);
    if (!next) abort();
    atomic_init(&next->references, 1);
    next->covered = d->covered;
    next->count = d->count;
    if (d->count) memcpy(next->items, d->items, (size_t)d->count * sizeof *next->items);
    free(d->items);
    *d = (Draft){0};
    pthread_mutex_lock(&e->look);
    View *former = e->view;
    e->view = next;
    pthread_mutex_unlock(&e->look);
    atomic_fetch_add(&e->version, 1);
    view_release(former);
}

/* SPDX-License-Identifier: Apache-2.0
 * From memory to the disk. What is on the heap becomes a file (one, unless it is too much for a
 * segment), which takes its place in the View at once; the manifest then says what the View was
 * when the flush began. Whatever fails on the way is tried again by the next flush. */
#include <stdlib.h>

#include "search/engine_room.h"

typedef struct Flush {
    View *of;           /* as it was when the flush began */
    bool *heap, *lot;   /* of its segments: all on the heap; those of one file */
    Draft snapshot;     /* what the manifest will list */
    uint64_t published; /* Views of our own making */
    bool overtaken;     /* a rebuild has come in between */
} Flush;

/* The next heap segments that go into one file. False: all have gone. */
static bool lot_pick(Flush *f) {
    int64_t docs = 0;
    bool any = false;
    for (int i = 0; i < f->of->count; i++) {
        uint32_t live = f->of->items[i].live;
        f->lot[i] = f->heap[i] && (!any || docs + live <= SEGMENT_DOCS_TOP);
        if (!f->lot[i]) continue;
        f->heap[i] = false;
        docs += live;
        any = true;
    }
    return any;
}

static Err *lot_write(Ctx *c, SearchEngine *e, Flush *f) {
    Segment *made = NULL;
    uint64_t number = atomic_fetch_add(&e->next_file, 1);
    TRY(segments_merge(c, e, f->of, f->lot, file_path(c->arena, e, number, "seg"), &made));
    pthread_mutex_lock(&e->write);
    if (made) {
        file_register(e, made, number, false);
        draft_add(&f->snapshot, segment_hold(made), NULL);
    }
    if (merge_publish(e, f->of, f->lot, made))
        f->published++;
    else
        f->overtaken = true;
    pthread_mutex_unlock(&e->write);
    return NULL;
}

/* The manifest lists the draft now: files know it, what the former one had goes. */
static void snapshot_settle(SearchEngine *e, Flush *f, const uint64_t *dead_numbers,
                            uint64_t version) {
    pthread_mutex_lock(&e->write);
    for (int i = 0; i < e->files.count; i++) {
        SegmentFile *file = &e->files.items[i];
        int place = draft_place(&f->snapshot, file->segment);
        file->listed = place >= 0;
        if (place < 0 || dead_numbers[place] == file->dead_number) continue;
        if (file->dead_number) file_remove_now(e, file->dead_number, "dead");
        dead_release(file->dead);
        file->dead = dead_hold(f->snapshot.items[place].dead);
        file->dead_number = dead_numbers[place];
    }
    e->has_manifest = true;
    atomic_store(&e->flushed, version);
    files_sweep(e);
    pthread_mutex_unlock(&e->write);
}

static Err *flush_steps(Ctx *c, SearchEngine *e, Flush *f, uint64_t version) {
    while (lot_pick(f) && !f->overtaken) TRY(lot_write(c, e, f));
    if (f->overtaken) return NULL;
    uint64_t *dead_numbers = arena_array(c->arena, uint64_t, f->snapshot.count + 1);
    TRY(engine_manifest_write(c, e, &f->snapshot, dead_numbers));
    snapshot_settle(e, f, dead_numbers, version + f->published);
    return NULL;
}

static uint64_t flush_begin(SearchEngine *e, Flush *f) {
    pthread_mutex_lock(&e->write);
    assert(!e->merging);
    f->of = view_hold(e->view);
    f->heap = calloc((size_t)f->of->count + 1, sizeof *f->heap);
    f->lot = calloc((size_t)f->of->count + 1, sizeof *f->lot);
    e->merged_of = calloc((size_t)f->of->count + 1, sizeof *e->merged_of);
    if (!f->heap || !f->lot || !e->merged_of) abort();
    f->snapshot = draft_of(f->of);
    for (int i = 0; i < f->of->count; i++) {
        Segment *s = f->of->items[i].segment;
        f->heap[i] = e->merged_of[i] = !segment_on_disk(s);
        if (f->heap[i]) draft_remove(&f->snapshot, draft_place(&f->snapshot, s));
    }
    e->merging = f->of;
    uint64_t version = atomic_load(&e->version);
    pthread_mutex_unlock(&e->write);
    return version;
}

static void flush_end(SearchEngine *e, Flush *f) {
    pthread_mutex_lock(&e->write);
    e->merging = NULL;
    free(e->merged_of);
    e->merged_of = NULL;
    files_sweep(e);
    pthread_mutex_unlock(&e->write);
    draft_drop(&f->snapshot);
    view_release(f->of);
    free(f->heap);
    free(f->lot);
}

Err *engine_flush(Ctx *c, SearchEngine *e) {
    if (!e->folder || !engine_dirty(e)) return NULL;
    Flush f = {0};
    uint64_t version = flush_begin(e, &f);
    Err *err = flush_steps(c, e, &f, version);
    flush_end(e, &f);
    atomic_store(&e->disk_full, err && err->kind == ERR_STORAGE_FULL);
    return err;
}

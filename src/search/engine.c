/* SPDX-License-Identifier: Apache-2.0
 * Opening, closing, and taking in a batch.
 *
 * A batch becomes a small segment of its own; older versions of its documents, wherever they are,
 * are marked dead; then small segments are merged (engine_merge.c) and the next View is published.
 * So the cost of a write is that of its own documents and of the small segments merged with it, at
 * most INLINE_DOCS documents, whatever the size of the index. */
#include "search/engine.h"

#include <stdlib.h>
#include <unistd.h>

#include "search/engine_room.h"

static View *view_empty(void) {
    View *v = calloc(1, sizeof *v);
    if (!v) abort();
    atomic_init(&v->references, 1);
    return v;
}

Err *engine_open(Ctx *c, const SearchDef *def, Str folder, SearchEngine **out, Str *healed) {
    assert(def && out && healed);
    SearchEngine *e = calloc(1, sizeof *e);
    if (!e) abort();
    e->def = def;
    e->lock = -1;
    pthread_mutex_init(&e->write, NULL);
    pthread_mutex_init(&e->look, NULL);
    atomic_init(&e->next_file, 1);
    e->view = view_empty();
    *healed = (Str){0};
    *out = NULL;
    if (!str_is_null(folder)) {
        e->folder = strndup(folder.data, (size_t)folder.len);
        if (!e->folder) abort();
        Err *err = folder_open(c, e);
        if (err) {
            engine_close(e);
            return err;
        }
        engine_manifest_read(c, e, healed);
    }
    *out = e;
    return NULL;
}

void engine_close(SearchEngine *e) {
    if (!e) return;
    assert(!e->merging);
    view_release(e->view);
    for (int i = 0; i < e->files.count; i++) {
        segment_release(e->files.items[i].segment);
        dead_release(e->files.items[i].dead);
    }
    free(e->files.items);
    if (e->lock >= 0) close(e->lock);
    free(e->folder);
    pthread_mutex_destroy(&e->write);
    pthread_mutex_destroy(&e->look);
    free(e);
}

/* -- A batch ----------------------------------------------------------------------------------- */

/* Whatever the view has of the batch's keys is replaced or gone. */
static void kill_former(Draft *d, const SearchDocs *docs) {
    for (int place = 0; place < d->count; place++) {
        Segment *s = d->items[place].segment;
        for (ptrdiff_t i = 0; i < docs->count && d->items[place].live; i++) {
            uint32_t doc = segment_find(s, docs->entries[i].key);
            if (doc != UINT32_MAX) draft_kill(d, place, doc);
        }
    }
}

Err *engine_apply(Ctx *c, SearchEngine *e, const SearchDocs *docs, int64_t covered) {
    assert(docs->def == e->def);
    Segment *fresh = NULL;
    if (docs->count) {
        SegmentWriter *w = segment_writer_new(e->def);
        segment_writer_add(w, docs);
        Err *err = segment_writer_finish(c, w, (Str){0}, &fresh);
        segment_writer_free(w);
        if (err) return err;
    }
    pthread_mutex_lock(&e->write);
    Draft d = draft_of(e->view);
    kill_former(&d, docs);
    if (fresh) draft_add(&d, fresh, NULL);
    merge_small(c, e, &d);
    d.covered = max_i64(d.covered, covered);
    engine_publish(e, &d);
    pthread_mutex_unlock(&e->write);
    return NULL;
}

/* -- Figures ----------------------------------------------------------------------------------- */

int64_t engine_unflushed(SearchEngine *e) {
    View *v = engine_view(e);
    int64_t sum = 0;
    for (int i = 0; i < v->count; i++)
        if (!segment_on_disk(v->items[i].segment)) sum += v->items[i].live;
    view_release(v);
    return sum;
}

int64_t engine_unflushed_bytes(SearchEngine *e) {
    View *v = engine_view(e);
    int64_t sum = 0;
    for (int i = 0; i < v->count; i++)
        if (!segment_on_disk(v->items[i].segment)) sum += segment_bytes(v->items[i].segment);
    view_release(v);
    return sum;
}

bool engine_dirty(SearchEngine *e) {
    return e->folder && atomic_load(&e->version) != atomic_load(&e->flushed);
}

int64_t engine_disk_bytes(SearchEngine *e) { return atomic_load(&e->disk_bytes); }

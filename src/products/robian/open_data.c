/* SPDX-License-Identifier: Apache-2.0
 * A walk in batches: entries are read and parsed on a thread, stored in this coroutine; then all
 * memory of the batch is given back. */
#include "products/robian/open_data.h"

#include "core/time.h"
#include "products/robian/open_data_walk.h"
#include "products/robian/robian.h"
#include "rt/offload.h"

static_assert(OPEN_DATA_ENTRY_MAX == 64 * 1024 * 1024, "said in open_data_walk.c too");
enum { BATCH_ENTRIES = 64, BATCH_BYTES = 4 * 1024 * 1024 };

typedef struct Batch {
    Ctx *c;
    const OpenDataKind *kind;
    OpenDataWalk *walk;
    OpenDataEntry entries[BATCH_ENTRIES]; /* refused ones have a problem */
    char *rows;                           /* of the others, in order; NULL: not parsed */
    ptrdiff_t count, row_count;
    bool end;
} Batch;

static bool refuses(const Err *err) {
    return err->kind == ERR_INVALID || err->kind == ERR_BAD_REQUEST;
}

/* On a thread. Errors of parse are refusals, whatever their kind: it does not wait on anything. */
static void batch_fill(void *arg) {
    Batch *b = arg;
    Arena *arena = b->c->arena;
    ptrdiff_t bytes = 0;
    while (b->count < BATCH_ENTRIES && bytes < BATCH_BYTES) {
        OpenDataEntry *e = &b->entries[b->count];
        if (!walk_next(b->walk, arena, e)) {
            b->end = true;
            return;
        }
        b->count++;
        bytes += e->bytes.len;
        if (e->problem.data || !b->rows) continue;
        void *row = b->rows + b->row_count * b->kind->row_size;
        Err *err = b->kind->parse(b->c, e->name, e->bytes, row);
        if (err)
            e->problem = err->detail;
        else
            b->row_count++;
    }
}

static void figures_add(OpenDataFigures *to, const OpenDataFigures *more) {
    to->added += more->added;
    to->changed += more->changed;
    to->same += more->same;
}

static void entry_refuse(OpenDataEntry *e, const OpenDataWatch *watch, OpenDataFigures *figures) {
    figures->refused++;
    if (watch->refused) watch->refused(watch->arg, e->path, e->position, e->name, e->problem);
}

/* One entry alone: by import, or its row by store. */
static Err *entry_import(Ctx *c, const OpenDataKind *kind, OpenDataEntry *e, void *row,
                         OpenDataFigures *figures) {
    OpenDataFigures own = {0};
    Err *err = row ? kind->store(c, row, 1, &own) : kind->import(c, e->name, e->bytes, &own);
    if (err && !refuses(err)) return err;
    if (err)
        e->problem = err->detail;
    else
        figures_add(figures, &own);
    return NULL;
}

static Err *batch_store(Batch *b, OpenDataFigures *figures) {
    OpenDataFigures own = {0};
    Err *err = NULL;
    if (b->rows && b->row_count > 0) err = b->kind->store(b->c, b->rows, b->row_count, &own);
    if (err && !refuses(err)) return err;
    if (!err) figures_add(figures, &own);
    if (b->rows && !err) return NULL;
    ptrdiff_t row = 0;
    for (ptrdiff_t i = 0; i < b->count; i++) {
        OpenDataEntry *e = &b->entries[i];
        if (e->problem.data) continue;
        TRY(entry_import(b->c, b->kind, e, b->rows ? b->rows + row * b->kind->row_size : NULL,
                         figures));
        row++;
    }
    return NULL;
}

static Err *batch_run(Ctx *c, Batch *b, const OpenDataWatch *watch, OpenDataFigures *figures) {
    b->count = b->row_count = 0;
    if (b->kind->parse) b->rows = arena_alloc(c->arena, b->kind->row_size, BATCH_ENTRIES);
    TRY(offload(c, LANE_LONG, batch_fill, b));
    TRY(batch_store(b, figures));
    figures->files += b->count;
    for (ptrdiff_t i = 0; i < b->count; i++)
        if (b->entries[i].problem.data) entry_refuse(&b->entries[i], watch, figures);
    if (c->cancelled) FAIL(c, CANCELLED, "The import was cancelled");
    if (!watch->progress) return NULL;
    return watch->progress(c, watch->arg, figures, walk_bytes_done(b->walk),
                           walk_bytes_total(b->walk));
}

static void walk_close(void *arg) { walk_free(arg); }

Err *open_data_walk(Ctx *c, const OpenDataKind *kind, const Str *paths, ptrdiff_t count,
                    const OpenDataWatch *watch, OpenDataFigures *figures) {
    assert(count > 0);
    assert((kind->import == NULL) != (kind->parse == NULL));
    assert(!kind->parse == !kind->store);
    *figures = (OpenDataFigures){0};
    Batch *b = arena_new_of(c->arena, Batch);
    *b = (Batch){.c = c, .kind = kind};
    Defer *before = c->defers;
    b->walk = walk_new(paths, count, kind->endings, open_data_limits);
    defer(c, walk_close, b->walk);
    Err *err = NULL;
    while (!b->end && !err) {
        Defer *defers = c->defers;
        ArenaMark mark = arena_mark(c->arena);
        err = batch_run(c, b, watch, figures);
        ctx_undo(c, defers);
        if (!err) arena_release(c->arena, mark);
    }
    ctx_undo(c, before);
    TRY(err);
    return kind->finish ? kind->finish(c, figures) : NULL;
}

/* -- the command line -------------------------------------------------------------------------- */

static void transfer_refused(void *arg, ptrdiff_t path, int64_t position, Str name, Str why) {
    Transfer *t = arg;
    Arena *arena = arena_new(64 * KIB + 8 * (name.len + why.len));
    t->next_file = path + 1;
    t->line_number = position;
    transfer_reject(t, strf(arena, "%.*s: %.*s", S_ARG(name), S_ARG(why)));
    arena_free(arena);
}

static Err *transfer_moved(Ctx *c, void *arg, const OpenDataFigures *figures, int64_t bytes_done,
                           int64_t bytes_total) {
    Transfer *t = arg;
    (void)c;
    t->bytes_done = bytes_done;
    t->bytes_total = bytes_total;
    int64_t done = figures->files - figures->refused;
    if (done <= t->done) return NULL;
    t->done = done - 1;
    transfer_progress(t, "files");
    return NULL;
}

void open_data_figures_print(const Transfer *t, const OpenDataFigures *f) {
    if (t->quiet) return;
    fprintf(stderr,
            t->json ? "{\"event\":\"imported\",\"files\":%lld,\"added\":%lld,\"changed\":%lld,"
                      "\"same\":%lld,\"refused\":%lld}\n"
                    : "%lld files: %lld added, %lld changed, %lld same, %lld refused\n",
            (long long)f->files, (long long)f->added, (long long)f->changed, (long long)f->same,
            (long long)f->refused);
}

Err *open_data_import(Ctx *c, Transfer *t, const OpenDataKind *kind) {
    OpenDataWatch watch = {transfer_refused, transfer_moved, t};
    OpenDataFigures figures;
    if (kind->import) TRY(db_expect_bulk(c)); /* large transactions; those of rows are small */
    c->deadline_us = 0;
    Err *err = open_data_walk(c, kind, t->files, t->file_count, &watch, &figures);
    open_data_figures_print(t, &figures);
    return err;
}

Err *robian_import_agenda(Ctx *c, Transfer *t) { return open_data_import(c, t, &open_data_agenda); }
Err *robian_import_deputies(Ctx *c, Transfer *t) {
    return open_data_import(c, t, &open_data_deputies);
}
Err *robian_import_votes(Ctx *c, Transfer *t) { return open_data_import(c, t, &open_data_votes); }

/* SPDX-License-Identifier: Apache-2.0
 * See document_shell.h. */
#include "products/sylion/document_shell.h"

#include <fcntl.h>
#include <stdio.h>

#include "core/time.h"
#include "products/sylion/document_in.h"
#include "rt/coro.h"

enum { LOOK_MS = 100, POLL_MS = 100, DRAIN_MS = 2000 };

static void tell(Import *i, ImportTold told) {
    i->counts[told.step]++;
    i->tell(i->arg, &told);
}

/* -- storing ----------------------------------------------------------------------------------- */

typedef struct Storing {
    const Scope *s;
    DocumentIn in;
    Document made;
    bool added;
} Storing;

static Err *storing(Ctx *c, void *arg) {
    Storing *w = arg;
    TRY(document_add(c, w->s, &w->in, &w->made, &w->added));
    return w->added ? tenant_tell(c, w->s, "document.updated", &document_record, &w->made) : NULL;
}

static void fd_end(void *fd) { file_close((int)(intptr_t)fd); }

static Err *file_store(Ctx *c, Storing *w, Str path) {
    int fd;
    /* Not waiting for the other end, should it have become a pipe meanwhile. */
    Err *err = file_open(c, path, O_RDONLY | O_NONBLOCK, 0, &fd);
    if (err) FAIL(c, INVALID, "%.*s", S_ARG(err->detail));
    defer(c, fd_end, (void *)(intptr_t)fd);
    TRY(document_take_file(c, fd, path, &w->in));
    err = db_transaction(c, storing, w);
    if (err) {
        Err *left = document_blob_drop(c, w->in.sha256);
        (void)left; /* bytes that nobody has; what was wrong is said */
    }
    return err;
}

/* About this file alone: the next one may well go in. */
static bool of_the_file(const Err *err) {
    return err->kind == ERR_INVALID || err->kind == ERR_TOO_LARGE || err->kind == ERR_RATE_LIMITED;
}

static Str reason_of_err(const Err *err) {
    return err->field_count > 0 ? err->fields[0].message : err->detail;
}

/* What is waited for: the last one that a file came to. */
typedef struct Stored {
    char id[40];
    ptrdiff_t file;
} Stored;

static Err *file_import(Ctx *c, Import *i, ptrdiff_t at, Stored *stored, ptrdiff_t *count) {
    const FoundFile *file = &i->files->items[at];
    ImportTold told = {.path = file->path, .position = at + 1, .of = i->files->count};
    Storing w = {.s = i->s, .in = {.knowledge_base_id = i->knowledge_base_id}};
    Err *err = file_store(c, &w, file->path);
    if (err && !of_the_file(err)) return err;
    if (err) {
        told.step = IMPORT_REFUSED;
        told.reason = reason_of_err(err);
    } else {
        told.step = w.added ? IMPORT_ADDED : IMPORT_THERE;
        told.document_id = w.made.id;
        stored[*count].file = at;
        snprintf(stored[(*count)++].id, sizeof stored->id, "%.*s", S_ARG(w.made.id));
    }
    tell(i, told);
    return NULL;
}

static Err *files_import(Ctx *c, Import *i, Stored *stored, ptrdiff_t *count) {
    for (ptrdiff_t at = 0; at < i->files->count; at++) {
        const FoundFile *file = &i->files->items[at];
        CtxMark mark = ctx_mark(c);
        if (file->kind == FOUND_DOCUMENT)
            TRY(file_import(c, i, at, stored, count));
        else
            tell(i,
                 (ImportTold){.step = file->kind == FOUND_OTHER ? IMPORT_LEFT_OUT : IMPORT_REFUSED,
                              .path = file->path,
                              .reason = file->why,
                              .position = at + 1,
                              .of = i->files->count});
        ctx_release(c, mark);
    }
    return NULL;
}

/* -- waiting ----------------------------------------------------------------------------------- */

static bool ended(Str status) {
    return str_eq(status, S("indexed")) || str_eq(status, S("failed"));
}

/* Jobs are taken about in the order in which they were asked for: so one is looked at until it has
 * ended, then the next. */
static Err *document_wait(Ctx *c, Import *i, Str id, int64_t until_us, Document *d) {
    for (;;) {
        *d = (Document){0};
        Err *err = document_load(c, i->s, id, d);
        if (err && err->kind == ERR_NOT_FOUND) {
            d->status = S("failed");
            d->reason = S("It was deleted.");
            return NULL;
        }
        TRY(err);
        if (ended(d->status) || mono_us() >= until_us) return NULL;
        TRY(sleep_ms(c, LOOK_MS));
    }
}

static Err *documents_wait(Ctx *c, Import *i, const Stored *stored, ptrdiff_t count) {
    int64_t until_us = mono_us() + i->wait_ms * US_PER_MS;
    for (ptrdiff_t k = 0; k < count; k++) {
        CtxMark mark = ctx_mark(c);
        Document d;
        Str id = str_c(stored[k].id);
        TRY(document_wait(c, i, id, until_us, &d));
        ImportStep step = str_eq(d.status, S("indexed"))  ? IMPORT_INDEXED
                          : str_eq(d.status, S("failed")) ? IMPORT_FAILED
                                                          : IMPORT_WAITING;
        tell(i, (ImportTold){.step = step,
                             .path = i->files->items[stored[k].file].path,
                             .document_id = id,
                             .reason = d.reason,
                             .position = k + 1,
                             .of = count});
        ctx_release(c, mark);
    }
    return NULL;
}

Err *documents_import(Ctx *c, Import *i) {
    assert(i->s && i->files && i->tell && i->knowledge_base_id.len > 0);
    ptrdiff_t count = 0;
    Stored *stored = arena_array(c->arena, Stored, i->files->documents + 1);
    TRY(files_import(c, i, stored, &count));
    if (i->wait_ms == 0 || count == 0) return NULL;
    /* Servers and workers do the same; where there are none, this process does it alone. */
    TRY(workers_start_with(c, (WorkerOptions){.queues = S(INDEX_QUEUE),
                                              .per_loop = INDEX_AT_ONCE,
                                              .poll_ms = POLL_MS,
                                              .drain_ms = DRAIN_MS}));
    Err *err = documents_wait(c, i, stored, count);
    workers_stop(c);
    return err;
}

/* SPDX-License-Identifier: Apache-2.0
 * socle import veyl posts: files one after the other through a Pipe. An import that was killed is
 * simply run again: what is there already is looked up, compared and left alone. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "products/veyl/jobs.h"
#include "products/veyl/pipe.h"
#include "products/veyl/veyl.h"

typedef struct FileFeed {
    Transfer *t;
    int fd;
} FileFeed;

static Err *file_feed(Ctx *c, void *arg, char *to, ptrdiff_t cap, ptrdiff_t *n) {
    FileFeed *f = arg;
    ssize_t got;
    do got = read(f->fd, to, (size_t)cap);
    while (got < 0 && errno == EINTR);
    if (got < 0) FAIL(c, INTERNAL, "%.*s: %s", S_ARG(transfer_file(f->t)), strerror(errno));
    f->t->bytes_done += got;
    *n = got;
    return NULL;
}

static void file_reject(void *arg, const Draft *draft) {
    FileFeed *f = arg;
    f->t->line_number = draft->record;
    transfer_reject(f->t, str_c(draft->problem));
}

static void file_stored(void *arg, const IngestCounts *counts) {
    FileFeed *f = arg;
    int64_t done = counts->created + counts->updated + counts->unchanged;
    if (done == 0) return;
    f->t->done += done - 1;
    transfer_progress(f->t, "posts");
}

static void descriptor_close(void *arg) {
    FileFeed *f = arg;
    if (f->fd > STDIN_FILENO) close(f->fd);
    f->fd = -1;
}

static Str base_name(Str path) {
    for (ptrdiff_t i = path.len; i > 0; i--)
        if (path.data[i - 1] == '/') return str_slice(path, i, path.len);
    return path;
}

static Err *file_import(Ctx *c, Transfer *t, ptrdiff_t index, ptrdiff_t batch,
                        IngestCounts *total) {
    Str path = t->files[index];
    FileFeed feed = {t, STDIN_FILENO};
    t->next_file = index + 1;
    t->line_number = 0;
    if (!str_eq(path, S("-"))) feed.fd = open(str_cstr(c->arena, path), O_RDONLY | O_CLOEXEC);
    if (feed.fd < 0) FAIL(c, NOT_FOUND, "%.*s: %s", S_ARG(path), strerror(errno));
    Pipe pipe = {
        .source = {.format = transfer_option(t, "format"), .file_name = base_name(path)},
        .batch_records = batch,
        .batch_bytes = PIPE_BATCH_BULK_BYTES,
        .read = file_feed,
        .reject = file_reject,
        .stored = file_stored,
        .arg = &feed,
    };
    Defer *mark = c->defers;
    defer(c, descriptor_close, &feed);
    Err *err = pipe_run_overlapped(c, &pipe);
    ctx_undo(c, mark);
    total->created += pipe.counts.created;
    total->updated += pipe.counts.updated;
    total->unchanged += pipe.counts.unchanged;
    if (err)
        return err_wrap(c, err->kind, __func__, err, "%.*s: %.*s", S_ARG(path), S_ARG(err->detail));
    return NULL;
}

static Err *batch_option(Ctx *c, const Transfer *t, ptrdiff_t *out) {
    Str text = transfer_option(t, "batch");
    int64_t batch = PIPE_BATCH_BULK;
    if (text.data && (!str_to_i64(text, &batch) || batch < 1 || batch > 100000))
        FAIL(c, INVALID, "--batch takes a number from 1 to 100000, not `%.*s`", S_ARG(text));
    *out = batch;
    return NULL;
}

Err *veyl_import_posts(Ctx *c, Transfer *t) {
    ptrdiff_t batch = PIPE_BATCH_BULK;
    IngestCounts total = {0};
    TRY(batch_option(c, t, &batch));
    TRY(db_expect_bulk(c));
    c->deadline_us = 0;
    Err *err = NULL;
    for (ptrdiff_t i = 0; i < t->file_count && !err; i++) err = file_import(c, t, i, batch, &total);
    if (!t->quiet)
        fprintf(
            stderr,
            t->json
                ? "{\"event\":\"imported\",\"created\":%lld,\"updated\":%lld,\"unchanged\":%lld}\n"
                : "%lld created, %lld updated, %lld unchanged\n",
            (long long)total.created, (long long)total.updated, (long long)total.unchanged);
    TRY(err);
    TRY(platform_week_refresh(c, (Id){0}));
    return veyl_refresh_ask(c);
}

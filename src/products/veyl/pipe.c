/* SPDX-License-Identifier: Apache-2.0 */
#include "products/veyl/pipe.h"

#include "rt/channel.h"
#include "rt/offload.h"

enum { READ_BYTES = 1024 * 1024 };
#define BATCH_BUDGET ((ptrdiff_t)2048 * MIB)

typedef struct Batch {
    Arena *arena;
    Draft *drafts;
    ptrdiff_t count, cap, bytes; /* bytes: of texts, the most */
    Draft *rejects;
    ptrdiff_t reject_count, reject_cap;
    bool last;
} Batch;

typedef struct Running {
    Pipe *pipe;
    Source *source;
    char *buffer;
    SourceGot got;
    Batch *batch; /* being filled */
    Batch batches[2];
    Channel *full, *empty;
} Running;

static void batch_empty(Batch *batch, ptrdiff_t cap, ptrdiff_t bytes) {
    arena_reset(batch->arena);
    batch->cap = cap;
    batch->bytes = bytes;
    batch->drafts = arena_bytes(batch->arena, cap * (ptrdiff_t)sizeof(Draft));
    batch->rejects = NULL;
    batch->count = batch->reject_count = batch->reject_cap = 0;
    batch->last = false;
}

static void reject_keep(Batch *batch, const Draft *draft) {
    if (batch->reject_count == batch->reject_cap) {
        ptrdiff_t cap = batch->reject_cap ? 2 * batch->reject_cap : 16,
                  size = (ptrdiff_t)sizeof *draft;
        batch->rejects =
            arena_grow(batch->arena, batch->rejects, batch->reject_cap * size, cap * size);
        batch->reject_cap = cap;
    }
    batch->rejects[batch->reject_count++] = *draft;
}

static bool batch_full(const Batch *batch) {
    ptrdiff_t texts = arena_used(batch->arena) - batch->cap * (ptrdiff_t)sizeof(Draft);
    return batch->count == batch->cap || batch->reject_count >= batch->cap || texts > batch->bytes;
}

/* On a pool thread: take what the bytes fed so far hold. */
static void parse(void *arg) {
    Running *r = arg;
    Ctx c = {.arena = r->batch->arena};
    do {
        Draft draft;
        r->got = source_next(r->source, &c, &draft);
        ctx_undo(&c, NULL); /* the parsed JSON */
        if (r->got == SOURCE_DRAFT) r->batch->drafts[r->batch->count++] = draft;
        if (r->got == SOURCE_REJECT) reject_keep(r->batch, &draft);
    } while ((r->got == SOURCE_DRAFT || r->got == SOURCE_REJECT) && !batch_full(r->batch));
}

static Err *batch_fill(Ctx *c, Running *r, Batch *batch) {
    batch_empty(batch, r->pipe->batch_records, r->pipe->batch_bytes);
    r->batch = batch;
    while (!batch_full(batch)) {
        TRY(offload(c, LANE_SHORT, parse, r));
        if (r->got == SOURCE_DONE || r->got == SOURCE_BROKEN) {
            batch->last = true;
            return NULL;
        }
        if (r->got != SOURCE_MORE) continue;
        ptrdiff_t n;
        TRY(r->pipe->read(c, r->pipe->arg, r->buffer, READ_BYTES, &n));
        if (n == 0)
            source_end(r->source);
        else
            source_feed(r->source, str_of(r->buffer, n));
    }
    return NULL;
}

/* Rejects of reading and of storing, in the order of the file. */
static void rejects_tell(Pipe *pipe, const Batch *batch) {
    ptrdiff_t i = 0, k = 0;
    while (i < batch->count || k < batch->reject_count) {
        bool parsed = i < batch->count && (k == batch->reject_count ||
                                           batch->drafts[i].record < batch->rejects[k].record);
        const Draft *draft = parsed ? &batch->drafts[i++] : &batch->rejects[k++];
        if (!draft->problem) continue;
        pipe->rejected++;
        if (pipe->reject) pipe->reject(pipe->arg, draft);
    }
}

static Err *batch_store(Ctx *c, Pipe *pipe, Batch *batch) {
    IngestCounts counts;
    /* All that storing needs goes into the batch's own arena, and with it. */
    Arena *own = c->arena;
    jmp_buf *on_full = arena_on_full(own, NULL);
    arena_on_full(own, on_full);
    arena_on_full(batch->arena, on_full);
    c->arena = batch->arena;
    Err *err = posts_ingest(c, batch->drafts, batch->count, &counts);
    c->arena = own;
    arena_on_full(batch->arena, NULL);
    if (err) return err_copy(own, err);
    pipe->counts.created += counts.created;
    pipe->counts.updated += counts.updated;
    pipe->counts.unchanged += counts.unchanged;
    rejects_tell(pipe, batch);
    if (pipe->stored) pipe->stored(pipe->arg, &counts);
    return NULL;
}

static void running_close(void *arg) {
    Running *r = arg;
    source_free(r->source);
    for (int i = 0; i < 2; i++) arena_free(r->batches[i].arena);
    if (r->full) channel_free(r->full);
    if (r->empty) channel_free(r->empty);
}

static Err *running_open(Ctx *c, Running *r, Pipe *pipe) {
    *r = (Running){.pipe = pipe};
    r->source = source_new(pipe->source);
    if (!r->source)
        FAIL(c, INVALID,
             "Unknown format `%.*s`: see docs for the names (posts, tiktok-api, csv-facebook …)",
             S_ARG(pipe->source.format));
    r->buffer = arena_bytes(c->arena, READ_BYTES);
    for (int i = 0; i < 2; i++) r->batches[i].arena = arena_new(BATCH_BUDGET);
    return NULL;
}

static Err *source_check(Ctx *c, const Running *r) {
    if (!source_broken(r->source)) return NULL;
    FAIL(c, BAD_REQUEST, "The rest could not be read: %s.", source_broken(r->source));
}

Err *pipe_run(Ctx *c, Pipe *pipe) {
    Running *r = arena_new_of(c->arena, Running);
    TRY(running_open(c, r, pipe));
    defer(c, running_close, r);
    do {
        TRY(batch_fill(c, r, &r->batches[0]));
        TRY(batch_store(c, pipe, &r->batches[0]));
    } while (!r->batches[0].last);
    return source_check(c, r);
}

/* -- two coroutines --------------------------------------------------------------------------- */

static Err *fill_all(Ctx *c, void *arg) {
    Running *r = arg;
    Err *err = NULL;
    for (bool last = false; !last && !err;) {
        void *batch = NULL;
        err = channel_receive(c, r->empty, &batch);
        if (!err && !batch) break; /* storing failed */
        if (!err) err = batch_fill(c, r, batch);
        if (!err) last = ((Batch *)batch)->last;
        if (!err) err = channel_send(c, r->full, batch);
    }
    channel_close(r->full);
    return err;
}

static Err *store_all(Ctx *c, void *arg) {
    Running *r = arg;
    Err *err = NULL;
    while (!err) {
        void *batch = NULL;
        err = channel_receive(c, r->full, &batch);
        if (err || !batch) break;
        err = batch_store(c, r->pipe, batch);
        if (!err) err = channel_send(c, r->empty, batch);
    }
    channel_close(r->empty);
    return err;
}

Err *pipe_run_overlapped(Ctx *c, Pipe *pipe) {
    Running *r = arena_new_of(c->arena, Running);
    TRY(running_open(c, r, pipe));
    defer(c, running_close, r);
    r->full = channel_new(2);
    r->empty = channel_new(2);
    for (int i = 0; i < 2; i++) channel_try_send(r->empty, &r->batches[i]);
    Task tasks[] = {{.fn = store_all, .arg = r}, {.fn = fill_all, .arg = r}};
    TRY(fork_join(c, tasks, 2));
    return source_check(c, r);
}

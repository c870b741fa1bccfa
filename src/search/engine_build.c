/* SPDX-License-Identifier: Apache-2.0
 * A rebuild: segments of BUILD_DOCS documents, made beside the engine and put in its place in one
 * step. While a segment is finished, on a thread of the build's own (the engine knows no pool), the
 * next one is being filled: at most two are in memory.
 *
 * A key that came again, in a later segment, kills its former version. To find those without asking
 * every segment for every key, a bit is kept for each of 2^27 hashes of keys: only a key whose bit
 * was set is looked for in the end. */
#include <stdlib.h>
#include <unistd.h>

#include "search/engine_room.h"

enum { SUSPECTS_SORTED = 1 << 20 };
#define SEEN_BITS ((uint64_t)1 << 27)

typedef struct Suspect {
    int64_t key;
    int chunk; /* versions before this one are old */
} Suspect;

typedef struct Chunk {
    Segment *segment; /* NULL: nothing of it was alive */
    uint64_t number;  /* of its file; 0: on the heap */
} Chunk;

/* One segment on its way, on its own thread. */
typedef struct Finishing {
    SearchEngine *engine;
    SegmentWriter *writer;
    Chunk chunk;
    Arena *arena;
    Err *err;
    pthread_t thread;
    bool running, threaded;
} Finishing;

struct EngineBuild {
    SearchEngine *engine;
    SegmentWriter *writer;
    Finishing finishing;
    Chunk *chunks;
    int count, cap;
    uint64_t *seen;
    Suspect *suspects;
    ptrdiff_t suspect_count, suspect_cap;
    int64_t docs;
    uint32_t chunk_docs;
};

EngineBuild *engine_build_new(SearchEngine *e) {
    EngineBuild *b = calloc(1, sizeof *b);
    if (!b) abort();
    b->engine = e;
    b->chunk_docs = BUILD_DOCS;
    b->writer = segment_writer_new(e->def);
    b->seen = calloc(SEEN_BITS / 64, sizeof *b->seen); /* pages come when they are touched */
    b->finishing.arena = arena_new(MIB);
    if (!b->seen) abort();
    return b;
}

int64_t engine_build_docs(const EngineBuild *b) { return b->docs; }

void engine_build_chunk(EngineBuild *b, uint32_t docs) { b->chunk_docs = docs; }

/* -- Chunks ------------------------------------------------------------------------------------ */

static void *finish_thread(void *arg) {
    Finishing *f = arg;
    SearchEngine *e = f->engine;
    Ctx c = {.arena = f->arena};
    Str path = {0};
    if (e->folder && !atomic_load(&e->disk_full)) {
        f->chunk.number = atomic_fetch_add(&e->next_file, 1);
        path = file_path(f->arena, e, f->chunk.number, "seg");
    }
    f->err = segment_writer_finish(&c, f->writer, path, &f->chunk.segment);
    if (f->err && f->err->kind == ERR_STORAGE_FULL) atomic_store(&e->disk_full, true);
    segment_writer_free(f->writer);
    f->writer = NULL;
    return NULL;
}

/* Wait for the one under way, take what it made. */
static Err *finishing_join(Ctx *c, EngineBuild *b) {
    Finishing *f = &b->finishing;
    if (!f->running) return NULL;
    if (f->threaded) pthread_join(f->thread, NULL);
    f->running = false;
    Err *err = f->err ? err_copy(c->arena, f->err) : NULL;
    f->err = NULL;
    if (f->chunk.segment && f->chunk.number) {
        pthread_mutex_lock(&b->engine->write);
        file_register(b->engine, f->chunk.segment, f->chunk.number, true);
        pthread_mutex_unlock(&b->engine->write);
    }
    if (b->count == b->cap) {
        b->cap = b->cap ? 2 * b->cap : 16;
        b->chunks = realloc(b->chunks, (size_t)b->cap * sizeof *b->chunks);
        if (!b->chunks) abort();
    }
    b->chunks[b->count++] = f->chunk;
    f->chunk = (Chunk){0};
    arena_reset(f->arena);
    return err;
}

static Err *chunk_send(Ctx *c, EngineBuild *b) {
    TRY(finishing_join(c, b));
    Finishing *f = &b->finishing;
    f->engine = b->engine;
    f->writer = b->writer;
    b->writer = segment_writer_new(b->engine->def);
    f->running = true;
    f->threaded = pthread_create(&f->thread, NULL, finish_thread, f) == 0;
    if (!f->threaded) finish_thread(f); /* no thread to be had: then here */
    return NULL;
}

/* -- Adding ------------------------------------------------------------------------------------ */

/* Murmur3's finisher. */
static uint64_t key_hash(int64_t key) {
    uint64_t x = (uint64_t)key;
    x = (x ^ x >> 33) * 0xff51afd7ed558ccdu;
    x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53u;
    return x ^ x >> 33;
}

/* The chunk being filled has this number. */
static int chunk_now(const EngineBuild *b) { return b->count + b->finishing.running; }

static int by_key(const void *x, const void *y) {
    const Suspect *p = x, *q = y;
    if (p->key != q->key) return p->key < q->key ? -1 : 1;
    return q->chunk - p->chunk;
}

/* Of a key that came many times only the last counts. */
static void suspects_room(EngineBuild *b) {
    if (b->suspect_count < b->suspect_cap) return;
    if (b->suspect_count >= SUSPECTS_SORTED) {
        ptrdiff_t kept = 0;
        qsort(b->suspects, (size_t)b->suspect_count, sizeof *b->suspects, by_key);
        for (ptrdiff_t i = 0; i < b->suspect_count; i++)
            if (i == 0 || b->suspects[i].key != b->suspects[kept - 1].key)
                b->suspects[kept++] = b->suspects[i];
        b->suspect_count = kept;
        if (kept < b->suspect_cap / 2) return;
    }
    b->suspect_cap = b->suspect_cap ? 2 * b->suspect_cap : 256;
    b->suspects = realloc(b->suspects, (size_t)b->suspect_cap * sizeof *b->suspects);
    if (!b->suspects) abort();
}

static void key_note(EngineBuild *b, int64_t key) {
    uint64_t bit = key_hash(key) % SEEN_BITS, mask = (uint64_t)1 << bit % 64;
    if (!(b->seen[bit / 64] & mask)) {
        b->seen[bit / 64] |= mask;
        return;
    }
    if (chunk_now(b) == 0) return; /* within the first one the writer sees to it */
    suspects_room(b);
    b->suspects[b->suspect_count++] = (Suspect){key, chunk_now(b)};
}

Err *engine_build_add(Ctx *c, EngineBuild *b, const SearchDocs *docs) {
    if (segment_writer_docs(b->writer) >= b->chunk_docs ||
        segment_writer_bytes(b->writer) >= BUILD_BYTES)
        TRY(chunk_send(c, b));
    for (ptrdiff_t i = 0; i < docs->count; i++) key_note(b, docs->entries[i].key);
    segment_writer_add(b->writer, docs);
    b->docs += docs->count;
    return NULL;
}

/* -- Taking the engine's place ----------------------------------------------------------------- */

static void suspects_kill(const EngineBuild *b, Draft *d, const int *places) {
    for (ptrdiff_t i = 0; i < b->suspect_count; i++) {
        const Suspect *s = &b->suspects[i];
        for (int k = 0; k < s->chunk; k++) {
            if (!b->chunks[k].segment) continue;
            uint32_t doc = segment_find(b->chunks[k].segment, s->key);
            if (doc != UINT32_MAX) draft_kill(d, places[k], doc);
        }
    }
}

Err *engine_build_finish(Ctx *c, EngineBuild *b, int64_t covered) {
    SearchEngine *e = b->engine;
    TRY(chunk_send(c, b));
    TRY(finishing_join(c, b));
    Draft d = {.covered = covered};
    int *places = calloc((size_t)b->count + 1, sizeof *places);
    if (!places) abort();
    for (int i = 0; i < b->count; i++) {
        places[i] = d.count;
        if (b->chunks[i].segment) draft_add(&d, segment_hold(b->chunks[i].segment), NULL);
    }
    suspects_kill(b, &d, places);
    free(places);
    pthread_mutex_lock(&e->write);
    engine_publish(e, &d);
    for (int i = 0; i < b->count; i++) {
        SegmentFile *f = b->chunks[i].segment ? file_of(e, b->chunks[i].segment) : NULL;
        if (f) f->building = false;
    }
    pthread_mutex_unlock(&e->write);
    return NULL;
}

void engine_build_free(EngineBuild *b) {
    if (!b) return;
    Ctx c = {.arena = arena_new(MIB)};
    Err *err = finishing_join(&c, b);
    (void)err; /* what it made is thrown away */
    arena_free(c.arena);
    pthread_mutex_lock(&b->engine->write);
    for (int i = 0; i < b->count; i++) {
        SegmentFile *f = b->chunks[i].segment ? file_of(b->engine, b->chunks[i].segment) : NULL;
        if (f) f->building = false;
        segment_release(b->chunks[i].segment);
    }
    files_sweep(b->engine);
    pthread_mutex_unlock(&b->engine->write);
    segment_writer_free(b->writer);
    arena_free(b->finishing.arena);
    free(b->chunks);
    free(b->seen);
    free(b->suspects);
    free(b);
}

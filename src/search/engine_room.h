/* SPDX-License-Identifier: Apache-2.0
 * Engine, inside: what engine*.c share. Nobody else includes it.
 *
 * Who may do what: `write` is held by whoever makes the next View (engine_apply for its whole
 * length; merge, flush and build only while they publish), `look` just while a View's reference is
 * taken or the pointer is changed. Order: write, then look. A key is alive in at most one segment
 * of a View. */
#ifndef SOCLE_SEARCH_ENGINE_ROOM_H
#define SOCLE_SEARCH_ENGINE_ROOM_H

#include <pthread.h>

#include "search/engine.h"

enum {
    TIER_FIRST = 64, /* documents; each next tier is TIER_STEP times larger */
    TIER_STEP = 8,
    TIER_SEGMENTS = 3,       /* more in one tier are merged */
    INLINE_DOCS = 1024,      /* a merge up to here is done by engine_apply */
    INLINE_DOCS_LATE = 8192, /* ... when engine_merge does not keep up */
    TIER_SEGMENTS_LATE = 6,
    INLINE_DOCS_MOST = 262144, /* ... by far: writers wait, so that a View stays small */
    TIER_SEGMENTS_MOST = 16,
    SEGMENT_DOCS_TOP = 4000000,
    FILE_DOCS = 65536,  /* what is merged to more is written to a file at once, */
    FILE_VECTOR_BYTES = 64 << 20, /* and of more of these */
    DEAD_PERCENT = 30,  /* more: the segment is written anew */
    BUILD_DOCS = 250000 /* of a segment of a rebuild */
};
#define BUILD_BYTES ((int64_t)768 << 20)

/* Which documents of a segment are dead: shared by Views, never changed once a View has it. */
typedef struct Dead {
    atomic_int references;
    uint32_t docs;
    uint64_t bits[];
} Dead;

static inline ptrdiff_t dead_words(uint32_t docs) { return ((ptrdiff_t)docs + 63) / 64; }
static inline bool dead_has(const uint64_t *bits, uint32_t doc) {
    return bits && bits[doc >> 6] >> (doc & 63) & 1;
}
Dead *dead_new(uint32_t docs);
/* Of ViewSegment.dead, which may be NULL. */
const uint64_t *dead_hold(const uint64_t *bits);
void dead_release(const uint64_t *bits);

/* The next View while it is made: holds what it lists. */
typedef struct Draft {
    ViewSegment *items;
    int count, cap;
    int64_t covered;
} Draft;

Draft draft_of(const View *view);
void draft_add(Draft *d, Segment *s, const uint64_t *dead); /* takes both references over */
int draft_place(const Draft *d, const Segment *s);          /* -1: not in it */
void draft_remove(Draft *d, int place);
/* Mark a document of a segment dead; nothing when it is. */
void draft_kill(Draft *d, int place, uint32_t doc);
void draft_drop(Draft *d); /* throw away */

/* A file of a segment, held until it is removed. */
typedef struct SegmentFile {
    Segment *segment;
    uint64_t number;
    const uint64_t *dead; /* as the manifest has it, with its file; held */
    uint64_t dead_number; /* 0: none */
    bool listed;          /* in the manifest */
    bool building;        /* of a rebuild under way */
} SegmentFile;

typedef struct FileList {
    SegmentFile *items;
    int count, cap;
} FileList;

struct SearchEngine {
    const SearchDef *def;
    char *folder; /* NULL: in memory only */
    int lock;     /* of the folder */
    pthread_mutex_t write, look;
    View *view;      /* look */
    View *merging;   /* write: engine_merge or engine_flush works on segments of it … */
    bool *merged_of; /* … on these */
    FileList files;  /* write */
    atomic_uint_least64_t next_file;
    bool has_manifest;                      /* write */
    atomic_uint_least64_t version, flushed; /* Views published; of the one the manifest has */
    atomic_bool disk_full; /* the last attempt to write found no room: merge on the heap */
    atomic_int_least64_t disk_bytes;
};

/* With `write` held. Takes the draft over. */
void engine_publish(SearchEngine *e, Draft *d);
bool engine_is_merging(const SearchEngine *e, const Segment *s);

/* engine_merge.c. With `write` held: merge what is small in the draft. */
void merge_small(Ctx *c, const SearchEngine *e, Draft *d);
/* One segment of the documents alive in those of `of` that `picked` says. *out NULL: none alive. */
MUST_USE Err *segments_merge(Ctx *c, const SearchEngine *e, const View *of, const bool *picked,
                             Str path, Segment **out);
/* Put `made` (may be NULL) in place of the picked segments of `of`, with the deaths that have come
 * since; false when the engine's segments are others by now (then `made` is released). */
bool merge_publish(SearchEngine *e, const View *of, const bool *picked, Segment *made);

/* engine_files.c */
MUST_USE Err *folder_open(Ctx *c, SearchEngine *e);
Str file_path(Arena *a, const SearchEngine *e, uint64_t number, const char *kind);
void file_register(SearchEngine *e, Segment *s, uint64_t number, bool building); /* `write` held */
/* Remove files that neither the manifest nor the view nor a rebuild needs. `write` held. */
void files_sweep(SearchEngine *e);
SegmentFile *file_of(const SearchEngine *e, const Segment *s); /* NULL: not a file of ours */
void file_remove_now(const SearchEngine *e, uint64_t number, const char *kind);

/* engine_build.c: documents of a segment, for tests. */
void engine_build_chunk(EngineBuild *b, uint32_t docs);

/* engine_manifest.c: the snapshot as the folder has it. *why: it is not used (null: it is, or there
 * is none). */
void engine_manifest_read(Ctx *c, SearchEngine *e, Str *why);
/* Make the draft (all its segments are files) the snapshot. dead_numbers[i]: the file of its i-th
 * segment's dead documents, 0: none. */
MUST_USE Err *engine_manifest_write(Ctx *c, SearchEngine *e, const Draft *d,
                                    uint64_t *dead_numbers);

#endif

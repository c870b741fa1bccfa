/* SPDX-License-Identifier: Apache-2.0
 * Engine: the segments of one index and who may see them. Readers hold a View, an immutable list of
 * segments and of the documents in them that are dead; one writer at a time makes the next View and
 * publishes it. Nothing here knows coroutines or the database: plain functions, any thread.
 *
 * On disk (folder): NAME.seg files, dead-documents files, and `manifest`: a text that names what
 * belongs together, the change number that it covers and the def's fingerprint, with a checksum,
 * written aside, synced, renamed. What the manifest does not name is removed at opening. A damaged
 * part makes the whole snapshot count as missing (covered 0): the owner rebuilds. */
#ifndef SOCLE_SEARCH_ENGINE_H
#define SOCLE_SEARCH_ENGINE_H

#include <stdatomic.h>

#include "search/segment.h"

typedef struct SearchEngine SearchEngine;

typedef struct ViewSegment {
    Segment *segment;
    const uint64_t *dead; /* bitmap over its documents; NULL: none */
    uint32_t live;
} ViewSegment;

typedef struct View {
    atomic_int references;
    int64_t covered;
    int count;
    ViewSegment items[]; /* larger ones first */
} View;

/* folder: null for an index in memory only. *healed: why an existing snapshot was not used, else
 * null. CONFLICT when another process has the folder; INTERNAL when it cannot be made. */
MUST_USE Err *engine_open(Ctx *c, const SearchDef *def, Str folder, SearchEngine **out, Str *healed);
void engine_close(SearchEngine *e); /* nobody may be in it; views may outlive it */

View *engine_view(SearchEngine *e); /* give back with view_release */
View *view_hold(View *v);
void view_release(View *v);
int64_t view_documents(const View *v);

/* Make the batch searchable as one step: readers see all of it or nothing. Small segments are
 * merged on the way so that a view never has many (see engine.c). */
MUST_USE Err *engine_apply(Ctx *c, SearchEngine *e, const SearchDocs *docs, int64_t covered);

/* One due merge of larger segments, if any: true when something was merged (call again). Readers
 * and engine_apply go on meanwhile. Long: on a pool thread, one caller at a time. */
MUST_USE Err *engine_merge(Ctx *c, SearchEngine *e, bool *merged);
/* Bring all that is in memory to the disk and publish a manifest: nothing to do without a folder.
 * STORAGE_FULL, INTERNAL: the index goes on as it was. Long: as engine_merge, same caller. */
MUST_USE Err *engine_flush(Ctx *c, SearchEngine *e);
/* In memory and not yet on disk: documents. */
int64_t engine_unflushed(SearchEngine *e);
int64_t engine_unflushed_bytes(SearchEngine *e);
int64_t engine_disk_bytes(SearchEngine *e);
/* The disk lacks something that the view has: a document, a death, a number. */
bool engine_dirty(SearchEngine *e);

/* A rebuild fills a Build beside the engine, then takes its place in one step; changes after
 * `covered` are then applied as ever. */
typedef struct EngineBuild EngineBuild;
EngineBuild *engine_build_new(SearchEngine *e);
/* Batches in order of their changes; segments are finished on a thread of the build's own
 * meanwhile. */
MUST_USE Err *engine_build_add(Ctx *c, EngineBuild *b, const SearchDocs *docs);
int64_t engine_build_docs(const EngineBuild *b); /* told so far */
MUST_USE Err *engine_build_finish(Ctx *c, EngineBuild *b, int64_t covered);
void engine_build_free(EngineBuild *b); /* also after finish; without it: throws away */

/* -- Asking (rank.c, facets.c) ------------------------------------------------------------------- */

/* Answer a request against a view. Plain computing in c's arena. INVALID for what is wrong in it;
 * CANCELLED, TIMEOUT when c was cancelled meanwhile (from whatever thread), or its deadline came. */
MUST_USE Err *engine_search(Ctx *c, const SearchDef *def, const View *view,
                            const SearchRequest *request, SearchResult *out);
MUST_USE Err *engine_values(Ctx *c, const SearchDef *def, const View *view, int field, Str text,
                            const SearchRequest *within, int64_t limit, SearchValue **out,
                            ptrdiff_t *count);
/* The same where somebody else knows the vectors: `given` is his order, nearest first, of documents that
 * the partition and filter let through (others are left out). NULL: the view has them. */
typedef struct VectorAnswer {
    const int64_t *keys;
    const double *similarities;
    ptrdiff_t count;
    int64_t total; /* how many reach the threshold; -1: as many as there are here */
    struct VectorTold *told; /* NULL: not asked */
} VectorAnswer;
/* What became of it. */
typedef struct VectorTold {
    bool alone;   /* no word was asked for: the order of vectors is the order of hits */
    bool lacking; /* too few of it were let through for what was asked */
} VectorTold;
MUST_USE Err *engine_search_given(Ctx *c, const SearchDef *def, const View *view,
                                  const SearchRequest *request, const VectorAnswer *given,
                                  SearchResult *out);
/* About how long the answer will take, in microseconds of one core. */
int64_t engine_cost_us(Ctx *c, const SearchDef *def, const View *view, const SearchRequest *request);
/* The error of an answer that nobody waits for any more; NULL: go on. */
MUST_USE Err *engine_ended(Ctx *c);

#endif

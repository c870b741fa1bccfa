/* SPDX-License-Identifier: Apache-2.0
 * What was found out about a segment at some cost, kept for who asks again:
 *   - which of its words fit a query's word, and the documents that gives, over all of the segment:
 *     which documents are dead, filters and partitions come in later;
 *   - how many of a set of documents have each value of a field;
 *   - which documents are in each unit of time.
 * A segment never changes, so what is kept stays true as long as the segment lives. Private to the
 * room.
 *
 * Bounds: KEEP_BYTES_DOC bytes a document of the segment, at most KEEP_BYTES; the least recently
 * asked goes first. A thing is kept when it is asked for the second time, so that what comes once
 * moves no memory; segments of less than KEEP_DOCS documents keep nothing.
 *
 * Thread-safe, never waits but for a lock that is held for a look at a table. */
#ifndef SOCLE_SEARCH_KEEP_H
#define SOCLE_SEARCH_KEEP_H

#include "search/rank.h"

enum { KEEP_DOCS = 64, KEEP_BYTES_DOC = 64 };
#define KEEP_BYTES ((int64_t)64 << 20)

/* A word's part in a segment, over all its documents. Fits and splits are of part 0. */
typedef struct LookUp {
    Fit *fits;
    Split *splits;
    int fit_count, split_count;
    int word_fits;            /* the first of them */
    int range_from, range_to; /* see PartDocs */
    WordRange range;
    uint32_t exact;
    bool complete;    /* the budgets sufficed */
    int64_t verified; /* texts that were read for it */
    Docset kinds[KINDS], split, without_typos, any;
} LookUp;

typedef struct Keep Keep;
typedef struct Kept Kept;

/* What is kept under the key, held for the caller until kept_release; NULL: nothing. *wanted: it
 * was asked for before, so put it in. */
Kept *keep_find(const Segment *s, Str key, bool *wanted);
const LookUp *kept_look_up(const Kept *kept);
void keep_put(const Segment *s, Str key, const LookUp *look); /* copies */
/* The same of plain bytes. Keys of the two must differ. */
Str kept_bytes(const Kept *kept);
void keep_put_bytes(const Segment *s, Str key, Str bytes);
void kept_release(Kept *kept);
int64_t keep_bytes(const Segment *s);

#endif

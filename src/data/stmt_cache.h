/* SPDX-License-Identifier: Apache-2.0
 * Which prepared statements a connection holds: found by their text (and, on PostgreSQL, by their
 * parameters' types), the least recently used one leaving when there are too many. So a text built
 * at run time is as safe as a literal, only slower when it is always another.
 *
 * An engine puts a Stmt first in its own struct. Not for concurrent use. */
#ifndef SOCLE_DATA_STMT_CACHE_H
#define SOCLE_DATA_STMT_CACHE_H

#include "core/str.h"

enum { STMT_BUCKETS = 512 };

typedef struct Stmt {
    struct Stmt *chain, *older, *newer;
    uint64_t hash;
    Str text;  /* on the heap, owned by the cache; a NUL follows it */
    Str types; /* likewise */
} Stmt;

typedef struct StmtCache {
    Stmt *buckets[STMT_BUCKETS];
    Stmt *newest, *oldest;
    ptrdiff_t count;
} StmtCache;

/* The statement, now the most recently used; NULL when it is not there. */
Stmt *stmt_find(StmtCache *cache, Str text, Str types);
/* Add one (zeroed but for the engine's part) under copies of text and types. */
void stmt_add(StmtCache *cache, Stmt *stmt, Str text, Str types);
/* Take one out and free its key; the rest of it is the engine's. */
void stmt_remove(StmtCache *cache, Stmt *stmt);

#endif

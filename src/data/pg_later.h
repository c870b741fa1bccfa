/* SPDX-License-Identifier: Apache-2.0
 * Statements of a transaction whose answers nobody waits for: kept here until one is sent whose
 * answer somebody waits for (the COMMIT at the latest), and sent before it in the same request. The
 * first of a request that fails keeps those behind it from being run, so that its error is the
 * request's. What was never sent need not be undone. */
#ifndef SOCLE_DATA_PG_LATER_H
#define SOCLE_DATA_PG_LATER_H

#include "data/pg_value.h"

typedef struct PgLater {
    struct PgLater *next;
    const char *text;
    PgArgs args;
    unsigned flags; /* SendFlags */
    bool opens;     /* a savepoint */
    int until;      /* once sent: how many commands of its request end with it */
} PgLater;

typedef struct PgLaters {
    PgLater *first, *last;
    int count;
    ptrdiff_t bytes;
} PgLaters;

/* Text and arguments are copied; scratch is as it was afterwards. */
void pg_laters_add(PgLaters *l, Arena *scratch, const char *text, Args args, unsigned flags);
/* Is it time to send them? */
bool pg_laters_full(const PgLaters *l);
/* The text whose command failed when `answers` good ones had come before it: one of theirs, else own. */
const char *pg_laters_failed(const PgLaters *l, int answers, const char *own);
void pg_laters_free(PgLaters *l);

#endif

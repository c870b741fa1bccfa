/* SPDX-License-Identifier: Apache-2.0
 * Who of several processes and nodes writes to a store outside (Meilisearch, a store of vectors). Private
 * to the room. */
#ifndef SOCLE_SEARCH_LEASE_H
#define SOCLE_SEARCH_LEASE_H

#include "core/err.h"

/* A call to the store may hang for so long between two renewals. */
enum { LEASE_CALL_MS = 10000 };

typedef struct SearchLease {
    const char *name; /* of the index */
    int lock;         /* of the folder; -1: another process's */
    char holder[33];
    int64_t sure_us; /* until when it is surely ours; 0: not */
} SearchLease;

/* CONFLICT: another process of this folder writes. */
MUST_USE Err *lease_open(Ctx *c, SearchLease *l, const char *name, Str folder);
/* Is it ours to write now? Takes or renews the lease where there is one. */
MUST_USE Err *lease_take(Ctx *c, SearchLease *l, bool *leads);
MUST_USE Err *lease_keep(Ctx *c, SearchLease *l); /* UNAVAILABLE when it is not */
void lease_close(Ctx *c, SearchLease *l);

#endif

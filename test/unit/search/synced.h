/* SPDX-License-Identifier: Apache-2.0
 * Waiting for an index in tests. */
#ifndef SOCLE_TEST_SYNCED_H
#define SOCLE_TEST_SYNCED_H

#include "core/time.h"
#include "search/search.h"

/* As search_sync, however long a busy machine takes over the first build. */
static inline Err *synced(Ctx *c, SearchIndex *x) {
    int64_t until = mono_us() + 120 * US_PER_SECOND;
    Err *err;
    do
        err = search_sync(c, x);
    while (err && str_starts(err->detail, S("The search index is being built")) &&
           mono_us() < until);
    return err;
}

#endif

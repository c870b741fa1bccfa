/* SPDX-License-Identifier: Apache-2.0
 * See blob_use.h. */
#include "api/blob_use.h"

#include <assert.h>

#include "data/blob.h"

static const BlobHolder *all;
static ptrdiff_t all_count;

void blob_holders_set(const BlobHolder *holders, ptrdiff_t count) {
    assert(holders || count == 0);
    all = holders;
    all_count = count;
}

Err *blob_used(Ctx *c, Str hash, bool *yes) {
    assert(all); /* without them everything would look unused */
    *yes = false;
    for (ptrdiff_t i = 0; i < all_count && !*yes; i++) TRY(all[i](c, hash, yes));
    return NULL;
}

Err *blob_unused_remove(Ctx *c, Str hash) {
    bool used;
    TRY(blob_used(c, hash, &used));
    return used ? NULL : blob_remove(c, app_blobs(c), hash);
}

/* SPDX-License-Identifier: Apache-2.0
 * The collections of this process, by name. Set once before anything starts, read-only afterwards. */
#include "api/collection.h"

enum { COLLECTIONS_MAX = 32 };

static const Collection *collections[COLLECTIONS_MAX + 1]; /* NULL-ended */
static ptrdiff_t collection_count;

void collections_set(const Collection *const *const *lists, ptrdiff_t count) {
    collection_count = 0;
    for (ptrdiff_t i = 0; i < count; i++) {
        for (const Collection *const *one = lists[i]; one && *one; one++) {
            const Collection *it = *one;
            assert(it->def && it->primary_key && it->record && it->load && it->key);
            assert((it->def->partition_field >= 0) == (it->partition != NULL));
            assert(!collection_find(str_c(it->def->name)));
            assert(collection_count < COLLECTIONS_MAX);
            collections[collection_count++] = it;
        }
    }
    collections[collection_count] = NULL;
}

const Collection *const *collections_all(ptrdiff_t *count) {
    *count = collection_count;
    return collections;
}

const Collection *collection_find(Str name) {
    for (ptrdiff_t i = 0; i < collection_count; i++)
        if (str_eq(name, str_c(collections[i]->def->name))) return collections[i];
    return NULL;
}

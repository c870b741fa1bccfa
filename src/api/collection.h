/* SPDX-License-Identifier: Apache-2.0
 * Collection: a search index together with its documents as clients read them. A module lists its
 * collections (Module.collections); the base opens their indexes, rebuilds them (`socle reindex`) and
 * serves them under Meilisearch's routes. */
#ifndef SOCLE_API_COLLECTION_H
#define SOCLE_API_COLLECTION_H

#include "core/record.h"
#include "search/search.h"

typedef struct Collection {
    const SearchDef *def;
    const char *primary_key; /* the field of a document that is its id */
    const Record *record;    /* of a document */
    /* Documents by key, in this order: structs of `record` into documents; found[i] is false where
     * the row is gone since. May wait. */
    Err *(*load)(Ctx *c, const int64_t *keys, ptrdiff_t count, void *documents, bool *found);
    /* Key of the document with this id; NOT_FOUND, also where it is not the caller's. May wait. */
    Err *(*key)(Ctx *c, Str id, int64_t *key);
    /* Exactly where def has a partition_field: the value that c->account's searches name; FORBIDDEN. */
    Err *(*partition)(Ctx *c, Str *out);
} Collection;

/* Those of the modules of this process: NULL-ended lists (NULL: none), before anything starts. */
void collections_set(const Collection *const *const *lists, ptrdiff_t count);
const Collection *const *collections_all(ptrdiff_t *count);
const Collection *collection_find(Str name); /* by def->name; NULL: there is none */

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Pages of a listener's lists: `page` and `per_page`, or `cursor` from the Link header, which stays
 * right while the list changes. */
#ifndef SOCLE_ROBIAN_LIST_PAGE_H
#define SOCLE_ROBIAN_LIST_PAGE_H

#include "products/robian/listener.h"
#include "products/robian/records.h"

typedef struct ListQuery {
    Str user_id, cursor, kind;
    int64_t page, per_page;
    bool all; /* `public` of a list of collections */
} ListQuery;
#define LIST_FIELDS                                                                               \
    LISTENER_FIELD(ListQuery), FIELD(ListQuery, page, .min = 1, .max = 1000000, .fallback = "1"), \
        FIELD(ListQuery, per_page, .min = 1, .max = 200, .fallback = "50"),                       \
        FIELD(ListQuery, cursor, .max = 512, .doc = "Where the last page ended, from its Link")

/* Newest first by n: rows below this one, after leaving out so many. */
typedef struct ListFrom {
    int64_t below, offset;
} ListFrom;
MUST_USE Err *list_from(Ctx *c, const ListQuery *query, ListFrom *out);
/* The cursor after a page of `count` rows whose last has this n; null after the last page. */
Str list_next(Ctx *c, const ListQuery *query, ptrdiff_t count, int64_t last_n);

/* The debates of these keys, in their order and as they are shown; n is 0 where one is gone. */
MUST_USE Err *list_debates(Ctx *c, const int64_t *keys, ptrdiff_t count, Debate **out);

#endif

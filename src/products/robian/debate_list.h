/* SPDX-License-Identifier: Apache-2.0
 * Lists of debates: filters, order, pages with an exact total. What is written in a language (q, a
 * commission, a speaker) is compared without regard to case and accents. */
#ifndef SOCLE_ROBIAN_DEBATE_LIST_H
#define SOCLE_ROBIAN_DEBATE_LIST_H

#include "data/cache.h"
#include "data/db.h"
#include "products/robian/records.h"

/* What is null, or not set, does not filter. */
typedef struct DebateFilter {
    Str q;            /* words, found as the search finds them, also in speeches */
    Str type, status; /* equal */
    Str commission;   /* contained in its name */
    Str speaker;      /* a name, whole words of one, or an id of the open data */
    Time from, to;    /* of date, both included */
    OptBool has_audio;
} DebateFilter;

extern const char *const debate_sorts[]; /* NULL-ended; the first is the usual one */

typedef struct DebateOrder {
    Str by; /* one of debate_sorts; null: the usual one. Those without a value come last */
    bool ascending;
} DebateOrder;

/* *out: Debate rows as debate_find gives them. */
MUST_USE Err *debate_list(Ctx *c, const DebateFilter *filter, DebateOrder order, int64_t limit,
                          int64_t offset, Rows *out, int64_t *total);

/* A text made from debates alone, from the cache for as long as nobody writes one, CACHE_TTL_DEBATES
 * at most. Also what another process writes is seen at once. */
MUST_USE Err *debate_list_cached(Ctx *c, Str key, CacheFill fn, void *arg, Str *out);

#endif

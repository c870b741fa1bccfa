/* SPDX-License-Identifier: Apache-2.0 */
#include "data/sqlite_pages.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/base.h"

enum { LOCK_BYTE = 0x40000000 }; /* where SQLite's file locks are; no page stands there */

typedef struct Pages {
    sqlite3_pcache *usual;
    unsigned greatest, lock_page;
} Pages;

static sqlite3_pcache_methods2 usual;
static atomic_int_fast64_t searches;

static Pages *pages_of(sqlite3_pcache *cache) { return (Pages *)(void *)cache; }

static void number_meet(Pages *p, unsigned number) {
    if (number > p->greatest && number != p->lock_page) p->greatest = number;
}

static sqlite3_pcache *pages_create(int page_size, int extra, int purgeable) {
    Pages *p = malloc(sizeof *p);
    if (!p) return NULL;
    *p =
        (Pages){usual.xCreate(page_size, extra, purgeable), 0, LOCK_BYTE / (unsigned)page_size + 1};
    if (p->usual) return (sqlite3_pcache *)(void *)p;
    free(p);
    return NULL;
}

static void pages_limit(sqlite3_pcache *cache, int count) {
    usual.xCachesize(pages_of(cache)->usual, count);
}

static int pages_count(sqlite3_pcache *cache) { return usual.xPagecount(pages_of(cache)->usual); }

static sqlite3_pcache_page *pages_fetch(sqlite3_pcache *cache, unsigned number, int make) {
    Pages *p = pages_of(cache);
    if (make) number_meet(p, number);
    return usual.xFetch(p->usual, number, make);
}

static void pages_unpin(sqlite3_pcache *cache, sqlite3_pcache_page *page, int discard) {
    usual.xUnpin(pages_of(cache)->usual, page, discard);
}

static void pages_rekey(sqlite3_pcache *cache, sqlite3_pcache_page *page, unsigned from,
                        unsigned to) {
    Pages *p = pages_of(cache);
    number_meet(p, to);
    usual.xRekey(p->usual, page, from, to);
}

/* From `limit` on. */
static void pages_truncate(sqlite3_pcache *cache, unsigned limit) {
    Pages *p = pages_of(cache);
    if (limit > p->greatest) return;
    atomic_fetch_add_explicit(&searches, 1, memory_order_relaxed);
    usual.xTruncate(p->usual, limit);
    p->greatest = limit > 0 ? limit - 1 : 0;
}

static void pages_destroy(sqlite3_pcache *cache) {
    usual.xDestroy(pages_of(cache)->usual);
    free(pages_of(cache));
}

static void pages_shrink(sqlite3_pcache *cache) { usual.xShrink(pages_of(cache)->usual); }

void pages_register(void) {
    if (usual.xCreate) return;
    if (sqlite3_config(SQLITE_CONFIG_GETPCACHE2, &usual) != SQLITE_OK || !usual.xShrink) return;
    sqlite3_pcache_methods2 ours = usual;
    ours.xCreate = pages_create;
    ours.xCachesize = pages_limit;
    ours.xPagecount = pages_count;
    ours.xFetch = pages_fetch;
    ours.xUnpin = pages_unpin;
    ours.xRekey = pages_rekey;
    ours.xTruncate = pages_truncate;
    ours.xDestroy = pages_destroy;
    ours.xShrink = pages_shrink;
    sqlite3_config(SQLITE_CONFIG_PCACHE2, &ours);
}

int64_t pages_searches(void) { return atomic_load(&searches); }

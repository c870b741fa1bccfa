/* SPDX-License-Identifier: Apache-2.0
 * The test's PostgreSQL database once more, through a proxy that can be cut. */
#ifndef SOCLE_TEST_DATA_PROXY_WORLD_H
#define SOCLE_TEST_DATA_PROXY_WORLD_H

#include "proxy.h"
#include "world.h"

static Proxy proxy;

/* The test's database through the proxy, as a second Db; db_close it with leave(). */
static Db *direct;
static inline bool enter(Ctx *c, bool prepared) {
    DbOptions options = world_options();
    Str url = options.url;
    ptrdiff_t at = str_find(url, S("@")),
              colon = at + str_find(str_slice(url, at, url.len), S(":")) + 1;
    ptrdiff_t slash = colon + str_find(str_slice(url, colon, url.len), S("/"));
    int64_t port = 0;
    if (!CHECK(str_to_i64(str_slice(url, colon, slash), &port))) return false;
    proxy_start(&proxy, (int)port);
    options.url = strf(c->arena, "%.*s127.0.0.1:%d%.*s", (int)at + 1, url.data, proxy.port,
                       S_ARG(str_slice(url, slash, url.len)));
    options.prepared = prepared;
    direct = world.app.db;
    int64_t former = ctx_deadline_within(c, 10000);
    bool opened = GOOD(db_open(c, options, &world.app.db));
    c->deadline_us = former;
    if (!opened) world.app.db = direct;
    return opened;
}

static inline void leave(void) {
    db_close(world.app.db);
    world.app.db = direct;
    proxy_stop(&proxy);
}

#endif

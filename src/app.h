/* SPDX-License-Identifier: Apache-2.0
 * App: the process's parts, built by main and passed down by Ctx. Rooms get their own part through
 * the app_… functions that they declare; nobody else looks inside. */
#ifndef SOCLE_APP_H
#define SOCLE_APP_H

#include "api/router.h"
#include "data/blob.h"
#include "data/cache.h"
#include "data/db.h"
#include "data/redis.h"

typedef struct App {
    Db *db;
    Redis *redis; /* NULL unless REDIS_URL */
    Cache *cache;
    BlobStore *blobs;
    Router *router;
    HttpServer *server;
    Listener *listener;
    int64_t started_us;
    Str node; /* this process's name among several */
} App;

#endif

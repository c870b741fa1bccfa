/* SPDX-License-Identifier: Apache-2.0
 * App: the process's parts, built by main and passed down by Ctx. Rooms get their own part through
 * the app_… functions that they declare; nobody else looks inside. A test of one room fills the one
 * part that it needs and sets c->app. */
#ifndef SOCLE_APP_H
#define SOCLE_APP_H

#include "api/router.h"
#include "data/blob.h"
#include "data/cache.h"
#include "data/db.h"
#include "data/redis.h"
#include "search/search.h"

typedef struct App {
    Db *db;
    Redis *redis; /* NULL unless REDIS_URL */
    Cache *cache;
    BlobStore *blobs;
    Search *search;
    Router *router;
    HttpServer *server;
    Listener *listener;
    int64_t started_us;
    Str node; /* this process's name among several */
    bool serves; /* a service, not a command that ends: set before app_open */
    int lock; /* of DATA_DIR: see app_prepare; -1: not held */
} App;

/* What must stand before anything is opened: DATA_DIR (resolved, made, 0700), the lock on it (shared:
 * any number of commands, alone: restore), the SECRET_KEY (in development one is made once and kept
 * in DATA_DIR/secret.key) and this node's name. Fills settings.data_dir and settings.secret_key.
 * INVALID with a sentence that names the setting, CONFLICT when somebody else holds the lock. */
MUST_USE Err *app_prepare(Ctx *c, App *app, bool alone);

/* Open database (waiting for it at most wait_ms), Redis, cache, blobs and search, in this order;
 * app_close closes what is open, in reverse (search_close_all comes before). */
MUST_USE Err *app_open(Ctx *c, App *app, int64_t wait_ms);
void app_close(App *app);

/* Path of the SQLite file of these settings, null for PostgreSQL. */
Str app_sqlite_path(Arena *arena);

#endif

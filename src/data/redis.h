/* SPDX-License-Identifier: Apache-2.0
 * Redis by hiredis's asynchronous interface, one connection per loop plus one for subscriptions.
 * Reconnects with back-off (AUTH, SELECT, CLIENT SETNAME again). While it is away every call returns
 * UNAVAILABLE at once. */
#ifndef SOCLE_DATA_REDIS_H
#define SOCLE_DATA_REDIS_H

#include "core/err.h"
#include "rt/coro.h"

typedef struct Redis Redis;

MUST_USE Err *redis_open(Ctx *c, Str url, Redis **out); /* INVALID for a malformed URL; unreachable is no error */
void redis_close(Redis *redis);
bool redis_up(Redis *redis);

typedef struct RedisReply {
    enum { REDIS_NIL, REDIS_INT, REDIS_TEXT, REDIS_LIST } kind;
    int64_t integer;
    Str text;
    struct RedisReply *items;
    ptrdiff_t count;
} RedisReply;
/* One command; arguments are binary-safe. UPSTREAM carries Redis's own error text. */
MUST_USE Err *redis_command(Ctx *c, Redis *redis, const Str *args, ptrdiff_t count, RedisReply *out);
/* A Lua script by EVALSHA, falling back to EVAL. */
MUST_USE Err *redis_script(Ctx *c, Redis *redis, Str script, const Str *keys, ptrdiff_t key_count,
                           const Str *args, ptrdiff_t arg_count, RedisReply *out);
/* fn runs on the loop that subscribed, for each message; resubscribed after a reconnect, then called
 * once with a null message ("you may have missed some"). */
void redis_subscribe(Redis *redis, Str channel, void (*fn)(void *arg, Str message), void *arg);
MUST_USE Err *redis_publish(Ctx *c, Redis *redis, Str channel, Str message);

/* The Redis of c->app, NULL when not configured; defined by src/app.c. */
Redis *app_redis(Ctx *c);

#endif

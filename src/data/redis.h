/* SPDX-License-Identifier: Apache-2.0
 * Redis by hiredis's asynchronous interface, one connection per loop plus one for subscriptions.
 * Reconnects with back-off (AUTH, SELECT, CLIENT SETNAME again). While it is away every call returns
 * UNAVAILABLE at once. A server that holds a command for 2 s counts as away, so blocking commands
 * (BLPOP and its kind) have no place here. */
#ifndef SOCLE_DATA_REDIS_H
#define SOCLE_DATA_REDIS_H

#include "core/err.h"
#include "rt/coro.h"

typedef struct Redis Redis;

/* redis://[[user:]password@]host[:port][/database] or unix://[[user:]password@]/path[?db=database].
 * Waits for the first attempt to connect, 2 s at most; that it fails is no error, it is tried again
 * for ever. INVALID for a malformed URL and for rediss:// (this hiredis speaks no TLS). */
MUST_USE Err *redis_open(Ctx *c, Str url, Redis **out);
/* Close all connections, before the loops end or after. No command may be under way. */
void redis_close(Redis *redis);
/* Is this loop's connection ready? (From another thread: the first loop's.) */
bool redis_up(Redis *redis);

typedef struct RedisReply {
    enum { REDIS_NIL, REDIS_INT, REDIS_TEXT, REDIS_LIST } kind;
    int64_t integer;
    Str text;
    struct RedisReply *items;
    ptrdiff_t count;
} RedisReply;
/* One command; arguments are binary-safe. The reply is in c's arena. Waits; in a coroutine only.
 * UPSTREAM carries Redis's own error text; UNAVAILABLE: away, stuck, loading or read-only; TIMEOUT,
 * CANCELLED. After those three the command may or may not have been carried out. */
MUST_USE Err *redis_command(Ctx *c, Redis *redis, const Str *args, ptrdiff_t count, RedisReply *out);
/* A Lua script by EVALSHA, falling back to EVAL. */
MUST_USE Err *redis_script(Ctx *c, Redis *redis, Str script, const Str *keys, ptrdiff_t key_count,
                           const Str *args, ptrdiff_t arg_count, RedisReply *out);
/* fn runs on the loop that subscribed, for each message; resubscribed after a reconnect, then called
 * once with a null message ("you may have missed some"), which also follows when the loop was so slow
 * that 10 000 messages waited and further ones were dropped. */
void redis_subscribe(Redis *redis, Str channel, void (*fn)(void *arg, Str message), void *arg);
/* fn(arg) is not called any more once this returns. On the loop that subscribed. */
void redis_unsubscribe(Redis *redis, void (*fn)(void *arg, Str message), void *arg);
MUST_USE Err *redis_publish(Ctx *c, Redis *redis, Str channel, Str message);

/* The Redis of c->app, NULL when not configured; defined by src/app.c. */
Redis *app_redis(Ctx *c);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * One connection to Redis and the service that keeps it: see redis_conn.c. Only the redis_….c files
 * include this. */
#ifndef SOCLE_DATA_REDIS_CONN_H
#define SOCLE_DATA_REDIS_CONN_H

#include <hiredis/async.h>
#include <pthread.h>
#include <stdatomic.h>

#include "data/redis.h"
#include "rt/io.h"

typedef struct RedisConn {
    Redis *redis;
    Loop *loop;
    Coro *service;         /* NULL before it began and after it ended */
    redisAsyncContext *ac; /* NULL while there is no connection */
    FdWatch *watch;
    int events;
    bool for_messages;
    bool connected; /* to the socket; `up` comes after the hello */
    atomic_bool up;
    atomic_bool alive; /* the service was asked for and has not ended */
    atomic_bool tried; /* the first attempt is over */
    int64_t pending;   /* commands without a reply yet */
    char why[128];     /* the last connection could not be made */
} RedisConn;

typedef struct Subscription {
    struct Subscription *next;
    Redis *redis;
    Loop *loop;
    Str channel; /* own memory */
    void (*fn)(void *arg, Str message);
    void *arg;
    bool confirmed;     /* once: each later confirmation means a gap before it */
    atomic_bool dead;   /* unsubscribed */
    atomic_bool missed; /* messages were dropped */
    _Atomic int64_t queued;
} Subscription;

struct Redis {
    Arena *arena;                   /* of the settings below */
    Str host, user, password, path; /* path: of a Unix socket */
    int port;
    int64_t database;
    struct App *app;
    RedisConn conns[LOOPS_MAX], messages;
    int conn_count;
    pthread_mutex_t lock; /* of the list */
    Subscription *subscriptions;
    atomic_bool closing;
    _Atomic int64_t refs; /* the owner, each service, each message and post under way */
};

void redis_ref(Redis *redis);
void redis_unref(Redis *redis);

/* Start the service on the connection's loop. */
void redis_conn_start(RedisConn *conn);
/* Ask it to end; from any thread. */
void redis_conn_stop(RedisConn *conn);
/* Drop the connection; the service makes a new one. Not from a callback. */
void redis_conn_break(RedisConn *conn);
/* One command on a connection that is open, up or not. */
MUST_USE Err *redis_conn_command(Ctx *c, RedisConn *conn, const Str *args, ptrdiff_t count,
                                 RedisReply *out);

/* The connection for messages is ready: subscribe to everything again. */
void redis_messages_up(RedisConn *conn);

#endif

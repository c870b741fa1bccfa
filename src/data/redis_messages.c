/* SPDX-License-Identifier: Apache-2.0
 * Subscriptions. One connection, on the first loop, receives for all; each message is posted to the
 * loop of each subscription. The list only grows (subscriptions are few and made at the start); one
 * that was given up stays in it, dead. */
#include <hiredis/async.h>

#include "data/redis_conn.h"

enum { QUEUED_MAX = 10000 };

typedef struct Message {
    Subscription *to;
    ptrdiff_t len; /* < 0: the null message */
    char data[];
} Message;

static void message_run(void *arg) {
    Message *m = arg;
    Subscription *s = m->to;
    int64_t left = atomic_fetch_sub(&s->queued, 1) - 1;
    if (!atomic_load(&s->dead)) s->fn(s->arg, m->len < 0 ? (Str){0} : str_of(m->data, m->len));
    if (left == 0 && atomic_exchange(&s->missed, false) && !atomic_load(&s->dead))
        s->fn(s->arg, (Str){0});
    redis_unref(s->redis);
    free(m);
}

static void message_post(Subscription *s, Str text) {
    if (atomic_load(&s->dead)) return;
    if (atomic_load(&s->queued) >= QUEUED_MAX) {
        atomic_store(&s->missed, true);
        return;
    }
    Message *m = malloc(sizeof *m + (size_t)text.len);
    if (!m) abort();
    *m = (Message){.to = s, .len = text.data ? text.len : -1};
    if (text.len) memcpy(m->data, text.data, (size_t)text.len);
    atomic_fetch_add(&s->queued, 1);
    redis_ref(s->redis);
    loop_post(s->loop, message_run, m);
}

static Str element(const redisReply *reply, size_t i) {
    const redisReply *e = reply->element[i];
    return e->type == REDIS_REPLY_STRING ? str_of(e->str, (ptrdiff_t)e->len) : (Str){0};
}

static void on_message(redisAsyncContext *ac, void *data, void *arg) {
    const redisReply *reply = data;
    Redis *redis = arg;
    (void)ac;
    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements < 3) return;
    Str kind = element(reply, 0), channel = element(reply, 1);
    bool confirmation = str_eq(kind, S("subscribe"));
    if (!confirmation && !str_eq(kind, S("message"))) return;
    pthread_mutex_lock(&redis->lock);
    for (Subscription *s = redis->subscriptions; s; s = s->next) {
        if (!str_eq(s->channel, channel)) continue;
        if (!confirmation)
            message_post(s, element(reply, 2));
        else if (s->confirmed)
            message_post(s, (Str){0});
        s->confirmed = true;
    }
    pthread_mutex_unlock(&redis->lock);
}

static void subscribe_now(RedisConn *conn, Str channel) {
    const char *args[] = {"SUBSCRIBE", channel.data};
    size_t lengths[] = {9, (size_t)channel.len};
    /* It fails only on a connection that is ending; the next one subscribes again. */
    redisAsyncCommandArgv(conn->ac, on_message, conn->redis, COUNT(args), args, lengths);
}

void redis_messages_up(RedisConn *conn) {
    Redis *redis = conn->redis;
    pthread_mutex_lock(&redis->lock);
    for (Subscription *s = redis->subscriptions; s; s = s->next)
        if (!atomic_load(&s->dead)) subscribe_now(conn, s->channel);
    pthread_mutex_unlock(&redis->lock);
}

static void subscribe_here(void *arg) {
    Subscription *s = arg;
    RedisConn *conn = &s->redis->messages;
    if (conn->ac && atomic_load(&conn->up)) subscribe_now(conn, s->channel);
    redis_unref(s->redis);
}

void redis_subscribe(Redis *redis, Str channel, void (*fn)(void *arg, Str message), void *arg) {
    assert(fn && channel.len > 0);
    Subscription *s = calloc(1, sizeof *s);
    char *name = malloc((size_t)channel.len);
    if (!s || !name) abort();
    memcpy(name, channel.data, (size_t)channel.len);
    Loop *here = loop_here();
    *s = (Subscription){.redis = redis,
                        .loop = here ? here : loop_at(0),
                        .channel = str_of(name, channel.len),
                        .fn = fn,
                        .arg = arg};
    pthread_mutex_lock(&redis->lock);
    s->next = redis->subscriptions;
    redis->subscriptions = s;
    pthread_mutex_unlock(&redis->lock);
    redis_ref(redis);
    loop_post(redis->messages.loop, subscribe_here, s);
}

void redis_unsubscribe(Redis *redis, void (*fn)(void *arg, Str message), void *arg) {
    pthread_mutex_lock(&redis->lock);
    for (Subscription *s = redis->subscriptions; s; s = s->next)
        if (s->fn == fn && s->arg == arg) atomic_store(&s->dead, true);
    pthread_mutex_unlock(&redis->lock);
}

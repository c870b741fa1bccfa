/* SPDX-License-Identifier: Apache-2.0
 * Values lie in Redis as socle:cache:KEY: one byte of kind (`v`, or `n` for "not found"), the wall
 * clock's µs at which they end (8 bytes, little-endian), then the value.
 *
 * What should have been forgotten while Redis was away is a debt. As long as there is one this node
 * neither reads nor writes Redis, where the old values may still be; the first caller after its return
 * pays. Too many debts become one: forget everything. */
#include "data/cache_shared.h"

#include <pthread.h>
#include <stdatomic.h>

#include "core/rand.h"

#define KEY_PREFIX "socle:cache:"
#define CHANNEL S("socle:cache")

enum { NODE_LEN = 16, HEAD_LEN = 9, DEBTS_MAX = 256, SCAN_COUNT = 500 };

typedef struct Debt {
    char *text; /* own memory */
    ptrdiff_t len;
    bool all;
} Debt;

struct CacheShared {
    Redis *redis;
    void (*forget)(void *arg, Str text, bool all);
    void *arg;
    char node[NODE_LEN];
    pthread_mutex_t lock; /* of the debts */
    Debt debts[DEBTS_MAX];
    ptrdiff_t debt_count;
    bool paying;
    atomic_bool owes;
};

/* -- debts ----------------------------------------------------------------------------------------- */

static void debt_drop(CacheShared *s, ptrdiff_t i) {
    free(s->debts[i].text);
    s->debts[i] = s->debts[--s->debt_count];
}

static void debt_add(CacheShared *s, Str text, bool all) {
    pthread_mutex_lock(&s->lock);
    if (s->debt_count == DEBTS_MAX) {
        while (s->debt_count > 0) debt_drop(s, 0);
        text = S("");
        all = true;
    }
    char *copy = malloc((size_t)text.len + 1);
    if (!copy) abort();
    memcpy(copy, text.data, (size_t)text.len);
    s->debts[s->debt_count++] = (Debt){copy, text.len, all};
    atomic_store(&s->owes, true);
    pthread_mutex_unlock(&s->lock);
}

static Str redis_key(Ctx *c, Str key) { return str_concat(c->arena, S(KEY_PREFIX), key); }

static bool tell_nodes(Ctx *c, CacheShared *s, Str text, bool all) {
    Buf message = buf_new(c->arena, NODE_LEN + 1 + text.len);
    buf_add(&message, str_of(s->node, NODE_LEN));
    buf_byte(&message, all ? 'p' : 'k');
    buf_add(&message, text);
    return redis_publish(c, s->redis, CHANNEL, buf_str(&message)) == NULL;
}

static bool unlink_one(Ctx *c, CacheShared *s, Str key) {
    RedisReply reply;
    Str args[] = {S("UNLINK"), redis_key(c, key)};
    return redis_command(c, s->redis, args, COUNT(args), &reply) == NULL;
}

/* One round of SCAN; false when it failed. */
static bool unlink_some(Ctx *c, CacheShared *s, Str pattern, char cursor[32], bool *more) {
    RedisReply reply, gone;
    Str scan[] = {S("SCAN"), str_c(cursor), S("MATCH"),
                  pattern,   S("COUNT"),    strf(c->arena, "%d", SCAN_COUNT)};
    if (redis_command(c, s->redis, scan, COUNT(scan), &reply)) return false;
    if (reply.kind != REDIS_LIST || reply.count != 2 || reply.items[0].text.len > 30) return false;
    RedisReply found = reply.items[1];
    if (found.count > 0) {
        Str *args = arena_array(c->arena, Str, found.count + 1);
        args[0] = S("UNLINK");
        for (ptrdiff_t i = 0; i < found.count; i++) args[i + 1] = found.items[i].text;
        if (redis_command(c, s->redis, args, found.count + 1, &gone)) return false;
    }
    snprintf(cursor, 32, "%.*s", S_ARG(reply.items[0].text));
    *more = !str_eq(str_c(cursor), S("0"));
    return true;
}

static bool unlink_prefix(Ctx *c, CacheShared *s, Str prefix) {
    Buf pattern = buf_new(c->arena, prefix.len + 32);
    buf_add(&pattern, S(KEY_PREFIX));
    for (ptrdiff_t i = 0; i < prefix.len; i++) {
        if (str_find_byte(S("*?[]\\^"), prefix.data[i]) >= 0) buf_byte(&pattern, '\\');
        buf_byte(&pattern, prefix.data[i]);
    }
    buf_byte(&pattern, '*');
    char cursor[32] = "0";
    for (bool more = true; more;) {
        ArenaMark mark = arena_mark(c->arena);
        if (!unlink_some(c, s, buf_str(&pattern), cursor, &more)) return false;
        arena_release(c->arena, mark);
    }
    return true;
}

static bool forget_now(Ctx *c, CacheShared *s, Str text, bool all) {
    bool gone = all ? unlink_prefix(c, s, text) : unlink_one(c, s, text);
    return gone && tell_nodes(c, s, text, all);
}

static void paying_end(void *arg) {
    CacheShared *s = arg;
    pthread_mutex_lock(&s->lock);
    s->paying = false;
    pthread_mutex_unlock(&s->lock);
}

/* A debt to pay, copied to the arena; it stays noted until debt_paid. */
static bool debt_next(Ctx *c, CacheShared *s, Str *text, bool *all) {
    pthread_mutex_lock(&s->lock);
    bool any = s->debt_count > 0;
    ptrdiff_t len = any ? s->debts[0].len : 0;
    pthread_mutex_unlock(&s->lock);
    if (!any) return false;
    char *copy = arena_bytes(c->arena, len); /* may not return: hence not under the lock */
    pthread_mutex_lock(&s->lock);
    bool same = s->debt_count > 0 && s->debts[0].len == len;
    if (same) {
        memcpy(copy, s->debts[0].text, (size_t)len);
        *text = str_of(copy, len);
        *all = s->debts[0].all;
    }
    pthread_mutex_unlock(&s->lock);
    return same;
}

static void debt_paid(CacheShared *s, Str text, bool all) {
    pthread_mutex_lock(&s->lock);
    for (ptrdiff_t i = s->debt_count - 1; i >= 0; i--)
        if (s->debts[i].all == all && str_eq(str_of(s->debts[i].text, s->debts[i].len), text))
            debt_drop(s, i);
    if (s->debt_count == 0) atomic_store(&s->owes, false);
    pthread_mutex_unlock(&s->lock);
}

static void debts_pay(Ctx *c, CacheShared *s) {
    pthread_mutex_lock(&s->lock);
    bool mine = !s->paying;
    s->paying = true;
    pthread_mutex_unlock(&s->lock);
    if (!mine) return;
    Defer *mark = c->defers;
    defer(c, paying_end, s);
    Str text;
    bool all;
    while (debt_next(c, s, &text, &all) && forget_now(c, s, text, all)) debt_paid(s, text, all);
    ctx_undo(c, mark);
}

/* Is Redis there, and is nothing in it that should not be? */
static bool is_ready(Ctx *c, CacheShared *s) {
    if (!c->coro || c->cancelled || !redis_up(s->redis)) return false;
    if (atomic_load(&s->owes)) debts_pay(c, s);
    return !atomic_load(&s->owes);
}

/* -- what other nodes say -------------------------------------------------------------------------- */

static void on_message(void *arg, Str message) {
    CacheShared *s = arg;
    if (str_is_null(message)) {
        s->forget(s->arg, S(""), true); /* some of it may have been for us */
        return;
    }
    if (message.len <= NODE_LEN || str_starts(message, str_of(s->node, NODE_LEN))) return;
    char kind = message.data[NODE_LEN];
    Str text = str_slice(message, NODE_LEN + 1, message.len);
    if (kind == 'k' || kind == 'p') s->forget(s->arg, text, kind == 'p');
}

/* -- the calls ------------------------------------------------------------------------------------- */

CacheShared *cache_shared_new(Redis *redis, void (*forget)(void *arg, Str text, bool all),
                              void *arg) {
    assert(redis && forget);
    CacheShared *s = calloc(1, sizeof *s);
    if (!s) abort();
    *s = (CacheShared){.redis = redis, .forget = forget, .arg = arg};
    pthread_mutex_init(&s->lock, NULL);
    unsigned char random[NODE_LEN / 2];
    rand_bytes(random, sizeof random);
    for (int i = 0; i < NODE_LEN; i++)
        s->node[i] = "0123456789abcdef"[random[i / 2] >> (i % 2 * 4) & 15];
    redis_subscribe(redis, CHANNEL, on_message, s);
    return s;
}

void cache_shared_free(CacheShared *s) {
    if (!s) return;
    redis_unsubscribe(s->redis, on_message, s);
    while (s->debt_count > 0) debt_drop(s, 0);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

SharedValue cache_shared_get(Ctx *c, CacheShared *s, Str key, int64_t now_us) {
    RedisReply reply;
    Str args[] = {S("GET"), redis_key(c, key)};
    if (!is_ready(c, s) || redis_command(c, s->redis, args, COUNT(args), &reply))
        return (SharedValue){0};
    if (reply.kind != REDIS_TEXT || reply.text.len < HEAD_LEN) return (SharedValue){0};
    char kind = reply.text.data[0];
    uint64_t expires = 0;
    for (int i = 0; i < 8; i++)
        expires |= (uint64_t)(unsigned char)reply.text.data[1 + i] << (8 * i);
    if ((kind != 'v' && kind != 'n') || (int64_t)expires <= now_us) return (SharedValue){0};
    return (SharedValue){str_slice(reply.text, HEAD_LEN, reply.text.len), kind == 'n',
                         (int64_t)expires};
}

static bool set_now(Ctx *c, CacheShared *s, Str key, SharedValue value, int64_t ttl_ms) {
    RedisReply reply;
    Buf text = buf_new(c->arena, HEAD_LEN + value.value.len);
    buf_byte(&text, value.negative ? 'n' : 'v');
    for (int i = 0; i < 8; i++) buf_byte(&text, (char)((uint64_t)value.expires_us >> (8 * i)));
    buf_add(&text, value.value);
    Str args[] = {S("SET"), redis_key(c, key), buf_str(&text), S("PX"),
                  strf(c->arena, "%lld", (long long)ttl_ms)};
    return redis_command(c, s->redis, args, COUNT(args), &reply) == NULL;
}

bool cache_shared_fill(Ctx *c, CacheShared *s, Str key, SharedValue value, int64_t ttl_ms) {
    assert(ttl_ms > 0);
    return is_ready(c, s) && set_now(c, s, key, value, ttl_ms);
}

void cache_shared_change(Ctx *c, CacheShared *s, Str key, SharedValue value, int64_t ttl_ms) {
    assert(ttl_ms > 0);
    bool good = is_ready(c, s) && set_now(c, s, key, value, ttl_ms) && tell_nodes(c, s, key, false);
    if (!good) debt_add(s, key, false); /* the older value may still be there, or on other nodes */
}

void cache_shared_forget(Ctx *c, CacheShared *s, Str text, bool all) {
    if (!is_ready(c, s) || !forget_now(c, s, text, all)) debt_add(s, text, all);
}

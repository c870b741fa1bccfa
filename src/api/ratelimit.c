/* SPDX-License-Identifier: Apache-2.0
 * Who may ask how often. In this process: a fixed table in shards, each with its lock. With Redis
 * the same arithmetic runs there, for all nodes together; while Redis is away, here again.
 *
 *   before signing in   address             class limit; IN_COMMON times as much with credentials
 *                                           where they are needed
 *   after signing in    user or API key     class limit
 *                       organisation        IN_COMMON times the class limit */
#include "api/ratelimit.h"

#include <arpa/inet.h>
#include <pthread.h>

#include "api/base_settings.h"
#include "api/router_room.h"
#include "core/map.h"
#include "data/redis.h"

enum { SHARDS = 64, SETS = 128, WAYS = 8, IN_COMMON = 10, REDIS_WAIT_MS = 100, KEY_MAX = 96 };

typedef struct Bucket {
    uint64_t key;    /* SipHash under the process's secret */
    int64_t full_us; /* when it is full again */
} Bucket;

typedef struct Shard {
    pthread_mutex_t lock;
    Bucket sets[SETS][WAYS];
} Shard;

static Shard shards[SHARDS];
static pthread_once_t shards_once = PTHREAD_ONCE_INIT;
static void shards_init(void) {
    for (int i = 0; i < SHARDS; i++) pthread_mutex_init(&shards[i].lock, NULL);
}

void rate_reset(void) {
    pthread_once(&shards_once, shards_init);
    for (int i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&shards[i].lock);
        memset(shards[i].sets, 0, sizeof shards[i].sets);
        pthread_mutex_unlock(&shards[i].lock);
    }
}

RateState rate_state(int64_t limit, int64_t full_us, int64_t now_us, bool allowed) {
    int64_t missing_us = max_i64(full_us - now_us, 0), step_us = US_PER_MINUTE / limit;
    return (RateState){
        .limit = limit,
        .remaining = max_i64(0, (US_PER_MINUTE - missing_us) / step_us),
        .reset_s = (missing_us + US_PER_SECOND - 1) / US_PER_SECOND,
        .retry_s = allowed ? 0
                           : max_i64(1, (missing_us + step_us - US_PER_MINUTE + US_PER_SECOND - 1) /
                                            US_PER_SECOND),
        .allowed = allowed,
    };
}

/* The key's bucket, or the one to take for it: a full one, else the one that is full soonest. */
static Bucket *bucket_find(Bucket *set, uint64_t key) {
    Bucket *best = &set[0];
    for (int i = 0; i < WAYS; i++) {
        if (set[i].key == key) return &set[i];
        if (set[i].full_us < best->full_us) best = &set[i];
    }
    *best = (Bucket){.key = key};
    return best;
}

RateState rate_take(Str key, int64_t limit, int64_t now_us) {
    assert(limit > 0 && limit <= US_PER_MINUTE);
    uint64_t hash = siphash_secret(key);
    pthread_once(&shards_once, shards_init);
    Shard *shard = &shards[hash % SHARDS];
    pthread_mutex_lock(&shard->lock);
    Bucket *bucket = bucket_find(shard->sets[hash / SHARDS % SETS], hash);
    int64_t full_us = max_i64(bucket->full_us, now_us), next_us = full_us + US_PER_MINUTE / limit;
    bool allowed = next_us - now_us <= US_PER_MINUTE;
    if (allowed) bucket->full_us = full_us = next_us;
    pthread_mutex_unlock(&shard->lock);
    return rate_state(limit, full_us, now_us, allowed);
}

/* -- In Redis ---------------------------------------------------------------------------------- */

static const char redis_text[] =
    "local t = redis.call('TIME')\n"
    "local now = t[1] * 1000000 + t[2]\n"
    "local full = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)\n"
    "local after = full + tonumber(ARGV[1])\n"
    "if after - now > 60000000 then return {0, full - now} end\n"
    "redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / "
    "1000) + 1)\n"
    "return {1, after - now}\n";

static bool redis_take(Ctx *c, Redis *redis, Str key, int64_t limit, RateState *out) {
    if (!redis_up(redis)) return false;
    RedisReply reply = {0};
    Str keys[] = {key}, args[] = {strf(c->arena, "%lld", (long long)(US_PER_MINUTE / limit))};
    int64_t former = ctx_deadline_within(c, REDIS_WAIT_MS);
    Err *err = redis_script(c, redis, str_of(redis_text, (ptrdiff_t)sizeof redis_text - 1), keys, 1,
                            args, 1, &reply);
    c->deadline_us = former;
    if (err || reply.kind != REDIS_LIST || reply.count != 2) return false;
    *out = rate_state(limit, reply.items[1].integer, 0, reply.items[0].integer == 1);
    return true;
}

static RateState take(Ctx *c, Str key, int64_t limit) {
    RateState state;
    Redis *redis = app_redis(c);
    if (redis && redis_take(c, redis, key, limit, &state)) return state;
    return rate_take(key, limit, mono_us());
}

/* -- Around a request -------------------------------------------------------------------------- */

static int64_t class_limit(RateClass rate) {
    switch (rate) {
    case RATE_DEFAULT: return settings.rate_default;
    case RATE_AUTH: return settings.rate_auth;
    case RATE_WRITE: return settings.rate_write;
    case RATE_BULK: return settings.rate_bulk;
    case RATE_SEARCH: return settings.rate_search;
    case RATE_NONE:
    case RATE_CLASS_COUNT: break;
    }
    return 0;
}

Str rate_address(Arena *arena, Str address) {
    unsigned char bytes[16];
    char text[INET6_ADDRSTRLEN + 1];
    if (str_find_byte(address, ':') < 0 || address.len >= (ptrdiff_t)sizeof text) return address;
    memcpy(text, address.data, (size_t)address.len);
    text[address.len] = 0;
    return inet_pton(AF_INET6, text, bytes) == 1 ? str_hex(arena, bytes, 8) : address;
}

/* `rate:CLASS:KIND:WHO`, on the stack: it is made for every request. */
static Str key_make(char text[KEY_MAX], RateClass rate, Str kind, Str who) {
    ptrdiff_t n = 7, room = KEY_MAX - n - kind.len;
    memcpy(text, "rate:0:", 7);
    text[5] = (char)('0' + (int)rate);
    memcpy(text + n, kind.data, (size_t)kind.len);
    n += kind.len;
    who = str_slice(who, 0, room);
    if (who.len) memcpy(text + n, who.data, (size_t)who.len);
    return str_of(text, n + who.len);
}

static Str key_of_id(char text[KEY_MAX], RateClass rate, Str kind, Id id) {
    return key_make(text, rate, kind, str_of((const char *)&id.value, (ptrdiff_t)sizeof id.value));
}

static void number_line(Reply *r, Str name, int64_t value) {
    char digits[24];
    int n = (int)sizeof digits;
    do digits[--n] = (char)('0' + value % 10);
    while (value /= 10);
    reply_header(r, name, str_of(digits + n, (ptrdiff_t)sizeof digits - n));
}

static void state_headers(Reply *r, RateState s) {
    number_line(r, S("RateLimit-Limit"), s.limit);
    number_line(r, S("RateLimit-Remaining"), s.remaining);
    number_line(r, S("RateLimit-Reset"), s.reset_s);
    number_line(r, S("X-RateLimit-Limit"), s.limit);
    number_line(r, S("X-RateLimit-Remaining"), s.remaining);
    number_line(r, S("X-RateLimit-Reset"), s.reset_s);
}

static Err *refused(Ctx *c, const Call *k, RateState state) {
    state_headers(k->r, state);
    Err *err = err_new(c, ERR_RATE_LIMITED, __func__,
                       "Too many requests: at most %lld a minute here. Try again in %lld s.",
                       (long long)state.limit, (long long)state.retry_s);
    err->retry_after_s = state.retry_s;
    return err;
}

static bool unlimited(const Call *k) {
    return !settings.rate_limits || k->route->rate == RATE_NONE;
}

Err *rate_check_address(Ctx *c, const Call *k) {
    if (unlimited(k)) return NULL;
    char text[KEY_MAX];
    RateClass rate = k->route->rate;
    int64_t limit = class_limit(rate);
    bool alone = rate == RATE_AUTH || k->route->access == ACCESS_OPEN ||
                 !req_header(k->q, S("Authorization")).data;
    Str key =
        key_make(text, rate, alone ? S("a:") : S("A:"), rate_address(c->arena, k->q->client_ip));
    RateState state = take(c, key, alone ? limit : limit * IN_COMMON);
    if (!state.allowed) return refused(c, k, state);
    if (alone) state_headers(k->r, state);
    return NULL;
}

Err *rate_check_account(Ctx *c, const Call *k) {
    const Account *account = &c->account;
    bool by_address = k->route->rate == RATE_AUTH || k->route->access == ACCESS_OPEN;
    if (unlimited(k) || by_address || id_is_none(account->user)) return NULL;
    char text[KEY_MAX];
    RateClass rate = k->route->rate;
    int64_t limit = class_limit(rate);
    bool by_key = !id_is_none(account->api_key);
    Str key = key_of_id(text, rate, by_key ? S("k:") : S("u:"),
                        by_key ? account->api_key : account->user);
    RateState own = take(c, key, limit);
    if (!own.allowed) return refused(c, k, own);
    if (!id_is_none(account->organisation)) {
        RateState all =
            take(c, key_of_id(text, rate, S("o:"), account->organisation), limit * IN_COMMON);
        if (!all.allowed) return refused(c, k, all);
    }
    state_headers(k->r, own);
    return NULL;
}

/* SPDX-License-Identifier: Apache-2.0
 * The cache by itself, from several loops, and two caches ("nodes") over one real redis-server that is
 * frozen, killed and started again. */
#include <stdatomic.h>

#include "core/rand.h"
#include "data/cache.h"
#include "data/redis.h"
#include "redis_server.h"
#include "t_loop.h"

static RedisServer server;
static Redis *redis, *redis_b;
static Cache *node_a, *node_b; /* each with a Redis of its own, as two processes have */

enum { LONG = 3600 * 1000 };

static Str got(Cache *cache, Str key) {
    Str value = S("untouched");
    return GOOD(cache_get(c, cache, key, &value)) ? value : S("error");
}

static Str key_of(const char *kind, int i) { return strf(c->arena, "%s:%d", kind, i); }

static const Str none = {0};

/* -- memory ---------------------------------------------------------------------------------------- */

TEST(keeps_what_is_set_until_it_is_removed) {
    Cache *cache = cache_new(MIB, NULL);
    CHECK_STR(got(cache, S("k")), none);
    GOOD(cache_set(c, cache, S("k"), S("v"), LONG));
    CHECK_STR(got(cache, S("k")), S("v"));
    GOOD(cache_set(c, cache, S("k"), S("other, longer"), LONG));
    CHECK_STR(got(cache, S("k")), S("other, longer"));
    GOOD(cache_remove(c, cache, S("k")));
    CHECK_STR(got(cache, S("k")), none);
    GOOD(cache_remove(c, cache, S("k")));
    cache_free(cache);
}

TEST(keys_and_values_may_be_any_bytes) {
    Cache *cache = cache_new(MIB, NULL);
    char *large = arena_alloc(c->arena, 1, 100 * KIB);
    large[99 * KIB] = 'x';
    GOOD(cache_set(c, cache, S("a\0b"), S("1\0\xFF"), LONG));
    GOOD(cache_set(c, cache, S("a\0c"), S(""), LONG));
    GOOD(cache_set(c, cache, S(""), S("empty key"), LONG));
    GOOD(cache_set(c, cache, S("large"), str_of(large, 100 * KIB), LONG));
    CHECK_STR(got(cache, S("a\0b")), S("1\0\xFF"));
    CHECK_STR(got(cache, S("a\0c")), S(""));
    CHECK_STR(got(cache, S("")), S("empty key"));
    CHECK(str_eq(got(cache, S("large")), str_of(large, 100 * KIB)));
    CHECK_STR(got(cache, S("a")), none);
    cache_free(cache);
}

TEST(never_holds_more_than_its_bound) {
    static const ptrdiff_t bounds[] = {4 * KIB, 100 * KIB, 2 * MIB};
    for (ptrdiff_t b = 0; b < COUNT(bounds); b++) {
        Cache *cache = cache_new(bounds[b], NULL);
        Rand random = {42};
        char *text = arena_alloc(c->arena, 1, 10 * KIB);
        for (int i = 0; i < 20000; i++) {
            ArenaMark mark = arena_mark(c->arena);
            Str key = key_of("k", (int)rand_below(&random, 10000));
            Str value = str_of(text, rand_below(&random, i % 50 ? 300 : 10 * KIB));
            GOOD(cache_set(c, cache, key, value, LONG));
            got(cache, key_of("k", (int)rand_below(&random, 10000)));
            arena_release(c->arena, mark);
            if (!CHECK(cache_stats(cache).bytes <= bounds[b])) break;
        }
        CacheStats stats = cache_stats(cache);
        CHECK(stats.evictions > 0 && stats.entries > 0);
        CHECK(stats.bytes > bounds[b] / 2); /* and makes use of it */
        cache_free(cache);
    }
}

TEST(a_value_over_the_bound_is_not_kept_and_drives_nothing_out) {
    Cache *cache = cache_new(64 * KIB, NULL);
    char *large = arena_alloc(c->arena, 1, 65 * KIB);
    for (int i = 0; i < 20; i++) GOOD(cache_set(c, cache, key_of("k", i), S("v"), LONG));
    GOOD(cache_set(c, cache, S("k:7"), str_of(large, 65 * KIB), LONG));
    CHECK_INT(cache_stats(cache).entries, 19); /* the old value is not right any more either */
    CHECK_STR(got(cache, S("k:7")), none);
    cache_free(cache);
}

static void use_one(Cache *cache, const char *kind, int i) {
    ArenaMark mark = arena_mark(c->arena);
    Str key = key_of(kind, i);
    if (str_is_null(got(cache, key)))
        GOOD(cache_set(c, cache, key, S("a value of some length"), LONG));
    arena_release(c->arena, mark);
}

static void use_all(Cache *cache, const char *kind, int count) {
    for (int i = 0; i < count; i++) use_one(cache, kind, i);
}

static int count_held(Cache *cache, const char *kind, int count) {
    int held = 0;
    for (int i = 0; i < count; i++) held += !str_is_null(got(cache, key_of(kind, i)));
    return held;
}

/* The second use of each, a little later, makes a mere LRU (segmented or not) take it for wanted. */
TEST(what_is_used_often_survives_a_scan_of_what_is_used_twice) {
    Cache *cache = cache_new(256 * KIB, NULL);
    for (int round = 0; round < 8; round++) use_all(cache, "hot", 500);
    for (int i = 100; i < 2700; i++) { /* not so long that the past fades */
        use_one(cache, "cold", i);
        use_one(cache, "cold", i - 100);
    }
    CHECK(count_held(cache, "hot", 500) >= 450);
    cache_free(cache);
}

TEST(the_past_fades_and_a_new_favourite_gets_in) {
    Cache *cache = cache_new(256 * KIB, NULL);
    for (int round = 0; round < 40; round++) use_all(cache, "old", 1900);
    for (int round = 0; round < 30; round++) use_all(cache, "new", 500);
    CHECK(count_held(cache, "new", 500) >= 450);
    cache_free(cache);
}

TEST(a_value_ends_when_its_time_is_over) {
    Cache *cache = cache_new(MIB, NULL);
    Time start = {1000 * US_PER_SECOND};
    time_freeze(start);
    GOOD(cache_set(c, cache, S("k"), S("v"), 1000));
    time_freeze(time_add(start, US_PER_SECOND - 1));
    CHECK_STR(got(cache, S("k")), S("v"));
    time_freeze(time_add(start, US_PER_SECOND));
    CHECK_STR(got(cache, S("k")), none);
    CHECK_INT(cache_stats(cache).entries, 0);
    time_freeze(TIME_NULL);
    cache_free(cache);
}

TEST(a_time_of_nothing_keeps_nothing_and_an_endless_one_does) {
    Cache *cache = cache_new(MIB, NULL);
    GOOD(cache_set(c, cache, S("k"), S("v"), LONG));
    GOOD(cache_set(c, cache, S("k"), S("w"), 0));
    CHECK_STR(got(cache, S("k")), none);
    GOOD(cache_set(c, cache, S("k"), S("w"), -5));
    CHECK_STR(got(cache, S("k")), none);
    GOOD(cache_set(c, cache, S("k"), S("w"), INT64_MAX));
    CHECK_STR(got(cache, S("k")), S("w"));
    cache_free(cache);
}

TEST(a_prefix_takes_only_what_begins_with_it) {
    Cache *cache = cache_new(8 * MIB, NULL); /* several shards */
    for (int i = 0; i < 200; i++) {
        GOOD(cache_set(c, cache, key_of("project:1", i), S("v"), LONG));
        GOOD(cache_set(c, cache, key_of("project:12", i), S("v"), LONG));
        GOOD(cache_set(c, cache, key_of("a project:1", i), S("v"), LONG));
    }
    GOOD(cache_remove_prefix(c, cache, S("project:1:")));
    CHECK_INT(count_held(cache, "project:1", 200), 0);
    CHECK_INT(count_held(cache, "project:12", 200), 200);
    CHECK_INT(count_held(cache, "a project:1", 200), 200);
    GOOD(cache_remove_prefix(c, cache, S("")));
    CHECK_INT(cache_stats(cache).entries, 0);
    CHECK_INT(cache_stats(cache).bytes, 0);
    cache_free(cache);
}

/* -- filling --------------------------------------------------------------------------------------- */

typedef struct Source {
    _Atomic int calls;
    atomic_bool *hold; /* wait while it is true */
    Str value;
    ErrKind kind; /* an error instead, if `fails` */
    bool fails;
} Source;

static Err *source_fill(Ctx *own, void *arg, Str *value) {
    Source *source = arg;
    atomic_fetch_add(&source->calls, 1);
    while (source->hold && atomic_load(source->hold)) TRY(sleep_ms(own, 2));
    if (source->fails) {
        Err *err = err_new(own, source->kind, __func__, "There is no such thing.");
        err->code = S("own_code");
        return err;
    }
    *value = source->value;
    return NULL;
}

TEST(computes_once_and_then_remembers) {
    Cache *cache = cache_new(MIB, NULL);
    Source source = {.value = S("made")};
    Str value;
    for (int i = 0; i < 3; i++) {
        REQUIRE(GOOD(cache_fill(c, cache, S("k"), LONG, 0, source_fill, &source, &value)));
        CHECK_STR(value, S("made"));
    }
    CHECK_INT(source.calls, 1);
    CacheStats stats = cache_stats(cache);
    CHECK_INT(stats.misses, 1);
    CHECK_INT(stats.hits, 2);
    REQUIRE(GOOD(cache_fill(c, cache, S("other"), 0, 0, source_fill, &source, &value)));
    REQUIRE(GOOD(cache_fill(c, cache, S("other"), 0, 0, source_fill, &source, &value)));
    CHECK_INT(source.calls, 3); /* kept for no time */
    cache_free(cache);
}

TEST(what_was_not_found_is_remembered_for_its_own_time) {
    Cache *cache = cache_new(MIB, NULL);
    Source source = {.fails = true, .kind = ERR_NOT_FOUND};
    Str value;
    Time start = {1000 * US_PER_SECOND};
    time_freeze(start);
    for (int i = 0; i < 3; i++) {
        Err *err = cache_fill(c, cache, S("k"), LONG, 500, source_fill, &source, &value);
        REQUIRE(FAILS(err, NOT_FOUND));
        CHECK_STR(err->detail, S("There is no such thing."));
        CHECK_STR(err_code(err), S("own_code"));
    }
    CHECK_INT(source.calls, 1);
    CHECK_STR(got(cache, S("k")), none);
    time_freeze(time_add(start, 500 * US_PER_MS));
    FAILS(cache_fill(c, cache, S("k"), LONG, 0, source_fill, &source, &value), NOT_FOUND);
    FAILS(cache_fill(c, cache, S("k"), LONG, 0, source_fill, &source, &value), NOT_FOUND);
    CHECK_INT(source.calls, 3); /* no negative time: not kept */
    time_freeze(TIME_NULL);
    cache_free(cache);
}

TEST(other_errors_and_null_values_are_not_kept) {
    Cache *cache = cache_new(MIB, NULL);
    Source failing = {.fails = true, .kind = ERR_UPSTREAM}, null = {0};
    Str value;
    for (int i = 0; i < 2; i++) {
        FAILS(cache_fill(c, cache, S("k"), LONG, LONG, source_fill, &failing, &value), UPSTREAM);
        REQUIRE(GOOD(cache_fill(c, cache, S("n"), LONG, LONG, source_fill, &null, &value)));
        CHECK(str_is_null(value));
    }
    CHECK_INT(failing.calls, 2);
    CHECK_INT(null.calls, 2);
    cache_free(cache);
}

/* Callers on all loops; each adds up what it got. */
typedef struct Crowd {
    Cache *cache;
    Source *source;
    Str key;
    int64_t deadline_ms;
    _Atomic int left, begun, values, nulls, errors[ERR_KIND_COUNT];
} Crowd;

static void crowd_one(Ctx *own, void *arg) {
    Crowd *crowd = arg;
    Str value = S("untouched");
    atomic_fetch_add(&crowd->begun, 1);
    if (crowd->deadline_ms) ctx_deadline_within(own, crowd->deadline_ms);
    Err *err =
        cache_fill(own, crowd->cache, crowd->key, LONG, 0, source_fill, crowd->source, &value);
    if (err)
        atomic_fetch_add(&crowd->errors[err->kind], 1);
    else if (str_is_null(value))
        atomic_fetch_add(&crowd->nulls, 1);
    else if (str_eq(value, crowd->source->value))
        atomic_fetch_add(&crowd->values, 1);
    atomic_fetch_sub(&crowd->left, 1);
}

static _Atomic int posts_left;

static void post_done(void *arg) { atomic_fetch_sub((_Atomic int *)arg, 1); }

/* Everybody has come as far as waiting: whoever began has given its loop back. */
static void crowd_waits(Crowd *crowd, int count) {
    SOON(atomic_load(&crowd->begun) == count);
    atomic_store(&posts_left, loop_count());
    for (int i = 0; i < loop_count(); i++) loop_post(loop_at(i), post_done, &posts_left);
    SOON(atomic_load(&posts_left) == 0);
}

static void crowd_send(Crowd *crowd, int count) {
    atomic_store(&crowd->left, count);
    atomic_store(&crowd->begun, 0);
    for (int i = 0; i < count; i++)
        coro_spawn_on(loop_at(i % loop_count()), (CoroOptions){.name = "crowd"}, crowd_one, crowd);
}

TEST(of_many_callers_on_all_loops_one_computes_and_all_get_it) {
    atomic_bool hold = true;
    Source source = {.value = str_of(arena_alloc(c->arena, 1, 5000), 5000), .hold = &hold};
    Crowd crowd = {.cache = cache_new(MIB, NULL), .source = &source, .key = S("k")};
    crowd_send(&crowd, 300);
    crowd_waits(&crowd, 300);
    atomic_store(&hold, false);
    SOON(atomic_load(&crowd.left) == 0);
    CHECK_INT(source.calls, 1);
    CHECK_INT(crowd.values, 300);
    CHECK_INT(cache_stats(crowd.cache).misses, 1);
    CHECK_INT(cache_stats(crowd.cache).hits, 299);
    cache_free(crowd.cache);
}

TEST(one_computes_even_when_the_value_is_there_the_next_moment) {
    Source source = {.value = S("quick")};
    Crowd crowd = {.cache = cache_new(MIB, NULL), .source = &source};
    for (int round = 0; round < 200; round++) {
        crowd.key = key_of("round", round);
        crowd_send(&crowd, 30);
        SOON(atomic_load(&crowd.left) == 0);
    }
    CHECK_INT(source.calls, 200);
    CHECK_INT(crowd.values, 6000);
    cache_free(crowd.cache);
}

TEST(an_error_is_given_to_all_and_the_next_caller_tries_again) {
    atomic_bool hold = true;
    Source source = {.fails = true, .kind = ERR_UPSTREAM, .hold = &hold};
    Crowd crowd = {.cache = cache_new(MIB, NULL), .source = &source, .key = S("k")};
    crowd_send(&crowd, 100);
    crowd_waits(&crowd, 100);
    atomic_store(&hold, false);
    SOON(atomic_load(&crowd.left) == 0);
    CHECK_INT(source.calls, 1);
    CHECK_INT(crowd.errors[ERR_UPSTREAM], 100);
    source = (Source){.value = S("now it works")};
    crowd_send(&crowd, 1);
    SOON(atomic_load(&crowd.left) == 0);
    CHECK_INT(crowd.values, 1);
    cache_free(crowd.cache);
}

TEST(a_null_value_is_given_to_all) {
    atomic_bool hold = true;
    Source source = {.hold = &hold};
    Crowd crowd = {.cache = cache_new(MIB, NULL), .source = &source, .key = S("k")};
    crowd_send(&crowd, 50);
    crowd_waits(&crowd, 50);
    atomic_store(&hold, false);
    SOON(atomic_load(&crowd.left) == 0);
    CHECK_INT(crowd.nulls, 50);
    CHECK_INT(source.calls, 1);
    cache_free(crowd.cache);
}

TEST(when_the_first_caller_is_cancelled_another_computes) {
    atomic_bool hold = true;
    Source source = {.value = S("v"), .hold = &hold};
    Crowd first = {.cache = cache_new(MIB, NULL), .source = &source, .key = S("k")};
    Crowd others = first;
    atomic_store(&first.left, 1);
    Coro *co = coro_spawn((CoroOptions){.name = "first"}, crowd_one, &first);
    SOON(atomic_load(&source.calls) == 1);
    crowd_send(&others, 30);
    crowd_waits(&others, 30);
    coro_cancel(co);
    SOON(atomic_load(&first.left) == 0);
    atomic_store(&hold, false);
    SOON(atomic_load(&others.left) == 0);
    CHECK_INT(first.errors[ERR_CANCELLED], 1);
    CHECK_INT(others.values, 30);
    CHECK_INT(source.calls, 2);
    cache_free(first.cache);
}

TEST(when_the_first_caller_has_less_time_another_computes) {
    atomic_bool hold = true;
    Source source = {.value = S("v"), .hold = &hold};
    Crowd first = {
        .cache = cache_new(MIB, NULL), .source = &source, .key = S("k"), .deadline_ms = 200};
    Crowd others = first;
    others.deadline_ms = 0;
    crowd_send(&first, 1);
    SOON(atomic_load(&source.calls) == 1);
    crowd_send(&others, 30);
    SOON(atomic_load(&first.left) == 0);
    atomic_store(&hold, false);
    SOON(atomic_load(&others.left) == 0);
    CHECK_INT(first.errors[ERR_TIMEOUT], 1);
    CHECK_INT(others.values, 30);
    CHECK_INT(source.calls, 2);
    cache_free(first.cache);
}

TEST(who_waits_for_another_obeys_its_own_deadline) {
    atomic_bool hold = true;
    Source source = {.value = S("v"), .hold = &hold};
    Crowd first = {.cache = cache_new(MIB, NULL), .source = &source, .key = S("k")};
    Crowd hasty = first;
    hasty.deadline_ms = 50;
    crowd_send(&first, 1);
    SOON(atomic_load(&source.calls) == 1);
    crowd_send(&hasty, 30);
    SOON(atomic_load(&hasty.left) == 0);
    CHECK_INT(atomic_load(&first.left), 1);
    CHECK_INT(hasty.errors[ERR_TIMEOUT], 30);
    atomic_store(&hold, false);
    SOON(atomic_load(&first.left) == 0);
    CHECK_INT(first.values, 1);
    CHECK_INT(source.calls, 1);
    cache_free(first.cache);
}

static Err *devour(Ctx *own, void *arg, Str *value) {
    atomic_fetch_add((_Atomic int *)arg, 1);
    TRY(sleep_ms(own, 60));
    *value = str_of(arena_bytes(own->arena, 100 * MIB), 100 * MIB);
    return NULL;
}

static void glutton(Ctx *own, void *arg) {
    Crowd *crowd = arg;
    jmp_buf full;
    Str value;
    arena_on_full(own->arena, &full);
    if (setjmp(full) == 0) {
        Err *err = cache_fill(own, crowd->cache, crowd->key, LONG, 0, devour, &crowd->source->calls,
                              &value);
        atomic_fetch_add(&crowd->values, err == NULL);
    } else {
        arena_on_full(own->arena, NULL);
        atomic_fetch_add(&crowd->errors[ERR_BUDGET], 1);
    }
    atomic_fetch_sub(&crowd->left, 1);
}

TEST(when_the_first_caller_runs_out_of_memory_another_computes) {
    Source source = {.value = S("v")};
    Crowd first = {.cache = cache_new(MIB, NULL), .source = &source, .key = S("k")};
    Crowd others = first;
    atomic_store(&first.left, 1);
    coro_spawn((CoroOptions){.name = "glutton"}, glutton, &first);
    SOON(atomic_load(&source.calls) == 1);
    crowd_send(&others, 10);
    SOON(atomic_load(&first.left) + atomic_load(&others.left) == 0);
    CHECK_INT(first.errors[ERR_BUDGET], 1);
    CHECK_INT(others.values, 10);
    CHECK_INT(source.calls, 2);
    cache_free(first.cache);
}

static void forget_by_remove(Cache *cache) { GOOD(cache_remove(c, cache, S("project:1"))); }
static void forget_by_prefix(Cache *cache) { GOOD(cache_remove_prefix(c, cache, S("project:"))); }
static void forget_by_set(Cache *cache) {
    GOOD(cache_set(c, cache, S("project:1"), S("set"), LONG));
}

TEST(what_was_computed_from_the_past_is_given_but_not_kept) {
    static const struct {
        void (*forget)(Cache *cache);
        Str after;
    } ways[] = {{forget_by_remove, S_INIT("new")},
                {forget_by_prefix, S_INIT("new")},
                {forget_by_set, S_INIT("set")}};
    for (ptrdiff_t i = 0; i < COUNT(ways); i++) {
        atomic_bool hold = true;
        Source source = {.value = S("old"), .hold = &hold}, fresh = {.value = ways[i].after};
        Crowd crowd = {.cache = cache_new(MIB, NULL), .source = &source, .key = S("project:1")};
        Crowd later = {.cache = crowd.cache, .source = &fresh, .key = S("project:1")};
        crowd_send(&crowd, 10);
        crowd_waits(&crowd, 10);
        ways[i].forget(crowd.cache);
        crowd_send(&later, 10); /* who comes after must not get the old value */
        SOON(atomic_load(&later.left) == 0);
        CHECK_INT(later.values, 10);
        atomic_store(&hold, false);
        SOON(atomic_load(&crowd.left) == 0);
        CHECK_INT(crowd.values, 10);
        CHECK_STR(got(crowd.cache, S("project:1")), ways[i].after);
        cache_free(crowd.cache);
    }
}

static _Atomic int mill_left, mill_wrong;

static Err *mill_fill(Ctx *own, void *arg, Str *value) {
    coro_yield(own);
    *value = strf(own->arena, "value of key %d", *(int *)arg);
    return NULL;
}

static void mill_run(Ctx *own, void *arg) {
    Cache *cache = arg;
    Rand random = *rand_thread();
    for (int i = 0; i < 1500; i++) {
        ArenaMark mark = arena_mark(own->arena);
        Defer *defers = own->defers;
        int n = (int)rand_below(&random, 300), what = (int)rand_below(&random, 20);
        Str key = strf(own->arena, "%d", n), want = strf(own->arena, "value of key %d", n),
            value = {0};
        Err *err = NULL;
        if (what == 0)
            err = cache_remove(own, cache, key);
        else if (what == 1)
            err = cache_remove_prefix(own, cache, str_slice(key, 0, 2));
        else if (what < 4)
            err = cache_set(own, cache, key, want, 1 + rand_below(&random, 5));
        else if (what < 8)
            err = cache_get(own, cache, key, &value);
        else
            err = cache_fill(own, cache, key, 1 + rand_below(&random, 5), 1, mill_fill, &n, &value);
        if (err || (value.data && !str_eq(value, want))) atomic_fetch_add(&mill_wrong, 1);
        ctx_undo(own, defers);
        arena_release(own->arena, mark);
        if (i % 50 == 0) coro_yield(own);
    }
    atomic_fetch_sub(&mill_left, 1);
}

TEST(everything_at_once_on_all_loops_gives_no_wrong_value) {
    Cache *cache = cache_new(20 * KIB, NULL);
    atomic_store(&mill_left, 30);
    for (int i = 0; i < 30; i++)
        coro_spawn_on(loop_at(i % loop_count()), (CoroOptions){.name = "mill"}, mill_run, cache);
    SOON(atomic_load(&mill_left) == 0);
    CHECK_INT(atomic_load(&mill_wrong), 0);
    CHECK(cache_stats(cache).bytes <= 20 * KIB);
    cache_free(cache);
}

/* -- Redis behind ---------------------------------------------------------------------------------- */

static bool both_up(void) { return redis_up(redis) && redis_up(redis_b); }

#define NEED_REDIS()                                       \
    do {                                                   \
        if (!redis) SKIP("redis-server is not installed"); \
        SOON(both_up());                                   \
        REQUIRE(nodes_hear_each_other());                  \
    } while (0)

/* Subscriptions take effect some time after a connection is up: try until a removal is heard. */
static bool nodes_hear_each_other(void) {
    for (int i = 0; i < 1000; i++) {
        if (cache_set(c, node_b, S("heard?"), S("not yet"), LONG)) return false;
        if (cache_remove(c, node_a, S("heard?"))) return false;
        pause_ms(c, 5);
        if (str_is_null(got(node_b, S("heard?")))) return true;
    }
    return false;
}

static RedisReply ask(Str a, Str b, Str d) {
    RedisReply reply = {0};
    Str args[] = {a, b, d};
    GOOD(redis_command(c, redis, args, str_is_null(d) ? 2 : 3, &reply));
    return reply;
}

TEST(one_node_computes_for_all) {
    NEED_REDIS();
    Source source = {.value = S("made\0by a")};
    Str value;
    REQUIRE(GOOD(cache_fill(c, node_a, S("shared"), LONG, 0, source_fill, &source, &value)));
    REQUIRE(GOOD(cache_fill(c, node_b, S("shared"), LONG, 0, source_fill, &source, &value)));
    CHECK_STR(value, S("made\0by a"));
    CHECK_INT(source.calls, 1);
    GOOD(cache_set(c, node_a, S("set"), S(""), LONG));
    CHECK_STR(got(node_b, S("set")), S(""));
    int64_t left_ms = ask(S("PTTL"), S("socle:cache:set"), none).integer;
    CHECK(left_ms > LONG - 60000 && left_ms <= LONG);
}

TEST(what_one_node_did_not_find_no_node_looks_for) {
    NEED_REDIS();
    Source source = {.fails = true, .kind = ERR_NOT_FOUND};
    Str value;
    FAILS(cache_fill(c, node_a, S("absent"), LONG, LONG, source_fill, &source, &value), NOT_FOUND);
    Err *err = cache_fill(c, node_b, S("absent"), LONG, LONG, source_fill, &source, &value);
    REQUIRE(FAILS(err, NOT_FOUND));
    CHECK_STR(err_code(err), S("own_code"));
    CHECK_INT(source.calls, 1);
    CHECK_STR(got(node_b, S("absent")), none);
}

TEST(what_one_node_forgets_or_changes_all_forget) {
    NEED_REDIS();
    GOOD(cache_set(c, node_a, S("news"), S("one"), LONG));
    CHECK_STR(got(node_b, S("news")), S("one"));
    GOOD(cache_set(c, node_a, S("news"), S("two"), LONG));
    SOON(str_eq(got(node_b, S("news")), S("two")));
    GOOD(cache_remove(c, node_a, S("news")));
    SOON(str_is_null(got(node_b, S("news"))));
    CHECK_INT(ask(S("EXISTS"), S("socle:cache:news"), none).integer, 0);
}

TEST(a_prefix_is_forgotten_on_all_nodes_and_taken_by_the_letter) {
    NEED_REDIS();
    static const char *const keys[] = {"p*[a]:1", "p*[a]:2", "pxa:1", "p*a:1", "q"};
    for (ptrdiff_t i = 0; i < COUNT(keys); i++) {
        GOOD(cache_set(c, node_a, str_c(keys[i]), S("v"), LONG));
        CHECK_STR(got(node_b, str_c(keys[i])), S("v"));
    }
    for (int i = 0; i < 1500; i++)
        GOOD(cache_set(c, node_a, key_of("p*[a]", 10 + i), S("v"), LONG));
    GOOD(cache_remove_prefix(c, node_a, S("p*[a]:")));
    for (ptrdiff_t i = 0; i < COUNT(keys); i++) {
        SOON(str_is_null(got(node_b, str_c(keys[i]))) == (i < 2));
        CHECK_STR(got(node_a, str_c(keys[i])), i < 2 ? none : S("v"));
    }
    CHECK_INT(count_held(node_a, "p*[a]", 1600), 0);
}

TEST(what_is_forgotten_while_another_node_computes_it_is_not_kept) {
    NEED_REDIS();
    atomic_bool hold = true;
    Source source = {.value = S("old"), .hold = &hold};
    Crowd crowd = {.cache = node_b, .source = &source, .key = S("late")};
    crowd_send(&crowd, 3);
    SOON(atomic_load(&source.calls) == 1);
    GOOD(cache_set(c, node_b, S("after late"), S("v"), LONG));
    GOOD(cache_remove(c, node_a, S("late")));
    GOOD(cache_remove(c, node_a, S("after late")));
    SOON(str_is_null(got(node_b, S("after late")))); /* so it has heard the one before as well */
    atomic_store(&hold, false);
    SOON(atomic_load(&crowd.left) == 0);
    CHECK_INT(crowd.values, 3);
    CHECK_STR(got(node_b, S("late")), none);
    CHECK_INT(ask(S("EXISTS"), S("socle:cache:late"), none).integer, 0);
}

TEST(strange_values_in_redis_count_as_none) {
    NEED_REDIS();
    static const Str strange[] = {S_INIT(""),
                                  S_INIT("v"),
                                  S_INIT("v1234567"),
                                  S_INIT("x12345678abc"),
                                  S_INIT("v\0\0\0\0\0\0\0\0old"),
                                  S_INIT("v\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFx")};
    for (ptrdiff_t i = 0; i < COUNT(strange); i++) {
        Source source = {.value = S("computed")};
        Str key = key_of("strange", (int)i), value;
        ask(S("SET"), str_concat(c->arena, S("socle:cache:"), key), strange[i]);
        REQUIRE(GOOD(cache_fill(c, node_a, key, LONG, 0, source_fill, &source, &value)));
        CHECK_STR(value, S("computed"));
    }
    ask(S("LPUSH"), S("socle:cache:list"), S("x"));
    CHECK_STR(got(node_a, S("list")), none);
}

TEST(without_redis_everything_goes_on_and_the_old_value_does_not_come_back) {
    NEED_REDIS();
    Source source = {.value = S("new")};
    Str value;
    GOOD(cache_set(c, node_a, S("k1"), S("old"), LONG));
    GOOD(cache_set(c, node_a, S("k2"), S("old"), LONG));
    GOOD(cache_set(c, node_a, S("group:1"), S("old"), LONG));
    CHECK_STR(got(node_b, S("k1")), S("old"));
    redis_server_freeze(&server); /* it will come back with all its data */
    GOOD(cache_remove(c, node_a, S("k1")));
    CHECK(!redis_up(redis));
    int64_t start = mono_us();
    GOOD(cache_set(c, node_a, S("k2"), S("new"), LONG));
    GOOD(cache_remove_prefix(c, node_a, S("group:")));
    CHECK_STR(got(node_a, S("k1")), none);
    CHECK_STR(got(node_a, S("k2")), S("new"));
    REQUIRE(GOOD(cache_fill(c, node_a, S("k3"), LONG, 0, source_fill, &source, &value)));
    CHECK_STR(value, S("new"));
    CHECK(ms_since(start) < 1500); /* it is known to be away */
    redis_server_thaw(&server);
    SOON(redis_up(redis));
    CHECK_STR(got(node_a, S("k1")), none);
    CHECK_STR(got(node_a, S("group:1")), none);
    CHECK_STR(got(node_a, S("k2")), S("new"));
    CHECK_INT(ask(S("EXISTS"), S("socle:cache:k1"), S("socle:cache:group:1")).integer, 0);
    SOON(str_is_null(got(node_b, S("k1")))); /* told when it was possible again */
    CHECK(!str_eq(got(node_b, S("k2")), S("old")));
}

TEST(more_forgetting_than_can_be_noted_forgets_everything) {
    NEED_REDIS();
    GOOD(cache_set(c, node_a, S("bystander"), S("v"), LONG));
    GOOD(cache_set(c, node_a, S("f:299"), S("old"), LONG));
    redis_server_freeze(&server);
    for (int i = 0; i < 300; i++) GOOD(cache_remove(c, node_a, key_of("f", i)));
    redis_server_thaw(&server);
    SOON(redis_up(redis));
    CHECK_STR(got(node_a, S("f:299")), none);
    CHECK_INT(ask(S("EXISTS"), S("socle:cache:bystander"), S("socle:cache:f:299")).integer, 0);
}

TEST(a_node_that_was_cut_off_trusts_its_memory_no_more) {
    NEED_REDIS();
    GOOD(cache_set(c, node_b, S("unsure"), S("v"), LONG));
    redis_server_kill(&server);
    SOON(!redis_up(redis_b));
    CHECK_STR(got(node_b, S("unsure")), S("v"));
    REQUIRE(redis_server_start(&server));
    SOON(redis_up(redis_b));
    SOON(str_is_null(got(node_b, S("unsure"))));
}

static void before(void) {
    if (!redis_server_installed() || !CHECK(redis_server_start(&server))) return;
    Str url = strf(c->arena, "redis://127.0.0.1:%d", server.port);
    if (!GOOD(redis_open(c, url, &redis)) || !GOOD(redis_open(c, url, &redis_b))) return;
    node_a = cache_new(4 * MIB, redis);
    node_b = cache_new(4 * MIB, redis_b);
}

static void after(void) {
    cache_free(node_a);
    cache_free(node_b);
    redis_close(redis);
    redis_close(redis_b);
    redis_server_kill(&server);
}

T_LOOP_MAIN(3, before, after, T_ROW(keeps_what_is_set_until_it_is_removed),
            T_ROW(keys_and_values_may_be_any_bytes), T_ROW(never_holds_more_than_its_bound),
            T_ROW(a_value_over_the_bound_is_not_kept_and_drives_nothing_out),
            T_ROW(what_is_used_often_survives_a_scan_of_what_is_used_twice),
            T_ROW(the_past_fades_and_a_new_favourite_gets_in),
            T_ROW(a_value_ends_when_its_time_is_over),
            T_ROW(a_time_of_nothing_keeps_nothing_and_an_endless_one_does),
            T_ROW(a_prefix_takes_only_what_begins_with_it), T_ROW(computes_once_and_then_remembers),
            T_ROW(what_was_not_found_is_remembered_for_its_own_time),
            T_ROW(other_errors_and_null_values_are_not_kept),
            T_ROW(of_many_callers_on_all_loops_one_computes_and_all_get_it),
            T_ROW(one_computes_even_when_the_value_is_there_the_next_moment),
            T_ROW(an_error_is_given_to_all_and_the_next_caller_tries_again),
            T_ROW(a_null_value_is_given_to_all),
            T_ROW(when_the_first_caller_is_cancelled_another_computes),
            T_ROW(when_the_first_caller_has_less_time_another_computes),
            T_ROW(who_waits_for_another_obeys_its_own_deadline),
            T_ROW(when_the_first_caller_runs_out_of_memory_another_computes),
            T_ROW(what_was_computed_from_the_past_is_given_but_not_kept),
            T_ROW(everything_at_once_on_all_loops_gives_no_wrong_value),
            T_ROW(one_node_computes_for_all), T_ROW(what_one_node_did_not_find_no_node_looks_for),
            T_ROW(what_one_node_forgets_or_changes_all_forget),
            T_ROW(a_prefix_is_forgotten_on_all_nodes_and_taken_by_the_letter),
            T_ROW(what_is_forgotten_while_another_node_computes_it_is_not_kept),
            T_ROW(strange_values_in_redis_count_as_none),
            T_ROW(without_redis_everything_goes_on_and_the_old_value_does_not_come_back),
            T_ROW(more_forgetting_than_can_be_noted_forgets_everything),
            T_ROW(a_node_that_was_cut_off_trusts_its_memory_no_more))

/* SPDX-License-Identifier: Apache-2.0
 * Redis through its public calls, against a real redis-server that is killed, frozen and started
 * again. Skipped where there is none, but for what needs no server. */
#include <stdatomic.h>

#include "data/redis.h"
#include "redis_server.h"
#include "t_loop.h"

static RedisServer server = {.password = "pass word"};
static Redis *redis;

static Str server_url(void) {
    return strf(c->arena, "redis://alice:pass%%20word@localhost:%d/3", server.port);
}

static Err *command(Ctx *own, RedisReply *out, Str a, Str b, Str d) {
    Str args[] = {a, b, d};
    return redis_command(own, redis, args, str_is_null(b) ? 1 : str_is_null(d) ? 2 : 3, out);
}

static const Str none = {0};

#define NEED_SERVER()                                      \
    do {                                                   \
        if (!redis) SKIP("redis-server is not installed"); \
        SOON(redis_up(redis));                             \
    } while (0)

/* -- opening --------------------------------------------------------------------------------------- */

TEST(malformed_urls_are_refused_without_showing_the_password) {
    static const char *const urls[] = {"",
                                       "x",
                                       "redis",
                                       "redis:",
                                       "redis:/h",
                                       "http://h",
                                       "rediss://u:hunter2@h/0",
                                       "redis://u:hunter2@h:99999/0",
                                       "redis://u:hunter2@h:0/0",
                                       "redis://u:hunter2@h/x",
                                       "redis://u:hunter2@h/-1",
                                       "redis://u:hunter2@h/65536",
                                       "redis://u:hunter2@h/1/2",
                                       "redis://u:hunter2@h/0?x=y",
                                       "redis://u:hunter2%zz@h/0",
                                       "redis://u:@h/0",
                                       "redis://u:hunter2@h/0#f",
                                       "unix://",
                                       "unix:///",
                                       "unix://host/path",
                                       "unix:///p?db=x",
                                       "unix:///p?x=1"};
    for (ptrdiff_t i = 0; i < COUNT(urls); i++) {
        Redis *opened = NULL;
        Err *err = redis_open(c, str_c(urls[i]), &opened);
        if (!FAILS(err, INVALID)) printf("  url: %s\n", urls[i]);
        CHECK(!err || str_find(err->detail, S("hunter2")) < 0);
        CHECK(opened == NULL);
    }
}

TEST(a_server_that_is_not_there_is_no_error_and_calls_say_so_at_once) {
    Redis *away;
    RedisReply reply;
    Str ping[] = {S("PING")};
    REQUIRE(GOOD(redis_open(c, strf(c->arena, "redis://127.0.0.1:%d", free_port()), &away)));
    CHECK(!redis_up(away));
    int64_t start = mono_us();
    for (int i = 0; i < 100; i++) FAILS(redis_command(c, away, ping, 1, &reply), UNAVAILABLE);
    CHECK(ms_since(start) < 1000);
    FAILS(redis_publish(c, away, S("ch"), S("m")), UNAVAILABLE);
    redis_close(away);
}

TEST(a_name_that_does_not_exist_is_no_error_either) {
    Redis *away;
    REQUIRE(GOOD(redis_open(c, S("redis://no-such-host.invalid"), &away)));
    CHECK(!redis_up(away));
    redis_close(away);
}

TEST(a_wrong_password_keeps_it_away) {
    NEED_SERVER();
    Redis *away;
    REQUIRE(GOOD(
        redis_open(c, strf(c->arena, "redis://alice:wrong@127.0.0.1:%d", server.port), &away)));
    CHECK(!redis_up(away));
    redis_close(away);
    REQUIRE(GOOD(redis_open(c, strf(c->arena, "redis://127.0.0.1:%d", server.port), &away)));
    CHECK(!redis_up(away)); /* none at all */
    redis_close(away);
}

TEST(opens_by_user_by_password_alone_and_by_unix_socket) {
    NEED_SERVER();
    Str urls[] = {server_url(), strf(c->arena, "redis://pass%%20word@127.0.0.1:%d", server.port),
                  strf(c->arena, "redis://:pass%%20word@127.0.0.1:%d/0", server.port),
                  strf(c->arena, "unix://alice:pass%%20word@%s?db=3", server.socket)};
    for (ptrdiff_t i = 0; i < COUNT(urls); i++) {
        Redis *other;
        REQUIRE(GOOD(redis_open(c, urls[i], &other)));
        CHECK(redis_up(other));
        redis_close(other);
    }
}

TEST(says_who_it_is_and_selects_the_database) {
    NEED_SERVER();
    RedisReply reply;
    REQUIRE(GOOD(command(c, &reply, S("CLIENT"), S("INFO"), none)));
    CHECK(str_find(reply.text, strf(c->arena, " name=socle-%d ", (int)getpid())) > 0);
    CHECK(str_find(reply.text, S(" db=3 ")) > 0);
    CHECK(str_find(reply.text, S(" user=alice ")) > 0);
}

/* -- commands -------------------------------------------------------------------------------------- */

TEST(every_kind_of_reply_is_read) {
    NEED_SERVER();
    RedisReply reply;
    REQUIRE(GOOD(command(c, &reply, S("SET"), S("bin\0\r\nkey"), S("\0\xFF\r\n$5\r\n"))));
    CHECK_STR(reply.text, S("OK"));
    REQUIRE(GOOD(command(c, &reply, S("GET"), S("bin\0\r\nkey"), none)));
    CHECK_INT(reply.kind, REDIS_TEXT);
    CHECK_STR(reply.text, S("\0\xFF\r\n$5\r\n"));
    REQUIRE(GOOD(command(c, &reply, S("SET"), S("empty"), S(""))));
    REQUIRE(GOOD(command(c, &reply, S("GET"), S("empty"), none)));
    CHECK_STR(reply.text, S(""));
    REQUIRE(GOOD(command(c, &reply, S("GET"), S("absent"), none)));
    CHECK_INT(reply.kind, REDIS_NIL);
    REQUIRE(GOOD(command(c, &reply, S("INCR"), S("counter"), none)));
    CHECK_INT(reply.kind, REDIS_INT);
    CHECK_INT(reply.integer, 1);
    REQUIRE(GOOD(command(c, &reply, S("MGET"), S("counter"), S("absent"))));
    CHECK_INT(reply.kind, REDIS_LIST);
    REQUIRE(reply.count == 2);
    CHECK_STR(reply.items[0].text, S("1"));
    CHECK_INT(reply.items[1].kind, REDIS_NIL);
}

TEST(an_error_of_redis_carries_its_text_and_harms_nothing) {
    NEED_SERVER();
    RedisReply reply;
    Err *err = command(c, &reply, S("LPUSH"), S("counter"), S("x"));
    CHECK(FAILS(err, UPSTREAM));
    CHECK(err && str_find(err->detail, S("WRONGTYPE")) >= 0);
    GOOD(command(c, &reply, S("PING"), none, none));
}

TEST(a_value_of_many_megabytes_goes_both_ways) {
    NEED_SERVER();
    RedisReply reply;
    char *bytes = arena_bytes(c->arena, 20 * MIB);
    for (ptrdiff_t i = 0; i < 20 * MIB; i++) bytes[i] = (char)(i * 7);
    REQUIRE(GOOD(command(c, &reply, S("SET"), S("big"), str_of(bytes, 20 * MIB))));
    REQUIRE(GOOD(command(c, &reply, S("GET"), S("big"), none)));
    CHECK(str_eq(reply.text, str_of(bytes, 20 * MIB)));
    GOOD(command(c, &reply, S("UNLINK"), S("big"), none));
}

TEST(a_script_is_sent_once_and_again_after_redis_forgot_it) {
    NEED_SERVER();
    RedisReply reply;
    Str script = S("return {KEYS[1], ARGV[1], ARGV[2] + 1}"), keys[] = {S("k")},
        args[] = {S("a\0b"), S("41")};
    for (int i = 0; i < 3; i++) {
        if (i == 2) GOOD(command(c, &reply, S("SCRIPT"), S("FLUSH"), none));
        REQUIRE(GOOD(redis_script(c, redis, script, keys, 1, args, 2, &reply)));
        REQUIRE(reply.count == 3);
        CHECK_STR(reply.items[0].text, S("k"));
        CHECK_STR(reply.items[1].text, S("a\0b"));
        CHECK_INT(reply.items[2].integer, 42);
    }
    FAILS(
        redis_script(c, redis, S("return redis.error_reply('MINE no')"), NULL, 0, NULL, 0, &reply),
        UPSTREAM);
    FAILS(redis_script(c, redis, S("not lua"), NULL, 0, NULL, 0, &reply), UPSTREAM);
}

static _Atomic int echo_left, echo_wrong;

static void echo_many(Ctx *own, void *arg) {
    for (int i = 0; i < 200; i++) {
        RedisReply reply;
        ArenaMark mark = arena_mark(own->arena);
        Str want = strf(own->arena, "%d-%d-%d", loop_index(loop_here()), (int)(intptr_t)arg, i);
        if (command(own, &reply, S("ECHO"), want, none) || !str_eq(reply.text, want))
            atomic_fetch_add(&echo_wrong, 1);
        arena_release(own->arena, mark);
    }
    atomic_fetch_sub(&echo_left, 1);
}

TEST(many_callers_on_all_loops_each_get_their_own_reply) {
    NEED_SERVER();
    atomic_store(&echo_left, 40);
    atomic_store(&echo_wrong, 0);
    for (int i = 0; i < 40; i++)
        coro_spawn_on(loop_at(i % 2), (CoroOptions){.name = "echo"}, echo_many,
                      (void *)(intptr_t)i);
    SOON(atomic_load(&echo_left) == 0);
    CHECK_INT(atomic_load(&echo_wrong), 0);
}

/* -- trouble --------------------------------------------------------------------------------------- */

TEST(a_caller_that_gives_up_does_not_get_others_replies_mixed_up) {
    NEED_SERVER();
    RedisReply reply;
    redis_server_freeze(&server);
    int64_t former = ctx_deadline_within(c, 30), start = mono_us();
    FAILS(command(c, &reply, S("ECHO"), S("lost"), none), TIMEOUT);
    c->deadline_us = former;
    CHECK(ms_since(start) < 1500);
    redis_server_thaw(&server);
    REQUIRE(GOOD(command(c, &reply, S("ECHO"), S("mine"), none)));
    CHECK_STR(reply.text, S("mine"));
}

typedef struct Side {
    bool done;
    ErrKind kind;
} Side;

static void side_echo(Ctx *own, void *arg) {
    RedisReply reply;
    Side *side = arg;
    Err *err = command(own, &reply, S("ECHO"), S("side"), none);
    side->kind = err ? err->kind : ERR_KIND_COUNT;
    side->done = true;
}

TEST(a_cancelled_caller_ends_at_once) {
    NEED_SERVER();
    Side side = {0};
    RedisReply reply;
    redis_server_freeze(&server);
    Coro *co = coro_spawn((CoroOptions){.name = "side"}, side_echo, &side);
    pause_ms(c, 20);
    int64_t start = mono_us();
    coro_cancel(co);
    SOON(side.done);
    CHECK_INT(side.kind, ERR_CANCELLED);
    CHECK(ms_since(start) < 1500);
    redis_server_thaw(&server);
    REQUIRE(GOOD(command(c, &reply, S("ECHO"), S("mine"), none)));
    CHECK_STR(reply.text, S("mine"));
}

TEST(a_server_that_hangs_counts_as_away_until_it_answers_again) {
    NEED_SERVER();
    RedisReply reply;
    redis_server_freeze(&server);
    int64_t start = mono_us();
    FAILS(command(c, &reply, S("PING"), none, none), UNAVAILABLE);
    CHECK(ms_since(start) >= 1900);
    start = mono_us();
    FAILS(command(c, &reply, S("PING"), none, none), UNAVAILABLE);
    CHECK(ms_since(start) < 1000);
    redis_server_thaw(&server);
    SOON(redis_up(redis));
    GOOD(command(c, &reply, S("PING"), none, none));
}

TEST(commands_under_way_fail_when_the_server_dies_and_it_comes_back_as_it_was) {
    NEED_SERVER();
    Side sides[20] = {0};
    RedisReply reply;
    redis_server_freeze(&server);
    for (int i = 0; i < 20; i++) coro_spawn((CoroOptions){.name = "side"}, side_echo, &sides[i]);
    pause_ms(c, 20);
    redis_server_kill(&server);
    for (int i = 0; i < 20; i++) {
        SOON(sides[i].done);
        CHECK_INT(sides[i].kind, ERR_UNAVAILABLE);
    }
    CHECK(!redis_up(redis));
    FAILS(command(c, &reply, S("PING"), none, none), UNAVAILABLE);
    REQUIRE(redis_server_start(&server));
    SOON(redis_up(redis));
    REQUIRE(GOOD(command(c, &reply, S("CLIENT"), S("INFO"), none)));
    CHECK(str_find(reply.text, S(" db=3 ")) > 0);
    CHECK(str_find(reply.text, S(" user=alice ")) > 0);
    CHECK(str_find(reply.text, S(" name=socle-")) > 0);
}

TEST(a_server_that_starts_late_is_found) {
    if (!redis) SKIP("redis-server is not installed");
    RedisServer late = {.port = free_port()};
    Redis *waiting;
    REQUIRE(GOOD(redis_open(c, strf(c->arena, "redis://127.0.0.1:%d", late.port), &waiting)));
    CHECK(!redis_up(waiting));
    CHECK(redis_server_start(&late));
    SOON(redis_up(waiting));
    redis_server_kill(&late);
    redis_close(waiting);
}

TEST(a_reply_too_large_for_the_caller_leaves_the_connection_whole) {
    NEED_SERVER();
    RedisReply reply;
    REQUIRE(GOOD(command(c, &reply, S("SET"), S("big"),
                         str_of(arena_alloc(c->arena, 1, 4 * MIB), 4 * MIB))));
    Arena *former = c->arena, *small = arena_new(64 * KIB);
    Defer *mark = c->defers;
    jmp_buf full;
    volatile bool jumped = false;
    c->arena = small;
    arena_on_full(small, &full);
    if (setjmp(full) == 0) {
        Err *err = command(c, &reply, S("GET"), S("big"), none);
        CHECK(err && !"the arena had room");
    } else {
        jumped = true;
    }
    ctx_undo(c, mark);
    c->arena = former;
    CHECK(jumped);
    arena_free(small);
    REQUIRE(GOOD(command(c, &reply, S("ECHO"), S("mine"), none)));
    CHECK_STR(reply.text, S("mine"));
}

/* -- messages -------------------------------------------------------------------------------------- */

typedef struct Heard {
    _Atomic int messages, gaps, wrong_loop, begun;
    char last[64];
    Loop *loop;
} Heard;

static void hear(void *arg, Str message) {
    Heard *h = arg;
    if (loop_here() != h->loop) atomic_fetch_add(&h->wrong_loop, 1);
    if (str_is_null(message)) {
        atomic_fetch_add(&h->gaps, 1);
        return;
    }
    snprintf(h->last, sizeof h->last, "%.*s", S_ARG(message));
    if (str_eq(message, S("begun"))) atomic_fetch_add(&h->begun, 1);
    atomic_fetch_add(&h->messages, 1);
}

static Heard here, there;

static void subscribe_there(void *arg) { redis_subscribe(redis, S("news"), hear, arg); }

/* Publish until somebody hears it: a subscription takes effect some time after the call. Nothing
 * of that is on its way any more when the last word has come. */
static void subscribe_both(void) {
    if (here.loop) return;
    here.loop = loop_at(0);
    there.loop = loop_at(1);
    redis_subscribe(redis, S("news"), hear, &here);
    loop_post(there.loop, subscribe_there, &there);
    for (int i = 0; i < 1000 && !(atomic_load(&here.messages) && atomic_load(&there.messages));
         i++) {
        GOOD(redis_publish(c, redis, S("news"), S("hello?")));
        pause_ms(c, 5);
    }
    GOOD(redis_publish(c, redis, S("news"), S("begun")));
    SOON(atomic_load(&here.begun) && atomic_load(&there.begun));
}

TEST(messages_come_on_the_loop_that_subscribed) {
    NEED_SERVER();
    subscribe_both();
    int before = atomic_load(&here.messages), before_there = atomic_load(&there.messages);
    GOOD(redis_publish(c, redis, S("news"), S("a\r\nb")));
    GOOD(redis_publish(c, redis, S("other"), S("not for us")));
    SOON(atomic_load(&here.messages) == before + 1);
    SOON(atomic_load(&there.messages) == before_there + 1);
    CHECK_STR(str_c(here.last), S("a\r\nb"));
    CHECK_INT(atomic_load(&here.wrong_loop) + atomic_load(&there.wrong_loop), 0);
}

TEST(after_a_gap_one_is_told_and_messages_come_again) {
    NEED_SERVER();
    subscribe_both();
    int gaps = atomic_load(&here.gaps), gaps_there = atomic_load(&there.gaps);
    redis_server_kill(&server);
    SOON(!redis_up(redis));
    REQUIRE(redis_server_start(&server));
    SOON(redis_up(redis));
    SOON(atomic_load(&here.gaps) > gaps);
    SOON(atomic_load(&there.gaps) > gaps_there);
    int before = atomic_load(&here.messages), before_there = atomic_load(&there.messages);
    GOOD(redis_publish(c, redis, S("news"), S("again")));
    SOON(atomic_load(&here.messages) == before + 1);
    SOON(atomic_load(&there.messages) == before_there + 1);
    CHECK_STR(str_c(here.last), S("again"));
}

TEST(messages_arrive_in_order_and_none_twice) {
    NEED_SERVER();
    subscribe_both();
    int before = atomic_load(&here.messages), before_there = atomic_load(&there.messages);
    for (int i = 0; i < 2000; i++)
        GOOD(redis_publish(c, redis, S("news"), strf(c->arena, "%d", i)));
    SOON(atomic_load(&here.messages) >= before + 2000);
    SOON(atomic_load(&there.messages) >= before_there + 2000);
    CHECK_INT(atomic_load(&here.messages), before + 2000);
    CHECK_INT(atomic_load(&there.messages), before_there + 2000);
    CHECK_STR(str_c(there.last), S("1999"));
}

static uv_sem_t gate;

static void wait_at_gate(void *arg) {
    (void)arg;
    uv_sem_wait(&gate);
}

TEST(a_loop_that_cannot_keep_up_loses_messages_and_is_told) {
    NEED_SERVER();
    subscribe_both();
    RedisReply reply;
    int seen = atomic_load(&here.messages), seen_there = atomic_load(&there.messages);
    int gaps = atomic_load(&there.gaps);
    REQUIRE(uv_sem_init(&gate, 0) == 0);
    loop_post(loop_at(1), wait_at_gate, NULL);
    GOOD(redis_script(c, redis, S("for i = 1, 12000 do redis.call('PUBLISH', 'news', i) end"), NULL,
                      0, NULL, 0, &reply));
    SOON(atomic_load(&here.messages) == seen + 12000);
    uv_sem_post(&gate);
    SOON(atomic_load(&there.gaps) == gaps + 1);
    CHECK_INT(atomic_load(&there.messages), seen_there + 10000);
    uv_sem_destroy(&gate);
}

TEST(who_unsubscribed_hears_nothing_more) {
    NEED_SERVER();
    static Heard once;
    once.loop = loop_at(0);
    subscribe_both();
    redis_subscribe(redis, S("news"), hear, &once);
    redis_unsubscribe(redis, hear, &once);
    int before = atomic_load(&here.messages);
    GOOD(redis_publish(c, redis, S("news"), S("bye")));
    SOON(atomic_load(&here.messages) > before);
    CHECK_INT(atomic_load(&once.messages), 0);
}

static Redis *survivor; /* closed when the loops have ended */

static void before(void) {
    GOOD(redis_open(c, S("redis://127.0.0.1:1"), &survivor));
    if (!redis_server_installed()) return;
    if (CHECK(redis_server_start(&server)) && !GOOD(redis_open(c, server_url(), &redis)))
        redis = NULL;
}

static void after(void) {
    redis_close(redis);
    redis_server_kill(&server);
}

int main(int argc, char **argv) {
    static const T rows[] = {
        T_ROW(malformed_urls_are_refused_without_showing_the_password),
        T_ROW(a_server_that_is_not_there_is_no_error_and_calls_say_so_at_once),
        T_ROW(a_name_that_does_not_exist_is_no_error_either),
        T_ROW(a_wrong_password_keeps_it_away),
        T_ROW(opens_by_user_by_password_alone_and_by_unix_socket),
        T_ROW(says_who_it_is_and_selects_the_database),
        T_ROW(every_kind_of_reply_is_read),
        T_ROW(an_error_of_redis_carries_its_text_and_harms_nothing),
        T_ROW(a_value_of_many_megabytes_goes_both_ways),
        T_ROW(a_script_is_sent_once_and_again_after_redis_forgot_it),
        T_ROW(many_callers_on_all_loops_each_get_their_own_reply),
        T_ROW(a_caller_that_gives_up_does_not_get_others_replies_mixed_up),
        T_ROW(a_cancelled_caller_ends_at_once),
        T_ROW(a_server_that_hangs_counts_as_away_until_it_answers_again),
        T_ROW(commands_under_way_fail_when_the_server_dies_and_it_comes_back_as_it_was),
        T_ROW(a_server_that_starts_late_is_found),
        T_ROW(a_reply_too_large_for_the_caller_leaves_the_connection_whole),
        T_ROW(messages_come_on_the_loop_that_subscribed),
        T_ROW(after_a_gap_one_is_told_and_messages_come_again),
        T_ROW(messages_arrive_in_order_and_none_twice),
        T_ROW(a_loop_that_cannot_keep_up_loses_messages_and_is_told),
        T_ROW(who_unsubscribed_hears_nothing_more)};
    TLoop t = {.argc = argc, .argv = argv, .rows = rows, .count = COUNT(rows), .result = 1};
    t.before = before;
    t.after = after;
    int result = t_loop_main(2, t);
    redis_close(survivor);
    return result;
}

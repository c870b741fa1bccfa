/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/time.h"
#include "rt/channel.h"
#include "rt/io.h"
#include "rt/offload.h"
#include "rt/process.h"
#include "t.h"

static void (*body)(Ctx *c);

static void run_body(Ctx *c, void *arg) {
    (void)arg;
    c->deadline_us = mono_us() + 20 * US_PER_SECOND;
    body(c);
    rt_stop(5000);
}

/* Run fn as a coroutine on a fresh runtime of two loops, to its end. */
static void in_loops(void (*fn)(Ctx *c)) {
    body = fn;
    rt_init(2);
    coro_spawn((CoroOptions){.name = "test"}, run_body, NULL);
    rt_run();
    rt_close();
}

#define GOOD(call) t_good((call), #call, __FILE__, __LINE__)
static bool t_good(Err *err, const char *what, const char *file, int line) {
    if (!err) return true;
    printf("    error: %.*s\n", S_ARG(err->detail));
    return t_check(false, what, file, line);
}

/* -- waiting --------------------------------------------------------------------------------------- */

static void sleep_body(Ctx *c) {
    int64_t from = mono_us();
    GOOD(sleep_ms(c, 20));
    int64_t took = mono_us() - from;
    CHECK(took >= 20000 && took < 2000000);
    int64_t former = ctx_deadline_within(c, 10);
    Err *err = sleep_ms(c, 5000);
    CHECK(err && err->kind == ERR_TIMEOUT);
    c->deadline_us = former;
    GOOD(sleep_ms(c, 1));
}
TEST(sleeping_takes_its_time_and_obeys_the_deadline) { in_loops(sleep_body); }

static Err *add_one(Ctx *c, void *arg) {
    TRY(sleep_ms(c, 1));
    ++*(int *)arg;
    return NULL;
}
static Err *fail_late(Ctx *c, void *arg) {
    (void)arg;
    TRY(sleep_ms(c, 5));
    FAIL(c, CONFLICT, "told so");
}
static void fork_body(Ctx *c) {
    int sum = 0;
    Task tasks[100];
    for (int i = 0; i < 100; i++) tasks[i] = (Task){.fn = i == 50 ? fail_late : add_one, .arg = &sum};
    Err *err = fork_join(c, tasks, 100);
    CHECK_INT(sum, 99);
    REQUIRE(err && err->kind == ERR_CONFLICT);
    CHECK_STR(err->detail, S("told so"));
}
TEST(fork_join_waits_for_all_and_gives_the_first_error) { in_loops(fork_body); }

static int deferred;
static void count_defer(void *arg) { deferred += (int)(intptr_t)arg; }
static void sleeper(Ctx *c, void *arg) {
    defer(c, count_defer, (void *)1);
    *(Err **)arg = sleep_ms(c, 60000);
    *(bool *)((Err **)arg + 1) = *(Err **)arg && (*(Err **)arg)->kind == ERR_CANCELLED;
}
static void shielded_sleeper(Ctx *c, void *arg) {
    int *seen = arg;
    coro_shield(c);
    *seen = sleep_ms(c, 20) == NULL;
    coro_unshield(c);
    Err *err = sleep_ms(c, 60000);
    *seen += err && err->kind == ERR_CANCELLED ? 2 : 0;
}
static void shield_body(Ctx *c) {
    int seen = 0;
    Coro *co = coro_spawn((CoroOptions){.name = "shielded"}, shielded_sleeper, &seen);
    coro_yield(c);
    coro_cancel(co);
    for (int turns = 0; turns < 2000 && seen < 2; turns++) GOOD(sleep_ms(c, 5));
    CHECK_INT(seen, 3);
}
TEST(what_is_shielded_ends_before_its_cancelling_is_felt) { in_loops(shield_body); }

static void cancel_body(Ctx *c) {
    struct { Err *err; bool cancelled; } seen = {0};
    Coro *co = coro_spawn((CoroOptions){.name = "sleeper"}, sleeper, &seen);
    coro_yield(c);
    coro_cancel(co);
    coro_yield(c);
    CHECK(seen.cancelled);
    CHECK_INT(deferred, 1);
}
TEST(a_cancelled_wait_ends_and_defers_run) { in_loops(cancel_body); }

static bool service_ended;
static void service(Ctx *c, void *arg) {
    (void)arg;
    while (!sleep_ms(c, 10)) continue;
    service_ended = true;
}
static void straggler(Ctx *c, void *arg) {
    (void)arg;
    Err *err = sleep_ms(c, 60000);
    CHECK(err && err->kind == ERR_CANCELLED);
}
static void stop_body(Ctx *c) {
    coro_spawn((CoroOptions){.name = "service", .service = true}, service, NULL);
    coro_spawn_on(loop_at(1), (CoroOptions){.name = "straggler"}, straggler, NULL);
    GOOD(sleep_ms(c, 20));
    rt_stop(50);
}
TEST(stopping_cancels_services_and_those_over_the_grace_time) {
    service_ended = false;
    in_loops(stop_body);
    CHECK(service_ended);
}

static ptrdiff_t deep(Ctx *c, int n) {
    char pad[512];
    memset(pad, n, sizeof pad);
    return n == 0 ? 0 : deep(c, n - 1) + (pad[100] == (char)n);
}
static void turn_over(void *arg) { ++*(int *)arg; }
static void turn_body(Ctx *c) {
    int ended = 0;
    loop_turn_end(turn_over, &ended);
    loop_turn_end(turn_over, &ended);
    CHECK_INT(ended, 0);
    coro_yield(c);
    CHECK_INT(ended, 2);
    coro_yield(c);
    CHECK_INT(ended, 2);
}
TEST(what_was_asked_for_at_a_turns_end_runs_once_then) { in_loops(turn_body); }

static void stack_body(Ctx *c) { CHECK_INT(deep(c, 100), 100); }
TEST(a_coroutine_has_a_real_stack) { in_loops(stack_body); }

static void defer_reset(Ctx *c, void *arg) {
    memset(arena_alloc(c->arena, 1, 100000), 1, 100000);
    ++*(int *)arg;
}
static void many_body(Ctx *c) {
    static int ran;
    ran = 0;
    for (int i = 0; i < 5000; i++) {
        coro_spawn((CoroOptions){.name = "one of many"}, defer_reset, &ran);
        if (i % 100 == 99) coro_yield(c);
    }
    while (ran < 5000) coro_yield(c);
    CHECK_INT(ran, 5000);
}
TEST(thousands_of_coroutines_reuse_their_stacks_and_arenas) { in_loops(many_body); }

/* -- offload and channels --------------------------------------------------------------------------- */

static void square(void *arg) { *(int *)arg *= *(int *)arg; }
static void offload_body(Ctx *c) {
    int values[50];
    for (int i = 0; i < 50; i++) {
        values[i] = i;
        GOOD(offload(c, i % 2 ? LANE_SHORT : LANE_LONG, square, &values[i]));
        CHECK_INT(values[i], i * i);
    }
}
TEST(offloaded_work_is_done_when_the_call_returns) { in_loops(offload_body); }

/* One that stays until it is let go. */
static sem_t let_go, gone;
static void stay(void *arg) {
    while (sem_wait(&let_go) != 0) continue;
    atomic_fetch_add((atomic_int *)arg, 1);
    sem_post(&gone);
}
static void beside_body(Ctx *c) {
    atomic_int stayed = 0;
    int taken = 0;
    sem_init(&let_go, 0, 0);
    sem_init(&gone, 0, 0);
    for (int round = 1; round < 4; round++) {
        int before = taken;
        for (int i = 0; i < 2000 && taken == before; i++) { /* until a thread is idle */
            taken += offload_beside(LANE_LONG, stay, &stayed);
            if (taken == before) GOOD(sleep_ms(c, 1));
        }
        if (!CHECK(taken > before)) break;
        while (offload_beside(LANE_LONG, stay, &stayed)) taken++;
        CHECK(taken - before <= 16); /* no more than there are threads */
        CHECK_INT(atomic_load(&stayed), before);
        for (int i = before; i < taken; i++) sem_post(&let_go);
        for (int i = before; i < taken; i++)
            while (sem_wait(&gone) != 0) continue;
        CHECK_INT(atomic_load(&stayed), taken);
    }
}
TEST(beside_somebody_only_idle_threads_work) { in_loops(beside_body); }

static void devour(void *arg) {
    for (;;) arena_alloc(arg, 1, 100000);
}
static void devour_body(Ctx *c) {
    jmp_buf full;
    arena_on_full(c->arena, &full);
    if (setjmp(full) == 0) {
        GOOD(offload(c, LANE_SHORT, devour, c->arena));
        CHECK(!"the arena has a budget");
    }
    arena_on_full(c->arena, NULL);
    CHECK(c->coro && loop_here());
}
TEST(an_arena_overflowing_on_a_pool_thread_jumps_in_its_own_coroutine) { in_loops(devour_body); }

enum { SENDERS = 4, PER_SENDER = 5000 };
static Channel *pipe_channel;
static _Atomic int senders_left;
static void sender(Ctx *c, void *arg) {
    for (intptr_t i = 1; i <= PER_SENDER; i++)
        if (channel_send(c, pipe_channel, (void *)(i * SENDERS + (intptr_t)arg))) return;
    if (atomic_fetch_sub(&senders_left, 1) == 1) channel_close(pipe_channel);
}
static void channel_body(Ctx *c) {
    pipe_channel = channel_new(7);
    atomic_store(&senders_left, SENDERS);
    for (intptr_t i = 0; i < SENDERS; i++)
        coro_spawn_on(loop_at((int)i % 2), (CoroOptions){.name = "sender"}, sender, (void *)i);
    int64_t sum = 0, count = 0;
    intptr_t last[SENDERS] = {0};
    for (void *item;;) {
        REQUIRE(GOOD(channel_receive(c, pipe_channel, &item)));
        if (!item) break;
        intptr_t value = (intptr_t)item, from = value % SENDERS;
        CHECK(value > last[from]); /* each sender's order is kept */
        last[from] = value;
        sum += value / SENDERS;
        count++;
    }
    CHECK_INT(count, SENDERS * PER_SENDER);
    CHECK_INT(sum, (int64_t)SENDERS * PER_SENDER * (PER_SENDER + 1) / 2);
    channel_free(pipe_channel);
}
TEST(a_channel_between_loops_loses_and_doubles_nothing) { in_loops(channel_body); }

static void channel_deadline_body(Ctx *c) {
    Channel *ch = channel_new(1);
    void *item;
    int64_t former = ctx_deadline_within(c, 10);
    Err *err = channel_receive(c, ch, &item);
    CHECK(err && err->kind == ERR_TIMEOUT);
    c->deadline_us = former;
    CHECK(channel_try_send(ch, ch) && !channel_try_send(ch, ch));
    former = ctx_deadline_within(c, 10);
    err = channel_send(c, ch, ch);
    CHECK(err && err->kind == ERR_TIMEOUT);
    c->deadline_us = former;
    channel_close(ch);
    err = channel_send(c, ch, ch);
    CHECK(err && err->kind == ERR_CONFLICT);
    GOOD(channel_receive(c, ch, &item));
    CHECK(item == ch);
    GOOD(channel_receive(c, ch, &item));
    CHECK(item == NULL);
    channel_free(ch);
}
TEST(a_channel_obeys_deadlines_and_its_close) { in_loops(channel_deadline_body); }

/* -- streams ----------------------------------------------------------------------------------------- */

static void echo(Ctx *c, Stream *s, void *arg) {
    char bytes[4096];
    (void)arg;
    c->deadline_us = mono_us() + 10 * US_PER_SECOND;
    for (ptrdiff_t n = 1; n > 0;) {
        if (stream_read(c, s, bytes, sizeof bytes, &n) || n == 0) return;
        Str part = str_of(bytes, n);
        if (stream_write(c, s, &part, 1)) return;
    }
}

static Err *listen_echo(Ctx *c, Listener **out) {
    return listen_start(c, (ListenOptions){.name = "echo", .address = S("127.0.0.1:0"), .max_connections = 100,
                                           .budget_bytes = MIB, .serve = echo}, out);
}

static Err *send_all(Ctx *c, void *arg) {
    Stream *s = arg;
    char block[10000];
    for (int i = 0; i < 500; i++) {
        memset(block, i, sizeof block);
        Str part = str_of(block, sizeof block);
        TRY(stream_write(c, s, &part, 1));
    }
    return NULL;
}
static Err *receive_all(Ctx *c, void *arg) {
    Stream *s = arg;
    char bytes[3000];
    for (int64_t total = 0; total < 5000000;) {
        ptrdiff_t n;
        TRY(stream_read(c, s, bytes, sizeof bytes, &n));
        if (n == 0) FAIL(c, INTERNAL, "ended early");
        for (ptrdiff_t i = 0; i < n; i++, total++)
            if (bytes[i] != (char)(total / 10000)) FAIL(c, INTERNAL, "byte %lld is wrong", (long long)total);
    }
    return NULL;
}
static void echo_body(Ctx *c) {
    Listener *l;
    Stream *s;
    REQUIRE(GOOD(listen_echo(c, &l)));
    REQUIRE(GOOD(stream_connect(c, S("127.0.0.1"), listen_port(l), &s)));
    GOOD(fork_join(c, (Task[]){{.fn = send_all, .arg = s}, {.fn = receive_all, .arg = s}}, 2));
    CHECK_STR(stream_peer(s, c->arena), S("127.0.0.1"));
    stream_close(s);
    listen_stop(l);
}
TEST(five_megabytes_go_through_a_stream_whole_and_in_order) { in_loops(echo_body); }

static void port_taken_body(Ctx *c) {
    Listener *l, *second;
    REQUIRE(GOOD(listen_echo(c, &l)));
    Err *err = listen_start(c, (ListenOptions){.name = "echo", .address = strf(c->arena, "127.0.0.1:%d", listen_port(l)),
                                               .max_connections = 1, .serve = echo}, &second);
    CHECK(err && str_find(err->detail, S("Address already in use")) > 0);
    err = listen_start(c, (ListenOptions){.name = "echo", .address = S("nonsense"), .max_connections = 1, .serve = echo}, &second);
    CHECK(err && err->kind == ERR_INVALID);
    listen_stop(l);
}
TEST(a_port_in_use_and_a_bad_address_are_clear_errors) { in_loops(port_taken_body); }

static void refused_body(Ctx *c) {
    Stream *s;
    Err *err = stream_connect(c, S("127.0.0.1"), 1, &s);
    CHECK(err && err->kind == ERR_UPSTREAM);
}
TEST(a_refused_connection_is_an_error) { in_loops(refused_body); }

static void quiet(Ctx *c, Stream *s, void *arg) {
    ptrdiff_t n;
    (void)arg;
    c->deadline_us = mono_us() + 30 * US_PER_MS;
    Err *err = stream_fill(c, s, &n);
    CHECK(err && err->kind == ERR_TIMEOUT);
}
static void timeout_body(Ctx *c) {
    Listener *l;
    Stream *s;
    char byte;
    ptrdiff_t n;
    REQUIRE(GOOD(listen_start(c, (ListenOptions){.name = "quiet", .address = S("127.0.0.1:0"), .max_connections = 1,
                                                 .refuse = S_INIT("no room"), .serve = quiet}, &l)));
    REQUIRE(GOOD(stream_connect(c, S("127.0.0.1"), listen_port(l), &s)));
    GOOD(stream_read(c, s, &byte, 1, &n));
    CHECK_INT(n, 0); /* the other side gave up after its deadline and closed */
    stream_close(s);
    listen_stop(l);
}
TEST(a_silent_peer_costs_no_more_than_the_deadline) { in_loops(timeout_body); }

static char file_path[64];
static void serve_file(Ctx *c, Stream *s, void *arg) {
    int fd = *(int *)arg;
    c->deadline_us = mono_us() + 10 * US_PER_SECOND;
    for (int64_t at = 1000, sent; at < 3001000; at += sent)
        REQUIRE(GOOD(stream_sendfile(c, s, fd, at, 3001000 - at, &sent)));
}
static void sendfile_body(Ctx *c) {
    int fd;
    Listener *l;
    Stream *s;
    char *bytes = arena_bytes(c->arena, 4000000);
    for (int i = 0; i < 4000000; i++) bytes[i] = (char)(i * 31 >> 3);
    snprintf(file_path, sizeof file_path, "/tmp/socle-rt-test-%d", (int)getpid());
    REQUIRE(GOOD(file_replace(c, str_c(file_path), str_of(bytes, 4000000))));
    REQUIRE(GOOD(file_open(c, str_c(file_path), O_RDONLY, 0, &fd)));
    REQUIRE(GOOD(listen_start(c, (ListenOptions){.name = "file", .address = S("127.0.0.1:0"), .max_connections = 1,
                                                 .serve = serve_file, .arg = &fd}, &l)));
    REQUIRE(GOOD(stream_connect(c, S("127.0.0.1"), listen_port(l), &s)));
    int64_t total = 0;
    bool same = true;
    for (ptrdiff_t n = 1; n > 0; total += n) {
        char got[5000];
        REQUIRE(GOOD(stream_read(c, s, got, sizeof got, &n)));
        same = same && memcmp(got, bytes + 1000 + total, (size_t)n) == 0;
    }
    CHECK_INT(total, 3000000);
    CHECK(same);
    stream_close(s);
    listen_stop(l);
    file_close(fd);
    GOOD(file_remove(c, str_c(file_path)));
    GOOD(file_remove(c, str_c(file_path)));
}
TEST(a_part_of_a_file_is_sent_as_it_is) { in_loops(sendfile_body); }

/* A peer that sends a byte and resets: the watcher must see the byte, then the error. */
typedef struct Seen {
    int fd, bytes;
    bool error;
    Coro *co;
    FdWatch *watch;
} Seen;
static void on_ready(void *arg, int events) {
    Seen *seen = arg;
    char byte;
    (void)events;
    ssize_t n = recv(seen->fd, &byte, 1, MSG_DONTWAIT);
    if (n > 0) seen->bytes += (int)n;
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        seen->error = true;
        fd_watch_start(seen->watch, 0, NULL, NULL);
        coro_wake(seen->co);
    }
}
static void reset_body(Ctx *c) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    struct linger hard = {.l_onoff = 1};
    int door = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
    REQUIRE(bind(door, (struct sockaddr *)&at, length) == 0 && listen(door, 1) == 0);
    getsockname(door, (struct sockaddr *)&at, &length);
    REQUIRE(connect(fd, (struct sockaddr *)&at, length) == 0);
    int peer = accept(door, NULL, NULL);
    Seen seen = {.fd = fd, .co = c->coro};
    CHECK(send(peer, "ab", 2, 0) == 2);
    setsockopt(peer, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(peer); /* a reset */
    seen.watch = fd_watch_new(fd);
    fd_watch_start(seen.watch, UV_READABLE, on_ready, &seen);
    ctx_deadline_within(c, 3000);
    while (!seen.error)
        if (coro_wait(c) != WAKE_DONE) break;
    CHECK(seen.error);
    fd_watch_free(seen.watch);
    close(fd);
    close(door);
}
TEST(a_reset_is_told_until_it_is_read) { in_loops(reset_body); }

/* -- files and processes ------------------------------------------------------------------------------ */

static void files_body(Ctx *c) {
    Str folder = strf(c->arena, "/tmp/socle-rt-%d/a/b", (int)getpid()), path = strf(c->arena, "%.*s/f", S_ARG(folder)), got;
    GOOD(dir_make(c, folder));
    GOOD(dir_make(c, folder));
    GOOD(file_replace(c, path, S("one")));
    GOOD(file_replace(c, path, S("two!")));
    GOOD(file_read_all(c, path, 100, &got));
    CHECK_STR(got, S("two!"));
    Err *err = file_read_all(c, path, 3, &got);
    CHECK(err && err->kind == ERR_TOO_LARGE);
    err = file_read_all(c, S("/nonexistent/x"), 3, &got);
    CHECK(err && err->kind == ERR_NOT_FOUND);
    GOOD(file_remove(c, path));
}
TEST(files_are_replaced_whole) { in_loops(files_body); }

static void process_body(Ctx *c) {
    Str out;
    REQUIRE(GOOD(process_run(c, (ProcessOptions){.argv = (const char *[]){"tr", "a-z", "A-Z", NULL}, .input = S_INIT("hello\nworld")}, 100, &out)));
    CHECK_STR(out, S("HELLO\nWORLD"));
    Err *err = process_run(c, (ProcessOptions){.argv = (const char *[]){"sh", "-c", "echo oops >&2; exit 3", NULL}}, 100, &out);
    CHECK(err && str_find(err->detail, S("ended with 3: oops")) > 0);
    err = process_run(c, (ProcessOptions){.argv = (const char *[]){"no-such-program-here", NULL}}, 100, &out);
    CHECK(err && err->kind == ERR_UNAVAILABLE);
    Process *p;
    Str line;
    REQUIRE(GOOD(process_start(c, (ProcessOptions){.argv = (const char *[]){"sh", "-c", "echo a; echo; printf b", NULL}}, &p)));
    GOOD(process_line(c, p, &line));
    CHECK_STR(line, S("a"));
    GOOD(process_line(c, p, &line));
    CHECK_INT(line.len, 0);
    GOOD(process_line(c, p, &line));
    CHECK_STR(line, S("b"));
    GOOD(process_line(c, p, &line));
    CHECK(str_is_null(line));
    int code;
    GOOD(process_wait(c, p, &code));
    CHECK_INT(code, 0);
}
TEST(a_child_process_is_fed_read_and_waited_for) { in_loops(process_body); }

static void process_kill_body(Ctx *c) {
    Process *p;
    int code = 0;
    REQUIRE(GOOD(process_start(c, (ProcessOptions){.argv = (const char *[]){"sleep", "60", NULL}}, &p)));
    int64_t former = ctx_deadline_within(c, 20);
    Err *err = process_wait(c, p, &code);
    CHECK(err && err->kind == ERR_TIMEOUT);
    c->deadline_us = former;
    GOOD(process_wait(c, p, &code));
    CHECK_INT(code, 128 + 15);
}
TEST(a_child_over_its_deadline_is_killed) { in_loops(process_kill_body); }

static void leaver(Ctx *c, void *arg) {
    Process *p;
    (void)arg;
    GOOD(process_start(c, (ProcessOptions){.argv = (const char *[]){"sleep", "60", NULL}}, &p));
}
static void process_left_body(Ctx *c) {
    coro_spawn((CoroOptions){.name = "leaver"}, leaver, NULL);
    GOOD(sleep_ms(c, 5));
}
TEST(a_child_left_behind_is_reaped_before_the_loop_ends) {
    int64_t from = mono_us();
    in_loops(process_left_body);
    CHECK(mono_us() - from < 5 * US_PER_SECOND);
}

T_MAIN(T_ROW(sleeping_takes_its_time_and_obeys_the_deadline), T_ROW(fork_join_waits_for_all_and_gives_the_first_error),
       T_ROW(a_cancelled_wait_ends_and_defers_run), T_ROW(what_is_shielded_ends_before_its_cancelling_is_felt), T_ROW(stopping_cancels_services_and_those_over_the_grace_time),
       T_ROW(what_was_asked_for_at_a_turns_end_runs_once_then), T_ROW(a_coroutine_has_a_real_stack), T_ROW(thousands_of_coroutines_reuse_their_stacks_and_arenas),
       T_ROW(offloaded_work_is_done_when_the_call_returns),
       T_ROW(beside_somebody_only_idle_threads_work),
       T_ROW(an_arena_overflowing_on_a_pool_thread_jumps_in_its_own_coroutine), T_ROW(a_channel_between_loops_loses_and_doubles_nothing),
       T_ROW(a_channel_obeys_deadlines_and_its_close), T_ROW(five_megabytes_go_through_a_stream_whole_and_in_order),
       T_ROW(a_port_in_use_and_a_bad_address_are_clear_errors), T_ROW(a_refused_connection_is_an_error),
       T_ROW(a_silent_peer_costs_no_more_than_the_deadline), T_ROW(a_part_of_a_file_is_sent_as_it_is),
       T_ROW(a_reset_is_told_until_it_is_read), T_ROW(files_are_replaced_whole), T_ROW(a_child_process_is_fed_read_and_waited_for),
       T_ROW(a_child_over_its_deadline_is_killed), T_ROW(a_child_left_behind_is_reaped_before_the_loop_ends))

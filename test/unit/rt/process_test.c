/* SPDX-License-Identifier: Apache-2.0
 * Children are killed with all that they started, have their limits, and die with their parent. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/time.h"
#include "rt/process.h"
#include "t.h"

static void (*body)(Ctx *c);

static void run_body(Ctx *c, void *arg) {
    (void)arg;
    c->deadline_us = mono_us() + 20 * US_PER_SECOND;
    body(c);
    rt_stop(5000);
}

static void in_loops(void (*fn)(Ctx *c)) {
    body = fn;
    rt_init(1);
    coro_spawn((CoroOptions){.name = "test"}, run_body, NULL);
    rt_run();
    rt_close();
}

static bool good(Err *err) {
    if (err) printf("    error: %.*s\n", S_ARG(err->detail));
    return err == NULL;
}

/* It is gone, or will be at once. */
static bool gone_soon(Ctx *c, pid_t pid) {
    for (int i = 0; i < 500; i++) {
        if (kill(pid, 0) != 0 && errno == ESRCH) return true;
        if (sleep_ms(c, 10)) return false;
    }
    return false;
}

static pid_t line_pid(Ctx *c, Process *p) {
    Str line;
    int64_t pid = 0;
    if (!CHECK(good(process_line(c, p, &line))) || !str_to_i64(line, &pid)) return -1;
    return (pid_t)pid;
}

static void group_body(Ctx *c) {
    Process *p;
    int code = 0;
    const char *const argv[] = {"sh", "-c", "sleep 60 & echo $!; wait", NULL};
    REQUIRE(good(process_start(c, (ProcessOptions){.argv = argv}, &p)));
    pid_t grandchild = line_pid(c, p);
    REQUIRE(grandchild > 1 && kill(grandchild, 0) == 0);
    process_end(c, p);
    CHECK(good(process_wait(c, p, &code)));
    CHECK_INT(code, 128 + SIGTERM);
    CHECK(gone_soon(c, grandchild));
}
TEST(a_childs_own_children_are_killed_with_it) { in_loops(group_body); }

static void orphan_body(Ctx *c) {
    Process *p;
    int code = 0;
    const char *const argv[] = {"sh", "-c", "sleep 60 >/dev/null 2>&1 & echo $!", NULL};
    REQUIRE(good(process_start(c, (ProcessOptions){.argv = argv}, &p)));
    pid_t grandchild = line_pid(c, p);
    CHECK(good(process_wait(c, p, &code)));
    CHECK_INT(code, 0);
    CHECK(gone_soon(c, grandchild));
}
TEST(a_child_leaves_nobody_behind) { in_loops(orphan_body); }

static void stubborn_body(Ctx *c) {
    Process *p;
    const char *const argv[] = {"sh", "-c", "trap '' TERM; echo $$; while :; do sleep 0.1; done",
                                NULL};
    REQUIRE(good(process_start(c, (ProcessOptions){.argv = argv}, &p)));
    pid_t child = line_pid(c, p);
    ctx_deadline_within(c, 0);
    process_end(c, p);
    CHECK(child > 1 && kill(child, 0) != 0);
}
TEST(a_child_deaf_to_sigterm_is_gone_when_process_end_returns) { in_loops(stubborn_body); }

static void limits_body(Ctx *c) {
    Str out;
    const char *const told[] = {"sh", "-c", "ulimit -f; ulimit -v; nice", NULL};
    ProcessOptions options = {
        .argv = told, .nice = 7, .max_file_bytes = 1 << 20, .max_memory_bytes = 1 << 30};
    REQUIRE(good(process_run(c, options, 100, &out)));
    CHECK_STR(out, S("2048\n1048576\n7\n"));
    const char *const large[] = {
        "sh", "-c", "d=$(mktemp -d); head -c 2000000 /dev/zero >$d/f; r=$?; rm -r $d; exit $r",
        NULL};
    Process *p;
    int code = 0;
    options.argv = large;
    REQUIRE(good(process_start(c, options, &p)));
    CHECK(good(process_wait(c, p, &code)));
    CHECK_INT(code, 128 + SIGXFSZ);
}
TEST(a_child_has_the_limits_it_was_given) { in_loops(limits_body); }

static void files_body(Ctx *c) {
    Str out;
    FILE *in = tmpfile(), *to = tmpfile();
    char copied[16] = "";
    REQUIRE(in && to && fputs("bytes", in) > 0 && fflush(in) == 0);
    const char *const argv[] = {"sh", "-c", "cat /dev/fd/3 >/dev/fd/4; cat /dev/fd/5 || echo none",
                                NULL};
    ProcessOptions options = {.argv = argv, .files = {fileno(in), fileno(to)}, .file_count = 2};
    if (CHECK(good(process_run(c, options, 100, &out)))) CHECK_STR(out, S("none\n"));
    CHECK_INT(pread(fileno(to), copied, sizeof copied, 0), 5);
    CHECK_STR(str_c(copied), S("bytes"));
    fclose(in);
    fclose(to);
}
TEST(a_child_has_the_descriptors_it_was_given_and_no_other) { in_loops(files_body); }

static void orphan_maker_body(Ctx *c) {
    Process *p;
    const char *const argv[] = {"sleep", "60", NULL};
    if (process_start(c, (ProcessOptions){.argv = argv}, &p)) _exit(1);
    kill(getpid(), SIGKILL);
}
TEST(a_child_dies_with_its_parent_however_that_dies) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    pid_t middle = fork();
    REQUIRE(middle >= 0);
    if (middle == 0) {
        in_loops(orphan_maker_body);
        _exit(1);
    }
    int status = 0;
    CHECK(waitpid(middle, &status, 0) == middle && WIFSIGNALED(status));
    close(ends[1]); /* now only the orphan may hold this end: it inherited it */
    struct pollfd end = {.fd = ends[0], .events = POLLIN};
    CHECK_INT(poll(&end, 1, 5000), 1);
    close(ends[0]);
}

T_MAIN(T_ROW(a_childs_own_children_are_killed_with_it), T_ROW(a_child_leaves_nobody_behind),
       T_ROW(a_child_deaf_to_sigterm_is_gone_when_process_end_returns),
       T_ROW(a_child_has_the_limits_it_was_given),
       T_ROW(a_child_has_the_descriptors_it_was_given_and_no_other),
       T_ROW(a_child_dies_with_its_parent_however_that_dies))

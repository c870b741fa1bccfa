/* SPDX-License-Identifier: Apache-2.0
 * SQLite when things go wrong: killed processes, power cuts, full and failing disks, foreign locks,
 * and neighbours in a group commit that fail. What was acknowledged is there, what failed is not.
 */
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "crowd.h"
#include "data/sqlite_pages.h"
#include "vfs.h"

extern char **environ;

/* -- a child process that writes until it is killed, and says each key once it is durable ------ */

static int ack_fd = -1;

static Err *add_and_tell(Ctx *c, int64_t who, int64_t round) {
    int64_t key = who * 1000000 + round;
    TRY(db_exec(c, ADD_NAME, ARGS(V(strf(c->arena, "%lld", (long long)key)), V(round)), NULL));
    if (write(ack_fd, &key, sizeof key) != sizeof key) FAIL(c, GONE, "nobody listens");
    return NULL;
}

static Err *two_in(Ctx *c, void *arg) {
    int64_t *key = arg;
    TRY(db_exec(c, ADD_NAME, ARGS(V(strf(c->arena, "%lld", (long long)*key)), V(1)), NULL));
    return db_exec(c, ADD_NAME, ARGS(V(strf(c->arena, "twin of %lld", (long long)*key)), V(1)),
                   NULL);
}

static Err *add_two_and_tell(Ctx *c, int64_t who, int64_t round) {
    int64_t key = who * 1000000 + round;
    if (who % 2) return add_and_tell(c, who, round);
    TRY(db_transaction(c, two_in, &key));
    if (write(ack_fd, &key, sizeof key) != sizeof key) FAIL(c, GONE, "nobody listens");
    return NULL;
}

static void child_writes(Ctx *c) {
    if (!names_make(c)) return;
    Crowd crowd = {.each = 1000000, .one = add_two_and_tell};
    crowd_run(c, &crowd, 32);
}

static int child_main(char **argv) {
    world.engine = ENGINE_SQLITE;
    world.test = child_writes;
    snprintf(world.folder, sizeof world.folder, "%s", argv[2]);
    world.options = world_options();
    ack_fd = STDOUT_FILENO;
    if (argv[3]) {
        disk_install();
        disk.durable = argv[3];
    }
    rt_init(2);
    coro_spawn((CoroOptions){.name = "child", .app = &world.app}, world_main, NULL);
    rt_run();
    return 0;
}

/* Another program of ours; *out reads what it says, *in (may be NULL) is its standard input. */
static pid_t child_start(const char *what, const char *folder, const char *more, int *out,
                         int *in) {
    int from[2], to[2];
    if (pipe2(from, O_CLOEXEC) != 0 || pipe2(to, O_CLOEXEC) != 0) abort();
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
    char name[] = "child", *argv[] = {name, (char *)(uintptr_t)what, (char *)(uintptr_t)folder,
                                      (char *)(uintptr_t)more, NULL};
    pid_t pid = 0;
    if (posix_spawn(&pid, "/proc/self/exe", &actions, NULL, argv, environ) != 0) abort();
    posix_spawn_file_actions_destroy(&actions);
    close(from[1]);
    close(to[0]);
    *out = from[0];
    if (in)
        *in = to[1];
    else
        close(to[1]);
    return pid;
}

/* Read keys until `enough` of them, kill, read what is still in the pipe. */
static ptrdiff_t acks_read(pid_t pid, int fd, ptrdiff_t enough, int64_t *keys, ptrdiff_t cap) {
    ptrdiff_t count = 0;
    bool killed = false;
    while (count < cap && read(fd, &keys[count], sizeof *keys) == sizeof *keys)
        if (++count >= enough && !killed) killed = kill(pid, SIGKILL) == 0;
    close(fd);
    int status = 0;
    waitpid(pid, &status, 0);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return count;
}

enum { KEYS_MAX = 200000 };
static int64_t keys[KEYS_MAX];
static ptrdiff_t key_count;

static void every_key_is_there(Ctx *c) {
    ptrdiff_t missing = 0, halves = 0;
    for (ptrdiff_t i = 0; i < key_count; i++) {
        int64_t n = 0;
        Str key = strf(c->arena, "%lld", (long long)keys[i]);
        MUST(db_int(c, SQL("SELECT count(*) FROM names WHERE name = $1"), ARGS(V(key)), &n));
        missing += n != 1;
    }
    CHECK_INT(missing, 0);
    MUST(db_int(c,
                SQL("SELECT count(*) FROM names t WHERE name LIKE 'twin%' AND NOT EXISTS "
                    "(SELECT 1 FROM names WHERE name = substr(t.name, 9))"),
                NO_ARGS, &halves));
    CHECK_INT(halves, 0);
    CHECK_INT(
        count_of(c, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
    CHECK_INT(count_of(c, "SELECT 1"), 1);
    CHECK(GOOD(db_exec(c, ADD_NAME, ARGS(V(S("after")), V(1)), NULL)));
}

static void folder_make(char *path, size_t size) {
    const char *tmp = getenv("TMPDIR");
    snprintf(path, size, "%s/socle-db-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(path)) abort();
}

static void opened_from(const char *folder) {
    snprintf(world.folder, sizeof world.folder, "%s", folder);
    world.engine = ENGINE_SQLITE;
    world.test = every_key_is_there;
    world.options = world_options();
    rt_init(2);
    coro_spawn((CoroOptions){.name = "test", .app = &world.app, .budget_bytes = 64 * MIB},
               world_main, NULL);
    rt_run();
    rt_close();
    nftw(folder, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

TEST(what_was_acknowledged_survives_kill_9) {
    for (int round = 0; round < 4; round++) {
        char folder[256];
        int fd;
        folder_make(folder, sizeof folder);
        pid_t pid = child_start("--child-writes", folder, NULL, &fd, NULL);
        key_count = acks_read(pid, fd, 300 + 2500 * round, keys, KEYS_MAX);
        CHECK(key_count >= 300);
        opened_from(folder);
    }
}

/* Only what had been synced is left: so every acknowledgement must have come after its sync. */
TEST(what_was_acknowledged_survives_a_power_cut) {
    for (int round = 0; round < 3; round++) {
        char folder[256], durable[256];
        int fd;
        folder_make(folder, sizeof folder);
        folder_make(durable, sizeof durable);
        pid_t pid = child_start("--child-writes", folder, durable, &fd, NULL);
        key_count = acks_read(pid, fd, 200 + 900 * round, keys, KEYS_MAX);
        CHECK(key_count >= 200);
        nftw(folder, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
        opened_from(durable);
    }
}

/* -- another process holds the database -------------------------------------------------------- */

static int locker_main(char **argv) {
    sqlite3 *db;
    char path[300], byte;
    snprintf(path, sizeof path, "%s/socle.db", argv[2]);
    bool held = sqlite3_open(path, &db) == SQLITE_OK &&
                sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK;
    if (!held || write(STDOUT_FILENO, "L", 1) != 1) return 1;
    while (read(STDIN_FILENO, &byte, 1) > 0) continue; /* until the parent closes it */
    sqlite3_close(db);
    return 0;
}

ON_SQLITE(a_foreign_lock_is_unavailable_and_passes) {
    if (!names_make(c)) return;
    int out, in, status;
    char byte = 0;
    pid_t pid = child_start("--child-locks", world.folder, NULL, &out, &in);
    REQUIRE(read(out, &byte, 1) == 1);
    ctx_deadline_within(c, 200);
    CHECK(FAILS(db_exec(c, ADD_NAME, ARGS(V(S("late")), V(1)), NULL), TIMEOUT));
    c->deadline_us = 0;
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 0); /* reading goes on */
    Err *err = db_exec(c, ADD_NAME, ARGS(V(S("refused")), V(1)), NULL);
    CHECK(FAILS(err, UNAVAILABLE));
    if (err) CHECK(err->retry_after_s > 0);
    close(in);
    close(out);
    waitpid(pid, &status, 0);
    CHECK(GOOD(db_exec(c, ADD_NAME, ARGS(V(S("in")), V(1)), NULL)));
    CHECK_INT(count_of(c, "SELECT count(*) FROM names WHERE name = 'in'"), 1);
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 1); /* neither of the two others */
}

/* -- the disk is full, or fails ---------------------------------------------------------------- */

static atomic_bool filled;

static Err *one_big_among_small(Ctx *c, int64_t who, int64_t round) {
    Str name = strf(c->arena, "%lld-%lld", (long long)who, (long long)round);
    if (who != 3) return db_exec(c, ADD_NAME, ARGS(V(name), V(1)), NULL);
    Err *err = db_exec(c, SQL("INSERT INTO names (name) SELECT $1 || hex(zeroblob(3000000))"),
                       ARGS(V(name)), NULL);
    if (err && err->kind == ERR_STORAGE_FULL) filled = true;
    return err && err->kind == ERR_STORAGE_FULL ? NULL
                                                : err_new(c, ERR_GONE, __func__, "it was taken");
}

ON_SQLITE(of_a_group_only_the_one_that_does_not_fit_fails) {
    if (!names_make(c)) return;
    int64_t pages;
    MUST(db_int(c, SQL("PRAGMA page_count"), NO_ARGS, &pages));
    MUST(db_exec(c, SQL("PRAGMA max_page_count = 400"), NO_ARGS, NULL));
    Crowd crowd = {.each = 20, .one = one_big_among_small};
    crowd_run(c, &crowd, 32);
    CHECK_INT(crowd.good, 640);
    CHECK(filled);
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 620);
}

ON_SQLITE(a_full_disk_is_told_and_passes) {
    if (!names_make(c)) return;
    MUST(db_exec(c, ADD_NAME, ARGS(V(S("before")), V(1)), NULL));
    disk.writes_fail = true;
    Err *err = db_exec(c, ADD_NAME, ARGS(V(S("lost")), V(1)), NULL);
    disk.writes_fail = false;
    CHECK(FAILS(err, STORAGE_FULL));
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 1);
    CHECK(GOOD(db_exec(c, ADD_NAME, ARGS(V(S("after")), V(1)), NULL)));
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 2);
}

/* More than the writer keeps in memory: pages go to the log, and come back from it, before the
 * commit. With `arg` the disk is full for a while in the middle. */
static Err *large_in(Ctx *c, void *arg) {
    Err *err = NULL;
    for (int64_t i = 0; i < 600 && !err; i++) {
        disk.writes_fail = arg && i >= 200 && i < 400;
        err = db_exec(c, SQL("INSERT INTO names (name, n) SELECT $1 || hex(randomblob(900)), $1"),
                      ARGS(V(i)), NULL);
    }
    disk.writes_fail = false;
    int64_t sum = 0;
    TRY(err);
    TRY(db_int(c, SQL("SELECT sum(n) FROM names"), NO_ARGS, &sum));
    CHECK_INT(sum, 599 * 300);
    return NULL;
}

ON_SQLITE(a_transaction_larger_than_memory_is_whole_or_not_there) {
    if (!names_make(c)) return;
    MUST(db_exec(c, SQL("PRAGMA cache_size = 20"), NO_ARGS, NULL));
    for (int i = 0; i < 3; i++) {
        CHECK(FAILS(db_transaction(c, large_in, c), STORAGE_FULL));
        CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 0);
    }
    MUST(db_transaction(c, large_in, NULL));
    CHECK_INT(count_of(c, "SELECT sum(n) FROM names"), 599 * 300);
    CHECK_INT(
        count_of(c, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
}

/* The sync of a whole group fails once: each is told the truth about itself. */
static Err *told_the_truth(Ctx *c, int64_t who, int64_t round) {
    Str name = strf(c->arena, "%lld-%lld", (long long)who, (long long)round);
    Err *err = db_exec(c, ADD_NAME, ARGS(V(name), V(1)), NULL);
    int64_t n = 0;
    TRY(db_int(c, SQL("SELECT count(*) FROM names WHERE name = $1"), ARGS(V(name)), &n));
    CHECK_INT(n, err == NULL);
    if (err) CHECK(err->kind == ERR_UNAVAILABLE || err->kind == ERR_STORAGE_FULL);
    return NULL;
}

ON_SQLITE(a_failing_sync_fails_nobody_falsely) {
    if (!names_make(c)) return;
    for (int nth = 1; nth <= 12; nth++) {
        disk.fail_with = nth % 2 ? SQLITE_IOERR_FSYNC : SQLITE_FULL;
        disk.fail_at = disk.syncs + nth;
        Crowd crowd = {.each = 4, .one = told_the_truth};
        crowd_run(c, &crowd, 16);
        CHECK_INT(crowd.good, 64);
        MUST(db_exec(c, SQL("DELETE FROM names"), NO_ARGS, NULL));
    }
    disk.fail_at = 0;
}

/* -- neighbours in the group ------------------------------------------------------------------- */

static Err *one_endless_among_small(Ctx *c, int64_t who, int64_t round) {
    Str name = strf(c->arena, "%lld-%lld", (long long)who, (long long)round);
    if (who != 3) return db_exec(c, ADD_NAME, ARGS(V(name), V(1)), NULL);
    int64_t former = ctx_deadline_within(c, 60);
    Err *err = db_exec(
        c,
        SQL("INSERT INTO names (name) WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
            "FROM r) SELECT 'endless ' || i FROM r"),
        NO_ARGS, NULL);
    c->deadline_us = former;
    return err && err->kind == ERR_TIMEOUT ? NULL : err_new(c, ERR_GONE, __func__, "it ended");
}

ON_SQLITE(an_interrupted_write_does_not_take_its_neighbours_along) {
    if (!names_make(c)) return;
    Crowd crowd = {.each = 5, .one = one_endless_among_small};
    crowd_run(c, &crowd, 32);
    CHECK_INT(crowd.good, 160);
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 155);
}

static Err *orphan_in(Ctx *c, void *arg) {
    int64_t *parent = arg;
    return db_exec(c, SQL("INSERT INTO kids (parent) VALUES ($1)"), ARGS(V(*parent)), NULL);
}

static Err *orphans_and_others(Ctx *c, int64_t who, int64_t round) {
    int64_t parent = (who + round) % 4 ? 1 : 99;
    Err *err = db_transaction(c, orphan_in, &parent);
    if (parent == 1) return err;
    return err && err->kind == ERR_INVALID ? NULL
                                           : err_new(c, ERR_GONE, __func__, "an orphan was taken");
}

ON_SQLITE(a_deferred_constraint_fails_its_own_transaction) {
    if (!names_make(c)) return;
    MUST(db_exec(c, ADD_NAME, ARGS(V(S("parent")), V(1)), NULL));
    MUST(db_exec(c,
                 SQL("CREATE TABLE kids (parent INTEGER REFERENCES names(id) DEFERRABLE INITIALLY "
                     "DEFERRED) STRICT"),
                 NO_ARGS, NULL));
    Crowd crowd = {.each = 8, .one = orphans_and_others};
    crowd_run(c, &crowd, 32);
    CHECK_INT(crowd.good, 256);
    CHECK_INT(count_of(c, "SELECT count(*) FROM kids"), 192);
}

/* Every second one fails after it has written, be it its group's first or not. */
static Err *half_in(Ctx *c, void *arg) {
    const Str *name = arg;
    TRY(db_exec(c, ADD_NAME, ARGS(V(*name), V(1)), NULL));
    bool fails = str_ends(*name, S("1")) || str_ends(*name, S("3"));
    return db_exec(c, ADD_NAME,
                   ARGS(V(fails ? S("there") : str_concat(c->arena, *name, S("b"))), V(1)), NULL);
}

static Err *half_of_them(Ctx *c, int64_t who, int64_t round) {
    Str name = strf(c->arena, "%lld-%lld", (long long)who, (long long)round);
    return db_transaction(c, half_in, &name);
}

ON_SQLITE(what_fails_in_the_middle_leaves_nothing_wherever_it_stands) {
    if (!names_make(c)) return;
    MUST(db_exec(c, ADD_NAME, ARGS(V(S("there")), V(1)), NULL));
    for (int members = 1; members <= 32; members *= 2) {
        Crowd crowd = {.each = 4, .one = half_of_them};
        crowd_run(c, &crowd, members);
        CHECK_INT(crowd.good, 2 * members);
        CHECK_INT(crowd.conflicts, 2 * members);
        CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 1 + 4 * members);
        MUST(db_exec(c, SQL("DELETE FROM names WHERE name <> 'there'"), NO_ARGS, NULL));
    }
}

/* -- the page cache ---------------------------------------------------------------------------- */

static Err *scattered_in(Ctx *c, void *arg) {
    const int64_t *at = arg;
    for (int64_t i = *at; i < *at + 40; i++)
        TRY(db_exec(
            c, ADD_NAME,
            ARGS(V(strf(c->arena, "%016llx%0100d", (unsigned long long)i * 0x9e3779b97f4a7c15u, 0)),
                 V(i)),
            NULL));
    return NULL;
}

ON_SQLITE(commits_that_order_leaves_do_not_search_the_cache) {
    if (!names_make(c)) return;
    int64_t before = pages_searches();
    for (int64_t at = 0; at < 6000; at += 40) MUST(db_transaction(c, scattered_in, &at));
    CHECK_INT(pages_searches() - before, 0);
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 6000);
}

static Err *grows_and_fails_in(Ctx *c, void *arg) {
    TRY(scattered_in(c, arg));
    FAIL(c, GONE, "not wanted");
}

ON_SQLITE(pages_that_were_rolled_back_are_forgotten) {
    if (!names_make(c)) return;
    for (int64_t at = 0; at < 2000; at += 40) {
        Err *err = db_transaction(c, grows_and_fails_in, &at);
        CHECK(err && err->kind == ERR_GONE);
        MUST(db_transaction(c, scattered_in, &at));
        if (at % 400 == 0)
            MUST(db_exec(c, SQL("DELETE FROM names WHERE n % 3 = 0"), NO_ARGS, NULL));
    }
    CHECK(pages_searches() > 0);
    CHECK_INT(
        count_of(c, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
}

/* -- the queue --------------------------------------------------------------------------------- */

static atomic_bool slow_begun, late_asked, withdrawn, refused;

/* As long as it takes the others. */
static Err *slow_in(Ctx *c, void *arg) {
    (void)arg;
    slow_begun = true;
    int64_t until = mono_us() + 60 * US_PER_SECOND;
    while (!(withdrawn && refused) && mono_us() < until) usleep(1000); /* on the writer's thread */
    return db_exec(c, SQL("UPDATE names SET n = 2 WHERE name = 'slow'"), NO_ARGS, NULL);
}

static Err *slow_then_many(Ctx *c, int64_t who, int64_t round) {
    (void)round;
    if (who == 0) return db_transaction(c, slow_in, NULL);
    while (!slow_begun || (who > 1 && !late_asked)) TRY(sleep_ms(c, 1));
    if (who == 1) {
        ctx_deadline_within(c, 30);
        late_asked = true;
    }
    Err *err = db_exec(c, ADD_NAME, ARGS(V(strf(c->arena, "%lld", (long long)who)), V(1)), NULL);
    if (who == 1) {
        withdrawn = true;
        return err && err->kind == ERR_TIMEOUT ? NULL
                                               : err_new(c, ERR_GONE, __func__, "no time-out");
    }
    if (err && err->kind == ERR_UNAVAILABLE && err->retry_after_s > 0) {
        refused = true;
        FAIL(c, CONFLICT, "the queue is full");
    }
    return err;
}

ON_SQLITE(a_full_queue_refuses_and_a_late_waiter_withdraws) {
#ifdef __SANITIZE_THREAD__
    SKIP("so many coroutines are too much for ThreadSanitizer");
#endif
    if (!names_make(c)) return;
    MUST(db_exec(c, ADD_NAME, ARGS(V(S("slow")), V(1)), NULL));
    Crowd crowd = {.each = 1, .one = slow_then_many};
    crowd_run(c, &crowd, 10000);
    CHECK(crowd.conflicts > 0);
    CHECK_INT(crowd.good + crowd.conflicts, 10000);
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"),
              crowd.good - 1); /* 'slow', less the two that add none */
    CHECK_INT(count_of(c, "SELECT count(*) FROM names WHERE name = '1'"), 0);
}

/* -- the log stays small ----------------------------------------------------------------------- */

static int64_t log_bytes(void) {
    char path[300];
    struct stat s;
    snprintf(path, sizeof path, "%s/socle.db-wal", world.folder);
    return stat(path, &s) == 0 ? s.st_size : -1;
}

static _Atomic int64_t log_most;

static Err *add_much(Ctx *c, int64_t who, int64_t round) {
    (void)who, (void)round;
    Err *err =
        db_exec(c, SQL("INSERT INTO names (name) VALUES (hex(randomblob(20000)))"), NO_ARGS, NULL);
    int64_t now = log_bytes();
    if (now > log_most) log_most = now;
    return err;
}

/* 400 MB go through it while readers come and go. */
ON_SQLITE(the_log_is_bounded_while_writing_never_stops) {
    if (!names_make(c)) return;
    Crowd crowd = {.each = 150, .one = add_much};
    crowd_run(c, &crowd, 32);
    CHECK_INT(crowd.good, 4800);
    CHECK(log_most > 0 && log_most < 128 * MIB);
}

/* -- backup ------------------------------------------------------------------------------------ */

static int64_t progress_last, progress_calls;
static void on_progress(void *arg, int64_t done, int64_t total) {
    (void)arg;
    CHECK(done >= progress_last && done <= total);
    progress_last = done;
    progress_calls++;
}

static Err *write_or_back_up(Ctx *c, int64_t who, int64_t round) {
    int64_t key = who * 1000000 + round;
    if (who > 0) return db_transaction(c, two_in, &key);
    progress_last = 0;
    return db_backup(c, strf(c->arena, "%s/copy.db", world.folder), on_progress, NULL);
}

ON_SQLITE(a_backup_while_writing_is_of_one_moment) {
    if (!names_make(c)) return;
    MUST(db_exec(c, SQL("CREATE TABLE ballast AS SELECT randomblob(8000000) AS b"), NO_ARGS, NULL));
    progress_calls = 0;
    Crowd crowd = {.each = 3, .one = write_or_back_up};
    crowd_run(c, &crowd, 300);
    CHECK_INT(crowd.good, 900);
    CHECK(progress_calls > 0);
    char path[300];
    snprintf(path, sizeof path, "%s/copy.db", world.folder);
    Db *live = world.app.db;
    DbOptions options = world_options();
    options.url = strf(c->arena, "sqlite:///%s", path);
    MUST(db_open(c, options, &world.app.db));
    int64_t rows = count_of(c, "SELECT count(*) FROM names");
    CHECK(rows % 2 == 0);
    CHECK_INT(count_of(c, "SELECT count(*) FROM names a WHERE name NOT LIKE 'twin%' AND NOT EXISTS "
                          "(SELECT 1 FROM names WHERE name = 'twin of ' || a.name)"),
              0);
    CHECK_INT(
        count_of(c, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
    db_close(world.app.db);
    world.app.db = live;
    CHECK(FAILS(db_backup(c, S("/nowhere/at/all.db"), NULL, NULL), UNAVAILABLE));
    CHECK_INT(count_of(c, "SELECT count(*) FROM names"), 897 * 2);
}

/* -- opening ----------------------------------------------------------------------------------- */

ON_SQLITE(what_cannot_be_opened_says_why) {
    Db *db = NULL;
    DbOptions options = world_options();
    char path[300];
    snprintf(path, sizeof path, "%s/not-a-database", world.folder);
    FILE *f = fopen(path, "w");
    REQUIRE(f != NULL);
    for (int i = 0; i < 500; i++) fprintf(f, "this is not a database\n");
    fclose(f);
    options.url = strf(c->arena, "sqlite:///%s", path);
    CHECK(FAILS(db_open(c, options, &db), INTERNAL));
    options.url = S("sqlite:////proc/nowhere/x.db");
    CHECK(db_open(c, options, &db) != NULL);
    options.url = S("mysql://localhost/x");
    CHECK(FAILS(db_open(c, options, &db), INVALID));
    options.url = S("sqlite://");
    CHECK(FAILS(db_open(c, options, &db), INVALID));
    options.url = S("postgresql://localhost/x?no_such_option=1");
    CHECK(FAILS(db_open(c, options, &db), INVALID));
    CHECK(db == NULL);
    snprintf(path, sizeof path, "%s/socle.db", world.folder);
    struct stat s;
    CHECK_INT(stat(path, &s), 0);
    CHECK_INT(s.st_mode & 0777, 0600);
}

TEST(an_sqlite_url_names_its_file) {
    Arena *a = arena_new(MIB);
    CHECK_STR(db_sqlite_file(a, S(""), S("/data")), S("/data/socle.db"));
    CHECK_STR(db_sqlite_file(a, S("sqlite:///var/x.db"), S("/data")), S("/var/x.db"));
    CHECK_STR(db_sqlite_file(a, S("sqlite:////var/x.db"), S("/data")), S("/var/x.db"));
    CHECK_STR(db_sqlite_file(a, S("sqlite+aiosqlite:///./x.db"), S("/data")), S("./x.db"));
    CHECK(str_is_null(db_sqlite_file(a, S("postgresql://h/x"), S("/data"))));
    arena_free(a);
}

int main(int argc, char **argv) {
    if (argc > 2 && strcmp(argv[1], "--child-writes") == 0) return child_main(argv);
    if (argc > 2 && strcmp(argv[1], "--child-locks") == 0) return locker_main(argv);
    pages_register(); /* SQLite is in use from the next line on */
    disk_install();
    static const T rows[] = {
        T_ROW(what_was_acknowledged_survives_kill_9),
        T_ROW(what_was_acknowledged_survives_a_power_cut),
        T_ROW(a_foreign_lock_is_unavailable_and_passes_sqlite),
        T_ROW(of_a_group_only_the_one_that_does_not_fit_fails_sqlite),
        T_ROW(a_full_disk_is_told_and_passes_sqlite),
        T_ROW(a_transaction_larger_than_memory_is_whole_or_not_there_sqlite),
        T_ROW(a_failing_sync_fails_nobody_falsely_sqlite),
        T_ROW(an_interrupted_write_does_not_take_its_neighbours_along_sqlite),
        T_ROW(a_deferred_constraint_fails_its_own_transaction_sqlite),
        T_ROW(what_fails_in_the_middle_leaves_nothing_wherever_it_stands_sqlite),
        T_ROW(commits_that_order_leaves_do_not_search_the_cache_sqlite),
        T_ROW(pages_that_were_rolled_back_are_forgotten_sqlite),
        T_ROW(a_full_queue_refuses_and_a_late_waiter_withdraws_sqlite),
        T_ROW(the_log_is_bounded_while_writing_never_stops_sqlite),
        T_ROW(a_backup_while_writing_is_of_one_moment_sqlite),
        T_ROW(what_cannot_be_opened_says_why_sqlite),
        T_ROW(an_sqlite_url_names_its_file),
    };
    return t_main(argc, argv, rows, (int)COUNT(rows));
}

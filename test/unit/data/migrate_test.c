/* SPDX-License-Identifier: Apache-2.0
 * Migrations, with the real ones: up, down, up again, by two processes at once. */
#include "data/migrate.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include "world.h"

extern char **environ;

static int64_t tables(Ctx *c) {
    int64_t n = -1;
    GOOD(db_int(c,
                SQL2("SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'sqlite%'",
                     "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"),
                NO_ARGS, &n));
    return n;
}

BOTH(up_and_down_and_up_again) {
    int64_t applied = -1, again = -1, reverted = -1;
    Migration *list;
    ptrdiff_t count;
    MUST(migrate_status(c, &list, &count));
    REQUIRE(count > 0);
    CHECK_INT(list[0].number, 1);
    CHECK_STR(list[0].name, S("base"));
    CHECK(!list[0].applied && !list[0].changed && time_is_null(list[0].applied_at));
    MUST(migrate_up(c, &applied));
    CHECK_INT(applied, count);
    MUST(migrate_up(c, &again));
    CHECK_INT(again, 0);
    int64_t full = tables(c);
    MUST(migrate_status(c, &list, &count));
    for (ptrdiff_t i = 0; i < count; i++)
        CHECK(list[i].applied && !list[i].changed && !time_is_null(list[i].applied_at));
    MUST(migrate_down(c, 1, &reverted));
    CHECK_INT(reverted, 1);
    MUST(migrate_status(c, &list, &count));
    CHECK(!list[count - 1].applied);
    MUST(migrate_down(c, 1000, &reverted));
    CHECK_INT(reverted, count - 1);
    CHECK_INT(tables(c), 0);
    MUST(migrate_up(c, &again));
    CHECK_INT(again, count);
    CHECK_INT(tables(c), full);
}

BOTH(a_changed_and_an_unknown_migration_are_shown) {
    int64_t n;
    Migration *list;
    ptrdiff_t count, before;
    MUST(migrate_up(c, &n));
    MUST(migrate_status(c, &list, &before));
    MUST(db_exec(c, SQL("UPDATE schema_migrations SET checksum = 'other' WHERE number = 1"),
                 NO_ARGS, NULL));
    MUST(db_exec(c,
                 SQL("INSERT INTO schema_migrations (number, name, checksum, applied_at) VALUES "
                     "(9999, 'new', 'x', $1)"),
                 ARGS(V(time_now())), NULL));
    MUST(migrate_status(c, &list, &count));
    CHECK_INT(count, before + 1);
    CHECK(list[0].changed);
    CHECK_INT(list[count - 1].number, 9999);
    CHECK(list[count - 1].applied);
    CHECK(FAILS(migrate_down(c, 1, &n), CONFLICT)); /* we do not know how */
    CHECK_INT(n, 0);
}

static void child_migrates(Ctx *c) {
    int64_t applied = 0;
    char text[32];
    if (!GOOD(migrate_up(c, &applied))) applied = -1;
    int len = snprintf(text, sizeof text, "%lld\n", (long long)applied);
    if (write(STDOUT_FILENO, text, (size_t)len) != len) abort();
}

static int child_main(char **argv) {
    world.engine = strcmp(argv[2], "sqlite") == 0 ? ENGINE_SQLITE : ENGINE_POSTGRES;
    snprintf(world.folder, sizeof world.folder, "%s", argv[3]);
    snprintf(world.url, sizeof world.url, "%s", argv[4]);
    world.test = child_migrates;
    world.options = world_options();
    rt_init(1);
    coro_spawn((CoroOptions){.name = "child", .app = &world.app}, world_main, NULL);
    rt_run();
    return t_failures > 0;
}

enum { CHILDREN = 4 };

BOTH(several_processes_at_once_apply_each_one_once) {
    int out[2], sum = 0, status = 0;
    pid_t pids[CHILDREN];
    REQUIRE(pipe2(out, O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    char name[] = "child", what[] = "--child-migrates", sqlite[] = "sqlite",
         postgres[] = "postgres", none[] = "-";
    char *argv[] = {name,
                    what,
                    world.engine == ENGINE_SQLITE ? sqlite : postgres,
                    world.folder,
                    world.engine == ENGINE_SQLITE ? none : world.url,
                    NULL};
    for (int i = 0; i < CHILDREN; i++)
        REQUIRE(posix_spawn(&pids[i], "/proc/self/exe", &actions, NULL, argv, environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    FILE *in = fdopen(out[0], "r");
    int lines = 0;
    for (int n; fscanf(in, "%d", &n) == 1; lines++) sum += n;
    fclose(in);
    for (int i = 0; i < CHILDREN; i++) {
        waitpid(pids[i], &status, 0);
        CHECK_INT(status, 0);
    }
    Migration *list;
    ptrdiff_t count;
    MUST(migrate_status(c, &list, &count));
    CHECK_INT(lines, CHILDREN);
    CHECK_INT(sum, count);
}

/* Every sequence is ready after migrating. */
static Err *next_in(Ctx *c, void *arg) { return db_next_change(c, 2, arg); }

BOTH(the_change_sequence_begins_at_one) {
    int64_t n, first = 0;
    MUST(migrate_up(c, &n));
    MUST(db_transaction(c, next_in, &first));
    CHECK_INT(first, 1);
    MUST(db_transaction(c, next_in, &first));
    CHECK_INT(first, 3);
}

int main(int argc, char **argv) {
    if (argc > 4 && strcmp(argv[1], "--child-migrates") == 0) return child_main(argv);
    static const T rows[] = {BOTH_ROWS(up_and_down_and_up_again),
                             BOTH_ROWS(a_changed_and_an_unknown_migration_are_shown),
                             BOTH_ROWS(several_processes_at_once_apply_each_one_once),
                             BOTH_ROWS(the_change_sequence_begins_at_one)};
    return t_main(argc, argv, rows, (int)COUNT(rows));
}

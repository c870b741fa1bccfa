/* SPDX-License-Identifier: Apache-2.0
 * A database of its own for every test, on either engine, and a coroutine to use it in. SQLite
 * lives in a temporary folder; PostgreSQL is the server of SOCLE_TEST_PG (a superuser's URL), where
 * each test makes and drops its own database. Without the variable its tests are skipped.
 *
 *   BOTH(a_row_comes_back) { … c … }      then in the list:      BOTH_ROWS(a_row_comes_back) */
#ifndef SOCLE_TEST_DATA_WORLD_H
#define SOCLE_TEST_DATA_WORLD_H

#include <errno.h>
#include <ftw.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/log.h"
#include "core/time.h"
#include "data/db.h"
#include "rt/coro.h"
#include "t.h"

#ifdef WORLD_MIGRATED /* by who has all tables: PostgreSQL's begin as a copy of SOCLE_TEST_PG_MIGRATED */
#define WORLD_BEGINS getenv("SOCLE_TEST_PG_MIGRATED")
#else
#define WORLD_BEGINS NULL
#endif
#ifndef WORLD_HAS_APP /* a room above brings an App with more parts */
struct App {
    Db *db;
};
#endif
Db *app_db(Ctx *c) { return c->app->db; }

#define GOOD(call) good((call), #call, __FILE__, __LINE__)
#define MUST(call)                                            \
    do {                                                      \
        if (!good((call), #call, __FILE__, __LINE__)) return; \
    } while (0)
#define FAILS(call, wanted) fails((call), ERR_##wanted, #call, __FILE__, __LINE__)

#define BOTH(name)                                                          \
    static void name(Ctx *c);                                               \
    static void name##_sqlite(void) { world_run(ENGINE_SQLITE, name); }     \
    static void name##_postgres(void) { world_run(ENGINE_POSTGRES, name); } \
    static void name(Ctx *c)
#define BOTH_ROWS(name) T_ROW(name##_sqlite), T_ROW(name##_postgres)
#define ON_SQLITE(name)                                                 \
    static void name(Ctx *c);                                           \
    static void name##_sqlite(void) { world_run(ENGINE_SQLITE, name); } \
    static void name(Ctx *c)
#define ON_POSTGRES(name)                                                   \
    static void name(Ctx *c);                                               \
    static void name##_postgres(void) { world_run(ENGINE_POSTGRES, name); } \
    static void name(Ctx *c)

typedef struct World {
    struct App app;
    Engine engine;
    int loops;
    void (*test)(Ctx *c);
    char folder[256];
    char url[512];
    DbOptions options;
} World;
static World world = {.loops = 2};

static inline bool good(Err *err, const char *what, const char *file, int line) {
    if (!err) return true;
    Arena *arena = arena_new(MIB);
    t_failures++;
    printf("  %s:%d: %s\n    %.*s\n", file, line, what, S_ARG(err_chain(arena, err)));
    arena_free(arena);
    return false;
}

static inline bool fails(Err *err, ErrKind wanted, const char *what, const char *file, int line) {
    if (err && err->kind == wanted) return true;
    t_failures++;
    printf("  %s:%d: %s\n    got  %.*s\n    want %.*s\n", file, line, what,
           S_ARG(err ? err_title(err->kind) : S("success")), S_ARG(err_title(wanted)));
    if (err) good(err, what, file, line);
    return false;
}

static inline int entry_remove(const char *path, const struct stat *s, int flag, struct FTW *ftw) {
    (void)s, (void)flag, (void)ftw;
    return remove(path);
}

/* -- PostgreSQL: databases are made over a plain connection of the test's own ------------------ */

static inline bool pg_admin(const char *sql) {
    PGconn *conn = PQconnectdb(getenv("SOCLE_TEST_PG"));
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    bool done = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!done) printf("  %s: %s\n", sql, PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
    return done;
}

/* The server's URL with another database name. */
static inline bool pg_database_make(void) {
    static int made;
    char name[64], sql[256];
    const char *base = getenv("SOCLE_TEST_PG"), *slash = strrchr(base, '/'), *begins = WORLD_BEGINS;
    snprintf(name, sizeof name, "socle_test_%d_%d", (int)getpid(), ++made);
    snprintf(sql, sizeof sql, "CREATE DATABASE %s%s%s", name, begins ? " TEMPLATE " : "",
             begins ? begins : "");
    snprintf(world.url, sizeof world.url, "%.*s/%s", (int)(slash - base), base, name);
    return pg_admin(sql);
}

static inline void pg_database_drop(void) {
    char sql[600];
    snprintf(sql, sizeof sql, "DROP DATABASE %s WITH (FORCE)", strrchr(world.url, '/') + 1);
    pg_admin(sql);
}

/* -- the world of one test --------------------------------------------------------------------- */

static inline DbOptions world_options(void) {
    return (DbOptions){.url = world.engine == ENGINE_POSTGRES ? str_c(world.url) : S(""),
                       .data_dir = str_c(world.folder),
                       .connections = 4,
                       .prepared = true,
                       .statement_timeout_ms = 20000,
                       .app = &world.app};
}

static inline void world_main(Ctx *c, void *arg) {
    (void)arg;
    ctx_deadline_within(c, 10000);
    if (good(db_open(c, world.options, &world.app.db), "db_open", __FILE__, __LINE__)) {
        c->deadline_us = 0;
        world.test(c);
        db_close(world.app.db);
        world.app.db = NULL;
    }
    rt_stop(10000);
}

static inline void world_run(Engine engine, void (*test)(Ctx *c)) {
    if (engine == ENGINE_POSTGRES && !getenv("SOCLE_TEST_PG")) SKIP("SOCLE_TEST_PG is not set");
    const char *tmp = getenv("TMPDIR");
    world.engine = engine;
    world.test = test;
    snprintf(world.folder, sizeof world.folder, "%s/socle-db-XXXXXX", tmp ? tmp : "/tmp");
    REQUIRE(mkdtemp(world.folder) != NULL);
    if (engine == ENGINE_POSTGRES) REQUIRE(pg_database_make());
    world.options = world_options();
    rt_init(world.loops);
    coro_spawn((CoroOptions){.name = "test", .app = &world.app, .budget_bytes = 64 * MIB},
               world_main, NULL);
    rt_run();
    rt_close();
    if (engine == ENGINE_POSTGRES) pg_database_drop();
    nftw(world.folder, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

#endif

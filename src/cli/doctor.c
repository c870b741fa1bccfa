/* SPDX-License-Identifier: Apache-2.0
 * socle doctor: asks everything that is configured, one check after the other, and says of each what
 * is wrong and how to mend it. A check that fails never keeps the others from running. Exits with 1
 * when something fails; a warning is no failure. */
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "api/base_settings.h"
#include "cli/cli.h"
#include "data/migrate.h"
#include "search/search.h"

enum { CHECK_MS = 5000, SPACE_WARN_MIB = 1024, SPACE_FAIL_MIB = 64 };

typedef enum Verdict { VERDICT_OK, VERDICT_SKIPPED, VERDICT_WARN, VERDICT_FAIL } Verdict;

typedef struct Finding {
    Verdict verdict;
    Str detail, mend;
} Finding;

static Finding good(Str detail) { return (Finding){VERDICT_OK, detail, {NULL, 0}}; }

static Finding bad(Str detail, const char *mend) {
    return (Finding){VERDICT_FAIL, detail, str_c(mend)};
}

static Finding warn(Str detail, const char *mend) {
    return (Finding){VERDICT_WARN, detail, str_c(mend)};
}

static Finding skipped(const char *why) {
    return (Finding){VERDICT_SKIPPED, str_c(why), {NULL, 0}};
}

/* -- the checks ---------------------------------------------------------------------------------------- */

static Finding check_data_dir(Ctx *c) {
    Err *err = app_prepare(c, c->app, false);
    if (err)
        return bad(err->detail,
                   "Set DATA_DIR to a folder this user may write to, and SECRET_KEY as it says");
    struct statvfs space;
    if (statvfs(str_cstr(c->arena, settings.data_dir), &space) != 0)
        return bad(str_c(strerror(errno)), "Look at the file system of DATA_DIR");
    int64_t free_mib = (int64_t)(space.f_bavail * space.f_frsize / (unsigned long)MIB);
    Str detail =
        strf(c->arena, "%.*s, %lld MiB free", S_ARG(settings.data_dir), (long long)free_mib);
    if (free_mib < SPACE_FAIL_MIB) return bad(detail, "Make room: writes will soon be refused");
    if (free_mib < SPACE_WARN_MIB) return warn(detail, "Make room before it runs out");
    return good(detail);
}

static Finding check_secret(Ctx *c) {
    if (str_is_empty(settings.secret_key)) return skipped("DATA_DIR is not usable");
    if (settings.secret_key.len < 32)
        return warn(
            strf(c->arena, "SECRET_KEY has %td bytes", settings.secret_key.len),
            "Set one of 32 bytes or more (openssl rand -base64 48); production refuses this one");
    return good(S("long enough"));
}

static Finding check_https(Ctx *c) {
    Str url = settings.public_url;
    if (!str_eq(settings.environment, S("production"))) return skipped("development needs none");
    if (str_starts(url, S("http://")))
        return warn(strf(c->arena,
                         "PUBLIC_URL is %.*s: what is sent and printed leads there in the clear",
                         S_ARG(url)),
                    "Set PUBLIC_URL to the address that begins with https://");
    if (settings.require_https) return good(S("nothing is served in the clear but probes"));
    return warn(
        S("what comes in the clear is answered"),
        "Set REQUIRE_HTTPS=on and TRUSTED_PROXIES to the proxy that does TLS (deploy/nginx)");
}

static Finding check_database(Ctx *c) {
    App *app = c->app;
    bool postgres = str_starts(settings.database_url, S("postgres"));
    Err *err = app_open(c, app, CHECK_MS);
    int64_t latency_us = 0;
    if (!err) err = db_ping(c, &latency_us);
    if (err)
        return bad(err->detail,
                   postgres ? "Is PostgreSQL running, and are host, user, password and database of "
                              "DATABASE_URL right? Try `psql \"$DATABASE_URL\"`"
                            : "May this user write to the database's folder? A damaged file is "
                              "replaced with `socle restore`");
    return good(strf(c->arena, "%s answers in %lld µs", postgres ? "PostgreSQL" : "SQLite",
                     (long long)latency_us));
}

static Finding check_schema(Ctx *c) {
    if (!c->app->db) return skipped("the database is not open");
    Migration *migrations;
    ptrdiff_t count, waiting = 0;
    Err *err = migrate_status(c, &migrations, &count);
    if (err) return bad(err->detail, "See `socle migrate status`");
    for (ptrdiff_t i = 0; i < count; i++) {
        if (migrations[i].changed)
            return bad(strf(c->arena, "migration %04lld was applied from another text",
                            (long long)migrations[i].number),
                       "Run the version of socle that wrote this database, or restore a backup");
        waiting += !migrations[i].applied;
    }
    if (waiting > 0)
        return warn(strf(c->arena, "%td of %td migrations wait", waiting, count),
                    "`socle migrate up`; `socle serve` does it by itself unless AUTO_MIGRATE=off");
    return good(strf(c->arena, "%td migrations applied", count));
}

typedef struct QuickCheck {
    Str quick_check;
} QuickCheck;
static const Field quick_fields[] = {FIELD(QuickCheck, quick_check)};
static const Record quick_record = RECORD(QuickCheck, quick_fields);

static Finding check_integrity(Ctx *c) {
    if (!c->app->db) return skipped("the database is not open");
    if (db_engine(c) != ENGINE_SQLITE) return skipped("PostgreSQL looks after itself");
    Rows rows;
    Err *err = db_scan(c, SQL("SELECT quick_check FROM pragma_quick_check(1)"), NO_ARGS,
                       &quick_record, &rows);
    if (err) return bad(err->detail, "Restore a backup: `socle restore FILE --force`");
    const QuickCheck *first = rows.items;
    if (rows.count != 1 || !str_eq(first->quick_check, S("ok")))
        return bad(rows.count ? first->quick_check : S("no answer"),
                   "Restore a backup: `socle restore FILE --force`");
    return good(S("SQLite's quick check finds nothing"));
}

static Finding check_vectors(Ctx *c) {
    Str name;
    if (!c->app->search) return skipped("the database cannot be used");
    int64_t began = mono_us();
    Err *err = search_store_look(c, c->app->search, &name);
    if (str_is_null(name)) return skipped("the search engine within has them");
    if (err)
        return bad(err->detail,
                   "Look at VECTOR_STORE, QDRANT_URL and QDRANT_API_KEY, or install pgvector. "
                   "Meanwhile words are found, meanings are not");
    return good(
        strf(c->arena, "%.*s answers in %lld µs", S_ARG(name), (long long)(mono_us() - began)));
}

static Finding check_redis(Ctx *c) {
    if (!c->app->redis) return skipped("REDIS_URL is not set: one node needs none");
    int64_t began = mono_us();
    while (!redis_up(c->app->redis))
        if (mono_us() - began > 2 * US_PER_SECOND || sleep_ms(c, 10) != NULL) break;
    const Str ping[] = {S_INIT("PING")};
    RedisReply reply;
    began = mono_us();
    Err *err = redis_command(c, c->app->redis, ping, 1, &reply);
    if (err)
        return bad(
            err->detail,
            "Is Redis running, and are host, port and password of REDIS_URL right? socle runs "
            "without it, slower, and several nodes do not hear of each other");
    return good(strf(c->arena, "answers in %lld µs", (long long)(mono_us() - began)));
}

static Finding check_blobs(Ctx *c) {
    if (!c->app->blobs) return skipped("not open");
    Str hash,
        probe = strf(c->arena, "socle doctor %lld %ld", (long long)time_now().us, (long)getpid());
    Err *err = blob_put(c, c->app->blobs, probe, &hash);
    if (!err) err = blob_verify(c, c->app->blobs, hash);
    if (!err) err = blob_remove(c, c->app->blobs, hash);
    if (err)
        return bad(err->detail,
                   "May this user write to DATA_DIR, or are BLOB_URL and its keys right?");
    return good(S("written, read back and removed"));
}

static Finding check_files(Ctx *c) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return skipped("the system does not say");
    int64_t needed = settings.max_connections + 256;
    Str detail = strf(c->arena, "%llu open files allowed", (unsigned long long)limit.rlim_max);
    if ((int64_t)limit.rlim_max >= 0 && (int64_t)limit.rlim_max < needed)
        return warn(detail,
                    "MAX_CONNECTIONS needs more: raise LimitNOFILE (systemd) or `ulimit -n`");
    return good(detail);
}

/* In this order: the first ones open what the later ones ask. */
static const struct Check {
    const char *name;
    Finding (*run)(Ctx *c);
} checks[] = {
    {"data folder", check_data_dir}, {"secret key", check_secret}, {"https", check_https},
    {"database", check_database},    {"schema", check_schema},     {"integrity", check_integrity},
    {"redis", check_redis},          {"vectors", check_vectors},   {"blobs", check_blobs},
    {"open files", check_files},
};

/* -- telling ------------------------------------------------------------------------------------------- */

static void finding_text(const char *name, const Finding *f) {
    static const char *const marks[] = {"ok  ", "-   ", "warn", "FAIL"};
    cli_printf("%s  %-12s %.*s\n", marks[f->verdict], name, S_ARG(f->detail));
    if (!str_is_null(f->mend)) cli_printf("      %-12s mend: %.*s\n", "", S_ARG(f->mend));
}

static void finding_json(Ctx *c, const char *name, const Finding *f) {
    static const char *const names[] = {"ok", "skipped", "warn", "fail"};
    Buf b = buf_new(c->arena, 256);
    buf_f(&b, "{\"check\":\"%s\",\"health\":\"%s\",\"detail\":", name, names[f->verdict]);
    buf_json(&b, f->detail);
    buf_add(&b, S(",\"mend\":"));
    buf_json(&b, f->mend);
    buf_add(&b, S("}\n"));
    cli_print(buf_str(&b));
}

static const Option doctor_options[] = {
    {"json", NULL, NULL, "one JSON object a line"},
};

static void finding_tell(Ctx *c, Cli *cli, const char *name, const Finding *f) {
    if (f->verdict == VERDICT_FAIL) cli->exit_code = 1;
    if (cli_flag(cli, "json"))
        finding_json(c, name, f);
    else
        finding_text(name, f);
}

/* What a product needs of the machine beside the base. */
static void check_module(Ctx *c, Cli *cli, const Module *module) {
    Str rest = module->lacks(c), line;
    if (str_is_null(rest)) {
        Finding all = good(S("has all that it needs of this machine"));
        finding_tell(c, cli, module->name, &all);
    }
    while (!str_is_null(rest)) {
        rest = str_cut(rest, '\n', &line);
        Finding one = warn(line, NULL);
        finding_tell(c, cli, module->name, &one);
    }
}

static Err *doctor_run(Ctx *c, Cli *cli) {
    for (int i = 0; i < COUNT(checks); i++) {
        int64_t former = ctx_deadline_within(c, CHECK_MS);
        Finding finding = checks[i].run(c);
        c->deadline_us = former;
        finding_tell(c, cli, checks[i].name, &finding);
    }
    for (ptrdiff_t i = 0; i < cli->module_count; i++) {
        if (!cli->modules[i]->lacks) continue;
        check_module(c, cli, cli->modules[i]);
    }
    return NULL;
}

const Command doctor_command = {
    .name = "doctor",
    .words = "",
    .options = doctor_options,
    .option_count = COUNT(doctor_options),
    .need = NEED_COROUTINE,
    .doc = "Check everything that is configured and say how to mend it",
    .run = doctor_run,
};

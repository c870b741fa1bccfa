/* SPDX-License-Identifier: Apache-2.0
 * Puts the App together and takes it apart; and the doors by which each room finds its part. */
#include "app.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/base_settings.h"
#include "api/module.h"
#include "core/rand.h"
#include "net/sheet.h"

enum { SECRET_BYTES = 32, SECRET_MIN_BYTES = 32 };

Db *app_db(Ctx *c) { return c->app->db; }
Redis *app_redis(Ctx *c) { return c->app->redis; }
Cache *app_cache(Ctx *c) { return c->app->cache; }
BlobStore *app_blobs(Ctx *c) { return c->app->blobs; }
Search *app_search(App *app) { return app->search; }
bool app_serves(const App *app) { return app->serves; }
Router *app_router(Ctx *c) { return c->app->router; }

Str app_sqlite_path(Arena *arena) {
    if (str_starts(settings.database_url, S("postgres"))) return (Str){NULL, 0};
    return db_sqlite_file(arena, settings.database_url, settings.data_dir);
}

/* -- before anything is opened ---------------------------------------------------------------------- */

static Str data_dir_usual(Arena *arena) {
    if (geteuid() == 0) return S("/var/lib/socle");
    const char *home = getenv("HOME");
    if (!home || !*home) return S("./socle-data");
#ifdef __APPLE__
    return strf(arena, "%s/Library/Application Support/socle", home);
#else
    return strf(arena, "%s/.local/share/socle", home);
#endif
}

/* Every folder of the path that is missing, readable by us alone. */
static Err *data_dir_make(Ctx *c, Str path) {
    char *text = str_cstr(c->arena, path);
    for (char *slash = text + 1;; slash++) {
        if (*slash != '/' && *slash != 0) continue;
        char byte = *slash;
        *slash = 0;
        if (mkdir(text, 0700) != 0 && errno != EEXIST)
            FAIL(c, INVALID, "DATA_DIR=%.*s: cannot make %s: %s", S_ARG(path), text,
                 strerror(errno));
        *slash = byte;
        if (byte == 0) break;
    }
    if (access(text, R_OK | W_OK | X_OK) != 0)
        FAIL(c, INVALID, "DATA_DIR=%.*s: cannot write there: %s", S_ARG(path), strerror(errno));
    return NULL;
}

static Err *data_dir_lock(Ctx *c, App *app, bool alone) {
    const char *path = str_cstr(c->arena, strf(c->arena, "%.*s/lock", S_ARG(settings.data_dir)));
    app->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (app->lock < 0) FAIL(c, INVALID, "DATA_DIR: cannot open %s: %s", path, strerror(errno));
    if (flock(app->lock, (alone ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0) return NULL;
    if (alone)
        FAIL(c, CONFLICT, "Another socle works on %.*s: stop it first", S_ARG(settings.data_dir));
    FAIL(c, CONFLICT, "A restore is under way in %.*s: wait for its end", S_ARG(settings.data_dir));
}

static bool secret_read(Arena *arena, const char *path, Str *out) {
    char text[256];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t n = read(fd, text, sizeof text);
    close(fd);
    *out = str_copy(arena, str_trim(str_of(text, n > 0 ? n : 0)));
    return out->len >= SECRET_MIN_BYTES;
}

/* Written beside and linked, so that of two first starts at once both use the one that was first. */
static Err *secret_make(Ctx *c, const char *path, Str *out) {
    Str secret = rand_token(c->arena, S(""), SECRET_BYTES);
    char *beside = str_cstr(c->arena, strf(c->arena, "%s.%ld", path, (long)getpid()));
    unlink(beside);
    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) FAIL(c, INVALID, "DATA_DIR: cannot write %s: %s", beside, strerror(errno));
    bool whole = write(fd, secret.data, (size_t)secret.len) == secret.len && fsync(fd) == 0;
    int failed = errno;
    close(fd);
    bool placed = whole && (link(beside, path) == 0 || errno == EEXIST);
    if (whole && !placed) failed = errno;
    unlink(beside);
    if (!placed) FAIL(c, INVALID, "DATA_DIR: cannot write %s: %s", path, strerror(failed));
    if (!secret_read(c->arena, path, out))
        FAIL(c, INVALID, "%s is not a key of at least %d characters: remove it, or set SECRET_KEY",
             path, SECRET_MIN_BYTES);
    return NULL;
}

/* Texts from examples and tutorials: long enough, known to all. */
static bool secret_is_default(Str secret) {
    Str start = str_slice(secret, 0, 6);
    bool all_one = true;
    for (ptrdiff_t i = 1; i < secret.len; i++)
        all_one = all_one && secret.data[i] == secret.data[0];
    return all_one || str_eq_nocase(start, S("change")) || str_eq_nocase(start, S("secret")) ||
           str_eq_nocase(start, S("your-s")) || str_eq_nocase(start, S("your_s"));
}

static Err *secret_ensure(Ctx *c) {
    Str secret = settings.secret_key;
    bool production = str_eq(settings.environment, S("production"));
    if (production && secret.len < SECRET_MIN_BYTES)
        FAIL(c, INVALID,
             "SECRET_KEY: production needs one of at least %d bytes (it has %td): "
             "make one with `openssl rand -base64 48`",
             SECRET_MIN_BYTES, secret.len);
    if (production && secret_is_default(secret))
        FAIL(c, INVALID,
             "SECRET_KEY: production needs one of its own, not a default: "
             "make one with `openssl rand -base64 48`");
    if (secret.len > 0) return NULL;
    const char *path =
        str_cstr(c->arena, strf(c->arena, "%.*s/secret.key", S_ARG(settings.data_dir)));
    if (secret_read(c->arena, path, &settings.secret_key)) return NULL;
    return secret_make(c, path, &settings.secret_key);
}

Err *app_prepare(Ctx *c, App *app, bool alone) {
    app->lock = -1;
    app->started_us = mono_us();
    if (str_is_empty(settings.data_dir)) settings.data_dir = data_dir_usual(c->arena);
    while (settings.data_dir.len > 1 && str_ends(settings.data_dir, S("/")))
        settings.data_dir = str_slice(settings.data_dir, 0, settings.data_dir.len - 1);
    settings.blobs.data_dir = settings.data_dir;
    TRY(data_dir_make(c, settings.data_dir));
    sheets_begin(settings.data_dir, settings.temp_max_bytes);
    TRY(secret_ensure(c));
    TRY(data_dir_lock(c, app, alone));
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    app->node = str_is_empty(settings.node_name) ? strf(c->arena, "%s-%ld", host, (long)getpid())
                                                 : settings.node_name;
    return NULL;
}

/* -- opening and closing ----------------------------------------------------------------------------- */

static Err *vector_store_named(Ctx *c, SearchStore *out) {
    Str name = settings.vector_store;
    bool url = !str_is_empty(settings.qdrant_url);
    *out = SEARCH_STORE_NONE;
    if (str_eq(name, S("qdrant")) && !url)
        FAIL(c, NOT_CONFIGURED, "VECTOR_STORE=qdrant needs QDRANT_URL");
    if (str_eq(name, S("pgvector")))
        *out = SEARCH_STORE_PGVECTOR;
    else if (url && !str_eq(name, S("engine")))
        *out = SEARCH_STORE_QDRANT;
    return NULL;
}

static Err *parts_open(Ctx *c, App *app) {
    DbOptions options = {
        .url = settings.database_url,
        .data_dir = settings.data_dir,
        .connections = settings.db_connections,
        .prepared = settings.db_prepared,
        .statement_timeout_ms = settings.statement_timeout_ms,
        .app = app,
    };
    TRY(db_open(c, options, &app->db));
    if (!str_is_empty(settings.redis_url)) TRY(redis_open(c, settings.redis_url, &app->redis));
    SearchStore vector_store;
    TRY(vector_store_named(c, &vector_store));
    app->cache = cache_new(settings.cache_bytes, app->redis);
    TRY(blob_store_open(c, settings.blobs, &app->blobs));
    app->search = search_new((SearchOptions){
        .folder = strf(c->arena, "%.*s/search", S_ARG(settings.data_dir)),
        .follow = app->serves,
        .meili_host = outside.meili_host,
        .meili_key = outside.meili_master_key,
        .store = vector_store,
        .qdrant_url = settings.qdrant_url,
        .qdrant_key = settings.qdrant_api_key,
        .store_approximate = str_eq(settings.vector_search, S("approximate")),
    });
    return NULL;
}

Err *app_open(Ctx *c, App *app, int64_t wait_ms) {
    assert(c->app == app && !app->db);
    int64_t former = ctx_deadline_within(c, wait_ms);
    Err *err = parts_open(c, app);
    c->deadline_us = former;
    return err;
}

void app_close(App *app) {
    search_free(app->search);
    if (app->blobs) blob_store_close(app->blobs);
    if (app->cache) cache_free(app->cache);
    if (app->redis) redis_close(app->redis);
    if (app->db) db_close(app->db);
    if (app->lock >= 0) close(app->lock);
    app->search = NULL;
    app->blobs = NULL;
    app->cache = NULL;
    app->redis = NULL;
    app->db = NULL;
    app->lock = -1;
}

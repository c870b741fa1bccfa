/* SPDX-License-Identifier: Apache-2.0
 * One archive: asked for with what is known of it, written to a file without a name (so that
 * nothing stays behind, however this ends), imported from there. The Assembly's server answers
 * 404 to clients that do not look like a browser. */
#include "products/robian/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include "api/base_settings.h"
#include "net/client.h"
#include "products/robian/open_data_sql.h"
#include "products/robian/robian.h"

enum { FETCH_CHUNK = 128 * 1024, SILENCE_MS = 60 * 1000, ERROR_MAX = 500 };

static const Field source_fields[] = {
    FIELD(OpenDataSource, name, .doc = "agenda, deputies, votes, transcripts"),
    FIELD(OpenDataSource, url),
    FIELD(OpenDataSource, etag, .flags = F_NULLABLE),
    FIELD(OpenDataSource, last_modified, .flags = F_NULLABLE),
    FIELD(OpenDataSource, content_hash, .flags = F_NULLABLE),
    FIELD(OpenDataSource, fetched_at, .flags = F_NULLABLE,
          .doc = "When the server was last asked with success"),
    FIELD(OpenDataSource, error, .flags = F_NULLABLE,
          .doc = "What went wrong last time; null when nothing did"),
};
const Record open_data_source_record =
    RECORD(OpenDataSource, source_fields, .doc = "An archive of the Assembly's open data");

const OpenDataKind *const open_data_fetched[] = {&open_data_deputies, &open_data_agenda,
                                                 &open_data_votes, &open_data_transcripts, NULL};

const OpenDataKind *open_data_fetched_find(Str name) {
    for (const OpenDataKind *const *kind = open_data_fetched; *kind; kind++)
        if (str_eq(str_c((*kind)->name), name)) return *kind;
    return NULL;
}

/* -- the request ------------------------------------------------------------------------------- */

static Err *source_known(Ctx *c, const OpenDataKind *kind, bool anew, OpenDataSource *out) {
    bool found;
    Str url = strf(c->arena, "%.*s%s", S_ARG(robian.open_data_url), kind->path);
    TRY(db_maybe(c, SQL(SQL_SOURCE_GET), ARGS(V(str_c(kind->name))), &open_data_source_record, out,
                 &found));
    if (found && !anew && str_eq(out->url, url)) return NULL;
    *out = (OpenDataSource){.name = str_c(kind->name), .url = url, .fetched_at = TIME_NULL};
    return NULL;
}

static Err *source_open(Ctx *c, const OpenDataSource *known, HttpStream **stream,
                        HttpAnswer *answer) {
    Header headers[4] = {
        {S("User-Agent"), robian.open_data_agent},
        {S("Accept"), S("application/zip, application/octet-stream, */*;q=0.8")},
    };
    ptrdiff_t count = 2;
    if (known->etag.data) headers[count++] = (Header){S("If-None-Match"), known->etag};
    if (known->last_modified.data)
        headers[count++] = (Header){S("If-Modified-Since"), known->last_modified};
    HttpCall call = {
        .url = known->url,
        .headers = headers,
        .header_count = count,
        .idle_timeout_ms = SILENCE_MS,
        .retries = 2,
        .follow = true,
        .public_only = !robian.allow_private_sources,
    };
    TRY(http_open(c, &call, stream, answer));
    if (answer->status == 200 || answer->status == 304) return NULL;
    FAIL(c, UPSTREAM, "%.*s was answered with status %d", S_ARG(known->url), answer->status);
}

static void descriptor_close(void *arg) { close(*(int *)arg); }

/* A file without a name in DATA_DIR/tmp, closed when c ends. */
static Err *unnamed_open(Ctx *c, int *fd) {
    Str folder = strf(c->arena, "%.*s/tmp", S_ARG(settings.data_dir));
    TRY(dir_make(c, folder));
    unsigned char chance[8];
    randombytes_buf(chance, sizeof chance);
    Str name = str_hex(c->arena, chance, sizeof chance);
    Str path = strf(c->arena, "%.*s/open-data-%.*s", S_ARG(folder), S_ARG(name));
    TRY(file_open(c, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, fd));
    int *held = arena_new_of(c->arena, int);
    *held = *fd;
    defer(c, descriptor_close, held);
    return file_remove(c, path);
}

static Err *archive_save(Ctx *c, HttpStream *stream, int fd, Str *hash, int64_t *bytes) {
    char *chunk = arena_bytes(c->arena, FETCH_CHUNK);
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, 16);
    for (*bytes = 0;;) {
        ptrdiff_t n;
        TRY(http_read(c, stream, chunk, FETCH_CHUNK, &n));
        if (n == 0) break;
        if (*bytes + n > robian.open_data_max_bytes)
            FAIL(c, TOO_LARGE, "The archive is larger than ROBIAN_OPEN_DATA_MAX_BYTES, %lld bytes",
                 (long long)robian.open_data_max_bytes);
        crypto_generichash_update(&state, (unsigned char *)chunk, (unsigned long long)n);
        TRY(file_write(c, fd, chunk, n, *bytes));
        *bytes += n;
    }
    unsigned char sum[16];
    crypto_generichash_final(&state, sum, sizeof sum);
    *hash = str_hex(c->arena, sum, sizeof sum);
    return NULL;
}

/* -- what came of it --------------------------------------------------------------------------- */

static Err *source_note(Ctx *c, const OpenDataSource *s) {
    return db_exec(c, SQL(SQL_SOURCE_PUT),
                   ARGS(V(s->name), V(s->url), V(s->etag), V(s->last_modified), V(s->content_hash),
                        V(time_now()), V(s->error)),
                   NULL);
}

/* The reason of the first file that was refused, of a walk that goes on. */
typedef struct Refusals {
    const OpenDataWatch *watch;
    Str path, source; /* what the archive is opened as; what it is called */
    Arena *arena;     /* of its own: the walk gives back what it takes from c's */
    Str first;
} Refusals;

static void refusal_note(void *arg, ptrdiff_t path, int64_t position, Str name, Str why) {
    Refusals *r = arg;
    if (str_eq(name, r->path)) name = r->source;
    if (str_is_null(r->first))
        r->first = strf(r->arena, "%.*s: %.*s", S_ARG(str_utf8_cut(name, 100)),
                        S_ARG(str_utf8_cut(why, 200)));
    if (r->watch->refused) r->watch->refused(r->watch->arg, path, position, name, why);
}

static Err *refusal_progress(Ctx *c, void *arg, const OpenDataFigures *figures, int64_t done,
                             int64_t total) {
    const Refusals *r = arg;
    return r->watch->progress ? r->watch->progress(c, r->watch->arg, figures, done, total) : NULL;
}

static void arena_close(void *arg) { arena_free(arg); }

static Err *archive_import(Ctx *c, const OpenDataKind *kind, int fd, const OpenDataWatch *watch,
                           Fetched *out, Str *refused) {
    Str path = strf(c->arena, "/proc/self/fd/%d", fd);
    Refusals refusals = {
        .watch = watch, .path = path, .source = str_c(kind->path), .arena = arena_new(16 * KIB)};
    defer(c, arena_close, refusals.arena);
    OpenDataWatch own = {refusal_note, refusal_progress, &refusals};
    TRY(open_data_walk(c, kind, &path, 1, &own, &out->figures));
    *refused = (Str){0};
    if (out->figures.refused > 0)
        *refused =
            strf(c->arena, "%lld of %lld files refused; %.*s", (long long)out->figures.refused,
                 (long long)out->figures.files, S_ARG(refusals.first));
    return NULL;
}

static Str header_kept(const HttpAnswer *answer, const char *name) {
    Str value = answer_header(answer, str_c(name));
    return value.len <= 200 ? value : (Str){0};
}

static Err *source_fetch(Ctx *c, const OpenDataKind *kind, OpenDataSource *s,
                         const OpenDataWatch *watch, Fetched *out) {
    HttpStream *stream;
    HttpAnswer answer;
    int fd;
    Str hash;
    TRY(source_open(c, s, &stream, &answer));
    s->error = (Str){0};
    out->unchanged = answer.status == 304;
    if (!out->unchanged) {
        TRY(unnamed_open(c, &fd));
        TRY(archive_save(c, stream, fd, &hash, &out->bytes));
        s->etag = header_kept(&answer, "ETag");
        s->last_modified = header_kept(&answer, "Last-Modified");
        out->unchanged = str_eq(hash, s->content_hash);
        s->content_hash = hash;
    }
    http_close(stream);
    if (!out->unchanged) TRY(archive_import(c, kind, fd, watch, out, &s->error));
    return source_note(c, s);
}

Err *open_data_fetch(Ctx *c, const OpenDataKind *kind, bool anew, const OpenDataWatch *watch,
                     Fetched *out) {
    assert(kind->path);
    OpenDataSource source;
    *out = (Fetched){0};
    TRY(source_known(c, kind, anew, &source));
    Err *err = source_fetch(c, kind, &source, watch, out);
    if (!err) return NULL;
    Str why = str_utf8_cut(err->detail, ERROR_MAX);
    Err *second =
        db_exec(c, SQL(SQL_SOURCE_FAILED), ARGS(V(source.name), V(source.url), V(why)), NULL);
    return second && second->kind != ERR_CANCELLED ? second : err;
}

/* SPDX-License-Identifier: Apache-2.0
 * Nothing is resumed: a download that breaks begins again with the job's next try. */
#include "products/robian/download.h"

#include <fcntl.h>

#include "core/time.h"
#include "products/robian/demo.h"
#include "products/robian/robian.h"

enum { CHUNK = 256 * 1024, OPEN_MS = 30 * 1000, TEXT_MS = 60 * 1000 };

/* The portal answers 404 to what does not look like a browser. */
static const char user_agent[] =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) socle/" SOCLE_VERSION;

static Err *no_answer(Ctx *c, Err *err) {
    switch (err->kind) {
    case ERR_FORBIDDEN:
        return err_wrap(c, ERR_FORBIDDEN, __func__, err,
                        "La source mène à une adresse privée : refusé.");
    case ERR_INVALID:
        return err_wrap(c, ERR_INVALID, __func__, err, "L'adresse de la source est invalide.");
    case ERR_TIMEOUT:
        return err_wrap(c, ERR_TIMEOUT, __func__, err, "La source met trop de temps à répondre.");
    case ERR_UPSTREAM:
        return err_wrap(c, ERR_UPSTREAM, __func__, err, "La source n'est pas joignable (%.*s)",
                        S_ARG(err->detail));
    default: return err;
    }
}

static Err *bad_status(Ctx *c, int status) {
    if (status == 404 || status == 410)
        FAIL(c, NOT_FOUND, "La source n'existe pas (réponse %d).", status);
    if (status == 401 || status == 403)
        FAIL(c, FORBIDDEN, "La source refuse l'accès (réponse %d).", status);
    if (status == 408 || status == 429 || status >= 500)
        FAIL(c, UPSTREAM, "La source est indisponible (réponse %d).", status);
    FAIL(c, INVALID, "La source répond %d.", status);
}

Err *download_open(Ctx *c, Str url, Download *out) {
    Header headers[] = {{S_INIT("User-Agent"), str_c(user_agent)},
                        {S_INIT("Accept-Language"), S_INIT("fr, en;q=0.5")}};
    HttpCall call = {.url = url,
                     .headers = headers,
                     .header_count = COUNT(headers),
                     .connect_timeout_ms = min_i64(robian.silence_s * 1000, OPEN_MS),
                     .idle_timeout_ms = robian.silence_s * 1000,
                     .public_only = !robian.allow_private_sources && !demo_owns(url),
                     .follow = !demo_owns(url)};
    *out = (Download){.bytes = -1, .type = S("")};
    Err *err = http_open(c, &call, &out->stream, &out->head);
    if (err) return no_answer(c, err);
    if (out->head.status < 200 || out->head.status > 299) return bad_status(c, out->head.status);
    Str type = answer_header(&out->head, S("Content-Type"));
    str_cut(type, ';', &type);
    if (type.len > 0) out->type = str_lower(c->arena, str_trim(type));
    int64_t bytes;
    if (str_to_i64(answer_header(&out->head, S("Content-Length")), &bytes) && bytes >= 0)
        out->bytes = bytes;
    return NULL;
}

Err *download_text(Ctx *c, Download *d, ptrdiff_t max, Str *out) {
    Buf b = buf_new(c->arena, 16 * KIB);
    Err *err = NULL;
    int64_t former = ctx_deadline_within(c, TEXT_MS); /* however often a byte comes */
    for (ptrdiff_t n = 1; n > 0 && b.len < max && !err;) {
        char *to = buf_reserve(&b, 8 * KIB);
        err = http_read(c, d->stream, to, min_size(8 * KIB, max - b.len), &n);
        b.len += n;
    }
    c->deadline_us = former;
    http_close(d->stream);
    *out = buf_str(&b);
    return err ? no_answer(c, err) : NULL;
}

/* -- into a file --------------------------------------------------------------------------------- */

typedef struct Sink {
    int fd;
    char *chunk;
    ptrdiff_t len;
    int64_t total;
} Sink;

static void sink_close(void *arg) {
    Sink *sink = arg;
    file_close(sink->fd);
}

static Err *disk_err(Ctx *c, Err *err) {
    if (!err || err->kind != ERR_STORAGE_FULL) return err;
    return err_wrap(c, ERR_STORAGE_FULL, __func__, err, "Le disque est plein.");
}

static Err *sink_flush(Ctx *c, Sink *sink) {
    if (sink->len > 0) TRY(disk_err(c, file_write(c, sink->fd, sink->chunk, sink->len, -1)));
    sink->len = 0;
    return NULL;
}

static Err *too_large(Ctx *c) {
    FAIL(c, TOO_LARGE, "La source dépasse la limite de %lld Mo.",
         (long long)(robian.extraction_max_bytes / 1000000));
}

static Err *pour(Ctx *c, Download *d, Sink *sink, Stage stage) {
    for (ptrdiff_t n = 1; n > 0;) {
        Err *err = http_read(c, d->stream, sink->chunk + sink->len, CHUNK - sink->len, &n);
        if (err) return no_answer(c, err);
        sink->len += n;
        sink->total += n;
        if (sink->total > robian.extraction_max_bytes) return too_large(c);
        if (sink->len < CHUNK && n > 0) continue;
        TRY(sink_flush(c, sink));
        TRY(stage_tell(c, stage, d->bytes > 0 ? (double)sink->total / (double)d->bytes : 0.5));
    }
    return NULL;
}

Err *download_save(Ctx *c, Download *d, Str folder, Str name, Stage stage, int64_t *bytes) {
    if (d->bytes > robian.extraction_max_bytes) return too_large(c);
    if (d->bytes == 0) FAIL(c, INVALID, "La source est vide.");
    Str path = strf(c->arena, "%.*s/%.*s", S_ARG(folder), S_ARG(name));
    Sink *sink = arena_new_of(c->arena, Sink);
    *sink = (Sink){.fd = -1, .chunk = arena_bytes(c->arena, CHUNK)};
    TRY(disk_err(c, file_open(c, path, O_WRONLY | O_CREAT | O_TRUNC, 0600, &sink->fd)));
    Defer *mark = c->defers;
    defer(c, sink_close, sink);
    Err *err = pour(c, d, sink, stage);
    ctx_undo(c, mark);
    http_close(d->stream);
    if (err) return err;
    if (sink->total == 0) FAIL(c, INVALID, "La source est vide.");
    *bytes = sink->total;
    return NULL;
}

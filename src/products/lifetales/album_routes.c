/* SPDX-License-Identifier: Apache-2.0
 * Putting recordings and pictures into the album, and reading them: by their owner, or by whoever has a
 * signed address that has not expired. */
#include "api/auth.h"
#include "net/sheet.h"
#include "products/lifetales/album_room.h"
#include "products/lifetales/lifetales.h"
#include "products/lifetales/person.h"
#include "products/lifetales/routes.h"

enum { NAME_BYTES_MAX = 255, FORM_ROOM = 64 * 1024 };
static const int64_t UPLOAD_MS = 15 * 60 * 1000;

/* -- coming in --------------------------------------------------------------------------------- */

typedef struct Upload {
    Call *k;
    Id user;
    Str bytes, declared, name;
    Staged staged;
} Upload;

/* A name to show: without folders, controls and what is not UTF-8. */
static Str shown_name(Arena *arena, Str name) {
    for (ptrdiff_t i = name.len - 1; i >= 0; i--)
        if (name.data[i] == '/' || name.data[i] == '\\') {
            name = str_slice(name, i + 1, name.len);
            break;
        }
    Buf b = buf_new(arena, name.len + 1);
    for (ptrdiff_t at = 0; at < name.len;) {
        ptrdiff_t from = at;
        int32_t point = str_utf8_next(name, &at);
        if (point >= 0x20 && point != 0x7F && point != 0xFFFD)
            buf_add(&b, str_slice(name, from, at));
    }
    Str clean = str_utf8_cut(str_trim(buf_str(&b)), NAME_BYTES_MAX);
    return clean.len ? clean : (Str){0};
}

static Err *file_bad(Ctx *c, const char *code, const char *why) {
    Problems p = {.arena = c->arena};
    problem_add(&p, S("file"), str_c(code), "%s", why);
    return problems_err(c, &p);
}

static Err *part_take(Ctx *c, Multipart *m, const Part *part, Upload *u) {
    TRY(sheet_part(c, m, lifetales.media_max_bytes, &u->bytes));
    u->name = shown_name(c->arena, part->filename);
    u->declared = part->content_type;
    return NULL;
}

static Err *form_take_media(Ctx *c, Upload *u) {
    Multipart *m;
    Part part;
    int files = 0;
    TRY(multipart_open(c, u->k->q, &m));
    for (bool more;;) {
        TRY(multipart_next(c, m, &part, &more));
        if (!more) break;
        if (!str_eq(part.name, S("file")) && str_is_null(part.filename)) continue;
        if (files++ > 0) return file_bad(c, "duplicate", "One file at a time.");
        TRY(part_take(c, m, &part, u));
    }
    return files ? NULL : file_bad(c, "required", "The form has no file.");
}

static Err *raw_take(Ctx *c, Upload *u) {
    u->declared = req_header(u->k->q, S("Content-Type"));
    return sheet_body(c, u->k->q, &u->bytes);
}

static Err *media_store(Ctx *c, void *arg) {
    Upload *u = arg;
    return album_add(c, u->user, &u->staged.looked, u->staged.sha256, S("upload"), u->name,
                     call_out(u->k));
}

static Err *media_post(Ctx *c, Call *k) {
    Upload u = {.k = k};
    Str type;
    TRY(person_of(c, k, &u.user));
    k->q->body_limit = lifetales.media_max_bytes + FORM_ROOM;
    str_cut(req_header(k->q, S("Content-Type")), ';', &type);
    if (str_eq_nocase(str_trim(type), S("multipart/form-data")))
        TRY(form_take_media(c, &u));
    else
        TRY(raw_take(c, &u));
    TRY(album_look(c, u.bytes, u.declared, &u.staged.looked));
    TRY(album_put(c, &u.staged.looked, &u.staged.sha256));
    k->r->status = 201;
    return album_staged(c, &u.staged, 1, db_transaction(c, media_store, &u));
}

/* -- going out --------------------------------------------------------------------------------- */

Err *media_answer(Ctx *c, Call *k, const Media *media, int64_t max_age_s) {
    int fd;
    int64_t size;
    Err *err = blob_open(c, app_blobs(c), media->sha256, &fd, &size);
    if (err && err->kind == ERR_NOT_FOUND)
        FAIL(c, NOT_FOUND, "There is no such recording or picture.");
    TRY(err);
    reply_header(k->r, S("Cache-Control"),
                 strf(c->arena, "private, max-age=%lld", (long long)max_age_s));
    reply_file(c, k->r, fd, size, media->mime_type,
               strf(c->arena, "\"%.*s\"", S_ARG(media->sha256)), media->created_at, (Str){0});
    k->answered = true;
    return NULL;
}

typedef struct MediaQuery {
    OptInt expires;
    Str signature;
} MediaQuery;
static const Field media_query_fields[] = {
    FIELD(MediaQuery, expires, .doc = "Seconds since 1970"),
    FIELD(MediaQuery, signature, .flags = F_NULLABLE, .max = 64),
};
static const Record media_query_record = RECORD(MediaQuery, media_query_fields, .open = true);

static Err *media_owner_get(Ctx *c, Call *k, Media *media) {
    Id user;
    if (id_is_none(c->account.user)) FAIL(c, UNAUTHENTICATED, "Token manquant");
    if (!account_may(&c->account, S("lifetales:read")))
        FAIL(c, FORBIDDEN, "This API key lacks the scope lifetales:read.");
    TRY(person_of(c, k, &user));
    return album_load(c, user, k->params[0], media);
}

static Err *media_get(Ctx *c, Call *k) {
    enum { OWNER_AGE_S = 3600 };
    const MediaQuery *q = k->query;
    Media media = {0};
    Str id = str_lower(c->arena, k->params[0]);
    if (!q->signature.data) {
        TRY(media_owner_get(c, k, &media));
        return media_answer(c, k, &media, OWNER_AGE_S);
    }
    int64_t left_s = q->expires.value - time_now().us / US_PER_SECOND;
    if (!q->expires.set || !media_signed(c, id, q->expires.value, q->signature))
        FAIL(c, NOT_FOUND, "There is no such recording or picture.");
    if (left_s <= 0) FAIL(c, GONE, "This address has expired.");
    TRY(album_load_signed(c, id, &media));
    return media_answer(c, k, &media, left_s);
}

/* -- going for good ---------------------------------------------------------------------------- */

typedef struct Removal {
    Id user;
    Str id;
} Removal;

static Err *removal_in(Ctx *c, void *arg) {
    const Removal *r = arg;
    return album_remove(c, r->user, r->id);
}

static Err *media_delete(Ctx *c, Call *k) {
    Removal r = {.id = k->params[0]};
    TRY(person_of(c, k, &r.user));
    *(TalesDone *)call_out(k) = (TalesDone){.success = true};
    return db_transaction(c, removal_in, &r);
}

const Route album_routes[] = {
    {POST, "/api/media", media_post, TALES_WRITES, .in_raw = true, .out = &media_record,
     .status = 201, .timeout_ms = UPLOAD_MS, .errors = "403 413 415 501 507",
     .doc =
         "Store a recording, picture or video: a form's file, or the body itself. The same bytes "
         "again are the same"},
    {GET, "/api/media/{id}", media_get, .access = ACCESS_OPEN, .query = &media_query_record,
     .out_type = "application/octet-stream", .tag = "lifetales", .errors = "401 403 404 410",
     .doc = "Its bytes, with ranges: for its owner, or with a signed address"},
    {DELETE, "/api/media/{id}", media_delete, TALES_WRITES, .out = &tales_done_record,
     .errors = "403 404 409",
     .doc = "Take a recording, picture or video away, and its printed code's link with it. 409 "
            "while a note, a chapter or a cover shows it: nothing that is told loses its source "
            "by the way. Its bytes go a minute later, unless somebody else has them"},
    {.path = NULL},
};

/* SPDX-License-Identifier: Apache-2.0
 * A tenant's files: put here, looked at, taken away. Each counts against the storage of its plan once,
 * whoever else has the same bytes. What is looked at is never shown as a page of this address:
 * pictures, sound and PDF keep their type, anything else is a download. */
#include "products/sylion/media.h"

#include "core/json.h"
#include "data/blob.h"
#include "products/sylion/document_in.h"
#include "products/sylion/media_sql.h"
#include "products/sylion/quota.h"
#include "products/sylion/routes.h"
#include "products/sylion/sylion.h"

enum { TYPE_BYTES_MAX = 100 };

typedef struct MediaFile {
    Str id, blob, name, mime_type;
    int64_t size_bytes;
    Time created_at;
} MediaFile;
static const Field media_fields[] = {
    FIELD(MediaFile, id, .format = "uuid"),
    FIELD(MediaFile, blob, .doc = "SHA-256 of the bytes; `media.blob` of a message names it"),
    FIELD(MediaFile, name),
    FIELD(MediaFile, mime_type),
    FIELD(MediaFile, size_bytes),
    FIELD(MediaFile, created_at),
};
static const Record media_record =
    RECORD_AS("Media", MediaFile, media_fields, .camel = true, .doc = "A file to send");

typedef struct MediaKnown {
    Str name, mime_type;
} MediaKnown;
static const Field known_fields[] = {FIELD(MediaKnown, name, .flags = F_NULLABLE),
                                     FIELD(MediaKnown, mime_type, .flags = F_NULLABLE)};
static const Record known_record = RECORD(MediaKnown, known_fields);

static Err *media_own(Ctx *c, const Scope *s, Str blob, MediaKnown *out, bool *yes) {
    *out = (MediaKnown){0};
    return tenant_maybe(c, s, SQL2(SQL_MEDIA_OWN_SQLITE, SQL_MEDIA_OWN_POSTGRES), ARGS(V(blob)),
                        &known_record, out, yes);
}

static Err *media_absent(Ctx *c) {
    return sylion_err(c, ERR_NOT_FOUND, "MEDIA_NOT_FOUND", "Media not found");
}

Err *media_check(Ctx *c, const Scope *s, JsonText media) {
    json_t *value, *named;
    MediaKnown known;
    bool own = false;
    if (str_is_empty(media.text)) return NULL;
    TRY(json_parse(c, media.text, &value));
    named = json_at(value, "blob");
    if (!named || json_is_null(named)) return NULL;
    if (json_is_string(named)) TRY(media_own(c, s, json_str(named), &known, &own));
    if (own) return NULL;
    Problems p = {.arena = c->arena};
    problem_add(&p, S("media.blob"), S("value"),
                "names no file of this tenant: POST /api/v1/media stores one");
    return problems_err(c, &p);
}

/* -- putting --------------------------------------------------------------------------------------- */

/* What was said of the type, where it has the form of one. */
static Str type_clean(Str told) {
    Str type = {0};
    ptrdiff_t slashes = 0;
    str_cut(told, ';', &type);
    type = str_trim(type);
    for (ptrdiff_t i = 0; i < type.len; i++) {
        char byte = type.data[i];
        bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        bool good = letter || (byte >= '0' && byte <= '9') || byte == '.' || byte == '+' ||
                    byte == '-' || byte == '/';
        if (!good) return S("application/octet-stream");
        slashes += byte == '/';
    }
    bool whole = slashes == 1 && type.len <= TYPE_BYTES_MAX && type.data[0] != '/' &&
                 type.data[type.len - 1] != '/';
    return whole ? type : S("application/octet-stream");
}

typedef struct MediaWrite {
    Call *k;
    Scope s;
    DocumentIn in;
    Str blob;
} MediaWrite;

static Err *media_load(Ctx *c, const Scope *s, Str blob, MediaFile *out) {
    return tenant_found(c, s, SQL(SQL_MEDIA_LOAD), ARGS(V(blob)), &media_record, "MEDIA_NOT_FOUND",
                        out);
}

static Err *media_store(Ctx *c, void *arg) {
    MediaWrite *w = arg;
    ptrdiff_t added;
    Str id = uuid_v7(c->arena);
    TRY(tenant_exec(c, &w->s, SQL(SQL_MEDIA_ADD),
                    ARGS(V(w->in.sha256), V(id), V(w->in.name), V(type_clean(w->in.told_type)),
                         V(w->in.size_bytes), V(time_now())),
                    &added));
    if (added)
        TRY(quota_use(c, &w->s, QUOTA_STORAGE, strf(c->arena, "media:%.*s", S_ARG(id)),
                      &(Use){.amount = w->in.size_bytes}));
    w->k->r->status = added ? 201 : 200;
    TRY(media_load(c, &w->s, w->in.sha256, call_out(w->k)));
    return call_settle(c, w->k);
}

static Err *media_take(Ctx *c, MediaWrite *w) {
    Str type;
    str_cut(req_header(w->k->q, S("Content-Type")), ';', &type);
    if (!str_eq_nocase(str_trim(type), S("multipart/form-data")))
        FAIL(c, MEDIA_TYPE, "A file comes as multipart/form-data.");
    TRY(document_take(c, &w->s, w->k->q, &w->in));
    if (w->in.size_bytes <= sylion.media_max_bytes) return NULL;
    FAIL(c, TOO_LARGE, "A file to send has at most %lld bytes.", (long long)sylion.media_max_bytes);
}

static Err *media_create(Ctx *c, Call *k) {
    MediaWrite w = {.k = k};
    TRY(scope_of(c, k, (Str){0}, &w.s));
    Err *err = media_take(c, &w);
    if (!err) err = db_transaction(c, media_store, &w);
    if (err && w.in.sha256.len > 0) {
        Err *left = document_blob_drop(c, w.in.sha256);
        (void)left; /* bytes that nobody has; what was wrong is said */
    }
    return err;
}

/* -- looking --------------------------------------------------------------------------------------- */

static Str type_shown(Str type) {
    static const Str shown[] = {S_INIT("image/png"),  S_INIT("image/jpeg"), S_INIT("image/webp"),
                                S_INIT("image/gif"),  S_INIT("audio/ogg"),  S_INIT("audio/mpeg"),
                                S_INIT("audio/mp4"),  S_INIT("audio/aac"),  S_INIT("audio/amr"),
                                S_INIT("audio/webm"), S_INIT("audio/wav"),  S_INIT("video/mp4"),
                                S_INIT("video/3gpp"), S_INIT("application/pdf")};
    Str plain = type_clean(type);
    for (ptrdiff_t i = 0; i < COUNT(shown); i++)
        if (str_eq_nocase(plain, shown[i])) return shown[i];
    return S("application/octet-stream");
}

static Err *media_get(Ctx *c, Call *k) {
    Scope s;
    MediaKnown known;
    bool own;
    int fd;
    int64_t size;
    Str blob = k->params[0];
    TRY(scope_of(c, k, (Str){0}, &s));
    TRY(media_own(c, &s, blob, &known, &own));
    if (!own) return media_absent(c);
    Err *err = blob_open(c, app_blobs(c), blob, &fd, &size);
    if (err && err->kind == ERR_NOT_FOUND) return media_absent(c);
    TRY(err);
    Str name = str_is_empty(known.name) ? str_slice(blob, 0, 16) : known.name;
    reply_header(k->r, S("Cache-Control"), S("private, max-age=3600"));
    reply_file(c, k->r, fd, size, type_shown(known.mime_type),
               strf(c->arena, "\"%.*s\"", S_ARG(blob)), TIME_NULL, name);
    k->answered = true;
    return NULL;
}

/* -- taking away ----------------------------------------------------------------------------------- */

static Err *media_erase(Ctx *c, void *arg) {
    MediaWrite *w = arg;
    MediaFile file = {0};
    int64_t sent;
    ptrdiff_t gone;
    TRY(media_load(c, &w->s, w->blob, &file));
    TRY(tenant_int(c, &w->s, SQL2(SQL_MEDIA_SENT_SQLITE, SQL_MEDIA_SENT_POSTGRES),
                   ARGS(V(w->blob)), &sent));
    if (sent)
        return sylion_err(c, ERR_CONFLICT, "MEDIA_IN_USE", "A message has this file: it stays.");
    TRY(tenant_exec(c, &w->s, SQL(SQL_MEDIA_REMOVE), ARGS(V(w->blob)), &gone));
    if (gone == 0) return media_absent(c);
    TRY(quota_use(c, &w->s, QUOTA_STORAGE, strf(c->arena, "media:%.*s:removed", S_ARG(file.id)),
                  &(Use){.amount = -file.size_bytes}));
    TRY(document_blob_drop(c, w->blob));
    *(Deleted *)call_out(w->k) = (Deleted){.id = file.id, .deleted = true};
    return call_settle(c, w->k);
}

static Err *media_delete(Ctx *c, Call *k) {
    MediaWrite w = {.k = k, .blob = k->params[0]};
    TRY(scope_of(c, k, (Str){0}, &w.s));
    return db_transaction(c, media_erase, &w);
}

const Route media_routes[] = {
    {POST, "/api/v1/media", media_create, WRITES, .in_raw = true, .in_type = "multipart/form-data",
     .out = &media_record, .timeout_ms = 10 * 60 * 1000,
     .errors = "400 403 404 409 413 415 429 507",
     .doc = "Store a file (multipart `file`) to send with messages, as media {blob}. 201; 200 when "
            "it is there"},
    {GET, "/api/v1/media/{sha256}", media_get, READS, .out_type = "application/octet-stream",
     .errors = "400 404", .doc = "The bytes of a file, attachment or document of the tenant's own"},
    {DELETE, "/api/v1/media/{sha256}", media_delete, WRITES, .out = &deleted_record,
     .errors = "400 403 404 409", .doc = "Take a file away that no message has"},
    {.path = NULL},
};

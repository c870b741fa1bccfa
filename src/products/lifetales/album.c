/* SPDX-License-Identifier: Apache-2.0
 * Album: rows of media, their bytes, their addresses. See album.h; what bytes are is look.c's. */
#include "products/lifetales/album.h"

#include <sodium.h>

#include "api/base_settings.h"
#include "api/blob_use.h"
#include "core/base64.h"
#include "core/json.h"
#include "net/body_parts.h"
#include "net/sheet.h"
#include "products/lifetales/album_room.h"
#include "products/lifetales/erase.h"
#include "products/lifetales/lifetales.h"
#include "products/lifetales/media_sql.h"
#include "products/lifetales/spaces_sql.h"
#include "rt/offload.h"

enum { SIGNATURE_BYTES = 16, BASE64_IN_MEMORY_MAX = 64 * 1024 };

#define HIDDEN .flags = F_SECRET | F_READONLY

static const Field media_fields[] = {
    FIELD(Media, n, HIDDEN),
    FIELD(Media, user_id, HIDDEN),
    FIELD(Media, id, .format = "uuid"),
    FIELD(Media, url, .flags = F_NO_COLUMN, .doc = "Signed; expires"),
    FIELD(Media, mime_type),
    FIELD(Media, kind, .doc = "audio, image, video"),
    FIELD(Media, made, .doc = "upload, illustration, speech, video"),
    FIELD(Media, name, .flags = F_NULLABLE),
    FIELD(Media, size),
    FIELD(Media, sha256,
          .doc = "Of the bytes as they are stored: without what devices wrote into them"),
    FIELD(Media, width),
    FIELD(Media, height),
    FIELD(Media, duration_ms),
    FIELD(Media, transcription, .flags = F_NULLABLE),
    FIELD(Media, transcription_status, .doc = "none, waiting, running, done, failed"),
    FIELD(Media, transcription_language, .flags = F_NULLABLE),
    FIELD(Media, transcription_error, .flags = F_NULLABLE),
    FIELD(Media, transcription_confidence),
    FIELD(Media, created_at, .flags = F_SNAKE),
};
const Record media_record = RECORD_AS("TalesMedia", Media, media_fields, .camel = true,
                                      .doc = "A recording, picture or video");

/* -- addresses --------------------------------------------------------------------------------- */

static void media_mac(Str secret, Str id, int64_t expires,
                      unsigned char mac[crypto_auth_hmacsha256_BYTES]) {
    static const unsigned char context[] = "socle media v1";
    unsigned char when[8];
    crypto_auth_hmacsha256_state state;
    for (int i = 0; i < 8; i++) when[i] = (unsigned char)((uint64_t)expires >> (8 * i));
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret.data, (size_t)secret.len);
    crypto_auth_hmacsha256_update(&state, context, sizeof context);
    crypto_auth_hmacsha256_update(&state, when, sizeof when);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)id.data,
                                  (unsigned long long)id.len);
    crypto_auth_hmacsha256_final(&state, mac);
}

Str album_url(Ctx *c, Str media_id) {
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    int64_t half = max_i64(lifetales.media_url_s / 2, 1);
    int64_t expires = (time_now().us / US_PER_SECOND / half + 2) * half;
    media_mac(settings.secret_key, media_id, expires, mac);
    Str signature = str_base64url(c->arena, str_of((const char *)mac, SIGNATURE_BYTES));
    return strf(c->arena, "/api/media/%.*s?expires=%lld&signature=%.*s", S_ARG(media_id),
                (long long)expires, S_ARG(signature));
}

bool media_signed(Ctx *c, Str id, int64_t expires, Str signature) {
    const Str secrets[] = {settings.secret_key, settings.secret_key_previous};
    Str given = str_base64url_decode(c->arena, signature);
    bool good = false;
    if (given.len != SIGNATURE_BYTES) return false;
    for (int i = 0; i < COUNT(secrets); i++) {
        unsigned char mac[crypto_auth_hmacsha256_BYTES];
        if (secrets[i].len == 0) continue;
        media_mac(secrets[i], id, expires, mac);
        good |= sodium_memcmp(mac, given.data, SIGNATURE_BYTES) == 0;
    }
    return good;
}

Str media_id_of(Str address) {
    static const char path[] = "/api/media/";
    if (uuid_valid(address)) return address;
    ptrdiff_t at = str_find(address, str_c(path));
    if (at < 0) return (Str){0};
    Str id = str_slice(address, at + (ptrdiff_t)sizeof path - 1, at + (ptrdiff_t)sizeof path + 35);
    return uuid_valid(id) ? id : (Str){0};
}

/* -- rows -------------------------------------------------------------------------------------- */

static Err *media_absent(Ctx *c, Err *err) {
    if (!err || err->kind != ERR_NOT_FOUND) return err;
    FAIL(c, NOT_FOUND, "There is no such recording or picture.");
}

Err *album_load(Ctx *c, Id user, Str id, Media *out) {
    return media_absent(c, db_one(c, SQL(SQL_MEDIA_BY_ID),
                                  ARGS(V(user), V(str_lower(c->arena, id))), &media_record, out));
}

Err *album_load_n(Ctx *c, Id user, Id n, Media *out) {
    return media_absent(c, db_one(c, SQL(SQL_MEDIA_BY_N), ARGS(V(user), V(n)), &media_record, out));
}

Err *album_load_signed(Ctx *c, Str id, Media *out) {
    return media_absent(c,
                        db_one(c, SQL(SQL_SYSTEM_MEDIA_SIGNED), ARGS(V(id)), &media_record, out));
}

Err *album_put(Ctx *c, const Looked *looked, Str *sha256) {
    return blob_put(c, app_blobs(c), looked->bytes, sha256);
}

Err *album_add(Ctx *c, Id user, const Looked *looked, Str sha256, Str made, Str name, Media *out) {
    assert(sha256.len == 64);
    TRY(db_exec(c, SQL(SQL_MEDIA_ADD),
                ARGS(V(user), V(uuid_v7(c->arena)), V(sha256), V(looked->mime_type),
                     V(looked->kind), V(made), V(name), V((int64_t)looked->bytes.len),
                     V(looked->width), V(looked->height), V(looked->duration_ms), V(time_now())),
                NULL));
    TRY(db_one(c, SQL(SQL_MEDIA_OF_CONTENT), ARGS(V(user), V(sha256)), &media_record, out));
    out->url = album_url(c, out->id);
    return NULL;
}

Err *album_keep(Ctx *c, Id user, Str bytes, Str mime_type, Str made, Media *out) {
    Str sha256, kind;
    str_cut(mime_type, '/', &kind);
    Looked looked = {.mime_type = mime_type, .kind = kind, .bytes = bytes};
    TRY(album_put(c, &looked, &sha256));
    return album_add(c, user, &looked, sha256, made, (Str){0}, out);
}

/* -- bytes ------------------------------------------------------------------------------------- */

Err *album_bytes(Ctx *c, const Media *media, Str *out) {
    int fd;
    int64_t size;
    TRY(media_absent(c, blob_open(c, app_blobs(c), media->sha256, &fd, &size)));
    return file_map(c, fd, size, out);
}

typedef struct Decode {
    Str text;
    char *to;
    ptrdiff_t len; /* -1: it is no base64 */
} Decode;

static void decode_now(void *arg) {
    Decode *d = arg;
    Base64 base64 = {0};
    d->len = base64_take(&base64, d->text, d->to);
    d->len += base64_end(&base64, d->to + d->len);
    if (base64.bad) d->len = -1;
}

/* What stands before the base64 of a data: URL, taken off. */
static Str data_url_cut(Ctx *c, Str text, Str *mime) {
    *mime = (Str){0};
    if (!str_starts(text, S("data:"))) return text;
    ptrdiff_t comma = str_find_byte(str_slice(text, 0, 1024), ',');
    if (comma < 0) return text; /* a colon is no base64: refused */
    Str head = str_slice(text, 5, comma), type;
    if (!str_ends(head, S(";base64"))) return text;
    str_cut(head, ';', &type);
    *mime = str_lower(c->arena, str_trim(type));
    return str_slice(text, comma + 1, text.len);
}

static Err *text_decode(Ctx *c, Str base64, Str *bytes, Str *mime) {
    Str text = data_url_cut(c, base64, mime);
    Decode d = {.text = text};
    ptrdiff_t room = base64_room(text.len) + 2;
    if (text.len <= BASE64_IN_MEMORY_MAX) {
        d.to = arena_bytes(c->arena, room);
        decode_now(&d);
    } else {
        Sheet sheet;
        TRY(sheet_make(c, room, &sheet));
        d.to = sheet.data;
        TRY(offload(c, LANE_SHORT, decode_now, &d));
    }
    if (d.len < 0) FAIL(c, INVALID, "It is not base64.");
    *bytes = str_of(d.to, d.len);
    return NULL;
}

Err *album_decode(Ctx *c, const Req *q, Str base64, Str *bytes, Str *mime) {
    const JsonPart *part = body_part(q, base64);
    if (!part) return text_decode(c, base64, bytes, mime);
    *mime = part->mime;
    if (part->bad) FAIL(c, INVALID, "It is not base64.");
    return body_part_bytes(c, q, part, bytes);
}

static Err *field_wrong(Ctx *c, Err *err, const char *field) {
    Problems p = {.arena = c->arena};
    if (err->kind != ERR_INVALID || err->field_count > 0) return err;
    problem_add(&p, str_c(field), S("value"), "%.*s", S_ARG(err->detail));
    return problems_err(c, &p);
}

Err *album_stage(Ctx *c, const Req *q, Str base64, Str declared, const char *field, Staged *out) {
    Str bytes, mime;
    Err *err = album_decode(c, q, base64, &bytes, &mime);
    if (!err) err = album_look(c, bytes, mime.data ? mime : declared, &out->looked);
    if (err) return field_wrong(c, err, field);
    return album_put(c, &out->looked, &out->sha256);
}

Err *album_staged(Ctx *c, const Staged *staged, ptrdiff_t count, Err *err) {
    for (ptrdiff_t i = 0; i < count; i++) {
        int fd;
        int64_t size;
        Str again;
        if (err) {
            Err *left = album_let_go(c, staged[i].sha256);
            (void)left; /* bytes that nobody has; what was wrong is said */
            continue;
        }
        Err *open = blob_open(c, app_blobs(c), staged[i].sha256, &fd, &size);
        if (!open) continue;
        if (open->kind != ERR_NOT_FOUND) return open;
        TRY(album_put(c, &staged[i].looked, &again));
    }
    return err;
}

/* -- letting go -------------------------------------------------------------------------------- */

Err *album_let_go(Ctx *c, Str sha256) {
    /* Not at once: who is about to store the same bytes has a minute to say that he has them. */
    return job_add(c, ALBUM_BLOB_JOB, strf(c->arena, "{\"blob\":\"%.*s\"}", S_ARG(sha256)),
                   (JobOptions){.delay_ms = BLOB_UNUSED_WAIT_MS}, NULL);
}

Err *album_drop_alone(Ctx *c, Id user, Id n, Str id, Str sha256) {
    int64_t alone;
    TRY(db_int(c, SQL2(SQL_MEDIA_ALONE_SQLITE, SQL_MEDIA_ALONE_POSTGRES),
               ARGS(V(user), V(n), V(id)), &alone));
    if (!alone) return NULL;
    TRY(db_exec(c, SQL(SQL_MEDIA_REMOVE), ARGS(V(user), V(n)), NULL));
    TRY(erase_content(c, sha256));
    return album_let_go(c, sha256);
}

Err *album_remove(Ctx *c, Id user, Str id) {
    Media media;
    int64_t shown;
    TRY(album_load(c, user, id, &media));
    TRY(db_int(c, SQL2(SQL_MEDIA_SHOWN_SQLITE, SQL_MEDIA_SHOWN_POSTGRES),
               ARGS(V(user), V(media.n), V(media.id)), &shown));
    if (shown)
        FAIL(c, CONFLICT,
             "A note, a chapter or the cover of a space shows it: take it out there first.");
    TRY(db_exec(c, SQL(SQL_MEDIA_REMOVE), ARGS(V(user), V(media.n)), NULL));
    return album_let_go(c, media.sha256);
}

Err *lifetales_has_blob(Ctx *c, Str hash, bool *yes) {
    int64_t named;
    TRY(db_int(c, SQL(SQL_SYSTEM_BLOB_NAMED), ARGS(V(hash)), &named));
    *yes = named != 0;
    return NULL;
}

Err *album_blob_run(Ctx *c, Job *job) {
    json_t *payload;
    TRY(json_parse(c, job->payload.text, &payload));
    Str blob = json_str(json_at(payload, "blob"));
    if (blob.len != 64) FAIL(c, INVALID, "A job without the blob that it is to remove.");
    return blob_unused_remove(c, blob);
}

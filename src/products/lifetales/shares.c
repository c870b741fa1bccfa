/* SPDX-License-Identifier: Apache-2.0
 * Shares: a link with which anybody reads a space's story, until it expires or is taken back. Of its token
 * only the hash is kept. What the story shows (pictures, the voices it rests on) is read through the
 * link as well, so that taking it back takes that back at once; nothing else of the space is. */
#include "api/auth.h"
#include "api/pages.h"
#include "core/rand.h"
#include "products/lifetales/album_room.h"
#include "products/lifetales/lifetales.h"
#include "products/lifetales/person.h"
#include "products/lifetales/routes.h"
#include "products/lifetales/shares_sql.h"
#include "products/lifetales/spaces.h"

enum { TOKEN_BYTES = 24, SHARES_MAX = 100, YEARS_10_S = 315360000, VIEW_AGE_S = 60 };

typedef struct Share {
    Id n, user_id, space_n;
    Str id, token, url;
    Time expires_at, revoked_at, created_at;
    int64_t views;
} Share;
#define SHARE_FIELDS                                                                               \
    FIELD(Share, n, .flags = F_SECRET | F_READONLY),                                               \
        FIELD(Share, user_id, .flags = F_SECRET | F_READONLY),                                     \
        FIELD(Share, space_n, .flags = F_SECRET | F_READONLY), FIELD(Share, id, .format = "uuid"), \
        FIELD(Share, expires_at), FIELD(Share, revoked_at, .flags = F_NULLABLE),                   \
        FIELD(Share, views), FIELD(Share, created_at, .flags = F_SNAKE)
static const Field share_fields[] = {SHARE_FIELDS};
static const Record share_record =
    RECORD(Share, share_fields, .camel = true, .doc = "A link to a space's story");
static const Field made_fields[] = {
    SHARE_FIELDS,
    FIELD(Share, token, .doc = "Shown now, and never again"),
    FIELD(Share, url, .doc = "Whoever has it may read the story"),
};
static const Record made_record = RECORD_AS("ShareMade", Share, made_fields, .camel = true);

typedef struct ShareIn {
    OptInt expires_in_seconds;
    Time expires_at;
} ShareIn;
static const Field share_in_fields[] = {
    FIELD(ShareIn, expires_in_seconds, .min = 1, .max = YEARS_10_S),
    FIELD(ShareIn, expires_at, .flags = F_NULLABLE, .doc = "Instead; within ten years"),
};
static const Record share_in_record = RECORD(ShareIn, share_in_fields, .camel = true, .open = true);

/* -- making, listing, taking back -------------------------------------------------------------- */

typedef struct ShareWrite {
    Call *k;
    Space space;
    Str token, id;
    Time expires_at;
} ShareWrite;

static Err *share_expiry(Ctx *c, const ShareIn *in, Time *out) {
    Time now = time_now();
    *out = time_add(now, lifetales.share_s * US_PER_SECOND);
    if (in->expires_in_seconds.set)
        *out = time_add(now, in->expires_in_seconds.value * US_PER_SECOND);
    else if (!time_is_null(in->expires_at))
        *out = in->expires_at;
    if (out->us > now.us && out->us <= now.us + YEARS_10_S * US_PER_SECOND) return NULL;
    Problems p = {.arena = c->arena};
    problem_add(&p, S("expiresAt"), S("value"), "must lie ahead, within ten years");
    return problems_err(c, &p);
}

static Err *share_store(Ctx *c, void *arg) {
    ShareWrite *w = arg;
    Share *out = call_out(w->k);
    int64_t live;
    Time now = time_now();
    Value user = V(w->space.user_id), space = V(w->space.n);
    TRY(db_exec(c, SQL(SQL_SHARE_LOCK), ARGS(user, space), NULL));
    TRY(space_load_n(c, w->space.user_id, w->space.n, &w->space));
    TRY(db_int(c, SQL(SQL_SHARES_COUNT), ARGS(user, space, V(now)), &live));
    if (live >= SHARES_MAX)
        FAIL(c, CONFLICT, "A space has at most %d links that are good.", SHARES_MAX);
    *out = (Share){.id = uuid_v4(c->arena),
                   .token = w->token,
                   .url = strf(c->arena, "/api/shared/%.*s", S_ARG(w->token)),
                   .expires_at = w->expires_at,
                   .revoked_at = TIME_NULL,
                   .created_at = now};
    TRY(db_exec(c, SQL(SQL_SHARE_ADD),
                ARGS(user, V(out->id), space, V(secret_digest(c->arena, w->token)),
                     V(out->expires_at), V(now)),
                NULL));
    w->k->r->status = 201;
    return call_settle(c, w->k);
}

static Err *share_space(Ctx *c, ShareWrite *w) {
    Id user;
    TRY(person_of(c, w->k, &user));
    return space_load(c, user, w->k->params[0], &w->space);
}

static Err *share_create(Ctx *c, Call *k) {
    ShareWrite w = {.k = k, .token = rand_token(c->arena, S(""), TOKEN_BYTES)};
    TRY(share_space(c, &w));
    TRY(share_expiry(c, k->in, &w.expires_at));
    return db_transaction(c, share_store, &w);
}

static Err *shares_list(Ctx *c, Call *k) {
    ShareWrite w = {.k = k};
    Rows rows;
    TRY(share_space(c, &w));
    TRY(db_query(c, SQL(SQL_SHARES_LIST), ARGS(V(w.space.user_id), V(w.space.n)), &share_record,
                 &rows));
    call_list(c, k, rows, rows.count, (Str){0});
    return NULL;
}

typedef struct ShareQuery {
    Str id;
} ShareQuery;
static const Field share_query_fields[] = {
    FIELD(ShareQuery, id, .flags = F_NULLABLE, .doc = "One of them; else all"),
};
static const Record share_query_record = RECORD(ShareQuery, share_query_fields, .open = true);

static Err *shares_revoke(Ctx *c, Call *k) {
    ShareWrite w = {.k = k};
    int64_t known = 1;
    TRY(share_space(c, &w));
    Str id = ((const ShareQuery *)k->query)->id;
    if (id.data) id = str_lower(c->arena, id);
    Value user = V(w.space.user_id), space = V(w.space.n);
    if (id.data) TRY(db_int(c, SQL(SQL_SHARE_KNOWN), ARGS(user, space, V(id)), &known));
    if (!known) FAIL(c, NOT_FOUND, "There is no such link.");
    *(TalesDone *)call_out(k) = (TalesDone){.success = true};
    return db_exec(c, SQL(SQL_SHARES_REVOKE), ARGS(user, space, V(id), V(time_now())), NULL);
}

/* -- reading by a link ------------------------------------------------------------------------- */

typedef struct SharedVoice {
    Str chapter_id, note_id, id, mime_type, url;
    OptInt duration_ms;
} SharedVoice;
static const Field voice_fields[] = {
    FIELD(SharedVoice, chapter_id),
    FIELD(SharedVoice, note_id),
    FIELD(SharedVoice, id),
    FIELD(SharedVoice, mime_type),
    FIELD(SharedVoice, url, .flags = F_NO_COLUMN),
    FIELD(SharedVoice, duration_ms),
};
static const Record voice_record =
    RECORD(SharedVoice, voice_fields, .camel = true, .doc = "A recording that a chapter rests on");

typedef struct SharedPicture {
    Str chapter_id, url, prompt;
    int64_t position;
} SharedPicture;
static const Field picture_fields[] = {
    FIELD(SharedPicture, chapter_id, .flags = F_SECRET),
    FIELD(SharedPicture, url),
    FIELD(SharedPicture, prompt, .flags = F_NULLABLE, .doc = "What is to be seen"),
    FIELD(SharedPicture, position, .doc = "0: illustrationUrl; the others show parts of the text"),
};
static const Record picture_record =
    RECORD(SharedPicture, picture_fields, .camel = true, .doc = "A picture of a chapter");

/* What a reader sees of a chapter. */
typedef struct SharedChapter {
    Str id, title, content, illustration_url, generated_image_url, illustration_prompt;
    JsonText sentences;
    RecordList illustrations;
    StrList user_image_ids;
    int64_t position;
    Time date;
} SharedChapter;
static const Field chapter_fields[] = {
    FIELD(SharedChapter, id),
    FIELD(SharedChapter, title),
    FIELD(SharedChapter, content),
    FIELD(SharedChapter, sentences,
          .doc = "[{start, end, noteIds}], in code points: with the voices' noteId, whose is what"),
    FIELD(SharedChapter, illustration_prompt, .flags = F_NULLABLE, .doc = "What is to be seen"),
    FIELD(SharedChapter, illustration_url, .flags = F_NULLABLE),
    FIELD(SharedChapter, generated_image_url, .flags = F_NULLABLE | F_NO_COLUMN,
          .doc = "The same as illustrationUrl"),
    FIELD_LIST(SharedChapter, illustrations, &picture_record, .flags = F_NO_COLUMN,
               .doc = "All that were made for it, that one first"),
    FIELD(SharedChapter, user_image_ids, .doc = "Addresses of the person's own pictures"),
    FIELD(SharedChapter, position),
    FIELD(SharedChapter, date, .flags = F_NULLABLE | F_EPOCH_MS, .doc = "Of its first note"),
};
static const Record shared_chapter_record =
    RECORD(SharedChapter, chapter_fields, .camel = true, .doc = "A chapter, for who has the link");

typedef struct SharedStory {
    Str title, description, cover_image, time_zone, language;
    Time start_date, expires_at;
    RecordList chapters, voices;
} SharedStory;
static const Field shared_fields[] = {
    FIELD(SharedStory, title),
    FIELD(SharedStory, description, .flags = F_NULLABLE),
    FIELD(SharedStory, cover_image, .flags = F_NULLABLE),
    FIELD(SharedStory, start_date, .flags = F_NULLABLE | F_EPOCH_MS),
    FIELD(SharedStory, time_zone),
    FIELD(SharedStory, language, .flags = F_NULLABLE),
    FIELD(SharedStory, expires_at),
    FIELD_LIST(SharedStory, chapters, &shared_chapter_record),
    FIELD_LIST(SharedStory, voices, &voice_record),
};
static const Record shared_record =
    RECORD(SharedStory, shared_fields, .camel = true, .doc = "A story, for who has its link");

static Err *share_open(Ctx *c, Str token, Share *out) {
    Err *err = db_one(c, SQL(SQL_SYSTEM_SHARE_BY_TOKEN), ARGS(V(secret_digest(c->arena, token))),
                      &share_record, out);
    if (err && err->kind == ERR_NOT_FOUND) FAIL(c, NOT_FOUND, "There is nothing at this address.");
    TRY(err);
    if (!time_is_null(out->revoked_at)) FAIL(c, GONE, "This link was taken back.");
    if (out->expires_at.us <= time_now().us) FAIL(c, GONE, "This link has expired.");
    return NULL;
}

static Str shared_address(Ctx *c, Str token, Str address) {
    Str id = media_id_of(address);
    if (!id.data) return address;
    return strf(c->arena, "/api/shared/%.*s/media/%.*s", S_ARG(token), S_ARG(id));
}

/* Those of a chapter are together. */
static RecordList shared_pictures(Ctx *c, Str token, Str chapter_id, Rows pictures) {
    SharedPicture *all = pictures.items;
    RecordList list = {0};
    for (ptrdiff_t i = 0; i < pictures.count; i++) {
        if (!str_eq(all[i].chapter_id, chapter_id)) continue;
        if (list.count++ == 0) list.items = &all[i];
        all[i].url = shared_address(c, token, all[i].url);
    }
    return list;
}

static Err *shared_fill(Ctx *c, Str token, const Space *space, SharedStory *out) {
    Rows chapters, pictures, voices;
    Args args = ARGS(V(space->user_id), V(space->n));
    TRY(db_query(c, SQL(SQL_SHARE_CHAPTERS), args, &shared_chapter_record, &chapters));
    TRY(db_query(c, SQL(SQL_SHARE_PICTURES), args, &picture_record, &pictures));
    for (ptrdiff_t i = 0; i < chapters.count; i++) {
        SharedChapter *one = (SharedChapter *)chapters.items + i;
        one->illustration_url = one->generated_image_url =
            shared_address(c, token, one->illustration_url);
        one->illustrations = shared_pictures(c, token, one->id, pictures);
        for (ptrdiff_t j = 0; j < one->user_image_ids.count; j++)
            one->user_image_ids.items[j] = shared_address(c, token, one->user_image_ids.items[j]);
    }
    TRY(db_query(c, SQL(SQL_SHARE_VOICES), args, &voice_record, &voices));
    for (ptrdiff_t i = 0; i < voices.count; i++) {
        SharedVoice *one = (SharedVoice *)voices.items + i;
        one->url = shared_address(c, token, one->id);
    }
    *out = (SharedStory){.title = space->title,
                         .description = space->description,
                         .cover_image = shared_address(c, token, space->cover_image),
                         .time_zone = space->time_zone,
                         .language = space->language,
                         .start_date = space->start_date,
                         .chapters = {chapters.items, chapters.count},
                         .voices = {voices.items, voices.count}};
    return NULL;
}

static Err *shared_get(Ctx *c, Call *k) {
    Share share;
    Space space;
    SharedStory *out = call_out(k);
    TRY(share_open(c, k->params[0], &share));
    TRY(space_load_n(c, share.user_id, share.space_n, &space));
    TRY(shared_fill(c, k->params[0], &space, out));
    out->expires_at = share.expires_at;
    reply_header(k->r, S("Cache-Control"), S("no-store"));
    return db_exec(c, SQL(SQL_SHARE_VIEWED), ARGS(V(share.user_id), V(share.n)), NULL);
}

/* What the story is the page asks for; a link that is no more good answers so here already. */
static Err *shared_page(Ctx *c, Call *k) {
    Share share;
    Str page;
    Err *err = share_open(c, k->params[0], &share);
    if (err && err->kind != ERR_NOT_FOUND && err->kind != ERR_GONE) return err;
    TRY(page_text(c, S("tales/shared.html"), &page));
    reply_header(k->r, S("Cache-Control"), S("no-store"));
    reply_text(k->r, err ? err_status(ERR_GONE) : 200, S("text/html; charset=utf-8"), page);
    k->answered = true;
    return NULL;
}

static Err *shared_media_get(Ctx *c, Call *k) {
    Share share;
    Media media = {0};
    TRY(share_open(c, k->params[0], &share));
    Err *err =
        db_one(c, SQL2(SQL_SHARE_MEDIA_SQLITE, SQL_SHARE_MEDIA_POSTGRES),
               ARGS(V(share.user_id), V(share.space_n), V(str_lower(c->arena, k->params[1]))),
               &media_record, &media);
    if (err && err->kind == ERR_NOT_FOUND)
        FAIL(c, NOT_FOUND, "There is no such recording or picture.");
    TRY(err);
    return media_answer(c, k, &media, VIEW_AGE_S);
}

const Route share_routes[] = {
    {GET, "/api/spaces/{id}/share", shares_list, TALES_READS, .out = &share_record,
     .out_list = true, .errors = "403 404", .doc = "Links to the space's story, the newest first"},
    {POST, "/api/spaces/{id}/share", share_create, TALES_WRITES, .in = &share_in_record,
     .out = &made_record, .status = 201, .idempotent = true, .secret_out = true,
     .errors = "403 404 409", .doc = "Make a link with which anybody may read the story"},
    {DELETE, "/api/spaces/{id}/share", shares_revoke, TALES_WRITES, .query = &share_query_record,
     .out = &tales_done_record, .errors = "403 404", .doc = "Take all links back, or one"},
    {GET, "/api/shared/{token}", shared_get, .access = ACCESS_OPEN, .out = &shared_record,
     .tag = "lifetales", .errors = "404 410", .doc = "A story, for who has its link"},
    {GET, "/tales/s/{token}", shared_page, .access = ACCESS_OPEN, .out_type = "text/html",
     .status_also = 410, .tag = "lifetales",
     .doc = "The page where whoever has the link reads the story, or (410) that there is none"},
    {GET, "/api/shared/{token}/media/{id}", shared_media_get, .access = ACCESS_OPEN,
     .out_type = "application/octet-stream", .tag = "lifetales", .errors = "404 410",
     .doc = "A picture or recording that the story shows"},
    {.path = NULL},
};

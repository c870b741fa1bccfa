/* SPDX-License-Identifier: Apache-2.0
 * Links of voices: what the codes in a printed book lead to. A link has no end, since paper has none, and
 * names one recording, nothing else of its owner's; he can take it back, and what was printed then leads
 * to a page that says so. /v/{token} is a page without a script; the recording is beside it, with
 * ranges. */
#include "api/public_url.h"
#include "api/router.h"
#include "core/rand.h"
#include "products/lifetales/album_room.h"
#include "products/lifetales/book_made.h"
#include "products/lifetales/book_room.h"
#include "products/lifetales/books_sql.h"
#include "products/lifetales/person.h"
#include "products/lifetales/routes.h"

enum { TOKEN_BYTES = 16, VOICE_AGE_S = 3600 };

Str voice_url(Arena *arena, Str base, Str token) {
    return strf(arena, "%.*s/v/%.*s", S_ARG(base), S_ARG(token));
}

/* -- of a story -------------------------------------------------------------------------------- */

static const Field voice_fields[] = {
    FIELD(StoryVoice, chapter_id),
    FIELD(StoryVoice, title, .flags = F_NULLABLE),
    FIELD(StoryVoice, timestamp),
    FIELD(StoryVoice, media_n),
    FIELD(StoryVoice, media_id),
    FIELD(StoryVoice, token, .flags = F_NULLABLE),
    FIELD(StoryVoice, known),
};
static const Record story_voice_record = RECORD(StoryVoice, voice_fields);

typedef struct Voices {
    const Space *space;
    Rows rows;
} Voices;

static Err *voices_read(Ctx *c, Voices *v) {
    return db_query(c, SQL(SQL_BOOK_VOICES), ARGS(V(v->space->user_id), V(v->space->n)),
                    &story_voice_record, &v->rows);
}

static Err *voices_link(Ctx *c, void *arg) {
    Voices *v = arg;
    TRY(voices_read(c, v));
    for (ptrdiff_t i = 0; i < v->rows.count; i++) {
        const StoryVoice *voice = (const StoryVoice *)v->rows.items + i;
        if (voice->known) continue;
        TRY(db_exec(c, SQL(SQL_VOICE_LINK_ADD),
                    ARGS(V(v->space->user_id), V(voice->media_n),
                         V(rand_token(c->arena, S(""), TOKEN_BYTES)), V(time_now())),
                    NULL));
    }
    return voices_read(c, v);
}

Err *story_voices(Ctx *c, const Space *space, StoryVoice **out, ptrdiff_t *count) {
    Voices v = {.space = space};
    bool unknown = false;
    TRY(voices_read(c, &v));
    for (ptrdiff_t i = 0; i < v.rows.count; i++)
        unknown = unknown || !((const StoryVoice *)v.rows.items)[i].known;
    if (unknown) TRY(db_transaction(c, voices_link, &v));
    *out = v.rows.items;
    *count = v.rows.count;
    return NULL;
}

/* -- their owner's ------------------------------------------------------------------------------- */

typedef struct VoiceLink {
    Str media_id, token, url;
    int64_t heard;
    Time created_at, revoked_at;
} VoiceLink;
static const Field link_fields[] = {
    FIELD(VoiceLink, media_id),
    FIELD(VoiceLink, token, .flags = F_SECRET),
    FIELD(VoiceLink, url, .flags = F_NO_COLUMN, .doc = "What the code in a book leads to"),
    FIELD(VoiceLink, heard, .doc = "How often its page was opened"),
    FIELD(VoiceLink, revoked_at, .flags = F_NULLABLE),
    FIELD(VoiceLink, created_at, .flags = F_SNAKE),
};
static const Record voice_link_record = RECORD(VoiceLink, link_fields, .camel = true,
                                               .doc = "A link without end to one recording");

static Err *links_list(Ctx *c, Call *k) {
    Id user;
    Space space;
    Rows rows;
    TRY(person_of(c, k, &user));
    TRY(space_load(c, user, k->params[0], &space));
    TRY(db_query(c, SQL(SQL_VOICE_LINKS_LIST), ARGS(V(user), V(space.n)), &voice_link_record, &rows));
    Str base = public_url(c, k->q, (Str){0});
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        VoiceLink *link = (VoiceLink *)rows.items + i;
        link->url = voice_url(c->arena, base, link->token);
    }
    call_list(c, k, rows, rows.count, (Str){0});
    return NULL;
}

static Err *recording_of(Ctx *c, Call *k, Media *media) {
    Id user;
    TRY(person_of(c, k, &user));
    TRY(album_load(c, user, str_lower(c->arena, k->params[0]), media));
    if (!str_eq(media->kind, S("audio")))
        FAIL(c, CONFLICT, "Only a recording has such a link; this is no recording.");
    return NULL;
}

static Err *link_make(Ctx *c, Call *k) {
    Media media;
    VoiceLink *out = call_out(k);
    TRY(recording_of(c, k, &media));
    Value user = V(media.user_id), n = V(media.n);
    TRY(db_exec(c, SQL(SQL_VOICE_LINK_ADD),
                ARGS(user, n, V(rand_token(c->arena, S(""), TOKEN_BYTES)), V(time_now())), NULL));
    TRY(db_one(c, SQL(SQL_VOICE_LINK_OF), ARGS(user, n), &voice_link_record, out));
    out->url = voice_url(c->arena, public_url(c, k->q, (Str){0}), out->token);
    return NULL;
}

static Err *link_revoke(Ctx *c, Call *k) {
    Media media;
    TRY(recording_of(c, k, &media));
    *(TalesDone *)call_out(k) = (TalesDone){.success = true};
    return db_exec(c, SQL(SQL_VOICE_LINK_REVOKE), ARGS(V(media.user_id), V(media.n), V(time_now())), NULL);
}

/* -- whoever has the book ------------------------------------------------------------------------ */

typedef struct Heard {
    Id user_id, media_n;
    Str language;
    Time revoked_at;
} Heard;
static const Field heard_fields[] = {
    FIELD(Heard, user_id),
    FIELD(Heard, media_n),
    FIELD(Heard, language, .flags = F_NULLABLE),
    FIELD(Heard, revoked_at, .flags = F_NULLABLE),
};
static const Record heard_record = RECORD(Heard, heard_fields);

static const char page_style[] =
    ":root{color-scheme:light dark}body{margin:0;min-height:100vh;display:grid;place-content:center;"
    "font:1.2rem/1.5 'EB Garamond',Palatino,Georgia,serif;background:#fbf8f2;color:#1d1a17;text-align:center}"
    "main{padding:2rem;max-width:26rem}h1{font-weight:500;font-size:1.7rem;margin:0 0 1.5rem}"
    "audio{width:100%;min-width:16rem}@media(prefers-color-scheme:dark){body{background:#1b1917;"
    "color:#e9e3d8}}";

static void page_answer(Ctx *c, Call *k, int status, Str language, Str inner, const char *title) {
    Buf b = buf_new(c->arena, 2048);
    buf_add(&b, S("<!DOCTYPE html>\n<html lang=\""));
    buf_html(&b, language);
    buf_f(&b,
          "\" dir=\"%s\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
          "content=\"width=device-width, initial-scale=1\"><meta name=\"robots\" content=\"noindex\">"
          "<title>%s</title><style>%s</style></head><body><main>%.*s</main></body></html>\n",
          book_rtl(language) ? "rtl" : "ltr", title, page_style, S_ARG(inner));
    reply_policy(c, k->q, k->r, S("default-src 'none'; style-src 'unsafe-inline'; media-src 'self'; "
                                  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"));
    reply_header(k->r, S("Cache-Control"), S("no-store"));
    reply_text(k->r, status, S("text/html; charset=utf-8"), buf_str(&b));
    k->answered = true;
}

static Err *voice_open(Ctx *c, Call *k, Heard *out) {
    Err *err = db_one(c, SQL(SQL_SYSTEM_VOICE_BY_TOKEN), ARGS(V(k->params[0])), &heard_record, out);
    if (err && err->kind == ERR_NOT_FOUND) FAIL(c, NOT_FOUND, "There is nothing at this address.");
    TRY(err);
    if (!time_is_null(out->revoked_at))
        FAIL(c, GONE, "This voice may no longer be heard here: its owner has taken the link back.");
    return NULL;
}

static const char *gone_words(Str language) {
    return book_speaks(language, S("fr")) ? "Cette voix n’est plus ouverte : la personne à qui elle "
                                            "appartient a repris le lien."
                                          : "This voice may no longer be heard here: its owner has taken "
                                            "the link back.";
}

static Err *voice_page(Ctx *c, Call *k) {
    Heard heard = {.revoked_at = TIME_NULL};
    Err *err = voice_open(c, k, &heard);
    Str language = heard.language.len ? heard.language : S("en");
    const char *title = book_words(language)->listen;
    if (err && err->kind == ERR_GONE) {
        page_answer(c, k, 410, language, strf(c->arena, "<p>%s</p>", gone_words(language)), title);
        return NULL;
    }
    TRY(err);
    Buf b = buf_new(c->arena, 512);
    buf_f(&b, "<h1>%s</h1><audio controls preload=\"metadata\" src=\"/v/", title);
    buf_html(&b, k->params[0]);
    buf_add(&b, S("/voice\"></audio>"));
    page_answer(c, k, 200, language, buf_str(&b), title);
    return db_exec(c, SQL(SQL_VOICE_LINK_HEARD), ARGS(V(heard.user_id), V(k->params[0])), NULL);
}

static Err *voice_bytes(Ctx *c, Call *k) {
    Heard heard = {0};
    Media media;
    TRY(voice_open(c, k, &heard));
    TRY(album_load_n(c, heard.user_id, heard.media_n, &media));
    return media_answer(c, k, &media, VOICE_AGE_S);
}

const Route voice_link_routes[] = {
    {GET, "/api/spaces/{id}/voices", links_list, TALES_READS, .out = &voice_link_record,
     .out_list = true, .errors = "403 404",
     .doc = "Links of the space's recordings, which codes in its books lead to"},
    {POST, "/api/media/{id}/voice", link_make, TALES_WRITES, .out = &voice_link_record,
     .errors = "403 404 409",
     .doc = "Give a recording its link, or the one it has; one that was taken back stays so"},
    {DELETE, "/api/media/{id}/voice", link_revoke, TALES_WRITES, .out = &tales_done_record,
     .errors = "403 404 409",
     .doc = "Take a recording's link back: books that are printed lead nowhere, later ones have no code"},
    {GET, "/v/{token}", voice_page, .access = ACCESS_OPEN, .out_type = "text/html", .status_also = 410,
     .tag = "lifetales", .errors = "404", .doc = "A voice, for whoever has the book it is in"},
    {GET, "/v/{token}/voice", voice_bytes, .access = ACCESS_OPEN,
     .out_type = "application/octet-stream", .tag = "lifetales", .errors = "404 410",
     .doc = "Its recording, with ranges"},
    {.path = NULL},
};

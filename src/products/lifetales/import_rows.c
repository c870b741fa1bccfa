/* SPDX-License-Identifier: Apache-2.0
 * Spaces, notes and files of the album as an import makes them, each in its own transaction. Run again it finds
 * what is there by its id: that of the file, where it is free or this person's own, else one made of it, which is
 * the same each time. What is there is left as it is. */
#include "core/json.h"
#include "products/lifetales/album_room.h"
#include "products/lifetales/import_room.h"
#include "products/lifetales/import_sql.h"
#include "products/lifetales/media_sql.h"
#include "products/lifetales/notes_room.h"
#include "products/lifetales/person.h"
#include "products/lifetales/person_sql.h"
#include "products/lifetales/transcription_room.h"
#include "work/zone.h"

enum {
    FILES_MAX = 100,
    TITLE_MAX = 300,
    NOTE_TITLE_MAX = 500,
    TEXT_MAX = 200 * 1000,
    MORE_MAX = 20000,
    PLACE_MAX = 4096,
    TOKEN_MAX = 100
};

bool import_refusal(const Err *err) {
    return err->kind == ERR_INVALID || err->kind == ERR_BAD_REQUEST || err->kind == ERR_TOO_LARGE ||
           err->kind == ERR_MEDIA_TYPE || err->kind == ERR_CONFLICT || err->kind == ERR_NOT_FOUND;
}

/* -- ids --------------------------------------------------------------------------------------- */

typedef struct Taken {
    Id user_id, n;
} Taken;
static const Field taken_fields[] = {FIELD(Taken, user_id), FIELD(Taken, n)};
static const Record taken_record = RECORD(Taken, taken_fields);

typedef struct Naming {
    Sql owner;      /* of the table */
    const char *of; /* what it is */
    Id within;      /* a note's or chapter's space; none: of the person */
    Str given, seed, space;
} Naming;

static Err *id_look(Ctx *c, const Import *im, const Naming *n, Str id, bool *vacant, bool *mine) {
    Taken taken = {0};
    bool found;
    TRY(db_maybe(c, n->owner, ARGS(V(id)), &taken_record, &taken, &found));
    *vacant = !found;
    *mine = found && id_eq(taken.user_id, im->user) &&
            (id_is_none(n->within) || id_eq(taken.n, n->within));
    return NULL;
}

/* (tx) Which id an element has here; known: it is there already. */
static Err *id_choose(Ctx *c, const Import *im, const Naming *n, Str *id, bool *known) {
    bool vacant = false;
    *known = false;
    if (uuid_valid(n->given)) {
        *id = str_lower(c->arena, n->given);
        TRY(id_look(c, im, n, *id, &vacant, known));
        if (vacant || *known) return NULL;
    }
    const Str words[] = {str_c(n->of), n->space, n->given.len ? n->given : n->seed};
    *id = import_uuid(c->arena, im->user, words, COUNT(words));
    TRY(id_look(c, im, n, *id, &vacant, known));
    if (!vacant && !*known) FAIL(c, CONFLICT, "Its id is taken.");
    return NULL;
}

Err *import_chapter_id(Ctx *c, const Import *im, const Space *space, Str given, Str seed, Str *id,
                       bool *known) {
    Naming n = {.owner = SQL(SQL_SYSTEM_IMPORT_CHAPTER_OWNER),
                .of = "chapter",
                .within = space->n,
                .given = given,
                .seed = seed,
                .space = space->id};
    return id_choose(c, im, &n, id, known);
}

static void id_keep(Import *im, Map *map, Str from, Str to) {
    if (from.len == 0) return;
    Str *kept = arena_new_of(im->arena, Str);
    *kept = str_copy(im->arena, to);
    map_set(map, str_copy(im->arena, from), kept);
}

static Str id_of(Ctx *c, const json_t *object) {
    int64_t number;
    const json_t *id = json_at(object, "id");
    if (!json_is_integer(id) || !json_i64(id, &number)) return json_str(id);
    return strf(c->arena, "%lld", (long long)number);
}

/* -- what is too long -------------------------------------------------------------------------- */

static Err *length_check(Ctx *c, Str text, ptrdiff_t most, const char *what) {
    if (text.len > most && str_utf8_count(text) > most)
        FAIL(c, INVALID, "%s has more than %td characters.", what, most);
    return NULL;
}

/* -- bytes and references ------------------------------------------------------------------------ */

static bool is_data(Str s) { return str_starts(s, S("data:")); }
/* Addresses that only the browser knew, or that nobody serves any more. */
static bool is_dead(Str s) { return str_starts(s, S("blob:")) || str_starts(s, S("file:")); }

typedef struct Gather {
    Import *im;
    Staged *staged;
    ptrdiff_t count;
    StrList ids[3]; /* audio, image, video */
    int64_t dead;
} Gather;

static Err *bytes_take(Ctx *c, Gather *g, Str base64, Str mime, const char *name) {
    if (base64.len == 0) return NULL;
    if (g->count == FILES_MAX) FAIL(c, INVALID, "More than %d recordings and pictures.", FILES_MAX);
    TRY(album_stage(c, NULL, base64, mime, name, &g->staged[g->count]));
    g->count++;
    return NULL;
}

/* One that the file has told of, or that is the person's already. */
static Err *reference_take(Ctx *c, Gather *g, Str id) {
    Media m;
    Str *ours = map_get(&g->im->media, id), own = ours ? *ours : media_id_of(id);
    if (own.len == 0) {
        g->dead++;
        return NULL;
    }
    Err *err = album_load(c, g->im->user, own, &m);
    if (err && err->kind == ERR_NOT_FOUND) {
        g->dead++;
        return NULL;
    }
    if (err) return err;
    StrList *list = &g->ids[str_eq(m.kind, S("audio")) ? 0 : str_eq(m.kind, S("image")) ? 1 : 2];
    if (list->count == FILES_MAX)
        FAIL(c, INVALID, "More than %d recordings and pictures.", FILES_MAX);
    if (!list->items) list->items = arena_array(c->arena, Str, FILES_MAX);
    list->items[list->count++] = m.id;
    return NULL;
}

static Err *address_take(Ctx *c, Gather *g, Str address, Str mime, const char *name) {
    if (address.len == 0) return NULL;
    if (is_data(address)) return bytes_take(c, g, address, mime, name);
    if (!is_dead(address)) return reference_take(c, g, address);
    g->dead++;
    return NULL;
}

static Err *file_take(Ctx *c, Gather *g, const json_t *file, const char *name) {
    static const char *const bytes[] = {"data", "dataUrl", "base64", "audioData", "imageData"};
    static const char *const places[] = {"url", "src", "uri"};
    if (json_is_string(file)) return address_take(c, g, json_str(file), (Str){0}, name);
    Str mime =
        import_str(file, "mimeType").len ? import_str(file, "mimeType") : import_str(file, "type");
    for (int i = 0; i < COUNT(bytes); i++)
        if (import_str(file, bytes[i]).len)
            return bytes_take(c, g, import_str(file, bytes[i]), mime, name);
    for (int i = 0; i < COUNT(places); i++)
        if (is_data(import_str(file, places[i])))
            return bytes_take(c, g, import_str(file, places[i]), mime, name);
    Str id = id_of(c, file);
    return address_take(c, g, id.len ? id : import_str(file, "url"), mime, name);
}

/* All the ways in which the web app says that a note has a recording or a picture. */
static Err *note_files(Ctx *c, Gather *g, const json_t *json) {
    static const char *const lists[] = {
        "audioFileIds", "imageFileIds", "videoFileIds", "media",  "files",      "audioFiles",
        "imageFiles",   "videoFiles",   "images",       "photos", "attachments"};
    static const char *const addresses[] = {"audioUrl", "imageUrl", "videoUrl", "photoUrl"};
    Str mime = import_str(json, "mimeType");
    bool listed = false;
    g->staged = arena_array(c->arena, Staged, FILES_MAX);
    TRY(bytes_take(c, g, import_str(json, "audioData"), mime, "audioData"));
    TRY(bytes_take(c, g, import_str(json, "imageData"), S("image/*"), "imageData"));
    if (is_data(import_str(json, "content")))
        TRY(bytes_take(c, g, import_str(json, "content"), mime, "content"));
    bool ours = import_at(json, "transcriptionOwn") != NULL; /* its `files` are names for people */
    for (int i = 0; i < COUNT(lists); i++) {
        const json_t *list = import_at(json, lists[i]);
        if (ours && i >= 3) break;
        for (size_t k = 0; k < json_array_size(list); k++) {
            listed = true;
            TRY(file_take(c, g, json_array_get(list, k), lists[i]));
        }
    }
    for (int i = 0; i < COUNT(addresses); i++) {
        Str address = import_str(json, addresses[i]);
        bool again = (listed || g->count) && !is_data(address); /* of what was taken above */
        if (!again) TRY(address_take(c, g, address, mime, addresses[i]));
    }
    return NULL;
}

/* -- notes ------------------------------------------------------------------------------------- */

static Str type_of(Ctx *c, const json_t *json, const Gather *g) {
    static const char *const known[][2] = {
        {"AUDIO", "AUDIO"}, {"VOICE", "AUDIO"}, {"TEXT", "TEXT"},     {"IMAGE", "IMAGE"},
        {"PHOTO", "IMAGE"}, {"VIDEO", "VIDEO"}, {"MOMENT", "MOMENT"},
    };
    Str said = import_str(json, "type");
    for (int i = 0; i < COUNT(known); i++)
        if (str_eq_nocase(said, str_c(known[i][0]))) return str_c(known[i][1]);
    Str kind = g->count          ? g->staged[0].looked.kind
               : g->ids[0].count ? S("audio")
               : g->ids[1].count ? S("image")
               : g->ids[2].count ? S("video")
                                 : S("text");
    Str upper = str_copy(c->arena, kind);
    for (ptrdiff_t i = 0; i < upper.len; i++) ((char *)(uintptr_t)upper.data)[i] -= 32;
    return upper;
}

/* A list, or an object by the files' ids: what each recording says. */
static StrList transcriptions_of(Ctx *c, json_t *value) {
    StrList list = {arena_array(c->arena, Str, FILES_MAX), 0};
    const char *name;
    json_t *one;
    for (size_t i = 0; i < json_array_size(value) && list.count < FILES_MAX; i++)
        list.items[list.count++] = json_str(json_array_get(value, i));
    json_object_foreach(value, name, one) {
        if (list.count < FILES_MAX) list.items[list.count++] = json_str(one);
    }
    return list;
}

static Err *note_texts(Ctx *c, const json_t *json, NoteIn *in) {
    Str content = import_str(json, "content");
    in->title = import_str(json, "title");
    if (in->title.len == 0) in->title = import_str(json, "dateLabel");
    in->description = import_str(json, "description");
    in->text_content = import_str(json, "textContent");
    in->content = is_data(content) || is_dead(content) ? (Str){0} : content;
    /* Our own export says whose words they are; what came from recordings comes with them. */
    const json_t *own = import_at(json, "transcriptionOwn");
    if (!own || json_is_true(own)) {
        in->transcription = import_str(json, "transcription");
        in->transcriptions = transcriptions_of(c, import_at(json, "transcriptions"));
    }
    TRY(length_check(c, in->title, NOTE_TITLE_MAX, "title"));
    TRY(length_check(c, in->description, MORE_MAX, "description"));
    TRY(length_check(c, in->text_content, TEXT_MAX, "textContent"));
    TRY(length_check(c, in->content, TEXT_MAX, "content"));
    return length_check(c, own_words(c, in), TEXT_MAX, "transcription");
}

static Err *note_place(Ctx *c, const json_t *json, NoteIn *in) {
    const json_t *place = import_at(json, "location");
    if (!place) return NULL;
    Buf b = buf_new(c->arena, 256);
    buf_json_value(&b, place);
    if (b.len > PLACE_MAX) FAIL(c, INVALID, "location has more than %d bytes.", PLACE_MAX);
    in->location = (JsonText){buf_str(&b)};
    return NULL;
}

static Err *note_when(Ctx *c, const json_t *json, NoteIn *in) {
    static const char *const names[] = {"timestamp", "date", "createdAt"};
    in->timestamp = TIME_NULL;
    for (int i = 0; i < COUNT(names); i++) {
        const json_t *value = import_at(json, names[i]);
        if (!value) continue;
        in->timestamp = import_time(value);
        if (time_is_null(in->timestamp)) FAIL(c, INVALID, "%s is no time.", names[i]);
        return NULL;
    }
    return NULL;
}

typedef struct NoteTake {
    Import *im;
    const Space *space;
    NoteIn in;
    Str given, seed, id;
    Time created;
    bool known;
} NoteTake;

static Err *note_choose(Ctx *c, NoteTake *t) {
    Naming n = {.owner = SQL(SQL_SYSTEM_IMPORT_NOTE_OWNER),
                .of = "note",
                .within = t->space->n,
                .given = t->given,
                .seed = t->seed,
                .space = t->space->id};
    return id_choose(c, t->im, &n, &t->id, &t->known);
}

static Err *note_in(Ctx *c, void *arg) {
    NoteTake *t = arg;
    Note note;
    TRY(note_choose(c, t));
    if (t->known) return NULL;
    t->in.id = t->id;
    TRY(note_add(c, t->space, &t->in, &note));
    if (time_is_null(t->created)) return NULL;
    return db_exec(c, SQL(SQL_IMPORT_NOTE_MADE), ARGS(V(t->im->user), V(note.n), V(t->created)),
                   NULL);
}

Err *import_note(Ctx *c, Import *im, const Space *space, json_t *json, Str text) {
    NoteTake t = {.im = im, .space = space, .given = id_of(c, json), .seed = text};
    Gather g = {.im = im};
    TRY(note_choose(c, &t)); /* before bytes are looked at for nothing */
    if (t.known) {
        im->known++;
        id_keep(im, im->notes, t.given, t.id);
        return NULL;
    }
    TRY(note_texts(c, json, &t.in));
    TRY(note_place(c, json, &t.in));
    TRY(note_when(c, json, &t.in));
    t.created = import_time(import_at(json, "createdAt"));
    Err *err = note_files(c, &g, json);
    if (err) return album_staged(c, g.staged, g.count, err);
    t.in.type = type_of(c, json, &g);
    t.in.staged = g.staged;
    t.in.staged_count = g.count;
    t.in.audio_file_ids = g.ids[0];
    t.in.image_file_ids = g.ids[1];
    t.in.video_file_ids = g.ids[2];
    TRY(album_staged(c, g.staged, g.count, db_transaction(c, note_in, &t)));
    im->dead += g.dead;
    im->note_count += !t.known;
    im->known += t.known;
    id_keep(im, im->notes, t.given, t.id);
    return NULL;
}

/* -- spaces ------------------------------------------------------------------------------------ */

typedef struct SpaceTake {
    Import *im;
    Space space;
    Staged cover;
    Str given, seed;
    Time created;
    bool known;
} SpaceTake;

static Err *space_choose(Ctx *c, SpaceTake *t) {
    Naming n = {.owner = SQL(SQL_SYSTEM_IMPORT_SPACE_OWNER),
                .of = "space",
                .given = t->given,
                .seed = t->seed};
    return id_choose(c, t->im, &n, &t->space.id, &t->known);
}

static Err *space_in(Ctx *c, void *arg) {
    SpaceTake *t = arg;
    Space *s = &t->space;
    Media cover;
    Time now = time_now();
    TRY(space_choose(c, t));
    if (t->known) return NULL;
    if (t->cover.sha256.data) {
        TRY(album_add(c, t->im->user, &t->cover.looked, t->cover.sha256, S("upload"), (Str){0},
                      &cover));
        s->cover_image = cover.id;
    }
    return db_int(c, SQL(SQL_IMPORT_SPACE_ADD),
                  ARGS(V(t->im->user), V(s->id), V(s->title), V(s->description), V(s->cover_image),
                       V(s->start_date), V(s->time_zone), V(s->language), V(s->characters),
                       V(time_is_null(t->created) ? now : t->created), V(now)),
                  &s->n.value);
}

static Err *space_store(Ctx *c, SpaceTake *t, Space *out) {
    Err *err = db_transaction(c, space_in, t);
    if (t->cover.sha256.data) err = album_staged(c, &t->cover, 1, err);
    if (err) return err;
    t->im->spaces += !t->known;
    t->im->known += t->known;
    Str id = str_copy(c->arena, t->space.id);
    return space_load(c, t->im->user, id, out);
}

static Err *cover_read(Ctx *c, SpaceTake *t, const json_t *json) {
    Gather g = {.im = t->im, .staged = &t->cover};
    Str cover = import_str(json, "coverImage");
    if (str_starts(cover, S("https://")) || str_starts(cover, S("http://"))) {
        t->space.cover_image = cover.len <= 2000 && !media_id_of(cover).data ? cover : (Str){0};
        if (t->space.cover_image.data) return NULL;
    }
    TRY(address_take(c, &g, cover, S("image/*"), "coverImage"));
    t->im->dead += g.dead;
    if (g.count && !str_eq(t->cover.looked.kind, S("image")))
        return album_staged(c, &t->cover, 1,
                            err_new(c, ERR_INVALID, __func__, "coverImage is no picture."));
    if (g.ids[1].count) t->space.cover_image = g.ids[1].items[0];
    return NULL;
}

static Err *space_words(Ctx *c, SpaceTake *t, const json_t *json) {
    Space *s = &t->space;
    s->title = str_trim(import_str(json, "title"));
    s->description = import_str(json, "description");
    s->language = import_str(json, "language");
    s->time_zone = import_str(json, "timeZone");
    if (s->title.len == 0) s->title = t->im->file;
    TRY(length_check(c, s->title, TITLE_MAX, "title"));
    TRY(length_check(c, s->description, MORE_MAX, "description"));
    if (s->language.len > 35) FAIL(c, INVALID, "language is none.");
    if (s->time_zone.len == 0) s->time_zone = S("Europe/Paris");
    if (!zone_find(str_cstr(c->arena, s->time_zone))) FAIL(c, INVALID, "timeZone is no time zone.");
    const json_t *start = import_at(json, "startDate"), *people = import_at(json, "characters");
    s->start_date = import_time(start);
    if (start && time_is_null(s->start_date)) FAIL(c, INVALID, "startDate is no time.");
    Buf b = buf_new(c->arena, 256);
    if (json_is_object(people)) buf_json_value(&b, people);
    s->characters.text = b.len ? buf_str(&b) : S("{}");
    t->created = import_time(import_at(json, "createdAt"));
    return NULL;
}

Err *import_space(Ctx *c, Import *im, json_t *json, Space *out) {
    SpaceTake t = {.im = im, .given = id_of(c, json)};
    TRY(space_words(c, &t, json));
    t.seed = t.space.title;
    TRY(space_choose(c, &t));
    if (!t.known) TRY(cover_read(c, &t, json));
    return space_store(c, &t, out);
}

Err *import_space_file(Ctx *c, Import *im) {
    Str title = im->space_title.len ? im->space_title : im->file;
    SpaceTake t = {.im = im, .seed = title, .created = TIME_NULL};
    Space space;
    TRY(length_check(c, title, TITLE_MAX, "The space's title"));
    t.space = (Space){.title = title,
                      .time_zone = S("Europe/Paris"),
                      .start_date = TIME_NULL,
                      .characters = {S("{}")}};
    TRY(space_store(c, &t, &space));
    import_moves_to(im, &space);
    return NULL;
}

/* -- the album --------------------------------------------------------------------------------- */

typedef struct MediaTake {
    Import *im;
    const json_t *json;
    Staged staged;
    Str given, id;
    bool known;
} MediaTake;

static Err *voices_keep(Ctx *c, const MediaTake *t, const Media *m) {
    const json_t *links = import_at(t->json, "voiceLinks");
    for (size_t i = 0; i < json_array_size(links); i++) {
        const json_t *link = json_array_get(links, i);
        Str token = import_str(link, "token");
        int64_t heard = 0;
        Time made = import_time(import_at(link, "createdAt"));
        if (token.len < 16 || token.len > TOKEN_MAX || time_is_null(made)) continue;
        json_i64(import_at(link, "heard"), &heard);
        TRY(db_exec(c, SQL(SQL_IMPORT_VOICE_LINK_ADD),
                    ARGS(V(t->im->user), V(m->n), V(token), V(heard), V(made),
                         V(import_time(import_at(link, "revokedAt")))),
                    NULL));
    }
    return NULL;
}

static Err *said_keep(Ctx *c, const MediaTake *t, Str sha256) {
    Heard heard = {.text = json_str(import_at(t->json, "transcription")),
                   .language = import_str(t->json, "transcriptionLanguage")};
    if (!str_eq(import_str(t->json, "transcriptionStatus"), S("done")) || !heard.text.data)
        return NULL;
    heard.confidence.set =
        json_f64(import_at(t->json, "transcriptionConfidence"), &heard.confidence.value);
    return heard_put(c, t->im->user, sha256, &heard);
}

static Str made_of(const json_t *json) {
    static const char *const made[] = {"illustration", "speech", "video"};
    for (int i = 0; i < COUNT(made); i++)
        if (str_eq(import_str(json, "made"), str_c(made[i]))) return str_c(made[i]);
    return S("upload");
}

static Err *media_in(Ctx *c, void *arg) {
    MediaTake *t = arg;
    const Looked *l = &t->staged.looked;
    Media m;
    Naming n = {.owner = SQL(SQL_SYSTEM_IMPORT_MEDIA_OWNER),
                .of = "media",
                .given = t->given,
                .seed = t->staged.sha256};
    Time created = import_time(import_at(t->json, "createdAt")), now = time_now();
    TRY(id_choose(c, t->im, &n, &t->id, &t->known));
    if (!t->known)
        TRY(db_exec(c, SQL(SQL_IMPORT_MEDIA_ADD),
                    ARGS(V(t->im->user), V(t->id), V(t->staged.sha256), V(l->mime_type), V(l->kind),
                         V(made_of(t->json)), V(import_str(t->json, "name")),
                         V((int64_t)l->bytes.len), V(l->width), V(l->height), V(l->duration_ms),
                         V(time_is_null(created) ? now : created)),
                    NULL));
    TRY(db_one(c, SQL(SQL_MEDIA_OF_CONTENT), ARGS(V(t->im->user), V(t->staged.sha256)),
               &media_record, &m));
    t->id = m.id;
    TRY(said_keep(c, t, m.sha256));
    return voices_keep(c, t, &m);
}

Err *import_media_known(Ctx *c, Import *im, json_t *json, bool *known) {
    Media m = {0};
    int fd;
    int64_t size;
    Str sha256 = import_str(json, "sha256");
    *known = false;
    if (sha256.len != 64) return NULL;
    TRY(db_maybe(c, SQL(SQL_MEDIA_OF_CONTENT), ARGS(V(im->user), V(sha256)), &media_record, &m,
                 known));
    if (!*known) return NULL;
    Err *err = blob_open(c, app_blobs(c), sha256, &fd, &size);
    *known = !err;
    if (err) return err->kind == ERR_NOT_FOUND ? NULL : err;
    id_keep(im, &im->media, id_of(c, json), m.id);
    im->known++;
    return NULL;
}

Err *import_media(Ctx *c, Import *im, json_t *json, Str bytes) {
    MediaTake t = {.im = im, .json = json, .given = id_of(c, json)};
    TRY(album_look(c, bytes, import_str(json, "mimeType"), &t.staged.looked));
    TRY(album_put(c, &t.staged.looked, &t.staged.sha256));
    TRY(album_staged(c, &t.staged, 1, db_transaction(c, media_in, &t)));
    id_keep(im, &im->media, t.given, t.id);
    im->media_count++;
    return NULL;
}

/* -- settings ---------------------------------------------------------------------------------- */

Err *import_settings(Ctx *c, Import *im, json_t *json) {
    StorySettings s = {0};
    int64_t set;
    if (!json_is_object(json)) return NULL;
    TRY(db_int(c, SQL(SQL_IMPORT_SETTINGS), ARGS(V(im->user)), &set));
    if (set) return NULL; /* what he has said here counts */
    TRY(record_read(c, &story_settings_record, json, READ_CREATE, &s, NULL));
    return db_exec(c, SQL(SQL_PERSON_SETTINGS_PUT),
                   ARGS(V(im->user), V(s.narrative_tone), V(s.story_mode), V(s.creativity),
                        V(s.image_style), V(s.images_per_chapter), V(s.voice_style),
                        V(s.background_music), V(time_now())),
                   NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * Everything a person has, file by file. See export.h. The order is what lets an import read it as it comes:
 *
 *   README.txt, person.json
 *   media/NAME.json, media/NAME.ext            what is known of it, then its bytes; for each
 *   spaces/NN TITLE/space.json
 *                  /notes/NNNN … .json, .md    for each; then
 *                  /chapters/NNNN … .json, .md
 *                  /book.pdf …, stories.json
 *   narrations.json, export.json               the last: it says that the file is whole
 */
#include "products/lifetales/export.h"

#include "core/json.h"
#include "data/blob.h"
#include "products/lifetales/export_sql.h"
#include "products/lifetales/person.h"
#include "products/lifetales/spaces.h"

enum { MEDIA_BATCH = 50, TITLE_BYTES = 60 };

static const char readme[] =
    "Everything that LifeTales keeps for you.\n\n"
    "person.json      who you are here, and how you want your stories\n"
    "media/           your recordings, pictures and videos; beside each what is known of it\n"
    "spaces/          a folder for each space: notes/ and chapters/ as text (.md) and with all "
    "that is\n"
    "                 known of them (.json), and the books as they were last made\n"
    "narrations.json  narrators' videos\n"
    "export.json      the last file: if it is there, nothing is missing\n\n"
    "`socle import lifetales --user YOU FILE` reads this file into another account or server. "
    "Links to\n"
    "your stories are listed and not taken along: whoever has one has it from here.\n";

/* -- small things ------------------------------------------------------------------------------ */

typedef struct Known {
    Str id;
} Known;
static const Field known_fields[] = {FIELD(Known, id)};
static const Record known_record = RECORD(Known, known_fields);

typedef struct VoiceLinkOut {
    Str token;
    int64_t heard;
    Time created_at, revoked_at;
} VoiceLinkOut;
static const Field voice_fields[] = {
    FIELD(VoiceLinkOut, token),
    FIELD(VoiceLinkOut, heard),
    FIELD(VoiceLinkOut, created_at),
    FIELD(VoiceLinkOut, revoked_at, .flags = F_NULLABLE),
};
static const Record voice_record = RECORD(VoiceLinkOut, voice_fields, .camel = true);

typedef struct ShareOut {
    Str id;
    int64_t views;
    Time expires_at, revoked_at, created_at;
} ShareOut;
static const Field share_fields[] = {
    FIELD(ShareOut, id),         FIELD(ShareOut, views),
    FIELD(ShareOut, expires_at), FIELD(ShareOut, revoked_at, .flags = F_NULLABLE),
    FIELD(ShareOut, created_at),
};
static const Record share_record = RECORD(ShareOut, share_fields, .camel = true);

typedef struct StoryOut {
    Str id, state, error;
    JsonText settings, figures;
    int64_t planned, written, kept;
    Time created_at, started_at, finished_at;
} StoryOut;
static const Field story_fields[] = {
    FIELD(StoryOut, id),
    FIELD(StoryOut, state),
    FIELD(StoryOut, settings),
    FIELD(StoryOut, figures),
    FIELD(StoryOut, planned),
    FIELD(StoryOut, written),
    FIELD(StoryOut, kept),
    FIELD(StoryOut, error, .flags = F_NULLABLE),
    FIELD(StoryOut, created_at),
    FIELD(StoryOut, started_at, .flags = F_NULLABLE),
    FIELD(StoryOut, finished_at, .flags = F_NULLABLE),
};
static const Record story_record_out = RECORD(StoryOut, story_fields, .camel = true);

typedef struct NarrationOut {
    Str id, state, script, provider, model, error, photo_id, video_id;
    int64_t seconds;
    Time created_at, finished_at;
} NarrationOut;
static const Field narration_fields[] = {
    FIELD(NarrationOut, id),
    FIELD(NarrationOut, state),
    FIELD(NarrationOut, script),
    FIELD(NarrationOut, seconds),
    FIELD(NarrationOut, provider),
    FIELD(NarrationOut, model),
    FIELD(NarrationOut, error, .flags = F_NULLABLE),
    FIELD(NarrationOut, photo_id, .flags = F_NULLABLE),
    FIELD(NarrationOut, video_id, .flags = F_NULLABLE),
    FIELD(NarrationOut, created_at),
    FIELD(NarrationOut, finished_at, .flags = F_NULLABLE),
};
static const Record narration_record = RECORD(NarrationOut, narration_fields, .camel = true);

typedef struct PictureOut {
    int64_t position;
    Str key, style, prompt, media_id;
    Time created_at;
} PictureOut;
static const Field picture_fields[] = {
    FIELD(PictureOut, position),
    FIELD(PictureOut, key),
    FIELD(PictureOut, style, .flags = F_NULLABLE),
    FIELD(PictureOut, prompt),
    FIELD(PictureOut, media_id),
    FIELD(PictureOut, created_at),
};
static const Record picture_record = RECORD(PictureOut, picture_fields, .camel = true);

typedef struct ChapterOut {
    Id n;
    Str id, title, content, key, notes_key, provider, model;
    JsonText sentences;
    bool edited;
    Str illustration_prompt, illustration_key, illustration_style, illustration_status,
        illustration_id;
    StrList user_image_ids, source_note_ids;
    RecordList pictures;
    int64_t position;
    Time created_at, updated_at;
} ChapterOut;
static const Field chapter_fields[] = {
    FIELD(ChapterOut, n, .flags = F_SECRET),
    FIELD(ChapterOut, id),
    FIELD(ChapterOut, position),
    FIELD(ChapterOut, title),
    FIELD(ChapterOut, content),
    FIELD(ChapterOut, sentences),
    FIELD(ChapterOut, source_note_ids, .flags = F_NO_COLUMN),
    FIELD(ChapterOut, user_image_ids),
    FIELD(ChapterOut, edited),
    FIELD(ChapterOut, provider, .flags = F_NULLABLE),
    FIELD(ChapterOut, model, .flags = F_NULLABLE),
    FIELD(ChapterOut, key),
    FIELD(ChapterOut, notes_key),
    FIELD(ChapterOut, illustration_prompt, .flags = F_NULLABLE),
    FIELD(ChapterOut, illustration_key, .flags = F_NULLABLE),
    FIELD(ChapterOut, illustration_style, .flags = F_NULLABLE),
    FIELD(ChapterOut, illustration_status),
    FIELD(ChapterOut, illustration_id, .flags = F_NULLABLE),
    FIELD_LIST(ChapterOut, pictures, &picture_record, .flags = F_NO_COLUMN),
    FIELD(ChapterOut, created_at),
    FIELD(ChapterOut, updated_at),
};
static const Record chapter_record_out = RECORD(ChapterOut, chapter_fields, .camel = true);

typedef struct BookOut {
    Str format, sha256;
    int64_t size;
    Time created_at;
} BookOut;
static const Field book_fields[] = {FIELD(BookOut, format), FIELD(BookOut, sha256),
                                    FIELD(BookOut, size), FIELD(BookOut, created_at)};
static const Record book_record = RECORD(BookOut, book_fields);

typedef struct PersonOut {
    Id id;
    Str email, name;
    Time created_at;
} PersonOut;
static const Field person_fields[] = {
    FIELD(PersonOut, id, .flags = F_SECRET),
    FIELD(PersonOut, email),
    FIELD(PersonOut, name),
    FIELD(PersonOut, created_at),
};
static const Record person_record_out = RECORD(PersonOut, person_fields, .camel = true);

/* -- names of files ---------------------------------------------------------------------------- */

/* A text as part of a file's name on every system; "" where nothing of it may stand there. */
static Str name_part(Arena *arena, Str text) {
    Buf b = buf_new(arena, TITLE_BYTES + 8);
    bool space = false;
    for (ptrdiff_t at = 0; at < text.len && b.len < TITLE_BYTES;) {
        ptrdiff_t from = at;
        int32_t point = str_utf8_next(text, &at);
        bool bad = point <= ' ' || point == 0x7F || point == 0xFFFD ||
                   (point >= 0x80 && point < 0xA1) || (point >= 0x2000 && point <= 0x206F) ||
                   point == 0xFEFF || (point < 0x80 && strchr("/\\:*?\"<>|.", (int)point));
        if (bad) {
            space = b.len > 0;
            continue;
        }
        if (space) buf_byte(&b, ' ');
        space = false;
        buf_add(&b, str_slice(text, from, at));
    }
    return buf_str(&b);
}

static Str day_of(Arena *arena, Time at) {
    Civil d = time_civil(at);
    return strf(arena, "%04d-%02d-%02d", d.year, d.month, d.day);
}

static Str ending_of(Str mime) {
    static const char *const known[][2] = {
        {"audio/webm", "webm"},     {"audio/ogg", "ogg"},  {"audio/mp4", "m4a"},
        {"audio/mpeg", "mp3"},      {"audio/wav", "wav"},  {"audio/flac", "flac"},
        {"audio/aac", "aac"},       {"audio/amr", "amr"},  {"audio/aiff", "aiff"},
        {"image/jpeg", "jpg"},      {"image/png", "png"},  {"image/webp", "webp"},
        {"image/gif", "gif"},       {"video/mp4", "mp4"},  {"video/webm", "webm"},
        {"video/quicktime", "mov"}, {"video/3gpp", "3gp"}, {"audio/3gpp", "3gp"},
        {"audio/x-caf", "caf"},
    };
    for (int i = 0; i < COUNT(known); i++)
        if (str_eq(mime, str_c(known[i][0]))) return str_c(known[i][1]);
    return S("bin");
}

/* Without its ending. From the row alone, so that whoever names it finds it. */
static Str media_name(Arena *arena, const Media *m) {
    Str what = str_eq(m->kind, S("audio"))          ? S("recording")
               : str_eq(m->kind, S("video"))        ? S("video")
               : str_eq(m->made, S("illustration")) ? S("illustration")
                                                    : S("picture");
    Str day = day_of(arena, m->created_at);
    return strf(arena, "media/%.*s %.*s %.*s", S_ARG(day), S_ARG(what),
                S_ARG(str_slice(m->id, 24, 36)));
}

static Str media_file(Arena *arena, const Media *m) {
    Str name = media_name(arena, m), ending = ending_of(m->mime_type);
    return strf(arena, "%.*s.%.*s", S_ARG(name), S_ARG(ending));
}

/* -- writing ----------------------------------------------------------------------------------- */

static Err *file_put(Ctx *c, TalesExport *e, Str name, Str bytes, Time at) {
    TRY(tar_add(c, &e->out, name, bytes, at));
    if (e->told) e->told(e->told_arg);
    return NULL;
}

/* An object's JSON with more members, opened: whoever adds them closes it. */
static Buf object_open(Ctx *c, const Record *record, const void *value) {
    Buf b = buf_new(c->arena, 4096);
    record_write(&b, record, value);
    b.len--;
    return b;
}

static Err *blob_file_put(Ctx *c, TalesExport *e, Str name, Str sha256, Time at, bool *there) {
    int fd;
    int64_t size;
    Err *err = blob_open(c, app_blobs(c), sha256, &fd, &size);
    *there = !err;
    if (err && err->kind == ERR_NOT_FOUND) return NULL;
    if (err) return err;
    TRY(tar_add_file(c, &e->out, name, fd, size, at));
    if (e->told) e->told(e->told_arg);
    return NULL;
}

/* -- person and media -------------------------------------------------------------------------- */

static Err *person_put(Ctx *c, TalesExport *e) {
    PersonOut person = {0};
    StorySettings how;
    TRY(db_one(c, SQL(SQL_EXPORT_PERSON), ARGS(V(e->user)), &person_record_out, &person));
    TRY(person_settings(c, e->user, &how));
    Buf b = object_open(c, &person_record_out, &person);
    buf_add(&b, S(",\"settings\":"));
    record_write(&b, &story_settings_record, &how);
    buf_add(&b, S("}\n"));
    TRY(file_put(c, e, S("README.txt"), str_c(readme), time_now()));
    return file_put(c, e, S("person.json"), buf_str(&b), time_now());
}

static Err *one_media_put(Ctx *c, TalesExport *e, Media *m) {
    Rows links;
    bool there;
    Str name = media_name(c->arena, m), file = media_file(c->arena, m);
    TRY(db_query(c, SQL(SQL_EXPORT_VOICE_LINKS), ARGS(V(e->user), V(m->n)), &voice_record, &links));
    Buf b = object_open(c, &media_record, m);
    buf_add(&b, S(",\"file\":"));
    buf_json(&b, file);
    buf_add(&b, S(",\"voiceLinks\":"));
    record_write_list(&b, &voice_record, links.items, links.count);
    buf_add(&b, S("}\n"));
    TRY(file_put(c, e, strf(c->arena, "%.*s.json", S_ARG(name)), buf_str(&b), m->created_at));
    TRY(blob_file_put(c, e, file, m->sha256, m->created_at, &there));
    e->media += there;
    e->missing += !there;
    return NULL;
}

static Err *media_put(Ctx *c, TalesExport *e) {
    for (Id last = {0};;) {
        Rows rows;
        CtxMark mark = ctx_mark(c);
        TRY(db_query(c, SQL(SQL_EXPORT_MEDIA),
                     ARGS(V(e->user), V(last.value), V((int64_t)MEDIA_BATCH)), &media_record,
                     &rows));
        for (ptrdiff_t i = 0; i < rows.count; i++) {
            CtxMark one = ctx_mark(c);
            Media *m = (Media *)rows.items + i;
            TRY(one_media_put(c, e, m));
            last = m->n;
            ctx_release(c, one);
        }
        bool more = rows.count == MEDIA_BATCH;
        ctx_release(c, mark);
        if (!more) return NULL;
    }
}

/* -- notes and chapters ------------------------------------------------------------------------ */

static void paragraph(Buf *b, Str text) {
    text = str_trim(text);
    if (text.len == 0) return;
    buf_add(b, text);
    buf_add(b, S("\n\n"));
}

static void files_name(Ctx *c, Buf *b, const Note *note) {
    JsonOut o = json_out(b);
    json_begin(&o, '[');
    for (ptrdiff_t i = 0; i < note->media.count; i++)
        json_put_str(&o, media_file(c->arena, (const Media *)note->media.items + i));
    json_end(&o, ']');
}

static Err *note_put(Ctx *c, TalesExport *e, const Space *space, Str folder, Str id,
                     ptrdiff_t number) {
    Note note;
    Err *err = space_note(c, space, id, &note);
    if (err) return err->kind == ERR_NOT_FOUND ? NULL : err; /* taken away meanwhile */
    Str title = name_part(c->arena, note.title), day = day_of(c->arena, note.timestamp);
    Str name = strf(c->arena, "%.*snotes/%04td %.*s%s%.*s", S_ARG(folder), number, S_ARG(day),
                    title.len ? " " : "", S_ARG(title));
    Buf text = buf_new(c->arena, 4096);
    if (note.title.len) buf_f(&text, "# %.*s\n\n", S_ARG(note.title));
    paragraph(&text, strf(c->arena, "*%.*s*", S_ARG(time_str(c->arena, note.timestamp))));
    paragraph(&text, note_text(c->arena, &note));
    for (ptrdiff_t i = 0; i < note.media.count; i++)
        buf_f(&text, "- %.*s\n", S_ARG(media_file(c->arena, (const Media *)note.media.items + i)));
    Buf files = buf_new(c->arena, 256);
    files_name(c, &files, &note);
    note.media = (RecordList){0};
    note.audio_url = (Str){0};
    Buf b = object_open(c, &note_record, &note);
    buf_f(&b, ",\"transcriptionOwn\":%s,\"files\":", note.transcription_own ? "true" : "false");
    buf_add(&b, buf_str(&files));
    buf_add(&b, S("}\n"));
    e->notes++;
    TRY(file_put(c, e, strf(c->arena, "%.*s.json", S_ARG(name)), buf_str(&b), note.updated_at));
    return file_put(c, e, strf(c->arena, "%.*s.md", S_ARG(name)), buf_str(&text), note.updated_at);
}

static Err *chapter_load(Ctx *c, Id user, Str id, ChapterOut *out, bool *found) {
    Rows sources, pictures;
    *out = (ChapterOut){0};
    TRY(db_maybe(c, SQL(SQL_EXPORT_CHAPTER), ARGS(V(user), V(id)), &chapter_record_out, out,
                 found));
    if (!*found) return NULL;
    TRY(db_query(c, SQL(SQL_EXPORT_CHAPTER_SOURCES), ARGS(V(user), V(out->n)), &known_record,
                 &sources));
    TRY(db_query(c, SQL(SQL_EXPORT_CHAPTER_PICTURES), ARGS(V(user), V(out->n)), &picture_record,
                 &pictures));
    out->source_note_ids = (StrList){arena_array(c->arena, Str, sources.count), sources.count};
    for (ptrdiff_t i = 0; i < sources.count; i++)
        out->source_note_ids.items[i] = ((const Known *)sources.items)[i].id;
    out->pictures = (RecordList){pictures.items, pictures.count};
    return NULL;
}

static Err *chapter_file_put(Ctx *c, TalesExport *e, Str folder, Str id, ptrdiff_t number) {
    ChapterOut chapter;
    bool found;
    TRY(chapter_load(c, e->user, id, &chapter, &found));
    if (!found) return NULL;
    Str title = name_part(c->arena, chapter.title);
    Str name = strf(c->arena, "%.*schapters/%04td%s%.*s", S_ARG(folder), number,
                    title.len ? " " : "", S_ARG(title));
    Buf b = buf_new(c->arena, 4096);
    record_write(&b, &chapter_record_out, &chapter);
    buf_byte(&b, '\n');
    Str text = strf(c->arena, "# %.*s\n\n%.*s\n", S_ARG(chapter.title), S_ARG(chapter.content));
    e->chapters++;
    TRY(file_put(c, e, strf(c->arena, "%.*s.json", S_ARG(name)), buf_str(&b), chapter.updated_at));
    return file_put(c, e, strf(c->arena, "%.*s.md", S_ARG(name)), text, chapter.updated_at);
}

/* -- spaces ------------------------------------------------------------------------------------ */

static Err *notes_put(Ctx *c, TalesExport *e, const Space *space, Str folder) {
    Rows ids;
    TRY(db_query(c, SQL(SQL_EXPORT_NOTES), ARGS(V(e->user), V(space->n)), &known_record, &ids));
    for (ptrdiff_t i = 0; i < ids.count; i++) {
        CtxMark mark = ctx_mark(c);
        TRY(note_put(c, e, space, folder, ((const Known *)ids.items)[i].id, i + 1));
        ctx_release(c, mark);
    }
    return NULL;
}

static Err *chapters_put(Ctx *c, TalesExport *e, const Space *space, Str folder) {
    Rows ids;
    TRY(db_query(c, SQL(SQL_EXPORT_CHAPTERS), ARGS(V(e->user), V(space->n)), &known_record, &ids));
    for (ptrdiff_t i = 0; i < ids.count; i++) {
        CtxMark mark = ctx_mark(c);
        TRY(chapter_file_put(c, e, folder, ((const Known *)ids.items)[i].id, i + 1));
        ctx_release(c, mark);
    }
    return NULL;
}

static Err *books_put(Ctx *c, TalesExport *e, const Space *space, Str folder) {
    Rows rows;
    TRY(db_query(c, SQL(SQL_EXPORT_BOOKS), ARGS(V(e->user), V(space->n)), &book_record, &rows));
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        const BookOut *book = (const BookOut *)rows.items + i;
        bool there;
        TRY(blob_file_put(c, e, strf(c->arena, "%.*sbook.%.*s", S_ARG(folder), S_ARG(book->format)),
                          book->sha256, book->created_at, &there));
        e->books += there; /* one that is not is made again by who asks for it */
    }
    return NULL;
}

static Err *list_put(Ctx *c, TalesExport *e, Str name, const Record *record, const Rows *rows) {
    Buf b = buf_new(c->arena, 1024);
    record_write_list(&b, record, rows->items, rows->count);
    buf_byte(&b, '\n');
    return file_put(c, e, name, buf_str(&b), time_now());
}

static Err *space_put(Ctx *c, TalesExport *e, const Space *space, ptrdiff_t number) {
    Rows shares, stories;
    Args args = ARGS(V(e->user), V(space->n));
    Str title = name_part(c->arena, space->title);
    Str folder = strf(c->arena, "spaces/%02td%s%.*s/", number, title.len ? " " : "", S_ARG(title));
    TRY(db_query(c, SQL(SQL_EXPORT_SHARES), args, &share_record, &shares));
    Buf b = object_open(c, &space_record, space);
    buf_f(&b, ",\"scratch\":%s,\"shares\":", space->scratch ? "true" : "false");
    record_write_list(&b, &share_record, shares.items, shares.count);
    buf_add(&b, S("}\n"));
    e->spaces++;
    TRY(file_put(c, e, strf(c->arena, "%.*sspace.json", S_ARG(folder)), buf_str(&b),
                 space->updated_at));
    TRY(notes_put(c, e, space, folder));
    TRY(chapters_put(c, e, space, folder));
    TRY(books_put(c, e, space, folder));
    TRY(db_query(c, SQL(SQL_EXPORT_STORIES), args, &story_record_out, &stories));
    return list_put(c, e, strf(c->arena, "%.*sstories.json", S_ARG(folder)), &story_record_out,
                    &stories);
}

static Err *spaces_put(Ctx *c, TalesExport *e) {
    ptrdiff_t number = 0;
    for (int64_t last = 0;;) {
        Space space = {0};
        bool found;
        CtxMark mark = ctx_mark(c);
        TRY(db_maybe(c, SQL(SQL_EXPORT_SPACES), ARGS(V(e->user), V(last)), &space_record, &space,
                     &found));
        if (!found) return NULL;
        TRY(space_put(c, e, &space, ++number));
        last = space.n.value;
        ctx_release(c, mark);
    }
}

/* -- the whole --------------------------------------------------------------------------------- */

static Err *end_put(Ctx *c, TalesExport *e) {
    Rows narrations;
    TRY(db_query(c, SQL(SQL_EXPORT_NARRATIONS), ARGS(V(e->user)), &narration_record, &narrations));
    TRY(list_put(c, e, S("narrations.json"), &narration_record, &narrations));
    Str about = strf(
        c->arena,
        "{\"format\":\"" EXPORT_FORMAT "\",\"version\":%d,\"exportedAt\":\"%.*s\",\"spaces\":%lld,"
        "\"notes\":%lld,\"chapters\":%lld,\"media\":%lld,\"books\":%lld,\"missing\":%lld}\n",
        EXPORT_VERSION, S_ARG(time_str(c->arena, time_now())), (long long)e->spaces,
        (long long)e->notes, (long long)e->chapters, (long long)e->media, (long long)e->books,
        (long long)e->missing);
    TRY(file_put(c, e, S("export.json"), about, time_now()));
    return tar_end(c, &e->out);
}

Err *tales_export(Ctx *c, TalesExport *e) {
    assert(e && e->out.write && !id_is_none(e->user));
    TRY(person_put(c, e));
    TRY(media_put(c, e));
    TRY(spaces_put(c, e));
    return end_put(c, e);
}

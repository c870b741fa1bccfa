/* SPDX-License-Identifier: Apache-2.0
 * What goes into a book, from the person's rows: the story's chapters in their order with the days of
 * their notes, their pictures (the drawn ones and between them his own, which have their note's title
 * below), the voices they rest on. The key is of all of it, so that a book is made again when, and only when, it
 * would be another. */
#include <errno.h>
#include <sodium.h>
#include <sys/mman.h>

#include "api/auth.h"
#include "api/base_settings.h"
#include "products/lifetales/album_room.h"
#include "products/lifetales/book_made.h"
#include "products/lifetales/book_room.h"
#include "products/lifetales/lifetales.h"
#include "products/lifetales/plan.h"
#include "products/lifetales/story.h"
#include "rt/process.h"
#include "search/language.h"

#define BOOK_VERSION "1" /* of what books look like: another, and all are made again */
enum { PLATES_BYTES_MAX = 256 * 1024 * 1024, PNG_BYTES_MAX = 64 * 1024 * 1024, SAMPLE_BYTES = 20000 };
enum { CONVERT_MS = 30 * 1000, CONVERT_NICE = 10 };
static const int64_t CONVERT_MEMORY = 2048LL * 1024 * 1024;

typedef struct Gathering {
    const Space *space;
    Str base;
    const Zone *zone;
    Chapter *chapters;
    Note *notes;
    StoryVoice *voices;
    ptrdiff_t chapter_count, note_count, voice_count;
    BookMade *made;
} Gathering;

/* -- Days ------------------------------------------------------------------------------------------ */

static const Note *note_by_id(const Gathering *g, Str id) {
    for (ptrdiff_t i = 0; i < g->note_count; i++)
        if (str_eq(g->notes[i].id, id)) return &g->notes[i];
    return NULL;
}

static Str days(Ctx *c, const Gathering *g, Time first, Time last) {
    Str language = g->made->book.language;
    if (time_is_null(first)) return (Str){0};
    Str from = story_date(c->arena, first, g->zone, language);
    Str to = story_date(c->arena, last, g->zone, language);
    return str_eq(from, to) ? from : strf(c->arena, "%.*s – %.*s", S_ARG(from), S_ARG(to));
}

static void span_widen(Time *first, Time *last, Time at) {
    if (time_is_null(*first) || at.us < first->us) *first = at;
    if (time_is_null(*last) || at.us > last->us) *last = at;
}

static Str chapter_days(Ctx *c, const Gathering *g, const Chapter *chapter) {
    Time first = TIME_NULL, last = TIME_NULL;
    for (ptrdiff_t i = 0; i < chapter->source_note_ids.count; i++) {
        const Note *note = note_by_id(g, chapter->source_note_ids.items[i]);
        if (note) span_widen(&first, &last, note->timestamp);
    }
    return days(c, g, first, last);
}

/* Of all notes: "1962" or "1962 – 1975". */
static Str years(Ctx *c, const Gathering *g) {
    Time first = TIME_NULL, last = TIME_NULL;
    for (ptrdiff_t i = 0; i < g->note_count; i++) span_widen(&first, &last, g->notes[i].timestamp);
    if (time_is_null(first)) return (Str){0};
    int64_t shift = g->zone ? zone_offset_s(g->zone, first) * US_PER_SECOND : 0;
    int from = time_civil(time_add(first, shift)).year, to = time_civil(time_add(last, shift)).year;
    return from == to ? strf(c->arena, "%d", from) : strf(c->arena, "%d – %d", from, to);
}

static Str voice_label(Ctx *c, const Gathering *g, const StoryVoice *voice) {
    Str language = g->made->book.language, day = story_date(c->arena, voice->timestamp, g->zone, language);
    int64_t shift = g->zone ? zone_offset_s(g->zone, voice->timestamp) * US_PER_SECOND : 0;
    Civil local = time_civil(time_add(voice->timestamp, shift));
    Buf b = buf_new(c->arena, 128);
    if (voice->title.len) {
        buf_add(&b, str_utf8_cut(voice->title, 120));
        buf_add(&b, S(". "));
    }
    if (book_speaks(language, S("fr")))
        buf_f(&b, "%.*s, %d h %02d", S_ARG(day), local.hour, local.minute);
    else
        buf_f(&b, "%.*s, %d:%02d", S_ARG(day), local.hour, local.minute);
    return buf_str(&b);
}

/* -- Chapters -------------------------------------------------------------------------------------- */

static void plate_add(Ctx *c, BookMade *m, BookImage *image, const Media *media) {
    if (m->plate_count == m->plate_cap) {
        ptrdiff_t cap = m->plate_cap ? 2 * m->plate_cap : 64;
        BookPlate *plates = arena_array(c->arena, BookPlate, cap);
        if (m->plate_count) memcpy(plates, m->plates, (size_t)m->plate_count * sizeof *plates);
        m->plates = plates;
        m->plate_cap = cap;
    }
    image->mime_type = media->mime_type;
    m->plates[m->plate_count++] = (BookPlate){image, media->sha256, media->mime_type, media->size};
}

/* What stands below a person's own picture: the title of the note it came with. */
static Str caption_of(const Gathering *g, Str media_id) {
    for (ptrdiff_t i = 0; i < g->note_count; i++)
        for (ptrdiff_t k = 0; k < g->notes[i].image_file_ids.count; k++)
            if (str_eq(g->notes[i].image_file_ids.items[k], media_id)) {
                Str title = g->notes[i].title;
                return title.len ? title : str_utf8_cut(g->notes[i].description, 300);
            }
    return (Str){0};
}

typedef struct Pictures {
    const Gathering *g;
    BookImage *images;
    ptrdiff_t count;
} Pictures;

static Err *made_put(Ctx *c, Pictures *p, Id media_n) {
    Media media;
    Err *err = album_load_n(c, p->g->space->user_id, media_n, &media);
    if (err) return err->kind == ERR_NOT_FOUND ? NULL : err;
    plate_add(c, p->g->made, &p->images[p->count++], &media);
    return NULL;
}

static Err *own_put(Ctx *c, Pictures *p, Str id) {
    Media media;
    Err *err = album_load(c, p->g->space->user_id, id, &media);
    if (err) return err->kind == ERR_NOT_FOUND ? NULL : err;
    if (!str_eq(media.kind, S("image"))) return NULL;
    p->images[p->count].caption = caption_of(p->g, id);
    plate_add(c, p->g->made, &p->images[p->count++], &media);
    return NULL;
}

/* A made picture shows its own part of the text, and pictures are spread through it in this order: the
 * person's stand between. */
static Err *chapter_images(Ctx *c, const Gathering *g, const Chapter *chapter, BookChapter *out) {
    const ChapterPicture *made = chapter->illustrations.items;
    ptrdiff_t made_count = chapter->illustrations.count, own_count = chapter->user_image_ids.count;
    Pictures p = {g, arena_array(c->arena, BookImage, made_count + own_count + 1), 0};
    if (!id_is_none(chapter->illustration_n)) TRY(made_put(c, &p, chapter->illustration_n));
    for (ptrdiff_t i = 0, k = 0; i < made_count || k < own_count;) {
        bool next_made = i < made_count && (k == own_count || i * (own_count + 1) <= (k + 1) * made_count);
        if (next_made && made[i].position == 0)
            i++;
        else if (next_made)
            TRY(made_put(c, &p, made[i++].media_n));
        else
            TRY(own_put(c, &p, chapter->user_image_ids.items[k++]));
    }
    out->images = p.images;
    out->image_count = p.count;
    return NULL;
}

static void chapter_voices(Ctx *c, const Gathering *g, const Chapter *chapter, BookChapter *out) {
    BookVoice *voices = NULL;
    ptrdiff_t count = 0;
    for (ptrdiff_t i = 0; i < g->voice_count; i++)
        count += str_eq(g->voices[i].chapter_id, chapter->id) && g->voices[i].token.len > 0;
    if (count > 0) voices = arena_array(c->arena, BookVoice, count);
    for (ptrdiff_t i = 0; i < g->voice_count && count > 0; i++) {
        const StoryVoice *voice = &g->voices[i];
        if (!str_eq(voice->chapter_id, chapter->id) || voice->token.len == 0) continue;
        voices[out->voice_count++] = (BookVoice){voice_label(c, g, voice),
                                                 voice_url(c->arena, g->base, voice->token)};
    }
    out->voices = voices;
}

static Err *chapters_fill(Ctx *c, Gathering *g) {
    Book *book = &g->made->book;
    BookChapter *chapters = arena_array(c->arena, BookChapter, g->chapter_count);
    for (ptrdiff_t i = 0; i < g->chapter_count; i++) {
        const Chapter *from = &g->chapters[i];
        chapters[i] = (BookChapter){.title = from->title, .text = from->content,
                                    .date = chapter_days(c, g, from)};
        TRY(chapter_images(c, g, from, &chapters[i]));
        chapter_voices(c, g, from, &chapters[i]);
        if (from->updated_at.us > book->modified_us) book->modified_us = from->updated_at.us;
    }
    book->chapters = chapters;
    book->chapter_count = g->chapter_count;
    return NULL;
}

static Err *cover_fill(Ctx *c, Gathering *g) {
    Str id = media_id_of(g->space->cover_image);
    Media media;
    Err *err = NULL;
    bool found = false;
    if (id.data) {
        err = album_load(c, g->space->user_id, id, &media);
        found = !err && str_eq(media.kind, S("image"));
    }
    for (ptrdiff_t i = 0; !err && !found && i < g->chapter_count; i++) {
        if (id_is_none(g->chapters[i].illustration_n)) continue;
        err = album_load_n(c, g->space->user_id, g->chapters[i].illustration_n, &media);
        found = !err;
    }
    if (err && err->kind != ERR_NOT_FOUND) return err;
    if (!found) return NULL;
    BookImage *cover = arena_new_of(c->arena, BookImage);
    plate_add(c, g->made, cover, &media);
    g->made->book.cover = cover;
    return NULL;
}

static Str language_found(Ctx *c, const Gathering *g) {
    Buf b = buf_new(c->arena, SAMPLE_BYTES);
    if (g->space->language.len) return g->space->language;
    for (ptrdiff_t i = 0; i < g->chapter_count && b.len < SAMPLE_BYTES; i++) {
        buf_add(&b, str_utf8_cut(g->chapters[i].content, SAMPLE_BYTES));
        buf_byte(&b, '\n');
    }
    Str found = text_language(c->arena, buf_str(&b));
    return found.len >= 2 ? found : S("en");
}

/* -- Key ------------------------------------------------------------------------------------------- */

static void key_add(Buf *b, Str text) {
    buf_i64(b, text.len);
    buf_byte(b, ':');
    buf_add(b, text);
}

static Str key_of(Ctx *c, const BookMade *m) {
    const Book *book = &m->book;
    unsigned char hash[crypto_hash_sha256_BYTES];
    Buf b = buf_new(c->arena, 64 * KIB);
    const Str heads[] = {S(BOOK_VERSION), book->id, book->title, book->author, book->language,
                         book->description, book->dates, book->font_serif};
    for (ptrdiff_t i = 0; i < COUNT(heads); i++) key_add(&b, heads[i]);
    for (ptrdiff_t i = 0; i < m->plate_count; i++) {
        key_add(&b, m->plates[i].sha256);
        key_add(&b, m->plates[i].image->caption);
    }
    for (ptrdiff_t i = 0; i < book->chapter_count; i++) {
        const BookChapter *chapter = &book->chapters[i];
        key_add(&b, chapter->title);
        key_add(&b, chapter->text);
        key_add(&b, chapter->date);
        buf_i64(&b, chapter->image_count);
        for (ptrdiff_t k = 0; k < chapter->voice_count; k++) {
            key_add(&b, chapter->voices[k].label);
            key_add(&b, chapter->voices[k].url);
        }
    }
    crypto_hash_sha256(hash, (const unsigned char *)b.data, (unsigned long long)b.len);
    return str_hex(c->arena, hash, (ptrdiff_t)sizeof hash);
}

Err *book_gather(Ctx *c, const Space *space, Str base, BookMade *out) {
    Gathering g = {.space = space, .base = base, .made = out};
    User owner;
    *out = (BookMade){0};
    TRY(space_chapters(c, space, &g.chapters, &g.chapter_count));
    if (g.chapter_count == 0)
        FAIL(c, CONFLICT, "This space has no story yet: let one be written first (POST /api/stories/generate).");
    TRY(space_notes(c, space, &g.notes, &g.note_count));
    TRY(story_voices(c, space, &g.voices, &g.voice_count));
    TRY(user_load(c, space->user_id, &owner));
    g.zone = zone_find(str_cstr(c->arena, space->time_zone));
    out->book = (Book){.id = space->id,
                       .title = space->title,
                       .author = owner.name,
                       .language = language_found(c, &g),
                       .description = space->description,
                       .font_serif = lifetales.font_serif,
                       .modified_us = space->updated_at.us};
    out->book.dates = years(c, &g);
    TRY(chapters_fill(c, &g));
    TRY(cover_fill(c, &g));
    out->key = key_of(c, out);
    return NULL;
}

/* -- Pictures' bytes --------------------------------------------------------------------------------- */

typedef struct Mapping {
    void *at;
    size_t size;
} Mapping;

static void mapping_end(void *arg) {
    Mapping *m = arg;
    munmap(m->at, m->size);
}

/* Its file is closed again: a book has more pictures than a process has descriptors. */
static Err *plate_map(Ctx *c, BookPlate *plate) {
    CtxMark mark = ctx_mark(c);
    int fd;
    int64_t size;
    TRY(blob_open(c, app_blobs(c), plate->sha256, &fd, &size));
    void *at = size > 0 ? mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    int why = errno;
    ctx_release(c, mark);
    if (at == MAP_FAILED) FAIL(c, INTERNAL, "A picture cannot be mapped: %s", strerror(why));
    Mapping *m = arena_new_of(c->arena, Mapping);
    *m = (Mapping){at, (size_t)size};
    defer(c, mapping_end, m);
    plate->image->bytes = str_of(at, (ptrdiff_t)size);
    return NULL;
}

/* WebP and GIF: no PDF has them, and not every reader. The first picture of what moves. */
static Err *plate_convert(Ctx *c, BookPlate *plate) {
    const char *argv[] = {str_cstr(c->arena, settings.ffmpeg), "-nostdin", "-hide_banner", "-loglevel", "error",
                          "-protocol_whitelist", "pipe", "-i", "pipe:0", "-frames:v", "1", "-f", "image2pipe",
                          "-c:v", "png", "pipe:1", NULL};
    ProcessOptions options = {.argv = argv, .input = plate->image->bytes, .nice = CONVERT_NICE,
                              .max_memory_bytes = CONVERT_MEMORY};
    Str png;
    int64_t before = ctx_deadline_within(c, CONVERT_MS);
    Err *err = process_run(c, options, PNG_BYTES_MAX, &png);
    c->deadline_us = before;
    if (err && err->kind == ERR_UNAVAILABLE)
        FAIL(c, NOT_CONFIGURED, "A %.*s picture needs FFmpeg to be printed: install it, or set FFMPEG_PATH.",
             S_ARG(plate->mime_type));
    if (err) return err_wrap(c, ERR_INVALID, __func__, err, "A %.*s picture of the story cannot be read.",
                             S_ARG(plate->mime_type));
    plate->image->bytes = png;
    plate->image->mime_type = S("image/png");
    return NULL;
}

Err *book_pictures(Ctx *c, BookMade *made) {
    int64_t all = 0;
    for (ptrdiff_t i = 0; i < made->plate_count; i++) all += made->plates[i].size;
    if (all > PLATES_BYTES_MAX)
        FAIL(c, TOO_LARGE, "The story's pictures have %lld MiB; a book has at most %d.",
             (long long)(all / MIB), PLATES_BYTES_MAX / (int)MIB);
    for (ptrdiff_t i = 0; i < made->plate_count; i++) {
        TRY(plate_map(c, &made->plates[i]));
        BookPicture kind = book_image_look(made->plates[i].image->bytes).kind;
        if (kind != BOOK_PNG && kind != BOOK_JPEG) TRY(plate_convert(c, &made->plates[i]));
    }
    return NULL;
}

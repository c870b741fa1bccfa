/* SPDX-License-Identifier: Apache-2.0
 * timeline_read and timeline_join. A chapter's speaker is a reference into a list that may stand
 * before or behind the chapters; a speaker's number there is the deputy's, to which PA is put. */
#include "products/robian/nvs.h"

#include "core/map.h"
#include "products/robian/xml.h"

enum { CHAPTERS_MAX = 5000, TEXT_MAX = 1000 };
static const int64_t moment_max_ms = (int64_t)48 * 3600 * 1000;

static const Field fields[] = {
    FIELD(Chapter, position),
    FIELD(Chapter, parent),
    FIELD(Chapter, level),
    FIELD(Chapter, title),
    FIELD(Chapter, type, .flags = F_NULLABLE),
    FIELD(Chapter, speaker_id, .flags = F_NULLABLE),
    FIELD(Chapter, speaker, .flags = F_NULLABLE),
    FIELD(Chapter, start_ms),
    FIELD(Chapter, end_ms),
};
const Record chapter_row_record =
    RECORD_AS("ChapterRow", Chapter, fields, .table = "debate_chapters");

typedef struct NvsSpeaker {
    Str name, acteur;
} NvsSpeaker;

typedef struct Reading {
    Ctx *c;
    Xml *x;
    Timeline *t;
    Map speakers; /* NvsSpeaker by the timeline's id */
    Str *refs;    /* of each chapter: its speaker's id, or null */
    ptrdiff_t cap;
    ptrdiff_t open[XML_LEVELS_MAX + 1]; /* chapters under way */
    ptrdiff_t depth;
} Reading;

/* Labels carry "<br>" as text. */
static Str label_clean(Arena *arena, Str text) {
    Buf b = buf_new(arena, text.len + 1);
    for (ptrdiff_t i = 0; i < text.len; i++) {
        Str rest = str_slice(text, i, text.len);
        ptrdiff_t end = str_find_byte(rest, '>');
        bool br = end >= 3 && end <= 5 && str_eq_nocase(str_slice(rest, 0, 3), S("<br"));
        buf_byte(&b, br ? ' ' : text.data[i]);
        if (br) i += end;
    }
    return str_utf8_cut(xml_flat(arena, buf_str(&b)), TEXT_MAX);
}

static Str null_if_empty(Str s) { return s.len ? s : (Str){0}; }

/* -- data.nvs ------------------------------------------------------------------------------------- */

static Err *chapter_open(Reading *r) {
    Timeline *t = r->t;
    Arena *arena = r->c->arena;
    if (t->count == CHAPTERS_MAX) FAIL(r->c, INVALID, "more than %d chapters", CHAPTERS_MAX);
    if (t->count == r->cap) {
        ptrdiff_t cap = r->cap ? r->cap * 2 : 64, size = (ptrdiff_t)sizeof *t->chapters,
                  ref = (ptrdiff_t)sizeof *r->refs;
        t->chapters = arena_grow(arena, t->chapters, r->cap * size, cap * size);
        r->refs = arena_grow(arena, r->refs, r->cap * ref, cap * ref);
        r->cap = cap;
    }
    ptrdiff_t parent = r->depth ? r->open[r->depth - 1] : -1, at = t->count++;
    t->chapters[at] = (Chapter){
        .position = at,
        .parent = parent,
        .level = parent < 0 ? 1 : t->chapters[parent].level + 1,
        .id = xml_attribute(r->x, "id"),
        .title = label_clean(arena, xml_attribute(r->x, "label")),
    };
    r->refs[at] = (Str){0};
    r->open[r->depth++] = at;
    return NULL;
}

/* What stands in a chapter besides chapters: its type and speaker, the first of each. */
static Err *chapter_part(Reading *r) {
    ptrdiff_t at = r->open[r->depth - 1];
    Chapter *chapter = &r->t->chapters[at];
    if (xml_is(r->x, "type") && !chapter->type.data)
        chapter->type = null_if_empty(label_clean(r->c->arena, xml_attribute(r->x, "value")));
    if (xml_is(r->x, "speaker") && !r->refs[at].data) r->refs[at] = xml_attribute(r->x, "id");
    return xml_skip(r->x);
}

static Err *chapters_read(Reading *r) {
    for (;;) {
        XmlStep step;
        TRY(xml_next(r->x, &step));
        if (step == XML_CLOSE && r->depth == 0) return NULL;
        if (step == XML_CLOSE) r->depth--;
        if (step != XML_OPEN) continue;
        if (xml_is(r->x, "chapter"))
            TRY(chapter_open(r));
        else if (r->depth > 0)
            TRY(chapter_part(r));
        else
            TRY(xml_skip(r->x));
    }
}

static Err *speaker_read(Reading *r) {
    NvsSpeaker *s = arena_new_of(r->c->arena, NvsSpeaker);
    Str id = xml_attribute(r->x, "id"), number = {0};
    for (XmlStep step = XML_TEXT; step != XML_CLOSE;) {
        TRY(xml_next(r->x, &step));
        if (step != XML_OPEN) continue;
        if (xml_is(r->x, "name"))
            TRY(xml_content(r->x, &s->name));
        else if (xml_is(r->x, "url"))
            TRY(xml_content(r->x, &number));
        else
            TRY(xml_skip(r->x));
    }
    int64_t value;
    s->name = str_utf8_cut(xml_flat(r->c->arena, s->name), TEXT_MAX);
    if (str_to_i64(number, &value) && value > 0)
        s->acteur = strf(r->c->arena, "PA%lld", (long long)value);
    if (id.len) map_set(&r->speakers, id, s);
    return NULL;
}

/* The children of the element just opened, each taken by fn. */
static Err *each_child(Reading *r, const char *name, Err *(*fn)(Reading *r)) {
    for (;;) {
        XmlStep step;
        TRY(xml_next(r->x, &step));
        if (step == XML_CLOSE) return NULL;
        if (step != XML_OPEN) continue;
        if (xml_is(r->x, name))
            TRY(fn(r));
        else
            TRY(xml_skip(r->x));
    }
}

static Err *metadata_read(Reading *r) {
    if (str_eq(xml_attribute(r->x, "name"), S("meeting_id")))
        r->t->meeting_uid = null_if_empty(str_trim(xml_attribute(r->x, "value")));
    return xml_skip(r->x);
}

static Err *data_part(Reading *r) {
    if (xml_is(r->x, "chapters")) return chapters_read(r);
    if (xml_is(r->x, "speakers")) return each_child(r, "speaker", speaker_read);
    if (xml_is(r->x, "metadatas")) return each_child(r, "metadata", metadata_read);
    return xml_skip(r->x);
}

static void speakers_give(Reading *r) {
    for (ptrdiff_t i = 0; i < r->t->count; i++) {
        Chapter *chapter = &r->t->chapters[i];
        const NvsSpeaker *s = r->refs[i].data ? map_get(&r->speakers, r->refs[i]) : NULL;
        if (s) {
            chapter->speaker = null_if_empty(s->name);
            chapter->speaker_id = s->acteur;
        }
        if (chapter->title.len) continue;
        chapter->title = s && s->name.len ? s->name : chapter->type.data ? chapter->type : S("–");
    }
}

static Err *end_expect(Xml *x) {
    for (XmlStep step = XML_TEXT; step != XML_OVER;) TRY(xml_next(x, &step));
    return NULL;
}

Err *timeline_read(Ctx *c, Str data, Timeline *out) {
    *out = (Timeline){0};
    Reading *r = arena_new_of(c->arena, Reading);
    *r = (Reading){.c = c, .t = out, .speakers.arena = c->arena};
    TRY(xml_open(c, data, S("data"), &r->x));
    out->video_id = null_if_empty(xml_attribute(r->x, "interfaceuid"));
    if (out->video_id.len > 100) out->video_id = (Str){0};
    for (XmlStep step = XML_TEXT; step != XML_CLOSE;) {
        TRY(xml_next(r->x, &step));
        if (step == XML_OPEN) TRY(data_part(r));
    }
    TRY(end_expect(r->x));
    if (out->meeting_uid.len > 100) FAIL(c, INVALID, "its meeting_id is no identifier");
    speakers_give(r);
    return NULL;
}

/* -- finalplayer.nvs ------------------------------------------------------------------------------- */

/* Of each id the first moment counts; others are the chapter taken up again. */
static Err *moments_read(Ctx *c, Str player, Map *moments) {
    Xml *x;
    TRY(xml_open(c, player, S("player"), &x));
    for (XmlStep step = XML_TEXT; step != XML_OVER;) {
        TRY(xml_next(x, &step));
        if (step != XML_OPEN || !xml_is(x, "synchro")) continue;
        Str id = xml_attribute(x, "id");
        int64_t ms, *kept;
        if (!id.len || !str_to_i64(str_trim(xml_attribute(x, "timecode")), &ms)) continue;
        if (ms < 0 || ms > moment_max_ms || map_get(moments, id)) continue;
        kept = arena_new_of(c->arena, int64_t);
        *kept = ms;
        map_set(moments, id, kept);
    }
    return NULL;
}

/* A chapter lasts until the next one that is not inside it. */
static void ends_find(Timeline *t) {
    for (ptrdiff_t i = 0; i < t->count; i++) {
        Chapter *one = &t->chapters[i];
        for (ptrdiff_t k = i + 1; one->start_ms.set && !one->end_ms.set && k < t->count; k++) {
            const Chapter *next = &t->chapters[k];
            if (next->level <= one->level && next->start_ms.set &&
                next->start_ms.value >= one->start_ms.value)
                one->end_ms = next->start_ms;
        }
    }
}

Err *timeline_join(Ctx *c, Str player, Timeline *timeline) {
    Map moments = {.arena = c->arena};
    TRY(moments_read(c, player, &moments));
    for (ptrdiff_t i = 0; i < timeline->count; i++) {
        Chapter *chapter = &timeline->chapters[i];
        const int64_t *ms = chapter->id.len ? map_get(&moments, chapter->id) : NULL;
        chapter->start_ms = ms ? (OptInt){*ms, true} : (OptInt){0};
        chapter->end_ms = (OptInt){0};
    }
    ends_find(timeline);
    return NULL;
}

/* Behind the end of a comment or an instruction; -1: it has none. */
static ptrdiff_t behind(Str text, Str end) {
    ptrdiff_t at = str_find(text, end);
    return at < 0 ? -1 : at + end.len;
}

Str timeline_half(Str bytes) {
    Str rest = bytes;
    for (ptrdiff_t at; (at = str_find_byte(rest, '<')) >= 0;) {
        rest = str_slice(rest, at + 1, rest.len);
        bool comment = str_starts(rest, S("!--")), instruction = str_starts(rest, S("?"));
        if (!comment && !instruction) break;
        at = behind(rest, comment ? S("-->") : S("?>"));
        if (at < 0) return (Str){0};
        rest = str_slice(rest, at, rest.len);
    }
    ptrdiff_t length = 0;
    while (length < rest.len && !strchr(" \t\r\n/>", rest.data[length])) length++;
    Str name = str_slice(rest, 0, length), prefix, local = str_cut(name, ':', &prefix);
    if (!local.data) local = name;
    if (str_eq(local, S("data"))) return S("data");
    return str_eq(local, S("player")) ? S("player") : (Str){0};
}

/* SPDX-License-Identifier: Apache-2.0
 * transcript_read. The file is a list of containers (ouvertureSeance, point, interExtraction,
 * changementPresidence, finSeance) in each other; what is not known is taken for one more of them, so
 * that no paragraph is lost. A container's own <texte> is its title. Points say their level themselves (nivpoint), whatever
 * they are nested in: "Article 1er" (3) stands beside "Discussion des articles" (2) that it is of. */
#include "products/robian/syceron_room.h"

#include "products/robian/paris.h"

enum { SPEECHES_MAX = 100000, UID_MAX = 100, TIME_MAX_S = 48 * 3600 };

void *reading_more(Arena *arena, void **items, ptrdiff_t *count, ptrdiff_t *cap, ptrdiff_t size) {
    if (*count == *cap) {
        ptrdiff_t more = *cap ? *cap * 2 : 64;
        *items = arena_grow(arena, *items, *cap * size, more * size);
        *cap = more;
    }
    char *item = (char *)*items + (*count)++ * size;
    memset(item, 0, (size_t)size);
    return item;
}

/* -- head --------------------------------------------------------------------------------------- */

static bool digits(Str s, ptrdiff_t from, ptrdiff_t count, int *out) {
    int64_t value;
    if (s.len < from + count || !str_to_i64(str_slice(s, from, from + count), &value) || value < 0)
        return false;
    *out = (int)value;
    return true;
}

bool transcript_date(Str text, Time *out) {
    Civil civil = {0};
    if (!digits(text, 0, 4, &civil.year) || !digits(text, 4, 2, &civil.month) ||
        !digits(text, 6, 2, &civil.day))
        return false;
    if (civil.year < 1789 || civil.month < 1 || civil.month > 12 || civil.day < 1 || civil.day > 31)
        return false;
    if (text.len > 8 && (!digits(text, 8, 2, &civil.hour) || !digits(text, 10, 2, &civil.minute) ||
                         civil.hour > 23 || civil.minute > 59))
        return false;
    *out = zone_first_instant(paris(), time_from_civil(civil));
    return true;
}

static Err *meta_read(Reading *r) {
    Transcript *t = r->t;
    Str made = {0};
    const struct {
        const char *name;
        Str *to;
    } known[] = {{"dateSeanceJour", &t->day},       {"session", &t->session},
                 {"legislature", &t->legislature},  {"numSeance", &t->number},
                 {"numSeanceJour", &t->day_number}, {"etat", &t->state},
                 {"version", &t->version},          {"heureGeneration", &made}};
    for (;;) {
        XmlStep step;
        TRY(xml_next(r->x, &step));
        if (step == XML_CLOSE) break;
        if (step != XML_OPEN) continue;
        Str *to = NULL, date;
        for (ptrdiff_t i = 0; i < COUNT(known) && !to; i++)
            if (xml_is(r->x, known[i].name)) to = known[i].to;
        bool dated =
            xml_is(r->x, "dateSeance") || xml_is(r->x, "DateSeance") || xml_is(r->x, "Date_Seance");
        if (!to && !dated) {
            TRY(xml_skip(r->x));
            continue;
        }
        TRY(xml_content(r->x, to ? to : &date));
        if (dated && !transcript_date(date, &t->date))
            FAIL(r->c, INVALID, "its date `%.*s` is none", S_ARG(str_utf8_cut(date, 40)));
    }
    if (!time_parse(made, &t->generated_at)) t->generated_at = TIME_NULL;
    return NULL;
}

/* -- what ----------------------------------------------------------------------------------------- */

/* Seconds with a fraction; what is none, negative or beyond two days is no time. */
static OptInt time_given(Str text) {
    double seconds;
    if (!text.data || !str_to_f64(str_trim(text), &seconds)) return (OptInt){0};
    if (!(seconds >= 0 && seconds <= TIME_MAX_S)) return (OptInt){0};
    return (OptInt){(int64_t)(seconds * 1000 + 0.5), true};
}

static Frame *frame_top(Reading *r) {
    assert(r->depth > 0);
    return &r->frames[r->depth - 1];
}

static Err *speech_add(Reading *r, Speech **out) {
    Transcript *t = r->t;
    if (t->count == SPEECHES_MAX) FAIL(r->c, INVALID, "more than %d paragraphs", SPEECHES_MAX);
    ptrdiff_t at = t->count;
    *out = reading_more(r->c->arena, (void **)&t->speeches, &t->count, &r->speech_cap,
                        (ptrdiff_t)sizeof **out);
    (*out)->position = at;
    ptrdiff_t point = frame_top(r)->point;
    if (point >= 0) (*out)->point = t->points[point].title;
    return NULL;
}

/* "Présidence de Mme Naïma Moutchou\n vice-présidente": who is in the chair from here on. */
static void chair_note(Reading *r, Str title) {
    Str head = S("Présidence de "), line;
    if (!str_starts(title, head)) return;
    str_cut(str_slice(title, head.len, title.len), '\n', &line);
    r->chair = xml_flat(r->c->arena, line);
}

/* A point's parent is the last one before it whose level is lower; without a level, what it is in. */
static void point_add(Reading *r, Frame *f, Str title) {
    Transcript *t = r->t;
    ptrdiff_t parent = f->point;
    if (f->level) {
        while (r->ranked > 0 && r->ranks[r->ranked - 1].level >= f->level) r->ranked--;
        parent = r->ranked > 0 ? r->ranks[r->ranked - 1].point : -1;
        if (r->ranked < COUNT(r->ranks)) r->ranks[r->ranked++] = (Rank){f->level, t->point_count};
    }
    Point *p = reading_more(r->c->arena, (void **)&t->points, &t->point_count, &r->point_cap,
                            (ptrdiff_t)sizeof *p);
    *p = (Point){parent, parent < 0 ? 1 : t->points[parent].level + 1, title, f->code, t->count};
    f->title = title;
    f->point = t->point_count - 1;
}

/* The <texte> of a container, or an intitule of it. */
static Err *title_read(Reading *r) {
    Frame *f = frame_top(r);
    Str text;
    Speech *s;
    OptInt given = time_given(xml_attribute(r->x, "stime"));
    TRY(xml_content(r->x, &text));
    if (!text.len) return NULL;
    chair_note(r, text);
    text = xml_flat(r->c->arena, text);
    if (f->is_point && !f->title.len) point_add(r, f, text);
    TRY(speech_add(r, &s));
    s->kind = S("title");
    s->paragraph = f->id;
    s->code = f->code;
    s->text = text;
    s->given_ms = given;
    return NULL;
}

/* titreStruct, in files that were not made by the Assembly itself. */
static Err *titles_read(Reading *r) {
    for (XmlStep step = XML_TEXT; step != XML_CLOSE;) {
        TRY(xml_next(r->x, &step));
        if (step != XML_OPEN) continue;
        if (xml_is(r->x, "intitule"))
            TRY(title_read(r));
        else
            TRY(xml_skip(r->x));
    }
    return NULL;
}

static Str kind_of(const Speech *s, Str style) {
    if (s->code.data && str_starts(s->code, S("INTERRUPTION"))) return S("interruption");
    if (s->speaker.len) return S("speech");
    bool aside = str_starts(s->text, S("(")) || str_starts(style, S("Info")) ||
                 str_starts(style, S("Signature"));
    return aside ? S("note") : S("speech");
}

static Str or_null(Str s) { return s.len ? s : (Str){0}; }

static Err *paragraph_read(Reading *r) {
    Speech one = {0}, *s;
    Orators orators = {0};
    Str actor = xml_attribute(r->x, "id_acteur"), style = xml_attribute(r->x, "code_style"),
        in_debate = xml_attribute(r->x, "roledebat");
    one.paragraph = or_null(xml_attribute(r->x, "id_syceron"));
    one.code = or_null(xml_attribute(r->x, "code_grammaire"));
    one.presiding = str_eq(in_debate, S("president"));
    for (XmlStep step = XML_TEXT; step != XML_CLOSE;) {
        TRY(xml_next(r->x, &step));
        if (step != XML_OPEN) continue;
        if (xml_is(r->x, "orateurs"))
            TRY(orators_read(r, &orators));
        else if (xml_is(r->x, "texte")) {
            one.given_ms = time_given(xml_attribute(r->x, "stime"));
            TRY(xml_content(r->x, &one.text));
        } else
            TRY(xml_skip(r->x));
    }
    r->t->paragraphs++;
    if (!one.text.len) {
        r->t->empty++;
        return NULL;
    }
    speaker_settle(r, &one, &orators, actor);
    one.kind = kind_of(&one, style);
    one.role = or_null(one.role);
    r->t->timed += one.given_ms.set;
    people_note(r, &one, &orators);
    TRY(speech_add(r, &s));
    one.position = s->position;
    one.point = s->point;
    *s = one;
    return NULL;
}

static int level_given(Str text) {
    int64_t level;
    return str_to_i64(text, &level) && level >= 1 && level <= 100 ? (int)level : 0;
}

static void frame_open(Reading *r) {
    assert(r->depth < COUNT(r->frames));
    Frame *f = &r->frames[r->depth];
    *f = (Frame){.id = or_null(xml_attribute(r->x, "id_syceron")),
                 .code = or_null(xml_attribute(r->x, "code_grammaire")),
                 .level = level_given(xml_attribute(r->x, "nivpoint")),
                 .point = r->depth ? r->frames[r->depth - 1].point : -1,
                 .is_point = xml_is(r->x, "point")};
    r->depth++;
}

static Err *contents_read(Reading *r) {
    r->depth = 0;
    frame_open(r);
    while (r->depth > 0) {
        XmlStep step;
        TRY(xml_next(r->x, &step));
        if (step == XML_CLOSE) {
            r->depth--;
        } else if (step == XML_OPEN) {
            if (xml_is(r->x, "paragraphe"))
                TRY(paragraph_read(r));
            else if (xml_is(r->x, "texte"))
                TRY(title_read(r));
            else if (xml_is(r->x, "titreStruct"))
                TRY(titles_read(r));
            else if (xml_is(r->x, "orateurs") || xml_is(r->x, "quantiemes"))
                TRY(xml_skip(r->x));
            else
                frame_open(r);
        }
    }
    return NULL;
}

/* -- the whole ------------------------------------------------------------------------------------- */

static Err *root_read(Reading *r) {
    Transcript *t = r->t;
    for (XmlStep step = XML_TEXT; step != XML_CLOSE;) {
        TRY(xml_next(r->x, &step));
        if (step != XML_OPEN) continue;
        if (xml_is(r->x, "uid"))
            TRY(xml_content(r->x, &t->uid));
        else if (xml_is(r->x, "seanceRef"))
            TRY(xml_content(r->x, &t->session_uid));
        else if (xml_is(r->x, "sessionRef"))
            TRY(xml_content(r->x, &t->session_ref));
        else if (xml_is(r->x, "metadonnees"))
            TRY(meta_read(r));
        else if (xml_is(r->x, "contenu"))
            TRY(contents_read(r));
        else
            TRY(xml_skip(r->x));
    }
    /* A cut or doubled end is an error of the reader's. */
    for (XmlStep step = XML_TEXT; step != XML_OVER;) TRY(xml_next(r->x, &step));
    return NULL;
}

/* What goes into addresses is made of letters, digits, - and _. */
static bool is_plain(Str id) {
    for (ptrdiff_t i = 0; i < id.len; i++) {
        char b = id.data[i];
        bool good = (b >= '0' && b <= '9') || (b >= 'A' && b <= 'Z') || (b >= 'a' && b <= 'z') ||
                    b == '-' || b == '_';
        if (!good) return false;
    }
    return id.len <= UID_MAX;
}

Err *transcript_read(Ctx *c, Str bytes, Transcript *out) {
    *out = (Transcript){.date = TIME_NULL, .generated_at = TIME_NULL};
    Reading *r = arena_new_of(c->arena, Reading);
    r->c = c;
    r->t = out;
    r->people.arena = c->arena;
    TRY(xml_open(c, bytes, S("compteRendu"), &r->x));
    TRY(root_read(r));
    if (!out->uid.len) FAIL(c, INVALID, "has no uid");
    if (!is_plain(out->uid)) FAIL(c, INVALID, "its uid is no identifier");
    if (!is_plain(out->session_uid)) FAIL(c, INVALID, "its seanceRef is no identifier");
    if (time_is_null(out->date)) FAIL(c, INVALID, "has no date");
    if (out->paragraphs == out->empty) FAIL(c, INVALID, "nobody says anything in it");
    out->session_uid = or_null(out->session_uid);
    return NULL;
}

/* SPDX-License-Identifier: Apache-2.0
 * transcript_read. The file is a list of containers (ouvertureSeance, point, interExtraction,
 * changementPresidence, finSeance) in each other; what is not known is taken for one more of them, so
 * that no paragraph is lost. A container's own <texte> is its title.
 *
 * Who spoke: the number beside the name counts (bare, as PA… elsewhere); 0 is nobody in particular,
 * negative ones stand for a role and say nothing about the person, whom only the name tells then. */
#include "products/robian/syceron.h"

#include "core/map.h"
#include "products/robian/paris.h"
#include "products/robian/xml.h"

enum { SPEECHES_MAX = 100000, UID_MAX = 100, NAME_MAX_BYTES = 500, TIME_MAX_S = 48 * 3600 };

/* A container under way. */
typedef struct Frame {
    Str id, code, title;
    ptrdiff_t point; /* the nearest titled one, itself included; -1 */
    bool is_point;
} Frame;

typedef struct Reading {
    Ctx *c;
    Xml *x;
    Transcript *t;
    ptrdiff_t speech_cap, point_cap, person_cap;
    Frame frames[XML_LEVELS_MAX + 1];
    ptrdiff_t depth;
    Map people; /* by id: index + 1 */
    Str chair;  /* "Mme Yaël Braun-Pivet", of the last "Présidence de …" */
} Reading;

/* One more at the end of a growing array, zeroed. */
static void *one_more(Arena *arena, void **items, ptrdiff_t *count, ptrdiff_t *cap,
                      ptrdiff_t size) {
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
    const struct {
        const char *name;
        Str *to;
    } known[] = {{"dateSeanceJour", &t->day},       {"session", &t->session},
                 {"legislature", &t->legislature},  {"numSeance", &t->number},
                 {"numSeanceJour", &t->day_number}, {"etat", &t->state},
                 {"version", &t->version}};
    for (;;) {
        XmlStep step;
        TRY(xml_next(r->x, &step));
        if (step == XML_CLOSE) return NULL;
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
}

/* -- who ------------------------------------------------------------------------------------------ */

typedef struct Orator {
    Str name, id, role;
} Orator;

enum { ORATORS_MAX = 50 };

/* What one paragraph says of who speaks. */
typedef struct Orators {
    Orator items[ORATORS_MAX];
    ptrdiff_t count;
} Orators;

static Err *orator_read(Reading *r, Orators *all) {
    Orator one = {0};
    for (XmlStep step = XML_TEXT; step != XML_CLOSE;) {
        TRY(xml_next(r->x, &step));
        if (step != XML_OPEN) continue;
        Str *to = xml_is(r->x, "nom")       ? &one.name
                  : xml_is(r->x, "id")      ? &one.id
                  : xml_is(r->x, "qualite") ? &one.role
                                            : NULL;
        if (!to) {
            TRY(xml_skip(r->x));
            continue;
        }
        TRY(xml_content(r->x, to));
        *to = str_utf8_cut(xml_flat(r->c->arena, *to), NAME_MAX_BYTES);
    }
    if ((one.name.len || one.id.len) && all->count < ORATORS_MAX) all->items[all->count++] = one;
    return NULL;
}

static Err *orators_read(Reading *r, Orators *all) {
    for (XmlStep step = XML_TEXT; step != XML_CLOSE;) {
        TRY(xml_next(r->x, &step));
        if (step != XML_OPEN) continue;
        if (xml_is(r->x, "orateur"))
            TRY(orator_read(r, all));
        else
            TRY(xml_skip(r->x));
    }
    return NULL;
}

/* PA… of a number as orateurs (bare) or attributes (with PA) have it; null unless it names a person. */
static Str person_id(Arena *arena, Str number) {
    int64_t value;
    if (str_starts(number, S("PA"))) number = str_slice(number, 2, number.len);
    if (number.len > 18 || !str_to_i64(number, &value) || value <= 0) return (Str){0};
    return strf(arena, "PA%lld", (long long)value);
}

/* "M. le ministre", "Mme la présidente": who holds an office, not what they are called. */
static bool is_title(Str name) {
    static const char *const heads[] = {"M. le ", "Mme la ", "Mme le ",  "M. l’",    "Mme l’",
                                        "M. l'",  "Mme l'",  "MM. les ", "Mmes les "};
    for (ptrdiff_t i = 0; i < COUNT(heads); i++)
        if (str_starts(name, str_c(heads[i]))) return true;
    return false;
}

bool transcript_names_one(Str name) {
    bool civil = str_starts(name, S("M. ")) || str_starts(name, S("Mme "));
    return civil && !is_title(name) && str_find_byte(name, ',') < 0;
}

static void person_note(Reading *r, Str id, Str name, Str role, const Speech *s) {
    Transcript *t = r->t;
    uintptr_t at = (uintptr_t)map_get(&r->people, id);
    Person *p = at ? &t->people[at - 1] : NULL;
    if (!p) {
        p = one_more(r->c->arena, (void **)&t->people, &t->person_count, &r->person_cap,
                     (ptrdiff_t)sizeof *p);
        p->id = id;
        map_set(&r->people, id, (void *)(uintptr_t)t->person_count);
    }
    if (s->presiding && is_title(name) && r->chair.len) name = r->chair;
    if (name.len && (!p->name.len || (is_title(p->name) && !is_title(name)))) p->name = name;
    if (role.len > p->role.len) p->role = role;
    p->spoke |= str_eq(s->kind, S("speech")) && !s->presiding;
    p->presided |= s->presiding;
}

/* The paragraph's speaker: several are all named, and the first is who it belongs to. A second orateur
 * with the first's number is a part of their role that slipped. */
static void speaker_settle(Reading *r, Speech *s, const Orators *all, Str actor) {
    Arena *arena = r->c->arena;
    Buf names = buf_new(arena, 64);
    ptrdiff_t others = 0;
    for (ptrdiff_t i = 0; i < all->count; i++) {
        const Orator *o = &all->items[i];
        if (i > 0 && str_eq(o->id, all->items[0].id) && person_id(arena, o->id).data) {
            if (!s->role.len && o->name.len) s->role = o->name;
            continue;
        }
        if (i == 0 && o->role.len) s->role = o->role;
        if (!o->name.len) continue;
        buf_f(&names, "%s%.*s", names.len ? ", " : "", S_ARG(o->name));
        others += i > 0;
    }
    r->t->several += others > 0;
    if (names.len) s->speaker = str_utf8_cut(buf_str(&names), NAME_MAX_BYTES);
    if (all->count == 0) return;
    Str id = person_id(arena, all->items[0].id);
    if (!id.data && !others) id = person_id(arena, actor);
    if (id.data) s->speaker_id = id;
    if (str_eq(s->speaker, S("M. le président")) || str_eq(s->speaker, S("Mme la présidente")))
        s->presiding = true;
}

static void people_note(Reading *r, const Speech *s, const Orators *all) {
    for (ptrdiff_t i = 0; i < all->count; i++) {
        Str id = i == 0 ? s->speaker_id : person_id(r->c->arena, all->items[i].id);
        if (i > 0 && str_eq(all->items[i].id, all->items[0].id)) continue;
        if (id.data)
            person_note(r, id, all->items[i].name, i == 0 ? s->role : all->items[i].role, s);
    }
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
    *out = one_more(r->c->arena, (void **)&t->speeches, &t->count, &r->speech_cap,
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
    if (f->is_point && !f->title.len) {
        Point *p = one_more(r->c->arena, (void **)&r->t->points, &r->t->point_count, &r->point_cap,
                            (ptrdiff_t)sizeof *p);
        *p = (Point){f->point, f->point < 0 ? 1 : r->t->points[f->point].level + 1, text, f->code,
                     r->t->count};
        f->title = text;
        f->point = r->t->point_count - 1;
    }
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

static void frame_open(Reading *r) {
    assert(r->depth < COUNT(r->frames));
    Frame *f = &r->frames[r->depth];
    *f = (Frame){.id = or_null(xml_attribute(r->x, "id_syceron")),
                 .code = or_null(xml_attribute(r->x, "code_grammaire")),
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
    *out = (Transcript){.date = TIME_NULL};
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

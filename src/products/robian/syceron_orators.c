/* SPDX-License-Identifier: Apache-2.0
 * Who spoke: the number beside the name counts (bare, as PA… elsewhere); 0 is nobody in particular,
 * negative ones stand for a role and say nothing about the person, whom only the name tells then. */
#include "products/robian/syceron_room.h"

enum { NAME_MAX_BYTES = 500 };

/* "Mme Ana B (SOC)" is called "Mme Ana B", and "M. B, rapporteur" a rapporteur. */
static void name_settle(Orator *one) {
    ptrdiff_t group = str_find(one->name, S(" (")), role = str_find_byte(one->name, ',');
    if (!str_starts(one->name, S("M. ")) && !str_starts(one->name, S("Mme "))) return;
    if (role > 0 && !one->role.len)
        one->role = str_trim(str_slice(one->name, role + 1, one->name.len));
    ptrdiff_t end = one->name.len;
    if (group > 0) end = group;
    if (role > 0) end = min_size(end, role);
    one->name = str_trim(str_slice(one->name, 0, end));
}

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
    name_settle(&one);
    if ((one.name.len || one.id.len) && all->count < ORATORS_MAX) all->items[all->count++] = one;
    return NULL;
}

Err *orators_read(Reading *r, Orators *all) {
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
        p = reading_more(r->c->arena, (void **)&t->people, &t->person_count, &r->person_cap,
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
void speaker_settle(Reading *r, Speech *s, const Orators *all, Str actor) {
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

void people_note(Reading *r, const Speech *s, const Orators *all) {
    for (ptrdiff_t i = 0; i < all->count; i++) {
        Str id = i == 0 ? s->speaker_id : person_id(r->c->arena, all->items[i].id);
        if (i > 0 && str_eq(all->items[i].id, all->items[0].id)) continue;
        if (id.data)
            person_note(r, id, all->items[i].name, i == 0 ? s->role : all->items[i].role, s);
    }
}

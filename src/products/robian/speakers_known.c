/* SPDX-License-Identifier: Apache-2.0
 * Who speaks in a transcript becomes known: people whom the import of deputies has not brought, and those
 * whom only a name tells ("M. Hendrik Davi", whose number there is an office's). These are somebody
 * known where exactly one has that name; else they get an id made of the name. */
#include "core/map.h"
#include "products/robian/speakers.h"
#include "products/robian/syceron.h"
#include "products/robian/transcripts.h"
#include "products/robian/transcripts_sql.h"

enum { NAMES_MAX = 2000 };

typedef struct SpeakerId {
    Str id;
} SpeakerId;
static const Field id_fields[] = {FIELD(SpeakerId, id)};
static const Record id_record = RECORD(SpeakerId, id_fields);

/* "Mme Ana B" is Ana B. */
static Str name_bare(Str name, Str *civility) {
    Str head, rest = str_cut(name, ' ', &head);
    *civility = (Str){0};
    if (!transcript_names_one(name)) return name;
    *civility = head;
    return rest;
}

static Err *person_put(Ctx *c, Str id, Str given, Str role) {
    Str civility, name = name_bare(given, &civility), key = speaker_key(c->arena, given);
    bool named = civility.data != NULL;
    if (!role.len) role = (Str){0};
    return db_exec(c, SQL(SQL_SPEAKER_NOTE),
                   ARGS(V(id), V(name), V(key), V(role), V(time_now()), V(named), V(civility)),
                   NULL);
}

/* "nom-hendrik-davi". */
static Str id_of_key(Arena *arena, Str key) {
    Str id = str_concat(arena, S("nom-"), key);
    for (ptrdiff_t i = 0; i < id.len; i++)
        if (id.data[i] == ' ') ((char *)(uintptr_t)id.data)[i] = '-';
    return id;
}

static Err *id_by_name(Ctx *c, const Transcript *t, const Speech *s, Str key, Str *id) {
    for (ptrdiff_t i = 0; i < t->person_count; i++) {
        const Person *p = &t->people[i];
        if (!str_eq(speaker_key(c->arena, p->name), key)) continue;
        *id = p->id;
        return NULL;
    }
    Rows rows;
    TRY(db_query(c, SQL(SQL_SPEAKER_IDS), ARGS(V(key)), &id_record, &rows));
    const SpeakerId *found = rows.items;
    bool one = rows.count == 1 || (rows.count > 1 && str_starts(found[0].id, S("PA")) &&
                                   !str_starts(found[1].id, S("PA")));
    *id = one ? found[0].id : id_of_key(c->arena, key);
    return one ? NULL : person_put(c, *id, s->speaker, s->role);
}

Err *speakers_know(Ctx *c, Transcript *t) {
    assert(c->tx);
    for (ptrdiff_t i = 0; i < t->person_count; i++) {
        const Person *p = &t->people[i];
        if (p->name.len) TRY(person_put(c, p->id, p->name, p->role));
    }
    Map known = {.arena = c->arena};
    for (ptrdiff_t i = 0; i < t->count; i++) {
        Speech *s = &t->speeches[i];
        if (s->speaker_id.data || !s->speaker.data || !transcript_names_one(s->speaker)) continue;
        Str key = speaker_key(c->arena, s->speaker), *id = map_get(&known, key);
        if (key.len == 0 || (!id && known.count == NAMES_MAX)) continue;
        if (!id) {
            id = arena_new_of(c->arena, Str);
            TRY(id_by_name(c, t, s, key, id));
            map_set(&known, key, id);
        }
        s->speaker_id = *id;
    }
    return NULL;
}

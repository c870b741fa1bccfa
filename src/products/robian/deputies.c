/* SPDX-License-Identifier: Apache-2.0
 * People and bodies of the Assembly (acteurs, organes): one a file, in one archive. Names that come
 * with bodies are filled in wherever their number stood alone: committees of the agenda, groups of
 * people.
 *
 * A person's group, seat and office are those of the mandate that is open; of somebody who has none
 * any more, group and seat of the last one. */
#include "core/json.h"
#include "products/robian/agenda.h"
#include "products/robian/open_data.h"
#include "products/robian/open_data_sql.h"
#include "products/robian/speakers.h"

enum { DEPUTIES_VERSION = 1 };
#define DEPUTY_PAGE "https://www.assemblee-nationale.fr/dyn/deputes/"

typedef struct Body {
    Str id, name, abbreviation, type, starts_on, ends_on, content_hash;
} Body;

typedef struct Person {
    Str id, name, name_key, civility, first_name, last_name, role, profession, group_id;
    Str department, constituency, birth_date, url, content_hash;
} Person;

typedef struct Either {
    bool is_body;
    Body body;
    Person person;
} Either;

/* -- from JSON --------------------------------------------------------------------------------- */

static Err *id_read(Ctx *c, const json_t *object, Str *id) {
    *id = od_text(object, "uid");
    if (str_is_empty(*id) || id->len > 100) FAIL(c, INVALID, "has no uid");
    return NULL;
}

static Err *body_read(Ctx *c, const json_t *organe, Body *out) {
    const json_t *life = od_member(organe, "viMoDe");
    *out = (Body){
        .name = od_text(organe, "libelle"),
        .abbreviation = od_text(organe, "libelleAbrev"),
        .type = od_text(organe, "codeType"),
        .starts_on = od_text(life, "dateDebut"),
        .ends_on = od_text(life, "dateFin"),
    };
    TRY(id_read(c, organe, &out->id));
    if (str_is_null(out->starts_on)) out->starts_on = od_text(life, "dateAgrement");
    if (str_is_empty(str_trim(out->name))) FAIL(c, INVALID, "is a body without a name");
    return NULL;
}

static bool mandate_in(const json_t *mandate, const char *body_type) {
    return str_eq(od_text(mandate, "typeOrgane"), str_c(body_type));
}

static bool mandate_open(const json_t *mandate) {
    return str_is_empty(od_text(mandate, "dateFin"));
}

/* The mandate in bodies of that type that is open, else the last one; the later begun of two. */
static const json_t *mandate_find(const json_t *mandates, const char *body_type) {
    const json_t *best = NULL;
    for (size_t i = 0; i < od_count(mandates, "mandat"); i++) {
        const json_t *m = od_at(mandates, "mandat", i);
        if (!m || !mandate_in(m, body_type)) continue;
        bool open = mandate_open(m), best_open = best && mandate_open(best);
        bool later = !best || str_cmp(od_text(m, "dateDebut"), od_text(best, "dateDebut")) > 0;
        if (!best || (open && !best_open) || (open == best_open && later)) best = m;
    }
    return best;
}

static Str mandate_body(const json_t *mandate) {
    const json_t *bodies = od_member(mandate, "organes");
    return json_str(od_at(bodies, "organeRef", 0));
}

/* What they are now: in the government, in a chamber; null for nothing. */
static Str role_of(const json_t *mandates, bool woman) {
    const json_t *ministry = mandate_find(mandates, "MINISTERE");
    if (ministry && mandate_open(ministry)) {
        Str said = od_text(od_member(ministry, "infosQualite"), "libQualiteSex");
        return str_is_empty(said) ? S("Ministre") : said;
    }
    const json_t *seat = mandate_find(mandates, "ASSEMBLEE");
    if (seat && mandate_open(seat)) return woman ? S("Députée") : S("Député");
    seat = mandate_find(mandates, "SENAT");
    if (seat && mandate_open(seat)) return woman ? S("Sénatrice") : S("Sénateur");
    return (Str){0};
}

static void mandates_read(Ctx *c, const json_t *mandates, Person *p) {
    const json_t *seat = mandate_find(mandates, "ASSEMBLEE");
    const json_t *group = mandate_find(mandates, "GP");
    if (seat) p->url = str_concat(c->arena, S(DEPUTY_PAGE), p->id);
    if (!seat) seat = mandate_find(mandates, "SENAT");
    if (!group || !mandate_open(group)) {
        const json_t *senate = mandate_find(mandates, "GROUPESENAT");
        if (senate && (!group || mandate_open(senate))) group = senate;
    }
    const json_t *place = od_member(od_member(seat, "election"), "lieu");
    p->group_id = mandate_body(group);
    p->department = od_text(place, "departement");
    if (str_is_null(p->department)) p->department = od_text(place, "numDepartement");
    p->constituency = od_text(place, "numCirco");
    p->role = role_of(mandates, str_eq(p->civility, S("Mme")));
}

static Err *person_read(Ctx *c, const json_t *acteur, Person *out) {
    const json_t *civil = od_member(acteur, "etatCivil"), *ident = od_member(civil, "ident");
    *out = (Person){
        .civility = od_text(ident, "civ"),
        .first_name = od_text(ident, "prenom"),
        .last_name = od_text(ident, "nom"),
        .birth_date = od_text(od_member(civil, "infoNaissance"), "dateNais"),
        .profession = od_text(od_member(acteur, "profession"), "libelleCourant"),
    };
    TRY(id_read(c, acteur, &out->id));
    out->name =
        str_trim(strf(c->arena, "%.*s %.*s", S_ARG(out->first_name), S_ARG(out->last_name)));
    out->name_key = speaker_key(c->arena, out->name);
    if (str_is_empty(out->name_key)) FAIL(c, INVALID, "is a person without a name");
    mandates_read(c, od_member(acteur, "mandats"), out);
    return NULL;
}

static Err *deputies_parse(Ctx *c, Str name, Str bytes, void *row) {
    Either *e = row;
    const json_t *file;
    (void)name;
    TRY(open_data_json(c, bytes, &file));
    const json_t *acteur = od_member(file, "acteur"), *organe = od_member(file, "organe");
    if (!acteur == !organe) FAIL(c, INVALID, "is neither an acteur nor an organe");
    *e = (Either){.is_body = organe != NULL};
    TRY(organe ? body_read(c, organe, &e->body) : person_read(c, acteur, &e->person));
    Str hash = open_data_hash(c->arena, bytes, DEPUTIES_VERSION);
    e->body.content_hash = e->person.content_hash = hash;
    return NULL;
}

/* -- into the tables --------------------------------------------------------------------------- */

static Str body_id(const void *row) { return ((const Body *)row)->id; }
static Str body_hash(const void *row) { return ((const Body *)row)->content_hash; }
static Str person_id(const void *row) { return ((const Person *)row)->id; }
static Str person_hash(const void *row) { return ((const Person *)row)->content_hash; }

static Err *body_put(Ctx *c, const void *row, Time now) {
    const Body *b = row;
    (void)now;
    return db_exec(c, SQL(SQL_BODY_PUT),
                   ARGS(V(b->id), V(b->name), V(b->abbreviation), V(b->type), V(b->starts_on),
                        V(b->ends_on), V(b->content_hash)),
                   NULL);
}

static Err *person_put(Ctx *c, const void *row, Time now) {
    const Person *p = row;
    return db_exec(c, SQL(SQL_PERSON_PUT),
                   ARGS(V(p->id), V(p->name), V(p->name_key), V(p->civility), V(p->first_name),
                        V(p->last_name), V(p->role), V(p->profession), V(p->group_id),
                        V(p->department), V(p->constituency), V(p->birth_date), V(p->url),
                        V(p->content_hash), V(now)),
                   NULL);
}

static const OpenDataTable bodies = {
    .known = {SQL_BODIES_KNOWN_SQLITE, SQL_BODIES_KNOWN_POSTGRES},
    .uid = body_id,
    .hash = body_hash,
    .put = body_put,
};
static const OpenDataTable people = {
    .known = {SQL_PEOPLE_KNOWN_SQLITE, SQL_PEOPLE_KNOWN_POSTGRES},
    .uid = person_id,
    .hash = person_hash,
    .put = person_put,
};

typedef struct Parted {
    Body *bodies;
    Person *people;
    ptrdiff_t body_count, person_count;
    OpenDataFigures figures;
} Parted;

static Err *parted_put(Ctx *c, void *arg) {
    Parted *p = arg;
    OpenDataFigures of_bodies = {0}, of_people = {0};
    if (p->body_count > 0)
        TRY(open_data_put(c, &bodies, p->bodies, sizeof(Body), p->body_count, &of_bodies));
    if (p->person_count > 0)
        TRY(open_data_put(c, &people, p->people, sizeof(Person), p->person_count, &of_people));
    p->figures = (OpenDataFigures){
        .added = of_bodies.added + of_people.added,
        .changed = of_bodies.changed + of_people.changed,
        .same = of_bodies.same + of_people.same,
    };
    return NULL;
}

static Err *deputies_store(Ctx *c, void *rows, ptrdiff_t count, OpenDataFigures *figures) {
    const Either *all = rows;
    Parted p = {
        .bodies = arena_array(c->arena, Body, count),
        .people = arena_array(c->arena, Person, count),
    };
    for (ptrdiff_t i = 0; i < count; i++) {
        if (all[i].is_body)
            p.bodies[p.body_count++] = all[i].body;
        else
            p.people[p.person_count++] = all[i].person;
    }
    TRY(db_transaction(c, parted_put, &p));
    *figures = p.figures;
    return NULL;
}

/* -- names of bodies wherever their number stood alone ----------------------------------------- */

static Err *names_fill(Ctx *c, void *arg) {
    (void)arg;
    TRY(db_exec(c, SQL(SQL_PEOPLE_GROUPS_FILL), ARGS(V(time_now())), NULL));
    return agenda_commissions_fill(c);
}

static Err *deputies_finish(Ctx *c, OpenDataFigures *figures) {
    (void)figures; /* also when nothing changed: what was cut off here is made up for */
    return db_transaction(c, names_fill, NULL);
}

const OpenDataKind open_data_deputies = {
    .name = "deputies",
    .endings = ".json",
    .path = "/amo/deputes_senateurs_ministres_legislature/"
            "AMO20_dep_sen_min_tous_mandats_et_organes.json.zip",
    .row_size = sizeof(Either),
    .parse = deputies_parse,
    .store = deputies_store,
    .finish = deputies_finish,
};

/* SPDX-License-Identifier: Apache-2.0
 * /api/v1/projects: making, reading, changing, removing. */
#include "api/accounts.h"
#include "products/veyl/ingest.h"
#include "products/veyl/project.h"
#include "products/veyl/queries.h"
#include "products/veyl/routes.h"

/* -- loading ---------------------------------------------------------------------------------- */

Err *project_load_flat(Ctx *c, Id id, Project *out) {
    bool found;
    TRY(db_maybe(c, SQL(SQL_PROJECT_BY_ID),
                 ARGS(V(id), V(c->account.user), V(c->account.organisation)), &project_flat_record,
                 out, &found));
    if (!found) FAIL(c, NOT_FOUND, "Project not found");
    return NULL;
}

Err *project_load(Ctx *c, Id id, Project *out) {
    TRY(project_load_flat(c, id, out));
    TRY(project_hashtags(c, id, &out->hashtags));
    return project_creators(c, id, &out->creators);
}

Err *project_load_for_change(Ctx *c, Id id, Project *out) {
    TRY(project_load_flat(c, id, out));
    if (id_eq(out->user_id, c->account.user)) return NULL;
    return organisation_require(c, out->organisation_id, MEMBER_ADMIN);
}

/* -- reading ---------------------------------------------------------------------------------- */

static Err *projects_list(Ctx *c, Call *k) {
    Rows rows;
    TRY(db_query(c, SQL(SQL_PROJECT_LIST), ARGS(V(c->account.user), V(c->account.organisation)),
                 &project_flat_record, &rows));
    call_list(c, k, rows, rows.count, (Str){NULL, 0});
    return NULL;
}

static Err *project_get(Ctx *c, Call *k) { return project_load(c, k->ids[0], call_out(k)); }

/* -- writing ---------------------------------------------------------------------------------- */

typedef struct ProjectWrite {
    Call *k;
    const ProjectIn *in;
    Project *project; /* what is there; the answer */
    Id organisation;
    Id platforms[20];
    ptrdiff_t platform_count;
    StrList platform_names;
} ProjectWrite;

static bool given(const ProjectWrite *w, const char *field) {
    return (w->k->present & record_bit(&project_in_record, field)) != 0;
}

/* Where names given in this body are followed; instagram unless it says. */
static Err *platforms_of(Ctx *c, ProjectWrite *w) {
    Str usual = S("instagram");
    StrList names = w->in->platforms.count ? w->in->platforms : w->project->platforms;
    if (names.count == 0) names = (StrList){&usual, 1};
    w->platform_names = (StrList){arena_array(c->arena, Str, names.count), 0};
    for (ptrdiff_t i = 0; i < names.count && w->platform_count < COUNT(w->platforms); i++) {
        Str name = str_lower(c->arena, str_trim(names.items[i]));
        Id id;
        TRY(platform_ensure(c, name, &id));
        bool again = false;
        for (ptrdiff_t j = 0; j < w->platform_count; j++) again |= id_eq(w->platforms[j], id);
        if (again) continue;
        w->platforms[w->platform_count++] = id;
        w->platform_names.items[w->platform_names.count++] = name;
    }
    return NULL;
}

static bool among(StrList names, Str name) {
    for (ptrdiff_t i = 0; i < names.count; i++)
        if (str_eq(names.items[i], name)) return true;
    return false;
}

/* Each of the names on every platform of the write. Those that stay keep their platforms, and gain
 * those that the body gives. */
static Err *links_make(Ctx *c, const ProjectWrite *w, LinkMake make, StrList names, StrList stay) {
    bool linked;
    for (ptrdiff_t i = 0; i < names.count; i++) {
        if (!given(w, "platforms") && among(stay, names.items[i])) continue;
        for (ptrdiff_t j = 0; j < w->platform_count; j++)
            TRY(make(c, w->project->id, names.items[i], w->platforms[j], &linked));
    }
    return NULL;
}

static Err *project_make(Ctx *c, void *arg) {
    ProjectWrite *w = arg;
    const ProjectIn *in = w->in;
    int64_t id, first;
    w->platform_count = 0;
    TRY(db_next_change(c, 1, &first));
    bool links = in->hashtag_names.count || in->creator_usernames.count;
    *w->project = (Project){0};
    if (links || in->platforms.count) TRY(platforms_of(c, w));
    JsonText platforms = json_of_names(c->arena, w->platform_names.items, w->platform_names.count);
    TRY(db_int(c, SQL(SQL_PROJECT_ADD),
               ARGS(V(c->account.user), V(w->organisation), V(in->name), V(in->description),
                    V(in->status), V(platforms), V(time_now())),
               &id));
    w->project->id = (Id){id};
    TRY(links_make(c, w, project_hashtag_link, in->hashtag_names, (StrList){0}));
    TRY(links_make(c, w, project_creator_link, in->creator_usernames, (StrList){0}));
    if (links) TRY(project_scope_refresh(c, w->project->id));
    TRY(project_load(c, w->project->id, w->project));
    return call_settle(c, w->k);
}

static Err *project_create(Ctx *c, Call *k) {
    ProjectWrite w = {.k = k, .in = k->in, .project = call_out(k)};
    bool named = !id_is_none(w.in->organisation_id);
    w.organisation = named ? w.in->organisation_id : c->account.organisation;
    if (!id_is_none(w.organisation)) TRY(organisation_require(c, w.organisation, MEMBER_ADMIN));
    return db_transaction(c, project_make, &w);
}

/* `hashtag_names` replaces the set: what is not in it goes, what is new comes. */
static Err *hashtags_replace(Ctx *c, ProjectWrite *w) {
    RecordList now;
    TRY(project_hashtags(c, w->project->id, &now));
    const ProjectHashtag *links = now.items;
    StrList wanted = names_fold(c->arena, w->in->hashtag_names, '#');
    StrList stay = {arena_array(c->arena, Str, now.count + 1), 0};
    for (ptrdiff_t i = 0; i < now.count; i++) {
        if (among(wanted, links[i].name))
            stay.items[stay.count++] = links[i].name;
        else
            TRY(project_hashtag_unlink(c, w->project->id, &links[i]));
    }
    return links_make(c, w, project_hashtag_link, wanted, stay);
}

static Err *creators_replace(Ctx *c, ProjectWrite *w) {
    RecordList now;
    TRY(project_creators(c, w->project->id, &now));
    const ProjectCreator *links = now.items;
    StrList wanted = names_fold(c->arena, w->in->creator_usernames, '@');
    StrList stay = {arena_array(c->arena, Str, now.count + 1), 0};
    for (ptrdiff_t i = 0; i < now.count; i++) {
        if (among(wanted, links[i].creator_username))
            stay.items[stay.count++] = links[i].creator_username;
        else
            TRY(project_creator_unlink(c, w->project->id, &links[i]));
    }
    return links_make(c, w, project_creator_link, wanted, stay);
}

static Err *links_change(Ctx *c, ProjectWrite *w) {
    bool hashtags = given(w, "hashtag_names"), creators = given(w, "creator_usernames");
    if (!hashtags && !creators && !given(w, "platforms")) return NULL;
    TRY(platforms_of(c, w));
    if (hashtags) TRY(hashtags_replace(c, w));
    if (creators) TRY(creators_replace(c, w));
    if (hashtags || creators) return project_scope_refresh(c, w->project->id);
    if (w->project->scope_type.data) return NULL; /* platforms follow from the links it has */
    return db_exec(c, SQL(SQL_PROJECT_PLATFORMS_SET),
                   ARGS(V(w->project->id), V(json_of_names(c->arena, w->platform_names.items,
                                                           w->platform_names.count))),
                   NULL);
}

static Err *project_rewrite(Ctx *c, void *arg) {
    ProjectWrite *w = arg;
    const ProjectIn *in = w->in;
    Project *p = w->project;
    w->platform_count = 0;
    TRY(project_lock(c, w->k->ids[0]));
    TRY(project_load_for_change(c, w->k->ids[0], p));
    w->organisation = given(w, "organisation_id") ? in->organisation_id : p->organisation_id;
    TRY(db_exec(c, SQL(SQL_PROJECT_CHANGE),
                ARGS(V(p->id), V(given(w, "name") ? in->name : p->name),
                     V(given(w, "description") ? in->description : p->description),
                     V(given(w, "status") ? in->status : p->status), V(w->organisation),
                     V(time_now())),
                NULL));
    TRY(links_change(c, w));
    return project_load(c, p->id, p);
}

static Err *project_update(Ctx *c, Call *k) {
    ProjectWrite w = {.k = k, .in = k->in, .project = call_out(k)};
    TRY(project_load_for_change(c, k->ids[0], w.project));
    bool moves =
        given(&w, "organisation_id") && !id_eq(w.in->organisation_id, w.project->organisation_id);
    if (moves && !id_is_none(w.in->organisation_id))
        TRY(organisation_require(c, w.in->organisation_id, MEMBER_ADMIN));
    else if (moves && !id_is_none(c->account.organisation))
        FAIL(c, FORBIDDEN, "This key belongs to an organisation");
    return db_transaction(c, project_rewrite, &w);
}

static Err *project_delete(Ctx *c, Call *k) {
    Project project;
    TRY(project_load_for_change(c, k->ids[0], &project));
    ptrdiff_t removed;
    TRY(db_exec(c, SQL(SQL_PROJECT_REMOVE), ARGS(V(project.id)), &removed));
    if (removed == 0) FAIL(c, NOT_FOUND, "Project not found");
    return NULL;
}

#define INVALID_ID "Project ID invalide"

const Route project_routes[] = {
    {GET, "/api/v1/projects", projects_list, .access = ACCESS_USER, .scope = "projects:read",
     .out = &project_flat_record, .out_list = true, .kept = true, .tag = "projects",
     .doc = "Projects one may see, newest first"},
    {POST, "/api/v1/projects", project_create, .access = ACCESS_USER, .scope = "projects:write",
     .in = &project_in_record, .out = &project_record, .status = 201, .rate = RATE_WRITE,
     .idempotent = true, .errors = "400 403 404", .tag = "projects",
     .doc = "Make a project, with its hashtags and creators"},
    {GET, "/api/v1/projects/{id:int}", project_get, .access = ACCESS_USER, .scope = "projects:read",
     .out = &project_record, .kept = true, .errors = "400 404", .not_integer = INVALID_ID,
     .tag = "projects", .doc = "One project with its relations"},
    {PUT, "/api/v1/projects/{id:int}", project_update, .access = ACCESS_USER,
     .scope = "projects:write", .in = &project_in_record, .in_change = true, .out = &project_record,
     .errors = "400 403 404", .rate = RATE_WRITE, .not_integer = INVALID_ID, .tag = "projects",
     .doc = "Change what is given; hashtag_names and creator_usernames replace the sets"},
    {DELETE, "/api/v1/projects/{id:int}", project_delete, .access = ACCESS_USER,
     .scope = "projects:write", .status = 204, .errors = "400 403 404", .rate = RATE_WRITE,
     .not_integer = INVALID_ID, .tag = "projects", .doc = "Remove a project; the posts stay"},
    {0},
};

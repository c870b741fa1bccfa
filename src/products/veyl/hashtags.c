/* SPDX-License-Identifier: Apache-2.0
 * /api/v1/hashtags. A hashtag's posts are those that carry its name on its platform; deleting it
 * hides it and takes it out of all projects, and asking for it again brings it back with all its
 * posts. */
#include "products/veyl/ingest.h"
#include "products/veyl/project.h"
#include "products/veyl/queries.h"
#include "products/veyl/routes.h"

#define MISSING "Hashtag non trouvé"
#define EXISTS "Hashtag déjà existant"

typedef struct HashtagList {
    int64_t skip, limit;
    Str platform, q;
} HashtagList;
static const Field hashtag_list_fields[] = {
    FIELD(HashtagList, skip, .min = 0, .max = 1000000000, .fallback = "0"),
    FIELD(HashtagList, limit, .min = 1, .max = 1000, .fallback = "100"),
    FIELD(HashtagList, platform, .max = 50),
    FIELD(HashtagList, q, .max = 255, .doc = "Part of the name"),
};
static const Record hashtag_list_record = RECORD(HashtagList, hashtag_list_fields);

static Err *hashtag_load(Ctx *c, Id id, Hashtag *out) {
    bool found;
    TRY(db_maybe(c, SQL(SQL_HASHTAG_BY_ID), ARGS(V(id)), &hashtag_record, out, &found));
    if (!found) FAIL(c, NOT_FOUND, MISSING);
    return NULL;
}

static Err *hashtags_list(Ctx *c, Call *k) {
    const HashtagList *query = k->query;
    Id platform;
    Rows rows;
    int64_t total;
    TRY(platform_filter(c, query->platform, &platform));
    Str part = name_fold(c->arena, query->q, '#');
    Value named = part.len ? V(part) : value_null();
    /* A part of a name is looked for in all of them, and all are counted: off the loop. */
    Err *(*run)(Ctx *, Sql, Args, const Record *, Rows *) = part.len ? db_scan : db_query;
    TRY(run(c, SQL2(SQL_HASHTAG_LIST_SQLITE, SQL_HASHTAG_LIST_POSTGRES),
            ARGS(V(query->limit), V(query->skip), V(platform), named), &hashtag_record, &rows));
    TRY(db_int(c, SQL2(SQL_HASHTAG_TOTAL_SQLITE, SQL_HASHTAG_TOTAL_POSTGRES),
               ARGS(V(platform), named), &total));
    call_list(c, k, rows, total, (Str){NULL, 0});
    return NULL;
}

static Err *hashtag_get(Ctx *c, Call *k) { return hashtag_load(c, k->ids[0], call_out(k)); }

static Err *name_of(Ctx *c, Str given, Str *out) {
    *out = name_fold(c->arena, given, '#');
    if (out->len) return NULL;
    Problems problems = {.arena = c->arena};
    problem_add(&problems, S("name"), S("too_short"),
                "must have at least 1 character beside the leading #");
    return problems_err(c, &problems);
}

static bool given(const Call *k, const char *field) {
    return (k->present & record_bit(&hashtag_in_record, field)) != 0;
}

typedef struct HashtagMaking {
    Call *k;
    Str name;
    Platform platform;
} HashtagMaking;

static Err *hashtag_make(Ctx *c, void *arg) {
    const HashtagMaking *m = arg;
    const HashtagIn *in = m->k->in;
    int64_t id;
    Time scraped = given(m->k, "last_scraped") ? in->last_scraped : TIME_NULL;
    Err *err = db_int(c, SQL(SQL_HASHTAG_MAKE),
                      ARGS(V(m->name), V(m->platform.id), V(scraped), V(time_now())), &id);
    if (err && err->kind == ERR_NOT_FOUND) FAIL(c, BAD_REQUEST, EXISTS);
    TRY(err);
    TRY(hashtag_load(c, (Id){id}, call_out(m->k)));
    return call_settle(c, m->k);
}

static Err *hashtag_create(Ctx *c, Call *k) {
    const HashtagIn *in = k->in;
    HashtagMaking m = {.k = k};
    TRY(name_of(c, in->name, &m.name));
    bool nowhere = in->platform.len == 0 && id_is_none(in->platform_id);
    TRY(platform_resolve(c, nowhere ? S("instagram") : in->platform, in->platform_id, &m.platform));
    return db_transaction(c, hashtag_make, &m);
}

static Err *hashtag_update(Ctx *c, Call *k) {
    const HashtagIn *in = k->in;
    Hashtag *h = call_out(k);
    TRY(hashtag_load(c, k->ids[0], h));
    Platform platform = {.id = h->platform_id};
    Str name = h->name;
    if (given(k, "name")) TRY(name_of(c, in->name, &name));
    if (in->platform.len || !id_is_none(in->platform_id))
        TRY(platform_resolve(c, in->platform, in->platform_id, &platform));
    int64_t taken;
    ptrdiff_t changed;
    TRY(db_int(c, SQL(SQL_HASHTAG_TAKEN), ARGS(V(name), V(platform.id), V(h->id)), &taken));
    if (taken) FAIL(c, BAD_REQUEST, EXISTS);
    Err *err = db_exec(c, SQL(SQL_HASHTAG_CHANGE),
                       ARGS(V(h->id), V(name), V(platform.id),
                            V(given(k, "last_scraped") ? in->last_scraped : h->last_scraped),
                            V(time_now())),
                       &changed);
    if (err && err->kind == ERR_CONFLICT) FAIL(c, BAD_REQUEST, EXISTS);
    TRY(err);
    if (changed == 0) FAIL(c, CONFLICT, "Hashtag porté par des posts : son nom ne change pas");
    return hashtag_load(c, h->id, h);
}

/* -- deleting --------------------------------------------------------------------------------- */

typedef struct Follower {
    Id project_id, link_id;
} Follower;
static const Field follower_fields[] = {FIELD(Follower, project_id), FIELD(Follower, link_id)};
static const Record follower_record = RECORD(Follower, follower_fields);

/* Nobody takes it out of projects that he may not even see. */
static Err *others_check(Ctx *c, Id hashtag) {
    int64_t others;
    if (c->account.role == ROLE_ADMIN) return NULL;
    TRY(db_int(c, SQL(SQL_HASHTAG_OTHERS), ARGS(V(hashtag), V(c->account.user)), &others));
    if (others) FAIL(c, FORBIDDEN, "Hashtag suivi par les projets d'autres personnes");
    return NULL;
}

static Err *hashtag_hide(Ctx *c, void *arg) {
    Id id = *(Id *)arg;
    int64_t first;
    ptrdiff_t hidden;
    Rows rows;
    TRY(db_next_change(c, 1, &first));
    TRY(db_exec(c, SQL(SQL_HASHTAG_HIDE), ARGS(V(id), V(time_now())), &hidden));
    if (hidden == 0) FAIL(c, NOT_FOUND, MISSING);
    TRY(others_check(c, id));
    TRY(db_query(c, SQL(SQL_HASHTAG_FOLLOWERS), ARGS(V(id)), &follower_record, &rows));
    Follower *followers = rows.items;
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        ProjectHashtag link = {.link_id = followers[i].link_id};
        TRY(project_hashtag_unlink(c, followers[i].project_id, &link));
        TRY(project_scope_refresh(c, followers[i].project_id));
    }
    return NULL;
}

static Err *hashtag_delete(Ctx *c, Call *k) {
    TRY(db_transaction(c, hashtag_hide, &k->ids[0]));
    call_message(c, k, S("Hashtag supprimé"));
    return NULL;
}

static Err *hashtag_stats(Ctx *c, Call *k) {
    bool found;
    TRY(db_maybe(c, SQL(SQL_HASHTAG_STATS), ARGS(V(k->ids[0])), &hashtag_stats_record, call_out(k),
                 &found));
    if (!found) FAIL(c, NOT_FOUND, MISSING);
    return NULL;
}

#define READS .access = ACCESS_USER, .scope = "posts:read", .tag = "hashtags"
#define WRITES .access = ACCESS_USER, .scope = "posts:write", .tag = "hashtags", .rate = RATE_WRITE

const Route hashtag_routes[] = {
    {GET, "/api/v1/hashtags", hashtags_list, READS, .query = &hashtag_list_record,
     .out = &hashtag_record, .out_list = true, .errors = "400", .doc = "Hashtags, oldest first"},
    {POST, "/api/v1/hashtags", hashtag_create, WRITES, .in = &hashtag_in_record,
     .out = &hashtag_record, .idempotent = true, .errors = "400",
     .doc = "Add a hashtag (on instagram unless said)"},
    {GET, "/api/v1/hashtags/{id:int}", hashtag_get, READS, .out = &hashtag_record, .errors = "404",
     .doc = "One hashtag"},
    {PUT, "/api/v1/hashtags/{id:int}", hashtag_update, WRITES, .in = &hashtag_in_record,
     .in_change = true, .out = &hashtag_record, .errors = "400 404 409",
     .doc = "Change it; one that posts carry keeps its name"},
    {DELETE, "/api/v1/hashtags/{id:int}", hashtag_delete, WRITES, .out = &message_record,
     .errors = "403 404", .doc = "Delete it and take it out of all projects"},
    {GET, "/api/v1/hashtags/stats/{id:int}", hashtag_stats, READS, .out = &hashtag_stats_record,
     .errors = "404", .doc = "Its figures, exact at this moment"},
    {0},
};

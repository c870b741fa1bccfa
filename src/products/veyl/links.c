/* SPDX-License-Identifier: Apache-2.0
 * Links of projects: hashtags and creators come and go, and the posts they bring with them. */
#include <stdlib.h>

#include "core/json.h"
#include "products/veyl/ingest.h"
#include "products/veyl/project.h"
#include "products/veyl/queries.h"
#include "products/veyl/text.h"

enum { NAME_MAX_CHARS = 255 };

Err *project_lock(Ctx *c, Id id) {
    int64_t first, locked;
    /* After any ingest under way, so that no post slips between its links and ours. */
    TRY(db_next_change(c, 1, &first));
    Err *err = db_int(c, SQL(SQL_PROJECT_LOCK), ARGS(V(id), V(time_now())), &locked);
    if (err && err->kind == ERR_NOT_FOUND) FAIL(c, NOT_FOUND, "Project not found");
    return err;
}

static int by_hashtag_link(const void *a, const void *b) {
    int64_t left = ((const ProjectHashtag *)a)->link_id.value;
    int64_t right = ((const ProjectHashtag *)b)->link_id.value;
    return (left > right) - (left < right);
}

static int by_creator_link(const void *a, const void *b) {
    int64_t left = ((const ProjectCreator *)a)->id.value;
    int64_t right = ((const ProjectCreator *)b)->id.value;
    return (left > right) - (left < right);
}

/* In the order in which they were linked. */
static RecordList in_order(Rows rows, ptrdiff_t size, int (*order)(const void *, const void *)) {
    if (rows.count > 1) qsort(rows.items, (size_t)rows.count, (size_t)size, order);
    return (RecordList){rows.items, rows.count};
}

Err *project_hashtags(Ctx *c, Id project, RecordList *out) {
    Rows rows;
    TRY(db_query(c, SQL(SQL_PROJECT_HASHTAG_LIST), ARGS(V(project)), &project_hashtag_record,
                 &rows));
    *out = in_order(rows, sizeof(ProjectHashtag), by_hashtag_link);
    return NULL;
}

Err *project_creators(Ctx *c, Id project, RecordList *out) {
    Rows rows;
    TRY(db_query(c, SQL(SQL_PROJECT_CREATOR_LIST), ARGS(V(project)), &project_creator_record,
                 &rows));
    *out = in_order(rows, sizeof(ProjectCreator), by_creator_link);
    return NULL;
}

static Err *name_check(Ctx *c, Str name, const char *field, Str *out, char sigil) {
    *out = name_fold(c->arena, name, sigil);
    if (out->len > 0 && str_utf8_count(*out) <= NAME_MAX_CHARS) return NULL;
    Problems problems = {.arena = c->arena};
    problem_add(&problems, str_c(field), out->len ? S("too_long") : S("too_short"),
                "must have 1 to %d characters beside the leading %c", NAME_MAX_CHARS, sigil);
    return problems_err(c, &problems);
}

/* The new link's id, or nothing when there is one already. */
static Err *link_insert(Ctx *c, Sql sql, Args args, bool *linked) {
    int64_t id;
    Err *err = db_int(c, sql, args, &id);
    *linked = !err;
    return err && err->kind == ERR_NOT_FOUND ? NULL : err;
}

Err *project_hashtag_link(Ctx *c, Id project, Str name, Id platform, bool *linked) {
    Str folded;
    int64_t hashtag;
    Time now = time_now();
    TRY(name_check(c, name, "hashtag", &folded, '#'));
    TRY(db_int(c, SQL(SQL_HASHTAG_SHOW), ARGS(V(folded), V(platform), V(now)), &hashtag));
    TRY(link_insert(c, SQL(SQL_PROJECT_HASHTAG_ADD), ARGS(V(project), V(hashtag), V(now)), linked));
    if (!*linked) return NULL;
    return db_exec(c, SQL(SQL_PROJECT_POSTS_GAIN_HASHTAG), ARGS(V(project), V(hashtag)), NULL);
}

Err *project_hashtag_unlink(Ctx *c, Id project, const ProjectHashtag *link) {
    int64_t hashtag;
    Err *err =
        db_int(c, SQL(SQL_PROJECT_HASHTAG_REMOVE), ARGS(V(project), V(link->link_id)), &hashtag);
    if (err && err->kind == ERR_NOT_FOUND) FAIL(c, NOT_FOUND, "Hashtag not found");
    TRY(err);
    TRY(db_exec(c, SQL(SQL_PROJECT_POSTS_LOSE_HASHTAG), ARGS(V(project), V(hashtag)), NULL));
    return db_exec(c, SQL(SQL_PROJECT_POSTS_FADE_HASHTAG), ARGS(V(project), V(hashtag)), NULL);
}

Err *project_creator_link(Ctx *c, Id project, Str username, Id platform, bool *linked) {
    Str folded;
    TRY(name_check(c, username, "username", &folded, '@'));
    TRY(link_insert(c, SQL(SQL_PROJECT_CREATOR_ADD),
                    ARGS(V(project), V(folded), V(platform), V(time_now())), linked));
    if (!*linked) return NULL;
    return db_exec(
        c, SQL2(SQL_PROJECT_POSTS_GAIN_CREATOR_SQLITE, SQL_PROJECT_POSTS_GAIN_CREATOR_POSTGRES),
        ARGS(V(project), V(platform), V(folded)), NULL);
}

Err *project_creator_unlink(Ctx *c, Id project, const ProjectCreator *link) {
    ptrdiff_t removed;
    Value platform = V(link->platform_id), name = V(link->creator_username);
    TRY(db_exec(c, SQL(SQL_PROJECT_CREATOR_REMOVE), ARGS(V(project), V(link->id)), &removed));
    if (removed == 0) FAIL(c, NOT_FOUND, "Creator not found");
    TRY(db_exec(c, SQL(SQL_PROJECT_POSTS_LOSE_CREATOR), ARGS(V(project), platform, name), NULL));
    return db_exec(c, SQL(SQL_PROJECT_POSTS_FADE_CREATOR), ARGS(V(project), platform, name), NULL);
}

/* -- what follows from the links -------------------------------------------------------------- */

static bool listed(const Str *names, ptrdiff_t count, Str name) {
    for (ptrdiff_t i = 0; i < count; i++)
        if (str_eq(names[i], name)) return true;
    return false;
}

typedef struct Scope {
    Str *platforms;
    ptrdiff_t platform_count;
    Buf query;
} Scope;

static void scope_add(Scope *scope, char sigil, Str name, Str platform) {
    if (!listed(scope->platforms, scope->platform_count, platform))
        scope->platforms[scope->platform_count++] = platform;
    buf_f(&scope->query, "%s%c%.*s", scope->query.len ? ", " : "", sigil, S_ARG(name));
}

Err *project_scope_refresh(Ctx *c, Id project) {
    RecordList hashtags, creators;
    TRY(project_hashtags(c, project, &hashtags));
    TRY(project_creators(c, project, &creators));
    const ProjectHashtag *hashtag = hashtags.items;
    const ProjectCreator *creator = creators.items;
    Scope scope = {arena_array(c->arena, Str, hashtags.count + creators.count + 1), 0,
                   buf_new(c->arena, 128)};
    for (ptrdiff_t i = 0; i < hashtags.count; i++)
        scope_add(&scope, '#', hashtag[i].name, hashtag[i].platform);
    for (ptrdiff_t i = 0; i < creators.count; i++)
        scope_add(&scope, '@', creator[i].creator_username, creator[i].platform);
    Str type = hashtags.count && creators.count ? S("both")
               : hashtags.count                 ? S("hashtags")
               : creators.count                 ? S("creators")
                                                : (Str){NULL, 0};
    Str query = scope.query.len ? buf_str(&scope.query) : (Str){NULL, 0};
    return db_exec(c, SQL(SQL_PROJECT_SCOPE_SET),
                   ARGS(V(project),
                        V(json_of_names(c->arena, scope.platforms, scope.platform_count)), V(type),
                        V(query), V((int64_t)creators.count)),
                   NULL);
}

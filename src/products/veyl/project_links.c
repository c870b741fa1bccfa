/* SPDX-License-Identifier: Apache-2.0
 * /api/v1/projects/{id}/hashtags and /creators: one link at a time. Of many that ask for the same
 * link at once, one gets it and the others a 409. */
#include "products/veyl/ingest.h"
#include "products/veyl/project.h"
#include "products/veyl/queries.h"
#include "products/veyl/routes.h"

typedef struct LinkIn {
    Str hashtag, username, platform;
} LinkIn;
static const Field hashtag_link_fields[] = {
    FIELD(LinkIn, hashtag, .flags = F_REQUIRED | F_TRIM, .min = 1, .max = 256),
    FIELD(LinkIn, platform, .flags = F_TRIM | F_LOWER, .max = 50, .fallback = "\"instagram\""),
};
static const Record hashtag_link_record = RECORD_AS("HashtagLink", LinkIn, hashtag_link_fields);
static const Field creator_link_fields[] = {
    FIELD(LinkIn, username, .flags = F_REQUIRED | F_TRIM, .min = 1, .max = 256),
    FIELD(LinkIn, platform, .flags = F_TRIM | F_LOWER, .max = 50, .fallback = "\"instagram\""),
};
static const Record creator_link_record = RECORD_AS("CreatorLink", LinkIn, creator_link_fields);

typedef struct Linking {
    Call *k;
    LinkMake make;
    Str name;
    Id platform;
    const char *what;
} Linking;

static Err *link_in(Ctx *c, void *arg) {
    const Linking *l = arg;
    Id project = l->k->ids[0];
    bool linked;
    TRY(project_lock(c, project));
    TRY(l->make(c, project, l->name, l->platform, &linked));
    if (!linked) FAIL(c, CONFLICT, "%s already linked to project", l->what);
    TRY(project_scope_refresh(c, project));
    TRY(project_load(c, project, call_out(l->k)));
    return call_settle(c, l->k);
}

static Err *link_make(Ctx *c, Linking l) {
    const LinkIn *in = l.k->in;
    TRY(project_load_for_change(c, l.k->ids[0], call_out(l.k)));
    TRY(platform_ensure(c, in->platform, &l.platform));
    return db_transaction(c, link_in, &l);
}

static Err *hashtag_add(Ctx *c, Call *k) {
    const LinkIn *in = k->in;
    return link_make(c, (Linking){k, project_hashtag_link, in->hashtag, .what = "Hashtag"});
}

static Err *creator_add(Ctx *c, Call *k) {
    const LinkIn *in = k->in;
    return link_make(c, (Linking){k, project_creator_link, in->username, .what = "Creator"});
}

static Err *hashtag_by_link(Ctx *c, Id project, Id link, ProjectHashtag *out) {
    bool found;
    TRY(db_maybe(c, SQL(SQL_PROJECT_HASHTAG_BY_LINK), ARGS(V(project), V(link)),
                 &project_hashtag_record, out, &found));
    if (!found) FAIL(c, NOT_FOUND, "Hashtag not found");
    return NULL;
}

static Err *hashtag_unlink(Ctx *c, void *arg) {
    const Call *k = arg;
    Id project = k->ids[0];
    ProjectHashtag link;
    TRY(project_lock(c, project));
    TRY(hashtag_by_link(c, project, k->ids[1], &link));
    TRY(project_hashtag_unlink(c, project, &link));
    return project_scope_refresh(c, project);
}

static Err *creator_unlink(Ctx *c, void *arg) {
    const Call *k = arg;
    Id project = k->ids[0];
    ProjectCreator link;
    bool found;
    TRY(project_lock(c, project));
    TRY(db_maybe(c, SQL(SQL_PROJECT_CREATOR_BY_LINK), ARGS(V(project), V(k->ids[1])),
                 &project_creator_record, &link, &found));
    if (!found) FAIL(c, NOT_FOUND, "Creator not found");
    TRY(project_creator_unlink(c, project, &link));
    return project_scope_refresh(c, project);
}

static Err *link_remove(Ctx *c, Call *k, Err *(*fn)(Ctx *c, void *arg)) {
    Project project;
    TRY(project_load_for_change(c, k->ids[0], &project));
    return db_transaction(c, fn, k);
}

static Err *hashtag_remove(Ctx *c, Call *k) { return link_remove(c, k, hashtag_unlink); }
static Err *creator_remove(Ctx *c, Call *k) { return link_remove(c, k, creator_unlink); }

/* -- link-posts ------------------------------------------------------------------------------- */

typedef struct LinkPostsIn {
    int64_t limit;
} LinkPostsIn;
static const Field link_posts_in_fields[] = {
    FIELD(LinkPostsIn, limit, .min = 1, .max = 200, .fallback = "50")};
static const Record link_posts_in_record = RECORD(LinkPostsIn, link_posts_in_fields);

typedef struct LinkedPosts {
    Str status, hashtag;
    int64_t total_posts_found, newly_linked, already_linked;
    StrList platforms;
} LinkedPosts;
static const Field linked_posts_fields[] = {
    FIELD(LinkedPosts, status),
    FIELD(LinkedPosts, hashtag),
    FIELD(LinkedPosts, total_posts_found),
    FIELD(LinkedPosts, newly_linked, .doc = "Always 0: posts are linked as they come in"),
    FIELD(LinkedPosts, already_linked),
    FIELD(LinkedPosts, platforms),
};
static const Record linked_posts_record = RECORD(LinkedPosts, linked_posts_fields);

/* Every post is linked to its hashtags in the transaction that stores it, so that nothing is
 * ever left to link: the answer says how many there are, up to the limit. */
static Err *hashtag_link_posts(Ctx *c, Call *k) {
    const LinkPostsIn *query = k->query;
    LinkedPosts *out = call_out(k);
    Project project;
    ProjectHashtag link;
    TRY(project_load_for_change(c, k->ids[0], &project));
    TRY(hashtag_by_link(c, project.id, k->ids[1], &link));
    int64_t found;
    TRY(db_int(c, SQL(SQL_TAGS_LINKED), ARGS(V(link.id), V(query->limit)), &found));
    Str *platforms = arena_array(c->arena, Str, 1);
    platforms[0] = link.platform;
    *out = (LinkedPosts){S("success"), link.name, found, 0, found, {platforms, found > 0}};
    return NULL;
}

#define INVALID_ID "Project ID invalide"

const Route project_link_routes[] = {
    {POST, "/api/v1/projects/{id:int}/hashtags", hashtag_add, .access = ACCESS_USER,
     .scope = "projects:write", .in = &hashtag_link_record, .out = &project_record,
     .idempotent = true, .errors = "400 403 404 409", .rate = RATE_WRITE, .not_integer = INVALID_ID,
     .tag = "projects", .doc = "Follow a hashtag; its posts are in the project at once"},
    {DELETE, "/api/v1/projects/{id:int}/hashtags/{link_id:int}", hashtag_remove,
     .access = ACCESS_USER, .scope = "projects:write", .status = 204, .errors = "400 403 404",
     .rate = RATE_WRITE, .not_integer = INVALID_ID, .tag = "projects",
     .doc = "Follow a hashtag no more"},
    {POST, "/api/v1/projects/{id:int}/hashtags/{link_id:int}/link-posts", hashtag_link_posts,
     .access = ACCESS_USER, .scope = "projects:write", .query = &link_posts_in_record,
     .out = &linked_posts_record, .errors = "400 403 404", .rate = RATE_WRITE,
     .not_integer = INVALID_ID, .tag = "projects",
     .doc = "How many posts a followed hashtag brings"},
    {POST, "/api/v1/projects/{id:int}/creators", creator_add, .access = ACCESS_USER,
     .scope = "projects:write", .in = &creator_link_record, .out = &project_record,
     .idempotent = true, .errors = "400 403 404 409", .rate = RATE_WRITE, .not_integer = INVALID_ID,
     .tag = "projects", .doc = "Follow a creator on one platform"},
    {DELETE, "/api/v1/projects/{id:int}/creators/{link_id:int}", creator_remove,
     .access = ACCESS_USER, .scope = "projects:write", .status = 204, .errors = "400 403 404",
     .rate = RATE_WRITE, .not_integer = INVALID_ID, .tag = "projects",
     .doc = "Follow a creator no more"},
    {0},
};

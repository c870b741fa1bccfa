/* SPDX-License-Identifier: Apache-2.0
 * Posts of a project: pages, search of creators, exports. */
#include "products/veyl/export.h"
#include "products/veyl/project.h"
#include "products/veyl/queries.h"
#include "products/veyl/routes.h"

typedef struct PageQuery {
    Str platform, cursor, sort;
    int64_t limit;
} PageQuery;
static const char *const sorts[] = {"-posted_at", "posted_at", "-score", NULL};
static const Field page_query_fields[] = {
    FIELD(PageQuery, platform, .max = 50, .doc = "One platform, or `meta`: instagram and facebook"),
    FIELD(PageQuery, limit, .min = 1, .max = 500, .fallback = "60"),
    FIELD(PageQuery, cursor, .max = 512, .doc = "Where the last page ended, from its Link header"),
    FIELD(PageQuery, sort, .values = sorts, .fallback = "\"-posted_at\"",
          .doc = "Newest first unless said"),
};
static const Record page_query_record = RECORD(PageQuery, page_query_fields);

typedef struct PlatformPair {
    Id first, second; /* none: all */
} PlatformPair;

static Err *platforms_read(Ctx *c, Str name, PlatformPair *out) {
    Str lower = str_lower(c->arena, str_trim(name));
    bool meta = str_eq(lower, S("meta"));
    TRY(platform_filter(c, meta ? S("instagram") : lower, &out->first));
    out->second = out->first;
    return meta ? platform_filter(c, S("facebook"), &out->second) : NULL;
}

/* By score there is no index: the project's links are sorted, off the loop, and pages are
 * counted. */
static Err *top_load(Ctx *c, Id project, const PageQuery *query, PlatformPair p, Rows *rows,
                     Str *next) {
    PostCursor at = {.n = 0};
    if (query->cursor.len) TRY(post_cursor_read(c, query->cursor, &at));
    TRY(db_scan(c, SQL(SQL_PROJECT_POSTS_TOP),
                ARGS(V(project), V(at.n), V(query->limit), V(p.first), V(p.second)),
                &post_row_record, rows));
    if (rows->count == query->limit) *next = post_cursor_make(c, (Time){0}, at.n + rows->count);
    return NULL;
}

static Err *page_load(Ctx *c, Id project, const PageQuery *query, PlatformPair p, Rows *rows,
                      Str *next) {
    PostCursor at;
    bool oldest = str_eq(query->sort, S("posted_at"));
    TRY(post_cursor_read(c, query->cursor, &at));
    if (oldest && query->cursor.len == 0) at = (PostCursor){{-1}, 0};
    TRY(db_query(
        c, oldest ? SQL(SQL_PROJECT_POSTS_OLDEST) : SQL(SQL_PROJECT_POSTS_PAGE),
        ARGS(V(project), V(at.posted_at.us), V(at.n), V(query->limit), V(p.first), V(p.second)),
        &post_row_record, rows));
    const PostRow *row = rows->items;
    if (rows->count == query->limit)
        *next = post_cursor_make(c, row[rows->count - 1].posted_at, row[rows->count - 1].n);
    return NULL;
}

static Err *project_posts(Ctx *c, Call *k) {
    const PageQuery *query = k->query;
    Project project;
    PlatformPair platforms;
    Rows rows;
    Str next = {NULL, 0};
    TRY(project_load_flat(c, k->ids[0], &project));
    TRY(platforms_read(c, query->platform, &platforms));
    if (str_eq(query->sort, S("-score")))
        TRY(top_load(c, project.id, query, platforms, &rows, &next));
    else
        TRY(page_load(c, project.id, query, platforms, &rows, &next));
    bool all = id_is_none(platforms.first);
    call_list(c, k, posts_of_rows(c, rows), all ? project.posts_count : -1, next);
    return NULL;
}

/* -- export ----------------------------------------------------------------------------------- */

typedef struct ExportQuery {
    Str format;
} ExportQuery;
static const char *const formats[] = {"csv", "json", "ndjson", NULL};
static const Field export_query_fields[] = {
    FIELD(ExportQuery, format, .values = formats, .fallback = "\"json\"")};
static const Record export_query_record = RECORD(ExportQuery, export_query_fields);

static Err *reply_take(Ctx *c, void *arg, Str bytes) {
    Call *k = arg;
    return reply_write(c, k->q, k->r, bytes);
}

static Err *project_export(Ctx *c, Call *k) {
    const ExportQuery *query = k->query;
    Project project;
    PostExport e = {.sql = SQL(SQL_PROJECT_POSTS_EACH), .write = reply_take, .arg = k};
    TRY(project_load_flat(c, k->ids[0], &project));
    TRY(export_format(c, query->format, &e.format));
    e.args = ARGS(V(project.id));
    k->r->content_type = e.format == EXPORT_CSV    ? S("text/csv; charset=utf-8")
                         : e.format == EXPORT_JSON ? S("application/json")
                                                   : S("application/x-ndjson");
    reply_header(k->r, S("Content-Disposition"),
                 strf(c->arena, "attachment; filename=\"project-%lld.%.*s\"",
                      (long long)project.id.value, S_ARG(query->format)));
    k->answered = true;
    TRY(reply_begin(c, k->q, k->r));
    return posts_export(c, &e);
}

#define INVALID_ID "Project ID invalide"

const Route project_post_routes[] = {
    {GET, "/api/v1/projects/{id:int}/posts", project_posts, .access = ACCESS_USER,
     .scope = "projects:read", .query = &page_query_record, .out = &project_post_record,
     .out_list = true, .kept = true, .errors = "400 404", .not_integer = INVALID_ID,
     .tag = "projects", .doc = "Its posts, newest first"},
    {GET, "/api/v1/projects/{id:int}/export", project_export, .access = ACCESS_USER,
     .scope = "projects:read", .query = &export_query_record,
     .out_type = "text/csv, application/json, application/x-ndjson", .timeout_ms = 30 * 60 * 1000,
     .errors = "400 404", .not_integer = INVALID_ID, .tag = "projects",
     .doc = "All its posts as a file"},
    {0},
};

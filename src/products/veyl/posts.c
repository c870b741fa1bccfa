/* SPDX-License-Identifier: Apache-2.0
 * /api/v1/posts: one post at a time, and lists of them. Every write goes through ingest.h. */
#include <stdlib.h>

#include "core/map.h"
#include "products/veyl/ingest.h"
#include "products/veyl/queries.h"
#include "products/veyl/routes.h"

#define MISSING "Post non trouvé"

/* Beyond this many, what is skipped is counted by hours instead of walked over. */
enum { SKIP_WALKED = 1000, SKIP_ON_LOOP = 500, SKIP_TRENDING_MAX = 10000 };

Rows posts_of_rows(Ctx *c, Rows rows) {
    const PostRow *row = rows.items;
    Post *posts = arena_array(c->arena, Post, rows.count + 1);
    for (ptrdiff_t i = 0; i < rows.count; i++) posts[i] = post_of_row(&row[i]);
    return (Rows){posts, rows.count};
}

/* -- cursors ---------------------------------------------------------------------------------- */

/* Behind every post there is. */
static const PostCursor newest = {{253402300799000000}, INT64_MAX};

Err *post_cursor_read(Ctx *c, Str text, PostCursor *out) {
    Str values[2];
    *out = newest;
    if (text.len == 0) return NULL;
    TRY(cursor_read(c, text, values, 2));
    if (!str_to_i64(values[0], &out->posted_at.us) || !str_to_i64(values[1], &out->n))
        FAIL(c, BAD_REQUEST, "The cursor is not one of this list.");
    return NULL;
}

Str post_cursor_make(Ctx *c, Time posted_at, int64_t n) {
    Str values[] = {strf(c->arena, "%lld", (long long)posted_at.us),
                    strf(c->arena, "%lld", (long long)n)};
    return cursor_make(c, values, 2);
}

/* -- lists ------------------------------------------------------------------------------------ */

typedef struct PostList {
    int64_t skip, limit;
    Str platform;
    bool trending;
    Str cursor;
} PostList;
static const Field post_list_fields[] = {
    FIELD(PostList, skip, .min = 0, .max = 1000000000, .fallback = "0"),
    FIELD(PostList, limit, .min = 1, .max = 1000, .fallback = "100"),
    FIELD(PostList, platform, .max = 50),
    FIELD(PostList, trending, .fallback = "false", .doc = "By score_trend, where it is above 0"),
    FIELD(PostList, cursor, .max = 512, .doc = "Where the last page ended, from its Link header"),
};
static const Record post_list_record = RECORD(PostList, post_list_fields);

/* Skip whole hours: where the page begins, and how many of that hour are left to walk over. */
static Err *hours_skip(Ctx *c, Id platform, int64_t *skip, PostCursor *from, bool *beyond) {
    typedef struct Hour {
        int64_t hour, newer;
    } Hour;
    static const Field fields[] = {FIELD(Hour, hour), FIELD(Hour, newer)};
    static const Record record = RECORD(Hour, fields);
    Hour hour;
    bool found;
    TRY(db_maybe(c, SQL(SQL_POSTS_HOUR_AT), ARGS(V(*skip), V(platform)), &record, &hour, &found));
    *beyond = !found;
    if (!found) return NULL;
    *from = (PostCursor){{(hour.hour + 1) * US_PER_HOUR}, 0};
    *skip -= hour.newer;
    return NULL;
}

static int newer_first(const void *a, const void *b) {
    const PostRow *left = a, *right = b;
    if (left->posted_at.us != right->posted_at.us)
        return left->posted_at.us > right->posted_at.us ? -1 : 1;
    return left->n > right->n ? -1 : left->n < right->n;
}

/* They are in order as SQLite happens to run the statement; it does not promise it. */
static void newest_order(Rows rows) {
    PostRow *row = rows.items;
    for (ptrdiff_t i = 1; i < rows.count; i++) {
        if (newer_first(&row[i - 1], &row[i]) <= 0) continue;
        qsort(row, (size_t)rows.count, sizeof *row, newer_first);
        return;
    }
}

static Err *newest_rows(Ctx *c, const PostList *query, Id platform, int64_t skip, PostCursor from,
                        Rows *rows) {
    Value limit = V(query->limit), offset = V(skip), at = V(from.posted_at), n = V(from.n);
    if (id_is_none(platform))
        return db_query(c, SQL2(SQL_POSTS_NEWEST_SQLITE, SQL_POSTS_NEWEST_POSTGRES),
                        ARGS(limit, offset, at, n), &post_row_record, rows);
    return db_query(c, SQL2(SQL_POSTS_NEWEST_OF_SQLITE, SQL_POSTS_NEWEST_OF_POSTGRES),
                    ARGS(limit, offset, at, n, V(platform)), &post_row_record, rows);
}

static Err *newest_load(Ctx *c, const PostList *query, Id platform, Rows *rows) {
    PostCursor from;
    int64_t skip = query->skip;
    bool beyond = false;
    *rows = (Rows){0};
    TRY(post_cursor_read(c, query->cursor, &from));
    if (query->cursor.len == 0 && skip > SKIP_WALKED)
        TRY(hours_skip(c, platform, &skip, &from, &beyond));
    if (beyond) return NULL;
    TRY(newest_rows(c, query, platform, skip, from, rows));
    newest_order(*rows);
    return NULL;
}

static Err *trending_load(Ctx *c, Id platform, int64_t skip, int64_t limit, Rows *rows) {
    bool far = skip > SKIP_ON_LOOP;
    Err *(*run)(Ctx *, Sql, Args, const Record *, Rows *) = far ? db_scan : db_query;
    if (!id_is_none(platform))
        return run(c, SQL(SQL_POSTS_TRENDING_OF), ARGS(V(limit), V(skip), V(platform)),
                   &post_row_record, rows);
    return run(c, SQL2(SQL_POSTS_TRENDING_SQLITE, SQL_POSTS_TRENDING_POSTGRES),
               ARGS(V(limit), V(skip)), &post_row_record, rows);
}

static Err *posts_list(Ctx *c, Call *k) {
    const PostList *query = k->query;
    Id platform;
    Rows rows;
    int64_t total = -1;
    Str next = {NULL, 0};
    TRY(platform_filter(c, query->platform, &platform));
    if (query->trending && query->skip > SKIP_TRENDING_MAX) {
        Problems problems = {.arena = c->arena};
        problem_add(&problems, S("skip"), S("max"), "must be at most %d with trending",
                    SKIP_TRENDING_MAX);
        return problems_err(c, &problems);
    }
    if (query->trending) {
        TRY(trending_load(c, platform, query->skip, query->limit, &rows));
    } else {
        TRY(newest_load(c, query, platform, &rows));
        TRY(db_int(c, SQL(SQL_POSTS_TOTAL), ARGS(V(platform)), &total));
        const PostRow *row = rows.items;
        if (rows.count == query->limit)
            next = post_cursor_make(c, row[rows.count - 1].posted_at, row[rows.count - 1].n);
    }
    call_list(c, k, posts_of_rows(c, rows), total, next);
    return NULL;
}

typedef struct TrendingQuery {
    int64_t limit;
} TrendingQuery;
static const Field trending_query_fields[] = {
    FIELD(TrendingQuery, limit, .min = 1, .max = 100, .fallback = "50")};
static const Record trending_query_record = RECORD(TrendingQuery, trending_query_fields);

static Err *trending_answer(Ctx *c, Call *k, Str platform_name, int64_t limit) {
    Id platform;
    Rows rows;
    TRY(platform_filter(c, platform_name, &platform));
    TRY(trending_load(c, platform, 0, limit, &rows));
    call_list(c, k, posts_of_rows(c, rows), -1, (Str){NULL, 0});
    return NULL;
}

static Err *posts_trending(Ctx *c, Call *k) {
    return trending_answer(c, k, k->params[0], ((const TrendingQuery *)k->query)->limit);
}

typedef struct AnalyticsQuery {
    Str platform;
    int64_t limit;
} AnalyticsQuery;
static const Field analytics_query_fields[] = {
    FIELD(AnalyticsQuery, platform, .max = 50),
    FIELD(AnalyticsQuery, limit, .min = 1, .max = 100, .fallback = "50"),
};
static const Record analytics_query_record = RECORD(AnalyticsQuery, analytics_query_fields);

static Err *analytics_trending(Ctx *c, Call *k) {
    const AnalyticsQuery *query = k->query;
    return trending_answer(c, k, query->platform, query->limit);
}

/* -- one post --------------------------------------------------------------------------------- */

static Err *row_load(Ctx *c, Str id, PostRow *out) {
    bool found;
    TRY(db_maybe(c, SQL(SQL_POST_BY_ID), ARGS(V(id)), &post_row_record, out, &found));
    if (!found) FAIL(c, NOT_FOUND, MISSING);
    return NULL;
}

static Err *post_get(Ctx *c, Call *k) {
    PostRow row;
    TRY(row_load(c, k->params[0], &row));
    *(Post *)call_out(k) = post_of_row(&row);
    return NULL;
}

typedef struct PostWrite {
    Call *k;
    Draft draft;
    PostRow *stored; /* of a new post */
} PostWrite;

static Err *answer_fill(Ctx *c, Call *k, Str id) {
    PostRow row;
    TRY(row_load(c, id, &row));
    *(Post *)call_out(k) = post_of_row(&row);
    return call_settle(c, k);
}

/* Which of these posts are there already: names of `out`. */
static Err *ids_known(Ctx *c, const Joint *joints, ptrdiff_t count, Map *out) {
    static char there;
    Str *ids = arena_array(c->arena, Str, count);
    for (ptrdiff_t i = 0; i < count; i++) ids[i] = ((PostWrite *)joints[i].arg)->draft.post.id;
    Rows rows;
    TRY(db_query(c, SQL2(SQL_POST_IDS_SQLITE, SQL_POST_IDS_POSTGRES),
                 ARGS(V(json_of_names(c->arena, ids, count))), &post_row_record, &rows));
    for (ptrdiff_t i = 0; i < rows.count; i++) map_set(out, ((PostRow *)rows.items)[i].id, &there);
    return NULL;
}

/* The answers, as a reader would find the posts now. */
static Err *inserted_answer(Ctx *c, Joint *joints, ptrdiff_t count) {
    Rows trends;
    TRY(db_query(c, SQL(SQL_PLATFORM_TREND_LIST), NO_ARGS, &post_row_record, &trends));
    for (ptrdiff_t i = 0; i < count; i++) {
        PostWrite *w = joints[i].arg;
        if (joints[i].err) continue;
        for (ptrdiff_t k = 0; k < trends.count; k++) {
            const PostRow *trend = (PostRow *)trends.items + k;
            if (!id_eq(trend->platform_id, w->stored->platform_id)) continue;
            w->stored->week_posts = trend->week_posts;
            w->stored->week_score = trend->week_score;
        }
        *(Post *)call_out(w->k) = post_of_row(w->stored);
        TRY(call_settle(joints[i].c, w->k));
    }
    return NULL;
}

/* A platform that was left to the transaction: see post_create. */
static Err *platform_settle(Ctx *c, const Rows *platforms, PostRow *p) {
    const Platform *there = platforms->items;
    for (ptrdiff_t i = 0; i < platforms->count && id_is_none(p->platform_id); i++)
        if (str_eq(there[i].name, p->platform)) p->platform_id = there[i].id;
    return id_is_none(p->platform_id) ? platform_ensure(c, p->platform, &p->platform_id) : NULL;
}

/* Of several with the same id the first one is stored. */
static Err *posts_insert(Ctx *c, Joint *joints, ptrdiff_t count) {
    Map known = {.arena = c->arena};
    Change *changes = arena_array(c->arena, Change, count);
    ptrdiff_t made = 0;
    Rows platforms;
    int64_t first;
    TRY(db_next_change(c, count, &first));
    TRY(db_query(c, SQL(SQL_PLATFORM_NAMES), NO_ARGS, &platform_record, &platforms));
    TRY(ids_known(c, joints, count, &known));
    for (ptrdiff_t i = 0; i < count; i++) {
        PostWrite *w = joints[i].arg;
        if (map_set(&known, w->draft.post.id, w)) {
            joints[i].err = err_new(joints[i].c, ERR_CONFLICT, __func__, "Post déjà existant");
            continue;
        }
        w->stored = arena_new_of(joints[i].c->arena, PostRow);
        *w->stored = w->draft.post;
        TRY(platform_settle(c, &platforms, w->stored));
        changes[made++] = (Change){NULL, w->stored};
    }
    TRY(posts_apply(c, changes, made, first));
    return inserted_answer(c, joints, count);
}

static Err *draft_refused(Ctx *c, const char *why) {
    Problems problems = {.arena = c->arena};
    problem_add(&problems, S(""), S("value"), "%s", why);
    return problems_err(c, &problems);
}

static Err *draft_platform(Ctx *c, PostRow *p) {
    Platform platform;
    TRY(platform_resolve(c, p->platform, p->platform_id, &platform));
    if (!id_is_none(p->platform_id) && !id_eq(p->platform_id, platform.id))
        return draft_refused(c, "platform and platform_id are not the same platform");
    p->platform_id = platform.id;
    p->platform = platform.name;
    return NULL;
}

/* A platform of the known set that is only named cannot be wrong: it is looked up, or made, in the
 * transaction, once for all posts that are stored in it. */
static Err *post_create(Ctx *c, Call *k) {
    PostWrite w = {.k = k};
    draft_from_body(k->in, k->present, &w.draft);
    PostRow *p = &w.draft.post;
    if (!id_is_none(p->platform_id) || !platform_is_known(p->platform)) TRY(draft_platform(c, p));
    const char *why = draft_finish(c->arena, &w.draft);
    if (why) return draft_refused(c, why);
    if (time_is_null(p->fetched_at)) p->fetched_at = time_now();
    return db_transaction_joint(c, posts_insert, &w);
}

/* -- changing --------------------------------------------------------------------------------- */

static bool given(const PostWrite *w, const char *field) {
    return (w->k->present & record_bit(&post_in_record, field)) != 0;
}

/* What the body gives, over what is stored; null means unknown from now on. */
static void body_over(Ctx *c, PostWrite *w, PostRow *p) {
    const PostIn *in = w->k->in;
    if (given(w, "author"))
        p->author = in->author.len ? name_fold(c->arena, in->author, '@') : (Str){NULL, 0};
    if (given(w, "caption")) p->caption = in->caption;
    if (given(w, "hashtags")) p->hashtags = names_fold(c->arena, in->hashtags, '#');
    if (given(w, "mentions")) p->mentions = names_fold(c->arena, in->mentions, '@');
    if (given(w, "metrics")) {
        p->likes = in->metrics.likes;
        p->comments = in->metrics.comments;
        p->shares = in->metrics.shares;
        p->views = in->metrics.views;
    }
    if (given(w, "posted_at"))
        p->posted_at = time_is_null(in->posted_at) ? POSTED_UNKNOWN : in->posted_at;
    if (given(w, "language")) p->language = in->language;
    if (given(w, "media_url")) p->media_url = in->media_url;
    if (given(w, "sentiment")) p->sentiment = in->sentiment;
    if (given(w, "fetched_at") && !time_is_null(in->fetched_at)) p->fetched_at = in->fetched_at;
    if (given(w, "external_id")) p->external_id = in->external_id;
    if (given(w, "permalink")) p->permalink = in->permalink;
    if (given(w, "media_type")) p->media_type = in->media_type;
    if (given(w, "thumbnail_url")) p->thumbnail_url = in->thumbnail_url;
}

/* With a new caption, what is read off captions is read again, unless the body says it. */
static unsigned known_of(const PostWrite *w) {
    if (!given(w, "caption"))
        return GIVEN_HASHTAGS | GIVEN_MENTIONS | GIVEN_LANGUAGE | GIVEN_SENTIMENT;
    return (given(w, "hashtags") ? GIVEN_HASHTAGS : 0u) |
           (given(w, "mentions") ? GIVEN_MENTIONS : 0u) |
           (given(w, "language") ? GIVEN_LANGUAGE : 0u) |
           (given(w, "sentiment") ? GIVEN_SENTIMENT : 0u);
}

static Err *post_rewrite(Ctx *c, void *arg) {
    PostWrite *w = arg;
    PostRow *before = arena_new_of(c->arena, PostRow);
    int64_t first;
    TRY(db_next_change(c, 1, &first));
    TRY(row_load(c, w->k->params[0], before));
    w->draft = (Draft){.post = *before, .given = known_of(w)};
    body_over(c, w, &w->draft.post);
    if (w->draft.post.posted_at.us < 0) return draft_refused(c, "posted_at is before 1970");
    draft_derive(c->arena, &w->draft);
    Change change = {before, &w->draft.post};
    TRY(posts_apply(c, &change, 1, first));
    return answer_fill(c, w->k, before->id);
}

static Err *post_update(Ctx *c, Call *k) {
    PostWrite w = {.k = k};
    return db_transaction(c, post_rewrite, &w);
}

static Err *post_erase(Ctx *c, void *arg) {
    PostRow *before = arena_new_of(c->arena, PostRow);
    int64_t first;
    TRY(db_next_change(c, 1, &first));
    TRY(row_load(c, *(Str *)arg, before));
    Change change = {before, NULL};
    return posts_apply(c, &change, 1, first);
}

static Err *post_delete(Ctx *c, Call *k) {
    TRY(db_transaction(c, post_erase, &k->params[0]));
    call_message(c, k, S("Post supprimé"));
    return NULL;
}

#define READS .access = ACCESS_USER, .scope = "posts:read", .kept = true, .tag = "posts"
#define WRITES .access = ACCESS_USER, .scope = "posts:write", .tag = "posts", .rate = RATE_WRITE
#define TRENDING .query = &trending_query_record, .out = &post_record, .out_list = true

const Route post_routes[] = {
    {GET, "/api/v1/posts", posts_list, READS, .query = &post_list_record, .out = &post_record,
     .out_list = true, .errors = "400", .doc = "Posts, newest first, or by score_trend"},
    {POST, "/api/v1/posts", post_create, WRITES, .in = &post_in_record, .out = &post_record,
     .idempotent = true, .errors = "400 409", .doc = "Store a post"},
    {GET, "/api/v1/posts/trending", posts_trending, READS, TRENDING, .doc = "Posts by score_trend"},
    {GET, "/api/v1/posts/trending/global", posts_trending, READS, TRENDING,
     .doc = "The same, of all platforms"},
    {GET, "/api/v1/posts/trending/{platform}", posts_trending, READS, TRENDING, .errors = "400",
     .doc = "The same, of one platform"},
    {GET, "/api/v1/analytics/trending", analytics_trending, .access = ACCESS_USER,
     .scope = "posts:read", .tag = "analytics", .query = &analytics_query_record,
     .out = &post_record, .out_list = true, .kept = true, .errors = "400",
     .doc = "Posts by score_trend"},
    {GET, "/api/v1/posts/{post_id}", post_get, READS, .out = &post_record, .errors = "404",
     .doc = "One post"},
    {PUT, "/api/v1/posts/{post_id}", post_update, WRITES, .in = &post_in_record, .in_change = true,
     .out = &post_record, .errors = "404", .doc = "Change what is given"},
    {DELETE, "/api/v1/posts/{post_id}", post_delete, WRITES, .out = &message_record,
     .errors = "404", .doc = "Delete a post"},
    {0},
};

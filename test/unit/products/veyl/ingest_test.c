/* SPDX-License-Identifier: Apache-2.0
 * The invariants of ingest.h hold after any sequence of posts made, changed, removed and links
 * coming and going, on both engines: every kept figure is counted again by its definition. */
#include "core/rand.h"
#include "products/veyl/ingest.h"
#include "products/veyl/project.h"
#include "products/veyl/queries.h"
#include "products/veyl/search_sql.h"
#include "unit/work/work_world.h"

/* No row may come of any of these. */
static const char *const wrong_sqlite[] = {
    "SELECT count(*) FROM hashtags h WHERE posts_count <> (SELECT count(*) FROM posts p, "
    "json_each(p.hashtags) j "
    "WHERE j.value = h.name AND p.platform_id = h.platform_id) OR engagement <> (SELECT "
    "coalesce(sum(p.score), 0) "
    "FROM posts p, json_each(p.hashtags) j WHERE j.value = h.name AND p.platform_id = "
    "h.platform_id)",
    "SELECT count(*) FROM (SELECT p.n, p.posted_at, p.score, h.id, CAST(round(p.sentiment * 10000) "
    "AS INTEGER) FROM posts p, "
    "json_each(p.hashtags) j JOIN hashtags h ON h.name = j.value AND h.platform_id = p.platform_id "
    "EXCEPT SELECT n, posted_us, score, hashtag_id, sentiment FROM post_tags)",
    "SELECT count(*) FROM (SELECT n, posted_us, score, hashtag_id, sentiment FROM post_tags EXCEPT "
    "SELECT p.n, p.posted_at, p.score, "
    "h.id, CAST(round(p.sentiment * 10000) AS INTEGER) FROM posts p, json_each(p.hashtags) j JOIN "
    "hashtags h ON h.name = j.value "
    "AND h.platform_id = p.platform_id)",
    "SELECT count(*) FROM platforms WHERE posts_count <> (SELECT count(*) FROM posts p WHERE "
    "p.platform_id = platforms.id)",
    "SELECT count(*) FROM (SELECT platform_id, posted_at / 3600000000, count(*), sum(score), "
    "max(score), "
    "coalesce(sum(CAST(round(sentiment * 10000) AS INTEGER)), 0), count(sentiment) FROM posts "
    "GROUP BY 1, 2 "
    "EXCEPT SELECT * FROM post_hours)",
    "SELECT count(*) FROM post_hours WHERE posts = 0 OR NOT EXISTS (SELECT 1 FROM posts p WHERE "
    "p.platform_id = "
    "post_hours.platform_id AND p.posted_at / 3600000000 = hour)",
    "SELECT count(*) FROM posts WHERE score <> coalesce(likes, 0) + coalesce(comments, 0) + "
    "coalesce(shares, 0)",
};

static const char *const wrong_both[] = {
    "SELECT count(*) FROM projects WHERE posts_count <> (SELECT count(*) FROM project_posts l "
    "WHERE l.project_id = projects.id)",
    "SELECT count(*) FROM (SELECT l.project_id, t.n FROM project_hashtags l JOIN post_tags t ON "
    "t.hashtag_id = l.hashtag_id "
    "UNION SELECT l.project_id, p.n FROM project_creators l JOIN posts p ON p.platform_id = "
    "l.platform_id AND p.author = "
    "l.creator_username EXCEPT SELECT project_id, n FROM project_posts) x",
    "SELECT count(*) FROM (SELECT project_id, n FROM project_posts EXCEPT SELECT l.project_id, t.n "
    "FROM project_hashtags l "
    "JOIN post_tags t ON t.hashtag_id = l.hashtag_id EXCEPT SELECT l.project_id, p.n FROM "
    "project_creators l JOIN posts p ON "
    "p.platform_id = l.platform_id AND p.author = l.creator_username) x",
    "SELECT count(*) FROM project_posts l JOIN posts p ON p.n = l.n WHERE p.score <> l.score OR "
    "p.platform_id <> l.platform_id",
    "SELECT count(*) FROM project_posts l WHERE links <> (SELECT count(*) FROM project_hashtags k "
    "JOIN post_tags t ON "
    "t.hashtag_id = k.hashtag_id WHERE k.project_id = l.project_id AND t.n = l.n) + (SELECT "
    "count(*) FROM project_creators k "
    "JOIN posts p ON p.platform_id = k.platform_id AND p.author = k.creator_username WHERE "
    "k.project_id = l.project_id AND p.n = l.n)",
    "SELECT count(*) - count(DISTINCT change_seq) FROM posts",
    "SELECT count(*) FROM post_tags t WHERE NOT EXISTS (SELECT 1 FROM posts p WHERE p.n = t.n AND "
    "p.score = t.score)",
};

static bool all_right(Ctx *c) {
    bool right = true;
    for (ptrdiff_t i = 0; i < COUNT(wrong_both); i++)
        right &= t_check_int(count_rows(c, wrong_both[i]), 0, wrong_both[i], __FILE__, __LINE__);
    for (ptrdiff_t i = 0; db_engine(c) == ENGINE_SQLITE && i < COUNT(wrong_sqlite); i++)
        right &=
            t_check_int(count_rows(c, wrong_sqlite[i]), 0, wrong_sqlite[i], __FILE__, __LINE__);
    return right;
}

/* -- making things ---------------------------------------------------------------------------- */

static const char *const words[] = {"mode",  "paris", "été",    "food",
                                    "sport", "art",   "voyage", "cuisine"};
static const char *const people[] = {"ana", "bob", "chloé", "dan"};
static const char *const networks[] = {"instagram", "tiktok", "facebook"};

static OptInt some_count(Rand *r) {
    return rand_below(r, 5) ? (OptInt){rand_below(r, 1000), true} : (OptInt){0};
}

static Draft some_draft(Ctx *c, Rand *r, int64_t ids) {
    Draft d = {.given = GIVEN_HASHTAGS | GIVEN_MENTIONS};
    int64_t id = rand_below(r, ids);
    StrList tags = {arena_array(c->arena, Str, 8), 0};
    for (int64_t i = rand_below(r, 5); i > 0; i--)
        tags.items[tags.count++] = str_c(words[rand_below(r, COUNT(words))]);
    Time now = time_now();
    d.post = (PostRow){
        .id = strf(c->arena, "p%lld", (long long)id),
        .platform = str_c(networks[id % 3]),
        .author = rand_below(r, 6) ? str_c(people[rand_below(r, COUNT(people))]) : (Str){NULL, 0},
        .caption = rand_below(r, 2) ? S("une très belle journée") : S("nothing to say, horrible"),
        .hashtags = tags,
        .likes = some_count(r),
        .comments = some_count(r),
        .shares = some_count(r),
        .views = some_count(r),
        .posted_at = rand_below(r, 8) ? (Time){now.us - rand_below(r, 10 * US_PER_DAY)} : TIME_NULL,
        .fetched_at = TIME_NULL,
    };
    CHECK(draft_finish(c->arena, &d) == NULL);
    return d;
}

static Id project_new(Ctx *c) {
    static int made;
    int64_t user = -1, project = -1;
    GOOD(db_int(c,
                SQL2("INSERT INTO users (uid, email, name, created_at, updated_at) VALUES ($1, $2, "
                     "'x', $3, $3) RETURNING id",
                     "INSERT INTO users (uid, email, name, created_at, updated_at) VALUES "
                     "(CAST(CAST($1 AS text) AS uuid), $2, 'x', $3, $3) RETURNING id"),
                ARGS(V(uuid_v4(c->arena)), V(strf(c->arena, "u%d@x.org", ++made)), V(time_now())),
                &user));
    GOOD(db_int(c, SQL(SQL_PROJECT_ADD),
                ARGS(V(user), value_null(), V(S("p")), value_null(), V(S("draft")),
                     V(((JsonText){S("[]")})), V(time_now())),
                &project));
    return (Id){project};
}

typedef struct Step {
    Id project;
    Rand *rand;
} Step;

static Err *link_step(Ctx *c, void *arg) {
    Step *s = arg;
    Id platform;
    bool linked;
    RecordList hashtags, creators;
    TRY(project_lock(c, s->project));
    TRY(platform_ensure(c, str_c(networks[rand_below(s->rand, 3)]), &platform));
    TRY(project_hashtags(c, s->project, &hashtags));
    TRY(project_creators(c, s->project, &creators));
    int64_t dice = rand_below(s->rand, 6);
    if (dice < 2)
        TRY(project_hashtag_link(c, s->project, str_c(words[rand_below(s->rand, COUNT(words))]),
                                 platform, &linked));
    else if (dice < 4)
        TRY(project_creator_link(c, s->project, str_c(people[rand_below(s->rand, COUNT(people))]),
                                 platform, &linked));
    else if (dice == 4 && hashtags.count)
        TRY(project_hashtag_unlink(c, s->project, hashtags.items));
    else if (creators.count)
        TRY(project_creator_unlink(c, s->project, creators.items));
    return project_scope_refresh(c, s->project);
}

static Err *remove_step(Ctx *c, void *arg) {
    Str *id = arg;
    PostRow *row = arena_new_of(c->arena, PostRow);
    int64_t first;
    bool found;
    TRY(db_next_change(c, 1, &first));
    TRY(db_maybe(c, SQL(SQL_POST_BY_ID), ARGS(V(*id)), &post_row_record, row, &found));
    Change change = {row, NULL};
    return found ? posts_apply(c, &change, 1, first) : NULL;
}

WORK(every_figure_stays_exact) {
    Rand r = {7};
    Id projects[3];
    for (int i = 0; i < 3; i++) projects[i] = project_new(c);
    for (int round = 0; round < 60; round++) {
        Draft drafts[40];
        ptrdiff_t count = 1 + rand_below(&r, 40);
        for (ptrdiff_t i = 0; i < count; i++) drafts[i] = some_draft(c, &r, 150);
        IngestCounts counts;
        MUST(posts_ingest(c, drafts, count, &counts));
        CHECK_INT(counts.created + counts.updated + counts.unchanged, count);
        Step step = {projects[rand_below(&r, 3)], &r};
        MUST(db_transaction(c, link_step, &step));
        Str id = strf(c->arena, "p%lld", (long long)rand_below(&r, 150));
        MUST(db_transaction(c, remove_step, &id));
        if (round % 6 == 0 && !all_right(c)) return;
    }
    all_right(c);
    CHECK(count_rows(c, "SELECT count(*) FROM posts_deleted") > 0);
    CHECK(count_rows(c, "SELECT max(posts_count) FROM projects") > 0);
}

WORK(the_weeks_mean_follows_every_write) {
    Rand r = {11};
    for (int round = 0; round < 10; round++) {
        Draft drafts[30];
        for (ptrdiff_t i = 0; i < 30; i++) drafts[i] = some_draft(c, &r, 60);
        IngestCounts counts;
        MUST(posts_ingest(c, drafts, 30, &counts));
    }
    Time now = time_now(), from = time_add(now, -7 * US_PER_DAY);
    /* As it stands after ingest, and as the schedule computes it anew. */
    for (int refreshed = 0; refreshed <= 1; refreshed++) {
        int64_t differs;
        MUST(db_int(c,
                    SQL("SELECT count(*) FROM platforms WHERE week_posts <> (SELECT count(*) FROM "
                        "posts p WHERE p.platform_id = "
                        "platforms.id AND p.posted_at >= $1 AND p.posted_at <= $2) OR week_score "
                        "<> (SELECT coalesce(sum(p.score), 0) "
                        "FROM posts p WHERE p.platform_id = platforms.id AND p.posted_at >= $1 AND "
                        "p.posted_at <= $2)"),
                    ARGS(V(from), V(now)), &differs));
        CHECK_INT(differs, 0);
        MUST(platform_week_refresh(c, (Id){0}));
    }
}

WORK(counts_tell_made_from_changed_from_known) {
    Draft d = {.post = {.id = S("a"),
                        .platform = S("tiktok"),
                        .caption = S("hello #one"),
                        .likes = {5, true},
                        .posted_at = {1700000000000000},
                        .fetched_at = TIME_NULL}};
    CHECK(draft_finish(c->arena, &d) == NULL);
    IngestCounts counts;
    Draft again = d;
    MUST(posts_ingest(c, &again, 1, &counts));
    CHECK_INT(counts.created, 1);
    again = d;
    MUST(posts_ingest(c, &again, 1, &counts));
    CHECK_INT(counts.unchanged, 1);
    /* A count that is not known now leaves the known one. */
    again = d;
    again.post.likes = (OptInt){0};
    MUST(posts_ingest(c, &again, 1, &counts));
    CHECK_INT(counts.unchanged, 1);
    again = d;
    again.post.likes = (OptInt){9, true};
    MUST(posts_ingest(c, &again, 1, &counts));
    CHECK_INT(counts.updated, 1);
    PostRow row = {0};
    MUST(db_one(c, SQL(SQL_POST_BY_ID), ARGS(V(S("a"))), &post_row_record, &row));
    CHECK_INT(row.score, 9);
    CHECK(!row.views.set);
    /* The same id twice in one batch. */
    Draft twice[2] = {d, d};
    twice[0].post.id = twice[1].post.id = S("b");
    twice[1].post.likes = (OptInt){6, true};
    MUST(posts_ingest(c, twice, 2, &counts));
    CHECK_INT(counts.created, 1);
    CHECK_INT(counts.updated, 1);
    all_right(c);
}

WORK(bad_drafts_stay_out_alone) {
    Draft d[4] = {
        {.post = {.id = S("x1"),
                  .platform = S("tiktok"),
                  .fetched_at = TIME_NULL,
                  .posted_at = TIME_NULL}},
        {.post = {.id = S("x2"),
                  .platform = S("nowhere"),
                  .fetched_at = TIME_NULL,
                  .posted_at = TIME_NULL}},
        {.post = {.id = S("x1"),
                  .platform = S("facebook"),
                  .fetched_at = TIME_NULL,
                  .posted_at = TIME_NULL}},
        {.post = {
             .id = S("x3"), .platform_id = {99}, .fetched_at = TIME_NULL, .posted_at = TIME_NULL}}};
    for (int i = 0; i < 4; i++) draft_finish(c->arena, &d[i]);
    IngestCounts counts;
    MUST(posts_ingest(c, d, 4, &counts));
    CHECK_INT(counts.created, 1);
    CHECK(d[0].problem == NULL);
    CHECK_STR(str_c(d[1].problem), S("Plateforme non trouvée"));
    CHECK(d[2].problem != NULL);
    CHECK_STR(str_c(d[3].problem), S("Plateforme non trouvée"));
    CHECK_INT(count_rows(c, "SELECT count(*) FROM platforms WHERE name = 'nowhere'"), 0);
}

/* Statements that only the other engine has are left out. */
WORK(every_statement_is_prepared) {
    typedef struct Named {
        const char *name, *text;
    } Named;
    static const Named all[] = {
#define X(name, text) {#name, text},
        VEYL_QUERIES(X)
        VEYL_SEARCH(X)
#undef X
    };
    static const char *const sqlite_only[] = {"view_hashtags_clear", "view_hashtags_fill",
                                              "view_posts_fill", "view_posts_drop"};
    for (ptrdiff_t i = 0; i < COUNT(all); i++) {
        Str name = str_c(all[i].name);
        bool here = db_engine(c) == ENGINE_SQLITE ? !str_ends(name, S("_postgres"))
                                                  : !str_ends(name, S("_sqlite"));
        for (ptrdiff_t k = 0; db_engine(c) == ENGINE_POSTGRES && k < COUNT(sqlite_only); k++)
            here &= !str_eq(name, str_c(sqlite_only[k]));
        if (here) t_check(GOOD(db_check(c, SQL(all[i].text))), all[i].name, __FILE__, __LINE__);
    }
}

T_MAIN(BOTH_ROWS(every_figure_stays_exact), BOTH_ROWS(the_weeks_mean_follows_every_write),
       BOTH_ROWS(counts_tell_made_from_changed_from_known), BOTH_ROWS(bad_drafts_stay_out_alone),
       BOTH_ROWS(every_statement_is_prepared))

/* SPDX-License-Identifier: Apache-2.0
 * Every shape of posts, from small texts of our own making, cut at every place. */
#include <stdlib.h>

#include "products/veyl/source.h"
#include "t.h"

static Ctx *c;

typedef struct Read {
    Draft drafts[64], rejects[64];
    ptrdiff_t count, reject_count;
    const char *broken, *shape;
    bool unknown;
} Read;

static Read read_steps(const char *text, SourceOptions options, ptrdiff_t step) {
    Read r = {0};
    Str all = str_c(text);
    Source *s = source_new(options);
    if (!s) return (Read){.unknown = true};
    for (ptrdiff_t at = 0;;) {
        Draft draft;
        SourceGot got = source_next(s, c, &draft);
        if (got == SOURCE_DRAFT && r.count < 64)
            r.drafts[r.count++] = draft;
        else if (got == SOURCE_REJECT && r.reject_count < 64)
            r.rejects[r.reject_count++] = draft;
        else if (got == SOURCE_MORE && at >= all.len)
            source_end(s);
        else if (got == SOURCE_MORE)
            source_feed(s, str_slice(all, at, at + step)), at += step;
        else if (got == SOURCE_DONE)
            break;
        else if (got == SOURCE_BROKEN) {
            r.broken = source_broken(s);
            break;
        }
    }
    r.shape = source_shape(s);
    source_free(s);
    return r;
}

static Read read_text(const char *text) { return read_steps(text, (SourceOptions){0}, 1 << 20); }

#define POST_A                                                                                      \
    "{\"id\":\"instagram_1\",\"platform\":\"instagram\",\"caption\":\"Une #Belle "                  \
    "journée\",\"posted_at\":\"2026-05-01T10:00:00Z\",\"metrics\":{\"likes\":3,\"comments\":null," \
    "\"shares\":2}}"
#define POST_B                                                                                     \
    "{\"id\":\"tiktok_2\",\"platform\":\"tiktok\",\"hashtags\":[\"#Mode\",\"mode\"],\"metrics\":{" \
    "\"views\":9}}"

TEST(reads_lines_and_names_the_bad_one) {
    Read r = read_text(POST_A "\n\n{\"id\": broken\n" POST_B "\n{\"id\":\"x\"}");
    CHECK_INT(r.count, 2);
    CHECK_INT(r.reject_count, 2);
    CHECK_INT(r.rejects[0].record, 3);
    CHECK_INT(r.rejects[1].record, 5);
    CHECK(str_find(str_c(r.rejects[1].problem), S("platform is missing")) >= 0);
    CHECK_INT(r.drafts[0].post.score, 5);
    CHECK(!r.drafts[0].post.comments.set && !r.drafts[0].post.views.set);
    CHECK_STR(r.drafts[0].post.hashtags.items[0], S("belle"));
    CHECK_INT(r.drafts[1].post.hashtags.count, 1);
    CHECK_INT(r.drafts[1].post.posted_at.us, POSTED_UNKNOWN.us);
}

TEST(reads_an_array_cut_anywhere) {
    const char *text = " [ " POST_A ",\n" POST_B " , {\"platform\":7}, [1], \"]\"] ";
    for (ptrdiff_t step = 1; step < 200; step += 7) {
        Read r = read_steps(text, (SourceOptions){0}, step);
        CHECK_INT(r.count, 2);
        CHECK_INT(r.reject_count, 3);
        CHECK_INT(r.rejects[0].record, 3);
    }
    CHECK_INT(read_text("[]").count, 0);
    CHECK(read_text("[]").broken == NULL);
    CHECK(read_text("[" POST_A).broken != NULL);
    CHECK_INT(read_text("[" POST_A).count, 0);
    CHECK(read_text("[" POST_A ",").broken != NULL);
}

TEST(reads_one_object_and_nothing) {
    CHECK_INT(read_text(POST_A).count, 1);
    CHECK_INT(read_text("").count + read_text(" \n ").count, 0);
    CHECK(read_text("").broken == NULL);
    CHECK_INT(read_text("\xEF\xBB\xBF" POST_A "\n" POST_B).count, 2);
    CHECK_INT(read_text("hello\n" POST_A).count, 1);
    CHECK_INT(read_text("hello\n" POST_A).reject_count, 1);
}

TEST(refuses_what_is_no_post) {
    Read r = read_text("{\"data\":[{\"id\":\"1\",\"name\":\"love\"}]}");
    CHECK_INT(r.count, 0);
    CHECK_INT(r.reject_count, 1);
    r = read_text("{\"id\":\"a\",\"platform\":\"x\",\"metrics\":{\"likes\":-1}}");
    CHECK_INT(r.reject_count, 1);
    CHECK(str_find(str_c(r.rejects[0].problem), S("metrics.likes")) >= 0);
    r = read_text("{\"id\":\"a\",\"platform\":\"x\",\"posted_at\":\"1969-01-01T00:00:00Z\"}");
    CHECK_INT(r.reject_count, 1);
    CHECK(read_steps(POST_A, (SourceOptions){.format = S("nonsense")}, 100).unknown);
}

TEST(reads_tiktok_answers) {
    Read r = read_text("{\"data\":{\"videos\":[{\"id\":\"7080\",\"create_time\":1650000000,\"share_"
                       "url\":\"https://www.tiktok.com/@Ana.b/video/7080?x=1\","
                       "\"video_description\":\"Hello #FYP "
                       "@bob\",\"like_count\":5,\"view_count\":100}],\"cursor\":1,\"has_more\":"
                       "false},\"error\":{\"code\":\"ok\"}}");
    CHECK_INT(r.count, 1);
    PostRow *p = &r.drafts[0].post;
    CHECK_STR(p->id, S("tiktok_7080"));
    CHECK_STR(p->author, S("ana.b"));
    CHECK_STR(p->mentions.items[0], S("bob"));
    CHECK_INT(p->posted_at.us, 1650000000 * US_PER_SECOND);
    CHECK_INT(p->score, 5);
    CHECK(!p->shares.set);
    r = read_text(
        "{\"media\":[{\"video_id\":\"6741\",\"create_time\":\"1569608224\",\"description\":\"#"
        "draw\",\"author\":{\"uniqueId\":\"x\"},"
        "\"statistics\":{\"diggCount\":1,\"shareCount\":2,\"commentCount\":3,\"playCount\":4}}]}");
    CHECK_INT(r.count, 1);
    CHECK_INT(r.drafts[0].post.score, 6);
    CHECK_STR(str_c(r.shape), S("tiktok-web"));
}

TEST(reads_instagram_answers) {
    Read r = read_text("{\"business_discovery\":{\"username\":\"BlueBottle\",\"media\":{\"data\":[{"
                       "\"id\":\"178\",\"caption\":\"c\",\"comments_count\":1,"
                       "\"media_type\":\"IMAGE\",\"permalink\":\"https://www.instagram.com/p/CSr/"
                       "\",\"timestamp\":\"2021-08-17T19:00:42+0000\"}]}},\"id\":\"1\"}");
    CHECK_INT(r.count, 1);
    CHECK_STR(r.drafts[0].post.author, S("bluebottle"));
    CHECK(!r.drafts[0].post.likes.set);
    CHECK_INT(r.drafts[0].post.posted_at.us, 1629226842 * US_PER_SECOND);
    r = read_text(
        "[{\"ownerUsername\":\"A\",\"url\":\"https://www.instagram.com/p/DVb_x/"
        "\",\"likesCount\":-1,\"commentsCount\":4,\"timestamp\":\"2026-03-03T15:16:33.000Z\"}]");
    CHECK_INT(r.count, 1);
    CHECK_STR(r.drafts[0].post.id, S("instagram_DVb_x"));
    CHECK(!r.drafts[0].post.likes.set);
    r = read_text("{\"user\":{\"username\":\"onions\",\"media\":{\"nodes\":[{\"code\":\"B\",\"id\":"
                  "\"9\",\"date\":1510779344,\"display_src\":\"https://x/"
                  "y\",\"likes\":{\"count\":2},\"comments\":{\"count\":1}}]}}}");
    CHECK_INT(r.count, 1);
    CHECK_STR(r.drafts[0].post.author, S("onions"));
    CHECK_INT(r.drafts[0].post.score, 3);
}

TEST(reads_facebook_answers) {
    Read r = read_text(
        "{\"data\":[{\"id\":\"19_10\",\"message\":\"Hi\",\"created_time\":\"2021-07-08T15:30:19+"
        "0000\",\"reactions\":{\"summary\":{\"total_count\":7}},\"shares\":{\"count\":2}}]}");
    CHECK_INT(r.count, 1);
    CHECK_STR(r.drafts[0].post.author, S("19"));
    CHECK_INT(r.drafts[0].post.score, 9);
    r = read_text("{\"1_2\":{\"id\":\"1_2\",\"created_time\":\"2021-07-08T15:30:19+0000\"},\"1_3\":"
                  "{\"id\":\"1_3\",\"created_time\":\"2021-07-08T15:30:19+0000\"}}");
    CHECK_INT(r.count, 2);
}

TEST(reads_csv_with_quotes_and_lines_inside) {
    const char *text =
        "id,create_time,user_name,hashtags,song,n_likes,n_shares,n_comments,n_plays\r\n"
        "68,1604768557,john,\"['a', \"\"b'c\"\", 'É']\",\"x\ny, z\",10,1,2,400\r\n"
        "bad,1,x,[],s,1,1,1,1\n"
        "69,,ann,[],,,,,\n";
    for (ptrdiff_t step = 1; step < 60; step += 5) {
        Read r = read_steps(text, (SourceOptions){0}, step);
        CHECK_INT(r.count, 2);
        CHECK_INT(r.reject_count, 1);
        CHECK_INT(r.rejects[0].record, 3);
        CHECK_INT(r.drafts[0].post.hashtags.count, 3);
        CHECK_STR(r.drafts[0].post.hashtags.items[1], S("b'c"));
        CHECK_STR(r.drafts[0].post.hashtags.items[2], S("é"));
        CHECK_INT(r.drafts[0].post.score, 13);
        CHECK(!r.drafts[1].post.likes.set);
    }
}

TEST(names_a_facebook_page_by_its_file) {
    const char *text = "status_id,status_message,link_name,status_type,status_link,status_"
                       "published,num_reactions,num_comments,num_shares,num_likes\n"
                       "55_1,\"Say \"\"Now.\"\"\",x,link,http://c,2016-06-23 09:20:01,56,10,1,49\n";
    Read r = read_steps(text, (SourceOptions){.file_name = S("cnn_facebook_statuses.csv")}, 1000);
    CHECK_INT(r.count, 1);
    CHECK_STR(r.drafts[0].post.author, S("cnn"));
    CHECK_STR(r.drafts[0].post.caption, S("Say \"Now.\""));
    CHECK_INT(r.drafts[0].post.likes.value, 56);
    CHECK_STR(read_text(text).drafts[0].post.author, S("55"));
}

TEST(forgets_a_line_that_never_ends) {
    Source *s = source_new((SourceOptions){.lines = true});
    Draft draft;
    Str block = str_of(arena_alloc(c->arena, 1, 256 * KIB), 256 * KIB);
    memset((char *)(uintptr_t)block.data, 'x', (size_t)block.len);
    for (int i = 0; i < 40; i++) {
        source_feed(s, block);
        CHECK_INT(source_next(s, c, &draft), SOURCE_MORE);
    }
    CHECK(source_held(s) < 4 * MIB);
    source_feed(s, S("\n" POST_A "\n"));
    CHECK_INT(source_next(s, c, &draft), SOURCE_REJECT);
    CHECK_INT(source_next(s, c, &draft), SOURCE_DRAFT);
    source_free(s);
}

TEST(streams_a_document_too_long_to_hold) {
    Source *s = source_new((SourceOptions){0});
    Draft draft;
    source_feed(s, S("{\"has_more\":true,\"nested\":{\"data\":{\"x\":[1]}},\"data\":["));
    ptrdiff_t posts = 0, got_posts = 0, fed = 0;
    ptrdiff_t held = 0;
    while (fed < 40 * MIB) {
        ArenaMark mark = arena_mark(c->arena);
        Str post =
            strf(c->arena, "%s{\"id\":\"tiktok_%td\",\"platform\":\"tiktok\",\"caption\":\"%0*d\"}",
                 posts ? "," : "", posts, 9000, 1);
        posts++;
        fed += post.len;
        source_feed(s, post);
        SourceGot got;
        while ((got = source_next(s, c, &draft)) == SOURCE_DRAFT) got_posts++;
        CHECK_INT(got, SOURCE_MORE);
        held = max_size(held, source_held(s));
        arena_release(c->arena, mark);
    }
    source_feed(s, S("],\"paging\":{}}"));
    source_end(s);
    while (source_next(s, c, &draft) == SOURCE_DRAFT) got_posts++;
    CHECK_INT(source_next(s, c, &draft), SOURCE_DONE);
    CHECK_INT(got_posts, posts);
    CHECK(held <= 36 * MIB);
    source_free(s);
}

/* -- files that people have ------------------------------------------------------------------- */

static char *shared_file(const char *name) {
    const char *folder = getenv("SOCLE_SHARED_DATA"), *root = getenv("SOCLE_TEST_ROOT");
    Str path = folder ? strf(c->arena, "%s/%s", folder, name)
                      : strf(c->arena, "%s/../shared/data/%s", root ? root : ".", name);
    FILE *file = fopen(str_cstr(c->arena, path), "rb");
    if (!file) return NULL;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = arena_alloc(c->arena, 1, size + 1);
    size_t got = fread(text, 1, (size_t)size, file);
    fclose(file);
    return got == (size_t)size ? text : NULL;
}

typedef struct Totals {
    int64_t drafts, rejects, likes, hashtags;
} Totals;

static Totals totals_of(const char *text, const char *name) {
    Totals t = {0};
    Source *s = source_new((SourceOptions){.file_name = str_c(name)});
    source_feed(s, str_c(text));
    source_end(s);
    for (;;) {
        Draft draft;
        ArenaMark mark = arena_mark(c->arena);
        SourceGot got = source_next(s, c, &draft);
        if (got == SOURCE_DRAFT) {
            t.drafts++;
            t.likes += draft.post.likes.set ? draft.post.likes.value : 0;
            t.hashtags += draft.post.hashtags.count;
        }
        if (got == SOURCE_REJECT) t.rejects++;
        arena_release(c->arena, mark);
        if (got == SOURCE_DONE || got == SOURCE_BROKEN) break;
    }
    source_free(s);
    return t;
}

typedef struct Expected {
    const char *file;
    int64_t drafts, rejects, likes;
} Expected;

/* Figures counted by another program (python3 csv and json) over the same files. */
static const Expected expected[] = {
    {"social/tiktok/HashtagFeed.json", 93, 0, -1},
    {"social/tiktok/VideoInfoMetaData.json", 1, 0, 4800000},
    {"social/feeds/facebook.json", 25, 0, 0},
    {"social/feeds/facebook.3.json", 0, 0, 0},
    {"social/feeds/instagram.json", 12, 0, -1},
    {"social/graph/instagram/discovery/medias_p1.json", -1, 0, -1},
    {"social/graph/instagram/hashtags/hashtag_recent_medias_p1.json", 5, 0, 3349},
    {"social/graph/instagram/medias/media_default.json", 1, 0, -1},
    {"social/graph/instagram/users/mentioned_media.json", 1, 0, 0},
    {"social/graph/facebook/posts/multi_posts_data.json", -1, 0, -1},
    {"social/graph/facebook/posts/single_post_data_fields.json", 1, 0, 0},
    {"social/graph/facebook/videos/videos_p1.json", -1, 0, -1},
    {"social/facebook/neymar_facebook_statuses.csv", 0, 0, 0},
    {"social/facebook/starbucks_facebook_statuses.csv", -1, 0, -1},
};

TEST(reads_the_files_people_have) {
    if (!shared_file("social/tiktok/HashtagFeed.json")) SKIP("the shared data is not here");
    for (ptrdiff_t i = 0; i < COUNT(expected); i++) {
        const Expected *e = &expected[i];
        char *text = shared_file(e->file);
        REQUIRE(text != NULL);
        const char *name = strrchr(e->file, '/') + 1;
        Totals t = totals_of(text, name);
        if (t.drafts == 0 && e->drafts != 0) printf("  in %s\n", e->file);
        if (e->drafts >= 0)
            CHECK_INT(t.drafts, e->drafts);
        else
            CHECK(t.drafts > 0);
        CHECK_INT(t.rejects, e->rejects);
        if (e->likes >= 0) CHECK_INT(t.likes, e->likes);
    }
}

static void run(Ctx *given, int argc, char **argv, int *code) {
    static const T rows[] = {
        T_ROW(reads_lines_and_names_the_bad_one),
        T_ROW(reads_an_array_cut_anywhere),
        T_ROW(reads_one_object_and_nothing),
        T_ROW(refuses_what_is_no_post),
        T_ROW(reads_tiktok_answers),
        T_ROW(reads_instagram_answers),
        T_ROW(reads_facebook_answers),
        T_ROW(reads_csv_with_quotes_and_lines_inside),
        T_ROW(names_a_facebook_page_by_its_file),
        T_ROW(forgets_a_line_that_never_ends),
        T_ROW(streams_a_document_too_long_to_hold),
        T_ROW(reads_the_files_people_have),
    };
    c = given;
    *code = t_main(argc, argv, rows, (int)COUNT(rows));
}

int main(int argc, char **argv) {
    Ctx ctx = {.arena = arena_new(512 * MIB)};
    int code = 1;
    run(&ctx, argc, argv, &code);
    ctx_undo(&ctx, NULL);
    arena_free(ctx.arena);
    return code;
}

/* SPDX-License-Identifier: Apache-2.0
 * Instagram: media of the Graph API, a scraper's posts, and nodes of the old web page. */
#include "core/json.h"
#include "products/veyl/shapes_room.h"

static bool graph_fits(const json_t *e) {
    Str type = json_str(json_at(e, "media_type"));
    bool media =
        str_eq(type, S("IMAGE")) || str_eq(type, S("VIDEO")) || str_eq(type, S("CAROUSEL_ALBUM"));
    return json_at(e, "id") &&
           (media || str_find(json_str(json_at(e, "permalink")), S("instagram.com/")) >= 0);
}

static const char *graph_read(Ctx *c, const json_t *e, const FileFacts *facts, Draft *out) {
    PostRow *p = &out->post;
    *p = (PostRow){
        .platform = S("instagram"),
        .external_id = shape_text(c->arena, json_at(e, "id")),
        .author = shape_text(c->arena, json_at(e, "username")),
        .caption = shape_text(c->arena, json_at(e, "caption")),
        .posted_at = shape_time(json_at(e, "timestamp")),
        .likes = shape_count(json_at(e, "like_count")),
        .comments = shape_count(json_at(e, "comments_count")),
        .views = shape_count(json_at(e, "view_count")),
        .media_url = shape_text(c->arena, json_at(e, "media_url")),
        .permalink = shape_text(c->arena, json_at(e, "permalink")),
        .media_type = shape_text(c->arena, json_at(e, "media_type")),
        .thumbnail_url = shape_text(c->arena, json_at(e, "thumbnail_url")),
        .fetched_at = TIME_NULL,
    };
    if (str_is_null(p->author)) p->author = facts->author;
    /* An album's first picture stands for it. */
    if (str_is_null(p->media_url))
        p->media_url = shape_text(c->arena, json_path(e, "children.data.0.media_url"));
    return str_is_empty(p->external_id) ? "id is empty" : NULL;
}

const Shape shape_instagram_graph = {"instagram-graph", graph_fits, graph_read};

static bool apify_fits(const json_t *e) {
    return (json_at(e, "ownerUsername") || json_at(e, "likesCount")) &&
           str_find(json_str(json_at(e, "url")), S("instagram.com/")) >= 0;
}

static const char *apify_read(Ctx *c, const json_t *e, const FileFacts *facts, Draft *out) {
    (void)facts;
    PostRow *p = &out->post;
    *p = (PostRow){
        .platform = S("instagram"),
        .author = shape_text(c->arena, json_at(e, "ownerUsername")),
        .caption = shape_text(c->arena, json_at(e, "caption")),
        .posted_at = shape_time(json_at(e, "timestamp")),
        .likes = shape_count(json_at(e, "likesCount")),
        .comments = shape_count(json_at(e, "commentsCount")),
        .views = shape_count(json_at(e, "videoViewCount")),
        .permalink = shape_text(c->arena, json_at(e, "url")),
        .media_url = shape_text(c->arena, json_at(e, "displayUrl")),
        .media_type = shape_text(c->arena, json_at(e, "type")),
        .fetched_at = TIME_NULL,
    };
    /* The short code is in every export; the numeric id only in some. */
    p->external_id = shape_last_segment(p->permalink);
    return str_is_empty(p->external_id) ? "the address names no post" : NULL;
}

const Shape shape_instagram_apify = {"instagram-apify", apify_fits, apify_read};

static bool web_fits(const json_t *e) {
    return json_at(e, "code") && json_at(e, "date") &&
           (json_at(e, "display_src") || json_at(e, "thumbnail_src"));
}

static const char *web_read(Ctx *c, const json_t *e, const FileFacts *facts, Draft *out) {
    Str code = json_str(json_at(e, "code"));
    PostRow *p = &out->post;
    *p = (PostRow){
        .platform = S("instagram"),
        .external_id = shape_text(c->arena, json_at(e, "id")),
        .author = facts->author,
        .caption = shape_text(c->arena, json_at(e, "caption")),
        .posted_at = shape_time(json_at(e, "date")),
        .likes = shape_count(json_path(e, "likes.count")),
        .comments = shape_count(json_path(e, "comments.count")),
        .views = shape_count(json_at(e, "video_views")),
        .permalink = strf(c->arena, "https://www.instagram.com/p/%.*s/", S_ARG(code)),
        .media_url = shape_text(c->arena, json_at(e, "display_src")),
        .thumbnail_url = shape_text(c->arena, json_at(e, "thumbnail_src")),
        .media_type = json_is_true(json_at(e, "is_video")) ? S("VIDEO") : S("IMAGE"),
        .fetched_at = TIME_NULL,
    };
    return str_is_empty(p->external_id) ? "id is empty" : NULL;
}

const Shape shape_instagram_web = {"instagram-web", web_fits, web_read};

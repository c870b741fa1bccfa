/* SPDX-License-Identifier: Apache-2.0
 * TikTok: the official API's videos, an unofficial web feed, and a scraper's JSON. */
#include "core/json.h"
#include "products/veyl/shapes_room.h"

/* https://www.tiktok.com/@name/video/123: who and which, where the members do not say. */
static void address_read(Arena *arena, Str address, PostRow *p) {
    ptrdiff_t at = str_find(address, S("/@"));
    Str rest = at >= 0 ? str_slice(address, at + 2, address.len) : (Str){NULL, 0}, name;
    rest = str_cut(rest, '/', &name);
    if (str_is_null(p->author) && name.len) p->author = str_copy(arena, name);
    if (str_is_null(p->external_id) && rest.len)
        p->external_id = str_copy(arena, shape_last_segment(address));
}

static Str address_make(Arena *arena, const PostRow *p) {
    if (str_is_empty(p->author) || str_is_empty(p->external_id)) return (Str){NULL, 0};
    return strf(arena, "https://www.tiktok.com/@%.*s/video/%.*s", S_ARG(p->author),
                S_ARG(p->external_id));
}

static bool api_fits(const json_t *e) {
    return json_at(e, "create_time") &&
           (json_at(e, "share_url") || json_at(e, "video_description") ||
            json_at(e, "embed_link") || json_at(e, "cover_image_url"));
}

static const char *api_read(Ctx *c, const json_t *e, const FileFacts *facts, Draft *out) {
    PostRow *p = &out->post;
    Str caption = shape_text(c->arena, json_at(e, "video_description"));
    Str title = shape_text(c->arena, json_at(e, "title"));
    *p = (PostRow){
        .platform = S("tiktok"),
        .external_id = shape_text(c->arena, json_at(e, "id")),
        .author = shape_text(c->arena, json_at(e, "username")),
        .caption = str_is_empty(caption) ? title : caption,
        .posted_at = shape_time(json_at(e, "create_time")),
        .likes = shape_count(json_at(e, "like_count")),
        .comments = shape_count(json_at(e, "comment_count")),
        .shares = shape_count(json_at(e, "share_count")),
        .views = shape_count(json_at(e, "view_count")),
        .permalink = shape_text(c->arena, json_at(e, "share_url")),
        .thumbnail_url = shape_text(c->arena, json_at(e, "cover_image_url")),
        .media_url = shape_text(c->arena, json_at(e, "embed_link")),
        .media_type = S("VIDEO"),
        .fetched_at = TIME_NULL,
    };
    if (str_is_null(p->author)) p->author = facts->author;
    if (p->permalink.data) address_read(c->arena, p->permalink, p);
    return str_is_empty(p->external_id) ? "a TikTok video without id" : NULL;
}

const Shape shape_tiktok_api = {"tiktok-api", api_fits, api_read};

static bool web_fits(const json_t *e) { return json_at(e, "video_id") && json_at(e, "statistics"); }

static const char *web_read(Ctx *c, const json_t *e, const FileFacts *facts, Draft *out) {
    (void)facts;
    const json_t *counts = json_at(e, "statistics");
    PostRow *p = &out->post;
    *p = (PostRow){
        .platform = S("tiktok"),
        .external_id = shape_text(c->arena, json_at(e, "video_id")),
        .author = shape_text(c->arena, json_path(e, "author.uniqueId")),
        .caption = shape_text(c->arena, json_at(e, "description")),
        .posted_at = shape_time(json_at(e, "create_time")),
        .likes = shape_count(json_at(counts, "diggCount")),
        .comments = shape_count(json_at(counts, "commentCount")),
        .shares = shape_count(json_at(counts, "shareCount")),
        .views = shape_count(json_at(counts, "playCount")),
        .thumbnail_url = shape_text(c->arena, json_path(e, "video.cover")),
        .media_url = shape_text(c->arena, json_path(e, "video.playAddr")),
        .media_type = S("VIDEO"),
        .fetched_at = TIME_NULL,
    };
    p->permalink = address_make(c->arena, p);
    return str_is_empty(p->external_id) ? "video_id is empty" : NULL;
}

const Shape shape_tiktok_web = {"tiktok-web", web_fits, web_read};

static bool scraper_fits(const json_t *e) {
    return (json_at(e, "authorMeta") || json_at(e, "webVideoUrl")) && json_at(e, "diggCount");
}

static const char *scraper_read(Ctx *c, const json_t *e, const FileFacts *facts, Draft *out) {
    (void)facts;
    PostRow *p = &out->post;
    Time at = shape_time(json_at(e, "createTime"));
    *p = (PostRow){
        .platform = S("tiktok"),
        .external_id = shape_text(c->arena, json_at(e, "id")),
        .author = shape_text(c->arena, json_path(e, "authorMeta.name")),
        .caption = shape_text(c->arena, json_at(e, "text")),
        .posted_at = time_is_null(at) ? shape_time(json_at(e, "createTimeISO")) : at,
        .likes = shape_count(json_at(e, "diggCount")),
        .comments = shape_count(json_at(e, "commentCount")),
        .shares = shape_count(json_at(e, "shareCount")),
        .views = shape_count(json_at(e, "playCount")),
        .permalink = shape_text(c->arena, json_at(e, "webVideoUrl")),
        .thumbnail_url = shape_text(c->arena, json_path(e, "covers.default")),
        .media_url = shape_text(c->arena, json_at(e, "videoUrl")),
        .media_type = S("VIDEO"),
        .fetched_at = TIME_NULL,
    };
    if (p->permalink.data)
        address_read(c->arena, p->permalink, p);
    else
        p->permalink = address_make(c->arena, p);
    return str_is_empty(p->external_id) ? "a TikTok video without id or webVideoUrl" : NULL;
}

const Shape shape_tiktok_scraper = {"tiktok-scraper", scraper_fits, scraper_read};

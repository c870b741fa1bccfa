/* SPDX-License-Identifier: Apache-2.0
 * Facebook: posts, feeds, photos and videos of the Graph API. Likes are all reactions where the
 * answer has them: that is what people see under the post. */
#include "core/json.h"
#include "products/veyl/shapes_room.h"

static bool graph_fits(const json_t *e) { return json_at(e, "id") && json_at(e, "created_time"); }

static OptInt summary_count(const json_t *e, const char *name) {
    return shape_count(json_path(json_at(e, name), "summary.total_count"));
}

static Str first_text(Ctx *c, const json_t *e, const char *const *names) {
    for (; *names; names++) {
        Str text = shape_text(c->arena, json_path(e, *names));
        if (!str_is_empty(text)) return text;
    }
    return (Str){NULL, 0};
}

/* The page's own number stands before the post's: 19292868552_10158347294088553. */
static Str author_of(Ctx *c, const json_t *e, const FileFacts *facts, Str id) {
    static const char *const names[] = {"from.username", "from.name", "from.id", NULL};
    Str author = first_text(c, e, names), page;
    if (!str_is_null(author)) return author;
    if (!str_is_null(facts->author)) return facts->author;
    return str_is_null(str_cut(id, '_', &page)) ? (Str){NULL, 0} : page;
}

static Str upper(Arena *arena, Str text) {
    char *to = arena_bytes(arena, text.len + 1);
    for (ptrdiff_t i = 0; i < text.len; i++)
        to[i] =
            (char)(text.data[i] >= 'a' && text.data[i] <= 'z' ? text.data[i] - 32 : text.data[i]);
    return str_of(to, text.len);
}

static Str permalink_of(Ctx *c, const json_t *e) {
    static const char *const addresses[] = {"permalink_url", "actions.0.link", "link", NULL};
    Str address = first_text(c, e, addresses);
    return str_starts(address, S("/"))
               ? strf(c->arena, "https://www.facebook.com%.*s", S_ARG(address))
               : address;
}

static const char *graph_read(Ctx *c, const json_t *e, const FileFacts *facts, Draft *out) {
    static const char *const captions[] = {"message", "description", "story", "name", NULL};
    static const char *const pictures[] = {"full_picture", "picture",
                                           "attachments.data.0.media.image.src", NULL};
    static const char *const types[] = {"type", "attachments.data.0.media_type", NULL};
    PostRow *p = &out->post;
    Str id = shape_text(c->arena, json_at(e, "id"));
    OptInt reactions = summary_count(e, "reactions");
    Str type = first_text(c, e, types);
    *p = (PostRow){
        .platform = S("facebook"),
        .external_id = id,
        .author = author_of(c, e, facts, id),
        .caption = first_text(c, e, captions),
        .posted_at = shape_time(json_at(e, "created_time")),
        .likes = reactions.set ? reactions : summary_count(e, "likes"),
        .comments = summary_count(e, "comments"),
        .shares = shape_count(json_path(e, "shares.count")),
        .views = shape_count(json_at(e, "views")),
        .permalink = permalink_of(c, e),
        .media_url = first_text(c, e, pictures),
        .media_type =
            str_is_null(type) && json_at(e, "length") ? S("VIDEO") : upper(c->arena, type),
        .fetched_at = TIME_NULL,
    };
    if (p->media_type.len == 0) p->media_type = (Str){NULL, 0};
    return str_is_empty(id) ? "id is empty" : NULL;
}

const Shape shape_facebook_graph = {"facebook-graph", graph_fits, graph_read};

/* SPDX-License-Identifier: Apache-2.0 */
#include "products/veyl/draft.h"

#include <math.h>

#include "core/rand.h"
#include "products/veyl/text.h"

bool platform_is_known(Str name) {
    static const char *const known[] = {"instagram", "tiktok",   "facebook", "twitter", "x",
                                        "youtube",   "reddit",   "linkedin", "threads", "pinterest",
                                        "snapchat",  "mastodon", "bluesky",  "twitch"};
    for (ptrdiff_t i = 0; i < COUNT(known); i++)
        if (str_eq(str_c(known[i]), name)) return true;
    return false;
}

static void given_mark(Draft *out, FieldSet present, const char *name, unsigned bit) {
    if (present & record_bit(&post_in_record, name)) out->given |= bit;
}

void draft_from_body(const PostIn *in, FieldSet present, Draft *out) {
    *out = (Draft){0};
    out->post = (PostRow){
        .id = in->id,
        .platform_id = in->platform_id,
        .platform = in->platform,
        .author = in->author,
        .caption = in->caption,
        .hashtags = in->hashtags,
        .mentions = in->mentions,
        .likes = in->metrics.likes,
        .comments = in->metrics.comments,
        .shares = in->metrics.shares,
        .views = in->metrics.views,
        .posted_at = present & record_bit(&post_in_record, "posted_at") ? in->posted_at : TIME_NULL,
        .language = in->language,
        .media_url = in->media_url,
        .sentiment = in->sentiment,
        .fetched_at =
            present & record_bit(&post_in_record, "fetched_at") ? in->fetched_at : TIME_NULL,
        .external_id = in->external_id,
        .permalink = in->permalink,
        .media_type = in->media_type,
        .thumbnail_url = in->thumbnail_url,
    };
    if (in->hashtags.items) given_mark(out, present, "hashtags", GIVEN_HASHTAGS);
    if (in->mentions.items) given_mark(out, present, "mentions", GIVEN_MENTIONS);
    if (in->sentiment.set) given_mark(out, present, "sentiment", GIVEN_SENTIMENT);
    if (in->language.len) given_mark(out, present, "language", GIVEN_LANGUAGE);
}

Err *draft_from_json(Ctx *c, const json_t *json, Draft *out) {
    PostIn in = {0};
    FieldSet present = 0;
    Err *err = record_read(c, &post_in_record, json, READ_CREATE, &in, &present);
    if (err) {
        out->fields = err->fields;
        out->field_count = err->field_count;
        return err;
    }
    draft_from_body(&in, present, out);
    return NULL;
}

static int64_t counted(OptInt n) { return n.set ? n.value : 0; }

Str names_json(Arena *arena, StrList names) {
    Buf b = buf_new(arena, 2 + 16 * names.count);
    buf_byte(&b, '[');
    for (ptrdiff_t i = 0; i < names.count; i++) {
        if (i) buf_byte(&b, ',');
        buf_json(&b, names.items[i]);
    }
    buf_byte(&b, ']');
    return buf_str(&b);
}

void draft_derive(Arena *arena, Draft *draft) {
    PostRow *p = &draft->post;
    if (!(draft->given & GIVEN_HASHTAGS)) p->hashtags = hashtags_of(arena, p->caption);
    if (!(draft->given & GIVEN_MENTIONS)) p->mentions = mentions_of(arena, p->caption);
    if (!(draft->given & GIVEN_LANGUAGE)) p->language = language_of(p->caption);
    if (!(draft->given & GIVEN_SENTIMENT)) p->sentiment = sentiment_of(p->caption, p->language);
    /* Four decimals, so that sums of them are exact in integers. */
    p->sentiment.value = p->sentiment.set ? round(p->sentiment.value * 10000) / 10000 : 0;
    p->score = counted(p->likes) + counted(p->comments) + counted(p->shares);
    /* Made here, by whichever thread reads, rather than by the one that writes. */
    p->hashtags_json = names_json(arena, p->hashtags);
    p->mentions_json = names_json(arena, p->mentions);
}

static bool beyond(OptInt n) { return n.set && (n.value < 0 || n.value > METRIC_MAX); }

const char *draft_finish(Arena *arena, Draft *draft) {
    PostRow *p = &draft->post;
    if (str_is_empty(p->platform) && id_is_none(p->platform_id)) return "platform is missing";
    if (beyond(p->likes) || beyond(p->comments) || beyond(p->shares) || beyond(p->views))
        return "a count is negative or beyond all belief";
    if (!time_is_null(p->posted_at) && p->posted_at.us < 0) return "posted_at is before 1970";
    if (str_is_empty(p->id) && !str_is_empty(p->external_id) && p->platform.len)
        p->id = strf(arena, "%.*s_%.*s", S_ARG(p->platform), S_ARG(p->external_id));
    if (str_is_empty(p->id) && p->platform.len)
        p->id = strf(arena, "%.*s_%.*s", S_ARG(p->platform), S_ARG(rand_token(arena, S(""), 12)));
    if (str_is_empty(p->id)) return "id is missing";
    if (p->author.data) p->author = name_fold(arena, p->author, '@');
    if (p->author.len == 0) p->author = (Str){NULL, 0};
    if (draft->given & GIVEN_HASHTAGS) p->hashtags = names_fold(arena, p->hashtags, '#');
    if (draft->given & GIVEN_MENTIONS) p->mentions = names_fold(arena, p->mentions, '@');
    if (time_is_null(p->posted_at)) p->posted_at = POSTED_UNKNOWN;
    draft_derive(arena, draft);
    return NULL;
}

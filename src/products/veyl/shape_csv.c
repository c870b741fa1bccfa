/* SPDX-License-Identifier: Apache-2.0
 * CSV files: our own export, two TikTok scrapers, Facebook statuses. Columns are found by name. */
#include "products/veyl/shapes_room.h"
#include "products/veyl/text.h"

static Str cell(const int *columns, int which, CsvRow row) {
    int at = columns[which];
    return at >= 0 && at < row.count ? row.cells[at] : (Str){NULL, 0};
}

static Str cell_copy(Arena *arena, const int *columns, int which, CsvRow row) {
    Str text = cell(columns, which, row);
    return text.len ? str_copy(arena, text) : (Str){NULL, 0};
}

/* Our own export puts an apostrophe before what a spreadsheet would run as a formula. */
static Str own_text(Arena *arena, const int *columns, int which, CsvRow row) {
    Str text = cell(columns, which, row);
    if (text.len > 1 && text.data[0] == '\'' && strchr("=+-@\t\r", text.data[1]))
        text = str_slice(text, 1, text.len);
    return text.len ? str_copy(arena, text) : (Str){NULL, 0};
}

/* -- what `export --format csv` writes -------------------------------------------------------- */

enum {
    OWN_ID,
    OWN_PLATFORM,
    OWN_AUTHOR,
    OWN_CAPTION,
    OWN_HASHTAGS,
    OWN_LIKES,
    OWN_COMMENTS,
    OWN_SHARES,
    OWN_VIEWS,
    OWN_POSTED,
    OWN_LANGUAGE,
    OWN_MEDIA,
    OWN_SENTIMENT,
    OWN_FETCHED,
    OWN_EXTERNAL,
    OWN_PERMALINK,
    OWN_MENTIONS,
    OWN_TYPE,
    OWN_THUMBNAIL
};

static const char *const own_names[] = {
    "id",        "platform",  "author",     "caption",       "hashtags",
    "likes",     "comments",  "shares",     "views",         "posted_at",
    "language",  "media_url", "sentiment",  "fetched_at",    "external_id",
    "permalink", "mentions",  "media_type", "thumbnail_url", NULL,
};

static const char *own_read(Arena *arena, const int *columns, CsvRow row, const FileFacts *facts,
                            Draft *out) {
    (void)facts;
    PostRow *p = &out->post;
    *p = (PostRow){
        .id = own_text(arena, columns, OWN_ID, row),
        .platform = str_lower(arena, str_trim(cell(columns, OWN_PLATFORM, row))),
        .author = own_text(arena, columns, OWN_AUTHOR, row),
        .caption = own_text(arena, columns, OWN_CAPTION, row),
        .likes = shape_count_text(cell(columns, OWN_LIKES, row)),
        .comments = shape_count_text(cell(columns, OWN_COMMENTS, row)),
        .shares = shape_count_text(cell(columns, OWN_SHARES, row)),
        .views = shape_count_text(cell(columns, OWN_VIEWS, row)),
        .posted_at = shape_time_text(cell(columns, OWN_POSTED, row)),
        .language = cell_copy(arena, columns, OWN_LANGUAGE, row),
        .media_url = own_text(arena, columns, OWN_MEDIA, row),
        .fetched_at = shape_time_text(cell(columns, OWN_FETCHED, row)),
        .external_id = own_text(arena, columns, OWN_EXTERNAL, row),
        .permalink = own_text(arena, columns, OWN_PERMALINK, row),
        .media_type = own_text(arena, columns, OWN_TYPE, row),
        .thumbnail_url = own_text(arena, columns, OWN_THUMBNAIL, row),
    };
    if (columns[OWN_HASHTAGS] >= 0) {
        p->hashtags = shape_list(arena, cell(columns, OWN_HASHTAGS, row));
        out->given |= GIVEN_HASHTAGS;
    }
    if (columns[OWN_MENTIONS] >= 0) {
        p->mentions = shape_list(arena, cell(columns, OWN_MENTIONS, row));
        out->given |= GIVEN_MENTIONS;
    }
    if (p->language.len) out->given |= GIVEN_LANGUAGE;
    Str feeling = str_trim(cell(columns, OWN_SENTIMENT, row));
    if (feeling.len) {
        if (!str_to_f64(feeling, &p->sentiment.value) || p->sentiment.value < -1 ||
            p->sentiment.value > 1)
            return "sentiment is not a number from -1 to 1";
        p->sentiment.set = true;
        out->given |= GIVEN_SENTIMENT;
    }
    return NULL;
}

const CsvShape csv_posts = {"csv-posts", "id platform posted_at", own_read, own_names};

/* -- top_users_vids.csv: hashtags as Python writes lists, no caption -------------------------- */

enum { VID_ID, VID_TIME, VID_USER, VID_TAGS, VID_LIKES, VID_SHARES, VID_COMMENTS, VID_PLAYS };

static const char *const vid_names[] = {
    "id",       "create_time", "user_name", "hashtags", "n_likes",
    "n_shares", "n_comments",  "n_plays",   NULL,
};

static bool digits_only(Str text) {
    for (ptrdiff_t i = 0; i < text.len; i++)
        if (text.data[i] < '0' || text.data[i] > '9') return false;
    return text.len > 0;
}

static const char *vid_read(Arena *arena, const int *columns, CsvRow row, const FileFacts *facts,
                            Draft *out) {
    (void)facts;
    PostRow *p = &out->post;
    *p = (PostRow){
        .platform = S("tiktok"),
        .external_id = cell_copy(arena, columns, VID_ID, row),
        .author = cell_copy(arena, columns, VID_USER, row),
        .posted_at = shape_time_text(cell(columns, VID_TIME, row)),
        .hashtags = shape_list(arena, cell(columns, VID_TAGS, row)),
        .likes = shape_count_text(cell(columns, VID_LIKES, row)),
        .shares = shape_count_text(cell(columns, VID_SHARES, row)),
        .comments = shape_count_text(cell(columns, VID_COMMENTS, row)),
        .views = shape_count_text(cell(columns, VID_PLAYS, row)),
        .media_type = S("VIDEO"),
        .fetched_at = TIME_NULL,
    };
    out->given |= GIVEN_HASHTAGS;
    if (!digits_only(p->external_id)) return "id is not a number";
    if (p->author.len)
        p->permalink = strf(arena, "https://www.tiktok.com/@%.*s/video/%.*s", S_ARG(p->author),
                            S_ARG(p->external_id));
    return NULL;
}

const CsvShape csv_tiktok = {"csv-tiktok", "id create_time user_name n_likes", vid_read, vid_names};

/* -- a scraper's dotted columns --------------------------------------------------------------- */

enum {
    APIFY_USER,
    APIFY_TEXT,
    APIFY_LIKES,
    APIFY_SHARES,
    APIFY_PLAYS,
    APIFY_COMMENTS,
    APIFY_TIME,
    APIFY_ADDRESS
};

static const char *const apify_names[] = {
    "authorMeta.name", "text",          "diggCount",   "shareCount", "playCount",
    "commentCount",    "createTimeISO", "webVideoUrl", NULL,
};

static const char *apify_read(Arena *arena, const int *columns, CsvRow row, const FileFacts *facts,
                              Draft *out) {
    (void)facts;
    PostRow *p = &out->post;
    *p = (PostRow){
        .platform = S("tiktok"),
        .author = cell_copy(arena, columns, APIFY_USER, row),
        .caption = cell_copy(arena, columns, APIFY_TEXT, row),
        .posted_at = shape_time_text(cell(columns, APIFY_TIME, row)),
        .likes = shape_count_text(cell(columns, APIFY_LIKES, row)),
        .shares = shape_count_text(cell(columns, APIFY_SHARES, row)),
        .comments = shape_count_text(cell(columns, APIFY_COMMENTS, row)),
        .views = shape_count_text(cell(columns, APIFY_PLAYS, row)),
        .permalink = cell_copy(arena, columns, APIFY_ADDRESS, row),
        .media_type = S("VIDEO"),
        .fetched_at = TIME_NULL,
    };
    p->external_id = shape_last_segment(p->permalink);
    return digits_only(p->external_id) ? NULL : "webVideoUrl names no video";
}

const CsvShape csv_tiktok_apify = {"csv-tiktok-apify", "webVideoUrl diggCount", apify_read,
                                   apify_names};

/* -- NAME_facebook_statuses.csv --------------------------------------------------------------- */

enum {
    FB_ID,
    FB_MESSAGE,
    FB_NAME,
    FB_TYPE,
    FB_LINK,
    FB_TIME,
    FB_REACTIONS,
    FB_COMMENTS,
    FB_SHARES,
    FB_LIKES
};

static const char *const fb_names[] = {
    "status_id",
    "status_message",
    "link_name",
    "status_type",
    "status_link",
    "status_published",
    "num_reactions",
    "num_comments",
    "num_shares",
    "num_likes",
    NULL,
};

/* Rows do not name the page; the file does. */
static Str fb_author(Arena *arena, const FileFacts *facts, Str id) {
    static const char tail[] = "_facebook_statuses.csv";
    Str name = facts->file_name, page;
    if (str_ends(name, str_c(tail)))
        return str_copy(arena, str_slice(name, 0, name.len - (ptrdiff_t)sizeof tail + 1));
    return str_is_null(str_cut(id, '_', &page)) ? (Str){NULL, 0} : page;
}

static const char *fb_read(Arena *arena, const int *columns, CsvRow row, const FileFacts *facts,
                           Draft *out) {
    PostRow *p = &out->post;
    Str message = cell_copy(arena, columns, FB_MESSAGE, row);
    OptInt reactions = shape_count_text(cell(columns, FB_REACTIONS, row));
    Str type = cell(columns, FB_TYPE, row);
    *p = (PostRow){
        .platform = S("facebook"),
        .external_id = cell_copy(arena, columns, FB_ID, row),
        .caption = message.len ? message : cell_copy(arena, columns, FB_NAME, row),
        .posted_at = shape_time_text(cell(columns, FB_TIME, row)),
        .likes = reactions.set ? reactions : shape_count_text(cell(columns, FB_LIKES, row)),
        .comments = shape_count_text(cell(columns, FB_COMMENTS, row)),
        .shares = shape_count_text(cell(columns, FB_SHARES, row)),
        .media_url = cell_copy(arena, columns, FB_LINK, row),
        .fetched_at = TIME_NULL,
    };
    char *upper = str_cstr(arena, type);
    for (ptrdiff_t i = 0; i < type.len; i++)
        if (upper[i] >= 'a' && upper[i] <= 'z') upper[i] = (char)(upper[i] - 32);
    if (type.len) p->media_type = str_of(upper, type.len);
    p->author = fb_author(arena, facts, p->external_id);
    if (str_is_empty(p->external_id)) return "status_id is empty";
    p->permalink = strf(arena, "https://www.facebook.com/%.*s", S_ARG(p->external_id));
    return time_is_null(p->posted_at) ? "status_published is no time" : NULL;
}

const CsvShape csv_facebook = {"csv-facebook", "status_id status_published", fb_read, fb_names};

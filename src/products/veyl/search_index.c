/* SPDX-License-Identifier: Apache-2.0
 * Posts as documents of the search engine. */
#include "products/veyl/search_index.h"

#include "data/db.h"
#include "products/veyl/records.h"
#include "products/veyl/search_sql.h"

enum { WORDS = SEARCH_FOR | SEARCH_FILTER | SEARCH_SORT, VALUE = SEARCH_FILTER | SEARCH_SORT };

static const SearchField fields[POST_FIELD_COUNT] = {
    [IN_CAPTION] = {"caption", SEARCH_TEXT, SEARCH_FOR},
    [IN_HASHTAGS] = {"hashtags", SEARCH_KEYWORD, SEARCH_FOR | SEARCH_FILTER},
    [IN_AUTHOR] = {"author", SEARCH_KEYWORD, WORDS},
    [IN_MENTIONS] = {"mentions", SEARCH_KEYWORD, SEARCH_FILTER},
    [IN_PLATFORM] = {"platform", SEARCH_KEYWORD, VALUE},
    [IN_LANGUAGE] = {"language", SEARCH_KEYWORD, VALUE},
    [IN_MEDIA_TYPE] = {"media_type", SEARCH_KEYWORD, VALUE},
    [IN_POSTED_AT] = {"posted_at", SEARCH_TIME, VALUE},
    [IN_SCORE] = {"score", SEARCH_INT, VALUE},
    [IN_LIKES] = {"likes", SEARCH_INT, VALUE},
    [IN_COMMENTS] = {"comments", SEARCH_INT, VALUE},
    [IN_SHARES] = {"shares", SEARCH_INT, VALUE},
    [IN_VIEWS] = {"views", SEARCH_INT, VALUE},
    [IN_SENTIMENT] = {"sentiment", SEARCH_REAL, VALUE},
};

typedef struct PostChange {
    int64_t n, change_seq;
    Str caption, author;
    StrList hashtags, mentions;
    Str platform, language, media_type;
    Time posted_at;
    OptInt likes, comments, shares, views;
    int64_t score;
    OptFloat sentiment;
} PostChange;
static const Field change_fields[] = {
    FIELD(PostChange, n),
    FIELD(PostChange, change_seq),
    FIELD(PostChange, caption, .flags = F_NULLABLE),
    FIELD(PostChange, author, .flags = F_NULLABLE),
    FIELD(PostChange, hashtags),
    FIELD(PostChange, mentions),
    FIELD(PostChange, platform),
    FIELD(PostChange, language, .flags = F_NULLABLE),
    FIELD(PostChange, media_type, .flags = F_NULLABLE),
    FIELD(PostChange, posted_at),
    FIELD(PostChange, likes),
    FIELD(PostChange, comments),
    FIELD(PostChange, shares),
    FIELD(PostChange, views),
    FIELD(PostChange, score),
    FIELD(PostChange, sentiment),
};
static const Record change_record = RECORD(PostChange, change_fields);

typedef struct PostGone {
    int64_t n, change_seq;
} PostGone;
static const Field gone_fields[] = {FIELD(PostGone, n), FIELD(PostGone, change_seq)};
static const Record gone_record = RECORD(PostGone, gone_fields);

static void texts_describe(SearchDocs *d, int field, StrList texts) {
    for (ptrdiff_t i = 0; i < texts.count; i++) search_doc_text(d, field, texts.items[i]);
}

static void count_describe(SearchDocs *d, int field, OptInt count) {
    if (count.set) search_doc_int(d, field, count.value);
}

static void post_describe(SearchDocs *d, const PostChange *p) {
    search_doc(d, p->n);
    search_doc_text(d, IN_CAPTION, p->caption);
    texts_describe(d, IN_HASHTAGS, p->hashtags);
    search_doc_text(d, IN_AUTHOR, p->author);
    texts_describe(d, IN_MENTIONS, p->mentions);
    search_doc_text(d, IN_PLATFORM, p->platform);
    search_doc_text(d, IN_LANGUAGE, p->language);
    search_doc_text(d, IN_MEDIA_TYPE, p->media_type);
    if (p->posted_at.us != POSTED_UNKNOWN.us) search_doc_int(d, IN_POSTED_AT, p->posted_at.us);
    search_doc_int(d, IN_SCORE, p->score);
    count_describe(d, IN_LIKES, p->likes);
    count_describe(d, IN_COMMENTS, p->comments);
    count_describe(d, IN_SHARES, p->shares);
    count_describe(d, IN_VIEWS, p->views);
    if (p->sentiment.set) search_doc_real(d, IN_SENTIMENT, p->sentiment.value);
}

/* Many rows are read off the loop. */
enum { ROWS_ON_LOOP = 200 };

Err *posts_changes(Ctx *c, int64_t after, int64_t upto, int64_t limit, SearchDocs *out,
                   int64_t *covered) {
    Err *(*read)(Ctx *, Sql, Args, const Record *, Rows *) =
        limit > ROWS_ON_LOOP ? db_scan : db_query;
    Rows posts, gone;
    Args args = ARGS(V(after), V(upto), V(limit));
    TRY(read(c, SQL(SQL_SEARCH_POSTS), args, &change_record, &posts));
    TRY(read(c, SQL(SQL_SEARCH_GONE), args, &gone_record, &gone));
    const PostChange *changed = posts.items;
    const PostGone *dead = gone.items;
    /* A list cut at the limit says nothing of what is behind its last row. */
    *covered = upto;
    if (posts.count == limit) *covered = min_i64(*covered, changed[limit - 1].change_seq);
    if (gone.count == limit) *covered = min_i64(*covered, dead[limit - 1].change_seq);
    for (ptrdiff_t i = 0; i < posts.count && changed[i].change_seq <= *covered; i++)
        post_describe(out, &changed[i]);
    for (ptrdiff_t i = 0; i < gone.count && dead[i].change_seq <= *covered; i++)
        search_doc_gone(out, dead[i].n);
    return NULL;
}

static Err *newest(Ctx *c, int64_t *seq) { return db_int(c, SQL(SQL_SEARCH_NEWEST), NO_ARGS, seq); }

static Err *oldest(Ctx *c, int64_t *seq) { return db_int(c, SQL(SQL_SEARCH_OLDEST), NO_ARGS, seq); }

/* Change numbers are given out in order of commit, so all up to the newest are there to be read. */
static Err *feed(Ctx *c, int64_t after, int64_t limit, SearchDocs *out, int64_t *covered) {
    int64_t upto;
    TRY(newest(c, &upto));
    if (upto > after) return posts_changes(c, after, upto, limit, out, covered);
    *covered = after;
    return NULL;
}

const SearchDef posts_index = {
    .name = "posts",
    .fields = fields,
    .field_count = POST_FIELD_COUNT,
    .order_field = IN_POSTED_AT,
    .partition_field = -1,
    .tuning = {.stem = true},
    .version = 1,
    .feed = feed,
    .newest = newest,
    .oldest = oldest,
};

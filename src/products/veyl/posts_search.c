/* SPDX-License-Identifier: Apache-2.0
 * /api/v1/posts/search, and posts as a collection for whoever else asks the index. */
#include "products/veyl/posts_search.h"

#include <math.h>

#include "core/json.h"
#include "products/veyl/routes.h"
#include "products/veyl/search_sql.h"

/* -- The collection ------------------------------------------------------------------------------ */

static Str keys_json(Arena *arena, const int64_t *keys, ptrdiff_t count) {
    Buf b = buf_new(arena, 16 * count + 2);
    buf_byte(&b, '[');
    for (ptrdiff_t i = 0; i < count; i++) {
        if (i > 0) buf_byte(&b, ',');
        buf_i64(&b, keys[i]);
    }
    buf_byte(&b, ']');
    return buf_str(&b);
}

/* Rows come in any order, and few: a page. */
static Err *posts_load(Ctx *c, const int64_t *keys, ptrdiff_t count, void *documents, bool *found) {
    Post *posts = documents;
    Rows rows;
    JsonText list = {keys_json(c->arena, keys, count)};
    TRY(db_query(c, SQL2(SQL_SEARCH_LOAD_SQLITE, SQL_SEARCH_LOAD_POSTGRES), ARGS(V(list)),
                 &post_row_record, &rows));
    const PostRow *row = rows.items;
    for (ptrdiff_t i = 0; i < count; i++) {
        ptrdiff_t at = i < rows.count && row[i].n == keys[i] ? i : 0; /* SQLite keeps the order */
        while (at < rows.count && row[at].n != keys[i]) at++;
        found[i] = at < rows.count;
        if (found[i]) posts[i] = post_of_row(&row[at]);
    }
    return NULL;
}

static Err *post_key(Ctx *c, Str id, int64_t *key) {
    return db_int(c, SQL(SQL_SEARCH_KEY), ARGS(V(id)), key);
}

const Collection posts_collection = {
    .def = &posts_index,
    .primary_key = "id",
    .record = &post_record,
    .load = posts_load,
    .key = post_key,
};

/* -- What is asked ------------------------------------------------------------------------------- */

typedef struct PostSearch {
    Str q;
    StrList platform, hashtag, author, language;
    OptInt min_score;
    Time from, to;
    Str filter;
    StrList sort, facets;
    Str mode;
    int64_t limit, offset, crop;
    bool strict, envelope, details;
} PostSearch;
static const char *const modes[] = {"keyword", "semantic", "hybrid", NULL};
static const Field search_fields[] = {
    FIELD(PostSearch, q, .flags = F_REQUIRED, .max = 4000,
          .doc = "Words (typing errors are forgiven, the last one may go on), \"phrases\", -word, "
                 "AND, OR, NOT, ( ), NEAR/n, field:value, wild*cards; empty: all posts"),
    FIELD(PostSearch, platform, .max = 20, .doc = "One of these"),
    FIELD(PostSearch, hashtag, .max = 100, .doc = "One of these"),
    FIELD(PostSearch, author, .max = 100, .doc = "One of these"),
    FIELD(PostSearch, language, .max = 100, .doc = "One of these"),
    FIELD(PostSearch, min_score, .doc = "Least engagement"),
    FIELD(PostSearch, from, .flags = F_NULLABLE, .doc = "Posted at or after"),
    FIELD(PostSearch, to, .flags = F_NULLABLE, .doc = "Posted before"),
    FIELD(PostSearch, filter, .max = 65536,
          .doc = "An expression: platform = tiktok AND (likes > 100 OR hashtags IN [a, b])"),
    FIELD(PostSearch, sort, .max = 8,
          .doc = "Among equally good posts: posted_at, score, likes …, each with - in front or "
                 ":desc behind for the greatest first"),
    FIELD(PostSearch, strict, .fallback = "false",
          .doc = "Sort strictly, not only among equally good posts; every word must be there then"),
    FIELD(PostSearch, facets, .max = 16,
          .doc = "platform, hashtags, language, author, hour, day, week, month, year, or a number; "
                 "with envelope"),
    FIELD(PostSearch, mode, .values = modes, .fallback = "\"keyword\""),
    FIELD(PostSearch, limit, .min = 1, .max = 100, .fallback = "20"),
    FIELD(PostSearch, offset, .min = 0, .max = 1000000000, .fallback = "0"),
    FIELD(PostSearch, crop, .min = 0, .max = 1000, .fallback = "0",
          .doc = "Captions in _formatted cut to so many words; 0: whole"),
    FIELD(PostSearch, envelope, .fallback = "false",
          .doc = "Answer with hits, totals, facets, highlights and scores"),
    FIELD(PostSearch, details, .fallback = "false", .doc = "Say why each hit stands where it does"),
};
static const Record search_record = RECORD(PostSearch, search_fields);

static SearchFilter *one_of(Ctx *c, int field, StrList names, char mark) {
    if (names.count == 0) return NULL;
    Str *folded = arena_array(c->arena, Str, names.count);
    for (ptrdiff_t i = 0; i < names.count; i++)
        folded[i] = name_fold(c->arena, names.items[i], mark);
    return search_filter_in(c->arena, field, folded, names.count);
}

static Err *filter_make(Ctx *c, const PostSearch *s, SearchFilter **out) {
    Arena *a = c->arena;
    TRY(search_filter_parse(c, &posts_index, s->filter, out));
    *out = search_filter_and(a, *out, one_of(c, IN_PLATFORM, s->platform, '@'));
    *out = search_filter_and(a, *out, one_of(c, IN_HASHTAGS, s->hashtag, '#'));
    *out = search_filter_and(a, *out, one_of(c, IN_AUTHOR, s->author, '@'));
    *out = search_filter_and(a, *out, one_of(c, IN_LANGUAGE, s->language, '@'));
    if (s->min_score.set)
        *out = search_filter_and(a, *out,
                                 search_filter_range(a, IN_SCORE, s->min_score.value, INT64_MAX));
    if (!time_is_null(s->from) || !time_is_null(s->to)) {
        int64_t high = time_is_null(s->to) ? INT64_MAX : s->to.us;
        *out = search_filter_and(a, *out, search_filter_range(a, IN_POSTED_AT, s->from.us, high));
    }
    return NULL;
}

static int field_named(Str name, unsigned use) {
    for (int i = 0; i < posts_index.field_count; i++)
        if ((posts_index.fields[i].use & use) && str_eq(name, str_c(posts_index.fields[i].name)))
            return i;
    return -1;
}

static SearchSort *sorts_read(Ctx *c, StrList texts, Problems *problems) {
    SearchSort *sorts = arena_array(c->arena, SearchSort, texts.count);
    for (ptrdiff_t i = 0; i < texts.count; i++) {
        Str name, order = str_cut(texts.items[i], ':', &name);
        bool minus = str_starts(name, S("-"));
        sorts[i].field = field_named(str_slice(name, minus, name.len), SEARCH_SORT);
        sorts[i].descending = minus || str_eq(order, S("desc"));
        bool known = str_is_null(order) || str_eq(order, S("asc")) || str_eq(order, S("desc"));
        if (sorts[i].field < 0 || !known)
            problem_add(problems, S("sort"), S("value"), "`%.*s` is nothing to sort by",
                        S_ARG(str_utf8_cut(texts.items[i], 60)));
    }
    return sorts;
}

static SearchFacetAsk *facets_read(Ctx *c, StrList names, Problems *problems) {
    static const struct {
        Str name;
        SearchUnit unit;
    } units[] = {{S_INIT("hour"), SEARCH_HOUR},
                 {S_INIT("day"), SEARCH_DAY},
                 {S_INIT("week"), SEARCH_WEEK},
                 {S_INIT("month"), SEARCH_MONTH},
                 {S_INIT("year"), SEARCH_YEAR}};
    SearchFacetAsk *asks = arena_array(c->arena, SearchFacetAsk, names.count);
    for (ptrdiff_t i = 0; i < names.count; i++) {
        asks[i] = SEARCH_FACET(field_named(names.items[i], SEARCH_FILTER));
        for (ptrdiff_t u = 0; u < COUNT(units); u++) {
            if (!str_eq(names.items[i], units[u].name)) continue;
            asks[i].field = IN_POSTED_AT;
            asks[i].unit = units[u].unit;
            asks[i].limit = 1000;
        }
        if (asks[i].field < 0)
            problem_add(problems, S("facets"), S("value"), "`%.*s` is nothing to count by",
                        S_ARG(str_utf8_cut(names.items[i], 60)));
    }
    return asks;
}

static Err *request_read(Ctx *c, const PostSearch *s, SearchRequest *out) {
    Problems problems = {.arena = c->arena};
    if (!str_eq(s->mode, S("keyword")))
        FAIL(c, NOT_CONFIGURED,
             "Posts are searched by words only: no embeddings are configured for mode=%.*s",
             S_ARG(s->mode));
    *out = SEARCH_REQUEST;
    out->q = s->q;
    out->operators = true;
    out->sort = sorts_read(c, s->sort, &problems);
    out->sort_count = s->sort.count;
    out->sort_strictly = s->strict;
    if (s->strict) out->strategy = SEARCH_ALL;
    out->offset = s->offset;
    out->limit = s->limit;
    if (s->envelope) {
        out->facets = facets_read(c, s->facets, &problems);
        out->facet_count = s->facets.count;
        out->scores = true;
        out->details = s->details;
    }
    TRY(problems_err(c, &problems));
    return filter_make(c, s, &out->filter);
}

/* -- What is answered ---------------------------------------------------------------------------- */

typedef struct Page {
    Post *posts;
    SearchHit *hits;
    ptrdiff_t count;
} Page;

/* The rows of the hits; those gone since are left out. */
static Err *page_load(Ctx *c, const SearchResult *result, Page *out) {
    int64_t *keys = arena_array(c->arena, int64_t, result->count);
    bool *found = arena_array(c->arena, bool, result->count);
    for (ptrdiff_t i = 0; i < result->count; i++) keys[i] = result->hits[i].key;
    *out = (Page){arena_array(c->arena, Post, result->count), result->hits, 0};
    if (result->count == 0) return NULL;
    TRY(posts_load(c, keys, result->count, out->posts, found));
    for (ptrdiff_t i = 0; i < result->count; i++) {
        if (!found[i]) continue;
        out->posts[out->count] = out->posts[i];
        out->hits[out->count++] = result->hits[i];
    }
    return NULL;
}

/* The texts of a hit with what was found in them marked. */
static JsonText formatted(Ctx *c, const SearchResult *result, const Post *p, int64_t crop) {
    SearchMark mark = {.before = S("<em>"), .after = S("</em>"), .gap = S("…")};
    Buf b = buf_new(c->arena, p->caption.len + 256);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    json_key(&o, S("author"));
    json_put_str(&o, search_highlight(c->arena, result->query, p->author, &mark));
    json_key(&o, S("hashtags"));
    json_begin(&o, '[');
    for (ptrdiff_t i = 0; i < p->hashtags.count; i++)
        json_put_str(&o, search_highlight(c->arena, result->query, p->hashtags.items[i], &mark));
    json_end(&o, ']');
    mark.crop_words = crop;
    json_key(&o, S("caption"));
    json_put_str(&o, search_highlight(c->arena, result->query, p->caption, &mark));
    json_end(&o, '}');
    return (JsonText){buf_str(&b)};
}

static Str facet_name(const SearchFacetAsk *ask) {
    switch (ask->unit) {
    case SEARCH_HOUR: return S("hour");
    case SEARCH_DAY: return S("day");
    case SEARCH_WEEK: return S("week");
    case SEARCH_MONTH: return S("month");
    case SEARCH_YEAR: return S("year");
    case SEARCH_NO_UNIT: break;
    }
    return str_c(posts_index.fields[ask->field].name);
}

/* A unit is told by the day it begins, hours by their first second. */
static Str value_name(Ctx *c, const SearchFacetAsk *ask, const SearchValue *v) {
    bool time = posts_index.fields[ask->field].kind == SEARCH_TIME;
    if (!time) return v->value;
    Str text = time_str(c->arena, (Time){v->number});
    bool whole_days = ask->unit != SEARCH_NO_UNIT && ask->unit != SEARCH_HOUR;
    return whole_days ? str_slice(text, 0, (ptrdiff_t)strlen("2025-01-31")) : text;
}

static JsonText distribution(Ctx *c, const SearchRequest *request, const SearchResult *result) {
    Buf b = buf_new(c->arena, 1024);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    for (ptrdiff_t i = 0; i < result->facet_count; i++) {
        const SearchFacet *f = &result->facets[i];
        json_key(&o, facet_name(&request->facets[i]));
        json_begin(&o, '{');
        for (ptrdiff_t v = 0; v < f->count; v++) {
            json_key(&o, value_name(c, &request->facets[i], &f->values[v]));
            json_put_i64(&o, f->values[v].count);
        }
        json_end(&o, '}');
    }
    json_end(&o, '}');
    return (JsonText){buf_str(&b)};
}

static JsonText facet_stats(Ctx *c, const SearchRequest *request, const SearchResult *result) {
    Buf b = buf_new(c->arena, 256);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    for (ptrdiff_t i = 0; i < result->facet_count; i++) {
        const SearchFacet *f = &result->facets[i];
        if (!f->has_stats) continue;
        json_key(&o, facet_name(&request->facets[i]));
        json_begin(&o, '{');
        json_key(&o, S("min"));
        json_put_f64(&o, f->min);
        json_key(&o, S("max"));
        json_put_f64(&o, f->max);
        if (!isnan(f->sum)) {
            json_key(&o, S("sum"));
            json_put_f64(&o, f->sum);
        }
        json_end(&o, '}');
    }
    json_end(&o, '}');
    return (JsonText){buf_str(&b)};
}

static JsonText details_json(Ctx *c, const SearchDetails *d) {
    const struct {
        const char *name;
        int value, most;
    } rows[] = {{"words", d->words, d->words_max},
                {"typos", d->typos, d->typos_max},
                {"proximity", d->proximity, d->proximity_max},
                {"attribute", d->attribute, -1},
                {"exact_words", d->exact_words, d->exact_max},
                {"exact_field", d->exact_field, 2}};
    Buf b = buf_new(c->arena, 128);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        if (rows[i].value < 0) continue;
        json_key(&o, str_c(rows[i].name));
        json_begin(&o, '{');
        json_key(&o, S("value"));
        json_put_i64(&o, rows[i].value);
        if (rows[i].most >= 0) {
            json_key(&o, S("of"));
            json_put_i64(&o, rows[i].most);
        }
        json_end(&o, '}');
    }
    json_end(&o, '}');
    return (JsonText){buf_str(&b)};
}

static PostsFound envelope_make(Ctx *c, const PostSearch *s, const SearchRequest *request,
                                const SearchResult *result, const Page *page) {
    PostHit *hits = arena_array(c->arena, PostHit, page->count);
    for (ptrdiff_t i = 0; i < page->count; i++) {
        hits[i].post = page->posts[i];
        hits[i]._formatted = formatted(c, result, &page->posts[i], s->crop);
        hits[i]._rankingScore = page->hits[i].score;
        if (s->details) hits[i]._rankingScoreDetails = details_json(c, &page->hits[i].details);
    }
    return (PostsFound){
        .hits = {hits, page->count},
        .query = s->q,
        .processingTimeMs = (result->took_us + 999) / 1000,
        .limit = s->limit,
        .offset = s->offset,
        .estimatedTotalHits = result->total,
        .facetDistribution = distribution(c, request, result),
        .facetStats = facet_stats(c, request, result),
    };
}

static Err *posts_search(Ctx *c, Call *k) {
    const PostSearch *s = k->query;
    SearchIndex *index = search_find(c->app, S("posts"));
    SearchRequest request;
    SearchResult result;
    Page page;
    TRY(request_read(c, s, &request));
    TRY(search_sync(c, index));
    TRY(search_run(c, index, &request, &result));
    TRY(page_load(c, &result, &page));
    if (!s->envelope) {
        call_list(c, k, (Rows){page.posts, page.count}, result.total, (Str){0});
        return NULL;
    }
    PostsFound found = envelope_make(c, s, &request, &result, &page);
    Buf b = buf_new(c->arena, 16 * KIB);
    record_write(&b, &posts_found_record, &found);
    reply_json(k->r, 200, buf_str(&b));
    k->answered = true;
    return NULL;
}

const Route post_search_routes[] = {
    {GET, "/api/v1/posts/search", posts_search, .access = ACCESS_USER, .scope = "search",
     .query = &search_record, .out = &post_record, .out_list = true,
     .out_other = &posts_found_record, .rate = RATE_SEARCH, .tag = "posts", .errors = "501",
     .doc =
         "Search posts, forgiving typing errors; a post is found in the answer to its own write"},
    {0},
};

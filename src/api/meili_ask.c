/* SPDX-License-Identifier: Apache-2.0
 * The parameters of Meilisearch's searches, as a SearchRequest. One struct for all routes, a table
 * of fields for each. What this server cannot do (vectors, personal ranking, other servers) is said
 * so where it is asked for, and no error where it is asked not to be done. */
#include "api/meili_room.h"
#include "core/json.h"

enum { FILTERS_MAX = 10000, PLACE_MAX = 1000000000 };

static const char *const strategies[] = {"last", "all", "frequency", NULL};

static const Field weight_fields[] = {
    FIELD(MeiliWeight, weight, .min = 0, .max = 1000000,
          .doc = "Its scores are multiplied by it; 1"),
    FIELD(MeiliWeight, remote, .flags = F_NULLABLE,
          .doc = "Not offered: there are no other servers"),
    FIELD(MeiliWeight, queryPosition, .min = 0, .max = PLACE_MAX,
          .doc = "As which query's its hits are told"),
};
static const Record weight_record = RECORD(MeiliWeight, weight_fields);

/* clang-format off */
#define PAGE_FIELDS                                                                              \
    FIELD(MeiliAsk, offset, .min = 0, .max = PLACE_MAX,                                          \
          .doc = "How many of the best are left out; 0"),                                        \
    FIELD(MeiliAsk, limit, .min = 0, .max = PLACE_MAX,                                           \
          .doc = "How many hits; 20. At most 1000 come at once"),                                \
    FIELD(MeiliAsk, page, .min = 0, .max = PLACE_MAX,                                            \
          .doc = "From 1, in place of offset and limit"),                                        \
    FIELD(MeiliAsk, hitsPerPage, .min = 0, .max = MEILI_HITS_MAX)
#define MATCH_FIELDS                                                                             \
    FIELD(MeiliAsk, q, .flags = F_NULLABLE,                                                      \
          .doc = "Words, \"phrases\", -word; typing errors are forgiven, the last word may go on"),\
    FIELD(MeiliAsk, matchingStrategy, .values = strategies, .fallback = "\"last\"",              \
          .doc = "Which words need not be there: the last, none, or the most frequent"),         \
    FIELD(MeiliAsk, attributesToSearchOn, .flags = F_NULLABLE),                                  \
    FIELD(MeiliAsk, rankingScoreThreshold, .min = 0, .max = 1,                                   \
          .doc = "Hits with a lower score are left out"),                                        \
    FIELD(MeiliAsk, locales, .flags = F_NULLABLE, .doc = "Every language is read alike")
#define SHOW_FIELDS                                                                              \
    FIELD(MeiliAsk, attributesToRetrieve, .flags = F_NULLABLE, .fallback = "[\"*\"]"),           \
    FIELD(MeiliAsk, attributesToHighlight, .flags = F_NULLABLE,                                  \
          .doc = "Shown in _formatted with what was found marked"),                              \
    FIELD(MeiliAsk, attributesToCrop, .flags = F_NULLABLE,                                       \
          .doc = "Shown in _formatted cut around what was found: name or name:words"),           \
    FIELD(MeiliAsk, cropLength, .min = 0, .max = 100000, .fallback = "10",                       \
          .doc = "Words; 0: whole"),                                                             \
    FIELD(MeiliAsk, cropMarker, .flags = F_NULLABLE, .max = 1000, .fallback = "\"…\""),          \
    FIELD(MeiliAsk, highlightPreTag, .flags = F_NULLABLE, .max = 1000, .fallback = "\"<em>\""),  \
    FIELD(MeiliAsk, highlightPostTag, .flags = F_NULLABLE, .max = 1000, .fallback = "\"</em>\""),\
    FIELD(MeiliAsk, showMatchesPosition, .fallback = "false"),                                   \
    FIELD(MeiliAsk, showRankingScore, .fallback = "false"),                                      \
    FIELD(MeiliAsk, showRankingScoreDetails, .fallback = "false"),                               \
    FIELD(MeiliAsk, showPerformanceDetails, .fallback = "false", .doc = "Not offered"),          \
    FIELD(MeiliAsk, retrieveVectors, .fallback = "false", .doc = "Documents have none")
#define ORDER_FIELDS                                                                             \
    FIELD(MeiliAsk, sort, .flags = F_NULLABLE, .max = 16,                                        \
          .doc = "name:asc or name:desc, among equally good hits"),                              \
    FIELD(MeiliAsk, facets, .flags = F_NULLABLE, .max = 64, .doc = "Counted by value; * for all"),\
    FIELD(MeiliAsk, distinct, .flags = F_NULLABLE,                                               \
          .doc = "Of hits with the same value only the best"),                                   \
    FIELD(MeiliAsk, useNetwork, .doc = "Not offered: there are no other servers")
#define VECTOR_FIELDS                                                                            \
    FIELD(MeiliAsk, hybrid, .flags = F_NULLABLE, .doc = "Not offered: there are no embedders"),  \
    FIELD(MeiliAsk, vector, .flags = F_NULLABLE, .doc = "Not offered: there are no embedders"),  \
    FIELD(MeiliAsk, media, .flags = F_NULLABLE, .doc = "Not offered: there are no embedders"),   \
    FIELD(MeiliAsk, personalize, .flags = F_NULLABLE, .doc = "Not offered")
#define FILTER_FIELD                                                                             \
    FIELD(MeiliAsk, filter, .flags = F_NULLABLE,                                                 \
          .doc = "An expression, or a list of those that must all hold; a list in it: one of them")
/* As a text of a query string. */
#define TEXT_FIELD(member)                                                                       \
    {.name = #member, .kind = KIND_STR, .offset = offsetof(MeiliAsk, member.text)}
/* clang-format on */

static const Field search_fields[] = {MATCH_FIELDS, PAGE_FIELDS,   SHOW_FIELDS,
                                      ORDER_FIELDS, VECTOR_FIELDS, FILTER_FIELD};
const Record meili_search_record = RECORD_AS("MeiliSearch", MeiliAsk, search_fields);

static const Field get_fields[] = {
    MATCH_FIELDS,
    PAGE_FIELDS,
    SHOW_FIELDS,
    ORDER_FIELDS,
    TEXT_FIELD(filter),
    TEXT_FIELD(vector),
    FIELD(MeiliAsk, hybridEmbedder),
    FIELD(MeiliAsk, hybridSemanticRatio, .min = 0, .max = 1),
    FIELD(MeiliAsk, personalizeUserContext),
};
const Record meili_get_record = RECORD_AS("MeiliSearchGet", MeiliAsk, get_fields);

static const Field query_fields[] = {
    FIELD(MeiliAsk, indexUid, .flags = F_REQUIRED, .max = 512),
    MATCH_FIELDS,
    PAGE_FIELDS,
    SHOW_FIELDS,
    ORDER_FIELDS,
    VECTOR_FIELDS,
    FILTER_FIELD,
    FIELD_RECORD(MeiliAsk, federationOptions, &weight_record, .flags = F_NULLABLE),
};
const Record meili_query_record = RECORD_AS("MeiliQuery", MeiliAsk, query_fields);

/* Open: InstantSearch's adapter sends all its search's parameters along. */
static const Field values_fields[] = {
    FIELD(MeiliAsk, facetName, .flags = F_REQUIRED),
    FIELD(MeiliAsk, facetQuery, .flags = F_NULLABLE,
          .doc = "The value's beginning, or that of a word in it; typing errors are forgiven"),
    FIELD(MeiliAsk, exhaustiveFacetCount, .doc = "Counts are exact, always"),
    MATCH_FIELDS,
    VECTOR_FIELDS,
    FILTER_FIELD,
    FIELD(MeiliAsk, useNetwork),
};
const Record meili_values_record =
    RECORD_AS("MeiliFacetSearch", MeiliAsk, values_fields, .open = true);

/* -- Names --------------------------------------------------------------------------------------- */

int meili_field(const SearchDef *def, Str name, unsigned use) {
    for (int i = 0; i < def->field_count; i++)
        if ((def->fields[i].use & use) && str_eq(name, str_c(def->fields[i].name))) return i;
    return -1;
}

Str meili_fields_text(Arena *arena, const SearchDef *def, unsigned use) {
    Buf b = buf_new(arena, 128);
    for (int i = 0; i < def->field_count; i++)
        if (def->fields[i].use & use) buf_f(&b, "%s`%s`", b.len ? ", " : "", def->fields[i].name);
    return b.len ? buf_str(&b) : S("none");
}

bool meili_name_fits(Str pattern, Str name) {
    if (!str_ends(pattern, S("*"))) return str_eq(pattern, name);
    return str_starts(name, str_slice(pattern, 0, pattern.len - 1));
}

bool meili_list_has(StrList patterns, Str name) {
    for (ptrdiff_t i = 0; i < patterns.count; i++)
        if (meili_name_fits(patterns.items[i], name)) return true;
    return false;
}

Err *meili_query_known(Ctx *c, const Req *q, const Record *record) {
    Str name, value;
    for (ptrdiff_t at = 0; req_query_next(c, q, &at, &name, &value);) {
        Buf known = buf_new(c->arena, 256);
        bool found = false;
        for (ptrdiff_t i = 0; i < record->field_count && !found; i++) {
            found = str_eq(name, str_c(record->fields[i].name));
            buf_f(&known, "%s`%s`", i ? ", " : "", record->fields[i].name);
        }
        if (!found)
            MEILI_FAIL(c, "bad_request", "Unknown parameter `%.*s`: expected one of %.*s",
                       S_ARG(str_utf8_cut(name, 60)), S_ARG(buf_str(&known)));
    }
    return NULL;
}

Err *meili_collection(Ctx *c, Str uid, const Collection **out, SearchIndex **index) {
    *out = collection_find(uid);
    if (!*out)
        return meili_err(c, ERR_NOT_FOUND, S("index_not_found"), "Index `%.*s` not found.",
                         S_ARG(str_utf8_cut(uid, 60)));
    *index = search_find(c->app, uid);
    if (!*index) FAIL(c, UNAVAILABLE, "The index %.*s is not open yet", S_ARG(uid));
    return NULL;
}

/* -- Filters ------------------------------------------------------------------------------------- */

typedef SearchFilter *Join(Arena *a, SearchFilter *left, SearchFilter *right);

/* As a tree without depth: whoever walks it recurses. */
static SearchFilter *joined(Arena *a, SearchFilter *const *items, ptrdiff_t count, Join *join) {
    if (count == 0) return NULL;
    if (count == 1) return items[0];
    return join(a, joined(a, items, count / 2, join),
                joined(a, items + count / 2, count - count / 2, join));
}

typedef struct FilterReader {
    Ctx *c;
    const SearchDef *def;
    ptrdiff_t left; /* how many more expressions may come */
} FilterReader;

static Err *filter_of(FilterReader *r, const json_t *v, int depth, SearchFilter **out) {
    Ctx *c = r->c;
    if (json_is_string(v)) return search_filter_parse(c, r->def, json_str(v), out);
    if (!json_is_array(v) || depth == 2)
        MEILI_FAIL(c, "invalid_search_filter",
                   "Invalid syntax for the filter parameter: `expected %s`.",
                   depth == 2 ? "String" : "String, Array");
    ptrdiff_t count = (ptrdiff_t)json_array_size(v);
    if (count > r->left)
        MEILI_FAIL(c, "invalid_search_filter", "A filter has at most %d expressions.", FILTERS_MAX);
    r->left -= count;
    SearchFilter **items = arena_array(c->arena, SearchFilter *, count);
    for (ptrdiff_t i = 0; i < count; i++)
        TRY(filter_of(r, json_array_get(v, (size_t)i), depth + 1, &items[i]));
    *out = joined(c->arena, items, count, depth == 0 ? search_filter_and : search_filter_or);
    return NULL;
}

Err *meili_filter(Ctx *c, const SearchDef *def, Str json, SearchFilter **out) {
    *out = NULL;
    if (str_is_null(json)) return NULL;
    json_t *v;
    TRY(json_parse(c, json, &v));
    if (json_is_null(v)) return NULL;
    FilterReader r = {c, def, FILTERS_MAX};
    return filter_of(&r, v, 0, out);
}

Str meili_filter_text(Ctx *c, Str text) {
    json_t *v;
    if (str_is_null(text)) return text;
    if (!json_parse(c, text, &v) && (json_is_array(v) || json_is_string(v))) return text;
    Buf b = buf_new(c->arena, text.len + 2);
    buf_json(&b, text);
    return buf_str(&b);
}

/* -- The rest ------------------------------------------------------------------------------------ */

Err *meili_sorts(Ctx *c, const SearchDef *def, StrList texts, SearchRequest *out) {
    SearchSort *sorts = arena_array(c->arena, SearchSort, texts.count);
    for (ptrdiff_t i = 0; i < texts.count; i++) {
        Str text = str_trim(texts.items[i]), shown = str_utf8_cut(text, 60);
        bool descending = str_ends(text, S(":desc"));
        if (!descending && !str_ends(text, S(":asc")))
            MEILI_FAIL(c, "invalid_search_sort",
                       "Invalid syntax for the sort parameter: expected expression ending by "
                       "`:asc` or `:desc`, found `%.*s`.",
                       S_ARG(shown));
        Str name = str_slice(text, 0, text.len - (descending ? 5 : 4));
        sorts[i] = (SearchSort){meili_field(def, name, SEARCH_SORT), descending};
        if (sorts[i].field < 0)
            MEILI_FAIL(c, "invalid_search_sort",
                       "Index `%s`: Attribute `%.*s` is not sortable. Available sortable "
                       "attributes are: %.*s.",
                       def->name, S_ARG(str_utf8_cut(name, 60)),
                       S_ARG(meili_fields_text(c->arena, def, SEARCH_SORT)));
    }
    out->sort = sorts;
    out->sort_count = texts.count;
    return NULL;
}

static Err *fields_searched(Ctx *c, const SearchDef *def, StrList names, SearchRequest *out) {
    if (names.count == 0 || meili_list_has(names, S("*"))) return NULL;
    int *fields = arena_array(c->arena, int, def->field_count);
    for (ptrdiff_t n = 0; n < names.count; n++) {
        bool found = false;
        for (int i = 0; i < def->field_count; i++)
            found |= (def->fields[i].use & SEARCH_FOR) &&
                     meili_name_fits(names.items[n], str_c(def->fields[i].name));
        if (!found)
            MEILI_FAIL(c, "invalid_search_attributes_to_search_on",
                       "Index `%s`: Attribute `%.*s` is not searchable. Available searchable "
                       "attributes are: %.*s.",
                       def->name, S_ARG(str_utf8_cut(names.items[n], 60)),
                       S_ARG(meili_fields_text(c->arena, def, SEARCH_FOR)));
    }
    for (int i = 0; i < def->field_count; i++)
        if ((def->fields[i].use & SEARCH_FOR) && meili_list_has(names, str_c(def->fields[i].name)))
            fields[out->on_field_count++] = i;
    out->on_fields = fields;
    return NULL;
}

static Err *distinct_of(Ctx *c, const SearchDef *def, Str name, SearchRequest *out) {
    if (str_is_null(name)) return NULL;
    out->distinct_field = meili_field(def, name, SEARCH_FILTER);
    SearchKind kind = out->distinct_field < 0 ? SEARCH_TEXT : def->fields[out->distinct_field].kind;
    if (kind == SEARCH_KEYWORD || kind == SEARCH_INT) return NULL;
    MEILI_FAIL(c, "invalid_search_distinct",
               "Index `%s`: Attribute `%.*s` is not filterable by whole values and thus, cannot be "
               "used as distinct attribute.",
               def->name, S_ARG(str_utf8_cut(name, 60)));
}

static bool is_given(JsonText value) {
    return !str_is_null(value.text) && !str_eq(value.text, S("null"));
}

static Err *offered(Ctx *c, const MeiliAsk *ask) {
    if (is_given(ask->hybrid) || ask->hybridEmbedder.data)
        MEILI_FAIL(c, "invalid_search_embedder",
                   "Cannot find the embedder: this server searches by words, it has none.");
    if (ask->hybridSemanticRatio.set)
        MEILI_FAIL(c, "invalid_search_hybrid_query",
                   "`hybridEmbedder` is mandatory when `hybridSemanticRatio` is present");
    if (is_given(ask->vector) || is_given(ask->media))
        MEILI_FAIL(
            c, "missing_search_hybrid",
            "Invalid request: missing `hybrid` parameter when `vector` or `media` are present.");
    if (is_given(ask->personalize) || ask->personalizeUserContext.data)
        MEILI_FAIL(c, "feature_not_enabled", "Results are not personalised on this server.");
    if (ask->useNetwork.set && ask->useNetwork.value)
        MEILI_FAIL(c, "feature_not_enabled", "`useNetwork`: this server knows no other servers.");
    if (ask->showPerformanceDetails)
        MEILI_FAIL(c, "feature_not_enabled", "`showPerformanceDetails` is not offered.");
    return NULL;
}

static SearchStrategy strategy_of(Str name) {
    if (str_eq(name, S("all"))) return SEARCH_ALL;
    return str_eq(name, S("frequency")) ? SEARCH_FREQUENCY : SEARCH_LAST;
}

Err *meili_request(Ctx *c, const Collection *collection, const MeiliAsk *ask, SearchRequest *out) {
    const SearchDef *def = collection->def;
    TRY(offered(c, ask));
    *out = SEARCH_REQUEST;
    out->q = ask->q;
    out->strategy = strategy_of(ask->matchingStrategy);
    if (collection->partition) TRY(collection->partition(c, &out->partition));
    TRY(meili_filter(c, def, ask->filter.text, &out->filter));
    TRY(meili_sorts(c, def, ask->sort, out));
    TRY(fields_searched(c, def, ask->attributesToSearchOn, out));
    TRY(distinct_of(c, def, ask->distinct, out));
    out->details = ask->showRankingScoreDetails;
    out->scores = ask->showRankingScore || out->details;
    if (ask->rankingScoreThreshold.set) {
        out->score_threshold = ask->rankingScoreThreshold.value;
        out->scores = true;
    }
    return NULL;
}

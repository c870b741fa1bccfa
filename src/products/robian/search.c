/* SPDX-License-Identifier: Apache-2.0
 * /api/search: debates with the passages that answer, and what goes on from what somebody types. */
#include "products/robian/debate_search.h"
#include "products/robian/paris.h"
#include "products/robian/routes.h"

/* -- Debates ----------------------------------------------------------------------------------- */

typedef struct SearchIn {
    Str q, type, commission, speaker, date_start, date_end;
    OptBool has_audio;
    int64_t page, per_page;
    StrList facets;
} SearchIn;
static const Field search_in_fields[] = {
    FIELD(SearchIn, q, .flags = F_NULLABLE | F_TRIM, .max = 1000,
          .doc = "Words (typing errors are forgiven, the last one may go on), \"phrases\", -word, "
                 "AND, OR, NOT, ( ), NEAR/n, field:value; empty: all debates"),
    FIELD(SearchIn, type, .flags = F_NULLABLE, .values = debate_types),
    FIELD(SearchIn, commission, .flags = F_NULLABLE | F_TRIM, .max = 500,
          .doc = "Its name, or whole words of one"),
    FIELD(SearchIn, speaker, .flags = F_NULLABLE | F_TRIM, .max = 200,
          .doc = "A name, or whole words of one, or an id (PA…)"),
    FIELD(SearchIn, date_start, .flags = F_NULLABLE | F_TRIM, .max = 40,
          .doc = "A day in Paris, or a moment; included"),
    FIELD(SearchIn, date_end, .flags = F_NULLABLE | F_TRIM, .max = 40,
          .doc = "A day in Paris, or a moment; included"),
    FIELD(SearchIn, has_audio),
    FIELD(SearchIn, page, .min = 1, .max = 1000000, .fallback = "1"),
    FIELD(SearchIn, per_page, .min = 1, .max = 100, .fallback = "20"),
    FIELD(SearchIn, facets, .max = 4,
          .fallback = "[\"type\", \"commission\", \"speaker\", \"month\"]",
          .doc = "type, commission, month: debates; speaker: passages"),
};
static const Record search_in_record = RECORD_AS("DebateSearch", SearchIn, search_in_fields);

typedef struct SearchOut {
    Str query;
    RecordList hits;
    int64_t total, page, per_page;
    bool has_next, has_prev;
    JsonText facets;
    int64_t took_ms;
} SearchOut;
static const Field search_out_fields[] = {
    FIELD(SearchOut, query),
    FIELD_LIST(SearchOut, hits, &debate_hit_record),
    FIELD(SearchOut, total, .doc = "Debates, exact"),
    FIELD(SearchOut, page),
    FIELD(SearchOut, per_page),
    FIELD(SearchOut, has_next),
    FIELD(SearchOut, has_prev),
    FIELD(SearchOut, facets),
    FIELD(SearchOut, took_ms),
};
static const Record search_out_record =
    RECORD_AS("DebateSearchResult", SearchOut, search_out_fields);

static void date_read(Str text, const char *name, bool last, Time *out, Problems *problems) {
    *out = TIME_NULL;
    if (text.len == 0 || paris_time(text, last, out)) return;
    problem_add(problems, str_c(name), S("format"),
                "is neither a day (2024-11-06) nor a date-time");
}

static Err *ask_read(Ctx *c, const SearchIn *in, DebateAsk *out) {
    Problems problems = {.arena = c->arena};
    Time from, last;
    date_read(in->date_start, "date_start", false, &from, &problems);
    date_read(in->date_end, "date_end", true, &last, &problems);
    TRY(problems_err(c, &problems));
    *out = (DebateAsk){
        .q = in->q.data ? in->q : S(""),
        .narrow = {.type = in->type,
                   .commission = in->commission,
                   .speaker = in->speaker,
                   .from = from,
                   .before = time_is_null(last) ? last : time_add(last, 1),
                   .has_audio = in->has_audio},
        .offset = (in->page - 1) * in->per_page,
        .limit = in->per_page,
        .facets = in->facets,
    };
    return NULL;
}

static Err *debates_answer(Ctx *c, Call *k, const SearchIn *in) {
    DebateAsk ask;
    DebatesFound found;
    TRY(ask_read(c, in, &ask));
    TRY(debates_search(c, &ask, &found));
    *(SearchOut *)call_out(k) = (SearchOut){
        .query = ask.q,
        .hits = {found.hits, found.count},
        .total = found.total,
        .page = in->page,
        .per_page = in->per_page,
        .has_next = ask.offset + ask.limit<found.total, .has_prev = in->page> 1,
        .facets = found.facets,
        .took_ms = (found.took_us + 999) / 1000,
    };
    return NULL;
}

static Err *search_post(Ctx *c, Call *k) { return debates_answer(c, k, k->in); }

static Err *search_get(Ctx *c, Call *k) { return debates_answer(c, k, k->query); }

/* -- Suggestions ------------------------------------------------------------------------------- */

typedef struct TypedQuery {
    Str q;
    int64_t limit;
} TypedQuery;
static const Field typed_query_fields[] = {
    FIELD(TypedQuery, q, .flags = F_REQUIRED | F_TRIM, .min = 1, .max = 200,
          .doc = "What was typed so far"),
    FIELD(TypedQuery, limit, .min = 1, .max = 20, .fallback = "5", .doc = "Of each kind"),
};
static const Record typed_query_record = RECORD(TypedQuery, typed_query_fields);

typedef struct Suggestion {
    Str kind, text, debate_id;
    int64_t count;
} Suggestion;
static const Field suggestion_fields[] = {
    FIELD(Suggestion, kind, .doc = "title, speaker, commission"),
    FIELD(Suggestion, text),
    FIELD(Suggestion, debate_id, .flags = F_NULLABLE, .doc = "Of a title"),
    FIELD(Suggestion, count, .doc = "Of a speaker: speeches; of a commission: debates"),
};
static const Record suggestion_record = RECORD(Suggestion, suggestion_fields);

typedef struct Suggestions {
    Str query;
    RecordList suggestions;
    ptrdiff_t cap;
} Suggestions;
static const Field suggestions_fields[] = {
    FIELD(Suggestions, query), FIELD_LIST(Suggestions, suggestions, &suggestion_record)};
static const Record suggestions_record = RECORD(Suggestions, suggestions_fields);

static void suggest(Suggestions *s, Suggestion one) {
    assert(s->suggestions.count < s->cap);
    ((Suggestion *)s->suggestions.items)[s->suggestions.count++] = one;
}

/* Of documents of `kind`, by the words of one field. */
static SearchRequest typed_request(Ctx *c, const TypedQuery *typed, const int *field, Str kind) {
    SearchRequest request = SEARCH_REQUEST;
    request.q = typed->q;
    request.on_fields = field;
    request.on_field_count = 1;
    request.filter = search_filter_is(c->arena, IN_KIND, kind);
    request.strategy = SEARCH_ALL;
    return request;
}

static Err *titles_suggest(Ctx *c, SearchIndex *index, const TypedQuery *typed, Suggestions *out) {
    static const int field = IN_TITLE;
    SearchRequest request = typed_request(c, typed, &field, S("debate"));
    SearchResult result;
    request.limit = typed->limit;
    TRY(search_run(c, index, &request, &result));
    int64_t *keys = arena_array(c->arena, int64_t, result.count + 1);
    bool *found = arena_array(c->arena, bool, result.count + 1);
    DebateDocument *d = arena_array(c->arena, DebateDocument, result.count + 1);
    for (ptrdiff_t i = 0; i < result.count; i++) keys[i] = result.hits[i].key;
    TRY(debates_collection.load(c, keys, result.count, d, found));
    for (ptrdiff_t i = 0; i < result.count; i++)
        if (found[i]) suggest(out, (Suggestion){S("title"), d[i].title, d[i].debate_id, 1});
    return NULL;
}

/* Names that documents found by their words have, most frequent first. */
static Err *names_suggest(Ctx *c, SearchIndex *index, SearchRequest request, int field, Str kind,
                          const TypedQuery *typed, Suggestions *out) {
    SearchFacetAsk facet = SEARCH_FACET(field);
    SearchResult result;
    facet.limit = typed->limit;
    request.facets = &facet;
    request.facet_count = 1;
    request.limit = 0;
    TRY(search_run(c, index, &request, &result));
    const SearchFacet *f = &result.facets[0];
    for (ptrdiff_t i = 0; i < f->count; i++)
        suggest(out, (Suggestion){kind, f->values[i].value, {NULL, 0}, f->values[i].count});
    return NULL;
}

static Err *suggestions_get(Ctx *c, Call *k) {
    static const int speaker = IN_SPEAKER, committee = IN_COMMITTEE;
    const TypedQuery *typed = k->query;
    SearchIndex *index = search_find(c->app, S("debates"));
    Suggestions *out = call_out(k);
    out->query = typed->q;
    out->cap = 3 * (ptrdiff_t)typed->limit;
    out->suggestions.items = arena_array(c->arena, Suggestion, out->cap);
    TRY(search_sync(c, index));
    TRY(names_suggest(c, index, typed_request(c, typed, &speaker, S("speech")), IN_SPEAKER,
                      S("speaker"), typed, out));
    TRY(names_suggest(c, index, typed_request(c, typed, &committee, S("debate")), IN_COMMISSION,
                      S("commission"), typed, out));
    return titles_suggest(c, index, typed, out);
}

#define OPEN .access = ACCESS_OPEN, .rate = RATE_SEARCH, .tag = "search"

const Route debate_search_routes[] = {
    {POST, "/api/search/debates", search_post, OPEN, .in = &search_in_record,
     .out = &search_out_record,
     .doc = "Search debates and what was said in them: each hit with its best passages and their "
            "second in the audio"},
    {GET, "/api/search/debates", search_get, OPEN, .query = &search_in_record,
     .out = &search_out_record, .doc = "The same by an address"},
    {GET, "/api/search/suggestions", suggestions_get, OPEN, .query = &typed_query_record,
     .out = &suggestions_record,
     .doc = "Titles, speakers and committees that go on from what was typed, typing errors "
            "forgiven"},
    {0},
};

/* SPDX-License-Identifier: Apache-2.0
 * See debate_search.h. One search finds the debates of the page, distinct by debate, with the
 * facets; another the best passages of all of them. */
#include "products/robian/debate_search.h"

#include "core/json.h"
#include "data/db.h"
#include "products/robian/list_page.h"
#include "products/robian/search_sql.h"

static const Field passage_fields[] = {
    FIELD(Passage, id, .doc = "The debate's id, _ and the speech's position"),
    FIELD(Passage, position),
    FIELD(Passage, speaker, .flags = F_NULLABLE),
    FIELD(Passage, speaker_id, .flags = F_NULLABLE),
    FIELD(Passage, role, .flags = F_NULLABLE),
    FIELD(Passage, text, .doc = "HTML: what was found is in <em>"),
    FIELD(Passage, start_ms, .doc = "From the beginning of the audio"),
    FIELD(Passage, end_ms),
    FIELD(Passage, second),
    FIELD(Passage, time_source, .flags = F_NULLABLE),
    FIELD(Passage, url, .doc = "The debate's page, at that second"),
    FIELD(Passage, audio_url, .flags = F_NULLABLE, .doc = "The audio, at that second"),
};
const Record passage_record = RECORD(Passage, passage_fields, .doc = "What was said");

static const Field hit_fields[] = {
    FIELD_RECORD(DebateHit, debate, &debate_record),
    FIELD(DebateHit, title, .doc = "HTML: what was found is in <em>"),
    FIELD(DebateHit, score, .doc = "0 to 1"),
    FIELD_LIST(DebateHit, passages, &passage_record, .doc = "The best first"),
    FIELD(DebateHit, passage_count, .doc = "How many there are in all"),
};
const Record debate_hit_record = RECORD(DebateHit, hit_fields);

/* -- Debates ----------------------------------------------------------------------------------- */

const char *const debate_facets[] = {"type", "commission", "speaker", "month", NULL};
static const int facet_places[] = {IN_TYPE, IN_COMMISSION, IN_SPEAKER, IN_MONTH};

static int facet_place(Str name) {
    for (int i = 0; debate_facets[i]; i++)
        if (str_eq(name, str_c(debate_facets[i]))) return facet_places[i];
    return -1;
}

/* Debates are counted, but those who speak by what they said. */
static Err *facets_ask(Ctx *c, const DebateAsk *ask, SearchRequest *request) {
    Problems problems = {.arena = c->arena};
    SearchFacetAsk *asks = arena_array(c->arena, SearchFacetAsk, ask->facets.count);
    for (ptrdiff_t i = 0; i < ask->facets.count; i++) {
        asks[i] = SEARCH_FACET(facet_place(ask->facets.items[i]));
        asks[i].distinct = asks[i].field != IN_SPEAKER;
        asks[i].by_name = asks[i].field == IN_MONTH;
        if (asks[i].by_name) asks[i].limit = 1000;
        if (asks[i].field < 0)
            problem_add(&problems, S("facets"), S("value"), "`%.*s` is nothing to count by",
                        S_ARG(str_utf8_cut(ask->facets.items[i], 60)));
    }
    request->facets = asks;
    request->facet_count = ask->facets.count;
    return problems_err(c, &problems);
}

static JsonText facets_json(Ctx *c, const DebateAsk *ask, const SearchResult *result) {
    Buf b = buf_new(c->arena, 1024);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    for (ptrdiff_t i = 0; i < result->facet_count; i++) {
        const SearchFacet *f = &result->facets[i];
        json_key(&o, ask->facets.items[i]);
        json_begin(&o, '{');
        for (ptrdiff_t v = 0; v < f->count; v++) {
            json_key(&o, f->values[v].value);
            json_put_i64(&o, f->values[v].count);
        }
        json_end(&o, '}');
    }
    json_end(&o, '}');
    return (JsonText){buf_str(&b)};
}

/* n of the debate that each key is of or belongs to; 0: gone since. */
typedef struct Group {
    int64_t key, n;
} Group;
static const Field group_fields[] = {FIELD(Group, key), FIELD(Group, n)};
static const Record group_record = RECORD(Group, group_fields);

static Err *groups_find(Ctx *c, const SearchResult *result, int64_t *out) {
    Rows rows;
    for (ptrdiff_t i = 0; i < result->count; i++) out[i] = result->hits[i].key;
    JsonText keys = keys_json(c->arena, out, result->count);
    TRY(db_query(c, SQL2(SQL_SEARCH_GROUPS_SQLITE, SQL_SEARCH_GROUPS_POSTGRES), ARGS(V(keys)),
                 &group_record, &rows));
    const Group *g = rows.items;
    for (ptrdiff_t i = 0; i < result->count; i++) {
        ptrdiff_t at = 0;
        while (at < rows.count && g[at].key != result->hits[i].key) at++;
        out[i] = at < rows.count ? g[at].n : 0;
    }
    return NULL;
}

enum { EXCERPT_BYTES = 300 };

/* -- Passages ---------------------------------------------------------------------------------- */

static Str excerpt(Ctx *c, Str text, const SearchQuery *query) {
    SearchMark mark = {S("<em>"), S("</em>"), S("…"), .crop_words = 45, .html = true};
    if (query) return search_highlight(c->arena, query, text, &mark);
    Buf b = buf_new(c->arena, 2 * EXCERPT_BYTES);
    buf_html(&b, str_utf8_cut(text, EXCERPT_BYTES));
    return buf_str(&b);
}

Passage passage_of(Ctx *c, const Debate *d, const DebateDocument *s, const SearchQuery *query) {
    OptInt second = {s->start_ms.value / 1000, s->start_ms.set};
    Str at = second.set ? strf(c->arena, "#t=%lld", (long long)second.value) : S("");
    Passage p = {
        .id = s->id,
        .speaker = s->speaker,
        .speaker_id = s->speaker_id,
        .role = s->role,
        .text = excerpt(c, s->text, query),
        .position = s->position,
        .start_ms = s->start_ms,
        .end_ms = s->end_ms,
        .second = second,
        .time_source = s->time_source,
        .url = strf(c->arena, "/listen/%.*s%.*s", S_ARG(d->id), S_ARG(at)),
    };
    if (d->has_audio)
        p.audio_url = strf(c->arena, "/api/streaming/%.*s/stream%.*s", S_ARG(d->id), S_ARG(at));
    return p;
}

/* Is anything of the question in what was said, or only in the debate's title? */
static bool is_said(Ctx *c, const DebateDocument *s, const SearchQuery *query) {
    ptrdiff_t text, speaker;
    search_places(c->arena, query, s->text, &text);
    search_places(c->arena, query, s->speaker, &speaker);
    return text + speaker > 0;
}

/* Words of the question that are only in the title leave none where all must be said: then also
 * those that have some of them. */
static Err *speeches_find(Ctx *c, SearchRequest *request, SearchResult *out, bool *some) {
    static const int said[] = {IN_TEXT, IN_SPEAKER, IN_ROLE};
    SearchIndex *index = search_find(c->app, S("debates"));
    *some = false;
    request->on_fields = said;
    request->on_field_count = COUNT(said);
    TRY(search_run(c, index, request, out));
    if (out->count > 0 || str_is_empty(request->q)) return NULL;
    request->on_field_count = 0;
    request->on_fields = NULL;
    *some = true;
    return search_run(c, index, request, out);
}

/* What all searches for passages have; *sort lives as long as the request. */
static SearchRequest passages_request(Ctx *c, const DebateAsk *ask, SearchFilter *filter) {
    static const SearchSort sort = {IN_START_MS, false};
    SearchRequest request = SEARCH_REQUEST;
    request.q = ask->q;
    request.operators = true;
    request.filter =
        search_filter_and(c->arena, filter, search_filter_is(c->arena, IN_KIND, S("speech")));
    request.sort = &sort;
    request.sort_count = 1;
    return request;
}

/* Of one debate. */
static Err *passages_find(Ctx *c, SearchRequest request, DebateHit *hit) {
    SearchResult result;
    bool some, found[PASSAGES_OF_HIT];
    int64_t keys[PASSAGES_OF_HIT];
    DebateDocument documents[PASSAGES_OF_HIT];
    request.filter = search_filter_and(c->arena, request.filter,
                                       search_filter_is(c->arena, IN_DEBATE_ID, hit->debate.id));
    request.limit = PASSAGES_OF_HIT;
    TRY(speeches_find(c, &request, &result, &some));
    for (ptrdiff_t i = 0; i < result.count; i++) keys[i] = result.hits[i].key;
    TRY(debates_collection.load(c, keys, result.count, documents, found));
    Passage *passages = arena_array(c->arena, Passage, PASSAGES_OF_HIT);
    ptrdiff_t count = 0;
    for (ptrdiff_t i = 0; i < result.count; i++)
        if (found[i] && (!some || is_said(c, &documents[i], result.query)))
            passages[count++] = passage_of(c, &hit->debate, &documents[i], result.query);
    hit->passages = (RecordList){passages, count};
    hit->passage_count = some ? count : result.total;
    return NULL;
}

static DebateHit *hit_of(DebateHit *hits, ptrdiff_t count, Str debate_id) {
    for (ptrdiff_t i = 0; i < count; i++)
        if (str_eq(hits[i].debate.id, debate_id)) return &hits[i];
    return NULL;
}

static Err *passages_deal(Ctx *c, const SearchResult *result, DebateHit *hits, ptrdiff_t count) {
    int64_t *keys = arena_array(c->arena, int64_t, result->count + 1);
    bool *found = arena_array(c->arena, bool, result->count + 1);
    DebateDocument *documents = arena_array(c->arena, DebateDocument, result->count + 1);
    for (ptrdiff_t i = 0; i < result->count; i++) keys[i] = result->hits[i].key;
    TRY(debates_collection.load(c, keys, result->count, documents, found));
    for (ptrdiff_t i = 0; i < result->facets[0].count; i++) {
        DebateHit *hit = hit_of(hits, count, result->facets[0].values[i].value);
        if (hit) hit->passage_count = result->facets[0].values[i].count;
    }
    for (ptrdiff_t i = 0; i < result->count; i++) {
        DebateHit *hit = found[i] ? hit_of(hits, count, documents[i].debate_id) : NULL;
        if (!hit || hit->passages.count == PASSAGES_OF_HIT) continue;
        if (!hit->passages.items)
            hit->passages.items = arena_array(c->arena, Passage, PASSAGES_OF_HIT);
        ((Passage *)hit->passages.items)[hit->passages.count++] =
            passage_of(c, &hit->debate, &documents[i], result->query);
    }
    return NULL;
}

/* The best of all of them together, with a count for each. */
static Err *passages_share(Ctx *c, SearchRequest request, DebateHit *hits, ptrdiff_t count) {
    static const int said[] = {IN_TEXT, IN_SPEAKER, IN_ROLE};
    SearchIndex *index = search_find(c->app, S("debates"));
    SearchFacetAsk facet = SEARCH_FACET(IN_DEBATE_ID);
    SearchResult result;
    Str *ids = arena_array(c->arena, Str, count);
    for (ptrdiff_t i = 0; i < count; i++) ids[i] = hits[i].debate.id;
    request.filter = search_filter_and(c->arena, request.filter,
                                       search_filter_in(c->arena, IN_DEBATE_ID, ids, count));
    request.on_fields = said;
    request.on_field_count = COUNT(said);
    request.facets = &facet;
    request.facet_count = 1;
    facet.limit = count;
    request.limit = 2 * PASSAGES_OF_HIT * count;
    TRY(search_run(c, index, &request, &result));
    return passages_deal(c, &result, hits, count);
}

/* First of all debates at once; then of those that came off badly beside others, and of those in
 * which not all words are said, each by itself. */
Err *debate_passages(Ctx *c, const DebateAsk *ask, DebateHit *hits, ptrdiff_t count) {
    SearchFilter *filter;
    if (count == 0 || (str_is_empty(ask->q) && str_is_empty(ask->narrow.speaker))) return NULL;
    TRY(debates_filter(c, &ask->narrow, &filter));
    SearchRequest request = passages_request(c, ask, filter);
    bool words = str_find_byte(str_trim(ask->q), ' ') >= 0;
    TRY(passages_share(c, request, hits, count));
    for (ptrdiff_t i = 0; i < count; i++) {
        int64_t want = min_i64(PASSAGES_OF_HIT, hits[i].passage_count);
        if (hits[i].passages.count < want || (want == 0 && words))
            TRY(passages_find(c, request, &hits[i]));
    }
    return NULL;
}

/* -- Together ---------------------------------------------------------------------------------- */

static Err *hits_make(Ctx *c, const DebateAsk *ask, const SearchResult *result, DebatesFound *out) {
    SearchMark mark = {S("<em>"), S("</em>"), S("…"), .html = true};
    int64_t *keys = arena_array(c->arena, int64_t, result->count);
    Debate *debates;
    out->hits = arena_array(c->arena, DebateHit, result->count);
    TRY(groups_find(c, result, keys));
    TRY(list_debates(c, keys, result->count, &debates));
    for (ptrdiff_t i = 0; i < result->count; i++) {
        if (debates[i].n == 0) continue;
        DebateHit *hit = &out->hits[out->count++];
        hit->debate = debates[i];
        hit->score = result->hits[i].score;
        hit->title = search_highlight(c->arena, result->query, debates[i].title, &mark);
    }
    return debate_passages(c, ask, out->hits, out->count);
}

Err *debates_search(Ctx *c, const DebateAsk *ask, DebatesFound *out) {
    SearchIndex *index = search_find(c->app, S("debates"));
    SearchRequest request = SEARCH_REQUEST;
    SearchResult result;
    *out = (DebatesFound){0};
    request.q = ask->q;
    request.operators = true;
    request.offset = ask->offset;
    request.limit = ask->limit;
    request.scores = true;
    request.distinct_field = IN_DEBATE_ID;
    TRY(facets_ask(c, ask, &request));
    TRY(search_sync(c, index));
    TRY(debates_filter(c, &ask->narrow, &request.filter));
    TRY(search_run(c, index, &request, &result));
    TRY(hits_make(c, ask, &result, out));
    out->total = result.total;
    out->took_us = result.took_us;
    out->facets = facets_json(c, ask, &result);
    return NULL;
}

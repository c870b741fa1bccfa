/* SPDX-License-Identifier: Apache-2.0
 * Retrieval: candidates by the search room, in the tenant's partition; their texts from the database
 * in the tenant's scope; then how far each bears on the question (support.h), which decides what is
 * left out, while the order is the search's. */
#include "products/sylion/retrieve.h"

#include <math.h>
#include <stdlib.h>

#include "ai/embed.h"
#include "core/log.h"
#include "core/map.h"
#include "data/db.h"
#include "products/sylion/knowledge.h"
#include "products/sylion/support.h"
#include "rt/offload.h"

enum { CANDIDATES = 50, BUDGET_TOKENS = 3000, RESULTS = 5, EMBED_MS = 8000, FIND_TRIES = 3 };

static const Field passage_fields[] = {
    FIELD(Passage, chunk_id, .format = "uuid"),
    FIELD(Passage, document_id, .format = "uuid"),
    FIELD(Passage, document_name),
    FIELD(Passage, knowledge_base_id, .format = "uuid"),
    FIELD(Passage, heading, .flags = F_NULLABLE),
    FIELD(Passage, text),
    FIELD(Passage, page),
    FIELD(Passage, position),
    FIELD(Passage, score, .doc = "Of this search; only to compare its results"),
    FIELD(Passage, support, .doc = "0 to 1: how far it bears on the question"),
    FIELD(Passage, similarity, .doc = "Cosine of the vectors, where they took part"),
    FIELD(Passage, keyword_rank),
    FIELD(Passage, vector_rank),
    FIELD(Passage, sentence, .flags = F_NULLABLE, .doc = "Of the text, what bears on it most"),
};
const Record knowledge_passage_record =
    RECORD_AS("KnowledgePassage", Passage, passage_fields, .camel = true,
              .doc = "A passage of the tenant's knowledge");

typedef struct Retrieval {
    const RetrieveAsk *ask;
    const Scope *s;
    SearchIndex *index;
    Question question;
    const float *vector; /* NULL: without */
    bool real_model;     /* its cosine says something of meaning */
    SearchRequest request;
    SearchResult found;
    ChunkDocument **rows; /* of found.hits; NULL: gone since */
    double *coverage;
    Str *sentences;
    Arena *scratch;
} Retrieval;

/* -- The question ---------------------------------------------------------------------------------- */

static bool is_zero(const float *vector, int dims) {
    for (int i = 0; i < dims; i++)
        if (vector[i] != 0) return false;
    return true;
}

/* Without a provider that answers, keywords alone: a question must not wait for it for long. */
static Err *question_embed(Ctx *c, Retrieval *r, bool *degraded) {
    float *vector;
    AiUsage usage;
    if (r->ask->mode == RETRIEVE_KEYWORD) return NULL;
    int64_t before = ctx_deadline_within(c, EMBED_MS);
    Err *err = embed(c, EMBED_QUERY, &r->ask->question, 1, r->ask->payer, &vector, &usage);
    c->deadline_us = before;
    if (err && err->kind == ERR_CANCELLED) return err;
    if (err) {
        log_msg(c, LOG_WARN, "a question is asked by its words alone: %.*s",
                S_ARG(err_chain(c->arena, err)));
        *degraded = true;
        return NULL;
    }
    if (!is_zero(vector, embed_dimensions())) r->vector = vector;
    r->real_model = !str_starts(embed_model(c->arena), S("local/"));
    return NULL;
}

/* Any of its words: those that have more of them come first. */
static Str any_of(Arena *arena, const Question *q) {
    Buf b = buf_new(arena, 256);
    for (ptrdiff_t i = 0; i < q->count; i++)
        buf_f(&b, "%s%.*s", i ? " OR " : "", S_ARG(q->terms[i]));
    return buf_str(&b);
}

static void request_begin(Ctx *c, Retrieval *r) {
    StrList bases = r->ask->knowledge_base_ids;
    r->request = SEARCH_REQUEST;
    r->request.partition = r->s->tenant_id;
    if (bases.count > 0)
        r->request.filter = search_filter_in(c->arena, CHUNK_BASE, bases.items, bases.count);
    r->request.no_prefix = true;
    r->request.limit = CANDIDATES;
    r->request.scores = true;
}

static Err *question_search(Ctx *c, Retrieval *r) {
    SearchRequest *request = &r->request;
    request->operators = true;
    SearchNear *near = arena_new_of(c->arena, SearchNear);
    if (r->vector) {
        *near = (SearchNear){.vector = r->vector, .threshold = -1};
        request->near = near;
    }
    if (!r->vector || r->ask->mode == RETRIEVE_HYBRID) request->q = any_of(c->arena, &r->question);
    if (request->q.len == 0 && !r->vector) return NULL;
    return search_run(c, r->index, request, &r->found);
}

/* How many passages have each word: what is rare says more. */
static Err *question_count(Ctx *c, Retrieval *r) {
    SearchRequest count = r->request;
    SearchResult result;
    int64_t found[QUESTION_TERMS];
    count.near = NULL;
    count.limit = 0;
    count.scores = false;
    count.operators = false;
    for (ptrdiff_t i = 0; i < r->question.count; i++) {
        count.q = r->question.terms[i];
        TRY(search_run(c, r->index, &count, &result));
        found[i] = result.total;
    }
    count.q = S("");
    TRY(search_run(c, r->index, &count, &result));
    question_weigh(&r->question, found, result.total);
    return NULL;
}

/* -- Word by word ---------------------------------------------------------------------------------- */

static int score_order(const void *a, const void *b) {
    const SearchHit *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return (x->key > y->key) - (x->key < y->key);
}

/* A hit's score is the share of the question's weight that lies on the words it was found by. */
static void words_join(Ctx *c, Retrieval *r, const SearchResult *each) {
    const Question *q = &r->question;
    SearchHit *all = arena_array(c->arena, SearchHit, q->count * CANDIDATES + 1);
    Map by_key = {.arena = c->arena};
    ptrdiff_t count = 0;
    double most = 0;
    for (ptrdiff_t i = 0; i < q->count; i++) {
        most += q->weights[i];
        for (ptrdiff_t k = 0; k < each[i].count; k++) {
            const SearchHit *found = &each[i].hits[k];
            Str key = str_of((const char *)&found->key, sizeof found->key);
            SearchHit *hit = map_get(&by_key, key);
            if (!hit) {
                hit = &all[count++];
                *hit = (SearchHit){.key = found->key, .similarity = NAN};
                map_set(&by_key, key, hit);
            }
            hit->score += q->weights[i];
        }
    }
    for (ptrdiff_t i = 0; i < count && most > 0; i++) all[i].score /= most;
    if (count > 1) qsort(all, (size_t)count, sizeof *all, score_order);
    r->found = (SearchResult){.hits = all, .count = min_size(count, CANDIDATES)};
}

/* Where the search knows neither vectors nor OR each word is asked for alone, and passages stand in the
 * order of what they have of the question: of words that are rare, most. */
static Err *words_search(Ctx *c, Retrieval *r) {
    SearchResult each[QUESTION_TERMS], all;
    SearchRequest request = r->request;
    int64_t found[QUESTION_TERMS];
    for (ptrdiff_t i = 0; i < r->question.count; i++) {
        request.q = r->question.terms[i];
        TRY(search_run(c, r->index, &request, &each[i]));
        found[i] = each[i].total;
    }
    request.q = S("");
    request.limit = 0;
    TRY(search_run(c, r->index, &request, &all));
    question_weigh(&r->question, found, all.total);
    words_join(c, r, each);
    return NULL;
}

/* -- What was found -------------------------------------------------------------------------------- */

static Err *rows_load(Ctx *c, Retrieval *r, bool *whole) {
    ptrdiff_t count = r->found.count;
    int64_t *keys = arena_array(c->arena, int64_t, count + 1);
    Rows rows;
    for (ptrdiff_t i = 0; i < count; i++) keys[i] = r->found.hits[i].key;
    TRY(chunks_load(c, r->s, keys, count, &rows));
    ChunkDocument *row = rows.items;
    Map by_key = {.arena = c->arena};
    for (ptrdiff_t i = 0; i < rows.count; i++)
        map_set(&by_key, str_of((const char *)&row[i].n, sizeof row[i].n), &row[i]);
    r->rows = arena_array(c->arena, ChunkDocument *, count + 1);
    for (ptrdiff_t i = 0; i < count; i++)
        r->rows[i] = map_get(&by_key, str_of((const char *)&keys[i], sizeof keys[i]));
    *whole = rows.count == count;
    return NULL;
}

static void rows_weigh(void *arg) {
    Retrieval *r = arg;
    for (ptrdiff_t i = 0; i < r->found.count; i++) {
        const ChunkDocument *row = r->rows[i];
        if (!row) continue;
        ArenaMark mark = arena_mark(r->scratch);
        r->coverage[i] = question_coverage(&r->question, r->scratch, row->heading,
                                           row->document_name, row->text, &r->sentences[i]);
        arena_release(r->scratch, mark);
    }
}

static Passage passage_of(const Retrieval *r, ptrdiff_t i) {
    const ChunkDocument *row = r->rows[i];
    const SearchHit *hit = &r->found.hits[i];
    bool near = r->vector && !isnan(hit->similarity), real = r->real_model;
    int64_t keyword = r->vector ? hit->keyword_rank : i + 1;
    return (Passage){
        .chunk_id = row->chunk_id,
        .document_id = row->document_id,
        .document_name = row->document_name,
        .knowledge_base_id = row->knowledge_base_id,
        .heading = row->heading,
        .text = row->text,
        .page = row->page,
        .position = row->position,
        .score = hit->score,
        .support = support_of(r->coverage[i], near && real ? hit->similarity : NAN),
        .similarity = {near ? hit->similarity : 0, near},
        .keyword_rank = {keyword, keyword > 0},
        .vector_rank = {r->vector ? hit->vector_rank : 0, r->vector && hit->vector_rank > 0},
        .sentence = r->sentences[i],
    };
}

/* In order, above the threshold, as many as fit; one at least where the first alone is too long. */
static void passages_take(Ctx *c, const Retrieval *r, Rows *out) {
    int64_t most = r->ask->max_results > 0 ? r->ask->max_results : RESULTS;
    int64_t budget = r->ask->budget_tokens > 0 ? r->ask->budget_tokens : BUDGET_TOKENS, used = 0;
    Passage *taken = arena_array(c->arena, Passage, most + 1);
    *out = (Rows){taken, 0};
    for (ptrdiff_t i = 0; i < r->found.count && out->count < most; i++) {
        if (!r->rows[i]) continue;
        Passage p = passage_of(r, i);
        if (p.support < r->ask->threshold) continue;
        if (used + r->rows[i]->tokens > budget) {
            if (out->count > 0) continue;
            p.text = ai_tokens_cut(p.text, budget);
        }
        used += r->rows[i]->tokens;
        taken[out->count++] = p;
    }
}

static void scratch_end(void *arena) { arena_free(arena); }

static Err *candidates_find(Ctx *c, Retrieval *r, bool *degraded) {
    TRY(search_sync(c, r->index));
    if (!search_knows_near(r->index)) return words_search(c, r);
    TRY(question_search(c, r));
    *degraded |= r->found.degraded;
    return question_count(c, r);
}

/* A document that is indexed anew between the search and the reading takes its former passages along:
 * those that have their place are found the next time. */
static Err *passages_find(Ctx *c, Retrieval *r, bool *degraded) {
    bool whole = false;
    if (search_knows_near(r->index)) TRY(question_embed(c, r, degraded));
    else *degraded = r->ask->mode != RETRIEVE_KEYWORD;
    for (int i = 0; i < FIND_TRIES && !whole; i++) {
        TRY(candidates_find(c, r, degraded));
        TRY(rows_load(c, r, &whole));
    }
    return NULL;
}

Err *retrieve(Ctx *c, const Scope *s, const RetrieveAsk *ask, Rows *out, bool *degraded) {
    Retrieval r = {.ask = ask, .s = s, .index = search_find(c->app, S("chunks"))};
    assert(s && !id_is_none(s->tenant));
    *out = (Rows){0};
    *degraded = false;
    if (!r.index) FAIL(c, UNAVAILABLE, "There is no search index in this process.");
    r.question = question_read(c->arena, ask->question);
    request_begin(c, &r);
    TRY(passages_find(c, &r, degraded));
    r.coverage = arena_array(c->arena, double, r.found.count + 1);
    r.sentences = arena_array(c->arena, Str, r.found.count + 1);
    r.scratch = arena_new(64 * MIB);
    defer(c, scratch_end, r.scratch);
    TRY(offload(c, LANE_SHORT, rows_weigh, &r));
    passages_take(c, &r, out);
    return NULL;
}

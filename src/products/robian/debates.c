/* SPDX-License-Identifier: Apache-2.0
 * /api/debates: finding, reading, making, changing, removing.
 *
 * The ETag of a debate follows its change number, not its figures: who read it may change it though
 * others have viewed it meanwhile. */
#include "products/robian/debate.h"
#include "products/robian/debate_in.h"
#include "products/robian/debate_list.h"
#include "products/robian/paris.h"
#include "products/robian/routes.h"

enum { BODY_MAX = 512 * 1024 };

/* -- the list --------------------------------------------------------------------------------- */

typedef struct DebateQuery {
    Str q, type, status, commission, date_start, date_end;
    OptBool has_audio;
    Str speaker;
    int64_t page, per_page;
    Str sort_by, sort_order;
} DebateQuery;

static const char *const sort_orders[] = {"asc", "desc", NULL};
static const Field debate_query_fields[] = {
    FIELD(DebateQuery, q, .flags = F_TRIM, .max = 500,
          .doc = "Words of the debate or of what was said; case, accents and typing errors aside"),
    FIELD(DebateQuery, type, .values = debate_types),
    FIELD(DebateQuery, status, .values = debate_statuses),
    FIELD(DebateQuery, commission, .flags = F_TRIM, .max = 500,
          .doc = "A part of its name; case and accents aside"),
    FIELD(DebateQuery, date_start, .flags = F_TRIM, .max = 40,
          .doc = "A day in Paris or RFC 3339, included"),
    FIELD(DebateQuery, date_end, .flags = F_TRIM, .max = 40, .doc = "The same"),
    FIELD(DebateQuery, has_audio),
    FIELD(DebateQuery, speaker, .flags = F_TRIM, .max = 300,
          .doc = "A name, whole words of one, or an id of the open data (PA…)"),
    FIELD(DebateQuery, page, .min = 1, .max = 1000000, .fallback = "1"),
    FIELD(DebateQuery, per_page, .min = 1, .max = 100, .fallback = "20"),
    FIELD(DebateQuery, sort_by, .values = debate_sorts, .fallback = "\"date\""),
    FIELD(DebateQuery, sort_order, .values = sort_orders, .fallback = "\"desc\""),
};
static const Record debate_query_record = RECORD(DebateQuery, debate_query_fields);

typedef struct DebatePage {
    RecordList debates;
    int64_t total, page, per_page;
    bool has_next, has_prev;
} DebatePage;
static const Field debate_page_fields[] = {
    FIELD_LIST(DebatePage, debates, &debate_record),
    FIELD(DebatePage, total, .doc = "Exact"),
    FIELD(DebatePage, page),
    FIELD(DebatePage, per_page),
    FIELD(DebatePage, has_next),
    FIELD(DebatePage, has_prev),
};
static const Record debate_page_record = RECORD(DebatePage, debate_page_fields);

typedef struct ListAsked {
    const DebateQuery *query;
    DebateFilter filter;
} ListAsked;

static Err *list_fill(Ctx *c, void *arg, Str *value) {
    const ListAsked *asked = arg;
    const DebateQuery *q = asked->query;
    DebatePage page = {.page = q->page, .per_page = q->per_page};
    DebateOrder order = {q->sort_by, str_eq(q->sort_order, S("asc"))};
    int64_t offset = (q->page - 1) * q->per_page;
    Rows rows;
    TRY(debate_list(c, &asked->filter, order, q->per_page, offset, &rows, &page.total));
    TRY(debates_show(c, rows.items, rows.count));
    page.debates = (RecordList){rows.items, rows.count};
    page.has_next = offset + q->per_page < page.total;
    page.has_prev = q->page > 1 && page.total > 0;
    Buf b = buf_new(c->arena, 1024 + rows.count * 1024);
    record_write(&b, &debate_page_record, &page);
    *value = buf_str(&b);
    return NULL;
}

static Str null_if_empty(Str s) { return s.len ? s : (Str){NULL, 0}; }

static Err *filter_read(Ctx *c, const DebateQuery *q, DebateFilter *out) {
    Problems problems = {.arena = c->arena};
    *out = (DebateFilter){.q = null_if_empty(q->q),
                          .type = q->type,
                          .status = q->status,
                          .commission = null_if_empty(q->commission),
                          .speaker = null_if_empty(q->speaker),
                          .from = TIME_NULL,
                          .to = TIME_NULL,
                          .has_audio = q->has_audio};
    if (q->date_start.len && !paris_time(q->date_start, false, &out->from))
        problem_add(&problems, S("date_start"), S("format"), DATE_EXPECTED);
    if (q->date_end.len && !paris_time(q->date_end, true, &out->to))
        problem_add(&problems, S("date_end"), S("format"), DATE_EXPECTED);
    return problems_err(c, &problems);
}

/* Lengths part the texts, so that no two requests have the same key. */
static Str list_key(Ctx *c, const DebateQuery *q) {
    const Str texts[] = {q->q,        q->type,    q->status,  q->commission, q->date_start,
                         q->date_end, q->speaker, q->sort_by, q->sort_order};
    Buf b = buf_new(c->arena, 128);
    buf_f(&b, "page/%lld/%lld/%d", (long long)q->page, (long long)q->per_page,
          q->has_audio.set ? q->has_audio.value : 2);
    for (ptrdiff_t i = 0; i < COUNT(texts); i++)
        buf_f(&b, "/%td:%.*s", texts[i].len, S_ARG(texts[i]));
    return buf_str(&b);
}

static Err *debates_get(Ctx *c, Call *k) {
    ListAsked asked = {.query = k->query};
    Str json;
    TRY(filter_read(c, asked.query, &asked.filter));
    TRY(debate_list_cached(c, list_key(c, asked.query), list_fill, &asked, &json));
    reply_json(k->r, 200, json);
    k->answered = true;
    return NULL;
}

/* -- one -------------------------------------------------------------------------------------- */

static Str debate_etag(Arena *arena, const Debate *d) {
    return strf(arena, "\"%lld-%lld\"", (long long)d->n, (long long)d->change_seq);
}

static Err *answer(Ctx *c, Call *k, const Debate *d) {
    Debate *out = call_out(k);
    *out = *d;
    k->r->etag = debate_etag(c->arena, d);
    return debates_show(c, out, 1);
}

static Err *debate_get(Ctx *c, Call *k) {
    Debate d;
    TRY(debate_find(c, k->params[0], &d));
    if (k->q->method != METHOD_HEAD) TRY(debate_viewed(c, &d));
    return answer(c, k, &d);
}

typedef struct DebateWrite {
    Call *k;
    Debate d;
} DebateWrite;

static Err *create_in(Ctx *c, void *arg) {
    DebateWrite *w = arg;
    TRY(debate_add(c, &w->d));
    TRY(answer(c, w->k, &w->d));
    return call_settle(c, w->k);
}

static Err *debate_create(Ctx *c, Call *k) {
    DebateWrite w = {.k = k, .d = {.start_time = TIME_NULL, .end_time = TIME_NULL}};
    TRY(debate_in_apply(c, k->in, k->present, &w.d));
    return db_transaction(c, create_in, &w);
}

/* The row, locked, if it is as the caller believes. */
static Err *write_begin(Ctx *c, const Call *k, Debate *d) {
    int64_t n;
    TRY(debate_key(c, k->params[0], &n));
    TRY(debate_lock(c, n, d));
    if (req_if_match(k->q, debate_etag(c->arena, d))) return NULL;
    FAIL(c, PRECONDITION, "Le débat a changé depuis : relisez-le.");
}

static Err *change_in(Ctx *c, void *arg) {
    DebateWrite *w = arg;
    TRY(write_begin(c, w->k, &w->d));
    TRY(debate_in_apply(c, w->k->in, w->k->present, &w->d));
    TRY(debate_change(c, &w->d));
    return answer(c, w->k, &w->d);
}

static Err *debate_put(Ctx *c, Call *k) {
    DebateWrite w = {.k = k};
    return db_transaction(c, change_in, &w);
}

static Err *remove_in(Ctx *c, void *arg) {
    DebateWrite *w = arg;
    TRY(write_begin(c, w->k, &w->d));
    return debate_remove(c, w->d.n);
}

static Err *debate_delete(Ctx *c, Call *k) {
    DebateWrite w = {.k = k};
    TRY(db_transaction(c, remove_in, &w));
    call_message(c, k, strf(c->arena, "Débat %.*s supprimé", S_ARG(w.d.id)));
    return NULL;
}

#define READS .access = ACCESS_OPEN, .tag = "debates"
#define WRITES                                                                                  \
    .access = ACCESS_ANALYST, .scope = "debates:write", .key_suffices = true, .tag = "debates", \
    .rate = RATE_WRITE

const Route debate_routes[] = {
    {GET, "/api/debates", debates_get, READS, .query = &debate_query_record,
     .out = &debate_page_record,
     .doc = "Debates, the newest first; what is written is seen at once, figures within minutes"},
    {POST, "/api/debates", debate_create, WRITES, .in = &debate_in_record, .out = &debate_record,
     .body_limit = BODY_MAX, .idempotent = true, .errors = "409", .doc = "Make a debate"},
    {GET, "/api/debates/{id}", debate_get, READS, .out = &debate_record, .errors = "404",
     .doc = "One debate; counts as a view"},
    {PUT, "/api/debates/{id}", debate_put, WRITES, .in = &debate_in_record, .in_change = true,
     .out = &debate_record, .body_limit = BODY_MAX, .errors = "404 409 412",
     .doc = "Change what is given"},
    {DELETE, "/api/debates/{id}", debate_delete, WRITES, .out = &message_record,
     .errors = "404 412", .doc = "Remove a debate with all that belongs to it"},
    {0},
};

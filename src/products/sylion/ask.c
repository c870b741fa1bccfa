/* SPDX-License-Identifier: Apache-2.0
 * The dry run: a question to an assistant, answered as a contact's would be, with its passages and
 * its price; nothing is stored but the usage, and nothing is sent. As one JSON answer, or as events
 * (Accept: text/event-stream): `passages`, `text` as it comes, and at the end `done` with the
 * whole, or `error`. The request is reserved before and settled after; a stream's first bytes go
 * out when it is reserved, so that who is over the quota gets an ordinary 429. */
#include "products/sylion/answer.h"
#include "products/sylion/answer_prompt.h"
#include "products/sylion/quota.h"
#include "products/sylion/routes.h"
#include "products/sylion/turn_sql.h"

/* SETTLE_MS: who cannot settle leaves what was used unwritten and the quota taken until its hold is over;
 * with thousands at once each waits long for its turn. */
enum { ASK_MS = 120 * 1000, SETTLE_MS = ASK_MS, QUESTION_MAX = 4096 };

typedef struct AskIn {
    Str question, language;
} AskIn;
static const char *const languages[] = {"fr", "en", "ar", NULL};
static const Field ask_in_fields[] = {
    FIELD(AskIn, question, .flags = F_REQUIRED | F_TRIM, .min = 1, .max = QUESTION_MAX),
    FIELD(AskIn, language, .flags = F_NULLABLE, .values = languages,
          .doc = "Of the answer; else the question's"),
};
static const Record ask_in_record =
    RECORD_AS("AssistantAsk", AskIn, ask_in_fields, .camel = true, .doc = "A question");

typedef struct AskUsage {
    int64_t tokens_in, tokens_out, cost_micros, latency_ms;
    bool estimated;
} AskUsage;
static const Field usage_fields[] = {
    FIELD(AskUsage, tokens_in),
    FIELD(AskUsage, tokens_out),
    FIELD(AskUsage, cost_micros, .doc = "Millionths of the price list's currency"),
    FIELD(AskUsage, latency_ms),
    FIELD(AskUsage, estimated),
};
static const Record usage_record =
    RECORD_AS("AssistantUsage", AskUsage, usage_fields, .camel = true);

typedef struct AskOut {
    Str kind, answer, reason, language, provider, model;
    bool degraded;
    RecordList citations, passages;
    AskUsage usage;
} AskOut;
static const char *const kinds[] = {"answered", "unsupported", "handOver", "refused", NULL};
static const Field ask_out_fields[] = {
    FIELD(AskOut, kind, .values = kinds),
    FIELD(AskOut, answer),
    FIELD(AskOut, reason, .flags = F_NULLABLE, .doc = "`code: sentence` where there is one"),
    FIELD(AskOut, language),
    FIELD_LIST(AskOut, citations, &citation_record),
    FIELD_LIST(AskOut, passages, &knowledge_passage_record),
    FIELD(AskOut, degraded, .doc = RETRIEVE_DEGRADED_DOC),
    FIELD(AskOut, provider),
    FIELD(AskOut, model, .flags = F_NULLABLE),
    FIELD_RECORD(AskOut, usage, &usage_record),
};
static const Record ask_out_record = RECORD_AS("AssistantAnswer", AskOut, ask_out_fields,
                                               .camel = true, .doc = "A dry run's answer");

typedef struct Asking {
    Call *k;
    Scope s;
    Assistant assistant;
    Str key;
    Id ai_requests, tokens;
    bool streams, degraded;
    Rows passages;
    Answer answer;
} Asking;

/* -- the quota --------------------------------------------------------------------------------- */

static Err *reserve_in(Ctx *c, void *arg) {
    Asking *a = arg;
    const AskIn *in = a->k->in;
    int64_t tokens = prompt_tokens_most(&a->assistant, in->question);
    TRY(quota_reserve(c, &a->s, QUOTA_AI_REQUESTS, a->key, 1, &a->ai_requests));
    return quota_reserve(c, &a->s, QUOTA_TOKENS, a->key, tokens, &a->tokens);
}

static Err *release_in(Ctx *c, void *arg) {
    const Asking *a = arg;
    TRY(quota_release(c, &a->s, a->ai_requests));
    return quota_release(c, &a->s, a->tokens);
}

static Err *settle_in(Ctx *c, void *arg) {
    Asking *a = arg;
    const AiUsage *u = &a->answer.usage;
    Use use = {.amount = 1,
               .provider = a->answer.origin.provider,
               .model = a->answer.origin.model,
               .tokens_in = u->tokens_in,
               .tokens_out = u->tokens_out,
               .cost_micros = u->cost_micros};
    if (str_is_empty(a->answer.origin.model)) { /* no model was asked */
        TRY(release_in(c, a));
    } else {
        TRY(quota_settle(c, &a->s, QUOTA_AI_REQUESTS, a->key, a->ai_requests, &use));
        use.amount = u->tokens_in + u->tokens_out;
        TRY(quota_settle(c, &a->s, QUOTA_TOKENS, a->key, a->tokens, &use));
    }
    return a->streams ? NULL : call_settle(c, a->k);
}

/* Also when the caller has gone meanwhile, or his time is over. */
static Err *surely(Ctx *c, Err *(*fn)(Ctx *c, void *arg), Asking *a) {
    int64_t former = c->deadline_us;
    coro_shield(c);
    c->deadline_us = mono_us() + SETTLE_MS * US_PER_MS;
    Err *err = db_transaction(c, fn, a);
    c->deadline_us = former;
    coro_unshield(c);
    return err;
}

/* -- the answer -------------------------------------------------------------------------------- */

static void out_fill(const Asking *a, AskOut *out) {
    const Answer *from = &a->answer;
    *out = (AskOut){
        .kind = str_c(kinds[from->kind]),
        .answer = from->text,
        .reason = from->reason,
        .language = from->language,
        .provider = from->origin.provider,
        .model = str_is_empty(from->origin.model) ? (Str){0} : from->origin.model,
        .degraded = a->degraded,
        .citations = {from->citations.items, from->citations.count},
        .passages = {from->passages.items, from->passages.count},
        .usage = {from->usage.tokens_in, from->usage.tokens_out, from->usage.cost_micros,
                  from->origin.latency_ms, from->usage.estimated},
    };
}

static Err *event_write(Ctx *c, Asking *a, const char *event, Str data) {
    Buf b = buf_new(c->arena, data.len + 64);
    buf_f(&b, "event: %s\ndata: ", event);
    buf_add(&b, data);
    buf_add(&b, S("\n\n"));
    TRY(reply_write(c, a->k->q, a->k->r, buf_str(&b)));
    return reply_flush(c, a->k->q, a->k->r);
}

static Err *text_tell(Ctx *c, Str piece, void *arg) {
    Buf b = buf_new(c->arena, piece.len + 32);
    buf_add(&b, S("{\"text\":"));
    buf_json(&b, piece);
    buf_byte(&b, '}');
    return event_write(c, arg, "text", buf_str(&b));
}

static Err *passages_find(Ctx *c, Asking *a) {
    const AskIn *in = a->k->in;
    const Assistant *by = &a->assistant;
    if (!by->enable_rag) return NULL;
    RetrieveAsk ask = {.question = in->question,
                       .knowledge_base_ids = by->knowledge_base_ids,
                       .mode = RETRIEVE_HYBRID,
                       .threshold = by->rag_threshold,
                       .max_results = by->rag_max_results,
                       .budget_tokens = PASSAGE_TOKENS,
                       .payer = {a->s.owner, strf(c->arena, "%.*s/find", S_ARG(a->key))}};
    return retrieve(c, &a->s, &ask, &a->passages, &a->degraded);
}

static Err *answer_make(Ctx *c, Asking *a) {
    const AskIn *in = a->k->in;
    TRY(passages_find(c, a));
    if (a->streams) {
        Buf b = buf_new(c->arena, 1024);
        record_write_list(&b, &knowledge_passage_record, a->passages.items, a->passages.count);
        TRY(event_write(c, a, "passages", buf_str(&b)));
    }
    AnswerAsk ask = {.assistant = &a->assistant,
                     .question = in->question,
                     .language = in->language,
                     .payer = {a->s.owner, a->key},
                     .on_text = a->streams ? text_tell : NULL,
                     .arg = a,
                     .passages = &a->passages};
    return assistant_answer(c, &a->s, &ask, &a->answer);
}

/* -- the stream -------------------------------------------------------------------------------- */

static Err *stream_begin(Ctx *c, Call *k) {
    k->answered = true;
    k->r->content_type = S("text/event-stream");
    k->r->no_compress = true;
    reply_header(k->r, S("Cache-Control"), S("no-cache"));
    reply_header(k->r, S("X-Accel-Buffering"), S("no")); /* nginx would hold events back */
    TRY(reply_begin(c, k->q, k->r));
    TRY(reply_write(c, k->q, k->r, S(": begun\n\n")));
    return reply_flush(c, k->q, k->r);
}

static Err *stream_error(Ctx *c, Asking *a, const Err *err) {
    bool inside = err->kind == ERR_INTERNAL || err->kind == ERR_BUDGET;
    Buf b = buf_new(c->arena, 256);
    buf_add(&b, S("{\"code\":"));
    buf_json(&b, err_code(err));
    buf_add(&b, S(",\"message\":"));
    buf_json(&b, inside ? err_title(err->kind) : err->detail);
    buf_byte(&b, '}');
    return event_write(c, a, "error", buf_str(&b));
}

static Err *stream_done(Ctx *c, Asking *a) {
    AskOut out;
    Buf b = buf_new(c->arena, 2048);
    out_fill(a, &out);
    record_write(&b, &ask_out_record, &out);
    return event_write(c, a, "done", buf_str(&b));
}

static Err *stream(Ctx *c, Asking *a) {
    Err *err = stream_begin(c, a->k);
    if (!err) err = answer_make(c, a);
    Err *bad = surely(c, err ? release_in : settle_in, a);
    if (!err) err = bad;
    if (err && err->kind == ERR_CANCELLED) return err; /* nobody is there to hear it */
    return err ? stream_error(c, a, err) : stream_done(c, a);
}

/* -- the route --------------------------------------------------------------------------------- */

static Err *ask_post(Ctx *c, Call *k) {
    Asking *a = arena_new_of(c->arena, Asking);
    a->k = k;
    a->streams = str_eq(call_type(k), S("text/event-stream"));
    TRY(scope_of(c, k, (Str){0}, &a->s));
    TRY(tenant_found(c, &a->s, SQL(SQL_TURN_ASSISTANT_BY_ID), ARGS(V(k->params[0])),
                     &assistant_record, "ASSISTANT_NOT_FOUND", &a->assistant));
    a->key = strf(c->arena, "ask:%.*s", S_ARG(uuid_v7(c->arena)));
    TRY(db_transaction(c, reserve_in, a));
    if (a->streams) return stream(c, a);
    Err *err = answer_make(c, a);
    if (!err) {
        out_fill(a, call_out(k));
        return surely(c, settle_in, a);
    }
    Err *bad = surely(c, release_in, a);
    (void)bad; /* held for an hour then; the first error says more */
    return err;
}

const Route ask_routes[] = {
    {POST, "/api/v1/assistants/{id}/ask", ask_post, WRITES, .in = &ask_in_record,
     .out = &ask_out_record, .out_type = "application/json, text/event-stream", .idempotent = true,
     .timeout_ms = ASK_MS, .errors = "400 403 404 429 501 502 503 504",
     .doc = "Ask an assistant without a conversation: the answer with citations, passages, usage"},
    {.path = NULL},
};

/* SPDX-License-Identifier: Apache-2.0
 * POST /api/v1/posts/bulk: NDJSON or a JSON array of any length up to 100 MiB, read as it comes and
 * stored in batches. One bad line never loses the others: it is told with its number and reasons.
 * A body that is cut short leaves what came before it stored; sending it again stores the rest. */
#include "core/json.h"
#include "products/veyl/pipe.h"
#include "products/veyl/routes.h"

enum { REJECTS_TOLD = 10000 };
#define BULK_LIMIT (100 * MIB)

typedef struct Bulk {
    Call *k;
    Buf rejects;
    JsonOut out;
    int64_t told;
} Bulk;

static Err *body_feed(Ctx *c, void *arg, char *to, ptrdiff_t cap, ptrdiff_t *n) {
    return body_read(c, ((Bulk *)arg)->k->q, to, cap, n);
}

static void reject_write(JsonOut *o, const Draft *draft) {
    json_begin(o, '{');
    json_key(o, S("line"));
    json_put_i64(o, draft->record);
    json_key(o, S("errors"));
    json_begin(o, '[');
    FieldError whole = {S(""), S("value"), str_c(draft->problem)};
    const FieldError *errors = draft->field_count ? draft->fields : &whole;
    for (ptrdiff_t i = 0; i < max_size(draft->field_count, 1); i++) {
        json_begin(o, '{');
        json_key(o, S("field"));
        json_put_str(o, errors[i].field);
        json_key(o, S("code"));
        json_put_str(o, errors[i].code);
        json_key(o, S("message"));
        json_put_str(o, errors[i].message);
        json_end(o, '}');
    }
    json_end(o, ']');
    json_end(o, '}');
}

static void bulk_reject(void *arg, const Draft *draft) {
    Bulk *b = arg;
    if (b->told++ < REJECTS_TOLD) reject_write(&b->out, draft);
}

static Str bulk_answer(Ctx *c, const Bulk *b, const Pipe *pipe) {
    Buf text = buf_new(c->arena, 128 + b->rejects.len);
    JsonOut o = json_out(&text);
    json_begin(&o, '{');
    json_key(&o, S("created"));
    json_put_i64(&o, pipe->counts.created);
    json_key(&o, S("updated"));
    json_put_i64(&o, pipe->counts.updated);
    json_key(&o, S("unchanged"));
    json_put_i64(&o, pipe->counts.unchanged);
    json_key(&o, S("rejected_count"));
    json_put_i64(&o, pipe->rejected);
    json_key(&o, S("rejected"));
    json_put_raw(&o, buf_str(&b->rejects));
    json_end(&o, '}');
    return buf_str(&text);
}

static Err *posts_bulk(Ctx *c, Call *k) {
    Bulk b = {.k = k, .rejects = buf_new(c->arena, 1024)};
    b.out = json_out(&b.rejects);
    json_begin(&b.out, '[');
    Str type = req_header(k->q, S("Content-Type"));
    Pipe pipe = {
        .source = {.format = S("posts"),
                   .lines = str_find(type, S("ndjson")) >= 0,
                   .document_max = SOURCE_RECORD_MAX},
        .batch_records = PIPE_BATCH_SERVER,
        .batch_bytes = PIPE_BATCH_SERVER_BYTES,
        .read = body_feed,
        .reject = bulk_reject,
        .arg = &b,
    };
    TRY(pipe_run(c, &pipe));
    json_end(&b.out, ']');
    reply_json(k->r, 200, bulk_answer(c, &b, &pipe));
    k->answered = true;
    return NULL;
}

/* For the document only; the answer is written above. */
typedef struct BulkError {
    Str field, code, message;
} BulkError;
static const Field bulk_error_fields[] = {FIELD(BulkError, field), FIELD(BulkError, code),
                                          FIELD(BulkError, message)};
static const Record bulk_error_record = RECORD(BulkError, bulk_error_fields);
typedef struct BulkReject {
    int64_t line;
    RecordList errors;
} BulkReject;
static const Field bulk_reject_fields[] = {FIELD(BulkReject, line),
                                           FIELD_LIST(BulkReject, errors, &bulk_error_record)};
static const Record bulk_reject_record = RECORD(BulkReject, bulk_reject_fields);
typedef struct BulkAnswer {
    int64_t created, updated, unchanged, rejected_count;
    RecordList rejected;
} BulkAnswer;
static const Field bulk_answer_fields[] = {
    FIELD(BulkAnswer, created),
    FIELD(BulkAnswer, updated),
    FIELD(BulkAnswer, unchanged),
    FIELD(BulkAnswer, rejected_count),
    FIELD_LIST(BulkAnswer, rejected, &bulk_reject_record, .doc = "The first 10000"),
};
static const Record bulk_answer_record = RECORD(BulkAnswer, bulk_answer_fields);

const Route bulk_routes[] = {
    {POST, "/api/v1/posts/bulk", posts_bulk, .access = ACCESS_USER, .scope = "posts:write",
     .tag = "posts", .out = &bulk_answer_record, .in_raw = true,
     .in_type = "application/x-ndjson, application/json, application/ndjson",
     .body_limit = BULK_LIMIT, .timeout_ms = 10 * 60 * 1000, .rate = RATE_BULK,
     .errors = "400 413 415", .doc = "Store many posts: NDJSON or a JSON array, as one streams it"},
    {0},
};

/* SPDX-License-Identifier: Apache-2.0
 * What stands around lifetales' answers: {success, data}; errors have {success, error, message,
 * statusCode} beside RFC 9457's members, with one text under error and message. */
#include "core/json.h"
#include "products/lifetales/person.h"
#include "products/lifetales/routes.h"

static const Field done_fields[] = {FIELD(TalesDone, success)};
const Record tales_done_record = RECORD(TalesDone, done_fields, .camel = true);

static void tales_open(Ctx *c, const Call *k, Buf *b) {
    (void)c;
    (void)k;
    buf_add(b, S("{\"success\":true,\"data\":"));
}

static void tales_close(Ctx *c, const Call *k, Buf *b) {
    (void)c;
    (void)k;
    buf_byte(b, '}');
}

static void tales_problem(Ctx *c, const Err *err, Str detail, JsonOut *o) {
    (void)c;
    json_key(o, S("success"));
    json_put_bool(o, false);
    json_key(o, S("error"));
    json_put_str(o, detail);
    json_key(o, S("message"));
    json_put_str(o, detail);
    json_key(o, S("statusCode"));
    json_put_i64(o, err_status(err->kind));
}

const Envelope lifetales_envelope = {
    .open = tales_open,
    .close = tales_close,
    .schema_open = "{\"type\":\"object\",\"required\":[\"success\",\"data\"],"
                   "\"properties\":{\"success\":{\"const\":true},\"data\":",
    .schema_close = "}}",
    .problem = tales_problem,
};

void tales_answer_flat(Ctx *c, Call *k, const Record *record, const void *value) {
    assert(record && value && !k->answered);
    Buf b = buf_new(c->arena, 1024), one = buf_new(c->arena, 1024);
    record_write(&one, record, value);
    Str text = buf_str(&one);
    tales_open(c, k, &b);
    buf_add(&b, text);
    if (text.len > 2) buf_byte(&b, ',');
    buf_add(&b, str_slice(text, 1, text.len)); /* its members and the closing brace */
    reply_json(k->r, k->r->status ? k->r->status : 200, buf_str(&b));
    k->answered = true;
}

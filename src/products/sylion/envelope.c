/* SPDX-License-Identifier: Apache-2.0
 * What stands around sylion's answers: {success, data, metadata}, and in errors, beside RFC 9457's
 * members, {success, error{code, message, details, requestId, timestamp}}. Kinds of error that the
 * contract has under another status are restated here, for all routes. */
#include "products/sylion/routes.h"

static const Field deleted_fields[] = {
    FIELD(Deleted, id, .format = "uuid"),
    FIELD(Deleted, deleted),
};
const Record deleted_record = RECORD(Deleted, deleted_fields, .camel = true);

static void envelope_open(Ctx *c, const Call *k, Buf *b) {
    (void)c;
    (void)k;
    buf_add(b, S("{\"success\":true,\"data\":"));
}

static int64_t query_int(const Call *k, const char *name) {
    const Record *record = k->route->query;
    for (ptrdiff_t i = 0; record && k->query && i < record->field_count; i++) {
        const Field *f = &record->fields[i];
        if (f->kind == KIND_INT && strcmp(f->name, name) == 0)
            return *(const int64_t *)field_at(f, k->query);
    }
    return 0;
}

static void timestamp_put(JsonOut *o) {
    json_key(o, S("timestamp"));
    buf_byte(o->buf, '"');
    buf_time_ms(o->buf, time_now());
    buf_byte(o->buf, '"');
    o->comma = true;
}

static void number_put(JsonOut *o, const char *name, int64_t value) {
    json_key(o, str_c(name));
    json_put_i64(o, value);
}

static void envelope_close(Ctx *c, const Call *k, Buf *b) {
    (void)c;
    int64_t page = query_int(k, "page"), limit = query_int(k, "limit");
    buf_add(b, S(",\"metadata\":"));
    JsonOut o = json_out(b);
    json_begin(&o, '{');
    timestamp_put(&o);
    if (k->route->out_list && k->total >= 0 && limit > 0) {
        json_key(&o, S("pagination"));
        json_begin(&o, '{');
        number_put(&o, "page", page);
        number_put(&o, "limit", limit);
        number_put(&o, "total", k->total);
        number_put(&o, "pages", (k->total + limit - 1) / limit);
        json_end(&o, '}');
    }
    json_end(&o, '}');
    buf_byte(b, '}');
}

/* -- errors ------------------------------------------------------------------------------------ */

/* A code as the contract writes them; what a conflict in the database is called is ours. */
static bool is_contract_code(Str code) {
    for (ptrdiff_t i = 0; i < code.len; i++) {
        char byte = code.data[i];
        if (!(byte >= 'A' && byte <= 'Z') && byte != '_' && !(byte >= '0' && byte <= '9'))
            return false;
    }
    return code.len > 0;
}

static Err *error_restate(Ctx *c, const Err *err) {
    Err *said = arena_new_of(c->arena, Err);
    *said = *err;
    if (!is_contract_code(err->code)) said->code = (Str){0};
    switch (err->kind) {
    case ERR_INVALID:
        said->kind = ERR_BAD_REQUEST;
        if (!said->code.data) said->code = S("VALIDATION_ERROR");
        break;
    case ERR_PAYMENT_REQUIRED:
        said->kind = ERR_RATE_LIMITED;
        if (!said->code.data) said->code = S("QUOTA_EXCEEDED");
        break;
    default: break;
    }
    return said;
}

static Str error_code(Ctx *c, const Err *err) {
    if (err->code.data) return err->code;
    switch (err->kind) {
    case ERR_UNAUTHENTICATED: return S("UNAUTHORIZED");
    case ERR_RATE_LIMITED: return S("TOO_MANY_REQUESTS");
    case ERR_INTERNAL: return S("INTERNAL_ERROR");
    default: break;
    }
    Str code = err_code(err);
    char *text = str_cstr(c->arena, code);
    for (ptrdiff_t i = 0; i < code.len; i++)
        if (text[i] >= 'a' && text[i] <= 'z') text[i] = (char)(text[i] - 'a' + 'A');
    return str_of(text, code.len);
}

static void text_put(JsonOut *o, const char *name, Str value) {
    json_key(o, str_c(name));
    json_put_str(o, value);
}

static void details_put(JsonOut *o, const Err *err) {
    json_key(o, S("details"));
    if (err->field_count == 0) {
        json_put_null(o);
        return;
    }
    json_begin(o, '{');
    json_key(o, S("validationErrors"));
    json_begin(o, '[');
    for (ptrdiff_t i = 0; i < err->field_count; i++) {
        json_begin(o, '{');
        text_put(o, "field", err->fields[i].field);
        text_put(o, "code", err->fields[i].code);
        text_put(o, "message", err->fields[i].message);
        json_end(o, '}');
    }
    json_end(o, ']');
    json_end(o, '}');
}

static void error_put(Ctx *c, const Err *err, Str shown, JsonOut *o) {
    json_key(o, S("success"));
    json_put_bool(o, false);
    json_key(o, S("error"));
    json_begin(o, '{');
    text_put(o, "code", error_code(c, err));
    text_put(o, "message", shown);
    details_put(o, err);
    text_put(o, "requestId", c->request_id);
    timestamp_put(o);
    json_end(o, '}');
}

const Envelope sylion_envelope = {
    .open = envelope_open,
    .close = envelope_close,
    .schema_open = "{\"type\":\"object\",\"required\":[\"success\",\"data\",\"metadata\"],"
                   "\"properties\":{\"success\":{\"const\":true},\"data\":",
    .schema_close =
        ",\"metadata\":{\"type\":\"object\",\"required\":[\"timestamp\"],\"properties\":{"
        "\"timestamp\":{\"type\":\"string\",\"format\":\"date-time\"},"
        "\"pagination\":{\"type\":\"object\",\"properties\":{"
        "\"page\":{\"type\":\"integer\"},\"limit\":{\"type\":\"integer\"},"
        "\"total\":{\"type\":\"integer\"},\"pages\":{\"type\":\"integer\"}}}}}}}",
    .restate = error_restate,
    .problem = error_put,
};

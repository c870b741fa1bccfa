/* SPDX-License-Identifier: Apache-2.0
 * A request's path, query and body into the structs of its route; what a handler left into the
 * reply. */
#include "core/json.h"

#include "api/body.h"
#include "api/router_room.h"
#include "net/body_parts.h"
#include "rt/offload.h"

enum { PARSE_ON_LOOP_MAX = 256 * 1024, WHOLE_MAX = 64 * 1024 };

/* -- Path -------------------------------------------------------------------------------------- */

Err *call_params(Ctx *c, Call *k, const Match *m) {
    const Entry *entry = k->entry;
    assert(m->count == entry->param_count);
    for (int i = 0; i < m->count; i++) {
        k->params[i] = m->params[i];
        if (!entry->params[i].integer) continue;
        if (str_to_i64(m->params[i], &k->ids[i].value)) continue;
        if (k->route->not_integer) FAIL(c, BAD_REQUEST, "%s", k->route->not_integer);
        FAIL(c, NOT_FOUND, "There is nothing at this address.");
    }
    return NULL;
}

/* -- Query ------------------------------------------------------------------------------------- */

typedef struct QuerySource {
    Ctx *c;
    const Req *q;
} QuerySource;

static Str query_get(void *arg, Str name) {
    QuerySource *source = arg;
    return req_query(source->c, source->q, name);
}

Err *call_query(Ctx *c, Call *k) {
    const Record *record = k->route->query;
    if (k->q->query.len > 0 && !req_query_valid(k->q))
        FAIL(c, BAD_REQUEST, "The query string has a malformed escape, or it is not valid UTF-8.");
    if (!record) return NULL;
    QuerySource source = {c, k->q};
    k->query = arena_alloc(c->arena, record->size, 1);
    return record_read_text(c, record, query_get, &source, k->query);
}

/* -- Body -------------------------------------------------------------------------------------- */

typedef struct Parse {
    Ctx *c;
    Str text;
    json_t *json;
    Err *err;
} Parse;

static void parse_now(void *arg) {
    Parse *p = arg;
    p->err = json_parse(p->c, p->text, &p->json);
}

/* Large texts are parsed on the pool: no loop is kept for as long as ten megabytes take. */
static Err *parse(Ctx *c, Str text, json_t **out) {
    Parse p = {.c = c, .text = text};
    if (text.len <= PARSE_ON_LOOP_MAX)
        parse_now(&p);
    else
        TRY(offload(c, LANE_SHORT, parse_now, &p));
    *out = p.json;
    return p.err;
}

static bool takes_nothing(const Record *record, ReadMode mode) {
    if (mode == READ_CHANGE) return true;
    for (ptrdiff_t i = 0; i < record->field_count; i++)
        if (record->fields[i].flags & F_REQUIRED) return false;
    return true;
}

static Err *body_type_check(Ctx *c, const Call *k) {
    Str type = req_header(k->q, S("Content-Type"));
    if (k->route->in_type) {
        for (Str rest = str_c(k->route->in_type), one; rest.data;) {
            rest = str_cut(rest, ',', &one);
            if (type.data && type_is(type, str_trim(one))) return NULL;
        }
        FAIL(c, MEDIA_TYPE, "The body must be %s.", k->route->in_type);
    }
    if (type.data && type_is_json(type)) return NULL;
    FAIL(c, MEDIA_TYPE, "The body must be JSON in UTF-8, with Content-Type: application/json.");
}

static Err *body_missing(Ctx *c) {
    Problems problems = {.arena = c->arena};
    problem_add(&problems, S(""), S("required"), "A JSON body is required");
    return problems_err(c, &problems);
}

/* Large, and with base64 in it that need not be in memory. */
static bool in_parts(const Req *q, const Record *record) {
    return (q->body_length < 0 || q->body_length > WHOLE_MAX) && json_parts_has(record);
}

ptrdiff_t call_text_max(const Call *k, const Record *record) {
    ptrdiff_t limit = k->q->body_limit;
    return in_parts(k->q, record) ? min_size(limit, http_options(k->q)->body_limit) : limit;
}

/* For an Idempotency-Key the digest stands for the body, which nobody holds. *json NULL: it is empty. */
static Err *parts_read(Ctx *c, Call *k, const Record *record, json_t **json) {
    Str digest = {0};
    BodyJsonOptions options = {.record = record,
                               .rest_limit = call_text_max(k, record),
                               .digest = k->route->idempotent &&
                                         req_header(k->q, S("Idempotency-Key")).data};
    TRY(body_json(c, k->q, options, json, &digest));
    if (options.digest) k->body = strf(c->arena, "sha256:%.*s", S_ARG(digest));
    return NULL;
}

Err *call_read(Ctx *c, Call *k, const Record *record, ReadMode mode, void *in, FieldSet *present) {
    json_t *json = NULL;
    if (in_parts(k->q, record)) {
        TRY(parts_read(c, k, record, &json));
    } else {
        if (k->q->body_length != 0) TRY(body_all(c, k->q, &k->body));
        if (k->body.len > 0) TRY(parse(c, k->body, &json));
    }
    if (!json && !takes_nothing(record, mode)) return body_missing(c);
    if (!json) TRY(parse(c, S("{}"), &json));
    return record_read(c, record, json, mode, in, present);
}

Err *call_body(Ctx *c, Call *k) {
    const Route *route = k->route;
    if (route->in_raw)
        return route->in_type && k->q->body_length != 0 ? body_type_check(c, k) : NULL;
    if (!route->in) return NULL;
    k->in = arena_alloc(c->arena, route->in->size, 1);
    if (k->q->body_length != 0) TRY(body_type_check(c, k));
    return call_read(c, k, route->in, route->in_change ? READ_CHANGE : READ_CREATE, k->in,
                     &k->present);
}

/* -- Answers ----------------------------------------------------------------------------------- */

void *call_out(Call *k) {
    assert(k->out); /* the route has no `out`, or it is a list */
    return k->out;
}

static void open_envelope(Ctx *c, const Call *k, Buf *b) {
    const Envelope *envelope = k->entry->module->envelope;
    if (envelope && envelope->open) envelope->open(c, k, b);
}

static void close_envelope(Ctx *c, const Call *k, Buf *b) {
    const Envelope *envelope = k->entry->module->envelope;
    if (envelope && envelope->close) envelope->close(c, k, b);
}

static void encoded(Call *k, Buf *b) {
    k->r->body = buf_str(b);
    k->encoded = true;
}

static void link_parameter(Buf *b, char *separator, Str name, Str value) {
    buf_byte(b, *separator);
    buf_url(b, name);
    buf_byte(b, '=');
    buf_url(b, value);
    *separator = '&';
}

/* The same request, one page on. */
static void link_next(Ctx *c, const Call *k, Str next_cursor) {
    Buf link = buf_new(c->arena, 128);
    buf_byte(&link, '<');
    ptrdiff_t end = str_find_byte(k->q->target, '?');
    buf_add(&link, end < 0 ? k->q->target : str_slice(k->q->target, 0, end));
    char separator = '?';
    Str name, value;
    for (ptrdiff_t at = 0; req_query_next(c, k->q, &at, &name, &value);) {
        bool replaced = str_eq(name, S("cursor")) || str_eq(name, S("offset")) ||
                        str_eq(name, S("skip")) || str_eq(name, S("page"));
        if (replaced) continue;
        link_parameter(&link, &separator, name, value);
    }
    link_parameter(&link, &separator, S("cursor"), next_cursor);
    buf_add(&link, S(">; rel=\"next\""));
    reply_header(k->r, S("Link"), buf_str(&link));
}

void call_list(Ctx *c, Call *k, Rows rows, int64_t total, Str next_cursor) {
    assert(k->route->out && k->route->out_list);
    assert(rows.count == 0 || rows.items);
    k->total = total;
    k->composed = true;
    Buf b = buf_new(c->arena, 256 + rows.count * 128);
    open_envelope(c, k, &b);
    record_write_list(&b, k->route->out, rows.items, rows.count);
    close_envelope(c, k, &b);
    encoded(k, &b);
    if (total >= 0)
        reply_header(k->r, S("X-Total-Count"), strf(c->arena, "%lld", (long long)total));
    if (next_cursor.data) link_next(c, k, next_cursor);
}

typedef struct Message {
    Str message;
} Message;
static const Field message_fields[] = {FIELD(Message, message)};
const Record message_record = RECORD(Message, message_fields);

void call_message(Ctx *c, Call *k, Str message) {
    k->composed = true;
    Buf b = buf_new(c->arena, 64 + message.len);
    open_envelope(c, k, &b);
    buf_add(&b, S("{\"message\":"));
    buf_json(&b, message);
    buf_byte(&b, '}');
    close_envelope(c, k, &b);
    encoded(k, &b);
}

static void status_settle(Call *k, int usual) {
    if (k->r->status == 200) k->r->status = k->route->status ? k->route->status : usual;
}

void call_encode(Ctx *c, Call *k) {
    const Route *route = k->route;
    if (k->answered || k->r->begun || k->r->file) return;
    if (!k->encoded && k->r->body.len > 0) return;
    if (k->encoded) {
        status_settle(k, 200);
        return;
    }
    status_settle(k, k->out ? 200 : 204);
    if (k->r->status == 204 || !k->out) {
        k->r->body = S("");
        return;
    }
    Buf b = buf_new(c->arena, 512);
    open_envelope(c, k, &b);
    record_write(&b, route->out, k->out);
    close_envelope(c, k, &b);
    encoded(k, &b);
}

/* SPDX-License-Identifier: Apache-2.0
 * Errors as replies: RFC 9457. One place decides what a caller may read. */
#include "api/router_room.h"

/* What a caller reads of a 5xx: never what broke within. */
static Str detail_shown(Arena *arena, const Err *err, Str request_id) {
    int status = err_status(err->kind);
    if (status < 500 || status == 501) return err->detail;
    switch (err->kind) {
    case ERR_UPSTREAM:
        return S("A service outside did not answer as it should. Please try again later.");
    case ERR_UNAVAILABLE:
        return S("The service cannot do this right now. Please try again in a moment.");
    case ERR_BUDGET:
        return S("The request needs more memory than one may have. Please ask for less at once.");
    case ERR_TIMEOUT: return S("It took longer than a request may. Please try again later.");
    case ERR_STORAGE_FULL: return S("There is no room left to store this.");
    case ERR_HTTP_VERSION: return err->detail;
    default:
        return strf(arena,
                    "Something went wrong on our side. If it happens again, please report the "
                    "request id %.*s.",
                    S_ARG(request_id));
    }
}

static void put(JsonOut *o, Str name, Str value) {
    json_key(o, name);
    json_put_str(o, value);
}

static void put_fields(JsonOut *o, const Err *err) {
    json_key(o, S("errors"));
    json_begin(o, '[');
    for (ptrdiff_t i = 0; i < err->field_count; i++) {
        json_begin(o, '{');
        put(o, S("field"), err->fields[i].field);
        put(o, S("code"), err->fields[i].code);
        put(o, S("message"), err->fields[i].message);
        json_end(o, '}');
    }
    json_end(o, ']');
}

static void problem_write(Ctx *c, const Req *q, const Err *err, Buf *b) {
    JsonOut o = json_out(b);
    const Entry *entry = q->route;
    json_begin(&o, '{');
    json_key(&o, S("type"));
    json_put_str(&o, strf(c->arena, "urn:socle:problem:%.*s", S_ARG(err_code(err))));
    put(&o, S("title"), err_title(err->kind));
    json_key(&o, S("status"));
    json_put_i64(&o, err_status(err->kind));
    put(&o, S("detail"), detail_shown(c->arena, err, c->request_id));
    put(&o, S("instance"), q->path);
    put(&o, S("code"), err_code(err));
    put(&o, S("request_id"), c->request_id);
    if (err->field_count > 0) put_fields(&o, err);
    const Envelope *envelope = entry ? entry->module->envelope : NULL;
    if (envelope && envelope->problem)
        envelope->problem(c, err, detail_shown(c->arena, err, c->request_id), &o);
    json_end(&o, '}');
}

static void problem_headers(Ctx *c, const Req *q, Reply *r, const Err *err) {
    int64_t wait_s = err->retry_after_s;
    int status = r->status;
    if (wait_s == 0 && (status == 429 || status == 503)) wait_s = 1;
    if (wait_s > 0) reply_header(r, S("Retry-After"), strf(c->arena, "%lld", (long long)wait_s));
    if (status == 401)
        reply_header(r, S("WWW-Authenticate"),
                     req_header(q, S("Authorization")).data
                         ? S("Bearer realm=\"socle\", error=\"invalid_token\"")
                         : S("Bearer realm=\"socle\""));
    if (status ==
        426) { /* RFC 9110 §15.5.22, RFC 6455 §4.4; the headers of the handler are gone by now */
        reply_header(r, S("Upgrade"), S("websocket"));
        reply_header(r, S("Sec-WebSocket-Version"), S("13"));
    }
    if (status >= 400) reply_header(r, S("Cache-Control"), S("no-store"));
}

void reply_problem(Ctx *c, const Req *q, Reply *r, const Err *err) {
    assert(err && !r->begun);
    const Entry *entry = q->route;
    const Envelope *envelope = entry ? entry->module->envelope : NULL;
    if (envelope && envelope->restate) err = envelope->restate(c, err);
    if (envelope && envelope->refuse) {
        envelope->refuse(c, q, r, err, detail_shown(c->arena, err, c->request_id));
    } else {
        Buf b = buf_new(c->arena, 640);
        problem_write(c, q, err, &b);
        reply_text(r, err_status(err->kind), S("application/problem+json"), buf_str(&b));
    }
    r->etag = (Str){0};
    r->no_etag = true;
    r->last_modified = TIME_NULL;
    r->no_body = false;
    r->file = NULL;
    problem_headers(c, q, r, err);
}

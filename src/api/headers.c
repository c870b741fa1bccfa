/* SPDX-License-Identifier: Apache-2.0
 * What every answer carries: the request's id, security headers, and to browsers of other origins
 * the permission to read it (CORS, WHATWG Fetch §3.2). The lines that never change are written out
 * once, here; nothing is formatted for a request. */
#include "api/base_settings.h"
#include "api/router_room.h"
#include "core/rand.h"

#define SECURITY_LINES                                     \
    "X-Content-Type-Options: nosniff\r\n"                  \
    "X-Frame-Options: DENY\r\n"                            \
    "Referrer-Policy: strict-origin-when-cross-origin\r\n" \
    "Permissions-Policy: camera=(), geolocation=(), microphone=(self), payment=(), usb=()\r\n"
#define HSTS_LINE "Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n"
#define POLICY_DATA "default-src 'none'; frame-ancestors 'none'"
#define POLICY_PAGE                                                                          \
    "default-src 'self'; img-src 'self' data: blob: https:; media-src 'self' blob: https:; " \
    "style-src 'self'; script-src 'self'; connect-src 'self' ws: wss:; object-src 'none'; "  \
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
#define POLICY_LINE(policy) "Content-Security-Policy: " policy "\r\n"

static const Str data_lines[2] = {S_INIT(SECURITY_LINES POLICY_LINE(POLICY_DATA)),
                                  S_INIT(SECURITY_LINES POLICY_LINE(POLICY_DATA) HSTS_LINE)};
static const Str page_lines[2] = {S_INIT(SECURITY_LINES POLICY_LINE(POLICY_PAGE)),
                                  S_INIT(SECURITY_LINES POLICY_LINE(POLICY_PAGE) HSTS_LINE)};

void reply_policy(Ctx *c, const Req *q, Reply *r, Str policy) {
    assert(!r->begun && policy.len > 0);
    r->common_headers = strf(c->arena, "%s" POLICY_LINE("%.*s") "%s", SECURITY_LINES, S_ARG(policy),
                             q->https ? HSTS_LINE : "");
}

void headers_settle(const Req *q, Reply *r) {
    bool is_page = str_starts(r->content_type, S("text/html"));
    if (is_page && r->common_headers.data == data_lines[q->https].data)
        r->common_headers = page_lines[q->https];
}

/* -- Request ids ------------------------------------------------------------------------------- */

static bool request_id_sane(Str id) {
    if (id.len < 1 || id.len > 128) return false;
    for (ptrdiff_t i = 0; i < id.len; i++) {
        char b = id.data[i];
        bool good = (b >= 'A' && b <= 'Z') || (b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') ||
                    b == '.' || b == '_' || b == '-';
        if (!good) return false;
    }
    return true;
}

/* 128 bits that differ, not that nobody may guess. */
static Str request_id_new(Arena *arena) {
    uint64_t bits[2] = {rand_next(rand_thread()), rand_next(rand_thread())};
    return str_hex(arena, bits, (ptrdiff_t)sizeof bits);
}

/* -- CORS -------------------------------------------------------------------------------------- */

/* `http://localhost:*` stands for any port. */
static bool origin_matches(Str allowed, Str origin) {
    if (!str_ends(allowed, S(":*"))) return str_eq(allowed, origin);
    Str start = str_slice(allowed, 0, allowed.len - 1);
    int64_t port;
    return str_starts(origin, start) &&
           str_to_i64(str_slice(origin, start.len, origin.len), &port) && port > 0;
}

/* CORS_OWN: one that a route names, without cookies. */
typedef enum Cors { CORS_NO, CORS_ANY, CORS_OWN, CORS_CREDENTIALS } Cors;

static Cors cors_of(Str origin) {
    bool any = false;
    for (Str rest = settings.cors_origins, one; rest.data;) {
        rest = str_cut(rest, ',', &one);
        one = str_trim(one);
        if (one.len == 0) continue;
        if (str_eq(one, S("*")))
            any = true;
        else if (origin_matches(one, origin))
            return CORS_CREDENTIALS;
    }
    return any ? CORS_ANY : CORS_NO;
}

static Cors cors_of_route(Ctx *c, const Req *q, const Match *m, Str origin) {
    const Route *route = m->entry ? m->entry->route : m->other->route;
    return route->may_read(c, q, m->params, origin) ? CORS_OWN : CORS_NO;
}

static bool cors_by_route(const Match *m) {
    const Entry *entry = m ? m->entry ? m->entry : m->other : NULL;
    return entry && entry->route->may_read;
}

static bool cors_headers(Ctx *c, const Req *q, Reply *r, const Match *m) {
    bool by_route = cors_by_route(m);
    if (!by_route && settings.cors_origins.len == 0) return false;
    Str origin = req_header(q, S("Origin"));
    reply_header(r, S("Vary"), S("Origin"));
    Cors cors = !origin.data ? CORS_NO : by_route ? cors_of_route(c, q, m, origin) : cors_of(origin);
    if (cors == CORS_NO) return false;
    reply_header(r, S("Access-Control-Allow-Origin"), cors == CORS_ANY ? S("*") : origin);
    if (cors == CORS_CREDENTIALS) reply_header(r, S("Access-Control-Allow-Credentials"), S("true"));
    reply_header(
        r, S("Access-Control-Expose-Headers"),
        S("Accept-Ranges, Content-Disposition, Content-Range, ETag, Idempotency-Replayed, Link, "
          "Location, RateLimit-Limit, "
          "RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Request-ID, X-Total-Count"));
    return true;
}

bool cors_is_preflight(const Req *q) {
    return q->method == METHOD_OPTIONS && req_header(q, S("Origin")).data &&
           req_header(q, S("Access-Control-Request-Method")).data;
}

void cors_preflight(Reply *r, Str allow) {
    reply_header(r, S("Access-Control-Allow-Methods"), allow);
    reply_header(r, S("Access-Control-Allow-Headers"),
                 S("Accept, Accept-Language, Authorization, Content-Type, Idempotency-Key, "
                   "If-Match, If-None-Match, Last-Event-ID, Meili-Include-Metadata, Range, "
                   "X-Device-Secret, X-Meilisearch-Client, X-Request-ID, X-Tenant-ID"));
    reply_header(r, S("Access-Control-Max-Age"), S("600"));
}

/* -- All of it --------------------------------------------------------------------------------- */

bool headers_begin(Ctx *c, const Req *q, Reply *r, const Match *m) {
    if (!c->request_id.data) {
        Str given = req_header(q, S("X-Request-ID"));
        c->request_id = given.data && request_id_sane(given) ? given : request_id_new(c->arena);
    }
    r->common_headers = data_lines[q->https];
    buf_reserve(&r->headers, 512);
    reply_header(r, S("X-Request-ID"), c->request_id);
    return cors_headers(c, q, r, m);
}

Str methods_text(Arena *arena, unsigned allowed) {
    static const Method order[] = {METHOD_GET, METHOD_HEAD,  METHOD_POST,
                                   METHOD_PUT, METHOD_PATCH, METHOD_DELETE};
    Buf b = buf_new(arena, 64);
    if (allowed & METHOD_GET) allowed |= METHOD_HEAD;
    for (ptrdiff_t i = 0; i < COUNT(order); i++)
        if (allowed & (unsigned)order[i]) buf_f(&b, "%s, ", method_name(order[i]));
    buf_add(&b, S("OPTIONS"));
    return buf_str(&b);
}

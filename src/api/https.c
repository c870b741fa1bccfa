/* SPDX-License-Identifier: Apache-2.0
 * REQUIRE_HTTPS: a request that came in the clear is answered before anybody looks at its token, its
 * query or its body. Who only looks (GET, HEAD) is led to the same address by HTTPS, anything else is
 * refused: a client that posts in the clear is to be mended, not helped. TLS itself is the proxy's
 * (deploy/nginx); Strict-Transport-Security (headers.c) keeps browsers from asking twice.
 *
 * The redirection is a temporary one. A proxy that forgets X-Forwarded-Proto leads in a circle, and a
 * permanent circle would stay in browsers when the proxy has long been mended. */
#include "api/base_settings.h"
#include "api/router_room.h"

enum { MOVED = 307 };

/* Host and port of PUBLIC_URL; else the request's host, whose port is not the one that does TLS. */
static Str secure_host(const Req *q) {
    Str host, named = settings.public_url;
    if (str_starts(named, S("https://"))) {
        str_cut(str_slice(named, 8, named.len), '/', &host);
        return host;
    }
    host = q->host;
    ptrdiff_t end = str_starts(host, S("[")) ? str_find_byte(host, ']') + 1 : 0;
    ptrdiff_t colon = str_find_byte(str_slice(host, end, host.len), ':');
    return colon < 0 ? host : str_slice(host, 0, end + colon);
}

static bool only_looks(const Req *q) {
    bool reads = q->method == METHOD_GET || q->method == METHOD_HEAD;
    return reads && str_starts(q->target, S("/")) && !req_header(q, S("Upgrade")).data;
}

bool https_insist(Ctx *c, Req *q, Reply *r, const Match *m) {
    const Entry *entry = m->entry ? m->entry : m->other;
    if (!settings.require_https || q->https || (entry && entry->route->plain_http)) return false;
    Str host = secure_host(q);
    q->route = entry;
    c->route = entry ? entry->pattern : (Str){0};
    if (only_looks(q) && host.len > 0) {
        reply_header(r, S("Location"),
                     strf(c->arena, "https://%.*s%.*s", S_ARG(host), S_ARG(q->target)));
        reply_header(r, S("Cache-Control"), S("no-store"));
        r->status = MOVED;
        r->body = S("");
        return true;
    }
    Err *err = err_new(c, ERR_FORBIDDEN, __func__, "This server is to be asked by HTTPS.");
    err->code = S("https_required");
    reply_problem(c, q, r, err);
    return true;
}

/* SPDX-License-Identifier: Apache-2.0
 * See public_url.h. */
#include "api/public_url.h"

#include "api/base_settings.h"

Str public_url(Ctx *c, const Req *q, Str named) {
    Str base = named.len > 0 ? named : settings.public_url;
    while (str_ends(base, S("/"))) base.len--;
    if (base.len > 0) return base;
    return strf(c->arena, "%s://%.*s", q->https ? "https" : "http", S_ARG(q->host));
}

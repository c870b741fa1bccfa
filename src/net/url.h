/* SPDX-License-Identifier: Apache-2.0
 * URLs (RFC 3986) and form encoding. */
#ifndef SOCLE_NET_URL_H
#define SOCLE_NET_URL_H

#include "core/buf.h"
#include "core/err.h"

typedef struct Url {
    /* Raw (still encoded), the host without brackets. */
    Str scheme, userinfo, host, path, query, fragment;
    int port; /* the scheme's own when not given: http 80, redis 6379 and so on; else 0 */
} Url;

/* False for anything that two readers could split differently: bad ports, more than one '@',
 * control bytes, malformed escapes. The form SCHEME://… only. */
MUST_USE bool url_parse(Str text, Url *out);
/* `reference` as a page at `base` means it (RFC 3986 §5.2); null Str where it means nothing. */
Str url_join(Arena *arena, Str base, Str reference);
/* Percent-decode in the arena; null Str for a malformed escape. plus_is_space for forms and
 * queries. */
Str url_decode(Arena *arena, Str text, bool plus_is_space);
/* The byte that the first three of `escape` (%XX) stand for. */
MUST_USE bool url_escape(Str escape, char *byte);

#endif

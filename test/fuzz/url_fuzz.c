/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a URL, an encoded text, a query, a cookie: parts lie inside the whole and make it up
 * again; what is decoded can be encoded and decoded to the same. */
#include "net/url.h"

#include "net/http.h"

static bool inside(Str part, Str whole) {
    return !part.data || part.len == 0 ||
           (part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
}

static void url_check(Str text) {
    Url u;
    if (!url_parse(text, &u)) return;
    assert(inside(u.scheme, text) && inside(u.userinfo, text) && inside(u.host, text) &&
           inside(u.path, text));
    assert(inside(u.query, text) && inside(u.fragment, text));
    assert(u.port >= 0 && u.port <= 65535);
    assert(u.path.len == 0 || u.path.data[0] == '/');
    assert(str_find_byte(u.host, '@') < 0 && str_find_byte(u.host, '/') < 0 &&
           str_find_byte(u.host, '\\') < 0);
    for (ptrdiff_t i = 0; i < text.len; i++)
        assert((unsigned char)text.data[i] > ' ' && text.data[i] != 0x7F);
    assert(str_utf8_valid(text));
}

static void decode_check(Arena *arena, Str text) {
    Str decoded = url_decode(arena, text, true);
    if (!decoded.data) return;
    assert(decoded.len <= text.len);
    Buf b = buf_new(arena, 3 * decoded.len);
    buf_url(&b, decoded);
    assert(str_eq(url_decode(arena, buf_str(&b), true), decoded));
}

static void request_check(Ctx *c, Str text) {
    Header header = {S("Cookie"), text};
    Req q = {.query = str_slice(text, 0, 8192), .headers = &header, .header_count = 1};
    ptrdiff_t cursor = 0;
    Str name, value;
    bool valid = req_query_valid(&q);
    while (req_query_next(c, &q, &cursor, &name, &value)) {
        Str found = req_query(c, &q, name);
        if (valid)
            assert(found.data &&
                   str_utf8_valid(value)); /* the first of that name, if not this one */
    }
    assert(inside(req_cookie(&q, S("a")), text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Ctx c = {.arena = arena_new(256 * MIB)};
    Str text = str_of((const char *)data, (ptrdiff_t)size);
    if (size <= 65536) {
        url_check(text);
        decode_check(c.arena, text);
        request_check(&c, str_slice(text, 0, 2048));
    }
    arena_free(c.arena);
    return 0;
}

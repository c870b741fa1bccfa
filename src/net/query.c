/* SPDX-License-Identifier: Apache-2.0
 * What a request says beside its body: header fields, query parameters, cookies. */
#include "net/server.h"
#include "net/url.h"

const char *method_name(Method method) {
    switch (method) {
    case METHOD_GET: return "GET";
    case METHOD_HEAD: return "HEAD";
    case METHOD_POST: return "POST";
    case METHOD_PUT: return "PUT";
    case METHOD_PATCH: return "PATCH";
    case METHOD_DELETE: return "DELETE";
    case METHOD_OPTIONS: return "OPTIONS";
    case METHOD_OTHER: break;
    }
    return "OTHER";
}

Method method_parse(Str text) {
    static const struct {
        Str text;
        Method method;
    } known[] = {
        {S_INIT("GET"), METHOD_GET},         {S_INIT("POST"), METHOD_POST},
        {S_INIT("PUT"), METHOD_PUT},         {S_INIT("PATCH"), METHOD_PATCH},
        {S_INIT("DELETE"), METHOD_DELETE},   {S_INIT("HEAD"), METHOD_HEAD},
        {S_INIT("OPTIONS"), METHOD_OPTIONS},
    };
    for (ptrdiff_t i = 0; i < COUNT(known); i++)
        if (str_eq(text, known[i].text)) return known[i].method;
    return METHOD_OTHER;
}

Str req_header(const Req *q, Str name) {
    for (ptrdiff_t i = 0; i < q->header_count; i++)
        if (q->headers[i].name.len == name.len && str_eq_nocase(q->headers[i].name, name))
            return q->headers[i].value;
    return (Str){0};
}

/* A decoded text that may go on: valid UTF-8 and no NUL (no database takes one). */
static bool text_sound(Str s) {
    return s.data && !memchr(s.data, 0, (size_t)s.len) && str_utf8_valid(s);
}

bool path_decode(Arena *arena, Str raw, Str *out) {
    if (raw.len > 0 && memchr(raw.data, '%', (size_t)raw.len)) {
        raw = url_decode(arena, raw, false);
        if (!text_sound(raw)) return false;
    }
    for (Str rest = raw; rest.data;) {
        Str segment;
        rest = str_cut(rest, '/', &segment);
        if (str_eq(segment, S(".")) || str_eq(segment, S(".."))) return false;
    }
    *out = raw;
    return true;
}

bool req_query_next(Ctx *c, const Req *q, ptrdiff_t *cursor, Str *name, Str *value) {
    while (*cursor < q->query.len) {
        Str pair, key, rest = str_slice(q->query, *cursor, q->query.len);
        rest = str_cut(rest, '&', &pair);
        *cursor += pair.len + 1;
        if (pair.len == 0) continue;
        Str text = str_cut(pair, '=', &key);
        *name = url_decode(c->arena, key, true);
        *value = text.data ? url_decode(c->arena, text, true) : S("");
        if (name->data && value->data) return true;
    }
    return false;
}

/* Names are compared decoded, but only the value asked for is decoded into the arena: names are
 * plain ASCII in practice, and the odd one is worth its copy. */
Str req_query(Ctx *c, const Req *q, Str name) {
    for (Str rest = q->query; rest.data;) {
        Str pair, key;
        rest = str_cut(rest, '&', &pair);
        Str value = str_cut(pair, '=', &key);
        bool plain = str_find_byte(key, '%') < 0 && str_find_byte(key, '+') < 0;
        if (!str_eq(plain ? key : url_decode(c->arena, key, true), name) || pair.len == 0) continue;
        return value.data ? url_decode(c->arena, value, true) : S("");
    }
    return (Str){0};
}

/* The query is never longer than a request line, so it is decoded whole on the stack. */
bool req_query_valid(const Req *q) {
    char text[HTTP1_REQUEST_LINE_MAX];
    ptrdiff_t n = 0;
    assert(q->query.len <= HTTP1_REQUEST_LINE_MAX);
    if (q->query.len == 0) return true;
    if (str_find_byte(q->query, '%') < 0) return text_sound(q->query);
    for (ptrdiff_t i = 0; i < q->query.len; i++) {
        char b = q->query.data[i];
        if (b == '%') {
            if (!url_escape(str_slice(q->query, i, i + 3), &b)) return false;
            i += 2;
        }
        text[n++] = b;
    }
    return text_sound(str_of(text, n));
}

Str req_cookie(const Req *q, Str name) {
    for (ptrdiff_t i = 0; i < q->header_count; i++) {
        if (!str_eq_nocase(q->headers[i].name, S("cookie"))) continue;
        for (Str rest = q->headers[i].value; rest.data;) {
            Str pair, key;
            rest = str_cut(rest, ';', &pair);
            Str value = str_cut(str_trim(pair), '=', &key);
            if (value.data && str_eq(key, name)) return value;
        }
    }
    return (Str){0};
}

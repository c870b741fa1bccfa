/* SPDX-License-Identifier: Apache-2.0 */
#include "net/url.h"

#include <curl/curl.h>

static const struct {
    Str scheme;
    int port;
} usual_ports[] = {
    {S_INIT("http"), 80},         {S_INIT("https"), 443},     {S_INIT("ws"), 80},
    {S_INIT("wss"), 443},         {S_INIT("redis"), 6379},    {S_INIT("rediss"), 6379},
    {S_INIT("postgresql"), 5432}, {S_INIT("postgres"), 5432},
};

static bool is_alpha(char b) { return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z'); }
static bool is_digit(char b) { return b >= '0' && b <= '9'; }

static int hex_value(char b) {
    if (is_digit(b)) return b - '0';
    if (b >= 'a' && b <= 'f') return b - 'a' + 10;
    if (b >= 'A' && b <= 'F') return b - 'A' + 10;
    return -1;
}

bool url_escape(Str escape, char *byte) {
    if (escape.len < 3 || escape.data[0] != '%') return false;
    int high = hex_value(escape.data[1]), low = hex_value(escape.data[2]);
    if (high < 0 || low < 0) return false;
    *byte = (char)(high * 16 + low);
    return true;
}

/* Well-formed escapes, and none of `also`, blanks or control bytes. Text beyond ASCII is let
 * through: people write it in paths, and every client encodes it before sending. */
static bool part_valid(Str s, const char *also) {
    for (ptrdiff_t i = 0; i < s.len; i++) {
        unsigned char b = (unsigned char)s.data[i];
        if (b <= ' ' || b == 0x7F || strchr(also, b)) return false;
        char decoded;
        if (b == '%' && !url_escape(str_slice(s, i, i + 3), &decoded)) return false;
    }
    return str_utf8_valid(s);
}

static bool scheme_valid(Str s) {
    if (s.len == 0 || !is_alpha(s.data[0])) return false;
    for (ptrdiff_t i = 1; i < s.len; i++)
        if (!is_alpha(s.data[i]) && !is_digit(s.data[i]) && str_find_byte(S("+-."), s.data[i]) < 0)
            return false;
    return true;
}

static bool port_parse(Str text, int *port) {
    if (text.len == 0) return true;
    int64_t value = 0;
    if (!is_digit(text.data[0]) || !str_to_i64(text, &value) || value < 1 || value > 65535)
        return false;
    *port = (int)value;
    return true;
}

/* host, host:port, [v6] or [v6]:port. */
static bool host_parse(Str text, Url *url) {
    Str port = {0};
    if (str_starts(text, S("["))) {
        ptrdiff_t end = str_find_byte(text, ']');
        if (end < 3) return false;
        url->host = str_slice(text, 1, end);
        for (ptrdiff_t i = 0; i < url->host.len; i++)
            if (hex_value(url->host.data[i]) < 0 && url->host.data[i] != ':' &&
                url->host.data[i] != '.')
                return false;
        port = str_slice(text, end + 1, text.len);
        if (port.len > 0 && port.data[0] != ':') return false;
        port = str_slice(port, 1, port.len);
    } else {
        port = str_cut(text, ':', &url->host);
        if (!part_valid(url->host, "\"<>\\^`{|}[]/?#@")) return false;
    }
    return port_parse(port, &url->port);
}

static int port_usual(Str scheme) {
    for (ptrdiff_t i = 0; i < COUNT(usual_ports); i++)
        if (str_eq_nocase(scheme, usual_ports[i].scheme)) return usual_ports[i].port;
    return 0;
}

bool url_parse(Str text, Url *out) {
    assert(out);
    Url url = {0};
    ptrdiff_t colon = str_find(text, S("://"));
    if (colon < 0) return false;
    url.scheme = str_slice(text, 0, colon);
    if (!scheme_valid(url.scheme)) return false;
    url.port = port_usual(url.scheme);
    Str rest = str_slice(text, colon + 3, text.len);
    url.fragment = str_cut(rest, '#', &rest);
    url.query = str_cut(rest, '?', &rest);
    ptrdiff_t slash = str_find_byte(rest, '/');
    Str authority = slash < 0 ? rest : str_slice(rest, 0, slash);
    url.path = slash < 0 ? S("") : str_slice(rest, slash, rest.len);
    Str host = str_cut(authority, '@', &url.userinfo);
    if (!host.data) {
        host = authority;
        url.userinfo = (Str){0};
    }
    if (!part_valid(url.userinfo, "\"<>\\^`{|}[]@") || !host_parse(host, &url)) return false;
    bool web = str_eq_nocase(url.scheme, S("http")) || str_eq_nocase(url.scheme, S("https"));
    if (web && url.host.len == 0) return false;
    if (!part_valid(url.path, "\"<>\\`{}") || !part_valid(url.query, "\"<>") ||
        !part_valid(url.fragment, "\"<>`"))
        return false;
    *out = url;
    return true;
}

Str url_join(Arena *arena, Str base, Str reference) {
    Str joined = {0};
    char *text = NULL;
    if (str_find_byte(base, '\0') >= 0 || str_find_byte(reference, '\0') >= 0) return joined;
    CURLU *url = curl_url();
    if (!url) abort();
    bool good = !curl_url_set(url, CURLUPART_URL, str_cstr(arena, base), 0) &&
                !curl_url_set(url, CURLUPART_URL, str_cstr(arena, reference), 0) &&
                !curl_url_get(url, CURLUPART_URL, &text, 0);
    if (good) joined = str_copy(arena, str_c(text));
    curl_free(text);
    curl_url_cleanup(url);
    return joined;
}

Str url_decode(Arena *arena, Str text, bool plus_is_space) {
    char *to = arena_bytes(arena, text.len);
    ptrdiff_t n = 0;
    for (ptrdiff_t i = 0; i < text.len; i++) {
        char b = text.data[i];
        if (b == '+' && plus_is_space)
            b = ' ';
        else if (b == '%') {
            if (!url_escape(str_slice(text, i, i + 3), &b)) return (Str){0};
            i += 2;
        }
        to[n++] = b;
    }
    return str_of(to, n);
}

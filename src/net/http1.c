/* SPDX-License-Identifier: Apache-2.0
 * The head is parsed in one walk over a contiguous text. Every rule that refuses something names
 * it, because the sentence reaches whoever wrote the client. */
#include "net/http1.h"

enum {
    TOKEN = 1, /* tchar, RFC 9110 §5.6.2 */
    FIELD = 2, /* in a field value: visible, blank, tab, obs-text */
    PATH = 4,  /* pchar and '/', RFC 3986 §3.3, and what browsers leave as it is: [ ] | ^ */
    QUERY = 8, /* the same and ? { } ` \ */
    HOST = 16  /* of a host name as they are in use; RFC 3986 §3.2.2 would also have , ; % */
};

// clang-format off
static const uint8_t byte_class[256] = {
     0,  0,  0,  0,  0,  0,  0,  0,  0,  2,  0,  0,  0,  0,  0,  0,
     0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
     2, 15,  2,  3, 15, 15, 15, 15, 14, 14, 15, 15, 14, 31, 31, 14,
    31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 14, 14,  2, 14,  2, 10,
    14, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31,
    31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 14, 10, 14, 15, 31,
    11, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31,
    31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 10, 15, 10, 31,  0,
     2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
     2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
     2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
     2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
     2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
     2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
     2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
     2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
};
// clang-format on

static inline bool is(char byte, int classes) { return byte_class[(unsigned char)byte] & classes; }

static bool all(Str s, int classes) {
    for (ptrdiff_t i = 0; i < s.len; i++)
        if (!is(s.data[i], classes)) return false;
    return true;
}

bool http1_is_token(Str s) { return s.len > 0 && all(s, TOKEN); }
bool http1_is_field_value(Str s) { return all(s, FIELD); }

bool http1_list_has(Str list, Str token) {
    while (list.data) {
        Str item;
        list = str_cut(list, ',', &item);
        if (str_eq_nocase(str_trim(item), token)) return true;
    }
    return false;
}

#define FAULT(status, why) ((Http1Fault){(status), (why)})
#define FINE ((Http1Fault){0, NULL})

/* -- The end of the head ----------------------------------------------------------------------- */

static Http1Fault scan_start(Http1Scan *scan, Str input) {
    char first = input.data[scan->start];
    if (first == '\r' && !scan->skipped) {
        if (input.len < 2) return FINE;
        if (input.data[1] != '\n') return FAULT(400, "A carriage return stands alone.");
        *scan = (Http1Scan){.at = 2, .start = 2, .skipped = true};
        return FINE;
    }
    if (!is(first, TOKEN)) return FAULT(400, "The request does not begin with a method.");
    return FINE;
}

Http1Fault http1_scan(Http1Scan *scan, Str input, ptrdiff_t head_limit, ptrdiff_t *length) {
    assert(scan && length);
    *length = 0;
    for (int i = 0; i < 2 && scan->lines == 0 && scan->start < input.len; i++) {
        Http1Fault fault = scan_start(scan, input);
        if (fault.status) return fault;
    }
    const char *end = input.data + input.len;
    while (scan->at < input.len) {
        const char *line = input.data + scan->at;
        const char *lf = memchr(line, '\n', (size_t)(end - line));
        if (!lf) break;
        if (lf == line || lf[-1] != '\r')
            return FAULT(400, "A line ends without a carriage return.");
        if (scan->lines == 0 && lf - line > HTTP1_REQUEST_LINE_MAX)
            return FAULT(414, "The request line is too long.");
        scan->at = lf + 1 - input.data;
        if (scan->at - scan->start > head_limit) return FAULT(431, "The header is too large.");
        if (lf - line == 1 && scan->lines > 0) {
            *length = scan->at;
            return FINE;
        }
        if (++scan->lines > HTTP1_HEADERS_MAX + 1)
            return FAULT(431, "There are too many header fields.");
    }
    if (scan->lines == 0 && input.len - scan->start > HTTP1_REQUEST_LINE_MAX)
        return FAULT(414, "The request line is too long.");
    if (input.len - scan->start > head_limit) return FAULT(431, "The header is too large.");
    return FINE;
}

/* -- The request line -------------------------------------------------------------------------- */

static Http1Fault version_parse(Str text, int *minor) {
    bool shaped = text.len == 8 && str_starts(text, S("HTTP/")) && text.data[6] == '.' &&
                  text.data[5] >= '0' && text.data[5] <= '9' && text.data[7] >= '0' &&
                  text.data[7] <= '9';
    if (!shaped) return FAULT(400, "The request line has no HTTP version.");
    if (text.data[5] != '1' || text.data[7] > '1')
        return FAULT(505, "Only HTTP/1.0 and HTTP/1.1 are served.");
    *minor = text.data[7] - '0';
    return FINE;
}

static Http1Fault line_parse(Str line, Http1Head *out) {
    if (str_eq(line, S("PRI * HTTP/2.0"))) return FAULT(400, "HTTP/2 is not served on this port.");
    ptrdiff_t first = str_find_byte(line, ' ');
    if (first <= 0) return FAULT(400, "The request line has no target.");
    out->method = str_slice(line, 0, first);
    if (!http1_is_token(out->method)) return FAULT(400, "The method is not a token.");
    Str rest = str_slice(line, first + 1, line.len);
    ptrdiff_t second = str_find_byte(rest, ' ');
    if (second < 0) return FAULT(400, "The request line has no HTTP version.");
    if (second == 0) return FAULT(400, "The request line has no target.");
    out->target = str_slice(rest, 0, second);
    return version_parse(str_slice(rest, second + 1, rest.len), &out->minor);
}

/* -- Fields ------------------------------------------------------------------------------------ */

/* What the fields that decide about framing have said so far. */
typedef struct Framing {
    bool host, length, coding, coding_fine;
    bool close, keep_alive, upgrade;
    bool expect_other;
} Framing;

static Http1Fault length_parse(Str value, int64_t *out) {
    if (value.len < 1 || value.len > 18)
        return FAULT(400, "Content-Length is not a number of bytes.");
    int64_t n = 0;
    for (ptrdiff_t i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return FAULT(400, "Content-Length is not a number of bytes.");
        n = n * 10 + (value.data[i] - '0');
    }
    *out = n;
    return FINE;
}

static void expect_parse(Str list, Framing *framing, Http1Head *out) {
    while (list.data) {
        Str item;
        list = str_cut(list, ',', &item);
        item = str_trim(item);
        if (str_eq_nocase(item, S("100-continue")))
            out->expect_continue = true;
        else if (item.len > 0)
            framing->expect_other = true;
    }
}

static bool host_valid(Str host) {
    if (host.len == 0) return false;
    ptrdiff_t end = 0;
    if (host.data[0] == '[') {
        end = str_find_byte(host, ']') + 1;
        if (end < 4) return false;
        for (ptrdiff_t i = 1; i < end - 1; i++)
            if (!strchr("0123456789abcdefABCDEF:.", host.data[i]) || host.data[i] == 0)
                return false;
    } else {
        while (end < host.len && is(host.data[end], HOST)) end++;
        if (end == 0) return false;
    }
    if (end == host.len) return true;
    Str port = str_slice(host, end + 1, host.len);
    if (host.data[end] != ':' || port.len > 5) return false;
    for (ptrdiff_t i = 0; i < port.len; i++)
        if (port.data[i] < '0' || port.data[i] > '9') return false;
    return true;
}

static Http1Fault field_framing(const Header *h, Framing *framing, Http1Head *out) {
    switch (h->name.len) {
    case 4:
        if (!str_eq_nocase(h->name, S("host"))) break;
        if (framing->host) return FAULT(400, "There is more than one Host.");
        framing->host = true;
        if (!host_valid(h->value)) return FAULT(400, "Host is not a host and a port.");
        out->host = h->value;
        break;
    case 6:
        if (str_eq_nocase(h->name, S("expect"))) expect_parse(h->value, framing, out);
        break;
    case 7:
        if (str_eq_nocase(h->name, S("upgrade"))) framing->upgrade = true;
        break;
    case 10:
        if (!str_eq_nocase(h->name, S("connection"))) break;
        framing->close |= http1_list_has(h->value, S("close"));
        framing->keep_alive |= http1_list_has(h->value, S("keep-alive"));
        break;
    case 14:
        if (!str_eq_nocase(h->name, S("content-length"))) break;
        if (framing->length) return FAULT(400, "There is more than one Content-Length.");
        framing->length = true;
        return length_parse(h->value, &out->body_length);
    case 17:
        if (!str_eq_nocase(h->name, S("transfer-encoding"))) break;
        if (framing->coding) return FAULT(400, "There is more than one Transfer-Encoding.");
        framing->coding = true;
        if (!str_eq_nocase(h->value, S("chunked")))
            return FAULT(400, "The only transfer coding taken is chunked.");
        break;
    default: break;
    }
    return FINE;
}

/* One line from `at`, which ends with CR LF because http1_scan has seen it; *at moves behind it. */
static Http1Fault field_parse(const char **at, const char *end, Header *out) {
    const char *p = *at, *name = p;
    if (*p == ' ' || *p == '\t') return FAULT(400, "A header line begins with white space.");
    while (p < end && is(*p, TOKEN)) p++;
    if (p == name || p == end) return FAULT(400, "A header field has no valid name.");
    if (*p != ':') {
        bool blank = *p == ' ' || *p == '\t';
        return FAULT(400, blank ? "White space stands before a colon."
                                : "A header field has no valid name.");
    }
    out->name = str_of(name, p - name);
    const char *value = ++p;
    while (p < end && is(*p, FIELD)) p++;
    if (end - p < 2 || p[0] != '\r' || p[1] != '\n')
        return FAULT(400, "A header value holds a control character.");
    *at = p + 2;
    while (value < p && (*value == ' ' || *value == '\t')) value++;
    while (p > value && (p[-1] == ' ' || p[-1] == '\t')) p--;
    out->value = str_of(value, p - value);
    return FINE;
}

static Http1Fault framing_check(const Framing *framing, Http1Head *out) {
    if (framing->coding && framing->length)
        return FAULT(400, "Content-Length and Transfer-Encoding exclude each other.");
    if (framing->coding && out->minor == 0) return FAULT(400, "HTTP/1.0 has no transfer coding.");
    if (!framing->host && out->minor == 1) return FAULT(400, "Host is missing.");
    if (framing->expect_other && out->minor == 1)
        return FAULT(417, "The only expectation met is 100-continue.");
    if (framing->coding) out->body_length = -1;
    if (out->minor == 0) out->expect_continue = false;
    out->upgrade = framing->upgrade && out->minor == 1;
    out->keep_alive = !framing->close && (out->minor == 1 || framing->keep_alive);
    return FINE;
}

Http1Fault http1_parse(Str head, Header *headers, ptrdiff_t room, Http1Head *out) {
    assert(head.len >= 4 && str_ends(head, S("\r\n")));
    assert(headers && out);
    *out = (Http1Head){.headers = headers};
    const char *end = head.data + head.len, *lf = memchr(head.data, '\n', (size_t)head.len);
    Http1Fault fault = line_parse(str_of(head.data, lf - 1 - head.data), out);
    Framing framing = {0};
    const char *at = lf + 1;
    while (!fault.status && *at != '\r') {
        if (out->header_count == room) return FAULT(431, "There are too many header fields.");
        Header *h = &headers[out->header_count++];
        fault = field_parse(&at, end, h);
        if (!fault.status) fault = field_framing(h, &framing, out);
    }
    if (!fault.status && end - at != 2) fault = FAULT(400, "A carriage return stands alone.");
    return fault.status ? fault : framing_check(&framing, out);
}

/* -- The target -------------------------------------------------------------------------------- */

Http1Fault http1_target(const Http1Head *head, Str *path, Str *query, Str *authority) {
    Str target = head->target;
    *authority = (Str){0};
    *query = S("");
    *path = target;
    if (str_eq(target, S("*"))) {
        if (str_eq(head->method, S("OPTIONS"))) return FINE;
        return FAULT(400, "The target * belongs to OPTIONS.");
    }
    if (target.data[0] != '/') {
        ptrdiff_t scheme = str_find(target, S("://")) + 3;
        bool ours = (scheme == 7 && str_eq_nocase(str_slice(target, 0, 4), S("http"))) ||
                    (scheme == 8 && str_eq_nocase(str_slice(target, 0, 5), S("https")));
        if (!ours) return FAULT(400, "The request target is not a path.");
        ptrdiff_t end = scheme;
        while (end < target.len && target.data[end] != '/' && target.data[end] != '?') end++;
        *authority = str_slice(target, scheme, end);
        if (!host_valid(*authority)) return FAULT(400, "The request target has no valid host.");
        if (head->host.data && !str_eq_nocase(*authority, head->host))
            return FAULT(400, "Host and the request target name different hosts.");
        target = str_slice(target, end, target.len);
    }
    ptrdiff_t mark = str_find_byte(target, '?');
    *path = mark < 0 ? target : str_slice(target, 0, mark);
    if (mark >= 0) *query = str_slice(target, mark + 1, target.len);
    if (path->len == 0) *path = S("/");
    if (!all(*path, PATH) || !all(*query, QUERY))
        return FAULT(400, "The request target holds a character that must be percent-encoded.");
    return FINE;
}

/* SPDX-License-Identifier: Apache-2.0
 * multipart/form-data (RFC 7578, RFC 2046 §5.1), read through a window of fixed size: a part may be
 * larger than memory, its head may not.
 *
 *   START ──--boundary──► AT_DELIMITER ──CRLF, head──► IN_DATA ──CRLF--boundary──► AT_DELIMITER …
 *                              └────────"--"──────────► ENDED
 *
 * Strict where readers differ: nothing stands before the first delimiter, a delimiter line has
 * nothing else on it, every part has a name, names are UTF-8. What follows the end is not looked
 * at. */
#include "net/multipart.h"

#include "net/http1.h"

enum { WINDOW_BYTES = 16 * 1024, PART_HEAD_MAX = 8 * 1024, PARTS_MAX = 1000, BOUNDARY_MAX = 70 };

typedef enum State { START, AT_DELIMITER, IN_DATA, ENDED } State;

struct Multipart {
    MultipartSource source;
    void *arg;
    Str delimiter; /* CR LF - - boundary */
    char *window;
    ptrdiff_t start, end; /* what has come and not been taken */
    bool source_ended;
    State state;
    int parts;
};

/* -- The boundary ------------------------------------------------------------------------------ */

static bool boundary_valid(Str s) {
    if (s.len < 1 || s.len > BOUNDARY_MAX || s.data[s.len - 1] == ' ') return false;
    for (ptrdiff_t i = 0; i < s.len; i++) {
        char b = s.data[i];
        bool letter = (b >= '0' && b <= '9') || (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z');
        if (!letter && str_find_byte(S("'()+_,-./:=? "), b) < 0) return false;
    }
    return true;
}

/* The next `; name=value` of a header's parameters; quotes and their escapes are taken off. False
 * at the end; *bad when what follows is no parameter. */
static bool parameter_next(Arena *arena, Str *rest, Str *name, Str *value, bool *bad) {
    Str s = str_trim(*rest);
    *bad = false;
    if (s.len == 0) return false;
    *bad = true;
    if (s.data[0] != ';') return false;
    s = str_trim(str_slice(s, 1, s.len));
    ptrdiff_t equals = str_find_byte(s, '=');
    if (equals < 0) return false;
    *name = str_slice(s, 0, equals);
    s = str_slice(s, equals + 1, s.len);
    if (!http1_is_token(*name)) return false;
    if (!str_starts(s, S("\""))) {
        ptrdiff_t end = str_find_byte(s, ';');
        *value = str_trim(end < 0 ? s : str_slice(s, 0, end));
        *rest = end < 0 ? S("") : str_slice(s, end, s.len);
        *bad = false;
        return true;
    }
    char *text = arena_bytes(arena, s.len);
    ptrdiff_t n = 0, i = 1;
    for (; i < s.len && s.data[i] != '"'; i++) {
        /* Only \" and \\ are escapes: browsers send other backslashes as they are. */
        bool escape =
            s.data[i] == '\\' && i + 1 < s.len && (s.data[i + 1] == '"' || s.data[i + 1] == '\\');
        text[n++] = s.data[i += escape];
    }
    if (i == s.len) return false;
    *value = str_of(text, n);
    *rest = str_slice(s, i + 1, s.len);
    *bad = false;
    return true;
}

Str multipart_boundary(Arena *arena, Str content_type) {
    ptrdiff_t semicolon = str_find_byte(content_type, ';');
    if (semicolon < 0) return (Str){0};
    Str rest = str_slice(content_type, semicolon, content_type.len), name, value, found = {0};
    bool bad;
    if (!str_eq_nocase(str_trim(str_slice(content_type, 0, semicolon)), S("multipart/form-data")))
        return found;
    while (parameter_next(arena, &rest, &name, &value, &bad)) {
        if (!str_eq_nocase(name, S("boundary"))) continue;
        if (found.data || !boundary_valid(value)) return (Str){0};
        found = value;
    }
    return bad ? (Str){0} : found;
}

/* -- Opening ----------------------------------------------------------------------------------- */

Multipart *multipart_over(Ctx *c, Str boundary, MultipartSource source, void *arg) {
    assert(boundary.len > 0);
    Multipart *m = arena_new_of(c->arena, Multipart);
    m->source = source;
    m->arg = arg;
    m->delimiter = str_concat(c->arena, S("\r\n--"), boundary);
    m->window = arena_bytes(c->arena, WINDOW_BYTES);
    return m;
}

static Err *source_body(Ctx *c, void *arg, char *to, ptrdiff_t cap, ptrdiff_t *n) {
    return body_read(c, arg, to, cap, n);
}

Err *multipart_open(Ctx *c, Req *q, Multipart **out) {
    Str type = req_header(q, S("content-type"));
    if (!str_eq_nocase(str_slice(type, 0, 19), S("multipart/form-data")))
        FAIL(c, MEDIA_TYPE, "The body must be multipart/form-data.");
    Str boundary = multipart_boundary(c->arena, type);
    if (!boundary.data) FAIL(c, BAD_REQUEST, "Content-Type has no valid boundary.");
    *out = multipart_over(c, boundary, source_body, q);
    return NULL;
}

/* -- The window -------------------------------------------------------------------------------- */

static Str window(const Multipart *m) { return str_of(m->window + m->start, m->end - m->start); }

/* Bring more in; *more false when the source has ended. The window must not be full. */
static Err *window_fill(Ctx *c, Multipart *m, bool *more) {
    ptrdiff_t n = 0;
    if (m->start > 0) memmove(m->window, m->window + m->start, (size_t)(m->end - m->start));
    m->end -= m->start;
    m->start = 0;
    assert(m->end < WINDOW_BYTES);
    if (!m->source_ended) TRY(m->source(c, m->arg, m->window + m->end, WINDOW_BYTES - m->end, &n));
    m->end += n;
    *more = n > 0;
    m->source_ended = !*more;
    return NULL;
}

/* Until at least `bytes` are in the window. */
static Err *window_need(Ctx *c, Multipart *m, ptrdiff_t bytes) {
    while (m->end - m->start < bytes) {
        bool more;
        TRY(window_fill(c, m, &more));
        if (!more) FAIL(c, BAD_REQUEST, "The form is cut short.");
    }
    return NULL;
}

/* -- Parts ------------------------------------------------------------------------------------- */

static bool text_sound(Str s) { return !memchr(s.data, 0, (size_t)s.len) && str_utf8_valid(s); }

static Err *disposition_read(Ctx *c, Str value, Part *part) {
    Str kind, name, text;
    bool bad;
    ptrdiff_t semicolon = str_find_byte(value, ';');
    kind = semicolon < 0 ? value : str_slice(value, 0, semicolon);
    Str rest = semicolon < 0 ? S("") : str_slice(value, semicolon, value.len);
    if (!str_eq_nocase(str_trim(kind), S("form-data")))
        FAIL(c, BAD_REQUEST, "A part of the form is not form-data.");
    while (parameter_next(c->arena, &rest, &name, &text, &bad)) {
        Str *to = str_eq_nocase(name, S("name"))       ? &part->name
                  : str_eq_nocase(name, S("filename")) ? &part->filename
                                                       : NULL;
        if (!to) continue;
        if (to->data) FAIL(c, BAD_REQUEST, "A part of the form has two names.");
        if (!text_sound(text)) FAIL(c, BAD_REQUEST, "A name in the form is not valid UTF-8.");
        *to = str_copy(c->arena, text);
    }
    if (bad) FAIL(c, BAD_REQUEST, "Content-Disposition of a part is malformed.");
    return NULL;
}

static Err *field_read(Ctx *c, Str line, Part *part) {
    Str name;
    Str value = str_cut(line, ':', &name);
    if (!value.data || !http1_is_token(name) || !http1_is_field_value(value))
        FAIL(c, BAD_REQUEST, "A part of the form has a malformed header.");
    value = str_trim(value);
    if (str_eq_nocase(name, S("content-disposition"))) {
        if (part->name.data) FAIL(c, BAD_REQUEST, "A part of the form has two names.");
        return disposition_read(c, value, part);
    }
    if (str_eq_nocase(name, S("content-type"))) part->content_type = str_copy(c->arena, value);
    if (str_eq_nocase(name, S("content-transfer-encoding")) && !str_eq_nocase(value, S("binary")) &&
        !str_eq_nocase(value, S("8bit")) && !str_eq_nocase(value, S("7bit")))
        FAIL(c, BAD_REQUEST, "A part of the form has an encoding that is not taken.");
    return NULL;
}

static Err *head_read(Ctx *c, Multipart *m, Part *part) {
    ptrdiff_t used = 0;
    for (;;) {
        ptrdiff_t end = str_find(window(m), S("\r\n"));
        if (end < 0) {
            if (used + m->end - m->start > PART_HEAD_MAX)
                FAIL(c, BAD_REQUEST, "A part of the form has too large a head.");
            TRY(window_need(c, m, m->end - m->start + 1));
            continue;
        }
        Str line = str_slice(window(m), 0, end);
        used += end + 2;
        if (used > PART_HEAD_MAX) FAIL(c, BAD_REQUEST, "A part of the form has too large a head.");
        if (line.len > 0) TRY(field_read(c, line, part));
        m->start += end + 2;
        if (line.len == 0) break;
    }
    if (!part->name.data) FAIL(c, BAD_REQUEST, "A part of the form has no name.");
    return NULL;
}

/* To the delimiter that ends what the caller did not read, or that begins the body. */
static Err *delimiter_reach(Ctx *c, Multipart *m) {
    if (m->state == START) {
        Str first = str_slice(m->delimiter, 2, m->delimiter.len);
        TRY(window_need(c, m, first.len));
        if (!str_starts(window(m), first))
            FAIL(c, BAD_REQUEST, "The form does not begin with its boundary.");
        m->start += first.len;
        m->state = AT_DELIMITER;
    }
    while (m->state == IN_DATA) {
        char dropped[4096];
        ptrdiff_t n;
        TRY(multipart_read(c, m, dropped, sizeof dropped, &n));
    }
    return NULL;
}

Err *multipart_next(Ctx *c, Multipart *m, Part *part, bool *more) {
    *part = (Part){0};
    *more = false;
    if (m->state == ENDED) return NULL;
    TRY(delimiter_reach(c, m));
    TRY(window_need(c, m, 2));
    Str after = str_slice(window(m), 0, 2);
    m->start += 2;
    if (str_eq(after, S("--"))) {
        m->state = ENDED;
        return NULL;
    }
    if (!str_eq(after, S("\r\n")))
        FAIL(c, BAD_REQUEST, "A boundary of the form has something behind it.");
    if (++m->parts > PARTS_MAX) FAIL(c, BAD_REQUEST, "The form has more than %d parts.", PARTS_MAX);
    TRY(head_read(c, m, part));
    m->state = IN_DATA;
    *more = true;
    return NULL;
}

Err *multipart_read(Ctx *c, Multipart *m, char *to, ptrdiff_t cap, ptrdiff_t *n) {
    assert(to && cap > 0);
    *n = 0;
    while (m->state == IN_DATA && *n == 0) {
        ptrdiff_t found = str_find(window(m), m->delimiter);
        /* Without a delimiter in sight, what cannot be the beginning of one is data. */
        ptrdiff_t data =
            found >= 0 ? found : max_size(0, m->end - m->start - (m->delimiter.len - 1));
        if (found == 0) {
            m->start += m->delimiter.len;
            m->state = AT_DELIMITER;
        } else if (data > 0) {
            *n = min_size(data, cap);
            memcpy(to, m->window + m->start, (size_t)*n);
            m->start += *n;
        } else {
            TRY(window_need(c, m, m->end - m->start + 1));
        }
    }
    return NULL;
}

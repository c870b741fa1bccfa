/* SPDX-License-Identifier: Apache-2.0
 * xml.h on libxml2's reader. The reader itself would take document types and other encodings: both
 * are looked for before it sees a byte. */
#include "products/robian/xml.h"

#include <libxml/xmlerror.h>
#include <libxml/xmlreader.h>

struct Xml {
    Ctx *c;
    xmlTextReaderPtr reader;
    bool closing; /* an empty element was opened: its close comes next */
    int line;     /* of the first error */
    char why[160];
};

#if LIBXML_VERSION >= 21200
typedef const xmlError *XmlErrorGiven;
#else
typedef xmlError *XmlErrorGiven;
#endif

static void error_keep(void *arg, XmlErrorGiven error) {
    Xml *x = arg;
    if (error->level < XML_ERR_ERROR || x->why[0]) return;
    Str text = str_trim(str_utf8_cut(str_c(error->message ? error->message : "malformed"), 150));
    memcpy(x->why, text.data, (size_t)text.len);
    x->why[text.len] = '\0';
    x->line = error->line;
}

static void reader_free(void *arg) { xmlFreeTextReader(arg); }

static const char *text_of(const xmlChar *text) { return (const char *)text; }

static Err *malformed(Xml *x) {
    if (!x->why[0]) FAIL(x->c, INVALID, "not well-formed XML");
    FAIL(x->c, INVALID, "line %d: %s", x->line, x->why);
}

/* What a document says its encoding is; null when it does not. */
static Str encoding_said(Str bytes) {
    if (str_starts(bytes, S("\xEF\xBB\xBF"))) bytes = str_slice(bytes, 3, bytes.len);
    if (!str_starts(bytes, S("<?xml"))) return (Str){0};
    Str head = str_slice(bytes, 0, str_find(bytes, S("?>")));
    ptrdiff_t at = str_find(head, S("encoding"));
    if (at < 0) return (Str){0};
    Str rest = str_slice(head, at + 8, head.len);
    while (rest.len && rest.data[0] != '"' && rest.data[0] != '\'')
        rest = str_slice(rest, 1, rest.len);
    if (!rest.len) return (Str){0};
    Str name;
    str_cut(str_slice(rest, 1, rest.len), rest.data[0], &name);
    return name;
}

static Err *bytes_check(Ctx *c, Str bytes) {
    if (str_is_empty(str_trim(bytes))) FAIL(c, INVALID, "empty");
    if (bytes.len > XML_BYTES_MAX) FAIL(c, INVALID, "larger than %d bytes", XML_BYTES_MAX);
    if (!str_utf8_valid(bytes) || str_find_byte(bytes, '\0') >= 0) FAIL(c, INVALID, "not UTF-8");
    if (str_find(bytes, S("<!DOCTYPE")) >= 0)
        FAIL(c, INVALID, "has a document type: entities are not taken");
    Str said = encoding_said(bytes);
    if (!said.data || str_eq_nocase(said, S("UTF-8")) || str_eq_nocase(said, S("US-ASCII")))
        return NULL;
    FAIL(c, INVALID, "says its encoding is %.*s: only UTF-8 is taken",
         S_ARG(str_utf8_cut(said, 40)));
}

Err *xml_open(Ctx *c, Str bytes, Str root, Xml **out) {
    assert(bytes.len >= 0);
    TRY(bytes_check(c, bytes));
    Xml *x = arena_new_of(c->arena, Xml);
    x->c = c;
    x->reader = xmlReaderForMemory(bytes.data, (int)bytes.len, NULL, "UTF-8",
                                   XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_COMPACT);
    if (!x->reader) FAIL(c, INTERNAL, "no memory to read XML");
    defer(c, reader_free, x->reader);
    xmlTextReaderSetStructuredErrorHandler(x->reader, (xmlStructuredErrorFunc)error_keep, x);
    XmlStep step;
    do TRY(xml_next(x, &step));
    while (step == XML_TEXT);
    if (step != XML_OPEN) return malformed(x);
    if (!str_eq(xml_name(x), root))
        FAIL(c, INVALID, "is a <%.*s>, not a <%.*s>", S_ARG(str_utf8_cut(xml_name(x), 60)),
             S_ARG(root));
    *out = x;
    return NULL;
}

Err *xml_next(Xml *x, XmlStep *step) {
    *step = XML_CLOSE;
    if (x->closing) {
        x->closing = false;
        return NULL;
    }
    for (;;) {
        int more = xmlTextReaderRead(x->reader);
        if (more < 0 || x->why[0]) return malformed(x);
        *step = XML_OVER;
        if (more == 0) return NULL;
        switch (xmlTextReaderNodeType(x->reader)) {
        case XML_READER_TYPE_ELEMENT:
            *step = XML_OPEN;
            x->closing = xmlTextReaderIsEmptyElement(x->reader) == 1;
            return NULL;
        case XML_READER_TYPE_END_ELEMENT: *step = XML_CLOSE; return NULL;
        case XML_READER_TYPE_TEXT:
        case XML_READER_TYPE_CDATA:
        case XML_READER_TYPE_WHITESPACE:
        case XML_READER_TYPE_SIGNIFICANT_WHITESPACE: *step = XML_TEXT; return NULL;
        default: break; /* comments, instructions */
        }
    }
}

Str xml_name(const Xml *x) { return str_c(text_of(xmlTextReaderConstLocalName(x->reader))); }

bool xml_is(const Xml *x, const char *name) {
    const char *own = text_of(xmlTextReaderConstLocalName(x->reader));
    return own && strcmp(own, name) == 0;
}

Str xml_attribute(Xml *x, const char *name) {
    Str found = {0};
    if (xmlTextReaderMoveToAttribute(x->reader, (const xmlChar *)name) != 1) return found;
    found = str_copy(x->c->arena, str_c(text_of(xmlTextReaderConstValue(x->reader))));
    xmlTextReaderMoveToElement(x->reader);
    return found;
}

Str xml_text(const Xml *x) { return str_c(text_of(xmlTextReaderConstValue(x->reader))); }

Err *xml_skip(Xml *x) {
    for (ptrdiff_t level = 1; level > 0;) {
        XmlStep step;
        TRY(xml_next(x, &step));
        if (step == XML_OVER) return malformed(x);
        level += step == XML_OPEN ? 1 : step == XML_CLOSE ? -1 : 0;
    }
    return NULL;
}

/* -- text --------------------------------------------------------------------------------------- */

enum { NONE, BLANK, NO_BREAK, LINE };

/* Text with its white space folded as it comes in. */
typedef struct Flat {
    Buf out;
    int blanks; /* that wait for what comes behind them; NO_BREAK: a single one */
} Flat;

/* Length of the white space at the head of s, and which. */
static ptrdiff_t space_at(Str s, int *which) {
    *which = BLANK;
    if (s.len == 0) return 0;
    if (s.data[0] == ' ' || (s.data[0] >= '\t' && s.data[0] <= '\r')) return 1;
    *which = NO_BREAK; /* U+00A0, and the narrow U+202F */
    if (s.len >= 2 && memcmp(s.data, "\xC2\xA0", 2) == 0) return 2;
    if (s.len >= 3 && memcmp(s.data, "\xE2\x80\xAF", 3) == 0) return 3;
    return 0;
}

static void flat_space(Flat *f, int which) {
    if (f->blanks == LINE || which == LINE)
        f->blanks = LINE;
    else
        f->blanks = f->blanks == NONE ? which : BLANK;
}

static void flat_byte(Flat *f, char byte) {
    if (f->blanks && f->out.len) {
        if (f->blanks == NO_BREAK)
            buf_add(&f->out, S("\xC2\xA0"));
        else
            buf_byte(&f->out, f->blanks == LINE ? '\n' : ' ');
    }
    f->blanks = NONE;
    buf_byte(&f->out, byte);
}

static void flat_add(Flat *f, Str text) {
    while (text.len > 0) {
        int which;
        ptrdiff_t space = space_at(text, &which);
        if (space)
            flat_space(f, which);
        else
            flat_byte(f, text.data[0]);
        text = str_slice(text, space ? space : 1, text.len);
    }
}

/* "n<exposant>o</exposant>" is how n° is written. */
static void flat_raised(Flat *f, Str text) {
    bool number = f->blanks == NONE && f->out.len > 0 && f->out.data[f->out.len - 1] == 'n' &&
                  str_eq(text, S("o"));
    flat_add(f, number ? S("°") : text);
}

Err *xml_content(Xml *x, Str *out) {
    Flat f = {.out = buf_new(x->c->arena, 64)};
    bool raised = false;
    for (ptrdiff_t level = 1; level > 0;) {
        XmlStep step;
        TRY(xml_next(x, &step));
        switch (step) {
        case XML_OPEN:
            level++;
            raised = xml_is(x, "exposant") || xml_is(x, "sup");
            if (xml_is(x, "br")) flat_space(&f, LINE);
            break;
        case XML_CLOSE:
            level--;
            raised = false;
            break;
        case XML_TEXT:
            if (raised)
                flat_raised(&f, xml_text(x));
            else
                flat_add(&f, xml_text(x));
            break;
        case XML_OVER: return malformed(x);
        }
    }
    *out = buf_str(&f.out);
    return NULL;
}

Str xml_flat(Arena *arena, Str text) {
    Flat f = {.out = buf_new(arena, text.len + 1)};
    flat_add(&f, text);
    Str flat = buf_str(&f.out);
    Buf b = buf_new(arena, flat.len + 1); /* of no-break spaces, plain ones */
    for (ptrdiff_t i = 0; i < flat.len; i++) {
        bool wide = i + 1 < flat.len && memcmp(flat.data + i, "\xC2\xA0", 2) == 0;
        buf_byte(&b, wide ? ' ' : flat.data[i]);
        i += wide;
    }
    return buf_str(&b);
}

/* SPDX-License-Identifier: Apache-2.0
 * HTML, by libxml2's reader of real-world HTML, and Markdown, which cmark makes into HTML first: then
 * what authors write between (details, br, tables in HTML) is read as everywhere else. What is not
 * the page's own text (scripts, menus, forms, what is hidden) is left out. */
#include <cmark.h>
#include <libxml/HTMLparser.h>
#include <stdlib.h>

#include "products/sylion/extract.h"

enum { HTML_DEPTH_MAX = 250 };

typedef struct Html {
    Extraction *x;
    Buf text; /* of the block that is being read */
    int depth;
    bool is_data; /* in a row of a table */
} Html;

static Str name_of(const xmlNode *node) { return str_c((const char *)node->name); }

static bool is_one_of(Str name, const char *const *list) {
    for (; *list; list++)
        if (str_eq_nocase(name, str_c(*list))) return true;
    return false;
}

static Str attribute(const xmlNode *node, const char *name) {
    for (const xmlAttr *a = node->properties; a; a = a->next)
        if (str_eq_nocase(str_c((const char *)a->name), str_c(name)))
            return a->children ? str_c((const char *)a->children->content) : S("");
    return (Str){0};
}

static bool is_left_out(const xmlNode *node) {
    static const char *const names[] = {
        "script", "style",  "noscript", "template", "nav",  "svg",   "math",  "iframe", "object",
        "button", "select", "textarea", "input",    "head", "audio", "video", "canvas", NULL};
    return is_one_of(name_of(node), names) || !str_is_null(attribute(node, "hidden")) ||
           str_eq_nocase(attribute(node, "aria-hidden"), S("true")) ||
           str_eq_nocase(attribute(node, "role"), S("navigation"));
}

static bool is_block(Str name) {
    static const char *const names[] = {
        "p",          "div",    "section",    "article", "main",   "header",   "footer",
        "aside",      "ul",     "ol",         "li",      "dl",     "dt",       "dd",
        "table",      "tr",     "thead",      "tbody",   "tfoot",  "caption",  "pre",
        "blockquote", "figure", "figcaption", "address", "form",   "fieldset", "details",
        "summary",    "hr",     "body",       "html",    "center", NULL};
    return is_one_of(name, names);
}

static int heading_level(Str name) {
    return name.len == 2 && (name.data[0] == 'h' || name.data[0] == 'H') && name.data[1] >= '1' &&
                   name.data[1] <= '6'
               ? name.data[1] - '0'
               : 0;
}

static void flush(Html *h) {
    extract_block(h->x, buf_str(&h->text), false);
    h->text.len = 0;
}

static void children_read(Html *h, const xmlNode *node, bool keep_lines);

/* The words of what is inside, without blocks of its own. */
static Str inner_text(Html *h, const xmlNode *node) {
    Buf outer = h->text;
    bool data = h->is_data;
    h->text = buf_new(h->x->arena, 128);
    h->is_data = true;
    children_read(h, node, false);
    Str text = buf_str(&h->text);
    h->text = outer;
    h->is_data = data;
    return text;
}

static void text_add(Html *h, Str text, bool keep_lines) {
    char *to = buf_reserve(&h->text, text.len);
    for (ptrdiff_t i = 0; i < text.len; i++)
        to[i] = !keep_lines && (text.data[i] == '\n' || text.data[i] == '\r') ? ' ' : text.data[i];
    h->text.len += text.len;
}

/* An element whose text is a block of its own; inside a row everything is that row's. */
static void block_read(Html *h, const xmlNode *node, Str name, bool keep_lines) {
    bool row = str_eq_nocase(name, S("tr"));
    if (!h->is_data)
        flush(h);
    else
        buf_byte(&h->text, ' ');
    bool data = h->is_data;
    h->is_data = data || row;
    children_read(h, node, keep_lines || str_eq_nocase(name, S("pre")));
    h->is_data = data;
    if (!h->is_data)
        flush(h);
    else
        buf_byte(&h->text, ' ');
}

static void element_read(Html *h, const xmlNode *node, bool keep_lines) {
    Str name = name_of(node);
    int level = heading_level(name);
    if (is_left_out(node)) return;
    if (level > 0) {
        Str text = inner_text(h, node);
        if (h->is_data)
            text_add(h, text, false);
        else {
            flush(h);
            extract_heading(h->x, level, text);
        }
    } else if (is_block(name)) {
        block_read(h, node, name, keep_lines);
    } else {
        bool cell = str_eq_nocase(name, S("td")) || str_eq_nocase(name, S("th"));
        if (cell && str_trim(buf_str(&h->text)).len > 0) buf_add(&h->text, S(" | "));
        if (str_eq_nocase(name, S("br"))) buf_byte(&h->text, '\n');
        if (str_eq_nocase(name, S("img"))) text_add(h, attribute(node, "alt"), false);
        children_read(h, node, keep_lines);
    }
}

static void children_read(Html *h, const xmlNode *node, bool keep_lines) {
    if (h->depth == HTML_DEPTH_MAX) return;
    h->depth++;
    for (const xmlNode *one = node->children; one && !h->x->full; one = one->next) {
        if (one->type == XML_TEXT_NODE || one->type == XML_CDATA_SECTION_NODE)
            text_add(h, str_c((const char *)one->content), keep_lines);
        else if (one->type == XML_ELEMENT_NODE)
            element_read(h, one, keep_lines);
    }
    h->depth--;
}

/* The only <main> of a page is what it is about. Looks at a bounded number of elements. */
static const xmlNode *main_find(const xmlNode *root) {
    const xmlNode *found = NULL, *at = root;
    for (int steps = 0; at && steps < 100000; steps++) {
        if (at->type == XML_ELEMENT_NODE && str_eq_nocase(name_of(at), S("main"))) {
            if (found) return NULL;
            found = at;
        }
        if (at->type == XML_ELEMENT_NODE && at->children) {
            at = at->children;
            continue;
        }
        while (at && at != root && !at->next) at = at->parent;
        at = at == root ? NULL : at ? at->next : NULL;
    }
    return found;
}

static void document_free(void *held) { xmlFreeDoc(held); }
static void quiet(void *arg, const char *format, ...) {
    (void)arg;
    (void)format;
}

static void html_read(Extraction *x, Str text, const char *encoding) {
    if (x->full || text.len == 0) return;
    if (text.len > INT32_MAX / 2) {
        extract_fail(x, "It is too large for HTML.");
        return;
    }
    xmlSetGenericErrorFunc(NULL, quiet);
    xmlDoc *doc = htmlReadMemory(text.data, (int)text.len, NULL, encoding,
                                 HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
                                     HTML_PARSE_NONET | HTML_PARSE_COMPACT);
    if (!doc) {
        extract_fail(x, "It is no HTML that can be read.");
        return;
    }
    x->held = doc;
    x->release = document_free;
    Html h = {.x = x, .text = buf_new(x->arena, 1024)};
    const xmlNode *root = xmlDocGetRootElement(doc), *main = root ? main_find(root) : NULL;
    if (root) children_read(&h, main ? main : root, false);
    flush(&h);
    x->held = NULL;
    xmlFreeDoc(doc);
}

/* What a page says of its encoding in its first kilobyte; null when it does not. */
static Str charset_said(Arena *arena, Str bytes) {
    Str head = str_lower(arena, str_slice(bytes, 0, 1024));
    ptrdiff_t at = str_find(head, S("charset="));
    if (at < 0) return (Str){0};
    ptrdiff_t from = at + 8, to;
    while (from < head.len && (head.data[from] == '"' || head.data[from] == '\'')) from++;
    for (to = from; to < head.len && to - from < 40; to++) {
        char b = head.data[to];
        if (!((b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') || b == '-' || b == '_')) break;
    }
    return to > from ? str_slice(head, from, to) : (Str){0};
}

static bool is_known_encoding(Arena *arena, Str name) {
    xmlCharEncodingHandler *handler =
        str_is_null(name) ? NULL : xmlFindCharEncodingHandler(str_cstr(arena, name));
    if (handler) xmlCharEncCloseFunc(handler);
    return handler != NULL;
}

void extract_html(Extraction *x, Str bytes) {
    bool marked = str_starts(bytes, S("\xFF\xFE")) || str_starts(bytes, S("\xFE\xFF"));
    Str said = charset_said(x->arena, bytes);
    if (marked || str_utf8_valid(bytes) || str_starts(said, S("utf")) ||
        !is_known_encoding(x->arena, said)) {
        html_read(x, extract_decode(x, bytes), "UTF-8");
        return;
    }
    html_read(x, bytes, str_cstr(x->arena, said));
}

/* -- Markdown -------------------------------------------------------------------------------------- */

/* Without the lines between --- and --- that many tools put before the text. */
static Str front_matter_skip(Str text) {
    if (!str_starts(text, S("---\n")) && !str_starts(text, S("---\r\n"))) return text;
    ptrdiff_t end = str_find(str_slice(text, 4, min_size(text.len, 16 * KIB)), S("\n---"));
    if (end < 0) return text;
    ptrdiff_t line = str_find_byte(str_slice(text, end + 8, text.len), '\n');
    return line < 0 ? text : str_slice(text, end + 8 + line + 1, text.len);
}

void extract_markdown(Extraction *x, Str bytes) {
    Str text = front_matter_skip(extract_decode(x, bytes));
    if (x->full) return;
    /* UNSAFE keeps HTML in it: nothing of it is shown to anybody, its text is read. */
    char *html = cmark_markdown_to_html(text.data, (size_t)text.len, CMARK_OPT_UNSAFE);
    if (!html) {
        extract_fail(x, "It is no Markdown that can be read.");
        return;
    }
    x->held = html;
    x->release = free;
    Str made = str_copy(x->arena, str_c(html));
    x->held = NULL;
    free(html);
    html_read(x, made, "UTF-8");
}

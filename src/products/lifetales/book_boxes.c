/* SPDX-License-Identifier: Apache-2.0
 * Trim and bleed boxes, which a printer needs and cairo cannot say: an update is written behind the
 * finished PDF, as its format has it (ISO 32000, 7.5.6). Each page object again with its boxes, the
 * catalogue with language and reading direction, a table of where these now stand, a trailer that
 * names the former. What cairo wrote is not touched. */
#include "products/lifetales/book_room.h"

typedef struct Pdf {
    Ctx *c;
    Buf *out;
    int64_t *offsets; /* of objects, by cairo's table; 0: free */
    int64_t count, table;
    Str trailer;
} Pdf;

static Err *broken(Ctx *c, const char *what) {
    FAIL(c, INTERNAL, "The PDF of cairo is not as expected: %s", what);
}

static int64_t number_at(Str text, ptrdiff_t *at) {
    int64_t value = 0;
    while (*at < text.len && (text.data[*at] == ' ' || text.data[*at] == '\n')) ++*at;
    ptrdiff_t from = *at;
    while (*at < text.len && text.data[*at] >= '0' && text.data[*at] <= '9' && value < INT32_MAX * 16LL)
        value = 10 * value + (text.data[(*at)++] - '0');
    return *at > from ? value : -1;
}

/* The table that `startxref` at the end tells of: one section from object 0 on. */
static Err *table_read(Pdf *p) {
    enum { ENTRY = 20, TAIL = 64 };
    Str all = buf_str(p->out), tail = str_slice(all, all.len - TAIL, all.len);
    ptrdiff_t at = str_find(tail, S("startxref\n"));
    if (at < 0) return broken(p->c, "startxref");
    at += 10;
    p->table = number_at(tail, &at);
    if (p->table < 0 || p->table > all.len - TAIL) return broken(p->c, "offset of the table");
    at = (ptrdiff_t)p->table;
    if (!str_starts(str_slice(all, at, all.len), S("xref\n0 "))) return broken(p->c, "xref");
    at += 7;
    p->count = number_at(all, &at);
    if (p->count < 1 || p->count > (all.len - at) / ENTRY) return broken(p->c, "length of the table");
    p->offsets = arena_array(p->c->arena, int64_t, (ptrdiff_t)p->count);
    at++;
    for (int64_t i = 0; i < p->count; i++, at += ENTRY) {
        Str entry = str_slice(all, at, at + ENTRY);
        ptrdiff_t from = 0;
        int64_t offset = number_at(entry, &from);
        if (entry.len == ENTRY && entry.data[17] == 'n' && offset < p->table) p->offsets[i] = offset;
    }
    p->trailer = str_slice(all, at, all.len);
    if (!str_starts(p->trailer, S("trailer"))) return broken(p->c, "trailer");
    p->trailer = str_copy(p->c->arena, p->trailer);
    return NULL;
}

/* `<< … >>` of object n if it begins as an object of that type; a null Str if not. */
static Str object_of(const Pdf *p, int64_t n, Str type) {
    Str all = buf_str(p->out), none = {0};
    Str object = str_slice(all, (ptrdiff_t)p->offsets[n], (ptrdiff_t)p->table);
    ptrdiff_t open = str_find(str_slice(object, 0, 40), S("<< /Type "));
    if (p->offsets[n] == 0 || open < 0) return none;
    if (!str_starts(str_slice(object, open + 9, object.len), type)) return none;
    ptrdiff_t end = str_find(object, S("\nendobj"));
    if (end < open) return none;
    object = str_trim(str_slice(object, open, end));
    return str_ends(object, S(">>")) ? object : none;
}

/* The object again, with `more` in it. */
static void object_again(Pdf *p, Buf *table, int64_t n, Str object, Str more) {
    Str body = str_copy(p->c->arena, str_slice(object, 0, object.len - 2));
    buf_f(table, "%lld 1\n%010td 00000 n \n", (long long)n, p->out->len);
    buf_f(p->out, "%lld 0 obj\n", (long long)n);
    buf_add(p->out, body);
    buf_add(p->out, more);
    buf_add(p->out, S(">>\nendobj\n"));
}

static Err *boxes_of(Pdf *p, Str page, double bleed, Str *more) {
    ptrdiff_t at = str_find(page, S("/MediaBox ["));
    if (at < 0) return broken(p->c, "MediaBox");
    double box[4];
    Str rest = str_slice(page, at + 11, page.len), number;
    for (int i = 0; i < 4; i++) {
        rest = str_cut(str_trim(rest), ' ', &number);
        if (!str_to_f64(number, &box[i])) return broken(p->c, "MediaBox");
    }
    *more = strf(p->c->arena,
                 "   /BleedBox [ 0 0 %.4f %.4f ]\n   /TrimBox [ %.4f %.4f %.4f %.4f ]\n", box[2], box[3],
                 bleed, bleed, box[2] - bleed, box[3] - bleed);
    return NULL;
}

static Str catalogue_more(Pdf *p, Str language, bool rtl) {
    Buf b = buf_new(p->c->arena, 128);
    buf_add(&b, S("   /Lang ("));
    for (ptrdiff_t i = 0; i < language.len && i < 35; i++) {
        char l = language.data[i];
        bool plain = (l >= 'a' && l <= 'z') || (l >= 'A' && l <= 'Z') || (l >= '0' && l <= '9');
        if (plain || l == '-') buf_byte(&b, l);
    }
    buf_add(&b, S(")\n   /PageLayout /TwoPageRight\n   /ViewerPreferences << /DisplayDocTitle true"));
    buf_add(&b, rtl ? S(" /Direction /R2L >>\n") : S(" >>\n"));
    return buf_str(&b);
}

Err *book_boxes(Ctx *c, Buf *pdf, double bleed, Str language, bool rtl) {
    Pdf p = {.c = c, .out = pdf};
    TRY(table_read(&p));
    Buf table = buf_new(c->arena, 64 * KIB);
    bool pages = false, catalogue = false;
    buf_add(&table, S("xref\n"));
    for (int64_t n = 1; n < p.count; n++) {
        Str page = object_of(&p, n, S("/Page ")), root = object_of(&p, n, S("/Catalog")), more;
        if (page.len) {
            TRY(boxes_of(&p, page, bleed, &more));
            object_again(&p, &table, n, page, more);
            pages = true;
        } else if (root.len) {
            object_again(&p, &table, n, root, catalogue_more(&p, language, rtl));
            catalogue = true;
        }
    }
    if (!pages || !catalogue) return broken(c, pages ? "no catalogue" : "no page");
    ptrdiff_t from = pdf->len, end = str_find(p.trailer, S(">>\n"));
    if (end < 0) return broken(c, "trailer");
    buf_add(pdf, buf_str(&table));
    buf_add(pdf, str_slice(p.trailer, 0, end));
    buf_f(pdf, "   /Prev %lld\n>>\nstartxref\n%td\n%%%%EOF\n", (long long)p.table, from);
    return NULL;
}

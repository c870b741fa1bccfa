/* SPDX-License-Identifier: Apache-2.0
 * PDF: the pages of the press, drawn by cairo. Letters are embedded as subsets, JPEGs as they are, codes
 * as vectors. Page numbers of the file are those printed (labels), chapters are its outline. */
#include <cairo-pdf.h>
#include <stdlib.h>

#include "core/log.h"
#include "core/time.h"
#include "products/lifetales/book_press.h"

enum { COVER_LEAF = 2 };

typedef struct Drawing {
    Press press;
    Buf out;
    cairo_surface_t *surface;
    cairo_t *cr;
} Drawing;

static void drawing_close(void *arg) {
    Drawing *d = arg;
    if (d->cr) cairo_destroy(d->cr);
    if (d->surface) cairo_surface_destroy(d->surface);
    d->cr = NULL;
    d->surface = NULL;
    press_close(&d->press);
}

static cairo_status_t written(void *closure, const unsigned char *data, unsigned int length) {
    buf_add(closure, str_of((const char *)data, (ptrdiff_t)length));
    return CAIRO_STATUS_SUCCESS;
}

static void colour_set(cairo_t *cr, uint32_t rgb) {
    cairo_set_source_rgb(cr, (rgb >> 16 & 255) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0);
}

/* -- Pictures ------------------------------------------------------------------------------------- */

typedef struct Reading {
    Str bytes;
    ptrdiff_t at;
} Reading;

static cairo_status_t png_bytes(void *closure, unsigned char *data, unsigned int length) {
    Reading *r = closure;
    if (r->bytes.len - r->at < (ptrdiff_t)length) return CAIRO_STATUS_READ_ERROR;
    memcpy(data, r->bytes.data + r->at, length);
    r->at += length;
    return CAIRO_STATUS_SUCCESS;
}

/* A JPEG's pixels are never looked at: its surface is only as large as the file says. */
static cairo_surface_t *image_surface(const BookImage *image, BookImageLook look) {
    if (look.kind == BOOK_PNG) {
        Reading reading = {image->bytes, 0};
        return cairo_image_surface_create_from_png_stream(png_bytes, &reading);
    }
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, look.width, look.height);
    if (cairo_surface_status(surface)) return surface;
    cairo_surface_set_mime_data(surface, CAIRO_MIME_TYPE_JPEG, (const unsigned char *)image->bytes.data,
                                (unsigned long)image->bytes.len, NULL, NULL);
    return surface;
}

/* Into a rectangle: what is of another shape is cut at the edges, never stretched. */
static Err *image_draw(Drawing *d, const Item *item, double x, double y) {
    BookImageLook look = book_image_look(item->image->bytes);
    if (look.kind == BOOK_WEBP)
        FAIL(d->press.c, INVALID, "A WebP picture cannot be printed: it must be a JPEG or a PNG");
    cairo_surface_t *surface = image_surface(item->image, look);
    if (cairo_surface_status(surface)) {
        cairo_surface_destroy(surface);
        FAIL(d->press.c, INVALID, "A picture of the book cannot be read");
    }
    double scale = item->w / look.width;
    if (item->h / look.height > scale) scale = item->h / look.height;
    cairo_save(d->cr);
    cairo_rectangle(d->cr, x, y, item->w, item->h);
    cairo_clip(d->cr);
    cairo_translate(d->cr, x + (item->w - look.width * scale) / 2, y + (item->h - look.height * scale) / 2);
    cairo_scale(d->cr, scale, scale);
    cairo_set_source_surface(d->cr, surface, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(d->cr), CAIRO_FILTER_BEST);
    cairo_paint(d->cr);
    cairo_restore(d->cr);
    cairo_surface_destroy(surface);
    return NULL;
}

/* -- Items ---------------------------------------------------------------------------------------- */

static void code_draw(cairo_t *cr, const Item *item, double x, double y) {
    int side = item->code.side;
    double module = item->w / side;
    colour_set(cr, 0);
    for (int row = 0; row < side; row++) {
        const unsigned char *line = item->code.dark + (ptrdiff_t)row * side;
        for (int from = 0, to; from < side; from = to) { /* neighbours as one bar: no seams */
            to = from + 1;
            while (to < side && (line[to] & 1) == (line[from] & 1)) to++;
            if (line[from] & 1)
                cairo_rectangle(cr, x + from * module, y + row * module, (to - from) * module,
                                module * (row + 1 < side ? 1.02 : 1));
        }
    }
    cairo_fill(cr);
}

/* A text in a tag's attribute: between single quotes. */
static char *quoted(Arena *arena, Str text) {
    Buf b = buf_new(arena, text.len + 8);
    for (ptrdiff_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\'' || text.data[i] == '\\') buf_byte(&b, '\\');
        buf_byte(&b, text.data[i]);
    }
    return str_cstr(arena, buf_str(&b));
}

static void link_begin(Drawing *d, Str link) {
    Arena *a = d->press.c->arena;
    Str tag = link.data[0] == '#' ? strf(a, "dest='%.*s'", S_ARG(str_slice(link, 1, link.len)))
                                  : strf(a, "uri='%s'", quoted(a, link));
    cairo_tag_begin(d->cr, CAIRO_TAG_LINK, str_cstr(a, tag));
}

static Err *item_draw(Drawing *d, const Item *item, double left) {
    cairo_t *cr = d->cr;
    Arena *a = d->press.c->arena;
    double x = BLEED + (item->of_page ? 0 : left) + item->x;
    double y = BLEED + (item->of_page ? 0 : MARGIN_TOP) + item->y;
    Err *err = NULL;
    if (item->name.len) {
        Str tag = strf(a, "name='%.*s' x=%.0f y=%.0f internal", S_ARG(item->name), BLEED, y - 40);
        cairo_tag_begin(cr, CAIRO_TAG_DEST, str_cstr(a, tag));
        cairo_tag_end(cr, CAIRO_TAG_DEST);
    }
    if (item->link.len) link_begin(d, item->link);
    colour_set(cr, item->colour);
    if (item->kind == ITEM_LINE) {
        cairo_move_to(cr, x, y);
        pango_cairo_show_layout_line(cr, item->line);
    } else if (item->kind == ITEM_IMAGE) {
        err = image_draw(d, item, x, y);
    } else if (item->kind == ITEM_CODE) {
        code_draw(cr, item, x, y);
    } else {
        cairo_rectangle(cr, x, y, item->w, item->h);
        cairo_fill(cr);
    }
    if (item->link.len) cairo_tag_end(cr, CAIRO_TAG_LINK);
    return err;
}

/* Above and below the text: the running head, the number. */
static void edges_add(Press *p, Page *page, ptrdiff_t number) {
    if (page->head.len) {
        PangoLayout *head = press_set(p, page->head, (Setting){.size = 10.4, .caps = true, .spacing = 0.6,
                                                               .centred = true, .lines_max = 1});
        press_line_at(p, page, head, 0, 0, -18)->colour = 0x6b625a;
    }
    if (page->folio) {
        PangoLayout *digits = press_set(p, strf(p->c->arena, "%td", number),
                                        (Setting){.size = 10.6, .centred = true});
        press_line_at(p, page, digits, 0, 0, TEXT_HEIGHT + 30);
    }
}

static Err *page_draw(Drawing *d, ptrdiff_t i) {
    Press *p = &d->press;
    Page *page = &p->pages[i];
    ptrdiff_t number = i + 1 - COVER_LEAF;
    bool right = (i % 2 == 0) != p->rtl; /* a book from right to left is bound on the right */
    double left = right ? MARGIN_INNER : MARGIN_OUTER;
    TRY(book_in_time(p->c));
    edges_add(p, page, number);
    Str label = i == 0    ? str_c(p->words->cover)
                : i == 1  ? strf(p->c->arena, "%s 2", p->words->cover)
                          : strf(p->c->arena, "%td", number);
    cairo_pdf_surface_set_page_label(d->surface, str_cstr(p->c->arena, label));
    for (ptrdiff_t k = 0; k < page->count; k++) TRY(item_draw(d, &page->items[k], left));
    cairo_show_page(d->cr);
    return NULL;
}

/* -- The file ------------------------------------------------------------------------------------- */

static void outline(Drawing *d) {
    Press *p = &d->press;
    Arena *a = p->c->arena;
    cairo_pdf_surface_add_outline(d->surface, CAIRO_PDF_OUTLINE_ROOT, p->words->contents,
                                  "dest='contents'", 0);
    for (ptrdiff_t i = 0; i < p->book->chapter_count; i++)
        cairo_pdf_surface_add_outline(d->surface, CAIRO_PDF_OUTLINE_ROOT,
                                      str_cstr(a, book_chapter_title(a, p->book, i)),
                                      str_cstr(a, strf(a, "dest='c%td'", i + 1)), 0);
}

static void about(Drawing *d) {
    Arena *a = d->press.c->arena;
    const Book *book = d->press.book;
    char *made = str_cstr(a, time_str(a, (Time){book->modified_us - book->modified_us % US_PER_SECOND}));
    cairo_pdf_surface_set_metadata(d->surface, CAIRO_PDF_METADATA_TITLE, str_cstr(a, book_title(a, book)));
    Str author = book_line(a, book, book->author, (Str){0});
    if (author.len)
        cairo_pdf_surface_set_metadata(d->surface, CAIRO_PDF_METADATA_AUTHOR, str_cstr(a, author));
    Str subject = book_line(a, book, book->description, (Str){0});
    if (subject.len)
        cairo_pdf_surface_set_metadata(d->surface, CAIRO_PDF_METADATA_SUBJECT, str_cstr(a, subject));
    cairo_pdf_surface_set_metadata(d->surface, CAIRO_PDF_METADATA_CREATOR, "socle lifetales");
    cairo_pdf_surface_set_metadata(d->surface, CAIRO_PDF_METADATA_CREATE_DATE, made);
    cairo_pdf_surface_set_metadata(d->surface, CAIRO_PDF_METADATA_MOD_DATE, made);
}

static Err *drawn(Drawing *d) {
    Ctx *c = d->press.c;
    d->surface = cairo_pdf_surface_create_for_stream(written, &d->out, TRIM_WIDTH + 2 * BLEED,
                                                     TRIM_HEIGHT + 2 * BLEED);
    cairo_pdf_surface_restrict_to_version(d->surface, CAIRO_PDF_VERSION_1_4); /* for book_boxes */
    d->cr = cairo_create(d->surface);
    about(d);
    for (ptrdiff_t i = 0; i < d->press.page_count; i++) TRY(page_draw(d, i));
    outline(d);
    cairo_status_t bad = cairo_status(d->cr);
    cairo_surface_finish(d->surface);
    if (!bad) bad = cairo_surface_status(d->surface);
    if (bad) FAIL(c, INTERNAL, "cairo: %s", cairo_status_to_string(bad));
    return book_boxes(c, &d->out, BLEED, d->press.book->language, d->press.rtl);
}

Err *book_pdf(Ctx *c, const Book *book, Str *out) {
    TRY(book_check(c, book));
    Drawing *d = arena_new_of(c->arena, Drawing);
    d->out = buf_new(c->arena, MIB);
    defer(c, drawing_close, d); /* should memory run out in between */
    press_open(&d->press, c, book);
    Err *err = press_book(&d->press);
    if (!err && d->press.missing > 0)
        log_msg(NULL, LOG_WARN,
                "book: no font here has %lld of its characters, printed as boxes: fonts-noto-core has most "
                "scripts, fonts-noto-cjk Chinese, Japanese and Korean, fonts-symbola signs and emoji",
                (long long)d->press.missing);
    if (!err) err = drawn(d);
    drawing_close(d);
    if (!err) *out = buf_str(&d->out);
    return err;
}

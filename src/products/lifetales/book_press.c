/* SPDX-License-Identifier: Apache-2.0
 * The press: see book_press.h. A layout is set once with every place where a word may be parted, and once
 * more with those alone that its lines needed, so that no soft hyphen is left inside words for who
 * searches or copies from the PDF. */
#include "products/lifetales/book_press.h"

/* What stands behind the families of the settings: letters that they may lack. */
#define FAMILIES                                                                                      \
    "EB Garamond 12,EB Garamond,Amiri,Noto Naskh Arabic,Noto Serif CJK SC,Source Han Serif SC,AR PL UMing CN,"       \
    "WenQuanYi Zen Hei,Droid Sans Fallback,Noto Serif,DejaVu Serif,Symbola,serif"
#define FAMILIES_ARABIC "Amiri,Noto Naskh Arabic,"
#define FAMILIES_WIDE                                                                                 \
    "Noto Serif CJK SC,Source Han Serif SC,AR PL UMing CN,WenQuanYi Zen Hei,Droid Sans Fallback,"

void press_open(Press *p, Ctx *c, const Book *book) {
    *p = (Press){.c = c, .book = book, .words = book_words(book->language)};
    p->rtl = book_rtl(book->language);
    p->wide = book_speaks(book->language, S("zh")) || book_speaks(book->language, S("ja"));
    p->size = p->rtl ? 13.5 : p->wide ? 10.5 : 11.6;
    p->leading = p->rtl ? 21 : p->wide ? 18 : 15.75;
    p->lines = (int)(TEXT_HEIGHT / p->leading + 0.01);
    p->families = strf(c->arena, "%.*s%s%s%s", S_ARG(book->font_serif), book->font_serif.len ? "," : "",
                       p->rtl    ? FAMILIES_ARABIC
                       : p->wide ? FAMILIES_WIDE
                                 : "",
                       FAMILIES);
    p->hyphens = book_hyphens(book->language);
    p->objects = g_ptr_array_new_with_free_func(g_object_unref);
    p->fonts = pango_cairo_font_map_new();
    pango_cairo_font_map_set_resolution(PANGO_CAIRO_FONT_MAP(p->fonts), 72);
    p->context = pango_font_map_create_context(p->fonts);
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    pango_cairo_context_set_font_options(p->context, options);
    cairo_font_options_destroy(options);
    pango_context_set_round_glyph_positions(p->context, FALSE);
    pango_context_set_base_dir(p->context, p->rtl ? PANGO_DIRECTION_RTL : PANGO_DIRECTION_LTR);
    const char *language = book->language.len ? str_cstr(c->arena, book->language) : "en";
    pango_context_set_language(p->context, pango_language_from_string(language));
}

void press_close(Press *p) {
    if (!p->objects) return;
    g_ptr_array_free(p->objects, TRUE);
    g_object_unref(p->context);
    g_object_unref(p->fonts);
    p->objects = NULL;
}

/* -- Text ----------------------------------------------------------------------------------------- */

static void attribute(PangoAttrList *list, PangoAttribute *a, ptrdiff_t from, ptrdiff_t to) {
    if (to >= 0) {
        a->start_index = (guint)from;
        a->end_index = (guint)to;
    }
    pango_attr_list_insert(list, a);
}

/* Of French: the letters of 1er, 2e are raised. */
static void ordinals_raise(const Press *p, PangoAttrList *list, Str text, double size) {
    if (!book_speaks(p->book->language, S("fr"))) return;
    for (ptrdiff_t from = 0, to = 0; book_ordinal_next(text, &from, &to);) {
        attribute(list, pango_attr_rise_new((int)(size * 0.33 * PANGO_SCALE)), from, to);
        attribute(list, pango_attr_scale_new(0.66), from, to);
    }
}

static PangoAttrList *attributes(const Press *p, Str text, Setting s, double size) {
    PangoAttrList *list = pango_attr_list_new();
    const char *features = s.caps     ? "smcp=1,lnum=1,liga=1"
                           : s.lining ? "lnum=1,tnum=1"
                                      : "lnum=1,pnum=1,liga=1,kern=1";
    attribute(list, pango_attr_font_features_new(features), 0, -1);
    if (s.spacing > 0) {
        attribute(list, pango_attr_letter_spacing_new((int)(s.spacing * PANGO_SCALE)), 0, -1);
    }
    if (!s.hyphens) attribute(list, pango_attr_insert_hyphens_new(FALSE), 0, -1);
    ordinals_raise(p, list, text, size);
    return list;
}

static PangoLayout *laid(Press *p, Str text, Setting s) {
    PangoLayout *layout = pango_layout_new(p->context);
    g_ptr_array_add(p->objects, layout);
    double size = s.size > 0 ? s.size : p->size, width = s.width > 0 ? s.width : TEXT_WIDTH;
    PangoFontDescription *font = pango_font_description_new();
    pango_font_description_set_family(font, str_cstr(p->c->arena, p->families));
    pango_font_description_set_absolute_size(font, size * PANGO_SCALE);
    if (s.italic && !p->rtl && !p->wide) pango_font_description_set_style(font, PANGO_STYLE_ITALIC);
    pango_layout_set_font_description(layout, font);
    pango_font_description_free(font);
    pango_layout_set_width(layout, (int)(width * PANGO_SCALE));
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    pango_layout_set_justify(layout, s.justify);
    PangoAlignment edge = p->rtl ? PANGO_ALIGN_RIGHT : PANGO_ALIGN_LEFT; /* of the book's direction */
    pango_layout_set_alignment(layout, s.centred ? PANGO_ALIGN_CENTER : edge);
    pango_layout_set_indent(layout, (int)(s.indent * PANGO_SCALE));
    if (s.lines_max > 0) {
        pango_layout_set_height(layout, -s.lines_max);
        pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_END);
    }
    pango_layout_set_text(layout, text.data, (int)text.len);
    PangoAttrList *list = attributes(p, text, s, size);
    pango_layout_set_attributes(layout, list);
    pango_attr_list_unref(list);
    return layout;
}

/* The text of a layout with the soft hyphens alone at which its lines end. */
static Str parted(Arena *arena, PangoLayout *layout, Str text) {
    Buf b = buf_new(arena, text.len + 1);
    int count = pango_layout_get_line_count(layout);
    ptrdiff_t from = 0;
    for (int i = 0; i < count; i++) {
        const PangoLayoutLine *line = pango_layout_get_line_readonly(layout, i);
        ptrdiff_t to = i + 1 < count ? line->start_index + line->length : text.len;
        bool ends = to - from >= 2 && memcmp(text.data + to - 2, "\xc2\xad", 2) == 0 && i + 1 < count;
        for (ptrdiff_t at = from; at < to; at++) {
            bool soft = at + 1 < to && memcmp(text.data + at, "\xc2\xad", 2) == 0;
            if (soft && !(ends && at == to - 2)) {
                at++;
                continue;
            }
            if (soft) buf_byte(&b, text.data[at++]);
            buf_byte(&b, text.data[at]);
        }
        from = to;
    }
    return buf_str(&b);
}

/* Italics of Garamond have no narrow no-break space; theirs are lines that are not justified. */
static Str italic_text(Arena *arena, Str text) {
    Buf b = buf_new(arena, text.len + 1);
    for (ptrdiff_t at = 0; at < text.len;) {
        int32_t point = str_utf8_next(text, &at);
        book_point(&b, point == 0x202f ? 0xa0 : point);
    }
    return buf_str(&b);
}

PangoLayout *press_set(Press *p, Str text, Setting s) {
    if (s.italic) text = italic_text(p->c->arena, text);
    Str whole = s.hyphens ? book_hyphenate(p->c->arena, p->hyphens, text) : text;
    PangoLayout *layout = laid(p, whole, s);
    if (whole.len != text.len) {
        Str needed = parted(p->c->arena, layout, whole);
        g_ptr_array_remove_fast(p->objects, layout);
        layout = laid(p, needed, s);
    }
    p->missing += pango_layout_get_unknown_glyphs_count(layout);
    return layout;
}

PangoLayout *press_balanced(Press *p, Str text, Setting s) {
    PangoLayout *layout = press_set(p, text, s);
    int count = pango_layout_get_line_count(layout);
    double full = s.width > 0 ? s.width : TEXT_WIDTH, least = full / 2, most = full;
    if (count < 2 || count > 6 || pango_layout_is_ellipsized(layout)) return layout;
    while (most - least > 4) { /* the narrowest that needs no further line */
        double width = (least + most) / 2;
        pango_layout_set_width(layout, (int)(width * PANGO_SCALE));
        if (pango_layout_get_line_count(layout) > count || pango_layout_is_ellipsized(layout))
            least = width;
        else
            most = width;
    }
    pango_layout_set_width(layout, (int)(most * PANGO_SCALE));
    return layout;
}

double press_layout_width(PangoLayout *layout) {
    return (double)pango_layout_get_width(layout) / PANGO_SCALE;
}

double press_width(PangoLayout *layout) {
    PangoRectangle logical;
    pango_layout_get_extents(layout, NULL, &logical);
    return (double)logical.width / PANGO_SCALE;
}

/* -- Pages ---------------------------------------------------------------------------------------- */

Page *press_page(Press *p) {
    if (p->page_count == p->page_cap) {
        ptrdiff_t cap = p->page_cap ? 2 * p->page_cap : 64;
        Page *pages = arena_array(p->c->arena, Page, cap);
        if (p->page_count) memcpy(pages, p->pages, (size_t)p->page_count * sizeof *pages);
        p->pages = pages;
        p->page_cap = cap;
    }
    Page *page = &p->pages[p->page_count++];
    *page = (Page){.folio = true};
    page->head = p->page_count % 2 ? p->head_right : p->head_left;
    p->used = 0;
    return page;
}

Page *press_last(Press *p) {
    assert(p->page_count > 0);
    return &p->pages[p->page_count - 1];
}

Item *press_item(Press *p, Page *page, Item item) {
    if (page->count == page->cap) {
        ptrdiff_t cap = page->cap ? 2 * page->cap : 48;
        Item *items = arena_array(p->c->arena, Item, cap);
        if (page->count) memcpy(items, page->items, (size_t)page->count * sizeof *items);
        page->items = items;
        page->cap = cap;
    }
    page->items[page->count] = item;
    return &page->items[page->count++];
}

int press_left(const Press *p) { return p->page_count ? p->lines - p->used : 0; }

double press_baseline(const Press *p, int line) { return (line + 0.74) * p->leading; }

/* A line's own place from the left: alignment and indent are of the layout. */
static double line_x(PangoLayout *layout, int number) {
    PangoLayoutIter *iter = pango_layout_get_iter(layout);
    PangoRectangle logical;
    for (int i = 0; i < number; i++) pango_layout_iter_next_line(iter);
    pango_layout_iter_get_line_extents(iter, NULL, &logical);
    pango_layout_iter_free(iter);
    return (double)logical.x / PANGO_SCALE;
}

Item *press_line_at(Press *p, Page *page, PangoLayout *layout, int line, double x, double baseline) {
    return press_item(p, page, (Item){.kind = ITEM_LINE,
                                      .x = x + line_x(layout, line),
                                      .y = baseline,
                                      .line = pango_layout_get_line_readonly(layout, line)});
}

void press_lines(Press *p, Page *page, PangoLayout *layout, int from, int to, double x, int at) {
    PangoLayoutIter *iter = pango_layout_get_iter(layout);
    for (int i = 0; i < to; i++) {
        PangoRectangle logical;
        pango_layout_iter_get_line_extents(iter, NULL, &logical);
        if (i >= from)
            press_item(p, page, (Item){.kind = ITEM_LINE,
                                       .x = x + (double)logical.x / PANGO_SCALE,
                                       .y = press_baseline(p, at + i - from),
                                       .line = pango_layout_iter_get_line_readonly(iter)});
        if (!pango_layout_iter_next_line(iter)) break;
    }
    pango_layout_iter_free(iter);
}

/* How many of `rest` lines may stand on what is left of a page; 0: the page is done. */
static int lines_here(const Press *p, int rest) {
    int left = press_left(p), take;
    if (rest <= left) return rest;
    take = rest - left == 1 ? left - 1 : left;
    return take < 2 ? 0 : take;
}

static Err *paragraph_from(Press *p, PangoLayout *layout, int from) {
    int count = pango_layout_get_line_count(layout);
    while (from < count) {
        int take = lines_here(p, count - from);
        if (take == 0) {
            TRY(book_in_time(p->c));
            press_page(p);
            press_pictures_waiting(p);
            continue;
        }
        press_lines(p, press_last(p), layout, from, from + take, 0, p->used);
        p->used += take;
        from += take;
    }
    return NULL;
}

Err *press_paragraph(Press *p, PangoLayout *layout) { return paragraph_from(p, layout, 0); }

/* -- The first letter ------------------------------------------------------------------------------- */

enum { CAP_LINES = 3 };

/* The bytes of the letter that opens a text, if it is one to be made large; 0: none. */
static ptrdiff_t cap_of(Str text) {
    ptrdiff_t to = 0;
    int32_t letter = str_utf8_next(text, &to);
    bool capital = (letter >= 'A' && letter <= 'Z') || (letter >= 0xc0 && letter <= 0xde && letter != 0xd7);
    return capital && text.len > to ? to : 0;
}

static PangoRectangle inked(PangoLayout *layout) {
    PangoRectangle ink;
    pango_layout_line_get_extents(pango_layout_get_line_readonly(layout, 0), &ink, NULL);
    return ink;
}

/* The letter, as tall as its lines; *below: how far it reaches under its baseline (J, Q), which is then
 * raised by as much. */
static PangoLayout *cap_set(Press *p, Str letter, double *below) {
    double small = (double)inked(press_set(p, S("H"), (Setting){0})).height / PANGO_SCALE;
    double height = (CAP_LINES - 1) * p->leading + small, size = p->size * height / small;
    PangoLayout *cap = press_set(p, letter, (Setting){.size = size});
    PangoRectangle ink = inked(cap);
    *below = (double)(ink.y + ink.height) / PANGO_SCALE;
    if (*below < 0.08 * height) {
        *below = 0;
        return cap;
    }
    double scale = height * PANGO_SCALE / ink.height;
    *below *= scale;
    return press_set(p, letter, (Setting){.size = size * scale});
}

Err *press_opening(Press *p, Str text) {
    ptrdiff_t cap = p->rtl || p->wide ? 0 : cap_of(text);
    PangoLayout *plain = press_set(p, text, (Setting){.justify = true, .hyphens = true});
    if (cap == 0 || pango_layout_get_line_count(plain) < CAP_LINES + 1) return press_paragraph(p, plain);
    double below;
    PangoLayout *letter = cap_set(p, str_slice(text, 0, cap), &below);
    double gap = 3 + (text.data[cap] == ' ' ? 2 : 0), shift = press_width(letter) + gap;
    Str rest = str_trim(str_slice(text, cap, text.len));
    Setting beside = {.justify = true, .hyphens = true, .width = TEXT_WIDTH - shift};
    PangoLayout *first = press_set(p, rest, beside);
    if (pango_layout_get_line_count(first) <= CAP_LINES || shift > TEXT_WIDTH / 3)
        return press_paragraph(p, plain);
    if (press_left(p) < CAP_LINES + 1) {
        press_page(p);
        press_pictures_waiting(p);
    }
    Page *page = press_last(p);
    press_line_at(p, page, letter, 0, 0, press_baseline(p, p->used + CAP_LINES - 1) - below);
    press_lines(p, page, first, 0, CAP_LINES, shift, p->used);
    p->used += CAP_LINES;
    /* What is behind the third line, of the text as it was set: its soft hyphen stays on that line. */
    const PangoLayoutLine *next = pango_layout_get_line_readonly(first, CAP_LINES);
    Str set = str_c(pango_layout_get_text(first));
    Str behind = str_copy(p->c->arena, str_trim(str_slice(set, next->start_index, set.len)));
    Buf clean = buf_new(p->c->arena, behind.len);
    for (ptrdiff_t i = 0; i < behind.len; i++) {
        if (i + 1 < behind.len && memcmp(behind.data + i, "\xc2\xad", 2) == 0)
            i++;
        else
            buf_byte(&clean, behind.data[i]);
    }
    return paragraph_from(
        p, press_set(p, buf_str(&clean), (Setting){.justify = true, .hyphens = true}), 0);
}

/* -- Pictures --------------------------------------------------------------------------------------- */

/* Its size on the page: never wider than the text, nor coarser than 110 points of it an inch. */
static void picture_size(const BookImage *image, double height_max, double *w, double *h) {
    BookImageLook look = book_image_look(image->bytes);
    double ratio = (double)look.height / look.width;
    *w = TEXT_WIDTH;
    if (*w > look.width * 72.0 / 110) *w = look.width * 72.0 / 110;
    *h = *w * ratio;
    if (*h > height_max) {
        *h = height_max;
        *w = *h / ratio;
    }
    if (*w < 1) *w = 1;
    if (*h < 0.5) *h = 0.5;
}

enum { CAPTION_LINES_MAX = 4 };
#define CAPTION_SIZE 9.2
#define CAPTION_LEADING 12.0

static void picture_put(Press *p, const BookImage *image, double w, double h, PangoLayout *caption,
                        int lines) {
    Page *page = press_last(p);
    bool first = p->used == 0;
    int count = caption ? pango_layout_get_line_count(caption) : 0;
    /* On the first line of a page it begins where the capitals of text would. */
    double room = lines * p->leading, all = h + (count ? 6 + count * CAPTION_LEADING : 0);
    double y = p->used * p->leading + (first ? 0.1 * p->leading : (room - all) / 2 + 0.1 * p->leading);
    press_item(p, page, (Item){.kind = ITEM_IMAGE, .x = (TEXT_WIDTH - w) / 2, .y = y, .w = w, .h = h,
                               .image = image});
    for (int i = 0; i < count; i++)
        press_line_at(p, page, caption, i, 30, y + h + 6 + (i + 0.7) * CAPTION_LEADING);
    p->used += lines;
}

static Err *picture(Press *p, const BookImage *image, double height_max, bool may_wait) {
    double w, h;
    picture_size(image, height_max, &w, &h);
    Str words = book_line(p->c->arena, p->book, image->caption, (Str){0});
    PangoLayout *caption = NULL;
    if (words.len > 0)
        caption = press_set(p, words, (Setting){.size = CAPTION_SIZE, .italic = true, .centred = true,
                                                .width = TEXT_WIDTH - 60,
                                                .lines_max = CAPTION_LINES_MAX});
    double all = h + (caption ? 6 + pango_layout_get_line_count(caption) * CAPTION_LEADING : 0);
    int lines = (int)(all / p->leading) + 1;
    if ((lines * p->leading - all) < 0.8 * p->leading) lines++;
    if (lines > p->lines) lines = p->lines;
    if (lines > press_left(p)) {
        if (may_wait) {
            p->waiting[p->waiting_count++] = image;
            return NULL;
        }
        press_page(p);
    }
    picture_put(p, image, w, h, caption, lines);
    return NULL;
}

Err *press_picture(Press *p, const BookImage *image, double height_max) {
    return picture(p, image, height_max, p->used > 0);
}

void press_pictures_waiting(Press *p) {
    ptrdiff_t count = p->waiting_count;
    p->waiting_count = 0;
    for (ptrdiff_t i = 0; i < count; i++) {
        Err *err = picture(p, p->waiting[i], 0.6 * TEXT_HEIGHT, false);
        assert(!err);
    }
}

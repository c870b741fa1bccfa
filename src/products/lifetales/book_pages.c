/* SPDX-License-Identifier: Apache-2.0
 * The pages of a book, in order: cover and its back, half title, title page, colophon, contents, chapters.
 * The cover's leaf is not counted in page numbers. Chapters of several pages begin on a page of the right
 * hand, shorter ones on the next page, a book of many very short ones runs on. */
#include "products/lifetales/book_press.h"

enum { COVER_PAGES = 2, ENTRY_LINES_MAX = 3, INK = 0x1d1a17, SOFT = 0x6b625a, PAPER = 0xf5f0e6 };
enum { NIGHT = 0x22304a, CREAM = 0xf3ead8, GOLD = 0xb58a4a };

typedef enum Openings { OPEN_RIGHT, OPEN_PAGE, OPEN_ON } Openings;

/* -- Blocks --------------------------------------------------------------------------------------- */

/* A layout's lines from a height of the trimmed page down; returns where they end. */
static double page_text(Press *p, Page *page, PangoLayout *layout, double x, double y, double leading,
                        uint32_t colour) {
    int count = pango_layout_get_line_count(layout);
    for (int i = 0; i < count; i++) {
        Item *item = press_line_at(p, page, layout, i, x, y + (i + 0.76) * leading);
        item->of_page = true;
        item->colour = colour;
    }
    return y + count * leading;
}

static double centred(Press *p, Page *page, Str text, Setting s, double y, uint32_t colour) {
    if (text.len == 0) return y;
    double size = s.size > 0 ? s.size : p->size;
    s.centred = true;
    if (s.width <= 0) s.width = TRIM_WIDTH - 2 * 62;
    PangoLayout *set = press_balanced(p, text, s);
    return page_text(p, page, set, (TRIM_WIDTH - press_layout_width(set)) / 2, y, size * 1.28, colour);
}

static void fill(Press *p, Page *page, double x, double y, double w, double h, uint32_t colour) {
    press_item(p, page, (Item){.kind = ITEM_FILL, .of_page = true, .x = x, .y = y, .w = w, .h = h,
                               .colour = colour});
}

static Page *page_bare(Press *p) {
    Page *page = press_page(p);
    page->head = (Str){0};
    page->folio = false;
    return page;
}

static Str author(Press *p) { return book_line(p->c->arena, p->book, p->book->author, (Str){0}); }
static Str dates(Press *p) { return book_line(p->c->arena, p->book, p->book->dates, (Str){0}); }

/* A title that is long is set smaller. */
static double title_size(Str title, double most) {
    ptrdiff_t letters = str_utf8_count(title);
    double size = letters <= 24 ? most : letters <= 60 ? most * 0.78 : letters <= 140 ? most * 0.6 : most * 0.45;
    return size;
}

/* -- Cover ---------------------------------------------------------------------------------------- */

static void cover_words(Press *p, Page *page, double top, double height, uint32_t ink, uint32_t line) {
    Str title = book_title(p->c->arena, p->book);
    Setting large = {.size = title_size(title, 34), .lines_max = 5};
    PangoLayout *set = press_set(p, title, (Setting){.size = large.size, .lines_max = 5, .centred = true,
                                                     .width = TRIM_WIDTH - 2 * 62});
    double tall = pango_layout_get_line_count(set) * large.size * 1.28;
    double y = top + (height - tall - 64) / 2;
    y = centred(p, page, title, large, y, ink) + 14;
    fill(p, page, TRIM_WIDTH / 2 - 22, y, 44, 0.9, line);
    y = centred(p, page, author(p), (Setting){.size = 15, .italic = true, .lines_max = 2}, y + 14, ink);
    centred(p, page, dates(p), (Setting){.size = 10.5, .caps = true, .spacing = 0.8, .lines_max = 2}, y + 6,
            ink);
}

static void cover(Press *p) {
    Page *page = page_bare(p);
    const BookImage *image = p->book->cover;
    double wide = TRIM_WIDTH + 2 * BLEED, tall = TRIM_HEIGHT + 2 * BLEED;
    page->items = NULL;
    if (image) {
        BookImageLook look = book_image_look(image->bytes);
        double h = wide * look.height / look.width;
        h = h < 0.46 * tall ? 0.46 * tall : h > 0.68 * tall ? 0.68 * tall : h;
        fill(p, page, -BLEED, -BLEED, wide, tall, PAPER);
        press_item(p, page, (Item){.kind = ITEM_IMAGE, .of_page = true, .x = -BLEED, .y = -BLEED,
                                   .w = wide, .h = h, .image = image});
        cover_words(p, page, h - BLEED, TRIM_HEIGHT - h + BLEED - 14, INK, GOLD);
    } else {
        fill(p, page, -BLEED, -BLEED, wide, tall, NIGHT);
        for (int i = 0; i < 2; i++) { /* a frame of two lines */
            double in = 24 + 5 * i, line = i ? 0.5 : 1.4;
            fill(p, page, in, in, TRIM_WIDTH - 2 * in, line, GOLD);
            fill(p, page, in, TRIM_HEIGHT - in - line, TRIM_WIDTH - 2 * in, line, GOLD);
            fill(p, page, in, in, line, TRIM_HEIGHT - 2 * in, GOLD);
            fill(p, page, TRIM_WIDTH - in - line, in, line, TRIM_HEIGHT - 2 * in, GOLD);
        }
        cover_words(p, page, 40, TRIM_HEIGHT * 0.8, CREAM, GOLD);
    }
    page_bare(p);
}

/* -- Titles --------------------------------------------------------------------------------------- */

static void title_page(Press *p) {
    Str title = book_title(p->c->arena, p->book);
    Str about = book_line(p->c->arena, p->book, p->book->description, (Str){0});
    Page *page = page_bare(p);
    centred(p, page, title, (Setting){.size = title_size(title, 17), .lines_max = 4}, 190, INK);
    page_bare(p);
    page = page_bare(p);
    double y = centred(p, page, author(p), (Setting){.size = 13, .caps = true, .spacing = 1, .lines_max = 2},
                       96, INK);
    y = centred(p, page, title, (Setting){.size = title_size(title, 30), .lines_max = 6}, y + 92, INK) + 16;
    fill(p, page, TRIM_WIDTH / 2 - 18, y, 36, 0.7, SOFT);
    y = centred(p, page, about, (Setting){.size = 11.6, .italic = true, .width = 250, .lines_max = 8},
                y + 18, SOFT);
    centred(p, page, dates(p), (Setting){.size = 10.5, .caps = true, .spacing = 0.8, .lines_max = 2},
            TRIM_HEIGHT - 96, INK);
}

/* The family of the first letters: what the book is really set in. */
static Str family(Press *p) {
    PangoLayout *layout = press_set(p, book_title(p->c->arena, p->book), (Setting){0});
    const PangoLayoutLine *line = pango_layout_get_line_readonly(layout, 0);
    if (!line->runs) return S("?");
    const PangoGlyphItem *run = line->runs->data;
    PangoFontDescription *font = pango_font_describe(run->item->analysis.font);
    Str name = str_copy(p->c->arena, str_c(pango_font_description_get_family(font)));
    pango_font_description_free(font);
    return name;
}

static void colophon(Press *p) {
    Page *page = page_bare(p);
    Arena *a = p->c->arena;
    bool voices = false;
    for (ptrdiff_t i = 0; i < p->book->chapter_count; i++)
        voices = voices || p->book->chapters[i].voice_count > 0;
    Str lines[] = {
        strf(a, "%.*s", S_ARG(book_title(a, p->book))),
        author(p),
        dates(p),
        S(""),
        str_c(p->words->story_of),
        voices ? str_c(p->words->listen_note) : (Str){0},
        S(""),
        strf(a, "%s %.*s.", p->words->composed, S_ARG(family(p))),
        p->book->id.len ? strf(a, "urn:uuid:%.*s", S_ARG(book_clean(a, p->book->id))) : (Str){0},
    };
    double x = p->rtl ? MARGIN_OUTER + 40 : MARGIN_OUTER, heights = 0;
    PangoLayout *set[COUNT(lines)] = {0};
    for (ptrdiff_t i = 0; i < COUNT(lines); i++) {
        if (lines[i].len)
            set[i] = press_set(p, lines[i], (Setting){.size = 9.2, .width = TEXT_WIDTH - 40, .lines_max = 5});
        heights += set[i] ? pango_layout_get_line_count(set[i]) * 13 : lines[i].data ? 9 : 0;
    }
    double y = TRIM_HEIGHT - 72 - heights;
    for (ptrdiff_t i = 0; i < COUNT(lines); i++)
        y = set[i] ? page_text(p, page, set[i], x, y, 13, SOFT) : y + (lines[i].data ? 9 : 0);
}

/* -- Contents ------------------------------------------------------------------------------------- */

typedef struct Contents {
    PangoLayout **entries;
    ptrdiff_t first_page, pages; /* kept for it */
} Contents;
enum { NUMBER_WIDTH = 42, HEADING_LINES = 5 };

static int entry_lines(PangoLayout *entry) { return pango_layout_get_line_count(entry); }

static void contents_keep(Press *p, Contents *t) {
    ptrdiff_t count = p->book->chapter_count;
    int used = HEADING_LINES;
    t->entries = arena_array(p->c->arena, PangoLayout *, count + 1);
    t->first_page = p->page_count;
    t->pages = 1;
    for (ptrdiff_t i = 0; i < count; i++) {
        Str title = book_chapter_title(p->c->arena, p->book, i);
        t->entries[i] = press_set(p, title, (Setting){.width = TEXT_WIDTH - NUMBER_WIDTH, .indent = -14,
                                                      .lines_max = ENTRY_LINES_MAX});
        int lines = entry_lines(t->entries[i]);
        if (used + lines > p->lines) {
            t->pages++;
            used = 0;
        }
        used += lines;
    }
    for (ptrdiff_t i = 0; i < t->pages; i++) page_bare(p);
    if (p->page_count % 2) page_bare(p); /* what follows begins on the right */
}

static void leaders(Press *p, Page *page, double from, double to, double baseline) {
    const double step = 7;
    int first = (int)(from / step) + 1, last = (int)(to / step);
    if (last - first < 2) return;
    PangoLayout *dot = press_set(p, S("."), (Setting){.size = 9, .width = 4});
    for (int i = first; i < last; i++)
        press_line_at(p, page, dot, 0, i * step, baseline)->colour = SOFT;
}

static double line_width(PangoLayout *layout, int number) {
    PangoRectangle logical;
    pango_layout_line_get_extents(pango_layout_get_line_readonly(layout, number), NULL, &logical);
    return (double)logical.width / PANGO_SCALE;
}

static void entry_put(Press *p, Page *page, PangoLayout *entry, ptrdiff_t chapter, ptrdiff_t number, int at) {
    int lines = entry_lines(entry);
    double left = p->rtl ? NUMBER_WIDTH : 0, baseline = press_baseline(p, at + lines - 1);
    Str link = strf(p->c->arena, "#c%td", chapter + 1);
    ptrdiff_t from = page->count;
    press_lines(p, page, entry, 0, lines, left, at);
    PangoLayout *digits = press_set(p, strf(p->c->arena, "%td", number), (Setting){.lining = true});
    double wide = press_width(digits), text = line_width(entry, lines - 1) + (lines > 1 ? 14 : 0);
    /* Digits run from left to right in Arabic too: set from the edge that is theirs. */
    PangoLayout *placed = press_set(p, strf(p->c->arena, "%td", number), (Setting){.lining = true,
                                                                                  .width = wide + 0.5});
    press_line_at(p, page, placed, 0, p->rtl ? 0 : TEXT_WIDTH - wide, baseline);
    for (ptrdiff_t i = from; i < page->count; i++) page->items[i].link = link;
    PangoLayoutLine *last = pango_layout_get_line_readonly(entry, lines - 1);
    bool rtl = pango_layout_line_get_resolved_direction(last) == PANGO_DIRECTION_RTL;
    if (rtl != p->rtl) return; /* a title of the other direction reaches the numbers by itself */
    if (p->rtl)
        leaders(p, page, wide + 8, TEXT_WIDTH - text - 6, baseline);
    else
        leaders(p, page, text + 6, TEXT_WIDTH - wide - 6, baseline);
}

static void contents_put(Press *p, const Contents *t, const ptrdiff_t *numbers) {
    ptrdiff_t at = t->first_page;
    int used = HEADING_LINES;
    Page *page = &p->pages[at];
    PangoLayout *heading =
        press_set(p, str_c(p->words->contents), (Setting){.size = 19, .centred = true});
    press_line_at(p, page, heading, 0, 0, press_baseline(p, 2));
    page->items[0].name = S("contents");
    for (ptrdiff_t i = 0; i < p->book->chapter_count; i++) {
        if (used + entry_lines(t->entries[i]) > p->lines) {
            page = &p->pages[++at];
            used = 0;
        }
        entry_put(p, page, t->entries[i], i, numbers[i] - COVER_PAGES, used);
        used += entry_lines(t->entries[i]);
    }
}

/* -- Chapters ------------------------------------------------------------------------------------- */

static Openings openings(const Press *p) {
    const Book *book = p->book;
    double all = 0;
    for (ptrdiff_t i = 0; i < book->chapter_count; i++)
        all += (double)book->chapters[i].text.len / 2000 + 0.4 * (double)book->chapters[i].image_count +
               0.2 * (double)book->chapters[i].voice_count;
    double each = book->chapter_count ? all / (double)book->chapter_count : 1;
    return each >= 3.5 ? OPEN_RIGHT : each < 0.45 && book->chapter_count >= 8 ? OPEN_ON : OPEN_PAGE;
}

static void heading_full(Press *p, ptrdiff_t chapter) {
    Arena *a = p->c->arena;
    Str title = book_chapter_title(a, p->book, chapter);
    Str date = book_line(a, p->book, p->book->chapters[chapter].date, (Str){0});
    Page *page = press_last(p);
    bool picture = p->book->chapters[chapter].image_count > 0;
    double size = title_size(title, 24), y = (picture ? 1.2 : 4) * p->leading;
    PangoLayout *number = press_set(p, strf(a, "%td", chapter + 1), (Setting){.size = 12.5, .centred = true});
    press_line_at(p, page, number, 0, 0, y + 10)->colour = SOFT;
    page->items[page->count - 1].name = strf(a, "c%td", chapter + 1);
    y += 22;
    PangoLayout *set = press_balanced(p, title, (Setting){.size = size, .centred = true, .lines_max = 6});
    double left = (TEXT_WIDTH - press_layout_width(set)) / 2;
    for (int i = 0; i < pango_layout_get_line_count(set); i++, y += size * 1.25)
        press_line_at(p, page, set, i, left, y + size * 0.9);
    if (date.len) {
        PangoLayout *day = press_set(
            p, date, (Setting){.size = 11.2, .italic = true, .centred = true, .lines_max = 2});
        for (int i = 0; i < pango_layout_get_line_count(day); i++, y += 14)
            press_line_at(p, page, day, i, 0, y + 16)->colour = SOFT;
    }
    p->used = (int)(y / p->leading) + (picture ? 2 : 4);
}

static void heading_short(Press *p, ptrdiff_t chapter) {
    Arena *a = p->c->arena;
    Str title = book_chapter_title(a, p->book, chapter);
    Str date = book_line(a, p->book, p->book->chapters[chapter].date, (Str){0});
    PangoLayout *set = press_balanced(p, title, (Setting){.size = 14.5, .centred = true, .lines_max = 4});
    double left = (TEXT_WIDTH - press_layout_width(set)) / 2;
    PangoLayout *day = date.len ? press_set(p, date, (Setting){.size = 10.2, .italic = true, .centred = true,
                                                               .lines_max = 1})
                                : NULL;
    int count = pango_layout_get_line_count(set), need = count + (day ? 1 : 0) + 1;
    if (press_left(p) < need + 4) press_page(p);
    if (p->used > 0) p->used += 2;
    Page *page = press_last(p);
    ptrdiff_t first = page->count;
    for (int i = 0; i < count; i++)
        press_line_at(p, page, set, i, left, press_baseline(p, p->used + i));
    page->items[first].name = strf(a, "c%td", chapter + 1);
    p->used += count;
    if (day) press_line_at(p, page, day, 0, 0, press_baseline(p, p->used++) - 1)->colour = SOFT;
    if (press_left(p) > 3) p->used++;
}

static Err *texts(Press *p, const BookChapter *chapter) {
    BookText text = book_text(p->c->arena, p->book, chapter->text);
    ptrdiff_t image = 0;
    for (ptrdiff_t i = 0; i <= text.count; i++) {
        while (image < chapter->image_count && book_image_place(chapter, image, text.count) <= i) {
            TRY(press_picture(p, &chapter->images[image], (image == 0 ? 0.48 : 0.6) * TEXT_HEIGHT));
            image++;
        }
        if (i == text.count) break;
        TRY(book_in_time(p->c));
        if (i == 0) {
            TRY(press_opening(p, text.items[0].text));
            continue;
        }
        bool inner = text.items[i].goes_on && !str_starts(text.items[i].text, S("\xe2\x80\x94"));
        Setting s = {.justify = true,
                     .hyphens = true,
                     .indent = inner ? 0 : p->wide ? 2 * p->size : 1.25 * p->size};
        TRY(press_paragraph(p, press_set(p, text.items[i].text, s)));
    }
    while (p->waiting_count > 0) {
        press_page(p);
        press_pictures_waiting(p);
    }
    return NULL;
}

#define CODE_SIDE (19 * POINTS_MM)
enum { CODE_LINES = 5, LABEL_LINES_MAX = 4 };

static Err *voice_put(Press *p, const BookVoice *voice, double x, double width) {
    BookCode code;
    TRY(book_code(p->c, voice->url, &code));
    Page *page = press_last(p);
    double quiet = CODE_SIDE / code.side * 4, height = CODE_LINES * p->leading;
    double y = p->used * p->leading + (height - CODE_SIDE) / 2;
    double left = p->rtl ? x + width - CODE_SIDE - quiet : x + quiet;
    press_item(p, page, (Item){.kind = ITEM_CODE, .x = left, .y = y, .w = CODE_SIDE, .h = CODE_SIDE,
                               .code = code, .link = voice->url});
    double text = width - CODE_SIDE - 2 * quiet - 6, text_x = p->rtl ? x : left + CODE_SIDE + quiet + 4;
    PangoLayout *say = press_set(p, str_c(p->words->listen), (Setting){.size = 10, .caps = true,
                                                                       .width = text, .spacing = 0.3,
                                                                       .lines_max = 2});
    Str label = book_line(p->c->arena, p->book, voice->label, S("…"));
    PangoLayout *set = press_set(p, label, (Setting){.size = 9.6, .italic = true, .width = text,
                                                     .lines_max = LABEL_LINES_MAX});
    int heads = pango_layout_get_line_count(say), lines = heads + pango_layout_get_line_count(set);
    double line_y = p->used * p->leading + (height - lines * 12.5) / 2 + 9.5;
    for (int i = 0; i < lines; i++, line_y += 12.5) {
        Item *item = press_line_at(p, page, i < heads ? say : set, i < heads ? i : i - heads, text_x, line_y);
        item->colour = i < heads ? INK : SOFT;
        item->link = voice->url;
    }
    return NULL;
}

static Err *voices(Press *p, const BookChapter *chapter) {
    bool two = chapter->voice_count > 1;
    double width = two ? (TEXT_WIDTH - 14) / 2 : TEXT_WIDTH;
    for (ptrdiff_t i = 0; i < chapter->voice_count; i++) {
        ptrdiff_t column = two ? i % 2 : 0;
        if (column == 0) {
            if (i == 0 && press_left(p) >= CODE_LINES + 2) {
                double y = (p->used + 1) * p->leading;
                press_item(p, press_last(p), (Item){.kind = ITEM_RULE, .x = TEXT_WIDTH / 2 - 18, .y = y,
                                                    .w = 36, .h = 0.6, .colour = SOFT});
                p->used += 2;
            }
            if (press_left(p) < CODE_LINES) press_page(p);
        }
        bool right = p->rtl ? column == 0 : column == 1;
        TRY(voice_put(p, &chapter->voices[i], two && right ? width + 14 : 0, width));
        if (!two || column == 1 || i + 1 == chapter->voice_count) p->used += CODE_LINES;
    }
    return NULL;
}

static Err *chapter_put(Press *p, ptrdiff_t i, Openings how, ptrdiff_t *number) {
    const BookChapter *chapter = &p->book->chapters[i];
    p->waiting = arena_array(p->c->arena, const BookImage *, chapter->image_count + 1);
    p->waiting_count = 0;
    p->head_right = book_chapter_title(p->c->arena, p->book, i);
    if (how == OPEN_ON && i > 0) {
        heading_short(p, i);
    } else {
        if (how == OPEN_RIGHT && p->page_count % 2) page_bare(p);
        press_page(p)->head = (Str){0};
        if (how == OPEN_ON)
            heading_short(p, i);
        else
            heading_full(p, i);
    }
    *number = p->page_count;
    TRY(texts(p, chapter));
    return voices(p, chapter);
}

Err *press_book(Press *p) {
    Contents contents = {0};
    ptrdiff_t *numbers = arena_array(p->c->arena, ptrdiff_t, p->book->chapter_count + 1);
    Openings how = openings(p);
    cover(p);
    title_page(p);
    colophon(p);
    contents_keep(p, &contents);
    p->head_left = book_title(p->c->arena, p->book);
    for (ptrdiff_t i = 0; i < p->book->chapter_count; i++)
        TRY(chapter_put(p, i, how, &numbers[i]));
    contents_put(p, &contents, numbers);
    return NULL;
}

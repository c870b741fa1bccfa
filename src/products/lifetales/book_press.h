/* SPDX-License-Identifier: Apache-2.0
 * The press: text becomes lines, lines and pictures become places on pages. All is laid out first, then
 * drawn, so that the contents can say the number of a page that comes after them.
 *
 * Lengths are points. A page is counted in lines of one height, so that lines of facing pages stand at
 * the same height. x is from the inner edge of the text's block where a page's binding is on the left;
 * the drawing mirrors the margins. Objects of pango are the press's until press_close. */
#ifndef SOCLE_LIFETALES_BOOK_PRESS_H
#define SOCLE_LIFETALES_BOOK_PRESS_H

#include <pango/pangocairo.h>

#include "products/lifetales/book_room.h"

#define POINTS_MM (72.0 / 25.4)
#define TRIM_WIDTH 432.0  /* 6 in */
#define TRIM_HEIGHT 648.0 /* 9 in */
#define BLEED (3 * POINTS_MM)
#define MARGIN_INNER 60.0
#define MARGIN_OUTER 50.0
#define MARGIN_TOP 64.0
#define TEXT_WIDTH (TRIM_WIDTH - MARGIN_INNER - MARGIN_OUTER)
#define TEXT_HEIGHT 504.0

typedef enum ItemKind { ITEM_LINE, ITEM_IMAGE, ITEM_CODE, ITEM_RULE, ITEM_FILL } ItemKind;
typedef struct Item {
    ItemKind kind;
    bool of_page;       /* x, y from the trimmed page's corner, else from the text's */
    double x, y, w, h;  /* of a line: its left end and its baseline */
    PangoLayoutLine *line;
    const BookImage *image;
    BookCode code;
    uint32_t colour; /* RGB */
    Str link;        /* null, "#name" or an address */
    Str name;        /* null: nobody's destination */
} Item;

typedef struct Page {
    Item *items;
    ptrdiff_t count, cap;
    Str head;    /* null: no running head */
    bool folio;  /* shows its number */
} Page;

typedef struct Press {
    Ctx *c;
    const Book *book;
    const BookWords *words;
    const BookHyphens *hyphens;
    PangoFontMap *fonts;
    PangoContext *context;
    GPtrArray *objects;
    Str families;
    double size, leading; /* of the text */
    int lines;            /* on a page */
    bool rtl, wide;       /* wide: Chinese, Japanese: no spaces between words */
    Page *pages;
    ptrdiff_t page_count, page_cap;
    int used;             /* lines of the last page */
    Str head_left, head_right;
    int64_t missing; /* glyphs that no font had */
    const BookImage **waiting; /* pictures for the top of the next page */
    ptrdiff_t waiting_count;
} Press;

void press_open(Press *p, Ctx *c, const Book *book);
void press_close(Press *p);

/* How a text is set. */
typedef struct Setting {
    double size;          /* 0: the text's */
    bool italic, caps;    /* caps: small ones */
    bool justify, centred, outdent, lining;
    double indent, width; /* width 0: the whole */
    int lines_max;        /* then an ellipsis; 0: all */
    double spacing;       /* between letters */
    bool hyphens;
} Setting;
PangoLayout *press_set(Press *p, Str text, Setting setting);
/* The same, its lines of about one length: for titles. Its width is then less than asked for: place it by
 * press_layout_width. */
PangoLayout *press_balanced(Press *p, Str text, Setting setting);
double press_layout_width(PangoLayout *layout);
double press_width(PangoLayout *layout); /* of what is inked, at most */

Page *press_page(Press *p); /* a new one */
Page *press_last(Press *p);
Item *press_item(Press *p, Page *page, Item item);
int press_left(const Press *p); /* lines left on the last page */
/* Lines [from, to) of a layout, the first on line `at` of the page. */
void press_lines(Press *p, Page *page, PangoLayout *layout, int from, int to, double x, int at);
/* A line at a baseline of its own. */
Item *press_line_at(Press *p, Page *page, PangoLayout *layout, int line, double x, double baseline);
double press_baseline(const Press *p, int line);
/* A paragraph: over pages, never one line of it alone at the foot or the head of one. */
MUST_USE Err *press_paragraph(Press *p, PangoLayout *layout);
/* The same with its first letter over three lines. */
MUST_USE Err *press_opening(Press *p, Str text);
/* A picture here if it has room, else at the head of the next page. */
MUST_USE Err *press_picture(Press *p, const BookImage *image, double height_max);
void press_pictures_waiting(Press *p);

/* book_pages.c: the whole book. */
MUST_USE Err *press_book(Press *p);
/* book_pdf.c draws it. */

#endif

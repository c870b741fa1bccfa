/* SPDX-License-Identifier: Apache-2.0
 * What the files of the book have in common: its words in its language, texts made clean, pictures looked
 * at, codes, a ZIP. Pure: no file here waits. */
#ifndef SOCLE_LIFETALES_BOOK_ROOM_H
#define SOCLE_LIFETALES_BOOK_ROOM_H

#include "products/lifetales/book.h"

/* -- Text (book_words.c, book_type.c) -------------------------------------------------------------- */

bool book_speaks(Str language, Str primary); /* "fr" of fr, fr-CA, FR_fr */
bool book_rtl(Str language);
void book_point(Buf *b, int32_t point); /* as UTF-8 */

/* What the book itself says. */
typedef struct BookWords {
    const char *language, *contents, *cover, *title_page, *colophon, *listen, *listen_note, *story_of;
    const char *composed, *picture, *chapter, *begin;
} BookWords;
const BookWords *book_words(Str language);

/* Valid UTF-8 without controls, characters that are none, or stray ends of lines: what may be printed,
 * and stand in XML. */
Str book_clean(Arena *arena, Str text);
/* A line of it: cleaned, typographed, one line; `otherwise` where nothing is left. */
Str book_line(Arena *arena, const Book *book, Str text, Str otherwise);

typedef struct BookParagraph {
    Str text;     /* cleaned, typographed; one line */
    bool goes_on; /* the line before it is of the same paragraph */
} BookParagraph;
typedef struct BookText {
    BookParagraph *items;
    ptrdiff_t count;
} BookText;
BookText book_text(Arena *arena, const Book *book, Str text);

/* The next ordinal's raised letters behind *to: [*from, *to). Of French texts. */
bool book_ordinal_next(Str text, ptrdiff_t *from, ptrdiff_t *to);

/* Where a picture stands: before paragraph …: the first before all, the others spread through it. */
ptrdiff_t book_image_place(const BookChapter *chapter, ptrdiff_t image, ptrdiff_t paragraphs);

/* Limits, each TOO_LARGE or INVALID with what is too much. Before anything is made. */
enum { BOOK_TEXT_MAX = 3 * 1024 * 1024, BOOK_CHAPTERS_MAX = 2000, BOOK_IMAGES_MAX = 2000 };
MUST_USE Err *book_check(Ctx *c, const Book *book);
/* TIMEOUT when c's time is over. */
MUST_USE Err *book_in_time(Ctx *c);

/* -- Hyphens (book_hyphens.c) ----------------------------------------------------------------------- */

typedef struct BookHyphens BookHyphens;
/* Of a language's patterns, where the machine has them (hyphen-fr, hyphen-en-us, …), kept for good; else
 * NULL, and nothing is parted. From any thread. */
const BookHyphens *book_hyphens(Str language);
/* With soft hyphens (U+00AD) wherever a word may be parted. */
Str book_hyphenate(Arena *arena, const BookHyphens *h, Str text);

/* -- Pictures (book_image.c) ------------------------------------------------------------------------ */

typedef enum BookPicture { BOOK_NO_PICTURE, BOOK_PNG, BOOK_JPEG, BOOK_WEBP } BookPicture;
typedef struct BookImageLook {
    BookPicture kind; /* by its bytes */
    int width, height;
} BookImageLook;
/* BOOK_NO_PICTURE for what is no whole picture of these kinds. */
BookImageLook book_image_look(Str bytes);

typedef struct BookCode {
    int side; /* modules, without the quiet zone */
    const unsigned char *dark; /* side × side: lowest bit */
} BookCode;
/* INVALID for a text too long for a code. In the arena. */
MUST_USE Err *book_code(Ctx *c, Str text, BookCode *out);

/* -- ZIP (book_zip.c) ------------------------------------------------------------------------------- */

/* Of files in memory, without dates: the same files are the same bytes. */
typedef struct BookZip {
    Buf out, directory;
    int count;
} BookZip;
void book_zip_open(BookZip *zip, Arena *arena);
void book_zip_add(BookZip *zip, Str name, Str bytes, bool stored);
Str book_zip_close(BookZip *zip);

/* -- XHTML (book_xhtml.c) --------------------------------------------------------------------------- */

typedef enum BookMarkup { MARKUP_EPUB, MARKUP_HTML } BookMarkup;
typedef struct BookWriter {
    Ctx *c;
    const Book *book;
    const BookWords *words;
    BookMarkup markup;
    Buf *b;
} BookWriter;
void book_escape(Buf *b, Str text); /* & < > " of a cleaned text */
void book_inline(BookWriter *w, Str text); /* escaped, ordinals raised */
MUST_USE Err *book_chapter_body(BookWriter *w, ptrdiff_t chapter);
Str book_title(Arena *arena, const Book *book); /* the same for all formats */
Str book_chapter_title(Arena *arena, const Book *book, ptrdiff_t chapter);
const char *book_image_ending(BookPicture kind);
const char *book_image_type(BookPicture kind);

/* -- PDF (book_boxes.c) ----------------------------------------------------------------------------- */

/* cairo's PDF, each page with trim and bleed box, `bleed` points inside its edge, the catalogue with its
 * language. INTERNAL for bytes that are not as cairo writes them. */
MUST_USE Err *book_boxes(Ctx *c, Buf *pdf, double bleed, Str language, bool rtl);

#endif

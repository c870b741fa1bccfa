/* SPDX-License-Identifier: Apache-2.0
 * Book: a story ready to be printed or read. Pure of the database: what is in it comes as a Book, so that
 * tests make any; book_routes.c gathers it from a space. Takes seconds of processor for a long story: for
 * a thread of offload, with its own arena.
 *
 *   pdf   pages with bleed and trim boxes, fonts embedded, title page, contents, page numbers, pictures at
 *         their full resolution, a QR code to each original voice (cairo, pango, qrencode)
 *   epub  EPUB 3.3, valid for epubcheck: nav, cover, chapters, pictures, alternative texts (libarchive)
 *   html  one page that stands alone: styles and pictures inside, prints well
 *
 * French and English typography (spaces before ; : ! ? », quotes, dashes, hyphenation of the language);
 * Arabic from right to left, Chinese: whatever pango and the fonts of the machine have. */
#ifndef SOCLE_LIFETALES_BOOK_H
#define SOCLE_LIFETALES_BOOK_H

#include "core/err.h"

typedef struct BookImage {
    Str bytes, mime_type; /* PNG, JPEG, WebP */
    Str caption;          /* also its alternative text */
} BookImage;

typedef struct BookVoice {
    Str label, url; /* "Samedi 21 novembre 2026, 18 h 04"; what the QR code leads to */
} BookVoice;

typedef struct BookChapter {
    Str title, text, date; /* paragraphs parted by \n\n */
    const BookImage *images;
    ptrdiff_t image_count;
    const BookVoice *voices;
    ptrdiff_t voice_count;
} BookChapter;

typedef struct Book {
    Str id, title, author, language, description, dates; /* id: the space's UUID */
    const BookImage *cover;                              /* NULL: made of words */
    const BookChapter *chapters;
    ptrdiff_t chapter_count;
    Str font_serif; /* a family, null: what the machine has */
    int64_t modified_us;       /* the same book gives the same bytes */
} Book;

/* INVALID for a picture that cannot be read (its chapter named). */
MUST_USE Err *book_pdf(Ctx *c, const Book *book, Str *out);
MUST_USE Err *book_epub(Ctx *c, const Book *book, Str *out);
MUST_USE Err *book_html(Ctx *c, const Book *book, Str *out);
/* A text with its language's typography; other languages' come back as they are. */
Str book_typography(Arena *arena, Str text, Str language);

#endif

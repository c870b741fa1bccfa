/* SPDX-License-Identifier: Apache-2.0
 * A chapter as XHTML, for the EPUB and for the page that stands alone: the same words in the same order;
 * they differ in where pictures lie and how deep headings are. All texts come escaped and cleaned, so
 * that no text can be markup. */
#include "products/lifetales/book_room.h"

void book_escape(Buf *b, Str text) { buf_html(b, text); }

void book_inline(BookWriter *w, Str text) {
    ptrdiff_t from = 0, to = 0, done = 0;
    while (book_speaks(w->book->language, S("fr")) && book_ordinal_next(text, &from, &to)) {
        book_escape(w->b, str_slice(text, done, from));
        buf_add(w->b, S("<sup>"));
        book_escape(w->b, str_slice(text, from, to));
        buf_add(w->b, S("</sup>"));
        done = to;
    }
    book_escape(w->b, str_slice(text, done, text.len));
}

static void image_write(BookWriter *w, ptrdiff_t chapter, ptrdiff_t i) {
    const BookImage *image = &w->book->chapters[chapter].images[i];
    BookImageLook look = book_image_look(image->bytes);
    Str caption = book_line(w->c->arena, w->book, image->caption, (Str){0});
    Buf *b = w->b;
    buf_add(b, S("<figure><img src=\""));
    if (w->markup == MARKUP_EPUB) {
        buf_f(b, "images/c%td-%td.%s", chapter + 1, i + 1, book_image_ending(look.kind));
    } else {
        buf_f(b, "data:%s;base64,", book_image_type(look.kind));
        buf_add(b, str_base64(w->c->arena, image->bytes));
    }
    buf_add(b, S("\" alt=\""));
    book_escape(b, caption.len ? caption : str_c(w->words->picture));
    if (w->markup == MARKUP_HTML) buf_f(b, "\" width=\"%d\" height=\"%d", look.width, look.height);
    buf_add(b, S("\" />"));
    if (caption.len) {
        buf_add(b, S("<figcaption>"));
        book_inline(w, caption);
        buf_add(b, S("</figcaption>"));
    }
    buf_add(b, S("</figure>\n"));
}

static void code_write(Buf *b, const BookCode *code, const char *says) {
    int all = code->side + 8;
    buf_f(b, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", all,
          all);
    book_escape(b, str_c(says));
    buf_f(b, "\"><rect width=\"%d\" height=\"%d\" fill=\"#fff\"/><path d=\"", all, all);
    for (int row = 0; row < code->side; row++)
        for (int from = 0, to; from < code->side; from = to) {
            const unsigned char *line = code->dark + (ptrdiff_t)row * code->side;
            to = from + 1;
            while (to < code->side && (line[to] & 1) == (line[from] & 1)) to++;
            if (line[from] & 1) buf_f(b, "M%d %dh%dv1h-%dz", from + 4, row + 4, to - from, to - from);
        }
    buf_add(b, S("\"/></svg>"));
}

static bool may_link(Str url) {
    return str_starts(url, S("https://")) || str_starts(url, S("http://"));
}

static Err *voices_write(BookWriter *w, const BookChapter *chapter) {
    if (chapter->voice_count == 0) return NULL;
    buf_add(w->b, S("<aside class=\"voices\">\n"));
    for (ptrdiff_t i = 0; i < chapter->voice_count; i++) {
        const BookVoice *voice = &chapter->voices[i];
        Str url = book_clean(w->c->arena, voice->url);
        BookCode code;
        TRY(book_code(w->c, url, &code));
        bool link = may_link(url);
        buf_add(w->b, S("<p class=\"voice\">"));
        if (link) {
            buf_add(w->b, S("<a href=\""));
            book_escape(w->b, url);
            buf_add(w->b, S("\">"));
        }
        code_write(w->b, &code, w->words->listen);
        buf_f(w->b, "<span class=\"say\">%s</span> <span class=\"label\">", w->words->listen);
        book_inline(w, book_line(w->c->arena, w->book, voice->label, S("…")));
        buf_add(w->b, link ? S("</span></a></p>\n") : S("</span></p>\n"));
    }
    buf_add(w->b, S("</aside>\n"));
    return NULL;
}

static void heading_write(BookWriter *w, ptrdiff_t chapter) {
    Str date = book_line(w->c->arena, w->book, w->book->chapters[chapter].date, (Str){0});
    buf_f(w->b, "<header><p class=\"number\">%td</p>\n<h2>", chapter + 1);
    book_inline(w, book_chapter_title(w->c->arena, w->book, chapter));
    buf_add(w->b, S("</h2>\n"));
    if (date.len) {
        buf_add(w->b, S("<p class=\"date\">"));
        book_inline(w, date);
        buf_add(w->b, S("</p>\n"));
    }
    buf_add(w->b, S("</header>\n"));
}

/* A paragraph is a run of lines of the same one. */
static ptrdiff_t paragraph_write(BookWriter *w, const BookText *text, ptrdiff_t i) {
    buf_add(w->b, i == 0 ? S("<p class=\"first\">") : S("<p>"));
    book_inline(w, text->items[i].text);
    for (i++; i < text->count && text->items[i].goes_on; i++) {
        buf_add(w->b, S("<br/>"));
        book_inline(w, text->items[i].text);
    }
    buf_add(w->b, S("</p>\n"));
    return i;
}

Err *book_chapter_body(BookWriter *w, ptrdiff_t chapter) {
    const BookChapter *it = &w->book->chapters[chapter];
    BookText text = book_text(w->c->arena, w->book, it->text);
    ptrdiff_t image = 0, i = 0;
    TRY(book_in_time(w->c));
    heading_write(w, chapter);
    for (;;) {
        while (image < it->image_count && book_image_place(it, image, text.count) <= i)
            image_write(w, chapter, image++);
        if (i >= text.count) break;
        i = paragraph_write(w, &text, i);
    }
    return voices_write(w, it);
}

/* SPDX-License-Identifier: Apache-2.0
 * HTML: one page that stands alone, without a script or anything from elsewhere: styles and pictures are
 * in it. Printed, each chapter begins on a page of its own. */
#include "products/lifetales/book_room.h"

static const char style[] =
    ":root{color-scheme:light dark;--ink:#1d1a17;--soft:#6b625a;--paper:#fbf8f2;--rule:#b58a4a}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e9e3d8;--soft:#a79e92;--paper:#1b1917}}\n"
    "*{box-sizing:border-box}html{background:var(--paper);color:var(--ink);"
    "font:1.19rem/1.6 'EB Garamond','Iowan Old Style',Palatino,Georgia,'Amiri','Noto Naskh Arabic',"
    "'Noto Serif CJK SC',serif;font-variant-numeric:lining-nums;-webkit-text-size-adjust:100%}\n"
    "body{max-width:35rem;margin:0 auto;padding:0 1.25rem 6rem;overflow-wrap:break-word}\n"
    ".cover{min-height:92vh;display:flex;flex-direction:column;justify-content:center;text-align:center}\n"
    ".cover img{width:100%;max-height:56vh;object-fit:cover;margin:0 0 2.5rem;border-radius:2px}\n"
    "h1{font-size:2.6rem;line-height:1.15;font-weight:500;margin:0 0 1.2rem;text-wrap:balance}\n"
    ".cover hr{width:3rem;border:0;border-top:1px solid var(--rule);margin:0 auto 1.2rem}\n"
    ".author{font-style:italic;font-size:1.3rem;margin:.2rem 0}.dates,.about,.date,.number,figcaption,"
    ".colophon{color:var(--soft)}.about{font-style:italic;max-width:26rem;margin:1.5rem auto 0}\n"
    "nav{margin:0 0 5rem}nav h2{text-align:center}nav ol{list-style:none;padding:0;margin:0}\n"
    "nav li{margin:.35rem 0}nav a{display:flex;gap:1rem;color:inherit;text-decoration:none}\n"
    "nav a:hover span,nav a:focus span{text-decoration:underline}nav i{color:var(--soft);font-style:normal;"
    "min-width:2rem;text-align:end}\n"
    "article{margin:0 0 5rem}header{text-align:center;margin:4rem 0 2.2rem}.number{margin:0;font-size:1.1rem}\n"
    "h2{font-size:1.75rem;line-height:1.25;font-weight:500;margin:.2rem 0 .3rem;text-wrap:balance}\n"
    ".date{font-style:italic;margin:0}article>p{margin:0;text-indent:1.3em;text-align:justify;hyphens:auto;"
    "-webkit-hyphens:auto}article>p.first,figure+p{text-indent:0}\n"
    "sup{font-size:.66em;line-height:0;vertical-align:.45em}\n"
    ":lang(fr) p.first::first-letter,:lang(en) p.first::first-letter,:lang(de) p.first::first-letter,"
    ":lang(es) p.first::first-letter{float:left;font-size:3.35em;line-height:.8;padding:.06em .07em 0 0}\n"
    ":lang(ar){line-height:1.9}:lang(zh) article>p{"
    "text-indent:2em}:lang(ar) em,:lang(zh) em,:lang(ar) .date,:lang(zh) .date,:lang(ar) .about,"
    ":lang(zh) .about,:lang(ar) .author,:lang(zh) .author{font-style:normal}\n"
    "figure{margin:2rem 0;text-align:center}figure img{max-width:100%;max-height:85vh;width:auto;height:auto;"
    "border-radius:2px}figcaption{font-style:italic;font-size:.92rem;margin:.6rem 2rem 0}\n"
    ".voices{margin:2.5rem 0 0;display:grid;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr));"
    "gap:1rem}.voice{margin:0}.voice a{display:flex;gap:.9rem;align-items:center;color:inherit;"
    "text-decoration:none;flex-wrap:wrap}.voice a{display:grid;grid-template-columns:6.2rem 1fr;"
    "column-gap:.9rem;align-content:center}.voice svg{width:6.2rem;height:6.2rem;grid-row:1/3}"
    ".say{font-variant-caps:all-small-caps;letter-spacing:.04em;align-self:end}.label{font-style:italic;"
    "font-size:.95rem;color:var(--soft);align-self:start}.voice a:focus-visible,nav a:focus-visible{outline:"
    "2px solid var(--rule);outline-offset:4px}\n"
    ".colophon{text-align:center;font-size:.95rem}\n"
    "@page{size:6in 9in;margin:20mm 18mm}@media print{:root{--ink:#000;--soft:#444;--paper:#fff}"
    "html{font-size:11.5pt;line-height:1.36}body{max-width:none;padding:0}.cover{min-height:0;height:185mm;"
    "break-after:page}nav{break-after:page}article{break-before:page;margin:0}figure,.voice,header{"
    "break-inside:avoid}h2{break-after:avoid}p{orphans:2;widows:2}figure img{max-height:120mm}"
    "a{color:inherit}}\n";

static void line_write(BookWriter *w, const char *tag, const char *class, Str text) {
    Str line = book_line(w->c->arena, w->book, text, (Str){0});
    if (line.len == 0) return;
    buf_f(w->b, "<%s class=\"%s\">", tag, class);
    book_inline(w, line);
    buf_f(w->b, "</%s>\n", tag);
}

static void cover_write(BookWriter *w) {
    const BookImage *cover = w->book->cover;
    buf_add(w->b, S("<section class=\"cover\">\n"));
    if (cover) {
        BookImageLook look = book_image_look(cover->bytes);
        buf_f(w->b, "<img width=\"%d\" height=\"%d\" alt=\"\" src=\"data:%s;base64,", look.width, look.height,
              book_image_type(look.kind));
        buf_add(w->b, str_base64(w->c->arena, cover->bytes));
        buf_add(w->b, S("\">\n"));
    }
    buf_add(w->b, S("<h1>"));
    book_inline(w, book_title(w->c->arena, w->book));
    buf_add(w->b, S("</h1>\n<hr>\n"));
    line_write(w, "p", "author", w->book->author);
    line_write(w, "p", "dates", w->book->dates);
    line_write(w, "p", "about", w->book->description);
    buf_add(w->b, S("</section>\n"));
}

static void contents_write(BookWriter *w) {
    buf_f(w->b, "<nav aria-label=\"%s\"><h2>%s</h2>\n<ol>\n", w->words->contents, w->words->contents);
    for (ptrdiff_t i = 0; i < w->book->chapter_count; i++) {
        buf_f(w->b, "<li><a href=\"#c%td\"><i>%td</i><span>", i + 1, i + 1);
        book_inline(w, book_chapter_title(w->c->arena, w->book, i));
        buf_add(w->b, S("</span></a></li>\n"));
    }
    buf_add(w->b, S("</ol></nav>\n"));
}

static void head_write(BookWriter *w) {
    Str language = w->book->language.len ? w->book->language : S("en");
    buf_add(w->b, S("<!DOCTYPE html>\n<html lang=\""));
    book_escape(w->b, book_clean(w->c->arena, language));
    buf_f(w->b, "\" dir=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n", book_rtl(language) ? "rtl" : "ltr");
    buf_add(w->b, S("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>"));
    book_escape(w->b, book_title(w->c->arena, w->book));
    buf_add(w->b, S("</title>\n"));
    Str author = book_line(w->c->arena, w->book, w->book->author, (Str){0});
    if (author.len) {
        buf_add(w->b, S("<meta name=\"author\" content=\""));
        book_escape(w->b, author);
        buf_add(w->b, S("\">\n"));
    }
    buf_f(w->b, "<style>\n%s</style>\n</head>\n<body>\n", style);
}

Err *book_html(Ctx *c, const Book *book, Str *out) {
    TRY(book_check(c, book));
    Buf b = buf_new(c->arena, 256 * KIB);
    BookWriter w = {c, book, book_words(book->language), MARKUP_HTML, &b};
    head_write(&w);
    cover_write(&w);
    contents_write(&w);
    buf_add(&b, S("<main>\n"));
    for (ptrdiff_t i = 0; i < book->chapter_count; i++) {
        buf_f(&b, "<article id=\"c%td\">\n", i + 1);
        TRY(book_chapter_body(&w, i));
        buf_add(&b, S("</article>\n"));
    }
    buf_f(&b, "</main>\n<footer class=\"colophon\"><p>%s</p></footer>\n</body>\n</html>\n",
          w.words->story_of);
    *out = buf_str(&b);
    return NULL;
}

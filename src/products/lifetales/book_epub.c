/* SPDX-License-Identifier: Apache-2.0
 * EPUB 3.3: mimetype first and stored, a package with metadata and spine, navigation with landmarks and,
 * for old readers, an NCX, a file a chapter. Valid for epubcheck. The same book gives the same bytes: no
 * clock, no chance.
 *
 *   mimetype · META-INF/container.xml · OEBPS/package.opf nav.xhtml toc.ncx style.css cover.xhtml
 *   title.xhtml chapter-N.xhtml images/… */
#include "core/time.h"
#include "products/lifetales/book_room.h"

#define XHTML_TYPE "application/xhtml+xml"

static const char style[] =
    "@page{margin:5% 6%}body{margin:0;padding:0;line-height:1.45;"
    "font-family:'EB Garamond','Iowan Old Style',Palatino,Georgia,serif;font-variant-numeric:lining-nums}\n"
    "h1,h2{font-weight:normal;text-align:center;line-height:1.2;hyphens:none;-epub-hyphens:none}\n"
    "h1{font-size:2em;margin:25% 0 .8em}h2{font-size:1.5em;margin:.2em 0 .3em;page-break-after:avoid}\n"
    "header{margin:12% 0 2em;text-align:center}.number,.date{margin:0;color:#6b625a}.date{font-style:italic}\n"
    "p{margin:0;text-indent:1.3em;text-align:justify;hyphens:auto;-epub-hyphens:auto;orphans:2;widows:2}\n"
    "p.first,header p,.title p,.voices p,figure+p{text-indent:0}.title{text-align:center}"
    ".title p{text-align:center;margin:.4em 0}.author{font-style:italic;font-size:1.2em}\n"
    ".about{font-style:italic}.small{font-size:.85em;color:#6b625a}"
    "header p{text-align:center}p.first:first-letter{font-size:1.9em;line-height:1}\n"
    "sup{font-size:.66em;line-height:0}figure{margin:1.5em 0;text-align:center;page-break-inside:avoid}\n"
    "figure img{max-width:100%;max-height:75vh}figcaption{font-style:italic;font-size:.88em;margin:.5em 8% 0;"
    "color:#6b625a}\n"
    ".voices{margin:2em 0 0}.voice{margin:0 0 1em;page-break-inside:avoid;text-align:start}"
    ".voice a{color:inherit;text-decoration:none}.voice svg{width:6.5em;height:6.5em;display:block}"
    ".say{font-variant:small-caps}.label{font-style:italic}\n"
    ".cover{margin:0;padding:0;text-align:center}.cover svg{width:100%;height:100vh}"
    "nav ol{list-style:none;padding:0}nav li{margin:.4em 0}nav a{color:inherit;text-decoration:none}\n"
    ":lang(ar),:lang(he),:lang(fa){font-family:Amiri,'Noto Naskh Arabic',serif;line-height:1.8}"
    ":lang(zh) p,:lang(ja) p{text-indent:2em}:lang(ar) p.first:first-letter,:lang(zh) p.first:first-letter{"
    "font-size:1em}\n";

typedef struct Epub {
    Ctx *c;
    const Book *book;
    const BookWords *words;
    BookZip zip;
    Str language, title, author;
} Epub;

static void add(Epub *e, const char *name, const Buf *b) { book_zip_add(&e->zip, str_c(name), buf_str(b), false); }

static void page_begin(Epub *e, Buf *b, Str title, const char *body) {
    buf_add(b, S("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE html>\n"
                 "<html xmlns=\"http://www.w3.org/1999/xhtml\" "
                 "xmlns:epub=\"http://www.idpf.org/2007/ops\" lang=\""));
    book_escape(b, e->language);
    buf_add(b, S("\" xml:lang=\""));
    book_escape(b, e->language);
    buf_f(b, "\" dir=\"%s\">\n<head>\n<title>", book_rtl(e->language) ? "rtl" : "ltr");
    book_escape(b, title);
    buf_f(b, "</title>\n<link rel=\"stylesheet\" type=\"text/css\" href=\"style.css\"/>\n</head>\n%s\n", body);
}
static void page_end(Buf *b) { buf_add(b, S("</body>\n</html>\n")); }

static BookWriter writer(Epub *e, Buf *b) {
    return (BookWriter){e->c, e->book, e->words, MARKUP_EPUB, b};
}

/* -- Cover and title -------------------------------------------------------------------------------- */

/* A cover of words, where there is no picture. */
static Str cover_svg(Epub *e) {
    Buf b = buf_new(e->c->arena, 2048);
    Str rest = e->title;
    int line = 0;
    buf_add(&b, S("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" "
                  "width=\"1200\" height=\"1800\" viewBox=\"0 0 1200 1800\"><rect width=\"1200\" "
                  "height=\"1800\" fill=\"#22304a\"/><rect x=\"60\" y=\"60\" width=\"1080\" "
                  "height=\"1680\" fill=\"none\" stroke=\"#b58a4a\" stroke-width=\"4\"/><g "
                  "fill=\"#f3ead8\" text-anchor=\"middle\" font-family=\"EB Garamond,Georgia,Amiri,serif\" "
                  "font-size=\"92\">"));
    while (rest.len > 0 && line < 7) { /* at spaces, about 20 letters a line */
        ptrdiff_t cut = 0, letters = 0, space = -1;
        while (cut < rest.len && letters < 20) {
            if (rest.data[cut] == ' ') space = cut;
            str_utf8_next(rest, &cut);
            letters++;
        }
        if (cut < rest.len && space > 0) cut = space;
        buf_f(&b, "<text x=\"600\" y=\"%d\">", 560 + 120 * line++);
        book_escape(&b, str_trim(str_slice(rest, 0, cut)));
        buf_add(&b, S("</text>"));
        rest = str_trim(str_slice(rest, cut, rest.len));
    }
    buf_f(&b, "<text x=\"600\" y=\"1560\" font-size=\"54\" font-style=\"italic\">");
    book_escape(&b, str_utf8_cut(e->author, 120));
    buf_add(&b, S("</text></g></svg>\n"));
    return buf_str(&b);
}

static void cover_add(Epub *e) {
    Buf b = buf_new(e->c->arena, 1024);
    const BookImage *cover = e->book->cover;
    BookImageLook look = cover ? book_image_look(cover->bytes) : (BookImageLook){BOOK_NO_PICTURE, 1200, 1800};
    const char *ending = cover ? book_image_ending(look.kind) : "svg";
    page_begin(e, &b, str_c(e->words->cover), "<body class=\"cover\" epub:type=\"cover\">");
    buf_f(&b, "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" "
              "viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", look.width, look.height);
    book_escape(&b, e->title);
    buf_f(&b, "\"><image width=\"%d\" height=\"%d\" xlink:href=\"images/cover.%s\"/></svg>\n", look.width,
          look.height, ending);
    page_end(&b);
    add(e, "OEBPS/cover.xhtml", &b);
    Str name = strf(e->c->arena, "OEBPS/images/cover.%s", ending);
    book_zip_add(&e->zip, name, cover ? cover->bytes : cover_svg(e), cover != NULL);
}

static void line_add(BookWriter *w, const char *class, Str text) {
    Str line = book_line(w->c->arena, w->book, text, (Str){0});
    if (line.len == 0) return;
    buf_f(w->b, "<p class=\"%s\">", class);
    book_inline(w, line);
    buf_add(w->b, S("</p>\n"));
}

static void title_add(Epub *e) {
    Buf b = buf_new(e->c->arena, 2048);
    BookWriter w = writer(e, &b);
    page_begin(e, &b, e->title, "<body epub:type=\"frontmatter\">");
    buf_add(&b, S("<section class=\"title\" epub:type=\"titlepage\">\n<h1>"));
    book_inline(&w, e->title);
    buf_add(&b, S("</h1>\n"));
    line_add(&w, "author", e->book->author);
    line_add(&w, "dates", e->book->dates);
    line_add(&w, "about", e->book->description);
    buf_f(&b, "<p class=\"small\">%s</p>\n</section>\n", e->words->story_of);
    page_end(&b);
    add(e, "OEBPS/title.xhtml", &b);
}

/* -- Chapters --------------------------------------------------------------------------------------- */

static Err *chapter_add(Epub *e, ptrdiff_t i) {
    Arena *a = e->c->arena;
    const BookChapter *chapter = &e->book->chapters[i];
    Buf b = buf_new(a, chapter->text.len + 4096);
    BookWriter w = writer(e, &b);
    page_begin(e, &b, book_chapter_title(a, e->book, i), "<body epub:type=\"bodymatter\">");
    buf_f(&b, "<section id=\"c%td\" epub:type=\"chapter\" role=\"doc-chapter\">\n", i + 1);
    TRY(book_chapter_body(&w, i));
    buf_add(&b, S("</section>\n"));
    page_end(&b);
    add(e, str_cstr(a, strf(a, "OEBPS/chapter-%td.xhtml", i + 1)), &b);
    for (ptrdiff_t k = 0; k < chapter->image_count; k++) {
        const char *ending = book_image_ending(book_image_look(chapter->images[k].bytes).kind);
        Str name = strf(a, "OEBPS/images/c%td-%td.%s", i + 1, k + 1, ending);
        book_zip_add(&e->zip, name, chapter->images[k].bytes, true);
    }
    return NULL;
}

/* -- Package ---------------------------------------------------------------------------------------- */

static void nav_add(Epub *e) {
    Buf b = buf_new(e->c->arena, 4096);
    BookWriter w = writer(e, &b);
    page_begin(e, &b, str_c(e->words->contents), "<body epub:type=\"frontmatter\">");
    buf_f(&b, "<nav epub:type=\"toc\" role=\"doc-toc\" id=\"toc\">\n<h2>%s</h2>\n<ol>\n", e->words->contents);
    if (e->book->chapter_count == 0)
        buf_f(&b, "<li><a href=\"title.xhtml\">%s</a></li>\n", e->words->title_page);
    for (ptrdiff_t i = 0; i < e->book->chapter_count; i++) {
        buf_f(&b, "<li><a href=\"chapter-%td.xhtml\">", i + 1);
        book_inline(&w, book_chapter_title(e->c->arena, e->book, i));
        buf_add(&b, S("</a></li>\n"));
    }
    buf_f(&b,
          "</ol>\n</nav>\n<nav epub:type=\"landmarks\" hidden=\"hidden\">\n<ol>\n"
          "<li><a epub:type=\"cover\" href=\"cover.xhtml\">%s</a></li>\n"
          "<li><a epub:type=\"titlepage\" href=\"title.xhtml\">%s</a></li>\n"
          "<li><a epub:type=\"toc\" href=\"nav.xhtml\">%s</a></li>\n",
          e->words->cover, e->words->title_page, e->words->contents);
    if (e->book->chapter_count > 0)
        buf_f(&b, "<li><a epub:type=\"bodymatter\" href=\"chapter-1.xhtml\">%s</a></li>\n", e->words->begin);
    buf_add(&b, S("</ol>\n</nav>\n"));
    page_end(&b);
    add(e, "OEBPS/nav.xhtml", &b);
}

/* Its id is a UUID; what is none is still a name of its own. */
static Str identifier(Epub *e) {
    Str id = book_line(e->c->arena, e->book, e->book->id, S("00000000-0000-0000-0000-000000000000"));
    return strf(e->c->arena, "%s%.*s", id.len == 36 ? "urn:uuid:" : "urn:socle:book:", S_ARG(id));
}

static void ncx_point(Buf *b, ptrdiff_t order, Str label, Str target) {
    buf_f(b, "<navPoint id=\"n%td\" playOrder=\"%td\"><navLabel><text>", order, order);
    book_escape(b, label);
    buf_f(b, "</text></navLabel><content src=\"%.*s\"/></navPoint>\n", S_ARG(target));
}

static void ncx_add(Epub *e) {
    Buf b = buf_new(e->c->arena, 4096);
    Arena *a = e->c->arena;
    buf_add(&b, S("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ncx "
                  "xmlns=\"http://www.daisy.org/z3986/2005/ncx/\" version=\"2005-1\">\n<head>"
                  "<meta name=\"dtb:uid\" content=\""));
    book_escape(&b, identifier(e));
    buf_add(&b, S("\"/></head>\n<docTitle><text>"));
    book_escape(&b, e->title);
    buf_add(&b, S("</text></docTitle>\n<navMap>\n"));
    ncx_point(&b, 1, str_c(e->words->title_page), S("title.xhtml"));
    for (ptrdiff_t i = 0; i < e->book->chapter_count; i++)
        ncx_point(&b, i + 2, book_chapter_title(a, e->book, i), strf(a, "chapter-%td.xhtml", i + 1));
    buf_add(&b, S("</navMap>\n</ncx>\n"));
    add(e, "OEBPS/toc.ncx", &b);
}

static void element(Buf *b, const char *open, Str text, const char *close) {
    if (text.len == 0) return;
    buf_add(b, str_c(open));
    book_escape(b, text);
    buf_add(b, str_c(close));
}

static void metadata(Epub *e, Buf *b) {
    Arena *a = e->c->arena;
    Str about = book_line(a, e->book, e->book->description, (Str){0});
    Time modified = {e->book->modified_us - e->book->modified_us % US_PER_SECOND};
    bool pictures = e->book->cover != NULL;
    for (ptrdiff_t i = 0; i < e->book->chapter_count; i++)
        pictures = pictures || e->book->chapters[i].image_count > 0;
    buf_add(b, S("<metadata xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\n"));
    element(b, "<dc:identifier id=\"id\">", identifier(e), "</dc:identifier>\n");
    element(b, "<dc:title>", e->title, "</dc:title>\n");
    element(b, "<dc:language>", e->language, "</dc:language>\n");
    element(b, "<dc:creator id=\"author\">", e->author, "</dc:creator>\n");
    element(b, "<dc:description>", about, "</dc:description>\n");
    element(b, "<meta property=\"dcterms:modified\">", time_str(a, modified), "</meta>\n");
    buf_add(b, S("<meta property=\"schema:accessMode\">textual</meta>\n"));
    if (pictures) buf_add(b, S("<meta property=\"schema:accessMode\">visual</meta>\n"));
    buf_add(b, S("<meta property=\"schema:accessModeSufficient\">textual</meta>\n"
                 "<meta property=\"schema:accessibilityFeature\">tableOfContents</meta>\n"
                 "<meta property=\"schema:accessibilityFeature\">alternativeText</meta>\n"
                 "<meta property=\"schema:accessibilityHazard\">none</meta>\n"
                 "<meta name=\"cover\" content=\"cover-image\"/>\n</metadata>\n"));
}

static void manifest_image(Buf *b, const char *id, Str href, const char *type, const char *more) {
    buf_f(b, "<item id=\"%s\" href=\"images/%.*s\" media-type=\"%s\"%s/>\n", id, S_ARG(href), type, more);
}

static void manifest(Epub *e, Buf *b) {
    Arena *a = e->c->arena;
    const Book *book = e->book;
    BookPicture kind = book->cover ? book_image_look(book->cover->bytes).kind : BOOK_NO_PICTURE;
    buf_add(b, S("<manifest>\n<item id=\"nav\" href=\"nav.xhtml\" media-type=\"" XHTML_TYPE
                 "\" properties=\"nav\"/>\n<item id=\"ncx\" href=\"toc.ncx\" "
                 "media-type=\"application/x-dtbncx+xml\"/>\n<item id=\"style\" href=\"style.css\" "
                 "media-type=\"text/css\"/>\n<item id=\"cover\" href=\"cover.xhtml\" media-type=\"" XHTML_TYPE
                 "\" properties=\"svg\"/>\n<item id=\"title\" href=\"title.xhtml\" media-type=\"" XHTML_TYPE
                 "\"/>\n"));
    manifest_image(b, "cover-image", strf(a, "cover.%s", kind ? book_image_ending(kind) : "svg"),
                   kind ? book_image_type(kind) : "image/svg+xml", " properties=\"cover-image\"");
    for (ptrdiff_t i = 0; i < book->chapter_count; i++) {
        buf_f(b, "<item id=\"c%td\" href=\"chapter-%td.xhtml\" media-type=\"" XHTML_TYPE "\"%s/>\n", i + 1,
              i + 1, book->chapters[i].voice_count ? " properties=\"svg\"" : "");
        for (ptrdiff_t k = 0; k < book->chapters[i].image_count; k++) {
            BookPicture image = book_image_look(book->chapters[i].images[k].bytes).kind;
            manifest_image(b, str_cstr(a, strf(a, "i%td-%td", i + 1, k + 1)),
                           strf(a, "c%td-%td.%s", i + 1, k + 1, book_image_ending(image)),
                           book_image_type(image), "");
        }
    }
    buf_add(b, S("</manifest>\n"));
}

static void package_add(Epub *e) {
    Buf b = buf_new(e->c->arena, 16 * KIB);
    buf_add(&b, S("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<package "
                  "xmlns=\"http://www.idpf.org/2007/opf\" version=\"3.0\" unique-identifier=\"id\" "
                  "prefix=\"schema: http://schema.org/\" xml:lang=\""));
    book_escape(&b, e->language);
    buf_add(&b, S("\">\n"));
    metadata(e, &b);
    manifest(e, &b);
    buf_f(&b, "<spine toc=\"ncx\" page-progression-direction=\"%s\">\n<itemref idref=\"cover\"/>\n"
              "<itemref idref=\"title\"/>\n<itemref idref=\"nav\"/>\n", book_rtl(e->language) ? "rtl" : "ltr");
    for (ptrdiff_t i = 0; i < e->book->chapter_count; i++) buf_f(&b, "<itemref idref=\"c%td\"/>\n", i + 1);
    buf_add(&b, S("</spine>\n</package>\n"));
    add(e, "OEBPS/package.opf", &b);
}

/* A tag by BCP 47 as far as its letters go; else "en", which readers take as none better. */
static Str language_of(Ctx *c, const Book *book) {
    Str l = str_copy(c->arena, book->language);
    bool good = l.len >= 2 && l.len <= 35;
    for (ptrdiff_t i = 0; i < l.len; i++) {
        char b = l.data[i];
        good = good && ((b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') ||
                        (i > 1 && ((b >= '0' && b <= '9') || b == '-')));
    }
    return good && l.data[l.len - 1] != '-' ? l : S("en");
}

Err *book_epub(Ctx *c, const Book *book, Str *out) {
    TRY(book_check(c, book));
    Epub e = {.c = c, .book = book, .words = book_words(book->language)};
    e.language = language_of(c, book);
    e.title = book_title(c->arena, book);
    e.author = book_line(c->arena, book, book->author, (Str){0});
    book_zip_open(&e.zip, c->arena);
    book_zip_add(&e.zip, S("mimetype"), S("application/epub+zip"), true);
    book_zip_add(&e.zip, S("META-INF/container.xml"),
                 S("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<container version=\"1.0\" "
                   "xmlns=\"urn:oasis:names:tc:opendocument:xmlns:container\"><rootfiles><rootfile "
                   "full-path=\"OEBPS/package.opf\" media-type=\"application/oebps-package+xml\"/>"
                   "</rootfiles></container>\n"),
                 false);
    package_add(&e);
    nav_add(&e);
    ncx_add(&e);
    book_zip_add(&e.zip, S("OEBPS/style.css"), str_of(style, (ptrdiff_t)sizeof style - 1), false);
    cover_add(&e);
    title_add(&e);
    for (ptrdiff_t i = 0; i < book->chapter_count; i++) TRY(chapter_add(&e, i));
    *out = book_zip_close(&e.zip);
    return NULL;
}

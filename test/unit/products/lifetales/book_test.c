/* SPDX-License-Identifier: Apache-2.0
 * The book: typography that may be done twice, pages with their boxes, an EPUB that its own parsers read,
 * and texts that try to be something else. */
#include <archive.h>
#include <archive_entry.h>
#include <cairo.h>
#include <libxml/parser.h>

#include "core/rand.h"
#include "products/lifetales/book_room.h"
#include "t.h"

/* 8 × 8, red. */
static const unsigned char jpeg[] = {
    // clang-format off
    0xff, 0xd8, 0xff, 0xe0, 0x00, 0x10, 0x4a, 0x46, 0x49, 0x46, 0x00, 0x01, 0x02, 0x00, 0x00, 0x01,
    0x00, 0x01, 0x00, 0x00, 0xff, 0xdb, 0x00, 0x43, 0x00, 0x08, 0x3e, 0x3e, 0x49, 0x3e, 0x49, 0x55,
    0x55, 0x55, 0x55, 0x55, 0x55, 0x64, 0x5d, 0x64, 0x68, 0x68, 0x68, 0x64, 0x64, 0x64, 0x64, 0x68,
    0x68, 0x68, 0x70, 0x70, 0x70, 0x83, 0x83, 0x83, 0x70, 0x70, 0x70, 0x68, 0x68, 0x70, 0x70, 0x7c,
    0x7c, 0x83, 0x83, 0x8f, 0x93, 0x8f, 0x87, 0x87, 0x83, 0x87, 0x93, 0x93, 0x9b, 0x9b, 0x9b, 0xba,
    0xba, 0xb2, 0xb2, 0xd9, 0xd9, 0xe0, 0xff, 0xff, 0xff, 0xff, 0xc4, 0x00, 0x4c, 0x00, 0x01, 0x01,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x06,
    0x01, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x06, 0x07, 0x10, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x11, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xc0, 0x00, 0x11, 0x08, 0x00, 0x08, 0x00, 0x08,
    0x03, 0x01, 0x22, 0x00, 0x02, 0x11, 0x00, 0x03, 0x11, 0x00, 0xff, 0xda, 0x00, 0x0c, 0x03, 0x01,
    0x00, 0x02, 0x11, 0x03, 0x11, 0x00, 0x3f, 0x00, 0x8b, 0x00, 0x51, 0x7f, 0x7f, 0xff, 0xd9,
    // clang-format on
};
static Str jpeg_bytes(void) { return str_of((const char *)jpeg, (ptrdiff_t)sizeof jpeg); }

static cairo_status_t png_write(void *to, const unsigned char *data, unsigned int length) {
    buf_add(to, str_of((const char *)data, (ptrdiff_t)length));
    return CAIRO_STATUS_SUCCESS;
}

static Str png_bytes(Arena *arena, int width, int height) {
    Buf b = buf_new(arena, 1024);
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
    cairo_surface_write_to_png_stream(surface, png_write, &b);
    cairo_surface_destroy(surface);
    return buf_str(&b);
}

static Ctx world(void) { return (Ctx){.arena = arena_new(256 * MIB)}; }
static void world_end(Ctx *c) {
    ctx_undo(c, NULL);
    arena_free(c->arena);
}

/* -- Typography ------------------------------------------------------------------------------------ */

#define NB "\xc2\xa0"
#define NN "\xe2\x80\xaf"

typedef struct Typed {
    const char *in, *out;
} Typed;

static const Typed french[] = {
    {"Bonjour !", "Bonjour" NN "!"},
    {"Bonjour!", "Bonjour" NN "!"},
    {"Quoi ?! Vraiment??", "Quoi" NN "?! Vraiment" NN "??"},
    {"Un ; deux: trois", "Un" NN "; deux" NB ": trois"},
    {"Il dit: \"Viens\".", "Il dit" NB ": «" NB "Viens" NB "»."},
    {"« Oui », dit-elle", "«" NB "Oui" NB "», dit-elle"},
    {"«Oui»", "«" NB "Oui" NB "»"},
    {"l'eau d'aujourd'hui", "l’eau d’aujourd’hui"},
    {"- Tu viens ?\n- Oui.", "—" NB "Tu viens" NN "?\n—" NB "Oui."},
    {"lui - presque - rien", "lui – presque – rien"},
    {"entre 1914--1918", "entre 1914–1918"},
    {"Alors...", "Alors…"},
    {"Alors....", "Alors...."},
    {"Il est 18:04 ; 3:2 et 1,5", "Il est 18:04" NN "; 3:2 et 1,5"},
    {"M. Dupont et Mme Duval", "M." NB "Dupont et Mme" NB "Duval"},
    {"n° 5", "n°" NB "5"},
    {"Voir https://a.example/b?c=d!e:f;g \"ici\"", "Voir https://a.example/b?c=d!e:f;g «" NB "ici" NB "»"},
    {"www.a.fr/l'eau et jean.d'o@a.fr", "www.a.fr/l'eau et jean.d'o@a.fr"},
    {"un \" seul", "un \" seul"},
    {":-) ;-) (!)", ":-) ;-) (!)"},
    {"&amp; &lt;", "&amp; &lt;"},
    {"a-t-il dix-huit ans", "a-t-il dix-huit ans"},
    {"", ""},
    {"!", "!"},
    {" ", " "},
    {"Fin !»", "Fin" NN "!" NB "»"},
    {"🙂!", "🙂" NN "!"},
};
static const Typed english[] = {
    {"\"Yes,\" he said.", "“Yes,” he said."},
    {"It's John's 'house'", "It’s John’s ‘house’"},
    {"'Tis '60s rock 'n' roll", "’Tis ’60s rock ’n’ roll"},
    {"one - two", "one – two"},
    {"one--two", "one—two"},
    {"Wait...", "Wait…"},
    {"Really? Yes! At 18:04; ok: go", "Really? Yes! At 18:04; ok: go"},
    {"see http://x.org/'a'\"b\"", "see http://x.org/'a'\"b\""},
    {"(\"so\")", "(“so”)"},
};

static void table_check(const Typed *rows, ptrdiff_t count, Str language) {
    Arena *arena = arena_new(MIB);
    for (ptrdiff_t i = 0; i < count; i++) {
        Str once = book_typography(arena, str_c(rows[i].in), language);
        CHECK_STR(once, str_c(rows[i].out));
        CHECK_STR(book_typography(arena, once, language), once);
    }
    arena_free(arena);
}

TEST(french_and_english_have_their_signs) {
    table_check(french, COUNT(french), S("fr"));
    table_check(english, COUNT(english), S("en-GB"));
}

TEST(other_languages_stay_as_they_are) {
    Arena *arena = arena_new(MIB);
    const Str same[] = {S("قالت: \"نعم!\" - ثم..."), S("他说：\"是！\"..."), S("Er sagte: \"Ja!\"")};
    const Str languages[] = {S("ar"), S("zh-Hans"), S("de")};
    for (ptrdiff_t i = 0; i < COUNT(same); i++)
        CHECK_STR(book_typography(arena, same[i], languages[i]), same[i]);
    CHECK_STR(book_typography(arena, S("a ..."), S("frisian")), S("a ..."));
    arena_free(arena);
}

TEST(done_twice_is_done_once_for_any_text) {
    static const char *const bits[] = {"\"", "'", " ", "!", "?", ";", ":", "-", "--", "...", ".", "«", "»",
                                       NB, NN, "a", "É", "7", "\n", "(", ")", "mot", "https://a.b/c", "&amp;",
                                       "\n\n", "…", "—", "M.", "Dupont", ",", "&"};
    Rand r = {7};
    for (int round = 0; round < 20000; round++) {
        Arena *arena = arena_new(MIB);
        Buf b = buf_new(arena, 256);
        for (int i = 0; i < 12; i++) buf_add(&b, str_c(bits[rand_next(&r) % COUNT(bits)]));
        Str language = round % 2 ? S("fr") : S("en"), once = book_typography(arena, buf_str(&b), language);
        Str twice = book_typography(arena, once, language);
        bool same = str_eq(once, twice) && str_utf8_valid(once);
        if (!CHECK(same)) printf("    of  [%.*s]\n    is  [%.*s]\n    and [%.*s]\n", S_ARG(buf_str(&b)), S_ARG(once), S_ARG(twice));
        arena_free(arena);
        if (!same) return;
    }
}

TEST(ordinals_are_found_and_nothing_else) {
    static const char text[] = "Le 1er et la 1re, le 2e, le XIXe siècle ; 12er, 3re, 1erx, Ae, CIVe, été 2e";
    const char *const found[] = {"er", "re", "e", "e", "e", "e"};
    ptrdiff_t from = 0, to = 0, count = 0;
    while (book_ordinal_next(str_c(text), &from, &to)) {
        REQUIRE(count < COUNT(found));
        CHECK_STR(str_of(text + from, to - from), str_c(found[count++]));
    }
    CHECK_INT(count, COUNT(found));
}

TEST(words_are_parted_where_their_language_says) {
    Arena *arena = arena_new(MIB);
    const BookHyphens *h = book_hyphens(S("fr"));
    if (!h) {
        arena_free(arena);
        SKIP("no patterns of French (hyphen-fr)");
    }
    Str out = book_hyphenate(arena, h, S("promenade https://promenade.example/promenade Mer"));
    CHECK(str_find(out, S("pro\xc2\xadme\xc2\xadnade ")) == 0);
    CHECK(str_ends(out, S("https://promenade.example/promenade Mer")));
    arena_free(arena);
}

TEST(what_no_page_can_hold_is_left_out) {
    Arena *arena = arena_new(MIB);
    CHECK_STR(book_clean(arena, S("a\x01\x02\x7f\xc2\x85"
                                  "b\r\nc\rd")),
              S("a\nb\nc\nd"));
    CHECK_STR(book_clean(arena, S("x\xed\xa0\x80y\xff\xfez")), S("x\xef\xbf\xbdy\xef\xbf\xbdz"));
    CHECK_STR(book_clean(arena, S("\xe2\x80\xaetxt\xef\xbf\xbe")), S("txt\xef\xbf\xbd"));
    CHECK_STR(book_clean(arena, S("👨‍👩‍👧 🇫🇷")), S("👨‍👩‍👧 🇫🇷"));
    arena_free(arena);
}

/* -- Pictures ---------------------------------------------------------------------------------------- */

TEST(a_picture_that_is_cut_off_is_none) {
    Arena *arena = arena_new(MIB);
    Str png = png_bytes(arena, 30, 20);
    BookImageLook look = book_image_look(png), photo = book_image_look(jpeg_bytes());
    CHECK(look.kind == BOOK_PNG && look.width == 30 && look.height == 20);
    CHECK(photo.kind == BOOK_JPEG && photo.width == 8 && photo.height == 8);
    for (ptrdiff_t i = 0; i < png.len; i++) /* in memory of its own length, for the sanitizer */
        CHECK(book_image_look(str_copy(arena, str_slice(png, 0, i))).kind == BOOK_NO_PICTURE);
    for (ptrdiff_t i = 0; i < jpeg_bytes().len; i++)
        CHECK(book_image_look(str_copy(arena, str_slice(jpeg_bytes(), 0, i))).kind == BOOK_NO_PICTURE);
    arena_free(arena);
}

/* -- Books ------------------------------------------------------------------------------------------- */

typedef struct Shelf {
    Ctx c;
    BookImage images[2];
    BookVoice voices[3];
    BookChapter chapters[3];
    Book book;
} Shelf;

static void shelf_fill(Shelf *s, const char *text) {
    s->c = world();
    s->images[0] = (BookImage){png_bytes(s->c.arena, 60, 40), S("image/png"), S("La mer \"calme\" !")};
    s->images[1] = (BookImage){jpeg_bytes(), S("image/jpeg"), S("")};
    for (int i = 0; i < 3; i++)
        s->voices[i] = (BookVoice){S("samedi 21 novembre 2026, 18 h 04"), S("https://a.example/v/abcdefghijklmnop")};
    s->chapters[0] = (BookChapter){.title = S("Le départ"), .text = str_c(text), .date = S("lundi 1er mai 2023"),
                                   .images = s->images, .image_count = 2, .voices = s->voices, .voice_count = 3};
    s->chapters[1] = (BookChapter){.title = S(""), .text = S("Une ligne.")};
    s->chapters[2] = (BookChapter){.title = S("Fin"), .text = S("")};
    s->book = (Book){.id = S("5b8f0c6e-1111-4222-8333-944445555666"), .title = S("Les vacances"),
                     .author = S("A. Dupont"), .language = S("fr"), .description = S("Un été."),
                     .chapters = s->chapters, .chapter_count = 3, .modified_us = 1700000000000000};
}

static const char story[] =
    "Nous sommes partis à l’aube, avec les valises et le chien. La route longeait la mer pendant des "
    "heures, et maman chantait; personne ne parlait. Arrivés là-bas, nous avons couru vers l’eau.\n\n"
    "- Tu viens?\n- J'arrive!\n\nLe soir, \"tout\" était calme: 18:04.";

static int count_of(Str text, Str word) {
    int count = 0;
    for (ptrdiff_t at; (at = str_find(text, word)) >= 0; count++) text = str_slice(text, at + word.len, text.len);
    return count;
}

TEST(each_page_of_a_pdf_has_its_boxes) {
    Shelf s;
    Str pdf = {0};
    shelf_fill(&s, story);
    REQUIRE(!book_pdf(&s.c, &s.book, &pdf));
    int trims = count_of(pdf, S("/TrimBox [ 8.5039 8.5039 440.5039 656.5039 ]"));
    CHECK(trims >= 9);
    CHECK_INT(count_of(pdf, S("/BleedBox [ 0 0 449.007")), trims);
    CHECK_INT(count_of(pdf, S("/Type /Page ")), 2 * trims); /* once as cairo wrote it, once with boxes */
    CHECK(str_starts(pdf, S("%PDF-1.4")) && str_ends(pdf, S("%%EOF\n")));
    CHECK(str_find(pdf, S("/Lang (fr)")) > 0);
    CHECK(str_find(pdf, S("/URI (https://a.example/v/abcdefghijklmnop)")) > 0);
    CHECK(str_find(pdf, jpeg_bytes()) > 0); /* as it was given */
    world_end(&s.c);
}

TEST(the_same_book_has_the_same_bytes) {
    Err *(*const forms[])(Ctx *, const Book *, Str *) = {book_pdf, book_epub, book_html};
    for (int i = 0; i < 3; i++) {
        Shelf a, b;
        Str one = {0}, two = {0};
        shelf_fill(&a, story);
        shelf_fill(&b, story);
        REQUIRE(!forms[i](&a.c, &a.book, &one) && !forms[i](&b.c, &b.book, &two));
        CHECK(one.len > 1000 && str_eq(one, two));
        world_end(&a.c);
        world_end(&b.c);
    }
}

TEST(a_picture_that_cannot_be_read_names_its_chapter) {
    Err *(*const forms[])(Ctx *, const Book *, Str *) = {book_pdf, book_epub, book_html};
    for (int i = 0; i < 3; i++) {
        Shelf s;
        Str out;
        shelf_fill(&s, story);
        s.images[1].bytes = str_slice(jpeg_bytes(), 0, 100);
        Err *err = forms[i](&s.c, &s.book, &out);
        REQUIRE(err != NULL);
        CHECK_INT(err->kind, ERR_INVALID);
        CHECK(str_find(err->detail, S("chapter 1")) > 0);
        world_end(&s.c);
    }
}

TEST(a_book_that_takes_too_long_or_has_too_much_is_refused) {
    Shelf s;
    Str out;
    shelf_fill(&s, story);
    s.c.deadline_us = 1;
    Err *err = book_pdf(&s.c, &s.book, &out);
    CHECK(err && err->kind == ERR_TIMEOUT);
    s.c.deadline_us = 0;
    char *much = arena_bytes(s.c.arena, BOOK_TEXT_MAX + 1);
    memset(much, 'a', BOOK_TEXT_MAX + 1);
    s.chapters[1].text = str_of(much, BOOK_TEXT_MAX + 1);
    err = book_pdf(&s.c, &s.book, &out);
    CHECK(err && err->kind == ERR_TOO_LARGE);
    world_end(&s.c);
}

/* true: the arena was full. */
static bool ran_out(const Book *book, Arena *own, Str *out) {
    Ctx c = {.arena = own};
    jmp_buf full;
    volatile bool over = true;
    arena_on_full(own, &full);
    if (!setjmp(full)) {
        CHECK(!book_pdf(&c, book, out));
        over = false;
    }
    arena_on_full(own, NULL);
    ctx_undo(&c, NULL);
    return over;
}

TEST(memory_that_runs_out_leaves_nothing_behind) { /* the sanitizer sees what is left */
    int outs = 0, books = 0;
    for (ptrdiff_t kib = 64; kib <= 8192; kib *= 2) {
        Shelf s;
        Str out = {0};
        shelf_fill(&s, story);
        Arena *own = arena_new(kib * KIB);
        if (ran_out(&s.book, own, &out))
            outs++;
        else
            books += out.len > 0;
        arena_free(own);
        world_end(&s.c);
    }
    CHECK(outs > 0 && books > 0);
}

/* -- What an EPUB holds --------------------------------------------------------------------------------- */

typedef struct Inside {
    Str names[64], bytes[64];
    int count;
} Inside;

static void unpack(Arena *arena, Str epub, Inside *in) {
    struct archive *a = archive_read_new();
    struct archive_entry *entry;
    archive_read_support_format_zip(a);
    CHECK_INT(archive_read_open_memory(a, epub.data, (size_t)epub.len), ARCHIVE_OK);
    while (in->count < 64 && archive_read_next_header(a, &entry) == ARCHIVE_OK) {
        Buf b = buf_new(arena, 4096);
        for (la_ssize_t n = 1; n > 0;) {
            n = archive_read_data(a, buf_reserve(&b, 4096), 4096);
            CHECK(n >= 0);
            if (n > 0) b.len += n;
        }
        in->names[in->count] = str_copy(arena, str_c(archive_entry_pathname(entry)));
        in->bytes[in->count++] = buf_str(&b);
    }
    archive_read_free(a);
}

static void well_formed(Str name, Str xml) {
    xmlDocPtr document = xmlReadMemory(xml.data, (int)xml.len, "x", NULL, XML_PARSE_NONET | XML_PARSE_NOERROR);
    if (!CHECK(document != NULL)) printf("    %.*s\n", S_ARG(name));
    xmlFreeDoc(document);
}

static Str inside_find(const Inside *in, Str name) {
    for (int i = 0; i < in->count; i++)
        if (str_eq(in->names[i], name)) return in->bytes[i];
    return (Str){0};
}

TEST(texts_that_try_to_be_markup_stay_text) {
    static const char hostile[] = "<script>alert(1)</script> ]]> &amp; <!-- --> \"'><img src=x onerror=1>\n\n"
                                  "\x01\x08\xed\xa0\x80\xff {{x}} ${y} \xe2\x80\xae evil";
    Shelf s;
    Str epub = {0}, html = {0}, pdf = {0};
    Inside in = {0};
    shelf_fill(&s, hostile);
    s.book.title = s.book.author = s.book.description = s.chapters[0].title = str_c(hostile);
    s.book.id = s.book.dates = s.images[0].caption = s.voices[0].label = s.chapters[0].date = str_c(hostile);
    s.voices[1].url = S("javascript:alert('1')\")");
    REQUIRE(!book_epub(&s.c, &s.book, &epub) && !book_html(&s.c, &s.book, &html) &&
            !book_pdf(&s.c, &s.book, &pdf));
    unpack(s.c.arena, epub, &in);
    CHECK_INT(in.count, 14);
    for (int i = 0; i < in.count; i++)
        if (str_ends(in.names[i], S("ml")) || str_ends(in.names[i], S(".opf")) || str_ends(in.names[i], S(".svg")) ||
            str_ends(in.names[i], S(".ncx")))
            well_formed(in.names[i], in.bytes[i]);
    CHECK(str_find(html, S("<script")) < 0 && str_find(html, S("<img src=x")) < 0);
    CHECK(str_find(html, S("href=\"javascript")) < 0);
    CHECK(str_find(html, S("&lt;script&gt;alert(1)&lt;/script&gt;")) > 0);
    CHECK(str_utf8_valid(html));
    world_end(&s.c);
}

TEST(an_epub_begins_with_its_type) {
    Shelf s;
    Str epub = {0};
    Inside in = {0};
    shelf_fill(&s, story);
    s.book.language = S("ar");
    REQUIRE(!book_epub(&s.c, &s.book, &epub));
    /* Local head: 30 bytes, stored, no extra field. */
    CHECK_STR(str_slice(epub, 30, 58), S("mimetypeapplication/epub+zip"));
    CHECK(epub.data[8] == 0 && epub.data[28] == 0 && epub.data[29] == 0);
    unpack(s.c.arena, epub, &in);
    Str package = inside_find(&in, S("OEBPS/package.opf"));
    CHECK(str_find(package, S("page-progression-direction=\"rtl\"")) > 0);
    CHECK(str_find(package, S("urn:uuid:5b8f0c6e-1111-4222-8333-944445555666")) > 0);
    CHECK(str_find(package, S("properties=\"nav\"")) > 0 && str_find(package, S("properties=\"cover-image\"")) > 0);
    CHECK(str_find(inside_find(&in, S("OEBPS/nav.xhtml")), S("epub:type=\"landmarks\"")) > 0);
    CHECK(str_find(inside_find(&in, S("OEBPS/chapter-1.xhtml")), S("dir=\"rtl\"")) > 0);
    CHECK_STR(inside_find(&in, S("OEBPS/images/c1-2.jpg")), jpeg_bytes());
    world_end(&s.c);
}

TEST(books_of_any_length_are_made) {
    Shelf s;
    Str pdf = {0};
    shelf_fill(&s, story);
    BookChapter *many = arena_array(s.c.arena, BookChapter, 300);
    for (int i = 0; i < 300; i++) many[i] = s.chapters[i % 2];
    for (int i = 0; i < 300; i++) many[i].voice_count = many[i].image_count = 0;
    s.book.chapters = many;
    s.book.chapter_count = 300;
    REQUIRE(!book_pdf(&s.c, &s.book, &pdf));
    CHECK(str_find(pdf, S("/Count -301\n")) > 0); /* the outline: contents and chapters */
    s.book.chapter_count = 0;
    s.book.title = S("");
    REQUIRE(!book_pdf(&s.c, &s.book, &pdf));
    char *word = arena_bytes(s.c.arena, 100000);
    memset(word, 'w', 100000);
    s.chapters[0].text = str_of(word, 100000);
    s.book.chapters = s.chapters;
    s.book.chapter_count = 2;
    REQUIRE(!book_pdf(&s.c, &s.book, &pdf));
    CHECK(count_of(pdf, S("/TrimBox")) > 30);
    world_end(&s.c);
}

T_MAIN(T_ROW(french_and_english_have_their_signs), T_ROW(other_languages_stay_as_they_are),
       T_ROW(done_twice_is_done_once_for_any_text), T_ROW(ordinals_are_found_and_nothing_else),
       T_ROW(words_are_parted_where_their_language_says), T_ROW(what_no_page_can_hold_is_left_out),
       T_ROW(a_picture_that_is_cut_off_is_none), T_ROW(each_page_of_a_pdf_has_its_boxes),
       T_ROW(the_same_book_has_the_same_bytes), T_ROW(a_picture_that_cannot_be_read_names_its_chapter),
       T_ROW(a_book_that_takes_too_long_or_has_too_much_is_refused),
       T_ROW(memory_that_runs_out_leaves_nothing_behind), T_ROW(texts_that_try_to_be_markup_stay_text),
       T_ROW(an_epub_begins_with_its_type), T_ROW(books_of_any_length_are_made))

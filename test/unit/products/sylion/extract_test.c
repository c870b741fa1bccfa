/* SPDX-License-Identifier: Apache-2.0
 * Extraction: files made here, as hostile and as ordinary as they come. PDFs are read by a process and
 * tested over HTTP (test_sylion_documents.py); what becomes of its text is tested here. */
#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>

#include "products/sylion/extract.h"
#include "t.h"

typedef struct Got {
    Arena *arena;
    Extraction x;
} Got;

static Got read_as(FileType type, Str bytes, const char *name) {
    Got g = {.arena = arena_new(EXTRACT_BUDGET)};
    g.x = (Extraction){.arena = g.arena, .type = type};
    extract_bytes(&g.x, bytes, str_c(name));
    return g;
}

static Str text_of(const Got *g, ptrdiff_t i) {
    const Block *b = &g->x.blocks[i];
    return i < g->x.count ? str_slice(buf_str(&g->x.text), b->from, b->to) : S("(none)");
}

static Str heading_of(const Got *g, ptrdiff_t i) {
    return i < g->x.count ? g->x.blocks[i].heading : S("(none)");
}

static bool has(Str text, const char *what) { return str_find(text, str_c(what)) >= 0; }

/* -- Zips ------------------------------------------------------------------------------------------ */

typedef struct Zip {
    char *bytes;
    size_t used;
    struct archive *a;
} Zip;
enum { ZIP_ROOM = 4 * 1024 * 1024 };

static Zip zip_begin(void) {
    Zip z = {malloc(ZIP_ROOM), 0, archive_write_new()};
    archive_write_set_format_zip(z.a);
    return z;
}

static void zip_open(Zip *z) { archive_write_open_memory(z->a, z->bytes, ZIP_ROOM, &z->used); }

static void zip_add(Zip *z, const char *name, Str bytes) {
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_size(entry, bytes.len);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0600);
    archive_write_header(z->a, entry);
    archive_write_data(z->a, bytes.data, (size_t)bytes.len);
    archive_entry_free(entry);
}

static Str zip_end(Zip *z) {
    archive_write_close(z->a);
    archive_write_free(z->a);
    return str_of(z->bytes, (ptrdiff_t)z->used);
}

#define W "xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\""

static Str docx_of(Zip *z, const char *body) {
    static char document[256 * 1024];
    int len =
        snprintf(document, sizeof document,
                 "<?xml version=\"1.0\"?><w:document " W "><w:body>%s</w:body></w:document>", body);
    *z = zip_begin();
    zip_open(z);
    zip_add(z, "[Content_Types].xml", S("<Types/>"));
    zip_add(
        z, "word/styles.xml",
        S("<w:styles " W "><w:style w:styleId=\"Titre1\"><w:name w:val=\"heading 1\"/></w:style>"
          "<w:style w:styleId=\"Mine\"><w:name w:val=\"Mine\"/><w:pPr><w:outlineLvl w:val=\"1\"/>"
          "</w:pPr></w:style></w:styles>"));
    zip_add(z, "word/document.xml", str_of(document, len));
    return zip_end(z);
}

/* -- Types ----------------------------------------------------------------------------------------- */

TEST(the_type_is_found_by_content) {
    Str why;
    CHECK_INT(file_type(S("%PDF-1.4\n"), S("a.docx"), S("text/plain"), &why), FILE_PDF);
    CHECK_INT(file_type(S("junk\n%PDF-1.4\n"), S("a"), (Str){0}, &why), FILE_PDF);
    CHECK_INT(file_type(S("PK\3\4abc"), S("a.pdf"), (Str){0}, &why), FILE_ZIP);
    CHECK_INT(file_type(S("  <!DOCTYPE html><p>x"), S("a.txt"), (Str){0}, &why), FILE_HTML);
    CHECK_INT(file_type(S("<!-- x --><HTML>"), S("a"), (Str){0}, &why), FILE_HTML);
    CHECK_INT(file_type(S("# Title"), S("a.md"), (Str){0}, &why), FILE_MARKDOWN);
    CHECK_INT(file_type(S("a,b\n1,2"), S("a.csv"), (Str){0}, &why), FILE_CSV);
    CHECK_INT(file_type(S("a,b\n1,2"), S("a"), S("text/csv; charset=utf-8"), &why), FILE_CSV);
    CHECK_INT(file_type(S("just words"), S("a.pdf"), S("application/pdf"), &why), FILE_TEXT);
    CHECK_INT(file_type(S("\xFF\xFEh\0i\0"), S("a"), (Str){0}, &why), FILE_TEXT);
}

TEST(what_cannot_be_read_is_named) {
    Str why;
    CHECK_INT(file_type(S("\x89PNG\r\n"), S("a.pdf"), (Str){0}, &why), FILE_UNKNOWN);
    CHECK_STR(why, S("a picture"));
    CHECK_INT(file_type(S("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"), S("a.docx"), (Str){0}, &why),
              FILE_UNKNOWN);
    CHECK(has(why, "encrypted"));
    CHECK_INT(file_type(S("ab\0cd"), S("a.txt"), (Str){0}, &why), FILE_UNKNOWN);
    CHECK(has(why, "not text"));
}

TEST(a_wrong_ending_is_told) {
    Got g = read_as(FILE_HTML, S("<html><p>Hello"), "report.pdf");
    CHECK_STR(g.x.note, S("Its name says a PDF, but it is HTML and was read so."));
    CHECK(str_is_null(g.x.failure));
    arena_free(g.arena);
    g = read_as(FILE_TEXT, S("Hello"), "notes.txt");
    CHECK(str_is_null(g.x.note));
    arena_free(g.arena);
}

/* -- Text ------------------------------------------------------------------------------------------ */

TEST(text_is_read_in_utf8_utf16_and_latin1) {
    Got g = read_as(FILE_TEXT,
                    S("\xEF\xBB\xBF"
                      "Déjà  vu\r\nici\n\n\n  Plus tard  "),
                    "a.txt");
    CHECK_INT(g.x.count, 2);
    CHECK_STR(text_of(&g, 0), S("Déjà vu\nici"));
    CHECK_STR(text_of(&g, 1), S("Plus tard"));
    arena_free(g.arena);
    g = read_as(FILE_TEXT,
                S("\xFF\xFE"
                  "d\0\xE9\0j\0\xE0\0=\xD8\x00\xDE"),
                "a.txt");
    CHECK_STR(text_of(&g, 0), S("déjà\xF0\x9F\x98\x80"));
    arena_free(g.arena);
    g = read_as(FILE_TEXT, S("\xFE\xFF\0d\0\xE9"), "a.txt");
    CHECK_STR(text_of(&g, 0), S("dé"));
    arena_free(g.arena);
    g = read_as(FILE_TEXT, S("d\xE9j\xE0 \x80"), "a.txt");
    CHECK_STR(text_of(&g, 0), S("déjà €"));
    arena_free(g.arena);
}

TEST(nothing_to_read_is_a_failure_with_a_reason) {
    Got g = read_as(FILE_TEXT, S(" \n\t\n "), "a.txt");
    CHECK_STR(g.x.failure, S("There is no text in it."));
    arena_free(g.arena);
    g = read_as(FILE_TEXT, S("a\1\2\3\4\5b"), "a.txt");
    CHECK_STR(g.x.failure, S("It is not text."));
    arena_free(g.arena);
}

TEST(a_text_over_the_limit_is_refused) {
    ptrdiff_t len = EXTRACT_TEXT_MAX + 10;
    char *bytes = malloc((size_t)len);
    for (ptrdiff_t i = 0; i < len; i++) bytes[i] = i % 6 == 5 ? ' ' : 'a';
    Got g = read_as(FILE_TEXT, str_of(bytes, len), "a.txt");
    CHECK(has(g.x.failure, "more text than can be read"));
    arena_free(g.arena);
    free(bytes);
}

/* -- CSV ------------------------------------------------------------------------------------------- */

TEST(each_row_of_csv_is_a_text_with_its_columns) {
    Got g = read_as(
        FILE_CSV, S("Produit;Prix;Note\r\n\"Thé \"\"vert\"\"\";4,50;\"bon;\ndoux\"\r\nCafé;3;\r\n"),
        "a.csv");
    CHECK_INT(g.x.count, 2);
    CHECK_STR(text_of(&g, 0), S("Produit: Thé \"vert\"\nPrix: 4,50\nNote: bon;\ndoux"));
    CHECK_STR(text_of(&g, 1), S("Produit: Café\nPrix: 3"));
    CHECK(g.x.blocks[0].apart);
    arena_free(g.arena);
    g = read_as(FILE_CSV, S("a\tb\n1\t2"), "a.tsv");
    CHECK_STR(text_of(&g, 0), S("a: 1\nb: 2"));
    arena_free(g.arena);
    g = read_as(FILE_CSV, S("only,one,row"), "a.csv");
    CHECK_STR(text_of(&g, 0), S("only\none\nrow"));
    arena_free(g.arena);
}

TEST(csv_with_an_open_quote_is_refused_with_its_row) {
    Got g = read_as(FILE_CSV, S("a,b\n1,2\n\"x,3\n4,5\n"), "a.csv");
    CHECK_STR(g.x.failure, S("The quotes that open in row 3 do not close."));
    arena_free(g.arena);
}

/* -- HTML and Markdown ----------------------------------------------------------------------------- */

TEST(html_keeps_its_text_and_headings_and_nothing_else) {
    Got g = read_as(FILE_HTML,
                    S("<html><head><title>T</title><style>p{}</style></head><body><nav>Menu</nav>"
                      "<h1>Guide</h1><p>One &amp; <b>two</b>.<script>alert(1)</script></p>"
                      "<h2>Prices</h2><table><tr><th>Tea</th><td>4&nbsp;€</td></tr></table>"
                      "<p hidden>secret</p><ul><li>a<li>b</ul>line<br>break</body></html>"),
                    "a.html");
    CHECK_STR(text_of(&g, 0), S("One & two."));
    CHECK_STR(heading_of(&g, 0), S("Guide"));
    CHECK_STR(text_of(&g, 1), S("Tea | 4\xC2\xA0€"));
    CHECK_STR(heading_of(&g, 1), S("Guide › Prices"));
    CHECK_STR(text_of(&g, 2), S("a"));
    CHECK_STR(text_of(&g, 4), S("line\nbreak"));
    Str all = buf_str(&g.x.text);
    CHECK(!has(all, "alert") && !has(all, "Menu") && !has(all, "secret") && !has(all, "p{}"));
    arena_free(g.arena);
}

TEST(html_reads_its_own_encoding) {
    Got g = read_as(FILE_HTML, S("<html><meta charset=\"iso-8859-1\"><p>d\xE9j\xE0"), "a.html");
    CHECK_STR(text_of(&g, 0), S("déjà"));
    arena_free(g.arena);
    g = read_as(FILE_HTML, S("<html><meta charset=\"iso-8859-1\"><p>déjà"), "a.html");
    CHECK_STR(text_of(&g, 0), S("déjà"));
    arena_free(g.arena);
    g = read_as(FILE_HTML, S("<html><meta charset=\"no-such-thing\"><p>d\xE9j\xE0"), "a.html");
    CHECK_STR(text_of(&g, 0), S("déjà"));
    arena_free(g.arena);
}

TEST(markdown_reads_headings_and_html_between) {
    Got g = read_as(FILE_MARKDOWN,
                    S("---\ntitle: x\n---\n# Fiche n°4\n\nUn *simple* `serveur`.\n\nSuite\n----\n\n"
                      "<details><summary>Plus</summary>\n\n* [GitLab](https://x.test/) offre\n\n"
                      "</details>\n"),
                    "a.md");
    CHECK_STR(text_of(&g, 0), S("Un simple serveur."));
    CHECK_STR(heading_of(&g, 0), S("Fiche n°4"));
    CHECK_STR(text_of(&g, 1), S("Plus"));
    CHECK_STR(heading_of(&g, 1), S("Fiche n°4 › Suite"));
    CHECK_STR(text_of(&g, 2), S("GitLab offre"));
    arena_free(g.arena);
}

TEST(html_nested_without_end_is_survived) {
    ptrdiff_t n = 100000;
    char *bytes = malloc((size_t)n * 5 + 32);
    ptrdiff_t len = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        memcpy(bytes + len, "<div>", 5);
        len += 5;
    }
    Got g = read_as(FILE_HTML, str_of(bytes, len), "a.html");
    CHECK(!str_is_null(g.x.failure));
    arena_free(g.arena);
    free(bytes);
}

/* -- Office ---------------------------------------------------------------------------------------- */

TEST(docx_reads_styles_tables_pages_and_leaves_out_what_was_deleted) {
    Zip z;
    Str bytes = docx_of(
        &z,
        "<w:p><w:pPr><w:pStyle w:val=\"Titre1\"/></w:pPr><w:r><w:t>Tarifs</w:t></w:r></w:p>"
        "<w:p><w:pPr><w:pStyle w:val=\"Mine\"/></w:pPr><w:r><w:t>Thé</w:t></w:r></w:p>"
        "<w:p><w:r><w:t xml:space=\"preserve\">Un thé </w:t></w:r><w:r><w:t>coûte 4 €.</w:t></w:r>"
        "<w:del><w:r><w:delText>5</w:delText></w:r></w:del>"
        "<w:r><w:instrText>PAGE</w:instrText></w:r></w:p>"
        "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>b</w:t>"
        "</w:r></w:p></w:tc></w:tr></w:tbl>"
        "<w:p><w:r><w:lastRenderedPageBreak/><w:t>Page deux</w:t></w:r></w:p>");
    Got g = read_as(FILE_ZIP, bytes, "a.docx");
    CHECK_INT(g.x.type, FILE_DOCX);
    CHECK_STR(text_of(&g, 0), S("Un thé coûte 4 €."));
    CHECK_STR(heading_of(&g, 0), S("Tarifs › Thé"));
    CHECK_STR(text_of(&g, 1), S("a | b"));
    CHECK_STR(text_of(&g, 2), S("Page deux"));
    CHECK_INT(g.x.blocks[2].page, 2);
    CHECK_INT(g.x.pages, 2);
    arena_free(g.arena);
    free(z.bytes);
}

TEST(odt_reads_headings_notes_and_spaces) {
    Zip z = zip_begin();
    zip_open(&z);
    zip_add(&z, "mimetype", S("application/vnd.oasis.opendocument.text"));
    zip_add(
        &z, "content.xml",
        S("<o xmlns:text=\"t\" xmlns:table=\"b\"><text:tracked-changes><text:p>gone</text:p>"
          "</text:tracked-changes><text:h text:outline-level=\"1\">Intro</text:h>"
          "<text:p>Un<text:s text:c=\"2\"/>mot<text:note><text:note-citation>1"
          "</text:note-citation><text:note-body><text:p>En bas</text:p></text:note-body>"
          "</text:note> ici.</text:p><text:p/><table:table-row><table:table-cell><text:p>x</text:p>"
          "</table:table-cell><table:table-cell><text:p>y</text:p></table:table-cell>"
          "</table:table-row></o>"));
    Got g = read_as(FILE_ZIP, zip_end(&z), "a.odt");
    CHECK_INT(g.x.type, FILE_ODT);
    CHECK_STR(text_of(&g, 0), S("Un mot ici."));
    CHECK_STR(heading_of(&g, 0), S("Intro"));
    CHECK_STR(text_of(&g, 1), S("En bas"));
    CHECK_STR(text_of(&g, 2), S("x | y"));
    CHECK_INT(g.x.count, 3);
    arena_free(g.arena);
    free(z.bytes);
}

TEST(a_zip_bomb_is_refused) {
    Zip z = zip_begin();
    zip_open(&z);
    ptrdiff_t len = 40 * 1024 * 1024;
    char *bytes = calloc(1, (size_t)len);
    zip_add(&z, "word/document.xml", str_of(bytes, len));
    free(bytes);
    Got g = read_as(FILE_ZIP, zip_end(&z), "a.docx");
    CHECK(has(g.x.failure, "unpacked it would be"));
    arena_free(g.arena);
    free(z.bytes);
}

TEST(entities_are_refused) {
    Zip z = zip_begin();
    zip_open(&z);
    zip_add(&z, "word/document.xml",
            S("<!DOCTYPE x [<!ENTITY a \"aaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]>"
              "<w:document " W "><w:p><w:r><w:t>&b;</w:t></w:r></w:p></w:document>"));
    Got g = read_as(FILE_ZIP, zip_end(&z), "a.docx");
    CHECK(has(g.x.failure, "declares entities"));
    arena_free(g.arena);
    free(z.bytes);
}

TEST(archives_that_are_no_document_say_what_they_are) {
    Zip z = zip_begin();
    zip_open(&z);
    zip_add(&z, "xl/workbook.xml", S("<x/>"));
    Got g = read_as(FILE_ZIP, zip_end(&z), "a.xlsx");
    CHECK(has(g.x.failure, "Excel"));
    arena_free(g.arena);
    free(z.bytes);
    z = zip_begin();
    zip_open(&z);
    zip_add(&z, "a.txt", S("x"));
    g = read_as(FILE_ZIP, zip_end(&z), "a.docx");
    CHECK(has(g.x.failure, "zip archive"));
    arena_free(g.arena);
    free(z.bytes);
    g = read_as(FILE_ZIP, S("PK\3\4 cut short"), "a.docx");
    CHECK(has(g.x.failure, "damaged"));
    arena_free(g.arena);
}

TEST(a_docx_cut_at_any_byte_fails_with_a_reason) {
    Zip z;
    Str bytes = docx_of(&z, "<w:p><w:r><w:t>Words that stay.</w:t></w:r></w:p>");
    for (ptrdiff_t cut = 4; cut < bytes.len; cut += 7) {
        Got g = read_as(FILE_ZIP, str_slice(bytes, 0, cut), "a.docx");
        CHECK(!str_is_null(g.x.failure) || g.x.count > 0);
        arena_free(g.arena);
    }
    free(z.bytes);
}

/* -- The text of a PDF ----------------------------------------------------------------------------- */

TEST(pages_lose_their_running_heads_and_contents) {
    Got g =
        read_as(FILE_PDF,
                S("My report\n\nIntro........... 3\nLine one\nline two\n\nNext paragraph\n\n1/4\f"
                  "My report\n\nSecond page.\n\n2/4\fMy report\n\nThird.\n\n3/4\f"
                  "My report\n\nFourth.\n\n4/4\f"),
                "a.pdf");
    CHECK_INT(g.x.pages, 4);
    CHECK_STR(text_of(&g, 0), S("Line one line two"));
    CHECK_STR(text_of(&g, 1), S("Next paragraph"));
    CHECK_STR(text_of(&g, 2), S("Second page."));
    CHECK_INT(g.x.blocks[2].page, 2);
    CHECK_INT(g.x.count, 5);
    arena_free(g.arena);
}

TEST(pages_without_letters_have_no_text_layer) {
    Got g = read_as(FILE_PDF, S("\f\f\f"), "a.pdf");
    CHECK(has(g.x.failure, "no text layer"));
    CHECK_INT(g.x.pages, 3);
    arena_free(g.arena);
}

T_MAIN(T_ROW(the_type_is_found_by_content), T_ROW(what_cannot_be_read_is_named),
       T_ROW(a_wrong_ending_is_told), T_ROW(text_is_read_in_utf8_utf16_and_latin1),
       T_ROW(nothing_to_read_is_a_failure_with_a_reason), T_ROW(a_text_over_the_limit_is_refused),
       T_ROW(each_row_of_csv_is_a_text_with_its_columns),
       T_ROW(csv_with_an_open_quote_is_refused_with_its_row),
       T_ROW(html_keeps_its_text_and_headings_and_nothing_else), T_ROW(html_reads_its_own_encoding),
       T_ROW(markdown_reads_headings_and_html_between), T_ROW(html_nested_without_end_is_survived),
       T_ROW(docx_reads_styles_tables_pages_and_leaves_out_what_was_deleted),
       T_ROW(odt_reads_headings_notes_and_spaces), T_ROW(a_zip_bomb_is_refused),
       T_ROW(entities_are_refused), T_ROW(archives_that_are_no_document_say_what_they_are),
       T_ROW(a_docx_cut_at_any_byte_fails_with_a_reason),
       T_ROW(pages_lose_their_running_heads_and_contents),
       T_ROW(pages_without_letters_have_no_text_layer))

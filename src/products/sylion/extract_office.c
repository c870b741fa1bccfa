/* SPDX-License-Identifier: Apache-2.0
 * DOCX (ECMA-376) and OpenDocument text (ISO 26300): XML in a zip. Of the zip only the few files with
 * text are expanded, each to a limit in bytes and in ratio; of the XML nothing is resolved, and a
 * document type refuses the file. Pages are where the word processor last broke them. */
#include <archive.h>
#include <archive_entry.h>
#include <libxml/xmlreader.h>

#include "products/sylion/extract.h"

enum { ENTRIES_MAX = 20000, RATIO_FROM = 1048576, STYLES_MAX = 2000, XML_DEPTH_MAX = 200 };

/* -- XML ------------------------------------------------------------------------------------------- */

typedef struct Xml {
    Extraction *x;
    xmlTextReaderPtr reader;
    const char *file;
} Xml;

static void reader_free(void *held) { xmlFreeTextReader(held); }
static void quiet(void *arg, const char *message, xmlParserSeverities severity,
                  xmlTextReaderLocatorPtr locator) {
    (void)arg;
    (void)message;
    (void)severity;
    (void)locator;
}

static bool xml_begin(Xml *r, Extraction *x, Str bytes, const char *file) {
    *r = (Xml){.x = x, .file = file};
    if (bytes.len > EXTRACT_MEMBER_MAX) return false;
    r->reader = xmlReaderForMemory(bytes.data, (int)bytes.len, NULL, NULL,
                                   XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_COMPACT |
                                       XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (!r->reader) return false;
    xmlTextReaderSetErrorHandler(r->reader, quiet, NULL);
    x->held = r->reader;
    x->release = reader_free;
    return true;
}

static void xml_end(Xml *r) {
    if (r->reader) xmlFreeTextReader(r->reader);
    r->x->held = NULL;
    r->reader = NULL;
}

/* The next node's type; 0 at the end, and for what is broken (a failure then). */
static int xml_step(Xml *r) {
    if (r->x->full) return 0;
    int more = xmlTextReaderRead(r->reader);
    if (more < 0) extract_fail(r->x, "The file is damaged: its %s is not well-formed.", r->file);
    if (more <= 0) return 0;
    int type = xmlTextReaderNodeType(r->reader);
    if (type == XML_READER_TYPE_DOCUMENT_TYPE || type == XML_READER_TYPE_ENTITY_REFERENCE) {
        extract_fail(r->x, "The file is refused: its %s declares entities.", r->file);
        return 0;
    }
    if (xmlTextReaderDepth(r->reader) > XML_DEPTH_MAX) {
        extract_fail(r->x, "The file is refused: its %s is nested too deeply.", r->file);
        return 0;
    }
    return type;
}

static Str xml_name(const Xml *r) {
    return str_c((const char *)xmlTextReaderConstLocalName(r->reader));
}

static bool xml_is(const Xml *r, const char *name) { return str_eq(xml_name(r), str_c(name)); }

/* Of the present element, whatever its prefix; null without. */
static Str xml_attribute(Xml *r, const char *name) {
    Str value = {0};
    if (xmlTextReaderMoveToFirstAttribute(r->reader) != 1) return value;
    do {
        if (xml_is(r, name))
            value = str_copy(r->x->arena, str_c((const char *)xmlTextReaderConstValue(r->reader)));
    } while (value.data == NULL && xmlTextReaderMoveToNextAttribute(r->reader) == 1);
    xmlTextReaderMoveToElement(r->reader);
    return value;
}

/* Behind the end of the present element. */
static void xml_skip(Xml *r) {
    int depth = xmlTextReaderDepth(r->reader);
    if (xmlTextReaderIsEmptyElement(r->reader)) return;
    while (xml_step(r) != 0)
        if (xmlTextReaderDepth(r->reader) <= depth) return;
}

static bool is_text(int type) {
    return type == XML_READER_TYPE_TEXT || type == XML_READER_TYPE_CDATA ||
           type == XML_READER_TYPE_SIGNIFICANT_WHITESPACE || type == XML_READER_TYPE_WHITESPACE;
}

/* -- DOCX ------------------------------------------------------------------------------------------ */

typedef struct Style {
    Str id;
    int level;
} Style;
typedef struct Docx {
    Xml r;
    Style *styles;
    ptrdiff_t style_count;
    Buf text;     /* of the paragraph, or of the table's row */
    int level;    /* of the paragraph's style: a heading; 0: none */
    int rows;     /* how deep in rows of tables */
    bool in_text; /* in w:t */
} Docx;

/* "heading 2", "Heading2", "Titre2": the level; 0: no heading. */
static int heading_named(Str name) {
    static const Str words[] = {S_INIT("heading"), S_INIT("titre")};
    for (ptrdiff_t i = 0; i < COUNT(words); i++) {
        int64_t level;
        if (!str_eq_nocase(str_slice(name, 0, words[i].len), words[i])) continue;
        if (str_to_i64(str_trim(str_slice(name, words[i].len, name.len)), &level) && level >= 1 &&
            level <= 9)
            return (int)level;
    }
    return str_eq_nocase(name, S("title")) ? 1 : 0;
}

/* Which styles are headings, by their names or levels in the outline. */
static void styles_read(Docx *d, Str bytes) {
    Xml *r = &d->r;
    Extraction *x = r->x;
    d->styles = arena_array(x->arena, Style, STYLES_MAX);
    if (bytes.len == 0 || !xml_begin(r, x, bytes, "styles.xml")) return;
    Style *now = NULL;
    for (int type; (type = xml_step(r)) != 0;) {
        if (type != XML_READER_TYPE_ELEMENT) continue;
        if (xml_is(r, "style") && d->style_count < STYLES_MAX) {
            now = &d->styles[d->style_count++];
            now->id = xml_attribute(r, "styleId");
        } else if (now && xml_is(r, "name") && now->level == 0) {
            now->level = heading_named(xml_attribute(r, "val"));
        } else if (now && xml_is(r, "outlineLvl")) {
            int64_t level;
            if (str_to_i64(xml_attribute(r, "val"), &level) && level >= 0 && level < 9)
                now->level = (int)level + 1;
        }
    }
    xml_end(r);
}

static int style_level(const Docx *d, Str id) {
    for (ptrdiff_t i = 0; i < d->style_count; i++)
        if (str_eq(d->styles[i].id, id)) return d->styles[i].level;
    return heading_named(id);
}

static void docx_flush(Docx *d) {
    Str text = buf_str(&d->text);
    if (d->level > 0)
        extract_heading(d->r.x, d->level, text);
    else
        extract_block(d->r.x, text, false);
    d->text.len = 0;
    d->level = 0;
}

static void docx_page(Docx *d) {
    Extraction *x = d->r.x;
    x->pages = ++x->page;
}

static void docx_open(Docx *d) {
    Xml *r = &d->r;
    if (xml_is(r, "t")) {
        d->in_text = !xmlTextReaderIsEmptyElement(r->reader);
    } else if (xml_is(r, "pStyle")) {
        if (d->rows == 0) d->level = style_level(d, xml_attribute(r, "val"));
    } else if (xml_is(r, "outlineLvl")) {
        int64_t level;
        if (d->rows == 0 && str_to_i64(xml_attribute(r, "val"), &level) && level >= 0 && level < 9)
            d->level = (int)level + 1;
    } else if (xml_is(r, "tab")) {
        buf_byte(&d->text, ' ');
    } else if (xml_is(r, "br") || xml_is(r, "cr")) {
        buf_byte(&d->text, '\n');
    } else if (xml_is(r, "lastRenderedPageBreak")) {
        docx_page(d);
    } else if (xml_is(r, "noBreakHyphen")) {
        buf_byte(&d->text, '-');
    } else if (xml_is(r, "del") || xml_is(r, "instrText") || xml_is(r, "Fallback") ||
               xml_is(r, "sdtPr")) {
        xml_skip(r); /* what was deleted, what is computed, what is there twice */
    } else if (xml_is(r, "tr") && !xmlTextReaderIsEmptyElement(r->reader)) {
        if (d->rows++ == 0) docx_flush(d);
    }
}

static void docx_close(Docx *d) {
    Xml *r = &d->r;
    if (xml_is(r, "t"))
        d->in_text = false;
    else if (xml_is(r, "p") && d->rows == 0)
        docx_flush(d);
    else if (xml_is(r, "p"))
        buf_byte(&d->text, ' ');
    else if (xml_is(r, "tc") && d->rows > 0)
        buf_add(&d->text, S(" | "));
    else if (xml_is(r, "tr") && d->rows > 0 && --d->rows == 0) {
        Str row = str_trim(buf_str(&d->text));
        while (row.len > 0 && (row.data[row.len - 1] == '|' || row.data[row.len - 1] == ' '))
            row.len--;
        extract_block(r->x, row, false);
        d->text.len = 0;
    }
}

static void docx_body(Docx *d, Str bytes, const char *file) {
    Xml *r = &d->r;
    if (!xml_begin(r, r->x, bytes, file)) return;
    for (int type; (type = xml_step(r)) != 0;) {
        if (type == XML_READER_TYPE_ELEMENT)
            docx_open(d);
        else if (type == XML_READER_TYPE_END_ELEMENT)
            docx_close(d);
        else if (is_text(type) && d->in_text)
            buf_add(&d->text, str_c((const char *)xmlTextReaderConstValue(r->reader)));
    }
    xml_end(r);
    docx_flush(d);
}

void extract_docx(Extraction *x, Str document, Str styles, Str footnotes) {
    Docx d = {.r = {.x = x}, .text = buf_new(x->arena, 1024)};
    x->type = FILE_DOCX;
    styles_read(&d, styles);
    x->page = x->pages = 1;
    docx_body(&d, document, "document.xml");
    if (x->pages == 1) { /* breaks are written by some programs only */
        x->pages = 0;
        for (ptrdiff_t i = 0; i < x->count; i++) x->blocks[i].page = 0;
    }
    x->page = 0;
    if (footnotes.len > 0) docx_body(&d, footnotes, "footnotes.xml");
}

/* -- OpenDocument ---------------------------------------------------------------------------------- */

typedef struct Odt {
    Xml r;
    Buf text, note;
    int level, rows;
    int open;  /* paragraphs and headings that are open: notes have such in them */
    int notes; /* how deep in notes */
} Odt;

static void odt_flush(Odt *d) {
    Str text = buf_str(&d->text), note = str_trim(buf_str(&d->note));
    if (d->level > 0)
        extract_heading(d->r.x, d->level, text);
    else
        extract_block(d->r.x, text, false);
    if (note.len > 0) extract_block(d->r.x, note, false);
    d->text.len = d->note.len = 0;
    d->level = 0;
}

static Buf *odt_now(Odt *d) { return d->notes > 0 ? &d->note : &d->text; }

static void spaces_add(Odt *d) {
    int64_t count = 1;
    if (!str_to_i64(xml_attribute(&d->r, "c"), &count) || count < 1 || count > 100) count = 1;
    while (count-- > 0) buf_byte(odt_now(d), ' ');
}

static void odt_heading(Odt *d) {
    int64_t level;
    if (d->rows > 0 || d->notes > 0) return;
    if (!str_to_i64(xml_attribute(&d->r, "outline-level"), &level) || level < 1 || level > 10)
        level = 1;
    d->level = (int)level;
}

static void odt_open(Odt *d) {
    Xml *r = &d->r;
    bool empty = xmlTextReaderIsEmptyElement(r->reader) == 1;
    if (xml_is(r, "tracked-changes") || xml_is(r, "annotation") || xml_is(r, "table-of-content") ||
        xml_is(r, "alphabetical-index") || xml_is(r, "note-citation") || xml_is(r, "forms") ||
        xml_is(r, "sequence-decls")) {
        xml_skip(r);
    } else if (xml_is(r, "h") || xml_is(r, "p")) {
        if (d->open == 0 && d->rows == 0) odt_flush(d);
        if (xml_is(r, "h")) odt_heading(d);
        if (!empty) d->open++;
    } else if (xml_is(r, "s")) {
        spaces_add(d);
    } else if (xml_is(r, "tab")) {
        buf_byte(odt_now(d), ' ');
    } else if (xml_is(r, "line-break")) {
        buf_byte(odt_now(d), '\n');
    } else if (xml_is(r, "soft-page-break")) {
        r->x->pages = ++r->x->page;
    } else if (xml_is(r, "note") && !empty) {
        d->notes++;
    } else if (xml_is(r, "table-row") && !empty) {
        if (d->rows++ == 0) odt_flush(d);
    }
}

static void odt_close(Odt *d) {
    Xml *r = &d->r;
    if (xml_is(r, "h") || xml_is(r, "p")) {
        if (d->open > 0) d->open--;
        if (d->open == 0 && d->rows == 0)
            odt_flush(d);
        else
            buf_byte(odt_now(d), ' ');
    } else if (xml_is(r, "note")) {
        if (d->notes > 0) d->notes--;
    } else if (xml_is(r, "table-cell") && d->rows > 0) {
        buf_add(&d->text, S(" | "));
    } else if (xml_is(r, "table-row") && d->rows > 0 && --d->rows == 0) {
        Str row = str_trim(buf_str(&d->text));
        while (row.len > 0 && (row.data[row.len - 1] == '|' || row.data[row.len - 1] == ' '))
            row.len--;
        d->text.len = row.len == 0 ? 0 : row.data + row.len - d->text.data;
        odt_flush(d);
    }
}

void extract_odt(Extraction *x, Str content) {
    Odt d = {.r = {.x = x}, .text = buf_new(x->arena, 1024), .note = buf_new(x->arena, 256)};
    Xml *r = &d.r;
    x->type = FILE_ODT;
    x->page = x->pages = 1;
    if (!xml_begin(r, x, content, "content.xml")) return;
    for (int type; (type = xml_step(r)) != 0;) {
        if (type == XML_READER_TYPE_ELEMENT)
            odt_open(&d);
        else if (type == XML_READER_TYPE_END_ELEMENT)
            odt_close(&d);
        else if (is_text(type) && d.open > 0)
            buf_add(odt_now(&d), str_c((const char *)xmlTextReaderConstValue(r->reader)));
    }
    xml_end(r);
    odt_flush(&d);
    if (x->pages == 1) {
        x->pages = 0;
        for (ptrdiff_t i = 0; i < x->count; i++) x->blocks[i].page = 0;
    }
}

/* -- The zip --------------------------------------------------------------------------------------- */

typedef struct Members {
    Str document, styles, footnotes; /* DOCX */
    Str content, mimetype, manifest; /* ODT */
    bool sheet, slides;              /* XLSX, PPTX */
} Members;

static void archive_end(void *held) { archive_read_free(held); }

static Str *member_wanted(Members *m, Str name) {
    if (str_eq(name, S("word/document.xml"))) return &m->document;
    if (str_eq(name, S("word/styles.xml"))) return &m->styles;
    if (str_eq(name, S("word/footnotes.xml"))) return &m->footnotes;
    if (str_eq(name, S("content.xml"))) return &m->content;
    if (str_eq(name, S("mimetype"))) return &m->mimetype;
    if (str_eq(name, S("META-INF/manifest.xml"))) return &m->manifest;
    m->sheet |= str_eq(name, S("xl/workbook.xml"));
    m->slides |= str_eq(name, S("ppt/presentation.xml"));
    return NULL;
}

/* Of a member at most EXTRACT_MEMBER_MAX, and EXTRACT_RATIO_MAX times the whole file. */
static bool member_read(Extraction *x, struct archive *zip, ptrdiff_t file_len, Str *out) {
    Buf b = buf_new(x->arena, 64 * KIB);
    for (;;) {
        char *to = buf_reserve(&b, 64 * KIB);
        la_ssize_t got = archive_read_data(zip, to, (size_t)(64 * KIB));
        if (got == 0) break;
        if (got < 0) {
            if (archive_read_has_encrypted_entries(zip) > 0)
                extract_fail(x, "The file is encrypted. Save it without a password.");
            else
                extract_fail(x, "The file is damaged: it cannot be unpacked.");
            return false;
        }
        b.len += got;
        if (b.len > EXTRACT_MEMBER_MAX ||
            (b.len > RATIO_FROM && b.len / EXTRACT_RATIO_MAX > file_len)) {
            extract_fail(x, "The file is refused: unpacked it would be very much larger.");
            return false;
        }
    }
    *out = buf_str(&b);
    return true;
}

static bool members_read(Extraction *x, struct archive *zip, Str bytes, Members *m) {
    struct archive_entry *entry;
    int got = ARCHIVE_OK;
    if (archive_read_open_memory(zip, bytes.data, (size_t)bytes.len) != ARCHIVE_OK) {
        extract_fail(x, "The file is damaged: it is no zip that can be opened.");
        return false;
    }
    for (int n = 0;
         (got = archive_read_next_header(zip, &entry)) == ARCHIVE_OK || got == ARCHIVE_WARN; n++) {
        const char *path = archive_entry_pathname(entry);
        Str *wanted = path ? member_wanted(m, str_c(path)) : NULL;
        if (n == ENTRIES_MAX) {
            extract_fail(x, "The file is refused: it has more than %d files in it.", ENTRIES_MAX);
            return false;
        }
        if (wanted && archive_entry_is_encrypted(entry)) {
            extract_fail(x, "The file is encrypted. Save it without a password.");
            return false;
        }
        if (wanted && wanted->len == 0 && !member_read(x, zip, bytes.len, wanted)) return false;
    }
    if (got == ARCHIVE_EOF) return true;
    extract_fail(x, "The file is damaged: it cannot be unpacked.");
    return false;
}

static void members_use(Extraction *x, const Members *m) {
    if (m->document.len > 0) {
        extract_docx(x, m->document, m->styles, m->footnotes);
    } else if (m->content.len > 0 &&
               str_starts(m->mimetype, S("application/vnd.oasis.opendocument.text"))) {
        x->type = FILE_ODT;
        if (str_find(m->manifest, S("encryption-data")) >= 0)
            extract_fail(x, "The file is encrypted. Save it without a password.");
        else
            extract_odt(x, m->content);
    } else if (m->sheet) {
        extract_fail(x, "It is an Excel workbook. Save its sheets as CSV.");
    } else if (m->slides) {
        extract_fail(x, "It is a PowerPoint presentation. Save it as PDF.");
    } else if (m->content.len > 0) {
        extract_fail(x, "It is an OpenDocument file, but no text. Save it as ODT or PDF.");
    } else {
        extract_fail(x, "It is a zip archive, not a document. Give the files that are in it.");
    }
}

void extract_zip(Extraction *x, Str bytes) {
    Members m = {0};
    struct archive *zip = archive_read_new();
    if (!zip) {
        extract_fail(x, "There is no memory to unpack it.");
        return;
    }
    x->held = zip;
    x->release = archive_end;
    archive_read_support_format_zip(zip);
    bool good = members_read(x, zip, bytes, &m);
    archive_read_free(zip);
    x->held = NULL;
    if (good) members_use(x, &m);
}

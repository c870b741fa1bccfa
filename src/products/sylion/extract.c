/* SPDX-License-Identifier: Apache-2.0
 * What all readers share: blocks, headings, limits; and which reader reads what. */
#include "products/sylion/extract.h"

/* -- Blocks ---------------------------------------------------------------------------------------- */

void extract_fail(Extraction *x, const char *format, ...) {
    va_list args;
    if (!str_is_null(x->failure)) return;
    va_start(args, format);
    x->failure = strvf(x->arena, format, args);
    va_end(args);
    x->full = true;
}

static bool is_space(int32_t point) {
    return point == ' ' || point == '\t' || point == '\r' || point == 0x0B || point == 0x0C;
}

/* Not shown, and no part of a word: controls, byte order marks, soft hyphens. */
static bool is_nothing(int32_t point) {
    return (point < 0x20 && point != '\n') || (point >= 0x7F && point < 0xA0) || point == 0xAD ||
           point == 0xFEFF;
}

/* Runs of white space become one space, or one or two line ends where they have such. */
static Str text_tidy(Arena *arena, Str text) {
    Buf b = buf_new(arena, text.len + 1);
    ptrdiff_t at = 0;
    int lines = 0;
    bool space = false;
    while (at < text.len) {
        ptrdiff_t from = at;
        int32_t point = str_utf8_next(text, &at);
        if (point == '\n')
            lines++;
        else if (is_space(point))
            space = true;
        else if (!is_nothing(point)) {
            if (b.len > 0 && lines > 0)
                buf_add(&b, lines > 1 ? S("\n\n") : S("\n"));
            else if (b.len > 0 && space)
                buf_byte(&b, ' ');
            lines = 0;
            space = false;
            buf_add(&b, point == 0xFFFD ? S("\xEF\xBF\xBD") : str_slice(text, from, at));
        }
    }
    return buf_str(&b);
}

static Str line_tidy(Arena *arena, Str text) {
    Str tidy = text_tidy(arena, text);
    char *bytes = arena_bytes(arena, tidy.len + 1);
    for (ptrdiff_t i = 0; i < tidy.len; i++) bytes[i] = tidy.data[i] == '\n' ? ' ' : tidy.data[i];
    return str_utf8_cut(str_of(bytes, tidy.len), EXTRACT_HEADING_MAX / 2);
}

/* The path, of which the nearest headings remain where it is too long. */
static Str path_of(Extraction *x) {
    Str path = {0};
    for (int i = HEADING_LEVELS - 1; i >= 0; i--) {
        Str one = x->headings[i];
        if (one.len == 0) continue;
        if (path.len + one.len + 5 > EXTRACT_HEADING_MAX) break;
        path = path.len == 0 ? one : strf(x->arena, "%.*s › %.*s", S_ARG(one), S_ARG(path));
    }
    return path;
}

void extract_heading(Extraction *x, int level, Str text) {
    assert(level >= 1);
    if (level > HEADING_LEVELS) level = HEADING_LEVELS;
    Str tidy = line_tidy(x->arena, text);
    if (x->full || tidy.len == 0) return;
    x->headings[level - 1] = tidy;
    for (int i = level; i < HEADING_LEVELS; i++) x->headings[i] = (Str){0};
    x->path = path_of(x);
}

static Block *block_new(Extraction *x) {
    if (x->count == x->cap) {
        ptrdiff_t cap = max_size(64, 2 * x->cap), size = (ptrdiff_t)sizeof(Block);
        x->blocks = arena_grow(x->arena, x->blocks, x->cap * size, cap * size);
        x->cap = cap;
    }
    return &x->blocks[x->count++];
}

void extract_block(Extraction *x, Str text, bool apart) {
    if (x->full) return;
    Str tidy = text_tidy(x->arena, text);
    if (tidy.len == 0) return;
    if (x->text.len + tidy.len + 2 > EXTRACT_TEXT_MAX || x->count == EXTRACT_BLOCKS_MAX) {
        extract_fail(x, "The file has more text than can be read (%d MB). Divide it.",
                     EXTRACT_TEXT_MAX / 1048576);
        return;
    }
    if (x->text.len > 0) buf_add(&x->text, S("\n\n"));
    Block *b = block_new(x);
    *b = (Block){x->path, x->page, x->text.len, x->text.len + tidy.len, apart};
    buf_add(&x->text, tidy);
}

/* -- Types ----------------------------------------------------------------------------------------- */

static const struct {
    FileType type;
    const char *mime, *called;
    const char *endings; /* each with its dot and a space behind it */
} types[] = {
    {FILE_PDF, "application/pdf", "a PDF", ".pdf "},
    {FILE_ZIP, "application/zip", "a zip archive", ".zip "},
    {FILE_DOCX, "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
     "a Word document", ".docx "},
    {FILE_ODT, "application/vnd.oasis.opendocument.text", "an OpenDocument text", ".odt "},
    {FILE_HTML, "text/html", "HTML", ".html .htm .xhtml "},
    {FILE_MARKDOWN, "text/markdown", "Markdown", ".md .markdown .mdown "},
    {FILE_CSV, "text/csv", "CSV", ".csv .tsv "},
    {FILE_TEXT, "text/plain", "plain text", ".txt .text .log "},
};

Str file_type_mime(FileType type) {
    for (ptrdiff_t i = 0; i < COUNT(types); i++)
        if (types[i].type == type) return str_c(types[i].mime);
    return S("application/octet-stream");
}

static const char *type_called(FileType type) {
    for (ptrdiff_t i = 0; i < COUNT(types); i++)
        if (types[i].type == type) return types[i].called;
    return "unknown";
}

FileType file_type_named(Str name) {
    ptrdiff_t dot = name.len;
    while (dot > 0 && name.data[dot - 1] != '.') dot--;
    if (dot == 0 || name.len - dot > 10) return FILE_UNKNOWN;
    Str ending = str_slice(name, dot - 1, name.len);
    for (ptrdiff_t i = 0; i < COUNT(types); i++) {
        Str one, rest = str_c(types[i].endings);
        while (rest.len > 0) {
            rest = str_cut(rest, ' ', &one);
            if (str_eq_nocase(one, ending)) return types[i].type;
        }
    }
    return FILE_UNKNOWN;
}

static FileType type_declared(Str mime) {
    Str base;
    str_cut(mime, ';', &base);
    base = str_trim(base);
    if (str_eq_nocase(base, S("application/xhtml+xml"))) return FILE_HTML;
    if (str_eq_nocase(base, S("text/x-markdown"))) return FILE_MARKDOWN;
    for (ptrdiff_t i = 0; i < COUNT(types); i++)
        if (str_eq_nocase(base, str_c(types[i].mime))) return types[i].type;
    return FILE_UNKNOWN;
}

/* What is often given and cannot be read. */
static const struct {
    Str magic;
    ptrdiff_t at;
    const char *what;
} foreign[] = {
    {S_INIT("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"), 0,
     "an encrypted or an old Office file (.doc, .xls). Save it as DOCX or PDF without a password"},
    {S_INIT("{\\rtf"), 0, "RTF. Save it as DOCX, ODT or PDF"},
    {S_INIT("\x89PNG"), 0, "a picture"},
    {S_INIT("\xFF\xD8\xFF"), 0, "a picture"},
    {S_INIT("GIF8"), 0, "a picture"},
    {S_INIT("II*\0"), 0, "a picture"},
    {S_INIT("MM\0*"), 0, "a picture"},
    {S_INIT("RIFF"), 0, "a recording or a picture"},
    {S_INIT("OggS"), 0, "a recording"},
    {S_INIT("ID3"), 0, "a recording"},
    {S_INIT("ftyp"), 4, "a recording or a picture"},
    {S_INIT("\x1F\x8B"), 0, "a compressed file. Give what is in it"},
    {S_INIT("BZh"), 0, "a compressed file. Give what is in it"},
    {S_INIT("7z\xBC\xAF"), 0, "an archive. Give what is in it"},
    {S_INIT("Rar!"), 0, "an archive. Give what is in it"},
    {S_INIT("\x7F"
            "ELF"),
     0, "a program"},
    {S_INIT("MZ"), 0, "a program"},
    {S_INIT("%!PS"), 0, "PostScript. Save it as PDF"},
    {S_INIT("SQLite format 3"), 0, "a database"},
};

static const char *foreign_find(Str head) {
    for (ptrdiff_t i = 0; i < COUNT(foreign); i++)
        if (str_starts(str_slice(head, foreign[i].at, head.len), foreign[i].magic))
            return foreign[i].what;
    return NULL;
}

static bool utf16_marked(Str head) {
    return str_starts(head, S("\xFF\xFE")) || str_starts(head, S("\xFE\xFF"));
}

static bool looks_html(Str head) {
    static const Str begins[] = {S_INIT("<!doctype html"), S_INIT("<html"), S_INIT("<head"),
                                 S_INIT("<body")};
    if (str_starts(head, S("\xEF\xBB\xBF"))) head = str_slice(head, 3, head.len);
    head = str_trim(head);
    if (str_starts(head, S("<?xml"))) {
        ptrdiff_t end = str_find(head, S("?>"));
        head = end < 0 ? head : str_trim(str_slice(head, end + 2, head.len));
    }
    while (str_starts(head, S("<!--"))) {
        ptrdiff_t end = str_find(head, S("-->"));
        if (end < 0) return false;
        head = str_trim(str_slice(head, end + 3, head.len));
    }
    for (ptrdiff_t i = 0; i < COUNT(begins); i++)
        if (str_eq_nocase(str_slice(head, 0, begins[i].len), begins[i])) return true;
    return false;
}

FileType file_type(Str head, Str name, Str mime, Str *why) {
    *why = (Str){0};
    /* Readers of PDF look for its mark in the first kilobyte. */
    if (str_find(str_slice(head, 0, 1024), S("%PDF-")) >= 0) return FILE_PDF;
    if (str_starts(head, S("PK\3\4")) || str_starts(head, S("PK\5\6"))) return FILE_ZIP;
    const char *what = foreign_find(head);
    if (what) {
        *why = str_c(what);
        return FILE_UNKNOWN;
    }
    FileType named = file_type_named(name), declared = type_declared(mime);
    if (!utf16_marked(head) && str_find_byte(head, '\0') >= 0) {
        *why = S("not text, and none of the formats that can be read");
        return FILE_UNKNOWN;
    }
    if (looks_html(head)) return FILE_HTML;
    if (named >= FILE_HTML) return named;
    return declared >= FILE_HTML ? declared : FILE_TEXT;
}

/* An ending that says something else than the content does. */
static void name_check(Extraction *x, Str name) {
    FileType named = file_type_named(name);
    bool text = x->type == FILE_TEXT || x->type == FILE_MARKDOWN;
    if (named == FILE_UNKNOWN || named == x->type || (text && named >= FILE_MARKDOWN)) return;
    x->note = strf(x->arena, "Its name says %s, but it is %s and was read so.", type_called(named),
                   type_called(x->type));
}

static void bytes_read(Extraction *x, Str bytes) {
    switch (x->type) {
    case FILE_ZIP:
    case FILE_DOCX:
    case FILE_ODT: extract_zip(x, bytes); break;
    case FILE_HTML: extract_html(x, bytes); break;
    case FILE_MARKDOWN: extract_markdown(x, bytes); break;
    case FILE_CSV: extract_csv(x, bytes); break;
    case FILE_TEXT: extract_text(x, bytes); break;
    case FILE_PDF: extract_pdf_text(x, bytes); break;
    case FILE_UNKNOWN: break;
    }
}

void extract_bytes(Extraction *x, Str bytes, Str name) {
    jmp_buf full, *before = arena_on_full(x->arena, &full);
    assert(x->arena && x->type != FILE_UNKNOWN);
    if (setjmp(full) == 0) {
        x->text = buf_new(x->arena, 4096);
        bytes_read(x, bytes);
        name_check(x, name);
        if (x->count == 0) extract_fail(x, "There is no text in it.");
    } else {
        /* No room for a text made for it: the arena is full. */
        x->failure = S("Reading it takes more memory than is allowed. Divide it.");
        x->full = true;
    }
    arena_on_full(x->arena, before);
    if (x->held) x->release(x->held);
    x->held = NULL;
}

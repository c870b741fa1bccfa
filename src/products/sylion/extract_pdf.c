/* SPDX-License-Identifier: Apache-2.0
 * PDF, read by poppler's pdftotext in a process of its own that has a limit of memory, time and
 * output, may write no file, and sees nothing but the document (docs/decisions/0017). What it gives
 * is made text for reading: lines become paragraphs; what stands at the top or foot of most pages, and
 * the dotted lines of tables of contents, are left out. */
#include <stdlib.h>
#include <unistd.h>

#include "products/sylion/extract.h"
#include "rt/process.h"

enum {
    PDF_MEMORY = 1024 * 1024 * 1024,
    PDF_TIME_MS = 60 * 1000,
    PDF_OUTPUT_MAX = 48 * 1024 * 1024,
    PDF_PAGES_MAX = 10000,
    EDGE_LINES = 3,  /* so many at top and foot of a page may be its running head */
    EDGE_BYTES = 120 /* and have no more than this */
};

/* -- Text ------------------------------------------------------------------------------------------ */

typedef struct Line {
    Str text;
    uint64_t shape; /* of its letters, all numbers alike: pages count */
} Line;
typedef struct Page {
    Line *lines;
    ptrdiff_t count;
} Page;

static uint64_t line_shape(Str line) {
    uint64_t hash = 14695981039346656037u;
    bool digits = false;
    for (ptrdiff_t i = 0; i < line.len; i++) {
        char b = line.data[i];
        bool digit = b >= '0' && b <= '9';
        if (b == ' ' || (digit && digits)) continue;
        digits = digit;
        hash = (hash ^ (uint8_t)(digit ? '0' : b)) * 1099511628211u;
    }
    return hash;
}

static Page page_of(Arena *arena, Str text) {
    Page page = {0};
    ptrdiff_t cap = 1;
    for (ptrdiff_t i = 0; i < text.len; i++) cap += text.data[i] == '\n';
    page.lines = arena_array(arena, Line, cap);
    while (text.len > 0) {
        Str line;
        text = str_cut(text, '\n', &line);
        line = str_trim(line);
        page.lines[page.count++] = (Line){line, line.len > 0 ? line_shape(line) : 0};
    }
    while (page.count > 0 && page.lines[page.count - 1].text.len == 0) page.count--;
    return page;
}

typedef struct Edges {
    uint64_t *shapes; /* of lines near the edge of a page, sorted */
    ptrdiff_t count;
} Edges;

/* The i-th line with text from the top (i > 0) or the foot (i < 0); NULL: none. */
static Line *edge_line(const Page *page, int i) {
    ptrdiff_t at = i > 0 ? -1 : page->count;
    for (int left = i > 0 ? i : -i; left > 0;) {
        at += i > 0 ? 1 : -1;
        if (at < 0 || at >= page->count) return NULL;
        if (page->lines[at].text.len > 0) left--;
    }
    return &page->lines[at];
}

static int shape_compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static Edges edges_of(Arena *arena, const Page *pages, ptrdiff_t count) {
    Edges e = {arena_array(arena, uint64_t, count * 2 * EDGE_LINES + 1), 0};
    for (ptrdiff_t i = 0; i < count; i++) {
        for (int k = -EDGE_LINES; k <= EDGE_LINES; k++) {
            const Line *line = k ? edge_line(&pages[i], k) : NULL;
            if (line && line->text.len <= EDGE_BYTES) e.shapes[e.count++] = line->shape;
        }
    }
    qsort(e.shapes, (size_t)e.count, sizeof *e.shapes, shape_compare);
    return e;
}

static ptrdiff_t shape_count(const Edges *e, uint64_t shape) {
    ptrdiff_t low = 0, high = e->count, n = 0;
    while (low < high) {
        ptrdiff_t mid = (low + high) / 2;
        if (e->shapes[mid] < shape)
            low = mid + 1;
        else
            high = mid;
    }
    while (low + n < e->count && e->shapes[low + n] == shape) n++;
    return n;
}

/* Lines at the edges that more than half of the pages have (of four at least) are their running head
 * or foot. */
static void edges_drop(Arena *arena, Page *pages, ptrdiff_t count) {
    if (count < 4) return;
    Edges e = edges_of(arena, pages, count);
    for (ptrdiff_t i = 0; i < count; i++) {
        Line *drop[2 * EDGE_LINES];
        int drops = 0;
        for (int k = -EDGE_LINES; k <= EDGE_LINES; k++) {
            Line *line = k ? edge_line(&pages[i], k) : NULL;
            if (line && line->text.len <= EDGE_BYTES && 2 * shape_count(&e, line->shape) > count)
                drop[drops++] = line;
        }
        while (drops > 0) drop[--drops]->text = S("");
    }
}

/* "2.1 Principe 1 : Perceptible......... 5" */
static bool is_contents(Str line) {
    ptrdiff_t dots = str_find(line, S("....."));
    char last = line.len > 0 ? line.data[line.len - 1] : ' ';
    return dots >= 0 && ((last >= '0' && last <= '9') || last == '.');
}

static void page_blocks(Extraction *x, const Page *page) {
    Buf b = buf_new(x->arena, 2048);
    for (ptrdiff_t i = 0; i < page->count; i++) {
        Str line = page->lines[i].text;
        if (line.len == 0) {
            extract_block(x, buf_str(&b), false);
            b.len = 0;
        } else if (!is_contents(line)) {
            /* A word that goes on in the next line keeps its hyphen: many have one of their own. */
            if (b.len > 0 && b.data[b.len - 1] != '-') buf_byte(&b, ' ');
            buf_add(&b, line);
        }
    }
    extract_block(x, buf_str(&b), false);
}

void extract_pdf_text(Extraction *x, Str text) {
    Page *pages = arena_array(x->arena, Page, PDF_PAGES_MAX);
    ptrdiff_t count = 0;
    while (text.len > 0 && count < PDF_PAGES_MAX) {
        Str page;
        text = str_cut(text, '\f', &page);
        pages[count++] = page_of(x->arena, page);
    }
    if (text.len > 0) {
        extract_fail(x, "It has more than %d pages. Divide it.", PDF_PAGES_MAX);
        return;
    }
    edges_drop(x->arena, pages, count);
    x->pages = count;
    for (ptrdiff_t i = 0; i < count && !x->full; i++) {
        x->page = i + 1;
        page_blocks(x, &pages[i]);
    }
    if (x->count == 0)
        extract_fail(x,
                     "It has no text layer: its pages are pictures, as a scanner makes them. Have "
                     "its text recognised (OCR) and upload it again.");
}

/* -- The process ----------------------------------------------------------------------------------- */

Str extract_lacks(Ctx *c) {
    for (Str rest = str_c(getenv("PATH")), folder; !str_is_null(rest);) {
        rest = str_cut(rest, ':', &folder);
        Str path = strf(c->arena, "%.*s/pdftotext", S_ARG(folder));
        if (access(str_cstr(c->arena, path), X_OK) == 0) return (Str){0};
    }
    return S("pdftotext is missing, without which no PDF is read: install it (apt install "
             "poppler-utils)");
}

/* What the process says of a file that it does not read. */
static void pdf_refused(Extraction *x, int exit_code, Str errors) {
    if (str_find(errors, S("Incorrect password")) >= 0)
        extract_fail(x, "It is encrypted: a password is needed to read it. Save it without.");
    else if (exit_code == 3 || str_find(errors, S("not allowed")) >= 0)
        extract_fail(x, "It is protected: its author does not allow its text to be copied.");
    else if (str_find(errors, S("nsupported security handler")) >= 0)
        extract_fail(x, "It is encrypted in a way that cannot be read. Save it without.");
    else if (exit_code >= 128 || str_find(errors, S("memory")) >= 0)
        extract_fail(x, "It takes more memory or time to read than is allowed. Divide it, or print "
                        "it as a new PDF.");
    else
        extract_fail(x, "The PDF is damaged: it cannot be opened.");
}

static Err *output_read(Ctx *c, Process *p, Extraction *x, Buf *b) {
    for (;;) {
        ptrdiff_t n;
        TRY(process_read(c, p, buf_reserve(b, 64 * KIB), 64 * KIB, &n));
        if (n == 0) return NULL;
        b->len += n;
        if (b->len > PDF_OUTPUT_MAX) {
            extract_fail(x, "It has more text than can be read. Divide it.");
            return NULL;
        }
    }
}

static Err *pdf_run(Ctx *c, Extraction *x, int fd, Buf *b) {
    Process *p;
    int exit_code;
    ProcessOptions options = {
        .argv = (const char *const[]){"pdftotext", "-enc", "UTF-8", "-eol", "unix", "/dev/fd/3",
                                      "-", NULL},
        .cwd = "/",
        .nice = 10,
        .files = {fd},
        .file_count = 1,
        .max_file_bytes = 1,
        .max_memory_bytes = PDF_MEMORY,
    };
    Err *err = process_start(c, options, &p);
    if (err && str_find(err->detail, S("no such file")) >= 0)
        FAIL(c, NOT_CONFIGURED,
             "This server cannot read PDFs: pdftotext (poppler-utils) is missing.");
    TRY(err);
    err = output_read(c, p, x, b);
    if (err || x->full) {
        process_end(c, p);
        return err;
    }
    TRY(process_wait(c, p, &exit_code));
    if (exit_code == 127 || exit_code == 126)
        FAIL(c, NOT_CONFIGURED,
             "This server cannot read PDFs: pdftotext (poppler-utils) is missing.");
    if (exit_code != 0) pdf_refused(x, exit_code, process_errors(p));
    return NULL;
}

Err *extract_pdf(Ctx *c, Extraction *x, int fd, Str *text) {
    Buf b = buf_new(x->arena, 256 * KIB);
    int64_t before = ctx_deadline_within(c, PDF_TIME_MS), mine = c->deadline_us;
    assert(fd >= 0);
    Err *err = pdf_run(c, x, fd, &b);
    c->deadline_us = before;
    if (err && err->kind == ERR_TIMEOUT && mine != before) {
        extract_fail(x, "It takes longer to read than is allowed. Divide it.");
        err = NULL;
    }
    *text = buf_str(&b);
    return err;
}

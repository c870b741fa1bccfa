/* SPDX-License-Identifier: Apache-2.0
 * Extraction: a file's bytes as one text in blocks, each with the headings it stands under and its
 * page. What the file is, is found by its content; an ending or a declared type that says otherwise is
 * told (`note`), not believed.
 *
 * The bytes are hostile. Every reader is bounded in what it expands, how deep it goes and how much it
 * gives (EXTRACT_… below), takes no entities and fetches nothing. PDFs are read by a process of their
 * own (extract_pdf.c, docs/decisions/0017). Why a file cannot be read is a sentence for the tenant
 * (`failure`), not an Err: trying again would not help. */
#ifndef SOCLE_SYLION_EXTRACT_H
#define SOCLE_SYLION_EXTRACT_H

#include "core/buf.h"
#include "core/err.h"

enum {
    EXTRACT_TEXT_MAX = 16 * 1024 * 1024,   /* of a file's text */
    EXTRACT_MEMBER_MAX = 64 * 1024 * 1024, /* of one file in a zip, expanded */
    EXTRACT_RATIO_MAX = 200,               /* of it, where it is over 1 MiB */
    EXTRACT_BLOCKS_MAX = 200000,
    EXTRACT_HEADING_MAX = 300, /* bytes of a heading path */
    EXTRACT_COLUMNS_MAX = 500,
    EXTRACT_BUDGET = 320 * 1024 * 1024, /* of the arena that an extraction needs */
    HEADING_LEVELS = 6
};

typedef enum FileType {
    FILE_UNKNOWN, /* and why is said */
    FILE_PDF,
    FILE_ZIP, /* DOCX or ODT, or neither: to be known it must be opened */
    FILE_DOCX,
    FILE_ODT,
    FILE_HTML,
    FILE_MARKDOWN,
    FILE_CSV,
    FILE_TEXT
} FileType;

typedef struct Block {
    Str heading;        /* "Chapter › Section"; null: none */
    int64_t page;       /* from 1; 0: the file has no pages */
    ptrdiff_t from, to; /* of the text */
    bool apart;         /* a row of a table of data: never in one chunk with others */
} Block;

typedef struct Extraction {
    Arena *arena;
    FileType type;
    Buf text; /* blocks, two line ends between them */
    Block *blocks;
    ptrdiff_t count, cap;
    int64_t page, pages;
    Str headings[HEADING_LEVELS], path;
    Str note;    /* what is odd about it; null: nothing */
    Str failure; /* why it cannot be read; null: it can */
    bool full;   /* the limit is reached: nothing more is taken */
    /* Of a library, given back when the reading ends however it ends. */
    void *held;
    void (*release)(void *held);
} Extraction;

/* What the bytes are; name and mime (may be null) decide only between kinds of text. *why: for
 * FILE_UNKNOWN what is wrong with them, as a sentence. `head`: the file, or its first 4 KiB. */
FileType file_type(Str head, Str name, Str mime, Str *why);
Str file_type_mime(FileType type);
/* By the ending of its name; FILE_UNKNOWN: it says nothing. */
FileType file_type_named(Str name);

/* Read everything; of a PDF what extract_pdf gave. Blocks the thread; x->arena (EXTRACT_BUDGET) and
 * x->type are set. */
void extract_bytes(Extraction *x, Str bytes, Str name);
/* The text of the PDF that is open at fd, pages divided by form feeds, in x's arena; x->failure where
 * it cannot be read. Waits. Err: only where trying again may help; NOT_CONFIGURED where its reader is
 * not installed. */
MUST_USE Err *extract_pdf(Ctx *c, Extraction *x, int fd, Str *text);
/* Of Module.lacks. */
Str extract_lacks(Ctx *c);

/* -- For the readers ------------------------------------------------------------------------------- */

/* A heading of this level (from 1) begins: those of its level and below are over. */
void extract_heading(Extraction *x, int level, Str text);
/* A block under the present headings: white space is tidied, an empty one is none. */
void extract_block(Extraction *x, Str text, bool apart);
/* It cannot be read, for this reason; the first one counts. */
void extract_fail(Extraction *x, const char *format, ...) PRINTF_LIKE(2, 3);

void extract_pdf_text(Extraction *x, Str text);
void extract_text(Extraction *x, Str bytes);
void extract_csv(Extraction *x, Str bytes);
void extract_markdown(Extraction *x, Str bytes);
void extract_html(Extraction *x, Str bytes);
void extract_zip(Extraction *x, Str bytes); /* DOCX, ODT: sets type */
void extract_docx(Extraction *x, Str document, Str styles, Str footnotes);
void extract_odt(Extraction *x, Str content);

/* Bytes as UTF-8: by their byte order mark, as UTF-8 where they are, else as Windows-1252. Null (and
 * a failure) for what is no text. */
Str extract_decode(Extraction *x, Str bytes);

#endif

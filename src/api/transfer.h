/* SPDX-License-Identifier: Apache-2.0
 * Transfer: what `socle import` and `socle export` hand to a product: files to read or write, options,
 * and a place to say how far it is (a bar on a terminal, JSON lines with --json, nothing else).
 *
 *   static Err *posts_import(Ctx *c, Transfer *t) {
 *       Str line;
 *       for (;;) {
 *           TRY(transfer_line(c, t, &line));
 *           if (str_is_null(line)) return NULL;
 *           …one transaction for many lines; transfer_reject(t, "…") for a bad one…
 *           transfer_progress(t, "posts");
 *       }
 *   }
 *
 * Files are read by ordinary blocking calls: a command has its loop for itself. Not for the server. */
#ifndef SOCLE_API_TRANSFER_H
#define SOCLE_API_TRANSFER_H

#include <stdio.h>

#include "core/err.h"

enum { TRANSFER_LINE_MAX = 16 * 1024 * 1024 };

typedef struct TransferOption {
    const char *name; /* without the dashes: "user" */
    Str value;
} TransferOption;

typedef struct Transfer {
    const Str *files; /* paths; "-" is standard input or output */
    ptrdiff_t file_count;
    const TransferOption *options; /* --name value, as given */
    ptrdiff_t option_count;
    bool json; /* progress as JSON lines on standard error */
    bool quiet;

    /* Kept by the functions below. */
    FILE *file; /* under way; of an export: where it writes */
    ptrdiff_t next_file;
    char *line;
    size_t line_cap;
    int64_t line_number;             /* in the present file */
    int64_t bytes_done, bytes_total; /* total 0: not known (a pipe) */
    int64_t done, rejected;
    int64_t shown_us, started_us;
    bool bar;
} Transfer;

/* The option of that name, null Str when not given. */
Str transfer_option(const Transfer *t, const char *name);

/* The next line of all files in turn, without its end; null Str after the last. Valid until the next
 * call. NOT_FOUND for a file that is not there, TOO_LARGE over TRANSFER_LINE_MAX. */
MUST_USE Err *transfer_line(Ctx *c, Transfer *t, Str *line);
/* The file that the last line came from. */
Str transfer_file(const Transfer *t);

/* One more thing is done; shown at most ten times a second. `what` in the plural. */
void transfer_progress(Transfer *t, const char *what);
/* The line just read was refused: counted, and the first hundred are told on standard error. */
void transfer_reject(Transfer *t, Str why);

/* Write to the export's file. STORAGE_FULL, INTERNAL. */
MUST_USE Err *transfer_write(Ctx *c, Transfer *t, Str bytes);

/* For the commands: begin, and close with the figures. */
MUST_USE Err *transfer_begin(Ctx *c, Transfer *t, bool writes);
MUST_USE Err *transfer_end(Ctx *c, Transfer *t, const char *what);

/* Rows of modules.c: `socle import veyl posts FILE…`. */
typedef struct ImportKind {
    const char *name;    /* "veyl posts" */
    const char *options; /* names it takes, space-separated: "user project"; NULL: none */
    const char *doc;
    Err *(*run)(Ctx *c, Transfer *t);
} ImportKind;

typedef ImportKind ExportKind;

#endif

/* SPDX-License-Identifier: Apache-2.0
 * The Assembly's open data, whatever it lies in: files, folders, zip archives, and those fetched by
 * schedule. A walk gives one file after the other and is never larger than a buffer and one entry.
 *
 * Hostile containers are taken as they come: names are only labels (nothing is ever unpacked to
 * disk), an entry over its limit, one that swells more than 200 times, a cut archive and a member
 * that cannot be read are reported and skipped or end the walk with what was read before kept. */
#ifndef SOCLE_ROBIAN_OPEN_DATA_H
#define SOCLE_ROBIAN_OPEN_DATA_H

#include <jansson.h>

#include "api/transfer.h"
#include "data/db.h"

enum { OPEN_DATA_ENTRY_MAX = 64 * 1024 * 1024 };

/* What became of a walk. */
typedef struct OpenDataFigures {
    int64_t files, added, changed, same, refused;
} OpenDataFigures;

/* One kind of file. An INVALID or BAD_REQUEST error refuses the entry: counted, told with the
 * entry's name, and the walk goes on; another error ends the walk. Importing the same again
 * changes nothing (content_hash). Either import is called once for each entry, in a coroutine,
 * outside a transaction, with its whole text (at most OPEN_DATA_ENTRY_MAX), long parsing goes to
 * offload; it counts one of added, changed, same. Or, for small ones that come by the thousand,
 * parse makes a row of each, on another thread, and store writes many of them in one
 * transaction. */
typedef struct OpenDataKind {
    const char *name;    /* "agenda" */
    const char *endings; /* of the files it takes: ".json", ".xml .nvs" */
    const char *path;    /* of its archive below ROBIAN_OPEN_DATA_URL; NULL: not fetched */
    Err *(*import)(Ctx *c, Str name, Str bytes, OpenDataFigures *figures);
    Err *(*finish)(Ctx *c, OpenDataFigures *figures); /* after the last; may be NULL */
    ptrdiff_t row_size;
    Err *(*parse)(Ctx *c, Str name, Str bytes, void *row);
    Err *(*store)(Ctx *c, void *rows, ptrdiff_t count, OpenDataFigures *figures);
} OpenDataKind;
extern const OpenDataKind open_data_agenda, open_data_deputies, open_data_votes,
    open_data_transcripts, open_data_nvs;

/* `socle import robian KIND PATH…`. */
MUST_USE Err *open_data_import(Ctx *c, Transfer *t, const OpenDataKind *kind);
/* "12 files: 3 added, …" on standard error, or its JSON line. */
void open_data_figures_print(const Transfer *t, const OpenDataFigures *figures);

/* The same for others than the command line: what is told on the way, in the coroutine of c. */
typedef struct OpenDataWatch {
    void (*refused)(void *arg, ptrdiff_t path, int64_t position, Str name, Str why);
    Err *(*progress)(Ctx *c, void *arg, const OpenDataFigures *figures, int64_t bytes_done,
                     int64_t bytes_total); /* an Err ends the walk; what it takes from c's arena is
                                              given back at once */
    void *arg;
} OpenDataWatch;
MUST_USE Err *open_data_walk(Ctx *c, const OpenDataKind *kind, const Str *paths, ptrdiff_t count,
                             const OpenDataWatch *watch, OpenDataFigures *figures);

/* For store: rows into their table, those that are new or changed, in one transaction. */
typedef struct OpenDataTable {
    Sql known; /* $1 JSON list of uids: uid and content_hash of those that are there */
    Str (*uid)(const void *row);
    Str (*hash)(const void *row);
    Err *(*put)(Ctx *c, const void *row, Time now);
    Err *(*after)(Ctx *c, JsonText uids); /* (tx) last, when anything was written; may be NULL */
} OpenDataTable;
MUST_USE Err *open_data_put(Ctx *c, const OpenDataTable *table, const void *rows,
                            ptrdiff_t row_size, ptrdiff_t count, OpenDataFigures *figures);

/* Hash of an entry, to tell whether it was imported already: hex, of bytes and the importer's
 * version. */
Str open_data_hash(Arena *arena, Str bytes, int version);

/* (thread) The text of an entry as JSON: a byte order mark is skipped; released when c ends.
 * INVALID in plain words for other encodings, what is cut or malformed, and what would swell in
 * memory. */
MUST_USE Err *open_data_json(Ctx *c, Str bytes, const json_t **out);

/* -- The shapes of their JSON, which was XML once ---------------------------------------------- */

/* null, {"@xsi:nil":"true"} and absent are all NULL. */
const json_t *od_member(const json_t *object, const char *name);
/* A text: a string, or the #text of an object; null Str else. Borrowed. */
Str od_text(const json_t *object, const char *name);
/* The i-th of what is a single thing or a list of them; NULL after the last, and for null items. */
size_t od_count(const json_t *object, const char *name);
const json_t *od_at(const json_t *object, const char *name, size_t i);
bool od_true(const json_t *object, const char *name); /* "true" or true */

#endif

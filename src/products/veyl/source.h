/* SPDX-License-Identifier: Apache-2.0
 * Source: bytes of a file or body in, drafts out, whatever the shape. Bytes are pushed in as
 * they come, so that the whole is never held: NDJSON by lines, JSON arrays element by element,
 * CSV by rows. A JSON object (an answer of an API) is held whole up to 16 MiB; a longer one is
 * searched for its list of posts and streamed from there.
 *
 * What is wrong with one record is told of that record and the next is read. Only what makes the
 * rest unreadable (an array cut short, a format nobody knows) ends the source.
 *
 *   source_feed(s, bytes) / source_end(s)     any number of times
 *   source_next(s, c, &draft)                 SOURCE_DRAFT, SOURCE_REJECT (draft->problem), …
 *
 * Works on any thread, one at a time; not the Ctx's: texts of drafts go into the arena of the
 * Ctx that source_next is given. */
#ifndef SOCLE_VEYL_SOURCE_H
#define SOCLE_VEYL_SOURCE_H

#include "products/veyl/shapes.h"

enum { SOURCE_RECORD_MAX = 1024 * 1024, SOURCE_DOCUMENT_MAX = 16 * 1024 * 1024 };

typedef struct Source Source;

typedef enum SourceGot {
    SOURCE_DRAFT,  /* a draft, finished (draft_finish) */
    SOURCE_REJECT, /* draft->problem and draft->record say which and why */
    SOURCE_MORE,   /* feed more, or end */
    SOURCE_DONE,
    SOURCE_BROKEN /* the rest cannot be read: source_broken says why */
} SourceGot;

typedef struct SourceOptions {
    Str format;             /* a shape's name; null: found out */
    Str file_name;          /* null: none */
    bool lines;             /* NDJSON for certain */
    ptrdiff_t document_max; /* longest JSON object held whole; 0: SOURCE_DOCUMENT_MAX */
} SourceOptions;

/* NULL when the format is unknown. The options' texts are copied. */
Source *source_new(SourceOptions options);
void source_free(Source *s);

void source_feed(Source *s, Str bytes);
void source_end(Source *s);
SourceGot source_next(Source *s, Ctx *c, Draft *out);

const char *source_broken(const Source *s);
/* What was found out: "posts lines", "csv-facebook"; for the curious. NULL so far: nothing. */
const char *source_shape(const Source *s);
/* Bytes held; never more than about twice SOURCE_DOCUMENT_MAX. */
ptrdiff_t source_held(const Source *s);

#endif

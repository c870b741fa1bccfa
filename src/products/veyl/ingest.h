/* SPDX-License-Identifier: Apache-2.0
 * The one door through which posts are written: single posts, bulk, imports, deletion.
 *
 * Invariants, true after every commit (test/unit/products/veyl/ingest_test.c recounts them):
 *
 *   - a post has one row in post_tags for each of its hashtags, with its time, score and sentiment;
 *   - hashtags.posts_count and .engagement, platforms.posts_count, and post_hours are the figures of
 *     exactly the posts there are;
 *   - project_posts holds each post of a project once, and projects.posts_count counts its rows;
 *   - every write stamps change_seq; a deletion leaves a tombstone with one.
 *
 * Writers take the change sequence first, so that on PostgreSQL they follow one another and none
 * misses another's links; on SQLite there is one writer anyway. */
#ifndef SOCLE_VEYL_INGEST_H
#define SOCLE_VEYL_INGEST_H

#include "data/db.h"
#include "products/veyl/draft.h"

/* What happens to one post: made (no before), changed, removed (no after). */
typedef struct Change {
    const PostRow *before;
    PostRow *after; /* n and change_seq are filled in */
} Change;

/* Inside a transaction. Changes numbered from first_change on (db_next_change). Made posts are
 * put in order of platform and time, for the trees' sake. */
MUST_USE Err *posts_apply(Ctx *c, Change *changes, ptrdiff_t count, int64_t first_change);

typedef struct IngestCounts {
    int64_t created, updated, unchanged;
} IngestCounts;

/* Store drafts in one transaction: new ids are made, known ones take what the draft knows (what it
 * does not say stays). A draft that cannot be stored gets a `problem`; the others go in. */
MUST_USE Err *posts_ingest(Ctx *c, Draft *drafts, ptrdiff_t count, IngestCounts *counts);

/* One platform by name, made when it is of the known set. BAD_REQUEST `Plateforme non trouvée`. */
MUST_USE Err *platform_ensure(Ctx *c, Str name, Id *out);
/* By name or id, whichever is given. */
MUST_USE Err *platform_resolve(Ctx *c, Str name, Id id, Platform *out);
/* Recompute the week's mean of one platform, or (none) of all: what score_trend divides by. */
MUST_USE Err *platform_week_refresh(Ctx *c, Id platform);

/* Rows of one statement, sent a few hundred at a time; for one post there is room for a few. */
enum { MANY_WIDTH = 22, MANY_ROWS_MIN = 8, MANY_ROWS_MAX = 256 };
typedef struct Many {
    Ctx *c;
    Sql sql;
    int width;
    ptrdiff_t count, cap;
    Value (*values)[MANY_WIDTH]; /* of cap rows */
    Args *rows;
} Many;
/* For about `rows` rows, in c's arena. */
Many *many_new(Ctx *c, ptrdiff_t rows);
void many_start(Many *m, Sql sql, int width);
/* Where the next row's values go. */
MUST_USE Err *many_row(Many *m, Value **values);
MUST_USE Err *many_end(Many *m);

/* What the database keeps of a sentiment: ten-thousandths. */
Value sentiment_value(OptFloat sentiment);
/* [1,2,3] and ["a","b"]. */
JsonText json_of_names(Arena *arena, const Str *names, ptrdiff_t count);

#endif

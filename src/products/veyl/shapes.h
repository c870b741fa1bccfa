/* SPDX-License-Identifier: Apache-2.0
 * The shapes in which platforms and scrapers hand out posts, and their readers. A shape is
 * recognised by the members an element has, so that one file may hold several. Counts that are
 * absent, negative or hidden stay unknown: they are never 0.
 *
 *   posts             the contract's Post
 *   tiktok-api        POST /v2/video/list: {"data":{"videos":[…]}}
 *   tiktok-web        hashtag feed of an unofficial API: {"media":[{"video_id",…,"statistics"}]}
 *   tiktok-scraper    {"id","text","createTime","authorMeta","diggCount"}
 *   instagram-graph   media of the Graph API: hashtags, business discovery, a user's own
 *   instagram-apify   [{"ownerUsername","likesCount",…}]
 *   instagram-web     the old web page: {"user":{"media":{"nodes":[…]}}}
 *   facebook-graph    feeds, posts and videos of the Graph API
 *   csv-posts, csv-tiktok, csv-tiktok-apify, csv-facebook   by the names in the first row */
#ifndef SOCLE_VEYL_SHAPES_H
#define SOCLE_VEYL_SHAPES_H

#include "products/veyl/draft.h"

/* What the elements of a file have in common. */
typedef struct FileFacts {
    Str author;    /* whose account was asked for */
    Str file_name; /* without folders; may be null */
} FileFacts;

typedef struct Shape {
    const char *name;
    bool (*fits)(const json_t *element);
    /* NULL, or why it is no post. Texts into c's arena. */
    const char *(*read)(Ctx *c, const json_t *element, const FileFacts *facts, Draft *out);
} Shape;

extern const Shape *const shapes[]; /* NULL-ended, in the order in which they are tried */

/* The shape of that name, NULL if none. */
const Shape *shape_named(Str name);
/* The first that fits, NULL if none. */
const Shape *shape_of(const json_t *element);

/* A CSV file: its shape by the header, then row by row. */
typedef struct CsvShape CsvShape;
typedef struct CsvRow {
    const Str *cells;
    ptrdiff_t count;
} CsvRow;

enum { CSV_COLUMNS_MAX = 64 };

struct CsvShape {
    const char *name;
    const char *needs; /* columns it is known by, space-separated */
    const char *(*read)(Arena *arena, const int *columns, CsvRow row, const FileFacts *facts,
                        Draft *out);
    const char *const
        *names; /* columns it reads, NULL-ended; `columns` has one index for each, -1: absent */
};
extern const CsvShape *const csv_shapes[]; /* NULL-ended */

const CsvShape *csv_shape_named(Str name);
const CsvShape *csv_shape_of(CsvRow header);
/* Where each of shape->names stands in the header. */
void csv_columns(const CsvShape *shape, CsvRow header, int columns[CSV_COLUMNS_MAX]);

/* Lenient readers shared by the shapes. */
OptInt shape_count(const json_t *value);           /* unset when absent or negative */
OptInt shape_count_text(Str text);                 /* `1200`, `1200.0`, `1.2K`, `3M` */
Str shape_text(Arena *arena, const json_t *value); /* strings and integers; null else */
Time shape_time(const json_t *value); /* RFC 3339, Meta's, or seconds (number or text); TIME_NULL */
Time shape_time_text(Str text);
StrList shape_list(Arena *arena, Str text); /* ['a', "b"] as Python writes it, or JSON, or a,b */
/* The last part of an address's path: `…/p/DVbUe8OklER/` gives DVbUe8OklER. */
Str shape_last_segment(Str address);

#endif

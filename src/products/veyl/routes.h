/* SPDX-License-Identifier: Apache-2.0
 * The route tables of veyl's files, gathered by module.c; and what its handlers share. */
#ifndef SOCLE_VEYL_ROUTES_H
#define SOCLE_VEYL_ROUTES_H

#include "api/route.h"
#include "products/veyl/records.h"
#include "products/veyl/text.h"

/* Each closed by an empty row. */
extern const Route page_routes[], post_routes[], bulk_routes[], hashtag_routes[], platform_routes[],
    analytics_routes[], series_routes[], project_routes[], project_link_routes[],
    project_post_routes[], post_search_routes[], saved_search_routes[],
    suggestion_routes[];

/* Rows of PostRow as Rows of Post. */
Rows posts_of_rows(Ctx *c, Rows rows);
/* The platform to filter by: none for an empty name, PLATFORM_NONE (no post is of it) for a
 * known network that nobody has used yet, BAD_REQUEST `Plateforme non trouvée` for anything
 * else. */
#define PLATFORM_NONE ((Id){-1})
MUST_USE Err *platform_filter(Ctx *c, Str name, Id *out);

/* A cursor over (time, n). Without one: from the newest. */
typedef struct PostCursor {
    Time posted_at;
    int64_t n;
} PostCursor;
MUST_USE Err *post_cursor_read(Ctx *c, Str text, PostCursor *out);
Str post_cursor_make(Ctx *c, Time posted_at, int64_t n);

#endif

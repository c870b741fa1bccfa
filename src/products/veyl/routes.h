/* SPDX-License-Identifier: Apache-2.0
 * The route tables of veyl's files, gathered by module.c; and what its handlers share. */
#ifndef SOCLE_VEYL_ROUTES_H
#define SOCLE_VEYL_ROUTES_H

#include "api/route.h"
#include "products/veyl/records.h"
#include "products/veyl/text.h"

extern const Route auth_routes[], oauth_routes[], root_routes[], post_routes[], bulk_routes[], hashtag_routes[],
    platform_routes[], analytics_routes[], project_routes[], project_link_routes[], project_post_routes[];
extern const ptrdiff_t auth_route_count, oauth_route_count, root_route_count, post_route_count, bulk_route_count,
    hashtag_route_count, platform_route_count, analytics_route_count, project_route_count,
    project_link_route_count, project_post_route_count;

/* Rows of PostRow as Rows of Post. */
Rows posts_of_rows(Ctx *c, Rows rows);
/* The id of the platform of that name; BAD_REQUEST `Plateforme non trouvée` when there is none. A null
 * name gives none. */
MUST_USE Err *platform_filter(Ctx *c, Str name, Id *out);
/* The same for lists: *none is set instead, the answer is empty. */
MUST_USE Err *platform_filter_soft(Ctx *c, Str name, Id *out, bool *none);

/* A cursor over (time, n). Without one: from the newest. */
typedef struct PostCursor {
    Time posted_at;
    int64_t n;
} PostCursor;
MUST_USE Err *post_cursor_read(Ctx *c, Str text, PostCursor *out);
Str post_cursor_make(Ctx *c, Time posted_at, int64_t n);

#endif

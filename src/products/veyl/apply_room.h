/* SPDX-License-Identifier: Apache-2.0
 * What apply.c (who is linked to whom) and apply_write.c (rows and figures) share. */
#ifndef SOCLE_VEYL_APPLY_ROOM_H
#define SOCLE_VEYL_APPLY_ROOM_H

#include "core/map.h"
#include "products/veyl/ingest.h"

/* A hashtag met in this batch. */
typedef struct Tag {
    Str name;
    int64_t id;              /* 0 until known */
    int64_t posts, score;    /* by how much its counters change */
    const int64_t *projects; /* that follow it */
    ptrdiff_t project_count;
} Tag;

/* A creator met in this batch whom some project follows. */
typedef struct Followed {
    int64_t *projects;
    ptrdiff_t count;
} Followed;

/* What one platform has in this batch. */
typedef struct Network {
    Id id;
    Map tags;    /* name to Tag */
    Map authors; /* name to Followed */
    int64_t week_from_us;
    int64_t posts, week_posts, week_score;
    bool recount;
} Network;

/* A row of post_tags or project_posts to come or go; owner is the hashtag or project. */
typedef struct Link {
    int64_t owner, posted_us, n;
    const PostRow *post;
    int64_t links;
} Link;

typedef struct LinkList {
    Link *items;
    ptrdiff_t count, cap;
} LinkList;

typedef struct HourCell {
    int64_t platform, hour;
    const PostRow *post; /* NULL: something left it, count again */
} HourCell;

/* A post before or after its change, with what it is linked to. */
typedef struct Side {
    const PostRow *post; /* NULL: there is none */
    Network *network;
    Tag **tags;               /* one for each of its hashtags */
    const Followed *followed; /* its author, when a project follows him */
} Side;

/* Of a project: by how much its count of posts changes. */
typedef struct ProjectDelta {
    int64_t project, posts;
} ProjectDelta;

typedef struct DeltaList {
    ProjectDelta *items;
    ptrdiff_t count, cap;
} DeltaList;

typedef struct Apply {
    Ctx *c;
    Change *changes;
    Side (*sides)[2]; /* of each change: before, after */
    ptrdiff_t count;
    bool followed; /* some project follows something of this batch */
    DeltaList deltas;
    Many *many;
    Network *networks;
    ptrdiff_t network_count;
    LinkList tags_gone, tags_come, projects_gone, projects_come;
    HourCell *cells;
    ptrdiff_t cell_count;
} Apply;

/* Old links go, posts are written, new links come, figures follow. tags: all of the batch, by
 * id. */
MUST_USE Err *apply_write(Apply *a, Tag **tags, ptrdiff_t tag_count, int64_t first_change);

static inline int order(int64_t a, int64_t b) { return (a > b) - (a < b); }
int link_order(const void *a, const void *b);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Writing changes of posts and everything that follows from them: old links go, posts are
 * written, new links come, figures are brought up to date. Every table is written in the order
 * of its key, so that neighbours are touched together. */
#include <stdlib.h>

#include "products/veyl/apply_room.h"
#include "products/veyl/queries.h"

static void links_sort(LinkList *list) {
    if (list->count) qsort(list->items, (size_t)list->count, sizeof(Link), link_order);
}

/* -- rows ------------------------------------------------------------------------------------- */

static Err *links_remove(Apply *a, LinkList *list, Sql sql) {
    Value *v;
    links_sort(list);
    many_start(a->many, sql, 3);
    for (ptrdiff_t i = 0; i < list->count; i++) {
        TRY(many_row(a->many, &v));
        v[0] = V(list->items[i].owner);
        v[1] = V(list->items[i].posted_us);
        v[2] = V(list->items[i].n);
    }
    return many_end(a->many);
}

static Err *tags_write(Apply *a) {
    Value *v;
    links_sort(&a->tags_come);
    many_start(a->many, SQL(SQL_TAG_ADD), 5);
    for (ptrdiff_t i = 0; i < a->tags_come.count; i++) {
        const Link *link = &a->tags_come.items[i];
        TRY(many_row(a->many, &v));
        v[0] = V(link->owner);
        v[1] = V(link->posted_us);
        v[2] = V(link->n);
        v[3] = V(link->post->score);
        v[4] = sentiment_value(link->post->sentiment);
    }
    return many_end(a->many);
}

static Err *project_posts_write(Apply *a) {
    Value *v;
    links_sort(&a->projects_come);
    many_start(a->many, SQL(SQL_PROJECT_POST_ADD), 7);
    for (ptrdiff_t i = 0; i < a->projects_come.count; i++) {
        const Link *link = &a->projects_come.items[i];
        TRY(many_row(a->many, &v));
        v[0] = V(link->owner);
        v[1] = V(link->posted_us);
        v[2] = V(link->n);
        v[3] = V(link->post->platform_id);
        v[4] = V(link->post->score);
        v[5] = sentiment_value(link->post->sentiment);
        v[6] = V(link->links);
    }
    return many_end(a->many);
}

static Value names_value(Arena *arena, Str made, StrList names) {
    return V(((JsonText){made.data ? made : names_json(arena, names)}));
}

static Err *post_values(Apply *a, const PostRow *p) {
    Value *v;
    Arena *arena = a->c->arena;
    TRY(many_row(a->many, &v));
    v[0] = V(p->n);
    v[1] = V(p->id);
    v[2] = V(p->platform_id);
    v[3] = V(p->author);
    v[4] = V(p->caption);
    v[5] = names_value(arena, p->hashtags_json, p->hashtags);
    v[6] = V(p->likes);
    v[7] = V(p->comments);
    v[8] = V(p->shares);
    v[9] = V(p->views);
    v[10] = V(p->posted_at);
    v[11] = V(p->language);
    v[12] = V(p->media_url);
    v[13] = V(p->sentiment);
    v[14] = V(p->score);
    v[15] = V(p->fetched_at);
    v[16] = V(p->external_id);
    v[17] = V(p->permalink);
    v[18] = names_value(arena, p->mentions_json, p->mentions);
    v[19] = V(p->media_type);
    v[20] = V(p->thumbnail_url);
    v[21] = V(p->change_seq);
    return NULL;
}

static Err *posts_write(Apply *a) {
    many_start(a->many, SQL(SQL_POST_ADD), 22);
    for (ptrdiff_t i = 0; i < a->count; i++)
        if (!a->changes[i].before) TRY(post_values(a, a->changes[i].after));
    TRY(many_end(a->many));
    many_start(a->many, SQL(SQL_POST_CHANGE), 22);
    for (ptrdiff_t i = 0; i < a->count; i++)
        if (a->changes[i].before && a->changes[i].after) TRY(post_values(a, a->changes[i].after));
    return many_end(a->many);
}

static Err *posts_remove(Apply *a, int64_t first_change) {
    Time now = time_now();
    for (ptrdiff_t i = 0; i < a->count; i++) {
        const PostRow *gone = a->changes[i].before;
        if (!gone || a->changes[i].after) continue;
        TRY(db_exec(a->c, SQL(SQL_POST_REMOVE), ARGS(V(gone->n)), NULL));
        TRY(db_exec(a->c, SQL(SQL_POST_TOMBSTONE),
                    ARGS(V(first_change + i), V(gone->id), V(now), V(gone->n)), NULL));
    }
    return NULL;
}

/* -- figures ---------------------------------------------------------------------------------- */

static Err *tags_count(Apply *a, Tag **tags, ptrdiff_t count) {
    Value *v;
    many_start(a->many, SQL(SQL_HASHTAG_COUNT_POSTS), 3);
    for (ptrdiff_t i = 0; i < count; i++) {
        if (tags[i]->posts == 0 && tags[i]->score == 0) continue;
        TRY(many_row(a->many, &v));
        v[0] = V(tags[i]->id);
        v[1] = V(tags[i]->posts);
        v[2] = V(tags[i]->score);
    }
    return many_end(a->many);
}

static int delta_order(const void *a, const void *b) {
    return order(((const ProjectDelta *)a)->project, ((const ProjectDelta *)b)->project);
}

static Err *projects_count(Apply *a) {
    ProjectDelta *deltas = a->deltas.items;
    ptrdiff_t count = a->deltas.count;
    if (count == 0) return NULL;
    Value *v;
    qsort(deltas, (size_t)count, sizeof *deltas, delta_order);
    many_start(a->many, SQL(SQL_PROJECT_COUNT_POSTS), 2);
    for (ptrdiff_t i = 0, end; i < count; i = end) {
        int64_t posts = 0;
        for (end = i; end < count && deltas[end].project == deltas[i].project; end++)
            posts += deltas[end].posts;
        if (posts == 0) continue;
        TRY(many_row(a->many, &v));
        v[0] = V(deltas[i].project);
        v[1] = V(posts);
    }
    return many_end(a->many);
}

static int cell_order(const void *a, const void *b) {
    const HourCell *x = a, *y = b;
    int by_platform = order(x->platform, y->platform);
    return by_platform ? by_platform : order(x->hour, y->hour);
}

static Err *hour_recount(Apply *a, const HourCell *cell) {
    Value platform = V(cell->platform), hour = V(cell->hour);
    TRY(db_exec(a->c, SQL(SQL_HOUR_REMOVE), ARGS(platform, hour), NULL));
    return db_exec(a->c, SQL(SQL_HOUR_RECOUNT),
                   ARGS(platform, hour, V(((Time){cell->hour * US_PER_HOUR})),
                        V(((Time){(cell->hour + 1) * US_PER_HOUR}))),
                   NULL);
}

static Err *hour_add(Apply *a, const HourCell *cells, ptrdiff_t count) {
    int64_t score = 0, highest = 0, feeling = 0, felt = 0;
    for (ptrdiff_t i = 0; i < count; i++) {
        Value sentiment = sentiment_value(cells[i].post->sentiment);
        score += cells[i].post->score;
        highest = max_i64(highest, cells[i].post->score);
        feeling += sentiment.kind == VALUE_INT ? sentiment.i : 0;
        felt += sentiment.kind == VALUE_INT;
    }
    Value *v;
    TRY(many_row(a->many, &v));
    v[0] = V(cells->platform);
    v[1] = V(cells->hour);
    v[2] = V((int64_t)count);
    v[3] = V(score);
    v[4] = V(highest);
    v[5] = V(feeling);
    v[6] = V(felt);
    return NULL;
}

/* Cells that something left are counted anew, because their highest score may have gone with it. */
static Err *hours_count(Apply *a) {
    if (a->cell_count == 0) return NULL;
    qsort(a->cells, (size_t)a->cell_count, sizeof *a->cells, cell_order);
    many_start(a->many, SQL(SQL_HOUR_ADD), 7);
    for (int recounting = 0; recounting <= 1; recounting++) {
        for (ptrdiff_t i = 0, end; i < a->cell_count; i = end) {
            bool left = false;
            for (end = i; end < a->cell_count && cell_order(&a->cells[i], &a->cells[end]) == 0;
                 end++)
                left |= a->cells[end].post == NULL;
            if (left != recounting) continue;
            if (left)
                TRY(hour_recount(a, &a->cells[i]));
            else
                TRY(hour_add(a, &a->cells[i], end - i));
        }
        if (!recounting) TRY(many_end(a->many));
    }
    return NULL;
}

static Err *networks_count(Apply *a) {
    for (ptrdiff_t i = 0; i < a->network_count; i++) {
        const Network *n = &a->networks[i];
        if (n->posts || n->week_posts || n->week_score)
            TRY(db_exec(a->c, SQL(SQL_PLATFORM_COUNT_POSTS),
                        ARGS(V(n->posts), V(n->week_posts), V(n->week_score), V(n->id)), NULL));
        if (n->recount) TRY(platform_week_refresh(a->c, n->id));
    }
    return NULL;
}

Err *apply_write(Apply *a, Tag **tags, ptrdiff_t tag_count, int64_t first_change) {
    TRY(links_remove(a, &a->tags_gone, SQL(SQL_TAG_REMOVE)));
    TRY(links_remove(a, &a->projects_gone, SQL(SQL_PROJECT_POST_REMOVE)));
    TRY(posts_remove(a, first_change));
    TRY(posts_write(a));
    TRY(tags_write(a));
    TRY(project_posts_write(a));
    TRY(tags_count(a, tags, tag_count));
    TRY(projects_count(a));
    TRY(hours_count(a));
    return networks_count(a);
}

/* SPDX-License-Identifier: Apache-2.0
 * What changes of posts mean: hashtags are named and made, it is found out which projects follow
 * them and the creators, and what links and figures come and go. Writing it down is
 * apply_write.c's. */
#include <stdlib.h>

#include "products/veyl/apply_room.h"
#include "products/veyl/queries.h"

static void link_add(Apply *a, LinkList *list, Link link) {
    if (list->count == list->cap) {
        ptrdiff_t cap = list->cap ? 2 * list->cap : 64, size = (ptrdiff_t)sizeof(Link);
        list->items = arena_grow(a->c->arena, list->items, list->cap * size, cap * size);
        list->cap = cap;
    }
    list->items[list->count++] = link;
}

int link_order(const void *a, const void *b) {
    const Link *x = a, *y = b;
    int by_owner = order(x->owner, y->owner), by_time = order(x->posted_us, y->posted_us);
    return by_owner ? by_owner : by_time ? by_time : order(x->n, y->n);
}

static int64_t hour_of(Time at) { return at.us / US_PER_HOUR; }

/* -- 1: networks, hashtags, who follows them -------------------------------------------------- */

typedef struct NetworkRow {
    Id id;
    Time week_from;
} NetworkRow;
static const Field network_fields[] = {FIELD(NetworkRow, id), FIELD(NetworkRow, week_from)};
static const Record network_record = RECORD(NetworkRow, network_fields);

static Err *networks_load(Apply *a) {
    Rows rows;
    TRY(db_query(a->c, SQL(SQL_PLATFORM_WEEKS), NO_ARGS, &network_record, &rows));
    NetworkRow *row = rows.items;
    a->networks = arena_array(a->c->arena, Network, rows.count);
    a->network_count = rows.count;
    for (ptrdiff_t i = 0; i < rows.count; i++)
        a->networks[i] = (Network){.id = row[i].id,
                                   .week_from_us = row[i].week_from.us,
                                   .tags = {.arena = a->c->arena},
                                   .authors = {.arena = a->c->arena}};
    return NULL;
}

static Network *network_of(Apply *a, const PostRow *post) {
    for (ptrdiff_t i = 0; i < a->network_count; i++)
        if (id_eq(a->networks[i].id, post->platform_id)) return &a->networks[i];
    assert(!"a post's platform is there");
    return NULL;
}

static void side_meet(Apply *a, Side *side, const PostRow *post, int sign) {
    static char unfollowed;
    if (!post) return;
    Network *network = network_of(a, post);
    *side = (Side){.post = post,
                   .network = network,
                   .tags = arena_array(a->c->arena, Tag *, post->hashtags.count + 1)};
    for (ptrdiff_t i = 0; i < post->hashtags.count; i++) {
        Tag *tag = map_get(&network->tags, post->hashtags.items[i]);
        if (!tag) {
            tag = arena_new_of(a->c->arena, Tag);
            tag->name = post->hashtags.items[i];
            map_set(&network->tags, tag->name, tag);
        }
        tag->posts += sign;
        tag->score += sign * post->score;
        side->tags[i] = tag;
    }
    if (post->author.len) map_set(&network->authors, post->author, &unfollowed);
}

typedef struct NamedId {
    int64_t id;
    Str name;
} NamedId;
static const Field named_id_fields[] = {FIELD(NamedId, id), FIELD(NamedId, name)};
static const Record named_id_record = RECORD(NamedId, named_id_fields);

static int name_order(const void *a, const void *b) {
    return str_cmp(*(const Str *)a, *(const Str *)b);
}

/* Names of tags without id, in order. */
static Str *tags_unknown(Apply *a, const Network *network, ptrdiff_t *count) {
    Str *names = arena_array(a->c->arena, Str, network->tags.count + 1);
    ptrdiff_t cursor = 0;
    *count = 0;
    for (MapSlot slot; map_next(&network->tags, &cursor, &slot);)
        if (((Tag *)slot.value)->id == 0) names[(*count)++] = slot.key;
    if (*count) qsort(names, (size_t)*count, sizeof *names, name_order);
    return names;
}

static Err *tags_find(Apply *a, Network *network, const Str *names, ptrdiff_t count) {
    Rows rows;
    TRY(db_query(a->c, SQL2(SQL_HASHTAGS_FIND_SQLITE, SQL_HASHTAGS_FIND_POSTGRES),
                 ARGS(V(network->id), V(json_of_names(a->c->arena, names, count))),
                 &named_id_record, &rows));
    NamedId *found = rows.items;
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        Tag *tag = map_get(&network->tags, found[i].name);
        if (tag) tag->id = found[i].id;
    }
    return NULL;
}

static Err *tags_name(Apply *a, Network *network) {
    ptrdiff_t count;
    Str *names = tags_unknown(a, network, &count);
    if (count == 0) return NULL;
    TRY(tags_find(a, network, names, count));
    names = tags_unknown(a, network, &count);
    if (count == 0) return NULL;
    Time now = time_now();
    Value *v;
    many_start(a->many, SQL(SQL_HASHTAG_MEET), 3);
    for (ptrdiff_t i = 0; i < count; i++) {
        TRY(many_row(a->many, &v));
        v[0] = V(names[i]);
        v[1] = V(network->id);
        v[2] = V(now);
    }
    TRY(many_end(a->many));
    return tags_find(a, network, names, count);
}

/* All tags of all networks, by id. */
static int tag_order(const void *a, const void *b) {
    return order((*(Tag *const *)a)->id, (*(Tag *const *)b)->id);
}

static Tag **tags_sorted(Apply *a, ptrdiff_t *count) {
    ptrdiff_t total = 0;
    for (ptrdiff_t i = 0; i < a->network_count; i++) total += a->networks[i].tags.count;
    Tag **tags = arena_array(a->c->arena, Tag *, total + 1);
    *count = 0;
    for (ptrdiff_t i = 0; i < a->network_count; i++) {
        ptrdiff_t cursor = 0;
        for (MapSlot slot; map_next(&a->networks[i].tags, &cursor, &slot);)
            tags[(*count)++] = slot.value;
    }
    if (*count) qsort(tags, (size_t)*count, sizeof *tags, tag_order);
    return tags;
}

typedef struct TagFollower {
    int64_t hashtag_id, project_id;
} TagFollower;
static const Field tag_follower_fields[] = {FIELD(TagFollower, hashtag_id),
                                            FIELD(TagFollower, project_id)};
static const Record tag_follower_record = RECORD(TagFollower, tag_follower_fields);

static int follower_order(const void *a, const void *b) {
    const TagFollower *x = a, *y = b;
    int by_tag = order(x->hashtag_id, y->hashtag_id);
    return by_tag ? by_tag : order(x->project_id, y->project_id);
}

static Err *tag_followers_load(Apply *a, Tag **tags, ptrdiff_t count) {
    if (count == 0) return NULL;
    Buf ids = buf_new(a->c->arena, 2 + 8 * count);
    buf_byte(&ids, '[');
    for (ptrdiff_t i = 0; i < count; i++) {
        if (i) buf_byte(&ids, ',');
        buf_i64(&ids, tags[i]->id);
    }
    buf_byte(&ids, ']');
    Rows rows;
    TRY(db_query(a->c, SQL2(SQL_PROJECTS_OF_HASHTAGS_SQLITE, SQL_PROJECTS_OF_HASHTAGS_POSTGRES),
                 ARGS(V(((JsonText){buf_str(&ids)}))), &tag_follower_record, &rows));
    TagFollower *followers = rows.items;
    if (rows.count) qsort(followers, (size_t)rows.count, sizeof *followers, follower_order);
    int64_t *projects = arena_array(a->c->arena, int64_t, rows.count + 1);
    a->followed |= rows.count > 0;
    for (ptrdiff_t i = 0, t = 0; i < rows.count; i++) {
        projects[i] = followers[i].project_id;
        while (tags[t]->id < followers[i].hashtag_id) t++;
        if (tags[t]->project_count++ == 0) tags[t]->projects = &projects[i];
    }
    return NULL;
}

typedef struct CreatorFollower {
    Str creator_username;
    int64_t project_id;
} CreatorFollower;
static const Field creator_follower_fields[] = {FIELD(CreatorFollower, creator_username),
                                                FIELD(CreatorFollower, project_id)};
static const Record creator_follower_record = RECORD(CreatorFollower, creator_follower_fields);

/* The network's authors of this batch are replaced by those whom a project follows. */
static Err *creator_followers_load(Apply *a, Network *network) {
    if (network->authors.count == 0) return NULL;
    Str *names = arena_array(a->c->arena, Str, network->authors.count);
    ptrdiff_t count = 0, cursor = 0;
    for (MapSlot slot; map_next(&network->authors, &cursor, &slot);) names[count++] = slot.key;
    Rows rows;
    TRY(db_query(a->c, SQL2(SQL_PROJECTS_OF_CREATORS_SQLITE, SQL_PROJECTS_OF_CREATORS_POSTGRES),
                 ARGS(V(network->id), V(json_of_names(a->c->arena, names, count))),
                 &creator_follower_record, &rows));
    CreatorFollower *followers = rows.items;
    network->authors = (Map){.arena = a->c->arena};
    a->followed |= rows.count > 0;
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        Followed *followed = map_get(&network->authors, followers[i].creator_username);
        if (!followed) {
            followed = arena_new_of(a->c->arena, Followed);
            followed->projects = arena_array(a->c->arena, int64_t, rows.count);
            map_set(&network->authors, followers[i].creator_username, followed);
        }
        followed->projects[followed->count++] = followers[i].project_id;
    }
    return NULL;
}

/* -- 2: what links come and go ---------------------------------------------------------------- */

/* Projects that a post stands in, each with the number of links that bring it. */
static ptrdiff_t projects_of(Apply *a, const Side *side, Link **out) {
    ptrdiff_t most = side->followed ? side->followed->count : 0, count = 0, kept = 0;
    for (ptrdiff_t i = 0; i < side->post->hashtags.count; i++) most += side->tags[i]->project_count;
    if (most == 0) return 0;
    Link *found = arena_array(a->c->arena, Link, most);
    for (ptrdiff_t i = 0; i < side->post->hashtags.count; i++)
        for (ptrdiff_t k = 0; k < side->tags[i]->project_count; k++)
            found[count++].owner = side->tags[i]->projects[k];
    for (ptrdiff_t i = 0; side->followed && i < side->followed->count; i++)
        found[count++].owner = side->followed->projects[i];
    qsort(found, (size_t)count, sizeof *found, link_order);
    for (ptrdiff_t i = 0; i < count; i++) {
        if (kept == 0 || found[kept - 1].owner != found[i].owner)
            found[kept++] =
                (Link){found[i].owner, side->post->posted_at.us, side->post->n, side->post, 0};
        found[kept - 1].links++;
    }
    *out = found;
    return kept;
}

static bool has_owner(const Link *links, ptrdiff_t count, int64_t owner) {
    for (ptrdiff_t i = 0; i < count; i++)
        if (links[i].owner == owner) return true;
    return false;
}

static void delta_add(Apply *a, int64_t project, int64_t posts) {
    DeltaList *list = &a->deltas;
    if (list->count == list->cap) {
        ptrdiff_t cap = list->cap ? 2 * list->cap : 64, size = (ptrdiff_t)sizeof(ProjectDelta);
        list->items = arena_grow(a->c->arena, list->items, list->cap * size, cap * size);
        list->cap = cap;
    }
    list->items[list->count++] = (ProjectDelta){project, posts};
}

static bool moved_in_time(const Side side[2]) {
    return side[0].post && side[1].post && side[0].post->posted_at.us != side[1].post->posted_at.us;
}

/* A link that stays is written over, so that its score follows; one that moved in time goes and
 * comes. */
static void projects_compare(Apply *a, const Side side[2]) {
    Link *before = NULL, *after = NULL;
    ptrdiff_t before_count = side[0].post ? projects_of(a, &side[0], &before) : 0;
    ptrdiff_t after_count = side[1].post ? projects_of(a, &side[1], &after) : 0;
    for (ptrdiff_t i = 0; i < before_count; i++) {
        bool stays = has_owner(after, after_count, before[i].owner);
        if (!stays) delta_add(a, before[i].owner, -1);
        if (!stays || moved_in_time(side)) link_add(a, &a->projects_gone, before[i]);
    }
    for (ptrdiff_t i = 0; i < after_count; i++) {
        if (!has_owner(before, before_count, after[i].owner)) delta_add(a, after[i].owner, 1);
        link_add(a, &a->projects_come, after[i]);
    }
}

static bool has_tag(const Side *side, const Tag *tag) {
    for (ptrdiff_t i = 0; side->post && i < side->post->hashtags.count; i++)
        if (side->tags[i] == tag) return true;
    return false;
}

static Link tag_link(const Side *side, ptrdiff_t i) {
    return (Link){side->tags[i]->id, side->post->posted_at.us, side->post->n, side->post, 0};
}

static void tags_compare(Apply *a, const Side side[2]) {
    for (ptrdiff_t i = 0; side[0].post && i < side[0].post->hashtags.count; i++)
        if (moved_in_time(side) || !has_tag(&side[1], side[0].tags[i]))
            link_add(a, &a->tags_gone, tag_link(&side[0], i));
    for (ptrdiff_t i = 0; side[1].post && i < side[1].post->hashtags.count; i++)
        link_add(a, &a->tags_come, tag_link(&side[1], i));
}

/* -- the whole -------------------------------------------------------------------------------- */

static void figures_note(Apply *a, Network *n, const PostRow *post, int sign, int64_t now_us) {
    a->cells[a->cell_count++] =
        (HourCell){post->platform_id.value, hour_of(post->posted_at), sign > 0 ? post : NULL};
    n->posts += sign;
    if (post->posted_at.us < n->week_from_us || post->posted_at.us > now_us) return;
    if (sign < 0) {
        n->recount = true;
    } else {
        n->week_posts++;
        n->week_score += post->score;
    }
}

static int change_order(const void *a, const void *b) {
    const Change *x = a, *y = b;
    const PostRow *p = x->after ? x->after : x->before, *q = y->after ? y->after : y->before;
    int by_platform = order(p->platform_id.value, q->platform_id.value);
    int by_time = order(p->posted_at.us, q->posted_at.us);
    return by_platform ? by_platform : by_time ? by_time : str_cmp(p->id, q->id);
}

static void changes_number(Apply *a, int64_t first_change) {
    qsort(a->changes, (size_t)a->count, sizeof *a->changes, change_order);
    for (ptrdiff_t i = 0; i < a->count; i++) {
        PostRow *after = a->changes[i].after;
        if (!after) continue;
        after->change_seq = first_change + i;
        after->n = a->changes[i].before ? a->changes[i].before->n : first_change + i;
    }
}

static Err *changes_meet(Apply *a, Tag ***tags, ptrdiff_t *tag_count) {
    a->sides = (Side(*)[2])arena_alloc(a->c->arena, (ptrdiff_t)sizeof *a->sides, a->count);
    for (ptrdiff_t i = 0; i < a->count; i++) {
        side_meet(a, &a->sides[i][0], a->changes[i].before, -1);
        side_meet(a, &a->sides[i][1], a->changes[i].after, 1);
    }
    for (ptrdiff_t i = 0; i < a->network_count; i++) {
        TRY(tags_name(a, &a->networks[i]));
        TRY(creator_followers_load(a, &a->networks[i]));
    }
    *tags = tags_sorted(a, tag_count);
    return tag_followers_load(a, *tags, *tag_count);
}

static void side_follow(Side *side) {
    if (side->post && side->post->author.len)
        side->followed = map_get(&side->network->authors, side->post->author);
}

static void links_note(Apply *a) {
    int64_t now_us = time_now().us;
    a->cells = arena_array(a->c->arena, HourCell, 2 * a->count);
    for (ptrdiff_t i = 0; i < a->count; i++) {
        Side *side = a->sides[i];
        tags_compare(a, side);
        if (a->followed) {
            side_follow(&side[0]);
            side_follow(&side[1]);
            projects_compare(a, side);
        }
        if (side[0].post) figures_note(a, side[0].network, side[0].post, -1, now_us);
        if (side[1].post) figures_note(a, side[1].network, side[1].post, 1, now_us);
    }
}

Err *posts_apply(Ctx *c, Change *changes, ptrdiff_t count, int64_t first_change) {
    assert(c->tx && count >= 0);
    if (count == 0) return NULL;
    Apply a = {.c = c, .changes = changes, .count = count, .many = many_new(c, count)};
    Tag **tags = NULL;
    ptrdiff_t tag_count = 0;
    changes_number(&a, first_change);
    TRY(networks_load(&a));
    TRY(changes_meet(&a, &tags, &tag_count));
    links_note(&a);
    return apply_write(&a, tags, tag_count, first_change);
}

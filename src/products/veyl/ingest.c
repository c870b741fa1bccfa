/* SPDX-License-Identifier: Apache-2.0
 * Drafts meet what is stored: which are new, which change something, which say nothing new. Writing
 * is apply.c's. */
#include "products/veyl/ingest.h"

#include <math.h>

#include "core/map.h"
#include "products/veyl/queries.h"

#define NOT_FOUND_PLATFORM "Plateforme non trouvée"

Many *many_new(Ctx *c, ptrdiff_t rows) {
    Many *m = arena_new_of(c->arena, Many);
    m->c = c;
    m->cap = max_size(MANY_ROWS_MIN, min_size(rows, MANY_ROWS_MAX));
    m->values = arena_bytes(c->arena, m->cap * (ptrdiff_t)sizeof *m->values);
    m->rows = arena_bytes(c->arena, m->cap * (ptrdiff_t)sizeof *m->rows);
    return m;
}

void many_start(Many *m, Sql sql, int width) {
    assert(m->count == 0 && width > 0 && width <= MANY_WIDTH);
    m->sql = sql;
    m->width = width;
}

Err *many_end(Many *m) {
    ptrdiff_t count = m->count;
    m->count = 0;
    return count ? db_exec_many(m->c, m->sql, m->rows, count) : NULL;
}

Err *many_row(Many *m, Value **values) {
    if (m->count == m->cap) TRY(many_end(m));
    m->rows[m->count] = (Args){m->values[m->count], m->width};
    *values = m->values[m->count++];
    return NULL;
}

Value sentiment_value(OptFloat sentiment) {
    return sentiment.set ? V((int64_t)llround(sentiment.value * 10000)) : value_null();
}

JsonText json_of_names(Arena *arena, const Str *names, ptrdiff_t count) {
    return (JsonText){names_json(arena, (StrList){(Str *)(uintptr_t)names, count})};
}

/* -- platforms -------------------------------------------------------------------------------- */

Err *platform_ensure(Ctx *c, Str name, Id *out) {
    Platform platform;
    bool found;
    TRY(db_maybe(c, SQL(SQL_PLATFORM_BY_NAME), ARGS(V(name)), &platform_record, &platform, &found));
    if (!found) {
        if (!platform_is_known(name)) FAIL(c, BAD_REQUEST, NOT_FOUND_PLATFORM);
        /* Another may make it at this moment: then there is no row here, and one to be read
         * after. */
        Time now = time_now();
        TRY(db_exec(c, SQL(SQL_PLATFORM_ADD),
                    ARGS(V(name), value_null(), V(now), V(time_add(now, -7 * US_PER_DAY))), NULL));
        TRY(db_one(c, SQL(SQL_PLATFORM_BY_NAME), ARGS(V(name)), &platform_record, &platform));
    }
    *out = platform.id;
    return NULL;
}

Err *platform_resolve(Ctx *c, Str name, Id id, Platform *out) {
    bool found;
    if (name.len) TRY(platform_ensure(c, name, &id));
    TRY(db_maybe(c, SQL(SQL_PLATFORM_BY_ID), ARGS(V(id)), &platform_record, out, &found));
    if (!found) FAIL(c, BAD_REQUEST, NOT_FOUND_PLATFORM);
    return NULL;
}

/* A platform that drafts of one batch name, or why it is none. */
typedef struct Named {
    Platform platform;
    bool missing;
} Named;

static Err *platform_name(Ctx *c, Str name, Id id, Named *out) {
    Err *err = platform_resolve(c, name, id, &out->platform);
    out->missing = err && err->kind == ERR_BAD_REQUEST;
    return out->missing ? NULL : err;
}

static Err *platforms_fill(Ctx *c, Draft *drafts, ptrdiff_t count) {
    Map by_name = {.arena = c->arena};
    for (ptrdiff_t i = 0; i < count; i++) {
        PostRow *p = &drafts[i].post;
        if (drafts[i].problem) continue;
        Str key = p->platform.len ? p->platform
                                  : strf(c->arena, "#%lld", (long long)p->platform_id.value);
        Named *named = map_get(&by_name, key);
        if (!named) {
            named = arena_new_of(c->arena, Named);
            TRY(platform_name(c, p->platform, p->platform_id, named));
            map_set(&by_name, key, named);
        }
        if (named->missing) {
            drafts[i].problem = NOT_FOUND_PLATFORM;
        } else if (!id_is_none(p->platform_id) && !id_eq(p->platform_id, named->platform.id)) {
            drafts[i].problem = "platform and platform_id are not the same platform";
        } else {
            p->platform_id = named->platform.id;
            p->platform = named->platform.name;
        }
    }
    return NULL;
}

/* -- merging ---------------------------------------------------------------------------------- */

static void take_text(Str *to, Str from) {
    if (from.len) *to = from;
}

static void take_count(OptInt *to, OptInt from) {
    if (from.set) *to = from;
}

static int64_t counted(OptInt n) { return n.set ? n.value : 0; }

/* What the draft knows, over what is stored. */
static PostRow merged(const PostRow *stored, const Draft *draft) {
    const PostRow *d = &draft->post;
    PostRow p = *stored;
    bool caption = d->caption.data != NULL;
    take_text(&p.author, d->author);
    take_text(&p.caption, d->caption);
    if (caption || draft->given & GIVEN_HASHTAGS) p.hashtags = d->hashtags;
    if (caption || draft->given & GIVEN_MENTIONS) p.mentions = d->mentions;
    if (caption || draft->given & GIVEN_LANGUAGE) p.language = d->language;
    if (caption || draft->given & GIVEN_SENTIMENT) p.sentiment = d->sentiment;
    take_count(&p.likes, d->likes);
    take_count(&p.comments, d->comments);
    take_count(&p.shares, d->shares);
    take_count(&p.views, d->views);
    if (d->posted_at.us != POSTED_UNKNOWN.us) p.posted_at = d->posted_at;
    take_text(&p.media_url, d->media_url);
    take_text(&p.external_id, d->external_id);
    take_text(&p.permalink, d->permalink);
    take_text(&p.media_type, d->media_type);
    take_text(&p.thumbnail_url, d->thumbnail_url);
    p.fetched_at = d->fetched_at;
    p.hashtags_json = p.mentions_json = (Str){NULL, 0};
    p.score = counted(p.likes) + counted(p.comments) + counted(p.shares);
    return p;
}

static bool counts_eq(OptInt a, OptInt b) { return a.set == b.set && counted(a) == counted(b); }

static bool names_eq(StrList a, StrList b) {
    if (a.count != b.count) return false;
    for (ptrdiff_t i = 0; i < a.count; i++)
        if (!str_eq(a.items[i], b.items[i])) return false;
    return true;
}

/* All but when it was fetched. */
static bool posts_eq(const PostRow *a, const PostRow *b) {
    return str_eq(a->author, b->author) && str_eq(a->caption, b->caption) &&
           names_eq(a->hashtags, b->hashtags) && names_eq(a->mentions, b->mentions) &&
           counts_eq(a->likes, b->likes) && counts_eq(a->comments, b->comments) &&
           counts_eq(a->shares, b->shares) && counts_eq(a->views, b->views) &&
           a->posted_at.us == b->posted_at.us && str_eq(a->language, b->language) &&
           str_eq(a->media_url, b->media_url) && a->sentiment.set == b->sentiment.set &&
           (!a->sentiment.set || a->sentiment.value == b->sentiment.value) &&
           str_eq(a->external_id, b->external_id) && str_eq(a->permalink, b->permalink) &&
           str_eq(a->media_type, b->media_type) && str_eq(a->thumbnail_url, b->thumbnail_url);
}

/* -- a batch ---------------------------------------------------------------------------------- */

/* One id of the batch: what is stored under it and what it becomes. */
typedef struct Entry {
    const PostRow *stored;
    PostRow *current;
    bool changed;
} Entry;

typedef struct Batch {
    Draft *drafts;
    ptrdiff_t count;
    IngestCounts *counts;
    Map entries;
} Batch;

static Err *stored_load(Ctx *c, Batch *batch) {
    Str *ids = arena_array(c->arena, Str, batch->count);
    ptrdiff_t count = 0;
    for (ptrdiff_t i = 0; i < batch->count; i++)
        if (!batch->drafts[i].problem) ids[count++] = batch->drafts[i].post.id;
    Rows rows;
    TRY(db_query(c, SQL2(SQL_POSTS_BY_IDS_SQLITE, SQL_POSTS_BY_IDS_POSTGRES),
                 ARGS(V(json_of_names(c->arena, ids, count))), &post_row_record, &rows));
    PostRow *stored = rows.items;
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        Entry *entry = arena_new_of(c->arena, Entry);
        *entry = (Entry){&stored[i], &stored[i], false};
        map_set(&batch->entries, stored[i].id, entry);
    }
    return NULL;
}

static void draft_meet(Ctx *c, Batch *batch, Draft *draft) {
    Entry *entry = map_get(&batch->entries, draft->post.id);
    if (!entry) {
        entry = arena_new_of(c->arena, Entry);
        entry->current = arena_new_of(c->arena, PostRow);
        *entry->current = draft->post;
        entry->changed = true;
        map_set(&batch->entries, draft->post.id, entry);
        batch->counts->created++;
        return;
    }
    if (!id_eq(entry->current->platform_id, draft->post.platform_id)) {
        draft->problem = "the id belongs to a post of another platform";
        return;
    }
    PostRow next = merged(entry->current, draft);
    if (posts_eq(entry->current, &next)) {
        batch->counts->unchanged++;
        return;
    }
    entry->current = arena_new_of(c->arena, PostRow);
    *entry->current = next;
    entry->changed = true;
    batch->counts->updated++;
}

static Err *batch_write(Ctx *c, void *arg) {
    Batch *batch = arg;
    *batch->counts = (IngestCounts){0};
    batch->entries = (Map){.arena = c->arena};
    int64_t first;
    TRY(db_next_change(c, batch->count, &first));
    TRY(stored_load(c, batch));
    for (ptrdiff_t i = 0; i < batch->count; i++)
        if (!batch->drafts[i].problem) draft_meet(c, batch, &batch->drafts[i]);
    Change *changes = arena_array(c->arena, Change, batch->entries.count + 1);
    ptrdiff_t count = 0, cursor = 0;
    for (MapSlot slot; map_next(&batch->entries, &cursor, &slot);) {
        Entry *entry = slot.value;
        if (entry->changed) changes[count++] = (Change){entry->stored, entry->current};
    }
    return posts_apply(c, changes, count, first);
}

Err *posts_ingest(Ctx *c, Draft *drafts, ptrdiff_t count, IngestCounts *counts) {
    *counts = (IngestCounts){0};
    if (count == 0) return NULL;
    TRY(platforms_fill(c, drafts, count));
    Time now = time_now();
    for (ptrdiff_t i = 0; i < count; i++)
        if (time_is_null(drafts[i].post.fetched_at)) drafts[i].post.fetched_at = now;
    Batch batch = {.drafts = drafts, .count = count, .counts = counts};
    return db_transaction(c, batch_write, &batch);
}

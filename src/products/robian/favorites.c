/* SPDX-License-Identifier: Apache-2.0
 * /api/favorites: debates that a listener marked, and how far each was heard. One a listener and
 * debate: marking it again is 409, what is known of it changes by PUT. watch_count: how often it was
 * heard to its end, that is, progress_percentage came to 95. */
#include "products/robian/debate.h"
#include "products/robian/list_page.h"
#include "products/robian/listeners_sql.h"
#include "products/robian/routes.h"

enum { FAVORITES_MAX = 5000, HEARD_PERCENT = 95 };

typedef struct Favorite {
    int64_t n, debate_n;
    Str id, user_id, debate_id, note, message;
    StrList tags;
    int64_t last_position_seconds;
    double progress_percentage;
    int64_t watch_count;
    Time created_at, updated_at;
    Debate debate;
} Favorite;

#define FAVORITE_COLUMNS                                                              \
    FIELD(Favorite, id), FIELD(Favorite, user_id), FIELD(Favorite, debate_id),        \
        FIELD(Favorite, note, .flags = F_NULLABLE), FIELD(Favorite, tags),            \
        FIELD(Favorite, last_position_seconds), FIELD(Favorite, progress_percentage), \
        FIELD(Favorite, watch_count, .doc = "How often it was heard to its end"),     \
        FIELD(Favorite, created_at), FIELD(Favorite, updated_at)

static const Field favorite_row_fields[] = {FIELD(Favorite, n), FIELD(Favorite, debate_n),
                                            FAVORITE_COLUMNS};
static const Record favorite_row_record = RECORD_AS("FavoriteRow", Favorite, favorite_row_fields);
static const Field favorite_fields[] = {
    FAVORITE_COLUMNS,
    FIELD_RECORD(Favorite, debate, &debate_record),
    FIELD(Favorite, message, .flags = F_NULLABLE | F_OMIT_NULL),
};
static const Record favorite_record =
    RECORD(Favorite, favorite_fields, .doc = "A debate that a listener marked");

/* In the body or in the query. */
typedef struct FavoriteIn {
    Str user_id, note;
    StrList tags;
    OptInt last_position_seconds;
    OptFloat progress_percentage;
} FavoriteIn;
static const Field favorite_in_fields[] = {
    FIELD(FavoriteIn, user_id, .flags = F_NULLABLE, .min = DEVICE_ID_MIN, .max = DEVICE_ID_MAX,
          .doc = "Of a device"),
    FIELD(FavoriteIn, note, .flags = F_NULLABLE, .max = 2000),
    FIELD(FavoriteIn, tags, .max = 20),
    FIELD(FavoriteIn, last_position_seconds, .min = 0, .max = 604800),
    FIELD(FavoriteIn, progress_percentage, .min = 0, .max = 100),
};
static const Record favorite_in_record =
    RECORD(FavoriteIn, favorite_in_fields, .open = true, .doc = "In the body, or in the query");

/* -- reading ----------------------------------------------------------------------------------- */

/* A favourite goes with its debate; one that went between the two reads is left out. */
static Err *favorites_show(Ctx *c, Favorite *all, ptrdiff_t *count) {
    int64_t *keys = arena_array(c->arena, int64_t, *count + 1);
    Debate *debates;
    ptrdiff_t shown = 0;
    for (ptrdiff_t i = 0; i < *count; i++) keys[i] = all[i].debate_n;
    TRY(list_debates(c, keys, *count, &debates));
    for (ptrdiff_t i = 0; i < *count; i++) {
        if (debates[i].n == 0) continue;
        all[shown] = all[i];
        all[shown++].debate = debates[i];
    }
    *count = shown;
    return NULL;
}

static const Field list_query_fields[] = {LIST_FIELDS};
static const Record list_query_record = RECORD_AS("FavoriteQuery", ListQuery, list_query_fields);

static Err *favorites_list(Ctx *c, Call *k) {
    const ListQuery *query = k->query;
    Listener l;
    ListFrom from;
    Rows rows;
    int64_t total;
    TRY(listener_of(c, k, &l));
    TRY(list_from(c, query, &from));
    TRY(db_query(c, SQL(SQL_FAVORITES_PAGE),
                 ARGS(V(l.owner), V(from.below), V(query->per_page), V(from.offset)),
                 &favorite_row_record, &rows));
    TRY(db_int(c, SQL(SQL_FAVORITES_COUNT), ARGS(V(l.owner)), &total));
    Favorite *all = rows.items;
    Str next = list_next(c, query, rows.count, rows.count ? all[rows.count - 1].n : 0);
    TRY(favorites_show(c, all, &rows.count));
    call_list(c, k, rows, total, next);
    return NULL;
}

static Err *favorite_find(Ctx *c, const Listener *l, int64_t debate, Favorite *out) {
    bool found;
    TRY(db_maybe(c, SQL(SQL_FAVORITE_FIND), ARGS(V(l->owner), V(debate)), &favorite_row_record, out,
                 &found));
    if (!found) FAIL(c, NOT_FOUND, "Ce débat n'est pas dans les favoris");
    return NULL;
}

static Err *favorite_answer(Ctx *c, Call *k, const Favorite *f, Str message) {
    Favorite *out = call_out(k);
    ptrdiff_t one = 1;
    *out = *f;
    out->message = message;
    TRY(favorites_show(c, out, &one));
    if (one == 0) FAIL(c, NOT_FOUND, "Débat %.*s non trouvé", S_ARG(f->debate_id));
    return NULL;
}

static Err *favorite_get(Ctx *c, Call *k) {
    Listener l;
    Favorite f;
    int64_t debate;
    TRY(listener_of(c, k, &l));
    TRY(debate_key(c, k->params[0], &debate));
    TRY(favorite_find(c, &l, debate, &f));
    return favorite_answer(c, k, &f, (Str){NULL, 0});
}

/* -- writing ----------------------------------------------------------------------------------- */

typedef struct FavoriteWrite {
    Call *k;
    Listener l;
    int64_t debate;
    Favorite f;
} FavoriteWrite;

/* The body's words over the query's. */
static void favorite_take(const Call *k, Favorite *f) {
    const FavoriteIn *both[] = {k->query, k->in};
    for (int i = 0; i < COUNT(both); i++) {
        const FavoriteIn *in = both[i];
        FieldSet present = i == 1 ? k->present : 0;
        if (in->note.data || (present & record_bit(&favorite_in_record, "note")))
            f->note = in->note;
        if (in->tags.count || (present & record_bit(&favorite_in_record, "tags")))
            f->tags = in->tags;
        if (in->last_position_seconds.set)
            f->last_position_seconds = in->last_position_seconds.value;
        if (in->progress_percentage.set) f->progress_percentage = in->progress_percentage.value;
    }
}

static Err *tags_check(Ctx *c, const Favorite *f) {
    Problems problems = {.arena = c->arena};
    for (ptrdiff_t i = 0; i < f->tags.count; i++)
        if (str_utf8_count(f->tags.items[i]) > 50)
            problem_add(&problems, strf(c->arena, "tags.%lld", (long long)i), S("too_long"),
                        "A tag has at most 50 characters");
    return problems_err(c, &problems);
}

static JsonText tags_json(Ctx *c, const Favorite *f) {
    Buf b = buf_new(c->arena, 64);
    buf_byte(&b, '[');
    for (ptrdiff_t i = 0; i < f->tags.count; i++) {
        if (i) buf_byte(&b, ',');
        buf_json(&b, f->tags.items[i]);
    }
    buf_byte(&b, ']');
    return (JsonText){buf_str(&b)};
}

static Err *favorite_prepare(Ctx *c, Call *k, FavoriteWrite *w) {
    const FavoriteIn *in = k->in;
    TRY(listener_named(c, k, in ? in->user_id : (Str){NULL, 0}, &w->l));
    return debate_key(c, k->params[0], &w->debate);
}

static Err *favorite_insert(Ctx *c, void *arg) {
    FavoriteWrite *w = arg;
    Favorite *f = &w->f;
    int64_t count, watched = f->progress_percentage >= HEARD_PERCENT;
    ptrdiff_t added;
    TRY(listener_lock(c, &w->l));
    TRY(db_int(c, SQL(SQL_FAVORITES_COUNT), ARGS(V(w->l.owner)), &count));
    TRY(db_exec(c, SQL(SQL_FAVORITE_ADD),
                ARGS(V(uuid_v7(c->arena)), V(w->l.owner), V(w->l.user_id), V(w->debate), V(f->note),
                     V(tags_json(c, f)), V(f->last_position_seconds), V(f->progress_percentage),
                     V(watched), V(time_now())),
                &added));
    if (added == 0) FAIL(c, CONFLICT, "Ce débat est déjà dans les favoris");
    if (count >= FAVORITES_MAX) FAIL(c, CONFLICT, "Au plus %d favoris", (int)FAVORITES_MAX);
    TRY(listener_did(c, &w->l, S("favorite_add"), w->debate, (Str){NULL, 0}));
    return favorite_find(c, &w->l, w->debate, f);
}

static Err *favorite_add(Ctx *c, Call *k) {
    FavoriteWrite w = {.k = k};
    TRY(favorite_prepare(c, k, &w));
    favorite_take(k, &w.f);
    TRY(tags_check(c, &w.f));
    TRY(db_transaction(c, favorite_insert, &w));
    return favorite_answer(c, k, &w.f, S("Débat ajouté aux favoris"));
}

static Err *favorite_rewrite(Ctx *c, void *arg) {
    FavoriteWrite *w = arg;
    Favorite *f = &w->f;
    TRY(listener_lock(c, &w->l));
    TRY(favorite_find(c, &w->l, w->debate, f));
    favorite_take(w->k, f);
    TRY(tags_check(c, f));
    TRY(db_exec(c, SQL(SQL_FAVORITE_CHANGE),
                ARGS(V(f->n), V(f->note), V(tags_json(c, f)), V(f->last_position_seconds),
                     V(f->progress_percentage), V(time_now()), V((double)HEARD_PERCENT)),
                NULL));
    return favorite_find(c, &w->l, w->debate, f);
}

static Err *favorite_change(Ctx *c, Call *k) {
    FavoriteWrite w = {.k = k};
    TRY(favorite_prepare(c, k, &w));
    TRY(db_transaction(c, favorite_rewrite, &w));
    return favorite_answer(c, k, &w.f, (Str){NULL, 0});
}

static Err *favorite_take_away(Ctx *c, void *arg) {
    FavoriteWrite *w = arg;
    ptrdiff_t removed;
    TRY(listener_lock(c, &w->l));
    TRY(db_exec(c, SQL(SQL_FAVORITE_REMOVE), ARGS(V(w->l.owner), V(w->debate)), &removed));
    if (removed == 0) FAIL(c, NOT_FOUND, "Ce débat n'est pas dans les favoris");
    return listener_did(c, &w->l, S("favorite_remove"), w->debate, (Str){NULL, 0});
}

static Err *favorite_remove(Ctx *c, Call *k) {
    FavoriteWrite w = {.k = k};
    TRY(favorite_prepare(c, k, &w));
    TRY(db_transaction(c, favorite_take_away, &w));
    call_message(c, k, S("Débat retiré des favoris"));
    return NULL;
}

#define READS .access = ACCESS_OPEN, .scope = "listening:read", .tag = "favorites"
#define WRITES \
    .access = ACCESS_OPEN, .scope = "listening:write", .rate = RATE_WRITE, .tag = "favorites"
#define TAKES                                                                   \
    .query = &favorite_in_record, .in = &favorite_in_record, .in_change = true, \
    .body_limit = 64 * 1024, .out = &favorite_record

const Route favorite_routes[] = {
    {GET, "/api/favorites", favorites_list, READS, .query = &list_query_record,
     .out = &favorite_record, .out_list = true, .errors = "400 401 403",
     .doc = "The listener's favourites with their debates, the latest first"},
    {GET, "/api/favorites/{debate_id}", favorite_get, READS, .query = &listener_query_record,
     .out = &favorite_record, .errors = "401 403 404", .doc = "One of them, by its debate"},
    {POST, "/api/favorites/{debate_id}", favorite_add, WRITES, TAKES, .errors = "401 403 404 409",
     .doc = "Mark a debate; 409 when it is marked already"},
    {PUT, "/api/favorites/{debate_id}", favorite_change, WRITES, TAKES, .errors = "401 403 404",
     .doc = "Change what is given: the position a player is at, a note, tags"},
    {DELETE, "/api/favorites/{debate_id}", favorite_remove, WRITES, .query = &listener_query_record,
     .out = &message_record, .errors = "401 403 404", .doc = "It is a favourite no more"},
    {0},
};

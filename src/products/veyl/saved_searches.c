/* SPDX-License-Identifier: Apache-2.0
 * /api/v1/projects/{id}/searches and /signals. */
#include "products/veyl/saved_searches.h"

#include "products/veyl/routes.h"
#include "products/veyl/search_index.h"
#include "products/veyl/search_sql.h"

enum { SEARCHES_MAX = 100 }; /* of a project */

#define SAVED_FIELDS                                                                             \
    FIELD(SavedSearch, id), FIELD(SavedSearch, project_id), FIELD(SavedSearch, name),            \
        FIELD(SavedSearch, q), FIELD(SavedSearch, filter, .flags = F_NULLABLE),                  \
        FIELD(SavedSearch, enabled), FIELD(SavedSearch, signals_count),                          \
        FIELD(SavedSearch, last_signal_at, .flags = F_NULLABLE), FIELD(SavedSearch, created_at), \
        FIELD(SavedSearch, updated_at)

static const Field saved_search_fields[] = {SAVED_FIELDS};
const Record saved_search_record =
    RECORD(SavedSearch, saved_search_fields, .doc = "A search that watches for new posts");
static const Field saved_row_fields[] = {SAVED_FIELDS, FIELD(SavedSearch, since)};
const Record saved_row_record = RECORD_AS("SavedSearchRow", SavedSearch, saved_row_fields);

typedef struct SavedSearchIn {
    Str name, q, filter;
    bool enabled;
} SavedSearchIn;
static const Field saved_in_fields[] = {
    FIELD(SavedSearchIn, name, .flags = F_REQUIRED | F_TRIM, .min = 1, .max = 200),
    FIELD(SavedSearchIn, q, .flags = F_REQUIRED | F_TRIM, .min = 1, .max = 1000,
          .doc = "As in /api/v1/posts/search; every word must be there"),
    FIELD(SavedSearchIn, filter, .flags = F_NULLABLE | F_TRIM, .max = 4000),
    FIELD(SavedSearchIn, enabled, .fallback = "true"),
};
static const Record saved_in_record = RECORD(SavedSearchIn, saved_in_fields);

static const Field signal_fields[] = {
    FIELD(Signal, id),
    FIELD(Signal, project_id),
    FIELD(Signal, kind, .doc = "saved_search: a new post that a saved search found"),
    FIELD(Signal, title),
    FIELD(Signal, saved_search_id, .flags = F_NULLABLE),
    FIELD(Signal, post_id, .flags = F_NULLABLE),
    FIELD(Signal, payload),
    FIELD(Signal, created_at),
};
const Record signal_record = RECORD(Signal, signal_fields, .doc = "Something worth a look");

static Err *saved_load(Ctx *c, const Call *k, SavedSearch *out) {
    bool found;
    TRY(db_maybe(c, SQL(SQL_SAVED_GET), ARGS(V(k->ids[0]), V(k->ids[1])), &saved_search_record, out,
                 &found));
    if (!found) FAIL(c, NOT_FOUND, "Saved search not found");
    return NULL;
}

/* Is it a query and a filter? Asked as the follower will ask. */
static Err *saved_check(Ctx *c, Str q, Str filter) {
    SearchSaved *set = search_saved_new(&posts_index);
    Err *err = search_saved_put(c, set, 1, q, (Str){0}, filter);
    search_saved_free(set);
    return err;
}

static Err *searches_list(Ctx *c, Call *k) {
    Project project;
    Rows rows;
    TRY(project_load_flat(c, k->ids[0], &project));
    TRY(db_query(c, SQL(SQL_SAVED_LIST), ARGS(V(project.id)), &saved_search_record, &rows));
    call_list(c, k, rows, rows.count, (Str){0});
    return NULL;
}

static Err *search_get(Ctx *c, Call *k) {
    Project project;
    TRY(project_load_flat(c, k->ids[0], &project));
    return saved_load(c, k, call_out(k));
}

static Err *search_insert(Ctx *c, void *arg) {
    Call *k = arg;
    const SavedSearchIn *in = k->in;
    int64_t count;
    TRY(project_lock(c, k->ids[0]));
    TRY(db_int(c, SQL(SQL_SAVED_COUNT), ARGS(V(k->ids[0])), &count));
    if (count >= SEARCHES_MAX)
        FAIL(c, CONFLICT, "A project has at most %d saved searches", (int)SEARCHES_MAX);
    Err *err = db_one(
        c, SQL(SQL_SAVED_ADD),
        ARGS(V(k->ids[0]), V(in->name), V(in->q), V(in->filter), V(in->enabled), V(time_now())),
        &saved_search_record, call_out(k));
    if (err && err->kind == ERR_CONFLICT)
        FAIL(c, CONFLICT, "The project has a saved search of this name");
    TRY(err);
    TRY(db_exec(c, SQL(SQL_SAVED_VERSION_RAISE), NO_ARGS, NULL));
    return call_settle(c, k);
}

static Err *search_add(Ctx *c, Call *k) {
    const SavedSearchIn *in = k->in;
    Project project;
    TRY(project_load_for_change(c, k->ids[0], &project));
    TRY(saved_check(c, in->q, in->filter));
    return db_transaction(c, search_insert, k);
}

static Err *search_update(Ctx *c, void *arg) {
    Call *k = arg;
    const SavedSearchIn *in = k->in;
    SavedSearch *s = call_out(k);
    TRY(project_lock(c, k->ids[0]));
    TRY(saved_load(c, k, s));
    if (k->present & record_bit(&saved_in_record, "name")) s->name = in->name;
    if (k->present & record_bit(&saved_in_record, "q")) s->q = in->q;
    if (k->present & record_bit(&saved_in_record, "filter")) s->filter = in->filter;
    if (k->present & record_bit(&saved_in_record, "enabled")) s->enabled = in->enabled;
    Err *err =
        db_one(c, SQL(SQL_SAVED_CHANGE),
               ARGS(V(s->id), V(s->name), V(s->q), V(s->filter), V(s->enabled), V(time_now())),
               &saved_search_record, s);
    if (err && err->kind == ERR_CONFLICT)
        FAIL(c, CONFLICT, "The project has a saved search of this name");
    TRY(err);
    return db_exec(c, SQL(SQL_SAVED_VERSION_RAISE), NO_ARGS, NULL);
}

static Err *search_change(Ctx *c, Call *k) {
    const SavedSearchIn *in = k->in;
    Project project;
    TRY(project_load_for_change(c, k->ids[0], &project));
    TRY(saved_check(c, in->q, in->filter)); /* what is not given is empty, which is good */
    return db_transaction(c, search_update, k);
}

static Err *search_delete(Ctx *c, void *arg) {
    Call *k = arg;
    ptrdiff_t removed;
    TRY(db_exec(c, SQL(SQL_SAVED_REMOVE), ARGS(V(k->ids[0]), V(k->ids[1])), &removed));
    if (removed == 0) FAIL(c, NOT_FOUND, "Saved search not found");
    return db_exec(c, SQL(SQL_SAVED_VERSION_RAISE), NO_ARGS, NULL);
}

static Err *search_remove(Ctx *c, Call *k) {
    Project project;
    TRY(project_load_for_change(c, k->ids[0], &project));
    return db_transaction(c, search_delete, k);
}

typedef struct SignalQuery {
    int64_t limit;
    Str cursor;
} SignalQuery;
static const Field signal_query_fields[] = {
    FIELD(SignalQuery, limit, .min = 1, .max = 500, .fallback = "50"),
    FIELD(SignalQuery, cursor, .max = 512),
};
static const Record signal_query_record = RECORD(SignalQuery, signal_query_fields);

static Err *signals_list(Ctx *c, Call *k) {
    const SignalQuery *query = k->query;
    Project project;
    Rows rows;
    Str before, next = {NULL, 0};
    int64_t older = INT64_MAX;
    TRY(project_load_flat(c, k->ids[0], &project));
    if (query->cursor.len > 0) {
        TRY(cursor_read(c, query->cursor, &before, 1));
        if (!str_to_i64(before, &older)) FAIL(c, BAD_REQUEST, "The cursor is not of this list.");
    }
    TRY(db_query(c, SQL(SQL_SIGNALS_LIST), ARGS(V(project.id), V(older), V(query->limit)),
                 &signal_record, &rows));
    const Signal *s = rows.items;
    if (rows.count == query->limit) {
        Str last = strf(c->arena, "%lld", (long long)s[rows.count - 1].id.value);
        next = cursor_make(c, &last, 1);
    }
    call_list(c, k, rows, project.signals_count, next);
    return NULL;
}

#define INVALID_ID "Project ID invalide"
#define READS \
    .access = ACCESS_USER, .scope = "projects:read", .not_integer = INVALID_ID, .tag = "projects"
#define WRITES                                                                   \
    .access = ACCESS_USER, .scope = "projects:write", .not_integer = INVALID_ID, \
    .rate = RATE_WRITE, .tag = "projects"

const Route saved_search_routes[] = {
    {GET, "/api/v1/projects/{id:int}/searches", searches_list, READS, .out = &saved_search_record,
     .out_list = true, .errors = "400 404", .doc = "The project's saved searches"},
    {POST, "/api/v1/projects/{id:int}/searches", search_add, WRITES, .in = &saved_in_record,
     .out = &saved_search_record, .status = 201, .idempotent = true, .errors = "400 403 404 409",
     .doc = "Watch for new posts that a search finds; each makes a signal"},
    {GET, "/api/v1/projects/{id:int}/searches/{search_id:int}", search_get, READS,
     .out = &saved_search_record, .errors = "400 404", .doc = "One saved search"},
    {PUT, "/api/v1/projects/{id:int}/searches/{search_id:int}", search_change, WRITES,
     .in = &saved_in_record, .in_change = true, .out = &saved_search_record,
     .errors = "400 403 404 409", .doc = "Change it; posts made from now on are news to it"},
    {DELETE, "/api/v1/projects/{id:int}/searches/{search_id:int}", search_remove, WRITES,
     .status = 204, .errors = "400 403 404", .doc = "Watch no more; its signals stay"},
    {GET, "/api/v1/projects/{id:int}/signals", signals_list, READS, .query = &signal_query_record,
     .out = &signal_record, .out_list = true, .errors = "400 404",
     .doc = "What was found worth a look, newest first"},
    {0},
};

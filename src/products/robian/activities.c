/* SPDX-License-Identifier: Apache-2.0
 * /api/activities: what a listener did lately, one entry for each kind and debate. Favourites and
 * collections note theirs by themselves; players tell what was played. */
#include "core/json.h"
#include "products/robian/debate.h"
#include "products/robian/list_page.h"
#include "products/robian/listeners_sql.h"
#include "products/robian/routes.h"

typedef struct Activity {
    Id id;
    Str kind, debate_id, debate_title;
    JsonText data;
    Time created_at;
} Activity;
static const Field activity_fields[] = {
    FIELD(Activity, id),
    FIELD(Activity, kind,
          .doc = "play, finish, favorite_add, favorite_remove, collection_create, "
                 "collection_delete, collection_add, collection_remove"),
    FIELD(Activity, debate_id, .flags = F_NULLABLE),
    FIELD(Activity, debate_title, .flags = F_NULLABLE),
    FIELD(Activity, data),
    FIELD(Activity, created_at),
};
static const Record activity_record = RECORD(Activity, activity_fields);

static const Field activity_query_fields[] = {
    LIST_FIELDS,
    FIELD(ListQuery, kind, .max = 50, .doc = "Only these"),
};
static const Record activity_query_record =
    RECORD_AS("ActivityQuery", ListQuery, activity_query_fields);

static Err *activities_list(Ctx *c, Call *k) {
    const ListQuery *query = k->query;
    Listener l;
    ListFrom from;
    Rows rows;
    int64_t total;
    Str kind = query->kind.data ? query->kind : S("");
    TRY(listener_of(c, k, &l));
    TRY(list_from(c, query, &from));
    TRY(db_query(c, SQL(SQL_ACTIVITIES_PAGE),
                 ARGS(V(l.owner), V(from.below), V(query->per_page), V(from.offset), V(kind)),
                 &activity_record, &rows));
    TRY(db_int(c, SQL(SQL_ACTIVITIES_COUNT), ARGS(V(l.owner), V(kind)), &total));
    const Activity *all = rows.items;
    int64_t last = rows.count ? all[rows.count - 1].id.value : 0;
    call_list(c, k, rows, total, list_next(c, query, rows.count, last));
    return NULL;
}

typedef struct ActivityIn {
    Str kind, debate_id;
    int64_t position_seconds;
} ActivityIn;
static const char *const told_kinds[] = {"play", "finish", NULL};
static const Field activity_in_fields[] = {
    FIELD(ActivityIn, kind, .flags = F_REQUIRED, .values = told_kinds),
    FIELD(ActivityIn, debate_id, .flags = F_REQUIRED, .max = 100),
    FIELD(ActivityIn, position_seconds, .min = 0, .max = 604800, .fallback = "0"),
};
static const Record activity_in_record = RECORD(ActivityIn, activity_in_fields);

typedef struct Told {
    Listener l;
    const ActivityIn *in;
    int64_t debate;
} Told;

static Err *activity_note(Ctx *c, void *arg) {
    const Told *told = arg;
    Str data = strf(c->arena, "{\"position_seconds\":%lld}", (long long)told->in->position_seconds);
    TRY(listener_lock(c, &told->l));
    return listener_did(c, &told->l, told->in->kind, told->debate, data);
}

static Err *activity_tell(Ctx *c, Call *k) {
    Told told = {.in = k->in};
    TRY(listener_of(c, k, &told.l));
    TRY(debate_key(c, told.in->debate_id, &told.debate));
    TRY(db_transaction(c, activity_note, &told));
    call_message(c, k, S("Activité notée"));
    return NULL;
}

static Err *activities_clear(Ctx *c, Call *k) {
    Listener l;
    TRY(listener_of(c, k, &l));
    TRY(db_exec(c, SQL(SQL_ACTIVITIES_ERASE), ARGS(V(l.owner)), NULL));
    call_message(c, k, S("Historique effacé"));
    return NULL;
}

#define READS .access = ACCESS_OPEN, .scope = "listening:read", .tag = "listeners"
#define WRITES \
    .access = ACCESS_OPEN, .scope = "listening:write", .rate = RATE_WRITE, .tag = "listeners"

const Route activity_routes[] = {
    {GET, "/api/activities", activities_list, READS, .query = &activity_query_record,
     .out = &activity_record, .out_list = true, .errors = "400 401 403",
     .doc = "What the listener did, the latest first; the latest 200 are kept"},
    {POST, "/api/activities", activity_tell, WRITES, .query = &listener_query_record,
     .in = &activity_in_record, .out = &message_record, .errors = "401 403 404",
     .doc = "A player tells what is played, or was heard to its end"},
    {DELETE, "/api/activities", activities_clear, WRITES, .query = &listener_query_record,
     .out = &message_record, .errors = "401 403", .doc = "Forget all of them"},
    {0},
};

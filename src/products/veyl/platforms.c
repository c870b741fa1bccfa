/* SPDX-License-Identifier: Apache-2.0
 * /api/v1/platforms. Reading is anybody's who is signed in; writing needs role admin. A key to a
 * platform's API is stored sealed and never shown. */
#include "api/auth.h"
#include "products/veyl/ingest.h"
#include "products/veyl/queries.h"
#include "products/veyl/routes.h"

typedef struct PageIn {
    int64_t skip, limit;
} PageIn;
static const Field page_in_fields[] = {
    FIELD(PageIn, skip, .min = 0, .max = 1000000000, .fallback = "0"),
    FIELD(PageIn, limit, .min = 1, .max = 1000, .fallback = "100"),
};
static const Record page_in_record = RECORD(PageIn, page_in_fields);

Err *platform_filter(Ctx *c, Str name, Id *out) {
    *out = (Id){0};
    if (name.len == 0) return NULL;
    Platform platform;
    bool found;
    Str lower = str_lower(c->arena, str_trim(name));
    TRY(db_maybe(c, SQL(SQL_PLATFORM_BY_NAME), ARGS(V(lower)), &platform_record, &platform,
                 &found));
    if (!found && !platform_is_known(lower)) FAIL(c, BAD_REQUEST, "Plateforme non trouvée");
    *out = found ? platform.id : PLATFORM_NONE;
    return NULL;
}

static Err *platform_load(Ctx *c, Id id, Platform *out) {
    bool found;
    TRY(db_maybe(c, SQL(SQL_PLATFORM_BY_ID), ARGS(V(id)), &platform_record, out, &found));
    if (!found) FAIL(c, NOT_FOUND, "Plateforme non trouvée");
    return NULL;
}

static Err *platforms_list(Ctx *c, Call *k) {
    const PageIn *page = k->query;
    Rows rows;
    int64_t total;
    TRY(db_query(c, SQL(SQL_PLATFORM_LIST), ARGS(V(page->limit), V(page->skip)), &platform_record,
                 &rows));
    TRY(db_int(c, SQL(SQL_PLATFORM_COUNT), NO_ARGS, &total));
    call_list(c, k, rows, total, (Str){NULL, 0});
    return NULL;
}

static Err *platform_get(Ctx *c, Call *k) { return platform_load(c, k->ids[0], call_out(k)); }

static Err *platform_make(Ctx *c, void *arg) {
    Call *k = arg;
    const PlatformIn *in = k->in;
    int64_t id;
    Time now = time_now();
    Str sealed = secret_seal(c, in->api_key);
    Err *err = db_int(c, SQL(SQL_PLATFORM_ADD),
                      ARGS(V(in->name), V(sealed), V(now), V(time_add(now, -7 * US_PER_DAY))), &id);
    if (err && err->kind == ERR_NOT_FOUND) FAIL(c, BAD_REQUEST, "Plateforme déjà existante");
    TRY(err);
    TRY(platform_load(c, (Id){id}, call_out(k)));
    return call_settle(c, k);
}

static Err *platform_create(Ctx *c, Call *k) { return db_transaction(c, platform_make, k); }

static Err *platform_update(Ctx *c, Call *k) {
    const PlatformIn *in = k->in;
    Platform *p = call_out(k);
    TRY(platform_load(c, k->ids[0], p));
    bool named = k->present & record_bit(&platform_in_record, "name");
    bool keyed = k->present & record_bit(&platform_in_record, "api_key");
    Str sealed = keyed ? secret_seal(c, in->api_key) : in->api_key;
    Err *err = db_exec(
        c, SQL(SQL_PLATFORM_CHANGE),
        ARGS(V(p->id), V(named ? in->name : p->name), V(keyed), V(sealed), V(time_now())), NULL);
    if (err && err->kind == ERR_CONFLICT) FAIL(c, BAD_REQUEST, "Plateforme déjà existante");
    TRY(err);
    return platform_load(c, p->id, p);
}

static Err *platform_delete(Ctx *c, Call *k) {
    Platform platform;
    TRY(platform_load(c, k->ids[0], &platform));
    int64_t used;
    TRY(db_int(c, SQL(SQL_PLATFORM_USED), ARGS(V(platform.id)), &used));
    if (used) FAIL(c, CONFLICT, "Plateforme encore utilisée");
    Err *err = db_exec(c, SQL(SQL_PLATFORM_REMOVE), ARGS(V(platform.id)), NULL);
    if (err && err->kind == ERR_INVALID) FAIL(c, CONFLICT, "Plateforme encore utilisée");
    TRY(err);
    call_message(c, k, S("Plateforme supprimée"));
    return NULL;
}

#define READS .access = ACCESS_USER, .scope = "posts:read", .tag = "platforms"
#define WRITES \
    .access = ACCESS_ADMIN, .scope = "posts:write", .tag = "platforms", .rate = RATE_WRITE

const Route platform_routes[] = {
    {GET, "/api/v1/platforms", platforms_list, READS, .query = &page_in_record,
     .out = &platform_record, .out_list = true, .doc = "All platforms"},
    {POST, "/api/v1/platforms", platform_create, WRITES, .in = &platform_in_record,
     .out = &platform_record, .idempotent = true, .errors = "400", .doc = "Add a platform"},
    {GET, "/api/v1/platforms/{id:int}", platform_get, READS, .out = &platform_record,
     .errors = "404", .doc = "One platform"},
    {PUT, "/api/v1/platforms/{id:int}", platform_update, WRITES, .in = &platform_in_record,
     .in_change = true, .out = &platform_record, .errors = "400 404",
     .doc = "Change its name or API key"},
    {DELETE, "/api/v1/platforms/{id:int}", platform_delete, WRITES, .out = &message_record,
     .errors = "404 409", .doc = "Remove a platform that nothing refers to"},
    {0},
};

/* SPDX-License-Identifier: Apache-2.0
 * /api/v1/organisations and their members. Who is none of them is told that there is no such
 * organisation. */
#include "api/accounts.h"
#include "api/accounts_room.h"
#include "api/accounts_sql.h"

typedef struct PageQuery {
    int64_t limit, offset;
} PageQuery;
static const Field page_fields[] = {
    FIELD(PageQuery, limit, .min = 1, .max = 200, .fallback = "50"),
    FIELD(PageQuery, offset, .min = 0, .max = 1000000000, .fallback = "0"),
};
static const Record page_record = RECORD(PageQuery, page_fields);

/* A key of an organisation sees that one and founds none. */
static Err *organisation_alone(Ctx *c, Call *k) {
    Organisation *one = arena_new_of(c->arena, Organisation);
    TRY(organisation_load(c, c->account.organisation, c->account.user, one));
    call_list(c, k, (Rows){one, 1}, 1, (Str){NULL, 0});
    return NULL;
}

static Err *organisations_list(Ctx *c, Call *k) {
    if (!id_is_none(c->account.organisation)) return organisation_alone(c, k);
    const PageQuery *page = k->query;
    Rows rows;
    int64_t total;
    TRY(db_query(c, SQL(SQL_ORGANISATION_LIST),
                 ARGS(V(c->account.user), V(page->limit), V(page->offset)), &organisation_record,
                 &rows));
    TRY(db_int(c, SQL(SQL_ORGANISATION_COUNT), ARGS(V(c->account.user)), &total));
    call_list(c, k, rows, total, (Str){NULL, 0});
    return NULL;
}

static Err *organisation_make(Ctx *c, void *arg) {
    Call *k = arg;
    const Organisation *in = k->in;
    TRY(organisation_create(c, c->account.user, in->name, call_out(k)));
    return call_settle(c, k);
}

Err *organisation_key_refuse(Ctx *c) {
    if (!id_is_none(c->account.organisation))
        FAIL(c, FORBIDDEN, "This key belongs to an organisation");
    return NULL;
}

static Err *organisations_post(Ctx *c, Call *k) {
    TRY(organisation_key_refuse(c));
    return db_transaction(c, organisation_make, k);
}

static Err *organisation_get(Ctx *c, Call *k) {
    TRY(organisation_require(c, k->ids[0], MEMBER_MEMBER));
    return organisation_load(c, k->ids[0], c->account.user, call_out(k));
}

static Err *organisation_patch(Ctx *c, Call *k) {
    const Organisation *in = k->in;
    TRY(organisation_require(c, k->ids[0], MEMBER_ADMIN));
    if (k->present & record_bit(&organisation_record, "name"))
        TRY(db_exec(c, SQL(SQL_ORGANISATION_RENAME), ARGS(V(k->ids[0]), V(in->name), V(time_now())),
                    NULL));
    return organisation_load(c, k->ids[0], c->account.user, call_out(k));
}

static Err *organisation_delete(Ctx *c, Call *k) {
    TRY(organisation_require(c, k->ids[0], MEMBER_OWNER));
    return db_exec(c, SQL(SQL_ORGANISATION_DELETE), ARGS(V(k->ids[0])), NULL);
}

/* -- Members --------------------------------------------------------------------------------------- */

typedef struct MemberIn {
    Str email, role;
} MemberIn;
static const char *const roles_given[] = {"member", "admin", "owner", NULL};
static const Field member_in_fields[] = {
    FIELD(MemberIn, email, .flags = F_REQUIRED | F_IMMUTABLE | F_TRIM, .max = 254,
          .format = "email"),
    FIELD(MemberIn, role, .values = roles_given, .fallback = "\"member\""),
};
static const Record member_in_record = RECORD(MemberIn, member_in_fields);

typedef struct MemberRoleIn {
    Str role;
} MemberRoleIn;
static const Field member_role_in_fields[] = {
    FIELD(MemberRoleIn, role, .flags = F_REQUIRED, .values = roles_given),
};
static const Record member_role_in_record = RECORD(MemberRoleIn, member_role_in_fields);

static Err *members_list(Ctx *c, Call *k) {
    const PageQuery *page = k->query;
    TRY(organisation_require(c, k->ids[0], MEMBER_MEMBER));
    Rows rows;
    int64_t total;
    TRY(db_query(c, SQL(SQL_MEMBER_LIST), ARGS(V(k->ids[0]), V(page->limit), V(page->offset)),
                 &member_record, &rows));
    TRY(db_int(c, SQL(SQL_MEMBER_COUNT), ARGS(V(k->ids[0])), &total));
    call_list(c, k, rows, total, (Str){NULL, 0});
    return NULL;
}

/* Owners are made, changed and removed by owners only. */
static Err *role_within_reach(Ctx *c, Id organisation, Id user, MemberRole wanted) {
    MemberRole present = MEMBER_NONE;
    if (!id_is_none(user)) TRY(organisation_role(c, organisation, user, &present));
    bool about_owner = wanted == MEMBER_OWNER || present == MEMBER_OWNER;
    return organisation_require(c, organisation, about_owner ? MEMBER_OWNER : MEMBER_ADMIN);
}

static Err *member_make(Ctx *c, void *arg) {
    Call *k = arg;
    const MemberIn *in = k->in;
    MemberRole role = member_role_of(in->role);
    TRY(role_within_reach(c, k->ids[0], (Id){0}, role));
    User user;
    TRY(user_by_email(c, in->email, &user));
    TRY(member_add(c, k->ids[0], user.id, role, call_out(k)));
    return call_settle(c, k);
}

static Err *members_post(Ctx *c, Call *k) { return db_transaction(c, member_make, k); }

static Err *member_patch(Ctx *c, Call *k) {
    const MemberRoleIn *in = k->in;
    MemberRole role = member_role_of(in->role);
    TRY(role_within_reach(c, k->ids[0], k->ids[1], role));
    return member_change(c, k->ids[0], k->ids[1], role, call_out(k));
}

static Err *member_delete(Ctx *c, Call *k) {
    if (id_eq(k->ids[1], c->account.user))
        TRY(organisation_require(c, k->ids[0], MEMBER_MEMBER));
    else
        TRY(role_within_reach(c, k->ids[0], k->ids[1], MEMBER_MEMBER));
    return member_remove(c, k->ids[0], k->ids[1]);
}

#define READS .access = ACCESS_USER, .scope = "organisations:read", .tag = "Organisations"
#define WRITES .access = ACCESS_USER, .scope = "organisations:write", .tag = "Organisations"

const Route organisation_routes[] = {
    {GET, "/api/v1/organisations", organisations_list, READS, .query = &page_record,
     .out = &organisation_record, .out_list = true, .doc = "Organisations the caller belongs to"},
    {POST, "/api/v1/organisations", organisations_post, WRITES, .in = &organisation_record,
     .out = &organisation_record, .status = 201, .rate = RATE_WRITE, .idempotent = true,
     .doc = "Found an organisation; the caller becomes its owner"},
    {GET, "/api/v1/organisations/{id:int}", organisation_get, READS, .out = &organisation_record,
     .errors = "404", .doc = "One organisation, as the caller sees it"},
    {PATCH, "/api/v1/organisations/{id:int}", organisation_patch, WRITES,
     .in = &organisation_record, .in_change = true, .out = &organisation_record,
     .errors = "403 404", .doc = "Rename it (admin, owner)"},
    {DELETE, "/api/v1/organisations/{id:int}", organisation_delete, WRITES, .status = 204,
     .errors = "403 404", .doc = "Erase it with all that belongs to it (owner)"},
    {GET, "/api/v1/organisations/{id:int}/members", members_list, READS, .query = &page_record,
     .out = &member_record, .out_list = true, .errors = "404", .doc = "Its members, oldest first"},
    {POST, "/api/v1/organisations/{id:int}/members", members_post, WRITES, .in = &member_in_record,
     .out = &member_record, .status = 201, .rate = RATE_WRITE, .idempotent = true,
     .errors = "403 404 409",
     .doc = "Add a user by e-mail address (admin; only an owner makes owners)"},
    {PATCH, "/api/v1/organisations/{id:int}/members/{user_id:int}", member_patch, WRITES,
     .in = &member_role_in_record, .out = &member_record, .errors = "403 404 409",
     .doc = "Change a role"},
    {DELETE, "/api/v1/organisations/{id:int}/members/{user_id:int}", member_delete, WRITES,
     .status = 204, .errors = "403 404 409",
     .doc = "Remove a member, or leave; the last owner cannot"},
    {0},
};

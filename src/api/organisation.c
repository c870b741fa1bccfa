/* SPDX-License-Identifier: Apache-2.0
 * Organisations and who belongs to them. Changes of one organisation's members wait for each other (a
 * row lock on PostgreSQL, the one writer on SQLite): two owners removing each other at the same
 * moment leave one. */
#include "api/accounts.h"
#include "api/accounts_sql.h"

static const char *const member_roles[] = {"member", "admin", "owner", NULL};
#define SQL_ORGANISATION_LOCK SQL2(SQL_ORGANISATION_LOCK_SQLITE, SQL_ORGANISATION_LOCK_POSTGRES)

static const Field organisation_fields[] = {
    FIELD(Organisation, id, .flags = F_READONLY),
    FIELD(Organisation, uid, .flags = F_READONLY, .format = "uuid"),
    FIELD(Organisation, name, .flags = F_REQUIRED | F_TRIM, .min = 1, .max = 120),
    FIELD(Organisation, role, .flags = F_READONLY, .values = member_roles,
          .doc = "What the caller is there"),
    FIELD(Organisation, created_at, .flags = F_READONLY),
    FIELD(Organisation, updated_at, .flags = F_READONLY),
};
const Record organisation_record =
    RECORD(Organisation, organisation_fields, .doc = "People who share projects, keys and quotas");

static const Field member_fields[] = {
    FIELD(Member, user_id),    FIELD(Member, email, .format = "email"),
    FIELD(Member, name),       FIELD(Member, role, .values = member_roles),
    FIELD(Member, created_at),
};
const Record member_record =
    RECORD(Member, member_fields, .doc = "A person's place in an organisation");

typedef struct OwnedRow {
    Id organisation_id;
} OwnedRow;
static const Field owned_fields[] = {FIELD(OwnedRow, organisation_id)};
static const Record owned_record = RECORD(OwnedRow, owned_fields);

MemberRole member_role_of(Str text) {
    static_assert(MEMBER_MEMBER == 1 && MEMBER_ADMIN == 2 && MEMBER_OWNER == 3,
                  "as in member_roles");
    for (int i = 0; member_roles[i]; i++)
        if (str_eq(text, str_c(member_roles[i]))) return (MemberRole)(i + 1);
    return MEMBER_NONE;
}

Str member_role_text(MemberRole role) {
    assert(role >= MEMBER_MEMBER && role <= MEMBER_OWNER);
    return str_c(member_roles[role - 1]);
}

static Err *absent(Ctx *c, const char *what) { FAIL(c, NOT_FOUND, "%s not found", what); }

Err *organisation_load(Ctx *c, Id organisation, Id user, Organisation *out) {
    bool found = false;
    TRY(db_maybe(c, SQL(SQL_ORGANISATION_LOAD), ARGS(V(organisation), V(user)),
                 &organisation_record, out, &found));
    return found ? NULL : absent(c, "Organisation");
}

Err *organisation_role(Ctx *c, Id organisation, Id user, MemberRole *out) {
    Member member = {0};
    bool found = false;
    TRY(db_maybe(c, SQL(SQL_MEMBER_LOAD), ARGS(V(organisation), V(user)), &member_record, &member,
                 &found));
    *out = found ? member_role_of(member.role) : MEMBER_NONE;
    return NULL;
}

Err *organisation_require(Ctx *c, Id organisation, MemberRole least) {
    MemberRole role;
    TRY(organisation_role(c, organisation, c->account.user, &role));
    bool foreign_key =
        !id_is_none(c->account.organisation) && !id_eq(c->account.organisation, organisation);
    if (role == MEMBER_NONE || foreign_key) return absent(c, "Organisation");
    if (role < least)
        FAIL(c, FORBIDDEN, "This needs the role %.*s in the organisation",
             S_ARG(member_role_text(least)));
    return NULL;
}

Err *organisation_owner(Ctx *c, Id organisation, Id *user) {
    Err *err = db_int(c, SQL(SQL_ORGANISATION_OWNER), ARGS(V(organisation)), &user->value);
    return err && err->kind == ERR_NOT_FOUND ? absent(c, "Organisation") : err;
}

typedef struct Founding {
    Id user;
    Str name;
    Organisation *out;
} Founding;

static Err *organisation_found(Ctx *c, void *arg) {
    const Founding *f = arg;
    Time now = time_now();
    Id id;
    TRY(db_int(c, SQL2(SQL_ORGANISATION_INSERT_SQLITE, SQL_ORGANISATION_INSERT_POSTGRES),
               ARGS(V(uuid_v7(c->arena)), V(f->name), V(now)), &id.value));
    TRY(db_exec(c, SQL(SQL_MEMBER_INSERT), ARGS(V(id), V(f->user), V(S("owner")), V(now)), NULL));
    return organisation_load(c, id, f->user, f->out);
}

Err *organisation_create(Ctx *c, Id user, Str name, Organisation *out) {
    Founding founding = {user, name, out};
    return db_transaction(c, organisation_found, &founding);
}

typedef struct MemberChange {
    Id organisation, user;
    MemberRole role; /* MEMBER_NONE: leaves */
    Member *out;
} MemberChange;

static Err *organisation_lock(Ctx *c, Id organisation) {
    int64_t id;
    Err *err = db_int(c, SQL_ORGANISATION_LOCK, ARGS(V(organisation)), &id);
    return err && err->kind == ERR_NOT_FOUND ? absent(c, "Organisation") : err;
}

static Err *member_load(Ctx *c, const MemberChange *m, Member *out) {
    bool found = false;
    TRY(db_maybe(c, SQL(SQL_MEMBER_LOAD), ARGS(V(m->organisation), V(m->user)), &member_record, out,
                 &found));
    return found ? NULL : absent(c, "Member");
}

static Err *member_join(Ctx *c, void *arg) {
    const MemberChange *m = arg;
    TRY(organisation_lock(c, m->organisation));
    ptrdiff_t added = 0;
    TRY(db_exec(c, SQL(SQL_MEMBER_INSERT),
                ARGS(V(m->organisation), V(m->user), V(member_role_text(m->role)), V(time_now())),
                &added));
    if (added == 0) FAIL(c, CONFLICT, "Already a member of the organisation");
    return member_load(c, m, m->out);
}

static Err *member_alter(Ctx *c, void *arg) {
    const MemberChange *m = arg;
    TRY(organisation_lock(c, m->organisation));
    Member before = {0};
    TRY(member_load(c, m, &before));
    if (member_role_of(before.role) == MEMBER_OWNER && m->role != MEMBER_OWNER) {
        int64_t others;
        TRY(db_int(c, SQL(SQL_MEMBER_OWNERS), ARGS(V(m->organisation), V(m->user)), &others));
        if (others == 0)
            FAIL(c, CONFLICT, "An organisation needs an owner: make somebody else owner first");
    }
    if (m->role == MEMBER_NONE)
        return db_exec(c, SQL(SQL_MEMBER_DELETE), ARGS(V(m->organisation), V(m->user)), NULL);
    TRY(db_exec(c, SQL(SQL_MEMBER_SET_ROLE),
                ARGS(V(m->organisation), V(m->user), V(member_role_text(m->role))), NULL));
    return member_load(c, m, m->out);
}

Err *member_add(Ctx *c, Id organisation, Id user, MemberRole role, Member *out) {
    assert(role != MEMBER_NONE && out);
    MemberChange change = {organisation, user, role, out};
    return db_transaction(c, member_join, &change);
}

Err *member_change(Ctx *c, Id organisation, Id user, MemberRole role, Member *out) {
    assert(role != MEMBER_NONE && out);
    MemberChange change = {organisation, user, role, out};
    return db_transaction(c, member_alter, &change);
}

Err *member_remove(Ctx *c, Id organisation, Id user) {
    MemberChange change = {organisation, user, MEMBER_NONE, NULL};
    return db_transaction(c, member_alter, &change);
}

static Err *owner_follow(Ctx *c, Id organisation, Id user) {
    TRY(organisation_lock(c, organisation));
    int64_t owners;
    TRY(db_int(c, SQL(SQL_MEMBER_OWNERS), ARGS(V(organisation), V(user)), &owners));
    if (owners > 0) return NULL;
    Id heir;
    Err *err = db_int(c, SQL(SQL_MEMBER_HEIR), ARGS(V(organisation), V(user)), &heir.value);
    if (!err)
        return db_exec(c, SQL(SQL_MEMBER_SET_ROLE), ARGS(V(organisation), V(heir), V(S("owner"))),
                       NULL);
    if (err->kind != ERR_NOT_FOUND) return err;
    return db_exec(c, SQL(SQL_ORGANISATION_DELETE), ARGS(V(organisation)), NULL);
}

Err *organisations_leave(Ctx *c, Id user) {
    assert(c->tx);
    Rows owned;
    TRY(db_query(c, SQL(SQL_ORGANISATION_OWNED), ARGS(V(user)), &owned_record, &owned));
    const OwnedRow *rows = owned.items;
    for (ptrdiff_t i = 0; i < owned.count; i++) TRY(owner_follow(c, rows[i].organisation_id, user));
    return NULL;
}

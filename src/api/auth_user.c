/* SPDX-License-Identifier: Apache-2.0
 * Users: making, loading, changing, erasing. Addresses are kept as email_normalise gives them, so that
 * one person cannot register twice by another spelling. */
#include "api/accounts.h"
#include "api/accounts_sql.h"
#include "api/auth.h"

static const char *const user_roles[] = {"user", "analyst", "admin", NULL};

static const Field user_fields[] = {
    FIELD(User, id, .flags = F_READONLY),
    FIELD(User, uid, .flags = F_READONLY, .format = "uuid"),
    FIELD(User, email, .flags = F_REQUIRED | F_TRIM, .max = 254, .format = "email"),
    FIELD(User, name, .flags = F_REQUIRED | F_TRIM, .min = 1, .max = 100),
    FIELD(User, password_hash, .flags = F_SECRET | F_READONLY | F_NULLABLE),
    FIELD(User, picture_url, .flags = F_NULLABLE, .max = 2000),
    FIELD(User, role, .flags = F_READONLY, .values = user_roles),
    FIELD(User, is_active, .flags = F_READONLY),
    FIELD(User, created_at, .flags = F_READONLY),
    FIELD(User, updated_at, .flags = F_READONLY),
    FIELD(User, last_login_at, .flags = F_READONLY | F_NULLABLE),
};
const Record user_record =
    RECORD(User, user_fields, .table = "users", .doc = "A person with an account");

Role role_of(Str text) {
    static_assert(ROLE_USER == 1 && ROLE_ANALYST == 2 && ROLE_ADMIN == 3, "as in user_roles");
    for (int i = 0; user_roles[i]; i++)
        if (str_eq(text, str_c(user_roles[i]))) return (Role)(i + 1);
    return ROLE_NONE;
}

static bool domain_plausible(Str domain) {
    if (domain.len == 0 || domain.len > 253) return false;
    char before = '.';
    for (ptrdiff_t i = 0; i < domain.len; i++) {
        char byte = domain.data[i];
        bool letter = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || (byte & 0x80);
        if (!letter && byte != '-' && byte != '.') return false;
        if (byte == '.' && (before == '.' || before == '-')) return false;
        if (byte == '-' && before == '.') return false;
        before = byte;
    }
    return before != '.' && before != '-' && str_find_byte(domain, '.') > 0;
}

Str email_normalise(Arena *arena, Str email) {
    const Str none = {NULL, 0};
    if (str_is_null(email) || !str_utf8_valid(email)) return none;
    Str address = str_lower(arena, str_trim(email)), local;
    Str domain = str_cut(address, '@', &local);
    if (address.len > 254 || local.len < 1 || local.len > 64 || !domain_plausible(domain))
        return none;
    if (local.data[0] == '.' || local.data[local.len - 1] == '.' || str_find(local, S("..")) >= 0)
        return none;
    for (ptrdiff_t i = 0; i < local.len; i++) {
        unsigned char byte = (unsigned char)local.data[i];
        if (byte <= ' ' || byte == 127 || str_find_byte(S("\"(),:;<>[\\]"), (char)byte) >= 0)
            return none;
    }
    return address;
}

static Err *invalid_field(Ctx *c, Str field, Str code, const char *message) {
    Problems problems = {.arena = c->arena};
    problem_add(&problems, field, code, "%s", message);
    return problems_err(c, &problems);
}

static Err *user_check(Ctx *c, Str email, Str role, Str *address) {
    *address = email_normalise(c->arena, email);
    if (str_is_null(*address))
        return invalid_field(c, S("email"), S("format"), "Not an e-mail address");
    if (role_of(role) == ROLE_NONE)
        return invalid_field(c, S("role"), S("value"), "The role is one of user, analyst, admin");
    return NULL;
}

Err *user_add(Ctx *c, Str email, Str name, Str hash, Str role, User *out) {
    assert(out);
    Str address;
    bool created = false;
    TRY(user_check(c, email, role, &address));
    TRY(db_maybe(c, SQL2(SQL_USER_INSERT_SQLITE, SQL_USER_INSERT_POSTGRES),
                 ARGS(V(uuid_v7(c->arena)), V(address), V(name), V(hash), V(role), V(time_now())),
                 &user_record, out, &created));
    if (!created) FAIL(c, CONFLICT, "Email déjà utilisé");
    return NULL;
}

Err *user_create(Ctx *c, Str email, Str name, Str password, Str role, User *out) {
    assert(out && (str_is_null(password) || !c->tx));
    Str address, hash = {NULL, 0};
    TRY(user_check(c, email, role, &address)); /* before the work of hashing */
    if (!str_is_null(password)) TRY(auth_password_hash(c, password, &hash));
    return user_add(c, address, name, hash, role, out);
}

static Err *found_user(Ctx *c, bool found) {
    if (!found) FAIL(c, NOT_FOUND, "Utilisateur introuvable");
    return NULL;
}

Err *user_load(Ctx *c, Id id, User *out) {
    bool found = false;
    TRY(db_maybe(c, SQL(SQL_USER_BY_ID), ARGS(V(id)), &user_record, out, &found));
    return found_user(c, found);
}

Err *user_by_email(Ctx *c, Str email, User *out) {
    bool found = false;
    Str address = email_normalise(c->arena, email);
    if (!str_is_null(address))
        TRY(db_maybe(c, SQL(SQL_USER_BY_EMAIL), ARGS(V(address)), &user_record, out, &found));
    return found_user(c, found);
}

Err *user_list(Ctx *c, Id after, int64_t limit, Rows *out) {
    return db_query(c, SQL(SQL_USER_LIST), ARGS(V(after.value), V(limit)), &user_record, out);
}

typedef struct PasswordChange {
    Id user;
    Str hash;
} PasswordChange;

static Err *password_change(Ctx *c, void *arg) {
    const PasswordChange *change = arg;
    Time now = time_now();
    ptrdiff_t changed = 0;
    TRY(db_exec(c, SQL(SQL_USER_SET_PASSWORD), ARGS(V(change->user), V(change->hash), V(now)),
                &changed));
    TRY(found_user(c, changed > 0));
    return db_exec(c, SQL(SQL_SESSION_REVOKE_ALL), ARGS(V(change->user), V(now), V(S("password"))),
                   NULL);
}

Err *user_set_password(Ctx *c, Id id, Str password) {
    PasswordChange change = {.user = id};
    TRY(auth_password_hash(c, password, &change.hash));
    return db_transaction(c, password_change, &change);
}

Err *user_set_role(Ctx *c, Id id, Str role) {
    if (role_of(role) == ROLE_NONE)
        return invalid_field(c, S("role"), S("value"), "The role is one of user, analyst, admin");
    ptrdiff_t changed = 0;
    TRY(db_exec(c, SQL(SQL_USER_SET_ROLE), ARGS(V(id), V(role), V(time_now())), &changed));
    return found_user(c, changed > 0);
}

Err *user_set_active(Ctx *c, Id id, bool active) {
    ptrdiff_t changed = 0;
    TRY(db_exec(c, SQL(SQL_USER_SET_ACTIVE), ARGS(V(id), V(active), V(time_now())), &changed));
    return found_user(c, changed > 0);
}

static const UserEraser *user_erasers;
static ptrdiff_t user_eraser_count;

void user_erasers_set(const UserEraser *erasers, ptrdiff_t count) {
    assert(erasers || count == 0);
    user_erasers = erasers;
    user_eraser_count = count;
}

static Err *user_erase(Ctx *c, void *arg) {
    const Id *id = arg;
    /* Whoever is writing something of his now is waited for, and whoever comes later finds nobody:
     * else what is committed between an eraser and the end would stay. */
    TRY(db_exec(c, SQL2(SQL_USER_LOCK_SQLITE, SQL_USER_LOCK_POSTGRES), ARGS(V(*id)), NULL));
    for (ptrdiff_t i = 0; i < user_eraser_count; i++) TRY(user_erasers[i](c, *id));
    TRY(organisations_leave(c, *id));
    ptrdiff_t changed = 0;
    TRY(db_exec(c, SQL(SQL_USER_DELETE), ARGS(V(*id)), &changed));
    return found_user(c, changed > 0);
}

Err *user_delete(Ctx *c, Id id) { return db_transaction(c, user_erase, &id); }

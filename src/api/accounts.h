/* SPDX-License-Identifier: Apache-2.0
 * Accounts beyond signing in: organisations and their members, keys by organisation, and the module
 * that brings the routes all products share (/api/v1/auth, /api/v1/users, /api/v1/keys,
 * /api/v1/organisations) and the clean-up.
 *
 * An organisation always has an owner: taking the last one away is refused, and when an owner's
 * account is erased the longest-serving admin or member follows. Who is not a member gets NOT_FOUND,
 * as if the organisation did not exist. */
#ifndef SOCLE_API_ACCOUNTS_H
#define SOCLE_API_ACCOUNTS_H

#include "api/auth.h"
#include "api/module.h"

extern const Module accounts_module;

/* Made by accounts_module.demo, first of all modules: products' demo data belongs to DEMO_EMAIL. */
#define DEMO_EMAIL "demo@socle.test"
#define DEMO_ADMIN_EMAIL "admin@socle.test"
#define DEMO_PASSWORD "socle-demo"

typedef enum MemberRole { MEMBER_NONE, MEMBER_MEMBER, MEMBER_ADMIN, MEMBER_OWNER } MemberRole;

typedef struct Organisation {
    Id id;
    Str uid, name;
    Str role; /* of whoever asks: owner, admin, member */
    Time created_at, updated_at;
} Organisation;
extern const Record organisation_record;

typedef struct Member {
    Id user_id;
    Str email, name, role;
    Time created_at;
} Member;
extern const Record member_record;

/* The organisation as `user` sees it; NOT_FOUND unless a member. */
MUST_USE Err *organisation_load(Ctx *c, Id organisation, Id user, Organisation *out);
/* Made with `user` as its owner. */
MUST_USE Err *organisation_create(Ctx *c, Id user, Str name, Organisation *out);
/* What `user` is there; MEMBER_NONE and no error when nothing. */
MUST_USE Err *organisation_role(Ctx *c, Id organisation, Id user, MemberRole *out);
/* NOT_FOUND unless c->account is a member, FORBIDDEN below `least`. */
MUST_USE Err *organisation_require(Ctx *c, Id organisation, MemberRole least);

MUST_USE Err *member_add(Ctx *c, Id organisation, Id user, MemberRole role,
                         Member *out); /* CONFLICT: is one */
MUST_USE Err *member_change(Ctx *c, Id organisation, Id user, MemberRole role,
                            Member *out); /* CONFLICT: last owner */
MUST_USE Err *member_remove(Ctx *c, Id organisation, Id user);
/* What modules do before an account is erased, in that transaction. Once, before anything is served; the
 * array is borrowed for good. */
typedef Err *(*UserEraser)(Ctx *c, Id user);
void user_erasers_set(const UserEraser *erasers, ptrdiff_t count);

/* Before `user` is erased, in that transaction: hand over what that person alone owned; an
 * organisation without any other member is erased too. */
MUST_USE Err *organisations_leave(Ctx *c, Id user);

/* As api_key_create, for a key that acts within an organisation (none: personal). */
MUST_USE Err *api_key_create_in(Ctx *c, Id user, Id organisation, Str name, Str scopes,
                                Time expires_at, Str *key, Id *id);

/* All keys that act within it stop to. */
MUST_USE Err *organisation_keys_revoke(Ctx *c, Id organisation);
/* The longest-serving of its owners. NOT_FOUND: there is no such organisation. */
MUST_USE Err *organisation_owner(Ctx *c, Id organisation, Id *user);

/* Text ↔ role; MEMBER_NONE for anything else. */
MemberRole member_role_of(Str text);
Str member_role_text(MemberRole role);

#endif

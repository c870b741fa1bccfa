/* SPDX-License-Identifier: Apache-2.0
 * Scope: the tenant that is acted in, and the only door to a tenant's rows.
 *
 * Every table of a tenant's has a column tenant_n. Statements over them stand in this folder's .sql
 * files and are run by the tenant_… calls below, which bind the scope's tenant as $1; tools/check_tenants
 * fails the build for a statement that does not say `tenant_n = $1` (or insert $1 as tenant_n), and for a
 * db_… call outside scope.c. What must look across tenants (which channel does this number belong to,
 * the platform's lists) stands in system.sql, is few, and is run by the system_… calls, each with its
 * reason beside it.
 *
 * A Scope is made here only: from a request's credential, or from a row (jobs, webhooks). */
#ifndef SOCLE_SYLION_SCOPE_H
#define SOCLE_SYLION_SCOPE_H

#include "api/accounts.h"
#include "api/route.h"

typedef struct Scope {
    Id tenant;       /* tenants.n */
    Str tenant_id;   /* its UUID */
    Str owner;       /* of the ledger: "tenant:7" */
    Id organisation; /* members and keys are the organisation's */
    Str plan, time_zone;
    bool is_active;
    bool platform;   /* who acts is an admin of the platform, or the program itself */
    MemberRole role; /* of a member; MEMBER_ADMIN for a key of the organisation */
} Scope;

/* The tenant of the caller: of his organisation key; of his membership where he has one only or names
 * one of them; of any for the platform's admins, who must name it. It may be named by ?tenantId=, by
 * `named` (of the body or path; null: not), by X-Tenant-ID: as UUID; all that are given must agree
 * (BAD_REQUEST). A tenant that is not the caller's answers like one that is not there (NOT_FOUND
 * TENANT_NOT_FOUND). An inactive tenant reads, but does not change anything (FORBIDDEN
 * TENANT_INACTIVE for methods other than GET) unless the platform asks. */
MUST_USE Err *scope_of(Ctx *c, Call *k, Str named, Scope *out);
/* Is there such a tenant (by UUID) for the caller? */
MUST_USE Err *tenant_seen(Ctx *c, Str id, bool *yes);
/* FORBIDDEN below `least`. */
MUST_USE Err *scope_require(Ctx *c, const Scope *s, MemberRole least);
/* For jobs, webhooks, commands: the tenant of a row. NOT_FOUND when it is deleted. */
MUST_USE Err *scope_of_tenant(Ctx *c, Id tenant, Scope *out);
/* FORBIDDEN unless the caller is the platform's admin. */
MUST_USE Err *platform_require(Ctx *c);

/* As the db_… calls of the same name. The scope's tenant is $1; args are $2, $3 … */
MUST_USE Err *tenant_query(Ctx *c, const Scope *s, Sql sql, Args args, const Record *record,
                           Rows *out);
MUST_USE Err *tenant_scan(Ctx *c, const Scope *s, Sql sql, Args args, const Record *record,
                          Rows *out);
MUST_USE Err *tenant_one(Ctx *c, const Scope *s, Sql sql, Args args, const Record *record,
                         void *out);
MUST_USE Err *tenant_maybe(Ctx *c, const Scope *s, Sql sql, Args args, const Record *record,
                           void *out, bool *found);
MUST_USE Err *tenant_int(Ctx *c, const Scope *s, Sql sql, Args args, int64_t *out);
MUST_USE Err *tenant_exec(Ctx *c, const Scope *s, Sql sql, Args args, ptrdiff_t *changed);
MUST_USE Err *tenant_exec_later(Ctx *c, const Scope *s, Sql sql, Args args); /* db_exec_later */
MUST_USE Err *tenant_each(Ctx *c, const Scope *s, Sql sql, Args args, const Record *record,
                          Err *(*fn)(Ctx *c, void *row, void *arg), void *arg);
/* A row that must be there: NOT_FOUND with this code ("CHANNEL_NOT_FOUND") instead. */
MUST_USE Err *tenant_found(Ctx *c, const Scope *s, Sql sql, Args args, const Record *record,
                           const char *code, void *out);

/* Of system.sql. */
MUST_USE Err *system_query(Ctx *c, Sql sql, Args args, const Record *record, Rows *out);
MUST_USE Err *system_one(Ctx *c, Sql sql, Args args, const Record *record, void *out);
MUST_USE Err *system_maybe(Ctx *c, Sql sql, Args args, const Record *record, void *out,
                           bool *found);
MUST_USE Err *system_int(Ctx *c, Sql sql, Args args, int64_t *out);
MUST_USE Err *system_exec(Ctx *c, Sql sql, Args args, ptrdiff_t *changed);

/* Err with a code of the contract's: sylion_err(c, ERR_NOT_FOUND, "CHANNEL_NOT_FOUND", "…"). */
Err *sylion_err(Ctx *c, ErrKind kind, const char *code, const char *format, ...) PRINTF_LIKE(4, 5);

/* Tell who follows the tenant (channel "tenant:<uuid>", who may: its members, its keys, the platform).
 * Last in a transaction. type: "message.created", "message.updated", "conversation.updated",
 * "turn.updated", "document.updated", "quota.warning". */
MUST_USE Err *tenant_tell(Ctx *c, const Scope *s, const char *type, const Record *record,
                          const void *value);

#endif

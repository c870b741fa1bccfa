/* SPDX-License-Identifier: Apache-2.0
 * What the commands over a tenant's things share (kb, channel, assistant). They ask the routes that
 * clients ask, in the platform's name: what those check, refuse and answer is what is checked,
 * refused and printed here.
 *
 * Things are named by their id, or by their name where one thing alone has it. */
#ifndef SOCLE_CLI_TENANT_CALL_H
#define SOCLE_CLI_TENANT_CALL_H

#include "cli/cli.h"
#include "core/json.h"
#include "products/sylion/scope.h"

/* What a command can do: its first word, how many words there are in all, and its options. */
typedef struct ShellVerb {
    const char *name;
    int words_min, words_max;
    const char *options; /* blank-separated */
} ShellVerb;
/* A usage error unless one of the verbs fits what was given: `usage` says what would. */
MUST_USE Err *verb_check(Ctx *c, const Cli *cli, const ShellVerb *verbs, ptrdiff_t count,
                         const char *usage);

/* The tenant, by its slug or id. What is done in it may ask for jobs. */
MUST_USE Err *tenant_enter(Ctx *c, const Cli *cli, Str tenant, Scope *out);

/* The member `data` of the answer, good while c is. path: "/api/v1/channels"; query and body may be
 * null. */
MUST_USE Err *tenant_call(Ctx *c, const Scope *s, Method method, Str path, Str query, Str body,
                          json_t **data);
/* fn for each of a list, all its pages. */
MUST_USE Err *tenant_call_each(Ctx *c, const Scope *s, Str path, Str query,
                               Err *(*fn)(Ctx *c, json_t *item, void *arg), void *arg);

/* A kind of thing: {"/api/v1/knowledge-bases", "knowledge base"}. */
typedef struct ThingKind {
    const char *path, *called;
} ThingKind;
/* The id of the one that is named. NOT_FOUND; CONFLICT where several have the name. */
MUST_USE Err *thing_find(Ctx *c, const Scope *s, const ThingKind *kind, Str named, Str *id);
/* CONFLICT where there is one of this name: for who makes things that he will call by it. */
MUST_USE Err *thing_absent(Ctx *c, const Scope *s, const ThingKind *kind, Str name);
/* "/api/v1/channels/ID", with `more` behind it. */
Str thing_path(Ctx *c, const ThingKind *kind, Str id, const char *more);

/* -- a body made of options -------------------------------------------------------------------- */

typedef enum MemberKind {
    MEMBER_TEXT, /* as it is; "" is null */
    MEMBER_LONG, /* the same, or @FILE */
    MEMBER_JSON, /* JSON, or @FILE */
    MEMBER_NUMBER,
    MEMBER_SWITCH, /* yes, no */
    MEMBER_LIST,   /* A,B; "" is the empty list */
    MEMBER_SECRET  /* where it is to be had, never itself: -, file:PATH, env:NAME; none: null */
} MemberKind;
typedef struct BodyMember {
    const char *option, *name;
    MemberKind kind;
} BodyMember;
/* Write those whose option is given into the object that is open in o. */
MUST_USE Err *members_put(Ctx *c, const Cli *cli, const BodyMember *members, ptrdiff_t count,
                          JsonOut *o);

/* -- printing ---------------------------------------------------------------------------------- */

typedef struct ThingColumn {
    const char *member;
    const char *yes, *no; /* of a boolean */
} ThingColumn;
/* One line: the columns, tab-separated; with --json (an option of the command) the whole object as
 * JSON. */
void thing_print(Ctx *c, const Cli *cli, const json_t *thing, const ThingColumn *columns,
                 ptrdiff_t count);
/* All members, one a line; or as JSON. */
void thing_show(Ctx *c, const Cli *cli, const json_t *thing);

#endif

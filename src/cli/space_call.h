/* SPDX-License-Identifier: Apache-2.0
 * What the commands over a person's spaces share (spaces, note, story, book). They ask the routes that
 * clients ask, in the name of the account that --user names: what those check, refuse and count is
 * checked, refused and counted here.
 *
 * A space is named by its id, or by its title where one alone has it. */
#ifndef SOCLE_CLI_SPACE_CALL_H
#define SOCLE_CLI_SPACE_CALL_H

#include "cli/cli.h"
#include "core/json.h"

#define USER_OPTION {"user", "EMAIL", NULL, "whose spaces: the account's address (needed)"}

/* c acts for the account from here on. What is done may ask for jobs. */
MUST_USE Err *person_enter(Ctx *c, const Cli *cli, Id *user);
/* The member `data` of the answer, good while c is. query and body may be null. */
MUST_USE Err *person_call(Ctx *c, Method method, Str path, Str query, Str body, json_t **data);
/* fn for each space, the newest first; without notes and story. */
MUST_USE Err *spaces_each(Ctx *c, Err *(*fn)(Ctx *c, json_t *space, void *arg), void *arg);
/* NOT_FOUND; CONFLICT where several have the title. */
MUST_USE Err *space_find(Ctx *c, Str named, Str *id);

#endif

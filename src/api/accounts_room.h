/* SPDX-License-Identifier: Apache-2.0
 * The route tables of the accounts module, gathered by accounts.c; each is closed by an empty row.
 * Nobody outside the module's files includes this. */
#ifndef SOCLE_API_ACCOUNTS_ROOM_H
#define SOCLE_API_ACCOUNTS_ROOM_H

#include "api/route.h"

/* A key of an organisation acts within it, not on the account of the user who made it: FORBIDDEN. */
MUST_USE Err *organisation_key_refuse(Ctx *c);

extern const Route sign_in_routes[], oauth_routes[], key_routes[], organisation_routes[];

#endif

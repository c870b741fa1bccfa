/* SPDX-License-Identifier: Apache-2.0
 * Person: whose rows these are, and what he may take of what costs. Every statement of this product
 * names user_id (tools/check_owners fails the build for one that does not); what is another's answers
 * like what is not there. */
#ifndef SOCLE_LIFETALES_PERSON_H
#define SOCLE_LIFETALES_PERSON_H

#include "api/route.h"
#include "products/lifetales/records.h"

/* Who calls: the signed-in user. FORBIDDEN for an organisation's API key. */
MUST_USE Err *person_of(Ctx *c, Call *k, Id *user);
/* The person's settings, with the contract's defaults for what he has not set. */
MUST_USE Err *person_settings(Ctx *c, Id user, StorySettings *out);

typedef enum PersonLimit { LIMIT_TRANSCRIPTIONS, LIMIT_STORIES, LIMIT_AI_CALLS } PersonLimit;
/* Take one of what the person may have in the time (settings, rolling windows on the ledger).
 * RATE_LIMITED with retry_after_s. key: once for each; taking it again with it is free. Joins the
 * transaction under way. */
MUST_USE Err *person_takes(Ctx *c, Id user, PersonLimit limit, Str key);

/* (tx) One of them, about to be taken, is the program's wish and not the person's (the demo): it does not
 * count against him. key: once for each. */
MUST_USE Err *person_spared(Ctx *c, Id user, PersonLimit limit, Str key);

/* {success, data} with the members of data beside it as well, for routes whose clients are of both
 * kinds; `value` of `record` is written twice. */
void tales_answer_flat(Ctx *c, Call *k, const Record *record, const void *value);

#endif

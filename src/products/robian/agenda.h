/* SPDX-License-Identifier: Apache-2.0
 * The agenda as other files of this room see it. */
#ifndef SOCLE_ROBIAN_AGENDA_H
#define SOCLE_ROBIAN_AGENDA_H

#include "data/db.h"

/* (tx) Committees whose names have become known, or are others now; debates hear of it. */
MUST_USE Err *agenda_commissions_fill(Ctx *c);
/* (tx) Debates of these réunions (a JSON list of uids) get what the agenda says: state, room,
 * commission. */
MUST_USE Err *agenda_debates_refresh(Ctx *c, JsonText uids);
/* (tx) The same for a debate that is new. A null uid is none's. */
MUST_USE Err *agenda_debate_learn(Ctx *c, Str session_uid);

#endif

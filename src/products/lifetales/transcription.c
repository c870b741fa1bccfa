/* SPDX-License-Identifier: Apache-2.0
 * The transcription agent, as far as it needs no provider: a recording that is to be heard waits. */
#include "products/lifetales/transcription.h"

#include "products/lifetales/transcription_sql.h"

Err *transcription_wanted(Ctx *c, const Media *media) {
    return db_exec(c, SQL(SQL_TRANSCRIPTION_WAIT), ARGS(V(media->user_id), V(media->n)), NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * What the files that play audio share: which file it is, and who counts as a listener. */
#ifndef SOCLE_ROBIAN_STREAMING_H
#define SOCLE_ROBIAN_STREAMING_H

#include "api/route.h"
#include "products/robian/debate.h"

/* An audio file that is to be heard, with what is said of it. */
typedef struct Playable {
    int64_t n, debate_n;
    Str debate_id, title;
    Time date;
    Str id, format, quality, blob;
    Time extraction_completed_at;
} Playable;

/* What a client may choose. */
typedef struct PlayQuery {
    Str format, quality;
} PlayQuery;
extern const Record play_query_record;

/* Of k's debate and query, found by `sql` (SQL_PLAYABLE…). NOT_FOUND, saying whether it is the debate
 * that is missing or its audio. */
MUST_USE Err *playable_find(Ctx *c, const Call *k, Sql sql, Playable *out);
/* Its bytes, open to read. GONE when the row is there and the blob is not, which is our mistake:
 * logged. */
MUST_USE Err *playable_open(Ctx *c, const Playable *p, int *fd, int64_t *size);
/* One more of `what` for the audio and its debate. A failure is logged, and nobody waits long: those
 * who want to listen do. */
void playable_count(Ctx *c, const Playable *p, Counted what);

/* HLS (segments.c): before and after anything is asked of it. */
MUST_USE Err *segments_start(Ctx *c);
void segments_stop(Ctx *c);

#endif

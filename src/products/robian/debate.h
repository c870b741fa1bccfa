/* SPDX-License-Identifier: Apache-2.0
 * Debates as other files of this room see them: the one door through which their rows are written,
 * so that the change sequence, the events and the caches are right whoever writes.
 *
 * Calls marked (tx) belong into a transaction (db_transaction). What stamps a change or emits an
 * event makes others wait for the commit on PostgreSQL: let them be a transaction's last calls. */
#ifndef SOCLE_ROBIAN_DEBATE_H
#define SOCLE_ROBIAN_DEBATE_H

#include "data/db.h"
#include "products/robian/records.h"

/* The row (audio_files and display_duration are left empty). NOT_FOUND: "Débat {id} non trouvé". */
MUST_USE Err *debate_find(Ctx *c, Str id, Debate *out);
MUST_USE Err *debate_at(Ctx *c, int64_t n, Debate *out);
/* Only the short key; NOT_FOUND as above. */
MUST_USE Err *debate_key(Ctx *c, Str id, int64_t *n);
/* Fill in audio_files and display_duration of these. */
MUST_USE Err *debates_show(Ctx *c, Debate *debates, ptrdiff_t count);

/* (tx) Insert: n, id, times and change number are filled in; emits debate_created. CONFLICT for a
 * source_url that another has. */
MUST_USE Err *debate_add(Ctx *c, Debate *d);
/* (tx) Write all columns but the counts; emits debate_updated (debate_started, debate_ended when
 * the status goes to en_cours, from en_cours to termine). */
MUST_USE Err *debate_change(Ctx *c, Debate *d);
/* (tx) Something that belongs to it changed (its speeches, times, audio): stamps, emits
 * debate_updated, forgets caches. */
MUST_USE Err *debate_touch(Ctx *c, int64_t n);
/* (tx) With everything that hangs on it; leaves tombstones for it and its speeches. */
MUST_USE Err *debate_remove(Ctx *c, int64_t n);

/* (tx) The row, that nobody else changes until the end of the transaction. */
MUST_USE Err *debate_lock(Ctx *c, int64_t n, Debate *out);

/* (tx) On the channels `debates` and `debate:<id>`; data: JSON. */
MUST_USE Err *debate_emit(Ctx *c, Str id, Str type, Str data);
/* One more view, stream or download of it (debate_days too); a view emits debate_viewed on
 * `debate:<id>`. Durable when it returns. Outside a transaction those who count at the same moment
 * share one, and one event of each debate. No change: nothing is stamped, no cache forgotten. */
typedef enum Counted { COUNT_VIEW, COUNT_STREAM, COUNT_DOWNLOAD } Counted;
MUST_USE Err *debate_count(Ctx *c, int64_t n, Counted what);
/* One more view of what somebody reads: d->view_count is then the newest. That it cannot be counted is
 * logged and keeps nobody from reading. NOT_FOUND when the debate has gone meanwhile. */
MUST_USE Err *debate_viewed(Ctx *c, Debate *d);

/* Cache keys begin with these; after each write of debates all of the first go, of the second those of
 * that debate: ROBIAN_CACHE_DEBATE "<id>/…". */
#define ROBIAN_CACHE_LISTS "robian/lists/"
#define ROBIAN_CACHE_DEBATE "robian/debate/"

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Transcripts of debates as other files of this room see them. */
#ifndef SOCLE_ROBIAN_TRANSCRIPTS_H
#define SOCLE_ROBIAN_TRANSCRIPTS_H

#include "data/db.h"
#include "products/robian/speech.h"

struct Transcript;

/* (tx) Find again when each speech of the debate was said, with the timeline and the length of the audio as
 * they are now; votes and chapters follow. Touches the debate when anything moved. To be called by
 * whoever changes a timeline, the audio or its length; nothing happens without a transcript. */
MUST_USE Err *alignment_run(Ctx *c, int64_t debate_n);
/* (tx) The same for speeches in memory, which are not written; *figures: JSON. */
MUST_USE Err *alignment_make(Ctx *c, int64_t debate_n, Speech *speeches, ptrdiff_t count,
                             Str *figures);
/* Ends of chapters that have a start, and starts of those of the transcript: position is the title's. */
MUST_USE Err *chapters_align(Ctx *c, int64_t debate_n, const Speech *speeches, ptrdiff_t count,
                             bool *moved);

/* (tx) Votes of the debate's sitting: which speech tells their result, and when. */
MUST_USE Err *votes_place(Ctx *c, int64_t debate_n, const Speech *speeches, ptrdiff_t count,
                          bool *moved);
/* (tx) The same with the speeches as they are stored; for whoever imports votes. */
MUST_USE Err *votes_place_stored(Ctx *c, int64_t debate_n);

/* (tx) Give speeches the numbers of former ones that they are: the same paragraph with the same text,
 * else the same text in order, else the same paragraph corrected. Those without stay 0. gone: of
 * those that are no more, at most as many as there were. Returns how many. */
ptrdiff_t speeches_match(Arena *arena, Speech *speeches, ptrdiff_t count, const Speech *former,
                         ptrdiff_t former_count, int64_t *gone);

/* (tx) Fill in speaker_id where only a name tells, and make people known. */
MUST_USE Err *speakers_know(Ctx *c, struct Transcript *t);

/* Keep a half of a video's timeline (nvs.h) and, when the other half and its debate are there, use it.
 * video: what both halves' names have in common. *changed (may be NULL): it was not there already.
 * INVALID for what is no timeline. */
MUST_USE Err *timeline_keep(Ctx *c, Str video, Str bytes, bool *changed);
/* (tx) The chapters of the timeline that was kept for a réunion; *found may be NULL. */
MUST_USE Err *timeline_attach(Ctx *c, int64_t debate_n, Str meeting_uid, bool *found);

/* The page of the Assembly with a transcript. */
Str transcript_page(Arena *arena, Str legislature, Str uid);

#endif

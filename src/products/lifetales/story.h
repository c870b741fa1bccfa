/* SPDX-License-Identifier: Apache-2.0
 * Story: the builder. A run (stories) is a job that plans chapters, keeps those whose key is the same,
 * writes the others, a few at once, and commits each whole with its event; then its pictures. Killed at
 * any moment it goes on where it was: what is committed is not written, drawn or paid for again. One run
 * of a space at a time.
 *
 *   POST /stories/generate ─▶ stories row + job (one transaction) ─▶ story_run
 *        │ JSON: waits for the end                │ a chapter: row + event, one transaction
 *        └ SSE: follows `story:<id>` ◀────────────┘
 *
 * Events of `story:<id>`: status, delta (text as it comes), chapter, illustration, complete, error. */
#ifndef SOCLE_LIFETALES_STORY_H
#define SOCLE_LIFETALES_STORY_H

#include "products/lifetales/spaces.h"
#include "work/events.h"
#include "work/jobs.h"

/* (tx) CONFLICT with the run's id in Err.code's detail while one is under way; RATE_LIMITED; INVALID for a
 * space without a note that says or shows anything. overwrite_edited: chapters that the person has edited
 * are written anew where their notes have changed; else never. */
MUST_USE Err *story_begin(Ctx *c, const Space *space, const StorySettings *settings,
                          bool overwrite_edited, Story *out);
/* NOT_FOUND for what is not there or another's. */
MUST_USE Err *story_load(Ctx *c, Id user, Str id, Story *out);
/* The one under way; false: none. */
MUST_USE Err *story_under_way(Ctx *c, const Space *space, Story *out, bool *found);
bool story_ended(const Story *story);
/* Why one that has ended, and is not done, is not. */
Err *story_failure(Ctx *c, const Story *story);
Str story_channel_name(Arena *arena, Str story_id);
/* CONFLICT once it has ended. What is written stays. */
MUST_USE Err *story_cancel(Ctx *c, Id user, Str id, Story *out);
/* (tx) A note's pictures are others now: so are those of the chapters that rest on it, but for what the
 * person has taken out of a chapter. */
MUST_USE Err *chapters_follow_note(Ctx *c, const Space *space, Str note_id, StrList before,
                                   StrList after);
typedef struct PicturePut {
    Id user, chapter_n, media_n;
    int64_t position; /* 1, 2, … */
    Str key, style, prompt;
    Str first_prompt; /* the chapter's own, as it was read; null: whatever it is */
} PicturePut;
/* (tx) A chapter's picture behind its first, in the place of what was there, which goes. *changed 0: the
 * chapter is another by now, or gone. */
MUST_USE Err *chapter_picture_put(Ctx *c, const PicturePut *put, ptrdiff_t *changed);

typedef struct StoryPictureTold {
    Str chapter_id, media_id; /* media_id null: it failed */
    int64_t position;         /* 0: the chapter's first */
} StoryPictureTold;
/* (tx) `illustration`: a chapter of the story has a picture, or will have none. */
MUST_USE Err *story_picture_tell(Ctx *c, Str story_id, const StoryPictureTold *picture);
/* The space's chapters in their order, with their sources and pictures. */
MUST_USE Err *space_chapters(Ctx *c, const Space *space, Chapter **chapters, ptrdiff_t *count);

extern const JobKind story_jobs[];
extern const ptrdiff_t story_job_count;
extern const ChannelRule story_channel;

#endif

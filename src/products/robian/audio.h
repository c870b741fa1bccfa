/* SPDX-License-Identifier: Apache-2.0
 * The audio of a debate as other files of this room see it. */
#ifndef SOCLE_ROBIAN_AUDIO_H
#define SOCLE_ROBIAN_AUDIO_H

#include "data/db.h"
#include "products/robian/records.h"

/* All of a debate, the newest first. */
MUST_USE Err *audio_of_debate(Ctx *c, int64_t debate_n, AudioFile **out, ptrdiff_t *count);
/* What is to be heard: completed, of that format (null: any; then the first that was completed). */
MUST_USE Err *audio_ready(Ctx *c, int64_t debate_n, Str format, AudioFile *out, bool *found);
/* "audio/mpeg", "audio/mp4", "audio/ogg", "audio/wav"; and the file's ending. */
Str audio_media_type(Str format);
Str audio_extension(Str format);
/* A name that people can read and every file system takes: `2024-11-06 Questions au Gouvernement.mp3`. */
Str audio_filename(Arena *arena, const Debate *d, Str format);

/* (tx) The blob is no audio's any more: a job removes it after the commit, unless another row has it
 * by then. Null and empty are good. */
MUST_USE Err *audio_blob_release(Ctx *c, Str blob);
/* (tx) The same for all that a debate's audio has, segments included: before its rows go. */
MUST_USE Err *audio_blobs_release(Ctx *c, int64_t debate_n);
/* For `socle doctor`: how many of the latest audio files are not where this node looks for them; null when
 * all are. */
Str audio_lacks(Ctx *c);
/* That job. */
#define AUDIO_BLOB_JOB "robian.blob_remove"
struct Job;
MUST_USE Err *audio_blob_run(Ctx *c, struct Job *job);
/* Module.has_blob. */
Err *audio_has_blob(Ctx *c, Str hash, bool *yes);

#endif

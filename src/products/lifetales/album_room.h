/* SPDX-License-Identifier: Apache-2.0
 * Room-internal: what album.c, album_routes.c, look.c, shares.c, sweep.c and transcription share. */
#ifndef SOCLE_LIFETALES_ALBUM_ROOM_H
#define SOCLE_LIFETALES_ALBUM_ROOM_H

#include "api/route.h"
#include "products/lifetales/album.h"
#include "rt/process.h"
#include "work/jobs.h"

#define ALBUM_BLOB_JOB "lifetales.blob"
MUST_USE Err *album_blob_run(Ctx *c, Job *job);

/* Was this address made here, whenever it expires? */
bool media_signed(Ctx *c, Str id, int64_t expires, Str signature);
/* The UUID in an address of ours, which clients send back as they got it, or alone; null: it is none. */
Str media_id_of(Str address);
/* For who has its signed address, or a share that shows it. */
MUST_USE Err *album_load_signed(Ctx *c, Str id, Media *out);
/* The bytes as this call's answer, with ranges; max_age_s: how long they may be kept by who asks. */
MUST_USE Err *media_answer(Ctx *c, Call *k, const Media *media, int64_t max_age_s);

/* A program of the machine (look.c): nicely, few at a time, within memory and time. *good: it ended well;
 * else what it said last is in *words. NOT_CONFIGURED where it is not installed. */
MUST_USE Err *tool_run_limited(Ctx *c, ProcessOptions options, Str *output, bool *good, Str *words);

#endif

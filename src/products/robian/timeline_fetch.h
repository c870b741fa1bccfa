/* SPDX-License-Identifier: Apache-2.0
 * The timeline of a video whose audio was taken from the Assembly's portal: fetched by a job of its own, so
 * that audio never waits for it. It tells which sitting the video shows. */
#ifndef SOCLE_ROBIAN_TIMELINE_FETCH_H
#define SOCLE_ROBIAN_TIMELINE_FETCH_H

#include "work/jobs.h"

#define TIMELINE_JOB "robian.timeline"
enum { TIMELINE_BUDGET_BYTES = 64 * 1024 * 1024 };

/* (tx) Have it fetched; video_id as in the portal's addresses. */
MUST_USE Err *timeline_ask_later(Ctx *c, int64_t debate_n, Str video_id);
MUST_USE Err *timeline_fetch_run(Ctx *c, Job *job);

#endif

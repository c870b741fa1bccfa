/* SPDX-License-Identifier: Apache-2.0
 * The narrator: a video in which who is on a photograph says a text. */
#ifndef SOCLE_LIFETALES_NARRATOR_H
#define SOCLE_LIFETALES_NARRATOR_H

#include "work/jobs.h"

extern const JobKind narrator_jobs[];
extern const ptrdiff_t narrator_job_count;

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Sweep: what is cleared away at night. */
#ifndef SOCLE_LIFETALES_SWEEP_H
#define SOCLE_LIFETALES_SWEEP_H

#include "work/jobs.h"

#define SWEEP_SCRATCH_JOB "lifetales.scratch"
#define SWEEP_BLOBS_JOB "lifetales.blobs"
MUST_USE Err *sweep_scratch_run(Ctx *c, Job *job);
MUST_USE Err *sweep_blobs_run(Ctx *c, Job *job);

#endif

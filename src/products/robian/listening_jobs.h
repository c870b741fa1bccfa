/* SPDX-License-Identifier: Apache-2.0
 * Jobs about listeners, for module.c. */
#ifndef SOCLE_ROBIAN_LISTENING_JOBS_H
#define SOCLE_ROBIAN_LISTENING_JOBS_H

#include "work/jobs.h"

/* Devices nobody uses, what belonged to erased accounts, old activities. */
MUST_USE Err *listeners_purge(Ctx *c, Job *job);
/* Today's figures of the whole into system_stats; those of long ago go. */
MUST_USE Err *stats_note(Ctx *c, Job *job);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Erasure: what of a person's does not go with his rows: what was told of his stories while they were
 * written, what is known by content, what models and Idempotency-Keys answered, the bytes. All (tx). */
#ifndef SOCLE_LIFETALES_ERASE_H
#define SOCLE_LIFETALES_ERASE_H

#include "products/lifetales/records.h"
#include "work/jobs.h"

/* Before his account goes: Module.erase. */
MUST_USE Err *lifetales_erase(Ctx *c, Id user);
/* Before a space goes, or (NULL) all of his: stories under way are cancelled, and those who follow them are
 * told; their events, and answers that tell of it, are gone. */
MUST_USE Err *erase_beside(Ctx *c, Id user, const Space *space);
/* Pictures that nobody has any more, made before: those that a CDN serves are taken away there. */
MUST_USE Err *erase_served_old(Ctx *c, Time before);
/* After a recording or picture of somebody's went: what is known of its content, unless another has it. */
MUST_USE Err *erase_content(Ctx *c, Str sha256);

extern const JobKind erase_jobs[];
extern const ptrdiff_t erase_job_count;

#endif

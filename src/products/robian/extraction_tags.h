/* SPDX-License-Identifier: Apache-2.0
 * The tags and chapters of a debate's audio. */
#ifndef SOCLE_ROBIAN_EXTRACTION_TAGS_H
#define SOCLE_ROBIAN_EXTRACTION_TAGS_H

#include "products/robian/media.h"
#include "products/robian/records.h"

/* In c's arena. duration_ms: chapters beyond it are left out; 0: it is not known. Waits on the
 * database. */
MUST_USE Err *extraction_tags(Ctx *c, const Debate *d, int64_t duration_ms, MediaTags *tags);

#endif

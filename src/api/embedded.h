/* SPDX-License-Identifier: Apache-2.0
 * Answers with files that are in the binary. */
#ifndef SOCLE_API_EMBEDDED_H
#define SOCLE_API_EMBEDDED_H

#include "api/route.h"
#include "core/embed.h"

/* The row of that path; NULL if there is none. */
const EmbedFile *embed_find(const EmbedFile *files, Str path);
/* Answer with it, gzipped or not as the client takes it. Sets no Cache-Control. */
MUST_USE Err *call_embedded(Ctx *c, Call *k, const EmbedFile *file);

#endif

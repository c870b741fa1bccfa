/* SPDX-License-Identifier: Apache-2.0
 * Drafts: posts on their way in, from any shape. A draft is a PostRow whose platform is known by
 * name and which has not met the database yet. Pure: safe on any thread; texts in the arena
 * given. */
#ifndef SOCLE_VEYL_DRAFT_H
#define SOCLE_VEYL_DRAFT_H

#include "core/err.h"
#include "products/veyl/records.h"

/* Which fields the source gave; on an update the others keep what is stored. */
typedef enum DraftGiven {
    GIVEN_HASHTAGS = 1,
    GIVEN_MENTIONS = 2,
    GIVEN_SENTIMENT = 4,
    GIVEN_LANGUAGE = 8
} DraftGiven;

typedef struct Draft {
    PostRow post;
    unsigned given;
    int64_t record;           /* number of the line or record it came from, from 1 */
    const char *problem;      /* why it is not stored; NULL: good so far */
    const FieldError *fields; /* the same field by field, where the shape tells */
    ptrdiff_t field_count;
} Draft;

/* The contract's Post. INVALID names every bad field. */
MUST_USE Err *draft_from_json(Ctx *c, const json_t *json, Draft *out);
/* The same, of a body read already. `present`: its fields. */
void draft_from_body(const PostIn *in, FieldSet present, Draft *out);

/* Fill in what follows from the rest: folded names, hashtags and mentions of the caption, language,
 * sentiment, score, id. NULL, or why it cannot be a post. */
const char *draft_finish(Arena *arena, Draft *draft);
/* Half of it: what depends on the caption, hashtags and metrics; for posts that change. */
void draft_derive(Arena *arena, Draft *draft);

/* ["a","b"] */
Str names_json(Arena *arena, StrList names);

/* A network name that is made when first used. */
bool platform_is_known(Str name);

#endif

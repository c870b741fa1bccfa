/* SPDX-License-Identifier: Apache-2.0
 * Identifiers. Id: a row's integer key, a type of its own (0 is "none"). Text identifiers are UUIDs:
 * version 4 for secrets nobody may guess, version 7 (RFC 9562) where rows should sort by age. */
#ifndef SOCLE_CORE_ID_H
#define SOCLE_CORE_ID_H

#include "core/str.h"

typedef struct Id {
    int64_t value;
} Id;

static inline bool id_is_none(Id id) { return id.value == 0; }
static inline bool id_eq(Id a, Id b) { return a.value == b.value; }

Str uuid_v4(Arena *arena);
Str uuid_v7(Arena *arena);
bool uuid_valid(Str s);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * What joins people who are named without a number. */
#ifndef SOCLE_ROBIAN_SPEAKERS_H
#define SOCLE_ROBIAN_SPEAKERS_H

#include "core/str.h"

/* The name as it is compared (speakers.name_key), in the arena: folded words, without civility, the
 * office in front of the name, and what stands behind a comma or bracket. "Mme la présidente Yaël
 * Braun-Pivet" is "yael braun pivet"; of an office alone, "M. le président", the office is left:
 * "president". Empty for a text without words. */
Str speaker_key(Arena *arena, Str name);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * The cover that podcasts must have: a square PNG (1400 pixels at least), drawn here. */
#ifndef SOCLE_ROBIAN_COVER_H
#define SOCLE_ROBIAN_COVER_H

#include "core/str.h"

Str cover_png(Arena *arena);

#endif

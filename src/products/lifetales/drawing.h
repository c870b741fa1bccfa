/* SPDX-License-Identifier: Apache-2.0
 * Drawing: a picture of a prompt without a model: a landscape composed of what its words name (sea, hills,
 * town, house, night, rain, snow, boat, people, table, garden …; French and English), in the palette
 * and the hand of a style, by cairo. The same words, style and look give the same bytes. Pure, and takes
 * some 100 ms of processor: for a thread of offload. */
#ifndef SOCLE_LIFETALES_DRAWING_H
#define SOCLE_LIFETALES_DRAWING_H

#include "core/arena.h"
#include "core/str.h"

enum { DRAWING_WIDTH = 1200, DRAWING_HEIGHT = 900 };
typedef struct DrawingTask {
    Str words; /* prompt and title */
    Str style; /* illustration cinematic pastel realistic */
    uint64_t look;
} DrawingTask;
/* PNG. */
Str drawing_make(Arena *arena, const DrawingTask *task);

#endif

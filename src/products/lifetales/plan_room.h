/* SPDX-License-Identifier: Apache-2.0
 * Room-internal of the plan: notes of a day that speak of the same things. */
#ifndef SOCLE_LIFETALES_PLAN_ROOM_H
#define SOCLE_LIFETALES_PLAN_ROOM_H

#include "products/lifetales/plan.h"

/* Put the notes of one day, by time, into groups: group[i] is the index of the first of i's group.
 * At most `merges` times two groups become one: the most alike first, and only those at least `least`
 * (0..1) alike. least 0: as often as told. The same notes give the same groups, whatever the others. */
void plan_themes(Arena *arena, const StoryNote *const *notes, ptrdiff_t count, ptrdiff_t merges,
                 double least, ptrdiff_t *group);

#endif

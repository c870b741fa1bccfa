/* SPDX-License-Identifier: Apache-2.0
 * Map: text keys to pointers, open addressing, growing. Keys are hashed with SipHash and a
 * per-process secret, so hostile keys cannot pile up. Keys are borrowed: they must outlive the map.
 * Not for concurrent use. Memory comes from the arena given, or from the heap when that is NULL
 * (then map_free). */
#ifndef SOCLE_CORE_MAP_H
#define SOCLE_CORE_MAP_H

#include "core/str.h"

typedef struct MapSlot {
    Str key;
    void *value;
} MapSlot;

typedef struct Map {
    Arena *arena;
    MapSlot *slots;
    ptrdiff_t count, cap; /* cap is a power of two; removed slots have data set and value NULL */
    ptrdiff_t used;       /* slots that are or were taken */
} Map;

void *map_get(const Map *m, Str key);
/* Set (value not NULL); returns the former value or NULL. */
void *map_set(Map *m, Str key, void *value);
void *map_remove(Map *m, Str key);
/* Iterate: start with 0; false at the end. */
bool map_next(const Map *m, ptrdiff_t *cursor, MapSlot *out);
void map_free(Map *m);

uint64_t siphash_secret(Str s);

#endif

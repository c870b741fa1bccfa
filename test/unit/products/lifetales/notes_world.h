/* SPDX-License-Identifier: Apache-2.0
 * Real notes of diaries, and a seeded chance, for tests of what is made of notes. */
#ifndef SOCLE_TEST_NOTES_WORLD_H
#define SOCLE_TEST_NOTES_WORLD_H

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "products/lifetales/plan.h"
#include "t.h"

typedef struct NotesWorld {
    StoryNote items[64];
    Str languages[64];
    ptrdiff_t count;
} NotesWorld;

static inline Str world_text(Arena *arena, const json_t *one, const char *name) {
    return str_copy(arena, str_c(json_string_value(json_object_get(one, name))));
}

/* False where the data is not there. */
static inline bool notes_load(Arena *arena, NotesWorld *world) {
    const char *shared = getenv("SOCLE_SHARED_DATA"), *root = getenv("SOCLE_TEST_ROOT");
    Str path = shared ? strf(arena, "%s/notes/notes.jsonl", shared)
                      : strf(arena, "%s/../shared/data/notes/notes.jsonl", root ? root : ".");
    FILE *file = fopen(str_cstr(arena, path), "r");
    *world = (NotesWorld){0};
    if (!file) return false;
    json_t *one;
    while (world->count < 64 && (one = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL))) {
        StoryNote *note = &world->items[world->count];
        *note = (StoryNote){.id = world_text(arena, one, "id"),
                            .title = world_text(arena, one, "title"),
                            .text = world_text(arena, one, "textContent"),
                            .place = world_text(arena, one, "location")};
        if (!time_parse(world_text(arena, one, "date"), &note->at)) note->at = (Time){0};
        note->at = time_add(note->at, 10 * US_PER_HOUR);
        world->languages[world->count++] = world_text(arena, one, "lang");
        json_decref(one);
    }
    fclose(file);
    return world->count > 0;
}

typedef struct Chance {
    uint64_t state;
} Chance;
static inline uint64_t chance_next(Chance *c) {
    uint64_t z = c->state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}
static inline ptrdiff_t chance_below(Chance *c, ptrdiff_t n) {
    return (ptrdiff_t)(chance_next(c) % (uint64_t)n);
}

#endif

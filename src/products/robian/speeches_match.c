/* SPDX-License-Identifier: Apache-2.0
 * Which speeches of a corrected transcript are those of the former one, so that links to them stay. */
#include "core/map.h"
#include "products/robian/transcripts.h"

typedef struct Former {
    const Speech *speech;
    struct Former *next; /* of the same text */
    bool taken;
} Former;

/* The Assembly's number of a paragraph is its own within a sitting; of two with one the first counts. */
static Map by_paragraph(Arena *arena, Former *all, ptrdiff_t count) {
    Map map = {.arena = arena};
    for (ptrdiff_t i = 0; i < count; i++) {
        Str id = all[i].speech->paragraph;
        if (id.data && !map_get(&map, id)) map_set(&map, id, &all[i]);
    }
    return map;
}

static Map by_text(Arena *arena, Former *all, ptrdiff_t count) {
    Map map = {.arena = arena};
    for (ptrdiff_t i = count - 1; i >= 0; i--) {
        all[i].next = map_get(&map, all[i].speech->text);
        map_set(&map, all[i].speech->text, &all[i]);
    }
    return map;
}

static void take(Speech *s, Former *f) {
    assert(!f->taken && s->n == 0);
    f->taken = true;
    s->n = f->speech->n;
}

ptrdiff_t speeches_match(Arena *arena, Speech *speeches, ptrdiff_t count, const Speech *former,
                         ptrdiff_t former_count, int64_t *gone) {
    Former *all = arena_array(arena, Former, former_count + 1);
    for (ptrdiff_t i = 0; i < former_count; i++) all[i].speech = &former[i];
    Map paragraphs = by_paragraph(arena, all, former_count),
        texts = by_text(arena, all, former_count);
    for (ptrdiff_t i = 0; i < count; i++) {
        Speech *s = &speeches[i];
        Former *f = s->paragraph.data ? map_get(&paragraphs, s->paragraph) : NULL;
        s->n = 0;
        if (f && !f->taken && str_eq(f->speech->text, s->text)) take(s, f);
    }
    for (ptrdiff_t i = 0; i < count; i++) {
        Former *f = speeches[i].n ? NULL : map_get(&texts, speeches[i].text);
        while (f && f->taken) f = f->next;
        if (!f) continue;
        take(&speeches[i], f);
        if (f->next) map_set(&texts, f->speech->text, f->next); /* all before it are taken */
    }
    for (ptrdiff_t i = 0; i < count; i++) {
        Speech *s = &speeches[i];
        Former *f = s->n || !s->paragraph.data ? NULL : map_get(&paragraphs, s->paragraph);
        if (f && !f->taken && str_eq(f->speech->kind, s->kind)) take(s, f);
    }
    ptrdiff_t left = 0;
    for (ptrdiff_t i = 0; i < former_count; i++)
        if (!all[i].taken) gone[left++] = all[i].speech->n;
    return left;
}

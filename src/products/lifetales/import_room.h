/* SPDX-License-Identifier: Apache-2.0
 * Room-internal: what the files of the import share. See import.c. */
#ifndef SOCLE_LIFETALES_IMPORT_ROOM_H
#define SOCLE_LIFETALES_IMPORT_ROOM_H

#include <jansson.h>

#include "api/auth.h"
#include "api/transfer.h"
#include "core/map.h"
#include "products/lifetales/spaces.h"

typedef struct Import {
    Transfer *t;
    Id user;
    Str space_title; /* --space */
    Arena *arena;    /* of the whole import; ids, no words */
    Map media;       /* an id in the file: ours (Str *) */
    Str file;        /* its name without folders and ending */
    Space *space;    /* where notes go that stand alone; in im->arena */
    Map *notes;      /* of the space under way: an id in the file: ours (Str *) */
    int64_t spaces, note_count, chapters, media_count, known;
    int64_t dead; /* recordings and pictures that only the browser had */
} Import;

/* -- reading what others wrote (import_read.c) --------------------------------------------------- */

/* A member by its camelCase name, or the same in snake_case; null counts as absent. */
json_t *import_at(const json_t *object, const char *name);
/* Its text, trimmed of nothing; null: absent, no text, or "". */
Str import_str(const json_t *object, const char *name);
/* Milliseconds or seconds since 1970, or a date as text; TIME_NULL: none. */
Time import_time(const json_t *value);
/* A UUID that stays the same for the same words. */
Str import_uuid(Arena *arena, Id user, const Str *words, ptrdiff_t count);

/* -- rows (import_rows.c): each its own transaction ------------------------------------------------ */

/* INVALID, TOO_LARGE, MEDIA_TYPE, CONFLICT, BAD_REQUEST: this element is refused, and nothing of it is there. */
MUST_USE Err *import_space(Ctx *c, Import *im, json_t *json, Space *out);
MUST_USE Err *import_space_file(Ctx *c, Import *im); /* the space of notes that stand alone */
MUST_USE Err *import_note(Ctx *c, Import *im, const Space *space, json_t *json, Str text);
MUST_USE Err *import_chapter(Ctx *c, Import *im, const Space *space, json_t *json,
                             int64_t position);
/* (tx or not) Which id a chapter has here; known: it is there. */
MUST_USE Err *import_chapter_id(Ctx *c, const Import *im, const Space *space, Str given, Str seed,
                                Str *id, bool *known);
MUST_USE Err *import_settings(Ctx *c, Import *im, json_t *json);
/* A file of the album: what is known of it, and its bytes. */
MUST_USE Err *import_media_known(Ctx *c, Import *im, json_t *json, bool *known);
MUST_USE Err *import_media(Ctx *c, Import *im, json_t *json, Str bytes);
/* Is it the element that is wrong, not the machine? */
bool import_refusal(const Err *err);

/* -- our own files (import_tar.c) ------------------------------------------------------------------ */

MUST_USE Err *import_tar(Ctx *c, Import *im, int fd);

/* -- telling (import.c) ------------------------------------------------------------------------------ */

/* err of an element at `place`: NULL where it was told of and the rest goes on. */
MUST_USE Err *import_told(Ctx *c, Import *im, Str place, Err *err);
void import_moves_to(Import *im, const Space *space);

#endif

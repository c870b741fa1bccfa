/* SPDX-License-Identifier: Apache-2.0
 * Room-internal: what notes.c and note_routes.c share. */
#ifndef SOCLE_LIFETALES_NOTES_ROOM_H
#define SOCLE_LIFETALES_NOTES_ROOM_H

#include "products/lifetales/spaces.h"

enum { NOTE_BODY_MAX = 52 * 1024 * 1024 };

/* A space's notes as note_record; id null: all, else that one. */
MUST_USE Err *notes_read(Ctx *c, const Space *space, Str id, Rows *notes);

/* (tx) What a body names and brings hangs on a note. */
typedef struct Hang {
    const Space *space;
    Note *note;
    int64_t position; /* of the next */
    bool hear;        /* recordings are to be transcribed */
} Hang;
MUST_USE Err *hang_all(Ctx *c, Hang *h, const NoteIn *in);
/* The person's own words for what is said; null: he gives none. */
Str own_words(Ctx *c, const NoteIn *in);

#endif

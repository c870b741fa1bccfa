/* SPDX-License-Identifier: Apache-2.0
 * What the files that read transcripts share: syceron.c (what is said) and syceron_orators.c (by
 * whom). */
#ifndef SOCLE_ROBIAN_SYCERON_ROOM_H
#define SOCLE_ROBIAN_SYCERON_ROOM_H

#include "core/map.h"
#include "products/robian/syceron.h"
#include "products/robian/xml.h"

/* A container under way. */
typedef struct Frame {
    Str id, code, title;
    ptrdiff_t point; /* the nearest titled one, itself included; -1 */
    bool is_point;
    int level; /* as it says; 0: it does not */
} Frame;

typedef struct Rank {
    int level;
    ptrdiff_t point;
} Rank;

typedef struct Reading {
    Ctx *c;
    Xml *x;
    Transcript *t;
    ptrdiff_t speech_cap, point_cap, person_cap;
    Frame frames[XML_LEVELS_MAX + 1];
    ptrdiff_t depth;
    Rank ranks[110]; /* points that others may be of; levels rise */
    ptrdiff_t ranked;
    Map people; /* by id: index + 1 */
    Str chair;  /* "Mme Yaël Braun-Pivet", of the last "Présidence de …" */
} Reading;

/* What one paragraph says of who speaks. */
typedef struct Orator {
    Str name, id, role;
} Orator;
enum { ORATORS_MAX = 50 };
typedef struct Orators {
    Orator items[ORATORS_MAX];
    ptrdiff_t count;
} Orators;

/* One more at the end of a growing array, zeroed. */
void *reading_more(Arena *arena, void **items, ptrdiff_t *count, ptrdiff_t *cap, ptrdiff_t size);

/* The children of <orateurs>, which has just been opened. */
MUST_USE Err *orators_read(Reading *r, Orators *all);
/* Fill in speaker, speaker_id, role, presiding; actor: the paragraph's id_acteur. */
void speaker_settle(Reading *r, Speech *s, const Orators *all, Str actor);
/* Note whom it names by a number among the transcript's people; its kind must be known. */
void people_note(Reading *r, const Speech *s, const Orators *all);

#endif

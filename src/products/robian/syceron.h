/* SPDX-License-Identifier: Apache-2.0
 * The Assembly's transcripts (comptes rendus intégraux, XML of "Syceron"), read in one pass: points
 * nested at will, paragraphs with who spoke, and the seconds into the video that nine of ten carry.
 * Identifiers are taken as they are and never looked into. */
#ifndef SOCLE_ROBIAN_SYCERON_H
#define SOCLE_ROBIAN_SYCERON_H

#include "core/time.h"
#include "products/robian/speech.h"

/* A titled point of the agenda. */
typedef struct Point {
    ptrdiff_t parent; /* index of another, -1 for none */
    int64_t level;    /* 1 outermost */
    Str title, code;
    ptrdiff_t speech; /* position of its title */
} Point;

/* Somebody the transcript names by a number; the fullest name it has for them. */
typedef struct Person {
    Str id; /* PA… */
    Str name, role;
    bool spoke, presided; /* otherwise than by interruptions; from the chair */
} Person;

typedef struct Transcript {
    Str uid, session_uid, session_ref;
    Time date;         /* when the sitting was to begin; TIME_NULL when it cannot be read */
    Time generated_at; /* when the file was made; TIME_NULL: not said */
    Str day;           /* "mercredi 06 novembre 2024" */
    Str session;       /* "Session ordinaire 2024-2025" */
    Str legislature, number, day_number, state, version;
    Speech *speeches; /* n, debate_n and what alignment gives are left empty */
    ptrdiff_t count;
    Point *points;
    ptrdiff_t point_count;
    Person *people;
    ptrdiff_t person_count;
    /* What the file had, to be counted against it. */
    ptrdiff_t paragraphs, empty, timed, several;
} Transcript;

/* INVALID for what is no transcript. In c's arena; may run on a helper thread. */
MUST_USE Err *transcript_read(Ctx *c, Str bytes, Transcript *out);

/* "20241106140000000" (also without what stands behind the day), on Paris' clocks. */
MUST_USE bool transcript_date(Str text, Time *out);

/* Is this the name of one person ("Mme Louise Morel"), not an office or "Un député du groupe…"? */
bool transcript_names_one(Str name);

#endif

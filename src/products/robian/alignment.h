/* SPDX-License-Identifier: Apache-2.0
 * When each line of a transcript was spoken. A pure function over lines and marks, so that its error can
 * be measured; alignment_run.c feeds it from the database.
 *
 *   1. The transcript's own times, where they can be right. Some go backwards. Many more leave a speech
 *      of minutes only seconds, because the short line behind it was found too early: of two times
 *      at least what the text between them takes at one and a half times the sitting's speed must
 *      have gone by. With every time lessened by that least duration of all text before it, both
 *      rules are one: keep a non-decreasing subsequence, the heaviest (as many as can be, of as many
 *      those of the longer texts; Jacobson & Vo 1992, with a Fenwick tree).
 *   2. Marks (chapters of the video's timeline), joined with what has no time: who speaks or the title
 *      must be the same, and order is kept (a global alignment by dynamic programming, Needleman &
 *      Wunsch 1970, that takes the most pairs and of those the ones nearest to where they are
 *      expected). A mark between two known times stays between them.
 *   3. Everything else lies between two known points by the length of its text, at the speed at which
 *      this sitting speaks; a suspension of the sitting takes the time that is left over.
 *
 * start and end of lines go forward, none lies behind the end of the audio. */
#ifndef SOCLE_ROBIAN_ALIGNMENT_H
#define SOCLE_ROBIAN_ALIGNMENT_H

#include "core/str.h"

typedef enum LineKind {
    LINE_SPOKEN,
    LINE_TITLE, /* nobody reads it aloud */
    LINE_NOTE,  /* applause and the like */
    LINE_PAUSE  /* the sitting was suspended here */
} LineKind;

typedef enum TimeSource { TIME_UNKNOWN, TIME_TRANSCRIPT, TIME_NVS, TIME_INTERPOLATED } TimeSource;

typedef struct Line {
    LineKind kind;
    Str who;          /* what marks are joined by: a speaker or a title; null: by nothing */
    int64_t given_ms; /* the transcript's own time, -1 for none */
    ptrdiff_t length; /* of the text, in characters */
    /* What is found out. */
    TimeSource source;
    int64_t start_ms, end_ms; /* -1: not known */
} Line;

typedef struct Mark {
    int64_t start_ms;
    Str who;
} Mark;

typedef struct AlignFigures {
    int64_t lines, transcript, nvs, interpolated, unknown;
    int64_t backward, impossible; /* times of the transcript that were dropped */
    int64_t clamped;              /* lines behind the end of the audio */
    int64_t marks, joined;
    int64_t compared, apart_ms; /* marks joined with a line that has a time; median distance */
    int64_t speed;              /* characters in 10 s */
} AlignFigures;

/* marks in any order; duration_ms of the audio, -1: not known. */
AlignFigures align(Arena *arena, Line *lines, ptrdiff_t count, const Mark *marks,
                   ptrdiff_t mark_count, int64_t duration_ms);

const char *time_source_name(TimeSource source); /* NULL for TIME_UNKNOWN */

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Room-internal of the local writer. */
#ifndef SOCLE_LIFETALES_WRITER_LOCAL_ROOM_H
#define SOCLE_LIFETALES_WRITER_LOCAL_ROOM_H

#include "core/map.h"
#include "products/lifetales/writer.h"

/* A sentence of a note, cleaned. */
typedef struct LocalLine {
    Str text;
    const StoryNote *note;
    const StoryNote *also; /* that says the same; NULL: none */
    bool paragraph;        /* begins one */
    bool dropped;
    double score;
} LocalLine;

typedef struct LocalLines {
    Arena *arena;
    LocalLine *items;
    ptrdiff_t count, cap;
    Map stems; /* of all lines, to how often (double) */
} LocalLines;

/* Append the sentences of a text, cleaned. */
void local_lines_add(LocalLines *lines, const StoryNote *note, Str text, Str language);
/* Without hesitations and stuttered words, spaces put right, a capital letter in front (unless it goes
 * on), a stop behind (unless it is cut): every word that is left is the note's. */
Str local_clean(Arena *arena, Str sentence, Str language, bool goes_on, bool cut);

/* Give each line its score: how much it says of what the lines are about, in the measure of a tone. */
void local_lines_weigh(LocalLines *lines, Str tone);
/* Drop lines that say what one before them says. */
void local_lines_unlike(LocalLines *lines);

enum { LOCAL_TITLE_MAX = 60 };
/* At most LOCAL_TITLE_MAX code points, never ending inside a word. */
Str local_short(Arena *arena, Str text);
Str local_title(const LocalLines *lines, const ChapterTask *task);
Str local_prompt(const LocalLines *lines, const ChapterTask *task);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Facts: what a chapter claims that no note says. Names (of people, places, things), dates and numbers
 * of the text are looked for in the notes, however they are written there (« trois », "3", "3rd of
 * June", 03/06, yesterday for who knows the day); one that is not there is an invention.
 * French and English; in other scripts numbers and dates only. Pure. How good it is: docs, and
 * test/unit/products/lifetales/facts_test.c, on inventions sown into real notes. */
#ifndef SOCLE_LIFETALES_FACTS_H
#define SOCLE_LIFETALES_FACTS_H

#include "products/lifetales/plan.h"

typedef enum FactKind { FACT_NAME, FACT_DATE, FACT_NUMBER } FactKind;
typedef struct Invention {
    FactKind kind;
    Str what;       /* as it stands in the text */
    ptrdiff_t at;   /* byte */
} Invention;
/* In order. At most INVENTIONS_MAX. */
enum { INVENTIONS_MAX = 200 };
Invention *facts_invented(Arena *arena, Str text, const StoryNote *const *notes, ptrdiff_t count,
                          const Zone *zone, ptrdiff_t *found);

/* The same in two steps, for who asks about many texts: what the notes know is gathered once, in an arena
 * that lives as long. */
typedef struct Facts Facts;
Facts *facts_gather(Arena *arena, const StoryNote *const *notes, ptrdiff_t count, const Zone *zone);
Invention *facts_against(Arena *arena, Facts *facts, Str text, ptrdiff_t *found);

/* The sentences of a text (French and English rules: abbreviations, decimals, quotes, « », …; other
 * scripts by their own marks), as byte ranges that together are the text without the space between. */
typedef struct Range { ptrdiff_t start, end; } Range;
Range *story_sentences(Arena *arena, Str text, ptrdiff_t *count);
/* With a space between, would they be read as one sentence? "Le plan B." and "Martin vint." would. */
bool sentences_run_on(Arena *arena, Str before, Str after);
/* Which notes a sentence rests on, the best first: those that share the most of its words (their
 * stems). Never none where count > 0. */
const StoryNote **facts_sources(Arena *arena, Str sentence, const StoryNote *const *notes,
                                ptrdiff_t count, ptrdiff_t *found);

#endif

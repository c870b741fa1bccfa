/* SPDX-License-Identifier: Apache-2.0
 * Searching debates and what was said in them: hits are debates, each with its best passages. */
#ifndef SOCLE_ROBIAN_DEBATE_SEARCH_H
#define SOCLE_ROBIAN_DEBATE_SEARCH_H

#include "products/robian/search_index.h"

enum { PASSAGES_OF_HIT = 3 };

typedef struct DebateAsk {
    Str q; /* empty: all debates, the newest first */
    DebateNarrow narrow;
    int64_t offset, limit;
    StrList facets; /* of debate_facets */
} DebateAsk;
extern const char *const debate_facets[]; /* NULL-ended: type, commission, speaker, month */

/* What was said, the best first; texts are HTML whose only element is <em>. */
typedef struct Passage {
    Str id, speaker, speaker_id, role, text;
    int64_t position;
    OptInt start_ms, end_ms,
        second; /* from the beginning of the audio; null where it is not known */
    Str time_source;
    Str url;       /* the page of the debate, at that second */
    Str audio_url; /* the audio at that second; null without audio */
} Passage;
extern const Record passage_record;

typedef struct DebateHit {
    Debate debate;
    Str title; /* with what was found marked, as HTML */
    double score;
    RecordList passages;   /* of Passage */
    int64_t passage_count; /* in all */
} DebateHit;
extern const Record debate_hit_record;

typedef struct DebatesFound {
    DebateHit *hits; /* those gone since are left out */
    ptrdiff_t count;
    int64_t total; /* debates */
    int64_t took_us;
    JsonText facets; /* {"type": {"commission": 3}, …}: debates; of speakers: passages */
} DebatesFound;

/* As it is shown; query NULL: its beginning, with nothing marked. */
Passage passage_of(Ctx *c, const Debate *d, const DebateDocument *speech, const SearchQuery *query);
/* The best passages of each hit's debate into the rest of it. */
MUST_USE Err *debate_passages(Ctx *c, const DebateAsk *ask, DebateHit *hits, ptrdiff_t count);

/* After everything that was committed before the call. INVALID for a query that is none. Waits. */
MUST_USE Err *debates_search(Ctx *c, const DebateAsk *ask, DebatesFound *out);

#endif

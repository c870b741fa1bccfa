/* SPDX-License-Identifier: Apache-2.0
 * The search index `debates`: debates and what was said in them, one document each.
 *
 * A debate's document has its title, description, people and tags; that of a speech its text and
 * speaker, and the debate's title last, so that a question may be answered by both together. What
 * filters and facets look at is the same in both. Hits of one debate share `debate_id`. */
#ifndef SOCLE_ROBIAN_SEARCH_INDEX_H
#define SOCLE_ROBIAN_SEARCH_INDEX_H

#include "api/collection.h"
#include "products/robian/records.h"
#include "work/jobs.h"

/* Places in debates_index.fields. */
enum {
    IN_TITLE,        /* of debates */
    IN_TEXT,         /* of speeches */
    IN_SPEAKER,      /* of speeches: who speaks */
    IN_DESCRIPTION,  /* of debates */
    IN_SPEAKERS,     /* of debates: speakers and ministers */
    IN_TAGS,         /* of debates: tags and keywords */
    IN_ROLE,         /* of speeches */
    IN_COMMITTEE,    /* of debates: the committee's words, to be searched */
    IN_DEBATE_TITLE, /* of speeches */
    IN_SPEAKER_ID,
    IN_KIND, /* debate, speech */
    IN_TYPE,
    IN_COMMISSION,
    IN_MONTH, /* 2024-11, by the Assembly's clocks */
    IN_DATE,
    IN_HAS_AUDIO,
    IN_DEBATE_ID,
    IN_START_MS,
    DEBATE_FIELD_COUNT
};

/* Keys are debates.n and speeches.n. */
extern const SearchDef debates_index;
extern const Collection debates_collection;

/* A document as it is shown: what debates_collection loads. */
typedef struct DebateDocument {
    int64_t n, position; /* position -1: a debate */
    Str id;              /* of a speech: the debate's, _ and its position */
    Str kind, debate_id, title, type;
    Time date;
    Str commission;
    bool has_audio;
    Str description;
    StrList speakers, tags;
    Str text, speaker, speaker_id, role;
    OptInt start_ms, end_ms;
    Str time_source;
} DebateDocument;

/* What a search is narrowed down to; null texts and unset values do not. */
typedef struct DebateNarrow {
    Str type;
    Str commission; /* its name, or whole words of one */
    Str speaker;    /* the same, or an id (PA…) */
    Time from, before;
    OptBool has_audio;
} DebateNarrow;
/* The same as a filter; NULL: everything. May wait. */
MUST_USE Err *debates_filter(Ctx *c, const DebateNarrow *narrow, SearchFilter **out);

/* For lists that filter, sort and page by SQL: n of all debates in which or in whose speeches q is
 * found, of those the narrow lets through (NULL: all), as a JSON list. After everything that was
 * committed before the call. */
MUST_USE Err *debates_matching(Ctx *c, Str q, const DebateNarrow *narrow, JsonText *keys);

/* A job: tombstones older than 90 days go. Whoever has not followed for so long builds anew. */
MUST_USE Err *tombstones_purge_run(Ctx *c, Job *job);

/* [1,2] of these. */
JsonText keys_json(Arena *arena, const int64_t *keys, ptrdiff_t count);

/* A debate's speeches from position *from on, at most `limit`, into a batch: for alerts. *from:
 * where to go on; -1 after the last. */
MUST_USE Err *debate_speeches_describe(Ctx *c, int64_t debate_n, int64_t limit, int64_t *from,
                                       SearchDocs *out);

#endif

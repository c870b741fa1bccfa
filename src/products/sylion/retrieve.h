/* SPDX-License-Identifier: Apache-2.0
 * Retrieval: the passages of a tenant's knowledge that bear on a question. Keyword search and
 * vectors, each with its own order, blended by reciprocal rank fusion in the search room; tenant and
 * knowledge bases are always in the filter. */
#ifndef SOCLE_SYLION_RETRIEVE_H
#define SOCLE_SYLION_RETRIEVE_H

#include "ai/llm.h"
#include "products/sylion/scope.h"

typedef enum RetrieveMode { RETRIEVE_HYBRID, RETRIEVE_VECTOR, RETRIEVE_KEYWORD } RetrieveMode;

typedef struct RetrieveAsk {
    Str question;
    StrList knowledge_base_ids; /* none: all of the tenant's; unknown ones are left out */
    RetrieveMode mode;
    double threshold; /* 0..1: passages whose support is below are left out */
    int64_t max_results, budget_tokens; /* of the texts together; 0: 3000 */
    AiPayer payer;
} RetrieveAsk;

typedef struct Passage {
    Str chunk_id, document_id, document_name, knowledge_base_id, heading, text;
    OptInt page;
    int64_t position;
    double score;            /* of the blend; only to compare */
    double support;          /* 0..1: how far the passage bears on the question; what threshold is about */
    OptFloat similarity;     /* cosine, where vectors took part */
    OptInt keyword_rank, vector_rank;
    Str sentence;            /* of the text, the one that bears most on the question */
} Passage;
extern const Record knowledge_passage_record;

/* *out: struct Passage, best first. *degraded: meanings were asked for and left out, or may be old; see
 * the text, which is for people. Waits. */
#define RETRIEVE_DEGRADED_DOC                                                                     \
    "Meanings were left out, or may be old: no embeddings could be had, the store of vectors does " \
    "not answer, or the search is Meilisearch, which is asked for words only"
MUST_USE Err *retrieve(Ctx *c, const Scope *s, const RetrieveAsk *ask, Rows *out, bool *degraded);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * What an assistant says to a question: retrieval, the prompt, the model, the citations. The same
 * for a turn, the dry run (/assistants/{id}/ask), the widget and the voice. Nothing is stored, sent
 * or charged here; a contact's words and the documents' are data in the prompt, never instructions,
 * and no prompt holds anything of another tenant. */
#ifndef SOCLE_SYLION_ANSWER_H
#define SOCLE_SYLION_ANSWER_H

#include "products/sylion/records.h"
#include "products/sylion/retrieve.h"

typedef struct AnswerAsk {
    const Assistant *assistant;
    const Message *history; /* before the question, oldest first */
    ptrdiff_t history_count;
    Str question, language; /* language: fr, en, ar; null: as the question's */
    AiPayer payer;
    Err *(*on_text)(Ctx *c, Str piece, void *arg); /* as it comes; NULL: at once */
    void *arg;
    const Rows *passages; /* struct Passage, found before; NULL: they are retrieved here */
} AnswerAsk;

typedef enum AnswerKind {
    ANSWER_GIVEN,
    ANSWER_UNSUPPORTED, /* nothing in the knowledge bears on it: `text` says so, as configured */
    ANSWER_HAND_OVER, /* the contact asks for a person, or nothing supports and so it is configured */
    ANSWER_REFUSED    /* the model or its provider would not */
} AnswerKind;

typedef struct Citation {
    int64_t number;
    Str document_id, document_name, chunk_id, heading, sentence;
    OptInt page;
} Citation;
extern const Record citation_record;

typedef struct Answer {
    AnswerKind kind;
    Str text, reason, language;
    Rows passages;  /* struct Passage: what it could rest on */
    Rows citations; /* struct Citation: what it says it rests on; numbers as in the text */
    AiUsage usage;
    AiOrigin origin;
} Answer;

MUST_USE Err *assistant_answer(Ctx *c, const Scope *s, const AnswerAsk *ask, Answer *out);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Speech to text and back. Errors and policy: ai.h. All calls wait. */
#ifndef SOCLE_AI_SPEECH_H
#define SOCLE_AI_SPEECH_H

#include "ai/ai.h"

/* Can recordings be written down here? Null: yes; else a sentence that names what to set. There is no
 * local transcription: without a provider a recording waits, it is never given an error's text. */
Str transcribe_lacks(Arena *arena);

typedef struct TranscribeRequest {
    Str provider, model; /* null: AI_TRANSCRIBE_PROVIDER, its model */
    Str audio;           /* the bytes, at most 25 MiB: TOO_LARGE */
    Str mime;            /* audio/ogg, audio/webm, audio/mpeg, audio/mp4, audio/wav, audio/flac … */
    Str language;        /* "fr"; null: found out */
    int64_t timeout_ms;  /* 0: 30 s for each try, 3 tries */
    AiPayer payer;
} TranscribeRequest;

typedef struct Transcript {
    Str text;            /* "" for a recording without speech */
    Str language;        /* where the provider tells it */
    OptFloat confidence; /* 0..1, where the provider tells it */
    AiUsage usage;
    AiOrigin origin;
} Transcript;

/* Equal recordings are sent once, on all nodes, and what was heard is kept by their content (and
 * model and language). */
MUST_USE Err *transcribe(Ctx *c, const TranscribeRequest *request, Transcript *out);

typedef struct SpeakRequest {
    Str provider, model, voice; /* null: AI_SPEAK_PROVIDER, its model and voice; local: espeak-ng */
    Str text;                   /* at most 4096 characters: TOO_LARGE */
    Str language;
    int64_t timeout_ms;
    AiPayer payer;
} SpeakRequest;

typedef struct Speech {
    Str audio, mime;
    AiUsage usage;
    AiOrigin origin;
} Speech;

MUST_USE Err *speak(Ctx *c, const SpeakRequest *request, Speech *out);

#endif

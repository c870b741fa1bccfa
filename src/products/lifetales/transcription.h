/* SPDX-License-Identifier: Apache-2.0
 * The transcription agent: recordings become text. By content: equal bytes are heard once, whoever
 * uploads them and however many at once (ai/speech.h keeps and joins calls; the table transcriptions
 * keeps what was heard for good). Without a provider a recording waits, and is heard when there is one;
 * an error's text is never a transcript. webm/opus is re-muxed to ogg, without decoding, for who does
 * not take webm. */
#ifndef SOCLE_LIFETALES_TRANSCRIPTION_H
#define SOCLE_LIFETALES_TRANSCRIPTION_H

#include "ai/speech.h"
#include "products/lifetales/album.h"
#include "products/lifetales/records.h"
#include "work/jobs.h"

/* (tx) A recording of the person's was added or is to be heard again: what is known of its content is
 * written to it at once, else a job is asked for and it waits. */
MUST_USE Err *transcription_wanted(Ctx *c, const Media *media);

typedef struct Heard {
    Str text, language;
    OptFloat confidence;
    bool cached;
} Heard;
/* Now, for who waits for it: NOT_CONFIGURED without a provider; ai.h's errors. Takes from the person's
 * limits unless it is known already. */
MUST_USE Err *transcription_now(Ctx *c, Id user, const Looked *looked, Str sha256, Heard *out);

/* When the program starts: what waited for a provider is asked for, if there is one now. */
MUST_USE Err *transcriptions_begin(Ctx *c);

extern const JobKind transcription_jobs[];
extern const ptrdiff_t transcription_job_count;

#endif

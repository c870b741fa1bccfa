/* SPDX-License-Identifier: Apache-2.0
 * Room-internal: what the files of transcription share. */
#ifndef SOCLE_LIFETALES_TRANSCRIPTION_ROOM_H
#define SOCLE_LIFETALES_TRANSCRIPTION_ROOM_H

#include "data/db.h"
#include "products/lifetales/transcription.h"

#define TRANSCRIBE_JOB "lifetales.transcribe"
#define TRANSCRIBE_WAITING_JOB "lifetales.transcribe_waiting"

/* What is known of this content. */
MUST_USE Err *heard_find(Ctx *c, Str sha256, Heard *out, bool *found);
/* (tx) The person's recording of this content says so. */
MUST_USE Err *heard_put(Ctx *c, Id user, Str sha256, const Heard *heard);
/* (tx) The same, and it is known from now on. */
MUST_USE Err *heard_keep(Ctx *c, Id user, Str sha256, const Transcript *said);
/* From the person's limits, once a minute for the same content. RATE_LIMITED. */
MUST_USE Err *hearing_taken(Ctx *c, Id user, Str sha256);
/* The provider hears it. Errors: sound_prepare's, transcribe's. */
MUST_USE Err *hearing_done(Ctx *c, Id user, Str sha256, Str audio, Str mime, Transcript *said);
/* A recording as it is stored. */
typedef struct LongSound {
    Str audio, mime, sha256;
    int64_t duration_ms;
    int fd; /* a file with the same bytes, for the two below */
} LongSound;
/* The same of a recording of any length and size: in one call where it fits into one, else in parts. */
MUST_USE Err *hearing_whole(Ctx *c, Id user, const LongSound *sound, Transcript *said);
/* (tx) A job for a recording that waits; one is enough. */
MUST_USE Err *hearing_ask(Ctx *c, Id user, Id media, int64_t round, int64_t delay_ms);

/* A recording as `provider` takes it: as it is, where it does; else in another container, its packets
 * untouched; where no container that it takes holds them, decoded, without further loss, at the 16 kHz
 * at which speech is listened to. INVALID for what cannot be read, NOT_CONFIGURED without FFmpeg. */
MUST_USE Err *sound_prepare(Ctx *c, Str provider, Str *audio, Str *mime);
/* Of a long one the part [from_ms, to_ms), to_ms < 0: to its end: the same packets; decoded where these take
 * more than `most` bytes, or are sound as it came from a microphone. */
MUST_USE Err *sound_part(Ctx *c, const LongSound *l, int64_t from_ms, int64_t to_ms, ptrdiff_t most,
                         Str *audio, Str *mime);
/* Samples of 16 bits, one channel. */
MUST_USE Err *sound_samples(Ctx *c, const LongSound *l, int64_t from_ms, int64_t ms, int rate,
                            Str *samples);

#endif

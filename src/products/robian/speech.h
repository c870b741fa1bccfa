/* SPDX-License-Identifier: Apache-2.0
 * A paragraph of a transcript: a row of `speeches`, and what the files that read, align, show and
 * search transcripts meet at. */
#ifndef SOCLE_ROBIAN_SPEECH_H
#define SOCLE_ROBIAN_SPEECH_H

#include "core/record.h"

typedef struct Speech {
    int64_t n; /* short key */
    int64_t debate_n;
    int64_t position; /* from 0, in the order of the transcript */
    Str paragraph;    /* the Assembly's own number of it */
    Str kind;         /* speech, interruption, title, note */
    Str code;         /* the transcript's word for what it is: SCRUT_PUB_ADT_1_4 */
    Str point;        /* title of the point of the agenda that it belongs to */
    Str speaker_id;   /* of speakers; null for nobody in particular */
    Str speaker;      /* as the transcript names them */
    Str role;
    bool presiding;
    Str text;
    OptInt given_ms; /* the transcript's own time */
    OptInt start_ms, end_ms;
    Str time_source; /* transcript, nvs, interpolated; null without start_ms */
} Speech;
extern const Record speech_row_record;

/* Does the sitting stand still here, "(La séance, suspendue à quinze heures, est reprise à …)"? */
bool speech_pauses(const Speech *s);
/* The same speeches for align (alignment.h), with what marks join them by. */
struct Line *speech_lines(Arena *arena, const Speech *speeches, ptrdiff_t count);
/* What joins somebody, or a title; for marks. Null when there is nothing to join by. */
Str speech_who(Arena *arena, Str speaker_id, Str speaker);
Str speech_title_key(Arena *arena, Str title);

#endif

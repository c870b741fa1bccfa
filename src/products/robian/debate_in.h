/* SPDX-License-Identifier: Apache-2.0
 * A debate as clients send it. */
#ifndef SOCLE_ROBIAN_DEBATE_IN_H
#define SOCLE_ROBIAN_DEBATE_IN_H

#include "products/robian/records.h"

/* Texts that are null, and what is no member, are as in Debate. */
typedef struct DebateIn {
    Str title, description, type;
    Str date; /* a day of the Assembly's clocks, or RFC 3339 */
    Str source_url;
    Time start_time, end_time;
    OptInt duration_minutes;
    Str video_url, thumbnail_url, commission, salle;
    StrList speakers, ministers, tags, keywords;
    JsonText metadata;
    Str status;
    OptBool is_live;
    /* What clients send back unchanged; ignored. */
    Str id, display_duration;
    bool has_audio;
    int64_t view_count, download_count;
    RecordList audio_files;
    Time created_at, updated_at;
} DebateIn;
extern const Record debate_in_record;

/* What is in the body (`present`, of debate_in_record) over what is there. Then all of it must
 * fit together: INVALID with every bad field. */
MUST_USE Err *debate_in_apply(Ctx *c, const DebateIn *in, FieldSet present, Debate *d);

#endif

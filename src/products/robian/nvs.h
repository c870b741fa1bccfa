/* SPDX-License-Identifier: Apache-2.0
 * Timelines of the Assembly's videos (NVS): data.nvs has nested chapters and who speaks in them,
 * finalplayer.nvs (liveplayer.nvs while it lasts) the moment of each, joined by the chapter's id.
 * Chapters without a moment and moments without a chapter (the markers of every minute) occur. */
#ifndef SOCLE_ROBIAN_NVS_H
#define SOCLE_ROBIAN_NVS_H

#include "core/record.h"

/* A row of debate_chapters; id and end are made on the way. */
typedef struct Chapter {
    int64_t position, parent; /* -1: none */
    int64_t level;            /* 1 outermost */
    Str id;                   /* the timeline's; not kept */
    Str title, type, speaker_id, speaker;
    OptInt start_ms, end_ms;
} Chapter;
extern const Record chapter_row_record;

typedef struct Timeline {
    Str meeting_uid; /* réunion; null: not said */
    Str video_id;    /* as in the portal's addresses: 19502241_6ac548b948b27; null */
    Chapter *chapters;
    ptrdiff_t count;
} Timeline;

/* Both: INVALID for what is something else. In c's arena; may run on a helper thread. */
MUST_USE Err *timeline_read(Ctx *c, Str data, Timeline *out);
/* Give chapters their start and end. */
MUST_USE Err *timeline_join(Ctx *c, Str player, Timeline *timeline);

/* Which half a file is, by its root element: "data", "player"; null for neither. */
Str timeline_half(Str bytes);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Audio files as ffprobe and ffmpeg see them. Both read local files only, and only containers of which
 * none can refer to another file or address. */
#ifndef SOCLE_ROBIAN_MEDIA_H
#define SOCLE_ROBIAN_MEDIA_H

#include "products/robian/tools.h"

typedef struct MediaInfo {
    int64_t duration_ms; /* 0: not told */
    int64_t bytes;
    Str container, codec;                    /* of the audio: "mp3", "aac" */
    int64_t sample_rate, channels, bit_rate; /* 0: not told */
} MediaInfo;

/* INVALID when it is no media file, or has no audio track. */
MUST_USE Err *media_probe(Ctx *c, Str folder, Str name, MediaInfo *out);

/* As loudnorm measures it (EBU R128), in its own spelling; i is null when there is nothing to hear. */
typedef struct Loudness {
    Str i, tp, lra, thresh, offset;
} Loudness;
MUST_USE Err *media_measure(Ctx *c, Str folder, Str name, const MediaInfo *info, Stage stage,
                            Loudness *out);

typedef struct MediaChapter {
    Str title;
    int64_t start_ms;
} MediaChapter;
typedef struct MediaTags {
    Str title, artist, album, genre, date, comment; /* null: none */
    const MediaChapter *chapters;                   /* in order of time */
    ptrdiff_t chapter_count;
} MediaTags;

typedef struct MediaPlan {
    Str format;        /* mp3, aac, opus, wav */
    int64_t kbps;      /* of the lossy ones */
    bool copy;         /* the audio as it is, only with other tags */
    Loudness loudness; /* i null: as loud as it is */
    MediaTags tags;
} MediaPlan;
/* folder/from to folder/to. TOO_LARGE where the result would be over ROBIAN_EXTRACTION_MAX_BYTES. */
MUST_USE Err *media_encode(Ctx *c, Str folder, Str from, Str to, const MediaInfo *info,
                           const MediaPlan *plan, Stage stage);

#endif

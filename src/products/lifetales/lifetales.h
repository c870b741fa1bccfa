/* SPDX-License-Identifier: Apache-2.0
 * lifetales: notes become an illustrated story. What the rest of the program sees of it. README.md
 * beside this file maps the contract to files. */
#ifndef SOCLE_LIFETALES_LIFETALES_H
#define SOCLE_LIFETALES_LIFETALES_H

#include "api/module.h"
#include "api/transfer.h"

extern const Module lifetales_module;

/* `socle import lifetales FILE…`: what the web app exported, for the account --user names; notes that stand
 * alone go into the space --space. */
#define LIFETALES_IMPORT_OPTIONS "user space"
MUST_USE Err *lifetales_import(Ctx *c, Transfer *t);
/* `socle export lifetales [FILE]`: everything that account has, as a tar file. */
#define LIFETALES_EXPORT_OPTIONS "user"
MUST_USE Err *lifetales_export(Ctx *c, Transfer *t);

/* For `socle doctor`: what this machine and its settings lack, a line each; null: nothing. */
Str tales_lacks(Ctx *c);

typedef struct LifetalesSettings {
    int64_t transcriptions_per_minute, stories_per_hour, ai_calls_per_hour; /* of each user */
    int64_t media_max_bytes, audio_max_s, space_max_notes;
    int64_t media_url_s, share_s;
    int64_t transcription_ms, story_ms, illustration_ms; /* of one call */
    int64_t story_parallel; /* chapters, and pictures, under way at once in one story */
    Str font_serif;
    Str cloudinary_url;
} LifetalesSettings;
extern LifetalesSettings lifetales;

#endif

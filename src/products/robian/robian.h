/* SPDX-License-Identifier: Apache-2.0
 * robian: the audio of the French National Assembly's debates. What the program's list of modules
 * takes from this room, and the room's settings. */
#ifndef SOCLE_ROBIAN_ROBIAN_H
#define SOCLE_ROBIAN_ROBIAN_H

#include "api/module.h"
#include "api/transfer.h"

extern const Module robian_module;

/* `socle import robian KIND FILE|FOLDER|ARCHIVE…`: see open_data.h. */
MUST_USE Err *robian_import_agenda(Ctx *c, Transfer *t);
MUST_USE Err *robian_import_deputies(Ctx *c, Transfer *t);
MUST_USE Err *robian_import_votes(Ctx *c, Transfer *t);
MUST_USE Err *robian_import_transcripts(Ctx *c, Transfer *t);
MUST_USE Err *robian_import_nvs(Ctx *c, Transfer *t);
/* `socle import robian fetch SOURCE…|all`: see fetch.h. */
#define ROBIAN_FETCH_OPTIONS "anew"
MUST_USE Err *robian_import_fetch(Ctx *c, Transfer *t);

/* Filled once before anything starts, read-only afterwards. CACHE_TTL_… and
 * MAX_CONCURRENT_EXTRACTIONS are the base's (api/base_settings.h). */
typedef struct RobianSettings {
    bool allow_private_sources; /* extraction may fetch from addresses that are not public */
    bool open_devices;          /* a bare user_id is enough */
    Str yt_dlp; /* program; FFMPEG_PATH and FFPROBE_PATH are the base's too */
    int64_t extraction_max_bytes, extraction_max_s, silence_s, extraction_tries;
    Str open_data_agent; /* User-Agent for it */
    int64_t open_data_max_bytes;
    Str open_data_url, videos_url; /* where the Assembly publishes; without a final slash */
    bool open_data_fetch;          /* schedules fetch from there */
    Str public_url; /* of this server, for feeds and links; empty: as the request named it */
    int64_t webhook_tries; /* of an alert's match */
} RobianSettings;
extern RobianSettings robian;

#endif

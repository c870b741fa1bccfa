/* SPDX-License-Identifier: Apache-2.0
 * Where the audio of an address is, and how it gets into a file here: a page of the Assembly's portal
 * (its mp3 where it offers one, else its video), a media file, or whatever yt-dlp makes of it. */
#ifndef SOCLE_ROBIAN_SOURCE_H
#define SOCLE_ROBIAN_SOURCE_H

#include "products/robian/records.h"
#include "products/robian/tools.h"

/* What a page says about itself; null where it says nothing. */
typedef struct SourcePage {
    Str title, description, thumbnail_url;
    Str video_url;    /* contentURL or og:video */
    Str video_id;     /* <number>_<13 hex>, of the portal's own address */
    Str playlist_url; /* HLS */
} SourcePage;

typedef enum SourceOrigin { SOURCE_PORTAL, SOURCE_DIRECT, SOURCE_YT_DLP } SourceOrigin;

typedef struct Source {
    SourceOrigin origin;
    SourcePage page;
    Str url;      /* of the file that was taken */
    bool own_mp3; /* the portal's: need not be made again */
    int64_t bytes;
} Source;

/* Where to look for a debate's audio: at its source, unless that is the Assembly's page of its
 * transcript, which plays nothing; then at the portal's page of its video, or at its video. */
Str source_of_debate(Arena *arena, const Debate *d);

/* Into folder/SOURCE_FILE. Errors as of download.h and tools.h, and INVALID when nothing there is to be
 * heard. */
#define SOURCE_FILE S("source")
MUST_USE Err *source_fetch(Ctx *c, Str url, Str folder, Stage stage, Source *out);

/* Only what its page says, without fetching media: a file's page says nothing. Errors as of
 * download.h. */
MUST_USE Err *source_describe(Ctx *c, Str url, SourcePage *out);

/* Is it an address that may be asked for: http or https, with a host, without user or password? */
bool source_url_valid(Str url);
/* Of a page's text. */
void page_read(Arena *arena, Str html, Str url, SourcePage *out);
/* The files of a timeline (data.nvs) that are http(s): audio and video; live: it is still going on. */
typedef struct TimelineFiles {
    Str audio_url, video_url, playlist_url;
    bool live;
} TimelineFiles;
void timeline_files_read(Arena *arena, Str nvs, TimelineFiles *out);

/* yt_dlp.c */
MUST_USE Err *yt_dlp_fetch(Ctx *c, Str url, Str folder, Stage stage, Source *out);

#endif

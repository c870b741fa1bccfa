/* SPDX-License-Identifier: Apache-2.0
 * Room-internal: what look.c (programs, and which of the others is asked), look_picture.c and
 * look_recording.c share. */
#ifndef SOCLE_LIFETALES_LOOK_ROOM_H
#define SOCLE_LIFETALES_LOOK_ROOM_H

#include "products/lifetales/album_room.h"

/* -- programs (look.c) ------------------------------------------------------------------------- */

enum { TOOL_WORDS_MAX = 48 };

/* A command line for FFmpeg: how all of them begin, then further words. */
typedef struct ToolLine {
    const char *words[TOOL_WORDS_MAX + 1];
    int count;
} ToolLine;
ToolLine ffmpeg_line(Ctx *c);
void tool_line_add(ToolLine *line, const char *const *words); /* up to NULL */
#define TOOL_ADD(line, ...) tool_line_add(line, (const char *const[]){__VA_ARGS__, NULL})

/* Are the bytes from `at` on these? */
bool bytes_begin(Str b, ptrdiff_t at, const char *with);

/* -- pictures (look_picture.c) ----------------------------------------------------------------- */

/* INVALID for a broken one, TOO_LARGE for too many points. */
MUST_USE Err *picture_look(Ctx *c, Str bytes, Looked *out);
bool picture_is_heif(Str b); /* HEIC or AVIF */
MUST_USE Err *heif_look(Ctx *c, Str bytes, Looked *out);

/* -- recordings and videos (look_recording.c) -------------------------------------------------- */

typedef struct Container Container;
const Container *recording_container(Str whole); /* NULL: none that is known here */
/* INVALID for a broken one, TOO_LARGE for one that lasts too long. */
MUST_USE Err *recording_look(Ctx *c, const Container *container, Str bytes, Looked *out);

#endif

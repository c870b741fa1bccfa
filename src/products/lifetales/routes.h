/* SPDX-License-Identifier: Apache-2.0
 * The tables of routes of this room, each closed by a row without a path; module.c lists them. */
#ifndef SOCLE_LIFETALES_ROUTES_H
#define SOCLE_LIFETALES_ROUTES_H

#include "api/module.h"

#define TALES_READS .access = ACCESS_USER, .scope = "lifetales:read", .tag = "lifetales"
#define TALES_WRITES \
    .access = ACCESS_USER, .scope = "lifetales:write", .rate = RATE_WRITE, .tag = "lifetales"

/* The answer to a DELETE: {success: true}. */
typedef struct TalesDone {
    bool success;
} TalesDone;
extern const Record tales_done_record;

extern const Route space_routes[], note_routes[], person_routes[], album_routes[], share_routes[];
extern const Route tales_health_routes[];
extern const Route transcription_routes[], voice_routes_tales[], narrator_routes[];
extern const Route story_routes[], chapter_routes[], illustration_routes[];
extern const Route export_routes[];
extern const Route book_routes[], voice_link_routes[], tales_routes[];

extern const Envelope lifetales_envelope;

/* What `/` says of lifetales. */
struct RootDocument;
void tales_root(Ctx *c, struct RootDocument *document);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * A space's story as a book: what goes into it, gathered from the person's rows (book_gather.c), and links
 * of its voices (voice_links.c). Calls wait. */
#ifndef SOCLE_LIFETALES_BOOK_MADE_H
#define SOCLE_LIFETALES_BOOK_MADE_H

#include "products/lifetales/book.h"
#include "products/lifetales/spaces.h"

typedef struct BookPlate {
    BookImage *image;
    Str sha256, mime_type;
    int64_t size;
} BookPlate;
typedef struct BookMade {
    Book book;
    BookPlate *plates; /* its pictures */
    ptrdiff_t plate_count, plate_cap;
    Str key; /* hex SHA-256 of all that the book is made from, pictures by their hash */
} BookMade;
/* CONFLICT for a space without a story. base: what the voices' addresses begin with. Pictures' bytes are
 * not there yet. */
MUST_USE Err *book_gather(Ctx *c, const Space *space, Str base, BookMade *out);
/* Then they are: mapped, until c ends; those that neither paper nor readers take are made PNG. */
MUST_USE Err *book_pictures(Ctx *c, BookMade *made);

/* The whole of it: the space's story as a "pdf", "epub" or "html", as it was made of the same content, else
 * made now and kept. Its file, open until c ends. base null: PUBLIC_URL, else where this machine listens. */
MUST_USE Err *book_have(Ctx *c, const Space *space, Str format, Str base, int *fd, int64_t *size);

typedef struct StoryVoice {
    Str chapter_id, title, media_id, token;
    Time timestamp;
    Id media_n;
    bool known;
} StoryVoice;
/* The recordings that the story rests on. Those that never had a link have one now; token null: its owner
 * took it back. */
MUST_USE Err *story_voices(Ctx *c, const Space *space, StoryVoice **out, ptrdiff_t *count);
Str voice_url(Arena *arena, Str base, Str token);

#endif

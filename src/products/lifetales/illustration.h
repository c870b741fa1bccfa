/* SPDX-License-Identifier: Apache-2.0
 * The illustration agent: words and a style become a picture, 4:3, kept by what it was made from. With a
 * provider by its model (style and characters written into the prompt, so that a space looks alike); without
 * one a drawing (drawing.h). A picture that the provider refuses is drawn instead, and says so. Waits. */
#ifndef SOCLE_LIFETALES_ILLUSTRATION_H
#define SOCLE_LIFETALES_ILLUSTRATION_H

#include "ai/image.h"
#include "products/lifetales/records.h"

typedef struct IllustrationTask {
    Id user;
    Str prompt, style, title;
    JsonText characters; /* of the space; null: none */
    uint64_t look;       /* of the space: drawings of one space share palette and hand */
    AiPayer payer;
} IllustrationTask;

typedef struct Illustration {
    Media media;      /* the person's */
    Str key;          /* of illustrations */
    Str url;          /* where it is served: the CDN's address, else the media's own, signed */
    Str provider;     /* who made it: "local" for a drawing */
    bool kept, drawn; /* made before; by ourselves */
    AiUsage usage;
    int64_t calls, errors, latency_ms;
} Illustration;

/* Does a model make them, by the settings? Else they are drawn. */
bool illustration_by_model(Arena *arena);
/* key before it is made: to see whether a chapter has the picture it should have. */
Str illustration_key(Arena *arena, const IllustrationTask *task);
/* Has a picture of this key been made? */
MUST_USE Err *illustration_known(Ctx *c, Str key, bool *known);
/* Equal tasks at the same moment are one picture, made once. Errors of ai.h for a provider that is away: to be
 * tried again. Not for transactions. */
MUST_USE Err *illustrate(Ctx *c, const IllustrationTask *task, Illustration *out);
/* (tx) A picture that its chapter has no more: it goes unless something of the person's shows it. An upload
 * stays. none: nothing. */
MUST_USE Err *illustration_let_go(Ctx *c, Id user, Id media_n);
/* Forget pictures that are a day old and nobody's any more; their bytes are then swept as all others. */
MUST_USE Err *illustrations_sweep(Ctx *c);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Recordings and numbers as services send and take them: what all providers need beside chat. */
#ifndef SOCLE_AI_MEDIA_H
#define SOCLE_AI_MEDIA_H

#include "ai/wire.h"

/* What a recording is by its first bytes, "audio/ogg" and so on; null: none that is known. */
Str media_audio(Str bytes);
/* A media type without its parameters: "audio/ogg; codecs=opus" is audio/ogg. */
Str media_type(Str type);
/* A file name for a recording, by its bytes and else by its type: services look at the ending. */
Str media_file_name(Arena *arena, Str bytes, Str type);
/* Samples of 16 bits, one channel, as a WAV file. */
Str media_wav(Arena *arena, Str samples, int64_t rate);

/* A multipart/form-data body in an arena, and the type that names its boundary. */
typedef struct Form {
    Buf body;
    Str boundary;
} Form;
Form form_begin(Arena *arena, Str unlike); /* unlike: a boundary that does not occur in it */
void form_field(Form *f, const char *name, Str value);
void form_file(Form *f, const char *name, Str file_name, Str type, Str bytes);
Str form_end(Form *f, Arena *arena, Str *type);

/* The numbers of one text's vector into call; UPSTREAM `ai_bad_answer` unless they are as many as
 * were asked for. */
MUST_USE Err *embed_put(Ctx *c, const char *provider, EmbedCall *call, int64_t index,
                        const json_t *numbers);

#endif

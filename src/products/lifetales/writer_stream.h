/* SPDX-License-Identifier: Apache-2.0
 * Text out of a model's JSON while it comes: the "text" members of "sentences", in order, with the
 * space or the paragraph between them. Cut anywhere: what is not a whole code point yet waits. What
 * is no such JSON gives nothing; whether it is right is found out when it is whole (writer.c). */
#ifndef SOCLE_LIFETALES_WRITER_STREAM_H
#define SOCLE_LIFETALES_WRITER_STREAM_H

#include "core/buf.h"

enum { TEXT_DEPTH_MAX = 16, TEXT_KEY_MAX = 16 };

typedef struct TextReader {
    char open[TEXT_DEPTH_MAX + 1]; /* '{' or '[' of each depth, from 1 */
    char keys[TEXT_DEPTH_MAX + 1][TEXT_KEY_MAX];
    int key_len[TEXT_DEPTH_MAX + 1];
    int depth;
    bool begun, ended, in_string, is_key, is_text, escaped, paragraph, after_colon;
    int digits;        /* of \uXXXX still to come */
    uint32_t code, high; /* high: a surrogate that waits for its second half */
    char held[4];      /* the beginning of a code point */
    int held_len;
    int64_t told; /* sentences begun */
} TextReader;

void text_reader_init(TextReader *r);
/* Adds to out what `piece` tells. */
void text_reader_feed(TextReader *r, Str piece, Buf *out);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Base64 as clients send it, decoded as it arrives: both alphabets (RFC 4648 §4 and §5), with padding or
 * without, white space anywhere. Strict texts of our own are str.h's. */
#ifndef SOCLE_CORE_BASE64_H
#define SOCLE_CORE_BASE64_H

#include "core/str.h"

/* Zero at its start. */
typedef struct Base64 {
    uint32_t group;
    int digits; /* of the present group of four */
    int pads;
    bool bad; /* it is no base64 */
} Base64;

/* Decode a piece into `to`, which has room for base64_room(text.len) bytes; how many they are. */
ptrdiff_t base64_take(Base64 *b, Str text, char *to);
static inline ptrdiff_t base64_room(ptrdiff_t len) { return len / 4 * 3 + 3; }
/* What the end leaves, at most two bytes. After it `bad` is settled. */
ptrdiff_t base64_end(Base64 *b, char to[2]);

#endif

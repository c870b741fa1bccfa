/* SPDX-License-Identifier: Apache-2.0
 * Room-internal: the walkers behind recording.h. Each walks its container in place and returns what is
 * wrong with it, NULL for nothing. A container that ends too early is not: who stops recording by
 * closing the window leaves such ones. */
#ifndef SOCLE_LIFETALES_RECORDING_ROOM_H
#define SOCLE_LIFETALES_RECORDING_ROOM_H

#include "products/lifetales/recording.h"

#define RECORDING_REACHES "a part of it reaches beyond its end"

const char *recording_boxes(unsigned char *p, ptrdiff_t len);
const char *recording_matroska(unsigned char *p, ptrdiff_t len);
const char *recording_ogg(unsigned char *p, ptrdiff_t len);

static inline uint32_t read_be32(const unsigned char *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline uint64_t read_be64(const unsigned char *p) {
    return (uint64_t)read_be32(p) << 32 | read_be32(p + 4);
}
static inline uint32_t read_le32(const unsigned char *p) {
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}
static inline void write_le32(unsigned char *p, uint32_t value) {
    for (int i = 0; i < 4; i++) p[i] = (unsigned char)(value >> (8 * i));
}

#endif

/* SPDX-License-Identifier: Apache-2.0
 * A PNG of sound in the three colours: bars of a wave on a dark blue ground, one byte of palette a
 * pixel. */
#include "products/robian/cover.h"

#include <zlib.h>

#include "core/buf.h"

enum { SIDE = 1400, BARS = 21, BAR = 40, GAP = 20, ROW = SIDE + 1 };

static const unsigned char palette[] = {0x10, 0x1a, 0x36, 0x5b, 0x8d, 0xef,
                                        0xf5, 0xf5, 0xf0, 0xe1, 0x3b, 0x4a};

static void u32(unsigned char *to, uint32_t value) {
    for (int i = 0; i < 4; i++) to[i] = (unsigned char)(value >> (24 - 8 * i));
}

/* Length, name, bytes, checksum of name and bytes. */
static void chunk(Buf *b, const char *name, const void *bytes, ptrdiff_t len) {
    unsigned char number[4];
    u32(number, (uint32_t)len);
    buf_add(b, str_of((const char *)number, 4));
    ptrdiff_t from = b->len;
    buf_add(b, str_of(name, 4));
    buf_add(b, str_of(bytes, len));
    u32(number, (uint32_t)crc32(0, (const unsigned char *)b->data + from, (uInt)(len + 4)));
    buf_add(b, str_of((const char *)number, 4));
}

/* Half the height of a bar: of a word that rises and fades. */
static int bar_half(int bar) {
    static const int heights[BARS] = {60,  110, 190, 140, 260, 380, 300, 450, 520, 400, 560,
                                      420, 500, 330, 410, 250, 300, 170, 210, 110, 60};
    return heights[bar];
}

static void draw(unsigned char *pixels) {
    const int left = (SIDE - BARS * (BAR + GAP) + GAP) / 2;
    memset(pixels, 0, (size_t)ROW * SIDE);
    for (int bar = 0; bar < BARS; bar++) {
        int x = left + bar * (BAR + GAP), half = bar_half(bar);
        unsigned char colour = (unsigned char)(1 + bar * 3 / BARS);
        for (int y = SIDE / 2 - half; y < SIDE / 2 + half; y++)
            memset(pixels + (ptrdiff_t)y * ROW + 1 + x, colour, BAR);
    }
}

Str cover_png(Arena *arena) {
    static const unsigned char depth_and_palette[5] = {8, 3, 0, 0, 0};
    unsigned char head[13], *pixels = arena_bytes(arena, (ptrdiff_t)ROW * SIDE);
    uLongf packed_len = compressBound((uLong)ROW * SIDE);
    unsigned char *packed = arena_bytes(arena, (ptrdiff_t)packed_len);
    Buf b = buf_new(arena, 64 * 1024);
    draw(pixels);
    if (compress2(packed, &packed_len, pixels, (uLong)ROW * SIDE, 6) != Z_OK) abort();
    u32(head, SIDE);
    u32(head + 4, SIDE);
    memcpy(head + 8, depth_and_palette, sizeof depth_and_palette);
    buf_add(&b, S("\x89PNG\r\n\x1a\n"));
    chunk(&b, "IHDR", head, sizeof head);
    chunk(&b, "PLTE", palette, sizeof palette);
    chunk(&b, "IDAT", packed, (ptrdiff_t)packed_len);
    chunk(&b, "IEND", "", 0);
    return buf_str(&b);
}

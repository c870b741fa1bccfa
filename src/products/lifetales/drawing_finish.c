/* SPDX-License-Identifier: Apache-2.0
 * The last pass over a drawing's pixels: the style's colours, the hand's wobble, the grain of paper or
 * chalk, light towards the middle; and the PNG. Grain is coarse and sparse on purpose: it is what a PNG
 * cannot pack. */
#include <math.h>
#include <zlib.h>

#include "core/buf.h"
#include "products/lifetales/drawing_paint.h"

enum { ROW_BYTES = PAINT_W * 3, NOISE = 256 };

typedef struct Finish {
    unsigned char tone[3][256]; /* each channel's curve */
    int grey256;                /* how much of the colour goes */
    int edge256;                /* how dark the corners are */
    int grain;                  /* steps of brightness */
    int steps; /* bits of each channel that are dropped: what grain hides, and PNG need not hold */
    double wobble, rough; /* pixels: of the hand; of chalk */
} Finish;

static unsigned char clamp_byte(double v) {
    return (unsigned char)(v < 0 ? 0 : v > 255 ? 255 : v + 0.5);
}

/* low and high: what black and white become; bend over 0: more contrast. */
static void curve(unsigned char *tone, double low, double high, double bend, double lift) {
    for (int i = 0; i < 256; i++) {
        double t = i / 255.0, s = t * t * (3 - 2 * t);
        t += (s - t) * bend + lift * t * (1 - t);
        tone[i] = clamp_byte(255 * (low + (high - low) * t));
    }
}

static Finish finish_of(const Painting *p) {
    Finish f = {0};
    switch (p->scene->style) {
    case PAINT_ILLUSTRATION:
        for (int i = 0; i < 3; i++)
            curve(f.tone[i], i == 0 ? 0.06 : 0.055, (double[]){0.985, 0.965, 0.92}[i], 0.12, 0.34);
        f.grey256 = 14;
        f.grain = 6;
        f.steps = 1;
        f.wobble = p->hand.wobble;
        f.edge256 = 10;
        break;
    case PAINT_CINEMATIC: /* teal in the shade, orange in the light */
        curve(f.tone[0], 0.0, 1.0, 0.58, 0.1);
        curve(f.tone[1], 0.02, 0.96, 0.5, 0.08);
        curve(f.tone[2], 0.075, 0.91, 0.3, 0.03);
        f.grey256 = -34;
        f.edge256 = 120;
        break;
    case PAINT_PASTEL:
        for (int i = 0; i < 3; i++)
            curve(f.tone[i], (double[]){0.16, 0.15, 0.18}[i], (double[]){1.02, 1.0, 0.975}[i], 0.05,
                  0.36);
        f.grey256 = -44;
        f.grain = 9;
        f.steps = 2;
        f.rough = 2.4;
        f.wobble = p->hand.wobble * 0.8;
        break;
    default:
        for (int i = 0; i < 3; i++) curve(f.tone[i], 0.015, 1, 0.2, 0.26);
        f.grey256 = -12;
        f.edge256 = 34;
        f.grain = 0;
        break;
    }
    return f;
}

/* Smooth shifts on a grid of 8 pixels, joined in between; and a tile of noise. */
typedef struct Shake {
    float dx[PAINT_H / 8 + 2][PAINT_W / 8 + 2], dy[PAINT_H / 8 + 2][PAINT_W / 8 + 2];
    signed char noise[NOISE][NOISE];
} Shake;

static double plane(uint64_t seed, double x, double y) {
    double cx = floor(x), cy = floor(y), tx = x - cx, ty = y - cy, v[2][2];
    for (int j = 0; j < 2; j++)
        for (int i = 0; i < 2; i++) {
            uint64_t at = ((uint64_t)(int64_t)(cy + j) << 20) + (uint64_t)(int64_t)(cx + i);
            v[j][i] = (double)(chance_mix(seed, at) >> 11) * 0x1p-52 - 1;
        }
    tx = tx * tx * (3 - 2 * tx);
    ty = ty * ty * (3 - 2 * ty);
    double a = v[0][0] + (v[0][1] - v[0][0]) * tx, b = v[1][0] + (v[1][1] - v[1][0]) * tx;
    return a + (b - a) * ty;
}

static void shake_make(Shake *s, const Finish *f, uint64_t seed) {
    for (int y = 0; y < PAINT_H / 8 + 2; y++)
        for (int x = 0; x < PAINT_W / 8 + 2; x++) {
            s->dx[y][x] = (float)(f->wobble * (plane(seed, x / 5.0, y / 5.0) +
                                               0.5 * plane(seed + 1, x / 1.9, y / 1.9)));
            s->dy[y][x] = (float)(f->wobble * (plane(seed + 2, x / 5.0, y / 5.0) +
                                               0.5 * plane(seed + 3, x / 1.9, y / 1.9)));
        }
    uint64_t z = seed;
    for (int y = 0; y < NOISE; y++)
        for (int x = 0; x < NOISE; x++) {
            z = chance_mix(z, 1);
            double fine = (double)(z >> 40) * 0x1p-23 - 1;
            s->noise[y][x] =
                (signed char)(fine * fine * fine * 127); /* mostly still, some strong */
        }
}

static inline int shift_of(float (*grid)[PAINT_W / 8 + 2], int x, int y) {
    int gx = x >> 3, gy = y >> 3;
    float tx = (float)(x & 7) / 8, ty = (float)(y & 7) / 8;
    float a = grid[gy][gx] + (grid[gy][gx + 1] - grid[gy][gx]) * tx;
    float b = grid[gy + 1][gx] + (grid[gy + 1][gx + 1] - grid[gy + 1][gx]) * tx;
    float v = a + (b - a) * ty;
    return (int)(v < 0 ? v - 0.5f : v + 0.5f);
}

static inline uint32_t toned(const Finish *f, uint32_t pixel, int light256, int grain) {
    int c[3] = {(int)(pixel >> 16 & 255), (int)(pixel >> 8 & 255), (int)(pixel & 255)};
    int y = (77 * c[0] + 151 * c[1] + 28 * c[2]) >> 8;
    uint32_t out = 0;
    for (int i = 0; i < 3; i++) {
        int v = c[i] + (((y - c[i]) * f->grey256) >> 8);
        v = f->tone[i][v < 0 ? 0 : v > 255 ? 255 : v];
        v = ((v * light256) >> 8) + grain;
        v = v < 0 ? 0 : v > 255 ? 255 : v;
        out = out << 8 | (uint32_t)(v >> f->steps << f->steps);
    }
    return out;
}

void finish_pixels(const Painting *p, uint32_t *pixels, uint32_t *spare) {
    static_assert(sizeof(Shake) < sizeof(uint32_t) * PAINT_W * PAINT_H, "the spare holds it");
    Finish f = finish_of(p);
    Shake *s = (Shake *)(void *)(spare + (ptrdiff_t)PAINT_W * PAINT_H);
    shake_make(s, &f, chance_mix(p->scene->look, 71));
    bool moves = f.wobble > 0 || f.rough > 0, chalk = p->scene->style == PAINT_PASTEL;
    for (int y = 0; y < PAINT_H; y++) {
        double vy = (y - PAINT_H * 0.48) / (PAINT_H * 0.5);
        for (int x = 0; x < PAINT_W; x++) {
            int sx = x, sy = y;
            int n = s->noise[(y >> 1) & (NOISE - 1)][(x >> 1) & (NOISE - 1)];
            if (moves) {
                int m = s->noise[((y + 91) >> 1) & (NOISE - 1)][((x + 37) >> 1) & (NOISE - 1)];
                sx += shift_of(s->dx, x, y) + (int)(f.rough * n / 90);
                sy += shift_of(s->dy, x, y) + (int)(f.rough * m / 90);
                sx = sx < 0 ? 0 : sx >= PAINT_W ? PAINT_W - 1 : sx;
                sy = sy < 0 ? 0 : sy >= PAINT_H ? PAINT_H - 1 : sy;
            }
            double vx = (x - PAINT_W * 0.5) / (PAINT_W * 0.5), far = vx * vx * 0.75 + vy * vy * 0.6;
            int light = 256 - (far > 0.35 ? (int)(f.edge256 * (far - 0.35)) : 0);
            int grain = n * f.grain / 127;
            if (chalk)
                grain = s->noise[(y / 3) & (NOISE - 1)][(x + y) / 5 & (NOISE - 1)] * f.grain / 127;
            spare[(ptrdiff_t)y * PAINT_W + x] =
                toned(&f, pixels[(ptrdiff_t)sy * PAINT_W + sx], light, grain);
        }
    }
    memcpy(pixels, spare, sizeof(uint32_t) * PAINT_W * PAINT_H);
}

/* -- PNG --------------------------------------------------------------------------------------- */

static void big_endian(unsigned char *to, uint32_t value) {
    for (int i = 0; i < 4; i++) to[i] = (unsigned char)(value >> (24 - 8 * i));
}

static void png_chunk(Buf *b, const char *name, const void *bytes, ptrdiff_t len) {
    unsigned char number[4];
    big_endian(number, (uint32_t)len);
    buf_add(b, str_of((const char *)number, 4));
    ptrdiff_t from = b->len;
    buf_add(b, str_of(name, 4));
    buf_add(b, str_of(bytes, len));
    big_endian(number, (uint32_t)crc32(0, (const unsigned char *)b->data + from, (uInt)(len + 4)));
    buf_add(b, str_of((const char *)number, 4));
}

static void row_unpack(const uint32_t *pixels, unsigned char *row) {
    for (int x = 0; x < PAINT_W; x++) {
        row[3 * x] = (unsigned char)(pixels[x] >> 16);
        row[3 * x + 1] = (unsigned char)(pixels[x] >> 8);
        row[3 * x + 2] = (unsigned char)pixels[x];
    }
}

static inline int paeth(int left, int up, int corner) {
    int a = up - corner, b = left - corner, c = a + b;
    a = a < 0 ? -a : a, b = b < 0 ? -b : b, c = c < 0 ? -c : c;
    return a <= b && a <= c ? left : b <= c ? up : corner;
}

/* The filter of this row whose differences are the smallest: left, above, or the nearest of both. */
static void row_filter(const unsigned char *row, const unsigned char *above, unsigned char *out) {
    int64_t sums[3] = {0};
    for (int i = 3; i < ROW_BYTES; i++) {
        int d[3] = {row[i] - row[i - 3], row[i] - above[i],
                    row[i] - paeth(row[i - 3], above[i], above[i - 3])};
        for (int k = 0; k < 3; k++) {
            int v = (signed char)d[k];
            sums[k] += v < 0 ? -v : v;
        }
    }
    int best = sums[1] < sums[0] ? 1 : 0;
    if (sums[2] < sums[best]) best = 2;
    out[0] = (unsigned char)(best == 2 ? 4 : best + 1);
    for (int i = 0; i < ROW_BYTES; i++) {
        int left = i < 3 ? 0 : row[i - 3], corner = i < 3 ? 0 : above[i - 3];
        int guess = best == 0 ? left : best == 1 ? above[i] : paeth(left, above[i], corner);
        out[1 + i] = (unsigned char)(row[i] - guess);
    }
}

/* Differences between neighbours: few long repetitions, many small numbers. */
static bool png_pack(unsigned char *from, ptrdiff_t count, unsigned char *to, uLongf *len) {
    z_stream z = {
        .next_in = from, .avail_in = (uInt)count, .next_out = to, .avail_out = (uInt)*len};
    if (deflateInit2(&z, 5, Z_DEFLATED, 15, 9, Z_FILTERED) != Z_OK) return false;
    bool good = deflate(&z, Z_FINISH) == Z_STREAM_END;
    *len = z.total_out;
    deflateEnd(&z);
    return good;
}

Str finish_png(Arena *arena, const uint32_t *pixels) {
    unsigned char *filtered = arena_bytes(arena, (ptrdiff_t)(ROW_BYTES + 1) * PAINT_H);
    unsigned char *rows = arena_alloc(arena, ROW_BYTES, 2), head[13] = {0};
    uLongf len = compressBound((uLong)(ROW_BYTES + 1) * PAINT_H);
    unsigned char *packed = arena_bytes(arena, (ptrdiff_t)len);
    for (int y = 0; y < PAINT_H; y++) {
        unsigned char *row = rows + (y % 2) * ROW_BYTES, *above = rows + ((y + 1) % 2) * ROW_BYTES;
        row_unpack(pixels + (ptrdiff_t)y * PAINT_W, row);
        row_filter(row, above, filtered + (ptrdiff_t)y * (ROW_BYTES + 1));
    }
    if (!png_pack(filtered, (ptrdiff_t)(ROW_BYTES + 1) * PAINT_H, packed, &len)) return (Str){0};
    Buf b = buf_new(arena, (ptrdiff_t)len + 256);
    big_endian(head, PAINT_W);
    big_endian(head + 4, PAINT_H);
    head[8] = 8, head[9] = 2; /* eight bits, red green blue */
    buf_add(&b, S("\x89PNG\r\n\x1a\n"));
    png_chunk(&b, "IHDR", head, sizeof head);
    png_chunk(&b, "IDAT", packed, (ptrdiff_t)len);
    png_chunk(&b, "IEND", "", 0);
    return buf_str(&b);
}

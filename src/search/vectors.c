/* SPDX-License-Identifier: Apache-2.0
 * Reckoning with vectors: unit length, cosine, the turn, the codes. Sums run in a fixed number of lanes
 * that are added up in a fixed order, so that the same vector gives the same bits whatever the
 * processor, and merged segments the bytes of those built at once. */
#include "search/vectors.h"

#include <math.h>

#include "search/wide.h"

/* Of sums and estimates in floats, with room to spare: lengths are 1 ± 2^-22, a turn has twelve steps
 * that each err by 2^-24, an estimate is a product of three floats. */
#define ROUNDING 1e-5

int vector_field(const SearchDef *def) {
    for (int f = 0; f < def->field_count; f++) {
        if (def->fields[f].kind != SEARCH_VECTOR) continue;
        assert(def->dims > 0 && def->dims <= VECTOR_DIMS_MAX);
        assert(def->fields[f].use == 0);
        return f;
    }
    return -1;
}

uint32_t vector_row(const VectorRows *v, uint32_t doc) {
    if (!v->docs) return doc < v->count ? doc : UINT32_MAX;
    uint32_t low = 0, high = v->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (v->docs[middle] < doc)
            low = middle + 1;
        else
            high = middle;
    }
    return low < v->count && v->docs[low] == doc ? low : UINT32_MAX;
}

static double lanes_sum(double sums[VECTOR_LANES]) {
    for (int half = VECTOR_LANES / 2; half; half /= 2)
        for (int i = 0; i < half; i++) sums[i] += sums[i + half];
    return sums[0];
}

WIDE static void lanes_dot(const float *x, const float *y, ptrdiff_t count,
                           double sums[VECTOR_LANES]) {
    double lanes[VECTOR_LANES] = {0};
    for (ptrdiff_t i = 0; i < count; i += VECTOR_LANES)
        for (int l = 0; l < VECTOR_LANES; l++) lanes[l] += (double)x[i + l] * (double)y[i + l];
    memcpy(sums, lanes, sizeof lanes);
}

double vector_dot(const float *x, const float *y, int dims) {
    double sums[VECTOR_LANES];
    lanes_dot(x, y, vector_floats(dims), sums);
    return lanes_sum(sums);
}

double vector_cosine(const float *x, const float *y, int dims) {
    double dot = vector_dot(x, y, dims);
    return dot < -1 ? -1 : dot > 1 ? 1 : dot;
}

bool vector_unit(const float *values, int dims, float *unit) {
    ptrdiff_t count = vector_floats(dims);
    memcpy(unit, values, (size_t)dims * sizeof *unit);
    memset(unit + dims, 0, (size_t)(count - dims) * sizeof *unit);
    for (int i = 0; i < dims; i++)
        if (!isfinite(unit[i])) return false;
    double length = sqrt(vector_dot(unit, unit, dims)); /* squares of floats overflow no double */
    if (!(length > 0)) return false;
    for (int i = 0; i < dims; i++) unit[i] = (float)((double)unit[i] / length);
    return true;
}

/* -- The turn -------------------------------------------------------------------------------------- */

/* Fixed signs: the bits of Murmur3's finisher. */
static float sign_of(uint32_t i) {
    uint32_t x = i * 0x9e3779b9u + 0x7f4a7c15u;
    x = (x ^ x >> 16) * 0x85ebca6bu;
    x = (x ^ x >> 13) * 0xc2b2ae35u;
    return (x ^ x >> 16) & 1 ? -1.0f : 1.0f;
}

WIDE static void hadamard(float *x, ptrdiff_t size) {
    for (ptrdiff_t half = 1; half < size; half *= 2)
        for (ptrdiff_t from = 0; from < size; from += 2 * half)
            for (ptrdiff_t i = from; i < from + half; i++) {
                float sum = x[i] + x[i + half], rest = x[i] - x[i + half];
                x[i] = sum;
                x[i + half] = rest;
            }
}

void vector_turn(const float *unit, int dims, float *turned) {
    ptrdiff_t width = vector_width(dims),
              size = width & -width; /* the largest power of two in it */
    float scale = (float)(1 / sqrt((double)size));
    for (int i = 0; i < dims; i++) turned[i] = unit[i] * sign_of((uint32_t)i) * scale;
    memset(turned + dims, 0, (size_t)(width - dims) * sizeof *turned);
    for (ptrdiff_t from = 0; from < width; from += size) hadamard(turned + from, size);
}

/* -- Codes ----------------------------------------------------------------------------------------- */

static float greatest(const float *x, ptrdiff_t count) {
    float most = 0;
    for (ptrdiff_t i = 0; i < count; i++) most = fmaxf(most, fabsf(x[i]));
    return most;
}

/* The codes of components, with the squares of what either estimate leaves out. */
WIDE static void codes_of(const float *x, ptrdiff_t count, float scale, uint8_t *codes,
                          double coarse[VECTOR_LANES], double fine[VECTOR_LANES]) {
    float by = 1 / scale;
    for (ptrdiff_t i = 0; i < count; i += VECTOR_LANES)
        for (int l = 0; l < VECTOR_LANES; l++) {
            float y = x[i + l] * by + 128.0f;
            int c = (int)(y < 0 ? 0 : y > 255 ? 255 : y);
            double near = (double)x[i + l] - (double)scale * ((double)c - 127.5);
            double far = (double)x[i + l] - (double)scale * ((double)(c & ~15) - 120);
            codes[i + l] = (uint8_t)c;
            fine[l] += near * near;
            coarse[l] += far * far;
        }
}

static float rounded_up(double rest) { return (float)(rest * (1 + 1e-6) + 1e-7); }

/* Components 128 g + j and 128 g + 64 + j share byte 64 g + j, so that taking one of them out of every byte
 * gives neighbours. */
static void planes_pack(const uint8_t *codes, ptrdiff_t width, uint8_t *high, uint8_t *low) {
    enum { HALF = VECTOR_GROUP / 2 };
    for (ptrdiff_t g = 0; g < width / VECTOR_GROUP; g++)
        for (int j = 0; j < HALF; j++) {
            uint8_t x = codes[g * VECTOR_GROUP + j], y = codes[g * VECTOR_GROUP + HALF + j];
            high[g * HALF + j] = (uint8_t)(x >> 4 | (y & 0xf0));
            low[g * HALF + j] = (uint8_t)((x & 15) | (y & 15) << 4);
        }
}

VectorFit vector_encode(const float *turned, ptrdiff_t width, uint8_t *high, uint8_t *low) {
    uint8_t codes[VECTOR_DIMS_MAX];
    double coarse[VECTOR_LANES] = {0}, fine[VECTOR_LANES] = {0};
    assert(width > 0 && width <= VECTOR_DIMS_MAX && width % VECTOR_GROUP == 0);
    float scale = greatest(turned, width) / 127.5f;
    codes_of(turned, width, scale, codes, coarse, fine);
    planes_pack(codes, width, high, low);
    return (VectorFit){scale, rounded_up(sqrt(lanes_sum(coarse))),
                       rounded_up(sqrt(lanes_sum(fine)))};
}

/* -- Queries --------------------------------------------------------------------------------------- */

static void *aligned(Arena *a, ptrdiff_t bytes) {
    char *at = arena_alloc(a, bytes + VECTOR_ALIGN, 1);
    return at + (-(uintptr_t)at & (VECTOR_ALIGN - 1));
}

const VectorQuery *vector_query(Arena *a, const float *values, int dims) {
    enum { MOST = 127 * 256 };
    VectorQuery *q = arena_new_of(a, VectorQuery);
    *q = (VectorQuery){.dims = dims, .width = vector_width(dims)};
    float *unit = arena_array(a, float, vector_floats(dims));
    if (!vector_unit(values, dims, unit)) return NULL;
    float *turned = arena_array(a, float, q->width);
    int8_t *high = aligned(a, q->width), *low = aligned(a, q->width);
    vector_turn(unit, dims, turned);
    q->scale = (double)greatest(turned, q->width) / MOST;
    double coarse = 0, coarse_rest = 0, fine = 0, fine_rest = 0;
    for (ptrdiff_t i = 0; i < q->width; i++) {
        int n = (int)lrint((double)turned[i] / q->scale);
        high[i] = (int8_t)((n + 128 + 256 * 256) / 256 - 256);
        low[i] = (int8_t)(n - 256 * high[i]);
        q->high_sum += high[i];
        q->low_sum += low[i];
        double h = q->scale * 256 * high[i], f = q->scale * n;
        coarse += h * h;
        fine += f * f;
        coarse_rest += ((double)turned[i] - h) * ((double)turned[i] - h);
        fine_rest += ((double)turned[i] - f) * ((double)turned[i] - f);
    }
    q->unit = unit;
    q->high = high;
    q->low = low;
    q->coarse_norm = sqrt(coarse) * (1 + 1e-6);
    q->fine_norm = sqrt(fine) * (1 + 1e-6);
    q->coarse_rest = sqrt(coarse_rest) * (1 + 1e-5) + ROUNDING;
    q->fine_rest = sqrt(fine_rest) * (1 + 1e-5) + ROUNDING;
    return q;
}

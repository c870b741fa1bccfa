/* SPDX-License-Identifier: Apache-2.0
 * Vectors: how they lie in a segment, how near one is to another, and the scan that finds the
 * nearest ones exactly. Private to the room.
 *
 * A vector is kept twice. As floats of unit length: what similarity is reckoned from. And as codes
 * of eight bits a component, in two planes of four bits each, with how far off they are:
 *
 *   unit x ── turn ──▶ y = Rx ──▶ code c = floor(y / scale + 128), 0 … 255, = 16 high + low
 *                                 coarse: y ≈ 16 scale (high − 7.5)     ‖rest‖ ≤ fit.coarse
 *                                 fine:   y ≈ scale (c − 127.5)         ‖rest‖ ≤ fit.fine
 *
 * R (signs and a Hadamard transform) is orthogonal, so it changes no cosine; it spreads what is in
 * a few components over all of them, which makes the rests small. For a query q and an estimate ŷ
 * Cauchy and Schwarz give |⟨q, y⟩ − ⟨q, ŷ⟩| ≤ ‖q‖ ‖y − ŷ‖. So the scan
 *   1. reads the high planes, and passes over whoever could not be among the best even so,
 *   2. reads the low plane of the others: a closer estimate, with a lower bound that raises the bar,
 *   3. reckons the true similarity of those still left, the most promising first.
 * What is found is what a scan of all floats would find; the codes only say where not to look. */
#ifndef SOCLE_SEARCH_VECTORS_H
#define SOCLE_SEARCH_VECTORS_H

#include "search/docset.h"
#include "search/search.h"

enum {
    VECTOR_DIMS_MAX = 4096,
    VECTOR_LANES = 16,   /* a row of floats is padded to so many */
    VECTOR_GROUP = 128,  /* and one of codes to so many components */
    VECTOR_BLOCK = 1024, /* rows; codes lie in blocks: all high planes, then all low ones */
    VECTOR_ALIGN = 64
};

/* The def's field of vectors, or -1. Asserts that its dims are reasonable. */
int vector_field(const SearchDef *def);
static inline ptrdiff_t vector_floats(int dims) {
    return (dims + VECTOR_LANES - 1) / VECTOR_LANES * VECTOR_LANES;
}
static inline ptrdiff_t vector_width(int dims) {
    return (dims + VECTOR_GROUP - 1) / VECTOR_GROUP * VECTOR_GROUP;
}

typedef struct VectorFit {
    float scale, coarse, fine; /* the rests rounded up */
} VectorFit;

/* A segment's vectors, in order of their documents. */
typedef struct VectorRows {
    uint32_t count;
    int dims;
    const float *units;   /* vector_floats(dims) a row, the padding 0 */
    const uint8_t *codes; /* two planes of vector_width(dims) / 2 a row, in blocks */
    const VectorFit *fits;
    const uint32_t *docs; /* of each row, ascending; NULL: every document has one */
} VectorRows;

static inline const float *vector_unit_at(const VectorRows *v, uint32_t row) {
    return v->units + (ptrdiff_t)row * vector_floats(v->dims);
}
static inline const uint8_t *vector_block_at(const VectorRows *v, uint32_t row) {
    return v->codes + (ptrdiff_t)(row / VECTOR_BLOCK) * VECTOR_BLOCK * vector_width(v->dims);
}
static inline const uint8_t *vector_high_at(const VectorRows *v, uint32_t row) {
    return vector_block_at(v, row) + (ptrdiff_t)(row % VECTOR_BLOCK) * vector_width(v->dims) / 2;
}
static inline const uint8_t *vector_low_at(const VectorRows *v, uint32_t row) {
    uint32_t first = row / VECTOR_BLOCK * VECTOR_BLOCK;
    uint32_t rows = v->count - first < VECTOR_BLOCK ? v->count - first : VECTOR_BLOCK;
    return vector_high_at(v, row) + (ptrdiff_t)rows * vector_width(v->dims) / 2;
}
/* The row of a document, or UINT32_MAX. */
uint32_t vector_row(const VectorRows *v, uint32_t doc);

/* -- Reckoning (vectors.c): the same bits on every machine ----------------------------------------- */

/* Of length one, padded with zeroes. false: the length is zero, or a component is no number. */
bool vector_unit(const float *values, int dims, float *unit);
/* Products are exact in doubles, and added up in one order. */
double vector_dot(const float *x, const float *y, int dims);
/* The same of two units, which rounding may have left a trifle longer than one: -1 to 1. */
double vector_cosine(const float *x, const float *y, int dims);
/* R: vector_width(dims) components of a unit vector. */
void vector_turn(const float *unit, int dims, float *turned);
/* Both planes of a turned vector. */
VectorFit vector_encode(const float *turned, ptrdiff_t width, uint8_t *high, uint8_t *low);

/* A query: turned, in sixteen bits a component, q ≈ scale (256 high + low). */
typedef struct VectorQuery {
    int dims;
    ptrdiff_t width;
    const float *unit;
    const int8_t *high, *low; /* VECTOR_ALIGNed */
    int64_t high_sum, low_sum;
    double scale;
    double coarse_norm, coarse_rest; /* of 256 scale high; of what that leaves out, and rounding */
    double fine_norm, fine_rest;
} VectorQuery;
/* In the arena; NULL for what vector_unit refuses. */
const VectorQuery *vector_query(Arena *a, const float *values, int dims);

/* -- Products of codes (vectors_simd.c) ------------------------------------------------------------ */

typedef struct VectorSimd {
    const char *name;
    /* Of each row the sum over its high plane: Σ high · query high. */
    void (*coarse)(const VectorQuery *q, const VectorRows *v, const uint32_t *rows, int count,
                   int32_t *sums);
    /* Σ code · (256 query high + query low). */
    int64_t (*fine)(const VectorQuery *q, const uint8_t *high, const uint8_t *low);
} VectorSimd;
/* Those that this processor has, the best first; the last one is plain C. */
const VectorSimd *const *vector_simds(int *count);

/* -- The scan (vectors_scan.c) --------------------------------------------------------------------- */

struct Rank;

typedef struct NearHit {
    double similarity;
    int64_t key;
    int32_t segment;
    uint32_t doc;
} NearHit;

typedef struct NearAsk {
    const VectorQuery *query;
    const Docset *docs; /* of each segment; all of them have a vector */
    uint64_t want;
    double threshold;       /* least similarity */
    DocsetMaker *reach;     /* of each segment: is given all that reach it; NULL: not asked */
    const VectorSimd *simd; /* NULL: the best */
} NearAsk;
/* The nearest, ties by key; in the rank's arena. Nothing of use when the rank has ended. */
NearHit *near_scan(struct Rank *r, const NearAsk *ask, uint64_t *count);
/* Bytes of codes from which on a scan asks another thread for help. */
enum { NEAR_SPLIT_BYTES = 8 << 20 };

#endif

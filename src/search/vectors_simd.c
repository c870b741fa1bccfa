/* SPDX-License-Identifier: Apache-2.0
 * Sums of products of codes (0 … 15, two a byte) with a query's signed bytes. AVX-512 VNNI multiplies
 * unsigned by signed bytes and adds four of them up at once, which is why codes are unsigned and the
 * query is not; AVX2's vpmaddubsw does so in 16 bits, where 15 × 128 × 2 leaves room for eight of them
 * to be added. Both wait for memory most of the time. Every way gives the same integers. */
#include "search/vectors.h"

enum { HALF = VECTOR_GROUP / 2, AHEAD = 6, LINE = 64 };

/* -- Plain C --------------------------------------------------------------------------------------- */

static int32_t plane_sum(const uint8_t *plane, const int8_t *query, ptrdiff_t width) {
    int32_t sum = 0;
    for (ptrdiff_t g = 0; g < width / VECTOR_GROUP; g++, plane += HALF, query += VECTOR_GROUP)
        for (int j = 0; j < HALF; j++)
            sum += (plane[j] & 15) * query[j] + (plane[j] >> 4) * query[HALF + j];
    return sum;
}

static void plain_coarse(const VectorQuery *q, const VectorRows *v, const uint32_t *rows, int count,
                         int32_t *sums) {
    for (int i = 0; i < count; i++)
        sums[i] = plane_sum(vector_high_at(v, rows[i]), q->high, q->width);
}

/* Σ (16 high + low) (256 qh + ql) from the sums over each plane. */
static int64_t planes_join(int64_t hh, int64_t hl, int64_t lh, int64_t ll) {
    return 16 * (256 * hh + hl) + 256 * lh + ll;
}

static int64_t plain_fine(const VectorQuery *q, const uint8_t *high, const uint8_t *low) {
    return planes_join(plane_sum(high, q->high, q->width), plane_sum(high, q->low, q->width),
                       plane_sum(low, q->high, q->width), plane_sum(low, q->low, q->width));
}

static const VectorSimd plain = {"plain C", plain_coarse, plain_fine};

#if defined(__x86_64__)
#include <immintrin.h>

/* Rows come from all over the place when few of a segment's are asked. */
static inline void expect(const VectorQuery *q, const VectorRows *v, uint32_t row) {
    const uint8_t *at = vector_high_at(v, row);
    for (ptrdiff_t b = 0; b < q->width / 2; b += LINE) __builtin_prefetch(at + b);
}

/* -- AVX2 ------------------------------------------------------------------------------------------ */

#define WITH_AVX2 __attribute__((target("avx2")))

WITH_AVX2 static inline __m256i wide_add(__m256i sum, __m256i pairs) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

WITH_AVX2 static inline int32_t lanes_add(__m256i sum) {
    __m128i x = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(x, _mm_shuffle_epi32(x, 0xb1)));
}

WITH_AVX2 static int32_t avx2_plane(const uint8_t *plane, const int8_t *query, ptrdiff_t width) {
    const __m256i mask = _mm256_set1_epi8(15);
    __m256i sum = _mm256_setzero_si256();
    for (ptrdiff_t g = 0; g < width / VECTOR_GROUP; g++, plane += HALF, query += VECTOR_GROUP) {
        __m256i pairs = _mm256_setzero_si256(); /* four products of at most 3840 */
        for (int j = 0; j < HALF; j += 32) {
            __m256i both = _mm256_loadu_si256((const void *)(plane + j));
            __m256i first = _mm256_and_si256(both, mask);
            __m256i second = _mm256_and_si256(_mm256_srli_epi16(both, 4), mask);
            __m256i x = _mm256_loadu_si256((const void *)(query + j));
            __m256i y = _mm256_loadu_si256((const void *)(query + HALF + j));
            pairs = _mm256_add_epi16(pairs, _mm256_maddubs_epi16(first, x));
            pairs = _mm256_add_epi16(pairs, _mm256_maddubs_epi16(second, y));
        }
        sum = wide_add(sum, pairs);
    }
    return lanes_add(sum);
}

static void avx2_coarse(const VectorQuery *q, const VectorRows *v, const uint32_t *rows, int count,
                        int32_t *sums) {
    for (int i = 0; i < count; i++) {
        if (count - i > AHEAD) expect(q, v, rows[i + AHEAD]);
        sums[i] = avx2_plane(vector_high_at(v, rows[i]), q->high, q->width);
    }
}

static int64_t avx2_fine(const VectorQuery *q, const uint8_t *high, const uint8_t *low) {
    return planes_join(avx2_plane(high, q->high, q->width), avx2_plane(high, q->low, q->width),
                       avx2_plane(low, q->high, q->width), avx2_plane(low, q->low, q->width));
}

static const VectorSimd avx2 = {"AVX2", avx2_coarse, avx2_fine};

/* -- AVX-512 VNNI ---------------------------------------------------------------------------------- */

#define WITH_VNNI __attribute__((target("avx512f,avx512bw,avx512vnni")))

WITH_VNNI static inline __m512i vnni_add(__m512i sum, __m512i both, __m512i x, __m512i y) {
    const __m512i mask = _mm512_set1_epi8(15);
    sum = _mm512_dpbusd_epi32(sum, _mm512_and_si512(both, mask), x);
    return _mm512_dpbusd_epi32(sum, _mm512_and_si512(_mm512_srli_epi16(both, 4), mask), y);
}

WITH_VNNI static int32_t vnni_plane(const uint8_t *plane, const int8_t *query, ptrdiff_t width) {
    __m512i sum = _mm512_setzero_si512();
    for (ptrdiff_t g = 0; g < width / VECTOR_GROUP; g++)
        sum = vnni_add(sum, _mm512_loadu_si512(plane + g * HALF),
                       _mm512_loadu_si512(query + g * VECTOR_GROUP),
                       _mm512_loadu_si512(query + g * VECTOR_GROUP + HALF));
    return _mm512_reduce_add_epi32(sum);
}

static void vnni_coarse(const VectorQuery *q, const VectorRows *v, const uint32_t *rows, int count,
                        int32_t *sums) {
    for (int i = 0; i < count; i++) {
        if (count - i > AHEAD) expect(q, v, rows[i + AHEAD]);
        sums[i] = vnni_plane(vector_high_at(v, rows[i]), q->high, q->width);
    }
}

static int64_t vnni_fine(const VectorQuery *q, const uint8_t *high, const uint8_t *low) {
    return planes_join(vnni_plane(high, q->high, q->width), vnni_plane(high, q->low, q->width),
                       vnni_plane(low, q->high, q->width), vnni_plane(low, q->low, q->width));
}

static const VectorSimd vnni = {"AVX-512 VNNI", vnni_coarse, vnni_fine};

static const VectorSimd *const all[] = {&vnni, &avx2, &plain};

const VectorSimd *const *vector_simds(int *count) {
    bool has_vnni = __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw");
    bool has_avx2 = __builtin_cpu_supports("avx2");
    int skip = has_vnni && has_avx2 ? 0 : has_avx2 ? 1 : 2;
    *count = (int)COUNT(all) - skip;
    return all + skip;
}

#else

static const VectorSimd *const all[] = {&plain};

const VectorSimd *const *vector_simds(int *count) {
    *count = 1;
    return all;
}

#endif

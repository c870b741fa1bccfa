/* SPDX-License-Identifier: Apache-2.0
 * Vectors by themselves: reckoning, codes and their bounds, every way of adding up, and blocks. */
#include "search/segment_room.h"
#include "vectors_world.h"

static Ctx *c;

static bool good(Err *err) {
    if (err) printf("  %.*s\n", S_ARG(err_chain(c->arena, err)));
    return CHECK(err == NULL);
}

static const int widths[] = {1, 2, 16, 17, 100, 128, 129, 384, 768, 1536, 4096};

TEST(a_unit_is_of_length_one_however_long_the_vector_was) {
    float x[VECTOR_DIMS_MAX], unit[VECTOR_DIMS_MAX];
    for (int64_t n = 1; n < 2000; n++) {
        int dims = widths[n % COUNT(widths)];
        if (dims > 800 && n % 50) continue;
        v_vector(n, dims, x);
        REQUIRE(vector_unit(x, dims, unit));
        CHECK(fabs(vector_dot(unit, unit, dims) - 1) < 3e-7);
        for (ptrdiff_t i = dims; i < vector_floats(dims); i++) CHECK(unit[i] == 0);
    }
    float least[2] = {FLT_TRUE_MIN, 0}, most[2] = {FLT_MAX, -FLT_MAX};
    REQUIRE(vector_unit(least, 2, unit));
    CHECK_F64((double)unit[0], 1);
    REQUIRE(vector_unit(most, 2, unit));
    CHECK(fabs((double)unit[1] + sqrt(0.5)) < 1e-7);
}

TEST(what_has_no_direction_has_no_unit) {
    float x[3] = {0, -0.0f, 0}, unit[VECTOR_LANES];
    CHECK(!vector_unit(x, 3, unit));
    x[2] = NAN;
    CHECK(!vector_unit(x, 3, unit));
    x[2] = INFINITY;
    CHECK(!vector_unit(x, 3, unit));
    x[2] = 1e-30f;
    CHECK(vector_unit(x, 3, unit));
}

TEST(turning_changes_no_cosine) {
    float x[VECTOR_DIMS_MAX], y[VECTOR_DIMS_MAX], u[VECTOR_DIMS_MAX], v[VECTOR_DIMS_MAX];
    float tu[VECTOR_DIMS_MAX], tv[VECTOR_DIMS_MAX];
    for (int64_t n = 1; n < 300; n++) {
        int dims = widths[n % COUNT(widths)];
        v_vector(n, dims, x);
        v_vector(n + 1000, dims, y);
        REQUIRE(vector_unit(x, dims, u) && vector_unit(y, dims, v));
        vector_turn(u, dims, tu);
        vector_turn(v, dims, tv);
        double dot = 0;
        for (ptrdiff_t i = 0; i < vector_width(dims); i++) dot += (double)tu[i] * (double)tv[i];
        CHECK(fabs(dot - vector_dot(u, v, dims)) < 3e-6);
    }
}

/* Some rows as a segment would have them, not ready for its first user. */
typedef struct Some {
    VectorRows rows;
    float *units;
} Some;

static Some some_make(int dims, uint32_t count, int64_t from) {
    ptrdiff_t width = vector_width(dims), floats = vector_floats(dims);
    Some s = {.rows = {.count = count, .dims = dims}};
    uint8_t *codes = arena_array(c->arena, uint8_t, (ptrdiff_t)count * width);
    VectorFit *fits = arena_array(c->arena, VectorFit, count);
    s.units = arena_array(c->arena, float, (ptrdiff_t)count *floats);
    s.rows.units = s.units;
    s.rows.codes = codes;
    s.rows.fits = fits;
    float x[VECTOR_DIMS_MAX], turned[VECTOR_DIMS_MAX];
    for (uint32_t i = 0; i < count; i++) {
        v_vector(from + i, dims, x);
        CHECK(vector_unit(x, dims, s.units + i * floats));
        vector_turn(s.units + i * floats, dims, turned);
        fits[i] = vector_encode(turned, width, (uint8_t *)(uintptr_t)vector_high_at(&s.rows, i),
                                (uint8_t *)(uintptr_t)vector_low_at(&s.rows, i));
    }
    return s;
}

TEST(no_estimate_is_farther_off_than_it_says) {
    double widest = 0;
    for (int w = 0; w < COUNT(widths); w++) {
        int dims = widths[w], simds;
        uint32_t count = dims > 1000 ? 60 : 300;
        ArenaMark mark = arena_mark(c->arena);
        Some s = some_make(dims, count, 1);
        const VectorSimd *simd = vector_simds(&simds)[0];
        for (int64_t n = 5000; n < 5040; n++) {
            float x[VECTOR_DIMS_MAX];
            v_vector(n % 3 ? n : n - 4990, dims, x);
            const VectorQuery *q = vector_query(c->arena, x, dims);
            REQUIRE(q);
            for (uint32_t i = 0; i < count; i++) {
                double is = vector_dot(q->unit, vector_unit_at(&s.rows, i), dims);
                VectorFit fit = s.rows.fits[i];
                int32_t sum;
                simd->coarse(q, &s.rows, &i, 1, &sum);
                double coarse = 2048 * q->scale * (double)fit.scale *
                                ((double)2 * sum - 15 * (double)q->high_sum);
                CHECK(fabs(is - coarse) <= q->coarse_norm * (double)fit.coarse + q->coarse_rest);
                int64_t all = simd->fine(q, vector_high_at(&s.rows, i), vector_low_at(&s.rows, i));
                double fine = (double)fit.scale * q->scale *
                              ((double)all - 127.5 * (double)(256 * q->high_sum + q->low_sum));
                CHECK(fabs(is - fine) <= q->fine_norm * (double)fit.fine + q->fine_rest);
                if (dims >= 384) widest = fmax(widest, q->fine_norm * (double)fit.fine);
            }
        }
        arena_release(c->arena, mark);
    }
    CHECK(widest < 0.02); /* else the codes are of no use */
}

TEST(every_way_of_adding_up_gives_the_same_sums) {
    int simds;
    const VectorSimd *const *simd = vector_simds(&simds);
    const VectorSimd *plain = simd[simds - 1];
    for (int w = 0; w < COUNT(widths); w++) {
        int dims = widths[w];
        uint32_t rows[40];
        ArenaMark mark = arena_mark(c->arena);
        Some s = some_make(dims, dims > 1000 ? 70 : VECTOR_BLOCK + 300, 1);
        memset((uint8_t *)(uintptr_t)s.rows.codes, 0xff, (size_t)vector_width(dims)); /* the most */
        Rand r = {(uint64_t)dims};
        for (int round = 0; round < 20; round++) {
            float x[VECTOR_DIMS_MAX];
            v_vector(round, dims, x);
            for (int i = 0; i < dims; i++) x[i] = round == 0 ? -1 : round == 1 ? 1 : x[i];
            const VectorQuery *q = vector_query(c->arena, x, dims);
            REQUIRE(q);
            int count = 1 + (int)rand_below(&r, COUNT(rows));
            for (int i = 0; i < count; i++) rows[i] = (uint32_t)rand_below(&r, s.rows.count);
            rows[0] = 0;
            int32_t want[COUNT(rows)], got[COUNT(rows)];
            plain->coarse(q, &s.rows, rows, count, want);
            for (int k = 0; k < simds; k++) {
                simd[k]->coarse(q, &s.rows, rows, count, got);
                CHECK(memcmp(got, want, (size_t)count * sizeof *got) == 0);
                const uint8_t *high = vector_high_at(&s.rows, rows[count - 1]);
                const uint8_t *low = vector_low_at(&s.rows, rows[count - 1]);
                CHECK_INT(simd[k]->fine(q, high, low), plain->fine(q, high, low));
            }
        }
        arena_release(c->arena, mark);
    }
    for (int k = 0; k < simds; k++) printf("  tried: %s\n", simd[k]->name);
}

/* -- Blocks ---------------------------------------------------------------------------------------- */

static Segment *segment_of(const SearchDef *def, int64_t after, int64_t upto, Str path) {
    Arena *a = arena_new(512 * MIB);
    SegmentWriter *w = segment_writer_new(def);
    Segment *s = NULL;
    segment_writer_add(w, v_docs(a, def, after, upto));
    good(segment_writer_finish(c, w, path, &s));
    segment_writer_free(w);
    arena_free(a);
    return s;
}

static bool holds_what_was_told(const Segment *s, int64_t upto, int dims) {
    int64_t of[V_KEYS];
    float x[VECTOR_DIMS_MAX], unit[VECTOR_DIMS_MAX];
    const VectorRows *v = segment_vectors(s);
    v_state(upto, of);
    uint32_t rows = 0;
    for (uint32_t doc = 0; doc < segment_docs(s); doc++) {
        int64_t n = of[segment_keys(s)[doc] + 100];
        uint32_t row = v->count ? vector_row(v, doc) : UINT32_MAX;
        if (!CHECK_INT(row != UINT32_MAX, v_has(n))) return false;
        if (row == UINT32_MAX) continue;
        rows++;
        v_vector(n, dims, x);
        CHECK(vector_unit(x, dims, unit));
        if (!CHECK(memcmp(unit, vector_unit_at(v, row), (size_t)vector_floats(dims) * 4) == 0))
            return false;
    }
    CHECK(((uintptr_t)v->units & 63) == 0 && ((uintptr_t)v->codes & 63) == 0);
    return CHECK_INT(rows, v->count) &&
           CHECK_INT(segment_having(s, c->arena, V_MEANING).count, rows);
}

TEST(a_segment_holds_the_vectors_on_the_heap_and_in_a_file) {
    char folder[] = "/tmp/socle_vectors_XXXXXX";
    REQUIRE(mkdtemp(folder));
    for (int w = 0; w < COUNT(widths); w++) {
        SearchDef def = v_def_of(widths[w], false);
        Str path = strf(c->arena, "%s/s", folder);
        Segment *heap = segment_of(&def, 0, 400, (Str){0}), *file = segment_of(&def, 0, 400, path);
        REQUIRE(heap && file);
        holds_what_was_told(heap, 400, widths[w]);
        holds_what_was_told(file, 400, widths[w]);
        CHECK_INT(segment_bytes(heap), segment_bytes(file));
        CHECK(memcmp(heap->block, file->block, (size_t)heap->bytes) == 0);
        segment_release(heap);
        segment_release(file);
    }
    unlink(strf(c->arena, "%s/s", folder).data);
    CHECK(rmdir(folder) == 0);
}

TEST(merged_segments_give_the_bytes_of_one_built_at_once) {
    for (int w = 0; w < 9; w++) {
        SearchDef def = v_def_of(widths[w], w % 2);
        Segment *parts[4], *whole = segment_of(&def, 0, 700, (Str){0}), *merged = NULL;
        SegmentWriter *writer = segment_writer_new(&def);
        for (int i = 0; i < 4; i++) {
            parts[i] = segment_of(&def, i * 175, (i + 1) * 175, (Str){0});
            /* What later changes replace or remove is dead. */
            uint64_t dead[V_KEYS / 64 + 1] = {0};
            for (int64_t n = (i + 1) * 175 + 1; n <= 700; n++) {
                uint32_t doc = segment_find(parts[i], v_key(n));
                if (doc != UINT32_MAX) dead[doc / 64] |= (uint64_t)1 << doc % 64;
            }
            segment_writer_merge(writer, parts[i], dead);
            segment_release(parts[i]); /* its rows are lent until the writer has ended */
        }
        good(segment_writer_finish(c, writer, (Str){0}, &merged));
        segment_writer_free(writer);
        REQUIRE(whole && merged);
        if (CHECK_INT(merged->bytes, whole->bytes))
            CHECK(memcmp(merged->block, whole->block, (size_t)whole->bytes) == 0);
        segment_release(whole);
        segment_release(merged);
    }
}

TEST(documents_without_a_vector_cost_nothing) {
    SearchDef with = v_def_of(768, false), without = v_def_of(768, false);
    SearchField fields[V_FIELDS];
    memcpy(fields, v_fields, sizeof fields);
    fields[V_MEANING] = (SearchField){"meaning", SEARCH_INT, 0};
    without.fields = fields;
    int64_t bytes[2];
    for (int i = 0; i < 2; i++) {
        SegmentWriter *w = segment_writer_new(i ? &without : &with);
        SearchDocs *d = search_docs_new(c->arena, i ? &without : &with);
        for (int64_t key = 0; key < 3000; key++) {
            search_doc(d, key);
            search_doc_text(d, V_TEXT, S("nothing more"));
        }
        segment_writer_add(w, d);
        Segment *s = NULL;
        good(segment_writer_finish(c, w, (Str){0}, &s));
        segment_writer_free(w);
        REQUIRE(s);
        CHECK_INT(segment_vectors(s)->count, 0);
        bytes[i] = segment_bytes(s);
        segment_release(s);
    }
    CHECK_INT(bytes[0] - bytes[1], VECTOR_PARTS * (int64_t)sizeof(Section));
}

/* -- Damage ---------------------------------------------------------------------------------------- */

static void file_put(Str path, const char *bytes, ptrdiff_t len) {
    FILE *f = fopen(path.data, "wb");
    if (len) CHECK_INT(fwrite(bytes, 1, (size_t)len, f), len);
    fclose(f);
}

static bool refused(const SearchDef *def, Str path) {
    ArenaMark mark = arena_mark(c->arena);
    Segment *s = NULL;
    Err *err = segment_open(c, def, path, &s);
    bool fine = CHECK(err && err->kind == ERR_INVALID && !s);
    arena_release(c->arena, mark);
    return fine;
}

TEST(a_block_cut_at_a_section_or_with_a_flipped_byte_in_one_is_refused) {
    char folder[] = "/tmp/socle_vectors_XXXXXX";
    REQUIRE(mkdtemp(folder));
    SearchDef def = v_def_of(100, false);
    Str path = strf(c->arena, "%s/s", folder);
    Segment *s = segment_of(&def, 0, 300, path);
    REQUIRE(s);
    char *bytes = malloc((size_t)s->bytes);
    memcpy(bytes, s->block, (size_t)s->bytes);
    ptrdiff_t len = s->bytes;
    const Head *head = (const void *)bytes;
    const Section *sections = (const void *)(bytes + sizeof *head);
    int vectors = 0;
    for (uint32_t i = 0; i < head->sections; i++) {
        ptrdiff_t at = (ptrdiff_t)sections[i].at, end = at + (ptrdiff_t)sections[i].bytes;
        vectors += sections[i].part >= PART_FIELD_END;
        file_put(path, bytes, at);
        refused(&def, path);
        for (ptrdiff_t k = 0; k < 40; k++) {
            ptrdiff_t flip = at + k * (end - at) / 40;
            bytes[flip] ^= (char)(1 << k % 8);
            file_put(path, bytes, len);
            bytes[flip] ^= (char)(1 << k % 8);
            if (!refused(&def, path)) break;
        }
    }
    CHECK_INT(vectors, VECTOR_PARTS);
    file_put(path, bytes, len);
    segment_release(s);
    SearchDef other = v_def_of(101, false);
    refused(&other, path);
    good(segment_open(c, &def, path, &s));
    holds_what_was_told(s, 300, 100);
    segment_release(s);
    free(bytes);
    unlink(path.data);
    CHECK(rmdir(folder) == 0);
}

int main(int argc, char **argv) {
    static const T rows[] = {
        T_ROW(a_unit_is_of_length_one_however_long_the_vector_was),
        T_ROW(what_has_no_direction_has_no_unit),
        T_ROW(turning_changes_no_cosine),
        T_ROW(no_estimate_is_farther_off_than_it_says),
        T_ROW(every_way_of_adding_up_gives_the_same_sums),
        T_ROW(a_segment_holds_the_vectors_on_the_heap_and_in_a_file),
        T_ROW(merged_segments_give_the_bytes_of_one_built_at_once),
        T_ROW(documents_without_a_vector_cost_nothing),
        T_ROW(a_block_cut_at_a_section_or_with_a_flipped_byte_in_one_is_refused),
    };
    Ctx ctx = {.arena = arena_new(256 * MIB)};
    c = &ctx;
    int status = t_main(argc, argv, rows, (int)COUNT(rows));
    arena_free(ctx.arena);
    return status;
}

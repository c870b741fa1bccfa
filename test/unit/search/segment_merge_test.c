/* SPDX-License-Identifier: Apache-2.0
 * Segments merged are, byte for byte, the segment that their living documents would have given at
 * once. Which spelling of a keyword is shown may differ when documents are dead (a segment keeps the
 * least one only), so spellings are alike where documents die. */
#include "segment_world.h"

static Str folder;

static Str block_of(Arena *a, const SearchDef *def, SegmentWriter *w) {
    Str path = strf(a, "%.*s/block", S_ARG(folder)), bytes = {0};
    Segment *s = NULL;
    if (good(segment_writer_finish(c, w, path, &s)) && s) {
        bytes = file_read_whole(a, path);
        CHECK_INT(bytes.len, segment_bytes(s));
        CHECK(segment_on_disk(s));
        segment_release(s);
        good(segment_open(c, def, path, &s));
    }
    segment_release(s);
    return bytes;
}

/* Keys of documents that are dead in a segment: told to both ways of building. */
static uint64_t *dead_make(World *world, Arena *a, const Segment *s, SearchDocs *gone,
                           int64_t share) {
    uint64_t *dead = arena_array(a, uint64_t, segment_docs(s) / 64 + 1);
    for (uint32_t doc = 0; doc < segment_docs(s); doc++) {
        if (below(world, 100) >= share) continue;
        dead[doc / 64] |= (uint64_t)1 << doc % 64;
        search_doc_gone(gone, segment_keys(s)[doc]);
    }
    return dead;
}

typedef struct Split {
    World *world;
    const SearchDef *def;
    int parts;
    int64_t docs, dead; /* entries a part; percentage */
    bool files;
} Split;

static Segment *part_make(const Split *p, const SearchDocs *docs, int number) {
    SegmentWriter *w = segment_writer_new(p->def);
    Segment *s = NULL;
    Str path = strf(c->arena, "%.*s/part%d", S_ARG(folder), number);
    segment_writer_add(w, docs);
    good(segment_writer_finish(c, w, p->files ? path : (Str){0}, &s));
    segment_writer_free(w);
    return s;
}

/* Parts one after the other into segments, those merged; the same batches into one writer. What
 * earlier parts have of a key that a later part tells anew is replaced in both. */
static bool split_check(const Split *p) {
    Arena *a = arena_new(1024 * MIB);
    SegmentWriter *merged = segment_writer_new(p->def), *whole = segment_writer_new(p->def);
    for (int i = 0; i < p->parts; i++) {
        SearchDocs *docs = docs_make(p->world, a, p->def, p->docs);
        SearchDocs *gone = search_docs_new(a, p->def), *before = search_docs_new(a, p->def);
        Segment *s = part_make(p, docs, i);
        for (ptrdiff_t k = 0; k < docs->count; k++)
            if (docs->entries[k].gone) search_doc_gone(before, docs->entries[k].key);
        segment_writer_add(merged, before);
        segment_writer_add(whole, docs);
        if (!s) continue;
        segment_writer_merge(merged, s, p->dead ? dead_make(p->world, a, s, gone, p->dead) : NULL);
        segment_writer_add(merged, gone);
        segment_writer_add(whole, gone);
        segment_release(s);
    }
    bool fine = CHECK_INT(segment_writer_docs(merged), segment_writer_docs(whole));
    Str x = block_of(a, p->def, merged), y = block_of(a, p->def, whole);
    fine = fine && CHECK_INT(x.len, y.len) && CHECK(str_eq(x, y));
    segment_writer_free(merged);
    segment_writer_free(whole);
    arena_free(a);
    return fine;
}

TEST(merged_parts_are_the_whole_byte_for_byte) {
    World world = {.rand = {11}, .vocabulary = 300, .keys = 1 << 30, .words = 9};
    for (int i = 0; i < 120; i++) {
        Split split = {&world,    i % 2 ? &by_key_def : &by_time_def,
                       1 + i % 5, below(&world, 90),
                       0,         i % 3 == 0};
        if (!split_check(&split)) return;
    }
}

TEST(dead_and_replaced_documents_leave_nothing_behind) {
    World world = {.rand = {12}, .vocabulary = 300, .keys = 150, .words = 9, .plain = true};
    for (int i = 0; i < 120; i++) {
        Split split = {&world,     i % 2 ? &by_key_def : &by_time_def,
                       1 + i % 5,  below(&world, 90),
                       i % 4 * 30, i % 3 == 0};
        if (!split_check(&split)) return;
    }
}

TEST(large_parts_merge_with_pairs_prefixes_and_quantiles) {
    World world = {.rand = {13},
                   .vocabulary = 3000,
                   .keys = 60000,
                   .words = 14,
                   .common = true,
                   .plain = true};
    CHECK(split_check(&(Split){&world, &by_time_def, 4, 14000, 10, true}));
}

int main(int argc, char **argv) {
    static const T rows[] = {
        T_ROW(merged_parts_are_the_whole_byte_for_byte),
        T_ROW(dead_and_replaced_documents_leave_nothing_behind),
        T_ROW(large_parts_merge_with_pairs_prefixes_and_quantiles),
    };
    Ctx ctx = {.arena = arena_new(64 * MIB)};
    c = &ctx;
    folder = folder_make(ctx.arena);
    int status = t_main(argc, argv, rows, (int)COUNT(rows));
    folder_remove(ctx.arena, folder);
    arena_free(ctx.arena);
    return status;
}

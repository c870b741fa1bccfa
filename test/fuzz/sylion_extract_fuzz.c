/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as any kind of document (the first byte says which): text with blocks in order, or a
 * reason; and every byte of the blocks in some chunk. */
#include "products/sylion/chunk.h"

static void blocks_check(const Extraction *x) {
    Str text = buf_str(&x->text);
    ptrdiff_t at = 0;
    assert(text.len <= EXTRACT_TEXT_MAX && x->count <= EXTRACT_BLOCKS_MAX);
    assert(str_utf8_valid(text));
    for (ptrdiff_t i = 0; i < x->count; i++) {
        const Block *b = &x->blocks[i];
        assert(b->from >= at && b->to > b->from && b->to <= text.len);
        assert(b->heading.len <= EXTRACT_HEADING_MAX && str_utf8_valid(b->heading));
        assert(b->page >= 0 && b->page <= x->pages);
        at = b->to;
    }
}

static void chunks_check(const Extraction *x) {
    Chunks k = chunks_of(x->arena, buf_str(&x->text), x->blocks, x->count, 60, 10);
    ptrdiff_t covered = 0;
    if (k.too_many) return;
    for (ptrdiff_t i = 0; i < k.count; i++) {
        const Chunk *one = &k.items[i];
        assert(one->to > covered && one->from < one->to && str_utf8_valid(one->heading));
        assert(str_trim(str_slice(buf_str(&x->text), covered, one->from)).len == 0);
        assert(str_utf8_valid(str_slice(buf_str(&x->text), one->from, one->to)));
        covered = one->to;
    }
    assert(x->count == 0 || covered == x->blocks[x->count - 1].to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const FileType types[] = {FILE_PDF, FILE_ZIP,  FILE_HTML, FILE_MARKDOWN,
                                     FILE_CSV, FILE_TEXT, FILE_ODT,  FILE_DOCX};
    if (size < 1 || size > 200000) return 0;
    Arena *arena = arena_new(EXTRACT_BUDGET);
    Str bytes = str_of((const char *)data + 1, (ptrdiff_t)size - 1), why;
    Extraction x = {.arena = arena, .type = types[data[0] % COUNT(types)]};
    file_type(bytes, S("a.docx"), S("text/html"), &why);
    /* The XML of the office formats without their zip, which would hide it from the fuzzer. */
    if (data[0] % COUNT(types) == 6) {
        x.text = buf_new(arena, 64);
        extract_odt(&x, bytes);
    } else if (data[0] % COUNT(types) == 7) {
        x.text = buf_new(arena, 64);
        extract_docx(&x, bytes, (Str){0}, (Str){0});
    } else {
        extract_bytes(&x, bytes, S("a.txt"));
        assert(x.count > 0 || x.failure.len > 0);
    }
    if (x.held) x.release(x.held);
    blocks_check(&x);
    chunks_check(&x);
    arena_free(arena);
    return 0;
}

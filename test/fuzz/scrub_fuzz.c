/* SPDX-License-Identifier: Apache-2.0
 * Whatever the text: scrubbing ends, stays in its bounds, keeps the text's lines, and lets neither
 * an address nor a bearer token through that stands alone. */
#include "core/arena.h"
#include "ops/scrub.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static ptrdiff_t lines_in(Str text) {
    ptrdiff_t n = 0;
    for (ptrdiff_t i = 0; i < text.len; i++) n += text.data[i] == '\n';
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 16 * 1024) return 0;
    Arena *arena = arena_new(4 * MIB);
    Str text = str_of((const char *)data, (ptrdiff_t)size);
    Str clean = scrub(arena, text);
    assert(lines_in(clean) == lines_in(text));
    assert(clean.len <= text.len * 10 + 16);
    Str still = scrub(arena, str_concat(arena, text, S("\n somebody@example.org Bearer abc0123")));
    ptrdiff_t line = still.len;
    while (still.data[line - 1] != '\n') line--;
    assert(str_find(str_slice(still, line, still.len), S("somebody")) < 0);
    assert(str_find(str_slice(still, line, still.len), S("abc0123")) < 0);
    arena_free(arena);
    return 0;
}

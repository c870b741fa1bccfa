/* SPDX-License-Identifier: Apache-2.0
 * Any text, cut anywhere: with its parts taken out it reads as it does whole, or is refused in the same
 * words. The first byte says how large the pieces are. */
#include "unit/core/json_parts_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1 || size > 256 * 1024) return 0;
    Ctx c = {.arena = arena_new(256 * MIB)};
    Str text = str_of((const char *)data + 1, (ptrdiff_t)size - 1), why;
    bool same = reads_the_same(&c, text, data[0] + 1, data[0] + 1, &why);
    if (!same) fprintf(stderr, "%.*s\n", S_ARG(why));
    assert(same);
    ctx_undo(&c, NULL);
    arena_free(c.arena);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as each of the Assembly's JSON files: a row with what its table wants, or a refusal in
 * words. */
#include "products/robian/open_data.h"

static void parse(const OpenDataKind *kind, Str bytes) {
    Ctx c = {.arena = arena_new(256 * MIB)};
    void *row = arena_alloc(c.arena, kind->row_size, 1);
    Err *err = kind->parse(&c, S("fuzz.json"), bytes, row);
    assert(!err || (err->kind == ERR_INVALID && err->detail.len > 0));
    ctx_undo(&c, NULL);
    arena_free(c.arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 100000) return 0;
    Str bytes = str_of((const char *)data, (ptrdiff_t)size);
    parse(&open_data_agenda, bytes);
    parse(&open_data_deputies, bytes);
    parse(&open_data_votes, bytes);
    return 0;
}

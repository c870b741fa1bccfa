/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as both halves of a timeline, which the first 0 byte parts: chapters have parents before them,
 * and no end before their start. */
#include "products/robian/nvs.h"

static void chapters_check(const Timeline *t) {
    for (ptrdiff_t i = 0; i < t->count; i++) {
        const Chapter *one = &t->chapters[i];
        assert(one->position == i && one->parent >= -1 && one->parent < i);
        assert(one->level == (one->parent < 0 ? 1 : t->chapters[one->parent].level + 1));
        assert(one->title.len > 0 && str_utf8_valid(one->title));
        assert(!one->end_ms.set || (one->start_ms.set && one->end_ms.value >= one->start_ms.value));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 100000) return 0;
    Ctx c = {.arena = arena_new(256 * MIB)};
    Str all = str_of((const char *)data, (ptrdiff_t)size), first,
        second = str_cut(all, '\0', &first);
    Timeline t;
    Str half = timeline_half(first);
    Err *err = timeline_read(&c, first, &t);
    if (err) {
        assert(err->kind == ERR_INVALID && err->detail.len > 0);
    } else {
        assert(str_eq(half, S("data")));
        chapters_check(&t);
        err = timeline_join(&c, second.data ? second : S(""), &t);
        if (!err) chapters_check(&t);
    }
    ctx_undo(&c, NULL);
    arena_free(c.arena);
    return 0;
}

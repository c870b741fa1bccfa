/* SPDX-License-Identifier: Apache-2.0
 * Blocks in a list, the newest first; allocation bumps a pointer in the newest. The first block stays
 * through a reset. Bytes not handed out are poisoned under AddressSanitizer. */
#include "core/arena.h"

#include <stdlib.h>

#ifndef __has_feature /* clang's way of asking; gcc defines __SANITIZE_ADDRESS__ */
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define POISON(at, size) ASAN_POISON_MEMORY_REGION((at), (size_t)(size))
#define UNPOISON(at, size) ASAN_UNPOISON_MEMORY_REGION((at), (size_t)(size))
#else
#define POISON(at, size) ((void)(at), (void)(size))
#define UNPOISON(at, size) ((void)(at), (void)(size))
#endif

enum { ALIGN = 16, FIRST_BLOCK = 4096 - 64, BLOCK_MAX = 256 * 1024 };

typedef struct Block {
    struct Block *older;
    ptrdiff_t cap, used;
    _Alignas(ALIGN) char data[];
} Block;

struct Arena {
    Block *block;
    ptrdiff_t held, used, budget; /* held: bytes of all blocks */
    jmp_buf *on_full;
};

static Block *block_new(ptrdiff_t cap, Block *older) {
    Block *b = malloc(sizeof(Block) + (size_t)cap);
    if (!b) abort();
    *b = (Block){.older = older, .cap = cap};
    POISON(b->data, cap);
    return b;
}

static void block_free(Block *b) {
    UNPOISON(b->data, b->cap);
    free(b);
}

Arena *arena_new(ptrdiff_t budget_bytes) {
    assert(budget_bytes > 0);
    Arena *a = calloc(1, sizeof *a);
    if (!a) abort();
    a->budget = budget_bytes;
    a->block = block_new(FIRST_BLOCK, NULL);
    a->held = FIRST_BLOCK;
    return a;
}

void arena_free(Arena *a) {
    if (!a) return;
    while (a->block) {
        Block *older = a->block->older;
        block_free(a->block);
        a->block = older;
    }
    free(a);
}

/* Drop the newest blocks until `keep` is the newest. */
static void blocks_drop(Arena *a, Block *keep) {
    while (a->block != keep) {
        Block *older = a->block->older;
        assert(older);
        a->held -= a->block->cap;
        block_free(a->block);
        a->block = older;
    }
}

void arena_reset(Arena *a) {
    assert(a);
    Block *first = a->block;
    while (first->older) first = first->older;
    blocks_drop(a, first);
    POISON(first->data, first->used);
    first->used = 0;
    a->used = 0;
}

jmp_buf *arena_on_full(Arena *a, jmp_buf *target) {
    jmp_buf *former = a->on_full;
    a->on_full = target;
    return former;
}

void arena_budget_set(Arena *a, ptrdiff_t budget_bytes) {
    assert(budget_bytes > 0);
    a->budget = budget_bytes;
}

void arena_overflow(Arena *a) {
    if (!a->on_full) {
        fprintf(stderr, "socle: arena over its budget of %td bytes with nobody to tell\n", a->budget);
        abort();
    }
    longjmp(*a->on_full, 1);
}

static void arena_more(Arena *a, ptrdiff_t size) {
    ptrdiff_t cap = min_size(max_size(a->block->cap * 2, FIRST_BLOCK), BLOCK_MAX);
    cap = max_size(cap, size);
    if (a->held + cap > a->budget) cap = size; /* the exact need may still fit */
    if (a->held + cap > a->budget) arena_overflow(a);
    a->block = block_new(cap, a->block);
    a->held += cap;
}

static ptrdiff_t rounded(ptrdiff_t size) { return (size + ALIGN - 1) & ~(ptrdiff_t)(ALIGN - 1); }

void *arena_bytes(Arena *a, ptrdiff_t size) {
    assert(a);
    assert(size >= 0);
    if (size > PTRDIFF_MAX / 2) arena_overflow(a);
    ptrdiff_t need = rounded(size);
    if (a->block->cap - a->block->used < need) arena_more(a, need);
    char *at = a->block->data + a->block->used;
    a->block->used += need;
    a->used += need;
    UNPOISON(at, size);
    return at;
}

void *arena_alloc(Arena *a, ptrdiff_t size, ptrdiff_t count) {
    assert(size > 0);
    assert(count >= 0);
    if (count > PTRDIFF_MAX / 4 / size) arena_overflow(a);
    void *at = arena_bytes(a, size * count);
    memset(at, 0, (size_t)(size * count));
    return at;
}

void *arena_grow(Arena *a, void *old, ptrdiff_t old_size, ptrdiff_t new_size) {
    assert(new_size >= old_size);
    Block *b = a->block;
    ptrdiff_t taken = rounded(old_size), more = rounded(new_size) - taken;
    bool last = old && (char *)old + taken == b->data + b->used;
    if (last && b->cap - b->used >= more) {
        b->used += more;
        a->used += more;
        UNPOISON(old, new_size);
        return old;
    }
    void *at = arena_bytes(a, new_size);
    if (old_size > 0) memcpy(at, old, (size_t)old_size);
    return at;
}

ptrdiff_t arena_used(const Arena *a) { return a->used; }

bool arena_has(const Arena *a, const void *at) {
    const char *byte = at;
    for (const Block *b = a->block; b; b = b->older)
        if (byte >= b->data && byte < b->data + b->used) return true;
    return false;
}

ArenaMark arena_mark(Arena *a) { return (ArenaMark){a->block, a->block->used}; }

void arena_release(Arena *a, ArenaMark mark) {
    for (Block *b = a->block; b != mark.block; b = b->older) a->used -= b->used;
    blocks_drop(a, mark.block);
    assert(mark.used <= a->block->used);
    POISON(a->block->data + mark.used, a->block->used - mark.used);
    a->used -= a->block->used - mark.used;
    a->block->used = mark.used;
}

/* SPDX-License-Identifier: Apache-2.0
 * Arena: memory that dies together. A request, a job, a connection own one each; everything made
 * while serving them comes from it and goes in one step.
 *
 *   - Memory is zero-filled and aligned for any type; allocation never returns NULL.
 *   - An arena has a budget in bytes. Exceeding it jumps to `on_full` (set by whoever runs the
 *     request or job, which then ends with BUDGET), or aborts where nobody set it.
 *   - Unused space is poisoned under AddressSanitizer.
 *   - Not for: memory shared between threads, or that outlives its owner. */
#ifndef SOCLE_CORE_ARENA_H
#define SOCLE_CORE_ARENA_H

#include <setjmp.h>

#include "core/base.h"

typedef struct Arena Arena;

/* A new arena that may grow to budget_bytes. The caller frees it with arena_free. */
Arena *arena_new(ptrdiff_t budget_bytes);

/* Give everything back. NULL is allowed. */
void arena_free(Arena *arena);

/* Empty the arena for reuse; keeps its first block. */
void arena_reset(Arena *arena);

/* Where to jump when the budget is exceeded (NULL: abort). Returns the former target. */
jmp_buf *arena_on_full(Arena *arena, jmp_buf *target);

/* Do what exceeding the budget does: for whoever caught it elsewhere and hands it on. */
NORETURN void arena_overflow(Arena *arena);

/* Let the arena grow to budget_bytes from now on. */
void arena_budget_set(Arena *arena, ptrdiff_t budget_bytes);

/* count × size zeroed bytes. */
void *arena_alloc(Arena *arena, ptrdiff_t size, ptrdiff_t count);

/* As arena_alloc, without the zeroes: for bytes that are overwritten at once. */
void *arena_bytes(Arena *arena, ptrdiff_t size);

/* Grow the block at `old` (of old_size bytes) to new_size: in place where it was the last one taken,
 * else by a copy. The added bytes are not zeroed. */
void *arena_grow(Arena *arena, void *old, ptrdiff_t old_size, ptrdiff_t new_size);

/* Bytes handed out since the last reset. */
ptrdiff_t arena_used(const Arena *arena);

/* A point to come back to: everything taken after arena_mark is given back by arena_release. */
typedef struct ArenaMark {
    void *block;
    ptrdiff_t used;
} ArenaMark;
ArenaMark arena_mark(Arena *arena);
void arena_release(Arena *arena, ArenaMark mark);

/* Whether the bytes at `at` are the arena's. Looks at every block. */
bool arena_has(const Arena *arena, const void *at);

#define arena_new_of(arena, Type) ((Type *)arena_alloc((arena), (ptrdiff_t)sizeof(Type), 1))
#define arena_array(arena, Type, count) ((Type *)arena_alloc((arena), (ptrdiff_t)sizeof(Type), (count)))

#endif

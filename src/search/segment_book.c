/* SPDX-License-Identifier: Apache-2.0
 * Distinct byte strings of a segment under way, numbered as they come: open addressing over XXH3
 * with a seed of the process, so that hostile words cannot pile up. */
#include <stdlib.h>
#include <xxhash.h>

#include "core/map.h"
#include "search/segment_room.h"

void *items_grow(void *items, ptrdiff_t *cap, ptrdiff_t need, ptrdiff_t size) {
    assert(need >= 0 && need <= PTRDIFF_MAX / 4 / size);
    if (need <= *cap) return items;
    ptrdiff_t more = max_size(*cap + *cap / 2, 16);
    *cap = max_size(need, more);
    void *grown = realloc(items, (size_t)(*cap * size));
    if (!grown) abort();
    return grown;
}

static void slots_double(Book *b) {
    ptrdiff_t count = b->slot_count ? 2 * b->slot_count : 64;
    free(b->slots);
    b->slots = calloc((size_t)count, sizeof *b->slots);
    if (!b->slots) abort();
    b->slot_count = count;
    for (ptrdiff_t i = 0; i < b->count; i++) {
        ptrdiff_t at = b->items[i].hash & (count - 1);
        while (b->slots[at]) at = (at + 1) & (count - 1);
        b->slots[at] = (uint32_t)i + 1;
    }
}

uint32_t book_add(Book *b, Str text) {
    if (2 * b->count >= b->slot_count) slots_double(b);
    if (!b->seed) b->seed = siphash_secret(S("book")) | 1;
    uint32_t hash = (uint32_t)XXH3_64bits_withSeed(text.data, (size_t)text.len, b->seed);
    ptrdiff_t mask = b->slot_count - 1, at = hash & mask;
    for (; b->slots[at]; at = (at + 1) & mask) {
        const BookItem *item = &b->items[b->slots[at] - 1];
        if (item->hash == hash && item->len == (uint32_t)text.len &&
            memcmp(b->bytes + item->at, text.data, (size_t)text.len) == 0)
            return b->slots[at] - 1;
    }
    assert(b->count < UINT32_MAX - 1);
    b->slots[at] = (uint32_t)b->count + 1;
    b->items = items_grow(b->items, &b->cap, b->count + 1, (ptrdiff_t)sizeof *b->items);
    b->bytes = items_grow(b->bytes, &b->room, b->used + text.len, 1);
    b->items[b->count] = (BookItem){hash, (uint32_t)text.len, (uint64_t)b->used};
    if (text.len) memcpy(b->bytes + b->used, text.data, (size_t)text.len);
    b->used += text.len;
    return (uint32_t)b->count++;
}

void book_free(Book *b) {
    free(b->slots);
    free(b->items);
    free(b->bytes);
    *b = (Book){0};
}

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

/* Slots for `more` further items, at most half of them taken. */
static void slots_ready(Book *b, ptrdiff_t more) {
    if (2 * (b->count + more) < b->slot_count) return;
    BookSlot *former = b->slots;
    ptrdiff_t former_count = b->slot_count, count = former_count ? 2 * former_count : 128;
    while (2 * (b->count + more) >= count) count *= 2;
    b->slots = calloc((size_t)count, sizeof *b->slots);
    if (!b->slots) abort();
    b->slot_count = count;
    for (ptrdiff_t i = 0; i < former_count; i++) {
        if (!former[i].place) continue;
        ptrdiff_t at = former[i].hash & (count - 1);
        while (b->slots[at].place) at = (at + 1) & (count - 1);
        b->slots[at] = former[i];
    }
    free(former);
}

static uint32_t hash_of(const Book *b, Str text) {
    return (uint32_t)XXH3_64bits_withSeed(text.data, (size_t)text.len, b->seed);
}

static uint32_t item_add(Book *b, BookSlot *slot, uint32_t hash, Str text) {
    ptrdiff_t size = (ptrdiff_t)sizeof(BookItem) + ((text.len + 3) & ~(ptrdiff_t)3);
    assert(b->used / 4 < UINT32_MAX - 1 && b->count < UINT32_MAX - 1);
    b->places = items_grow(b->places, &b->cap, b->count + 1, (ptrdiff_t)sizeof *b->places);
    b->bytes = items_grow(b->bytes, &b->room, b->used + size, 1);
    *slot = (BookSlot){hash, (uint32_t)(b->used / 4) + 1};
    BookItem *item = (void *)(b->bytes + b->used);
    item->number = (uint32_t)b->count;
    item->len = (uint32_t)text.len;
    if (text.len) memcpy(item->text, text.data, (size_t)text.len);
    b->places[b->count] = slot->place;
    b->used += size;
    return (uint32_t)b->count++;
}

static uint32_t hashed_add(Book *b, uint32_t hash, Str text) {
    ptrdiff_t mask = b->slot_count - 1, at = hash & mask;
    for (; b->slots[at].place; at = (at + 1) & mask) {
        if (b->slots[at].hash != hash) continue;
        const BookItem *item = book_item(b, b->slots[at].place);
        if (item->len == (uint32_t)text.len && memcmp(item->text, text.data, (size_t)text.len) == 0)
            return item->number;
    }
    return item_add(b, &b->slots[at], hash, text);
}

uint32_t book_add(Book *b, Str text) {
    if (!b->seed) b->seed = siphash_secret(S("book")) | 1;
    slots_ready(b, 1);
    return hashed_add(b, hash_of(b, text), text);
}

void book_add_words(Book *b, const Word *words, ptrdiff_t count, uint32_t *numbers) {
    uint32_t hashes[BOOK_BATCH];
    assert(count <= BOOK_BATCH);
    if (!b->seed) b->seed = siphash_secret(S("book")) | 1;
    slots_ready(b, count);
    ptrdiff_t mask = b->slot_count - 1;
    for (ptrdiff_t i = 0; i < count; i++) {
        hashes[i] = hash_of(b, words[i].text);
        __builtin_prefetch(&b->slots[hashes[i] & mask]);
    }
    for (ptrdiff_t i = 0; i < count; i++) {
        BookSlot slot = b->slots[hashes[i] & mask];
        if (slot.place) __builtin_prefetch(book_item(b, slot.place));
    }
    for (ptrdiff_t i = 0; i < count; i++) numbers[i] = hashed_add(b, hashes[i], words[i].text);
}

void book_free(Book *b) {
    free(b->slots);
    free(b->places);
    free(b->bytes);
    *b = (Book){0};
}

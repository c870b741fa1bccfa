/* SPDX-License-Identifier: Apache-2.0
 * Sorting numbers with what they belong to: by bytes, least significant first, leaving out those in
 * which all numbers agree; few are simply inserted. Stable. */
#include <stdlib.h>

#include "search/segment_room.h"

enum { INSERTED = 48, BYTES = 8 };

static void insertion(uint64_t *keys, uint32_t *items, uint32_t count) {
    for (uint32_t i = 1; i < count; i++) {
        uint64_t key = keys[i];
        uint32_t item = items[i], at = i;
        for (; at > 0 && keys[at - 1] > key; at--) {
            keys[at] = keys[at - 1];
            items[at] = items[at - 1];
        }
        keys[at] = key;
        items[at] = item;
    }
}

typedef struct Side {
    uint64_t *keys;
    uint32_t *items;
} Side;

static void by_byte(Side from, Side to, uint32_t count, int byte, const uint32_t *counts) {
    uint32_t at[256];
    for (uint32_t i = 0, sum = 0; i < 256; sum += counts[i++]) at[i] = sum;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t place = at[from.keys[i] >> 8 * byte & 255]++;
        to.keys[place] = from.keys[i];
        to.items[place] = from.items[i];
    }
}

void sort_by_key(uint64_t *keys, uint32_t *items, uint32_t count) {
    if (count <= INSERTED) {
        insertion(keys, items, count);
        return;
    }
    uint32_t counts[BYTES][256] = {0};
    for (uint32_t i = 0; i < count; i++)
        for (int byte = 0; byte < BYTES; byte++) counts[byte][keys[i] >> 8 * byte & 255]++;
    char *memory = malloc((size_t)count * 12);
    if (!memory) abort();
    Side side = {keys, items}, other = {(void *)memory, (void *)(memory + (size_t)count * 8)};
    for (int byte = 0; byte < BYTES; byte++) {
        if (counts[byte][keys[0] >> 8 * byte & 255] == count) continue;
        by_byte(side, other, count, byte, counts[byte]);
        Side former = side;
        side = other;
        other = former;
    }
    if (side.keys != keys) {
        memcpy(keys, side.keys, (size_t)count * 8);
        memcpy(items, side.items, (size_t)count * 4);
    }
    free(memory);
}

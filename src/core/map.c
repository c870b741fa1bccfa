/* SPDX-License-Identifier: Apache-2.0
 * Linear probing with tombstones; SipHash-1-3 (Aumasson, Bernstein 2012) under a process secret. */
#include "core/map.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/rand.h"

static uint64_t secret[2];
static pthread_once_t secret_once = PTHREAD_ONCE_INIT;
static void secret_make(void) { rand_bytes(secret, (ptrdiff_t)sizeof secret); }

static uint64_t rotl(uint64_t x, int b) { return x << b | x >> (64 - b); }

static void sip_round(uint64_t v[4]) {
    v[0] += v[1], v[1] = rotl(v[1], 13) ^ v[0], v[0] = rotl(v[0], 32);
    v[2] += v[3], v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3], v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1], v[1] = rotl(v[1], 17) ^ v[2], v[2] = rotl(v[2], 32);
}

uint64_t siphash_secret(Str s) {
    pthread_once(&secret_once, secret_make);
    uint64_t v[4] = {secret[0] ^ 0x736f6d6570736575u, secret[1] ^ 0x646f72616e646f6du,
                     secret[0] ^ 0x6c7967656e657261u, secret[1] ^ 0x7465646279746573u};
    ptrdiff_t i = 0;
    uint64_t word;
    for (; s.len - i >= 8; i += 8) {
        memcpy(&word, s.data + i, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    word = (uint64_t)s.len << 56;
    for (int shift = 0; i < s.len; i++, shift += 8) word |= (uint64_t)(unsigned char)s.data[i] << shift;
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    for (int k = 0; k < 3; k++) sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* A slot is free when key.data is NULL, removed when value is NULL, else taken. */
static MapSlot *map_slot(const Map *m, Str key) {
    if (m->cap == 0) return NULL;
    MapSlot *removed = NULL;
    for (uint64_t i = siphash_secret(key);; i++) {
        MapSlot *slot = &m->slots[i & (uint64_t)(m->cap - 1)];
        if (!slot->key.data) return removed ? removed : slot;
        if (!slot->value && !removed) removed = slot;
        if (slot->value && str_eq(slot->key, key)) return slot;
    }
}

void *map_get(const Map *m, Str key) {
    MapSlot *slot = map_slot(m, key);
    return slot ? slot->value : NULL;
}

static MapSlot *slots_new(Arena *arena, ptrdiff_t cap) {
    if (arena) return arena_array(arena, MapSlot, cap);
    MapSlot *slots = calloc((size_t)cap, sizeof *slots);
    if (!slots) abort();
    return slots;
}

static void map_grow(Map *m) {
    ptrdiff_t cap = m->count * 2 >= m->cap / 2 ? max_size(16, m->cap * 2) : m->cap;
    Map next = {.arena = m->arena, .slots = slots_new(m->arena, cap), .cap = cap};
    MapSlot slot;
    for (ptrdiff_t i = 0; map_next(m, &i, &slot);) {
        *map_slot(&next, slot.key) = slot;
        next.count++;
    }
    next.used = next.count;
    if (!m->arena) free(m->slots);
    *m = next;
}

void *map_set(Map *m, Str key, void *value) {
    assert(key.data);
    assert(value);
    if ((m->used + 1) * 4 > m->cap * 3) map_grow(m);
    MapSlot *slot = map_slot(m, key);
    void *former = slot->value;
    if (!former) {
        m->count++;
        m->used += !slot->key.data;
        slot->key = key;
    }
    slot->value = value;
    return former;
}

void *map_remove(Map *m, Str key) {
    MapSlot *slot = map_slot(m, key);
    if (!slot || !slot->value) return NULL;
    void *former = slot->value;
    slot->value = NULL;
    m->count--;
    return former;
}

bool map_next(const Map *m, ptrdiff_t *cursor, MapSlot *out) {
    while (*cursor < m->cap) {
        MapSlot slot = m->slots[(*cursor)++];
        if (!slot.key.data || !slot.value) continue;
        *out = slot;
        return true;
    }
    return false;
}

void map_free(Map *m) {
    if (!m->arena) free(m->slots);
    *m = (Map){.arena = m->arena};
}

/* SPDX-License-Identifier: Apache-2.0
 * W-TinyLFU (Einziger, Friedman, Manes: "TinyLFU: A Highly Efficient Cache Admission Policy", 2017).
 *
 *   new ─▶ window ──(full)──▶ contest ──won──▶ probation ──used again──▶ protected
 *             1 %                │ lost          ▲  └─ victim of a contest    │ 80 % of the main part
 *                                ▼               └────────(full)──────────────┘
 *                             dropped
 *
 *   - The contest compares how often the newcomer and the least recently used entry of the main part
 *     were asked for, by a count-min sketch of 4-bit counters behind a doorkeeper (a Bloom filter that
 *     holds what was asked for once, so that the sketch is not filled with it).
 *   - After ten times as many uses as the sketch has columns all counters are halved and the
 *     doorkeeper is emptied: the past fades.
 *   - Bytes of the window and of the main part each stay within their share, so the sum stays within
 *     the bound. An entry's bytes include its place in the table. */
#include "data/cache_memory.h"

enum {
    ROWS = 4,
    COLUMNS_MIN = 256,
    COLUMNS_MAX = 1 << 20,
    ENTRY_USUAL = 256, /* bytes of a typical entry: decides the size of the sketch */
    COUNTER_MAX = 15,
    DOOR_PROBES = 3,
    DOOR_BITS = 8, /* per column */
    FADE_AFTER = 10,
    ENTRY_OVERHEAD = 32, /* of malloc and of the table */
};

typedef enum Segment { WINDOW, PROBATION, PROTECTED, SEGMENTS } Segment;

typedef struct List {
    CacheEntry *head, *tail; /* head: used last */
    ptrdiff_t bytes;
} List;

struct CacheMemory {
    List lists[SEGMENTS];
    ptrdiff_t window_max, main_max, protected_max;
    CacheEntry **buckets;
    ptrdiff_t bucket_count, count; /* bucket_count is a power of two */
    int64_t evictions;
    uint8_t *sketch; /* ROWS × columns counters, two a byte */
    uint8_t *door;
    ptrdiff_t columns, uses;
};

/* -- how often was it asked for -------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, int salt) {
    hash += (uint64_t)salt * UINT64_C(0x9E3779B97F4A7C15);
    hash = (hash ^ (hash >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    return hash ^ (hash >> 31);
}

static ptrdiff_t column(const CacheMemory *m, uint64_t hash, int row) {
    return (ptrdiff_t)(mix(hash, row + 1) & (uint64_t)(m->columns - 1)) + row * m->columns;
}

static int counter(const CacheMemory *m, ptrdiff_t at) {
    return m->sketch[at / 2] >> (at % 2 * 4) & 15;
}

static bool door_pass(CacheMemory *m, uint64_t hash, bool enter) {
    bool known = true;
    for (int i = 0; i < DOOR_PROBES; i++) {
        uint64_t bit = mix(hash, ROWS + 1 + i) & (uint64_t)(m->columns * DOOR_BITS - 1);
        uint8_t mask = (uint8_t)(1u << (bit & 7));
        if (m->door[bit >> 3] & mask) continue;
        known = false;
        if (enter) m->door[bit >> 3] |= mask;
    }
    return known;
}

static int frequency(CacheMemory *m, uint64_t hash) {
    int least = COUNTER_MAX;
    for (int row = 0; row < ROWS; row++) {
        int n = counter(m, column(m, hash, row));
        if (n < least) least = n;
    }
    return least + door_pass(m, hash, false);
}

static void fade(CacheMemory *m) {
    for (ptrdiff_t i = 0; i < ROWS * m->columns / 2; i++) m->sketch[i] = m->sketch[i] >> 1 & 0x77;
    memset(m->door, 0, (size_t)m->columns);
    m->uses /= 2;
}

static void frequency_add(CacheMemory *m, uint64_t hash) {
    if (++m->uses >= FADE_AFTER * m->columns) fade(m);
    if (!door_pass(m, hash, true)) return;
    int least = frequency(m, hash) - 1;
    if (least >= COUNTER_MAX) return;
    for (int row = 0; row < ROWS; row++) { /* only the lowest grow: the others are others' */
        ptrdiff_t at = column(m, hash, row);
        if (counter(m, at) == least)
            m->sketch[at / 2] = (uint8_t)(m->sketch[at / 2] + (1 << (at % 2 * 4)));
    }
}

/* -- lists and the table --------------------------------------------------------------------------- */

static ptrdiff_t entry_bytes(const CacheEntry *e) {
    return (ptrdiff_t)sizeof *e + e->key_len + e->value_len + ENTRY_OVERHEAD;
}

static void list_remove(CacheMemory *m, CacheEntry *e) {
    List *list = &m->lists[e->segment];
    if (e->prev)
        e->prev->next = e->next;
    else
        list->head = e->next;
    if (e->next)
        e->next->prev = e->prev;
    else
        list->tail = e->prev;
    list->bytes -= entry_bytes(e);
}

static void list_push(CacheMemory *m, CacheEntry *e, Segment segment) {
    List *list = &m->lists[segment];
    e->segment = segment;
    e->prev = NULL;
    e->next = list->head;
    if (list->head)
        list->head->prev = e;
    else
        list->tail = e;
    list->head = e;
    list->bytes += entry_bytes(e);
}

static void list_move(CacheMemory *m, CacheEntry *e, Segment segment) {
    list_remove(m, e);
    list_push(m, e, segment);
}

static CacheEntry **place(CacheMemory *m, Str key, uint64_t hash) {
    CacheEntry **at = &m->buckets[hash & (uint64_t)(m->bucket_count - 1)];
    while (*at && ((*at)->hash != hash || !str_eq(entry_key(*at), key)))
        at = &(*at)->next_in_bucket;
    return at;
}

static void entry_drop(CacheMemory *m, CacheEntry *e) {
    CacheEntry **at = &m->buckets[e->hash & (uint64_t)(m->bucket_count - 1)];
    while (*at != e) at = &(*at)->next_in_bucket;
    *at = e->next_in_bucket;
    list_remove(m, e);
    m->count--;
    free(e);
}

static void table_grow(CacheMemory *m) {
    ptrdiff_t count = m->bucket_count * 2;
    CacheEntry **buckets = calloc((size_t)count, sizeof *buckets);
    if (!buckets) abort();
    for (ptrdiff_t i = 0; i < m->bucket_count; i++)
        for (CacheEntry *e = m->buckets[i]; e;) {
            CacheEntry *next = e->next_in_bucket, **at = &buckets[e->hash & (uint64_t)(count - 1)];
            e->next_in_bucket = *at;
            *at = e;
            e = next;
        }
    free(m->buckets);
    m->buckets = buckets;
    m->bucket_count = count;
}

/* -- admission ------------------------------------------------------------------------------------- */

static void evict(CacheMemory *m, CacheEntry *e) {
    m->evictions++;
    entry_drop(m, e);
}

static bool main_is_full(const CacheMemory *m) {
    return m->lists[PROBATION].bytes + m->lists[PROTECTED].bytes > m->main_max;
}

static CacheEntry *victim_of(const CacheMemory *m, const CacheEntry *newcomer) {
    CacheEntry *e = m->lists[PROBATION].tail;
    return e && e != newcomer ? e : m->lists[PROTECTED].tail;
}

/* The newcomer left the window: it stays in the main part if it is asked for more often than those
 * who would have to go. */
static void contest(CacheMemory *m, CacheEntry *newcomer, int64_t now_us) {
    list_move(m, newcomer, PROBATION);
    int wanted = frequency(m, newcomer->hash);
    while (main_is_full(m)) {
        CacheEntry *victim = victim_of(m, newcomer);
        if (!victim || (victim->expires_us > now_us && frequency(m, victim->hash) >= wanted)) {
            evict(m, newcomer);
            return;
        }
        evict(m, victim);
    }
}

static void entry_used(CacheMemory *m, CacheEntry *e) {
    if (e->segment == WINDOW) {
        list_move(m, e, WINDOW);
        return;
    }
    list_move(m, e, PROTECTED);
    while (m->lists[PROTECTED].bytes > m->protected_max && m->lists[PROTECTED].tail != e)
        list_move(m, m->lists[PROTECTED].tail, PROBATION);
}

/* -- the calls ------------------------------------------------------------------------------------- */

CacheMemory *cache_memory_new(ptrdiff_t max_bytes) {
    assert(max_bytes > 0);
    CacheMemory *m = calloc(1, sizeof *m);
    if (!m) abort();
    m->window_max = max_bytes / 100;
    m->main_max = max_bytes - m->window_max;
    m->protected_max = m->main_max / 5 * 4;
    m->columns = COLUMNS_MIN;
    while (m->columns < max_bytes / ENTRY_USUAL && m->columns < COLUMNS_MAX) m->columns *= 2;
    m->bucket_count = 64;
    m->buckets = calloc((size_t)m->bucket_count, sizeof *m->buckets);
    m->sketch = calloc((size_t)(ROWS * m->columns / 2), 1);
    static_assert(DOOR_BITS == 8, "the doorkeeper has a byte a column");
    m->door = calloc((size_t)m->columns, 1);
    if (!m->buckets || !m->sketch || !m->door) abort();
    return m;
}

void cache_memory_free(CacheMemory *m) {
    if (!m) return;
    cache_memory_remove_prefix(m, S(""));
    free(m->buckets);
    free(m->sketch);
    free(m->door);
    free(m);
}

const CacheEntry *cache_memory_get(CacheMemory *m, Str key, uint64_t hash, int64_t now_us) {
    frequency_add(m, hash);
    CacheEntry *e = *place(m, key, hash);
    if (!e) return NULL;
    if (e->expires_us <= now_us) {
        entry_drop(m, e);
        return NULL;
    }
    entry_used(m, e);
    return e;
}

void cache_memory_set(CacheMemory *m, Str key, uint64_t hash, Str value, bool negative,
                      int64_t now_us, int64_t expires_us) {
    cache_memory_remove(m, key, hash);
    CacheEntry head = {.hash = hash,
                       .expires_us = expires_us,
                       .negative = negative,
                       .key_len = key.len,
                       .value_len = value.len};
    if (expires_us <= now_us || entry_bytes(&head) > m->main_max) return;
    CacheEntry *e = malloc(sizeof *e + (size_t)(key.len + value.len));
    if (!e) abort();
    *e = head;
    if (key.len) memcpy(e->bytes, key.data, (size_t)key.len);
    if (value.len) memcpy(e->bytes + key.len, value.data, (size_t)value.len);
    if (m->count >= m->bucket_count) table_grow(m);
    CacheEntry **at = &m->buckets[hash & (uint64_t)(m->bucket_count - 1)];
    e->next_in_bucket = *at;
    *at = e;
    m->count++;
    list_push(m, e, WINDOW);
    while (m->lists[WINDOW].bytes > m->window_max) contest(m, m->lists[WINDOW].tail, now_us);
}

void cache_memory_remove(CacheMemory *m, Str key, uint64_t hash) {
    CacheEntry *e = *place(m, key, hash);
    if (e) entry_drop(m, e);
}

void cache_memory_remove_prefix(CacheMemory *m, Str prefix) {
    for (int segment = 0; segment < SEGMENTS; segment++)
        for (CacheEntry *e = m->lists[segment].head; e;) {
            CacheEntry *next = e->next;
            if (str_starts(entry_key(e), prefix)) entry_drop(m, e);
            e = next;
        }
}

ptrdiff_t cache_memory_bytes(const CacheMemory *m) {
    ptrdiff_t sum = 0;
    for (int i = 0; i < SEGMENTS; i++) sum += m->lists[i].bytes;
    return sum;
}

ptrdiff_t cache_memory_count(const CacheMemory *m) { return m->count; }
int64_t cache_memory_evictions(const CacheMemory *m) { return m->evictions; }

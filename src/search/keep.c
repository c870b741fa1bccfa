/* SPDX-License-Identifier: Apache-2.0
 * A segment's table of chains, and a list by when each was last asked for. An entry
 * is one block of memory; who evicts an entry that somebody still reads leaves it to him. */
#include "search/keep.h"

#include <pthread.h>
#include <stdlib.h>
#include <xxhash.h>

Keep *keep_new(uint32_t docs);
void keep_free(Keep *k);

enum { SLOTS_MAX = 1024, ASKED_A_SLOT = 4, KEEP_SHARE = 4 /* of all, for one at most */ };

struct Kept {
    Keep *keep;
    Kept *chain, *newer, *older;
    uint64_t hash;
    Str key;
    int64_t bytes;
    int references; /* readers; keep->lock */
    bool listed;
    union {
        LookUp look;
        Str plain;
    };
};

struct Keep {
    pthread_mutex_t lock;
    int64_t bytes, most;
    Kept *newest, *oldest;
    uint32_t *asked;     /* hashes of what was asked for and not found */
    uint32_t slot_count; /* a power of two */
    Kept *slots[];
};

Keep *keep_new(uint32_t docs) {
    if (docs < KEEP_DOCS) return NULL;
    uint32_t slots = 4;
    while (slots < SLOTS_MAX && slots < docs / 16) slots *= 2;
    Keep *k = calloc(1, sizeof *k + slots * (sizeof *k->slots + ASKED_A_SLOT * sizeof *k->asked));
    if (!k) abort();
    k->slot_count = slots;
    k->asked = (uint32_t *)(void *)(k->slots + slots);
    pthread_mutex_init(&k->lock, NULL);
    k->most = min_i64((int64_t)docs * KEEP_BYTES_DOC, KEEP_BYTES);
    return k;
}

/* -- The list, under the lock ------------------------------------------------------------------ */

static void list_remove(Keep *k, Kept *e) {
    *(e->newer ? &e->newer->older : &k->newest) = e->older;
    *(e->older ? &e->older->newer : &k->oldest) = e->newer;
}

static void list_add(Keep *k, Kept *e) {
    e->newer = NULL;
    e->older = k->newest;
    *(e->older ? &e->older->newer : &k->oldest) = e;
    k->newest = e;
}

static void entry_remove(Keep *k, Kept *e) {
    Kept **at = &k->slots[e->hash % k->slot_count];
    while (*at != e) at = &(*at)->chain;
    *at = e->chain;
    list_remove(k, e);
    k->bytes -= e->bytes;
    e->listed = false;
    if (e->references == 0) free(e);
}

static Kept *entry_find(const Keep *k, uint64_t hash, Str key) {
    for (Kept *e = k->slots[hash % k->slot_count]; e; e = e->chain)
        if (e->hash == hash && str_eq(e->key, key)) return e;
    return NULL;
}

void keep_free(Keep *k) {
    if (!k) return;
    while (k->oldest) {
        assert(k->oldest->references == 0);
        entry_remove(k, k->oldest);
    }
    assert(k->bytes == 0);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

/* -- Finding ----------------------------------------------------------------------------------- */

Kept *keep_find(const Segment *s, Str key, bool *wanted) {
    Keep *k = segment_keep(s);
    *wanted = false;
    if (!k) return NULL;
    uint64_t hash = XXH3_64bits(key.data, (size_t)key.len);
    uint32_t mark = (uint32_t)(hash >> 32) | 1;
    uint32_t *asked = &k->asked[hash % (ASKED_A_SLOT * k->slot_count)];
    pthread_mutex_lock(&k->lock);
    Kept *e = entry_find(k, hash, key);
    if (e) {
        e->references++;
        list_remove(k, e);
        list_add(k, e);
    } else {
        *wanted = *asked == mark;
        *asked = mark;
    }
    pthread_mutex_unlock(&k->lock);
    return e;
}

const LookUp *kept_look_up(const Kept *kept) { return &kept->look; }

Str kept_bytes(const Kept *kept) { return kept->plain; }

void kept_release(Kept *e) {
    Keep *k = e->keep;
    pthread_mutex_lock(&k->lock);
    assert(e->references > 0);
    bool last = --e->references == 0 && !e->listed;
    pthread_mutex_unlock(&k->lock);
    if (last) free(e);
}

int64_t keep_bytes(const Segment *s) {
    Keep *k = segment_keep(s);
    if (!k) return 0;
    pthread_mutex_lock(&k->lock);
    int64_t bytes = k->bytes;
    pthread_mutex_unlock(&k->lock);
    return bytes;
}

/* -- Putting in -------------------------------------------------------------------------------- */

enum { SETS = KINDS + 3 };

static void sets_of(LookUp *look, Docset *out[SETS]) {
    for (int i = 0; i < KINDS; i++) out[i] = &look->kinds[i];
    out[KINDS] = &look->split;
    out[KINDS + 1] = &look->without_typos;
    out[KINDS + 2] = &look->any;
}

static const void *set_data(const Docset *d) {
    return d->bits ? (const void *)d->bits : (const void *)d->array;
}

static ptrdiff_t rounded(ptrdiff_t size) { return (size + 15) & ~(ptrdiff_t)15; }

static ptrdiff_t set_bytes(const Docset *d) {
    return d->bits ? (ptrdiff_t)(((uint64_t)d->universe + 63) / 64 * 8) : (ptrdiff_t)d->count * 4;
}

/* Lies it where it stays as long as the segment? */
static bool is_segments(const Segment *s, const Docset *d) {
    const void *at = set_data(d);
    return !at || segment_has(s, at);
}

/* The first set with the same bytes as sets[i], i itself if it is none other's. */
static int set_same(Docset *const *sets, int i) {
    int j = 0;
    while (set_data(sets[j]) != set_data(sets[i])) j++;
    return j;
}

static ptrdiff_t entry_size(const Segment *s, Str key, LookUp look) {
    Docset *sets[SETS];
    sets_of(&look, sets);
    ptrdiff_t size = rounded((ptrdiff_t)sizeof(Kept)) + rounded(key.len) +
                     rounded(look.fit_count * (ptrdiff_t)sizeof(Fit)) +
                     rounded(look.split_count * (ptrdiff_t)sizeof(Split));
    for (int i = 0; i < SETS; i++)
        if (!is_segments(s, sets[i]) && set_same(sets, i) == i) size += rounded(set_bytes(sets[i]));
    return size;
}

static void *taken(char **at, const void *bytes, ptrdiff_t size) {
    void *to = *at;
    if (size) memcpy(to, bytes, (size_t)size);
    *at += rounded(size);
    return to;
}

static Kept *entry_make(const Segment *s, Str key, const LookUp *look, ptrdiff_t size) {
    Kept *e = malloc((size_t)size);
    if (!e) abort();
    *e = (Kept){.keep = segment_keep(s), .bytes = size, .listed = true, .look = *look};
    char *at = (char *)e + rounded((ptrdiff_t)sizeof *e);
    e->key = str_of(taken(&at, key.data, key.len), key.len);
    e->look.fits = taken(&at, look->fits, look->fit_count * (ptrdiff_t)sizeof(Fit));
    e->look.splits = taken(&at, look->splits, look->split_count * (ptrdiff_t)sizeof(Split));
    LookUp from = *look;
    Docset *sets[SETS], *own[SETS];
    sets_of(&from, sets);
    sets_of(&e->look, own);
    for (int i = 0; i < SETS; i++) {
        if (is_segments(s, sets[i])) continue;
        int same = set_same(sets, i);
        const void *data = same < i ? set_data(own[same])
                                    : taken(&at, set_data(sets[i]), set_bytes(sets[i]));
        *own[i] = sets[i]->bits ? docset_bits(sets[i]->universe, data, sets[i]->count)
                                : docset_array(sets[i]->universe, data, sets[i]->count);
    }
    assert(at == (char *)e + size);
    return e;
}

static void entry_put(Keep *k, Kept *e) {
    e->hash = XXH3_64bits(e->key.data, (size_t)e->key.len);
    pthread_mutex_lock(&k->lock);
    if (entry_find(k, e->hash, e->key)) { /* somebody else was quicker */
        free(e);
    } else {
        while (k->bytes + e->bytes > k->most) entry_remove(k, k->oldest);
        e->chain = k->slots[e->hash % k->slot_count];
        k->slots[e->hash % k->slot_count] = e;
        list_add(k, e);
        k->bytes += e->bytes;
    }
    pthread_mutex_unlock(&k->lock);
}

void keep_put(const Segment *s, Str key, const LookUp *look) {
    Keep *k = segment_keep(s);
    assert(k);
    ptrdiff_t size = entry_size(s, key, *look);
    if (size <= k->most / KEEP_SHARE) entry_put(k, entry_make(s, key, look, size));
}

void keep_put_bytes(const Segment *s, Str key, Str bytes) {
    Keep *k = segment_keep(s);
    assert(k);
    ptrdiff_t size = rounded((ptrdiff_t)sizeof(Kept)) + rounded(key.len) + rounded(bytes.len);
    if (size > k->most / KEEP_SHARE) return;
    Kept *e = malloc((size_t)size);
    if (!e) abort();
    *e = (Kept){.keep = k, .bytes = size, .listed = true};
    char *at = (char *)e + rounded((ptrdiff_t)sizeof *e);
    e->key = str_of(taken(&at, key.data, key.len), key.len);
    e->plain = str_of(taken(&at, bytes.data, bytes.len), bytes.len);
    entry_put(k, e);
}

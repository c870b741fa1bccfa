/* SPDX-License-Identifier: Apache-2.0
 * Words with typing errors: the trie is walked together with an automaton that reads words letter
 * by letter and knows how much of the query it may have read with 0, 1 and 2 errors (Wu and Manber,
 * "Fast text searching allowing errors", CACM 35(10), 1992, with swapped neighbours besides). States
 * are the bits of a word: bit j of read[d] says that j letters of the query are behind us with at
 * most d errors. When read[max] is empty nothing below can match.
 *
 * A wrong first letter costs one error more: below such a letter the walk goes on with one error
 * less to give, and tells what it finds with one more. */
#include "search/lexicon_room.h"

enum { LETTERS_MAX = 62, TYPOS_MAX = 2 };

typedef struct Reading {
    uint64_t read[TYPOS_MAX + 1];
    uint64_t swap[TYPOS_MAX]; /* the letter after next has come: the next one must follow */
} Reading;

typedef struct Walk {
    const Lexicon *l;
    Arena *arena;
    uint64_t ascii[128]; /* bit j + 1: the query's letter j is this one */
    int32_t letters[LETTERS_MAX];
    int count;
    bool is_ascii, prefix;
    int max, more;  /* errors to give in the present part of the trie; to add to what is found */
    uint64_t whole; /* the bit that says that all of the query is read */
    uint64_t valid; /* it and all below */
    int64_t budget;
    uint32_t stopped; /* the budget ended before this word */
    FuzzyRange *ranges;
    ptrdiff_t found, cap;
} Walk;

static uint64_t letter_mask(const Walk *w, int32_t letter) {
    if (letter < 128) return w->ascii[letter];
    if (w->is_ascii) return 0;
    uint64_t mask = 0;
    for (int i = 0; i < w->count; i++)
        if (w->letters[i] == letter) mask |= (uint64_t)2 << i;
    return mask;
}

static inline Reading letter_read(const Reading *r, uint64_t mask, uint64_t valid) {
    Reading now;
    now.read[0] = (r->read[0] << 1) & mask;
    for (int d = 1; d <= TYPOS_MAX; d++) {
        uint64_t before = r->read[d - 1];
        now.read[d] = ((r->read[d] << 1) & mask)               /* right */
                      | before | before << 1                   /* one too many; a wrong one */
                      | now.read[d - 1] | now.read[d - 1] << 1 /* one missing */
                      | ((r->swap[d - 1] << 1) & mask) << 1;   /* two swapped */
        now.read[d] &= valid;
        now.swap[d - 1] = before & (mask >> 2);
    }
    return now;
}

/* The least errors with which the whole query is read; TYPOS_MAX + 1: it is not. */
static inline int errors_of(const Walk *w, const Reading *r) {
    int errors = 0;
    while (errors <= TYPOS_MAX && !(r->read[errors] & w->whole)) errors++;
    return errors;
}

static void range_add(Walk *w, uint32_t from, uint32_t to, int errors) {
    uint8_t typos = (uint8_t)(errors + w->more);
    FuzzyRange *last = w->found ? &w->ranges[w->found - 1] : NULL;
    if (last && last->to == from && last->typos == typos) {
        last->to = to;
        return;
    }
    if (w->found == w->cap) {
        ptrdiff_t cap = w->cap ? 2 * w->cap : 32, size = (ptrdiff_t)sizeof *w->ranges;
        w->ranges = arena_grow(w->arena, w->ranges, w->cap * size, cap * size);
        w->cap = cap;
    }
    w->ranges[w->found++] = (FuzzyRange){from, to, typos};
}

/* Words below the node, whose label is still to be read. best: the errors of the least beginning on
 * the way so far (prefix only). false: the budget is used up. */
static bool node_walk(Walk *w, const LexiconNode *n, Reading r, int best) {
    const LexiconNode *nodes = lexicon_nodes(w->l);
    if (w->budget-- <= 0) {
        w->stopped = n->from;
        return false;
    }
    Str label = node_label(w->l, n);
    for (ptrdiff_t at = 0; at < label.len;) {
        int length, errors;
        r = letter_read(&r, letter_mask(w, letter_at(label.data + at, &length)), w->valid);
        at += length;
        if (w->prefix && (errors = errors_of(w, &r)) < best) best = errors;
        if (best == 0) return true; /* begins with the query: not told */
        bool better = best > w->max ? r.read[w->max] != 0 : r.read[best - 1] != 0;
        if (better) continue;
        if (best <= w->max) range_add(w, n->from, n->from + n->count, best);
        return true;
    }
    int errors = w->prefix ? best : errors_of(w, &r);
    if (errors > 0 && errors <= w->max && node_is_word(nodes, n))
        range_add(w, n->from, n->from + 1, errors);
    for (uint32_t i = n->child; i < n[1].child; i++)
        if (!node_walk(w, &nodes[i], r, best)) return false;
    return true;
}

/* The whole trie, with at most `typos`. */
static bool trie_walk(Walk *w, int typos, int64_t budget) {
    const LexiconNode *nodes = lexicon_nodes(w->l);
    const Reading begin = {{1, 3, 7}, {0, 0}};
    int length;
    w->budget = budget;
    w->found = w->cap = 0;
    w->ranges = NULL;
    w->stopped = w->l->words;
    for (uint32_t i = 1; i < nodes[1].child; i++) {
        bool same = letter_at(node_label(w->l, &nodes[i]).data, &length) == w->letters[0];
        w->max = same ? typos : typos - 1;
        w->more = same ? 0 : 1;
        if (w->max > 0 && !node_walk(w, &nodes[i], begin, TYPOS_MAX + 1)) return false;
    }
    return true;
}

static bool query_take(Walk *w, Str word) {
    w->is_ascii = true;
    for (ptrdiff_t at = 0; at < word.len;) {
        int32_t letter = str_utf8_next(word, &at);
        if (w->count == LETTERS_MAX) return false;
        if (letter < 128)
            w->ascii[letter] |= (uint64_t)2 << w->count;
        else
            w->is_ascii = false;
        w->letters[w->count++] = letter;
    }
    w->whole = (uint64_t)1 << w->count;
    w->valid = w->whole | (w->whole - 1);
    return w->count > 0;
}

/* What was found up to the word where the budget ended, then what fewer typos found behind it. */
static void ranges_join(Walk *w, const FuzzyRange *before, ptrdiff_t count, uint32_t stopped) {
    const FuzzyRange *fewer = w->ranges;
    ptrdiff_t fewer_count = w->found;
    w->ranges = NULL;
    w->found = w->cap = 0;
    w->more = 0;
    for (ptrdiff_t i = 0; i < count; i++)
        range_add(w, before[i].from, before[i].to, before[i].typos);
    for (ptrdiff_t i = 0; i < fewer_count; i++) {
        uint32_t from = fewer[i].from < stopped ? stopped : fewer[i].from;
        if (from < fewer[i].to) range_add(w, from, fewer[i].to, fewer[i].typos);
    }
}

FuzzyRange *lexicon_fuzzy(const Lexicon *l, Arena *arena, Str word, int max_typos, bool prefix,
                          int64_t budget, ptrdiff_t *count, bool *complete) {
    Walk w = {.l = l, .arena = arena, .prefix = prefix};
    assert(max_typos <= TYPOS_MAX);
    *count = 0;
    *complete = true;
    if (max_typos < 1 || !query_take(&w, word)) return NULL;
    *complete = trie_walk(&w, max_typos, budget);
    if (!*complete && max_typos > 1) {
        const FuzzyRange *before = w.ranges;
        ptrdiff_t before_count = w.found;
        uint32_t stopped = w.stopped;
        trie_walk(&w, max_typos - 1, budget);
        ranges_join(&w, before, before_count, stopped);
    }
    *count = w.found;
    return w.ranges;
}

/* SPDX-License-Identifier: Apache-2.0
 * Words that fit a pattern with * and ?: the trie is walked with the set of places of the pattern
 * that can be reached. Where a * ends the pattern, all below fits. */
#include "search/lexicon_room.h"

enum { SET_WORDS = (WORD_MAX + 64) / 64 };

/* Bit i: the first i letters of the pattern are behind us. */
typedef struct Places {
    uint64_t set[SET_WORDS];
} Places;

typedef struct Glob {
    const Lexicon *l;
    Arena *arena;
    int32_t letters[WORD_MAX];
    int count;
    int64_t budget;
    WordRange *ranges;
    ptrdiff_t found, cap;
} Glob;

static bool place_has(const Places *p, int i) { return p->set[i / 64] >> (i % 64) & 1; }

/* A * may stand for nothing: what is behind it is reached with it. */
static void place_add(const Glob *g, Places *p, int i) {
    p->set[i / 64] |= (uint64_t)1 << (i % 64);
    while (i < g->count && g->letters[i] == '*') {
        i++;
        p->set[i / 64] |= (uint64_t)1 << (i % 64);
    }
}

/* false: nothing can be reached. */
static bool glob_read(const Glob *g, const Places *p, int32_t letter, Places *out) {
    bool any = false;
    *out = (Places){{0}};
    for (int block = 0; block < SET_WORDS; block++)
        for (uint64_t left = p->set[block]; left; left &= left - 1) {
            int i = block * 64 + __builtin_ctzll(left);
            if (i == g->count) continue;
            bool star = g->letters[i] == '*';
            if (!star && g->letters[i] != '?' && g->letters[i] != letter) continue;
            place_add(g, out, star ? i : i + 1);
            any = true;
        }
    return any;
}

static void range_add(Glob *g, uint32_t from, uint32_t to) {
    if (g->found && g->ranges[g->found - 1].to == from) {
        g->ranges[g->found - 1].to = to;
        return;
    }
    if (g->found == g->cap) {
        ptrdiff_t cap = g->cap ? 2 * g->cap : 32, size = (ptrdiff_t)sizeof *g->ranges;
        g->ranges = arena_grow(g->arena, g->ranges, g->cap * size, cap * size);
        g->cap = cap;
    }
    g->ranges[g->found++] = (WordRange){from, to};
}

static bool node_walk(Glob *g, const LexiconNode *n, Places p) {
    const LexiconNode *nodes = lexicon_nodes(g->l);
    if (g->budget-- <= 0) return false;
    Str label = node_label(g->l, n);
    for (ptrdiff_t at = 0; at < label.len;) {
        int length;
        Places next;
        if (!glob_read(g, &p, letter_at(label.data + at, &length), &next)) return true;
        p = next;
        at += length;
    }
    bool fits = place_has(&p, g->count);
    if (fits && g->letters[g->count - 1] == '*') {
        range_add(g, n->from, n->from + n->count);
        return true;
    }
    if (fits && node_is_word(nodes, n)) range_add(g, n->from, n->from + 1);
    for (uint32_t i = n->child; i < n[1].child; i++)
        if (!node_walk(g, &nodes[i], p)) return false;
    return true;
}

WordRange *lexicon_glob(const Lexicon *l, Arena *arena, Str glob, int64_t *budget,
                        ptrdiff_t *count, bool *complete) {
    Glob g = {.l = l, .arena = arena, .budget = *budget};
    Places p = {{0}};
    *count = 0;
    *complete = true;
    for (ptrdiff_t at = 0; at < glob.len;) {
        int32_t letter = str_utf8_next(glob, &at);
        if (letter == '*' && g.count && g.letters[g.count - 1] == '*') continue;
        if (g.count == WORD_MAX) return NULL; /* longer than any word, but for a * or two */
        g.letters[g.count++] = letter;
    }
    if (g.count == 0 || l->words == 0) return NULL;
    place_add(&g, &p, 0);
    *complete = node_walk(&g, lexicon_nodes(l), p);
    *budget = max_i64(g.budget, 0);
    *count = g.found;
    return g.ranges;
}

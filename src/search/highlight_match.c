/* SPDX-License-Identifier: Apache-2.0
 * Which words of a text match a query. The rules are those of rank.h, by the text alone: equal, the
 * beginning of a word being typed, a shared stem, a pattern, typing errors, phrases, words of the
 * query written in one, a word of the query written in two. What only an index can know is left
 * out: a text does not say which field it is, so that a term which may stand in any field but
 * SEARCH_EXACT ones is read with typing errors. */
#include <xxhash.h>

#include "search/glyph.h"
#include "search/highlight_room.h"

enum { STEMS = 2, SEEN = 256, SEEN_BYTES = 22 };

typedef struct Stems {
    char bytes[2 * WORD_MAX];
    Str stem[STEMS];
    bool made;
} Stems;

/* What one word of the text may match: a term, or two or three neighbouring ones written in one. */
typedef struct Pattern {
    Str word;
    int letters, max_typos;
    uint64_t signature;
    bool prefix, glob, parted; /* parted: words written apart may match */
    ptrdiff_t seams[2];        /* where the words of the query meet in it; 0: none */
    uint64_t terms;
    Stems *stems; /* NULL: stems do not count */
} Pattern;

/* What a word of a text was found to be: most words of a page come more than once. */
typedef struct Seen {
    char text[SEEN_BYTES];
    uint8_t len, fit; /* len 0: free */
    uint64_t terms;
} Seen;

/* A query as highlighting reads it, made once for all texts. */
struct QueryPatterns {
    Pattern *items;
    int count;
    uint64_t counted; /* terms that are not under NOT */
    Seen seen[SEEN];
};

typedef struct Finder {
    Arena *arena;
    const SearchQuery *query;
    QueryPatterns *patterns;
    Str text;
    Words words;
    uint32_t *unit_of; /* of each word */
    Hits hits;
} Finder;

/* -- The query ----------------------------------------------------------------------------------- */

/* Terms under NOT an odd number of times do not count. Depth: at most QUERY_DEPTH. */
static uint64_t terms_counted(const QueryNode *n, bool negated) {
    if (!n) return 0;
    if (n->kind == NODE_TERM) return negated || n->term < 0 ? 0 : (uint64_t)1 << n->term;
    if (n->kind == NODE_NOT) return terms_counted(n->left, !negated);
    return terms_counted(n->left, negated) | terms_counted(n->right, negated);
}

static bool is_loose(const SearchDef *def, uint32_t fields) {
    for (int i = 0; i < def->field_count; i++)
        if (fields >> i & 1 && !(def->fields[i].use & SEARCH_EXACT)) return true;
    return false;
}

static void stems_make(Str word, Stems *s) {
    int second, first = word_stem(word, s->bytes, &second);
    s->stem[0] = str_of(s->bytes, first);
    s->stem[1] = second ? str_of(s->bytes + first, second) : s->stem[0];
    s->made = true;
}

/* Which ASCII letters are in a word. Every one that the other word lacks is a typing error. */
static uint64_t signature_of(Str word) {
    uint64_t bits = 0;
    for (ptrdiff_t i = 0; i < word.len; i++)
        if ((uint8_t)word.data[i] < 0x80) bits |= (uint64_t)1 << (word.data[i] & 63);
    return bits;
}

static Pattern *pattern_add(QueryPatterns *all, Str word, uint64_t terms) {
    Pattern *p = &all->items[all->count++];
    *p = (Pattern){.word = word, .letters = word_letters(word), .terms = terms};
    p->signature = signature_of(word);
    return p;
}

static void term_take(QueryPatterns *all, Arena *arena, const SearchQuery *q, int at) {
    const Term *t = &q->terms[at];
    Pattern *p = pattern_add(all, t->words[0], (uint64_t)1 << at);
    bool loose = is_loose(q->def, t->fields);
    p->glob = t->glob;
    p->prefix = t->prefix;
    if (t->glob) return;
    p->max_typos = loose ? t->max_typos : 0;
    p->parted = q->def->tuning.one_typo_from >= 0;
    if (q->def->tuning.stem) p->stems = arena_new_of(arena, Stems);
}

/* The two or three terms from `at` on as one word. */
static void joined_take(QueryPatterns *all, Arena *arena, const SearchQuery *q, int at, int count) {
    const Term *t = &q->terms[at];
    const SearchTuning *tuning = &q->def->tuning;
    Buf word = buf_new(arena, 64);
    ptrdiff_t seams[2] = {0, 0};
    uint32_t fields = UINT32_MAX;
    for (int i = 0; i < count; i++) {
        if (t[i].phrase || t[i].glob) return;
        if (i > 0) seams[i - 1] = word.len;
        buf_add(&word, t[i].words[0]);
        fields &= t[i].fields;
    }
    if (word.len > WORD_MAX || fields == 0) return;
    Pattern *p = pattern_add(all, buf_str(&word), (((uint64_t)1 << count) - 1) << at);
    bool loose = is_loose(q->def, fields);
    p->max_typos = loose && count == 2 && query_typos(tuning, p->word) == 2;
    p->prefix = t[count - 1].prefix;
    p->parted = tuning->one_typo_from >= 0;
    p->seams[0] = seams[0];
    p->seams[1] = seams[1];
}

QueryPatterns *patterns_make(Arena *arena, const SearchQuery *q) {
    QueryPatterns *all = arena_new_of(arena, QueryPatterns);
    assert(q->term_count <= QUERY_TERMS);
    all->counted = q->root ? terms_counted(q->root, false) : UINT64_MAX;
    all->items = arena_array(arena, Pattern, (ptrdiff_t)3 * q->term_count);
    for (int i = 0; i < q->term_count; i++)
        if (!q->terms[i].phrase && all->counted >> i & 1) term_take(all, arena, q, i);
    if (q->root) return all;
    for (int count = 2; count <= 3; count++)
        for (int i = 0; i + count <= q->term_count; i++) joined_take(all, arena, q, i, count);
    return all;
}

/* -- One word ------------------------------------------------------------------------------------ */

/* * stands for any letters, ? for one. */
static bool glob_fits(Str glob, Str word) {
    ptrdiff_t g = 0, w = 0, star = -1, back = 0;
    while (w < word.len) {
        ptrdiff_t g_next = g, w_next = w;
        int32_t want = g < glob.len ? str_utf8_next(glob, &g_next) : -1;
        int32_t have = str_utf8_next(word, &w_next);
        if (want == '*') {
            star = g = g_next;
            back = w;
        } else if (want == '?' || want == have) {
            g = g_next;
            w = w_next;
        } else if (star >= 0) {
            str_utf8_next(word, &back);
            g = star;
            w = back;
        } else {
            return false;
        }
    }
    while (g < glob.len && glob.data[g] == '*') g++;
    return g == glob.len;
}

static bool stems_meet(const Pattern *p, Str word, Stems *s) {
    if (!p->stems) return false;
    if (!p->stems->made) stems_make(p->word, p->stems);
    if (!s->made) stems_make(word, s);
    for (int i = 0; i < STEMS; i++)
        for (int j = 0; j < STEMS; j++)
            if (str_eq(p->stems->stem[i], s->stem[j])) return true;
    return false;
}

/* The first `letters` letters of a word, in bytes. */
static ptrdiff_t letters_length(Str word, int letters) {
    ptrdiff_t at = 0;
    while (letters-- > 0 && at < word.len) str_utf8_next(word, &at);
    return at;
}

static ptrdiff_t typos_fit(const Pattern *p, Str word) {
    int max = p->max_typos;
    if (word.len < p->letters - max) return 0;
    if (__builtin_popcountll(p->signature & ~signature_of(word)) > max) return 0;
    if (word_distance(p->word, word, max, false) <= max) return word.len;
    bool begins = p->prefix && word_distance(p->word, word, max, true) <= max;
    return begins ? letters_length(word, p->letters) : 0;
}

/* How many bytes of the folded word the pattern matches; 0: it does not. A wrong first letter costs
 * two errors, and stems begin as their words do. */
static ptrdiff_t pattern_fit(const Pattern *p, Str word, Stems *s) {
    if (p->glob) return glob_fits(p->word, word) ? word.len : 0;
    if (word.data[0] == p->word.data[0]) {
        if (str_eq(p->word, word)) return word.len;
        if (p->prefix && str_starts(word, p->word)) return p->word.len;
        if (stems_meet(p, word, s)) return word.len;
        return p->max_typos > 0 ? typos_fit(p, word) : 0;
    }
    return p->max_typos > 1 ? typos_fit(p, word) : 0;
}

/* Where in the text the first `length` folded bytes of a word end, with the marks behind them. */
static uint32_t original_end(Str text, const Word *w, ptrdiff_t length) {
    ptrdiff_t at = w->from, folded = 0;
    if (length >= w->text.len) return w->to;
    while (at < w->to) {
        Glyph g;
        ptrdiff_t next = at;
        glyph_next(text, &next, &g);
        if (g.kind == EMOJI || g.kind == FLAG) return w->to;
        if (folded >= length && g.length > 0) break;
        folded += g.length;
        at = next;
    }
    return (uint32_t)min_size(at, w->to);
}

static void hit_add(Finder *f, Hit hit) {
    Hits *h = &f->hits;
    if (h->count == h->cap) {
        ptrdiff_t cap = h->cap ? 2 * h->cap : 16, size = (ptrdiff_t)sizeof *h->items;
        h->items = arena_grow(f->arena, h->items, h->cap * size, cap * size);
        h->cap = cap;
    }
    h->items[h->count++] = hit;
}

/* Which terms a word matches; *fit: how many of its bytes. */
static uint64_t word_fit(const QueryPatterns *all, Str word, ptrdiff_t *fit) {
    Stems stems;
    uint64_t terms = 0;
    *fit = 0;
    stems.made = false;
    for (int i = 0; i < all->count; i++) {
        ptrdiff_t length = pattern_fit(&all->items[i], word, &stems);
        if (length == 0) continue;
        terms |= all->items[i].terms;
        *fit = max_size(*fit, length);
    }
    return terms;
}

static uint64_t word_fit_seen(QueryPatterns *all, Str word, ptrdiff_t *fit) {
    if (word.len > SEEN_BYTES) return word_fit(all, word, fit);
    Seen *s = &all->seen[XXH3_64bits(word.data, (size_t)word.len) % SEEN];
    if (s->len != word.len || memcmp(s->text, word.data, (size_t)word.len) != 0) {
        s->terms = word_fit(all, word, fit);
        s->fit = (uint8_t)*fit;
        s->len = (uint8_t)word.len;
        memcpy(s->text, word.data, (size_t)word.len);
    }
    *fit = s->fit;
    return s->terms;
}

static void word_look(Finder *f, ptrdiff_t at) {
    const Word *w = &f->words.items[at];
    ptrdiff_t length;
    uint64_t terms = word_fit_seen(f->patterns, w->text, &length);
    if (terms == 0) return;
    uint32_t unit = f->unit_of[at], to = original_end(f->text, w, length);
    hit_add(f, (Hit){unit, unit, w->from, to, terms});
}

/* -- Several words ------------------------------------------------------------------------------- */

/* The word itself, or a camel word's part, at a position: of those from `at` on; -1: none. */
static ptrdiff_t word_at(const Finder *f, ptrdiff_t at, uint32_t position, Str text) {
    for (; at < f->words.count && f->words.items[at].position <= position; at++)
        if (f->words.items[at].position == position && str_eq(f->words.items[at].text, text))
            return at;
    return -1;
}

static void phrase_look(Finder *f, int term, ptrdiff_t at) {
    const Term *t = &f->query->terms[term];
    const Word *first = &f->words.items[at];
    ptrdiff_t last = at;
    if (!str_eq(first->text, t->words[0])) return;
    uint32_t to = first->to;
    for (int i = 1; i < t->word_count; i++) {
        last = word_at(f, last, first->position + (uint32_t)t->gaps[i], t->words[i]);
        if (last < 0) return;
        to = f->words.items[last].to > to ? f->words.items[last].to : to;
    }
    hit_add(f, (Hit){f->unit_of[at], f->unit_of[last], first->from, to, (uint64_t)1 << term});
}

/* A word and the next one that together are a word of the query (news paper). */
static void parted_look(Finder *f, const Pattern *p, ptrdiff_t at) {
    const Word *first = &f->words.items[at];
    ptrdiff_t seam = first->text.len;
    if (first->text.data[0] != p->word.data[0] || seam >= p->word.len) return;
    if (seam == p->seams[0] || seam == p->seams[1] || !str_starts(p->word, first->text)) return;
    Str rest = str_slice(p->word, seam, p->word.len);
    ptrdiff_t next = word_at(f, at + 1, first->position + 1, rest);
    if (next < 0) return;
    hit_add(
        f, (Hit){f->unit_of[at], f->unit_of[next], first->from, f->words.items[next].to, p->terms});
}

/* -- The text ------------------------------------------------------------------------------------ */

static void units_make(Finder *f) {
    const Words *w = &f->words;
    Hits *h = &f->hits;
    f->unit_of = arena_array(f->arena, uint32_t, w->count);
    h->units = arena_array(f->arena, Unit, w->count);
    uint32_t end = 0; /* of the last camel word */
    for (ptrdiff_t i = 0; i < w->count; i++) {
        const Word *word = &w->items[i];
        if (word->from >= end || h->unit_count == 0)
            h->units[h->unit_count++] = (Unit){word->from, word->to, word->position};
        else /* a part: the position of the last one counts for the gap to the next word */
            h->units[h->unit_count - 1].position = word->position;
        if (word->whole) end = word->to;
        f->unit_of[i] = (uint32_t)h->unit_count - 1;
    }
}

Hits hits_find(Arena *arena, const SearchQuery *query, Str text) {
    QueryPatterns *all = query->patterns;
    Finder f = {.arena = arena, .query = query, .patterns = all, .text = text};
    f.words.arena = arena;
    words_add(&f.words, text);
    units_make(&f);
    for (ptrdiff_t at = 0; at < f.words.count; at++) {
        for (int i = 0; i < query->term_count; i++)
            if (query->terms[i].phrase && all->counted >> i & 1) phrase_look(&f, i, at);
        for (int i = 0; i < all->count; i++)
            if (all->items[i].parted) parted_look(&f, &all->items[i], at);
        word_look(&f, at);
    }
    return f.hits;
}

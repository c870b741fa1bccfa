/* SPDX-License-Identifier: Apache-2.0
 * Saved queries against new documents: the other way round.
 *
 * Each saved query is listed under keys one of which every document that it matches must have: an
 * anchor word of it (as it is, without up to its typing errors' number of letters, by its stems, joined with
 * its neighbours). A document's words give the same kinds of keys, so that two words within k
 * edits share one (deletion neighbourhoods: Mor and Fraenkel, 1982). Whoever shares a key is asked in
 * earnest, through the engine, over a segment of just the batch. Queries without an anchor (only
 * filters, negations, wildcards, very long words) are always asked. */
#include <stdlib.h>
#include <xxhash.h>

#include "search/rank.h"

enum { NEIGHBOURHOOD_LETTERS = 24 };

typedef struct Saved {
    int64_t id;
    Arena *arena;
    SearchRequest request;
    uint64_t *keys;
    ptrdiff_t key_count;
    bool always;
    uint64_t asked; /* pass in which it was last a candidate */
} Saved;

/* Key → those listed under it. */
typedef struct Listing {
    uint64_t key;
    Saved **items; /* on the heap; NULL: slot free */
    ptrdiff_t count, cap;
} Listing;

struct SearchSaved {
    const SearchDef *def;
    Saved **items; /* sorted by id */
    ptrdiff_t count, cap;
    Listing *slots; /* open addressing, a power of two */
    ptrdiff_t slot_count, used;
    uint64_t pass;
};

/* -- Keys ---------------------------------------------------------------------------------------- */

typedef enum KeyKind { KEY_WORD, KEY_STEM } KeyKind;

typedef struct Keys {
    uint64_t *items;
    ptrdiff_t count, cap;
} Keys;

static void *grown(void *old, ptrdiff_t count, ptrdiff_t *cap, size_t size) {
    if (count < *cap) return old;
    *cap = *cap ? 2 * *cap : 16;
    void *new = realloc(old, (size_t)*cap * size);
    if (!new) abort();
    return new;
}

static void key_add(Keys *k, KeyKind kind, Str text) {
    k->items = grown(k->items, k->count, &k->cap, sizeof *k->items);
    k->items[k->count++] = XXH3_64bits_withSeed(text.data, (size_t)text.len, (XXH64_hash_t)kind);
}

/* Bytes of the code point at `at`. */
static ptrdiff_t letter_bytes(Str word, ptrdiff_t at) {
    ptrdiff_t next = at;
    str_utf8_next(word, &next);
    return next - at;
}

/* The word, and what is left of it without any `typos` letters or fewer. */
static void word_keys(Keys *k, Str word, int typos) {
    key_add(k, KEY_WORD, word);
    if (typos == 0 || word_letters(word) > NEIGHBOURHOOD_LETTERS + typos) return;
    for (ptrdiff_t i = 0, n; i < word.len; i += n) {
        char rest[WORD_MAX];
        n = letter_bytes(word, i);
        memcpy(rest, word.data, (size_t)i);
        memcpy(rest + i, word.data + i + n, (size_t)(word.len - i - n));
        word_keys(k, str_of(rest, word.len - n), typos - 1);
    }
}

static void stem_keys(Keys *k, Str word) {
    char stems[2 * WORD_MAX];
    int second, first = word_stem(word, stems, &second);
    key_add(k, KEY_STEM, str_of(stems, first));
    if (second > 0) key_add(k, KEY_STEM, str_of(stems + first, second));
}

/* `count` words written in one; too long for a word: none. */
static void joined_keys(Keys *k, const Str *words, int count, int typos) {
    char text[JOINED_WORDS * WORD_MAX];
    ptrdiff_t len = 0;
    for (int i = 0; i < count; i++) {
        memcpy(text + len, words[i].data, (size_t)words[i].len);
        len += words[i].len;
    }
    if (len <= WORD_MAX) word_keys(k, str_of(text, len), typos);
}

/* Every way in which documents can have term i: see rank.h. */
static void term_keys(Keys *k, const SearchQuery *q, int i) {
    const Term *t = &q->terms[i];
    if (t->phrase) {
        key_add(k, KEY_WORD, t->words[0]);
        return;
    }
    word_keys(k, t->words[0], t->max_typos);
    if (q->def->tuning.stem) stem_keys(k, t->words[0]);
    for (int from = i < JOINED_WORDS ? 0 : i - JOINED_WORDS + 1; from <= i; from++) {
        Str words[JOINED_WORDS];
        for (int n = 0; n < JOINED_WORDS && from + n < q->term_count; n++) {
            const Term *part = &q->terms[from + n];
            if (part->phrase || part->glob) break;
            words[n] = part->words[0];
            if (n > 0 && from + n >= i) joined_keys(k, words, n + 1, n == 1);
        }
    }
}

/* -- Anchors ------------------------------------------------------------------------------------- */

/* How well a term serves: longer ones are rarer; 0: not at all. */
static int anchor_worth(const Term *t) {
    int letters = word_letters(t->words[0]);
    return t->glob || letters > NEIGHBOURHOOD_LETTERS ? 0 : letters;
}

typedef struct Anchors {
    int terms[QUERY_TERMS];
    int count, worth; /* worth of the worst; 0: not every match has one of them */
} Anchors;

static Anchors anchor_of(const SearchQuery *q, int term) {
    return (Anchors){.terms = {term}, .count = 1, .worth = anchor_worth(&q->terms[term])};
}

static Anchors anchors_both(const Anchors *x, const Anchors *y) {
    Anchors all = *x;
    all.worth = x->worth < y->worth ? x->worth : y->worth;
    for (int i = 0; i < y->count && all.count < QUERY_TERMS; i++)
        all.terms[all.count++] = y->terms[i];
    return all;
}

static Anchors anchors_of(const SearchQuery *q, const QueryNode *n) {
    if (n->kind == NODE_TERM) return anchor_of(q, n->term);
    if (n->kind != NODE_AND && n->kind != NODE_OR && n->kind != NODE_NEAR) return (Anchors){0};
    Anchors left = anchors_of(q, n->left), right = anchors_of(q, n->right);
    if (n->kind == NODE_OR) return anchors_both(&left, &right);
    return left.worth >= right.worth ? left : right;
}

/* Plain queries need every term (SEARCH_ALL): the best will do. */
static Anchors anchors_plain(const SearchQuery *q) {
    Anchors best = {0};
    for (int i = 0; i < q->term_count; i++) {
        Anchors one = anchor_of(q, i);
        if (one.worth > best.worth) best = one;
    }
    return best;
}

/* -- The listing --------------------------------------------------------------------------------- */

static Listing *listing_slot(const SearchSaved *s, uint64_t key) {
    if (s->slot_count == 0) return NULL;
    ptrdiff_t mask = s->slot_count - 1, i = (ptrdiff_t)(key & (uint64_t)mask);
    while (s->slots[i].items && s->slots[i].key != key) i = (i + 1) & mask;
    return &s->slots[i];
}

static void listing_grow(SearchSaved *s) {
    SearchSaved old = *s;
    s->slot_count = old.slot_count ? 2 * old.slot_count : 256;
    s->slots = calloc((size_t)s->slot_count, sizeof *s->slots);
    if (!s->slots) abort();
    s->used = 0;
    for (ptrdiff_t i = 0; i < old.slot_count; i++) {
        if (old.slots[i].count > 0) {
            *listing_slot(s, old.slots[i].key) = old.slots[i];
            s->used++;
        } else {
            free(old.slots[i].items);
        }
    }
    free(old.slots);
}

static void list_under(SearchSaved *s, Saved *saved, uint64_t key) {
    if (2 * (s->used + 1) > s->slot_count) listing_grow(s);
    Listing *l = listing_slot(s, key);
    if (!l->items) s->used++;
    if (l->count > 0 && l->items[l->count - 1] == saved) return;
    l->key = key;
    l->items = grown(l->items, l->count, &l->cap, sizeof(Saved *));
    l->items[l->count++] = saved;
}

static void unlist(SearchSaved *s, Saved *saved, uint64_t key) {
    Listing *l = listing_slot(s, key);
    ptrdiff_t kept = 0;
    for (ptrdiff_t i = 0; i < l->count; i++)
        if (l->items[i] != saved) l->items[kept++] = l->items[i];
    l->count = kept;
}

/* -- Keeping ------------------------------------------------------------------------------------- */

SearchSaved *search_saved_new(const SearchDef *def) {
    SearchSaved *s = calloc(1, sizeof *s);
    if (!s) abort();
    s->def = def;
    return s;
}

static void saved_free(Saved *saved) {
    free(saved->keys);
    arena_free(saved->arena);
    free(saved);
}

void search_saved_free(SearchSaved *s) {
    if (!s) return;
    for (ptrdiff_t i = 0; i < s->count; i++) saved_free(s->items[i]);
    for (ptrdiff_t i = 0; i < s->slot_count; i++) free(s->slots[i].items);
    free(s->slots);
    free(s->items);
    free(s);
}

/* Place of the first item whose id is not less. */
static ptrdiff_t saved_place(const SearchSaved *s, int64_t id) {
    ptrdiff_t low = 0, high = s->count;
    while (low < high) {
        ptrdiff_t middle = low + (high - low) / 2;
        if (s->items[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void search_saved_drop(SearchSaved *s, int64_t id) {
    ptrdiff_t at = saved_place(s, id);
    if (at == s->count || s->items[at]->id != id) return;
    Saved *saved = s->items[at];
    for (ptrdiff_t i = 0; i < saved->key_count; i++) unlist(s, saved, saved->keys[i]);
    memmove(&s->items[at], &s->items[at + 1], (size_t)(--s->count - at) * sizeof *s->items);
    saved_free(saved);
}

static Err *request_make(Ctx *c, const SearchDef *def, Str q, Str partition, Str filter,
                         SearchRequest *out) {
    *out = SEARCH_REQUEST;
    out->q = str_copy(c->arena, q);
    out->operators = out->no_prefix = true;
    out->strategy = SEARCH_ALL;
    if (!str_is_null(partition)) out->partition = str_copy(c->arena, partition);
    return search_filter_parse(c, def, str_copy(c->arena, filter), &out->filter);
}

Err *search_saved_put(Ctx *c, SearchSaved *s, int64_t id, Str q, Str partition, Str filter) {
    SearchRequest request;
    SearchQuery *query;
    TRY(request_make(c, s->def, q, partition, filter, &request)); /* errors into c's arena */
    TRY(query_parse(c, s->def, &request, &query));
    Saved *saved = calloc(1, sizeof *saved);
    if (!saved) abort();
    saved->id = id;
    saved->arena = arena_new(MIB);
    Ctx own = *c;
    own.arena = saved->arena;
    Err *again = request_make(&own, s->def, q, partition, filter, &saved->request);
    assert(!again);
    (void)again;

    Anchors anchors = query->root ? anchors_of(query, query->root) : anchors_plain(query);
    Keys keys = {0};
    saved->always = anchors.worth == 0;
    for (int i = 0; i < anchors.count && !saved->always; i++)
        term_keys(&keys, query, anchors.terms[i]);
    saved->keys = keys.items;
    saved->key_count = keys.count;

    search_saved_drop(s, id);
    for (ptrdiff_t i = 0; i < keys.count; i++) list_under(s, saved, keys.items[i]);
    ptrdiff_t at = saved_place(s, id);
    s->items = grown(s->items, s->count, &s->cap, sizeof(Saved *));
    memmove(&s->items[at + 1], &s->items[at], (size_t)(s->count++ - at) * sizeof *s->items);
    s->items[at] = saved;
    return NULL;
}

/* -- Asking -------------------------------------------------------------------------------------- */

static void candidates_listed(SearchSaved *s, const Keys *keys) {
    for (ptrdiff_t k = 0; k < keys->count; k++) {
        Listing *l = listing_slot(s, keys->items[k]);
        for (ptrdiff_t i = 0; l && i < l->count; i++) l->items[i]->asked = s->pass;
    }
}

/* Mark those that have a key in common with a word of the text. */
static void text_candidates(SearchSaved *s, Keys *keys, const Words *words) {
    Str before = {0};
    for (ptrdiff_t i = 0; i < words->count; i++) {
        const Word *w = &words->items[i];
        keys->count = 0;
        word_keys(keys, w->text, 2);
        if (s->def->tuning.stem) stem_keys(keys, w->text);
        if (!w->whole && before.len > 0) joined_keys(keys, (Str[]){before, w->text}, 2, 0);
        if (!w->whole) before = w->text;
        candidates_listed(s, keys);
    }
}

static void candidates_mark(SearchSaved *s, const SearchDocs *docs) {
    Keys keys = {0};
    s->pass++;
    for (ptrdiff_t i = 0; i < docs->value_count; i++) {
        const DocValue *v = &docs->values[i];
        if (!(s->def->fields[v->field].use & SEARCH_FOR)) continue;
        Arena *arena =
            arena_new(MIB + 128 * v->text.len); /* a word takes less than 64 bytes a byte */
        Words words = {.arena = arena};
        words_add(&words, v->text);
        text_candidates(s, &keys, &words);
        arena_free(arena);
    }
    free(keys.items);
}

static int by_key(const void *x, const void *y) {
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return (a > b) - (a < b);
}

/* Ask one of them over the batch's segment. */
static Err *saved_ask(Ctx *c, SearchSaved *s, const View *view, const Saved *saved, Buf *matches) {
    Docset *docs;
    Defer *undo = c->defers;
    TRY(match_universe(c, s->def, view, &saved->request, &docs));
    const int64_t *keys = segment_keys(view->items[0].segment);
    int64_t *found = arena_array(c->arena, int64_t, docs[0].count);
    ptrdiff_t n = 0;
    for (DocsetWalk w = docset_walk(docs[0], 0); docset_next(&w);) found[n++] = keys[w.doc];
    if (n > 1) qsort(found, (size_t)n, sizeof *found, by_key);
    for (ptrdiff_t i = 0; i < n; i++) {
        SearchMatch m = {.saved = saved->id, .key = found[i]};
        buf_add(matches, str_of((const char *)&m, sizeof m));
    }
    ctx_undo(c, undo);
    return NULL;
}

static Err *candidates_ask(Ctx *c, SearchSaved *s, Segment *segment, Buf *matches) {
    View *view = arena_alloc(c->arena, (ptrdiff_t)(sizeof(View) + sizeof(ViewSegment)), 1);
    view->count = 1;
    view->items[0] = (ViewSegment){.segment = segment, .live = segment_docs(segment)};
    for (ptrdiff_t i = 0; i < s->count; i++)
        if (s->items[i]->always || s->items[i]->asked == s->pass)
            TRY(saved_ask(c, s, view, s->items[i], matches));
    return NULL;
}

Err *search_saved_run(Ctx *c, SearchSaved *s, const SearchDocs *docs, SearchMatch **out,
                      ptrdiff_t *count) {
    *out = NULL;
    *count = 0;
    SegmentWriter *w = segment_writer_new(s->def);
    Segment *segment = NULL;
    segment_writer_add(w, docs);
    Err *err = segment_writer_finish(c, w, (Str){0}, &segment);
    segment_writer_free(w);
    if (err || !segment) return err;
    Buf matches = buf_new(c->arena, 16 * (ptrdiff_t)sizeof(SearchMatch));
    candidates_mark(s, docs);
    err = candidates_ask(c, s, segment, &matches);
    segment_release(segment);
    *out = (SearchMatch *)(void *)matches.data;
    *count = matches.len / (ptrdiff_t)sizeof(SearchMatch);
    return err;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "reference.h"

#include <stdlib.h>

enum { EXACT, LIKE, ONE, TWO, NONE };
enum { FAR = 4, LONGEST = 3 };

typedef struct Place {
    int field, kind;
    int64_t start, end;
} Place;

typedef struct Places {
    Place *items;
    int count, cap;
} Places;

typedef struct Asked { /* one search */
    Ctx *c;
    const RefWorld *world;
    const SearchRequest *request;
    SearchQuery *query;
    uint8_t rules[12];
    int rule_count;
    int64_t frequency[QUERY_TERMS];
    Places places[QUERY_TERMS][LONGEST]; /* in the document at hand, by first term and length */
} Asked;

/* -- Documents ----------------------------------------------------------------------------------- */

static int by_text(const void *x, const void *y) {
    return str_cmp(*(const Str *)x, *(const Str *)y);
}

static void field_read(RefWorld *w, RefField *f, int field, const Str *texts, ptrdiff_t count) {
    Words words = {.arena = w->arena};
    for (ptrdiff_t i = 0; i < count; i++)
        if (w->def->fields[field].use & SEARCH_FOR) words_add(&words, texts[i]);
    f->words = arena_array(w->arena, RefWord, words.count);
    int64_t before = -1, position = -1;
    for (ptrdiff_t i = 0; i < words.count; i++) {
        position += min_i64(words.items[i].position - before, 15);
        before = words.items[i].position;
        f->words[f->word_count++] = (RefWord){words.items[i].text, position};
    }
    if (w->def->fields[field].kind != SEARCH_KEYWORD) return;
    f->folded = arena_array(w->arena, Str, count);
    for (ptrdiff_t i = 0; i < count; i++) f->folded[i] = text_fold(w->arena, texts[i]);
    f->value_count = count;
    if (count > 1) qsort(f->folded, (size_t)count, sizeof(Str), by_text);
}

void ref_add(RefWorld *w, const SearchDocs *docs, ptrdiff_t at) {
    const DocEntry *e = &docs->entries[at];
    if (w->count == w->cap) {
        ptrdiff_t cap = w->cap ? 2 * w->cap : 64, size = (ptrdiff_t)sizeof(RefDoc);
        w->docs = arena_grow(w->arena, w->docs, w->cap * size, cap * size);
        w->cap = cap;
    }
    RefDoc *doc = &w->docs[w->count++];
    *doc = (RefDoc){.key = e->key};
    for (int f = 0; f < w->def->field_count; f++) {
        Str *texts = arena_array(w->arena, Str, e->count);
        ptrdiff_t n = 0;
        doc->fields[f].number = NO_NUMBER;
        for (ptrdiff_t i = e->first; i < e->first + e->count; i++) {
            if (docs->values[i].field != f) continue;
            if (docs->values[i].text.len > 0) texts[n++] = docs->values[i].text;
            doc->fields[f].number = docs->values[i].number;
        }
        SearchKind kind = w->def->fields[f].kind;
        if (kind == SEARCH_TEXT || kind == SEARCH_KEYWORD)
            field_read(w, &doc->fields[f], f, texts, n);
    }
}

/* -- Filters ------------------------------------------------------------------------------------- */

static bool passes(const RefDoc *doc, const SearchFilter *f) {
    if (!f) return true;
    const RefField *field = &doc->fields[f->field];
    switch (f->kind) {
    case FILTER_AND: return passes(doc, f->left) && passes(doc, f->right);
    case FILTER_OR: return passes(doc, f->left) || passes(doc, f->right);
    case FILTER_NOT: return !passes(doc, f->left);
    case FILTER_RANGE:
        return field->number != NO_NUMBER && field->number >= f->low &&
               (f->high == INT64_MAX || field->number < f->high);
    case FILTER_EXISTS:
        return field->number != NO_NUMBER || field->word_count > 0 || field->value_count > 0;
    case FILTER_NONE: return false;
    default: break;
    }
    for (ptrdiff_t i = 0; i < field->value_count; i++) {
        Str v = field->folded[i];
        if (f->kind == FILTER_IS && str_eq(v, f->text)) return true;
        if (f->kind == FILTER_STARTS && str_starts(v, f->text)) return true;
        if (f->kind == FILTER_CONTAINS && str_find(v, f->text) >= 0) return true;
    }
    return false;
}

/* -- Places -------------------------------------------------------------------------------------- */

static void place_add(Arena *a, Places *p, Place place) {
    if (p->count == p->cap) {
        int cap = p->cap ? 2 * p->cap : 16;
        p->items = arena_grow(a, p->items, p->cap * (ptrdiff_t)sizeof(Place),
                              cap * (ptrdiff_t)sizeof(Place));
        p->cap = cap;
    }
    p->items[p->count++] = place;
}

static bool share_stem(Str x, Str y) {
    char a[2 * WORD_MAX], b[2 * WORD_MAX];
    int a2, b2, a1 = word_stem(x, a, &a2), b1 = word_stem(y, b, &b2);
    Str xs[] = {str_of(a, a1), str_of(a + a1, a2)}, ys[] = {str_of(b, b1), str_of(b + b1, b2)};
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            if (xs[i].len > 0 && str_eq(xs[i], ys[j])) return true;
    return false;
}

/* * any run, ? one letter. */
static bool glob_fits(Str glob, Str word) {
    if (glob.len == 0) return word.len == 0;
    if (glob.data[0] == '*')
        return glob_fits(str_slice(glob, 1, glob.len), word) ||
               (word.len > 0 && glob_fits(glob, str_slice(word, 1, word.len)));
    if (word.len == 0) return false;
    ptrdiff_t n = 1;
    if (glob.data[0] == '?') {
        n = 0;
        str_utf8_next(word, &n);
    } else if (glob.data[0] != word.data[0])
        return false;
    return glob_fits(str_slice(glob, 1, glob.len), str_slice(word, n, word.len));
}

static int kind_of(const Asked *q, const Term *t, Str asked, int terms, int typos, Str word,
                   int field) {
    bool exact_field = q->world->def->fields[field].use & SEARCH_EXACT;
    if (t->glob) return glob_fits(asked, word) ? LIKE : NONE;
    if (str_eq(asked, word)) return terms > 1 ? ONE : EXACT;
    if (t->prefix && str_starts(word, asked)) return terms > 1 ? ONE : LIKE;
    if (q->world->def->tuning.stem && terms == 1 && share_stem(asked, word)) return LIKE;
    if (typos == 0 || exact_field) return NONE;
    int d = word_distance(asked, word, typos, t->prefix);
    if (d > typos) return NONE;
    return terms > 1 ? TWO : d == 1 ? ONE : TWO;
}

static int typos_of(const SearchTuning *t, Str word) {
    int letters = word_letters(word), one = t->one_typo_from ? t->one_typo_from : 5;
    int two = t->two_typos_from ? t->two_typos_from : 9;
    for (const char *const *w = t->exact_words; w && *w; w++)
        if (str_eq(str_c(*w), word)) return 0;
    if (two > 0 && letters >= two) return 2;
    return one > 0 && letters >= one ? 1 : 0;
}

static void phrase_places(Asked *q, const RefDoc *doc, const Term *t, Places *out) {
    for (int f = 0; f < q->world->def->field_count; f++) {
        const RefField *field = &doc->fields[f];
        for (ptrdiff_t i = 0; i < field->word_count && t->fields >> f & 1; i++) {
            if (!str_eq(field->words[i].text, t->words[0])) continue;
            int found = 1;
            for (int n = 1; n < t->word_count; n++) {
                bool here = false;
                for (ptrdiff_t j = 0; j < field->word_count; j++)
                    here |= str_eq(field->words[j].text, t->words[n]) &&
                            field->words[j].position == field->words[i].position + t->gaps[n];
                found += here;
            }
            int64_t start = field->words[i].position;
            if (found == t->word_count)
                place_add(q->c->arena, out,
                          (Place){f, EXACT, start, start + t->gaps[t->word_count - 1]});
        }
    }
}

static void split_places(Asked *q, const RefField *field, int f, Str asked, int terms,
                         const ptrdiff_t *seams, Places *out) {
    for (ptrdiff_t i = 0; i < field->word_count; i++)
        for (ptrdiff_t j = 0; j < field->word_count; j++) {
            Str x = field->words[i].text, y = field->words[j].text;
            if (field->words[j].position != field->words[i].position + 1) continue;
            if (x.len + y.len != asked.len || !str_starts(asked, x) || !str_ends(asked, y))
                continue;
            bool seam = false;
            for (int n = 1; n < terms; n++) seam |= seams[n] == x.len;
            if (seam) continue;
            place_add(q->c->arena, out,
                      (Place){f, terms > 1 ? TWO : ONE, field->words[i].position,
                              field->words[j].position});
        }
}

/* Where the terms [first, first + terms) match as one part. */
static void part_places(Asked *q, const RefDoc *doc, int first, int terms, Places *out) {
    const Term *t = &q->query->terms[first], *last = t + terms - 1;
    Str asked = S("");
    ptrdiff_t seams[LONGEST] = {0};
    uint32_t fields = UINT32_MAX;
    out->count = 0;
    if (t->phrase) {
        if (terms == 1) phrase_places(q, doc, t, out);
        return;
    }
    for (int i = 0; i < terms; i++) {
        if (t[i].phrase || (terms > 1 && t[i].glob)) return;
        seams[i] = asked.len;
        asked = str_concat(q->c->arena, asked, t[i].words[0]);
        fields &= t[i].fields;
    }
    if (asked.len > WORD_MAX || (terms > 1 && q->query->root)) return;
    int typos = terms == 1   ? t->max_typos
                : terms == 2 ? typos_of(&q->world->def->tuning, asked) - 1
                             : 0;
    if (typos < 0) typos = 0;
    for (int f = 0; f < q->world->def->field_count; f++) {
        const RefField *field = &doc->fields[f];
        if (!(fields >> f & 1)) continue;
        for (ptrdiff_t i = 0; i < field->word_count; i++) {
            int kind = kind_of(q, last, asked, terms, typos, field->words[i].text, f);
            int64_t at = field->words[i].position;
            if (kind != NONE) place_add(q->c->arena, out, (Place){f, kind, at, at});
        }
        if (!last->glob) split_places(q, field, f, asked, terms, seams, out);
    }
}

/* -- Ways ---------------------------------------------------------------------------------------- */

typedef struct Step {
    const Places *places;
    int kind, terms;
    bool phrase;
} Step;

typedef struct Kept {
    int terms[QUERY_TERMS];
    int count;
} Kept;

static int distance(const Step *x, const Step *y) {
    int64_t best = FAR;
    for (int i = 0; i < x->places->count; i++)
        for (int j = 0; j < y->places->count; j++) {
            const Place *p = &x->places->items[i], *n = &y->places->items[j];
            if (p->kind != x->kind || n->kind != y->kind || p->field != n->field) continue;
            if (n->start > p->end) best = min_i64(best, n->start - p->end);
            if (p->start > n->end) best = min_i64(best, p->start - n->end + 1);
        }
    return (int)best;
}

static int bits_of(int64_t n) {
    int bits = 0;
    for (; n > 0; n /= 2) bits++;
    return bits < 15 ? bits : 15;
}

static void way_cost(Asked *q, const Step *steps, int count, RefHit *hit) {
    static const int typos[] = {0, 0, 1, 2};
    hit->typos = hit->proximity = hit->attribute = hit->position = 0;
    int loose = 0;
    for (int i = 0; i < count; i++) {
        const Step *s = &steps[i];
        int64_t field = 99, position = INT64_MAX;
        for (int n = 0; n < s->places->count; n++) {
            if (s->places->items[n].kind != s->kind) continue;
            field = min_i64(field, s->places->items[n].field);
            position = min_i64(position, s->places->items[n].start);
        }
        hit->typos += typos[s->kind];
        hit->proximity += 2 * (s->terms - 1) + (i > 0 ? distance(s - 1, s) : 0);
        hit->attribute += s->terms * (int)field;
        hit->position += s->terms * bits_of(position);
        loose += s->kind == EXACT ? 0 : s->terms;
    }
    hit->exact_words = hit->words - loose;
    int n = 0;
    for (int i = 0; i < q->rule_count; i++) {
        switch (q->rules[i]) {
        case SEARCH_BY_WORDS: hit->costs[n++] = -hit->words; break;
        case SEARCH_BY_TYPO: hit->costs[n++] = hit->typos; break;
        case SEARCH_BY_PROXIMITY: hit->costs[n++] = hit->proximity; break;
        case SEARCH_BY_ATTRIBUTE: hit->costs[n++] = hit->attribute; break;
        case SEARCH_BY_POSITION: hit->costs[n++] = hit->position; break;
        case SEARCH_BY_SORT: hit->costs[n++] = 0; break;
        default: hit->costs[n++] = -(1000 * hit->exact_field + hit->exact_words);
        }
    }
}

static int costs_cmp(const RefHit *x, const RefHit *y) {
    for (int i = 0; i < COUNT(x->costs); i++)
        if (x->costs[i] != y->costs[i]) return x->costs[i] < y->costs[i] ? -1 : 1;
    return 0;
}

/* Try every way on from kept term `at`; false: there is none. */
static bool ways_try(Asked *q, const Kept *k, int at, Step *steps, int count, RefHit *best,
                     bool any) {
    if (at == k->count) {
        RefHit hit = *best;
        memset(hit.costs, 0, sizeof hit.costs);
        way_cost(q, steps, count, &hit);
        if (!any || costs_cmp(&hit, best) < 0) *best = hit;
        return true;
    }
    for (int n = 1; n <= LONGEST && at + n <= k->count; n++) {
        if (k->terms[at + n - 1] != k->terms[at] + n - 1) break;
        const Places *p = &q->places[k->terms[at]][n - 1];
        for (int kind = EXACT; kind < NONE; kind++) {
            bool here = false;
            for (int i = 0; i < p->count; i++) here |= p->items[i].kind == kind;
            if (!here) continue;
            steps[count] = (Step){.places = p, .kind = kind, .terms = n};
            any |= ways_try(q, k, at + n, steps, count + 1, best, any);
        }
    }
    return any;
}

/* 2: a field is the kept words, 1: one begins with them. */
static int field_is(const Asked *q, const RefDoc *doc, const Kept *k) {
    int best = 0;
    for (int f = 0; f < q->world->def->field_count; f++) {
        const RefField *field = &doc->fields[f];
        bool begins = k->count > 0 && field->word_count > 0;
        int64_t position = 0, end = 0;
        for (int i = 0; i < k->count; i++) {
            const Term *t = &q->query->terms[k->terms[i]];
            for (int n = 0; n < t->word_count; n++) {
                bool here = false;
                end = position + t->gaps[n];
                for (ptrdiff_t j = 0; j < field->word_count; j++)
                    here |= field->words[j].position == end && !t->glob &&
                            str_eq(field->words[j].text, t->words[n]);
                begins &= here && (t->fields >> f & 1);
            }
            position = end + 1;
        }
        if (!begins) continue;
        int is = field->words[field->word_count - 1].position == end ? 2 : 1;
        if (is > best) best = is;
    }
    return best;
}

static int words_of(const Asked *q, const Kept *k) {
    int words = 0;
    for (int i = 0; i < k->count; i++) words += q->query->terms[k->terms[i]].word_count;
    return words;
}

static bool kept_try(Asked *q, const RefDoc *doc, const Kept *k, RefHit *hit) {
    Step steps[QUERY_TERMS];
    *hit = (RefHit){.doc = doc, .words = words_of(q, k), .exact_field = field_is(q, doc, k)};
    return ways_try(q, k, 0, steps, 0, hit, false);
}

/* -- Matching ------------------------------------------------------------------------------------ */

static bool levels_try(Asked *q, const RefDoc *doc, RefHit *hit) {
    Kept k = {.count = q->query->term_count};
    for (int i = 0; i < k.count; i++) k.terms[i] = i;
    for (;;) {
        if (kept_try(q, doc, &k, hit)) return true;
        int drop = -1;
        for (int i = 0; i < k.count; i++) {
            int t = k.terms[i], d = drop < 0 ? 0 : k.terms[drop];
            if (q->query->terms[t].phrase) continue;
            bool more = q->query->strategy != SEARCH_FREQUENCY || drop < 0 ||
                        q->frequency[t] >= q->frequency[d];
            if (more) drop = i;
        }
        if (q->query->strategy == SEARCH_ALL || k.count <= 1 || drop < 0) return false;
        for (int i = drop; i + 1 < k.count; i++) k.terms[i] = k.terms[i + 1];
        k.count--;
    }
}

static bool near_holds(const Asked *q, const QueryNode *n, const QueryNode *x, const QueryNode *y) {
    if (x->kind == NODE_OR) return near_holds(q, n, x->left, y) || near_holds(q, n, x->right, y);
    if (y->kind == NODE_OR) return near_holds(q, n, x, y->left) || near_holds(q, n, x, y->right);
    const Places *p = &q->places[x->term][0], *o = &q->places[y->term][0];
    for (int i = 0; i < p->count; i++)
        for (int j = 0; j < o->count; j++) {
            const Place *a = &p->items[i], *b = &o->items[j];
            if (a->field != b->field) continue;
            if (b->start > a->end && b->start - a->end <= n->distance) return true;
            if (a->start > b->end && a->start - b->end <= n->distance) return true;
        }
    return false;
}

static bool tree_holds(const Asked *q, const RefDoc *doc, const QueryNode *n) {
    switch (n->kind) {
    case NODE_TERM: return q->places[n->term][0].count > 0;
    case NODE_AND: return tree_holds(q, doc, n->left) && tree_holds(q, doc, n->right);
    case NODE_OR: return tree_holds(q, doc, n->left) || tree_holds(q, doc, n->right);
    case NODE_NOT: return !tree_holds(q, doc, n->left);
    case NODE_NEAR: return near_holds(q, n, n->left, n->right);
    case NODE_FILTER: return passes(doc, n->filter);
    default: return true;
    }
}

static void tree_asks(const QueryNode *n, bool *asked) {
    if (n->kind == NODE_TERM) asked[n->term] = true;
    if (n->kind == NODE_NOT) return;
    if (n->left) tree_asks(n->left, asked);
    if (n->right) tree_asks(n->right, asked);
}

static bool tree_try(Asked *q, const RefDoc *doc, RefHit *hit) {
    bool asked[QUERY_TERMS] = {0};
    Kept k = {0};
    if (!tree_holds(q, doc, q->query->root)) return false;
    tree_asks(q->query->root, asked);
    for (int i = 0; i < q->query->term_count; i++)
        if (asked[i] && q->places[i][0].count > 0) k.terms[k.count++] = i;
    kept_try(q, doc, &k, hit);
    return true;
}

static void places_find(Asked *q, const RefDoc *doc) {
    for (int i = 0; i < q->query->term_count; i++)
        for (int n = 1; n <= LONGEST; n++) {
            q->places[i][n - 1].count = 0;
            if (i + n <= q->query->term_count) part_places(q, doc, i, n, &q->places[i][n - 1]);
        }
}

static bool excluded(Asked *q, const RefDoc *doc) {
    for (int i = 0; i < q->query->minus_count; i++) {
        const Term *t = &q->query->minus[i];
        Places p = {0};
        if (!t->glob) phrase_places(q, doc, t, &p);
        for (int f = 0; f < q->world->def->field_count && t->glob; f++)
            for (ptrdiff_t n = 0; n < doc->fields[f].word_count && t->fields >> f & 1; n++)
                if (glob_fits(t->words[0], doc->fields[f].words[n].text)) return true;
        if (p.count > 0) return true;
    }
    return false;
}

static bool in_base(Asked *q, const RefDoc *doc) {
    int partition = q->world->def->partition_field;
    SearchFilter is = {.kind = FILTER_IS, .field = partition};
    if (partition >= 0) {
        is.text = text_fold(q->c->arena, q->request->partition);
        if (!passes(doc, &is)) return false;
    }
    return passes(doc, q->request->filter) && !excluded(q, doc);
}

/* -- Order --------------------------------------------------------------------------------------- */

static int sort_cmp(const SearchSort *by, const RefDoc *x, const RefDoc *y, bool keyword) {
    const RefField *a = &x->fields[by->field], *b = &y->fields[by->field];
    bool no_a = keyword ? a->value_count == 0 : a->number == NO_NUMBER;
    bool no_b = keyword ? b->value_count == 0 : b->number == NO_NUMBER;
    if (no_a || no_b) return no_a - no_b;
    int cmp = (a->number > b->number) - (a->number < b->number);
    if (keyword)
        cmp = by->descending ? str_cmp(a->folded[a->value_count - 1], b->folded[b->value_count - 1])
                             : str_cmp(a->folded[0], b->folded[0]);
    return by->descending ? -cmp : cmp;
}

static int hits_cmp(const void *x, const void *y, void *asked) {
    const RefHit *a = x, *b = y;
    const Asked *q = asked;
    const SearchDef *def = q->world->def;
    for (int i = 0; i < q->rule_count; i++) {
        if (a->costs[i] != b->costs[i]) return a->costs[i] < b->costs[i] ? -1 : 1;
        for (ptrdiff_t s = 0; q->rules[i] == SEARCH_BY_SORT && s < q->request->sort_count; s++) {
            const SearchSort *by = &q->request->sort[s];
            int cmp = sort_cmp(by, a->doc, b->doc, def->fields[by->field].kind == SEARCH_KEYWORD);
            if (cmp) return cmp;
        }
    }
    if (def->order_field < 0) return (a->doc->key > b->doc->key) - (a->doc->key < b->doc->key);
    int64_t m = a->doc->fields[def->order_field].number;
    int64_t n = b->doc->fields[def->order_field].number;
    if (m != n) return m < n ? 1 : -1;
    return (a->doc->key < b->doc->key) - (a->doc->key > b->doc->key);
}

static void rules_find(Asked *q) {
    static const uint8_t usual[] = {SEARCH_BY_WORDS,
                                    SEARCH_BY_TYPO,
                                    SEARCH_BY_PROXIMITY,
                                    SEARCH_BY_ATTRIBUTE,
                                    SEARCH_BY_SORT,
                                    SEARCH_BY_EXACTNESS,
                                    0};
    const uint8_t *rules = q->world->def->tuning.rules;
    bool words = false;
    for (int i = 0; i < SEARCH_RULES_MAX && (rules[0] ? rules[i] : usual[i]); i++) {
        uint8_t rule = rules[0] ? rules[i] : usual[i];
        if (rule != SEARCH_BY_SORT && rule != SEARCH_BY_WORDS && !words)
            q->rules[q->rule_count++] = SEARCH_BY_WORDS;
        if (rule == SEARCH_BY_WORDS && words) continue;
        words |= rule != SEARCH_BY_SORT;
        q->rules[q->rule_count++] = rule;
    }
}

Err *ref_search(Ctx *c, const RefWorld *w, const SearchRequest *request, RefHit **out,
                ptrdiff_t *count) {
    Asked *q = arena_new_of(c->arena, Asked);
    *q = (Asked){.c = c, .world = w, .request = request};
    TRY(query_parse(c, w->def, request, &q->query));
    rules_find(q);
    bool *base = arena_array(c->arena, bool, w->count);
    for (ptrdiff_t i = 0; i < w->count; i++) {
        base[i] = in_base(q, &w->docs[i]);
        if (!base[i]) continue;
        places_find(q, &w->docs[i]);
        for (int t = 0; t < q->query->term_count; t++) q->frequency[t] += q->places[t][0].count > 0;
    }
    *out = arena_array(c->arena, RefHit, w->count);
    *count = 0;
    for (ptrdiff_t i = 0; i < w->count; i++) {
        RefHit *hit = &(*out)[*count];
        const RefDoc *doc = &w->docs[i];
        if (!base[i]) continue;
        places_find(q, doc);
        *hit = (RefHit){.doc = doc};
        bool all = !q->query->root && q->query->term_count == 0;
        *count += all || (q->query->root ? tree_try(q, doc, hit) : levels_try(q, doc, hit));
    }
    if (*count > 1) qsort_r(*out, (size_t)*count, sizeof **out, hits_cmp, q);
    return NULL;
}

/* SPDX-License-Identifier: Apache-2.0
 * Ranking within a bucket. Its documents are cut by sets into tiers, each with the least key that a
 * document in it can have. A tier is told from its neighbours without a forward text where the
 * least key is every key (queries of one word); else it is read in document order, and left as
 * soon as the page is full of documents that nothing behind can displace. */
#include "search/rank.h"

enum { AHEAD = 16, NEAR_FROM = 1024, NEAR_WORDS = 2048, NEAR_PAIRS = 16, SORTED_FROM = 64 };

typedef struct Refine {
    Best *best;
    Rank *rank;
    Matcher *matcher;
    const Bucket *bucket;
    uint64_t known; /* of every key */
} Refine;

uint64_t key_known(const Rank *r, const Bucket *b) {
    if (!b->level) return 0;
    uint64_t key = key_put(r->plan.words, r->whole.words - b->level->words);
    return b->typos > 0 ? key + key_put(r->plan.typo, b->typos) : key;
}

static bool is_full(const Refine *f) { return f->best->count == f->best->most; }

/* Whether no document with this key or a worse one can come in, whatever its place. */
static bool is_closed(const Refine *f, uint64_t low) {
    const KeyPlan *k = &f->rank->plan;
    int shift = k->sorted ? k->sort_shift : 0;
    return is_full(f) && f->best->items[0].key >> shift < low >> shift;
}

static Ranked ranked_of(const Refine *f, uint32_t doc, uint64_t key) {
    return (Ranked){
        .key = key, .doc = doc, .segment = f->bucket->segment, .level = f->bucket->level};
}

/* -- Tiers --------------------------------------------------------------------------------------- */

/* Documents that have this very key. */
static void put_equal(Refine *f, Docset docs, uint64_t key) {
    if (is_closed(f, key)) return;
    bool sorted = f->rank->plan.sorted;
    if (sorted) docs = sort_top(f->rank, f->matcher, docs, f->best->most);
    for (DocsetWalk w = docset_walk(docs, 0); docset_next(&w);)
        if (!best_put(f->best, ranked_of(f, w.doc, key)) && !sorted) break;
}

/* Worst key that a document of the bucket can have: for those beyond the budget. */
static uint64_t key_worst(const Refine *f) {
    const KeyPlan *k = &f->rank->plan;
    const Bucket *b = f->bucket;
    KeyPart last = b->level ? k->words : (KeyPart){0, 0};
    if (b->level && b->typos >= 0 && k->typo_next) last = k->typo;
    return f->known | (last.bits ? ((uint64_t)1 << last.shift) - 1 : ~(uint64_t)0 >> 7);
}

static void put_beyond(Refine *f, Docset docs, uint32_t from) {
    Arena *a = f->matcher->arena;
    Docset rest = docset_and(a, docs, docset_range(a, docs.universe, from, docs.universe));
    if (rest.count == 0) return;
    f->rank->fully = false;
    put_equal(f, rest, key_worst(f));
}

/* Read documents, none of which has a key less than `low`, in document order. */
static void put_in_order(Refine *f, Docset docs, uint64_t low) {
    if (is_closed(f, low)) return;
    Matcher *m = f->matcher;
    Scorer *s = scorer_of(m);
    bool sorted = f->rank->plan.sorted;
    uint32_t ahead[AHEAD];
    DocsetWalk w = docset_walk(docs, 0);
    for (int count = AHEAD; count == AHEAD;) {
        for (count = 0; count < AHEAD && docset_next(&w); count++) {
            ahead[count] = w.doc;
            const uint32_t *at = segment_forward(m->segment, w.doc).at;
            __builtin_prefetch(at);
            __builtin_prefetch(at + 16);
        }
        for (int i = 0; i < count; i++) {
            Ranked item = ranked_of(f, ahead[i], low);
            if (is_full(f) &&
                (sorted ? is_closed(f, low) : ranked_cmp(f->rank, &f->best->items[0], &item) < 0))
                return;
            if (rank_ended(f->rank)) return;
            if (m->scans_left-- <= 0) {
                put_beyond(f, docs, ahead[i]);
                return;
            }
            item.key = score_doc(s, ahead[i], f->bucket->level);
            best_put(f->best, item);
        }
    }
}

/* The same by the request's sort where there is one: what lies behind those with the least keys
 * and the first numbers need not be read. */
static void put_scanned(Refine *f, Docset docs, uint64_t low) {
    const KeyPlan *k = &f->rank->plan;
    uint64_t most = max_i64((int64_t)f->best->most, SORTED_FROM);
    while (k->sorted && docs.count > 4 * most && !is_closed(f, low)) {
        most *= 2;
        Docset first = sort_top(f->rank, f->matcher, docs, most);
        put_in_order(f, first, low);
        docs = docset_minus(f->matcher->arena, docs, first);
        const Ranked *worst = &f->best->items[0];
        if (is_full(f) && worst->key >> k->sort_shift <= low >> k->sort_shift &&
            sort_within(f->rank, worst, f->bucket->segment, first))
            return;
    }
    put_in_order(f, docs, low);
}

/* -- One word ------------------------------------------------------------------------------------ */

static void put_by_word(Refine *f, Docset docs, Docset exact, uint64_t key) {
    Arena *a = f->matcher->arena;
    if (docs.count == 0 || is_closed(f, key)) return;
    put_equal(f, docset_and(a, docs, exact), key);
    key += key_put(f->rank->plan.exact, 1);
    if (!is_closed(f, key)) put_equal(f, docset_minus(a, docs, exact), key);
}

/* Documents with a field that is just this word. */
static Docset whole_docs(const Refine *f, uint32_t word, uint32_t fields) {
    const Segment *s = f->matcher->segment;
    Arena *a = f->matcher->arena;
    Docset all = docset_none(f->bucket->docs.universe);
    for (; fields; fields &= fields - 1) {
        int field = __builtin_ctz(fields);
        Docset first = segment_first_docs(s, a, word, (uint32_t)1 << field);
        all = docset_or(a, all, docset_and(a, first, segment_brief_docs(s, a, field)));
    }
    return all;
}

/* Documents of one field, by exactness. exact: those with the word itself there. */
static void put_exactness(Refine *f, const Part *p, const PartDocs *d, Docset docs, Docset exact,
                          uint64_t key) {
    const KeyPlan *k = &f->rank->plan;
    Arena *a = f->matcher->arena;
    if (d->exact != UINT32_MAX) {
        Docset first =
            docset_and(a, segment_first_docs(f->matcher->segment, a, d->exact, p->fields), docs);
        Docset whole = docset_and(a, whole_docs(f, d->exact, p->fields), docs);
        put_by_word(f, whole, exact, key);
        put_by_word(f, docset_minus(a, first, whole), exact, key + key_put(k->field, 1));
        docs = docset_minus(a, docs, first);
    }
    put_by_word(f, docs, exact, key + key_put(k->field, 2));
}

/* One word with `typos` errors: all that can differ are its field and its exactness. */
static void refine_word(Refine *f, int part) {
    const KeyPlan *k = &f->rank->plan;
    const Part *p = &f->rank->parts[part];
    const PartDocs *d = &f->matcher->parts[part];
    Arena *a = f->matcher->arena;
    int typos = f->bucket->typos;
    Docset left = f->bucket->docs;
    if (typos == 1 && d->split.count > 0) { /* where they stand sets do not tell */
        Docset split = docset_and(a, left, d->split);
        uint64_t low = f->known + key_put(k->field, 2) + key_put(k->exact, 1);
        put_scanned(f, split, low + key_put(k->attribute, __builtin_ctz(p->fields)));
        left = docset_minus(a, left, split);
    }
    uint32_t fields = k->attribute.bits ? p->fields : 0;
    for (int field = 0; left.count > 0; field++) {
        uint64_t key = f->known;
        Docset docs = left, exact = left;
        uint32_t here = fields ? fields & -fields : p->fields; /* the next one, or all at once */
        fields &= fields - 1;
        if (k->attribute.bits) key += key_put(k->attribute, __builtin_ctz(here));
        if (is_closed(f, key)) return;
        if (typos == 0) {
            exact = docs_of_kind(f->matcher, d, KIND_EXACT, here);
            if (fields)
                docs = docset_and(
                    a, left, docset_or(a, exact, docs_of_kind(f->matcher, d, KIND_LIKE, here)));
        } else if (fields)
            docs = docset_and(a, left, docs_of_kind(f->matcher, d, KIND_LIKE + typos, here));
        left = docset_minus(a, left, docs);
        if (k->sorted)
            put_scanned(f, sort_top(f->rank, f->matcher, docs, f->best->most), key);
        else if (typos > 0)
            put_equal(f, docs, key + key_put(k->field, 2) + key_put(k->exact, 1));
        else if (k->field.bits)
            put_exactness(f, p, d, docs, exact, key);
        else
            put_equal(f, docs, key);
    }
}

/* Whether the rules' order is one that refine_word knows. */
static bool word_refines(const Refine *f) {
    const KeyPlan *k = &f->rank->plan;
    const Bucket *b = f->bucket;
    if (!b->level || b->level->count != 1) return false;
    if (f->rank->query->terms[b->level->kept[0]].phrase) return false;
    if (k->position.bits || (k->typo.bits && b->typos < 0) || b->typos < 0) return false;
    if (k->sorted && k->attribute.bits && k->attribute.shift < k->sort_shift) return false;
    if (k->sorted && k->field.bits && k->exact.shift >= k->sort_shift) return false;
    return !k->attribute.bits || !k->field.bits || k->attribute.shift > k->field.shift;
}

/* -- Several words ------------------------------------------------------------------------------- */

/* The least cost of proximity and attribute for several terms. */
static uint64_t key_least(const Refine *f) {
    const KeyPlan *k = &f->rank->plan;
    const Level *l = f->bucket->level;
    uint64_t key = f->known + key_put(k->proximity, l->count - 1);
    for (int i = 0; i < l->count; i++) {
        uint32_t fields = f->rank->query->terms[l->kept[i]].fields;
        if (fields) key += key_put(k->attribute, __builtin_ctz(fields));
    }
    return key;
}

/* Documents of `docs` with every kept term as written. */
static Docset exact_docs(const Refine *f, Docset docs) {
    const Level *l = f->bucket->level;
    for (int i = 0; i < l->count && docs.count > 0; i++) {
        const PartDocs *d = &f->matcher->parts[f->rank->starting[l->kept[i]][0]];
        docs = docset_and(f->matcher->arena, docs, d->kinds[KIND_EXACT]);
    }
    return docs;
}

/* A document's field can begin with the kept words only in these. */
static Docset beginning_docs(const Refine *f, Docset exact) {
    const Level *l = f->bucket->level;
    Arena *a = f->matcher->arena;
    uint32_t before = UINT32_MAX;
    for (int i = 0; i < l->count && exact.count > 0; i++) {
        const Term *t = &f->rank->query->terms[l->kept[i]];
        const PartDocs *d = &f->matcher->parts[f->rank->starting[l->kept[i]][0]];
        uint32_t word = t->phrase ? (d->phrase ? d->phrase[0] : UINT32_MAX) : d->exact;
        if (word == UINT32_MAX) return docset_none(exact.universe);
        Docset docs;
        const Segment *s = f->matcher->segment;
        if (i == 0)
            exact = docset_and(a, exact, segment_first_docs(s, a, word, t->fields));
        else if (before != UINT32_MAX && segment_pair_docs(s, a, before, word, t->fields, &docs))
            exact = docset_and(a, exact, docs);
        before = t->phrase ? UINT32_MAX : word;
    }
    return exact;
}

/* Words of a term without typing errors: those that have pairs kept, and the documents of
 * others. */
typedef struct Class {
    uint32_t frequent[NEAR_PAIRS];
    int count;
    Docset others;
} Class;

/* false: there are too many. */
static bool class_make(const Refine *f, const PartDocs *d, uint32_t fields, Class *out) {
    const Matcher *m = f->matcher;
    const Segment *s = m->segment;
    DocsetMaker others = docset_maker(m->arena, m->base.universe);
    out->count = 0;
    for (int i = d->fit_from; i < d->fit_to; i++) {
        const Fit *fit = &m->fits[i];
        if (fit->kind > KIND_LIKE) continue;
        if (fit->to - fit->from > NEAR_WORDS) return false;
        for (uint32_t word = fit->from; word < fit->to; word++) {
            if (segment_word_count(s, word) > PAIR_DOCS) {
                if (out->count == NEAR_PAIRS) return false;
                out->frequent[out->count++] = word;
                continue;
            }
            ArenaMark mark = arena_mark(m->arena);
            docset_put_all(&others, segment_word_docs(s, m->arena, word, fields));
            arena_release(m->arena, mark);
        }
    }
    out->others = docset_made(m->arena, &others);
    return true;
}

/* Of docs those where a word of one class may stand directly before one of the other; false: it
 * cannot be said cheaply. */
static bool docs_near(const Refine *f, const Class *x, const Class *y, uint32_t fields,
                      Docset *docs) {
    Arena *a = f->matcher->arena;
    Docset sets[NEAR_PAIRS + 2];
    int n = 0;
    if (x->count * y->count == 0 || x->count * y->count > NEAR_PAIRS) return false;
    for (int i = 0; i < x->count; i++)
        for (int j = 0; j < y->count; j++)
            if (!segment_pair_docs(f->matcher->segment, a, x->frequent[i], y->frequent[j], fields,
                                   &sets[n++]))
                return false;
    sets[n++] = x->others;
    sets[n++] = y->others;
    *docs = docset_and(a, *docs, docset_or_many(a, docs->universe, sets, n));
    return true;
}

/* Of the bucket's documents those whose proximity may be the least of all. */
static Docset near_docs(const Refine *f) {
    const Level *l = f->bucket->level;
    Docset all = f->bucket->docs, docs = all;
    Class *classes = arena_array(f->matcher->arena, Class, l->count);
    if (!f->rank->plan.proximity.bits || all.count < NEAR_FROM) return all;
    for (int i = 0; i < l->count; i++) {
        const Term *t = &f->rank->query->terms[l->kept[i]];
        const PartDocs *d = &f->matcher->parts[f->rank->starting[l->kept[i]][0]];
        if (t->phrase || t->glob || !class_make(f, d, t->fields, &classes[i])) return all;
        if (i > 0 && !docs_near(f, &classes[i - 1], &classes[i], t->fields, &docs)) return all;
    }
    return docs;
}

static void refine_exactness(Refine *f, Docset docs, uint64_t low) {
    const KeyPlan *k = &f->rank->plan;
    Arena *a = f->matcher->arena;
    if (is_closed(f, low)) return;
    Docset exact = exact_docs(f, docs), begin = beginning_docs(f, exact);
    put_scanned(f, begin, low);
    low += key_put(k->field, 2);
    if (is_closed(f, low)) return;
    put_scanned(f, docset_minus(a, exact, begin), low);
    low += key_put(k->exact, 1);
    if (!is_closed(f, low)) put_scanned(f, docset_minus(a, docs, exact), low);
}

static void refine_words(Refine *f) {
    const KeyPlan *k = &f->rank->plan;
    Docset docs = f->bucket->docs;
    uint64_t low = key_least(f);
    if (!k->field.bits || f->bucket->typos != 0 || docs.count < 2 * AHEAD) {
        if (f->bucket->typos > 0) low += key_put(k->field, 2) + key_put(k->exact, 1);
        put_scanned(f, docs, low);
        return;
    }
    Docset near = near_docs(f);
    refine_exactness(f, near, low);
    low += key_put(k->proximity, 1);
    if (near.count < docs.count && !is_closed(f, low))
        refine_exactness(f, docset_minus(f->matcher->arena, docs, near), low);
}

/* -- Both ---------------------------------------------------------------------------------------- */

/* Whether the documents' keys can differ. */
static bool key_varies(const Rank *r, const Bucket *b) {
    const KeyPlan *k = &r->plan;
    if (r->whole.count == 0) return false;
    if (!b->level) return true;
    if (b->level->count == 0) return false;
    if (k->typo.bits && b->typos < 0) return true;
    if (k->proximity.bits && b->level->count > 1) return true;
    return k->attribute.bits || k->position.bits || k->field.bits;
}

void bucket_refine(Best *best, const Bucket *b) {
    Refine f = {.best = best, .rank = best->rank, .bucket = b};
    Docset docs = b->docs;
    const KeyPlan *k = &best->rank->plan;
    f.matcher = &best->rank->matchers[b->segment];
    f.known = key_known(best->rank, b);
    if (k->sorted && k->sort_first) {
        docs = sort_top(best->rank, f.matcher, docs, best->most);
        if (key_varies(best->rank, b) && k->text_after_sort)
            put_scanned(&f, docs, f.known);
        else
            put_equal(&f, docs, f.known);
    } else if (!key_varies(best->rank, b))
        put_equal(&f, docs, f.known);
    else if (word_refines(&f))
        refine_word(&f, best->rank->starting[b->level->kept[0]][0]);
    else if (b->level && b->level->count > 0)
        refine_words(&f);
    else
        put_scanned(&f, docs, f.known);
}

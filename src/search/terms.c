/* SPDX-License-Identifier: Apache-2.0
 * The parts of a query, and what fits them in one segment: words as ranges of ids with their kinds,
 * and the documents of each kind. See rank.h. */
#include "search/keep.h"

#include <stdlib.h>

/* -- Parts ------------------------------------------------------------------------------------- */

static bool joins(const Term *t) { return !t->phrase && !t->glob; }

static uint32_t exact_fields(const SearchDef *def) {
    uint32_t mask = 0;
    for (int i = 0; i < def->field_count; i++)
        if (def->fields[i].use & SEARCH_EXACT) mask |= (uint32_t)1 << i;
    return mask;
}

/* The part of `count` words from term `first` on written in one; false: there is none. */
static bool joined_make(Rank *r, int first, int count, Part *out) {
    Buf word = buf_new(r->c->arena, 64);
    *out = (Part){.first = first, .count = count, .fields = ~(uint32_t)0};
    for (int i = 0; i < count; i++) {
        const Term *t = &r->query->terms[first + i];
        if (!joins(t)) return false;
        if (i > 0) out->seams[i - 1] = (int)word.len;
        buf_add(&word, t->words[0]);
        out->fields &= t->fields;
        out->prefix = t->prefix;
    }
    out->word = buf_str(&word);
    if (out->word.len > WORD_MAX) return false;
    int typos = count == 2 ? query_typos(&r->def->tuning, out->word) - 1 : 0;
    out->max_typos = typos > 0 ? (uint8_t)typos : 0;
    return true;
}

/* What the look-up of a part depends on. */
static Str part_key(Arena *a, const Part *p) {
    struct {
        uint32_t fields, loose_fields;
        int seams[JOINED_WORDS - 1];
        uint8_t count, prefix, max_typos, zero;
    } of = {.fields = p->fields,
            .loose_fields = p->loose_fields,
            .count = (uint8_t)p->count,
            .prefix = p->prefix,
            .max_typos = p->max_typos};
    memcpy(of.seams, p->seams, sizeof of.seams);
    Buf key = buf_new(a, (ptrdiff_t)sizeof of + p->word.len + 1);
    buf_byte(&key, 'w');
    buf_add(&key, str_of((const char *)&of, (ptrdiff_t)sizeof of));
    buf_add(&key, p->word);
    return buf_str(&key);
}

void parts_make(Rank *r) {
    const SearchQuery *q = r->query;
    uint32_t exact = exact_fields(r->def);
    r->parts = arena_array(r->c->arena, Part, PARTS_MAX);
    for (int i = 0; i < q->term_count; i++) {
        for (int n = 1; n <= JOINED_WORDS; n++) {
            Part *p = &r->parts[r->part_count];
            r->starting[i][n - 1] = -1;
            if (n == 1) {
                const Term *t = &q->terms[i];
                *p = (Part){.first = i, .count = 1, .fields = t->fields};
                if (t->phrase)
                    p->phrase = t;
                else {
                    p->word = t->words[0];
                    p->prefix = t->prefix;
                    p->glob = t->glob;
                    p->max_typos = t->max_typos;
                }
            } else if (q->root || i + n > q->term_count || !joined_make(r, i, n, p))
                continue;
            p->loose_fields = p->fields & ~exact;
            if (!p->phrase) p->key = part_key(r->c->arena, p);
            r->starting[i][n - 1] = r->part_count++;
        }
    }
}

/* -- Fits -------------------------------------------------------------------------------------- */

static void fit_add(Matcher *m, Fit fit) {
    if (fit.from >= fit.to || fit.fields == 0) return;
    if (m->fit_count == m->fit_cap) {
        int cap = m->fit_cap ? 2 * m->fit_cap : 64;
        ptrdiff_t size = (ptrdiff_t)sizeof(Fit);
        m->fits = arena_grow(m->arena, m->fits, m->fit_cap * size, cap * size);
        m->fit_cap = cap;
    }
    m->fits[m->fit_count++] = fit;
}

/* Add what of [from, to) no earlier, better fit of the part has: those from `done` on are sorted
 * and disjoint when they begin at `sorted`, which the callers see to by adding few. */
static void fit_add_new(Matcher *m, Fit fit, int done, int done_end) {
    while (fit.from < fit.to) {
        uint32_t from = fit.from, to = fit.to;
        const Fit *over = NULL; /* the first that is in the way */
        for (int i = done; i < done_end; i++) {
            const Fit *f = &m->fits[i];
            if (f->to <= from || f->from >= to) continue;
            if (!over || f->from < over->from) over = f;
        }
        if (!over) {
            fit_add(m, fit);
            return;
        }
        uint32_t next = over->to;
        Fit before = fit;
        before.to = over->from;
        if (before.from < before.to) fit_add(m, before);
        fit.from = next;
    }
}

static void fits_fuzzy(Rank *r, Matcher *m, const Part *p, Fit fit, int base) {
    int done = m->parts[fit.part].fit_from, done_end = m->fit_count;
    ptrdiff_t count;
    bool complete;
    FuzzyRange *list = lexicon_fuzzy(segment_lexicon(m->segment), m->arena, p->word, p->max_typos,
                                     p->prefix, FUZZY_BUDGET, &count, &complete);
    if (!complete) r->estimated = true;
    fit.fields = p->loose_fields;
    for (ptrdiff_t i = 0; i < count; i++) {
        fit.from = list[i].from;
        fit.to = list[i].to;
        fit.kind = (uint8_t)(KIND_LIKE + base + list[i].typos);
        fit_add_new(m, fit, done, done_end);
    }
}

static void fits_glob(Rank *r, Matcher *m, const Part *p, Fit fit) {
    ptrdiff_t count;
    bool complete;
    WordRange *list = lexicon_glob(segment_lexicon(m->segment), m->arena, p->word, &r->glob_left,
                                   &count, &complete);
    if (!complete) r->too_broad = true;
    fit.kind = KIND_LIKE;
    for (ptrdiff_t i = 0; i < count; i++) {
        fit.from = list[i].from;
        fit.to = list[i].to;
        fit_add(m, fit);
    }
}

static void fits_word(Rank *r, Matcher *m, const Part *p, int part) {
    const Lexicon *l = segment_lexicon(m->segment);
    PartDocs *d = &m->parts[part];
    int base = p->count > 1;
    Fit fit = {.part = (uint16_t)part, .fields = p->fields, .role = FIT_WORD};
    d->exact = p->glob ? UINT32_MAX : lexicon_find(l, p->word);
    if (p->glob) {
        fits_glob(r, m, p, fit);
        return;
    }
    if (d->exact != UINT32_MAX) {
        fit.kind = base ? KIND_ONE : KIND_EXACT;
        fit.from = d->exact;
        fit.to = d->exact + 1;
        fit_add(m, fit);
    }
    fit.kind = base ? KIND_ONE : KIND_LIKE;
    if (p->prefix) {
        WordRange range = lexicon_prefix(l, p->word);
        fit.from = range.from;
        fit.to = range.to;
        d->range = range;
        d->range_from = m->fit_count;
        fit_add_new(m, fit, d->fit_from, m->fit_count);
        d->range_to = m->fit_count;
    }
    if (r->def->tuning.stem && !base) {
        ptrdiff_t count;
        uint32_t *mates = lexicon_stem(l, m->arena, p->word, &count);
        for (ptrdiff_t i = 0; i < count; i++) {
            fit.from = mates[i];
            fit.to = mates[i] + 1;
            fit_add_new(m, fit, d->fit_from, m->fit_count);
        }
    }
    if (p->max_typos > 0 && p->loose_fields) fits_fuzzy(r, m, p, fit, base);
}

/* -- Documents --------------------------------------------------------------------------------- */

static bool may_verify(Rank *r, uint32_t docs) {
    if (r->verify_left < docs) {
        r->estimated = true;
        r->verify_left = 0;
        return false;
    }
    r->verify_left -= docs;
    return true;
}

enum { UNPACKED_PER_TEXT = 100 };

/* Documents of `over`, but for some, with the second word one position behind the first. */
static Docset docs_adjacent(Rank *r, Matcher *m, const Split *split, uint32_t fields, Docset over,
                            Docset but) {
    Docset docs;
    Arena *a = m->work;
    uint32_t first = split->first, second = split->second;
    if (segment_pair_docs(m->segment, a, first, second, fields, &docs))
        return docset_minus(a, docset_and(a, docs, over), but);
    uint32_t x = segment_word_count(m->segment, first), y = segment_word_count(m->segment, second);
    bool swap = y < x;
    docs = segment_word_docs(m->segment, a, swap ? second : first, fields);
    docs = docset_minus(a, docset_and(a, docs, over), but);
    if ((swap ? x : y) / UNPACKED_PER_TEXT < docs.count) /* else texts are read sooner than sets */
        docs = docset_and(a, docs, segment_word_docs(m->segment, a, swap ? first : second, fields));
    if (docs.count == 0 || !may_verify(r, docs.count)) return docset_none(over.universe);
    uint32_t *kept = arena_array(a, uint32_t, docs.count), n = 0;
    for (DocsetWalk w = docset_walk(docs, 0); docset_next(&w) && !rank_ended(r);)
        if (forward_adjacent(segment_forward(m->segment, w.doc), first, second, fields))
            kept[n++] = w.doc;
    return docset_array(docs.universe, kept, n);
}

static bool is_seam(const Part *p, int at) {
    for (int i = 0; i < p->count - 1; i++)
        if (p->seams[i] == at) return true;
    return false;
}

static void split_put(Matcher *m, Split split) {
    if (m->split_count == m->split_cap) {
        int cap = m->split_cap ? 2 * m->split_cap : 16;
        ptrdiff_t size = (ptrdiff_t)sizeof(Split);
        m->splits = arena_grow(m->arena, m->splits, m->split_cap * size, cap * size);
        m->split_cap = cap;
    }
    m->splits[m->split_count++] = split;
}

static void split_add(Matcher *m, Split split, uint32_t fields) {
    uint32_t item = (uint32_t)m->split_count;
    split_put(m, split);
    Fit fit = {.fields = fields, .part = split.part, .kind = split.kind, .item = item};
    fit.role = FIT_SPLIT_FIRST;
    fit.from = split.first;
    fit.to = split.first + 1;
    fit_add(m, fit);
    fit.role = FIT_SPLIT_SECOND;
    fit.from = split.second;
    fit.to = split.second + 1;
    fit_add(m, fit);
}

/* Documents with two words that give the part's when written in one; those that match with fewer
 * errors, among which are all with #TwoWords, need not be known. */
static Docset docs_split(Rank *r, Matcher *m, const Part *p, int part, Docset over, Docset fewer) {
    const Lexicon *l = segment_lexicon(m->segment);
    Docset sets[WORD_MAX];
    ptrdiff_t count = 0, at = 0;
    uint8_t kind = p->count > 1 ? KIND_TWO : KIND_ONE;
    for (str_utf8_next(p->word, &at); at < p->word.len; str_utf8_next(p->word, &at)) {
        if (is_seam(p, (int)at)) continue;
        uint32_t first = lexicon_find(l, str_slice(p->word, 0, at));
        if (first == UINT32_MAX) continue;
        uint32_t second = lexicon_find(l, str_slice(p->word, at, p->word.len));
        if (second == UINT32_MAX) continue;
        Split split = {first, second, (uint16_t)part, kind};
        sets[count++] = docs_adjacent(r, m, &split, p->fields, over, fewer);
        split_add(m, split, p->fields);
    }
    return docset_or_many(m->work, over.universe, sets, count);
}

static Docset docs_in_range(const Matcher *m, WordRange range, uint32_t fields) {
    return range.to - range.from == 1 ? segment_word_docs(m->segment, m->work, range.from, fields)
                                      : segment_range_docs(m->segment, m->work, range, fields);
}

/* Globs have ranges by the 100 000: of more than so many no set is made. */
enum { SETS_KEPT = 32 };

static bool are_many(const Matcher *m, const PartDocs *d, int kind) {
    int n = 0;
    for (int i = d->fit_from; i < d->fit_to && n <= SETS_KEPT; i++) n += m->fits[i].kind == kind;
    return n > SETS_KEPT;
}

Docset docs_of_kind(const Matcher *m, const PartDocs *d, int kind, uint32_t fields) {
    int n = 0;
    Docset sets[SETS_KEPT];
    DocsetMaker many = {0};
    if (are_many(m, d, kind)) many = docset_maker(m->work, m->base.universe);
    for (int i = d->fit_from; i < d->fit_to; i++) {
        const Fit *f = &m->fits[i];
        uint32_t where = f->fields & fields;
        WordRange range = {f->from, f->to};
        if (f->kind != kind || where == 0) continue;
        if (i == d->range_from && i < d->range_to) {
            range = d->range; /* whole, as it may be ready-made */
            i = d->range_to - 1;
        }
        if (many.bits)
            segment_range_put(m->segment, &many, range, where);
        else
            sets[n++] = docs_in_range(m, range, where);
    }
    return many.bits ? docset_made(m->work, &many)
                     : docset_or_many(m->work, m->base.universe, sets, n);
}

static void sets_make(Rank *r, Matcher *m, const Part *p, int part, Docset over) {
    PartDocs *d = &m->parts[part];
    Arena *a = m->work;
    for (int kind = 0; kind < KINDS; kind++)
        d->kinds[kind] = docset_and(a, docs_of_kind(m, d, kind, UINT32_MAX), over);
    Docset fewer = docset_or(a, d->kinds[KIND_EXACT], d->kinds[KIND_LIKE]);
    d->typos[0] = fewer;
    if (!p->glob) {
        bool joined = p->count > 1;
        int kind = joined ? KIND_TWO : KIND_ONE;
        d->split = docs_split(r, m, p, part, over, joined ? d->kinds[KIND_ONE] : fewer);
        d->kinds[kind] = docset_or(a, d->kinds[kind], d->split);
    }
    Docset all[] = {fewer, d->kinds[KIND_ONE], d->kinds[KIND_TWO]};
    d->any = docset_or_many(a, over.universe, all, COUNT(all));
}

static void sets_none(PartDocs *d, uint32_t universe) {
    Docset none = docset_none(universe);
    *d = (PartDocs){.kinds = {none, none, none, none},
                    .typos = {none, none, none},
                    .any = none,
                    .split = none,
                    .exact = UINT32_MAX};
}

static Docset *const *sets_list(PartDocs *d, Docset *list[KINDS + 3]) {
    for (int i = 0; i < KINDS; i++) list[i] = &d->kinds[i];
    list[KINDS] = &d->split;
    list[KINDS + 1] = &d->typos[0];
    list[KINDS + 2] = &d->any;
    return list;
}

/* What was made elsewhere into the matcher's own memory; sets that are one stay one. */
static void sets_take_out(Matcher *m, PartDocs *d) {
    enum { SETS = KINDS + 3 };
    Docset *list[SETS], before[SETS];
    sets_list(d, list);
    for (int i = 0; i < SETS; i++) {
        before[i] = *list[i];
        int same = 0;
        while (before[same].bits != before[i].bits || before[same].array != before[i].array) same++;
        *list[i] = same < i ? *list[same] : docset_taken(m->arena, m->work, *list[i]);
    }
}

/* Fits of part 0 as this part's. */
static void fits_take(Matcher *m, const LookUp *look, int part) {
    PartDocs *d = &m->parts[part];
    int from = m->fit_count, items = m->split_count;
    for (int i = 0; i < look->fit_count; i++) {
        Fit fit = look->fits[i];
        fit.part = (uint16_t)part;
        if (fit.role != FIT_WORD) fit.item += (uint32_t)items;
        fit_add(m, fit);
    }
    for (int i = 0; i < look->split_count; i++) {
        Split split = look->splits[i];
        split.part = (uint16_t)part;
        split_put(m, split);
    }
    d->fit_from = from;
    d->fit_to = from + look->word_fits;
    d->range_from = from + look->range_from;
    d->range_to = from + look->range_to;
    d->range = look->range;
    d->exact = look->exact;
}

static void look_up_take(Rank *r, Matcher *m, const LookUp *look, int part) {
    PartDocs *d = &m->parts[part];
    fits_take(m, look, part);
    memcpy(d->kinds, look->kinds, sizeof d->kinds);
    d->split = look->split;
    d->typos[0] = look->without_typos;
    d->any = look->any;
    if (!look->complete) r->estimated = true;
    r->verify_left -= look->verified;
}

/* What was found for a part, fits and splits as those of part 0 (borrowed until the next is looked
 * up). */
static LookUp look_up_of(Matcher *m, int part, int fits_from, int splits_from) {
    const PartDocs *d = &m->parts[part];
    LookUp look = {.fit_count = m->fit_count - fits_from,
                   .split_count = m->split_count - splits_from,
                   .word_fits = d->fit_to - fits_from,
                   .range_from = d->range_from - fits_from,
                   .range_to = d->range_to - fits_from,
                   .range = d->range,
                   .exact = d->exact,
                   .split = d->split,
                   .without_typos = d->typos[0],
                   .any = d->any};
    memcpy(look.kinds, d->kinds, sizeof look.kinds);
    look.fits = arena_array(m->work, Fit, look.fit_count);
    look.splits = arena_array(m->work, Split, look.split_count);
    for (int i = 0; i < look.fit_count; i++) {
        look.fits[i] = m->fits[fits_from + i];
        look.fits[i].part = 0;
        if (look.fits[i].role != FIT_WORD) look.fits[i].item -= (uint32_t)splits_from;
    }
    for (int i = 0; i < look.split_count; i++) {
        look.splits[i] = m->splits[splits_from + i];
        look.splits[i].part = 0;
    }
    return look;
}

static void look_up_anew(Rank *r, Matcher *m, int part, bool keep, Str key) {
    const Part *p = &r->parts[part];
    PartDocs *d = &m->parts[part];
    int fits_from = m->fit_count, splits_from = m->split_count;
    int64_t verify_left = r->verify_left;
    bool estimated = r->estimated;
    r->estimated = false;
    d->fit_from = d->range_from = d->range_to = m->fit_count;
    fits_word(r, m, p, part);
    d->fit_to = m->fit_count;
    bool complete = !r->estimated;
    r->estimated = false;
    sets_make(r, m, p, part, m->wide ? segment_all(m->segment) : m->base);
    keep = keep && m->wide && !r->estimated && !r->ended; /* nothing was cut short */
    if (keep) {
        LookUp look = look_up_of(m, part, fits_from, splits_from);
        look.complete = complete;
        look.verified = verify_left - r->verify_left;
        keep_put(m->segment, key, &look);
    }
    r->estimated |= estimated || !complete;
    if (m->work == m->arena) return;
    sets_take_out(m, d);
    arena_reset(m->work);
}

/* The same word was looked up for an earlier part: its number, or -1. */
static int part_same(const Rank *r, int part) {
    for (int i = 0; i < part; i++)
        if (str_eq(r->parts[i].key, r->parts[part].key)) return i;
    return -1;
}

/* A word asked twice in one query. */
static void look_up_again(Matcher *m, int same, int part) {
    PartDocs *d = &m->parts[part];
    const PartDocs *from = &m->parts[same];
    int fits = m->fit_count, shift = fits - from->fit_from;
    *d = *from;
    d->kept = NULL;
    for (int i = from->fit_from; i < fits && m->fits[i].part == same; i++) {
        Fit fit = m->fits[i];
        fit.part = (uint16_t)part;
        if (fit.role == FIT_SPLIT_FIRST) {
            Split split = m->splits[fit.item];
            split.part = (uint16_t)part;
            split_put(m, split);
        }
        if (fit.role != FIT_WORD) fit.item = (uint32_t)m->split_count - 1;
        fit_add(m, fit);
    }
    d->fit_from += shift;
    d->fit_to += shift;
    d->range_from += shift;
    d->range_to += shift;
}

static void look_up_masked(Matcher *m, PartDocs *d) {
    Docset *list[KINDS + 3];
    sets_list(d, list);
    for (int i = 0; i < KINDS + 3; i++) *list[i] = docset_and(m->arena, *list[i], m->base);
}

static void look_up_word(Rank *r, Matcher *m, int part) {
    const Part *p = &r->parts[part];
    PartDocs *d = &m->parts[part];
    int same = p->glob ? -1 : part_same(r, part);
    if (same >= 0) {
        look_up_again(m, same, part);
        return;
    }
    bool wanted = false;
    d->kept = p->glob ? NULL : keep_find(m->segment, p->key, &wanted);
    const LookUp *look = d->kept ? kept_look_up(d->kept) : NULL;
    if (look && look->verified <= r->verify_left) {
        look_up_take(r, m, look, part);
        if (!m->wide) look_up_masked(m, d);
    } else
        look_up_anew(r, m, part, wanted, p->key);
    d->typos[1] = d->kinds[KIND_ONE];
    d->typos[2] = d->kinds[KIND_TWO];
}

Docset docs_phrase(Rank *r, Matcher *m, const Term *t, const uint32_t *ids) {
    Arena *a = m->arena;
    Docset docs = m->base;
    bool known = t->word_count == 1; /* that nothing is left to verify */
    for (int i = 0; i < t->word_count && docs.count > 0; i++) {
        Docset one;
        bool pair = i + 1 < t->word_count && t->gaps[i + 1] - t->gaps[i] == 1 &&
                    segment_pair_docs(m->segment, a, ids[i], ids[i + 1], t->fields, &one);
        if (pair) {
            known = t->word_count == 2;
            docs = docset_and(a, docs, one);
            if (known) break;
        } else
            docs = docset_and(a, docs, segment_word_docs(m->segment, a, ids[i], t->fields));
    }
    if (known || docs.count == 0) return docs;
    if (!may_verify(r, docs.count)) return docset_none(m->base.universe);
    uint32_t *kept = arena_array(a, uint32_t, docs.count), n = 0;
    for (DocsetWalk w = docset_walk(docs, 0); docset_next(&w) && !rank_ended(r);)
        if (forward_phrase(segment_forward(m->segment, w.doc), t, ids)) kept[n++] = w.doc;
    return docset_array(docs.universe, kept, n);
}

uint32_t *phrase_ids(const Segment *s, Arena *a, const Term *t) {
    uint32_t *ids = arena_array(a, uint32_t, t->word_count);
    for (int i = 0; i < t->word_count; i++) {
        ids[i] = lexicon_find(segment_lexicon(s), t->words[i]);
        if (ids[i] == UINT32_MAX) return NULL;
    }
    return ids;
}

static void look_up_phrase(Rank *r, Matcher *m, int part) {
    const Part *p = &r->parts[part];
    PartDocs *d = &m->parts[part];
    d->fit_from = d->fit_to = m->fit_count;
    d->phrase = phrase_ids(m->segment, m->arena, p->phrase);
    if (!d->phrase) return;
    d->any = d->typos[0] = d->kinds[KIND_EXACT] = docs_phrase(r, m, p->phrase, d->phrase);
    if (d->any.count == 0) return;
    fit_add(m, (Fit){.from = d->phrase[0],
                     .to = d->phrase[0] + 1,
                     .fields = p->fields,
                     .part = (uint16_t)part,
                     .kind = KIND_EXACT,
                     .role = FIT_PHRASE});
}

/* -- From a word to its fits ------------------------------------------------------------------- */

static int by_number(const void *x, const void *y) {
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    return (a > b) - (a < b);
}

static uint32_t bound_of(const Matcher *m, uint32_t word) {
    uint32_t low = 0, high = m->bound_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (m->bounds[middle] < word)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Many bounds are rather looked up than searched in. */
enum { BOUNDS_FEW = 2048 };

static void bound_table_make(Matcher *m) {
    uint32_t words = segment_lexicon(m->segment)->words, bound = 0;
    m->bound_of_word = arena_array(m->arena, uint32_t, words);
    for (uint32_t w = 0; w < words; w++) {
        while (bound < m->bound_count && m->bounds[bound] <= w) bound++;
        m->bound_of_word[w] = bound;
    }
}

static void bounds_make(Matcher *m) {
    Arena *a = m->arena;
    uint32_t n = 0;
    m->bounds = arena_array(a, uint32_t, 2 * (ptrdiff_t)m->fit_count + 1);
    for (int i = 0; i < m->fit_count; i++) {
        m->bounds[n++] = m->fits[i].from;
        m->bounds[n++] = m->fits[i].to;
    }
    if (n > 1) qsort(m->bounds, n, sizeof *m->bounds, by_number);
    m->bound_count = 0;
    for (uint32_t i = 0; i < n; i++)
        if (i == 0 || m->bounds[i] != m->bounds[i - 1]) m->bounds[m->bound_count++] = m->bounds[i];
    m->bound_at = arena_array(a, uint32_t, (ptrdiff_t)m->bound_count + 1);
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < m->fit_count; i++) {
            uint32_t to = bound_of(m, m->fits[i].to);
            for (uint32_t b = bound_of(m, m->fits[i].from); b < to; b++) {
                if (pass == 0)
                    m->bound_at[b + 1]++;
                else
                    m->bound_fits[m->bound_at[b]++] = (uint32_t)i;
            }
        }
        if (pass == 1) break;
        for (uint32_t b = 0; b < m->bound_count; b++) m->bound_at[b + 1] += m->bound_at[b];
        m->bound_fits = arena_array(a, uint32_t, (ptrdiff_t)m->bound_at[m->bound_count]);
    }
    for (uint32_t b = m->bound_count; b > 0; b--) m->bound_at[b] = m->bound_at[b - 1];
    m->bound_at[0] = 0;
    if (m->bound_count > BOUNDS_FEW) bound_table_make(m);
}

void parts_look_up(Rank *r, Matcher *m) {
    m->parts = arena_array(m->arena, PartDocs, r->part_count);
    if (segment_docs(m->segment) >= KEEP_DOCS) rank_undo_later(r); /* before anything is held */
    m->work = r->part_count > PARTS_FEW ? rank_scratch(r) : m->arena;
    for (int i = 0; i < r->part_count; i++) {
        sets_none(&m->parts[i], m->base.universe);
        if (r->too_broad || rank_ended(r)) continue;
        if (r->parts[i].phrase)
            look_up_phrase(r, m, i);
        else
            look_up_word(r, m, i);
    }
    m->work = m->arena;
    bounds_make(m);
    for (int i = 0; i < m->fit_count; i++) {
        const Fit *f = &m->fits[i];
        uint32_t most = f->to - f->from < 4096 ? f->to : f->from + 4096;
        for (uint32_t w = f->from; w < most; w++) m->maybe[w >> 6 & 63] |= (uint64_t)1 << (w & 63);
    }
}

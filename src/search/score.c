/* SPDX-License-Identifier: Apache-2.0
 * A document's key from its forward text: the places where parts match, then the least way over
 * them. Costs are added lexicographically, rule by rule, so the least way is a shortest path whose
 * lengths are keys; a state is a part in a kind. See rank.h for what costs what. */
#include "search/rank.h"

#include <stdlib.h>

enum { STATES = PARTS_MAX * KINDS };

typedef struct Place {
    uint32_t start, end;
    uint16_t state;
    uint8_t field;
} Place;

/* What is kept of a state in the present document. */
typedef struct State {
    uint32_t count, at; /* places; at: in starts and ends */
    uint32_t least_position;
    uint8_t least_field;
    uint64_t best;
} State;

struct Scorer {
    Rank *rank;
    Matcher *matcher;
    Place *places;
    ptrdiff_t place_count, place_cap;
    uint64_t *starts, *ends; /* field << 32 | position, ascending a state */
    ptrdiff_t starts_cap;
    int64_t *split_places; /* two a split: the last places of its first word */
    uint16_t touched[STATES];
    int touched_count;
    State states[STATES];
};

Scorer *scorer_of(Matcher *m) {
    if (m->scorer) return m->scorer;
    Scorer *s = m->scorer = arena_new_of(m->arena, Scorer);
    s->rank = m->rank;
    s->matcher = m;
    s->split_places = arena_array(m->arena, int64_t, 2 * (ptrdiff_t)m->split_count);
    return s;
}

/* -- Places -------------------------------------------------------------------------------------- */

static void place_add(Scorer *s, int state, int field, uint32_t start, uint32_t end) {
    if (s->place_count == s->place_cap) {
        ptrdiff_t cap = s->place_cap ? 2 * s->place_cap : 256, size = (ptrdiff_t)sizeof(Place);
        s->places = arena_grow(s->matcher->arena, s->places, s->place_cap * size, cap * size);
        s->place_cap = cap;
    }
    s->places[s->place_count++] =
        (Place){.start = start, .end = end, .state = (uint16_t)state, .field = (uint8_t)field};
    State *st = &s->states[state];
    if (st->count++ == 0) {
        s->touched[s->touched_count++] = (uint16_t)state;
        st->least_field = (uint8_t)field;
        st->least_position = start;
    } else {
        if (field < st->least_field) st->least_field = (uint8_t)field;
        if (start < st->least_position) st->least_position = start;
    }
}

static bool phrase_at(Tokens t, const Term *phrase, const uint32_t *ids) {
    uint32_t start = t.position;
    int i = 1, field = t.field;
    while (i < phrase->word_count && tokens_next(&t) && t.field == field) {
        uint32_t want = start + (uint32_t)phrase->gaps[i];
        if (t.position > want) return false;
        if (t.position == want && t.word == ids[i]) i++;
    }
    return i == phrase->word_count;
}

static void fit_place(Scorer *s, const Fit *f, const Tokens *t) {
    int state = f->part * KINDS + f->kind;
    if (f->role == FIT_WORD) {
        place_add(s, state, t->field, t->position, t->position);
    } else if (f->role == FIT_PHRASE) {
        const Term *phrase = s->rank->parts[f->part].phrase;
        if (phrase_at(*t, phrase, s->matcher->parts[f->part].phrase))
            place_add(s, state, t->field, t->position,
                      t->position + (uint32_t)phrase->gaps[phrase->word_count - 1]);
    } else {
        int64_t *last = &s->split_places[2 * (ptrdiff_t)f->item];
        int64_t here = (int64_t)t->field << 32 | t->position;
        if (f->role == FIT_SPLIT_SECOND) {
            if (last[0] == here - 1 || last[1] == here - 1)
                place_add(s, state, t->field, t->position - 1, t->position);
        } else if (last[0] != here) {
            last[1] = last[0];
            last[0] = here;
        }
    }
}

static void word_places(Scorer *s, const Tokens *t) {
    const Matcher *m = s->matcher;
    uint32_t low = 0, high = m->bound_count; /* bounds before low are <= word */
    if (m->bound_of_word) low = high = m->bound_of_word[t->word];
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (m->bounds[middle] <= t->word)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0) return;
    for (uint32_t i = m->bound_at[low - 1]; i < m->bound_at[low]; i++) {
        const Fit *f = &m->fits[m->bound_fits[i]];
        if (f->fields >> t->field & 1) fit_place(s, f, t);
    }
}

static void sort_nearly(uint64_t *x, uint32_t count) {
    for (uint32_t i = 1; i < count; i++) {
        uint64_t v = x[i];
        uint32_t j = i;
        for (; j > 0 && x[j - 1] > v; j--) x[j] = x[j - 1];
        x[j] = v;
    }
}

/* Fill the states with the places of a document. */
static void places_find(Scorer *s, uint32_t doc) {
    const Matcher *m = s->matcher;
    for (int i = 0; i < s->touched_count; i++) s->states[s->touched[i]].count = 0;
    s->touched_count = 0;
    s->place_count = 0;
    for (int i = 0; i < 2 * m->split_count; i++) s->split_places[i] = -2;
    Forward text = segment_forward(m->segment, doc);
    while (text.at < text.end) { /* as tokens_next, without looking up from a field */
        uint32_t head = *text.at++, left = FORWARD_COUNT(head), position = UINT32_MAX;
        for (; left > 0; left--) {
            uint32_t token = *text.at++, word = FORWARD_WORD(token);
            position += FORWARD_GAP(token);
            if (!(m->maybe[word >> 6 & 63] >> (word & 63) & 1)) continue;
            Tokens t = {text.at, text.end, left - 1, position, word, FORWARD_FIELD(head)};
            word_places(s, &t);
        }
    }

    if (s->place_count > s->starts_cap) {
        s->starts_cap = s->place_cap;
        s->starts = arena_array(m->arena, uint64_t, s->starts_cap);
        s->ends = arena_array(m->arena, uint64_t, s->starts_cap);
    }
    uint32_t at = 0;
    for (int i = 0; i < s->touched_count; i++) {
        State *st = &s->states[s->touched[i]];
        st->at = at;
        at += st->count;
        st->count = 0;
    }
    for (ptrdiff_t i = 0; i < s->place_count; i++) {
        const Place *p = &s->places[i];
        State *st = &s->states[p->state];
        s->starts[st->at + st->count] = (uint64_t)p->field << 32 | p->start;
        s->ends[st->at + st->count++] = (uint64_t)p->field << 32 | p->end;
    }
    for (int i = 0; i < s->touched_count; i++) {
        State *st = &s->states[s->touched[i]];
        sort_nearly(s->starts + st->at, st->count);
        sort_nearly(s->ends + st->at, st->count);
    }
}

/* Least positive distance from an end to a start, at most `far`. */
static uint64_t gap_least(const uint64_t *ends, uint32_t end_count, const uint64_t *starts,
                          uint32_t start_count, uint64_t far) {
    uint32_t i = 0;
    for (uint32_t j = 0; j < start_count && far > 1; j++) {
        while (i < end_count && ends[i] < starts[j]) i++;
        if (i > 0 && starts[j] - ends[i - 1] < far) far = starts[j] - ends[i - 1];
    }
    return far;
}

static uint64_t distance(const Scorer *s, const State *x, const State *y) {
    uint64_t d = gap_least(s->ends + x->at, x->count, s->starts + y->at, y->count, PROXIMITY_FAR);
    if (d <= 2) return d; /* the other way round costs one more */
    return gap_least(s->ends + y->at, y->count, s->starts + x->at, x->count, d - 1) + 1;
}

/* -- Ways ---------------------------------------------------------------------------------------- */

static int bits_of(uint32_t n) {
    int bits = n ? 32 - __builtin_clz(n) : 0;
    return bits < 15 ? bits : 15;
}

static uint64_t state_cost(const Scorer *s, const Part *p, int kind, const State *st) {
    const KeyPlan *k = &s->rank->plan;
    return key_put(k->typo, kind_typos(kind)) + key_put(k->proximity, 2 * (p->count - 1)) +
           key_put(k->attribute, p->count * st->least_field) +
           key_put(k->position, p->count * bits_of(st->least_position)) +
           key_put(k->exact, kind == KIND_EXACT ? 0 : p->count);
}

/* The part that covers the kept terms [from, from + count) of a level, or -1. */
static int part_over(const Rank *r, const Level *l, int from, int count) {
    for (int i = 1; i < count; i++)
        if (l->kept[from + i] != l->kept[from] + i) return -1;
    return r->starting[l->kept[from]][count - 1];
}

/* Cost of the least way that ends before kept term `to`, then goes on to state y. */
static uint64_t way_before(Scorer *s, const Level *l, int to, const State *y) {
    const KeyPlan *k = &s->rank->plan;
    uint64_t best = UINT64_MAX;
    for (int n = 1; n <= JOINED_WORDS && n <= to; n++) {
        int part = part_over(s->rank, l, to - n, n);
        for (int kind = 0; part >= 0 && kind < KINDS; kind++) {
            const State *x = &s->states[part * KINDS + kind];
            if (x->count == 0 || x->best == UINT64_MAX) continue;
            uint64_t cost = x->best;
            if (k->proximity.bits && cost < best)
                cost += key_put(k->proximity, (int64_t)distance(s, x, y));
            if (cost < best) best = cost;
        }
    }
    return best;
}

/* UINT64_MAX: the level cannot be covered. */
static uint64_t way_least(Scorer *s, const Level *l) {
    uint64_t least = UINT64_MAX;
    for (int from = 0; from < l->count; from++) {
        for (int n = 1; n <= JOINED_WORDS && from + n <= l->count; n++) {
            int part = part_over(s->rank, l, from, n);
            for (int kind = 0; part >= 0 && kind < KINDS; kind++) {
                State *y = &s->states[part * KINDS + kind];
                if (y->count == 0) continue;
                uint64_t before = from == 0 ? 0 : way_before(s, l, from, y);
                y->best = before;
                if (before == UINT64_MAX) continue;
                y->best = before + state_cost(s, &s->rank->parts[part], kind, y);
                if (from + n == l->count && y->best < least) least = y->best;
            }
        }
    }
    return least;
}

/* -- Fields that are the query ------------------------------------------------------------------- */

/* The kept words, and where a field that equals them has them. */
typedef struct Whole {
    uint32_t ids[QUERY_TERMS * 2], positions[QUERY_TERMS * 2], fields[QUERY_TERMS * 2];
    int count;
} Whole;

/* false: a word is unknown, or there are more than fields are compared with. */
static bool whole_make(const Scorer *s, const Level *l, Whole *w) {
    const Rank *r = s->rank;
    uint32_t position = 0;
    w->count = 0;
    for (int i = 0; i < l->count; i++) {
        const Term *t = &r->query->terms[l->kept[i]];
        const PartDocs *d = &s->matcher->parts[r->starting[l->kept[i]][0]];
        if (w->count + t->word_count > (int)COUNT(w->ids)) return false;
        if (t->phrase ? !d->phrase : d->exact == UINT32_MAX) return false;
        for (int j = 0; j < t->word_count; j++) {
            w->ids[w->count] = t->phrase ? d->phrase[j] : d->exact;
            w->positions[w->count] = position + (uint32_t)t->gaps[j];
            w->fields[w->count++] = t->fields;
        }
        position = w->positions[w->count - 1] + 1;
    }
    return w->count > 0;
}

/* 2: the field whose first token was told equals it, 1: begins with it. */
static int field_is(Tokens t, const Whole *w) {
    int i = 0, field = t.field;
    do {
        if (t.field != field) break;
        if (i == w->count) {
            if (t.position > w->positions[i - 1]) return 1;
            continue;
        }
        if (t.position > w->positions[i]) return 0;
        if (t.position == w->positions[i] && t.word == w->ids[i] && (w->fields[i] >> field & 1))
            i++;
    } while (tokens_next(&t));
    return i == w->count ? 2 : 0;
}

static int field_best(const Scorer *s, uint32_t doc, const Whole *w) {
    Tokens t = tokens_of(segment_forward(s->matcher->segment, doc));
    int best = 0, field = -1;
    while (best < 2 && tokens_next(&t)) {
        if (t.field == field || t.position > 0) {
            t.at += t.left; /* only a field's first token begins it */
            t.left = 0;
            continue;
        }
        field = t.field;
        int is = field_is(t, w);
        if (is > best) best = is;
        t.at += t.left;
        t.left = 0;
    }
    return best;
}

/* -- Both ---------------------------------------------------------------------------------------- */

static void level_found(Scorer *s, Level *out, int *kept) {
    const Rank *r = s->rank;
    *out = (Level){.kept = kept};
    for (int i = 0; i < r->whole.count; i++) {
        int term = r->whole.kept[i], part = r->starting[term][0];
        uint32_t places = 0;
        for (int kind = 0; kind < KINDS; kind++) places += s->states[part * KINDS + kind].count;
        if (places == 0) continue;
        kept[out->count++] = term;
        out->words += r->query->terms[term].word_count;
    }
}

uint64_t score_doc(Scorer *s, uint32_t doc, const Level *level) {
    const KeyPlan *k = &s->rank->plan;
    int kept[QUERY_TERMS];
    Level found;
    Whole whole;
    places_find(s, doc);
    if (!level) {
        level_found(s, &found, kept);
        level = &found;
    }
    uint64_t key = way_least(s, level);
    if (key == UINT64_MAX) key = 0; /* nothing of the text matched: only filters of a tree did */
    key += key_put(k->words, s->rank->whole.words - level->words);
    if (!k->field.bits) return key;
    int is = whole_make(s, level, &whole) ? field_best(s, doc, &whole) : 0;
    return key + key_put(k->field, 2 - is);
}

static int by_coordinate(const void *x, const void *y) {
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return (a > b) - (a < b);
}

/* Collect the places of a NEAR's operand: words, or a choice of them. */
static uint32_t near_places(Scorer *s, const QueryNode *n, uint64_t *starts, uint64_t *ends,
                            uint32_t count) {
    if (n->kind == NODE_OR) {
        count = near_places(s, n->left, starts, ends, count);
        return near_places(s, n->right, starts, ends, count);
    }
    for (int kind = 0; kind < KINDS; kind++) {
        const State *st = &s->states[s->rank->starting[n->term][0] * KINDS + kind];
        for (uint32_t i = 0; i < st->count; i++) {
            starts[count] = s->starts[st->at + i];
            ends[count++] = s->ends[st->at + i];
        }
    }
    return count;
}

bool score_near(Scorer *s, uint32_t doc, const QueryNode *near) {
    Arena *a = s->matcher->arena;
    places_find(s, doc);
    ArenaMark mark = arena_mark(a);
    ptrdiff_t most = s->place_count;
    uint64_t *x = arena_array(a, uint64_t, most), *x_end = arena_array(a, uint64_t, most);
    uint64_t *y = arena_array(a, uint64_t, most), *y_end = arena_array(a, uint64_t, most);
    uint32_t xs = near_places(s, near->left, x, x_end, 0);
    uint32_t ys = near_places(s, near->right, y, y_end, 0);
    uint64_t *lists[] = {x, x_end, y, y_end};
    for (int i = 0; i < 4; i++)
        if ((i < 2 ? xs : ys) > 1) qsort(lists[i], i < 2 ? xs : ys, sizeof **lists, by_coordinate);
    uint64_t far = (uint64_t)near->distance + 1;
    bool is = gap_least(x_end, xs, y, ys, far) < far || gap_least(y_end, ys, x, xs, far) < far;
    arena_release(a, mark);
    return is;
}

/* -- Keys ---------------------------------------------------------------------------------------- */

static int rules_effective(const Rank *r, uint8_t rules[SEARCH_RULES_MAX + 2]) {
    static const uint8_t usual[SEARCH_RULES_MAX] = {SEARCH_BY_WORDS,     SEARCH_BY_TYPO,
                                                    SEARCH_BY_PROXIMITY, SEARCH_BY_ATTRIBUTE,
                                                    SEARCH_BY_SORT,      SEARCH_BY_EXACTNESS};
    const uint8_t *asked = r->def->tuning.rules[0] ? r->def->tuning.rules : usual;
    uint32_t seen = 0;
    int count = 0;
    if (r->request->sort_strictly && r->request->sort_count > 0) {
        rules[count++] = SEARCH_BY_SORT;
        seen |= 1u << SEARCH_BY_SORT;
    }
    for (int i = 0; i < SEARCH_RULES_MAX && asked[i]; i++) {
        uint8_t rule = asked[i];
        if (rule == SEARCH_BY_SORT && r->request->sort_count == 0) continue;
        if (rule != SEARCH_BY_SORT && rule != SEARCH_BY_WORDS && !(seen >> SEARCH_BY_WORDS & 1)) {
            rules[count++] = SEARCH_BY_WORDS;
            seen |= 1u << SEARCH_BY_WORDS;
        }
        if (seen >> rule & 1) continue;
        seen |= 1u << rule;
        rules[count++] = rule;
    }
    return count;
}

/* Bits are given from the last rule to the first. */
static KeyPart key_bits(uint8_t *shift, uint8_t bits) {
    KeyPart part = {*shift, bits};
    *shift = (uint8_t)(*shift + bits);
    return part;
}

void key_plan_make(Rank *r) {
    uint8_t rules[SEARCH_RULES_MAX + 2], shift = 0;
    int count = rules_effective(r, rules), sort = -1;
    KeyPlan k = {0};
    for (int i = count - 1; i >= 0; i--) {
        switch (rules[i]) {
        case SEARCH_BY_WORDS: k.words = key_bits(&shift, 10); break;
        case SEARCH_BY_TYPO: k.typo = key_bits(&shift, 8); break;
        case SEARCH_BY_PROXIMITY: k.proximity = key_bits(&shift, 9); break;
        case SEARCH_BY_ATTRIBUTE: k.attribute = key_bits(&shift, 11); break;
        case SEARCH_BY_POSITION: k.position = key_bits(&shift, 10); break;
        case SEARCH_BY_EXACTNESS:
            k.exact = key_bits(&shift, 7);
            k.field = key_bits(&shift, 2);
            break;
        default:
            k.sort_shift = shift;
            k.sorted = true;
            sort = i;
        }
    }
    k.words_first = count > 0 && rules[0] == SEARCH_BY_WORDS;
    k.typo_next = k.words_first && count > 1 && rules[1] == SEARCH_BY_TYPO;
    k.sort_first = sort == 0 || (sort == 1 && k.words_first) || (sort == 2 && k.typo_next);
    k.text_after_sort = k.sorted && k.sort_shift > 0;
    r->plan = k;
}

static int attribute_last(const Rank *r) {
    int last = 0;
    for (int i = 0; i < r->def->field_count; i++)
        if (r->def->fields[i].use & SEARCH_FOR) last = i;
    return last;
}

void key_details(const Rank *r, uint64_t key, const Level *level, SearchDetails *out) {
    const KeyPlan *k = &r->plan;
    if (!level || r->tree_any) level = &r->whole; /* the same measure for all of equal words */
    SearchDetails d;
    int typos = 0;
    memset(&d, 0xff, sizeof d); /* -1 everywhere: not in use */
    *out = d;
    if (r->whole.count == 0) return;
    for (int i = 0; i < level->count; i++) {
        const Term *t = &r->query->terms[level->kept[i]];
        if (t->phrase || t->glob) continue;
        typos += t->max_typos > 1 ? t->max_typos : 1;
    }
    int words = r->whole.words - key_get(k->words, key);
    if (k->words.bits) {
        d.words = words;
        d.words_max = r->whole.words;
    }
    if (k->typo.bits) {
        d.typos = key_get(k->typo, key);
        d.typos_max = typos;
    }
    if (k->proximity.bits) {
        d.proximity = key_get(k->proximity, key);
        d.proximity_max = level->count > 1 ? PROXIMITY_FAR * (level->count - 1) : 0;
    }
    if (k->attribute.bits) {
        d.attribute = key_get(k->attribute, key);
        d.attribute_max = r->whole.count * attribute_last(r);
    }
    if (k->position.bits) {
        d.position = key_get(k->position, key);
        d.position_max = 15 * r->whole.count;
    }
    if (k->exact.bits) {
        d.exact_max = words;
        d.exact_words = words - key_get(k->exact, key);
        d.exact_field = 2 - key_get(k->field, key);
    }
    *out = d;
}

/* One rule's rank among `of`, nested within those before: all lies in (0, 1]. */
static void score_add(double *score, double *width, int rank, int of) {
    *width /= of;
    *score -= (of - rank) * *width;
}

double details_score(const Rank *r, const SearchDetails *d) {
    double score = 1, width = 1;
    int terms = r->whole.count, fields = terms * attribute_last(r);
    uint8_t rules[SEARCH_RULES_MAX + 2];
    int count = rules_effective(r, rules);
    for (int i = 0; i < count && terms > 0; i++) {
        switch (rules[i]) {
        case SEARCH_BY_WORDS: score_add(&score, &width, d->words, d->words_max); break;
        case SEARCH_BY_TYPO:
            score_add(&score, &width, d->typos_max - d->typos + 1, d->typos_max + 1);
            break;
        case SEARCH_BY_PROXIMITY:
            score_add(&score, &width, d->proximity_max - d->proximity + 1, d->proximity_max + 1);
            break;
        case SEARCH_BY_ATTRIBUTE:
            score_add(&score, &width, fields - d->attribute + 1, fields + 1);
            break;
        case SEARCH_BY_POSITION:
            score_add(&score, &width, 15 * terms - d->position + 1, 15 * terms + 1);
            break;
        case SEARCH_BY_EXACTNESS:
            score_add(&score, &width, d->exact_field + 1, 3);
            score_add(&score, &width, d->exact_words + 1, d->exact_max + 1);
            break;
        default: break;
        }
    }
    return score > 0 ? score : 0; /* a tree may hold without any word */
}

/* SPDX-License-Identifier: Apache-2.0
 * Which documents match, as sets: the base of each segment (live, of the partition, through the
 * filter, without minus terms), the levels of a plain query, the tree of one with operators.
 * Forward texts are read only where sets cannot tell (phrases, NEAR, words that were split). */
#include <stdlib.h>

#include "core/time.h"
#include "search/keep.h"

/* A base with more than this part of the documents is wide: words are looked up over all. */
enum { WIDE_PART = 8, SCRATCH_SETS = 256 };
#define SCRATCH_BYTES ((ptrdiff_t)16 << 20)

#define FAIL_ASKED(c, err_code, ...)                                       \
    do {                                                                   \
        Err *err_asked = err_new((c), ERR_INVALID, __func__, __VA_ARGS__); \
        err_asked->code = S(err_code);                                     \
        return err_asked;                                                  \
    } while (0)

/* -- Forward texts ----------------------------------------------------------------------------- */

bool forward_adjacent(Forward f, uint32_t first, uint32_t second, uint32_t fields) {
    Tokens t = tokens_of(f);
    int64_t field = -1, before = -2, here = -2; /* last places of `first` */
    while (tokens_next(&t)) {
        if (!(fields >> t.field & 1)) continue;
        if (t.field != field) before = here = -2;
        field = t.field;
        int64_t position = t.position;
        if (t.word == second && (here == position - 1 || before == position - 1)) return true;
        if (t.word == first && here != position) {
            before = here;
            here = position;
        }
    }
    return false;
}

/* Whether the phrase begins at the token last told. */
static bool phrase_here(Tokens t, const Term *phrase, const uint32_t *ids) {
    uint32_t start = t.position;
    int i = 1, field = t.field;
    while (i < phrase->word_count && tokens_next(&t) && t.field == field) {
        uint32_t want = start + (uint32_t)phrase->gaps[i];
        if (t.position > want) return false;
        if (t.position == want && t.word == ids[i]) i++;
    }
    return i == phrase->word_count;
}

bool forward_phrase(Forward f, const Term *phrase, const uint32_t *ids) {
    Tokens t = tokens_of(f);
    while (tokens_next(&t))
        if (t.word == ids[0] && (phrase->fields >> t.field & 1) && phrase_here(t, phrase, ids))
            return true;
    return false;
}

/* -- The query's ends -------------------------------------------------------------------------- */

static void rank_give_back(void *arg) {
    Rank *r = arg;
    for (int i = 0; i < r->view->count; i++)
        for (int k = 0; r->matchers[i].parts && k < r->part_count; k++)
            if (r->matchers[i].parts[k].kept) kept_release(r->matchers[i].parts[k].kept);
    arena_free(r->scratch);
}

void rank_undo_later(Rank *r) {
    if (!r->undone_later) defer(r->c, rank_give_back, r);
    r->undone_later = true;
}

Arena *rank_scratch(Rank *r) {
    if (r->scratch) return r->scratch;
    rank_undo_later(r);
    int64_t docs = 0;
    for (int i = 0; i < r->view->count; i++)
        docs = max_i64(docs, segment_docs(r->view->items[i].segment));
    r->scratch = arena_new((ptrdiff_t)(SCRATCH_BYTES + docs / 8 * SCRATCH_SETS));
    jmp_buf *full = arena_on_full(r->c->arena, NULL); /* what is over one's budget is over both */
    arena_on_full(r->c->arena, full);
    arena_on_full(r->scratch, full);
    return r->scratch;
}

/* The coroutine may be cancelled by its loop while this is in another thread. */
static bool is_cancelled(const Ctx *c) { return __atomic_load_n(&c->cancelled, __ATOMIC_RELAXED); }

bool rank_look_ended(Rank *r) {
    const Ctx *c = r->c;
    r->ended |= is_cancelled(c) || (c->deadline_us && mono_us() > c->deadline_us);
    return r->ended;
}

static Err *ended_err(Ctx *c) {
    if (is_cancelled(c))
        FAIL(c, CANCELLED, "The search was given up: nobody waits for it any more.");
    FAIL(c, TIMEOUT, "The search took longer than there was time for it.");
}

Err *rank_err(Rank *r) { return r->ended ? ended_err(r->c) : NULL; }

Err *engine_ended(Ctx *c) {
    bool late = c->deadline_us && mono_us() > c->deadline_us;
    return late || is_cancelled(c) ? ended_err(c) : NULL;
}

/* -- The base ---------------------------------------------------------------------------------- */

static Err *request_check(Ctx *c, const SearchDef *def, const SearchRequest *q) {
    if (def->partition_field >= 0 && str_is_null(q->partition))
        FAIL_ASKED(c, "invalid_search_partition", "A search here must name its %s",
                   def->fields[def->partition_field].name);
    if (def->partition_field < 0 && !str_is_null(q->partition))
        FAIL_ASKED(c, "invalid_search_partition", "This index has no partitions");
    for (ptrdiff_t i = 0; i < q->on_field_count; i++) {
        int f = q->on_fields[i];
        if (f < 0 || f >= def->field_count || !(def->fields[f].use & SEARCH_FOR))
            FAIL_ASKED(c, "invalid_search_attributes_to_search_on",
                       "Field %s cannot be searched", /* the caller names fields by number */
                       f < 0 || f >= def->field_count ? "(unknown)" : def->fields[f].name);
    }
    if (q->distinct_field >= 0) {
        bool known = q->distinct_field < def->field_count;
        SearchKind kind = known ? def->fields[q->distinct_field].kind : SEARCH_TEXT;
        if (kind != SEARCH_KEYWORD && kind != SEARCH_INT)
            FAIL_ASKED(c, "invalid_search_distinct", "Hits are made distinct by words or integers");
    }
    if (q->near) TRY(near_check(c, def, q->near));
    if (q->offset < 0) FAIL_ASKED(c, "invalid_search_offset", "The offset is negative");
    if (q->limit < 0) FAIL_ASKED(c, "invalid_search_limit", "The limit is negative");
    return NULL;
}

static Docset live_docs(Arena *a, const ViewSegment *v) {
    uint32_t docs = segment_docs(v->segment);
    if (!v->dead) return segment_all(v->segment);
    return docset_not(a, docset_bits(docs, v->dead, docs - v->live));
}

static Docset minus_docs(Rank *r, Matcher *m, const Term *t) {
    const Lexicon *l = segment_lexicon(m->segment);
    Arena *a = m->arena;
    if (t->glob) {
        ptrdiff_t count;
        bool complete;
        WordRange *ranges = lexicon_glob(l, a, t->words[0], &r->glob_left, &count, &complete);
        DocsetMaker all = docset_maker(a, m->base.universe);
        if (!complete) r->too_broad = true;
        for (ptrdiff_t i = 0; i < count; i++)
            segment_range_put(m->segment, &all, ranges[i], t->fields);
        return docset_made(a, &all);
    }
    uint32_t *ids = phrase_ids(m->segment, a, t);
    return ids ? docs_phrase(r, m, t, ids) : docset_none(m->base.universe);
}

static void base_make(Rank *r, Matcher *m, const ViewSegment *v) {
    const SearchRequest *q = r->request;
    Arena *a = m->arena;
    m->live = m->base = live_docs(a, v);
    if (r->def->partition_field >= 0) {
        SearchFilter *is = search_filter_is(a, r->def->partition_field, q->partition);
        m->base = docset_and(a, filter_docs(a, m->segment, is), m->base);
    }
    if (q->filter) m->base = docset_and(a, filter_docs(a, m->segment, q->filter), m->base);
    for (int i = 0; i < r->query->minus_count; i++)
        m->base = docset_minus(a, m->base, minus_docs(r, m, &r->query->minus[i]));
    m->wide = m->base.count > segment_docs(m->segment) / WIDE_PART;
}

/* -- Trees ------------------------------------------------------------------------------------- */

static void tree_terms(Rank *r, const QueryNode *n, bool *asked) {
    if (n->kind == NODE_TERM) asked[n->term] = true;
    if (n->kind == NODE_OR) r->tree_any = true;
    if (n->kind == NODE_NOT) return;
    if (n->left) tree_terms(r, n->left, asked);
    if (n->right) tree_terms(r, n->right, asked);
}

static Docset docs_near(Rank *r, Matcher *m, const QueryNode *n, Docset docs) {
    if (docs.count == 0) return docs;
    if (r->verify_left < docs.count) {
        r->estimated = true;
        return docset_none(docs.universe);
    }
    r->verify_left -= docs.count;
    Scorer *s = scorer_of(m);
    uint32_t *kept = arena_array(m->arena, uint32_t, docs.count), count = 0;
    for (DocsetWalk w = docset_walk(docs, 0); docset_next(&w) && !rank_ended(r);)
        if (score_near(s, w.doc, n)) kept[count++] = w.doc;
    return docset_array(docs.universe, kept, count);
}

/* At most QUERY_DEPTH parentheses and 1000 parts deep. */
static Docset tree_docs(Rank *r, Matcher *m, const QueryNode *n) {
    Arena *a = m->arena;
    if (n->kind == NODE_ALL) return m->base;
    if (n->kind == NODE_TERM)
        return docset_and(a, m->parts[r->starting[n->term][0]].any, m->base);
    if (n->kind == NODE_FILTER)
        return docset_and(a, filter_docs(a, m->segment, n->filter), m->base);
    Docset left = tree_docs(r, m, n->left);
    if (n->kind == NODE_NOT) return docset_minus(a, m->base, left);
    if (n->kind != NODE_OR && left.count == 0) return left;
    Docset right = tree_docs(r, m, n->right);
    if (n->kind == NODE_OR) return docset_or(a, left, right);
    Docset both = docset_and(a, left, right);
    return n->kind == NODE_NEAR ? docs_near(r, m, n, both) : both;
}

/* -- Levels ------------------------------------------------------------------------------------ */

static int level_words(const Rank *r, const int *kept, int count) {
    int words = 0;
    for (int i = 0; i < count; i++) words += r->query->terms[kept[i]].word_count;
    return words;
}

static void level_add(Rank *r, Level *levels, int *count, const bool *dropped) {
    Level *l = &levels[(*count)++];
    *l = (Level){.kept = arena_array(r->c->arena, int, r->query->term_count)};
    for (int i = 0; i < r->query->term_count; i++)
        if (!dropped[i]) l->kept[l->count++] = i;
    l->words = level_words(r, l->kept, l->count);
}

/* The term to drop next, or -1. */
static int term_to_drop(const Rank *r, const bool *dropped, const int64_t *frequency) {
    int drop = -1;
    for (int i = 0; i < r->query->term_count; i++) {
        if (dropped[i] || r->query->terms[i].phrase) continue;
        if (drop < 0 || !frequency || frequency[i] >= frequency[drop]) drop = i;
    }
    return drop;
}

Level *levels_make(Rank *r, int *count) {
    const SearchQuery *q = r->query;
    Level *levels = arena_array(r->c->arena, Level, q->term_count + 1);
    bool dropped[QUERY_TERMS] = {0};
    int64_t frequency[QUERY_TERMS] = {0};
    bool by_frequency = q->strategy == SEARCH_FREQUENCY;
    for (int i = 0; by_frequency && i < q->term_count; i++)
        for (int s = 0; s < r->view->count; s++)
            frequency[i] += docset_and_count(r->matchers[s].parts[r->starting[i][0]].any,
                                             r->matchers[s].base);
    *count = 0;
    level_add(r, levels, count, dropped);
    if (q->strategy == SEARCH_ALL) return levels;
    for (int left = q->term_count - 1; left > 0; left--) {
        int drop = term_to_drop(r, dropped, by_frequency ? frequency : NULL);
        if (drop < 0) break;
        dropped[drop] = true;
        level_add(r, levels, count, dropped);
    }
    return levels;
}

static bool runs_on(const Level *l, int from, int count) {
    for (int i = 1; i < count; i++)
        if (l->kept[from + i] != l->kept[from] + i) return false;
    return true;
}

/* The part that covers `count` kept terms before `to`, or NULL. */
static const PartDocs *part_before(const Rank *r, const Matcher *m, const Level *level, int to,
                                   int count) {
    int part = r->starting[level->kept[to - count]][count - 1];
    return part >= 0 && runs_on(level, to - count, count) ? &m->parts[part] : NULL;
}

/* Where a level's terms are covered one by one; the rows of three terms back are needed. */
enum { ROWS = JOINED_WORDS + 1, TYPOS = 4 };
typedef Docset Row[TYPOS]; /* by errors */

static Docset row_docs(const Rank *r, const Matcher *m, Arena *a, const Level *level, Row *rows,
                       int to, int typos) {
    Docset all = docset_none(m->base.universe);
    for (int n = 1; n <= JOINED_WORDS && n <= to; n++) {
        const PartDocs *d = part_before(r, m, level, to, n);
        for (int e = 0; d && e <= typos && e < COUNT(d->typos); e++) {
            Docset before = rows[(to - n) % ROWS][typos - e];
            if (before.count > 0 && d->typos[e].count > 0)
                all = docset_or(a, all, docset_and(a, before, d->typos[e]));
        }
    }
    return all;
}

static Docset rows_docs(Rank *r, Matcher *m, const Level *level, Docset within, int typos) {
    Row rows[ROWS];
    for (int t = 0; t <= typos; t++) rows[0][t] = t ? docset_none(within.universe) : within;
    for (int to = 1; to <= level->count; to++)
        for (int t = 0; t <= typos; t++)
            rows[to % ROWS][t] = row_docs(r, m, m->arena, level, rows, to, t);
    return rows[level->count % ROWS][typos];
}

/* The same for many terms, in memory for the rows and one set in making. */
static Docset rows_docs_sparing(Rank *r, Matcher *m, const Level *level, Docset within,
                                int typos) {
    Arena *a = rank_scratch(r);
    Row rows[ROWS];
    uint64_t *room[ROWS][TYPOS];
    ptrdiff_t words = (ptrdiff_t)(((uint64_t)within.universe + 63) / 64);
    for (int t = 0; t <= typos; t++) {
        rows[0][t] = t ? docset_none(within.universe) : within;
        for (int i = 0; i < ROWS; i++) room[i][t] = arena_array(a, uint64_t, words);
    }
    ArenaMark mark = arena_mark(a);
    for (int to = 1; to <= level->count && !rank_ended(r); to++)
        for (int t = 0; t <= typos; t++) {
            Docset docs = row_docs(r, m, a, level, rows, to, t);
            rows[to % ROWS][t] = docset_copied(room[to % ROWS][t], docs);
            arena_release(a, mark);
        }
    Docset docs = docset_taken(m->arena, a, rows[level->count % ROWS][typos]);
    arena_reset(a);
    return docs;
}

Docset level_docs(Rank *r, Matcher *m, const Level *level, Docset within, int typos) {
    assert(typos >= 0);
    assert(typos < TYPOS);
    if (within.count == 0 || r->ended) return docset_none(within.universe);
    bool sparing = r->part_count > PARTS_FEW;
    return sparing ? rows_docs_sparing(r, m, level, within, typos)
                   : rows_docs(r, m, level, within, typos);
}

static int more_words(const void *x, const void *y) {
    const Level *a = x, *b = y;
    return (a->words < b->words) - (a->words > b->words);
}

static Level *tree_levels(Rank *r, int *count) {
    const Level *whole = &r->whole;
    *count = 1 << whole->count;
    Level *levels = arena_array(r->c->arena, Level, *count);
    for (int choice = 0; choice < *count; choice++) {
        Level *l = &levels[choice];
        l->kept = arena_array(r->c->arena, int, whole->count);
        for (int i = 0; i < whole->count; i++)
            if (choice >> i & 1) l->kept[l->count++] = whole->kept[i];
        l->words = level_words(r, l->kept, l->count);
    }
    qsort(levels, (size_t)*count, sizeof *levels, more_words);
    return levels;
}

Docset tree_level_docs(const Rank *r, Matcher *m, const Level *level) {
    Docset docs = m->universe;
    for (int i = 0, next = 0; i < r->whole.count; i++) {
        int term = r->whole.kept[i];
        Docset any = m->parts[r->starting[term][0]].any;
        bool kept = next < level->count && level->kept[next] == term;
        next += kept;
        docs = kept ? docset_and(m->arena, docs, any) : docset_minus(m->arena, docs, any);
    }
    return docs;
}

/* Whether the documents of a level are surely among those of the next one: no word is found joined
 * with its neighbour. */
static bool levels_nested(const Rank *r, const Matcher *m, const Level *level) {
    for (int to = 2; to <= level->count; to++)
        for (int n = 2; n <= JOINED_WORDS && n <= to; n++) {
            const PartDocs *d = part_before(r, m, level, to, n);
            if (d && d->any.count > 0) return false;
        }
    return true;
}

/* Documents of the terms before `to`, whatever the errors. rows: those of fewer terms. */
static Docset any_docs(Rank *r, Matcher *m, const Level *level, const Docset *rows, int to) {
    bool sparing = r->part_count > PARTS_FEW;
    Arena *a = sparing ? rank_scratch(r) : m->arena;
    Docset all = docset_none(m->base.universe);
    for (int n = 1; n <= JOINED_WORDS && n <= to; n++) {
        const PartDocs *d = part_before(r, m, level, to, n);
        if (d && d->any.count > 0 && rows[to - n].count > 0)
            all = docset_or(a, all, docset_and(a, rows[to - n], d->any));
    }
    if (!sparing) return all;
    all = docset_taken(m->arena, a, all);
    arena_reset(a);
    return all;
}

/* The documents of each level; all in all. A level shares the terms it begins with with the one
 * before it. */
static Docset plain_docs(Rank *r, Matcher *m, const Level *levels, int count) {
    Docset rows[QUERY_TERMS + 1], all = docset_none(m->base.universe);
    m->levels = arena_array(m->arena, Docset, count);
    rows[0] = m->base;
    for (int l = 0; l < count; l++) {
        const Level *level = &levels[l], *before = l ? &levels[l - 1] : NULL;
        int same = 0;
        while (before && same < level->count && level->kept[same] == before->kept[same]) same++;
        for (int to = same + 1; to <= level->count; to++)
            rows[to] = rank_ended(r) ? all : any_docs(r, m, level, rows, to);
        m->levels[l] = rows[level->count];
    }
    for (int l = count; l-- > 0;) { /* mostly the last has all */
        bool known = l + 1 < count && m->levels[l].count > 0 && levels_nested(r, m, &levels[l]);
        if (!known) all = docset_or(m->arena, all, m->levels[l]);
    }
    return all;
}

/* -- Opening ----------------------------------------------------------------------------------- */

static void universe_make(Rank *r) {
    const SearchQuery *q = r->query;
    bool asked[QUERY_TERMS] = {0};
    if (q->root)
        tree_terms(r, q->root, asked);
    else
        for (int i = 0; i < q->term_count; i++) asked[i] = true;
    r->whole.kept = arena_array(r->c->arena, int, q->term_count);
    for (int i = 0; i < q->term_count; i++)
        if (asked[i]) r->whole.kept[r->whole.count++] = i;
    r->whole.words = level_words(r, r->whole.kept, r->whole.count);
    int count = 0;
    Level *levels = q->root || q->term_count == 0 ? NULL : levels_make(r, &count);
    for (int i = 0; i < r->view->count; i++) {
        Matcher *m = &r->matchers[i];
        m->universe = q->root     ? tree_docs(r, m, q->root)
                      : count > 0 ? plain_docs(r, m, levels, count)
                                  : m->base;
    }
    if (r->tree_any && r->whole.count <= TREE_LEVELS) levels = tree_levels(r, &count);
    r->levels = levels;
    r->level_count = count;
}

Err *rank_open(Ctx *c, const SearchDef *def, const View *view, const SearchRequest *request,
               Rank **out) {
    TRY(request_check(c, def, request));
    Rank *r = arena_new_of(c->arena, Rank);
    *r = (Rank){.c = c, .def = def, .view = view, .request = request, .fully = true};
    r->verify_left = VERIFY_BUDGET;
    r->glob_left = GLOB_BUDGET;
    TRY(sort_check(r));
    TRY(query_parse(c, def, request, &r->query));
    parts_make(r);
    key_plan_make(r);
    r->matchers = arena_array(c->arena, Matcher, view->count);
    for (int i = 0; i < view->count; i++) {
        Matcher *m = &r->matchers[i];
        *m = (Matcher){.arena = c->arena, .rank = r, .segment = view->items[i].segment};
        m->scans_left = SCAN_BUDGET;
        base_make(r, m, &view->items[i]);
        parts_look_up(r, m);
    }
    TRY(rank_err(r));
    if (r->too_broad)
        FAIL_ASKED(c, "invalid_search_q",
                   "The patterns with * or ? fit too many words for one search: they need more "
                   "letters");
    universe_make(r);
    *out = r;
    return rank_err(r);
}

Err *match_universe(Ctx *c, const SearchDef *def, const View *view, const SearchRequest *request,
                    Docset **out) {
    Rank *r;
    TRY(rank_open(c, def, view, request, &r));
    *out = arena_array(c->arena, Docset, view->count);
    for (int i = 0; i < view->count; i++) (*out)[i] = r->matchers[i].universe;
    return NULL;
}

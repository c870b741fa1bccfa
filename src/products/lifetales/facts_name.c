/* SPDX-License-Identifier: Apache-2.0
 * Names: words with a capital letter that no note has. In the middle of a sentence the capital says it;
 * at its beginning any word has one, so there it is a name only if it is no common word, ends like none,
 * is nowhere else in small letters, and shares its stem with no word of the notes. */
#include "products/lifetales/facts_name.h"

#include "search/text.h"

static void *const seen = (void *)&(char){0};

static Str joined(Arena *arena, Str a, Str b) {
    return strf(arena, "%.*s %.*s", S_ARG(a), S_ARG(b));
}

/* "J. Martin", "J.Martin", "J Martin": a letter, and on the same line a name. */
static bool initial_before(const FactTokens *t, ptrdiff_t i) {
    Str gap = t->items[i].gap;
    if (t->items[i - 1].word.len != 1) return false;
    return str_eq(gap, S(". ")) || str_eq(gap, S(".")) || str_eq(gap, S(" "));
}

void vocabulary_add(Vocabulary *v, const FactTokens *t) {
    for (ptrdiff_t i = 0; i < t->count; i++) {
        const Token *token = &t->items[i];
        map_set(&v->words, token->word, seen);
        if (!token->capital) map_set(&v->small, token->word, seen);
        if (token->capital) map_set(&v->capital, token->word, seen);
        if (i > 0 && token_joined(t, i) && t->items[i - 1].capital && token->capital)
            map_set(&v->pairs, joined(v->words.arena, t->items[i - 1].word, token->word), seen);
        if (i > 0 && t->items[i - 1].capital && token->capital && initial_before(t, i))
            map_set(&v->pairs, joined(v->words.arena, t->items[i - 1].word, token->word), seen);
    }
}

Vocabulary vocabulary_new(Arena *arena) {
    Map map = {.arena = arena};
    return (Vocabulary){map, map, map, map, map, false};
}

static bool has(const Map *words, Str word) { return map_get(words, word) != NULL; }

/* Also where one of the two has an s or an x more: Gavinis. */
static bool has_name(const Map *words, Str word) {
    if (has(words, word)) return true;
    Str less = str_slice(word, 0, word.len - 1);
    bool plural = word.len > 3 && (str_ends(word, S("s")) || str_ends(word, S("x")));
    if (plural && has(words, less)) return true;
    char more[WORD_MAX + 2];
    if (word.len < 3 || word.len > WORD_MAX) return false;
    memcpy(more, word.data, (size_t)word.len);
    more[word.len] = 's';
    if (has(words, str_of(more, word.len + 1))) return true;
    for (int i = 0; i < 16; i++) {
        Str other = word_abroad(word, i);
        if (str_is_null(other)) return false;
        if (other.len > 0 && has(words, other)) return true;
    }
    return false;
}

/* -- at the beginning of sentences ------------------------------------------------------------ */

static void stems_make(Vocabulary *v) {
    if (v->stemmed) return;
    v->stemmed = true;
    MapSlot slot;
    for (ptrdiff_t at = 0; map_next(&v->small, &at, &slot);) {
        char stems[2 * WORD_MAX];
        int second, first = word_stem(slot.key, stems, &second);
        map_set(&v->stems, str_copy(v->stems.arena, str_of(stems, first)), seen);
        if (second)
            map_set(&v->stems, str_copy(v->stems.arena, str_of(stems + first, second)), seen);
    }
}

static bool stem_known(Vocabulary *v, Str word) {
    stems_make(v);
    char stems[2 * WORD_MAX];
    int second, first = word_stem(word, stems, &second);
    return has(&v->stems, str_of(stems, first)) ||
           (second && has(&v->stems, str_of(stems + first, second)));
}

/* -ment, -tion, -ing …: endings that names hardly have. */
static bool ends_common(Str word) {
    static const struct {
        const char *end;
        ptrdiff_t least; /* letters of the word */
    } rows[] = {
        {"ment", 8},  {"tion", 7},   {"sion", 7},    {"ness", 7},  {"ingly", 7}, {"ally", 6},
        {"antly", 7}, {"ently", 7},  {"fully", 7},   {"ously", 7}, {"ibly", 6},  {"ably", 6},
        {"ing", 6},   {"aient", 6},  {"eraient", 7}, {"ized", 6},  {"ated", 6},  {"eux", 6},
        {"euse", 6},  {"ements", 8}, {"ful", 6},     {"less", 7},  {"able", 7},  {"ly", 6},
        {"ed", 6},    {"ee", 6},     {"tue", 5},     {"due", 5},   {"nue", 5},   {"lue", 5},
        {"rue", 5},   {"tues", 6},   {"dues", 6},    {"ees", 6},   {"ous", 7},   {"eous", 7},
        {"ique", 7},  {"iques", 7},  {"ives", 7},    {"ive", 7},   {"ible", 7}};
    if (word_among(
            " alfred wilfred winifred manfred mildred mohamed muhammed mohammed dorothee desiree "
            "andree timothee beverly kimberly waverly clement harding manning browning fleming "
            "sterling irving keating goring ",
            word))
        return false;
    for (ptrdiff_t i = 0; i < COUNT(rows); i++)
        if (word.len >= rows[i].least && str_ends(word, str_c(rows[i].end))) return true;
    return false;
}

/* A name goes on with a name, whatever it looks like itself: Will Hewer. */
static bool name_follows(const FactTokens *t, ptrdiff_t i) {
    return i + 1 < t->count && token_joined(t, i + 1) && t->items[i + 1].capital &&
           !t->items[i + 1].start && !t->items[i + 1].taken;
}

/* "Épuisée, je rentre": who it is said of comes behind the comma. */
static bool who_follows(const FactTokens *t, ptrdiff_t i) {
    return i + 1 < t->count && str_eq(t->items[i + 1].gap, S(", ")) &&
           word_among(" je j il elle on nous ils elles i he she we they you tu vous ",
                      t->items[i + 1].word);
}

static bool start_is_name(const FactTokens *t, ptrdiff_t i, Vocabulary *notes,
                          const Vocabulary *own) {
    const Token *token = &t->items[i];
    if (word_is_common(token->word) || token->word.len < 2) return false;
    if (has(&own->small, token->word) || who_follows(t, i)) return false;
    if (name_follows(t, i)) return true;
    return !ends_common(token->word) && !stem_known(notes, token->word);
}

/* The first half of names of places: York is not New York. */
static bool place_invented(Arena *arena, const FactTokens *t, ptrdiff_t i,
                           const Vocabulary *notes) {
    if (i == 0 || !token_joined(t, i) || t->items[i - 1].start || t->items[i].start) return false;
    const Token *a = &t->items[i - 1], *b = &t->items[i];
    return a->capital && b->capital &&
           word_among(" new nouvelle saint sainte san santa los las port mont north south east "
                      "west fort lake "
                      "cap upper lower ",
                      a->word) &&
           !has(&notes->pairs, joined(arena, a->word, b->word)) && !has(&notes->capital, a->word);
}

/* -- all -------------------------------------------------------------------------------------- */

/* Known parts put together anew, where they are written as one: Jean-Pierre, S. Coventry. */
static bool pair_invented(Arena *arena, const FactTokens *t, ptrdiff_t i, const Vocabulary *notes) {
    if (i == 0 || !t->items[i].capital || !t->items[i - 1].capital) return false;
    const Token *a = &t->items[i - 1], *b = &t->items[i];
    bool hyphen = str_eq(b->gap, S("-")) && a->word.len > 1 && b->word.len > 1;
    bool pause = !str_eq(b->gap, S(" ")); /* "A Martin", "À Martin", "Y Martin" are words */
    bool initial = initial_before(t, i) && b->word.len > 2 &&
                   !word_among(pause ? " m i " : " m i a o y u ", a->word);
    if (!hyphen && !initial) return false;
    if (a->start && b->start && hyphen) return false; /* shouted */
    return !has(&notes->pairs, joined(arena, a->word, b->word));
}

static bool token_invented(const FactTokens *t, ptrdiff_t i, Vocabulary *notes,
                           const Vocabulary *own) {
    const Token *token = &t->items[i];
    Str word = token->word;
    if (!token->capital || token->taken || word.len < 2) return false;
    if (has_name(&notes->words, word)) {
        /* Of a flower, not of a woman. */
        bool cased = notes->capital.count > 0 && !token->start && word_is_name_too(word);
        return cased && !has_name(&notes->capital, word);
    }
    if (word_is_title(word)) return false;
    if (calendar_month(word) && token->start) return false;
    return token->start ? start_is_name(t, i, notes, own) : true;
}

void names_invented(Arena *arena, const FactTokens *t, Vocabulary *notes, const Vocabulary *own,
                    NameFound found, void *arg) {
    for (ptrdiff_t i = 0; i < t->count; i++) {
        if (token_invented(t, i, notes, own))
            found(arg, t->items[i].from, t->items[i].to);
        else if (pair_invented(arena, t, i, notes) || place_invented(arena, t, i, notes))
            found(arg, t->items[i - 1].from, t->items[i].to);
    }
}

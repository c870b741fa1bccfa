/* SPDX-License-Identifier: Apache-2.0
 * Words, sentences and languages, as far as the local provider needs them. */
#include <math.h>

#include "ai/local.h"
#include "core/map.h"

/* -- Words ---------------------------------------------------------------------------------------- */

static bool is_arabic(Str word) {
    ptrdiff_t at = 0;
    int32_t point = str_utf8_next(word, &at);
    return point >= 0x600 && point < 0x700;
}

Language text_spoken(Arena *arena, Str text) {
    Str code = text_language(arena, text);
    if (str_eq(code, S("ar"))) return LANGUAGE_AR;
    return str_eq(code, S("en")) ? LANGUAGE_EN : LANGUAGE_FR;
}

/* Arabic's article, and the conjunctions and prepositions written onto it. */
static Str arabic_stem(Str word) {
    static const char *const fronts[] = {"وال", "بال", "فال", "كال", "لل", "ال"};
    for (int i = 0; i < COUNT(fronts); i++)
        if (str_starts(word, str_c(fronts[i])) && word.len - (ptrdiff_t)strlen(fronts[i]) >= 4)
            return str_slice(word, (ptrdiff_t)strlen(fronts[i]), word.len);
    return word;
}

static Term term_of(Arena *arena, Str word) {
    if (is_arabic(word)) return (Term){.word = word, .stem = arabic_stem(word)};
    char stems[2 * WORD_MAX];
    int second = 0, first = word_stem(word, stems, &second);
    Term t = {.word = word, .stem = str_copy(arena, str_of(stems, first))};
    if (second) t.other = str_copy(arena, str_of(stems + first, second));
    return t;
}

Terms terms_of(Arena *arena, Str text) {
    Words words = {.arena = arena};
    words_add(&words, text);
    Terms terms = {arena_array(arena, Term, words.count + 1), 0};
    for (ptrdiff_t i = 0; i < words.count; i++)
        if (!words.items[i].whole && !word_is_stop(words.items[i].text))
            terms.items[terms.count++] = term_of(arena, words.items[i].text);
    return terms;
}

static bool stems_meet(const Term *a, const Term *b) {
    return str_eq(a->stem, b->stem) || (a->other.len && str_eq(a->other, b->stem)) ||
           (b->other.len && str_eq(a->stem, b->other)) ||
           (a->other.len && b->other.len && str_eq(a->other, b->other));
}

/* More than half of the longer word, and no number: 2024 is not 2025. */
static bool begins_alike(Str a, Str b) {
    enum { LEAST = 4 };
    ptrdiff_t same = 0, longer = max_size(a.len, b.len);
    while (same < a.len && same < b.len && a.data[same] == b.data[same]) same++;
    bool digit = a.len && a.data[0] >= '0' && a.data[0] <= '9';
    return same >= LEAST && same * 2 > longer && !digit;
}

double term_match(const Term *a, const Term *b) {
    if (stems_meet(a, b)) return 1;
    return begins_alike(a->stem, b->stem) ? 0.6 : 0;
}

/* -- Sentences ------------------------------------------------------------------------------------ */

/* A point behind one of these, or behind a single letter, ends no sentence. */
static bool abbreviates(Str before) {
    static const char list[] =
        " art al cf chap dr etc ex fig mme mlle mr mrs ms no nos p pp st sect vol vs e.g i.e ";
    ptrdiff_t from = before.len;
    while (from > 0 && before.data[from - 1] != ' ' && before.data[from - 1] != '(') from--;
    Str word = str_slice(before, from, before.len);
    char lower[10] = " ";
    if (word.len < 1 || word.len > (ptrdiff_t)sizeof lower - 2) return false;
    for (ptrdiff_t i = 0; i < word.len; i++) {
        char byte = word.data[i];
        lower[i + 1] = (char)(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
    }
    lower[word.len + 1] = ' ';
    return word.len == 1 || str_find(str_c(list), str_of(lower, word.len + 2)) >= 0;
}

/* Length of the mark that ends a sentence at `at`; 0: none. */
static ptrdiff_t mark_at(Str text, ptrdiff_t at) {
    static const char *const marks[] = {".", "!", "?", "…", "؟", "。"};
    for (int i = 0; i < COUNT(marks); i++)
        if (str_starts(str_slice(text, at, text.len), str_c(marks[i])))
            return (ptrdiff_t)strlen(marks[i]);
    return 0;
}

/* Behind the sentence that begins at `from`. */
static ptrdiff_t sentence_end(Str text, ptrdiff_t from) {
    for (ptrdiff_t at = from; at < text.len;) {
        ptrdiff_t mark = mark_at(text, at);
        if (mark == 0) {
            at++;
            continue;
        }
        bool point = text.data[at] == '.' && abbreviates(str_slice(text, from, at));
        at += mark;
        for (ptrdiff_t more; (more = mark_at(text, at)) > 0;) at += more;
        while (at < text.len && (text.data[at] == ')' || text.data[at] == '"')) at++;
        if (str_starts(str_slice(text, at, text.len), S(" »"))) at += 3;
        bool space = at == text.len || text.data[at] == ' ';
        bool small = at + 1 < text.len && text.data[at + 1] >= 'a' && text.data[at + 1] <= 'z';
        if (space && !small && !point) return at;
    }
    return text.len;
}

static void sentence_put(Sentences *s, Str text, Str heading, int source) {
    text = str_trim(text);
    if (text.len == 0 || s->count == SENTENCES_MAX) return;
    if (s->count == s->cap) {
        ptrdiff_t cap = s->cap ? 2 * s->cap : 64, size = (ptrdiff_t)sizeof *s->items;
        s->items = arena_grow(s->arena, s->items, s->cap * size, cap * size);
        s->cap = cap;
    }
    Sentence one = {.text = text, .heading = heading, .source = source};
    one.terms = terms_of(s->arena, text);
    if (one.terms.count > 0) s->items[s->count++] = one;
}

static Str marker_off(Str line) {
    ptrdiff_t at = 0;
    while (at < line.len && (line.data[at] == '#' || line.data[at] == '>' || line.data[at] == '*' ||
                             line.data[at] == '-' || line.data[at] == '|'))
        at++;
    if (str_starts(str_slice(line, at, line.len), S("•"))) at += 3;
    return str_trim(str_slice(line, at, line.len));
}

static bool is_heading(Str line, Str bare) {
    if (line.data[0] == '#') return true;
    enum { HEADING_MOST = 60 };
    char last = bare.data[bare.len - 1];
    bool ended = last == '.' || last == '!' || last == ';' || last == ',' || str_ends(bare, S("…"));
    bool listed_line = bare.len != line.len;
    return !ended && !listed_line && bare.len <= HEADING_MOST && line.data[0] != '"';
}

/* A line goes on in the next one when it is long, has no end, and the next one begins small. */
static bool goes_on(Str line, Str next) {
    enum { LONG = 40 };
    if (line.len < LONG || next.len == 0) return false;
    char last = line.data[line.len - 1];
    if (last == '.' || last == '!' || last == '?' || last == ':' || last == ';') return false;
    return (next.data[0] >= 'a' && next.data[0] <= 'z') || next.data[0] == '(' ||
           (unsigned char)next.data[0] >= 0x80;
}

static void paragraph_add(Sentences *s, Str text, Str heading, int source) {
    for (ptrdiff_t at = 0; at < text.len;) {
        ptrdiff_t end = sentence_end(text, at);
        sentence_put(s, str_slice(text, at, end), heading, source);
        at = end;
    }
}

void sentences_add(Sentences *s, Str text, int source) {
    Str heading = {0}, rest = text, line;
    while (!str_is_null(rest)) {
        rest = str_cut(rest, '\n', &line);
        line = str_trim(line);
        Str bare = marker_off(line);
        if (bare.len == 0) continue;
        Str next;
        str_cut(str_is_null(rest) ? S("") : rest, '\n', &next);
        next = str_trim(next);
        if (goes_on(bare, next)) {
            Buf b = buf_new(s->arena, text.len);
            buf_add(&b, bare);
            while (!str_is_null(rest) && goes_on(line, next)) {
                rest = str_cut(rest, '\n', &line);
                line = str_trim(line);
                buf_byte(&b, ' ');
                buf_add(&b, line);
                str_cut(str_is_null(rest) ? S("") : rest, '\n', &next);
                next = str_trim(next);
            }
            bare = line = buf_str(&b);
        }
        if (is_heading(line, bare))
            heading = bare;
        else
            paragraph_add(s, bare, heading, source);
    }
}

/* -- Which of them ---------------------------------------------------------------------------------- */

static double best_match(const Term *term, const Terms *among) {
    double best = 0;
    for (ptrdiff_t i = 0; i < among->count && best < 1; i++)
        best = fmax(best, term_match(term, &among->items[i]));
    return best;
}

double sentences_ask(Arena *arena, Sentences *s, const Terms *question) {
    enum { USUAL_TERMS = 12 };
    double *match = arena_array(arena, double, question->count * s->count + 1);
    double most = 0;
    for (ptrdiff_t i = 0; i < s->count; i++) {
        Terms heading = terms_of(arena, s->items[i].heading);
        for (ptrdiff_t q = 0; q < question->count; q++) {
            double own = best_match(&question->items[q], &s->items[i].terms);
            double above = 0.5 * best_match(&question->items[q], &heading);
            match[i * question->count + q] = fmax(own, above);
        }
    }
    for (ptrdiff_t i = 0; i < s->count; i++) s->items[i].score = s->items[i].cover = 0;
    for (ptrdiff_t q = 0; q < question->count; q++) {
        double found = 0;
        for (ptrdiff_t i = 0; i < s->count; i++) found += match[i * question->count + q];
        double rare = log(1 + (double)s->count / (0.5 + found));
        for (ptrdiff_t i = 0; i < s->count; i++) {
            s->items[i].score += rare * match[i * question->count + q];
            s->items[i].cover += match[i * question->count + q] / (double)question->count;
        }
    }
    for (ptrdiff_t i = 0; i < s->count; i++) {
        double over = fmax(0, (double)(s->items[i].terms.count - USUAL_TERMS));
        s->items[i].score /= 1 + over / (4 * USUAL_TERMS);
        most = fmax(most, s->items[i].cover);
    }
    return most;
}

void sentences_centre(Arena *arena, Sentences *s) {
    Map counts = {.arena = arena};
    for (ptrdiff_t i = 0; i < s->count; i++)
        for (ptrdiff_t k = 0; k < s->items[i].terms.count; k++) {
            Str stem = s->items[i].terms.items[k].stem;
            double *n = map_get(&counts, stem);
            if (!n) map_set(&counts, stem, n = arena_new_of(arena, double));
            *n += 1;
        }
    for (ptrdiff_t i = 0; i < s->count; i++) {
        Sentence *one = &s->items[i];
        double sum = 0;
        for (ptrdiff_t k = 0; k < one->terms.count; k++)
            sum += log(1 + *(const double *)map_get(&counts, one->terms.items[k].stem));
        one->score = sum / sqrt((double)one->terms.count + 3);
    }
}

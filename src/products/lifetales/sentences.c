/* SPDX-License-Identifier: Apache-2.0
 * Where sentences end. A mark (. ! ? …) ends one when a space follows and no small letter behind it, and
 * when the point belongs to no abbreviation, initial or list number; the marks of Chinese, Japanese and
 * Arabic always do; so does an empty line, and the end of a line unless the next one goes on in small
 * letters. What is longer than SENTENCE_LONG is parted at a comma, else at a space: speech without a
 * single mark is still told piece by piece. */
#include "products/lifetales/facts_room.h"

enum { SENTENCE_LONG = 1200 };

LetterSize letter_size(int32_t c) {
    if (c < 0x80) {
        if (c >= 'a' && c <= 'z') return SIZE_SMALL;
        return c >= 'A' && c <= 'Z' ? SIZE_CAPITAL : SIZE_NONE;
    }
    if (c < 0xC0 || c == 0xD7 || c == 0xF7) return SIZE_NONE;
    if (c < 0x100) return c <= 0xDE ? SIZE_CAPITAL : SIZE_SMALL;
    bool odd_is_capital = (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E);
    if (c == 0x178) return SIZE_CAPITAL;
    if (c < 0x180) return (c & 1) == odd_is_capital ? SIZE_CAPITAL : SIZE_SMALL;
    if (c >= 0x386 && c <= 0x3AB) return SIZE_CAPITAL;
    if (c >= 0x3AC && c <= 0x3CE) return SIZE_SMALL;
    if (c >= 0x400 && c <= 0x42F) return SIZE_CAPITAL;
    if (c >= 0x430 && c <= 0x45F) return SIZE_SMALL;
    return SIZE_NONE;
}

bool code_is_space(int32_t c) {
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xA0 || c == 0x1680 || c == 0x85 ||
           (c >= 0x2000 && c <= 0x200B) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000 || c == 0xFEFF;
}

bool code_is_han(int32_t c) {
    return (c >= 0x3040 && c <= 0x30FF) || (c >= 0x3400 && c <= 0x4DBF) ||
           (c >= 0x4E00 && c <= 0x9FFF);
}

bool word_among(const char *list, Str word) {
    char padded[40] = " ";
    if (word.len < 1 || word.len > (ptrdiff_t)sizeof padded - 3) return false;
    memcpy(padded + 1, word.data, (size_t)word.len);
    padded[word.len + 1] = ' ';
    return str_find(str_c(list), str_of(padded, word.len + 2)) >= 0;
}

static int32_t code_at(Str text, ptrdiff_t at, ptrdiff_t *next) {
    *next = at;
    return at < text.len ? str_utf8_next(text, next) : 0;
}

/* -- marks ------------------------------------------------------------------------------------ */

static bool is_mark(int32_t c) { return c == '.' || c == '!' || c == '?' || c == 0x2026; }
static bool is_full_mark(int32_t c) {
    return c == 0x3002 || c == 0xFF01 || c == 0xFF1F || c == 0xFF61 || c == 0x61F || c == 0x6D4;
}
static bool is_closer(int32_t c) {
    return c == ')' || c == ']' || c == '"' || c == '\'' || c == 0x201D || c == 0x2019 ||
           c == 0xBB || c == 0x300D || c == 0x300F || c == 0xFF09 || c == '*';
}

/* Behind marks and what closes; a » may stand behind a space. */
static ptrdiff_t marks_end(Str text, ptrdiff_t at) {
    for (;;) {
        ptrdiff_t next, behind;
        int32_t c = code_at(text, at, &next);
        if (c && (is_mark(c) || is_full_mark(c) || is_closer(c))) {
            at = next;
            continue;
        }
        bool thin = c == ' ' || c == 0xA0 || c == 0x202F;
        int32_t after = thin ? code_at(text, next, &behind) : 0;
        if (after != 0xBB && after != '!' && after != '?') return at;
        at = behind;
    }
}

static ptrdiff_t space_end(Str text, ptrdiff_t at) {
    for (ptrdiff_t next;; at = next) {
        int32_t c = code_at(text, at, &next);
        if (!c || !code_is_space(c)) return at;
    }
}

/* The word that ends at `end`, in small ASCII letters; false for one too long to be an abbreviation. */
static bool word_before(Str text, ptrdiff_t from, ptrdiff_t end, char out[8], bool *capital) {
    ptrdiff_t begin = end;
    while (begin > from && end - begin < 8) {
        unsigned char byte = (unsigned char)text.data[begin - 1];
        bool letter = (byte | 32) >= 'a' && (byte | 32) <= 'z';
        if (!letter && byte < 0x80) break;
        begin--;
    }
    ptrdiff_t len = end - begin;
    if (len < 1 || len > 7) return false;
    *capital = text.data[begin] >= 'A' && text.data[begin] <= 'Z';
    for (ptrdiff_t i = 0; i < len; i++) out[i] = (char)(text.data[begin + i] | 32);
    out[len] = 0;
    return true;
}

/* Does the point at `at` belong to the word before it? `next` is the code point after the space. */
static bool point_abbreviates(Str text, ptrdiff_t from, ptrdiff_t at, int32_t next) {
    static const char titles[] =
        " mr mrs ms dr st ste mme mlle melle mlles mmes mgr prof capt col gen "
        "lt sgt rev hon mm messrs maj cdt me ";
    static const char counted[] =
        " no nos vol fig art chap p pp ch janv fevr avr juil sept oct nov "
        "dec jan feb mar apr aug sep env ";
    bool digits = at > from;
    for (ptrdiff_t i = from; i < at; i++)
        digits = digits && text.data[i] >= '0' && text.data[i] <= '9';
    if (digits) return true;
    char word[8];
    bool capital = false;
    if (!word_before(text, from, at, word, &capital)) return false;
    if (!word[1]) return capital && word[0] != 'i';
    if (word_among(titles, str_c(word))) return capital || word[1] == 'm';
    return next >= '0' && next <= '9' && word_among(counted, str_c(word));
}

/* Is there an end behind the mark at `at`? *end is behind all that belongs to it. */
static bool mark_ends(Str text, ptrdiff_t from, ptrdiff_t at, int32_t mark, ptrdiff_t *end) {
    *end = marks_end(text, at);
    if (*end >= text.len || is_full_mark(mark)) return true;
    ptrdiff_t behind = space_end(text, *end), after;
    if (behind == *end) return false;
    int32_t next = code_at(text, behind, &after);
    if (letter_size(next) == SIZE_SMALL) return false;
    bool alone = text.data[at] == '.' && *end == at + 1;
    return !(alone && point_abbreviates(text, from, at, next));
}

/* A line's end at `at` ends the sentence: an empty line follows, or no small letter. */
static bool line_ends(Str text, ptrdiff_t at) {
    int lines = 0;
    for (ptrdiff_t next;; at = next) {
        int32_t c = code_at(text, at, &next);
        if (!c) return true;
        if (!code_is_space(c)) return lines > 1 || letter_size(c) != SIZE_SMALL;
        lines += c == '\n';
    }
}

/* -- one sentence ----------------------------------------------------------------------------- */

static ptrdiff_t sentence_until(Str text, ptrdiff_t from) {
    ptrdiff_t comma = 0, space = 0;
    for (ptrdiff_t at = from, next; at < text.len; at = next) {
        int32_t c = code_at(text, at, &next);
        ptrdiff_t end;
        if (is_mark(c) || is_full_mark(c)) {
            if (mark_ends(text, from, at, c, &end)) return end;
            next = end;
        } else if (c == '\n' && line_ends(text, at)) {
            return at;
        }
        if (c == ',' || c == ';' || c == 0xFF0C || c == 0x3001 || c == 0x60C) comma = next;
        if (code_is_space(c)) space = at;
        if (next - from < SENTENCE_LONG) continue;
        if (comma > from + SENTENCE_LONG / 4 && comma < text.len) return comma;
        return space > from ? space : next;
    }
    return text.len;
}

static ptrdiff_t trimmed(Str text, ptrdiff_t from, ptrdiff_t end) {
    ptrdiff_t last = from;
    for (ptrdiff_t at = from, next; at < end; at = next) {
        int32_t c = code_at(text, at, &next);
        if (!code_is_space(c)) last = next;
    }
    return last;
}

bool sentences_run_on(Arena *arena, Str before, Str after) {
    enum { LOOK = 48 };
    ptrdiff_t at = max_size(before.len - LOOK, 0);
    if (!str_ends(before, S(".")) || after.len == 0) return false;
    while (at > 0 && at < before.len && before.data[at - 1] != ' ') at++;
    if (at == before.len) return false;
    Str tail = str_slice(before, at, before.len), head = str_utf8_cut(after, LOOK);
    ptrdiff_t count;
    ArenaMark mark = arena_mark(arena);
    Str both = strf(arena, "%.*s %.*s", S_ARG(tail), S_ARG(head));
    Range *ranges = story_sentences(arena, both, &count);
    bool one = true;
    for (ptrdiff_t i = 0; i < count; i++) one = one && ranges[i].end != tail.len;
    arena_release(arena, mark);
    return one;
}

Range *story_sentences(Arena *arena, Str text, ptrdiff_t *count) {
    assert(arena && count);
    Range *ranges = NULL;
    ptrdiff_t cap = 0;
    *count = 0;
    for (ptrdiff_t at = space_end(text, 0); at < text.len;) {
        ptrdiff_t end = sentence_until(text, at);
        assert(end > at);
        if (*count == cap) {
            ptrdiff_t more = cap ? 2 * cap : 16, size = (ptrdiff_t)sizeof *ranges;
            ranges = arena_grow(arena, ranges, cap * size, more * size);
            cap = more;
        }
        ranges[(*count)++] = (Range){at, trimmed(text, at, end)};
        at = space_end(text, end);
    }
    return ranges;
}

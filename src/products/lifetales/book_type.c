/* SPDX-License-Identifier: Apache-2.0
 * Typography: what a typist leaves to the printer. French: narrow no-break spaces before ; ! ?, no-break
 * ones before : and », after «; English: curly quotes; both: apostrophes, dashes, the ellipsis.
 *
 * Invariants: a text that has been here comes back the same; a word that is an address (://, www., @,
 * a.b/c) is not touched, nor is a colon between digits, nor a number. What cannot be told (a quote without
 * its partner) stays as it was typed. */
#include "products/lifetales/book_room.h"

enum { NBSP = 0xa0, NNBSP = 0x202f, APOSTROPHE = 0x2019, LAQUO = 0xab, RAQUO = 0xbb };
typedef enum QuoteRole { QUOTE_NONE, QUOTE_OPENS, QUOTE_CLOSES } QuoteRole;

typedef struct Typing {
    int32_t *in;
    uint8_t *fixed, *quotes; /* of each: part of an address; QuoteRole */
    ptrdiff_t count, at;
    Buf out;
    int32_t last, before_last; /* what was written */
    bool french;
} Typing;

static bool is_space(int32_t p) {
    return p == ' ' || p == '\n' || p == '\t' || p == NBSP || p == NNBSP || p == 0;
}
static bool is_blank(int32_t p) { return p == ' ' || p == NBSP || p == NNBSP; }
static bool is_digit(int32_t p) { return p >= '0' && p <= '9'; }
static bool is_word(int32_t p) {
    return is_digit(p) || (p >= 'a' && p <= 'z') || (p >= 'A' && p <= 'Z') ||
           (p >= 0xc0 && p != 0xd7 && p != 0xf7 && p < 0x2000) || p == 0xaa || p == 0xba;
}
static bool is_opening(int32_t p) {
    return is_space(p) || p == '(' || p == '[' || p == LAQUO || p == 0x2014 || p == 0x2013 ||
           p == 0x201c || p == 0x2018;
}
static bool is_closing(int32_t p) {
    return is_space(p) || p == ')' || p == ']' || p == RAQUO || p == '"' || p == 0x201d ||
           p == APOSTROPHE || p == '!' || p == '?' || p == 0x2026 || p == ',' || p == '.' ||
           p == ':' || p == ';';
}

static int32_t at(const Typing *t, ptrdiff_t i) {
    return i >= 0 && i < t->count ? t->in[i] : 0;
}
static void put(Typing *t, int32_t p) {
    book_point(&t->out, p);
    t->before_last = t->last;
    t->last = p;
}
/* The blank that was written last becomes this one. */
static void blank_becomes(Typing *t, int32_t p) {
    t->out.len -= t->last == ' ' ? 1 : t->last == NBSP ? 2 : 3;
    t->last = t->before_last;
    put(t, p);
}

/* May a quote open at i? Two hyphens are the dash that they become. */
static bool opens_at(const Typing *t, ptrdiff_t i) {
    return is_opening(at(t, i - 1)) || (at(t, i - 1) == '-' && at(t, i - 2) == '-');
}

static bool address(const Typing *t, ptrdiff_t from, ptrdiff_t to) {
    bool dot = false;
    if (at(t, from) == 'w' && at(t, from + 1) == 'w' && at(t, from + 2) == 'w' &&
        at(t, from + 3) == '.')
        return true;
    for (ptrdiff_t i = from; i < to; i++) {
        int32_t p = t->in[i], next = i + 1 < to ? t->in[i + 1] : 0;
        if (p == ':' && next == '/' && i + 2 < to && t->in[i + 2] == '/') return true;
        if (p == '@' && i > from && is_word(next)) return true;
        if (p == '/' && dot && is_word(next)) return true;
        if (p == '.' && is_word(next) && i > from && is_word(t->in[i - 1])) dot = true;
    }
    return false;
}

static void addresses_mark(Typing *t) {
    for (ptrdiff_t from = 0; from < t->count;) {
        ptrdiff_t to = from;
        while (to < t->count && !is_space(t->in[to])) to++;
        if (to > from && address(t, from, to)) memset(t->fixed + from, 1, (size_t)(to - from));
        from = to + 1;
    }
}

/* Straight double quotes, in pairs within a paragraph. */
static void quotes_pair(Typing *t) {
    ptrdiff_t open = -1;
    for (ptrdiff_t i = 0; i < t->count; i++) {
        if (at(t, i) == '\n' && at(t, i + 1) == '\n') open = -1;
        if (at(t, i) != '"' || t->fixed[i]) continue;
        if (opens_at(t, i) && !is_space(at(t, i + 1))) {
            open = i;
        } else if (open >= 0 && i > open + 1 && !is_word(at(t, i + 1))) {
            t->quotes[open] = QUOTE_OPENS;
            t->quotes[i] = QUOTE_CLOSES;
            open = -1;
        }
    }
}

static ptrdiff_t run_of(const Typing *t, int32_t p) {
    ptrdiff_t n = 0;
    while (at(t, t->at + n) == p && (t->at + n < t->count) && !t->fixed[t->at + n]) n++;
    return n;
}

/* What stands before high punctuation in French. */
static void french_before(Typing *t, int32_t blank) {
    if (is_blank(t->last))
        blank_becomes(t, blank);
    else if (!is_space(t->last) && t->last != '(' && t->last != '[' && t->last != '!' &&
             t->last != '?' && t->last != '.' && t->last != '-')
        put(t, blank);
}

static void put_open(Typing *t) {
    put(t, t->french ? LAQUO : 0x201c);
    if (!t->french) return;
    while (is_blank(at(t, t->at))) t->at++;
    put(t, NBSP);
}
static void put_close(Typing *t) {
    if (t->french && is_blank(t->last))
        blank_becomes(t, NBSP);
    else if (t->french && !is_space(t->last) && t->last != '-')
        put(t, NBSP);
    put(t, t->french ? RAQUO : 0x201d);
}

static bool elided(const Typing *t) {
    static const char *const words[] = {"tis", "twas", "twere", "em", "til", "cause", "n", NULL};
    for (int w = 0; words[w]; w++) {
        ptrdiff_t len = (ptrdiff_t)strlen(words[w]), i = 0;
        while (i < len && (at(t, t->at + i) | 0x20) == words[w][i]) i++;
        if (i == len && !is_word(at(t, t->at + i))) return true;
    }
    return is_digit(at(t, t->at));
}

static void put_single(Typing *t, int32_t before) {
    bool joins = is_word(before) || before == '.' || before == ',' || before == '!' || before == '?';
    if (is_word(before) || (!t->french && (joins || elided(t))))
        put(t, APOSTROPHE);
    else if (!t->french && opens_at(t, t->at - 1) && is_word(at(t, t->at)))
        put(t, 0x2018);
    else
        put(t, '\'');
}

/* - -- ---: a dash where it is one. */
static void put_dashes(Typing *t) {
    ptrdiff_t n = run_of(t, '-');
    int32_t before = at(t, t->at - 1), after = at(t, t->at + n);
    bool begins = before == 0 || before == '\n', inside = !begins && is_blank(before);
    int32_t dash = '-';
    if (n == 1 && is_blank(after) && t->french && begins) dash = 0x2014;
    if (n == 1 && is_blank(after) && inside) dash = 0x2013;
    if (n == 2) dash = t->french || is_space(before) ? 0x2013 : 0x2014;
    if (n == 3) dash = 0x2014;
    for (ptrdiff_t i = 0; i < (dash == '-' ? n : 1); i++) put(t, dash);
    t->at += n;
    if (dash == 0x2014 && begins && t->french && is_blank(at(t, t->at))) {
        put(t, NBSP);
        t->at++;
    }
}

/* M. Dupont, Mme Duval: never parted. */
static bool titled(const Typing *t, ptrdiff_t blank) {
    static const char *const titles[] = {"M.", "MM.", "Mme", "Mmes", "Mlle", "Mgr", NULL};
    for (int w = 0; titles[w]; w++) {
        ptrdiff_t len = (ptrdiff_t)strlen(titles[w]), i = 0;
        while (i < len && at(t, blank - len + i) == titles[w][i]) i++;
        if (i == len && is_space(at(t, blank - len - 1))) {
            int32_t next = at(t, blank + 1);
            return (next >= 'A' && next <= 'Z') || (next >= 0xc0 && next <= 0xde);
        }
    }
    return at(t, blank - 1) == 0xb0 && at(t, blank - 2) == 'n' && is_digit(at(t, blank + 1));
}

static bool entity(const Typing *t) { /* &amp; typed as such */
    ptrdiff_t i = t->at - 2;
    while (i >= 0 && i > t->at - 10 && (is_word(t->in[i]) || t->in[i] == '#')) i--;
    return i >= 0 && t->in[i] == '&';
}

/* Is this colon the end of something, not of a time or a smile? Before what will have a blank before it, too. */
static bool colon_ends(const Typing *t) {
    int32_t next = at(t, t->at);
    return is_space(next) || next == '!' || next == '?' || next == ';' || next == RAQUO ||
           (next == '"' && t->quotes[t->at] == QUOTE_CLOSES);
}

/* Of French alone; false: the sign is like any other. */
static bool put_french(Typing *t, int32_t p) {
    int32_t next = at(t, t->at);
    if ((p == '!' || p == '?' || p == ';') && is_closing(next) && !(p == ';' && entity(t)))
        french_before(t, NNBSP);
    else if (p == ':' && colon_ends(t))
        french_before(t, NBSP);
    else if (p == RAQUO)
        return put_close(t), true;
    else if (p == LAQUO)
        return put_open(t), true;
    else if (p == ' ' && titled(t, t->at - 1))
        return put(t, NBSP), true;
    else
        return false;
    put(t, p);
    return true;
}

static void put_next(Typing *t) {
    int32_t p = t->in[t->at], before = at(t, t->at - 1);
    if (t->fixed[t->at]) {
        put(t, p);
        t->at++;
    } else if (p == '-') {
        put_dashes(t);
    } else if (p == '.' && run_of(t, '.') == 3) {
        put(t, 0x2026);
        t->at += 3;
    } else if (p == '.') {
        for (ptrdiff_t n = run_of(t, '.'); n > 0; n--, t->at++) put(t, p);
    } else {
        QuoteRole role = t->quotes[t->at++];
        if (role == QUOTE_OPENS)
            put_open(t);
        else if (role == QUOTE_CLOSES)
            put_close(t);
        else if (p == '\'')
            put_single(t, before);
        else if (!t->french || !put_french(t, p))
            put(t, p);
    }
}

static Str typed_once(Arena *arena, Str text, bool french) {
    Typing t = {.in = arena_array(arena, int32_t, text.len), .french = french};
    for (ptrdiff_t pos = 0; pos < text.len;) t.in[t.count++] = str_utf8_next(text, &pos);
    t.fixed = arena_array(arena, uint8_t, t.count);
    t.quotes = arena_array(arena, uint8_t, t.count);
    t.out = buf_new(arena, text.len + text.len / 8 + 16);
    addresses_mark(&t);
    quotes_pair(&t);
    while (t.at < t.count) put_next(&t);
    return buf_str(&t.out);
}

/* A sign may make another of its neighbour (a quote that follows a new dash): until all are at rest. */
Str book_typography(Arena *arena, Str text, Str language) {
    enum { ROUNDS_MAX = 12 };
    bool french = book_speaks(language, S("fr"));
    if (text.len == 0 || (!french && !book_speaks(language, S("en")))) return text;
    for (int round = 0; round < ROUNDS_MAX; round++) {
        Str typed = typed_once(arena, text, french);
        if (str_eq(typed, text)) break;
        text = typed;
    }
    return text;
}

/* -- Ordinals ------------------------------------------------------------------------------------- */

static bool roman(char b) { return b == 'I' || b == 'V' || b == 'X' || b == 'L' || b == 'C'; }
static bool ascii_word(Str text, ptrdiff_t i) {
    if (i < 0 || i >= text.len) return false;
    unsigned char b = (unsigned char)text.data[i];
    return b >= 0x80 || is_word(b);
}

/* The letters that begin at `at`, if they are the end of an ordinal: 1er, 1re, 2e, XIXe. */
static ptrdiff_t ordinal_end(Str text, ptrdiff_t from) {
    static const char *const ends[] = {"er", "re", "e", NULL};
    for (int i = 0; ends[i]; i++) {
        ptrdiff_t len = (ptrdiff_t)strlen(ends[i]);
        if (from + len <= text.len && memcmp(text.data + from, ends[i], (size_t)len) == 0 &&
            !ascii_word(text, from + len))
            return from + len;
    }
    return -1;
}

bool book_ordinal_next(Str text, ptrdiff_t *from, ptrdiff_t *to) {
    for (ptrdiff_t i = *to; i < text.len; i++) {
        if (ascii_word(text, i - 1)) continue;
        ptrdiff_t end = i;
        while (end < text.len && is_digit(text.data[end])) end++;
        if (end == i) {
            while (end < text.len && roman(text.data[end])) end++;
            if (end < i + 2) continue;
        }
        ptrdiff_t last = ordinal_end(text, end);
        if (end - i > 4 || last < 0 || (last - end == 2 && text.data[end - 1] != '1' &&
                                        text.data[end - 1] != 'I'))
            continue;
        *from = end;
        *to = last;
        return true;
    }
    return false;
}

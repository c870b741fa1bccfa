/* SPDX-License-Identifier: Apache-2.0
 * Tokens: the words of search/text.h with what facts need to know of each: what its letters look like,
 * and whether its capital says anything where it stands. In a sentence or a line in which most words
 * have capitals (a heading, shouting) none does. */
#include "products/lifetales/facts_room.h"
#include "search/text.h"

/* Arabic and Persian digits as ASCII ones. */
static Str digits_plain(Arena *arena, Str word) {
    bool any = false;
    for (ptrdiff_t i = 0; i + 1 < word.len && !any; i++) {
        unsigned char a = (unsigned char)word.data[i], b = (unsigned char)word.data[i + 1];
        any = (a == 0xD9 && b >= 0xA0 && b <= 0xA9) || (a == 0xDB && b >= 0xB0 && b <= 0xB9);
    }
    if (!any) return word;
    Buf b = buf_new(arena, word.len);
    for (ptrdiff_t at = 0; at < word.len;) {
        ptrdiff_t from = at;
        int32_t c = str_utf8_next(word, &at);
        if (c >= 0x660 && c <= 0x669)
            buf_byte(&b, (char)('0' + c - 0x660));
        else if (c >= 0x6F0 && c <= 0x6F9)
            buf_byte(&b, (char)('0' + c - 0x6F0));
        else
            buf_add(&b, str_slice(word, from, at));
    }
    return buf_str(&b);
}

static void token_look(Token *token, Str written) {
    int letters = 0, capitals = 0, first = 0;
    for (ptrdiff_t at = 0; at < written.len;) {
        LetterSize size = letter_size(str_utf8_next(written, &at));
        if (size == SIZE_NONE) continue;
        letters++;
        capitals += size == SIZE_CAPITAL;
        if (letters == 1) first = size == SIZE_CAPITAL;
    }
    token->capital = first;
    token->capitals = letters > 1 && capitals == letters;
}

/* Whoever speaks begins with a capital letter. A comma, a bracket or a hyphen changes nothing. */
static bool gap_starts(Str gap) {
    for (ptrdiff_t at = 0; at < gap.len;) {
        int32_t c = str_utf8_next(gap, &at);
        bool dash = c == 0x2013 || c == 0x2014;
        bool quote = c == '"' || c == 0xAB || c == 0x201C || c == 0x2018 || c == 0x201E || c == '*';
        if (dash || quote || c == '!' || c == '?' || c == ':' || c == 0x2026 || c == '\n' ||
            c == '[' || c == '(' || c == '_' || c == '#' || c == '/')
            return true;
    }
    return str_find(gap, S("...")) >= 0 || str_find(gap, S(" - ")) >= 0;
}

/* [from, to) is a sentence: its first word, and all where most have capitals. */
static void sentence_mark(Token *items, ptrdiff_t from, ptrdiff_t to) {
    ptrdiff_t capital = 0, small = 0, shouted = 0;
    for (ptrdiff_t i = from; i < to; i++) {
        if (items[i].digit || items[i].to - items[i].from < 3) continue;
        capital += items[i].capital;
        small += !items[i].capital;
        shouted += items[i].capitals;
    }
    bool heading = capital > 2 && capital > 3 * small;
    bool all = (capital + small > 1 && shouted > 3 * (capital + small - shouted)) || heading;
    for (ptrdiff_t i = from; i < to; i++)
        items[i].start = i == from || all || gap_starts(items[i].gap);
}

FactTokens fact_tokens(Arena *arena, Str text) {
    Words words = {.arena = arena};
    words_add(&words, text);
    FactTokens t = {text, arena_array(arena, Token, words.count + 1), 0};
    ptrdiff_t behind = 0;
    for (ptrdiff_t i = 0; i < words.count; i++) {
        const Word *word = &words.items[i];
        ptrdiff_t at = word->from;
        if (word->whole || code_is_han(str_utf8_next(text, &at))) continue;
        Token *token = &t.items[t.count++];
        *token = (Token){.from = word->from, .to = word->to};
        token->word = digits_plain(arena, word->text);
        token->gap = str_slice(text, min_size(behind, word->from), word->from);
        token->digit = token->word.data[0] >= '0' && token->word.data[0] <= '9';
        token_look(token, str_slice(text, word->from, word->to));
        behind = max_size(behind, word->to);
    }
    ptrdiff_t count, next = 0;
    Range *ranges = story_sentences(arena, text, &count);
    for (ptrdiff_t i = 0; i < count; i++) {
        ptrdiff_t from = next;
        while (next < t.count && t.items[next].from < ranges[i].end) next++;
        if (next > from) sentence_mark(t.items, from, next);
    }
    return t;
}

Str token_word(const FactTokens *t, ptrdiff_t i) {
    return i >= 0 && i < t->count ? t->items[i].word : S("");
}

bool token_joined(const FactTokens *t, ptrdiff_t i) {
    if (i <= 0 || i >= t->count) return false;
    Str gap = t->items[i].gap;
    ptrdiff_t at = 0;
    if (gap.len == 0 || gap.len > 4) return false;
    int32_t c = str_utf8_next(gap, &at);
    return at == gap.len && (c == '-' || c == 0x2010 || c == 0x2011 || code_is_space(c)) &&
           c != '\n';
}

void claim_add(Claims *claims, Claim claim) {
    if (claims->count == claims->cap) {
        ptrdiff_t cap = claims->cap ? 2 * claims->cap : 32, size = (ptrdiff_t)sizeof claim;
        claims->items = arena_grow(claims->arena, claims->items, claims->cap * size, cap * size);
        claims->cap = cap;
    }
    claims->items[claims->count++] = claim;
}

/* SPDX-License-Identifier: Apache-2.0
 * Cutting: a run of blocks under one heading is a section; a section is units (sentences; of one that
 * is too long, runs of words); a chunk is as many units as fit. The next one begins with those of its
 * last units that make the overlap. */
#include "products/sylion/chunk.h"

#include "ai/ai.h"
#include "products/sylion/message_language.h"

/* -- Sentences ------------------------------------------------------------------------------------- */

static bool is_blank(char b) { return b == ' ' || b == '\n' || b == '\t' || b == '\r'; }

/* Written with a full stop that ends no sentence. Lower case, without it. */
static bool is_abbreviation(Str word) {
    static const Str known[] = {
        S_INIT("m"),      S_INIT("mm"),  S_INIT("mme"), S_INIT("mlle"), S_INIT("dr"),
        S_INIT("pr"),     S_INIT("me"),  S_INIT("st"),  S_INIT("ste"),  S_INIT("art"),
        S_INIT("al"),     S_INIT("p"),   S_INIT("pp"),  S_INIT("ex"),   S_INIT("cf"),
        S_INIT("no"),     S_INIT("vol"), S_INIT("fig"), S_INIT("chap"), S_INIT("env"),
        S_INIT("mr"),     S_INIT("mrs"), S_INIT("ms"),  S_INIT("jr"),   S_INIT("sr"),
        S_INIT("vs"),     S_INIT("e.g"), S_INIT("i.e"), S_INIT("eg"),   S_INIT("ie"),
        S_INIT("approx"), S_INIT("inc"), S_INIT("ltd"), S_INIT("dept"), S_INIT("tel"),
        S_INIT("tél"),    S_INIT("av"),  S_INIT("bd"),  S_INIT("réf"),  S_INIT("sec"),
        S_INIT("prof")};
    for (ptrdiff_t i = 0; i < COUNT(known); i++)
        if (str_eq_nocase(word, known[i])) return true;
    return word.len == 1 && ((word.data[0] >= 'A' && word.data[0] <= 'Z')); /* J. Dupont */
}

/* Does the full stop at `at` end a sentence? */
static bool stop_ends(Str text, ptrdiff_t from, ptrdiff_t at) {
    ptrdiff_t word = at;
    while (word > from && !is_blank(text.data[word - 1]) && text.data[word - 1] != '(' &&
           text.data[word - 1] != '\'')
        word--;
    if (is_abbreviation(str_slice(text, word, at))) return false;
    ptrdiff_t next = at + 1;
    while (next < text.len && (text.data[next] == ' ')) next++;
    /* "3.14", "1. Introduction" goes on in lower case or stands alone: a list's number ends nothing. */
    bool number = word < at;
    for (ptrdiff_t i = word; i < at; i++)
        number = number && ((text.data[i] >= '0' && text.data[i] <= '9') || text.data[i] == '.');
    if (number && at - word <= 3 && word == from) return false;
    return next >= text.len || !(text.data[next] >= 'a' && text.data[next] <= 'z');
}

/* Behind quotes and brackets that close what has ended. */
static ptrdiff_t closing_skip(Str text, ptrdiff_t at) {
    static const Str closing[] = {
        S_INIT("\""), S_INIT("'"), S_INIT(")"),         S_INIT("]"),  S_INIT("»"),
        S_INIT("”"),  S_INIT("’"), S_INIT("\xC2\xA0»"), S_INIT(" »"), S_INIT("\xE2\x80\xAF»")};
    for (bool more = true; more;) {
        more = false;
        for (ptrdiff_t i = 0; i < COUNT(closing); i++) {
            if (!str_starts(str_slice(text, at, text.len), closing[i])) continue;
            at += closing[i].len;
            more = true;
        }
    }
    return at;
}

/* Length of the mark at `at` that ends a sentence whatever follows: ! ? … ؟ ۔ 。; 0: there is none. */
static ptrdiff_t mark_at(Str text, ptrdiff_t at) {
    static const Str marks[] = {S_INIT("!"), S_INIT("?"), S_INIT("…"),
                                S_INIT("؟"), S_INIT("۔"), S_INIT("。")};
    for (ptrdiff_t i = 0; i < COUNT(marks); i++)
        if (str_starts(str_slice(text, at, text.len), marks[i])) return marks[i].len;
    return 0;
}

ptrdiff_t sentence_end(Str text, ptrdiff_t from) {
    assert(from >= 0 && from <= text.len);
    for (ptrdiff_t at = from; at < text.len;) {
        ptrdiff_t end = 0, mark = mark_at(text, at);
        if (mark > 0)
            end = closing_skip(text, at + mark);
        else if (text.data[at] == '.')
            end = closing_skip(text, at + 1);
        else if (text.data[at] == '\n' && at + 1 < text.len && text.data[at + 1] == '\n')
            end = at;
        bool over = end > 0 && (end >= text.len || is_blank(text.data[end]));
        if (over && text.data[at] == '.' && end == at + 1) over = stop_ends(text, from, at);
        if (over) {
            while (end < text.len && is_blank(text.data[end])) end++;
            return end;
        }
        at += mark > 0 ? mark : 1;
    }
    return text.len;
}

/* -- Units ----------------------------------------------------------------------------------------- */

typedef struct Unit {
    ptrdiff_t from, to; /* white space behind it included */
    int64_t tokens;
} Unit;

typedef struct Cutter {
    Arena *arena;
    Str text;
    int64_t limit, overlap;
    Unit *units;
    ptrdiff_t unit_count, unit_cap;
    Chunks out;
    ptrdiff_t cap;
} Cutter;

static void unit_add(Cutter *k, ptrdiff_t from, ptrdiff_t to) {
    if (k->unit_count == k->unit_cap) {
        ptrdiff_t cap = max_size(64, 2 * k->unit_cap), size = (ptrdiff_t)sizeof(Unit);
        k->units = arena_grow(k->arena, k->units, k->unit_cap * size, cap * size);
        k->unit_cap = cap;
    }
    k->units[k->unit_count++] = (Unit){from, to, ai_tokens(str_slice(k->text, from, to))};
}

/* The end of the word, and of the white space behind it, that stands at or after `at`. */
static ptrdiff_t word_end(Str text, ptrdiff_t at, ptrdiff_t limit) {
    while (at < limit && !is_blank(text.data[at])) at++;
    while (at < limit && is_blank(text.data[at])) at++;
    return at;
}

/* A sentence that alone is too long, in runs of words; a single word remains whole. */
static void long_add(Cutter *k, ptrdiff_t from, ptrdiff_t to) {
    while (from < to) {
        ptrdiff_t end = word_end(k->text, from, to);
        int64_t tokens = 0;
        while (end < to) {
            ptrdiff_t next = word_end(k->text, end, to);
            tokens += ai_tokens(str_slice(k->text, end, next));
            if (tokens > k->overlap + 1) break;
            end = next;
        }
        unit_add(k, from, end);
        from = end;
    }
}

static void units_make(Cutter *k, ptrdiff_t from, ptrdiff_t to) {
    Str section = str_slice(k->text, 0, to);
    k->unit_count = 0;
    while (from < to) {
        ptrdiff_t end = sentence_end(section, from);
        if (ai_tokens(str_slice(k->text, from, end)) > k->limit)
            long_add(k, from, end);
        else
            unit_add(k, from, end);
        from = end;
    }
}

/* -- Chunks ---------------------------------------------------------------------------------------- */

static void chunk_add(Cutter *k, const Block *head, int64_t page, ptrdiff_t from, ptrdiff_t to) {
    while (to > from && is_blank(k->text.data[to - 1])) to--;
    if (k->out.count == CHUNKS_MAX) k->out.too_many = true;
    if (from == to || k->out.too_many) return;
    if (k->out.count == k->cap) {
        ptrdiff_t cap = max_size(16, 2 * k->cap), size = (ptrdiff_t)sizeof(Chunk);
        k->out.items = arena_grow(k->arena, k->out.items, k->cap * size, cap * size);
        k->cap = cap;
    }
    Str text = str_slice(k->text, from, to), language = message_language(k->arena, text);
    if (str_is_null(language)) language = k->out.language;
    Chunk *chunk = &k->out.items[k->out.count++];
    *chunk = (Chunk){head->heading, page, from, to, ai_tokens(text), language};
    k->out.tokens += chunk->tokens;
}

/* The page of the block in which `at` lies. */
static int64_t page_at(const Block *blocks, ptrdiff_t count, ptrdiff_t at) {
    ptrdiff_t low = 0, high = count - 1;
    while (low < high) {
        ptrdiff_t mid = (low + high + 1) / 2;
        if (blocks[mid].from <= at)
            low = mid;
        else
            high = mid - 1;
    }
    return blocks[low].page;
}

/* The first of the units [first, last) that the chunk after it begins with. */
static ptrdiff_t overlap_from(const Cutter *k, ptrdiff_t first, ptrdiff_t last, int64_t next) {
    int64_t tokens = 0;
    ptrdiff_t at = last;
    while (at > first + 1 && tokens + k->units[at - 1].tokens <= k->overlap &&
           tokens + k->units[at - 1].tokens + next <= k->limit)
        tokens += k->units[--at].tokens;
    return at;
}

/* Blocks of one heading, cut. */
static void section_cut(Cutter *k, const Block *blocks, ptrdiff_t count) {
    units_make(k, blocks[0].from, blocks[count - 1].to);
    for (ptrdiff_t first = 0; first < k->unit_count && !k->out.too_many;) {
        int64_t tokens = 0;
        ptrdiff_t last = first;
        while (last < k->unit_count &&
               (last == first || tokens + k->units[last].tokens <= k->limit))
            tokens += k->units[last++].tokens;
        ptrdiff_t from = k->units[first].from;
        chunk_add(k, blocks, page_at(blocks, count, from), from, k->units[last - 1].to);
        first = last == k->unit_count ? last : overlap_from(k, first, last, k->units[last].tokens);
    }
}

Chunks chunks_of(Arena *arena, Str text, const Block *blocks, ptrdiff_t count, int64_t tokens,
                 int64_t overlap) {
    Cutter k = {.arena = arena, .text = text, .limit = tokens, .overlap = overlap};
    assert(tokens > 0 && overlap >= 0 && overlap < tokens / 2);
    k.out.language = message_language(k.arena, text);
    for (ptrdiff_t i = 0; i < count && !k.out.too_many;) {
        ptrdiff_t end = i + 1;
        while (end < count && !blocks[i].apart && !blocks[end].apart &&
               str_eq(blocks[end].heading, blocks[i].heading))
            end++;
        section_cut(&k, &blocks[i], end - i);
        i = end;
    }
    return k.out;
}

/* SPDX-License-Identifier: Apache-2.0
 * From documents' words to words' documents. The words that live documents use are sorted and
 * renamed by their places; then a counting sort turns (document, field, word) round: one pass
 * counts a word's pairs of document and field, another puts each where it belongs, in order of
 * documents, so that nothing remains to be sorted. */
#include <stdlib.h>

#include "search/segment_room.h"

static void *array_new(uint64_t count, size_t size) {
    void *array = calloc((size_t)count + 1, size);
    if (!array) abort();
    return array;
}

/* -- Words --------------------------------------------------------------------------------------- */

/* How many pairs of document and field each word has, by its number in the book. */
static uint32_t *pairs_count(const SegmentWriter *w) {
    uint32_t *counts = array_new((uint64_t)w->words.count, sizeof *counts);
    uint32_t *seen = array_new((uint64_t)w->words.count, sizeof *seen), run = 0;
    for (ptrdiff_t doc = 0; doc < w->doc_count; doc++) {
        if (w->docs[doc].dead) continue;
        const uint32_t *at = w->tokens.items + w->docs[doc].tokens;
        const uint32_t *end = w->tokens.items + writer_tokens_end(w, doc);
        while (at < end) {
            uint32_t n = FORWARD_COUNT(*at++);
            run++;
            for (; n; n--) {
                uint32_t word = FORWARD_WORD(*at++);
                counts[word] += seen[word] != run;
                seen[word] = run;
            }
        }
    }
    free(seen);
    return counts;
}

typedef struct Named {
    uint64_t begin; /* first eight bytes, as a number that orders as they do */
    const char *bytes;
    uint32_t len, number;
} Named;

static uint64_t word_begin(Str word) {
    unsigned char bytes[8] = {0};
    memcpy(bytes, word.data, (size_t)min_size(word.len, 8));
    uint64_t begin;
    memcpy(&begin, bytes, sizeof begin);
    return __builtin_bswap64(begin);
}

static int named_cmp(const void *x, const void *y) {
    const Named *p = x, *q = y;
    if (p->begin != q->begin) return p->begin < q->begin ? -1 : 1;
    uint32_t len = p->len < q->len ? p->len : q->len;
    int order = memcmp(p->bytes, q->bytes, len);
    return order ? order : (p->len > q->len) - (p->len < q->len);
}

/* Sort the words that are used; returns new names by old ones. */
static uint32_t *words_sort(Build *b, const uint32_t *counts) {
    const Book *book = &b->w->words;
    Named *named = array_new((uint64_t)book->count, sizeof *named);
    for (uint32_t i = 0; i < book->count; i++) {
        if (!counts[i]) continue;
        Str text = book_text(book, i);
        named[b->words++] = (Named){word_begin(text), text.data, (uint32_t)text.len, i};
    }
    qsort(named, b->words, sizeof *named, named_cmp);
    uint32_t *names = array_new((uint64_t)book->count, sizeof *names);
    b->word_name = array_new(b->words, sizeof *b->word_name);
    b->codes_at = array_new((uint64_t)b->words + 1, sizeof *b->codes_at);
    for (uint32_t i = 0; i < b->words; i++) {
        b->word_name[i] = named[i].number;
        names[named[i].number] = i;
        b->codes_at[i + 1] = b->codes_at[i] + counts[named[i].number];
    }
    free(named);
    return names;
}

static void tokens_rename(SegmentWriter *w, const uint32_t *names) {
    for (ptrdiff_t doc = 0; doc < w->doc_count; doc++) {
        if (w->docs[doc].dead) continue;
        uint32_t *at = w->tokens.items + w->docs[doc].tokens;
        uint32_t *end = w->tokens.items + writer_tokens_end(w, doc);
        while (at < end)
            for (uint32_t n = FORWARD_COUNT(*at++); n; n--, at++)
                *at = (*at & ~0x0fffffffu) | names[FORWARD_WORD(*at)];
    }
}

/* -- Codes --------------------------------------------------------------------------------------- */

typedef struct Scatter {
    uint32_t *seen, run;
    uint64_t *next; /* word → where its next code goes */
} Scatter;

static void field_scatter(Build *b, Scatter *s, uint32_t code, const uint32_t *tokens, uint32_t n) {
    s->run++;
    uint32_t first = 1;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t word = FORWARD_WORD(tokens[i]);
        first &= i == 0 || FORWARD_GAP(tokens[i]) == 0;
        if (s->seen[word] == s->run) continue;
        s->seen[word] = s->run;
        b->codes[s->next[word]++] = code | first;
    }
}

static void codes_scatter(Build *b) {
    const SegmentWriter *w = b->w;
    b->codes = array_new(b->codes_at[b->words], sizeof *b->codes);
    Scatter s = {.seen = array_new(b->words, sizeof *s.seen),
                 .next = array_new(b->words, sizeof *s.next)};
    memcpy(s.next, b->codes_at, (size_t)b->words * sizeof *s.next);
    for (uint32_t doc = 0; doc < b->docs; doc++) {
        const uint32_t *at = w->tokens.items + w->docs[b->order[doc]].tokens;
        const uint32_t *end = w->tokens.items + writer_tokens_end(w, b->order[doc]);
        while (at < end) {
            uint32_t head = *at++;
            field_scatter(b, &s, CODE(doc, FORWARD_FIELD(head), 0), at, FORWARD_COUNT(head));
            at += FORWARD_COUNT(head);
        }
    }
    free(s.seen);
    free(s.next);
}

void build_words(Build *b) {
    uint32_t *counts = pairs_count(b->w);
    uint32_t *names = words_sort(b, counts);
    tokens_rename(b->w, names);
    free(names);
    free(counts);
    codes_scatter(b);
}

void build_lexicon(Build *b) {
    Arena *arena = arena_new((ptrdiff_t)1 << 46);
    Str *words = arena_bytes(arena, (ptrdiff_t)b->words * (ptrdiff_t)sizeof *words);
    for (uint32_t i = 0; i < b->words; i++) words[i] = book_text(&b->w->words, b->word_name[i]);
    Buf block = buf_new(arena, 64);
    lexicon_write(&block, words, b->words, b->w->def->tuning.stem);
    out_part(b->out, PART_LEXICON, 0, block.data, block.len);
    arena_free(arena);
}

/* -- Postings ------------------------------------------------------------------------------------ */

static void posting_add(Build *b, int field, bool first, SetRef set) {
    if (set.count == 0) return;
    b->postings = items_grow(b->postings, &b->posting_cap, b->posting_count + 1,
                             (ptrdiff_t)sizeof *b->postings);
    b->postings[b->posting_count++] =
        (Posting){.count = set.count, .field = (uint8_t)field, .first = first, .at = set.at};
}

/* Documents of the codes in a field (first: at its beginning); FIELD_ANY: in any. Without branches on
 * what the codes are. */
static SetRef codes_store(Build *b, const uint32_t *codes, uint64_t count, int field, bool first) {
    uint32_t *docs = b->sets.docs, n = 0;
    if (field == FIELD_ANY)
        for (uint64_t i = 0; i < count; i++) {
            docs[n] = CODE_DOC(codes[i]);
            n += i + 1 == count || CODE_DOC(codes[i + 1]) != docs[n];
        }
    else {
        uint32_t mask = CODE(0, 31, first), want = CODE(0, field, first);
        for (uint64_t i = 0; i < count; i++) {
            docs[n] = CODE_DOC(codes[i]);
            n += (codes[i] & mask) == want;
        }
    }
    return set_store(&b->sets, docs, n);
}

static void word_postings(Build *b, uint32_t word) {
    const uint32_t *codes = b->codes + b->codes_at[word];
    uint64_t count = b->codes_at[word + 1] - b->codes_at[word];
    uint32_t fields = 0, firsts = 0;
    for (uint64_t i = 0; i < count; i++) {
        fields |= (uint32_t)1 << CODE_FIELD(codes[i]);
        firsts |= CODE_FIRST(codes[i]) << CODE_FIELD(codes[i]);
    }
    for (uint32_t left = fields; left; left &= left - 1) {
        int field = __builtin_ctz(left);
        posting_add(b, field, false, codes_store(b, codes, count, field, false));
        if (firsts >> field & 1)
            posting_add(b, field, true, codes_store(b, codes, count, field, true));
    }
    if (fields & (fields - 1))
        posting_add(b, FIELD_ANY, false, codes_store(b, codes, count, FIELD_ANY, false));
    const Posting *last = &b->postings[b->posting_count - 1];
    b->word_docs[word] = last[-(last->first != 0)].count;
}

void build_postings(Build *b) {
    b->word_docs = array_new(b->words, sizeof *b->word_docs);
    for (uint32_t word = 0; word < b->words; word++) {
        u32s_add(&b->word_at, (uint32_t)b->posting_count);
        word_postings(b, word);
    }
    u32s_add(&b->word_at, (uint32_t)b->posting_count);
}

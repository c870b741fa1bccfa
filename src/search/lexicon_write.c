/* SPDX-License-Identifier: Apache-2.0
 * Writing a lexicon. The lengths of what neighbouring words begin with in common (lcp) tell the
 * whole shape of the trie; it is counted first, then built in place, each node holding its depth
 * until its turn comes to get children. */
#include <stdlib.h>

#include "search/lexicon_room.h"

typedef struct Shape {
    const Str *words;
    uint32_t count;
    uint8_t *lcp; /* of word i with the one before, up to a whole code point */
    uint32_t nodes, labels;
} Shape;

static int common_length(Str a, Str b) {
    ptrdiff_t n = 0, end = min_size(a.len, b.len);
    while (n < end && a.data[n] == b.data[n]) n++;
    assert(n < b.len && (n == a.len || (uint8_t)a.data[n] < (uint8_t)b.data[n])); /* sorted */
    while (n > 0 && ((uint8_t)b.data[n] & 0xc0) == 0x80) n--;
    return (int)n;
}

/* Fill lcp, count nodes and the bytes of labels: depths of the nodes on the way to the last word
 * are on a stack. */
static void shape_count(Shape *s) {
    int depths[WORD_MAX + 2] = {0}, top = 0; /* the root */
    s->nodes = 1;
    s->labels = 0;
    for (uint32_t i = 0; i <= s->count; i++) {
        int common = i == 0 || i == s->count ? 0 : common_length(s->words[i - 1], s->words[i]);
        while (depths[top] > common) {
            int depth = depths[top--];
            if (depths[top] < common) { /* the way forks inside a label */
                s->nodes++;
                depths[++top] = common;
            }
            s->labels += (uint32_t)(depth - depths[top]);
        }
        if (i == s->count) break;
        assert(s->words[i].len > 0 && s->words[i].len <= WORD_MAX);
        s->lcp[i] = (uint8_t)common;
        s->nodes++;
        depths[++top] = (int)s->words[i].len;
    }
}

/* Give node i its children, the first of which is number `next`; returns the next free number. */
static uint32_t children_write(const Shape *s, LexiconNode *nodes, uint32_t i, uint32_t next,
                               char *labels, uint32_t *label) {
    LexiconNode *n = &nodes[i];
    uint32_t depth = n->child, from = n->from, end = n->from + n->count;
    n->child = next;
    if (from < end && s->words[from].len == depth) from++;
    while (from < end) {
        uint32_t to = from + 1, common = (uint32_t)s->words[from].len;
        for (; to < end && s->lcp[to] > depth; to++)
            if (s->lcp[to] < common) common = s->lcp[to];
        nodes[next++] = (LexiconNode){common, *label, from, to - from};
        memcpy(labels + *label, s->words[from].data + depth, common - depth);
        *label += common - depth;
        from = to;
    }
    return next;
}

static void trie_write(const Shape *s, LexiconNode *nodes, char *labels) {
    uint32_t next = 1, label = 0;
    nodes[0] = (LexiconNode){0, 0, 0, s->count};
    for (uint32_t i = 0; i < s->nodes; i++)
        next = children_write(s, nodes, i, next, labels, &label);
    assert(next == s->nodes && label == s->labels);
    nodes[next] = (LexiconNode){next, label, s->count, 0};
}

static int rows_order(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* At most two rows a word. */
static uint32_t stems_write(const Str *words, uint32_t count, uint64_t *rows) {
    uint32_t made = 0, kept = 0;
    char stem[2 * WORD_MAX];
    for (uint32_t i = 0; i < count; i++) {
        int second, first = word_stem(words[i], stem, &second);
        rows[made++] = (uint64_t)stem_hash(str_of(stem, first)) << 32 | i;
        if (second > 0) rows[made++] = (uint64_t)stem_hash(str_of(stem + first, second)) << 32 | i;
    }
    qsort(rows, made, sizeof *rows, rows_order);
    for (uint32_t i = 0; i < made; i++)
        if (i == 0 || rows[i] != rows[i - 1]) rows[kept++] = rows[i];
    return kept;
}

void lexicon_write(Buf *out, const Str *words, uint32_t count, bool stems) {
    assert(out->len % 8 == 0);
    Shape s = {.words = words, .count = count};
    s.lcp = arena_bytes(out->arena, (ptrdiff_t)count + 1);
    shape_count(&s);
    ptrdiff_t nodes_size = ((ptrdiff_t)s.nodes + 1) * (ptrdiff_t)sizeof(LexiconNode);
    ptrdiff_t labels_size = ((ptrdiff_t)s.labels + 7) / 8 * 8;
    ptrdiff_t stems_max = stems ? (ptrdiff_t)count * 16 : 0;
    ptrdiff_t head_size = (ptrdiff_t)sizeof(LexiconHead);
    char *at = buf_reserve(out, head_size + nodes_size + labels_size + stems_max);
    char *labels = at + head_size + nodes_size;
    memset(labels, 0, (size_t)labels_size);
    trie_write(&s, (LexiconNode *)(void *)(at + head_size), labels);
    uint32_t rows =
        stems ? stems_write(words, count, (uint64_t *)(void *)(labels + labels_size)) : 0;
    *(LexiconHead *)(void *)at = (LexiconHead){LEXICON_MAGIC, count, s.nodes, s.labels, rows};
    out->len += head_size + nodes_size + labels_size + (ptrdiff_t)rows * 8;
}

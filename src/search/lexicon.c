/* SPDX-License-Identifier: Apache-2.0
 * Opening a lexicon and looking words up. lexicon_open looks at every node once and refuses
 * whatever could lead a reader astray, so that readers check nothing. */
#include "search/lexicon.h"

#include <stdlib.h>
#include <xxhash.h>

#include "search/lexicon_room.h"

enum { STEM_ROWS = 1000 }; /* looked at for one stem: more than any language has forms */

/* -- Opening ------------------------------------------------------------------------------------- */

/* The children of a node share out its words, in order, each with a letter of its own. */
static bool children_fit(const Lexicon *l, const LexiconNode *n) {
    const LexiconNode *nodes = lexicon_nodes(l), *end = nodes + n[1].child;
    const LexiconNode *child = nodes + n->child;
    if (child == end) return n->count == 1 || (n == nodes && n->count == 0);
    uint32_t from = n->from;
    int32_t letter = -1;
    int length;
    if (child->from > from && n != nodes) from++; /* the node is a word itself */
    for (; child < end; child++) {
        int32_t next = letter_at(node_label(l, child).data, &length);
        if (child->from != from || child->count == 0 || next <= letter) return false;
        if (child->count > n->from + n->count - from) return false;
        from += child->count;
        letter = next;
    }
    return from == n->from + n->count;
}

/* Offsets ascend within bounds, and labels begin with a code point; then they can be read. */
static bool nodes_in_bounds(const Lexicon *l) {
    const LexiconNode *nodes = lexicon_nodes(l);
    uint32_t count = l->counts[PART_NODES];
    const uint8_t *labels = l->parts[PART_LABELS];
    if (nodes[0].child != 1 || nodes[0].label != 0 || nodes[1].label != 0) return false;
    if (nodes[count].child != count || nodes[count].label != l->counts[PART_LABELS]) return false;
    for (uint32_t i = 0; i < count; i++) {
        const LexiconNode *n = &nodes[i];
        if (n->child <= i || n->child > n[1].child || n->label > n[1].label) return false;
        if (i == 0) continue;
        if (n->label == n[1].label || n[1].label - n->label > WORD_MAX) return false;
        if ((labels[n->label] & 0xc0) == 0x80) return false;
    }
    return true;
}

/* No deeper than a word can be long: readers may recurse. */
static bool depth_is_bounded(const Lexicon *l) {
    const LexiconNode *nodes = lexicon_nodes(l);
    uint32_t start = 0, end = 1;
    for (int depth = 0; depth <= WORD_MAX; depth++) {
        uint32_t next = nodes[end].child;
        if (next == end) return true;
        start = end;
        end = next;
    }
    return start == end;
}

static bool trie_is_sound(const Lexicon *l) {
    const LexiconNode *nodes = lexicon_nodes(l);
    Str labels = str_of(l->parts[PART_LABELS], l->counts[PART_LABELS]);
    if (!nodes_in_bounds(l) || !depth_is_bounded(l) || !str_utf8_valid(labels)) return false;
    if (nodes[0].from != 0 || nodes[0].count != l->words) return false;
    for (uint32_t i = 0; i < l->counts[PART_NODES]; i++)
        if (!children_fit(l, &nodes[i])) return false;
    return true;
}

static bool stems_are_sound(const Lexicon *l) {
    const uint64_t *rows = l->parts[PART_STEMS];
    for (uint32_t i = 0; i < l->counts[PART_STEMS]; i++)
        if ((uint32_t)rows[i] >= l->words || (i > 0 && rows[i - 1] >= rows[i])) return false;
    return true;
}

bool lexicon_open(Lexicon *l, Str block) {
    assert(l);
    assert(((uintptr_t)block.data & 7) == 0);
    const LexiconHead *head = (const LexiconHead *)(const void *)block.data;
    if (block.len < (ptrdiff_t)sizeof *head || head->magic != LEXICON_MAGIC) return false;
    if (head->nodes == 0 || head->words > INT32_MAX || head->labels > UINT32_MAX - 8) return false;
    uint64_t nodes = ((uint64_t)head->nodes + 1) * sizeof(LexiconNode);
    uint64_t labels = (head->labels + 7) / 8 * 8, stems = (uint64_t)head->stems * 8;
    if (sizeof *head + nodes + labels + stems != (uint64_t)block.len) return false;
    const char *at = block.data + sizeof *head;
    *l = (Lexicon){.block = block,
                   .words = head->words,
                   .parts = {at, at + nodes, at + nodes + labels},
                   .counts = {head->nodes, head->labels, head->stems}};
    return trie_is_sound(l) && stems_are_sound(l);
}

/* -- Looking up ---------------------------------------------------------------------------------- */

const LexiconNode *node_child(const Lexicon *l, const LexiconNode *n, int32_t letter) {
    const LexiconNode *nodes = lexicon_nodes(l);
    const char *labels = l->parts[PART_LABELS];
    uint32_t low = n->child, high = n[1].child;
    int length;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int32_t found = letter_at(labels + nodes[middle].label, &length);
        if (found == letter) return &nodes[middle];
        if (found < letter)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* The topmost node whose way from the root begins with the word or is it; NULL: none. *rest: how
 * much of the node's label lies behind the word. */
static const LexiconNode *descend(const Lexicon *l, Str word, ptrdiff_t *rest) {
    const LexiconNode *n = lexicon_nodes(l);
    *rest = 0;
    for (ptrdiff_t at = 0; at < word.len;) {
        ptrdiff_t start = at;
        n = node_child(l, n, str_utf8_next(word, &at));
        if (!n) return NULL;
        Str label = node_label(l, n);
        ptrdiff_t common = min_size(label.len, word.len - start);
        if (memcmp(label.data, word.data + start, (size_t)common) != 0) return NULL;
        *rest = label.len - common;
        at = start + common;
    }
    return n;
}

uint32_t lexicon_find(const Lexicon *l, Str word) {
    ptrdiff_t rest;
    const LexiconNode *n = descend(l, word, &rest);
    return n && rest == 0 && word.len > 0 && node_is_word(lexicon_nodes(l), n) ? n->from
                                                                               : UINT32_MAX;
}

WordRange lexicon_prefix(const Lexicon *l, Str prefix) {
    ptrdiff_t rest;
    const LexiconNode *n = descend(l, prefix, &rest);
    return n ? (WordRange){n->from, n->from + n->count} : (WordRange){0, 0};
}

Str lexicon_word(const Lexicon *l, uint32_t id, char buf[WORD_MAX]) {
    const LexiconNode *nodes = lexicon_nodes(l), *n = nodes;
    ptrdiff_t length = 0;
    assert(id < l->words);
    while (n == nodes || n->from != id || !node_is_word(nodes, n)) {
        uint32_t low = n->child, high = n[1].child; /* the last child that begins at or before id */
        while (high - low > 1) {
            uint32_t middle = low + (high - low) / 2;
            if (nodes[middle].from <= id)
                low = middle;
            else
                high = middle;
        }
        n = &nodes[low];
        Str label = node_label(l, n);
        if (label.len > WORD_MAX - length) break; /* no writer makes this */
        memcpy(buf + length, label.data, (size_t)label.len);
        length += label.len;
    }
    return str_of(buf, length);
}

/* -- Stems --------------------------------------------------------------------------------------- */

uint32_t stem_hash(Str stem) { return (uint32_t)XXH3_64bits(stem.data, (size_t)stem.len); }

typedef struct Stems {
    char bytes[2 * WORD_MAX];
    Str stem[2];
    int count;
} Stems;

static void stems_of(Str word, Stems *out) {
    int second, first = word_stem(word, out->bytes, &second);
    out->stem[0] = str_of(out->bytes, first);
    out->stem[1] = str_of(out->bytes + first, second);
    out->count = second > 0 ? 2 : 1;
}

static bool word_has_stem(const Lexicon *l, uint32_t id, Str stem) {
    char buf[WORD_MAX];
    Stems stems;
    stems_of(lexicon_word(l, id, buf), &stems);
    return str_eq(stems.stem[0], stem) || (stems.count > 1 && str_eq(stems.stem[1], stem));
}

static uint32_t stem_rows_find(const Lexicon *l, uint32_t hash) {
    const uint64_t *rows = l->parts[PART_STEMS], least = (uint64_t)hash << 32;
    uint32_t low = 0, high = l->counts[PART_STEMS];
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (rows[middle] < least)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int ids_order(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

uint32_t *lexicon_stem(const Lexicon *l, Arena *arena, Str word, ptrdiff_t *count) {
    const uint64_t *rows = l->parts[PART_STEMS];
    uint32_t self = lexicon_find(l, word), total = l->counts[PART_STEMS];
    uint32_t ids[2 * STEM_ROWS], found = 0, kept = 0;
    Stems stems;
    *count = 0;
    if (total == 0 || word.len == 0 || word.len > WORD_MAX) return NULL;
    stems_of(word, &stems);
    for (int i = 0; i < stems.count; i++) {
        uint32_t hash = stem_hash(stems.stem[i]), at = stem_rows_find(l, hash);
        for (int looked = 0; at < total && rows[at] >> 32 == hash && looked < STEM_ROWS; looked++) {
            uint32_t id = (uint32_t)rows[at++];
            if (id != self && word_has_stem(l, id, stems.stem[i])) ids[found++] = id;
        }
    }
    if (found == 0) return NULL;
    qsort(ids, found, sizeof *ids, ids_order);
    for (uint32_t i = 0; i < found; i++)
        if (i == 0 || ids[i] != ids[i - 1]) ids[kept++] = ids[i];
    uint32_t *out = arena_array(arena, uint32_t, kept);
    memcpy(out, ids, kept * sizeof *ids);
    *count = kept;
    return out;
}

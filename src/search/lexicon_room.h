/* SPDX-License-Identifier: Apache-2.0
 * What lies in a lexicon's block, for lexicon*.c alone:
 *
 *   head     LexiconHead
 *   nodes    LexiconNode × (nodes + 1), in breadth-first order: the root, its children, theirs …
 *   labels   the bytes on the way to each node, in the order of nodes; to the next multiple of 8
 *   stems    uint64 × stems, ascending: hash of the stem in the upper half, word below
 *
 * Breadth-first order makes the children of a node lie side by side and begin where those of the
 * node before end, so that neither their number nor a label's length is kept: both are the
 * difference to the next node, and a last node behind all others closes the row. Labels are cut
 * between code points only, those of siblings begin with different ones, in ascending order. */
#ifndef SOCLE_SEARCH_LEXICON_ROOM_H
#define SOCLE_SEARCH_LEXICON_ROOM_H

#include "search/lexicon.h"

#define LEXICON_MAGIC 0x31786c656c636f73u /* "soclelx1" */

typedef struct LexiconHead {
    uint64_t magic;
    uint32_t words, nodes, labels, stems;
} LexiconHead;

typedef struct LexiconNode {
    uint32_t child;       /* the first */
    uint32_t label;       /* where it begins */
    uint32_t from, count; /* words of the subtree */
} LexiconNode;

static_assert(sizeof(LexiconHead) == 24 && sizeof(LexiconNode) == 16, "as they lie in files");

enum { PART_NODES, PART_LABELS, PART_STEMS };

static inline const LexiconNode *lexicon_nodes(const Lexicon *l) { return l->parts[PART_NODES]; }

static inline bool node_is_leaf(const LexiconNode *n) { return n[1].child == n->child; }

/* Does a word end at the node? Then it is the first of the subtree. */
static inline bool node_is_word(const LexiconNode *nodes, const LexiconNode *n) {
    return node_is_leaf(n) ? n->count > 0 : nodes[n->child].from > n->from;
}

static inline Str node_label(const Lexicon *l, const LexiconNode *n) {
    return str_of((const char *)l->parts[PART_LABELS] + n->label, n[1].label - n->label);
}

/* The code point at s, of valid UTF-8, and its length. */
static inline int32_t letter_at(const char *text, int *length) {
    const uint8_t *s = (const uint8_t *)text;
    if (s[0] < 0x80) return *length = 1, s[0];
    if (s[0] < 0xe0) return *length = 2, (s[0] & 0x1f) << 6 | (s[1] & 0x3f);
    if (s[0] < 0xf0) return *length = 3, (s[0] & 0xf) << 12 | (s[1] & 0x3f) << 6 | (s[2] & 0x3f);
    return *length = 4, (s[0] & 7) << 18 | (s[1] & 0x3f) << 12 | (s[2] & 0x3f) << 6 | (s[3] & 0x3f);
}

/* The child whose label begins with the letter, or NULL. */
const LexiconNode *node_child(const Lexicon *l, const LexiconNode *n, int32_t letter);

uint32_t stem_hash(Str stem);

#endif

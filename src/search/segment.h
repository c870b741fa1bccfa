/* SPDX-License-Identifier: Apache-2.0
 * Segment: an immutable, searchable lot of documents in one block of bytes, on the heap or mapped
 * from a file. Documents are numbered 0 … in the index's order of ties (SearchDef.order_field), so
 * that a smaller number wins a tie and a range of time is a range of numbers.
 *
 * In the block: a head (magic, version, the def's fingerprint, counts), a table of sections, each
 * with its XXH3 checksum, then the sections, 8-byte aligned: keys; lexicon; postings a (word,
 * field), with those of the documents whose field begins with the word beside them; adjacent pairs
 * of frequent words; short prefixes of many words; forward texts; columns; vectors. Little-endian
 * (others refuse). segment_open verifies every checksum before anything is read, so that reading need not
 * fear the bytes; a version of another def or program is refused.
 *
 * Bounds: 2^26 documents; of a field of a document 2^24 - 1 words, of one text its first 8 MiB (what
 * is beyond is left out).
 *
 * Reading is thread-safe and never waits (a page fault apart). */
#ifndef SOCLE_SEARCH_SEGMENT_H
#define SOCLE_SEARCH_SEGMENT_H

#include "search/docs.h"
#include "search/docset.h"
#include "search/lexicon.h"

typedef struct Segment Segment;

/* -- Reading ------------------------------------------------------------------------------------- */

/* Map and verify a file. INVALID: damaged or of another kind (with the reason). */
MUST_USE Err *segment_open(Ctx *c, const SearchDef *def, Str path, Segment **out);
/* References: a new segment has one. */
Segment *segment_hold(Segment *s);
void segment_release(Segment *s);

uint32_t segment_docs(const Segment *s);
int64_t segment_bytes(const Segment *s);
bool segment_on_disk(const Segment *s);
const int64_t *segment_keys(const Segment *s);        /* of each document */
uint32_t segment_find(const Segment *s, int64_t key); /* document, or UINT32_MAX */
const Lexicon *segment_lexicon(const Segment *s);
Docset segment_all(const Segment *s);
struct Keep *segment_keep(const Segment *s); /* see keep.h */
/* Whether a set's bytes stay where they are as long as the segment. */
bool segment_has(const Segment *s, const void *at);

/* Documents with a word in a field (-1: in any). `fields` below: a mask of field numbers. */
Docset segment_word_docs(const Segment *s, Arena *a, uint32_t word, uint32_t fields);
/* The union over words [from, to). Wide ranges that are a short prefix are ready-made. */
Docset segment_range_docs(const Segment *s, Arena *a, WordRange range, uint32_t fields);
/* The same into a set that is being made: for ranges by the 100 000. */
void segment_range_put(const Segment *s, DocsetMaker *to, WordRange range, uint32_t fields);
/* Documents one of whose `fields` begins with the word. */
Docset segment_first_docs(const Segment *s, Arena *a, uint32_t word, uint32_t fields);
/* Documents all of whose words in a field stand at its beginning: it is one word. */
Docset segment_brief_docs(const Segment *s, Arena *a, int field);
/* How many documents have it, in any field (no set is made). */
uint32_t segment_word_count(const Segment *s, uint32_t word);
/* Words in more than PAIR_DOCS documents are frequent; for two such words, the documents in which
 * the second stands one position behind the first, in one of `fields`, are kept. false: not kept
 * (one is not frequent); then the candidates are few enough to look at their forward texts. */
enum { PAIR_DOCS = 16384 };
bool segment_pair_docs(const Segment *s, Arena *a, uint32_t first, uint32_t second, uint32_t fields,
                       Docset *out);

/* Forward text of a document: for each searchable field that it has, ascending, a head
 * (FORWARD_FIELD, FORWARD_COUNT tokens) and its tokens in order. A token's position is FORWARD_GAP
 * behind the one before (the first: gap − 1), 0: the same position (parts of a camel word behind
 * the whole). Gaps over 15 are 15. */
typedef struct Forward {
    const uint32_t *at, *end;
} Forward;
Forward segment_forward(const Segment *s, uint32_t doc);
#define FORWARD_FIELD(head) ((int)((head) >> 24))
#define FORWARD_COUNT(head) ((head)&0xffffffu)
#define FORWARD_WORD(token) ((token)&0x0fffffffu)
#define FORWARD_GAP(token) ((token) >> 28)

/* Columns. numbers: NO_NUMBER where missing; NULL when no document has the field. */
const int64_t *segment_numbers(const Segment *s, int field);
/* Documents that have the number, ascending by value (equal values: by document). */
const uint32_t *segment_by_number(const Segment *s, int field, uint32_t *count);
/* low <= number < high (kept numbers, see number_of_real; INT64_MAX: no upper end). */
Docset segment_number_docs(const Segment *s, Arena *a, int field, int64_t low, int64_t high);
/* Documents with any value in the field (TEXT: any word; VECTOR: a vector). */
Docset segment_having(const Segment *s, Arena *a, int field);

/* Keyword values of a field, in order of their folded text (values that fold alike are one, shown
 * in the bytewise least spelling). */
uint32_t segment_values(const Segment *s, int field);
Str segment_value(const Segment *s, int field, uint32_t value);
Str segment_value_folded(const Segment *s, int field, uint32_t value);
uint32_t segment_value_find(const Segment *s, int field,
                            Str folded); /* first value >= folded: check it */
Docset segment_value_docs(const Segment *s, Arena *a, int field, uint32_t value);
uint32_t segment_value_count(const Segment *s, int field, uint32_t value);
/* How many of docs have it (no set is made); fast where docs is a bitmap. */
uint32_t segment_value_and_count(const Segment *s, int field, uint32_t value, Docset docs);
/* All values, most frequent first (then in order). */
const uint32_t *segment_values_by_count(const Segment *s, int field);
/* Values of one document, ascending. */
const uint32_t *segment_doc_values(const Segment *s, int field, uint32_t doc, uint32_t *count);
/* For walks over many documents: those of doc are (*values)[at[doc]] to before [at[doc + 1]].
 * NULL: no document has any. */
const uint32_t *segment_doc_value_at(const Segment *s, int field, const uint32_t **values);

/* The segment's vectors (see vectors.h); of none the count is 0. */
const struct VectorRows *segment_vectors(const Segment *s);

/* -- Writing ------------------------------------------------------------------------------------- */

typedef struct SegmentWriter SegmentWriter;

SegmentWriter *segment_writer_new(const SearchDef *def);
void segment_writer_free(SegmentWriter *w);
/* A writer has one owner; nothing large is taken before documents are added.
 *
 * Add a batch's documents (of the same key the last counts, also over batches; `gone` entries remove). */
void segment_writer_add(SegmentWriter *w, const SearchDocs *docs);
/* Add a segment's documents, without those in `dead` (a bitmap; NULL: none), without reading texts
 * again. What is then built is, byte for byte, what the living documents would have given at once,
 * but for the spelling shown of a keyword whose least one died. */
void segment_writer_merge(SegmentWriter *w, const Segment *s, const uint64_t *dead);
uint32_t segment_writer_docs(const SegmentWriter *w);
int64_t segment_writer_bytes(const SegmentWriter *w); /* about how much memory it holds */
/* Build the block: path null: on the heap; else written to path (aside, synced, renamed) and
 * mapped. Leaves the writer empty, also on errors. STORAGE_FULL, INTERNAL; then no file is left, or
 * the former one at path. *out NULL, and no file made, when there is no document. Long: on a pool
 * thread. */
MUST_USE Err *segment_writer_finish(Ctx *c, SegmentWriter *w, Str path, Segment **out);

#endif

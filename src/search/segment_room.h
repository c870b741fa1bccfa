/* SPDX-License-Identifier: Apache-2.0
 * Segment, inside: how the block is laid out, and what its writer and reader share. Not for others.
 *
 *   Head │ Section[] (room for as many as the def can need) │ sections, each padded to 8 bytes
 *
 * The head's checksum covers head and table, a section's its bytes with their padding, so that
 * every byte of a block is under one. A section that would be empty is left out. */
#ifndef SOCLE_SEARCH_SEGMENT_ROOM_H
#define SOCLE_SEARCH_SEGMENT_ROOM_H

#include <stdatomic.h>

#include "search/posting.h"
#include "search/segment.h"
#include "search/vectors.h"

enum {
    SEGMENT_FORMAT = 2,
    SEGMENT_DOCS_MAX = 1 << 26, /* documents; more make the writer assert */
    QUANTILES = 32,
    QUANTILE_DOCS = 4096,   /* a number in fewer documents has no quantiles */
    PREFIX_LETTERS = 3,     /* code points */
    PREFIX_WORDS = 64,      /* a shorter range of words is not kept ready */
    PREFIX_POSTINGS = 8192, /* nor one that fewer pairs of document and field belong to, */
    PREFIX_SHARE = 16,      /* or less than this part of the documents: its union is quickly made */
    FIELD_ANY = 63          /* Posting.field: the union over the word's fields */
};

typedef struct Head {
    char magic[8];
    uint32_t format, sections;
    uint64_t def, bytes; /* fingerprint of the def; length of the whole block */
    uint32_t docs, words;
    uint64_t sum; /* XXH3 over head (with 0 here) and table */
} Head;
static_assert(sizeof(Head) == 48, "the head has no holes");

typedef enum Part {
    PART_KEYS = 1,   /* int64 a document */
    PART_BY_KEY,     /* uint32 documents by key, when they do not lie in that order */
    PART_LEXICON,    /* see lexicon.h */
    PART_WORD_AT,    /* uint32 words + 1: where a word's postings begin */
    PART_POSTINGS,   /* Posting */
    PART_SETS,       /* all sets, see posting.h */
    PART_FORWARD_AT, /* documents + 1, uint32 or (wide) uint64 */
    PART_FORWARD,    /* uint32, see segment.h */
    PART_PAIRS,      /* Pair, ascending */
    PART_PREFIXES,   /* Prefix, ascending */
    PART_WHOLE_END,
    /* Of a field: */
    PART_HAVING = PART_WHOLE_END, /* SetRef */
    PART_NUMBERS,                 /* int64 a document */
    PART_BY_NUMBER,               /* uint32 documents */
    PART_QUANTILES,               /* bitmaps of the first n/32, 2n/32 … of BY_NUMBER */
    PART_VALUES,                  /* Value */
    PART_VALUE_TEXT,              /* bytes */
    PART_VALUES_BY_COUNT,         /* uint32 */
    PART_DOC_VALUE_AT,            /* uint32 documents + 1 */
    PART_DOC_VALUES,              /* uint32 */
    PART_BRIEF,                   /* SetRef */
    PART_FIELD_END,
    /* Of the field of vectors, see vectors.h; the rows of the first two begin at the next VECTOR_ALIGN. */
    PART_VECTORS = PART_FIELD_END, /* floats */
    PART_VECTOR_CODES,             /* bytes */
    PART_VECTOR_FITS,              /* VectorFit a row */
    PART_VECTOR_DOCS,              /* uint32 a row, when not every document has one */
    PART_END
} Part;
enum { FIELD_PARTS = PART_FIELD_END - PART_WHOLE_END, VECTOR_PARTS = PART_END - PART_FIELD_END };

typedef struct Section {
    uint16_t part, field;
    uint32_t wide; /* 1: 64-bit offsets */
    uint64_t at, bytes, sum;
} Section;
static_assert(sizeof(Section) == 32, "a section has no holes");

/* Documents with a word in one field, or whose field begins with it. A word's postings are
 * ascending by field, one with `first` behind the other of its field, FIELD_ANY (only when the word
 * stands in several fields) last. */
typedef struct Posting {
    uint32_t count;
    uint8_t field, first;
    uint16_t zero;
    uint64_t at; /* as SetRef.at */
} Posting;

typedef struct Pair {
    uint64_t key; /* pair_key */
    SetRef set;
} Pair;

static inline uint64_t pair_key(uint32_t first, uint32_t second, int field) {
    return (uint64_t)first << 33 | (uint64_t)second << 5 | (uint64_t)field;
}

/* The union over words [from, to), first of all fields (FIELD_ANY), then of each field that has
 * many documents itself. */
typedef struct Prefix {
    uint32_t from, to, field;
    uint32_t fields; /* mask of those in which the words stand at all */
    SetRef set;
} Prefix;

#define VALUE_SAME ((uint64_t)1 << 63)
typedef struct Value {
    uint64_t text;            /* where the spelling begins; the folded text follows, or (VALUE_SAME)
                               * is the same */
    uint16_t len, folded_len; /* bytes */
    uint32_t zero;
    SetRef set;
} Value;

/* -- Reading ------------------------------------------------------------------------------------- */

typedef struct FieldParts {
    SetRef having, brief;
    const int64_t *numbers;
    const uint32_t *by_number;
    const uint64_t *quantiles;
    const Value *values;
    const char *value_text;
    const uint32_t *values_by_count, *doc_value_at, *doc_values;
    uint32_t number_count, value_count;
} FieldParts;

/* See keep.h. */
struct Keep *keep_new(uint32_t docs); /* NULL: the segment is too small */
void keep_free(struct Keep *k);       /* NULL is allowed; nobody may hold anything */

struct Segment {
    atomic_int references;
    struct Keep *keep; /* NULL: nothing is kept */
    uint64_t *all;     /* a bitmap of all documents */
    bool mapped;
    const SearchDef *def;
    const char *block;
    int64_t bytes;
    uint32_t docs, words, pair_count, prefix_count;
    Lexicon lexicon;
    const int64_t *keys;
    const uint32_t *by_key; /* NULL: keys ascend */
    const uint32_t *word_at;
    const Posting *postings;
    const char *sets;
    const uint32_t *forward_at, *forward;
    const uint64_t *forward_at_wide; /* either this or forward_at */
    const Pair *pairs;
    const Prefix *prefixes;
    int vector_field; /* -1: none */
    VectorRows vectors;
    FieldParts fields[];
};

/* What of the def the block's contents depend on. */
uint64_t segment_fingerprint(const SearchDef *def);
int segment_sections_max(const SearchDef *def);
/* A segment over a block; sums already verified or (trusted) our own. NULL and *why: it is none. */
Segment *segment_over(const SearchDef *def, const char *block, int64_t bytes, bool mapped,
                      const char **why);
static inline Docset segment_set(const Segment *s, Arena *a, SetRef set) {
    return set_load(a, s->sets, s->docs, set);
}

/* -- Writing ------------------------------------------------------------------------------------- */

/* Room for `need` items of `size` bytes on the heap, *cap with it; never NULL for need > 0. */
void *items_grow(void *items, ptrdiff_t *cap, ptrdiff_t need, ptrdiff_t size);

typedef struct U32s {
    uint32_t *items;
    ptrdiff_t count, cap;
} U32s;
static inline void u32s_add(U32s *u, uint32_t value) {
    if (u->count == u->cap)
        u->items = items_grow(u->items, &u->cap, u->count + 1, (ptrdiff_t)sizeof *u->items);
    u->items[u->count++] = value;
}

/* A block being written, on the heap or through a file's buffer. Errors are kept (`error`: an
 * errno) and told at the end. */
struct BlockOut {
    char *data;
    ptrdiff_t len, cap;
    int fd;       /* -1: on the heap */
    bool aligned; /* on the heap: to VECTOR_ALIGN */
    int error;
    int64_t flushed; /* bytes before `data` */
    void *hash;      /* XXH3 state of the present section (files) */
    Section *sections;
    int count, max;
};

void out_open(BlockOut *o, const SearchDef *def, int fd);
void out_section(BlockOut *o, Part part, int field);
/* Zeroes up to the block's next VECTOR_ALIGN. */
void out_lead(BlockOut *o);
/* So many bytes will come: on the heap, make room for them at once. */
void out_room(BlockOut *o, ptrdiff_t bytes);
/* Pads, sums up; a section in which nothing was written vanishes. */
void out_section_end(BlockOut *o, bool wide);
/* A section in one piece. */
void out_part(BlockOut *o, Part part, int field, const void *bytes, ptrdiff_t len);
/* Head and table; the buffer's rest to the file. */
void out_close(BlockOut *o, const SearchDef *def, uint32_t docs, uint32_t words);
void out_free(BlockOut *o);

/* Distinct byte strings, numbered as they come. Each lies behind its number and length. */
typedef struct BookSlot {
    uint32_t hash, place; /* place: quarter of the offset in bytes, + 1; 0: free */
} BookSlot;
typedef struct BookItem {
    uint32_t number, len;
    char text[];
} BookItem;
typedef struct Book {
    uint64_t seed;
    BookSlot *slots;
    ptrdiff_t slot_count;
    uint32_t *places; /* number → place */
    ptrdiff_t count, cap;
    char *bytes;
    ptrdiff_t used, room;
} Book;
uint32_t book_add(Book *b, Str text);
enum { BOOK_BATCH = 32 };
/* Numbers of up to BOOK_BATCH words, found side by side: what takes time is waiting for memory. */
void book_add_words(Book *b, const Word *words, ptrdiff_t count, uint32_t *numbers);
static inline const BookItem *book_item(const Book *b, uint32_t place) {
    return (const void *)(b->bytes + 4 * ((size_t)place - 1));
}
static inline Str book_text(const Book *b, uint32_t number) {
    const BookItem *item = book_item(b, b->places[number]);
    return (Str){item->text, (ptrdiff_t)item->len};
}
void book_free(Book *b);

typedef struct WriterDoc {
    int64_t key;
    int64_t tokens, values; /* where they begin; they end where the next document's begin */
    bool dead;
} WriterDoc;

/* Keyword value of a document: number in `spellings`, with its field. */
typedef struct WriterValue {
    uint32_t spelling, field;
} WriterValue;

typedef struct NumberColumn {
    int64_t *items;
    ptrdiff_t count, cap;
} NumberColumn;

/* Unit vectors of the documents, NULL where there is none: in `own`, or where a lender has them. */
typedef struct VectorColumn {
    const float **items;
    ptrdiff_t count, cap;
    Arena *own;
    Segment **lenders; /* held */
    ptrdiff_t lender_count, lender_cap;
} VectorColumn;

#define NO_BUDGET ((ptrdiff_t)1 << 46)

struct SegmentWriter {
    const SearchDef *def;
    Arena *arena, *reading; /* folded spellings; the words of a text being read */
    Words words_read;
    Book words;
    Book spellings; /* a byte of the field, then the spelling */
    Str *folded;    /* of each spelling, in `arena` */
    ptrdiff_t folded_cap;
    WriterDoc *docs;
    ptrdiff_t doc_count, doc_cap;
    uint32_t dead;
    uint32_t *key_slots; /* document + 1 */
    ptrdiff_t key_slot_count;
    U32s tokens; /* as Forward, word numbers of `words` */
    WriterValue *values;
    ptrdiff_t value_count, value_cap;
    NumberColumn numbers[SEARCH_FIELDS_MAX];
    VectorColumn vectors;
};

void segment_writer_reset(SegmentWriter *w);
/* The next document; what describes it is then appended. */
void writer_doc(SegmentWriter *w, int64_t key);
void writer_doc_gone(SegmentWriter *w, int64_t key);
void writer_number(SegmentWriter *w, int field, int64_t number);
void writer_value(SegmentWriter *w, int field, uint32_t spelling);
/* segment_vectors.c. The vector must stay: it is in writer_vector_room, or in a segment told by
 * writer_vectors_of. */
void writer_vector(SegmentWriter *w, const float *unit);
float *writer_vector_room(SegmentWriter *w);
void writer_vectors_of(SegmentWriter *w, const Segment *s);
int64_t writer_vector_bytes(const SegmentWriter *w);
void writer_vectors_free(SegmentWriter *w);
/* folded null: to be found out. */
uint32_t writer_spelling(SegmentWriter *w, int field, Str text, Str folded);
static inline int64_t writer_tokens_end(const SegmentWriter *w, ptrdiff_t doc) {
    return doc + 1 < w->doc_count ? w->docs[doc + 1].tokens : w->tokens.count;
}
static inline int64_t writer_values_end(const SegmentWriter *w, ptrdiff_t doc) {
    return doc + 1 < w->doc_count ? w->docs[doc + 1].values : w->value_count;
}

/* A keyword field's values. */
typedef struct ValueTable {
    Value *items;
    Str *texts; /* spellings and folded texts, by turns */
    uint32_t count;
    uint32_t *doc_at, *doc_values;
} ValueTable;

/* A segment being made from a writer's documents; segment_build.c runs the steps in order. */
typedef struct Build {
    SegmentWriter *w;
    BlockOut *out;
    SetStore sets;
    uint32_t docs, words;
    uint32_t *order;     /* document → its place in the writer */
    uint32_t *word_name; /* word → number in the writer's book */
    uint32_t *word_docs; /* word → documents, in any field */
    uint64_t *codes_at;  /* word → its first code; words + 1 */
    uint32_t *codes;     /* ascending a word: see CODE */
    U32s word_at;
    Posting *postings;
    ptrdiff_t posting_count, posting_cap;
    Pair *pairs;
    ptrdiff_t pair_count;
    Prefix *prefixes;
    ptrdiff_t prefix_count, prefix_cap;
    SetRef having[SEARCH_FIELDS_MAX], brief[SEARCH_FIELDS_MAX];
    ValueTable values[SEARCH_FIELDS_MAX];
} Build;

/* A word in a field of a document, in 32 bits. */
#define CODE(doc, field, first) ((doc) << 6 | (uint32_t)(field) << 1 | (uint32_t)(first))
#define CODE_DOC(code) ((code) >> 6)
#define CODE_FIELD(code) ((code) >> 1 & 31u)
#define CODE_FIRST(code) ((code)&1u)

void build_words(Build *b);    /* dictionary, tokens renamed, codes */
void build_lexicon(Build *b);  /* section */
void build_postings(Build *b); /* sets */
void build_pairs(Build *b);
void build_prefixes(Build *b);
void build_columns(Build *b);
void build_column_parts(Build *b); /* sections */
void build_vectors(Build *b);      /* sections */
const float *build_vector(const Build *b, uint32_t doc); /* NULL: it has none */

/* Stable, ascending by key; both are moved. */
void sort_by_key(uint64_t *keys, uint32_t *items, uint32_t count);
static inline uint64_t sort_key(int64_t number) { return (uint64_t)number ^ (uint64_t)1 << 63; }

/* All of a writer's live documents as a block. The writer's tokens are spent. */
void segment_build(SegmentWriter *w, BlockOut *out);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a file: it is refused, or a segment. Any bytes as a tale of documents coming and going
 * in several segments: all of them merged say what one writer that heard the tale says, and what
 * they say agrees with itself. */
#include <sys/mman.h>
#include <unistd.h>

#include "search/segment.h"

static const SearchField fields[] = {
    {"title", SEARCH_TEXT, SEARCH_FOR},
    {"tag", SEARCH_KEYWORD, SEARCH_FOR | SEARCH_FILTER},
    {"at", SEARCH_TIME, SEARCH_FILTER | SEARCH_SORT},
    {"score", SEARCH_REAL, SEARCH_FILTER},
};
enum { FIELDS = 4 };
static const SearchDef def = {.name = "fuzz",
                              .fields = fields,
                              .field_count = FIELDS,
                              .order_field = 2,
                              .partition_field = -1,
                              .tuning = {.stem = true}};

static void file_check(Ctx *c, const uint8_t *data, size_t size) {
    int fd = memfd_create("segment", 0);
    assert(fd >= 0);
    assert(write(fd, data, size) == (ssize_t)size);
    Segment *s = NULL;
    Err *err = segment_open(c, &def, strf(c->arena, "/proc/self/fd/%d", fd), &s);
    assert(!err == !!s);
    assert(s || err->kind == ERR_INVALID);
    segment_release(s);
    close(fd);
}

/* -- A tale -------------------------------------------------------------------------------------- */

typedef struct Tale {
    const uint8_t *at, *end;
} Tale;

static uint8_t byte(Tale *t) { return t->at < t->end ? *t->at++ : 0; }

static Str bytes(Tale *t, ptrdiff_t len) {
    len = min_size(len, t->end - t->at);
    Str s = str_of((const char *)t->at, len);
    t->at += len;
    return s;
}

/* One batch: until a byte says that it ends. */
static SearchDocs *batch(Arena *a, Tale *t) {
    SearchDocs *d = search_docs_new(a, &def);
    for (bool begun = false; t->at < t->end;) {
        uint8_t what = byte(t) % 8;
        if (what == 0) break;
        if (what == 1) search_doc_gone(d, byte(t) % 32);
        if (what == 2 || (what > 2 && !begun)) search_doc(d, byte(t) % 32);
        begun = what != 1 && (begun || what >= 2);
        if (!begun) continue;
        if (what == 3 || what == 4) search_doc_text(d, 0, bytes(t, byte(t)));
        if (what == 5) search_doc_text(d, 1, bytes(t, byte(t) % 32));
        if (what == 6) search_doc_int(d, 2, byte(t) - 100);
        if (what == 7) search_doc_real(d, 3, byte(t) / 3.0 - 40);
    }
    return d;
}

static void same_docs(Docset x, Docset y) {
    assert(x.count == y.count && x.universe == y.universe);
    for (DocsetWalk w = docset_walk(x, 0); docset_next(&w);) assert(docset_has(y, w.doc));
}

static void same_words(Arena *a, const Segment *x, const Segment *y) {
    const Lexicon *p = segment_lexicon(x), *q = segment_lexicon(y);
    assert(p->words == q->words);
    for (uint32_t i = 0; i < p->words; i++) {
        char one[WORD_MAX], other[WORD_MAX];
        Str word = lexicon_word(p, i, one);
        assert(str_eq(word, lexicon_word(q, i, other)));
        assert(lexicon_find(p, word) == i);
        Docset docs = segment_word_docs(x, a, i, UINT32_MAX);
        assert(docs.count == segment_word_count(x, i));
        same_docs(docs, segment_word_docs(y, a, i, UINT32_MAX));
        same_docs(segment_first_docs(x, a, i, 1), segment_first_docs(y, a, i, 1));
    }
}

static void same_columns(Arena *a, const Segment *x, const Segment *y) {
    for (int f = 0; f < FIELDS; f++) {
        same_docs(segment_having(x, a, f), segment_having(y, a, f));
        same_docs(segment_number_docs(x, a, f, -5, 30), segment_number_docs(y, a, f, -5, 30));
    }
    assert(segment_values(x, 1) == segment_values(y, 1));
    for (uint32_t v = 0; v < segment_values(x, 1); v++) {
        assert(str_eq(segment_value_folded(x, 1, v), segment_value_folded(y, 1, v)));
        same_docs(segment_value_docs(x, a, 1, v), segment_value_docs(y, a, 1, v));
    }
}

static void same(Arena *a, const Segment *x, const Segment *y) {
    assert(!x == !y);
    if (!x) return;
    assert(segment_docs(x) == segment_docs(y));
    for (uint32_t doc = 0; doc < segment_docs(x); doc++) {
        assert(segment_keys(x)[doc] == segment_keys(y)[doc]);
        assert(segment_find(x, segment_keys(x)[doc]) == doc);
        Forward p = segment_forward(x, doc), q = segment_forward(y, doc);
        assert(p.end - p.at == q.end - q.at);
        assert(memcmp(p.at, q.at, (size_t)(p.end - p.at) * 4) == 0);
    }
    same_words(a, x, y);
    same_columns(a, x, y);
}

static Segment *built(Ctx *c, SegmentWriter *w) {
    Segment *s = NULL;
    Err *err = segment_writer_finish(c, w, (Str){0}, &s);
    assert(!err);
    return s;
}

/* Only what goes, of a batch. */
static SearchDocs *gone_of(Arena *a, const SearchDocs *d) {
    SearchDocs *gone = search_docs_new(a, &def);
    for (ptrdiff_t i = 0; i < d->count; i++)
        if (d->entries[i].gone) search_doc_gone(gone, d->entries[i].key);
    return gone;
}

static void tale_check(Ctx *c, Tale t) {
    SegmentWriter *whole = segment_writer_new(&def), *merged = segment_writer_new(&def);
    SegmentWriter *part = segment_writer_new(&def);
    while (t.at < t.end) {
        SearchDocs *d = batch(c->arena, &t);
        segment_writer_add(whole, d);
        segment_writer_add(part, d);
        segment_writer_add(merged, gone_of(c->arena, d));
        Segment *s = built(c, part);
        if (s) segment_writer_merge(merged, s, NULL);
        segment_release(s);
    }
    assert(segment_writer_docs(whole) == segment_writer_docs(merged));
    Segment *x = built(c, whole), *y = built(c, merged);
    same(c->arena, x, y);
    segment_release(x);
    segment_release(y);
    segment_writer_free(whole);
    segment_writer_free(merged);
    segment_writer_free(part);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1 || size > 65536) return 0;
    Ctx c = {.arena = arena_new(256 * MIB)};
    if (data[0] % 2)
        file_check(&c, data + 1, size - 1);
    else
        tale_check(&c, (Tale){data + 1, data + size});
    arena_free(c.arena);
    return 0;
}

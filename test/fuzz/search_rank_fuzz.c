/* SPDX-License-Identifier: Apache-2.0
 * Any text as a query over a few documents: the engine answers as the reference does. The first byte
 * chooses operators, strategy, whether the last word is complete, and the tuning. */
#include "search/engine.h"
#include "../unit/search/reference.c"

enum { TITLE, TAG, LIKES, FIELDS };
static const SearchField fields[FIELDS] = {
    [TITLE] = {"title", SEARCH_TEXT, SEARCH_FOR},
    [TAG] = {"tag", SEARCH_KEYWORD, SEARCH_FOR | SEARCH_FILTER},
    [LIKES] = {"likes", SEARCH_INT, SEARCH_FILTER | SEARCH_SORT},
};
static const char *const titles[] = {
    "the sun flower is tall", "the sunflowers are pretty", "sunflower",
    "#SunFlower week end",    "a flower. under the sun",   "les œuvres de l'été",
    "weekend à Paris",        "日本語 🙂 sun"};
static const char *const tags[] = {"Sun", "sun flower", "week-end", "été"};

static void check(bool good) {
    if (!good) __builtin_trap();
}

static SearchDef defs[2];
static View *views[2];
static RefWorld worlds[2];

static void world_make(int i) {
    Ctx c = {.arena = arena_new(64 * MIB)}; /* kept */
    defs[i] = (SearchDef){.name = "fuzz",
                          .fields = fields,
                          .field_count = FIELDS,
                          .order_field = i ? LIKES : -1,
                          .partition_field = -1};
    defs[i].tuning.stem = i;
    worlds[i] = (RefWorld){.arena = c.arena, .def = &defs[i]};
    SearchDocs *d = search_docs_new(c.arena, &defs[i]);
    for (int n = 0; n < 24; n++) {
        search_doc(d, n + 1);
        search_doc_text(d, TITLE, str_c(titles[n % COUNT(titles)]));
        if (n % 3) search_doc_text(d, TAG, str_c(tags[n % COUNT(tags)]));
        if (n % 5) search_doc_int(d, LIKES, n % 7);
        ref_add(&worlds[i], d, n);
    }
    SegmentWriter *w = segment_writer_new(&defs[i]);
    Segment *s = NULL;
    segment_writer_add(w, d);
    check(!segment_writer_finish(&c, w, (Str){0}, &s));
    segment_writer_free(w);
    views[i] = arena_alloc(c.arena, (ptrdiff_t)(sizeof(View) + sizeof(ViewSegment)), 1);
    views[i]->count = 1;
    views[i]->items[0] = (ViewSegment){.segment = s, .live = segment_docs(s)};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!views[1])
        for (int i = 0; i < 2; i++) world_make(i);
    if (size < 1 || size > 200) return 0;
    Ctx c = {.arena = arena_new(512 * MIB)};
    int i = data[0] & 1;
    SearchRequest q = SEARCH_REQUEST;
    q.q = str_of((const char *)data + 1, (ptrdiff_t)size - 1);
    q.operators = data[0] >> 1 & 1;
    q.no_prefix = data[0] >> 2 & 1;
    q.strategy = (SearchStrategy)((data[0] >> 3) % 3);
    SearchResult got;
    RefHit *hits;
    ptrdiff_t count;
    Err *err = engine_search(&c, &defs[i], views[i], &q, &got);
    if (err) {
        check(err->kind == ERR_INVALID);
    } else if (got.query->term_count <= 8) { /* the reference writes out every way */
        check(!ref_search(&c, &worlds[i], &q, &hits, &count));
        check(got.total == count && !got.total_estimated);
        for (ptrdiff_t n = 0; n < got.count; n++) check(got.hits[n].key == hits[n].doc->key);
    }
    arena_free(c.arena);
    return 0;
}

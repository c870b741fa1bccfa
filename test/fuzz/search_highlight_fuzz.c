/* SPDX-License-Identifier: Apache-2.0
 * Any query, any text: the first line is the query, the rest the text; the first byte says with
 * operators or without, and how long a crop is. Marks lie in order within the text, and what is
 * shown without marks and gaps is a part of it. */
#include "search/query.h"

static const SearchField fields[] = {{"text", SEARCH_TEXT, SEARCH_FOR},
                                     {"tag", SEARCH_KEYWORD, SEARCH_FOR | SEARCH_FILTER}};
static const SearchDef def = {.name = "notes",
                              .fields = fields,
                              .field_count = COUNT(fields),
                              .order_field = -1,
                              .partition_field = -1,
                              .tuning = {.stem = true}};

static void places_check(Arena *a, const SearchQuery *query, Str text) {
    ptrdiff_t count, end = 0;
    const SearchPlace *p = search_places(a, query, text, &count);
    for (ptrdiff_t i = 0; i < count; i++) {
        assert(p[i].start >= end && p[i].length > 0);
        end = p[i].start + p[i].length;
    }
    assert(end <= text.len);
}

static void crop_check(Arena *a, const SearchQuery *query, Str text, int64_t words) {
    SearchMark mark = {S(""), S(""), S(""), words, false};
    Str shown = search_highlight(a, query, text, &mark);
    assert(str_find(text, shown) >= 0);
    mark.crop_words = 0;
    assert(str_eq(search_highlight(a, query, text, &mark), text));
    mark = (SearchMark){S("<em>"), S("</em>"), S("…"), words, true};
    shown = search_highlight(a, query, text, &mark);
    for (ptrdiff_t at = 0; (at = str_find_byte(shown, '<')) >= 0;) {
        shown = str_slice(shown, at, shown.len);
        bool tag = str_starts(shown, S("<em>")) || str_starts(shown, S("</em>"));
        assert(tag);
        shown = str_slice(shown, 1, shown.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1 || size > 4096) return 0;
    Arena *a = arena_new(256 * MIB);
    Ctx c = {.arena = a};
    SearchRequest request = SEARCH_REQUEST;
    SearchQuery *query;
    Str text = str_cut(str_of((const char *)data + 1, (ptrdiff_t)size - 1), '\n', &request.q);
    if (str_is_null(text)) text = S("");
    request.operators = data[0] & 1;
    if (!query_parse(&c, &def, &request, &query)) {
        places_check(a, query, text);
        crop_check(a, query, text, data[0] >> 1);
    }
    arena_free(a);
    return 0;
}

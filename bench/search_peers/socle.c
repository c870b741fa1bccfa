/* socle's own engine under bench/search: an index as veyl's posts have it, asked in this process.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "core/time.h"
#include "search/engine.h"
#include "../search_bench.h"

enum { CAPTION, HASHTAGS, AUTHOR, PLATFORM, LANGUAGE, POSTED_AT, LIKES, FIELD_COUNT };
static const SearchField fields[FIELD_COUNT] = {
    [CAPTION] = {"caption", SEARCH_TEXT, SEARCH_FOR},
    [HASHTAGS] = {"hashtags", SEARCH_KEYWORD, SEARCH_FOR | SEARCH_FILTER},
    [AUTHOR] = {"author", SEARCH_KEYWORD, SEARCH_FOR | SEARCH_FILTER},
    [PLATFORM] = {"platform", SEARCH_KEYWORD, SEARCH_FILTER},
    [LANGUAGE] = {"language", SEARCH_KEYWORD, SEARCH_FILTER},
    [POSTED_AT] = {"posted_at", SEARCH_TIME, SEARCH_FILTER | SEARCH_SORT},
    [LIKES] = {"likes", SEARCH_INT, SEARCH_FILTER | SEARCH_SORT},
};
static const SearchDef def = {
    .name = "bench",
    .fields = fields,
    .field_count = FIELD_COUNT,
    .order_field = POSTED_AT,
    .partition_field = -1,
    .tuning = {.stem = true},
    .version = 1,
};
enum { UNFLUSHED = 100000 }; /* documents in memory before they go to the disk */

static SearchEngine *engine;
static EngineBuild *building;
static Arena *batch_arena;
static int64_t covered;

static void check(const Err *err) {
    if (err) die("%.*s", S_ARG(err->detail));
}

/* ---- building, writing */

static void describe(SearchDocs *d, const Post *p) {
    search_doc(d, p->key);
    search_doc_text(d, CAPTION, p->caption);
    for (Str rest = p->hashtags, tag; rest.len > 0;) {
        rest = str_cut(rest, ' ', &tag);
        search_doc_text(d, HASHTAGS, tag);
    }
    search_doc_text(d, AUTHOR, p->author);
    search_doc_text(d, PLATFORM, p->platform);
    search_doc_text(d, LANGUAGE, p->language);
    search_doc_int(d, POSTED_AT, p->posted_at_us);
    search_doc_int(d, LIKES, p->likes);
}

static void open_folder(const char *folder) {
    Ctx c = {.arena = batch_arena = arena_new(256 * MIB)};
    Str healed;
    check(engine_open(&c, &def, str_c(folder), &engine, &healed));
    if (healed.len) die("the index was not taken: %.*s", S_ARG(healed));
}

static void create(const char *folder) {
    open_folder(folder);
    building = engine_build_new(engine);
}

static void add(const Post *posts, ptrdiff_t count) {
    Ctx c = {.arena = batch_arena};
    SearchDocs *d = search_docs_new(batch_arena, &def);
    for (ptrdiff_t i = 0; i < count; i++) describe(d, &posts[i]);
    check(engine_build_add(&c, building, d));
    covered += count;
    arena_reset(batch_arena);
}

static void finish(void) {
    Ctx c = {.arena = batch_arena};
    check(engine_build_finish(&c, building, covered));
    engine_build_free(building);
    check(engine_flush(&c, engine));
}

static void settle(void) {
    Ctx c = {.arena = batch_arena};
    for (bool merged = true; merged;) check(engine_merge(&c, engine, &merged));
    check(engine_flush(&c, engine));
    engine_close(engine);
}

static void write_one(const Post *post) {
    Ctx c = {.arena = batch_arena};
    SearchDocs *d = search_docs_new(batch_arena, &def);
    describe(d, post);
    check(engine_apply(&c, engine, d, post->key));
    arena_reset(batch_arena);
}

/* What the room's own background task does. */
static bool upkeep(void) {
    Ctx c = {.arena = arena_new(64 * MIB)};
    bool merged = false;
    check(engine_merge(&c, engine, &merged));
    if (engine_unflushed(engine) > UNFLUSHED) check(engine_flush(&c, engine));
    arena_free(c.arena);
    return merged;
}

/* ---- asking */

static void *asker(void) { return arena_new(256 * MIB); }
static void asker_free(void *arena) { arena_free(arena); }

static int64_t ask(void *asker_arena, const Query *q) {
    Ctx c = {.arena = asker_arena};
    Buf text = buf_new(c.arena, 128);
    if (q->phrase) buf_byte(&text, '"');
    for (int i = 0; i < q->word_count; i++) {
        if (i) buf_byte(&text, ' ');
        buf_add(&text, q->words[i]);
    }
    if (q->phrase) buf_byte(&text, '"');

    SearchFacetAsk facets[4] = {SEARCH_FACET(PLATFORM), SEARCH_FACET(HASHTAGS),
                                SEARCH_FACET(LANGUAGE), SEARCH_FACET(POSTED_AT)};
    for (int i = 0; i < COUNT(facets); i++) facets[i].limit = FACET_VALUES;
    facets[3].unit = SEARCH_DAY;
    SearchSort sort = {LIKES, true};
    SearchRequest r = SEARCH_REQUEST;
    r.q = buf_str(&text);
    r.no_prefix = !q->prefix;
    r.facets = facets;
    r.facet_count = q->facets ? COUNT(facets) : 0;
    r.sort = &sort;
    r.sort_count = q->by_likes;
    r.offset = q->offset;
    r.limit = HITS;
    if (q->platform.data)
        r.filter =
            search_filter_and(c.arena, search_filter_is(c.arena, PLATFORM, q->platform),
                              search_filter_range(c.arena, POSTED_AT, q->from_us, INT64_MAX));
    SearchResult result;
    View *view = engine_view(engine);
    const Err *err = engine_search(&c, &def, view, &r, &result);
    view_release(view);
    check(err);
    arena_reset(c.arena);
    return result.total;
}

const Engine bench_engine = {
    .name = "socle",
    .create = create,
    .add = add,
    .finish = finish,
    .settle = settle,
    .open = open_folder,
    .asker = asker,
    .ask = ask,
    .asker_free = asker_free,
    .write = write_one,
    .upkeep = upkeep,
};

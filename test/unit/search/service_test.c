/* SPDX-License-Identifier: Apache-2.0
 * The service on both engines: one's own writes are found, whoever commits; the follower outlives the
 * database's absence, a snapshot, and a table that was made anew. */
#include <stdatomic.h>

#include "core/rand.h"
#include "search/docs.h"

#define WORLD_HAS_APP
typedef struct Db Db;
struct App {
    Db *db;
    Search *search;
};
#include "unit/data/world.h"
#include "synced.h"

Search *app_search(struct App *app) { return app->search; }

/* -- A table of things, and its feed ----------------------------------------------------------- */

enum { IN_WORDS, IN_KIND, IN_MEANING, IN_FIELDS };
enum { DIMS = 64 };
static const SearchField fields[IN_FIELDS] = {
    [IN_WORDS] = {"words", SEARCH_TEXT, SEARCH_FOR | SEARCH_EXACT},
    [IN_KIND] = {"kind", SEARCH_KEYWORD, SEARCH_FILTER},
    [IN_MEANING] = {"meaning", SEARCH_VECTOR, 0},
};

typedef struct Thing {
    int64_t key, seq;
    Str words;
    bool gone;
} Thing;
static const Field thing_fields[] = {FIELD(Thing, key), FIELD(Thing, seq), FIELD(Thing, words),
                                     FIELD(Thing, gone)};
static const Record thing_record = RECORD(Thing, thing_fields, .table = "things");

static const char feed_sql[] =
    "SELECT key, seq, words, gone FROM things WHERE seq > $1 ORDER BY seq LIMIT $2";

static atomic_int feeds_fail, feeds;
/* 1: the feed takes 8 MiB a row of memory of its own, 2: of the batch's. */
static atomic_int feeds_greedy;
static atomic_bool feeds_held; /* the feed waits until it is false */

/* Directions all of which differ: each key is nearest to itself. */
static void meaning_of(int64_t key, float out[DIMS]) {
    Rand r = {(uint64_t)key};
    for (int i = 0; i < DIMS; i++) out[i] = (float)rand_unit(&r) - 0.5f;
}

static Err *feed(Ctx *c, int64_t after, int64_t limit, SearchDocs *out, int64_t *covered) {
    Rows rows;
    atomic_fetch_add(&feeds, 1);
    while (atomic_load(&feeds_held)) TRY(sleep_ms(c, 10));
    if (atomic_load(&feeds_fail)) FAIL(c, UNAVAILABLE, "the feed is broken");
    if (atomic_load(&feeds_greedy))
        arena_bytes(atomic_load(&feeds_greedy) == 1 ? c->arena : out->arena, limit * 8 * MIB);
    TRY((limit > 200 ? db_scan : db_query)(c, SQL(feed_sql), ARGS(V(after), V(limit)),
                                           &thing_record, &rows));
    const Thing *things = rows.items;
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        if (things[i].gone) {
            search_doc_gone(out, things[i].key);
        } else {
            search_doc(out, things[i].key);
            search_doc_text(out, IN_WORDS, things[i].words);
            search_doc_text(out, IN_KIND, S("thing"));
            float meaning[DIMS];
            meaning_of(things[i].key, meaning);
            search_doc_vector(out, meaning);
        }
        *covered = things[i].seq;
    }
    return NULL;
}

static Err *newest(Ctx *c, int64_t *seq) {
    return db_int(c, SQL("SELECT value FROM change_sequence WHERE id = 1"), NO_ARGS, seq);
}

static int64_t oldest_value;
static Err *oldest(Ctx *c, int64_t *seq) {
    (void)c;
    *seq = oldest_value;
    return NULL;
}

static const SearchDef things_index = {.name = "things",
                                       .fields = fields,
                                       .field_count = IN_FIELDS,
                                       .order_field = -1,
                                       .partition_field = -1,
                                       .dims = DIMS,
                                       .version = 1,
                                       .feed = feed,
                                       .newest = newest,
                                       .oldest = oldest};

static bool things_make(Ctx *c) {
    return GOOD(db_exec(c,
                        SQL2("CREATE TABLE things (key INTEGER PRIMARY KEY, seq INTEGER, words "
                             "TEXT, gone INTEGER) STRICT",
                             "CREATE TABLE things (key BIGINT PRIMARY KEY, seq BIGINT, words "
                             "TEXT, gone BOOLEAN)"),
                        NO_ARGS, NULL)) &&
           GOOD(db_exec(c, SQL("CREATE INDEX things_seq ON things (seq)"), NO_ARGS, NULL)) &&
           GOOD(db_exec(c,
                        SQL("CREATE TABLE change_sequence (id INTEGER PRIMARY KEY, value BIGINT)"),
                        NO_ARGS, NULL)) &&
           GOOD(db_exec(c, SQL("INSERT INTO change_sequence VALUES (1, 0)"), NO_ARGS, NULL));
}

typedef struct Put {
    int64_t key, count;
    Str words; /* null: gone */
} Put;

static Err *put_in(Ctx *c, void *arg) {
    const Put *p = arg;
    for (int64_t i = 0; i < p->count; i++)
        TRY(db_exec(
            c,
            SQL("INSERT INTO things (key, seq, words, gone) VALUES ($1, 0, $2, $3) ON "
                "CONFLICT (key) DO UPDATE SET words = excluded.words, gone = excluded.gone"),
            ARGS(V(p->key + i), V(str_is_null(p->words) ? S("") : p->words),
                 V((bool)str_is_null(p->words))),
            NULL));
    int64_t first;
    TRY(db_next_change(c, p->count, &first));
    return db_exec(c, SQL("UPDATE things SET seq = $1 + key - $2 WHERE key >= $2 AND key < $3"),
                   ARGS(V(first), V(p->key), V(p->key + p->count)), NULL);
}

static bool put(Ctx *c, int64_t key, Str words) {
    Put p = {key, 1, words};
    return GOOD(db_transaction(c, put_in, &p));
}

static bool put_many(Ctx *c, int64_t key, int64_t count, Str words) {
    Put p = {key, count, words};
    return GOOD(db_transaction(c, put_in, &p));
}

/* How many documents a word finds. */
static int64_t found(Ctx *c, SearchIndex *x, const char *word) {
    SearchRequest request = SEARCH_REQUEST;
    SearchResult result;
    request.q = str_c(word);
    request.no_prefix = true;
    request.strategy = SEARCH_ALL;
    if (!GOOD(search_run(c, x, &request, &result))) return -1;
    return result.total;
}

static SearchIndex *begin_with(Ctx *c, SearchOptions options) {
    SearchIndex *x = NULL;
    c->app->search = search_new(options);
    GOOD(search_open(c, c->app, &things_index, &x));
    return x;
}

static SearchIndex *begin(Ctx *c) {
    return begin_with(
        c, (SearchOptions){.folder = strf(c->arena, "%s/search", world.folder), .follow = true});
}

static void end(Ctx *c) {
    search_close_all(c, c->app);
    search_free(c->app->search);
    c->app->search = NULL;
}

/* -- Promises ---------------------------------------------------------------------------------- */

BOTH(a_commit_is_found_by_the_search_that_follows_it) {
    if (!things_make(c)) return;
    SearchIndex *x = begin(c);
    for (int64_t i = 1; i <= 100; i++) {
        char word[32];
        snprintf(word, sizeof word, "no%lldno", (long long)i);
        if (!put(c, i, str_c(word))) break;
        MUST(synced(c, x));
        CHECK_INT(found(c, x, word), 1);
        if (i % 3) continue;
        put(c, i, (Str){0});
        MUST(synced(c, x));
        CHECK_INT(found(c, x, word), 0);
    }
    SearchStats stats;
    search_stats(x, c, &stats);
    CHECK_INT(stats.documents, 67);
    CHECK_INT(stats.field_documents[IN_WORDS], 67);
    CHECK_INT(stats.failures, 0);
    end(c);
}

/* Which key is nearest to what this one means, and the cosine; 0: none is there. */
static int64_t nearest(Ctx *c, SearchIndex *x, int64_t key, int64_t limit, double *cosine) {
    float meaning[DIMS];
    meaning_of(key, meaning);
    SearchNear near = {.vector = meaning, .threshold = -1};
    SearchRequest request = SEARCH_REQUEST;
    SearchResult result;
    request.near = &near;
    request.limit = limit;
    if (!GOOD(search_run(c, x, &request, &result)) || result.count == 0) return 0;
    *cosine = result.hits[0].similarity;
    return result.hits[0].key;
}

BOTH(what_was_committed_is_found_by_its_meaning) {
    if (!things_make(c)) return;
    SearchIndex *x = begin(c);
    double cosine = 0;
    for (int64_t i = 1; i <= 60; i++) {
        if (!put(c, i, S("meant"))) break;
        MUST(synced(c, x));
        CHECK_INT(nearest(c, x, i, 3, &cosine), i);
        CHECK(cosine > 0.999999);
        if (i % 3) continue;
        put(c, i, (Str){0});
        MUST(synced(c, x));
        CHECK(nearest(c, x, i, 3, &cosine) != i);
        CHECK(cosine < 0.9);
    }
    put_many(c, 1000, 9000, S("many")); /* too many for the loop when most are to be told */
    MUST(synced(c, x));
    SearchStats before, after;
    search_stats(x, c, &before);
    CHECK_INT(before.field_documents[IN_MEANING], 9040);
    CHECK_INT(nearest(c, x, 5432, 5, &cosine), 5432);
    search_stats(x, c, &after);
    CHECK_INT(after.queries_offloaded, before.queries_offloaded);
    CHECK_INT(nearest(c, x, 6543, 9000, &cosine), 6543);
    search_stats(x, c, &after);
    CHECK_INT(after.queries_offloaded, before.queries_offloaded + 1);
    end(c);
}

typedef struct Writer {
    SearchIndex *x;
    int number, rounds, wrong;
} Writer;

static Err *write_and_search(Ctx *c, void *arg) {
    Writer *w = arg;
    for (int i = 0; i < w->rounds; i++) {
        char word[32];
        snprintf(word, sizeof word, "by%dround%d", w->number, i);
        Put p = {w->number * 1000 + i, 1, str_c(word)};
        TRY(db_transaction(c, put_in, &p));
        TRY(synced(c, w->x));
        w->wrong += found(c, w->x, word) != 1;
    }
    return NULL;
}

BOTH(many_writers_at_once_each_find_their_own) {
    if (!things_make(c)) return;
    SearchIndex *x = begin(c);
    Writer writers[8];
    Task tasks[8];
    for (int i = 0; i < 8; i++) {
        writers[i] = (Writer){.x = x, .number = i + 1, .rounds = 25};
        tasks[i] = (Task){.fn = write_and_search, .arg = &writers[i]};
    }
    GOOD(fork_join(c, tasks, 8));
    for (int i = 0; i < 8; i++) CHECK_INT(writers[i].wrong, 0);
    CHECK_INT(found(c, x, ""), 200);
    end(c);
}

/* Without anybody asking: how long until change n is covered, in µs. */
static int64_t followed_after(Ctx *c, SearchIndex *x, int64_t n) {
    int64_t began = mono_us(), until = began + 10 * US_PER_SECOND;
    SearchStats stats = {0};
    while (stats.covered < n && mono_us() < until && !sleep_ms(c, 1)) search_stats(x, c, &stats);
    CHECK(stats.covered >= n);
    return mono_us() - began;
}

/* Another process on the same database: a pool of its own. Whoever is slow now and then has a busy
 * machine: the median counts. */
BOTH(what_another_process_writes_is_followed_within_a_tenth_of_a_second) {
    if (!things_make(c)) return;
    struct App other = {0}, *own = c->app;
    MUST(db_open(c, world.options, &other.db));
    SearchIndex *x = begin(c);
    MUST(synced(c, x));
    int slow = 0;
    for (int i = 1; i <= 21; i++) {
        c->app = &other;
        put(c, i, S("news"));
        c->app = own;
        slow += followed_after(c, x, i) > 100000;
    }
    CHECK(slow <= 10);
    CHECK_INT(found(c, x, "news"), 21);
    c->app = &other;
    put(c, 30, S("more"));
    c->app = own;
    MUST(synced(c, x)); /* and at once by who wants it */
    CHECK_INT(found(c, x, "more"), 1);
    end(c);
    c->app = &other;
    db_close(other.db);
    c->app = own;
}

BOTH(who_waits_for_news_is_woken_by_them) {
    if (!things_make(c)) return;
    SearchIndex *x = begin(c);
    MUST(synced(c, x));
    int64_t covered;
    for (int i = 1; i <= 20; i++) {
        put(c, i, S("news"));
        MUST(search_wait(c, x, i - 1, 5000, &covered));
        CHECK_INT(covered, i);
    }
    CHECK_INT(found(c, x, "news"), 20);
    MUST(search_wait(c, x, covered, 30, &covered)); /* nothing comes */
    CHECK_INT(covered, 20);
    end(c);
}

BOTH(an_index_is_built_from_what_is_there_and_opened_again_without) {
    if (!things_make(c)) return;
    put_many(c, 1, 5000, S("many words"));
    put_many(c, 7, 20, (Str){0});
    SearchIndex *x = begin(c);
    MUST(synced(c, x));
    CHECK_INT(found(c, x, "many"), 4980);
    end(c);
    put(c, 9001, S("later"));
    x = begin(c);
    MUST(synced(c, x));
    SearchStats stats;
    search_stats(x, c, &stats);
    CHECK_INT(stats.rebuilds, 0);
    CHECK_INT(stats.changed, 1); /* the tail only */
    CHECK_INT(found(c, x, "many"), 4980);
    CHECK_INT(found(c, x, "later"), 1);
    end(c);
}

BOTH(what_cannot_be_followed_is_built_anew) {
    if (!things_make(c)) return;
    put_many(c, 1, 300, S("first"));
    SearchIndex *x = begin(c);
    MUST(synced(c, x));
    end(c);
    /* Deletions up to here are forgotten: no row tells that things 1 to 100 have gone. */
    GOOD(db_exec(c, SQL("DELETE FROM things WHERE key <= 100"), NO_ARGS, NULL));
    put(c, 5000, S("first"));
    oldest_value = 301;
    x = begin(c);
    MUST(synced(c, x));
    int64_t until = mono_us() + 10 * US_PER_SECOND;
    SearchStats stats = {0};
    while (!stats.rebuilds && mono_us() < until && !sleep_ms(c, 5)) search_stats(x, c, &stats);
    CHECK_INT(found(c, x, "first"), 201);
    end(c);
    oldest_value = 0;
    /* The database is another one, with smaller numbers. */
    GOOD(db_exec(c, SQL("DELETE FROM things"), NO_ARGS, NULL));
    GOOD(db_exec(c, SQL("UPDATE change_sequence SET value = 0"), NO_ARGS, NULL));
    put(c, 1, S("other"));
    x = begin(c);
    until = mono_us() + 10 * US_PER_SECOND;
    for (stats = (SearchStats){0}; !stats.rebuilds && mono_us() < until && !sleep_ms(c, 5);)
        search_stats(x, c, &stats);
    MUST(synced(c, x));
    CHECK_INT(found(c, x, "first"), 0);
    CHECK_INT(found(c, x, "other"), 1);
    end(c);
}

static Err *rebuild_now(Ctx *c, void *arg) { return search_rebuild(c, arg, NULL, NULL); }

BOTH(a_rebuild_goes_on_beside_writes_and_loses_none) {
    if (!things_make(c)) return;
    put_many(c, 1, 900, S("stock"));
    put_many(c, 100001, 9000, S("stock"));
    SearchIndex *x = begin(c);
    MUST(synced(c, x));
    for (int round = 0; round < 3; round++) {
        Writer w = {.x = x, .number = 20 + round, .rounds = 40};
        Task tasks[] = {{.fn = write_and_search, .arg = &w}, {.fn = rebuild_now, .arg = x}};
        MUST(fork_join(c, tasks, 2));
        CHECK_INT(w.wrong, 0);
        MUST(synced(c, x));
        CHECK_INT(found(c, x, "stock"), 9900);
        CHECK_INT(found(c, x, ""), 9900 + 40 * (round + 1));
    }
    SearchStats stats;
    search_stats(x, c, &stats);
    CHECK_INT(stats.rebuilds, 4);
    end(c);
}

/* A broken feed: what is there is found, waiters are told, and it goes on when it is mended. */
BOTH(searches_go_on_while_the_feed_is_broken) {
    if (!things_make(c)) return;
    put(c, 1, S("before"));
    SearchIndex *x = begin(c);
    MUST(synced(c, x));
    atomic_store(&feeds_fail, 1);
    put(c, 2, S("meanwhile"));
    FAILS(search_sync(c, x), UNAVAILABLE);
    CHECK_INT(found(c, x, "before"), 1);
    CHECK_INT(found(c, x, "meanwhile"), 0);
    SearchStats stats;
    search_stats(x, c, &stats);
    CHECK_STR(stats.failure, S("the feed is broken"));
    CHECK(stats.failures > 0);
    atomic_store(&feeds_fail, 0);
    int64_t covered;
    MUST(search_wait(c, x, 1, 10000, &covered));
    MUST(synced(c, x));
    CHECK_INT(found(c, x, "meanwhile"), 1);
    search_stats(x, c, &stats);
    CHECK_STR(stats.failure, ((Str){0}));
    end(c);
}

/* Over its budget an arena that nobody catches ends the process. */
BOTH(a_query_may_take_more_memory_than_its_request_has) {
    if (!things_make(c)) return;
    for (int i = 1; i <= 20; i++) put(c, i, S("one two three four five"));
    SearchIndex *x = begin(c);
    MUST(synced(c, x));
    Ctx small = *c;
    SearchRequest request = SEARCH_REQUEST;
    SearchResult result;
    small.arena = arena_new(8 * KIB);
    small.defers = NULL;
    request.q = S("one two three four five one two three four five one two three four five");
    Err *err = search_run(&small, x, &request, &result);
    CHECK(!err && result.total == 20);
    arena_free(small.arena);
    end(c);
}

BOTH(who_asks_during_the_first_build_is_told_so) {
    if (!things_make(c)) return;
    atomic_store(&feeds_held, true);
    put(c, 1, S("one"));
    SearchIndex *x = begin(c);
    Err *err = search_sync(c, x); /* long before its deadline */
    CHECK(err && err->kind == ERR_UNAVAILABLE && err->retry_after_s > 0);
    if (err) CHECK(str_starts(err->detail, S("The search index is being built")));
    atomic_store(&feeds_held, false);
    MUST(synced(c, x));
    CHECK_INT(found(c, x, "one"), 1);
    end(c);
}

BOTH(a_wait_ends_with_its_deadline) {
    if (!things_make(c)) return;
    atomic_store(&feeds_fail, 1); /* the first build never succeeds */
    put(c, 1, S("one"));
    SearchIndex *x = begin(c);
    CHECK_INT(found(c, x, "one"), 0); /* serves what there is */
    int64_t covered = 7, former = ctx_deadline_within(c, 100);
    Err *err = search_sync(c, x);
    CHECK(err && (err->kind == ERR_TIMEOUT || err->kind == ERR_UNAVAILABLE));
    c->deadline_us = former;
    MUST(search_wait(c, x, 0, 20, &covered));
    CHECK_INT(covered, 0);
    atomic_store(&feeds_fail, 0);
    MUST(search_wait(c, x, 0, 10000, &covered));
    CHECK_INT(found(c, x, "one"), 1);
    end(c);
}

/* A batch that does not fit into memory is read in smaller ones. */
BOTH(large_batches_are_read_in_smaller_ones) {
    if (!things_make(c)) return;
    put_many(c, 1, 100, S("many"));
    for (int greedy = 1; greedy <= 2; greedy++) {
        atomic_store(&feeds_greedy, greedy);
        SearchIndex *x = begin(c);
        if (greedy == 2) GOOD(search_rebuild(c, x, NULL, NULL));
        GOOD(synced(c, x));
        put(c, 1000 + greedy, S("many"));
        GOOD(synced(c, x));
        CHECK_INT(found(c, x, "many"), 100 + greedy);
        end(c);
    }
    atomic_store(&feeds_greedy, 0);
}

/* A command reads nothing until it asks. */
ON_SQLITE(a_command_begins_when_it_first_asks) {
    if (!things_make(c)) return;
    put(c, 1, S("one"));
    atomic_store(&feeds, 0);
    SearchIndex *x = begin_with(c, (SearchOptions){.follow = false});
    int64_t covered;
    MUST(search_wait(c, x, 0, 20, &covered));
    CHECK_INT(covered, 0);
    CHECK_INT(atomic_load(&feeds), 0);
    MUST(synced(c, x));
    CHECK_INT(found(c, x, "one"), 1);
    CHECK(search_find(c->app, S("things")) == x);
    CHECK(search_find(c->app, S("thing")) == NULL);
    CHECK(search_def(x) == &things_index);
    end(c);
}

ON_SQLITE(a_damaged_snapshot_is_built_anew) {
    if (!things_make(c)) return;
    put_many(c, 1, 500, S("kept"));
    SearchIndex *x = begin(c);
    MUST(synced(c, x));
    end(c);
    const char *path = strf(c->arena, "%s/search/things/manifest", world.folder).data;
    FILE *file = fopen(path, "r+");
    REQUIRE(file != NULL);
    fseek(file, 30, SEEK_SET);
    fputc('!', file);
    fclose(file);
    x = begin(c);
    MUST(synced(c, x));
    SearchStats stats;
    search_stats(x, c, &stats);
    CHECK_INT(stats.rebuilds, 1);
    CHECK_INT(found(c, x, "kept"), 500);
    end(c);
}

/* The folder is one process's: a second service works in memory, a command asks the first. */
ON_SQLITE(a_second_owner_of_the_folder_leaves_it_alone) {
    if (!things_make(c)) return;
    put(c, 1, S("one"));
    SearchIndex *first = begin(c);
    MUST(synced(c, first));
    Search *kept = c->app->search;
    SearchIndex *second = begin(c);
    MUST(synced(c, second));
    CHECK_INT(found(c, second, "one"), 1);
    end(c);
    SearchIndex *command = begin_with(
        c, (SearchOptions){.folder = strf(c->arena, "%s/search", world.folder), .follow = false});
    FAILS(search_rebuild(c, command, NULL, NULL), CONFLICT);
    end(c);
    c->app->search = kept;
    SearchStats stats = {0};
    int64_t until = mono_us() + 10 * US_PER_SECOND;
    while (stats.rebuilds < 2 && mono_us() < until && !sleep_ms(c, 5))
        search_stats(first, c, &stats);
    CHECK_INT(stats.rebuilds, 2); /* the first one, and the one asked for */
    CHECK_INT(found(c, first, "one"), 1);
    end(c);
}

int main(int argc, char **argv) {
    static const T rows[] = {
        BOTH_ROWS(a_commit_is_found_by_the_search_that_follows_it),
        BOTH_ROWS(what_was_committed_is_found_by_its_meaning),
        BOTH_ROWS(many_writers_at_once_each_find_their_own),
        BOTH_ROWS(what_another_process_writes_is_followed_within_a_tenth_of_a_second),
        BOTH_ROWS(who_waits_for_news_is_woken_by_them),
        BOTH_ROWS(an_index_is_built_from_what_is_there_and_opened_again_without),
        BOTH_ROWS(what_cannot_be_followed_is_built_anew),
        BOTH_ROWS(a_rebuild_goes_on_beside_writes_and_loses_none),
        BOTH_ROWS(searches_go_on_while_the_feed_is_broken),
        BOTH_ROWS(a_query_may_take_more_memory_than_its_request_has),
        BOTH_ROWS(who_asks_during_the_first_build_is_told_so),
        BOTH_ROWS(a_wait_ends_with_its_deadline),
        BOTH_ROWS(large_batches_are_read_in_smaller_ones),
        T_ROW(a_command_begins_when_it_first_asks_sqlite),
        T_ROW(a_damaged_snapshot_is_built_anew_sqlite),
        T_ROW(a_second_owner_of_the_folder_leaves_it_alone_sqlite),
    };
    log_start(LOG_OFF, LOG_PRETTY, NULL);
    int status = t_main(argc, argv, rows, (int)COUNT(rows));
    log_stop();
    return status;
}

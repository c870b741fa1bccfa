/* SPDX-License-Identifier: Apache-2.0
 * Stores of vectors beside the engine: the same documents, questions and filters as in an index that has
 * its vectors within give the same answers, but for the rounding of floats. Qdrant is the strict
 * stand-in of test/fake/qdrant.py; pgvector the database that SOCLE_TEST_PGVECTOR names (its tables are
 * overwritten; one connection at a time will do). */
#include "core/rand.h"
#include "rt/process.h"
#include "search/search.h"

#define WORLD_HAS_APP
typedef struct Db Db;
struct App {
    Db *db;
    Search *search;
};
#include "unit/data/world.h"
#include "vectors_world.h"
#include "synced.h"

Search *app_search(struct App *app) { return app->search; }

enum { DIMS = 24, CHANGES = 700, STEPS = 7, QUESTIONS = 40 };
enum { IN_TEXT, IN_MEANING, IN_GROUP, IN_AT, IN_PRICE, IN_OWNER, IN_FIELDS };
static const SearchField fields[IN_FIELDS] = {
    [IN_TEXT] = {"text", SEARCH_TEXT, SEARCH_FOR},
    [IN_MEANING] = {"meaning", SEARCH_VECTOR, 0},
    [IN_GROUP] = {"group", SEARCH_KEYWORD, SEARCH_FILTER},
    [IN_AT] = {"at", SEARCH_INT, SEARCH_FILTER | SEARCH_SORT},
    [IN_PRICE] = {"price", SEARCH_REAL, SEARCH_FILTER},
    [IN_OWNER] = {"owner", SEARCH_KEYWORD, SEARCH_FILTER},
};

static void describe(SearchDocs *d, int64_t n) {
    char text[64];
    float vector[DIMS];
    search_doc(d, v_key(n) + 101);
    v_text(n, text);
    search_doc_text(d, IN_TEXT, str_c(text));
    snprintf(text, sizeof text, "Gé%d", v_group(n));
    search_doc_text(d, IN_GROUP, str_c(text));
    if (v_mixed(n, 20) % 3 == 0) search_doc_text(d, IN_GROUP, S("a \"quoted\\ 'one"));
    snprintf(text, sizeof text, "o%d", v_owner(n));
    search_doc_text(d, IN_OWNER, str_c(text));
    int64_t far = v_mixed(n, 21) % 9 == 0 ? INT64_MAX / 3 : 0; /* no double is near enough */
    if (v_mixed(n, 22) % 8) search_doc_int(d, IN_AT, far + v_at(n));
    if (v_mixed(n, 23) % 4) search_doc_real(d, IN_PRICE, (double)v_at(n + 1) / 7 - 50);
    v_vector(n, DIMS, vector);
    if (v_has(n)) search_doc_vector(d, vector);
}

static Err *newest(Ctx *c, int64_t *seq) {
    return db_int(c, SQL("SELECT value FROM store_test_counter"), NO_ARGS, seq);
}

static Err *feed(Ctx *c, int64_t after, int64_t limit, SearchDocs *out, int64_t *covered) {
    int64_t upto;
    TRY(newest(c, &upto));
    upto = min_i64(upto, after + min_i64(limit, 90));
    for (int64_t n = after + 1; n <= upto; n++)
        if (v_gone(n))
            search_doc_gone(out, v_key(n) + 101);
        else
            describe(out, n);
    *covered = max_i64(upto, after);
    return NULL;
}

static const SearchDef def = {.name = "meant",
                              .fields = fields,
                              .field_count = IN_FIELDS,
                              .order_field = -1,
                              .partition_field = IN_OWNER,
                              .dims = DIMS,
                              .version = 3,
                              .feed = feed,
                              .newest = newest};

/* -- Two indexes over the same ------------------------------------------------------------------- */

typedef struct Pair {
    Search *searches[2];
    SearchIndex *within, *beside;
} Pair;

static bool pair_begin(Ctx *c, SearchOptions store, Pair *p) {
    SearchOptions options[2] = {{.follow = true}, store};
    SearchIndex **out[2] = {&p->within, &p->beside};
    options[1].follow = true;
    options[1].folder = strf(c->arena, "%s/search", world.folder);
    for (int i = 0; i < 2; i++) {
        c->app->search = p->searches[i] = search_new(options[i]);
        if (!GOOD(search_open(c, c->app, &def, out[i]))) return false;
    }
    return true;
}

static void pair_end(Ctx *c, Pair *p) {
    for (int i = 0; i < 2; i++) {
        c->app->search = p->searches[i];
        search_close_all(c, c->app);
        search_free(p->searches[i]);
    }
    c->app->search = NULL;
}

static bool counter_make(Ctx *c) {
    return GOOD(db_exec(c, SQL("DROP TABLE IF EXISTS store_test_counter"), NO_ARGS, NULL)) &&
           GOOD(db_exec(c, SQL("CREATE TABLE store_test_counter (value BIGINT)"), NO_ARGS, NULL)) &&
           GOOD(db_exec(c, SQL("INSERT INTO store_test_counter VALUES (0)"), NO_ARGS, NULL)) &&
           (world.engine == ENGINE_SQLITE ||
            GOOD(db_exec(c,
                         SQL("CREATE TABLE IF NOT EXISTS search_leases (name TEXT PRIMARY KEY, "
                             "holder TEXT NOT NULL, until TIMESTAMPTZ NOT NULL)"),
                         NO_ARGS, NULL)));
}

/* -- Questions ------------------------------------------------------------------------------------- */

static void filter_put(Buf *b, Rand *r, int depth) {
    static const char *const leaves[] = {"group = gé1",
                                         "group != Ge2",
                                         "group IN [GE0, gé3, nobody]",
                                         "group CONTAINS é4",
                                         "group STARTS WITH gé",
                                         "group = \"A \\\"quoted\\\\ 'one\"",
                                         "at < 300",
                                         "at >= 500",
                                         "at 100 TO 700",
                                         "at > 3074457345618258603",
                                         "price < 12.5",
                                         "price 0 TO 60.25",
                                         "at EXISTS",
                                         "price NOT EXISTS",
                                         "group NOT IN [gé1, gé2]",
                                         "at = 4611686018427387903",
                                         "price >= -1e308",
                                         "group CONTAINS quoted"};
    if (depth == 0 || rand_below(r, 3) == 0) {
        buf_add(b, str_c(leaves[rand_below(r, COUNT(leaves))]));
        return;
    }
    bool not = rand_below(r, 4) == 0;
    buf_add(b, not ? S("NOT (") : S("("));
    filter_put(b, r, depth - 1);
    buf_add(b, rand_below(r, 2) ? S(" AND ") : S(" OR "));
    filter_put(b, r, depth - 1);
    buf_byte(b, ')');
}

#define NEAR 2e-5

/* The hits of words and meanings by their keys: ranks of what is nearly tied may differ. */
static bool blended_alike(const SearchResult *a, const SearchResult *b) {
    int found = 0;
    for (ptrdiff_t i = 0; i < a->count; i++)
        for (ptrdiff_t k = 0; k < b->count; k++) {
            const SearchHit *x = &a->hits[i], *y = &b->hits[k];
            if (x->key != y->key) continue;
            found++;
            if (!CHECK_INT(x->keyword_rank, y->keyword_rank) ||
                !CHECK(isnan(x->similarity) == isnan(y->similarity)) ||
                !CHECK(isnan(x->similarity) || fabs(x->similarity - y->similarity) < NEAR))
                return false;
        }
    return CHECK_INT(a->count, b->count) && CHECK(found >= a->count - 2);
}

static bool alone_alike(const SearchResult *a, const SearchResult *b, bool edge) {
    if (!CHECK(edge || a->count == b->count)) return false;
    if (!b->total_estimated && !CHECK(edge || a->total == b->total)) return false;
    for (ptrdiff_t i = 0; i < a->count && i < b->count; i++) {
        const SearchHit *x = &a->hits[i], *y = &b->hits[i];
        if (!CHECK(fabs(x->similarity - y->similarity) < NEAR) ||
            !CHECK_INT(x->vector_rank, y->vector_rank))
            return false;
        bool tied = i > 0 && y->similarity == y[-1].similarity;
        if (tied && !CHECK(y->key > y[-1].key)) return false;
    }
    return true;
}

static bool asked_alike(Ctx *c, const Pair *p, Rand *r) {
    float x[DIMS];
    char owner[8], word[8] = "";
    Buf filter = buf_new(c->arena, 256);
    SearchRequest q = SEARCH_REQUEST;
    SearchResult a, b;
    v_vector(rand_below(r, 2 * CHANGES), DIMS, x);
    snprintf(owner, sizeof owner, "o%d", (int)rand_below(r, V_OWNERS));
    bool floor = rand_below(r, 4) == 0, words = rand_below(r, 4) == 0;
    SearchNear near = {.vector = x, .threshold = floor ? 0.7 * rand_unit(r) : -1};
    q.near = &near;
    q.partition = str_c(owner);
    q.offset = rand_below(r, 3) ? 0 : rand_below(r, 30);
    q.limit = rand_below(r, 5) ? 1 + rand_below(r, 30) : 500;
    if (words) snprintf(word, sizeof word, "word%d", (int)rand_below(r, 9));
    q.q = str_c(word);
    if (words) q.offset = 0;
    if (words) q.limit = 500;
    if (rand_below(r, 5)) filter_put(&filter, r, 3);
    if (!GOOD(search_filter_parse(c, &def, buf_str(&filter), &q.filter)) ||
        !GOOD(search_run(c, p->within, &q, &a)) || !GOOD(search_run(c, p->beside, &q, &b)))
        return false;
    bool same = CHECK(!b.degraded) && (words ? blended_alike(&a, &b) : alone_alike(&a, &b, floor));
    if (!same)
        printf(
            "  filter %.*s, q %s, threshold %g, offset %lld, limit %lld: %td and %td hits, totals "
            "%lld and %lld%s\n",
            S_ARG(buf_str(&filter)), word, near.threshold, (long long)q.offset, (long long)q.limit,
            a.count, b.count, (long long)a.total, (long long)b.total,
            b.total_estimated ? " (about)" : "");
    return same;
}

static void all_alike(Ctx *c, SearchOptions store) {
    Pair p;
    Rand r = {7};
    if (!counter_make(c) || !pair_begin(c, store, &p)) return;
    for (int step = 1; step <= STEPS; step++) {
        if (!GOOD(db_exec(c, SQL("UPDATE store_test_counter SET value = $1"),
                          ARGS(V((int64_t)step * CHANGES / STEPS)), NULL)) ||
            !GOOD(synced(c, p.within)) || !GOOD(synced(c, p.beside)))
            break;
        for (int i = 0; i < QUESTIONS; i++) {
            CtxMark mark = ctx_mark(c);
            bool same = asked_alike(c, &p, &r);
            ctx_release(c, mark);
            if (!same) goto out;
        }
    }
out:;
    SearchStats stats;
    search_stats(p.beside, c, &stats);
    CHECK_INT(stats.store_failures, 0);
    CHECK_INT(stats.store_covered, CHANGES);
    CHECK_INT(stats.field_documents[IN_MEANING], 0); /* the engine has none */
    pair_end(c, &p);
}

/* -- Promises -------------------------------------------------------------------------------------- */

ON_SQLITE(qdrant_finds_what_the_engine_finds) {
    const char *root = getenv("SOCLE_TEST_ROOT");
    Str script = strf(c->arena, "%s/test/fake/qdrant.py", root ? root : ".");
    const char *argv[] = {"/usr/bin/python3", "-B", str_cstr(c->arena, script), "0", NULL};
    Process *fake;
    Str line = {0};
    if (process_start(c, (ProcessOptions){.argv = argv}, &fake)) SKIP("python3 is not there");
    if (GOOD(process_line(c, fake, &line)) && CHECK(str_find(line, S(" at ")) > 0)) {
        Str url = str_slice(line, str_find(line, S(" at ")) + 4, str_find(line, S(",")));
        all_alike(c, (SearchOptions){.store = SEARCH_STORE_QDRANT,
                                     .qdrant_url = str_copy(c->arena, url),
                                     .qdrant_key = S("an-api-key-of-tests")});
    }
    process_end(c, fake);
}

static void in_pgvector(Ctx *c) { all_alike(c, (SearchOptions){.store = SEARCH_STORE_PGVECTOR}); }

TEST(pgvector_finds_what_the_engine_finds) {
    const char *url = getenv("SOCLE_TEST_PGVECTOR");
    if (!url) SKIP("SOCLE_TEST_PGVECTOR is not set");
    snprintf(world.url, sizeof world.url, "%s", url);
    world.engine = ENGINE_POSTGRES;
    world.test = in_pgvector;
    snprintf(world.folder, sizeof world.folder, "/tmp/socle-db-XXXXXX");
    REQUIRE(mkdtemp(world.folder) != NULL);
    world.options = world_options();
    world.options.prepared = false;
    rt_init(1);
    coro_spawn((CoroOptions){.name = "test", .app = &world.app, .budget_bytes = 64 * MIB},
               world_main, NULL);
    rt_run();
    rt_close();
    nftw(world.folder, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

int main(int argc, char **argv) {
    static const T rows[] = {T_ROW(qdrant_finds_what_the_engine_finds_sqlite),
                             T_ROW(pgvector_finds_what_the_engine_finds)};
    log_start(getenv("SOCLE_TEST_LOG") ? LOG_WARN : LOG_OFF, LOG_PRETTY, NULL);
    int status = t_main(argc, argv, rows, (int)COUNT(rows));
    log_stop();
    return status;
}

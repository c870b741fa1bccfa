/* SPDX-License-Identifier: Apache-2.0
 * The feed of the index `debates` keeps its promise (search.h) on both engines: however small the
 * batches, nothing up to *covered is left out, and a debate is covered only with all its speeches. */
#include "products/robian/search_index.h"

#include "core/rand.h"
#include "data/blob.h"
#include "data/cache.h"
#include "products/robian/debate.h"
#include "search/docs.h"
#include "unit/work/work_world.h"

BlobStore *app_blobs(Ctx *c) {
    (void)c;
    return NULL;
}
Cache *app_cache(Ctx *c) {
    (void)c;
    return NULL;
}

enum { DEBATES = 12, DOCUMENTS_MAX = 4096 };

/* What an index would hold after the batches so far: keys below DOCUMENTS_MAX. */
typedef struct Held {
    bool there[DOCUMENTS_MAX];
    int64_t documents;
} Held;

static void held_take(Held *h, const SearchDocs *docs) {
    for (ptrdiff_t i = 0; i < docs->count; i++) {
        int64_t key = docs->entries[i].key;
        if (!CHECK(key > 0 && key < DOCUMENTS_MAX)) return;
        h->there[key] = !docs->entries[i].gone;
    }
    h->documents += docs->count;
}

/* All that is covered is held, and nothing that is gone. */
static void held_is_right(Ctx *c, const Held *h, int64_t covered) {
    static const char *const kinds[] = {
        "SELECT n AS value FROM debates WHERE change_seq <= $1",
        "SELECT s.n AS value FROM speeches s JOIN debates d ON d.n = s.debate_n "
        "WHERE d.change_seq <= $1",
        "SELECT n AS value FROM debates_deleted WHERE change_seq <= $1"};
    typedef struct One {
        int64_t value;
    } One;
    static const Field fields[] = {FIELD(One, value)};
    static const Record record = RECORD(One, fields);
    for (int k = 0; k < COUNT(kinds); k++) {
        Rows rows;
        if (!GOOD(db_query(c, SQL(kinds[k]), ARGS(V(covered)), &record, &rows))) return;
        for (ptrdiff_t i = 0; i < rows.count; i++)
            CHECK(h->there[((One *)rows.items)[i].value] == (k < 2));
    }
}

static int64_t follow(Ctx *c, Held *h, int64_t after, int64_t limit) {
    for (;;) {
        int64_t covered;
        SearchDocs *docs = search_docs_new(c->arena, &debates_index);
        if (!GOOD(debates_index.feed(c, after, limit, docs, &covered))) return after;
        if (covered == after) return after;
        CHECK(covered > after);
        held_take(h, docs);
        held_is_right(c, h, covered);
        after = covered;
    }
}

/* -- making things ------------------------------------------------------------------------------- */

typedef struct Making {
    Debate d;
    int64_t speeches;
    int64_t index;
} Making;

static Err *make_in(Ctx *c, void *arg) {
    Making *m = arg;
    int64_t first;
    if (m->d.n == 0) {
        m->d =
            (Debate){.title = strf(c->arena, "Débat %lld", (long long)m->index),
                     .type = S("commission"),
                     .date = time_now(),
                     .source_url = strf(c->arena, "https://example.org/%lld", (long long)m->index)};
        TRY(debate_add(c, &m->d));
    }
    TRY(db_next_change(c, m->speeches + 1, &first));
    TRY(db_exec(c,
                SQL("INSERT INTO debates_deleted (n, change_seq, deleted_at) "
                    "SELECT n, $2, $3 FROM speeches WHERE debate_n = $1"),
                ARGS(V(m->d.n), V(first), V(time_now())), NULL));
    TRY(db_exec(c, SQL("DELETE FROM speeches WHERE debate_n = $1"), ARGS(V(m->d.n)), NULL));
    for (int64_t i = 0; i < m->speeches; i++)
        TRY(db_exec(c,
                    SQL("INSERT INTO speeches (n, debate_n, position, kind, text) "
                        "VALUES ($1, $2, $3, 'speech', 'bonjour')"),
                    ARGS(V(first + 1 + i), V(m->d.n), V(i)), NULL));
    return debate_touch(c, m->d.n);
}

static Err *remove_in(Ctx *c, void *arg) { return debate_remove(c, ((Making *)arg)->d.n); }

static void batches(Ctx *c, int64_t limit) {
    static Held held;
    Making all[DEBATES] = {0};
    Rand rand = {.state = (uint64_t)limit};
    int64_t after = 0;
    held = (Held){0};
    for (int64_t round = 0; round < 6; round++) {
        for (int64_t i = 0; i < DEBATES; i++) {
            if (rand_below(&rand, 3) == 0) continue;
            all[i].index = 1000 * limit + 100 * round + i;
            all[i].speeches = rand_below(&rand, 9);
            bool gone = all[i].d.n && rand_below(&rand, 4) == 0;
            MUST(db_transaction(c, gone ? remove_in : make_in, &all[i]));
            if (gone) all[i] = (Making){0};
        }
        after = follow(c, &held, after, limit);
    }
    int64_t newest;
    MUST(debates_index.newest(c, &newest));
    CHECK_INT(after, newest);
    CHECK(held.documents > DEBATES);
}

WORK(single_debates_are_covered_with_all_their_speeches) { batches(c, 1); }
WORK(small_batches_leave_nothing_out) { batches(c, 7); }
WORK(large_batches_are_the_same) { batches(c, 4000); }

T_MAIN(BOTH_ROWS(single_debates_are_covered_with_all_their_speeches),
       BOTH_ROWS(small_batches_leave_nothing_out), BOTH_ROWS(large_batches_are_the_same))

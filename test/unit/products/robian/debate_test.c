/* SPDX-License-Identifier: Apache-2.0
 * The door through which debates are written: stamps, events, figures and what goes with a debate,
 * on both engines. */
#include "products/robian/debate.h"

#include "data/blob.h"
#include "data/cache.h"
#include "products/robian/audio.h"
#include "unit/work/work_world.h"
#include "work/jobs.h"

BlobStore *app_blobs(Ctx *c) {
    (void)c;
    return NULL;
}
Cache *app_cache(Ctx *c) {
    (void)c;
    return NULL;
}

static Debate some(Ctx *c, const char *source) {
    return (Debate){
        .title = S("Séance"),
        .type = S("seance_publique"),
        .date = time_now(),
        .source_url = strf(c->arena, "https://example.org/%s", source),
    };
}

static Err *add_in(Ctx *c, void *arg) { return debate_add(c, arg); }
static Err *change_in(Ctx *c, void *arg) { return debate_change(c, arg); }
static Err *touch_in(Ctx *c, void *arg) { return debate_touch(c, *(int64_t *)arg); }
static Err *remove_in(Ctx *c, void *arg) { return debate_remove(c, *(int64_t *)arg); }

static int64_t change_of(Ctx *c, int64_t n) {
    int64_t seq = -1;
    GOOD(db_int(c, SQL("SELECT change_seq FROM debates WHERE n = $1"), ARGS(V(n)), &seq));
    return seq;
}

static int64_t events_of(Ctx *c, const char *type) {
    int64_t n = -1;
    GOOD(db_int(c, SQL("SELECT count(*) FROM events WHERE type = $1"), ARGS(V(str_c(type))), &n));
    return n;
}

/* -- writing ---------------------------------------------------------------------------------- */

WORK(what_is_added_comes_back) {
    Debate d = some(c, "a"), found = {0};
    Str names[] = {S("Mme A"), S("M. B")};
    d.speakers = (StrList){names, COUNT(names)};
    MUST(db_transaction(c, add_in, &d));
    CHECK(uuid_valid(d.id) && d.n > 0 && d.change_seq == d.n);
    MUST(debate_find(c, d.id, &found));
    CHECK_INT(found.n, d.n);
    CHECK_STR(found.title, d.title);
    CHECK_INT(found.speakers.count, 2);
    CHECK(time_is_null(found.start_time) && time_is_null(found.end_time));
    CHECK_STR(found.status, S("programme"));
    CHECK_STR(found.metadata.text, S("{}"));
    MUST(debates_show(c, &found, 1));
    CHECK_STR(found.display_duration, S("Durée inconnue"));
    CHECK_INT(found.audio_files.count, 0);
    int64_t n;
    MUST(debate_key(c, d.id, &n));
    CHECK_INT(n, d.n);
    FAILS(debate_key(c, S("nobody"), &n), NOT_FOUND);
    FAILS(debate_at(c, d.n + 1, &found), NOT_FOUND);
}

typedef struct Several {
    Debate a, again, b;
    Err *second;
} Several;

static Err *several_in(Ctx *c, void *arg) {
    Several *s = arg;
    TRY(debate_add(c, &s->a));
    s->second = debate_add(c, &s->again);
    return debate_add(c, &s->b);
}

WORK(one_that_is_there_already_stops_nobody_else) {
    Several s = {some(c, "same"), some(c, "same"), some(c, "other"), NULL};
    MUST(db_transaction(c, several_in, &s));
    FAILS(s.second, CONFLICT);
    CHECK_INT(count_rows(c, "SELECT count(*) FROM debates"), 2);
    CHECK_INT(events_of(c, "debate_created"), 4); /* each on two channels */
}

WORK(every_write_stamps_and_tells) {
    Debate d = some(c, "a");
    MUST(db_transaction(c, add_in, &d));
    int64_t seq = d.change_seq;
    d.title = S("Autre");
    d.status = S("en_cours");
    MUST(db_transaction(c, change_in, &d));
    CHECK(d.change_seq > seq && change_of(c, d.n) == d.change_seq);
    seq = d.change_seq;
    MUST(db_transaction(c, touch_in, &d.n));
    CHECK(change_of(c, d.n) > seq);
    CHECK_INT(events_of(c, "debate_created"), 2);
    CHECK_INT(events_of(c, "debate_started"), 2);
    CHECK_INT(events_of(c, "debate_updated"), 2);
    d.status = S("termine");
    MUST(db_transaction(c, change_in, &d));
    CHECK_INT(events_of(c, "debate_ended"), 2);
    int64_t nobody = d.n + 100;
    FAILS(db_transaction(c, touch_in, &nobody), NOT_FOUND);
    FAILS(db_transaction(c, remove_in, &nobody), NOT_FOUND);
}

static Err *change_then_fail(Ctx *c, void *arg) {
    TRY(debate_change(c, arg));
    FAIL(c, CONFLICT, "no");
}

WORK(what_fails_leaves_nothing) {
    Debate d = some(c, "a");
    MUST(db_transaction(c, add_in, &d));
    int64_t seq = d.change_seq, events = count_rows(c, "SELECT count(*) FROM events");
    d.title = S("Autre");
    FAILS(db_transaction(c, change_then_fail, &d), CONFLICT);
    CHECK_INT(change_of(c, d.n), seq);
    CHECK_INT(count_rows(c, "SELECT count(*) FROM events"), events);
}

/* -- removing --------------------------------------------------------------------------------- */

WORK(what_goes_leaves_a_tombstone_for_each_that_was_searched) {
    static const JobKind kinds[] = {{.name = AUDIO_BLOB_JOB, .run = audio_blob_run}};
    jobs_kinds_set((const JobKind *const[]){kinds}, (const ptrdiff_t[]){COUNT(kinds)}, 1);
    Debate d = some(c, "a"), stays = some(c, "b");
    MUST(db_transaction(c, add_in, &d));
    MUST(db_transaction(c, add_in, &stays));
    for (int64_t i = 1; i <= 3; i++)
        MUST(db_exec(c,
                     SQL("INSERT INTO speeches (n, debate_n, position, kind, text) "
                         "VALUES ($1, $2, $3, 'speech', 'x')"),
                     ARGS(V(d.n + 1000 + i), V(d.n), V(i)), NULL));
    MUST(
        db_exec(c,
                SQL("INSERT INTO audio_files (id, debate_n, filename, format, quality, blob, "
                    "created_at, updated_at) VALUES ('a', $1, 'f', 'mp3', '192k', 'hash', $2, $2)"),
                ARGS(V(d.n), V(time_now())), NULL));
    MUST(db_transaction(c, remove_in, &d.n));
    CHECK_INT(count_rows(c, "SELECT count(*) FROM debates"), 1);
    CHECK_INT(count_rows(c, "SELECT count(*) FROM speeches"), 0);
    CHECK_INT(count_rows(c, "SELECT count(*) FROM debates_deleted"), 4);
    CHECK_INT(count_rows(c, "SELECT count(DISTINCT change_seq) FROM debates_deleted"), 4);
    CHECK_INT(count_rows(c, "SELECT count(*) FROM debates_deleted WHERE change_seq > "
                            "(SELECT max(change_seq) FROM debates)"),
              4);
    CHECK_INT(count_rows(c, "SELECT count(*) FROM jobs WHERE kind = 'robian.blob_remove'"), 1);
    int64_t newest;
    MUST(db_int(c, SQL("SELECT value FROM change_sequence"), NO_ARGS, &newest));
    CHECK_INT(count_rows(c, "SELECT max(change_seq) FROM debates_deleted"), newest);
}

/* -- figures ---------------------------------------------------------------------------------- */

enum { READERS = 24, VIEWS = 10 };

typedef struct Reader {
    int64_t n;
    atomic_int *done;
} Reader;

static void reader_main(Ctx *c, void *arg) {
    Reader *r = arg;
    for (int i = 0; i < VIEWS; i++) {
        Debate d = {.n = r->n};
        GOOD(debate_viewed(c, &d));
        CHECK(d.view_count > i);
        if (i % 5 == 0) GOOD(debate_count(c, r->n, COUNT_STREAM));
    }
    atomic_fetch_add(r->done, 1);
}

WORK(many_who_count_at_once_lose_nothing) {
    atomic_int done = 0;
    Debate d[2] = {some(c, "a"), some(c, "b")};
    Reader readers[2];
    for (int i = 0; i < 2; i++) {
        MUST(db_transaction(c, add_in, &d[i]));
        readers[i] = (Reader){d[i].n, &done};
    }
    for (int i = 0; i < READERS; i++)
        coro_spawn((CoroOptions){.name = "reader", .budget_bytes = 4 * MIB, .app = c->app},
                   reader_main, &readers[i % 2]);
    REQUIRE(reaches(c, &done, READERS));
    for (int i = 0; i < 2; i++) {
        Debate now;
        MUST(debate_at(c, d[i].n, &now));
        CHECK_INT(now.view_count, READERS / 2 * VIEWS);
        CHECK_INT(now.stream_count, READERS / 2 * 2);
        CHECK_INT(now.change_seq, d[i].change_seq); /* a view is no change */
    }
    CHECK_INT(count_rows(c, "SELECT sum(views) FROM debate_days"), READERS * VIEWS);
    CHECK_INT(count_rows(c, "SELECT sum(streams) FROM debate_days"), READERS * 2);
    int64_t told = events_of(c, "debate_viewed");
    CHECK(told >= 2 && told <= READERS * VIEWS);
    FAILS(debate_count(c, d[1].n + 1, COUNT_VIEW), NOT_FOUND);
}

static Err *count_then_fail(Ctx *c, void *arg) {
    TRY(debate_count(c, *(int64_t *)arg, COUNT_DOWNLOAD));
    FAIL(c, CONFLICT, "no");
}

WORK(what_is_counted_in_a_transaction_goes_with_it) {
    Debate d = some(c, "a"), now;
    MUST(db_transaction(c, add_in, &d));
    FAILS(db_transaction(c, count_then_fail, &d.n), CONFLICT);
    MUST(debate_at(c, d.n, &now));
    CHECK_INT(now.download_count, 0);
}

T_MAIN(BOTH_ROWS(what_is_added_comes_back), BOTH_ROWS(one_that_is_there_already_stops_nobody_else),
       BOTH_ROWS(every_write_stamps_and_tells), BOTH_ROWS(what_fails_leaves_nothing),
       BOTH_ROWS(what_goes_leaves_a_tombstone_for_each_that_was_searched),
       BOTH_ROWS(many_who_count_at_once_lose_nothing),
       BOTH_ROWS(what_is_counted_in_a_transaction_goes_with_it))

/* SPDX-License-Identifier: Apache-2.0
 * The promises of quota.h, on both engines. */
#include "products/sylion/quota.h"

#include "products/sylion/tenants.h"
#include "products/sylion/warnings.h"
#include "unit/products/sylion/sylion_world.h"

/* The jobs are asked for; the API tests have them run. */
static void warning_jobs_known(void) {
    static const JobKind kinds[] = {
        {.name = WARNING_JOB, .run = job_left_alone},
        {.name = WARNING_WEBHOOK_JOB, .run = job_left_alone},
    };
    static const JobKind *const tables[] = {kinds};
    static const ptrdiff_t counts[] = {COUNT(kinds)};
    jobs_kinds_set(tables, counts, 1);
}

static Scope tenant_with(Ctx *c, int64_t messages) {
    Scope s = tenant_make(c, "quota");
    warning_jobs_known();
    GOOD(db_exec(c, SQL("UPDATE tenants SET quota_messages = $2, quota_storage_mb = 10 WHERE n = $1"),
                 ARGS(V(s.tenant), V(messages)), NULL));
    return s;
}

/* One call in a transaction of its own. */
typedef struct Doing {
    const Scope *scope;
    QuotaKind kind;
    Str key;
    int64_t amount;
    Id id;
    enum { TAKE, SETTLE, RELEASE, USE, SETTLE_AND_FAIL } what;
} Doing;

static Err *doing(Ctx *c, void *arg) {
    Doing *d = arg;
    Use use = {.amount = d->amount};
    switch (d->what) {
    case TAKE: return quota_reserve(c, d->scope, d->kind, d->key, d->amount, &d->id);
    case SETTLE: return quota_settle(c, d->scope, d->kind, d->key, d->id, &use);
    case RELEASE: return quota_release(c, d->scope, d->id);
    case USE: return quota_use(c, d->scope, d->kind, d->key, &use);
    case SETTLE_AND_FAIL: break;
    }
    TRY(quota_settle(c, d->scope, d->kind, d->key, d->id, &use));
    FAIL(c, CONFLICT, "what it was for came to nothing");
}

static Err *done(Ctx *c, Doing d) { return db_transaction(c, doing, &d); }

static Id take(Ctx *c, const Scope *s, const char *key, int64_t amount) {
    Doing d = {.scope = s, .key = str_c(key), .amount = amount, .what = TAKE};
    GOOD(db_transaction(c, doing, &d));
    return d.id;
}

static void check_quota(Ctx *c, const Scope *s, QuotaKind kind, int64_t amount, int64_t want_used,
                        bool want_fits) {
    int64_t used = -1, limit = -2;
    bool fits = !want_fits;
    GOOD(quota_check(c, s, kind, amount, &used, &limit, &fits));
    CHECK_INT(used, want_used);
    CHECK(fits == want_fits);
}

WORK(what_is_taken_and_settled_is_a_line_once) {
    Scope s = tenant_with(c, 10);
    Id r = take(c, &s, "turn:1", 4);
    CHECK_INT(take(c, &s, "turn:1", 4).value, r.value);
    check_quota(c, &s, QUOTA_MESSAGES, 6, 0, true);
    check_quota(c, &s, QUOTA_MESSAGES, 7, 0, false);
    Doing settle = {.scope = &s, .key = S("turn:1"), .amount = 3, .id = r, .what = SETTLE};
    GOOD(done(c, settle));
    GOOD(done(c, settle));
    check_quota(c, &s, QUOTA_MESSAGES, 7, 3, true);
    CHECK_INT(count_rows(c, "SELECT sum(amount) FROM usage_records WHERE kind = 'messages'"), 3);
    CHECK_INT(count_rows(c, "SELECT count(*) FROM usage_records u JOIN ledger_lines l ON l.at = u.at "
                            "AND l.key = u.key AND l.amount = u.amount"),
              1);
    CHECK_INT(count_rows(c, "SELECT used FROM quota_usage WHERE kind = 'messages'"), 3);
}

WORK(over_the_limit_is_quota_exceeded) {
    Scope s = tenant_with(c, 10);
    take(c, &s, "a", 10);
    Err *err = done(c, (Doing){.scope = &s, .key = S("b"), .amount = 1, .what = TAKE});
    FAILS(err, RATE_LIMITED);
    CHECK_STR(err->code, S("QUOTA_EXCEEDED"));
    CHECK(err->retry_after_s > 0 && err->retry_after_s <= 32 * 24 * 3600);
    check_quota(c, &s, QUOTA_MESSAGES, 1, 0, false);
    check_quota(c, &s, QUOTA_AI_REQUESTS, 1, 0, true); /* the plan's, and another account */
}

WORK(a_settle_dies_with_what_it_was_for) {
    Scope s = tenant_with(c, 10);
    Id r = take(c, &s, "a", 8);
    Doing d = {.scope = &s, .key = S("a"), .amount = 8, .id = r, .what = SETTLE_AND_FAIL};
    FAILS(done(c, d), CONFLICT);
    CHECK_INT(count_rows(c, "SELECT count(*) FROM usage_records"), 0);
    CHECK_INT(count_rows(c, "SELECT count(*) FROM quota_warnings"), 0);
    CHECK_INT(count_rows(c, "SELECT count(*) FROM jobs"), 0);
    d.what = RELEASE;
    GOOD(done(c, d));
    check_quota(c, &s, QUOTA_MESSAGES, 10, 0, true);
}

static int64_t warned(Ctx *c, int level) {
    int64_t n = -1;
    GOOD(db_int(c, SQL("SELECT count(*) FROM quota_warnings WHERE level = $1"), ARGS(V(level)), &n));
    return n;
}

WORK(warnings_are_asked_for_once_a_level_and_period) {
    Scope s = tenant_with(c, 100);
    Doing d = {.scope = &s, .what = USE};
    for (int i = 0; i < 100; i++) {
        d.key = strf(c->arena, "m%d", i);
        d.amount = 1;
        GOOD(done(c, d));
        CHECK_INT(warned(c, 80), i >= 79);
        CHECK_INT(warned(c, 100), i == 99);
    }
    CHECK_INT(count_rows(c, "SELECT count(*) FROM jobs"), 2);
    Time now = time_now();
    time_freeze(time_add(now, 40 * US_PER_DAY)); /* another month */
    d.key = S("next");
    d.amount = 85;
    GOOD(done(c, d));
    CHECK_INT(count_rows(c, "SELECT count(*) FROM jobs"), 3);
    CHECK_INT(warned(c, 80), 2);
    time_freeze(TIME_NULL);
}

WORK(what_does_not_fit_any_more_is_a_warning_too) {
    Scope s = tenant_with(c, 100);
    GOOD(done(c, (Doing){.scope = &s, .key = S("a"), .amount = 70, .what = USE}));
    FAILS(done(c, (Doing){.scope = &s, .key = S("b"), .amount = 40, .what = USE}), RATE_LIMITED);
    CHECK_INT(warned(c, 100), 0); /* it was too much, not the rest too little */
    GOOD(done(c, (Doing){.scope = &s, .key = S("c"), .amount = 20, .what = USE}));
    CHECK_INT(warned(c, 80), 1);
}

/* As a caller that keeps its transaction and notes that the quota is gone. */
static Err *refusal_noted(Ctx *c, void *arg) {
    Doing *d = arg;
    Err *err = quota_reserve(c, d->scope, d->kind, d->key, d->amount, &d->id);
    CHECK(err && err->kind == ERR_RATE_LIMITED);
    return NULL;
}

WORK(a_refusal_that_is_noted_is_told_as_used_up) {
    Scope s = tenant_with(c, 100);
    GOOD(done(c, (Doing){.scope = &s, .key = S("a"), .amount = 95, .what = USE}));
    Doing d = {.scope = &s, .key = S("b"), .amount = 10};
    GOOD(db_transaction(c, refusal_noted, &d));
    GOOD(db_transaction(c, refusal_noted, &d));
    CHECK_INT(warned(c, 100), 1);
    CHECK_INT(count_rows(c, "SELECT count(*) FROM jobs"), 2);
}

WORK(storage_is_given_back_and_warned_of_anew) {
    Scope s = tenant_with(c, 100);
    const int64_t mb = QUOTA_MB;
    Doing d = {.scope = &s, .kind = QUOTA_STORAGE, .key = S("f1"), .amount = 9 * mb, .what = USE};
    GOOD(done(c, d));
    CHECK_INT(warned(c, 80), 1);
    check_quota(c, &s, QUOTA_STORAGE, mb + 1, 9 * mb, false);
    d.key = S("f1:gone");
    d.amount = -9 * mb;
    GOOD(done(c, d));
    GOOD(done(c, d)); /* the same key: once */
    check_quota(c, &s, QUOTA_STORAGE, 10 * mb, 0, true);
    CHECK_INT(warned(c, 80), 0);
    d.key = S("f2");
    d.amount = 8 * mb;
    GOOD(done(c, d));
    CHECK_INT(warned(c, 80), 1);
    CHECK_INT(count_rows(c, "SELECT count(*) FROM jobs"), 2);
}

WORK(without_a_limit_everything_fits_and_nothing_is_warned_of) {
    Scope s = tenant_with(c, -1);
    GOOD(done(c, (Doing){.scope = &s, .key = S("a"), .amount = 1000000000, .what = USE}));
    check_quota(c, &s, QUOTA_MESSAGES, 1000000000, 1000000000, true);
    CHECK_INT(count_rows(c, "SELECT count(*) FROM quota_warnings"), 0);
}

/* -- many at once ------------------------------------------------------------------------------- */

enum { MANY = 10000, LIMIT = 5000, WORKERS = 100 };

static struct App second; /* two databases open on the same data are what two processes are */

typedef struct Worker {
    const Scope *scope;
    int number;
    int64_t got, refused, other;
} Worker;

static Err *worker_run(Ctx *c, void *arg) {
    Worker *w = arg;
    if (w->number % 2 && second.db) c->app = &second;
    for (int i = w->number; i < MANY; i += WORKERS) {
        CtxMark mark = ctx_mark(c);
        Doing d = {.scope = w->scope, .key = strf(c->arena, "call:%d", i), .amount = 1, .what = TAKE};
        Err *err;
        do err = db_transaction(c, doing, &d);
        while (err && err->kind == ERR_UNAVAILABLE && !sleep_ms(c, 5));
        if (!err && i % 3 == 0) {
            d.what = SETTLE;
            do err = db_transaction(c, doing, &d);
            while (err && err->kind == ERR_UNAVAILABLE && !sleep_ms(c, 5));
        }
        *(!err ? &w->got : err->kind == ERR_RATE_LIMITED ? &w->refused : &w->other) += 1;
        ctx_release(c, mark);
    }
    return NULL;
}

WORK(ten_thousand_at_once_get_exactly_five_thousand) {
    Scope s = tenant_with(c, LIMIT);
    bool two = db_engine(c) == ENGINE_POSTGRES; /* SQLite is one process */
    DbOptions options = world.options;
    options.app = &second;
    if (two) MUST(db_open(c, options, &second.db));
    Worker workers[WORKERS];
    Task tasks[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (Worker){.scope = &s, .number = i};
        tasks[i] = (Task){worker_run, &workers[i], NULL};
    }
    GOOD(fork_join(c, tasks, WORKERS));
    Worker all = {0};
    for (int i = 0; i < WORKERS; i++) {
        all.got += workers[i].got;
        all.refused += workers[i].refused;
        all.other += workers[i].other;
    }
    CHECK_INT(all.got, LIMIT);
    CHECK_INT(all.refused, MANY - LIMIT);
    CHECK_INT(all.other, 0);
    CHECK_INT(count_rows(c, "SELECT used + reserved FROM quota_usage WHERE kind = 'messages'"), LIMIT);
    CHECK_INT(count_rows(c, "SELECT count(*) FROM usage_records"),
              count_rows(c, "SELECT used FROM quota_usage WHERE kind = 'messages'"));
    if (two) db_close(second.db);
    second.db = NULL;
}

T_MAIN(BOTH_ROWS(what_is_taken_and_settled_is_a_line_once),
       BOTH_ROWS(over_the_limit_is_quota_exceeded), BOTH_ROWS(a_settle_dies_with_what_it_was_for),
       BOTH_ROWS(warnings_are_asked_for_once_a_level_and_period),
       BOTH_ROWS(what_does_not_fit_any_more_is_a_warning_too),
       BOTH_ROWS(a_refusal_that_is_noted_is_told_as_used_up),
       BOTH_ROWS(storage_is_given_back_and_warned_of_anew),
       BOTH_ROWS(without_a_limit_everything_fits_and_nothing_is_warned_of),
       BOTH_ROWS(ten_thousand_at_once_get_exactly_five_thousand))

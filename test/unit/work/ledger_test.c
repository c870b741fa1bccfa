/* SPDX-License-Identifier: Apache-2.0
 * The promises of ledger.h, on both engines. */
#include "work/ledger.h"

#include "work_world.h"

static Quota quota_of(int64_t limit, int64_t period_ms) {
    return (Quota){
        .owner = S("user:7"), .unit = S("messages"), .limit = limit, .period_ms = period_ms};
}

static void check_used(Ctx *c, Quota q, int64_t want_used, int64_t want_reserved) {
    int64_t used = -1, reserved = -1;
    GOOD(ledger_used(c, q, time_now(), &used, &reserved));
    CHECK_INT(used, want_used);
    CHECK_INT(reserved, want_reserved);
}

static Id reserve(Ctx *c, Quota q, const char *key, int64_t amount) {
    Id id = {0};
    GOOD(ledger_reserve(c, q, str_c(key), amount, 60000, &id));
    return id;
}

WORK(what_is_reserved_then_settled_counts_once) {
    Quota q = quota_of(10, 0);
    Id r = reserve(c, q, "a", 6);
    check_used(c, q, 0, 6);
    Id again;
    FAILS(ledger_reserve(c, q, S("b"), 5, 60000, &again), PAYMENT_REQUIRED);
    check_used(c, q, 0, 6);
    GOOD(ledger_settle(c, r, 4));
    check_used(c, q, 4, 0);
    GOOD(ledger_settle(c, r, 4));
    check_used(c, q, 4, 0);
    FAILS(ledger_settle(c, r, 5), CONFLICT);
    FAILS(ledger_release(c, r), CONFLICT);
    reserve(c, q, "b", 6);
    check_used(c, q, 4, 6);
}

WORK(what_is_released_is_free_again) {
    Quota q = quota_of(10, 0);
    Id r = reserve(c, q, "a", 10);
    GOOD(ledger_release(c, r));
    GOOD(ledger_release(c, r));
    check_used(c, q, 0, 0);
    FAILS(ledger_settle(c, r, 1), CONFLICT);
    Id same = reserve(c, q, "a", 7); /* tried again: the key may be held anew */
    CHECK_INT(same.value, r.value);
    check_used(c, q, 0, 7);
    GOOD(ledger_settle(c, same, 7));
    check_used(c, q, 7, 0);
    FAILS(ledger_settle(c, (Id){999}, 1), NOT_FOUND);
    FAILS(ledger_release(c, (Id){999}), NOT_FOUND);
}

WORK(the_same_key_is_the_same_reservation) {
    Quota q = quota_of(10, 0);
    Id a = reserve(c, q, "k", 6), b = reserve(c, q, "k", 6);
    CHECK_INT(b.value, a.value);
    Id other;
    FAILS(ledger_reserve(c, q, S("k"), 5, 60000, &other), CONFLICT);
    GOOD(ledger_settle(c, a, 6));
    CHECK_INT(reserve(c, q, "k", 6).value, a.value); /* done already: not charged again */
    check_used(c, q, 6, 0);
    Quota elsewhere = q;
    elsewhere.owner = S("user:8");
    CHECK(reserve(c, elsewhere, "k", 6).value != a.value);
}

WORK(a_reservation_expires_but_late_use_still_counts) {
    Quota q = quota_of(10, 0);
    Time start = {1800000000 * US_PER_SECOND};
    time_freeze(start);
    Id r = reserve(c, q, "a", 10);
    time_freeze(time_add(start, 61 * US_PER_SECOND));
    check_used(c, q, 0, 0);
    Id b = reserve(c, q, "b", 3);
    check_used(c, q, 0, 3);
    GOOD(ledger_settle(c, r, 9));
    check_used(c, q, 9, 3);
    time_freeze(time_add(start, 200 * US_PER_SECOND)); /* b has expired, and nobody has noticed */
    GOOD(ledger_settle(c, b, 1));
    check_used(c, q, 10, 0);
    FAILS(ledger_reserve(c, q, S("c"), 1, 60000, &r), PAYMENT_REQUIRED);
    GOOD(ledger_record(c, q.owner, q.unit, S("back"), -4));
    Id d = reserve(c, q, "d", 4);
    time_freeze(time_add(start, 400 * US_PER_SECOND));
    GOOD(ledger_release(c, d)); /* likewise */
    check_used(c, q, 6, 0);
    reserve(c, q, "e", 4);
    FAILS(ledger_reserve(c, q, S("f"), 1, 60000, &r), PAYMENT_REQUIRED);
    time_freeze(TIME_NULL);
}

WORK(lines_are_recorded_once_for_each_key) {
    Quota q = quota_of(-1, 0);
    GOOD(ledger_record(c, q.owner, q.unit, S("k"), 5));
    GOOD(ledger_record(c, q.owner, q.unit, S("k"), 5));
    check_used(c, q, 5, 0);
    reserve(c, q, "huge", (int64_t)1 << 40); /* no limit */
    check_used(c, q, 5, (int64_t)1 << 40);
    GOOD(ledger_record(c, q.owner, q.unit, S("back"), -2));
    check_used(c, q, 3, (int64_t)1 << 40);
}

WORK(windows_of_different_lengths_agree_on_one_account) {
    Time start = {1800000000 * US_PER_SECOND}; /* 2027-01-15T08:00:00Z */
    time_freeze(start);
    Quota hour = quota_of(10, 3600 * 1000), month = quota_of(15, -1), ever = quota_of(-1, 0);
    GOOD(ledger_record(c, hour.owner, hour.unit, S("before any window was asked for"), 2));
    GOOD(ledger_settle(c, reserve(c, hour, "a", 8), 8));
    check_used(c, hour, 10, 0);
    check_used(c, month, 10, 0);
    Id id;
    Err *err = ledger_reserve(c, hour, S("b"), 1, 60000, &id);
    FAILS(err, PAYMENT_REQUIRED);
    CHECK(err && err->retry_after_s > 0 && err->retry_after_s <= 3601);
    time_freeze(time_add(start, 3600 * US_PER_SECOND));
    check_used(c, hour, 0, 0);
    GOOD(ledger_settle(c, reserve(c, month, "c", 5), 5));
    FAILS(ledger_reserve(c, month, S("d"), 1, 60000, &id), PAYMENT_REQUIRED);
    check_used(c, hour, 5, 0);
    check_used(c, ever, 15, 0);
    time_freeze(time_add(start, 17 * US_PER_DAY)); /* 1 February */
    check_used(c, month, 0, 0);
    check_used(c, ever, 15, 0);
    time_freeze(TIME_NULL);
}

static Time at_utc(const char *text) {
    Time t = TIME_NULL;
    CHECK(time_parse(str_c(text), &t));
    return t;
}

static void check_month(const char *zone, const char *at, const char *starts, const char *ends) {
    Quota q = quota_of(1, -1);
    Time from, to;
    q.zone = zone ? zone_find(zone) : NULL;
    CHECK(!zone || q.zone);
    ledger_window(q, at_utc(at), &from, &to);
    CHECK_INT(from.us, at_utc(starts).us);
    CHECK_INT(to.us, at_utc(ends).us);
}

TEST(months_begin_at_local_midnight_whatever_clocks_do) {
    check_month(NULL, "2026-03-31T23:30:00Z", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z");
    /* March in Paris begins in winter time and ends in summer time: an hour less. */
    check_month("Europe/Paris", "2026-03-31T21:59:59.999999Z", "2026-02-28T23:00:00Z",
                "2026-03-31T22:00:00Z");
    check_month("Europe/Paris", "2026-03-31T22:00:00Z", "2026-03-31T22:00:00Z",
                "2026-04-30T22:00:00Z");
    check_month("Europe/Paris", "2026-10-25T01:30:00Z", "2026-09-30T22:00:00Z",
                "2026-10-31T23:00:00Z");
    check_month("Europe/Paris", "2026-12-31T23:00:00Z", "2026-12-31T23:00:00Z",
                "2027-01-31T23:00:00Z");
    check_month("Asia/Kathmandu", "2026-01-31T18:14:59Z", "2025-12-31T18:15:00Z",
                "2026-01-31T18:15:00Z");
    /* Skipped the 31st of December 2011 … and began January a day early. */
    check_month("Pacific/Apia", "2011-12-31T10:00:00Z", "2011-12-31T10:00:00Z",
                "2012-01-31T10:00:00Z");
    /* Went back from 0:01 of the 1st of November 2009 to 23:01: the first midnight counts. */
    check_month("America/St_Johns", "2009-11-01T03:00:00Z", "2009-11-01T02:30:00Z",
                "2009-12-01T03:30:00Z");
}

WORK(what_is_used_counts_in_the_month_of_the_zone) {
    Quota q = quota_of(10, -1);
    q.zone = zone_find("Europe/Paris");
    Id late, next, id;
    time_freeze(at_utc("2026-03-31T21:59:59Z")); /* one second before April in Paris */
    late = reserve(c, q, "late", 6);
    Err *err = ledger_reserve(c, q, S("more"), 5, 60000, &id);
    FAILS(err, PAYMENT_REQUIRED);
    CHECK(err && err->retry_after_s >= 1 && err->retry_after_s <= 2);
    time_freeze(at_utc("2026-03-31T22:00:00Z"));
    check_used(c, q, 0, 0);
    next = reserve(c, q, "next", 10);
    GOOD(ledger_settle(c, late, 6)); /* settled in April, used in March */
    GOOD(ledger_settle(c, next, 9));
    check_used(c, q, 9, 0);
    int64_t used, reserved;
    GOOD(ledger_used(c, q, at_utc("2026-03-31T21:00:00Z"), &used, &reserved));
    CHECK_INT(used, 6);
    time_freeze(TIME_NULL);
}

WORK(thirty_in_seven_days_to_the_microsecond) {
    Quota q = quota_of(30, 7 * 24 * 3600 * (int64_t)1000);
    q.rolling = true;
    Time start = {1800000000 * US_PER_SECOND};
    Id id;
    for (int i = 0; i < 30; i++) {
        time_freeze(time_add(start, i * US_PER_HOUR));
        Id r = reserve(c, q, str_cstr(c->arena, strf(c->arena, "k%d", i)), 1);
        if (i % 2) GOOD(ledger_settle(c, r, 1));
    }
    time_freeze(time_add(start, 30 * US_PER_HOUR));
    check_used(c, q, 15, 0); /* the held ones have expired */
    for (int i = 0; i < 30; i += 2) {
        Str key = strf(c->arena, "r%d", i);
        GOOD(ledger_record(c, q.owner, q.unit, key, 1));
    }
    FAILS(ledger_reserve(c, q, S("over"), 1, 60000, &id), PAYMENT_REQUIRED);
    /* The oldest line (of hour 1) leaves the window exactly seven days later. */
    time_freeze(time_add(start, US_PER_HOUR + 7 * US_PER_DAY - 90 * US_PER_SECOND));
    Err *early = ledger_reserve(c, q, S("over"), 1, 60000, &id);
    CHECK(early && early->retry_after_s == 91);
    time_freeze(time_add(start, US_PER_HOUR + 7 * US_PER_DAY - 1));
    FAILS(ledger_reserve(c, q, S("over"), 1, 60000, &id), PAYMENT_REQUIRED);
    time_freeze(time_add(start, US_PER_HOUR + 7 * US_PER_DAY));
    GOOD(ledger_reserve(c, q, S("over"), 1, 60000, &id));
    FAILS(ledger_reserve(c, q, S("over2"), 1, 60000, &id), PAYMENT_REQUIRED);
    time_freeze(TIME_NULL);
}

WORK(bad_figures_change_nothing) {
    Quota q = quota_of(10, 0);
    Id id;
    FAILS(ledger_reserve(c, q, S(""), 1, 1000, &id), INVALID);
    FAILS(ledger_reserve(c, q, S("k"), -1, 1000, &id), INVALID);
    FAILS(ledger_reserve(c, q, S("k"), INT64_MAX, 1000, &id), INVALID);
    FAILS(ledger_record(c, S(""), q.unit, S("k"), 1), INVALID);
    FAILS(ledger_record(c, q.owner, q.unit, S("k"), INT64_MIN), INVALID);
    FAILS(ledger_reserve(c, q, S("k"), 11, 1000, &id), PAYMENT_REQUIRED);
    check_used(c, q, 0, 0);
    CHECK_INT(count_rows(c, "SELECT count(*) FROM ledger_reservations"), 0);
}

typedef struct Both {
    Quota quota;
    Id id;
} Both;
static Err *both_in(Ctx *c, void *arg) {
    Both *b = arg;
    TRY(ledger_reserve(c, b->quota, S("k"), 3, 60000, &b->id));
    FAIL(c, CONFLICT, "the effect failed");
}

WORK(a_reservation_dies_with_the_transaction_it_was_part_of) {
    Both b = {quota_of(10, 0), {0}};
    FAILS(db_transaction(c, both_in, &b), CONFLICT);
    check_used(c, b.quota, 0, 0);
}

/* -- concurrency ------------------------------------------------------------------------------ */

/* Two databases open on the same data are what two processes are. */
static struct App second;

typedef struct Grab {
    Quota quota;
    int number;
    bool got;
} Grab;

/* SQLite: the other has the file. */
static bool is_held(Ctx *c, const Err *err) {
    return err && err->kind == ERR_UNAVAILABLE && !sleep_ms(c, 5);
}

static Err *grab(Ctx *c, void *arg) {
    Grab *g = arg;
    if (g->number % 2) c->app = &second;
    Id id;
    Err *err;
    do err = ledger_reserve(c, g->quota, strf(c->arena, "k%d", g->number), 1, 600000, &id);
    while (is_held(c, err));
    if (err && err->kind == ERR_PAYMENT_REQUIRED) return NULL;
    TRY(err);
    g->got = true;
    if (g->number % 3) return NULL;
    do err = ledger_settle(c, id, 1);
    while (is_held(c, err));
    return err;
}

static void a_hundred_grab(Ctx *c, Quota quota) {
    enum { MANY = 100 };
    DbOptions options = world.options;
    options.app = &second;
    MUST(db_open(c, options, &second.db));
    Grab grabs[MANY];
    Task tasks[MANY];
    for (int i = 0; i < MANY; i++) {
        grabs[i] = (Grab){quota, i, false};
        tasks[i] = (Task){grab, &grabs[i], NULL};
    }
    GOOD(fork_join(c, tasks, MANY));
    int got = 0;
    for (int i = 0; i < MANY; i++) got += grabs[i].got;
    CHECK_INT(got, 50);
    int64_t used, reserved;
    GOOD(ledger_used(c, quota, time_now(), &used, &reserved));
    CHECK_INT(used + reserved, 50);
    db_close(second.db);
}

WORK(a_hundred_at_once_get_exactly_fifty) {
    a_hundred_grab(c, quota_of(50, 0));
    CHECK_INT(count_rows(c, "SELECT used + reserved FROM ledger_balances"), 50);
}

/* Whoever waited for another's use counts it, though it was asked for first. */
WORK(a_hundred_at_once_get_exactly_fifty_of_a_rolling_window) {
    Quota q = quota_of(50, 3600 * 1000);
    q.rolling = true;
    a_hundred_grab(c, q);
}

T_MAIN(T_ROW(months_begin_at_local_midnight_whatever_clocks_do),
       BOTH_ROWS(what_is_used_counts_in_the_month_of_the_zone),
       BOTH_ROWS(what_is_reserved_then_settled_counts_once),
       BOTH_ROWS(what_is_released_is_free_again), BOTH_ROWS(the_same_key_is_the_same_reservation),
       BOTH_ROWS(a_reservation_expires_but_late_use_still_counts),
       BOTH_ROWS(lines_are_recorded_once_for_each_key),
       BOTH_ROWS(windows_of_different_lengths_agree_on_one_account),
       BOTH_ROWS(thirty_in_seven_days_to_the_microsecond), BOTH_ROWS(bad_figures_change_nothing),
       BOTH_ROWS(a_reservation_dies_with_the_transaction_it_was_part_of),
       BOTH_ROWS(a_hundred_at_once_get_exactly_fifty),
       BOTH_ROWS(a_hundred_at_once_get_exactly_fifty_of_a_rolling_window))

/* SPDX-License-Identifier: Apache-2.0
 * Checks of the test's own, one of each temper. */
#include "ops/health.h"

#include "t_loop.h"

static HealthState store_state;
static bool index_away, index_slow, extra_configured;
static int store_looks;

static Err *store_look(Ctx *own, HealthFound *found) {
    (void)own;
    store_looks++;
    found->state = store_state;
    memcpy(found->note, "plenty", 7);
    return NULL;
}

static Err *index_look(Ctx *own, HealthFound *found) {
    (void)found;
    if (index_slow) return sleep_ms(own, 60 * 1000);
    if (index_away) FAIL(own, UPSTREAM, "http://10.0.0.7:7700 with key abc refused the connection");
    return NULL;
}

static bool extra_is_configured(Ctx *own) {
    (void)own;
    return extra_configured;
}
static Err *extra_look(Ctx *own, HealthFound *found) {
    (void)found;
    FAIL(own, UNAVAILABLE, "away");
}

static const HealthCheck store = {"store", true, NULL, store_look},
                         index_check = {"index", false, NULL, index_look},
                         extra = {"extra", true, extra_is_configured, extra_look};

typedef struct Look {
    HealthResult results[HEALTH_CHECKS_MAX];
    ptrdiff_t count;
    HealthState whole;
} Look;

static Look look(bool needed_only) {
    Look l = {0};
    GOOD(health_look(c, needed_only, l.results, &l.count, &l.whole));
    return l;
}

static void reset(void) {
    store_state = HEALTH_OK;
    index_away = index_slow = extra_configured = false;
}

TEST(is_well_when_everything_answers) {
    reset();
    Look l = look(false);
    CHECK_INT(l.whole, HEALTH_OK);
    CHECK_INT(l.count, 2);
    CHECK_STR(str_c(l.results[0].check->name), S("store"));
    CHECK_STR(str_c(l.results[0].found.note), S("plenty"));
    CHECK(l.results[0].latency_us >= 0);
}

TEST(is_degraded_when_only_what_can_be_missed_is_down) {
    reset();
    index_away = true;
    Look l = look(false);
    CHECK_INT(l.whole, HEALTH_DEGRADED);
    CHECK_INT(l.results[1].found.state, HEALTH_DOWN);
    CHECK_STR(str_c(l.results[1].found.note), S("upstream_failed")); /* and not where it lives */
}

TEST(is_down_when_something_needed_is) {
    reset();
    store_state = HEALTH_DOWN;
    CHECK_INT(look(false).whole, HEALTH_DOWN);
    store_state = HEALTH_DEGRADED;
    CHECK_INT(look(false).whole, HEALTH_DEGRADED);
}

TEST(asks_only_what_is_configured_and_wanted) {
    reset();
    index_away = true;
    Look l = look(true);
    CHECK_INT(l.count, 1);
    CHECK_INT(l.whole, HEALTH_OK);
    extra_configured = true;
    l = look(true);
    CHECK_INT(l.count, 2);
    CHECK_INT(l.whole, HEALTH_DOWN);
}

TEST(calls_down_what_does_not_answer_in_time_and_waits_no_longer) {
    reset();
    index_slow = true;
    int64_t began = mono_us();
    Look l = look(false);
    CHECK(ms_since(began) >= HEALTH_CHECK_MS - 50);
    CHECK(ms_since(began) < HEALTH_CHECK_MS + 5000);
    CHECK_INT(l.results[1].found.state, HEALTH_DOWN);
    CHECK_STR(str_c(l.results[1].found.note), S("timeout"));
    CHECK_INT(l.results[0].found.state, HEALTH_OK);
}

TEST(runs_a_check_once_however_often_it_was_added) {
    reset();
    health_add(&store);
    store_looks = 0;
    look(false);
    CHECK_INT(store_looks, 1);
}

static void before(void) {
    health_add(&store);
    health_add(&index_check);
    health_add(&extra);
}

T_LOOP_MAIN(1, before, NULL, T_ROW(is_well_when_everything_answers),
            T_ROW(is_degraded_when_only_what_can_be_missed_is_down),
            T_ROW(is_down_when_something_needed_is), T_ROW(asks_only_what_is_configured_and_wanted),
            T_ROW(calls_down_what_does_not_answer_in_time_and_waits_no_longer),
            T_ROW(runs_a_check_once_however_often_it_was_added))

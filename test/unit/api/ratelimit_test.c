/* SPDX-License-Identifier: Apache-2.0
 * Token buckets by a clock of the test's own, and rate limits over HTTP. */
#include "api/ratelimit.h"

#include "unit/api/api_world.h"

TEST(a_bucket_gives_its_limit_at_once_and_then_one_by_one) {
    rate_reset();
    int64_t now = 1000 * US_PER_SECOND;
    for (int i = 0; i < 60; i++) {
        RateState s = rate_take(S("a"), 60, now);
        CHECK(s.allowed);
        CHECK_INT(s.remaining, 59 - i);
        CHECK_INT(s.reset_s, i + 1);
    }
    RateState s = rate_take(S("a"), 60, now);
    CHECK(!s.allowed);
    CHECK_INT(s.remaining, 0);
    CHECK_INT(s.retry_s, 1);
    CHECK_INT(s.reset_s, 60);
    CHECK(!rate_take(S("a"), 60, now + US_PER_SECOND - 1).allowed);
    CHECK(rate_take(S("a"), 60, now + US_PER_SECOND).allowed);
    CHECK(!rate_take(S("a"), 60, now + US_PER_SECOND).allowed);
    CHECK(rate_take(S("b"), 60, now).allowed);
    s = rate_take(S("a"), 60, now + 600 * US_PER_SECOND);
    CHECK(s.allowed);
    CHECK_INT(s.remaining, 59);
}

TEST(a_slow_bucket_says_when_to_come_back) {
    rate_reset();
    CHECK(rate_take(S("a"), 1, 0).allowed);
    RateState s = rate_take(S("a"), 1, 15 * US_PER_SECOND);
    CHECK(!s.allowed);
    CHECK_INT(s.retry_s, 45);
    CHECK(rate_take(S("a"), 1, 60 * US_PER_SECOND).allowed);
}

TEST(a_clock_that_stands_far_ahead_or_at_zero_is_fine) {
    rate_reset();
    CHECK(rate_take(S("a"), 7, 0).allowed);
    CHECK(rate_take(S("z"), 60000000, INT64_MAX / 2).allowed);
}

TEST(many_strangers_do_not_lift_the_limit_of_one) {
    enum { STRANGERS = 20000 };
    rate_reset();
    int64_t now = US_PER_DAY;
    for (int i = 0; i < 60; i++) CHECK(rate_take(S("busy"), 60, now).allowed);
    for (int i = 0; i < STRANGERS; i++) {
        char name[16];
        int n = snprintf(name, sizeof name, "s%d", i);
        CHECK(rate_take(str_of(name, n), 60, now).allowed);
    }
    CHECK(!rate_take(S("busy"), 60, now).allowed);
}

TEST(an_ipv6_customer_is_one_caller) {
    Arena *arena = arena_new(MIB);
    CHECK_STR(rate_address(arena, S("2001:db8:1:2:3:4:5:6")),
              rate_address(arena, S("2001:db8:1:2::1")));
    CHECK(!str_eq(rate_address(arena, S("2001:db8:1:3::1")),
                  rate_address(arena, S("2001:db8:1:2::1"))));
    CHECK_STR(rate_address(arena, S("192.0.2.7")), S("192.0.2.7"));
    CHECK_STR(rate_address(arena, S("::nonsense::")), S("::nonsense::"));
    arena_free(arena);
}

/* -- over HTTP --------------------------------------------------------------------------------- */

static Err *fine(Ctx *c, Call *k) {
    (void)c, (void)k;
    return NULL;
}
static const Route routes[] = {
    {GET, "/open", fine, .access = ACCESS_OPEN},
    {GET, "/free", fine, .access = ACCESS_OPEN, .rate = RATE_NONE},
    {POST, "/login", fine, .access = ACCESS_OPEN, .rate = RATE_AUTH},
    {GET, "/mine", fine, .access = ACCESS_USER},
};
static const Module plain_module = {
    .name = "plain", .routes = routes, .route_count = COUNT(routes)};
static const Module *const modules[] = {&plain_module};

ON_SQLITE(an_address_is_refused_with_the_figures) {
    REQUIRE(api_serve(c, modules, 1));
    settings.rate_default = 3;
    for (int i = 0; i < 3; i++) {
        Answer a = get(c, "/open");
        CHECK_INT(a.status, 204);
        CHECK_HEADER(a, "RateLimit-Limit", S("3"));
        CHECK_STR(header_of(c, a, "RateLimit-Remaining"), strf(c->arena, "%d", 2 - i));
        CHECK_STR(header_of(c, a, "X-RateLimit-Remaining"), strf(c->arena, "%d", 2 - i));
    }
    Answer a = get(c, "/open");
    CHECK_INT(a.status, 429);
    CHECK_STR(json_str(json_at(a.json, "code")), S("rate_limited"));
    CHECK_HEADER(a, "RateLimit-Limit", S("3"));
    CHECK_HEADER(a, "RateLimit-Remaining", S("0"));
    CHECK_HEADER(a, "X-RateLimit-Limit", S("3"));
    CHECK_HEADER(a, "X-RateLimit-Remaining", S("0"));
    int64_t wait = 0, reset = 0;
    CHECK(str_to_i64(header_of(c, a, "Retry-After"), &wait) && wait >= 10 && wait <= 20);
    CHECK(str_to_i64(header_of(c, a, "RateLimit-Reset"), &reset) && reset >= 50 && reset <= 60);
    CHECK_HEADER(a, "X-RateLimit-Reset", header_of(c, a, "RateLimit-Reset"));
    CHECK_INT(get(c, "/free").status, 204);
    CHECK_HEADER(get(c, "/free"), "RateLimit-Limit", ((Str){0}));
    CHECK_INT(ask(c, "POST", "/login", NULL, (Str){0}).status,
              204); /* another class, another bucket */
    CHECK_INT(ask(c, "GET", "/open", "Authorization: Bearer made-up\r\n", (Str){0}).status, 429);
    settings.rate_limits = false;
    CHECK_INT(get(c, "/open").status, 204);
    api_end(c);
}

ON_SQLITE(each_user_and_key_has_a_bucket) {
    REQUIRE(api_begin(c, modules, 1));
    User ada, bob;
    const char *one = signed_in(c, "ada@example.org", "user", &ada),
               *two = signed_in(c, "bob@example.org", "user", &bob);
    const char *key = with_key(c, ada.id, "*");
    settings.rate_default = 2;
    const char *const callers[] = {one, two, key};
    int64_t began = mono_us();
    for (ptrdiff_t i = 0; i < COUNT(callers); i++) {
        CHECK_INT(ask(c, "GET", "/mine", callers[i], (Str){0}).status, 204);
        Answer last = ask(c, "GET", "/mine", callers[i], (Str){0});
        CHECK_HEADER(last, "RateLimit-Remaining", S("0"));
        CHECK_INT(ask(c, "GET", "/mine", callers[i], (Str){0}).status, 429);
    }
    /* The address they share may ten times as much; a wrong token uses it up as well. */
    int unauthenticated = 0, limited = 0;
    for (int i = 0; i < 15; i++) {
        int status = ask(c, "GET", "/mine", "Authorization: Bearer made-up\r\n", (Str){0}).status;
        unauthenticated += status == 401, limited += status == 429;
    }
    int64_t more = (mono_us() - began) / (3 * US_PER_SECOND); /* twenty a minute */
    CHECK(unauthenticated >= 20 - 9 && unauthenticated <= 20 - 9 + more);
    CHECK_INT(limited, 15 - unauthenticated);
    api_end(c);
}

T_MAIN(T_ROW(a_bucket_gives_its_limit_at_once_and_then_one_by_one),
       T_ROW(a_slow_bucket_says_when_to_come_back),
       T_ROW(a_clock_that_stands_far_ahead_or_at_zero_is_fine),
       T_ROW(many_strangers_do_not_lift_the_limit_of_one), T_ROW(an_ipv6_customer_is_one_caller),
       T_ROW(an_address_is_refused_with_the_figures_sqlite),
       T_ROW(each_user_and_key_has_a_bucket_sqlite))

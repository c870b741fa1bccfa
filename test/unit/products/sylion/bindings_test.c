/* SPDX-License-Identifier: Apache-2.0
 * Which assistant answers on a channel: by language, by the tenant's local hours, by priority. */
#include "products/sylion/bindings.h"
#include "unit/products/sylion/sylion_world.h"

static Time at(const char *text) {
    Time t = TIME_NULL;
    CHECK(time_parse(str_c(text), &t));
    return t;
}

static bool holds(Ctx *c, const char *hours, const char *when) {
    return hours_hold(c, (JsonText){str_c(hours)}, S("Europe/Paris"), at(when));
}

WORK(hours_are_the_tenants_local_ones) {
    static const char week[] = "{\"mon\":[[\"09:00\",\"12:30\"],[\"14:00\",\"24:00\"]],"
                               "\"sat\":[[\"22:00\",\"02:00\"]]}";
    /* Monday 23 November 2026; Paris is an hour ahead of UTC, in summer two. */
    CHECK(holds(c, week, "2026-11-23T08:00:00Z"));
    CHECK(!holds(c, week, "2026-11-23T07:59:59Z"));
    CHECK(holds(c, week, "2026-11-23T11:29:59Z"));
    CHECK(!holds(c, week, "2026-11-23T11:30:00Z"));
    CHECK(holds(c, week, "2026-11-23T22:59:59Z"));
    CHECK(!holds(c, week, "2026-11-23T23:00:00Z")); /* Tuesday there */
    CHECK(holds(c, week, "2026-07-20T07:00:00Z"));
    /* Over midnight into Sunday. */
    CHECK(holds(c, week, "2026-11-21T21:00:00Z"));
    CHECK(holds(c, week, "2026-11-22T00:59:59Z"));
    CHECK(!holds(c, week, "2026-11-22T01:00:00Z"));
    CHECK(!holds(c, week, "2026-11-20T21:00:00Z"));
    CHECK(hours_hold(c, (JsonText){{NULL, 0}}, S("Europe/Paris"), at("2026-11-23T03:00:00Z")));
    CHECK(!holds(c, "{}", "2026-11-23T08:00:00Z"));
    CHECK(!holds(c, "[1]", "2026-11-23T08:00:00Z"));
    CHECK(!holds(c, "{\"mon\":[[\"9\",1]]}", "2026-11-23T08:00:00Z"));
}

static Id assistant_make(Ctx *c, const Scope *s, const char *name, bool active) {
    Id n = {0};
    GOOD(db_int(c,
                SQL("INSERT INTO assistants (id, tenant_n, name, is_active, created_at, updated_at) "
                    "VALUES ($1, $2, $3, $4, $5, $5) RETURNING n"),
                ARGS(V(uuid_v7(c->arena)), V(s->tenant), V(str_c(name)), V(active), V(time_now())),
                &n.value));
    return n;
}

static void binding_make(Ctx *c, const Scope *s, Id channel, Id assistant, const char *languages,
                         const char *hours, int priority) {
    GOOD(db_exec(c,
                 SQL("INSERT INTO channel_bindings (id, tenant_n, channel_n, assistant_n, languages, "
                     "hours, priority, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"),
                 ARGS(V(uuid_v7(c->arena)), V(s->tenant), V(channel), V(assistant),
                      V(((JsonText){str_c(languages)})), V(((JsonText){str_c(hours)})),
                      V((int64_t)priority), V(time_now())),
                 NULL));
}

static Str found(Ctx *c, const Scope *s, Id channel, const char *language, const char *when) {
    Assistant a = {0};
    bool there = false;
    GOOD(binding_find(c, s, channel, str_c(language), at(when), &a, &there));
    return there ? a.name : S("nobody");
}

WORK(the_greatest_priority_that_fits_answers) {
    static const char day[] = "2026-11-23T10:00:00Z", night[] = "2026-11-23T20:00:00Z";
    Scope s = tenant_make(c, "school"), other = tenant_make(c, "shop");
    Channel h = channel_make(c, &s, "{}");
    CHECK_STR(found(c, &s, h.n, "fr", day), S("nobody"));
    binding_make(c, &s, h.n, assistant_make(c, &s, "anyone", true), "[]", NULL, 0);
    binding_make(c, &s, h.n, assistant_make(c, &s, "french", true), "[\"fr\"]", NULL, 5);
    binding_make(c, &s, h.n, assistant_make(c, &s, "daytime", true), "[\"fr\",\"ar\"]",
         "{\"mon\":[[\"09:00\",\"18:00\"]]}", 9);
    binding_make(c, &s, h.n, assistant_make(c, &s, "asleep", false), "[]", NULL, 10);
    CHECK_STR(found(c, &s, h.n, "fr", day), S("daytime"));
    CHECK_STR(found(c, &s, h.n, "ar", day), S("daytime"));
    CHECK_STR(found(c, &s, h.n, "fr", night), S("french"));
    CHECK_STR(found(c, &s, h.n, "ar", night), S("anyone"));
    CHECK_STR(found(c, &s, h.n, "en", day), S("anyone"));
    CHECK_STR(found(c, &s, h.n, NULL, day), S("daytime"));
    CHECK_STR(found(c, &other, h.n, "fr", day), S("nobody"));
}

T_MAIN(BOTH_ROWS(hours_are_the_tenants_local_ones),
       BOTH_ROWS(the_greatest_priority_that_fits_answers))

/* SPDX-License-Identifier: Apache-2.0
 * Cron expressions and time zones. Wanted instants were worked out from the zones' published
 * rules. */
#include "t.h"
#include "work/schedule.h"
#include "work/zone.h"

static Time at(const char *text) {
    Time t;
    if (!time_parse(str_c(text), &t)) t = TIME_NULL;
    return t;
}

static void check_next(const char *cron_text, const char *zone, const char *after,
                       const char *want) {
    Cron cron;
    if (!CHECK(cron_parse(str_c(cron_text), &cron))) return;
    Arena *arena = arena_new(64 * KIB);
    Time got = cron_next(&cron, zone, at(after));
    Str text = time_is_null(got) ? S("never") : time_str(arena, got);
    if (!CHECK_STR(text, str_c(want))) printf("    of %s after %s\n", cron_text, after);
    arena_free(arena);
}

TEST(fires_strictly_after_the_given_instant) {
    check_next("* * * * *", NULL, "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z");
    check_next("* * * * *", NULL, "2026-01-01T00:00:59.999999Z", "2026-01-01T00:01:00Z");
    check_next("0 0 * * *", NULL, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
    check_next("0 0 * * *", NULL, "2025-12-31T23:59:59.999999Z", "2026-01-01T00:00:00Z");
}

TEST(understands_lists_ranges_steps_and_names) {
    check_next("*/15 * * * *", NULL, "2026-01-01T00:16:00Z", "2026-01-01T00:30:00Z");
    check_next("5-10/3 8 * * *", NULL, "2026-01-01T08:05:00Z", "2026-01-01T08:08:00Z");
    check_next("0 8,20 * * *", NULL, "2026-01-01T08:00:00Z", "2026-01-01T20:00:00Z");
    check_next("0 9 * * mon-fri", NULL, "2026-01-02T09:00:00Z", "2026-01-05T09:00:00Z");
    check_next("0 0 1 JAN,jul *", NULL, "2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z");
    check_next("50/5 0 * * *", NULL, "2026-01-01T00:50:00Z", "2026-01-01T00:55:00Z");
    check_next("0 0 * * 7", NULL, "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z");
    check_next("0 0 * * 5-7", NULL, "2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z");
    check_next("@weekly", NULL, "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z");
    check_next("@hourly", NULL, "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z");
}

TEST(restricted_day_and_weekday_are_alternatives) {
    check_next("0 0 13 * 5", NULL, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
    check_next("0 0 13 * 5", NULL, "2026-01-09T00:00:00Z", "2026-01-13T00:00:00Z");
    /* A star with a step does not make them so: odd days that are Fridays. */
    check_next("0 0 */2 * 5", NULL, "2026-01-01T00:00:00Z", "2026-01-09T00:00:00Z");
}

TEST(waits_for_the_next_29_february_but_not_for_30_february) {
    check_next("0 0 29 2 *", NULL, "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z");
    check_next("0 0 29 2 *", NULL, "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z");
    check_next("0 0 30 2 *", NULL, "2026-01-01T00:00:00Z", "never");
    check_next("* * 30 2 *", "Europe/Paris", "2026-01-01T00:00:00Z", "never");
}

TEST(refuses_what_is_not_a_cron_expression) {
    static const char *const bad[] = {"",
                                      "*",
                                      "* * * *",
                                      "* * * * * *",
                                      "60 * * * *",
                                      "* 24 * * *",
                                      "* * 0 * *",
                                      "* * 32 * *",
                                      "* * * 0 *",
                                      "* * * 13 *",
                                      "* * * * 8",
                                      "-1 * * * *",
                                      "5-1 * * * *",
                                      "*/0 * * * *",
                                      "*/61 * * * *",
                                      "1,,2 * * * *",
                                      "1, * * * *",
                                      ", * * * *",
                                      "a * * * *",
                                      "* * * foo *",
                                      "1- * * * *",
                                      "-5 * * * *",
                                      "+5 * * * *",
                                      "1/ * * * *",
                                      "1-2-3 * * * *",
                                      "@reboot",
                                      "@",
                                      "* * * * *x",
                                      "1.5 * * * *",
                                      "* * L * *",
                                      "99999999999999999999 * * * *"};
    Cron cron;
    for (ptrdiff_t i = 0; i < COUNT(bad); i++) {
        if (!CHECK(!cron_parse(str_c(bad[i]), &cron))) printf("    taken: \"%s\"\n", bad[i]);
    }
    CHECK(!cron_parse((Str){0}, &cron));
}

TEST(a_skipped_hour_fires_at_the_change_of_clocks) {
    /* Paris, 2026-03-29: 02:00 becomes 03:00 at 01:00Z. */
    check_next("30 2 * * *", "Europe/Paris", "2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z");
    check_next("30 2 * * *", "Europe/Paris", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z");
    check_next("0 3 * * *", "Europe/Paris", "2026-03-28T02:00:00Z", "2026-03-29T01:00:00Z");
    check_next("0,30 2,3 * * *", "Europe/Paris", "2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z");
    check_next("0,30 2,3 * * *", "Europe/Paris", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z");
}

TEST(a_repeated_hour_fires_once) {
    /* Paris, 2026-10-25: 03:00 becomes 02:00 at 01:00Z. */
    check_next("30 2 * * *", "Europe/Paris", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z");
    check_next("30 2 * * *", "Europe/Paris", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z");
    check_next("0 3 * * *", "Europe/Paris", "2026-10-25T00:30:00Z", "2026-10-25T02:00:00Z");
}

TEST(an_expression_of_every_hour_follows_real_time_through_both_changes) {
    check_next("30 * * * *", "Europe/Paris", "2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z");
    check_next("30 * * * *", "Europe/Paris", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z");
    check_next("*/20 * * * *", "Europe/Paris", "2026-10-25T00:40:00Z", "2026-10-25T01:00:00Z");
    check_next("0 * * * *", "Asia/Kolkata", "2026-01-01T00:00:00Z", "2026-01-01T00:30:00Z");
    /* Half an hour's change. */
    check_next("0 * * * *", "Australia/Lord_Howe", "2026-04-04T14:30:00Z", "2026-04-04T15:30:00Z");
}

TEST(reads_the_rule_of_years_that_the_file_does_not_list) {
    check_next("0 12 * * *", "Europe/Paris", "2099-06-30T12:00:00Z", "2099-07-01T10:00:00Z");
    check_next("0 12 * * *", "Europe/Paris", "2099-12-31T12:00:00Z", "2100-01-01T11:00:00Z");
    check_next("0 12 * * *", "America/New_York", "2060-06-30T20:00:00Z", "2060-07-01T16:00:00Z");
    check_next("0 12 * * *", "Australia/Sydney", "2060-01-01T12:00:00Z", "2060-01-02T01:00:00Z");
}

TEST(an_unknown_or_hostile_zone_name_is_no_zone) {
    static const char *const bad[] = {
        "",          "Europe/Atlantis", "../../../etc/passwd", "/etc/passwd", "Europe",
        "tzdata.zi", "zone.tab",        "Europe/Par is"};
    for (ptrdiff_t i = 0; i < COUNT(bad); i++) {
        if (!CHECK(zone_find(bad[i]) == NULL)) printf("    found: %s\n", bad[i]);
    }
    CHECK(zone_find("Europe/Paris") != NULL);
    CHECK(zone_find("Europe/Paris") == zone_find("Europe/Paris"));
    check_next("* * * * *", "Europe/Atlantis", "2026-01-01T00:00:00Z", "never");
}

TEST(a_zone_file_cut_anywhere_is_refused_or_still_sound) {
    FILE *f = fopen("/usr/share/zoneinfo/Europe/Paris", "rb");
    if (!f) SKIP("no tz database");
    static char bytes[16384];
    ptrdiff_t len = (ptrdiff_t)fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    for (ptrdiff_t cut = 0; cut <= len; cut++) {
        char *copy = malloc((size_t)cut + 1); /* its own block, so that a read beyond is seen */
        REQUIRE(copy != NULL);
        memcpy(copy, bytes, (size_t)cut);
        Zone *z = zone_decode(str_of(copy, cut));
        if (z) zone_offset_s(z, at("2099-01-01"));
        if (cut == len) CHECK(z != NULL);
        if (cut < 100) CHECK(z == NULL);
        free(z);
        free(copy);
    }
    for (ptrdiff_t i = 0; i < len; i++) {
        char former = bytes[i];
        bytes[i] = (char)~former;
        Zone *z = zone_decode(str_of(bytes, len));
        if (z) zone_offset_s(z, at("2026-07-01"));
        free(z);
        bytes[i] = former;
    }
}

T_MAIN(T_ROW(fires_strictly_after_the_given_instant),
       T_ROW(understands_lists_ranges_steps_and_names),
       T_ROW(restricted_day_and_weekday_are_alternatives),
       T_ROW(waits_for_the_next_29_february_but_not_for_30_february),
       T_ROW(refuses_what_is_not_a_cron_expression),
       T_ROW(a_skipped_hour_fires_at_the_change_of_clocks), T_ROW(a_repeated_hour_fires_once),
       T_ROW(an_expression_of_every_hour_follows_real_time_through_both_changes),
       T_ROW(reads_the_rule_of_years_that_the_file_does_not_list),
       T_ROW(an_unknown_or_hostile_zone_name_is_no_zone),
       T_ROW(a_zone_file_cut_anywhere_is_refused_or_still_sound))

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/json.h"
#include "core/map.h"
#include "core/rand.h"
#include "core/time.h"
#include "t.h"

static Arena *arena;

TEST(arena_memory_is_zeroed_aligned_and_comes_back_after_release) {
    Arena *a = arena_new(1 * MIB);
    ArenaMark mark = arena_mark(a);
    for (int i = 1; i < 200; i++) {
        char *at = arena_alloc(a, 1, i * 37);
        CHECK((uintptr_t)at % 16 == 0);
        for (int k = 0; k < i * 37; k++) REQUIRE(at[k] == 0);
        memset(at, 0xAA, (size_t)i * 37);
    }
    arena_release(a, mark);
    CHECK_INT(arena_used(a), 0);
    arena_free(a);
}

TEST(arena_over_its_budget_jumps_to_its_owner) {
    Arena *a = arena_new(64 * KIB);
    jmp_buf full;
    volatile int taken = 0;
    arena_on_full(a, &full);
    if (setjmp(full) == 0)
        for (;; taken++) arena_alloc(a, 1000, 1);
    CHECK(taken >= 40 && taken * 1000 <= 64 * 1024);
    arena_reset(a);
    if (setjmp(full) == 0) {
        arena_alloc(a, PTRDIFF_MAX / 8, 1000);
        CHECK(!"a size that overflows must not be given");
    }
    arena_free(a);
}

TEST(arena_grows_the_last_block_in_place) {
    Arena *a = arena_new(1 * MIB);
    char *at = arena_bytes(a, 10);
    CHECK(arena_grow(a, at, 10, 500) == at);
    arena_bytes(a, 1);
    char *moved = arena_grow(a, at, 500, 600);
    CHECK(moved != at);
    arena_free(a);
}

TEST(numbers_are_read_whole_or_not_at_all) {
    static const struct { const char *text; bool good; int64_t value; } rows[] = {
        {"0", true, 0}, {"-0", true, 0}, {"9223372036854775807", true, INT64_MAX}, {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0}, {"-9223372036854775809", false, 0}, {"", false, 0}, {"-", false, 0},
        {"1 ", false, 0}, {"+1", false, 0}, {"1e3", false, 0}, {"0x10", false, 0},
    };
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        int64_t got = 77;
        CHECK_INT(str_to_i64(str_c(rows[i].text), &got), rows[i].good);
        CHECK_INT(got, rows[i].good ? rows[i].value : 77);
    }
    double real;
    CHECK(str_to_f64(S("-12.5e2"), &real) && real == -1250);
    CHECK(!str_to_f64(S("nan"), &real) && !str_to_f64(S("inf"), &real) && !str_to_f64(S("0x1p3"), &real) &&
          !str_to_f64(S("1e999"), &real) && !str_to_f64(S("1.5x"), &real));
}

TEST(utf8_is_checked_by_rfc_3629) {
    static const char *const good[] = {"", "plain", "é", "œuvre", "\xF0\x9F\x99\x82", "\xED\x9F\xBF", "\xEE\x80\x80", "\xF4\x8F\xBF\xBF"};
    static const char *const wrong[] = {"\x80", "\xC0\xAF", "\xC1\xBF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xC3", "\xE2\x82", "abcdefgh\xFF"};
    for (ptrdiff_t i = 0; i < COUNT(good); i++) CHECK(str_utf8_valid(str_c(good[i])));
    for (ptrdiff_t i = 0; i < COUNT(wrong); i++) CHECK(!str_utf8_valid(str_c(wrong[i])));
    CHECK_INT(str_utf8_count(S("œuvre\xF0\x9F\x99\x82")), 6);
    CHECK_STR(str_utf8_cut(S("é\xF0\x9F\x99\x82"), 4), S("é"));
}

TEST(texts_are_cut_trimmed_and_compared) {
    Str head, rest = str_cut(S("a=b=c"), '=', &head);
    CHECK_STR(head, S("a"));
    CHECK_STR(rest, S("b=c"));
    CHECK(str_is_null(str_cut(S("abc"), '=', &head)));
    CHECK_STR(str_trim(S(" \t x y \r\n")), S("x y"));
    CHECK(str_eq_nocase(S("Content-TYPE"), S("content-type")) && !str_eq_nocase(S("a"), S("b")));
    CHECK_INT(str_find(S("hello"), S("lo")), 3);
    CHECK_INT(str_find(S("hello"), S("world")), -1);
}

TEST(base64_goes_both_ways_and_refuses_what_is_malformed) {
    for (int n = 0; n < 50; n++) {
        char bytes[50];
        rand_bytes(bytes, n);
        Str b = str_of(bytes, n);
        CHECK(str_eq(str_base64url_decode(arena, str_base64url(arena, b)), b));
        CHECK(str_eq(str_base64_decode(arena, str_base64(arena, b)), b));
    }
    CHECK_STR(str_base64(arena, S("fooba")), S("Zm9vYmE="));
    CHECK(str_is_null(str_base64url_decode(arena, S("a"))));
    CHECK(str_is_null(str_base64url_decode(arena, S("ab+="))));
    CHECK(str_is_null(str_base64url_decode(arena, S("aB")))); /* leftover bits that are not zero */
    CHECK(str_is_null(str_base64_decode(arena, S("Zm9vYmE"))));
}

TEST(json_texts_are_escaped_and_invalid_bytes_replaced) {
    Buf b = buf_new(arena, 8);
    buf_json(&b, S("a\"\\\n\x01\x7F é \xFF z"));
    CHECK_STR(buf_str(&b), S("\"a\\\"\\\\\\n\\u0001\\u007f é \xEF\xBF\xBD z\""));
    b.len = 0;
    buf_json(&b, (Str){0});
    CHECK_STR(buf_str(&b), S("null"));
}

/* Eight bytes are looked at in one step: whatever is special must be seen at each of them. */
TEST(what_json_escapes_is_seen_wherever_it_stands) {
    static const struct { const char *raw, *text; } specials[] = {
        {"\"", "\\\""}, {"\\", "\\\\"}, {"\n", "\\n"}, {"\x1f", "\\u001f"}, {"\x7f", "\\u007f"}, {"\xFF", "\xEF\xBF\xBD"},
        {"\xC3", "\xEF\xBF\xBD"}, {"é", "é"}, {"\U0001F989", "\U0001F989"}, {" ", " "}, {"!#[]~", "!#[]~"}, {"\xEF\xBF\xBD", "\xEF\xBF\xBD"},
    };
    static const char padding[] = "abcdefghijklmnopqrstuvwxyz";
    for (int before = 0; before <= 17; before++) {
        for (ptrdiff_t i = 0; i < COUNT(specials); i++) {
            Buf b = buf_new(arena, 1);
            buf_json(&b, strf(arena, "%.*s%s%.*s", before, padding, specials[i].raw, 17 - before, padding));
            CHECK_STR(buf_str(&b), strf(arena, "\"%.*s%s%.*s\"", before, padding, specials[i].text, 17 - before, padding));
        }
    }
}

TEST(reals_are_written_shortest_and_read_back_equal) {
    static const double values[] = {0, 1, -1.5, 0.1, 1e100, 1.0 / 3, 123456789.125, 5e-324, 1.7976931348623157e308};
    for (ptrdiff_t i = 0; i < COUNT(values); i++) {
        double back;
        Buf b = buf_new(arena, 32);
        buf_f64(&b, values[i]);
        CHECK(str_to_f64(buf_str(&b), &back) && back == values[i]);
    }
    Buf b = buf_new(arena, 32);
    buf_f64(&b, 0.1);
    buf_f64(&b, 0.0 / 0.0);
    CHECK_STR(buf_str(&b), S("0.1null"));
    static const struct { double value; const char *text; } few[] = {
        {-0.25, "-0.25"}, {569.6456, "569.6456"}, {1.5, "1.5"}, {0.3333, "0.3333"}, {-0.000000001, "-1e-09"},
        {999999.999999999, "999999.999999999"}, {1e-5, "0.00001"}, {1.0 / 3, "0.3333333333333333"}, {-200.0 / 3, "-66.66666666666667"},
        {16634370167634.8125, "16634370167634.812"}, {0.1 + 0.2, "0.30000000000000004"},
        {0.0001234567890123, "0.0001234567890123"}, {999999999999999.9, "999999999999999.9"},
    };
    for (ptrdiff_t i = 0; i < COUNT(few); i++) {
        b.len = 0;
        buf_f64(&b, few[i].value);
        CHECK_STR(buf_str(&b), str_c(few[i].text));
    }
    Rand seeded = {1};
    for (int i = 0; i < 200000; i++) { /* any bits at all, and decimals of any length */
        double value, back = 0;
        uint64_t bits = rand_next(&seeded);
        if (i % 2) memcpy(&value, &bits, 8);
        else value = (double)(int64_t)(bits >> 20) / (double)(1 + bits % 1000003);
        if (value - value != 0) continue;
        b.len = 0;
        buf_f64(&b, value);
        REQUIRE(str_to_f64(buf_str(&b), &back) && back == value);
    }
}

TEST(csv_cells_are_quoted_where_needed) {
    Buf b = buf_new(arena, 32);
    buf_csv(&b, S("plain"));
    buf_byte(&b, ',');
    buf_csv(&b, S("a \"b\", c\n"));
    CHECK_STR(buf_str(&b), S("plain,\"a \"\"b\"\", c\n\""));
}

TEST(times_are_read_in_every_form_and_written_in_one) {
    static const struct { const char *text, *want; } rows[] = {
        {"2026-11-21T10:00:00Z", "2026-11-21T10:00:00Z"}, {"2026-11-21t10:00:00.5z", "2026-11-21T10:00:00.5Z"},
        {"2026-11-21 12:00:00+02:00", "2026-11-21T10:00:00Z"}, {"2016-10-04T14:48:09+0000", "2016-10-04T14:48:09Z"},
        {"2016-06-23 09:20:01", "2016-06-23T09:20:01Z"}, {"2024-02-29", "2024-02-29T00:00:00Z"},
        {"1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"}, {"0001-01-01", "0001-01-01T00:00:00Z"},
        {"9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"}, {"2026-03-03T15:16:33.000Z", "2026-03-03T15:16:33Z"},
    };
    static const char *const wrong[] = {"", "2026", "2026-13-01", "2026-02-29", "2026-11-21T25:00:00Z", "2026-11-21T10:00:00+2", "2026-11-21T10:00:00.Z", "2026-11-21T10:00:00Zx", "0000-01-01", "21/11/2026"};
    Time t;
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        REQUIRE(time_parse(str_c(rows[i].text), &t));
        CHECK_STR(time_str(arena, t), str_c(rows[i].want));
    }
    for (ptrdiff_t i = 0; i < COUNT(wrong); i++) CHECK(!time_parse(str_c(wrong[i]), &t));
    CHECK(time_parse_http(S("Sun, 06 Nov 1994 08:49:37 GMT"), &t));
    CHECK_STR(time_http(arena, t), S("Sun, 06 Nov 1994 08:49:37 GMT"));
    for (int64_t day = -800000; day < 800000; day += 997) {
        Time at = {day * US_PER_DAY + 12345678};
        CHECK_INT(time_from_civil(time_civil(at)).us, at.us);
    }
}

TEST(durations_are_read_with_their_unit) {
    int64_t us;
    CHECK(duration_parse(S("7d"), &us) && us == 7 * US_PER_DAY);
    CHECK(duration_parse(S("200ms"), &us) && us == 200000);
    CHECK(!duration_parse(S("7"), &us) && !duration_parse(S("-7d"), &us) && !duration_parse(S("99999999999999d"), &us));
}

TEST(a_map_holds_what_was_set_through_growth_and_removal) {
    Map m = {0};
    static char keys[5000][24];
    for (intptr_t i = 0; i < 5000; i++) {
        snprintf(keys[i], sizeof keys[i], "k%ld", (long)i);
        CHECK(map_set(&m, str_c(keys[i]), (void *)(i + 1)) == NULL);
    }
    for (intptr_t i = 0; i < 5000; i += 2) CHECK_INT((intptr_t)map_remove(&m, str_c(keys[i])), i + 1);
    for (intptr_t i = 0; i < 5000; i++) CHECK_INT((intptr_t)map_get(&m, str_c(keys[i])), i % 2 ? i + 1 : 0);
    CHECK_INT(m.count, 2500);
    ptrdiff_t cursor = 0, seen = 0;
    for (MapSlot slot; map_next(&m, &cursor, &slot);) seen++;
    CHECK_INT(seen, 2500);
    map_free(&m);
}

TEST(json_of_a_million_brackets_is_an_error_not_a_crash) {
    Arena *big = arena_new(64 * MIB);
    Ctx c = {.arena = big};
    char *text = arena_bytes(big, 1000000);
    memset(text, '[', 1000000);
    json_t *json;
    Err *err = json_parse(&c, str_of(text, 1000000), &json);
    CHECK(err && err->kind == ERR_BAD_REQUEST);
    err = json_parse(&c, S("{\"a\":1,\"a\":2}"), &json);
    CHECK(err && str_find(err->detail, S("line 1")) > 0);
    err = json_parse(&c, S("\"\xFF\""), &json);
    CHECK(err != NULL);
    ctx_undo(&c, NULL);
    arena_free(big);
}

TEST(json_values_are_found_by_path_and_written_back) {
    Ctx c = {.arena = arena};
    json_t *json;
    REQUIRE(!json_parse(&c, S("{\"a\":{\"b\":[1,{\"c\":\"x\"}]},\"n\":\"42\",\"r\":1.5,\"t\":true}"), &json));
    CHECK_STR(json_str(json_path(json, "a.b.1.c")), S("x"));
    CHECK(json_path(json, "a.z.1") == NULL);
    int64_t n;
    CHECK(json_i64(json_at(json, "n"), &n) && n == 42);
    CHECK(!json_i64(json_at(json, "r"), &n));
    Buf b = buf_new(arena, 64);
    buf_json_value(&b, json);
    CHECK_STR(buf_str(&b), S("{\"a\":{\"b\":[1,{\"c\":\"x\"}]},\"n\":\"42\",\"r\":1.5,\"t\":true}"));
    ctx_undo(&c, NULL);
}

static int order[4], order_count;
static void note(void *arg) { order[order_count++] = (int)(intptr_t)arg; }

TEST(deferred_actions_run_last_in_first_out_to_the_mark) {
    Ctx c = {.arena = arena};
    defer(&c, note, (void *)1);
    Defer *mark = c.defers;
    defer(&c, note, (void *)2);
    defer(&c, note, (void *)3);
    ctx_undo(&c, mark);
    CHECK_INT(order_count, 2);
    CHECK(order[0] == 3 && order[1] == 2);
    ctx_undo(&c, NULL);
    CHECK_INT(order[2], 1);
}

static const T rows[] = {
    T_ROW(arena_memory_is_zeroed_aligned_and_comes_back_after_release), T_ROW(arena_over_its_budget_jumps_to_its_owner),
    T_ROW(arena_grows_the_last_block_in_place), T_ROW(numbers_are_read_whole_or_not_at_all),
    T_ROW(utf8_is_checked_by_rfc_3629), T_ROW(texts_are_cut_trimmed_and_compared),
    T_ROW(base64_goes_both_ways_and_refuses_what_is_malformed), T_ROW(json_texts_are_escaped_and_invalid_bytes_replaced),
    T_ROW(what_json_escapes_is_seen_wherever_it_stands),
    T_ROW(reals_are_written_shortest_and_read_back_equal), T_ROW(csv_cells_are_quoted_where_needed),
    T_ROW(times_are_read_in_every_form_and_written_in_one), T_ROW(durations_are_read_with_their_unit),
    T_ROW(a_map_holds_what_was_set_through_growth_and_removal), T_ROW(json_of_a_million_brackets_is_an_error_not_a_crash),
    T_ROW(json_values_are_found_by_path_and_written_back), T_ROW(deferred_actions_run_last_in_first_out_to_the_mark),
};

int main(int argc, char **argv) {
    arena = arena_new(64 * MIB);
    int bad = t_main(argc, argv, rows, (int)COUNT(rows));
    arena_free(arena);
    return bad;
}

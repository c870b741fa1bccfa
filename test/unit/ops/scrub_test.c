/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/scrub.h"

#include "t.h"

typedef struct Pair {
    const char *in, *out;
} Pair;

static void check_all(const Pair *pairs, ptrdiff_t count) {
    Arena *arena = arena_new(MIB);
    for (ptrdiff_t i = 0; i < count; i++)
        CHECK_STR(scrub(arena, str_c(pairs[i].in)), str_c(pairs[i].out));
    arena_free(arena);
}

TEST(takes_out_tokens_and_keys) {
    static const Pair pairs[] = {
        {"Authorization: Bearer abc.def", "Authorization: Bearer [secret]"},
        {"sent bearer x1", "sent bearer [secret]"},
        {"key sk_live_AbCd1234 refused", "key [token] refused"},
        {"jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOjF9.c2ln.", "jwt [token]"},
        {"code 4f3c2a1b9d8e7f605142a3b4c5d6e7f8 unknown", "code [token] unknown"},
        {"at EAAGm0PX4ZCpsBAKZCxYz12ZBw,then", "at [token],then"},
    };
    check_all(pairs, COUNT(pairs));
}

TEST(takes_out_what_a_secret_name_is_given) {
    static const Pair pairs[] = {
        {"password=hunter2", "password=[secret]"},
        {"{\"access_token\": \"abc\", \"n\": 1}", "{\"access_token\": \"[secret]\", \"n\": 1}"},
        {"client_secret='x y'", "client_secret='[secret] y'"},
        {"the token expired", "the token expired"},
        {"X-API-Key: a1", "X-API-Key: [secret]"},
        {"cookie: sid", "cookie: [secret]"},
        {"{\\\"password\\\":\\\"x\\\"}", "{\\\"password\\\":\\\"[secret]\\\"}"},
    };
    check_all(pairs, COUNT(pairs));
}

TEST(takes_out_addresses_and_numbers_of_people) {
    static const Pair pairs[] = {
        {"mail to jean.dupont+x@example.org failed", "mail to [email] failed"},
        {"to +33 6 12 34 56 78.", "to [phone]."},
        {"to +33612345678", "to [phone]"},
        {"to 06.12.34.56.78, again", "to [phone], again"},
        {"wa_id 33612345678", "wa_id [phone]"},
        {"from <a@b.fr>", "from <[email]>"},
    };
    check_all(pairs, COUNT(pairs));
}

TEST(takes_out_log_ins_and_queries_of_urls) {
    static const Pair pairs[] = {
        {"postgresql://bob:pw@db.local:5432/socle is away",
         "postgresql://[login]@db.local:5432/socle is away"},
        {"GET https://graph.example/v23/me?access_token=abc&x=1 gave 500",
         "GET https://graph.example/v23/me?[query] gave 500"},
        {"what? nothing", "what? nothing"},
        {"https://h/p?q=1\" end", "https://h/p?[query]\" end"},
    };
    check_all(pairs, COUNT(pairs));
}

TEST(keeps_what_a_reader_needs) {
    static const Pair pairs[] = {
        {"", ""},
        {"INTERNAL project_load: no row <- UNAVAILABLE db_one: busy",
         "INTERNAL project_load: no row <- UNAVAILABLE db_one: busy"},
        {"request 0198c0de-1234-7abc-8def-0123456789ab took 1523.25 ms",
         "request 0198c0de-1234-7abc-8def-0123456789ab took 1523.25 ms"},
        {"2026-11-21T10:00:00Z at 127.0.0.1:8000", "2026-11-21T10:00:00Z at 127.0.0.1:8000"},
        {"/api/v1/projects/{id}/hashtags/{link_id:int}",
         "/api/v1/projects/{id}/hashtags/{link_id:int}"},
        {"é 😀 \xff end", "é 😀 \xff end"},
        {"row 123456789 of 4096", "row 123456789 of 4096"},
        {"/var/lib/socle/socle.db", "/var/lib/socle/socle.db"},
    };
    check_all(pairs, COUNT(pairs));
}

TEST(ends_on_any_bytes_at_any_cut) {
    static const char odd[] =
        "+0 1-2.3 eyJ. sk_ a@b. ://@?password=\" Bearer ://u:p@h?x=1 token:: =\\\"\xc3";
    Arena *arena = arena_new(4 * MIB);
    for (ptrdiff_t from = 0; from < COUNT(odd) - 1; from++)
        for (ptrdiff_t to = from; to < COUNT(odd) - 1; to++)
            CHECK(scrub(arena, str_of(odd + from, to - from)).len >= 0);
    arena_free(arena);
}

T_MAIN(T_ROW(takes_out_tokens_and_keys), T_ROW(takes_out_what_a_secret_name_is_given),
       T_ROW(takes_out_addresses_and_numbers_of_people),
       T_ROW(takes_out_log_ins_and_queries_of_urls), T_ROW(keeps_what_a_reader_needs),
       T_ROW(ends_on_any_bytes_at_any_cut))

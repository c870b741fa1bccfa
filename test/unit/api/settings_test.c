/* SPDX-License-Identifier: Apache-2.0 */
#include "api/setting.h"

#include <stdlib.h>
#include <unistd.h>

#include "api/base_settings.h"
#include "t.h"

static struct {
    int64_t days;
    Str model, colour, key;
    bool fast;
} own;

static const char *const colours[] = {"red", "blue", NULL};
static bool settled;
static Str settle(Arena *arena) {
    settled = true;
    return own.days == 13 ? strf(arena, "%lld is unlucky", (long long)own.days) : (Str){0};
}

static const Setting table[] = {
    SETTING("VEYL_TEST_DAYS", own.days, .usual = "7", .min = 1, .max = 90, .unit = "days",
            .settle = settle, .doc = "Days | of it"),
    SETTING("VEYL_TEST_MODEL", own.model, .usual = "small"),
    SETTING("VEYL_TEST_COLOUR", own.colour, .usual = "red", .values = colours),
    SETTING("VEYL_TEST_KEY", own.key, .secret = true),
    SETTING("VEYL_TEST_FAST", own.fast),
};
static const Setting *const tables[] = {table};
static const ptrdiff_t counts[] = {COUNT(table)};

static Arena *arena;
static Str problem;

/* Each test in an empty folder of its own, with none of our variables set. */
static void begin(const char *env_file) {
    static char folder[64];
    if (!arena) arena = arena_new(64 * MIB);
    snprintf(folder, sizeof folder, "%s/settings-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(folder) || chdir(folder) != 0) abort();
    for (ptrdiff_t i = 0; i < COUNT(table); i++) unsetenv(table[i].name);
    if (!env_file) return;
    FILE *f = fopen(".env", "w");
    if (!f || fputs(env_file, f) < 0 || fclose(f) != 0) abort();
}

static bool load(void) {
    bool good = settings_load(arena, tables, counts, 1, &problem);
    char here[4096];
    unlink(".env");
    if (getcwd(here, sizeof here)) rmdir(here);
    return good;
}

TEST(fills_in_defaults) {
    begin(NULL);
    settled = false;
    CHECK(load());
    CHECK_INT(own.days, 7);
    CHECK_STR(own.model, S("small"));
    CHECK_STR(own.key, S(""));
    CHECK(!own.fast);
    CHECK(settled);
}

TEST(reads_the_env_file_with_quotes_comments_and_exports) {
    begin("\xEF\xBB\xBF# comment\r\n\nexport VEYL_TEST_DAYS=30 # thirty\r\nVEYL_TEST_MODEL=\"a "
          "\\\"b\\\"\\n#c\" # d\n"
          "VEYL_TEST_KEY='x\\n y'\nVEYL_TEST_FAST=Yes\nPOSTGRES_PASSWORD=of-others");
    CHECK(load());
    CHECK_INT(own.days, 30);
    CHECK_STR(own.model, S("a \"b\"\n#c"));
    CHECK_STR(own.key, S("x\\n y"));
    CHECK(own.fast);
}

TEST(the_environment_wins_over_the_file) {
    begin("VEYL_TEST_DAYS=30\nVEYL_TEST_MODEL=file\n");
    setenv("VEYL_TEST_DAYS", "31", 1);
    setenv("VEYL_TEST_MODEL", "", 1);
    CHECK(load());
    CHECK_INT(own.days, 31);
    CHECK_STR(own.model, S(""));
}

TEST(an_empty_number_or_choice_is_not_given) {
    begin("VEYL_TEST_DAYS=\nVEYL_TEST_COLOUR=\nVEYL_TEST_FAST=\n");
    CHECK(load());
    CHECK_INT(own.days, 7);
    CHECK_STR(own.colour, S("red"));
    CHECK(!own.fast);
}

static void refuses(const char *name, const char *value, Str want) {
    begin(NULL);
    setenv(name, value, 1);
    CHECK(!load());
    CHECK_STR(problem, want);
    unsetenv(name);
}

TEST(refuses_malformed_values_in_one_line) {
    refuses("VEYL_TEST_DAYS", "91",
            S("VEYL_TEST_DAYS=91: expected a whole number from 1 to 90 days"));
    refuses("VEYL_TEST_DAYS", "7d",
            S("VEYL_TEST_DAYS=7d: expected a whole number from 1 to 90 days"));
    refuses("VEYL_TEST_DAYS", "99999999999999999999",
            S("VEYL_TEST_DAYS=99999999999999999999: expected a whole number from 1 to 90 days"));
    refuses("VEYL_TEST_FAST", "maybe", S("VEYL_TEST_FAST=maybe: expected on or off"));
    refuses("VEYL_TEST_COLOUR", "green", S("VEYL_TEST_COLOUR=green: expected one of: red, blue"));
    refuses("VEYL_TEST_DAYS", "13", S("VEYL_TEST_DAYS: 13 is unlucky"));
}

TEST(masks_secrets_in_what_it_says) {
    refuses("VEYL_TEST_KEY", "hush\xFF", S("VEYL_TEST_KEY=***: it is not UTF-8"));
    begin(NULL);
    setenv("VEYL_TEST_KEY", "hush", 1);
    CHECK(load());
    Buf b = buf_new(arena, 1000);
    settings_print(&b, tables, counts, 1, true);
    CHECK(str_find(buf_str(&b), S("hush")) < 0);
    CHECK(str_find(buf_str(&b),
                   S("| `VEYL_TEST_DAYS` | 1..90 days | `7` | `7` | Days \\| of it |\n")) > 0);
}

TEST(refuses_unknown_names_with_our_prefixes) {
    refuses("VEYL_TEST_DAY", "3",
            S("VEYL_TEST_DAY: there is no such setting; did you mean VEYL_TEST_DAYS?"));
    refuses("ROBIAN_WHAT", "3",
            S("ROBIAN_WHAT: there is no such setting (`socle settings` lists them all)"));
    begin("\nVEIL_TEST_DAYS=4\n");
    CHECK(!load());
    CHECK_STR(problem,
              S(".env:2: VEIL_TEST_DAYS: there is no such setting; did you mean VEYL_TEST_DAYS?"));
}

TEST(refuses_malformed_lines_with_their_number) {
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"A=1\nnonsense\n", ".env:2: the line is not NAME=value"},
        {"1A=1\n", ".env:1: the line has no proper name before its ="},
        {"=1\n", ".env:1: the line has no proper name before its ="},
        {"A=\"open\nB=1\n", ".env:1: the line has a quote that is never closed"},
        {"A='x' y\n", ".env:1: the line has something behind its closing quote"},
        {"A=\xFF\n", ".env: it is not UTF-8 text"},
    };
    for (ptrdiff_t i = 0; i < COUNT(cases); i++) {
        begin(cases[i].text);
        CHECK(!load());
        CHECK_STR(problem, str_c(cases[i].want));
    }
}

static bool base_load(void) {
    const Setting *const all[] = {base_settings};
    return settings_load(arena, all, &base_setting_count, 1, &problem);
}

TEST(the_base_listens_where_port_and_environment_say) {
    begin(NULL);
    unsetenv("LISTEN"), unsetenv("PORT"), unsetenv("ENVIRONMENT");
    CHECK(base_load());
    CHECK_STR(settings.listen, S("127.0.0.1:8000"));
    setenv("PORT", "9000", 1);
    CHECK(base_load());
    CHECK_STR(settings.listen, S("0.0.0.0:9000"));
    setenv("LISTEN", "nonsense", 1);
    CHECK(!base_load());
    CHECK_STR(problem, S("LISTEN: nonsense: expected HOST:PORT or unix:/PATH"));
    unsetenv("LISTEN"), unsetenv("PORT");
    setenv("ENVIRONMENT", "production", 1);
    CHECK(base_load());
    CHECK_STR(settings.listen, S("0.0.0.0:8000"));
    CHECK_STR(settings.cors_origins, S(""));
    setenv("CORS_ORIGINS", "https://a.example, b.example", 1);
    CHECK(!base_load());
    CHECK(str_starts(problem, S("CORS_ORIGINS: b.example: expected origins")));
    unsetenv("CORS_ORIGINS"), unsetenv("ENVIRONMENT");
}

TEST(a_database_address_is_refused_without_showing_its_password) {
    begin(NULL);
    setenv("DATABASE_URL", "mysql://me:secret@db/x", 1);
    CHECK(!base_load());
    CHECK_STR(problem, S("DATABASE_URL: mysql…: expected sqlite:///path or postgresql://…"));
    unsetenv("DATABASE_URL");
}

T_MAIN(T_ROW(fills_in_defaults), T_ROW(reads_the_env_file_with_quotes_comments_and_exports),
       T_ROW(the_environment_wins_over_the_file), T_ROW(an_empty_number_or_choice_is_not_given),
       T_ROW(refuses_malformed_values_in_one_line), T_ROW(masks_secrets_in_what_it_says),
       T_ROW(refuses_unknown_names_with_our_prefixes),
       T_ROW(refuses_malformed_lines_with_their_number),
       T_ROW(the_base_listens_where_port_and_environment_say),
       T_ROW(a_database_address_is_refused_without_showing_its_password))

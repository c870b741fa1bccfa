/* SPDX-License-Identifier: Apache-2.0
 * Passwords and addresses, without a database. The bcrypt vectors are crypt_blowfish's own. */
#include "api/password.h"

#include <sodium.h>

#include "api/accounts.h"
#include "core/time.h"
#include "t.h"

static Ctx c;

static void set_up(void) {
    REQUIRE(sodium_init() >= 0);
    c = (Ctx){.arena = arena_new(16 * MIB)};
}

static PasswordMatch match_of(Str hash, Str password) {
    PasswordMatch match = PASSWORD_WRONG;
    CHECK(password_verify(&c, hash, password, &match) == NULL);
    return match;
}

TEST(knows_its_own_hash_and_nothing_else) {
    set_up();
    Str hash, again;
    REQUIRE(auth_password_hash(&c, S("mot de passe \xC3\xA9"), &hash) == NULL);
    REQUIRE(auth_password_hash(&c, S("mot de passe \xC3\xA9"), &again) == NULL);
    CHECK(str_starts(hash, S("$argon2id$v=19$m=65536,t=2,p=1$")));
    CHECK(!str_eq(hash, again));
    CHECK_INT(match_of(hash, S("mot de passe \xC3\xA9")), PASSWORD_RIGHT);
    CHECK_INT(match_of(hash, S("mot de passe e")), PASSWORD_WRONG);
    CHECK_INT(match_of(hash, S("")), PASSWORD_WRONG);
    CHECK_INT(match_of(hash, S("mot de passe \xC3\xA9\0x")), PASSWORD_WRONG);
    arena_free(c.arena);
}

TEST(knows_imported_bcrypt_and_calls_it_stale) {
    set_up();
    Str a = S("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW");
    Str b = S("$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW");
    CHECK_INT(match_of(a, S("U*U")), PASSWORD_RIGHT_STALE);
    CHECK_INT(match_of(b, S("U*U")), PASSWORD_RIGHT_STALE);
    CHECK_INT(match_of(b, S("U*V")), PASSWORD_WRONG);
    CHECK_INT(match_of(b, S("U*U\0tail")), PASSWORD_WRONG);
    CHECK_INT(match_of(b, S("")), PASSWORD_WRONG);
    arena_free(c.arena);
}

TEST(never_matches_a_hash_it_does_not_know_nor_pays_any_price_asked) {
    set_up();
    int64_t began = mono_us();
    CHECK_INT(match_of((Str){NULL, 0}, S("")), PASSWORD_WRONG);
    CHECK_INT(match_of(S(""), S("")), PASSWORD_WRONG);
    CHECK_INT(match_of(S("U*U"), S("U*U")), PASSWORD_WRONG);
    CHECK_INT(match_of(S("$1$abc$xyz"), S("x")), PASSWORD_WRONG);
    CHECK_INT(match_of(S("$argon2id$v=19$m=99999999999,t=2,p=1$aaaa$bbbb"), S("x")),
              PASSWORD_WRONG);
    CHECK_INT(match_of(S("$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"), S("U*U")),
              PASSWORD_WRONG);
    CHECK(mono_us() - began < 20 * US_PER_SECOND);
    arena_free(c.arena);
}

TEST(refuses_a_password_without_end) {
    set_up();
    char *large = arena_alloc(c.arena, 1, PASSWORD_MAX_BYTES + 1);
    memset(large, 'x', PASSWORD_MAX_BYTES + 1);
    Str hash;
    Err *err = auth_password_hash(&c, str_of(large, PASSWORD_MAX_BYTES + 1), &hash);
    REQUIRE(err != NULL);
    CHECK_INT(err->kind, ERR_INVALID);
    REQUIRE(auth_password_hash(&c, str_of(large, PASSWORD_MAX_BYTES), &hash) == NULL);
    CHECK_INT(match_of(hash, str_of(large, PASSWORD_MAX_BYTES)), PASSWORD_RIGHT);
    CHECK_INT(match_of(hash, str_of(large, PASSWORD_MAX_BYTES + 1)), PASSWORD_WRONG);
    arena_free(c.arena);
}

TEST(brings_addresses_to_one_spelling) {
    set_up();
    CHECK_STR(email_normalise(c.arena, S("  Ada.Lovelace+x@Example.ORG ")),
              S("ada.lovelace+x@example.org"));
    CHECK_STR(email_normalise(c.arena, S("\xC3\xA9lo\xC3\xAFse@exemple.fr")),
              S("\xC3\xA9lo\xC3\xAFse@exemple.fr"));
    CHECK_STR(email_normalise(c.arena, S("a@b.c-d.e")), S("a@b.c-d.e"));
    static const char *const wrong[] = {
        "",        " ",         "a",       "@",        "a@",       "@b.c",     "a@b",
        "a@.c",    "a@b.",      "a@b..c",  "a@-b.c",   "a@b-.c",   "a@b.c-",   "a b@c.d",
        "a@b c.d", "a@@b.c",    "a@b@c.d", ".a@b.c",   "a.@b.c",   "a..b@c.d", "a,b@c.d",
        "<a@b.c>", "a@b.c\n.d", "a@b_c.d", "a@\xFF.c", "\xC3@b.c",
    };
    for (int i = 0; i < COUNT(wrong); i++)
        CHECK_STR(email_normalise(c.arena, str_c(wrong[i])), ((Str){NULL, 0}));
    Str long_local = S("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b.c");
    CHECK(str_is_null(email_normalise(c.arena, long_local)));
    CHECK(!str_is_null(email_normalise(c.arena, str_slice(long_local, 1, long_local.len))));
    arena_free(c.arena);
}

TEST(grants_a_key_its_scopes_and_a_token_everything) {
    Account nobody = {0}, token = {.user = {1}, .role = ROLE_USER};
    Account key = {.user = {1}, .api_key = {2}, .scopes = S("posts:read search projects:*")};
    Account all = {.user = {1}, .api_key = {2}, .scopes = S("*")};
    Account none = {.user = {1}, .api_key = {2}, .scopes = S("")};
    Str null = {NULL, 0};
    CHECK(!account_may(&nobody, S("posts:read")) && !account_may(&nobody, null));
    CHECK(account_may(&token, S("posts:read")) && account_may(&token, null));
    CHECK(account_may(&key, S("posts:read")) && account_may(&key, S("search")) &&
          account_may(&key, S("projects:write")));
    CHECK(!account_may(&key, S("posts:write")) && !account_may(&key, S("posts")) &&
          !account_may(&key, S("searc")));
    CHECK(!account_may(&key, S("searching")) && !account_may(&key, S("projects")) &&
          !account_may(&key, null));
    CHECK(account_may(&all, S("posts:write")) && account_may(&all, null));
    CHECK(!account_may(&none, S("posts:read")) && !account_may(&none, null));
}

T_MAIN(T_ROW(knows_its_own_hash_and_nothing_else), T_ROW(knows_imported_bcrypt_and_calls_it_stale),
       T_ROW(never_matches_a_hash_it_does_not_know_nor_pays_any_price_asked),
       T_ROW(refuses_a_password_without_end), T_ROW(brings_addresses_to_one_spelling),
       T_ROW(grants_a_key_its_scopes_and_a_token_everything))

/* SPDX-License-Identifier: Apache-2.0
 * Access tokens and sealed secrets: only what we made with a key we hold is taken. */
#include <sodium.h>

#include "api/auth.h"
#include "api/base_settings.h"
#include "api/jwt.h"
#include "t.h"

static Ctx c;

static void set_up(void) {
    REQUIRE(sodium_init() >= 0);
    c = (Ctx){.arena = arena_new(64 * MIB)};
    settings.secret_key = S("a secret key of forty characters, at least");
    settings.secret_key_previous = S("");
}

static void tear_down(void) {
    time_freeze(TIME_NULL);
    ctx_undo(&c, NULL);
    arena_free(c.arena);
}

static Str token_of(int64_t user, int64_t valid_s) {
    Time now = time_now();
    JwtClaims claims = {.user = {user},
                        .session = {12},
                        .role = S("analyst"),
                        .jti = uuid_v4(c.arena),
                        .issued_at = now,
                        .expires_at = time_add(now, valid_s * US_PER_SECOND)};
    return jwt_make(&c, &claims);
}

static bool taken(Str token) {
    JwtClaims claims;
    Err *err = jwt_read(&c, token, &claims);
    if (err) {
        CHECK_INT(err->kind, ERR_UNAUTHENTICATED);
        CHECK_STR(err->detail, S("Token invalide"));
    }
    return err == NULL;
}

/* header.payload signed with our key, whatever they say. */
static Str signed_by_us(Str header, Str payload) {
    unsigned char mac[32];
    crypto_auth_hmacsha256_state state;
    Str part = strf(c.arena, "%.*s.%.*s", S_ARG(header), S_ARG(payload));
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)settings.secret_key.data,
                                (size_t)settings.secret_key.len);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)part.data, (size_t)part.len);
    crypto_auth_hmacsha256_final(&state, mac);
    return strf(c.arena, "%.*s.%.*s", S_ARG(part),
                S_ARG(str_base64url(c.arena, str_of((char *)mac, 32))));
}

static Str with_header(Str json) {
    Str token = token_of(7, 60), header, payload;
    str_cut(str_cut(token, '.', &header), '.', &payload);
    return signed_by_us(str_base64url(c.arena, json), payload);
}

static Str with_payload(const char *json) {
    Str token = token_of(7, 60), header;
    str_cut(token, '.', &header);
    return signed_by_us(header, str_base64url(c.arena, str_c(json)));
}

TEST(reads_what_it_made) {
    set_up();
    JwtClaims claims;
    Time now = time_now();
    REQUIRE(jwt_read(&c, token_of(7, 60), &claims) == NULL);
    CHECK_INT(claims.user.value, 7);
    CHECK_INT(claims.session.value, 12);
    CHECK_STR(claims.role, S("analyst"));
    CHECK_INT(claims.jti.len, 36);
    CHECK(claims.expires_at.us > now.us + 58 * US_PER_SECOND &&
          claims.expires_at.us <= now.us + 61 * US_PER_SECOND);
    tear_down();
}

TEST(names_algorithm_and_key_in_its_header) {
    set_up();
    Str header;
    str_cut(token_of(7, 60), '.', &header);
    Str json = str_base64url_decode(c.arena, header);
    CHECK(str_starts(json, S("{\"alg\":\"HS256\",\"kid\":\"")));
    CHECK(str_ends(json, S("\",\"typ\":\"JWT\"}")));
    tear_down();
}

TEST(refuses_an_expired_token_from_its_last_second_on) {
    set_up();
    time_freeze((Time){1700000000 * US_PER_SECOND});
    Str token = token_of(7, 60);
    time_freeze((Time){1700000060 * US_PER_SECOND - 1});
    CHECK(taken(token));
    time_freeze((Time){1700000060 * US_PER_SECOND});
    CHECK(!taken(token));
    tear_down();
}

TEST(takes_tokens_of_the_previous_key_and_of_no_other) {
    set_up();
    Str token = token_of(7, 60);
    settings.secret_key_previous = settings.secret_key;
    settings.secret_key = S("another secret key of more than forty chars");
    CHECK(taken(token));
    settings.secret_key_previous = S("a third secret key of more than forty chars");
    CHECK(!taken(token));
    settings.secret_key_previous = S("");
    CHECK(!taken(token));
    tear_down();
}

TEST(refuses_every_other_header_though_signed_with_our_key) {
    set_up();
    Str header, token = token_of(7, 60);
    str_cut(token, '.', &header);
    Str json = str_base64url_decode(c.arena, header);
    CHECK(taken(with_header(json)));
    CHECK(!taken(with_header(S("{\"alg\":\"none\"}"))));
    CHECK(!taken(with_header(S("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"))));
    CHECK(
        !taken(with_header(S("{\"alg\":\"HS256\",\"kid\":\"0011223344556677\",\"typ\":\"JWT\"}"))));
    CHECK(!taken(with_header(S(""))));
    Str kid = str_slice(json, 22, 38);
    CHECK(!taken(with_header(
        strf(c.arena, "{\"alg\":\"HS512\",\"kid\":\"%.*s\",\"typ\":\"JWT\"}", S_ARG(kid)))));
    CHECK(!taken(with_header(
        strf(c.arena, "{\"alg\":\"hs256\",\"kid\":\"%.*s\",\"typ\":\"JWT\"}", S_ARG(kid)))));
    CHECK(!taken(with_header(
        strf(c.arena, "{\"alg\":\"none\",\"alg\":\"HS256\",\"kid\":\"%.*s\",\"typ\":\"JWT\"}",
             S_ARG(kid)))));
    tear_down();
}

TEST(refuses_claims_that_are_missing_or_of_another_type) {
    set_up();
    CHECK(taken(with_payload("{\"sub\":\"7\",\"exp\":99999999999,\"iat\":1,\"jti\":\"x\",\"role\":"
                             "\"user\",\"sid\":1}")));
    static const char *const wrong[] = {
        "{}",
        "[]",
        "null",
        "",
        "{",
        "\"x\"",
        "{\"exp\":99999999999,\"iat\":1,\"jti\":\"x\",\"role\":\"user\",\"sid\":1}",
        "{\"sub\":7,\"exp\":99999999999,\"iat\":1,\"jti\":\"x\",\"role\":\"user\",\"sid\":1}",
        "{\"sub\":\"0\",\"exp\":99999999999,\"iat\":1,\"jti\":\"x\",\"role\":\"user\",\"sid\":1}",
        "{\"sub\":\"-7\",\"exp\":99999999999,\"iat\":1,\"jti\":\"x\",\"role\":\"user\",\"sid\":1}",
        "{\"sub\":\"7 or "
        "1=1\",\"exp\":99999999999,\"iat\":1,\"jti\":\"x\",\"role\":\"user\",\"sid\":1}",
        "{\"sub\":\"99999999999999999999\",\"exp\":99999999999,\"iat\":1,\"jti\":\"x\",\"role\":"
        "\"user\",\"sid\":1}",
        "{\"sub\":\"7\",\"iat\":1,\"jti\":\"x\",\"role\":\"user\",\"sid\":1}",
        "{\"sub\":\"7\",\"exp\":\"99999999999\",\"iat\":1,\"jti\":\"x\",\"role\":\"user\",\"sid\":"
        "1}",
        "{\"sub\":\"7\",\"exp\":1e300,\"iat\":1,\"jti\":\"x\",\"role\":\"user\",\"sid\":1}",
        "{\"sub\":\"7\",\"exp\":9223372036854775807,\"iat\":1,\"jti\":\"x\",\"role\":\"user\","
        "\"sid\":1}",
        "{\"sub\":\"7\",\"exp\":-5,\"iat\":1,\"jti\":\"x\",\"role\":\"user\",\"sid\":1}",
        "{\"sub\":\"7\",\"exp\":1,\"iat\":1,\"jti\":\"x\",\"role\":\"user\",\"sid\":1}",
        "{\"sub\":\"7\",\"exp\":99999999999,\"iat\":1,\"jti\":\"x\",\"role\":\"user\"}",
        "{\"sub\":\"7\",\"exp\":99999999999,\"iat\":1,\"jti\":\"x\",\"role\":\"user\",\"sid\":0}",
        "{\"sub\":\"7\",\"exp\":99999999999,\"iat\":1,\"role\":\"user\",\"sid\":1}",
    };
    for (int i = 0; i < COUNT(wrong); i++)
        if (taken(with_payload(wrong[i]))) CHECK_STR(str_c(wrong[i]), S("a refused payload"));
    tear_down();
}

TEST(refuses_a_token_that_is_cut_lengthened_or_changed_anywhere) {
    set_up();
    Str token = token_of(7, 600);
    for (ptrdiff_t len = 0; len < token.len; len++) {
        CHECK(!taken(str_slice(token, 0, len)));
        char *changed = str_cstr(c.arena, token);
        changed[len] = changed[len] == 'A' ? 'B' : 'A';
        if (!str_eq(str_c(changed), token)) CHECK(!taken(str_c(changed)));
    }
    CHECK(!taken(str_concat(c.arena, token, S("."))));
    CHECK(!taken(str_concat(c.arena, token, S("="))));
    CHECK(!taken(str_concat(c.arena, token, S("A"))));
    CHECK(!taken(str_concat(c.arena, S("."), token)));
    char *large = arena_alloc(c.arena, 1, MIB);
    memset(large, 'a', (size_t)MIB);
    CHECK(!taken(str_of(large, MIB)));
    tear_down();
}

TEST(opens_what_it_sealed_under_the_present_and_the_previous_key) {
    set_up();
    Str plain = S("EAAB token with \xC3\xA9"), opened;
    Str sealed = secret_seal(&c, plain), again = secret_seal(&c, plain);
    CHECK(str_find(sealed, S("EAAB")) < 0);
    CHECK(!str_eq(sealed, again));
    REQUIRE(secret_open(&c, sealed, &opened) == NULL);
    CHECK_STR(opened, plain);
    REQUIRE(secret_open(&c, secret_seal(&c, S("")), &opened) == NULL);
    CHECK_STR(opened, S(""));
    CHECK(str_is_null(secret_seal(&c, (Str){NULL, 0})));

    settings.secret_key_previous = settings.secret_key;
    settings.secret_key = S("another secret key of more than forty chars");
    REQUIRE(secret_open(&c, sealed, &opened) == NULL);
    CHECK_STR(opened, plain);
    settings.secret_key_previous = S("");
    CHECK(secret_open(&c, sealed, &opened) != NULL);
    tear_down();
}

TEST(refuses_a_sealed_secret_that_is_cut_or_changed_anywhere) {
    set_up();
    Str sealed = secret_seal(&c, S("a token")), opened;
    for (ptrdiff_t i = 0; i < sealed.len; i++) {
        CHECK(secret_open(&c, str_slice(sealed, 0, i), &opened) != NULL);
        char *changed = str_cstr(c.arena, sealed);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        if (!str_eq(str_c(changed), sealed))
            CHECK(secret_open(&c, str_c(changed), &opened) != NULL);
        CHECK(str_is_null(opened));
    }
    tear_down();
}

T_MAIN(T_ROW(reads_what_it_made), T_ROW(names_algorithm_and_key_in_its_header),
       T_ROW(refuses_an_expired_token_from_its_last_second_on),
       T_ROW(takes_tokens_of_the_previous_key_and_of_no_other),
       T_ROW(refuses_every_other_header_though_signed_with_our_key),
       T_ROW(refuses_claims_that_are_missing_or_of_another_type),
       T_ROW(refuses_a_token_that_is_cut_lengthened_or_changed_anywhere),
       T_ROW(opens_what_it_sealed_under_the_present_and_the_previous_key),
       T_ROW(refuses_a_sealed_secret_that_is_cut_or_changed_anywhere))

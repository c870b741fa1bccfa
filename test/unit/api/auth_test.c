/* SPDX-License-Identifier: Apache-2.0
 * Accounts over a real database, on both engines: addresses, log-ins and their lock, refresh tokens and
 * their replay, keys, organisations. */
#include "api/auth.h"

#include <sodium.h>

#include "api/accounts.h"
#include "api/accounts_sql.h"
#include "api/base_settings.h"
#include "api/router.h"
#include "data/migrate.h"
#include "data/redis.h"
#define WORLD_MIGRATED
#include "unit/data/world.h"

/* Nothing here is routed or limited: parts of the App that the room's files name. */
Router *app_router(Ctx *c) {
    (void)c;
    return NULL;
}
Redis *app_redis(Ctx *c) {
    (void)c;
    return NULL;
}

enum { REPLAYS = 50 };

static bool set_up(Ctx *c) {
    int64_t applied;
    bool sound = sodium_init() >= 0;
    settings.secret_key = S("a secret key of forty characters, at least");
    settings.secret_key_previous = S("");
    settings.access_token_minutes = 30;
    settings.refresh_token_days = 30;
    return sound && good(migrate_up(c, &applied), "migrate_up", __FILE__, __LINE__);
}

static User user_made(Ctx *c, const char *email) {
    User user = {0};
    good(user_create(c, str_c(email), S("Somebody"), (Str){NULL, 0}, S("user"), &user),
         "user_create", __FILE__, __LINE__);
    return user;
}

static int64_t count_of(Ctx *c, Sql sql) {
    int64_t count = -1;
    good(db_int(c, sql, NO_ARGS, &count), "count", __FILE__, __LINE__);
    return count;
}

BOTH(every_statement_fits_the_schema) {
    REQUIRE(set_up(c));
    bool sqlite = db_engine(c) == ENGINE_SQLITE;
#define X(name, text)                                                \
    if (!str_ends(S(#name), sqlite ? S("_postgres") : S("_sqlite"))) \
        good(db_check(c, SQL(text)), #name, __FILE__, __LINE__);
    API_ACCOUNTS(X)
#undef X
}

BOTH(an_address_belongs_to_one_user_however_it_is_spelled) {
    REQUIRE(set_up(c));
    User user = user_made(c, "ada@example.org"), other, found;
    CHECK(user.id.value > 0 && user.is_active && uuid_valid(user.uid) && user.created_at.us > 0);
    CHECK_STR(user.password_hash, ((Str){NULL, 0}));
    CHECK(time_is_null(user.last_login_at));
    Err *err = user_create(c, S(" ADA@Example.Org"), S("x"), (Str){NULL, 0}, S("user"), &other);
    REQUIRE(err != NULL);
    CHECK_INT(err->kind, ERR_CONFLICT);
    CHECK_STR(err->detail, S("Email déjà utilisé"));
    MUST(user_by_email(c, S("Ada@example.org "), &found));
    CHECK_INT(found.id.value, user.id.value);
    FAILS(user_by_email(c, S("bob@example.org"), &found), NOT_FOUND);
    FAILS(user_by_email(c, S("not an address"), &found), NOT_FOUND);
    FAILS(user_create(c, S("not an address"), S("x"), (Str){NULL, 0}, S("user"), &other), INVALID);
    FAILS(user_create(c, S("x@example.org"), S("x"), (Str){NULL, 0}, S("root"), &other), INVALID);
    CHECK_INT(count_of(c, SQL("SELECT count(*) FROM users")), 1);
}

BOTH(a_user_is_changed_and_erased_with_all_that_hangs_on_it) {
    REQUIRE(set_up(c));
    User user = user_made(c, "ada@example.org"), found;
    TokenPair pair;
    Str key;
    Id id;
    MUST(auth_tokens_issue(c, &user, &pair));
    MUST(api_key_create(c, user.id, S("k"), S("*"), TIME_NULL, &key, &id));
    MUST(user_set_role(c, user.id, S("admin")));
    FAILS(user_set_role(c, user.id, S("root")), INVALID);
    FAILS(user_set_role(c, (Id){999}, S("admin")), NOT_FOUND);
    MUST(user_load(c, user.id, &found));
    CHECK_STR(found.role, S("admin"));
    MUST(user_delete(c, user.id));
    FAILS(user_load(c, user.id, &found), NOT_FOUND);
    FAILS(user_delete(c, user.id), NOT_FOUND);
    CHECK_INT(count_of(c, SQL("SELECT count(*) FROM sessions")), 0);
    CHECK_INT(count_of(c, SQL("SELECT count(*) FROM refresh_tokens")), 0);
    CHECK_INT(count_of(c, SQL("SELECT count(*) FROM api_keys")), 0);
    User next = user_made(c, "ada@example.org");
    CHECK(next.id.value > user.id.value);
    FAILS(auth_sign_in_with(c, pair.access_token), UNAUTHENTICATED);
}

BOTH(a_token_dies_with_its_log_in_its_user_or_its_password) {
    REQUIRE(set_up(c));
    User user = user_made(c, "ada@example.org");
    TokenPair a, b;
    MUST(auth_tokens_issue(c, &user, &a));
    MUST(auth_tokens_issue(c, &user, &b));
    CHECK_INT(a.expires_in, 1800);
    MUST(auth_sign_in_with(c, a.access_token));
    CHECK_INT(c->account.user.value, user.id.value);
    CHECK_INT(c->account.role, ROLE_USER);
    CHECK(!id_is_none(c->account.session) && id_is_none(c->account.api_key));

    MUST(user_set_role(c, user.id, S("analyst")));
    MUST(auth_sign_in_with(c, a.access_token));
    CHECK_INT(c->account.role, ROLE_ANALYST);

    MUST(auth_log_out(c, a.refresh_token));
    Err *err = auth_sign_in_with(c, a.access_token);
    REQUIRE(err != NULL);
    CHECK_STR(err->detail, S("Token invalide"));
    CHECK(id_is_none(c->account.user));
    MUST(auth_sign_in_with(c, b.access_token));

    MUST(user_set_active(c, user.id, false));
    err = auth_sign_in_with(c, b.access_token);
    REQUIRE(err != NULL);
    CHECK_STR(err->detail, S("Utilisateur introuvable"));
    MUST(user_set_active(c, user.id, true));
    MUST(auth_sign_in_with(c, b.access_token));

    MUST(user_set_password(c, user.id, S("a new password")));
    FAILS(auth_sign_in_with(c, b.access_token), UNAUTHENTICATED);
    User out;
    FAILS(auth_tokens_refresh(c, b.refresh_token, &out, &b), UNAUTHENTICATED);
}

BOTH(logging_out_ends_ones_own_log_ins_only) {
    REQUIRE(set_up(c));
    User ada = user_made(c, "ada@example.org"), bob = user_made(c, "bob@example.org"), out;
    TokenPair a1, a2, a3, a4, b;
    MUST(auth_tokens_issue(c, &ada, &a1));
    MUST(auth_tokens_issue(c, &ada, &a2));
    MUST(auth_tokens_issue(c, &ada, &a3));
    MUST(auth_tokens_issue(c, &ada, &a4));
    MUST(auth_tokens_issue(c, &bob, &b));
    MUST(auth_sign_in_with(c, a1.access_token));
    MUST(auth_log_out(c, b.refresh_token)); /* somebody else's: only our own log-in ends */
    FAILS(auth_sign_in_with(c, a1.access_token), UNAUTHENTICATED);
    MUST(auth_sign_in_with(c, b.access_token));
    MUST(auth_tokens_refresh(c, b.refresh_token, &out, &b));
    MUST(auth_sign_in_with(c, a2.access_token));
    MUST(auth_log_out(c, S("rt_nonsense")));
    FAILS(auth_sign_in_with(c, a2.access_token), UNAUTHENTICATED);
    MUST(auth_sign_in_with(c, a3.access_token));
    MUST(auth_log_out(c, (Str){NULL, 0})); /* that of the access token alone */
    FAILS(auth_tokens_refresh(c, a3.refresh_token, &out, &a3), UNAUTHENTICATED);
    MUST(auth_sign_in_with(c, a4.access_token));
    MUST(auth_log_out_everywhere(c));
    FAILS(auth_tokens_refresh(c, a4.refresh_token, &out, &a4), UNAUTHENTICATED);
    MUST(auth_sign_in_with(c, b.access_token));
}

BOTH(what_outlives_a_request_outlives_its_token_but_not_its_log_in) {
    REQUIRE(set_up(c));
    User ada = user_made(c, "ada@example.org");
    TokenPair pair;
    Id id;
    Str key;
    MUST(auth_tokens_issue(c, &ada, &pair));
    MUST(api_key_create(c, ada.id, S("k"), S("*"), TIME_NULL, &key, &id));
    MUST(auth_sign_in_with(c, pair.access_token));
    time_freeze(time_add(time_now(), 31 * US_PER_MINUTE));
    MUST(auth_again(c, pair.access_token));
    MUST(user_set_role(c, ada.id, S("analyst")));
    MUST(auth_again(c, pair.access_token));
    CHECK_INT(c->account.role, ROLE_ANALYST);
    MUST(auth_log_out(c, (Str){NULL, 0}));
    FAILS(auth_again(c, pair.access_token), UNAUTHENTICATED);
    time_freeze(TIME_NULL);
    MUST(auth_sign_in_with(c, key));
    MUST(auth_again(c, key));
    MUST(api_key_revoke(c, id));
    FAILS(auth_again(c, key), UNAUTHENTICATED);
}

BOTH(a_refresh_token_is_good_once_and_a_replay_ends_the_log_in) {
    REQUIRE(set_up(c));
    User user = user_made(c, "ada@example.org"), out;
    TokenPair first, second, third, other;
    MUST(auth_tokens_issue(c, &user, &first));
    MUST(auth_tokens_issue(c, &user, &other));
    CHECK(str_starts(first.refresh_token, S("rt_")) && first.refresh_token.len == 3 + 43);
    MUST(auth_tokens_refresh(c, first.refresh_token, &out, &second));
    CHECK_INT(out.id.value, user.id.value);
    CHECK(!str_eq(second.refresh_token, first.refresh_token));
    MUST(auth_sign_in_with(c, first.access_token));
    MUST(auth_sign_in_with(c, second.access_token));
    FAILS(auth_tokens_refresh(c, first.refresh_token, &out, &third), UNAUTHENTICATED);
    FAILS(auth_tokens_refresh(c, second.refresh_token, &out, &third), UNAUTHENTICATED);
    FAILS(auth_sign_in_with(c, second.access_token), UNAUTHENTICATED);
    MUST(auth_tokens_refresh(c, other.refresh_token, &out, &third));
    static const char *const wrong[] = {"", "rt_", "nonsense",
                                        "rt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    for (int i = 0; i < COUNT(wrong); i++)
        FAILS(auth_tokens_refresh(c, str_c(wrong[i]), &out, &third), UNAUTHENTICATED);
    CHECK_INT(count_of(c, SQL("SELECT count(*) FROM refresh_tokens WHERE token_hash LIKE 'rt%'")),
              0);
}

BOTH(a_refresh_token_expires) {
    REQUIRE(set_up(c));
    User user = user_made(c, "ada@example.org"), out;
    TokenPair pair, next;
    Time now = time_now();
    time_freeze(now);
    MUST(auth_tokens_issue(c, &user, &pair));
    time_freeze(time_add(now, 30 * US_PER_DAY));
    FAILS(auth_tokens_refresh(c, pair.refresh_token, &out, &next), UNAUTHENTICATED);
    time_freeze(time_add(now, 30 * US_PER_DAY - US_PER_SECOND));
    MUST(auth_tokens_refresh(c, pair.refresh_token, &out, &next));
    time_freeze(TIME_NULL);
}

typedef struct Replay {
    Str token;
    TokenPair pair;
    char refresh_token[64];
    ptrdiff_t len;
    bool won;
} Replay;

static Err *replay(Ctx *c, void *arg) {
    Replay *r = arg;
    User user;
    r->won = auth_tokens_refresh(c, r->token, &user, &r->pair) == NULL;
    if (!r->won) return NULL;
    r->len = r->pair.refresh_token.len;
    memcpy(r->refresh_token, r->pair.refresh_token.data, (size_t)r->len);
    return NULL;
}

BOTH(of_fifty_who_come_at_once_with_one_token_exactly_one_wins_and_the_family_ends) {
    REQUIRE(set_up(c));
    User user = user_made(c, "ada@example.org"), out;
    TokenPair pair, next;
    MUST(auth_tokens_issue(c, &user, &pair));
    static Replay replays[REPLAYS];
    Task tasks[REPLAYS];
    for (int i = 0; i < REPLAYS; i++) {
        replays[i] = (Replay){.token = pair.refresh_token};
        tasks[i] = (Task){.fn = replay, .arg = &replays[i]};
    }
    MUST(fork_join(c, tasks, REPLAYS));
    int winners = 0, winner = 0;
    for (int i = 0; i < REPLAYS; i++)
        if (replays[i].won) winners++, winner = i;
    CHECK_INT(winners, 1);
    Str won = str_of(replays[winner].refresh_token, replays[winner].len);
    FAILS(auth_tokens_refresh(c, won, &out, &next), UNAUTHENTICATED);
    FAILS(auth_sign_in_with(c, pair.access_token), UNAUTHENTICATED);
}

static Err *wrong_password(Ctx *c, void *arg) {
    User out;
    (void)arg;
    Err *err = auth_check_password(c, S("ada@example.org"), S("wrong"), &out);
    return err && err->kind == ERR_UNAUTHENTICATED ? NULL
           : err                                   ? err
                                                   : err_new(c, ERR_INTERNAL, __func__, "let in");
}

BOTH(five_wrong_passwords_lock_the_address_for_that_caller_only) {
    REQUIRE(set_up(c));
    User user, out;
    MUST(user_create(c, S("ada@example.org"), S("Ada"), S("the password"), S("user"), &user));
    Time now = time_now();
    time_freeze(now);
    c->client_ip = S("192.0.2.1");
    for (int i = 0; i < 5; i++) MUST(wrong_password(c, NULL));
    Err *err = auth_check_password(c, S("ADA@example.org"), S("the password"), &out);
    REQUIRE(err != NULL);
    CHECK_INT(err->kind, ERR_RATE_LIMITED);
    CHECK_INT(err->retry_after_s, 1);
    c->client_ip = S("192.0.2.2");
    MUST(auth_check_password(c, S("ada@example.org"), S("the password"), &out));
    CHECK_INT(out.last_login_at.us, now.us);
    c->client_ip = S("192.0.2.1");
    time_freeze(time_add(now, 2 * US_PER_SECOND));
    MUST(wrong_password(c, NULL)); /* the sixth: locked for two seconds */
    err = auth_check_password(c, S("ada@example.org"), S("the password"), &out);
    REQUIRE(err != NULL);
    CHECK_INT(err->retry_after_s, 2);
    time_freeze(time_add(now, 4 * US_PER_SECOND));
    MUST(auth_check_password(c, S("ada@example.org"), S("the password"), &out));
    MUST(wrong_password(c, NULL)); /* the count began anew */
    MUST(auth_check_password(c, S("ada@example.org"), S("the password"), &out));
    time_freeze(TIME_NULL);
}

BOTH(unknown_addresses_lock_in_the_same_way) {
    REQUIRE(set_up(c));
    User out;
    c->client_ip = S("192.0.2.1");
    time_freeze(time_now());
    for (int i = 0; i < 5; i++) MUST(wrong_password(c, NULL));
    FAILS(auth_check_password(c, S("ada@example.org"), S("x"), &out), RATE_LIMITED);
    FAILS(auth_check_password(c, S("no address"), S("x"), &out), UNAUTHENTICATED);
    CHECK_INT(count_of(c, SQL("SELECT count(*) FROM login_attempts WHERE subject LIKE '%ada%'")),
              0);
    time_freeze(TIME_NULL);
}

BOTH(a_burst_of_guesses_gets_hardly_more_tries_than_a_sequence) {
    REQUIRE(set_up(c));
    User user;
    MUST(user_create(c, S("ada@example.org"), S("Ada"), S("the password"), S("user"), &user));
    Task tasks[20];
    for (int i = 0; i < COUNT(tasks); i++) tasks[i] = (Task){.fn = wrong_password};
    Err *first = fork_join(c, tasks, COUNT(tasks));
    REQUIRE(first != NULL);
    CHECK_INT(first->kind, ERR_RATE_LIMITED);
    int tried = 0;
    for (int i = 0; i < COUNT(tasks); i++) tried += tasks[i].err == NULL;
    CHECK(tried >= 5 && tried <= 7);
}

BOTH(an_imported_bcrypt_hash_is_replaced_at_log_in) {
    REQUIRE(set_up(c));
    User user = user_made(c, "ada@example.org"), out;
    Str imported = S("$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW");
    MUST(db_exec(c, SQL("UPDATE users SET password_hash = $1"), ARGS(V(imported)), NULL));
    FAILS(auth_check_password(c, S("ada@example.org"), S("U*V"), &out), UNAUTHENTICATED);
    MUST(user_load(c, user.id, &out));
    CHECK_STR(out.password_hash, imported);
    MUST(auth_check_password(c, S("ada@example.org"), S("U*U"), &out));
    MUST(user_load(c, user.id, &out));
    CHECK(str_starts(out.password_hash, S("$argon2id$")));
    MUST(auth_check_password(c, S("ada@example.org"), S("U*U"), &out));
}

BOTH(nobody_logs_in_without_a_password_or_while_inactive) {
    REQUIRE(set_up(c));
    User provider = user_made(c, "provider@example.org"), ada, out;
    (void)provider;
    FAILS(auth_check_password(c, S("provider@example.org"), S(""), &out), UNAUTHENTICATED);
    MUST(user_create(c, S("ada@example.org"), S("Ada"), S("the password"), S("user"), &ada));
    MUST(user_set_active(c, ada.id, false));
    Err *err = auth_check_password(c, S("ada@example.org"), S("the password"), &out);
    REQUIRE(err != NULL);
    CHECK_STR(err->detail, S("Email ou mot de passe incorrect"));
}

BOTH(a_key_acts_for_its_user_until_it_expires_or_is_revoked) {
    REQUIRE(set_up(c));
    User user = user_made(c, "ada@example.org");
    Str key;
    Id id;
    Time now = time_now();
    time_freeze(now);
    MUST(api_key_create(c, user.id, S("ci"), S(" posts:read  search "), time_add(now, US_PER_DAY),
                        &key, &id));
    CHECK(str_starts(key, S("sk_")) && key.len == 3 + 43);
    MUST(auth_sign_in_with(c, key));
    CHECK_INT(c->account.user.value, user.id.value);
    CHECK_INT(c->account.api_key.value, id.value);
    CHECK_STR(c->account.scopes, S("posts:read search"));
    CHECK_INT(
        count_of(
            c, SQL("SELECT count(*) FROM api_keys WHERE key_hash LIKE 'sk%' OR length(hint) > 9")),
        0);

    Sql used = SQL2("SELECT last_used_at FROM api_keys",
                    "SELECT (extract(epoch FROM last_used_at) * 1000000)::bigint FROM api_keys");
    CHECK_INT(count_of(c, used), now.us);
    time_freeze(time_add(now, 59 * US_PER_SECOND));
    MUST(auth_sign_in_with(c, key));
    CHECK_INT(count_of(c, used), now.us);
    time_freeze(time_add(now, 61 * US_PER_SECOND));
    MUST(auth_sign_in_with(c, key));
    CHECK_INT(count_of(c, used), now.us + 61 * US_PER_SECOND);

    time_freeze(time_add(now, US_PER_DAY));
    FAILS(auth_sign_in_with(c, key), UNAUTHENTICATED);
    time_freeze(now);
    MUST(auth_sign_in_with(c, key));
    MUST(api_key_revoke(c, id));
    FAILS(auth_sign_in_with(c, key), UNAUTHENTICATED);
    FAILS(api_key_revoke(c, id), NOT_FOUND);
    FAILS(auth_sign_in_with(c, S("sk_")), UNAUTHENTICATED);
    FAILS(api_key_create(c, user.id, S("x"), S("posts read;drop"), TIME_NULL, &key, &id), INVALID);
    FAILS(api_key_create(c, user.id, S("x"), S(" "), TIME_NULL, &key, &id), INVALID);
    FAILS(api_key_create(c, user.id, S("x"), S("*"), now, &key, &id), INVALID);
    time_freeze(TIME_NULL);
}

BOTH(an_organisation_keeps_an_owner) {
    REQUIRE(set_up(c));
    User ada = user_made(c, "ada@example.org"), bob = user_made(c, "bob@example.org"),
         eve = user_made(c, "eve@example.org");
    Organisation org;
    Member member;
    MUST(organisation_create(c, ada.id, S("Analytical"), &org));
    CHECK_STR(org.role, S("owner"));
    FAILS(organisation_load(c, org.id, bob.id, &org), NOT_FOUND);
    MUST(member_add(c, org.id, bob.id, MEMBER_MEMBER, &member));
    CHECK_STR(member.email, S("bob@example.org"));
    FAILS(member_add(c, org.id, bob.id, MEMBER_ADMIN, &member), CONFLICT);
    FAILS(member_add(c, (Id){999}, bob.id, MEMBER_ADMIN, &member), NOT_FOUND);
    FAILS(member_remove(c, org.id, ada.id), CONFLICT);
    FAILS(member_change(c, org.id, ada.id, MEMBER_ADMIN, &member), CONFLICT);
    FAILS(member_remove(c, org.id, eve.id), NOT_FOUND);
    MUST(member_add(c, org.id, eve.id, MEMBER_ADMIN, &member));
    MUST(user_delete(c, ada.id));
    MemberRole role;
    MUST(organisation_role(c, org.id, eve.id, &role));
    CHECK_INT(role, MEMBER_OWNER);
    MUST(user_delete(c, eve.id));
    MUST(organisation_role(c, org.id, bob.id, &role));
    CHECK_INT(role, MEMBER_OWNER);
    MUST(user_delete(c, bob.id));
    CHECK_INT(count_of(c, SQL("SELECT count(*) FROM organisations")), 0);
}

typedef struct Leaving {
    Id organisation, user;
    bool left;
} Leaving;

static Err *leave(Ctx *c, void *arg) {
    Leaving *l = arg;
    l->left = member_remove(c, l->organisation, l->user) == NULL;
    return NULL;
}

BOTH(two_owners_who_leave_at_once_leave_one) {
    REQUIRE(set_up(c));
    User ada = user_made(c, "ada@example.org"), bob = user_made(c, "bob@example.org");
    for (int round = 0; round < 10; round++) {
        Organisation org;
        Member member;
        MUST(organisation_create(c, ada.id, S("Analytical"), &org));
        MUST(member_add(c, org.id, bob.id, MEMBER_OWNER, &member));
        Leaving a = {org.id, ada.id, false}, b = {org.id, bob.id, false};
        Task tasks[] = {{.fn = leave, .arg = &a}, {.fn = leave, .arg = &b}};
        MUST(fork_join(c, tasks, 2));
        CHECK_INT(a.left + b.left, 1);
    }
}

BOTH(a_key_of_an_organisation_dies_when_its_user_leaves) {
    REQUIRE(set_up(c));
    User ada = user_made(c, "ada@example.org"), bob = user_made(c, "bob@example.org");
    Organisation org;
    Member member;
    Str key;
    Id id;
    MUST(organisation_create(c, ada.id, S("Analytical"), &org));
    MUST(member_add(c, org.id, bob.id, MEMBER_ADMIN, &member));
    MUST(api_key_create_in(c, bob.id, org.id, S("k"), S("*"), TIME_NULL, &key, &id));
    MUST(auth_sign_in_with(c, key));
    CHECK_INT(c->account.organisation.value, org.id.value);
    MUST(member_remove(c, org.id, bob.id));
    FAILS(auth_sign_in_with(c, key), UNAUTHENTICATED);
}

BOTH(the_clean_up_erases_what_is_over_and_nothing_else) {
    REQUIRE(set_up(c));
    User user = user_made(c, "ada@example.org"), out;
    TokenPair old, fresh;
    Str key;
    Id id;
    Time now = time_now();
    time_freeze(now);
    MUST(auth_tokens_issue(c, &user, &old));
    MUST(api_key_create(c, user.id, S("old"), S("*"), time_add(now, US_PER_DAY), &key, &id));
    MUST(wrong_password(c, NULL));
    Time later = time_add(now, 31 * US_PER_DAY + US_PER_HOUR);
    time_freeze(later);
    MUST(auth_tokens_issue(c, &user, &fresh));
    MUST(api_key_create(c, user.id, S("fresh"), S("*"), time_add(later, US_PER_DAY), &key, &id));
    MUST(wrong_password(c, NULL));
    CHECK_INT(count_of(c, SQL("SELECT count(*) FROM sessions")), 2);
    MUST(accounts_module.jobs[0].run(c, NULL));
    CHECK_INT(count_of(c, SQL("SELECT count(*) FROM sessions")), 1);
    CHECK_INT(count_of(c, SQL("SELECT count(*) FROM refresh_tokens")), 1);
    CHECK_INT(count_of(c, SQL("SELECT count(*) FROM api_keys")), 1);
    MUST(auth_sign_in_with(c, key));
    MUST(auth_tokens_refresh(c, fresh.refresh_token, &out, &fresh));
    CHECK_INT(count_of(c, SQL("SELECT count(*) FROM login_attempts")), 2);
    time_freeze(time_add(later, 25 * US_PER_HOUR));
    MUST(accounts_module.jobs[0].run(c, NULL));
    CHECK_INT(count_of(c, SQL("SELECT count(*) FROM login_attempts")), 0);
    time_freeze(TIME_NULL);
}

BOTH(a_user_holds_so_many_log_ins_and_keys_and_no_more) {
    REQUIRE(set_up(c));
    User user = user_made(c, "ada@example.org");
    TokenPair first, last;
    Str key;
    Id id;
    MUST(auth_tokens_issue(c, &user, &first));
    MUST(auth_sign_in_with(c, first.access_token));
    Sql many =
        SQL2("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999) "
             "INSERT INTO sessions (user_id, created_at, expires_at) SELECT $1, $2, $3 FROM n",
             "INSERT INTO sessions (user_id, created_at, expires_at) SELECT $1, $2, $3 FROM "
             "generate_series(1, 999)");
    Time now = time_now();
    MUST(db_exec(c, many, ARGS(V(user.id), V(now), V(time_add(now, US_PER_DAY))), NULL));
    MUST(auth_sign_in_with(c, first.access_token));
    MUST(auth_tokens_issue(c, &user, &last));
    CHECK_INT(count_of(c, SQL("SELECT count(*) FROM sessions")), 1000);
    FAILS(auth_sign_in_with(c, first.access_token), UNAUTHENTICATED);
    MUST(auth_sign_in_with(c, last.access_token));
    for (int i = 0; i < 100; i++)
        MUST(api_key_create(c, user.id, S("k"), S("*"), TIME_NULL, &key, &id));
    FAILS(api_key_create(c, user.id, S("k"), S("*"), TIME_NULL, &key, &id), CONFLICT);
    MUST(api_key_revoke(c, id));
    MUST(api_key_create(c, user.id, S("k"), S("*"), TIME_NULL, &key, &id));
}

T_MAIN(BOTH_ROWS(every_statement_fits_the_schema),
       BOTH_ROWS(an_address_belongs_to_one_user_however_it_is_spelled),
       BOTH_ROWS(a_user_is_changed_and_erased_with_all_that_hangs_on_it),
       BOTH_ROWS(a_token_dies_with_its_log_in_its_user_or_its_password),
       BOTH_ROWS(logging_out_ends_ones_own_log_ins_only),
       BOTH_ROWS(what_outlives_a_request_outlives_its_token_but_not_its_log_in),
       BOTH_ROWS(a_refresh_token_is_good_once_and_a_replay_ends_the_log_in),
       BOTH_ROWS(a_refresh_token_expires),
       BOTH_ROWS(of_fifty_who_come_at_once_with_one_token_exactly_one_wins_and_the_family_ends),
       BOTH_ROWS(five_wrong_passwords_lock_the_address_for_that_caller_only),
       BOTH_ROWS(unknown_addresses_lock_in_the_same_way),
       BOTH_ROWS(a_burst_of_guesses_gets_hardly_more_tries_than_a_sequence),
       BOTH_ROWS(an_imported_bcrypt_hash_is_replaced_at_log_in),
       BOTH_ROWS(nobody_logs_in_without_a_password_or_while_inactive),
       BOTH_ROWS(a_key_acts_for_its_user_until_it_expires_or_is_revoked),
       BOTH_ROWS(an_organisation_keeps_an_owner), BOTH_ROWS(two_owners_who_leave_at_once_leave_one),
       BOTH_ROWS(a_key_of_an_organisation_dies_when_its_user_leaves),
       BOTH_ROWS(the_clean_up_erases_what_is_over_and_nothing_else),
       BOTH_ROWS(a_user_holds_so_many_log_ins_and_keys_and_no_more))

/* SPDX-License-Identifier: Apache-2.0
 * Idempotency-Key over HTTP, on both engines: one effect a key, whatever the callers and crashes
 * do. */
#include "api/accounts.h"
#include "api/api_sql.h"
#include "unit/api/api_world.h"
#include "unit/api/notes_example.h"

typedef struct Charge {
    Str name;
    int64_t amount, number;
} Charge;
static const Field charge_fields[] = {
    FIELD(Charge, name, .flags = F_REQUIRED),
    FIELD(Charge, amount, .fallback = "1"),
    FIELD(Charge, number, .flags = F_READONLY),
};
static const Record charge_record = RECORD(Charge, charge_fields);

static _Atomic int64_t charges, gate_waiting;
static _Atomic bool gate_open;

/* By its name it does one thing or another. */
static Err *charge(Ctx *c, Call *k) {
    const Charge *in = k->in;
    Charge *out = call_out(k);
    *out = *in;
    out->number = ++charges;
    reply_header(k->r, S("X-Charge"), strf(c->arena, "%lld", (long long)out->number));
    if (str_eq(in->name, S("wait"))) {
        gate_waiting++;
        while (!gate_open) TRY(sleep_ms(c, 2));
    }
    if (str_eq(in->name, S("fail"))) FAIL(c, UPSTREAM, "no answer");
    if (str_eq(in->name, S("taken"))) FAIL(c, CONFLICT, "taken");
    if (str_eq(in->name, S("greedy")))
        for (int i = 0; i < 1000; i++) *(char *)arena_bytes(c->arena, 64 * KIB) = 1;
    if (str_eq(in->name, S("huge"))) {
        Buf b = buf_new(c->arena, 2 * MIB);
        for (int i = 0; i < 1100 * 1024; i++) buf_byte(&b, 'x');
        out->name = buf_str(&b);
    }
    return NULL;
}

/* The effect and the answer in one transaction, which then fails if so asked. */
static Err *pay_in(Ctx *c, void *arg) {
    Call *k = arg;
    Charge *out = call_out(k);
    *out = *(const Charge *)k->in;
    TRY(db_int(c, SQL("INSERT INTO payments (name) VALUES ($1) RETURNING id"), ARGS(V(out->name)),
               &out->number));
    TRY(call_settle(c, k));
    if (str_eq(out->name, S("rolled back"))) FAIL(c, PAYMENT_REQUIRED, "no money");
    return NULL;
}
static Err *pay(Ctx *c, Call *k) {
    if (str_eq(((const Charge *)k->in)->name, S("overtaken"))) /* its lease ran out, say */
        TRY(db_exec(c, SQL("UPDATE idempotency_keys SET claim = 'of another'"), NO_ARGS, NULL));
    TRY(db_transaction(c, pay_in, k));
    const Charge *in = k->in;
    if (str_eq(in->name, S("crash"))) FAIL(c, INTERNAL, "the process ended here");
    return NULL;
}

static const Route routes[] = {
    {POST, "/charge", charge, .access = ACCESS_USER, .in = &charge_record, .out = &charge_record,
     .status = 201, .idempotent = true},
    {POST, "/other", charge, .access = ACCESS_OPEN, .in = &charge_record, .out = &charge_record,
     .idempotent = true},
    {POST, "/pay", pay, .access = ACCESS_USER, .in = &charge_record, .out = &charge_record,
     .idempotent = true},
};
static const Module charges_module = {
    .name = "charges", .routes = routes, .route_count = COUNT(routes)};
static const Module *const modules[] = {&charges_module, &notes_module};

static const char *ada, *bob;

static bool begin(Ctx *c) {
    charges = gate_waiting = 0;
    gate_open = false;
    ada = bob = NULL;
    if (!api_begin(c, modules, COUNT(modules))) return false;
    Sql payments = SQL2("CREATE TABLE payments (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT",
                        "CREATE TABLE payments (id bigserial PRIMARY KEY, name text NOT NULL)");
    if (!good(db_exec(c, payments, NO_ARGS, NULL), "payments", __FILE__, __LINE__)) return false;
    if (!good(db_exec(c, SQL2(notes_sqlite, notes_postgres), NO_ARGS, NULL), "notes", __FILE__,
              __LINE__))
        return false;
    ada = signed_in(c, "ada@example.org", "user", NULL);
    bob = signed_in(c, "bob@example.org", "user", NULL);
    return true;
}

#define API(name)                  \
    static void name##_in(Ctx *c); \
    BOTH(name) {                   \
        REQUIRE(begin(c));         \
        name##_in(c);              \
        api_end(c);                \
    }                              \
    static void name##_in(Ctx *c)

static Answer keyed(Ctx *c, const char *path, const char *who, const char *key, const char *json) {
    const char *lines =
        str_cstr(c->arena, strf(c->arena, "%sIdempotency-Key: %s\r\n", who ? who : "", key));
    return send_json(c, "POST", path, lines, json);
}

API(every_statement_fits_the_schema) {
#define X(name, text) good(db_check(c, SQL(text)), #name, __FILE__, __LINE__);
    API_API(X)
#undef X
}

API(the_same_request_again_gets_the_same_answer) {
    Answer first = keyed(c, "/charge", ada, "k1", "{\"name\":\"a\"}");
    CHECK_INT(first.status, 201);
    CHECK_HEADER(first, "Idempotency-Replayed", ((Str){0}));
    Answer again = keyed(c, "/charge/", ada, "k1", "{\"name\":\"a\"}");
    CHECK_INT(again.status, 201);
    CHECK_STR(again.body, first.body);
    CHECK_HEADER(again, "X-Charge", S("1"));
    CHECK_HEADER(again, "Idempotency-Replayed", S("true"));
    CHECK(!str_eq(header_of(c, again, "X-Request-ID"), header_of(c, first, "X-Request-ID")));
    CHECK_INT(charges, 1);
    CHECK_INT(keyed(c, "/charge", ada, "k2", "{\"name\":\"a\"}").status, 201);
    CHECK_INT(charges, 2);
    CHECK_INT(send_json(c, "POST", "/charge", ada, "{\"name\":\"a\"}").status, 201);
    CHECK_INT(charges, 3);
}

API(another_request_under_the_same_key_is_422) {
    keyed(c, "/charge", ada, "k1", "{\"name\":\"a\"}");
    CHECK_DETAIL(keyed(c, "/charge", ada, "k1", "{\"name\":\"b\"}"), 422,
                 S("This Idempotency-Key was used for another request."));
    CHECK_INT(keyed(c, "/charge?x=1", ada, "k1", "{\"name\":\"a\"}").status, 422);
    CHECK_INT(charges, 1);
}

API(a_key_is_its_callers_own) {
    CHECK_INT(keyed(c, "/charge", ada, "k1", "{\"name\":\"a\"}").status, 201);
    Answer other = keyed(c, "/charge", bob, "k1", "{\"name\":\"b\"}");
    CHECK_INT(other.status, 201);
    CHECK_HEADER(other, "Idempotency-Replayed", ((Str){0}));
    CHECK_INT(keyed(c, "/other", NULL, "k1", "{\"name\":\"c\"}").status, 200);
    CHECK_INT(charges, 3);
}

API(a_malformed_key_is_400) {
    static const char *const bad[] = {"a b", "", "\xC3\xA9"};
    for (ptrdiff_t i = 0; i < COUNT(bad); i++)
        CHECK_INT(keyed(c, "/charge", ada, bad[i], "{\"name\":\"a\"}").status, 400);
    Buf b = buf_new(c->arena, 300);
    for (int i = 0; i < 256; i++) buf_byte(&b, 'k');
    CHECK_INT(keyed(c, "/charge", ada, str_cstr(c->arena, buf_str(&b)), "{\"name\":\"a\"}").status,
              400);
    CHECK_INT(charges, 0);
}

API(what_was_not_understood_takes_no_key) {
    CHECK_INT(keyed(c, "/charge", ada, "k1", "{}").status, 422);
    CHECK_INT(keyed(c, "/charge", ada, "k1", "{\"name\":\"a\"}").status, 201);
}

API(a_failure_of_ours_lets_the_key_go_and_one_of_theirs_keeps_it) {
    CHECK_INT(keyed(c, "/charge", ada, "k1", "{\"name\":\"fail\"}").status, 502);
    CHECK_INT(keyed(c, "/charge", ada, "k1", "{\"name\":\"fail\"}").status, 502);
    CHECK_INT(charges, 2);
    CHECK_INT(keyed(c, "/charge", ada, "k3", "{\"name\":\"greedy\"}").status, 503);
    CHECK_INT(keyed(c, "/charge", ada, "k3", "{\"name\":\"a\"}").status, 201);
    CHECK_INT(charges, 4);
    CHECK_INT(keyed(c, "/charge", ada, "k2", "{\"name\":\"taken\"}").status, 409);
    Answer again = keyed(c, "/charge", ada, "k2", "{\"name\":\"taken\"}");
    CHECK_INT(again.status, 409);
    CHECK_HEADER(again, "Idempotency-Replayed", S("true"));
    CHECK_INT(charges, 5);
}

API(an_answer_too_large_to_keep_is_not_carried_out_again) {
    CHECK_INT(keyed(c, "/charge", ada, "k1", "{\"name\":\"huge\"}").status, 201);
    CHECK_INT(keyed(c, "/charge", ada, "k1", "{\"name\":\"huge\"}").status, 409);
    CHECK_INT(charges, 1);
}

typedef struct Caller {
    const char *lines;
    const char *json;
    int status;
    bool replayed;
} Caller;
static Err *call_one(Ctx *c, void *arg) {
    Caller *one = arg;
    Answer a = send_json(c, "POST", "/charge", one->lines, one->json);
    one->status = a.status;
    one->replayed = header_of(c, a, "Idempotency-Replayed").data != NULL;
    return NULL;
}
static Err *open_the_gate(Ctx *c, void *arg) {
    Caller *late = arg;
    for (int i = 0; i < 5000 && gate_waiting == 0; i++) TRY(sleep_ms(c, 2));
    TRY(call_one(c, late)); /* while the first one runs */
    gate_open = true;
    return NULL;
}

API(while_it_runs_the_same_request_is_409) {
    const char *lines = str_cstr(c->arena, strf(c->arena, "%sIdempotency-Key: k\r\n", ada));
    Caller first = {.lines = lines, .json = "{\"name\":\"wait\"}"}, late = first;
    Task tasks[] = {{.fn = call_one, .arg = &first}, {.fn = open_the_gate, .arg = &late}};
    REQUIRE(good(fork_join(c, tasks, 2), "fork_join", __FILE__, __LINE__));
    CHECK_INT(first.status, 201);
    CHECK_INT(late.status, 409);
    CHECK_INT(charges, 1);
    CHECK_HEADER(keyed(c, "/charge", ada, "k", "{\"name\":\"wait\"}"), "Idempotency-Replayed",
                 S("true"));
}

API(of_many_at_once_one_is_carried_out) {
    enum { CALLERS = 24 };
    Caller callers[CALLERS];
    Task tasks[CALLERS];
    const char *lines = str_cstr(c->arena, strf(c->arena, "%sIdempotency-Key: k\r\n", ada));
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (Caller){.lines = lines, .json = "{\"name\":\"a\"}"};
        tasks[i] = (Task){.fn = call_one, .arg = &callers[i]};
    }
    REQUIRE(good(fork_join(c, tasks, CALLERS), "fork_join", __FILE__, __LINE__));
    int first = 0;
    for (int i = 0; i < CALLERS; i++) {
        first += callers[i].status == 201 && !callers[i].replayed;
        CHECK(callers[i].status == 201 || callers[i].status == 409);
    }
    CHECK_INT(first, 1);
    CHECK_INT(charges, 1);
}

/* What a crash leaves: a claim that nobody holds. */
static void claim_left_behind(Ctx *c) {
    Sql unsettle =
        SQL("UPDATE idempotency_keys SET status = NULL, body = NULL, content_type = NULL");
    good(db_exec(c, unsettle, NO_ARGS, NULL), "unsettle", __FILE__, __LINE__);
}

API(a_claim_cut_off_by_a_crash_is_taken_over_after_its_lease) {
    Time now = time_now();
    time_freeze(now);
    keyed(c, "/charge", ada, "k", "{\"name\":\"a\"}");
    claim_left_behind(c);
    time_freeze(time_add(now, 119 * US_PER_SECOND));
    CHECK_INT(keyed(c, "/charge", ada, "k", "{\"name\":\"a\"}").status, 409);
    time_freeze(time_add(now, 121 * US_PER_SECOND));
    CHECK_INT(keyed(c, "/charge", ada, "k", "{\"name\":\"b\"}").status, 422);
    CHECK_INT(keyed(c, "/charge", ada, "k", "{\"name\":\"a\"}").status, 201);
    CHECK_INT(charges, 2);
    CHECK_HEADER(keyed(c, "/charge", ada, "k", "{\"name\":\"a\"}"), "Idempotency-Replayed",
                 S("true"));
    time_freeze(TIME_NULL);
}

API(a_key_is_free_again_after_a_day) {
    Time now = time_now();
    time_freeze(now);
    keyed(c, "/other", NULL, "k", "{\"name\":\"a\"}");
    time_freeze(time_add(now, 24 * US_PER_HOUR - US_PER_SECOND));
    CHECK_HEADER(keyed(c, "/other", NULL, "k", "{\"name\":\"a\"}"), "Idempotency-Replayed",
                 S("true"));
    time_freeze(time_add(now, 24 * US_PER_HOUR + US_PER_SECOND));
    CHECK_INT(keyed(c, "/other", NULL, "k", "{\"name\":\"b\"}").status, 200);
    CHECK_INT(charges, 2);
    time_freeze(TIME_NULL);
}

static int64_t payments(Ctx *c) {
    int64_t count = -1;
    good(db_int(c, SQL("SELECT count(*) FROM payments"), NO_ARGS, &count), "payments", __FILE__,
         __LINE__);
    return count;
}

API(settled_in_its_transaction_the_answer_outlives_what_comes_after) {
    CHECK_INT(keyed(c, "/pay", ada, "k", "{\"name\":\"crash\"}").status, 500);
    Answer again = keyed(c, "/pay", ada, "k", "{\"name\":\"crash\"}");
    CHECK_INT(again.status, 200);
    CHECK_STR(again.body, S("{\"name\":\"crash\",\"amount\":1,\"number\":1}"));
    CHECK_INT(payments(c), 1);
}

API(rolled_back_with_its_transaction_the_refusal_is_kept) {
    CHECK_INT(keyed(c, "/pay", ada, "k", "{\"name\":\"rolled back\"}").status, 402);
    Answer again = keyed(c, "/pay", ada, "k", "{\"name\":\"rolled back\"}");
    CHECK_INT(again.status, 402);
    CHECK_HEADER(again, "Idempotency-Replayed", S("true"));
    CHECK_INT(payments(c), 0);
}

API(whoever_was_overtaken_has_no_effect) {
    CHECK_INT(keyed(c, "/pay", ada, "k", "{\"name\":\"overtaken\"}").status, 409);
    CHECK_INT(payments(c), 0);
    int64_t settled = -1;
    MUST(db_int(c, SQL("SELECT count(*) FROM idempotency_keys WHERE status IS NOT NULL"), NO_ARGS,
                &settled));
    CHECK_INT(settled, 0);
}

API(creating_a_resource_twice_makes_one) {
    Answer first = keyed(c, "/api/v1/example-notes", ada, "k", "{\"title\":\"a\"}");
    Answer again = keyed(c, "/api/v1/example-notes", ada, "k", "{\"title\":\"a\"}");
    CHECK_INT(again.status, 201);
    CHECK_STR(again.body, first.body);
    CHECK_STR(header_of(c, again, "Location"), header_of(c, first, "Location"));
    CHECK_STR(header_of(c, again, "ETag"), header_of(c, first, "ETag"));
    CHECK_HEADER(ask(c, "GET", "/api/v1/example-notes", ada, (Str){0}), "X-Total-Count", S("1"));
    CHECK_INT(keyed(c, "/api/v1/example-notes", ada, "k2", "{\"title\":\"a\"}").status, 409);
    CHECK_INT(keyed(c, "/api/v1/example-notes", ada, "k2", "{\"title\":\"a\"}").status, 409);
}

T_MAIN(BOTH_ROWS(every_statement_fits_the_schema),
       BOTH_ROWS(the_same_request_again_gets_the_same_answer),
       BOTH_ROWS(another_request_under_the_same_key_is_422), BOTH_ROWS(a_key_is_its_callers_own),
       BOTH_ROWS(a_malformed_key_is_400), BOTH_ROWS(what_was_not_understood_takes_no_key),
       BOTH_ROWS(a_failure_of_ours_lets_the_key_go_and_one_of_theirs_keeps_it),
       BOTH_ROWS(an_answer_too_large_to_keep_is_not_carried_out_again),
       BOTH_ROWS(while_it_runs_the_same_request_is_409),
       BOTH_ROWS(of_many_at_once_one_is_carried_out),
       BOTH_ROWS(a_claim_cut_off_by_a_crash_is_taken_over_after_its_lease),
       BOTH_ROWS(a_key_is_free_again_after_a_day),
       BOTH_ROWS(settled_in_its_transaction_the_answer_outlives_what_comes_after),
       BOTH_ROWS(rolled_back_with_its_transaction_the_refusal_is_kept),
       BOTH_ROWS(whoever_was_overtaken_has_no_effect),
       BOTH_ROWS(creating_a_resource_twice_makes_one))

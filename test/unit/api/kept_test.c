/* SPDX-License-Identifier: Apache-2.0
 * Answers given again: only while nothing is committed, to the same account, at the same address. A
 * handler that counts its calls tells a kept answer from one made anew. */
#include <sqlite3.h>

#include "unit/api/api_world.h"

enum { LARGE = 70 * 1024, ROUNDS = 3 };

static int made;        /* answers that handlers have made */
static bool commits_in; /* the handler commits between its two looks */

typedef struct Note {
    int64_t count;
    Str text, who;
} Note;
static const Field note_fields[] = {FIELD(Note, count), FIELD(Note, text), FIELD(Note, who)};
static const Record note_record = RECORD(Note, note_fields);

static Err *note_put(Ctx *c, int64_t value) {
    return db_exec(c, SQL("UPDATE kept_one SET value = $1"), ARGS(V(value)), NULL);
}

static Err *note_get(Ctx *c, Call *k) {
    Note *out = call_out(k);
    made++;
    TRY(db_int(c, SQL("SELECT value FROM kept_one"), NO_ARGS, &out->count));
    if (commits_in) TRY(note_put(c, out->count + 1));
    out->who = c->account.email;
    out->text = k->q->query;
    reply_header(k->r, S("X-Said"), S("once"));
    return NULL;
}

static Err *note_list(Ctx *c, Call *k) {
    static Note notes[1] = {{.text = S_INIT("a"), .who = S_INIT("b")}};
    made++;
    call_list(c, k, (Rows){notes, 1}, 7, S("behind it"));
    return NULL;
}

static Err *note_large(Ctx *c, Call *k) {
    made++;
    char *text = arena_bytes(c->arena, LARGE);
    memset(text, 'x', LARGE);
    *(Note *)call_out(k) = (Note){.text = str_of(text, LARGE), .who = S("b")};
    return NULL;
}

static Err *note_long(Ctx *c, Call *k) {
    Note *out = call_out(k);
    made++;
    TRY(db_int(c, SQL("SELECT value FROM kept_one"), NO_ARGS, &out->count));
    Buf b = buf_new(c->arena, LARGE);
    for (int i = 0; i < 500; i++) buf_f(&b, "%lld, ", (long long)out->count * i);
    out->text = buf_str(&b);
    out->who = S("b");
    return NULL;
}

static Err *note_missing(Ctx *c, Call *k) {
    (void)k;
    made++;
    FAIL(c, NOT_FOUND, "Note not found");
}

static Err *note_tagged(Ctx *c, Call *k) {
    (void)c;
    made++;
    *(Note *)call_out(k) = (Note){.text = S("a"), .who = S("b")};
    k->r->etag = S("\"of its own\"");
    return NULL;
}

#define KEPT .access = ACCESS_USER, .scope = "notes:read", .out = &note_record, .kept = true
static const Route routes[] = {
    {GET, "/note", note_get, KEPT},
    {GET, "/notes", note_list, KEPT, .out_list = true},
    {GET, "/large", note_large, KEPT},
    {GET, "/long", note_long, KEPT},
    {GET, "/missing", note_missing, KEPT, .errors = "404"},
    {GET, "/tagged", note_tagged, KEPT},
    {GET, "/fresh", note_get, .access = ACCESS_USER, .scope = "notes:read", .out = &note_record},
};
static const Module module = {.name = "notes", .routes = routes, .route_count = COUNT(routes)};
static const Module *const modules[] = {&module};

static bool begin(Ctx *c) {
    made = 0;
    commits_in = false;
    if (!api_begin(c, modules, COUNT(modules))) return false;
    settings.kept_bytes = MIB;
    return good(db_exec(c, SQL("CREATE TABLE kept_one (value bigint)"), NO_ARGS, NULL), "notes",
                __FILE__, __LINE__) &&
           good(db_exec(c, SQL("INSERT INTO kept_one VALUES (1)"), NO_ARGS, NULL), "note", __FILE__,
                __LINE__);
}

/* On so many loops, each of which keeps its own. Where calls are counted, one. */
#define API_ON(loop_number, name)                                    \
    static void name##_in(Ctx *c, const char *who);                  \
    static void name(Ctx *c) {                                       \
        REQUIRE(begin(c));                                           \
        name##_in(c, signed_in(c, "ada@example.org", "user", NULL)); \
        api_end(c);                                                  \
    }                                                                \
    static void name##_sqlite(void) {                                \
        world.loops = (loop_number);                                 \
        world_run(ENGINE_SQLITE, name);                              \
    }
#define ON_BOTH(loop_number, name)        \
    API_ON(loop_number, name)             \
    static void name##_postgres(void) {   \
        world.loops = (loop_number);      \
        world_run(ENGINE_POSTGRES, name); \
    }                                     \
    static void name##_in(Ctx *c, const char *who)
#define API(name) ON_BOTH(2, name)
#define API_ALONE(name) ON_BOTH(1, name)
#define SQLITE_ALONE(name) \
    API_ON(1, name)        \
    static void name##_in(Ctx *c, const char *who)

static Answer ask_as(Ctx *c, const char *target, const char *lines) {
    return ask(c, "GET", target, lines, (Str){0});
}

/* An answer is kept from the second on. */
static Answer warm(Ctx *c, const char *target, const char *lines) {
    ask_as(c, target, lines);
    Answer a = ask_as(c, target, lines);
    made = 0;
    return a;
}

API_ALONE(an_answer_is_given_again_byte_for_byte) {
    bool keeps = db_engine(c) == ENGINE_SQLITE;
    Answer first = ask_as(c, "/note?a=1", who);
    CHECK_INT(first.status, 200);
    warm(c, "/note?a=1", who);
    Answer again = ask_as(c, "/note?a=1", who);
    CHECK_INT(made, keeps ? 0 : 1);
    CHECK_INT(again.status, 200);
    CHECK_STR(again.body, first.body);
    CHECK(header_of(c, first, "ETag").len > 0);
    CHECK_STR(header_of(c, again, "ETag"), header_of(c, first, "ETag"));
    CHECK_HEADER(again, "X-Said", S("once"));
    CHECK(!str_eq(header_of(c, again, "X-Request-ID"), header_of(c, first, "X-Request-ID")));
    const char *lines = str_cstr(c->arena, strf(c->arena, "%sIf-None-Match: %.*s\r\n", who,
                                                S_ARG(header_of(c, first, "ETag"))));
    CHECK_INT(ask_as(c, "/note?a=1", lines).status, 304);
    Answer head = ask(c, "HEAD", "/note?a=1", who, (Str){0});
    CHECK_INT(head.status, 200);
    CHECK_INT(head.body.len, 0);
}

API_ALONE(a_compressed_form_is_given_again_too) {
    const char *packed = str_cstr(c->arena, strf(c->arena, "%sAccept-Encoding: gzip\r\n", who));
    const char *other = str_cstr(c->arena, strf(c->arena, "%sAccept-Encoding: br\r\n", who));
    Answer plain = warm(c, "/long", who), first = ask_as(c, "/long", packed);
    CHECK_HEADER(first, "Content-Encoding", S("gzip"));
    CHECK(first.body.len > 0 && first.body.len < plain.body.len);
    for (int i = 0; i < ROUNDS; i++) {
        Answer again = ask_as(c, "/long", packed);
        CHECK_HEADER(again, "Content-Encoding", S("gzip"));
        CHECK_STR(again.body, first.body);
        CHECK_STR(header_of(c, again, "ETag"), header_of(c, first, "ETag"));
        CHECK_HEADER(ask_as(c, "/long", other), "Content-Encoding", S("br"));
        again = ask_as(c, "/long", who);
        CHECK_STR(again.body, plain.body);
        CHECK(!header_of(c, again, "Content-Encoding").data);
    }
    MUST(note_put(c, 5));
    warm(c, "/long", packed);
    Answer later = ask_as(c, "/long", packed);
    CHECK(!str_eq(later.body, first.body));
    CHECK(!str_eq(header_of(c, later, "ETag"), header_of(c, first, "ETag")));
}

API_ALONE(a_list_keeps_its_total_and_next_page) {
    Answer first = ask_as(c, "/notes", who);
    warm(c, "/notes", who);
    Answer again = ask_as(c, "/notes", who);
    CHECK_INT(made, db_engine(c) == ENGINE_SQLITE ? 0 : 1);
    CHECK_HEADER(again, "X-Total-Count", S("7"));
    CHECK_STR(header_of(c, again, "Link"), header_of(c, first, "Link"));
    CHECK_STR(again.body, first.body);
}

API(a_commit_is_seen_by_the_next_answer) {
    for (int64_t value = 10; value < 40; value++) {
        MUST(note_put(c, value));
        for (int i = 0; i < ROUNDS; i++)
            CHECK_INT(json_integer_value(json_at(ask_as(c, "/note", who).json, "count")), value);
    }
}

API(what_was_committed_while_it_was_made_is_not_hidden) {
    commits_in = true;
    for (int64_t value = 1; value < 10; value++)
        CHECK_INT(json_integer_value(json_at(ask_as(c, "/note", who).json, "count")), value);
}

API_ALONE(accounts_and_addresses_do_not_share_answers) {
    const char *other = signed_in(c, "bob@example.org", "user", NULL);
    warm(c, "/note?a=1", who);
    CHECK_STR(json_str(json_at(ask_as(c, "/note?a=1", other).json, "who")), S("bob@example.org"));
    CHECK_STR(json_str(json_at(ask_as(c, "/note?a=2", who).json, "text")), S("a=2"));
    CHECK_STR(json_str(json_at(ask_as(c, "/note?a=1", who).json, "who")), S("ada@example.org"));
    CHECK_INT(ask_as(c, "/note?a=1", NULL).status, 401);
}

API_ALONE(who_may_not_ask_any_more_is_refused) {
    User user;
    const char *eve = signed_in(c, "eve@example.org", "user", &user);
    warm(c, "/note", eve);
    MUST(user_set_active(c, user.id, false));
    CHECK_INT(ask_as(c, "/note", eve).status, 401);
    MUST(user_set_active(c, user.id, true));
    warm(c, "/note", eve);
    MUST(db_exec(c, SQL("UPDATE sessions SET revoked_at = created_at WHERE user_id = $1"),
                 ARGS(V(user.id)), NULL));
    CHECK_INT(ask_as(c, "/note", eve).status, 401);
    MUST(user_delete(c, user.id));
    CHECK_INT(ask_as(c, "/note", eve).status, 401);
    CHECK_INT(made, 0);
    CHECK_INT(ask_as(c, "/note", who).status, 200);
}

API_ALONE(a_key_without_the_scope_is_refused) {
    User user;
    const char *eve = signed_in(c, "eve@example.org", "user", &user);
    warm(c, "/note", eve);
    CHECK_INT(ask_as(c, "/note", with_key(c, user.id, "posts:read")).status, 403);
    CHECK_INT(ask_as(c, "/note", with_key(c, user.id, "notes:read")).status, 200);
    CHECK_INT(ask_as(c, "/note", who).status, 200);
}

API_ALONE(errors_large_answers_and_tags_of_ones_own_are_not_kept) {
    static const char *const targets[] = {"/large", "/missing", "/tagged", "/fresh"};
    for (ptrdiff_t i = 0; i < COUNT(targets); i++) {
        int status = warm(c, targets[i], who).status;
        Answer a = ask_as(c, targets[i], who);
        CHECK_INT(a.status, status);
        CHECK_INT(made, 1);
    }
    CHECK_HEADER(ask_as(c, "/tagged", who), "ETag", S("\"of its own\""));
}

API_ALONE(nothing_is_kept_when_told_so) {
    settings.kept_bytes = 0;
    warm(c, "/note", who);
    ask_as(c, "/note", who);
    CHECK_INT(made, 1);
}

/* More addresses than there is room for: each is answered rightly, again and again. */
API_ALONE(many_addresses_crowd_each_other_out_and_stay_right) {
    settings.kept_bytes = 140 * KIB;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < 100; i++) {
            ArenaMark mark = arena_mark(c->arena);
            Defer *defers = c->defers;
            char padding[300] = {0};
            memset(padding, 'p', sizeof padding - 1);
            Str query = strf(c->arena, "%d&%s", i, padding);
            const char *target = str_cstr(c->arena, strf(c->arena, "/note?%.*s", S_ARG(query)));
            CHECK_STR(json_str(json_at(ask_as(c, target, who).json, "text")), query);
            ctx_undo(c, defers);
            arena_release(c->arena, mark);
        }
    }
}

/* Not through our writer: as the command line does beside a running server. */
SQLITE_ALONE(another_process_is_seen_too) {
    sqlite3 *db = NULL;
    const char *path = str_cstr(c->arena, strf(c->arena, "%s/socle.db", world.folder));
    CHECK_INT(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    for (int64_t value = 100; value < 110; value++) {
        warm(c, "/note", who);
        CHECK_INT(made, 0);
        const char *sql =
            str_cstr(c->arena, strf(c->arena, "UPDATE kept_one SET value = %lld", (long long)value));
        CHECK_INT(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
        CHECK_INT(json_integer_value(json_at(ask_as(c, "/note", who).json, "count")), value);
    }
    CHECK_INT(sqlite3_exec(db, "UPDATE users SET is_active = 0", NULL, NULL, NULL), SQLITE_OK);
    CHECK_INT(ask_as(c, "/note", who).status, 401);
    sqlite3_close(db);
}

T_MAIN(BOTH_ROWS(an_answer_is_given_again_byte_for_byte),
       BOTH_ROWS(a_compressed_form_is_given_again_too),
       BOTH_ROWS(a_list_keeps_its_total_and_next_page),
       BOTH_ROWS(a_commit_is_seen_by_the_next_answer),
       BOTH_ROWS(what_was_committed_while_it_was_made_is_not_hidden),
       BOTH_ROWS(accounts_and_addresses_do_not_share_answers),
       BOTH_ROWS(who_may_not_ask_any_more_is_refused),
       BOTH_ROWS(a_key_without_the_scope_is_refused),
       BOTH_ROWS(errors_large_answers_and_tags_of_ones_own_are_not_kept),
       BOTH_ROWS(nothing_is_kept_when_told_so),
       BOTH_ROWS(many_addresses_crowd_each_other_out_and_stay_right),
       T_ROW(another_process_is_seen_too_sqlite))

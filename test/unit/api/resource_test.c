/* SPDX-License-Identifier: Apache-2.0
 * Resources over HTTP, on both engines: the example notes, and one of an organisation with
 * hooks. */
#include "api/accounts.h"
#include "api/api.h"
#include "unit/api/api_world.h"
#include "unit/api/notes_example.h"

#define NOTES "/api/v1/example-notes"

/* -- a resource of an organisation or of its user, with a text id, hooks and PUT --------------- */

typedef struct Sheet {
    Str id;
    Id user_id, organisation_id;
    int64_t position;
    Str name, secret, kind;
    JsonText extra;
} Sheet;
static const Field sheet_fields[] = {
    FIELD(Sheet, id, .flags = F_READONLY),
    FIELD(Sheet, user_id, .flags = F_OWNER),
    FIELD(Sheet, organisation_id, .flags = F_OWNER),
    FIELD(Sheet, position, .fallback = "0"),
    FIELD(Sheet, name, .flags = F_REQUIRED, .max = 20),
    FIELD(Sheet, secret, .flags = F_SECRET | F_NULLABLE),
    FIELD(Sheet, kind, .flags = F_IMMUTABLE, .fallback = "\"plain\""),
    FIELD(Sheet, extra, .flags = F_NULLABLE),
};
static const Record sheet_record = RECORD(Sheet, sheet_fields, .table = "sheets");

static int hooks_erased;
static Err *sheet_check(Ctx *c, void *record, const void *before) {
    Sheet *sheet = record;
    if (str_eq(sheet->name, S("forbidden"))) FAIL(c, INVALID, "That name is not for you.");
    if (before && ((const Sheet *)before)->position > sheet->position)
        FAIL(c, CONFLICT, "Only forwards.");
    return NULL;
}
static Err *sheet_after(Ctx *c, const void *record, const void *before) {
    if (!record) hooks_erased++;
    if (record && !before && str_eq(((const Sheet *)record)->name, S("late")))
        FAIL(c, INTERNAL, "after the insert");
    return NULL;
}

static const Resource sheet_resources[] = {
    {.path = "/sheets",
     .record = &sheet_record,
     .verbs = CRUD,
     .change_method = METHOD_PUT,
     .access = ACCESS_USER,
     .sort = "position",
     .deleted = "Sheet gone",
     .duplicate_status = 400,
     .check = sheet_check,
     .after_write = sheet_after},
    {.path = "/shelf",
     .record = &sheet_record,
     .verbs = LIST,
     .access = ACCESS_USER,
     .write_access = ACCESS_ADMIN},
};
static const Module sheets_module = {
    .name = "sheets", .resources = sheet_resources, .resource_count = COUNT(sheet_resources)};
static const Module *const modules[] = {&notes_module, &sheets_module};

static const char *ada, *bob;
static User ada_user;

static bool begin(Ctx *c) {
    if (!api_begin(c, modules, COUNT(modules))) return false;
    static const char sheets[] =
        "CREATE TABLE sheets (id text PRIMARY KEY, user_id bigint, organisation_id bigint,"
        " position bigint NOT NULL, name text NOT NULL UNIQUE, secret text, kind text NOT NULL, "
        "extra ";
    const char *sqlite = str_cstr(c->arena, strf(c->arena, "%stext)", sheets));
    const char *postgres = str_cstr(c->arena, strf(c->arena, "%sjsonb)", sheets));
    if (!good(db_exec(c, SQL2(notes_sqlite, notes_postgres), NO_ARGS, NULL), "notes", __FILE__,
              __LINE__))
        return false;
    if (!good(db_exec(c, SQL2(sqlite, postgres), NO_ARGS, NULL), "sheets", __FILE__, __LINE__))
        return false;
    ada = signed_in(c, "ada@example.org", "user", &ada_user);
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

static const char *path_of(Ctx *c, Answer a) {
    return str_cstr(c->arena, header_of(c, a, "Location"));
}
static Answer note_post(Ctx *c, const char *who, const char *title) {
    return send_json(c, "POST", NOTES, who,
                     str_cstr(c->arena, strf(c->arena, "{\"title\":\"%s\"}", title)));
}
static Answer with_match(Ctx *c, const char *method, const char *path, const char *who, Str etag,
                         const char *json) {
    const char *lines =
        str_cstr(c->arena, strf(c->arena, "%sIf-Match: %.*s\r\n", who, S_ARG(etag)));
    return json ? send_json(c, method, path, lines, json) : ask(c, method, path, lines, (Str){0});
}

API(a_note_lives_from_making_to_erasing) {
    Answer made = send_json(c, "POST", NOTES "/", ada,
                            "{\"title\":\" First \",\"stars\":4,\"tags\":[\"x\",\"y\"]}");
    CHECK_INT(made.status, 201);
    CHECK_STR(json_str(json_at(made.json, "title")), S("First"));
    CHECK_STR(json_str(json_at(made.json, "colour")), S("yellow"));
    CHECK(json_str(json_at(made.json, "created_at")).len > 0);
    CHECK_INT(json_integer_value(json_at(made.json, "user_id")), ada_user.id.value);
    const char *path = path_of(c, made);
    CHECK(str_starts(str_c(path), S(NOTES "/")));

    Answer read = ask(c, "GET", path, ada, (Str){0});
    CHECK_STR(read.body, made.body);
    CHECK_STR(header_of(c, read, "ETag"), header_of(c, made, "ETag"));

    Answer changed =
        send_json(c, "PATCH", path, ada, "{\"stars\":null,\"pinned\":true,\"body\":\"é\"}");
    CHECK_INT(changed.status, 200);
    CHECK(json_is_null(json_at(changed.json, "stars")) &&
          json_is_true(json_at(changed.json, "pinned")));
    CHECK_STR(json_str(json_at(changed.json, "title")), S("First"));
    CHECK_STR(json_str(json_path(changed.json, "tags.1")), S("y"));
    CHECK(!str_eq(header_of(c, changed, "ETag"), header_of(c, made, "ETag")));
    CHECK_STR(ask(c, "GET", path, ada, (Str){0}).body, changed.body);

    CHECK_INT(ask(c, "DELETE", path, ada, (Str){0}).status, 204);
    CHECK_DETAIL(ask(c, "GET", path, ada, (Str){0}), 404, S("Note not found"));
    CHECK_INT(ask(c, "DELETE", path, ada, (Str){0}).status, 404);
}

API(other_peoples_notes_are_not_there) {
    const char *path = path_of(c, note_post(c, ada, "mine"));
    CHECK_INT(ask(c, "GET", path, bob, (Str){0}).status, 404);
    CHECK_INT(send_json(c, "PATCH", path, bob, "{\"title\":\"stolen\"}").status, 404);
    CHECK_INT(ask(c, "DELETE", path, bob, (Str){0}).status, 404);
    CHECK_INT(json_array_size(ask(c, "GET", NOTES, bob, (Str){0}).json), 0);
    CHECK_INT(json_array_size(ask(c, "GET", NOTES, ada, (Str){0}).json), 1);
    CHECK_INT(send_json(c, "POST", NOTES, bob, "{\"title\":\"x\",\"user_id\":1}").status, 422);
    CHECK_INT(note_post(c, bob, "mine").status, 201);
}

API(a_change_that_names_an_old_state_is_412_and_changes_nothing) {
    Answer made = note_post(c, ada, "a");
    const char *path = path_of(c, made);
    Str old = header_of(c, made, "ETag");
    Answer changed = with_match(c, "PATCH", path, ada, old, "{\"stars\":1}");
    CHECK_INT(changed.status, 200);
    Answer refused = with_match(c, "PATCH", path, ada, old, "{\"stars\":2}");
    CHECK_INT(refused.status, 412);
    CHECK_STR(json_str(json_at(refused.json, "code")), S("precondition_failed"));
    CHECK_INT(with_match(c, "DELETE", path, ada, old, NULL).status, 412);
    CHECK_INT(json_integer_value(json_at(ask(c, "GET", path, ada, (Str){0}).json, "stars")), 1);
    CHECK_INT(with_match(c, "PATCH", path, ada, S("*"), "{\"stars\":3}").status, 200);
    Str fresh = header_of(c, ask(c, "GET", path, ada, (Str){0}), "ETag");
    CHECK_INT(with_match(c, "DELETE", path, ada, fresh, NULL).status, 204);
    const char *unmodified =
        str_cstr(c->arena, strf(c->arena, "%sIf-None-Match: %.*s\r\n", ada, S_ARG(fresh)));
    path = path_of(c, note_post(c, ada, "b"));
    CHECK_INT(ask(c, "GET", path, unmodified, (Str){0}).status, 200);
    fresh = header_of(c, ask(c, "GET", path, ada, (Str){0}), "ETag");
    unmodified = str_cstr(c->arena, strf(c->arena, "%sIf-None-Match: %.*s\r\n", ada, S_ARG(fresh)));
    CHECK_INT(ask(c, "GET", path, unmodified, (Str){0}).status, 304);
}

API(a_second_one_of_the_same_title_is_409) {
    note_post(c, ada, "twice");
    CHECK_DETAIL(note_post(c, ada, "twice"), 409, S("A note with this title is there already"));
    const char *other = path_of(c, note_post(c, ada, "other"));
    CHECK_INT(send_json(c, "PATCH", other, ada, "{\"title\":\"twice\"}").status, 409);
    CHECK_HEADER(ask(c, "GET", NOTES, ada, (Str){0}), "X-Total-Count", S("2"));
}

/* Titles along the Link headers, comma-separated. */
static Str walked(Ctx *c, const char *target, int *pages) {
    Buf titles = buf_new(c->arena, 256);
    for (*pages = 0; target && *pages < 20; ++*pages) {
        Answer a = ask(c, "GET", target, ada, (Str){0});
        CHECK_INT(a.status, 200);
        for (size_t i = 0; i < json_array_size(a.json); i++)
            buf_f(&titles, "%.*s,", S_ARG(json_str(json_at(json_array_get(a.json, i), "title"))));
        Str link = header_of(c, a, "Link");
        ptrdiff_t end = str_find_byte(link, '>');
        target = end > 0 ? str_cstr(c->arena, str_slice(link, 1, end)) : NULL;
    }
    return buf_str(&titles);
}

API(a_list_is_paged_by_offset_page_and_cursor) {
    int pages;
    for (int i = 0; i < 7; i++) {
        time_freeze((Time){1700000000000000 +
                           (i / 2) * US_PER_SECOND}); /* pairs are made at the same time */
        char title[2] = {(char)('a' + i), 0};
        CHECK_INT(note_post(c, ada, title).status, 201);
    }
    time_freeze(TIME_NULL);
    CHECK_STR(walked(c, NOTES, &pages), S("g,f,e,d,c,b,a,"));
    CHECK_INT(pages, 3);
    CHECK_STR(walked(c, NOTES "?limit=2", &pages), S("g,f,e,d,c,b,a,"));
    CHECK_INT(pages, 4);
    CHECK_STR(walked(c, NOTES "?limit=7", &pages), S("g,f,e,d,c,b,a,"));
    CHECK_INT(pages, 1);
    CHECK_STR(walked(c, NOTES "?offset=5", &pages), S("b,a,"));
    CHECK_STR(walked(c, NOTES "?page=2&per_page=4", &pages), S("c,b,a,"));
    CHECK_STR(walked(c, NOTES "?offset=100", &pages), S(""));
    Answer a = ask(c, "GET", NOTES "?limit=2&offset=1", ada, (Str){0});
    CHECK_HEADER(a, "X-Total-Count", S("7"));
    static const char *const bad[] = {"limit=0", "limit=11",    "limit=x",  "offset=-1",
                                      "page=0",  "per_page=11", "limit=1e1"};
    for (ptrdiff_t i = 0; i < COUNT(bad); i++) {
        const char *target = str_cstr(c->arena, strf(c->arena, NOTES "?%s", bad[i]));
        CHECK_INT(ask(c, "GET", target, ada, (Str){0}).status, 422);
    }
}

API(a_forged_or_foreign_cursor_is_400) {
    for (int i = 0; i < 4; i++) note_post(c, ada, (const char *[]){"a", "b", "c", "d"}[i]);
    Str link = header_of(c, ask(c, "GET", NOTES, ada, (Str){0}), "Link");
    ptrdiff_t at = str_find(link, S("cursor=")) + 7;
    Str cursor = str_slice(link, at, str_find_byte(link, '>'));
    char *text = str_cstr(c->arena, cursor);
    CHECK_INT(
        ask(c, "GET", str_cstr(c->arena, strf(c->arena, NOTES "?cursor=%s", text)), ada, (Str){0})
            .status,
        200);
    CHECK_INT(
        ask(c, "GET", str_cstr(c->arena, strf(c->arena, "/sheets?cursor=%s", text)), ada, (Str){0})
            .status,
        400);
    for (ptrdiff_t i = 0; i < cursor.len; i += 5) {
        char former = text[i];
        text[i] = former == 'A' ? 'B' : 'A';
        CHECK_INT(ask(c, "GET", str_cstr(c->arena, strf(c->arena, NOTES "?cursor=%s", text)), ada,
                      (Str){0})
                      .status,
                  400);
        text[i] = former;
    }
    static const char *const bad[] = {"x", "AAAA", "!!", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    for (ptrdiff_t i = 0; i < COUNT(bad); i++)
        CHECK_INT(ask(c, "GET", str_cstr(c->arena, strf(c->arena, NOTES "?cursor=%s", bad[i])), ada,
                      (Str){0})
                      .status,
                  400);
    settings.secret_key_previous = settings.secret_key; /* the key was changed: cursors go on */
    settings.secret_key = S("another secret key of thirty-two bytes");
    text = str_cstr(c->arena, strf(c->arena, NOTES "?cursor=%s", text));
    CHECK_INT(ask(c, "GET", text, ada, (Str){0}).status, 200);
}

API(filters_are_equalities_of_their_type) {
    send_json(c, "POST", NOTES, ada,
              "{\"title\":\"a\",\"colour\":\"blue\",\"pinned\":true,\"stars\":0}");
    send_json(c, "POST", NOTES, ada, "{\"title\":\"b\",\"colour\":\"blue\"}");
    send_json(c, "POST", NOTES, ada, "{\"title\":\"c\",\"pinned\":true,\"stars\":5}");
    static const struct {
        const char *query, *total;
    } cases[] = {
        {"colour=blue", "2"},
        {"pinned=true", "2"},
        {"pinned=false", "1"},
        {"stars=0", "1"},
        {"stars=5&pinned=true", "1"},
        {"colour=blue&pinned=false", "1"},
        {"colour=yellow&pinned=false", "0"},
        {"", "3"},
    };
    for (ptrdiff_t i = 0; i < COUNT(cases); i++) {
        Answer a = ask(c, "GET", str_cstr(c->arena, strf(c->arena, NOTES "?%s", cases[i].query)),
                       ada, (Str){0});
        CHECK_HEADER(a, "X-Total-Count", str_c(cases[i].total));
        CHECK_STR(strf(c->arena, "%zu", json_array_size(a.json)), str_c(cases[i].total));
    }
    CHECK_INT(ask(c, "GET", NOTES "?colour=red", ada, (Str){0}).status, 422);
    CHECK_INT(ask(c, "GET", NOTES "?pinned=7", ada, (Str){0}).status, 422);
}

API(a_key_needs_the_scope_for_what_it_does) {
    const char *reader = with_key(c, ada_user.id, "notes:read"),
               *writer = with_key(c, ada_user.id, "notes:write"),
               *all = with_key(c, ada_user.id, "notes:*"),
               *other = with_key(c, ada_user.id, "posts:*");
    CHECK_INT(ask(c, "GET", NOTES, reader, (Str){0}).status, 200);
    CHECK_DETAIL(note_post(c, reader, "x"), 403, S("This API key lacks the scope notes:write."));
    CHECK_INT(note_post(c, writer, "x").status, 201);
    CHECK_INT(ask(c, "GET", NOTES, writer, (Str){0}).status, 403);
    CHECK_INT(note_post(c, all, "y").status, 201);
    CHECK_INT(ask(c, "GET", NOTES, other, (Str){0}).status, 403);
    CHECK_INT(ask(c, "GET", "/sheets", all, (Str){0}).status,
              403); /* a route without scope: only * */
    CHECK_INT(ask(c, "GET", "/sheets", with_key(c, ada_user.id, "*"), (Str){0}).status, 200);
    Answer a = ask(c, "GET", NOTES, NULL, (Str){0});
    CHECK_DETAIL(a, 401, S("Token manquant"));
    CHECK_HEADER(a, "WWW-Authenticate", S("Bearer realm=\"socle\""));
    a = ask(c, "GET", NOTES, "Authorization: Bearer x.y.z\r\n", (Str){0});
    CHECK_DETAIL(a, 401, S("Token invalide"));
    CHECK_HEADER(a, "WWW-Authenticate", S("Bearer realm=\"socle\", error=\"invalid_token\""));
}

API(hooks_are_part_of_the_transaction) {
    Answer a = send_json(c, "POST", "/sheets", ada,
                         "{\"name\":\"a\",\"position\":2,\"secret\":\"s\",\"extra\":{\"k\":[1]}}");
    CHECK_INT(a.status, 201);
    CHECK(!json_at(a.json, "secret"));
    CHECK_INT(json_integer_value(json_path(a.json, "extra.k.0")), 1);
    CHECK(uuid_valid(json_str(json_at(a.json, "id"))));
    const char *path = path_of(c, a);
    CHECK_DETAIL(send_json(c, "POST", "/sheets", ada, "{\"name\":\"forbidden\"}"), 422,
                 S("That name is not for you."));
    CHECK_INT(send_json(c, "POST", "/sheets", ada, "{\"name\":\"late\"}").status, 500);
    CHECK_INT(send_json(c, "PUT", path, ada, "{\"position\":1}").status, 409);
    CHECK_INT(send_json(c, "PUT", path, ada, "{\"kind\":\"fine\"}").status, 200);
    CHECK_STR(json_str(json_at(ask(c, "GET", path, ada, (Str){0}).json, "kind")), S("plain"));
    CHECK_INT(send_json(c, "POST", "/sheets", ada, "{\"name\":\"a\"}").status, 400);
    CHECK_HEADER(ask(c, "GET", "/sheets", ada, (Str){0}), "X-Total-Count", S("1"));
    hooks_erased = 0;
    a = ask(c, "DELETE", path, ada, (Str){0});
    CHECK_INT(a.status, 200);
    CHECK_STR(a.body, S("{\"message\":\"Sheet gone\"}"));
    CHECK_INT(hooks_erased, 1);
}

API(what_belongs_to_an_organisation_is_its_members) {
    Organisation org;
    Str key;
    Id id;
    REQUIRE(good(organisation_create(c, ada_user.id, S("Org"), &org), "organisation", __FILE__,
                 __LINE__));
    REQUIRE(good(api_key_create_in(c, ada_user.id, org.id, S("k"), S("*"), TIME_NULL, &key, &id),
                 "key", __FILE__, __LINE__));
    const char *within =
        str_cstr(c->arena, strf(c->arena, "Authorization: Bearer %.*s\r\n", S_ARG(key)));
    send_json(c, "POST", "/sheets", within, "{\"name\":\"ours\"}");
    send_json(c, "POST", "/sheets", ada, "{\"name\":\"mine\"}");
    Answer a = ask(c, "GET", "/sheets", within, (Str){0});
    CHECK_INT(json_array_size(a.json), 1);
    CHECK_STR(json_str(json_path(a.json, "0.name")), S("ours"));
    CHECK_INT(json_integer_value(json_path(a.json, "0.organisation_id")), org.id.value);
    a = ask(c, "GET", "/sheets", ada, (Str){0});
    CHECK_INT(json_array_size(a.json), 1);
    CHECK_STR(json_str(json_path(a.json, "0.name")), S("mine"));
}

/* -- concurrent writers ------------------------------------------------------------------------ */

typedef struct Racer {
    const char *path, *lines;
    Ctx *caller;
    int status;
} Racer;
static Err *race(Ctx *c, void *arg) {
    Racer *r = arg;
    r->status = send_json(c, "PATCH", r->path, r->lines, "{\"stars\":1}").status;
    return NULL;
}

API(of_many_who_saw_the_same_state_one_may_change_it) {
    enum { RACERS = 12 };
    Answer made = note_post(c, ada, "a");
    Racer racers[RACERS];
    Task tasks[RACERS];
    const char *path = path_of(c, made);
    const char *lines = str_cstr(
        c->arena, strf(c->arena, "%sIf-Match: %.*s\r\n", ada, S_ARG(header_of(c, made, "ETag"))));
    for (int i = 0; i < RACERS; i++) {
        racers[i] = (Racer){.path = path, .lines = lines, .caller = c};
        tasks[i] = (Task){.fn = race, .arg = &racers[i]};
    }
    REQUIRE(good(fork_join(c, tasks, RACERS), "fork_join", __FILE__, __LINE__));
    int won = 0, refused = 0;
    for (int i = 0; i < RACERS; i++)
        won += racers[i].status == 200, refused += racers[i].status == 412;
    CHECK_INT(won, 1);
    CHECK_INT(refused, RACERS - 1);
}

BOTH(a_resource_that_does_not_fit_its_table_stops_the_start) {
    static const Module *const both[] = {&notes_module, &api_module};
    Sql lacks = SQL2("CREATE TABLE example_notes (id INTEGER PRIMARY KEY) STRICT",
                     "CREATE TABLE example_notes (id bigint PRIMARY KEY)");
    int64_t applied;
    MUST(migrate_up(c, &applied));
    MUST(db_exec(c, lacks, NO_ARGS, NULL));
    world.app.router = router_new(both, COUNT(both));
    Err *err = api_module.start(c);
    REQUIRE(err != NULL);
    CHECK(str_find(err->detail, S("/api/v1/example-notes")) > 0);
    CHECK(str_find(err->detail, S("example_notes")) > 0);
    router_free(world.app.router);
}

T_MAIN(BOTH_ROWS(a_note_lives_from_making_to_erasing), BOTH_ROWS(other_peoples_notes_are_not_there),
       BOTH_ROWS(a_change_that_names_an_old_state_is_412_and_changes_nothing),
       BOTH_ROWS(a_second_one_of_the_same_title_is_409),
       BOTH_ROWS(a_list_is_paged_by_offset_page_and_cursor),
       BOTH_ROWS(a_forged_or_foreign_cursor_is_400),
       BOTH_ROWS(filters_are_equalities_of_their_type),
       BOTH_ROWS(a_key_needs_the_scope_for_what_it_does),
       BOTH_ROWS(hooks_are_part_of_the_transaction),
       BOTH_ROWS(what_belongs_to_an_organisation_is_its_members),
       BOTH_ROWS(of_many_who_saw_the_same_state_one_may_change_it),
       BOTH_ROWS(a_resource_that_does_not_fit_its_table_stops_the_start))

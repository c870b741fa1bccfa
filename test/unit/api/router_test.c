/* SPDX-License-Identifier: Apache-2.0
 * The router over HTTP: paths, methods, what every answer carries, bodies in and problems out. */
#include "unit/api/api_world.h"

typedef struct Thing {
    Id id;
    Str name;
    int64_t size;
    StrList tags;
    Time made_at;
} Thing;
static const Field thing_fields[] = {
    FIELD(Thing, id, .flags = F_READONLY),
    FIELD(Thing, name, .flags = F_REQUIRED, .min = 1, .max = 10),
    FIELD(Thing, size, .min = 0, .max = 9, .fallback = "3"),
    FIELD(Thing, tags, .max = 2, .fallback = "[]"),
    FIELD(Thing, made_at, .flags = F_READONLY | F_NULLABLE),
};
static const Record thing_record = RECORD(Thing, thing_fields);

typedef struct ThingQuery {
    int64_t limit;
    Str word;
    OptBool deep;
} ThingQuery;
static const Field thing_query_fields[] = {
    FIELD(ThingQuery, limit, .min = 1, .max = 5, .fallback = "2"),
    FIELD(ThingQuery, word, .flags = F_REQUIRED),
    FIELD(ThingQuery, deep),
};
static const Record thing_query_record = RECORD(ThingQuery, thing_query_fields);

/* Says which route it was and what its parameters were. */
static Err *which(Ctx *c, Call *k) {
    Buf b = buf_new(c->arena, 128);
    buf_f(&b, "%.*s", S_ARG(c->route));
    for (int i = 0; i < PATH_PARAMS_MAX && k->params[i].data; i++)
        buf_f(&b, " %.*s/%lld", S_ARG(k->params[i]), (long long)k->ids[i].value);
    reply_text(k->r, 200, S("text/plain"), buf_str(&b));
    k->answered = true;
    return NULL;
}
static Err *echo(Ctx *c, Call *k) {
    Thing *out = call_out(k);
    *out = *(const Thing *)k->in;
    out->id = (Id){(int64_t)k->present};
    (void)c;
    return NULL;
}
static Err *query(Ctx *c, Call *k) {
    const ThingQuery *q = k->query;
    Thing *out = call_out(k);
    out->size = q->limit;
    out->name = strf(c->arena, "%.*s %d", S_ARG(q->word), q->deep.set ? q->deep.value : -1);
    return NULL;
}
static Err *many(Ctx *c, Call *k) {
    static Thing things[2] = {{.id = {1}, .name = S_INIT("a"), .made_at = {0}},
                              {.id = {2}, .name = S_INIT("b"), .made_at = {1}}};
    call_list(c, k, (Rows){things, 2}, 7, S("more/of it"));
    return NULL;
}
static Err *boom(Ctx *c, Call *k) {
    reply_header(k->r, S("X-Half-Made"), S("yes"));
    Err *cause = err_new(c, ERR_INTERNAL, __func__, "password=hunter2");
    return err_wrap(c, ERR_INTERNAL, __func__, cause, "table users does not exist");
}
static Err *unset(Ctx *c, Call *k) {
    (void)k;
    FAIL(c, NOT_CONFIGURED, "Set GAMMA_API_KEY to use this.");
}
static int undone;
static void undo(void *arg) { ++*(int *)arg; }
static Err *greedy(Ctx *c, Call *k) {
    (void)k;
    defer(c, undo, &undone);
    for (int i = 0; i < 10000; i++) *(char *)arena_bytes(c->arena, 64 * KIB) = 1;
    return NULL;
}
static Err *late(Ctx *c, Call *k) {
    (void)k;
    TRY(sleep_ms(c, 10000));
    return NULL;
}
static Err *torn(Ctx *c, Call *k) {
    TRY(reply_begin(c, k->q, k->r));
    TRY(reply_write(c, k->q, k->r, S("half")));
    FAIL(c, INTERNAL, "it broke");
}
static Err *nothing(Ctx *c, Call *k) {
    (void)c, (void)k;
    return NULL;
}
static Err *html(Ctx *c, Call *k) {
    (void)c;
    reply_text(k->r, 200, S("text/html; charset=utf-8"), S("<p>x"));
    k->answered = true;
    return NULL;
}

#define OPEN .access = ACCESS_OPEN, .rate = RATE_NONE
static const Route routes[] = {
    {GET, "/", which, OPEN, .out_type = "text/plain"},
    {GET, "/t/literal", which, OPEN, .out_type = "text/plain"},
    {GET, "/t/literal/deep", which, OPEN, .out_type = "text/plain"},
    {GET, "/t/{word}", which, OPEN, .out_type = "text/plain"},
    {PUT, "/t/{word}", which, OPEN, .out_type = "text/plain"},
    {GET, "/t/{word}/more", which, OPEN, .out_type = "text/plain"},
    {GET, "/t/number/{n:int}", which, OPEN, .out_type = "text/plain"},
    {GET, "/t/strict/{n:int}/x", which, OPEN, .out_type = "text/plain",
     .not_integer = "Project ID invalide"},
    {GET, "/t/rest/{path*}", which, OPEN, .out_type = "text/plain"},
    {POST, "/things", echo, OPEN, .in = &thing_record, .out = &thing_record, .status = 201},
    {PATCH, "/things", echo, OPEN, .in = &thing_record, .in_change = true, .out = &thing_record},
    {GET, "/things", many, OPEN, .out = &thing_record, .out_list = true},
    {DELETE, "/things", nothing, OPEN},
    {POST, "/small", echo, OPEN, .in = &thing_record, .out = &thing_record, .body_limit = 20},
    {GET, "/query", query, OPEN, .query = &thing_query_record, .out = &thing_record},
    {GET, "/boom", boom, OPEN, .out = &thing_record},
    {GET, "/unset", unset, OPEN, .out = &thing_record},
    {GET, "/greedy", greedy, OPEN, .out = &thing_record},
    {GET, "/late", late, OPEN, .timeout_ms = 50},
    {GET, "/torn", torn, OPEN, .out_type = "text/plain"},
    {GET, "/html", html, OPEN, .out_type = "text/html"},
};

static void fields_add(Ctx *c, const Err *err, Str detail, JsonOut *o) {
    (void)c;
    json_key(o, S("success"));
    json_put_bool(o, false);
    json_key(o, S("error"));
    json_put_str(o, err_code(err));
    json_key(o, S("said"));
    json_put_str(o, detail);
}
static void wrap_open(Ctx *c, const Call *k, Buf *b) {
    (void)c, (void)k;
    buf_add(b, S("{\"success\":true,\"data\":"));
}
static void wrap_close(Ctx *c, const Call *k, Buf *b) {
    (void)c;
    buf_f(b, ",\"total\":%lld}", (long long)k->total);
}
static const Envelope envelope = {.open = wrap_open, .close = wrap_close, .problem = fields_add};
static const Route wrapped_routes[] = {
    {GET, "/wrapped/list", many, OPEN, .out = &thing_record, .out_list = true},
    {GET, "/wrapped/boom", boom, OPEN, .out = &thing_record},
    {POST, "/wrapped/one", echo, OPEN, .in = &thing_record, .out = &thing_record},
};
static const Module plain_module = {
    .name = "plain", .routes = routes, .route_count = COUNT(routes)};
static const Module wrapped_module = {.name = "wrapped",
                                      .routes = wrapped_routes,
                                      .route_count = COUNT(wrapped_routes),
                                      .envelope = &envelope};
static const Module *const modules[] = {&plain_module, &wrapped_module};

#define API(name)                                       \
    static void name##_in(Ctx *c);                      \
    ON_SQLITE(name) {                                   \
        REQUIRE(api_serve(c, modules, COUNT(modules))); \
        name##_in(c);                                   \
        api_end(c);                                     \
    }                                                   \
    static void name##_in(Ctx *c)
#define API_ROW(name) T_ROW(name##_sqlite)

API(finds_the_route_written_out_before_the_parameter) {
    static const struct {
        const char *method, *target, *want;
    } cases[] = {
        {"GET", "/", "/"},
        {"GET", "/t/literal", "/t/literal"},
        {"GET", "/t/literal/", "/t/literal"},
        {"GET", "/t/other", "/t/{word} other/0"},
        {"GET", "/t/d%C3%A9bat/", "/t/{word} débat/0"},
        {"GET", "/t/literal/more", "/t/{word}/more literal/0"},
        {"GET", "/t/literal/deep", "/t/literal/deep"},
        {"PUT", "/t/literal", "/t/{word} literal/0"},
        {"GET", "/t/number/-12", "/t/number/{n} -12/-12"},
        {"GET", "/t/strict/5/x", "/t/strict/{n}/x 5/5"},
        {"GET", "/t/rest/a/b/c.txt", "/t/rest/{path} a/b/c.txt/0"},
        {"GET", "/t/rest/a", "/t/rest/{path} a/0"},
        {"GET", "/t/rest", "/t/{word} rest/0"},
    };
    for (ptrdiff_t i = 0; i < COUNT(cases); i++) {
        Answer a = ask(c, cases[i].method, cases[i].target, NULL, (Str){0});
        CHECK_INT(a.status, 200);
        CHECK_STR(a.body, str_c(cases[i].want));
    }
}

API(what_is_not_there_is_404_and_a_bad_number_too) {
    static const char *const targets[] = {"/nothing",
                                          "/t",
                                          "/t//",
                                          "/t/a/b/c",
                                          "/t/number/x",
                                          "/t/number/1.0",
                                          "/t/number/99999999999999999999",
                                          "/things/1"};
    for (ptrdiff_t i = 0; i < COUNT(targets); i++)
        CHECK_DETAIL(get(c, targets[i]), 404, S("There is nothing at this address."));
    CHECK_DETAIL(get(c, "/t/strict/abc/x"), 400, S("Project ID invalide"));
}

API(another_method_is_405_with_what_is_allowed) {
    Answer a = ask(c, "PATCH", "/t/literal/", NULL, (Str){0});
    CHECK_INT(a.status, 405);
    CHECK_HEADER(a, "Allow", S("GET, HEAD, PUT, OPTIONS"));
    a = ask(c, "PUT", "/things", NULL, (Str){0});
    CHECK_HEADER(a, "Allow", S("GET, HEAD, POST, PATCH, DELETE, OPTIONS"));
    CHECK_STR(json_str(json_at(a.json, "code")), S("method_not_allowed"));
    a = ask(c, "OPTIONS", "/things", NULL, (Str){0});
    CHECK_INT(a.status, 204);
    CHECK_HEADER(a, "Allow", S("GET, HEAD, POST, PATCH, DELETE, OPTIONS"));
    CHECK_INT(ask(c, "OPTIONS", "/nothing", NULL, (Str){0}).status, 404);
    CHECK_INT(ask(c, "OPTIONS", "*", NULL, (Str){0}).status, 204);
    CHECK_INT(ask(c, "BREW", "/things", NULL, (Str){0}).status, 405);
}

API(head_follows_get) {
    Answer a = ask(c, "HEAD", "/things", NULL, (Str){0});
    CHECK_INT(a.status, 200);
    CHECK_STR(a.body, S(""));
    CHECK_HEADER(a, "X-Total-Count", S("7"));
    CHECK_STR(header_of(c, a, "Content-Length"), strf(c->arena, "%td", get(c, "/things").body.len));
}

API(every_answer_carries_the_security_headers_and_a_request_id) {
    static const char *const targets[] = {"/t/x", "/nothing", "/boom", "/t/%FF", "/greedy"};
    for (ptrdiff_t i = 0; i < COUNT(targets); i++) {
        Answer a = get(c, targets[i]);
        CHECK_HEADER(a, "X-Content-Type-Options", S("nosniff"));
        CHECK_HEADER(a, "X-Frame-Options", S("DENY"));
        CHECK_HEADER(a, "Content-Security-Policy", S("default-src 'none'; frame-ancestors 'none'"));
        CHECK(header_of(c, a, "Referrer-Policy").len > 0);
        CHECK(header_of(c, a, "Permissions-Policy").len > 0);
        CHECK_INT(header_of(c, a, "X-Request-ID").len, 32);
        CHECK_HEADER(a, "Strict-Transport-Security", ((Str){0}));
    }
    CHECK(str_starts(header_of(c, get(c, "/html"), "Content-Security-Policy"),
                     S("default-src 'self'")));
}

API(takes_a_sane_request_id_and_makes_its_own_else) {
    Answer a = ask(c, "GET", "/nothing", "X-Request-ID: Ab-9._z\r\n", (Str){0});
    CHECK_HEADER(a, "X-Request-ID", S("Ab-9._z"));
    CHECK_STR(json_str(json_at(a.json, "request_id")), S("Ab-9._z"));
    Buf b = buf_new(c->arena, 300);
    buf_add(&b, S("X-Request-ID: "));
    for (int i = 0; i < 129; i++) buf_byte(&b, 'a');
    buf_f(&b, "\r\n%c", 0);
    CHECK_INT(header_of(c, ask(c, "GET", "/t/x", b.data, (Str){0}), "X-Request-ID").len, 32);
    CHECK_INT(
        header_of(c, ask(c, "GET", "/t/x", "X-Request-ID: a b\r\n", (Str){0}), "X-Request-ID").len,
        32);
    CHECK_INT(
        header_of(c, ask(c, "GET", "/t/x", "X-Request-ID: a\"b\r\n", (Str){0}), "X-Request-ID").len,
        32);
}

API(a_body_becomes_the_struct_and_the_struct_the_answer) {
    Answer a = send_json(c, "POST", "/things", NULL, "{\"name\":\"é\",\"tags\":[\"x\"],\"id\":77}");
    CHECK_INT(a.status, 201);
    CHECK_STR(a.body, S("{\"id\":10,\"name\":\"é\",\"size\":3,\"tags\":[\"x\"],\"made_at\":null}"));
    a = send_json(c, "PATCH", "/things", NULL, "{\"size\":4}");
    CHECK_INT(a.status, 200);
    CHECK_STR(json_str(json_at(a.json, "name")), (Str){0});
    a = ask(c, "POST", "/things", "Content-Type: application/vnd.x+json; charset=\"UTF-8\"\r\n",
            S("{\"name\":\"a\"}"));
    CHECK_INT(a.status, 201);
    CHECK_INT(ask(c, "PATCH", "/things", NULL, (Str){0}).status, 200);
    a = ask(c, "DELETE", "/things", NULL, (Str){0});
    CHECK_INT(a.status, 204);
    CHECK_STR(a.body, S(""));
}

API(every_bad_field_is_named_at_once) {
    Answer a = send_json(c, "POST", "/things", NULL,
                         "{\"name\":\"\",\"size\":10,\"tags\":[1,\"a\"],\"colour\":1}");
    CHECK_INT(a.status, 422);
    CHECK_HEADER(a, "Content-Type", S("application/problem+json"));
    CHECK_STR(json_str(json_at(a.json, "code")), S("validation_error"));
    json_t *errors = json_at(a.json, "errors");
    CHECK_INT(json_array_size(errors), 4);
    static const char *const want[][2] = {
        {"colour", "unknown"}, {"name", "too_short"}, {"size", "max"}, {"tags.0", "type"}};
    for (ptrdiff_t i = 0; i < COUNT(want); i++) {
        json_t *one = json_array_get(errors, (size_t)i);
        CHECK_STR(json_str(json_at(one, "field")), str_c(want[i][0]));
        CHECK_STR(json_str(json_at(one, "code")), str_c(want[i][1]));
        CHECK(json_str(json_at(one, "message")).len > 0);
    }
    a = ask(c, "POST", "/things", NULL, (Str){0});
    CHECK_INT(a.status, 422);
    CHECK_STR(json_str(json_path(a.json, "errors.0.code")), S("required"));
    CHECK_INT(send_json(c, "POST", "/things", NULL, "[]").status, 422);
}

API(what_is_not_json_is_refused_with_its_place) {
    static const struct {
        const char *body, *place;
    } cases[] = {
        {"{\"name\":\n \"a\",}", "line 2, column"},
        {"{\"name\":\"\xFF\"}", "line 1, column"},
        {"{", "line 1, column"},
        {"{\"name\":\"a\",\"name\":\"b\"}", "line 1, column"},
        {"{} {}", "line 1, column"},
        {"{\"name\":\"a\\u0000\"}", "line 1"},
    };
    for (ptrdiff_t i = 0; i < COUNT(cases); i++) {
        Answer a = send_json(c, "POST", "/things", NULL, cases[i].body);
        CHECK_INT(a.status, 400);
        CHECK(str_find(json_str(json_at(a.json, "detail")), str_c(cases[i].place)) > 0);
    }
    CHECK_INT(ask(c, "POST", "/things", "Content-Type: text/plain\r\n", S("{}")).status, 415);
    CHECK_INT(ask(c, "POST", "/things", NULL, S("{}")).status, 415);
    CHECK_INT(
        ask(c, "POST", "/things", "Content-Type: application/json; charset=latin1\r\n", S("{}"))
            .status,
        415);
}

API(a_million_brackets_are_a_bad_request) {
    enum { DEEP = 1000000 };
    static const char *const starts[] = {"[", "{\"a\":"};
    for (ptrdiff_t k = 0; k < COUNT(starts); k++) {
        Buf b = buf_new(c->arena, DEEP * 5);
        for (int i = 0; i < DEEP; i++) buf_add(&b, str_c(starts[k]));
        Answer a = ask(c, "POST", "/things", "Content-Type: application/json\r\n", buf_str(&b));
        CHECK_INT(a.status, 400);
        CHECK(str_find(json_str(json_at(a.json, "detail")), S("JSON is not valid")) >= 0);
    }
    for (int deep = 100; deep <= 2050; deep += 650) {
        Buf b = buf_new(c->arena, DEEP);
        for (int i = 0; i < deep; i++) buf_byte(&b, '[');
        for (int i = 0; i < deep; i++) buf_byte(&b, ']');
        int status =
            ask(c, "POST", "/things", "Content-Type: application/json\r\n", buf_str(&b)).status;
        CHECK(status == 400 || status == 422);
    }
    Buf b = buf_new(c->arena, 4096); /* within a string they are text */
    buf_add(&b, S("{\"name\":\"\\\"\",\"tags\":[\"\\\\"));
    for (int i = 0; i < 1000; i++) buf_add(&b, S("[{\\\""));
    buf_add(&b, S("\"]}"));
    CHECK_INT(ask(c, "POST", "/things", "Content-Type: application/json\r\n", buf_str(&b)).status,
              201);
    CHECK_INT(get(c, "/t/x").status, 200);
}

API(a_body_over_the_routes_limit_is_413) {
    CHECK_INT(send_json(c, "POST", "/small", NULL, "{\"name\":\"abcdefghij\"}").status, 413);
    CHECK_INT(send_json(c, "POST", "/small", NULL, "{\"name\":\"abc\"}").status, 200);
}

API(query_parameters_become_the_struct) {
    Answer a = get(c, "/query?word=a%20b+c&deep=true&unheard=of");
    CHECK_STR(json_str(json_at(a.json, "name")), S("a b c 1"));
    a = get(c, "/query?limit=6&deep=maybe");
    CHECK_INT(a.status, 422);
    CHECK_INT(json_array_size(json_at(a.json, "errors")), 3);
    CHECK_INT(get(c, "/query?word=%FF").status, 400);
    CHECK_INT(get(c, "/query?word=%4").status, 400);
    CHECK_INT(get(c, "/things?x=%zz").status, 400);
}

API(accept_that_leaves_the_answer_out_is_406) {
    static const struct {
        const char *accept;
        int status;
    } cases[] = {
        {"*/*", 200},
        {"application/*", 200},
        {"application/json;q=0.1, text/html", 200},
        {"", 200},
        {"text/html,application/xhtml+xml,*/*;q=0.8", 200},
        {"text/html", 406},
        {"application/json;q=0", 406},
        {"*/*;q=1, application/json;q=0.0", 406},
        {"application/jsonp", 406},
        {"application/*;q=0, */*", 406},
    };
    for (ptrdiff_t i = 0; i < COUNT(cases); i++) {
        const char *line = str_cstr(c->arena, strf(c->arena, "Accept: %s\r\n", cases[i].accept));
        CHECK_INT(ask(c, "GET", "/things", line, (Str){0}).status, cases[i].status);
    }
}

API(a_list_tells_the_total_and_the_next_page) {
    Answer a = get(c, "/things?limit=2&cursor=old&word=a%26b&offset=3");
    CHECK_HEADER(a, "X-Total-Count", S("7"));
    CHECK_HEADER(a, "Link", S("</things?limit=2&word=a%26b&cursor=more%2Fof%20it>; rel=\"next\""));
    CHECK_INT(json_array_size(a.json), 2);
    CHECK_HEADER(get(c, "/things"), "Link", S("</things?cursor=more%2Fof%20it>; rel=\"next\""));
}

API(what_broke_within_is_not_shown) {
    Answer a = ask(c, "GET", "/boom", "X-Request-ID: r1\r\n", (Str){0});
    CHECK_DETAIL(a, 500,
                 S("Something went wrong on our side. If it happens again, please report the "
                   "request id r1."));
    CHECK(str_find(a.body, S("hunter2")) < 0 && str_find(a.body, S("users")) < 0);
    CHECK_HEADER(a, "X-Half-Made", ((Str){0}));
    CHECK_STR(json_str(json_at(a.json, "type")), S("urn:socle:problem:internal"));
    CHECK_STR(json_str(json_at(a.json, "title")), S("Internal error"));
    CHECK_STR(json_str(json_at(a.json, "instance")), S("/boom"));
    CHECK_INT(json_integer_value(json_at(a.json, "status")), 500);
    CHECK_DETAIL(get(c, "/unset"), 501, S("Set GAMMA_API_KEY to use this."));
}

API(a_handler_over_its_budget_ends_with_503_and_the_connection_lives) {
    Stream *s = NULL;
    Str text = S("GET /greedy HTTP/1.1\r\nHost: a\r\n\r\nGET /t/x HTTP/1.1\r\nHost: "
                 "a\r\nConnection: close\r\n\r\n");
    undone = 0;
    REQUIRE(good(stream_connect(c, S("127.0.0.1"), http_port(world.app.server), &s), "connect",
                 __FILE__, __LINE__));
    REQUIRE(good(stream_write(c, s, &text, 1), "write", __FILE__, __LINE__));
    Buf heard = buf_new(c->arena, 8192);
    for (ptrdiff_t n = 1; n > 0; heard.len += n)
        if (stream_read(c, s, buf_reserve(&heard, 4096), 4096, &n)) break;
    stream_close(s);
    CHECK(str_starts(buf_str(&heard), S("HTTP/1.1 503 ")));
    CHECK(str_find(buf_str(&heard), S("over_budget")) > 0);
    CHECK(str_find(buf_str(&heard), S("Retry-After: ")) > 0);
    CHECK(str_find(buf_str(&heard), S("HTTP/1.1 200 OK")) > 0);
    CHECK_INT(undone, 1);
}

API(a_routes_own_deadline_ends_it) { CHECK_INT(get(c, "/late").status, 504); }

API(a_stream_that_breaks_is_cut_short) {
    Answer a = get(c, "/torn");
    CHECK_INT(a.status, 200);
    CHECK(str_find(a.body, S("half")) >= 0);
    CHECK(!str_ends(a.body, S("0\r\n\r\n")));
}

API(browsers_of_allowed_origins_may_read) {
    Answer a = ask(c, "GET", "/t/x", "Origin: https://app.example\r\n", (Str){0});
    CHECK_HEADER(a, "Access-Control-Allow-Origin", S("https://app.example"));
    CHECK_HEADER(a, "Access-Control-Allow-Credentials", S("true"));
    CHECK_HEADER(a, "Vary", S("Origin"));
    CHECK_HEADER(ask(c, "GET", "/t/x", "Origin: http://localhost:5173\r\n", (Str){0}),
                 "Access-Control-Allow-Origin", S("http://localhost:5173"));
    static const char *const strangers[] = {
        "https://app.example.evil", "http://app.example",       "null",
        "http://localhost:",        "http://localhost:80.evil", "https://APP.example:443"};
    for (ptrdiff_t i = 0; i < COUNT(strangers); i++) {
        const char *line = str_cstr(c->arena, strf(c->arena, "Origin: %s\r\n", strangers[i]));
        a = ask(c, "GET", "/t/x", line, (Str){0});
        CHECK_HEADER(a, "Access-Control-Allow-Origin", ((Str){0}));
        CHECK_HEADER(a, "Vary", S("Origin"));
    }
    settings.cors_origins = S("*");
    a = ask(c, "GET", "/t/x", "Origin: https://any.example\r\n", (Str){0});
    CHECK_HEADER(a, "Access-Control-Allow-Origin", S("*"));
    CHECK_HEADER(a, "Access-Control-Allow-Credentials", ((Str){0}));
}

API(a_preflight_is_answered_without_the_handler) {
    const char *lines = "Origin: https://app.example\r\nAccess-Control-Request-Method: POST\r\n";
    Answer a = ask(c, "OPTIONS", "/things", lines, (Str){0});
    CHECK_INT(a.status, 204);
    CHECK_HEADER(a, "Access-Control-Allow-Methods", S("GET, HEAD, POST, PATCH, DELETE, OPTIONS"));
    CHECK(str_find(header_of(c, a, "Access-Control-Allow-Headers"), S("Authorization")) >= 0);
    CHECK_HEADER(a, "Access-Control-Allow-Origin", S("https://app.example"));
    a = ask(c, "OPTIONS", "/things",
            "Origin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\n", (Str){0});
    CHECK_INT(a.status, 204);
    CHECK_HEADER(a, "Access-Control-Allow-Methods", ((Str){0}));
}

API(a_modules_envelope_is_around_its_answers_and_problems) {
    Answer a = get(c, "/wrapped/list");
    CHECK_INT(json_array_size(json_at(a.json, "data")), 2);
    CHECK_INT(json_integer_value(json_at(a.json, "total")), 7);
    a = send_json(c, "POST", "/wrapped/one", NULL, "{\"name\":\"a\"}");
    CHECK_STR(json_str(json_path(a.json, "data.name")), S("a"));
    a = get(c, "/wrapped/boom");
    CHECK(json_is_false(json_at(a.json, "success")));
    CHECK_STR(json_str(json_at(a.json, "error")), S("internal"));
    CHECK(str_find(json_str(json_at(a.json, "said")), S("hunter2")) < 0); /* only what may be told */
    CHECK(!json_at(get(c, "/boom").json, "success"));
}

T_MAIN(API_ROW(finds_the_route_written_out_before_the_parameter),
       API_ROW(what_is_not_there_is_404_and_a_bad_number_too),
       API_ROW(another_method_is_405_with_what_is_allowed), API_ROW(head_follows_get),
       API_ROW(every_answer_carries_the_security_headers_and_a_request_id),
       API_ROW(takes_a_sane_request_id_and_makes_its_own_else),
       API_ROW(a_body_becomes_the_struct_and_the_struct_the_answer),
       API_ROW(every_bad_field_is_named_at_once),
       API_ROW(what_is_not_json_is_refused_with_its_place),
       API_ROW(a_million_brackets_are_a_bad_request), API_ROW(a_body_over_the_routes_limit_is_413),
       API_ROW(query_parameters_become_the_struct),
       API_ROW(accept_that_leaves_the_answer_out_is_406),
       API_ROW(a_list_tells_the_total_and_the_next_page), API_ROW(what_broke_within_is_not_shown),
       API_ROW(a_handler_over_its_budget_ends_with_503_and_the_connection_lives),
       API_ROW(a_routes_own_deadline_ends_it), API_ROW(a_stream_that_breaks_is_cut_short),
       API_ROW(browsers_of_allowed_origins_may_read),
       API_ROW(a_preflight_is_answered_without_the_handler),
       API_ROW(a_modules_envelope_is_around_its_answers_and_problems))

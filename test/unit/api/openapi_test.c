/* SPDX-License-Identifier: Apache-2.0
 * The OpenAPI document says what the router does: checked by its members here, against the running
 * server and the specification's own schema in test/api/test_platform.py. */
#include "api/accounts.h"
#include "api/api.h"
#include "unit/api/api_world.h"
#include "unit/api/notes_example.h"

typedef struct Inner {
    Str word;
} Inner;
static const Field inner_fields[] = {FIELD(Inner, word, .flags = F_REQUIRED)};
static const Record inner_record = RECORD(Inner, inner_fields);
typedef struct Outer {
    RecordList inners;
    Inner one;
} Outer;
static const Field outer_fields[] = {FIELD_LIST(Outer, inners, &inner_record),
                                     FIELD_RECORD(Outer, one, &inner_record)};
static const Record outer_record = RECORD(Outer, outer_fields);

static Err *nothing(Ctx *c, Call *k) {
    (void)c, (void)k;
    return NULL;
}
static const Route routes[] = {
    {POST, "/outer/{word}/{n:int}", nothing, .access = ACCESS_USER, .scope = "outer:write",
     .in = &outer_record, .out = &outer_record, .idempotent = true, .errors = "402",
     .doc = "Does \"it\""},
    {POST, "/upload", nothing, .access = ACCESS_OPEN, .in_raw = true,
     .in_type = "multipart/form-data", .status = 202},
    {GET, "/files/{path*}", nothing, .access = ACCESS_OPEN, .rate = RATE_NONE,
     .out_type = "image/png, image/jpeg"},
    {GET, "/envelope-of-none/{n:int}", nothing, .access = ACCESS_OPEN,
     .not_integer = "not a number"},
};
static const Envelope envelope = {.schema_open = "{\"type\":\"object\",\"properties\":{\"data\":",
                                  .schema_close = "}}"};
static const Module shapes_module = {
    .name = "shapes", .routes = routes, .route_count = COUNT(routes), .envelope = &envelope};
static const Module *const modules[] = {&api_module, &accounts_module, &notes_module,
                                        &shapes_module};

static bool begin(Ctx *c) {
    Sql notes = SQL2(notes_sqlite, notes_postgres);
    return good(db_exec(c, notes, NO_ARGS, NULL), "notes", __FILE__, __LINE__) &&
           api_begin(c, modules, COUNT(modules));
}

#define API(name)                               \
    static void name##_in(Ctx *c, json_t *doc); \
    ON_SQLITE(name) {                           \
        REQUIRE(begin(c));                      \
        Answer a = get(c, "/openapi.json");     \
        CHECK_INT(a.status, 200);               \
        CHECK(a.json != NULL);                  \
        if (a.json) name##_in(c, a.json);       \
        api_end(c);                             \
    }                                           \
    static void name##_in(Ctx *c, json_t *doc)

static json_t *operation(json_t *doc, const char *path, const char *method) {
    return json_at(json_at(json_at(doc, "paths"), path), method);
}

API(names_the_version_and_where_it_is) {
    (void)c;
    CHECK_STR(json_str(json_at(doc, "openapi")), S("3.1.0"));
    CHECK_STR(json_str(json_path(doc, "servers.0.url")), S("/"));
    CHECK_STR(json_str(json_path(doc, "components.securitySchemes.bearer.scheme")), S("bearer"));
}

API(every_route_is_there_once_under_an_id_of_its_own) {
    ptrdiff_t count;
    const Route *const *all = router_routes(world.app.router, &count);
    Map seen = {.arena = c->arena};
    int found = 0;
    const char *path, *method;
    json_t *item, *op;
    json_object_foreach(json_at(doc, "paths"), path, item) {
        json_object_foreach(item, method, op) {
            found++;
            CHECK(!map_set(&seen, json_str(json_at(op, "operationId")), (void *)(uintptr_t)1));
            CHECK(json_str(json_at(op, "summary")).len > 0 &&
                  json_array_size(json_at(op, "tags")) == 1);
        }
    }
    CHECK_INT(found, count);
    for (ptrdiff_t i = 1; i < count; i++) CHECK(strcmp(all[i - 1]->path, all[i]->path) <= 0);
    CHECK_STR(json_str(json_at(operation(doc, "/outer/{word}/{n}", "post"), "operationId")),
              S("postOuterByWordByN"));
}

API(a_resource_is_documented_with_its_parameters_bodies_and_errors) {
    (void)c;
    json_t *list = operation(doc, "/api/v1/example-notes", "get");
    CHECK_INT(json_array_size(json_at(list, "parameters")), 8);
    CHECK_STR(json_str(json_path(list, "parameters.0.name")), S("limit"));
    CHECK_INT(json_integer_value(json_path(list, "parameters.0.schema.maximum")), 10);
    CHECK_STR(json_str(json_path(list, "parameters.0.schema.type")), S("integer"));
    CHECK_STR(json_str(json_path(list, "parameters.6.schema.type")), S("boolean"));
    CHECK(json_path(list, "responses.200.headers.X-Total-Count") != NULL);
    json_t *create = operation(doc, "/api/v1/example-notes", "post");
    json_t *body =
        json_at(json_at(json_path(create, "requestBody.content"), "application/json"), "schema");
    CHECK_STR(json_str(json_at(body, "$ref")), S("#/components/schemas/ExampleNoteCreate"));
    CHECK(json_is_true(json_path(create, "requestBody.required")));
    static const char *const statuses[] = {"201", "400", "401", "403", "406",    "409",
                                           "413", "415", "422", "429", "default"};
    for (ptrdiff_t i = 0; i < COUNT(statuses); i++)
        CHECK(json_at(json_at(create, "responses"), statuses[i]) != NULL);
    CHECK_INT(json_object_size(json_at(create, "responses")), COUNT(statuses));
    json_t *change = operation(doc, "/api/v1/example-notes/{id}", "patch");
    CHECK_STR(json_str(json_path(change, "parameters.0.schema.format")), S("int64"));
    CHECK_STR(json_str(json_at(json_path(change, "parameters.1"), "$ref")),
              S("#/components/parameters/IfMatch"));
    CHECK(json_path(change, "responses.412") && json_path(change, "responses.404"));
    CHECK(json_path(operation(doc, "/api/v1/example-notes/{id}", "delete"), "responses.204") !=
          NULL);
    json_t *schemas = json_path(doc, "components.schemas");
    CHECK(!json_path(schemas, "ExampleNoteCreate.properties.user_id"));
    CHECK(json_path(schemas, "ExampleNote.properties.user_id") &&
          json_at(schemas, "ExampleNoteChange"));
}

API(a_route_is_documented_as_its_row_says) {
    (void)c;
    json_t *op = operation(doc, "/outer/{word}/{n}", "post");
    CHECK_STR(json_str(json_at(op, "summary")), S("Does \"it\""));
    CHECK_STR(json_str(json_path(op, "security.1.apiKey.0")), S("outer:write"));
    CHECK(json_path(op, "responses.402") && json_path(op, "responses.404"));
    json_t *answer =
        json_at(json_at(json_path(op, "responses.200.content"), "application/json"), "schema");
    CHECK_STR(json_str(json_at(json_path(answer, "properties.data"), "$ref")),
              S("#/components/schemas/Outer"));
    CHECK_STR(json_str(json_at(json_path(op, "parameters.2"), "$ref")),
              S("#/components/parameters/IdempotencyKey"));
    json_t *schemas = json_path(doc, "components.schemas");
    CHECK_STR(json_str(json_at(json_path(schemas, "OuterCreate.properties.inners.items"), "$ref")),
              S("#/components/schemas/InnerCreate"));
    CHECK(json_at(schemas, "Inner") && json_at(schemas, "InnerCreate") &&
          !json_at(schemas, "InnerChange"));
    op = operation(doc, "/upload", "post");
    CHECK(json_at(json_path(op, "requestBody.content"), "multipart/form-data") != NULL);
    CHECK(json_path(op, "responses.202") && !json_path(op, "responses.401"));
    CHECK_INT(json_array_size(json_at(op, "security")), 0);
    op = operation(doc, "/files/{path}", "get");
    CHECK_INT(json_object_size(json_path(op, "responses.200.content")), 2);
    CHECK(!json_path(op, "responses.429"));
    op = operation(doc, "/envelope-of-none/{n}", "get");
    CHECK(json_path(op, "responses.204") && json_path(op, "responses.400") &&
          !json_path(op, "responses.404"));
}

static int refs_checked;
static void refs_resolve(json_t *doc, json_t *at) {
    const char *key;
    json_t *value;
    size_t i;
    if (json_is_array(at)) json_array_foreach(at, i, value) refs_resolve(doc, value);
    if (!json_is_object(at)) return;
    json_object_foreach(at, key, value) {
        if (strcmp(key, "$ref") != 0) {
            refs_resolve(doc, value);
            continue;
        }
        json_t *target = doc;
        for (Str rest = json_str(value), name; rest.data;) {
            char text[128];
            rest = str_cut(rest, '/', &name);
            snprintf(text, sizeof text, "%.*s", S_ARG(name));
            target = strcmp(text, "#") == 0 ? doc : json_at(target, text);
        }
        CHECK(target != NULL);
        refs_checked++;
    }
}

API(every_reference_leads_somewhere) {
    (void)c;
    refs_checked = 0;
    refs_resolve(doc, doc);
    CHECK(refs_checked > 100);
}

ON_SQLITE(the_pages_for_people_load_what_they_name) {
    REQUIRE(begin(c));
    Answer a = get(c, "/docs/");
    CHECK_INT(a.status, 200);
    CHECK(str_find(a.body, S("/docs/start.js")) > 0);
    CHECK(str_find(header_of(c, a, "Content-Security-Policy"), S("script-src 'self'")) >= 0);
    CHECK_INT(get(c, "/docs/start.js").status, 200);
    CHECK(str_find(get(c, "/redoc").body, S("spec-url=\"/openapi.json\"")) > 0);
    CHECK_INT(get(c, "/docs/nothing.js").status, 404);
    bool embedded = str_find(a.body, S("src=\"/docs/swagger-ui-bundle.js\"")) > 0;
    CHECK(embedded || str_find(a.body, S("src=\"https://cdn.jsdelivr.net/")) > 0);
    if (embedded) {
        Answer plain = get(c, "/docs/swagger-ui.css");
        CHECK_INT(plain.status, 200);
        CHECK(str_find(plain.body, S(".swagger-ui")) >= 0);
        Answer zipped =
            ask(c, "GET", "/docs/swagger-ui.css", "Accept-Encoding: gzip\r\n", (Str){0});
        CHECK_HEADER(zipped, "Content-Encoding", S("gzip"));
        CHECK(zipped.body.len < plain.body.len);
        CHECK_INT(get(c, "/docs/swagger-ui-bundle.js").status, 200);
        CHECK_INT(get(c, "/docs/redoc.standalone.js").status, 200);
    }
    api_end(c);
}

T_MAIN(T_ROW(names_the_version_and_where_it_is_sqlite),
       T_ROW(every_route_is_there_once_under_an_id_of_its_own_sqlite),
       T_ROW(a_resource_is_documented_with_its_parameters_bodies_and_errors_sqlite),
       T_ROW(a_route_is_documented_as_its_row_says_sqlite),
       T_ROW(every_reference_leads_somewhere_sqlite),
       T_ROW(the_pages_for_people_load_what_they_name_sqlite))

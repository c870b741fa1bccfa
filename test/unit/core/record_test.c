/* SPDX-License-Identifier: Apache-2.0 */
#include "core/json.h"
#include "core/record.h"
#include "t.h"

typedef struct Metrics { OptInt likes, views; } Metrics;
typedef struct Post {
    Id id;
    Str name, secret, kind, email;
    bool enabled;
    int64_t count;
    double score;
    OptFloat mood;
    Time posted_at;
    StrList tags;
    JsonText extra;
    Metrics metrics;
    RecordList links;
} Post;
typedef struct Link { int64_t to; Str label; } Link;

static const Field metrics_fields[] = {FIELD(Metrics, likes, .min = 0, .max = 1000000), FIELD(Metrics, views)};
static const Record metrics_record = RECORD(Metrics, metrics_fields);
static const Field link_fields[] = {FIELD(Link, to, .flags = F_REQUIRED), FIELD(Link, label, .max = 5)};
static const Record link_record = RECORD(Link, link_fields);
static const char *const kinds[] = {"photo", "video", NULL};
static const Field post_fields[] = {
    FIELD(Post, id, .flags = F_READONLY),
    FIELD(Post, name, .flags = F_REQUIRED | F_TRIM, .min = 1, .max = 10),
    FIELD(Post, secret, .flags = F_SECRET),
    FIELD(Post, kind, .values = kinds, .fallback = "\"photo\""),
    FIELD(Post, email, .format = "email", .flags = F_NULLABLE | F_LOWER),
    FIELD(Post, enabled, .fallback = "true"),
    FIELD(Post, count, .min = 0, .max = 100),
    FIELD(Post, score),
    FIELD(Post, mood),
    FIELD(Post, posted_at, .flags = F_NULLABLE),
    FIELD(Post, tags, .max = 3),
    FIELD(Post, extra, .flags = F_NULLABLE),
    FIELD_RECORD(Post, metrics, &metrics_record),
    FIELD_LIST(Post, links, &link_record),
};
static const Record post_record = RECORD(Post, post_fields, .doc = "A post");

static Arena *arena;

static Err *read_as(const char *text, ReadMode mode, Post *out, FieldSet *present) {
    Ctx c = {.arena = arena};
    json_t *json;
    Err *err = json_parse(&c, str_c(text), &json);
    if (!err) err = record_read(&c, &post_record, json, mode, out, present);
    ctx_undo(&c, NULL);
    return err;
}

static Str written(const Post *p) {
    Buf b = buf_new(arena, 256);
    record_write(&b, &post_record, p);
    return buf_str(&b);
}

TEST(a_whole_record_goes_in_and_comes_out) {
    Post p;
    REQUIRE(!read_as("{\"name\":\"  Zoé \",\"secret\":\"s\",\"email\":\"A@B.fr\",\"count\":7,\"score\":1.5,\"mood\":null,"
                     "\"posted_at\":\"2026-11-21T10:00:00Z\",\"tags\":[\"a\",\"b\"],\"extra\":{\"x\":[1]},"
                     "\"metrics\":{\"likes\":3,\"views\":null},\"links\":[{\"to\":1,\"label\":\"l\"}]}", READ_CREATE, &p, NULL));
    CHECK_STR(p.name, S("Zoé"));
    CHECK_STR(p.kind, S("photo"));
    CHECK(p.enabled && !p.mood.set && p.metrics.likes.set && !p.metrics.views.set);
    CHECK_STR(written(&p), S("{\"id\":null,\"name\":\"Zoé\",\"kind\":\"photo\",\"email\":\"a@b.fr\",\"enabled\":true,\"count\":7,"
                             "\"score\":1.5,\"mood\":null,\"posted_at\":\"2026-11-21T10:00:00Z\",\"tags\":[\"a\",\"b\"],"
                             "\"extra\":{\"x\":[1]},\"metrics\":{\"likes\":3,\"views\":null},\"links\":[{\"to\":1,\"label\":\"l\"}]}"));
}

TEST(every_bad_field_is_named_at_once_with_its_path) {
    Post p;
    Err *err = read_as("{\"name\":\"much too long a name\",\"kind\":\"song\",\"email\":\"nobody\",\"enabled\":1,\"count\":101,"
                       "\"score\":\"x\",\"posted_at\":\"yesterday\",\"tags\":[\"a\",2,\"c\"],\"metrics\":{\"likes\":-1},"
                       "\"links\":[{\"label\":\"toolong\"}],\"who\":1}", READ_CREATE, &p, NULL);
    REQUIRE(err && err->kind == ERR_INVALID);
    static const char *const want[] = {"who unknown", "name too_long", "kind value", "email format", "enabled type", "count max",
                                       "score type", "posted_at format", "tags.1 type", "metrics.likes min", "links.0.to required",
                                       "links.0.label too_long"};
    REQUIRE(CHECK_INT(err->field_count, COUNT(want)));
    for (ptrdiff_t i = 0; i < COUNT(want); i++)
        CHECK_STR(strf(arena, "%.*s %.*s", S_ARG(err->fields[i].field), S_ARG(err->fields[i].code)), str_c(want[i]));
}

TEST(null_is_refused_where_it_is_not_a_value) {
    Post p;
    Err *err = read_as("{\"name\":null,\"email\":null,\"mood\":null}", READ_CREATE, &p, NULL);
    REQUIRE(err && CHECK_INT(err->field_count, 1));
    CHECK_STR(err->fields[0].field, S("name"));
}

TEST(a_change_takes_only_what_is_there) {
    Post p;
    FieldSet present;
    REQUIRE(!read_as("{\"count\":5}", READ_CHANGE, &p, &present));
    CHECK_INT(present, record_bit(&post_record, "count"));
    CHECK(!p.enabled && time_is_null(p.posted_at));
}

TEST(readonly_fields_sent_back_are_ignored) {
    Post p;
    REQUIRE(!read_as("{\"id\":99,\"name\":\"x\"}", READ_CREATE, &p, NULL));
    CHECK(id_is_none(p.id));
}

TEST(what_is_not_an_object_is_refused) {
    Post p;
    CHECK(read_as("[1]", READ_CREATE, &p, NULL) != NULL);
    CHECK(read_as("\"x\"", READ_CREATE, &p, NULL) != NULL);
    CHECK(read_as("{\"name\":\"a\\u0000b\"}", READ_CREATE, &p, NULL) != NULL);
}

typedef struct Query { int64_t limit; Str platform; Time from; StrList facets; bool trending; OptInt min_score; } Query;
static const Field query_fields[] = {
    FIELD(Query, limit, .min = 1, .max = 100, .fallback = "20"), FIELD(Query, platform), FIELD(Query, from),
    FIELD(Query, facets), FIELD(Query, trending), FIELD(Query, min_score),
};
static const Record query_record = RECORD(Query, query_fields);

static Str get_pair(void *arg, Str name) {
    const char *const *pairs = arg;
    for (; pairs[0]; pairs += 2)
        if (str_eq(str_c(pairs[0]), name)) return str_c(pairs[1]);
    return (Str){0};
}

TEST(query_texts_become_typed_values) {
    Ctx c = {.arena = arena};
    Query q;
    const char *good[] = {"from", "2026-01-01", "facets", "a,b,,c", "trending", "true", "min_score", "0", NULL, NULL};
    REQUIRE(!record_read_text(&c, &query_record, get_pair, good, &q));
    CHECK(q.limit == 20 && str_is_null(q.platform) && q.facets.count == 3 && q.trending && q.min_score.set);
    const char *wrong[] = {"limit", "1000", "from", "x", "trending", "maybe", "platform", "\xFF", NULL, NULL};
    Err *err = record_read_text(&c, &query_record, get_pair, wrong, &q);
    REQUIRE(err);
    CHECK_INT(err->field_count, 4);
}

TEST(csv_has_a_head_and_defuses_formulas) {
    Buf b = buf_new(arena, 256);
    Post p = {.id = {7}, .name = S("=1+1"), .posted_at = TIME_NULL, .kind = S("a,b")};
    record_csv_head(&b, &post_record);
    record_csv_row(&b, &post_record, &p);
    CHECK(str_starts(buf_str(&b), S("id,name,kind,email,enabled,")));
    CHECK(str_find(buf_str(&b), S("\r\n7,'=1+1,\"a,b\",,false,0,0.0,,,[],,")) > 0);
}

TEST(schemas_say_what_readers_and_writers_may_expect) {
    Ctx c = {.arena = arena};
    json_t *json;
    Buf b = buf_new(arena, 256);
    record_schema(&b, &post_record, SCHEMA_CREATE);
    REQUIRE(!json_parse(&c, buf_str(&b), &json));
    CHECK_STR(json_str(json_path(json, "required.0")), S("name"));
    CHECK_STR(json_str(json_path(json, "properties.kind.enum.1")), S("video"));
    CHECK_STR(json_str(json_path(json, "properties.metrics.$ref")), S("#/components/schemas/MetricsCreate"));
    CHECK(json_is_false(json_path(json, "additionalProperties")));
    b.len = 0;
    record_schema(&b, &post_record, SCHEMA_OUT);
    REQUIRE(!json_parse(&c, buf_str(&b), &json));
    CHECK(json_path(json, "properties.secret") == NULL);
    CHECK_STR(json_str(json_path(json, "properties.mood.type.1")), S("null"));
    ctx_undo(&c, NULL);
}

typedef struct Tenant {
    Str contact_email;
    int64_t quota_ai_requests;
    Time created_at;
} Tenant;
static const Field tenant_fields[] = {
    FIELD(Tenant, contact_email, .flags = F_REQUIRED),
    FIELD(Tenant, quota_ai_requests, .max = 10),
    FIELD(Tenant, created_at, .flags = F_READONLY),
};
static const Record tenant_record = RECORD(Tenant, tenant_fields, .camel = true);

static Str tenant_parameter(void *arg, Str name) {
    (void)arg;
    return str_eq(name, S("contactEmail")) ? S("a@b.fr") : (Str){0};
}

TEST(camel_records_have_other_names_outside_and_milliseconds) {
    Ctx c = {.arena = arena};
    json_t *json;
    Tenant t;
    Buf b = buf_new(arena, 256);
    REQUIRE(!json_parse(&c, S("{\"contactEmail\":\"x\",\"quotaAiRequests\":3}"), &json));
    FieldSet present;
    REQUIRE(!record_read(&c, &tenant_record, json, READ_CREATE, &t, &present));
    CHECK_INT(present, record_bit(&tenant_record, "contact_email") |
                           record_bit(&tenant_record, "quota_ai_requests"));
    t.created_at = (Time){1700000000123999};
    record_write(&b, &tenant_record, &t);
    CHECK_STR(buf_str(&b), S("{\"contactEmail\":\"x\",\"quotaAiRequests\":3,"
                             "\"createdAt\":\"2023-11-14T22:13:20.123Z\"}"));
    b.len = 0;
    record_csv_head(&b, &tenant_record);
    t.created_at = (Time){1700000000000000};
    record_csv_row(&b, &tenant_record, &t);
    CHECK_STR(buf_str(&b), S("contactEmail,quotaAiRequests,createdAt\r\n"
                             "x,3,2023-11-14T22:13:20.000Z\r\n"));
    REQUIRE(!json_parse(&c, S("{\"contact_email\":\"x\",\"quotaAiRequests\":11}"), &json));
    Err *err = record_read(&c, &tenant_record, json, READ_CREATE, &t, NULL);
    REQUIRE(err && err->field_count == 3);
    CHECK_STR(err->fields[0].field, S("contact_email"));
    CHECK_STR(err->fields[1].field, S("contactEmail"));
    CHECK_STR(err->fields[2].field, S("quotaAiRequests"));
    REQUIRE(!record_read_text(&c, &tenant_record, tenant_parameter, NULL, &t));
    CHECK_STR(t.contact_email, S("a@b.fr"));
    b.len = 0;
    record_schema(&b, &tenant_record, SCHEMA_CREATE);
    REQUIRE(!json_parse(&c, buf_str(&b), &json));
    CHECK(json_path(json, "properties.quotaAiRequests.maximum") != NULL);
    CHECK_STR(json_str(json_path(json, "required.0")), S("contactEmail"));
    CHECK(json_is_true(json_path(json, "properties.createdAt.readOnly")));
    ctx_undo(&c, NULL);
}

typedef struct Span { int64_t from, to; Str unit; } Span;
static void span_check(const void *value, Str path, Problems *problems) {
    const Span *span = value;
    Str dot = path.len ? S(".") : S("");
    if (span->to < span->from)
        problem_add(problems, strf(arena, "%.*s%.*sto", S_ARG(path), S_ARG(dot)), S("min"), "ends before it begins");
}
static const Field span_fields[] = {FIELD(Span, from), FIELD(Span, to), FIELD(Span, unit, .max = 2)};
static const Record span_record = RECORD(Span, span_fields, .check = span_check);
typedef struct Spans { Span first; } Spans;
static const Field spans_fields[] = {FIELD_RECORD(Spans, first, &span_record)};
static const Record spans_record = RECORD(Spans, spans_fields);

static Str span_get(void *arg, Str name) {
    return str_eq(name, S("unit")) ? S("hour") : str_eq(name, S("from")) ? str_c(arg) : S("3");
}

typedef struct Moment {
    Time start_date, created_at;
    Str some_status;
} Moment;
static const Field moment_fields[] = {
    FIELD(Moment, start_date, .flags = F_EPOCH_MS | F_NULLABLE),
    FIELD(Moment, created_at, .flags = F_SNAKE | F_NULLABLE),
    FIELD(Moment, some_status, .flags = F_SNAKE),
};
static const Record moment_record = RECORD(Moment, moment_fields, .camel = true);

TEST(times_may_be_milliseconds_and_names_may_stay_in_a_camel_record) {
    Ctx c = {.arena = arena};
    static const struct {
        const char *json;
        int64_t us;
        bool good;
    } rows[] = {
        {"1700000000123", 1700000000123000, true},
        {"1700000000123.9", 1700000000123000, true},
        {"-1", -1000, true},
        {"\"2023-11-14T22:13:20.123456Z\"", 1700000000123456, true},
        {"null", INT64_MIN, true},
        {"1e300", 0, false},
        {"253402300800000", 0, false},
        {"\"1700000000123\"", 0, false},
        {"true", 0, false},
    };
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        Str text = strf(arena, "{\"startDate\":%s,\"some_status\":\"x\"}", rows[i].json);
        json_t *json;
        Moment m;
        REQUIRE(!json_parse(&c, text, &json));
        Err *err = record_read(&c, &moment_record, json, READ_CREATE, &m, NULL);
        CHECK_INT(err == NULL, rows[i].good);
        if (err) continue;
        CHECK_INT(m.start_date.us, rows[i].us);
        CHECK_STR(m.some_status, S("x"));
    }
    Buf b = buf_new(arena, 64);
    record_write(&b, &moment_record, &(Moment){{-1}, {0}, S("y")});
    CHECK_STR(buf_str(&b), S("{\"startDate\":-1,\"created_at\":\"1970-01-01T00:00:00.000Z\",\"some_status\":\"y\"}"));
    ctx_undo(&c, NULL);
}

TEST(what_a_table_cannot_say_is_told_with_the_rest) {
    Ctx c = {.arena = arena};
    char five[] = "5", two[] = "2";
    Spans spans;
    json_t *json;
    REQUIRE(!json_parse(&c, S("{\"first\":{\"from\":5,\"to\":3,\"unit\":\"hour\"}}"), &json));
    Err *err = record_read(&c, &spans_record, json, READ_CREATE, &spans, NULL);
    REQUIRE(err && CHECK_INT(err->field_count, 2));
    CHECK_STR(err->fields[0].field, S("first.unit"));
    CHECK_STR(err->fields[1].field, S("first.to"));
    CHECK_INT(record_read_text(&c, &span_record, span_get, five, &spans.first)->field_count, 2);
    CHECK_INT(record_read_text(&c, &span_record, span_get, two, &spans.first)->field_count, 1);
    ctx_undo(&c, NULL);
}

static const T rows[] = {
    T_ROW(what_a_table_cannot_say_is_told_with_the_rest),
    T_ROW(camel_records_have_other_names_outside_and_milliseconds),
    T_ROW(times_may_be_milliseconds_and_names_may_stay_in_a_camel_record),
    T_ROW(a_whole_record_goes_in_and_comes_out), T_ROW(every_bad_field_is_named_at_once_with_its_path),
    T_ROW(null_is_refused_where_it_is_not_a_value), T_ROW(a_change_takes_only_what_is_there),
    T_ROW(readonly_fields_sent_back_are_ignored), T_ROW(what_is_not_an_object_is_refused),
    T_ROW(query_texts_become_typed_values), T_ROW(csv_has_a_head_and_defuses_formulas),
    T_ROW(schemas_say_what_readers_and_writers_may_expect),
};

int main(int argc, char **argv) {
    arena = arena_new(64 * MIB);
    record_verify(&post_record);
    int bad = t_main(argc, argv, rows, (int)COUNT(rows));
    arena_free(arena);
    return bad;
}

/* SPDX-License-Identifier: Apache-2.0
 * JSON as models answer it: checked against the schema asked for, read out of what stands around it,
 * ended where its end is missing, and never completed with what was not there. */
#include "ai/answer.h"
#include "t.h"

static Arena *arena;
static Ctx own;

static json_t *json_of(const char *text) {
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    if (!value) printf("  not JSON: %s\n", text);
    return value;
}

static Str checked(const char *schema, const char *value) {
    json_t *s = json_of(schema), *v = json_of(value);
    Str wrong = schema_check(arena, s, v);
    json_decref(s);
    json_decref(v);
    return wrong;
}

typedef struct Case {
    const char *schema, *good, *bad, *where;
} Case;
static const Case cases[] = {
    {"{\"type\":\"string\"}", "\"x\"", "1", "the value"},
    {"{\"type\":\"integer\"}", "3.0", "3.5", "the value"},
    {"{\"type\":\"number\"}", "3.5", "\"3.5\"", "the value"},
    {"{\"type\":\"boolean\"}", "false", "0", "the value"},
    {"{\"type\":[\"string\",\"null\"]}", "null", "1", "the value"},
    {"{\"enum\":[\"a\",2]}", "2", "\"b\"", "the value"},
    {"{\"type\":\"number\",\"minimum\":1,\"maximum\":2}", "1.5", "2.5", "maximum"},
    {"{\"type\":\"number\",\"minimum\":1}", "1", "0.5", "minimum"},
    {"{\"type\":\"string\",\"minLength\":2,\"maxLength\":3}", "\"éé\"", "\"é\"", "minLength"},
    {"{\"type\":\"string\",\"maxLength\":3}", "\"ééé\"", "\"éééé\"", "maxLength"},
    {"{\"type\":\"array\",\"minItems\":1,\"items\":{\"type\":\"string\"}}", "[\"a\"]", "[]",
     "minItems"},
    {"{\"type\":\"array\",\"maxItems\":1}", "[1]", "[1,2]", "maxItems"},
    {"{\"items\":{\"type\":\"string\"}}", "[\"a\"]", "[\"a\",1]", "1: string was expected"},
    {"{\"properties\":{\"a\":{\"properties\":{\"b\":{\"type\":\"string\"}}}}}",
     "{\"a\":{\"b\":\"x\"}}", "{\"a\":{\"b\":1}}", "a.b: string was expected"},
    {"{\"type\":\"object\",\"required\":[\"a\"]}", "{\"a\":null}", "{\"b\":1}", "a: is missing"},
    {"{\"properties\":{\"a\":{}},\"additionalProperties\":false}", "{\"a\":1}", "{\"b\":1}",
     "does not know"},
};

TEST(a_schema_is_checked_and_says_where) {
    for (int i = 0; i < COUNT(cases); i++) {
        Str good = checked(cases[i].schema, cases[i].good),
            bad = checked(cases[i].schema, cases[i].bad);
        if (!CHECK(str_is_null(good))) printf("  %s: %.*s\n", cases[i].good, S_ARG(good));
        if (!CHECK(str_find(bad, str_c(cases[i].where)) >= 0))
            printf("  %s: %.*s\n", cases[i].bad, S_ARG(bad));
    }
}

static const char list_schema[] =
    "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"tags\":{\"type\":"
    "\"array\",\"items\":"
    "{\"type\":\"string\"}},\"n\":{\"type\":\"integer\"}},\"required\":[\"name\"]}";

/* What is read, as compact JSON; null where it is a bad answer. */
static Str read_text(Str text) {
    json_t *schema = json_of(list_schema), *value;
    Err *err = answer_json(&own, text, schema, &value);
    json_decref(schema);
    if (err) {
        CHECK_INT(err->kind, ERR_UPSTREAM);
        CHECK_STR(err->code, S("ai_bad_answer"));
        return (Str){0};
    }
    Buf b = buf_new(arena, 64);
    buf_json_value(&b, value);
    return buf_str(&b);
}

TEST(what_stands_around_json_is_left_out) {
    static const char *const texts[] = {
        "{\"name\":\"x\"}",
        " \n{\"name\":\"x\"}\n",
        "```json\n{\"name\":\"x\"}\n```",
        "```\n{\"name\":\"x\"}```",
        "Here it is: {\"name\":\"x\"} I hope it helps {you}.",
        "[1] {\"name\":\"x\"}",
        "{not this} {\"name\":\"x\"}",
        "{\"other\":1} {\"name\":\"x\"}",
    };
    for (int i = 0; i < COUNT(texts); i++)
        CHECK_STR(read_text(str_c(texts[i])), S("{\"name\":\"x\"}"));
}

TEST(a_missing_end_is_put_on) {
    static const struct {
        const char *text, *want;
    } ends[] = {
        {"{\"name\":\"x\"", "{\"name\":\"x\"}"},
        {"{\"name\":\"x", "{\"name\":\"x\"}"},
        {"```json\n{\"name\":\"x\",\"tags\":[\"a\",\"b", "{\"name\":\"x\",\"tags\":[\"a\",\"b\"]}"},
        {"{\"name\":\"x\",\"tags\":[\"a\",", "{\"name\":\"x\",\"tags\":[\"a\"]}"},
        {"{\"name\":\"x\",\"tags\":[", "{\"name\":\"x\",\"tags\":[]}"},
        {"{\"name\":\"x\",\"tags\":", "{\"name\":\"x\"}"},
        {"{\"name\":\"x\",\"ta", "{\"name\":\"x\"}"},
        {"{\"name\":\"x\",\"n\":12", "{\"name\":\"x\"}"}, /* of 123? */
        {"{\"name\":\"x\\", "{\"name\":\"x\"}"},
        {"{\"name\":\"x\\u00", "{\"name\":\"x\"}"},
        {"{\"name\":\"x\\ud83d\\ude", "{\"name\":\"x\"}"},
        {"{\"name\":\"x\\\\", "{\"name\":\"x\\\\\"}"},
    };
    for (int i = 0; i < COUNT(ends); i++)
        CHECK_STR(read_text(str_c(ends[i].text)), str_c(ends[i].want));
}

TEST(what_is_required_is_not_made_up) {
    static const char *const texts[] = {"",
                                        "no",
                                        "{",
                                        "{\"name\":",
                                        "{\"name\":12}",
                                        "{\"n\":1}",
                                        "[\"name\"]",
                                        "null",
                                        "{\"name\":\"x\",\"tags\":[1]}",
                                        "{\"na"};
    for (int i = 0; i < COUNT(texts); i++) CHECK(str_is_null(read_text(str_c(texts[i]))));
}

/* Cut anywhere: read, or a bad answer; what is read was there. */
TEST(an_answer_cut_at_any_byte_says_nothing_new) {
    Str whole =
        S("Voilà : {\"name\":\"Noël \\u00e9\\\\\\\"\",\"tags\":[\"a{\",\"]b\"],\"n\":123} fin");
    int read = 0;
    for (ptrdiff_t at = 0; at <= whole.len; at++) {
        Str got = read_text(str_slice(whole, 0, at));
        if (str_is_null(got)) continue;
        read++;
        CHECK(str_find(got, S("\"n\":1")) < 0 || str_find(got, S("\"n\":123")) >= 0);
    }
    CHECK(read > 30);
}

TEST(hostile_answers_end) {
    Buf deep = buf_new(arena, 64 * KIB);
    for (int i = 0; i < 20000; i++) buf_add(&deep, S("{\"name\":"));
    CHECK(str_is_null(read_text(buf_str(&deep))));
    Buf many = buf_new(arena, 64 * KIB);
    for (int i = 0; i < 20000; i++) buf_add(&many, S("[ { ] "));
    CHECK(str_is_null(read_text(buf_str(&many))));
    CHECK(str_is_null(read_text(S("\xff{\"name\":\"\xff\"}"))));
}

int main(int argc, char **argv) {
    static const T rows[] = {T_ROW(a_schema_is_checked_and_says_where),
                             T_ROW(what_stands_around_json_is_left_out),
                             T_ROW(a_missing_end_is_put_on),
                             T_ROW(what_is_required_is_not_made_up),
                             T_ROW(an_answer_cut_at_any_byte_says_nothing_new),
                             T_ROW(hostile_answers_end)};
    arena = arena_new(256 * MIB);
    own = (Ctx){.arena = arena};
    int result = t_main(argc, argv, rows, COUNT(rows));
    ctx_undo(&own, NULL);
    arena_free(arena);
    return result;
}

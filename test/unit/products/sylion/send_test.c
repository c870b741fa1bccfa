/* SPDX-License-Identifier: Apache-2.0
 * What goes to WhatsApp, and what its refusals mean: who may try again, and who must not. */
#include "core/json.h"
#include "products/sylion/whatsapp_door.h"

#include "t.h"

static Ctx ctx;
static Ctx *c = &ctx;

static void begin(void) { ctx = (Ctx){.arena = arena_new(64 * MIB)}; }
static void end(void) {
    ctx_undo(c, NULL);
    arena_free(ctx.arena);
}

/* -- refusals ------------------------------------------------------------------------------------ */

static void means(int status, const char *body, ErrKind kind, const char *code) {
    begin();
    HttpAnswer answer = {.status = status, .body = str_c(body)};
    Err *err = whatsapp_refusal(c, &answer);
    REQUIRE(err);
    if (!CHECK(err->kind == kind)) printf("    %d %s: kind %d\n", status, body, (int)err->kind);
    CHECK_STR(err->code, str_c(code));
    CHECK(err->detail.len > 0 && str_utf8_valid(err->detail));
    CHECK((err->retry_after_s > 0) == (kind == ERR_RATE_LIMITED || kind == ERR_UNAVAILABLE));
    end();
}

static void code_means(int code, int status, ErrKind kind) {
    char body[160], text[16];
    snprintf(body, sizeof body, "{\"error\":{\"message\":\"(#%d) x\",\"code\":%d}}", code, code);
    snprintf(text, sizeof text, "%d", code);
    means(status, body, kind, text);
}

TEST(what_passes_may_be_tried_again) {
    static const int limited[] = {4, 80007, 130429, 131048, 131056, 133016};
    static const int away[] = {1, 2, 131000, 131016};
    for (int i = 0; i < COUNT(limited); i++) code_means(limited[i], 400, ERR_RATE_LIMITED);
    for (int i = 0; i < COUNT(away); i++) code_means(away[i], 500, ERR_UNAVAILABLE);
    means(429, "", ERR_RATE_LIMITED, NULL);
    means(429, "{\"error\":{\"code\":999}}", ERR_RATE_LIMITED, "999");
}

TEST(what_is_about_the_message_is_for_good) {
    static const int codes[] = {100,    131008, 131009, 131021, 131026, 131030, 131031, 131047,
                                131049, 131051, 131052, 131053, 132000, 132001, 132016, 368,
                                130497, 999999};
    for (int i = 0; i < COUNT(codes); i++) code_means(codes[i], 400, ERR_INVALID);
    means(400, "{\"error\":{\"message\":\"m\",\"code\":\"131047\"}}", ERR_INVALID, "131047");
    means(404, "not json", ERR_INVALID, NULL);
}

TEST(what_is_about_the_account_needs_somebody) {
    static const int codes[] = {0, 3, 10, 190, 200, 299, 131005};
    for (int i = 0; i < COUNT(codes); i++) code_means(codes[i], 400, ERR_NOT_CONFIGURED);
    means(401, "", ERR_NOT_CONFIGURED, NULL);
}

TEST(an_answer_that_may_come_from_between_leaves_it_open) {
    means(500, "", ERR_UPSTREAM, NULL);
    means(502, "<html>", ERR_UPSTREAM, NULL);
    means(503, "{}", ERR_UPSTREAM, NULL);
    code_means(999999, 500, ERR_UPSTREAM);
    means(302, "", ERR_UPSTREAM, NULL);
}

TEST(both_spellings_of_360dialogs_own_errors_are_read) {
    means(401, "{\"meta\":{\"success\":false,\"http_code\":401,\"developer_message\":\"Invalid api key\"}}",
          ERR_NOT_CONFIGURED, NULL);
    means(403, "{\"meta\":{\"success\":false,\"httpCode\":403,\"developerMessage\":\"Path blocked\"}}",
          ERR_NOT_CONFIGURED, NULL);
    means(400, "{\"meta\":{\"developerMessage\":\"Endpoint Rate Limit exceeded\"}}", ERR_RATE_LIMITED,
          "rate_limit");
    means(400, "{\"meta\":{\"developer_message\":\"unpaid invoice\"}}", ERR_NOT_CONFIGURED, "unpaid");
    means(400, "{\"meta\":{\"developer_message\":\"bad field\"}}", ERR_INVALID, NULL);
    means(502, "{\"meta\":{}}", ERR_UPSTREAM, NULL);
}

TEST(the_provider_says_when_to_come_back) {
    begin();
    Header after = {S("Retry-After"), S("17")};
    HttpAnswer answer = {.status = 400,
                         .headers = &after,
                         .header_count = 1,
                         .body = S("{\"error\":{\"code\":131056,\"message\":\"m\",\"error_data\":{\"details\":"
                                   "\"slowly\"}}}")};
    Err *err = whatsapp_refusal(c, &answer);
    CHECK_INT(err->retry_after_s, 17);
    CHECK(str_find(err->detail, S("m: slowly")) >= 0);
    answer.header_count = 0;
    CHECK_INT(whatsapp_refusal(c, &answer)->retry_after_s, 6);
    end();
}

TEST(silence_is_safe_only_when_nothing_left) {
    begin();
    HttpAnswer unsent = {.unsent = true}, sent = {0};
    CHECK(whatsapp_silence(c, &unsent, err_new(c, ERR_UPSTREAM, "t", "x"))->kind == ERR_UNAVAILABLE);
    CHECK(whatsapp_silence(c, &unsent, err_new(c, ERR_TIMEOUT, "t", "x"))->kind == ERR_UNAVAILABLE);
    CHECK(whatsapp_silence(c, &sent, err_new(c, ERR_UPSTREAM, "t", "x"))->kind == ERR_UPSTREAM);
    CHECK(whatsapp_silence(c, &sent, err_new(c, ERR_TIMEOUT, "t", "x"))->kind == ERR_TIMEOUT);
    CHECK(whatsapp_silence(c, &sent, err_new(c, ERR_CANCELLED, "t", "x"))->kind == ERR_UPSTREAM);
    CHECK(whatsapp_silence(c, &sent, err_new(c, ERR_INVALID, "t", "x"))->kind == ERR_NOT_CONFIGURED);
    end();
}

/* -- bodies -------------------------------------------------------------------------------------- */

static Str body_of(Message m, Contact to, bool cloud) {
    WhatsappDoor door = {.cloud = cloud};
    SendPart part = {.door = &door, .to = &to, .message = &m, .text = m.content, .media_id = S("77"), .first = true};
    Str out = {0};
    return send_body(c, &part, &out) ? (Str){0} : out;
}

static const Contact ada = {.phone = S_INIT("+33612345678"), .user_key = S_INIT("FR.1")};
static const Contact nameless = {.user_key = S_INIT("FR.1")};

TEST(bodies_are_as_the_providers_want_them) {
    begin();
    Message m = {.type = S("text"), .content = S("é \"x\""), .reply_to = S("wamid.1")};
    CHECK_STR(body_of(m, ada, true),
              S("{\"messaging_product\":\"whatsapp\",\"recipient_type\":\"individual\",\"to\":\"33612345678\","
                "\"context\":{\"message_id\":\"wamid.1\"},\"type\":\"text\",\"text\":{\"preview_url\":false,"
                "\"body\":\"é \\\"x\\\"\"}}"));
    m.reply_to = (Str){0};
    CHECK(str_find(body_of(m, nameless, true), S("\"recipient\":\"FR.1\"")) > 0);
    CHECK(str_find(body_of(m, nameless, false), S("\"to\":\"FR.1\"")) > 0);
    CHECK(str_is_null(body_of(m, (Contact){0}, true)));
    m = (Message){.type = S("document"), .content = S("see"),
                  .media.text = S("{\"blob\":\"b\",\"filename\":\"a.pdf\"}")};
    CHECK(str_ends(body_of(m, ada, true), S("\"type\":\"document\",\"document\":{\"id\":\"77\",\"caption\":\"see\","
                                            "\"filename\":\"a.pdf\"}}")));
    m.type = S("audio");
    CHECK(str_ends(body_of(m, ada, true), S("\"audio\":{\"id\":\"77\"}}")));
    end();
}

static Str template_of(const char *metadata) {
    Message m = {.type = S("template"), .metadata.text = str_c(metadata)};
    return body_of(m, ada, true);
}

TEST(templates_have_a_name_a_language_and_texts) {
    begin();
    CHECK(str_ends(template_of("{\"name\":\"hello\",\"language\":\"fr\"}"),
                   S("\"template\":{\"name\":\"hello\",\"language\":{\"code\":\"fr\"}}}")));
    CHECK(str_ends(template_of("{\"template\":{\"name\":\"h\",\"language\":{\"code\":\"ar\"},\"parameters\":[\"a\","
                               "\"b\"]},\"citations\":[]}"),
                   S("\"components\":[{\"type\":\"body\",\"parameters\":[{\"type\":\"text\",\"text\":\"a\"},"
                     "{\"type\":\"text\",\"text\":\"b\"}]}]}}")));
    CHECK(str_ends(template_of("{\"name\":\"h\",\"language\":\"fr\",\"components\":[1]}"),
                   S("\"components\":[1]}}")));
    CHECK(str_is_null(template_of("{\"language\":\"fr\"}")));
    CHECK(str_is_null(template_of("{\"name\":\"h\"}")));
    CHECK(str_is_null(template_of("{\"name\":\"h\",\"language\":\"fr\",\"parameters\":[\"\"]}")));
    CHECK(str_is_null(template_of("{\"name\":\"h\",\"language\":\"fr\",\"parameters\":\"x\"}")));
    CHECK(str_is_null(template_of("{")));
    end();
}

/* -- long texts ---------------------------------------------------------------------------------- */

static Str repeated(const char *piece, int times) {
    Buf b = buf_new(c->arena, 64);
    for (int i = 0; i < times; i++) buf_add(&b, str_c(piece));
    return buf_str(&b);
}

/* The parts hold all of the text but blanks at the cuts. */
static void cut_check(Str text, ptrdiff_t parts) {
    StrList list;
    Err *err = whatsapp_text_cut(c, text, &list);
    REQUIRE(!err);
    CHECK_INT(list.count, parts);
    ptrdiff_t at = 0;
    for (ptrdiff_t i = 0; i < list.count; i++) {
        CHECK(list.items[i].len > 0 && whatsapp_length(list.items[i]) <= WHATSAPP_TEXT_MAX);
        CHECK(str_utf8_valid(list.items[i]));
        ptrdiff_t found = str_find(str_slice(text, at, text.len), list.items[i]);
        CHECK(found >= 0 && str_trim(str_slice(text, at, at + found)).len == 0);
        at += found + list.items[i].len;
    }
    CHECK(str_trim(str_slice(text, at, text.len)).len == 0);
}

TEST(long_texts_are_cut_where_a_reader_pauses) {
    begin();
    StrList list;
    cut_check(S(""), 0);
    cut_check(S("  \n "), 0);
    cut_check(repeated("a", 4096), 1);
    cut_check(repeated("a", 4097), 2);
    cut_check(repeated("é", 4096), 1);
    cut_check(repeated("😀", 2048), 1);
    cut_check(repeated("😀", 2049), 2);
    cut_check(repeated("word ", 2000), 3);
    CHECK(!whatsapp_text_cut(c, str_concat(c->arena, repeated("Half of it. ", 300), repeated("b", 2000)), &list));
    CHECK(list.count == 2 && str_ends(list.items[0], S("it.")) && str_starts(list.items[1], S("bbb")));
    Str two = strf(c->arena, "%.*s\n\n%.*s", S_ARG(repeated("one two. ", 300)), S_ARG(repeated("three. ", 400)));
    CHECK(!whatsapp_text_cut(c, two, &list));
    CHECK(list.count == 2 && str_starts(list.items[1], S("three.")));
    end();
}

TEST(there_is_an_end_to_parts) {
    begin();
    StrList list;
    cut_check(repeated("a", 40960), 10);
    Err *err = whatsapp_text_cut(c, repeated("a", 40961), &list);
    CHECK(err && err->kind == ERR_INVALID && str_eq(err->code, S("too_long")));
    end();
}

TEST(hashes_are_read_in_both_spellings) {
    begin();
    Str hex = S("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    CHECK_STR(whatsapp_sha256(c->arena, hex), hex);
    CHECK_STR(whatsapp_sha256(c->arena, S("LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=")), hex);
    CHECK(str_is_null(whatsapp_sha256(c->arena, S("4654+8g="))));
    CHECK(str_is_null(whatsapp_sha256(c->arena, (Str){0})));
    CHECK(str_is_null(whatsapp_sha256(c->arena, S("grwfwe/ZPx0wAbdfbdeFUNItPZ0RylL8gGUvdt3YFqc18SY="))));
    end();
}

T_MAIN(T_ROW(what_passes_may_be_tried_again), T_ROW(what_is_about_the_message_is_for_good),
       T_ROW(what_is_about_the_account_needs_somebody),
       T_ROW(an_answer_that_may_come_from_between_leaves_it_open),
       T_ROW(both_spellings_of_360dialogs_own_errors_are_read),
       T_ROW(the_provider_says_when_to_come_back), T_ROW(silence_is_safe_only_when_nothing_left),
       T_ROW(bodies_are_as_the_providers_want_them),
       T_ROW(templates_have_a_name_a_language_and_texts),
       T_ROW(long_texts_are_cut_where_a_reader_pauses), T_ROW(there_is_an_end_to_parts),
       T_ROW(hashes_are_read_in_both_spellings))

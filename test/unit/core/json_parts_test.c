/* SPDX-License-Identifier: Apache-2.0
 * Parts of JSON: every text is cut at every byte, and compared with itself read whole. */
#include "t.h"

#include "json_parts_world.h"

static Ctx ctx, *c = &ctx;

static void begin(void) { ctx = (Ctx){.arena = arena_new(1024 * MIB)}; }

static void end(void) {
    ctx_undo(c, NULL);
    arena_free(ctx.arena);
}

/* Whole, byte by byte, and cut once at every place. */
static bool same_everywhere(Str text) {
    for (ptrdiff_t first = 0; first <= text.len + 1; first++) {
        CtxMark mark = ctx_mark(c);
        Str why;
        bool same = reads_the_same(c, text, max_size(first, 1), first ? text.len : 1, &why);
        if (!same)
            printf("  cut at %td of %.*s\n    %.*s\n", first, S_ARG(str_utf8_cut(text, 300)),
                   S_ARG(why));
        ctx_release(c, mark);
        if (!CHECK(same)) return false;
    }
    return true;
}

#define LONG "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5eg=="
#define PLAIN_LONG "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static Str part_bytes(const Taken *t, const char *path) {
    const JsonPart *part = json_parts_find(t->parts, json_str(json_path(t->json, path)));
    if (!part || part->bad) return (Str){0};
    return str_of(t->bytes.data + part->at, (ptrdiff_t)part->size);
}

TEST(long_base64_is_taken_out_and_the_rest_stays_small) {
    Taken t;
    begin();
    parts_of(c,
             S("{\"name\": \"n\", \"photoData\": \"" LONG "\", \"leaf\": {\"data\": \"" LONG "\"},"
               "\"leaves\": [{\"text\": \"" LONG "\"}, {\"other\": \"" LONG
               "\"}], \"data\": \"" LONG "\"}"),
             7, 7, &t);
    REQUIRE(!t.err);
    CHECK_STR(part_bytes(&t, "photoData"), S(PLAIN_LONG));
    CHECK_STR(part_bytes(&t, "leaf.data"), S(PLAIN_LONG));
    CHECK_STR(part_bytes(&t, "leaves.1.other"), S(PLAIN_LONG));
    CHECK_STR(json_str(json_path(t.json, "leaves.0.text")), S(LONG)); /* not said to be base64 */
    CHECK_STR(json_str(json_path(t.json, "data")), S(LONG));          /* another record's member */
    end();
}

TEST(a_hundred_megabytes_leave_a_hundred_bytes) {
    enum { PIECES = 1600 };
    Taken t = {0};
    begin();
    char *piece = arena_bytes(c->arena, 65536);
    memset(piece, 'A', 65536);
    JsonPartsOptions options = {.record = &tree_record,
                                .from = 4096,
                                .align = 4096,
                                .secret = S("s"),
                                .write = bytes_keep,
                                .arg = &t.bytes};
    t.bytes = buf_new(c->arena, 80 * MIB);
    t.parts = json_parts_new(c->arena, options);
    ptrdiff_t before = arena_used(c->arena);
    json_parts_take(t.parts, S("{\"photoData\":\""));
    for (int i = 0; i < PIECES; i++) json_parts_take(t.parts, str_of(piece, 65536));
    json_parts_take(t.parts, S("\"}"));
    json_parts_end(t.parts);
    CHECK(arena_used(c->arena) - before < 32 * 1024);
    CHECK_STR(json_parts_rest(t.parts), S("{\"photoData\":\"part:s:0\"}"));
    CHECK_INT(json_parts_find(t.parts, S("part:s:0"))->size, (int64_t)PIECES * 65536 / 4 * 3);
    end();
}

TEST(data_urls_say_their_type) {
    Taken t;
    begin();
    parts_of(c,
             S("{\"photoData\":\"data: Image/PNG ;charset=x;base64," LONG "\","
               "\"leaf\":{\"data\":\"data:image\\/jpeg;base64," LONG "\",\"other\":\"" LONG "\"}}"),
             1, 1, &t);
    REQUIRE(!t.err);
    CHECK_STR(json_parts_find(t.parts, json_str(json_path(t.json, "photoData")))->mime,
              S("image/png"));
    CHECK_STR(json_parts_find(t.parts, json_str(json_path(t.json, "leaf.data")))->mime,
              S("image/jpeg"));
    CHECK_STR(json_parts_find(t.parts, json_str(json_path(t.json, "leaf.other")))->mime, (Str){0});
    CHECK_STR(part_bytes(&t, "leaf.data"), S(PLAIN_LONG));
    end();
}

TEST(what_may_be_a_text_is_one_unless_it_is_a_data_url_of_media) {
    static const struct {
        Str text;
        bool out;
    } rows[] = {
        {S_INIT("{\"leaf\":{\"either\":\"data:audio/webm;codecs=opus;base64," LONG "\"}}"), true},
        {S_INIT("{\"leaf\":{\"either\":\"data:video\\/mp4;base64," LONG "\"}}"), true},
        {S_INIT("{\"leaf\":{\"either\":\"\\u0064ata:image/png;base64," LONG "\"}}"), true},
        {S_INIT("{\"leaf\":{\"either\":\"data:audio/no base64 at all, but it says that it is "
                "sound\"}}"),
         true},
        {S_INIT("{\"leaf\":{\"either\":\"data:text/plain;base64," LONG "\"}}"), false},
        {S_INIT("{\"leaf\":{\"either\":\"" LONG "\"}}"), false},
        {S_INIT("{\"leaf\":{\"either\":\"Un texte tout simple, qui est long et n'est pas du "
                "base64.\"}}"),
         false},
    };
    begin();
    for (int i = 0; i < COUNT(rows); i++) {
        Taken t;
        parts_of(c, rows[i].text, 5, 5, &t);
        REQUIRE(!t.err);
        CHECK_INT(json_parts_find(t.parts, json_str(json_path(t.json, "leaf.either"))) != NULL,
                  rows[i].out);
        same_everywhere(rows[i].text);
    }
    end();
}

TEST(a_client_names_no_part) {
    Taken t;
    begin();
    parts_of(
        c, S("{\"photoData\":\"" LONG "\",\"name\":\"part::0\",\"leaf\":{\"data\":\"part:x:0\"}}"),
        9, 9, &t);
    REQUIRE(!t.err);
    CHECK(json_parts_find(t.parts, json_str(json_path(t.json, "photoData"))));
    CHECK(!json_parts_find(t.parts, json_str(json_path(t.json, "name"))));
    CHECK(!json_parts_find(t.parts, json_str(json_path(t.json, "leaf.data"))));
    CHECK(!json_parts_find(t.parts, S("part:0123456789abcdefghijkl:1")));
    CHECK(!json_parts_find(t.parts, S("part:0123456789abcdefghijkl:-1")));
    CHECK(!json_parts_find(t.parts, S("part:0123456789abcdefghijkl:00")));
    CHECK(!json_parts_find(t.parts, S("part:")));
    CHECK(!json_parts_find(t.parts, (Str){0}));
    end();
}

#define P(inside) S_INIT("{\"photoData\":\"" inside "\",\"name\":1}")
TEST(every_text_reads_as_it_does_whole) {
    static const Str texts[] = {
        P(LONG),
        P("data:;base64," LONG),
        P("data:image/png," LONG),
        P("data:" LONG),
        P("dat" LONG),
        P(LONG "=" LONG),
        P(LONG "="),
        P("A" LONG),
        P("ABCD"
          "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"
          "A"),
        P("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"
          "AB"),
        P("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"
          "AB="),
        P("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"
          "ABC"),
        P("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"
          "AB="
          "="),
        P("ABCD \\n\\r\\t" LONG),
        P("ABCD-_+/\\/\\u002b\\u002F" LONG),
        P("\\u0041\\u0042\\u0043\\u0044\\u0041\\u0042"),
        P("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\\u00e9"),
        P(LONG "\xC3\xA9"),
        P("\xE2\x82\xAC" LONG),
        P("\xF0\x9F\x98\x80" LONG "\xF0\x9F\x98\x80"),
        P("\\ud83d\\ude00" LONG "\\ud83d\\ude00"),
        P(LONG "\\ud83d"),
        P(LONG "\\ud83dA"),
        P(LONG "\\ud83d\\n" LONG),
        P(LONG "\\ud83d\\u0041" LONG),
        P(LONG "\\ud83d\\ud83d\\ude00" LONG),
        P(LONG "\\ude00" LONG),
        P(LONG "\\u0000" LONG),
        P("\\ud83d" LONG),
        P(LONG "\\ud83d\\uzzzz" LONG),
        P(LONG "\\ud83d" LONG "\\ude00\\u0000"),
        P(LONG "\\ud83d" LONG "\\q"),
        P(LONG "\\ud83d\xC3\xA9"),
        P(LONG "\\u00"),
        P(LONG "\\u00g0" LONG),
        P(LONG "\\x41" LONG),
        P(LONG "\\"),
        P(LONG "\n" LONG),
        P(LONG "\x01"),
        P(LONG "\x7F"),
        P("\x1F" LONG),
        P(LONG "\xC3"),
        P(LONG "\xC3" LONG),
        P(LONG "\xC0\xAF"),
        P(LONG "\xED\xA0\x80"),
        P(LONG "\xF5\x80\x80\x80"),
        P(LONG "\xE2\x82"),
        P(LONG "\x80" LONG),
        P(LONG "\xF0\x9F\x98"),
        P(LONG "\"" LONG),
        P(LONG "\\\"" LONG),
        P(LONG "\\\\" LONG),
        P(LONG "\" \""),
        S_INIT("{\"photoData\":\"" LONG),
        S_INIT("{\"photoData\":\"" LONG "\""),
        S_INIT("{\"photoData\":\"" LONG "\\"),
        S_INIT("{\"photoData\":\"" LONG "\\u12"),
        S_INIT("{\"photoData\":\"" LONG "\xE2\x82"),
        S_INIT("{\"photoData\":\"" LONG "\\ud83d"),
        S_INIT("{\"photoData\":\"" LONG "\",}"),
        S_INIT("{\"photoData\":\"" LONG "\" \"x\"}"),
        S_INIT("{\"photoData\" \"" LONG "\"}"),
        S_INIT("{\"photoData\":\"" LONG "\"]"),
        S_INIT("{\"photoData\":\"" LONG "\"} x"),
        S_INIT("{\"photoData\":\"" LONG "\",\"photoData\":\"" LONG "\"}"),
        S_INIT("{\"photoData\":\"" LONG "\",\n \"name\": nul}"),
        S_INIT("{\"name\":\"" LONG "\",\n\"photoData\":\"" LONG "\",\n \"name\": 01}"),
        S_INIT("{\"photoData\":\"" LONG "\", \"leaf\":{\"data\":\"" LONG "\",\"text\":tru}}"),
        S_INIT("{\"leaves\":[{\"data\":\"" LONG "\"},[{\"data\":\"" LONG "\"}],{\"other\":\"" LONG
               "\"}]}"),
        S_INIT("{\"leaf\":[{\"data\":\"" LONG "\"}],\"leaves\":{\"data\":\"" LONG "\"}}"),
        S_INIT("[{\"photoData\":\"" LONG "\"}]"),
        S_INIT("\"" LONG "\""),
        S_INIT("{\"\":\"" LONG "\"}"),
        S_INIT("{\"\\u0070hotoData\":\"" LONG "\"}"),
        S_INIT("{\"photo\\\"Data\":\"" LONG "\"}"),
        S_INIT("{\"photo_data\":\"" LONG "\"}"),
        S_INIT("{\"photoData\":{\"data\":\"" LONG "\"}}"),
        S_INIT("{\"photoData\":[\"" LONG "\"]}"),
        S_INIT("}]{\"photoData\":\"" LONG "\"}"),
        S_INIT(""),
        S_INIT("\""),
        S_INIT("{\"leaf\":{\"either\":\"data:audio/x;base64," LONG
               "\\ud800\",\"text\":\"\xC3\xA9\"} x"),
        S_INIT("\xEF\xBB\xBF{\"photoData\":\"" LONG "\"}"),
        S_INIT("\x1F\x8B\x08{\"photoData\":\"" LONG "\"}"),
    };
    begin();
    for (int i = 0; i < COUNT(texts); i++) same_everywhere(texts[i]);
    end();
}

TEST(nesting_too_deep_is_told_as_ever) {
    begin();
    Buf b = buf_new(c->arena, 1024);
    buf_add(&b, S("{\"photoData\":\"" LONG "\",\"name\":"));
    for (int i = 0; i < JSON_DEPTH_MAX; i++) buf_add(&b, S("{\"data\":"));
    buf_add(&b, S("\"" LONG "\""));
    Str why;
    CHECK(reads_the_same(c, buf_str(&b), 3, 3, &why));
    for (int i = 0; i <= JSON_DEPTH_MAX; i++) buf_add(&b, S("}"));
    CHECK(reads_the_same(c, buf_str(&b), 3, 3, &why));
    end();
}

TEST(many_parts_lie_one_behind_the_other) {
    begin();
    Buf b = buf_new(c->arena, 1024);
    buf_add(&b, S("{\"leaves\":["));
    for (int i = 0; i < 500; i++)
        buf_f(&b, "%s{\"data\":\"" LONG "\",\"other\":\"" LONG "%s\"}", i ? "," : "",
              i % 3 ? "" : "!");
    buf_add(&b, S("]}"));
    Str why;
    CHECK(reads_the_same(c, buf_str(&b), 11, 1000, &why));
    Taken t;
    ptrdiff_t before = arena_used(c->arena);
    parts_of(c, buf_str(&b), 100, 100, &t);
    CHECK(t.bytes.len <= 1000 * 56); /* what is no base64 leaves no room behind */
    CHECK(arena_used(c->arena) - before < 1000 * 500);
    end();
}

TEST(a_data_url_with_an_endless_head_is_no_base64) {
    begin();
    for (ptrdiff_t len = 1010; len < 1040; len++) {
        Buf b = buf_new(c->arena, 4096);
        buf_add(&b, S("{\"photoData\":\"data:image/png;x="));
        for (ptrdiff_t i = 20; i < len; i++) buf_byte(&b, 'x');
        buf_add(&b, S(";base64," LONG "\"}"));
        Str why;
        for (ptrdiff_t step = 1; step < 2000; step *= 7) {
            bool same = reads_the_same(c, buf_str(&b), step, step, &why);
            if (!CHECK(same)) printf("  %td %td: %.*s\n", len, step, S_ARG(why));
        }
    }
    end();
}

T_MAIN(T_ROW(long_base64_is_taken_out_and_the_rest_stays_small),
       T_ROW(a_hundred_megabytes_leave_a_hundred_bytes), T_ROW(data_urls_say_their_type),
       T_ROW(what_may_be_a_text_is_one_unless_it_is_a_data_url_of_media),
       T_ROW(a_client_names_no_part), T_ROW(every_text_reads_as_it_does_whole),
       T_ROW(nesting_too_deep_is_told_as_ever), T_ROW(many_parts_lie_one_behind_the_other),
       T_ROW(a_data_url_with_an_endless_head_is_no_base64))

/* SPDX-License-Identifier: Apache-2.0
 * The shortcut and the long way give the same post, and the shortcut takes nothing that the long
 * way refuses. */
#include "core/json.h"
#include "core/rand.h"
#include "products/veyl/fast_json.h"
#include "products/veyl/records.h"
#include "t.h"

static Ctx *c;

static bool slowly(Str text, PostIn *in, FieldSet *present) {
    json_t *json;
    memset(in, 0, sizeof *in);
    return json_parse(c, text, &json) == NULL &&
           record_read(c, &post_in_record, json, READ_CREATE, in, present) == NULL;
}

static Str written(const PostIn *in) {
    Buf b = buf_new(c->arena, 512);
    record_write(&b, &post_in_record, in);
    return buf_str(&b);
}

/* How it was read: 'f' by the shortcut, 's' only the long way, 'x' not at all, '!' differently. */
static char way_of(Str text) {
    PostIn fast = {0}, slow;
    FieldSet fast_present = 0, slow_present = 0;
    bool quick = fast_json_read(c->arena, &post_in_record, text, &fast, &fast_present);
    bool good = slowly(text, &slow, &slow_present);
    if (!quick) return good ? 's' : 'x';
    bool times = fast.posted_at.us == slow.posted_at.us && fast.fetched_at.us == slow.fetched_at.us;
    bool lists = !fast.hashtags.items == !slow.hashtags.items;
    return good && times && lists && fast_present == slow_present &&
                   str_eq(written(&fast), written(&slow))
               ? 'f'
               : '!';
}

#define IS(text, way) CHECK_INT(way_of(S(text)), way)

TEST(takes_what_is_plain) {
    IS("{}", 'f');
    IS(" { \"id\" : \"a\" , \"platform\":\"tiktok\" } \n", 'f');
    IS("{\"id\":\"a\",\"caption\":\"é \\u00e9 \\ud83d\\ude0d \\\"q\\\" \\\\ \\/ \\n 😍\"}", 'f');
    IS("{\"caption\":null,\"author\":null,\"posted_at\":null,\"hashtags\":null,\"metrics\":null}",
       'f');
    IS("{\"metrics\":{\"likes\":3,\"comments\":null,\"views\":0}}", 'f');
    IS("{\"posted_at\":\"2026-05-01T10:00:00Z\",\"fetched_at\":\"2026-05-01T10:00:00+0200\"}", 'f');
    IS("{\"hashtags\":[],\"mentions\":[\"a\", \"\\u00e9\"]}", 'f');
    IS("{\"sentiment\":-0.25,\"score\":12,\"score_trend\":1.5e-3,\"username\":null,\"platform_id\":"
       "7}",
       'f');
    IS("{\"sentiment\":1}", 'f');
}

TEST(leaves_the_rest_to_the_long_way) {
    IS("{\"id\":\" a \"}", 's');
    IS("{\"platform\":\"TikTok\"}", 's');
    IS("{\"metrics\":{\"likes\":3.0}}", 's');
    IS("{\"metrics\":{}, \"hashtags\":[\"a\"] }", 'f');
}

TEST(takes_nothing_that_is_wrong) {
    static const char *const wrong[] = {
        "",
        "{",
        "}",
        "[]",
        "7",
        "{\"id\"}",
        "{\"id\":}",
        "{\"id\":\"a\",}",
        "{,}",
        "{\"id\":\"a\"} x",
        "{\"id\":\"a\" \"b\":1}",
        "{\"id\":\"a\",\"id\":\"b\"}",
        "{\"unknown\":1}",
        "{\"id\":7}",
        "{\"id\":\"\"}",
        "{\"id\":\"a\nb\"}",
        "{\"id\":\"\\x\"}",
        "{\"id\":\"\\u12\"}",
        "{\"id\":\"\\ud83d\"}",
        "{\"id\":\"\\ude0d\"}",
        "{\"id\":\"\\u0000\"}",
        "{\"id\":\"\xff\"}",
        "{\"id\":\"\xed\xa0\x80\"}",
        "{\"metrics\":{\"likes\":-1}}",
        "{\"metrics\":{\"likes\":01}}",
        "{\"metrics\":{\"likes\":1.5}}",
        "{\"metrics\":{\"likes\":\"x\"}}",
        "{\"metrics\":{\"likes\":99999999999999999}}",
        "{\"metrics\":{\"likes\":1,\"likes\":2}}",
        "{\"metrics\":[1]}",
        "{\"metrics\":{\"nope\":1}}",
        "{\"hashtags\":\"a\"}",
        "{\"hashtags\":[1]}",
        "{\"hashtags\":[\"a\",]}",
        "{\"hashtags\":[\"a\"",
        "{\"posted_at\":\"soon\"}",
        "{\"posted_at\":5}",
        "{\"sentiment\":1.5}",
        "{\"sentiment\":.5}",
        "{\"sentiment\":1.}",
        "{\"sentiment\":+1}",
        "{\"sentiment\":00}",
        "{\"sentiment\":1e}",
        "{\"sentiment\":-}",
        "{\"sentiment\":1.e1}",
        "{\"sentiment\":nul}",
        "{\"score\":tru}",
        "{\"score\":1.}",
        "{\"i\\u0064\":\"a\"}}",
        "{\"id\":\"a\"",
        "{\"id\":\"a",
        "{\"id\":\"a\\",
    };
    for (ptrdiff_t i = 0; i < COUNT(wrong); i++)
        if (!CHECK(way_of(str_c(wrong[i])) == 'x')) printf("  %s\n", wrong[i]);
}

TEST(agrees_on_every_damaged_text) {
    static const char good[] = "{\"id\":\"tiktok_1\",\"platform\":\"tiktok\",\"author\":\"ana\","
                               "\"caption\":\"l'\\u00e9t\\u00e9 \\ud83d\\ude0d #a \\\"b\\\"\","
                               "\"hashtags\":[\"a\",\"b\"],\"metrics\":{\"likes\":12,\"comments\":"
                               "null,\"views\":3},\"posted_at\":\"2026-05-01T10:00:00Z\","
                               "\"sentiment\":-0.5,\"score\":12,\"language\":\"fr\"}";
    static const char bytes[] = "\"\\{}[],:0123456789.-+eEnulltrue \n\x01\x80\xc3\xa9ud";
    Rand r = {5};
    ArenaMark mark = arena_mark(c->arena);
    Defer *defers = c->defers;
    int taken = 0;
    for (int i = 0; i < 20000; i++) {
        char text[sizeof good];
        memcpy(text, good, sizeof good);
        ptrdiff_t len = rand_below(&r, 10) ? (ptrdiff_t)sizeof good - 1
                                           : rand_below(&r, (ptrdiff_t)sizeof good);
        for (int64_t k = rand_below(&r, 3); k >= 0; k--)
            text[rand_below(&r, (ptrdiff_t)sizeof good - 1)] =
                bytes[rand_below(&r, (ptrdiff_t)sizeof bytes - 1)];
        char way = way_of(str_of(text, len));
        taken += way == 'f';
        if (!CHECK(way != '!')) printf("  %.*s\n", (int)len, text);
        ctx_undo(c, defers);
        arena_release(c->arena, mark);
    }
    CHECK(taken > 1000);
}

static void run(Ctx *given, int argc, char **argv, int *code) {
    static const T rows[] = {
        T_ROW(takes_what_is_plain),
        T_ROW(leaves_the_rest_to_the_long_way),
        T_ROW(takes_nothing_that_is_wrong),
        T_ROW(agrees_on_every_damaged_text),
    };
    c = given;
    *code = t_main(argc, argv, rows, (int)COUNT(rows));
}

int main(int argc, char **argv) {
    Ctx ctx = {.arena = arena_new(64 * MIB)};
    int code = 1;
    run(&ctx, argc, argv, &code);
    ctx_undo(&ctx, NULL);
    arena_free(ctx.arena);
    return code;
}

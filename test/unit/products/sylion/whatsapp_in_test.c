/* SPDX-License-Identifier: Apache-2.0
 * Webhooks' payloads: every type of message, broken pieces beside good ones, and that nothing of a
 * payload is left without a part. */
#include "products/sylion/whatsapp_in.h"

#include "t.h"

static Ctx ctx;
static Ctx *c = &ctx;
static WhatsappPayload p;

static void begin(void) { ctx = (Ctx){.arena = arena_new(512 * MIB)}; }
static void end(void) {
    ctx_undo(c, NULL);
    arena_free(ctx.arena);
}

static Err *payload_of(const char *text) { return whatsapp_read(c, str_c(text), &p); }

/* A whole payload around a list of messages. */
static Err *messages_of(const char *messages) {
    return whatsapp_read(
        c,
        strf(c->arena,
             "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"77\",\"changes\":[{\"field\":"
             "\"messages\",\"value\":{\"metadata\":{\"display_phone_number\":\"33 1 23 45 67 89\","
             "\"phone_number_id\":\"100200\"},\"contacts\":[{\"profile\":{\"name\":\" Zoé \",\"username\":"
             "\"zoe\"},\"wa_id\":\"33612345678\",\"user_id\":\"FR.12\"}],\"messages\":%s}}]}]}",
             messages),
        &p);
}

static const Inbound *one(const char *type_and_own) {
    Err *err = messages_of(str_cstr(
        c->arena, strf(c->arena,
                       "[{\"from\":\"33612345678\",\"id\":\"wamid.1\",\"timestamp\":\"1697043223\",%s}]",
                       type_and_own)));
    if (!CHECK(!err) || !CHECK(p.count == 1) || !CHECK(p.parts[0].kind == PART_MESSAGE)) return NULL;
    return &p.parts[0].message;
}

static bool holds(JsonText json, const char *text) { return str_find(json.text, str_c(text)) >= 0; }

static void reads(const char *body, const char *type, const char *content) {
    begin();
    const Inbound *in = one(body);
    if (in) {
        CHECK_STR(in->type, str_c(type));
        CHECK_STR(in->content, str_c(content));
        CHECK_STR(in->external_id, S("wamid.1"));
        CHECK_STR(in->phone, S("+33612345678"));
        CHECK_STR(in->user_key, S("FR.12"));
        CHECK_STR(in->name, S("Zoé"));
        CHECK(in->provider_at.us == 1697043223 * US_PER_SECOND);
        CHECK_STR(p.parts[0].number.phone_number_id, S("100200"));
        CHECK_STR(p.parts[0].number.phone, S("+33123456789"));
        CHECK_STR(p.parts[0].number.account, S("77"));
        CHECK(holds(in->raw, "\"wamid.1\""));
    }
    end();
}

TEST(every_type_is_put_into_words) {
    reads("\"type\":\"text\",\"text\":{\"body\":\"Bonjour é\"}", "text", "Bonjour é");
    reads("\"type\":\"text\",\"text\":{\"body\":\"\"}", "text", "");
    reads("\"type\":\"image\",\"image\":{\"id\":\"9\",\"caption\":\"ici\"}", "image", "ici");
    reads("\"type\":\"voice\",\"voice\":{\"id\":\"9\"}", "audio", "");
    reads("\"type\":\"document\",\"document\":{\"id\":\"9\",\"filename\":\"a.pdf\"}", "document", "");
    reads("\"type\":\"location\",\"location\":{\"latitude\":1.5,\"longitude\":\"2\",\"name\":\"HQ\"}",
          "location", "HQ\n1.500000, 2.000000");
    reads("\"type\":\"contacts\",\"contacts\":[{\"name\":{\"formatted_name\":\"A B\"},\"phones\":[{\"phone\":"
          "\"+1 555\"}]},{\"name\":{\"formatted_name\":\"C\"}}]",
          "contacts", "A B +1 555\nC");
    reads("\"type\":\"interactive\",\"interactive\":{\"type\":\"button_reply\",\"button_reply\":{\"id\":\"x\","
          "\"title\":\"Oui\"}}",
          "interactive", "Oui");
    reads("\"type\":\"interactive\",\"interactive\":{\"type\":\"list_reply\",\"list_reply\":{\"id\":\"x\","
          "\"title\":\"Midi\",\"description\":\"12 h\"}}",
          "interactive", "Midi\n12 h");
    reads("\"type\":\"interactive\",\"interactive\":{\"type\":\"nfm_reply\",\"nfm_reply\":{\"body\":\"Sent\","
          "\"response_json\":\"{}\"}}",
          "interactive", "Sent\n{}");
    reads("\"type\":\"button\",\"button\":{\"text\":\"No\",\"payload\":\"n\"}", "button", "No");
    reads("\"type\":\"order\",\"order\":{\"text\":\"vite\",\"product_items\":[{\"product_retailer_id\":\"P1\","
          "\"quantity\":\"2\",\"item_price\":3.5,\"currency\":\"EUR\"},{}]}",
          "order", "vite\n2 × P1 (3.5 EUR)\n1 × ");
    reads("\"type\":\"system\",\"system\":{\"body\":\"changed\"}", "system", "changed");
    reads("\"type\":\"poll_creation\",\"poll_creation\":{\"q\":1}", "unsupported", "");
    reads("\"type\":\"text\",\"text\":\"bare\"", "unsupported", "");
    reads("\"type\":\"image\",\"image\":{\"id\":17}", "unsupported", "");
    reads("\"type\":7", "unsupported", "");
}

TEST(what_a_type_carries_is_kept) {
    begin();
    const Inbound *in = one("\"type\":\"audio\",\"audio\":{\"id\":\"9\",\"mime_type\":\"audio/ogg; codecs=opus\","
                            "\"sha256\":\"abc=\",\"voice\":true},\"context\":{\"id\":\"wamid.0\",\"from\":\"1\"},"
                            "\"referral\":{\"source_id\":\"AD\"}");
    REQUIRE(in);
    CHECK_STR(in->media.text, S("{\"id\":\"9\",\"mimeType\":\"audio/ogg; codecs=opus\",\"sha256\":\"abc=\","
                                "\"voice\":true}"));
    CHECK_STR(in->reply_to, S("wamid.0"));
    CHECK(holds(in->metadata, "\"source_id\":\"AD\"") && holds(in->metadata, "\"from\":\"1\""));
    in = one("\"type\":\"reaction\",\"reaction\":{\"message_id\":\"wamid.9\",\"emoji\":\"😮\"}");
    REQUIRE(in);
    CHECK_STR(in->type, S("reaction"));
    CHECK_STR(in->content, S("😮"));
    CHECK_STR(in->reply_to, S("wamid.9"));
    in = one("\"type\":\"reaction\",\"reaction\":{\"message_id\":\"wamid.9\"}");
    CHECK(in && in->content.len == 0 && str_eq(in->type, S("reaction")));
    in = one("\"type\":\"edit\",\"edit\":{\"original_message_id\":\"wamid.8\",\"message\":{\"type\":\"text\","
             "\"text\":{\"body\":\"mieux\"}}}");
    REQUIRE(in);
    CHECK_STR(in->type, S("system"));
    CHECK_STR(in->content, S("mieux"));
    CHECK_STR(in->reply_to, S("wamid.8"));
    CHECK(holds(in->metadata, "\"providerType\":\"edit\""));
    in = one("\"type\":\"unsupported\",\"errors\":[{\"code\":131051}]");
    CHECK(in && holds(in->metadata, "131051"));
    end();
}

TEST(somebody_without_a_number_is_known_by_the_user_id) {
    begin();
    CHECK(!payload_of("{\"messages\":[{\"id\":\"m\",\"type\":\"text\",\"text\":{\"body\":\"x\"}}],"
                      "\"contacts\":[{\"profile\":{\"name\":\"N\"},\"user_id\":\"FR.99\"}]}"));
    REQUIRE(p.count == 1 && p.parts[0].kind == PART_MESSAGE);
    CHECK(str_is_null(p.parts[0].message.phone));
    CHECK_STR(p.parts[0].message.user_key, S("FR.99"));
    CHECK_STR(p.parts[0].message.name, S("N"));
    CHECK(time_is_null(p.parts[0].message.provider_at));
    /* of a stranger's profile only the name is believed */
    CHECK(!payload_of("{\"messages\":[{\"id\":\"m\",\"from\":\"5511987654321\"}],\"contacts\":[{\"profile\":{"
                      "\"name\":\"N\"},\"wa_id\":\"551187654321\",\"user_id\":\"BR.1\"}]}"));
    CHECK_STR(p.parts[0].message.name, S("N"));
    CHECK_STR(p.parts[0].message.phone, S("+5511987654321"));
    CHECK(str_is_null(p.parts[0].message.user_key));
    /* two contacts, each to its own message */
    CHECK(!payload_of("{\"messages\":[{\"id\":\"a\",\"from\":\"33600000002\"},{\"id\":\"b\",\"from_user_id\":"
                      "\"FR.1\"}],\"contacts\":[{\"profile\":{\"name\":\"One\"},\"user_id\":\"FR.1\"},{\"profile\":"
                      "{\"name\":\"Two\"},\"wa_id\":\"33600000002\"}]}"));
    REQUIRE(p.count == 2);
    CHECK_STR(p.parts[0].message.name, S("Two"));
    CHECK_STR(p.parts[1].message.name, S("One"));
    CHECK(p.flat);
    end();
}

TEST(the_flat_form_names_the_number_in_to) {
    begin();
    CHECK(!payload_of("{\"messages\":[{\"id\":\"a\",\"from\":\"33600000002\",\"to\":\"+33 1 23 45 67 89\","
                      "\"timestamp\":1697043223000,\"type\":\"text\",\"text\":{\"body\":\"x\"}}]}"));
    REQUIRE(p.count == 1);
    CHECK_STR(p.parts[0].number.phone, S("+33123456789"));
    CHECK(p.parts[0].message.provider_at.us == 1697043223 * US_PER_SECOND);
    end();
}

TEST(a_broken_piece_never_takes_another_with_it) {
    begin();
    CHECK(!payload_of(
        "{\"entry\":[7,{\"id\":\"1\"},{\"id\":\"1\",\"changes\":[null,{\"field\":\"messages\",\"value\":[]},"
        "{\"field\":\"messages\",\"value\":{\"messages\":{},\"statuses\":[{\"id\":\"s\",\"status\":\"sent\"},3]}},"
        "{\"field\":\"messages\",\"value\":{\"messages\":[[],{\"id\":5,\"from\":\"33600000002\"},{\"id\":\"x\"},"
        "{\"id\":\"good\",\"from\":\"33600000002\"}],\"statuses\":\"none\"}},{\"field\":\"messages\",\"value\":{}}]}]}"));
    REQUIRE(p.count == 13);
    int messages = 0, statuses = 0, broken = 0;
    for (ptrdiff_t i = 0; i < p.count; i++) {
        messages += p.parts[i].kind == PART_MESSAGE;
        statuses += p.parts[i].kind == PART_STATUS;
        broken += p.parts[i].kind == PART_BROKEN && p.parts[i].reason.len > 0 && p.parts[i].raw.text.len > 0;
    }
    CHECK_INT(messages, 1);
    CHECK_INT(statuses, 1);
    CHECK_INT(broken, 11);
    end();
}

TEST(what_is_not_a_message_is_unused_not_broken) {
    begin();
    CHECK(!payload_of("{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"1\",\"changes\":["
                      "{\"field\":\"calls\",\"value\":{\"metadata\":{\"phone_number_id\":\"5\"},\"statuses\":[{}]}},"
                      "{\"field\":\"no such <field>\",\"value\":{}},"
                      "{\"field\":\"messages\",\"value\":{\"errors\":[{\"code\":1}]}},"
                      "{\"field\":\"messages\",\"value\":{\"statuses\":[{\"id\":\"x\",\"status\":\"deleted\"}]}}]}]}"));
    REQUIRE(p.count == 4);
    for (ptrdiff_t i = 0; i < 4; i++) CHECK(p.parts[i].kind == PART_UNUSED);
    CHECK_STR(p.parts[0].reason, S("calls"));
    CHECK_STR(p.parts[0].number.phone_number_id, S("5"));
    CHECK_STR(p.parts[1].reason, S("other"));
    CHECK_STR(p.parts[2].reason, S("errors"));
    CHECK_STR(p.parts[3].reason, S("status.deleted"));
    CHECK(!payload_of("{\"object\":\"page\",\"entry\":[{}]}"));
    CHECK(p.count == 1 && p.parts[0].kind == PART_UNUSED);
    end();
}

TEST(statuses_tell_their_errors) {
    begin();
    CHECK(!payload_of("{\"statuses\":[{\"id\":\"a\",\"status\":\"failed\",\"timestamp\":\"1689380458\",\"errors\":"
                      "[{\"code\":131047,\"title\":\"é\"}]},{\"id\":\"a\",\"status\":\"read\",\"timestamp\":\"soon\"}]}"));
    REQUIRE(p.count == 2 && p.parts[0].kind == PART_STATUS);
    CHECK_STR(p.parts[0].status.status, S("failed"));
    CHECK_STR(p.parts[0].status.errors.text, S("[{\"code\":131047,\"title\":\"é\"}]"));
    CHECK(p.parts[0].status.at.us == 1689380458 * US_PER_SECOND);
    CHECK(str_is_null(p.parts[1].status.errors.text) && time_is_null(p.parts[1].status.at));
    end();
}

TEST(what_phones_send_and_parsers_refuse_costs_no_batch) {
    begin();
    const Inbound *in = one("\"type\":\"text\",\"text\":{\"body\":\"a\\u0000b\\uD83Dc\\uDE00 \\uD83D\\uDE00 \\\\u0000\"}");
    REQUIRE(in);
    CHECK_STR(in->content, S("a\uFFFDb\uFFFDc\uFFFD 😀 \\u0000"));
    end();
}

TEST(what_is_no_json_object_is_refused) {
    static const char *const bad[] = {"", "[]", "7", "{", "{\"a\":1,\"a\":2}", "{\"a\":\"\xff\"}", "null"};
    for (ptrdiff_t i = 0; i < COUNT(bad); i++) {
        begin();
        Err *err = payload_of(bad[i]);
        CHECK(err && err->kind == ERR_BAD_REQUEST);
        end();
    }
    begin();
    Buf deep = buf_new(c->arena, 64);
    for (int i = 0; i < 100000; i++) buf_add(&deep, S("{\"a\":"));
    Err *err = whatsapp_read(c, buf_str(&deep), &p);
    CHECK(err && err->kind == ERR_BAD_REQUEST);
    end();
}

TEST(more_parts_than_a_batch_may_have_are_refused_at_once) {
    begin();
    Buf many = buf_new(c->arena, 64);
    buf_add(&many, S("{\"messages\":["));
    for (int i = 0; i < 200000; i++) buf_add(&many, i ? S(",0") : S("0"));
    buf_add(&many, S("]}"));
    Err *err = whatsapp_read(c, buf_str(&many), &p);
    CHECK(err && err->kind == ERR_TOO_LARGE);
    end();
}

TEST(long_texts_are_cut_and_say_so) {
    begin();
    Buf body = buf_new(c->arena, 64);
    buf_add(&body, S("\"type\":\"text\",\"text\":{\"body\":\""));
    for (int i = 0; i < WHATSAPP_CONTENT_MAX; i++) buf_add(&body, S("é"));
    buf_add(&body, S("\"}"));
    const Inbound *in = one(str_cstr(c->arena, buf_str(&body)));
    REQUIRE(in);
    CHECK(in->content.len <= WHATSAPP_CONTENT_MAX && in->content.len > WHATSAPP_CONTENT_MAX - 4);
    CHECK(str_utf8_valid(in->content));
    CHECK(holds(in->metadata, "\"truncated\":true"));
    end();
}

T_MAIN(T_ROW(every_type_is_put_into_words), T_ROW(what_a_type_carries_is_kept),
       T_ROW(somebody_without_a_number_is_known_by_the_user_id),
       T_ROW(the_flat_form_names_the_number_in_to),
       T_ROW(a_broken_piece_never_takes_another_with_it),
       T_ROW(what_is_not_a_message_is_unused_not_broken), T_ROW(statuses_tell_their_errors),
       T_ROW(what_phones_send_and_parsers_refuse_costs_no_batch),
       T_ROW(what_is_no_json_object_is_refused),
       T_ROW(more_parts_than_a_batch_may_have_are_refused_at_once),
       T_ROW(long_texts_are_cut_and_say_so))

/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a webhook's body: refused, or parts that each hold what conversation.h asks of them. */
#include "products/sylion/phone.h"
#include "products/sylion/whatsapp_in.h"

static void text_check(Str text) { assert(str_utf8_valid(text)); }

static void message_check(const Inbound *in) {
    assert(in->external_id.len > 0 && in->external_id.len <= 256 && in->type.len > 0);
    assert(!str_is_null(in->content) && in->content.len <= WHATSAPP_CONTENT_MAX);
    assert(in->phone.len > 0 || in->user_key.len > 0);
    assert(str_is_null(in->phone) || (in->phone.data[0] == '+' && in->phone.len <= 16));
    text_check(in->content);
    text_check(in->name);
    text_check(in->external_id);
    assert(time_is_null(in->provider_at) || in->provider_at.us > 0);
}

static void json_check(Ctx *c, JsonText json) {
    json_t *value;
    if (str_is_null(json.text)) return;
    Err *err = json_parse(c, json.text, &value);
    assert(!err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 100000) return 0;
    Ctx c = {.arena = arena_new(512 * MIB)};
    Str body = str_of((const char *)data, (ptrdiff_t)size);
    WhatsappPayload payload;
    Err *err = whatsapp_read(&c, body, &payload);
    assert(!err || err->kind == ERR_BAD_REQUEST || err->kind == ERR_TOO_LARGE);
    for (ptrdiff_t i = 0; !err && i < payload.count; i++) {
        const WhatsappPart *part = &payload.parts[i];
        if (part->kind == PART_MESSAGE) {
            message_check(&part->message);
            json_check(&c, part->message.metadata);
            json_check(&c, part->message.media);
            json_check(&c, part->message.raw);
        } else if (part->kind == PART_STATUS) {
            assert(part->status.status.len > 0 && part->status.external_id.len > 0);
            json_check(&c, part->status.errors);
        } else {
            assert(part->reason.len > 0);
            text_check(part->reason);
        }
    }
    phone_mask(c.arena, body);
    Str phone = phone_normalise(c.arena, body);
    assert(str_is_null(phone) || str_eq(phone_normalise(c.arena, phone), phone));
    ctx_undo(&c, NULL);
    arena_free(c.arena);
    return 0;
}

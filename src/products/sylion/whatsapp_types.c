/* SPDX-License-Identifier: Apache-2.0
 * What a WhatsApp message of each type says: one function a type, which puts into words what a
 * reader would see, and the table of them. What only a program wants goes into the metadata as
 * it came. */
#include "products/sylion/whatsapp_in.h"

/* Write the content; false: this is not what the type says it is. `own` is message[type]. */
typedef bool (*TypeRead)(Buf *b, const json_t *own, Inbound *out);

static bool filled(Str text) { return text.len > 0; }

static void add_line(Buf *b, Str text) {
    if (!filled(text)) return;
    if (b->len > 0) buf_add(b, S("\n"));
    buf_add(b, text);
}

static bool text_read(Buf *b, const json_t *own, Inbound *out) {
    (void)out;
    Str body = json_str(json_at(own, "body"));
    buf_add(b, body);
    return !str_is_null(body);
}

static void media_member(JsonOut *o, const json_t *own, const char *theirs, Str ours) {
    Str value = json_str(json_at(own, theirs));
    if (!filled(value)) return;
    json_key(o, ours);
    json_put_str(o, value);
}

static void media_flag(JsonOut *o, const json_t *own, const char *name) {
    const json_t *value = json_at(own, name);
    if (!json_is_boolean(value)) return;
    json_key(o, str_c(name));
    json_put_bool(o, json_is_true(value));
}

static bool media_read(Buf *b, const json_t *own, Inbound *out) {
    if (!filled(json_str(json_at(own, "id")))) return false;
    Buf media = buf_new(b->arena, 256);
    JsonOut o = json_out(&media);
    json_begin(&o, '{');
    media_member(&o, own, "id", S("id"));
    media_member(&o, own, "mime_type", S("mimeType"));
    media_member(&o, own, "sha256", S("sha256"));
    media_member(&o, own, "filename", S("filename"));
    media_flag(&o, own, "voice");
    media_flag(&o, own, "animated");
    json_end(&o, '}');
    out->media = (JsonText){buf_str(&media)};
    buf_add(b, json_str(json_at(own, "caption")));
    return true;
}

static bool location_read(Buf *b, const json_t *own, Inbound *out) {
    (void)out;
    double latitude, longitude;
    add_line(b, json_str(json_at(own, "name")));
    add_line(b, json_str(json_at(own, "address")));
    if (json_f64(json_at(own, "latitude"), &latitude) &&
        json_f64(json_at(own, "longitude"), &longitude)) {
        add_line(b, strf(b->arena, "%.6f, %.6f", latitude, longitude));
    }
    return b->len > 0;
}

static bool contacts_read(Buf *b, const json_t *own, Inbound *out) {
    (void)out;
    size_t i, k;
    const json_t *contact, *phone;
    json_array_foreach(own, i, contact) {
        add_line(b, json_str(json_path(contact, "name.formatted_name")));
        json_array_foreach(json_at(contact, "phones"), k, phone) {
            Str number = json_str(json_at(phone, "phone"));
            if (filled(number)) buf_f(b, " %.*s", S_ARG(number));
        }
    }
    return json_array_size(own) > 0;
}

static bool interactive_read(Buf *b, const json_t *own, Inbound *out) {
    (void)out;
    const json_t *button = json_at(own, "button_reply"), *list = json_at(own, "list_reply"),
                 *form = json_at(own, "nfm_reply"), *call = json_at(own, "call_permission_reply");
    if (json_is_object(button)) {
        buf_add(b, json_str(json_at(button, "title")));
    } else if (json_is_object(list)) {
        buf_add(b, json_str(json_at(list, "title")));
        add_line(b, json_str(json_at(list, "description")));
    } else if (json_is_object(form)) {
        buf_add(b, json_str(json_at(form, "body")));
        add_line(b, json_str(json_at(form, "response_json")));
    } else if (json_is_object(call)) {
        buf_add(b, json_str(json_at(call, "response")));
    }
    return b->len > 0;
}

static bool button_read(Buf *b, const json_t *own, Inbound *out) {
    (void)out;
    Str text = json_str(json_at(own, "text"));
    buf_add(b, text);
    return !str_is_null(text);
}

/* No emoji takes an earlier reaction back. */
static bool reaction_read(Buf *b, const json_t *own, Inbound *out) {
    out->reply_to = str_copy(b->arena, json_str(json_at(own, "message_id")));
    buf_add(b, json_str(json_at(own, "emoji")));
    return filled(out->reply_to);
}

static bool order_read(Buf *b, const json_t *own, Inbound *out) {
    (void)out;
    size_t i;
    const json_t *item;
    add_line(b, json_str(json_at(own, "text")));
    json_array_foreach(json_at(own, "product_items"), i, item) {
        int64_t quantity = 1;
        double price;
        json_i64(json_at(item, "quantity"), &quantity);
        add_line(b, strf(b->arena, "%lld × %.*s", (long long)quantity,
                         S_ARG(json_str(json_at(item, "product_retailer_id")))));
        if (!json_f64(json_at(item, "item_price"), &price)) continue;
        buf_add(b, S(" ("));
        buf_f64(b, price);
        buf_f(b, " %.*s)", S_ARG(json_str(json_at(item, "currency"))));
    }
    return b->len > 0;
}

static bool system_read(Buf *b, const json_t *own, Inbound *out) {
    (void)out;
    buf_add(b, json_str(json_at(own, "body")));
    return json_is_object(own);
}

static bool edit_read(Buf *b, const json_t *own, Inbound *out) {
    const json_t *message = json_at(own, "message");
    Str type = json_str(json_at(message, "type"));
    out->reply_to = str_copy(b->arena, json_str(json_at(own, "original_message_id")));
    if (str_eq(type, S("text")))
        buf_add(b, json_str(json_path(message, "text.body")));
    else if (filled(type) && type.len < 32)
        buf_add(b, json_str(json_at(json_at(message, str_cstr(b->arena, type)), "caption")));
    return filled(out->reply_to);
}

static bool revoke_read(Buf *b, const json_t *own, Inbound *out) {
    out->reply_to = str_copy(b->arena, json_str(json_at(own, "original_message_id")));
    return filled(out->reply_to);
}

static const struct {
    Str theirs;
    const char *ours;
    TypeRead read;
    bool kept; /* the type's own object goes into the metadata */
} types[] = {
    {S_INIT("text"), "text", text_read, false},
    {S_INIT("image"), "image", media_read, false},
    {S_INIT("audio"), "audio", media_read, false},
    {S_INIT("voice"), "audio", media_read, false},
    {S_INIT("video"), "video", media_read, false},
    {S_INIT("document"), "document", media_read, false},
    {S_INIT("sticker"), "sticker", media_read, false},
    {S_INIT("location"), "location", location_read, true},
    {S_INIT("contacts"), "contacts", contacts_read, true},
    {S_INIT("interactive"), "interactive", interactive_read, true},
    {S_INIT("button"), "button", button_read, true},
    {S_INIT("reaction"), "reaction", reaction_read, true},
    {S_INIT("order"), "order", order_read, true},
    {S_INIT("system"), "system", system_read, true},
    {S_INIT("edit"), "system", edit_read, true},
    {S_INIT("revoke"), "system", revoke_read, true},
};

static void metadata_take(JsonOut *o, const json_t *from, Str name) {
    const json_t *value = json_object_getn(from, name.data, (size_t)name.len);
    if (!value || json_is_null(value)) return;
    json_key(o, name);
    buf_json_value(o->buf, value);
    o->comma = true;
}

static void content_take(const Buf *content, JsonOut *o, Inbound *out) {
    out->content = str_utf8_cut(buf_str(content), WHATSAPP_CONTENT_MAX);
    if (out->content.len == content->len) return;
    json_key(o, S("truncated"));
    json_put_bool(o, true);
}

void whatsapp_type_read(Arena *arena, const json_t *message, const json_t *errors, Inbound *out) {
    Str type = json_str(json_at(message, "type"));
    Buf content = buf_new(arena, 64), metadata = buf_new(arena, 64);
    JsonOut o = json_out(&metadata);
    ptrdiff_t at = 0;
    while (at < COUNT(types) && !str_eq(types[at].theirs, type)) at++;
    out->reply_to = str_copy(arena, json_str(json_path(message, "context.id")));
    if (!filled(out->reply_to)) out->reply_to = (Str){0};
    json_begin(&o, '{');
    bool good =
        at < COUNT(types) &&
        types[at].read(&content, json_object_getn(message, type.data, (size_t)type.len), out);
    out->type = good ? str_c(types[at].ours) : S("unsupported");
    if (!good) content.len = 0;
    if (!str_eq(out->type, type)) {
        json_key(&o, S("providerType"));
        json_put_str(&o, str_utf8_cut(filled(type) ? type : S("none"), 40));
    }
    metadata_take(&o, message, S("context"));
    metadata_take(&o, message, S("referral"));
    if (!good || types[at].kept) metadata_take(&o, message, filled(type) ? type : S("unsupported"));
    if (json_at(message, "errors"))
        metadata_take(&o, message, S("errors"));
    else if (!good && json_is_array(errors)) {
        json_key(&o, S("errors"));
        buf_json_value(&metadata, errors);
        o.comma = true;
    }
    content_take(&content, &o, out);
    json_end(&o, '}');
    out->metadata = (JsonText){buf_str(&metadata)};
}

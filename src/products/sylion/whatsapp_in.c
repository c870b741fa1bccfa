/* SPDX-License-Identifier: Apache-2.0
 * Takes a webhook's payload apart; see whatsapp_in.h for what comes out.
 *
 *   payload ─▶ entry ─▶ change ─▶ value ─▶ messages │ statuses │ (anything else: unused)
 *
 * Every wrong type on the way down makes one broken part, of just that piece. */
#include "products/sylion/whatsapp_in.h"

#include "products/sylion/phone.h"

enum { ID_MAX = 256, NAME_MAX_BYTES = 400, KEY_MAX_BYTES = 200, FIELD_SHOWN = 40 };

typedef struct Reader {
    Ctx *c;
    WhatsappPayload *out;
    ptrdiff_t cap;
    bool full;
    WhatsappPart spare;    /* takes what does not fit any more: the whole is refused then */
    WhatsappNumber number; /* of the value being read */
} Reader;

static WhatsappPart *part_add(Reader *r, PartKind kind) {
    WhatsappPayload *p = r->out;
    if (p->count == WHATSAPP_PARTS_MAX) {
        r->full = true;
        return &r->spare;
    }
    if (p->count == r->cap) {
        ptrdiff_t cap = r->cap ? 4 * r->cap : 4, size = (ptrdiff_t)sizeof *p->parts;
        p->parts = arena_grow(r->c->arena, p->parts, r->cap * size, cap * size);
        r->cap = cap;
    }
    WhatsappPart *part = &p->parts[p->count++];
    *part = (WhatsappPart){.kind = kind, .number = r->number};
    part->message.provider_at = part->status.at = TIME_NULL;
    return part;
}

static JsonText raw_of(Reader *r, const json_t *value) {
    Buf b = buf_new(r->c->arena, 512);
    buf_json_value(&b, value);
    return (JsonText){buf_str(&b)};
}

static void broken_add(Reader *r, const json_t *value, const char *why) {
    WhatsappPart *part = part_add(r, PART_BROKEN);
    part->reason = str_c(why);
    part->raw = raw_of(r, value);
}

/* `about` is the provider's word: only what looks like a name of its own is repeated. */
static void unused_add(Reader *r, const json_t *value, const char *prefix, Str about) {
    bool plain = about.len > 0 && about.len <= FIELD_SHOWN;
    for (ptrdiff_t i = 0; plain && i < about.len; i++) {
        char x = about.data[i];
        plain =
            (x >= 'a' && x <= 'z') || (x >= 'A' && x <= 'Z') || (x >= '0' && x <= '9') || x == '_';
    }
    WhatsappPart *part = part_add(r, PART_UNUSED);
    part->reason = strf(r->c->arena, "%s%.*s", prefix, S_ARG(plain ? about : S("other")));
    part->raw = raw_of(r, value);
}

/* -- words ------------------------------------------------------------------------------------- */

static Str text_of(Reader *r, const json_t *value, ptrdiff_t max) {
    Str text = json_str(value);
    return text.len > 0 && text.len <= max ? str_copy(r->c->arena, text) : (Str){0};
}

/* Seconds, as text or number; some tools send milliseconds. */
static Time time_of(const json_t *value) {
    const int64_t year_5000_s = 95617584000;
    int64_t n;
    if (!json_i64(value, &n) || n <= 0) return TIME_NULL;
    if (n <= year_5000_s) return (Time){n * US_PER_SECOND};
    return n <= year_5000_s * 1000 ? (Time){n * US_PER_MS} : TIME_NULL;
}

static bool key_is_plain(Str key) {
    for (ptrdiff_t i = 0; i < key.len; i++)
        if (key.data[i] <= ' ' || key.data[i] > '~') return false;
    return key.len > 0 && key.len <= KEY_MAX_BYTES;
}

static Str key_of(Reader *r, const json_t *value) {
    Str key = json_str(value);
    return key_is_plain(key) ? str_copy(r->c->arena, key) : (Str){0};
}

/* -- messages ---------------------------------------------------------------------------------- */

/* The contact that wrote it: named by number or user id. When there is but one of each, its
 * profile is the sender's even if the numbers differ (they are spelled in two ways in some
 * countries), but who somebody is, is taken from it only where the message does not say
 * otherwise. */
static const json_t *contact_of(const json_t *contacts, const json_t *message, bool alone,
                                bool *certain) {
    Str from = json_str(json_at(message, "from")),
        user = json_str(json_at(message, "from_user_id"));
    size_t i;
    const json_t *contact;
    *certain = true;
    json_array_foreach(contacts, i, contact) {
        Str wa_id = json_str(json_at(contact, "wa_id")),
            key = json_str(json_at(contact, "user_id"));
        if (from.len > 0 && str_eq(from, wa_id)) return contact;
        if (user.len > 0 && str_eq(user, key)) return contact;
        if (from.len > 0 && str_eq(from, key)) return contact;
    }
    *certain = from.len == 0 && user.len == 0;
    return alone && json_array_size(contacts) == 1 ? json_array_get(contacts, 0) : NULL;
}

static void sender_read(Reader *r, const json_t *contacts, const json_t *message, bool alone,
                        Inbound *out) {
    bool certain;
    const json_t *contact = contact_of(contacts, message, alone, &certain);
    Str from = json_str(json_at(message, "from"));
    out->phone = phone_normalise(r->c->arena, from);
    out->user_key = key_of(r, json_at(message, "from_user_id"));
    if (certain && str_is_null(out->phone))
        out->phone = phone_normalise(r->c->arena, json_str(json_at(contact, "wa_id")));
    if (certain && str_is_null(out->user_key))
        out->user_key = key_of(r, json_at(contact, "user_id"));
    if (str_is_null(out->phone) && str_is_null(out->user_key))
        out->user_key = key_of(r, json_at(message, "from")); /* an id of a kind of its own */
    Str name = str_trim(json_str(json_path(contact, "profile.name")));
    if (name.len > 0) out->name = str_copy(r->c->arena, str_utf8_cut(name, NAME_MAX_BYTES));
}

static void message_read(Reader *r, const json_t *value, const json_t *message, bool alone) {
    Inbound in = {.provider_at = time_of(json_at(message, "timestamp"))};
    if (!json_is_object(message)) {
        broken_add(r, message, "a message is not an object");
        return;
    }
    in.external_id = text_of(r, json_at(message, "id"), ID_MAX);
    if (str_is_null(in.external_id)) {
        broken_add(r, message, "a message has no id of 1 to 256 bytes");
        return;
    }
    sender_read(r, json_at(value, "contacts"), message, alone, &in);
    if (str_is_null(in.phone) && str_is_null(in.user_key)) {
        broken_add(r, message, "a message has no sender");
        return;
    }
    whatsapp_type_read(r->c->arena, message, json_at(value, "errors"), &in);
    in.raw = raw_of(r, message);
    WhatsappPart *part = part_add(r, PART_MESSAGE);
    if (str_is_null(part->number.phone_number_id) && str_is_null(part->number.phone))
        part->number.phone = phone_normalise(r->c->arena, json_str(json_at(message, "to")));
    part->message = in;
}

/* -- statuses ---------------------------------------------------------------------------------- */

static void status_read(Reader *r, const json_t *status) {
    static const char *const known[] = {"sent", "delivered", "read", "played", "failed"};
    StatusTold told = {.at = time_of(json_at(status, "timestamp"))};
    if (!json_is_object(status)) {
        broken_add(r, status, "a status is not an object");
        return;
    }
    told.external_id = text_of(r, json_at(status, "id"), ID_MAX);
    Str word = json_str(json_at(status, "status"));
    if (str_is_null(told.external_id) || word.len == 0) {
        broken_add(r, status, "a status has no id of 1 to 256 bytes, or no status");
        return;
    }
    for (ptrdiff_t i = 0; i < COUNT(known); i++)
        if (str_eq(word, str_c(known[i]))) told.status = str_c(known[i]);
    if (str_is_null(told.status)) {
        unused_add(r, status, "status.", word);
        return;
    }
    if (json_array_size(json_at(status, "errors")) > 0)
        told.errors = raw_of(r, json_at(status, "errors"));
    part_add(r, PART_STATUS)->status = told;
}

/* -- the wrapping ------------------------------------------------------------------------------ */

/* A list that should be one; what is no list is broken. NULL: there is nothing in it. */
static const json_t *list_of(Reader *r, const json_t *object, const char *name, const char *why) {
    const json_t *list = json_at(object, name);
    if (!list || json_is_null(list)) return NULL;
    if (!json_is_array(list)) broken_add(r, list, why);
    return json_array_size(list) > 0 ? list : NULL;
}

/* A value's lists; false when it has none of them. */
static bool lists_read(Reader *r, const json_t *value) {
    ptrdiff_t before = r->out->count;
    const json_t *messages = list_of(r, value, "messages", "messages is not a list"),
                 *statuses = list_of(r, value, "statuses", "statuses is not a list"), *one;
    size_t i, n = json_array_size(messages);
    for (i = 0; i < n && !r->full; i++) message_read(r, value, json_array_get(messages, i), n == 1);
    json_array_foreach(statuses, i, one) {
        if (r->full) break;
        status_read(r, one);
    }
    if (n == 0 && json_array_size(json_at(value, "errors")) > 0)
        unused_add(r, value, "", S("errors"));
    return r->out->count > before;
}

static void number_read(Reader *r, const json_t *value, Str account) {
    const json_t *metadata = json_at(value, "metadata");
    r->number = (WhatsappNumber){
        .account = account,
        .phone_number_id = key_of(r, json_at(metadata, "phone_number_id")),
        .phone = phone_normalise(r->c->arena, json_str(json_at(metadata, "display_phone_number"))),
    };
}

static void change_read(Reader *r, const json_t *change, Str account) {
    const json_t *value = json_at(change, "value");
    Str field = json_str(json_at(change, "field"));
    r->number = (WhatsappNumber){.account = account};
    if (!json_is_object(value)) {
        broken_add(r, change, "a change has no value");
        return;
    }
    number_read(r, value, account);
    bool messages = str_is_null(field) || str_eq(field, S("messages"));
    if (!messages)
        unused_add(r, value, "", field);
    else if (!lists_read(r, value))
        broken_add(r, value, "a value has neither messages nor statuses");
}

static void entry_read(Reader *r, const json_t *entry) {
    Str account = key_of(r, json_at(entry, "id"));
    r->number = (WhatsappNumber){.account = account};
    const json_t *changes = json_at(entry, "changes");
    if (!json_is_array(changes)) {
        broken_add(r, entry, "an entry has no list of changes");
        return;
    }
    for (size_t i = 0; i < json_array_size(changes) && !r->full; i++)
        change_read(r, json_array_get(changes, i), account);
}

static void payload_read(Reader *r, const json_t *body) {
    const json_t *entries = json_at(body, "entry");
    Str object = json_str(json_at(body, "object"));
    if (object.len > 0 && !str_eq(object, S("whatsapp_business_account"))) {
        unused_add(r, body, "object.", object);
    } else if (json_is_array(entries)) {
        for (size_t i = 0; i < json_array_size(entries) && !r->full; i++)
            entry_read(r, json_array_get(entries, i));
        r->number = (WhatsappNumber){0};
        if (r->out->count == 0) broken_add(r, body, "there is nothing in the payload");
    } else {
        r->out->flat = !entries && str_is_null(object);
        number_read(r, body, (Str){0});
        if (!lists_read(r, body)) broken_add(r, body, "there are neither entries nor messages");
    }
}

/* -- escapes ----------------------------------------------------------------------------------- */

static int32_t unit_of(Str text, ptrdiff_t at) {
    int32_t unit = 0;
    if (at + 6 > text.len || text.data[at] != '\\' || text.data[at + 1] != 'u') return -1;
    for (ptrdiff_t i = at + 2; i < at + 6; i++) {
        char x = text.data[i];
        int digit = x >= '0' && x <= '9'   ? x - '0'
                    : x >= 'a' && x <= 'f' ? x - 'a' + 10
                    : x >= 'A' && x <= 'F' ? x - 'A' + 10
                                           : -1;
        if (digit < 0) return -1;
        unit = 16 * unit + digit;
    }
    return unit;
}

/* \u0000 and halves of a surrogate pair are what people's phones can send and what neither the
 * parser nor PostgreSQL takes: one of them must not cost a whole batch. They become U+FFFD. */
static Str escapes_mend(Arena *arena, Str body) {
    char *mended = NULL;
    for (ptrdiff_t i = 0; i < body.len; i++) {
        if (body.data[i] != '\\') continue;
        int32_t unit = unit_of(body, i), low;
        ptrdiff_t length = unit < 0 ? 2 : 6;
        bool bad = unit == 0 || (unit >= 0xDC00 && unit <= 0xDFFF);
        if (unit >= 0xD800 && unit <= 0xDBFF) {
            low = unit_of(body, i + 6);
            bad = low < 0xDC00 || low > 0xDFFF;
            if (!bad) length = 12;
        }
        if (bad) {
            if (!mended) mended = memcpy(arena_bytes(arena, body.len), body.data, (size_t)body.len);
            memcpy(mended + i, "\\ufffd", 6);
        }
        i += length - 1;
    }
    return mended ? str_of(mended, body.len) : body;
}

Err *whatsapp_read(Ctx *c, Str body, WhatsappPayload *out) {
    json_t *json;
    *out = (WhatsappPayload){0};
    Reader r = {.c = c, .out = out};
    TRY(json_parse(c, escapes_mend(c->arena, body), &json));
    if (!json_is_object(json)) FAIL(c, BAD_REQUEST, "A webhook's body is a JSON object.");
    payload_read(&r, json);
    if (r.full)
        FAIL(c, TOO_LARGE, "A webhook holds at most %d messages and statuses.", WHATSAPP_PARTS_MAX);
    assert(out->count > 0);
    return NULL;
}

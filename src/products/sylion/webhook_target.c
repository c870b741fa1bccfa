/* SPDX-License-Identifier: Apache-2.0
 * Whose number it is: the only place where a row is looked for in all tenants at once. What is
 * found is not yet believed; see webhook_proof.c. */
#include "products/sylion/system_sql.h"
#include "products/sylion/webhook_room.h"

#define CHANNEL_FIELD(member)                                                                \
    {.name = #member, .kind = KIND_OF(((WebhookTarget *)0)->channel.member),                 \
     .offset = offsetof(WebhookTarget, channel.member), .flags = F_NULLABLE | F_SECRET}
static const Field target_fields[] = {
    CHANNEL_FIELD(n),
    CHANNEL_FIELD(tenant_n),
    CHANNEL_FIELD(id),
    CHANNEL_FIELD(tenant_id),
    CHANNEL_FIELD(name),
    CHANNEL_FIELD(type),
    CHANNEL_FIELD(provider),
    CHANNEL_FIELD(is_active),
    CHANNEL_FIELD(config),
    CHANNEL_FIELD(whatsapp_phone_number),
    CHANNEL_FIELD(phone_number_id),
    CHANNEL_FIELD(whatsapp_api_key),
    CHANNEL_FIELD(whatsapp_verify_token),
    CHANNEL_FIELD(app_secret),
    CHANNEL_FIELD(webhook_secret),
    CHANNEL_FIELD(created_at),
    CHANNEL_FIELD(updated_at),
    CHANNEL_FIELD(deleted_at),
    FIELD(WebhookTarget, gone),
};
static const Record target_record = RECORD(WebhookTarget, target_fields);

static Err *find(Ctx *c, Sql sql, Args args, const WebhookTarget **out) {
    WebhookTarget *target = arena_new_of(c->arena, WebhookTarget);
    bool found;
    *out = NULL;
    TRY(system_maybe(c, sql, args, &target_record, target, &found));
    if (found) *out = target;
    return NULL;
}

Err *webhook_target_by_id(Ctx *c, Str id, const WebhookTarget **out) {
    *out = NULL;
    if (!uuid_valid(id)) return NULL;
    return find(c, SQL(SQL_SYSTEM_CHANNEL_BY_ID), ARGS(V(str_lower(c->arena, id))), out);
}

Err *webhook_target_by_number(Ctx *c, const WhatsappNumber *number, const WebhookTarget **out) {
    Str id = number->phone_number_id, phone = number->phone;
    *out = NULL;
    if (id.data) TRY(find(c, SQL(SQL_SYSTEM_CHANNEL_BY_PHONE_ID), ARGS(V(id)), out));
    if (!*out && phone.data) TRY(find(c, SQL(SQL_SYSTEM_CHANNEL_BY_PHONE), ARGS(V(phone)), out));
    if (*out || (!id.data && !phone.data)) return NULL;
    return find(c, SQL(SQL_SYSTEM_CHANNEL_GONE), ARGS(V(id), V(phone)), out);
}

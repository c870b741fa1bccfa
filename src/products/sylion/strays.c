/* SPDX-License-Identifier: Apache-2.0
 * What webhooks brought for nobody, or what could not be read or stored of it: one row for each
 * number and reason, so that whoever sends can neither fill the disk nor hide something else behind
 * many. For the platform's admins, who see the number as it came; logs see it masked. */
#include "core/log.h"
#include "products/sylion/figures.h"
#include "products/sylion/phone.h"
#include "products/sylion/routes.h"
#include "products/sylion/system_sql.h"
#include "products/sylion/webhook_room.h"

enum { PAYLOAD_MAX = 64 * 1024, DETAIL_MAX = 500, ROWS_MAX = 10000 };

typedef struct WebhookStray {
    int64_t id;
    Str source, number, reason, detail, payload;
    int64_t count;
    Time first_at, last_at;
} WebhookStray;
static const Field stray_fields[] = {
    FIELD(WebhookStray, id),
    FIELD(WebhookStray, source, .doc = "cloud, 360dialog"),
    FIELD(WebhookStray, number, .doc = "As it was named: id of a number, number, or account"),
    FIELD(WebhookStray, reason,
          .doc = "unknown_number, channel_deleted, not_proven, broken, refused, unused.<what>"),
    FIELD(WebhookStray, detail, .flags = F_NULLABLE),
    FIELD(WebhookStray, payload, .flags = F_NULLABLE, .doc = "The latest, cut at 64 KiB"),
    FIELD(WebhookStray, count),
    FIELD(WebhookStray, first_at),
    FIELD(WebhookStray, last_at),
};
static const Record stray_record = RECORD(WebhookStray, stray_fields, .camel = true,
                                          .doc = "Webhooks that nobody was there for");

Err *stray_add(Ctx *c, Str source, const StrayIn *stray) {
    int64_t count;
    Str number = stray->number.len > 0 ? stray->number : S("none");
    Str payload = stray->payload.text.data ? str_utf8_cut(stray->payload.text, PAYLOAD_MAX)
                                           : (Str){0};
    Str detail = stray->detail.data ? str_utf8_cut(stray->detail, DETAIL_MAX) : (Str){0};
    TRY(system_int(c, SQL(SQL_SYSTEM_STRAY_ADD),
                   ARGS(V(source), V(number), V(stray->reason), V(detail), V(payload),
                        V(time_now())),
                   &count));
    stray_counted(c, stray->reason);
    if (count > 1) return NULL;
    log_msg(c, LOG_WARN, "a webhook brought something for nobody: %.*s, %.*s",
            S_ARG(stray->reason), S_ARG(phone_mask(c->arena, number)));
    return system_exec(c, SQL(SQL_SYSTEM_STRAYS_TRIM), ARGS(V((int64_t)ROWS_MAX)), NULL);
}

/* -- routes ------------------------------------------------------------------------------------ */

typedef struct StrayQuery {
    int64_t page, limit;
} StrayQuery;
static const Field stray_query_fields[] = {PAGE_FIELDS(StrayQuery)};
static const Record stray_query_record = RECORD(StrayQuery, stray_query_fields);

static Err *strays_list(Ctx *c, Call *k) {
    const StrayQuery *q = k->query;
    int64_t total;
    Rows rows;
    TRY(platform_require(c));
    TRY(system_int(c, SQL(SQL_SYSTEM_STRAYS_COUNT), NO_ARGS, &total));
    TRY(system_query(c, SQL(SQL_SYSTEM_STRAYS), ARGS(V(q->limit), V((q->page - 1) * q->limit)),
                     &stray_record, &rows));
    call_list(c, k, rows, total, (Str){0});
    return NULL;
}

static Err *stray_delete(Ctx *c, Call *k) {
    ptrdiff_t changed;
    TRY(platform_require(c));
    TRY(system_exec(c, SQL(SQL_SYSTEM_STRAY_REMOVE), ARGS(V(k->ids[0])), &changed));
    if (changed == 0)
        return sylion_err(c, ERR_NOT_FOUND, "STRAY_NOT_FOUND", "There is no such stray.");
    *(Deleted *)call_out(k) = (Deleted){k->params[0], true};
    return NULL;
}

static Err *strays_clear(Ctx *c, Call *k) {
    TRY(platform_require(c));
    TRY(system_exec(c, SQL(SQL_SYSTEM_STRAYS_CLEAR), NO_ARGS, NULL));
    *(Deleted *)call_out(k) = (Deleted){S("all"), true};
    return NULL;
}

const Route stray_routes[] = {
    {GET, "/api/v1/admin/webhook-strays", strays_list, READS, .query = &stray_query_record,
     .out = &stray_record, .out_list = true, .errors = "403",
     .doc = "What WhatsApp's webhooks brought for nobody, the latest first"},
    {DELETE, "/api/v1/admin/webhook-strays/{id:int}", stray_delete, WRITES, .out = &deleted_record,
     .errors = "403 404", .doc = "Forget one"},
    {DELETE, "/api/v1/admin/webhook-strays", strays_clear, WRITES, .out = &deleted_record,
     .errors = "403", .doc = "Forget all"},
    {0},
};

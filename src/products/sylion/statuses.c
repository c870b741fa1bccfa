/* SPDX-License-Identifier: Apache-2.0
 * What providers say of messages that we sent. Every status is kept; a message's own is the furthest of
 * them, in this order, whatever came first:
 *
 *   pending, sending, unknown  <  sent  <  failed  <  delivered  <  read (and played)
 *
 * so that what was delivered has not failed. A status may come before message_set has told which message
 * it is about: both write first and read then, under a lock of the external_id, so that one of them
 * sees the other. */
#include "core/json.h"
#include "products/sylion/conversation_room.h"
#include "products/sylion/conversation_sql.h"

static const char *const told_names[] = {"sent", "failed", "delivered", "read"};

static Str status_known(Str status) {
    if (str_eq(status, S("played"))) return S("read");
    for (ptrdiff_t i = 0; i < COUNT(told_names); i++)
        if (str_eq(status, str_c(told_names[i]))) return str_c(told_names[i]);
    return (Str){0};
}

int64_t status_rank(Str status) {
    for (ptrdiff_t i = 0; i < COUNT(told_names); i++)
        if (str_eq(status, str_c(told_names[i]))) return i + 1;
    return 0;
}

/* "131047: Re-engagement message. More than 24 hours …" of the provider's list of errors. */
static Str reason_of(Ctx *c, JsonText errors) {
    json_t *list;
    if (!errors.text.data || json_parse(c, errors.text, &list)) return S("The provider gave no reason.");
    const json_t *first = json_is_array(list) ? json_array_get(list, 0) : list;
    int64_t code;
    Str title = json_str(json_at(first, "title")), message = json_str(json_at(first, "message"));
    Str details = json_str(json_path(first, "error_data.details"));
    if (!details.data) details = json_str(json_at(first, "details"));
    Buf b = buf_new(c->arena, 256);
    if (json_i64(json_at(first, "code"), &code)) buf_f(&b, "%lld: ", (long long)code);
    buf_add(&b, title.data ? title : message);
    Str more = details.data ? details : message;
    if (more.data && title.data && !str_eq(more, title)) {
        buf_add(&b, S(". "));
        buf_add(&b, more);
    }
    return b.len ? text_fit(c, buf_str(&b), 500) : S("The provider gave no reason.");
}

static Err *status_apply(Ctx *c, const Scope *s, Id channel, Str external_id, Str status,
                         JsonText errors, Id *message) {
    Rows rows;
    Str reason = str_eq(status, S("failed")) ? reason_of(c, errors) : (Str){0};
    TRY(tenant_query(c, s, SQL(SQL_MESSAGE_TOLD),
                     ARGS(V(channel), V(external_id), V(status), V(status_rank(status)), V(reason),
                          V(time_now())),
                     &message_row_record, &rows));
    if (rows.count) *message = ((const Message *)rows.items)->n;
    return NULL;
}

typedef struct ToldRow {
    Str status;
    JsonText errors;
} ToldRow;
static const Field told_fields[] = {FIELD(ToldRow, status),
                                    FIELD(ToldRow, errors, .flags = F_NULLABLE)};
static const Record told_record = RECORD(ToldRow, told_fields);

Err *statuses_apply(Ctx *c, const Scope *s, Id channel, Str external_id) {
    Rows rows;
    TRY(tenant_query(c, s, SQL(SQL_STATUSES_OF), ARGS(V(channel), V(external_id)), &told_record,
                     &rows));
    const ToldRow *told = rows.items, *furthest = NULL;
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        Str status = status_known(told[i].status);
        if (status.data &&
            (!furthest || status_rank(status) > status_rank(status_known(furthest->status))))
            furthest = &told[i];
    }
    if (!furthest) return NULL;
    Id message;
    return status_apply(c, s, channel, external_id, status_known(furthest->status),
                        furthest->errors, &message);
}

/* Those who store several lock them in one order. */
static int by_external_id(const void *a, const void *b) {
    const StatusTold *const *x = a, *const *y = b;
    return str_cmp((*x)->external_id, (*y)->external_id);
}

static Err *status_store(Ctx *c, const Scope *s, Id channel, const StatusTold *told, Id *message) {
    Time now = time_now();
    Time at = time_is_null(told->at) || told->at.us > now.us ? now : told->at;
    Str name = name_fit(c, told->external_id), status = status_known(told->status);
    ptrdiff_t added;
    TRY(tenant_exec(c, s, SQL2(SQL_STATUS_ADD_SQLITE, SQL_STATUS_ADD_POSTGRES),
                    ARGS(V(channel), V(name), V(text_fit(c, told->status, 40)), V(told->errors),
                         V(at), V(now)),
                    &added));
    if (!added || !status.data) return NULL; /* applied when it first came, or no matter */
    return status_apply(c, s, channel, name, status, told->errors, message);
}

Err *statuses_store(Ctx *c, const Scope *s, const Channel *channel, const StatusTold *told,
                    ptrdiff_t count) {
    assert(c->tx && count >= 0);
    if (count == 0) return NULL;
    const StatusTold **sorted = arena_array(c->arena, const StatusTold *, count);
    Id *changed = arena_array(c->arena, Id, count);
    for (ptrdiff_t i = 0; i < count; i++) sorted[i] = &told[i];
    qsort(sorted, (size_t)count, sizeof *sorted, by_external_id);
    for (ptrdiff_t i = 0; i < count; i++)
        TRY(status_store(c, s, channel->n, sorted[i], &changed[i]));
    for (ptrdiff_t i = 0; i < count; i++) {
        bool again = i + 1 < count && id_eq(changed[i], changed[i + 1]);
        if (!id_is_none(changed[i]) && !again)
            TRY(message_tell_by_n(c, s, "message.updated", changed[i]));
    }
    return NULL;
}

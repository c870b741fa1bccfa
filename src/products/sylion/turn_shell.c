/* SPDX-License-Identifier: Apache-2.0
 * What the shell does with conversations and turns: see turn_shell.h. */
#include "products/sylion/turn_shell.h"

#include "products/sylion/system_sql.h"
#include "products/sylion/turn_room.h"
#include "products/sylion/turn_sql.h"

enum { PAGE = 200 };

/* -- the tenant -------------------------------------------------------------------------------- */

typedef struct TenantKey {
    Id n;
    Str id;
} TenantKey;
static const Field key_fields[] = {FIELD(TenantKey, n), FIELD(TenantKey, id)};
static const Record key_record = RECORD(TenantKey, key_fields);

Err *shell_scope(Ctx *c, Str tenant, Scope *out) {
    TenantKey key = {.id = tenant};
    bool found = true;
    if (!uuid_valid(tenant))
        TRY(system_maybe(c, SQL(SQL_SYSTEM_TENANT_SLUG), ARGS(V(tenant)), &key_record, &key,
                         &found));
    if (found)
        TRY(system_maybe(c, SQL(SQL_SYSTEM_TENANT_BY_ID), ARGS(V(str_lower(c->arena, key.id))),
                         &key_record, &key, &found));
    if (!found) FAIL(c, NOT_FOUND, "there is no tenant %.*s", S_ARG(tenant));
    return scope_of_tenant(c, key.n, out);
}

/* -- export ------------------------------------------------------------------------------------ */

typedef struct Export {
    const Scope *s;
    bool text;
    void (*put)(Str lines);
} Export;

static void json_line(Ctx *c, const Export *e, const char *type, const Record *record,
                      const void *value) {
    Buf b = buf_new(c->arena, 1024);
    buf_f(&b, "{\"type\":\"%s\",\"data\":", type);
    record_write(&b, record, value);
    buf_add(&b, S("}\n"));
    e->put(buf_str(&b));
}

/* Further lines of a message are indented, so that each that begins at the margin is a message. */
static void text_line(Ctx *c, const Export *e, const Message *m) {
    Buf b = buf_new(c->arena, m->content.len + 128);
    buf_time_ms(&b, m->created_at);
    buf_f(&b, "  %-9.*s  %-9.*s  ", S_ARG(m->author), S_ARG(m->status));
    if (str_is_empty(m->content)) buf_f(&b, "(%.*s)", S_ARG(m->type));
    for (ptrdiff_t i = 0; i < m->content.len; i++) {
        if (m->content.data[i] == '\n')
            buf_add(&b, S("\n    "));
        else if (m->content.data[i] != '\r')
            buf_byte(&b, m->content.data[i]);
    }
    buf_byte(&b, '\n');
    e->put(buf_str(&b));
}

static Err *message_put(Ctx *c, void *row, void *arg) {
    const Export *e = arg;
    CtxMark mark = ctx_mark(c);
    if (e->text)
        text_line(c, e, row);
    else
        json_line(c, e, "message", &message_row_record, row);
    ctx_release(c, mark);
    return NULL;
}

static Err *turns_put(Ctx *c, const Export *e, Id conversation) {
    Rows rows = {.count = PAGE};
    for (int64_t offset = 0; rows.count == PAGE; offset += PAGE) {
        CtxMark mark = ctx_mark(c);
        TRY(tenant_query(c, e->s, SQL(SQL_TURNS_OF_CONVERSATION),
                         ARGS(V(conversation), V((int64_t)PAGE), V(offset)), &turn_record, &rows));
        const Turn *t = rows.items;
        for (ptrdiff_t i = 0; i < rows.count; i++) json_line(c, e, "turn", &turn_record, &t[i]);
        ctx_release(c, mark);
    }
    return NULL;
}

static Err *conversation_put(Ctx *c, const Export *e, const Conversation *v) {
    if (e->text)
        e->put(strf(c->arena, "# %.*s  %.*s  %.*s\n", S_ARG(v->id), S_ARG(v->user_identifier),
                    S_ARG(v->status)));
    else
        json_line(c, e, "conversation", &conversation_record, v);
    TRY(tenant_each(c, e->s, SQL(SQL_TURN_EXPORT), ARGS(V(v->n)), &message_row_record, message_put,
                    (void *)(uintptr_t)e));
    return e->text ? NULL : turns_put(c, e, v->n);
}

Err *conversation_export(Ctx *c, const Scope *s, Str conversation_id, bool text,
                         void (*put)(Str lines)) {
    Export e = {s, text, put};
    Conversation v = {0};
    Rows rows = {.count = PAGE};
    if (!str_is_null(conversation_id)) {
        TRY(tenant_found(c, s, SQL(SQL_TURN_CONVERSATION_BY_ID),
                         ARGS(V(str_lower(c->arena, conversation_id))), &conversation_record,
                         "CONVERSATION_NOT_FOUND", &v));
        return conversation_put(c, &e, &v);
    }
    for (Id after = {0}; rows.count == PAGE;) {
        CtxMark mark = ctx_mark(c);
        TRY(tenant_query(c, s, SQL(SQL_TURN_CONVERSATIONS), ARGS(V(after.value), V((int64_t)PAGE)),
                         &conversation_record, &rows));
        const Conversation *each = rows.items;
        for (ptrdiff_t i = 0; i < rows.count; i++) TRY(conversation_put(c, &e, &each[i]));
        if (rows.count > 0) after = each[rows.count - 1].n;
        ctx_release(c, mark);
    }
    return NULL;
}

/* -- replay ------------------------------------------------------------------------------------ */

typedef struct Replaying {
    const Scope *s;
    Str id;
} Replaying;

static Err *replay_in(Ctx *c, void *arg) {
    const Replaying *r = arg;
    return turn_replay(c, r->s, r->id);
}

static Err *replay_one(Ctx *c, const Scope *s, const Turn *t, void (*put)(Str lines),
                       Replayed *out) {
    Replaying r = {s, t->id};
    Err *err = db_transaction(c, replay_in, &r);
    if (err && err->kind != ERR_CONFLICT) return err;
    out->replayed += !err;
    out->waiting += err != NULL;
    put(strf(c->arena, "%.*s\t%s\t%.*s\n", S_ARG(t->id), err ? "waiting" : "replayed",
             S_ARG(t->reason)));
    return NULL;
}

Err *turns_replay(Ctx *c, const Scope *s, const char *state, Time since, void (*put)(Str lines),
                  Replayed *out) {
    Rows rows = {.count = PAGE};
    *out = (Replayed){0};
    for (Id after = {0}; rows.count == PAGE;) {
        CtxMark mark = ctx_mark(c);
        TRY(tenant_query(c, s, SQL(SQL_TURNS_ENDED),
                         ARGS(V(str_c(state)), V(since), V(after.value), V((int64_t)PAGE)),
                         &turn_record, &rows));
        const Turn *t = rows.items;
        for (ptrdiff_t i = 0; i < rows.count; i++) TRY(replay_one(c, s, &t[i], put, out));
        if (rows.count > 0) after = t[rows.count - 1].n;
        ctx_release(c, mark);
    }
    return NULL;
}

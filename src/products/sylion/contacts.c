/* SPDX-License-Identifier: Apache-2.0
 * Contacts: see contacts.h. Rows are locked contact before conversation, here as in inbound.c. */
#include "products/sylion/contacts.h"

#include "products/sylion/contacts_sql.h"
#include "products/sylion/conversation.h"
#include "products/sylion/conversation_room.h"
#include "products/sylion/conversation_sql.h"

static const Field contact_fields[] = {
    FIELD(Contact, n, .flags = F_SECRET),
    FIELD(Contact, tenant_n, .flags = F_SECRET),
    FIELD(Contact, channel_n, .flags = F_SECRET),
    FIELD(Contact, id, .format = "uuid"),
    FIELD(Contact, phone, .flags = F_NULLABLE, .doc = "E.164"),
    FIELD(Contact, user_key, .flags = F_NULLABLE, .doc = "What the channel knows the person by"),
    FIELD(Contact, name, .flags = F_NULLABLE),
    FIELD(Contact, language, .flags = F_NULLABLE),
    FIELD(Contact, metadata, .flags = F_NULLABLE),
    FIELD(Contact, last_inbound_at, .flags = F_NULLABLE),
    FIELD(Contact, created_at),
    FIELD(Contact, updated_at),
};
const Record contact_record =
    RECORD(Contact, contact_fields, .camel = true, .doc = "Who writes on a channel");

Err *contact_load(Ctx *c, const Scope *s, Id contact, Contact *out) {
    return tenant_found(c, s, SQL(SQL_CONTACT_OF), ARGS(V(contact)), &contact_record,
                        "CONTACT_NOT_FOUND", out);
}

/* -- two that are one ---------------------------------------------------------------------------- */

/* Both have an open conversation: `from` ends, and what waits in it is answered in `to`. */
static Err *threads_join(Ctx *c, const Scope *s, const ThreadRow *from, const ThreadRow *to) {
    ptrdiff_t moved;
    Time now = time_now();
    TRY(tenant_exec(c, s, SQL(SQL_MESSAGES_PENDING_MOVE),
                    ARGS(V(from->conversation_n), V(to->conversation_n)), &moved));
    TRY(tenant_exec(c, s, SQL(SQL_THREAD_TOUCH_RECENCY),
                    ARGS(V(to->conversation_n), V((int64_t)moved), V((int64_t)0), value_null(),
                         V(now), value_null(), value_null(), V(recency_of(now))),
                    NULL));
    TRY(tenant_exec(c, s, SQL(SQL_THREAD_TOUCH_RECENCY),
                    ARGS(V(from->conversation_n), V(-(int64_t)moved), V((int64_t)0), value_null(),
                         V(now), value_null(), value_null(), V(recency_of(now))),
                    NULL));
    if (str_eq(from->status, S("handoff")) && str_eq(to->status, S("active")))
        TRY(conversation_set_status(c, s, to->conversation_n, "handoff",
                                    S("A person had taken over the same contact's conversation.")));
    TRY(conversation_set_status(c, s, from->conversation_n, "ended", (Str){0}));
    return conversation_wake(c, s, to->conversation_n, 0);
}

/* Everything of `from` becomes `to`'s. */
static Err *contact_merge(Ctx *c, const Scope *s, Id channel, Id from, Id to) {
    ThreadRow old = {0}, kept = {0};
    bool has_old, has_kept;
    TRY(thread_open(c, s, channel, to, &kept, &has_kept));
    TRY(thread_open(c, s, channel, from, &old, &has_old));
    if (has_old && has_kept) TRY(threads_join(c, s, &old, &kept));
    TRY(tenant_exec(c, s, SQL(SQL_CONTACT_CONVERSATIONS_MOVE), ARGS(V(from), V(to)), NULL));
    TRY(tenant_exec(c, s, SQL(SQL_CONTACT_INHERIT), ARGS(V(to), V(from), V(time_now())), NULL));
    return tenant_exec(c, s, SQL(SQL_CONTACT_REMOVE), ARGS(V(from)), NULL);
}

/* -- one ----------------------------------------------------------------------------------------- */

static Err *identify(Ctx *c, const Scope *s, Id contact, Str phone, Str user_key) {
    TRY(tenant_exec(c, s, SQL(SQL_CONTACT_IDENTIFY),
                    ARGS(V(contact), V(phone), V(user_key), V(time_now())), NULL));
    return tenant_exec(c, s, SQL(SQL_CONTACT_CALLED),
                       ARGS(V(contact), V(phone.data ? phone : user_key)), NULL);
}

static Err *contact_make(Ctx *c, const Scope *s, Id channel, const Identity *who, Id *contact,
                         bool *made) {
    Contact row = {0};
    JsonText metadata = who->metadata.text.data ? who->metadata : (JsonText){S("{}")};
    TRY(tenant_maybe(c, s, SQL(SQL_CONTACT_ADD),
                     ARGS(V(channel), V(uuid_v7(c->arena)), V(who->phone), V(who->user_key),
                          V(who->name), V(metadata), V(time_now())),
                     &contact_record, &row, made));
    *contact = row.n;
    return NULL;
}

/* `by_phone` holds the number that `who` writes from now. */
static Err *phone_hand_over(Ctx *c, const Scope *s, Id channel, const Contact *by_phone,
                            const Contact *by_key) {
    if (by_key && str_is_null(by_phone->user_key))
        return contact_merge(c, s, channel, by_phone->n, by_key->n);
    return identify(c, s, by_phone->n, (Str){0}, by_phone->user_key);
}

static Err *settle_known(Ctx *c, const Scope *s, Id channel, const Identity *who,
                         const Contact *by_key, const Contact *by_phone, Id *contact,
                         bool *moved) {
    if (by_phone && by_phone != by_key && who->user_key.data &&
        (by_key || by_phone->user_key.data)) {
        TRY(phone_hand_over(c, s, channel, by_phone, by_key));
        *moved = true;
        by_phone = NULL;
    }
    const Contact *k = by_key ? by_key : by_phone;
    if (!k) return NULL;
    Str phone = who->phone.data ? who->phone : k->phone;
    Str user_key = who->user_key.data ? who->user_key : k->user_key;
    if (!str_eq(phone, k->phone) || !str_eq(user_key, k->user_key)) {
        TRY(identify(c, s, k->n, phone, user_key));
        *moved = true;
    }
    *contact = k->n;
    return NULL;
}

/* Somebody else may make the contact between our look and our insert: then it is found. */
Err *contact_settle(Ctx *c, const Scope *s, Id channel, const Identity *who, Id *contact,
                    bool *moved) {
    enum { TRIES = 5 };
    assert(c->tx);
    assert(who->phone.data || who->user_key.data);
    *contact = (Id){0};
    *moved = false;
    for (int i = 0; i < TRIES; i++) {
        const Contact *by_key = NULL, *by_phone = NULL;
        Rows rows;
        TRY(tenant_query(c, s, SQL2(SQL_CONTACTS_FIND, SQL_CONTACTS_FIND " FOR UPDATE"),
                         ARGS(V(channel), V(who->phone), V(who->user_key)), &contact_record,
                         &rows));
        const Contact *all = rows.items;
        for (ptrdiff_t r = 0; r < rows.count; r++) {
            if (who->user_key.data && str_eq(all[r].user_key, who->user_key)) by_key = &all[r];
            if (who->phone.data && str_eq(all[r].phone, who->phone)) by_phone = &all[r];
        }
        TRY(settle_known(c, s, channel, who, by_key, by_phone, contact, moved));
        if (!id_is_none(*contact)) return NULL;
        bool made;
        TRY(contact_make(c, s, channel, who, contact, &made));
        if (made) return NULL;
    }
    FAIL(c, UNAVAILABLE, "A contact is being changed by many at once.");
}

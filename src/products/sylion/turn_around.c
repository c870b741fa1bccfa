/* SPDX-License-Identifier: Apache-2.0
 * What a turn is made in: its conversation, channel, contact and assistant. */
#include "products/sylion/bindings.h"
#include "products/sylion/channels.h"
#include "products/sylion/message_language.h"
#include "products/sylion/turn_room.h"
#include "products/sylion/turn_sql.h"

Err *turn_conversation_read(Ctx *c, Work *w) {
    TRY(tenant_one(c, &w->s, SQL(SQL_TURN_CONVERSATION), ARGS(V(w->conversation)),
                   &conversation_record, &w->v));
    TRY(tenant_one(c, &w->s, SQL(SQL_TURN_CONTACT), ARGS(V(w->v.contact_n)), &contact_record,
                   &w->contact));
    Err *err = channel_load_by_n(c, &w->s, w->v.channel_n, &w->channel);
    w->channel_there = !err;
    if (err) return err->kind == ERR_NOT_FOUND ? NULL : err;
    ChannelConfig config;
    TRY(channel_config(c, &w->channel, &config));
    w->shows_read = !config.read_receipts.set || config.read_receipts.value;
    w->shows_typing = !config.typing_indicator.set || config.typing_indicator.value;
    w->debounce_ms = channel_debounce_ms(&w->channel);
    return NULL;
}

/* -- who answers ------------------------------------------------------------------------------- */

static void assistant_take(Ctx *c, Work *w, const Assistant *a) {
    w->assistant = *a;
    w->assistant_there = true;
    w->handoff = handoff_read(c, a->handoff);
}

static Err *assistant_found(Ctx *c, Work *w, Sql sql, Args args) {
    Assistant a = {0};
    bool found;
    TRY(tenant_maybe(c, &w->s, sql, args, &assistant_record, &a, &found));
    if (found && a.is_active) assistant_take(c, w, &a);
    return NULL;
}

Err *turn_assistant_read(Ctx *c, Work *w) {
    w->assistant_there = false;
    if (id_is_none(w->t.assistant_n)) {
        TRY(turn_assistant_choose(c, w));
        if (w->assistant_there) w->t.assistant_n = w->assistant.n;
        return NULL;
    }
    return assistant_found(c, w, SQL(SQL_TURN_ASSISTANT), ARGS(V(w->t.assistant_n)));
}

/* The language that is being spoken, as far as it can be told; null: not known yet. */
static Str language_spoken(Ctx *c, const Work *w) {
    Str found = message_language(c->arena, turn_question(c, w));
    if (!str_is_null(found)) return found;
    return str_is_empty(w->contact.language) ? (Str){0} : w->contact.language;
}

Err *turn_assistant_choose(Ctx *c, Work *w) {
    Assistant bound = {0};
    bool found;
    w->assistant_there = false;
    if (!id_is_none(w->v.assistant_n))
        TRY(assistant_found(c, w, SQL(SQL_TURN_ASSISTANT), ARGS(V(w->v.assistant_n))));
    if (w->assistant_there) return NULL;
    TRY(binding_find(c, &w->s, w->v.channel_n, language_spoken(c, w), time_now(), &bound, &found));
    if (!found) return assistant_found(c, w, SQL(SQL_TURN_ASSISTANT_DEFAULT), NO_ARGS);
    assistant_take(c, w, &bound);
    return NULL;
}

/* SPDX-License-Identifier: Apache-2.0
 * Deliveries into the database. Those that wait at the same moment are one transaction
 * (db_transaction_joint), in which all messages of a channel go through inbound_store together,
 * in the order in which they came.
 *
 * What the database refuses for what it is (and not because it is away) would be refused for
 * ever: then the delivery is stored once more piece by piece, each in a savepoint, and the
 * pieces that are refused are strays. */
#include <stdlib.h>

#include "core/map.h"
#include "products/sylion/figures.h"
#include "products/sylion/webhook_room.h"

/* All that several deliveries hold for a channel. */
typedef struct Gathered {
    ChannelShare share;
    ptrdiff_t message_cap, status_cap;
} Gathered;

typedef struct Gathering {
    Gathered *items;
    ptrdiff_t count, cap;
    Map by_channel; /* key: the bytes of channel.n */
} Gathering;

static Str channel_key(const ChannelShare *share) {
    const Id *n = &share->target->channel.n;
    return str_of((const char *)&n->value, (ptrdiff_t)sizeof n->value);
}

static void *joined(Arena *arena, void *to, ptrdiff_t count, ptrdiff_t *cap, const void *from,
                    ptrdiff_t more, ptrdiff_t size) {
    if (more == 0) return to;
    if (count + more > *cap) {
        ptrdiff_t grown = 2 * (count + more);
        to = arena_grow(arena, to, *cap * size, grown * size);
        *cap = grown;
    }
    memcpy((char *)to + count * size, from, (size_t)(more * size));
    return to;
}

static void gather(Arena *arena, Gathering *g, const ChannelShare *share) {
    Gathered *at = map_get(&g->by_channel, channel_key(share));
    if (!at) {
        assert(g->count < g->cap);
        at = &g->items[g->count++];
        *at = (Gathered){.share.target = share->target};
        map_set(&g->by_channel, channel_key(&at->share), at);
    }
    ChannelShare *all = &at->share;
    all->messages = joined(arena, all->messages, all->message_count, &at->message_cap,
                           share->messages, share->message_count, (ptrdiff_t)sizeof(Inbound));
    all->message_count += share->message_count;
    all->statuses = joined(arena, all->statuses, all->status_count, &at->status_cap,
                           share->statuses, share->status_count, (ptrdiff_t)sizeof(StatusTold));
    all->status_count += share->status_count;
}

/* Always in the same order, so that two transactions do not wait for each other's channels. */
static int channel_order(const void *a, const void *b) {
    int64_t x = ((const Gathered *)a)->share.target->channel.n.value,
            y = ((const Gathered *)b)->share.target->channel.n.value;
    return x < y ? -1 : x > y;
}

static Err *share_store(Ctx *c, const ChannelShare *share) {
    const Channel *channel = &share->target->channel;
    Scope scope;
    TRY(scope_of_tenant(c, channel->tenant_n, &scope));
    if (share->message_count > 0) {
        Stored *stored = arena_array(c->arena, Stored, share->message_count);
        TRY(inbound_store(c, &scope, channel, share->messages, share->message_count, stored));
        int64_t again = 0;
        for (ptrdiff_t i = 0; i < share->message_count; i++) again += stored[i].known;
        inbound_counted(c, share->message_count - again, again);
    }
    if (share->status_count == 0) return NULL;
    return statuses_store(c, &scope, channel, share->statuses, share->status_count);
}

static Err *strays_store(Ctx *c, const Delivery *d) {
    for (ptrdiff_t i = 0; i < d->stray_count; i++) TRY(stray_add(c, d->source, &d->strays[i]));
    return NULL;
}

static Err *deliveries_store(Ctx *c, Joint *joints, ptrdiff_t count) {
    Gathering g = {.by_channel = {.arena = c->arena}};
    for (ptrdiff_t i = 0; i < count; i++) g.cap += ((Delivery *)joints[i].arg)->share_count;
    g.items = arena_array(c->arena, Gathered, g.cap + 1);
    for (ptrdiff_t i = 0; i < count; i++) {
        const Delivery *d = joints[i].arg;
        for (ptrdiff_t k = 0; k < d->share_count; k++) gather(c->arena, &g, &d->shares[k]);
    }
    if (g.count > 1) qsort(g.items, (size_t)g.count, sizeof *g.items, channel_order);
    for (ptrdiff_t i = 0; i < g.count; i++) TRY(share_store(c, &g.items[i].share));
    for (ptrdiff_t i = 0; i < count; i++) TRY(strays_store(c, joints[i].arg));
    return NULL;
}

/* -- piece by piece ---------------------------------------------------------------------------- */

static bool is_refusal(const Err *err) {
    switch (err->kind) {
    case ERR_BAD_REQUEST:
    case ERR_CONFLICT:
    case ERR_FORBIDDEN:
    case ERR_INVALID:
    case ERR_NOT_FOUND:
    case ERR_TOO_LARGE: return true;
    default: return false;
    }
}

static Err *piece_run(Ctx *c, void *arg) { return share_store(c, arg); }

static Err *piece_store(Ctx *c, const Delivery *d, ChannelShare piece, Str number, JsonText raw) {
    Err *err = db_transaction(c, piece_run, &piece);
    if (!err || !is_refusal(err)) return err;
    StrayIn stray = {.number = number, .reason = S("refused"), .detail = err->detail, .payload = raw};
    return stray_add(c, d->source, &stray);
}

static Err *pieces_run(Ctx *c, void *arg) {
    const Delivery *d = arg;
    for (ptrdiff_t i = 0; i < d->share_count; i++) {
        const ChannelShare *share = &d->shares[i];
        const Channel *channel = &share->target->channel;
        Str number = channel->whatsapp_phone_number.len ? channel->whatsapp_phone_number
                                                        : channel->phone_number_id;
        if (number.len == 0) number = channel->id;
        for (ptrdiff_t k = 0; k < share->message_count; k++)
            TRY(piece_store(c, d,
                            (ChannelShare){.target = share->target,
                                           .messages = &share->messages[k],
                                           .message_count = 1},
                            number, share->messages[k].raw));
        for (ptrdiff_t k = 0; k < share->status_count; k++)
            TRY(piece_store(c, d,
                            (ChannelShare){.target = share->target,
                                           .statuses = &share->statuses[k],
                                           .status_count = 1},
                            number, share->statuses[k].errors));
    }
    return strays_store(c, d);
}

Err *delivery_store(Ctx *c, Delivery *d) {
    if (d->share_count + d->stray_count == 0) return NULL;
    Err *err = db_transaction_joint(c, deliveries_store, d);
    return err && is_refusal(err) ? db_transaction(c, pieces_run, d) : err;
}

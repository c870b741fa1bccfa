/* SPDX-License-Identifier: Apache-2.0
 * The channels of the contract. `system` and a user's own are the base's: here they only get their
 * recall. `user` itself is how a client names its own (api/events_routes.c). */
#include "products/robian/channels.h"

#include "products/robian/alerts.h"

enum { RECALL = 10 };

static Err *anybody(Ctx *c, Str rest, bool *yes) {
    (void)c;
    (void)rest;
    *yes = true;
    return NULL;
}

/* Of any debate, also one that is still to come: whether there is such a one is not asked. */
static Err *debate_may_read(Ctx *c, Str rest, bool *yes) {
    (void)c;
    *yes = uuid_valid(rest);
    return NULL;
}

static Err *user_may_read(Ctx *c, Str rest, bool *yes) {
    int64_t user;
    bool number = str_to_i64(rest, &user) && user > 0;
    *yes = number && (user == c->account.user.value || c->account.role == ROLE_ADMIN);
    return NULL;
}

const ChannelRule robian_channels[ROBIAN_CHANNEL_COUNT] = {
    {.prefix = "debates",
     .may_read = anybody,
     .recall = RECALL,
     .listed = true,
     .doc = "Debates made, changed, begun, ended"},
    {.prefix = "extractions",
     .may_read = anybody,
     .recall = RECALL,
     .listed = true,
     .doc = "Audio on its way"},
    {.prefix = "debate:",
     .may_read = debate_may_read,
     .recall = RECALL,
     .doc = "All of one debate, by its id"},
    {.prefix = "system", .may_read = anybody, .recall = RECALL, .doc = "What concerns everybody"},
    {.prefix = "user:",
     .may_read = user_may_read,
     .recall = RECALL,
     .doc = "What concerns one user"},
    {.prefix = ALERT_CHANNEL, .may_read = alert_may_read, .recall = RECALL,
     .doc = "Matches of a device's alert, for whoever has its token"},
};

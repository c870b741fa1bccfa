/* SPDX-License-Identifier: Apache-2.0
 * Events: `{type, channel, data, timestamp, message_id}` rows written in the transaction of what they
 * tell, then delivered to WebSocket and SSE subscribers on every loop and node. message_id is a
 * sequence in commit order: a client that names the last one it saw gets what followed, without loss or
 * double. Kept 24 h. A slow consumer is dropped with a reason. */
#ifndef SOCLE_WORK_EVENTS_H
#define SOCLE_WORK_EVENTS_H

#include "core/record.h"

/* Channels are texts: "system", "user:7", "project:12", "jobs". Who may read which is decided by
 * the module that owns the prefix. */
MUST_USE Err *event_emit(Ctx *c, Str channel, Str type, Str data_json);

/* May c->account read this channel? Modules' rules, asked in order. */
typedef struct ChannelRule {
    const char *prefix; /* "project:" */
    Err *(*may_read)(Ctx *c, Str rest, bool *yes);
} ChannelRule;
void event_rules_set(const ChannelRule *rules, ptrdiff_t count);
MUST_USE Err *event_may_read(Ctx *c, Str channel, bool *yes);

MUST_USE Err *events_start(Ctx *c);
void events_stop(Ctx *c);

/* A subscriber of this loop: a bounded queue of shared messages. */
typedef struct Subscriber Subscriber;
typedef struct EventMessage {
    int64_t id;
    Str channel, type;
    Str json;     /* the whole event */
    Str ws_frame; /* the same, framed once for WebSocket */
} EventMessage;
/* on_ready runs on this loop when something has arrived (wake the owner). */
Subscriber *subscriber_new(Ctx *c, ptrdiff_t max_queued, void (*on_ready)(void *arg), void *arg);
void subscriber_free(Subscriber *s);
MUST_USE Err *subscriber_add(Ctx *c, Subscriber *s, Str channel, int64_t since_id); /* since_id < 0: from now */
void subscriber_remove(Subscriber *s, Str channel);
/* Next message or NULL; valid until subscriber_done(message). *dropped: overflowed, close with a reason. */
EventMessage *subscriber_take(Subscriber *s, bool *dropped);
void subscriber_done(EventMessage *m);

#endif

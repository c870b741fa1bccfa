/* SPDX-License-Identifier: Apache-2.0
 * Events: `{type, channel, data, timestamp, message_id}` rows written in the transaction of what
 * they tell, then delivered to WebSocket and SSE subscribers on every loop and node. message_id is
 * a sequence in commit order: a client that names the last one it saw gets what followed, without
 * loss or double. Kept for a time (24 h); who asks for older ones gets a `reset` event. A slow
 * consumer is dropped with a reason.
 *
 *   event_emit ─▶ table events ─▶ tail (one coroutine a process) ─▶ hub of each loop ─▶ subscribers
 *                    │                ▲ "something is new": after our commit, by NOTIFY or Redis
 *                    └── replay ──────┼──────────────────────────────────────────────▶ a subscriber
 *
 * The table is the truth. A lost wake-up only costs time (one second at most). */
#ifndef SOCLE_WORK_EVENTS_H
#define SOCLE_WORK_EVENTS_H

#include "core/record.h"
#include "rt/loop.h"

enum { EVENT_DATA_MAX = 32 * 1024, EVENT_CHANNEL_MAX = 200, EVENT_TYPE_MAX = 100 };

/* Channels are texts: "system", "user:7", "project:12", "jobs". Who may read which is decided by
 * the module that owns the prefix. data: JSON, null for `null`. It is written as the last that the
 * transaction does, whenever this is called: on PostgreSQL those who emit wait for each other until
 * they commit. *id (may be NULL) is the message_id; who asks for it emits at once, and last.
 * INVALID for empty or overlong texts. */
MUST_USE Err *event_emit(Ctx *c, Str channel, Str type, Str data_json);
MUST_USE Err *event_emit_id(Ctx *c, Str channel, Str type, Str data_json, Id *id);

/* May c->account read this channel? The modules' rules, asked in order; then the base's: `system`
 * everybody, `user:<id>` that user, `org:<id>` who acts in that organisation, anything an admin. A
 * prefix that ends in a colon wants a rest, another one is the whole name. */
typedef struct ChannelRule {
    const char *prefix; /* "project:" */
    Err *(*may_read)(Ctx *c, Str rest, bool *yes);
    int64_t recall; /* latest messages given again to whoever subscribes without `since` */
    bool listed;    /* named to those who connect */
    const char *doc;
} ChannelRule;
/* Those of all modules, once, at start. */
void event_rules_set(const ChannelRule *const *tables, const ptrdiff_t *counts, ptrdiff_t n);
MUST_USE Err *event_may_read(Ctx *c, Str channel, bool *yes);
int64_t event_recall(Str channel);
/* The names of the listed channels, as a JSON list. */
Str event_channels_json(Arena *arena);

/* keep_ms 0: 24 h. */
void events_tune(int64_t keep_ms);
MUST_USE Err *events_start(Ctx *c);
/* End all subscribers (they are told why) and the tail. */
void events_stop(Ctx *c);

typedef struct EventStats {
    int64_t subscribers, delivered, dropped; /* delivered: into queues, since the start */
    int64_t emitted;                         /* by this process, committed */
} EventStats;
EventStats event_stats(void);

/* A subscriber of this loop: a bounded queue of shared messages. */
typedef struct Subscriber Subscriber;
typedef struct EventMessage {
    int64_t id; /* 0: not an event of the table (reset) */
    Str channel, type;
    Str json;     /* the whole event */
    Str ws_frame; /* the same, framed once for WebSocket */
    struct EventBytes *bytes;
    int64_t refs; /* of this loop */
} EventMessage;
/* on_ready runs on this loop when something has arrived or the subscriber has ended, once a turn of
 * the loop: it may wake the owner, or take what is there (subscriber_take). max_queued 0: 1000 messages; the bytes are limited to 4 MiB. */
Subscriber *subscriber_new(ptrdiff_t max_queued, void (*on_ready)(void *arg), void *arg);
void subscriber_free(Subscriber *s);
/* Begin with channels (those it already has are left as they are). since_id < 0: from now on; else
 * all of them are first replayed from the table together, in order. May not wait. */
void subscriber_add(Subscriber *s, const Str *channels, ptrdiff_t count, int64_t since_id);
void subscriber_remove(Subscriber *s, Str channel);
/* Replay all its channels from there, together. */
void subscriber_restart(Subscriber *s, int64_t since_id);
bool subscriber_has(const Subscriber *s, Str channel);
ptrdiff_t subscriber_channels(const Subscriber *s);
StrList subscriber_list(Arena *arena, const Subscriber *s); /* their names, copied */
/* The `since` after which the latest n messages of the channel follow. */
MUST_USE Err *event_since_latest(Ctx *c, Str channel, int64_t n, int64_t *since_id);
/* The next message, or NULL when there is none for now: then wait for on_ready. Waits on the
 * database while there is something to replay. Give every message back with subscriber_done. */
MUST_USE Err *subscriber_next(Ctx *c, Subscriber *s, EventMessage **out);
/* The next message without waiting, also from on_ready; NULL when there is none, or when it would
 * come from the table. */
EventMessage *subscriber_take(Subscriber *s);
void subscriber_done(EventMessage *m);
/* Null while it lives; else why it gets nothing more: "slow_consumer", "going_away". */
Str subscriber_ended(const Subscriber *s);

/* One event as JSON, as clients get it. message_id 0: null. */
void event_json(Buf *b, Str type, Str channel, Str data_json, Time at, int64_t message_id);

#endif

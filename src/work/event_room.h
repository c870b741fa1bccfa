/* SPDX-License-Identifier: Apache-2.0
 * What events.c (the table, the tail) and hub.c (subscribers) share. */
#ifndef SOCLE_WORK_EVENT_ROOM_H
#define SOCLE_WORK_EVENT_ROOM_H

#include <stdatomic.h>

#include "work/events.h"
#include "work/room.h"

/* A row of the table. */
typedef struct Event {
    Id id;
    Str channel, type;
    JsonText data;
    Time created_at;
} Event;
extern const Record event_record;

/* The bytes of one message, shared by all loops; on the heap. */
typedef struct EventBytes {
    atomic_int refs;
    int64_t id;
    Str channel, type, json, frame;
    char text[];
} EventBytes;

EventBytes *event_bytes_new(Arena *scratch, const Event *event); /* refs 1 */
void event_bytes_done(EventBytes *bytes);

/* What the tail hands to every loop; each loop takes one reference of the batch. */
typedef struct EventBatch {
    atomic_int refs; /* loops that still have it */
    ptrdiff_t count;
    EventBytes *items[];
} EventBatch;

void hub_init(void);
void hub_deliver(EventBatch *batch); /* on each loop; calls batch_done */
void hub_close_all(void);            /* on each loop: no subscriber goes on */
EventStats hub_stats(void);

/* events.c */
void batch_done(EventBatch *batch);
/* Rows of these channels after `since`, at most `limit`; *purged: rows up to there are gone;
 * *last: the latest id given out. Read in this order: rows, then the two. */
MUST_USE Err *events_read(Ctx *c, const Str *channels, ptrdiff_t count, int64_t since,
                          int64_t limit, Rows *rows, int64_t *purged, int64_t *last);

#endif

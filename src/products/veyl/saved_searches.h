/* SPDX-License-Identifier: Apache-2.0
 * Saved searches of projects, and the signals that new posts make of them. */
#ifndef SOCLE_VEYL_SAVED_SEARCHES_H
#define SOCLE_VEYL_SAVED_SEARCHES_H

#include "products/veyl/project.h"
#include "work/events.h"

typedef struct SavedSearch {
    Id id, project_id;
    Str name, q, filter;
    bool enabled;
    int64_t since, signals_count;
    Time last_signal_at, created_at, updated_at;
} SavedSearch;
extern const Record saved_search_record; /* for clients */
extern const Record saved_row_record;    /* with `since` */

typedef struct Signal {
    Id id, project_id, saved_search_id;
    Str kind, title, post_id;
    JsonText payload;
    Time created_at;
} Signal;
extern const Record signal_record;

/* project:ID is for whoever may see the project. */
extern const ChannelRule veyl_channels[];
enum { VEYL_CHANNEL_COUNT = 1 };

/* Follow posts from now on, in a coroutine of the process: each new post that a saved search finds is
 * stored as a signal and told on the project's channel, once, whatever crashes and however many
 * processes do the same. */
void signals_start(Ctx *c);
void signals_stop(Ctx *c);
/* Signals older than 90 days go. */
MUST_USE Err *signals_purge(Ctx *c);

#endif

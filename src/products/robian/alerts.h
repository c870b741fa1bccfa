/* SPDX-License-Identifier: Apache-2.0
 * Alerts: searches that listeners save, asked of every new transcript. An alert that finds one
 * makes a match, once for each debate, and the match is told as the alert says: by an event, a
 * webhook or a feed.
 *
 *   transcript ─▶ follower (alert_matches.c) ─▶ alert_matches ─▶ event on the owner's channel
 *                                                             ├─▶ job that posts to the webhook
 *                                                             └─▶ /feeds/alert/<token>.xml */
#ifndef SOCLE_ROBIAN_ALERTS_H
#define SOCLE_ROBIAN_ALERTS_H

#include "products/robian/feed_xml.h"
#include "work/jobs.h"

typedef struct Alert {
    int64_t n;
    Str id, owner, user_id, q;
    JsonText filters;
    Str deliver, webhook_url, webhook_secret, token;
    bool enabled;
    int64_t since, match_count;
    Time last_match_at, created_at, updated_at;
} Alert;
extern const Record alert_row_record;

/* {type, commission, speaker, has_audio} to narrow a search down by. */
MUST_USE Err *alert_narrow(Ctx *c, JsonText filters, DebateNarrow *out);
/* The same as an expression of the index, for speeches. */
MUST_USE Err *alert_filter(Ctx *c, JsonText filters, Str *out);

/* What is told of a match, and kept with it. */
typedef struct AlertNews {
    Str alert_id, q, debate_id, title, type;
    Time date;
    Str commission;
    bool has_audio;
    Passage passage; /* the best one */
} AlertNews;
extern const Record alert_news_record;

/* What the alert had found in this debate, into item->passages. */
MUST_USE Err *alert_passage(Ctx *c, JsonText payload, FeedItem *item);

/* Where the events of deliver websocket are: on the user's own channel; of a device, which has none,
 * on one of the alert's: whoever knows its token may read. */
#define ALERT_CHANNEL "alert:"
Str alert_channel(Ctx *c, const Alert *a);
MUST_USE Err *alert_may_read(Ctx *c, Str token, bool *yes);

/* Follow transcripts from now on, in a coroutine of the process. */
void alerts_start(Ctx *c);
void alerts_stop(Ctx *c);

/* A job: post a match to its webhook. */
#define ALERT_WEBHOOK_JOB "robian.alert_webhook"
MUST_USE Err *alert_webhook_run(Ctx *c, Job *job);

#endif

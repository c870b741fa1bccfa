/* SPDX-License-Identifier: Apache-2.0
 * Alerts: searches that listeners save, asked of every new transcript. An alert that finds one makes a
 * match, once for each debate, and the match is told as the alert says: by an event, a webhook or a
 * feed.
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

/* {type, commission, speaker, has_audio} as an expression of the index; INVALID with the field. */
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

/* Follow transcripts from now on, in a coroutine of the process. */
void alerts_start(Ctx *c);
void alerts_stop(Ctx *c);

/* Jobs: post a match to its webhook; matches and tombstones that are old go. */
#define ALERT_WEBHOOK_JOB "robian.alert_webhook"
enum { ALERT_WEBHOOK_TRIES = 8 };
MUST_USE Err *alert_webhook_run(Ctx *c, Job *job);
MUST_USE Err *alerts_purge_run(Ctx *c, Job *job);

#endif
